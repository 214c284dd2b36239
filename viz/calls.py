"""Calls of modules: what one call computed is a frame of its own, also where the same module is called again.

A graph knows for each operation the path of its module, not which call it belongs to. What one call computes is recorded
without interruption, so a path that comes up again belongs to another call.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby

from .records import GraphRecord, OpNode

_AGAIN = re.compile(r" \(\d+\)(?=\.|$)")


def path_of(scope: str) -> str:
    """The path of the module that a scope is a call of.

    >>> path_of("blocks.0 (2).norm")
    'blocks.0.norm'
    """
    return _AGAIN.sub("", scope)


def by_call(record: GraphRecord) -> GraphRecord:
    """The record with " (2)", " (3)", ... after the name of a module in the scopes of its second and further calls.

    The outermost module, whose own operations stand between the calls of what it holds, is no scope then.
    """
    outermost = _outermost(record)
    ops = [op for op in record.ops if op.scope and op.scope != outermost]
    if not ops:
        return record
    paths = {op.id: str(op.scope).split(".") for op in ops}
    leaves = {value.id for value in record.values if value.role == "leaf"}
    parameters: dict[str, list[str]] = {}
    for edge in record.edges:
        if edge.source in leaves:
            parameters.setdefault(edge.target, []).append(edge.source)
    _number(list(record.ops), 0, paths, parameters)
    scopes = {op.id: ".".join(paths[op.id]) if op.id in paths else None for op in record.ops}
    homes = {edge.source: scopes[edge.target] for edge in record.edges if edge.target in scopes}
    homes.update({edge.target: scopes[edge.source] for edge in record.edges if edge.source in scopes})
    return replace(record, ops=tuple([replace(op, scope=scopes[op.id]) for op in record.ops]),
                   values=tuple([replace(value, scope=homes.get(value.id)) if value.scope else value for value in record.values]))


def _outermost(record: GraphRecord) -> str | None:
    """The class by which the outermost module is called, where modules inside it compute as well."""
    scopes = dict.fromkeys(op.scope for op in record.ops if op.scope)
    classes = [scope for scope in scopes if scope[:1].isupper() and "." not in scope
               and not any(value.name and value.name.startswith(f"{scope}.") for value in record.values)]
    return classes[0] if len(classes) == 1 and len(scopes) > 1 else None


def _number(ops: list[OpNode], level: int, paths: dict[str, list[str]], parameters: dict[str, list[str]]) -> None:
    """Number the calls at one level of nesting among the operations of one call, then those inside them.

    Recursive, which is safe: scopes are as deep as modules nest.
    """
    calls: dict[str, list[list[OpNode]]] = {}
    for part, run in groupby(ops, lambda op: paths[op.id][level] if len(paths.get(op.id, ())) > level else ""):
        if not part:
            continue
        found = calls.setdefault(part, [])
        for piece in _repeated(list(run), parameters):
            again = not found or bool({op.scope for op in found[-1]} & {op.scope for op in piece})
            found.append(piece) if again else found[-1].extend(piece)  # a list of modules is not called itself: its parts come one after the other
    for part, found in calls.items():
        for number, call in enumerate(found, 1):
            for op in call:
                paths[op.id][level] = part if number == 1 else f"{part} ({number})"
            _number(call, level + 1, paths, parameters)


def _repeated(run: list[OpNode], parameters: dict[str, list[str]]) -> list[list[OpNode]]:
    """Calls one right after the other: the same operations on the same parameters, several times over."""
    steps = [(op.op, op.scope, tuple(parameters.get(op.id, ()))) for op in run]
    if not any(used for _, _, used in steps) or str(run[0].scope)[:1].isupper():
        return [run]
    again = [i for i in range(1, len(steps) // 2 + 1) if len(steps) % i == 0 and steps[i] == steps[0]]
    length = next((i for i in again if steps[i:] == steps[:-i]), len(steps))
    return [run[i : i + length] for i in range(0, len(run), length)]
