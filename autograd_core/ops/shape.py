"""Shape, views and casts. Linear ops stand beside their adjoints."""

from __future__ import annotations

from typing import Any

from ..op import S, op
from ..spec import Meta, infer_reshape, wrap_dim, wrap_dims

# --- broadcasting and its adjoint ---------------------------------------------------------------------------------


@op("broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", places=("torch", "Tensor"), samples=[
    S((3, 1), shape=(2, 3, 4)), S((), shape=(2, 2)), S((3,), shape=(3,)), S((1, 0), shape=(2, 0)),
    S((3,), shape=(4,), error=RuntimeError, match="broadcast_to")])
def broadcast_to(xp: Any, input: Any, *, shape: Any) -> Any:
    """``input`` broadcast to ``shape``, as a view."""
    return xp.broadcast_to(input, shape)


@broadcast_to.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.sum_to(g, shape=input_shape)


@op("sum_to(input: Tensor, shape: Sequence[int]) -> Tensor", kind="shape", samples=[
    S((2, 3, 4), shape=(3, 1)), S((2, 2), shape=()), S((3,), shape=(3,)), S((2, 0), shape=(1, 0))])
def sum_to(xp: Any, input: Any, *, shape: Any) -> Any:
    """The sum of ``input`` over the dimensions that broadcasting ``shape`` to its shape would add or stretch."""
    extra = input.ndim - len(shape)
    axes = tuple(i for i, n in enumerate(input.shape) if i < extra or (n != 1 and shape[i - extra] == 1))
    summed = input.sum(axis=axes, keepdims=True) if axes else input
    return summed.reshape(shape) if extra else summed


@sum_to.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.broadcast_to(g, shape=input_shape)


# --- views --------------------------------------------------------------------------------------------------------


def _reshape_spec(input: Any, *, shape: Any) -> Meta:
    return Meta(infer_reshape(tuple(input.shape), shape), input.dtype)


@op("reshape(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", varargs="shape", places=("torch", "Tensor"), spec=_reshape_spec, samples=[
    S((2, 6), shape=(3, 4)), S((2, 6), shape=(-1,)), S((), shape=(1, 1)), S((0, 2), shape=(2, 0)), S((1,), shape=()),
    S((2, 3), shape=(4, 2), error=RuntimeError, match="invalid for input of size 6")])
def reshape(xp: Any, input: Any, *, shape: Any) -> Any:
    """The same elements in another shape; one size may be ``-1``. A view where the memory layout allows it."""
    return input.reshape(shape)


@reshape.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


def _permute_spec(input: Any, *, dims: Any) -> Meta:
    order = wrap_dims(tuple(dims), len(input.shape), "permute")
    if len(order) != len(input.shape):
        raise RuntimeError(f"permute: number of dims {len(order)} in {tuple(dims)} doesn't match the tensor's {len(input.shape)}")
    return Meta(tuple(input.shape[i] for i in order), input.dtype)


@op("permute(input: Tensor, dims: Sequence[int]) -> Tensor", kind="view", varargs="dims", places=("torch", "Tensor"), spec=_permute_spec, samples=[
    S((2, 3, 4), dims=(2, 0, 1)), S((2, 3), dims=(-1, 0)), S((), dims=()), S((0, 2), dims=(1, 0)),
    S((2, 3), dims=(0, 0), error=RuntimeError, match="dims"), S((2, 3), dims=(0, 2), error=IndexError, match="out of range")])
def permute(xp: Any, input: Any, *, dims: Any) -> Any:
    """The dimensions in another order."""
    return input.transpose(dims)


@permute.vjp("input")
def _(F: Any, g: Any, dims: Any) -> Any:
    order = [d % len(dims) for d in dims]
    return F.permute(g, dims=tuple(sorted(range(len(order)), key=order.__getitem__)))


def _transpose_spec(input: Any, *, dim0: int, dim1: int) -> Meta:
    shape = list(input.shape)
    a, b = wrap_dim(dim0, len(shape), "transpose"), wrap_dim(dim1, len(shape), "transpose")
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
    return Meta(tuple(shape), input.dtype)


