"""Checks of the options that several optimizers have."""

from __future__ import annotations

from typing import Any

from autograd_core.tensor import Tensor


def checked(what: str, value: Any, below: float | None = None) -> None:
    """Raise ``ValueError`` unless ``0 <= value`` (and ``value < below``)."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"Tensor {what} must be 1-element, got the shape {tuple(value.shape)}")
    number = float(value)
    if not number >= 0.0 or (below is not None and not number < below):
        wanted = "at least 0" if below is None else f"at least 0 and below {below:g}"
        raise ValueError(f"Invalid {what}: {value}. It must be {wanted}")


def one_way(name: str, differentiable: bool) -> None:
    """Refuse ``differentiable=True``: an update writes in place and is no part of a graph."""
    if differentiable:
        raise NotImplementedError(f"{name} cannot be differentiated through. For gradients of an update, write it with operators, "
                                  "with the gradients of autograd.grad(..., create_graph=True)")
