"""What users hand to pictures, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def to_numpy(values: Any) -> Any:
    """A Tensor on any device, or anything array-like, as a NumPy array."""
    import numpy as np

    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    return np.asarray(values)


def parameters_of(source: Any) -> dict[str, Any]:
    """The parameters of a module by path, or a mapping of names to tensors as it is; ``TypeError`` for anything else."""
    listed = getattr(source, "named_parameters", None)
    if callable(listed):
        return dict(listed())
    if isinstance(source, Mapping):
        return dict(source)
    raise TypeError(f"expected a module or a mapping of names to tensors, got {type(source).__name__}")
