"""Copies whose source nobody needs any more: the source itself is taken. Exact."""

from __future__ import annotations

from ..graph import Graph, Value, replaced
from ..memory import flat


def copies(graph: Graph) -> int:
    """Remove such copies; returns how many."""
    last: dict[Value, int] = {}
    for i, step in enumerate(graph.steps):
        for value in (*step.reads(), *step.writes, *(each for each in step.outputs if each is not None)):
            last[value.root] = i
    kept = {value.root for value in graph.kept()}
    taken: dict[Value, Value] = {}
    steps = []
    for i, step in enumerate(graph.steps):
        step.inputs = replaced(step.inputs, lambda value: taken.get(value, value))
        step.writes = tuple([taken.get(value, value) for value in step.writes])
        for output in step.outputs:
            if output is not None and output.root in taken:
                output.root = taken[output.root].root
        if step.name in ("copy", "clone") and len(step.inputs) == 1 and isinstance(step.inputs[0], Value):
            source, copy = step.inputs[0], step.outputs[0]
            assert copy is not None
            root = source.root
            whole = source is root or (source.nbytes == root.nbytes and source.dtype == root.dtype and flat(source) and flat(root))
            alone = root.origin is None and last[root] == i and root not in kept
            if whole and alone and root.shape and root.shape == copy.shape and root.strides == copy.strides and root.dtype == copy.dtype:
                taken[copy] = root
                last[root] = last[copy]
                if copy in kept:
                    kept.add(root)
                continue
        steps.append(step)
    removed = len(graph.steps) - len(steps)
    graph.steps = steps
    graph.results = replaced(graph.results, lambda value: taken.get(value, value))
    graph.gradients = {leaf: None if value is None else taken.get(value, value) for leaf, value in graph.gradients.items()}
    return removed
