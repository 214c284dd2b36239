"""Elementwise operations: a table of derivatives.

In a formula ``g`` is the cotangent of the result and ``masked(g, v)`` is ``v``, but 0 instead of NaN where ``g`` is 0:
a branch that a mask has switched off must not turn 0 · inf into NaN.
"""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..op import REGISTRY, Arg, S, bools, elementwise, span
from ..spec import elementwise_spec

NN = ("nn.functional",)
TORCH_NN = ("torch", "nn.functional")
ALL = ("torch", "Tensor", "nn.functional")

ALPHA = {"parameter": "alpha: Number = 1", "line": "if alpha != 1:\n    other = other * alpha"}
ROUNDING = {"parameter": "rounding_mode: str | None = None",
            "line": "if rounding_mode is not None:\n    return div_rounded(input, other, rounding_mode)",
            "inplace_line": "if rounding_mode is not None:\n    return copy_(input, div_rounded(input, other, rounding_mode))"}

# --- arithmetic ---------------------------------------------------------------------------------------------------

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
neg = elementwise("neg", ufunc="negative", vjp="-g", label="-", scalar=lambda x: -x, inplace=True, aliases=("negative",), doc="``-input``.")
pow = elementwise("pow", "input exponent", ufunc="power", infix="**", label="**", inplace=True, domain=(0.5, 2.0),
                  vjp={"input": "masked(g, where(exponent == 0, 0, g * (exponent * pow(input, exponent - 1))))",
                       "exponent": "masked(g, where((input == 0) & (exponent >= 0), 0, g * (out * log(input))))"},
                  doc="``input ** exponent``; either may be a number.")
square = elementwise("square", vjp="g * (2 * input)", label="²", scalar=lambda x: x * x, doc="``input ** 2``.")
abs = elementwise("abs", ufunc="absolute", vjp="g * sign(input)", label="|·|", scalar=abs, holomorphic=False, inplace=True, aliases=("absolute",),
                  samples=[S(Arg(values=[-2.0, 0.0, 3.0]))], doc="Absolute value; the gradient at 0 is 0.")
sign = elementwise("sign", vjp="g * 0", scalar=lambda x: float((x > 0) - (x < 0)), doc="-1, 0 or 1 by the sign; the gradient is 0.")

# --- exponentials and logarithms ----------------------------------------------------------------------------------

exp = elementwise("exp", vjp="g * out", promotes="float", scalar=math.exp, inplace=True, cuda="exp({input})", doc="e to the power of ``input``.")
expm1 = elementwise("expm1", vjp="g * (out + 1)", promotes="float", scalar=math.expm1, doc="``exp(input) - 1``, exact near 0.")
log = elementwise("log", vjp="masked(g, g / input)", promotes="float", scalar=math.log, inplace=True, domain=(0.2, 3.0), doc="Natural logarithm.")
log1p = elementwise("log1p", vjp="masked(g, g / (input + 1))", promotes="float", scalar=math.log1p, domain=(-0.7, 3.0),
                    doc="``log(1 + input)``, exact near 0.")
sqrt = elementwise("sqrt", vjp="masked(g, g / (2 * out))", promotes="float", scalar=math.sqrt, inplace=True, domain=(0.2, 3.0), label="√",
                   doc="Square root.")
rsqrt = elementwise("rsqrt", kernel=lambda xp, input: 1 / xp.sqrt(input), vjp="masked(g, g * (-0.5 * (out * out * out)))", promotes="float",
                    scalar=lambda x: 1 / math.sqrt(x), domain=(0.2, 3.0), label="1/√", doc="``1 / sqrt(input)``.")

# --- trigonometric and hyperbolic ---------------------------------------------------------------------------------

sin = elementwise("sin", vjp="g * cos(input)", promotes="float", scalar=math.sin, inplace=True, doc="Sine, in radians.")
cos = elementwise("cos", vjp="-g * sin(input)", promotes="float", scalar=math.cos, inplace=True, doc="Cosine, in radians.")
tanh = elementwise("tanh", vjp="g * (1 - out * out)", promotes="float", scalar=math.tanh, inplace=True, places=ALL, doc="Hyperbolic tangent.")

