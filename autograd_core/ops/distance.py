"""Distances and similarities of vectors, and the losses that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import get_default_dtype
from ..errors import ShapeError, describe
from ..kernels.blocks import at_hand
from ..kernels.numbers import positive
from ..kernels.strided import in_rows
from ..op import NN, TORCH_NN, S, composite, op
from ..spec import Meta, broadcast, computed_dtype, reduced, wrap_dim
from .index import add_rows
from .loss import check_reduction, reduce_loss
from .reduce import HALF, wide_dtype, widened

FEW = 25
"""Up to as many rows, distances are taken from differences, which is more exact than from products."""


@composite("cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor", places=TORCH_NN)
def cosine_similarity(F: Any, x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors along ``dim``; lengths below ``eps`` count as ``eps``. The shapes broadcast.

    >>> import autograd_core as ag, nn
    >>> nn.functional.cosine_similarity(ag.tensor([[3.0, 0.0]]), ag.tensor([[0.0, 4.0]])).item()
    0.0
    """
    if x1.shape != x2.shape:
        shape = broadcast("cosine_similarity", ("x1", "x2"), (x1, x2))
        x1, x2 = F.broadcast_to(x1, shape=shape), F.broadcast_to(x2, shape=shape)
    return F.cosine(x1, x2, dim=dim, eps=float(eps))


def _cosine_spec(x1: Any, x2: Any, *, dim: int, eps: float, added: float = 0.0) -> Meta:
    shape = broadcast("cosine_similarity", ("x1", "x2"), (x1, x2))
    dtype = computed_dtype("cosine_similarity", "same", (x1, x2))
    at = wrap_dim(dim, len(shape), "cosine_similarity")
    if not (dtype.is_floating_point or dtype.is_complex):
        raise RuntimeError(f"cosine_similarity: expected common dtype to be floating point, yet common dtype is {dtype.name}. Convert with .float()")
    return Meta(reduced(shape, (at,), False), dtype)


def _cosine_parts(xp: Any, x1: Any, x2: Any, *, dim: int, eps: float, added: float = 0.0) -> tuple[Any, ...]:
    """The cosines; both directions, and how long the vectors are, at least ``eps``."""
    if x1.shape != x2.shape or x1.dtype.kind != "f":
        raise ValueError("shapes")
    parts: list[Any] = []
    for x in (widened(x1), widened(x2)):
        square = (x * x).sum(axis=dim, keepdims=True)
        length = xp.maximum(xp.sqrt(square), eps) if not added else xp.sqrt(square + added)
        parts += [x / length, length]
    out = in_rows(xp, (parts[0] * parts[2]).sum(axis=dim))
    return (out.astype(x1.dtype, copy=False), *parts)


@op("cosine(x1: Tensor, x2: Tensor, dim: int, eps: float, added: float = 0.0) -> Tensor", label="cosine_similarity", promotes="same", spec=_cosine_spec, samples=[
    S((3, 4), (3, 4), dim=1, eps=1e-8), S((2, 3, 4), (2, 3, 4), dim=-2, eps=1e-8), S((4,), (4,), dim=0, eps=1e-8), S((0, 3), (0, 3), dim=1, eps=1e-8),
    S((3, 4), (3, 4), dim=1, eps=5.0), S((3, 4), (3, 4), dim=1, eps=0.0, added=0.5), S((3, 4), (3, 4), dim=2, eps=1e-8, error=IndexError, match="out of range")])
def cosine(xp: Any, x1: Any, x2: Any, *, dim: int, eps: float, added: float = 0.0) -> Any:
    """The cosine of the angle between vectors of equal shapes along ``dim``; lengths below ``eps`` count as ``eps``, or ``added`` is added to their squares."""
    return _cosine_parts(xp, x1, x2, dim=dim, eps=eps, added=added)[0]


def _cosine_gradients(F: Any, g: Any, out: Any, parts: Any, eps: float, needs: Any) -> list[Any]:
    """``g`` and ``out`` have ``dim`` kept."""
    towards: list[Any] = []
    for i, (own, length, other) in enumerate(((parts[0], parts[1], parts[2]), (parts[2], parts[3], parts[0]))):
        towards.append((other - own * (out * (length > eps))) * (g / length) if needs[i] else None)
    return towards


