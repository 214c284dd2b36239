"""One running ``vmap``: what dispatch asks when it meets tensors of a batch."""

from __future__ import annotations

from typing import Any

from .. import _methods
from ..backend.registry import BY_TYPE
from ..config import MODE, get_mode
from ..dispatch import apply, explain, named_result
from ..errors import GraphError
from ..op import REGISTRY, Op
from ..spec import computed_dtype
from ..storage import TensorBase, operand, wrap
from .draws import draw
from .examples import Batched, VmapError, active_frames, base_of, batched, expand_to, levels_of
from .gradients import gradients
from .rules import Call, Unbatched, rule_of

__all__ = ["Frame"]


class Frame:
    """One running ``vmap``: what dispatch asks when it meets Batched tensors."""

    def __init__(self, size: int, randomness: str = "error") -> None:
        self.outer = get_mode().vmap
        self.level: int = 1 if self.outer is None else self.outer.level + 1
        self.size = size
        self.randomness = randomness
        self._tokens: list[Any] = []

    def __enter__(self) -> Frame:
        self._tokens.append(MODE.set(get_mode().replace(vmap=self)))
        return self

    def __exit__(self, *exc_info: object) -> None:
        MODE.reset(self._tokens.pop())

    def apply(self, op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
        """Compute ``op`` on batches, or ``NotImplemented`` where no operand is one."""
        if op.kind == "random":
            return draw(op, inputs, attrs)
        level = 0
        for x in inputs:
            if x.__class__ is Batched and x.level > level:
                level = x.level
        if not level:
            return NotImplemented
        return _apply(op, [operand(x) for x in inputs], attrs, level)

    def inplace(self, op: Op, x: Any, others: Any, attrs: dict[str, Any], name: str) -> Any:
        """Write into every example, or ``NotImplemented`` where no operand is a batch."""
        involved = [other for other in others if other.__class__ is Batched]
        if x.__class__ is not Batched and not involved:
            return NotImplemented
        written = apply(op, (x.clone(), *others), attrs)  # of a copy, so that what the op saved stays when x is overwritten
        missing = set(levels_of(written)) - set(levels_of(x))
        if missing:
            raise VmapError(f"vmap: {name} cannot write a tensor that differs between examples into one that is the same for all of them (shape {tuple(x.shape)}). "
                            f"Use {name.rstrip('_')} instead, or make the tensor inside vmap from a batched one (x.new_zeros, zeros_like(x) + x * 0)")
        written = expand_to(written, [frame for frame in active_frames() if frame.level in levels_of(x)])
        base = base_of(x)
        inner = base_of(written)
        _methods.copy_(base, inner)
        return x

    def refuse_backward(self, outputs: Any) -> None:
        """Raise where ``backward()`` is called on one example."""
        if any(y.__class__ is Batched for y in outputs):
            raise GraphError("backward() cannot be called inside vmap: the gradients of the examples would land in one place. "
                             "Use func.grad inside, or call backward() on what vmap returns")

    def grad(self, outputs: Any, inputs: Any, grad_outputs: Any, retain_graph: bool | None, create_graph: bool, allow_unused: bool | None, materialize: bool) -> Any:
        """``autograd.grad`` of Batched tensors, or ``NotImplemented`` where there are none."""
        from ..backward import _listed

        seeds = [None] * len(outputs) if grad_outputs is None else _listed(grad_outputs)
        if not any(x.__class__ is Batched for x in (*outputs, *inputs, *seeds)):
            return NotImplemented
        return gradients(outputs, inputs, seeds, retain_graph, create_graph, allow_unused, materialize)


def _apply(op: Op, inputs: list[Any], attrs: dict[str, Any], level: int) -> Any:
    try:
        if op.promotes != "none":
            inputs = _promoted(op, inputs)
        flags = [x.__class__ is Batched and x.level == level for x in inputs]
        values = [x.value if flag else x for x, flag in zip(inputs, flags, strict=True)]
        size = next(value.shape[0] for value, flag in zip(values, flags, strict=True) if flag)
        result = rule_of(op)(Call(op, inputs, values, flags, attrs, size, level))
    except VmapError:
        raise
    except Exception as error:
        raise explain(op, inputs, attrs, error) from error
    if isinstance(result, Unbatched):
        return result.value
    if op.outputs is not None:
        return named_result(op)(*[each if each.__class__ is Batched and each.level == level else batched(each, level) for each in result])
    return result if result.__class__ is Batched and result.level == level else batched(result, level)


def _promoted(op: Op, inputs: list[Any]) -> list[Any]:
    """The operands in the dtype that one example computes in: a batch of numbers must not count as a vector."""
    tensors = [x for x in inputs if isinstance(x, TensorBase)]
    if len(tensors) == len(inputs) and len({x._array.dtype for x in tensors}) == 1 and op.promotes in ("same", "equal"):
        return inputs
    target = computed_dtype(op.name, op.promotes, inputs)
    cast = REGISTRY["to_dtype"]
    inputs = [apply(cast, (x,), {"dtype": target}) if isinstance(x, TensorBase) and (i or op.promotes != "where") and x._array.dtype != target.dtype else x
              for i, x in enumerate(inputs)]
    if op.promotes == "where":
        like = next(x for x in inputs if isinstance(x, TensorBase))
        inputs = [wrap(BY_TYPE[like._array.__class__].asarray(x, target.dtype)) if i and not isinstance(x, TensorBase) else x for i, x in enumerate(inputs)]
    return inputs
