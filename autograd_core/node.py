"""The recorded graph: plain data, one ``Node`` per result and one ``Leaf`` per tensor that asks for a gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from .op import Op

next_seq = itertools.count(1).__next__
"""Numbers nodes and writes in the order they happen: inputs always precede outputs."""


class _Spent:
    """Stands for saved values that a backward pass has released."""

    def __repr__(self) -> str:
        return "<released by backward>"


SPENT = _Spent()
RETAIN = "retain"
"""Stands among a node's hooks for: keep the gradient, as ``retain_grad`` asks. No function, so that no hook refers to its own node."""


def _optional(slot: str, doc: str, default: Any = None) -> Any:
    """A property over a slot that fast paths leave unset, because a store is the cheapest thing not to do."""

    def get(node: Any) -> Any:
        return getattr(node, slot, default)

    def put(node: Any, value: Any) -> None:
        setattr(node, slot, value)

    return property(get, put, doc=doc)


def _noted(key: str, doc: str) -> Any:
    """A property that few nodes have: an entry of one dict, so that the many have one slot less each for the collector to visit."""

    def get(node: Any) -> Any:
        return getattr(node, "_notes", _NOTHING).get(key)

    def put(node: Any, value: Any) -> None:
        notes = getattr(node, "_notes", None)
        if notes is None:
            notes = node._notes = {}
        notes[key] = value

    return property(get, put, doc=doc)


_NOTHING: dict[str, Any] = {}
Pull = Callable[["Node", Any, Any, dict[Any, Any]], None]


class Node:
    """How one result was computed. It never refers to a Tensor that refers to it: a graph holds no reference cycle.

    ======================  ==========================================================================================
    ``op``, ``attrs``       the operation and its attributes
    ``pull``                the function that gives each parent its cotangent: ``pull(node, F, g, pending)``
    ``parents``             the node of each input, ``None`` where an input needs no gradient
    ``saved``               the values that the op's rules name, in the order of ``op.saved``
    ``shape``               of the result
    ``shapes``, ``dtypes``  of the inputs, where a rule may ask for them
    ``seq``                 position in the order of recording
    ``hooks``               functions called with the cotangent, or ``None``
    ``scope``               path of the module that recorded it
    ``value``, ``gradient`` kept for drawing: of results without dimensions, and of everything inside ``record()``
    ``constants``           inputs without gradient of a kept result, as (position, value)
    ``retained``            the gradient that ``retain_grad`` asked for: a raw array, a Tensor once it was read
    ``index``               which output this is, only on the nodes of single outputs of an op with several
    ``name``, ``line``      given by the user; the user's source line, in anomaly mode
    ======================  ==========================================================================================

    What differs between ops is data, not a class of its own: the interpreter then reads slots without looking them up.
    """

    __slots__ = ("_constants", "_first", "_gradient", "_notes", "_rest", "_second", "hooks", "pull", "saved", "scope", "seq", "shape", "value")
    leaf = False
    pull: Pull
    saved: Any
    shape: tuple[int, ...]
    seq: int
    hooks: list[Any] | None
    scope: str | None
    value: Any
    # Two parents lie in slots of their own, further ones in a tuple: a million nodes are then a million objects for the
    # garbage collector to look at, not two.
    _first: Any
    _second: Any
    _rest: Any
    _constants: Any
    _gradient: Any

    @property
    def op(self) -> Op:
        """The operation: a pull that was made for one op knows it."""
        return self.pull.op  # type: ignore[attr-defined, no-any-return]

    @property
    def parents(self) -> tuple[Any, ...]:
        """The node of each input, ``None`` where an input needs no gradient."""
        rest = self._rest
        return (self._first,) if rest is None else (self._first, self._second, *rest)

    @parents.setter
    def parents(self, nodes: tuple[Any, ...]) -> None:
        self._first = nodes[0]
        self._second = nodes[1] if len(nodes) > 1 else None
        self._rest = tuple(nodes[2:]) if len(nodes) > 1 else None

    @property
    def constants(self) -> tuple[tuple[int, Any], ...]:
        """The inputs without gradient of a kept result, as (position, value)."""
        kept = getattr(self, "_constants", None)  # one value alone, or a tuple: a million nodes are kept small
        values = kept if isinstance(kept, tuple) else (kept,)
        positions = [i for i, parent in enumerate(self.parents) if parent is None]
        return tuple((i, value) for i, value in zip(positions, values, strict=False) if value is not None)

    attrs = _optional("_attrs", "The op's attributes.", {})
    shapes = _optional("_shapes", "The shapes of the inputs.")
    dtypes = _optional("_dtypes", "The dtypes of the inputs.")
    gradient = _optional("_gradient", "The kept cotangent, a raw array.")
    line = _noted("line", "The user's source line, in anomaly mode.")
    cuts = _noted("cuts", "The marks of inputs without gradient that were cut from a graph.")
    birth = _noted("birth", "What was born here, in anomaly mode: a NaN or an infinity made of finite numbers.")
    name = _noted("name", "The name that the user gave.")
    seconds = _noted("seconds", "How long the op took forward, and its rule backward so far: a list of two, inside ``profile()``.")
    passed = _noted("passed", "In anomaly mode, on the root of a pass that released its graph: lives as long as the node, for ``growth``.")
    kept = _noted("kept", "Inside ``profile()``: lives as long as the node, so that its end is seen.")
    retained = _noted("retained", "The gradient that ``retain_grad`` asked for.")

    def __repr__(self) -> str:
        label = f" {self.name!r}" if self.name else ""
        return f"<{self.op.name}{label} {self.shape}>"


