"""Places in a flattened tensor: one number for each element is read and written several times faster than one index per dimension."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import int64

_LONG = int64.dtype


def _offsets(here: Any, shape: Any, indexed: Any, dim: int) -> tuple[int, Any]:
    """By what an index for ``dim`` is multiplied, and what its own positions add to the places in the flattened tensor: all dimensions but ``dim``."""
    xp = here.xp
    step = 1
    total = xp.zeros((1,) * len(shape), dtype="int64")
    for d in range(len(shape) - 1, -1, -1):
        if d != dim:
            total = total + (xp.arange(indexed[d]) * step).reshape([-1 if k == d else 1 for k in range(len(shape))])
        step *= shape[d]
    return math.prod(shape[dim + 1 :]), total


@lru_cache(maxsize=64)
def _remembered(here: Any, shape: Any, indexed: Any, dim: int) -> tuple[int, Any]:
    """``_offsets`` spread out, because NumPy adds few numbers of one shape in half the time of broadcasting them."""
    step, total = _offsets(here, shape, indexed, dim)
    xp = here.xp
    return step, xp.array(xp.broadcast_to(total, indexed), order="C")


def flat_along(xp: Any, shape: Any, index: Any, dim: int) -> Any:
    """The places in the flattened tensor of ``shape`` of the elements that ``index`` names along ``dim``, and its own position names elsewhere."""
    if not shape:
        return xp.zeros(index.shape, dtype="int64")
    flat = index if index.dtype is _LONG else index.astype("int64")
    if len(shape) == 1:
        return flat
    step, offsets = (_remembered if index.size <= _CACHED else _offsets)(backend_of(index).here, tuple(shape), index.shape, dim % len(shape))
    return (flat if step == 1 else flat * step) + offsets


_CACHED = 1 << 13
"""Elements of the largest index whose offsets are remembered."""


def read_along(xp: Any, array: Any, index: Any, dim: int) -> Any:
    """The elements that ``index`` names along ``dim``, none of them negative; it has the sizes of ``array`` in all other dimensions."""
    return array.take(flat_along(xp, array.shape, index, dim))
