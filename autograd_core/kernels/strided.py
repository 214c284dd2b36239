"""Views with strides of their own."""

from __future__ import annotations

from typing import Any


def strided(xp: Any, array: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """The memory of ``array`` read with other strides, which must stay inside it. NumPy's own function takes four times as long."""
    if array.__class__.__module__ == "numpy" and array.size and array.flags.c_contiguous and array.ndim:
        return xp.ndarray(shape, array.dtype, array, 0, strides)
    return xp.lib.stride_tricks.as_strided(array, shape, strides)


def stretched(xp: Any, array: Any, shape: tuple[int, ...]) -> Any:
    """``array`` broadcast to ``shape``, as a view that cannot be written."""
    extra = len(shape) - array.ndim
    if array.__class__.__module__ != "numpy" or extra < 0 or not array.ndim or not array.flags.c_contiguous or 0 in shape:
        return xp.broadcast_to(array, shape)
    strides = [0] * extra
    for size, own, step in zip(shape[extra:], array.shape, array.strides, strict=True):
        if own not in (size, 1):
            return xp.broadcast_to(array, shape)  # which says what is wrong
        strides.append(step if own == size else 0)
    result = xp.ndarray(shape, array.dtype, array, 0, tuple(strides))
    result.flags.writeable = False
    return result


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
