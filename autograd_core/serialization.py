"""``save`` and ``load``: any nesting of plain data, tensors and arrays in one safetensors file.

The tensors are ordinary safetensors entries, readable by every program that knows the format. Its metadata holds the
structure around them as JSON, and a checksum of everything. Nothing in a file is ever executed: it is only parsed.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import secrets
import shutil
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from .backend.registry import BY_TYPE, backend_for_device
from .devices import device
from .dispatch import device_of, real_array, wrap
from .dtypes import as_dtype, dtype
from .errors import DeviceError, FileFormatError
from .tensor import Tensor

__all__ = ["load", "save"]

STRUCTURE, CHECKSUM = "autograd_core", "checksum"
VERSION = 1
MAX_HEADER = 100_000_000
MAX_DEPTH = 200

_TO_FILE = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "int32": "I32", "uint32": "U32", "int64": "I64", "uint64": "U64",
            "float16": "F16", "float32": "F32", "float64": "F64"}
_FROM_FILE = {code: name for name, code in _TO_FILE.items()} | {"BF16": "uint16", "C64": "complex64"}
_AS_TENSOR = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}  # what tensors hold instead; safe but for huge uint64
_PAIRS = {"complex64": "float32", "complex128": "float64"}

_FOREIGN = (
    (b"PK\x03\x04", "a zip archive, as torch.save and numpy.savez write them"),
    (b"\x80", "a Python pickle, as torch.save writes them in its old format"),
    (b"\x93NUMPY", "a NumPy .npy file: read it with numpy.load and from_numpy"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1f\x8b", "a gzip file: unpack it first"),
)
_CONVERT = (". Pickled data can run any code, so it is never opened here. Convert it where PyTorch is installed: "
            "safetensors.torch.save_file(torch.load(old, weights_only=True), new), then load the new file")


# --- saving -------------------------------------------------------------------------------------------------------


class _Encoder:
    """Turns an object into JSON-ready lists and collects the arrays in it, each once."""

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self._stored: dict[tuple[Any, ...] | None, str] = {}
        self._objects: dict[int, int] = {}
        self._alive: list[Any] = []
        self._inside: set[int] = set()

    def encode(self, value: Any, path: tuple[Any, ...]) -> Any:
        if value is None or isinstance(value, (bool, str)):
            return value if value is None or isinstance(value, bool) else str(value)
        if hasattr(value, "dtype") and hasattr(value, "shape"):
            return self._tensor(value, path) if isinstance(value, Tensor) else self._array(value, path)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else ["float", repr(float(value))]
        if isinstance(value, complex):
            return ["complex", repr(value.real), repr(value.imag)]
        if isinstance(value, dtype):
            return ["dtype", value.name]
        if isinstance(value, device):
            return ["device", str(value)]
        if isinstance(value, (dict, list, tuple)):
            return self._container(value, path)
        raise TypeError(f"save: {_where(path)} is a {type(value).__module__}.{type(value).__qualname__}, which a file cannot hold. It holds dict, list, tuple, "
                        "str, int, float, complex, bool, None, tensors and arrays. Save the state instead, for example .state_dict()")

    def _container(self, value: Any, path: tuple[Any, ...]) -> list[Any]:
        if id(value) in self._inside:
            raise ValueError(f"save: {_where(path)} contains itself")
        if len(path) >= MAX_DEPTH:
            raise ValueError(f"save: the object is nested deeper than {MAX_DEPTH} levels, at {_where(path[:3])}...")
        self._inside.add(id(value))
        if isinstance(value, dict):
            result: list[Any] = ["ordered" if isinstance(value, OrderedDict) else "dict"]
            result += [[self._key(key, path), self.encode(each, (*path, key))] for key, each in value.items()]
        else:
            result = ["tuple" if isinstance(value, tuple) else "list", *(self.encode(each, (*path, i)) for i, each in enumerate(value))]
        self._inside.discard(id(value))
        return result

    def _key(self, key: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(key, Tensor) or getattr(key, "ndim", None):
            raise TypeError(f"save: {_where(path)} has a tensor as a key, which a file cannot hold. Use its name or number")
        return self.encode(key, path)

    def _tensor(self, value: Tensor, path: tuple[Any, ...]) -> list[Any]:
        known = self._objects.get(id(value))
        if known is not None:
            return ["same", known]
        self._objects[id(value)] = len(self._objects)
        self._alive.append(value)
        array = real_array(value)
        facts: dict[str, Any] = {"requires_grad": True} if value.requires_grad else {}
        where = device_of(array)
        if where != "cpu":
            facts["device"] = str(where)
        return ["tensor", self._store(array, path, facts), facts]

    def _array(self, value: Any, path: tuple[Any, ...]) -> list[Any]:
        facts: dict[str, Any] = {}
        kind = "array" if hasattr(value, "__setitem__") else "scalar"
        return [kind, self._store(value, path, facts), facts]

    def _store(self, array: Any, path: tuple[Any, ...], facts: dict[str, Any]) -> str:
        backend = BY_TYPE[array.__class__]
        host = backend.to_numpy(array)
        if host.dtype.name in _PAIRS:
            facts["complex"] = host.dtype.name
        elif host.dtype.name not in _TO_FILE:
            raise TypeError(f"save: {_where(path)} is an array of {host.dtype}, which a file cannot hold. Convert it with .astype() first")
        memory = None
        if host.size and hasattr(array, "__setitem__"):
            memory = (host.ctypes.data, host.shape, host.strides, host.dtype.str) if host is array else ("device", id(array))
        if memory in self._stored:
            return self._stored[memory]
        name = stem = ".".join(str(part) for part in path) or "value"
        number = 1
        while name in self.arrays or name == "__metadata__":
            number += 1
            name = f"{stem}#{number}"
        self.arrays[name] = host
        self._alive.append(array)
        if memory is not None:
            self._stored[memory] = name
        return name


def _where(path: tuple[Any, ...]) -> str:
    return "the object" + "".join(f"[{part!r}]" for part in path)


def _flat_bytes(array: Any) -> Any:
    """The array's numbers in row-major order and little-endian, as bytes."""
    little = array.dtype.newbyteorder("<")
    return np.ascontiguousarray(array, dtype=little).reshape(-1).view(np.uint8)


