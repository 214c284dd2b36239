"""A plan of Scalars as records: one op for each group, one value for what it computes."""

from __future__ import annotations

from bisect import bisect_right

from autograd_core.plan.scalars.schedule import Schedule

from .records import Edge, GraphRecord, OpNode, Summary, ValueNode

INPUTS = {"constant": ("constants", "constant"), "given": ("numbers among the arguments", "leaf"), "data": ("data", "leaf"), "grad": ("gradients before", "leaf")}


def schedule_record(plan: Schedule) -> GraphRecord:
    """The groups as a ``GraphRecord``."""
    values: list[ValueNode] = []
    ops: list[OpNode] = []
    edges: list[Edge] = []
    starts: list[int] = []
    for what, (start, which) in plan.inputs.items():
        if which:
            title, role = INPUTS[what]
            starts.append(start)
            values.append(ValueNode(f"v{len(values)}", role, title, (len(which),), Summary((len(which),), "float64"), None))
    results = {bisect_right([group.start for group in plan.groups], slot) - 1 for slot in plan.place.values()}
    roots = []
    for i, group in enumerate(plan.groups):
        op = OpNode(f"o{i}", group.name, group.name, (), None)
        ops.append(op)
        sources: set[int] = set()
        for index in group.operands:
            if index is not None:
                sources.update(bisect_right(starts, slot) - 1 for slot in set(index.ravel().tolist()))
        edges += [Edge(values[source].id, op.id, "") for source in sorted(sources)]
        starts.append(group.start)
        values.append(ValueNode(f"v{len(values)}", "result", None, (group.count,), Summary((group.count,), "float64"), None))
        edges.append(Edge(op.id, values[-1].id))
        if i in results:
            roots.append(values[-1].id)
    return GraphRecord(tuple(values), tuple(ops), tuple(edges), tuple(roots))

