"""Sampling images at given points: ``grid_sample``, and ``affine_grid`` for the points of an affine map."""

from __future__ import annotations

from functools import reduce
from itertools import product
from math import prod
from operator import mul
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import NN, Arg, S, composite, detached, op
from ..spec import Meta
from .interpolate import cubic_weights


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


def _gathered(F: Any, flat: Any, image: Any, at: Any) -> Any:
    """The pixels at whole positions, 0 outside: (batch, channels, points)."""
    index: Any = None
    inside: Any = None
    for place, n in zip(at, image, strict=True):
        fits = F.logical_and(F.ge(place, 0.0), F.le(place, float(n - 1)))
        whole = F.to_dtype(F.where(fits, place, 0.0), dtype="int64")
        index = whole if index is None else index * n + whole
        inside = fits if inside is None else F.logical_and(inside, fits)
    batch, channels = flat.shape[:2]
    points = prod(index.shape[1:])
    spread = F.broadcast_to(F.reshape(index, shape=(batch, 1, points)), shape=(batch, channels, points))
    return F.where(F.reshape(inside, shape=(batch, 1, points)), F.gather(flat, index=spread, dim=2), 0.0)


def _neighbours(F: Any, at: Any, n: int, mode: str, padding_mode: str, align: bool) -> list[tuple[Any, Any]]:
    """The pixels around a place in one dimension, and their weights: two, or four of which each is padded by itself."""
    low = F.floor(detached(at))
    rest = at - low
    if mode == "bilinear":
        return [(low, 1.0 - rest), (low + 1.0, rest)]
    return [(_padded(F, low + (k - 1.0), n, padding_mode, align), weight) for k, weight in enumerate(cubic_weights(rest))]


@composite("grid_sample(input: Tensor, grid: Tensor, mode: str = 'bilinear', padding_mode: str = 'zeros', align_corners: bool | None = None) -> Tensor", places=NN)
def grid_sample(F: Any, input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None) -> Any:
    """Images (batch, channels, height, width), or volumes, at the points of ``grid`` (batch, sizes..., 2 or 3), x first.

    Coordinates run from -1 to 1, see ``affine_grid``. ``mode`` is ``bilinear``, ``nearest`` or, for images, ``bicubic``. Outside there are zeros, the
    nearest pixel (``padding_mode='border'``) or the reflected image (``'reflection'``). Raises ``ValueError`` for unknown
    modes, ``RuntimeError`` for shapes that do not fit. Jaderberg et al. (2015), arXiv:1506.02025.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got {mode!r}")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(f"grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got {padding_mode!r}")
    count = input.ndim - 2
    operands = f"input {describe(input)}, grid {describe(grid)}"
    if count not in (2, 3) or grid.ndim != input.ndim:
        raise ShapeError(f"grid_sample: expected 4D or 5D input and grid with same number of dimensions, but got {operands}")
    if input.shape[0] != grid.shape[0] or grid.shape[-1] != count:
        raise ShapeError(f"grid_sample: expected grid and input to have same batch size and grid to have size {count} in last dimension, but got {operands}")
    if mode == "bicubic" and count == 3:
        raise ShapeError(f"grid_sample: bicubic interpolation only supports 4D input, but got {operands}")
    if 0 in input.shape[2:]:
        raise ShapeError(f"grid_sample: expected input to have non-empty spatial dimensions, but got {operands}")
    image = tuple(input.shape[2:])
    batch, channels = input.shape[:2]
    flat = F.reshape(input, shape=(batch, channels, prod(image)))
    align = bool(align_corners)
    positions = _positions(F, grid, image, "zeros" if mode == "bicubic" else padding_mode, align)
    if mode == "nearest":
        sampled = _gathered(F, flat, image, [F.round(detached(at)) for at in positions])
    else:
        terms = [_neighbours(F, at, n, mode, padding_mode, align) for at, n in zip(positions, image, strict=True)]
        points = (batch, 1, prod(grid.shape[1:-1]))
        sampled = None
        for corner in product(*terms):
            weight = reduce(mul, [part for _, part in corner])
            term = _gathered(F, flat, image, [place for place, _ in corner]) * F.reshape(weight, shape=points)
            sampled = term if sampled is None else sampled + term
    return F.reshape(sampled, shape=(batch, channels, *grid.shape[1:-1]))
