"""The convolutions of one, two and three dimensions and their adjoints, as PyTorch's functions."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..op import TORCH_NN, composite
from ..spec import remembered
from .convolution import SIZES


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
        raise RuntimeError(f"{op_name}: Invalid padding string {padding!r}, should be one of 'valid', 'same'")
    return tuple((n, n) for n in pair(padding, "padding", op_name, count))


@remembered
def _attributes(name: str, count: int, weight_shape: Any, stride: Any, padding: Any, dilation: Any) -> dict[str, Any]:
    """The attributes of ``convolution``."""
    stride, dilation = pair(stride, "stride", name, count), pair(dilation, "dilation", name, count)
    sides = _sides(padding, weight_shape[2:], stride, dilation, name) if len(weight_shape) == count + 2 else ((0, 0),) * count
    return {"stride": stride, "padding": sides, "dilation": dilation}


def _convolved(F: Any, count: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """``convolution`` of images of ``count`` dimensions, with or without batch."""
    attrs = _attributes(f"conv{count}d", count, weight.shape, stride, padding, dilation)
    if input.ndim != count + 1:
        return F.convolution(input, weight, bias, **attrs, groups=groups)
    return F.squeeze(F.convolution(F.unsqueeze(input, dim=0), weight, bias, **attrs, groups=groups), dim=0)


_ARGUMENTS = ("(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1, padding: int | str | Sequence[int] = 0, "
              "dilation: int | Sequence[int] = 1, groups: int = 1) -> Tensor")


@composite("conv1d" + _ARGUMENTS, places=TORCH_NN)
def conv1d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Cross-correlation of sequences (batch, channels, length), or without batch, with filters (filters, channels / groups, kernel size). See ``conv2d``."""
    return _convolved(F, 1, input, weight, bias, stride, padding, dilation, groups)


@composite("conv2d" + _ARGUMENTS, places=TORCH_NN)
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
    return _convolved(F, 2, input, weight, bias, stride, padding, dilation, groups)


@composite("conv3d" + _ARGUMENTS, places=TORCH_NN)
def conv3d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    """Cross-correlation of volumes (batch, channels, depth, height, width), or without batch, with filters of three dimensions. See ``conv2d``."""
    return _convolved(F, 3, input, weight, bias, stride, padding, dilation, groups)


@remembered
def _transposed_attributes(name: str, count: int, shape: Any, weight_shape: Any, bias_shape: Any, stride: Any, padding: Any, output_padding: Any, groups: int,
                           dilation: Any) -> tuple[dict[str, Any], list[int] | None]:
    """The attributes of ``convolution_input_grad``, but for the batch, checked; and how to pad its result, if at all."""
    stride, dilation = pair(stride, "stride", name, count), pair(dilation, "dilation", name, count)
    edges, extra = pair(padding, "padding", name, count), pair(output_padding, "output_padding", name, count)
    operands = f"input {tuple(shape)}, weight {tuple(weight_shape)}"
    if len(shape) not in (count + 1, count + 2) or len(weight_shape) != count + 2:
        raise ShapeError(f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input (batch, channels, {SIZES[count]}) and a {count + 2}D weight "
                         f"(channels, filters / groups, {SIZES[count]}), but got {operands}")
    if min(stride) < 1 or min(dilation) < 1:
        raise RuntimeError(f"{name}: non-positive stride or dilation is not supported (stride {stride}, dilation {dilation})")
    if min(edges) < 0 or min(extra) < 0:
        raise RuntimeError(f"{name}: negative padding is not supported (padding {edges}, output_padding {extra})")
    channels = shape[-count - 1]
    if groups < 1 or channels != weight_shape[0] or channels % groups:
        raise ShapeError(f"{name}: Given transposed=1, weight of size {list(weight_shape)}, expected input{list(shape)} to have {weight_shape[0]} channels, "
                         f"a multiple of groups={groups}, but got {channels} channels instead")
    filters = weight_shape[1] * groups
    if bias_shape is not None and tuple(bias_shape) != (filters,):
        raise ShapeError(f"{name}: expected bias to be 1-dimensional with {filters} elements, one for each filter, but got bias {tuple(bias_shape)}")
    if any(more >= max(step, spread) for more, step, spread in zip(extra, stride, dilation, strict=True)):
        raise RuntimeError(f"{name}: output padding must be smaller than either stride or dilation, but got output_padding {extra}, stride {stride}, dilation {dilation}")
    lengths, kernel = tuple(shape[-count:]), tuple(weight_shape[2:])
    sizes = [(lengths[i] - 1) * stride[i] - 2 * edges[i] + dilation[i] * (kernel[i] - 1) + extra[i] + 1 for i in range(count)]
    if min(sizes) < 1:
        raise ShapeError(f"{name}: Given input size per channel: {list(lengths)}. Calculated output size per channel: {sizes}. Output size is too small ({operands})")
    far = any(more >= step for more, step in zip(extra, stride, strict=True))  # more rows than the adjoint has: all of them, then cropped or filled up
    sides = tuple((edge, 0 if far else edge) for edge in edges)
    whole = [size + edge - more for size, edge, more in zip(sizes, edges, extra, strict=True)] if far else sizes
    widths = [width for more, edge in zip(extra[::-1], edges[::-1], strict=True) for width in (0, more - edge)] if far else None
    return {"shape": (1, filters, *whole), "stride": stride, "padding": sides, "dilation": dilation, "groups": groups}, widths


