"""Patches of images as columns, and back: ``unfold`` and its adjoint ``fold``."""

from __future__ import annotations

from math import prod
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import NN, S, composite, op
from ..spec import Meta, remembered
from .conv import pair
from .pooling import windows_of

_PATCHES: dict[str, Any] = {"kernel": (2, 3), "stride": (1, 2), "padding": (1, 0), "dilation": (2, 1), "size": (4, 2)}
_WINDOWS = "kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], size: tuple[int, int]"


def _columns_spec(input: Any, *, kernel: Any, size: Any, **attrs: Any) -> Meta:
    *lead, channels, _, _ = input.shape
    return Meta((*lead, channels * prod(kernel), prod(size)), as_dtype(input.dtype))


@op(f"patches(input: Tensor, *, {_WINDOWS}) -> Tensor", label="unfold", spec=_columns_spec, samples=[
    S((2, 3, 4, 5), **_PATCHES), S((3, 4, 5), **_PATCHES), S((0, 1, 4, 5), **_PATCHES)])
def patches(xp: Any, input: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """Windows of images as columns (..., channels times window, number of windows), with zeros where they reach beyond."""
    windows = windows_of(input.shape, kernel, stride, padding, dilation, size)
    if windows.small is not None:
        places = windows.small.places(input)
        return places.read(xp, input, windows.rows).reshape((*windows.leading[:-1], -1, places.windows))
    *lead, channels, _, _ = input.shape
    padded = windows.pad(xp, input, 0)
    columns = xp.empty((*windows.leading, prod(kernel), *size), dtype=input.dtype)
    for k, place in enumerate(windows.offsets()):
        columns[..., k, :, :] = padded[place]
    return columns.reshape(*lead, channels * prod(kernel), prod(size))


@patches.vjp("input")
def _(F: Any, g: Any, input_shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.patches_sum(g, shape=input_shape, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


@op(f"patches_sum(columns: Tensor, *, shape: Sequence[int], {_WINDOWS}) -> Tensor", label="fold",
    spec=lambda columns, *, shape, **attrs: Meta(tuple(shape), as_dtype(columns.dtype)), samples=[
        S((2, 18, 8), shape=(2, 3, 4, 5), **_PATCHES), S((18, 8), shape=(3, 4, 5), **_PATCHES)])
def patches_sum(xp: Any, columns: Any, *, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """The adjoint of ``patches``: columns added in their places."""
    windows = windows_of(tuple(shape), kernel, stride, padding, dilation, size)
    if windows.small is not None:
        return windows.small.places(columns).add(xp, columns, windows.rows).reshape(shape)
    parts = columns.reshape(*windows.leading, prod(kernel), *size)
    total = xp.zeros((*windows.leading, *windows.padded), dtype=columns.dtype)
    for k, place in enumerate(windows.offsets()):
        total[place] += parts[..., k, :, :]
    return total if windows.plain else windows.inside(total).copy()


@patches_sum.vjp("columns")
def _(F: Any, g: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.patches(g, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


@remembered
def _attributes(name: str, image: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Any]:
    """The windows' attributes, checked."""
    kernel, spread, edge, step = (pair(value, which, name) for value, which in (
        (kernel_size, "kernel_size"), (dilation, "dilation"), (padding, "padding"), (stride, "stride")))
    for which, values, least in (("kernel_size", kernel, 1), ("dilation", spread, 1), ("stride", step, 1), ("padding", edge, 0)):
        if min(values) < least:
            raise RuntimeError(f"{name}: {which} should be {'greater than zero' if least else 'non-negative'}, but got {which}={values}")
    size = tuple((image[i] + 2 * edge[i] - spread[i] * (kernel[i] - 1) - 1) // step[i] + 1 for i in (0, 1))
    if min(size) < 1:
        raise ShapeError(f"{name}: Given images of size {tuple(image)}, kernel_size={kernel}, dilation={spread}, padding={edge}, stride={step}, calculated shape of the "
                         f"array of sliding blocks as {size}, but its components must be at least one. Use a smaller kernel or more padding")
    return {"kernel": kernel, "stride": step, "padding": edge, "dilation": spread, "size": size}


@composite("unfold(input: Tensor, kernel_size: int | Sequence[int], dilation: int | Sequence[int] = 1, padding: int | Sequence[int] = 0, "
           "stride: int | Sequence[int] = 1) -> Tensor", places=NN)
def unfold(F: Any, input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Every window of images (batch, channels, height, width), or without batch, as a column: (batch, channels times window, number of windows).

    A convolution is a matrix product with these columns. Raises ``RuntimeError`` if no window fits.

    >>> import autograd_core as ag, nn
    >>> nn.functional.unfold(ag.arange(6.0).reshape(1, 2, 3), (2, 2)).tolist()
    [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    shape = tuple(input.shape)
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise ShapeError(f"unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: {describe(input)}")
    return F.patches(input, **_attributes("unfold", shape[-2:], kernel_size, dilation, padding, stride))


@composite("fold(input: Tensor, output_size: int | Sequence[int], kernel_size: int | Sequence[int], dilation: int | Sequence[int] = 1, "
           "padding: int | Sequence[int] = 0, stride: int | Sequence[int] = 1) -> Tensor", places=NN)
def fold(F: Any, input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The adjoint of ``unfold``: columns (batch, channels times window, number of windows), or without batch, added up to images of ``output_size``.

    Raises ``RuntimeError`` where the columns are not those of such images.
    """
    if input.ndim not in (2, 3):
        raise ShapeError(f"fold: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: {describe(input)}")
    image = pair(output_size, "output_size", "fold")
    attrs = _attributes("fold", image, kernel_size, dilation, padding, stride)
    elements, count = prod(attrs["kernel"]), prod(attrs["size"])
    if input.shape[-2] % elements:
        raise ShapeError(f"fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input {describe(input)} and "
                         f"kernel_size={attrs['kernel']}")
    if input.shape[-1] != count:
        raise ShapeError(f"fold: Given output_size={image}, kernel_size={attrs['kernel']}, dilation={attrs['dilation']}, padding={attrs['padding']}, "
                         f"stride={attrs['stride']}, expected size of input's dimension 2 to match the calculated number of sliding blocks {attrs['size'][0]} * "
                         f"{attrs['size'][1]} = {count}, but got input {describe(input)}")
    return F.patches_sum(input, shape=(*input.shape[:-2], input.shape[-2] // elements, *image), **attrs)
