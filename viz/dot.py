"""Records as Graphviz source: wires carry the value above and the gradient below, circles are operations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograd_core.profiler.table import time_text

from . import heatmap, theme
from .calls import path_of
from .fold import parameter_of
from .heat import Heat
from .records import GraphRecord, OpNode, Summary, ValueNode
from .text import brief, clean, lines_of, visible
from .theme import THEMES, Theme

if TYPE_CHECKING:
    from .chain import Trace

HINT = "Values of tensors are shown where the graph was made inside “with autograd_core.record():”"


@dataclass(frozen=True, slots=True)
class Style:
    """What of a graph is drawn. ``precision`` is the number of significant digits."""

    values: bool = True
    gradients: bool = True
    modules: bool = True
    dtypes: bool = False
    bytes: bool = False
    times: bool = False
    precision: int = 4
    theme: Theme = THEMES["light"]


PLAIN = Style()
Maps = tuple[str | None, str | None]
NO_MAPS: Maps = (None, None)
MANY = 200
"""Graphs of more nodes are laid out with a limited number of improvements per node."""
DATA = "500"
"""The weight of wires that carry data, not parameters: they run straight, even through the frames of modules, which Graphviz packs with a weight of 128."""


@dataclass(frozen=True, slots=True)
class ChainText:
    """The chain rule as text: a product on each edge (value, op, input), and the sum at a value that is used more than once."""

    edges: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    sums: Mapping[str, list[str]] = field(default_factory=dict)


def chain_text(trace: Trace, precision: int = 4) -> ChainText:
    """Upstream × local = downstream for each edge of a trace; shapes in the place of arrays."""
    edges: dict[tuple[str, str, str], str] = {}
    parts: dict[str, list[str]] = {}
    for pull in trace.pulls:
        product = " × ".join([brief(pull.upstream, precision), brief(pull.local, precision) if pull.local is not None else "local"])
        if pull.local is None and pull.rule is not None:
            product = f"{brief(pull.upstream, precision)}: {pull.rule}"
        edges[pull.value, pull.op, pull.input] = f"{product} = {brief(pull.downstream, precision)}"
        parts.setdefault(pull.value, []).append(brief(pull.downstream, precision))
    used_often = {value: terms for value, terms in parts.items() if len(terms) > 1}
    return ChainText(edges, {value: [f"{' + '.join(terms).replace('+ −', '− ')}", f"= {brief(trace.gradients[value], precision)}"] for value, terms in used_often.items()})


def source(record: GraphRecord, style: Style = PLAIN, chain: ChainText | None = None, heat: Heat | None = None,
           states: Mapping[str, tuple[str, str]] | None = None, neurons: Mapping[str, list[str]] | None = None, maps: Mapping[str, Maps] | None = None) -> str:
    """The Graphviz source of a record, with the chain rule on its edges and coloured by size if these are given.

    ``states`` maps nodes to (``added``, ``removed`` or ``changed``, what is said of them), for the comparison of two graphs;
    ``neurons`` maps linear layers to the formulas of their units, ``maps`` values to heat maps of themselves and their gradients.
    """
    states = states or {}
    maps = maps or {}
    neurons = neurons or {}
    import graphviz

    hint = style.values and any(value.role == "result" and value.value is None for value in record.values)
    graph = graphviz.Digraph("graph", graph_attr={
        "rankdir": "LR", "nodesep": "0.22", "ranksep": "0.32", "pad": "0.15", "bgcolor": style.theme.page, "fontname": theme.FONTS, "fontcolor": style.theme.muted,
        "outputorder": "edgesfirst", "tooltip": " ",
    }, node_attr={"shape": "plain", "fontname": theme.FONTS, "fontsize": "14", "fontcolor": style.theme.ink, "tooltip": " "},
        edge_attr={"fontname": theme.FONTS, "color": style.theme.wire, "penwidth": "1.5", "arrowsize": "0.7", "tooltip": " "})
    drawn = len(record.values) + len(record.ops)
    if drawn > MANY:  # wires across a large graph make the exact layout take minutes
        graph.graph_attr.update(nslimit=f"{MANY / drawn:.3f}", nslimit1=f"{MANY / drawn:.3f}")
    notes = [f'<TR><TD><FONT POINT-SIZE="11">{clean(note, 200)}</FONT></TD></TR>' for note in (*([HINT] if hint else []), *record.notes)]
    if maps:
        notes.insert(0, f'<TR><TD><FONT POINT-SIZE="11">{heatmap.legend(style.theme)}</FONT></TD></TR>')
    if heat is not None:
        notes.insert(0, f"<TR><TD>{_legend(heat, style)}</TD></TR>")
    if notes:
        graph.attr(label=f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0">{"".join(notes)}</TABLE>>', labelloc="b")
    consumed = {edge.source for edge in record.edges}
    usual = Counter(value.value.dtype for value in record.values if value.value is not None and value.shape).most_common(1)
    tree = _Scope("")
    homes = _homes(record) if style.modules else {}
    for value in record.values:
        sums = chain.sums.get(value.id) if chain is not None else None
        text = value_label(value, style, sums=sums, heat=heat, state=states.get(value.id), last=value.id not in consumed, home=homes.get(value.id),
                           usual=usual[0][0] if usual else None, maps=maps.get(value.id, NO_MAPS))
        _within(tree, homes.get(value.id)).add(value.id, {"id": value.id, "label": text, "tooltip": _value_tip(value)}, value.role == "leaf")
    for place, op in enumerate(record.ops):
        _within(tree, homes.get(op.id), place).add(op.id, {"id": op.id, **op_attributes(op, style, states.get(op.id)), **_units(neurons.get(op.id), style)}, False)
    doors = _doors(record, homes)
    for (_, entered), door in doors.items():
        _within(tree, homes.get(entered)).add(door, {"shape": "point", "width": "0.02", "color": style.theme.wire, "label": ""}, False)
    _emit(graph, tree, "", [0], style)
    results = {value.id for value in record.values if value.role == "result"}
    for edge in record.edges:
        if edge.target in results:
            graph.edge(edge.source, f"{edge.target}:wire:w", arrowhead="none", weight=DATA, tooltip=_tip(edge.label))
        else:
            product = chain.edges.get((edge.source, edge.target, edge.label)) if chain is not None else None
            written = {"label": f"<{_colored(f' {clean(product)} ', style.theme.gradient, 12)}>"} if product else {}
            start = f"{edge.source}:wire:e"
            if (edge.source, edge.target) in doors:
                graph.edge(start, doors[edge.source, edge.target], arrowhead="none", weight=DATA, tooltip=_tip(edge.label))
                start = doors[edge.source, edge.target]
            graph.edge(start, edge.target, weight=DATA if edge.source in results or start != f"{edge.source}:wire:e" else "1", tooltip=_tip(edge.label),
                       id=f"{edge.source}-{edge.target}-{edge.label}", **written)
    return str(graph.source)


class _Scope:
    """One module in the drawing: what it holds itself and its submodules."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.nodes: list[tuple[str, dict[str, str]]] = []
        self.children: dict[str, _Scope] = {}
        self.worth_a_frame = 0
        self.places: list[int] = []

    def framed(self) -> bool:
        """Whether it shows more than a single op or another module's frame. Modules in a list that is not called itself need not follow each other."""
        together = len(self.children) > 1 and self.places == list(range(self.places[0], self.places[-1] + 1))
        return self.worth_a_frame > 1 or bool(self.nodes and self.children) or together or "×" in self.label

    def add(self, identifier: str, attributes: dict[str, str], leaf: bool) -> None:
        self.nodes.append((identifier, attributes))
        self.worth_a_frame += leaf or identifier.startswith("op")


