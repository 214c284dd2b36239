"""The chain rule written out for a small graph: ``derive(f, x)``, as text and as LaTeX."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .backend.registry import BY_TYPE
from .engine import RAW, WRITES
from .equations import formula, in_numbers, in_tex, in_words, number, tex_name, tex_operand
from .errors import GraphError
from .node import SPENT, Leaf, pull_output
from .storage import TensorBase

__all__ = ["Derivation", "Term", "derive"]

@dataclass(frozen=True)
class Term:
    """One product of the chain rule: what reaches ``value`` from ``result``, which an op computed from it."""

    op: str
    result: str
    value: str
    formula: str | None
    """The local gradient in the names of the derivation, if the op declares it as a formula."""
    upstream: Any
    local: Any
    downstream: Any


@dataclass(frozen=True)
class Derivation:
    """What :func:`derive` returns: ``terms`` in order of the backward pass, and the same in words and in LaTeX."""

    root: str
    value: str
    terms: tuple[Term, ...]
    gradient: Any
    lines: tuple[str, ...]
    latex: str

    @property
    def text(self) -> str:
        """The derivation, one equation to a line."""
        return "\n".join(self.lines)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def derive(f: Any, x: Any, names: Mapping[str, Any] | None = None) -> Derivation:
    """The derivation of ∂f/∂x, node by node from the output, with the numbers put in.

    Parameters
    ----------
    f : the result of a recorded computation. One element, or the gradient of its sum is derived.
    x : a tensor that it was computed from.
    names : name -> tensor, for the equations. Otherwise tensors are called by their own ``name``, by the caller's variables,
        and ``v1``, ``v2`` ... where they have none.

    At each op stands the local gradient, then upstream · local = downstream; where a value is used more than once, the sum.
    The graph is left as it is. Raises ``GraphError`` where ``f`` does not depend on ``x`` or its saved values were released.

    >>> import autograd_core as ag
    >>> x, y, z = (ag.tensor(value, requires_grad=True) for value in (-2.0, 5.0, -4.0))
    >>> q = x + y
    >>> f = q * z
    >>> print(derive(f, x))
    f = q · z = −12
    ∂f/∂q = z = −4
    q = x + y = 3
    ∂q/∂x = 1
    ∂f/∂x = ∂f/∂q · ∂q/∂x = −4 · 1 = −4
    """
    for what, tensor in (("f", f), ("x", x)):
        if not isinstance(tensor, TensorBase) or tensor._node is None:
            raise GraphError(f"derive: {what} must be a Tensor with a graph; it was computed without anything that asks for a gradient")
    labels = _Labels(f, x, names or {}, sys._getframe(1))
    order = _path(f._node, x._node)
    if f._node is not x._node and not order:
        raise GraphError("derive: f does not depend on x: no path leads from one to the other. explain(x) says where it was cut")
    return _Writer(f, x, labels, order).written()


class _Labels:
    """What values are called."""

    def __init__(self, f: Any, x: Any, names: Mapping[str, Any], frame: Any) -> None:
        self.known: dict[Any, str] = {}
        self.constants: dict[int, str] = {}
        for source in (frame.f_globals, frame.f_locals, names):
            for name, value in source.items():
                if isinstance(value, TensorBase) and name.isidentifier() and not name.startswith("_"):
                    if value._node is not None:
                        self.known[value._node] = name
                    else:
                        self.constants[id(value._array)] = name
        for tensor in (f, x):
            if tensor.name:
                self.known[tensor._node] = tensor.name
        self.known.setdefault(f._node, "f")
        self.count = 0

    def of(self, node: Any) -> str:
        """The name of a node's value."""
        found = getattr(node, "name", None) or self.known.get(node)
        if found is None:
            self.count += 1
            found = f"v{self.count}"
        self.known[node] = found
        return str(found)


