"""Arithmetic: a table of derivatives.

In a formula ``g`` is the cotangent of the result and ``masked(g, v)`` is ``v``, but 0 instead of NaN where ``g`` is 0:
a branch that a mask has switched off must not turn 0 · inf into NaN.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, complex128, float64
from ..kernels import special as kernels
from ..kernels.blocks import at_hand
from ..kernels.numbers import ZERO
from ..op import Arg, S, composite, elementwise, span

ALPHA = {"parameter": "alpha: Number = 1", "line": "if alpha != 1:\n    other = other * alpha"}
ROUNDING = {"parameter": "rounding_mode: str | None = None",
            "line": "if rounding_mode is not None:\n    result = div_rounded(input, other, rounding_mode)\n    return result if out is None else into(out, result)",
            "inplace_line": "if rounding_mode is not None:\n    return copy_(input, div_rounded(input, other, rounding_mode))"}

add = elementwise("add", "input other", infix="+", vjp={"input": "g", "other": "g"}, label="+", inplace=True, extra=ALPHA,
                  doc="``input + other``; with ``alpha``, ``input + alpha * other``.")
sub = elementwise("sub", "input other", ufunc="subtract", infix="-", vjp={"input": "g", "other": "-g"}, label="-", inplace=True, extra=ALPHA,
                  aliases=("subtract",), doc="``input - other``; with ``alpha``, ``input - alpha * other``.")
mul = elementwise("mul", "input other", ufunc="multiply", infix="*", vjp={"input": "g * other", "other": "g * input"}, label="*", inplace=True,
                  aliases=("multiply",), doc="``input * other``.")
div = elementwise("div", "input other", ufunc="true_divide", infix="/", promotes="float", label="/", inplace=True, extra=ROUNDING,
                  vjp={"input": "masked(g, g / other)", "other": "masked(g, -g * (input / other) / other)"}, aliases=("divide", "true_divide"),
                  samples=[S((3, 4), span(0.5, 2.0, 3, 4))], domain=(0.5, 2.0),
                  doc="``input / other``, in floating point; ``rounding_mode`` may be ``'trunc'`` or ``'floor'``.")
neg = elementwise("neg", ufunc="negative", extra={"direct": "-a_input"}, vjp="-g", label="-", scalar=lambda x: -x, inplace=True, aliases=("negative",), doc="``-input``.")


def sign_of(xp: Any, input: Any) -> Any:
    """-1, 0 or 1; 0 for NaN too, as in PyTorch. NumPy's function, which keeps NaN, is slower for more than a few."""
    if input.dtype.kind not in "fi":
        return xp.sign(input) if input.dtype.kind != "b" else input.copy()
    if input.size < _FEW and at_hand(input):
        few = xp.sign(input)
        if xp.count_nonzero(few == few) == few.size:
            return few
    (zero,) = ZERO[input.__class__, input.dtype]
    return ((input > zero).view("i1") - (input < zero).view("i1")).astype(input.dtype)


_FEW = 1 << 9
"""Elements up to which NumPy's ``sign`` is faster than two comparisons."""


def _pow(xp: Any, input: Any, exponent: Any, *, out: Any = None) -> Any:
    if out is not None and out.dtype.kind in "iu":  # NumPy meets a negative power when it has written other elements
        out[...] = _pow(xp, input, exponent)
        return out
    try:
        return input**exponent if out is None else xp.power(input, exponent, out=out)  # the operator is fast for 2, 1, 0.5 and -1
    except ValueError:  # integers to negative powers, which are refused for a number alone, as in PyTorch
        if not hasattr(exponent, "dtype"):
            raise
    whole = xp.where(exponent < 0, xp.where(input == 1, 1, xp.where(input == -1, 1 - 2 * (exponent & 1), 0)), input ** xp.maximum(exponent, 0))
    return whole.astype(xp.result_type(input, exponent), copy=False)


