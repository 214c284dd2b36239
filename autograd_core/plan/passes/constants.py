"""Constant folding: calls on nothing but constants are made once, when the plan is built, and zeros are one zero. Exact."""

from __future__ import annotations

from ...backend.registry import backend_of
from ..graph import Constant, Graph, Value, replaced

LARGEST = 1 << 16
"""Bytes that a folded constant may have: a larger one is rather computed than kept."""


def _held(value: Value) -> int:
    """Bytes in memory: what is repeated lies there once."""
    count = int(value.dtype.itemsize)
    for size, stride in zip(value.shape, value.strides, strict=True):
        count *= size if stride else 1
    return count


def _operands(graph: Graph) -> set[Value]:
    """What nothing but elementwise calls read, which take one number for all as well."""
    operands: set[Value] = set()
    others = {value.root for value in graph.kept()}
    for step in graph.steps:
        if step.kind == "call" and step.elementwise:
            operands.update(step.reads())
        else:
            others.update(value.root for value in step.reads())
        others.update(value.root for value in step.outputs if value is not None and value.root is not value)
    return {value for value in operands if value not in others}


def constants(graph: Graph) -> int:
    """Evaluate such calls; returns how many."""
    written = {value.root for step in graph.steps for value in step.writes}
    folded: dict[Value, Value] = {}
    operands = _operands(graph)
    steps = []
    for step in graph.steps:
        step.inputs = replaced(step.inputs, lambda value: folded.get(value, value))
        values = list(step.reads())
        output = step.outputs[0] if step.single and len(step.outputs) == 1 else None
        foldable = (output is not None and step.kind in ("op", "call", "rule") and not step.into and not step.writes and values
                    and (step.op is None or step.op.kind not in ("random", "effect")) and _held(output) <= LARGEST and output.root not in written
                    and all(isinstance(value.origin, Constant) and value not in written for value in values))
        if foldable and output is not None:
            result = step.function(*replaced(step.inputs, lambda value: value.origin.array), **step.attrs)
            folded[output] = Value(result, Constant(result))
            continue
        if step.name == "zeros" and output in operands and output.root not in written:
            zero = step.function(shape=(1,) * len(output.shape), dtype=output.dtype)
            repeated = backend_of(zero).xp.broadcast_to(zero, output.shape)
            folded[output] = Value(repeated, Constant(repeated))
            continue
        for value in step.outputs:
            if value is not None and value.root in folded:
                value.root = folded[value.root].root
        steps.append(step)
    removed = len(graph.steps) - len(steps)
    graph.steps = steps
    graph.results = replaced(graph.results, lambda value: folded.get(value, value))
    graph.gradients = {leaf: None if value is None else folded.get(value, value) for leaf, value in graph.gradients.items()}
    return removed
