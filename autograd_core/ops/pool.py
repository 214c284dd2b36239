"""Pooling over windows of images. Average pooling is linear and stands beside its adjoint; maximum pooling passes the
gradient to the first maximum of each window, and passing back and picking at those places are adjoint to each other.

Images are the last two dimensions; any number of dimensions may precede them.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import NN, TORCH_NN, Arg, S, composite, distinct, op
from ..spec import Meta
from .conv import pair
from .reduce import wide_dtype, widened


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit along one dimension; with ``ceil_mode`` also one that starts inside and ends outside."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (ceil(room / stride) if ceil_mode else room // stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


@lru_cache(maxsize=512)
def _window_attributes(name: str, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> dict[str, Any]:
    """The attributes of a pooling op, checked: ``size`` is the number of windows along each dimension."""
    if len(shape) not in (3, 4):
        raise ShapeError(f"{name}: Expected 3D (unbatched) or 4D (batched) input, but got input of size {list(shape)}")
    if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1:
        raise RuntimeError(f"{name}: kernel size, stride and dilation should be greater than zero, but got {kernel}, {stride} and {dilation}")
    for edge, size, spread in zip(padding, kernel, dilation, strict=True):
        if not 0 <= edge <= (spread * (size - 1) + 1) // 2:
            raise RuntimeError(f"{name}: pad should be at most half of effective kernel size, but got pad={edge}, kernel_size={size} and dilation={spread}")
    size = tuple(pooled_size(shape[i - 2], kernel[i], stride[i], padding[i], dilation[i], ceil_mode) for i in (0, 1))
    if min(size) < 1 or 0 in shape[-3:]:
        raise ShapeError(f"{name}: Given input size: {list(shape)}. Calculated output size: {[*shape[:-2], *size]}. Output size is too small. "
                         f"Use a smaller kernel than {kernel}")
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "size": size}


def _attributes(name: str, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> dict[str, Any]:
    kernel = pair(kernel_size, "kernel_size", name)
    steps = kernel if stride is None or stride in ((), []) else pair(stride, "stride", name)
    return dict(_window_attributes(name, tuple(input.shape), kernel, steps, pair(padding, "padding", name), pair(dilation, "dilation", name), bool(ceil_mode)))


class _Windows:
    """Where the elements of the windows lie in padded images."""

    def __init__(self, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> None:
        self.kernel, self.stride, self.padding, self.dilation, self.size = kernel, stride, padding, dilation, size
        self.height, self.width = shape[-2:]
        self.leading = tuple(shape[:-2])
        self.covered = tuple(stride[i] * (size[i] - 1) + dilation[i] * (kernel[i] - 1) + 1 for i in (0, 1))
        self.padded = tuple(max(self.covered[i], shape[i - 2] + padding[i]) for i in (0, 1))
        self.plain = padding == (0, 0) and self.padded == tuple(shape[-2:])
        self.apart = stride == kernel and dilation == (1, 1)

    def part(self, axis: int, k: int) -> slice:
        """Element ``k`` of every window along one axis."""
        start = k * self.dilation[axis]
        return slice(start, start + self.stride[axis] * (self.size[axis] - 1) + 1, self.stride[axis])

    def offsets(self) -> list[tuple[slice, slice]]:
        """The places of each window element, in the order of the image's rows."""
        return [(self.part(0, i), self.part(1, j)) for i in range(self.kernel[0]) for j in range(self.kernel[1])]

    def inside(self, padded: Any) -> Any:
        """The image in its padded form."""
        top, left = self.padding
        return padded[..., top : top + self.height, left : left + self.width]

    def pad(self, xp: Any, images: Any, value: Any) -> Any:
        """Images with ``value`` around them, where windows reach beyond; float16 sums want float32."""
        if self.plain:
            return images
        padded = xp.full((*self.leading, *self.padded), value, dtype=images.dtype)
        self.inside(padded)[...] = images
        return padded


def _lowest(xp: Any, dtype: Any) -> Any:
    return -xp.inf if dtype.kind == "f" else xp.iinfo(dtype).min


def _pool_spec(input: Any, *others: Any, size: Any, **attrs: Any) -> Meta:
    return Meta((*tuple(input.shape)[:-2], *size), as_dtype(input.dtype))


