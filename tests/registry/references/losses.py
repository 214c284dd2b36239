"""Losses, distances and dropout, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import special
from scipy.spatial import distance as spatial

from .common import Reference, cross_entropy, reduced

# --- losses -------------------------------------------------------------------------------------------------------


def poisson_nll(input: Any, target: Any, *, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> Any:
    loss = np.exp(input) - target * input if log_input else input - target * np.log(input + eps)
    if full:
        known = np.where(target > 1, target, 1)
        loss = loss + (target > 1) * (known * np.log(known) - known + 0.5 * np.log(2 * np.pi * known))
    return reduced(loss, reduction)


def gaussian_nll(input: Any, target: Any, var: Any, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    var = np.asarray(var, dtype=float)
    var = np.maximum(var[..., None] if var.ndim and var.ndim == input.ndim - 1 else var, eps)
    loss = 0.5 * (np.log(var) + (input - target) ** 2 / var) + (0.5 * np.log(2 * np.pi) if full else 0)
    return reduced(loss, reduction)


def scores_of(input: Any, target: Any) -> Any:
    """Yields each sample's scores and class."""
    return zip(np.atleast_2d(input), np.atleast_1d(target), strict=True)


def of_samples(losses: list[Any], single: bool, reduction: str) -> Any:
    return losses[0] if single else reduced(np.array(losses), reduction)


