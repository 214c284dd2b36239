"""Losses that ask for a margin: between scores and labels, between pairs, and between classes."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..kernels.blocks import at_hand, in_blocks_to, large
from ..kernels.numbers import ZERO
from ..op import NN, Arg, S, composite, detached, distinct, ints, op, span
from ..spec import Meta, broadcast, computed_dtype
from .classes import as_rows, check_classes, class_dim, class_indices, class_places, require_class_indices
from .loss import check_reduction, matched, pair_spec, per_element, reduce_loss, reduced_meta, sum_or_mean
from .reduce import widened


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
    return F.embedding_hinge(input, target, margin=float(margin), reduction=reduction)


def _embedding_parts(xp: Any, input: Any, target: Any, *, margin: float, reduction: str) -> tuple[Any, Any]:
    """The loss, and its slopes."""
    apart = target != 1
    missing = margin - input
    pulled = target != -1
    (zero,) = ZERO[input.__class__, input.dtype]
    loss = xp.where(pulled, input, zero) + xp.where(apart, xp.maximum(missing, zero), zero)
    return sum_or_mean(xp, widened(loss), reduction, input.dtype), pulled.astype(input.dtype) - (apart & (missing >= zero))


@op("embedding_hinge(input: Tensor, target: Tensor, margin: float, reduction: str) -> Tensor", label="hinge_embedding", promotes="float", spec=pair_spec("hinge_embedding_loss"),
    samples=[*(S(distinct(3, 4), Arg(values=[[1.0, -1.0, 1.0, -1.0]] * 3), margin=0.3, reduction=reduction) for reduction in ("none", "mean", "sum")),
             S(distinct(4), Arg(values=[1.0, -1.0, 0.5, -0.5]), margin=1.0, reduction="sum"), S((), Arg(values=-1.0), margin=5.0, reduction="mean"),
             S((0, 2), (0, 2), margin=1.0, reduction="sum")])
def embedding_hinge(xp: Any, input: Any, target: Any, *, margin: float, reduction: str) -> Any:
    """``input`` where ``target`` is not -1 plus ``max(0, margin - input)`` where it is not 1, of equal shapes, reduced."""
    return _embedding_parts(xp, input, target, margin=margin, reduction=reduction)[0]


@embedding_hinge.vjp("input")
def _(F: Any, g: Any, input: Any, target: Any, margin: float, reduction: str) -> Any:
    g = per_element(g, reduction, input.shape)
    return F.where(target != -1, g, 0) - F.where((target != 1) & (input <= margin), g, 0)


@embedding_hinge.fused_vjp(("slopes",), _embedding_parts)
def _(F: Any, g: Any, slopes: Any, reduction: str) -> Any:
    return slopes * per_element(g, reduction, slopes.shape), None


@composite("margin_ranking_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = 'mean') -> Tensor", places=NN)
def margin_ranking_loss(F: Any, input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, margin - target * (input1 - input2))``: ``target`` 1 asks for the first to be larger, -1 for the second."""
    check_reduction("margin_ranking_loss", reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError("margin_ranking_loss: All input tensors should have same dimension but got sizes: "
                           f"input1: {list(input1.shape)}, input2: {list(input2.shape)}, target: {list(target.shape)}")
    return F.ranking(input1, input2, target, margin=float(margin), reduction=reduction)


def _ranking_spec(input1: Any, input2: Any, target: Any, *, margin: float, reduction: str) -> Meta:
    given = {"input1": input1, "input2": input2, **({} if target is None else {"target": target})}
    shape = broadcast("margin_ranking_loss", tuple(given), tuple(given.values()))
    return reduced_meta("margin_ranking_loss", Meta(shape, computed_dtype("margin_ranking_loss", "float", tuple(given.values()))), reduction)


def _ranking_parts(xp: Any, input1: Any, input2: Any, target: Any, *, margin: float, reduction: str) -> tuple[Any, Any, Any]:
    """The loss, 1 where its slope is not 0 (at a loss of just 0 it is that of the loss, as in PyTorch), and by how much the first is larger."""
    lead = input1 - input2
    loss = lead + margin if target is None else margin - target * lead
    return sum_or_mean(xp, widened(xp.maximum(loss, 0)), reduction, lead.dtype), (loss >= 0).astype(lead.dtype), lead


@op("ranking(input1: Tensor, input2: Tensor, target: Tensor | None, margin: float, reduction: str) -> Tensor", label="margin", promotes="float", broadcasts=True,
    spec=_ranking_spec, samples=[
        *(S(distinct(3, 4), distinct(3, 4), Arg(values=[[1.0, -1.0, 1.0, -1.0]] * 3), margin=0.3, reduction=reduction) for reduction in ("none", "mean", "sum")),
        S(distinct(3, 4), distinct(4), None, margin=0.3, reduction="mean"), S((), (), Arg(values=-1.0), margin=5.0, reduction="mean"),
        S((0, 2), (0, 2), None, margin=1.0, reduction="sum"), S((3,), (4,), None, margin=1.0, reduction="sum", error=RuntimeError, match="must match the size")])
def ranking(xp: Any, input1: Any, input2: Any, target: Any, *, margin: float, reduction: str) -> Any:
    """``max(0, margin - target * (input1 - input2))``, reduced; without ``target`` it is -1: the second should be larger."""
    return _ranking_parts(xp, input1, input2, target, margin=margin, reduction=reduction)[0]


def _ranking_gradients(g: Any, missed: Any, lead: Any, target: Any, reduction: str, needs: Any) -> Any:
    share = missed * per_element(g, reduction, missed.shape)
    up = share if target is None else share * -target
    return up if needs[0] else None, -up if needs[1] else None, share * -lead if needs[2] else None


@ranking.vjp()
def _(F: Any, g: Any, input1: Any, input2: Any, target: Any, margin: float, reduction: str, needs: Any) -> Any:
    lead = input1 - input2
    loss = lead + margin if target is None else margin - target * lead
    return _ranking_gradients(g, F.to_dtype(loss >= 0, dtype=as_dtype(g.dtype)), lead, target, reduction, needs)


@ranking.fused_vjp(("missed", "lead"), _ranking_parts)
def _(F: Any, g: Any, target: Any, missed: Any, lead: Any, reduction: str, needs: Any) -> Any:
    return _ranking_gradients(g, missed, lead, target, reduction, needs)


def _margins_spec(input: Any, target: Any, weight: Any, *, p: int, margin: float, averaged: bool, reduction: str) -> Meta:
    name = "multi_margin_loss" if averaged else "multiclass_hinge_loss"
    if len(input.shape) > 2:
        raise ShapeError(f"{name}: expected input of shape (batch, classes) or (classes), got {describe(input)}")
    check_classes(name, input, target, weight, reduction)
    return reduced_meta(name, input, reduction, tuple(target.shape))


def _margins_parts(xp: Any, input: Any, target: Any, weight: Any, *, p: int, margin: float, averaged: bool, reduction: str) -> tuple[Any, ...]:
    """The losses; what each wrong class misses the margin by, the classes that are targets, and what each sample counts."""
    require_class_indices(input, target, weight)
    if input.ndim > 2:
        raise ValueError("images")
    rows = as_rows(xp, widened(input))
    index, _ = class_indices(xp, "multi_margin_loss", target, None, rows.shape[1], NOTHING)
    places = class_places(xp, index, rows.shape[1])
    missed = rows - (rows.reshape(-1).take(places) - margin)[:, None]
    (zero,) = ZERO[missed.__class__, missed.dtype]
    xp.maximum(missed, zero, out=missed)
    missed.reshape(-1)[places] = zero
    share = None if weight is None else weight[index]
    powers = missed if p == 1 else missed * missed
    if share is None and reduction in ("mean", "sum") and missed.size:  # one sum instead of one for each sample
        total = powers.sum() / ((rows.shape[1] if averaged else 1) * (len(rows) if reduction == "mean" else 1))
        return total if total.dtype is input.dtype else total.astype(input.dtype), missed, places, share
    losses = powers.sum(axis=1)
    if share is not None:
        losses = losses * share
    if averaged:
        losses = losses / rows.shape[1]
    return sum_or_mean(xp, losses.reshape(target.shape) if reduction == "none" else losses, reduction, input.dtype), missed, places, share


NOTHING = -(1 << 62)
"""An ``ignore_index`` that is no index: every target counts."""


@op("class_margins(input: Tensor, target: Tensor, weight: Tensor | None, p: int, margin: float, averaged: bool, reduction: str) -> Tensor", label="hinge",
    spec=_margins_spec, samples=[
        S((4, 3), ints(4), None, p=1, margin=1.0, averaged=True, reduction="mean"), S((4, 3), ints(4), span(0.5, 2.0, 3), p=2, margin=0.5, averaged=False, reduction="none"),
        S((3,), ints(), None, p=1, margin=1.0, averaged=False, reduction="sum"), S((3,), ints(), span(0.5, 2.0, 3), p=2, margin=1.0, averaged=True, reduction="none"),
        S((4, 3), ints(4, low=3, high=6), None, p=1, margin=1.0, averaged=True, reduction="mean", error=IndexError, match="out of bounds")])
def class_margins(xp: Any, input: Any, target: Any, weight: Any, *, p: int, margin: float, averaged: bool, reduction: str) -> Any:
    """The sum or mean over the wrong classes of ``max(0, margin - input[target] + input) ** p``, reduced; (batch, classes) or (classes)."""
    return _margins_parts(xp, input, target, weight, p=p, margin=margin, averaged=averaged, reduction=reduction)[0]


def _share(g: Any, reduction: str, target: Any, classes: int, averaged: bool) -> Any:
    """The cotangent of one class of one sample."""
    return per_element(g, reduction, target.shape) / (classes if averaged else 1)


@class_margins.vjp("input")
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, p: int, margin: float, averaged: bool, reduction: str) -> Any:
    wanted = F.class_targets(target, None, classes=input.shape[-1], dim=input.ndim - 1, ignore_index=NOTHING, label_smoothing=0.0, mean=False, dtype=input.dtype)
    missed = F.relu(margin - F.sum(wanted * input, dim=-1, keepdim=True) + input) * (1 - wanted)
    slope = F.to_dtype(missed > 0, dtype=as_dtype(input.dtype)) if p == 1 else 2 * missed
    if weight is not None:
        slope = slope * F.sum(wanted * weight, dim=-1, keepdim=True)
    share = _share(g, reduction, target, input.shape[-1], averaged)
    return (slope - wanted * F.sum(slope, dim=-1, keepdim=True)) * (F.unsqueeze(share, dim=-1) if reduction == "none" else share)


