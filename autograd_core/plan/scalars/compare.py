"""Two tapes of one function laid side by side: what is live, what is constant, and what forbids a replay."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from ...scalar import Scalar
from ..errors import PlanError
from .tape import Apply, Backward, Compute, Constant, Given, Leaf, Made, NumberResult, ReadGrad, ScalarResult, Tape, WriteGrad, evaluated

ELSEWHERE = "Python decided by something that is no argument which code runs; pass it as an argument, or compute both and choose with relu, maximum or clamp"
OLD = "A replay would use the old one: pass it as an argument, or keep it in a Scalar whose .data is written"


class Captured(NamedTuple):
    """A leaf that existed before the call and is there in each: read and written live."""

    scalar: Scalar


class Passed(NamedTuple):
    """A leaf that is the n-th Scalar among the arguments."""

    position: int
    only: Scalar | None
    """The Scalar that it has to be, if it was the same one in both recordings: the function may know it by another way too."""


class Fresh(NamedTuple):
    """A leaf that the call makes anew of a number in the code."""

    data: float
    grad: float


class Agreement(NamedTuple):
    """What two recordings have in common: the later tape, and what its leaves are."""

    tape: Tape
    leaves: list[Captured | Passed | Fresh]
    results: Any


def agreed(first: Tape, second: Tape, results: tuple[Any, Any]) -> Agreement:
    """What the recordings have in common. Raises ``PlanError`` for the first thing that differs, naming its line."""
    return Agreement(second, _Comparison(first, second).leaves(), _same_results(first, second, *results))


def entangled(first: Tape, second: Tape) -> bool:
    """Whether one call was given a Scalar that the other found outside: they say different things of one function, and both are right."""
    given = [{id(x) for x in tape.leaves if id(x) in tape.arguments} for tape in (first, second)]
    found = [{id(x) for x in tape.leaves if id(x) not in tape.arguments} for tape in (first, second)]
    return not (given[0].isdisjoint(found[1]) and given[1].isdisjoint(found[0]))


def same_number(a: float, b: float) -> bool:
    """Whether two floats have the same bits; all NaNs count as one."""
    return struct.pack("d", a) == struct.pack("d", b) or (a != a and b != b)


class _Comparison:
    def __init__(self, first: Tape, second: Tape) -> None:
        self.first, self.second = first, second
        self.twins: set[tuple[int, int]] = set()
        self.pairs: list[tuple[int, int]] = []
        """The leaves that stand at the same place."""

    def leaves(self) -> list[Any]:
        one, two = self.first.events, self.second.events
        for event, (a, b) in enumerate(zip(one, two, strict=False)):
            if a.__class__ is Leaf:
                if b.__class__ is Leaf:
                    self.pairs.append((a.which, b.which))
                    continue
                if b.__class__ is Made and self.first.plainly:  # a Scalar made of a number among the arguments
                    self._made(event, self.first.first[a.which][0], b.value)
                    continue
            if a.__class__ is not b.__class__ or (a.__class__ is Apply and (a.op is not b.op or a.parents != b.parents)) or (a.__class__ is Compute and a.name != b.name):
                raise PlanError(f"compile: the two recorded calls did different things: {_spoken(a)} at {self.first.line(event)}, then {_spoken(b)} at {self.second.line(event)}. "
                                + ELSEWHERE)
            if a.__class__ is Apply and a.attrs != b.attrs:
                self._differ(event, f"a setting of {a.op.name}", dict(a.attrs), dict(b.attrs))
            if a.__class__ in (Backward, ReadGrad, WriteGrad) and (a[0] != b[0] or (a.__class__ is Backward and a.order != b.order)):
                raise PlanError(f"compile: {_spoken(b)} concerns another Scalar in the second of the two recorded calls, at {self.second.line(event)}. " + ELSEWHERE)
            for position, (x, y) in enumerate(zip(_values(a), _values(b), strict=True)):
                if (x != y) if x is None or x >= 0 else not self._same(x, y):
                    self._differ(event, f"input {position} of {_spoken(b)}", self._shown(self.first, x), self._shown(self.second, y))
        if len(one) != len(two):
            longer, when = (self.first, "first") if len(one) > len(two) else (self.second, "second")
            event = min(len(one), len(two))
            raise PlanError(f"compile: {_spoken(longer.events[event])} ran only in the {when} of the two recorded calls, at {longer.line(event)}. " + ELSEWHERE)
        return self._leaves()

    def _made(self, event: int, before: float, reference: int) -> None:
        value = float(evaluated(self.second.sources, self.first.given, [reference])[0]) if reference < 0 else None
        if value is None or not same_number(before, value):
            self._differ(event, "a Scalar that the function makes", before, self._shown(self.second, reference))

    def _leaves(self) -> list[Any]:
        found: list[Any] = []
        events = {event.which: i for i, event in enumerate(self.second.events) if event.__class__ is Leaf}
        for i, j in self.pairs:
            a, b = self.first.leaves[i], self.second.leaves[j]
            position, other = self.first.arguments.get(id(a)), self.second.arguments.get(id(b))
            if position is not None and position == other:
                found.append(Passed(position, a if a is b else None))
            elif a is b:
                found.append(Captured(a))
            else:
                before, after = self.first.first[i], self.second.first[j]
                for x, y in zip(before, after, strict=True):
                    if not same_number(x, y):
                        self._differ(events[j], "a Scalar that the function makes", x, y)
                found.append(Fresh(*after))
        return found

    def _same(self, x: int | None, y: int | None) -> bool:
        if x is None or y is None or x >= 0 or y >= 0:
            return x == y
        if (x, y) in self.twins:
            return True
        a, b = self.first.sources[~x], self.second.sources[~y]
        if a.__class__ is b.__class__ and a.__class__ is not Constant:
            same = a == b if a.__class__ is Given else a.name == b.name and all(self._same(left, right) for left, right in zip(a.operands, b.operands, strict=True))
        elif a.__class__ is b.__class__ or self.first.plainly:  # a recording that saw plain arguments took what followed from them for constants
            same = same_number(*[float(evaluated(tape.sources, self.first.given, [reference])[0]) for tape, reference in ((self.first, x), (self.second, y))])
        else:
            same = False
        if same:
            self.twins.add((x, y))
        return same

    def _differ(self, event: int, what: str, x: Any, y: Any) -> None:
        raise PlanError(f"compile: {what} differs between the two recorded calls, {x} then {y}, at {self.second.line(event)}. {OLD}")

    @staticmethod
    def _shown(tape: Tape, reference: int | None) -> str:
        if reference is None:
            return "nothing"
        return "another result" if reference >= 0 else repr(float(evaluated(tape.sources, tape.given, [reference])[0]))


def _values(event: Any) -> Sequence[int | None]:
    """The references to values in an event."""
    kind = event.__class__
    if kind is Apply or kind is Compute:
        operands: Sequence[int | None] = event.operands
        return operands
    return (event[1],) if kind is Backward or kind is WriteGrad else (event.value,) if kind is Made else ()


def _spoken(event: Any) -> str:
    kind = event.__class__
    if kind is Apply:
        return str(event.op.name)
    if kind is Compute:
        return str(event.name)
    return {Leaf: "the use of a Scalar", Made: "making a Scalar", ReadGrad: "reading .grad", WriteGrad: "writing .grad", Backward: "backward()"}[kind]


def _same_results(first: Tape, second: Tape, one: Any, two: Any) -> Any:
    """The results of the second recording, if the first returned the same."""
    comparison = _Comparison(first, second)

    def same(a: Any, b: Any) -> bool:
        if a.__class__ is ScalarResult or b.__class__ is ScalarResult:
            return bool(a == b)
        if b.__class__ is NumberResult:
            return comparison._same(first.constant(a) if isinstance(a, (int, float)) else a.value, b.value)
        if a.__class__ is not b.__class__:
            return False
        if isinstance(a, (tuple, list)):
            return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        return a is b or bool(a == b) or (a != a and b != b)

    if not same(one, two):
        raise PlanError(f"compile: the two recorded calls returned different things ({one!r} and {two!r}). Return Scalars, and numbers that do not change from call to call")
    return two
