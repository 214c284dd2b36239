"""Gathering, scattering and masks."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import bool_
from ..op import TORCH_TENSOR, Arg, S, bools, composite, ints, op
from ..spec import Meta, broadcast, wrap_dim
from .index import add_rows, cast_back, checked_rows, destination, real_if

# --- gather and scatter -------------------------------------------------------------------------------------------


def _along(xp: Any, shape: Any, index: Any, dim: int) -> tuple[Any, ...]:
    """The full index of the elements that ``index`` names along ``dim`` and its own position names elsewhere."""
    key = []
    for d, n in enumerate(index.shape):
        position = xp.arange(n)
        key.append(index if d == dim else position.reshape([-1 if k == d else 1 for k in range(index.ndim)]))
    return tuple(key)


def _index_spec(name: str, input: Any, index: Any, dim: int, other: Any = None) -> None:
    """Raise unless ``index`` has the rank of ``input`` and is nowhere larger but along ``dim``."""
    shape, indexed = tuple(input.shape) or (1,), tuple(index.shape) or (1,)
    at = wrap_dim(dim, len(input.shape), name)
    if len(shape) != len(indexed):
        raise RuntimeError(f"{name}: Index tensor must have the same number of dimensions as input tensor (input {tuple(input.shape)}, index {tuple(index.shape)})")
    for d, (n, m) in enumerate(zip(shape, indexed, strict=True)):
        if d != at and m > n:
            raise RuntimeError(f"{name}: Size does not match at dimension {d} expected index {list(indexed)} to be no larger than self {list(shape)} apart from dimension {at}")
    source = getattr(other, "shape", None)
    if source is not None and len(source) and any(m > n for n, m in zip(source, indexed, strict=False)):
        raise RuntimeError(f"{name}: Expected index {list(indexed)} to be no larger than src {list(source)}")


def _gather_spec(input: Any, index: Any, *, dim: int) -> Meta:
    _index_spec("gather", input, index, dim)
    return Meta(tuple(index.shape), input.dtype)


@op("gather(input: Tensor, dim: int, index: Tensor) -> Tensor", kind="general", places=TORCH_TENSOR, spec=_gather_spec, samples=[
    S((3, 4), ints(3, 2, high=4), dim=1), S((3, 4), ints(5, 4, high=3), dim=0), S((3, 4), ints(2, 3, high=4), dim=-1), S((4,), ints(6, high=4), dim=0),
    S((2, 3), ints(2, 0), dim=1), S((3, 4), ints(2), dim=0, error=RuntimeError, match="same number of dimensions"),
    S((3, 4), Arg(values=[[4]]), dim=1, error=RuntimeError, match="out of bounds"), S((2, 3), ints(2, 3), dim=2, error=IndexError, match="out of range")])
def gather(xp: Any, input: Any, index: Any, *, dim: int) -> Any:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim=0``, and likewise for other dimensions; ``index`` decides the shape.

    >>> import autograd_core as ag
    >>> ag.tensor([[1., 2.], [3., 4.]]).gather(1, ag.tensor([[1], [0]])).tolist()
    [[2.0], [3.0]]
    """
    _gather_spec(input, index, dim=dim)
    if not input.ndim:
        return xp.broadcast_to(input, index.shape).copy()
    checked_rows("gather", index, input.shape[dim], RuntimeError)
    return input[_along(xp, input.shape, index, dim % input.ndim)]


@gather.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g, index, dim=dim, shape=input_shape)


@op("gather_accumulate(input: Tensor, index: Tensor, dim: int, shape: Sequence[int], unique: bool = False) -> Tensor", kind="general",
    spec=lambda input, index, *, dim, shape, unique=False: Meta(tuple(shape), input.dtype), samples=[
        S((3, 2), ints(3, 2, high=4), dim=1, shape=(3, 4)), S((5, 4), ints(5, 4, high=3), dim=0, shape=(3, 4)),
        S((2, 2), Arg(values=[[0, 2], [1, 0]]), dim=-1, shape=(2, 3), unique=True)])
def gather_accumulate(xp: Any, input: Any, index: Any, *, dim: int, shape: Any, unique: bool = False) -> Any:
    """Zeros of ``shape`` with ``input`` added where ``index`` names along ``dim``: the adjoint of ``gather``."""
    input = xp.asarray(input)
    if not shape:
        return input.sum().astype(input.dtype)
    key = _along(xp, shape, index, dim % len(shape))
    if unique:
        result = xp.zeros(shape, dtype=input.dtype)
        result[key] = input
        return result
    flat = key[0]
    for part, n in zip(key[1:], shape[1:], strict=True):
        flat = flat * n + part
    return add_rows(xp, input.reshape(-1), xp.broadcast_to(flat, index.shape).reshape(-1), math.prod(shape)).reshape(shape)


@gather_accumulate.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int) -> Any:
    return F.gather(g, index=index, dim=dim)


