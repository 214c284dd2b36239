"""Tensors that leave a recording on another way than as its result, which a replay would not renew: found by who holds them.

When the function has returned, what it made should be gone but for results, gradients, and what these refer to. All of their
references are counted; what has more than those is held by somebody else: a list, an attribute, a function.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from sys import getrefcount
from typing import TYPE_CHECKING, Any

from ..node import Leaf, Node
from ..storage import TensorBase, View
from .errors import refusal
from .graph import Argument, Value, values_in

if TYPE_CHECKING:
    from .record import Recorder


def tensors_in(tree: Any) -> Iterator[Any]:
    """The Tensors in nested tuples, lists and dicts."""
    if isinstance(tree, TensorBase):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for each in tree:
            yield from tensors_in(each)
    elif isinstance(tree, dict):
        for each in tree.values():
            yield from tensors_in(each)


def refuse_escapes(recorder: Recorder, results: list[Any]) -> None:
    """Raise ``PlanError`` if something that was made inside is held outside; ``results`` has what the function returned."""
    if _found(recorder, results):
        gc.collect()  # functions that name themselves, and exceptions, keep what they saw until then
        found = _found(recorder, results)
        if found:
            raise found[-1]


def _found(recorder: Recorder, results: list[Any]) -> list[Exception]:
    """The errors for what is held outside, in the order in which it was made."""
    kept = [*tensors_in(results), *[leaf.grad for leaf in recorder.graph.gradients if leaf.grad is not None]]
    explained = _references(kept, recorder.started)
    given = {id(tensor._array) for tensor in recorder.arguments}
    values, objects = [], []
    for address, reference in recorder._alive.items():
        value = recorder._known[address]
        if address in given or not _made_inside(value):
            continue
        array = reference() if reference.__class__.__name__ == "ReferenceType" else reference
        if array is not None:
            values.append(value)
            objects.append(array)
            explained[address] += array is reference
    array = reference = None
    for tensor in {id(each): each for each in kept}.values():
        address = id(tensor._array)
        if address in recorder._known and address not in given and _made_inside(recorder._known[address]):
            values.append(recorder._known[address])
            objects.append(tensor)
    tensor = None
    kept.clear()
    counts = _counts(objects)
    held = {value for value, x, count in zip(values, objects, counts, strict=True) if count > ALONE + explained[id(x)]}
    return [_error(recorder, value) for value in recorder._known.values() if value in held]


def _made_inside(value: Value) -> bool:
    origin = value.root.origin
    return origin is None or (origin.__class__ is Argument and value.origin is None)


def _counts(objects: list[Any]) -> list[int]:
    return [getrefcount(x) for x in objects]


ALONE = _counts([object()])[0]
"""The references to what nobody but the list of objects holds."""


def _references(tensors: Iterable[Any], started: int) -> Counter[int]:
    """How many references there are to all that some tensors, each held once, refer to, by address; leaves made since ``started`` hold gradients too."""
    counts: Counter[int] = Counter()
    seen: set[int] = set()
    waiting = list(tensors)
    while waiting:
        x = waiting.pop()
        counts[id(x)] += 1
        if id(x) in seen:
            continue
        seen.add(id(x))
        if isinstance(x, (TensorBase, Node, View, tuple, list, dict)) or (isinstance(x, Leaf) and x.seq > started):
            waiting += gc.get_referents(x)
        elif getattr(x, "base", None) is not None and hasattr(x, "strides"):
            waiting.append(x.base)
    return counts


def _error(recorder: Recorder, value: Value) -> Exception:
    if any(value is gradient for gradient in recorder.graph.gradients.values()):
        return refusal(recorder.line(), f"the gradient of a tensor of shape {value.shape} is held outside when the function has returned",
                       "A replay would not put the new one there: read .grad after the call, or write into a tensor that is there already, kept.copy_(...)")
    step = next((step for step in recorder.graph.steps if any(each is value for each in values_in(step.outputs))), None)
    made = f", made by {step.name}," if step is not None else ""
    return refusal(recorder.line() if step is None else step.line, f"a tensor of shape {value.shape}{made} is held outside when the function has returned",
                   "A replay would not put a new one there: return it, or write it into a tensor that is there already, kept.copy_(...)")
