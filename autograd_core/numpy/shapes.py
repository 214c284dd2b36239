"""NumPy's functions that reshape, join, split and rearrange, on Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _methods as m
from .register import FUNCTIONS, members, named, plain_axes, tensor_of


@named("reshape")
def _reshape(a: Any, shape: Any = None, *, newshape: Any = None, order: str = "C") -> Any:
    shape = newshape if shape is None else shape
    a = tensor_of(a)
    if order == "F":
        target = tuple(np.empty(a.shape)[...].reshape(shape).shape)
        return _transpose(m.reshape(_transpose(a), target[::-1]))
    return m.reshape(a, (shape,) if isinstance(shape, int) else tuple(shape))


@named("ravel")
def ravel(a: Any, order: str = "C") -> Any:
    """The elements in one axis, row by row or (``order="F"``) column by column."""
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
    return m.squeeze(a) if axis is None else m.squeeze(a, plain_axes(axis))


@named("broadcast_to")
def broadcast_to(array: Any, shape: Any) -> Any:
    """A view of ``array`` with the given shape."""
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
    parts = members(arrays)
    return m.cat([each.reshape(-1) for each in parts] if axis is None else parts, dim=axis or 0)


@named("append")
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


@named("stack")
def _stack(arrays: Any, axis: int = 0) -> Any:
    return m.stack(members(arrays), dim=axis)


def _stacking(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda tup: function(members(tup))


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
