"""Losses of classification: cross-entropy by softmax and by sigmoid, from scores and from probabilities.

The ops keep what the textbook gradient ``p - y`` needs; their plain rules give further derivatives.
"""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import S, composite, elementwise, ints, op, span
from ..spec import Meta, broadcast, elementwise_spec, reduced
from .loss import FUNCTIONAL, check_reduction, per_element, reduce_loss, reduced_meta, sum_or_mean
from .reduce import HALF, SINGLE
from .softmax import exponentials

# --- classification by softmax ------------------------------------------------------------------------------------


def _class_dim(input: Any) -> int:
    return 0 if input.ndim == 1 else 1


def _check_classes(name: str, input: Any, target: Any, weight: Any, reduction: str) -> None:
    """Shapes and dtypes of class indices."""
    check_reduction(name, reduction)
    shape = input.shape
    kind = as_dtype(target.dtype)
    expected = shape[:0] if len(shape) == 1 else (*shape[:1], *shape[2:])
    if not shape or target.shape != expected or kind.is_floating_point or kind.is_complex or kind.rank == 0:
        raise _class_error(name, input, target, tuple(expected))
    classes = shape[0 if len(shape) == 1 else 1]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise _weight_error(name, classes, weight)


def _class_error(name: str, input: Any, target: Any, expected: tuple[int, ...]) -> Exception:
    """What is wrong with class indices, in PyTorch's words."""
    operands = f"input {describe(input)}, target {describe(target)}"
    shape, got = tuple(input.shape), tuple(target.shape)
    if not shape:
        return ShapeError(f"{name}: Expected input to have at least one dimension, the classes ({operands})")
    kind = as_dtype(target.dtype)
    if kind.is_floating_point or kind.is_complex or kind.rank == 0:
        return RuntimeError(f"{name}: expected scalar type Long but found {kind.name} ({operands}). Class indices are integers: use target.long(). "
                            f"Probabilities have the input's shape {shape}")
    if len(shape) > 1 and got and got[0] != shape[0]:
        return ValueError(f"{name}: Expected input batch_size ({shape[0]}) to match target batch_size ({got[0]}). ({operands})")
    fix = ""
    if got == (*expected, 1):
        fix = ". Use target.squeeze(-1)"
    elif got == shape:
        fix = ". One-hot targets must be floating point: target.float()"
    return ShapeError(f"{name}: Expected target size {expected}, got {got} ({operands}){fix}")


def _weight_error(name: str, classes: int, weight: Any) -> Exception:
    return RuntimeError(f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
                        f"but got weight tensor of shape: {list(weight.shape)}")


def _rows(xp: Any, array: Any) -> Any:
    """Class scores as a matrix with one row per sample."""
    return array.reshape(1, -1) if array.ndim == 1 else array if array.ndim == 2 else xp.moveaxis(array, 1, -1).reshape(-1, array.shape[1])


def _unrows(F: Any, rows: Any, shape: Any) -> Any:
    """The matrix of ``_rows`` in the shape that the scores had."""
    if len(shape) <= 2:
        return rows.reshape(shape)
    order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    return F.permute(rows.reshape((shape[0], *shape[2:], shape[1])), dims=order)


def _indices(xp: Any, name: str, target: Any, weight: Any, classes: int, ignore_index: int) -> tuple[Any, Any]:
    """The class of each sample, flat, and what the sample counts: ``None`` where all count 1. An ignored sample has class 0 and counts 0."""
    index = target.reshape(-1)
    bounded = backend_of(index).name == "cpu" and index.size > 0  # a GPU is not asked, because the answer would make the program wait
    counts = None
    if not bounded or ignore_index >= 0 or index.min() < 0:
        counts = index != ignore_index
        index = xp.where(counts, index, 0)
    if bounded and (index.max() >= classes or (counts is not None and index.min() < 0)):
        wrong = int(index.min() if index.min() < 0 else index.max())
        raise IndexError(f"{name}: Target {wrong} is out of bounds for {classes} classes. Class indices go from 0 to {classes - 1}; ignore_index is {ignore_index}")
    if weight is not None:
        counts = weight[index] if counts is None else weight[index] * counts
    return index, counts


