"""Samples of the composites, by family: public functions made of ops. Inputs are positional, in the order of the signature."""

from __future__ import annotations

from autograd_core.op import Sample

from . import common, elementwise, indexing, linear_algebra, losses, networks, rare, reductions, shapes

MODULES = (common, elementwise, indexing, linear_algebra, losses, networks, rare, reductions, shapes)
SAMPLES: dict[str, list[Sample]] = {name: samples for module in MODULES for name, samples in module.SAMPLES.items()}
ELSEWHERE: dict[str, str] = {name: where for module in MODULES for name, where in module.ELSEWHERE.items()}
"""Composites that no sample can say, and what tests them."""
NO_RESULT_TO_DIFFERENTIATE = frozenset(name for module in MODULES for name in module.NO_RESULT_TO_DIFFERENTIATE)
