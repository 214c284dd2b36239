"""The table: for the terminal, as JSON, as Markdown."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .measure import Measured

RESULTS = Path(__file__).with_name("RESULTS.md")
COLUMNS = ("case", "ours", "peer", "value", "target", "aim", "reached")


def environment() -> dict[str, str]:
    """When and where: date, machine, versions."""
    found = {"date": datetime.date.today().isoformat(), "machine": f"{_processor()}, {os.cpu_count()} cores", "system": platform.platform(terse=True),
             "python": platform.python_version()}
    for name in ("numpy", "torch", "micrograd", "jax", "autograd", "mygrad"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def amount(value: float, kind: str = "ratio") -> str:
    """A quantity with its unit: seconds unless ``kind`` says otherwise.

    >>> amount(3.2e-6), amount(0.0042), amount(2.5e6, "megabytes"), amount(312.4, "bytes")
    ('3.20 µs', '4.20 ms', '2.5 MB', '312 B')
    """
    if kind == "megabytes":
        return f"{value / 1e6:.1f} MB"
    if kind == "bytes":
        return f"{value:.0f} B"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value >= 100 * size else f"{value / size:.2f} {unit}"
    return f"{value / 1e-6:.2f} µs"


def row(line: Measured) -> tuple[str, ...]:
    """One line as text, in the order of ``COLUMNS``."""
    def limited(value: float) -> str:
        return f"{value:.3f}" if line.kind == "ratio" and value < 1 else f"{value:.2f}" if line.kind == "ratio" else amount(value, line.kind)

    return (line.name, amount(line.ours, line.kind), f"{line.peer} {amount(line.theirs, line.kind)}", limited(line.value), f"≤ {limited(line.target)}",
            "" if line.aim is None else limited(line.aim), "yes" if line.reached else "NO")


def text(lines: Sequence[Measured]) -> str:
    """The table for a terminal."""
    rows = [COLUMNS, *(row(line) for line in lines)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(COLUMNS))]
    head = ", ".join(f"{name} {value}" if name not in ("date", "machine", "system") else value for name, value in environment().items())
    return "\n".join([head, "", *("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows)])


def markdown(lines: Sequence[Measured]) -> str:
    """The section of the document."""
    table = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS), *("| " + " | ".join(row(line)) + " |" for line in lines)]
    notes = [f"- **{line.name}**: {line.what}." for line in lines]
    how = ("*value* is ours divided by the peer's for times; the amount over NumPy alone for importing and installing, over recording alone for\n"
           "building plans, each in fresh processes and wall time; and ours for memory.\n"
           "Where the peer is ours too, a derivative is held to a simpler one, or a transform to the loop that it saves.")
    return f"## Eager, and what is paid once\n\n{how}\n\n" + "\n".join(table) + "\n\n" + "\n".join(notes) + "\n"


def document(sections: Sequence[str]) -> str:
    """The whole document: when and where, how it was measured, the tables."""
    head = "\n".join(f"- {name}: {value}" for name, value in environment().items())
    how = (
        "Written by `python -m benchmarks --write`. Each peer has a process and one thread of its own; times are processor time per unit of work,\n"
        "medians of blocks that ran in turn with the peers'."
    )
    return "\n".join([f"# Benchmark results\n\n{how}\n\n{head}\n", *sections])


def as_json(lines: Sequence[Measured], plans: Sequence[Any] = ()) -> str:
    """Everything measured, for programs."""
    return json.dumps({"environment": environment(), "cases": [line.as_dict() for line in lines], "plans": [line.as_dict() for line in plans]}, indent=2) + "\n"
