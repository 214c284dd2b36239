"""A trace with modules as single steps: what reaches the inputs of a module from its result, without what happens inside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .chain import Pull, Trace
from .fold import collapse, deepest, module_groups, size


def grouped(followed: Trace, depth: int | None, most: int) -> Trace:
    """The trace with the modules at ``depth`` as one step each; without a depth, with as many levels collapsed as ``most`` nodes ask for.

    Naive recursion is left out once something is collapsed: it would have to visit the inside.
    """
    if depth is not None:
        return _collapsed(followed, depth)
    level = deepest(followed.record)
    smaller = followed
    while size(smaller.record) > most and level >= 1:
        smaller = _collapsed(followed, level)
        level -= 1
    return smaller


def _collapsed(followed: Trace, depth: int) -> Trace:
    record = collapse(followed.record, depth)
    box = module_groups(followed.record, depth)
    if not box:
        return followed
    shown = {value.id for value in record.values}
    last = {box.get(op, op): place for place, op in enumerate(followed.forward)}
    forward = tuple(sorted(last, key=last.__getitem__))
    results: dict[str, list[str]] = {}
    for edge in record.edges:
        results.setdefault(edge.source, []).append(edge.target)
    pulls: dict[Any, Pull] = {}
    for number, pull in enumerate(followed.pulls):
        target = box.get(pull.op)
        if target is None:
            pulls[number] = pull
        elif pull.value in shown:
            before = pulls.pop((target, pull.value), None)
            downstream = pull.downstream if before is None else before.downstream + pull.downstream
            reached = [followed.gradients[each] for each in results.get(target, ()) if each in followed.gradients]
            upstream = reached[0] if len(reached) == 1 else pull.upstream
            pulls[target, pull.value] = Pull(target, pull.value, "", upstream, None, downstream, pull.total, None)
    return replace(followed, record=record, forward=forward, pulls=tuple(pulls.values()), naive=(), naive_gradients={})
