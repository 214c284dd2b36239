"""Random ops inside ``vmap``: examples draw different numbers or the same ones, or must not draw at all."""

from __future__ import annotations

from typing import Any

from .. import _methods
from ..config import MODE, get_mode
from ..dispatch import apply
from ..op import REGISTRY, Op
from ..queries import is_tensor
from ..spec import broadcast
from ..storage import operand
from .examples import VmapError, active_frames, base_of, expand_to, levels_of, over_levels
from .rules import numel


def draw(op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
    """A random op inside ``vmap``: its ``randomness`` decides whether examples draw different numbers or the same ones."""
    frames = active_frames()
    inputs = [operand(x) for x in inputs]
    inner = frames[-1]
    if inner.randomness == "error":
        raise VmapError(f"vmap: called random operation {op.spoken} while in randomness error mode. Please either use the 'same' or 'different' randomness flags on vmap "
                        "or perform the randomness operation out of vmap")
    involved = {level for x in inputs for level in levels_of(x)}
    wanted = [frame for frame in frames if frame.randomness == "different"]
    if not involved and not wanted:
        return NotImplemented
    shape = attrs.get("shape")
    if op.name in ("draw_uniform", "draw_normal", "draw_integers"):  # their input says no more than dtype and shape
        shape = tuple(inputs[0].shape) if shape is None else tuple(shape)
        like = _methods.reshape(base_of(inputs[0]).detach(), (-1,))
        return over_levels(apply_plain(op, (like,), {**attrs, "shape": (*[frame.size for frame in wanted], *shape)}), [frame.level for frame in wanted])
    if op.name in ("draw_bernoulli", "bernoulli", "draw_exponential", "draw_normal_of"):
        return _draw_compared(op, inputs, attrs, wanted)
    involved |= {frame.level for frame in wanted}
    here = [frame for frame in frames if frame.level in involved]
    values = [base_of(expand_to(x, here)) if is_tensor(x) else x for x in inputs]
    sizes = [frame.size for frame in here]
    drawn = []
    for k in range(numel(tuple(sizes))):
        position = []
        for n in reversed(sizes):
            k, rest = divmod(k, n)
            position.append(rest)
        drawn.append(apply_plain(op, [x[tuple(position[::-1])] if is_tensor(x) else x for x in values], attrs))
    result = _methods.stack(drawn, 0)
    return over_levels(result.reshape((*sizes, *tuple(result.shape)[1:])), [frame.level for frame in here])


def apply_plain(op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
    """Run a random op outside any ``vmap``."""
    token = MODE.set(get_mode().replace(vmap=None))
    try:
        return apply(op, inputs, attrs)
    finally:
        MODE.reset(token)


def _draw_compared(op: Op, inputs: list[Any], attrs: dict[str, Any], wanted: list[Any]) -> Any:
    """Draws that parameters shape: standard numbers with a batch of their own where examples differ, then the op's formula."""
    F = _methods.F
    like = inputs[0]
    shape = attrs.get("shape")
    if shape is None:
        shape = like.shape if op.name != "draw_normal_of" else _broadcast_shape(inputs)
    plain = _methods.reshape(base_of(next(x for x in inputs if is_tensor(x))).detach(), (-1,))
    kind = "draw_normal" if op.name == "draw_normal_of" else "draw_uniform"
    extra = {"mean": 0.0, "std": 1.0} if kind == "draw_normal" else {"low": 0.0, "high": 1.0}
    sizes = [frame.size for frame in wanted]
    drawn = apply_plain(REGISTRY[kind], (plain,), {**extra, "shape": (*sizes, *tuple(shape)), "generator": attrs.get("generator")})
    numbers = over_levels(drawn, [frame.level for frame in wanted])
    if op.name == "draw_normal_of":
        return inputs[0] + numbers * inputs[1]
    if op.name == "draw_exponential":
        return -F.log1p(-numbers) / attrs.get("rate", 1.0)
    p = like if op.name == "bernoulli" else inputs[1]
    return F.to_dtype(F.lt(numbers, p), dtype=like.dtype)


def _broadcast_shape(inputs: list[Any]) -> tuple[int, ...]:
    tensors = [x for x in inputs if is_tensor(x)]
    return broadcast("normal", ["mean", "std"], tensors)
