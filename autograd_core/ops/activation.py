"""Smooth activation functions, with gradients that take few calls on raw arrays, a block at a time where they are large."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from ..dtypes import is_complex
from ..kernels.blocks import in_blocks, large, written_in_blocks
from ..kernels.choose import choose
from ..kernels.numbers import ONE, ZERO, Numbers
from ..kernels.quiet import quietly
from ..kernels.special import erfc, normal_share
from ..op import NN, TORCH_TENSOR_NN, S, elementwise
from ..spec import Meta, computed_dtype

SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
SQRT_HALF_OVER_PI = math.sqrt(0.5 / math.pi)


def in_parts(F: Any, slope: Callable[..., Any], first: Any, *others: Any) -> tuple[Any]:
    """A rule's only cotangent, which ``slope`` computes elementwise."""
    return (in_blocks(F.backend.xp, slope, first, *others) if large(first) else slope(first, *others),)


# --- sigmoids -------------------------------------------------------------------------------------------------------


def _one_and_exp_of_minus(xp: Any, input: Any, out: Any = None, quiet: bool = False) -> Any:
    """``1 + exp(-input)``, which may overflow to infinity; it divides, so that the result is the right 0. ``quiet``: where nothing warns anyway, as in backward."""
    small = xp.negative(input, out=out)
    target = small if small.ndim else None
    small = xp.exp(small, out=target) if quiet else quietly(input, xp.exp, small, out=target)
    small += ONE[small.__class__, small.dtype][0]
    return small


def _sigmoid(xp: Any, input: Any, quiet: bool = False) -> Any:
    if input.dtype.char == "e":  # near 1 a gradient would lose a digit
        return _sigmoid(xp, input.astype("float32")).astype(input.dtype)
    if large(input) and input.flags.c_contiguous:  # a copy for the blocks would cost what they gain
        return written_in_blocks(xp, partial(_write_sigmoid, xp), 1, input)[0]
    small = _one_and_exp_of_minus(xp, input, None, quiet)
    return xp.reciprocal(small, out=small if small.ndim else None)


def _write_sigmoid(xp: Any, out: Any, input: Any) -> None:
    xp.reciprocal(_one_and_exp_of_minus(xp, input, out), out=out)


sigmoid = elementwise("sigmoid", out=True, kernel=_sigmoid, vjp="g * (out * (1 - out))", promotes="float", label="σ", places=TORCH_TENSOR_NN, inplace=True,
                      scalar=lambda x: 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x)), doc="``1 / (1 + exp(-input))``.")


@sigmoid.fused_vjp()
def _(F: Any, g: Any, out: Any) -> Any:
    slope = ONE[out.__class__, out.dtype][0] - out
    slope *= out
    slope *= g
    return (slope,)


def _log_of_sum(xp: Any, input: Any) -> Any:
    """``log(1 + exp(input))``."""
    (zero,) = ZERO[input.__class__, input.dtype]
    if input.size < _FEW and input.dtype.itemsize > 2:
        return xp.logaddexp(input, zero)  # one call, which takes the elements one by one
    small = xp.abs(input)
    out = small if small.ndim else None
    small = xp.negative(small, out=out)
    small = xp.exp(small, out=out)
    small = xp.log1p(small, out=out)
    small += xp.maximum(input, zero)
    return small


_FEW = 1 << 8
"""Elements up to which one slow call takes less than six fast ones."""


def _saturates(input: Any, threshold: float) -> bool:
    """Whether beyond the threshold the smooth function is the straight line, to the last digit."""
    return threshold >= 20 and input.dtype.itemsize < 8


