"""State of optimizers that dies away: below the smallest normal number it becomes 0. Not exact.

Momentum of a weight that gets no gradient any more is multiplied by 0.9 in each step, and after 800 steps it is a subnormal
number, for good: rounded, 0.9 of the smallest is the smallest. Processors take about 150 cycles to multiply one, so a
few dead units double the time of a small step. A look at the state every 64th replay costs nothing beside that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...backend.registry import backend_for_device
from ..graph import Captured, Graph, Step, Value

CHUNK = 1 << 16
"""Elements that are looked at at once, so that a large state needs no memory for it."""


def underflow(graph: Graph) -> int:
    """Watch what is multiplied in place; returns how many arrays."""
    fading = dict.fromkeys(value for step in graph.steps for value in _fading(step))
    graph.steps[:0] = [Step("underflow", "rare", flushed, (value,), {}, (), writes=(value,)) for value in fading]
    return len(fading)


def _fading(step: Step) -> Iterator[Value]:
    if step.name == "multiply" and step.to_target and step.inputs[0] is step.writes[0]:
        value = step.writes[0]
        if value.origin.__class__ is Captured and value.dtype.char in "fd" and value.shape:
            yield value


def flushed(array: Any) -> None:
    """Set to 0 what is smaller than the smallest normal number."""
    xp = backend_for_device("cpu").xp
    smallest = xp.finfo(array.dtype).tiny
    if not array.flags.c_contiguous:
        array[abs(array) < smallest] = 0
        return
    flat = array.reshape(-1)
    for start in range(0, len(flat), CHUNK):
        part = flat[start : start + CHUNK]
        part[abs(part) < smallest] = 0
