"""Shapes that broadcast where a user rarely means it: a vector met by a column becomes a square."""

from __future__ import annotations

from typing import Any

from .config import warn_user
from .errors import BroadcastWarning
from .op import Op


def lint_broadcast(op: Op, inputs: Any, shape: tuple[int, ...]) -> None:
    """Warn, at the user's line, of an elementwise op of (N,) and (N, 1) whose result is (N, N); asked in anomaly mode."""
    if len(shape) != 2 or op.kind != "elementwise" or shape[0] != shape[1] or shape[0] < 2:
        return
    shapes = [tuple(x.shape) for x in inputs if getattr(x, "shape", None)]
    n = shape[0]
    if sorted(shapes) == [(n,), (n, 1)]:
        warn_user(f"{op.spoken}: {shapes[0]} with {shapes[1]} broadcasts to {shape}, every element of one with every element of the other. Where they belong "
                  f"together one by one, write vector.unsqueeze(1) or column.squeeze(1); where the square is meant, vector.unsqueeze(0), or call it "
                  "inside: with autograd_core.errors.BroadcastWarning.silenced()", BroadcastWarning)
