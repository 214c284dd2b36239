"""The ``cpu`` backend: NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from .protocol import Array

_watching: ContextVar[list[bool] | None] = ContextVar("autograd_core_watching", default=None)


class NumpyBackend:
    """NumPy arrays; a result without dimensions may be a NumPy scalar, which is several times faster than a 0-d array."""

    name = "cpu"
    xp = np

    def asarray(self, data: Any, dtype: Any = None, index: int | None = None) -> Array:
        return np.asarray(data, dtype=dtype)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(array)

    def owner(self, array: Array) -> Any:
        base = getattr(array, "base", None)
        while isinstance(base, np.ndarray):
            array, base = base, base.base
        return array

    def device_index(self, array: Array) -> int | None:
        return None

    def random(self, seed: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(seed))

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Inside, NumPy is silent, and ``nan_possible`` tells whether an op made a NaN out of numbers since it was last asked.

        The processor's own flag is read, so watching costs nothing.
        """
        seen = [False]

        def note(kind: str, flag: int) -> None:
            seen[0] = True

        token = _watching.set(seen)
        try:
            with np.errstate(all="ignore", invalid="call", call=note):
                yield
        finally:
            _watching.reset(token)

    def nan_possible(self) -> bool:
        seen = _watching.get()
        if seen is None:
            return True
        possible, seen[0] = seen[0], False
        return possible
