"""Indexing, gathering, scattering and sorting: samples of the composites."""

from __future__ import annotations

import math

from autograd_core.op import Arg, S, Sample, bools, distinct, ints, span

NAN = math.nan
IN_PARITY = "tests/parity/test_indexing.py"
SAMPLES: dict[str, list[Sample]] = {
    "index_fill": [
        S((3, 4), ints(2), 1.5, dim=0), S((3, 4), ints(2, low=-4, high=4), (), dim=-1), S((3,), ints(), 2.0, dim=0), S((), ints(1, high=1), 5.0, dim=0), S((3, 2), ints(0), 1.0, dim=1),
        S((3, 4), Arg(values=[3]), 1.0, dim=0, error=IndexError, match="index_fill: index 3 is out of bounds"), S((3,), ints(1, 1), 1.0, dim=0, error=RuntimeError, match="vector"),
        S((3,), ints(1), (1,), dim=0, error=RuntimeError, match="0-dimensional"), S((3,), (1,), 1.0, dim=0, error=IndexError, match="long")],
    "index_copy": [
        S((3, 4), Arg(values=[2, 0]), (2, 4), dim=0), S((3, 4), Arg(values=[1, 3]), (3, 2), dim=-1), S((), ints(high=1), (), dim=0), S((3,), ints(), (1,), dim=0), S((3,), ints(1), (), dim=0),
        S((3, 4), Arg(values=[-1]), (1, 4), dim=0, error=IndexError, match="index_copy: index -1 is out of bounds"), S((3, 4), ints(1), (2, 4), dim=0, error=IndexError, match="Number of indices"),
        S((3, 4), ints(1), (1, 3), dim=0, error=RuntimeError, match="slice shapes"), S((3,), ints(1), ints(1), dim=0, error=RuntimeError, match="same dtype")],
    "take": [
        S((3, 4), ints(2, 3, low=-12, high=12)), S((3, 4), ints(high=12)), S((), ints(1, 1, high=1)), S((0,), ints(0)), S((3,), Arg(values=[3]), error=IndexError, match="take: index 3"),
        S((3,), (1,), error=RuntimeError, match="long")],
    "put": [
        S((3, 4), Arg(values=[1, -1, 5]), (3,)), S((3, 4), ints(2, 3, high=12), (6,), accumulate=True), S((), ints(1, high=1), (1,)), S((3,), Arg(values=[0, 0]), (2,), accumulate=True),
        S((3,), Arg(values=[3]), (1,), error=IndexError, match="put: index 3"), S((3,), ints(2), (1,), error=IndexError, match="same number of elements"),
        S((3,), ints(1), ints(1), error=RuntimeError, match="same dtype")],
    "scatter": [
        S((3, 4), Arg(values=[[0, 3], [1, 0], [2, 1]]), (3, 2), dim=1), S((3, 4), Arg(values=[[0, 1, 2, 0], [1, 0, 1, 2]]), (3, 4), dim=0), S((3, 4), ints(2, 2, high=4), 1.5, dim=-1),
        S((3, 4), ints(2, 2, high=4), dim=-1, value=1.5), S((4,), ints(2, high=4), 2.5, dim=0, reduce="multiply"), S((4,), ints(3, high=4), (3,), dim=0, reduce="add"),
        S((3, 4), ints(2, 4), (2, 3), dim=0, error=RuntimeError, match="no larger than src"), S((3,), Arg(values=[3]), 1.0, dim=0, error=RuntimeError, match="out of bounds"),
        S((3,), ints(1), ints(1), dim=0, error=RuntimeError, match="equal to src.dtype"), S((3,), ints(1), 1.0, dim=0, reduce="sum", error=RuntimeError, match="add or multiply")],
    "scatter_reduce": [
        *(S((3, 4), ints(5, 4, high=3), distinct(5, 4), dim=0, reduce=reduce, include_self=own) for reduce in ("sum", "prod", "mean", "amax", "amin") for own in (True, False)),
        S((3, 4), ints(2, 3, high=4), (2, 3), dim=-1, reduce="prod"), S((), ints(high=1), (), dim=0, reduce="mean"), S((3,), ints(0), (0,), dim=0, reduce="mean", include_self=False),
        S((3,), Arg(values=[0, 0, 2]), Arg(values=[0.0, 1.5, 0.0]), dim=0, reduce="prod"), S(ints(3), ints(4), ints(4), dim=0, reduce="mean"), S(ints(3), ints(4), ints(4), dim=0, reduce="prod"),
        S((3,), ints(2), (2,), dim=0, reduce="median", error=RuntimeError, match="reduce argument"), S((3,), Arg(values=[3]), (1,), dim=0, reduce="amax", error=RuntimeError, match="out of bounds"),
        S((3,), Arg(values=[3]), (1,), dim=0, reduce="prod", error=RuntimeError, match="out of bounds"), S((3,), ints(2), ints(2), dim=0, reduce="sum", error=RuntimeError, match="src.dtype"),
        S((3,), ints(3), (2,), dim=0, reduce="mean", error=RuntimeError, match="no larger than src")],
    "searchsorted": [
        S(Arg(values=[1.0, 3.0, 5.0]), Arg(values=[[3.0, NAN], [0.0, 9.0]])), S(Arg(values=[1.0, 3.0, 3.0]), 3.0, right=True), S(Arg(values=[1, 3, 5]), ints(2, 4, high=7), side="right", out_int32=True),
        S(Arg(values=[[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]), Arg(values=[[3.0, 1.0], [4.0, 7.0]])), S(Arg(values=[[1.0, 3.0, 5.0], [2.0, 4.0, 4.0]]), Arg(values=[[3.0], [4.0]]), right=True),
        S(Arg(values=[5.0, 1.0, 3.0]), (4,), sorter=Arg(values=[1, 2, 0])), S((0,), (2,)), S(Arg(values=[1.0, 2.0]), ()),
        S((3,), (2,), side="middle", error=RuntimeError, match="'left' or 'right'"), S((3,), (2,), side="left", right=True, error=RuntimeError, match="opposites"),
        S((2, 3), (3,), error=RuntimeError, match="first N-1 dimensions"), S((), (3,), error=RuntimeError, match="positive dimension"), S((2, 3), 1.0, error=RuntimeError, match="scalar only"),
        S((3,), (1,), sorter=Arg(values=[0, 1]), error=RuntimeError, match="same size"), S((2,), (1,), sorter=Arg(values=[0, 2]), error=RuntimeError, match="out of range")],
    "bucketize": [
        S(span(0, 4, 3, 2), Arg(values=[1.0, 2.0, 3.0])), S(Arg(values=[1.0, 3.0]), Arg(values=[1.0, 2.0, 3.0]), right=True), S(ints(4), Arg(values=[0, 1, 2]), out_int32=True),
        S(2, Arg(values=[1.0, 2.0])), S((2,), (1, 3), error=RuntimeError, match="1 dimension")],
    "isin": [
        S(ints(3, 4), ints(2)), S(ints(5), 2), S(1, ints(4)), S(ints(2, 3), ints(2, 2), invert=True), S(Arg(values=[1, 2, 3]), Arg(values=[3, 4]), assume_unique=True), S(ints(3), ints(0)),
        S(Arg(values=[1.0, NAN]), Arg(values=[NAN, 1.0])), S(ints(2), bools(1), error=RuntimeError, match="bool")],
    "unique_consecutive": [
        S(ints(6, high=2)), S(ints(2, 4, high=2), return_inverse=True, return_counts=True), S(Arg(values=[[1, 1], [1, 1], [2, 1]]), dim=0, return_inverse=True, return_counts=True),
        S(Arg(values=[[1, 1], [2, 2]]), dim=-1, return_counts=True), S(ints(0)), S(ints()), S((3,), dim=1, error=IndexError, match="out of range")],
}
ELSEWHERE: dict[str, str] = dict.fromkeys(("index_fill_", "index_copy_", "put_", "scatter_", "scatter_reduce_"), IN_PARITY)
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset(("searchsorted", "bucketize", "isin", "unique_consecutive"))
