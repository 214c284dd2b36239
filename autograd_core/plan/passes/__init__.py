"""Passes: each makes a graph cheaper. ``PASSES`` lists them in the order in which they run, with whether they keep every bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .common import common
from .constants import constants
from .copies import copies
from .dead import dead
from .fuse import fuse

PASSES: dict[str, tuple[Callable[[Any], int], bool]] = {"constants": (constants, True), "common": (common, True), "dead": (dead, True), "copies": (copies, True), "fuse": (fuse, True)}
"""Name -> (function that changes a graph in place and returns how many steps it removed, whether it is exact)."""

__all__ = ["PASSES"]
