"""Activation functions.

Those that PyTorch can write into their input take ``inplace``, and exist with a trailing underscore too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..dtypes import is_complex
from ..errors import ShapeError, describe
from ..kernels.blocks import in_blocks, large, written_in_blocks
from ..kernels.choose import choose, limited
from ..kernels.numbers import ONE, ZERO, Numbers
from ..kernels.special import erfc, normal_share
from ..op import NN, TORCH_NN, TORCH_TENSOR_NN, Arg, S, composite, detached, elementwise, op
from ..spec import Meta, computed_dtype, wrap_dim



@cache
def _quiet_exp() -> Any:
    """NumPy's ``exp`` without a warning where it overflows: made once, it takes half of what entering ``errstate`` at each call does."""
    xp = backend_for_device("cpu").xp
    return xp.errstate(over="ignore")(xp.exp)


def _one_and_exp_of_minus(xp: Any, input: Any, out: Any = None) -> Any:
    """``1 + exp(-input)``, which may overflow to infinity; it divides, so that the result is the right 0."""
    small = xp.negative(input, out=out)
    small = (_quiet_exp() if backend_of(input).name == "cpu" else xp.exp)(small, out=small if small.ndim else None)
    small += ONE[small.__class__, small.dtype][0]
    return small


def _sigmoid(xp: Any, input: Any) -> Any:
    if input.dtype.char == "e":  # near 1 a gradient would lose a digit
        return _sigmoid(xp, input.astype("float32")).astype(input.dtype)
    if large(input):
        return written_in_blocks(xp, partial(_write_sigmoid, xp), 1, input)[0]
    small = _one_and_exp_of_minus(xp, input)
    return xp.reciprocal(small, out=small if small.ndim else None)


def _write_sigmoid(xp: Any, out: Any, input: Any) -> None:
    xp.reciprocal(_one_and_exp_of_minus(xp, input, out), out=out)


def _relu(xp: Any, input: Any, *, out: Any = None) -> Any:
    if out is None and input.size > 8192:
        out = xp.zeros_like(input)
        return xp.maximum(input, out, out=out)  # an array of zeros is up to four times faster than the number 0
    return xp.maximum(input, ZERO[input.__class__, input.dtype][0], out=out)


def _leaky_relu(xp: Any, input: Any, *, negative_slope: float = 0.01) -> Any:
    scaled = input * negative_slope
    if not 0 < negative_slope <= 1:
        return choose(xp, input > 0, input, scaled)
    return xp.maximum(input, scaled, out=scaled) if scaled.ndim else xp.maximum(input, scaled)


def _elu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    if large(input):
        return in_blocks(xp, partial(_elu, xp, alpha=alpha), input)
    return _above_or_exponential(xp, input, input, alpha, 1)


def _above_or_exponential(xp: Any, input: Any, above: Any, factor: Any, divisor: float) -> Any:
    """``above`` where ``input`` is positive, ``factor * (exp(input / divisor) - 1)`` elsewhere."""
    (zero,) = ZERO[input.__class__, input.dtype]
    below = xp.minimum(input, zero)
    if divisor != 1:
        below /= divisor
    below = xp.expm1(below, out=below if below.ndim else None)
    if factor.__class__ not in (int, float) or factor != 1:
        below *= factor
    return choose(xp, input > zero, above, below)


