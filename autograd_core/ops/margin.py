"""Losses that ask for a margin: between scores and labels, between pairs, and between classes."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError, describe
from ..op import NN, composite
from .classes import check_classes, class_dim
from .loss import check_reduction, matched, reduce_loss


@composite("hinge_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = 'mean') -> Tensor", places=NN)
def hinge_loss(F: Any, input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """``max(0, margin - target * input)`` for targets -1 and 1: the loss of a support vector machine."""
    check_reduction("hinge_loss", reduction)
    input, target = matched(F, "hinge_loss", input, target)
    return reduce_loss(F, F.relu(margin - target * input), reduction)


@composite("hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = 'mean') -> Tensor", places=NN)
def hinge_embedding_loss(F: Any, input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """``input`` where ``target`` is 1, ``max(0, margin - input)`` where it is -1: for distances of similar and dissimilar pairs."""
    check_reduction("hinge_embedding_loss", reduction)
    return reduce_loss(F, F.where(target != -1, input, 0) + F.where(target != 1, F.relu(margin - input), 0), reduction)


@composite("margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = 'mean') -> Tensor", places=NN)
def margin_ranking_loss(F: Any, input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, margin - target * (input1 - input2))``: ``target`` 1 asks for the first to be larger, -1 for the second."""
    check_reduction("margin_ranking_loss", reduction)
    return reduce_loss(F, F.relu(-target * (input1 - input2) + margin), reduction)


@composite("multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor",
           places=NN)
def multi_margin_loss(F: Any, input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over the wrong classes of ``max(0, margin - input[target] + input) ** p``; ``input`` is (batch, classes) or (classes)."""
    if p not in {1, 2}:
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if input.ndim > 2:
        raise ShapeError(f"multi_margin_loss: expected input of shape (batch, classes) or (classes), got {describe(input)}")
    check_classes("multi_margin_loss", input, target, weight, reduction)
    dim = class_dim(input)
    classes = input.shape[dim]
    wanted = F.class_targets(target, None, classes=classes, dim=dim, ignore_index=-100, label_smoothing=0.0, mean=False, dtype=input.dtype)
    miss = F.relu(margin - F.sum(wanted * input, dim=dim, keepdim=True) + input) * (1 - wanted)
    if p == 2:
        miss = miss * miss
    if weight is not None:
        miss = miss * F.sum(wanted * weight, dim=dim, keepdim=True)
    return reduce_loss(F, F.sum(miss, dim=dim) / classes, reduction)
