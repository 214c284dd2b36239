"""NumPy's functions on Tensors: the same names and parameters, made of differentiable ops, gathered from one file a family."""

from __future__ import annotations

from . import choosing, decompositions, numbers, products, reductions, shapes
from .register import FUNCTIONS

__all__ = ["FUNCTIONS", "choosing", "decompositions", "numbers", "products", "reductions", "shapes"]