def _homes(record: GraphRecord) -> dict[str, str | None]:
    """The module that each node is drawn in; a parameter is drawn in the one that uses it."""
    homes = {value.id: value.scope for value in record.values} | {op.id: op.scope for op in record.ops}
    users: dict[str, set[str | None]] = {}
    for edge in record.edges:
        users.setdefault(edge.source, set()).add(homes[edge.target])
    for value in record.values:
        if value.role == "leaf" and value.name and len(users.get(value.id, ())) == 1:
            scope = next(iter(users[value.id]))
            if parameter_of(value.name, scope):
                homes[value.id] = scope
    return homes


def _doors(record: GraphRecord, homes: Mapping[str, str | None]) -> dict[tuple[str, str], str]:
    """Where data enters a module beside its parameters, by (value, op): a point in the frame, so that the wire of the data runs straight through it."""
    values = {value.id: value for value in record.values}
    leaves = {value.id for value in record.values if value.role == "leaf" and homes.get(value.id)}
    held = {edge.target for edge in record.edges if edge.source in leaves and homes.get(edge.source) == homes.get(edge.target)}
    found: dict[tuple[str, str], str] = {}
    for edge in record.edges:
        value = values.get(edge.source)
        if edge.target in held and value is not None and value.role != "leaf" and homes.get(edge.source) != homes.get(edge.target):
            found[edge.source, edge.target] = f"door-{edge.source}-{edge.target}"
    return found


