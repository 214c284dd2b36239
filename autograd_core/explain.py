"""An engine that answers: why is this gradient ``None`` or zero, and what keeps this graph alive?"""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .backend.registry import BY_TYPE
from .cuts import reads
from .node import SPENT, Leaf
from .storage import TensorBase
from .vanishing import blocked

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


def _frames(frame: Any) -> Iterator[tuple[str, Any]]:
    """The variables of the caller and of those that called it, innermost first; module globals last."""
    outermost = frame
    while frame is not None:
        yield from list(frame.f_locals.items())
        outermost, frame = frame, frame.f_back
    yield from list(outermost.f_globals.items())


def _called(tensor: Any, frame: Any) -> str:
    """What the user calls a tensor: its place in a module that a variable holds, its name, or its variable."""
    for name, value in _frames(frame):
        if getattr(type(value), "named_parameters", None) is not None and name != "self":
            for path, parameter in value.named_parameters():
                if parameter is tensor:
                    return repr(f"{name}.{path}")
    if getattr(tensor, "name", None):
        return repr(tensor.name)
    for name, value in _frames(frame):
        if value is tensor and name.isidentifier() and not name.startswith("_"):
            return repr(name)
    return f"this tensor {tuple(tensor.shape)}"


def _variable(seq: int, frame: Any) -> str | None:
    """The variable that still holds the result that was numbered ``seq``."""
    return next((name for name, value in _frames(frame) if isinstance(value, TensorBase) and value._node is not None and value._node.seq == seq and not name.startswith("_")), None)


def explain(tensor: Any, loss: Any = None) -> Explanation:
    """Why the gradient of ``tensor`` is ``None`` or zero, where its path was cut, and what to change.

    Parameters
    ----------
    tensor : the tensor whose ``.grad`` is not what was expected.
    loss : what ``backward()`` is or was called on. With it the path between the two is searched, and where the gradient
        is zero the ops that let nothing through are found; that needs the graph, so call it before ``backward()``, after
        ``backward(retain_graph=True)``, or on a graph recorded inside ``record()``.

    What was computed inside ``autograd.detect_anomaly()`` is named with its source lines, and numbers that were read there
    (``float()``, ``.item()``, ``.numpy()``) are listed as suspects. ``cause`` of the answer is one of ``no grad``, ``not a leaf``,
    ``no path`` (cut), ``never used``, ``not in an optimizer``, ``never run``, ``dead relu``, ``saturated``, ``multiplied by zero``, ``masked``, ``zero`` and ``fine``.

    >>> import autograd_core as ag
    >>> w = ag.tensor([1.0], requires_grad=True)
    >>> loss = (w.detach() * 2 * ag.tensor(1.0, requires_grad=True)).sum()
    >>> print(explain(w, loss))
    no path leads from the loss to 'w': it was cut by detach() of the leaf (1,) ('w'), which is 'w' itself. Use the tensor itself, without detach()
    """
    frame = sys._getframe(1)
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"explain: expected a Tensor, got {type(tensor).__name__}")
    name = _called(tensor, frame)
    node = tensor._node
    if node is None:
        return _without_gradient(tensor, name)
    if loss is not None:
        if not isinstance(loss, TensorBase):
            hint = ": a number has no graph. Keep the tensor it was read from" if isinstance(loss, float) else ""
            raise TypeError(f"explain: expected loss to be a Tensor, got {type(loss).__name__}{hint}")
        found = _on_path(node, loss, name, frame)
        if found is not None:
            return found
    gradient = node.grad if isinstance(node, Leaf) else node.retained
    if gradient is None:
        return _missing(tensor, node, loss, name)
    largest = float(abs(_array(gradient) if isinstance(gradient, TensorBase) else gradient).max()) if math.prod(gradient.shape) else 0.0
    if largest <= 1e-6:
        found = _vanishing(node, loss, name, largest)
        if found is not None:
            return found
    if largest <= 1e-6:
        return Explanation("fine", f"{name} has a gradient that is small, at most {largest:.2g}, but not zero")
    text = f"{name} has a gradient that is not zero{_empty_rows(gradient)}"
    optimizers = _optimizers(frame)
    if optimizers and isinstance(node, Leaf) and not any(_updates(each, tensor) for each in optimizers.values()):
        listed, first = ", ".join(map(repr, optimizers)), next(iter(optimizers))
        return Explanation("not in an optimizer", f"{text}, but no optimizer among the variables ({listed}) has it among its parameters, so step() leaves it as it is: "
                                                  "it was left out, or made after the optimizer. Make the optimizer after the parameters have their final type and place, "
                                                  f"or add it: {first}.add_param_group({{'params': [...]}})")
    return Explanation("fine", text)


def _optimizers(frame: Any) -> dict[str, Any]:
    """The optimizers that the user's variables hold, by name."""
    found: dict[int, tuple[str, Any]] = {}
    for name, value in _frames(frame):
        if isinstance(getattr(value, "__dict__", {}).get("param_groups"), list):
            found.setdefault(id(value), (name, value))
    return dict(found.values())


