"""NumPy's linear algebra, differentiable on Tensors."""

from __future__ import annotations

from typing import Any

from numpy import linalg as _module

from ._namespace import mirrored, public_names

__all__ = [*public_names(_module)]  # noqa: PLE0604 - strings, NumPy's own


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not hasattr(_module, name):
        raise AttributeError(f"module 'autograd_core.numpy.linalg' has no attribute {name!r}")
    found = globals()[name] = mirrored(_module, name)
    return found


def __dir__() -> list[str]:
    return __all__
