"""Looking things up: places in sorted tensors, membership, what is not zero, distinct elements, and classes as rows of 0 and 1."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype, bool_, int32, int64
from ..kernels.strided import in_rows
from ..op import NN, TORCH_TENSOR, Arg, S, bools, composite, ints, op
from ..spec import Meta, wrap_dim
from .index import below

# --- sorted tensors -----------------------------------------------------------------------------------------------


def _search_spec(sorted_sequence: Any, input: Any, *, right: bool = False, out_int32: bool = False) -> Meta:
    return Meta(tuple(getattr(input, "shape", ())), int32 if out_int32 else int64)


@op("search(sorted_sequence: Tensor, input: Tensor, right: bool = False, out_int32: bool = False) -> Tensor", kind="general", promotes="same", extra={"written": "searchsorted"},
    spec=_search_spec, samples=[S(Arg(values=[1.0, 3.0, 5.0]), (2, 3)), S(Arg(values=[[1.0, 3.0], [2.0, 4.0]]), Arg(values=[[3.0], [4.0]]), right=True, out_int32=True)])
def search(xp: Any, sorted_sequence: Any, input: Any, *, right: bool = False, out_int32: bool = False) -> Any:
    """Where ``input`` belongs among the sorted rows; NaN counts as largest."""
    kind = "int32" if out_int32 else "int64"
    if sorted_sequence.ndim == 1:
        return xp.asarray(sorted_sequence.searchsorted(input, "right" if right else "left")).astype(kind, copy=False)
    # Rows of their own: halving the range that is left, for all at once.
    input = xp.asarray(input)
    low = xp.zeros(input.shape, dtype="int64")
    high = xp.full(input.shape, sorted_sequence.shape[-1], dtype="int64")
    for _ in range(int(sorted_sequence.shape[-1]).bit_length()):
        middle = (low + high) // 2
        probe = xp.take_along_axis(sorted_sequence, xp.minimum(middle, sorted_sequence.shape[-1] - 1), axis=-1)
        below = xp.logical_not(probe > input) if right else xp.logical_not(probe >= input)
        below &= middle < high
        low, high = xp.where(below, middle + 1, low), xp.where(below, high, middle)
    return low.astype(kind)


def _checked_search(sequence: Any, input: Any, right: bool, side: str | None, sorter: Any) -> bool:
    """Raise as PyTorch does for operands that do not fit; whether equal elements come first."""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"searchsorted: side can only be 'left' or 'right' but got {side!r}")
    if side == "left" and right:
        raise RuntimeError("searchsorted: side and right can't be set to opposites, got side of left while right was True")
    shape, wanted = tuple(sequence.shape), tuple(getattr(input, "shape", ()))
    if not shape:
        raise RuntimeError("searchsorted: boundaries tensor should have positive dimension, but got 0 dimension")
    if len(shape) > 1 and not wanted:
        raise RuntimeError(f"searchsorted: input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor {shape}")
    if len(shape) > 1 and shape[:-1] != wanted[:-1]:
        raise RuntimeError("searchsorted: boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, "
                           f"but we got boundaries tensor {shape} and input value tensor {wanted}")
    if sorter is not None:
        if tuple(sorter.shape) != shape:
            raise RuntimeError(f"searchsorted: boundary and sorter must have the same size, but got boundary tensor {shape} and got sorter tensor {tuple(sorter.shape)}")
        if as_dtype(sorter.dtype) is not int64:
            raise RuntimeError(f"searchsorted: sorter must be a tensor of long dtype but got dtype {as_dtype(sorter.dtype).name}. Use .long()")
        raw = getattr(sorter, "_array", sorter)
        if raw.size and backend_of(raw).name == "cpu" and not 0 <= raw.min() <= raw.max() < shape[-1]:
            raise RuntimeError(f"searchsorted: sorter index out of range, got {int(raw.min())} to {int(raw.max())} for {shape[-1]} elements")
    return right or side == "right"


@composite("searchsorted(sorted_sequence: Tensor, input: TensorLike, *, out_int32: bool = False, right: bool = False, side: str | None = None, "
           "sorter: Tensor | None = None) -> Tensor", places=("torch",))
def searchsorted(F: Any, sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False, side: Any = None, sorter: Any = None) -> Any:
    """Where each of ``input`` would have to be inserted to keep the last dimension of ``sorted_sequence`` in order: before equal ones, or with ``right`` after them.

    ``sorted_sequence`` has one dimension, or the leading ones of ``input``; ``sorter`` is the order that sorts it, if it is not sorted.
    The result is int64, or int32 with ``out_int32``. Raises ``RuntimeError`` where shapes do not fit.

    >>> import autograd_core as ag
    >>> ag.searchsorted(ag.tensor([1.0, 3.0, 5.0]), ag.tensor([3.0, 6.0])).tolist()
    [1, 3]
    """
    if side is not None or sorter is not None or getattr(sorted_sequence, "_array", sorted_sequence).ndim != 1:  # else nothing can be wrong
        right = _checked_search(sorted_sequence, input, right, side, sorter)
    if sorter is not None:
        sorted_sequence = F.gather(sorted_sequence, index=sorter, dim=sorted_sequence.ndim - 1)
    return F.search(sorted_sequence, input, right=right, out_int32=out_int32)


@composite("bucketize(input: TensorLike, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor", places=("torch",))
def bucketize(F: Any, input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The number of the interval between ascending ``boundaries`` in which each of ``input`` lies. Each contains its right boundary, or with ``right`` its left one."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got the shape {tuple(boundaries.shape)}. searchsorted takes rows")
    return F.search(boundaries, input, right=right, out_int32=out_int32)


# --- membership ---------------------------------------------------------------------------------------------------


@op("is_element(elements: Tensor, test_elements: Tensor) -> Tensor", kind="general", promotes="same", label="isin",
    spec=lambda elements, test_elements: Meta(tuple(getattr(elements, "shape", ())), bool_), samples=[S(ints(3, 4), ints(2)), S(ints(3), ints(0))])
def is_element(xp: Any, elements: Any, test_elements: Any) -> Any:
    """Which of ``elements`` occur in ``test_elements``."""
    if not (0 < getattr(test_elements, "size", 0) <= _FEW and getattr(elements, "ndim", 0) and elements.dtype.kind != "c" and backend_of(elements).name == "cpu"):
        return xp.isin(elements, test_elements)
    if elements.size <= _FEW * _FEW:
        return (test_elements.reshape((-1, *(1,) * elements.ndim)) == elements).any(0)
    first, *others = test_elements.reshape(-1).tolist()
    found = elements == first
    for each in others:
        found |= elements == each
    return found


_FEW = 8
"""Test elements that are looked for one after the other."""


@composite("isin(elements: TensorLike, test_elements: TensorLike, *, assume_unique: bool = False, invert: bool = False) -> Tensor", places=("torch",))
def isin(F: Any, elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Which of ``elements`` occur in ``test_elements``, or with ``invert`` do not; NaN never does. One of the two may be a number.

    ``assume_unique`` promises that neither holds an element twice; the result is the same.
    """
    if any([getattr(getattr(each, "_array", each), "dtype", None) is bool_.dtype for each in (elements, test_elements)]):
        raise RuntimeError("isin: Unsupported input type encountered for isin(): bool. Convert it with .int()")
    found = F.is_element(elements, test_elements)
    return F.logical_not(found) if invert else found