def multiclass_hinge(input: Any, target: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    return of_samples([sum(max(0.0, s[j] - s[y] + margin) for j in range(len(s)) if j != y) for s, y in scores_of(input, target)], input.ndim == 1, reduction)


def class_margins(input: Any, target: Any, weight: Any, *, p: int, margin: float, averaged: bool, reduction: str) -> Any:
    weight = np.ones(input.shape[-1]) if weight is None else weight
    losses = [weight[y] * sum(max(0.0, s[j] - s[y] + margin) ** p for j in range(len(s)) if j != y) / (len(s) if averaged else 1) for s, y in scores_of(input, target)]
    return of_samples(losses, input.ndim == 1, reduction)


def multilabel_margin(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    losses = []
    for s, row in zip(np.atleast_2d(input), np.atleast_2d(target), strict=True):
        labels = list(itertools.takewhile(lambda y: y >= 0, row))
        losses.append(sum(max(0.0, 1 - (s[y] - s[j])) for y in labels for j in range(len(s)) if j not in labels) / len(s))
    return of_samples(losses, input.ndim == 1, reduction)


def multilabel_soft_margin(input: Any, target: Any, weight: Any = 1, *, reduction: str = "mean") -> Any:
    chance = special.expit(input)
    return reduced(np.asarray(-(weight * (target * np.log(chance) + (1 - target) * np.log(1 - chance))).mean(axis=-1)), reduction)


def pairwise(x1: Any, x2: Any, *, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    return np.linalg.norm(x1 - x2 + eps, p, axis=-1, keepdims=keepdim)


def triplet(anchor: Any, positive: Any, negative: Any, *, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean", **_: Any) -> Any:
    far = pairwise(anchor, negative, p=p, eps=eps)
    far = np.minimum(far, pairwise(positive, negative, p=p, eps=eps)) if swap else far
    return reduced(np.maximum(pairwise(anchor, positive, p=p, eps=eps) - far + margin, 0), reduction)


def cosine(x1: Any, x2: Any, *, dim: int = 1, eps: float = 1e-8) -> Any:
    lengths = [np.maximum(np.sqrt((x * x).sum(axis=dim)), eps) for x in (x1, x2)]
    return (x1 * x2).sum(axis=dim) / (lengths[0] * lengths[1])


def cosine_embedding(input1: Any, input2: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean") -> Any:
    similar = cosine(input1, input2, dim=-1)
    return reduced(np.where(target == 1, 1 - similar, np.maximum(similar - margin, 0)), reduction)


def zero_one(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    return reduced(np.asarray(input.argmax(axis=1 if input.ndim > 1 else 0) != target, dtype=float), reduction)


def alignments(length: int, labels: list[int], blank: int, classes: int) -> Any:
    """Yields every path of that many steps that spells the labels, once repeats and blanks are taken out."""
    for path in itertools.product(range(classes), repeat=length):
        if [c for c, _ in itertools.groupby(path) if c != blank] == labels:
            yield path


def ctc_likelihood(log_probs: Any, targets: Any, *, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    losses = []
    for n, (steps, count) in enumerate(zip(input_lengths, target_lengths, strict=True)):
        paths = alignments(steps, list(targets[n, :count]), blank, log_probs.shape[2])
        losses.append(-special.logsumexp([-np.inf, *(sum(log_probs[t, n, c] for t, c in enumerate(path)) for path in paths)]))
    return np.array(losses)


def ctc(log_probs: Any, targets: Any, *, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> Any:
    lengths = np.atleast_1d(target_lengths)
    single = log_probs.ndim == 2
    log_probs = log_probs[:, None] if single else log_probs
    if targets.ndim == 1:
        starts = np.cumsum([0, *lengths])
        rows = np.zeros((len(lengths), max(lengths)), dtype=int)
        for n, count in enumerate(lengths):
            rows[n, :count] = targets[starts[n] : starts[n + 1]]
        targets = rows
    loss = ctc_likelihood(log_probs, targets, input_lengths=np.atleast_1d(input_lengths), target_lengths=lengths, blank=blank)
    loss = np.where(np.isinf(loss), 0, loss) if zero_infinity else loss
    if reduction == "mean":
        return np.mean(loss / np.maximum(lengths, 1))
    return loss.sum() if reduction == "sum" else loss[0] if single else loss


def ctc_chain(log_probs: Any, targets: Any, *, input_lengths: Any, target_lengths: Any, blank: int) -> Any:
    steps, (batch, longest) = len(log_probs), targets.shape
    states = np.full((batch, 2 * longest + 1), blank)
    ends = np.full((steps, *states.shape), -np.inf)
    goes_on = np.array([[[t + 1 < n] for n in input_lengths] for t in range(steps)])
    for n, count in enumerate(target_lengths):
        for i in range(count):
            states[n, 2 * i + 1] = targets[n, i]
        for end in {2 * count, 2 * count - 1} & set(range(states.shape[1])) if input_lengths[n] else ():
            ends[input_lengths[n] - 1, n, end] = 0
    skips = np.array([[s > 1 and row[s] not in (blank, row[s - 2]) for s in range(len(row))] for row in states])
    return states, skips, np.arange(states.shape[1]) < 2, goes_on, ends


# --- lookups ------------------------------------------------------------------------------------------------------


def embedding_bag(input: Any, weight: Any, offsets: Any = None, *, mode: str = "mean", per_sample_weights: Any = None, include_last_offset: bool = False,
                  padding_idx: int | None = None, **_: Any) -> Any:
    factors = np.ones(input.shape) if per_sample_weights is None else per_sample_weights
    if input.ndim == 1:
        ends = list(offsets[1:]) + ([] if include_last_offset else [len(input)])
        bags = [(input[a:b], factors[a:b]) for a, b in zip(offsets, ends, strict=False)]
    else:
        bags = list(zip(input, factors, strict=True))
    result = np.zeros((len(bags), weight.shape[1]))
    for i, (indices, own) in enumerate(bags):
        kept = np.array([padding_idx is None or index != padding_idx % len(weight) for index in indices], dtype=bool)
        if kept.any():
            rows = weight[indices[kept]] * own[kept][:, None]
            result[i] = {"sum": rows.sum, "mean": rows.mean, "max": rows.max}[mode](axis=0)
    return result


def bag_table(bags: Any, counted: Any, *, count: int) -> Any:
    rows = [[i for i, bag in enumerate(bags) if bag == b and counted[i]] for b in range(count)]
    longest = max(1, *map(len, rows))
    return np.array([row + [-1] * (longest - len(row)) for row in rows])


def bag_sums(input: Any, bags: Any, *, count: int) -> Any:
    return np.array([sum((input[i] for i in range(len(bags)) if bags[i] == b), np.zeros(input.shape[1:])) for b in range(count)])


def pair_differences(input: Any) -> Any:
    return np.array([a - b for a, b in itertools.combinations(input, 2)]).reshape(-1, input.shape[1])


def pair_differences_adjoint(input: Any, *, count: int) -> Any:
    result = np.zeros((count, input.shape[1]))
    for row, (i, j) in zip(input, itertools.combinations(range(count), 2), strict=True):
        result[i] += row
        result[j] -= row
    return result


def cdist(x1: Any, x2: Any, *, p: float = 2.0, **_: Any) -> Any:
    difference = np.abs(x1[..., :, None, :] - x2[..., None, :, :])
    return np.linalg.norm(difference, p, axis=-1) if difference.shape[-1] else difference.sum(axis=-1)


def linear_cross_entropy(input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = 0.0, ignore_index: int = -100, **options: Any) -> Any:
    scores = np.moveaxis(np.tensordot(linear_weight, input, (-1, -1)), -1, 0) if input.ndim > 1 else linear_weight @ input
    return cross_entropy(scores + linear_bias, target, options.pop("weight", None), ignore_index=ignore_index, **options)


REFERENCES: dict[str, Reference] = {
    "linear_cross_entropy": linear_cross_entropy,
    "huber_error": lambda input, target, *, delta, reduction="mean": reduced(np.asarray(special.huber(delta, input - target)), reduction),
    "poisson_nll_loss": poisson_nll, "gaussian_nll_loss": gaussian_nll, "multiclass_hinge_loss": multiclass_hinge, "class_margins": class_margins, "zero_one_loss": zero_one,
    "soft_margin_loss": lambda input, target, *, reduction="mean": reduced(np.log1p(np.exp(-target * input)), reduction),
    "multilabel_margin_loss": multilabel_margin, "multilabel_soft_margin_loss": multilabel_soft_margin,
    "triplet_margin_loss": triplet, "triplet_margin_with_distance_loss": triplet, "cosine_embedding_loss": cosine_embedding, "cosine_similarity": cosine,
    "pairwise_distance": pairwise, "cdist": cdist, "euclidean": cdist, "pdist": lambda input, *, p=2.0: spatial.pdist(input, "minkowski", p=p),
    "pair_distances": lambda input: np.array([np.linalg.norm(a - b) for a, b in itertools.combinations(input, 2)]),
    "pair_differences": pair_differences, "pair_differences_adjoint": pair_differences_adjoint,
    "ctc_likelihood": ctc_likelihood, "ctc_loss": ctc, "ctc_chain": ctc_chain, "ctc_lengths": lambda input, *, lengths: np.array([max(n, 1.0) for n in lengths]),
    "lookup": lambda input, weight, *, padding_idx=None, scale_grad_by_freq=False: weight[input],
    "occurrences": lambda input, *, size, dtype: np.array([(input == each).sum() for each in input.flat], dtype=float).reshape(input.shape),
    "embedding_bag": embedding_bag, "bag_numbers": lambda offsets, *, total: np.array([max(b for b, start in enumerate(offsets) if start <= i) for i in range(total)], dtype=int),
    "bag_table": bag_table, "bag_sums": bag_sums,
    "label_sets": lambda target: tuple(np.array(part).reshape(target.shape) for part in zip(*(labels_of(row) for row in np.atleast_2d(target)), strict=True)) if target.size
    else (target, target == 0, target == 0),
}


def labels_of(row: Any) -> tuple[list[int], list[bool], list[bool]]:
    listed = list(itertools.takewhile(lambda y: y >= 0, row))
    rest = len(row) - len(listed)
    return [*listed, *[0] * rest], [True] * len(listed) + [False] * rest, [j in listed for j in range(len(row))]


PART = "a part of a loss that has a reference"
NO_REFERENCE: dict[str, str] = dict.fromkeys(("divergence", "gaussian_error", "embedding_hinge", "logistic_error", "cosine", "distance", "ranking", "chances_cross_entropy", "counting_error"), PART)
