"""Anomaly mode's watch over graphs that grow from step to step: ``total += loss``, lists of losses, a state that is never detached.

Two signs, looked at when a backward pass begins, each counted by the source line of its root and only over passes whose root
was recorded after the pass before it, so that many losses of one step are one step:

- the roots of earlier passes, whose graphs were released and can serve no gradient any more, are still alive;
- the graph reaches back into earlier steps, and is larger than it was at each of the passes before.
"""

from __future__ import annotations

import inspect
import sys
import warnings
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from .backend.registry import BY_TYPE
from .config import user_line
from .node import next_seq
from .storage import TensorBase

STEPS = 16
"""How many steps a graph must have grown over."""


class _Passed:
    """Noted on the root of a pass that released its graph; lives as long as that node."""

    __slots__ = ("__weakref__",)


class _Passes:
    """What is known of the passes from one line."""

    def __init__(self) -> None:
        self.last = 0
        self.kept: list[Any] = []
        self.size = self.grown = 0


_PASSES: dict[str, _Passes] = {}
_warned: set[str] = set()


def note_pass(outputs: list[Any], retain_graph: bool) -> None:
    """A backward pass from ``outputs`` is about to begin, in anomaly mode and without ``create_graph``."""
    root = max([output._node for output in outputs], key=lambda node: node.seq)
    line = None if root.leaf else root.line
    if line is None or line in _warned:
        return
    passes = _PASSES.setdefault(line, _Passes())
    nodes = _reach([root])
    if root.seq > passes.last:
        passes.kept = [reference for reference in passes.kept if reference() is not None]
        if not retain_graph:
            token = root.passed = _Passed()
            passes.kept.append(weakref.ref(token))
        carried = any(node.seq < passes.last for node in nodes)
        passes.grown = passes.grown + 1 if carried and len(nodes) > passes.size else 0
        passes.size = len(nodes)
    earlier, passes.last = passes.last, next_seq()
    if len(passes.kept) > STEPS:
        _warn(line, _kept_text(outputs[0], len(passes.kept) - 1))
    elif passes.grown >= STEPS:
        _warn(line, _grown_text(outputs[0], nodes, earlier, passes.grown))


def _warn(line: str, text: str) -> None:
    _warned.add(line)
    del _PASSES[line]
    frame = sys._getframe(1)
    while frame.f_back is not None and _internal(frame):
        frame = frame.f_back
    warnings.warn_explicit(text, UserWarning, frame.f_code.co_filename, frame.f_lineno)


def _internal(frame: Any) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] in ("autograd_core", "nn", "optim")


def _reach(nodes: Iterable[Any]) -> set[Any]:
    """The nodes behind some nodes, and those themselves, without leaves."""
    found = {node for node in nodes if not node.leaf}
    waiting = list(found)
    while waiting:
        for parent in waiting.pop().parents:
            if parent is not None and not parent.leaf and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def _size(nodes: set[Any]) -> str:
    """How many nodes, and the bytes that they and what they saved take."""
    owners: dict[int, int] = {}
    for node in nodes:
        for value in node.saved if isinstance(node.saved, tuple) else ():
            for each in value if isinstance(value, tuple) else (value,):
                if hasattr(each, "__setitem__") and hasattr(each, "dtype"):
                    owner = BY_TYPE[each.__class__].owner(each)
                    owners[id(owner)] = int(getattr(owner, "nbytes", each.nbytes))
    return f"{len(nodes):,} nodes, {sum(owners.values()) + sum(map(sys.getsizeof, nodes)):,} bytes"


# --- in words -----------------------------------------------------------------------------------------------------


def _variables() -> Iterator[tuple[str, Any]]:
    """The user's variables and the attributes of the objects in them, the innermost function first."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if not _internal(frame):
            variables = frame.f_locals
            found = list(variables.items())
            if isinstance(variables, dict) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
                variables.clear()  # before Python 3.13 a function's frame keeps this copy of its variables, which would keep tensors alive
            for name, value in found:
                if name.startswith("_"):
                    continue
                yield name, value
                for attribute, inner in _attributes(value):
                    yield f"{name}.{attribute}", inner
        frame = frame.f_back


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """What an object has in its ``__dict__``; nothing is asked of the object itself, which may answer with code of its own."""
    if issubclass(type(value), (type, type(sys), TensorBase)):
        return []
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return []
    return list(attributes.items()) if type(attributes) is dict else []


def _tensors_in(value: Any) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else (value,)
    return [each for each in inside if isinstance(each, TensorBase) and each._node is not None]


def _name_of(tensor: Any) -> str:
    """What the user calls the tensor that a pass starts from."""
    return next((name for name, value in _variables() if value is tensor), "loss")


def _kept_text(loss: Any, steps: int) -> str:
    """The warning for roots that are kept: who keeps them, where, how much, what to write instead."""
    term = _name_of(loss)
    for name, value in _variables():
        tensors = _tensors_in(value)
        nodes = _reach([each._node for each in tensors])
        if sum(node.passed is not None for node in nodes) < STEPS:
            continue
        if isinstance(value, TensorBase):
            place = f", computed at {value._node.line}" if not value._node.leaf and value._node.line else ""
            rewrite = f"{name} += {term}.item(), or {name} += {term}.detach() to stay a tensor"
        elif isinstance(value, dict):
            key = next(key for key, each in value.items() if isinstance(each, TensorBase) and each._node is not None)
            inner = value[key]._node
            place = f", computed at {inner.line}" if not inner.leaf and inner.line else ""
            name = f"{name}[{key!r}]" if len(tensors) == 1 else name
            rewrite = f"{term}.item(), or {term}.detach() to stay a tensor, in its place"
        else:
            place = ""
            rewrite = f"{name}.append({term}.item()), or .append({term}.detach()) to keep tensors" if isinstance(value, list) else f"{term}.item() or {term}.detach()"
        return (f"{name!r}{place} keeps the graphs of {steps} earlier steps alive, which have been through backward() already: {_size(nodes)}, more with every step. "
                f"Keep the number, not the graph: {rewrite}")
    return (f"something keeps the graphs of {steps} earlier steps alive, which have been through backward() already, and it grows with every step. "
            f"Where {term} is kept for later, keep {term}.item() or {term}.detach(); what_holds({term}) names who holds a graph")


def _grown_text(root: Any, nodes: set[Any], earlier: int, steps: int) -> str:
    """The warning for a graph that reaches back into earlier steps."""
    name = _name_of(root)
    doors = [node for node in nodes if node.seq > earlier and any(parent is not None and not parent.leaf and parent.seq < earlier for parent in node.parents)]
    place = min(doors, key=lambda node: node.seq).line if doors else None
    through = f" The value of an earlier step comes in at {place}." if place else ""
    carriers = [other for other, value in _variables() if isinstance(value, TensorBase) and value is not root and value._node is not None
                and any(node.seq < earlier for node in _reach([value._node]))]
    carried = f" ({', '.join(dict.fromkeys(carriers))} reach back there too)" if carriers else ""
    state = carriers[0] if carriers else "state"
    number = f"total += {name if name != 'total' else 'loss'}.item()"
    return (f"the graph of {name!r} has grown over {steps} steps and goes back into all of them: {_size(nodes)} at {user_line()}.{through}{carried} "
            f"For a running total keep the number, {number}; for a state that is carried to the next step, cut it: {state} = {state}.detach()")
