"""Elementwise functions of several steps, computed a block at a time: what lies between the steps stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backend.registry import backend_of

_BLOCK = 1 << 14


def large(array: Any) -> bool:
    """Whether an array is worth the blocks: larger than two of them, and not on a GPU."""
    return array.size > 2 * _BLOCK and backend_of(array).name == "cpu"


def in_blocks(xp: Any, function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """``function(first, *others)`` on blocks of arrays of one shape; it is elementwise and returns the dtype of ``first``."""
    out = xp.empty(first.shape, dtype=first.dtype)
    flat = out.reshape(-1)
    lines = [xp.ascontiguousarray(array).reshape(-1) for array in (first, *others)]
    for start in range(0, first.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        flat[part] = function(*[line[part] for line in lines])
    return out
