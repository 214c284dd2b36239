"""Elementwise functions of several steps, computed a block at a time: what lies between the steps stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..backend.registry import backend_of

_BYTES = 1 << 17
"""Of one array's part of a block."""
_LONG = 256
"""Elements of long rows."""
_NOTHING = nullcontext()


def large(array: Any) -> bool:
    """Whether an array is worth the blocks: not on a GPU, and not in a plan, which makes blocks of its own for whole chains."""
    return array.size > 1 << 15 and at_hand(array)


def at_hand(array: Any) -> bool:
    """Whether values may be looked at for nothing: not those on a GPU, which would have to be waited for, nor those that a plan has yet to compute."""
    return bool(array.__class__.__module__ == "numpy")


def long_rows(array: Any, size: int) -> AbstractContextManager[Any]:
    """Surrounds steps on rows of ``size`` elements of which other operands have one number for each."""
    return backend_of(array).long_rows(_LONG) if size >= _LONG and at_hand(array) else _NOTHING


def in_blocks(xp: Any, function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """``function(first, *others)`` on blocks of arrays of one shape; it is elementwise and returns the dtype of ``first``."""

    def write(target: Any, *parts: Any) -> None:
        target[:] = function(*parts)

    return written_in_blocks(xp, write, 1, first, *others)[0]


def in_blocks_to(xp: Any, function: Callable[..., tuple[Any, ...]], count: int, first: Any, *others: Any) -> tuple[Any, ...]:
    """``in_blocks`` of a function with ``count`` results."""

    def write(*targets_and_parts: Any) -> None:
        for target, value in zip(targets_and_parts[:count], function(*targets_and_parts[count:]), strict=True):
            target[:] = value

    return written_in_blocks(xp, write, count, first, *others)


def written_in_blocks(xp: Any, function: Callable[..., None], count: int, first: Any, *others: Any) -> tuple[Any, ...]:
    """The ``count`` results of a function that writes them itself, which saves a copy: ``function(*results, first, *others)``."""
    results = [xp.empty(first.shape, dtype=first.dtype) for _ in range(count)]
    flat = [result.reshape(-1) for result in results]
    lines = [xp.ascontiguousarray(array).reshape(-1) for array in (first, *others)]
    step = _BYTES // max(first.itemsize, 4)
    for start in range(0, first.size, step):
        part = slice(start, start + step)
        function(*[target[part] for target in flat], *[line[part] for line in lines])
    return tuple(results)
