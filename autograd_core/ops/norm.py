"""Normalisation: one op subtracts means and divides by standard deviations, and the layers are made of it."""

from __future__ import annotations

from math import prod
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, UnsupportedDtypeError, describe
from ..kernels import normalization
from ..op import NN, TORCH_NN, S, composite, detached, op
from ..spec import Meta, computed_dtype, reduced, wrap_dims
from .reduce import wide_dtype, widened


def _standardize_spec(input: Any, weight: Any = None, bias: Any = None, *, dims: Any, shape: Any, eps: float) -> tuple[Meta, Meta, Meta]:
    dtype = computed_dtype("standardize", "equal", (input, weight, bias))
    if not dtype.is_floating_point:
        raise UnsupportedDtypeError(f"standardize: not implemented for {dtype.name} (input {describe(input)}). Convert the input with .float()")
    sizes = tuple(input.shape)
    inner = as_dtype("float32") if dtype.name == "float16" else dtype
    statistics = Meta(reduced(sizes, wrap_dims(dims, len(sizes), "standardize"), True), inner)
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and prod(tuple(value.shape)) != prod(shape):
            raise ShapeError(f"standardize: expected {name} with {prod(shape)} elements, got {describe(value)} (input {describe(input)})")
    return Meta(sizes, dtype), statistics, statistics


@op("standardize(input: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, dims: tuple[int, ...], shape: tuple[int, ...], "
    "eps: float) -> tuple[Tensor, Tensor, Tensor]", label="normalise", promotes="equal", outputs=("result", "mean", "var"),
    spec=_standardize_spec, samples=[
        S((4, 3, 2, 2), (3,), (3,), dims=(0, 2, 3), shape=(3, 1, 1), eps=1e-5), S((4, 5), (5,), None, dims=(1,), shape=(5,), eps=1e-3),
        S((4, 3), None, None, dims=(0,), shape=(3,), eps=0.1), S((2, 3, 4), (3, 4), (3, 4), dims=(-2, -1), shape=(3, 4), eps=1e-5),
        S((0, 3), (3,), (3,), dims=(1,), shape=(3,), eps=1e-5),
        S((4, 3), (2,), None, dims=(0,), shape=(3,), eps=0.1, error=RuntimeError, match="expected weight with 3 elements")])
def standardize(xp: Any, input: Any, weight: Any = None, bias: Any = None, *, dims: Any, shape: Any, eps: float) -> Any:
    """``input`` less its mean, divided by ``sqrt(var + eps)``, both over ``dims``; then ``* weight + bias``, which have ``shape`` there.

    Returns the mean and the biased variance too, with ``dims`` kept. Variance in two passes; float16 computes in float32.
    """
    view = _as_rows_or_channels(input, weight is not None or bias is not None, dims, shape)
    if view is not None:
        forward: Any = normalization.rows if len(view) == 2 else normalization.channels
        wide = wide_dtype(input.dtype)
        result, mean, var, _ = forward(xp, input.reshape(view), _flat(weight, wide), _flat(bias, wide), eps, wide)
        kept = reduced(input.shape, wrap_dims(dims, input.ndim), True)
        return result.reshape(input.shape), mean.reshape(kept), var.reshape(kept)
    work = widened(input)
    mean = work.mean(axis=dims, keepdims=True)
    out = work - mean
    var = xp.square(out).mean(axis=dims, keepdims=True)
    out *= 1 / xp.sqrt(var + eps)
    if weight is not None:
        out *= weight.reshape(shape)
    if bias is not None:
        out += bias.reshape(shape)
    return out.astype(input.dtype, copy=False), mean, var


def _flat(parameter: Any, wide: Any) -> Any:
    """A weight or a bias as a vector, in the dtype of the computation."""
    return None if parameter is None else (parameter if parameter.ndim == 1 else parameter.reshape(-1)).astype(wide, copy=False)


def _shaped_as(found: Any, dtype: Any, input_shape: Any, weight_shape: Any, bias_shape: Any) -> tuple[Any, Any, Any]:
    """Cotangents of a matrix and of two vectors as those of the input, the weight and the bias."""
    to_input, to_weight, to_bias = found
    if to_input is not None:
        to_input = to_input.reshape(input_shape).astype(dtype, copy=False)
    if to_weight is not None:
        to_weight = (to_weight if len(weight_shape) == 1 else to_weight.reshape(weight_shape)).astype(dtype, copy=False)
    if to_bias is not None:
        to_bias = (to_bias if len(bias_shape) == 1 else to_bias.reshape(bias_shape)).astype(dtype, copy=False)
    return to_input, to_weight, to_bias