def _count(xp: Any, counts: Any, dtype: Any) -> Any:
    """What a mean divides by; nothing at all gives NaN."""
    total = xp.sum(counts, dtype=dtype)
    return xp.where(total == 0, math.nan, total).astype(dtype)


def _collect(xp: Any, losses: Any, counts: Any, target: Any, reduction: str, dtype: Any) -> Any:
    """The losses of single samples, counted and reduced."""
    if counts is not None:
        losses = xp.where(counts == 0, 0, losses * counts).astype(losses.dtype, copy=False)
    if reduction == "mean" and counts is not None:
        return (xp.sum(losses) / _count(xp, counts, losses.dtype)).astype(dtype)
    return sum_or_mean(xp, losses.reshape(target.shape) if reduction == "none" else losses, reduction, dtype)


def _class_targets_spec(target: Any, weight: Any, *, classes: int, dim: int, dtype: Any, **attrs: Any) -> Meta:
    shape = tuple(target.shape)
    return Meta((*shape[:dim], classes, *shape[dim:]), as_dtype(dtype))


@op("class_targets(target: Tensor, weight: Tensor | None, classes: int, dim: int, ignore_index: int, label_smoothing: float, mean: bool, dtype: DTypeLike) -> Tensor",
    label="one-hot", spec=_class_targets_spec, samples=[S(ints(3), None, classes=3, dim=1, ignore_index=-100, label_smoothing=0.1, mean=True, dtype="float64")])
def class_targets(xp: Any, target: Any, weight: Any, *, classes: int, dim: int, ignore_index: int, label_smoothing: float, mean: bool, dtype: Any) -> Any:
    """The distribution over classes that each class index stands for, with weights, smoothing and the denominator of a mean."""
    dtype = as_dtype(dtype).dtype
    shape = [1] * (target.ndim + 1)
    shape[dim] = classes
    each = xp.expand_dims(target, dim)
    valid = each != ignore_index
    wanted = (each == xp.arange(classes).reshape(shape)).astype(dtype)
    if label_smoothing:
        wanted = wanted * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        wanted = wanted * weight.reshape(shape).astype(dtype)
    wanted = xp.where(valid, wanted, 0).astype(dtype, copy=False)
    if not mean:
        return wanted
    counts = valid if weight is None else valid * weight[xp.where(valid, each, 0)]
    return wanted / _count(xp, counts, dtype)


def _entropy_spec(input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0) -> Meta:
    _check_classes("cross_entropy", input, target, weight, reduction)
    return reduced_meta("cross_entropy", input, reduction, tuple(target.shape))


def _entropy_parts(xp: Any, input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0) -> tuple[Any, ...]:
    if target.ndim != max(input.ndim - 1, 0) or (input.ndim > 1 and target.shape[0] != input.shape[0]):
        raise ValueError("shapes")
    rows = _rows(xp, input)
    classes = rows.shape[1]
    index, counts = _indices(xp, "cross_entropy", target, weight, classes, ignore_index)
    shifted, powers, totals = exponentials(xp, rows, 1)
    logs = xp.log(totals)
    losses = logs.reshape(-1) - shifted[xp.arange(len(index)), index]
    if not label_smoothing:
        return _collect(xp, losses, counts, target, reduction, input.dtype), powers, totals, index, counts
    wanted = _rows(xp, class_targets.kernel(xp, target, weight, classes=classes, dim=_class_dim(input), ignore_index=ignore_index,
                                            label_smoothing=label_smoothing, mean=reduction == "mean", dtype=shifted.dtype))
    losses = xp.sum(xp.where(wanted == 0, 0, wanted * (logs - shifted)), axis=1)
    losses = losses.reshape(target.shape) if reduction == "none" else xp.sum(losses)
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


def _entropy_slope(F: Any, g: Any, input: Any, probabilities: Any, wanted: Any, reduction: str) -> Any:
    """The textbook gradient ``p - y``, with the weights that ``y`` carries."""
    dim = _class_dim(input)
    g = F.unsqueeze(g, dim=dim) if reduction == "none" else g
    return (probabilities * F.sum(wanted, dim=dim, keepdim=True) - wanted) * g