@class_margins.fused_vjp(("missed", "places", "share"), _margins_parts)
def _(F: Any, g: Any, target: Any, input_shape: Any, missed: Any, places: Any, share: Any, p: int, averaged: bool, reduction: str) -> Any:
    each = _share(g, reduction, target, input_shape[-1], averaged)
    each = each.reshape(-1, 1) if reduction == "none" else each
    if share is not None:
        each = each * share[:, None]
    gradient = ((missed > 0) if p == 1 else 2 * missed) * each
    gradient.reshape(-1)[places] = -gradient.sum(axis=1)
    return gradient.reshape(input_shape).astype(g.dtype, copy=False), None, None


@composite("multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor",
           places=NN)
def multi_margin_loss(F: Any, input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over the wrong classes of ``max(0, margin - input[target] + input) ** p``; ``input`` is (batch, classes) or (classes)."""
    if p not in {1, 2}:
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    return F.class_margins(input, target, weight, p=p, margin=margin, averaged=True, reduction=reduction)


@composite("multiclass_hinge_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = 'mean') -> Tensor", places=NN)
def multiclass_hinge_loss(F: Any, input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """The sum over the wrong classes j of ``max(0, input[j] - input[target] + margin)``: the loss of a multiclass support vector machine.

    ``input`` holds scores (batch, classes) or (classes), ``target`` class indices. Unlike ``multi_margin_loss`` the sum
    is not divided by the number of classes. Weston and Watkins (1999).

    >>> import autograd_core as ag, nn
    >>> nn.functional.multiclass_hinge_loss(ag.tensor([[1.0, 2.0, 0.5]]), ag.tensor([0])).item()
    2.5
    """
    return F.class_margins(input, target, None, p=1, margin=margin, averaged=False, reduction=reduction)


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
    return F.logistic_error(input, target, reduction=reduction)


def _logistic_parts(xp: Any, input: Any, target: Any, *, reduction: str) -> tuple[Any, Any]:
    """The loss, and the probability of the wrong sign."""
    wide, sign = widened(input), widened(target)
    if at_hand(wide) and large(wide) and wide.shape == sign.shape and wide.dtype == sign.dtype:
        loss, wrong = in_blocks_to(xp, lambda *parts: _logistic_elements(xp, *parts), 2, wide, sign)
    else:
        loss, wrong = _logistic_elements(xp, wide, sign)
    return sum_or_mean(xp, loss, reduction, input.dtype), wrong.astype(input.dtype, copy=False)


def _logistic_elements(xp: Any, input: Any, target: Any) -> tuple[Any, Any]:
    product = target * input
    small = xp.exp(-xp.abs(product))
    loss = xp.log1p(small) - xp.minimum(product, 0)
    small = small / (small + 1)  # the smaller of the two probabilities
    return loss, xp.abs((product < 0).astype(small.dtype) - small)


@op("logistic_error(input: Tensor, target: Tensor, reduction: str) -> Tensor", label="soft_margin", promotes="float", spec=pair_spec("soft_margin_loss"), samples=[
    *(S((3, 4), Arg(values=[[1.0, -1.0, 1.0, -1.0]] * 3), reduction=reduction) for reduction in ("none", "mean", "sum")), S((), Arg(values=-1.0), reduction="mean"),
    S((0, 2), (0, 2), reduction="sum")])
def logistic_error(xp: Any, input: Any, target: Any, *, reduction: str) -> Any:
    """``log(1 + exp(-target * input))`` of equal shapes, reduced."""
    return _logistic_parts(xp, input, target, reduction=reduction)[0]


def _logistic_gradients(g: Any, input: Any, target: Any, wrong: Any, reduction: str, needs: Any) -> Any:
    share = wrong * -per_element(g, reduction, input.shape)
    return share * target if needs[0] else None, share * input if needs[1] else None


@logistic_error.vjp()
def _(F: Any, g: Any, input: Any, target: Any, reduction: str, needs: Any) -> Any:
    return _logistic_gradients(g, input, target, F.sigmoid(-target * input), reduction, needs)


@logistic_error.fused_vjp(("wrong",), _logistic_parts)
def _(F: Any, g: Any, input: Any, target: Any, wrong: Any, reduction: str, needs: Any) -> Any:
    return _logistic_gradients(g, input, target, wrong, reduction, needs)


@composite("multilabel_soft_margin_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor", places=NN)
def multilabel_soft_margin_loss(F: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The binary cross-entropy between ``sigmoid(input)`` and ``target`` (0 or 1), averaged over the classes, the last dimension.

    ``weight`` is a factor for each class.
    """
    check_reduction("multilabel_soft_margin_loss", reduction)
    input, target = matched(F, "multilabel_soft_margin_loss", input, target)
    if reduction == "mean":
        return F.sigmoid_cross_entropy(input, target, weight, None, reduction="mean")
    return reduce_loss(F, F.mean(F.sigmoid_cross_entropy(input, target, weight, None, reduction="none"), dim=-1), reduction)


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
    if labels.size and backend_of(labels).name == "cpu" and int(labels.max()) >= classes:
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
