"""NumPy functions on Tensors, and DLPack: how other libraries meet a Tensor.

``np.sin(t)``, ``np.sum(t)``, ``np.concatenate([t, ...])`` and ``ndarray * t`` become the op of the same meaning, so
they stay differentiable. A NumPy function that has no op here works on tensors without gradient, as on arrays, and
refuses those with one instead of cutting the graph silently.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _methods
from .backend.registry import backend_for_device
from .op import REGISTRY
from .storage import TensorBase, real_array, wrap


def _ufuncs() -> dict[str, Callable[..., Any]]:
    """NumPy's ufunc names -> our functions."""
    table: dict[str, Callable[..., Any]] = {}
    for name, op in REGISTRY.items():
        if op.kind == "elementwise" and op.places:
            for spelling in {name, op.ufunc or name, *op.aliases}:
                table[spelling] = getattr(_methods, name)
    table["matmul"] = _methods.matmul
    table["power"] = _methods.pow
    table["absolute"] = table["fabs"] = _methods.abs
    table["divide"] = table["true_divide"] = _methods.div
    return table


def _axis(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction under NumPy's parameter names."""

    def call(a: Any, axis: Any = None, *, keepdims: bool = False, **kwargs: Any) -> Any:
        return function(a, dim=axis, keepdim=keepdims, **kwargs)

    return call


def _one_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction that takes no ``dim`` at all for everything."""

    def call(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return function(a) if axis is None else function(a, dim=axis, keepdim=keepdims)

    return call


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    """``var`` and ``std`` with NumPy's ``ddof``, which is 0 where PyTorch's correction is 1."""

    def call(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
        return function(a, dim=axis, correction=ddof, keepdim=keepdims)

    return call


def _extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    """``amax`` and ``amin``, which spell everything as ``dim=()``."""

    def call(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
        return function(a, dim=() if axis is None else axis, keepdim=keepdims)

    return call


def _functions() -> dict[str, Callable[..., Any]]:
    """Names in NumPy's namespace -> our functions with NumPy's parameters."""
    m = _methods
    table: dict[str, Callable[..., Any]] = {
        "sum": _axis(m.sum), "mean": _axis(m.mean), "prod": _one_axis(m.prod),
        "max": _extreme(m.amax), "amax": _extreme(m.amax), "min": _extreme(m.amin), "amin": _extreme(m.amin),
        "var": _spread(m.var), "std": _spread(m.std),
        "argmax": _axis(m.argmax), "argmin": _axis(m.argmin), "all": _one_axis(m.all), "any": _one_axis(m.any),
        "cumsum": lambda a, axis=None: m.cumsum(m.reshape(a, -1), dim=0) if axis is None else m.cumsum(a, dim=axis),
        "concatenate": lambda arrays, axis=0: m.cat([as_tensor_like(a) for a in arrays], dim=axis),
        "stack": lambda arrays, axis=0: m.stack([as_tensor_like(a) for a in arrays], dim=axis),
        "where": lambda condition, x=None, y=None: m.where(as_tensor_like(condition), x, y),
        "reshape": lambda a, shape: m.reshape(a, shape),
        "ravel": lambda a: m.reshape(a, -1),
        "transpose": lambda a, axes=None: m.permute(a, tuple(range(a.ndim))[::-1] if axes is None else axes),
        "swapaxes": lambda a, axis1, axis2: m.transpose(a, axis1, axis2),
        "expand_dims": lambda a, axis: m.unsqueeze(a, axis),
        "squeeze": lambda a, axis=None: m.squeeze(a) if axis is None else m.squeeze(a, axis),
        "broadcast_to": lambda array, shape: m.broadcast_to(array, shape),
        "dot": lambda a, b: m.matmul(as_tensor_like(a), as_tensor_like(b)),
        "einsum": lambda subscripts, *operands: m.einsum(subscripts, *[as_tensor_like(a) for a in operands]),
        "clip": lambda a, a_min=None, a_max=None, min=None, max=None: m.clamp(a, a_min if min is None else min, a_max if max is None else max),
        "zeros_like": lambda a: a.detach() * 0, "copy": lambda a: m.clone(a), "shape": lambda a: tuple(a.shape), "ndim": lambda a: a.ndim, "size": lambda a: a.numel(),
        "linalg.norm": lambda x, ord=None, axis=None, keepdims=False: m.norm(x, p="fro" if ord is None else ord, dim=axis, keepdim=keepdims),
    }
    return table


_ufunc_table: dict[str, Callable[..., Any]] = {}
_function_table: dict[str, Callable[..., Any]] = {}


def as_tensor_like(value: Any) -> Any:
    """An array among Tensors, as a Tensor that shares its memory."""
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


class Protocols(TensorBase):
    """NumPy's and DLPack's protocols, as methods of Tensor."""

    __slots__ = ()
    __array_priority__ = 1000

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not _ufunc_table:
            _ufunc_table.update(_ufuncs())
        found = _ufunc_table.get(ufunc.__name__)
        if found is None or method != "__call__" or kwargs:
            name = ufunc.__name__ + ("" if method == "__call__" else f".{method}")
            _refuse(name + (f" with {', '.join(kwargs)}" if kwargs else ""), _tensors_in(inputs))
            if any(isinstance(each, TensorBase) for each in kwargs.get("out", ())):
                raise TypeError(f"numpy.{name} cannot write into a Tensor. Use an in-place method such as add_")
            return getattr(ufunc, method)(*_plain(inputs), **kwargs)
        return found(*[as_tensor_like(each) for each in inputs])

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not _function_table:
            _function_table.update(_functions())
        name = _qualified(function)
        found = _function_table.get(name)
        if found is None:
            _refuse(name, _tensors_in([*args, *kwargs.values()]))
            return function(*_plain(args), **{key: _plain(value) for key, value in kwargs.items()})
        return found(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._node is not None:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        array = self.numpy()  # type: ignore[attr-defined]
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self._node is not None:
            raise RuntimeError("Can't export tensors that require gradient, use tensor.detach()")
        return real_array(self).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return real_array(self).__dlpack_device__()


def from_dlpack(ext_tensor: Any) -> Any:
    """A Tensor over the memory of any object that speaks DLPack; no copy.

    >>> import numpy as np
    >>> a = np.zeros(3)
    >>> t = from_dlpack(a)
    >>> t[0] = 5.0
    >>> a.tolist()
    [5.0, 0.0, 0.0]
    """
    kind, _ = ext_tensor.__dlpack_device__()
    backend = backend_for_device("cpu" if int(kind) in (1, 3) else "cuda")
    return wrap(backend.xp.from_dlpack(ext_tensor))
