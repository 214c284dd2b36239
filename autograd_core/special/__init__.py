"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from .._methods import (
    erf,
    erfc,
    erfinv,
    ndtr,
    ndtri,
)

__all__ = [
    "erf", "erfc", "erfinv", "ndtr", "ndtri",
]
