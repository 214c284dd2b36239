"""Gathering along a dimension, and its adjoint."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype
from ..kernels.places import flat_along
from ..op import TORCH_TENSOR, Arg, S, composite, ints, op
from ..spec import Meta, broadcast, wrap_dim
from .index import add_rows, checked_rows


def index_spec(name: str, input: Any, index: Any, dim: int, other: Any = None) -> None:
    """Raise unless ``index`` has the rank of ``input`` and is nowhere larger but along ``dim``, and ``other``, if a tensor, has the dtype of ``input``."""
    shape, indexed = tuple(input.shape) or (1,), tuple(index.shape) or (1,)
    at = wrap_dim(dim, len(input.shape), name)
    if len(shape) != len(indexed):
        raise RuntimeError(f"{name}: Index tensor must have the same number of dimensions as input tensor (input {tuple(input.shape)}, index {tuple(index.shape)})")
    for d, (n, m) in enumerate(zip(shape, indexed, strict=True)):
        if d != at and m > n:
            raise RuntimeError(f"{name}: Size does not match at dimension {d} expected index {list(indexed)} to be no larger than self {list(shape)} apart from dimension {at}")
    source = getattr(other, "shape", None)
    if source is not None and other.dtype != input.dtype:
        raise RuntimeError(f"{name}: Expected self.dtype to be equal to src.dtype, got {as_dtype(input.dtype).name} and {as_dtype(other.dtype).name}. "
                           "Convert one with .to(dtype)")
    if source is not None and len(source) and any(m > n for n, m in zip(source, indexed, strict=False)):
        raise RuntimeError(f"{name}: Expected index {list(indexed)} to be no larger than src {list(source)}")


def _gather_spec(input: Any, index: Any, *, dim: int) -> Meta:
    index_spec("gather", input, index, dim)
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
    if index.shape != input.shape or not -input.ndim <= dim < input.ndim:
        _gather_spec(input, index, dim=dim)
    if not input.ndim:
        return xp.broadcast_to(input, index.shape).copy()
    checked_rows("gather", index, input.shape[dim], RuntimeError)
    return input.take(flat_along(xp, input.shape, index, dim))


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
    places = flat_along(xp, shape, index, dim)
    if unique:
        result = xp.zeros(shape, dtype=input.dtype)
        result.reshape(-1)[places] = input
        return result
    return add_rows(xp, input.ravel(), places.ravel(), math.prod(shape)).reshape(shape)


@gather_accumulate.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int) -> Any:
    return F.gather(g, index=index, dim=dim)


@composite("take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor")
def take_along_dim(F: Any, input: Any, indices: Any, dim: Any = None) -> Any:
    """``gather`` whose operands broadcast outside ``dim``; without ``dim`` both are flattened first."""
    if dim is None:
        return F.gather(F.reshape(input, shape=(-1,)), index=F.reshape(indices, shape=(-1,)), dim=0)
    a, b = getattr(input, "_array", input).shape, getattr(indices, "_array", indices).shape
    if len(a) != len(b):
        raise RuntimeError(f"take_along_dim: input and indices should have the same number of dimensions, but got {len(a)} and {len(b)} dimensions")
    at = wrap_dim(dim, len(a), "take_along_dim")
    if a == b:
        return F.gather(input, index=indices, dim=at)
    common = broadcast("take_along_dim", ("input", "indices"), (Meta((*a[:at], 1, *a[at + 1:]), input.dtype), Meta((*b[:at], 1, *b[at + 1:]), indices.dtype)))
    return F.gather(F.broadcast_to(input, shape=(*common[:at], a[at], *common[at + 1:])), index=F.broadcast_to(indices, shape=(*common[:at], b[at], *common[at + 1:])), dim=at)