def _within(tree: _Scope, scope: str | None, place: int | None = None) -> _Scope:
    """The scope of this path; ``place`` is that of an op, among all of them."""
    for part in scope.split(".") if scope else ():
        tree = tree.children.setdefault(part, _Scope(part))
        if place is not None:
            tree.places.append(place)
    return tree


def _emit(graph: Any, tree: _Scope, path: str, counter: list[int], style: Style) -> None:
    """Write nodes and frames; ``path`` leads from the frame around to ``tree``.

    Recursive, which is safe: scopes are as deep as modules nest.
    """
    for identifier, attributes in tree.nodes:
        graph.node(identifier, **attributes)
    for child in tree.children.values():
        label = f"{path}.{child.label}" if path else child.label
        if not child.framed():
            _emit(graph, child, label, counter, style)
            continue
        counter[0] += 1
        shown = f"module {label}" if path_of(label).isdigit() else label
        with graph.subgraph(name=f"cluster_{counter[0]}") as cluster:
            cluster.attr(label=f'<<FONT POINT-SIZE="12" COLOR="{style.theme.muted}">{clean(shown)}</FONT>>', labeljust="l", labelloc="t", style="rounded,filled",
                         color=style.theme.module_line, fillcolor=style.theme.module_fill, margin="10")
            _emit(cluster, child, "", counter, style)


def _tip(text: str) -> str:
    """User text for a tooltip: one plain line, whose backslashes Graphviz must not interpret."""
    return visible(text).replace("\\", "\\\\") or " "


def _value_tip(value: ValueNode) -> str:
    shape = "" if value.shape is None else f" {value.shape}"
    dtype = "" if value.value is None else f" {value.value.dtype}"
    return _tip(f"{value.name or value.role}{shape}{dtype}")


