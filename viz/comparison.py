"""``diff``: what two graphs, or two runs of one program, have in common and where they part."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from . import dot, files
from .drawing import FORMATS, Drawing
from .fold import collapse, deepest, middle, module_groups, size
from .records import BuiltGraph, Drawable, Edge, GraphRecord, OpNode, ValueNode, built, host
from .text import brief
from .theme import THEMES

FIRST = "first difference; "


@dataclass(frozen=True, slots=True)
class Difference:
    """What ``diff`` found: ``differences`` in the order of computation, ``first`` of them or ``None``, and a ``drawing`` of both graphs.

    False if there is none. In a notebook it is displayed as the drawing.
    """

    differences: tuple[str, ...]
    drawing: Drawing
    first: str | None = None

    def __bool__(self) -> bool:
        return bool(self.differences)

    def __repr__(self) -> str:
        return "\n".join(self.differences) if self.differences else "no differences"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {**self.drawing._repr_mimebundle_(), "text/plain": repr(self)}


def diff(a: Drawable | Sequence[Drawable], b: Drawable | Sequence[Drawable], path: str | os.PathLike[str] | None = None, *, rtol: float = 1e-5, atol: float = 1e-8,
         names: tuple[str, str] = ("a", "b"), theme: str = "light", max_nodes: int = 200) -> Difference:
    """Compare two graphs: operations added and removed, other shapes and attributes, values and gradients that differ.

    Operations are matched in order of computation, by kind and module. Values are compared where both graphs kept them
    (0-d results, and everything inside ``record()``), element by element: ``|a - b| <= atol + rtol * |b|``.

    Parameters
    ----------
    a, b : Tensors or Scalars with a graph, or sequences of them.
    path : where to save the picture of both, as ``.png``, ``.svg``, ``.pdf`` or ``.dot``. Default: not saved.
    rtol, atol : the tolerances.
    names : what the two are called.
    theme, max_nodes : as in ``draw``.

    Returns a ``Difference``: false if the graphs are equal, with the list of ``differences``, the ``first`` one in order of
    computation, and the ``drawing``.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(2.0, requires_grad=True, name="x")
    >>> diff(x * 3.0, x * 4.0)
    constant: value 3, then 4 (off by 1)
    mul: value 6, then 8 (off by 2)
    """
    if path is not None:
        files.format_of(path, FORMATS)
    first, second = _Side(built(a), names[0]), _Side(built(b), names[1])
    comparison = _Comparison(first, second, rtol, atol)
    comparison.run()
    comparison.mark_first()
    record, states = _folded(comparison.merged(), comparison.states, max_nodes)
    style = dot.Style(theme=THEMES[theme])
    drawing = Drawing(record, dot.source(record, style, states=states))
    if path is not None:
        drawing.save(path)
    return Difference(tuple(comparison.lines), drawing, comparison.lines[0] if comparison.lines else None)


def _folded(record: GraphRecord, states: dict[str, tuple[str, str]], most: int) -> tuple[GraphRecord, dict[str, tuple[str, str]]]:
    """A large comparison with modules as boxes, which say how many differences are inside; equal blocks are not merged, for they may differ."""
    whole, level = record, deepest(record)
    while size(record) > most and level >= 1:
        record = collapse(whole, level)
        level -= 1
    if size(record) > most:
        record = middle(record)
    shown = {value.id for value in record.values} | {op.id for op in record.ops}
    inside: Counter[str] = Counter()
    box = module_groups(whole, level + 1) if record is not whole and level < deepest(whole) else {}
    beside = {edge.source: edge.target for edge in whole.edges} | {edge.target: edge.source for edge in whole.edges}
    marked = ""
    for place, (_, text) in states.items():
        if place not in shown:
            holder = box.get(place) or box.get(beside.get(place, ""), "")
            inside[holder] += 1
            marked = holder if text.startswith(FIRST) else marked
    if lost := inside.pop("", 0):
        record = replace(record, notes=(*record.notes, f"{lost} differences are in what was folded"))
    counted = {place: ("changed", f"{FIRST if place == marked else ''}{count} difference{'s' if count > 1 else ''} inside") for place, count in inside.items()}
    return record, {**{place: state for place, state in states.items() if place in shown}, **counted}


class _Side:
    """One of the two graphs, with what its ops use and make."""

    def __init__(self, graph: BuiltGraph, name: str) -> None:
        self.graph, self.name = graph, name
        self.record = graph.record
        self.values = {value.id: value for value in self.record.values}
        self.sources: dict[str, list[str]] = {op.id: [] for op in self.record.ops}
        self.results: dict[str, list[str]] = {op.id: [] for op in self.record.ops}
        for edge in self.record.edges:
            if edge.target in self.sources:
                self.sources[edge.target].append(edge.source)
            else:
                self.results[edge.source].append(edge.target)


@dataclass
class _Comparison:
    a: _Side
    b: _Side
    rtol: float
    atol: float
    lines: list[str] = field(default_factory=list)
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Id in the merged record -> state (added, removed or changed) and what the picture says."""
    same: dict[str, str] = field(default_factory=dict)
    """Id in b -> its counterpart in a."""

    def run(self) -> None:
        mine, yours = self.a.record.ops, self.b.record.ops
        matcher = SequenceMatcher(None, [(op.op, op.scope) for op in mine], [(op.op, op.scope) for op in yours], autojunk=False)
        for tag, i, until_i, j, until_j in matcher.get_opcodes():
            if tag == "equal":
                for one, other in zip(mine[i:until_i], yours[j:until_j], strict=True):
                    self.compare(one, other)
                continue
            for op in mine[i:until_i]:
                self.alone(op, self.a, "removed", op.id)
            for op in yours[j:until_j]:
                self.alone(op, self.b, "added", f"{op.id}-b")

    def mark_first(self) -> None:
        """Say in the picture where the two part, if there is more than one difference."""
        if len(self.states) > 1:
            place, (state, text) = next(iter(self.states.items()))
            self.states[place] = (state, f"{FIRST}{text}")

    def alone(self, op: OpNode, side: _Side, state: str, identifier: str) -> None:
        where = f" ({op.scope})" if op.scope else ""
        self.lines.append(f"{op.op}: only in {side.name}{where}")
        self.states[identifier] = (state, f"only in {side.name}")

    def compare(self, one: OpNode, other: OpNode) -> None:
        self.same[other.id] = one.id
        mine = [*self.a.sources[one.id], *self.a.results[one.id]]
        yours = [*self.b.sources[other.id], *self.b.results[other.id]]
        if one.attributes != other.attributes:
            before, after = dict(one.attributes), dict(other.attributes)
            changed = [key for key in (*before, *[key for key in after if key not in before]) if before.get(key) != after.get(key)]
            text = "; ".join(f"{key}={before.get(key)}, then {key}={after.get(key)}" for key in changed)
            self.lines.append(f"{one.op}: {text}")
            self.states[one.id] = ("changed", text)
        for x, y in zip(mine, yours, strict=False):
            if y not in self.same and (self.a.values[x].role == self.b.values[y].role):
                self.same[y] = x
                self.value(self.a.values[x], self.b.values[y], one.op)

    def value(self, x: ValueNode, y: ValueNode, op: str) -> None:
        who = x.name or (op if x.role == "result" else x.role)
        texts = []
        if x.shape != y.shape:
            texts.append(f"shape {x.shape}, then {y.shape}")
        else:
            for what, pair in (("value", (self.a.graph.arrays.get(x.id), self.b.graph.arrays.get(y.id))),
                               ("gradient", (self.a.graph.gradients.get(x.id), self.b.graph.gradients.get(y.id)))):
                if (text := self.numbers(*pair)) is not None:
                    texts.append(f"{what} {text}")
        if texts:
            self.lines.extend(f"{who}: {text}" for text in texts)
            self.states[x.id] = ("changed", "; ".join(texts))

    def numbers(self, one: Any, other: Any) -> str | None:
        """How two arrays differ, in words; ``None`` if they don't, or if one was not kept."""
        import numpy as np

        if one is None or other is None:
            return None
        p, q = host(one), host(other)
        if p.shape != q.shape or p.dtype.kind not in "fiubc" or bool(np.allclose(p, q, self.rtol, self.atol, equal_nan=True)):
            return None
        with np.errstate(invalid="ignore"):
            off = np.abs(np.subtract(p, q, dtype=np.result_type(p, q, np.float64)))
        worst = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape)
        at = f" at [{', '.join(str(int(i)) for i in worst)}]" if off.shape else ""
        return f"{brief(p[worst], 6)}, then {brief(q[worst], 6)}{at} (off by {brief(off[worst], 3)})"

    def merged(self) -> GraphRecord:
        """Both graphs as one record: what is the same stands once."""

        def identity(identifier: str) -> str:
            return self.same.get(identifier, f"{identifier}-b")

        values = [*self.a.record.values, *[replace(value, id=f"{value.id}-b") for value in self.b.record.values if value.id not in self.same]]
        ops = [*self.a.record.ops, *[replace(op, id=f"{op.id}-b") for op in self.b.record.ops if op.id not in self.same]]
        edges = dict.fromkeys((*self.a.record.edges, *[Edge(identity(edge.source), identity(edge.target), edge.label) for edge in self.b.record.edges]))
        roots = tuple(dict.fromkeys((*self.a.record.roots, *[identity(root) for root in self.b.record.roots])))
        return replace(self.a.record, values=tuple(values), ops=tuple(ops), edges=tuple(edges), roots=roots)