class GeneralNode(Node):
    """A node that also has attributes, or whose rules ask for the shapes or dtypes of its inputs, or that is one of several outputs."""

    __slots__ = ("_attrs", "_dtypes", "_shapes", "index", "op")
    op: Op  # a slot in place of the property
    _attrs: dict[str, Any]
    _shapes: Any
    _dtypes: Any
    index: int


def retain_gradient(node: Node) -> None:
    """Let backward keep the gradient of a result on its node."""
    if node.hooks is None:
        node.hooks = []
    if RETAIN not in node.hooks:
        node.hooks.append(RETAIN)


def pull_general(node: Node, F: Any, g: Any, pending: dict[Any, Any]) -> None:
    """Give each parent its cotangent, for any op and in any reading: run the rules, undo broadcasting, accumulate."""
    for parent, contribution in zip(node.parents, F.contributions(node, g), strict=True):
        if parent is not None and contribution is not None:
            if pending[parent] is None:
                pending[parent] = contribution
            else:
                F.accumulate(pending, parent, contribution)


class Packed:
    """In the place of saved values that are kept elsewhere or computed again: ``unpack()`` gives them back as a tuple."""

    __slots__ = ("unpack",)

    def __init__(self, unpack: Callable[[], tuple[Any, ...]]) -> None:
        self.unpack = unpack


def pull_packed(node: Node, F: Any, g: Any, pending: dict[Any, Any]) -> None:
    """``pull_general`` of a node whose saved values are ``Packed``."""
    packed = node.saved
    if isinstance(packed, Packed):
        node.saved = packed.unpack()
    try:
        pull_general(node, F, g, pending)
    finally:
        node.saved = packed


def pull_watched(node: Node, F: Any, g: Any, pending: dict[Any, Any]) -> None:
    """``pull_general`` in anomaly mode: raises where a rule makes the first NaN of a backward pass."""
    if not _has_nan(F, g):
        for i, (parent, contribution) in enumerate(zip(node.parents, F.contributions(node, g), strict=True)):
            if parent is not None and contribution is not None and _has_nan(F, contribution):
                from .births import at_fault

                name = node.op.inputs[min(i, len(node.op.inputs) - 1)]
                raise RuntimeError(
                    f"Function '{node.op.name}' returned nan values in its {i}th output: the gradient of {name!r}, shape {tuple(parent.shape)}{at_fault(node, contribution, g)}"
                    + (f", recorded at {node.line}" if node.line else "") + _remedy(F, node.op, g)
                )
    pull_general(node, F, g, pending)


def _remedy(F: Any, op: Op, g: Any) -> str:
    """What to do about a NaN that a rule made."""
    from .births import advice, told

    told()
    if not isinstance(g, list) and bool(F.isinf(g).any()):
        return (". An infinite gradient arrived from the operation after it, and infinity times 0 is NaN: look for sqrt, a norm or a power at 0 there, "
                "and add a small number inside it, sqrt(x + eps)")
    fix = advice(op)
    masked = not isinstance(g, list) and bool((g == 0).any())
    words = f". What to write instead: {fix}" if fix else ""
    if masked:
        words += (". Its upstream gradient is 0 in places: a where() or mask around it leaves 0 times infinity; "
                  "choose a harmless input before the operation, op(where(mask, x, 1)), not only after it")
    return words


def _has_nan(F: Any, value: Any) -> bool:
    return any(_has_nan(F, each) for each in value) if isinstance(value, list) else value is not None and bool(F.isnan(value).any())


def pull_output(node: Any, F: Any, g: Any, pending: dict[Any, Any]) -> None:
    """For one output of an op with several: pass its cotangent on as the parent's ``index``-th."""
    parent = node._first
    collected = pending[parent]
    if collected is None:
        collected = pending[parent] = [None] * len(parent.op.outputs or ())
    before = collected[node.index]
    collected[node.index] = g if before is None else F.add(before, g)


def output_node(parent: Node, index: int, array: Any) -> GeneralNode:
    """The node of one output of ``parent``."""
    node = GeneralNode()
    node.op = parent.op
    node.pull = pull_output
    node.index = index
    node._first = parent
    node._second = node._rest = node.saved = node.hooks = node.value = None
    node.scope = parent.scope
    node.shape = array.shape
    node.seq = next_seq()
    return node


class Leaf:
    """A tensor that asks for a gradient: where backward leaves it.

    Holds the gradient (a Tensor), the array, the shape and the name, never the tensor itself.
    """

    __slots__ = ("_notes", "array", "grad", "hooks", "name", "post_hooks", "seq", "shape")
    leaf = True
    parents: tuple[Any, ...] = ()

    array: Any
    shape: tuple[int, ...]
    grad: Any
    name: str | None
    hooks: list[Any] | None
    post_hooks: list[Any] | None
    seq: int
    _notes: dict[str, Any]
    cuts = _noted("cuts", "The mark of what this tensor was cut from before it asked for a gradient.")

    def __repr__(self) -> str:
        return f"<leaf {self.name or ''} {self.shape}>"


def make_leaf(array: Any, name: str | None = None) -> Leaf:
    """A leaf over ``array``, without a gradient yet."""
    leaf = Leaf()
    leaf.array = array
    leaf.shape = array.shape
    leaf.grad = leaf.hooks = leaf.post_hooks = None
    leaf.name = name
    leaf.seq = next_seq()
    return leaf


def accumulate(pending: dict[Any, Any], node: Any, g: Any) -> None:
    """Add a further cotangent to a node's: the first is borrowed, the sum of two is owned, later ones go in place.

    ``pending[None]`` is the set of nodes whose pending cotangent this pass owns.
    """
    before = pending[node]
    owned = pending[None]
    if node in owned and before.shape:
        before += g
    else:
        pending[node] = before + g
        owned.add(node)

