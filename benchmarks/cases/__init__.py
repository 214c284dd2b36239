"""The cases, in the order of the table."""

from __future__ import annotations

from benchmarks.case import Case

from . import chain, cnn_small, derivatives, long_chain, mlp_digits, mlp_small, scalar_moons, xyz

CASES: dict[str, Case] = {
    case.name: case
    for case in (xyz.SCALAR, xyz.TENSOR, scalar_moons.CASE, chain.CASE, mlp_small.CASE, mlp_digits.CASE, cnn_small.CASE, long_chain.CASE, *derivatives.CASES)
}
"""Timed cases by name."""