def _as_rows_or_channels(input: Any, affine: bool, dims: Any, shape: Any) -> tuple[int, ...] | None:
    """The two or three dimensions in which ``input`` is rows or channels; ``None`` if it is neither, or empty."""
    ndim = input.ndim
    if not input.size or not ndim:
        return None
    first = ndim - len(dims)
    if first and dims == tuple(range(first, ndim)) and (tuple(shape) == input.shape[first:] or not (shape or affine)):
        return (prod(input.shape[:first]), prod(input.shape[first:]))
    if ndim > 1 and dims == (0, *range(2, ndim)) and tuple(shape) == (input.shape[1],) + (1,) * (ndim - 2):
        return (input.shape[0], input.shape[1], prod(input.shape[2:]))
    return None


def _parameter_gradient(F: Any, g: Any, shape: Any, parameter_shape: Any) -> Any:
    return F.reshape(F.sum_to(g, shape=shape), shape=parameter_shape)


@standardize.vjp()
def _plain(F: Any, g: Any, input: Any, weight: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, dims: Any, shape: Any, eps: float, needs: Any) -> Any:
    g, to_mean, to_var = g
    centred = input - F.mean(input, dim=dims, keepdim=True)
    count = max(prod(input_shape[d] for d in dims), 1)
    to_input = to_weight = to_bias = None
    if g is not None:
        inverse = F.rsqrt(F.mean(F.square(centred), dim=dims, keepdim=True) + eps)
        standard = centred * inverse
        inner = g if weight is None else g * F.reshape(weight, shape=shape)
        to_input = inverse * (inner - F.mean(inner, dim=dims, keepdim=True) - standard * F.mean(inner * standard, dim=dims, keepdim=True))
        to_weight = _parameter_gradient(F, g * standard, shape, weight_shape) if needs[1] else None
        to_bias = _parameter_gradient(F, g, shape, bias_shape) if needs[2] else None
    for more in (None if to_mean is None else F.broadcast_to(to_mean / count, shape=input_shape), None if to_var is None else centred * (to_var * (2 / count))):
        if more is not None:
            to_input = more if to_input is None else to_input + more
    return to_input, to_weight, to_bias


@standardize.fused_vjp()
def _fused(F: Any, g: Any, input: Any, weight: Any, mean: Any, var: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, dims: Any, shape: Any,
           eps: float, needs: Any) -> Any:
    if g[0] is None or g[1] is not None or g[2] is not None:
        return _plain(F, g, input, weight, input_shape, weight_shape, bias_shape, dims, shape, eps, needs)
    g = g[0]
    view = _as_rows_or_channels(input, weight is not None or needs[2], dims, shape)
    if view is not None:
        backward, kept = (normalization.rows_gradient, (view[0], 1)) if len(view) == 2 else (normalization.channels_gradient, (view[1],))
        inverse = 1 / F.backend.xp.sqrt(var.reshape(kept) + eps)
        found = backward(F.backend.xp, g.reshape(view), input.reshape(view), _flat(weight, mean.dtype), mean.reshape(kept), inverse, needs)
        return _shaped_as(found, input.dtype, input_shape, weight_shape, bias_shape)
    half = g.dtype == "float16"
    if half:
        g, input, weight = g.astype("float32"), input.astype("float32"), None if weight is None else weight.astype("float32")
    inverse = F.rsqrt(var + eps)
    standard = input - mean
    standard *= inverse
    product = g * standard
    per_mean = (1,) * (var.ndim - len(shape)) + tuple(shape) == var.shape  # one weight for each mean: it comes out of the sums, which are its gradient
    inner = g
    if not per_mean:
        to_weight = _parameter_gradient(F, product, shape, weight_shape) if needs[1] else None
        to_bias = _parameter_gradient(F, g, shape, bias_shape) if needs[2] else None
        if weight is not None:
            factor = weight.reshape(shape)
            inner = g * factor
            product = product * factor  # not in place: where nothing is summed, it is the weight's gradient
    slope, level = product.sum(axis=dims, keepdims=True), inner.sum(axis=dims, keepdims=True)
    if per_mean:
        to_weight = slope.reshape(weight_shape) if needs[1] else None
        to_bias = level.reshape(bias_shape) if needs[2] else None
        if weight is not None:
            inverse = inverse * weight.reshape(shape)
    to_input = None
    if needs[0]:
        count = product.size // max(var.size, 1)
        standard *= slope / -count
        standard += inner
        standard -= level / count
        standard *= inverse
        to_input = standard
    return tuple(None if each is None else each.astype("float16") for each in (to_input, to_weight, to_bias)) if half else (to_input, to_weight, to_bias)


