"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..kernels.blocks import in_blocks, large
from ..kernels.choose import choose
from ..kernels.numbers import Numbers
from ..kernels.quiet import quiet
from ..op import Arg, S, elementwise

LOG_2 = math.log(2.0)
LOG_10 = math.log(10.0)
SPECIAL = ("torch", "Tensor", "special")

exp = elementwise("exp", vjp="g * out", promotes="float", scalar=math.exp, inplace=True, doc="e to the power of ``input``.")
expm1 = elementwise("expm1", places=SPECIAL, vjp="g * (out + 1)", promotes="float", scalar=math.expm1, inplace=True, doc="``exp(input) - 1``, exact near 0.")
log = elementwise("log", vjp="masked(g, g / input)", promotes="float", scalar=math.log, inplace=True, domain=(0.2, 3.0), doc="Natural logarithm.")
log1p = elementwise("log1p", places=SPECIAL, vjp="masked(g, g / (input + 1))", promotes="float", scalar=math.log1p, domain=(-0.7, 3.0),
                    inplace=True, doc="``log(1 + input)``, exact near 0.")
exp2 = elementwise("exp2", places=SPECIAL, vjp=f"g * (out * {LOG_2!r})", promotes="float", scalar=lambda x: 2.0**x, inplace=True, doc="2 to the power of ``input``.")
log2 = elementwise("log2", vjp=f"masked(g, g / (input * {LOG_2!r}))", promotes="float", scalar=math.log2, domain=(0.2, 3.0), inplace=True, doc="Logarithm to base 2.")
log10 = elementwise("log10", vjp=f"masked(g, g / (input * {LOG_10!r}))", promotes="float", scalar=math.log10, domain=(0.2, 3.0), inplace=True, doc="Logarithm to base 10.")
sqrt = elementwise("sqrt", vjp="masked(g, g / (2 * out))", promotes="float", scalar=math.sqrt, inplace=True, domain=(0.2, 3.0), label="√",
                   doc="Square root.")
rsqrt = elementwise("rsqrt", kernel=lambda xp, input: xp.reciprocal(xp.sqrt(input)), vjp="masked(g, g * (-0.5 * (out * out * out)))", promotes="float",
                    scalar=lambda x: 1 / math.sqrt(x), domain=(0.2, 3.0), label="1/√", inplace=True, doc="``1 / sqrt(input)``.")

# --- of two -------------------------------------------------------------------------------------------------------



def _logaddexp(xp: Any, input: Any, other: Any) -> Any:
    return _larger_and_rest(xp, input, other, xp.logaddexp, 1.0)


def _logaddexp2(xp: Any, input: Any, other: Any) -> Any:
    return _larger_and_rest(xp, input, other, xp.logaddexp2, LOG_2)


def _larger_and_rest(xp: Any, input: Any, other: Any, library: Any, base: float) -> Any:
    """The larger, and the logarithm of 1 plus the exponential of their distance; the library's own function takes them one by one."""
    if getattr(input, "shape", None) != getattr(other, "shape", None) or input.dtype.kind != "f" or other.dtype != input.dtype or input.dtype.itemsize < 4 or input.size < _FEW:
        return library(input, other)
    if large(input):
        return in_blocks(xp, lambda first, second: _larger_and_rest(xp, first, second, library, base), input, other)
    with quiet(xp, input):
        rest = input - other
        xp.abs(rest, out=rest)
        rest *= -base
        xp.exp(rest, out=rest)
        xp.fmin(rest, 1.0, out=rest)  # NaN between equal infinities
        xp.log1p(rest, out=rest)
        if base != 1.0:
            rest /= base
        rest += xp.maximum(input, other)
    return rest


_FEW = 1 << 9
"""Elements up to which one slow call takes less than eight fast ones."""

logaddexp = elementwise("logaddexp", "input other", kernel=_logaddexp, vjp={"input": "masked(g, g * sigmoid(input - other))", "other": "masked(g, g * sigmoid(other - input))"},
                        doc="``log(exp(input) + exp(other))``, without overflow.")
logaddexp2 = elementwise("logaddexp2", "input other", kernel=_logaddexp2,
                         vjp={"input": f"masked(g, g * sigmoid((input - other) * {LOG_2!r}))", "other": f"masked(g, g * sigmoid((other - input) * {LOG_2!r}))"},
                         doc="``log2(2 ** input + 2 ** other)``, without overflow.")


def _array(xp: Any, value: Any, other: Any) -> Any:
    """A Python number in the dtype of the other operand: logarithms would be float64."""
    return value if hasattr(value, "dtype") else xp.asarray(value, dtype=other.dtype)


_BOTH = Numbers(0, 1)


def _xlogy(xp: Any, input: Any, other: Any) -> Any:
    other = _array(xp, other, input)
    zero, one = _BOTH[other.__class__, other.dtype]
    nothing = input == zero
    if nothing.__class__ is xp.ndarray and backend_of(nothing).name == "cpu" and not xp.count_nonzero(nothing):
        return input * xp.log(other)
    nothing = nothing & (other == other)
    return choose(xp, nothing, 0, input * xp.log(choose(xp, nothing, xp.asarray(one, dtype=other.dtype), other)))


def _xlog1py(xp: Any, input: Any, other: Any) -> Any:
    other = _array(xp, other, input)
    nothing = (input == 0) & (other == other)
    return xp.where(nothing, 0, input * xp.log1p(xp.where(nothing, 0, other)))


xlogy = elementwise("xlogy", "input other", kernel=_xlogy, promotes="float", inplace=True, domain=(0.2, 3.0), places=SPECIAL,
                    signature="xlogy(input: TensorLike, other: TensorLike) -> Tensor", samples=[S(Arg(values=[0.0, 0.0, 2.0]), Arg(values=[0.0, 3.0, 0.5]))],
                    vjp={"input": "where((input == 0) & (other <= 0), 0, xlogy(g, other))", "other": "masked(g, g * (input / other))"},
                    doc="``input * log(other)``, and 0 where ``input`` is 0, unless ``other`` is NaN.")
xlog1py = elementwise("xlog1py", "input other", kernel=_xlog1py, promotes="float", domain=(-0.7, 3.0), places=("special",),
                      signature="xlog1py(input: TensorLike, other: TensorLike) -> Tensor", samples=[S(Arg(values=[0.0, 0.0, 2.0]), Arg(values=[-1.0, 3.0, 0.5]))],
                      vjp={"input": "where((input == 0) & (other <= -1), 0, xlog1py(g, other))", "other": "masked(g, g * (input / (other + 1)))"},
                      doc="``input * log1p(other)``, and 0 where ``input`` is 0, unless ``other`` is NaN.")
