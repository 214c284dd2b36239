"""Sums and maxima over windows of images in any number of dimensions. Average pooling is linear and stands beside its
adjoint; maximum pooling passes the gradient to one element of each window, and passing back and picking at those
places are adjoint to each other.

Images are the last dimensions, as many as the windows have; any number of dimensions may precede them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import UnsupportedDtypeError
from ..kernels.blocks import at_hand
from ..kernels.choose import choose
from ..kernels.numbers import Numbers, has_nan
from ..kernels.sliding import SMALL, SmallImages
from ..op import Arg, S, distinct, op
from ..spec import Meta
from .reduce import wide_dtype, widened


class Windows:
    """Where the elements of the windows lie in padded images."""

    def __init__(self, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> None:
        self.kernel, self.stride, self.padding, self.dilation, self.size = kernel, stride, padding, dilation, size
        self.count = len(kernel)
        self.image = tuple(shape[-self.count :])
        self.leading = tuple(shape[: -self.count])
        self.covered = tuple(stride[i] * (size[i] - 1) + dilation[i] * (kernel[i] - 1) + 1 for i in range(self.count))
        self.padded = tuple(max(self.covered[i], self.image[i] + padding[i]) for i in range(self.count))
        self.plain = max(padding) == 0 and self.padded == self.image
        self.apart = stride == kernel and max(dilation) == 1
        self.rows = prod(self.leading)
        self.result = (*self.leading, *size)
        self.share = Numbers(1.0 / prod(kernel))
        few = 0 < self.rows * prod(kernel) * prod(size) <= SMALL and self.rows * prod(self.image) <= SMALL
        self.small = SmallImages(self.image, kernel, stride, padding, dilation, size) if few else None
        """Where the windows' elements lie, of images that are read by index."""
        self.lines = [[self.along(axis, k) for k in range(kernel[axis])] for axis in range(self.count)]

    def part(self, axis: int, k: int) -> slice:
        """Element ``k`` of every window along one axis."""
        start = k * self.dilation[axis]
        return slice(start, start + self.stride[axis] * (self.size[axis] - 1) + 1, self.stride[axis])

    def along(self, axis: int, k: int) -> tuple[Any, ...]:
        """The index of element ``k`` of every window along one axis of the images, all of the others."""
        return (..., self.part(axis, k), *(slice(None),) * (self.count - 1 - axis))

    def offsets(self) -> list[tuple[Any, ...]]:
        """The index of each window element, in the order of memory."""
        return [(..., *(self.part(axis, k) for axis, k in enumerate(element))) for element in product(*map(range, self.kernel))]

    def inside(self, padded: Any) -> Any:
        """The image in its padded form."""
        return padded[(..., *(slice(edge, edge + n) for edge, n in zip(self.padding, self.image, strict=True)))]

    def pad(self, xp: Any, images: Any, value: Any) -> Any:
        """Images with ``value`` around them, where windows reach beyond."""
        if self.plain:
            return images
        padded = xp.full((*self.leading, *self.padded), value, dtype=images.dtype)
        self.inside(padded)[...] = images
        return padded

    def first_inside(self, axis: int) -> list[int]:
        """For each window the first of its elements along one axis that is not padding."""
        steps = range(self.size[axis])
        return [max(0, -((k * self.stride[axis] - self.padding[axis]) // self.dilation[axis])) for k in steps]


@lru_cache(maxsize=128)
def windows_of(shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Windows:
    """The windows of images of one shape, worked out once."""
    return Windows(shape, kernel, stride, padding, dilation, size)


def _lowest(xp: Any, dtype: Any) -> Any:
    return -xp.inf if dtype.kind == "f" else xp.iinfo(dtype).min


def _pool_spec(input: Any, *others: Any, size: Any, **attrs: Any) -> Meta:
    return Meta((*tuple(input.shape)[: -len(size)], *size), as_dtype(input.dtype))


_TWO: dict[str, Any] = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "size": (2, 3)}
_THREE: dict[str, Any] = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 1), "dilation": (1, 2), "size": (3, 6)}
_LINE: dict[str, Any] = {"kernel": (3,), "stride": (2,), "padding": (1,), "dilation": (1,), "size": (3,)}
_SOLID: dict[str, Any] = {"kernel": (2, 1, 2), "stride": (1, 1, 2), "padding": (0, 0, 1), "dilation": (1, 1, 1), "size": (2, 2, 3)}
_WINDOWS = "kernel: tuple[int, ...], stride: tuple[int, ...], padding: tuple[int, ...], dilation: tuple[int, ...], size: tuple[int, ...]"

_IMAGE = Arg(values=[[[1.0, 5.0, 2.0, 0.0], [3.0, 4.0, 7.0, 6.0]]])
_MAXIMA = Arg(values=[[[5.0, 7.0]]])
_ROW = {**_TWO, "size": (1, 2)}

# --- maximum ------------------------------------------------------------------------------------------------------


@op(f"max_pool(input: Tensor, *, {_WINDOWS}) -> Tensor", label="max_pool", spec=_pool_spec, samples=[
    S(distinct(2, 3, 4, 6), **_TWO), S(distinct(3, 5, 7), **_TWO), S(distinct(2, 1, 5, 6), **_THREE), S(distinct(0, 1, 4, 6), **_TWO), S(distinct(2, 3, 6), **_LINE),
    S(distinct(2, 3, 2, 4), **_SOLID)])
def max_pool(xp: Any, input: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """The largest element of each window."""
    windows = windows_of(input.shape, kernel, stride, padding, dilation, size)
    if windows.small is not None and windows.plain:
        return windows.small.places(input).read(xp, input, windows.rows).max(axis=1).reshape(windows.result)
    rows = windows.pad(xp, input, _lowest(xp, input.dtype))
    for axis in range(windows.count):
        parts = [rows[windows.lines[axis][k]] for k in range(kernel[axis])]
        if len(parts) == 1:
            rows = parts[0]
        else:
            rows = xp.maximum(parts[0], parts[1])
            for part in parts[2:]:
                xp.maximum(rows, part, out=rows)
    return rows.copy() if max(kernel) == 1 else rows


@max_pool.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.max_pool_scatter(g, input, out, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


def _winners(xp: Any, windows: Windows, input: Any, out: Any) -> Iterator[tuple[Any, Any]]:
    """For each window element in turn its place, and whether it is the first that equals the maximum; of NaNs, which win, the last, as in PyTorch."""
    offsets = windows.offsets()
    padded = windows.pad(xp, input, _lowest(xp, input.dtype))
    if backend_of(out).name == "cpu" and (windows.plain or not bool((out == _lowest(xp, out.dtype)).any())) and not bool(xp.isnan(out).any()):
        taken = None
        for k, place in enumerate(offsets):
            if k == len(offsets) - 1 and taken is not None:
                yield place, ~taken
                return
            first = padded[place] == out
            if taken is not None:
                first &= ~taken
            taken = first if taken is None else taken | first
            yield place, first
        return
    winner = xp.zeros(windows.size, dtype="int32")  # starts at the first element that is not padding, which might equal the lowest number
    for axis in range(windows.count):
        starts = xp.asarray(windows.first_inside(axis), dtype="int32") * prod(windows.kernel[axis + 1 :])
        winner = winner + starts.reshape((-1,) + (1,) * (windows.count - 1 - axis))
    winner = xp.broadcast_to(winner, out.shape)
    best = xp.full(out.shape, _lowest(xp, input.dtype), dtype=input.dtype)
    for k, place in enumerate(offsets):
        element = padded[place]
        better = (element > best) | xp.isnan(element)
        best, winner = xp.where(better, element, best), xp.where(better, k, winner)
    for k, place in enumerate(offsets):
        yield place, winner == k


_RESULT = f"input: Tensor, result: Tensor, *, {_WINDOWS}) -> Tensor"


@op(f"max_pool_scatter(grad: Tensor, {_RESULT}", label="max_poolᵀ",
    spec=lambda grad, input, result, **attrs: Meta(tuple(input.shape), as_dtype(grad.dtype)), samples=[S((1, 1, 2), _IMAGE, _MAXIMA, **_ROW)])
def max_pool_scatter(xp: Any, grad: Any, input: Any, result: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """Zeros like ``input``, but ``grad`` added at the place of the maximum of each window; ``result`` are the maxima."""
    windows = windows_of(input.shape, kernel, stride, padding, dilation, size)
    if windows.small is not None and windows.plain and at_hand(result) and not has_nan(result):
        places = windows.small.places(input)
        first = places.read(xp, input, windows.rows).argmax(axis=1)
        wins = xp.where(first[:, None] == places.numbers, grad.reshape(windows.rows, 1, places.windows), 0)
        return places.add(xp, wins, windows.rows).reshape(input.shape)
    complete = windows.apart and windows.covered == windows.padded
    scattered = (xp.empty if complete else xp.zeros)((*windows.leading, *windows.padded), dtype=grad.dtype)
    for place, wins in _winners(xp, windows, input, result):
        if windows.apart:
            scattered[place] = choose(xp, wins, grad, 0)
        else:
            scattered[place] += choose(xp, wins, grad, 0)
    return scattered if windows.plain else windows.inside(scattered).copy()


@max_pool_scatter.vjp("grad")
def _(F: Any, g: Any, input: Any, result: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.max_pool_pick(g, input, result, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


@op(f"max_pool_pick(values: Tensor, {_RESULT}", label="max_pool pick",
    spec=lambda values, input, result, **attrs: Meta(tuple(result.shape), as_dtype(values.dtype)), samples=[S((1, 2, 4), _IMAGE, _MAXIMA, **_ROW)])
def max_pool_pick(xp: Any, values: Any, input: Any, result: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """``values`` at the place of the maximum of each window of ``input``."""
    windows = windows_of(input.shape, kernel, stride, padding, dilation, size)
    spread = windows.pad(xp, values, 0)
    picked = xp.zeros(result.shape, dtype=values.dtype)
    for place, wins in _winners(xp, windows, input, result):
        picked += xp.where(wins, spread[place], 0)
    return picked


@max_pool_pick.vjp("values")
def _(F: Any, g: Any, input: Any, result: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    return F.max_pool_scatter(g, input, result, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size)


@op(f"max_pool_indices({_RESULT}", label="argmax",
    spec=lambda input, result, **attrs: Meta(tuple(result.shape), as_dtype("int64")), samples=[S(_IMAGE, _MAXIMA, **_ROW)])
def max_pool_indices(xp: Any, input: Any, result: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any) -> Any:
    """The position of each window's maximum in its flattened image."""
    windows = windows_of(input.shape, kernel, stride, padding, dilation, size)
    places = xp.zeros((1,), dtype="int64")
    for n, edge, length in zip(windows.image, padding, windows.padded, strict=True):
        places = places[..., None] * n + (xp.arange(length) - edge)
    found = xp.zeros(result.shape, dtype="int64")
    for place, wins in _winners(xp, windows, input, result):
        found += wins * places[0][place]
    return found


# --- average ------------------------------------------------------------------------------------------------------


def _counts(windows: Windows, axis: int, include_padding: bool) -> list[int]:
    """How many elements each window counts along one axis."""
    length, edge = windows.image[axis], windows.padding[axis]
    counts = []
    for k in range(windows.size[axis]):
        start = k * windows.stride[axis] - edge
        end = min(start + windows.kernel[axis], length + edge)
        counts.append(end - start if include_padding else min(end, length) - max(start, 0))
    return counts


def _scale(xp: Any, windows: Windows, count_include_pad: bool, divisor: int | None, array: Any) -> Any:
    """What window sums, in ``array``, are multiplied by."""
    if divisor is not None:
        return 1.0 / divisor
    if windows.plain:
        return windows.share[array.__class__, array.dtype][0]
    counts = [_counts(windows, axis, count_include_pad) for axis in range(windows.count)]
    if all(len({*each}) == 1 for each in counts):
        return 1.0 / prod(each[0] for each in counts)
    return xp.asarray([1.0 / prod(each) for each in product(*counts)], dtype=wide_dtype(array.dtype)).reshape(windows.size)


_AVERAGE: dict[str, Any] = {"count_include_pad": True, "divisor": None}
_UNDILATED: dict[str, Any] = {**_THREE, "dilation": (1, 1), "size": (3, 7)}


@op(f"avg_pool(input: Tensor, *, {_WINDOWS}, count_include_pad: bool, divisor: int | None) -> Tensor", label="avg_pool", spec=_pool_spec, samples=[
    S((2, 3, 4, 6), **_TWO, **_AVERAGE), S((3, 5, 7), **_TWO, **_AVERAGE), S((0, 1, 4, 6), **_TWO, count_include_pad=True, divisor=3),
    S((2, 1, 5, 6), **_UNDILATED, count_include_pad=False, divisor=None), S((2, 1, 5, 6), **_UNDILATED, **_AVERAGE), S((2, 3, 6), **_LINE, **_AVERAGE),
    S((2, 3, 2, 4), **_SOLID, count_include_pad=False, divisor=None)])
def avg_pool(xp: Any, input: Any, *, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool, divisor: Any) -> Any:
    """The mean of each window."""
    if input.dtype.kind not in "fc":
        raise UnsupportedDtypeError(f"avg_pool{len(kernel)}d: not implemented for '{as_dtype(input.dtype).name}'. Convert with .float()")
    windows = windows_of(input.shape, kernel, stride, padding, dilation, size)
    work = widened(input)
    if windows.small is not None and windows.plain:
        sums = xp.add.reduce(windows.small.places(work).read(xp, work, windows.rows), axis=1)
        sums *= _scale(xp, windows, count_include_pad, divisor, work)
        return sums.reshape(windows.result).astype(input.dtype, copy=False)
    sums = windows.pad(xp, work, 0)
    for axis in range(windows.count):
        parts = [sums[windows.lines[axis][k]] for k in range(kernel[axis])]
        sums = parts[0] + parts[1] if len(parts) > 1 else parts[0]
        for part in parts[2:]:
            sums += part
    return (sums * _scale(xp, windows, count_include_pad, divisor, work)).astype(input.dtype, copy=False)


@avg_pool.vjp("input")
def _(F: Any, g: Any, input_shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool, divisor: Any) -> Any:
    return F.avg_pool_grad(g, shape=input_shape, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size,
                           count_include_pad=count_include_pad, divisor=divisor)


@op(f"avg_pool_grad(grad: Tensor, *, shape: Sequence[int], {_WINDOWS}, count_include_pad: bool, divisor: int | None) -> Tensor", label="avg_poolᵀ",
    spec=lambda grad, *, shape, **attrs: Meta(tuple(shape), as_dtype(grad.dtype)), samples=[
        S((2, 3, 2, 3), shape=(2, 3, 4, 6), **_TWO, **_AVERAGE), S((2, 1, 3, 7), shape=(2, 1, 5, 6), **_UNDILATED, count_include_pad=False, divisor=None),
        S((2, 2, 2, 3), shape=(2, 3, 2, 4), **_SOLID, **_AVERAGE)])
def avg_pool_grad(xp: Any, grad: Any, *, shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool,
                  divisor: Any) -> Any:
    """The adjoint of ``avg_pool``: each element spread evenly over its window."""
    windows = windows_of(shape, kernel, stride, padding, dilation, size)
    spread = grad * _scale(xp, windows, count_include_pad, divisor, grad)
    if windows.small is not None:
        return windows.small.places(spread).spread(xp, spread, windows.rows).reshape(shape).astype(grad.dtype, copy=False)
    for axis in reversed(range(windows.count)):
        wider = xp.zeros((*windows.leading, *size[:axis], *windows.padded[axis:]), dtype=wide_dtype(grad.dtype))
        for k in range(kernel[axis]):
            wider[windows.lines[axis][k]] += spread
        spread = wider
    return (spread if windows.plain else windows.inside(spread)).astype(grad.dtype, copy=not windows.plain)


@avg_pool_grad.vjp("grad")
def _(F: Any, g: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, size: Any, count_include_pad: bool, divisor: Any) -> Any:
    return F.avg_pool(g, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size, count_include_pad=count_include_pad, divisor=divisor)
