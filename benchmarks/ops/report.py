"""The table of ratios, the medians and the targets: for the terminal, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..report import amount, environment
from .table import SIZES

if TYPE_CHECKING:
    from .run import Line

RESULTS = Path(__file__).parents[1] / "OPS.md"
MEDIANS = {16: 0.6, 1 << 20: 1.3}
"""Largest ratio of the median op."""
SLOW = 4.0
MANY = 10
"""At most as many ops may be slower than ``SLOW`` at any size."""
_VIEWS = "at 1 Mi: it makes hundreds of views, each a recorded Python object of 2 µs; PyTorch takes 0.5 µs for one"
EXPLAINED: dict[str, str] = {
    **dict.fromkeys(("split", "unbind"), _VIEWS),
    "cross_entropy": "at 16: the check of the labels, the softmax and the mean are a dozen NumPy calls, where PyTorch's loops are done in 3 µs. At 1 Mi it is below 2",
    "ctc_loss": "at 16: each time step is ten NumPy calls on a few numbers. At 1 Mi it is below 3",
    "cummax dim=1": "at 4 Ki and 1 Mi: NumPy's running maxima take one element after the other, 3 ns each, of long rows in those pieces alone that have any",
    "digamma": "at 16: the shift, the series and the reflection are a dozen NumPy calls, where PyTorch's loop is done in 2 µs. At 1 Mi it is below 1",
    "erf": "at 1 Mi: 15 passes over a block in the cache, where PyTorch's loop stays in registers",
    "erfc": "float32 is computed in float64, to be within 1 unit in the last place: 35 passes over a block in the cache, where PyTorch's loop stays in registers",
    "erfinv": "at 16: a dozen NumPy calls in float32 and a table of powers, where PyTorch's loop is done in 2 µs. At 1 Mi it is 3",
    "fft": "NumPy's transforms of real numbers take five times as long as those of PyTorch's MKL",
    "gather": "at 1 Mi: bounds and flat positions are passes over 8-byte numbers before anything is read; PyTorch's loop does all at once",
    "gelu": "at 1 Mi: 17 passes over a block in the cache, where PyTorch's loop stays in registers",
    "grid_sample": "at 16 and 4 Ki: weights and neighbours of all points are twenty NumPy calls, and PyTorch's loop is done in 2 and 7 µs. At 1 Mi it is below 4",
    "hardswish": "at 1 Mi: five passes over a block in the cache, where PyTorch's loop stays in registers",
    "layer_norm": "at 1 Mi: six passes over a few rows in the cache, where PyTorch takes two",
    "log_softmax dim=1": "at 4 Ki: maximum, difference, exponentials and sum are passes of their own, which PyTorch's loop does in two",
    "logit": "at 1 Mi: several passes over a block in the cache, one of them asinh, where PyTorch's loop stays in registers",
    "multi_margin_loss": "at 16: the check of the labels and eight NumPy calls, where PyTorch's loop is done in 2 µs. At 1 Mi it is below 1",
    "pad reflect": "at 1 Mi with backward: each border is folded back on a copy of its own",
    "pdist": "at 1 Mi: the squared differences of all pairs are three passes for each coordinate; PyTorch's loop keeps one pair in registers",
    "softmax dim=1": "at 4 Ki: maximum, difference, exponentials, sum and quotient are passes of their own, which PyTorch's loop does in three",
    "softmin dim=1": "at 4 Ki: as softmax, with a negation before it",
}
"""Why an op is slower than that."""


def label(size: int) -> str:
    """A number of elements in few characters.

    >>> label(16), label(4096), label(1 << 20)
    ('16', '4 Ki', '1 Mi')
    """
    return f"{size >> 20} Mi" if size >= 1 << 20 else f"{size >> 10} Ki" if size >= 1 << 10 else str(size)


def columns(lines: Sequence[Line]) -> list[tuple[int, str]]:
    """What was measured, in order."""
    found = {key for line in lines for key in line.ratios}
    return sorted(found, key=lambda key: (key[0], key[1] == "backward"))


def median(lines: Sequence[Line], size: int, phase: str | None = None) -> float | None:
    """The median ratio at a size."""
    ratios = [ratio for line in lines if line.case.target is None for (n, p), ratio in line.ratios.items() if n == size and phase in (None, p)]
    return statistics.median(ratios) if ratios else None


def targets(lines: Sequence[Line]) -> list[str]:
    """One line for each target that the run can judge."""
    found = []
    for size, limit in MEDIANS.items():
        middle = median(lines, size)
        if middle is not None:
            found.append(f"median op at {label(size)}: {middle:.3f} (≤ {limit}): {'reached' if middle <= limit else 'NO'}")
    for line in lines:
        for size, limit in (line.case.target or {}).items():
            worst = max((ratio for (n, _), ratio in line.ratios.items() if n == size), default=None)
            if worst is not None:
                found.append(f"{line.case.name}: {worst:.2f} (≤ {limit}): {'reached' if worst <= limit else 'NO'}")
    slow = [line for line in lines if line.worst > SLOW]
    unexplained = [line.case.name for line in slow if line.case.name not in EXPLAINED]
    found.append(f"ops slower than {SLOW:g}: {len(slow)} (≤ {MANY}, each explained): {'reached' if len(slow) <= MANY and not unexplained else 'NO'}")
    return found


def slowest(lines: Sequence[Line]) -> list[str]:
    """The ops beyond the limit, slowest first, each with its line."""
    return [f"{line.case.name}: {line.worst:.1f}, {EXPLAINED.get(line.case.name, 'not explained')}" for line in sorted(lines, key=lambda line: -line.worst) if line.worst > SLOW]


def rows(lines: Sequence[Line]) -> list[list[str]]:
    """Head, ops, medians."""
    keys = columns(lines)
    head = ["op", *(f"{label(size)} {phase}" for size, phase in keys), f"ours, {label(SIZES[0])}"]
    table = [[line.case.name, *(f"{line.ratios[key]:.2f}" if key in line.ratios else "" for key in keys),
              amount(line.times[SIZES[0], "forward"]) if (SIZES[0], "forward") in line.times else ""] for line in lines if line.ratios]
    medians = [median(lines, *key) for key in keys]
    return [head, *table, ["median", *("" if value is None else f"{value:.2f}" for value in medians), ""]]


def text(lines: Sequence[Line]) -> str:
    """For a terminal."""
    table = rows(lines)
    widths = [max(len(cells[i]) for cells in table) for i in range(len(table[0]))]
    failures = [f"{line.case.name}: no result: {line.failure}" for line in lines if line.failure]
    return "\n".join(["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in table]
                     + ["", *targets(lines), *slowest(lines), *failures])


def markdown(lines: Sequence[Line]) -> str:
    """As a document."""
    table = rows(lines)
    failures = [f"{line.case.name}: {line.failure}" for line in lines if line.failure]
    parts = [
        "# Every op against PyTorch\n", "Written by `python -m benchmarks ops --write`: our processor time over PyTorch's, one thread each, medians of blocks that ran\n"
        "in turn, and of rounds through all of it. *Forward* records the graph, *backward* is forward and backward together; the median of a size is over both.\n"
        "Views of all elements (reshape, flatten, ravel, unsqueeze, squeeze, atleast_2d, x[:, None]) have `neg` behind them, in both libraries.\n",
        "\n".join(f"- {name}: {value}" for name, value in environment().items()) + "\n", "## Targets\n",
        "\n".join(f"- {each}" for each in targets(lines)) + "\n", f"## Slower than {SLOW:g}\n", "\n".join(f"- {each}" for each in slowest(lines) or ["none"]) + "\n",
        *(["## No result\n", "\n".join(f"- {each}" for each in failures) + "\n"] if failures else []),
        "## Ratios\n", "\n".join("| " + " | ".join(cells) + " |" + ("\n" + "|---" * len(cells) + "|" if i == 0 else "") for i, cells in enumerate(table)),
    ]
    return "\n".join(parts) + "\n"