# --- what depends on values ---------------------------------------------------------------------------------------


@op("argwhere(input: Tensor) -> Tensor", out=False, kind="dynamic", places=TORCH_TENSOR, spec=lambda input: Meta((-1, len(input.shape)), int64),
    samples=[S(bools(3, 4)), S(ints(5)), S((0, 2)), S(())])
def argwhere(xp: Any, input: Any) -> Any:
    """The indices of the elements that are not zero, one row each."""
    if input.ndim == 1:  # a view, in a fifth of the time
        found = input.nonzero()[0][:, None]
    else:
        found = xp.stack(input.nonzero(), axis=1) if input.ndim else xp.zeros((int(bool(input)), 0), dtype="int64")
    return found.astype("int64", copy=False)


@composite("nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]")
def nonzero(F: Any, input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: one row each, or with ``as_tuple`` one tensor per dimension."""
    if not as_tuple:
        return F.argwhere(input)
    return F.unbind(F.argwhere(input if input.ndim else F.reshape(input, shape=(1,))), dim=1)


def _static_spec(input: Any, *, size: int, fill_value: int = -1) -> Meta:
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be a non-negative integer, got {size}")
    return Meta((size, len(input.shape)), int64)


@op("nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor", places=TORCH_TENSOR, spec=_static_spec, samples=[
    S(bools(3, 4), size=12, fill_value=7), S(ints(5), size=1), S((2, 0), size=2), S((), size=2), S(ints(5), size=-1, error=RuntimeError, match="non-negative")])
def nonzero_static(xp: Any, input: Any, *, size: int, fill_value: int = -1) -> Any:
    """The first ``size`` rows of ``nonzero``, and rows of ``fill_value`` where there are fewer: a shape that values do not decide, for ``compile``."""
    result = xp.full((size, input.ndim), fill_value, dtype="int64")
    if input.ndim:
        rows = argwhere.kernel(xp, input)[:size]
        result[: len(rows)] = rows
    return result


def _distinct_spec(name: str) -> Any:
    def spec(input: Any, *, dim: Any = None) -> tuple[Meta, Meta, Meta]:
        shape = tuple(input.shape)
        if dim is not None and not shape:
            raise IndexError(f"{name}: Dimension specified as {dim} but tensor has no dimensions")
        at = None if dim is None else wrap_dim(dim, len(shape), name)
        if at is not None and 0 in (*shape[:at], *shape[at + 1:]):
            raise RuntimeError(f"{name}: There are 0 sized dimensions, and they aren't selected, so {name} cannot be applied (input {shape}, dim {at})")
        values = (-1,) if at is None else (*shape[:at], -1, *shape[at + 1:])
        return Meta(values, input.dtype), Meta(shape if at is None else shape[at : at + 1], int64), Meta((-1,), int64)

    return spec


@op("unique_of(input: Tensor, dim: int | None = None) -> tuple[Tensor, Tensor, Tensor]", kind="dynamic",
    outputs=("values", "inverse", "counts"), constant_outputs=(0, 1, 2), spec=_distinct_spec("unique"), extra={"written": "unique"},
    samples=[S(ints(6)), S(ints(2, 3)), S(ints(4, 2, high=2), dim=0), S(ints(0)), S((0, 2), dim=0)])
def unique_of(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """The distinct elements in ascending order (or the distinct slices along ``dim``), where each went, and how many there are."""
    if 0 in input.shape and dim is not None:
        _distinct_spec("unique")(input, dim=dim)
        return input.copy(), xp.zeros(0, dtype="int64"), xp.zeros(0, dtype="int64")
    values, inverse, counts = xp.unique(input, return_inverse=True, return_counts=True, axis=dim, equal_nan=False)
    return values, inverse.reshape(input.shape if dim is None else (input.shape[dim],)), counts


@op("unique_values(input: Tensor) -> Tensor", kind="dynamic", spec=lambda input: Meta((-1,), input.dtype), extra={"written": "unique"},
    samples=[S(ints(6)), S(ints(2, 3)), S(ints(0)), S(ints())])
def unique_values(xp: Any, input: Any) -> Any:
    """The distinct elements in ascending order alone, which takes a third of the time of ``unique_of``."""
    ordered = xp.sort(input, axis=None)
    first = xp.empty(ordered.shape, dtype=bool)
    first[:1] = True
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


@composite("unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any", out=False)
def unique(F: Any, input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The distinct elements, sorted; on request also the index of each element among them, and how often each occurs."""
    if dim is None and not return_inverse and not return_counts:
        return F.unique_values(input)
    return _chosen(F.unique_of(input, dim=dim), return_inverse, return_counts)


def _chosen(found: Any, return_inverse: bool, return_counts: bool) -> Any:
    values, inverse, counts = found
    if not return_inverse and not return_counts:
        return values
    return (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))


