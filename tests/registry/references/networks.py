"""Convolutions, pools, norms and activations, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from .common import Reference


def prelu(input: Any, weight: Any) -> Any:
    slopes = weight.reshape(-1, *[1] * (input.ndim - 2)) if weight.size > 1 and input.ndim > 1 else weight.reshape(())
    return np.maximum(input, 0) + slopes * np.minimum(input, 0)


def maxout(input: Any, *, pieces: int, dim: int = 1) -> Any:
    return np.maximum.reduce([input.take(range(k, input.shape[dim], pieces), axis=dim) for k in range(pieces)])


def glu(input: Any, *, dim: int = -1) -> Any:
    first, second = np.split(input, 2, axis=dim)
    return first * special.expit(second)


def each(value: Any, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value) * (count if len(value) == 1 else 1)


def convolution(input: Any, weight: Any, bias: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Every output position by itself: the product of a patch and the filters."""
    images = np.pad(input, [(0, 0), (0, 0), *padding])
    filters, share, *kernel = weight.shape
    out = [(images.shape[2 + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(len(kernel))]
    result = np.zeros((len(images), filters, *out))
    for place in np.ndindex(*out):
        window = tuple(slice(at * step, at * step + spread * (size - 1) + 1, spread) for at, step, spread, size in zip(place, stride, dilation, kernel, strict=True))
        patch = images[(slice(None), slice(None), *window)]
        for f in range(filters):
            group = f // (filters // groups)
            result[(slice(None), f, *place)] = (patch[:, group * share : (group + 1) * share] * weight[f]).sum(axis=tuple(range(1, input.ndim)))
    return result if bias is None else result + bias.reshape(-1, *[1] * len(kernel))


def unbatched(function: Reference) -> Reference:
    """The function on images with a batch, for images that may have none: ``weight`` has one dimension for each of theirs."""
    def reference(input: Any, weight: Any, *rest: Any, **options: Any) -> Any:
        return function(input, weight, *rest, **options) if input.ndim == weight.ndim else function(input[None], weight, *rest, **options)[0]

    return reference


@unbatched
def conv(input: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    count = weight.ndim - 2
    dilation = each(dilation, count)
    reach = [spread * (size - 1) for spread, size in zip(dilation, weight.shape[2:], strict=True)]
    sides = [(n // 2, n - n // 2) for n in reach] if padding == "same" else [(n, n) for n in each(0 if padding == "valid" else padding, count)]
    return convolution(input, weight, bias, stride=each(stride, count), padding=sides, dilation=dilation, groups=groups)


@unbatched
def conv_transpose(input: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:
    """Every element of the input by itself: it adds its multiple of the filters to the result."""
    count = weight.ndim - 2
    stride, padding, extra, dilation = each(stride, count), each(padding, count), each(output_padding, count), each(dilation, count)
    channels, per, *kernel = weight.shape
    sizes = [(input.shape[2 + i] - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 + extra[i] for i in range(count)]
    full = np.zeros((len(input), per * groups, *sizes))
    for place in np.ndindex(*input.shape[2:]):
        window = tuple(slice(at * step, at * step + spread * (size - 1) + 1, spread) for at, step, spread, size in zip(place, stride, dilation, kernel, strict=True))
        for c in range(channels):
            group = c // (channels // groups)
            at = (slice(None), slice(group * per, (group + 1) * per), *window)
            full[at] += input[(slice(None), c, *place)].reshape(-1, *[1] * (count + 1)) * weight[c]
    result = full[(slice(None), slice(None), *(slice(edge, size - edge) for edge, size in zip(padding, sizes, strict=True)))]
    return result if bias is None else result + bias.reshape(-1, *[1] * count)


def window_places(image: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
    """The number of windows along each dimension, and for each window the positions it covers, also those outside."""
    sizes = []
    for n, size, step, edge, spread in zip(image, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * edge - spread * (size - 1) - 1
        count = (-(-room // step) if ceil_mode else room // step) + 1
        sizes.append(count - (ceil_mode and (count - 1) * step >= n + edge))
    places = {at: [tuple(k * step - edge + e * spread for k, step, edge, e, spread in zip(at, stride, padding, element, dilation, strict=True)) for element in np.ndindex(*kernel)]
              for at in np.ndindex(*sizes)}
    return sizes, places


def assembled(results: dict[Any, Any], shape: tuple[int, ...]) -> Any:
    """The arrays whose elements at each place of the last dimensions are ``results``; alone if it is one."""
    arrays = [np.zeros(shape, dtype=np.asarray(value).dtype) for value in next(iter(results.values()))]
    for at, values in results.items():
        for array, value in zip(arrays, values, strict=True):
            array[(..., *at)] = value
    return arrays[0] if len(arrays) == 1 else tuple(arrays)


def pooling(count: int, choose: Reference) -> Reference:
    """A pool over the last ``count`` dimensions: ``choose(numbers, positions inside, positions within the padding, options)`` of each window."""
    def reference(input: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, **options: Any) -> Any:
        image = input.shape[-count:]
        kernel, edges = each(kernel_size, count), each(padding, count)
        sizes, windows = window_places(image, kernel, kernel if stride is None else each(stride, count), edges, each(dilation, count), ceil_mode)
        results: dict[Any, Any] = {}
        for at, places in windows.items():
            inside = [place for place in places if all(0 <= x < n for x, n in zip(place, image, strict=True))]
            within = [place for place in places if all(x < n + edge for x, n, edge in zip(place, image, edges, strict=True))]
            results[at] = choose(np.stack([input[(..., *place)] for place in inside], axis=-1), [np.ravel_multi_index(place, image) for place in inside], within, options)
        return assembled(results, (*input.shape[:-count], *sizes))

    return reference


def largest(numbers: Any, inside: Any, within: Any, options: Any) -> Any:
    best = numbers.argmax(axis=-1)
    return (numbers.max(axis=-1), np.array(inside)[best]) if options.get("return_indices") else (numbers.max(axis=-1),)


def average(numbers: Any, inside: Any, within: Any, options: Any) -> Any:
    return (numbers.sum(axis=-1) / (options.get("divisor_override") or len(within if options.get("count_include_pad", True) else inside)),)


def root_of_powers(numbers: Any, inside: Any, within: Any, options: Any) -> Any:
    return ((numbers ** options["norm_type"]).sum(axis=-1) ** (1 / options["norm_type"]),)


def adaptive(count: int, choose: Reference) -> Reference:
    def reference(input: Any, *, output_size: Any, **options: Any) -> Any:
        image = input.shape[-count:]
        sizes = [n if want is None else want for n, want in zip(image, each(output_size, count), strict=True)]
        results = {}
        for at in np.ndindex(*sizes):
            window = tuple(slice(k * n // m, -(-(k + 1) * n // m)) for k, n, m in zip(at, image, sizes, strict=True))
            places = np.arange(np.prod(image)).reshape(image)[window].ravel()
            results[at] = choose(input[(..., *window)].reshape(*input.shape[:-count], len(places)), places, places, options)
        return assembled(results, (*input.shape[:-count], *sizes))

    return reference


def unpool(input: Any, indices: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None, count: int = 2) -> Any:
    kernel = each(kernel_size, count)
    steps = kernel if stride is None else each(stride, count)
    usual = [(n - 1) * step + size - 2 * edge for n, step, size, edge in zip(input.shape[-count:], steps, kernel, each(padding, count), strict=True)]
    size = usual if output_size is None else list(output_size)[-count:]
    flat = np.zeros((*input.shape[:-count], int(np.prod(size))))
    np.put_along_axis(flat, indices.reshape(*input.shape[:-count], -1), input.reshape(*input.shape[:-count], -1), axis=-1)
    return flat.reshape(*input.shape[:-count], *size)


def unfold(input: Any, *, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    kernel, spread, edges, step = (each(value, 2) for value in (kernel_size, dilation, padding, stride))
    images = np.pad(input, [(0, 0)] * (input.ndim - 2) + [(n, n) for n in edges])
    _, windows = window_places(input.shape[-2:], kernel, step, edges, spread, False)
    columns = [np.stack([images[..., y + edges[0], x + edges[1]] for y, x in places], axis=-1).reshape(*input.shape[:-3], input.shape[-3] * kernel[0] * kernel[1])
               for places in windows.values()]
    return np.stack(columns, axis=-1)


def fold(input: Any, *, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    kernel, spread, edges, step = (each(value, 2) for value in (kernel_size, dilation, padding, stride))
    image = each(output_size, 2)
    _, windows = window_places(image, kernel, step, edges, spread, False)
    total = np.zeros((*input.shape[:-2], input.shape[-2] // (kernel[0] * kernel[1]), *image))
    for column, places in enumerate(windows.values()):
        parts = input[..., column].reshape(*total.shape[:-2], -1)
        for k, (y, x) in enumerate(places):
            if 0 <= y < image[0] and 0 <= x < image[1]:
                total[..., y, x] += parts[..., k]
    return total


def pixel_shuffle(input: Any, *, upscale_factor: int) -> Any:
    r = upscale_factor
    *lead, channels, height, width = input.shape
    result = np.zeros((*lead, channels // r**2, height * r, width * r))
    for c, y, x in np.ndindex(*result.shape[-3:]):
        result[..., c, y, x] = input[..., c * r * r + (y % r) * r + x % r, y // r, x // r]
    return result


def pixel_unshuffle(input: Any, *, downscale_factor: int) -> Any:
    r = downscale_factor
    *lead, channels, height, width = input.shape
    result = np.zeros((*lead, channels * r**2, height // r, width // r))
    for c, y, x in np.ndindex(channels, height, width):
        result[..., c * r * r + (y % r) * r + x % r, y // r, x // r] = input[..., c, y, x]
    return result


def smoothing(n: int, m: int, ratio: float, kernel: Any) -> Any:
    """The matrix that shrinks a line with a kernel as wide as what a result stands for: all weights by the kernel, then divided by their sum."""
    places = (np.arange(n)[None] + 0.5 - (np.arange(m)[:, None] + 0.5) * ratio) / max(ratio, 1.0)
    matrix = np.vectorize(kernel)(places)
    return matrix / matrix.sum(axis=1, keepdims=True)


def keys(t: float) -> float:
    t = abs(t)
    return 1.5 * t**3 - 2.5 * t**2 + 1 if t <= 1 else -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2 if t < 2 else 0.0


def cubic(t: float) -> float:
    t = abs(t)
    return (1.25 * t - 2.25) * t * t + 1 if t <= 1 else ((-0.75 * t + 3.75) * t - 6) * t + 3 if t < 2 else 0.0


def line_weights(kind: str, n: int, m: int, scale: Any, align: bool) -> Any:
    """The matrix that resizes a line of ``n`` elements to ``m``."""
    matrix = np.zeros((m, n))
    ratio = n / m if scale is None else 1 / scale
    if kind.endswith("smooth"):
        return smoothing(n, m, (n - 1) / max(m - 1, 1) if align else ratio, keys if kind == "cubic-smooth" else lambda t: max(0.0, 1 - abs(t)))
    for k in range(m):
        if kind in ("nearest", "nearest-exact"):
            matrix[k, min(int((k + 0.5 * (kind != "nearest")) * ratio + 1e-9), n - 1)] = 1
            continue
        at = k * ((n - 1) / (m - 1) if m > 1 else 0) if align else (k + 0.5) * ratio - 0.5
        if kind == "cubic":
            for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
                matrix[k, min(max(tap, 0), n - 1)] += cubic(at - tap)
        else:
            at = min(max(at, 0.0), n - 1.0)
            low = int(at)
            matrix[k, low] += 1 - (at - low)
            matrix[k, min(low + 1, n - 1)] += at - low
    return matrix


def resample(input: Any, *, size: Any, scales: Any, method: str, align: bool) -> Any:
    for axis, (m, scale) in enumerate(zip(size, scales, strict=True), input.ndim - len(size)):
        input = np.moveaxis(np.tensordot(line_weights(method, input.shape[axis], m, scale, align), input, axes=(1, axis)), 0, axis)
    return input


def interpolate(input: Any, *, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None, recompute_scale_factor: Any = None, antialias: bool = False) -> Any:
    count = input.ndim - 2
    scales = (None,) * count if scale_factor is None else tuple(scale_factor) if hasattr(scale_factor, "__iter__") else (scale_factor,) * count
    target = each(size, count) if scale_factor is None else tuple(int(n * scale) for n, scale in zip(input.shape[2:], scales, strict=True))
    if mode == "area":
        return adaptive(count, lambda numbers, *_: (numbers.mean(axis=-1),))(input, output_size=target)
    method = {"bicubic": "cubic", "nearest": "nearest", "nearest-exact": "nearest-exact"}.get(mode, "linear") + "-smooth" * antialias
    return resample(input, size=target, scales=(None,) * count if recompute_scale_factor else scales, method=method, align=bool(align_corners))


def pixel_centres(n: int, align: Any) -> Any:
    return np.linspace(-1, 1, n) * (n > 1) if align else (np.arange(n) + 0.5) * 2 / n - 1


def base_grid(input: Any, *, size: Any, align: bool) -> Any:
    lines = np.meshgrid(*(pixel_centres(n, align) for n in size), indexing="ij")
    return np.stack([*lines[::-1], np.ones(size)], axis=-1)


def affine_grid(theta: Any, *, size: Any, align_corners: Any = None) -> Any:
    return np.einsum("...k,nik->n...i", base_grid(None, size=tuple(size[2:]), align=align_corners), theta)


def padded(position: float, n: int, padding_mode: str, align_corners: Any) -> float:
    """The place in the image that stands for one outside of it; with zeros there, the place itself."""
    if padding_mode == "zeros":
        return position
    if padding_mode == "reflection":
        low, high = (0.0, n - 1.0) if align_corners else (-0.5, n - 0.5)
        position = (position - low) % (2 * (high - low))
        position = low + min(position, 2 * (high - low) - position)
    return min(max(position, 0.0), n - 1.0)


def grid_sample(input: Any, grid: Any, *, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: Any = None) -> Any:
    image = input.shape[2:]
    result = np.zeros((*input.shape[:2], *grid.shape[1:-1]))
    for place in np.ndindex(grid.shape[0], *grid.shape[1:-1]):
        at = [(x + 1) / 2 * (n - 1) if align_corners else ((x + 1) * n - 1) / 2 for n, x in zip(image, grid[place][::-1], strict=True)]
        if mode != "bicubic":
            at = [padded(x, n, padding_mode, align_corners) for x, n in zip(at, image, strict=True)]
        taps = {"nearest": (0,), "bilinear": (0, 1), "bicubic": (-1, 0, 1, 2)}[mode]
        for corner in itertools.product(taps, repeat=len(image)):
            if mode == "nearest":
                pixel, weight = [int(np.rint(x)) for x in at], 1.0
            else:
                pixel = [int(np.floor(x)) + c for x, c in zip(at, corner, strict=True)]
                weight = float(np.prod([cubic(x - p) if mode == "bicubic" else 1 - abs(x - p) for x, p in zip(at, pixel, strict=True)]))
            if mode == "bicubic":
                pixel = [int(padded(p, n, padding_mode, align_corners)) for p, n in zip(pixel, image, strict=True)]
            if all(0 <= p < n for p, n in zip(pixel, image, strict=True)):
                result[(place[0], slice(None), *place[1:])] += weight * input[(place[0], slice(None), *pixel)]
    return result


def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, *, use_input_stats: bool = True, eps: float = 1e-5) -> Any:
    dims = tuple(range(2, input.ndim))
    shape = (-1,) + (1,) * len(dims)
    mean = input.mean(axis=dims, keepdims=True) if use_input_stats else running_mean.reshape(shape)
    var = input.var(axis=dims, keepdims=True) if use_input_stats else running_var.reshape(shape)
    normal = (input - mean) / np.sqrt(var + eps)
    return normal * (1 if weight is None else weight.reshape(shape)) + (0 if bias is None else bias.reshape(shape))


def local_response_norm(input: Any, *, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    result = np.empty_like(input)
    for c in range(input.shape[1]):
        near = input[:, max(c - size // 2, 0) : c - size // 2 + size] ** 2
        result[:, c] = input[:, c] / (k + alpha * near.sum(axis=1) / size) ** beta
    return result


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    return np.einsum("...i,kij,...j->...k", input1, weight, input2) + (0 if bias is None else bias)


ADJOINT = "an adjoint: the gradient checks of its partner are what it has to satisfy"
PART = "a part of public functions that have a reference"
REFERENCES: dict[str, Reference] = {
    "selu": lambda input: 1.0507009873554805 * np.where(input > 0, input, 1.6732632423543772 * (np.exp(input) - 1)),
    "celu": lambda input, *, alpha=1.0: np.where(input > 0, input, alpha * (np.exp(np.minimum(input, 0) / alpha) - 1)),
    "hardsigmoid": lambda input: np.clip(input / 6 + 0.5, 0, 1),
    "hardswish": lambda input: input * np.clip(input / 6 + 0.5, 0, 1),
    "tanhshrink": lambda input: input - np.tanh(input),
    "softshrink": lambda input, *, lambd=0.5: np.sign(input) * np.maximum(np.abs(input) - lambd, 0),
    "hardshrink": lambda input, *, lambd=0.5: input * (np.abs(input) > lambd),
    "threshold": lambda input, *, threshold, value: np.where(input > threshold, input, value),
    "slopes": lambda input, weight: np.maximum(input, 0) + weight * np.minimum(input, 0),
    "prelu": prelu,
    "rrelu": lambda input, *, lower=1 / 8, upper=1 / 3: np.maximum(input, 0) + (lower + upper) / 2 * np.minimum(input, 0),
    "glu": glu, "gated_half": lambda x, *, dim: glu(x, dim=dim),
    "maxout": maxout,
    "convolution": convolution, "conv1d": conv, "conv2d": conv, "conv3d": conv,
    "conv_transpose1d": conv_transpose, "conv_transpose2d": conv_transpose, "conv_transpose3d": conv_transpose,
}
for _n in (1, 2, 3):
    REFERENCES |= {f"max_pool{_n}d": pooling(_n, largest), f"avg_pool{_n}d": pooling(_n, average), f"lp_pool{_n}d": pooling(_n, root_of_powers),
                   f"adaptive_avg_pool{_n}d": adaptive(_n, lambda numbers, *_: (numbers.mean(axis=-1),)), f"adaptive_max_pool{_n}d": adaptive(_n, largest),
                   f"max_unpool{_n}d": partial(unpool, count=_n)}
REFERENCES["adaptive_average"] = lambda input, *, size: adaptive(len(size), lambda numbers, *_: (numbers.mean(axis=-1),))(input, output_size=size)
REFERENCES |= {
    "unfold": unfold, "fold": fold, "pixel_shuffle": pixel_shuffle, "pixel_unshuffle": pixel_unshuffle,
    "channel_shuffle": lambda input, *, groups: np.concatenate([input[:, k :: input.shape[1] // groups] for k in range(input.shape[1] // groups)], axis=1),
    "resample": resample, "interpolate": interpolate, "upsample": interpolate, "base_grid": base_grid, "affine_grid": affine_grid, "grid_sample": grid_sample,
    "sample_between": lambda input, grid, *, padding_mode, align: grid_sample(input, grid, padding_mode=padding_mode, align_corners=align),
    "instance_norm": instance_norm, "local_response_norm": local_response_norm, "bilinear": bilinear,
}
NO_REFERENCE: dict[str, str] = {"sample_slopes": PART, "adaptive_max_indices": PART, "adaptive_max": PART, "patches": PART, "standardize_rows": PART, "scale_rows": PART, "standardize_channels": PART, "patches_sum": ADJOINT, "resample_sum": ADJOINT}
