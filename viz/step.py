"""``step_through``: backpropagation one node at a time, as one HTML file that needs no server and no network."""

from __future__ import annotations

import html
import json
import linecache
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import autograd_core as ag
from autograd_core import Scalar, Tensor
from autograd_core.files import write_whole
from autograd_core.op import REGISTRY

from . import dot, files, render
from .arrays import parameters
from .chain import MOST_VISITS, Pull, Trace, trace
from .drawing import called, caller_names
from .fold import FOLDED, size
from .grouped import grouped
from .records import Drawable, OpNode, ValueNode, summarize
from .text import lines_of, number, visible
from .tiles import sheet_of

MOST = 32
"""Rows and columns of a heat map."""
COMFORTABLE = 200
"""Larger graphs are gone through module by module."""
MOST_NODES = 2000
LONGEST_EXPRESSION = 20
"""Unnamed results of operators are called by their expression up to this length."""


def step_through(f: Drawable | Callable[..., Any], path: str | os.PathLike[str] = "backprop.html", *, inputs: Any = (), names: Mapping[str, Drawable] | None = None,
                 title: str | None = None, precision: int = 4, depth: int | None = None) -> Path:
    """Write a page on which one steps through a backward pass: the forward ops, then upstream × local = downstream on each edge.

    The page shows the graph, the running sum of each gradient, heat maps of small arrays and the line of code, and beside
    the right order what naive recursion computes, which goes wrong where a value is used more than once. Nothing is
    loaded from elsewhere; it can be used by keyboard and screen reader, in light and dark.

    Parameters
    ----------
    f : a Tensor of one element or a Scalar, made inside ``record()`` if the graph has larger tensors; or a function or
        module, which is called with ``inputs`` and then also shows its lines of code.
    path : where to write the page.
    inputs : the arguments of a function or module: a tuple of them, or one Tensor.
    names : names of tensors; otherwise their own names and those of the caller's variables are used.
    title : the page's heading. Default: the name of ``f``.
    precision : significant digits of numbers.
    depth : go over each module at this level of nesting in one step; 1 goes over the outermost modules. Default: through
        everything, as long as the graph has at most 200 nodes; in larger ones over as many levels as that takes.

    Returns the path. Raises ``GraphError`` for a root that is no single number or whose values are gone, ``ValueError``
    for more than 2,000 nodes that are left or a suffix other than ``.html``, and ``RendererError`` without Graphviz.

    >>> import tempfile, autograd_core as ag
    >>> x, y, z = (ag.Tensor(value, requires_grad=True, name=name) for name, value in (("x", -2.0), ("y", 5.0), ("z", -4.0)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = step_through((x + y) * z, Path(folder) / "backprop.html")
    ...     page.name
    'backprop.html'
    """
    files.format_of(path, ("html",))
    hints = caller_names(sys._getframe(1))
    root: Any = f
    lines: dict[int, str] = {}
    if not isinstance(f, (Tensor, Scalar)):
        if not callable(f):
            raise TypeError(f"step_through: expected a Tensor, a Scalar or a function, got {type(f).__name__}")
        hints = {**parameters(f), **hints}
        with ag.autograd.detect_anomaly():  # records the lines of code
            root, made, lines = called(f, inputs)
        hints = {**hints, **{name: each for name, each in made.items() if name not in hints}}
    followed = trace(root, names, hints, lines)
    followed = grouped(followed, depth, COMFORTABLE)
    if size(followed.record) > MOST_NODES:
        raise ValueError(f"step_through: the graph has {size(followed.record):,} nodes, more than the {MOST_NODES:,} that one can step through, and no modules "
                         "that could be gone over in one step; take a smaller model or fewer examples")
    called_by = "Backpropagation, step by step" if isinstance(f, (Tensor, Scalar)) else f"Backpropagation through {getattr(f, '__name__', type(f).__name__)}"
    heading = visible(title or called_by, 200)
    write_whole(path, page(followed, heading, precision).encode())
    return Path(path)