def _digest(header: dict[str, Any]) -> Any:
    """The checksum of what the header says; the data are added by the caller."""
    plain = {name: entry for name, entry in header.items() if name != "__metadata__"}
    return hashlib.sha256(json.dumps([plain, header["__metadata__"][STRUCTURE]], sort_keys=True).encode())


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
    encoder = _Encoder()
    tree = encoder.encode(obj, ())
    ordered = sorted(encoder.arrays.items(), key=lambda item: -_itemsize(item[1]))  # wide dtypes first, so that all are aligned
    header: dict[str, Any] = {}
    start = 0
    for name, array in ordered:
        pair = _PAIRS.get(array.dtype.name)
        shape = [*array.shape, 2] if pair else list(array.shape)
        header[name] = {"dtype": _TO_FILE[pair or array.dtype.name], "shape": shape, "data_offsets": [start, start + array.nbytes]}
        start += array.nbytes
    header["__metadata__"] = {STRUCTURE: json.dumps({"version": VERSION, "tree": tree}, separators=(",", ":"))}
    digest = _digest(header)
    for _, array in ordered:
        digest.update(_flat_bytes(array))
    header["__metadata__"][CHECKSUM] = "sha256:" + digest.hexdigest()
    text = json.dumps({"__metadata__": header.pop("__metadata__"), **header}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(f"save: the structure takes {len(text)} bytes, a file can hold {MAX_HEADER}. Put long lists of numbers into tensors")
    arrays = [array for _, array in ordered]
    if hasattr(path, "write"):
        _write(path, text, arrays)
    else:
        _replace(Path(os.path.realpath(path)), text, arrays)


def _itemsize(array: Any) -> int:
    return int(array.dtype.itemsize)


def _write(file: Any, text: bytes, arrays: list[Any]) -> None:
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for array in arrays:
        file.write(_flat_bytes(array).data)


def _replace(path: Path, text: bytes, arrays: list[Any]) -> None:
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(beside, "xb") as file:
            _write(file, text, arrays)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    with suppress(OSError, AttributeError):  # the rename itself reaches the disk; folders cannot be synced everywhere
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# --- loading ------------------------------------------------------------------------------------------------------


def load(path: str | os.PathLike[str] | IO[bytes], map_location: Any = None) -> Any:
    """Read what :func:`save` wrote, or any other safetensors file, as a dict of its tensors.

    Parameters
    ----------
    path : a path, or a file open for reading bytes.
    map_location : the device for all tensors, such as ``"cpu"``. Default: each where it was; a foreign file's on ``cpu``.

    Foreign bfloat16 tensors become float32, exactly; unsigned integers of 16 bits and more the next wider signed ones.
    Raises ``FileFormatError`` (a ``ValueError``) for a file that is truncated, damaged, or of another format, without
    executing anything in it, ``DeviceError`` for tensors on a device that this machine lacks, and ``OSError`` if the file
    cannot be opened.
    """
    if hasattr(path, "read"):
        data = path.read()
        return _load(io.BytesIO(data), len(data), str(getattr(path, "name", "the file")), map_location)
    with open(path, "rb") as file:
        return _load(file, os.fstat(file.fileno()).st_size, os.fspath(path), map_location)


def _load(file: Any, size: int, name: str, map_location: Any) -> Any:
    target = None if map_location is None else device(map_location)
    try:
        header, start = _header(file, size)
        entries = _entries(header, size - start)
        metadata = header.get("__metadata__", {})
        ours = STRUCTURE in metadata or CHECKSUM in metadata
        tree = _structure(metadata) if ours else None
        digest = _digest(header) if ours else None
        arrays = _read(file, start, entries, digest)
        if digest is None:
            return {entry: _foreign(arrays[entry], code, entry, target) for entry, (code, _, _, _) in entries.items()}
        if metadata[CHECKSUM] != "sha256:" + digest.hexdigest():
            raise FileFormatError("its checksum does not fit: the file was changed or damaged after it was written")
        return _Decoder(arrays, target).decode(tree, 0)
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {error}") from None
    except RecursionError:
        raise FileFormatError(f"{name}: its header is nested too deep") from None


def _header(file: Any, size: int) -> tuple[dict[str, Any], int]:
    begin = file.read(8)
    for magic, what in _FOREIGN:
        if begin.startswith(magic) and not (len(begin) == 8 and int.from_bytes(begin, "little") <= size - 8):
            raise FileFormatError(f"this is not a safetensors file but {what}" + (_CONVERT if magic in (b"PK\x03\x04", b"\x80") else ""))
    if len(begin) < 8:
        raise FileFormatError(f"the file is truncated or empty: it has {size} bytes, the format needs at least 8")
    length = int.from_bytes(begin, "little")
    if length > min(size - 8, MAX_HEADER):
        raise FileFormatError(f"this is no safetensors file, or it is truncated: it announces a header of {length} bytes and has {size} in all")
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"this is no safetensors file, or it is damaged: its header is not JSON ({error})") from None
    if not isinstance(header, dict):
        raise FileFormatError(f"this is no safetensors file: its header is a JSON {type(header).__name__}, not an object")
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise FileFormatError("its metadata are not a map of strings")
    return header, 8 + length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FileFormatError("its header has a key twice")
    return found


