"""Reductions, scans and statistics, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate, stats

from .common import PART, Reference


def running(choose: Reference) -> Reference:
    """The extremum so far and where it stands last, by looking at every beginning of a row."""

    def row(values: Any) -> Any:
        found = []
        for i in range(len(values)):
            best = choose(values[: i + 1])
            found.append(max(k for k in range(i + 1) if values[k] == best or (np.isnan(best) and np.isnan(values[k]))))
        return np.array(found, dtype=int)

    def reference(input: Any, *, dim: int) -> Any:
        if not input.size or not input.ndim:
            return input, np.zeros(input.shape, dtype=int)
        positions = np.apply_along_axis(row, dim, input)
        return np.take_along_axis(input, positions, axis=dim), positions

    return reference


def logcumsumexp(input: Any, *, dim: int) -> Any:
    if not input.ndim:
        return input
    shift = np.max(input, axis=dim, keepdims=True, initial=0)
    with np.errstate(divide="ignore"):
        return np.log(np.cumsum(np.exp(input - shift), axis=dim)) + shift


def picking(order: Reference) -> Reference:
    """The element that ``order`` (a row -> its position there) picks along ``dim``, and its position."""

    def reference(input: Any, *, dim: int = -1, keepdim: bool = False, **attrs: Any) -> Any:
        if not input.ndim:
            return input, np.array(0)
        rest = tuple(n for d, n in enumerate(input.shape) if d != dim % input.ndim)
        positions = np.apply_along_axis(lambda row: order(row, **attrs), dim, input) if input.size else np.zeros(rest, dtype=int)
        positions = np.expand_dims(positions, dim)
        values = np.take_along_axis(input, positions, axis=dim)
        return (values, positions) if keepdim else (np.squeeze(values, dim), np.squeeze(positions, dim))

    return reference


def median_position(row: Any, ignore_nan: bool = False) -> int:
    missing = np.flatnonzero(np.isnan(row))
    if len(missing) and (not ignore_nan or len(missing) == len(row)):
        return int(missing[0])
    return int(np.argsort(row, kind="stable")[(len(row) - len(missing) - 1) // 2])


def mode_position(row: Any) -> int:
    return int(np.flatnonzero(row == stats.mode(row).mode)[-1])


def median_of_all(input: Any, *, ignore_nan: bool = False) -> Any:
    flat = input.reshape(-1)
    return flat[median_position(flat, ignore_nan)] if flat.size else np.nan


def median(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    return median_of_all(input) if dim is None else picking(median_position)(input, dim=dim, keepdim=keepdim)


def nanmedian(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    return median_of_all(input, ignore_nan=True) if dim is None else picking(median_position)(input, dim=dim, keepdim=keepdim, ignore_nan=True)


def quantile(function: Reference) -> Reference:
    return lambda input, q, *, dim=None, keepdim=False, interpolation="linear": function(
        input, q, axis=dim if input.ndim else None, keepdims=keepdim, method=interpolation)


def histogram(input: Any, *, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    low, high = (min, max) if min != max else (np.min(input, initial=np.inf), np.max(input, initial=-np.inf)) if input.size else (0, 1)
    if low == high:
        low, high = low - 1, high + 1
    counts = np.zeros(bins)
    for value in input.reshape(-1):
        if low <= value <= high:
            counts[np.minimum(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return counts


def bincount(input: Any, weights: Any = None, *, minlength: int = 0) -> Any:
    n = max(minlength, int(input.max()) + 1 if input.size else 0)
    counted = np.array([np.sum(input == k) if weights is None else np.sum(weights[input == k]) for k in range(n)])
    return counted.astype(int if weights is None else float)


def diff(input: Any, *, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    joined = [part for part in (prepend, input, append) if part is not None]
    return np.diff(np.concatenate(joined, axis=dim), n=n, axis=dim)


def trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    return integrate.trapezoid(y, x, dx=dx, axis=dim)


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: float = 1.0, dim: int = -1) -> Any:
    return integrate.cumulative_trapezoid(y, x, dx=dx, axis=dim)


def slopes(a: Any, spacing: Any, dim: int | None, edge_order: int) -> tuple[Any, ...]:
    steps = spacing if isinstance(spacing, tuple) else (spacing,)
    found = np.gradient(a, *steps, axis=dim, edge_order=edge_order)
    return tuple(found) if isinstance(found, (list, tuple)) else (found,)


REFERENCES: dict[str, Reference] = {
    "cov": lambda a, *, correction=1, fweights=None, aweights=None: np.cov(a, ddof=correction, fweights=fweights, aweights=aweights), "corrcoef": np.corrcoef,
    "gradient": lambda a, *, spacing=1.0, dim=None, edge_order=1: slopes(a, spacing, dim, edge_order),
    "cummax": running(np.max), "cummin": running(np.min), "logcumsumexp": logcumsumexp,
    "kthvalue": picking(lambda row, k: np.argsort(row, kind="stable")[k - 1]), "median_along": picking(median_position), "median_of_all": median_of_all,
    "median": median, "nanmedian": nanmedian, "mode": picking(mode_position), "quantile": quantile(np.quantile), "nanquantile": quantile(np.nanquantile),
    "histc": histogram, "bincount": bincount, "diff": diff, "differences": lambda a, *, dim: np.diff(a, axis=dim),
    "differences_adjoint": lambda a, *, dim: -np.diff(a, axis=dim, prepend=0, append=0), "trapezoid": trapezoid, "cumulative_trapezoid": cumulative_trapezoid,
    "dist": lambda a, b, *, p=2: np.max(np.abs(a - b)) if p == np.inf else np.sum(np.abs(a - b) ** p) ** (1 / p),
}
NO_REFERENCE: dict[str, str] = {"quantile_places": PART}
