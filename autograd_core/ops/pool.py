"""Pooling of one, two and three dimensions, as PyTorch's functions."""

from __future__ import annotations

from math import ceil, copysign, inf, prod
from typing import Any

from ..errors import ShapeError, describe
from ..op import NN, TORCH_NN, composite, detached
from ..spec import remembered
from .conv import pair


def pooled_size(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit along one dimension; with ``ceil_mode`` also one that starts inside and ends outside."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (ceil(room / stride) if ceil_mode else room // stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


@remembered
def _attributes(name: str, count: int, shape: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> dict[str, Any]:
    """The attributes of a pooling op, checked: ``size`` is the number of windows along each dimension."""
    kernel = pair(kernel_size, "kernel_size", name, count)
    stride = kernel if stride is None or stride in ((), []) else pair(stride, "stride", name, count)
    padding, dilation = pair(padding, "padding", name, count), pair(dilation, "dilation", name, count)
    if len(shape) not in (count + 1, count + 2):
        raise ShapeError(f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input, but got input of size {list(shape)}")
    if min(kernel) < 1 or min(stride) < 1 or min(dilation) < 1:
        raise RuntimeError(f"{name}: kernel size, stride and dilation should be greater than zero, but got {kernel}, {stride} and {dilation}")
    for edge, width, spread in zip(padding, kernel, dilation, strict=True):
        if not 0 <= edge <= (spread * (width - 1) + 1) // 2:
            raise RuntimeError(f"{name}: pad should be at most half of effective kernel size, but got pad={edge}, kernel_size={width} and dilation={spread}")
    image = shape[-count:]
    size = tuple(pooled_size(image[i], kernel[i], stride[i], padding[i], dilation[i], ceil_mode) for i in range(count))
    if min(size) < 1 or 0 in shape[-count - 1 :]:
        raise ShapeError(f"{name}: Given input size: {list(shape)}. Calculated output size: {[*shape[:-count], *size]}. Output size is too small. "
                         f"Use a smaller kernel than {kernel}")
    return {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "size": size}


# --- maximum ------------------------------------------------------------------------------------------------------


def _max_pool(F: Any, count: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool) -> Any:
    attrs = _attributes(f"max_pool{count}d", count, input.shape, kernel_size, stride, padding, dilation, ceil_mode)
    out = F.max_pool(input, **attrs)
    return (out, F.max_pool_indices(input, out, **attrs)) if return_indices else out


_MAX = ("(input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, padding: int | Sequence[int] = 0, "
        "dilation: int | Sequence[int] = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any")


@composite("max_pool1d" + _MAX, places=TORCH_NN)
def max_pool1d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Any:
    """The maximum of each window of sequences (batch, channels, length), or without batch. See ``max_pool2d``."""
    return _max_pool(F, 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite("max_pool2d" + _MAX, places=TORCH_NN)
def max_pool2d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Any:
    """The maximum of each window of images (batch, channels, height, width), or without batch; of ties the first gets the gradient.

    ``stride`` is the kernel size unless given. With ``ceil_mode`` the last window may reach beyond the image. With
    ``return_indices`` also the maxima's positions in the flattened image. A NaN is larger than any number, and of several
    the last gets the gradient. Raises ``RuntimeError`` if no window fits.

    >>> import autograd_core as ag
    >>> ag.max_pool2d(ag.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[4.]]])
    """
    return _max_pool(F, 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite("max_pool3d" + _MAX, places=TORCH_NN)
def max_pool3d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
               return_indices: bool = False) -> Any:
    """The maximum of each window of volumes (batch, channels, depth, height, width), or without batch. See ``max_pool2d``."""
    return _max_pool(F, 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_unpool(F: Any, count: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Any:
    name = f"max_unpool{count}d"
    kernel, edges = pair(kernel_size, "kernel_size", name, count), pair(padding, "padding", name, count)
    steps = kernel if stride is None or stride in ((), []) else pair(stride, "stride", name, count)
    if input.ndim not in (count + 1, count + 2):
        raise ShapeError(f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input, but got input {describe(input)}")
    if tuple(indices.shape) != tuple(input.shape):
        raise ShapeError(f"{name}: Expected shape of indices to be the same as that of the input tensor ({list(input.shape)}) but got indices tensor with shape: "
                         f"{list(indices.shape)}")
    lead, image = tuple(input.shape[:-count]), tuple(input.shape[-count:])
    usual = tuple((n - 1) * step + size - 2 * edge for n, step, size, edge in zip(image, steps, kernel, edges, strict=True))
    size = usual if output_size is None else tuple(int(n) for n in tuple(output_size)[-count:])
    if output_size is not None and len(tuple(output_size)) not in (count, count + 2):
        raise ValueError(f"{name}: output_size should be a sequence containing {count} or {count + 2} elements, but it has a length of '{len(tuple(output_size))}'")
    if any(not n - step < given < n + step for n, step, given in zip(usual, steps, size, strict=True)):
        raise ValueError(f"{name}: invalid output_size {list(size)}: each must lie within the stride {list(steps)} of {list(usual)}")
    zeros = F.fill(F.sum(detached(input), dim=tuple(range(len(lead), input.ndim)), keepdim=True), 0)
    flat = F.broadcast_to(F.reshape(zeros, shape=(*lead, 1)), shape=(*lead, prod(size)))
    placed = F.scatter(flat, dim=-1, index=F.reshape(indices, shape=(*lead, prod(image))), src=F.reshape(input, shape=(*lead, prod(image))))
    return F.reshape(placed, shape=(*lead, *size))


_UNPOOL = ("(input: Tensor, indices: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, padding: int | Sequence[int] = 0, "
           "output_size: Sequence[int] | None = None) -> Tensor")


@composite("max_unpool1d" + _UNPOOL, places=NN)
def max_unpool1d(F: Any, input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Any:
    """The maxima of ``max_pool1d`` put back to their ``indices`` among zeros. See ``max_unpool2d``."""
    return _max_unpool(F, 1, input, indices, kernel_size, stride, padding, output_size)


@composite("max_unpool2d" + _UNPOOL, places=NN)
def max_unpool2d(F: Any, input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Any:
    """The maxima of ``max_pool2d`` put back to their ``indices`` among zeros, in images of ``output_size`` if the other arguments leave it open.

    Raises ``ValueError`` for an ``output_size`` that pooling would not have made ``input`` of, ``RuntimeError`` for indices
    of another shape.
    """
    return _max_unpool(F, 2, input, indices, kernel_size, stride, padding, output_size)


@composite("max_unpool3d" + _UNPOOL, places=NN)
def max_unpool3d(F: Any, input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Any:
    """The maxima of ``max_pool3d`` put back to their ``indices`` among zeros. See ``max_unpool2d``."""
    return _max_unpool(F, 3, input, indices, kernel_size, stride, padding, output_size)


# --- average and other means --------------------------------------------------------------------------------------


def _avg_pool(F: Any, count: int, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool, divisor: Any) -> Any:
    name = f"avg_pool{count}d"
    if divisor == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    attrs = _attributes(name, count, input.shape, kernel_size, stride, padding, 1, ceil_mode)
    if count == 3 and any(n < size for n, size in zip(input.shape[-3:], attrs["kernel"], strict=True)):
        raise ShapeError(f"{name}: input image {tuple(input.shape[-3:])} smaller than kernel size {attrs['kernel']}, which is refused even with padding, as in PyTorch")
    return F.avg_pool(input, **attrs, count_include_pad=count_include_pad, divisor=divisor)


_AVERAGE = ("(input: Tensor, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, padding: int | Sequence[int] = 0, "
            "ceil_mode: bool = False, count_include_pad: bool = True")


@composite(f"avg_pool1d{_AVERAGE}) -> Tensor", places=TORCH_NN)
def avg_pool1d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> Any:
    """The mean of each window of sequences (batch, channels, length), or without batch. See ``avg_pool2d``."""
    return _avg_pool(F, 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@composite(f"avg_pool2d{_AVERAGE}, divisor_override: int | None = None) -> Tensor", places=TORCH_NN)
def avg_pool2d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Any:
    """The mean of each window of images (batch, channels, height, width), or without batch.

    Padding counts as zeros unless ``count_include_pad=False``; ``divisor_override`` replaces the number of elements.
    """
    return _avg_pool(F, 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite(f"avg_pool3d{_AVERAGE}, divisor_override: int | None = None) -> Tensor", places=NN)
def avg_pool3d(F: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: int | None = None) -> Any:
    """The mean of each window of volumes (batch, channels, depth, height, width), or without batch. See ``avg_pool2d``."""
    return _avg_pool(F, 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(F: Any, count: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    if abs(norm_type) == inf:  # the largest magnitude, or the smallest
        sign = copysign(1.0, norm_type)
        return sign * getattr(F, f"max_pool{count}d")(sign * F.abs(input), kernel_size, stride, 0, 1, ceil_mode)
    attrs = _attributes(f"lp_pool{count}d", count, input.shape, kernel_size, stride, 0, 1, ceil_mode)
    means = F.avg_pool(F.pow(input, norm_type), **attrs, count_include_pad=True, divisor=None)
    empty = F.eq(means, 0)  # the root has no derivative there
    roots = F.pow(F.where(empty, 1.0, means) * float(prod(attrs["kernel"])), 1.0 / norm_type)
    return F.where(empty, 0.0, roots)


_LP = "(input: Tensor, norm_type: float, kernel_size: int | Sequence[int], stride: int | Sequence[int] | None = None, ceil_mode: bool = False) -> Tensor"


@composite("lp_pool1d" + _LP, places=NN)
def lp_pool1d(F: Any, input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The ``norm_type``-th root of the sum of powers in each window of sequences (batch, channels, length). See ``lp_pool2d``."""
    return _lp_pool(F, 1, input, norm_type, kernel_size, stride, ceil_mode)


@composite("lp_pool2d" + _LP, places=NN)
def lp_pool2d(F: Any, input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The ``norm_type``-th root of the sum of powers of each window of images (batch, channels, height, width), or without batch.

    1 is the sum, infinity would be the maximum. An odd power keeps its sign, and the gradient is 0 where the sum is 0, as in PyTorch.
    """
    return _lp_pool(F, 2, input, norm_type, kernel_size, stride, ceil_mode)


@composite("lp_pool3d" + _LP, places=NN)
def lp_pool3d(F: Any, input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
    """The ``norm_type``-th root of the sum of powers of each window of volumes (batch, channels, depth, height, width). See ``lp_pool2d``."""
    return _lp_pool(F, 3, input, norm_type, kernel_size, stride, ceil_mode)


# --- windows at random places -------------------------------------------------------------------------------------


def _fractional_max(F: Any, count: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any) -> Any:
    name = f"fractional_max_pool{count}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name}: {name} requires specifying either an output_size or an output_ratio")
    if input.ndim not in (count + 1, count + 2):
        raise IndexError(f"{name}: Dimension out of range, expected {count + 1}D or {count + 2}D tensor, but got input {describe(input)}")
    kernel, image, lead = pair(kernel_size, "kernel_size", name, count), tuple(input.shape[-count:]), tuple(input.shape[:-count])
    if output_size is None:
        ratios = (output_ratio,) * count if isinstance(output_ratio, float) else tuple(output_ratio)
        size = tuple(int(n * ratio) for n, ratio in zip(image, ratios, strict=True))
    else:
        size = pair(output_size, "output_size", name, count)
    if any(n < out + k - 1 for n, out, k in zip(image, size, kernel, strict=True)):
        raise ShapeError(f"{name}: pool size {list(kernel)} too large relative to input size {list(image)} and output size {list(size)}")
    planes = (lead[0] if len(lead) == 2 else 1, lead[-1])
    if samples is None:
        samples = F.draw_uniform(detached(input), shape=(*planes, count))
    places: Any = 0
    for axis, (n, out, k) in enumerate(zip(image, size, kernel, strict=True)):
        shift = samples[..., count - 1 - axis if count == 2 else axis, None]  # PyTorch takes the width's first of an image, the depth's first of a volume
        step = (n - k) / (out - 1) if out > 1 else 0.0
        steps = F.counting(samples, length=out)
        start = F.where(steps == out - 1, n - k, F.floor((steps + shift) * step) - F.floor(shift * step))
        rows = F.to_integer(F.unsqueeze(start, dim=-1) + F.counting(samples, length=k), dtype="int64")
        spread = [1] * (2 * count)
        spread[axis], spread[count + axis] = out, k
        places = places * n + F.reshape(rows, shape=(*planes, *spread))
    places = F.reshape(places, shape=(*lead, prod(size), prod(kernel)))
    flat = F.reshape(input, shape=(*lead, prod(image)))
    values, best = F.max_along(F.reshape(F.gather(flat, index=F.reshape(places, shape=(*lead, prod(size) * prod(kernel))), dim=-1), shape=places.shape), dim=-1)
    out = F.reshape(values, shape=(*lead, *size))
    return (out, F.reshape(F.gather(places, index=F.unsqueeze(best, dim=-1), dim=-1), shape=(*lead, *size))) if return_indices else out


_FRACTIONAL = ("(input: Tensor, kernel_size: int | Sequence[int], output_size: int | Sequence[int] | None = None, "
               "output_ratio: float | Sequence[float] | None = None, return_indices: bool = False, _random_samples: Tensor | None = None) -> Any")


@composite("fractional_max_pool2d" + _FRACTIONAL, places=NN)
def fractional_max_pool2d(F: Any, input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
                          _random_samples: Any = None) -> Any:
    """The maximum of windows at random places, so many that the result has ``output_size``, or ``output_ratio`` times the image's.

    ``_random_samples`` of shape (batch, channels, 2), between 0 and 1, decide the places. See B. Graham, "Fractional max-pooling" (2014).
    """
    return _fractional_max(F, 2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@composite("fractional_max_pool3d" + _FRACTIONAL, places=NN)
def fractional_max_pool3d(F: Any, input: Any, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
                          _random_samples: Any = None) -> Any:
    """``fractional_max_pool2d`` of volumes."""
    return _fractional_max(F, 3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)
