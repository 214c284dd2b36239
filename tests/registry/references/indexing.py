"""Indexing, gathering, scattering and sorting, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .common import ADJOINT, PART, Reference


def index_fill(input: Any, index: Any, value: Any, *, dim: int) -> Any:
    result = np.array(input)
    np.moveaxis(np.atleast_1d(result), dim, 0)[index] = value
    return result


def index_copy(input: Any, index: Any, source: Any, *, dim: int) -> Any:
    result = np.array(input)
    rows = np.moveaxis(np.atleast_1d(result), dim, 0)
    for place, row in zip(np.atleast_1d(index), np.moveaxis(np.atleast_1d(source), dim, 0), strict=True):
        rows[place] = row
    return result


def put(input: Any, index: Any, source: Any, *, accumulate: bool = False) -> Any:
    result = np.array(input)
    for place, value in zip(index.reshape(-1), source.reshape(-1), strict=True):
        result.reshape(-1)[place] = value + (result.reshape(-1)[place] if accumulate else 0)
    return result


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    result, mask = np.broadcast_arrays(input, mask)
    result = np.array(result)
    result[mask] = source.reshape(-1)[: mask.sum()]
    return result


COMBINE: dict[str, Reference] = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}


def scatter_reduce(input: Any, index: Any, src: Any, *, dim: int, reduce: str, include_self: bool = True) -> Any:
    collected: dict[tuple[int, ...], list[Any]] = {}
    for place in np.ndindex(*index.shape):
        target = list(place)
        if input.ndim:
            target[dim] = index[place]
        collected.setdefault(tuple(target[: input.ndim]), []).append(src[place])
    result = np.array(input)
    for where, values in collected.items():
        found = COMBINE[reduce]([*values, input[where]] if include_self else values)
        result[where] = np.floor(found) if input.dtype.kind == "i" else found
    return result


def scatter(input: Any, index: Any, src: Any = None, *, dim: int, value: Any = None, reduce: str | None = None) -> Any:
    if src is None:
        src = value
    src = src if isinstance(src, np.ndarray) else np.full(index.shape, src)
    if reduce is not None:
        return scatter_reduce(input, index, src, dim=dim, reduce={"add": "sum", "multiply": "prod"}[reduce])
    result = np.array(input)
    for place in np.ndindex(*index.shape):
        target = list(place)
        if target:
            target[dim] = index[place]
        result[tuple(target)] = src[place]
    return result


def scatter_extremum(input: Any, index: Any, src: Any, *, dim: int, largest: bool, include_self: bool = True) -> Any:
    return scatter_reduce(input, index, src, dim=dim, reduce="amax" if largest else "amin", include_self=include_self)


def searchsorted(sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False, side: Any = None, sorter: Any = None) -> Any:
    sequence = sorted_sequence if sorter is None else np.take_along_axis(sorted_sequence, np.asarray(sorter), axis=-1)
    above = np.greater if right or side == "right" else np.greater_equal
    rows = sequence if sequence.ndim == 1 else sequence[..., None, :]
    found = np.asarray((~above(rows, np.asarray(input)[..., None])).sum(axis=-1))
    return found.astype("int32" if out_int32 else "int64")


def unique_consecutive(input: Any, *, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    rows = input.reshape(-1) if dim is None else np.moveaxis(input, dim, 0)
    starts = [i for i in range(len(rows)) if i == 0 or not np.array_equal(rows[i], rows[i - 1])]
    values = rows[starts] if dim is None else np.moveaxis(rows[starts], 0, dim)
    inverse = np.array([sum(start <= i for start in starts) - 1 for i in range(len(rows))], dtype=int)
    counts = np.diff([*starts, len(rows)]) if starts else np.zeros(0, dtype=int)
    found = [values, *([inverse.reshape(input.shape) if dim is None else inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return found if len(found) > 1 else values


def index_select(input: Any, index: Any, *, dim: int) -> Any:
    return np.take(input, np.atleast_1d(index), axis=dim) if input.ndim else input


def index_add(input: Any, index: Any, source: Any, *, dim: int, alpha: Any = 1) -> Any:
    result = np.array(input)
    rows = np.moveaxis(np.atleast_1d(result), dim, 0)
    for place, row in zip(np.atleast_1d(index), np.moveaxis(np.atleast_1d(source), dim, 0), strict=True):
        rows[place] += alpha * row
    return result


REFERENCES: dict[str, Reference] = {
    "index_select": index_select, "index_add": index_add,
    "index_fill": index_fill, "index_copy": index_copy, "put": put, "take": lambda a, index: a.reshape(-1)[index], "masked_scatter": masked_scatter,
    "scatter": scatter, "scatter_reduce": scatter_reduce, "scatter_extremum": scatter_extremum, "searchsorted": searchsorted, "search": searchsorted,
    "bucketize": lambda input, boundaries, *, out_int32=False, right=False: searchsorted(boundaries, input, out_int32=out_int32, right=right),
    "isin": lambda elements, test_elements, *, assume_unique=False, invert=False: np.any(np.asarray(elements)[..., None] == np.ravel(test_elements), axis=-1) != invert,
    "is_element": lambda elements, test_elements: np.any(elements[..., None] == test_elements.reshape(-1), axis=-1),
    "take_rows": lambda a, index: a[index], "take_points": lambda a, rows, columns: a[rows, columns], "take_masked": lambda a, mask: a[mask], "unique_values": np.unique,
    "unique_consecutive": unique_consecutive,
    "unique_consecutive_of": lambda a, *, dim=None: unique_consecutive(a, return_inverse=True, return_counts=True, dim=dim),
}
NO_REFERENCE: dict[str, str] = {"place_rows": ADJOINT, "place_points": ADJOINT, "place_masked": ADJOINT, "write_rows": PART, "rows_back": PART, "scatter_back": PART, "scatter_write": PART, "scatter_positions": PART, "positions": PART}
