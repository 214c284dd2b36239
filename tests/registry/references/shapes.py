"""Shapes, creation and random numbers, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from scipy import linalg

from .common import Reference, written


def listed(function: Reference) -> Reference:
    """NumPy's function over all arguments, given one by one or as a list."""
    def reference(*arrays: Any, **options: Any) -> Any:
        given = arrays[0] if len(arrays) == 1 and isinstance(arrays[0], list) else list(arrays)
        found = [function(each, **options) for each in given]
        return found if len(arrays) > 1 or isinstance(arrays[0], list) else found[0]

    return reference


def meshgrid(*arrays: Any, indexing: str = "ij") -> Any:
    given = arrays[0] if isinstance(arrays[0], list) else arrays
    return list(np.meshgrid(*given, indexing=indexing))


def atleast_3d(array: Any) -> Any:
    return array.reshape(1, -1, 1) if array.ndim < 2 else array[..., None] if array.ndim == 2 else array


def combinations(array: Any, *, r: int = 2, with_replacement: bool = False) -> Any:
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(array, r)), dtype=array.dtype)
    return np.zeros(0) if r == 0 else rows.reshape(-1, r)


def cartesian_prod(*arrays: Any) -> Any:
    rows = np.array(list(itertools.product(*arrays)))
    return arrays[0] if len(arrays) == 1 else rows.reshape(-1, len(arrays))


def tensor_split(array: Any, *, indices_or_sections: Any, dim: int = 0) -> Any:
    return np.array_split(array, indices_or_sections if np.ndim(indices_or_sections) else int(indices_or_sections), axis=dim)


def strided(array: Any, *, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    flat = np.ravel(array)
    return np.array([flat[(storage_offset or 0) + sum(i * s for i, s in zip(position, stride, strict=True))] for position in np.ndindex(*size)]).reshape(size)


def strided_add(array: Any, *, shape: Any, stride: Any, storage_offset: Any = None) -> Any:
    flat = np.zeros(int(np.prod(shape)))
    for position in np.ndindex(*array.shape):
        flat[(storage_offset or 0) + sum(i * s for i, s in zip(position, stride, strict=True))] += array[position]
    return flat.reshape(shape)


def windows(array: Any, *, dimension: int, size: int, step: int) -> Any:
    if not array.ndim:
        return array.reshape(1)[:size]
    found = np.lib.stride_tricks.sliding_window_view(array, size, axis=dimension)
    return found[(*[slice(None)] * (dimension % array.ndim), slice(None, None, step))]


def windows_add(array: Any, *, shape: Any, dimension: int, size: int, step: int) -> Any:
    total = np.zeros(shape)
    at = dimension % max(len(shape), 1)
    for position in np.ndindex(*array.shape):
        *rest, inside = position
        where = tuple(rest)[: at] + ((rest[at] * step + inside,) if shape else ()) + tuple(rest)[at + 1:]
        total[where[: len(shape)]] += array[position]
    return total


def diagonal_scatter(array: Any, src: Any, *, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    copy = array.copy()
    view = np.diagonal(copy, offset, dim1, dim2)
    view.flags.writeable = True
    view[...] = src
    return copy


def as_strided_scatter(array: Any, src: Any, **place: Any) -> Any:
    copy = array.copy()
    copy.reshape(-1)[strided(np.arange(copy.size).reshape(copy.shape), **place).astype(int)] = src
    return copy


def at(dim: int, part: Any) -> Any:
    return (*[slice(None)] * dim, part)


def repeat_interleave(array: Any, *, repeats: Any = None, dim: Any = None, output_size: Any = None) -> Any:
    return np.repeat(np.arange(len(array)), array.astype(int)) if repeats is None else np.repeat(array, repeats, axis=dim)


def block_diag(*arrays: Any) -> Any:
    return linalg.block_diag(*arrays)


REFERENCES: dict[str, Reference] = {
    "atleast_1d": listed(np.atleast_1d), "atleast_2d": listed(np.atleast_2d), "atleast_3d": listed(atleast_3d), "vstack": np.vstack, "hstack": np.hstack, "dstack": np.dstack,
    "column_stack": np.column_stack, "block_diag": block_diag, "split_with_sizes": lambda a, *, split_sizes, dim=0: np.split(a, np.cumsum(split_sizes)[:-1], axis=dim),
    "tensor_split": tensor_split, "hsplit": lambda a, *, indices_or_sections: np.hsplit(a, indices_or_sections), "vsplit": lambda a, *, indices_or_sections: np.vsplit(a, indices_or_sections),
    "dsplit": lambda a, *, indices_or_sections: np.dsplit(a, indices_or_sections), "fliplr": np.fliplr, "flipud": np.flipud, "rot90": lambda a, *, k=1, dims=(0, 1): np.rot90(a, k, dims),
    "adjoint": lambda a: np.swapaxes(a, -1, -2).conj() if a.ndim else a, "diagflat": lambda a, *, offset=0: np.diagflat(a, offset), "meshgrid": meshgrid, "cartesian_prod": cartesian_prod,
    "combinations": combinations, "vander": lambda a, *, N=None, increasing=False: np.vander(a, N, increasing),
    "select_scatter": lambda a, src, *, dim, index: written(a, at(dim, index), src),
    "slice_scatter": lambda a, src, *, dim=0, start=None, end=None, step=1: written(a, at(dim % a.ndim, slice(start, end, step)), src), "diagonal_scatter": diagonal_scatter,
    "as_strided_scatter": as_strided_scatter,
    "sum_to_size": lambda a, *, size: a.sum(axis=tuple(range(a.ndim - len(size)))).sum(axis=tuple(i for i, n in enumerate(size) if n == 1), keepdims=True),
    "Tensor_unfold": windows, "windows_add": windows_add, "as_strided": strided, "strided_read": strided, "strided_add": strided_add, "repeat_interleave": repeat_interleave,
    "rearrange": lambda a, *, apart, order, spread, shape: np.array(np.broadcast_to(a.reshape(apart).transpose(order), spread)).reshape(shape),
}
NO_REFERENCE: dict[str, str] = {}