# --- activations --------------------------------------------------------------------------------------------------


def _sigmoid(xp: Any, input: Any) -> Any:
    small = xp.exp(-xp.abs(input))  # at most 1: no overflow on either side
    return xp.where(input >= 0, 1, small) / (1 + small)


def _relu(xp: Any, input: Any, *, out: Any = None) -> Any:
    return xp.maximum(input, 0, out=out)


def _leaky_relu(xp: Any, input: Any, *, negative_slope: float = 0.01) -> Any:
    return xp.where(input > 0, input, negative_slope * input)


def _elu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    return xp.where(input > 0, input, alpha * xp.expm1(xp.minimum(input, 0)))


def _softplus(xp: Any, input: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = beta * input
    smooth = (xp.maximum(scaled, 0) + xp.log1p(xp.exp(-xp.abs(scaled)))) / beta
    return xp.where(scaled > threshold, input, smooth)


sigmoid = elementwise("sigmoid", kernel=_sigmoid, vjp="g * (out * (1 - out))", promotes="float", label="σ", places=ALL, inplace=True,
                      scalar=lambda x: 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)), doc="``1 / (1 + exp(-input))``.")
relu = elementwise("relu", kernel=_relu, vjp="g * (out > 0)", label="ReLU", places=ALL, inplace=True, scalar=lambda x: x if x > 0 else 0.0,
                   samples=[S(Arg(values=[-1.0, 0.0, 2.0]))], doc="``max(input, 0)``; the gradient at 0 is 0.")
leaky_relu = elementwise("leaky_relu", kernel=_leaky_relu, places=NN, promotes="float",
                         signature="leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor",
                         vjp="where(input > 0, g, g * negative_slope)", samples=[S((3, 4), negative_slope=0.2)],
                         doc="``input`` where positive, ``negative_slope * input`` elsewhere.")
elu = elementwise("elu", kernel=_elu, places=NN, promotes="float",
                  signature="elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
                  vjp="where(input > 0, g, g * (alpha * exp(minimum(input, 0))))", samples=[S((3, 4), alpha=0.5)],
                  doc="``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere. Clevert et al. (2015), arXiv:1511.07289.")
softplus = elementwise("softplus", kernel=_softplus, places=NN, promotes="float",
                       signature="softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor",
                       vjp="where(input * beta > threshold, g, g * sigmoid(beta * input))", samples=[S((3, 4), beta=2.0, threshold=1.0)],
                       doc="``log(1 + exp(beta * input)) / beta``; linear above ``threshold``.")

# --- comparing and choosing ---------------------------------------------------------------------------------------

maximum = elementwise("maximum", "input other", label="max", doc="The larger of each pair; ties share the gradient.",
                      vjp={"input": "g * (input > other) + g * (input == other) * 0.5", "other": "g * (other > input) + g * (other == input) * 0.5"})
minimum = elementwise("minimum", "input other", label="min", doc="The smaller of each pair; ties share the gradient.",
                      vjp={"input": "g * (input < other) + g * (input == other) * 0.5", "other": "g * (other < input) + g * (other == input) * 0.5"})


def _clamp(xp: Any, input: Any, min: Any, max: Any) -> Any:
    if min is not None:
        input = xp.maximum(input, min)
    return input if max is None else xp.minimum(input, max)


def _inside(F: Any, input: Any, min: Any, max: Any) -> Any:
    low = True if min is None else input >= min
    high = True if max is None else input <= max
    return low & high


clamp = elementwise("clamp", "input min max", kernel=_clamp, inplace=True, aliases=("clip",), places=("torch", "Tensor"),
                    signature="clamp(input: Tensor, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor",
                    samples=[S((3, 4), -0.5, 0.5), S((3, 4), None, 0.5), S((3, 4), -0.5, None), S((3, 4), (4,), span(2.0, 3.0, 3, 1))],
                    vjp={"input": lambda F, g, input, min, max: F.where(_inside(F, input, min, max), g, 0),
                         "min": lambda F, g, input, min, max: F.where((input < min) & (True if max is None else min < max), g, 0),
                         "max": lambda F, g, input, min, max: F.where((input > max) | (False if min is None else max < min), g, 0)},
                    doc="``input`` limited to the range from ``min`` to ``max``; either may be left out.")