@softmax_cross_entropy.vjp()
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, input_dtype: Any, reduction: str, ignore_index: int, label_smoothing: float) -> Any:
    dim = _class_dim(input)
    wanted = F.class_targets(target, weight, classes=input.shape[dim], dim=dim, ignore_index=ignore_index, label_smoothing=label_smoothing,
                             mean=reduction == "mean", dtype=input_dtype)
    return _entropy_slope(F, g, input, F.softmax_along(input, dim=dim), wanted, reduction), None, None


@softmax_cross_entropy.fused_vjp(("powers", "totals", "index", "counts"), _entropy_parts)
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, input_dtype: Any, powers: Any, totals: Any, index: Any, counts: Any, reduction: str,
      ignore_index: int, label_smoothing: float) -> Any:
    xp = F.backend.xp
    if index is None:
        dim = _class_dim(input)
        wanted = F.class_targets(target, weight, classes=input.shape[dim], dim=dim, ignore_index=ignore_index, label_smoothing=label_smoothing,
                                 mean=reduction == "mean", dtype=input_dtype)
        return _entropy_slope(F, g, input, _unrows(F, powers / totals, input.shape), wanted, reduction), None, None
    if reduction == "none":
        share = g.reshape(-1, 1)
    elif reduction == "sum" or not len(index):
        share = g
    else:
        share = g / (len(index) if counts is None else _count(xp, counts, powers.dtype))
    if counts is not None:
        share = share * counts.reshape(-1, 1)
    share = xp.asarray(share).astype(powers.dtype, copy=False)
    slope = powers * (share / totals)
    slope[xp.arange(len(index)), index] -= share.reshape(-1) if share.ndim else share
    slope = _unrows(F, slope, input.shape)
    return slope.astype(input.dtype, copy=False), None, None


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
    slope = (F.softmax_along(input, dim=dim) * F.sum(target, dim=dim, keepdim=True) - target) * g if needs[0] else None
    return slope, -F.log_softmax_along(input, dim=dim) * g if needs[1] else None


@soft_cross_entropy.fused_vjp(("powers", "totals"), _soft_parts)
def _(F: Any, g: Any, input: Any, target: Any, powers: Any, totals: Any, dim: int, needs: Any) -> Any:
    g = F.unsqueeze(g, dim=dim)
    slope = ((powers / totals).astype(target.dtype, copy=False) * F.sum(target, dim=dim, keepdim=True) - target) * g if needs[0] else None
    return slope, -F.log_softmax_along(input, dim=dim) * g if needs[1] else None


@composite("cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = 'mean', "
           "label_smoothing: float = 0.0) -> Tensor", places=FUNCTIONAL)
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
    if input.ndim and input.shape == target.shape and as_dtype(target.dtype).is_floating_point:
        return _entropy_of_probabilities(F, input, target, weight, reduction, label_smoothing)
    _check_classes("cross_entropy", input, target, weight, reduction)
    return F.softmax_cross_entropy(input, target, weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)