def _softplus(xp: Any, input: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    if large(input):
        return in_blocks(xp, partial(_softplus, xp, beta=beta, threshold=threshold), input)
    if beta == 1 and _saturates(input, threshold):
        return _log_of_sum(xp, input)
    scaled = beta * input
    smooth = _log_of_sum(xp, scaled)
    smooth /= beta
    return choose(xp, scaled > threshold, input, smooth)


def _saturates(input: Any, threshold: float) -> bool:
    """Whether beyond the threshold the smooth function is the straight line, to the last digit."""
    return threshold >= 20 and input.dtype.itemsize < 8


def _log_of_sum(xp: Any, input: Any) -> Any:
    """``log(1 + exp(input))``."""
    (zero,) = ZERO[input.__class__, input.dtype]
    if input.size < 256 and input.dtype.itemsize > 2:
        return xp.logaddexp(input, zero)  # one call, which takes the elements one by one
    small = xp.abs(input)
    out = small if small.ndim else None
    small = xp.negative(small, out=out)
    small = xp.exp(small, out=out)
    small = xp.log1p(small, out=out)
    small += xp.maximum(input, zero)
    return small


def _logsigmoid(xp: Any, input: Any) -> Any:
    return xp.negative(_log_of_sum(xp, -input))


def _silu(xp: Any, input: Any) -> Any:
    if large(input):
        return written_in_blocks(xp, partial(_write_silu, xp), 1, input)[0]
    small = _one_and_exp_of_minus(xp, input)
    return xp.divide(input, small, out=small if small.ndim else None)


def _write_silu(xp: Any, out: Any, input: Any) -> None:
    xp.divide(input, _one_and_exp_of_minus(xp, input, out), out=out)


def _hardtanh(xp: Any, input: Any, *, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    if input.dtype.kind in "iu":
        if input.dtype.kind == "u" and min_val < 0:
            raise RuntimeError("hardtanh: cannot do hardtanh on an unsigned type with negative limits. Convert it with .int() or .float()")
        min_val, max_val = int(min_val), int(max_val)
    return limited(xp, input, min_val, max_val)


def _softsign(xp: Any, input: Any) -> Any:
    size = xp.abs(input)
    size += ONE[size.__class__, size.dtype][0]
    return input / size


def _softsign_vjp(F: Any, g: Any, input: Any) -> Any:
    if not is_complex(input):
        return g / F.square(F.abs(input) + 1)
    share = 1 / (F.abs(input) + 1)
    return g * share - F.sgn(input) * (share * share * F.real(g * F.conj(input)))


def _mish(xp: Any, input: Any) -> Any:
    if input.dtype.itemsize == 2:  # the steps on the way overflow
        return _mish(xp, input.astype("float32")).astype(input.dtype)
    if large(input):
        return in_blocks(xp, partial(_mish, xp), input)
    _, two, _, much = _MISH[input.__class__, input.dtype]
    power = xp.minimum(input, much)
    power = xp.exp(power, out=power if power.ndim else None)
    share = power + two  # tanh(log(1 + e)) is n / (n + 2) with n = e (e + 2)
    share *= power
    share /= share + two
    share *= input
    return share


_MISH = Numbers(1, 2, 4, 20)
"""The last: beyond, the quotient is 1."""


def _gelu(xp: Any, input: Any, *, approximate: str = "none") -> Any:
    return _gelu_parts(xp, input, approximate=approximate)[0]


def _gelu_parts(xp: Any, input: Any, *, approximate: str = "none") -> tuple[Any, ...]:
    if approximate not in APPROXIMATIONS:
        raise ValueError(approximate)
    if large(input):
        return written_in_blocks(xp, partial(_write_gelu, xp, approximate=approximate), 2, input)
    if input.dtype.itemsize == 2:  # the steps on the way overflow, and lose digits
        return tuple(part.astype(input.dtype) for part in _gelu_parts(xp, input.astype("float32"), approximate=approximate))
    if approximate == "tanh":
        share = (xp.tanh(SQRT_2_OVER_PI * (input + 0.044715 * (input * input * input))) + 1) * 0.5
    elif input.dtype.itemsize == 8:
        share = erfc(xp, input * -SQRT_HALF) * 0.5  # 1 + erf loses all digits far below 0
    else:
        share = normal_share(xp, input)  # much faster, and lost only where float32 has almost nothing to lose
    return input * share, share


def _write_gelu(xp: Any, out: Any, share: Any, input: Any, *, approximate: str) -> None:
    if approximate == "tanh" or input.dtype.itemsize != 4:
        out[:], share[:] = _gelu_parts(xp, input, approximate=approximate)
    else:
        xp.multiply(input, normal_share(xp, input, out=share), out=out)


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
                   signature="relu(input: Tensor, inplace: bool = False) -> Tensor", samples=[S(Arg(values=[-1.0, 0.0, 2.0]))], doc="``max(input, 0)``; the gradient at 0 is 0.")
leaky_relu = elementwise("leaky_relu", kernel=_leaky_relu, places=NN, inplace=True, promotes="float",
                         signature="leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor",
                         vjp="where(input > 0, g, g * negative_slope)", samples=[S((3, 4), negative_slope=0.2), S((3, 4), negative_slope=-0.5)],
                         doc="``input`` where positive, ``negative_slope * input`` elsewhere.")
elu = elementwise("elu", kernel=_elu, places=NN, inplace=True, promotes="float",
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
    if large(input):
        return (in_blocks(F.backend.xp, partial(_gelu_slope, F, approximate=approximate), input, share, g),)
    return (_gelu_slope(F, input, share, g, approximate=approximate),)


def _gelu_slope(F: Any, input: Any, share: Any, g: Any, *, approximate: str) -> Any:
    slope = input * input
    if approximate == "tanh":
        return g * (share + (2 * SQRT_2_OVER_PI) * (share * (1 - share) * (input * (0.134145 * slope + 1))))
    half, factor = _DENSITY[input.__class__, input.dtype]
    slope *= half
    slope = F.backend.xp.exp(slope, out=slope if slope.ndim else None)
    slope *= factor
    slope *= input
    slope += share
    slope *= g
    return slope


_DENSITY = Numbers(-0.5, SQRT_HALF_OVER_PI)


logsigmoid = elementwise("logsigmoid", kernel=_logsigmoid, places=NN, promotes="float", vjp="g * sigmoid(-input)", label="log σ",
                         doc="``log(sigmoid(input))``, exact for large negative ``input``.")
silu = elementwise("silu", kernel=_silu, places=NN, promotes="float", signature="silu(input: Tensor, inplace: bool = False) -> Tensor", vjp=_silu_vjp,
                   label="SiLU", doc="``input * sigmoid(input)``. Hendrycks and Gimpel (2016), arXiv:1606.08415.")
mish = elementwise("mish", kernel=_mish, places=NN, promotes="float", signature="mish(input: Tensor, inplace: bool = False) -> Tensor", vjp=_mish_vjp,
                   label="Mish", doc="``input * tanh(softplus(input))``. Misra (2019), arXiv:1908.08681.")
hardtanh = elementwise("hardtanh", kernel=_hardtanh, places=NN, inplace=True, vjp="where((input > min_val) & (input < max_val), g, 0)",
                       signature="hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor",
                       samples=[S((3, 4), min_val=-0.5, max_val=1.5)],
                       doc="``input`` limited to the range from ``min_val`` to ``max_val``; the gradient at and beyond both is 0.")
relu6 = elementwise("relu6", kernel=lambda xp, input: _hardtanh(xp, input, min_val=0, max_val=6), places=NN, vjp="where((input > 0) & (input < 6), g, 0)",
                    signature="relu6(input: Tensor, inplace: bool = False) -> Tensor", domain=(-3.0, 9.0), label="ReLU6",
                    doc="``min(max(input, 0), 6)``.")
softsign = elementwise("softsign", kernel=_softsign, places=NN, promotes="float", vjp=_softsign_vjp, holomorphic=False, doc="``input / (1 + |input|)``.")

# --- piecewise linear and saturating ------------------------------------------------------------------------------

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
"""What makes zero mean and unit variance a fixed point. Klambauer et al. (2017), arXiv:1706.02515."""


def _selu(xp: Any, input: Any) -> Any:
    if large(input):
        return in_blocks(xp, partial(_selu, xp), input)
    scale, factor = _SELU[input.__class__, input.dtype]
    return _above_or_exponential(xp, input, input * scale, factor, 1)


_SELU = Numbers(SELU_SCALE, SELU_ALPHA * SELU_SCALE)


def _celu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    if large(input):
        return in_blocks(xp, partial(_celu, xp, alpha=alpha), input)
    if alpha == 0:
        raise RuntimeError("celu: ZeroDivisionError: alpha cannot be 0 for CELU")
    return _above_or_exponential(xp, input, input, alpha, alpha)


def _limited(xp: Any, input: Any) -> Any:
    """``input + 3`` limited to the range from 0 to 6, in memory of its own if it has dimensions."""
    zero, _, three, six = _CORNERS[input.__class__, input.dtype]
    moved = input + three
    return limited(xp, moved, zero, six, out=moved if moved.ndim else None)


_CORNERS = Numbers(0, 0.5, 3, 6)


def _hardsigmoid(xp: Any, input: Any) -> Any:
    if large(input):
        return in_blocks(xp, partial(_hardsigmoid, xp), input)
    limited = _limited(xp, input)
    limited /= _CORNERS[input.__class__, input.dtype][3]
    return limited


def _hardswish(xp: Any, input: Any) -> Any:
    if large(input):
        return in_blocks(xp, partial(_hardswish, xp), input)
    limited = _limited(xp, input)
    limited *= input
    limited /= _CORNERS[input.__class__, input.dtype][3]
    return limited


def _shrunk(xp: Any, input: Any, *, lambd: float = 0.5) -> Any:
    if large(input):
        return in_blocks(xp, partial(_shrunk, xp, lambd=lambd), input)
    if not lambd >= 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}")
    inner = limited(xp, input, -lambd, lambd)
    return xp.subtract(input, inner, out=inner if inner.ndim else None)


def _hardshrink(xp: Any, input: Any, *, lambd: float = 0.5) -> Any:
    return choose(xp, xp.abs(input) <= lambd, 0, input)


def _threshold(xp: Any, input: Any, *, threshold: float, value: float) -> Any:
    return choose(xp, input <= threshold, 0 if value == 0 and math.copysign(1.0, value) > 0 else xp.asarray(value, dtype=input.dtype), input)


def _prelu(xp: Any, input: Any, weight: Any) -> Any:
    if weight.size == 1 and weight.ndim <= input.ndim and large(input):
        return in_blocks(xp, lambda part: _prelu(xp, part, weight.reshape(())), input)
    if weight.size == 1 and weight.ndim <= input.ndim:
        weight = weight.reshape(())  # to spread one number from one dimension takes twice the time
        if weight.__class__ is xp.ndarray and backend_of(weight).name == "cpu" and input.ndim and 0 < weight <= 1:
            scaled = weight * input
            return xp.maximum(input, scaled, out=scaled)
    return choose(xp, input > ZERO[input.__class__, input.dtype][0], input, weight * input)


selu = elementwise("selu", kernel=_selu, places=TORCH_NN, promotes="float", inplace=True, signature="selu(input: Tensor, inplace: bool = False) -> Tensor",
                   vjp=f"where(input > 0, g * {SELU_SCALE!r}, g * (exp(minimum(input, 0)) * {SELU_ALPHA * SELU_SCALE!r}))", label="SELU",
                   doc="``elu`` scaled so that activations keep zero mean and unit variance. Klambauer et al. (2017), arXiv:1706.02515.")
celu = elementwise("celu", kernel=_celu, places=TORCH_NN, promotes="float", inplace=True, label="CELU",
                   signature="celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
                   vjp="where(input > 0, g, g * exp(minimum(input, 0) / alpha))", samples=[S((3, 4), alpha=0.5), S((3, 4), alpha=-2.0),
                                                                                           S((3,), alpha=0.0, error=RuntimeError, match="alpha cannot be 0")],
                   doc="``input`` where positive, ``alpha * (exp(input / alpha) - 1)`` elsewhere: smooth for every ``alpha``. Barron (2017), arXiv:1704.07483.")
hardsigmoid = elementwise("hardsigmoid", kernel=_hardsigmoid, places=NN, promotes="float", label="hard σ", domain=(-4.0, 4.0),
                          signature="hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor", vjp="where((input > -3) & (input < 3), g / 6, 0)",
                          samples=[S(Arg(values=[-3.0, 3.0]))], doc="``relu6(input + 3) / 6``: a sigmoid of three straight lines.")
hardswish = elementwise("hardswish", kernel=_hardswish, places=NN, promotes="float", label="hardswish", domain=(-4.0, 4.0),
                        signature="hardswish(input: Tensor, inplace: bool = False) -> Tensor",
                        vjp="where(input <= -3, 0, where(input < 3, g * (input / 3 + 0.5), g))", samples=[S(Arg(values=[-3.0, 3.0]))],
                        doc="``input * hardsigmoid(input)``. Howard et al. (2019), arXiv:1905.02244.")
tanhshrink = elementwise("tanhshrink", kernel=lambda xp, input: input - xp.tanh(input), places=NN, promotes="float", vjp="g * square(tanh(input))",
                         doc="``input - tanh(input)``.")
softshrink = elementwise("softshrink", kernel=_shrunk, places=NN, promotes="float", signature="softshrink(input: Tensor, lambd: float = 0.5) -> Tensor",
                         vjp="where((input >= -lambd) & (input <= lambd), 0, g)",
                         samples=[S((3, 4), lambd=0.25), S((3, 4), lambd=0.0), S(Arg(values=[-0.5, 0.5, 0.0])),
                                  S((3,), lambd=-1.0, error=RuntimeError, match="lambda must be greater")],
                         doc="``input`` moved towards 0 by ``lambd``, and 0 where it is nearer than that.")
hardshrink = elementwise("hardshrink", kernel=_hardshrink, places=TORCH_TENSOR_NN, signature="hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor",
                         vjp="where((input >= -lambd) & (input <= lambd), 0, g)", samples=[S((3, 4), lambd=0.25), S(Arg(values=[-0.5, 0.5, 0.0]))],
                         doc="``input``, but 0 between ``-lambd`` and ``lambd``.")
threshold = elementwise("threshold", kernel=_threshold, places=TORCH_NN, inplace=True, takes="none",
                        signature="threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor",
                        vjp="where(input <= threshold, 0, g)", samples=[
                            S((3, 4), threshold=0.5, value=20.0), S((), threshold=0.0, value=-1.0), S((0, 2), threshold=0.0, value=1.0),
                            S(Arg(values=[-1.0, 0.5, 2.0]), threshold=0.5, value=7.0)],
                        doc="``input`` where it is above ``threshold``, else ``value``.")
slopes = elementwise("slopes", "input weight", kernel=_prelu, places=(), takes="none", samples=[S((3, 4), (4,)), S((), ()), S((2, 3, 4), (3, 1)), S((3, 1), (1, 4))],
                     label="PReLU",
                     vjp={"input": "where(input > 0, g, g * weight)", "weight": "where(input > 0, 0, g * input)"},
                     doc="``input`` where positive, ``weight * input`` elsewhere.")


@slopes.fused_vjp()
def _(F: Any, g: Any, input: Any, weight: Any) -> tuple[Any, Any]:
    positive = input > ZERO[input.__class__, input.dtype][0]
    return F.where(positive, g, g * weight), F.where(positive, 0, g * input)


@composite("prelu(input: Tensor, weight: Tensor) -> Tensor", places=TORCH_TENSOR_NN)
def prelu(F: Any, input: Any, weight: Any) -> Any:
    """``input`` where positive, ``weight * input`` elsewhere; ``weight`` is one number, or one for each channel (dimension 1).

    Raises ``RuntimeError`` for another number of weights. He et al. (2015), arXiv:1502.01852.
    """
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim} (weight {describe(weight)})")
    count = weight.shape[0] if weight.ndim else 1
    if count != 1:
        if not input.ndim:
            raise RuntimeError(f"prelu: Not allow zero-dim input tensor with {count} weights. Give the input a channel dimension")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != count:
            raise ShapeError(f"prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = {count} and channel size = {channels} "
                             f"(input {describe(input)}, weight {describe(weight)})")
        if input.ndim > 2:
            weight = F.reshape(weight, shape=(count,) + (1,) * (input.ndim - 2))
    return F.slopes(input, weight if input.ndim else F.reshape(weight, shape=()))


