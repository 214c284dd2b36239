"""How a Tensor is shown."""

from __future__ import annotations

from typing import Any

from .backend.registry import BY_TYPE


def represent(t: Any) -> str:
    """The ``repr`` of a Tensor."""
    return f"tensor({BY_TYPE[t._array.__class__].to_numpy(t._array)!r})"
