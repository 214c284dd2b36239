"""Dead code: steps whose results nobody reads. Exact."""

from __future__ import annotations

from ..graph import Graph, Value


def dead(graph: Graph) -> int:
    """Remove the steps that leave nothing behind; returns how many. Random draws stay: they move the stream."""
    needed: set[Value] = {value.root for value in graph.kept()}
    kept = []
    for step in reversed(graph.steps):
        effect = step.kind in ("update", "flag") or (step.op is not None and step.op.kind == "random")
        written = any(value.external or value.root in needed for value in step.writes)
        if effect or written or any(value is not None and value.root in needed for value in step.outputs):
            kept.append(step)
            needed.update(value.root for value in step.reads())
            needed.update(value.root for value in step.writes)
    removed = len(graph.steps) - len(kept)
    graph.steps = kept[::-1]
    return removed
