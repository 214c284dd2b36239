"""Convolution in any number of dimensions: one bilinear op and its two adjoints, which are closed under differentiation.

With ``*`` for the convolution of ``input`` and ``weight``, the gradient of either is again a convolution:
``input_grad(g, weight)`` is the adjoint in ``input`` and ``weight_grad(input, g)`` the one in ``weight``. The rules
of all three name only these three, so derivatives of every order exist.

Each kernel gathers patches into the columns of a matrix and multiplies matrices. A few samples are done at a time,
so that the columns stay in the processor's cache and the memory they need does not grow with the batch. With stride 1
a column is a contiguous piece of the padded image, row ends included: copying it is one long copy for each kernel
element, and the results at the row ends are left out. Small images are gathered by index.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from operator import mul
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..errors import ShapeError, describe
from ..kernels.sliding import SMALL, Places, SmallImages
from ..kernels.strided import strided
from ..op import S, op
from ..spec import Meta, computed_dtype
from .reduce import wide_dtype

_COLUMN_BYTES = {"cpu": 3 << 18, "cuda": 1 << 28}
"""Columns at a time: what fits a processor's cache, or what keeps a GPU busy."""


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
    memory: tuple[int, ...]
    """The images with their padding as they lie in memory: rows that columns are pieces of share the zeros between the end of one and the start of the next."""
    positions: tuple[int, ...]
    """The shape of a column's row: output positions; where columns are pieces of whole padded rows, the last two dimensions are one, row ends included."""
    small: SmallImages | None
    """Where the windows' elements lie, of small images without groups."""

    @property
    def flat(self) -> bool:
        """Whether columns are pieces of whole padded rows."""
        return len(self.positions) < len(self.out)


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
    row = max(image[-1] + max(padding[-1]), out[-1])
    flat = len(out) > 1 and max(stride) == 1 and 2 * row <= 3 * out[-1]
    positions = (*out[:-2], out[-2] * row) if flat else out
    memory = (*padded[:-1], row) if flat else padded
    start = tuple(before for before, _ in padding)
    few = groups == 1 and 0 < batch * channels * prod(kernel) * prod(out) <= SMALL and batch * channels * prod(image) <= SMALL
    small = SmallImages(tuple(image), tuple(kernel), stride, start, dilation, out) if few else None
    return Geometry(batch, channels, filters, groups, tuple(image), tuple(kernel), stride, start, dilation, padded, out, memory, positions, small)


def _columns(xp: Any, images: Any, geo: Geometry, places: Places) -> Any:
    """All windows of small images: (batch, channels times elements, windows)."""
    images = images.astype(wide_dtype(images.dtype), copy=False)
    return places.read(xp, images, geo.batch * geo.channels).reshape(geo.batch, geo.channels * places.elements, places.windows)


def _times(xp: Any, matrix: Any, columns: Any) -> Any:
    """``matrix`` times the matrix of each sample."""
    return matrix.dot(columns[0])[None] if len(columns) == 1 else xp.matmul(matrix, columns)  # dot is half of a call


