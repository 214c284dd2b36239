"""What it takes to build a plan: seconds of the second call of a new step, which records again and builds, over those of the first.

Each is measured in a process of its own, started by ``python -m benchmarks.building STEP BACKEND``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from .installed import ROOT
from .measure import ONE_THREAD, Measured, NoResult


def _classifier(ag: Any) -> Callable[[], Any]:
    """The step of 784-256-128-10 on a batch of 128 with Adam."""
    import nn
    import optim

    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    x, y = ag.randn(128, 784), ag.randint(0, 10, (128,))

    def step() -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _chain(ag: Any) -> Callable[[], Any]:
    """1,000 ops on 16 numbers, forward and backward."""
    w = ag.full((16,), 0.5, requires_grad=True)

    def step() -> Any:
        w.grad = None
        h = w
        for _ in range(333):
            h = ag.tanh(h * 0.9 + w)
        loss = h.sum()
        loss.backward()
        return loss

    return step


STEPS = {"mlp_digits": _classifier, "chain": _chain}


def main(name: str, backend: str) -> None:
    """Print the seconds of the first two calls, or why there is no such back end."""
    import autograd_core as ag

    try:
        step = ag.compile(STEPS[name](ag), backend=backend)
    except (ValueError, ImportError, RuntimeError) as error:
        print(json.dumps({"unavailable": str(error)}))
        return
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    print(json.dumps({"taken": taken}))


def _measured(name: str, step: str, backend: str, target: float, what: str, again: bool = False) -> Callable[[], Measured]:
    """``again``: with what an earlier process has left on disk; otherwise with nothing."""

    def measure() -> Measured:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, **ONE_THREAD, "AUTOGRAD_CORE_CACHE": folder}
            for _ in range(2 if again else 1):
                done = subprocess.run([sys.executable, "-m", "benchmarks.building", step, backend], capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
                if done.returncode:
                    raise NoResult(f"{name}: {done.stderr.strip().splitlines()[-1]}")
                found = json.loads(done.stdout)
                if "unavailable" in found:
                    raise NoResult(f"{name}: {found['unavailable']}")
        first, second = found["taken"]
        return Measured(name, what, "recording", second, first, target, kind="seconds")

    return measure


BUILDING: dict[str, Callable[[], Measured]] = {
    "build_numpy": _measured("build_numpy", "mlp_digits", "numpy", 0.3, "building the plan of the 784-256-128-10 step, NumPy back end"),
    "build_native": _measured("build_native", "mlp_digits", "native", 10.0, "the same, native back end, nothing on disk"),
    "build_native_again": _measured("build_native_again", "mlp_digits", "native", 0.5, "the same, native back end, what an earlier process built on disk", again=True),
    "build_native_chain": _measured("build_native_chain", "chain", "native", 20.0, "building the plan of a chain of 1,000 ops, native back end, nothing on disk"),
}
"""Measures of building, by name."""

if __name__ == "__main__":
    main(*sys.argv[1:])
