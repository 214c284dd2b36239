"""Resizing images along their last dimensions: each result is a weighted sum of a few elements along each dimension.

The weights are found by position, as PyTorch finds them, so ``resample`` is linear and stands beside its adjoint.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, isfinite, prod
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..op import NN, S, composite, op
from ..spec import Meta, remembered
from .reduce import wide_dtype, widened

_CUBIC = -0.75
"""The slope that bicubic interpolation gives the kernel at distance 1."""
_SMOOTH_CUBIC = -0.5
"""That slope with ``antialias``."""


def _taps(xp: Any, mode: str, length: int, size: int, scale: float | None, align: bool, dtype: Any) -> list[tuple[Any, Any]]:
    """Which elements of ``length`` make up each of ``size`` results, with which weights: pairs (positions, weights), one for each term."""
    if mode in ("nearest", "nearest-exact"):
        step = xp.asarray(length / size if scale is None else 1.0 / scale, dtype="float32")  # PyTorch rounds in float32
        at = xp.arange(size).astype("float32")
        if mode == "nearest-exact":
            at = at + xp.asarray(0.5, dtype="float32")
        return [(xp.minimum(xp.floor(at * step).astype("int64"), length - 1), None)]
    distance = ((length - 1) / (size - 1) if size > 1 else 0.0) if align else length / size if scale is None else 1.0 / scale
    if mode.endswith("smooth"):
        return _smooth_taps(xp, mode, length, size, distance, dtype)
    at = xp.arange(size).astype(dtype)
    if align:
        source = at * distance
    else:
        source = (at + 0.5) * distance - 0.5
        if mode == "linear":
            source = xp.maximum(source, 0)
    low = xp.floor(source)
    rest = source - low
    low = low.astype("int64")
    if mode == "linear":
        low = xp.minimum(low, length - 1)
        return [(low, 1 - rest), (xp.minimum(low + 1, length - 1), rest)]
    return [(xp.minimum(xp.maximum(low + k - 1, 0), length - 1), weight) for k, weight in enumerate(cubic_weights(rest))]


def cubic_weights(rest: Any, slope: float = _CUBIC) -> tuple[Any, Any, Any, Any]:
    """The weights of the four neighbours, first to last, of places that lie ``rest`` behind the second one."""
    return cubic_far(rest + 1, slope), cubic_near(rest, slope), cubic_near(1 - rest, slope), cubic_far(2 - rest, slope)


def cubic_near(t: Any, slope: float) -> Any:
    """The weight at a distance ``t`` up to 1."""
    return ((slope + 2) * t - (slope + 3)) * t * t + 1


def cubic_far(t: Any, slope: float) -> Any:
    """The weight at a distance ``t`` between 1 and 2."""
    return ((slope * t - 5 * slope) * t + 8 * slope) * t - 4 * slope


def _smooth_taps(xp: Any, mode: str, length: int, size: int, step: float, dtype: Any) -> list[tuple[Any, Any]]:
    """``_taps`` with a kernel that is stretched over all elements which a result of a smaller image stands for."""
    stretch = max(step, 1.0)
    reach = stretch * (1.0 if mode == "linear-smooth" else 2.0)
    centre = (xp.arange(size).astype(dtype) + 0.5) * step
    first = xp.maximum(xp.floor(centre - reach + 0.5), 0)
    end = xp.minimum(xp.floor(centre + reach + 0.5), length)
    terms, count = [], 2 * ceil(reach) + 1
    for k in range(count):
        place = xp.minimum(first + k, end - 1)
        far = xp.abs(place + 0.5 - centre) / stretch
        if mode == "linear-smooth":
            weight = xp.maximum(1 - far, 0)
        else:
            weight = xp.where(far < 1, cubic_near(far, _SMOOTH_CUBIC), xp.where(far < 2, cubic_far(far, _SMOOTH_CUBIC), 0))
        terms.append((place.astype("int64"), weight / xp.where(place == end - 1, first + count - place, 1)))  # the last in equal parts: no 0 that spreads infinity
    total = sum(weight for _, weight in terms)
    return [(places, weight / total) for places, weight in terms]


def _resized(input: Any, *, size: Any, **attrs: Any) -> Meta:
    return Meta((*tuple(input.shape)[: -len(size)], *size), as_dtype(input.dtype))


_WHERE = "size: tuple[int, ...], scales: tuple[float | None, ...], method: str, align: bool"


_REMEMBERED = 1 << 12
"""Elements of the longest lines whose taps are remembered."""


def _taps_of(here: Any, method: str, length: int, parts: int, scale: float | None, align: bool, dtype: Any) -> list[tuple[Any, Any]]:
    """``_taps``, of short lines worked out once."""
    find = _known_taps if max(length, parts) <= _REMEMBERED else _known_taps.__wrapped__
    return find(here, method, length, parts, scale, align, dtype)


@lru_cache(maxsize=64)
def _known_taps(here: Any, method: str, length: int, parts: int, scale: float | None, align: bool, dtype: Any) -> list[tuple[Any, Any]]:
    return list(_taps(here.xp, method, length, parts, scale, align, dtype))


_DENSE = 1 << 21
"""Elements of the largest matrix that lines are multiplied by. A product is up to ten times faster than adding up, but its memory grows with the square."""


@lru_cache(maxsize=8)
def _known_matrix(here: Any, method: str, length: int, parts: int, scale: float | None, align: bool, dtype: Any) -> Any:
    """How much of each of ``length`` elements is in each of ``parts``."""
    xp = here.xp
    matrix = xp.zeros((parts, length), dtype=dtype)
    columns = xp.arange(length)
    for positions, weight in _taps_of(here, method, length, parts, scale, align, dtype):
        chosen = (positions[:, None] == columns).astype(dtype)
        matrix += chosen if weight is None else chosen * weight[:, None]
    return matrix


def _same(parts: int, length: int, scale: float | None, method: str, align: bool) -> bool:
    """Whether a dimension stays as it is; in PyTorch, linear and smoothing interpolation to the same number of elements does, whatever the scale."""
    return parts == length and (scale is None or align or scale == 1 or method in ("linear", "linear-smooth", "cubic-smooth"))


_SMALL = 1 << 11
"""Elements of images that are resized in all dimensions at once."""


@lru_cache(maxsize=64)
def _all_taps(here: Any, image: Any, size: Any, scales: Any, method: str, align: bool, dtype: Any) -> tuple[Any, Any]:
    """The elements of flattened images that make up each result, and their weights: (terms, results), or (results) and ``None`` for one term."""
    xp = here.xp
    places, weights = xp.zeros((1, 1), dtype="int64"), xp.ones((1, 1), dtype=dtype)
    weighted = False
    for length, parts, scale in zip(image, size, scales, strict=True):
        taps = [(xp.arange(length), None)] if _same(parts, length, scale, method, align) else _taps_of(here, method, length, parts, scale, align, dtype)
        weighted |= taps[0][1] is not None
        at = xp.stack([positions for positions, _ in taps])
        factor = xp.stack([xp.ones(parts, dtype=dtype) if weight is None else weight for _, weight in taps])
        shape = (len(places) * len(taps), places.shape[1] * parts)
        places = (places[:, None, :, None] * length + at[:, None]).reshape(shape)
        weights = (weights[:, None, :, None] * factor[:, None]).reshape(shape)
    return (places, weights) if weighted else (places[0], None)


@lru_cache(maxsize=32)
def _whole_matrix(here: Any, image: Any, size: Any, scales: Any, method: str, align: bool, dtype: Any) -> Any:
    """How much of each element is in each result: (results, elements)."""
    xp = here.xp
    places, weights = _all_taps(here, image, size, scales, method, align, dtype)
    matrix = xp.zeros((prod(size), prod(image)), dtype=dtype)
    columns = xp.arange(prod(image))
    for k, positions in enumerate(places if weights is not None else places[None]):
        chosen = (positions[:, None] == columns).astype(dtype)
        matrix += chosen if weights is None else chosen * weights[k][:, None]
    return matrix


@op(f"resample(input: Tensor, *, {_WHERE}) -> Tensor", label="interpolate", spec=_resized, samples=[
    S((2, 3, 4, 5), size=(7, 3), scales=(None, None), method="linear", align=False), S((2, 3, 4), size=(7,), scales=(1.75,), method="nearest", align=False),
    S((2, 2, 4, 5), size=(3, 9), scales=(None, None), method="cubic", align=True), S((2, 2, 5, 7), size=(2, 9), scales=(None, None), method="cubic-smooth", align=False),
    S((0, 2, 3), size=(2,), scales=(None,), method="nearest-exact", align=False)])
def resample(xp: Any, input: Any, *, size: Any, scales: Any, method: str, align: bool) -> Any:
    """``input`` with its last dimensions resized to ``size``."""
    result = widened(input)
    lead, image = input.shape[: -len(size)], input.shape[-len(size) :]
    if 0 < input.size <= _SMALL and prod(size) * prod(image) <= _SMALL:
        places, weights = _all_taps(backend_of(result).here, image, size, scales, method, align, result.dtype)
        read = result.reshape(*lead, -1).take(places, -1)  # (..., terms, results)
        if weights is not None:
            read *= weights
            read = read.sum(axis=-2)
        return read.reshape(*lead, *size).astype(input.dtype, copy=False)
    for axis, (parts, scale) in enumerate(zip(size, scales, strict=True), input.ndim - len(size)):
        length = result.shape[axis]
        if _same(parts, length, scale, method, align):
            continue
        shape = (-1,) + (1,) * (input.ndim - 1 - axis)
        total = None
        for positions, weight in _taps_of(backend_of(result).here, method, length, parts, scale, align, result.dtype):
            part = result.take(positions, axis)
            if weight is not None:
                part *= weight.reshape(shape)
            total = part if total is None else xp.add(total, part, out=total)
        result = total
    return result.astype(input.dtype, copy=result is input)


@resample.vjp("input")
def _(F: Any, g: Any, input_shape: Any, size: Any, scales: Any, method: str, align: bool) -> Any:
    return F.resample_sum(g, shape=input_shape, size=size, scales=scales, method=method, align=align)


@op(f"resample_sum(grad: Tensor, *, shape: Sequence[int], {_WHERE}) -> Tensor", label="interpolateᵀ",
    spec=lambda grad, *, shape, **attrs: Meta(tuple(shape), as_dtype(grad.dtype)), samples=[
        S((2, 3, 7, 3), shape=(2, 3, 4, 5), size=(7, 3), scales=(None, None), method="linear", align=False),
        S((2, 3, 7), shape=(2, 3, 4), size=(7,), scales=(1.75,), method="nearest", align=False)])
def resample_sum(xp: Any, grad: Any, *, shape: Any, size: Any, scales: Any, method: str, align: bool) -> Any:
    """The adjoint of ``resample``: every element shared out among those it was made of."""
    result = widened(grad)
    dtype = wide_dtype(grad.dtype)
    image = shape[-len(size) :]
    dense = backend_of(result).name != "cpu" or isfinite(abs(xp.vdot(result, result)))  # else 0 * inf would spread
    if dense and 0 < grad.size <= _SMALL and prod(size) * prod(image) <= _SMALL:
        whole = _whole_matrix(backend_of(result).here, image, size, scales, method, align, dtype)
        return result.reshape(-1, prod(size)).dot(whole).reshape(shape).astype(grad.dtype, copy=False)
    for axis, (parts, scale) in enumerate(zip(size, scales, strict=True), grad.ndim - len(size)):
        length = shape[axis]
        if _same(parts, length, scale, method, align):
            continue
        lines, line = xp.moveaxis(result, axis, -1), (backend_of(result).here, method, length, parts, scale, align, dtype)
        shared = xp.matmul(lines, _known_matrix(*line)) if dense and parts * length <= _DENSE else _added_up(xp, lines, length, _taps_of(*line))
        result = xp.moveaxis(shared, -1, axis)
    return xp.ascontiguousarray(result).astype(grad.dtype, copy=result is grad)


def _added_up(xp: Any, lines: Any, length: int, taps: Any) -> Any:
    """Every element of ``lines`` (..., parts) shared out among ``length``, tap by tap: positions never fall, so equal ones lie side by side."""
    total = xp.zeros((*lines.shape[:-1], length), dtype=lines.dtype)
    for positions, weight in taps:
        part = lines if weight is None else lines * weight
        first = xp.flatnonzero(xp.concatenate((xp.ones(1, dtype=bool), positions[1:] != positions[:-1])))
        total[..., positions[first]] += xp.add.reduceat(part, first, axis=-1)
    return total


@resample_sum.vjp("grad")
def _(F: Any, g: Any, size: Any, scales: Any, method: str, align: bool) -> Any:
    return F.resample(g, size=size, scales=scales, method=method, align=align)


_MODES = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3), "linear": (1,), "bilinear": (2,), "trilinear": (3,), "bicubic": (2,)}


def _sizes(image: Any, size: Any, scale_factor: Any) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The size of the result and the scale factors, one for each dimension; ``ValueError`` unless exactly one was given."""
    count = len(image)
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: " + ("either size or scale_factor should be defined" if size is None else "only one of size or scale_factor should be defined"))
    given = size if scale_factor is None else scale_factor
    values = tuple(given) if hasattr(given, "__iter__") else (given,) * count
    if len(values) != count:
        raise ValueError(f"interpolate: Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of {list(image)} and "
                         f"{'output size' if scale_factor is None else 'scale_factor'} of {given}. Give one number for each, or one for all")
    if scale_factor is None:
        return tuple(int(n) for n in values), (None,) * count
    factors = tuple(float(factor) for factor in values)
    return tuple(floor(n * factor) for n, factor in zip(image, factors, strict=True)), factors


