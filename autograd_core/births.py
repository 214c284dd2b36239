"""Where a NaN or an infinity was born: the first op that made one out of finite numbers, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .backend.registry import BY_TYPE, backend_for_device
from .config import HELD, get_mode, show_warnings, user_line
from .node import Leaf
from .op import Op
from .storage import TensorBase

_ADVICE = {
    "sqrt": "the derivative of sqrt is infinite at 0, and below 0 it has no value: add a small number inside, sqrt(x + eps), or clamp(min=0)",
    "norm_over": "a norm has no derivative at 0: add a small number, sqrt((x * x).sum() + eps)",
    "log": "log of 0 is -inf and of negative numbers NaN: use log(x.clamp(min=eps)), log1p for 1 + x, log_softmax for the log of a softmax, or a loss that takes logits",
    "exp": "exp overflows above 88 (float32) or 709 (float64): use softmax, logsumexp or softplus instead of writing them by hand, or subtract the maximum first",
    "div": "a division by 0: make the denominator safe first, x / where(d == 0, 1, d), or add a small number to it. A softmax written by hand is exp / sum; use softmax",
    "reciprocal": "a division by 0: make the denominator safe first, where(d == 0, 1, d).reciprocal()",
    "pow": "a negative base has no fractional power, and 0 no negative one: clamp the base first, x.clamp(min=eps) ** p",
    "mul": "0 times infinity is NaN: choose with where(mask, x, 0) instead of multiplying by a mask",
    "sub": "infinity minus infinity is NaN: bound the operands first; log-sum-exp differences have stable forms (logsumexp, log_softmax)",
    "rsqrt": "1 / sqrt is infinite at 0: add a small number inside, rsqrt(x + eps)",
    "acos": "acos has values only between -1 and 1, and an infinite derivative at both ends: clamp its input to [-1 + eps, 1 - eps]",
    "asin": "asin has values only between -1 and 1, and an infinite derivative at both ends: clamp its input to [-1 + eps, 1 - eps]",
    "atanh": "atanh is infinite at -1 and 1: clamp its input to [-1 + eps, 1 - eps]",
    "mean": "the mean of nothing is NaN: check that there is something to average",
    "softmax_along": "a row that is -inf throughout has no softmax: leave one element of each row unmasked, or mask with a large negative number such as -1e9",
    "softmax_cross_entropy": "no target counts (ignore_index, or weights of 0), and the mean of nothing is NaN: leave such batches out, or sum and divide by max(count, 1)",
    "deviation": "one element has no spread: with the default correction=1 it is 0 / 0. Use correction=0, or more elements",
}
_ADVICE["log_softmax_along"] = _ADVICE["softmax_along"]
_ADVICE["variance"] = _ADVICE["deviation"]
_OVERFLOW = ("the result is beyond the largest number of its dtype (65504 for float16, 3.4e38 for float32): scale the operands down, compute in a wider dtype, "
             "or lower the learning rate where values grow from step to step")
_GROWING = frozenset(("mul", "add", "sub", "matmul", "linear", "contract", "convolution", "sum", "square", "prod", "cumsum", "cumprod"))


def advice(op: Op, overflow: bool = False) -> str:
    """What to write instead, for the classic cases; ``overflow``: finite numbers became infinite, away from a pole."""
    return _OVERFLOW if overflow else _ADVICE.get(op.name, "")


def _numpy(value: Any) -> Any:
    array = value._array if isinstance(value, TensorBase) else value
    return BY_TYPE[array.__class__].to_numpy(array)


def _has_nan(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(_has_nan(each) for each in value)
    array = value._array if isinstance(value, TensorBase) else value
    if isinstance(array, (float, complex)):
        return array != array
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    return kind in ("f", "c") and hasattr(array, "sum") and bool(BY_TYPE[array.__class__].xp.isnan(array).any())


def _first(where: Any) -> tuple[int, ...]:
    """The index of the first true element."""
    flat = int(where.reshape(-1).argmax())
    index: list[int] = []
    for n in reversed(where.shape):
        flat, rest = divmod(flat, n)
        index.insert(0, rest)
    return tuple(index)


def _finite(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int)):
        return True
    if isinstance(value, (tuple, list)):
        return all(_finite(each) for each in value)
    array = value._array if isinstance(value, TensorBase) else value
    if isinstance(array, (float, complex)):
        return abs(array) < float("inf")
    kind = getattr(getattr(array, "dtype", None), "kind", "")
    return kind not in ("f", "c") or not hasattr(array, "sum") or bool(BY_TYPE[array.__class__].xp.isfinite(array).all())


def birth(op: Op, inputs: Any, result: Any) -> str | None:
    """A description, if ``op`` made a NaN or an infinity out of finite numbers, or a NaN out of infinities (which may be those of a mask)."""
    results = result if isinstance(result, tuple) else (result,)
    if op.kind in ("random", "update") or all(_finite(each) for each in results):
        return None
    finite = all(_finite(x) for x in inputs)
    if not finite and (not _has_nan(results) or _has_nan(inputs)):
        return None
    bad = next(each for each in results if (not _finite(each) if finite else _has_nan(each)))
    array = _numpy(bad)
    xp = BY_TYPE[array.__class__].xp
    nan = bool(xp.isnan(array).any())
    where = xp.isnan(array) if nan else ~xp.isfinite(array)
    index = _first(where)
    what = "NaN" if nan else "infinity"
    operands, values_there = [], []
    for position, x in enumerate(inputs):
        name = op.inputs[min(position, len(op.inputs) - 1)]
        if x is None:
            continue
        values = _numpy(x) if isinstance(x, TensorBase) or hasattr(x, "dtype") else x
        if op.kind == "elementwise" and hasattr(values, "shape"):
            values = xp.broadcast_to(values, array.shape)[index]
            values_there.append(values)
            operands.append(f"{name} = {float(values.real):.6g}")
        else:
            operands.append(f"{name} {tuple(values.shape)}" if hasattr(values, "shape") and values.shape else f"{name} = {values}")
    at = f" at index {index}" if index else ""
    count = int(where.sum())
    more = f" ({count} of {array.size} elements)" if array.size > 1 else ""
    away = {"pow": 0, "div": 1}.get(op.name)
    fix = advice(op, not nan and (op.name in _GROWING or (away is not None and len(values_there) > away and bool(values_there[away] != 0))))
    remedy = f". What to write instead: {fix}" if fix else ""
    return f"{op.spoken} made the first {what} out of {'finite numbers' if finite else 'infinities'}{at}{more}: {', '.join(operands)}, result {tuple(array.shape)}{remedy}"


def refuse_birth(op: Op, inputs: Any, result: Any, line: str) -> None:
    """Raise at once if ``op`` made a NaN or an infinity: ``detect_anomaly(forward=True)``."""
    found = birth(op, inputs, result)
    if found is not None:
        raise RuntimeError(f"{found}. Computed at {line}")


def hold_warnings(op: Op, held: list[Any], compute: Callable[[], Any]) -> Any:
    """``compute()``, with the array library's warnings about NaN and infinities put into ``held`` where a graph is recorded, so that a report may tell of their birth.

    What raises tells more than its warnings, which are dropped then.
    """
    heard: dict[str, None] = {}
    token = HELD.set(None)  # what it computes in turn is watched already
    try:
        with backend_for_device("cpu").listen(lambda kind, _: heard.setdefault(kind)):
            result = compute()
    finally:
        HELD.reset(token)
    if not heard:
        return result
    found = [(f"{kind} encountered in {op.spoken}", user_line()) for kind in heard]
    first = result[0] if isinstance(result, tuple) else result
    if getattr(first, "_node", None) is None:
        show_warnings(found)
    else:
        held += found
    return result


def told() -> None:
    """A report is on its way: warnings that were held back need not be shown."""
    held = HELD.get()
    if held is not None:
        held.clear()


def check_root(outputs: Any) -> None:
    """Raise if a NaN has reached a root of a backward pass, with the op that made the first one."""
    for y in outputs:
        array = y._array
        if array.dtype.kind not in "fc" or not hasattr(array, "sum") or not bool(BY_TYPE[array.__class__].xp.isnan(array).any()):
            continue
        first = _first_birth(y._node)
        if first is None:
            there = _already_there(y._node)
            raise RuntimeError(f"a NaN has reached the result that backward() was called on{there or '.'} It was in the data, or was computed without a gradient"
                               + (" (by an update of the parameters, perhaps)" if there.startswith(": the leaf") else "")
                               + ("" if get_mode().anomaly == "forward" else ": detect_anomaly(forward=True) raises where it is made"))
        told()
        place = f". Recorded at {first.line}" if first.line else ""
        raise RuntimeError(f"a NaN has reached the result that backward() was called on: {first.birth}{place}")


def _already_there(root: Any) -> str:
    """Where the NaN stood before the first recorded op: a leaf, or an operand without gradient of the oldest op that has one."""
    nodes = sorted(_behind(root), key=lambda node: node.seq)
    for leaf in nodes:
        if isinstance(leaf, Leaf) and _has_nan(leaf.array):
            label = f" {leaf.name!r}" if leaf.name else ""
            return f": the leaf{label} {tuple(leaf.shape)} has one{_at(leaf.array)}."
    for node in nodes:
        if isinstance(node, Leaf) or not isinstance(node.saved, tuple):
            continue
        for name, value in zip(node.op.saved, node.saved, strict=False):
            if name in node.op.inputs and _has_nan(value):
                place = f" at {node.line}" if node.line else ""
                is_number = not hasattr(value, "shape")
                return f": the operand {name!r} of {node.op.spoken}{place} is one." if is_number else \
                    f": the operand {name!r} {tuple(value.shape)} of {node.op.spoken}{place} has one{_at(value)}."
    return ""


def _at(array: Any) -> str:
    values = _numpy(array)
    return f" at index {_first(values != values)}" if values.shape else ""


def at_fault(node: Any, contribution: Any, g: Any) -> str:
    """Where a rule made a NaN: the index, the operands that it saved there, and the gradient that arrived."""
    values = _numpy(contribution) if not isinstance(contribution, list) else None
    if values is None or not values.shape:
        return ""
    index = _first(values != values)
    shown = [f"{name} = {float(_numpy(value)[index].real):.6g}" for name, value in zip(node.op.saved, node.saved, strict=False)
             if name in node.op.inputs and getattr(value, "shape", None) == values.shape] if isinstance(node.saved, tuple) and node.op.kind == "elementwise" else []
    if getattr(g, "shape", None) == values.shape:
        shown.append(f"upstream gradient {float(_numpy(g)[index].real):.6g}")
    return f", at index {index}" + (f": {', '.join(shown)}" if shown else "")


def _behind(root: Any) -> list[Any]:
    seen, waiting = {root}, [root]
    while waiting:
        for parent in waiting.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return list(seen)


def _first_birth(root: Any) -> Any:
    """The oldest node behind ``root`` that made a NaN; an infinity where no node made a NaN."""
    found = [node for node in _behind(root) if not isinstance(node, Leaf) and node.birth is not None]
    return min(found, key=lambda node: node.seq, default=None)
