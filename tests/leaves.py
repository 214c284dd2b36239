"""Tensors in double precision that ask for a gradient."""

from __future__ import annotations

import autograd_core as ag
from autograd_core import Tensor


def scalar(value: float) -> Tensor:
    return ag.tensor(value, dtype=ag.float64, requires_grad=True)


def vector(*values: float) -> Tensor:
    return ag.tensor(list(values), dtype=ag.float64, requires_grad=True)