def page(followed: Trace, title: str, precision: int = 4) -> str:
    """The HTML text for a trace."""
    record = followed.record
    values = tuple(replace(value, gradient=summarize(followed.gradients[value.id])) if value.id in followed.gradients else value for value in record.values)
    drawn = render.render(dot.source(replace(record, values=values), dot.Style(precision=precision)), "svg").decode()
    data = _Data(followed, precision).everything()
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for mark in "<>&\u2028\u2029":  # nothing in it can end the script element
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return _template().substitute(title=html.escape(title), graph=drawn[drawn.index("<svg") :], data=text)


@cache
def _template() -> Template:
    return Template(resources.files(__package__ or "viz").joinpath("step_through.html").read_text(encoding="utf-8"))


class _Data:
    """A trace as what the page's script reads."""

    def __init__(self, followed: Trace, precision: int) -> None:
        self.trace = followed
        self.precision = precision
        self.values = {value.id: value for value in followed.record.values}
        self.ops = {op.id: op for op in followed.record.ops}
        self.sources: dict[str, list[tuple[str, str]]] = {op: [] for op in self.ops}
        self.results: dict[str, list[str]] = {op: [] for op in self.ops}
        for edge in followed.record.edges:
            if edge.target in self.ops:
                self.sources[edge.target].append((edge.source, edge.label))
            else:
                self.results[edge.source].append(edge.target)
        self.names = self._names()

    def everything(self) -> dict[str, Any]:
        followed = self.trace
        right = {value: self.array(g)["text"] for value, g in followed.gradients.items()}
        naive = {value: self.array(g)["text"] for value, g in followed.naive_gradients.items()}
        return {
            "values": list(self.values),
            "names": {value.id: {"name": self.names[value.id], "tensor": bool(value.shape)} for value in self.values.values()},
            "given": [value.id for value in self.values.values() if value.role != "result"],
            "seeds": [{"value": root, "text": number(1.0, self.precision)} for root in followed.record.roots],
            "forward": [self.forward(op) for op in followed.forward],
            "backward": [self.backward(pull) for pull in followed.pulls],
            "naive": [self.backward(pull) for pull in followed.naive],
            "right": right,
            "naiveWrong": any(naive.get(value) != text for value, text in right.items()),
            "folded": any(op.op == FOLDED for op in self.ops.values()),
            "naiveCut": len(followed.naive) >= MOST_VISITS,
        }

    def _names(self) -> dict[str, str]:
        named: dict[str, str] = {}
        makers = {result: self.ops[op] for op, results in self.results.items() for result in results}
        for value in self.values.values():
            if value.name:
                named[value.id] = visible(value.name)
            elif value.id in self.trace.record.roots:
                named[value.id] = "result"
            elif value.role == "constant" and value.value is not None and value.value.elements is not None:
                named[value.id] = lines_of(value.value, self.precision)[0]
            else:
                maker = makers.get(value.id)
                kind = "constant" if value.role == "constant" else "input"
                if maker is not None:
                    kind = f"result of {visible(maker.symbol)}" if maker.op == FOLDED else maker.op
                written = _call(maker, [named[source] for source, _ in self.sources[maker.id]]) if maker is not None and _infix(maker) else ""
                alone = maker is not None and maker.op == FOLDED and len(self.results[maker.id]) == 1
                named[value.id] = f"({written})" if 0 < len(written) <= LONGEST_EXPRESSION else kind if alone else f"{kind} {value.id.removeprefix('v')}"
        return named

    def array(self, array: Any) -> dict[str, Any]:
        """An array as text, with its rows if they are few."""
        text = ", ".join(lines_of(summarize(array), self.precision)) or str(tuple(array.shape))
        shown: dict[str, Any] = {"text": text, "shape": str(tuple(array.shape)) if array.shape else ""}
        sheet = sheet_of(array, MOST)
        if sheet is not None:
            shown["rows"] = [["" if sheet.gap(i, j) else _short(entry, self.precision) for j, entry in enumerate(row)] for i, row in enumerate(sheet.rows.tolist())]
            shown["most"] = max((abs(entry) for row in sheet.rows.tolist() for entry in row if math.isfinite(entry)), default=0.0)
            shown["words"], shown["tile"], shown["columns"], shown["lead"] = sheet.words, sheet.tile, sheet.columns, len(sheet.lead)
            shown["rank"] = array.ndim
            shown["before"] = "0, " * (array.ndim - 4)
        return shown

    def forward(self, identifier: str) -> dict[str, Any]:
        op = self.ops[identifier]
        sources, results = self.sources[identifier], self.results[identifier]
        said = ", ".join(self.names[result] for result in results)
        call = _call(op, [self.names[value] for value, _ in sources])
        text = call if said == f"({call})" else f"{said} = {call}"
        numbers = [self._number(self.values[value]) for value, _ in sources]
        outcome = [self._number(self.values[result]) for result in results]
        if all(numbers) and all(outcome):
            text += f" = {_call(op, [each for each in numbers if each])} = {', '.join(each for each in outcome if each)}"
        arrays = []
        for value in [*(value for value, _ in sources), *results]:
            known = self.trace.values.get(value)
            if known is not None and known.ndim:
                arrays.append({**self.array(known), "name": self.names[value]})
        return {"phase": "forward", "op": self._title(identifier), "opId": identifier, "results": results, "text": text, "doc": _doc(op),
                "line": _line(self.trace.lines.get(identifier)), "arrays": arrays}

    def _title(self, identifier: str) -> str:
        op = self.ops[identifier]
        return f"module {visible(op.symbol)}" if op.op == FOLDED else visible(op.op)

    def _number(self, value: ValueNode) -> str:
        return lines_of(value.value, self.precision)[0] if value.value is not None and value.shape == () and value.value.elements is not None else ""

    def backward(self, pull: Pull) -> dict[str, Any]:
        return {"phase": "backward", "op": self._title(pull.op), "opId": pull.op, "value": pull.value, "name": self.names[pull.value],
                "edge": f"{pull.value}-{pull.op}-{pull.input}", "upstream": self.array(pull.upstream), "local": None if pull.local is None else self.array(pull.local),
                "downstream": self.array(pull.downstream), "total": self.array(pull.total), "formula": pull.rule or "", "line": _line(self.trace.lines.get(pull.op))}


