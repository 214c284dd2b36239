"""Losses that ask for a margin: between scores and labels, between pairs, and between classes."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import NN, Arg, S, composite, detached, ints, op
from ..spec import Meta
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
    input, target = matched(F, "hinge_embedding_loss", input, target)
    return reduce_loss(F, F.where(target != -1, input, 0) + F.where(target != 1, F.relu(margin - input), 0), reduction)


@composite("margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = 'mean') -> Tensor", places=NN)
def margin_ranking_loss(F: Any, input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, margin - target * (input1 - input2))``: ``target`` 1 asks for the first to be larger, -1 for the second."""
    check_reduction("margin_ranking_loss", reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError("margin_ranking_loss: All input tensors should have same dimension but got sizes: "
                           f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}")
    return reduce_loss(F, F.relu(-target * (input1 - input2) + margin), reduction)


@composite("multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor",
           places=NN)
def multi_margin_loss(F: Any, input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over the wrong classes of ``max(0, margin - input[target] + input) ** p``; ``input`` is (batch, classes) or (classes)."""
    if p not in {1, 2}:
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    _check_scores("multi_margin_loss", input, target, reduction, weight)
    miss, wanted = _misses(F, input, target, margin)
    if p == 2:
        miss = miss * miss
    if weight is not None:
        miss = miss * F.sum(wanted * weight, dim=-1, keepdim=True)
    return reduce_loss(F, F.mean(miss, dim=-1), reduction)


def _misses(F: Any, input: Any, target: Any, margin: float) -> tuple[Any, Any]:
    """``max(0, margin - input[target] + input)``, 0 at the target, and ones at the targets; classes are the last dimension."""
    wanted = F.class_targets(target, None, classes=input.shape[-1], dim=input.ndim - 1, ignore_index=-100, label_smoothing=0.0, mean=False, dtype=input.dtype)
    return F.relu(margin - F.sum(wanted * input, dim=-1, keepdim=True) + input) * (1 - wanted), wanted


@composite("multiclass_hinge_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = 'mean') -> Tensor", places=NN)
def multiclass_hinge_loss(F: Any, input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """The sum over the wrong classes j of ``max(0, input[j] - input[target] + margin)``: the loss of a multiclass support vector machine.

    ``input`` holds scores (batch, classes) or (classes), ``target`` class indices. Unlike ``multi_margin_loss`` the sum
    is not divided by the number of classes. Weston and Watkins (1999).

    >>> import autograd_core as ag, nn
    >>> nn.functional.multiclass_hinge_loss(ag.tensor([[1.0, 2.0, 0.5]]), ag.tensor([0])).item()
    2.5
    """
    _check_scores("multiclass_hinge_loss", input, target, reduction)
    return reduce_loss(F, F.sum(_misses(F, input, target, margin)[0], dim=-1), reduction)


def _check_scores(name: str, input: Any, target: Any, reduction: str, weight: Any = None) -> None:
    """Refuse what are no scores (batch, classes) or (classes) with class indices."""
    if input.ndim > 2:
        raise ShapeError(f"{name}: expected input of shape (batch, classes) or (classes), got {describe(input)}")
    check_classes(name, input, target, weight, reduction)


@composite("zero_one_loss(input: Tensor, target: Tensor, reduction: str = 'mean') -> Tensor", places=NN)
def zero_one_loss(F: Any, input: Any, target: Any, reduction: str = "mean") -> Any:
    """1 where the class of the largest score is not the target, 0 where it is: the mean is the error rate. It has no gradient.

    Shapes are those of ``cross_entropy``: scores (batch, classes, ...) or (classes) with class indices. Of equal scores
    the first counts.

    >>> import autograd_core as ag, nn
    >>> nn.functional.zero_one_loss(ag.tensor([[1.0, 2.0], [3.0, 0.0]]), ag.tensor([1, 1])).item()
    0.5
    """
    check_classes("zero_one_loss", input, target, None, reduction)
    wrong = F.argmax(detached(input), dim=class_dim(input)) != target
    return reduce_loss(F, F.to_dtype(wrong, dtype=as_dtype(input.dtype)), reduction)


# --- several labels -----------------------------------------------------------------------------------------------


@composite("soft_margin_loss(input: Tensor, target: Tensor, reduction: str = 'mean') -> Tensor", places=NN)
def soft_margin_loss(F: Any, input: Any, target: Any, reduction: str = "mean") -> Any:
    """``log(1 + exp(-target * input))`` for targets -1 and 1, computed without overflow."""
    check_reduction("soft_margin_loss", reduction)
    input, target = matched(F, "soft_margin_loss", input, target)
    return reduce_loss(F, -F.logsigmoid(target * input), reduction)


@composite("multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor", places=NN)
def multilabel_soft_margin_loss(F: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The binary cross-entropy between ``sigmoid(input)`` and ``target`` (0 or 1), averaged over the classes, the last dimension.

    ``weight`` is a factor for each class.
    """
    check_reduction("multilabel_soft_margin_loss", reduction)
    input, target = matched(F, "multilabel_soft_margin_loss", input, target)
    loss = -(target * F.logsigmoid(input) + (1 - target) * F.logsigmoid(-input))
    return reduce_loss(F, F.mean(loss if weight is None else loss * weight, dim=-1), reduction)


def _sets_spec(target: Any) -> list[Meta]:
    shape = tuple(target.shape)
    return [Meta(shape, as_dtype("int64")), Meta(shape, as_dtype("bool")), Meta(shape, as_dtype("bool"))]


@op("label_sets(target: Tensor) -> tuple[Tensor, Tensor, Tensor]", outputs=("labels", "listed", "member"), constant_outputs=(0, 1, 2), label="labels", spec=_sets_spec, samples=[
    S(Arg(values=[[1, 0, -1, 2], [-1, 1, 2, 3], [0, 1, 2, 3]])), S(Arg(values=[2, -1, 0])), S(ints(0, 3))])
def label_sets(xp: Any, target: Any) -> tuple[Any, Any, Any]:
    """Labels up to the first -1 of each row: the labels (0 where there is none), whether there is one, and whether each class is among them."""
    classes = target.shape[-1]
    listed = xp.cumsum(target < 0, axis=-1) == 0
    labels = xp.where(listed, target, 0).astype("int64")
    if labels.size and int(labels.max()) >= classes:
        raise RuntimeError(f"multilabel_margin_loss: argument #2 'target' is out of range: label {int(labels.max())} of {classes} classes")
    member = ((labels[..., :, None] == xp.arange(classes)) & listed[..., :, None]).any(axis=-2)
    return labels, listed, member


@composite("multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = 'mean') -> Tensor", places=NN)
def multilabel_margin_loss(F: Any, input: Any, target: Any, reduction: str = "mean") -> Any:
    """The sum over labels y and other classes j of ``max(0, 1 - (input[y] - input[j]))``, divided by the number of classes.

    ``target`` has the shape of ``input``, (batch, classes) or (classes), and lists each sample's labels; a -1 ends the list.
    """
    check_reduction("multilabel_margin_loss", reduction)
    if target.shape != input.shape or input.ndim > 2 or not input.ndim:
        raise RuntimeError(f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for an input of size {list(input.shape)}. "
                           "Both are (batch, classes) or (classes); fill the labels up with -1")
    labels, listed, member = F.label_sets(target)
    wanted = F.gather(input, index=labels, dim=-1)
    counted = F.logical_and(F.unsqueeze(listed, dim=-1), F.unsqueeze(F.logical_not(member), dim=-2))
    misses = F.where(counted, F.relu(1 - F.unsqueeze(wanted, dim=-1) + F.unsqueeze(input, dim=-2)), 0)
    return reduce_loss(F, F.sum(misses, dim=(-2, -1)) / input.shape[-1], reduction)
