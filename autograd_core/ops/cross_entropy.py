"""Losses of classification by softmax: cross-entropy and the negative log-likelihood.

The ops keep what the textbook gradient ``p - y`` needs; their plain rules give further derivatives.
"""

from __future__ import annotations

from math import prod
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import NN, S, composite, ints, op, span
from ..spec import Meta, reduced
from .classes import as_rows, check_classes, class_dim, class_indices, class_places, class_targets, collect, from_rows, mean_denominator, require_class_indices, weight_error
from .loss import check_reduction, reduce_loss, reduced_meta
from .reduce import SINGLE
from .softmax import exponentials


def _entropy_spec(input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0) -> Meta:
    check_classes("cross_entropy", input, target, weight, reduction)
    return reduced_meta("cross_entropy", input, reduction, tuple(target.shape))


def _entropy_parts(xp: Any, input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0) -> tuple[Any, ...]:
    require_class_indices(input, target, weight)
    rows = as_rows(xp, input)
    classes = rows.shape[1]
    index, counts = class_indices(xp, "cross_entropy", target, weight, classes, ignore_index)
    shifted, powers, totals = exponentials(xp, rows, 1)
    logs = xp.log(totals)
    places = class_places(xp, index, classes)
    losses = logs.reshape(-1) - shifted.reshape(-1).take(places)
    if not label_smoothing or weight is None:
        if label_smoothing:
            losses = losses * (1 - label_smoothing) + (logs.reshape(-1) - shifted.mean(axis=1)) * label_smoothing
        return collect(xp, losses, counts, target, reduction, input.dtype), powers, totals, places, _kept(counts)
    wanted = as_rows(xp, class_targets.kernel(xp, target, weight, classes=classes, dim=class_dim(input), ignore_index=ignore_index,
                                            label_smoothing=label_smoothing, mean=reduction == "mean", dtype=shifted.dtype))
    losses = xp.sum(xp.where(wanted == 0, 0, wanted * (logs - shifted)), axis=1)
    losses = losses.reshape(target.shape) if reduction == "none" else xp.sum(losses)
    if reduction == "mean" and counts is not None:
        losses = losses + 0 * mean_denominator(xp, counts, losses.dtype)  # the mean of nothing is NaN
    return losses.astype(input.dtype, copy=False), powers, totals, None, None


_ENTROPY = [S((4, 3), ints(4), None), S((4, 3), ints(4), None, reduction="none"), S((4, 3), ints(4), None, reduction="sum", ignore_index=1),
            S((4, 3), ints(4), span(0.5, 2.0, 3)), S((2, 3, 4, 5), ints(2, 4, 5), span(0.5, 2.0, 3), label_smoothing=0.2), S((3,), ints(), None),
            S((2, 3, 4), ints(2, 4), None, reduction="none", label_smoothing=0.1), S((0, 3), ints(0), None, reduction="sum"),
            S((4, 3), ints(5), None, error=ValueError, match="batch_size"), S((4, 3), ints(4, 1), None, error=RuntimeError, match="Expected target size"),
            S((4, 3), ints(4, low=3, high=6), None, error=IndexError, match="out of bounds")]


@op("softmax_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str = 'mean', ignore_index: int = -100, "
    "label_smoothing: float = 0.0) -> Tensor", label="cross_entropy", promotes="none", spec=_entropy_spec, samples=_ENTROPY)
def softmax_cross_entropy(xp: Any, input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0) -> Any:
    """The negative log of the softmax probability of the target class; classes along the second dimension, or the only one."""
    return _entropy_parts(xp, input, target, weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)[0]


def _entropy_gradient(F: Any, g: Any, input: Any, probabilities: Any, wanted: Any, reduction: str) -> Any:
    """The textbook gradient ``p - y``, with the weights that ``y`` carries; 0 where none is, of an infinite ``g`` too."""
    dim = class_dim(input)
    g = F.unsqueeze(g, dim=dim) if reduction == "none" else g
    total = F.sum(wanted, dim=dim, keepdim=True)
    return F.where(total == 0, 0, (probabilities * total - wanted) * g)


def _wanted(F: Any, input: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    """The ``y`` of ``p - y``."""
    dim = class_dim(input)
    return F.class_targets(target, weight, classes=input.shape[dim], dim=dim, ignore_index=ignore_index, label_smoothing=label_smoothing,
                           mean=reduction == "mean", dtype=as_dtype(input.dtype))


@softmax_cross_entropy.vjp()
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    wanted = _wanted(F, input, target, weight, reduction, ignore_index, label_smoothing)
    return _entropy_gradient(F, g, input, F.softmax_along(input, dim=class_dim(input)), wanted, reduction), None, None


@softmax_cross_entropy.fused_vjp(("powers", "totals", "places", "counts"), _entropy_parts)
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, powers: Any, totals: Any, places: Any, counts: Any, reduction: str,
      ignore_index: int, label_smoothing: float) -> Any:
    xp = F.backend.xp
    if places is None:
        wanted = _wanted(F, input, target, weight, reduction, ignore_index, label_smoothing)
        return _entropy_gradient(F, g, input, from_rows(F, powers / totals, input.shape), wanted, reduction), None, None
    share = _each(xp, g, places, counts, reduction, powers.dtype)
    gradient = powers * (share / totals)
    if label_smoothing:
        gradient -= share * (label_smoothing / powers.shape[1])
        share = share * (1 - label_smoothing)
    gradient.reshape(-1)[places] -= share.reshape(-1) if share.ndim else share
    gradient = from_rows(F, gradient, input.shape)
    return gradient.astype(input.dtype, copy=False), None, None