# --- rows: one output, so that small ones take the short way ------------------------------------------------------


def _rows_spec(input: Any, weight: Any = None, bias: Any = None, *, count: int, eps: float) -> Meta:
    shape = tuple(input.shape)[len(input.shape) - count :]
    return _standardize_spec(input, weight, bias, dims=tuple(range(-count, 0)), shape=shape, eps=eps)[0]


def _rows(xp: Any, input: Any, weight: Any = None, bias: Any = None, *, count: int, eps: float) -> tuple[Any, Any, Any]:
    """The result, the mean and the inverse standard deviation of each row."""
    shape = input.shape
    wide = wide_dtype(input.dtype)
    if not input.size:
        return input.copy(), xp.empty((0, 1), dtype=wide), xp.empty((0, 1), dtype=wide)
    size = shape[-1] if count == 1 else prod(shape[len(shape) - count :])
    result, mean, _, inverse = normalization.rows(xp, input.reshape(-1, size), _flat(weight, wide), _flat(bias, wide), eps, wide)
    return result.reshape(shape), mean, inverse


@op("standardize_rows(input: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, count: int, eps: float) -> Tensor", label="layer_norm",
    promotes="equal", spec=_rows_spec, samples=[
        S((4, 5), (5,), (5,), count=1, eps=1e-5), S((2, 3, 4), (3, 4), None, count=2, eps=1e-3), S((2, 3, 4), None, (4,), count=1, eps=0.1),
        S((4, 3), None, None, count=1, eps=0.1), S((3, 4), (3, 4), (3, 4), count=2, eps=1e-5), S((0, 3), (3,), (3,), count=1, eps=1e-5),
        S((4, 3), (2,), None, count=1, eps=0.1, error=RuntimeError, match="expected weight")])
def standardize_rows(xp: Any, input: Any, weight: Any = None, bias: Any = None, *, count: int, eps: float) -> Any:
    """``standardize`` over the last ``count`` dimensions, without the statistics."""
    return _rows(xp, input, weight, bias, count=count, eps=eps)[0]


@standardize_rows.vjp()
def _plain_rows(F: Any, g: Any, input: Any, weight: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, count: int, eps: float, needs: Any) -> Any:
    first = len(input_shape) - count
    return _plain(F, [g, None, None], input, weight, input_shape, weight_shape, bias_shape, tuple(range(first, len(input_shape))), input_shape[first:], eps, needs)


