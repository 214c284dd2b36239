"""NumPy's functions on Tensors: the same names and parameters, made of differentiable ops.

``FUNCTIONS`` is what ``np.sum(tensor)`` and ``autograd_core.numpy.sum(tensor)`` call. Inputs are Tensors, arrays,
numbers and nested lists of those; results are Tensors. Dtypes are promoted as tensors are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _methods as m
from ..config import no_grad
from ..creation import arange, as_tensor, full_like, ones_like, zeros_like
from ..spec import result_type_of
from ..storage import TensorBase, wrap

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Names in NumPy's namespace -> functions on Tensors with NumPy's parameters; ``linalg`` and ``fft`` add theirs."""


def named(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the function that stands for NumPy's functions of these names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            FUNCTIONS[name] = function
        return function

    return register


def holds_tensor(value: Any) -> bool:
    """Whether a value is a Tensor, or a list or tuple with one in it."""
    return isinstance(value, TensorBase) or (isinstance(value, (list, tuple)) and any([holds_tensor(each) for each in value]))


def tensor_of(value: Any) -> Any:
    """A Tensor of whatever an array function takes: arrays share their memory, lists with Tensors in them are stacked."""
    if isinstance(value, TensorBase):
        return value
    if isinstance(value, np.ndarray):
        return wrap(value)
    if isinstance(value, (list, tuple)) and holds_tensor(value):
        return m.stack([tensor_of(each) for each in value])
    return wrap(np.asarray(value))


def promoted(*values: Any) -> list[Any]:
    """The values as Tensors of one dtype, as products need them."""
    tensors = [tensor_of(each) for each in values]
    target = result_type_of(tensors)
    return [each.to(target) for each in tensors]


def _every(values: Any) -> list[Any]:
    """The members of a sequence, or the rows of an array, as Tensors."""
    return list(m.unbind(tensor_of(values))) if isinstance(values, TensorBase) else [tensor_of(each) for each in values]


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


def _plain(value: Any) -> Any:
    """An argument that gets no gradient, as NumPy takes it."""
    if isinstance(value, TensorBase):
        return value.detach().cpu().numpy()  # type: ignore[attr-defined]
    return type(value)(_plain(each) for each in value) if isinstance(value, (list, tuple)) and holds_tensor(value) else value


# --- reductions ---------------------------------------------------------------------------------------------------


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> Any:
        a = tensor_of(a)
        return function(a if dtype is None else a.to(dtype), dim=_axes(axis), keepdim=keepdims)

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
    return m.amax(tensor_of(a), dim=() if axis is None else _axes(axis), keepdim=keepdims)


@named("min", "amin")
def _min(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return m.amin(tensor_of(a), dim=() if axis is None else _axes(axis), keepdim=keepdims)


@named("ptp")
def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _max(a, axis, keepdims=keepdims) - _min(a, axis, keepdims=keepdims)


@named("var")
def _var(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return m.var(tensor_of(a), dim=_axes(axis), correction=ddof, keepdim=keepdims)


@named("std")
def _std(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return m.std(tensor_of(a), dim=_axes(axis), correction=ddof, keepdim=keepdims)


@named("average")
def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    a = tensor_of(a)
    if weights is None:
        return m.mean(a, dim=_axes(axis), keepdim=keepdims)
    weights = tensor_of(weights)
    if weights.ndim == 1 and a.ndim > 1 and isinstance(axis, int):
        weights = weights.reshape([-1 if d == axis % a.ndim else 1 for d in range(a.ndim)])
    return m.sum(a * weights, dim=_axes(axis), keepdim=keepdims) / m.sum(m.broadcast_to(weights, a.shape), dim=_axes(axis), keepdim=keepdims)


@named("median")
def _median(a: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    a = tensor_of(a)
    ordered = m.sort(a.reshape(-1) if axis is None else a, dim=0 if axis is None else axis)[0]
    size = ordered.shape[0 if axis is None else axis]
    middle = m.mean(m.narrow(ordered, 0 if axis is None else axis, (size - 1) // 2, 2 - size % 2), dim=0 if axis is None else axis, keepdim=keepdims and axis is not None)
    return middle.reshape((1,) * a.ndim) if keepdims and axis is None else middle


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
def _gradient(f: Any, *varargs: Any, axis: Any = None) -> Any:
    f = tensor_of(f)
    axes = tuple(range(f.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(steps) != len(axes) or any(getattr(step, "ndim", 0) or isinstance(step, (list, tuple)) for step in steps):
        raise TypeError("numpy.gradient on tensors takes one number as spacing, for all axes or for each. Coordinates are not supported")
    slopes = []
    for each, step in zip(axes, steps, strict=True):
        first, last = _part(f, each, 1, 2) - _part(f, each, 0, 1), _part(f, each, -1, 0) - _part(f, each, -2, -1)
        inner = (_part(f, each, 2, 0) - _part(f, each, 0, -2)) * 0.5
        slopes.append(m.cat([first, inner, last], dim=each) / step)
    return slopes[0] if len(slopes) == 1 else slopes


# --- shapes -------------------------------------------------------------------------------------------------------


@named("reshape")
def _reshape(a: Any, shape: Any = None, *, newshape: Any = None, order: str = "C") -> Any:
    shape = newshape if shape is None else shape
    a = tensor_of(a)
    if order == "F":
        target = tuple(np.empty(a.shape)[...].reshape(shape).shape)
        return _transpose(m.reshape(_transpose(a), target[::-1]))
    return m.reshape(a, (shape,) if isinstance(shape, int) else tuple(shape))


@named("ravel")
def _ravel(a: Any, order: str = "C") -> Any:
    return m.reshape(_transpose(a) if order == "F" else tensor_of(a), (-1,))


@named("transpose", "permute_dims")
def _transpose(a: Any, axes: Any = None) -> Any:
    a = tensor_of(a)
    return m.permute(a, tuple(range(a.ndim))[::-1] if axes is None else tuple(axes))


@named("swapaxes")
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return m.transpose(tensor_of(a), axis1, axis2)


@named("moveaxis")
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    return m.movedim(tensor_of(a), source, destination)


@named("rollaxis")
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    a = tensor_of(a)
    axis, start = axis % a.ndim, start if start >= 0 else start + a.ndim
    return m.movedim(a, axis, start - 1 if axis < start else start)


@named("expand_dims")
def _expand_dims(a: Any, axis: Any) -> Any:
    a = tensor_of(a)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for each in sorted(d % (a.ndim + len(axes)) for d in axes):
        a = m.unsqueeze(a, each)
    return a


@named("squeeze")
def _squeeze(a: Any, axis: Any = None) -> Any:
    a = tensor_of(a)
    for each in () if axis is None else (axis,) if isinstance(axis, int) else axis:
        if a.shape[each] != 1:
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    return m.squeeze(a) if axis is None else m.squeeze(a, _axes(axis))


@named("broadcast_to")
def _broadcast_to(array: Any, shape: Any) -> Any:
    return m.broadcast_to(tensor_of(array), (shape,) if isinstance(shape, int) else tuple(shape))


@named("broadcast_arrays")
def _broadcast_arrays(*args: Any) -> Any:
    return m.broadcast_tensors(*[tensor_of(each) for each in args])


def _at_least(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arys: function(*[tensor_of(each) for each in arys])


for _name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    FUNCTIONS[_name] = _at_least(getattr(m, _name))


@named("concatenate", "concat")
def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    every = _every(arrays)
    return m.cat([each.reshape(-1) for each in every] if axis is None else every, dim=axis or 0)


@named("append")
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@named("stack")
def _stack(arrays: Any, axis: int = 0) -> Any:
    return m.stack(_every(arrays), dim=axis)


def _stacking(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda tup: function(_every(tup))


for _name in ("vstack", "hstack", "dstack", "column_stack"):
    FUNCTIONS[_name] = _stacking(getattr(m, _name))
FUNCTIONS["row_stack"] = FUNCTIONS["vstack"]


@named("array_split")
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return list(m.tensor_split(tensor_of(ary), _sections(indices_or_sections), dim=axis))


def _sections(value: Any) -> Any:
    return int(value) if np.ndim(value) == 0 else [int(n) for n in value]


def _splitting(axis_of: Callable[[Any], int]) -> Callable[..., Any]:
    def split(ary: Any, indices_or_sections: Any, axis: int | None = None) -> Any:
        ary = tensor_of(ary)
        axis = axis_of(ary) if axis is None else axis
        parts = _sections(indices_or_sections)
        if isinstance(parts, int) and ary.shape[axis] % parts:
            raise ValueError("array split does not result in an equal division")
        return list(m.tensor_split(ary, parts, dim=axis))

    return split


FUNCTIONS |= {"split": _splitting(lambda a: 0), "vsplit": _splitting(lambda a: 0), "hsplit": _splitting(lambda a: 0 if a.ndim == 1 else 1), "dsplit": _splitting(lambda a: 2)}


@named("tile")
def _tile(A: Any, reps: Any) -> Any:
    a, counts = tensor_of(A), (reps,) if isinstance(reps, int) else tuple(reps)
    return a.repeat((1,) * (a.ndim - len(counts)) + counts)


@named("repeat")
def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return m.repeat_interleave(tensor_of(a), repeats if isinstance(repeats, int) else tensor_of(repeats), dim=axis)


@named("roll")
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    a = tensor_of(a)
    if axis is not None and isinstance(shift, int) != isinstance(axis, int):
        count = len(shift) if isinstance(axis, int) else len(axis)
        shift, axis = ((shift,) * count if isinstance(shift, int) else shift), ((axis,) * count if isinstance(axis, int) else axis)
    if axis is None and not isinstance(shift, int):
        shift = sum(shift)
    return m.roll(a, shift, axis)


@named("flip")
def _flip(m_: Any, axis: Any = None) -> Any:
    a = tensor_of(m_)
    return m.flip(a, tuple(range(a.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis))


FUNCTIONS |= {"fliplr": lambda a: m.fliplr(tensor_of(a)), "flipud": lambda a: m.flipud(tensor_of(a))}


@named("rot90")
def _rot90(a: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return m.rot90(tensor_of(a), k, tuple(axes))


@named("diag")
def _diag(v: Any, k: int = 0) -> Any:
    return m.diag(tensor_of(v), k)


@named("diagflat")
def _diagflat(v: Any, k: int = 0) -> Any:
    return m.diagflat(tensor_of(v), k)


@named("diagonal", "linalg.diagonal")
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return m.diagonal(tensor_of(a), offset, axis1, axis2)


@named("trace")
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return m.sum(_diagonal(a, offset, axis1, axis2), dim=-1)


@named("tril")
def _tril(a: Any, k: int = 0) -> Any:
    return m.tril(tensor_of(a), k)


@named("triu")
def _triu(a: Any, k: int = 0) -> Any:
    return m.triu(tensor_of(a), k)


@named("meshgrid")
def _meshgrid(*xi: Any, indexing: str = "xy", copy: bool = True) -> Any:
    return tuple(m.clone(grid) if copy else grid for grid in m.meshgrid(*[tensor_of(each).reshape(-1) for each in xi], indexing=indexing))


@named("pad")
def _pad(array: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    array = tensor_of(array)
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    if mode not in modes or np.ndim(constant_values):
        raise TypeError(f"numpy.pad on tensors has the modes {', '.join(modes)} with one constant value, got mode={mode!r}, constant_values={constant_values!r}")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2))[::-1]
    return m.F.extend(array, widths=tuple(int(n) for n in widths.ravel()), border=modes[mode], value=float(constant_values))


# --- choosing -----------------------------------------------------------------------------------------------------


@named("where")
def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return np.nonzero(_plain(condition))
    x, y = (tensor_of(each) if np.ndim(each) or isinstance(each, np.generic) else each for each in (x, y))
    return m.where(as_tensor(tensor_of(condition), dtype="bool"), x, y)


@named("select")
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        result = _where(condition, choice, result)
    return result


@named("clip")
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if np.ndim(low) or np.ndim(high):
        low, high = (None if each is None else tensor_of(each) for each in (low, high))
    return m.clamp(tensor_of(a), low, high)


@named("take")
def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    a = tensor_of(a)
    a, axis = (a.reshape(-1), 0) if axis is None else (a, axis % a.ndim)
    return a[(*[slice(None)] * axis, indices if isinstance(indices, (int, TensorBase)) else tensor_of(indices))]


@named("take_along_axis")
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    return m.take_along_dim(tensor_of(arr), tensor_of(indices), dim=axis)


@named("sort")
def _sort(a: Any, axis: int | None = -1, *, kind: str | None = None) -> Any:
    a = tensor_of(a)
    return m.sort(a.reshape(-1), dim=0)[0] if axis is None else m.sort(a, dim=axis, stable=kind == "stable")[0]


@named("partition")
def _partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    return _sort(a, axis)  # in order is partitioned at every position


@named("argsort")
def _argsort(a: Any, axis: int | None = -1) -> Any:
    a = tensor_of(a)
    return m.argsort(a.reshape(-1), dim=0) if axis is None else m.argsort(a, dim=axis)


# --- products -----------------------------------------------------------------------------------------------------


@named("dot")
def _dot(a: Any, b: Any) -> Any:
    a, b = promoted(a, b)
    if not a.ndim or not b.ndim:
        return a * b
    return m.matmul(a, b) if b.ndim < 3 else m.tensordot(a, b, dims=([-1], [-2]))


@named("matmul", "linalg.matmul")
def _matmul(x1: Any, x2: Any) -> Any:
    return m.matmul(*promoted(x1, x2))


@named("inner")
def _inner(a: Any, b: Any) -> Any:
    a, b = promoted(a, b)
    return m.tensordot(a, b, dims=([a.ndim - 1], [b.ndim - 1])) if a.ndim and b.ndim else a * b


@named("outer", "linalg.outer")
def _outer(a: Any, b: Any) -> Any:
    return m.outer(*promoted(_ravel(a), _ravel(b)))


@named("vdot")
def _vdot(a: Any, b: Any) -> Any:
    return m.dot(*promoted(m.conj(_ravel(a)), _ravel(b)))


@named("tensordot", "linalg.tensordot")
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    dims = axes if isinstance(axes, int) else tuple([each] if isinstance(each, int) else list(each) for each in axes)
    first, second = promoted(a, b)
    return m.tensordot(first, second, dims=dims)


@named("einsum")
def _einsum(subscripts: str, *operands: Any, optimize: Any = False) -> Any:
    return m.einsum(subscripts, *promoted(*operands))


@named("kron")
def _kron(a: Any, b: Any) -> Any:
    a, b = tensor_of(a), tensor_of(b)
    ndim = max(a.ndim, b.ndim)
    first, second = (1,) * (ndim - a.ndim) + tuple(a.shape), (1,) * (ndim - b.ndim) + tuple(b.shape)
    apart = a.reshape([n for size in first for n in (size, 1)]) * b.reshape([n for size in second for n in (1, size)])
    return apart.reshape([n * k for n, k in zip(first, second, strict=True)])


@named("cross")
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = m.movedim(tensor_of(a), axisa, -1), m.movedim(tensor_of(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(f"numpy.cross on tensors takes vectors of three components, got {a.shape[-1]} and {b.shape[-1]}")
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return m.stack(parts, dim=axisc)


# --- numbers ------------------------------------------------------------------------------------------------------


@named("real")
def _real(val: Any) -> Any:
    return tensor_of(val).real


@named("imag")
def _imag(val: Any) -> Any:
    val = tensor_of(val)
    return val.imag if val.is_complex() else val * 0


@named("real_if_close")
def _real_if_close(a: Any, tol: float = 100) -> Any:
    a = tensor_of(a)
    return a if np.iscomplexobj(np.real_if_close(_plain(a), tol)) or not a.is_complex() else a.real


@named("angle")
def _angle(z: Any, deg: bool = False) -> Any:
    z = tensor_of(z)
    angle = m.angle(z) if hasattr(m, "angle") else m.atan2(_imag(z), z.real)
    return angle * (180 / math.pi) if deg else angle


@named("round", "around", "round_")
def _round(a: Any, decimals: int = 0) -> Any:
    return m.round(tensor_of(a) * 10.0**decimals) / 10.0**decimals if decimals else m.round(tensor_of(a))


@named("fix")
def _fix(x: Any) -> Any:
    return m.trunc(tensor_of(x))


@named("sinc")
def _sinc(x: Any) -> Any:
    x = tensor_of(x) * math.pi
    zero = x == 0
    safe = m.where(zero, 1.0, x)
    return m.where(zero, 1.0 - x * x / 6, m.sin(safe) / safe)  # to second order at 0, so that its derivatives there are right


@named("nan_to_num")
def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    x = tensor_of(x)
    largest = float(np.finfo(_plain(x).dtype).max) if x.is_floating_point() else 0.0
    x = m.where(m.isnan(x), nan, x)
    x = m.where(x == math.inf, largest if posinf is None else posinf, x)
    return m.where(x == -math.inf, -largest if neginf is None else neginf, x)


@named("isclose")
def _isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    return np.isclose(_plain(a), _plain(b), rtol, atol, equal_nan)


@named("linspace")
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True) -> Any:
    start, stop = tensor_of(start), tensor_of(stop)
    steps = arange(num, dtype="float64").reshape((-1, *[1] * max(start.ndim, stop.ndim)))
    return start + (stop - start) * (steps / max(num - 1 if endpoint else num, 1))


# --- making -------------------------------------------------------------------------------------------------------


@named("array", "asarray", "asanyarray", "ascontiguousarray", "asfarray")
def _array(object: Any, dtype: Any = None, *, copy: bool | None = None, ndmin: int = 0) -> Any:
    found = tensor_of(object)
    found = found if dtype is None else found.to(dtype)
    return found.reshape((1,) * (ndmin - found.ndim) + tuple(found.shape)) if found.ndim < ndmin else found


@named("copy")
def _copy(a: Any) -> Any:
    return m.clone(tensor_of(a))


@named("astype")
def _astype(x: Any, dtype: Any) -> Any:
    return tensor_of(x).to(dtype)


@named("full")
def _full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    return m.clone(_broadcast_to(_array(fill_value, dtype), shape))


@named("zeros_like")
def _zeros_like(a: Any, dtype: Any = None) -> Any:
    return zeros_like(tensor_of(a), dtype=dtype)


@named("ones_like")
def _ones_like(a: Any, dtype: Any = None) -> Any:
    return ones_like(tensor_of(a), dtype=dtype)


@named("empty_like")
def _empty_like(prototype: Any, dtype: Any = None) -> Any:
    return zeros_like(tensor_of(prototype), dtype=dtype)


@named("full_like")
def _full_like(a: Any, fill_value: Any, dtype: Any = None) -> Any:
    a = tensor_of(a)
    return _full(a.shape, fill_value, a.dtype if dtype is None else dtype) if holds_tensor(fill_value) else full_like(a, fill_value, dtype=dtype)


@named("make_diagonal")
def make_diagonal(D: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """A zero-filled array with the last axis of ``D`` on the diagonal of ``axis1`` and ``axis2``."""
    return m.diag_embed(tensor_of(D), offset, axis1, axis2)


# --- what has no gradient -----------------------------------------------------------------------------------------


def _on_values(name: str) -> Callable[..., Any]:
    """NumPy's own function on the values: its results are integers, booleans or shapes, where a gradient has no meaning."""
    function = getattr(np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        with no_grad():
            return function(*_plain(args), **{key: _plain(value) for key, value in kwargs.items()})

    return call


for _name in ("allclose", "argpartition", "argwhere", "array_equal", "array_equiv", "count_nonzero", "flatnonzero", "iscomplex", "iscomplexobj", "isneginf", "isposinf", "isreal",
              "isrealobj", "isscalar", "nonzero", "result_type", "searchsorted", "digitize", "bincount", "may_share_memory", "shares_memory", "array2string", "array_repr",
              "array_str", "lexsort", "nanargmax", "nanargmin", "common_type", "can_cast", "min_scalar_type", "in1d", "isin", "histogram", "histogram_bin_edges", "packbits"):
    if hasattr(np, _name):
        FUNCTIONS[_name] = _on_values(_name)


@named("shape")
def _shape(a: Any) -> Any:
    return tuple(tensor_of(a).shape)


@named("ndim")
def _ndim(a: Any) -> Any:
    return tensor_of(a).ndim


@named("size")
def _size(a: Any, axis: int | None = None) -> Any:
    return tensor_of(a).numel() if axis is None else tensor_of(a).shape[axis]
