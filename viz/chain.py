"""The chain rule on a recorded graph, edge by edge: upstream × local = downstream, in the order of a backward pass.

Nothing here runs the user's backward pass: hooks are not called, no gradient is written, no saved value released.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd_core.errors import GraphError

from .links import Link
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


def trace(tensors: Drawable | Sequence[Drawable], names: Mapping[str, Drawable] | None = None, hints: Mapping[str, Drawable] | None = None,
          places: Mapping[int, str] | None = None) -> Trace:
    """Every product of the backward pass from ``tensors``. ``names`` are as in ``draw``, ``hints`` names of last resort, ``places`` lines of code by the ``id`` of Scalars.

    Raises ``GraphError`` where a root has more than one element, or where values that a rule needs are gone: after
    ``backward()`` those of Scalars and of 0-d tensors are kept, others only inside ``record()``.

    >>> import autograd_core as ag
    >>> x, y, z = (ag.Tensor(value, requires_grad=True, name=name) for name, value in (("x", -2.0), ("y", 5.0), ("z", -4.0)))
    >>> [(pull.value, float(pull.upstream), float(pull.local), float(pull.downstream)) for pull in trace((x + y) * z).pulls]
    [('v3', 1.0, -4.0, -4.0), ('v2', 1.0, 3.0, 3.0), ('v0', -4.0, 1.0, -4.0), ('v1', -4.0, 1.0, -4.0)]
    """
    import numpy as np

    graph = built(tensors, names, hints, places)
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
