"""``save`` and ``load``: any nesting of plain data, tensors and arrays in one safetensors file.

The format is the ``safetensors`` library's: every program that knows it can read the tensors. The file's metadata hold the
structure around them as JSON, and a checksum of both. Nothing in a file is ever executed: it is only parsed.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from .backend.registry import BY_TYPE, backend_for_device
from .devices import device
from .dtypes import as_dtype, dtype
from .errors import DeviceError, FileFormatError
from .files import write_whole
from .storage import device_of, real_array, wrap
from .tensor import Tensor

__all__ = ["load", "save"]

STRUCTURE, CHECKSUM = "autograd_core", "checksum"
VERSION = 1
MAX_HEADER = 100_000_000  # what the library reads
MAX_DEPTH = 200

_DTYPES = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16", "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64",
           "F16": "float16", "F32": "float32", "F64": "float64", "BF16": "uint16", "C64": "complex64"}
_FROM_TEXT: dict[str, Callable[[str], Any]] = {"float": float, "complex": complex, "dtype": as_dtype, "device": device}
_PAIRS = {"complex64": "float32", "complex128": "float64"}  # stored as pairs of real numbers, which every release of the library writes

_PICKLED = (". Pickled data can run any code, so it is never opened here. Convert it where PyTorch is installed: "
            "safetensors.torch.save_file(torch.load(old, weights_only=True), new), then load the new file")
_FOREIGN = {b"PK\x03\x04": "a zip archive, as torch.save and numpy.savez write them" + _PICKLED,
            b"\x80": "a Python pickle, as torch.save writes them in its old format" + _PICKLED,
            b"\x93NUMPY": "a NumPy .npy file: read it with numpy.load and from_numpy",
            b"\x89HDF": "an HDF5 file",
            b"\x1f\x8b": "a gzip file: unpack it first"}


class _Encoder:
    """Turns an object into JSON-ready lists and collects the arrays in it, each once, as contiguous little-endian copies or views."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._numbers: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no identity or address is used again
        self._inside: set[int] = set()

    def encode(self, value: Any, path: tuple[Any, ...]) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, Tensor):
            return self._tensor(value, path)
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            return ["array" if hasattr(value, "__setitem__") else "scalar", *self._store(value, path)]
        if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, (float, complex)):
            return ["float", repr(float(value))] if isinstance(value, float) else ["complex", repr(complex(value))]
        if isinstance(value, (dtype, device)):
            return ["dtype", value.name] if isinstance(value, dtype) else ["device", str(value)]
        if isinstance(value, (dict, list, tuple)):
            return self._container(value, path)
        raise _unsupported(value, path)

    def _container(self, value: Any, path: tuple[Any, ...]) -> list[Any]:
        if id(value) in self._inside:
            raise ValueError(f"save: {_where(path)} contains itself")
        if len(path) >= MAX_DEPTH:
            raise ValueError(f"save: the object is nested deeper than {MAX_DEPTH} levels, at {_where(path[:3])}...")
        self._inside.add(id(value))
        if isinstance(value, dict):
            if any(isinstance(key, Tensor) or getattr(key, "ndim", None) for key in value):
                raise TypeError(f"save: {_where(path)} has a tensor as a key, which a file cannot hold. Use its name or number")
            pairs = ([self.encode(key, path), self.encode(each, (*path, key))] for key, each in value.items())
            result = ["ordered" if isinstance(value, OrderedDict) else "dict", *pairs]
        else:
            result = ["tuple" if isinstance(value, tuple) else "list", *(self.encode(each, (*path, i)) for i, each in enumerate(value))]
        self._inside.discard(id(value))
        return result

    def _tensor(self, value: Tensor, path: tuple[Any, ...]) -> list[Any]:
        if id(value) in self._numbers:
            return ["same", self._numbers[id(value)]]
        self._numbers[id(value)] = len(self._numbers)
        self._alive.append(value)
        array = real_array(value)
        name, facts = self._store(array, path)
        if value.requires_grad:
            facts["requires_grad"] = True
        if device_of(array) != "cpu":
            facts["device"] = str(device_of(array))
        return ["tensor", name, facts]

    def _store(self, array: Any, path: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
        try:
            host = BY_TYPE[array.__class__].to_numpy(array)
        except TypeError:
            raise _unsupported(array, path) from None
        kind = host.dtype.name
        facts = {"complex": kind} if kind in _PAIRS else {}
        if kind == "bfloat16":
            host, facts = host.view(np.uint16), {"bits": kind}  # which every release of NumPy writes
        if not facts and kind not in _DTYPES.values():
            raise TypeError(f"save: {_where(path)} is an array of {host.dtype}, which a file cannot hold. Convert it with .astype() first")
        memory: tuple[Any, ...] = (host.ctypes.data, host.shape, host.strides, host.dtype.str) if host is array else ("device", id(array))
        if memory in self._names:
            return self._names[memory], facts
        name = stem = ".".join(str(part) for part in path).encode(errors="replace").decode() or "value"
        number = 1
        while name in self.arrays or name == "__metadata__":
            number += 1
            name = f"{stem}#{number}"
        real = np.stack([host.real, host.imag], axis=-1) if kind in _PAIRS else host
        self.arrays[name] = np.asarray(real, dtype=real.dtype.newbyteorder("<"), order="C")
        self._alive.append(array)
        if host.size and hasattr(array, "__setitem__"):  # empty arrays and scalars share nothing that could be written
            self._names[memory] = name
        return name, facts


def _where(path: tuple[Any, ...]) -> str:
    return "the object" + "".join(f"[{part!r}]" for part in path)


def _unsupported(value: Any, path: tuple[Any, ...]) -> TypeError:
    return TypeError(f"save: {_where(path)} is a {type(value).__module__}.{type(value).__qualname__}, which a file cannot hold. It holds dict, list, tuple, "
                     "str, int, float, complex, bool, None, tensors and arrays. Save the state instead, for example .state_dict()")


def _checksum(structure: str, arrays: dict[str, Any]) -> str:
    """Of everything that a file says; the format itself would load flipped bits silently."""
    digest = hashlib.sha256(structure.encode())
    for name, array in sorted(arrays.items()):
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        digest.update(array.reshape(-1).view(np.uint8))
    return "sha256:" + digest.hexdigest()


def save(obj: Any, path: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write an object to a file that :func:`load` reads back.

    Parameters
    ----------
    obj : any nesting of dict (order and keys that are no strings are kept), list, tuple, str, int, float, complex, bool,
        ``None``, dtypes, devices, tensors of any kind and NumPy arrays. Subclasses come back as what they extend: a
        ``Parameter`` as a Tensor that requires grad. A tensor that occurs several times is stored once.
    path : where to; any suffix, always in the safetensors format. Or a file open for writing bytes.

    The file is written beside its place, flushed to the disk and then renamed, so after a failure of any kind the old file
    is still there, whole. Raises ``TypeError`` that says where in ``obj`` something stands that a file cannot hold.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import autograd_core as ag
    >>> from autograd_core.serialization import load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"weights": ag.tensor([1.0, 2.0]), "epoch": 3}, Path(folder) / "state.safetensors")
    ...     state = load(Path(folder) / "state.safetensors")
    >>> state["weights"].tolist(), state["epoch"]
    ([1.0, 2.0], 3)
    """
    import safetensors.numpy

    encoder = _Encoder()
    structure = json.dumps({"version": VERSION, "tree": encoder.encode(obj, ())}, separators=(",", ":"))
    arrays = encoder.arrays
    header = len(json.dumps([structure, [[name, array.shape] for name, array in arrays.items()]])) + 100 * len(arrays)
    if header > MAX_HEADER:  # early releases would write what none can read
        raise ValueError(f"save: the structure takes {header} bytes, a file can hold {MAX_HEADER}. Put long lists of numbers into tensors")
    data = safetensors.numpy.save(arrays, {STRUCTURE: structure, CHECKSUM: _checksum(structure, arrays)})
    if isinstance(path, (str, os.PathLike)):
        write_whole(path, data)
    else:
        path.write(data)


def load(path: str | os.PathLike[str] | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what :func:`save` wrote, or any other safetensors file, as a dict of its tensors.

    Parameters
    ----------
    path : a path, or a file open for reading bytes.
    map_location : the device for all tensors, such as ``"cpu"``. Default: each where it was; a foreign file's on ``cpu``.
    weights_only : PyTorch's switch against pickles. Nothing is ever unpickled here, whatever it says.

    Foreign bfloat16 tensors become float32, exactly; unsigned integers of 16 bits and more the next wider signed ones.
    Raises ``FileFormatError`` (a ``ValueError``) for a file that is truncated, damaged, or of another format, without
    executing anything in it, ``DeviceError`` for tensors on a device that this machine lacks, and ``OSError`` if the file
    cannot be opened.
    """
    target = None if map_location is None else device(map_location)
    try:
        with io.BytesIO(path.read()) if hasattr(path, "read") else open(path, "rb") as file:
            arrays, metadata = _read(file)
        if STRUCTURE in metadata or CHECKSUM in metadata:
            return _rebuild(arrays, metadata, target)
        return {name: wrap(_placed(array, target)) for name, array in arrays.items()}
    except FileFormatError as error:
        name = getattr(path, "name", "the file") if hasattr(path, "read") else os.fspath(path)
        raise FileFormatError(f"{name}: {error}") from None