class _Work:
    """The buffers in which a few samples at a time are convolved."""

    def __init__(self, xp: Any, like: Any, geo: Geometry) -> None:
        self.xp = xp
        self.geo = geo
        self.dtype = wide_dtype(like.dtype)
        self.rows = geo.channels * prod(geo.kernel)
        self.length = prod(geo.positions)
        bytes_each = max(1, self.rows * self.length * like.dtype.itemsize)
        self.chunk = max(1, min(geo.batch, _COLUMN_BYTES[backend_of(like).name] // bytes_each))

    def chunks(self) -> range:
        """The first sample of each portion."""
        return range(0, self.geo.batch, self.chunk)

    def _steps(self, memory: Any) -> list[int]:
        """The strides of padded images' dimensions in flat memory."""
        steps = [memory.strides[2]]
        for n in self.geo.memory[:0:-1]:
            steps.insert(0, steps[0] * n)
        return steps

    def padded(self) -> tuple[Any, Any]:
        """Zeros for padded images, flat, and the part of them that the images fill."""
        geo, xp = self.geo, self.xp
        slack = (geo.kernel[-1] - 1) * geo.dilation[-1]
        memory = xp.zeros((self.chunk, geo.channels, prod(geo.memory) + slack), dtype=self.dtype)
        whole = strided(xp, memory, (self.chunk, geo.channels, *geo.memory), (*memory.strides[:2], *self._steps(memory)))
        return memory, whole[(slice(None), slice(None), *(slice(first, first + n) for first, n in zip(geo.start, geo.image, strict=True)))]

    def patches(self, memory: Any) -> Any:
        """The view of padded images as (sample, channel, element of the kernel..., position...)."""
        geo = self.geo
        steps = self._steps(memory)
        kernel_steps = (step * spread for step, spread in zip(steps, geo.dilation, strict=True))
        position_steps = [step * stride for step, stride in zip(steps, geo.stride, strict=True)]
        if geo.flat:
            del position_steps[-2]
        return strided(self.xp, memory, (self.chunk, geo.channels, *geo.kernel, *geo.positions), (*memory.strides[:2], *kernel_steps, *position_steps))

    def columns(self, count: int) -> Any:
        """Memory for ``count`` rows per group and sample, as matrices."""
        return self.xp.empty((self.chunk, self.geo.groups, count // self.geo.groups, self.length), dtype=self.dtype)

    def cotangent(self) -> tuple[Any, Any]:
        """Memory for cotangents as matrices, zero at row ends, and the part of it that they fill."""
        geo = self.geo
        matrix = self.xp.zeros((self.chunk, geo.groups, geo.filters // geo.groups, self.length), dtype=self.dtype)
        return matrix, self.outputs(matrix)

    def outputs(self, matrix: Any) -> Any:
        """The view of matrices as images of results."""
        geo = self.geo
        return matrix.reshape(self.chunk, geo.filters, *geo.out[:-1], self.length // prod(geo.out[:-1]))[..., : geo.out[-1]]

    def weights(self, weight: Any) -> Any:
        """The weights as one matrix for each group."""
        geo = self.geo
        return weight.astype(self.dtype, copy=False).reshape(geo.groups, geo.filters // geo.groups, self.rows // geo.groups)


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
    if geo.small is not None:
        places = geo.small.places(input)
        columns = _columns(xp, input, geo, places)
        result = _times(xp, weight.reshape(geo.filters, columns.shape[1]).astype(columns.dtype, copy=False), columns)
        if bias is not None:
            result += bias[:, None]
        return result.reshape(geo.batch, geo.filters, *geo.out).astype(input.dtype, copy=False)
    work = _Work(xp, input, geo)
    memory, inside = work.padded()
    patches = work.patches(memory)
    columns = work.columns(work.rows)
    filled = columns.reshape(patches.shape)
    result = work.columns(geo.filters)
    images = work.outputs(result)
    weights = work.weights(weight)
    out = xp.empty((geo.batch, geo.filters, *geo.out), dtype=input.dtype)
    if bias is not None:
        bias = bias.reshape(geo.filters, *(1,) * len(geo.out))
    for start in work.chunks():
        n = min(work.chunk, geo.batch - start)
        inside[:n] = input[start : start + n]
        filled[:n] = patches[:n]
        xp.matmul(weights, columns[:n], out=result[:n])
        if bias is None:
            out[start : start + n] = images[:n]
        else:
            xp.add(images[:n], bias, out=out[start : start + n], casting="same_kind")
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
    if geo.groups == 1 and max(stride) == 1 and geo.filters <= 2 * geo.channels and min(min(each) for each in sides) >= 0 and grad.size:
        # With stride 1 it is a convolution too, with the filters turned around. It gathers columns of the cotangent, where below columns of the image are spread:
        # half of the work, unless there are many filters for each channel.
        turned = weight[(slice(None), slice(None), *[slice(None, None, -1)] * len(stride))].swapaxes(0, 1)
        return convolution.kernel(xp, grad, turned, None, stride=stride, padding=sides, dilation=dilation, groups=1)
    work = _Work(xp, grad, geo)
    cotangent, filled = work.cotangent()
    columns = work.columns(work.rows)
    contributions = columns.reshape(work.chunk, geo.channels, *geo.kernel, *geo.positions)
    memory, inside = work.padded()
    patches = work.patches(memory)
    weights = work.weights(weight).swapaxes(1, 2)
    out = xp.empty(shape, dtype=grad.dtype)
    for start in work.chunks():
        n = min(work.chunk, geo.batch - start)
        filled[:n] = grad[start : start + n]
        xp.matmul(weights, cotangent[:n], out=columns[:n])
        memory[:n] = 0
        for element in product(*map(range, geo.kernel)):
            patch = patches[(slice(n), slice(None), *element)]
            patch += contributions[(slice(n), slice(None), *element)]
        out[start : start + n] = inside[:n]
    return out


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
        places = geo.small.places(input)
        columns = _columns(xp, input, geo, places)
        scores = grad.reshape(geo.batch, geo.filters, -1).astype(columns.dtype, copy=False)
        products = scores[0].dot(columns[0].T) if geo.batch == 1 else xp.matmul(scores, columns.swapaxes(1, 2)).sum(axis=0)
        return products.reshape(shape).astype(input.dtype, copy=False)
    work = _Work(xp, input, geo)
    memory, inside = work.padded()
    patches = work.patches(memory)
    columns = work.columns(work.rows)
    loaded = columns.reshape(patches.shape)
    transposed = columns.swapaxes(2, 3)
    cotangent, filled = work.cotangent()
    total = xp.zeros((geo.groups, geo.filters // geo.groups, work.rows // geo.groups), dtype=work.dtype)
    for start in work.chunks():
        n = min(work.chunk, geo.batch - start)
        inside[:n] = input[start : start + n]
        loaded[:n] = patches[:n]
        filled[:n] = grad[start : start + n]
        total += xp.matmul(cotangent[:n], transposed[:n]).sum(axis=0)
    return total.reshape(shape).astype(input.dtype, copy=False)


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
