"""A ``cuda`` backend without a GPU: NumPy arrays in disguise that allow only what CuPy allows.

There are two devices. It refuses mixing with NumPy arrays, arrays of the other than the current device, implicit host reads inside
:func:`no_host_reads`, and every function name, method, keyword and ``out=`` that ``cupy_api.json``, generated from an installed
CuPy, does not list.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from autograd_core.errors import DeviceError

API = json.loads(Path(__file__).with_name("cupy_api.json").read_text(encoding="utf-8"))
UFUNC_KEYWORDS = frozenset(("out", "dtype", "casting"))
UFUNC_METHODS = {"reduce": ("add", "multiply"), "accumulate": ("add", "multiply"), "reduceat": ("add",), "at": ("add", "subtract", "maximum", "minimum")}
"""The ufuncs whose methods CuPy implements."""

DEVICES = 2

_reads_refused: ContextVar[bool] = ContextVar("reads_refused", default=False)
_current: ContextVar[int] = ContextVar("current", default=0)
"""The number of the device that arrays are made on."""


class HostReadError(TypeError):
    """A device value was needed on the host where that would make the GPU wait."""


class NotInCupyError(AttributeError):
    """CuPy has no such thing."""


@contextmanager
def no_host_reads() -> Iterator[None]:
    """Inside, reading a device value (``bool``, ``float``, ``int``, ``item``, ``tolist``, ``get``) is an error."""
    token = _reads_refused.set(True)
    try:
        yield
    finally:
        _reads_refused.reset(token)


def _read(what: str) -> None:
    if _reads_refused.get():
        raise HostReadError(f"{what} of a device array waits for the GPU; stay on the device")


def unwrap(value: Any) -> Any:
    """An argument as NumPy takes it; arrays of another device are refused, NumPy's among them."""
    if isinstance(value, Array):
        if value._device != _current.get():
            raise TypeError(f"an array of device {value._device} cannot be used while the current device is {_current.get()}")
        return value._data
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}: a NumPy array cannot be mixed with device arrays")
    if isinstance(value, (list, tuple)):
        return type(value)(unwrap(each) for each in value)
    return value


def wrap(value: Any) -> Any:
    """A NumPy result as CuPy would return it: arrays, also without dimensions, live on the device."""
    if isinstance(value, np.ndarray):
        return Array(value)
    if isinstance(value, np.generic):
        return Array(np.asarray(value))
    if isinstance(value, tuple):
        wrapped = [wrap(each) for each in value]
        return type(value)(*wrapped) if hasattr(value, "_fields") else tuple(wrapped)
    return [wrap(each) for each in value] if isinstance(value, list) else value


class Flags:
    """What CuPy tells of an array's memory."""

    def __init__(self, flags: Any) -> None:
        self.c_contiguous, self.f_contiguous, self.owndata, self.fnc, self.forc = flags.c_contiguous, flags.f_contiguous, flags.owndata, flags.fnc, flags.forc

    def __getattr__(self, name: str) -> Any:
        raise NotInCupyError(f"the flags of a cupy.ndarray have no {name!r}")


