"""Stated algebra. Exact: the rules hold for every bit pattern but the sign and payload of NaNs.

- ``x * 1``, ``x / 1``, ``x - 0`` and ``-(-x)`` are ``x``;
- ``x + (-y)`` is ``x - y``, and ``x - (-y)`` is ``x + y``;
- ``x / c`` is ``x * (1 / c)`` where the number ``c`` is a power of two.

Nothing else is rewritten: ``x + 0`` is not ``x`` for -0, ``x * 0`` is not 0 for infinity, and sums keep their order.
"""

from __future__ import annotations

from math import frexp
from typing import Any

from ...backend.registry import backend_for_device
from ..graph import Constant, Graph, Step, Value, replaced


def simplify(graph: Graph) -> int:
    """Remove or rewrite such calls; returns how many."""
    written = {value.root for step in graph.steps for value in step.writes}
    kept = {value.root for value in graph.kept()}
    same: dict[Value, Value] = {}
    maker: dict[Value, Step] = {}
    rewritten = 0
    steps = []
    for step in graph.steps:
        step.inputs = replaced(step.inputs, lambda value: same.get(value, value))
        output = step.outputs[0] if len(step.outputs) == 1 else None
        source = _unchanged(step, maker) if step.kind == "call" and step.elementwise and not step.writes and output is not None else None
        alone = output is not None and output.root is output and output not in written and output not in kept
        private = source is not None and not source.external and source.root not in written  # memory from outside may be written under another name
        if source is not None and output is not None and alone and private and _looks_like(source, output):
            same[output] = source
            continue
        if output is not None and output.shape and step.kind == "call" and step.elementwise and not step.writes:
            rewritten += _rewrite(step, maker, written)
        for value in step.outputs:
            if value is not None:
                if value.root in same:
                    value.root = same[value.root].root
                maker[value] = step
        steps.append(step)
    removed = len(graph.steps) - len(steps)
    graph.steps = steps
    return removed + rewritten


def _rewrite(step: Step, maker: dict[Value, Step], written: set[Value]) -> bool:
    """Let a sum or difference take what an operand is the negative of, and a division by a power of two be a product."""
    if len(step.inputs) != 2 or step.attrs:
        return False
    xp = backend_for_device("cpu").xp
    left, right = step.inputs
    if step.name in ("add", "subtract") and isinstance(right, Value):
        inner = maker.get(right)
        source = inner.inputs[0] if inner is not None and inner.name == "negative" else None
        if not isinstance(source, Value) or source.external or source.root in written or right.root in written or source.shape != right.shape:
            return False
        step.name = "subtract" if step.name == "add" else "add"
        step.function, step.inputs = getattr(xp, step.name), (left, source)
        return True
    value = step.outputs[0]
    if step.name in ("divide", "true_divide") and right.__class__ in (int, float) and value is not None and value.dtype.char in "fd" and isinstance(left, Value):
        mantissa, exponent = frexp(right)
        if mantissa == 0.5 and abs(exponent) <= 60 and right != 1 and left.dtype == value.dtype:
            step.name, step.function, step.inputs = "multiply", xp.multiply, (left, 1.0 / right)
            return True
    return False


def _looks_like(a: Value, b: Value) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.strides == b.strides


def _unchanged(step: Step, maker: dict[Value, Step]) -> Value | None:
    """The operand that the result equals."""
    if step.name == "negative" and isinstance(step.inputs[0], Value):
        inner = maker.get(step.inputs[0])
        return inner.inputs[0] if inner is not None and inner.name == "negative" and isinstance(inner.inputs[0], Value) else None
    if len(step.inputs) != 2:
        return None
    left, right = step.inputs
    if step.name == "multiply" and _is(left, 1) and isinstance(right, Value):
        return right
    if isinstance(left, Value) and ((step.name in ("multiply", "divide", "true_divide") and _is(right, 1)) or (step.name == "subtract" and _is(right, 0))):
        return left
    return None


def _is(x: Any, number: int) -> bool:
    """Whether an operand is that number throughout."""
    if isinstance(x, Value):
        if not isinstance(x.origin, Constant) or not hasattr(x.origin.array, "ravel"):
            return False
        array = x.origin.array
        one = array[(0,) * array.ndim] if array.size and all(stride == 0 or size == 1 for stride, size in zip(x.strides, x.shape, strict=True)) else None
        return one is not None and _is(one.item(), number)
    return x.__class__ in (int, float) and x == number and str(x)[0] != "-"
