"""Which backend serves an array: a dict lookup by the array's type, filled on first use."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cupy import CupyBackend
from .numpy import NumpyBackend
from .protocol import Array, Backend

_FACTORIES: dict[str, Callable[[], Backend]] = {"cpu": NumpyBackend, "cuda": CupyBackend}
_made: dict[str, Backend] = {}


def backend_for_device(name: str) -> Backend:
    """The backend of a device type, ``"cpu"`` or ``"cuda"``; made on first use. Raises ``DeviceError`` with the reason."""
    found = _made.get(name)
    if found is None:
        found = _made[name] = _FACTORIES[name]()
    return found


def register_backend(device_type: str, factory: Callable[[], Backend]) -> None:
    """Serve ``device_type`` by the backend that ``factory`` makes, from now on."""
    _FACTORIES[device_type] = factory
    _made.pop(device_type, None)
    BY_TYPE.clear()


class _ByType(dict[type, Backend]):
    """Array type -> backend. A type that is met for the first time is classified by its module."""

    def __missing__(self, array_type: type) -> Backend:
        if issubclass(array_type, (np.ndarray, np.generic, bool, int, float, complex)):
            backend = backend_for_device("cpu")
        elif array_type.__module__.partition(".")[0] == "cupy" or array_type.__module__.startswith("_cupy"):
            backend = backend_for_device("cuda")
        else:
            for backend in _made.values():
                if issubclass(array_type, getattr(backend, "array_types", ())):
                    break
            else:
                raise TypeError(f"{array_type.__module__}.{array_type.__qualname__} is not an array type that a backend serves")
        self[array_type] = backend
        return backend


BY_TYPE = _ByType()


def backend_of(array: Array) -> Backend:
    """The backend that computes on ``array``."""
    return BY_TYPE[array.__class__]
