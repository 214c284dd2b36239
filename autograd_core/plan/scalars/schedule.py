"""From a program of numbers to groups: what is computed at the same depth in the same way is one array operation.

Passes over the nodes: what nobody reads is dropped; sums that are read once, by another sum, become part of it; each
number gets a level, one above its operands; a level's nodes of one kind form a group. A group's results lie side by side in
the workspace, so only operands are gathered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .kinds import Kind, xp
from .lower import Input, Program, Sum

WASTE = 2000
"""How many products a group of sums may be padded by before it is worth a group of its own."""


@dataclass
class Group:
    """Results ``start`` to ``start + count`` of one kind. ``operands[k][i]`` is where operand ``k`` of result ``i`` lies."""

    kind: Kind | None
    """``None`` for sums of products."""
    level: int
    start: int
    count: int
    operands: list[Any]
    """Index arrays (count,), for sums ``[left, right]`` of shape (terms, count) each; right is ``None`` where all factors are 1."""
    masked: bool = False

    @property
    def name(self) -> str:
        """What the group does, in words."""
        if self.kind is not None:
            return self.kind.name
        terms = self.operands[0].shape[0]
        return f"sum of {terms}" if self.operands[1] is None else "product" if terms == 1 else f"sum of {terms} products"


@dataclass
class Schedule:
    """The groups of a plan, and where in the workspace everything lies."""

    size: int
    inputs: dict[str, tuple[int, list[Any]]]
    """What -> where its numbers begin, and which they are: values of constants, positions of arguments, indices of leaves."""
    groups: list[Group]
    place: dict[int, int]
    """Node -> its slot, for the nodes that are read from outside."""
    counts: dict[str, int] = field(default_factory=dict)
    """What the passes did, for ``describe``."""


def schedule(program: Program, wanted: Iterable[int]) -> Schedule:
    """Arrange the nodes that ``wanted`` needs."""
    nodes = program.nodes
    wanted = list(dict.fromkeys(wanted))
    uses = _uses(nodes, wanted)
    live = [i for i in range(len(nodes)) if uses[i]]
    merged = _merge(program, live, uses)
    live = [i for i in live if uses[i]]
    levels = _levels(nodes, live)
    made = _arrange(program, live, levels, wanted)
    made.counts = {"numbers": len(nodes), "merged": merged, "live": len(live), "terms": sum(len(nodes[i].left) for i in live if nodes[i].__class__ is Sum)}
    return made


def _operands(node: Any) -> Any:
    kind = node.__class__
    return () if kind is Input else (*node.left, *node.right) if kind is Sum else node[1:]


def _uses(nodes: list[Any], wanted: list[int]) -> list[int]:
    """How often each number is read; 0 for what nobody needs."""
    uses = [0] * len(nodes)
    for i in wanted:
        uses[i] += 1
    for i in reversed(range(len(nodes))):
        if uses[i]:
            node = nodes[i]
            if node.__class__ is Sum:
                for x in node.left:
                    uses[x] += 1
                for x in node.right:
                    uses[x] += 1
            elif node.__class__ is tuple:
                for x in node[1:]:
                    uses[x] += 1
    return uses


def _merge(program: Program, live: list[int], uses: list[int]) -> int:
    """Take sums into the one sum that reads them. Exactly: only the first of its terms, or a single product; else every term that is a sum."""
    nodes, one, exact = program.nodes, program.one, program.exact
    merged = 0
    for i in live:
        node = nodes[i]
        if node.__class__ is not Sum:
            continue
        left, right = node.left, node.right
        if exact and len(left) == 2 and right[0] == right[1] == one and not _spliceable(nodes, uses, left[0], node) and _spliceable(nodes, uses, left[1], node):
            left.reverse()  # a + b is b + a to the last bit, and the sum in it can be taken in
        new_left: list[int] | None = None
        new_right: list[int] = []
        for position in range(len(left)):
            x, factor = left[position], right[position]
            if factor == one and uses[x] == 1 and nodes[x].__class__ is Sum:
                inner = nodes[x]
                alone = len(inner.left) == 1
                if inner.masked == node.masked and (alone or position == 0 or not exact):
                    if new_left is None:
                        if position == 0:  # the longer list grows: a chain of n additions costs n, not n * n
                            new_left, new_right = inner.left, inner.right
                        else:
                            new_left, new_right = left[:position] + inner.left, right[:position] + inner.right
                    else:
                        new_left += inner.left
                        new_right += inner.right
                    node.signless = node.signless or (position == 0 and inner.signless)
                    uses[x] = 0
                    merged += 1
                    continue
            if new_left is not None:
                new_left.append(x)
                new_right.append(factor)
        if new_left is not None:
            node.left, node.right = new_left, new_right
    return merged


def _spliceable(nodes: list[Any], uses: list[int], x: int, into: Sum) -> bool:
    return nodes[x].__class__ is Sum and uses[x] == 1 and nodes[x].masked == into.masked and len(nodes[x].left) > 1


def _levels(nodes: list[Any], live: list[int]) -> dict[int, int]:
    """How many results lie between a number and the inputs at most."""
    levels: dict[int, int] = {}
    for i in live:
        node = nodes[i]
        if node.__class__ is Input:
            levels[i] = 0
        elif node.__class__ is Sum:
            levels[i] = 1 + max([levels[x] for x in (*node.left, *node.right)])
        else:
            levels[i] = 1 + max([levels[x] for x in node[1:]])
    return levels


def _arrange(program: Program, live: list[int], levels: dict[int, int], wanted: list[int]) -> Schedule:
    nodes, one = program.nodes, program.one
    place: dict[int, int] = {}
    inputs: dict[str, tuple[int, list[Any]]] = {}
    by_input: dict[str, list[int]] = defaultdict(list)
    together: dict[Any, list[int]] = defaultdict(list)
    program_constants = {program.one, program.zero}
    for i in program_constants.difference(live):
        by_input["constant"].append(i)
    for i in live:
        node = nodes[i]
        if node.__class__ is Input:
            by_input[node.what].append(i)
        elif node.__class__ is Sum:
            together[levels[i], None, node.masked, all([x == one for x in node.right])].append(i)
        else:
            together[levels[i], node[0], False, False].append(i)
    size = 0
    for what in ("constant", "given", "data", "grad"):
        members = by_input[what]
        inputs[what] = (size, [nodes[i].which for i in members])
        for i in members:
            place[i] = size
            size += 1
        if what == "constant":
            nothing = size  # -0.0, which changes no sum
            inputs[what][1].append(-0.0)
            size += 1
    groups: list[Group] = []
    for level, kind, masked, plain in sorted(together, key=lambda key: key[0]):
        for members in _alike(nodes, together[level, kind, masked, plain]) if kind is None else [together[level, kind, masked, plain]]:
            start, count = size, len(members)
            for i in members:
                place[i] = size
                size += 1
            if kind is not None:
                operands = [xp.array([place[nodes[i][k]] for i in members], dtype=xp.int64) for k in range(1, len(nodes[members[0]]))]
            else:
                terms = max(len(nodes[i].left) for i in members)
                operands = [_table([[place[x] for x in nodes[i].left] for i in members], terms, place[program.zero] if masked else nothing),
                            None if plain else _table([[place[x] for x in nodes[i].right] for i in members], terms, place[one])]
            groups.append(Group(kind, level, start, count, operands, masked))
    return Schedule(size, inputs, groups, {i: place[i] for i in wanted})


def _table(rows: list[list[int]], terms: int, filler: int) -> Any:
    """An index table (terms, count) of lists of different lengths."""
    if len(rows) == 1:
        return xp.array(rows[0], dtype=xp.int64)[:, None]
    if all([len(row) == terms for row in rows]):
        return xp.ascontiguousarray(xp.array(rows, dtype=xp.int64).T)
    return xp.ascontiguousarray(xp.array([row + [filler] * (terms - len(row)) for row in rows], dtype=xp.int64).T)


def _alike(nodes: list[Any], members: list[int]) -> list[list[int]]:
    """Sums of about the same length, longest first; within a group they stay in the order in which they were recorded."""
    if len(members) == 1:
        return [members]
    by_length: dict[int, list[int]] = defaultdict(list)
    for i in members:
        by_length[len(nodes[i].left)].append(i)
    found: list[list[int]] = []
    longest = waste = 0
    for length in sorted(by_length, reverse=True):
        more = (longest - length) * len(by_length[length])
        if found and waste + more <= WASTE and length > 1:
            found[-1] += by_length[length]
            waste += more
        else:
            found.append(list(by_length[length]))
            longest, waste = length, 0
    return [sorted(group) for group in found]
