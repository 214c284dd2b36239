"""What a benchmark case is: one piece of work that each peer does, and the ratio to reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Work:
    """A case, made ready in one peer's process."""

    step: Callable[[], Any]
    """One unit of work."""
    results: Callable[[], Sequence[float]]
    """Numbers that all peers must agree on, computed before anything is timed."""
    units: int = 1
    """How many units one step is; times are divided by it."""
    memory: Callable[[], float] | None = None
    """The most bytes so far over those before the work was made ready, for cases of memory."""


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    name: str
    what: str
    """The work in words."""
    peers: dict[str, Callable[[], Work]]
    """Our own entry first, under the name ``ours``, then the one it is measured against."""
    target: float
    """Our time divided by the peer's time must not be larger."""
    aim: float | None = None
    tolerance: float = 1e-6
    """Largest relative difference of ``results``."""
    blocks: int = 9
    seconds: float = 0.15
    """Least processor time of one block."""
    memory_target: float | None = None
    """Peak bytes per unit, where they are measured too."""

    @property
    def peer(self) -> str:
        """The name of what it is measured against."""
        return next(name for name in self.peers if name != "ours")


def torch_work(build: Callable[[Any], Work]) -> dict[str, Callable[[], Work]]:
    """The same code for both: ``build`` is handed PyTorch, or this library in its place."""

    def ours() -> Work:
        import autograd_core

        return build(autograd_core)

    def pytorch() -> Work:
        import torch

        torch.set_num_threads(1)
        return build(torch)

    return {"ours": ours, "torch": pytorch}
