"""The bytes alive over time, and what makes the peak."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .events import Event
from .memory import FREED, MADE, RELEASED, SAVED, Memory
from .table import bytes_text, time_text


@dataclass(frozen=True, slots=True)
class Holder:
    """Memory that is alive at the peak: what one op at one line saved, or made and nothing saved (``saved`` is False then)."""

    op: str
    phase: str
    module: str | None
    line: str | None
    saved: bool
    bytes: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    """dtype and shape of each piece."""

    def __str__(self) -> str:
        where = "".join([f" in module {self.module}" if self.module else "", f" at {self.line}" if self.line else ""])
        pieces = [f"{dtype} {shape}" for dtype, shape in self.shapes]
        counted = [f"{pieces.count(piece)} × {piece}" if pieces.count(piece) > 1 else piece for piece in dict.fromkeys(pieces)]
        shapes = ", ".join(counted[:4]) + (f" and {len(counted) - 4} more" if len(counted) > 4 else "")
        verb = "saved" if self.saved else "made"
        which = " (backward)" if self.phase == "backward" and not self.saved else ""
        return f"{bytes_text(self.bytes)} {verb} by {self.op}{which}{where}: {shapes}"


@dataclass(frozen=True)
class Timeline:
    """Memory over a step: at ``times[i]`` seconds, ``saved[i]`` bytes are kept for backward and ``results[i]`` more are alive.

    ``peak`` is the largest sum, at ``peak_time``, when ``peak_at`` ran; ``holders`` are alive then, the largest first. ``most_saved`` is the
    largest of ``saved``, and ``savers`` are kept then. Parameters, data and whatever else existed before the profile or was made by no op
    does not count, nor do results without dimensions, nor what a kernel or rule uses only inside.
    """

    times: list[float]
    saved: list[int]
    results: list[int]
    peak: int = 0
    peak_time: float = 0.0
    peak_at: str = ""
    holders: list[Holder] = field(default_factory=list)
    most_saved: int = 0
    savers: list[Holder] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def total(self) -> list[int]:
        """``saved`` and ``results`` together."""
        return [saved + others for saved, others in zip(self.saved, self.results, strict=True)]

    def __str__(self) -> str:
        if not self.peak:
            return "no op made memory of its own"
        kept = sum(holder.bytes for holder in self.holders if holder.saved)
        head = f"peak {bytes_text(self.peak)} at {time_text(self.peak_time)} of {time_text(self.seconds)}, when {self.peak_at} ran; {bytes_text(kept)} of it saved for backward"
        lines = [head, *_listed(self.holders)]
        if self.most_saved > kept:
            lines += [f"most saved for backward at once: {bytes_text(self.most_saved)}", *_listed(self.savers)]
        return "\n".join(lines)

    __repr__ = __str__

    def plot(self, path: str | os.PathLike[str] | None = None, ax: Any = None) -> Any:
        """The two amounts as areas on top of one another, with the peak marked; returns the Matplotlib figure, saved where ``path`` says."""
        from viz.memory import memory_timeline

        return memory_timeline(self, path, ax)


def _listed(holders: Sequence[Holder]) -> list[str]:
    return [*[f"  {holder}" for holder in holders[:10]], *([f"  ... {len(holders) - 10} more"] if len(holders) > 10 else [])]


def timeline(entries: Sequence[tuple[int, str, Memory, Event]], start: int, seconds: float) -> Timeline:
    """The timeline of a log of memory, from ``start`` on."""
    state = _State()
    times, saved, results = [0.0], [0], [0]
    peak, where, most, when = 0, -1, 0, -1
    for i, (time, what, memory, event) in enumerate(entries):
        state.take(what, memory, event)
        times.append((time - start) / 1e9)
        saved.append(state.kept)
        results.append(state.alive - state.kept)
        if state.alive > peak:
            peak, where = state.alive, i
        if state.kept > most:
            most, when = state.kept, i
    if where < 0:
        return Timeline(times, saved, results, seconds=seconds)
    while where + 1 < len(entries) and entries[where + 1][1] == SAVED:  # what is saved at once is the same moment
        where += 1
    last = entries[where][3]
    at = f"{last.name}{' (backward)' if last.phase == 'backward' else ''}{f' in module {last.module}' if last.module else ''}"
    savers = [holder for holder in _state_after(entries, when).holders() if holder.saved]
    return Timeline(times, saved, results, peak, times[where + 1], at, _state_after(entries, where).holders(), most, savers, seconds)


def _state_after(entries: Sequence[tuple[int, str, Memory, Event]], last: int) -> _State:
    state = _State()
    for _, what, memory, event in entries[: last + 1]:
        state.take(what, memory, event)
    return state


class _State:
    """What is alive at one moment."""

    def __init__(self) -> None:
        self.alive = self.kept = 0
        self.savers: dict[Memory, list[Event]] = {}

    def take(self, what: str, memory: Memory, event: Event) -> None:
        """One entry of the log; memory that was made before it began is unknown, and stays so."""
        savers = self.savers.get(memory)
        if what == MADE:
            self.savers[memory] = []
            self.alive += memory.nbytes
        elif savers is None:
            return
        elif what == SAVED:
            self.kept += 0 if savers else memory.nbytes
            savers.append(event)
        elif what == RELEASED:
            savers.remove(event)
            self.kept -= 0 if savers else memory.nbytes
        elif what == FREED:
            self.alive -= memory.nbytes
            self.kept -= memory.nbytes if savers else 0
            del self.savers[memory]

    def holders(self) -> list[Holder]:
        """What is alive, by who saved it first, or who made it."""
        found: dict[tuple[str, str, str | None, str | None, bool], list[Memory]] = {}
        for memory, savers in self.savers.items():
            event = (savers[0] if savers else memory.event).account
            found.setdefault((event.name, event.phase, event.module, event.line, bool(savers)), []).append(memory)
        holders = [Holder(op, phase, module, line, saved, sum(memory.nbytes for memory in pieces), tuple((memory.dtype, memory.shape) for memory in pieces))
                   for (op, phase, module, line, saved), pieces in found.items()]
        return sorted(holders, key=lambda holder: (-holder.bytes, not holder.saved))
