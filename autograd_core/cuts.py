"""Where paths of a graph end: marks on results that were cut from it, and a log of the numbers that were read out of it.

A mark holds words and numbers, never a node or a tensor, so it keeps nothing alive. It rides in the slot that tells
views from other tensors, passes on to what is computed from the tensor without a graph, and is noted on the first
recorded node that such a value enters, or on the leaf that it becomes. ``explain`` reads both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from .config import ACTIVE, MODE, READS, refuse, user_line
from .node import next_seq
from .op import Op

__all__ = ["Cut", "Read", "Source", "cut_by", "cut_from", "cut_of", "inherit_cut", "mark_copy", "note_cut", "note_cuts", "read", "reads"]


class Source(NamedTuple):
    """What a value was cut from or read from: the words of a node, without the node."""

    seq: int
    shape: tuple[int, ...]
    op: Op | None
    scope: str | None
    name: str | None
    leaves: frozenset[int] | None = None
    """The ``seq`` of all leaves behind it, known in anomaly mode."""

    def __str__(self) -> str:
        label = f"{self.name!r} " if self.name else ""
        if self.op is None:
            return f"the leaf {label}{tuple(self.shape)}"
        place = f" in module {self.scope!r}" if self.scope else ""
        return f"{label or 'a result '}of {self.op.spoken} {tuple(self.shape)}{place}"


def source_of(node: Any) -> Any:
    """The fields of a node's :class:`Source`, as a bare tuple, which is the quickest to make."""
    return (node.seq, node.shape, None, None, node.name) if node.leaf else (node.seq, node.shape, node.op, node.scope, node.name)


def full_source_of(node: Any) -> Any:
    """:func:`source_of` with the leaves behind the node, for anomaly mode: it walks the graph."""
    seen, waiting, leaves = {node}, [node], set()
    while waiting:
        each = waiting.pop()
        if each.leaf:
            leaves.add(each.seq)
        for parent in each.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return (*source_of(node), frozenset(leaves))


class Cut:
    """That a tensor's graph was cut off: ``how`` in words, what it was cut from, and the line in anomaly mode."""

    __slots__ = ("_sources", "how", "line")

    def __init__(self, how: str, sources: tuple[Any, ...] = (), line: str | None = None) -> None:
        self.how = how
        self._sources = sources
        self.line = line

    @property
    def cut(self) -> Cut:
        """Itself: what views and bases answer, too."""
        return self

    @property
    def sources(self) -> list[Source]:
        """What was cut; empty where only the op is known."""
        return [Source(*each) for each in self._sources]

    def __str__(self) -> str:
        what = " and ".join(dict.fromkeys(map(str, self.sources)))
        return self.how + (f" of {what}" if what else "") + (f" at {self.line}" if self.line else "")

    __repr__ = __str__


@cache
def cut_of(op: Op, grad: bool = False) -> Cut:
    """The mark of what ``op`` computes outside of a graph from tensors that have one: inside ``no_grad()``, or (``grad``) because it has no derivative."""
    if not grad:
        return Cut(f"{op.spoken} inside no_grad()")
    return Cut("a cast to integers" if op.name == "to_integer" else f"{op.spoken} (which has no derivative)")


def cut_from(op: Op, inputs: Iterable[Any], grad: bool, line: str) -> Cut:
    """:func:`cut_of` with what it was cut from and where, for anomaly mode."""
    return Cut(cut_of(op, grad).how, tuple([full_source_of(x._node) for x in inputs if getattr(x, "_node", None) is not None]), line)


def cut_by(how: str, source: Any) -> Cut:
    """The mark of what a user cut from a tensor that has a node."""
    if ACTIVE and MODE.get().anomaly:
        return Cut(how, (full_source_of(source._node),), user_line())
    return Cut(how, (source_of(source._node),))


def inherit_cut(t: Any, inputs: Iterable[Any]) -> None:
    """Mark a result without graph as what it was computed from is marked."""
    for x in inputs:
        view = getattr(x, "_view", None)
        if view is not None and view.cut is not None:
            t._view = view.cut
            return


def mark_copy(t: Any, source: Any, how: str = "a copy") -> None:
    """Mark a tensor that was made out of the numbers of another."""
    if source._node is not None and t._view is None:
        t._view = cut_by(how, source)
    elif t._view is None:
        inherit_cut(t, (source,))


def note_cut(node: Any, cut: Cut) -> None:
    """Note on a node that one of its inputs without graph was cut from one."""
    node.cuts = (*(node.cuts or ()), cut)


def note_cuts(node: Any, inputs: Iterable[Any]) -> None:
    """:func:`note_cut` for all inputs that need no gradient."""
    for x in inputs:
        view = getattr(x, "_view", None)
        if view is not None and x._node is None and view.cut is not None:
            note_cut(node, view.cut)


# --- reading numbers ----------------------------------------------------------------------------------------------


class Read:
    """That a number was read out of a graph in anomaly mode: how, of what, where, and when."""

    __slots__ = ("how", "line", "seq", "sources", "what")

    def __init__(self, how: str, what: str, sources: list[Source], line: str) -> None:
        self.how = how
        self.what = what
        self.sources = sources
        self.line = line
        self.seq = next_seq()

    def __str__(self) -> str:
        return f"{self.how} of {self.what} at {self.line}"

    __repr__ = __str__


def reads() -> tuple[Read, ...]:
    """The latest reads of this thread or task since it entered anomaly mode, oldest first."""
    return tuple(READS.get() or ())


def read(tensor: Any, how: str, what: str, rewrite: str) -> None:
    """Before a value is read: refuse it where a recorder looks on, and remember it in anomaly mode. Called where ``ACTIVE`` is not empty."""
    refuse(what, rewrite)
    mode = MODE.get()
    if not mode.anomaly:
        return
    cut = None if tensor._view is None else tensor._view.cut
    if tensor._node is not None:
        source = Source(*full_source_of(tensor._node))
        of, sources = str(source), [source]
    elif cut is not None:
        of, sources = " and ".join(dict.fromkeys(map(str, cut.sources))) + (f", cut by {cut.how}" if cut.sources else f"what was cut by {cut.how}"), cut.sources
    else:
        return
    log = READS.get()
    if log is not None:
        log.append(Read(how, of, sources, user_line()))
