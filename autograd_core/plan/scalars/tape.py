"""The tape: what Scalars did during one recorded call, in order, as plain tuples.

A reference is an int. Zero and above is an *event*: the value of a Scalar (or number) that the call computed or first
looked at. Below zero, ``~i``, is a *source*: a constant, a number among the arguments, or arithmetic of those. Sources are
kept apart so that the events of two recordings stand side by side even where one of them saw plain arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...op import Op
from ...scalar import DECIDES, Scalar
from ..errors import PlanError, refusal
from .number import ARITHMETIC, EARLY_ONLY, QUESTIONS, Number

PACKAGES = ("autograd_core", "nn", "optim")
LIMIT = 2**53
"""Ints up to here are floats without loss."""


class Leaf(NamedTuple):
    """An event: a Scalar that the tape did not see being computed. Its value is its data when the call began."""

    which: int


class Apply(NamedTuple):
    """An event: an op on Scalars and numbers. ``operands`` holds references, ``None`` for what was left out."""

    op: Op
    operands: tuple[int | None, ...]
    parents: tuple[int | None, ...]
    """For each operand the event that its Scalar is known by, ``None`` for numbers."""
    attrs: tuple[tuple[str, Any], ...]


class Made(NamedTuple):
    """An event: a Scalar that was made of a recorded number."""

    value: int


class Compute(NamedTuple):
    """An event: arithmetic of numbers that the step computes."""

    name: str
    operands: tuple[int, ...]


class ReadGrad(NamedTuple):
    """An event: the gradient that a Scalar has now."""

    scalar: int


class WriteGrad(NamedTuple):
    """An event: a Scalar's gradient is set."""

    scalar: int
    value: int


class Backward(NamedTuple):
    """An event: a backward pass, with the Scalars that it went through, operands before results."""

    root: int
    seed: int
    order: tuple[int, ...]


class Constant(NamedTuple):
    """A source: a number that the code holds."""

    value: float


class Given(NamedTuple):
    """A source: a number among the arguments, by its position."""

    position: int


class Early(NamedTuple):
    """A source: arithmetic of sources."""

    name: str
    operands: tuple[int, ...]


class Question(NamedTuple):
    """Something that Python asked about sources, and the answer for which the recording holds."""

    name: str
    operands: tuple[Any, ...]
    answer: Any
    line: str


@dataclass(frozen=True)
class ScalarResult:
    """A Scalar in what the function returned."""

    scalar: int


@dataclass(frozen=True)
class NumberResult:
    """A number in what the function returned."""

    value: int