@composite("rrelu(input: Tensor, lower: float = 0.125, upper: float = 0.3333333333333333, training: bool = False, inplace: bool = False, *, "
           "generator: Generator | None = None) -> Tensor", places=TORCH_NN)
def rrelu(F: Any, input: Any, lower: float = 0.125, upper: float = 1.0 / 3.0, training: bool = False, inplace: bool = False, generator: Any = None) -> Any:
    """``leaky_relu`` whose slope is drawn between ``lower`` and ``upper`` for each element in ``training``, and their mean otherwise.

    ``generator`` draws the slopes. Raises ``RuntimeError`` for an empty range. Xu et al. (2015), arXiv:1505.00853.
    """
    if not lower <= upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound, but got lower {lower} and upper {upper}")
    source = F.clone(input) if inplace else input
    if training:
        result = F.slopes(source, F.draw_uniform(detached(input), low=lower, high=upper, generator=generator))
    else:
        result = F.leaky_relu(source, negative_slope=(lower + upper) / 2)
    return input.copy_(result) if inplace else result


@composite("rrelu_(input: Tensor, lower: float = 0.125, upper: float = 0.3333333333333333, training: bool = False, *, generator: Generator | None = None) -> Tensor",
           places=TORCH_NN)
def rrelu_(F: Any, input: Any, lower: float = 0.125, upper: float = 1.0 / 3.0, training: bool = False, generator: Any = None) -> Any:
    """``rrelu``, written into the tensor itself."""
    return F.rrelu(input, lower, upper, training, True, generator=generator)


