"""The second table: a row for each case and its second size, a column for each of ours and each peer."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report import amount

from .case import COLUMNS, HOLDS, PEERS
from .measure import Judged, PlanLine

HEADS = {"numpy": "NumPy", "exact": "NumPy, exact", "native": "native", "jax": "jax.jit", "hand": "NumPy by hand"}
HOW = f"""Compiled steps, recorded and replayed by `autograd_core.compile`, as columns: `backend="numpy"`, the same with `exact=True`, `backend="native"`.
Under each of our times stands its ratio to the peers that it is held to, with the target. Peers run the same program, each as its users write it, and
agree on losses, gradients or weights before anything is timed; `torch.compile` and `jax.jit` have the whole step as one function. Floors are the matrix
products of a step alone in NumPy, a copy of the bytes that it must read and write, and the bytes that have to be there at once. A second size must hold
the first's ratios: what it is held to is its ratio divided by that of the first (≤ {HOLDS}). Only the peers that a target names are measured there."""


def _figure(value: float) -> str:
    return f"1/{1 / value:.0f}" if 0 < value < 0.01 else f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _limit(value: float) -> str:
    return f"1/{1 / value:.0f}" if value < 0.01 else f"{value:g}"


def _amount(value: float, line: PlanLine) -> str:
    return amount(value, "megabytes" if line.kind == "bytes" else "ratio")


def verdict(judged: Judged, second: bool) -> str:
    """A ratio with its target in words."""
    grown = f", {judged.value:.2f} times the first" if second else ""
    return f"{_figure(judged.ratio)} of {judged.peer}{grown} (≤ {_limit(judged.at_most)}) {'yes' if judged.reached else '**NO**'}"


def cells(line: PlanLine, between: str = "<br>") -> list[str]:
    """One row."""
    found = [line.name]
    for column in COLUMNS:
        if column in line.found:
            found.append(between.join([_amount(line.found[column], line), *[verdict(each, line.second) for each in line.judged if each.column == column]]))
        else:
            found.append("not available" if column in line.unavailable else "")
    found += [_amount(line.found[peer], line) if peer in line.found else "" for peer in PEERS]
    found.append(between.join(f"{name} {_amount(value, line)}" for name, value in line.found.items() if name not in (*COLUMNS, *PEERS)))
    return found


def missing(lines: Sequence[PlanLine]) -> list[str]:
    """Our columns that could not be measured, each with the reason, once."""
    return list(dict.fromkeys(f"{HEADS.get(name, name)}: not available: {reason}" for line in lines for name, reason in line.unavailable.items()))


def missed(lines: Sequence[PlanLine]) -> str:
    """How many targets are reached, and which are not."""
    judged = [(line, each) for line in lines for each in line.judged]
    lacking = [f"{line.name} {HEADS.get(each.column, each.column)} against {each.peer}" for line, each in judged if not each.reached]
    return f"{len(judged) - len(lacking)} of {len(judged)} targets of plans reached" + (f"; not: {', '.join(lacking)}" if lacking else "")


def text(lines: Sequence[PlanLine]) -> str:
    """For a terminal: a paragraph for each row, which would be too wide for one line."""
    parts = []
    for line in lines:
        heads = [*(HEADS.get(name, name) for name in (*COLUMNS, *PEERS)), "floors and others"]
        values = [f"  {head:<18}{value}" for head, value in zip(heads, cells(line, "; ")[1:], strict=True) if value]
        parts.append("\n".join([f"{line.name}: {line.what}", *values]))
    return "\n\n".join([*parts, "\n".join([missed(lines), *missing(lines)])])


def markdown(lines: Sequence[PlanLine]) -> str:
    """The section of the document."""
    heads = ["case", *(HEADS.get(name, name) for name in (*COLUMNS, *PEERS)), "floors and others"]
    table = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(cells(line)) + " |" for line in lines)]
    notes = [f"- **{line.name}**: {'second size: ' if line.second else ''}{line.what}." for line in lines]
    said = "\n".join(f"{sentence}." for sentence in [missed(lines), *missing(lines)])
    return f"## Plans\n\n{HOW}\n\n{said}\n\n" + "\n".join(table) + "\n\n" + "\n".join(notes) + "\n"
