"""Shape, views and casts. Linear ops stand beside their adjoints."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..devices import CPU
from ..dtypes import as_dtype
from ..errors import ShapeError
from ..kernels.strided import stretched
from ..op import TORCH_TENSOR, S, bools, ints, op
from ..spec import Meta, broadcast, infer_reshape, wrap_dim, wrap_dims

# --- broadcasting and its adjoint ---------------------------------------------------------------------------------


def _kept_sizes(input: Any, shape: Any) -> Any:
    """The sizes that are meant: -1 stands for the input's own."""
    extra = len(shape) - len(input.shape)
    return tuple([input.shape[i - extra] if n == -1 and i >= extra >= 0 else n for i, n in enumerate(shape)])


def _broadcast_to_spec(input: Any, *, shape: Any) -> Meta:
    target = _kept_sizes(input, shape)
    found = broadcast("broadcast_to", ("input", "shape"), (input, Meta(target, input.dtype)))
    if found != target:
        raise ShapeError(f"broadcast_to: the shape {tuple(input.shape)} cannot be broadcast to {target}. A size must be equal or 1")
    return Meta(target, input.dtype)


@op("broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", places=TORCH_TENSOR, spec=_broadcast_to_spec, samples=[
    S((3, 1), shape=(2, 3, 4)), S((), shape=(2, 2)), S((3,), shape=(3,)), S((1, 0), shape=(2, 0)), S((3, 1), shape=(2, -1, 4)),
    S((3,), shape=(-1, 3), error=RuntimeError, match="negative"), S((3,), shape=(4,), error=RuntimeError, match="broadcast_to"),
    S((2, 3), shape=(3, 2), error=RuntimeError, match="broadcast_to"),
    S((1, 3, 1), shape=(3,), error=RuntimeError, match="broadcast_to")])
def broadcast_to(xp: Any, input: Any, *, shape: Any) -> Any:
    """``input`` broadcast to ``shape``, as a view; -1 keeps a size."""
    if -1 in shape:
        shape = _kept_sizes(input, shape)
    return stretched(xp, input, tuple(shape))


@broadcast_to.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.sum_to(g, shape=input_shape)


@op("sum_to(input: Tensor, shape: Sequence[int]) -> Tensor", kind="shape", spec=lambda input, *, shape: Meta(tuple(shape), input.dtype), samples=[
    S((2, 3, 4), shape=(3, 1)), S((2, 2), shape=()), S((3,), shape=(3,)), S((2, 0), shape=(1, 0))])
def sum_to(xp: Any, input: Any, *, shape: Any) -> Any:
    """The sum of ``input`` over the dimensions that broadcasting ``shape`` to its shape would add or stretch."""
    shape = tuple(shape)
    axes, kept = _stretched_dims(input.shape, shape)
    if axes and input.dtype.char == "e":  # half precision would lose the sum of a few thousand numbers
        summed = input.sum(axis=axes, keepdims=kept, dtype="float32").astype(input.dtype)
    elif axes and input.dtype.kind == "u":  # which NumPy adds up as uint64
        summed = input.sum(axis=axes, keepdims=kept, dtype="int64")
    else:
        summed = input.sum(axis=axes, keepdims=kept) if axes else input
    return summed if summed.shape == shape else summed.reshape(shape)


@lru_cache(maxsize=256)
def _stretched_dims(shape: tuple[int, ...], own: tuple[int, ...]) -> tuple[tuple[int, ...], bool]:
    """The dimensions of ``shape`` that broadcasting a tensor of the shape ``own`` adds or stretches, and whether a sum over them has to keep them."""
    extra = len(shape) - len(own)
    dims = tuple(i for i, n in enumerate(shape) if i < extra or (n != 1 and own[i - extra] == 1))
    return dims, not own or len(dims) != extra


@sum_to.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.broadcast_to(g, shape=input_shape)


# --- views --------------------------------------------------------------------------------------------------------


