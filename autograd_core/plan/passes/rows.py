"""Sums along rows and columns as products with ones, maxima along rows by where they are. Reassociates.

The library adds up each short row for itself, at a cost per row; a product with ones runs over the whole matrix and is
3 to 20 times faster. So is looking for the place of each row's maximum, which only for zeros of both signs may give
another one. Sums over more than ``LONGEST`` elements keep the library's order, which rounds less.
"""

from __future__ import annotations

from math import prod
from types import SimpleNamespace
from typing import Any

from ...backend.registry import backend_for_device
from ..graph import Constant, Graph, Step, Value
from ..memory import flat

LONGEST = 1 << 14
"""Elements that are added up in a product at most."""


def rows(graph: Graph) -> int:
    """Rewrite such reductions; returns how many."""
    ones: dict[Any, Value] = {}
    count = 0
    steps: list[Step] = []
    for step in graph.steps:
        blocks = _blocks(step)
        if blocks is None:
            steps.append(step)
        else:
            steps += _sums(step, *blocks, ones) if step.name == "add.reduce" else _peaks(step, *blocks)
            count += 1
    graph.steps = steps
    return count


def _blocks(step: Step) -> tuple[int, int, int] | None:
    """How many elements are reduced first, kept, and reduced last, if a step is such a reduction."""
    if step.kind != "call" or step.name not in ("add.reduce", "maximum.reduce") or len(step.inputs) != 1 or not set(step.attrs) <= {"axis", "keepdims"}:
        return None
    x, output = step.inputs[0], step.outputs[0]
    if not isinstance(x, Value) or output is None or output.dtype != x.dtype or x.dtype.char not in "fd" or not x.shape or not x.nbytes or not flat(x) or output.root is not output:
        return None
    axis = step.attrs.get("axis", 0)
    axes = range(len(x.shape)) if axis is None else [each % len(x.shape) for each in (axis if isinstance(axis, tuple) else (axis,))]
    reduced = [i in axes for i in range(len(x.shape))]
    first = reduced.index(False) if False in reduced else len(reduced)
    last = len(reduced) - reduced[::-1].index(False) if first < len(reduced) else first
    before, kept, after = prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:])
    if any(reduced[first:last]) or kept < 2 or before * after < 2 or max(before, after) > LONGEST:
        return None
    return (before, kept, after) if step.name == "add.reduce" or before == 1 else None


def _value(dtype: Any, shape: tuple[int, ...], root: Value | None = None) -> Value:
    """A row-major value that a step will make."""
    strides = tuple(dtype.itemsize * prod(shape[i + 1 :]) for i in range(len(shape)))
    return Value(SimpleNamespace(shape=shape, dtype=dtype, strides=strides), root=root)


def _step(source: Step, name: str, function: Any, inputs: tuple[Any, ...], output: Value) -> Step:
    return Step(name, "call", function, inputs, {}, (output,), line=source.line, scope=source.scope, takes_out="" if output.root is not output else "out",
                part_of=source.part_of)


def _reshaped(step: Step, x: Value, shape: tuple[int, ...], steps: list[Step]) -> Value:
    if x.shape == shape:
        return x
    view = _value(x.dtype, shape, x)
    steps.append(_step(step, "reshape", reshape, (x, shape), view))
    return view


def _finished(step: Step, result: Value, steps: list[Step]) -> list[Step]:
    """Let the step's own output be the elements of ``result``."""
    output = step.outputs[0]
    assert output is not None
    if result.shape == output.shape:
        steps[-1].outputs = (output,)
    else:
        output.root = result
        steps.append(_step(step, "reshape", reshape, (result, output.shape), output))
    return steps


def _sums(step: Step, before: int, kept: int, after: int, ones: dict[Any, Value]) -> list[Step]:
    xp = backend_for_device("cpu").xp
    x = step.inputs[0]

    def one(count: int) -> Value:
        known = ones.get((count, x.dtype.char))
        if known is None:
            array = xp.ones(count, dtype=x.dtype)
            known = ones[count, x.dtype.char] = Value(array, Constant(array))
        return known

    steps: list[Step] = []
    if after > 1:
        matrix, x = _reshaped(step, x, (before * kept, after), steps), _value(x.dtype, (before * kept,))
        steps.append(_step(step, "dot", xp.dot, (matrix, one(after)), x))
    if before > 1:
        matrix, x = _reshaped(step, x, (before, kept), steps), _value(x.dtype, (kept,))
        steps.append(_step(step, "dot", xp.dot, (one(before), matrix), x))
    return _finished(step, x, steps)


def _peaks(step: Step, before: int, kept: int, after: int) -> list[Step]:
    x, starts = step.inputs[0], backend_for_device("cpu").xp.arange(0, kept * after, after)
    steps: list[Step] = []
    matrix, result = _reshaped(step, x, (kept, after), steps), _value(x.dtype, (kept,))
    steps.append(_step(step, "peaks", peaks, (matrix, Value(starts, Constant(starts))), result))
    return _finished(step, result, steps)


def reshape(array: Any, shape: tuple[int, ...]) -> Any:
    """A view in another shape."""
    return array.reshape(shape)


def peaks(matrix: Any, starts: Any, out: Any = None) -> Any:
    """The maximum of each row; ``starts`` are where the rows begin."""
    places = matrix.argmax(axis=1)
    places += starts
    return matrix.reshape(-1).take(places, out=out, mode="clip")
