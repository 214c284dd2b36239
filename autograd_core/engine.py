"""The backward pass: reach the nodes, order them, pull cotangents back, accumulate.

Generic in the reading ``F``: on raw arrays it computes first derivatives at full speed; on Tensors the same rules
record a graph of their own, which is what ``create_graph=True`` means. It knows neither Tensor nor NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from types import MethodType
from typing import Any
from weakref import ref

from .backend.protocol import Backend
from .backend.registry import BY_TYPE
from .errors import GraphError, InplaceError, ShapeError
from .node import RETAIN, SPENT, Leaf, Node, Packed, accumulate, next_seq, output_node, pull_general, pull_output, pull_packed, pull_watched
from .op import COMPOSITES, REGISTRY, Rule

__all__ = ["RAW", "RawReading", "Reading", "WRITES", "accumulate", "run", "run_straight"]

by_seq = attrgetter("seq")


class Writes:
    """The log of in-place writes: which memory was written last when, by what.

    A node is older than a write exactly if its ``seq`` is smaller, so forward passes do nothing for this check,
    and a backward pass compares one number per node unless something was written in between.
    """

    def __init__(self) -> None:
        self.last = 0
        self._limit = 64
        self._by_owner: dict[int, tuple[Any, int | Prepared, str, str | None]] = {}

    def note(self, array: Any, op: str, line: str | None = None) -> None:
        """Remember that ``op`` wrote to the memory of ``array``."""
        self.last = seq = next_seq()
        owner = BY_TYPE[array.__class__].owner(array)
        self._by_owner[id(owner)] = (ref(owner), seq, op, line)
        if len(self._by_owner) > self._limit:
            self._forget_dead()

    def note_all(self, arrays: Iterable[Any], op: str, line: str | None = None) -> None:
        """Remember that ``op`` wrote to the memory of all ``arrays``."""
        self.last = seq = next_seq()
        for array in arrays:
            owner = BY_TYPE[array.__class__].owner(array)
            self._by_owner[id(owner)] = (ref(owner), seq, op, line)
        if len(self._by_owner) > self._limit:
            self._forget_dead()

    def prepared(self, arrays: Iterable[Any], op: str) -> Prepared:
        """The entries that ``op`` makes for some arrays again and again, for ``note_prepared``: valid as long as the arrays live."""
        owners = {id(owner): owner for owner in [BY_TYPE[array.__class__].owner(array) for array in arrays]}
        return Prepared(op, {key: ref(owner) for key, owner in owners.items()})

    def note_prepared(self, entries: Prepared) -> None:
        """Remember a write to all of the memory that ``entries`` were prepared for."""
        if entries.seq != self.last or entries.seq < 0:  # somebody else wrote since, perhaps to the same memory
            self._by_owner.update({key: (reference, entries, entries.op, None) for key, reference in entries.references.items()})
        entries.seq = self.last = next_seq()

    def _forget_dead(self) -> None:
        """Drop memory that is gone, whenever the log has doubled: a reference that calls back when its array dies costs more than all the rest of a note."""
        self._by_owner = {key: entry for key, entry in self._by_owner.items() if entry[0]() is not None}
        self._limit = 64 + 2 * len(self._by_owner)

    def check(self, node: Node) -> None:
        """Raise if a value that ``node`` saved has been written since."""
        saved = node.saved
        if saved is None or saved is SPENT or isinstance(saved, Packed):
            return
        for name, value in zip(node.op.saved, saved, strict=True):
            for array in value if isinstance(value, tuple) else (value,):
                if not hasattr(array, "__setitem__"):  # a number has no memory that could be written
                    continue
                owner = BY_TYPE[array.__class__].owner(array)
                known = self._by_owner.get(id(owner))
                if known is not None and known[0]() is owner and when(known) > node.seq:
                    raise InplaceError(_written_message(node, name, array, known))


class Prepared:
    """What one writer writes to, again and again: memory by its owner's address, and when it was written last (-1: never)."""

    __slots__ = ("op", "references", "seq")

    def __init__(self, op: str, references: dict[int, Any]) -> None:
        self.op = op
        self.references = references
        self.seq = -1


def when(entry: tuple[Any, int | Prepared, str, str | None]) -> int:
    """The ``seq`` of a write in the log."""
    return entry[1].seq if isinstance(entry[1], Prepared) else entry[1]


WRITES = Writes()


