"""Long elementwise chains: worked through in blocks that stay in the cache, so that what is only passed on never reaches memory. Exact.

A step joins the group before it if it is elementwise on arrays of the same size in row-major order. Steps in between that
do not need the group go before it, those that do after it; the first that writes, or is a whole kernel, ends it.
"""

from __future__ import annotations

from ..graph import Graph, Step, Value
from ..memory import flat

SMALLEST = 1 << 16
"""Elements from which on a chain is worth it."""


def fuse(graph: Graph) -> int:
    """Join chains; returns how many steps went into others."""
    return _fused(graph, sums=False)


def fuse_sums(graph: Graph) -> int:
    """Join chains, and let them end in sums over everything, which are then added up block by block: not the order of eager."""
    return _fused(graph, sums=True)


def _fused(graph: Graph, sums: bool) -> int:
    last: dict[Value, int] = {}
    for i, step in enumerate(graph.steps):
        for value in step.reads():
            last[value.root] = i
    kept = {value.root for value in graph.kept()}
    position = {id(step): i for i, step in enumerate(graph.steps)}
    steps: list[Step] = []
    group: list[Step] = []
    made: set[Value] = set()
    after: list[Step] = []
    later: set[Value] = set()
    removed = 0

    def close() -> None:
        nonlocal removed
        if len(group) > 1:
            steps.append(_joined(group, last, kept, position, after))
            removed += len(group) - 1
        else:
            steps.extend(group)
        steps.extend(after)
        group.clear()
        made.clear()
        after.clear()
        later.clear()

    for step in graph.steps:
        if _fits(step, group) and not any(value.root in later for value in step.reads()):
            group.append(step)
            made.update(value for value in step.outputs if value is not None)
        elif sums and group and _sum_of(step, made):
            group.append(step)
            later.update(value.root for value in step.outputs if value is not None)
        elif _fits(step, []):
            close()
            group.append(step)
            made.update(value for value in step.outputs if value is not None)
        elif group and (step.writes or step.kind not in ("call", "fused")):
            close()
            steps.append(step)
        elif group and any(value.root in made or value.root in later for value in step.reads()):
            after.append(step)  # needs the group, so it comes after it
            later.update(value.root for value in step.outputs if value is not None)
        else:
            steps.append(step)  # needs nothing of the group, which comes after it
    close()
    graph.steps = steps
    return removed


def repeated(value: Value) -> bool:
    """Whether all elements are one and the same in memory."""
    return bool(value.shape) and all(stride == 0 or size == 1 for stride, size in zip(value.strides, value.shape, strict=True))


def _fits(step: Step, group: list[Step]) -> bool:
    if not step.elementwise or step.takes_out != "out" or step.writes or len(step.outputs) != 1:
        return False
    value = step.outputs[0]
    if value is None or value.root is not value or not flat(value):
        return False
    count = value.nbytes // value.dtype.itemsize
    first = group[0].outputs[0] if group else None
    if count < SMALLEST or (first is not None and first.shape != value.shape):
        return False
    return all(not each.shape or repeated(each) or (each.shape == value.shape and flat(each)) for each in step.reads()) and all(
        not isinstance(x, (tuple, list)) for x in step.inputs)


def _sum_of(step: Step, made: set[Value]) -> bool:
    """Whether a step adds up all of a result of the group."""
    if step.name != "add.reduce" or len(step.inputs) != 1 or step.inputs[0] not in made or step.attrs.get("keepdims"):
        return False
    output = step.outputs[0]
    return output is not None and not output.shape and output.dtype == step.inputs[0].dtype and output.dtype.char in "fd" and set(step.attrs) <= {"axis", "keepdims"}


def _joined(group: list[Step], last: dict[Value, int], kept: set[Value], position: dict[int, int], after: list[Step]) -> Step:
    end = position[id(group[-1])]
    made = [step.outputs[0] for step in group]
    inside = {value for value in made if value is not None}
    needed = {value.root for step in after for value in step.reads()}
    lasting = {value for value in inside if value in kept or not value.shape or last.get(value, -1) > end or value in needed or value not in last}
    inputs = tuple(dict.fromkeys(value for step in group for value in step.reads() if value not in inside))
    outputs = tuple(value for value in made if value is not None and value in lasting)
    joined = Step("fused " + " ".join(step.name for step in group), "fused", max, inputs, {}, outputs, single=False, line=group[0].line, scope=group[0].scope)
    joined.parts = list(group)
    return joined

