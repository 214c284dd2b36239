"""Tensors in another dtype or on another device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _methods, dtypes
from .creation import as_device
from .devices import check_format, device
from .dtypes import as_dtype, dtype, from_numpy_dtype
from .storage import TensorBase, device_of

if TYPE_CHECKING:
    from .tensor import Tensor

device_type = device

_TYPE_NAMES = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long", "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64",
               "float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
"""What PyTorch calls the tensors of a dtype."""


def to_arguments(*args: Any, device: Any = None, dtype: Any = None, non_blocking: bool = False, copy: bool = False,
                 memory_format: Any = None) -> tuple[device | None, dtype | None, bool]:
    """What the arguments of ``Tensor.to`` and ``Module.to`` mean: device, dtype, and whether to copy."""
    check_format("to", memory_format)
    where, chosen = as_device(device), None if dtype is None else as_dtype(dtype)
    for position, arg in enumerate(args):
        if isinstance(arg, TensorBase):
            where, chosen = device_of(arg._array), from_numpy_dtype(arg._array.dtype)
        elif isinstance(arg, bool) and position:
            copy = arg if position == len(args) - 1 and position > 1 else copy
        elif (isinstance(arg, (str, device_type)) and _is_device(arg)) or isinstance(arg, int):
            where = as_device(arg)
        elif arg is not None:
            chosen = as_dtype(arg)
    return where, chosen, copy


def _is_device(value: Any) -> bool:
    return isinstance(value, device_type) or str(value).partition(":")[0] in ("cpu", "cuda") or str(value) not in _TYPE_NAMES


def _cast(x: Any, chosen: dtype) -> Tensor:
    """The tensor in another dtype, or itself where it has that."""
    if chosen is x.dtype:
        return x  # type: ignore[no-any-return]
    return _methods.to_dtype(x, chosen) if chosen.kind in "fc" else _methods.to_integer(x, chosen)  # type: ignore[no-any-return]


def _caster(name: str, chosen: dtype) -> Callable[[Any], Tensor]:
    """The method that gives a tensor in a dtype."""

    def method(self: Any) -> Tensor:
        return _cast(self, chosen)

    method.__name__, method.__qualname__, method.__doc__ = name, f"Tensor.{name}", f"As {chosen.name}."
    return method


def detach(input: Tensor) -> Tensor:
    """The same memory without the graph."""
    return input.detach()


class ConversionMethods(TensorBase):
    """The methods of a Tensor that give it in another dtype or on another device; all are differentiable where dtypes allow."""

    __slots__ = ()

    if TYPE_CHECKING:
        dtype: Any
        device: Any
        clone: Any

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """The tensor in another dtype or on another device: ``to(dtype)``, ``to(device)``, ``to(device, dtype)``, ``to(other)``.

        Differentiable. Returns the tensor itself where nothing changes, unless ``copy=True``.
        """
        if len(args) == 1 and not kwargs and args[0].__class__ is dtype:
            return _cast(self, args[0])
        where, chosen, copy = to_arguments(*args, **kwargs)
        result: Any = self
        if where is not None and where != self.device:
            result = _methods.to_device(result, device=where, source=result.device)
        if chosen is not None:
            result = _cast(result, chosen)
        return result.clone() if copy and result is self else result  # type: ignore[no-any-return]

    def cpu(self) -> Tensor:
        """The tensor in host memory."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Tensor:
        """The tensor on a CUDA device."""
        return self.to("cuda" if device is None else f"cuda:{device}" if isinstance(device, int) else device)

    def type_as(self, other: Tensor) -> Tensor:
        """The tensor in the dtype and on the device of ``other``."""
        return self.to(other)

    def type(self, dtype: Any = None) -> Any:
        """Without argument the name of the tensor's type, such as ``'autograd_core.FloatTensor'``; else the tensor in ``dtype``."""
        if dtype is not None:
            return _cast(self, as_dtype(dtype))
        place = "autograd_core" if self.device.type == "cpu" else "autograd_core.cuda"
        return f"{place}.{_TYPE_NAMES[self.dtype.name]}Tensor"

    double = _caster("double", dtypes.float64)
    bfloat16 = _caster("bfloat16", dtypes.bfloat16)
    half = _caster("half", dtypes.float16)
    float = _caster("float", dtypes.float32)
    cfloat = _caster("cfloat", dtypes.complex64)
    cdouble = _caster("cdouble", dtypes.complex128)
    byte = _caster("byte", dtypes.uint8)
    char = _caster("char", dtypes.int8)
    short = _caster("short", dtypes.int16)
    int = _caster("int", dtypes.int32)
    long = _caster("long", dtypes.int64)
    bool = _caster("bool", dtypes.bool_)