_TWO: dict[str, Any] = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "size": (2, 3)}
_THREE: dict[str, Any] = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 1), "dilation": (1, 2), "size": (3, 6)}

_IMAGE = Arg(values=[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 7.0, 6.0]]])
_MAXIMA = Arg(values=[[[5.0, 7.0]]])
_ROW = {**_TWO, "size": (1, 2)}

# --- maximum ------------------------------------------------------------------------------------------------------


@op("max_pool(input: Tensor, *, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], "
    "size: tuple[int, int]) -> Tensor", label="max_pool2d", spec=_pool_spec, samples=[
        S(distinct(2, 3, 4, 6), **_TWO), S(distinct(3, 5, 7), **_TWO), S(distinct(2, 1, 5, 6), **_THREE), S(distinct(0, 1, 4, 6), **_TWO)])
def max_pool(xp: Any, input: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """The largest element of each window."""
    windows = _Windows(input.shape, kernel, stride, padding, dilation, size)
    rows = windows.pad(xp, input, _lowest(xp, input.dtype))
    for axis in (0, 1):
        parts = [rows[..., windows.part(0, k), :] if axis == 0 else rows[..., windows.part(1, k)] for k in range(kernel[axis])]
        if len(parts) == 1:
            rows = parts[0]
        else:
            rows = xp.maximum(parts[0], parts[1])
            for part in parts[2:]:
                xp.maximum(rows, part, out=rows)
    return rows.copy() if kernel == (1, 1) else rows


@max_pool.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.max_pool_scatter(g, input, out, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


def _winners(xp: Any, windows: _Windows, padded: Any, out: Any) -> Any:
    """For each window element in turn, whether it is the first that equals the maximum."""
    taken = None
    offsets = windows.offsets()
    for k, (i, j) in enumerate(offsets):
        element = padded[..., i, j]
        if k == len(offsets) - 1 and taken is not None:
            first = ~taken
        else:
            first = element == out
            if taken is not None:
                first &= ~taken
            taken = first if taken is None else taken | first
        yield i, j, first


@op("max_pool_scatter(grad: Tensor, input: Tensor, result: Tensor, *, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], "
    "dilation: tuple[int, int], size: tuple[int, int]) -> Tensor", label="max_pool2dᵀ",
    spec=lambda grad, input, result, **attrs: Meta(tuple(input.shape), as_dtype(grad.dtype)), samples=[S((1, 1, 2), _IMAGE, _MAXIMA, **_ROW)])
def max_pool_scatter(xp: Any, grad: Any, input: Any, result: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """Zeros like ``input``, but ``grad`` added at the first maximum of each window; ``result`` are the maxima."""
    windows = _Windows(input.shape, kernel, stride, padding, dilation, size)
    padded = windows.pad(xp, input, _lowest(xp, input.dtype))
    complete = windows.apart and windows.covered == padded.shape[-2:]
    scattered = (xp.empty if complete else xp.zeros)(padded.shape, dtype=grad.dtype)
    for i, j, first in _winners(xp, windows, padded, result):
        if windows.apart:
            xp.multiply(grad, first, out=scattered[..., i, j])
        else:
            scattered[..., i, j] += grad * first
    return scattered if windows.plain else windows.inside(scattered).copy()


@max_pool_scatter.vjp("grad")
def _(F: Any, g: Any, input: Any, result: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.max_pool_pick(g, input, result, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


@op("max_pool_pick(values: Tensor, input: Tensor, result: Tensor, *, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], "
    "dilation: tuple[int, int], size: tuple[int, int]) -> Tensor", label="max_pool2d pick",
    spec=lambda values, input, result, **attrs: Meta(tuple(result.shape), as_dtype(values.dtype)), samples=[S((1, 2, 4), _IMAGE, _MAXIMA, **_ROW)])
def max_pool_pick(xp: Any, values: Any, input: Any, result: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """``values`` at the place of the first maximum of each window of ``input``."""
    windows = _Windows(input.shape, kernel, stride, padding, dilation, size)
    padded = windows.pad(xp, input, _lowest(xp, input.dtype))
    spread = windows.pad(xp, values, 0)
    picked = xp.zeros(result.shape, dtype=values.dtype)
    for i, j, first in _winners(xp, windows, padded, result):
        picked += spread[..., i, j] * first
    return picked


@max_pool_pick.vjp("values")
def _(F: Any, g: Any, input: Any, result: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.max_pool_scatter(g, input, result, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


@op("max_pool_indices(input: Tensor, result: Tensor, *, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], "
    "dilation: tuple[int, int], size: tuple[int, int]) -> Tensor", label="argmax",
    spec=lambda input, result, **attrs: Meta(tuple(result.shape), as_dtype("int64")), samples=[S(_IMAGE, _MAXIMA, **_ROW)])
def max_pool_indices(xp: Any, input: Any, result: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """The position of each window's first maximum in its flattened image."""
    windows = _Windows(input.shape, kernel, stride, padding, dilation, size)
    padded = windows.pad(xp, input, _lowest(xp, input.dtype))
    rows = xp.arange(padded.shape[-2]) - padding[0]
    places = rows[:, None] * windows.width + (xp.arange(padded.shape[-1]) - padding[1])
    found = xp.zeros(result.shape, dtype="int64")
    for i, j, first in _winners(xp, windows, padded, result):
        found += first * places[i, j]
    return found


_MAX = ("kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, padding: int | Sequence[int] = 0, "
        "dilation: int | Sequence[int] = 1, ceil_mode: bool = False, return_indices: bool = False")


@composite(f"max_pool2d(input: Tensor, {_MAX}) -> Any", places=TORCH_NN)
def max_pool2d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Any:
    """The maximum of each window of images (batch, channels, height, width), or without batch; of ties the first gets the gradient.

    ``stride`` is the kernel size unless given. With ``ceil_mode`` the last window may reach beyond the image. With
    ``return_indices`` also the maxima's positions in the flattened image. Raises ``RuntimeError`` if no window fits.

    >>> import autograd_core as ag
    >>> ag.max_pool2d(ag.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[4.]]])
    """
    attrs = _attributes("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)
    out = F.max_pool(input, **attrs)
    return (out, F.max_pool_indices(input, out, **attrs)) if return_indices else out


def _row(F: Any, input: Any, name: str) -> Any:
    """A sequence as an image of height 1."""
    if input.ndim not in (2, 3):
        raise ShapeError(f"{name}: Expected 2D (unbatched) or 3D (batched) input, but got input {describe(input)}")
    return F.unsqueeze(input, dim=-2)


def _flat(F: Any, out: Any) -> Any:
    return F.reshape(out, shape=(*out.shape[:-2], out.shape[-1]))


@composite(f"max_pool1d(input: Tensor, {_MAX}) -> Any", places=TORCH_NN)
def max_pool1d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Any:
    """The maximum of each window of sequences (batch, channels, length), or without batch. See ``max_pool2d``."""
    (kernel,), (edge,), (spread,) = (pair(value, "each of kernel_size, padding and dilation", "max_pool1d", 1) for value in (kernel_size, padding, dilation))
    step = kernel if stride is None else pair(stride, "stride", "max_pool1d", 1)[0]
    image = _row(F, input, "max_pool1d")
    attrs = _attributes("max_pool1d", image, (1, kernel), (1, step), (0, edge), (1, spread), ceil_mode)
    out = F.max_pool(image, **attrs)
    return (_flat(F, out), _flat(F, F.max_pool_indices(image, out, **attrs))) if return_indices else _flat(F, out)


# --- average ------------------------------------------------------------------------------------------------------


def _counts(windows: _Windows, axis: int, include_padding: bool) -> list[int]:
    """How many elements each window counts along one axis."""
    length, edge = (windows.height, windows.width)[axis], windows.padding[axis]
    counts = []
    for k in range(windows.size[axis]):
        start = k * windows.stride[axis] - edge
        end = min(start + windows.kernel[axis], length + edge)
        counts.append(end - start if include_padding else min(end, length) - max(start, 0))
    return counts


def _scale(xp: Any, windows: _Windows, count_include_pad: bool, divisor: int | None, dtype: Any) -> Any:
    """What window sums are multiplied by."""
    if divisor is not None:
        return 1.0 / divisor
    rows, columns = (_counts(windows, axis, count_include_pad) for axis in (0, 1))
    if len({*rows}) == 1 and len({*columns}) == 1:
        return 1.0 / (rows[0] * columns[0])
    return xp.asarray([[1.0 / (a * b) for b in columns] for a in rows], dtype=dtype)


_AVERAGE: dict[str, Any] = {"count_include_pad": True, "divisor": None}


@op("avg_pool(input: Tensor, *, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], "
    "size: tuple[int, int], count_include_pad: bool, divisor: int | None) -> Tensor", label="avg_pool2d", spec=_pool_spec, samples=[
        S((2, 3, 4, 6), **_TWO, **_AVERAGE), S((3, 5, 7), **_TWO, **_AVERAGE), S((0, 1, 4, 6), **_TWO, count_include_pad=True, divisor=3),
        S((2, 1, 5, 6), **{**_THREE, "dilation": (1, 1), "size": (3, 7)}, count_include_pad=False, divisor=None),
        S((2, 1, 5, 6), **{**_THREE, "dilation": (1, 1), "size": (3, 7)}, **_AVERAGE)])
def avg_pool(xp: Any, input: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool, divisor: Any) -> Any:
    """The mean of each window."""
    if input.dtype.kind not in "fc":
        raise RuntimeError(f"avg_pool2d: not implemented for '{as_dtype(input.dtype).name}'. Convert with .float()")
    windows = _Windows(input.shape, kernel, stride, padding, dilation, size)
    work = widened(input)
    sums = windows.pad(xp, work, 0)
    for axis in (0, 1):
        parts = [sums[..., windows.part(0, k), :] if axis == 0 else sums[..., windows.part(1, k)] for k in range(kernel[axis])]
        sums = parts[0] + parts[1] if len(parts) > 1 else parts[0]
        for part in parts[2:]:
            sums += part
    return (sums * _scale(xp, windows, count_include_pad, divisor, work.dtype)).astype(input.dtype, copy=False)


@avg_pool.vjp("input")
def _(F: Any, g: Any, input_shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool, divisor: Any) -> Any:
    return F.avg_pool_grad(g, shape=input_shape, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size,
                           count_include_pad=count_include_pad, divisor=divisor)


@op("avg_pool_grad(grad: Tensor, *, shape: Sequence[int], kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], "
    "dilation: tuple[int, int], size: tuple[int, int], count_include_pad: bool, divisor: int | None) -> Tensor", label="avg_pool2dᵀ",
    spec=lambda grad, *, shape, **attrs: Meta(tuple(shape), as_dtype(grad.dtype)), samples=[
        S((2, 3, 2, 3), shape=(2, 3, 4, 6), **_TWO, **_AVERAGE),
        S((2, 1, 3, 7), shape=(2, 1, 5, 6), **{**_THREE, "dilation": (1, 1), "size": (3, 7)}, count_include_pad=False, divisor=None)])
def avg_pool_grad(xp: Any, grad: Any, *, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool,
                  divisor: Any) -> Any:
    """The adjoint of ``avg_pool``: each element spread evenly over its window."""
    windows = _Windows(shape, kernel, stride, padding, dilation, size)
    dtype = wide_dtype(grad.dtype)
    share = grad * _scale(xp, windows, count_include_pad, divisor, dtype)
    rows = xp.zeros((*windows.leading, size[0], windows.padded[1]), dtype=dtype)
    for j in range(kernel[1]):
        rows[..., windows.part(1, j)] += share
    spread = xp.zeros((*windows.leading, *windows.padded), dtype=dtype)
    for i in range(kernel[0]):
        spread[..., windows.part(0, i), :] += rows
    return (spread if windows.plain else windows.inside(spread)).astype(grad.dtype, copy=not windows.plain)


@avg_pool_grad.vjp("grad")
def _(F: Any, g: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool, divisor: Any) -> Any:
    return F.avg_pool(g, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size, count_include_pad=count_include_pad, divisor=divisor)


@composite("avg_pool2d(input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, padding: int | Sequence[int] = 0, "
           "ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor", places=TORCH_NN)
def avg_pool2d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Any:
    """The mean of each window of images (batch, channels, height, width), or without batch.

    Padding counts as zeros unless ``count_include_pad=False``; ``divisor_override`` replaces the number of elements.
    """
    if divisor_override == 0:
        raise RuntimeError("avg_pool2d: divisor must be not zero")
    attrs = _attributes("avg_pool2d", input, kernel_size, stride, padding, 1, ceil_mode)
    return F.avg_pool(input, **attrs, count_include_pad=count_include_pad, divisor=divisor_override)


@composite("avg_pool1d(input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, padding: int | Sequence[int] = 0, "
           "ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor", places=TORCH_NN)
def avg_pool1d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> Any:
    """The mean of each window of sequences (batch, channels, length), or without batch. See ``avg_pool2d``."""
    (kernel,), (edge,) = pair(kernel_size, "kernel_size", "avg_pool1d", 1), pair(padding, "padding", "avg_pool1d", 1)
    step = kernel if stride is None else pair(stride, "stride", "avg_pool1d", 1)[0]
    image = _row(F, input, "avg_pool1d")
    attrs = _attributes("avg_pool1d", image, (1, kernel), (1, step), (0, edge), 1, ceil_mode)
    return _flat(F, F.avg_pool(image, **attrs, count_include_pad=count_include_pad, divisor=None))


def _averages(xp: Any, length: int, parts: int, like: Any) -> Any:
    """The matrix that averages ``length`` numbers over ``parts`` ranges of nearly equal size."""
    matrix = xp.zeros((parts, length), dtype=wide_dtype(like.dtype))
    for k in range(parts):
        start, end = k * length // parts, -(-(k + 1) * length // parts)
        matrix[k, start:end] = 1.0 / (end - start)
    return matrix


@op("adaptive_average(input: Tensor, *, size: tuple[int, int]) -> Tensor", label="adaptive_avg_pool2d", spec=_pool_spec, samples=[
    S((2, 3, 5, 7), size=(2, 3)), S((3, 4, 4), size=(1, 1)), S((0, 2, 3, 3), size=(3, 2))])
def adaptive_average(xp: Any, input: Any, *, size: Any) -> Any:
    """The means of ``size`` ranges of nearly equal size along the last two dimensions."""
    rows, columns = _averages(xp, input.shape[-2], size[0], input), _averages(xp, input.shape[-1], size[1], input)
    return xp.matmul(xp.matmul(rows, input), columns.T).astype(input.dtype, copy=False)


@adaptive_average.vjp("input")
def _(F: Any, g: Any, input_shape: Any, size: Any) -> Any:
    return F.adaptive_average_grad(g, shape=input_shape, size=size)


@op("adaptive_average_grad(grad: Tensor, *, shape: Sequence[int], size: tuple[int, int]) -> Tensor", label="adaptive_avg_pool2dᵀ",
    spec=lambda grad, *, shape, size: Meta(tuple(shape), as_dtype(grad.dtype)), samples=[S((2, 3, 2, 3), shape=(2, 3, 5, 7), size=(2, 3))])
def adaptive_average_grad(xp: Any, grad: Any, *, shape: Any, size: Any) -> Any:
    """The adjoint of ``adaptive_average``."""
    rows, columns = _averages(xp, shape[-2], size[0], grad), _averages(xp, shape[-1], size[1], grad)
    return xp.matmul(xp.matmul(rows.T, grad), columns).astype(grad.dtype, copy=False)


@adaptive_average_grad.vjp("grad")
def _(F: Any, g: Any, size: Any) -> Any:
    return F.adaptive_average(g, size=size)


@composite("adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor", places=NN)
def adaptive_avg_pool2d(F: Any, input: Any, output_size: Any) -> Any:
    """Means over windows chosen so that the result has ``output_size`` (height, width); ``None`` keeps the input's size."""
    if input.ndim not in (3, 4):
        raise ShapeError(f"adaptive_avg_pool2d: Expected 3D (unbatched) or 4D (batched) input, but got input {describe(input)}")
    wanted = (output_size, output_size) if output_size is None or isinstance(output_size, int) else tuple(output_size)
    size = tuple(input.shape[i - 2] if wanted[i] is None else int(wanted[i]) for i in (0, 1))
    return F.adaptive_average(input, size=size)
