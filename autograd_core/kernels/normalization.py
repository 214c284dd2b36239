"""Normalisation of rows and of channels with its gradient, a few rows at a time so that the numbers stay in the processor's cache.

Rows are (rows, size): each has its own mean and variance, and the weight belongs to the columns. Channels are (batch,
channels, size): each channel has its own mean and variance over batch and size, and its own weight. float16 is
computed in float32; variances are sums of squared differences from the mean. Rows that are not ``centred`` have none: they
are divided by their root mean square. Sums of rows are products with a vector of
ones, which takes a third of the time of ``sum``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..backend.registry import backend_of
from .blocks import long_rows
from .numbers import for_sums
from .strided import in_rows

_BLOCK = 1 << 16
"""Elements at a time, on the CPU."""
_SMALL = 1 << 12
"""Elements up to which a whole array is computed at once with the fewest calls."""


def _blocks(array: Any) -> Iterator[slice]:
    """Portions of the first dimension; while they are gone through, the library is set to long rows, of which each has its own mean and scale."""
    count = array.shape[0]
    step = max(1, _BLOCK // max(1, array.size // count)) if array.size > _BLOCK and backend_of(array).name == "cpu" else count
    with long_rows(array, array.shape[-1]):
        for start in range(0, count, step):
            yield slice(start, min(start + step, count))


def rows(xp: Any, x: Any, weight: Any, bias: Any, eps: float, wide: Any, centred: bool = True) -> tuple[Any, Any, Any, Any]:
    """The normalised rows; the mean (or ``None``), the biased variance and the inverse standard deviation of each, (rows, 1)."""
    x = in_rows(xp, x)
    if x.size <= _BLOCK:
        out, mean, var, inverse = _standard_rows(xp, x.astype(wide, copy=False), weight, bias, eps, centred, None)
        return out.astype(x.dtype, copy=False), mean, var, inverse
    count = x.shape[0]
    out = xp.empty(x.shape, dtype=wide)
    mean, var, inverse = (xp.empty((count, 1), dtype=wide) for _ in range(3))
    for block in _blocks(x):
        _, middle, var[block], inverse[block] = _standard_rows(xp, x[block].astype(wide, copy=False), weight, bias, eps, centred, out[block])
        if centred:
            mean[block] = middle
    return out.astype(x.dtype, copy=False), mean if centred else None, var, inverse


def _standard_rows(xp: Any, x: Any, weight: Any, bias: Any, eps: float, centred: bool, out: Any) -> tuple[Any, Any, Any, Any]:
    """``rows``, written to ``out`` if that is given."""
    across, size, small = for_sums(xp, x, x.shape[1], eps)
    mean = None
    if centred:
        mean = x.dot(across)[:, None]
        mean /= size
        out = x = xp.subtract(x, mean) if out is None else xp.subtract(x, mean, out=out)
    var = _squares(xp, x, across)[:, None]
    var /= size
    inverse = xp.reciprocal(xp.sqrt(var + small))
    out = x * inverse if out is None else xp.multiply(x, inverse, out=out)
    if weight is not None:
        out *= weight
    if bias is not None:
        out += bias
    return out, mean, var, inverse


def _squares(xp: Any, x: Any, across: Any) -> Any:
    """The sum of the squares of each row. Of many numbers, products of rows with columns read each once; of few they take twice the calls."""
    return (x * x).dot(across) if x.size <= _SMALL else xp.matmul(x[:, None, :], x[:, :, None])[:, 0, 0]


def rows_gradient(xp: Any, g: Any, x: Any, weight: Any, mean: Any, inverse: Any, needs: Any) -> tuple[Any, Any, Any]:
    """The cotangents of ``x``, of the weight and of the bias, the last two (size,)."""
    count, size = x.shape
    wide = inverse.dtype
    if x.size <= _SMALL:
        return _few_rows_gradient(xp, g.astype(wide, copy=False), x, weight, mean, inverse, needs)
    to_x = xp.empty(x.shape, dtype=x.dtype) if needs[0] else None
    to_weight = xp.zeros(size, dtype=wide) if needs[1] else None
    to_bias = xp.zeros(size, dtype=wide) if needs[2] else None
    down = xp.ones(count, dtype=wide)
    for block in _blocks(x):
        upstream, scale = g[block].astype(wide, copy=False), inverse[block]
        centred = x[block] if mean is None else x[block] - mean[block]
        product = upstream * centred
        if to_weight is not None:
            to_weight += xp.matmul(scale[:, 0], product)
        if to_bias is not None:
            to_bias += xp.matmul(down[: upstream.shape[0]], upstream)
        if to_x is None:
            continue
        if weight is None:
            slope = product.sum(axis=1, keepdims=True)
            xp.multiply(upstream, scale, out=product)
        else:
            slope = xp.matmul(product, weight)[:, None]
            xp.multiply(upstream, weight, out=product)
            product *= scale
        centred = xp.multiply(centred, slope * (scale * scale * scale) * (-1.0 / size), out=None if mean is None else centred)
        if mean is not None:
            level = upstream.sum(axis=1, keepdims=True) if weight is None else xp.matmul(upstream, weight)[:, None]
            centred -= level * scale * (1.0 / size)
        xp.add(centred, product, out=to_x[block], casting="same_kind")
    return to_x, to_weight, to_bias


def _few_rows_gradient(xp: Any, g: Any, x: Any, weight: Any, mean: Any, inverse: Any, needs: Any) -> tuple[Any, Any, Any]:
    count, size = x.shape
    standard = (x if mean is None else x - mean) * inverse
    product = g * standard
    down, _, _ = for_sums(xp, inverse, count)
    to_weight, to_bias = down.dot(product) if needs[1] else None, down.dot(g) if needs[2] else None
    if not needs[0]:
        return None, to_weight, to_bias
    across, number, _ = for_sums(xp, inverse, size)
    across = across if weight is None else weight
    share = inverse / number
    standard *= product.dot(across)[:, None] * share
    if mean is not None:
        standard += g.dot(across)[:, None] * share
    return g * (inverse if weight is None else inverse * weight) - standard, to_weight, to_bias


def channels(xp: Any, x: Any, weight: Any, bias: Any, eps: float, wide: Any) -> tuple[Any, Any, Any, Any]:
    """The normalised channels; the mean, the biased variance and the inverse standard deviation of each, (channels,)."""
    batch, count, size = x.shape
    x = in_rows(xp, x)
    if x.size <= _SMALL:
        return _few_channels(xp, x.astype(wide, copy=False), weight, bias, eps, x.dtype)
    total = xp.zeros(count, dtype=wide)
    for block in _blocks(x):
        total += _sums(x[block].astype(wide, copy=False))
    mean = total / (batch * size)
    total = xp.zeros(count, dtype=wide)
    for block in _blocks(x):
        centred = x[block] - mean[:, None]
        total += _products(xp, centred, centred)
    var = total / (batch * size)
    out = xp.empty(x.shape, dtype=x.dtype)
    inverse = 1 / xp.sqrt(var + eps)
    scale = inverse if weight is None else inverse * weight
    for block in _blocks(x):
        part = x[block] - mean[:, None]
        part *= scale[:, None]
        if bias is None:
            out[block] = part
        else:
            xp.add(part, bias[:, None], out=out[block], casting="same_kind")
    return out, mean, var, inverse


def _few_channels(xp: Any, x: Any, weight: Any, bias: Any, eps: float, dtype: Any) -> tuple[Any, Any, Any, Any]:
    number = x.shape[0] * x.shape[2]
    mean = x.sum(axis=(0, 2))
    mean /= number
    out = x - mean[:, None]
    var = (out * out).sum(axis=(0, 2))
    var /= number
    inverse = xp.reciprocal(xp.sqrt(var + eps))
    out *= (inverse if weight is None else inverse * weight)[:, None]
    if bias is not None:
        out += bias[:, None]
    return out.astype(dtype, copy=False), mean, var, inverse


def _few_channels_gradient(xp: Any, g: Any, x: Any, weight: Any, mean: Any, inverse: Any, needs: Any) -> tuple[Any, Any, Any]:
    standard = x - mean[:, None]
    standard *= inverse[:, None]
    slope, level = (g * standard).sum(axis=(0, 2)), g.sum(axis=(0, 2))
    if needs[0]:
        scale = inverse if weight is None else inverse * weight
        share = scale / -(x.shape[0] * x.shape[2])
        standard *= (slope * share)[:, None]
        standard += (level * share)[:, None]
        standard += g * scale[:, None]
    return standard if needs[0] else None, slope if needs[1] else None, level if needs[2] else None


def channels_gradient(xp: Any, g: Any, x: Any, weight: Any, mean: Any, inverse: Any, needs: Any) -> tuple[Any, Any, Any]:
    """The cotangents of ``x``, of the weight and of the bias, the last two (channels,)."""
    batch, count, size = x.shape
    wide = mean.dtype
    if x.size <= _SMALL:
        return _few_channels_gradient(xp, g.astype(wide, copy=False), x, weight, mean, inverse, needs)
    slope, level = xp.zeros(count, dtype=wide), xp.zeros(count, dtype=wide)
    for block in _blocks(x):
        upstream = g[block].astype(wide, copy=False)
        level += _sums(upstream)
        slope += _products(xp, upstream, x[block] - mean[:, None])
    slope *= inverse
    to_x = None
    if needs[0]:
        to_x = xp.empty(x.shape, dtype=x.dtype)
        scale = inverse if weight is None else inverse * weight
        steep = slope * inverse * scale * (-1.0 / (batch * size))
        shift = level * scale * (-1.0 / (batch * size))
        for block in _blocks(x):
            part = x[block] - mean[:, None]
            part *= steep[:, None]
            part += g[block] * scale[:, None]
            xp.add(part, shift[:, None], out=to_x[block], casting="same_kind")
    return to_x, slope if needs[1] else None, level if needs[2] else None


def _sums(part: Any) -> Any:
    return part[:, :, 0].sum(axis=0) if part.shape[2] == 1 else part.sum(axis=2).sum(axis=0)


def _products(xp: Any, first: Any, second: Any) -> Any:
    if first.shape[2] == 1:
        return (first[:, :, 0] * second[:, :, 0]).sum(axis=0)
    return xp.einsum("ijk,ijk->ij", first, second).sum(axis=0)
