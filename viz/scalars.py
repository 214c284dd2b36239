"""Graphs of Scalars as records, with the same nodes and edges as those of Tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from autograd_core.scalar import Scalar

from .links import Link
from .records import BuiltGraph, Edge, GraphRecord, OpNode, ValueNode, summarize


def scalar_graph(roots: Sequence[Scalar], names: Mapping[str, Scalar], hints: Mapping[str, Scalar], places: Mapping[int, str]) -> BuiltGraph:
    """The graph that led to ``roots``. Gradients are shown once a backward pass has reached a root."""
    given = {id(scalar): str(name) for name, scalar in names.items()}
    guessed = {id(scalar): name for name, scalar in reversed(list(hints.items()))}
    reached = any(root.grad for root in roots)
    values: list[ValueNode] = []
    ops: list[OpNode] = []
    edges: list[Edge] = []
    ids: dict[int, str] = {}
    arrays: dict[str, Any] = {}
    gradients: dict[str, Any] = {}
    links: list[Link] = []
    for scalar in in_order(roots):
        sources = []
        for operand in scalar.operands:
            if isinstance(operand, Scalar):
                sources.append(ids[id(operand)])
            else:
                sources.append(f"v{len(values)}")
                values.append(ValueNode(sources[-1], "constant", None, (), summarize(operand), None))
                arrays[sources[-1]] = operand
        ids[id(scalar)] = identifier = f"v{len(values)}"
        arrays[identifier] = scalar.data
        gradients[identifier] = scalar.grad if reached else None
        role = "leaf" if scalar.op is None else "result"
        gradient = summarize(scalar.grad) if reached else None
        values.append(ValueNode(identifier, role, given.get(id(scalar)) or scalar.name or guessed.get(id(scalar)), (), summarize(scalar.data), gradient))
        if scalar.op is not None:
            op = OpNode(f"op{len(ops)}", scalar.op.name, scalar.op.label)
            ops.append(op)
            edges += [Edge(source, op.id, label) for source, label in zip(sources, scalar.op.inputs, strict=False)]
            edges.append(Edge(op.id, identifier))
            pulled = tuple([(source, label) if isinstance(operand, Scalar) else None
                            for source, label, operand in zip(sources, scalar.op.inputs, scalar.operands, strict=False)])
            links.append(Link(op.id, scalar.op, (identifier,), pulled, _pull(scalar), places.get(id(scalar))))
    record = GraphRecord(tuple(values), tuple(ops), tuple(edges), tuple(dict.fromkeys(ids[id(root)] for root in roots)))
    return BuiltGraph(record, arrays, gradients, dict.fromkeys(record.roots, 1.0), links)


def _pull(scalar: Scalar) -> Callable[[Any], Sequence[Any]]:
    locals_ = [scalar.left_gradient, scalar.right_gradient][: len(scalar.operands)]
    return lambda g: [None if local is None else g * local for local in locals_]


def in_order(roots: Sequence[Scalar]) -> list[Scalar]:
    """All Scalars that lead to ``roots``, operands before results; without recursion, because graphs can be deep."""
    order: list[Scalar] = []
    seen: set[int] = set()
    path = list(reversed(roots))
    while path:
        scalar = path[-1]
        waiting = [parent for parent in scalar.parents if id(parent) not in seen]
        if id(scalar) in seen or not waiting:
            path.pop()
            if id(scalar) not in seen:
                seen.add(id(scalar))
                order.append(scalar)
        else:
            path.append(waiting[0])
    return order
