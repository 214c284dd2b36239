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


def parameters(module: Any) -> dict[str, Any]:
    """The parameters of a module by path; nothing of anything else."""
    listed = getattr(module, "named_parameters", None)
    return dict(listed()) if callable(listed) else {}


def parameters_of(source: Any) -> dict[str, Any]:
    """The parameters of a module by path, a mapping of names to tensors as it is, several arrays by number, one by its name; ``TypeError`` for anything else."""
    if hasattr(source, "named_parameters"):
        return parameters(source)
    if isinstance(source, Mapping):
        return dict(source)
    if isinstance(source, (tuple, list)) and all(hasattr(each, "shape") for each in source):
        return {str(number): each for number, each in enumerate(source)}
    if hasattr(source, "shape"):
        return {getattr(source, "name", None) or "array": source}
    raise TypeError(f"expected a module, a mapping of names to tensors, or arrays, got {type(source).__name__}")
