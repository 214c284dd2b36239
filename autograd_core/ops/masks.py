"""Writing and reading where a boolean mask is true."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..kernels.choose import choose
from ..kernels.strided import in_rows
from ..op import TORCH_TENSOR, Arg, S, bools, ints, op
from ..spec import Meta, broadcast
from .index import cast_back


def _mask_spec(input: Any, mask: Any, value: Any) -> Meta:
    if mask.dtype != "bool":
        raise RuntimeError(f"masked_fill: masked_fill only supports boolean masks, but got mask with dtype {mask.dtype.name}. Use .bool()")
    if getattr(value, "shape", ()):
        raise RuntimeError(f"masked_fill: masked_fill only supports a 0-dimensional value tensor, but got tensor with {len(value.shape)} dimension(s). Use where")
    return Meta(broadcast("masked_fill", ("input", "mask"), (input, mask)), input.dtype)


@op("masked_fill(input: Tensor, mask: Tensor, value: TensorLike) -> Tensor", out=False, kind="general", places=TORCH_TENSOR, inplace=True,
    broadcasts=True, spec=_mask_spec, samples=[
    S((3, 4), bools(3, 4), 2.5), S((3, 4), bools(4), ()), S((4,), bools(3, 4), -1.0), S((), bools(), 1.0), S((0, 2), bools(2), 1.0),
    S((3, 4), ints(3, 4), 1.0, error=RuntimeError, match="boolean masks"), S((3, 4), bools(3, 4), (2,), error=RuntimeError, match="0-dimensional")])
def masked_fill(xp: Any, input: Any, mask: Any, value: Any) -> Any:
    """``input`` with ``value`` (a number or a tensor without dimensions) where the boolean ``mask`` is true."""
    if mask.dtype.kind != "b" or getattr(value, "ndim", 0):
        _mask_spec(input, mask, value)
    return in_rows(xp, choose(xp, mask, xp.asarray(value, dtype=input.dtype), input))


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
    if input.shape != mask.shape:
        input, mask = xp.broadcast_arrays(input, mask)
    return input[mask].reshape(-1)


@masked_select.vjp("input")
def _(F: Any, g: Any, mask: Any, input_shape: Any) -> Any:
    if mask.shape != input_shape:
        mask = F.broadcast_to(mask, shape=broadcast("masked_select", ("input", "mask"), (Meta(tuple(input_shape), g.dtype), mask)))
    return F.masked_place(g, mask)


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


def _masked_scatter_spec(input: Any, mask: Any, source: Any) -> Meta:
    if mask.dtype != "bool":
        raise RuntimeError(f"masked_scatter: masked_scatter only supports boolean masks, but got mask with dtype {as_dtype(mask.dtype).name}. Use .bool()")
    if source.dtype != input.dtype:
        raise RuntimeError(f"masked_scatter: expected self and source to have same dtypes but got {as_dtype(input.dtype).name} and {as_dtype(source.dtype).name}")
    return Meta(broadcast("masked_scatter", ("input", "mask"), (input, mask)), input.dtype)


@op("masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor", out=False, kind="general", places=TORCH_TENSOR, inplace=True, broadcasts=True,
    spec=_masked_scatter_spec, samples=[
    S((3, 4), bools(3, 4), (12,)), S((3, 4), bools(4), (3, 5)), S((4,), bools(3, 4), (12,)), S((), bools(), (2,)), S((0, 2), bools(2), (0,)),
    S((3,), Arg(values=[True, False, True]), (1,), error=RuntimeError, match="source < number of ones in mask"), S((3,), ints(3), (3,), error=RuntimeError, match="boolean masks"),
    S((3,), bools(3), ints(3), error=RuntimeError, match="same dtypes"), S((3,), bools(2), (3,), error=RuntimeError, match="must match the size")])
def masked_scatter(xp: Any, input: Any, mask: Any, source: Any) -> Any:
    """``input`` with the elements of ``source``, in their order, where the boolean ``mask`` is true; ``input`` and ``mask`` broadcast.

    Raises ``RuntimeError`` if ``source`` has fewer elements than ``mask`` is true.
    """
    _masked_scatter_spec(input, mask, source)
    if backend_of(input).name == "cpu" and (wanted := int(xp.broadcast_to(mask, xp.broadcast_shapes(input.shape, mask.shape)).sum())) > source.size:
        raise RuntimeError(f"masked_scatter: Number of elements of source < number of ones in mask, {source.size} for {wanted}")
    result, mask = xp.broadcast_arrays(input, mask)
    if not source.size:
        return xp.array(result)
    which = xp.cumsum(mask.reshape(-1)) - 1  # the how-maniest true element each is
    return xp.where(mask, xp.take(source.reshape(-1), xp.clip(which, 0, source.size - 1)).reshape(mask.shape), result)


@masked_scatter.vjp("input")
def _(F: Any, g: Any, mask: Any) -> Any:
    return F.where(mask, 0, g)


@masked_scatter.vjp("source")
def _(F: Any, g: Any, mask: Any, source_shape: Any) -> Any:
    read = F.masked_select(g, mask)
    return F.reshape(F.slice_place(read, key=(slice(read.shape[0]),), shape=(math.prod(source_shape),)), shape=source_shape)
