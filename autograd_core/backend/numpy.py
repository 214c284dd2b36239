"""The ``cpu`` backend: NumPy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from .protocol import Array

_ONES: dict[Any, Any] = {}
"""The immutable scalar 1 by dtype: nearly every backward pass starts from one."""


_Strided: Any = type(np.lib.stride_tricks.as_strided(np.zeros(1)).base)
"""What stands between an array and the one it was made from by ``as_strided``."""


class _Seen:
    """What NumPy calls when an operation was invalid, which is how a NaN is made out of numbers."""

    __slots__ = ("invalid",)

    def __init__(self) -> None:
        self.invalid = False

    def __call__(self, kind: str, flag: int) -> None:
        self.invalid = True


try:
    from numpy._core import umath as _umath

    _state: Any = _umath._extobj_contextvar
    _make_extobj: Any = _umath._make_extobj
except (ImportError, AttributeError):  # another NumPy
    _state = None


def _quiet() -> Any:
    try:
        settings = _OF_THREAD.settings
    except AttributeError:
        _OF_THREAD.seen = _Seen()
        settings = _OF_THREAD.settings = _make_extobj(all="ignore", invalid="call", call=_OF_THREAD.seen)
    return _state.set(settings)


def _quiet_by_errstate() -> Any:
    entered = np.errstate(all="ignore", invalid="call", call=_Seen())
    entered.__enter__()
    return entered


def _loud_by_errstate(entered: Any) -> None:
    entered.__exit__(None, None, None)


class _Watch:
    """A context of its own for each entry: backward passes may lie inside one another."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = NumpyBackend.quiet()

    def __exit__(self, *exc_info: object) -> None:
        NumpyBackend.loud(self._before)


_OF_THREAD = threading.local()


class NumpyBackend:
    """NumPy arrays; a result without dimensions may be a NumPy scalar, which is several times faster than a 0-d array."""

    name: str = "cpu"
    xp: Any = np
    here: Any

    def __init__(self) -> None:
        self.here = self

    def asarray(self, data: Any, dtype: Any = None, index: int | None = None) -> Array:
        return np.asarray(data, dtype=dtype)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(array)

    def owner(self, array: Array) -> Any:
        base = getattr(array, "base", None)
        if base is None:
            return array
        while isinstance(base, (np.ndarray, _Strided)):
            if isinstance(base, np.ndarray):
                array = base
            base = base.base
        return array

    def device_index(self, array: Array) -> int | None:
        return None

    def on(self, index: int | None) -> AbstractContextManager[None]:
        return nullcontext()

    def random(self, seed: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(seed))

    def ones(self, shape: tuple[int, ...], dtype: Any) -> Array:
        if shape:
            return np.ones(shape, dtype)
        one = _ONES.get(dtype)
        if one is None:
            one = _ONES[dtype] = dtype.type(1)
        return one

    # The processor's own flag is read, so watching costs nothing per op. Every backward pass begins with ``quiet``, which is
    # ``np.errstate(...)`` by the two functions that it is made of: half its time, with settings that are made once for each thread.
    quiet = staticmethod(_quiet_by_errstate if _state is None else _quiet)
    loud = staticmethod(_loud_by_errstate if _state is None else _state.reset)

    def watch(self) -> AbstractContextManager[Any]:
        return _Watch()

    def listen(self, heard: Callable[[str, int], Any]) -> AbstractContextManager[Any]:
        now = np.geterr()
        called: dict[str, Any] = {kind: "call" for kind in ("divide", "over", "invalid") if now[kind] == "warn"}
        return np.errstate(**called, call=heard) if called else nullcontext()

    @contextmanager
    def long_rows(self, size: int) -> Iterator[None]:
        # NumPy copies such operands to buffers, so as to run through several rows at once, which takes twice as long as going row by row.
        before = np.setbufsize(size)
        try:
            yield
        finally:
            np.setbufsize(before)

    def wait(self, array: Array) -> None:
        pass

    def nan_possible(self) -> bool:
        if _state is not None and _state.get() is getattr(_OF_THREAD, "settings", _OF_THREAD):
            seen = _OF_THREAD.seen  # NumPy takes six times as long to tell
        else:
            seen = np.geterrcall()
        if not isinstance(seen, _Seen):
            return True
        possible, seen.invalid = seen.invalid, False
        return possible
