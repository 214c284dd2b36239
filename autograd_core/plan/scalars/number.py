"""Numbers inside a recorded call: what ``data`` and ``grad`` of Scalars, and numbers among the arguments, are read as.

Arithmetic on them is recorded. A number that follows from the arguments alone is *early*: a plan may ask it whether it is
larger than zero, or use it as an index, and holds for the calls in which the answer is the same. Everything else is
computed by the step itself and cannot decide what Python does; asking is refused with the user's line.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...scalar import Recorded, Scalar, recording

if TYPE_CHECKING:
    from .tape import Tape

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "truediv": operator.truediv, "pow": operator.pow, "floordiv": operator.floordiv,
    "mod": operator.mod, "neg": operator.neg, "abs": operator.abs}
"""What can be done with recorded numbers, by the names of Python's operators."""
EARLY_ONLY = ("floordiv", "mod")
"""Operators that are recorded for numbers that follow from the arguments alone."""
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
QUESTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(operator, name) for name in COMPARISONS}, "bool": bool, "float": float, "int": int, "index": operator.index, "hash": hash, "round": round, "text": str}


class Number(Recorded):
    """A number of one recorded call: its value there, and where it comes from on the tape."""

    __slots__ = ("reference", "tape", "value")

    def __init__(self, tape: Tape, reference: int, value: Any) -> None:
        self.tape, self.reference, self.value = tape, reference, value

    def _check(self) -> Tape:
        """The tape, if the call that it recorded is the one that uses the number."""
        looking = recording()
        if looking is not None and looking is not self.tape:
            raise looking.refuse("a number of an earlier call was kept by Python and is used again",
                                 "Keep what lasts from call to call in a Scalar: state = Scalar(0.0), and inside state.data = ...")
        return self.tape

    # --- as an operand of Scalars -------------------------------------------------------------------------------

    def plain(self) -> float:
        """See :class:`Recorded`."""
        self._check()
        return float(self.value)

    def follow(self) -> None:
        """See :class:`Recorded`."""
        if self.tape.open:
            self.tape.follow(self.reference)

    def becomes(self, scalar: Scalar) -> float:
        """See :class:`Recorded`."""
        if self._check().open:
            self.tape.born(scalar, self.reference)
        return float(self.value)

    # --- arithmetic ---------------------------------------------------------------------------------------------

    def __neg__(self) -> Any:
        return self._check().computed("neg", (self,))

    def __abs__(self) -> Any:
        return self._check().computed("abs", (self,))

    def __pos__(self) -> Any:
        return self

    # --- questions ----------------------------------------------------------------------------------------------

    def _answer(self, what: str, question: str, *others: Any) -> Any:
        return self._check().asked(what, question, (self, *others))

    def __bool__(self) -> bool:
        return bool(self._answer("the truth of a number", "bool"))

    def __float__(self) -> float:
        return float(self._answer("converting a recorded number to a Python number", "float"))

    def __int__(self) -> int:
        return int(self._answer("converting a recorded number to a Python number", "int"))

    def __index__(self) -> int:
        return int(self._answer("using a recorded number as an index", "index"))

    def __hash__(self) -> int:
        return int(self._answer("looking up a recorded number", "hash"))

    def __round__(self, digits: Any = None) -> Any:
        return self._answer("rounding a recorded number", "round", *(() if digits is None else (digits,)))

    def __str__(self) -> str:
        return str(self._answer("printing a number", "text"))

    __repr__ = __str__

    def __format__(self, specification: str) -> str:
        self._answer("printing a number", "text")
        return format(self.value, specification)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (_same, (self.__float__(),))

    def item(self) -> Any:
        """The number itself, as NumPy's numbers have it."""
        return self


def _same(value: float) -> float:
    return value


def _define_operator(name: str) -> None:
    def forward(self: Number, other: Any) -> Any:
        return self._check().computed(name, (self, other)) if isinstance(other, (Number, int, float)) else NotImplemented

    def reflected(self: Number, other: Any) -> Any:
        return self._check().computed(name, (other, self)) if isinstance(other, (int, float)) else NotImplemented

    setattr(Number, f"__{name}__", forward)
    setattr(Number, f"__r{name}__", reflected)


def _define_comparison(name: str) -> None:
    def compared(self: Number, other: Any) -> Any:
        return self._answer("the comparison of numbers", name, other) if isinstance(other, (Number, int, float)) else NotImplemented

    setattr(Number, f"__{name}__", compared)


for _name in ARITHMETIC:
    if _name not in ("neg", "abs"):
        _define_operator(_name)
for _name in COMPARISONS:
    _define_comparison(_name)
