"""One peer in its own process: makes a case ready, shows its numbers, then times a block whenever asked.

Started by ``measure`` as ``python -m benchmarks.worker CASE PEER [SECONDS]``; speaks one line of JSON per request.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from .cases import CASES
from .plans import SIZES
from .plans.case import UnavailableError


def memory() -> dict[str, float]:
    """Bytes of memory in use and the most so far, if the system tells."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        values = {line.split(":")[0]: 1024.0 * int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        return {"now": values["VmRSS"], "peak": values["VmHWM"]}
    except (OSError, KeyError):
        try:
            import resource
        except ImportError:
            return {}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1.0 if sys.platform == "darwin" else 1024.0)
        return {"now": peak, "peak": peak}


def main(case_name: str, peer: str, seconds: float | None = None) -> None:
    """Serve requests from standard input until it closes. ``seconds``: the least time of a block, instead of the case's."""

    def say(answer: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    case = CASES[case_name] if case_name in CASES else SIZES[case_name]
    least = case.seconds if seconds is None else seconds
    sys.setrecursionlimit(100_000)  # micrograd recurses over the graph
    try:
        work = case.peers[peer]()
        say({"results": [float(value) for value in work.results()]})
    except ModuleNotFoundError as error:
        say({"missing": error.name or str(error)})
        return
    except UnavailableError as error:
        say({"unavailable": str(error)})
        return
    step = work.step
    repeats = 0
    for _ in sys.stdin:
        answer: dict[str, Any] = {}
        if work.memory is not None:
            say({"time": work.memory()})
            continue
        before = memory()
        if not repeats:  # warm up, and find out how many steps make a block
            start = time.process_time()
            while repeats == 0 or time.process_time() - start < least:
                step()
                repeats += 1
            answer["warm"] = True
        else:
            start, wall = time.process_time(), time.perf_counter()
            for _ in range(repeats):
                step()
            spent, wall = time.process_time() - start, time.perf_counter() - wall
            answer = {"time": spent / repeats / work.units, "wall": wall / repeats / work.units}
        after = memory()
        if after and "warm" in answer:
            answer["bytes"] = (after["peak"] - before["now"]) / work.units
        say(answer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
