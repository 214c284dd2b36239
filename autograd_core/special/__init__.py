"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from .._methods import (
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    log1p,
    ndtr,
    ndtri,
    sinc,
    xlog1py,
    xlogy,
)

__all__ = [
    "erf", "erfc", "erfinv", "exp2", "expm1", "log1p", "ndtr", "ndtri", "sinc", "xlog1py", "xlogy",
]
