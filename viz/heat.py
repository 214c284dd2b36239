"""How large gradients or activations are along a graph: colours, marks and a legend."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from . import theme
from .records import GraphRecord, Summary

VANISHING = 1e-4
EXPLODING = 1e4


@dataclass(frozen=True, slots=True)
class Heat:
    """Colours and marks by value id; ``low`` and ``high`` are the ends of the scale as text."""

    what: str
    low: str
    high: str
    colors: dict[str, str]
    marks: dict[str, list[str]]


def heat_of(record: GraphRecord, by: str) -> Heat:
    """Colour each value by the mean of its absolute gradient or activation, on a logarithmic scale.

    Marked are dead and saturated units, and gradients of parameters that are more than 10,000 times smaller (vanishing) or
    larger (exploding) than the median of those of as many dimensions, or not finite. Where the parameters that are used
    last differ as much from the median, they are what is compared with. ``by`` is ``"gradient"`` or ``"activation"``;
    raises ``ValueError`` for anything else, and where nothing was kept to colour by.
    """
    if by not in ("gradient", "activation"):
        raise ValueError(f"color={by!r}: expected 'gradient' or 'activation'")
    known: dict[str, Summary] = {}
    for value in record.values:
        summary = value.gradient if by == "gradient" else value.value
        if summary is not None and (by == "gradient" or value.role == "result"):
            known[value.id] = summary
    sizes = {identifier: summary.size for identifier, summary in known.items() if summary.size}
    if not known:
        missing = "call backward() first, inside record() for tensors" if by == "gradient" else "compute inside record()"
        raise ValueError(f"color={by!r}: the graph has kept no {by}s; {missing}")
    logs = {identifier: math.log10(size) for identifier, size in sizes.items()}
    low, high = (math.floor(min(logs.values())), math.ceil(max(logs.values()))) if logs else (0, 0)
    high = max(high, low + 1)
    colors = {}
    for identifier in known:
        share = (logs[identifier] - low) / (high - low) if identifier in logs else 0.0
        colors[identifier] = theme.HEAT[min(int(share * len(theme.HEAT)), len(theme.HEAT) - 1)]
    marks = {value.id: list(value.marks) for value in record.values if value.marks}
    if by == "gradient":
        _mark_gradients(record, known, sizes, marks)
    return Heat(f"mean |{by}|", f"1e{low}".replace("-", "−"), f"1e{high}".replace("-", "−"), colors, marks)


def _mark_gradients(record: GraphRecord, known: dict[str, Summary], sizes: dict[str, float], marks: dict[str, list[str]]) -> None:
    alike: dict[int, list[str]] = {}  # weights are compared with weights and biases with biases: those of weights are also as large as what they are applied to
    for value in record.values:
        if value.role == "leaf" and value.id in known:
            alike.setdefault(len(value.shape or ()), []).append(value.id)
    for parameters in alike.values():
        usual = _usual(record, {each: sizes.get(each, 0.0) for each in parameters})
        for identifier in parameters:
            summary, size = known[identifier], sizes.get(identifier, 0.0)
            broken = summary.nonfinite or (summary.elements is not None and summary.size is None)
            if broken:
                marks.setdefault(identifier, []).append("not finite")
            elif size == 0:
                marks.setdefault(identifier, []).append("zero gradient")
            elif size < usual * VANISHING:
                marks.setdefault(identifier, []).append("vanishing")
            elif size > usual * EXPLODING:
                marks.setdefault(identifier, []).append("exploding")


def _usual(record: GraphRecord, sizes: dict[str, float]) -> float:
    """What sizes are compared with: their median, unless those of the parameters that are used last differ from it by far.

    The backward pass begins there, where nothing has vanished or exploded yet: the others have.
    """
    usual = median([size for size in sizes.values() if size] or [1.0])
    last = _used_last(record, sizes)
    return usual if not last or usual * VANISHING <= last <= usual * EXPLODING else last


def _used_last(record: GraphRecord, sizes: dict[str, float]) -> float:
    """The largest size among the parameters of the last operation that has any."""
    used: dict[str, list[float]] = {}
    for edge in record.edges:
        if edge.source in sizes:
            used.setdefault(edge.target, []).append(sizes[edge.source])
    return next((max(used[op.id]) for op in reversed(record.ops) if op.id in used), 0.0)
