"""Counting: histograms and occurrences. Without gradient, as in PyTorch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..dtypes import as_dtype, float32, float64, int64
from ..errors import describe
from ..op import TORCH_TENSOR, Arg, S, composite, detached, ints, op
from ..spec import Meta


def _histc_spec(input: Any, *, bins: int = 100, min: float = 0, max: float = 0) -> Meta:
    if not as_dtype(input.dtype).is_floating_point:
        raise NotImplementedError(f"histc: not implemented for {as_dtype(input.dtype).name} (input {describe(input)}). Convert it with .float()")
    if bins < 1:
        raise RuntimeError(f"histc: bins must be > 0, but got {bins}")
    if max < min:
        raise RuntimeError(f"histc: max must be larger than min, got min={min}, max={max}")
    return Meta((bins,), as_dtype(input.dtype))


@op("histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor", kind="general", places=TORCH_TENSOR, spec=_histc_spec, samples=[
    S((20,), bins=5, min=-1.0, max=1.5), S((4, 5), bins=3), S((), bins=2), S((0, 3), bins=4), S((5,)), S(Arg(values=[1.0, 1.0]), bins=3),
    S(Arg(values=[math.nan, 1.0, 2.0]), bins=2, min=0.0, max=2.0),
    S((3,), bins=0, error=RuntimeError, match="bins must be > 0"), S((3,), min=2.0, max=1.0, error=RuntimeError, match="max must be larger"),
    S(ints(3), error=NotImplementedError, match="int64"), S(Arg(values=[math.nan, 1.0]), error=RuntimeError, match="not finite")])
def histc(xp: Any, input: Any, *, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements lie in each of ``bins`` equal intervals from ``min`` to ``max``; of the smallest to the largest element if these are equal.

    Elements outside and NaN are not counted. The counts have the dtype of ``input``, which must be floating point.

    >>> import autograd_core as ag
    >>> ag.histc(ag.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3).tolist()
    [0.0, 2.0, 1.0, 0.0]
    """
    if bins < 1 or max < min or input.dtype.kind != "f":
        _histc_spec(input, bins=bins, min=min, max=max)
    flat = input.reshape(-1)
    if min == max and flat.size and backend_of(input).name == "cpu":
        low, high = flat.min(), flat.max()
        if low == high:
            low, high = low - 1, high + 1
    elif min == max and flat.size:
        low, high = flat.min(), flat.max()
        single = low == high
        low, high = xp.where(single, low - 1, low), xp.where(single, high + 1, high)
    else:
        low, high = (float(min), float(max)) if min != max else (min - 1.0, max + 1.0)
    if backend_of(input).name == "cpu" and not (math.isfinite(low) and math.isfinite(high)):  # on a GPU looking at the values would wait for it
        raise RuntimeError(f"histc: range of [{low}, {high}] is not finite. Give min and max, or remove NaN and infinities")
    edges = low + (high - low) * (xp.arange(bins + 1) / bins)
    if bins <= _FEW_BINS and flat.size > _FEW and backend_of(input).name == "cpu":
        return _counted(xp, flat, edges, low, high).astype(input.dtype)
    if min == max and flat.size:
        return xp.bincount(_bins(xp, flat, low, high, edges, bins), minlength=bins).astype(input.dtype)
    inside = (flat >= low) & (flat <= high)
    place = _bins(xp, xp.where(inside, flat, low), low, high, edges, bins)
    return xp.bincount(xp.where(inside, place, bins), minlength=bins + 1)[:bins].astype(input.dtype)


_FEW_BINS, _FEW = 24, 1 << 12
"""In so few bins of more elements, counting those below each edge is faster than finding each one's bin."""


def _counted(xp: Any, flat: Any, edges: Any, low: Any, high: Any) -> Any:
    """How many elements lie between the edges, the last of which is ``high``."""
    limits = edges.astype(flat.dtype)
    limits = xp.where(limits < edges, xp.nextafter(limits, limits.dtype.type(math.inf)), limits)  # the first numbers of that dtype that are not below the edges
    below = xp.zeros(len(edges), dtype="int64")
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        below += [xp.count_nonzero(part < low), *[xp.count_nonzero(part < limit) for limit in limits[1:-1]], xp.count_nonzero(part <= high)]
    return below[1:] - below[:-1]


_BLOCK = 1 << 15


def _bins(xp: Any, flat: Any, low: Any, high: Any, edges: Any, bins: int) -> Any:
    """The interval of each element, all of which lie between the first and the last edge."""
    place = xp.minimum((flat - low) * (bins / (high - low)), bins - 1).astype(int)
    place -= flat < edges[place]  # where rounding put it on the wrong side of an edge
    place += (flat >= edges[place + 1]) & (place < bins - 1)
    return place


def _bincount_spec(input: Any, weights: Any = None, *, minlength: int = 0) -> Meta:
    kind = as_dtype(input.dtype)
    if kind.is_floating_point or kind.is_complex or kind.name == "bool":
        raise NotImplementedError(f"bincount: not implemented for {kind.name}. Convert it with .long()")
    if len(input.shape) != 1:
        raise RuntimeError(f"bincount: only supports 1-d non-negative integral inputs, got the shape {tuple(input.shape)}. Use flatten()")
    if weights is not None and tuple(weights.shape) != tuple(input.shape):
        raise RuntimeError(f"bincount: weights should be 1-d and have the same length as input, got {tuple(weights.shape)} for {tuple(input.shape)}")
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength should be >= 0, got {minlength}")
    raw = getattr(input, "_array", None)
    if raw is not None and raw.size and backend_of(raw).name == "cpu" and raw.min() < 0:  # on a GPU looking at the values would wait for it
        raise RuntimeError(f"bincount: only supports 1-d non-negative integral inputs, got {int(raw.min())}")
    return Meta((-1,), int64 if weights is None or not input.shape[0] else float32 if weights.dtype == "float32" else float64)