def _soft_spec(input: Any, target: Any, *, dim: int) -> Meta:
    return Meta(reduced(tuple(input.shape), (dim,), False), as_dtype(input.dtype))


@op("soft_cross_entropy(input: Tensor, target: Tensor, dim: int) -> Tensor", label="cross entropy", promotes="equal", spec=_soft_spec, samples=[
    S((4, 3), span(0.1, 1.0, 4, 3), dim=1), S((3,), span(0.1, 1.0, 3), dim=0), S((2, 3, 4), span(0.1, 1.0, 2, 3, 4), dim=1)])
def soft_cross_entropy(xp: Any, input: Any, target: Any, *, dim: int) -> Any:
    """``-sum(target * log_softmax(input))`` along ``dim``: the cross-entropy against a distribution."""
    return _soft_parts(xp, input, target, dim=dim)[0]


def _soft_parts(xp: Any, input: Any, target: Any, *, dim: int) -> tuple[Any, ...]:
    shifted, powers, totals = exponentials(xp, input, dim)
    loss = xp.sum(target * (xp.log(totals) - shifted), axis=dim)
    return loss.astype(input.dtype, copy=False), powers, totals


@soft_cross_entropy.vjp()
def _(F: Any, g: Any, input: Any, target: Any, dim: int, needs: Any) -> Any:
    g = F.unsqueeze(g, dim=dim)
    gradient = (F.softmax_along(input, dim=dim) * F.sum(target, dim=dim, keepdim=True) - target) * g if needs[0] else None
    return gradient, -F.log_softmax_along(input, dim=dim) * g if needs[1] else None


@soft_cross_entropy.fused_vjp(("powers", "totals"), _soft_parts)
def _(F: Any, g: Any, input: Any, target: Any, powers: Any, totals: Any, dim: int, needs: Any) -> Any:
    g = F.unsqueeze(g, dim=dim)
    gradient = ((powers / totals).astype(target.dtype, copy=False) * F.sum(target, dim=dim, keepdim=True) - target) * g if needs[0] else None
    return gradient, -F.log_softmax_along(input, dim=dim) * g if needs[1] else None


@composite("cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = 'mean', "
           "label_smoothing: float = 0.0) -> Tensor", places=NN)
def cross_entropy(F: Any, input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0) -> Any:
    """The cross-entropy between softmax of ``input`` and ``target``; the classes are dimension 1, or the only one.

    Parameters
    ----------
    input : scores (logits) of shape (classes), (batch, classes) or (batch, classes, d1, ...).
    target : class indices of the input's shape without the classes, or probabilities of the input's shape.
    weight : a factor for each class; the mean then divides by the weights of the targets.
    ignore_index : samples with this class count nothing.
    label_smoothing : how much of the target is spread evenly over all classes, between 0 and 1.

    >>> import autograd_core as ag, nn
    >>> nn.functional.cross_entropy(ag.tensor([[0.0, 0.0]]), ag.tensor([1])).item()
    0.6931471824645996
    """
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.ndim == input.ndim and input.ndim and input.shape == target.shape and as_dtype(target.dtype).is_floating_point:
        return _entropy_of_probabilities(F, input, target, weight, reduction, label_smoothing)
    return F.softmax_cross_entropy(input, target, weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)


@composite("linear_cross_entropy(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None, weight: Tensor | None = None, "
           "reduction: str = 'mean', ignore_index: int | None = None, label_smoothing: float = 0.0) -> Tensor", places=NN)
def linear_cross_entropy(F: Any, input: Any, linear_weight: Any, target: Any, linear_bias: Any = None, weight: Any = None, reduction: str = "mean",
                         ignore_index: int | None = None, label_smoothing: float = 0.0) -> Any:
    """``cross_entropy`` of the scores that a linear layer gives: ``input`` (batch, features) or (features,), ``linear_weight`` (classes, ..., features).

    Sizes between classes and features, which ``linear_bias`` (classes, ...) and ``target`` (batch, ...) share, are those of losses in several places.
    ``ignore_index``, -100 by default, is for class indices. Raises ``RuntimeError`` for shapes that do not fit.

    >>> import autograd_core as ag, nn
    >>> x, layer = ag.ones(2, 3), ag.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> nn.functional.linear_cross_entropy(x, layer, ag.tensor([0, 0]))
    tensor(0.3133)
    """
    rows, columns, bias = tuple(input.shape), tuple(linear_weight.shape), None if linear_bias is None else tuple(linear_bias.shape)
    if not (0 < len(rows) < 3 and len(columns) > 1 and rows[-1] == columns[-1] and bias in (None, columns[:-1]) and (len(rows) == 2 or len(columns) == 2)):
        raise ShapeError(f"linear_cross_entropy: expected input (batch, features) or (features,), linear_weight (classes, ..., features) and linear_bias (classes, ...), "
                         f"got {describe(input)}, {describe(linear_weight)} and {bias}. Sizes between classes and features need a batch")
    shape = (*rows[:-1], *columns[:-1])
    if ignore_index is not None and tuple(target.shape) == shape:
        raise RuntimeError("linear_cross_entropy: ignore_index cannot be specified when target contains probabilities")
    flat = None if linear_bias is None else F.reshape(linear_bias, shape=(-1,))
    scores = F.reshape(F.linear(input, F.reshape(linear_weight, shape=(prod(columns[:-1]), columns[-1])), flat), shape=shape)
    return F.cross_entropy(scores, target, weight, -100 if ignore_index is None else ignore_index, reduction, label_smoothing)


