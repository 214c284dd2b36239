"""Helpers that work on parameters: clipping their gradients, and joining them into one vector."""

from __future__ import annotations

from .clip import clip_grad_norm_, clip_grad_value_, get_total_norm
from .vectors import parameters_to_vector, vector_to_parameters

__all__ = ["clip_grad_norm_", "clip_grad_value_", "get_total_norm", "parameters_to_vector", "vector_to_parameters"]
