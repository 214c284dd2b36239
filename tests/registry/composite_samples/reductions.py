"""Reductions, scans and statistics: samples of the composites."""

from __future__ import annotations

import math

from autograd_core.op import Arg, S, Sample, bools, distinct, ints, span

NAN = math.nan
LEVELS = Arg(values=[0.1, 0.3, 0.9])
WITH_NAN = Arg(values=[[NAN, 3.0, 1.0, 2.0], [NAN, NAN, 5.0, 4.0]])
QUANTILES = [
    S(distinct(5), 0.3), S(distinct(3, 4), 0.5, dim=0), S(distinct(3, 4), LEVELS, dim=-1, keepdim=True), S(distinct(2, 3, 2), span(0.1, 0.9, 2), dim=1),
    S(distinct(3, 4), LEVELS), S((), 0.5, dim=0), S(distinct(5), 0.37, interpolation="lower"), S(distinct(5), 0.37, interpolation="higher"),
    S(distinct(5), 0.37, interpolation="midpoint"), S(distinct(5), 0.37, interpolation="nearest"), S(distinct(3, 4), span(0.2, 0.8), dim=1),
    S((3,), 1.5, error=RuntimeError, match="range"), S((3,), Arg(values=[0.5, 1.5]), error=RuntimeError, match="range"), S((0,), 0.5, error=RuntimeError, match="non-empty"),
    S(ints(3), 0.5, error=RuntimeError, match="float or double"), S((3,), 0.5, dim=1, error=IndexError, match="out of range"),
    S((3,), 0.5, interpolation="cubic", error=RuntimeError, match="interpolation"), S((3,), span(0, 1, 1, 1), error=RuntimeError, match="1D"),
]
SAMPLES: dict[str, list[Sample]] = {
    "cov": [S((3, 5)), S((1, 4)), S((3, 5), correction=0), S((4,)), S((2, 4), fweights=Arg(values=[1, 2, 1, 3])), S((2, 4), aweights=Arg(values=[0.5, 1.5, 1.0, 2.0])),
            S((2, 4), fweights=Arg(values=[1, 2, 1, 3]), aweights=Arg(values=[0.5, 1.5, 1.0, 2.0]), correction=0), S((2, 3, 4), error=RuntimeError, match="two or fewer dimensions"),
            S((2, 4), fweights=Arg(values=[1, 2]), error=RuntimeError, match="one weight")],
    "gradient": [S((5,)), S((3, 4), spacing=0.5), S((4, 5), spacing=(2.0, 0.5), edge_order=2), S((3, 4), dim=-1), S((5, 2), dim=0, edge_order=2),
                 S((2,), edge_order=2, error=RuntimeError, match="edge_order.1"), S((3,), edge_order=3, error=RuntimeError, match="only supports"),
                 S((3, 4), spacing=(1.0,), error=RuntimeError, match="length of dim"), S((3,), dim=1, error=IndexError, match="out of range")],
    "corrcoef": [S((3, 5)), S((4,)), S((2, 3, 4), error=RuntimeError, match="two or fewer dimensions")],
    "median": [S(distinct(3, 4)), S(distinct(4)), S(distinct(3, 4), dim=0), S(distinct(3, 4), dim=-1, keepdim=True), S(()), S((3,), dim=1, error=IndexError, match="out of range")],
    "nanmedian": [S(distinct(3, 4)), S(WITH_NAN), S(WITH_NAN, dim=1), S(distinct(3, 4), dim=0, keepdim=True), S((0, 3), dim=0, error=IndexError, match="non-zero size")],
    "quantile": QUANTILES,
    "nanquantile": [*QUANTILES, S(WITH_NAN, 0.4, dim=1), S(WITH_NAN, LEVELS)],
    "diff": [
        S((5,)), S((3, 4), dim=0), S((3, 4), n=2), S((3, 4), n=0), S((2,), n=3), S((0, 3)), S(ints(4)), S((3, 4), dim=-2, prepend=Arg((2, 4)), append=Arg((1, 4))),
        S(bools(4)), S((), error=RuntimeError, match="at least one-dimensional"), S((3,), n=-1, error=RuntimeError, match="non-negative"),
        S((3, 4), append=Arg((2, 1)), error=RuntimeError, match="must have the shape"), S((3,), dim=1, error=IndexError, match="out of range")],
    "trapezoid": [
        S((5,)), S((3, 4), dx=0.5), S((3, 4), (4,)), S((3, 4), (3,), dim=0), S((3, 4), (3, 4), dim=0), S((2, 3, 4), (3, 4), dim=1), S((1,)),
        S((3,), (2,), error=RuntimeError, match="one `x` value"), S(bools(3), error=RuntimeError, match="bool"), S((), error=IndexError, match="dimension")],
    "cumulative_trapezoid": [
        S((5,)), S((3, 4), dx=0.5, dim=0), S((3, 4), (4,)), S((3, 4), (3, 4), dim=-2), S((3, 4), (4,), dim=1), S((3,), dim=1, error=IndexError, match="out of range"),
        S((3,), (2,), error=RuntimeError, match="one `x` value")],
    "dist": [S((3, 4), (3, 4)), S((3, 4), (4,), p=1), S((3,), (3,), p=3), S(distinct(4), (), p=math.inf), S((), ()), S((2,), (3,), error=RuntimeError, match="must match the size")],
}
ELSEWHERE: dict[str, str] = {}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
