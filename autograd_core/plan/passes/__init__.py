"""Passes: each makes a graph cheaper. ``PASSES`` lists them in the order in which they run, with whether they keep every bit."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Graph
from .common import common
from .constants import constants
from .copies import copies
from .dead import dead
from .fuse import fuse, fuse_sums
from .simplify import simplify

PASSES: dict[str, tuple[Callable[[Graph], int], bool]] = {
    "constants": (constants, True), "simplify": (simplify, True), "common": (common, True), "dead": (dead, True), "copies": (copies, True),
    "fuse_sums": (fuse_sums, False), "fuse": (fuse, True),
}
"""Name -> (function that changes a graph in place and returns how many steps it removed, whether it is exact)."""

__all__ = ["PASSES"]
