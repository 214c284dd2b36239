"""Choosing element by element with bit operations: NumPy's own loops branch at every element, which on random conditions is eight times slower."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import float16, float32, float64, int8, int16, int32, int64
from .blocks import at_hand, in_blocks, large
from .numbers import ZERO
from .quiet import quietly

_BITS: dict[Any, Any] = {entry.dtype: integers.dtype for entry, integers in ((float16, int16), (float32, int32), (float64, int64))}
_ONE = int8.dtype.type(1)
_SIGN: dict[Any, Any] = {dtype: bits.type(-(2 ** (8 * bits.itemsize - 1))) for dtype, bits in _BITS.items()}


_FEW = 1 << 11
"""Elements up to which branches cost less than the calls around the bits."""
_FEW_NEIGHBOURS = 1 << 9
"""Elements up to which the library's slow call takes less than a dozen fast ones."""


def choose(xp: Any, condition: Any, input: Any, other: Any) -> Any:
    """``input`` where ``condition`` holds, ``other`` elsewhere."""
    if condition.__class__ is bool:
        chosen = input if condition else other
        return chosen if getattr(chosen, "shape", ()) else xp.where(condition, input, other)
    if condition.dtype.kind != "b":
        raise RuntimeError(f"where: expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype.name}. Write a comparison, or use .bool()")
    if condition.size < _FEW:
        if other.__class__ is int and other == 0 and input.__class__ is condition.__class__ and at_hand(input) and input.shape == condition.shape:
            few = xp.zeros(input.shape, input.dtype)  # to put some over zeros, or zeros over a copy, takes two thirds of the time of a choice
            xp.putmask(few, condition, input)
            return few
        if input.__class__ is int and input == 0 and other.__class__ is condition.__class__ and at_hand(other) and other.shape == condition.shape:
            few = other.copy()
            xp.putmask(few, condition, ZERO[few.__class__, few.dtype][0])
            return few
        return xp.where(condition, input, other)
    if backend_of(condition).name != "cpu" or (input.__class__ is int and not isinstance(condition, xp.ndarray)):
        return xp.where(condition, input, other)  # a plan, too, does its own with a choice between 0 and something
    mask = condition.view("i1")
    if input.__class__ is int and input == 0 and hasattr(other, "dtype") and other.dtype in _BITS:
        return ((mask - _ONE) & other.view(_BITS[other.dtype])).view(other.dtype)
    dtype = getattr(input, "dtype", None)
    if dtype not in _BITS:
        return xp.where(condition, input, other)
    if other.__class__ is int and other == 0:
        return (xp.negative(mask) & input.view(_BITS[dtype])).view(dtype)
    if getattr(other, "dtype", None) is not dtype:
        return xp.where(condition, input, other)
    second = other.view(_BITS[dtype])
    chosen = (input.view(_BITS[dtype]) ^ second) & xp.negative(mask)
    return (chosen ^ second).view(dtype)


def put_over(xp: Any, condition: Any, input: Any, other: Any) -> Any:
    """``choose`` of arrays of one shape and dtype, into the memory of ``other`` where that takes half the time: of few."""
    if condition.size < _FEW and other.__class__ is xp.ndarray and at_hand(other):
        xp.putmask(other, condition, input)
        return other
    return choose(xp, condition, input, other)


def limited(xp: Any, x: Any, low: Any, high: Any, *, out: Any = None) -> Any:
    """``minimum(maximum(x, low), high)``, of an array of NumPy's in one pass, which takes a third of the time of the two."""
    if x.__class__ is xp.ndarray and x.dtype.kind == "f" and backend_of(x).name == "cpu":
        return x.clip(low, high, out=out)
    return xp.minimum(xp.maximum(x, low, out=out), high, out=out)


def with_sign(xp: Any, size: Any, x: Any) -> Any:
    """``size``, which is not negative, with the signs of ``x``, which has its dtype."""
    bits = _BITS.get(size.dtype)
    if bits is None or not size.ndim:
        return xp.copysign(size, x)
    marks = x.view(bits) & _SIGN[size.dtype]
    marks |= size.view(bits)
    return marks.view(size.dtype)


def signed_zeros(x: Any) -> Any:
    """Zeros with the signs of floats."""
    return (x.view(_BITS[x.dtype]) & _SIGN[x.dtype]).view(x.dtype)


def neighbour(xp: Any, input: Any, other: Any, *, out: Any = None) -> Any:
    """The number next to ``input`` on the way to ``other``: as whole numbers, the bits of neighbours of one sign differ by 1. NumPy asks the C
    library for one number after the other."""
    plain = out is not None or input.__class__ is not other.__class__ or input.dtype is not other.dtype or input.dtype not in _BITS or input.shape != other.shape
    if plain or input.size < _FEW_NEIGHBOURS or backend_of(input).name != "cpu":
        return xp.nextafter(input, other) if out is None else xp.nextafter(input, other, out=out)
    return quietly(input, in_blocks, xp, partial(_neighbour, xp), input, other) if large(input) else quietly(input, _neighbour, xp, input, other)


def _neighbour(xp: Any, x: Any, y: Any) -> Any:
    outwards = y - x
    outwards *= x
    (zero,) = ZERO[x.__class__, x.dtype]
    direction = (outwards > zero).view("i1")
    direction -= (outwards < zero).view("i1")
    bits = x.view(_BITS[x.dtype])
    steps = direction.astype(bits.dtype)
    steps += bits  # the bits of negative numbers count outwards too
    result = steps.view(x.dtype)
    if xp.count_nonzero(direction) < x.size:  # zeros, equal numbers, NaN, and differences that vanish
        places = (direction == 0).nonzero()
        result[places] = xp.nextafter(x[places], y[places])
    return result