def _softplus(xp: Any, input: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    if large(input):
        return in_blocks(xp, partial(_softplus, xp, beta=beta, threshold=threshold), input)
    if beta == 1 and _saturates(input, threshold):
        return _log_of_sum(xp, input)
    scaled = beta * input
    smooth = _log_of_sum(xp, scaled)
    smooth /= beta
    return choose(xp, scaled > threshold, input, smooth)


softplus = elementwise("softplus", kernel=_softplus, places=NN, promotes="float",
                       signature="softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor",
                       vjp="where(input * beta > threshold, g, g * sigmoid(beta * input))", samples=[S((3, 4), beta=2.0, threshold=1.0)],
                       doc="``log(1 + exp(beta * input)) / beta``; linear above ``threshold``.")


@softplus.fused_vjp()
def _(F: Any, g: Any, input: Any, beta: float, threshold: float) -> Any:
    if beta != 1 or not _saturates(input, threshold):
        return in_parts(F, lambda x, upstream: softplus.rules["input"].function(F, upstream, x, beta, threshold), input, g)
    return in_parts(F, partial(_sigmoid_times, F.backend.xp), input, g)


def _sigmoid_times(xp: Any, input: Any, upstream: Any) -> Any:
    share = _sigmoid(xp, input, True)
    share *= upstream
    return share


def _logsigmoid(xp: Any, input: Any) -> Any:
    return xp.negative(_log_of_sum(xp, -input))


logsigmoid = elementwise("logsigmoid", kernel=_logsigmoid, places=NN, promotes="float", vjp="g * sigmoid(-input)", label="log σ",
                         doc="``log(sigmoid(input))``, exact for large negative ``input``.")


@logsigmoid.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    return in_parts(F, lambda x, upstream: _sigmoid_times(F.backend.xp, -x, upstream), input, g)


def _softsign(xp: Any, input: Any) -> Any:
    size = xp.abs(input)
    size += ONE[size.__class__, size.dtype][0]
    return input / size


def _softsign_vjp(F: Any, g: Any, input: Any) -> Any:
    if not is_complex(input):
        return g / F.square(F.abs(input) + 1)
    share = 1 / (F.abs(input) + 1)
    return g * share - F.sgn(input) * (share * share * F.real(g * F.conj(input)))


softsign = elementwise("softsign", kernel=_softsign, places=NN, promotes="float", vjp=_softsign_vjp, holomorphic=False, doc="``input / (1 + |input|)``.")
tanhshrink = elementwise("tanhshrink", kernel=lambda xp, input: input - xp.tanh(input), places=NN, promotes="float", vjp="g * square(tanh(input))",
                         doc="``input - tanh(input)``.")


# --- the input times a share of it ----------------------------------------------------------------------------------


def _silu(xp: Any, input: Any) -> Any:
    if large(input):
        return written_in_blocks(xp, partial(_write_silu, xp), 1, input)[0]
    small = _one_and_exp_of_minus(xp, input)
    return xp.divide(input, small, out=small if small.ndim else None)


def _write_silu(xp: Any, out: Any, input: Any) -> None:
    xp.divide(input, _one_and_exp_of_minus(xp, input, out), out=out)


def _silu_vjp(F: Any, g: Any, input: Any) -> Any:
    share = F.sigmoid(input)
    return g * (share * (1 + input * (1 - share)))


silu = elementwise("silu", kernel=_silu, places=NN, promotes="float", signature="silu(input: Tensor, inplace: bool = False) -> Tensor", vjp=_silu_vjp,
                   label="SiLU", doc="``input * sigmoid(input)``. Hendrycks and Gimpel (2016), arXiv:1606.08415.")


@silu.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    (one,) = ONE[input.__class__, input.dtype]

    def slope(x: Any, upstream: Any) -> Any:
        share = _sigmoid(F.backend.xp, x, True)
        rest = one - share
        rest *= x
        rest += one
        rest *= share
        rest *= upstream
        return rest

    return in_parts(F, slope, input, g)


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


def _mish_vjp(F: Any, g: Any, input: Any) -> Any:
    wave = F.tanh(F.softplus(input))
    return g * (wave + input * ((1 - wave * wave) * F.sigmoid(input)))


mish = elementwise("mish", kernel=_mish, places=NN, promotes="float", signature="mish(input: Tensor, inplace: bool = False) -> Tensor", vjp=_mish_vjp,
                   label="Mish", doc="``input * tanh(softplus(input))``. Misra (2019), arXiv:1908.08681.")


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

    return in_parts(F, slope, input, g)


APPROXIMATIONS = ("none", "tanh")


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
