"""Gradients of tensors inside ``vmap``: of each example, or for each of a batch of cotangents."""

from __future__ import annotations

from typing import Any

from .. import _methods
from ..backend.registry import BY_TYPE
from ..backward import TENSOR_READING
from ..config import MODE, get_mode
from ..engine import run
from ..errors import GraphError
from ..node import Leaf
from ..storage import TensorBase, wrap
from .examples import VmapError, active_frames, base_of, canonical, expand_to, levels_of, reordered

__all__ = ["gradients", "reaches"]


def gradients(outputs: Any, inputs: Any, seeds: Any, retain_graph: bool | None, create_graph: bool, allow_unused: bool | None, materialize: bool) -> tuple[Any, ...]:
    """Gradients of the tensors behind the examples.

    Levels at which an output is batched belong to its graph. Levels at which only its cotangent is batched (a vectorised
    Jacobian) do not: there the rules themselves run on Batched cotangents.
    """
    frames = active_frames()
    own: set[int] = set()
    for y in outputs:
        own |= set(levels_of(y))
    more = sorted({level for seed in seeds if seed is not None for level in levels_of(seed)} - own)
    roots, cotangents = [], []
    for i, (y, seed) in enumerate(zip(outputs, seeds, strict=True)):
        base = base_of(y)
        if base._node is None:
            raise GraphError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        if seed is None:
            if y.numel() != 1:
                raise GraphError(f"grad can be implicitly created only for scalar outputs, but one example of outputs[{i}] has the shape {tuple(y.shape)}")
            seed = wrap(BY_TYPE[base._array.__class__].ones(y._array.shape, base._array.dtype))
        elif tuple(seed.shape) != tuple(y.shape):
            raise GraphError(f"Mismatch in shape: grad_output[{i}] has a shape of {tuple(seed.shape)} and output[{i}] has a shape of {tuple(y.shape)}")
        if seed.dtype is not y.dtype:
            seed = _methods.to_dtype(seed, y.dtype)
        levels = levels_of(y)
        if set(levels_of(seed)) & (own - set(levels)):
            raise VmapError("vmap: outputs that are batched at different levels need cotangents of the same levels. Differentiate with func.vjp inside vmap")
        here = sorted(set(levels_of(seed)) | set(levels))
        seed = expand_to(seed, [frame for frame in frames if frame.level in here])
        outer = [level for level in here if level not in levels]
        roots.append(base._node)
        cotangents.append(reordered(seed, here, outer, levels))
    for i, x in enumerate(inputs):
        node = base_of(x)._node
        if node is None:
            raise GraphError(f"One of the differentiated Tensors does not require grad: inputs[{i}]")
        if own - set(levels_of(x)) and reaches(roots, node):
            raise VmapError(f"vmap: inputs[{i}] is the same for all examples, so its gradient would be the sum over the batch. "
                            "Use func.grad inside vmap, which gives one for each example")
    targets = [base_of(x)._node for x in inputs]
    retain = create_graph if retain_graph is None else retain_graph
    array = base_of(outputs[0])._array
    raw = not more and not create_graph
    with BY_TYPE[array.__class__].watch():
        profile = get_mode().profile
        swept = run if profile is None else profile.backward(run)
        token = MODE.set(get_mode().replace(grad=create_graph))
        try:
            found = swept(roots, [g._array for g in cotangents] if raw else cotangents, reading=None if raw else TENSOR_READING, retain_graph=retain, targets=targets)
        finally:
            MODE.reset(token)
    results: list[Any] = []
    for i, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        g = found.get(target)
        if g is None:
            if not allow_unused and not materialize:
                raise GraphError(f"One of the differentiated Tensors appears to not have been used in the graph: inputs[{i}]. "
                                 "Set allow_unused=True if this is the desired behavior")
            results.append(None if not materialize else _methods.mul(x.detach(), 0))
            continue
        levels = levels_of(x)
        g = g if isinstance(g, TensorBase) else wrap(g)
        results.append(canonical(g, levels_of(g), levels))
    return tuple(results)


def reaches(roots: list[Any], target: Any) -> bool:
    """Whether a path leads from one of the nodes to ``target``."""
    seen, waiting = set(roots), list(roots)
    while waiting:
        node = waiting.pop()
        if node is target:
            return True
        if not isinstance(node, Leaf):
            for parent in node.parents:
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
    return False
