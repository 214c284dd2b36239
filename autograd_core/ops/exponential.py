"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math

from ..op import elementwise

LOG_2 = math.log(2.0)
LOG_10 = math.log(10.0)

exp = elementwise("exp", vjp="g * out", promotes="float", scalar=math.exp, inplace=True, doc="e to the power of ``input``.")
expm1 = elementwise("expm1", vjp="g * (out + 1)", promotes="float", scalar=math.expm1, doc="``exp(input) - 1``, exact near 0.")
log = elementwise("log", vjp="masked(g, g / input)", promotes="float", scalar=math.log, inplace=True, domain=(0.2, 3.0), doc="Natural logarithm.")
log1p = elementwise("log1p", vjp="masked(g, g / (input + 1))", promotes="float", scalar=math.log1p, domain=(-0.7, 3.0),
                    doc="``log(1 + input)``, exact near 0.")
exp2 = elementwise("exp2", vjp=f"g * (out * {LOG_2!r})", promotes="float", scalar=lambda x: 2.0**x, doc="2 to the power of ``input``.")
log2 = elementwise("log2", vjp=f"masked(g, g / (input * {LOG_2!r}))", promotes="float", scalar=math.log2, domain=(0.2, 3.0), doc="Logarithm to base 2.")
log10 = elementwise("log10", vjp=f"masked(g, g / (input * {LOG_10!r}))", promotes="float", scalar=math.log10, domain=(0.2, 3.0), doc="Logarithm to base 10.")
sqrt = elementwise("sqrt", vjp="masked(g, g / (2 * out))", promotes="float", scalar=math.sqrt, inplace=True, domain=(0.2, 3.0), label="√",
                   doc="Square root.")
rsqrt = elementwise("rsqrt", kernel=lambda xp, input: 1 / xp.sqrt(input), vjp="masked(g, g * (-0.5 * (out * out * out)))", promotes="float",
                    scalar=lambda x: 1 / math.sqrt(x), domain=(0.2, 3.0), label="1/√", doc="``1 / sqrt(input)``.")