@standardize_rows.fused_vjp(("mean", "inverse"), _rows)
def _fused_rows(F: Any, g: Any, input: Any, weight: Any, mean: Any, inverse: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, count: int, eps: float,
                needs: Any) -> Any:
    if not input.size:
        return _plain_rows(F, g, input, weight, input_shape, weight_shape, bias_shape, count, eps, needs)
    flat = (mean.shape[0], input.size // mean.shape[0])
    found = normalization.rows_gradient(F.backend.xp, g.reshape(flat), input.reshape(flat), _flat(weight, mean.dtype), mean, inverse, needs)
    return _shaped_as(found, input.dtype, input_shape, weight_shape, bias_shape)


def _scale_rows_spec(input: Any, weight: Any = None, *, count: int, eps: float) -> Meta:
    return _rows_spec(input, weight, None, count=count, eps=eps)


def _scaled_rows(xp: Any, input: Any, weight: Any = None, *, count: int, eps: float) -> tuple[Any, Any]:
    """The result, and the inverse root mean square of each row."""
    shape = input.shape
    wide = wide_dtype(input.dtype)
    if not input.size:
        return input.copy(), xp.empty((0, 1), dtype=wide)
    size = shape[-1] if count == 1 else prod(shape[len(shape) - count :])
    result, _, _, inverse = normalization.rows(xp, input.reshape(-1, size), _flat(weight, wide), None, eps, wide, centred=False)
    return result.reshape(shape), inverse


@op("scale_rows(input: Tensor, weight: Tensor | None = None, *, count: int, eps: float) -> Tensor", label="rms_norm", promotes="equal",
    spec=_scale_rows_spec, samples=[
        S((4, 5), (5,), count=1, eps=1e-5), S((2, 3, 4), (3, 4), count=2, eps=1e-3), S((4, 3), None, count=1, eps=0.1), S((0, 3), (3,), count=1, eps=1e-5),
        S((4, 3), (2,), count=1, eps=0.1, error=RuntimeError, match="expected weight")])
def scale_rows(xp: Any, input: Any, weight: Any = None, *, count: int, eps: float) -> Any:
    """``input`` divided by the root of the mean square (plus ``eps``) over its last ``count`` dimensions, times ``weight``; float16 computes in float32."""
    return _scaled_rows(xp, input, weight, count=count, eps=eps)[0]


@scale_rows.vjp()
def _plain_scaled(F: Any, g: Any, input: Any, weight: Any, weight_shape: Any, count: int, eps: float, needs: Any) -> Any:
    dims = tuple(range(-count, 0))
    inverse = F.rsqrt(F.mean(F.square(input), dim=dims, keepdim=True) + eps)
    standard = input * inverse
    inner = g if weight is None else g * weight
    to_input = inverse * (inner - standard * F.mean(inner * standard, dim=dims, keepdim=True)) if needs[0] else None
    return to_input, F.sum_to(g * standard, shape=weight_shape) if needs[1] else None


@scale_rows.fused_vjp(("inverse",), _scaled_rows)
def _(F: Any, g: Any, input: Any, weight: Any, inverse: Any, input_shape: Any, weight_shape: Any, count: int, eps: float, needs: Any) -> Any:
    if not input.size:
        return _plain_scaled(F, g, input, weight, weight_shape, count, eps, needs)
    flat = (inverse.shape[0], input.size // inverse.shape[0])
    found = normalization.rows_gradient(F.backend.xp, g.reshape(flat), input.reshape(flat), _flat(weight, inverse.dtype), None, inverse, (*needs, False))
    return _shaped_as(found, input.dtype, input_shape, weight_shape, ())[:2]


# --- channels: one output too -------------------------------------------------------------------------------------


def _channels_spec(input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Meta:
    ndim = len(input.shape)
    return _standardize_spec(input, weight, bias, dims=(0, *range(2, ndim)), shape=(input.shape[1],) + (1,) * (ndim - 2), eps=eps)[0]


def _channels(xp: Any, input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> tuple[Any, Any, Any]:
    """The result, the mean and the inverse standard deviation of each channel."""
    wide = wide_dtype(input.dtype)
    if not input.size:
        return input.copy(), xp.empty(0, dtype=wide), xp.empty(0, dtype=wide)
    result, mean, _, inverse = normalization.channels(xp, input.reshape((*input.shape[:2], -1)), _flat(weight, wide), _flat(bias, wide), eps, wide)
    return result.reshape(input.shape), mean, inverse


@op("standardize_channels(input: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, eps: float) -> Tensor", label="batch_norm",
    promotes="equal", spec=_channels_spec, samples=[
        S((4, 3, 2, 2), (3,), (3,), eps=1e-5), S((4, 3), (3,), None, eps=1e-3), S((2, 3, 4), None, (3,), eps=0.1), S((4, 3), None, None, eps=0.1), S((0, 3), (3,), (3,), eps=1e-5),
        S((4, 3), (2,), None, eps=0.1, error=RuntimeError, match="expected weight")])
def standardize_channels(xp: Any, input: Any, weight: Any = None, bias: Any = None, *, eps: float) -> Any:
    """``standardize`` over all dimensions but the second, without the statistics."""
    return _channels(xp, input, weight, bias, eps=eps)[0]


@standardize_channels.vjp()
def _plain_channels(F: Any, g: Any, input: Any, weight: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, eps: float, needs: Any) -> Any:
    dims, shape = (0, *range(2, len(input_shape))), (input_shape[1],) + (1,) * (len(input_shape) - 2)
    return _plain(F, [g, None, None], input, weight, input_shape, weight_shape, bias_shape, dims, shape, eps, needs)


@standardize_channels.fused_vjp(("mean", "inverse"), _channels)
def _fused_channels(F: Any, g: Any, input: Any, weight: Any, mean: Any, inverse: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, eps: float, needs: Any) -> Any:
    if not input.size:
        return _plain_channels(F, g, input, weight, input_shape, weight_shape, bias_shape, eps, needs)
    flat = (*input_shape[:2], input.size // (input_shape[0] * input_shape[1]))
    found = normalization.channels_gradient(F.backend.xp, g.reshape(flat), input.reshape(flat), _flat(weight, mean.dtype), mean, inverse, needs)
    return _shaped_as(found, input.dtype, input_shape, weight_shape, bias_shape)


# --- public functions ---------------------------------------------------------------------------------------------


@composite("batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None, bias: Tensor | None = None, "
           "training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Tensor", places=TORCH_NN)
def batch_norm(F: Any, input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-5) -> Any:
    """Each channel (dimension 1) less its mean, divided by its standard deviation, times ``weight`` plus ``bias``.

    In ``training`` mean and variance are the batch's, and the running ones, if given, move towards them by ``momentum``
    (the variance unbiased); otherwise they are the running ones. Raises ``ValueError`` for training on one value per
    channel. Ioffe and Szegedy (2015), arXiv:1502.03167.
    """
    if input.ndim < 2:
        raise ShapeError(f"batch_norm: expected at least 2D input (batch, channels, ...), got input {describe(input)}")
    channels = input.shape[1]
    for name, value in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != (channels,):
            raise ShapeError(f"batch_norm: {name} should contain {channels} elements not {tuple(value.shape)} (input {describe(input)})")
    shape = (channels,) + (1,) * (input.ndim - 2)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: Expected running_mean and running_var to be defined when training=False")
        scale = F.rsqrt(running_var + eps)
        if weight is not None:
            scale = scale * weight
        shift = -running_mean * scale
        if bias is not None:
            shift = shift + bias
        return input * F.reshape(scale, shape=shape) + F.reshape(shift, shape=shape)
    count = prod(input.shape) // max(channels, 1)
    if count == 1:
        raise ValueError(f"batch_norm: Expected more than 1 value per channel when training, got input size {tuple(input.shape)}. Use larger batches or eval()")
    if running_mean is None and running_var is None:
        return F.standardize_channels(input, weight, bias, eps=eps)
    dims = (0, *range(2, input.ndim))
    result, mean, var = F.standardize(input, weight, bias, dims=dims, shape=shape, eps=eps)
    if running_mean is not None:
        running_mean *= 1 - momentum
        running_mean += F.reshape(detached(mean), shape=(channels,)) * momentum
    if running_var is not None:
        running_var *= 1 - momentum
        running_var += F.reshape(detached(var), shape=(channels,)) * (momentum * count / max(count - 1, 1))
    return result


def _normalized_count(name: str, input: Any, normalized_shape: Any, weight: Any, bias: Any = None) -> int:
    """How many dimensions ``normalized_shape`` names, the last ones; checked."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if shape and tuple(input.shape)[-len(shape) :] == shape and (weight is None or weight.shape == shape) and (bias is None or bias.shape == shape):
        return len(shape)
    for which, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != shape:
            raise ShapeError(f"{name}: Expected {which} to be of same shape as normalized_shape, but got {which} {describe(value)} "
                             f"and normalized_shape = {list(shape)}")
    raise ShapeError(f"{name}: Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], "
                     f"but got input of size {list(input.shape)}. normalized_shape are the sizes of the last dimensions")


@composite("layer_norm(input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None, "
           "eps: float = 1e-5) -> Tensor", places=TORCH_NN)
def layer_norm(F: Any, input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """The last dimensions, whose sizes are ``normalized_shape``, less their mean and divided by their standard deviation, per sample.

    Then times ``weight`` plus ``bias``, which have ``normalized_shape``. Ba, Kiros and Hinton (2016), arXiv:1607.06450.
    """
    return F.standardize_rows(input, weight, bias, count=_normalized_count("layer_norm", input, normalized_shape, weight, bias), eps=eps)


_EPS = {"float16": 2.0**-10, "float32": 2.0**-23}


@composite("rms_norm(input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None) -> Tensor", places=TORCH_NN)
def rms_norm(F: Any, input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    """The last dimensions divided by their root mean square, times ``weight``; ``eps`` is the dtype's own unless given.

    Zhang and Sennrich (2019), arXiv:1910.07467.
    """
    count = _normalized_count("rms_norm", input, normalized_shape, weight)
    if eps is None:
        eps = _EPS.get(as_dtype(input.dtype).name, 2.0**-52)
    return F.scale_rows(input, weight, count=count, eps=eps)


@composite("group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor", places=TORCH_NN)
def group_norm(F: Any, input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Groups of channels (dimension 1) less their mean and divided by their standard deviation, per sample; then times ``weight`` plus ``bias`` per channel.

    Wu and He (2018), arXiv:1803.08494.
    """
    if input.ndim < 2:
        raise ShapeError(f"group_norm: Expected at least 2 dimensions for input tensor but received {input.ndim}")
    channels = input.shape[1]
    if num_groups < 1 or channels % num_groups:
        raise RuntimeError("group_norm: Expected number of channels in input to be divisible by num_groups, but got input of shape "
                           f"{list(input.shape)} and num_groups={num_groups}")
    if prod(input.shape) == num_groups:
        raise ValueError(f"group_norm: Expected more than 1 value per channel when training, got input size {list(input.shape)} in {num_groups} groups")
    sizes = tuple(input.shape)
    if num_groups == 1:
        out = F.standardize_rows(input, None, None, count=len(sizes) - 1, eps=eps)
    else:
        grouped = F.reshape(input, shape=(sizes[0] * num_groups, prod(sizes[1:]) // num_groups))
        out = F.reshape(F.standardize_rows(grouped, None, None, count=1, eps=eps), shape=sizes)
    shape = (channels,) + (1,) * (input.ndim - 2)
    if weight is not None:
        out = out * F.reshape(weight, shape=shape)
    return out if bias is None else out + F.reshape(bias, shape=shape)


@composite("normalize(input: Tensor, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12) -> Tensor", places=NN)
def normalize(F: Any, input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    """``input`` divided by its ``p``-norm over ``dim``, or by ``eps`` where the norm is smaller."""
    return input / F.clamp(F.norm(input, p=p, dim=dim, keepdim=True), eps, None)


@composite("instance_norm(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None, "
           "bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Tensor", places=TORCH_NN)
def instance_norm(F: Any, input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None, use_input_stats: bool = True,
                  momentum: float = 0.1, eps: float = 1e-5) -> Any:
    """Each channel of each sample less its mean, divided by its standard deviation; then times ``weight`` plus ``bias`` per channel.

    The running statistics, if given, move towards the means over the batch by ``momentum``, and replace the input's own
    unless ``use_input_stats``. Raises ``ValueError`` for channels of one element. Ulyanov et al. (2016), arXiv:1607.08022.
    """
    if input.ndim < 3:
        raise (ValueError if use_input_stats else ShapeError)(f"instance_norm: Expected (batch, channels, sizes...), got input {describe(input)}")
    if not use_input_stats:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    batch, channels, *image = input.shape
    count = prod(image)
    if count == 1:
        raise ValueError(f"instance_norm: Expected more than 1 spatial element when training, got input size {list(input.shape)}")
    shape = (channels,) + (1,) * len(image)
    if running_mean is None and running_var is None:
        out = F.standardize_rows(input, None, None, count=len(image), eps=eps)
        out = out if weight is None else out * F.reshape(weight, shape=shape)
        return out if bias is None else out + F.reshape(bias, shape=shape)
    out, mean, var = F.standardize(F.reshape(input, shape=(batch, channels, count)), None, None, dims=(2,), shape=(), eps=eps)
    for running, found, scale in ((running_mean, mean, 1.0), (running_var, var, count / max(count - 1, 1))):
        if running is not None:
            running *= 1 - momentum
            running += F.mean(F.reshape(detached(found), shape=(batch, channels)), dim=0) * (momentum * scale)
    out = F.reshape(out, shape=tuple(input.shape))
    if weight is not None:
        out = out * F.reshape(weight, shape=shape)
    return out if bias is None else out + F.reshape(bias, shape=shape)


@composite("local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor", places=NN)
def local_response_norm(F: Any, input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """``input`` over ``(k + alpha * mean) ** beta``, the mean of the squares of ``size`` neighbouring channels (dimension 1), zeros beyond the ends.

    Raises ``ValueError`` for fewer than three dimensions. Krizhevsky et al. (2012).
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    batch, channels, *image = input.shape
    if not input.shape[0] or 0 in input.shape:
        return input * 1.0
    squares = F.pad(F.reshape(F.square(input), shape=(batch, channels, prod(image))), (0, 0, size // 2, (size - 1) // 2))
    means = F.avg_pool(squares, kernel=(size, 1), stride=(1, 1), padding=(0, 0), dilation=(1, 1), size=(channels, prod(image)), count_include_pad=True, divisor=None)
    return input / F.reshape(F.pow(means * alpha + k, beta), shape=tuple(input.shape))