# --- gradients of several steps on raw arrays: with few calls, a block at a time -----------------------------------


def _in_parts(F: Any, slope: Callable[..., Any], first: Any, *others: Any) -> tuple[Any]:
    """A rule's only cotangent, which ``slope`` computes elementwise."""
    return (in_blocks(F.backend.xp, slope, first, *others) if large(first) else slope(first, *others),)


def _above_or_exponential_slope(F: Any, g: Any, input: Any, above: float, factor: float, divisor: float) -> tuple[Any]:
    """The cotangent of ``_above_or_exponential``, where the function of positive numbers has the slope ``above``."""
    xp = F.backend.xp
    (zero,) = ZERO[input.__class__, input.dtype]

    def slope(x: Any, upstream: Any) -> Any:
        below = xp.minimum(x, zero)
        if divisor != 1:
            below /= divisor
        below = xp.exp(below, out=below if below.ndim else None)
        if factor != 1:
            below *= factor
        below *= upstream
        return choose(xp, x > zero, upstream if above == 1 else upstream * above, below)

    return _in_parts(F, slope, input, g)


@elu.fused_vjp()
def _(F: Any, g: Any, input: Any, alpha: float) -> Any:
    return _above_or_exponential_slope(F, g, input, 1, alpha, 1)


@celu.fused_vjp()
def _(F: Any, g: Any, input: Any, alpha: float) -> Any:
    return _above_or_exponential_slope(F, g, input, 1, 1, alpha)


