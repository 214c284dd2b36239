"""Numbers that are read anew at each replay: learning rates and what update rules compute from them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


class Live:
    """A Python number that a plan computes at each replay: an expression, and what it was while the kernel was taken apart.

    Asking whether it is true or larger than something fixes the answer: it is written down in ``asked``, and the plan
    holds only as long as the answer stays the same.
    """

    __slots__ = ("asked", "early", "expression", "inputs", "value")

    def __init__(self, expression: str, value: Any, asked: list[tuple[str, bool]], inputs: tuple[Any, ...] = (), early: bool = True) -> None:
        self.expression, self.value, self.asked = expression, value, asked
        self.inputs = inputs
        """The Values that the expression names as ``{0}``, ``{1}`` ..."""
        self.early = early
        """Whether the number is known before the replay begins."""

    def _answer(self, expression: str, answer: bool) -> bool:
        if not self.early:
            raise TypeError("a number that the step itself computes cannot decide what the step does")
        self.asked.append((expression, answer))
        return answer

    def __bool__(self) -> bool:
        return self._answer(f"bool({self.expression})", bool(self.value))

    def __eq__(self, other: object) -> Any:
        return self._answer(f"{self.expression} == {_text(other)}", bool(self.value == _number(other)))

    def __ne__(self, other: object) -> Any:
        return self._answer(f"{self.expression} != {_text(other)}", bool(self.value != _number(other)))

    def __gt__(self, other: Any) -> bool:
        return self._answer(f"{self.expression} > {_text(other)}", bool(self.value > _number(other)))

    def __lt__(self, other: Any) -> bool:
        return self._answer(f"{self.expression} < {_text(other)}", bool(self.value < _number(other)))

    __hash__ = object.__hash__

    def combined(self, symbol: str, function: Callable[..., Any], left: Any, right: Any) -> Live:
        """The number that an operator gives."""
        inputs: tuple[Any, ...] = ()
        texts = []
        for each in (left, right):
            text = _text(each)
            if isinstance(each, Live):
                for i in reversed(range(len(each.inputs))):
                    text = text.replace(f"{{{i}}}", f"{{{i + len(inputs)}}}")
                inputs += each.inputs
            texts.append(text)
        early = all(each.early for each in (left, right) if isinstance(each, Live))
        return Live(f"({texts[0]} {symbol} {texts[1]})", function(_number(left), _number(right)), self.asked, inputs, early)


def _text(x: Any) -> str:
    return x.expression if isinstance(x, Live) else repr(x)


def _number(x: Any) -> Any:
    return x.value if isinstance(x, Live) else x


def _define(name: str, symbol: str, function: Callable[..., Any]) -> None:
    def forward(self: Live, other: Any) -> Any:
        return self.combined(symbol, function, self, other) if isinstance(other, (Live, int, float)) else NotImplemented

    def reflected(self: Live, other: Any) -> Any:
        return self.combined(symbol, function, other, self) if isinstance(other, (Live, int, float)) else NotImplemented

    setattr(Live, f"__{name}__", forward)
    setattr(Live, f"__r{name}__", reflected)


for _name, _symbol in {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**"}.items():
    _define(_name, _symbol, getattr(operator, _name))