def op_attributes(op: OpNode, style: Style = PLAIN, state: tuple[str, str] | None = None) -> dict[str, str]:
    """A circle with the op's symbol; long names widen it to a pill."""
    tip = _tip(f"{op.op}({', '.join(f'{name}={value}' for name, value in op.attributes if value != 'None')})")
    short = len(op.symbol) <= 2
    common = {"style": "filled" if short else "filled,rounded", "fillcolor": style.theme.op_fill, "color": style.theme.op_line, "penwidth": "1.5", "tooltip": tip}
    if state is not None:
        line = getattr(style.theme, state[0])
        said = "<BR/>".join(_colored(f"<B>{clean(part)}</B>", line, 11) for part in state[1].split("; "))
        text = f'<FONT POINT-SIZE="14">{clean(op.symbol)}</FONT><BR/>{said}'
        dashes = "filled,rounded,dashed" if state[0] == "removed" else "filled,rounded"
        return {**common, "shape": "box", "style": dashes, "color": line, "penwidth": "3", "margin": "0.12,0.08", "label": f"<{text}>"}
    symbol = {"*": "×", "-": "−"}.get(op.symbol, op.symbol)
    took = _took(op, style)
    if op.op == "folded":
        held = ", ".join(f"{count} {what}" for what, count in op.attributes)
        inside = f'<FONT POINT-SIZE="14">{clean(symbol)}</FONT>{"<BR/>" + _colored(clean(held), style.theme.muted, 10) if held else ""}{took}'
        return {**common, "style": "filled,rounded", "shape": "box", "peripheries": "2", "margin": "0.12,0.08", "label": f"<{inside}>"}
    if took:
        return {**common, "style": "filled,rounded", "shape": "box", "margin": "0.12,0.05", "label": f'<<FONT POINT-SIZE="14">{clean(symbol)}</FONT>{took}>'}
    if short:
        return {**common, "shape": "circle", "width": "0.5", "fixedsize": "true", "label": f"<<FONT POINT-SIZE=\"20\">{clean(symbol)}</FONT>>"}
    return {**common, "shape": "box", "height": "0.42", "margin": "0.12,0.05", "label": f"<<FONT POINT-SIZE=\"14\">{clean(symbol)}</FONT>>"}


def _took(op: OpNode, style: Style) -> str:
    """How long an op took, forward and backward, as further lines of its label."""
    if not style.times or op.times is None:
        return ""
    forward, backward = op.times
    lines = [_colored(f"forward {time_text(forward)}", style.theme.value, 10), *([_colored(f"backward {time_text(backward)}", style.theme.gradient, 10)] if backward else [])]
    return "<BR/>" + "<BR/>".join(lines)


