"""What a case for plans is: a program at two sizes, done by our columns and by many peers, and the ratios to reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.case import Work

COLUMNS = ("numpy", "exact", "native")
"""Our entries: ``backend="numpy"``, the same with ``exact=True``, and ``backend="native"``."""
PEERS = ("torch", "torch.compile", "jax", "autograd", "mygrad", "hand")
"""Who does every program; further entries are floors, and peers of single cases."""


class UnavailableError(Exception):
    """One of our columns does not exist on this machine; says why."""


@dataclass(frozen=True)
class Target:
    """``column``'s time divided by that of the fastest of ``peers`` must not be larger than ``at_most``."""

    column: str
    peers: tuple[str, ...]
    at_most: float


@dataclass(frozen=True)
class Size:
    """A program at one size."""

    name: str
    what: str
    peers: dict[str, Callable[[], Work]]
    """Ours, peers and floors by name, made ready in a process of their own."""
    tolerance: float
    """Largest relative difference of results."""
    seconds: float = 0.15
    """Least processor time of one block."""


@dataclass(frozen=True)
class PlanCase:
    """A row of the table, and the row of its second size, which must hold the first's ratios within ``HOLDS``."""

    name: str
    sizes: tuple[Size, Size]
    targets: tuple[Target, ...]
    blocks: int = 9
    kind: str = "time"
    """``time``, or ``bytes``: the most memory."""

    def chosen(self, number: int, peers: tuple[str, ...] | None) -> list[str]:
        """Who is measured at a size: at the second only who is needed for the targets. ``peers`` chooses among the peers."""
        size = self.sizes[number]
        needed = {peer for target in self.targets for peer in target.peers}
        return [name for name in size.peers
                if name in COLUMNS or ((peers is None or name in peers) and (number == 0 or name in needed))]


HOLDS = 1.25
"""A ratio at the second size divided by that at the first must not be larger."""
