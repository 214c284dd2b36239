"""Views that step through memory: sliding windows, and strides of one's own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..dtypes import float32
from ..errors import ShapeError
from ..kernels.strided import strided
from ..op import TORCH_TENSOR, S, op
from ..spec import Meta, numel, wrap_dim
from .index import add_rows


def _windows_spec(input: Any, *, dimension: int, size: int, step: int) -> Meta:
    shape = tuple(input.shape)
    at = wrap_dim(dimension, len(shape), "unfold")
    length = shape[at] if shape else 1
    if size > length:
        raise ShapeError(f"unfold: maximum size for tensor at dimension {at} is {length} but size is {size}")
    if size < 0:
        raise ShapeError(f"unfold: size is {size} but must be >= 0")
    if step <= 0:
        raise ShapeError(f"unfold: step is {step} but must be > 0")
    if not shape:
        return Meta((size,), input.dtype)
    return Meta((*shape[:at], (length - size) // step + 1, *shape[at + 1 :], size), input.dtype)


@op("Tensor_unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor", kind="view", label="unfold", places=("Tensor",), spec=_windows_spec, samples=[
    S((5,), dimension=0, size=2, step=1), S((2, 7), dimension=-1, size=3, step=2), S((4, 3), dimension=0, size=2, step=3), S((), dimension=0, size=1, step=1),
    S((0, 3), dimension=1, size=2, step=1), S((3,), dimension=0, size=0, step=2), S((3,), dimension=0, size=4, step=1, error=RuntimeError, match="maximum size"),
    S((3,), dimension=0, size=1, step=0, error=RuntimeError, match="must be > 0"), S((3,), dimension=1, size=1, step=1, error=IndexError, match="out of range")])
def unfold(xp: Any, input: Any, *, dimension: int, size: int, step: int) -> Any:
    """All windows of ``size`` elements along ``dimension``, ``step`` apart, as a view: a last dimension holds the window.

    Raises ``RuntimeError`` for a window larger than the dimension.

    >>> import autograd_core as ag
    >>> ag.arange(5).unfold(0, 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    if not input.ndim:
        _windows_spec(input, dimension=dimension, size=size, step=step)
        return input.reshape((1,))[:size]
    return strided(xp, input, *_windows(input.shape, input.strides, dimension, size, step))


@lru_cache(maxsize=256)
def _windows(shape: tuple[int, ...], strides: tuple[int, ...], dimension: int, size: int, step: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape and the strides of all windows."""
    found = _windows_spec(Meta(shape, float32), dimension=dimension, size=size, step=step).shape
    at = dimension % len(shape)
    return found, (*strides[:at], strides[at] * step, *strides[at + 1 :], strides[at])


@unfold.vjp("input")
def _(F: Any, g: Any, dimension: int, size: int, step: int, input_shape: Any) -> Any:
    return F.windows_add(g, shape=input_shape, dimension=dimension, size=size, step=step)


@op("windows_add(input: Tensor, shape: Sequence[int], dimension: int, size: int, step: int) -> Tensor", kind="shape", label="unfoldᵀ",
    spec=lambda input, *, shape, dimension, size, step: Meta(tuple(shape), input.dtype), samples=[
        S((4, 2), shape=(5,), dimension=0, size=2, step=1), S((2, 3, 3), shape=(2, 7), dimension=-1, size=3, step=2), S((1,), shape=(), dimension=0, size=1, step=1)])
def windows_add(xp: Any, input: Any, *, shape: Any, dimension: int, size: int, step: int) -> Any:
    """Zeros of ``shape`` with every window added in its place: the adjoint of ``unfold``."""
    total = xp.zeros(shape, dtype=input.dtype)
    if not shape:
        return total + input.sum(dtype=input.dtype)
    at = dimension % len(shape)
    count = input.shape[at]
    for i in range(size):  # one element of all windows at a time: these never overlap
        total[(*[slice(None)] * at, slice(i, i + step * (count - 1) + 1, step))] += input[..., i]
    return total


@windows_add.vjp("input")
def _(F: Any, g: Any, dimension: int, size: int, step: int) -> Any:
    return F.Tensor_unfold(g, dimension=dimension, size=size, step=step)


# --- strides of one's own -----------------------------------------------------------------------------------------


def _reach(size: Any, stride: Any) -> int:
    """How far from the first element the last one lies."""
    return sum((n - 1) * step for n, step in zip(size, stride, strict=True))


def _strided_spec(input: Any, *, size: Any, stride: Any, storage_offset: Any = None) -> Meta:
    shape = tuple(int(n) for n in size)
    if len(shape) != len(stride):
        raise ShapeError(f"as_strided: mismatch in length of strides and shape: {len(stride)} strides {tuple(stride)} for the shape {shape}")
    if min(stride, default=0) < 0 or min(shape, default=0) < 0 or (storage_offset or 0) < 0:
        raise ShapeError(f"as_strided: Negative strides are not supported, nor negative sizes or offsets: size {shape}, stride {tuple(stride)}, storage_offset {storage_offset}")
    available = numel(input.shape)
    if numel(shape) and (storage_offset or 0) + _reach(shape, stride) >= available:
        raise ShapeError(f"as_strided: setStorage: sizes {list(shape)}, strides {list(stride)}, storage offset {storage_offset or 0} are out of bounds "
                         f"for the {available} elements of the input {tuple(input.shape)}")
    return Meta(shape, input.dtype)


@op("as_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor", kind="view", places=TORCH_TENSOR, spec=_strided_spec,
    samples=[
        S((2, 3), size=(2, 2), stride=(1, 2)), S((6,), size=(2, 3), stride=(3, 1)), S((5,), size=(3, 3), stride=(1, 1)), S((2, 3), size=(4,), stride=(0,), storage_offset=2),
        S((), size=(), stride=()), S((0, 2), size=(0,), stride=(1,)), S((4,), size=(5,), stride=(1,), error=RuntimeError, match="out of bounds"),
        S((4,), size=(2,), stride=(1, 1), error=RuntimeError, match="mismatch in length"), S((4,), size=(2,), stride=(-1,), error=RuntimeError, match="Negative strides")])
def as_strided(xp: Any, input: Any, *, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    """A view of the elements of a contiguous tensor with a shape and strides (in elements) of one's own; elements may repeat.

    ``storage_offset`` counts from the tensor's first element. Raises ``RuntimeError`` for a tensor that is not contiguous and for
    what would reach beyond its elements.

    >>> import autograd_core as ag
    >>> ag.arange(4).as_strided((2, 3), (1, 1)).tolist()
    [[0, 1, 2], [1, 2, 3]]
    """
    shape = _strided_spec(input, size=size, stride=stride, storage_offset=storage_offset).shape
    if not input.flags.c_contiguous and input.size:
        raise ShapeError(f"as_strided: the tensor {tuple(input.shape)} is not contiguous, so its elements do not lie in memory in their order. Call .contiguous() first, "
                         "or use views such as transpose, diagonal and unfold")
    flat = input.reshape(-1)[storage_offset or 0 :]
    return xp.lib.stride_tricks.as_strided(flat, shape, tuple(int(step) * input.itemsize for step in stride))


@as_strided.vjp("input")
def _(F: Any, g: Any, stride: Any, storage_offset: Any, input_shape: Any) -> Any:
    return F.strided_add(g, shape=input_shape, stride=stride, storage_offset=storage_offset)


def _positions(xp: Any, shape: Any, stride: Any, storage_offset: Any) -> Any:
    positions = xp.zeros(shape, dtype="int64") + (storage_offset or 0)
    for i, (n, step) in enumerate(zip(shape, stride, strict=True)):
        positions += (xp.arange(n) * step).reshape((-1, *[1] * (len(shape) - i - 1)))
    return positions


@op("strided_add(input: Tensor, shape: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor", kind="shape", label="as_stridedᵀ",
    spec=lambda input, *, shape, stride, storage_offset=None: Meta(tuple(shape), input.dtype), samples=[
        S((2, 2), shape=(2, 3), stride=(1, 2)), S((3, 3), shape=(5,), stride=(1, 1)), S((4,), shape=(2, 3), stride=(0,), storage_offset=2)])
def strided_add(xp: Any, input: Any, *, shape: Any, stride: Any, storage_offset: Any = None) -> Any:
    """Zeros of ``shape`` with every element added where it lies in row-major memory: the adjoint of ``as_strided``."""
    positions = _positions(xp, input.shape, stride, storage_offset).reshape(-1)
    return add_rows(xp, xp.asarray(input).reshape(-1), positions, numel(shape)).reshape(shape)


@strided_add.vjp("input")
def _(F: Any, g: Any, stride: Any, storage_offset: Any, input_shape: Any) -> Any:
    return F.strided_read(g, size=input_shape, stride=stride, storage_offset=storage_offset)


@op("strided_read(input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor", kind="shape", label="as_strided",
    spec=_strided_spec, samples=[S((2, 3), size=(2, 2), stride=(1, 2)), S((5,), size=(3, 3), stride=(1, 1), storage_offset=0)])
def strided_read(xp: Any, input: Any, *, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    """A copy of what ``as_strided`` views, of a tensor in any layout."""
    return xp.take(xp.asarray(input).reshape(-1), _positions(xp, tuple(size), stride, storage_offset))


@strided_read.vjp("input")
def _(F: Any, g: Any, stride: Any, storage_offset: Any, input_shape: Any) -> Any:
    return F.strided_add(g, shape=input_shape, stride=stride, storage_offset=storage_offset)
