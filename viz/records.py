"""A live graph as plain records: what a picture shows, and nothing that keeps the graph alive.

Values and operations alternate: an edge leads from a value into the op that uses it, or from an op to its result.
Identifiers follow the order of recording, so equal programs give equal records.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from autograd_core import Tensor
from autograd_core.backend.registry import BY_TYPE
from autograd_core.errors import GraphError
from autograd_core.scalar import Scalar

from .links import Link, required_inputs, tensor_pull

Drawable = Tensor | Scalar
Number = bool | int | float | complex

SMALL = 4
"""Vectors up to this length are kept element by element."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of one array: all of it if it has one element or is a short vector, its statistics otherwise.

    Statistics are over the finite elements; ``nonfinite`` counts the others (NaN and infinities). ``size`` is the mean of
    the absolute values.
    """

    shape: tuple[int, ...]
    dtype: str
    elements: tuple[Number, ...] | None = None
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    nonfinite: int = 0
    size: float | None = None


@dataclass(frozen=True, slots=True)
class ValueNode:
    """A tensor or number in the graph.

    ``role`` is ``leaf`` (asks for a gradient), ``result`` (of an op) or ``constant``. ``value`` and ``gradient`` are
    ``None`` where the graph did not keep them. ``marks`` say what is striking about the value: dead and saturated units.
    """

    id: str
    role: str
    name: str | None
    shape: tuple[int, ...] | None
    value: Summary | None
    gradient: Summary | None
    scope: str | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpNode:
    """An operation: its registered name, the symbol it is drawn with, and its attributes as text.

    ``times`` are the seconds it took forward and its rule backward, if it was measured; equal graphs need not have equal times.
    """

    id: str
    op: str
    symbol: str
    attributes: tuple[tuple[str, str], ...] = ()
    scope: str | None = None
    times: tuple[float, float] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Edge:
    """From a value into an op (``label`` is the input's name) or from an op to a result."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class GraphRecord:
    """A whole graph. ``roots`` are the ids of the values it was drawn for; ``notes`` say what was left out of it."""

    values: tuple[ValueNode, ...]
    ops: tuple[OpNode, ...]
    edges: tuple[Edge, ...]
    roots: tuple[str, ...]
    notes: tuple[str, ...] = ()


def summarize(array: Any) -> Summary:
    """The summary of a Tensor, a raw array or a Python number.

    >>> summarize(2.5).elements
    (2.5,)
    """
    if isinstance(array, Tensor):
        array = array._array
    if isinstance(array, (bool, int, float, complex)) and not hasattr(array, "dtype"):
        return Summary((), type(array).__name__, (array,), size=_size(array))
    host = BY_TYPE[array.__class__].to_numpy(array)
    shape, dtype = tuple(host.shape), host.dtype.name
    if host.size == 1 or (host.ndim == 1 and 0 < host.size <= SMALL):
        elements = host.reshape(-1)
        return Summary(shape, dtype, tuple(elements.tolist()), size=_size(abs(elements).mean()) if host.dtype.kind in "fiuc" else None)
    if not host.size or host.dtype.kind not in "fiu":
        return Summary(shape, dtype)
    wide = host.astype("float64").reshape(-1)
    finite = wide[abs(wide) < math.inf]
    if not finite.size:
        return Summary(shape, dtype, nonfinite=int(wide.size))
    return Summary(shape, dtype, None, float(finite.min()), float(finite.max()), float(finite.mean()), float(finite.std()), int(wide.size - finite.size), float(abs(finite).mean()))


@dataclass(frozen=True, slots=True)
class BuiltGraph:
    """A record with the arrays behind its values and gradients, and what the chain rule needs: a seed for each root, the ops in order."""

    record: GraphRecord
    arrays: dict[str, Any]
    gradients: dict[str, Any]
    seeds: dict[str, Any]
    links: list[Link]


def host(array: Any) -> Any:
    """A raw array or a Python number as a NumPy array of its own."""
    import numpy as np

    return np.array(BY_TYPE[array.__class__].to_numpy(array) if hasattr(array, "dtype") else array)


def _raw(value: Any) -> Any:
    return value._array if isinstance(value, Tensor) else value


def _size(number: Any) -> float | None:
    size = float(abs(number))
    return size if math.isfinite(size) else None


def graph_record(tensors: Drawable | Sequence[Drawable], names: Mapping[str, Drawable] | None = None) -> GraphRecord:
    """The graph that led to ``tensors``, as records.

    Parameters
    ----------
    tensors : a Tensor that has a graph, or several; or a Scalar, or several.
    names : names for tensors of the graph, ``{"x": x}``; they come before the tensors' own ``name``.

    Raises ``GraphError`` for a tensor without a graph, ``TypeError`` for anything else and for Tensors mixed with Scalars.

    >>> import autograd_core as ag
    >>> x = ag.Tensor(3.0, requires_grad=True, name="x")
    >>> record = graph_record(x * x)
    >>> [op.op for op in record.ops], [value.name for value in record.values]
    (['mul'], ['x', None])
    """
    return built(tensors, names).record


def built(tensors: Drawable | Sequence[Drawable], names: Mapping[str, Drawable] | None = None, hints: Mapping[str, Drawable] | None = None,
          places: Mapping[int, str] | None = None) -> BuiltGraph:
    """The record of a graph with its arrays and ops; holds the graph's nodes, so it is for use within one call.

    ``hints`` are names of last resort: the caller's variables; ``places`` are lines of code by the ``id`` of Scalars, which do not know theirs.
    """
    if not isinstance(tensors, (Tensor, Scalar, list, tuple)):
        raise TypeError(f"expected a Tensor, a Scalar or a sequence of them, got {type(tensors).__name__}")
    roots = [tensors] if isinstance(tensors, (Tensor, Scalar)) else list(tensors)
    kind = Scalar if roots and isinstance(roots[0], Scalar) else Tensor
    for what, each in (*((f"tensors[{i}]", root) for i, root in enumerate(roots)), *((f"names[{name!r}]", tensor) for name, tensor in (names or {}).items())):
        if not isinstance(each, kind):
            raise TypeError(f"{what} is a {type(each).__name__}, expected a {kind.__name__}")
    hints = {name: each for name, each in (hints or {}).items() if isinstance(each, kind)}
    if kind is Scalar:
        from .scalars import scalar_graph

        return scalar_graph(cast(list[Scalar], roots), cast(Mapping[str, Scalar], names or {}), cast(Mapping[str, Scalar], hints), places or {})
    chosen = cast(list[Tensor], roots)
    for position, root in enumerate(chosen):
        if root._node is None:
            where = f"tensors[{position}]" if len(roots) > 1 else "the tensor"
            raise GraphError(f"{where}, shape {tuple(root.shape)}, has no graph to draw: nothing that led to it asks for a gradient. "
                             "Create an input with requires_grad=True, and do not compute inside no_grad()")
    return _Builder(chosen, cast(Mapping[str, Tensor], names or {}), cast(Mapping[str, Tensor], hints)).build()


def reach(nodes: Iterable[Any]) -> list[Any]:
    """All nodes that lead to ``nodes``, in order of recording; without recursion, because graphs can be deep."""
    found = dict.fromkeys(nodes)
    waiting = list(found)
    while waiting:
        for parent in waiting.pop().parents:
            if parent is not None and parent not in found:
                found[parent] = None
                waiting.append(parent)
    return sorted(found, key=lambda node: node.seq)


def _by_node(names: Mapping[str, Tensor]) -> dict[int, str]:
    """Names by what identifies a tensor in a graph: its node, or itself if it has none. The first name counts."""
    found: dict[int, str] = {}
    for name, tensor in names.items():
        found.setdefault(id(tensor if tensor._node is None else tensor._node), str(name))
    return found


class _Builder:
    def __init__(self, roots: Sequence[Tensor], names: Mapping[str, Tensor], hints: Mapping[str, Tensor]) -> None:
        self.roots = roots
        self.names = _by_node(names)
        self.hints = _by_node(hints)
        self.values: list[ValueNode] = []
        self.ops: list[OpNode] = []
        self.edges: list[Edge] = []
        self.value_ids: dict[Any, str] = {}
        self.arrays: dict[str, Any] = {}
        self.gradients: dict[str, Any] = {}
        self.sources: dict[Any, list[tuple[str, str] | None]] = {}
        self.results: dict[Any, dict[int, str]] = {}
        self.op_ids: dict[Any, str] = {}
        self.constants: dict[int, str] = {}

    def build(self) -> BuiltGraph:
        starts = [root._node for root in self.roots]
        known = {id(root._node): root for root in self.roots}
        for node in reach(starts):
            if node.leaf:
                gradient = None if node.grad is None else summarize(node.grad)
                identifier = self._value(node, "leaf", summarize(node.array), gradient)
                self.arrays[identifier], self.gradients[identifier] = node.array, _raw(node.grad)
                continue
            is_output = hasattr(node, "index")  # one of several outputs; the op is its parent
            if not is_output:
                self._op(node)
            if node.op.outputs is None or is_output:
                value = node.value
                if value is None and id(node) in known:
                    value = known[id(node)]
                gradient = node.retained if node.gradient is None else node.gradient
                seen = None if gradient is None else summarize(gradient)
                identifier = self._value(node, "result", None if value is None else summarize(value), seen, _marks(node.op.name, value))
                source = node.parents[0] if is_output else node
                label = node.op.outputs[node.index] if is_output else ""
                self.edges.append(Edge(self.op_ids[source], identifier, label))
                self.arrays[identifier], self.gradients[identifier] = _raw(value), _raw(gradient)
                self.results.setdefault(source, {})[node.index if is_output else 0] = identifier
        from .calls import by_call

        record = by_call(GraphRecord(tuple(self.values), tuple(self.ops), tuple(self.edges), tuple(dict.fromkeys(self.value_ids[node] for node in starts))))
        seeds = {self.value_ids[root._node]: BY_TYPE[root._array.__class__].xp.ones(tuple(root.shape), dtype=root._array.dtype) for root in self.roots}
        return BuiltGraph(record, self.arrays, self.gradients, seeds, [self._link(node) for node in self.op_ids])

    def _link(self, node: Any) -> Link:
        results = self.results.get(node, {})
        positions = range(len(node.op.outputs)) if node.op.outputs is not None else range(1)
        return Link(self.op_ids[node], node.op, tuple([results.get(i) for i in positions]), tuple(self.sources[node]), tensor_pull(node), node.line)

    def _add(self, role: str, *, name: str | None = None, shape: tuple[int, ...] | None = None, value: Summary | None = None,
             gradient: Summary | None = None, scope: str | None = None, marks: tuple[str, ...] = ()) -> str:
        identifier = f"v{len(self.values)}"
        self.values.append(ValueNode(identifier, role, name, shape, value, gradient, scope, marks))
        return identifier

    def _value(self, node: Any, role: str, value: Summary | None, gradient: Summary | None, marks: tuple[str, ...] = ()) -> str:
        name = self.names.get(id(node)) or node.name or self.hints.get(id(node))
        scope = None if node.leaf else node.scope
        self.value_ids[node] = identifier = self._add(role, name=name, shape=tuple(node.shape), value=value, gradient=gradient, scope=scope, marks=marks)
        return identifier

    def _op(self, node: Any) -> None:
        op = node.op
        kept = dict(node.constants)
        sources: list[tuple[str, str]] = []
        pulled: list[tuple[str, str] | None] = [None] * len(node.parents)
        self.sources[node] = pulled
        for position, parent in enumerate(node.parents):
            label = f"{op.inputs[0]}[{position}]" if op.variadic else op.inputs[position]
            if parent is not None:
                sources.append((self.value_ids[parent], label))
                pulled[position] = sources[-1]
            elif position in kept:
                sources.append((self._constant(kept[position], node.scope), label))
            elif op.variadic or label in required_inputs(op.signature):
                shape = node.shapes[position] if node.shapes else None
                sources.append((self._add("constant", shape=shape or None, scope=None if shape else node.scope), label))
        self.op_ids[node] = identifier = f"op{len(self.ops)}"
        attributes = tuple((name, repr(value)) for name, value in node.attrs.items() if not name.startswith("_") and _plain(value))
        times = None if node.seconds is None else (node.seconds[0], node.seconds[1])
        self.ops.append(OpNode(identifier, op.name, op.label, attributes, node.scope, times))
        self.edges.extend(Edge(source, identifier, label) for source, label in sources)

    def _constant(self, constant: Any, scope: str | None) -> str:
        """One node for each use of a number, one altogether for a tensor that is used several times."""
        if not isinstance(constant, Tensor):
            identifier = self._add("constant", shape=(), value=summarize(constant), scope=scope)
            self.arrays[identifier] = constant
            return identifier
        known = self.constants.get(id(constant))
        if known is not None:
            return known
        name = self.names.get(id(constant)) or constant.name or self.hints.get(id(constant))
        identifier = self.constants[id(constant)] = self._add("constant", name=name, shape=tuple(constant.shape), value=summarize(constant))
        self.arrays[identifier] = constant._array
        return identifier


SATURATED = {"tanh": 0.97, "softsign": 0.97, "sigmoid": 0.94}
"""Where a unit counts as saturated: as a share of the way from the middle of its range to either end."""


def _marks(op: str, value: Any) -> tuple[str, ...]:
    """Dead and saturated units of an activation's result: units are its last dimension (dimension 1 of images), examples the others."""
    if value is None or (op not in SATURATED and op not in ("relu", "relu6")):
        return ()
    array = value._array if isinstance(value, Tensor) else value
    host = BY_TYPE[array.__class__].to_numpy(array)
    if host.ndim < 2 or not host.size:
        return ()
    unit = 1 if host.ndim == 4 else host.ndim - 1
    if op not in SATURATED:
        dead = int((host.max(axis=tuple(i for i in range(host.ndim) if i != unit)) <= 0).sum())
        return (f"{dead} of {host.shape[unit]} dead",) if dead else ()
    reach = abs(host * 2 - 1) if op == "sigmoid" else abs(host)
    share = float((reach > SATURATED[op]).mean())
    return (f"{share:.0%} saturated",) if share >= 0.25 else ()


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str)) or (isinstance(value, tuple) and all(_plain(item) for item in value))
