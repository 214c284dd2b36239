"""Rectifiers and other activation functions of several pieces, straight or exponential.

Those that PyTorch can write into their input take ``inplace``, and exist with a trailing underscore too.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..backend.registry import backend_of
from ..errors import ShapeError, describe
from ..kernels.blocks import in_blocks, large
from ..kernels.choose import choose, limited, put_over
from ..kernels.numbers import ZERO, Numbers
from ..op import NN, TORCH_NN, TORCH_TENSOR_NN, Arg, S, composite, detached, elementwise
from .activation import in_parts


def _relu(xp: Any, input: Any, *, out: Any = None) -> Any:
    if out is None and input.size > _MANY:
        out = xp.zeros_like(input)
        return xp.maximum(input, out, out=out)  # an array of zeros is up to four times faster than the number 0
    return xp.maximum(input, ZERO[input.__class__, input.dtype][0], out=out)


_MANY = 1 << 13
"""Elements from which on that is faster than making the array takes."""

relu = elementwise("relu", kernel=_relu, vjp="where(out <= 0, 0, g)", label="ReLU", places=TORCH_TENSOR_NN, inplace=True, scalar=lambda x: x if x > 0 else 0.0,
                   signature="relu(input: Tensor, inplace: bool = False) -> Tensor", samples=[S(Arg(values=[-1.0, 0.0, 2.0]))], doc="``max(input, 0)``; the gradient at 0 is 0.")


def _leaky_relu(xp: Any, input: Any, *, negative_slope: float = 0.01) -> Any:
    scaled = input * negative_slope
    if not 0 < negative_slope <= 1:
        return choose(xp, input > 0, input, scaled)
    return xp.maximum(input, scaled, out=scaled) if scaled.ndim else xp.maximum(input, scaled)


leaky_relu = elementwise("leaky_relu", kernel=_leaky_relu, places=NN, inplace=True, promotes="float",
                         signature="leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor",
                         vjp="where(input > 0, g, g * negative_slope)", samples=[S((3, 4), negative_slope=0.2), S((3, 4), negative_slope=-0.5)],
                         doc="``input`` where positive, ``negative_slope * input`` elsewhere.")


@leaky_relu.fused_vjp()
def _(F: Any, g: Any, input: Any, negative_slope: float) -> Any:
    xp = F.backend.xp
    (zero,) = ZERO[input.__class__, input.dtype]
    return in_parts(F, lambda x, upstream: put_over(xp, x > zero, upstream, upstream * negative_slope), input, g)


# --- exponential below 0 --------------------------------------------------------------------------------------------


def _above_or_exponential(xp: Any, input: Any, above: Any, factor: Any, divisor: float) -> Any:
    """``above`` where ``input`` is positive, ``factor * (exp(input / divisor) - 1)`` elsewhere."""
    (zero,) = ZERO[input.__class__, input.dtype]
    below = xp.minimum(input, zero)
    if divisor != 1:
        below /= divisor
    below = xp.expm1(below, out=below if below.ndim else None)
    if factor.__class__ not in (int, float) or factor != 1:
        below *= factor
    if above is input and factor.__class__ in (int, float) and 0 <= factor <= divisor:  # then the curve lies above the straight line
        return xp.maximum(input, below, out=below if below.ndim else None)
    return put_over(xp, input > zero, above, below)


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
        if above == factor == 1:  # as the exponential of 0 is
            return below
        return put_over(xp, x > zero, upstream if above == 1 else upstream * above, below)

    return in_parts(F, slope, input, g)


def _elu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    if large(input):
        return in_blocks(xp, partial(_elu, xp, alpha=alpha), input)
    return _above_or_exponential(xp, input, input, alpha, 1)


elu = elementwise("elu", kernel=_elu, places=NN, inplace=True, promotes="float",
                  signature="elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
                  vjp="where(input > 0, g, g * (alpha * exp(where(input >= 0, 0, input))))", samples=[S((3, 4), alpha=0.5)],
                  doc="``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere. Clevert et al. (2015), arXiv:1511.07289.")


@elu.fused_vjp()
def _(F: Any, g: Any, input: Any, alpha: float) -> Any:
    return _above_or_exponential_slope(F, g, input, 1, alpha, 1)


def _celu(xp: Any, input: Any, *, alpha: float = 1.0) -> Any:
    if large(input):
        return in_blocks(xp, partial(_celu, xp, alpha=alpha), input)
    if alpha == 0:
        raise RuntimeError("celu: ZeroDivisionError: alpha cannot be 0 for CELU")
    return _above_or_exponential(xp, input, input, alpha, alpha)


celu = elementwise("celu", kernel=_celu, places=TORCH_NN, promotes="float", inplace=True, label="CELU",
                   signature="celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor",
                   vjp="where(input > 0, g, g * exp(where(input >= 0, 0, input) / alpha))", samples=[S((3, 4), alpha=0.5), S((3, 4), alpha=-2.0),
                                                                                           S((3,), alpha=0.0, error=RuntimeError, match="alpha cannot be 0")],
                   doc="``input`` where positive, ``alpha * (exp(input / alpha) - 1)`` elsewhere: smooth for every ``alpha``. Barron (2017), arXiv:1704.07483.")


@celu.fused_vjp()
def _(F: Any, g: Any, input: Any, alpha: float) -> Any:
    return _above_or_exponential_slope(F, g, input, 1, 1, alpha)


SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
"""What makes zero mean and unit variance a fixed point. Klambauer et al. (2017), arXiv:1706.02515."""


def _selu(xp: Any, input: Any) -> Any:
    if large(input):
        return in_blocks(xp, partial(_selu, xp), input)
    scale, factor = _SELU[input.__class__, input.dtype]
    return _above_or_exponential(xp, input, input * scale, factor, 1)


_SELU = Numbers(SELU_SCALE, SELU_ALPHA * SELU_SCALE)
selu = elementwise("selu", kernel=_selu, places=TORCH_NN, promotes="float", inplace=True, signature="selu(input: Tensor, inplace: bool = False) -> Tensor",
                   vjp=f"where(input > 0, g * {SELU_SCALE!r}, g * (exp(where(input >= 0, 0, input)) * {SELU_ALPHA * SELU_SCALE!r}))", label="SELU",
                   doc="``elu`` scaled so that activations keep zero mean and unit variance. Klambauer et al. (2017), arXiv:1706.02515.")


@selu.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    return _above_or_exponential_slope(F, g, input, SELU_SCALE, SELU_ALPHA * SELU_SCALE, 1)


# --- straight lines -------------------------------------------------------------------------------------------------


def _hardtanh(xp: Any, input: Any, *, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val, got min_val={min_val} and max_val={max_val}")
    if input.dtype.kind in "iu":
        if input.dtype.kind == "u" and min_val < 0:
            raise RuntimeError("hardtanh: cannot do hardtanh on an unsigned type with negative limits. Convert it with .int() or .float()")
        min_val, max_val = int(min_val), int(max_val)
    return limited(xp, input, min_val, max_val)


hardtanh = elementwise("hardtanh", kernel=_hardtanh, places=NN, inplace=True, vjp="where((input > min_val) & (input < max_val), g, 0)",
                       signature="hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor",
                       samples=[S((3, 4), min_val=-0.5, max_val=1.5)],
                       doc="``input`` limited to the range from ``min_val`` to ``max_val``; the gradient at and beyond both is 0.")


def _relu6(xp: Any, input: Any) -> Any:
    if input.dtype.kind != "f":
        return _hardtanh(xp, input, min_val=0, max_val=6)
    zero, _, _, six = _CORNERS[input.__class__, input.dtype]
    return limited(xp, input, zero, six)


relu6 = elementwise("relu6", kernel=_relu6, places=NN, vjp="where((input > 0) & (input < 6), g, 0)",
                    signature="relu6(input: Tensor, inplace: bool = False) -> Tensor", domain=(-3.0, 9.0), label="ReLU6",
                    doc="``min(max(input, 0), 6)``.")
_CORNERS = Numbers(0, 0.5, 3, 6)


def _limited(xp: Any, input: Any) -> Any:
    """``input + 3`` limited to the range from 0 to 6, in memory of its own if it has dimensions."""
    zero, _, three, six = _CORNERS[input.__class__, input.dtype]
    moved = input + three
    return limited(xp, moved, zero, six, out=moved if moved.ndim else None)


def _hardsigmoid(xp: Any, input: Any) -> Any:
    if large(input):
        return in_blocks(xp, partial(_hardsigmoid, xp), input)
    limited = _limited(xp, input)
    limited /= _CORNERS[input.__class__, input.dtype][3]
    return limited


hardsigmoid = elementwise("hardsigmoid", kernel=_hardsigmoid, places=NN, promotes="float", label="hard σ", domain=(-4.0, 4.0),
                          signature="hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor", vjp="where((input > -3) & (input < 3), g / 6, 0)",
                          samples=[S(Arg(values=[-3.0, 3.0]))], doc="``relu6(input + 3) / 6``: a sigmoid of three straight lines.")


@hardsigmoid.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    xp = F.backend.xp
    _, _, three, six = _CORNERS[input.__class__, input.dtype]
    return in_parts(F, lambda x, upstream: choose(xp, xp.abs(x) < three, upstream / six, 0), input, g)


def _hardswish(xp: Any, input: Any) -> Any:
    if large(input):
        return in_blocks(xp, partial(_hardswish, xp), input)
    limited = _limited(xp, input)
    limited *= input
    limited /= _CORNERS[input.__class__, input.dtype][3]
    return limited


hardswish = elementwise("hardswish", kernel=_hardswish, places=NN, promotes="float", label="hardswish", domain=(-4.0, 4.0),
                        signature="hardswish(input: Tensor, inplace: bool = False) -> Tensor",
                        vjp="where(input <= -3, 0, where(input < 3, g * (input / 3 + 0.5), g))", samples=[S(Arg(values=[-3.0, 3.0]))],
                        doc="``input * hardsigmoid(input)``. Howard et al. (2019), arXiv:1905.02244.")


@hardswish.fused_vjp()
def _(F: Any, g: Any, input: Any) -> Any:
    xp = F.backend.xp
    zero, half, three, _ = _CORNERS[input.__class__, input.dtype]

    def slope(x: Any, upstream: Any) -> Any:
        value = x / three
        value += half
        value = put_over(xp, xp.abs(x) >= three, (x > zero).astype(value.dtype), value)
        return value * upstream

    return in_parts(F, slope, input, g)


def _shrunk(xp: Any, input: Any, *, lambd: float = 0.5) -> Any:
    if large(input):
        return in_blocks(xp, partial(_shrunk, xp, lambd=lambd), input)
    if not lambd >= 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}")
    inner = limited(xp, input, -lambd, lambd)
    return xp.subtract(input, inner, out=inner if inner.ndim else None)


softshrink = elementwise("softshrink", kernel=_shrunk, places=NN, promotes="float", signature="softshrink(input: Tensor, lambd: float = 0.5) -> Tensor",
                         vjp="where((input >= -lambd) & (input <= lambd), 0, g)",
                         samples=[S((3, 4), lambd=0.25), S((3, 4), lambd=0.0), S(Arg(values=[-0.5, 0.5, 0.0])),
                                  S((3,), lambd=-1.0, error=RuntimeError, match="lambda must be greater")],
                         doc="``input`` moved towards 0 by ``lambd``, and 0 where it is nearer than that.")


@softshrink.fused_vjp()
def _(F: Any, g: Any, input: Any, lambd: float) -> Any:
    xp = F.backend.xp
    return in_parts(F, lambda x, upstream: choose(xp, xp.abs(x) <= lambd, 0, upstream), input, g)


def _hardshrink(xp: Any, input: Any, *, lambd: float = 0.5) -> Any:
    return choose(xp, xp.abs(input) <= lambd, 0, input)


hardshrink = elementwise("hardshrink", out=True, kernel=_hardshrink, places=TORCH_TENSOR_NN, signature="hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor",
                         vjp="where((input >= -lambd) & (input <= lambd), 0, g)", samples=[S((3, 4), lambd=0.25), S(Arg(values=[-0.5, 0.5, 0.0]))],
                         doc="``input``, but 0 between ``-lambd`` and ``lambd``.")


def _threshold(xp: Any, input: Any, *, threshold: float, value: float) -> Any:
    return choose(xp, input <= threshold, 0 if value == 0 and math.copysign(1.0, value) > 0 else xp.asarray(value, dtype=input.dtype), input)


threshold = elementwise("threshold", out=True, kernel=_threshold, places=TORCH_NN, inplace=True, takes="none",
                        signature="threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor",
                        vjp="where(input <= threshold, 0, g)", samples=[
                            S((3, 4), threshold=0.5, value=20.0), S((), threshold=0.0, value=-1.0), S((0, 2), threshold=0.0, value=1.0),
                            S(Arg(values=[-1.0, 0.5, 2.0]), threshold=0.5, value=7.0)],
                        doc="``input`` where it is above ``threshold``, else ``value``.")


# --- slopes that are given, or drawn --------------------------------------------------------------------------------


def _prelu(xp: Any, input: Any, weight: Any) -> Any:
    if weight.size == 1 and weight.ndim <= input.ndim and large(input):
        return in_blocks(xp, lambda part: _prelu(xp, part, weight.reshape(())), input)
    if weight.size == 1 and weight.ndim <= input.ndim:
        weight = weight.reshape(())  # to spread one number from one dimension takes twice the time
        if weight.__class__ is xp.ndarray and backend_of(weight).name == "cpu" and input.ndim and 0 < weight <= 1:
            scaled = weight * input
            return xp.maximum(input, scaled, out=scaled)
    return choose(xp, input > ZERO[input.__class__, input.dtype][0], input, weight * input)


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
