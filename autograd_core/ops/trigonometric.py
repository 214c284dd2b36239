"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import is_complex
from ..kernels.choose import choose
from ..kernels.numbers import Numbers
from ..op import TORCH_TENSOR_NN, Arg, S, elementwise, span

DEGREE = math.pi / 180
RADIAN = 180 / math.pi

def _acosh_vjp(F: Any, g: Any, input: Any) -> Any:
    if is_complex(input):
        return g * F.rsqrt(input - 1) * F.rsqrt(input + 1)  # the root of the product lies on another branch
    return F.masked(g, g * F.rsqrt(input * input - 1))


sin = elementwise("sin", vjp="g * cos(input)", promotes="float", scalar=math.sin, inplace=True, doc="Sine, in radians.")
cos = elementwise("cos", vjp="-g * sin(input)", promotes="float", scalar=math.cos, inplace=True, doc="Cosine, in radians.")
tanh = elementwise("tanh", out=True, vjp="g - g * out * out", promotes="float", scalar=math.tanh, inplace=True, places=TORCH_TENSOR_NN, doc="Hyperbolic tangent.")
tan = elementwise("tan", vjp="g * (1 + out * out)", promotes="float", scalar=math.tan, domain=(-1.0, 1.0), inplace=True, doc="Tangent, of radians.")
sinh = elementwise("sinh", vjp="g * cosh(input)", promotes="float", scalar=math.sinh, inplace=True, doc="Hyperbolic sine.")
cosh = elementwise("cosh", vjp="g * sinh(input)", promotes="float", scalar=math.cosh, inplace=True, doc="Hyperbolic cosine.")
asin = elementwise("asin", ufunc="arcsin", vjp="masked(g, g * rsqrt(1 - input * input))", promotes="float", scalar=math.asin, domain=(-0.8, 0.8),
                   aliases=("arcsin",), inplace=True, doc="Inverse sine, in radians.")
acos = elementwise("acos", ufunc="arccos", vjp="masked(g, -g * rsqrt(1 - input * input))", promotes="float", scalar=math.acos, domain=(-0.8, 0.8),
                   aliases=("arccos",), inplace=True, doc="Inverse cosine, in radians.")
atan = elementwise("atan", ufunc="arctan", vjp="g / (1 + input * input)", promotes="float", scalar=math.atan, aliases=("arctan",),
                   inplace=True, doc="Inverse tangent, in radians.")
asinh = elementwise("asinh", ufunc="arcsinh", vjp="g * rsqrt(input * input + 1)", promotes="float", scalar=math.asinh, aliases=("arcsinh",),
                    inplace=True, doc="Inverse hyperbolic sine.")
acosh = elementwise("acosh", ufunc="arccosh", vjp=_acosh_vjp, promotes="float", scalar=math.acosh, domain=(1.2, 3.0),
                    aliases=("arccosh",), inplace=True, doc="Inverse hyperbolic cosine.")
atanh = elementwise("atanh", ufunc="arctanh", vjp="masked(g, g / (1 - input * input))", promotes="float", scalar=math.atanh, domain=(-0.8, 0.8),
                    aliases=("arctanh",), inplace=True, doc="Inverse hyperbolic tangent.")
atan2 = elementwise("atan2", "input other", ufunc="arctan2", promotes="float", domain=(0.5, 2.0), aliases=("arctan2",),
                    vjp={"input": "where(input * input + other * other == 0, 0, g * (other / (input * input + other * other)))",
                         "other": "where(input * input + other * other == 0, 0, g * (-input / (input * input + other * other)))"},
                    inplace=True, doc="The angle of the point (``other``, ``input``) in radians, between -π and π; the gradient at the origin is 0.")
deg2rad = elementwise("deg2rad", kernel=lambda xp, input: input * DEGREE, vjp=f"g * {DEGREE!r}", promotes="float", scalar=lambda x: x * DEGREE, inplace=True,
                      doc="Degrees in radians.")
rad2deg = elementwise("rad2deg", kernel=lambda xp, input: input * RADIAN, vjp=f"g * {RADIAN!r}", promotes="float", scalar=lambda x: x * RADIAN, inplace=True,
                      doc="Radians in degrees.")


def _sinc_slope(F: Any, g: Any, input: Any) -> Any:
    """(cos(πx) - sinc(x)) / x, and its series near 0, where the difference would lose its digits."""
    near = F.abs(input) < 0.125
    far = F.where(near, 1, input)
    square = F.square(F.where(near, input * math.pi, 0))
    series = ((((square * SERIES[0] + SERIES[1]) * square + SERIES[2]) * square + SERIES[3]) * square + SERIES[4]) * square + SERIES[5]
    return g * F.where(near, series * (input * math.pi**2), (F.cos(far * math.pi) - F.sinc(far)) / far)


SERIES = [(-1.0) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(6, 0, -1)]


def _sinc(xp: Any, input: Any) -> Any:
    if input.dtype.itemsize == 2 or not input.ndim or input.dtype.kind != "f":
        return xp.sinc(input.astype("float32")).astype(input.dtype) if input.dtype.itemsize == 2 else xp.sinc(input)
    zero, pi, tiny = _SINC[input.__class__, input.dtype]
    angle = input * pi
    angle = choose(xp, angle == zero, xp.asarray(tiny, dtype=input.dtype), angle)  # whose sine over itself is 1
    wave = xp.sin(angle)
    return xp.divide(wave, angle, out=wave)


_SINC = Numbers(0, math.pi, 1e-20)
sinc = elementwise("sinc", kernel=_sinc,
                   vjp=_sinc_slope, promotes="float", inplace=True, places=("torch", "Tensor", "special"), samples=[S(span(-0.25, 0.25, 5)), S(Arg(values=[0.0, 1.0, -2.5]))],
                   doc="``sin(πx) / (πx)``, and 1 at 0.")