@cosine.vjp()
def _(F: Any, g: Any, x1: Any, x2: Any, dim: int, eps: float, added: float, needs: Any) -> Any:
    parts: list[Any] = []
    for x in (x1, x2):
        length = F.sqrt(F.sum(x * x, dim=dim, keepdim=True) + added) if added else F.clamp(F.norm_over(x, p=2.0, dim=dim, keepdim=True), eps, None)
        parts += [x / length, length]
    out = F.sum(parts[0] * parts[2], dim=dim, keepdim=True)
    return tuple(_cosine_gradients(F, F.unsqueeze(g, dim=dim % len(x1.shape)), out, parts, eps, needs))


@cosine.fused_vjp(("first", "length1", "second", "length2"), _cosine_parts)
def _(F: Any, g: Any, out: Any, first: Any, length1: Any, second: Any, length2: Any, dim: int, eps: float, needs: Any) -> Any:
    found = _cosine_gradients(F, g.reshape(length1.shape), out.reshape(length1.shape), (first, length1, second, length2), eps, needs)
    return tuple([None if each is None else each.astype(g.dtype, copy=False) for each in found])


@composite("pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Tensor", places=TORCH_NN)
def pairwise_distance(F: Any, x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The ``p``-norm of ``x1 - x2 + eps`` over the last dimension, row by row; the shapes broadcast."""
    if p == 2 and x1.dtype.kind in "fcV":
        return F.distance(x1, x2, dim=-1, keepdim=keepdim, eps=float(eps))
    return F.norm(x1 - x2 + eps, p, dim=-1, keepdim=keepdim)


# --- all pairs ----------------------------------------------------------------------------------------------------


def _cdist_spec(x1: Any, x2: Any) -> Meta:
    a, b = tuple(x1.shape), tuple(x2.shape)
    if len(a) < 2 or len(b) < 2:
        which, value = ("X1", x1) if len(a) < 2 else ("X2", x2)
        raise ShapeError(f"cdist: cdist only supports at least 2D tensors, {which} got: {len(value.shape)}D (shape {tuple(value.shape)})")
    if a[-1] != b[-1]:
        raise ShapeError(f"cdist: X1 and X2 must have the same number of columns. X1: {a[-1]} X2: {b[-1]} (x1 {describe(x1)}, x2 {describe(x2)})")
    dtype = computed_dtype("cdist", "equal", (x1, x2))
    batch = broadcast("cdist", ("x1", "x2"), (Meta(a[:-2], dtype), Meta(b[:-2], dtype)))
    return Meta((*batch, a[-2], b[-2]), dtype)


@op("euclidean(x1: Tensor, x2: Tensor) -> Tensor", label="cdist", promotes="equal", broadcasts=True, spec=_cdist_spec, samples=[
    S((3, 4), (5, 4)), S((2, 3, 4), (5, 4)), S((3, 2), (2, 1, 4, 2)), S((30, 3), (2, 3)), S((0, 3), (2, 3)), S((2, 0), (3, 0)),
    S((3, 4), (5, 3), error=RuntimeError, match="same number of columns"), S((4,), (3, 4), error=RuntimeError, match="at least 2D")])
def euclidean(xp: Any, x1: Any, x2: Any) -> Any:
    """The Euclidean distance of each row of ``x1`` (..., n, size) from each row of ``x2`` (..., m, size): (..., n, m). The gradient at 0 is 0."""
    a, b = widened(x1), widened(x2)
    if a.shape[-1] != b.shape[-1] or min(a.ndim, b.ndim) < 2:
        raise ValueError("shapes")
    if a.shape[-2] <= FEW and b.shape[-2] <= FEW:
        difference = a[..., :, None, :] - b[..., None, :, :]
        difference *= difference
        result = in_rows(xp, xp.sqrt(xp.add.reduce(difference, axis=-1)))
    else:
        result = xp.matmul(-2 * a, xp.swapaxes(b, -1, -2))
        result += xp.sum(a * a, axis=-1)[..., :, None]
        result += xp.sum(b * b, axis=-1)[..., None, :]
        xp.maximum(result, 0, out=result)
        xp.sqrt(result, out=result)
    return result.astype(HALF) if x1.dtype is HALF else result


def _pull(F: Any, g: Any, out: Any) -> Any:
    """The cotangent of each pair over its distance."""
    if F.raw and at_hand(out) and positive(out):
        return g / out
    together = out == 0
    return F.where(together, 0, g) / F.where(together, 1, out)


@euclidean.vjp()
def _(F: Any, g: Any, x1: Any, x2: Any, out: Any, needs: Any) -> Any:
    pull = _pull(F, g, out)
    turned = F.transpose(pull, dim0=-1, dim1=-2)
    return tuple(F.sum(weights, dim=-1, keepdim=True) * own - F.matmul(weights, other) if needed else None
                 for needed, weights, own, other in zip(needs, (pull, turned), (x1, x2), (x2, x1), strict=True))


@composite("cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = 'use_mm_for_euclid_dist_if_necessary') -> Tensor", places=TORCH_NN)
def cdist(F: Any, x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """The ``p``-norm distance of each row of ``x1`` (..., n, size) from each row of ``x2`` (..., m, size): (..., n, m).

    Euclidean distances (``p=2``) of more than 25 rows are computed from matrix products, unless ``compute_mode`` is
    ``'donot_use_mm_for_euclid_dist'``, which is more exact for points that are close together.

    >>> import autograd_core as ag
    >>> ag.cdist(ag.tensor([[0.0, 0.0]]), ag.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [[5.0, 1.0]]
    """
    if compute_mode not in {"use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"}:
        raise ValueError(f"cdist: {compute_mode} is not a valid value for compute_mode")
    if p < 0:
        raise RuntimeError(f"cdist: cdist only supports non-negative p values, got {p}")
    if p == 2 and compute_mode != "donot_use_mm_for_euclid_dist":
        return F.euclidean(x1, x2)
    _cdist_spec(x1, x2)
    return F.norm(F.unsqueeze(x1, dim=-2) - F.unsqueeze(x2, dim=-3), p if x1.shape[-1] else 1.0, dim=-1)  # of no numbers there is no maximum


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _parts(count: int) -> Iterator[tuple[int, slice]]:
    """Each row that is the first of pairs, and where those pairs are; slices, which the CPU reads faster than indices."""
    start = 0
    for i in range(count - 1):
        yield i, slice(start, start := start + count - 1 - i)


def _pdist_spec(input: Any) -> Meta:
    if len(input.shape) != 2:
        raise ShapeError(f"pdist: pdist only supports 2D tensors, got: {len(input.shape)}D (shape {tuple(input.shape)})")
    return Meta((_pairs(input.shape[0]), input.shape[1]), computed_dtype("pdist", "same", (input,)))


@op("pair_differences(input: Tensor) -> Tensor", kind="shape", label="pdist", spec=_pdist_spec, samples=[
    S((4, 3)), S((1, 2)), S((0, 2)), S((3,), error=RuntimeError, match="only supports 2D")])
def pair_differences(xp: Any, input: Any) -> Any:
    """The first row of each pair of rows less the second: 0 and 1, 0 and 2, and so on."""
    if input.ndim != 2:
        raise ValueError("shape")
    if backend_of(input).name != "cpu":
        first, second = xp.triu_indices(len(input), 1)
        return input[first] - input[second]
    result = xp.empty((_pairs(len(input)), input.shape[1]), dtype=input.dtype)
    for i, part in _parts(len(input)):
        xp.subtract(input[i], input[i + 1 :], out=result[part])
    return result


@op("pair_differences_adjoint(input: Tensor, count: int) -> Tensor", kind="shape", label="pdist", spec=lambda input, *, count: Meta((count, input.shape[1]), input.dtype),
    samples=[S((6, 3), count=4), S((0, 2), count=1)])
def pair_differences_adjoint(xp: Any, input: Any, *, count: int) -> Any:
    """Each row of ``input`` added to the first and taken from the second row of its pair."""
    if backend_of(input).name != "cpu":
        first, second = xp.triu_indices(count, 1)
        return add_rows(xp, input, first, count) - add_rows(xp, input, second, count)
    result = xp.zeros((count, input.shape[1]), dtype=input.dtype)
    for i, part in _parts(count):
        result[i] += input[part].sum(axis=0)
        result[i + 1 :] -= input[part]
    return result


pair_differences.add_rule("input", lambda F, g, input_shape: F.pair_differences_adjoint(g, count=input_shape[0]))
pair_differences_adjoint.add_rule("input", lambda F, g: F.pair_differences(g))


def _distances_spec(input: Any) -> Meta:
    return Meta(_pdist_spec(input).shape[:1], computed_dtype("pdist", "float", (input,)))


_REMEMBERED = 512
"""Rows up to which the places of their pairs are remembered, in 1 MB; of more, pairs are slices, which take hardly longer then."""


@lru_cache(maxsize=8)
def _upper(here: Any, count: int) -> Any:
    """Where pairs are in the flattened square of all rows with all rows."""
    xp = here.xp
    first, second = xp.triu_indices(count, 1)
    return first * count + second


def _places(square: Any) -> Any:
    """``_upper``, or ``None`` for slices."""
    backend, count = backend_of(square), len(square)
    return _upper(backend.here, count) if count <= _REMEMBERED else None if backend.name == "cpu" else _upper.__wrapped__(backend, count)


def _read_pairs(xp: Any, square: Any) -> Any:
    """What the square of all rows with all rows has for each pair."""
    places = _places(square)
    if places is not None:
        return square.reshape(-1).take(places)
    result = xp.empty(_pairs(len(square)), dtype=square.dtype)
    for i, part in _parts(len(square)):
        result[part] = square[i, i + 1 :]
    return result


def _write_pairs(square: Any, values: Any) -> None:
    """The reverse of ``_read_pairs``."""
    places = _places(square)
    if places is not None:
        square.reshape(-1)[places] = values
        return
    for i, part in _parts(len(square)):
        square[i, i + 1 :] = values[part]


@lru_cache(maxsize=64)
def _ends(here: Any, count: int) -> Any:
    """The first and the second row of each pair."""
    return here.xp.triu_indices(count, 1)


_FEW = 1 << 14
"""Coordinates of all pairs that are computed in one go."""

_SHORT = 256
"""Coordinates of all pairs up to which their squares are summed in memory."""

_ROWS = 32
"""Rows whose distances from all others stay in the processor's cache."""


@op("pair_distances(input: Tensor) -> Tensor", label="pdist", promotes="float", spec=_distances_spec, samples=[
    S((4, 3)), S((6, 1)), S((1, 2)), S((0, 2)), S((3, 0)), S((3,), error=RuntimeError, match="only supports 2D")])
def pair_distances(xp: Any, input: Any) -> Any:
    """The Euclidean distance of every pair of rows. The gradient at 0 is 0."""
    if input.ndim != 2:
        raise ValueError("shape")
    count = len(input)
    if 0 < count * input.size <= _FEW:
        rows, others = _ends(backend_of(input).here, count)
        points = widened(input)
        difference = points.take(rows, 0)
        difference -= points.take(others, 0)
        few = difference.size <= _SHORT  # einsum takes two thirds of the time for more, and twice as long for these
        squares = xp.add.reduce(difference * difference, axis=1) if few else xp.einsum("pi,pi->p", difference, difference)
        return xp.sqrt(squares).astype(input.dtype, copy=False)
    squares = xp.empty((count, count), dtype=wide_dtype(input.dtype))
    columns = xp.ascontiguousarray(widened(input).T)
    step = _ROWS if backend_of(input).name == "cpu" else max(count, 1)
    for start in range(0, count, step):  # a few rows with all that follow, one coordinate at a time
        total = xp.zeros((min(step, count - start), count - start), dtype=squares.dtype)
        for column in columns[:, start:]:
            difference = column[:step, None] - column
            difference *= difference
            total += difference
        squares[start : start + step, start:] = total
    return xp.sqrt(_read_pairs(xp, squares)).astype(input.dtype, copy=False)


@pair_distances.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any) -> Any:
    return F.pair_differences_adjoint(F.unsqueeze(_pull(F, g, out), dim=1) * F.pair_differences(input), count=input.shape[0])


@pair_distances.fused_vjp()
def _(F: Any, g: Any, input: Any, out: Any) -> tuple[Any]:
    xp, count = F.backend.xp, len(input)
    square = xp.zeros((count, count), dtype=wide_dtype(input.dtype))
    _write_pairs(square, _pull(F, g, out))
    square += square.T
    points = widened(input)
    points = points - xp.add.reduce(points, axis=0) / count if points.size else points  # distances stay, and the difference below keeps its digits
    return ((xp.add.reduce(square, axis=1)[:, None] * points - square.dot(points)).astype(input.dtype, copy=False),)


@composite("pdist(input: Tensor, p: float = 2.0) -> Tensor", places=TORCH_NN)
def pdist(F: Any, input: Any, p: float = 2.0) -> Any:
    """The ``p``-norm distance of every pair of rows of ``input`` (n, size), without repeats: (n (n - 1) / 2)."""
    if p < 0:
        raise RuntimeError(f"pdist: pdist only supports non-negative p values, got {p}")
    return F.pair_distances(input) if p == 2 else F.norm(F.pair_differences(input), p, dim=-1)


# --- losses -------------------------------------------------------------------------------------------------------


def _triplet(F: Any, near: Any, far: Any, other: Any, margin: float, reduction: str) -> Any:
    """``max(0, near - far + margin)``; with ``other``, the distance of positive and negative, the smaller of two distances is the far one."""
    if near.ndim != far.ndim:
        raise RuntimeError(f"triplet_margin_loss: The positive distance and negative distance should have the same number of dimensions, got {near.ndim} and {far.ndim}")
    if other is not None:
        far = F.minimum(far, other)
    return F.ranking(near, far, None, margin=float(margin), reduction=reduction)


def _check_triplet(name: str, margin: float, reduction: str) -> None:
    check_reduction(name, reduction)
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, got {margin}")


@composite("triplet_margin_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2.0, eps: float = 1e-06, swap: bool = False, "
           "reduction: str = 'mean') -> Tensor", places=NN)
def triplet_margin_loss(F: Any, anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
                        reduction: str = "mean") -> Any:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the ``pairwise_distance`` ``d`` of order ``p``.

    ``swap`` takes ``d(positive, negative)`` instead where that is the smaller. Raises ``ValueError`` unless the margin is positive.
    """
    _check_triplet("triplet_margin_loss", margin, reduction)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(f"triplet_margin_loss: The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
                           f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs")
    near, far = (F.pairwise_distance(anchor, other, p, eps) for other in (positive, negative))
    return _triplet(F, near, far, F.pairwise_distance(positive, negative, p, eps) if swap else None, margin, reduction)


@composite("triplet_margin_with_distance_loss(anchor: Tensor, positive: Tensor, negative: Tensor, *, distance_function: Any = None, margin: float = 1.0, "
           "swap: bool = False, reduction: str = 'mean') -> Tensor", places=NN)
def triplet_margin_with_distance_loss(F: Any, anchor: Any, positive: Any, negative: Any, *, distance_function: Any = None, margin: float = 1.0,
                                      swap: bool = False, reduction: str = "mean") -> Any:
    """``triplet_margin_loss`` with any ``distance_function`` of two tensors; by default ``pairwise_distance``."""
    _check_triplet("triplet_margin_with_distance_loss", margin, reduction)
    distance = F.pairwise_distance if distance_function is None else distance_function
    return _triplet(F, distance(anchor, positive), distance(anchor, negative), distance(positive, negative) if swap else None, margin, reduction)


@composite("cosine_embedding_loss(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = 'mean') -> Tensor", places=NN)
def cosine_embedding_loss(F: Any, input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``1 - cos`` where ``target`` is 1, ``max(0, cos - margin)`` where it is -1, for the cosine between rows of (batch, size), or vectors.

    ``target`` has the shape (batch), or none for vectors.
    """
    check_reduction("cosine_embedding_loss", reduction)
    if target.ndim > 1:
        raise RuntimeError(f"cosine_embedding_loss: 0D or 1D target tensor expected, multi-target not supported, got the shape {tuple(target.shape)}")
    if not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
                           f"{list(input1.shape)} and {list(input2.shape)}")
    if input1.shape != input2.shape:
        shape = broadcast("cosine_embedding_loss", ("input1", "input2"), (input1, input2))
        input1, input2 = F.broadcast_to(input1, shape=shape), F.broadcast_to(input2, shape=shape)
    if input1.dtype.kind in "iub" and input2.dtype.kind in "iub":
        input1 = F.to_dtype(input1, dtype=get_default_dtype())
    cosines = F.cosine(input1, input2, dim=target.ndim, eps=0.0, added=1e-12)
    loss = F.where(target == 1, 1 - cosines, 0) + F.where(target == -1, F.clamp_min(cosines - margin, 0), 0)
    return reduce_loss(F, loss, reduction)
