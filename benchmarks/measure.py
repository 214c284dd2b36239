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

ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS", "NPROC"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "JAX_PLATFORMS": "cpu",
}


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

    def __init__(self, task: str, name: str, command: list[str], wait: bool = True) -> None:
        """With ``wait=False`` the process makes itself ready beside others; ``ready`` waits for it."""
        self.task, self.name = task, name
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            env={**os.environ, **ONE_THREAD, "PYTHONHASHSEED": "0"},
        )
        self.results: list[float] = []
        self.unavailable = ""
        """Why there is nothing to measure, if it is ours that this machine cannot do."""
        if wait:
            self.ready()

    def ready(self) -> None:
        """Wait until it has computed its numbers. Raises ``NoResult`` if a library is missing."""
        answer = self._answer()
        if "missing" in answer:
            self.close()
            raise NoResult(f"{self.task}: the peer {self.name!r} needs {answer['missing']!r}, which is not installed. Install the extra: pip install '.[bench]'")
        self.unavailable = answer.get("unavailable", "")
        self.results = answer.get("results", [])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise NoResult(f"{self.task}: the peer {self.name!r} stopped with status {self.process.wait()}; its message is above")
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

    def __init__(self, case: Case, name: str, seconds: float | None = None) -> None:
        super().__init__(case.name, name, ["benchmarks.worker", case.name, name, *([] if seconds is None else [str(seconds)])])

    def block(self) -> dict[str, float]:
        """Time one block; the first call only warms up."""
        return self.request("block")


def agree(task: str, first: Worker, other: Worker, tolerance: float) -> None:
    """Both have computed the same numbers. Raises ``NoResult`` that names the first which differs."""
    if len(first.results) != len(other.results):
        raise NoResult(f"{task}: peers disagree before timing: {len(first.results)} numbers from {first.name} and {len(other.results)} from {other.name}")
    scale = max(map(abs, other.results), default=0.0)
    for i, (a, b) in enumerate(zip(first.results, other.results, strict=True)):
        if not math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * scale):
            raise NoResult(f"{task}: peers disagree before timing: number {i} is {a!r} for {first.name} and {b!r} for {other.name}")


def measure(case: Case, quick: bool = False) -> list[Measured]:
    """The line or lines of one case. Raises ``NoResult`` if a peer is missing or the peers disagree.

    ``quick``: one short block each, which shows that everything runs and agrees, not how fast it is.
    """
    peers: list[Peer] = []
    try:
        for name in ("ours", case.peer):
            peers.append(Peer(case, name, 0.01 if quick else None))  # noqa: PERF401 - those that were started are closed if the next one fails
        agree(case.name, peers[0], peers[1], case.tolerance)
        warm = {peer.name: peer.block() for peer in peers}
        times: dict[str, list[float]] = {peer.name: [] for peer in peers}
        for i in range(1 if quick else case.blocks):
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
