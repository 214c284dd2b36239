"""Sorting, and what has a shape that depends on values."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..dtypes import int64
from ..op import NN, TORCH_TENSOR, Arg, S, bools, composite, distinct, ints, op
from ..spec import Meta, wrap_dim
from .index import FULL

# --- sorting ------------------------------------------------------------------------------------------------------


def _order(xp: Any, input: Any, axis: int, descending: bool) -> Any:
    """The stable order, NaN counting as largest, as in PyTorch."""
    if not descending:
        return xp.argsort(input, axis=axis, kind="stable")
    return xp.flip(input.shape[axis] - 1 - xp.argsort(xp.flip(input, axis=axis), axis=axis, kind="stable"), axis=axis)


def _sort_spec(input: Any, *, dim: int, **attrs: Any) -> tuple[Meta, Meta]:
    wrap_dim(dim, len(input.shape), "sort")
    return Meta(tuple(input.shape), input.dtype), Meta(tuple(input.shape), int64)


@op("sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> tuple[Tensor, Tensor]", kind="general", places=TORCH_TENSOR,
    outputs=("values", "indices"), constant_outputs=(1,), spec=_sort_spec, samples=[
        S(distinct(3, 4)), S(distinct(3, 4), dim=0), S(distinct(2, 3, 4), dim=-2, descending=True), S(distinct(5), stable=True), S(()), S((0, 2)),
        S((3,), dim=1, error=IndexError, match="out of range")])
def sort(xp: Any, input: Any, *, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The elements along ``dim`` in order, and where they were: a named tuple ``(values, indices)``.

    Always stable; NaN counts as largest.
    """
    if not input.ndim:
        _sort_spec(input, dim=dim)
        return input.copy(), xp.zeros((), dtype="int64")
    order = _order(xp, input, dim, descending)
    return xp.take_along_axis(input, order, axis=dim), order


@sort.vjp("input")
def _(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape, unique=True)


@composite("argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor")
def argsort(F: Any, input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that sort the elements along ``dim``."""
    return F.sort(input, dim=dim, descending=descending, stable=stable)[1]


@composite("msort(input: Tensor) -> Tensor")
def msort(F: Any, input: Any) -> Any:
    """The elements sorted along the first dimension."""
    return F.sort(input, dim=0)[0]


def _topk_spec(input: Any, *, k: int, dim: int = -1, **attrs: Any) -> tuple[Meta, Meta]:
    at = wrap_dim(dim, len(input.shape), "topk")
    shape = tuple(input.shape)
    if not 0 <= k <= (shape[at] if shape else 1):
        raise RuntimeError(f"topk: selected index k out of range: k is {k}, dimension {at} of input {shape} has {shape[at] if shape else 1} elements")
    shape = tuple(k if d == at else n for d, n in enumerate(shape))
    return Meta(shape, input.dtype), Meta(shape, int64)


@op("topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]", kind="general", places=TORCH_TENSOR,
    outputs=("values", "indices"), constant_outputs=(1,), spec=_topk_spec, samples=[
        S(distinct(3, 6), k=2), S(distinct(6, 3), k=4, dim=0, largest=False), S(distinct(5), k=5, sorted=False), S(distinct(5), k=0), S((), k=1),
        S(distinct(2, 12), k=2), S(distinct(12, 2), k=2, dim=-2, largest=False),
        S((3,), k=4, error=RuntimeError, match="out of range"), S((3,), k=1, dim=1, error=IndexError, match="out of range")])
def topk(xp: Any, input: Any, *, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest (or smallest) elements along ``dim``, in order, and where they are: a named tuple ``(values, indices)``."""
    _topk_spec(input, k=k, dim=dim)
    if not input.ndim:
        return input.copy(), xp.zeros((), dtype="int64")
    axis = dim % input.ndim
    n = input.shape[axis]
    if 0 < k < n // 4:  # find the k first, then put only those in order
        part = xp.argpartition(input, n - k if largest else k - 1, axis=axis)
        chosen = part[(*[FULL] * axis, slice(n - k, None) if largest else slice(k))]
        chosen = xp.take_along_axis(chosen, _order(xp, xp.take_along_axis(input, chosen, axis=axis), axis, largest), axis=axis)
    else:
        chosen = _order(xp, input, axis, largest)[(*[FULL] * axis, slice(k))]
    return xp.take_along_axis(input, chosen, axis=axis), chosen


@topk.vjp("input")
def _(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape, unique=True)


# --- what depends on values ---------------------------------------------------------------------------------------


@op("argwhere(input: Tensor) -> Tensor", kind="dynamic", places=TORCH_TENSOR, spec=lambda input: Meta((-1, len(input.shape)), int64),
    samples=[S(bools(3, 4)), S(ints(5)), S((0, 2)), S(())])
def argwhere(xp: Any, input: Any) -> Any:
    """The indices of the elements that are not zero, one row each."""
    found = xp.stack(xp.nonzero(input), axis=1) if input.ndim else xp.zeros((int(bool(input)), 0), dtype="int64")
    return found.astype("int64", copy=False)


@composite("nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]")
def nonzero(F: Any, input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: one row each, or with ``as_tuple`` one tensor per dimension."""
    if not as_tuple:
        return F.argwhere(input)
    return F.unbind(F.argwhere(input if input.ndim else F.reshape(input, shape=(1,))), dim=1)


def _unique_spec(input: Any, *, dim: Any = None) -> tuple[Meta, Meta, Meta]:
    shape = tuple(input.shape)
    at = None if dim is None else wrap_dim(dim, len(shape), "unique")
    values = (-1,) if at is None else (*shape[:at], -1, *shape[at + 1:])
    return Meta(values, input.dtype), Meta(shape if at is None else shape[at : at + 1], int64), Meta((-1,), int64)


@op("unique_of(input: Tensor, dim: int | None = None) -> tuple[Tensor, Tensor, Tensor]", kind="dynamic",
    outputs=("values", "inverse", "counts"), constant_outputs=(0, 1, 2), spec=_unique_spec,
    samples=[S(ints(6)), S(ints(2, 3)), S(ints(4, 2, high=2), dim=0), S(ints(0))])
def unique_of(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """The distinct elements in ascending order (or the distinct slices along ``dim``), where each went, and how many there are."""
    values, inverse, counts = xp.unique(input, return_inverse=True, return_counts=True, axis=dim)
    return values, inverse.reshape(input.shape if dim is None else (input.shape[dim],)), counts


@composite("unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any")
def unique(F: Any, input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The distinct elements, sorted; on request also the index of each element among them, and how often each occurs."""
    values, inverse, counts = F.unique_of(input, dim=dim)
    if not return_inverse and not return_counts:
        return values
    return (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))


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
    if tensor.size and backend_of(tensor).name == "cpu":
        if tensor.min() < 0:
            raise RuntimeError("one_hot: Class values must be non-negative.")
        if tensor.max() >= num_classes:
            raise RuntimeError(f"one_hot: Class values must be smaller than num_classes, got {int(tensor.max())} with num_classes {num_classes}")
    return (xp.asarray(tensor)[..., None] == xp.arange(num_classes)).astype("int64")
