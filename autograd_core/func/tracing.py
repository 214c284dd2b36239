"""What the transforms share: inputs that a function's graph can be asked about, and whether that graph belongs to more than them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _methods
from ..backend.registry import backend_for_device
from ..batching import active_frames, base_of, expand_to, levels_of, over_levels
from ..config import get_mode
from ..node import Leaf
from ..queries import is_tensor
from ..storage import real_array, wrap
from .tree import map_tensors


def fresh(x: Any) -> Any:
    """``x`` as a place in the graph of its own, still connected to the graph it came from; inside ``vmap`` one for each example."""
    frames = active_frames()
    levels = levels_of(x)
    if len(frames) > len(levels):
        x = expand_to(x, frames)
        levels = levels_of(x)
    base = base_of(x)
    if base._node is not None and get_mode().grad:
        alias = _methods.reshape(base, tuple(base.shape))
    else:
        alias = wrap(real_array(base)).requires_grad_()
    if base.name is not None:
        alias.name = base.name
    return over_levels(alias, levels)


def lifted(x: Any) -> Any:
    """An array as a tensor that shares its memory, a Python float as one of float64: so functions written for NumPy can be differentiated."""
    if is_tensor(x):
        return x
    if isinstance(x, float):
        return wrap(backend_for_device("cpu").asarray(float(x)))
    return wrap(x) if hasattr(x, "__array_interface__") or hasattr(x, "__cuda_array_interface__") else x


def check_differentiable(leaves: Sequence[Any], caller: str, argument: str) -> None:
    """Raise unless all leaves are tensors of real or complex numbers."""
    for x in leaves:
        if not is_tensor(x):
            hint = (": pass dict(module.named_parameters()), and call functional_call(module, parameters, inputs) in the function"
                    if hasattr(x, "named_parameters") else "")
            raise TypeError(f"{caller}: expected {argument} to be a Tensor or nested lists, tuples and dicts of Tensors, but there is a {type(x).__name__} in it{hint}")
        if x._array.dtype.kind not in "fc":
            raise RuntimeError(f"{caller}: {argument} has a tensor of dtype {x.dtype.name}, which has no derivative. "
                               "Convert it with .float() or .double(), or leave it out of argnums")


def beyond(nodes: Sequence[Any], own: set[Any]) -> bool:
    """Whether the graph behind ``nodes`` reaches a leaf that is not one of ``own``: an outer transform's, or a tensor that asks for a gradient itself."""
    waiting = [node for node in nodes if node is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            if node not in own:
                return True
            continue
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return False


def own_leaves(inputs: Sequence[Any]) -> set[Any]:
    """The nodes of inputs made by ``fresh``."""
    return {base_of(x)._node for x in inputs}


def released(value: Any, own: set[Any]) -> Any:
    """``value`` without the part of its graph that only leads to ``own``: what a transform hands to the outside."""

    def release(x: Any) -> Any:
        node = base_of(x)._node
        return x if node is None or beyond([node], own) else x.detach()

    return map_tensors(release, value)
