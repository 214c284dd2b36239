"""Fold a large graph until one can read it: modules to one box, repeated blocks to one with "×N", long stretches to a count.

Each step maps a record to a smaller one, and says in its ``notes`` what it folded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .calls import path_of
from .records import Edge, GraphRecord, OpNode, ValueNode

FOLDED = "folded"
"""The kind of an op that stands for several."""
ENDS = 4
"""Operations that stay visible at each end when a stretch in between is folded to a count."""


def size(record: GraphRecord) -> int:
    """How many nodes a record draws."""
    return len(record.values) + len(record.ops)


def folded(record: GraphRecord, most: int, depth: int | None = None) -> GraphRecord:
    """The record with modules below ``depth`` collapsed, and folded further until it draws at most ``most`` nodes.

    First repeated blocks, then modules from the innermost level outward, at last everything but both ends.
    """
    if depth is not None:
        record = collapse(record, depth)
    if size(record) > most:
        record = repeats(record)
    level = deepest(record) if depth is None else min(depth, deepest(record))
    while size(record) > most and level > 1:
        level -= 1
        record = repeats(collapse(record, level))
    if size(record) > most:
        record = middle(record)
    return record


def deepest(record: GraphRecord) -> int:
    """How many levels of modules there are."""
    return max((each.scope.count(".") + 1 for each in record.ops if each.scope), default=0)


def _groups(record: GraphRecord, depth: int) -> dict[str, str]:
    if depth < 1:
        raise ValueError(f"depth={depth}: expected at least 1, the outermost modules")
    paths = {op.id: op.scope.split(".") for op in record.ops if op.scope and op.scope.count(".") + 1 >= depth}
    places: dict[str, list[int]] = {}
    for place, op in enumerate(record.ops):
        if op.id in paths:
            places.setdefault(".".join(paths[op.id][:depth]), []).append(place)
    # What a call computes follows each other; where it does not, the path is that of a list of modules, and each of them is a box.
    lists = {path for path, found in places.items() if found != list(range(found[0], found[-1] + 1))}
    groups = {op: ".".join(parts[: depth + (path in lists)]) for op, parts in paths.items() if (path := ".".join(parts[:depth])) not in lists or len(parts) > depth}
    sizes = Counter(groups.values())
    return {op: path for op, path in groups.items() if sizes[path] > 1}


def module_groups(record: GraphRecord, depth: int) -> dict[str, str]:
    """Op -> the box that ``collapse`` puts it in, for those that are in one."""
    return _boxes(_groups(record, depth))


def _boxes(groups: Mapping[str, str]) -> dict[str, str]:
    """A box is called after the first operation of its group."""
    first: dict[str, str] = {}
    return {op: f"box-{first.setdefault(group, op)}" for op, group in groups.items()}


def parameter_of(name: str | None, path: str | None) -> bool:
    """Whether a leaf of this name is a parameter of the module at ``path``. The outermost module is called by its class; its own parameters have plain names."""
    if not name or not path:
        return False
    path = path_of(path)
    return name.startswith(f"{path}.") or ("." not in f"{name}{path}" and path[:1].isupper())


def collapse(record: GraphRecord, depth: int) -> GraphRecord:
    """Each module at ``depth`` levels of nesting as one box; ``depth=1`` shows only the outermost modules.

    Raises ``ValueError`` for a depth below 1.
    """
    groups = _groups(record, depth)
    return _contract(record, groups, {path: path for path in groups.values()}, "")


def middle(record: GraphRecord) -> GraphRecord:
    """All but the first and last operations as one box that says how many of which kind it stands for."""
    inner = record.ops[ENDS : len(record.ops) - ENDS]
    if len(inner) < 2:
        return record
    kinds = Counter(op.op for op in inner).most_common()
    shown = ", ".join(f"{name} ×{count:,}" for name, count in kinds[:4]) + (", …" if len(kinds) > 4 else "")
    return _contract(record, {op.id: "" for op in inner}, {"": f"{len(inner):,} operations"}, f"Folded: {len(inner):,} operations in the middle ({shown})")


def _contract(record: GraphRecord, groups: Mapping[str, str], labels: Mapping[str, str], note: str) -> GraphRecord:
    """Merge the ops of each group into one; values that only the group sees go with it."""
    members: dict[str, list[str]] = {}
    for op, group in groups.items():
        members.setdefault(group, []).append(op)
    box = _boxes(groups)
    paths = {box[op]: group for op, group in groups.items()}
    makers = {edge.target: edge.source for edge in record.edges if edge.source.startswith(("op", "box"))}
    users: dict[str, set[str]] = {}
    for edge in record.edges:
        if edge.source not in box and not edge.source.startswith(("op", "box")):
            users.setdefault(edge.source, set()).add(box.get(edge.target, edge.target))
    hidden = set()
    parameters: Counter[str] = Counter()
    for value in record.values:
        used = users.get(value.id, set())
        own = makers.get(value.id)
        modules = {path_of(paths[user]) if user in paths else None for user in used}  # one module, even if it is called several times
        module = next(iter(modules)) if len(modules) == 1 else None
        inside = module is not None and (len(used) == 1 or (value.role == "leaf" and parameter_of(value.name, module)))
        # What a module is applied to stays visible; its parameters do not.
        own_data = bool(value.shape) if value.role == "constant" else value.role == "leaf" and bool(module) and not parameter_of(value.name, module)
        if value.id not in record.roots and inside and not own_data and (own is None or box.get(own) in used):
            hidden.add(value.id)
            if own is None and value.role == "leaf":
                parameters.update(dict.fromkeys(used, _count(value)))
    # A result that nothing outside uses, like an unread output, belongs to its box as well.
    hidden |= {value.id for value in record.values if value.id not in users and value.id not in record.roots and makers.get(value.id) in box}
    ops: dict[str, OpNode] = {}
    times = {op.id: op.times for op in record.ops if op.times is not None}
    for each in record.ops:
        target = box.get(each.id)
        if target is None:
            ops[each.id] = each
        elif target not in ops:
            group = groups[each.id]
            counted = [("operations", f"{len(members[group]):,}")] if group else []  # a stretch without a module is called by its number of operations
            held = [*counted, *([("parameters", f"{parameters[target]:,}")] if parameters[target] else [])]
            parent = group.rpartition(".")[0] or None
            measured = [times[op] for op in members[group] if op in times]
            taken = (sum(forward for forward, _ in measured), sum(backward for _, backward in measured)) if measured else None
            ops[target] = OpNode(target, FOLDED, labels[group], tuple(held), parent, taken)
    edges = dict.fromkeys(Edge(box.get(edge.source, edge.source), box.get(edge.target, edge.target), edge.label if edge.source not in box and edge.target not in box else "")
                          for edge in record.edges if edge.source not in hidden and edge.target not in hidden)
    values = tuple([value if not value.scope or makers.get(value.id) not in box else replace(value, scope=ops[box[makers[value.id]]].scope)
                    for value in record.values if value.id not in hidden])
    return replace(record, values=values, ops=tuple(ops.values()), edges=tuple(edges), notes=(*record.notes, *([note] if note else [])))


def _count(value: ValueNode) -> int:
    total = 1
    for n in value.shape or ():
        total *= n
    return total


# --- repeated blocks ------------------------------------------------------------------------------------------------


def repeats(record: GraphRecord) -> GraphRecord:
    """Modules ``path.0``, ``path.1``, ... that compute alike, one right after the other, as the first of them with "×N"; likewise calls of one module."""
    scopes = [op.scope.split(".") if op.scope else [] for op in record.ops]
    called = {(".".join(parts[:i]), path_of(part)) for parts in scopes for i, part in enumerate(parts) if path_of(part) != part}
    blocks: dict[tuple[str, str], dict[int, list[OpNode]]] = {}
    for op, parts in zip(record.ops, scopes, strict=True):
        for i, part in enumerate(parts):
            path, name = ".".join(parts[:i]), path_of(part)
            if (path, name) in called:
                blocks.setdefault((path, name), {}).setdefault(int(part[len(name) + 2 : -1] or 1), []).append(op)
                break  # the outermost repetition; inner ones are inside one block then
            if part.isdigit():
                blocks.setdefault((path, ""), {}).setdefault(int(part), []).append(op)
                break
    for (path, name), numbered in blocks.items():
        for first, count in _runs(record, path, name, numbered):
            record = _merge(record, path, name, first, count)
    return record


def _runs(record: GraphRecord, path: str, name: str, numbered: Mapping[int, list[OpNode]]) -> list[tuple[int, int]]:
    """(first number, how many) of each run of more than one block with equal signatures and more than one op, and nothing in between."""
    wires = _wires(record)
    places = {op.id: i for i, op in enumerate(record.ops)}
    signatures = {number: _signature(ops, _prefix(path, name, number), wires) for number, ops in numbered.items() if len(ops) > 1}
    runs: list[tuple[int, int]] = []
    for number in sorted(signatures):
        follows = number - 1 in signatures and places[numbered[number - 1][-1].id] + 1 == places[numbered[number][0].id]
        if runs and number == runs[-1][0] + runs[-1][1] and follows and signatures[number] == signatures[runs[-1][0]]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 1))
    return [run for run in runs if run[1] > 1]


def _prefix(path: str, name: str, number: int) -> str:
    """The scope of a block: the one of this number, or the call of this number of the module called ``name``."""
    part = str(number) if not name else name if number == 1 else f"{name} ({number})"
    return f"{path}.{part}" if path else part


def _wires(record: GraphRecord) -> dict[str, list[tuple[str, str, ValueNode]]]:
    """Op -> what it uses: (input name, op that made it or "", value)."""
    values = {value.id: value for value in record.values}
    makers = {edge.target: edge.source for edge in record.edges if edge.target in values}
    wires: dict[str, list[tuple[str, str, ValueNode]]] = {op.id: [] for op in record.ops}
    for edge in record.edges:
        if edge.target in wires:
            wires[edge.target].append((edge.label, makers.get(edge.source, ""), values[edge.source]))
    return wires


def _signature(ops: list[OpNode], prefix: str, wires: Mapping[str, list[tuple[str, str, ValueNode]]]) -> Any:
    places = {op.id: i for i, op in enumerate(ops)}
    return tuple([(op.op, op.attributes, (op.scope or "").removeprefix(prefix),
                   tuple([(label, places.get(maker, -1), value.shape) for label, maker, value in wires[op.id]])) for op in ops])


def _merge(record: GraphRecord, path: str, name: str, first: int, count: int) -> GraphRecord:
    """Draw blocks ``first`` to ``first + count - 1`` as the first: each node of a later one stands for its counterpart."""
    inside: dict[int, list[OpNode]] = {number: [] for number in range(first, first + count)}
    numbers = {_prefix(path, name, number): number for number in inside}
    level = path.count(".") + 2 if path else 1
    for op in record.ops:
        number = numbers.get(".".join(op.scope.split(".")[:level])) if op.scope else None
        if number is not None:
            inside[number].append(op)
    wires = _wires(record)
    results: dict[str, list[str]] = {}
    for edge in record.edges:
        if edge.source in wires:
            results.setdefault(edge.source, []).append(edge.target)
    block_of = {op.id: number for number, ops in inside.items() for op in ops}
    same: dict[str, str] = {}
    for number in range(first + 1, first + count):
        for op, model in zip(inside[number], inside[first], strict=True):
            same[op.id] = model.id
            same.update(zip(results.get(op.id, ()), results.get(model.id, ()), strict=False))
            for (_, maker, value), (_, _, counterpart) in zip(wires[op.id], wires[model.id], strict=True):
                if not maker and value.id != counterpart.id:
                    same[value.id] = counterpart.id
    made_in = {value: block_of[op] for op, values in results.items() if op in block_of for value in values}
    edges: dict[Edge, None] = {}
    for edge in record.edges:
        passed_on = edge.source in made_in and edge.target in block_of and made_in[edge.source] != block_of[edge.target]
        if not passed_on:  # from one block to the next: drawn once, into the first and out of the last
            edges[Edge(same.get(edge.source, edge.source), same.get(edge.target, edge.target), edge.label)] = None
    last = _prefix(path, name, first + count - 1)
    values = tuple([value for value in record.values if value.id not in same])
    ops = tuple([op for op in record.ops if op.id not in same])
    shown = _prefix(path, name, first)
    renamed = f"{shown} ×{count}" if name else f"{shown} … {last} ×{count}"
    ops = tuple([replace(op, scope=_renamed(op.scope, shown, renamed)) for op in ops])
    values = tuple([replace(value, scope=_renamed(value.scope, shown, renamed), name=_renamed(value.name, shown, renamed)) for value in values])
    blocks = f"calls of {shown}" if name else f"blocks, {shown} to {last}"
    note = f"Folded: {count} equal {blocks}, drawn as one with the numbers of the first"
    roots = tuple([same.get(root, root) for root in record.roots])
    return replace(record, values=values, ops=ops, edges=tuple(edges), roots=roots, notes=(*record.notes, note))


def _renamed(path: str | None, shown: str, renamed: str) -> str | None:
    """A path with the block's own part replaced; dots separate modules, so the new part has none."""
    if path is None or (path != shown and not path.startswith(shown + ".")):
        return path
    return renamed.replace(".", "·") + path[len(shown) :]
