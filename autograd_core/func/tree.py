"""Nested lists, tuples, deques and dicts of tensors: taken apart and put together again.

``None`` stands for nothing at all (a missing bias, a mask that is not given): it has no leaves, and stays where it is.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from ..storage import TensorBase


class Structure:
    """The shape of a nested value; ``build(leaves)`` fills it with other leaves."""

    __slots__ = ("children", "count", "factory", "keys", "kind")

    def __init__(self, kind: Any, keys: Any, children: list[Structure], count: int, factory: Any = None) -> None:
        self.factory = factory  # of a defaultdict
        self.kind = kind  # the container's type, NoneType where there is nothing, None for a leaf
        self.keys = keys
        self.children = children
        self.count = count

    def build(self, leaves: Any) -> Any:
        """The nested value with these leaves, one for each place."""
        return self._build(iter(leaves))

    def _build(self, leaves: Any) -> Any:
        if self.kind is None:
            return next(leaves)
        if self.kind is type(None):
            return None
        parts = [child._build(leaves) for child in self.children]
        if self.keys is not None:
            pairs = zip(self.keys, parts, strict=True)
            return defaultdict(self.factory, pairs) if self.factory is not None else self.kind(pairs)
        return self.kind(*parts) if hasattr(self.kind, "_fields") else self.kind(parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.kind, self.keys, self.children) == (other.kind, other.keys, other.children)

    def __repr__(self) -> str:
        return repr(self.build(["*"] * self.count))

    __hash__ = None  # type: ignore[assignment]


LEAF = Structure(None, None, [], 1)
NOTHING = Structure(type(None), None, [], 0)


def flatten(value: Any) -> tuple[list[Any], Structure]:
    """The leaves of nested lists, tuples and dicts, and the structure that puts them together again.

    >>> leaves, structure = flatten({"a": (1, [2, None]), "b": 4})
    >>> leaves, structure.build([leaf * 10 for leaf in leaves])
    ([1, 2, 4], {'a': (10, [20, None]), 'b': 40})
    """
    if value is None:
        return [], NOTHING
    if isinstance(value, dict):
        keys: Any = tuple(value)
        parts = [flatten(value[key]) for key in keys]
    elif isinstance(value, (list, tuple, deque)):
        keys = None
        parts = [flatten(each) for each in value]
    else:
        return [value], LEAF
    leaves = [leaf for part, _ in parts for leaf in part]
    return leaves, Structure(type(value), keys, [structure for _, structure in parts], len(leaves), getattr(value, "default_factory", None))


def tree_map(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """``function`` of each leaf (and of the leaves of ``others`` at the same place), in the same structure."""
    leaves, structure = flatten(value)
    rest = [flatten(other)[0] for other in others]
    return structure.build([function(*each) for each in zip(leaves, *rest, strict=True)])


def map_tensors(function: Callable[[Any], Any], value: Any) -> Any:
    """``function`` of each tensor; other leaves stay as they are."""
    return tree_map(lambda leaf: function(leaf) if isinstance(leaf, TensorBase) else leaf, value)


def tensors_of(value: Any, caller: str, argument: str, *, some: bool = False) -> tuple[list[Any], Structure]:
    """The leaves, all of which must be tensors; ``TypeError`` names the function and the argument otherwise. ``some`` demands at least one."""
    leaves, structure = flatten(value)
    if some and not leaves:
        raise RuntimeError(f"{caller}: expected {argument} to have at least one Tensor in it, got {value!r}")
    for leaf in leaves:
        if not isinstance(leaf, TensorBase):
            raise TypeError(f"{caller}: expected {argument} to be a Tensor or nested lists, tuples and dicts of Tensors, but there is a {type(leaf).__name__} in it")
    return leaves, structure