@remembered
def _settings(shape: Any, size: Any, scale_factor: Any, mode: str, align_corners: bool | None, recompute_scale_factor: bool | None,
              antialias: bool) -> tuple[tuple[int, ...], tuple[float | None, ...], str]:
    """The size of the result, the scale factors and the method, checked."""
    if mode not in _MODES or len(shape) - 2 not in _MODES[mode]:
        raise NotImplementedError(f"interpolate: Got {len(shape)}D input, but the modes are {', '.join(_MODES)}, where linear needs 3D, bilinear and bicubic 4D and "
                                  f"trilinear 5D input, the others 3D to 5D (got mode {mode!r}, input {tuple(shape)})")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input (got mode {mode!r})")
    straight = mode in ("nearest", "nearest-exact", "area")
    if straight and align_corners is not None:
        raise ValueError("interpolate: align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear")
    image = tuple(shape[2:])
    target, factors = _sizes(image, size, scale_factor)
    if recompute_scale_factor:
        if size is not None:
            raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size")
        factors = (None,) * len(image)
    if min(target) < 1 or 0 in image or not shape[1]:
        raise RuntimeError(f"interpolate: Input and output sizes should be greater than 0, but got input {tuple(shape)} and output size {target}")
    return target, factors, ("cubic" if mode == "bicubic" else mode if straight else "linear") + ("-smooth" if antialias else "")


