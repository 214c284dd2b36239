"""Products of vectors: inner, outer, cross and Kronecker."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import DtypeError, ShapeError, describe
from ..op import TORCH_TENSOR, S, composite, op
from ..spec import Meta, broadcast, computed_dtype, remembered, wrap_dim
from .matrices import conjugate_of
from .products import expect


def _check_lengths(name: str, input: Any, tensor: Any) -> None:
    if input.ndim != 1 or tensor.ndim != 1:
        expect(name, "1D tensors", (1, 1), input=input, tensor=tensor)
    if len(input) != len(tensor):
        raise ShapeError(f"{name}: inconsistent tensor size, expected tensor [{len(input)}] and src [{len(tensor)}] to have the same number of elements")


@composite("dot(input: Tensor, tensor: Tensor) -> Tensor")
def dot(F: Any, input: Any, tensor: Any) -> Any:
    """The inner product of two vectors of one length, without conjugation."""
    _check_lengths("dot", input, tensor)
    return F.matmul(input, tensor)


@composite("vdot(input: Tensor, other: Tensor) -> Tensor")
def vdot(F: Any, input: Any, other: Any) -> Any:
    """The inner product of two vectors of one length, the first one conjugated."""
    _check_lengths("vdot", input, other)
    return F.matmul(conjugate_of(F, input), other)


@composite("linalg_vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor", places=("linalg",))
def linalg_vecdot(F: Any, x: Any, y: Any, *, dim: int = -1) -> Any:
    """The inner products along ``dim``, with ``x`` conjugated; the other dimensions broadcast.

    >>> import autograd_core as ag
    >>> ag.linalg.vecdot(ag.tensor([[1.0, 2.0], [3.0, 4.0]]), ag.tensor([1.0, 10.0])).tolist()
    [21.0, 43.0]
    """
    for each in (x, y):
        dtype = as_dtype(each.dtype)
        if not (dtype.is_floating_point or dtype.is_complex):
            raise DtypeError(f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {dtype.name} ({describe(each)}). Convert it with .float()")
    shape = broadcast("linalg.vecdot", ("x", "y"), (x, y))
    return F.sum(conjugate_of(F, x) * y, dim=wrap_dim(dim, len(shape), "linalg.vecdot"))


@composite("inner(input: Tensor, other: Tensor) -> Tensor")
def inner(F: Any, input: Any, other: Any) -> Any:
    """The sums of products over the last dimension of both, for all pairs of the others; numbers multiply."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(f"inner: the last dimension must match on both input tensors but got shapes {list(input.shape)} and {list(other.shape)}")
    return F.tensordot(input, other, dims=([-1], [-1]))


def _outer_spec(input: Any, vec2: Any) -> Meta:
    if len(input.shape) != 1 or len(vec2.shape) != 1:
        raise ShapeError(f"outer: 1-D arguments expected (input {describe(input)}, vec2 {describe(vec2)})")
    return Meta((input.shape[0], vec2.shape[0]), computed_dtype("outer", "same", (input, vec2)))


@op("outer(input: Tensor, vec2: Tensor) -> Tensor", label="⊗", promotes="same", places=TORCH_TENSOR, aliases=("ger",), spec=_outer_spec, samples=[
    S((3,), (4,)), S((1,), (2,)), S((0,), (2,)), S((2, 2), (2,), error=RuntimeError, match="1-D arguments")])
def outer(xp: Any, input: Any, vec2: Any) -> Any:
    """The outer product of two vectors: all products of an element of the one with an element of the other."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise ValueError("shapes")
    return input[:, None] * vec2


outer.add_rule("input", lambda F, g, vec2: F.matmul(g, vec2))
outer.add_rule("vec2", lambda F, g, input: F.matmul(input, g))


@remembered
def kron_shapes(first: Any, second: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The shapes of blocks and of what is in each, taken in turn; that of all, and that of the product."""
    ndim = max(len(first), len(second))
    blocks, within = (1,) * (ndim - len(first)) + tuple(first), (1,) * (ndim - len(second)) + tuple(second)
    pairs = tuple(zip(blocks, within, strict=True))
    return (tuple(n for size in blocks for n in (size, 1)), tuple(n for size in within for n in (1, size)), tuple(n for pair in pairs for n in pair),
            tuple(math.prod(pair) for pair in pairs))


@op("kron(input: Tensor, other: Tensor) -> Tensor", label="⊗", promotes="same", places=TORCH_TENSOR,
    spec=lambda input, other: Meta(kron_shapes(tuple(input.shape), tuple(other.shape))[3], computed_dtype("kron", "same", (input, other))), samples=[
        S((2, 3), (3, 2)), S((2,), (3, 2)), S((2, 1, 2), (2,)), S((), (3,)), S((), ()), S((0, 2), (2, 2))])
def kron(xp: Any, input: Any, other: Any) -> Any:
    """The Kronecker product: a block ``input[i, j] * other`` for each element of ``input``, in any number of dimensions.

    >>> import autograd_core as ag
    >>> ag.kron(ag.eye(2), ag.tensor([[1.0, 2.0]])).tolist()
    [[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0]]
    """
    blocks, within, _, whole = kron_shapes(input.shape, other.shape)
    return (input.reshape(blocks) * other.reshape(within)).reshape(whole)


