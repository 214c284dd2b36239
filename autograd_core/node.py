"""The recorded graph: plain data, one ``Node`` per result and one ``Leaf`` per tensor that asks for a gradient."""

from __future__ import annotations

import itertools
from typing import Any

from .op import Op

next_seq = itertools.count(1).__next__
"""Numbers nodes and writes in the order they happen: inputs always precede outputs."""


class _Spent:
    """Stands for saved values that a backward pass has released."""

    def __repr__(self) -> str:
        return "<released by backward>"


SPENT = _Spent()
_OPTIONAL = frozenset(("constants", "dtypes", "gradient", "line", "name", "retained", "shapes", "value"))


class Node:
    """How one result was computed. It never refers to a Tensor that refers to it: a graph holds no reference cycle.

    ======================  ==========================================================================================
    ``op``, ``attrs``       the operation and its attributes
    ``parents``             the node of each input, ``None`` where an input needs no gradient
    ``saved``               the values that the op's rules name, in the order of ``op.saved``
    ``shape``               of the result
    ``shapes``, ``dtypes``  of the inputs, where a rule may ask for them
    ``seq``                 position in the order of recording
    ``hooks``               functions called with the cotangent, or ``None``
    ``scope``               path of the module that recorded it
    ``value``, ``gradient`` kept for drawing: of results without dimensions, and of everything inside ``record()``
    ``constants``           inputs without gradient of a kept result, as (position, value)
    ``retained``            the Tensor that ``retain_grad`` asked for
    ``name``, ``line``      given by the user; the user's source line, in anomaly mode
    ======================  ==========================================================================================

    Slots from ``value`` on, and ``shapes`` and ``dtypes``, may be unset; reading one then gives ``None``. Fast paths
    leave them unset because a store is the cheapest thing not to do.
    """

    __slots__ = ("attrs", "constants", "dtypes", "gradient", "hooks", "line", "name", "op", "parents", "retained", "saved", "scope", "seq", "shape", "shapes", "value")
    leaf = False

    op: Op
    attrs: dict[str, Any]
    parents: tuple[Any, ...]
    saved: Any
    shape: tuple[int, ...]
    seq: int
    hooks: list[Any] | None
    scope: str | None

    def __getattr__(self, name: str) -> Any:
        if name in _OPTIONAL:
            return None
        if name == "attrs":
            return {}
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __repr__(self) -> str:
        label = f" {self.name!r}" if self.name else ""
        return f"<{self.op.name}{label} {self.shape}>"

    def pull(self, F: Any, g: Any, pending: dict[Any, Any]) -> None:
        """Give each parent its cotangent. Fast paths override this with code made for their op."""
        pull_back(self, F, g, pending)


class Item(Node):
    """One output of a node with several: passes its cotangent on as the parent's ``index``-th."""

    __slots__ = ("index",)
    index: int

    def pull(self, F: Any, g: Any, pending: dict[Any, Any]) -> None:
        parent = self.parents[0]
        collected = pending[parent]
        if collected is None:
            collected = pending[parent] = [None] * len(parent.op.outputs or ())
        before = collected[self.index]
        collected[self.index] = g if before is None else before + g


class Leaf:
    """A tensor that asks for a gradient: where backward leaves it.

    Holds the gradient (a Tensor), the array, the shape and the name, never the tensor itself.
    """

    __slots__ = ("array", "grad", "hooks", "name", "post_hooks", "seq", "shape")
    leaf = True
    parents: tuple[Any, ...] = ()

    def __init__(self, array: Any, name: str | None = None) -> None:
        self.array = array
        self.shape: tuple[int, ...] = array.shape
        self.grad: Any = None
        self.name = name
        self.hooks: list[Any] | None = None
        self.post_hooks: list[Any] | None = None
        self.seq = next_seq()

    def __repr__(self) -> str:
        return f"<leaf {self.name or ''} {self.shape}>"


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


def pull_back(node: Node, F: Any, g: Any, pending: dict[Any, Any]) -> None:
    """The general backward step of any node: run its rules, undo broadcasting, accumulate."""
    for parent, contribution in zip(node.parents, F.contributions(node, g), strict=True):
        if parent is not None and contribution is not None:
            if pending[parent] is None:
                pending[parent] = contribution
            else:
                accumulate(pending, parent, contribution)
