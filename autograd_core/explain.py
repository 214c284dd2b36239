"""An engine that answers: why is this gradient ``None`` or zero, and what keeps this graph alive?"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import Any

from .backend.registry import BY_TYPE
from .node import SPENT, Leaf
from .storage import TensorBase

__all__ = ["Explanation", "Holding", "explain", "what_holds"]


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` found: ``cause`` in a few words, for programs, and ``text`` for people."""

    cause: str
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def _array(tensor: Any) -> Any:
    return BY_TYPE[tensor._array.__class__].to_numpy(tensor._array)


def _nodes(root: Any) -> list[Any]:
    """The nodes behind ``root``, newest first, leaves included."""
    seen, waiting, order = {root}, [root], []
    while waiting:
        node = waiting.pop()
        order.append(node)
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(order, key=lambda node: node.seq, reverse=True)


def _called(tensor: Any, frame: Any) -> str:
    """What the user calls a tensor."""
    if getattr(tensor, "name", None):
        return repr(tensor.name)
    for scope in (frame.f_locals, frame.f_globals):
        for name, value in scope.items():
            if value is tensor and not name.startswith("_"):
                return repr(name)
    return f"this tensor {tuple(tensor.shape)}"


def explain(tensor: Any, loss: Any = None) -> Explanation:
    """Why the gradient of ``tensor`` is ``None`` or zero, and what to change.

    Parameters
    ----------
    tensor : the tensor whose ``.grad`` is not what was expected.
    loss : what ``backward()`` is or was called on. With it the path between the two is searched.

    ``cause`` of the answer is one of ``no grad``, ``not a leaf``, ``no path``, ``not reached``, ``never run``, ``dead relu``, ``saturated``,
    ``multiplied by zero``, ``zero`` and ``fine``.

    >>> import autograd_core as ag
    >>> w = ag.tensor([1.0], requires_grad=True)
    >>> loss = (w.detach() * 2).sum() + ag.tensor(1.0, requires_grad=True)
    >>> explain(w, loss).cause
    'no path'
    """
    name = _called(tensor, sys._getframe(1))
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"explain: expected a Tensor, got {type(tensor).__name__}")
    node = tensor._node
    if node is None:
        if tensor._array.dtype.kind not in "fc":
            return Explanation("no grad", f"{name} has the dtype {tensor._array.dtype}, and integers have no gradient. Convert it with .float() and call requires_grad_()")
        return Explanation("no grad", f"{name} asks for no gradient: requires_grad is False. It was made without requires_grad=True, or it is the result of detach(), .data, "
                                      "of an operation inside no_grad(), or of operations on tensors that ask for none. Call requires_grad_() before it is used")
    if loss is not None:
        found = _on_path(node, loss, name)
        if found is not None:
            return found
    gradient = node.grad if isinstance(node, Leaf) else node.retained
    if gradient is None:
        if not isinstance(node, Leaf):
            text = f"{name} is the result of {node.op.name}, not a leaf: backward() leaves gradients in leaves only. "
            text += f"Call {name.strip(chr(39))}.retain_grad() before backward(). A parameter that was moved or converted after requires_grad "
            return Explanation("not a leaf", text + "(Tensor(..., requires_grad=True).to(...), * 0.1) is such a result: convert first")
        reason = "no backward() has reached it yet. Pass the loss, explain(tensor, loss), to see whether a path leads to it"
        if loss is not None:
            reason = "backward() has not been called on the loss yet, or zero_grad(set_to_none=True) came after it"
        return Explanation("never run", f"{name} has no gradient: {reason}")
    if bool((_array(gradient) == 0).all()) if isinstance(gradient, TensorBase) else bool((gradient == 0).all()):
        return _zero(node, loss, name)
    return Explanation("fine", f"{name} has a gradient that is not zero")


def _on_path(node: Any, loss: Any, name: str) -> Explanation | None:
    root = loss._node
    if root is None:
        return Explanation("no path", "the loss has no graph: it was computed inside no_grad(), from .item(), .numpy() or float(), or from tensors that ask for no gradient")
    order = _nodes(root)
    if node in order:
        return None
    leaves = [leaf for leaf in order if isinstance(leaf, Leaf)]
    other = f" The loss does depend on {len(leaves)} other leaves"
    other += ", one of them of the same shape: was the tensor replaced by a new one?" if any(leaf.shape == node.shape for leaf in leaves) else "."
    return Explanation("no path", f"no path leads from the loss to {name}: it was never used for this loss, or the path was cut by detach(), .data, no_grad(), a cast to "
                                  f"integers, argmax, a comparison, or by reading numbers (.item(), float(), .numpy(), .tolist()).{other}")


