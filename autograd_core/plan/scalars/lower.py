"""From the tape to a program of numbers: nodes that are sums of products, or elementwise kinds.

Addition, subtraction, multiplication and negation all are a ``Sum`` of products in order, so that a neuron, and the gradient
of a weight over a hundred examples, is one node. A backward pass becomes nodes too: the local gradients are the formulas of the
declarations, and what a Scalar receives is the sum of what eager adds up, in eager's order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ...formulas import local_gradient
from ...op import REGISTRY, Op
from .compare import Agreement, Captured, Fresh, Passed
from .kinds import ARITHMETIC, BOTH, COMPARE, DIVIDE, EITHER, SELECT, Kind, gradient_of, has_formula, value_of
from .tape import Apply, Backward, Compute, Constant, Given, Leaf, Made, NumberResult, ReadGrad, ScalarResult, WriteGrad

DATA, GRAD = "data", "grad"


class Input(NamedTuple):
    """A number from outside: ``("constant", value)``, ``("given", position)``, or ``data``/``grad`` of a leaf by its index."""

    what: str
    which: Any


class Sum:
    """left[0] * right[0] + left[1] * right[1] + ..., added from left to right."""

    __slots__ = ("left", "masked", "right", "signless")

    def __init__(self, left: list[int], right: list[int], masked: bool = False, signless: bool = False) -> None:
        self.left, self.right = left, right
        self.masked = masked
        """Whether a left factor of exactly 0 makes its product 0, whatever the right factor is."""
        self.signless = signless
        """Whether the result cannot be -0.0."""


class Program:
    """The numbers of one call: ``nodes[i]`` is an ``Input``, a ``Sum``, or a tuple of a kind and its operands."""

    def __init__(self, exact: bool) -> None:
        self.exact = exact
        self.nodes: list[Any] = []
        self._known: dict[Any, int] = {}
        self._constants: dict[Any, int] = {}
        self.one, self.zero, self.minus = self.constant(1.0), self.constant(0.0), self.constant(-1.0)

    def _add(self, node: Any) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1

    def input(self, what: str, which: Any) -> int:
        """A number from outside; the same one once."""
        key = (what, which)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._add(Input(what, which))
        return known

    def constant(self, value: float) -> int:
        """A number that never changes."""
        key = value if value and value == value else repr(value)  # 0.0 and -0.0 are equal, NaN is not
        known = self._constants.get(key)
        if known is None:
            known = self._constants[key] = self._add(Input("constant", value))
        return known

    def fixed(self, *references: int) -> list[float] | None:
        """The values of constants; ``None`` if one of them is not constant."""
        found = []
        for reference in references:
            node = self.nodes[reference]
            if node.__class__ is not Input or node.what != "constant":
                return None
            found.append(node.which)
        return found

    def apply(self, kind: Kind, *operands: int) -> int:
        """A kind on numbers; equal ones once, of constants at once."""
        key = (kind, *operands)
        known = self._known.get(key)
        if known is None:
            fixed = self.fixed(*operands)
            known = self._known[key] = self._add(key) if fixed is None else self.constant(kind.one(*fixed))
        return known

    def add(self, a: int, b: int) -> int:
        """a + b."""
        fixed = self.fixed(a, b)
        if fixed is not None:
            return self.constant(fixed[0] + fixed[1])
        if not self.exact and self.zero in (a, b):
            return b if a == self.zero else a
        return self._add(Sum([a, b], [self.one, self.one]))

    def subtract(self, a: int, b: int) -> int:
        """a - b."""
        fixed = self.fixed(a, b)
        return self._add(Sum([a, b], [self.one, self.minus])) if fixed is None else self.constant(fixed[0] - fixed[1])

    def multiply(self, a: int, b: int) -> int:
        """a * b."""
        if b == self.one:
            return a
        if a == self.one:
            return b
        key = ("multiply", a, b)
        known = self._known.get(key)
        if known is None:
            fixed = self.fixed(a, b)
            known = self._known[key] = self._add(Sum([a], [b])) if fixed is None else self.constant(fixed[0] * fixed[1])
        return known

    def finite(self, reference: int) -> bool:
        """Whether a number is known to be neither infinite nor NaN."""
        node = self.nodes[reference]
        if node.__class__ is Input:
            return node.what == "constant" and abs(node.which) <= 1e300
        return node.__class__ is tuple and (node[0] is SELECT and self.finite(node[2]) and self.finite(node[3]))


class Pending:
    """The gradient of a Scalar while it is added up."""

    __slots__ = ("left", "right", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.left: list[int] = []
        self.right: list[int] = []


class Lowering:
    """One walk along the tape."""

    def __init__(self, agreement: Agreement, exact: bool) -> None:
        self.tape, self.leaves = agreement.tape, agreement.leaves
        self.program = Program(exact)
        self.values: dict[int, int] = {}
        """Event -> the node of its value."""
        self.gradients: dict[int, Pending] = {}
        self.checked: list[tuple[int, str, int]] = []
        """Divisors and powers of plain numbers, for which Python would raise: node, what it is, event."""
        self._kinds: dict[Op, Kind] = {}
        self._locals: dict[tuple[Op, int], Callable[[dict[str, int]], int] | None] = {}
        for event, what in enumerate(self.tape.events):
            self._event(event, what)

    # --- references -----------------------------------------------------------------------------------------------

    def value(self, reference: int) -> int:
        """The node of a tape's reference."""
        if reference >= 0:
            return self.values[reference]
        source = self.tape.sources[~reference]
        if source.__class__ is Constant:
            return self.program.constant(source.value)
        if source.__class__ is Given:
            return self.program.input("given", source.position)
        known = self.values.get(reference)
        if known is None:
            for operand in _missing(self.tape.sources, reference, self.values):
                self.values[operand] = self._arithmetic(self.tape.sources[~operand], None)
            known = self.values[reference]
        return known

    def leaf(self, event: int) -> Captured | Passed | Fresh | None:
        """What a Scalar is, if it is a leaf that the tape did not see being made."""
        what = self.tape.events[event]
        return self.leaves[what.which] if what.__class__ is Leaf else None

    def _gradient(self, scalar: int) -> Pending:
        known = self.gradients.get(scalar)
        if known is None:
            leaf = self.leaf(scalar)
            start = self.program.zero if leaf is None else self.program.constant(leaf.grad) if leaf.__class__ is Fresh else self.program.input(GRAD, self.tape.events[scalar].which)
            known = self.gradients[scalar] = Pending(start)
        return known

    def gradient(self, scalar: int) -> int:
        """The node of a Scalar's gradient as it is now."""
        pending = self._gradient(scalar)
        left, right = pending.left, pending.right
        if not left:
            return pending.start
        program = self.program
        one, nodes = program.one, program.nodes
        start = nodes[pending.start]
        from_zero = start.__class__ is Input and start.what == "constant" and start.which == 0.0
        if from_zero and len(left) == 1 and right[0] == one and (not program.exact or _signless(nodes[left[0]])):
            pending.start = left[0]
        else:
            masked = not all([factor == one or program.finite(factor) for factor in right])
            if program.exact or not from_zero:
                left, right = [pending.start, *left], [one, *right]
            pending.start = program._add(Sum(left, right, masked, from_zero or (start.__class__ is Sum and start.signless)))
        pending.left, pending.right = [], []
        return pending.start

    # --- events ---------------------------------------------------------------------------------------------------

    def _event(self, event: int, what: Any) -> None:
        kind = what.__class__
        if kind is Apply:
            self.values[event] = self._apply(what)
        elif kind is Leaf:
            leaf = self.leaves[what.which]
            self.values[event] = self.program.constant(leaf.data) if leaf.__class__ is Fresh else self.program.input(DATA, what.which)
        elif kind is Backward:
            self._backward(what)
        elif kind is Made:
            self.values[event] = self.value(what.value)
        elif kind is ReadGrad:
            self.values[event] = self.gradient(what.scalar)
        elif kind is WriteGrad:
            self.gradients[what.scalar] = Pending(self.value(what.value))
        else:
            self.values[event] = self._arithmetic(what, event)

    def _arithmetic(self, what: Any, event: int | None) -> int:
        """Python's arithmetic on recorded numbers."""
        name, operands, program = what.name, [self.value(x) for x in what.operands], self.program
        if name == "add":
            return program.add(*operands)
        if name == "sub":
            return program.subtract(*operands)
        if name == "mul":
            return program.multiply(*operands)
        if name == "neg":
            return program.multiply(operands[0], program.minus)
        result = program.apply(ARITHMETIC[name], *operands)
        if name in ("truediv", "floordiv", "mod"):
            self.checked.append((operands[1], "divisor", -1 if event is None else event))
        elif name == "pow":
            self.checked.append((result, "power", -1 if event is None else event))
        return result

    def _apply(self, what: Apply) -> int:
        op, program = what.op, self.program
        name = op.name
        if name in ("add", "mul", "sub", "neg") and not what.attrs:
            operands = [self.value(x) for x in what.operands if x is not None]
            if name == "add":
                return program.add(*operands)
            if name == "mul":
                return program.multiply(*operands)
            return program.subtract(*operands) if name == "sub" else program.multiply(operands[0], program.minus)
        kind = self._kinds.get(op) if not what.attrs else None
        if kind is None or None in what.operands:
            present = tuple([x is not None for x in what.operands])
            kind = value_of(op, what.attrs, () if all(present) else present)
            if not what.attrs and all(present):
                self._kinds[op] = kind
        return program.apply(kind, *[self.value(x) for x in what.operands if x is not None])

    def _backward(self, what: Backward) -> None:
        seed, events, gradients = self.value(what.seed), self.tape.events, self.gradients
        if not what.order:
            pending = self._gradient(what.root)
            pending.left.append(seed)
            pending.right.append(self.program.one)
            return
        zero = self.program.zero
        for node in what.order:
            gradients[node] = Pending(zero)
        gradients[what.root] = Pending(seed)
        for node in reversed(what.order):
            g = self.gradient(node)
            event = events[node]
            for position, parent in enumerate(event.parents):
                if parent is not None:
                    target = gradients.get(parent)
                    if target is None:
                        target = self._gradient(parent)
                    target.left.append(g)
                    target.right.append(self._local(event, node, position))

    # --- local gradients --------------------------------------------------------------------------------------------

    def _local(self, event: Apply, node: int, position: int) -> int:
        """The node of d result / d operand."""
        op, program = event.op, self.program
        name = op.name
        if name == "mul":
            return self.value(event.operands[1 - position])  # type: ignore[arg-type]
        if name == "add":
            return program.one
        if name == "sub":
            return program.minus if position else program.one
        key = (op, position)
        if key not in self._locals:
            self._locals[key] = self._formula(ast.parse(local_gradient(op, op.inputs[position]), mode="eval").body) if has_formula(op) else None
        formula = self._locals[key]
        if formula is not None:
            known = {each: self.value(x) for each, x in zip(op.inputs, event.operands, strict=True) if x is not None}
            known["out"] = self.values[node]
            return formula(known)
        present = tuple([x is not None for x in event.operands])
        kind = gradient_of(op, position, event.attrs, () if all(present) else present, tuple([parent is not None for parent in event.parents]))
        return program.apply(kind, *[self.value(x) for x in event.operands if x is not None], self.values[node])

    def _formula(self, node: ast.expr) -> Callable[[dict[str, int]], int]:
        """A formula on floats as a function from the nodes of its names to the node of its value; both branches of a choice are computed."""
        program = self.program
        if isinstance(node, ast.Name):
            return itemgetter(node.id)
        if isinstance(node, ast.Constant):
            constant = program.constant(float(node.value))  # type: ignore[arg-type]
            return lambda known: constant
        if isinstance(node, ast.UnaryOp):
            operand = self._formula(node.operand)
            return lambda known: program.multiply(operand(known), program.minus)
        if isinstance(node, ast.IfExp):
            return self._applied(SELECT, node.test, node.body, node.orelse)
        if isinstance(node, ast.Compare):
            return self._applied(COMPARE[_COMPARISONS[type(node.ops[0])]], node.left, node.comparators[0])
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            return self._applied(value_of(REGISTRY[node.func.id.removeprefix("_")], on_floats=True), *node.args)
        assert isinstance(node, ast.BinOp)
        kind = type(node.op)
        combined = {ast.Add: program.add, ast.Sub: program.subtract, ast.Mult: program.multiply}.get(kind)
        if combined is None:
            return self._applied({ast.Div: DIVIDE, ast.BitAnd: BOTH, ast.BitOr: EITHER, ast.Pow: value_of(REGISTRY["pow"], on_floats=True)}[kind], node.left, node.right)
        left, right = self._formula(node.left), self._formula(node.right)
        return lambda known: combined(left(known), right(known))

    def _applied(self, kind: Kind, *operands: ast.expr) -> Callable[[dict[str, int]], int]:
        parts, apply = [self._formula(each) for each in operands], self.program.apply
        return lambda known: apply(kind, *[part(known) for part in parts])

    # --- the end ----------------------------------------------------------------------------------------------------

    def data(self, scalar: int) -> int:
        """The node of a Scalar's data when the call is over."""
        return self.value(self.tape.data.get(scalar, scalar))

    def written(self) -> tuple[dict[int, int], dict[int, int]]:
        """The leaves from outside whose data, or gradient, the call changes: index of the leaf -> node."""
        data, grad = {}, {}
        for scalar, what in enumerate(self.tape.events):
            if what.__class__ is Leaf and self.leaves[what.which].__class__ is not Fresh:
                if scalar in self.tape.data:
                    data[what.which] = self.data(scalar)
                if scalar in self.gradients:
                    grad[what.which] = self.gradient(scalar)
        return data, grad

    def result(self, result: ScalarResult | NumberResult) -> tuple[int, int | None]:
        """The nodes of what is returned: a number's value, a Scalar's data and gradient."""
        if isinstance(result, NumberResult):
            return self.value(result.value), None
        return self.data(result.scalar), self.gradient(result.scalar)


_COMPARISONS = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}


def _signless(node: Any) -> bool:
    """Whether a number is known not to be -0.0."""
    return (node.__class__ is Sum and node.signless) or (node.__class__ is Input and node.what == "constant" and repr(node.which) != "-0.0")


def _missing(sources: Sequence[Any], reference: int, known: dict[int, int]) -> list[int]:
    """The arithmetic that has to be lowered for a source, operands first."""
    order: list[int] = []
    seen: set[int] = set()
    stack = [reference]
    while stack:
        top = stack[-1]
        if top in seen or top in known:
            stack.pop()
            continue
        rest = [x for x in getattr(sources[~top], "operands", ()) if x not in seen and x not in known and not isinstance(sources[~x], (Constant, Given))]
        if rest:
            stack += rest
        else:
            seen.add(top)
            order.append(top)
            stack.pop()
    return order


__all__ = ["Compute", "Input", "Lowering", "Op", "Program", "Sum"]
