"""Forward mode as functions of functions: ``jvp`` and ``linearize``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import _methods
from ..batching import active_frames, base_of, canonical, expand_to, levels_of, over_levels, reaches, reordered
from ..config import enable_grad, get_mode
from ..errors import describe
from ..tangent import push
from .reverse import Inputs, with_aux, zero_like
from .tracing import beyond, own_leaves, released
from .tree import flatten, tensors_of


def _checked_tangents(tangents: Any, primals: Any, caller: str) -> list[Any]:
    """The leaves of the tangents, which must match the primals in structure, shape and dtype."""
    leaves, structure = tensors_of(tangents, caller, "tangents")
    wanted, expected = flatten(primals)
    if structure != expected:
        raise RuntimeError(f"{caller}: expected tangents to have the structure of the primals, {expected}, got {structure}")
    for i, (t, x) in enumerate(zip(leaves, wanted, strict=True)):
        if t._array.shape != x._array.shape:
            raise RuntimeError(f"{caller}: tangent {i} {describe(t)} must have the shape of its primal {describe(x)}")
    return [t if t.dtype is x.dtype else _methods.to_dtype(t, x.dtype) for t, x in zip(leaves, wanted, strict=True)]


def _behind(tangent: Any, own: list[int], every: list[Any]) -> Any:
    """A tangent as a batch over the levels that the graph does not have; those that it has become dimensions again."""
    here = sorted({*levels_of(tangent), *own})
    tangent = expand_to(tangent, [frame for frame in every if frame.level in here])
    return reordered(tangent, here, [level for level in here if level not in own], own)


def push_tensors(inputs: Sequence[Any], tangents: Sequence[Any], outputs: Sequence[Any], *, record: bool) -> list[Any]:
    """``tangent.push`` for tensors that may be batched; zeros for outputs that do not move."""
    frames = active_frames()
    behind = [_behind(t, levels_of(x), frames) for x, t in zip(inputs, tangents, strict=True)]
    found = push([base_of(x)._node for x in inputs], behind, [base_of(y)._node for y in outputs], record=record)
    results = []
    for y, t in zip(outputs, found, strict=True):
        if t is None:
            results.append(zero_like(y))
            continue
        results.append(canonical(t, levels_of(t), levels_of(y)) if levels_of(t) else over_levels(t, levels_of(y)))
    return results


class _Linearized:
    """A function recorded at a point: its outputs, and the push of tangents through it."""

    def __init__(self, func: Callable[..., Any], primals: Any, has_aux: bool, caller: str) -> None:
        self.outer_grad = get_mode().grad
        self.caller = caller
        self.primals = tuple(primals)
        if not self.primals:
            raise RuntimeError(f"{caller}: expected at least one primal")
        self.inputs = Inputs(self.primals, tuple(range(len(self.primals))), False, caller)
        with enable_grad():
            output, self.aux = with_aux(func(*self.inputs.args), has_aux, caller)
        self.outputs, self.structure = tensors_of(output, caller, "the output of func", some=True)
        self.own = own_leaves(self.inputs.leaves)
        self.connected = self.outer_grad and beyond([base_of(y)._node for y in self.outputs], self.own)

    def check_all_depend(self) -> None:
        """Raise unless every output depends on one of the primals at least."""
        for i, y in enumerate(self.outputs):
            node = base_of(y)._node
            if node is None or not any(reaches([node], leaf) for leaf in self.own):
                raise RuntimeError(f"{self.caller}: output {i} of func, {describe(y)}, is independent of the primals. This is not allowed with strict=True")

    def shown(self) -> Any:
        """The output as the caller gets it."""
        return self.structure.build([released(y, self.own) if self.outer_grad else y.detach() for y in self.outputs])

    def push(self, tangents: Any) -> Any:
        """The tangent of the output."""
        leaves = _checked_tangents(tuple(tangents), self.primals, self.caller)
        record = get_mode().grad and (self.connected or any(base_of(t)._node is not None for t in leaves))
        return self.structure.build(push_tensors(self.inputs.leaves, leaves, self.outputs, record=record))


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """The output of ``func(*primals)`` and its tangent when the primals have ``tangents``: the Jacobian times a vector, in forward mode.

    Parameters
    ----------
    primals, tangents : tuples with one entry for each argument; a tangent has its primal's structure, shape and dtype.
    strict : raise ``RuntimeError`` where an output does not depend on the primals. By default its tangent is zero.
    has_aux : ``func`` returns ``(output, aux)``; then the result is ``(output, tangent, aux)``.

    Exact: tangent rules of the ops, never finite differences. Nests with itself and the other transforms.

    >>> import autograd_core as ag
    >>> y, dy = jvp(lambda x: x ** 2, (ag.tensor([1.0, 2.0]),), (ag.tensor([1.0, 0.5]),))
    >>> y.tolist(), dy.tolist()
    ([1.0, 4.0], [2.0, 2.0])
    """
    return pushed(func, primals, tangents, has_aux, "jvp", strict)


def pushed(func: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool, caller: str, strict: bool = False) -> Any:
    """:func:`jvp` for other transforms, whose names errors speak."""
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)) or len(primals) != len(tangents):
        raise RuntimeError(f"{caller}: expected primals and tangents to be tuples of the same length, with one entry for each argument of func")
    recorded = _Linearized(func, primals, has_aux, caller)
    if strict:
        recorded.check_all_depend()
    tangent = recorded.push(tangents)
    return (recorded.shown(), tangent, released(recorded.aux, recorded.own)) if has_aux else (recorded.shown(), tangent)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The output of ``func(*primals)`` and the linear function that maps tangents of the primals to the tangent of the output.

    ``func`` runs once; the linear function may be called with many tangents, and inside ``vmap``.

    >>> import autograd_core as ag
    >>> y, slope = linearize(ag.sin, ag.tensor(0.0))
    >>> slope(ag.tensor(2.0)).item()
    2.0
    """
    return linearized(func, primals, "linearize")


def linearized(func: Callable[..., Any], primals: Sequence[Any], caller: str) -> tuple[Any, Callable[..., Any]]:
    """:func:`linearize` for other transforms, whose names errors speak."""
    recorded = _Linearized(func, primals, False, caller)
    return recorded.shown(), lambda *tangents: recorded.push(tangents)
