"""Losses. Each takes ``reduction``: ``'none'`` keeps one value per element or sample, ``'mean'`` and ``'sum'`` reduce them.

The losses that training runs most, cross-entropy with its softmax or sigmoid and the squared error, are single ops:
their forward pass keeps what the textbook gradient ``p - y`` needs. The others are made of ops.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..errors import BroadcastWarning
from ..kernels.blocks import at_hand
from ..kernels.numbers import positive
from ..op import NN, S, composite, op, span
from ..spec import Meta, broadcast, computed_dtype
from .reduce import HALF, SINGLE, widened

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(name: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Refuse a ``reduction`` that is not one of those allowed."""
    if reduction not in allowed:
        raise ValueError(f"{name}: {reduction!r} is not a valid value for reduction; it is one of {', '.join(allowed)}")


def reduce_loss(F: Any, loss: Any, reduction: str) -> Any:
    """A loss made of ops, reduced."""
    return loss if reduction == "none" else F.mean(loss) if reduction == "mean" else F.sum(loss)


def reduced_meta(name: str, input: Any, reduction: str, shape: Any = None) -> Meta:
    """The result of a loss; ``shape`` is that of the unreduced one, by default the input's."""
    check_reduction(name, reduction)
    return Meta((tuple(input.shape) if shape is None else shape) if reduction == "none" else (), computed_dtype(name, "float", (input,)))


def sum_or_mean(xp: Any, loss: Any, reduction: str, dtype: Any) -> Any:
    """A loss reduced; float16 adds up in float32."""
    if reduction == "none":
        return loss.astype(dtype, copy=False)
    total = loss.sum()
    if reduction == "mean":
        total = total / loss.size if loss.size else total + math.nan
    elif reduction != "sum":
        raise ValueError(reduction)
    return total if total.dtype is dtype else total.astype(dtype, copy=False)


def per_element(g: Any, reduction: str, shape: Any) -> Any:
    """The cotangent of one element of the loss, given the cotangent of the reduced loss."""
    return g / max(math.prod(shape), 1) if reduction == "mean" else g


def matched(F: Any, name: str, input: Any, target: Any) -> tuple[Any, Any]:
    """``input`` and ``target`` in one shape; a broadcast between them is most often a mistake, so it warns (``BroadcastWarning``)."""
    if input.shape == target.shape:
        return input, target
    shape = broadcast(name, ("input", "target"), (input, target))
    small, big = ("target", "input") if target.ndim < input.ndim else ("input", "target")
    fix = f"{small}.unsqueeze(-1) or {big}.squeeze(-1)" if input.ndim != target.ndim else "reshape one of them"
    warnings.warn(
        f"{name}: Using a target size ({tuple(target.shape)}) that is different to the input size ({tuple(input.shape)}). This will likely lead to incorrect "
        f"results due to broadcasting to {shape}. Please ensure they have the same size, for example by {fix}. "
        "Where the broadcast is meant, call it inside: with autograd_core.errors.BroadcastWarning.silenced()", BroadcastWarning, stacklevel=4)
    return F.broadcast_to(input, shape=shape), F.broadcast_to(target, shape=shape)


# --- errors of regression -----------------------------------------------------------------------------------------

_REGRESSION = [S((3, 4), (3, 4), reduction="none"), S((3, 4), (3, 4), reduction="mean"), S((3, 4), (3, 4), reduction="sum"), S((), (), reduction="mean"),
               S((0, 2), (0, 2), reduction="sum")]


def _squared_spec(input: Any, target: Any, *, reduction: str = "mean") -> Meta:
    return reduced_meta("mse_loss", input, reduction, broadcast("mse_loss", ("input", "target"), (input, target)))


def _squared_parts(xp: Any, input: Any, target: Any, *, reduction: str = "mean") -> tuple[Any, Any]:
    difference = input - target
    if reduction == "none":
        return difference * difference, difference
    if difference.dtype is HALF or not difference.size:
        return sum_or_mean(xp, difference.astype(SINGLE) ** 2, reduction, difference.dtype), difference
    total = xp.vdot(difference, difference)
    return total / difference.size if reduction == "mean" else total, difference


