"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from .._methods import erf, erfc, erfinv, exp2, expm1, log1p, log_softmax, logsumexp, ndtr, ndtri, round, sigmoid, softmax

expit = sigmoid

__all__ = ["erf", "erfc", "erfinv", "exp2", "expit", "expm1", "log1p", "log_softmax", "logsumexp", "ndtr", "ndtri", "round", "softmax"]