def _no_constant(text: str) -> Any:
    raise FileFormatError(f"its header contains {text}, which is not JSON")


def _natural(value: Any) -> bool:
    return type(value) is int and value >= 0


def _entries(header: dict[str, Any], available: int) -> dict[str, tuple[str, list[int], int, int]]:
    """Name -> dtype, shape, begin, end; checked before anything is allocated: the data are covered without gap or overlap."""
    entries: dict[str, tuple[str, list[int], int, int]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise FileFormatError(f"the entry {name!r:.80} is not a tensor's dtype, shape and data_offsets")
        code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(code, str) or code not in _FROM_FILE:
            raise FileFormatError(f"the tensor {name!r:.80} has the dtype {code!r:.40}, which tensors here cannot hold. They hold {', '.join(_FROM_FILE)}")
        width = np.dtype(_FROM_FILE[code]).itemsize
        if not isinstance(shape, list) or len(shape) > 32 or not all(_natural(n) for n in shape) or math.prod(n for n in shape if n) * width >= 2**63:
            raise FileFormatError(f"the tensor {name!r:.80} has the impossible shape {shape!r:.80}")
        if not isinstance(offsets, list) or len(offsets) != 2 or not all(_natural(n) for n in offsets) or offsets[0] > offsets[1]:
            raise FileFormatError(f"the tensor {name!r:.80} has the impossible offsets {offsets!r:.80}")
        needed = math.prod(shape) * width
        if needed != offsets[1] - offsets[0]:
            raise FileFormatError(f"the tensor {name!r:.80} of {code} {shape!r:.80} needs {needed} bytes, its offsets span {offsets[1] - offsets[0]}")
        entries[name] = (code, shape, offsets[0], offsets[1])
    position = 0
    for name, (_, _, begin, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin != position:
            raise FileFormatError(f"the data of {name!r:.80} begin at {begin}, expected {position}: tensors overlap or leave a gap")
        position = end
    if position != available:
        what = "the file is truncated" if position > available else "the file has a tail that belongs to no tensor"
        raise FileFormatError(f"{what}: its tensors take {position} bytes, it has {available} after the header")
    return entries


def _structure(metadata: dict[str, str]) -> Any:
    if STRUCTURE not in metadata or CHECKSUM not in metadata:
        raise FileFormatError("its metadata are damaged: structure and checksum belong together")
    try:
        described = json.loads(metadata[STRUCTURE], object_pairs_hook=_unique, parse_constant=_no_constant)
    except FileFormatError:
        raise
    except ValueError as error:
        raise FileFormatError(f"the structure in its metadata is not JSON ({error})") from None
    if not isinstance(described, dict) or set(described) != {"version", "tree"}:
        raise FileFormatError("the structure in its metadata is not one that save() writes")
    if described["version"] != VERSION:
        raise FileFormatError(f"it has the format version {described['version']!r:.20}, this library reads {VERSION}. A newer release may read it")
    return described["tree"]


def _read(file: Any, start: int, entries: dict[str, tuple[str, list[int], int, int]], digest: Any) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    file.seek(start)
    for name, (code, shape, begin, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        data = np.empty(end - begin, dtype=np.uint8)
        if file.readinto(data.data) != end - begin:
            raise FileFormatError(f"the file ended within the tensor {name!r:.80}")
        if digest is not None:
            digest.update(data)
        kind = np.dtype(_FROM_FILE[code])
        array = data.view(kind.newbyteorder("<")).astype(kind, copy=False).reshape(shape)
        if code == "BF16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        elif code == "BOOL" and data.size and data.max() > 1:
            raise FileFormatError(f"the boolean tensor {name!r:.80} contains bytes that are neither 0 nor 1")
        arrays[name] = array
    return arrays


def _placed(array: Any, target: device | None) -> Any:
    if target is None or target == "cpu":
        return array if array.shape else array[()]
    try:
        return backend_for_device(target.type).asarray(array, index=target.index)
    except DeviceError as error:
        raise DeviceError(f"load: the file has tensors for {target}: {error}. Or load them elsewhere: load(path, map_location='cpu')") from error


def _foreign(array: Any, code: str, name: str, target: device | None) -> Tensor:
    wider = _AS_TENSOR.get(array.dtype.name)
    if wider is not None:
        if code == "U64" and array.size and array.max() > 2**63 - 1:
            raise FileFormatError(f"the tensor {name!r:.80} has uint64 values that int64 cannot hold")
        array = array.astype(wider)
    return wrap(_placed(array, target))  # type: ignore[no-any-return]


class _Decoder:
    """Builds the object again. Everything is checked: a checksum shows damage, not intent."""

    def __init__(self, arrays: dict[str, Any], target: device | None) -> None:
        self.arrays = arrays
        self.target = target
        self.placed: dict[tuple[str, str], Any] = {}
        self.tensors: list[Tensor] = []

    def decode(self, node: Any, depth: int) -> Any:
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        if depth > MAX_DEPTH:
            raise FileFormatError(f"its structure is nested deeper than {MAX_DEPTH} levels")
        if not isinstance(node, list) or not node or not isinstance(node[0], str):
            raise FileFormatError(f"its structure contains {node!r:.60}")
        tag, *rest = node
        try:
            if tag in ("list", "tuple"):
                items = [self.decode(each, depth + 1) for each in rest]
                return items if tag == "list" else tuple(items)
            if tag in ("dict", "ordered"):
                pairs = [(self.decode(key, depth + 1), self.decode(value, depth + 1)) for key, value in rest]
                found = dict(pairs) if tag == "dict" else OrderedDict(pairs)
                if len(found) != len(pairs):
                    raise FileFormatError("a dict in its structure has a key twice")
                return found
            if tag == "float":
                return float(rest[0])
            if tag == "complex":
                return complex(float(rest[0]), float(rest[1]))
            if tag == "dtype":
                return as_dtype(rest[0])
            if tag == "device":
                return device(rest[0])
            if tag == "same":
                return self.tensors[rest[0]]
            if tag == "tensor":
                return self._tensor(*rest)
            if tag in ("array", "scalar"):
                array = self._array(*rest)
                return array if tag == "array" else array[()]
        except (DeviceError, FileFormatError, RecursionError):
            raise
        except Exception as error:
            raise FileFormatError(f"its structure contains {node!r:.60} ({type(error).__name__}: {error})") from None
        raise FileFormatError(f"its structure contains {tag!r:.40}, which save() never writes")

    def _array(self, name: str, facts: dict[str, Any]) -> Any:
        array = self.arrays[name]
        pair = facts.get("complex")
        if pair is None:
            return array
        if _PAIRS[pair] != array.dtype.name or array.shape[-1:] != (2,):
            raise FileFormatError(f"its structure takes {name!r:.80} for complex numbers, which it does not hold")
        return array.view(pair).reshape(array.shape[:-1])

    def _tensor(self, name: str, facts: dict[str, Any]) -> Tensor:
        where = self.target if self.target is not None else device(facts["device"]) if "device" in facts else None
        key = (name, str(where))
        if key not in self.placed:
            self.placed[key] = _placed(self._array(name, facts), where)
        tensor: Tensor = wrap(self.placed[key])
        as_dtype(tensor._array.dtype)
        if facts.get("requires_grad"):
            tensor.requires_grad_()
        self.tensors.append(tensor)
        return tensor