def _updates(optimizer: Any, tensor: Any) -> bool:
    return any(parameter is tensor for group in optimizer.param_groups for parameter in group["params"])


def _empty_rows(gradient: Any) -> str:
    """Words about the rows of a gradient that are zero throughout."""
    array = _array(gradient) if isinstance(gradient, TensorBase) else gradient
    if array.ndim < 2:
        return ""
    empty = int((array.reshape(len(array), -1) == 0).all(1).sum())
    return f", except in {empty} of its {len(array)} rows: dead units, or indices that did not occur" if empty else ""


def _without_gradient(tensor: Any, name: str) -> Explanation:
    cut = None if tensor._view is None else tensor._view.cut
    if cut is not None:
        return Explanation("no grad", f"{name} asks for no gradient: it was cut from a graph by {cut}{_remedy(cut)}")
    if tensor._array.dtype.kind not in "fc":
        return Explanation("no grad", f"{name} has the dtype {tensor.dtype.name}, and integers have no gradient. Convert it with .float() and call requires_grad_()")
    if getattr(tensor, "_frozen", (None, None))[0] is not None:
        return Explanation("no grad", f"{name} was frozen by requires_grad_(False). Call requires_grad_() before it is used")
    return Explanation("no grad", f"{name} asks for no gradient: requires_grad is False. It was made without requires_grad=True, from numbers (.item(), .tolist(), .numpy()), "
                                  "or by operations on tensors that ask for none. Call requires_grad_() before it is used")


def _missing(tensor: Any, node: Any, loss: Any, name: str) -> Explanation:
    """Why no gradient has arrived although nothing stands in its way."""
    if not isinstance(node, Leaf):
        variable = name.strip("'") if name.startswith("'") else "it"
        line = f" at {node.line}" if node.line else ""
        return Explanation("not a leaf", f"{name} is the result of {node.op.spoken}{line}, not a leaf: backward() leaves gradients in leaves only. "
                                         f"Call {variable}.retain_grad() before backward(). A parameter that was moved, converted or changed after requires_grad "
                                         "(Tensor(..., requires_grad=True).to(...), * 0.1, "
                                         f"{variable} = {variable} - step) is such a result: convert first, and update in place inside no_grad()")
    if loss is None:
        return Explanation("never run", f"{name} has no gradient: no backward() has reached it yet. Pass the loss, explain(tensor, loss), to see whether a path leads to it")
    if any(each.saved is SPENT for each in _nodes(loss._node) if not isinstance(each, Leaf)):
        return Explanation("never run", f"{name} has no gradient although backward() has run: it was cleared afterwards (zero_grad(), .grad = None), "
                                        "or backward(inputs=...) left it out")
    return Explanation("never run", f"{name} has no gradient: a path leads to it, but backward() has not been called on the loss yet, or the gradient was cleared (zero_grad())")


# --- where the path was cut ---------------------------------------------------------------------------------------


_REMEDIES = (("detach()", "Use the tensor itself, without detach()"), (".data", "Use the tensor itself instead of .data"),
             ("a cast to integers", "Keep floating-point numbers; what rounds can pass the gradient straight through: x + (x.round() - x).detach()"),
             ("a copy", "tensor(x) and Tensor(x) copy numbers: use x itself, and stack or cat to put tensors together"),
             ("Parameter()", "Parameter(x) makes a new leaf of the numbers of x: keep x itself where gradients are to flow on to what it was computed from"),
             ("inference_mode()", "Compute it outside inference_mode()"), ("a tensor made out of a list", "Use stack() or cat()"),
             ((".item()", "float()", ".tolist()", ".numpy()", "int()"), "Compute the loss with the tensor itself, not with the numbers in it"),
             ("argm", "Indices have no derivative: use softmax weights, or index the values themselves"))


def _remedy(cut: Any) -> str:
    words = next((words for start, words in _REMEDIES if cut.how.startswith(start)), None)
    if words is None and "no_grad()" in cut.how:
        words = "Compute it outside no_grad()"
    elif words is None and "no derivative" in cut.how:
        words = "Use a smooth function in its place (softmax, sigmoid), or where() on the values"
    return f". {words}" if words else ""