def _read(file: IO[bytes]) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays in the header's order, and the metadata."""
    import safetensors

    begin, size = file.read(8), file.seek(0, os.SEEK_END)
    length = int.from_bytes(begin, "little")
    if size < 8 or length > size - 8:  # before anything else is read or allocated
        for magic, what in _FOREIGN.items():
            if begin.startswith(magic):
                raise FileFormatError(f"this is not a safetensors file but {what}")
        raise FileFormatError(f"this is no safetensors file, or it is truncated or empty: it announces a header of {length} bytes and has {size} in all")
    file.seek(0)
    data = file.read()
    try:
        entries = dict(safetensors.deserialize(data))  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise FileFormatError(f"this is no safetensors file, or it is damaged, truncated or has a tail that belongs to no tensor ({reason})") from None
    header = json.loads(data[8 : 8 + length])  # found sound by the library, which gives metadata of paths only, and no order
    metadata = header.pop("__metadata__", None) or {}
    return {name: _array(name, entries[name]) for name in header}, metadata


def _array(name: str, entry: dict[str, Any]) -> Any:
    code, shape = entry["dtype"], entry["shape"]
    if code not in _DTYPES:
        raise FileFormatError(f"the tensor {name!r:.80} has the dtype {code}, which tensors here cannot hold. They hold {', '.join(_DTYPES)}")
    kind = np.dtype(_DTYPES[code])
    flat = np.frombuffer(entry["data"], kind.newbyteorder("<")).astype(kind, copy=False)
    if code == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    elif code == "BOOL" and flat.view(np.uint8).max(initial=0) > 1:
        raise FileFormatError(f"the boolean tensor {name!r:.80} contains bytes that are neither 0 nor 1")
    try:
        return flat.reshape(shape)
    except ValueError as error:
        raise FileFormatError(f"the tensor {name!r:.80} has the impossible shape {shape!r:.80} ({error})") from None