class Tape:
    """What one recorded call did with Scalars."""

    def __init__(self) -> None:
        self.open = True
        self.events: list[Any] = []
        self.places: list[tuple[Any, int]] = []
        """For each event the code object and line of the user."""
        self.sources: list[Any] = []
        self.questions: list[Question] = []
        self.leaves: list[Scalar] = []
        self.first: list[tuple[float, float]] = []
        """``data`` and ``grad`` of each leaf when it was first seen."""
        self.data: dict[int, int] = {}
        """Scalar -> the reference of its data, where that was written."""
        self.names: dict[int, tuple[Any, Any]] = {}
        """Scalar -> op and name, for those that are returned."""
        self.given: list[Any] = []
        """The values of the numbers among the arguments."""
        self.plainly = False
        """Whether the numbers among the arguments were given as they are, so that what followed from them looks like constants."""
        self.arguments: dict[int, int] = {}
        """Address of a Scalar among the arguments -> its position among those."""
        self._ids: dict[int, int] = {}
        self._born: dict[int, int] = {}
        """Address of a Scalar that was made of a recorded number, until it is used -> that number."""
        self._alive: list[Any] = []
        self._constants: dict[Any, int] = {}
        self._ours: dict[Any, bool] = {}

    # --- where ----------------------------------------------------------------------------------------------------

    def _place(self) -> tuple[Any, int]:
        frame: Any = sys._getframe(2)
        ours = self._ours
        while True:
            known = ours.get(frame.f_code)
            if known is None:
                known = ours[frame.f_code] = frame.f_globals.get("__name__", "").partition(".")[0] in PACKAGES
            if not known or frame.f_back is None:
                return frame.f_code, frame.f_lineno
            frame = frame.f_back

    def line(self, event: int) -> str:
        """``file:line`` of an event."""
        code, number = self.places[event]
        return f"{code.co_filename}:{number}"

    def refuse(self, what: str, rewrite: str) -> PlanError:
        """The error for what a replay could not repeat."""
        code, number = self._place()
        return refusal(f"{code.co_filename}:{number}", what, rewrite)

    # --- references -----------------------------------------------------------------------------------------------

    def _add(self, event: Any) -> int:
        self.events.append(event)
        self.places.append(self._place())
        return len(self.events) - 1

    def _source(self, source: Any) -> int:
        self.sources.append(source)
        return ~(len(self.sources) - 1)

    def constant(self, value: Any) -> int:
        """The reference of a number that the code holds."""
        value = float(value)
        key = value if value and value == value else repr(value)
        known = self._constants.get(key)
        if known is None:
            known = self._constants[key] = self._source(Constant(value))
        return known

    def argument(self, value: Any) -> Number:
        """A number among the arguments."""
        self.given.append(value)
        return Number(self, self._source(Given(len(self.given) - 1)), value)

    def scalar(self, x: Scalar) -> int:
        """The event that a Scalar is known by."""
        known = self._ids.get(id(x))
        if known is not None:
            return known
        if id(x) in self._born:
            return self._keep(x, Made(self._born.pop(id(x))))
        if x.op is not None:
            where = "the argument" if id(x) in self.arguments else "a Scalar from outside"
            raise self.refuse(f"{where} has a graph of its own, made by {x.op.name}, which a replay would not extend",
                              "Compute it inside the compiled function, or make a new one of its number: Scalar(x.data)")
        self.leaves.append(x)
        self.first.append((float(x._data), float(x._grad)))
        return self._keep(x, Leaf(len(self.leaves) - 1))

    def _keep(self, x: Scalar, event: Any) -> int:
        self._alive.append(x)
        known = self._ids[id(x)] = self._add(event)
        return known

    def _value(self, x: Any) -> int:
        """The reference of an operand's value."""
        if isinstance(x, Scalar):
            known = self._ids.get(id(x))
            if known is None:
                known = self.scalar(x)
            return self.data.get(known, known)
        if isinstance(x, Number):
            x.plain()
            return x.reference
        return self.constant(x)

    # --- what Scalars tell ----------------------------------------------------------------------------------------

    def made(self, node: Scalar, op: Op, operands: Sequence[Any], attrs: dict[str, Any]) -> None:
        """An op was done."""
        value, ids = self._value, self._ids
        references = tuple([None if x is None else value(x) for x in operands])
        parents = tuple([ids[id(x)] if isinstance(x, Scalar) else None for x in operands])
        self._keep(node, Apply(op, references, parents, tuple(sorted(attrs.items())) if attrs else ()))

    def follow(self, reference: int) -> None:
        """The right operand of the last op is not a constant but this number."""
        last = self.events[-1]
        self.events[-1] = last._replace(operands=(last.operands[0], reference))

    def born(self, scalar: Scalar, reference: int) -> None:
        """A Scalar is being made of a recorded number."""
        self._born[id(scalar)] = reference
        self._alive.append(scalar)

    def read(self, scalar: Scalar, name: str) -> Any:
        """The user reads ``data`` or ``grad``."""
        if name == "data":
            reference = self._value(scalar)
            if reference < 0 and isinstance(self.sources[~reference], Constant):
                return scalar._data
            return Number(self, reference, scalar._data)
        if name == "grad":
            known = self.scalar(scalar)
            return Number(self, self._add(ReadGrad(known)), scalar._grad)
        raise self.refuse(f"{name} of a Scalar is a number of one call", "Compute it from .data")

    def write(self, scalar: Scalar, name: str, value: Any) -> float:
        """The user writes ``data`` or ``grad``. Returns the plain number."""
        if isinstance(value, Scalar):
            raise self.refuse(f"a Scalar is assigned to .{name}, which holds a number", f"Assign its number: x.{name} = other.data")
        if not isinstance(value, (Number, int, float)):
            value = float(value)
        known = self.scalar(scalar)
        reference = self._value(value)
        if name == "data":
            self.data[known] = reference
        elif name == "grad":
            self._add(WriteGrad(known, reference))
        else:
            raise self.refuse(f"{name} of a Scalar is a number of one call", "Write .data")
        return float(value.value if isinstance(value, Number) else value)

    def passed(self, root: Scalar, gradient: Any, order: Sequence[Scalar]) -> None:
        """A backward pass went through ``order``."""
        start = self.scalar(root)
        ids = self._ids
        self._add(Backward(start, self._value(gradient), tuple([ids[id(node)] for node in order])))

    # --- what numbers tell ----------------------------------------------------------------------------------------

    def computed(self, name: str, operands: Sequence[Any]) -> Any:
        """Arithmetic with at least one recorded number."""
        values = [x.value if isinstance(x, Number) else x for x in operands]
        value = ARITHMETIC[name](*values)
        if not self.open:
            return value
        references = tuple([self._value(x) for x in operands])
        early = all([reference < 0 for reference in references])
        if isinstance(value, complex):
            raise self.refuse("a power of recorded numbers is complex", "Use numbers above zero")
        if early:
            return Number(self, self._source(Early(name, references)), value)
        if name in EARLY_ONLY:
            raise self.refuse("// and % of numbers that the step computes are not recorded", "Use them on arguments, or outside of the compiled function")
        return Number(self, self._add(Compute(name, references)), value)

    def asked(self, what: str, question: str, operands: Sequence[Any]) -> Any:
        """Python wants to know something about recorded numbers."""
        answer = QUESTIONS[question](*[x.value if isinstance(x, Number) else x for x in operands])
        if not self.open:
            return answer
        references = tuple([(self._value(x),) if isinstance(x, Number) else x for x in operands])
        if any([isinstance(x, tuple) and x[0] >= 0 for x in references]):
            raise self.refuse(f"{what} that the step computes is a value that decides which Python code runs" if question in ("bool", "lt", "le", "gt", "ge", "eq", "ne")
                              else f"{what} that the step computes reads a value", DECIDES)
        code, number = self._place()
        self.questions.append(Question(question, references, answer, f"{code.co_filename}:{number}"))
        return answer

    # --- the end --------------------------------------------------------------------------------------------------

    def result(self, x: Any) -> Any:
        """A Scalar or number in what the function returns."""
        if isinstance(x, Scalar):
            known = self.scalar(x)
            self.names[known] = (x.op, x.name)
            return ScalarResult(known)
        x.plain()
        return NumberResult(x.reference)

    def finish(self) -> None:
        """The call is over: numbers that Python kept are plain from now on, and what was computed on the way may go."""
        self.open = False
        self._ids.clear()
        self._born.clear()
        self._alive.clear()
        self._constants.clear()


def evaluated(sources: Sequence[Any], given: Sequence[Any], wanted: Sequence[int]) -> list[Any]:
    """The values of sources for the numbers among the arguments, in Python's arithmetic."""
    known: dict[int, Any] = {}

    def value(reference: int) -> Any:
        stack = [reference]
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            source = sources[~top]
            if source.__class__ is Constant:
                known[top] = source.value
            elif source.__class__ is Given:
                known[top] = given[source.position]
            else:
                missing = [x for x in source.operands if x not in known]
                if missing:
                    stack += missing
                    continue
                known[top] = ARITHMETIC[source.name](*[known[x] for x in source.operands])
        return known[reference]

    return [value(reference) for reference in wanted]


def holds(questions: Sequence[Question], sources: Sequence[Any], given: Sequence[Any]) -> bool:
    """Whether Python's questions have the same answers for these arguments."""
    for question in questions:
        values = [evaluated(sources, given, x)[0] if isinstance(x, tuple) else x for x in question.operands]
        answer = QUESTIONS[question.name](*values)
        if answer != question.answer or answer.__class__ is not question.answer.__class__:
            return False
    return True
