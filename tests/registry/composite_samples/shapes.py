"""Shapes, creation and random numbers: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample, ints

SAMPLES: dict[str, list[Sample]] = {
    "atleast_1d": [S(()), S((3,)), S((), (2, 3)), S([(), (3,)])], "atleast_2d": [S(()), S((3,)), S((2, 3)), S((0,)), S([(), (3,), (2, 3)])],
    "atleast_3d": [S(()), S((3,)), S((2, 3)), S((2, 3, 4)), S((2, 0)), S([(), (3,)])],
    "vstack": [S([(3,), (2, 3)]), S([(), ()]), S([(0, 2), (1, 2)]), S([(3,), (2,)], error=RuntimeError, match="must match"), S([], error=RuntimeError, match="non-empty")],
    "hstack": [S([(3,), (2,)]), S([(2, 3), (2, 1)]), S([(), (2,)]), S([(2, 3), (1, 3)], error=RuntimeError, match="must match"), S([], error=RuntimeError, match="non-empty")],
    "dstack": [S([(3,), (3,)]), S([(2, 3), (2, 3)]), S([(), ()]), S([(2, 1, 3), (2, 1, 2)]), S([(2,), (3,)], error=RuntimeError, match="must match")],
    "column_stack": [S([(3,), (3, 2)]), S([(), ()]), S([(0,), (0, 2)]), S([(2,), (3,)], error=RuntimeError, match="must match")],
    "block_diag": [S((2, 3), (3,), ()), S((2, 2)), S((0, 2), (1, 1)), S((2,), (1, 2, 2), error=RuntimeError, match="2 or fewer")],
    "split_with_sizes": [S((5, 2), split_sizes=[2, 3]), S((2, 5), split_sizes=(1, 0, 4), dim=-1), S((4,), split_sizes=[1, 2], error=RuntimeError, match="sum exactly")],
    "tensor_split": [S((5, 2), indices_or_sections=2), S((2, 5), indices_or_sections=7, dim=1), S((6,), indices_or_sections=(1, 4)), S((6,), indices_or_sections=[4, -4, 9]),
                     S((6,), indices_or_sections=Arg(values=[2, 3])), S((6,), indices_or_sections=Arg(values=3)), S((), indices_or_sections=2, error=RuntimeError, match="at least a 1-dimensional"),
                     S((3,), indices_or_sections=0, error=RuntimeError, match="larger than 0"), S((3,), indices_or_sections=1, dim=1, error=IndexError, match="out of range")],
    "hsplit": [S((4,), indices_or_sections=2), S((2, 6), indices_or_sections=3), S((2, 6), indices_or_sections=[1, 3]), S((2, 3), indices_or_sections=2, error=RuntimeError, match="not divisible"),
               S((), indices_or_sections=1, error=RuntimeError, match="at least 1 dimension")],
    "vsplit": [S((4, 2), indices_or_sections=2), S((4, 2, 1), indices_or_sections=[1, 3]), S((3, 2), indices_or_sections=2, error=RuntimeError, match="not divisible"),
               S((4,), indices_or_sections=2, error=RuntimeError, match="at least 2 dimension")],
    "dsplit": [S((2, 1, 4), indices_or_sections=2), S((1, 2, 4), indices_or_sections=(3,)), S((2, 4), indices_or_sections=2, error=RuntimeError, match="at least 3 dimension")],
    "fliplr": [S((2, 3)), S((2, 0)), S((2, 3, 2)), S((3,), error=RuntimeError, match="2-d")], "flipud": [S((3,)), S((2, 3)), S((0,)), S((), error=RuntimeError, match="1-d")],
    "rot90": [S((2, 3)), S((2, 3), k=2), S((2, 3), k=-1), S((2, 3), k=4), S((2, 3, 4), k=3, dims=(2, 0)), S((2, 3), dims=(-1, 0)), S((0, 2)), S((3,), error=RuntimeError, match="total dims"),
              S((2, 3), dims=(0, 0), error=RuntimeError, match="different"), S((2, 3), dims=(0, 2), error=IndexError, match="out of range"), S((2, 3), dims=(0,), error=RuntimeError, match="rotation dims")],
    "adjoint": [S(()), S((2, 3)), S((4, 2, 3)), S((0, 2)), S((3,), error=RuntimeError, match="only supported on matrices")],
    "diagflat": [S((2, 2)), S((3,), offset=1), S(()), S((2,), offset=-2), S((0,))],
    "meshgrid": [S((2,), (3,)), S((2,), (3,), indexing="xy"), S((2,), (), (3,)), S((2,), (3,), (4,), indexing="xy"), S([(2,), (3,)]), S((0,), (2,)), S((2,), indexing="xy"),
                 S((2, 2), (2,), error=RuntimeError, match="0D or 1D"), S((2,), (2,), indexing="yx", error=RuntimeError, match="indexing")],
    "cartesian_prod": [S((2,), (3,)), S((3,)), S((2,), (1,), (2,)), S((0,), (2,)), S((2, 2), (2,), error=RuntimeError, match="1D vector")],
    "combinations": [S((4,)), S((4,), r=3), S((3,), r=2, with_replacement=True), S((2,), r=3), S((3,), r=0), S((2, 2), error=RuntimeError, match="1D vector"),
                     S((3,), r=-1, error=RuntimeError, match="non-negative")],
    "vander": [S((3,)), S(ints(3)), S((3,), N=2), S((3,), N=4, increasing=True), S((3,), N=0), S((0,), N=2), S((2, 2), error=RuntimeError, match="one-dimensional"), S((2,), N=-1, error=RuntimeError, match="non-negative")],
    "select_scatter": [S((2, 3), (2,), dim=1, index=0), S((2, 3), (3,), dim=0, index=-1), S((2, 3), (2,), dim=0, index=0, error=RuntimeError, match="size equal")],
    "slice_scatter": [S((4, 3), (2, 3), start=1, end=3), S((4, 3), (4, 2), dim=-1, step=2), S((4,), (4,)), S((4,), (3,), start=-2, error=RuntimeError, match="size equal"),
                      S((4,), (4,), step=0, error=RuntimeError, match="positive")],
    "as_strided_scatter": [
        S((3, 3), (2, 2), size=(2, 2), stride=(1, 3)), S((6,), (3,), size=(3,), stride=(2,), storage_offset=1), S((2,), (), size=(), stride=()), S((3,), (0,), size=(0,), stride=(1,)),
        S((4,), (3,), size=(2,), stride=(1,), error=RuntimeError, match="size equal"), S((4,), (2,), size=(2,), stride=(4,), error=RuntimeError, match="out of bounds"),
        S((4,), (2,), size=(2,), stride=(0,), error=RuntimeError, match="single memory location")],
    "diagonal_scatter": [S((3, 3), (3,)), S((2, 3), (2,), offset=1), S((2, 3, 3), (3, 2), dim1=0, dim2=2), S((3, 3), (2,), error=RuntimeError, match="size equal")],
    "sum_to_size": [S((2, 3, 4), size=(3, 1)), S((2, 3), size=()), S((3,), size=(3,)), S((2, 3), size=(2,), error=RuntimeError, match="not expandable")],
    "repeat_interleave": [S(ints(3, low=1)), S((2, 3), repeats=2, dim=-1, output_size=6), S((2, 3), repeats=Arg(values=[2, 0]), dim=0, output_size=2), S((), repeats=3),
                          S((3,), repeats=2, output_size=5, error=RuntimeError, match="size"), S((3,), repeats=-1, error=RuntimeError, match="negative")],
}
ELSEWHERE: dict[str, str] = dict.fromkeys(("float_power_", "fill_diagonal_"), "writes, in parity")
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