def _written_message(node: Node, name: str, array: Any, known: tuple[Any, int | Prepared, str, str | None]) -> str:
    _, _, writer, line = known
    saver = f"{node.op.name}" + (f" (recorded at {node.line})" if node.line else "")
    where = f" at {line}" if line else ""
    other = f"{writer.rstrip('_')} instead of {writer}, or " if writer.endswith("_") else ""
    fix = f"Compute backward before the write, or write to a copy ({other}.clone() first)"
    hint = "" if node.line else ". Run inside autograd.detect_anomaly() to see both source lines"
    return (f"one of the variables needed for gradient computation has been modified by an inplace operation: {saver} saved {name!r} "
            f"{tuple(array.shape)} for its gradient, then {writer}{where} wrote to the same memory. {fix}{hint}")


class Reading:
    """A way to read rules: the namespace of ops they see, and how saved values enter it."""

    def lift(self, value: Any, node: Node | Leaf | None) -> Any:
        """A saved raw value in this reading; ``node`` is where it was computed."""
        raise NotImplementedError

    def is_complex(self, value: Any) -> bool:
        """Whether a value of this reading is complex."""
        raise NotImplementedError

    raw = False
    accumulate = staticmethod(accumulate)
    pull = staticmethod(pull_general)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no op is called {name!r}")

    def contributions(self, node: Node, g: Any) -> Sequence[Any]:
        """The cotangent of each parent (``None`` where none is wanted), each in its parent's shape."""
        op = node.op
        parents = node.parents
        rule = self._joint_rule(node)
        if rule is not None:
            results: Sequence[Any] = rule.function(self, g, *self._values(rule, node))
        else:
            names = op.inputs
            rules = op.rules
            results = [
                None if parent is None or names[i] not in rules else rules[names[i]].function(self, g, *self._values(rules[names[i]], node))
                for i, parent in enumerate(parents)
            ]
        return [
            None if parent is None or result is None else result if result.shape == parent.shape and node.dtypes is None else self._fit(node, i, result)
            for i, (parent, result) in enumerate(zip(parents, results, strict=True))
        ]

    def _joint_rule(self, node: Node) -> Rule | None:
        """The fused rule where it can run: on raw arrays, and if the kernel kept its residuals. Else the joint one, if any."""
        op = node.op
        if self.raw and op.fused is not None and (not op.residuals or node.saved[op.saved.index(op.residuals[0])] is not None):
            return op.fused
        return op.joint

    def _fit(self, node: Node, i: int, result: Any) -> Any:
        """Undo broadcasting, and take the real part where a real input met complex ones; else the rule is wrong."""
        shape = node.parents[i].shape
        if result.shape != shape:
            if not node.op.broadcasts:
                name = node.op.inputs[min(i, len(node.op.inputs) - 1)]
                raise ShapeError(f"{node.op.name}: the rule for {name!r} returned the shape {tuple(result.shape)}, expected {tuple(shape)}")
            result = self.sum_to(result, shape=shape)
        if node.dtypes is not None and node.dtypes[i] is not None and node.dtypes[i].is_complex is not self.is_complex(result):
            result = self.to_dtype(result, dtype=node.dtypes[i]) if node.dtypes[i].is_complex else self.real(result)
        return result

    def _values(self, rule: Rule, node: Node) -> list[Any]:
        values = []
        op = node.op
        for name in rule.names:
            if name in op.saved:
                value = node.saved[op.saved.index(name)]
                if op.variadic and name == op.inputs[0]:
                    value = tuple(self.lift(each, parent) for each, parent in zip(value, node.parents, strict=True))
                elif name == "out":
                    value = self._conjugate(op, self.lift(value, node))
                elif name in op.inputs:
                    if node.dtypes is not None and "branch_cut" in op.extra and isinstance(value, (int, float)):
                        value = complex(value)  # whose conjugate lies on the other side of the logarithm's branch cut
                    value = self._conjugate(op, self.lift(value, node.parents[op.inputs.index(name)]))
                elif op.outputs is not None and name in op.outputs:
                    value = self._conjugate(op, self.lift(value, _output(node, op.outputs.index(name), value)))
            elif name in node.attrs:
                value = node.attrs[name]
            elif name == "needs":
                value = tuple(parent is not None for parent in node.parents)
            else:
                stem, _, what = name.rpartition("_")
                entries = node.shapes if what == "shape" else node.dtypes
                value = entries if op.variadic else entries[op.inputs.index(stem)]
            values.append(value)
        return values

    def _conjugate(self, op: Any, value: Any) -> Any:
        if not op.holomorphic:
            return value
        return value.conjugate() if value.__class__ is complex else self.conj(value) if self.is_complex(value) else value