@op("unique_consecutive_of(input: Tensor, dim: int | None = None) -> tuple[Tensor, Tensor, Tensor]", kind="dynamic", outputs=("values", "inverse", "counts"),
    constant_outputs=(0, 1, 2), spec=_distinct_spec("unique_consecutive"), extra={"written": "unique_consecutive"},
    samples=[S(ints(6, high=2)), S(ints(2, 3, high=2)), S(ints(5, 2, high=2), dim=0), S(ints(0)), S((0, 2), dim=0)])
def unique_consecutive_of(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """The first of each run of equal elements (or of equal slices along ``dim``), where each went, and how long the runs are."""
    if dim is not None:
        _distinct_spec("unique_consecutive")(input, dim=dim)
    rows = input.reshape(-1) if dim is None else xp.moveaxis(input, dim, 0)
    n = rows.shape[0]
    begins = xp.ones(n, dtype=bool)
    if n > 1:
        begins[1:] = (rows[1:] != rows[:-1]).reshape(n - 1, -1).any(axis=1)
    starts = xp.flatnonzero(begins)
    inverse = (xp.cumsum(begins) - 1).astype("int64")
    counts = xp.bincount(inverse, minlength=len(starts)) if n else inverse
    values = rows[starts]
    return values if dim is None else xp.moveaxis(values, 0, dim), inverse.reshape(input.shape) if dim is None else inverse, counts.astype("int64")


@composite("unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any", out=False)
def unique_consecutive(F: Any, input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The elements without those that equal the one before; on request also where each went, and how many were equal.

    >>> import autograd_core as ag
    >>> ag.unique_consecutive(ag.tensor([1, 1, 2, 1])).tolist()
    [1, 2, 1]
    """
    return _chosen(F.unique_consecutive_of(input, dim=dim), return_inverse, return_counts)


def _one_hot_spec(tensor: Any, *, num_classes: int = -1) -> Meta:
    return Meta((*tensor.shape, num_classes), int64)


@op("one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor", kind="dynamic", places=NN, spec=_one_hot_spec, samples=[
    S(ints(4)), S(ints(2, 3), num_classes=5), S(ints(), num_classes=3), S(Arg(values=[3]), num_classes=3, error=RuntimeError, match="smaller than num_classes")])
def one_hot(xp: Any, tensor: Any, *, num_classes: int = -1) -> Any:
    """A last dimension of ``num_classes`` integers (default: as many as needed) that is 1 at the class and 0 elsewhere."""
    if tensor.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype.name}. Use .long()")
    if num_classes == -1:
        if not tensor.size:
            raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max()) + 1
    if tensor.size and backend_of(tensor).name == "cpu" and not below(tensor, num_classes):
        if tensor.min() < 0:
            raise RuntimeError("one_hot: Class values must be non-negative.")
        if tensor.max() >= num_classes:
            raise RuntimeError(f"one_hot: Class values must be smaller than num_classes, got {int(tensor.max())} with num_classes {num_classes}")
    return (in_rows(xp, xp.asarray(tensor))[..., None] == xp.arange(num_classes)).astype("int64")
