"""Special functions: their derivatives. How they are computed stands in ``kernels.special``."""

from __future__ import annotations

import math
from typing import Any

from ..kernels import special as kernels
from ..op import Arg, S, composite, elementwise

PLACES = ("torch", "Tensor", "special")
_EDGES = [-30.0, -4.0, -0.5, 0.0, 0.5, 1.0, 4.0, 30.0]

erf = elementwise("erf", kernel=kernels.erf, vjp="g * (1.1283791670955126 * exp(-(input * input)))", promotes="float",
                  scalar=math.erf, places=PLACES, inplace=True, samples=[S((3, 4)), S(()), S((0, 2)), S(Arg(values=_EDGES))],
                  doc="The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t ** 2)`` from 0 to ``input``. Within 4 ulp.")
erfc = elementwise("erfc", kernel=kernels.erfc, vjp="g * (-1.1283791670955126 * exp(-(input * input)))", promotes="float",
                   scalar=math.erfc, places=PLACES, inplace=True, samples=[S((3, 4)), S(()), S((0, 2)), S(Arg(values=_EDGES))],
                   doc="``1 - erf(input)``, without the loss of digits where it is tiny. Within 4 ulp.")
erfinv = elementwise("erfinv", kernel=kernels.erfinv, vjp="g * (0.886226925452758 * exp(out * out))", promotes="float",
                     domain=(-0.9, 0.9), places=PLACES, inplace=True, samples=[S(Arg((3, 4), -0.9, 0.9)), S(Arg((), -0.9, 0.9)), S((0, 2))],
                     doc="The inverse of ``erf``: infinite at -1 and 1, NaN outside.")


@composite("ndtr(input: Tensor) -> Tensor", places=("special",))
def ndtr(F: Any, input: Any) -> Any:
    """The distribution function of the standard normal distribution."""
    return F.erfc(input * -0.7071067811865476) * 0.5


@composite("ndtri(input: Tensor) -> Tensor", places=("special",))
def ndtri(F: Any, input: Any) -> Any:
    """The inverse of ``ndtr``: the quantiles of the standard normal distribution."""
    return F.erfinv(input * 2.0 - 1.0) * 1.4142135623730951