@selu.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    return _above_or_exponential_slope(F, g, input, SELU_SCALE, SELU_ALPHA * SELU_SCALE, 1)


@sigmoid.fused_vjp()
def _(F: Any, g: Any, out: Any) -> Any:
    slope = ONE[out.__class__, out.dtype][0] - out
    slope *= out
    slope *= g
    return (slope,)


@softplus.fused_vjp()
def _(F: Any, g: Any, input: Any, beta: float, threshold: float) -> Any:
    if beta != 1 or not _saturates(input, threshold):
        return _in_parts(F, lambda x, upstream: softplus.rules["input"].function(F, upstream, x, beta, threshold), input, g)
    return _in_parts(F, partial(_sigmoid_times, F.backend.xp), input, g)


def _sigmoid_times(xp: Any, input: Any, upstream: Any) -> Any:
    share = _sigmoid(xp, input)
    share *= upstream
    return share


@logsigmoid.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    return _in_parts(F, lambda x, upstream: _sigmoid_times(F.backend.xp, -x, upstream), input, g)


@silu.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    (one,) = ONE[input.__class__, input.dtype]

    def slope(x: Any, upstream: Any) -> Any:
        share = _sigmoid(F.backend.xp, x)
        rest = one - share
        rest *= x
        rest += one
        rest *= share
        rest *= upstream
        return rest

    return _in_parts(F, slope, input, g)


