"""Convolutions, pools, norms and activations: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample, distinct, span

OUT_OF_RANGE = {"error": IndexError, "match": "out of range"}

SAMPLES: dict[str, list[Sample]] = {
    "prelu": [S((3, 4), (1,)), S((2, 3, 4), (3,)), S((2, 3), ()), S((), (1,)), S((4,), (1,)), S((0, 2), (2,)), S((3, 4), (3,), error=RuntimeError, match="channel size"),
              S((3, 4), (2, 2), error=RuntimeError, match="scalar or 1D"), S((), (2,), error=RuntimeError, match="zero-dim")],
    "rrelu": [S((3, 4)), S((3, 4), lower=0.1, upper=0.5), S(()), S((3,), lower=0.5, upper=0.1, error=RuntimeError, match="Lower bound")],
    "glu": [S((3, 4)), S((2, 4, 3), dim=1), S((4,), dim=0), S((3, 0)), S((3, 3), error=RuntimeError, match="must be even"), S((), error=RuntimeError, match="0-dimensional"),
            S((4,), dim=1, **OUT_OF_RANGE)],
    "conv3d": [S((2, 3, 4, 3, 5), (4, 3, 2, 2, 3)), S((1, 4, 3, 4, 5), (4, 2, 2, 3, 2), (4,), stride=(1, 2, 2), padding=(1, 0, 1), dilation=(2, 1, 1), groups=2),
               S((3, 3, 3, 3), (2, 2, 2, 2, 2), padding="same", error=RuntimeError, match="channels"), S((2, 3, 3, 4), (3, 2, 2, 3, 2), padding="same"),
               S((1, 2, 3, 3), (2, 2, 2, 2), error=RuntimeError, match="conv3d")],
    "conv_transpose1d": [S((2, 3, 4), (3, 2, 3)), S((2, 4, 3), (4, 2, 3), (4,), stride=2, padding=1, output_padding=1, groups=2), S((3, 4), (3, 2, 2), None, dilation=2),
                         S((2, 3, 4), (2, 2, 3), error=RuntimeError, match="channels")],
    "conv_transpose3d": [S((1, 2, 2, 3, 2), (2, 3, 2, 2, 3)), S((2, 3, 2, 2), (2, 2, 2, 3, 2), (3,), error=RuntimeError, match="bias"),
                         S((2, 3, 2, 2), (2, 2, 2, 3, 2), (2,), stride=2, padding=(0, 1, 0), output_padding=(1, 0, 1)),
                         S((1, 2, 2, 2, 2), (2, 1, 2, 2, 2), None, output_padding=1, error=RuntimeError, match="output padding")],
    "max_pool1d": [S(distinct(2, 3, 6), kernel_size=2), S(distinct(1, 2, 7), kernel_size=3, stride=2, padding=1), S(distinct(2, 7), kernel_size=2, dilation=2, ceil_mode=True),
                   S(distinct(2, 3, 6), kernel_size=(3,), return_indices=True), S((2, 3, 2), kernel_size=3, error=RuntimeError, match="too small"),
                   S((6,), kernel_size=2, error=RuntimeError, match="max_pool1d")],
    "max_pool3d": [S(distinct(1, 2, 4, 3, 4), kernel_size=2), S(distinct(2, 3, 3, 4), kernel_size=(2, 1, 3), stride=1, padding=(1, 0, 1), return_indices=True),
                   S((1, 2, 4, 4, 4), kernel_size=2, padding=2, error=RuntimeError, match="at most half")],
    "avg_pool3d": [S((1, 2, 4, 3, 4), kernel_size=2), S((2, 3, 3, 4), kernel_size=(2, 1, 3), stride=1, padding=(1, 0, 1), count_include_pad=False),
                   S((1, 1, 3, 3, 3), kernel_size=2, stride=2, ceil_mode=True), S((1, 1, 3, 3, 3), kernel_size=2, divisor_override=5),
                   S((1, 1, 3, 3, 3), kernel_size=2, divisor_override=0, error=RuntimeError, match="not zero")],
    "lp_pool1d": [S((2, 3, 6), norm_type=2, kernel_size=2), S(span(0.5, 2.0, 3, 7), norm_type=1.5, kernel_size=3, stride=2)],
    "lp_pool2d": [S((1, 2, 4, 5), norm_type=2, kernel_size=2), S(span(0.5, 2.0, 1, 2, 4, 5), norm_type=3, kernel_size=(2, 3), stride=1, ceil_mode=True),
                  S((1, 2, 2, 2), norm_type=2, kernel_size=3, error=RuntimeError, match="too small")],
    "lp_pool3d": [S((1, 2, 4, 2, 3), norm_type=2, kernel_size=2)],
    "adaptive_avg_pool1d": [S((2, 3, 6), output_size=3), S((2, 3, 7), output_size=(4,)), S((3, 5), output_size=1), S((5,), output_size=2, error=RuntimeError, match="adaptive_avg_pool1d")],
    "adaptive_avg_pool3d": [S((1, 2, 4, 5, 3), output_size=(2, 3, 3)), S((2, 3, 4, 5), output_size=(None, 2, 4))],
    "adaptive_max_pool1d": [S(distinct(2, 3, 6), output_size=3), S(distinct(2, 3, 7), output_size=4, return_indices=True), S(distinct(3, 5), output_size=1)],
    "adaptive_max_pool2d": [S(distinct(2, 3, 5, 6), output_size=3), S(distinct(2, 3, 5, 4), output_size=(None, 3), return_indices=True), S(distinct(2, 3, 4), output_size=1),
                            S((2, 3), output_size=1, error=RuntimeError, match="adaptive_max_pool2d")],
    "adaptive_max_pool3d": [S(distinct(1, 2, 4, 5, 3), output_size=(2, 3, 3)), S(distinct(2, 3, 4, 2), output_size=2, return_indices=True)],
    "max_unpool1d": [S((1, 2, 3), Arg(values=[[[1, 2, 5], [0, 3, 4]]]), kernel_size=2), S((1, 2, 3), Arg(values=[[[1, 2, 5], [0, 3, 6]]]), kernel_size=2, output_size=(7,)),
                     S((1, 2, 3), Arg(values=[[[1, 2, 5], [0, 3, 6]]]), kernel_size=2, output_size=(9,), error=ValueError, match="output_size"),
                     S((1, 2, 3), Arg(values=[[[1, 2], [0, 3]]]), kernel_size=2, error=RuntimeError, match="indices")],
    "max_unpool2d": [S((1, 2, 2), Arg(values=[[[1, 7], [8, 15]]]), kernel_size=2), S((1, 1, 2, 2), Arg(values=[[[[1, 7], [8, 15]]]]), kernel_size=2, stride=2, output_size=(1, 1, 5, 5))],
    "max_unpool3d": [S((1, 1, 2, 1, 2), Arg(values=[[[[[1, 2]], [[8, 15]]]]]), kernel_size=2)],
    "maxout": [S(distinct(3, 6), pieces=2), S(distinct(3, 6), pieces=3, dim=-1), S(distinct(2, 4, 3), pieces=4), S((3, 4), pieces=1), S((3, 4), pieces=3, error=RuntimeError, match="pieces")],
}
ELSEWHERE: dict[str, str] = {"gumbel_softmax": "random, in parity", "rrelu_": "writes, in parity"}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