class Array:
    """A device array. Not an ``ndarray``, and NumPy's functions cannot use it."""

    __slots__ = ("__weakref__", "_data", "_device")
    __array_ufunc__ = None  # NumPy's operators leave the work to ours

    def __init__(self, data: np.ndarray[Any, Any]) -> None:
        self._data = data
        self._device = _current.get()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly.")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"numpy.{func.__name__} was called with a device array; kernels must use xp")

    shape = property(lambda self: self._data.shape)
    dtype = property(lambda self: self._data.dtype)
    ndim = property(lambda self: self._data.ndim)
    size = property(lambda self: self._data.size)
    itemsize = property(lambda self: self._data.itemsize)
    nbytes = property(lambda self: self._data.nbytes)
    strides = property(lambda self: self._data.strides)
    flags = property(lambda self: Flags(self._data.flags))
    T = property(lambda self: Array(self._data.T))
    mT = property(lambda self: Array(self._data.swapaxes(-1, -2)))
    base = property(lambda self: None if self._data.base is None else wrap(self._data.base))

    @property
    def real(self) -> Array:
        return Array(self._data.real)

    @real.setter
    def real(self, value: Any) -> None:
        self._data.real = unwrap(value)

    @property
    def imag(self) -> Array:
        return Array(self._data.imag)

    @imag.setter
    def imag(self, value: Any) -> None:
        self._data.imag = unwrap(value)

    def __getattr__(self, name: str) -> Any:
        entry = API["methods"].get(name)
        if entry is None or not hasattr(np.ndarray, name):
            raise NotInCupyError(f"cupy.ndarray has no attribute {name!r}")
        method = getattr(self._data, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if "out" in kwargs and not entry["out"]:
                raise TypeError(f"cupy.ndarray.{name} takes no out=")
            for unknown in ("where", "initial"):
                if unknown in kwargs:
                    raise TypeError(f"cupy.ndarray.{name} takes no {unknown}=")
            unwrap(self)
            result = method(*[unwrap(each) for each in args], **{key: unwrap(each) for key, each in kwargs.items()})
            if name == "diagonal":
                result.flags.writeable = self._data.flags.writeable  # CuPy's can be written, NumPy's cannot
            return wrap(result)

        return call

    def get(self) -> np.ndarray[Any, Any]:
        _read("get()")
        return self._data.copy()

    def item(self, *args: Any) -> Any:
        _read("item()")
        return self._data.item(*args)

    def tolist(self) -> Any:
        _read("tolist()")
        return self._data.tolist()

    def __bool__(self) -> bool:
        _read("bool()")
        return bool(self._data)

    def __float__(self) -> float:
        _read("float()")
        return float(self._data)

    def __int__(self) -> int:
        _read("int()")
        return int(self._data)

    def __index__(self) -> int:
        _read("index()")
        return operator.index(self._data[()])

    def __complex__(self) -> complex:
        _read("complex()")
        return complex(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Array]:
        return (self[i] for i in range(len(self._data)))

    def __repr__(self) -> str:
        return f"<device array {self.shape} {self.dtype}>"

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, index: Any) -> Array:
        parts = unwrap(index)
        parts = parts if isinstance(parts, tuple) else (parts,)
        if not any(part is Ellipsis for part in parts):
            parts = (*parts, ...)  # so that also a single element comes as a view, as in CuPy
        return Array(unwrap(self)[parts])

    def __setitem__(self, index: Any, value: Any) -> None:
        unwrap(self)[unwrap(index)] = unwrap(value)

    def __neg__(self) -> Any:
        return wrap(-unwrap(self))

    def __pos__(self) -> Any:
        return wrap(+unwrap(self))

    def __abs__(self) -> Any:
        return wrap(abs(unwrap(self)))

    def __invert__(self) -> Any:
        return wrap(~unwrap(self))


def _add_operators() -> None:
    def binary(function: Callable[[Any, Any], Any]) -> Callable[[Array, Any], Any]:
        return lambda self, other: wrap(function(unwrap(self), unwrap(other)))

    def reflected(function: Callable[[Any, Any], Any]) -> Callable[[Array, Any], Any]:
        return lambda self, other: wrap(function(unwrap(other), unwrap(self)))

    def inplace(function: Any) -> Callable[[Array, Any], Array]:
        def write(self: Array, other: Any) -> Array:
            function(unwrap(self), unwrap(other), out=self._data, casting="same_kind")
            return self

        return write

    arithmetic = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide, "mod": np.remainder,
                  "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift,
                  "rshift": np.right_shift}
    for name, ufunc in arithmetic.items():
        setattr(Array, f"__{name}__", binary(ufunc))
        setattr(Array, f"__r{name}__", reflected(ufunc))
        setattr(Array, f"__i{name}__", inplace(ufunc))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Array, f"__{name}__", binary(getattr(operator, name)))


_add_operators()


