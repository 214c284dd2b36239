"""Rounding, and division with a remainder."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import float32, float64, int64
from ..kernels.blocks import at_hand, in_blocks, large
from ..kernels.choose import signed_zeros
from ..kernels.numbers import finite
from ..kernels.quiet import quietly
from ..op import S, composite, elementwise


def _round(xp: Any, input: Any, *, decimals: int = 0) -> Any:
    return xp.round(input, decimals) if decimals or input.dtype.kind != "f" else xp.rint(input)


floor = elementwise("floor", vjp="fill(g, 0)", scalar=lambda x: float(math.floor(x)), inplace=True, label="⌊·⌋",
                    doc="The largest integer not above ``input``; the gradient is 0.")
ceil = elementwise("ceil", vjp="fill(g, 0)", scalar=lambda x: float(math.ceil(x)), inplace=True, label="⌈·⌉",
                   doc="The smallest integer not below ``input``; the gradient is 0.")
trunc = elementwise("trunc", vjp="fill(g, 0)", scalar=lambda x: float(math.trunc(x)), inplace=True, aliases=("fix",),
                    doc="``input`` without its fractional part; the gradient is 0.")
round = elementwise("round", extra={"direct": "a_input.round(decimals)"}, places=("torch", "Tensor", "special"), kernel=_round,
                    signature="round(input: Tensor, *, decimals: int = 0) -> Tensor", vjp="fill(g, 0)", inplace=True,
                    samples=[S((3, 4), decimals=1)], doc="``input`` rounded to ``decimals`` places, halves to the even neighbour; the gradient is 0.")
frac = elementwise("frac", kernel=lambda xp, input: input - xp.trunc(input), vjp="g", scalar=lambda x: math.fmod(x, 1.0), inplace=True,
                   doc="The fractional part, ``input - trunc(input)``.")


def _no_zero(op: str, xp: Any, input: Any, other: Any) -> None:
    """Refuse integers divided by zero, where NumPy would answer 0. A GPU does not wait for the answer, as in PyTorch."""
    if getattr(input, "dtype", _INTEGER).kind not in "biu" or getattr(other, "dtype", _INTEGER).kind not in "biu" or float in (input.__class__, other.__class__):
        return
    if not other if not hasattr(other, "dtype") else (backend_of(other).name == "cpu" and not other.all()):
        raise RuntimeError(f"{op}: ZeroDivisionError: the integer divisor holds a zero. Mask it out, or divide in floating point with .float()")


_INTEGER = int64.dtype
_FEW = 1 << 9
"""Elements up to which the library's slow division takes less than the calls around a fast one."""


def _exactly(xp: Any, input: Any, other: Any, rounding: Any, library: Any, *, quotient: bool = False) -> Any:
    """A division with rest of large float32 arrays in float64, where a quotient that is not huge has room for all digits; ``library`` else."""
    dtype = getattr(input, "dtype", None)
    if dtype != _SINGLE or getattr(other, "dtype", None) != dtype or input.shape != other.shape or input.size < _FEW or backend_of(input).name != "cpu":
        return library(input, other)
    if large(input):
        return in_blocks(xp, lambda first, second: _exactly(xp, first, second, rounding, library, quotient=quotient), input, other)
    second = other.astype(_DOUBLE)
    whole = quietly(input, xp.divide, input, second)
    limit = 2.0**24 if quotient else 2.0**28
    small = xp.vdot(whole, whole) < limit * limit or (whole.max() < limit and whole.min() > -limit)  # NaN fails too
    if not (small and finite(xp, other)):
        return library(input, other)
    rounding(whole, out=whole)
    if quotient:
        return whole.astype(dtype)
    whole *= second
    whole -= input
    rest = whole.astype(dtype)
    xp.negative(rest, out=rest)  # zeros are negative now, so that adding a zero gives them that one's sign
    rest += signed_zeros(input)
    return rest


_SINGLE, _DOUBLE = float32.dtype, float64.dtype


def _remainder(xp: Any, input: Any, other: Any) -> Any:
    _no_zero("remainder", xp, input, other)

    def library(input: Any, other: Any) -> Any:
        result = xp.remainder(input, other)
        if result.dtype.kind != "f" or (at_hand(result) and xp.count_nonzero(result) == result.size):
            return result
        return xp.where(result == 0, xp.copysign(result, input), result)  # a zero keeps the sign of the input, as in C

    return _exactly(xp, input, other, xp.floor, library)


def _fmod(xp: Any, input: Any, other: Any) -> Any:
    _no_zero("fmod", xp, input, other)
    return _exactly(xp, input, other, xp.trunc, xp.fmod)


def _floor_divide(xp: Any, input: Any, other: Any) -> Any:
    _no_zero("floor_divide", xp, input, other)
    return _exactly(xp, input, other, xp.floor, xp.floor_divide, quotient=True)


def _trunc_divide(xp: Any, input: Any, other: Any) -> Any:
    _no_zero("div", xp, input, other)
    dtype = xp.result_type(input, other)
    if dtype.kind in "iu":
        return xp.floor_divide(input - xp.fmod(input, other), other)  # in float64 large integers would lose digits
    return xp.trunc(xp.true_divide(input, other))


remainder = elementwise("remainder", "input other", kernel=_remainder, label="mod", inplace=True, domain=(0.6, 1.9),
                        vjp={"input": "g", "other": "masked(g, -g * floor_divide(input, other))"},
                        doc="The remainder of ``input / other`` with the sign of ``other``, as Python's ``%``. Integers divided by 0 raise ``RuntimeError``.")
fmod = elementwise("fmod", "input other", kernel=_fmod, inplace=True, domain=(0.6, 1.9), vjp={"input": "g", "other": "masked(g, -g * trunc(input / other))"},
                   doc="The remainder of ``input / other`` with the sign of ``input``, as C's ``fmod``. Integers divided by 0 raise ``RuntimeError``.")
floor_divide = elementwise("floor_divide", "input other", kernel=_floor_divide, label="//", inplace=True, domain=(0.6, 1.9), vjp={"input": "fill(g, 0)", "other": "fill(g, 0)"},
                           doc="``input / other`` rounded down, in the operands' dtype; the gradient is 0. Integers divided by 0 raise ``RuntimeError``.")
trunc_divide = elementwise("trunc_divide", "input other", kernel=_trunc_divide, places=(), extra={"written": "div"}, domain=(0.6, 1.9),
                           vjp={"input": "fill(g, 0)", "other": "fill(g, 0)"},
                           doc="``input / other`` rounded towards zero, in the operands' dtype; the gradient is 0.")


@composite("div_rounded(input: Tensor, other: TensorLike, rounding_mode: str) -> Tensor", places=())
def div_rounded(F: Any, input: Any, other: Any, rounding_mode: str) -> Any:
    """``div`` with a ``rounding_mode``."""
    if rounding_mode == "floor":
        return F.floor_divide(input, other)
    if rounding_mode == "trunc":
        return F.trunc_divide(input, other)
    raise RuntimeError(f"div: expected rounding_mode to be one of None, 'trunc', or 'floor', but found {rounding_mode!r}")
