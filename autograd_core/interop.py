"""NumPy functions on Tensors, and DLPack: how other libraries meet a Tensor.

``np.sin(t)``, ``np.sum(t)``, ``np.concatenate([t, ...])`` and ``ndarray * t`` become the op of the same meaning, so
they stay differentiable. A NumPy function that has no op here works on tensors without gradient, as on arrays, and
refuses those with one instead of cutting the graph silently.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from . import _methods
from .backend.registry import backend_for_device
from .dtypes import as_dtype
from .op import REGISTRY
from .storage import TensorBase, operand, real_array, wrap

_SPELLINGS = {
    "power": "pow", "absolute": "abs", "fabs": "abs", "divide": "div", "true_divide": "div", "multiply": "mul", "subtract": "sub", "negative": "neg", "equal": "eq",
    "not_equal": "ne",
    "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le", "mod": "remainder", "rint": "round", "conjugate": "conj", "arccos": "acos", "arccosh": "acosh",
    "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctanh": "atanh", "arctan2": "atan2", "invert": "bitwise_not", "degrees": "rad2deg", "radians": "deg2rad",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift",
}
"""NumPy's names of ufuncs that have another name here."""
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any"}
"""What ``np.<ufunc>.reduce`` is."""
_SCANS = {"add": "cumsum", "multiply": "cumprod"}
"""What ``np.<ufunc>.accumulate`` is."""


def _table() -> dict[str, Callable[..., Any]]:
    """NumPy's functions on Tensors; they need all that stands above this module, so they are loaded when first used."""
    from .numpy.functions import FUNCTIONS

    return FUNCTIONS


def _ufunc(name: str) -> Callable[..., Any] | None:
    """The op of NumPy's ufunc of that name; ``None`` if there is none."""
    op = REGISTRY.get(_SPELLINGS.get(name, name))
    if op is not None and op.places and "torch" in op.places and len(op.inputs) in (1, 2):
        return getattr(_methods, op.name)  # type: ignore[no-any-return]
    return None


def _derived_ufunc(name: str) -> Callable[..., Any] | None:
    """A ufunc made of several ops; ``None`` if the name means none of these."""
    m = _methods
    made: dict[str, Callable[..., Any]] = {
        "positive": lambda x: x, "cbrt": lambda x: m.sign(x) * m.abs(x) ** (1 / 3), "signbit": lambda x: x < 0, "float_power": lambda a, b: m.pow(_double(a), _double(b)),
        "rad2deg": lambda x: x * (180 / math.pi), "deg2rad": lambda x: x * (math.pi / 180), "degrees": lambda x: x * (180 / math.pi), "radians": lambda x: x * (math.pi / 180),
        "vecdot": lambda a, b: m.sum(m.conj(a) * b, dim=-1), "conjugate": m.conj, "conj": m.conj,
    }
    return made.get(name)


def _double(x: Any) -> Any:
    return x.double() if isinstance(x, TensorBase) else x  # type: ignore[attr-defined]


def as_tensor_like(value: Any) -> Any:
    """An array among Tensors, as a Tensor that shares its memory; lists become arrays first."""
    if isinstance(value, (list, tuple)):
        from .numpy.register import tensor_of

        return tensor_of(value)
    return wrap(value) if not isinstance(value, TensorBase) and hasattr(value, "dtype") and getattr(value, "shape", None) is not None else value


def _qualified(function: Callable[..., Any]) -> str:
    module = (getattr(function, "__module__", "") or "").removeprefix("numpy").strip(".")
    return f"{module}.{function.__name__}" if module in ("linalg", "fft") else function.__name__


def _refuse(name: str, tensors: list[Any]) -> None:
    if any(t._node is not None for t in tensors):
        raise TypeError(f"numpy.{name} has no differentiable counterpart here, and a tensor that requires grad was given. Use the autograd_core function, or .detach().numpy()")


def _tensors_in(values: Any) -> list[Any]:
    found = []
    for value in values:
        if isinstance(value, TensorBase):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _tensors_in(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, TensorBase):
        return value.numpy()  # type: ignore[attr-defined]
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(each) for each in value)
    return value


