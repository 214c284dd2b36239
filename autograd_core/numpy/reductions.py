"""NumPy's reductions, scans and differences on Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _methods as m
from .register import FUNCTIONS, named, plain_axes, tensor_of


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
        a = tensor_of(a)
        return function(a if dtype is None else a.to(dtype), dim=plain_axes(axis), keepdim=keepdims)

    return reduce


for _name in ("sum", "mean", "nansum", "nanmean"):
    FUNCTIONS[_name] = _reduction(getattr(m, _name))


@named("prod")
def _prod(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _one_by_one(m.prod, a, axis, keepdims)


def _one_by_one(function: Callable[..., Any], a: Any, axis: Any, keepdims: bool) -> Any:
    """A reduction that takes one dimension, or none for everything, over any number of them."""
    a = tensor_of(a)
    if axis is None:
        result = function(a)
        return result.reshape((1,) * a.ndim) if keepdims else result
    for each in sorted({d % a.ndim for d in ((axis,) if isinstance(axis, int) else axis)}, reverse=True):
        a = function(a, dim=each, keepdim=keepdims)
    return a


@named("all")
def _all(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _one_by_one(m.all, a, axis, keepdims)


@named("any")
def _any(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _one_by_one(m.any, a, axis, keepdims)


@named("max", "amax")
def _max(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return m.amax(tensor_of(a), dim=() if axis is None else plain_axes(axis), keepdim=keepdims)


@named("min", "amin")
def _min(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return m.amin(tensor_of(a), dim=() if axis is None else plain_axes(axis), keepdim=keepdims)


@named("ptp")
def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _max(a, axis, keepdims=keepdims) - _min(a, axis, keepdims=keepdims)


@named("var")
def _var(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return m.var(tensor_of(a), dim=plain_axes(axis), correction=ddof, keepdim=keepdims)


@named("std")
def _std(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return m.std(tensor_of(a), dim=plain_axes(axis), correction=ddof, keepdim=keepdims)


@named("average")
def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    a = tensor_of(a)
    if weights is None:
        return m.mean(a, dim=plain_axes(axis), keepdim=keepdims)
    weights = tensor_of(weights)
    if weights.ndim == 1 and a.ndim > 1 and isinstance(axis, int):
        weights = weights.reshape([-1 if d == axis % a.ndim else 1 for d in range(a.ndim)])
    return m.sum(a * weights, dim=plain_axes(axis), keepdim=keepdims) / m.sum(m.broadcast_to(weights, a.shape), dim=plain_axes(axis), keepdim=keepdims)


@named("median")
def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    a = tensor_of(a)
    a = a if a.is_floating_point() else a.double()
    over = range(a.ndim) if axis is None else [d % a.ndim for d in ((axis,) if isinstance(axis, int) else axis)]
    kept = [d for d in range(a.ndim) if d not in over]
    lines = a.permute((*kept, *over)).reshape((*[a.shape[d] for d in kept], -1))
    middle = m.quantile(lines, 0.5, dim=-1)
    return middle.reshape([a.shape[d] if d in kept else 1 for d in range(a.ndim)]) if keepdims else middle


@named("argmax")
def _argmax(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return m.argmax(tensor_of(a), dim=axis, keepdim=keepdims)


@named("argmin")
def _argmin(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return m.argmin(tensor_of(a), dim=axis, keepdim=keepdims)


def _scan(function: Callable[..., Any]) -> Callable[..., Any]:
    def scan(a: Any, axis: int | None = None) -> Any:
        a = tensor_of(a)
        return function(a.reshape(-1), dim=0) if axis is None else function(a, dim=axis)

    return scan


FUNCTIONS["cumsum"] = _scan(m.cumsum)
FUNCTIONS["cumprod"] = _scan(m.cumprod)


def _part(a: Any, axis: int, start: int, stop: int) -> Any:
    """``start:stop`` of one dimension; negative numbers count from its end."""
    return a[(*[slice(None)] * (axis % a.ndim), slice(start, stop or None))]


@named("diff")
def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    a = tensor_of(a)
    for _ in range(n):
        a = _part(a, axis, 1, 0) - _part(a, axis, 0, -1)
    return a


@named("trapezoid", "trapz")
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = tensor_of(y)
    if x is not None:
        x = tensor_of(x)
        dx = _diff(x if x.ndim > 1 else x.reshape([-1 if d == axis % y.ndim else 1 for d in range(y.ndim)]), axis=axis)
    return m.sum((_part(y, axis, 1, 0) + _part(y, axis, 0, -1)) * dx * 0.5, dim=axis)


@named("gradient")
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = tensor_of(f)
    axes = tuple(range(f.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    steps = varargs * len(axes) if len(varargs) == 1 and not _is_array(varargs[0]) else varargs or (1.0,) * len(axes)
    slopes = m.gradient(f, spacing=tuple(tensor_of(step) if _is_array(step) else step for step in steps), dim=axes, edge_order=edge_order)
    return slopes[0] if len(slopes) == 1 else slopes


def _is_array(value: Any) -> bool:
    """Whether a spacing is an array of coordinates, not a number."""
    return isinstance(value, (list, tuple)) or bool(getattr(value, "ndim", 0))