def _path(root: Any, target: Any) -> list[Any]:
    """The nodes between the two, newest first."""
    seen, order, waiting = {root}, [], [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf) or node is target:
            continue
        order.append(node)
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    order.sort(key=lambda node: node.seq)
    leading = {target}
    chosen = []
    for node in order:
        if any(parent in leading for parent in node.parents):
            leading.add(node)
            chosen.append(node)
    return chosen[::-1]


class _Writer:
    """Goes through the nodes and writes the equations."""

    def __init__(self, f: Any, x: Any, labels: _Labels, order: list[Any]) -> None:
        self.root, self.target, self.labels, self.order = f, x, labels, order
        self.lines: list[str] = []
        self.tex: list[str] = []
        self.terms: list[Term] = []

    def written(self) -> Derivation:
        """The whole derivation."""
        array = self.root._array
        top = self.labels.of(self.root._node)
        pending: dict[Any, list[Any]] = {self.root._node: [BY_TYPE[array.__class__].ones(array.shape, array.dtype)]}
        inside = {*self.order, self.target._node}
        uses: dict[Any, int] = {}
        for node in self.order:
            for parent in node.parents:
                if parent in inside:
                    uses[parent] = uses.get(parent, 0) + 1
        for node in self.order:
            self._node(node, top, pending, inside, uses)
        goal = self.labels.of(self.target._node)
        total = _summed(pending[self.target._node])
        if self.root._node is self.target._node:
            self._line(f"∂{top}/∂{goal} = 1", rf"\frac{{\partial {top}}}{{\partial {goal}}} &= 1")
        latex = "\\begin{aligned}\n" + " \\\\\n".join(self.tex) + "\n\\end{aligned}"
        return Derivation(top, goal, tuple(self.terms), total, tuple(self.lines), latex)

    def _line(self, text: str, tex: str) -> None:
        self.lines.append(text)
        self.tex.append(in_numbers(tex))

    def _node(self, node: Any, top: str, pending: dict[Any, Any], inside: set[Any], uses: dict[Any, int]) -> None:
        g = _summed(pending[node])
        if node.pull is pull_output:
            parts = pending.setdefault(node.parents[0], [[None] * len(node.op.outputs or ())])
            parts[0][node.index] = g
            return
        if node.saved is SPENT:
            raise GraphError(f"derive: the values that {node.op.name} saved were released by backward(). Derive before it, or call backward(retain_graph=True)")
        WRITES.check(node)
        op, result = node.op, self.labels.of(node)
        operands = self._operands(node)
        self._definition(node, result, operands)
        first = next(each for each in g if each is not None) if isinstance(g, list) else g
        reading = RAW[first.__class__]
        downstream = reading.contributions(node, g)
        known = {key: number(value) for key, value in node.attrs.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}
        plain = op.kind == "elementwise" and not isinstance(g, list)
        locals_ = reading.contributions(node, g * 0 + 1) if plain and all(d is None or d.shape == g.shape for d in downstream) else [None] * len(downstream)
        for i, (parent, d, local) in enumerate(zip(node.parents, downstream, locals_, strict=True)):
            if parent is None or d is None or parent not in inside:
                continue
            name = self.labels.of(parent)
            input_name = op.inputs[min(i, len(op.inputs) - 1)]
            expression = formula(op, input_name, {**known, **dict(zip(op.inputs, operands, strict=False)), "out": result}) if plain and local is not None else None
            self._product(top, result, name, expression, g, local, d, op, uses.get(parent, 0) > 1)
            pending.setdefault(parent, []).append(d)
            if uses.get(parent, 0) > 1 and len(pending[parent]) == uses[parent]:
                parts = pending[parent]
                total = _summed(parts)
                summands = " + ".join(number(part) if not number(part).startswith("−") or k == 0 else f"({number(part)})" for k, part in enumerate(parts))
                self._line(f"∂{top}/∂{name} = {summands} = {number(total)}", rf"{_partial(top, name)} &= {summands} = {number(total)}")

    def _operands(self, node: Any) -> list[str]:
        constants = dict(node.constants)
        names = []
        for i, parent in enumerate(node.parents):
            if parent is not None:
                names.append(self.labels.of(parent))
                continue
            value = constants.get(i)
            array = value._array if isinstance(value, TensorBase) else value
            if array is None and node.op.inputs[min(i, len(node.op.inputs) - 1)] in node.op.saved and not node.op.variadic and node.saved:
                array = node.saved[node.op.saved.index(node.op.inputs[i])]
            names.append("·" if array is None else self.labels.constants.get(id(array)) or number(array))
        return names

    def _definition(self, node: Any, result: str, operands: list[str]) -> None:
        op = node.op
        infix = op.infix if len(operands) == 2 else None
        called = op.label if op.label.isidentifier() else op.name
        value = self.root._array if node is self.root._node else node.value
        shown = "" if value is None else f" = {number(value)}"
        operator = called if called.isascii() else op.name
        inside = [tex_operand(each) for each in operands]
        if op.name == "neg":
            text, tex = f"−{operands[0]}", f"-{inside[0]}"
        elif infix == "/":
            text, tex = " / ".join(operands), rf"\frac{{{inside[0]}}}{{{inside[1]}}}"
        elif infix == "**":
            text, tex = "^".join(operands), f"{inside[0]}^{{{inside[1]}}}"
        elif infix:
            sign = {"*": ("·", r"\cdot"), "-": ("−", "-")}.get(infix, (infix, infix))
            text, tex = f" {sign[0]} ".join(operands), f" {sign[1]} ".join(inside)
        else:
            upright = operator.replace("_", r"\_")
            text, tex = f"{called}({', '.join(operands)})", rf"\operatorname{{{upright}}}\left({', '.join(inside)}\right)"
        self._line(f"{result} = {text}{shown}", rf"{tex_name(result)} &= {tex}{shown}")

    def _product(self, top: str, result: str, name: str, expression: Any, g: Any, local: Any, downstream: Any, op: Any, repeated: bool) -> None:
        text = None if expression is None else in_words(expression)
        self.terms.append(Term(op.name, result, name, text, g, local, downstream))
        through = f" (through {result})" if repeated else ""
        through_tex = rf"\text{{ (through }}{tex_name(result)}\text{{)}}" if repeated else ""
        if local is None:
            upstream, upstream_tex = ("1", "1") if result == top else (f"∂{top}/∂{result}", _partial(top, result))
            self._line(f"∂{top}/∂{name}{through} = {op.name}ᵀ({upstream}) = {number(downstream)}",
                       rf"{_partial(top, name)}{through_tex} &= \operatorname{{{op.name}}}^\top\left({upstream_tex}\right) = {number(downstream)}")
            return
        value = number(local)
        steps = value if text is None or text == value else f"{text} = {value}"
        steps_tex = value if expression is None or text == value else f"{in_tex(expression)} = {value}"
        if result == top:
            self._line(f"∂{top}/∂{name}{through} = {steps}", rf"{_partial(top, name)}{through_tex} &= {steps_tex}")
            return
        self._line(f"∂{result}/∂{name} = {steps}", rf"{_partial(result, name)} &= {steps_tex}")
        first, second, product = _factor(g), _factor(local, second=True), number(downstream)
        self._line(f"∂{top}/∂{name}{through} = ∂{top}/∂{result} · ∂{result}/∂{name} = {first} · {second} = {product}",
                   rf"{_partial(top, name)}{through_tex} &= {_partial(top, result)} \cdot {_partial(result, name)} = {first} \cdot {second} = {product}")


def _factor(value: Any, second: bool = False) -> str:
    text = number(value)
    return f"({text})" if second and text.startswith("−") else text


def _partial(top: str, name: str) -> str:
    return rf"\frac{{\partial {tex_name(top)}}}{{\partial {tex_name(name)}}}"


def _summed(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
