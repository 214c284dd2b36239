"""Losses of classification by sigmoid: binary cross-entropy, from scores and from probabilities."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..errors import ShapeError
from ..kernels.numbers import ONE, ZERO
from ..op import NN, S, composite, op, span
from ..spec import Meta, broadcast
from .loss import check_reduction, per_element, reduce_loss, reduced_meta, sum_or_mean
from .reduce import widened


def _logits_spec(input: Any, target: Any, weight: Any, pos_weight: Any, *, reduction: str = "mean") -> Meta:
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(f"binary_cross_entropy_with_logits: Target size ({tuple(target.shape)}) must be the same as input size ({tuple(input.shape)})")
    for name, factor in (("weight", weight), ("pos_weight", pos_weight)):
        if factor is not None and broadcast("binary_cross_entropy_with_logits", ("input", name), (input, factor)) != tuple(input.shape):
            raise ShapeError(f"binary_cross_entropy_with_logits: {name} {tuple(factor.shape)} must broadcast to the input's shape {tuple(input.shape)}")
    return reduced_meta("binary_cross_entropy_with_logits", input, reduction)


def _logits_parts(xp: Any, input: Any, target: Any, weight: Any, pos_weight: Any, *, reduction: str = "mean") -> tuple[Any, Any]:
    if input.shape != target.shape:
        raise ValueError("shapes")
    wide, known = widened(input), widened(target)
    small = xp.exp(-xp.abs(wide))
    if pos_weight is None:
        loss = xp.maximum(wide, ZERO[wide.__class__, wide.dtype][0]) - wide * known + xp.log1p(small)
    else:
        loss = wide - wide * known + (1 + (pos_weight - 1) * known) * (xp.log1p(small) + xp.maximum(-wide, 0))
    if weight is not None:
        loss = loss * weight
    return sum_or_mean(xp, loss, reduction, input.dtype), small


_LOGITS = [S((3, 4), span(0.0, 1.0, 3, 4), None, None), S((3, 4), span(0.0, 1.0, 3, 4), None, None, reduction="none"),
           S((3, 4), span(0.0, 1.0, 3, 4), span(0.5, 2.0, 4), span(0.5, 2.0, 4), reduction="sum"),
           S((3, 4), span(0.0, 1.0, 3, 4), span(0.5, 2.0, 3, 1), None), S((), span(0.0, 1.0), None, None), S((0, 2), (0, 2), None, None, reduction="sum"),
           S((3, 4), (4,), None, None, error=ValueError, match="must be the same as input size")]


@op("sigmoid_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None, pos_weight: Tensor | None, reduction: str = 'mean') -> Tensor",
    label="binary_cross_entropy_with_logits", promotes="float", spec=_logits_spec, samples=_LOGITS)
def sigmoid_cross_entropy(xp: Any, input: Any, target: Any, weight: Any, pos_weight: Any, *, reduction: str = "mean") -> Any:
    """The cross-entropy between ``sigmoid(input)`` and ``target``, computed from the logits without overflow."""
    return _logits_parts(xp, input, target, weight, pos_weight, reduction=reduction)[0]


def _logits_gradients(F: Any, g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, probability: Any, needs: Any, reduction: str) -> Any:
    g = per_element(g, reduction, input.shape)
    weighted = g if weight is None else g * weight
    gradients: list[Any] = [None] * 4
    if pos_weight is None:
        to_input, to_target = probability - target, -input
    else:
        other = F.softplus(-input)
        to_input, to_target = (1 - target) - (1 + (pos_weight - 1) * target) * (1 - probability), (pos_weight - 1) * other - input
    gradients[0] = to_input * weighted if needs[0] else None
    gradients[1] = to_target * weighted if needs[1] else None
    if needs[2]:
        loss = input - input * target + (F.softplus(-input) if pos_weight is None else (1 + (pos_weight - 1) * target) * F.softplus(-input))
        gradients[2] = F.sum_to(loss * g, shape=weight.shape)
    if needs[3]:
        gradients[3] = F.sum_to(target * F.softplus(-input) * weighted, shape=pos_weight.shape)
    return tuple(gradients)


@sigmoid_cross_entropy.vjp()
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, needs: Any, reduction: str) -> Any:
    return _logits_gradients(F, g, input, target, weight, pos_weight, F.sigmoid(input), needs, reduction)


@sigmoid_cross_entropy.fused_vjp(("small",), _logits_parts)
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, small: Any, needs: Any, reduction: str) -> Any:
    share = small / (small + ONE[small.__class__, small.dtype][0])
    probability = F.abs(F.sub(input > 0, share)).astype(input.dtype, copy=False)  # share where the logit is negative, 1 - share where it is positive
    return _logits_gradients(F, g, input, target, weight, pos_weight, probability, needs, reduction)


@composite("binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = 'mean', "
           "pos_weight: Tensor | None = None) -> Tensor", places=NN)
def binary_cross_entropy_with_logits(F: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> Any:
    """The cross-entropy between ``sigmoid(input)`` and ``target``, numbers between 0 and 1 in the input's shape.

    ``weight`` is a factor for each element, ``pos_weight`` one for the positive part; both broadcast to the input's shape.
    Raises ``ValueError`` where ``input`` and ``target`` differ in shape.
    """
    if weight is not None or pos_weight is not None:  # the kernel itself would let them broadcast the result
        _logits_spec(input, target, weight, pos_weight, reduction=reduction)
    return F.sigmoid_cross_entropy(input, target, weight, pos_weight, reduction=reduction)


def _floored_log(xp: Any, value: Any) -> Any:
    """``log(value)``, but at least -100, as PyTorch has it; without a warning at 0."""
    zero = value == 0
    return xp.maximum(xp.log(value + zero) - 100 * zero.astype(value.dtype), -100)


_TINY = 1e-30
"""Above this, and below 1, logarithms stay above -100."""


def _chances_parts(xp: Any, input: Any, target: Any, *, reduction: str) -> tuple[Any, Any, Any]:
    """The loss, ``input * (1 - input)``, and what the loss grows by with ``target``."""
    if input.shape != target.shape:
        raise ValueError("shapes")
    wide, known = widened(input), widened(target)
    other = ONE[wide.__class__, wide.dtype][0] - wide
    spread = wide * other
    cpu = backend_of(input).name == "cpu"
    if cpu and spread.size and spread.item(spread.argmin()) > _TINY:  # ``min`` has Python around it
        yes, no = xp.log(wide), xp.log(other)
    else:
        if cpu and not ((wide >= 0) & (wide <= 1) | xp.isnan(wide)).all():
            raise RuntimeError("binary_cross_entropy: all elements of input should be between 0 and 1. For raw scores use binary_cross_entropy_with_logits")
        yes, no = _floored_log(xp, wide), _floored_log(xp, other)
    loss = (known - 1) * no - known * yes
    return sum_or_mean(xp, loss, reduction, input.dtype), spread, no - yes


def _chances_spec(input: Any, target: Any, *, reduction: str) -> Meta:
    if tuple(target.shape) != tuple(input.shape):
        raise ValueError(f"binary_cross_entropy: Using a target size ({tuple(target.shape)}) that is different to the input size ({tuple(input.shape)}) is deprecated. "
                         "Please ensure they have the same size")
    return reduced_meta("binary_cross_entropy", input, reduction)


@op("chances_cross_entropy(input: Tensor, target: Tensor, reduction: str) -> Tensor", label="binary_cross_entropy", promotes="float", spec=_chances_spec, samples=[
    *(S(span(0.1, 0.9, 3, 4), span(0.0, 1.0, 3, 4), reduction=reduction) for reduction in ("none", "mean", "sum")),
    S(span(0.1, 0.9), span(0.0, 1.0), reduction="mean"), S(span(0.1, 0.9, 0, 2), span(0.0, 1.0, 0, 2), reduction="sum"),
    S(span(0.1, 0.9, 3, 4), (4,), reduction="sum", error=ValueError, match="same size"), S(span(1.5, 2.0, 3), (3,), reduction="sum", error=RuntimeError, match="between 0 and 1")])
def chances_cross_entropy(xp: Any, input: Any, target: Any, *, reduction: str) -> Any:
    """``-(target * log(input) + (1 - target) * log(1 - input))`` of equal shapes, the logarithms at least -100, reduced."""
    return _chances_parts(xp, input, target, reduction=reduction)[0]


@chances_cross_entropy.vjp()
def _(F: Any, g: Any, input: Any, target: Any, reduction: str, needs: Any) -> Any:
    g = per_element(g, reduction, input.shape)
    to_input = g * ((input - target) / F.clamp(input * (1 - input), 1e-12, None)) if needs[0] else None
    return to_input, g * (F.clamp(F.log(1 - input), -100.0, None) - F.clamp(F.log(input), -100.0, None)) if needs[1] else None


@chances_cross_entropy.fused_vjp(("spread", "growth"), _chances_parts)
def _(F: Any, g: Any, input: Any, target: Any, spread: Any, growth: Any, reduction: str, needs: Any) -> Any:
    g = per_element(g, reduction, input.shape)
    to_input = ((input - target) / F.backend.xp.maximum(spread, 1e-12) * g).astype(input.dtype, copy=False) if needs[0] else None
    return to_input, (growth * g).astype(input.dtype, copy=False) if needs[1] else None


@composite("binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor", places=NN)
def binary_cross_entropy(F: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The cross-entropy between probabilities ``input`` and ``target``, both between 0 and 1 and of one shape.

    Logarithms are cut off at -100, so that a probability of exactly 0 or 1 costs 100 and not infinity. From raw scores,
    ``binary_cross_entropy_with_logits`` is exact. Raises ``ValueError`` where the shapes differ.
    """
    if weight is None:
        return F.chances_cross_entropy(input, target, reduction=reduction)
    check_reduction("binary_cross_entropy", reduction)
    return reduce_loss(F, F.chances_cross_entropy(input, target, reduction="none") * weight, reduction)
