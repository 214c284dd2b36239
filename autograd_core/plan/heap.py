"""Freed memory goes back to the operating system while a step is recorded.

The C library keeps what is freed for the next allocation, but between the results of a forward pass lie holes that the
gradients of large parameters do not fit into. Replays allocate nothing, so only recordings leave such holes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

LARGE = 1 << 20
"""Bytes of an array from which on holes matter."""


@cache
def _trim() -> Callable[[int], int] | None:
    """What the GNU C library offers for this; other systems return large memory themselves."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


def give_back(nbytes: int) -> None:
    """Return freed memory, if an array of ``nbytes`` bytes is large."""
    if nbytes >= LARGE and (trim := _trim()) is not None:
        trim(0)