def _zero(node: Any, loss: Any, name: str) -> Explanation:
    """Why a gradient that exists is zero everywhere."""
    behind = [] if loss is None or loss._node is None else [each for each in _nodes(loss._node) if not isinstance(each, Leaf)]
    for each in behind:
        op = each.op.name
        if op == "mul" and isinstance(each.saved, tuple) and any(hasattr(part, "dtype") and not bool(part.any()) for part in each.saved):
            return Explanation("multiplied by zero", f"the gradient of {name} is zero because a product {tuple(each.shape)} has a factor that is zero everywhere")
        if each.saved is SPENT or not each.saved:
            value = each.value
        else:
            value = each.saved[0]
        if value is None or not hasattr(value, "dtype"):
            continue
        array = BY_TYPE[value.__class__].to_numpy(value)
        if op in ("relu", "relu6", "clamp", "hardtanh", "threshold") and bool((array <= 0).all()):
            text = f"the gradient of {name} is zero because every element that went into {op} {tuple(each.shape)} is negative, where {op} is constant. "
            return Explanation("dead relu", text + "Lower the learning rate, initialise anew, or use leaky_relu or gelu")
        if op in ("sigmoid", "tanh") and bool((abs(array) > 0.9999).all() if op == "tanh" else ((array < 1e-4) | (array > 1 - 1e-4)).all()):
            text = f"the gradient of {name} is zero because {op} {tuple(each.shape)} is saturated: its inputs are so large that its slope vanishes. "
            return Explanation("saturated", text + "Scale inputs or weights down, normalise, or use a loss that takes logits")
    note = "" if behind and behind[0].saved is not SPENT else " Pass the loss, after backward(retain_graph=True), to see which operation it was."
    return Explanation("zero", f"the gradient of {name} is zero everywhere: a rounding on the way (floor, round, sign), a mask, a weight of 0, or a stationary point.{note}")


# --- what keeps a graph alive -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holding:
    """What :func:`what_holds` found."""

    nodes: int
    bytes: int
    by_op: dict[str, int]
    names: tuple[str, ...]
    steps: bool

    def __str__(self) -> str:
        largest = ", ".join(f"{op} {n:,} bytes" for op, n in sorted(self.by_op.items(), key=lambda pair: -pair[1])[:5]) or "nothing saved"
        held = ", ".join(self.names) or "no variable that could be found"
        text = f"{self.nodes} nodes keep {self.bytes:,} bytes alive ({largest}). Held by: {held}"
        if self.steps:
            text += ". The same operations repeat many times in a chain: a running total keeps the graph of every step. Add .item() or .detach(), as in total += loss.item()"
        return text

    __repr__ = __str__


def what_holds(tensor: Any) -> Holding:
    """Which variables and tensors keep the graph behind ``tensor`` alive, and how many bytes its nodes have saved.

    >>> import autograd_core as ag
    >>> w = ag.ones(1000, requires_grad=True)
    >>> loss = (w * w).sum()
    >>> what_holds(loss).bytes >= 4000
    True
    """
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"what_holds: expected a Tensor, got {type(tensor).__name__}")
    if tensor._node is None:
        return Holding(0, 0, {}, (), False)
    nodes = _nodes(tensor._node)
    owners: set[int] = set()
    by_op: dict[str, int] = {}
    additions = 0
    for node in nodes:
        if isinstance(node, Leaf):
            continue
        additions += node.op.name == "add" and node.shape == ()
        for value in node.saved if isinstance(node.saved, tuple) else ():
            for array in value if isinstance(value, tuple) else (value,):
                if not hasattr(array, "__setitem__"):
                    continue
                owner = BY_TYPE[array.__class__].owner(array)
                if id(owner) not in owners:
                    owners.add(id(owner))
                    by_op[node.op.name] = by_op.get(node.op.name, 0) + int(owner.nbytes)
    members = set(nodes)
    names = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        for name, value in frame.f_locals.items():
            if isinstance(value, TensorBase) and value._node in members and not isinstance(value._node, Leaf) and not name.startswith("__"):
                names.append(f"{name} ({frame.f_code.co_name})")
            elif isinstance(value, (list, tuple, set, dict)) and not name.startswith("__"):
                inside = list(value.values()) if isinstance(value, dict) else list(value)
                count = sum(isinstance(each, TensorBase) and each._node in members and not isinstance(each._node, Leaf) for each in inside)
                if count:
                    names.append(f"{name} ({frame.f_code.co_name}, {count} tensors in a {type(value).__name__})")
        frame = frame.f_back
    names += _attributes(members)
    return Holding(len(nodes), sum(by_op.values()), by_op, tuple(dict.fromkeys(names)), additions >= 8)


def _attributes(members: set[Any]) -> list[str]:
    """Objects that hold a result of the graph in an attribute."""
    found = []
    for holder in gc.get_objects():
        kind = type(holder)  # nothing is asked of the object itself, which may answer with code of its own
        if issubclass(kind, (TensorBase, type(sys), type)):
            continue
        try:
            attributes = object.__getattribute__(holder, "__dict__")
        except (AttributeError, TypeError):
            continue
        if type(attributes) is not dict:
            continue
        for name, value in list(attributes.items()):
            if issubclass(type(value), TensorBase) and value._node in members and not isinstance(value._node, Leaf):
                found.append(f"{kind.__name__}.{name}")
    return found