def _entropy_of_probabilities(F: Any, input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Any:
    check_reduction("cross_entropy", reduction)
    dim = _class_dim(input)
    classes = input.shape[dim]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise _weight_error("cross_entropy", classes, weight)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        target = target * weight.reshape((1,) * dim + (classes,) + (1,) * (input.ndim - dim - 1))
    return reduce_loss(F, F.soft_cross_entropy(input, target, dim=dim), reduction)


def _nll_spec(input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100) -> Meta:
    _check_classes("nll_loss", input, target, weight, reduction)
    return reduced_meta("nll_loss", input, reduction, tuple(target.shape))


@op("negative_log_likelihood(input: Tensor, target: Tensor, weight: Tensor | None, reduction: str = 'mean', ignore_index: int = -100) -> Tensor",
    label="nll_loss", promotes="none", spec=_nll_spec, samples=[
        S((4, 3), ints(4), None), S((4, 3), ints(4), span(0.5, 2.0, 3), reduction="sum", ignore_index=1), S((2, 3, 4), ints(2, 4), None, reduction="none"),
        S((3,), ints(), None), S((4, 3), ints(5), None, error=ValueError, match="batch_size")])
def negative_log_likelihood(xp: Any, input: Any, target: Any, weight: Any, *, reduction: str = "mean", ignore_index: int = -100) -> Any:
    """Minus the entries of ``input`` at the target classes, weighted and reduced."""
    if target.ndim != max(input.ndim - 1, 0) or (input.ndim > 1 and target.shape[0] != input.shape[0]):
        raise ValueError("shapes")
    rows = _rows(xp, input)
    index, counts = _indices(xp, "nll_loss", target, weight, rows.shape[1], ignore_index)
    return _collect(xp, -rows[xp.arange(len(index)), index], counts, target, reduction, input.dtype)


@negative_log_likelihood.vjp("input")
def _(F: Any, g: Any, input_shape: Any, input_dtype: Any, target: Any, weight: Any, reduction: str, ignore_index: int) -> Any:
    dim = 0 if len(input_shape) == 1 else 1
    wanted = F.class_targets(target, weight, classes=input_shape[dim], dim=dim, ignore_index=ignore_index, label_smoothing=0.0, mean=reduction == "mean",
                             dtype=input_dtype)
    return -wanted * (F.unsqueeze(g, dim=dim) if reduction == "none" else g)


@composite("nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = 'mean') -> Tensor", places=FUNCTIONAL)
def nll_loss(F: Any, input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """The negative log-likelihood of class indices ``target`` under log-probabilities ``input``; shapes as in ``cross_entropy``."""
    _check_classes("nll_loss", input, target, weight, reduction)
    return F.negative_log_likelihood(input, target, weight, reduction=reduction, ignore_index=ignore_index)


# --- classification by sigmoid ------------------------------------------------------------------------------------


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
    wide, known = (input.astype(SINGLE), target.astype(SINGLE)) if input.dtype is HALF else (input, target)
    small = xp.exp(-xp.abs(wide))
    if pos_weight is None:
        loss = xp.maximum(wide, 0) - wide * known + xp.log1p(small)
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
    label="binary_cross_entropy_with_logits", promotes="same", spec=_logits_spec, samples=_LOGITS)
def sigmoid_cross_entropy(xp: Any, input: Any, target: Any, weight: Any, pos_weight: Any, *, reduction: str = "mean") -> Any:
    """The cross-entropy between ``sigmoid(input)`` and ``target``, computed from the logits without overflow."""
    return _logits_parts(xp, input, target, weight, pos_weight, reduction=reduction)[0]


def _logits_slopes(F: Any, g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, probability: Any, needs: Any, reduction: str) -> Any:
    g = per_element(g, reduction, input.shape)
    weighted = g if weight is None else g * weight
    slopes: list[Any] = [None] * 4
    if pos_weight is None:
        slope, toward = probability - target, -input
    else:
        other = F.softplus(-input)
        slope, toward = (1 - target) - (1 + (pos_weight - 1) * target) * (1 - probability), (pos_weight - 1) * other - input
    slopes[0] = slope * weighted if needs[0] else None
    slopes[1] = toward * weighted if needs[1] else None
    if needs[2]:
        loss = input - input * target + (F.softplus(-input) if pos_weight is None else (1 + (pos_weight - 1) * target) * F.softplus(-input))
        slopes[2] = F.sum_to(loss * g, shape=weight.shape)
    if needs[3]:
        slopes[3] = F.sum_to(target * F.softplus(-input) * weighted, shape=pos_weight.shape)
    return tuple(slopes)


@sigmoid_cross_entropy.vjp()
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, needs: Any, reduction: str) -> Any:
    return _logits_slopes(F, g, input, target, weight, pos_weight, F.sigmoid(input), needs, reduction)


@sigmoid_cross_entropy.fused_vjp(("small",), _logits_parts)
def _(F: Any, g: Any, input: Any, target: Any, weight: Any, pos_weight: Any, small: Any, needs: Any, reduction: str) -> Any:
    share = small / (small + 1)
    probability = F.abs(F.sub(input > 0, share)).astype(input.dtype, copy=False)  # share where the logit is negative, 1 - share where it is positive
    return _logits_slopes(F, g, input, target, weight, pos_weight, probability, needs, reduction)


@composite("binary_cross_entropy_with_logits(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = 'mean', "
           "pos_weight: Tensor | None = None) -> Tensor", places=FUNCTIONAL)