pow = elementwise("pow", "input exponent", kernel=_pow, infix="**", label="**", inplace=True, domain=(0.5, 2.0), extra={"branch_cut": True},
                  vjp={"input": "masked(g, where(exponent == 0, 0, g * (exponent * pow(input, exponent - 1))))",
                       "exponent": "masked(g, where((input == 0) & (exponent == abs(exponent)), 0, g * (out * log(where(exponent == exponent, input, exponent)))))"},
                  doc="``input ** exponent``; either may be a number.")
square = elementwise("square", promotes="number", vjp="g * (2 * input)", label="²", scalar=lambda x: x * x, inplace=True, doc="``input ** 2``.")
abs = elementwise("abs", ufunc="absolute", vjp="g * sgn(input)", label="|·|", scalar=abs, holomorphic=False, inplace=True, aliases=("absolute",),
                  samples=[S(Arg(values=[-2.0, 0.0, 3.0]))], doc="Absolute value; the gradient at 0 is 0.")
sign = elementwise("sign", kernel=sign_of, vjp="fill(g, 0)", scalar=lambda x: float((x > 0) - (x < 0)), inplace=True, doc="-1, 0 or 1 by the sign; the gradient is 0.")
reciprocal = elementwise("reciprocal", kernel=lambda xp, input: xp.reciprocal(input) if input.dtype.kind == "f" else 1 / input, vjp="masked(g, -g * (out * out))",
                         promotes="float", scalar=lambda x: 1 / x, domain=(0.5, 2.0), label="1/x", inplace=True, doc="``1 / input``.")
copysign = elementwise("copysign", "input other", promotes="float", inplace=True, vjp={"input": "where(input == 0, 0, g * (out / input))", "other": "fill(g, 0)"},
                       samples=[S(Arg(values=[0.0, -1.5, 2.0, 2.5]), Arg(values=[-1.0, 0.0, -0.0, -3.0]))],
                       doc="The size of ``input`` with the sign of ``other``; the gradient at 0, and that of ``other``, is 0.")
hypot = elementwise("hypot", "input other", kernel=kernels.hypot, inplace=True, domain=(0.5, 2.0),
                    vjp={"input": "masked(g, g * (input / out))", "other": "masked(g, g * (other / out))"}, doc="``sqrt(input ** 2 + other ** 2)``, without overflow on the way.")


@composite("positive(input: Tensor) -> Tensor", out=False)
def positive(F: Any, input: Any) -> Any:
    """The tensor itself, as ``+input``; booleans are refused as in PyTorch."""
    if as_dtype(input.dtype).name == "bool":
        raise RuntimeError("positive: The `+` operator, on a bool tensor is not supported. Convert it with .int() first")
    return input


@composite("rsub(input: Tensor, other: TensorLike, *, alpha: Number = 1) -> Tensor", out=False, places=("torch",))
def rsub(F: Any, input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other - alpha * input``."""
    return F.sub(other, input if alpha == 1 else F.mul(input, alpha))


@composite("float_power(input: TensorLike, exponent: TensorLike) -> Tensor")
def float_power(F: Any, input: Any, exponent: Any) -> Any:
    """``input ** exponent`` in float64, or complex128 if either is complex."""
    each = (input, exponent)
    if not any(hasattr(x, "dtype") for x in each):
        raise TypeError(f"float_power: expected at least one tensor, got {type(input).__name__} and {type(exponent).__name__}")
    complex_ = any(isinstance(x, complex) or (hasattr(x, "dtype") and as_dtype(x.dtype).is_complex) for x in each)
    base, power = (F.to_dtype(x, dtype=complex128 if complex_ else float64) if hasattr(x, "dtype") else x for x in each)
    return F.pow(base, power)


@composite("float_power_(input: Tensor, exponent: TensorLike) -> Tensor", places=("Tensor",))
def float_power_(F: Any, input: Any, exponent: Any) -> Any:
    """``float_power``, written into the tensor itself, which must be of float64 or complex128."""
    result = F.float_power(input, exponent)
    if input.dtype != result.dtype:
        raise RuntimeError(f"float_power_: the base given to float_power_ has dtype {input.dtype} but the operation's result requires dtype {result.dtype}. Use float_power")
    return input.copy_(result)