@mish.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    xp = F.backend.xp
    if input.dtype.itemsize == 2:
        return (_mish_vjp(F, g, input),)

    def slope(x: Any, upstream: Any) -> Any:
        one, two, four, much = _MISH[x.__class__, x.dtype]
        bounded = xp.minimum(x, much)
        power = xp.exp(bounded)
        share = power + two
        share *= power
        whole = share + two
        curve = power + one  # the slope is n / (n + 2) + 4 x e (e + 1) / (n + 2)^2
        curve *= power
        curve *= four
        curve /= whole
        curve *= bounded
        curve += share
        curve /= whole
        curve *= upstream
        return curve

    return _in_parts(F, slope, input, g)


@hardsigmoid.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    xp = F.backend.xp
    _, _, three, six = _CORNERS[input.__class__, input.dtype]
    return _in_parts(F, lambda x, upstream: choose(xp, xp.abs(x) < three, upstream / six, 0), input, g)


@hardswish.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    xp = F.backend.xp
    _, half, three, _ = _CORNERS[input.__class__, input.dtype]

    def slope(x: Any, upstream: Any) -> Any:
        value = x / three
        value += half
        value = choose(xp, xp.abs(x) >= three, (x > 0).astype(value.dtype), value)
        return value * upstream

    return _in_parts(F, slope, input, g)


