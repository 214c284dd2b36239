"""Elementwise operations: a table of derivatives.

In a formula ``g`` is the cotangent of the result and ``masked(g, v)`` is ``v``, but 0 instead of NaN where ``g`` is 0:
a branch that a mask has switched off must not turn 0 · inf into NaN.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import float16, float32, float64, int8, int16, int32, int64
from ..kernels.special import erf, erfc
from ..op import NN, REGISTRY, TORCH_TENSOR, TORCH_TENSOR_NN, Arg, S, bools, composite, elementwise, span
from ..spec import Meta, computed_dtype, elementwise_spec

ALPHA = {"parameter": "alpha: Number = 1", "line": "if alpha != 1:\n    other = other * alpha"}
ROUNDING = {"parameter": "rounding_mode: str | None = None",
            "line": "if rounding_mode is not None:\n    return div_rounded(input, other, rounding_mode)",
            "inplace_line": "if rounding_mode is not None:\n    return copy_(input, div_rounded(input, other, rounding_mode))"}
INPLACE = {"parameter": "inplace: builtins.bool = False", "line": "if inplace:\n    return relu_(input)"}
LOG_2 = math.log(2.0)
LOG_10 = math.log(10.0)


def quiet(xp: Any, array: Any) -> AbstractContextManager[Any]:
    """Surrounds a step that may overflow on its way to a right result: NumPy would warn."""
    silent: AbstractContextManager[Any] = xp.errstate(over="ignore") if backend_of(array).name == "cpu" else nullcontext()
    return silent


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


def _pow(xp: Any, input: Any, exponent: Any, *, out: Any = None) -> Any:
    return input**exponent if out is None else xp.power(input, exponent, out=out)  # the operator is fast for 2, 1, 0.5 and -1


pow = elementwise("pow", "input exponent", kernel=_pow, infix="**", label="**", inplace=True, domain=(0.5, 2.0),
                  vjp={"input": "masked(g, where(exponent == 0, 0, g * (exponent * pow(input, exponent - 1))))",
                       "exponent": "masked(g, where((input == 0) & (exponent >= 0), 0, g * (out * log(where(exponent == exponent, input, exponent)))))"},
                  doc="``input ** exponent``; either may be a number.")
square = elementwise("square", vjp="g * (2 * input)", label="²", scalar=lambda x: x * x, doc="``input ** 2``.")
abs = elementwise("abs", ufunc="absolute", vjp="g * sign(input)", label="|·|", scalar=abs, holomorphic=False, inplace=True, aliases=("absolute",),
                  samples=[S(Arg(values=[-2.0, 0.0, 3.0]))], doc="Absolute value; the gradient at 0 is 0.")
sign = elementwise("sign", vjp="g * 0", scalar=lambda x: float((x > 0) - (x < 0)), doc="-1, 0 or 1 by the sign; the gradient is 0.")
reciprocal = elementwise("reciprocal", kernel=lambda xp, input: 1 / input, vjp="masked(g, -g * (out * out))", promotes="float", scalar=lambda x: 1 / x,
                         domain=(0.5, 2.0), label="1/x", inplace=True, doc="``1 / input``.")

# --- rounding and division with remainder -------------------------------------------------------------------------


def _round(xp: Any, input: Any, *, decimals: int = 0) -> Any:
    return xp.round(input, decimals)


floor = elementwise("floor", vjp="g * 0", scalar=lambda x: float(math.floor(x)), inplace=True, label="⌊·⌋",
                    doc="The largest integer not above ``input``; the gradient is 0.")
ceil = elementwise("ceil", vjp="g * 0", scalar=lambda x: float(math.ceil(x)), inplace=True, label="⌈·⌉",
                   doc="The smallest integer not below ``input``; the gradient is 0.")
trunc = elementwise("trunc", vjp="g * 0", scalar=lambda x: float(math.trunc(x)), inplace=True, aliases=("fix",),
                    doc="``input`` without its fractional part; the gradient is 0.")
round = elementwise("round", kernel=_round, signature="round(input: Tensor, *, decimals: int = 0) -> Tensor", vjp="g * 0", inplace=True,
                    samples=[S((3, 4), decimals=1)], doc="``input`` rounded to ``decimals`` places, halves to the even neighbour; the gradient is 0.")
remainder = elementwise("remainder", "input other", label="mod", inplace=True, domain=(0.6, 1.9),
                        vjp={"input": "g", "other": "masked(g, -g * floor(input / other))"},
                        doc="The remainder of ``input / other`` with the sign of ``other``, as Python's ``%``.")
fmod = elementwise("fmod", "input other", inplace=True, domain=(0.6, 1.9), vjp={"input": "g", "other": "masked(g, -g * trunc(input / other))"},
                   doc="The remainder of ``input / other`` with the sign of ``input``, as C's ``fmod``.")
floor_divide = elementwise("floor_divide", "input other", label="//", inplace=True, domain=(0.6, 1.9), vjp={"input": "g * 0", "other": "g * 0"},
                           doc="``input / other`` rounded down, in the operands' dtype; the gradient is 0.")


def _trunc_divide(xp: Any, input: Any, other: Any) -> Any:
    quotient = xp.trunc(xp.true_divide(input, other))
    return quotient.astype(xp.result_type(input, other)) if quotient.dtype.kind == "f" and getattr(input, "dtype", quotient.dtype).kind in "biu" else quotient


trunc_divide = elementwise("trunc_divide", "input other", kernel=_trunc_divide, places=(), domain=(0.6, 1.9), vjp={"input": "g * 0", "other": "g * 0"},
                           doc="``input / other`` rounded towards zero, in the operands' dtype; the gradient is 0.")


@composite("div_rounded(input: Tensor, other: TensorLike, rounding_mode: str) -> Tensor", places=())
def div_rounded(F: Any, input: Any, other: Any, rounding_mode: str) -> Any:
    """``div`` with a ``rounding_mode``."""
    if rounding_mode == "floor":
        return F.floor_divide(input, other)
    if rounding_mode == "trunc":
        return F.trunc_divide(input, other)
    raise RuntimeError(f"div: expected rounding_mode to be one of None, 'trunc', or 'floor', but found {rounding_mode!r}")


# --- exponentials and logarithms ----------------------------------------------------------------------------------

exp = elementwise("exp", vjp="g * out", promotes="float", scalar=math.exp, inplace=True, doc="e to the power of ``input``.")
expm1 = elementwise("expm1", vjp="g * (out + 1)", promotes="float", scalar=math.expm1, doc="``exp(input) - 1``, exact near 0.")
log = elementwise("log", vjp="masked(g, g / input)", promotes="float", scalar=math.log, inplace=True, domain=(0.2, 3.0), doc="Natural logarithm.")
log1p = elementwise("log1p", vjp="masked(g, g / (input + 1))", promotes="float", scalar=math.log1p, domain=(-0.7, 3.0),
                    doc="``log(1 + input)``, exact near 0.")
exp2 = elementwise("exp2", vjp=f"g * (out * {LOG_2!r})", promotes="float", scalar=lambda x: 2.0**x, doc="2 to the power of ``input``.")
log2 = elementwise("log2", vjp=f"masked(g, g / (input * {LOG_2!r}))", promotes="float", scalar=math.log2, domain=(0.2, 3.0), doc="Logarithm to base 2.")
log10 = elementwise("log10", vjp=f"masked(g, g / (input * {LOG_10!r}))", promotes="float", scalar=math.log10, domain=(0.2, 3.0), doc="Logarithm to base 10.")
sqrt = elementwise("sqrt", vjp="masked(g, g / (2 * out))", promotes="float", scalar=math.sqrt, inplace=True, domain=(0.2, 3.0), label="√",
                   doc="Square root.")
rsqrt = elementwise("rsqrt", kernel=lambda xp, input: 1 / xp.sqrt(input), vjp="masked(g, g * (-0.5 * (out * out * out)))", promotes="float",
                    scalar=lambda x: 1 / math.sqrt(x), domain=(0.2, 3.0), label="1/√", doc="``1 / sqrt(input)``.")

# --- trigonometric and hyperbolic ---------------------------------------------------------------------------------

sin = elementwise("sin", vjp="g * cos(input)", promotes="float", scalar=math.sin, inplace=True, doc="Sine, in radians.")
cos = elementwise("cos", vjp="-g * sin(input)", promotes="float", scalar=math.cos, inplace=True, doc="Cosine, in radians.")
tanh = elementwise("tanh", vjp="g - g * out * out", promotes="float", scalar=math.tanh, inplace=True, places=TORCH_TENSOR_NN, doc="Hyperbolic tangent.")
tan = elementwise("tan", vjp="g * (1 + out * out)", promotes="float", scalar=math.tan, domain=(-1.0, 1.0), doc="Tangent, of radians.")
sinh = elementwise("sinh", vjp="g * cosh(input)", promotes="float", scalar=math.sinh, doc="Hyperbolic sine.")
cosh = elementwise("cosh", vjp="g * sinh(input)", promotes="float", scalar=math.cosh, doc="Hyperbolic cosine.")
asin = elementwise("asin", ufunc="arcsin", vjp="masked(g, g * rsqrt(1 - input * input))", promotes="float", scalar=math.asin, domain=(-0.8, 0.8),
                   aliases=("arcsin",), doc="Inverse sine, in radians.")
acos = elementwise("acos", ufunc="arccos", vjp="masked(g, -g * rsqrt(1 - input * input))", promotes="float", scalar=math.acos, domain=(-0.8, 0.8),
                   aliases=("arccos",), doc="Inverse cosine, in radians.")
atan = elementwise("atan", ufunc="arctan", vjp="g / (1 + input * input)", promotes="float", scalar=math.atan, aliases=("arctan",),
                   doc="Inverse tangent, in radians.")
asinh = elementwise("asinh", ufunc="arcsinh", vjp="g * rsqrt(input * input + 1)", promotes="float", scalar=math.asinh, aliases=("arcsinh",),
                    doc="Inverse hyperbolic sine.")
acosh = elementwise("acosh", ufunc="arccosh", vjp="masked(g, g * rsqrt(input * input - 1))", promotes="float", scalar=math.acosh, domain=(1.2, 3.0),
                    aliases=("arccosh",), doc="Inverse hyperbolic cosine.")
atanh = elementwise("atanh", ufunc="arctanh", vjp="masked(g, g / (1 - input * input))", promotes="float", scalar=math.atanh, domain=(-0.8, 0.8),
                    aliases=("arctanh",), doc="Inverse hyperbolic tangent.")
atan2 = elementwise("atan2", "input other", ufunc="arctan2", promotes="float", domain=(0.5, 2.0), aliases=("arctan2",),
                    vjp={"input": "where(input * input + other * other == 0, 0, g * (other / (input * input + other * other)))",
                         "other": "where(input * input + other * other == 0, 0, g * (-input / (input * input + other * other)))"},
                    doc="The angle of the point (``other``, ``input``) in radians, between -π and π; the gradient at the origin is 0.")

# --- activations --------------------------------------------------------------------------------------------------


def _sigmoid(xp: Any, input: Any) -> Any:
    with quiet(xp, input):
        small = xp.exp(-input)  # may overflow to infinity, whose reciprocal is the right 0
    if not small.ndim:
        return 1 / (small + 1)
    small += 1
    return xp.reciprocal(small, out=small)


def _relu(xp: Any, input: Any, *, out: Any = None) -> Any:
    if out is None and input.size > 8192:
        out = xp.zeros_like(input)
        return xp.maximum(input, out, out=out)  # an array of zeros is up to four times faster than the number 0
    return xp.maximum(input, 0, out=out)


def _leaky_relu(xp: Any, input: Any, *, negative_slope: float = 0.01) -> Any:
    scaled = input * negative_slope
    if not 0 < negative_slope <= 1:
        return _where(xp, input > 0, input, scaled)
    return xp.maximum(input, scaled, out=scaled) if scaled.ndim else xp.maximum(input, scaled)


def _elu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    return _where(xp, input > 0, input, alpha * xp.expm1(xp.minimum(input, 0)))


def _softplus(xp: Any, input: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = beta * input
    smooth = (xp.maximum(scaled, 0) + xp.log1p(xp.exp(-xp.abs(scaled)))) / beta
    return _where(xp, scaled > threshold, input, smooth)


def _logsigmoid(xp: Any, input: Any) -> Any:
    return xp.minimum(input, 0) - xp.log1p(xp.exp(-xp.abs(input)))


def _silu(xp: Any, input: Any) -> Any:
    return input * _sigmoid(xp, input)


def _hardtanh(xp: Any, input: Any, *, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return xp.minimum(xp.maximum(input, min_val), max_val)


def _softsign(xp: Any, input: Any) -> Any:
    return input / (xp.abs(input) + 1)


def _mish(xp: Any, input: Any) -> Any:
    return input * xp.tanh(_softplus(xp, input))


def _gelu(xp: Any, input: Any, *, approximate: str = "none") -> Any:
    return _gelu_parts(xp, input, approximate=approximate)[0]


def _gelu_parts(xp: Any, input: Any, *, approximate: str = "none") -> tuple[Any, Any]:
    if approximate not in APPROXIMATIONS:
        raise ValueError(approximate)
    if approximate == "tanh":
        share = (xp.tanh(SQRT_2_OVER_PI * (input + 0.044715 * (input * input * input))) + 1) * 0.5
    elif input.dtype.itemsize == 8:
        share = erfc(xp, input * -SQRT_HALF) * 0.5  # 1 + erf loses all digits far below 0
    else:
        share = (erf(xp, input * SQRT_HALF) + 1) * 0.5  # much faster, and lost only where float32 has almost nothing to lose
    return input * share, share


def _gelu_spec(input: Any, *, approximate: str = "none") -> Meta:
    if approximate not in APPROXIMATIONS:
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, got {approximate!r}")
    return Meta(tuple(input.shape), computed_dtype("gelu", "float", (input,)))


def _gelu_vjp(F: Any, g: Any, input: Any, approximate: str) -> Any:
    if approximate == "tanh":
        cubic = 0.044715 * (input * input * input)
        wave = F.tanh(SQRT_2_OVER_PI * (input + cubic))
        return g * ((1 + wave) * 0.5 + 0.5 * SQRT_2_OVER_PI * ((1 - wave * wave) * (input + 3 * cubic)))
    return g * (F.erfc(input * -SQRT_HALF) * 0.5 + SQRT_HALF_OVER_PI * (input * F.exp(input * input * -0.5)))


def _silu_vjp(F: Any, g: Any, input: Any) -> Any:
    share = F.sigmoid(input)
    return g * (share * (1 + input * (1 - share)))


def _mish_vjp(F: Any, g: Any, input: Any) -> Any:
    wave = F.tanh(F.softplus(input))
    return g * (wave + input * ((1 - wave * wave) * F.sigmoid(input)))


APPROXIMATIONS = ("none", "tanh")
SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
SQRT_HALF_OVER_PI = math.sqrt(0.5 / math.pi)

sigmoid = elementwise("sigmoid", kernel=_sigmoid, vjp="g * (out * (1 - out))", promotes="float", label="σ", places=TORCH_TENSOR_NN, inplace=True,
                      scalar=lambda x: 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)), doc="``1 / (1 + exp(-input))``.")
relu = elementwise("relu", kernel=_relu, vjp="where(out <= 0, 0, g)", label="ReLU", places=TORCH_TENSOR_NN, inplace=True, scalar=lambda x: x if x > 0 else 0.0,
                   extra=INPLACE, samples=[S(Arg(values=[-1.0, 0.0, 2.0]))], doc="``max(input, 0)``; the gradient at 0 is 0.")
leaky_relu = elementwise("leaky_relu", kernel=_leaky_relu, places=NN, promotes="float",
                         signature="leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor",
                         vjp="where(input > 0, g, g * negative_slope)", samples=[S((3, 4), negative_slope=0.2), S((3, 4), negative_slope=-0.5)],
                         doc="``input`` where positive, ``negative_slope * input`` elsewhere.")
elu = elementwise("elu", kernel=_elu, places=NN, promotes="float",
                  signature="elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
                  vjp="where(input > 0, g, g * (alpha * exp(minimum(input, 0))))", samples=[S((3, 4), alpha=0.5)],
                  doc="``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere. Clevert et al. (2015), arXiv:1511.07289.")
softplus = elementwise("softplus", kernel=_softplus, places=NN, promotes="float",
                       signature="softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor",
                       vjp="where(input * beta > threshold, g, g * sigmoid(beta * input))", samples=[S((3, 4), beta=2.0, threshold=1.0)],
                       doc="``log(1 + exp(beta * input)) / beta``; linear above ``threshold``.")
gelu = elementwise("gelu", kernel=_gelu, places=NN, promotes="float", signature="gelu(input: Tensor, *, approximate: str = 'none') -> Tensor",
                   vjp=_gelu_vjp, spec=_gelu_spec, samples=[S((3, 4), approximate="tanh")], label="GELU",
                   doc="``input * Φ(input)`` with the normal distribution function Φ, or its ``'tanh'`` approximation. arXiv:1606.08415.")


@gelu.fused_vjp(("share",), _gelu_parts)
def _(F: Any, g: Any, input: Any, share: Any, approximate: str) -> Any:
    square = input * input
    if approximate == "tanh":
        return (g * (share + (2 * SQRT_2_OVER_PI) * (share * (1 - share) * (input * (0.134145 * square + 1)))),)
    return (g * (share + SQRT_HALF_OVER_PI * (input * F.exp(square * -0.5))),)


logsigmoid = elementwise("logsigmoid", kernel=_logsigmoid, places=NN, promotes="float", vjp="g * sigmoid(-input)", label="log σ",
                         doc="``log(sigmoid(input))``, exact for large negative ``input``.")
silu = elementwise("silu", kernel=_silu, places=NN, promotes="float", signature="silu(input: Tensor, inplace: bool = False) -> Tensor", vjp=_silu_vjp,
                   label="SiLU", doc="``input * sigmoid(input)``. Hendrycks and Gimpel (2016), arXiv:1606.08415.")
mish = elementwise("mish", kernel=_mish, places=NN, promotes="float", signature="mish(input: Tensor, inplace: bool = False) -> Tensor", vjp=_mish_vjp,
                   label="Mish", doc="``input * tanh(softplus(input))``. Misra (2019), arXiv:1908.08681.")
hardtanh = elementwise("hardtanh", kernel=_hardtanh, places=NN, vjp="where((input > min_val) & (input < max_val), g, 0)",
                       signature="hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor",
                       samples=[S((3, 4), min_val=-0.5, max_val=1.5)],
                       doc="``input`` limited to the range from ``min_val`` to ``max_val``; the gradient at and beyond both is 0.")
relu6 = elementwise("relu6", kernel=lambda xp, input: _hardtanh(xp, input, min_val=0, max_val=6), places=NN, vjp="where((input > 0) & (input < 6), g, 0)",
                    signature="relu6(input: Tensor, inplace: bool = False) -> Tensor", domain=(-3.0, 9.0), label="ReLU6",
                    doc="``min(max(input, 0), 6)``.")
softsign = elementwise("softsign", kernel=_softsign, places=NN, promotes="float", vjp="g / square(abs(input) + 1)", doc="``input / (1 + |input|)``.")

# --- comparing and choosing ---------------------------------------------------------------------------------------

maximum = elementwise("maximum", "input other", label="max", doc="The larger of each pair; ties share the gradient.",
                      vjp={"input": "where(input < other, 0, where(input == other, g * 0.5, g))",
                           "other": "where(other < input, 0, where(input == other, g * 0.5, g))"})
minimum = elementwise("minimum", "input other", label="min", doc="The smaller of each pair; ties share the gradient.",
                      vjp={"input": "where(input > other, 0, where(input == other, g * 0.5, g))",
                           "other": "where(other > input, 0, where(input == other, g * 0.5, g))"})


def _clamp(xp: Any, input: Any, min: Any, max: Any) -> Any:
    if min is not None and max is not None:
        return xp.clip(input, min, max)
    if min is not None:
        return xp.maximum(input, min)
    if max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    return xp.minimum(input, max)


def _inside(F: Any, input: Any, min: Any, max: Any) -> Any:
    low = True if min is None else input >= min
    high = True if max is None else input <= max
    return low & high


clamp = elementwise("clamp", "input min max", kernel=_clamp, inplace=True, aliases=("clip",), places=TORCH_TENSOR,
                    signature="clamp(input: Tensor, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor",
                    samples=[S((3, 4), -0.5, 0.5), S((3, 4), None, 0.5), S((3, 4), -0.5, None), S((3, 4), (4,), span(2.0, 3.0, 3, 1)), S((), -0.5, 0.5), S((0, 2), -0.5, 0.5)],
                    vjp={"input": lambda F, g, input, min, max: F.where(_inside(F, input, min, max), g, 0),
                         "min": lambda F, g, input, min, max: F.where((input < min) & (True if max is None else min < max), g, 0),
                         "max": lambda F, g, input, min, max: F.where((input > max) | (False if min is None else max < min), g, 0)},
                    doc="``input`` limited to the range from ``min`` to ``max``; either may be left out.")


def _where(xp: Any, condition: Any, input: Any, other: Any) -> Any:
    if condition.__class__ is bool:
        chosen = input if condition else other
        return chosen if getattr(chosen, "shape", ()) else xp.where(condition, input, other)
    if condition.dtype.kind != "b":
        raise RuntimeError(f"where: expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype.name}. Write a comparison, or use .bool()")
    if condition.size < 2048 or backend_of(condition).name != "cpu":
        return xp.where(condition, input, other)
    # NumPy's own loop branches at every element; on random conditions choosing with bit operations is eight times faster.
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


_BITS: dict[Any, Any] = {entry.dtype: integers.dtype for entry, integers in ((float16, int16), (float32, int32), (float64, int64))}
_ONE = int8.dtype.type(1)

where_op = elementwise("where", "condition input other", kernel=_where,
                       promotes="where", places=("torch",), signature="where(condition: Tensor, input: TensorLike | None = None, other: TensorLike | None = None) -> Any",
                       extra={"line": "if input is None and other is None:\n    return nonzero(condition, as_tuple=True)"},
                       samples=[S(bools(3, 4), (3, 4), (3, 4)), S(bools(3, 1), (4,), ()), S(bools(), (), ()), S(bools(0, 2), (0, 2), (1, 2)), S(bools(60, 40), (60, 40), (60, 40)),
                                S(bools(60, 40), (60, 40), 0), S(bools(60, 40), 0, (60, 40)), S(bools(60, 40), (40,), (60, 1)),
                                S(bools(3), (3,), (4,), error=RuntimeError, match="must match")],
                       vjp={"input": "where(condition, g, 0)", "other": "where(condition, 0, g)"},
                       doc="``input`` where ``condition`` holds, ``other`` elsewhere. ``where(condition)`` is ``nonzero(condition, as_tuple=True)``.")


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
bitwise_and = elementwise("bitwise_and", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="&", doc="Bitwise and of integers; logical and of booleans.")
bitwise_or = elementwise("bitwise_or", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="|", doc="Bitwise or of integers; logical or of booleans.")
bitwise_xor = elementwise("bitwise_xor", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="^",
                          doc="Bitwise exclusive or of integers; of booleans the logical one.")
bitwise_not = elementwise("bitwise_not", takes="int", samples=[S(bools(3, 4))], ufunc="invert", label="~", doc="Bitwise complement of integers; logical not of booleans.")

# --- what rules are made of ---------------------------------------------------------------------------------------


def _masked(xp: Any, upstream: Any, value: Any) -> Any:
    if not backend_of(value).nan_possible():
        return value
    return xp.where((upstream == 0) & xp.isnan(value), 0, value)


masked = elementwise("masked", "upstream value", takes="none", samples=[S((3, 4), (3, 4)), S((), ()), S((0, 2), (0, 2)), S((3, 1), (4,)), S((3, 4), (4,)),
                                                                        S((2, 3), (4,), error=RuntimeError, match="must match")], kernel=_masked, places=(),
                     signature="masked(upstream: Tensor, value: Tensor) -> Tensor",
                     vjp={"value": "where((upstream == 0) & isnan(value), 0, g)"},
                     doc="``value``, but 0 where it is NaN and ``upstream`` is exactly 0.")
conj = elementwise("conj", ufunc="conjugate", vjp="conj(g)", holomorphic=False, promotes="none", doc="Complex conjugate; real tensors are unchanged.")
real = elementwise("real", kernel=lambda xp, input: xp.real(input), vjp="g", holomorphic=False, promotes="none", places=("torch",), doc="The real part.")

for _declared in REGISTRY.values():
    if _declared.spec is None:
        _declared.spec = elementwise_spec(_declared.name, _declared.inputs, _declared.promotes, str(_declared.extra.get("dtype", "")))
