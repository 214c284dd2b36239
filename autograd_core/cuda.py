"""CUDA: whether it is there, which devices, and their memory; PyTorch's ``torch.cuda``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from .backend.cupy import why_unavailable
from .backend.registry import backend_for_device
from .random import default_generator_of

__all__ = ["current_device", "device", "device_count", "empty_cache", "get_device_name", "is_available", "manual_seed", "manual_seed_all",
           "memory_allocated", "memory_reserved", "synchronize", "why_unavailable"]


def is_available() -> bool:
    """Whether tensors can live on ``cuda`` here. :func:`why_unavailable` says in words why not."""
    return why_unavailable() is None


def device_count() -> int:
    """The number of CUDA devices; 0 where CUDA is not available."""
    return int(_cupy().cuda.runtime.getDeviceCount()) if is_available() else 0


def current_device() -> int:
    """The number of the device that operations run on."""
    return int(_cupy().cuda.runtime.getDevice())


def device(device: Any) -> AbstractContextManager[Any]:
    """Inside, operations run on the device given as an int, ``"cuda:1"`` or a ``device``, which has to be where their tensors are."""
    return backend_for_device("cuda").on(_index(device))


def get_device_name(device: Any = None) -> str:
    """The name of a device, such as ``NVIDIA H200``."""
    index = current_device() if device is None else _index(device)
    name = _cupy().cuda.runtime.getDeviceProperties(index)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def synchronize(device: Any = None) -> None:
    """Wait until everything started on the device is done."""
    with _cupy().cuda.Device(None if device is None else _index(device)):
        _cupy().cuda.runtime.deviceSynchronize()


def memory_allocated() -> int:
    """Bytes that tensors occupy on the current device."""
    return int(_cupy().get_default_memory_pool().used_bytes())


def memory_reserved() -> int:
    """Bytes that the memory pool holds, including those free for reuse."""
    return int(_cupy().get_default_memory_pool().total_bytes())


def empty_cache() -> None:
    """Give the pool's free memory back to the device."""
    _cupy().get_default_memory_pool().free_all_blocks()


def manual_seed(seed: int) -> None:
    """Restart the default generator of the current device from ``seed``; does nothing where CUDA is not available."""
    if is_available():
        default_generator_of(f"cuda:{current_device()}").manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Restart the default generators of all CUDA devices from ``seed``; does nothing where there are none."""
    for index in range(device_count()):
        default_generator_of(f"cuda:{index}").manual_seed(seed)


def _index(device: Any) -> int:
    """The number of a device given as an int, ``"cuda:1"`` or a ``device``."""
    return device if isinstance(device, int) else int(str(device).partition(":")[2] or 0)


def _cupy() -> Any:
    return backend_for_device("cuda").xp
