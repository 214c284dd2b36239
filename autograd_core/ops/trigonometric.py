"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import math

from ..op import TORCH_TENSOR_NN, elementwise

sin = elementwise("sin", vjp="g * cos(input)", promotes="float", scalar=math.sin, inplace=True, doc="Sine, in radians.")
cos = elementwise("cos", vjp="-g * sin(input)", promotes="float", scalar=math.cos, inplace=True, doc="Cosine, in radians.")
tanh = elementwise("tanh", vjp="g - g * out * out", promotes="float", scalar=math.tanh, inplace=True, places=TORCH_TENSOR_NN, doc="Hyperbolic tangent.")
tan = elementwise("tan", vjp="g * (1 + out * out)", promotes="float", scalar=math.tan, domain=(-1.0, 1.0), doc="Tangent, of radians.")
sinh = elementwise("sinh", vjp="g * cosh(input)", promotes="float", scalar=math.sinh, doc="Hyperbolic sine.")
cosh = elementwise("cosh", vjp="g * sinh(input)", promotes="float", scalar=math.cosh, doc="Hyperbolic cosine.")
asin = elementwise("asin", ufunc="arcsin", vjp="masked(g, g * rsqrt(1 - input * input))", promotes="float", scalar=math.asin, domain=(-0.8, 0.8),
                   aliases=("arcsin",), doc="Inverse sine, in radians.")
acos = elementwise("acos", ufunc="arccos", vjp="masked(g, -g * rsqrt(1 - input * input))", promotes="float", scalar=math.acos, domain=(-0.8, 0.8),
                   aliases=("arccos",), doc="Inverse cosine, in radians.")
atan = elementwise("atan", ufunc="arctan", vjp="g / (1 + input * input)", promotes="float", scalar=math.atan, aliases=("arctan",),
                   doc="Inverse tangent, in radians.")
asinh = elementwise("asinh", ufunc="arcsinh", vjp="g * rsqrt(input * input + 1)", promotes="float", scalar=math.asinh, aliases=("arcsinh",),
                    doc="Inverse hyperbolic sine.")
acosh = elementwise("acosh", ufunc="arccosh", vjp="masked(g, g * rsqrt(input * input - 1))", promotes="float", scalar=math.acosh, domain=(1.2, 3.0),
                    aliases=("arccosh",), doc="Inverse hyperbolic cosine.")
atanh = elementwise("atanh", ufunc="arctanh", vjp="masked(g, g / (1 - input * input))", promotes="float", scalar=math.atanh, domain=(-0.8, 0.8),
                    aliases=("arctanh",), doc="Inverse hyperbolic tangent.")
atan2 = elementwise("atan2", "input other", ufunc="arctan2", promotes="float", domain=(0.5, 2.0), aliases=("arctan2",),
                    vjp={"input": "where(input * input + other * other == 0, 0, g * (other / (input * input + other * other)))",
                         "other": "where(input * input + other * other == 0, 0, g * (-input / (input * input + other * other)))"},
                    doc="The angle of the point (``other``, ``input``) in radians, between -π and π; the gradient at the origin is 0.")
