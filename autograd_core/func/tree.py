"""Nested lists, tuples and dicts of tensors: taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..storage import TensorBase


class Structure:
    """The shape of a nested value; ``build(leaves)`` fills it with other leaves."""

    __slots__ = ("children", "count", "keys", "kind")

    def __init__(self, kind: Any, keys: Any, children: list[Structure], count: int) -> None:
        self.kind = kind
        self.keys = keys
        self.children = children
        self.count = count

    def build(self, leaves: Any) -> Any:
        """The nested value with these leaves, one for each place."""
        return self._build(iter(leaves))

    def _build(self, leaves: Any) -> Any:
        if self.kind is None:
            return next(leaves)
        parts = [child._build(leaves) for child in self.children]
        if self.keys is not None:
            return dict(zip(self.keys, parts, strict=True)) if self.kind is dict else self.kind(zip(self.keys, parts, strict=True))
        return self.kind(*parts) if hasattr(self.kind, "_fields") else self.kind(parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.kind, self.keys, self.children) == (other.kind, other.keys, other.children)

    def __repr__(self) -> str:
        return repr(self.build(["*"] * self.count))

    __hash__ = None  # type: ignore[assignment]


LEAF = Structure(None, None, [], 1)


def flatten(value: Any) -> tuple[list[Any], Structure]:
    """The leaves of nested lists, tuples and dicts, and the structure that puts them together again.

    >>> leaves, structure = flatten({"a": (1, [2, 3]), "b": 4})
    >>> leaves, structure.build([leaf * 10 for leaf in leaves])
    ([1, 2, 3, 4], {'a': (10, [20, 30]), 'b': 40})
    """
    if isinstance(value, dict):
        keys: Any = tuple(value)
        parts = [flatten(value[key]) for key in keys]
    elif isinstance(value, (list, tuple)):
        keys = None
        parts = [flatten(each) for each in value]
    else:
        return [value], LEAF
    leaves = [leaf for part, _ in parts for leaf in part]
    return leaves, Structure(type(value), keys, [structure for _, structure in parts], len(leaves))


def tree_map(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """``function`` of each leaf (and of the leaves of ``others`` at the same place), in the same structure."""
    leaves, structure = flatten(value)
    rest = [flatten(other)[0] for other in others]
    return structure.build([function(*each) for each in zip(leaves, *rest, strict=True)])


def map_tensors(function: Callable[[Any], Any], value: Any) -> Any:
    """``function`` of each tensor; other leaves stay as they are."""
    return tree_map(lambda leaf: function(leaf) if isinstance(leaf, TensorBase) else leaf, value)


def tensors_of(value: Any, caller: str, argument: str) -> tuple[list[Any], Structure]:
    """The leaves, all of which must be tensors; ``TypeError`` names the function and the argument otherwise."""
    leaves, structure = flatten(value)
    for leaf in leaves:
        if not isinstance(leaf, TensorBase):
            raise TypeError(f"{caller}: expected {argument} to be a Tensor or nested lists, tuples and dicts of Tensors, but there is a {type(leaf).__name__} in it")
    return leaves, structure
