"""The ``cuda`` backend: CuPy, imported when a CUDA tensor is first asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from typing import Any

import numpy as np

from ..errors import DeviceError
from .protocol import Array

INSTALL = "Install CuPy for your CUDA version: pip install 'autograd-core[cuda]' (CUDA 12) or pip install cupy-cuda13x (CUDA 13)"


def why_unavailable() -> str | None:
    """Why CUDA cannot be used on this machine, in words with the fix; ``None`` if it can."""
    if importlib.util.find_spec("cupy") is None:
        return f"CuPy is not installed. {INSTALL}"
    try:
        cupy = importlib.import_module("cupy")
    except Exception as error:  # a CuPy built for another CUDA fails in many ways at import
        return f"CuPy is installed but cannot be imported ({type(error).__name__}: {error}). {INSTALL}"
    try:
        count = int(cupy.cuda.runtime.getDeviceCount())
    except Exception as error:
        return f"CuPy finds no usable CUDA driver ({type(error).__name__}: {error}). Check that nvidia-smi lists a GPU"
    return None if count else "CuPy works but this machine has no CUDA device. Check that nvidia-smi lists a GPU"


class CupyBackend:
    """CuPy arrays on the current or the named device."""

    name = "cuda"

    def __init__(self) -> None:
        reason = why_unavailable()
        if reason is not None:
            raise DeviceError(f"the device 'cuda' is not available: {reason}. Tensors work on 'cpu' meanwhile")
        self.xp: Any = importlib.import_module("cupy")
        self._devices: dict[int, CupyBackend] = {}

    @property
    def here(self) -> CupyBackend:
        number = int(self.xp.cuda.runtime.getDevice())
        return self._devices.get(number) or self._devices.setdefault(number, copy(self))

    def asarray(self, data: Any, dtype: Any = None, index: int | None = None) -> Array:
        with self.on(index):
            try:
                return self.xp.asarray(data, dtype=dtype)
            except self.xp.cuda.memory.OutOfMemoryError as error:
                raise DeviceError(f"CUDA is out of memory: {error}. Use a smaller batch, or free tensors you no longer need") from error

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(self.xp.asnumpy(array))

    def owner(self, array: Array) -> Any:
        return array.data.mem if hasattr(array, "data") else array

    def device_index(self, array: Array) -> int | None:
        return int(array.device.id)

    def on(self, index: int | None) -> AbstractContextManager[Any]:
        if index is None:
            return nullcontext()
        count = int(self.xp.cuda.runtime.getDeviceCount())
        if index >= count:
            raise DeviceError(f"there is no device 'cuda:{index}': this machine has {count} CUDA device(s), numbered from 0")
        place: AbstractContextManager[Any] = self.xp.cuda.Device(index)
        return place

    def random(self, seed: int) -> Any:
        return self.xp.random.Generator(self.xp.random.Philox4x3210(seed))

    def ones(self, shape: tuple[int, ...], dtype: Any) -> Array:
        return self.xp.ones(shape, dtype=dtype)

    def quiet(self) -> Any:
        return None

    def loud(self, before: Any) -> None:
        pass

    def watch(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def listen(self, heard: Callable[[str, int], Any]) -> AbstractContextManager[Any]:
        return nullcontext()

    def long_rows(self, size: int) -> AbstractContextManager[Any]:
        return nullcontext()

    def wait(self, array: Array) -> None:
        array.device.synchronize()

    def nan_possible(self) -> bool:
        return True  # a GPU raises no floating-point flags
