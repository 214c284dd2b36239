"""Calls that plans make beside those of the library: memory, copies, masks."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_for_device


def spread(condition: Any, out: Any = None, *, dtype: str) -> Any:
    """No bits where a condition holds, all bits elsewhere: with ``keep`` the same as ``where(condition, 0, x)``, without its branches."""
    return backend_for_device("cpu").xp.subtract(condition.view("uint8"), 1, out=out, dtype=dtype, casting="unsafe")


def keep(values: Any, mask: Any, out: Any = None) -> Any:
    """The bits of ``values`` that a mask keeps."""
    bits = mask.dtype
    xp = backend_for_device("cpu").xp
    if out is None:
        return xp.bitwise_and(values.view(bits), mask).view(values.dtype)
    xp.bitwise_and(values.view(bits), mask, out.view(bits))
    return out


def copy_of(source: Any, out: Any = None) -> Any:
    """A copy in row-major order."""
    if out is None:
        return source.copy(order="C")
    backend_for_device("cpu").xp.copyto(out, source)
    return out


def diagonal(array: Any, *args: Any) -> Any:
    """A diagonal that may be written, as the array may; the library hands it out for reading alone."""
    result = array.diagonal(*args)
    if array.flags.writeable:
        result.flags.writeable = True
    return result


def empty(out: Any = None, *, shape: Any, dtype: Any) -> Any:
    """Memory without contents."""
    return backend_for_device("cpu").xp.empty(shape, dtype=dtype) if out is None else out


def zeros(out: Any = None, *, shape: Any, dtype: Any) -> Any:
    """Zeros."""
    if out is None:
        return backend_for_device("cpu").xp.zeros(shape, dtype=dtype)
    out.fill(0)
    return out
