"""What an array library must offer the engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

Array = Any
"""A raw backend array: ``numpy.ndarray``, a NumPy scalar for zero dimensions, or ``cupy.ndarray``."""


class Backend(Protocol):
    """One array library on one kind of device. ``xp`` is its NumPy-like namespace."""

    name: str
    xp: Any

    @property
    def here(self) -> Any:
        """This backend, as one object for each device that arrays may be made on, now: what is remembered of it is remembered for one device."""
        ...

    def asarray(self, data: Any, dtype: Any = None, index: int | None = None) -> Array:
        """``data`` as an array of this library, without a copy where possible."""
        ...

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """The same numbers in a NumPy array; shares memory on ``cpu``."""
        ...

    def owner(self, array: Array) -> Any:
        """The object that owns the array's memory: views of one array have one owner."""
        ...

    def device_index(self, array: Array) -> int | None:
        """The number of the device that holds the array; ``None`` on ``cpu``."""
        ...

    def on(self, index: int | None) -> AbstractContextManager[Any]:
        """Inside, new arrays are made on the device with that number; ``None`` leaves it to the library."""
        ...

    def random(self, seed: int) -> Any:
        """A new random stream: an object with NumPy's ``Generator`` methods and readable state."""
        ...

    def ones(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Ones: what a backward pass starts from."""
        ...

    def quiet(self) -> Any:
        """Begin a backward pass: the library is silent about division by zero and the like. Returns what ``loud`` needs to end it."""
        ...

    def loud(self, before: Any) -> None:
        """End a backward pass."""
        ...

    def watch(self) -> AbstractContextManager[Any]:
        """``quiet`` and ``loud`` as a context."""
        ...

    def listen(self, heard: Callable[[str, int], Any]) -> AbstractContextManager[Any]:
        """A context that calls ``heard(kind, flags)`` where the library would warn of an overflow, a division by zero or an invalid value, in this thread."""
        ...

    def long_rows(self, size: int) -> AbstractContextManager[Any]:
        """A context for operands with one number for each row, of ``size`` elements or more."""
        ...

    def wait(self, array: Array) -> None:
        """Return when everything that was started on the array's device is done."""
        ...

    def nan_possible(self) -> bool:
        """Whether an op since the last call, inside ``watch``, may have made a NaN out of numbers."""
        ...
