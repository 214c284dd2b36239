"""The ops of a graph with the products of their local gradients: what the chain rule is followed along."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograd_core import Tensor
from autograd_core.engine import RAW
from autograd_core.errors import GraphError
from autograd_core.op import Op


@dataclass(frozen=True, slots=True)
class Link:
    """An op with the values it connects: ``pull`` maps the cotangents of ``results`` to those of ``sources`` (id, input name)."""

    op: str
    declared: Op
    results: tuple[str | None, ...]
    sources: tuple[tuple[str, str] | None, ...]
    pull: Callable[[Any], Sequence[Any]]
    line: str | None = None


class _Kept:
    """Stands for a node whose saved values a backward pass has released, with those that were kept for drawing in their place."""

    def __init__(self, node: Any) -> None:
        op = node.op
        self.op, self.parents, self.attrs, self.dtypes = op, node.parents, node.attrs, node.dtypes
        known: dict[str, Any] = {"out": node.value}
        constants = dict(node.constants)
        operands = []
        for position, parent in enumerate(node.parents):
            operand = constants.get(position) if parent is None else parent.array if parent.leaf else parent.value
            operands.append(operand._array if isinstance(operand, Tensor) else operand)
        if op.variadic:
            known[op.inputs[0]] = tuple(operands) if all(operand is not None for operand in operands) else None
        else:
            known.update(zip(op.inputs, operands, strict=True))
        self.shapes = node.shapes or tuple([getattr(operand, "shape", ()) for operand in operands])
        self.saved = tuple([known.get(name) for name in op.saved])
        needed = {name for name in op.saved if name not in op.residuals and self._asked(name)}
        missing = [name for name in op.saved if name in needed and known.get(name) is None and not _optional(op, name)]
        if missing or op.outputs is not None:
            otherwise = "or call backward(retain_graph=True)" if op.outputs is not None else "call backward(retain_graph=True), or compute inside autograd_core.record()"
            raise GraphError(f"the values that {op.name} needs for its local gradient ({', '.join(missing) or 'its outputs'}) are gone: draw before backward(), {otherwise}")

    def _asked(self, name: str) -> bool:
        if self.op.joint is not None:
            return name in self.op.joint.names
        return any(parent is not None and name in self.op.rules[source].names for source, parent in zip(self.op.inputs, self.parents, strict=False) if source in self.op.rules)


def _optional(op: Op, name: str) -> bool:
    return name in op.inputs and name not in required_inputs(op.signature)


def tensor_pull(node: Any) -> Callable[[Any], Sequence[Any]]:
    """The products of one node of a Tensor graph, as a function of its cotangent (a list of them for several outputs)."""
    kept: Any = node if node.saved is None or isinstance(node.saved, tuple) else None

    def pull(g: Any) -> Sequence[Any]:
        nonlocal kept
        if kept is None:
            kept = _Kept(node)
        first = next(each for each in g if each is not None) if isinstance(g, list) else g
        return RAW[first.__class__].contributions(kept, g)

    return pull


@functools.cache
def required_inputs(signature: str) -> frozenset[str]:
    """The parameters of a declared signature that have no default and cannot be ``None``.

    >>> sorted(required_inputs("clamp(input: Tensor, min: TensorLike | None = None) -> Tensor"))
    ['input']
    """
    function = ast.parse(f"def {signature}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    parameters = [*function.args.posonlyargs, *function.args.args]
    given = parameters[: len(parameters) - len(function.args.defaults)]
    return frozenset(each.arg for each in given if each.annotation is None or "None" not in ast.unparse(each.annotation))
