"""Convolution: one bilinear op and its two adjoints, which are closed under differentiation.

With ``*`` for the convolution of ``input`` and ``weight``, the gradient of either is again a convolution:
``input_grad(g, weight)`` is the adjoint in ``input`` and ``weight_grad(input, g)`` the one in ``weight``. The rules
of all three name only these three, so derivatives of every order exist.

Each kernel gathers patches into the columns of a matrix and multiplies matrices. A few samples are done at a time,
so that the columns stay in the processor's cache and the memory they need does not grow with the batch. With stride 1
a column is a contiguous piece of the padded image, row ends included: copying it is one long copy for each kernel
element, and the results at the row ends are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..errors import ShapeError, describe
from ..op import TORCH_NN, S, composite, op
from ..spec import Meta, computed_dtype
from .reduce import wide_dtype

_COLUMN_BYTES = {"cpu": 3 << 18, "cuda": 1 << 28}
"""Columns at a time: what fits a processor's cache, or what keeps a GPU busy."""


class Geometry(NamedTuple):
    """The sizes of one convolution."""

    batch: int
    channels: int
    height: int
    width: int
    filters: int
    groups: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    start: tuple[int, int]
    dilation: tuple[int, int]
    padded: tuple[int, int]
    out: tuple[int, int]
    flat: bool
    """Whether columns are pieces of whole padded rows."""
    length: int
    """The length of a column's row: output positions, or those and the row ends."""


