"""Which memory lives when: written down as it happens, with weak references, so that nothing lives longer for it."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable
from functools import partial
from time import perf_counter_ns
from typing import Any

from ..backend.registry import BY_TYPE
from ..node import SPENT, Packed
from .events import Event

MADE, SAVED, RELEASED, FREED = "made", "saved", "released", "freed"


class Memory:
    """One piece of memory that an op or a rule made."""

    __slots__ = ("dtype", "event", "nbytes", "reference", "savers", "shape")

    def __init__(self, nbytes: int, shape: tuple[int, ...], dtype: str, event: Event) -> None:
        self.nbytes = nbytes
        self.shape = shape
        self.dtype = dtype
        self.event = event
        self.reference: Any = None
        self.savers = 0
        """How many nodes keep it now."""


class _Kept:
    """Lives as long as the node that it is noted on."""

    __slots__ = ("__weakref__",)


def owner_of(value: Any) -> Any:
    """The object that owns the memory of a Tensor or raw array; ``None`` for numbers, which have none."""
    array = getattr(value, "_array", value)
    return BY_TYPE[array.__class__].owner(array) if hasattr(array, "__setitem__") and hasattr(array, "dtype") else None


def owners(values: Iterable[Any]) -> set[int]:
    """The addresses of the memory of some values; to be used while they live."""
    found = set()
    for value in values:
        if value is None:
            continue
        if isinstance(value, (tuple, list)):
            found |= owners(value)
        else:
            found.add(id(owner_of(value)))
    return found


class MemoryLog:
    """Entries (time, what, memory, event): ``made`` and ``freed``, and in between ``saved`` by a node and ``released`` by it.

    Memory that no op made while this ran (parameters, data) does not count. Views and writes in place make none.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[int, str, Memory, Event]] = []
        self._living: dict[int, Memory] = {}
        self._holding: dict[Any, tuple[Event, list[Memory]]] = {}

    def made(self, value: Any, outside: Collection[int], event: Event) -> int:
        """A result. Returns the bytes that are new: 0 for memory that is known, or that lies ``outside``."""
        owner = owner_of(value)
        if owner is None or id(owner) in outside or id(owner) in self._living:
            return 0
        nbytes = int(getattr(owner, "nbytes", 0) or getattr(owner, "size", 0))
        array = getattr(value, "_array", value)
        memory = Memory(nbytes, tuple(array.shape), str(array.dtype), event)
        memory.reference = weakref.ref(owner, partial(self._freed, id(owner), memory))
        self._living[id(owner)] = memory
        self.entries.append((perf_counter_ns(), MADE, memory, event))
        return nbytes

    def _freed(self, key: int, memory: Memory, reference: Any) -> None:
        if self._living.get(key) is memory:
            del self._living[key]
        memory.reference = None
        self.entries.append((perf_counter_ns(), FREED, memory, memory.event))

    def saved(self, node: Any, outside: Collection[int], event: Event) -> tuple[int, int]:
        """What a new node keeps. Returns the bytes of it, and those of them that were made for nothing else (masks, statistics)."""
        if not node.saved or node.saved is SPENT or isinstance(node.saved, Packed):
            return 0, 0
        made, kept = 0, []
        for value in node.saved:
            for each in value if isinstance(value, tuple) else (value,):
                made += self.made(each, outside, event)
                memory = self._living.get(id(owner_of(each)))
                if memory is not None and memory not in kept:
                    kept.append(memory)
        if not kept:
            return 0, made
        now = perf_counter_ns()
        self.entries += [(now, SAVED, memory, event) for memory in kept]
        token = node.kept = _Kept()
        self._holding[weakref.ref(token, self._dropped)] = (event, kept)
        new = sum([memory.nbytes for memory in kept if not memory.savers])
        for memory in kept:
            memory.savers += 1
        return new, made

    def released(self, node: Any) -> None:
        """A backward pass has released what the node kept."""
        if node.kept is not None:
            self._dropped(weakref.ref(node.kept))

    def _dropped(self, reference: Any) -> None:
        held = self._holding.pop(reference, None)
        if held is not None:
            event, memories = held
            now = perf_counter_ns()
            self.entries += [(now, RELEASED, memory, event) for memory in memories]
            for memory in memories:
                memory.savers -= 1

    def close(self) -> None:
        """Look no longer."""
        for memory in list(self._living.values()):
            memory.reference = None
        self._living.clear()
        self._holding.clear()