def _rebuild(arrays: dict[str, Any], metadata: dict[str, str], target: device | None) -> Any:
    if STRUCTURE not in metadata or CHECKSUM not in metadata:
        raise FileFormatError("its metadata are damaged: structure and checksum belong together")
    try:
        described = json.loads(metadata[STRUCTURE])
        if described["version"] != VERSION:
            raise FileFormatError(f"it has the format version {described['version']!r:.20}, this library reads {VERSION}. A newer release may read it")
        if metadata[CHECKSUM] != _checksum(metadata[STRUCTURE], arrays):
            raise FileFormatError("its checksum does not fit: the file was changed or damaged after it was written")
        return _Decoder(arrays, target).decode(described["tree"])
    except (DeviceError, FileFormatError):
        raise
    except Exception as error:  # a checksum shows damage, not intent
        raise FileFormatError(f"the structure in its metadata is not one that save() writes ({type(error).__name__}: {error!s:.80})") from None


def _placed(array: Any, target: device | None) -> Any:
    if target is None or target == "cpu":
        return array if array.shape else array[()]
    try:
        return backend_for_device(target.type).asarray(array, index=target.index)
    except DeviceError as error:
        raise DeviceError(f"load: the file has tensors for {target}: {error}. Or load them elsewhere: load(path, map_location='cpu')") from error


class _Decoder:
    """Builds the object again from what ``_Encoder`` made of it."""

    def __init__(self, arrays: dict[str, Any], target: device | None) -> None:
        self.arrays = arrays
        self.target = target
        self.placed: dict[tuple[str, str], Any] = {}
        self.tensors: list[Tensor] = []

    def decode(self, node: Any) -> Any:
        match node:
            case None | bool() | int() | float() | str():
                return node
            case ["list" | "tuple" as tag, *items]:
                found = [self.decode(each) for each in items]
                return found if tag == "list" else tuple(found)
            case ["dict" | "ordered" as tag, *pairs]:
                result: dict[Any, Any] = {} if tag == "dict" else OrderedDict()
                for key, value in pairs:
                    result[self.decode(key)] = self.decode(value)
                if len(result) == len(pairs):
                    return result
            case ["float" | "complex" | "dtype" | "device" as tag, text]:
                return _FROM_TEXT[tag](text)
            case ["same", number]:
                return self.tensors[number]
            case ["tensor", name, facts]:
                return self._tensor(name, facts)
            case ["array" | "scalar" as tag, name, facts]:
                return self._array(name, facts)[... if tag == "array" else ()]
        raise ValueError(f"it contains {node!r:.60}")

    def _array(self, name: str, facts: dict[str, Any]) -> Any:
        array = self.arrays[name]
        if facts.get("bits") == "bfloat16":
            return array.view(as_dtype("bfloat16").dtype)
        if "complex" not in facts:
            return array
        if _PAIRS[facts["complex"]] != array.dtype.name or array.shape[-1:] != (2,):
            raise ValueError(f"it takes {name!r:.80} for complex numbers, which it does not hold")
        return array.view(facts["complex"]).reshape(array.shape[:-1])

    def _tensor(self, name: str, facts: dict[str, Any]) -> Tensor:
        where = self.target if self.target is not None else device(facts["device"]) if "device" in facts else None
        key = (name, str(where))
        if key not in self.placed:
            array = self._array(name, facts)
            as_dtype(array.dtype)
            self.placed[key] = _placed(array, where)
        tensor: Tensor = wrap(self.placed[key])
        if facts.get("requires_grad"):
            tensor.requires_grad_()
        self.tensors.append(tensor)
        return tensor