@kron.vjp("input")
def _(F: Any, g: Any, other: Any, input_shape: Any) -> Any:
    blocks, within, apart, _ = kron_shapes(tuple(input_shape), tuple(other.shape))
    return F.reshape(F.sum_to(F.reshape(g, shape=apart) * F.reshape(other, shape=within), shape=blocks), shape=input_shape)


@kron.vjp("other")
def _(F: Any, g: Any, input: Any, other_shape: Any) -> Any:
    blocks, within, apart, _ = kron_shapes(tuple(input.shape), tuple(other_shape))
    return F.reshape(F.sum_to(F.reshape(g, shape=apart) * F.reshape(input, shape=blocks), shape=within), shape=other_shape)


# --- the cross product --------------------------------------------------------------------------------------------


def _cross_spec(input: Any, other: Any, *, dim: int = -1) -> Meta:
    if len(input.shape) != len(other.shape):
        raise ShapeError(f"linalg.cross: inputs must have the same number of dimensions (input {describe(input)}, other {describe(other)}). Use unsqueeze")
    at = wrap_dim(dim, len(input.shape), "linalg.cross")
    if not input.shape or input.shape[at] != 3 or other.shape[at] != 3:
        sizes = [tuple(each.shape)[at] if each.shape else 1 for each in (input, other)]
        raise ShapeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {sizes[0]} and {sizes[1]} (input {describe(input)}, other {describe(other)})")
    return Meta(broadcast("linalg.cross", ("input", "other"), (input, other)), computed_dtype("linalg.cross", "same", (input, other)))


_FEW = 1 << 11
"""Elements of vectors whose components are read by index: fewer calls, each of which takes longer."""


@lru_cache(maxsize=4)
def _turns(here: Any) -> tuple[Any, Any]:
    """For each component the next one, and the one after that."""
    return here.asarray([1, 2, 0]), here.asarray([2, 0, 1])


@op("linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor", label="cross",
    places=("linalg",), promotes="same", broadcasts=True, spec=_cross_spec, samples=[
    S((3,), (3,)), S((2, 3), (2, 3)), S((3, 2), (3, 2), dim=0), S((2, 1, 3), (1, 4, 3)), S((2, 3, 1), (2, 3, 4), dim=-2), S((0, 3), (0, 3)),
    S((2, 4), (2, 4), error=RuntimeError, match="must have length 3"), S((3,), (2, 3), error=RuntimeError, match="same number of dimensions"),
    S((2, 3), (4, 3), error=RuntimeError, match="must match the size"), S((3,), (3,), dim=1, error=IndexError, match="out of range")])
def linalg_cross(xp: Any, input: Any, other: Any, *, dim: int = -1) -> Any:
    """The cross products of vectors of 3 elements along ``dim``; the other dimensions broadcast.

    >>> import autograd_core as ag
    >>> ag.linalg.cross(ag.tensor([1.0, 0.0, 0.0]), ag.tensor([0.0, 1.0, 0.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    if input.ndim != other.ndim or input.shape[dim] != 3 or other.shape[dim] != 3:
        raise ValueError("sizes")
    if input.size < _FEW and input.shape == other.shape:
        ahead, behind = _turns(backend_of(input).here)
        return input.take(ahead, dim) * other.take(behind, dim) - input.take(behind, dim) * other.take(ahead, dim)
    before = (slice(None),) * (dim % input.ndim)
    a, b, c = (input[(*before, k)] for k in range(3))
    d, e, f = (other[(*before, k)] for k in range(3))
    result = xp.empty(input.shape if input.shape == other.shape else xp.broadcast_shapes(input.shape, other.shape), dtype=input.dtype)
    for k, part in enumerate((b * f - c * e, c * d - a * f, a * e - b * d)):
        result[(*before, k)] = part
    return result


@linalg_cross.vjp("input")
def _(F: Any, g: Any, other: Any, dim: int) -> Any:
    return F.linalg_cross(other, g, dim=dim)


@linalg_cross.vjp("other")
def _(F: Any, g: Any, input: Any, dim: int) -> Any:
    return F.linalg_cross(g, input, dim=dim)


@composite("cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor")
def cross(F: Any, input: Any, other: Any, dim: Any = None) -> Any:
    """The cross products along ``dim``, by default the first dimension of size 3; see ``linalg.cross``."""
    if dim is None:
        dim = next((d for d, size in enumerate(broadcast("cross", ("input", "other"), (input, other))) if size == 3), None)
        if dim is None:
            raise RuntimeError(f"cross: no dimension of size 3 in input (input {describe(input)}, other {describe(other)})")
    return F.linalg_cross(input, other, dim=dim)


@composite("linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor", out=False, places=("linalg",))
def linalg_diagonal(F: Any, A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonal of each matrix, as a last dimension; ``diagonal`` with the last two dimensions as the default."""
    return F.diagonal(A, offset=offset, dim1=dim1, dim2=dim2)
