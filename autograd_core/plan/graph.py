"""A recorded step as plain data: values, and the kernel calls that make them, in the order in which they ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..op import Op
from .live import Live


@dataclass(frozen=True)
class Argument:
    """A tensor that the caller passes, by its position among all of them."""

    index: int


@dataclass(frozen=True)
class Captured:
    """Memory that existed before: a parameter, a buffer, the state of an optimizer. It is read anew at each replay."""

    array: Any
    tensor: Any
    """The Tensor that holds it, ``None`` if only the memory is known."""


@dataclass(frozen=True)
class Constant:
    """Numbers that were made inside the function and were the same both times."""

    array: Any


@dataclass(frozen=True)
class EntryGradient:
    """The ``.grad`` that a leaf has when the step begins."""

    leaf: Any


class Value:
    """One array: who makes it (``origin`` of what comes from outside), how it looks, and whose memory it is (``root``)."""

    __slots__ = ("_base", "dtype", "origin", "shape", "snapshot", "strides")

    def __init__(self, array: Any, origin: Any = None, root: Value | None = None) -> None:
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = array.dtype
        self.strides: tuple[int, ...] = tuple(array.strides)
        self.origin = origin
        self._base: Value | None = None if root is None else root.root
        self.snapshot: Any = None
        """What a captured array held before the step first wrote to it, or what stands for that: see ``snapshots.py``."""

    @property
    def root(self) -> Value:
        """The Value whose memory this is; itself, if it has its own."""
        value = self
        while value._base is not None:
            value = value._base
        return value

    @root.setter
    def root(self, value: Value) -> None:
        self._base = None if value.root is self else value.root

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        count = int(self.dtype.itemsize)
        for size in self.shape:
            count *= size
        return count

    @property
    def external(self) -> bool:
        """Whether the memory is not the plan's own."""
        return self.root.origin is not None

    def __repr__(self) -> str:
        return f"<{self.dtype} {list(self.shape)}>"


@dataclass(eq=False)
class Step:
    """One kernel call: ``function(*inputs, **attrs)``.

    ``inputs`` are Values, numbers, and tuples or lists of those; ``outputs`` has one entry per result, ``None`` for those
    that are nothing. ``into`` says that the result is written into the first input; ``writes`` lists all inputs that are
    written. ``live`` reads the attributes anew at each replay.
    """

    name: str
    kind: str
    """``op``; ``kept``, an op that also returns what its fused rule needs; ``rule``, a local gradient; ``update``; ``flag``; ``rare``, what runs now and then."""
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    attrs: dict[str, Any]
    outputs: tuple[Value | None, ...]
    op: Op | None = None
    single: bool = True
    into: bool = False
    writes: tuple[Value, ...] = ()
    live: Callable[[], dict[str, Any]] | None = None
    line: str = ""
    scope: str | None = None
    takes_out: str = ""
    """The keyword under which the call takes the memory for its result, if it does."""
    to_target: bool = False
    """The call takes the memory for its result, and that is ``writes[0]``."""
    elementwise: bool = False
    """Each entry of the result depends on one entry of each input, so the result may lie where an input lay."""
    parts: list[Step] = field(default_factory=list)
    """The steps that a ``fused`` one works through in blocks."""
    part_of: str = ""
    """The step that was taken apart into this and others."""

    def reads(self) -> Iterator[Value]:
        """The Values among the inputs, those inside tuples and lists too."""
        return values_in(self.inputs)

    def __repr__(self) -> str:
        return f"<step {self.name} {self.kind}>"


def values_in(tree: Any) -> Iterator[Value]:
    """The Values in nested tuples, lists and dicts."""
    if isinstance(tree, Value):
        yield tree
    elif tree.__class__ is Live:
        yield from tree.inputs
    elif isinstance(tree, (tuple, list)):
        for each in tree:
            yield from values_in(each)
    elif isinstance(tree, dict):
        for each in tree.values():
            yield from values_in(each)


def replaced(tree: Any, mapping: Any) -> Any:
    """A tree with each Value ``v`` replaced by ``mapping(v)``."""
    if isinstance(tree, Value):
        return mapping(tree)
    if tree.__class__ is Live and tree.inputs:
        return Live(tree.expression, tree.value, tree.asked, tuple([mapping(value) for value in tree.inputs]), tree.early)
    if isinstance(tree, (tuple, list)):
        parts = [replaced(each, mapping) for each in tree]
        return tree.__class__(*parts) if hasattr(tree, "_fields") else tree.__class__(parts)
    if isinstance(tree, dict):
        return {key: replaced(each, mapping) for key, each in tree.items()}
    return tree


@dataclass
class Graph:
    """All kernel calls of one call of a function, what they take from outside and what they leave there."""

    steps: list[Step] = field(default_factory=list)
    arguments: list[Value] = field(default_factory=list)
    externals: list[Value] = field(default_factory=list)
    """What is captured, constant, or an entry gradient."""
    results: Any = None
    """What the function returned, with Values for its tensors."""
    gradients: dict[Any, Value | None] = field(default_factory=dict)
    """Leaf -> what its ``.grad`` is in the end, for the leaves whose ``.grad`` is another object than before."""
    entry: dict[Any, bool] = field(default_factory=dict)
    """Leaf -> whether it has a ``.grad`` at the beginning, for the leaves whose ``.grad`` the step looks at."""
    live: list[tuple[Callable[[], Any], dict[str, Any], tuple[tuple[str, bool], ...]]] = field(default_factory=list)
    """For each update: how its attributes are read, those that decide what it does, and what was asked of the numbers among them."""
    training: dict[Any, bool] = field(default_factory=dict)
    """Module -> whether it was in training mode."""
    modes: dict[Any, bool] = field(default_factory=dict)
    """Module -> whether the step leaves it in training mode, for those that it sets."""

    def kept(self) -> Iterator[Value]:
        """The Values that must exist when the step is over."""
        yield from values_in(self.results)
        for value in self.gradients.values():
            if value is not None:
                yield value

    def writes(self) -> list[Value]:
        """What the step writes outside of its own memory, each memory once."""
        return list(dict.fromkeys(value.root for step in self.steps for value in step.writes if value.external))