def _short(entry: float, precision: int) -> float | None:
    return float(f"{entry:.{precision}g}") if math.isfinite(entry) else None


def _infix(op: OpNode) -> str | None:
    return REGISTRY[op.op].infix if op.op in REGISTRY else None


def _doc(op: OpNode) -> str:
    """What an operation does, in a sentence; of a module that is gone over in one step, what it holds."""
    if op.op == FOLDED:
        return f"A module in one step: {', '.join(f'{count} {what}' for what, count in op.attributes)}."
    return REGISTRY[op.op].doc.partition("\n\n")[0].replace("``", "") if op.op in REGISTRY else ""


def _call(op: OpNode, operands: Sequence[str]) -> str:
    infix = _infix(op)
    if infix is not None and len(operands) == 2:
        return f"{operands[0]} {infix.replace('*', '×') if infix == '*' else infix.replace('-', '−')} {operands[1]}"
    return f"{visible(op.symbol if op.op == FOLDED else op.op)}({', '.join(operands)})"


def _line(place: str | None) -> str:
    """``file:line`` as the file's name, the number and the text that stands there."""
    if not place:
        return ""
    file, _, position = place.rpartition(":")
    text = linecache.getline(file, int(position)).strip()
    return f"{Path(file).name}:{position}  {text}".rstrip()
