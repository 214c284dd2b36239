"""Copies, and writing into memory and through views."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype
from ..op import TORCH_TENSOR, S, composite, op
from ..spec import Meta, broadcast, numel
from .index import cast_back, real_if

# --- copies and writes --------------------------------------------------------------------------------------------


@op("clone(input: Tensor) -> Tensor", extra={"parameter": "memory_format: Any = None"}, kind="shape", places=TORCH_TENSOR, spec=lambda input: Meta(tuple(input.shape), input.dtype),
    out=False, samples=[S((2, 3)), S(()), S((0, 2))])
def clone(xp: Any, input: Any) -> Any:
    """A copy with its own memory; differentiable."""
    return xp.array(input, order="C") if input.ndim else input.copy()


@clone.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


@composite("contiguous(input: Tensor, *, memory_format: Any = None) -> Tensor", places=("Tensor",))
def contiguous(F: Any, input: Any, *, memory_format: Any = None) -> Any:
    """The tensor itself if its elements lie in row-major order without gaps, else a copy that does."""
    flags = getattr(getattr(input, "_array", input), "flags", None)
    return input if flags is None or flags.c_contiguous else F.clone(input)


def _same_shape(input: Any, other: Any, **attrs: Any) -> Meta:
    """Writing keeps the tensor's shape and dtype; what does not fit makes the result larger, which ``inplace`` refuses."""
    return Meta(broadcast("copy", ("input", "source"), [x for x in (input, other) if hasattr(x, "shape")]), input.dtype)


def _stored(xp: Any, input: Any, value: Any, out: Any) -> Any:
    if out is None:
        out = xp.empty(input.shape, dtype=input.dtype)
    out[...] = real_if(value, out.dtype)
    return out


@op("copy(input: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor", kind="shape", broadcasts=True, inplace=True, spec=_same_shape, samples=[
    S((2, 3), (2, 3)), S((2, 3), (3,)), S((), ()), S((0, 2), (2,)), S((2, 3), (4,), error=RuntimeError, match="must match the size")])
def copy(xp: Any, input: Any, source: Any, *, out: Any = None) -> Any:
    """``source`` in the shape and dtype of ``input``."""
    return _stored(xp, input, source, out)


@copy.vjp("input")
def _(F: Any, g: Any) -> Any:
    return F.fill(g, 0)


@copy.vjp("source")
def _(F: Any, g: Any, source_dtype: Any) -> Any:
    return cast_back(F, g, source_dtype)


def _fill_spec(input: Any, value: Any) -> Meta:
    _refuse_dimensions(value)
    return _same_shape(input, value)


def _refuse_dimensions(value: Any) -> None:
    if count := len(getattr(value, "shape", ())):
        raise RuntimeError(f"fill: fill_ only supports 0-dimension value tensor but got tensor with {count} dimensions. Use copy_")


@op("fill(input: Tensor, value: TensorLike) -> Tensor", out=False, kind="shape", broadcasts=True, inplace=True, places=("torch",), spec=_fill_spec, samples=[
    S((2, 3), (3,), error=RuntimeError, match="0-dimension"), S((2, 3), 1.5), S((2, 3), ()), S((), -1.0), S((0, 2), 2.0)])
def fill(xp: Any, input: Any, value: Any, *, out: Any = None) -> Any:
    """``value``, a number or a tensor without dimensions, everywhere, in the shape and dtype of ``input``."""
    _refuse_dimensions(value)
    return _stored(xp, input, value, out)


@fill.vjp("input")
def _(F: Any, g: Any) -> Any:
    return F.fill(g, 0)


@fill.vjp("value")
def _(F: Any, g: Any, value_dtype: Any) -> Any:
    return cast_back(F, g, value_dtype)


@composite("zero_(input: Tensor) -> Tensor", places=("Tensor",))
def zero_(F: Any, input: Any) -> Any:
    """Write 0 everywhere."""
    return input.fill_(0)


@composite("fill_diagonal_(input: Tensor, fill_value: float, wrap: bool = False) -> Tensor", places=("Tensor",))
def fill_diagonal_(F: Any, input: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Write one number on the main diagonal; with ``wrap``, of a tall matrix, again below each gap of one row.

    A tensor of more than two dimensions must have equal sizes. Raises ``RuntimeError`` for fewer than two dimensions.

    >>> import autograd_core as ag
    >>> ag.zeros(3, 2).fill_diagonal_(1.0).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise RuntimeError(f"fill_diagonal_: dimensions must larger than 1, got the shape {shape}")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(f"fill_diagonal_: all dimensions of input must be of equal length, got the shape {shape}")
    if len(shape) > 2:
        diagonal = input
        for _ in range(len(shape) - 1):
            diagonal = F.diagonal(diagonal, dim1=0, dim2=diagonal.ndim - 1)
        diagonal.fill_(fill_value)
        return input
    rows, columns = shape
    for start in range(0, rows if wrap and numel(shape) else min(rows, 1), columns + 1):
        F.diagonal(F.slice_view(input, key=(slice(start, rows, 1),))).fill_(fill_value)
    return input


# --- writing through views ----------------------------------------------------------------------------------------


def _follow(xp: Any, array: Any, chain: Any) -> Any:
    for step, attrs in chain:
        array = step.kernel(xp, array, **attrs)
    return array


def _region(xp: Any, array: Any, chain: Any) -> Any:
    """The region of a fresh array that is about to be written; NumPy marks what came from an expanded array read-only."""
    region = _follow(xp, array, chain)
    if not getattr(region.flags, "writeable", True):
        region.flags.writeable = True
    return region


@op("view_write(base: Tensor, value: TensorLike, chain: object) -> Tensor", kind="shape")
def view_write(xp: Any, base: Any, value: Any, *, chain: Any) -> Any:
    """``base`` with the region that a chain of views selects replaced by ``value``, of its shape or a number."""
    copy = xp.array(base)
    _region(xp, copy, chain)[...] = value
    return copy


@view_write.vjp("base")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_write(g, 0, chain=chain)


@view_write.vjp("value")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_read(g, chain=chain)


@op("view_read(input: Tensor, chain: object) -> Tensor", kind="shape")
def view_read(xp: Any, input: Any, *, chain: Any) -> Any:
    """A copy of the region that a chain of views selects."""
    return _follow(xp, xp.asarray(input), chain).copy()


@view_read.vjp("input")
def _(F: Any, g: Any, chain: Any, input_shape: Any, input_dtype: Any) -> Any:
    return F.view_place(g, chain=chain, shape=input_shape, dtype=input_dtype)


@op("view_place(input: Tensor, chain: object, shape: Sequence[int], dtype: DTypeLike) -> Tensor", kind="shape")
def view_place(xp: Any, input: Any, *, chain: Any, shape: Any, dtype: Any) -> Any:
    """Zeros of ``shape`` with ``input`` in the region that a chain of views selects: the adjoint of ``view_read``. Parts of complex zeros are real."""
    zeros = xp.zeros(shape, dtype=as_dtype(dtype).dtype)
    _region(xp, zeros, chain)[...] = input
    return zeros


@view_place.vjp("input")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_read(g, chain=chain)
