"""Normalisation of rows and of channels with its gradient, a few rows at a time so that the numbers stay in the processor's cache.

Rows are (rows, size): each has its own mean and variance, and the weight belongs to the columns. Channels are (batch,
channels, size): each channel has its own mean and variance over batch and size, and its own weight. float16 is
computed in float32; variances are sums of squared differences from the mean.
"""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of

_BLOCK = {"cpu": 1 << 16, "cuda": 1 << 62}
"""Elements at a time."""


def _blocks(array: Any) -> list[slice]:
    """Portions of the first dimension."""
    count = array.shape[0]
    step = max(1, _BLOCK[backend_of(array).name] // max(1, array.size // count))
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]


def rows(xp: Any, x: Any, weight: Any, bias: Any, eps: float, wide: Any) -> tuple[Any, Any, Any]:
    """The normalised rows, and the mean and the biased variance of each, (rows, 1)."""
    count, size = x.shape
    out = xp.empty(x.shape, dtype=wide)
    blocks = _blocks(x)
    ones = xp.ones(size, dtype=wide)
    if len(blocks) == 1:
        mean, var = _standard_rows(xp, x.astype(wide, copy=False), weight, bias, eps, ones, out)
    else:
        mean, var = xp.empty((count, 1), dtype=wide), xp.empty((count, 1), dtype=wide)
        for block in blocks:
            mean[block], var[block] = _standard_rows(xp, x[block].astype(wide, copy=False), weight, bias, eps, ones, out[block])
    return out.astype(x.dtype, copy=False), mean, var


def _standard_rows(xp: Any, x: Any, weight: Any, bias: Any, eps: float, ones: Any, out: Any) -> tuple[Any, Any]:
    """Write the normalised rows to ``out``; the mean and the variance of each."""
    size = x.shape[1]
    mean = xp.matmul(x, ones)[:, None]  # a third of the time of ``sum``
    mean /= size
    xp.subtract(x, mean, out=out)
    var = xp.einsum("ij,ij->i", out, out)[:, None]
    var /= size
    scale = var + eps
    xp.sqrt(scale, out=scale)
    out *= xp.reciprocal(scale, out=scale)
    if weight is not None:
        out *= weight
    if bias is not None:
        out += bias
    return mean, var


def rows_gradient(xp: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float, needs: Any) -> tuple[Any, Any, Any]:
    """The cotangents of ``x``, of the weight and of the bias, the last two (size,)."""
    count, size = x.shape
    wide = mean.dtype
    inverse = 1 / xp.sqrt(var + eps)
    to_x = xp.empty(x.shape, dtype=x.dtype) if needs[0] else None
    to_weight = xp.zeros(size, dtype=wide) if needs[1] else None
    to_bias = xp.zeros(size, dtype=wide) if needs[2] else None
    ones = xp.ones(count, dtype=wide)
    for block in _blocks(x):
        upstream, scale = g[block].astype(wide, copy=False), inverse[block]
        centred = x[block] - mean[block]
        product = upstream * centred
        if to_weight is not None:
            to_weight += xp.matmul(scale[:, 0], product)
        if to_bias is not None:
            to_bias += xp.matmul(ones[: upstream.shape[0]], upstream)
        if to_x is None:
            continue
        if weight is None:
            slope, level = product.sum(axis=1, keepdims=True), upstream.sum(axis=1, keepdims=True)
            xp.multiply(upstream, scale, out=product)
        else:
            slope, level = xp.matmul(product, weight)[:, None], xp.matmul(upstream, weight)[:, None]
            xp.multiply(upstream, weight, out=product)
            product *= scale
        centred *= slope * (scale * scale * scale) * (-1.0 / size)
        centred -= level * scale * (1.0 / size)
        xp.add(centred, product, out=to_x[block], casting="same_kind")
    return to_x, to_weight, to_bias


def channels(xp: Any, x: Any, weight: Any, bias: Any, eps: float, wide: Any) -> tuple[Any, Any, Any]:
    """The normalised channels, and the mean and the biased variance of each, (channels,)."""
    batch, count, size = x.shape
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
    scale = 1 / xp.sqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    for block in _blocks(x):
        part = x[block] - mean[:, None]
        part *= scale[:, None]
        if bias is None:
            out[block] = part
        else:
            xp.add(part, bias[:, None], out=out[block], casting="same_kind")
    return out, mean, var


def channels_gradient(xp: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float, needs: Any) -> tuple[Any, Any, Any]:
    """The cotangents of ``x``, of the weight and of the bias, the last two (channels,)."""
    batch, count, size = x.shape
    wide = mean.dtype
    inverse = 1 / xp.sqrt(var + eps)
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
