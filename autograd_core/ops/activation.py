"""Activation functions."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..backend.registry import backend_of
from ..kernels.special import erf, erfc
from ..op import NN, TORCH_TENSOR_NN, Arg, S, elementwise
from ..spec import Meta, computed_dtype
from .choose import choose

INPLACE = {"parameter": "inplace: builtins.bool = False", "line": "if inplace:\n    return relu_(input)"}


def quiet(xp: Any, array: Any) -> AbstractContextManager[Any]:
    """Surrounds a step that may overflow on its way to a right result: NumPy would warn."""
    silent: AbstractContextManager[Any] = xp.errstate(over="ignore") if backend_of(array).name == "cpu" else nullcontext()
    return silent



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
        return choose(xp, input > 0, input, scaled)
    return xp.maximum(input, scaled, out=scaled) if scaled.ndim else xp.maximum(input, scaled)


def _elu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    return choose(xp, input > 0, input, alpha * xp.expm1(xp.minimum(input, 0)))


def _softplus(xp: Any, input: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = beta * input
    smooth = (xp.maximum(scaled, 0) + xp.log1p(xp.exp(-xp.abs(scaled)))) / beta
    return choose(xp, scaled > threshold, input, smooth)


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
