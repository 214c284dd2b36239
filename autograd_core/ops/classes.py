"""Class indices as the targets of losses: their checks, what each counts, and the distributions they stand for."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..kernels.blocks import at_hand
from ..op import S, ints, op
from ..spec import Meta
from .index import below
from .loss import check_reduction, sum_or_mean


def class_dim(input: Any) -> int:
    """The dimension of scores along which the classes lie."""
    return 0 if input.ndim == 1 else 1


def check_classes(name: str, input: Any, target: Any, weight: Any, reduction: str) -> None:
    """Shapes and dtypes of class indices."""
    check_reduction(name, reduction)
    shape = tuple(input.shape)
    kind = as_dtype(target.dtype)
    expected = () if len(shape) == 1 else (*shape[:1], *shape[2:])
    if not shape or target.shape != expected or kind.is_floating_point or kind.is_complex or kind.rank == 0:
        raise _class_error(name, input, target, tuple(expected))
    classes = shape[0 if len(shape) == 1 else 1]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise weight_error(name, classes, weight)


def require_class_indices(input: Any, target: Any, weight: Any = None) -> None:
    """Refuse what NumPy would compute nonsense with; the spec then finds the words."""
    shape = input.shape
    if not shape or target.shape != (shape[:1] + shape[2:] if len(shape) > 1 else ()) or target.dtype.kind not in "iu":
        raise ValueError("class indices")
    if weight is not None and weight.shape != (shape[:1] if len(shape) == 1 else shape[1:2]):
        raise ValueError("weight")


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


def weight_error(name: str, classes: int, weight: Any) -> Exception:
    """A weight that has not one factor per class, in PyTorch's words."""
    return RuntimeError(f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
                        f"but got weight tensor of shape: {list(weight.shape)}")


def as_rows(xp: Any, array: Any) -> Any:
    """Class scores as a contiguous matrix with one row per sample, so that one number is a place in it."""
    return array.reshape(1, -1) if array.ndim == 1 else xp.ascontiguousarray(array if array.ndim == 2 else xp.moveaxis(array, 1, -1).reshape(-1, array.shape[1]))


def from_rows(F: Any, rows: Any, shape: Any) -> Any:
    """The matrix of ``as_rows`` in the shape that the scores had."""
    if len(shape) <= 2:
        return rows.reshape(shape)
    order = (0, len(shape) - 1, *range(1, len(shape) - 1))
    return F.permute(rows.reshape((shape[0], *shape[2:], shape[1])), dims=order)


@lru_cache(maxsize=64)
def _starts(xp: Any, count: int, classes: int) -> Any:
    return xp.arange(0, classes * count, classes)


def class_places(xp: Any, index: Any, classes: int) -> Any:
    """The place of each sample's class in the flattened scores."""
    count = len(index)
    starts = _starts if count <= _REMEMBERED and at_hand(index) else _starts.__wrapped__
    return starts(xp, count, classes) + index if classes else index


_REMEMBERED = 1 << 12
"""Samples up to which the places of their first classes are remembered."""


def class_indices(xp: Any, name: str, target: Any, weight: Any, classes: int, ignore_index: int) -> tuple[Any, Any]:
    """The class of each sample, flat, and what the sample counts: ``None`` where all count 1. An ignored sample has class 0 and counts 0."""
    index = target.reshape(-1)
    bounded = backend_of(index).name == "cpu" and index.size > 0  # a GPU is not asked, because the answer would make the program wait
    counts = None
    if bounded and ignore_index < 0 and below(index, classes):
        bounded = False
    elif not bounded or ignore_index >= 0 or index.min() < 0:
        counts = index != ignore_index
        index = xp.where(counts, index, 0)
    if bounded and (index.max() >= classes or (counts is not None and index.min() < 0)):
        wrong = int(index.min() if index.min() < 0 else index.max())
        raise IndexError(f"{name}: Target {wrong} is out of bounds for {classes} classes. Class indices go from 0 to {classes - 1}; ignore_index is {ignore_index}")
    if weight is not None:
        counts = weight[index] if counts is None else weight[index] * counts
    return index, counts


def mean_denominator(xp: Any, counts: Any, dtype: Any) -> Any:
    """What a mean divides by; nothing at all gives NaN."""
    total = xp.sum(counts, dtype=dtype)
    return xp.where(total == 0, math.nan, total).astype(dtype)


def collect(xp: Any, losses: Any, counts: Any, target: Any, reduction: str, dtype: Any) -> Any:
    """The losses of single samples, counted and reduced."""
    if counts is not None:
        losses = xp.where(counts == 0, 0, losses * counts).astype(losses.dtype, copy=False)
    if reduction == "mean" and counts is not None:
        return (xp.sum(losses) / mean_denominator(xp, counts, losses.dtype)).astype(dtype)
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
    total = xp.sum(counts, dtype=dtype)
    return wanted / xp.where(total == 0, 1, total).astype(dtype)  # where nothing counts, nothing has a gradient
