"""What is recorded of one op, one rule, one backward pass, one range of the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(eq=False, slots=True)
class Event:
    """One thing that took time. Times are nanoseconds of ``time.perf_counter_ns``; ``end`` is 0 while it runs.

    ``phase`` is ``forward``, ``backward`` (a rule, or the pass itself), ``update`` (of parameters), ``replay`` (of a plan) or ``range``.
    ``results`` are the bytes that its results take, ``saved`` those of them or of earlier results that it keeps for backward.
    """

    name: str
    phase: str
    start: int
    thread: int
    parent: Event | None
    module: str | None = None
    line: str | None = None
    shapes: tuple[Any, ...] = ()
    end: int = 0
    inside: int = 0
    """Nanoseconds of the events inside this one."""
    results: int = 0
    saved: int = 0
    rule: bool = False

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start

    @property
    def alone(self) -> int:
        """Nanoseconds in which nothing inside it ran."""
        return self.end - self.start - self.inside

    @property
    def account(self) -> Event:
        """The event it counts under: what a rule computes with is the time of the rule, not of the ops it is written in."""
        event = self
        while event.phase == "forward" and event.parent is not None:
            event = event.parent
            if event.rule:
                return event
        return self
