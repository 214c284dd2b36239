"""Sampling images at given points: ``grid_sample``, and ``affine_grid`` for the points of an affine map."""

from __future__ import annotations

from functools import lru_cache, reduce
from itertools import product
from math import prod
from operator import mul
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..kernels.numbers import finite
from ..op import NN, Arg, S, composite, detached, op, span
from ..spec import Meta, computed_dtype
from .index import add_rows
from .interpolate import cubic_weights
from .reduce import wide_dtype


@op("base_grid(input: Tensor, *, size: tuple[int, ...], align: bool) -> Tensor", kind="shape",
    spec=lambda input, *, size, align: Meta((*size, len(size) + 1), as_dtype(input.dtype)), samples=[
        S(Arg((2,)), size=(3, 4), align=True), S(Arg(()), size=(2, 1, 3), align=False), S(Arg((0,)), size=(0, 2), align=False)])
def base_grid(xp: Any, input: Any, *, size: Any, align: bool) -> Any:
    """The points of images of ``size`` with a 1 behind: (sizes..., coordinates, last dimension first). ``input`` says device and dtype."""
    grid = xp.ones((*size, len(size) + 1), dtype=input.dtype)
    for k, n in enumerate(reversed(size)):
        line = xp.asarray(_line(n, align), dtype=input.dtype)
        grid[..., k] = line.reshape((-1,) + (1,) * k)
    return grid


def _line(n: int, align: bool) -> list[float]:
    """The coordinates of ``n`` points between -1 and 1."""
    if align:
        return [0.0] if n == 1 else [-1.0 + 2.0 * k / (n - 1) for k in range(n)]
    return [(2.0 * k + 1.0) / n - 1.0 for k in range(n)]


@composite("affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor", places=NN)
def affine_grid(F: Any, theta: Any, size: Any, align_corners: bool | None = None) -> Any:
    """Where an affine map takes the pixels of images of ``size`` (batch, channels, sizes...), for ``grid_sample``.

    ``theta`` is (batch, 2, 3) for images, (batch, 3, 4) for volumes; the result is (batch, sizes..., 2 or 3), x first.
    Coordinates run from -1 to 1 between the corners of the image, or between the centres of its corner pixels with
    ``align_corners``. Raises ``ValueError`` for integers, ``RuntimeError`` for shapes that do not fit.
    """
    sizes = tuple(int(n) for n in size)
    count = len(sizes) - 2
    if as_dtype(theta.dtype).dtype.kind != "f":
        raise ValueError(f"affine_grid: Expected theta to have floating point type, but got {as_dtype(theta.dtype).name}")
    if count not in (2, 3):
        raise NotImplementedError(f"affine_grid: only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size {sizes}")
    if tuple(theta.shape[1:]) != (count, count + 1) or theta.ndim != 3:
        raise ValueError(f"affine_grid: Expected a batch of {count}D affine matrices of shape Nx{count}x{count + 1} for size {sizes}. Got {describe(theta)}")
    if min(sizes) <= 0:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {sizes}")
    if theta.shape[0] != sizes[0]:
        raise ShapeError(f"affine_grid: Expected one matrix for each of {sizes[0]} images, but got theta {describe(theta)}")
    points = F.reshape(F.base_grid(detached(theta), size=sizes[2:], align=bool(align_corners)), shape=(1, prod(sizes[2:]), count + 1))
    return F.reshape(F.matmul(points, F.transpose(theta, dim0=1, dim1=2)), shape=(sizes[0], *sizes[2:], count))


def _reflected(F: Any, at: Any, low: float, high: float) -> Any:
    """``at`` reflected at ``low`` and ``high`` until it lies between them."""
    span = high - low
    if span <= 0:
        return at * 0.0
    inside = F.abs(at - low)
    flips = F.floor(inside / span)
    rest = inside - flips * span
    return F.where(F.eq(F.remainder(flips, 2.0), 0.0), rest + low, span - rest + low)


def _clipped(F: Any, at: Any, n: int) -> Any:
    """``at`` limited to the pixels; no gradient at the limits, as in PyTorch."""
    return F.where(F.le(at, 0.0), 0.0, F.where(F.ge(at, float(n - 1)), float(n - 1), at))