def call_ufunc(ufunc: Any, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """A NumPy ufunc, or one of its methods, on inputs with a Tensor among them."""
    name = ufunc.__name__
    if not kwargs and method == "__call__":
        found = _table().get(name) or _ufunc(name) or _derived_ufunc(name)
        if found is not None:
            return found(*[operand(each) if getattr(each, "shape", None) == () else as_tensor_like(each) for each in inputs])  # `np.sqrt(2) * t` keeps the dtype of t
    elif method in ("reduce", "accumulate") and not kwargs.keys() - {"axis", "keepdims"}:
        target = (_REDUCTIONS if method == "reduce" else _SCANS).get(name)
        if target is not None:
            return _table()[target](*inputs, **{"axis": 0, **kwargs})
    elif method == "outer" and not kwargs:
        first, second = (as_tensor_like(each) for each in inputs)
        apart = first.reshape((*first.shape, *[1] * getattr(second, "ndim", 0))) if getattr(first, "ndim", 0) else first
        return call_ufunc(ufunc, "__call__", (apart, second), {})
    called = name + ("" if method == "__call__" else f".{method}")
    if any(isinstance(each, TensorBase) for each in kwargs.get("out", ())):
        raise TypeError(f"numpy.{called} cannot write into a Tensor. Use an in-place method such as add_")
    if kwargs.get("out") is not None and any(t._node is not None for t in _tensors_in(inputs)):
        raise TypeError(f"numpy.{called} cannot write a tensor that requires grad into a NumPy array. Leave out the array, or use .detach() if no gradient is wanted")
    _refuse(called + (f" with {', '.join(kwargs)}" if kwargs else ""), _tensors_in([*inputs, *kwargs.values()]))
    return getattr(ufunc, method)(*_plain(inputs), **{key: _plain(value) for key, value in kwargs.items()})


def call_function(function: Callable[..., Any], name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """A function of NumPy's namespace on arguments with a Tensor among them."""
    found = _table().get(name)
    given = {key: value for key, value in kwargs.items() if key != "out" or value is not None}
    if found is not None:
        parameters = inspect.signature(found)
        try:
            parameters.bind(*args, **given)
        except TypeError as error:
            if any(t._node is not None for t in _tensors_in([*args, *given.values()])):
                raise TypeError(f"numpy.{name}: {error}. On tensors it takes {_shown(parameters)}; use the autograd_core function, or .detach().numpy()") from None
        else:
            return found(*args, **given)
    if any(isinstance(each, TensorBase) for each in _tensors_in([kwargs.get("out")])):
        raise TypeError(f"numpy.{name} cannot write into a Tensor. Use an in-place method, or copy_ the result")
    _refuse(name, _tensors_in([*args, *kwargs.values()]))
    return function(*_plain(args), **{key: _plain(value) for key, value in kwargs.items()})


def _shown(parameters: inspect.Signature) -> str:
    """A signature without annotations."""
    names = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters.parameters.values()]
    return str(parameters.replace(parameters=names, return_annotation=inspect.Signature.empty))


class Protocols(TensorBase):
    """NumPy's and DLPack's protocols, as methods of Tensor."""

    __slots__ = ()
    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return call_function(function, _qualified(function), args, kwargs)

    def astype(self, dtype: Any) -> Any:
        """NumPy's spelling of ``to(dtype)``."""
        return self.to(as_dtype(dtype))  # type: ignore[attr-defined]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.numpy()  # type: ignore[attr-defined]
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._node is not None:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        array = real_array(self)
        if any([step < 0 for step in array.strides]):  # PyTorch ends the process
            raise BufferError("DLPack readers take no negative strides, as those of x[::-1]. Call .contiguous() first")
        return array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return real_array(self).__dlpack_device__()


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """A Tensor over the memory of any object that speaks DLPack; no copy, unless ``copy=True`` or another ``device`` is asked for.

    Raises ``ValueError`` where ``copy=False`` and a copy would have to be made.

    >>> import numpy as np
    >>> a = np.zeros(3)
    >>> t = from_dlpack(a)
    >>> t[0] = 5.0
    >>> a.tolist()
    [5.0, 0.0, 0.0]
    """
    kind, _ = ext_tensor.__dlpack_device__()
    backend = backend_for_device("cpu" if int(kind) in (1, 3) else "cuda")
    shared = wrap(backend.xp.from_dlpack(ext_tensor))
    result = shared if device is None else shared.to(device)
    if result is not shared:
        if copy is False:
            raise ValueError(f"from_dlpack: cannot move data from {shared.device} to {result.device} without copying. Leave copy out")
        return result
    return result.clone() if copy else result
