"""The ``cpu`` backend: NumPy."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import numpy as np

from .protocol import Array

_watching: ContextVar[_Seen | None] = ContextVar("autograd_core_watching", default=None)


class _Seen:
    """Whether NumPy has reported an invalid operation, which is how a NaN is made out of numbers."""

    __slots__ = ("invalid",)

    def __init__(self) -> None:
        self.invalid = False

    def __call__(self, kind: str, flag: int) -> None:
        self.invalid = True


class Watch:
    """Inside, NumPy is silent and notes invalid operations. The processor's own flag is read, so it costs nothing per op."""

    __slots__ = ("_silence", "_token")

    def __enter__(self) -> None:
        seen = _Seen()
        self._token = _watching.set(seen)
        self._silence = np.errstate(all="ignore", invalid="call", call=seen)
        self._silence.__enter__()

    def __exit__(self, *exc_info: object) -> None:
        self._silence.__exit__()
        _watching.reset(self._token)


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

    def on(self, index: int | None) -> AbstractContextManager[None]:
        return nullcontext()

    def random(self, seed: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(seed))

    def ones(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return np.ones(shape, dtype) if shape else dtype.type(1)

    def watch(self) -> Watch:
        return Watch()

    def nan_possible(self) -> bool:
        seen = _watching.get()
        if seen is None:
            return True
        possible, seen.invalid = seen.invalid, False
        return possible
