"""Convolutions, pools, norms and activations: samples of the composites."""

from __future__ import annotations

from autograd_core.op import S, Sample, distinct

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
    "maxout": [S(distinct(3, 6), pieces=2), S(distinct(3, 6), pieces=3, dim=-1), S(distinct(2, 4, 3), pieces=4), S((3, 4), pieces=1), S((3, 4), pieces=3, error=RuntimeError, match="pieces")],
}
ELSEWHERE: dict[str, str] = {"gumbel_softmax": "random, in parity", "rrelu_": "writes, in parity"}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
