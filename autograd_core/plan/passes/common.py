"""Common subexpressions: the same call on the same values is made once, ``y * x`` for ``x * y`` too. Exact, but for the payload of NaNs."""

from __future__ import annotations

from typing import Any

from ..graph import Graph, Step, Value, replaced

COMMUTE = frozenset(("add", "multiply", "equal", "not_equal", "logical_and", "logical_or", "bitwise_and", "bitwise_or", "bitwise_xor"))
"""Calls whose two operands may change places."""


def common(graph: Graph) -> int:
    """Let later equal calls use the result of the first; returns how many steps went."""
    written = {value.root for step in graph.steps for value in step.writes}
    kept_roots = {value.root for value in graph.kept()}
    twins: dict[Value, Value] = {}
    known: dict[Any, Step] = {}
    steps = []
    epoch = 0  # counts the writes to memory from outside, of which two Values may share some
    for step in graph.steps:
        step.inputs = replaced(step.inputs, lambda value: twins.get(value, value))
        key = None
        if _pure(step) and not any(value.root in written for value in (*step.reads(), *(v for v in step.outputs if v is not None))):
            key = _key(step, epoch if any(value.external for value in step.reads()) else None)
        earlier = known.get(key) if key is not None else None
        outputs = [value for value in step.outputs if value is not None]
        if earlier is not None and not any(value.root in kept_roots for value in outputs) and _alike(earlier, step):
            twins.update((mine, first) for mine, first in zip(step.outputs, earlier.outputs, strict=True) if mine is not None and first is not None)
            continue
        for value in outputs:
            if value.root in twins:
                value.root = twins[value.root].root
        if key is not None:
            known.setdefault(key, step)
        steps.append(step)
        epoch += any(value.external for value in step.writes)
    removed = len(graph.steps) - len(steps)
    graph.steps = steps
    return removed


def _alike(a: Step, b: Step) -> bool:
    return [each is None for each in a.outputs] == [each is None for each in b.outputs]


def _pure(step: Step) -> bool:
    return step.kind in ("op", "kept", "rule", "call") and not step.into and not step.writes and bool(step.outputs) and (
        step.op is None or step.op.kind not in ("random", "effect"))


def _key(step: Step, epoch: int | None) -> Any:
    function = step.function
    try:
        parts = (getattr(function, "func", function), *getattr(function, "args", ()))
        inputs = _hashable(step.inputs)
        if step.kind == "call" and step.name in COMMUTE and len(step.inputs) == 2:
            inputs = tuple(sorted(inputs[1:], key=hash))
        key = (step.name, step.kind, epoch, parts, inputs, _hashable(step.attrs))
        hash(key)
    except TypeError:
        return None
    return key


def _hashable(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return (x.__class__, *[_hashable(each) for each in x])
    if isinstance(x, dict):
        return tuple([(key, _hashable(value)) for key, value in sorted(x.items())])
    if isinstance(x, slice):
        return ("slice", x.start, x.stop, x.step)
    return (x.__class__, x, str(x)) if isinstance(x, (int, float, complex)) else x
