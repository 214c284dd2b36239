"""Shape, views and casts. Linear ops stand beside their adjoints."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..devices import CPU
from ..dtypes import as_dtype
from ..errors import ShapeError
from ..op import S, bools, composite, ints, op
from ..spec import Meta, broadcast, infer_reshape, numel, wrap_dim, wrap_dims

EVERYWHERE = ("torch", "Tensor")

# --- broadcasting and its adjoint ---------------------------------------------------------------------------------


def _broadcast_to_spec(input: Any, *, shape: Any) -> Meta:
    target = tuple(shape)
    found = broadcast("broadcast_to", ("input", "shape"), (input, Meta(target, input.dtype)))
    if found != target:
        raise ShapeError(f"broadcast_to: the shape {tuple(input.shape)} cannot be broadcast to {target}. A size must be equal or 1")
    return Meta(target, input.dtype)


@op("broadcast_to(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", places=("torch", "Tensor"), spec=_broadcast_to_spec, samples=[
    S((3, 1), shape=(2, 3, 4)), S((), shape=(2, 2)), S((3,), shape=(3,)), S((1, 0), shape=(2, 0)),
    S((3,), shape=(4,), error=RuntimeError, match="broadcast_to")])
def broadcast_to(xp: Any, input: Any, *, shape: Any) -> Any:
    """``input`` broadcast to ``shape``, as a view."""
    return input.reshape(shape) if input.size == numel(shape) and input.size else xp.broadcast_to(input, shape)


@broadcast_to.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.sum_to(g, shape=input_shape)


@op("sum_to(input: Tensor, shape: Sequence[int]) -> Tensor", kind="shape", spec=lambda input, *, shape: Meta(tuple(shape), input.dtype), samples=[
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
    return input.swapaxes(dim0, dim1) if input.ndim else input


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


def _squeeze_spec(input: Any, *, dim: Any = None) -> Meta:
    dims = wrap_dims(dim, len(input.shape), "squeeze")
    return Meta(tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims), input.dtype)


@op("squeeze(input: Tensor, dim: Dims = None) -> Tensor", kind="view", places=EVERYWHERE, spec=_squeeze_spec, samples=[
    S((2, 1, 3, 1)), S((2, 1, 3, 1), dim=1), S((2, 1, 3, 1), dim=-2), S((2, 1, 3, 1), dim=(1, -1)), S((), dim=0), S((0, 1)), S((1, 1)),
    S((2, 3), dim=2, error=IndexError, match="out of range")])
def squeeze(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """Without the dimensions of size 1: all of them, or those in ``dim`` (an int or a tuple) that have that size."""
    return input.reshape(_squeeze_spec(input, dim=dim).shape)


@squeeze.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.reshape(g, shape=input_shape)


def _view_spec(input: Any, *, shape: Any) -> Meta:
    return Meta(infer_reshape(tuple(input.shape), shape, "view"), input.dtype)


@op("view(input: Tensor, shape: Sequence[int]) -> Tensor", kind="view", varargs="shape", places=("Tensor",), spec=_view_spec, samples=[
    S((2, 6), shape=(3, 4)), S((2, 6), shape=(-1,)), S((), shape=(1,)), S((0, 2), shape=(2, 0)), S((2, 3), shape=(4, 2), error=RuntimeError, match="invalid for input of size 6")])
def view(xp: Any, input: Any, *, shape: Any) -> Any:
    """The same memory in another shape; one size may be ``-1``.

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


