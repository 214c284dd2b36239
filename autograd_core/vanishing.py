"""Where a gradient dies: the backward pass once more, without leaving anything behind, and what each op lets through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .backend.registry import BY_TYPE
from .engine import RAW
from .node import SPENT, Leaf, Packed, pull_output

__all__ = ["Blocked", "blocked", "place"]

_DEAD = frozenset(("relu", "relu6", "threshold", "hardswish", "hardshrink", "softshrink", "elu", "celu", "selu"))
_BOUNDED = frozenset(("clamp", "hardtanh", "hardsigmoid"))
_SATURATED = frozenset(("sigmoid", "tanh", "softmax_along", "log_softmax_along", "erf", "softsign", "logsigmoid", "softplus"))
_PRODUCTS = frozenset(("mul", "matmul", "linear", "contract", "convolution", "div"))
_STEPS = frozenset(("round", "floor", "ceil", "trunc", "sign", "heaviside", "fmod", "remainder"))
_CHOICES = frozenset(("where", "masked_fill", "slice_view", "slice_place", "slice_write", "index", "index_write", "index_select", "gather", "amax", "amin", "max_along",
                      "min_along", "take_rows", "take_points", "take_masked", "write_rows", "tril", "triu", "max_pool", "maximum", "minimum"))
_RESIDUALS = frozenset(("squared_error", "huber_error", "abs", "square", "pow", "norm_over", "sigmoid_cross_entropy", "softmax_cross_entropy"))


@dataclass(frozen=True)
class Blocked:
    """An op that lets (almost) nothing through: the share of the gradient that passes, a cause in a few words, and one for people."""

    share: float
    cause: str
    text: str


def place(node: Any) -> str:
    """What an op is called in explanations: its name, its result's shape, its module and the user's line, as far as they are known."""
    label = f"{node.name!r} = " if node.name else ""
    words = f"{label}{node.op.spoken} {tuple(node.shape)}"
    if node.scope:
        words += f" in module {node.scope!r}"
    return words + (f" at {node.line}" if node.line else "")


def blocked(order: Sequence[Any], loss: Any, target: Any) -> list[Blocked] | None:
    """The ops between ``target`` and ``loss`` that pass on less than a thousandth of their gradient, the last op first.

    ``order`` holds the nodes behind the loss, newest first. ``None`` where the values that this needs were released and
    nothing was recorded in their place.
    """
    useful = {target}
    for node in reversed(order):
        if any(parent in useful for parent in node.parents):
            useful.add(node)
    path = [node for node in order if node in useful and not isinstance(node, Leaf)]
    spent = any(node.saved is SPENT for node in path)
    through = _recorded(path, useful) if spent else _swept(order, useful, loss)
    if through is None:
        return None
    return [Blocked(passed / arrived, *_words(node, useful)) for node, arrived, passed in through if arrived and passed <= 1e-3 * arrived]


def _largest(array: Any) -> float:
    values = array if isinstance(array, list) else [array]
    return max([float(abs(each).max()) for each in values if each is not None and each.size], default=0.0)


def _swept(order: Sequence[Any], useful: set[Any], loss: Any) -> list[tuple[Any, float, float]]:
    """For each op on the way: the largest entry of its gradient, and of what it passes on along the way. Hooks are not called and nothing is kept."""
    backend = BY_TYPE[loss._array.__class__]
    F = RAW[loss._array.__class__]
    pending: dict[Any, Any] = {**dict.fromkeys(order), None: set(), loss._node: backend.ones(loss._array.shape, loss._array.dtype)}
    through = []
    with backend.watch():
        for node in order:
            g = pending[node]
            if g is None or isinstance(node, Leaf):
                continue
            if node.pull is pull_output:
                node.pull(node, F, g, pending)
                continue
            passed = 0.0
            for parent, part in zip(node.parents, _contributions(node, F, g), strict=True):
                if parent is not None and part is not None:
                    pending[parent] = part if pending[parent] is None else pending[parent] + part
                    if parent in useful:
                        passed = max(passed, _largest(part))
            if node in useful:
                through.append((node, _largest(g), passed))
    return through


def _contributions(node: Any, F: Any, g: Any) -> Sequence[Any]:
    packed = node.saved
    if not isinstance(packed, Packed):
        return F.contributions(node, g)  # type: ignore[no-any-return]
    node.saved = packed.unpack()
    try:
        return F.contributions(node, g)  # type: ignore[no-any-return]
    finally:
        node.saved = packed


def _recorded(path: Sequence[Any], useful: set[Any]) -> list[tuple[Any, float, float]] | None:
    """The same from the gradients that ``record()`` kept, after a backward pass that released the rest."""
    through = []
    for node in path:
        if node.gradient is None:
            return None
        kept = [parent.grad if isinstance(parent, Leaf) else parent.gradient for parent in node.parents if parent in useful]
        if any(each is None for each in kept):
            return None
        through.append((node, _largest(node.gradient), max(_largest(getattr(each, "_array", each)) for each in kept)))
    return through


def _words(node: Any, useful: set[Any]) -> tuple[str, str]:
    """The cause, and a sentence about it with what to write instead."""
    name = node.op.name
    where = place(node)
    if name in _DEAD:
        return "dead relu", (f"every element that reaches {where} is negative, where {node.op.spoken} is flat: the units are dead. Lower the learning rate, initialise anew "
                             "(nn.init.kaiming_normal_, a small positive bias), or use leaky_relu or gelu")
    if name in _BOUNDED:
        return "saturated", (f"every element that reaches {where} lies outside its bounds, where {node.op.spoken} is flat. Widen the bounds, use a smooth "
                             "function (sigmoid, tanh), or let the gradient pass straight through: x + (x.clamp(...) - x).detach()")
    if name in _SATURATED:
        return "saturated", (f"{where} is saturated: its inputs are so large that its slope vanishes. Scale inputs or weights down, normalise, "
                             "or leave it out and use a loss that takes logits (binary_cross_entropy_with_logits, cross_entropy)")
    if name in _PRODUCTS:
        return "multiplied by zero", (f"{where} multiplies it by {_zero_factor(node, useful)} that is zero everywhere: a mask, a weight of 0 in the loss, "
                                      "weights initialised with zeros, or dead units before it")
    if name in _STEPS:
        return "zero", f"{where} is a step function, flat nearly everywhere. Pass the gradient straight through, x + (round(x) - x).detach(), or use a smooth function"
    if name in _CHOICES:
        return "masked", f"{where} takes no element of it: a mask, an index, or a larger value elsewhere leaves it out"
    if name in _RESIDUALS:
        return "zero", f"the derivative of {where} is zero here: the loss is at a stationary point, prediction and target agree"
    return "zero", f"{where} passes nothing of its gradient on: its local gradient is zero here"


def _zero_factor(node: Any, useful: set[Any]) -> str:
    """Which operand of a product it is: by name, where it has one."""
    op = node.op
    for i, parent in enumerate(node.parents):
        if (parent is not None and parent in useful) or i > 1:
            continue
        input_name = op.inputs[min(i, len(op.inputs) - 1)]
        label = getattr(parent, "name", None)
        return f"its {input_name} {label!r}" if label else f"its {input_name}"
    return "a factor"
