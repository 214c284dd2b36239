"""Which samples the kind of an op demands, and which of them it lacks."""

from __future__ import annotations

import math
from typing import Any

from autograd_core.op import Arg, Op, Sample

from .cases import flat, samples_of

STRUCTURAL = frozenset(("view_write", "view_read", "view_place"))
"""Ops whose attributes are pieces of a graph: tested through in-place writes to views."""
EXCUSED: dict[str, frozenset[str]] = {
    "cat": frozenset(("0-d",)), "view_as_complex": frozenset(("0-d",)), "diagonal": frozenset(("0-d",)), "tril": frozenset(("0-d",)), "triu": frozenset(("0-d",)),
    "clone": frozenset(("an error",)), "kron": frozenset(("an error",)), "argwhere": frozenset(("an error",)),
}
"""What an op cannot have: op -> the demands."""


def shape(arg: Any) -> tuple[int, ...] | None:
    """The shape of a sample's argument; ``None`` for numbers."""
    if isinstance(arg, Arg):
        if arg.values is None:
            return arg.shape
        sizes = []
        inner = arg.values
        while isinstance(inner, (list, tuple)):
            sizes.append(len(inner))
            inner = inner[0] if inner else None
        return tuple(sizes)
    return arg if isinstance(arg, tuple) else None


def _shapes(sample: Sample) -> list[tuple[int, ...]]:
    return [found for found in map(shape, flat(sample.args)) if found is not None]


def missing(op: Op) -> list[str]:
    """The demands of the op's kind that no sample meets."""
    samples = samples_of(op)
    if op.name in STRUCTURAL or op.kind == "update":
        return []
    if not samples:
        return ["any sample"]
    good = [sample for sample in samples if sample.error is None]
    demands: dict[str, bool] = {}
    internal = not op.places
    if op.kind in ("elementwise", "reduction", "view", "shape") and not internal:
        demands["0-d"] = any(() in _shapes(sample) for sample in good)
        demands["empty"] = any(math.prod(found) == 0 for sample in good for found in _shapes(sample))
    if op.kind == "elementwise" and len(op.inputs) == 2:
        stretched = [tuple(_shapes(sample)[:2]) for sample in good if len(_shapes(sample)) > 1]
        demands["the first input stretched"] = any(math.prod(a) < math.prod(b) for a, b in stretched)
        demands["the second input stretched"] = any(math.prod(b) < math.prod(a) for a, b in stretched)
    attributes = [sample.attrs for sample in good]
    if "dim" in op.attributes and not internal:
        dims = [each["dim"] for each in attributes if "dim" in each]
        demands["a negative dim"] = any((isinstance(dim, int) and dim < 0) or (isinstance(dim, (tuple, list)) and any(d < 0 for d in dim)) for dim in dims)
        if op.kind == "reduction" and "dim: Dims" in op.signature:
            demands["a tuple of dims"] = any(isinstance(dim, (tuple, list)) and len(dim) > 1 for dim in dims)
    defaults = op.kernel.__kwdefaults__ or {}
    for name in op.attributes:
        if name in defaults and not internal and name != "generator":
            demands[f"{name} off its default"] = any(name in each and each[name] is not defaults[name] and each[name] != defaults[name] for each in attributes)
    if not internal and (op.kind != "elementwise" or len(op.inputs) == 2):
        demands["an error"] = len(good) < len(samples)
    return [demand for demand, met in demands.items() if not met and demand not in EXCUSED.get(op.name, ())]