def _reshape_spec(input: Any, *, shape: Any) -> Meta:
    return Meta(infer_reshape(tuple(input.shape), shape), input.dtype)


@op("reshape(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", varargs="shape", places=TORCH_TENSOR, spec=_reshape_spec,
    extra={"direct": "out if (out := a_input.reshape(shape)).shape == shape or builtins.min(shape) > -2 else _k_reshape[a_input.__class__](a_input, shape=shape)"}, samples=[
    S((2, 6), shape=(3, 4)), S((2, 6), shape=(-1,)), S((), shape=(1, 1)), S((0, 2), shape=(2, 0)), S((1,), shape=()),
    S((2, 3), shape=(4, 2), error=RuntimeError, match="invalid for input of size 6"), S((2, 3), shape=(-2, 3), error=RuntimeError, match="invalid shape dimension -2")])
def reshape(xp: Any, input: Any, *, shape: Any) -> Any:
    """The same elements in another shape; one size may be ``-1``. A view where the memory layout allows it."""
    result = input.reshape(shape)
    if result.shape != shape and min(shape, default=0) < -1:  # to NumPy any negative size is -1
        raise ValueError(shape)
    return result


@reshape.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


def _permute_spec(input: Any, *, dims: Any) -> Meta:
    order = wrap_dims(tuple(dims), len(input.shape), "permute")
    if len(order) != len(input.shape):
        raise RuntimeError(f"permute: number of dims {len(order)} in {tuple(dims)} doesn't match the tensor's {len(input.shape)}")
    return Meta(tuple(input.shape[i] for i in order), input.dtype)


@op("permute(input: Tensor, dims: Sequence[int]) -> Tensor", kind="view", varargs="dims", places=TORCH_TENSOR, spec=_permute_spec,
    extra={"direct": "a_input.transpose(dims)"}, samples=[
    S((2, 3, 4), dims=(2, 0, 1)), S((2, 3), dims=(-1, 0)), S((), dims=()), S((0, 2), dims=(1, 0)),
    S((2, 3), dims=(0, 0), error=RuntimeError, match="dims"), S((2, 3), dims=(0, 2), error=IndexError, match="out of range")])
def permute(xp: Any, input: Any, *, dims: Any) -> Any:
    """The dimensions in another order."""
    return input.transpose(dims)


@permute.vjp("input")
def _(F: Any, g: Any, dims: Any) -> Any:
    return F.permute(g, dims=_inverse(tuple(dims)))


