"""How each op runs on a batch: a table of rules by op name, and what holds for a whole kind.

A rule takes a ``Call`` and returns the results with the batch as first dimension, or Batched tensors when it is
composed of other ops. Elementwise ops align dimensions; ops without any rule run on one example after the other (``how``
says so, and a warning does once). The rules stand in files by family.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _methods
from ..config import MODE, get_mode, warn_user
from ..dispatch import apply
from ..op import REGISTRY, Op
from ..queries import is_tensor
from .examples import Batched, VmapError, batched

__all__ = ["RULES", "Call", "Unbatched", "aligned", "composed", "how", "lined_up", "loop", "native", "numel", "rule", "rule_of"]


class Call:
    """What a batching rule gets: the op, its operands as examples and as batches, which of them are batches, and its attributes."""

    __slots__ = ("attrs", "batched", "inputs", "level", "op", "size", "values")

    def __init__(self, op: Op, inputs: list[Any], values: list[Any], flags: list[bool], attrs: dict[str, Any], size: int, level: int) -> None:
        self.op = op
        self.inputs = inputs
        self.values = values
        self.batched = flags
        self.attrs = attrs
        self.size = size
        self.level = level

    def ndim(self, i: int = 0) -> int:
        """The number of dimensions of one example of an operand."""
        return len(self.inputs[i]._array.shape)

    def shape(self, i: int = 0) -> tuple[int, ...]:
        """The shape of one example of an operand."""
        return tuple(self.inputs[i]._array.shape)

    def full(self, i: int) -> Any:
        """An operand with the batch in front, repeated where it is the same for all examples."""
        value: Any = self.values[i]
        return value if self.batched[i] or not hasattr(value, "_array") else _methods.broadcast_to(value, (self.size, *tuple(value.shape)))

    def run(self, *values: Any, **attrs: Any) -> Any:
        """The op itself on whole batches; ``attrs`` replace some of its attributes."""
        return self._on_batches(self.op, values, {**self.attrs, **attrs})

    def other(self, name: str, *values: Any, **attrs: Any) -> Any:
        """Another op on whole batches."""
        return self._on_batches(REGISTRY[name], values, attrs)

    def _on_batches(self, op: Op, values: Any, attrs: dict[str, Any]) -> Any:
        """At the outermost level the batches are plain Tensors, and their ops need not be asked for examples."""
        if self.level > 1:
            return apply(op, values, attrs)
        token = MODE.set(get_mode().replace(vmap=None))
        try:
            return apply(op, values, attrs)
        finally:
            MODE.reset(token)

    def example(self, value: Any) -> Batched:
        """A batch as one example, for rules that are written for those."""
        return batched(value, self.level)


Rule = Callable[[Call], Any]

RULES: dict[str, Rule] = {}
"""Op name -> its batching rule."""


class Unbatched:
    """What a rule returns when the result is the same for all examples."""

    def __init__(self, value: Any) -> None:
        self.value = value


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Decorator: the batching rule of these ops."""

    def attach(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return attach


def rule_of(op: Op) -> Rule:
    """The rule that serves an op: its own, its kind's, or the loop."""
    own: Rule | None = op.batching or RULES.get(op.name)
    if own is not None:
        return own
    return aligned if op.kind == "elementwise" else loop


def how(op: Op) -> str:
    """How ``vmap`` runs an op, for the table of ops: ``aligned``, ``rule``, ``random``, ``loop``, or ``none`` for ops that have no place in it."""
    if op.kind in ("random", "update"):
        return "random" if op.kind == "random" else "none"
    own = rule_of(op)
    return "aligned" if own is aligned else "loop" if own is loop else "rule"


# --- kinds --------------------------------------------------------------------------------------------------------


def lined_up(call: Call, i: int, rank: int) -> Any:
    """Operand ``i`` with its batch in front of ``rank`` dimensions; what is no batch broadcasts from the right anyway."""
    value = call.values[i]
    missing = rank - call.ndim(i) if call.batched[i] else 0
    if missing <= 0:
        return value
    shape = tuple(value.shape)
    return value.reshape((shape[0], *[1] * missing, *shape[1:]))


@rule("quantile_places")
def aligned(call: Call) -> Any:
    """Elementwise: the dimensions of an example are lined up from the right, with the batch before them."""
    rank = max([call.ndim(i) for i, x in enumerate(call.inputs) if is_tensor(x)])
    return call.run(*[lined_up(call, i, rank) for i in range(len(call.inputs))])



_warned: set[str] = set()


def loop(call: Call) -> Any:
    """One example after the other."""
    if call.op.kind == "dynamic" and call.op.name != "masked_select":
        raise VmapError(f"vmap: {call.op.spoken} has a result whose shape depends on values, which may differ between examples. Use where, a mask, or compute it outside vmap")
    if call.op.name == "masked_select" and call.batched[1]:
        raise VmapError("vmap: selecting with a mask that differs between examples has results of different shapes. Use where(mask, x, 0) or masked_fill instead")
    if not call.size:
        raise VmapError(f"vmap: {call.op.spoken} has no batching rule and cannot run on an empty batch")
    if call.op.name not in _warned:
        _warned.add(call.op.name)
        warn_user(f"vmap: there is no batching rule for {call.op.spoken}; it runs on one example after the other, which is slow")
    take = REGISTRY["slice_view"]
    results = [call.run(*[apply(take, (value,), {"key": (k,)}) if flag else value for value, flag in zip(call.values, call.batched, strict=True)]) for k in range(call.size)]
    stack = REGISTRY["stack"]
    if call.op.outputs is not None:
        return tuple(apply(stack, column, {"dim": 0}) for column in zip(*results, strict=True))
    return apply(stack, results, {"dim": 0})


@rule("to_dtype", "to_integer", "to_device", "clone", "tril", "triu", "extend", "extend_adjoint", "draw_exponential")
def native(call: Call) -> Any:
    """Ops that leave dimensions before their own alone."""
    return call.run(*call.values)


def composed(call: Call, function: Callable[..., Any]) -> Any:
    """A rule that is a formula in other ops, read on examples."""
    return function(_methods.F, *call.inputs, **call.attrs)


def numel(shape: tuple[int, ...]) -> int:
    """The number of elements of a shape."""
    total = 1
    for n in shape:
        total *= n
    return total