def _output(node: Node, index: int, array: Any) -> Node | None:
    return None if array is None or index in node.op.constant_outputs else output_node(node, index, array)


class RawReading(Reading):
    """Rules read on the raw arrays of one library: ops are its kernels."""

    raw = True

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def lift(self, value: Any, node: Node | Leaf | None) -> Any:
        """See :meth:`Reading.lift`."""
        return value

    def is_complex(self, value: Any) -> bool:
        """Whether a value of this reading is complex."""
        return bool(getattr(value, "dtype", None) is not None and value.dtype.kind == "c")

    def __getattr__(self, name: str) -> Any:
        op = REGISTRY.get(name)
        if op is not None and op.variadic:
            found: Callable[..., Any] = lambda tensors, **attrs: op.kernel(self.backend.xp, *tensors, **attrs)  # noqa: E731 - a list, as Tensors take it
        elif op is not None:
            found = op.bound(self.backend)
        elif name in COMPOSITES:
            found = MethodType(COMPOSITES[name].function, self)
        else:
            raise AttributeError(f"no op is called {name!r}")
        setattr(self, name, found)
        return found


class _ByType(dict[type, RawReading]):
    def __missing__(self, array_type: type) -> RawReading:
        backend = BY_TYPE[array_type]
        for known in self.values():
            if known.backend is backend:
                break
        else:
            known = RawReading(backend)
        self[array_type] = known
        return known


RAW = _ByType()
"""Array type -> the raw reading of its library."""


class _Nothing(set[Any]):
    """The owned set of a pass over Tensors: nothing may be accumulated in place."""

    def add(self, element: Any) -> None:
        pass


def _reach(order: list[Any], leaves: list[Any], pending: dict[Any, Any], spent_too: bool) -> bool:
    """Find all that the roots in ``order`` were computed from; whether ``order`` is the newest first then, as it is for a chain."""
    newest_first = True
    before = math.inf
    for node in order:
        if node.saved is SPENT and not spent_too:
            raise GraphError(_SPENT_MESSAGE.format(node.op.name))
        seq = node.seq
        if seq > before:
            newest_first = False
        before = seq
        parent = node._first
        if parent not in pending:
            pending[parent] = None
            (leaves if type(parent) is Leaf else order).append(parent)
        parent = node._second
        if parent is not None and parent not in pending:
            pending[parent] = None
            (leaves if type(parent) is Leaf else order).append(parent)
        if node._rest:
            for parent in node._rest:
                if parent not in pending:
                    pending[parent] = None
                    (leaves if type(parent) is Leaf else order).append(parent)
    return newest_first


def run_straight(root: Node | Leaf, g: Any, release: bool, land: Callable[[Leaf, Any, bool], None]) -> None:
    """``run`` of one root over raw arrays to all leaves, which nearly every pass is: it begins and ends in half the time."""
    owned: set[Any] = set()
    pending: dict[Any, Any] = {None: owned, root: g}
    order: list[Any] = []
    leaves: list[Any] = []
    (leaves if root.leaf else order).append(root)
    if not _reach(order, leaves, pending, False):
        order.sort(key=by_seq, reverse=True)
    _sweep_arrays(order, pending, release, None)
    for leaf in leaves:
        g = pending.pop(leaf)
        if g is None:
            continue
        fresh = leaf in owned
        if leaf.hooks is not None:
            g, fresh = _hooked(leaf, g, fresh)
        land(leaf, g, fresh)