@lru_cache(maxsize=256)
def _inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The order of dimensions that undoes an order of them."""
    order = [d % len(dims) for d in dims]
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def _transpose_spec(input: Any, *, dim0: int, dim1: int) -> Meta:
    shape = list(input.shape)
    a, b = wrap_dim(dim0, len(shape), "transpose"), wrap_dim(dim1, len(shape), "transpose")
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
    return Meta(tuple(shape), input.dtype)


@op("transpose(input: Tensor, dim0: int, dim1: int) -> Tensor", kind="view", places=TORCH_TENSOR, spec=_transpose_spec,
    aliases=("swapaxes", "swapdims"), extra={"direct": "a_input.swapaxes(dim0, dim1)"}, samples=[
        S((2, 3, 4), dim0=0, dim1=-1), S((3,), dim0=0, dim1=0), S((), dim0=0, dim1=-1), S((0, 2), dim0=1, dim1=0),
        S((2, 3), dim0=0, dim1=2, error=IndexError, match="out of range"), S((), dim0=0, dim1=1, error=IndexError, match="out of range")])
def transpose(xp: Any, input: Any, *, dim0: int, dim1: int) -> Any:
    """Two dimensions swapped."""
    if not input.ndim:
        wrap_dim(dim0, 0, "transpose")
        wrap_dim(dim1, 0, "transpose")
        return input
    return input.swapaxes(dim0, dim1)


@transpose.vjp("input")
def _(F: Any, g: Any, dim0: int, dim1: int) -> Any:
    return F.transpose(g, dim0=dim0, dim1=dim1)


def _unsqueeze_spec(input: Any, *, dim: int) -> Meta:
    at = wrap_dim(dim, len(input.shape) + 1, "unsqueeze")
    shape = tuple(input.shape)
    return Meta((*shape[:at], 1, *shape[at:]), input.dtype)


@op("unsqueeze(input: Tensor, dim: int) -> Tensor", kind="view", places=TORCH_TENSOR, spec=_unsqueeze_spec,
    extra={"direct": "a_input[(*(slice(None),) * dim, None)] if dim >= 0 else _k_unsqueeze[a_input.__class__](a_input, dim=dim)"}, samples=[
    S((2, 3), dim=1), S((2, 3), dim=-1), S((), dim=0), S((0, 2), dim=0), S((2,), dim=3, error=IndexError, match="out of range")])
def unsqueeze(xp: Any, input: Any, *, dim: int) -> Any:
    """A new dimension of size 1 at ``dim``."""
    at = dim if dim >= 0 else dim + input.ndim + 1
    if not 0 <= at <= input.ndim:
        raise IndexError(dim)
    return input[(*[slice(None)] * at, None, ...)]


@unsqueeze.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


def _squeeze_spec(input: Any, *, dim: Any = None) -> Meta:
    dims = wrap_dims(dim, len(input.shape), "squeeze")
    return Meta(tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims), input.dtype)


@op("squeeze(input: Tensor, dim: Dims = None) -> Tensor", kind="view", places=TORCH_TENSOR, spec=_squeeze_spec,
    extra={"direct": "a_input.squeeze(dim) if dim is None or a_input.shape[dim] == 1 else a_input[...]"}, samples=[
    S((2, 1, 3, 1)), S((2, 1, 3, 1), dim=1), S((2, 1, 3, 1), dim=-2), S((2, 1, 3, 1), dim=(1, -1)), S((), dim=0), S((0, 1)), S((1, 1)),
    S((2, 3), dim=2, error=IndexError, match="out of range")])
def squeeze(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """Without the dimensions of size 1: all of them, or those in ``dim`` (an int or a tuple) that have that size."""
    if dim.__class__ is int and input.ndim:
        return input.squeeze(dim) if input.shape[dim] == 1 else input[...]
    return input.reshape(_squeeze_spec(input, dim=dim).shape)


@squeeze.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


def _view_spec(input: Any, *, shape: Any) -> Meta:
    return Meta(infer_reshape(tuple(input.shape), shape, "view"), input.dtype)


@op("view(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", varargs="shape", places=("Tensor",),
    extra={"line": "if values and values[0].__class__ is DType:\n    return apply(_view_dtype, (input,), {'dtype': values[0]})"}, spec=_view_spec, samples=[
    S((2, 6), shape=(3, 4)), S((2, 6), shape=(-1,)), S((), shape=(1,)), S((0, 2), shape=(2, 0)), S((2, 3), shape=(4, 2), error=RuntimeError, match="invalid for input of size 6")])
def view(xp: Any, input: Any, *, shape: Any) -> Any:
    """The same memory in another shape; one size may be ``-1``. Given a dtype, the same bytes as numbers of that dtype, without gradient.

    Raises ``RuntimeError`` where the memory layout does not allow it, as after ``transpose``; ``reshape`` copies then.
    """
    result = input.reshape(infer_reshape(input.shape, shape, "view"))
    if not input.flags.c_contiguous and input.size:
        backend = backend_of(input)
        if backend.owner(result) is not backend.owner(input):
            raise ShapeError("view: view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). "
                             f"Use .reshape(...) instead (input {tuple(input.shape)}, shape {tuple(shape)})")
    return result


@view.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


def _view_dtype_spec(input: Any, *, dtype: Any) -> Meta:
    own, other, shape = as_dtype(input.dtype), as_dtype(dtype), tuple(input.shape)
    if own.itemsize != other.itemsize:
        if not shape:
            raise ShapeError(f"view: self.dim() cannot be 0 to view {own.name} as {other.name} (different element sizes)")
        if shape[-1] * own.itemsize % other.itemsize:
            raise ShapeError(f"view: self.size(-1) must be divisible by {other.itemsize // own.itemsize} to view {own.name} as {other.name} "
                             f"(different element sizes), but got {shape[-1]}")
        shape = (*shape[:-1], shape[-1] * own.itemsize // other.itemsize)
    return Meta(shape, other)


@op("view_dtype(input: Tensor, dtype: DTypeLike) -> Tensor", kind="view", spec=_view_dtype_spec, samples=[
    S((2, 6), dtype="int16"), S((2, 8), dtype="complex128"), S((0, 2), dtype="uint8"), S((2, 3), dtype="complex128", error=RuntimeError, match="divisible")])
def view_dtype(xp: Any, input: Any, *, dtype: Any) -> Any:
    """The same bytes as numbers of another dtype."""
    return input.view(as_dtype(dtype).dtype)


def _diagonal_spec(input: Any, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Meta:
    shape = tuple(input.shape)
    a, b = wrap_dim(dim1, len(shape), "diagonal"), wrap_dim(dim2, len(shape), "diagonal")
    if a == b:
        raise RuntimeError(f"diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}")
    length = max(0, min(shape[a], shape[b] - offset) if offset >= 0 else min(shape[a] + offset, shape[b]))
    return Meta((*(n for i, n in enumerate(shape) if i not in (a, b)), length), input.dtype)


@op("diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor", kind="view", places=TORCH_TENSOR, spec=_diagonal_spec, samples=[
    S((3, 3)), S((3, 4), offset=1), S((3, 4), offset=-2), S((2, 3, 4), dim1=-1, dim2=0), S((2, 3), offset=5), S((0, 3)),
    S((3,), error=IndexError, match="out of range"), S((2, 3), dim1=1, error=RuntimeError, match="identical")])
def diagonal(xp: Any, input: Any, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of the matrices in ``dim1`` and ``dim2``, as a last dimension; ``offset`` above (positive) or below the main one."""
    if dim1 % input.ndim == dim2 % input.ndim:
        raise TypeError(dim1)
    result = input.diagonal(offset, dim1, dim2)
    if backend_of(input).name == "cpu" and input.flags.writeable:
        result.setflags(write=True)  # NumPy hands it out for reading alone
    return result


