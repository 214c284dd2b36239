"""Independent truth, by family: what NumPy, SciPy or a closed form says of each op."""

from __future__ import annotations

from . import common, elementwise, indexing, linear_algebra, losses, networks, rare, reductions, shapes
from .common import Reference

MODULES = (common, elementwise, indexing, linear_algebra, losses, networks, rare, reductions, shapes)
REFERENCES: dict[str, Reference] = {name: reference for module in MODULES for name, reference in module.REFERENCES.items()}
NO_REFERENCE: dict[str, str] = {name: why for module in MODULES for name, why in module.NO_REFERENCE.items()}
"""Ops without one, and what checks them instead."""