def _scatter_spec(input: Any, index: Any, src: Any, *, dim: int) -> Meta:
    _index_spec("scatter", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


def _as_index(array: Any, index: Any) -> Any:
    """The part of ``src`` that has the shape of ``index``; numbers as they are."""
    return array[tuple(slice(n) for n in index.shape)] if getattr(array, "ndim", 0) and array.shape != index.shape else array


@op("scatter(input: Tensor, dim: int, index: Tensor, src: TensorLike) -> Tensor", kind="general", places=TORCH_TENSOR, inplace=True, spec=_scatter_spec, samples=[
    S((3, 4), ints(3, 2, high=4), (3, 2), dim=1), S((3, 4), ints(5, 4, high=3), (5, 4), dim=0), S((3, 4), ints(2, 2, high=4), (2, 3), dim=-1), S((4,), ints(2, high=4), 1.5, dim=0),
    S((3, 4), ints(2, 4), (2, 3), dim=0, error=RuntimeError, match="no larger than src")])
def scatter(xp: Any, input: Any, index: Any, src: Any, *, dim: int, out: Any = None) -> Any:
    """``input`` with ``src`` (a tensor or a number) written where ``index`` names along ``dim``; the reverse of ``gather``.

    Of several values for one place the last is written.
    """
    _scatter_spec(input, index, src, dim=dim)
    out = destination(xp, input, out)
    if not out.ndim:
        out[...] = src
        return out
    checked_rows("scatter", index, out.shape[dim], RuntimeError)
    out[_along(xp, out.shape, index, dim % out.ndim)] = real_if(_as_index(src, index), out.dtype)
    return out


@scatter.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int) -> Any:
    return F.scatter(g, index=index, src=0, dim=dim)


@scatter.vjp("src")
def _(F: Any, g: Any, index: Any, dim: int, src_shape: Any, src_dtype: Any) -> Any:
    read = F.where(F.last_scattered(index, dim=dim, shape=tuple(g.shape)), F.gather(g, index=index, dim=dim), 0)
    return cast_back(F, _as_src(F, read, src_shape), src_dtype)


def _as_src(F: Any, read: Any, shape: Any) -> Any:
    """What was read at ``index``, in the shape of ``src``: a number's share is the sum, unread elements get 0."""
    if not shape:
        return F.sum(read)
    return read if tuple(read.shape) == tuple(shape) else F.slice_place(read, key=tuple(slice(n) for n in read.shape), shape=shape)


@op("last_scattered(index: Tensor, dim: int, shape: Sequence[int]) -> Tensor", kind="general", spec=lambda index, *, dim, shape: Meta(tuple(index.shape), bool_), samples=[
    S(ints(5, 4, high=3), dim=0, shape=(3, 4)), S(ints(3, high=4), dim=-1, shape=(4,))])
def last_scattered(xp: Any, index: Any, *, dim: int, shape: Any) -> Any:
    """Which entries of ``index`` are the last for their place: those whose value a scatter leaves there."""
    if not shape:
        return xp.ones(index.shape, dtype=bool)
    key = _along(xp, shape, index, dim % len(shape))
    order = xp.arange(index.size).reshape(index.shape)
    winner = xp.zeros(shape, dtype=order.dtype)
    winner[key] = order
    return winner[key] == order


