"""Derivatives under PyTorch's names: ``backward``, ``grad``, ``Function``, ``functional``, ``gradcheck``, gradient modes and anomaly mode."""

from __future__ import annotations

from ..backward import backward, grad
from ..config import detect_anomaly, enable_grad, inference_mode, no_grad, set_detect_anomaly, set_grad_enabled
from ..gradcheck import GradcheckError, gradcheck, gradgradcheck
from . import function, functional, graph
from .function import Function

__all__ = [
    "Function",
    "GradcheckError",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
