"""The chain rule on a recorded graph, edge by edge: upstream × local = downstream, in the order of a backward pass.

Nothing here runs the user's backward pass: hooks are not called, no gradient is written, no saved value released.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd_core import Tensor
from autograd_core.engine import RAW
from autograd_core.errors import GraphError
from autograd_core.op import Op

from .records import Drawable, GraphRecord, built, host

MOST_VISITS = 400
"""Naive recursion visits nodes once for each path, of which there can be exponentially many."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One edge: what reaches ``value`` from ``op``. Arrays are NumPy's.

    ``local`` is ``None`` where the local gradient is a matrix too large to show; ``rule`` then says how the op computes
    the product. ``total`` is the gradient of ``value`` after this contribution.
    """

    op: str
    value: str
    input: str
    upstream: Any
    local: Any
    downstream: Any
    total: Any
    rule: str | None


@dataclass(frozen=True, slots=True)
class Trace:
    """A graph with every product of its backward pass.

    ``forward`` are the ids of its ops in order of recording, ``pulls`` the products in order of the backward pass,
    ``gradients`` the sums they lead to, ``lines`` the lines of code of ops that know theirs. ``naive`` is what recursion
    without an order computes; it is cut after a few hundred visits.
    """

    record: GraphRecord
    forward: tuple[str, ...]
    pulls: tuple[Pull, ...]
    gradients: dict[str, Any]
    values: dict[str, Any]
    lines: dict[str, str] = field(default_factory=dict)
    naive: tuple[Pull, ...] = ()
    naive_gradients: dict[str, Any] = field(default_factory=dict)


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
    from .records import required_inputs

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


def trace(tensors: Drawable | Sequence[Drawable], names: Mapping[str, Drawable] | None = None, hints: Mapping[str, Drawable] | None = None) -> Trace:
    """Every product of the backward pass from ``tensors``.

    Raises ``GraphError`` where a root has more than one element, or where values that a rule needs are gone: after
    ``backward()`` those of Scalars and of 0-d tensors are kept, others only inside ``record()``.

    >>> import autograd_core as ag
    >>> x, y, z = (ag.Tensor(value, requires_grad=True, name=name) for name, value in (("x", -2.0), ("y", 5.0), ("z", -4.0)))
    >>> [(pull.value, float(pull.upstream), float(pull.local), float(pull.downstream)) for pull in trace((x + y) * z).pulls]
    [('v3', 1.0, -4.0, -4.0), ('v2', 1.0, 3.0, 3.0), ('v0', -4.0, 1.0, -4.0), ('v1', -4.0, 1.0, -4.0)]
    """
    import numpy as np

    graph = built(tensors, names, hints)
    values = {identifier: None if array is None else host(array) for identifier, array in graph.arrays.items()}
    start: dict[str, Any] = {}
    for identifier, seed in graph.seeds.items():
        if getattr(seed, "size", 1) != 1:
            raise GraphError(f"the chain rule starts from a single number, but the root has the shape {tuple(seed.shape)}: reduce it, for example with .sum()")
        start[identifier] = seed
    with np.errstate(all="ignore"):
        pulls, gradients = _in_order(graph.links, dict(start))
        naive, naive_gradients = _naively(graph.links, dict(start), graph.record.roots)
    lines = {link.op: link.line for link in graph.links if link.line}
    return Trace(graph.record, tuple(link.op for link in graph.links), tuple(pulls), gradients, values, lines, tuple(naive), naive_gradients)


def _cotangent(link: Link, pending: dict[str, Any]) -> Any:
    reached = [None if result is None else pending.get(result) for result in link.results]
    if all(each is None for each in reached):
        return None
    return reached if link.declared.outputs is not None else reached[0]


def _in_order(links: Sequence[Link], pending: dict[str, Any]) -> tuple[list[Pull], dict[str, Any]]:
    pulls = []
    for link in reversed(links):
        g = _cotangent(link, pending)
        if g is None:
            continue
        for position, (source, downstream) in enumerate(zip(link.sources, link.pull(g), strict=True)):
            if source is None or downstream is None:
                continue
            value = source[0]
            before = pending.get(value)
            pending[value] = downstream if before is None else before + downstream
            pulls.append(_product(link, position, g, downstream, pending[value]))
    return pulls, {value: host(g) for value, g in pending.items()}


def _product(link: Link, position: int, g: Any, downstream: Any, total: Any) -> Pull:
    source = link.sources[position]
    assert source is not None
    upstream = next(each for each in g if each is not None) if isinstance(g, list) else g
    local = None if isinstance(g, list) else _local(link, position, g, downstream)
    rule = link.declared.rules.get(source[1])
    return Pull(link.op, *source, host(upstream), None if local is None else host(local), host(downstream), host(total), rule.formula if rule is not None else None)


def _local(link: Link, position: int, g: Any, downstream: Any) -> Any:
    """The local gradient where it is as large as an array: of elementwise ops, and of results that are one number."""
    one = getattr(g, "size", 1) == 1
    if not one and (link.declared.kind != "elementwise" or g.shape != downstream.shape):
        return None
    return link.pull(g * 0 + 1)[position]


def _naively(links: Sequence[Link], gradients: dict[str, Any], roots: Sequence[str]) -> tuple[list[Pull], dict[str, Any]]:
    """What goes wrong without an order: each node passes on what it has so far, every time that it is reached."""
    makers = {result: link for link in links for result in link.results if result is not None}
    visits: list[Pull] = []
    waiting = [root for root in reversed(roots) if root in makers]
    passing: list[tuple[Link, str, int]] = []
    while (waiting or passing) and len(visits) < MOST_VISITS:
        if waiting:
            link = makers[waiting.pop()]
            targets = [(link, value[0], position) for position, value in enumerate(link.sources) if value is not None]
            passing.extend(reversed(targets))
            continue
        link, value, position = passing.pop()
        g = _cotangent(link, gradients)
        contribution = None if g is None else link.pull(g)[position]
        if contribution is None:
            continue
        before = gradients.get(value)
        gradients[value] = contribution if before is None else before + contribution
        visits.append(_product(link, position, g, contribution, gradients[value]))
        if value in makers:
            waiting.append(value)
    return visits, {value: host(g) for value, g in gradients.items()}