_ARGUMENTS = "input: Tensor, size: int | Sequence[int] | None = None, scale_factor: float | Sequence[float] | None = None, mode: str = 'nearest', align_corners: bool | None = None"


@composite(f"interpolate({_ARGUMENTS}, recompute_scale_factor: bool | None = None, antialias: bool = False) -> Tensor", places=NN)
def interpolate(F: Any, input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
                recompute_scale_factor: bool | None = None, antialias: bool = False) -> Any:
    """Images (batch, channels, sizes...) of one to three dimensions, resized to ``size`` or by ``scale_factor``.

    ``mode`` is ``nearest``, ``nearest-exact``, ``area`` (the mean of what falls on a pixel) or, by the number of dimensions,
    ``linear``, ``bilinear``, ``bicubic`` or ``trilinear``. ``align_corners`` lets the centres of the corner pixels coincide,
    otherwise the corners of the images do. Positions follow from ``scale_factor`` if given, unless
    ``recompute_scale_factor``. With ``antialias``, for images only, each pixel of a smaller one is a weighted mean of all that it
    stands for. Raises ``ValueError`` for options that do not go together, ``NotImplementedError`` for a mode of other dimensions.

    >>> import autograd_core as ag, nn
    >>> nn.functional.interpolate(ag.tensor([[[0.0, 4.0]]]), size=4, mode="linear").tolist()
    [[[0.0, 1.0, 3.0, 4.0]]]
    """
    target, factors, kind = _settings(input.shape, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)
    if mode == "area":
        return F.adaptive_average(input, size=target)
    return F.resample(input, size=target, scales=factors, method=kind, align=bool(align_corners))


@composite(f"upsample({_ARGUMENTS}) -> Tensor", places=NN)
def upsample(F: Any, input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None) -> Any:
    """The older name of ``interpolate``."""
    return F.interpolate(input, size, scale_factor, mode, align_corners)
