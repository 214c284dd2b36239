"""Numbers as arrays: NumPy converts a Python number at each call, which takes as long again as adding it to a few elements (0.25 µs)."""

from __future__ import annotations

import math
from functools import cached_property, lru_cache
from typing import Any

from ..backend.registry import backend_for_device
from .blocks import at_hand


class Numbers(dict[tuple[type, Any], tuple[Any, ...]]):
    """Some numbers, or rows of numbers, by the type and dtype of the array that they meet: arrays for NumPy, and as they are for other libraries and for plans.

    >>> import numpy as np
    >>> one, half = Numbers(1.0, 0.5)[np.ndarray, np.dtype("float32")]
    >>> (np.ones(2, dtype="float32") + half).tolist(), half.dtype.name
    ([1.5, 1.5], 'float32')
    """

    def __init__(self, *values: float | tuple[float, ...]) -> None:
        super().__init__()
        self.plain: tuple[Any, ...] = values

    def __missing__(self, key: tuple[type, Any]) -> tuple[Any, ...]:
        xp = backend_for_device("cpu").xp
        arrays = key[0] in (xp.ndarray, key[1].type)
        found = self[key] = tuple([xp.asarray(value, dtype=key[1]) for value in self.plain]) if arrays else self.plain
        return found

    @cached_property
    def powers(self) -> tuple[Any, Any]:
        """The exponents and the coefficients of a polynomial with these numbers, highest power first: NumPy's vectors."""
        xp = backend_for_device("cpu").xp
        return xp.arange(len(self.plain) - 1, -1, -1, dtype="float64"), xp.array(self.plain)


ZERO = Numbers(0)
ONE = Numbers(1)


@lru_cache(maxsize=64)
def ones(size: int, dtype: Any) -> Any:
    """A vector of NumPy's to sum rows with, which must not be written; ask for short ones only, because they are kept."""
    return backend_for_device("cpu").xp.ones(size, dtype=dtype)


def for_sums(xp: Any, array: Any, size: int, eps: float = 0.0) -> tuple[Any, Any, Any]:
    """Ones to sum ``size`` numbers like those of ``array`` with, ``size``, and a small number. A GPU's ones belong to one of several devices and are made anew."""
    return _for_sums(size, eps, array.dtype) if size <= _SHORT and at_hand(array) else (xp.ones(size, dtype=array.dtype), size, eps)


@lru_cache(maxsize=64)
def _for_sums(size: int, eps: float, dtype: Any) -> tuple[Any, Any, Any]:
    xp = backend_for_device("cpu").xp
    return xp.ones(size, dtype=dtype), xp.asarray(size, dtype=dtype), xp.asarray(eps, dtype=dtype)


_SHORT = 1 << 12
"""Ones that are kept."""


def finite(xp: Any, array: Any) -> bool:
    """Whether all numbers are: the sum of their squares says so in half of the time of ``isfinite``. ``False`` also where that overflows."""
    return bool(xp.vdot(array, array) < math.inf if array.dtype.char in "fd" else xp.isfinite(array).all())


def positive(array: Any) -> bool:
    """Whether all of an array of floats at hand are above 0; ``argmin`` has no Python around it as ``min`` has, and stops at NaN."""
    return bool(array.size and array.dtype.kind == "f" and array.item(array.argmin()) > 0)


def has_nan(array: Any) -> bool:
    """Whether any of an array is NaN that is at hand and not empty."""
    top = array.item(array.argmax())
    return bool(top != top)