def run(roots: Sequence[Node | Leaf], cotangents: Sequence[Any], *, reading: Reading | None = None, retain_graph: bool = False,
        targets: Iterable[Node | Leaf] | None = None, land: Callable[[Leaf, Any, bool], None] | None = None,
        watch: Callable[[list[Any], dict[Any, Any]], Any] | None = None) -> dict[Any, Any]:
    """Pull cotangents from ``roots`` back to the leaves.

    ``reading`` is ``None`` for raw arrays. Each leaf's cotangent goes to ``land(leaf, cotangent, owned)``, where owned
    means a fresh array that nothing else refers to. With ``targets``, only what leads to them is visited and their
    cotangents are returned instead. ``watch(order, pending)`` gives the nodes in their order, and sees the time that each takes.
    """
    pending: dict[Any, Any] = {None: None}
    order: list[Any] = []
    leaves: list[Any] = []
    for root in roots:
        if root not in pending:
            pending[root] = None
            (leaves if root.leaf else order).append(root)
    newest_first = _reach(order, leaves, pending, targets is not None)
    if not newest_first:
        order.sort(key=by_seq, reverse=True)
    wanted = None
    if targets is not None:
        wanted = dict.fromkeys(targets)
        order = _leading_to(order, wanted)
        for node in order:
            if node.saved is SPENT:
                raise GraphError(_SPENT_MESSAGE.format(node.op.name))
    if watch is not None:
        order = watch(order, pending)
    pending[None] = owned = set() if reading is None else _Nothing()
    for root, g in zip(roots, cotangents):  # noqa: B905 - one cotangent per root, by the callers
        if pending[root] is None:
            pending[root] = g
        else:
            (RAW[g.__class__] if reading is None else reading).accumulate(pending, root, g)
    if reading is None:
        _sweep_arrays(order, pending, not retain_graph, wanted)
    else:
        _sweep_tensors(order, pending, not retain_graph, wanted, reading)
    ends: Iterable[Any] = leaves if wanted is None else wanted
    for end in ends:
        g = pending.pop(end, None)
        if g is None:
            continue
        fresh = end in owned
        if end.hooks is not None:
            g, fresh = _hooked(end, g, fresh)
        if wanted is not None:
            wanted[end] = g
            if not end.leaf and end.value is not None:
                end.gradient = g if reading is None or reading.raw else g._array
        elif land is not None:
            land(end, g, fresh)
    return wanted or {}


def _sweep_arrays(order: list[Any], pending: dict[Any, Any], release: bool, wanted: dict[Any, Any] | None) -> None:
    F: Any = None
    array_type = None
    pop = pending.pop
    last_write = WRITES.last
    for node in order:
        g = pop(node)
        if type(g) is not array_type:
            if g is None:
                continue
            if type(g) is not list:
                array_type = type(g)
                F = RAW[array_type]
        if node.hooks is not None:
            g = _hooked(node, g, False)[0]
        if node.seq < last_write:
            WRITES.check(node)
        node.pull(node, F, g, pending)
        if node.value is not None:
            node._gradient = g
        if wanted is not None and node in wanted:
            wanted[node] = g
        if release and node.saved is not None:
            node.saved = SPENT


_OWN_PULLS = (pull_output, pull_watched, pull_packed)
"""What is written for any reading; other pulls are unrolled for raw arrays."""


def _sweep_tensors(order: list[Any], pending: dict[Any, Any], release: bool, wanted: dict[Any, Any] | None, reading: Reading) -> None:
    for node in order:
        g = pending.pop(node)
        if g is None:
            continue
        if node.hooks is not None:
            g = _hooked(node, g, False)[0]
        WRITES.check(node)
        pull = node.pull if node.pull in _OWN_PULLS else reading.pull
        pull(node, reading, g, pending)
        if node.value is not None and type(g) is not list:
            node.gradient = g if reading.raw else g._array
        if wanted is not None and node in wanted:
            wanted[node] = g
        if release and node.saved is not None:
            node.saved = SPENT


def _hooked(node: Any, g: Any, owned: bool) -> tuple[Any, bool]:
    """A cotangent after the node's hooks, and whether it is still ours to keep."""
    for hook in list(node.hooks):
        if hook is RETAIN:
            continue
        changed = hook(g)
        if changed is not None:
            g, owned = changed, False
    if RETAIN in node.hooks:  # last, so that it keeps what the hooks made of the gradient
        before = node.retained
        node.retained = g if before is None else before + g
        owned = False
    return g, owned


def _leading_to(order: list[Any], targets: Iterable[Any]) -> list[Any]:
    """The nodes of ``order`` (newest first) with a path to a target: a target itself only if it lies on the way to another, else its own rule is not wanted."""
    useful = set(targets)
    leading = []
    for node in reversed(order):
        if any(parent in useful for parent in node.parents):
            useful.add(node)
            leading.append(node)
    return leading[::-1]


_SPENT_MESSAGE = (
    "Trying to backward through the graph a second time: the values that {} saved were released by an earlier backward. "
    "Give that one retain_graph=True, or compute the result again first"
)
