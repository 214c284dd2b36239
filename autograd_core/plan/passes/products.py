"""Products of three that begin with a product that is there: ``x·(y·z)`` as ``(x·y)·z``. Rounds in another order.

Derivatives have them: of ``x·sigmoid(y)``, say, where both factors' rules meet the product itself again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..graph import Graph, Step, Value


def products(graph: Graph) -> int:
    """Rewrite them; returns how many. What made ``y·z`` is left without a reader, for ``dead``."""
    written = {value.root for step in graph.steps for value in step.writes}
    readers = Counter(value for step in graph.steps for value in dict.fromkeys(step.reads()))
    readers.update(graph.kept())
    maker: dict[Value, Step] = {}
    known: dict[frozenset[Any], Value] = {}
    count = 0
    for step in graph.steps:
        if not _multiplies(step, written):
            continue
        better = next((pair for i in (0, 1) for pair in _better(step.inputs[i], step.inputs[1 - i], maker, known, readers)), None)
        if better is not None:
            step.inputs = better
            count += 1
        output = step.outputs[0]
        assert output is not None
        maker[output] = step
        known.setdefault(frozenset(step.inputs), output)
    return count


def _multiplies(step: Step, written: set[Value]) -> bool:
    """Whether a step multiplies two arrays of its result's shape that nobody writes to."""
    if step.name != "multiply" or step.kind != "call" or not step.elementwise or step.writes:
        return False
    (output,) = step.outputs
    alike = [x for x in (*step.inputs, output) if isinstance(x, Value) and x.root not in written and output is not None and (x.shape, x.dtype) == (output.shape, output.dtype)]
    return len(alike) == 3 and bool(alike[0].shape) and alike[0].dtype.char in "fd"


def _better(x: Value, product: Value, maker: dict[Value, Step], known: dict[frozenset[Any], Value], readers: Counter[Value]) -> list[tuple[Value, Value]]:
    made = maker.get(product)
    if made is None or readers[product] > 1:
        return []
    return [(known[frozenset((x, y))], z) for y, z in (made.inputs, made.inputs[::-1]) if frozenset((x, y)) in known]