@diagonal.vjp("input")
def _(F: Any, g: Any, offset: int, dim1: int, dim2: int, input_shape: Any) -> Any:
    return F.diagonal_place(g, shape=input_shape, offset=offset, dim1=dim1, dim2=dim2)


@op("diagonal_place(input: Tensor, shape: Sequence[int], offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor", kind="shape",
    spec=lambda input, *, shape, offset=0, dim1=0, dim2=1: Meta(tuple(shape), input.dtype), samples=[S((3,), shape=(3, 3)), S((2, 2), shape=(2, 4, 3), offset=-2, dim1=1, dim2=2)])
def diagonal_place(xp: Any, input: Any, *, shape: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Zeros of ``shape`` with ``input`` on a diagonal: the adjoint of ``diagonal``."""
    zeros = xp.zeros(shape, dtype=input.dtype)
    if len(shape) == 2 and dim1 == 0 and dim2 == 1:  # every so many elements of a flat matrix, in half the time
        step = shape[1] + 1
        start = offset if offset >= 0 else -offset * shape[1]
        zeros.ravel()[start : start + step * input.shape[0] : step] = input
        return zeros
    diagonal.kernel(xp, zeros, offset=offset, dim1=dim1, dim2=dim2)[...] = input
    return zeros


@diagonal_place.vjp("input")
def _(F: Any, g: Any, offset: int, dim1: int, dim2: int) -> Any:
    return F.diagonal(g, offset=offset, dim1=dim1, dim2=dim2)


@op("rearrange(input: Tensor, apart: Sequence[int], order: Sequence[int], spread: Sequence[int], shape: Sequence[int]) -> Tensor", kind="shape",
    spec=lambda input, *, apart, order, spread, shape: Meta(tuple(shape), input.dtype), samples=[
        S((2, 12), apart=(2, 3, 4), order=(2, 0, 1), spread=(4, 2, 3), shape=(8, 3)), S((3,), apart=(1, 3, 1), order=(0, 1, 2), spread=(2, 3, 2), shape=(12,)),
        S((), apart=(1,), order=(0,), spread=(3,), shape=(3,)), S((0, 2), apart=(1, 0, 2), order=(0, 2, 1), spread=(2, 2, 0), shape=(4, 0))])
def rearrange(xp: Any, input: Any, *, apart: Any, order: Any, spread: Any, shape: Any) -> Any:
    """A copy: ``input`` read in the shape ``apart``, its dimensions in another order, broadcast to ``spread``, read in ``shape``."""
    result = xp.empty(shape, dtype=input.dtype)
    result.reshape(spread)[...] = input.reshape(apart).transpose(order)
    return result


@rearrange.vjp("input")
def _(F: Any, g: Any, apart: Any, order: Any, spread: Any, input_shape: Any) -> Any:
    g, turned = F.reshape(g, shape=spread), tuple([apart[d] for d in order])
    if turned != spread:
        g = F.sum_to(g, shape=turned)
    return F.reshape(F.permute(g, dims=_inverse(tuple(order))), shape=input_shape)


# --- casts --------------------------------------------------------------------------------------------------------


@op("to_dtype(input: Tensor, dtype: DTypeLike) -> Tensor", kind="shape", label="cast", extra={"direct": 'a_input.astype(getattr(dtype, "dtype", dtype))'},
    spec=lambda input, *, dtype: Meta(tuple(input.shape), as_dtype(dtype)), samples=[
    S((3, 4), dtype="float64"), S((), dtype="float64"), S((0, 2), dtype="float64"), S(ints(3), dtype="float64"), S(bools(3), dtype="int64")])
def to_dtype(xp: Any, input: Any, *, dtype: Any) -> Any:
    """``input`` in another dtype."""
    target = getattr(dtype, "dtype", dtype)
    return input.real.astype(target) if input.dtype.kind == "c" and getattr(target, "kind", "f") != "c" else input.astype(target)


@to_dtype.vjp("input")
def _(F: Any, g: Any, input_dtype: Any) -> Any:
    return F.to_dtype(g, dtype=input_dtype)


@op("to_integer(input: Tensor, dtype: DTypeLike) -> Tensor", kind="shape", label="cast", spec=lambda input, *, dtype: Meta(tuple(input.shape), as_dtype(dtype)), samples=[
    S((3, 4), dtype="int64"), S((), dtype="bool"), S((0, 2), dtype="uint8")])
def to_integer(xp: Any, input: Any, *, dtype: Any) -> Any:
    """``input`` in an integer or boolean dtype, where a derivative has no meaning; fractions are cut off."""
    return to_dtype.kernel(xp, input, dtype=dtype)


@op("to_device(input: Tensor, device: Device, source: Device) -> Tensor", kind="shape", label="to",
    spec=lambda input, *, device, source: Meta(tuple(input.shape), input.dtype), samples=[S((2, 3), device=CPU, source=CPU)])
def to_device(xp: Any, input: Any, *, device: Any, source: Any) -> Any:
    """``input`` on another device; ``source`` is where it was, and where its gradient goes back to."""
    own, other = backend_of(input), backend_for_device(device.type)
    return other.asarray(input if other is own else own.to_numpy(input), index=device.index)


@to_device.vjp("input")
def _(F: Any, g: Any, device: Any, source: Any) -> Any:
    return F.to_device(g, device=source, source=device)
