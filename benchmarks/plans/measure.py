"""Measures the rows of the second table: everybody's median at two sizes, and what the targets say of them."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.measure import NoResult, Worker, agree

from .case import COLUMNS, HOLDS, PlanCase, Size


@dataclass
class Judged:
    """One of our columns against the fastest of its peers. At the second size ``value`` is that ratio over the first size's."""

    column: str
    peer: str
    ratio: float
    value: float
    at_most: float

    @property
    def reached(self) -> bool:
        """Whether it is within the target."""
        return self.value <= self.at_most


@dataclass
class PlanLine:
    """A row: seconds or bytes of everybody, and why those that are not there are not."""

    name: str
    what: str
    kind: str
    second: bool
    found: dict[str, float]
    unavailable: dict[str, str]
    judged: list[Judged] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "judged": [{**asdict(each), "reached": each.reached} for each in self.judged]}


def _timed(size: Size, names: list[str], blocks: int, seconds: float | None) -> tuple[dict[str, float], dict[str, str]]:
    """Medians of blocks in turn, in rotating order, after all have shown the same numbers."""
    workers: list[Worker] = []
    try:
        least = [] if seconds is None else [str(seconds)]
        workers += [Worker(size.name, name, ["benchmarks.worker", size.name, name, *least], wait=False) for name in names]
        for worker in workers:
            worker.ready()
        unavailable = {worker.name: worker.unavailable for worker in workers if worker.unavailable}
        present = [worker for worker in workers if not worker.unavailable]
        if not any(worker.name in COLUMNS for worker in present):
            raise NoResult(f"{size.name}: none of ours can be measured: {unavailable}")
        for worker in present[1:]:
            if worker.results:  # a floor has none
                agree(size.name, present[0], worker, size.tolerance)
        for worker in present:
            worker.request("block")  # only warms up
        found: dict[str, list[float]] = {worker.name: [] for worker in present}
        for i in range(blocks):
            turn = i % len(present)
            for worker in present[turn:] + present[:turn]:
                found[worker.name].append(worker.request("block")["time"])
        return {name: statistics.median(values) for name, values in found.items()}, unavailable
    finally:
        for worker in workers:
            worker.close()


def judge(case: PlanCase, first: dict[str, float], found: dict[str, float], second: bool) -> list[Judged]:
    """What the targets say of a size: the ratio, or at the second size how much it has grown since the first."""
    judged = []
    for target in case.targets:
        peers = [peer for peer in target.peers if peer in found and peer in first]
        if target.column not in found or not peers:
            continue
        peer = min(peers, key=first.__getitem__)
        ratio = found[target.column] / found[peer]
        judged.append(Judged(target.column, peer, ratio, ratio / (first[target.column] / first[peer]) if second else ratio, HOLDS if second else target.at_most))
    return judged


def measure_plan(case: PlanCase, peers: tuple[str, ...] | None = None, quick: bool = False) -> list[PlanLine]:
    """Both rows of a case. ``quick``: one short block each, which shows that everything runs and agrees, not how fast it is."""
    lines: list[PlanLine] = []
    for number, size in enumerate(case.sizes):
        found, unavailable = _timed(size, case.chosen(number, peers), 1 if quick else case.blocks, 0.01 if quick else None)
        line = PlanLine(size.name, size.what, case.kind, bool(number), found, unavailable)
        line.judged = judge(case, lines[0].found if number else found, found, bool(number))
        lines.append(line)
    return lines