def _diagonal_spec(input: Any, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Meta:
    shape = tuple(input.shape)
    a, b = wrap_dim(dim1, len(shape), "diagonal"), wrap_dim(dim2, len(shape), "diagonal")
    if a == b:
        raise RuntimeError(f"diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}")
    length = max(0, min(shape[a], shape[b] - offset) if offset >= 0 else min(shape[a] + offset, shape[b]))
    return Meta((*(n for i, n in enumerate(shape) if i not in (a, b)), length), input.dtype)


@op("diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor", kind="view", places=EVERYWHERE, spec=_diagonal_spec, samples=[
    S((3, 3)), S((3, 4), offset=1), S((3, 4), offset=-2), S((2, 3, 4), dim1=-1, dim2=0), S((2, 3), offset=5), S((0, 3)),
    S((3,), error=IndexError, match="out of range"), S((2, 3), dim1=1, error=RuntimeError, match="identical")])
def diagonal(xp: Any, input: Any, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of the matrices in ``dim1`` and ``dim2``, as a last dimension; ``offset`` above (positive) or below the main one."""
    length = _diagonal_spec(input, offset=offset, dim1=dim1, dim2=dim2).shape[-1]
    first, second = dim1 % input.ndim, dim2 % input.ndim
    square: list[Any] = [slice(None)] * input.ndim
    square[first] = slice(max(-offset, 0), max(-offset, 0) + length) if length else slice(0)
    square[second] = slice(max(offset, 0), max(offset, 0) + length) if length else slice(0)
    labels = [input.ndim if d in (first, second) else d for d in range(input.ndim)]
    rest = [d for d in labels if d != input.ndim]
    return xp.einsum(input[tuple(square)], labels, [*rest, input.ndim])  # the library's own diagonal cannot be written


@diagonal.vjp("input")
def _(F: Any, g: Any, offset: int, dim1: int, dim2: int, input_shape: Any) -> Any:
    return F.diagonal_place(g, shape=input_shape, offset=offset, dim1=dim1, dim2=dim2)


@op("diagonal_place(input: Tensor, shape: Sequence[int], offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor", kind="shape",
    spec=lambda input, *, shape, offset=0, dim1=0, dim2=1: Meta(tuple(shape), input.dtype), samples=[S((3,), shape=(3, 3)), S((2, 2), shape=(2, 4, 3), offset=-2, dim1=1, dim2=2)])
def diagonal_place(xp: Any, input: Any, *, shape: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """Zeros of ``shape`` with ``input`` on a diagonal: the adjoint of ``diagonal``."""
    zeros = xp.zeros(shape, dtype=input.dtype)
    diagonal.kernel(xp, zeros, offset=offset, dim1=dim1, dim2=dim2)[...] = input
    return zeros


@diagonal_place.vjp("input")
def _(F: Any, g: Any, offset: int, dim1: int, dim2: int) -> Any:
    return F.diagonal(g, offset=offset, dim1=dim1, dim2=dim2)


# --- views in other words -----------------------------------------------------------------------------------------


@composite("diag(input: Tensor, diagonal: int = 0) -> Tensor")
def diag(F: Any, input: Any, diagonal: int = 0) -> Any:
    """A square matrix with a vector on its diagonal, or the diagonal of a matrix."""
    if input.ndim == 1:
        return F.diag_embed(input, offset=diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag: diag(): Supports 1D or 2D tensors. Got {input.ndim}D. Use diagonal or diag_embed")
    return F.clone(F.diagonal(input, offset=diagonal))


@composite("diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor")
def diag_embed(F: Any, input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices in ``dim1`` and ``dim2`` with the last dimension of ``input`` on their diagonal, zeros elsewhere."""
    a, b = wrap_dim(dim1, input.ndim + 1, "diag_embed"), wrap_dim(dim2, input.ndim + 1, "diag_embed")
    size = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for at in sorted((a, b)):
        shape.insert(at, size)
    return F.diagonal_place(input, shape=tuple(shape), offset=offset, dim1=a, dim2=b)


@composite("view_as(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def view_as(F: Any, input: Any, other: Any) -> Any:
    """``view`` in the shape of ``other``."""
    return F.view(input, shape=tuple(other.shape))


@composite("reshape_as(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def reshape_as(F: Any, input: Any, other: Any) -> Any:
    """``reshape`` to the shape of ``other``."""
    return F.reshape(input, shape=tuple(other.shape))


@composite("flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor", aliases=())
def flatten(F: Any, input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions from ``start_dim`` to ``end_dim`` as one; a view where the memory layout allows it."""
    first, last = wrap_dim(start_dim, input.ndim, "flatten"), wrap_dim(end_dim, input.ndim, "flatten")
    if first > last:
        raise RuntimeError(f"flatten: flatten() has invalid args: start_dim cannot come after end_dim, got {start_dim} and {end_dim}")
    shape = tuple(input.shape)
    if not shape:
        return F.reshape(input, shape=(1,))
    if first == last:
        return input
    return F.reshape(input, shape=(*shape[:first], numel(shape[first : last + 1]), *shape[last + 1 :]))


@composite("ravel(input: Tensor) -> Tensor")
def ravel(F: Any, input: Any) -> Any:
    """One dimension with all elements in row-major order; a view where the memory layout allows it."""
    return F.reshape(input, shape=(-1,))


@composite("unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor")
def unflatten(F: Any, input: Any, dim: int, sizes: Any) -> Any:
    """One dimension split into several of ``sizes``, one of which may be ``-1``."""
    at = wrap_dim(dim, input.ndim, "unflatten")
    shape = tuple(input.shape)
    return F.reshape(input, shape=(*shape[:at], *infer_reshape(shape[at : at + 1], sizes, "unflatten"), *shape[at + 1 :]))


@composite("t(input: Tensor) -> Tensor")
def t(F: Any, input: Any) -> Any:
    """The transpose of a matrix; vectors and numbers as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t: t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D. Use .mT or transpose")
    return F.transpose(input, dim0=0, dim1=1 if input.ndim == 2 else 0)


@composite("movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor", aliases=("moveaxis",))
def movedim(F: Any, input: Any, source: Any, destination: Any) -> Any:
    """Dimensions moved from ``source`` to ``destination``; the others keep their order."""
    origin, target = wrap_dims(source, input.ndim, "movedim"), wrap_dims(destination, input.ndim, "movedim")
    if len(origin) != len(target):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source}) should contain the same number of dims as destination ({destination})")
    rest = iter([d for d in range(input.ndim) if d not in origin])
    return F.permute(input, dims=tuple(origin[target.index(d)] if d in target else next(rest) for d in range(input.ndim)))


@composite("expand(input: Tensor, sizes: Sequence[int]) -> Tensor", places=("Tensor",), varargs="sizes")
def expand(F: Any, input: Any, sizes: Any) -> Any:
    """A view of size ``sizes`` in which dimensions of size 1 are repeated without memory; ``-1`` keeps a size."""
    shape = tuple(input.shape)
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})")
    if any(n == -1 for n in sizes[:extra]):
        raise RuntimeError(f"expand: The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension: sizes {tuple(sizes)}, input {shape}")
    target = tuple(shape[i - extra] if n == -1 else int(n) for i, n in enumerate(sizes))
    for d, (n, own) in enumerate(zip(target[extra:], shape, strict=True)):
        if own not in (1, n):
            raise RuntimeError(f"expand: The expanded size of the tensor ({n}) must match the existing size ({own}) at non-singleton dimension {d + extra}. "
                               f"Target sizes: {list(target)}. Tensor sizes: {list(shape)}")
    return F.broadcast_to(input, shape=target)


@composite("expand_as(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def expand_as(F: Any, input: Any, other: Any) -> Any:
    """``expand`` to the shape of ``other``."""
    return F.expand(input, sizes=tuple(other.shape))


@composite("broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]", places=("torch",))
def broadcast_tensors(F: Any, *tensors: Any) -> Any:
    """The tensors expanded to their common shape, as views."""
    shape = broadcast("broadcast_tensors", [f"tensors[{i}]" for i in range(len(tensors))], tensors)
    return tuple(F.broadcast_to(tensor, shape=shape) for tensor in tensors)


# --- copies and writes --------------------------------------------------------------------------------------------


@op("clone(input: Tensor) -> Tensor", kind="shape", places=EVERYWHERE, spec=lambda input: Meta(tuple(input.shape), input.dtype), samples=[S((2, 3)), S(()), S((0, 2))])
def clone(xp: Any, input: Any) -> Any:
    """A copy with its own memory; differentiable."""
    return xp.array(input, order="C") if input.ndim else input.copy()


@clone.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


@composite("contiguous(input: Tensor) -> Tensor", places=("Tensor",))
def contiguous(F: Any, input: Any) -> Any:
    """The tensor itself if its elements lie in row-major order without gaps, else a copy that does."""
    flags = getattr(getattr(input, "_array", input), "flags", None)
    return input if flags is None or flags.c_contiguous else F.clone(input)


def _same_shape(input: Any, other: Any, **attrs: Any) -> Meta:
    """Writing keeps the tensor's shape and dtype; what does not fit makes the result larger, which ``inplace`` refuses."""
    return Meta(broadcast("copy", ("input", "source"), [x for x in (input, other) if hasattr(x, "shape")]), input.dtype)


def _stored(xp: Any, input: Any, value: Any, out: Any) -> Any:
    if out is None:
        out = xp.empty(input.shape, dtype=input.dtype)
    out[...] = value.real if out.dtype.kind != "c" and getattr(value, "dtype", out.dtype).kind == "c" else value
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
    return g if g.dtype == source_dtype else F.to_dtype(g, dtype=source_dtype)


@op("fill(input: Tensor, value: TensorLike) -> Tensor", kind="shape", broadcasts=True, inplace=True, spec=_same_shape, samples=[
    S((2, 3), 1.5), S((2, 3), ()), S((), -1.0), S((0, 2), 2.0)])
def fill(xp: Any, input: Any, value: Any, *, out: Any = None) -> Any:
    """``value`` everywhere, in the shape and dtype of ``input``."""
    return _stored(xp, input, value, out)


@fill.vjp("input")
def _(F: Any, g: Any) -> Any:
    return F.fill(g, 0)


@fill.vjp("value")
def _(F: Any, g: Any, value_dtype: Any) -> Any:
    return g if g.dtype == value_dtype else F.to_dtype(g, dtype=value_dtype)


@composite("zero_(input: Tensor) -> Tensor", places=("Tensor",))
def zero_(F: Any, input: Any) -> Any:
    """Write 0 everywhere."""
    return input.fill_(0)


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


@op("view_write(base: Tensor, value: Tensor, chain: object) -> Tensor", kind="shape")
def view_write(xp: Any, base: Any, value: Any, *, chain: Any) -> Any:
    """``base`` with the region that a chain of views selects replaced by ``value``."""
    copy = base.copy()
    _region(xp, copy, chain)[...] = value
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
    _region(xp, copy, chain)[...] = 0
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
    _region(xp, zeros, chain)[...] = input
    return zeros


@view_place.vjp("input")
def _(F: Any, g: Any, chain: Any) -> Any:
    return F.view_read(g, chain=chain)


# --- casts --------------------------------------------------------------------------------------------------------


@op("to_dtype(input: Tensor, dtype: DTypeLike) -> Tensor", kind="shape", label="cast", spec=lambda input, *, dtype: Meta(tuple(input.shape), as_dtype(dtype)), samples=[
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