@lru_cache(maxsize=512)
def geometry(input_shape: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The sizes that follow from two shapes and the attributes; ``ValueError`` where they do not fit."""
    batch, channels, height, width = input_shape
    filters, inner, *kernel = weight_shape
    (top, bottom), (left, right) = padding
    padded = (height + top + bottom, width + left + right)
    out = tuple((padded[i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in (0, 1))
    divided = groups > 0 and inner * groups == channels and filters % groups == 0
    if not divided or min(*stride, *dilation, *out) < 1 or min(top, bottom, left, right) < 0:
        raise ValueError("convolution: the sizes do not fit")
    flat = tuple(stride) == (1, 1) and 2 * padded[1] <= 3 * out[1]
    length = out[0] * (padded[1] if flat else out[1])
    return Geometry(batch, channels, height, width, filters, groups, (kernel[0], kernel[1]), stride, (top, left), dilation, padded, (out[0], out[1]), flat,
                    length)


class _Work:
    """The buffers in which a few samples at a time are convolved."""

    def __init__(self, xp: Any, like: Any, geo: Geometry) -> None:
        self.xp = xp
        self.geo = geo
        self.dtype = wide_dtype(like.dtype)
        self.rows = geo.channels * geo.kernel[0] * geo.kernel[1]
        bytes_each = max(1, self.rows * geo.length * like.dtype.itemsize)
        self.chunk = max(1, min(geo.batch, _COLUMN_BYTES[backend_of(like).name] // bytes_each))

    def chunks(self) -> range:
        """The first sample of each portion."""
        return range(0, self.geo.batch, self.chunk)

    def padded(self) -> tuple[Any, Any]:
        """Zeros for padded images, flat, and the part of them that the images fill."""
        geo, xp = self.geo, self.xp
        height, width = geo.padded
        slack = (geo.kernel[1] - 1) * geo.dilation[1]
        memory = xp.zeros((self.chunk, geo.channels, height * width + slack), dtype=self.dtype)
        s0, s1, s2 = memory.strides
        whole = xp.lib.stride_tricks.as_strided(memory, (self.chunk, geo.channels, height, width), (s0, s1, s2 * width, s2))
        top, left = geo.start
        return memory, whole[:, :, top : top + geo.height, left : left + geo.width]

    def patches(self, memory: Any) -> Any:
        """The view of padded images as (sample, channel, kernel row, kernel column, positions...)."""
        geo = self.geo
        s0, s1, s2 = memory.strides
        row = s2 * geo.padded[1]
        shape = (self.chunk, geo.channels, *geo.kernel)
        strides = (s0, s1, row * geo.dilation[0], s2 * geo.dilation[1])
        if geo.flat:
            return self.xp.lib.stride_tricks.as_strided(memory, (*shape, geo.length), (*strides, s2))
        return self.xp.lib.stride_tricks.as_strided(memory, (*shape, *geo.out), (*strides, row * geo.stride[0], s2 * geo.stride[1]))

    def columns(self, count: int) -> Any:
        """Memory for ``count`` rows per group and sample, as matrices."""
        return self.xp.empty((self.chunk, self.geo.groups, count // self.geo.groups, self.geo.length), dtype=self.dtype)

    def cotangent(self) -> tuple[Any, Any]:
        """Memory for cotangents as matrices, zero at row ends, and the part of it that they fill."""
        geo = self.geo
        matrix = self.xp.zeros((self.chunk, geo.groups, geo.filters // geo.groups, geo.length), dtype=self.dtype)
        return matrix, self.outputs(matrix)

    def outputs(self, matrix: Any) -> Any:
        """The view of matrices as images of results."""
        geo = self.geo
        return matrix.reshape(self.chunk, geo.filters, geo.out[0], -1)[:, :, :, : geo.out[1]]

    def weights(self, weight: Any) -> Any:
        """The weights as one matrix for each group."""
        geo = self.geo
        return weight.astype(self.dtype, copy=False).reshape(geo.groups, geo.filters // geo.groups, self.rows // geo.groups)


def _image_spec(input: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The geometry, or the error a user should read."""
    a, b = tuple(input.shape), tuple(weight.shape)
    operands = f"input {describe(input)}, weight {describe(weight)}"
    if len(a) != 4 or len(b) != 4:
        raise ShapeError(f"conv2d: Expected 3D (unbatched) or 4D (batched) input and a 4D weight (filters, channels, height, width), but got {operands}")
    if groups < 1 or b[0] % groups:
        raise ShapeError(f"conv2d: expected the number of filters {b[0]} to be divisible by groups={groups} ({operands})")
    if a[1] != b[1] * groups:
        raise ShapeError(f"conv2d: Given groups={groups}, weight of size {list(b)}, expected input{list(a)} to have {b[1] * groups} channels, "
                         f"but got {a[1]} channels instead. The images are (batch, channels, height, width)")
    if min(stride) < 1 or min(dilation) < 1:
        raise RuntimeError(f"conv2d: non-positive stride or dilation is not supported (stride {stride}, dilation {dilation})")
    if min(*padding[0], *padding[1]) < 0:
        raise RuntimeError(f"conv2d: negative padding is not supported ({padding})")
    padded = tuple(a[2 + i] + padding[i][0] + padding[i][1] for i in (0, 1))
    reach = tuple(dilation[i] * (b[2 + i] - 1) + 1 for i in (0, 1))
    if padded[0] < reach[0] or padded[1] < reach[1]:
        raise ShapeError(f"conv2d: Calculated padded input size per channel: ({padded[0]} x {padded[1]}). Kernel size: ({reach[0]} x {reach[1]}). "
                         f"Kernel size can't be greater than actual input size ({operands}). Use a smaller kernel or more padding")
    return geometry(a, b, stride, padding, dilation, groups)


def _conv_spec(input: Any, weight: Any, bias: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Meta:
    geo = _image_spec(input, weight, stride, padding, dilation, groups)
    if bias is not None and tuple(bias.shape) != (geo.filters,):
        raise ShapeError(f"conv2d: expected bias to be 1-dimensional with {geo.filters} elements, one for each filter, but got bias {describe(bias)}")
    return Meta((geo.batch, geo.filters, *geo.out), computed_dtype("conv2d", "equal", (input, weight, bias)))


_PLAIN: dict[str, Any] = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
_RICH: dict[str, Any] = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}


@op("convolution(input: Tensor, weight: Tensor, bias: Tensor | None = None, *, stride: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]], "
    "dilation: tuple[int, int], groups: int) -> Tensor", label="conv2d", promotes="equal", spec=_conv_spec, samples=[
        S((2, 3, 5, 6), (4, 3, 3, 2), (4,), **_PLAIN), S((2, 4, 5, 6), (6, 2, 2, 3), None, **_RICH), S((0, 1, 3, 3), (2, 1, 2, 2), (2,), **_PLAIN),
        S((2, 1, 4, 4), (1, 1, 1, 1), None, **_PLAIN), S((1, 2, 6, 5), (2, 1, 3, 3), (2,), **{**_PLAIN, "padding": ((1, 1), (1, 1)), "groups": 2}),
        S((2, 3, 5, 5), (4, 2, 3, 3), None, **_PLAIN, error=RuntimeError, match="to have 2 channels, but got 3"),
        S((2, 3, 2, 5), (4, 3, 3, 3), None, **_PLAIN, error=RuntimeError, match="can't be greater than actual input size"),
        S((2, 3, 5, 5), (4, 3, 3, 3), (3,), **_PLAIN, error=RuntimeError, match="expected bias")])
def convolution(xp: Any, input: Any, weight: Any, bias: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Cross-correlation of images (batch, channels, height, width) with filters, ``padding`` given for each of the four sides."""
    geo = geometry(input.shape, weight.shape, stride, padding, dilation, groups)
    if bias is not None and bias.shape != (geo.filters,):
        raise ValueError("convolution: the bias does not fit")
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
        bias = bias.reshape(geo.filters, 1, 1)
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
    dtype = computed_dtype("conv2d", "equal", (grad, weight))
    geo = _image_spec(Meta(tuple(shape), dtype), weight, stride, padding, dilation, groups)
    return _grad_meta("convolution_input_grad", grad, geo, shape, dtype)


@op("convolution_input_grad(grad: Tensor, weight: Tensor, *, shape: Sequence[int], stride: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]], "
    "dilation: tuple[int, int], groups: int) -> Tensor", label="conv2dᵀ", promotes="equal", spec=_input_grad_spec, samples=[
        S((2, 4, 3, 5), (4, 3, 3, 2), shape=(2, 3, 5, 6), **_PLAIN), S((2, 6, 3, 5), (6, 2, 2, 3), shape=(2, 4, 5, 6), **_RICH),
        S((0, 2, 2, 2), (2, 1, 2, 2), shape=(0, 1, 3, 3), **_PLAIN),
        S((2, 4, 3, 4), (4, 3, 3, 2), shape=(2, 3, 5, 6), **_PLAIN, error=RuntimeError, match="expected a cotangent")])
def convolution_input_grad(xp: Any, grad: Any, weight: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The adjoint of ``convolution`` in its input: also known as transposed convolution."""
    geo = geometry(tuple(shape), weight.shape, stride, padding, dilation, groups)
    if grad.shape != (geo.batch, geo.filters, *geo.out):
        raise ValueError("convolution_input_grad: the cotangent does not fit")
    work = _Work(xp, grad, geo)
    cotangent, filled = work.cotangent()
    columns = work.columns(work.rows)
    contributions = columns.reshape(work.chunk, geo.channels, *geo.kernel, *((geo.length,) if geo.flat else geo.out))
    memory, inside = work.padded()
    patches = work.patches(memory)
    weights = work.weights(weight).swapaxes(1, 2)
    out = xp.empty(shape, dtype=grad.dtype)
    for start in work.chunks():
        n = min(work.chunk, geo.batch - start)
        filled[:n] = grad[start : start + n]
        xp.matmul(weights, cotangent[:n], out=columns[:n])
        memory[:n] = 0
        for i in range(geo.kernel[0]):
            for j in range(geo.kernel[1]):
                patch = patches[:n, :, i, j]
                patch += contributions[:n, :, i, j]
        out[start : start + n] = inside[:n]
    return out


def _weight_grad_spec(input: Any, grad: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Meta:
    dtype = computed_dtype("conv2d", "equal", (input, grad))
    geo = _image_spec(input, Meta(tuple(shape), dtype), stride, padding, dilation, groups)
    return _grad_meta("convolution_weight_grad", grad, geo, shape, dtype)


@op("convolution_weight_grad(input: Tensor, grad: Tensor, *, shape: Sequence[int], stride: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]], "
    "dilation: tuple[int, int], groups: int) -> Tensor", label="conv2d∂w", promotes="equal", spec=_weight_grad_spec, samples=[
        S((2, 3, 5, 6), (2, 4, 3, 5), shape=(4, 3, 3, 2), **_PLAIN), S((2, 4, 5, 6), (2, 6, 3, 5), shape=(6, 2, 2, 3), **_RICH),
        S((0, 1, 3, 3), (0, 2, 2, 2), shape=(2, 1, 2, 2), **_PLAIN),
        S((2, 3, 5, 6), (2, 4, 3, 4), shape=(4, 3, 3, 2), **_PLAIN, error=RuntimeError, match="expected a cotangent")])
def convolution_weight_grad(xp: Any, input: Any, grad: Any, *, shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The adjoint of ``convolution`` in its weight."""
    geo = geometry(input.shape, tuple(shape), stride, padding, dilation, groups)
    if grad.shape != (geo.batch, geo.filters, *geo.out):
        raise ValueError("convolution_weight_grad: the cotangent does not fit")
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
    return F.sum(g, dim=(0, 2, 3))


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


# --- public functions ---------------------------------------------------------------------------------------------


def pair(value: Any, name: str, op_name: str, count: int = 2) -> tuple[int, ...]:
    """One int for each of ``count`` dimensions, from an int or a sequence."""
    if isinstance(value, int):
        return (value,) * count
    values = tuple(int(n) for n in value)
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise RuntimeError(f"{op_name}: expected {name} to be a single integer value or a list of {count} values, but got {values}")
    return values


def _sides(padding: Any, kernel: Any, stride: Any, dilation: Any, op_name: str) -> tuple[tuple[int, int], ...]:
    """Padding before and after, for each dimension."""
    count = len(kernel)
    if padding == "valid":
        return ((0, 0),) * count
    if padding == "same":
        if any(step != 1 for step in stride):
            raise RuntimeError(f"{op_name}: padding='same' is not supported for strided convolutions. Give the padding as numbers")
        totals = [spread * (size - 1) for spread, size in zip(dilation, kernel, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str):
        raise ValueError(f"{op_name}: Invalid padding string {padding!r}, should be one of 'valid', 'same'")
    return tuple((n, n) for n in pair(padding, "padding", op_name, count))


@composite("conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1, padding: int | str | Sequence[int] = 0, "
           "dilation: int | Sequence[int] = 1, groups: int = 1) -> Tensor", places=TORCH_NN)
def conv2d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Cross-correlation of images with filters.

    ``input`` is (batch, channels, height, width) or without batch, ``weight`` (filters, channels / groups, kernel height,
    kernel width), ``bias`` (filters,). ``padding`` with zeros is an int, a pair, ``'valid'`` (none) or ``'same'`` (the
    result has the input's size; stride 1 only). Raises ``RuntimeError`` for shapes that do not fit.

    >>> import autograd_core as ag
    >>> ag.conv2d(ag.ones(1, 1, 3, 3), ag.ones(1, 1, 2, 2))
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    stride, dilation = pair(stride, "stride", "conv2d"), pair(dilation, "dilation", "conv2d")
    sides = _sides(padding, weight.shape[2:], stride, dilation, "conv2d") if weight.ndim == 4 else ((0, 0), (0, 0))
    batched = input.ndim != 3
    out = F.convolution(input if batched else F.unsqueeze(input, dim=0), weight, bias, stride=stride, padding=sides, dilation=dilation, groups=groups)
    return out if batched else F.squeeze(out, dim=0)


@composite("conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1, padding: int | str | Sequence[int] = 0, "
           "dilation: int | Sequence[int] = 1, groups: int = 1) -> Tensor", places=TORCH_NN)
def conv1d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Cross-correlation of sequences (batch, channels, length), or without batch, with filters (filters, channels / groups, kernel size)."""
    if weight.ndim != 3 or input.ndim not in (2, 3):
        raise ShapeError(f"conv1d: Expected 2D (unbatched) or 3D (batched) input and a 3D weight (filters, channels, length), but got input {describe(input)}, "
                         f"weight {describe(weight)}")
    (step,), (spread,) = pair(stride, "stride", "conv1d", 1), pair(dilation, "dilation", "conv1d", 1)
    sides = _sides(padding, weight.shape[2:], (step,), (spread,), "conv1d")
    batched = input.ndim == 3
    image = F.unsqueeze(input if batched else F.unsqueeze(input, dim=0), dim=2)
    out = F.convolution(image, F.unsqueeze(weight, dim=2), bias, stride=(1, step), padding=((0, 0), sides[0]), dilation=(1, spread), groups=groups)
    out = F.squeeze(out, dim=2)
    return out if batched else F.squeeze(out, dim=0)


@composite("conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1, padding: int | Sequence[int] = 0, "
           "output_padding: int | Sequence[int] = 0, groups: int = 1, dilation: int | Sequence[int] = 1) -> Tensor", places=TORCH_NN)
def conv_transpose2d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
                     dilation: Any = 1) -> Any:
    """The adjoint of ``conv2d``: from (batch, channels, height, width) to larger images, with ``weight`` (channels, filters / groups, ...).

    ``output_padding`` adds rows and columns at the end, where a stride leaves the size open.
    """
    name = "conv_transpose2d"
    stride, dilation = pair(stride, "stride", name), pair(dilation, "dilation", name)
    edges, extra = pair(padding, "padding", name), pair(output_padding, "output_padding", name)
    if input.ndim not in (3, 4) or weight.ndim != 4 or input.shape[-3] != weight.shape[0]:
        raise ShapeError(f"{name}: expected input (batch, channels, height, width) and weight (channels, filters / groups, height, width), "
                         f"but got input {describe(input)}, weight {describe(weight)}")
    if any(extra[i] >= max(stride[i], dilation[i]) for i in (0, 1)):
        raise RuntimeError(f"{name}: output padding must be smaller than either stride or dilation, but got output_padding {extra}, "
                           f"stride {stride}, dilation {dilation}")
    batched = input.ndim == 4
    image = input if batched else F.unsqueeze(input, dim=0)
    sizes = [(image.shape[2 + i] - 1) * stride[i] - 2 * edges[i] + dilation[i] * (weight.shape[2 + i] - 1) + extra[i] + 1 for i in (0, 1)]
    shape = (image.shape[0], weight.shape[1] * groups, *sizes)
    out = F.convolution_input_grad(image, weight, shape=shape, stride=stride, padding=tuple((n, n) for n in edges), dilation=dilation, groups=groups)
    if bias is not None:
        out = out + F.reshape(bias, shape=(-1, 1, 1))
    return out if batched else F.squeeze(out, dim=0)