def _positions(F: Any, grid: Any, image: Any, padding_mode: str, align: bool) -> list[Any]:
    """The grid's points in pixels, one array for each dimension of the image in its order."""
    positions = []
    for axis, n in enumerate(image):
        x = F.select(grid, dim=-1, index=len(image) - 1 - axis)
        at = (x + 1.0) * ((n - 1) / 2.0) if align else ((x + 1.0) * float(n) - 1.0) / 2.0
        positions.append(_padded(F, at, n, padding_mode, align))
    return positions


def _padded(F: Any, at: Any, n: int, padding_mode: str, align: bool) -> Any:
    """The pixel that stands for a place outside of the ``n`` pixels of a dimension; with zeros there, the place itself."""
    if padding_mode == "reflection":
        at = _reflected(F, at, 0.0, float(n - 1)) if align else _reflected(F, at, -0.5, n - 0.5)
    return at if padding_mode == "zeros" else _clipped(F, at, n)


# --- the points between their neighbours, in one op ----------------------------------------------------------------


class _Scale(NamedTuple):
    """Constants as arrays, which a call takes in half of the time of numbers; sizes and slopes are columns, an entry for each dimension of the images."""

    size: Any
    slope: Any
    """How many pixels a coordinate's 1 is."""
    pixels: Any
    """Their numbers along the longest dimension."""
    zero: Any
    half: Any
    one: Any


@lru_cache(maxsize=64)
def _scale(here: Any, image: Any, align: bool, dtype: Any) -> _Scale:
    xp = here.xp
    size = xp.asarray(image, dtype=dtype)[:, None]
    return _Scale(size, (size - 1 if align else size) / 2, xp.arange(max(image), dtype=dtype), *(xp.asarray(each, dtype=dtype) for each in (0.0, 0.5, 1.0)))


def _located(xp: Any, grid: Any, image: Any, padding_mode: str, align: bool) -> tuple[Any, Any, _Scale]:
    """Where the points of ``grid`` (..., 2 or 3) lie among the pixels, (dimensions, all points), and how fast that moves with the coordinates."""
    scale = _scale(backend_of(grid).here, tuple(image), align, grid.dtype)
    at = grid.reshape(-1, len(image)).T[::-1].copy()
    at += scale.one
    at *= scale.slope
    if not align:
        at -= scale.half
    slope = scale.slope
    if padding_mode != "zeros":
        at, turned = _inside(xp, at, scale.size, padding_mode, align)
        slope = turned * slope
    return at, slope, scale


def _cells(xp: Any, grid: Any, image: Any, padding_mode: str, align: bool, many: Any) -> tuple[Any, Any, Any]:
    """For every point of ``grid`` (batch, points, 2 or 3): where its neighbours are among the rows of ``_framed`` images, (neighbours, all
    points); the weights of low and high neighbours in each dimension; how fast its place among the pixels moves with its coordinates."""
    batch = len(grid)
    at, slope, scale = _located(xp, grid, image, padding_mode, align)
    low = xp.floor(at)
    weights = xp.empty((2, *at.shape), dtype=at.dtype)
    xp.subtract(at, low, out=weights[1])
    xp.subtract(1, weights[1], out=weights[0])
    whole = (xp.fmin(xp.fmax(low, -_FRAME), scale.size) + _FRAME).astype("int64")  # farther away there are but zeros
    index = whole[0]
    for line, n in zip(whole[1:], image[1:], strict=True):
        index = index * (n + 2 * _FRAME) + line
    if batch > 1:
        index = (index.reshape(batch, -1) + (xp.arange(batch) * prod(n + 2 * _FRAME for n in image))[:, None]).reshape(-1)
    return index + many[:, None], weights, slope


_FRAME = 2
"""Zeros around each image, so that every neighbour of a point that has one in the image, and of one beyond it, is a row."""


def _inside(xp: Any, at: Any, size: Any, padding_mode: str, align: bool) -> tuple[Any, Any]:
    """The places within the image that stand for ``at``, and how they move with it: 1, -1 or 0."""
    sign: Any = 1
    if padding_mode == "reflection":
        low, span = (0, size - 1) if align else (-0.5, size)
        span = xp.maximum(span, 0.5)  # of one pixel, to which everything is clipped
        away = at - low
        far = xp.abs(away)
        flips = xp.floor(far / span)
        rest = far - flips * span
        even = flips % 2 == 0
        at = xp.where(even, rest, span - rest) + low
        sign = xp.sign(away) * xp.where(even, 1, -1).astype(at.dtype)
    inside = (at > 0) & (at < size - 1)
    return xp.minimum(xp.maximum(at, 0), size - 1), inside * sign