where_op = elementwise("where", "condition input other", kernel=lambda xp, condition, input, other: xp.where(condition, input, other),
                       promotes="where", places=(), signature="where(condition: Tensor, input: TensorLike, other: TensorLike) -> Tensor",
                       samples=[S(bools(3, 4), (3, 4), (3, 4)), S(bools(3, 1), (4,), ()), S(bools(), (), ()), S(bools(0, 2), (0, 2), (1, 2))],
                       vjp={"input": "where(condition, g, 0)", "other": "where(condition, 0, g)"},
                       doc="``input`` where ``condition`` holds, ``other`` elsewhere.")


def _comparison(name: str, ufunc: str, symbol: str, doc: str) -> Any:
    return elementwise(name, "input other", ufunc=ufunc, label=symbol, extra={"dtype": "bool"}, doc=doc)


eq = _comparison("eq", "equal", "==", "``input == other``, elementwise.")
ne = _comparison("ne", "not_equal", "≠", "``input != other``, elementwise.")
lt = _comparison("lt", "less", "<", "``input < other``, elementwise.")
le = _comparison("le", "less_equal", "≤", "``input <= other``, elementwise.")
gt = _comparison("gt", "greater", ">", "``input > other``, elementwise.")
ge = _comparison("ge", "greater_equal", "≥", "``input >= other``, elementwise.")
logical_and = elementwise("logical_and", "input other", extra={"dtype": "bool"}, label="∧", doc="Whether both are non-zero.")
logical_or = elementwise("logical_or", "input other", extra={"dtype": "bool"}, label="∨", doc="Whether either is non-zero.")
logical_xor = elementwise("logical_xor", "input other", extra={"dtype": "bool"}, label="⊻", doc="Whether exactly one is non-zero.")
logical_not = elementwise("logical_not", extra={"dtype": "bool"}, label="¬", doc="Whether ``input`` is zero.")
isnan = elementwise("isnan", extra={"dtype": "bool"}, doc="Whether each element is NaN.")
isinf = elementwise("isinf", extra={"dtype": "bool"}, doc="Whether each element is plus or minus infinity.")
isfinite = elementwise("isfinite", extra={"dtype": "bool"}, doc="Whether each element is neither infinite nor NaN.")
bitwise_and = elementwise("bitwise_and", "input other", label="&", doc="Bitwise and of integers; logical and of booleans.")
bitwise_or = elementwise("bitwise_or", "input other", label="|", doc="Bitwise or of integers; logical or of booleans.")
bitwise_xor = elementwise("bitwise_xor", "input other", label="^", doc="Bitwise exclusive or of integers; of booleans the logical one.")
bitwise_not = elementwise("bitwise_not", ufunc="invert", label="~", doc="Bitwise complement of integers; logical not of booleans.")

# --- what rules are made of ---------------------------------------------------------------------------------------


def _masked(xp: Any, upstream: Any, value: Any) -> Any:
    if not backend_of(value).nan_possible():
        return value
    return xp.where((upstream == 0) & xp.isnan(value), 0, value)


masked = elementwise("masked", "upstream value", kernel=_masked, places=(), signature="masked(upstream: Tensor, value: Tensor) -> Tensor",
                     vjp={"value": "where((upstream == 0) & isnan(value), 0, g)"},
                     doc="``value``, but 0 where it is NaN and ``upstream`` is exactly 0.")
conj = elementwise("conj", ufunc="conjugate", vjp="conj(g)", holomorphic=False, promotes="none", doc="Complex conjugate; real tensors are unchanged.")
real = elementwise("real", kernel=lambda xp, input: xp.real(input), vjp="g", holomorphic=False, promotes="none", doc="The real part.")

for _declared in REGISTRY.values():
    if _declared.spec is None:
        _declared.spec = elementwise_spec(_declared.name, _declared.inputs, _declared.promotes, str(_declared.extra.get("dtype", "")))
