"""NumPy's functions of numbers, and those that make arrays, on Tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _methods as m
from ..config import no_grad
from ..creation import arange, full_like, ones_like, zeros_like
from .register import FUNCTIONS, holds_tensor, named, plain, tensor_of
from .shapes import broadcast_to

# --- numbers -----------------------------------------------------------------------------------------------------


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
    return a if np.iscomplexobj(np.real_if_close(plain(a), tol)) or not a.is_complex() else a.real


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
    largest = float(np.finfo(plain(x).dtype).max) if x.is_floating_point() else 0.0
    x = m.where(m.isnan(x), nan, x)
    x = m.where(x == math.inf, largest if posinf is None else posinf, x)
    return m.where(x == -math.inf, -largest if neginf is None else neginf, x)


@named("isclose")
def _isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    return np.isclose(plain(a), plain(b), rtol, atol, equal_nan)


@named("linspace")
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True) -> Any:
    start, stop = tensor_of(start), tensor_of(stop)
    steps = arange(num, dtype="float64").reshape((-1, *[1] * max(start.ndim, stop.ndim)))
    return start + (stop - start) * (steps / max(num - 1 if endpoint else num, 1))


# --- making ------------------------------------------------------------------------------------------------------


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
    return m.clone(broadcast_to(_array(fill_value, dtype), shape))


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


# --- what has no gradient ----------------------------------------------------------------------------------------


def _on_values(name: str) -> Callable[..., Any]:
    """NumPy's own function on the values: its results are integers, booleans or shapes, where a gradient has no meaning."""
    function = getattr(np, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        with no_grad():
            return function(*plain(args), **{key: plain(value) for key, value in kwargs.items()})

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