def _transposed(F: Any, count: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any) -> Any:
    """The adjoint of ``convolution`` in its input, as a function of its own."""
    shape = input.shape
    attrs, widths = _transposed_attributes(f"conv_transpose{count}d", count, shape, weight.shape, None if bias is None else bias.shape, stride, padding, output_padding,
                                           groups, dilation)
    batched = len(shape) == count + 2
    if batched and shape[0] != 1:
        attrs = {**attrs, "shape": (shape[0], *attrs["shape"][1:])}
    out = F.convolution_input_grad(input if batched else F.unsqueeze(input, dim=0), weight, **attrs)
    if widths is not None:
        out = F.pad(out, widths)
    if bias is not None:
        out = out + F.reshape(bias, shape=(-1, *(1,) * count))
    return out if batched else F.squeeze(out, dim=0)


_TRANSPOSED = ("(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int | Sequence[int] = 1, padding: int | Sequence[int] = 0, "
               "output_padding: int | Sequence[int] = 0, groups: int = 1, dilation: int | Sequence[int] = 1) -> Tensor")


@composite("conv_transpose1d" + _TRANSPOSED, places=TORCH_NN)
def conv_transpose1d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
                     dilation: Any = 1) -> Any:
    """The adjoint of ``conv1d``: from (batch, channels, length) to longer sequences. See ``conv_transpose2d``."""
    return _transposed(F, 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite("conv_transpose2d" + _TRANSPOSED, places=TORCH_NN)
def conv_transpose2d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
                     dilation: Any = 1) -> Any:
    """The adjoint of ``conv2d``: from (batch, channels, height, width) to larger images, with ``weight`` (channels, filters / groups, ...).

    ``output_padding`` adds rows and columns at the end, where a stride leaves the size open. Raises ``RuntimeError`` for
    shapes that do not fit.

    >>> import autograd_core as ag
    >>> ag.conv_transpose2d(ag.ones(1, 1, 2, 2), ag.ones(1, 1, 2, 2)).tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    """
    return _transposed(F, 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite("conv_transpose3d" + _TRANSPOSED, places=TORCH_NN)
def conv_transpose3d(F: Any, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
                     dilation: Any = 1) -> Any:
    """The adjoint of ``conv3d``: from (batch, channels, depth, height, width) to larger volumes. See ``conv_transpose2d``."""
    return _transposed(F, 3, input, weight, bias, stride, padding, output_padding, groups, dilation)
