"""Events summed up by op, module or line, as rows, text and HTML."""

from __future__ import annotations

import html
import linecache
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .events import Event

BY = ("op", "module", "line")
PHASES = ("range", "replay", "update", "backward", "forward")
SORTS: dict[str, Callable[[Row], Any]] = {
    "self": lambda row: -row.self_seconds,
    "total": lambda row: -row.total_seconds,
    "calls": lambda row: -row.calls,
    "results": lambda row: -row.results,
    "saved": lambda row: -row.saved,
    "name": lambda row: (row.name, -PHASES.index(row.phase)),
}
SPOKEN = {
    "self_cpu_time_total": "self", "cpu_time_total": "total", "self_cuda_time_total": "self", "cuda_time_total": "total", "count": "calls",
    "self_cpu_memory_usage": "results", "cpu_memory_usage": "results", "self_cuda_memory_usage": "results", "cuda_memory_usage": "results",
}
"""PyTorch's names of what to sort by."""
NOWHERE = {"module": "(outside of modules)", "line": "(no line known)"}
HEADINGS = ("phase", "calls", "self", "self %", "total", "total %", "results", "saved")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table. ``self_seconds`` add up to the time that was measured; ``total_seconds`` include what ran inside.

    ``results`` are the bytes of the results (of a rule: the gradients it made), ``saved`` those that are kept for backward, each memory once.
    """

    name: str
    phase: str
    calls: int
    self_seconds: float
    total_seconds: float
    results: int
    saved: int

    @property
    def key(self) -> str:
        """PyTorch's name of ``name``."""
        return self.name

    @property
    def count(self) -> int:
        """PyTorch's name of ``calls``."""
        return self.calls

    @property
    def self_cpu_time_total(self) -> float:
        """``self_seconds`` in microseconds, as in PyTorch."""
        return self.self_seconds * 1e6

    @property
    def cpu_time_total(self) -> float:
        """``total_seconds`` in microseconds, as in PyTorch."""
        return self.total_seconds * 1e6


class Averages(list[Row]):
    """Rows that show themselves as a table; ``seconds`` is the time of the whole profile."""

    def __init__(self, rows: Iterable[Row], by: str, seconds: float) -> None:
        super().__init__(rows)
        self.by = by
        self.seconds = seconds

    def table(self, sort_by: str | None = None, row_limit: int = 100, header: str | None = None) -> str:
        """The rows as text, one line each, sorted by one of :meth:`profile.rows`' names or PyTorch's; at most ``row_limit``, all if negative."""
        rows, left = self._chosen(sort_by, row_limit)
        cells = [(self.by, *HEADINGS), *[self._cells(row) for row in rows]]
        widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
        lines = ["  ".join([line[0].ljust(widths[0]), line[1].ljust(widths[1]), *[cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]]) for line in cells]
        lines.insert(1, "-" * len(lines[0]))
        if header:
            lines.insert(0, header)
        return "\n".join([*lines, *([f"... {left} more"] if left else []), self._sum()])

    def _chosen(self, sort_by: str | None, limit: int) -> tuple[list[Row], int]:
        rows = list(self)
        if sort_by is not None:
            rows.sort(key=_order(sort_by))
        shown = rows if limit < 0 else rows[:limit]
        return shown, len(rows) - len(shown)

    def _cells(self, row: Row) -> tuple[str, ...]:
        whole = self.seconds or 1.0
        return (_shown(row.name, self.by), row.phase, str(row.calls), time_text(row.self_seconds), f"{row.self_seconds / whole:.1%}", time_text(row.total_seconds),
                f"{row.total_seconds / whole:.1%}", bytes_text(row.results), bytes_text(row.saved))

    def _sum(self) -> str:
        measured = sum(row.self_seconds for row in self if row.phase != "range")
        return f"{time_text(measured)} of {time_text(self.seconds)} measured in ops; the rest is Python between them and the measuring itself"

    def __str__(self) -> str:
        return self.table(row_limit=-1)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows, left = self._chosen(None, 100)
        right = ' style="text-align:right;padding:1px 6px"'
        head = "".join(f"<th>{html.escape(heading)}</th>" for heading in (self.by, *HEADINGS))
        body = "".join(
            "<tr>" + "".join(f"<td{right if i > 1 else ''}>{html.escape(cell)}</td>" for i, cell in enumerate(self._cells(row))) + "</tr>" for row in rows
        )
        more = f"<div>{left} more rows</div>" if left else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}<div>{html.escape(self._sum())}</div>"


def averages(events: Sequence[Event], seconds: float, by: str, sort: str) -> Averages:
    """The rows of ``events``; see :meth:`profile.rows`."""
    if by not in BY:
        raise ValueError(f"profile: by={by!r}: expected one of {', '.join(BY)}")
    order = _order(sort)
    sums: dict[tuple[str, str], list[float]] = {}
    for event in events:
        account = event.account
        key = _key(account, by)
        entry = sums.setdefault(key, [0, 0, 0, 0, 0])
        entry[0] += account is event
        entry[1] += event.alone
        entry[3] += event.results
        entry[4] += event.saved
        above = {_key(each.account, by) for each in _ancestors(event)}
        for outer in _enclosing(key) if by == "module" else (key,):
            if not any(outer == other or (by == "module" and outer in _enclosing(other)) for other in above):
                sums.setdefault(outer, [0, 0, 0, 0, 0])[2] += event.duration
    rows = [Row(name, phase, int(calls), alone / 1e9, total / 1e9, int(results), int(saved)) for (name, phase), (calls, alone, total, results, saved) in sums.items()]
    return Averages(sorted(rows, key=order), by, seconds)


def _order(sort: str) -> Callable[[Row], Any]:
    name = SPOKEN.get(sort, sort)
    if name not in SORTS:
        raise ValueError(f"profile: sort={sort!r}: expected one of {', '.join(SORTS)}")
    return SORTS[name]


def _key(event: Event, by: str) -> tuple[str, str]:
    whole = event.phase in ("range", "replay") and not (event.parent is not None and event.parent.phase == "replay")
    if by == "op" or (whole and by == "module"):
        return event.name, event.phase
    found = event.module if by == "module" else event.line
    return found or NOWHERE[by], event.phase


def _enclosing(key: tuple[str, str]) -> list[tuple[str, str]]:
    """A module and those it lies in."""
    if key[0] in NOWHERE.values() or key[1] in ("range", "replay"):
        return [key]
    parts = key[0].split(".")
    return [(".".join(parts[: i + 1]), key[1]) for i in range(len(parts))]


def _ancestors(event: Event) -> Iterable[Event]:
    above = event.parent
    while above is not None:
        yield above
        above = above.parent


def _shown(name: str, by: str) -> str:
    """A line as ``file.py:12`` with its code."""
    path, _, number = name.rpartition(":")
    if by != "line" or not number.isdigit():
        return name
    code = linecache.getline(path, int(number)).strip()
    return f"{os.path.basename(path)}:{number}" + (f"  {code if len(code) <= 60 else code[:57] + '...'}" if code else "")


def time_text(seconds: float) -> str:
    """Seconds in a unit that suits them.

    >>> time_text(0.00125)
    '1.250 ms'
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3f} {unit}"
    return f"{seconds * 1e6:.1f} µs"


def bytes_text(count: float) -> str:
    """Bytes in a unit that suits them.

    >>> bytes_text(1500), bytes_text(0)
    ('1.5 kB', '0 B')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{int(count)} B"
