"""Passes: each makes a graph cheaper. ``PASSES`` lists them in the order in which they run, with whether they keep every bit."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Graph
from .common import common
from .constants import constants
from .copies import copies
from .dead import dead
from .fuse import fuse, fuse_sums
from .order import order
from .products import products
from .rows import rows
from .simplify import simplify
from .underflow import underflow

PASSES: dict[str, tuple[Callable[[Graph], int], bool]] = {
    "constants": (constants, True),
    "simplify": (simplify, True),
    "rows": (rows, False),
    "common": (common, True),
    "products": (products, False),
    "dead": (dead, True),
    "copies": (copies, True),
    "order": (order, True),
    "underflow": (underflow, False),
    "fuse_sums": (fuse_sums, False),
    "fuse": (fuse, True),
}
"""Name -> (function that changes a graph in place and returns how many steps it removed, moved or rewrote, whether it is exact)."""
DONE = {"simplify": "removed or rewritten", "rows": "rewritten", "products": "rewritten", "order": "moved", "underflow": "watched", "fuse_sums": "joined", "fuse": "joined"}
"""What a pass did with as many steps as it says, if it did not remove them."""

__all__ = ["DONE", "PASSES"]