def _units(formulas: list[str] | None, style: Style) -> dict[str, str]:
    """A layer's units as rows of its box."""
    if formulas is None:
        return {}
    rows = "".join(f'<TR><TD ALIGN="LEFT"><FONT POINT-SIZE="12">{clean(formula, 120)}</FONT></TD></TR>' for formula in formulas)
    return {"shape": "box", "label": f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="2" CELLPADDING="3" COLOR="{style.theme.op_line}">{rows}</TABLE>>'}


def _cell(lines: Iterable[str], attributes: str = "", heat_map: str | None = None) -> str:
    text = "<BR/>".join(lines)
    if heat_map is None:
        return f'<TD CELLPADDING="3" {attributes}>{text or " "}</TD>'
    rows = f"<TR><TD>{text}</TD></TR><TR><TD>{heat_map}</TD></TR>" if text else f"<TR><TD>{heat_map}</TD></TR>"
    return f'<TD CELLPADDING="3" {attributes}><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE></TD>'


def _colored(text: str, color: str, size: int | None = None) -> str:
    points = f' POINT-SIZE="{size}"' if size else ""
    return f'<FONT COLOR="{color}"{points}>{text}</FONT>'


def value_label(value: ValueNode, style: Style, *, sums: list[str] | None = None, heat: Heat | None = None, state: tuple[str, str] | None = None,
                last: bool = False, home: str | None = None, usual: str | None = None, maps: Maps = NO_MAPS) -> str:
    """A piece of wire: the name at its free end, the value above, the gradient below.

    ``sums`` replaces the gradient by the sum that it is, ``heat`` colours the wire; ``last`` says that nothing uses the value, ``home`` in which module's
    frame it is drawn; ``usual`` is the dtype that goes without saying.
    """
    shown = value.name.removeprefix(f"{path_of(home)}.") if value.name and home else value.name
    name = f"<B>{clean(shown)}</B>" if shown else ""
    above: list[str] = []
    below: list[str] = []
    if value.shape:
        dtype = f" {value.value.dtype}" if value.value is not None and (style.dtypes or value.value.dtype != usual) else ""
        held = f", {_bytes(value.value)}" if style.bytes and value.value is not None else ""
        above.append(_colored(f"{value.shape}{dtype}{held}", style.theme.muted, 12))
    elif value.shape is None:
        above.append(_colored("constant", style.theme.muted, 12))
    scalar = value.shape == ()
    size = None if scalar else 12
    if style.values and value.value is not None and maps[0] is None:
        above += [_colored(line, style.theme.value, size) for line in lines_of(value.value, style.precision)]
    if sums is not None:
        below += [_colored(clean(line), style.theme.gradient, 12) for line in sums]
    elif style.gradients and value.gradient is not None and maps[1] is None:
        below += [_colored(line, style.theme.gradient, size) for line in lines_of(value.gradient, style.precision)]
    bar, height = style.theme.wire, 2
    if heat is not None:
        bar, height = heat.colors.get(value.id, bar), 9 if value.id in heat.colors else 2
        below += [_colored(f"<B>{clean(mark)}</B>", style.theme.mark, 12) for mark in heat.marks.get(value.id, ())]
    if state is not None:
        bar, height = getattr(style.theme, state[0]), 5
        # "value 1, then 1.5 at [0, 0] (off by 0.5)" stands on two lines: wires are as long as their longest line.
        below += [_colored(f"<B>{clean(part)}</B>", bar, 11) for line in state[1].split("; ") for part in line.replace(" at [", "\nat [").split("\n")]
    at_left = name and value.role != "result"
    at_right = name and value.role == "result" and last
    if name and not at_left and not at_right:
        if scalar and above:
            above[0] = f"{name} = {above[0]}"
        else:
            above.insert(0, name)
    # Empty lines put the name, which stands in the middle of its cell, beside the wire, which does not.
    lower = max(len(below), 1) - max(len(above), 1)
    empty = '<BR/><FONT POINT-SIZE="12"> </FONT>' * lower, '<FONT POINT-SIZE="12"> </FONT><BR/>' * -lower
    beside = f"{empty[1]}{name}{empty[0]}" if maps == NO_MAPS and not scalar else name
    spanning = f'<TD ROWSPAN="3" CELLPADDING="5">{beside}</TD>'
    top = _cell(above, 'VALIGN="BOTTOM" WIDTH="48"', maps[0] if style.values else None)
    bottom = _cell(below, 'VALIGN="TOP"', maps[1] if style.gradients else None)
    port = f'<TABLE PORT="wire" BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD HEIGHT="{height - 2}"></TD></TR></TABLE>'
    return (f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
            f"<TR>{spanning if at_left else ''}{top}{spanning if at_right else ''}</TR>"
            f'<TR><TD CELLPADDING="1" BGCOLOR="{bar}">{port}</TD></TR><TR>{bottom}</TR></TABLE>>')


def _bytes(summary: Summary) -> str:
    """How much memory the elements take: ``1.5 MB``."""
    import numpy as np

    held: float = math.prod(summary.shape) * np.dtype(summary.dtype).itemsize
    for unit in ("B", "kB", "MB"):
        if held < 1000:
            return f"{held:.3g} {unit}"
        held /= 1000
    return f"{held:.3g} GB"


def _legend(heat: Heat, style: Style) -> str:
    cells = "".join(f'<TD WIDTH="22" HEIGHT="9" BGCOLOR="{color}"></TD>' for color in theme.HEAT)
    low, high = (_colored(clean(text), style.theme.ink, 11) for text in (heat.low, heat.high))
    what = _colored(clean(heat.what), style.theme.ink, 11)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2"><TR><TD>{what}: {low}</TD>{cells}<TD>{high}</TD></TR></TABLE>'