@leaky_relu.fused_vjp()
def _(F: Any, g: Any, input: Any, negative_slope: float) -> Any:
    xp = F.backend.xp
    (zero,) = ZERO[input.__class__, input.dtype]
    return _in_parts(F, lambda x, upstream: choose(xp, x > zero, upstream, upstream * negative_slope), input, g)


@softshrink.fused_vjp()
def _(F: Any, g: Any, input: Any, lambd: float) -> Any:
    xp = F.backend.xp
    return _in_parts(F, lambda x, upstream: choose(xp, xp.abs(x) <= lambd, 0, upstream), input, g)


# --- gates and choices --------------------------------------------------------------------------------------------


def _half(dim: int, start: int, stop: int) -> tuple[Any, ...]:
    return (*[slice(None)] * dim, slice(start, stop, 1))


def _halves(F: Any, input: Any, dim: int) -> tuple[Any, Any]:
    size = input.shape[dim]
    return F.slice_view(input, key=_half(dim, 0, size // 2)), F.slice_view(input, key=_half(dim, size // 2, size))


def _gated_spec(input: Any, *, dim: int) -> Meta:
    shape = tuple(input.shape)
    return Meta((*shape[:dim], shape[dim] // 2, *shape[dim + 1 :]), computed_dtype("glu", "float", (input,)))


@op("gated_half(input: Tensor, dim: int) -> Tensor", label="GLU", promotes="float", spec=_gated_spec, extra={"written": "glu"},
    samples=[S((3, 4), dim=1), S((4, 2, 3), dim=0), S((0, 2), dim=1), S((2, 0), dim=1)])
def gated_half(xp: Any, input: Any, *, dim: int) -> Any:
    """The first half along ``dim`` times the sigmoid of the second."""
    size = input.shape[dim]
    gate = _sigmoid(xp, input[_half(dim, size // 2, size)])
    gate *= input[_half(dim, 0, size // 2)]
    return gate


@gated_half.vjp("input")
def _(F: Any, g: Any, input: Any, dim: int) -> Any:
    first, second = _halves(F, input, dim)
    share = F.sigmoid(second)
    gated = g * share
    return F.cat([gated, gated * first * (1 - share)], dim=dim)


@gated_half.fused_vjp()
def _(F: Any, g: Any, input: Any, dim: int) -> tuple[Any]:
    xp = F.backend.xp
    size = input.shape[dim]
    first, second = _half(dim, 0, size // 2), _half(dim, size // 2, size)
    result = xp.empty(input.shape, dtype=input.dtype)
    share = _sigmoid(xp, input[second])
    gated = xp.multiply(g, share, out=result[first])
    xp.subtract(ONE[share.__class__, share.dtype][0], share, out=share)
    share *= input[first]
    xp.multiply(gated, share, out=result[second])
    return (result,)


@composite("glu(input: Tensor, dim: int = -1) -> Tensor", places=NN)
def glu(F: Any, input: Any, dim: int = -1) -> Any:
    """The first half of ``input`` along ``dim`` times the sigmoid of the second. Dauphin et al. (2016), arXiv:1612.08083.

    Raises ``RuntimeError`` where ``dim`` has an odd size.
    """
    if not input.ndim:
        raise RuntimeError("glu: glu does not support 0-dimensional tensors")
    at = wrap_dim(dim, input.ndim, "glu")
    size = input.shape[at]
    if size % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {at} is size {size} (input {describe(input)})")
    return F.gated_half(input, dim=at)


@composite("gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, generator: Generator | None = None) -> Tensor",
           places=NN)
def gumbel_softmax(F: Any, logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, generator: Any = None) -> Any:
    """A random choice among the entries along ``dim``, with the probabilities ``softmax(logits)``, that has a gradient.

    Noise is added to the logits and the softmax of the sum over ``tau`` is returned; as ``tau`` goes to 0 it is a choice.
    With ``hard`` it is one, with the gradient of the softmax. ``eps`` has no effect, as in PyTorch. ``generator`` draws the
    noise. Jang et al. (2016), arXiv:1611.01144.
    """
    at = wrap_dim(dim, logits.ndim, "gumbel_softmax")
    noise = -F.log(F.draw_exponential(detached(logits), generator=generator))
    soft = F.softmax((logits + noise) / tau, dim=at)
    if not hard:
        return soft
    fixed = detached(soft)
    places = F.argmax(fixed, dim=at, keepdim=True)
    choice = F.scatter(fixed * 0.0, index=places, src=F.gather(fixed * 0.0 + 1.0, index=places, dim=at), dim=at)
    return choice - fixed + soft


@composite("maxout(input: Tensor, pieces: int, dim: int = 1) -> Tensor", places=NN)
def maxout(F: Any, input: Any, pieces: int, dim: int = 1) -> Any:
    """The largest of every ``pieces`` consecutive entries along ``dim``, whose size ``pieces`` must divide.

    After a linear layer with ``pieces`` times as many outputs, each result is the maximum of that many linear functions; of
    ties each gets an equal share of the gradient. Raises ``RuntimeError`` for sizes that do not fit.
    Goodfellow et al. (2013), arXiv:1302.4389.

    >>> import autograd_core as ag, nn
    >>> nn.functional.maxout(ag.tensor([[1.0, 3.0, -2.0, -4.0]]), 2).tolist()
    [[3.0, -2.0]]
    """
    at = wrap_dim(dim, input.ndim, "maxout")
    size = input.shape[at] if input.ndim else 1
    if pieces < 1 or size % pieces:
        raise RuntimeError(f"maxout: expected pieces to divide the size of dimension {at}, but got pieces={pieces} and size {size} (input {describe(input)})")
    shape = tuple(input.shape) or (1,)
    out = F.amax(F.reshape(input, shape=(*shape[:at], size // pieces, pieces, *shape[at + 1 :])), dim=at + 1)
    return out if input.ndim else F.reshape(out, shape=())
