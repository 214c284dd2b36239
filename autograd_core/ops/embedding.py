"""Learned vectors looked up by number, one by one or a bag of them at a time."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..config import no_grad
from ..dtypes import as_dtype
from ..op import NN, Arg, S, composite, detached, ints, op
from ..spec import Meta
from .index import add_rows, checked_rows
from .reduce import INFINITY


def _lookup_spec(input: Any, weight: Any, *, padding_idx: Any = None, scale_grad_by_freq: bool = False) -> Meta:
    if len(weight.shape) != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, got the shape {tuple(weight.shape)}")
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError(f"embedding: padding_idx {padding_idx} must be within num_embeddings ({weight.shape[0]})")
    return Meta((*input.shape, weight.shape[1]), weight.dtype)


@op("lookup(input: Tensor, weight: Tensor, padding_idx: int | None = None, scale_grad_by_freq: bool = False) -> Tensor", kind="general", label="embedding",
    spec=_lookup_spec, samples=[
        S(ints(5), (3, 4)), S(ints(2, 3, high=2), (3, 2), padding_idx=2), S(ints(), (3, 2)), S(ints(0), (3, 2)), S(ints(4, high=2), (3, 2), padding_idx=-1),
        S(Arg(values=[[2, 0]]), (3, 2), scale_grad_by_freq=True), S(Arg(values=[3]), (3, 2), error=IndexError, match="out of bounds"),
        S(ints(2), (3,), error=RuntimeError, match="2-D")])
def lookup(xp: Any, input: Any, weight: Any, *, padding_idx: Any = None, scale_grad_by_freq: bool = False) -> Any:
    """The rows of ``weight`` that the integers in ``input`` name; ``padding_idx`` and ``scale_grad_by_freq`` concern the gradient alone."""
    if weight.ndim != 2 or padding_idx is not None:
        _lookup_spec(input, weight, padding_idx=padding_idx)
    return weight.take(checked_rows("embedding", input, weight.shape[0]), 0)


@lookup.vjp("weight")
def _(F: Any, g: Any, input: Any, weight_shape: Any, padding_idx: Any, scale_grad_by_freq: bool) -> Any:
    if scale_grad_by_freq:
        g = g / F.unsqueeze(F.occurrences(input, size=weight_shape[0], dtype=g.dtype), dim=-1)
    if padding_idx is not None:
        g = F.where(F.unsqueeze(input == padding_idx % weight_shape[0], dim=-1), 0, g)
    return F.index_accumulate(g, F.unsqueeze(input, dim=0), dims=(0,), shape=weight_shape)


@op("occurrences(input: Tensor, size: int, dtype: DTypeLike) -> Tensor", kind="general", spec=lambda input, *, size, dtype: Meta(tuple(input.shape), as_dtype(dtype)),
    samples=[S(ints(2, 3), size=3, dtype="float64"), S(ints(), size=3, dtype="float32"), S(ints(0), size=3, dtype="float64")])
def occurrences(xp: Any, input: Any, *, size: int, dtype: Any) -> Any:
    """How often each of these integers below ``size`` occurs among them."""
    input = xp.asarray(input)
    return xp.bincount(input.reshape(-1), minlength=size)[input].astype(as_dtype(dtype).dtype)


def _shortened(F: Any, input: Any, weight: Any, max_norm: float, norm_type: float) -> None:
    """Scale those of the looked up rows down, in ``weight`` itself, that are longer than ``max_norm``."""
    if 0 in input.shape:
        return
    with no_grad():
        indices = F.reshape(input, shape=(-1,))
        rows = F.lookup(indices, detached(weight))
        lengths = F.norm(rows, norm_type, dim=-1, keepdim=True)
        weight[indices] = F.where(lengths > max_norm, rows * (max_norm / (lengths + 1e-7)), rows)


def _no_sparse(name: str, sparse: bool) -> None:
    if sparse:
        raise ValueError(f"{name}: sparse=True is not supported: gradients are dense. Leave it out; the numbers are the same")


@composite("embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0, "
           "scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor", places=NN)
def embedding(F: Any, input: Any, weight: Any, padding_idx: Any = None, max_norm: Any = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
              sparse: bool = False) -> Any:
    """The rows of ``weight`` (count, size) that the integers in ``input`` name: (...) to (..., size).

    Parameters
    ----------
    padding_idx : the row that gets no gradient.
    max_norm : rows longer than this, in the norm of order ``norm_type``, are first shortened in ``weight`` itself.
    scale_grad_by_freq : divide a row's gradient by how often it was looked up.
    sparse : must be ``False``; gradients are dense. Raises ``ValueError`` otherwise.

    >>> import autograd_core as ag, nn
    >>> nn.functional.embedding(ag.tensor([1, 1, 0]), ag.tensor([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [3.0, 4.0], [1.0, 2.0]]
    """
    _no_sparse("embedding", sparse)
    if max_norm is not None:
        _shortened(F, input, weight, max_norm, norm_type)
    return F.lookup(input, weight, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq)


# --- bags ---------------------------------------------------------------------------------------------------------


@op("bag_numbers(offsets: Tensor, total: int) -> Tensor", kind="general", label="bags", spec=lambda offsets, *, total: Meta((total,), as_dtype("int64")), samples=[
    S(Arg(values=[0, 2, 2]), total=5), S(Arg(values=[0]), total=0),
    S(Arg(values=[1, 2]), total=5, error=RuntimeError, match=r"offsets\[0\] has to be 0"),
    S(Arg(values=[0, 6]), total=5, error=RuntimeError, match="can not be greater than")])
def bag_numbers(xp: Any, offsets: Any, *, total: int) -> Any:
    """The number of the bag that each of ``total`` places is in; ``offsets`` says where bags begin, in order."""
    checked = backend_of(offsets).name == "cpu"  # a GPU is not asked, because the answer would make the program wait
    if checked and int(offsets[0]) != 0:
        raise RuntimeError(f"embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {int(offsets[0])}")
    if checked and int(offsets[-1]) > total:
        raise RuntimeError(f"embedding_bag: offsets[-1] can not be greater than input's length {total} but got offsets[-1] of {int(offsets[-1])}")
    return (xp.searchsorted(offsets, xp.arange(total), side="right") - 1).astype("int64")


@op("bag_table(bags: Tensor, counted: Tensor, count: int) -> Tensor", kind="dynamic", label="bags", spec=lambda bags, counted, *, count: Meta((count, -1), as_dtype("int64")),
    samples=[S(Arg(values=[0, 0, 2, 2, 2]), Arg(values=[True, True, True, False, True]), count=3), S(Arg(values=[0, 1]), Arg(values=[False, False]), count=2)])
def bag_table(xp: Any, bags: Any, counted: Any, *, count: int) -> Any:
    """The places in each bag, one bag a row, filled up with -1; places that are not ``counted`` are left out."""
    places = xp.nonzero(counted)[0]
    bags = bags[places]
    sizes = xp.bincount(bags, minlength=count)
    table = xp.full((count, max(int(sizes.max()), 1)), -1, dtype="int64")
    table[bags, xp.arange(len(places)) - (xp.cumsum(sizes) - sizes)[bags]] = places
    return table


@op("bag_sums(input: Tensor, bags: Tensor, count: int) -> Tensor", kind="general", label="Σ",
    spec=lambda input, bags, *, count: Meta((count, *input.shape[1:]), as_dtype(input.dtype)),
    samples=[S((5, 2), Arg(values=[0, 0, 2, 2, 2]), count=3), S((2, 3), Arg(values=[1, 1]), count=2), S((0, 3), ints(0), count=2)])
def bag_sums(xp: Any, input: Any, bags: Any, *, count: int) -> Any:
    """The sums of the rows of each bag; the ``count`` bags are numbered."""
    return add_rows(xp, xp.asarray(input), bags, count)


@bag_sums.vjp("input")
def _(F: Any, g: Any, bags: Any) -> Any:
    return F.lookup(bags, g)


def _check_bags(input: Any, offsets: Any, mode: str, weights: Any) -> None:
    """Refuse arguments that do not go together, in PyTorch's words."""
    if mode not in {"sum", "mean", "max"}:
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, but got {mode!r}")
    if weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode={mode!r})")
    if weights is not None and tuple(weights.shape) != tuple(input.shape):
        raise ValueError(f"embedding_bag: If per_sample_weights ({tuple(weights.shape)}) is not None, then it must have the same shape as the input ({tuple(input.shape)})")
    if input.ndim == 2 and offsets is not None:
        raise ValueError("embedding_bag: if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. "
                         f"However, found offsets of shape {tuple(offsets.shape)}")
    if input.ndim == 1 and offsets is None:
        raise ValueError("embedding_bag: offsets has to be a 1D Tensor but got None. It says where each bag of a 1D input begins")
    if input.ndim == 1 and offsets.ndim != 1:
        raise ValueError(f"embedding_bag: offsets has to be a 1D Tensor, got the shape {tuple(offsets.shape)}")
    if input.ndim not in (1, 2):
        raise ValueError(f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")


@composite("embedding_bag(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None, norm_type: float = 2.0, "
           "scale_grad_by_freq: bool = False, mode: str = 'mean', sparse: bool = False, per_sample_weights: Tensor | None = None, "
           "include_last_offset: bool = False, padding_idx: int | None = None) -> Tensor", places=NN)
def embedding_bag(F: Any, input: Any, weight: Any, offsets: Any = None, max_norm: Any = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                  mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: Any = None) -> Any:
    """The ``'sum'``, ``'mean'`` or ``'max'`` of the rows of ``weight`` that the integers of each bag name: (bags, size).

    Parameters
    ----------
    input : (bags, length), or (total) with ``offsets``.
    offsets : where each bag begins in a 1D ``input``; with ``include_last_offset`` the last entry says where the last bag ends.
    per_sample_weights : a factor for each looked up row, of the input's shape; for ``'sum'`` only.
    padding_idx : the row that neither counts nor gets a gradient.

    A bag with nothing in it gives zeros. The others are as in ``embedding``.

    >>> import autograd_core as ag, nn
    >>> nn.functional.embedding_bag(ag.tensor([0, 1, 1]), ag.tensor([[1.0], [3.0]]), ag.tensor([0, 2]), mode="sum").tolist()
    [[4.0], [3.0]]
    """
    _no_sparse("embedding_bag", sparse)
    _check_bags(input, offsets, mode, per_sample_weights)
    if padding_idx is not None:
        if not -weight.shape[0] <= padding_idx < weight.shape[0]:
            raise AssertionError(f"embedding_bag: padding_idx {padding_idx} must be within num_embeddings ({weight.shape[0]})")
        padding_idx %= weight.shape[0]
    if max_norm is not None:
        _shortened(F, input, weight, max_norm, norm_type)
    rows = F.lookup(input, weight, padding_idx=padding_idx, scale_grad_by_freq=scale_grad_by_freq)
    if per_sample_weights is not None:
        rows = rows * F.unsqueeze(per_sample_weights, dim=-1)
    counted = F.ne(input, -1 if padding_idx is None else padding_idx)
    if input.ndim == 1:
        if include_last_offset:
            offsets, rows, counted = offsets[:-1], rows[: int(offsets[-1])], counted[: int(offsets[-1])]
        count = offsets.shape[0]
        bags = F.bag_numbers(offsets, total=rows.shape[0])
        if mode != "max" or not rows.shape[0]:
            total = F.bag_sums(rows if padding_idx is None else F.where(F.unsqueeze(counted, dim=-1), rows, 0), bags, count=count)
            if mode != "mean":
                return total
            return total / F.clamp(F.unsqueeze(F.bag_sums(F.to_dtype(counted, dtype=as_dtype(rows.dtype)), bags, count=count), dim=-1), 1, None)
        table = F.bag_table(bags, counted, count=count)
        rows, counted = F.lookup(F.clamp(table, 0, None), rows), table >= 0
    if padding_idx is None and mode != "max":
        return F.mean(rows, dim=1) if mode == "mean" and rows.shape[1] else F.sum(rows, dim=1)
    valid = F.unsqueeze(counted, dim=-1)
    if mode == "max":
        if not rows.shape[1]:
            return F.sum(rows, dim=1)
        largest = F.max_along(F.where(valid, rows, -INFINITY), dim=1)[0]
        return F.where(F.any(valid, dim=1), largest, 0)
    total = F.sum(F.where(valid, rows, 0), dim=1)
    return total if mode == "sum" else total / F.clamp(F.sum(F.to_dtype(valid, dtype=as_dtype(rows.dtype)), dim=1), 1, None)
