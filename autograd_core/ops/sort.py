"""Sorting, whole or the first few. NaN counts as largest."""

from __future__ import annotations

from typing import Any

from ..dtypes import int64
from ..kernels.places import read_along
from ..kernels.strided import in_rows
from ..op import TORCH_TENSOR, S, composite, distinct, op
from ..spec import Meta, wrap_dim
from .index import FULL


def _order(xp: Any, input: Any, axis: int, descending: bool, k: int) -> Any:
    """The first ``k`` of the stable order, NaN counting as largest, as in PyTorch."""
    before = (FULL,) * (axis % input.ndim)
    n = input.shape[axis]
    if not descending:
        order = input.argsort(axis=axis, kind="stable")
        return order if k == n else order[(*before, slice(k))]
    order = input[(*before, slice(None, None, -1))].argsort(axis=axis, kind="stable")
    return n - 1 - order[(*before, slice(None, n - 1 - k if k < n else None, -1))]


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
    order = _order(xp, input, dim, descending, input.shape[dim])
    return read_along(xp, input, order, dim), order


@sort.vjp("input")
def _(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape, unique=True)


@composite("argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor", out=False)
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
    if not (-input.ndim <= dim < input.ndim and 0 <= k <= input.shape[dim]):
        _topk_spec(input, k=k, dim=dim)
    if not input.ndim:
        return input.copy(), xp.zeros((), dtype="int64")
    axis = dim % input.ndim
    n = input.shape[axis]
    if 0 < k < n // 4:  # find the k first, then put only those in order
        part = input.argpartition(n - k if largest else k - 1, axis=axis)
        chosen = part[(*(FULL,) * axis, slice(n - k, None) if largest else slice(k))]
        chosen = read_along(xp, chosen, _order(xp, read_along(xp, input, chosen, axis), axis, largest, k), axis)
    else:
        chosen = in_rows(xp, _order(xp, input, axis, largest, k))
    return read_along(xp, input, chosen, axis), chosen


@topk.vjp("input")
def _(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape, unique=True)