def _scatter_add_spec(input: Any, index: Any, src: Any, *, dim: int) -> Meta:
    _index_spec("scatter_add", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


@op("scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor", kind="general", places=TORCH_TENSOR, inplace=True, spec=_scatter_add_spec, samples=[
    S((3, 4), ints(3, 6, high=4), (3, 6), dim=1), S((3, 4), ints(5, 4, high=3), (5, 4), dim=0), S((3, 4), ints(2, 2, high=4), (2, 3), dim=-1), S((4,), ints(0), (0,), dim=0),
    S((3, 4), ints(2), (2,), dim=0, error=RuntimeError, match="same number of dimensions")])
def scatter_add(xp: Any, input: Any, index: Any, src: Any, *, dim: int, out: Any = None) -> Any:
    """``input`` with ``src`` added where ``index`` names along ``dim``, repeats included."""
    _scatter_add_spec(input, index, src, dim=dim)
    out = destination(xp, input, out)
    if out.ndim:
        checked_rows("scatter_add", index, out.shape[dim], RuntimeError)
    out += gather_accumulate.kernel(xp, _as_index(src, index), index, dim=dim, shape=out.shape)
    return out


@scatter_add.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


@scatter_add.vjp("src")
def _(F: Any, g: Any, index: Any, dim: int, src_shape: Any, src_dtype: Any) -> Any:
    return cast_back(F, _as_src(F, F.gather(g, index=index, dim=dim), src_shape), src_dtype)


@composite("take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor")
def take_along_dim(F: Any, input: Any, indices: Any, dim: Any = None) -> Any:
    """``gather`` whose operands broadcast outside ``dim``; without ``dim`` both are flattened first."""
    if dim is None:
        return F.gather(F.reshape(input, shape=(-1,)), index=F.reshape(indices, shape=(-1,)), dim=0)
    if input.ndim != indices.ndim:
        raise RuntimeError(f"take_along_dim: input and indices should have the same number of dimensions, but got {input.ndim} and {indices.ndim} dimensions")
    at = wrap_dim(dim, input.ndim, "take_along_dim")
    a, b = tuple(input.shape), tuple(indices.shape)
    common = broadcast("take_along_dim", ("input", "indices"), (Meta((*a[:at], 1, *a[at + 1:]), input.dtype), Meta((*b[:at], 1, *b[at + 1:]), indices.dtype)))
    return F.gather(F.broadcast_to(input, shape=(*common[:at], a[at], *common[at + 1:])), index=F.broadcast_to(indices, shape=(*common[:at], b[at], *common[at + 1:])), dim=at)


# --- masks --------------------------------------------------------------------------------------------------------


def _mask_spec(input: Any, mask: Any, value: Any) -> Meta:
    if mask.dtype != "bool":
        raise RuntimeError(f"masked_fill: masked_fill only supports boolean masks, but got mask with dtype {mask.dtype.name}. Use .bool()")
    if getattr(value, "shape", ()):
        raise RuntimeError(f"masked_fill: masked_fill only supports a 0-dimensional value tensor, but got tensor with {len(value.shape)} dimension(s). Use where")
    return Meta(broadcast("masked_fill", ("input", "mask"), (input, mask)), input.dtype)


@op("masked_fill(input: Tensor, mask: Tensor, value: TensorLike) -> Tensor", kind="general", places=TORCH_TENSOR, inplace=True, broadcasts=True, spec=_mask_spec, samples=[
    S((3, 4), bools(3, 4), 2.5), S((3, 4), bools(4), ()), S((4,), bools(3, 4), -1.0), S((), bools(), 1.0), S((0, 2), bools(2), 1.0),
    S((3, 4), ints(3, 4), 1.0, error=RuntimeError, match="boolean masks"), S((3, 4), bools(3, 4), (2,), error=RuntimeError, match="0-dimensional")])
def masked_fill(xp: Any, input: Any, mask: Any, value: Any) -> Any:
    """``input`` with ``value`` (a number or a tensor without dimensions) where the boolean ``mask`` is true."""
    if mask.dtype.kind != "b" or getattr(value, "ndim", 0):
        _mask_spec(input, mask, value)
    return xp.where(mask, xp.asarray(value, dtype=input.dtype), input)


@masked_fill.vjp("input")
def _(F: Any, g: Any, mask: Any) -> Any:
    return F.where(mask, 0, g)


@masked_fill.vjp("value")
def _(F: Any, g: Any, mask: Any, value_dtype: Any) -> Any:
    return cast_back(F, F.sum(F.where(mask, g, 0)), value_dtype)


def _selected_spec(input: Any, mask: Any) -> Meta:
    broadcast("masked_select", ("input", "mask"), (input, mask))
    return Meta((-1,), input.dtype)


@op("masked_select(input: Tensor, mask: Tensor) -> Tensor", kind="dynamic", places=TORCH_TENSOR, broadcasts=True, spec=_selected_spec, samples=[
    S((3, 4), bools(3, 4)), S((3, 4), bools(4)), S((4,), bools(3, 1)), S((), bools()), S((0, 2), bools(2)), S((3,), bools(4), error=RuntimeError, match="masked_select")])
def masked_select(xp: Any, input: Any, mask: Any) -> Any:
    """The elements where the boolean ``mask`` is true, in one dimension; both broadcast."""
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype.name}. Use .bool()")
    input, mask = xp.broadcast_arrays(input, mask)
    return input[mask].reshape(-1)


@masked_select.vjp("input")
def _(F: Any, g: Any, mask: Any, input_shape: Any) -> Any:
    shape = broadcast("masked_select", ("input", "mask"), (Meta(tuple(input_shape), g.dtype), mask))
    return F.masked_place(g, F.broadcast_to(mask, shape=shape))


@op("masked_place(input: Tensor, mask: Tensor) -> Tensor", kind="general", spec=lambda input, mask: Meta(tuple(mask.shape), input.dtype), samples=[
    S((2,), Arg(values=[[True, False], [False, True]])), S((0,), Arg(values=[False, False]))])
def masked_place(xp: Any, input: Any, mask: Any) -> Any:
    """Zeros with the elements of ``input`` where ``mask`` is true: the adjoint of ``masked_select``."""
    zeros = xp.zeros(mask.shape, dtype=input.dtype)
    zeros[mask] = input if zeros.ndim else input.reshape(-1)
    return zeros


@masked_place.vjp("input")
def _(F: Any, g: Any, mask: Any) -> Any:
    return F.masked_select(g, mask)
