"""Ordering: an elementwise call comes right before the first that reads its result. Exact.

What is computed early and needed late, such as a mask for the backward pass, would hold memory in between and could not
be worked through in one block with its reader. A call stays where it is if moving it would keep more memory alive than
it spares, or if something in between writes what it reads.
"""

from __future__ import annotations

from bisect import bisect_right

from ..graph import Graph, Step, Value


def order(graph: Graph) -> int:
    """Move calls down to their first reader; returns how many moved."""
    steps = graph.steps
    last: dict[Value, int] = {}
    writes: dict[Value, list[int]] = {}
    barriers: list[int] = []
    """Where memory from outside, of which two Values may share some, is written, or flags are looked at."""
    for i, step in enumerate(steps):
        for value in (*step.reads(), *step.writes):
            last[value.root] = i
        for value in step.writes:
            writes.setdefault(value.root, []).append(i)
        if step.kind == "flag" or any(value.external for value in step.writes):
            barriers.append(i)
    kept = {value.root for value in graph.kept()}
    last.update(dict.fromkeys(kept, len(steps)))
    anchor = list(range(len(steps)))
    first: dict[Value, int] = {}
    """Where a value is read first, when all that can move has moved."""
    moved: dict[int, list[Step]] = {}
    for i in reversed(range(len(steps))):
        step = steps[i]
        output = step.outputs[0] if len(step.outputs) == 1 else None
        reads = list(step.reads())
        if output is not None and step.kind == "call" and step.elementwise and not step.writes and output.root is output and output not in writes:
            target = first.get(output, i)
            limit = min([len(steps), *_next(barriers, i), *[j for value in reads for j in _next(writes.get(value.root, []), i)]])
            dying = sum(value.nbytes for value in {each.root for each in reads if not each.external} if last[value] < target)
            if i + 1 < target <= limit and dying <= output.nbytes:
                anchor[i] = target
                moved.setdefault(target, []).append(step)
                for value in reads:
                    last[value.root] = max(last[value.root], target)
        for value in (*reads, *step.writes):
            first[value.root] = min(first.get(value.root, anchor[i]), anchor[i])
    graph.steps = []
    for i, step in enumerate(steps):
        graph.steps += reversed(moved.get(i, ()))
        if anchor[i] == i:
            graph.steps.append(step)
    return sum(map(len, moved.values()))


def _next(positions: list[int], i: int) -> list[int]:
    """The first of some positions that comes after ``i``, if any."""
    k = bisect_right(positions, i)
    return positions[k : k + 1]