def _corners(image: Any) -> tuple[int, ...]:
    """The rows of the neighbours of a point, counted from its first, the last dimension fastest."""
    steps = [prod(n + 2 * _FRAME for n in image[k + 1 :]) for k in range(len(image))]
    return tuple(sum(step for step, high in zip(steps, corner, strict=True) if high) for corner in product((0, 1), repeat=len(image)))


def _framed(xp: Any, input: Any, dtype: Any) -> Any:
    """The pixels of images (batch, channels, sizes...) within a frame of zeros, one row of channels each."""
    batch, channels, *image = input.shape
    rows = xp.zeros((batch, *(n + 2 * _FRAME for n in image), channels), dtype=dtype)
    rows[(slice(None), *[slice(_FRAME, -_FRAME)] * len(image))] = xp.moveaxis(input, 1, -1)
    return rows.reshape(-1, channels)


def _product(weights: Any) -> Any:
    """The weight of every neighbour, (neighbours, points), from those of each dimension, (2, dimensions, points)."""
    total = weights[:, 0]
    for k in range(1, weights.shape[1]):
        total = (total[:, None] * weights[:, k]).reshape(-1, total.shape[1])
    return total


def _portions(input: Any, grid: Any) -> list[slice]:
    """Some samples at a time, whose numbers stay in the processor's cache."""
    batch = input.shape[0]
    step = max(1, batch if backend_of(input).name != "cpu" else _BLOCK * batch // max(1, prod(grid.shape[1:-1]) * prod(input.shape[:2]) * 2 ** grid.shape[-1]))
    return [slice(start, min(start + step, batch)) for start in range(0, batch, step)]


_BLOCK = 1 << 16
"""Elements of the neighbours of all points."""


# Of small images every pixel has a weight for every point, most of them 0: a few products, where finding the neighbours takes thirty calls.

_DENSE = 1 << 14
"""Weights up to which that is faster."""


def _dense(input: Any, grid: Any) -> bool:
    return input.size > 0 and 0 < prod(input.shape[2:]) * prod(grid.shape[:-1]) <= _DENSE and backend_of(input).name == "cpu"


def _tents(xp: Any, grid: Any, image: Any, padding_mode: str, align: bool) -> tuple[Any, Any, Any]:
    """How far every point lies from every pixel, (dimensions, points, pixels of the longest dimension); the weights, 1 less the distance; how fast
    its place moves."""
    at, slope, scale = _located(xp, grid, image, padding_mode, align)
    away = at[:, :, None] - scale.pixels
    weights = xp.abs(away)
    xp.subtract(scale.one, weights, out=weights)
    return away, xp.maximum(weights, scale.zero, out=weights), slope


def _weights(image: Any, tents: Any) -> Any:
    """The weight of each pixel for each point, (points, pixels), from those along each dimension."""
    total = tents[0, :, : image[0]]
    for k in range(1, len(image)):
        total = (total[:, :, None] * tents[k, :, None, : image[k]]).reshape(len(total), -1)
    return total


def _sampled(xp: Any, input: Any, grid: Any, padding_mode: str, align: bool) -> Any:
    """``sample_between`` by the weights of all pixels; ``None`` where one of these is not finite, which would then count at every point."""
    batch, channels, *image = input.shape
    wide = wide_dtype(input.dtype)
    if not finite(xp, input):
        return None
    tents = _tents(xp, grid.astype(wide, copy=False), image, padding_mode, align)[1]
    weights = _weights(image, tents).reshape(batch, -1, prod(image))
    pixels = input.reshape(batch, channels, -1).astype(wide, copy=False)
    result = pixels[0].dot(weights[0].T)[None] if batch == 1 else xp.matmul(pixels, weights.swapaxes(1, 2))
    return result.reshape(batch, channels, *grid.shape[1:-1]).astype(input.dtype, copy=False)


def _pulled(xp: Any, g: Any, input: Any, grid: Any, padding_mode: str, align: bool, needs: Any) -> Any:
    """The cotangents of ``_sampled``; ``None`` where a number is not finite."""
    batch, channels, *image = input.shape
    wide, count = wide_dtype(input.dtype), len(image)
    away, tents, slope = _tents(xp, grid.astype(wide, copy=False), image, padding_mode, align)
    if not finite(xp, g) or (needs[1] and not finite(xp, input)):
        return None
    g = g.reshape(batch, channels, -1).astype(wide, copy=False)
    to_input = to_grid = None
    if needs[0]:
        to_input = xp.matmul(g, _weights(image, tents).reshape(batch, -1, prod(image)))
        to_input = to_input.reshape(input.shape).astype(input.dtype, copy=False)
    if needs[1]:
        values = xp.matmul(g.swapaxes(1, 2), input.reshape(batch, channels, -1).astype(wide, copy=False)).reshape(-1, *image)
        cell = xp.floor(away)  # 0 for the pixel before a point, -1 for the one behind it
        slopes = (cell == -1).astype(wide) - (cell == 0)
        to_grid = xp.empty((len(values), count), dtype=wide)
        for axis in range(count):
            moved = values
            for k in range(count):
                along = (slopes if k == axis else tents)[k, :, : image[k]]
                moved = (moved * along.reshape(*along.shape, *(1,) * (count - 1 - k))).sum(axis=1)
            to_grid[:, count - 1 - axis] = moved * slope[axis]
        to_grid = to_grid.reshape(grid.shape).astype(grid.dtype, copy=False)
    return to_input, to_grid


def _linear_spec(input: Any, grid: Any, *, padding_mode: str, align: bool) -> Meta:
    return Meta((*input.shape[:2], *grid.shape[1:-1]), computed_dtype("grid_sample", "equal", (input, grid)))


_SMALL = span(-1.4, 1.4, 2, 2, 3, 2)


@op("sample_between(input: Tensor, grid: Tensor, *, padding_mode: str, align: bool) -> Tensor", label="grid_sample", promotes="equal", spec=_linear_spec, samples=[
    S((2, 2, 3, 4), _SMALL, padding_mode="zeros", align=False), S((2, 1, 3, 4), _SMALL, padding_mode="border", align=True),
    S((2, 2, 3, 4), _SMALL, padding_mode="reflection", align=False), S((2, 2, 3, 4), _SMALL, padding_mode="reflection", align=True),
    S((1, 2, 2, 3, 2), span(-1.2, 1.2, 1, 2, 1, 2, 3), padding_mode="zeros", align=True), S((0, 2, 3, 3), (0, 2, 2, 2), padding_mode="zeros", align=True)])
def sample_between(xp: Any, input: Any, grid: Any, *, padding_mode: str, align: bool) -> Any:
    """``grid_sample`` with linear interpolation in two or three dimensions."""
    if _dense(input, grid):
        result = _sampled(xp, input, grid, padding_mode, align)
        if result is not None:
            return result
    batch, channels, *image = input.shape
    sizes = grid.shape[1:-1]
    wide = wide_dtype(input.dtype)
    result = xp.empty((batch, channels, prod(sizes)), dtype=input.dtype)
    many = xp.asarray(_corners(image))
    for part in _portions(input, grid):
        places = grid[part].astype(wide, copy=False)
        index, weights, _ = _cells(xp, places.reshape(len(places), prod(sizes), len(sizes)), image, padding_mode, align, many)
        pixels = _framed(xp, input[part], wide).take(index, 0)
        sampled = xp.einsum("kn,knc->nc", _product(weights), pixels)
        result[part] = xp.moveaxis(sampled.reshape(len(places), -1, channels), 1, 2)
    return result.reshape(batch, channels, *sizes)


@sample_between.vjp()
def _plain(F: Any, g: Any, input: Any, grid: Any, input_shape: Any, padding_mode: str, align: bool, needs: Any) -> tuple[Any, Any]:
    batch, channels, *image = input_shape
    points = prod(grid.shape[1:-1])
    flat, g = F.reshape(input, shape=(batch, channels, prod(image))), F.reshape(g, shape=(batch, channels, points))
    positions = _positions(F, grid, image, padding_mode, align)
    terms = []
    for at in positions:
        low = F.floor(detached(at))
        terms.append([(low, 1.0 - (at - low)), (low + 1.0, at - low)])
    to_input: Any = None
    to_at: list[Any] = [None] * len(image)
    for corner in product((0, 1), repeat=len(image)):
        chosen = [terms[k][high] for k, high in enumerate(corner)]
        index, inside = _places(F, image, [place for place, _ in chosen], channels)
        factors = [part for _, part in chosen]
        if needs[0]:
            pulled = F.where(inside, g * F.reshape(reduce(mul, factors), shape=(batch, 1, points)), 0.0)
            term = F.gather_accumulate(pulled, index, dim=2, shape=(batch, channels, prod(image)))
            to_input = term if to_input is None else to_input + term
        if needs[1]:
            value = F.sum(F.where(inside, g * F.gather(flat, index=index, dim=2), 0.0), dim=1)
            for k, high in enumerate(corner):
                others = [factor for d, factor in enumerate(factors) if d != k]
                part = F.reshape(value, shape=tuple(grid.shape[:-1])) * reduce(mul, others)
                part = part if high else -part
                to_at[k] = part if to_at[k] is None else to_at[k] + part
    to_grid = None
    if needs[1]:
        slopes = F.sample_slopes(detached(grid), image=tuple(image), padding_mode=padding_mode, align=align)
        to_grid = F.stack(to_at[::-1], dim=-1) * slopes
    return None if to_input is None else F.reshape(to_input, shape=input_shape), to_grid


@op("sample_slopes(grid: Tensor, *, image: tuple[int, ...], padding_mode: str, align: bool) -> Tensor", kind="general", label="slopes",
    spec=lambda grid, **attrs: Meta(tuple(grid.shape), as_dtype(grid.dtype)), samples=[S(span(-1.4, 1.4, 2, 3, 2), image=(3, 4), padding_mode="reflection", align=False)])
def sample_slopes(xp: Any, grid: Any, *, image: Any, padding_mode: str, align: bool) -> Any:
    """How fast the place among the pixels moves with each coordinate of ``grid``."""
    points = grid.reshape(1, -1, grid.shape[-1])
    slope = _cells(xp, points, image, padding_mode, align, xp.zeros(1, dtype="int64"))[2]
    return xp.broadcast_to(slope[::-1].T, points.shape[1:]).reshape(grid.shape).astype(grid.dtype)


@sample_between.fused_vjp()
def _fused(F: Any, g: Any, input: Any, grid: Any, padding_mode: str, align: bool, needs: Any) -> tuple[Any, Any]:
    xp = F.backend.xp
    if _dense(input, grid):
        pulled = _pulled(xp, g, input, grid, padding_mode, align, needs)
        if pulled is not None:
            return pulled  # type: ignore[no-any-return]
    batch, channels, *image = input.shape
    count, points, wide = len(image), prod(grid.shape[1:-1]), wide_dtype(input.dtype)
    to_input = xp.empty(input.shape, dtype=input.dtype) if needs[0] else None
    to_grid = xp.empty((batch, points, count), dtype=grid.dtype) if needs[1] else None
    many = xp.asarray(_corners(image))
    framed = tuple(n + 2 * _FRAME for n in image)
    for part in _portions(input, grid):
        places, upstream = grid[part].astype(wide, copy=False), g[part].astype(wide, copy=False)
        index, weights, slope = _cells(xp, places.reshape(len(places), points, count), image, padding_mode, align, many)
        pulled = xp.moveaxis(upstream.reshape(len(places), channels, points), 1, 2).reshape(-1, channels)
        if to_input is not None:
            spread = _product(weights)[:, :, None] * pulled
            rows = add_rows(xp, spread.reshape(-1, channels), index.reshape(-1), len(places) * prod(framed))
            rows = rows.reshape(len(places), *framed, channels)[(slice(None), *[slice(_FRAME, -_FRAME)] * count)]
            to_input[part] = xp.moveaxis(rows, -1, 1)
        if to_grid is not None:
            values = xp.einsum("knc,nc->kn", _framed(xp, input[part], wide).take(index, 0), pulled).reshape(*[2] * count, -1)
            for axis in range(count):
                moved = values
                for k in range(count):
                    low, high = moved
                    moved = high - low if k == axis else low * weights[0, k] + high * weights[1, k]
                to_grid[part, :, count - 1 - axis] = (moved * slope[axis]).reshape(len(places), points)
    return to_input, None if to_grid is None else to_grid.reshape(grid.shape)


# --- the nearest point, and cubic weights --------------------------------------------------------------------------


def _places(F: Any, image: Any, at: Any, channels: int) -> tuple[Any, Any]:
    """Where whole positions are in flattened images, for each channel; and which of them lie inside."""
    index: Any = None
    inside: Any = None
    for place, n in zip(at, image, strict=True):
        fits = F.logical_and(F.ge(place, 0.0), F.le(place, float(n - 1)))
        whole = F.to_dtype(F.where(fits, place, 0.0), dtype="int64")
        index = whole if index is None else index * n + whole
        inside = fits if inside is None else F.logical_and(inside, fits)
    batch, points = index.shape[0], prod(index.shape[1:])
    return F.broadcast_to(F.reshape(index, shape=(batch, 1, points)), shape=(batch, channels, points)), F.reshape(inside, shape=(batch, 1, points))


def _gathered(F: Any, flat: Any, image: Any, at: Any) -> Any:
    """The pixels at whole positions, 0 outside: (batch, channels, points)."""
    index, inside = _places(F, image, at, flat.shape[1])
    return F.where(inside, F.gather(flat, index=index, dim=2), 0.0)


def _neighbours(F: Any, at: Any, n: int, padding_mode: str, align: bool) -> list[tuple[Any, Any]]:
    """The four pixels around a place in one dimension, each padded by itself, and their weights."""
    low = F.floor(detached(at))
    rest = at - low
    return [(_padded(F, low + (k - 1.0), n, padding_mode, align), weight) for k, weight in enumerate(cubic_weights(rest))]


def _check(input: Any, grid: Any, mode: str, padding_mode: str) -> None:
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got {padding_mode!r}")
    images, points = input.shape, grid.shape
    count = len(images) - 2
    if count not in (2, 3) or len(points) != len(images):
        wrong = "expected 4D or 5D input and grid with same number of dimensions, but got"
    elif images[0] != points[0] or points[-1] != count:
        wrong = f"expected grid and input to have same batch size and grid to have size {count} in last dimension, but got"
    elif mode == "bicubic" and count == 3:
        wrong = "bicubic interpolation only supports 4D input, but got"
    elif 0 in images[2:]:
        wrong = "expected input to have non-empty spatial dimensions, but got"
    else:
        return
    raise ShapeError(f"grid_sample: {wrong} input {describe(input)}, grid {describe(grid)}")


@composite("grid_sample(input: Tensor, grid: Tensor, mode: str = 'bilinear', padding_mode: str = 'zeros', align_corners: bool | None = None) -> Tensor", places=NN)
def grid_sample(F: Any, input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None) -> Any:
    """Images (batch, channels, height, width), or volumes, at the points of ``grid`` (batch, sizes..., 2 or 3), x first.

    Coordinates run from -1 to 1, see ``affine_grid``. ``mode`` is ``bilinear``, ``nearest`` or, for images, ``bicubic``. Outside there are zeros, the
    nearest pixel (``padding_mode='border'``) or the reflected image (``'reflection'``). Raises ``ValueError`` for unknown
    modes, ``RuntimeError`` for shapes that do not fit. Jaderberg et al. (2015), arXiv:1506.02025.
    """
    _check(input, grid, mode, padding_mode)
    if mode == "bilinear":
        return F.sample_between(input, grid, padding_mode=padding_mode, align=bool(align_corners))
    image = tuple(input.shape[2:])
    batch, channels = input.shape[:2]
    flat = F.reshape(input, shape=(batch, channels, prod(image)))
    align, points = bool(align_corners), (batch, 1, prod(grid.shape[1:-1]))
    positions = _positions(F, grid, image, "zeros" if mode == "bicubic" else padding_mode, align)
    if mode == "nearest":
        sampled = _gathered(F, flat, image, [F.round(detached(at)) for at in positions])
        if getattr(grid, "requires_grad", False):  # zeros, not nothing, as in PyTorch
            sampled = sampled + F.reshape(F.sum(F.nan_to_num(grid) * 0, dim=-1), shape=points)
    else:
        terms = [_neighbours(F, at, n, padding_mode, align) for at, n in zip(positions, image, strict=True)]
        sampled = None
        for corner in product(*terms):
            weight = reduce(mul, [part for _, part in corner])
            term = _gathered(F, flat, image, [place for place, _ in corner]) * F.reshape(weight, shape=points)
            sampled = term if sampled is None else sampled + term
    return F.reshape(sampled, shape=(batch, channels, *grid.shape[1:-1]))