@op("bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor", out=False, kind="dynamic", places=TORCH_TENSOR, spec=_bincount_spec, samples=[
    S(ints(8, high=5)), S(ints(8, high=5), (8,)), S(ints(4), ints(4), minlength=6), S(ints(0), minlength=3), S(ints(0)),
    S(ints(2, 3), error=RuntimeError, match="1-d"), S(Arg(values=[1, -2]), error=RuntimeError, match="non-negative"), S(ints(3), (2,), error=RuntimeError, match="same length"),
    S(ints(3), minlength=-1, error=RuntimeError, match="minlength"), S((3,), error=NotImplementedError, match="float64")])
def bincount(xp: Any, input: Any, weights: Any = None, *, minlength: int = 0) -> Any:
    """How often each non-negative integer occurs in the one-dimensional ``input``, or the sums of its ``weights``; at least ``minlength`` entries.

    Counts are int64, sums of float32 weights float32, of others float64; of nothing, always int64.
    """
    if weights is None and input.dtype.kind in "iu" and input.size:  # the array library refuses what does not fit
        return xp.bincount(input, None, minlength).astype("int64", copy=False)
    wanted = _bincount_spec(input, weights, minlength=minlength).dtype.dtype
    if not input.size:
        return xp.zeros(minlength, dtype=wanted)
    return xp.bincount(input, weights=weights, minlength=minlength).astype(wanted, copy=False)


# --- histograms ---------------------------------------------------------------------------------------------------


class Histogram(NamedTuple):
    """The counts, and the edges of the bins."""

    hist: Any
    bin_edges: Any


def _edges(F: Any, name: str, numbers: Any, bins: Any, limits: Any) -> Any:
    """The edges of the bins: as given, or at equal distances between the limits or the extremes."""
    if hasattr(bins, "shape"):
        return bins
    if bins <= 0:
        raise RuntimeError(f"{name}: bins must be > 0, but got {bins}")
    if limits is None and numbers.shape[0]:
        low, high = F.amin(numbers), F.amax(numbers)
        low, high = F.where(low == high, low - 0.5, low), F.where(low == high, high + 0.5, high)
    else:
        low, high = limits or (0.0, 1.0)
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    steps = F.counting(numbers, length=bins + 1)
    return F.to_dtype(F.where(steps == bins, high, low + (high - low) * (steps / bins)), dtype=as_dtype(numbers.dtype))


def _histogram(F: Any, columns: Any, edges: Any, weight: Any, density: bool) -> Any:
    """How many of the points lie in each box; the last bin of a dimension includes its end."""
    place: Any = 0
    inside: Any = True
    for x, limits in zip(columns, edges, strict=True):
        n = limits.shape[0] - 1
        at = F.where(x == limits[-1], n - 1, F.searchsorted(limits, F.clone(x), right=True) - 1)
        inside = (at >= 0) & (at < n) & inside
        place = place * n + at
    weight = F.fill(columns[0], 1) if weight is None else F.to_dtype(F.reshape(detached(weight), shape=(-1,)), dtype=as_dtype(columns[0].dtype))
    sizes = tuple([limits.shape[0] - 1 for limits in edges])
    total = math.prod(sizes)
    empty = F.fill(F.counting(columns[0], length=total + 1), 0)  # what lies outside goes into a bin of its own
    hist = F.reshape(F.scatter_add(empty, index=F.where(inside, place, total), src=weight, dim=0)[:total], shape=sizes)
    if density:
        hist = hist / F.sum(hist)
        for i, limits in enumerate(edges):
            hist = hist / F.reshape(limits[1:] - limits[:-1], shape=(*[1] * i, -1, *[1] * (len(edges) - 1 - i)))
    return hist


@composite("histogram(input: Tensor, bins: int | Tensor, *, range: Sequence[float] | None = None, weight: Tensor | None = None, density: bool = False) -> tuple[Tensor, Tensor]")
def histogram(F: Any, input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """How many elements lie in each of ``bins`` equal bins, or between the edges that ``bins`` gives: a named tuple ``(hist, bin_edges)``, without gradient.

    ``range`` limits the bins, else the extremes do. With ``density`` the integral over all bins is 1.

    >>> import autograd_core as ag
    >>> ag.histogram(ag.tensor([1.0, 2.0, 2.5]), 2, range=(0.0, 4.0)).hist.tolist()
    [1.0, 2.0]
    """
    numbers = F.reshape(detached(input), shape=(-1,))
    edges = _edges(F, "histogram", numbers, bins, range)
    return Histogram(_histogram(F, [numbers], [edges], weight, density), edges)


@composite("histogramdd(input: Tensor, bins: Any, *, range: Sequence[float] | None = None, weight: Tensor | None = None, density: bool = False) -> tuple[Tensor, Any]",
           out=False, places=("torch",))
def histogramdd(F: Any, input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """``histogram`` of points, whose coordinates stand in the last dimension of ``input``; ``bins`` and ``range`` (low, high, low, high, ...) for each of them."""
    points = F.reshape(detached(input), shape=(-1, input.shape[-1]))
    columns = F.unbind(points, dim=1)
    each = list(bins) if isinstance(bins, (list, tuple)) else [bins] * len(columns)
    edges = tuple([_edges(F, "histogramdd", x, b, None if range is None else range[2 * i : 2 * i + 2]) for i, (x, b) in enumerate(zip(columns, each, strict=True))])
    return Histogram(_histogram(F, columns, edges, weight, density), edges)