def _on_path(node: Any, loss: Any, name: str, frame: Any) -> Explanation | None:
    """What stands between the loss and the tensor; ``None`` where a path leads there."""
    root = loss._node
    order = [] if root is None else _nodes(root)
    if node in order:
        return None
    marks = [cut for each in order for cut in each.cuts or ()]
    if loss._view is not None and loss._view.cut is not None:
        marks.append(loss._view.cut)
    marks = [cut for cut in dict.fromkeys(marks) if _may_hide(cut.sources, node)]
    known = {each.seq for each in order}
    end = math.inf if root is None else root.seq
    watched = root is None or root.leaf or root.line  # else the log tells of something else
    suspects = [each for each in reads() if watched and each.seq < end and _may_hide(each.sources, node) and not any(source.seq in known for source in each.sources)]
    text = f"no path leads from the loss to {name}: "
    if root is None:
        text = f"the loss has no graph, so nothing leads to {name}: "
    sure = next((cut for cut in (*marks, *suspects) if any(_leads(source, node, frame) for source in cut.sources)), None)
    if sure is not None:
        itself = any(source.seq == node.seq for source in sure.sources)
        verb = "cut by" if sure in marks else "read as numbers by"
        which = f", which is {name} itself" if itself else f", which {name} leads to"
        return Explanation("no path", f"{text}it was {verb} {_with_variable(sure, frame)}{which}{_remedy(sure)}")
    if marks or suspects:
        listed = [f"cut by {_with_variable(cut, frame)}" for cut in marks[:3]] + [f"read as numbers by {each}" for each in suspects[-3:]]
        return Explanation("no path", f"{text}values that the loss was computed from were {'; '.join(listed)}. If {name} leads there, that is the place"
                                      f"{_remedy((marks or suspects)[0])}")
    if root is None:
        return Explanation("no path", f"{text}it was computed from numbers (.item(), float(), .numpy(), .tolist()), or from tensors that ask for no gradient. "
                                      "Compute inside autograd.detect_anomaly() and ask again to see which numbers were read")
    leaves = [leaf for leaf in order if isinstance(leaf, Leaf)]
    held = [each for each, optimizer in _optimizers(frame).items() if any(parameter._node is node for group in optimizer.param_groups for parameter in group["params"])]
    other = f" The loss does depend on {len(leaves)} other {'leaf' if len(leaves) == 1 else 'leaves'}"
    same = next((leaf for leaf in leaves if leaf.shape == node.shape), None)
    if same is None:
        other += "."
    else:
        label = f" ({same.name!r})" if same.name else ""
        other += f", {'one of them' if len(leaves) > 1 else 'which is'}{label} of the same shape: was the tensor replaced by a new one?"
        if held:
            other += f" The optimizer {held[0]!r} still has the old one: make it after the model has been moved, converted or changed."
    hint = "" if getattr(root, "line", None) else ", or only as a number (.item(), float(), .numpy()), which inside autograd.detect_anomaly() would be listed here"
    return Explanation("never used", f"{text}it was never used for this loss{hint}.{other}")


def _may_hide(sources: Any, node: Any) -> bool:
    """Whether what was cut off or read may have led to ``node``: it is not older, and where its leaves are known, ``node`` is among them."""
    return not sources or any(source.seq >= node.seq and (source.leaves is None or not isinstance(node, Leaf) or node.seq in source.leaves) for source in sources)


def _leads(source: Any, node: Any, frame: Any) -> bool:
    """Whether what was cut off certainly led to ``node``: by the leaves that anomaly mode notes, or because a variable still holds it."""
    if source.seq == node.seq or (source.leaves is not None and node.seq in source.leaves):
        return True
    held = next((value._node for _, value in _frames(frame) if isinstance(value, TensorBase) and value._node is not None and value._node.seq == source.seq), None)
    return held is not None and node in _nodes(held)


def _with_variable(cut: Any, frame: Any) -> str:
    """A cut or read in words, with the variable that holds what it was cut from."""
    names = [name for name in (_variable(source.seq, frame) for source in cut.sources if source.name is None) if name]
    return f"{cut} ({', '.join(map(repr, dict.fromkeys(names)))})" if names and not cut.line else str(cut)


# --- where the gradient vanishes ----------------------------------------------------------------------------------


def _vanishing(node: Any, loss: Any, name: str, largest: float) -> Explanation | None:
    """Why a gradient that exists is zero everywhere, or nearly so; ``None`` if nothing strange was found about a small one."""
    amount = "zero everywhere" if not largest else f"at most {largest:.2g}"
    found = None if loss is None else blocked(_nodes(loss._node), loss, node)
    if found:
        worst = min(found, key=lambda each: each.share)
        others = [each for each in found if each is not worst and each.cause != worst.cause]
        more = f". Also, {others[0].text}" if others else f". {len(found) - 1} more operations let as little through" if len(found) > 1 else ""
        return Explanation(worst.cause, f"the gradient of {name} is {amount}: {worst.text}{more}")
    if largest:
        return None
    if loss is None:
        return Explanation("zero", f"the gradient of {name} is zero everywhere. Pass the loss, explain(tensor, loss), to see which operation lets nothing through")
    if found is None:
        return Explanation("zero", f"the gradient of {name} is zero everywhere: a rounding on the way (floor, round, sign), a mask, dead or saturated units, "
                                   "a weight of 0, a stationary point, or zero_grad(set_to_none=False) after backward(). Call backward(retain_graph=True), "
                                   "or compute the loss inside autograd_core.record(), to see which operation it was")
    return Explanation("zero", f"the gradient of {name} is zero everywhere: contributions of several uses cancel (x - x), or a hook or zero_grad() set it to zero")


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
