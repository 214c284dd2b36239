"""A call of a plan when nothing is unusual, written out as one function.

Between two steps of a training loop nothing changes but the numbers: the arguments look alike, what is captured lies where it
lay, the gradients are where the plan left them, and nobody else holds them. One expression asks for all of that; when it holds,
the replay and what it leaves behind follow at once. Otherwise the function answers ``UNUSUAL``, and ``Plan.__call__`` sorts it out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from sys import getrefcount
from typing import TYPE_CHECKING, Any

from ..engine import WRITES
from ..storage import TensorBase, wrap
from .errors import StaleError

if TYPE_CHECKING:
    from .replay import Plan

UNUSUAL = object()
"""What the function answers without having done anything."""


def steady(plan: Plan, tensors: Sequence[Any]) -> Callable[[Sequence[Any]], Any]:
    """The function of a plan for arguments that look like these tensors. The plan sees to it that the names it uses are current."""
    names = plan._names
    names.update({"plan": plan, "UNUSUAL": UNUSUAL, "WRITES": WRITES, "TensorBase": TensorBase, "wrap": wrap, "getrefcount": getrefcount, "StaleError": StaleError})
    arguments = [f"x{i}" for i in range(len(tensors))]
    asked = [f"x{i} is not x{j}" for i, j in combinations(range(len(tensors)), 2)] if len(tensors) < 6 else [f"len(set(map(id, tensors))) == {len(tensors)}"]
    for i, tensor in enumerate(tensors):
        array = tensor._array
        names.update({f"shape{i}": array.shape, f"dtype{i}": array.dtype, f"strides{i}": array.strides, f"kind{i}": array.__class__})
        asked += [f"isinstance(x{i}, TensorBase)", f"(y{i} := x{i}._array).shape == shape{i}", f"y{i}.dtype is dtype{i}", f"y{i}.strides == strides{i}",
                  f"y{i}.__class__ is kind{i}", f"x{i}._node is {'None' if tensor._node is None else 'not None'}"]
    inside = not plan._other_gradients and not plan._written and not plan.graph.modes
    landing = list(enumerate(leaf for leaf, _ in plan._landing)) if inside else []
    asked += plan._guards([leaf for _, leaf in landing])
    held = 0
    for i, leaf in landing:
        absent = plan.graph.entry.get(leaf) is False
        held += not absent
        asked += [f"g{i}.grad is {'None' if absent else f'd{i}'}", f"d{i}._array is b{i}"]
    if landing:
        asked.append(f"sum(map(getrefcount, plan._counted)) <= plan._held + {held}")
    lines = [f"def steady(tensors):\n    if len(tensors) != {len(tensors)}: return UNUSUAL", *([f"    {', '.join(arguments)}, = tensors"] if arguments else []),
             f"    if not ({' and '.join(asked) or True}): return UNUSUAL"]
    if not inside:
        return _made([*lines, "    return plan(tensors)"], names)
    for i, (read, _, _) in enumerate(plan._live):
        names[f"r{i}"] = read
        lines += [f"    u{i} = r{i}()", f"    if u{i} is not agreed[{i}]: plan._agree({i}, u{i})"]
    names.update({"agreed": plan._agreed, "replay": plan.program.function, "watched": plan._watched})
    given = ", ".join([*[f"y{i}" for i in range(len(tensors))], *[f"u{i}" for i in range(len(plan._live))]])
    call = f"replay({given})" if plan.program.quiet else f"watched(replay, {given})"
    lines += [f"    try: kept = {call}", "    except Exception as error: raise plan._explained(error) from error",
              "    if plan._entries.references: WRITES.note_prepared(plan._entries)"]
    for i, leaf in landing:
        lines.append(f"    d{i}._node = d{i}._view = None")
        if plan.graph.entry.get(leaf) is False:
            lines.append(f"    g{i}.grad = d{i}")
    lines.append(f"    return {'wrap(kept[0])' if plan._alone else 'plan._results(tensors, kept)'}")
    return _made(lines, names)


def _made(lines: list[str], names: dict[str, Any]) -> Callable[[Sequence[Any]], Any]:
    exec("\n".join(lines), names)  # text that is made above, of names that the plan knows
    return names["steady"]  # type: ignore[no-any-return]
