"""Convolutions, pools, norms and activations, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

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
    "glu": glu,
    "maxout": maxout,
    "convolution": convolution, "conv1d": conv, "conv2d": conv, "conv3d": conv,
    "conv_transpose1d": conv_transpose, "conv_transpose2d": conv_transpose, "conv_transpose3d": conv_transpose,
}
NO_REFERENCE: dict[str, str] = {}