@op("transpose(input: Tensor, dim0: int, dim1: int) -> Tensor", kind="view", places=("torch", "Tensor"), spec=_transpose_spec,
    aliases=("swapaxes", "swapdims"), samples=[
        S((2, 3, 4), dim0=0, dim1=-1), S((3,), dim0=0, dim1=0), S((), dim0=0, dim1=-1), S((0, 2), dim0=1, dim1=0),
        S((2, 3), dim0=0, dim1=2, error=IndexError, match="out of range")])
def transpose(xp: Any, input: Any, *, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped."""
    return xp.swapaxes(input, dim0, dim1) if input.ndim else input


@transpose.vjp("input")
def _(F: Any, g: Any, dim0: int, dim1: int) -> Any:
    return F.transpose(g, dim0=dim0, dim1=dim1)


def _unsqueeze_spec(input: Any, *, dim: int) -> Meta:
    at = wrap_dim(dim, len(input.shape) + 1, "unsqueeze")
    shape = tuple(input.shape)
    return Meta((*shape[:at], 1, *shape[at:]), input.dtype)


@op("unsqueeze(input: Tensor, dim: int) -> Tensor", kind="view", places=("torch", "Tensor"), spec=_unsqueeze_spec, samples=[
    S((2, 3), dim=1), S((2, 3), dim=-1), S((), dim=0), S((0, 2), dim=0), S((2,), dim=3, error=IndexError, match="out of range")])
def unsqueeze(xp: Any, input: Any, *, dim: int) -> Any:
    """A new dimension of size 1 at ``dim``."""
    return xp.expand_dims(input, dim)


@unsqueeze.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


# --- writing through views ----------------------------------------------------------------------------------------


def _follow(xp: Any, array: Any, chain: Any) -> Any:
    for step, attrs in chain:
        array = step.kernel(xp, array, **attrs)
    return array


@op("view_write(base: Tensor, value: Tensor, chain: object) -> Tensor", kind="shape")
def view_write(xp: Any, base: Any, value: Any, *, chain: Any) -> Any:
    """``base`` with the region that a chain of views selects replaced by ``value``."""
    copy = base.copy()
    _follow(xp, copy, chain)[...] = value
    return copy


@view_write.vjp("base")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_erase(g, chain=chain)


@view_write.vjp("value")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_read(g, chain=chain)


@op("view_erase(input: Tensor, chain: object) -> Tensor", kind="shape")
def view_erase(xp: Any, input: Any, *, chain: Any) -> Any:
    """``input`` with zeros in the region that a chain of views selects."""
    copy = xp.array(input)
    _follow(xp, copy, chain)[...] = 0
    return copy


@view_erase.vjp("input")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_erase(g, chain=chain)


@op("view_read(input: Tensor, chain: object) -> Tensor", kind="shape")
def view_read(xp: Any, input: Any, *, chain: Any) -> Any:
    """A copy of the region that a chain of views selects."""
    return _follow(xp, xp.asarray(input), chain).copy()


@view_read.vjp("input")
def _(F: Any, g: Any, chain: Any, input_shape: Any) -> Any:
    return F.view_place(g, chain=chain, shape=input_shape)


@op("view_place(input: Tensor, chain: object, shape: Sequence[int]) -> Tensor", kind="shape")
def view_place(xp: Any, input: Any, *, chain: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with ``input`` in the region that a chain of views selects: the adjoint of ``view_read``."""
    zeros = xp.zeros(shape, dtype=input.dtype)
    _follow(xp, zeros, chain)[...] = input
    return zeros


@view_place.vjp("input")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_read(g, chain=chain)


# --- casts --------------------------------------------------------------------------------------------------------


@op("to_dtype(input: Tensor, dtype: dtype) -> Tensor", kind="shape", label="cast", samples=[
    S((3, 4), dtype="float32"), S((), dtype="float64"), S((0, 2), dtype="float64")])
def to_dtype(xp: Any, input: Any, *, dtype: Any) -> Any:
    """``input`` in another dtype."""
    target = getattr(dtype, "dtype", dtype)
    return input.real.astype(target) if input.dtype.kind == "c" and getattr(target, "kind", "f") != "c" else input.astype(target)


@to_dtype.vjp("input")
def _(F: Any, g: Any, input_dtype: Any) -> Any:
    return F.to_dtype(g, dtype=input_dtype)
