"""Measures every op against PyTorch in one run, and says which targets are reached."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from dataclasses import dataclass, field

from ..measure import NoResult, Worker
from .report import RESULTS, markdown, text
from .table import SIZES, OpCase, cases

PHASES = ("forward", "backward")
TOLERANCE = 2e-3
"""Largest relative difference of sums in float32."""


@dataclass
class Line:
    """The ratios of one op: (size, phase) to our time over PyTorch's, and our time."""

    case: OpCase
    ratios: dict[tuple[int, str], float] = field(default_factory=dict)
    times: dict[tuple[int, str], float] = field(default_factory=dict)
    failure: str = ""

    @property
    def worst(self) -> float:
        """The largest ratio."""
        return max(self.ratios.values(), default=0.0)


class OpPeer(Worker):
    """A process that times ops one after the other."""

    def __init__(self, name: str) -> None:
        super().__init__("ops", name, ["benchmarks.ops.worker", name])

    def prepare(self, case: OpCase, size: int) -> dict[str, object]:
        """Make an op ready at a size."""
        return self.request(json.dumps({"op": case.name, "size": size}))

    def block(self, phase: str) -> float:
        """Time one block."""
        answer = self.request(json.dumps({"phase": phase}))
        if "failed" in answer:
            raise NoResult(f"{self.name}: {answer['failed']}")
        return float(answer["time"])


def agree(ours: list[float], theirs: list[float]) -> bool:
    """Whether both peers computed the same numbers."""
    return len(ours) == len(theirs) and all(math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=1e-3) or (math.isnan(a) and math.isnan(b)) for a, b in zip(ours, theirs, strict=True))


def measure(case: OpCase, sizes: tuple[int, ...], ours: OpPeer, theirs: OpPeer, blocks: int) -> Line:
    """One op at all sizes: blocks of both in turn."""
    line = Line(case)
    for size in case.target or sizes:
        answers = [peer.prepare(case, size) for peer in (ours, theirs)]
        for peer, answer in zip((ours, theirs), answers, strict=True):
            if "failed" in answer:
                line.failure = f"{peer.name} at {size}: {answer['failed']}"
                return line
        numbers: list[list[float]] = [list(answer["results"]) for answer in answers]  # type: ignore[call-overload]
        count = min(map(len, numbers)) if not all(answer["differentiable"] for answer in answers) else max(map(len, numbers))
        if not agree(numbers[0][:count], numbers[1][:count]):
            line.failure = f"the peers disagree at {size}: {numbers[0]} and {numbers[1]}"
            return line
        for phase in PHASES if answers[0]["differentiable"] and answers[1]["differentiable"] else PHASES[:1]:
            times: tuple[list[float], list[float]] = ([], [])
            try:
                for i in range(blocks):
                    for k in (0, 1) if i % 2 else (1, 0):
                        times[k].append((ours, theirs)[k].block(phase))
            except NoResult as failure:
                line.failure = str(failure)
                return line
            mine, other = map(statistics.median, times)
            line.ratios[size, phase] = mine / max(other, 1e-12)
            line.times[size, phase] = mine
    return line


def middle(rounds: list[Line]) -> Line:
    """The medians of an op's rounds; the first failure, if there is one.

    >>> case = OpCase("case", (), lambda lib: None)
    >>> middle([Line(case, {(16, "forward"): ratio}, {(16, "forward"): 1e-6}) for ratio in (0.5, 9.0, 0.7)]).ratios
    {(16, 'forward'): 0.7}
    """
    first = rounds[0]
    ratios, times = ({key: statistics.median([getattr(line, part)[key] for line in rounds if key in getattr(line, part)]) for key in getattr(first, part)}
                     for part in ("ratios", "times"))
    return Line(first.case, ratios, times, next((line.failure for line in rounds if line.failure), ""))


def main(arguments: list[str]) -> int:
    """Measure, print the table; 1 if PyTorch is missing or an op failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ops", description="Ratios to PyTorch, op by op, one thread each.")
    parser.add_argument("ops", nargs="*", metavar="op", help="names of the table, all by default")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), metavar="N", help="numbers of elements")
    parser.add_argument("--blocks", type=int, default=5, metavar="N", help="blocks of each peer")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="how often to go through all of it: other programs disturb a few ops for a moment")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.parent.name}/{RESULTS.name}")
    chosen = parser.parse_args(arguments)
    table = cases()
    unknown = [name for name in chosen.ops if name not in table]
    if unknown:
        parser.error(f"there is no op {unknown[0]!r}; there are {', '.join(table)}")
    lines: list[Line] = []
    peers: list[OpPeer] = []
    try:
        peers += [OpPeer("ours")]
        peers += [OpPeer("torch")]
        rounds: dict[str, list[Line]] = {}
        for _ in range(chosen.rounds):
            for name in chosen.ops or table:
                found = measure(table[name], tuple(chosen.sizes), *peers, chosen.blocks)
                rounds.setdefault(name, []).append(found)
                print(f"{name}: {found.failure or f'{found.worst:.2f}'}", file=sys.stderr, flush=True)
        lines = [middle(each) for each in rounds.values()]
    except NoResult as failure:
        print(f"This run is no result: {failure}", file=sys.stderr)
        return 1
    finally:
        for peer in peers:
            peer.close()
    print(text(lines))
    if chosen.write:
        RESULTS.write_text(markdown(lines), encoding="utf-8", newline="\n")
    return 1 if any(line.failure for line in lines) else 0
