"""Views with strides of their own."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any


def strided(xp: Any, array: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """The memory of ``array`` read with other strides, which must stay inside it. NumPy's own function takes four times as long."""
    if array.__class__.__module__ == "numpy" and array.size and array.flags.c_contiguous and array.ndim:
        return xp.ndarray(shape, array.dtype, array, 0, strides)
    return xp.lib.stride_tricks.as_strided(array, shape, strides)


def stretched(xp: Any, array: Any, shape: tuple[int, ...]) -> Any:
    """``array`` broadcast to ``shape``, as a view that cannot be written. NumPy's own function takes five times as long."""
    steps = None
    if array.__class__.__module__ == "numpy" and array.flags.c_contiguous:
        steps = _steps(array.shape, array.strides, shape)
    if steps is None:
        return xp.broadcast_to(array, shape)
    result = xp.ndarray(shape, array.dtype, array if array.shape else xp.asarray(array), 0, steps)  # a scalar has no memory to look at
    result.setflags(write=False)
    return result


def spread(xp: Any, array: Any, shape: tuple[int, ...]) -> Any:
    """``array`` broadcast to ``shape``: few elements written out, in half the time of a view of them, which would be copied in the end."""
    if array.__class__.__module__ != "numpy" or not shape or math.prod(shape) > _FEW:
        return stretched(xp, array, shape)
    result = xp.empty(shape, array.dtype)
    result[...] = array
    return result


_FEW = 1024


@lru_cache(maxsize=256)
def _steps(own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The strides with which an array reads as ``shape``; ``None`` where that is left to the library, which also says what is wrong."""
    extra = len(shape) - len(own)
    if extra < 0 or not shape or 0 in shape or any([n not in (size, 1) for n, size in zip(own, shape[extra:], strict=True)]):
        return None
    return (*[0] * extra, *[step if n == size else 0 for n, size, step in zip(own, shape[extra:], strides, strict=True)])


def in_rows(xp: Any, array: Any) -> Any:
    """``array`` in C order, so that it can be viewed: PyTorch lays the results of reductions and scans out like that, NumPy in the order of the input."""
    return array if array.ndim < 2 else xp.ascontiguousarray(array)


def contiguous_copy(array: Any) -> Any:
    """A copy in C order. Of a large transposed matrix tile by tile: whole columns would fall out of the cache before their neighbours are read."""
    if array.ndim != 2 or min(array.shape) < 2 * _TILE or not 0 < abs(array.strides[0]) < abs(array.strides[1]) or array.__class__.__module__ != "numpy":
        return array.copy(order="C")
    result = array.__class__(array.shape, array.dtype)
    for row in range(0, array.shape[0], _TILE):
        for column in range(0, array.shape[1], _TILE):
            result[row : row + _TILE, column : column + _TILE] = array[row : row + _TILE, column : column + _TILE]
    return result


_TILE = 64