class _Ufunc:
    def __init__(self, name: str) -> None:
        self._name = self.__name__ = name
        self._function = getattr(np, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        for keyword in kwargs:
            if keyword not in UFUNC_KEYWORDS:
                raise TypeError(f"cupy.{self._name} takes no {keyword}=")
        return _call(self._function, args, kwargs)

    def __getattr__(self, method: str) -> Any:
        if self._function.__name__ not in UFUNC_METHODS.get(method, ()) and method != "outer":
            raise NotInCupyError(f"CuPy has no {self._name}.{method}")
        return lambda *args, **kwargs: _call(getattr(self._function, method), args, kwargs)


def _call(function: Any, args: Any, kwargs: Any) -> Any:
    out = kwargs.get("out")
    result = function(*[unwrap(each) for each in args], **{key: unwrap(each) for key, each in kwargs.items()})
    return out if out is not None else wrap(result)


class Namespace:
    """``cupy``, or one of its sub-modules: only what the data file lists."""

    def __init__(self, path: str = "") -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        full = f"{self._path}.{name}" if self._path else name
        module = np
        for part in filter(None, self._path.split(".")):
            module = getattr(module, part)
        if any(known.startswith(f"{full}.") for known in API["functions"]):
            return Namespace(full)
        entry = API["functions"].get(full)
        if entry is None:
            if not self._path and name in API["constants"] and hasattr(np, name):
                return getattr(np, name)
            raise NotInCupyError(f"module 'cupy' has no attribute {full!r}")
        if isinstance(getattr(module, name, None), np.ufunc):
            found: Any = _Ufunc(name) if not self._path else None
        else:
            found = self._function(full, getattr(module, name), entry)
        setattr(self, name, found)
        return found

    @staticmethod
    def _function(full: str, function: Any, entry: dict[str, Any]) -> Any:
        parameters = entry["parameters"]

        def call(*args: Any, **kwargs: Any) -> Any:
            if "out" in kwargs and not entry["out"]:
                raise TypeError(f"cupy.{full} takes no out=")
            if parameters is not None and "kwargs" not in parameters:
                for keyword in kwargs:
                    if keyword not in parameters:
                        raise TypeError(f"cupy.{full} takes no {keyword}=; its parameters are {', '.join(parameters)}")
            return _call(function, args, kwargs)

        return call


class Generator:
    """A random stream with the methods of CuPy's."""

    def __init__(self, seed: int) -> None:
        self._stream = np.random.Generator(np.random.PCG64(seed))

    @property
    def bit_generator(self) -> Any:
        return self._stream.bit_generator

    def __getattr__(self, name: str) -> Any:
        if name not in API["generator"]:
            raise NotInCupyError(f"cupy.random.Generator has no {name!r}")
        method = getattr(self._stream, name)
        return lambda *args, **kwargs: _call(method, args, kwargs)


class StrictBackend:
    """Serves ``cuda`` with :class:`Array`."""

    name = "cuda"
    array_types = (Array,)
    waits = 0

    def __init__(self) -> None:
        self.xp: Any = Namespace()
        self._devices = [copy(self) for _ in range(DEVICES)]

    @property
    def here(self) -> StrictBackend:
        return self._devices[_current.get()]

    def asarray(self, data: Any, dtype: Any = None, index: int | None = None) -> Array:
        with self.on(index):
            if not isinstance(data, Array):
                return Array(np.array(data, dtype=dtype))
            there = data._device == _current.get()
            return data if there and (dtype is None or data.dtype == dtype) else Array(np.array(data._data, dtype=dtype))

    def to_numpy(self, array: Any) -> np.ndarray[Any, Any]:
        return np.array(array._data if isinstance(array, Array) else array)

    def owner(self, array: Any) -> Any:
        data = array._data
        while isinstance(data.base, np.ndarray):
            data = data.base
        return data

    def device_index(self, array: Any) -> int | None:
        return int(array._device)

    @contextmanager
    def on(self, index: int | None) -> Iterator[None]:
        if index is not None and index >= DEVICES:
            raise DeviceError(f"there is no device 'cuda:{index}': this machine has {DEVICES} CUDA device(s), numbered from 0")
        token = _current.set(_current.get() if index is None else index)
        try:
            yield
        finally:
            _current.reset(token)

    def random(self, seed: int) -> Generator:
        return Generator(seed)

    def ones(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.xp.ones(shape, dtype=dtype)

    def quiet(self) -> Any:
        return None

    def loud(self, before: Any) -> None:
        pass

    def watch(self) -> AbstractContextManager[None]:
        return nullcontext()

    def listen(self, heard: Any) -> AbstractContextManager[None]:
        return nullcontext()

    def long_rows(self, size: int) -> AbstractContextManager[None]:
        return nullcontext()

    def wait(self, array: Any) -> None:
        assert isinstance(array, Array)
        self.waits += 1

    def nan_possible(self) -> bool:
        return True