def _entropy_of_probabilities(F: Any, input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    check_reduction("cross_entropy", reduction)
    dim = class_dim(input)
    classes = input.shape[dim]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise weight_error("cross_entropy", classes, weight)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        target = target * weight.reshape((1,) * dim + (classes,) + (1,) * (input.ndim - dim - 1))
    return reduce_loss(F, F.soft_cross_entropy(input, target, dim=dim), reduction)


def _nll_spec(input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100) -> Meta:
    check_classes("nll_loss", input, target, weight, reduction)
    return reduced_meta("nll_loss", input, reduction, tuple(target.shape))


@op("negative_log_likelihood(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str = 'mean', ignore_index: int = -100) -> Tensor",
    label="nll_loss", promotes="none", spec=_nll_spec, samples=[
        S((4, 3), ints(4), None), S((4, 3), ints(4), span(0.5, 2.0, 3), reduction="sum", ignore_index=1), S((2, 3, 4), ints(2, 4), None, reduction="none"),
        S((3,), ints(), None), S((4, 3), ints(5), None, error=ValueError, match="batch_size")])
def negative_log_likelihood(xp: Any, input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100) -> Any:
    """Minus the entries of ``input`` at the target classes, weighted and reduced."""
    return _likelihood_parts(xp, input, target, weight, reduction=reduction, ignore_index=ignore_index)[0]


def _likelihood_parts(xp: Any, input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100) -> tuple[Any, ...]:
    require_class_indices(input, target, weight)
    rows = as_rows(xp, input)
    index, counts = class_indices(xp, "nll_loss", target, weight, rows.shape[1], ignore_index)
    places = class_places(xp, index, rows.shape[1])
    return collect(xp, -rows.reshape(-1).take(places), counts, target, reduction, input.dtype), places, _kept(counts)


@negative_log_likelihood.vjp("input")
def _(F: Any, g: Any, input_shape: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    dim = 0 if len(input_shape) == 1 else 1
    wanted = F.class_targets(target, weight, classes=input_shape[dim], dim=dim, ignore_index=ignore_index, label_smoothing=0.0, mean=reduction == "mean",
                             dtype=as_dtype(g.dtype))
    return F.where(wanted == 0, 0, -wanted * (F.unsqueeze(g, dim=dim) if reduction == "none" else g))


@negative_log_likelihood.fused_vjp(("places", "counts"), _likelihood_parts)
def _(F: Any, g: Any, input_shape: Any, places: Any, counts: Any, reduction: str) -> Any:
    xp, dtype = F.backend.xp, g.dtype
    gradient = xp.zeros((len(places), input_shape[0 if len(input_shape) == 1 else 1]), dtype=dtype)
    share = -_each(xp, g, places, counts, reduction, dtype)
    gradient.reshape(-1)[places] = share.reshape(-1) if share.ndim else share
    return from_rows(F, gradient, input_shape), None, None


def _kept(counts: Any) -> Any:
    """What samples count, for the rule: a number where all count 1, because other targets, in a replay, may not."""
    return SINGLE.type(1) if counts is None else counts


def _each(xp: Any, g: Any, places: Any, counts: Any, reduction: str, dtype: Any) -> Any:
    """The cotangent of each sample's loss, counted: a column, or one number for all."""
    counts = counts if counts is not None and counts.ndim else None
    if reduction == "none":
        share = g.reshape(-1, 1)
    elif reduction == "sum" or not len(places):
        share = g
    else:
        denominator = len(places) if counts is None else mean_denominator(xp, counts, dtype)
        share = g / (denominator if counts is None else xp.where(xp.isnan(denominator), 1, denominator))  # nothing counts: no gradient either
    if counts is not None:
        column = counts.reshape(-1, 1)
        share = xp.where(column == 0, 0, share * column)  # an ignored sample has none of an infinite gradient either
    return share if share.dtype is dtype else xp.asarray(share).astype(dtype)


@composite("nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = 'mean') -> Tensor", places=NN)
def nll_loss(F: Any, input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """The negative log-likelihood of class indices ``target`` under log-probabilities ``input``; shapes as in ``cross_entropy``."""
    return F.negative_log_likelihood(input, target, weight, reduction=reduction, ignore_index=ignore_index)
