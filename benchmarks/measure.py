"""Runs the peers of a case in turn and compares their medians."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from .case import Case

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")


class NoResult(Exception):  # noqa: N818 - it says what it is
    """A peer is missing or computes other numbers, so that there is nothing to compare."""


@dataclass
class Measured:
    """One line of the table, times in seconds."""

    name: str
    what: str
    peer: str
    ours: float
    theirs: float
    target: float
    aim: float | None = None
    kind: str = "ratio"
    """``ratio``: ours / theirs; ``seconds``, ``megabytes`` or ``bytes``: the difference or the amount that ``target`` limits."""
    spread: float = 0.0
    """Largest over smallest ratio of blocks measured side by side, less 1."""

    @property
    def value(self) -> float:
        """What the target limits."""
        return self.ours / self.theirs if self.kind == "ratio" else self.ours - self.theirs if self.kind in ("seconds", "megabytes") else self.ours

    @property
    def reached(self) -> bool:
        """Whether it is within the target."""
        return self.value <= self.target

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "value": self.value, "reached": self.reached}


class Worker:
    """A process that answers each line with one of JSON; the first answer says whether it can work."""

    def __init__(self, task: str, name: str, command: list[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            env={**os.environ, **ONE_THREAD, "PYTHONHASHSEED": "0"},
        )
        answer = self._answer()
        if "missing" in answer:
            self.close()
            raise NoResult(f"{task}: the peer {name!r} needs {answer['missing']!r}, which is not installed. Install the extra: pip install '.[bench]'")
        self.results: list[float] = answer["results"]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise NoResult(f"the peer {self.name!r} stopped with status {self.process.wait()}; its message is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def request(self, line: str) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        self.process.wait()


class Peer(Worker):
    """A process for one case."""

    def __init__(self, case: Case, name: str) -> None:
        super().__init__(case.name, name, ["benchmarks.worker", case.name, name])

    def block(self) -> dict[str, float]:
        """Time one block; the first call only warms up."""
        return self.request("block")


def _agree(case: Case, peers: list[Peer]) -> None:
    ours, theirs = peers[0].results, peers[1].results
    scale = max(map(abs, theirs), default=0.0)  # a floor, such as matrix products alone, has no numbers to agree on
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        if not math.isclose(a, b, rel_tol=case.tolerance, abs_tol=case.tolerance * scale):
            raise NoResult(f"{case.name}: peers disagree before timing: number {i} is {a!r} for ours and {b!r} for {peers[1].name}")


def measure(case: Case) -> list[Measured]:
    """The line or lines of one case. Raises ``NoResult`` if a peer is missing or the peers disagree."""
    peers: list[Peer] = []
    try:
        peers += [Peer(case, "ours")]
        peers += [Peer(case, case.peer)]
        _agree(case, peers)
        warm = {peer.name: peer.block() for peer in peers}
        times: dict[str, list[float]] = {peer.name: [] for peer in peers}
        for i in range(case.blocks):
            for peer in peers if i % 2 else reversed(peers):
                times[peer.name].append(peer.block()["time"])
    finally:
        for peer in peers:
            peer.close()
    ratios = [a / b for a, b in zip(times["ours"], times[case.peer], strict=True)]
    medians = {name: statistics.median(values) for name, values in times.items()}
    lines = [Measured(case.name, case.what, case.peer, medians["ours"], medians[case.peer], case.target, case.aim, spread=max(ratios) / min(ratios) - 1)]
    if case.memory_target is not None and all("bytes" in answer for answer in warm.values()):
        lines.append(Measured(f"{case.name}_memory", "peak bytes per node, values included", case.peer, warm["ours"]["bytes"], warm[case.peer]["bytes"],
                              case.memory_target, kind="bytes"))
    return lines