@op("squared_error(input: Tensor, target: Tensor, reduction: str = 'mean') -> Tensor", label="MSE", promotes="float", spec=_squared_spec, samples=_REGRESSION)
def squared_error(xp: Any, input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """``(input - target) ** 2`` of equal shapes, reduced."""
    return _squared_parts(xp, input, target, reduction=reduction)[0]


@squared_error.vjp()
def _(F: Any, g: Any, input: Any, target: Any, input_shape: Any, reduction: str, needs: Any) -> Any:
    gradient = per_element(g, reduction, input_shape) * 2 * (input - target)
    return gradient if needs[0] else None, -gradient if needs[1] else None


@squared_error.fused_vjp(("difference",), _squared_parts)
def _(F: Any, g: Any, difference: Any, reduction: str, needs: Any) -> Any:
    gradient = difference * (per_element(g, reduction, difference.shape) * 2)
    return gradient if needs[0] else None, -gradient if needs[1] else None


@composite("mse_loss(input: Tensor, target: Tensor, reduction: str = 'mean', weight: Tensor | None = None) -> Tensor", places=NN)
def mse_loss(F: Any, input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """The squared error ``(input - target) ** 2``. With ``weight``, of the same shape, the mean is a weighted one.

    Shapes that differ are broadcast with a warning, because that is most often a mistake.

    >>> import autograd_core as ag, nn
    >>> nn.functional.mse_loss(ag.tensor([1.0, 2.0]), ag.tensor([0.0, 4.0])).item()
    2.5
    """
    check_reduction("mse_loss", reduction)
    input, target = matched(F, "mse_loss", input, target)
    if weight is None:
        return F.squared_error(input, target, reduction=reduction)
    return _weighted(F, "mse_loss", F.squared_error(input, target, reduction="none"), weight, reduction)


def _weighted(F: Any, name: str, loss: Any, weight: Any, reduction: str) -> Any:
    if weight.shape != loss.shape:
        raise ValueError(f"{name}: Weights and input must have the same size (weight {tuple(weight.shape)}, input {tuple(loss.shape)})")
    loss = loss * weight
    return F.sum(loss) / F.sum(weight) if reduction == "mean" else reduce_loss(F, loss, reduction)


@composite("l1_loss(input: Tensor, target: Tensor, reduction: str = 'mean', weight: Tensor | None = None) -> Tensor", places=NN)
def l1_loss(F: Any, input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Any:
    """The absolute error ``|input - target|``. With ``weight``, of the same shape, the mean is a weighted one."""
    check_reduction("l1_loss", reduction)
    input, target = matched(F, "l1_loss", input, target)
    loss = F.abs(input - target)
    return reduce_loss(F, loss, reduction) if weight is None else _weighted(F, "l1_loss", loss, weight, reduction)


def _huber_spec(input: Any, target: Any, *, delta: float, reduction: str = "mean") -> Meta:
    return reduced_meta("huber_loss", input, reduction, broadcast("huber_loss", ("input", "target"), (input, target)))


def _huber_parts(xp: Any, input: Any, target: Any, *, delta: float, reduction: str = "mean") -> tuple[Any, Any]:
    difference = widened(input - target)
    slope = xp.minimum(xp.maximum(difference, -delta), delta)
    dtype = input.dtype
    if reduction == "none" or not difference.size:
        return sum_or_mean(xp, slope * (difference - 0.5 * slope), reduction, dtype), slope.astype(dtype, copy=False)
    total = xp.vdot(slope, difference) - 0.5 * xp.vdot(slope, slope)
    total = total / difference.size if reduction == "mean" else total
    return total if total.dtype is dtype else total.astype(dtype), slope.astype(dtype, copy=False)


@op("huber_error(input: Tensor, target: Tensor, delta: float, reduction: str = 'mean') -> Tensor", label="Huber", promotes="float", spec=_huber_spec, samples=[
    *(S((3, 4), (3, 4), delta=0.5, reduction=reduction) for reduction in REDUCTIONS), S((), (), delta=1.0), S((0, 2), (0, 2), delta=1.0, reduction="sum")])
def huber_error(xp: Any, input: Any, target: Any, *, delta: float, reduction: str = "mean") -> Any:
    """``c * (d - c / 2)`` with ``d = |input - target|`` and ``c = min(d, delta)``, of equal shapes, reduced."""
    return _huber_parts(xp, input, target, delta=delta, reduction=reduction)[0]


@huber_error.vjp()
def _(F: Any, g: Any, input: Any, target: Any, input_shape: Any, delta: float, reduction: str, needs: Any) -> Any:
    gradient = F.clamp(input - target, -delta, delta) * per_element(g, reduction, input_shape)
    return gradient if needs[0] else None, -gradient if needs[1] else None


@huber_error.fused_vjp(("slope",), _huber_parts)
def _(F: Any, g: Any, slope: Any, reduction: str, needs: Any) -> Any:
    gradient = slope * per_element(g, reduction, slope.shape)
    return gradient if needs[0] else None, -gradient if needs[1] else None


@composite("smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = 'mean', beta: float = 1.0) -> Tensor", places=NN)
def smooth_l1_loss(F: Any, input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """``d ** 2 / (2 * beta)`` where ``d = |input - target|`` is below ``beta``, ``d - beta / 2`` elsewhere. Girshick (2015), arXiv:1504.08083."""
    check_reduction("smooth_l1_loss", reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: does not support negative values for beta, got {beta}")
    input, target = matched(F, "smooth_l1_loss", input, target)
    if beta == 0:
        return reduce_loss(F, F.abs(input - target), reduction)
    loss = F.huber_error(input, target, delta=beta, reduction=reduction)
    return loss if beta == 1 else loss / beta


@composite("huber_loss(input: Tensor, target: Tensor, reduction: str = 'mean', delta: float = 1.0, weight: Tensor | None = None) -> Tensor", places=NN)
def huber_loss(F: Any, input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Any:
    """``d ** 2 / 2`` where ``d = |input - target|`` is at most ``delta``, ``delta * (d - delta / 2)`` elsewhere; times ``weight``, of the same shape."""
    check_reduction("huber_loss", reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: does not support non-positive values for delta, got {delta}")
    input, target = matched(F, "huber_loss", input, target)
    if weight is None:
        return F.huber_error(input, target, delta=delta, reduction=reduction)
    return reduce_loss(F, _weighted(F, "huber_loss", F.huber_error(input, target, delta=delta, reduction="none"), weight, "none"), reduction)


# --- divergences --------------------------------------------------------------------------------------------------


def pair_spec(name: str) -> Any:
    """The rule of a loss of two tensors of one shape."""

    def spec(input: Any, target: Any, *, reduction: str, **attrs: Any) -> Meta:
        return reduced_meta(name, input, reduction, broadcast(name, ("input", "target"), (input, target)))

    return spec


def _divergence_parts(xp: Any, input: Any, target: Any, *, reduction: str) -> tuple[Any, Any]:
    """The loss, and the logarithms of the targets, 0 where those are 0."""
    known = widened(target)
    if at_hand(known) and positive(known):
        logs = xp.log(known)
    else:
        nothing = known == 0
        logs = xp.where(nothing, 0, xp.log(xp.where(nothing, 1, known))).astype(known.dtype, copy=False)
    return sum_or_mean(xp, known * (logs - input), reduction, input.dtype), logs


@op("divergence(input: Tensor, target: Tensor, reduction: str) -> Tensor", label="kl_div", promotes="float", spec=pair_spec("kl_div"), samples=[
    *(S(span(-2.0, -0.1, 3, 4), span(0.1, 0.9, 3, 4), reduction=reduction) for reduction in REDUCTIONS), S(span(-2.0, -0.1), span(0.1, 0.9), reduction="sum"),
    S((0, 2), (0, 2), reduction="sum")])
def divergence(xp: Any, input: Any, target: Any, *, reduction: str) -> Any:
    """``target * (log(target) - input)`` of equal shapes, reduced; 0 where ``target`` is 0."""
    return _divergence_parts(xp, input, target, reduction=reduction)[0]


@divergence.vjp()
def _(F: Any, g: Any, input: Any, target: Any, reduction: str, needs: Any) -> Any:
    g = per_element(g, reduction, input.shape)
    nothing = target == 0
    logs = F.where(nothing, 0, F.log(F.where(nothing, 1, target))) if needs[1] else None
    return -target * g if needs[0] else None, (logs + target / target - input) * g if needs[1] else None


@divergence.fused_vjp(("logs",), _divergence_parts)
def _(F: Any, g: Any, input: Any, target: Any, logs: Any, reduction: str, needs: Any) -> Any:
    g = per_element(g, reduction, input.shape)
    return target * -g if needs[0] else None, ((logs + target / target - input) * g).astype(target.dtype, copy=False) if needs[1] else None


@composite("kl_div(input: Tensor, target: Tensor, reduction: str = 'mean', log_target: bool = False) -> Tensor", places=NN)
def kl_div(F: Any, input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """The Kullback-Leibler divergence ``target * (log(target) - input)`` of log-probabilities ``input`` from ``target``.

    ``reduction='batchmean'`` divides the sum by the batch size and is the divergence proper; ``'mean'`` divides by the
    number of elements. ``log_target`` says that ``target`` holds log-probabilities too.
    """
    check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
    input, target = matched(F, "kl_div", input, target)
    final = "sum" if reduction == "batchmean" else reduction
    loss = reduce_loss(F, F.exp(target) * (target - input), final) if log_target else F.divergence(input, target, reduction=final)
    return loss / input.shape[0] if reduction == "batchmean" and input.ndim else loss