def binary_cross_entropy_with_logits(F: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> Any:
    """The cross-entropy between ``sigmoid(input)`` and ``target``, numbers between 0 and 1 in the input's shape.

    ``weight`` is a factor for each element, ``pos_weight`` one for the positive part; both broadcast to the input's shape.
    Raises ``ValueError`` where ``input`` and ``target`` differ in shape.
    """
    _logits_spec(input, target, weight, pos_weight, reduction=reduction)
    return F.sigmoid_cross_entropy(input, target, weight, pos_weight, reduction=reduction)


def _floored_log(xp: Any, value: Any) -> Any:
    """``log(value)``, but at least -100, as PyTorch has it; without a warning at 0."""
    zero = value == 0
    return xp.maximum(xp.log(value + zero) - 100 * zero.astype(value.dtype), -100)


def _bce(xp: Any, input: Any, target: Any) -> Any:
    if backend_of(input).name == "cpu" and not ((input >= 0) & (input <= 1) | xp.isnan(input)).all():
        raise RuntimeError("binary_cross_entropy: all elements of input should be between 0 and 1. For raw scores use binary_cross_entropy_with_logits")
    return -(target * _floored_log(xp, input) + (1 - target) * _floored_log(xp, 1 - input))


bce_elements = elementwise(
    "bce_elements", "input target", kernel=_bce, places=(), signature="bce_elements(input: Tensor, target: Tensor) -> Tensor", label="binary_cross_entropy", domain=(0.1, 0.9),
    takes="none", spec=elementwise_spec("binary_cross_entropy", ("input", "target"), "same"),
    samples=[S(span(0.1, 0.9, 3, 4), span(0.0, 1.0, 3, 4)), S(span(0.1, 0.9), span(0.0, 1.0)), S(span(0.1, 0.9, 0, 2), span(0.0, 1.0, 0, 2)),
             S(span(0.1, 0.9, 3, 1), span(0.0, 1.0, 4)),
                           S(span(0.1, 0.9, 3, 4), span(0.0, 1.0, 4)),
                           S(span(1.5, 2.0, 3), (3,), error=RuntimeError, match="between 0 and 1")],
    vjp={"input": "g * ((input - target) / clamp(input * (1 - input), 1e-12, None))",
         "target": "g * (clamp(log(1 - input), -100.0, None) - clamp(log(input), -100.0, None))"},
    doc="``-(target * log(input) + (1 - target) * log(1 - input))``, the logarithms at least -100.")


@composite("binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor", places=FUNCTIONAL)
def binary_cross_entropy(F: Any, input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The cross-entropy between probabilities ``input`` and ``target``, both between 0 and 1 and of one shape.

    Logarithms are cut off at -100, so that a probability of exactly 0 or 1 costs 100 and not infinity. From raw scores,
    ``binary_cross_entropy_with_logits`` is exact. Raises ``ValueError`` where the shapes differ.
    """
    check_reduction("binary_cross_entropy", reduction)
    if input.shape != target.shape:
        raise ValueError(f"binary_cross_entropy: Using a target size ({tuple(target.shape)}) that is different to the input size ({tuple(input.shape)}) is deprecated. "
                         "Please ensure they have the same size")
    loss = F.bce_elements(input, target)
    return reduce_loss(F, loss if weight is None else loss * weight, reduction)


# --- margins between classes ----------------------------------------------------------------------------------------


@composite("multi_margin_loss(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = 'mean') -> Tensor",
           places=FUNCTIONAL)
def multi_margin_loss(F: Any, input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over the wrong classes of ``max(0, margin - input[target] + input) ** p``; ``input`` is (batch, classes) or (classes)."""
    if p not in {1, 2}:
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    if input.ndim > 2:
        raise ShapeError(f"multi_margin_loss: expected input of shape (batch, classes) or (classes), got {describe(input)}")
    _check_classes("multi_margin_loss", input, target, weight, reduction)
    dim = _class_dim(input)
    classes = input.shape[dim]
    wanted = F.class_targets(target, None, classes=classes, dim=dim, ignore_index=-100, label_smoothing=0.0, mean=False, dtype=input.dtype)
    miss = F.relu(margin - F.sum(wanted * input, dim=dim, keepdim=True) + input) * (1 - wanted)
    if p == 2:
        miss = miss * miss
    if weight is not None:
        miss = miss * F.sum(wanted * weight, dim=dim, keepdim=True)
    return reduce_loss(F, F.sum(miss, dim=dim) / classes, reduction)
