"""Convolution in any number of dimensions: one bilinear op and its two adjoints, which are closed under differentiation.

With ``*`` for the convolution of ``input`` and ``weight``, the gradient of either is again a convolution:
``input_grad(g, weight)`` is the adjoint in ``input`` and ``weight_grad(input, g)`` the one in ``weight``. The rules
of all three name only these three, so derivatives of every order exist.

Each kernel gathers patches into the columns of matrices and multiplies matrices: ``_Columns``. A few samples are done at
a time, so that the columns stay in the processor's cache and the memory they need does not grow with the batch. Small
images are gathered by index.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from operator import mul
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..errors import ShapeError, describe
from ..kernels.sliding import SMALL, SmallImages
from ..kernels.strided import strided
from ..op import S, op
from ..spec import Meta, computed_dtype
from .reduce import wide_dtype

_COLUMN_BYTES = {"cpu": 1 << 19, "cuda": 1 << 26}
"""Columns at a time: what fits a processor's cache, or what keeps a GPU busy, where products make copies of shared columns."""

_VECTOR = 64
"""Bytes that a processor's vectors have at most, and its caches' lines."""


class Geometry(NamedTuple):
    """The sizes of one convolution; tuples have an entry for each dimension of the images."""

    batch: int
    channels: int
    filters: int
    groups: int
    image: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    start: tuple[int, ...]
    dilation: tuple[int, ...]
    padded: tuple[int, ...]
    out: tuple[int, ...]
    pointwise: bool
    """Whether the images are their own columns."""
    small: SmallImages | None
    """Where the windows' elements lie, of small images without groups."""

    def pieces(self, first: int) -> Iterator[tuple[Any, Any, Any]]:
        """For each element of the kernel, along the dimensions from ``first`` on: its place in the kernel, the windows that find it in the image, and where it lies there."""
        for element in product(*map(range, self.kernel[first:])):
            windows, places = [], []
            for axis, at in enumerate(element, first):
                step, offset = self.stride[axis], at * self.dilation[axis] - self.start[axis]
                low = max(0, -(offset // step))
                high = max(low, min(self.out[axis], (self.image[axis] - 1 - offset) // step + 1))
                windows.append(slice(low, high))
                places.append(slice(low * step + offset, max(0, high * step + offset), step))
            yield element, windows, places


@lru_cache(maxsize=128)
def geometry(input_shape: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The sizes that follow from two shapes and the attributes; ``ValueError`` where they do not fit."""
    batch, channels, *image = input_shape
    filters, inner, *kernel = weight_shape
    if not len(image) == len(kernel) == len(stride) == len(padding) == len(dilation):
        raise ValueError("convolution: the numbers of dimensions do not fit")
    padded = tuple(n + before + after for n, (before, after) in zip(image, padding, strict=True))
    out = tuple((padded[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(len(image)))
    divided = groups > 0 and inner * groups == channels and filters > 0 == filters % groups
    if not divided or min(*stride, *dilation, *out) < 1 or min(min(sides) for sides in padding) < 0:
        raise ValueError("convolution: the sizes do not fit")
    start = tuple(before for before, _ in padding)
    few = groups == 1 and 0 < batch * channels * prod(kernel) * prod(out) <= SMALL and batch * channels * prod(image) <= SMALL
    small = SmallImages(tuple(image), tuple(kernel), stride, start, dilation, out) if few else None
    pointwise = groups == max(*kernel, *stride) == 1 and padded == tuple(image)
    return Geometry(batch, channels, filters, groups, tuple(image), tuple(kernel), stride, start, dilation, padded, out, pointwise, small)


def _columns(xp: Any, images: Any, geo: Geometry) -> Any:
    """All windows of images that are small or their own windows: (batch, channels times elements, windows)."""
    images = images.astype(wide_dtype(images.dtype), copy=False)
    if geo.small is None:
        return images.reshape(geo.batch, geo.channels, prod(geo.image))
    places = geo.small.places(images)
    return places.read(xp, images, geo.batch * geo.channels).reshape(geo.batch, geo.channels * places.elements, places.windows)


def _times(xp: Any, matrix: Any, columns: Any) -> Any:
    """``matrix`` times the matrix of each sample."""
    return matrix.dot(columns[0])[None] if len(columns) == 1 else xp.matmul(matrix, columns)  # dot is half of a call


def _portion(geo: Geometry, device: str, size: int, least: int = 1) -> int:
    """How many samples, of so many bytes each, to do at a time."""
    most = max(least, _COLUMN_BYTES[device] // max(1, size))
    return -(-geo.batch // -(-geo.batch // most)) if geo.batch else 1


def _steps(shape: tuple[int, ...], last: int) -> list[int]:
    """The strides of rows, of which the last dimension's is given."""
    return [last * prod(shape[axis + 1 :]) for axis in range(len(shape))]


@lru_cache(maxsize=128)
class _Columns:
    """The columns of a few samples at a time: (sample, group, line of results, row, position).

    The lines of an image along its first dimension lie one below the other, each as a matrix with a row for every element of a line of the kernel and every channel.
    The columns for a line of results are the rows from its first line on, for as many lines as the kernel has. Neighbours share them, as views: for a kernel of 3 that is a
    third of the copies. With groups and where lines are very short, all results are one line.

    Products are slow where rows are short or end between a processor's vectors: there the samples lie side by side, as if they were one. Otherwise, for lines of
    ``shortest`` and more, they are ``apart``, so that results lie in matrices as they do in arrays.
    """

    def __init__(self, geo: Geometry, device: str, dtype: Any, shortest: int = 0) -> None:
        few = prod(geo.kernel) * geo.channels * geo.filters <= geo.groups << 14  # weights that stay in the nearest cache
        self.lifted = len(geo.out) < 2 or not geo.groups == geo.dilation[0] == 1 or geo.batch * prod(geo.out[1:]) < (24 if few else 48)
        if self.lifted:
            ones: dict[str, Any] = {name: (1, *getattr(geo, name)) for name in ("image", "kernel", "stride", "dilation", "padded", "out")}
            geo = geo._replace(**ones, start=(0, *geo.start))
        self.pad = None
        if prod(geo.kernel[1:]) > 32 and geo.padded[1:] != geo.image[1:]:  # so that one copy takes all windows
            self.pad = [(0, 0)] * 4 + [(before, whole - before - n) for n, before, whole in zip(geo.image[1:], geo.start[1:], geo.padded[1:], strict=True)]
            geo = geo._replace(image=(geo.image[0], *geo.padded[1:]), start=(geo.start[0], *[0] * len(geo.image[1:])))
        self.geo, self.dtype, self.each = geo, dtype, geo.filters // geo.groups
        inner = *geo.kernel[1:], geo.channels // geo.groups
        lines = geo.padded[0]
        self.rows, self.length = geo.kernel[0] * prod(inner), prod(geo.out[1:])
        self.apart = self.length >= 512 or (few and self.length % 16 == 0 and self.length >= shortest)
        size = (lines * prod(inner) * geo.groups + geo.out[0] * geo.filters) * self.length * dtype.itemsize
        self.chunk = _portion(geo, device, size, 1 if self.apart else -(-128 // self.length))
        self.above, self.beside = (self.chunk, 1) if self.apart else (1, self.chunk)
        row = -(-self.beside * self.length * dtype.itemsize // _VECTOR) * _VECTOR
        line = prod(inner) * row
        sample = geo.groups * lines * line
        self.size = (self.above * sample + _VECTOR) // dtype.itemsize
        self.shape = self.above, geo.groups, geo.out[0], self.rows, self.beside * self.length
        self.steps = sample, lines * line, line * geo.stride[0], row, dtype.itemsize
        self.window_shape = self.chunk, geo.groups, inner[-1], lines, *geo.out[1:], *geo.kernel[1:]
        outer = sample if self.apart else self.length * dtype.itemsize, lines * line, row, line
        self.window_steps = *outer, *_steps(geo.out[1:], dtype.itemsize), *_steps(geo.kernel[1:], inner[-1] * row)
        self.view = geo.padded[1:] == geo.image[1:]
        self.inside = slice(None), slice(None), slice(geo.start[0], geo.start[0] + geo.image[0])
        self.pieces = [((), (), ())] if self.view else list(geo.pieces(1))

    def gather(self, xp: Any, input: Any) -> Iterator[tuple[slice, int, Any]]:
        """The columns of some samples after the other, with which these are, and how many."""
        geo = self.geo
        input = input.reshape(geo.batch, geo.groups, geo.channels // geo.groups, *[1] * self.lifted, *input.shape[2:])
        if self.pad is not None:
            input = xp.pad(input, self.pad)
        if self.view:
            steps = input.strides[4:]
            steps = *input.strides[:4], *map(mul, steps, geo.stride[1:]), *map(mul, steps, geo.dilation[1:])
            input = strided(xp, input, (*input.shape[:4], *geo.out[1:], *geo.kernel[1:]), steps)
        memory = (xp.empty if geo.padded == geo.image else xp.zeros)(self.size, dtype=self.dtype)
        if memory.__class__.__module__ == "numpy":  # products of rows that start where vectors do take a sixth less time
            memory = memory[-memory.ctypes.data % _VECTOR // memory.itemsize :]
        columns = strided(xp, memory, self.shape, self.steps)
        images = strided(xp, memory, self.window_shape, self.window_steps)
        for start in range(0, geo.batch, self.chunk):
            n = min(self.chunk, geo.batch - start)
            samples = slice(start, start + n)
            for element, windows, places in self.pieces:
                images[(slice(n), *self.inside, *windows, *element)] = input[(samples, ..., *places)]
            yield samples, n, self.part(columns, n)

    def part(self, matrix: Any, n: int) -> Any:
        """What belongs to the first ``n`` samples."""
        return matrix[:n] if self.apart else matrix[..., : n * self.length]

    def results(self, xp: Any, array: Any) -> tuple[Any, Any]:
        """``array``, which is as large as the results, as matrices (sample, group, line, filter, position); where it cannot be viewed so, memory for some, and that as images."""
        groups, lines = self.geo.groups, self.geo.out[0]
        if self.apart and array.dtype == self.dtype:
            return array.reshape(len(array), groups, self.each, lines, self.length).swapaxes(2, 3), None
        matrix = xp.empty((self.above, groups, lines, self.each, self.beside * self.length), dtype=self.dtype)
        images = matrix.reshape(self.above, groups, lines, self.each, self.beside, self.length).transpose(0, 4, 1, 3, 2, 5)
        return matrix, images.reshape(self.chunk, *array.shape[1:])


def _image_spec(input: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The geometry, or the error a user should read."""
    a, b = tuple(input.shape), tuple(weight.shape)
    n = len(stride)
    name = f"conv{n}d"
    operands = f"input {describe(input)}, weight {describe(weight)}"
    if len(a) != n + 2 or len(b) != n + 2:
        raise ShapeError(f"{name}: Expected {n + 1}D (unbatched) or {n + 2}D (batched) input (batch, channels, {SIZES[n]}) and a {n + 2}D weight "
                         f"(filters, channels, {SIZES[n]}), but got {operands}")
    if b[0] < 1:
        raise ShapeError(f"{name}: Given groups={groups}, expected weight to be at least 1 at dimension 0, but got weight of size {list(b)} instead ({operands})")
    if groups < 1 or b[0] % groups:
        raise ShapeError(f"{name}: expected the number of filters {b[0]} to be divisible by groups={groups} ({operands})")
    if a[1] != b[1] * groups:
        raise ShapeError(f"{name}: Given groups={groups}, weight of size {list(b)}, expected input{list(a)} to have {b[1] * groups} channels, "
                         f"but got {a[1]} channels instead. Channels are dimension 1, after the batch")
    if min(stride) < 1 or min(dilation) < 1:
        raise RuntimeError(f"{name}: non-positive stride or dilation is not supported (stride {stride}, dilation {dilation})")
    if min(min(sides) for sides in padding) < 0:
        raise RuntimeError(f"{name}: negative padding is not supported ({padding})")
    padded = [size + sum(sides) for size, sides in zip(a[2:], padding, strict=True)]
    reach = [spread * (size - 1) + 1 for size, spread in zip(b[2:], dilation, strict=True)]
    if any(size < needed for size, needed in zip(padded, reach, strict=True)):
        raise ShapeError(f"{name}: Calculated padded input size per channel: ({' x '.join(map(str, padded))}). Kernel size: ({' x '.join(map(str, reach))}). "
                         f"Kernel size can't be greater than actual input size ({operands}). Use a smaller kernel or more padding")
    return geometry(a, b, stride, padding, dilation, groups)


def _conv_spec(input: Any, weight: Any, bias: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Meta:
    geo = _image_spec(input, weight, stride, padding, dilation, groups)
    if bias is not None and tuple(bias.shape) != (geo.filters,):
        raise ShapeError(f"conv{len(stride)}d: expected bias to be 1-dimensional with {geo.filters} elements, one for each filter, but got bias {describe(bias)}")
    return Meta((geo.batch, geo.filters, *geo.out), computed_dtype(f"conv{len(stride)}d", "equal", (input, weight, bias)))


SIZES = {1: "length", 2: "height, width", 3: "depth, height, width"}
_LINE: dict[str, Any] = {"stride": (2,), "padding": ((1, 2),), "dilation": (2,), "groups": 1}
_SOLID: dict[str, Any] = {"stride": (1, 1, 1), "padding": ((0, 1), (1, 0), (1, 1)), "dilation": (1, 1, 1), "groups": 2}
_PLAIN: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
_RICH: dict[str, Any] = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@op("convolution(input: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: tuple[int, ...], padding: tuple[tuple[int, int], ...], "
    "dilation: tuple[int, ...], groups: int) -> Tensor", label="conv", promotes="equal", spec=_conv_spec, samples=[
        S((2, 3, 5, 6), (4, 3, 3, 2), (4,), **_PLAIN), S((2, 4, 5, 6), (6, 2, 2, 3), None, **_RICH), S((0, 1, 3, 3), (2, 1, 2, 2), (2,), **_PLAIN),
        S((2, 1, 4, 4), (1, 1, 1, 1), None, **_PLAIN), S((2, 3, 7), (4, 3, 2), (4,), **_LINE), S((1, 4, 3, 4, 3), (4, 2, 2, 3, 2), (4,), **_SOLID),
        S((1, 2, 6, 5), (2, 1, 3, 3), (2,), **{**_PLAIN, "padding": ((1, 1), (1, 1)), "groups": 2}),
        S((2, 3, 5, 5), (4, 2, 3, 3), None, **_PLAIN, error=RuntimeError, match="to have 2 channels, but got 3"),
        S((2, 3, 2, 5), (4, 3, 3, 3), None, **_PLAIN, error=RuntimeError, match="can't be greater than actual input size"),
        S((2, 3, 5, 5), (4, 3, 3, 3), (3,), **_PLAIN, error=RuntimeError, match="expected bias")])
def convolution(xp: Any, input: Any, weight: Any, bias: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Cross-correlation of images (batch, channels, sizes...) with filters, ``padding`` given for both sides of each dimension."""
    geo = geometry(input.shape, weight.shape, stride, padding, dilation, groups)
    if bias is not None and bias.shape != (geo.filters,):
        raise ValueError("convolution: the bias does not fit")
    if geo.small is not None or geo.pointwise:
        columns = _columns(xp, input, geo)
        result = _times(xp, weight.reshape(geo.filters, columns.shape[1]).astype(columns.dtype, copy=False), columns)
        if bias is not None:
            result += bias[:, None]
        return result.reshape(geo.batch, geo.filters, *geo.out).astype(input.dtype, copy=False)
    if bias is not None:
        bias = bias.reshape(geo.filters, *(1,) * len(geo.out))
    work = _Columns(geo, backend_of(input).name, wide_dtype(input.dtype))
    weights = weight.reshape(geo.filters, weight.shape[1], prod(geo.kernel)).swapaxes(1, 2).reshape(geo.groups, 1, work.each, work.rows).astype(work.dtype, copy=False)
    out = xp.empty((geo.batch, geo.filters, *geo.out), dtype=input.dtype)
    matrix, images = work.results(xp, out)
    for samples, n, columns in work.gather(xp, input):
        target = out[samples]
        xp.matmul(weights, columns, out=matrix[samples] if images is None else work.part(matrix, n))
        if bias is not None:
            xp.add(target if images is None else images[:n], bias, out=target, casting="same_kind")
        elif images is not None:
            target[...] = images[:n]
    return out


def _grad_meta(name: str, grad: Any, geo: Geometry, shape: Any, dtype: Any) -> Meta:
    """The result of an adjoint, whose cotangent must have the shape of the convolution's result."""
    expected = (geo.batch, geo.filters, *geo.out)
    if tuple(grad.shape) != expected:
        raise ShapeError(f"{name}: expected a cotangent of the shape {expected}, got {describe(grad)}")
    return Meta(tuple(shape), dtype)


def _input_grad_spec(grad: Any, weight: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Meta:
    dtype = computed_dtype(f"conv{len(stride)}d", "equal", (grad, weight))
    geo = _image_spec(Meta(tuple(shape), dtype), weight, stride, padding, dilation, groups)
    return _grad_meta("convolution_input_grad", grad, geo, shape, dtype)


@op("convolution_input_grad(grad: Tensor, weight: Tensor, *, shape: Sequence[int], stride: tuple[int, ...], padding: tuple[tuple[int, int], ...], "
    "dilation: tuple[int, ...], groups: int) -> Tensor", label="convᵀ", promotes="equal", spec=_input_grad_spec, extra={"written": "conv_transpose"}, samples=[
        S((2, 4, 3, 5), (4, 3, 3, 2), shape=(2, 3, 5, 6), **_PLAIN), S((2, 6, 3, 5), (6, 2, 2, 3), shape=(2, 4, 5, 6), **_RICH),
        S((0, 2, 2, 2), (2, 1, 2, 2), shape=(0, 1, 3, 3), **_PLAIN), S((2, 4, 4), (4, 3, 2), shape=(2, 3, 7), **_LINE),
        S((1, 4, 3, 3, 4), (4, 2, 2, 3, 2), shape=(1, 4, 3, 4, 3), **_SOLID),
        S((2, 4, 3, 4), (4, 3, 3, 2), shape=(2, 3, 5, 6), **_PLAIN, error=RuntimeError, match="expected a cotangent")])
def convolution_input_grad(xp: Any, grad: Any, weight: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The adjoint of ``convolution`` in its input: also known as transposed convolution."""
    geo = geometry(tuple(shape), weight.shape, stride, padding, dilation, groups)
    if grad.shape != (geo.batch, geo.filters, *geo.out):
        raise ValueError("convolution_input_grad: the cotangent does not fit")
    if geo.groups == 1 and geo.kernel == geo.stride and max(geo.dilation) == 1 and geo.padded == geo.image == tuple(map(mul, geo.out, geo.stride)) and grad.size:
        return _side_by_side(xp, grad, weight, geo)
    if geo.small is not None:
        places = geo.small.places(grad)
        wide = wide_dtype(grad.dtype)
        columns = _times(xp, weight.reshape(geo.filters, -1).T.astype(wide, copy=False), grad.reshape(geo.batch, geo.filters, -1).astype(wide, copy=False))
        return places.add(xp, columns, geo.batch * geo.channels).reshape(shape).astype(grad.dtype, copy=False)
    sides = tuple([(spread * (n - 1) - before, spread * (n - 1) - after) for spread, n, (before, after) in zip(dilation, geo.kernel, padding, strict=True)])
    matrices = weight.reshape(geo.groups, geo.filters // geo.groups, *weight.shape[1:])
    if max(stride) == 1 and geo.filters <= (8 if len(stride) > 1 else 2) * geo.channels and min(min(each) for each in sides) >= 0 and grad.size:
        # With stride 1 it is a convolution too, with the filters turned around. It gathers columns of the cotangent, where below columns of the image are spread:
        # half of the work, unless there are many filters for each channel.
        turned = matrices[(..., *[slice(None, None, -1)] * len(stride))].swapaxes(1, 2).reshape(geo.channels, geo.filters // geo.groups, *geo.kernel)
        return convolution.kernel(xp, grad, turned, None, stride=stride, padding=sides, dilation=dilation, groups=groups)
    wide = wide_dtype(grad.dtype)
    matrices = matrices.reshape(geo.groups, geo.filters // geo.groups, prod(weight.shape[1:])).swapaxes(1, 2).astype(wide, copy=False)
    grads = grad.reshape(geo.batch, geo.groups, geo.filters // geo.groups, prod(geo.out)).astype(wide, copy=False)
    total = xp.zeros(shape, dtype=wide)
    pieces = list(geo.pieces(0))
    chunk = _portion(geo, backend_of(grad).name, geo.channels * len(pieces) * prod(geo.out) * matrices.dtype.itemsize)
    for start in range(0, geo.batch, chunk):
        columns = xp.matmul(matrices, grads[start : start + chunk]).reshape(min(chunk, geo.batch - start), geo.channels, *geo.kernel, *geo.out)
        for element, windows, places in pieces:
            target = total[(slice(start, start + chunk), slice(None), *places)]
            target += columns[(slice(None), slice(None), *element, *windows)]
    return total.astype(grad.dtype, copy=False)


def _side_by_side(xp: Any, grad: Any, weight: Any, geo: Geometry) -> Any:
    """``convolution_input_grad`` where windows neither overlap nor leave gaps: one product, whose elements are put in their places."""
    wide = wide_dtype(grad.dtype)
    count = len(geo.out)
    scores = grad.reshape(geo.batch, geo.filters, -1).astype(wide, copy=False)
    columns = xp.matmul(weight.reshape(geo.filters, -1).T.astype(wide, copy=False), scores).reshape(geo.batch, geo.channels, *geo.kernel, *geo.out)
    order = [0, 1]
    for axis in range(2, 2 + count):
        order += [axis + count, axis]
    return columns.transpose(order).reshape(geo.batch, geo.channels, *geo.image).astype(grad.dtype, copy=False)


def _weight_grad_spec(input: Any, grad: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Meta:
    dtype = computed_dtype(f"conv{len(stride)}d", "equal", (input, grad))
    geo = _image_spec(input, Meta(tuple(shape), dtype), stride, padding, dilation, groups)
    return _grad_meta("convolution_weight_grad", grad, geo, shape, dtype)


@op("convolution_weight_grad(input: Tensor, grad: Tensor, *, shape: Sequence[int], stride: tuple[int, ...], padding: tuple[tuple[int, int], ...], "
    "dilation: tuple[int, ...], groups: int) -> Tensor", label="conv∂w", promotes="equal", spec=_weight_grad_spec, samples=[
        S((2, 3, 5, 6), (2, 4, 3, 5), shape=(4, 3, 3, 2), **_PLAIN), S((2, 4, 5, 6), (2, 6, 3, 5), shape=(6, 2, 2, 3), **_RICH),
        S((0, 1, 3, 3), (0, 2, 2, 2), shape=(2, 1, 2, 2), **_PLAIN), S((2, 3, 7), (2, 4, 4), shape=(4, 3, 2), **_LINE),
        S((1, 4, 3, 4, 3), (1, 4, 3, 3, 4), shape=(4, 2, 2, 3, 2), **_SOLID),
        S((2, 3, 5, 6), (2, 4, 3, 4), shape=(4, 3, 3, 2), **_PLAIN, error=RuntimeError, match="expected a cotangent")])
def convolution_weight_grad(xp: Any, input: Any, grad: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The adjoint of ``convolution`` in its weight."""
    geo = geometry(input.shape, tuple(shape), stride, padding, dilation, groups)
    if grad.shape != (geo.batch, geo.filters, *geo.out):
        raise ValueError("convolution_weight_grad: the cotangent does not fit")
    if geo.small is not None:
        columns = _columns(xp, input, geo)
        scores = grad.reshape(geo.batch, geo.filters, -1).astype(columns.dtype, copy=False)
        products = scores[0].dot(columns[0].T) if geo.batch == 1 else xp.matmul(scores, columns.swapaxes(1, 2)).sum(axis=0)
        return products.reshape(shape).astype(input.dtype, copy=False)
    work = _Columns(geo, backend_of(input).name, wide_dtype(input.dtype), shortest=64)
    matrix, images = work.results(xp, grad)
    total = xp.zeros((geo.groups, work.rows, work.each), dtype=work.dtype)  # this way round products are faster
    for samples, n, columns in work.gather(xp, input):
        if images is not None:
            images[:n] = grad[samples]
        scores = matrix[samples] if images is None else work.part(matrix, n)
        total += xp.matmul(columns, scores.swapaxes(3, 4)).sum(axis=(0, 2))
    total = total.swapaxes(1, 2).reshape(geo.filters, prod(geo.kernel), shape[1]).swapaxes(1, 2)
    return xp.ascontiguousarray(total).reshape(shape).astype(input.dtype, copy=False)


@convolution.vjp("input")
def _(F: Any, g: Any, weight: Any, input_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return F.convolution_input_grad(g, weight, shape=input_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution.vjp("weight")
def _(F: Any, g: Any, input: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return F.convolution_weight_grad(input, g, shape=weight_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution.vjp("bias")
def _(F: Any, g: Any) -> Any:
    return F.sum(g, dim=(0, *range(2, g.ndim)))


@convolution_input_grad.vjp("grad")
def _(F: Any, g: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return F.convolution(g, weight, None, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution_input_grad.vjp("weight")
def _(F: Any, g: Any, grad: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return F.convolution_weight_grad(g, grad, shape=weight_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution_weight_grad.vjp("input")
def _(F: Any, g: Any, grad: Any, input_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return F.convolution_input_grad(grad, g, shape=input_shape, stride=stride, padding=padding, dilation=dilation, groups=groups)


@convolution_weight_grad.vjp("grad")
def _(F: Any, g: Any, input: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return F.convolution(input, g, None, stride=stride, padding=padding, dilation=dilation, groups=groups)
