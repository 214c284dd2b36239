"""The most memory of a training step: resident bytes over those of the process before the model is made.

Before that, the same program runs at a tiny size, so that what a library loads and reserves once is not counted.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from benchmarks.case import Work

from .case import UnavailableError
from .mlp import mlp
from .training import Entry

MEASURED = ("numpy", "exact", "native", "torch", "torch.compile", "jax", "autograd", "mygrad", "hand")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _resident(which: str) -> float:
    for line in STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(which):
            return 1024.0 * int(line.split()[1])
    raise UnavailableError(f"{STATUS} does not tell {which}")


def _start() -> float:
    """Forget the peak so far; returns what is resident now."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    CLEAR.write_text("5", encoding="utf-8")
    return _resident("VmRSS")


def _over(tiny: Entry, entry: Entry, later: bool) -> Entry:
    def measured() -> Work:
        if sys.platform != "linux":
            raise UnavailableError("the peak of resident memory is read from /proc, which Linux has")
        tiny().results()
        before = _start()
        work = entry()

        def most() -> float:
            if later:
                CLEAR.write_text("5", encoding="utf-8")
                work.step()
            return _resident("VmHWM") - before

        return Work(work.step, work.results, memory=most)

    return measured


def _held(sizes: tuple[int, ...], batch: int) -> Work:
    """Nothing but what has to be there at once: parameters, gradients, and the values that backward reads; SGD has no state."""
    parameters = sum(n * m + m for n, m in pairwise(sizes))
    return Work(lambda: None, list, memory=lambda: 4.0 * (2 * parameters + batch * sum(sizes)))


def peak(sizes: tuple[int, ...], batch: int, later: bool = False) -> dict[str, Callable[[], Work]]:
    """All entries for an MLP with SGD. ``later``: of a step after five others, without what it took to get there."""
    tiny, whole = mlp((8, 8, 8, 10), 4, "SGD", lr=0.01), mlp(sizes, batch, "SGD", lr=0.01)
    return {**{name: _over(tiny[name], whole[name], later) for name in MEASURED}, "held": lambda: _held(sizes, batch)}
