"""Special functions: their derivatives. How they are computed stands in ``kernels.special``."""

from __future__ import annotations

import math
from typing import Any

from ..kernels import bessel, cylinder, gamma, incomplete
from ..kernels import special as kernels
from ..kernels.blocks import at_hand, large, written_in_blocks
from ..kernels.numbers import Numbers
from ..kernels.quiet import quiet, quietly
from ..op import Arg, S, composite, elementwise, ints, span
from .activation import in_parts

PLACES = ("torch", "Tensor", "special")
SQRT_HALF = math.sqrt(0.5)
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
_EDGES = [-30.0, -4.0, -0.5, 0.0, 0.5, 1.0, 4.0, 30.0]

erf = elementwise("erf", kernel=kernels.erf, vjp="g * (1.1283791670955126 * exp(-(input * input)))", promotes="float",
                  scalar=math.erf, places=PLACES, inplace=True, samples=[S((3, 4)), S(()), S((0, 2)), S(Arg(values=_EDGES))],
                  doc="The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t ** 2)`` from 0 to ``input``. Within 4 ulp.")
erfc = elementwise("erfc", kernel=kernels.erfc, vjp="g * (-1.1283791670955126 * exp(-(input * input)))", promotes="float",
                   scalar=math.erfc, places=PLACES, inplace=True, samples=[S((3, 4)), S(()), S((0, 2)), S(Arg(values=_EDGES))],
                   doc="``1 - erf(input)``, without the loss of digits where it is tiny. Within 4 ulp.")
erfinv = elementwise("erfinv", kernel=kernels.erfinv, vjp="g * (0.886226925452758 * exp(out * out))", promotes="float",
                     domain=(-0.9, 0.9), places=PLACES, inplace=True, samples=[S(Arg((3, 4), -0.9, 0.9)), S(Arg((), -0.9, 0.9)), S((0, 2))],
                     doc="The inverse of ``erf``: infinite at -1 and 1, NaN outside. Within 6 ulp, and 2 in float32.")


_ERFCX_SLOPE = [(-0.5) ** n * math.prod(range(1, 2 * n, 2)) * 1.1283791670955126 for n in range(12, 0, -1)]


def _erfcx_vjp(F: Any, g: Any, input: Any, out: Any) -> Any:
    """``2 * input * out - 2 / sqrt(pi)``; beyond 10, where these two cancel, in powers of 1 / input (DLMF 7.12.1)."""
    inverse = F.reciprocal(F.clamp_min(input, 10))
    square = inverse * inverse
    far = square * _ERFCX_SLOPE[0]
    for coefficient in _ERFCX_SLOPE[1:]:
        far = square * (far + coefficient)
    return g * F.where(input > 10, far, 2 * F.clamp_max(input, 10) * out - 1.1283791670955126)


erfcx = elementwise("special_erfcx", kernel=kernels.erfcx, vjp=_erfcx_vjp, promotes="float", places=("special",),
                    samples=[S(Arg(values=[-2.5, -0.5, 0.0, 0.5, 4.0, 30.0, 70.0]))],
                    doc="``exp(input ** 2) * erfc(input)``, which neither overflows nor vanishes for positive ``input``. Within 4 ulp.")

# --- the normal distribution --------------------------------------------------------------------------------------


@composite("special_ndtr(input: Tensor) -> Tensor", places=("special",))
def ndtr(F: Any, input: Any) -> Any:
    """The distribution function of the standard normal distribution."""
    return F.erfc(input * -SQRT_HALF) * 0.5


ndtri = elementwise("special_ndtri", kernel=kernels.ndtri, vjp="g * (2.5066282746310007 * exp(out * out * 0.5))", promotes="float", places=("special",),
                    domain=(0.05, 0.95),
                    samples=[S(Arg(values=[1e-30, 0.01, 0.5, 0.99]))],
                    doc="The inverse of ``ndtr``: the quantiles of the standard normal distribution. Infinite at 0 and 1, NaN outside.")


def _log_ndtr_vjp(F: Any, g: Any, input: Any) -> Any:
    """The density over the distribution function; each side of 0 in the form that does not overflow there."""
    below, above = F.clamp_max(input, 0), F.clamp_min(input, 0)  # whose gradient at 0 is 1
    return g * F.where(input < 0, SQRT_2_OVER_PI / F.special_erfcx(below * -SQRT_HALF), SQRT_2_OVER_PI * F.exp(above * above * -0.5) / F.erfc(above * -SQRT_HALF))


log_ndtr = elementwise("special_log_ndtr", kernel=kernels.log_ndtr, vjp=_log_ndtr_vjp, promotes="float", places=("special",),
                       samples=[S(Arg(values=[-40.0, -3.0, -1.0, 0.5, 4.0, 40.0]))],
                       doc="``log(ndtr(input))``, without the loss of digits far from 0. Within 4 ulp.")

# --- the gamma function -------------------------------------------------------------------------------------------

lgamma = elementwise("lgamma", kernel=gamma.lgamma, vjp="g * digamma(input)", promotes="float", inplace=True, scalar=math.lgamma, domain=(0.3, 9.5),
                     samples=[S(Arg(values=[-2.5, -0.5, 0.25, 1.0, 1.5, 2.0, 6.0, 30.0]))],
                     doc="The logarithm of the absolute value of the gamma function. Within 4 ulp for positive numbers.")
digamma = elementwise("digamma", kernel=gamma.digamma, vjp=lambda F, g, input: g * F.polygamma_of(input, order=1), promotes="float", inplace=True, places=PLACES,
                      domain=(0.3, 9.5),
                      samples=[S(Arg(values=[-2.5, -0.5, 0.25, 1.0, 1.5, 2.0, 6.0, 30.0]))],
                      doc="The logarithmic derivative of the gamma function; infinite at 0, NaN at the negative integers. Within 4 ulp for positive numbers.")
zeta = elementwise("special_zeta", "input other", kind="general", kernel=gamma.zeta, promotes="float", places=("special",), takes="none",
                   signature="special_zeta(input: TensorLike, other: TensorLike) -> Tensor",
                   samples=[S(span(1.5, 5.0, 3, 4), span(0.3, 9.5, 3, 4)), S(span(1.5, 5.0), span(0.3, 9.5)), S((0, 2), (0, 2)), S(span(1.5, 5.0, 3, 1), span(0.3, 9.5, 4)),
                            S(span(1.5, 5.0, 4), span(0.3, 9.5, 3, 4)), S(2.0, span(0.3, 9.5, 3)), S(Arg(values=[3.0, 2.0]), Arg(values=[-1.5, 40.0])),
                            S((2, 3), (4,), error=RuntimeError, match="must match")],
                   vjp={"other": "g * (-input * special_zeta(input + 1, other))"},
                   doc="The Hurwitz zeta function, the sum of ``(k + other) ** -input`` over k = 0, 1, 2, ...; the gradient is that of ``other`` alone.")


def _polygamma(xp: Any, input: Any, *, order: int) -> Any:
    return gamma.polygamma(xp, input, order)


polygamma_of = elementwise("polygamma_of", kernel=_polygamma, signature="polygamma_of(input: Tensor, order: int) -> Tensor", promotes="float",
                           places=(), takes="none", label="polygamma",
                           samples=[S(span(0.3, 9.5, 3, 4), order=1), S(span(0.3, 9.5), order=2), S((0, 2), order=4), S(Arg(values=[-1.5, 40.0]), order=3)],
                           vjp=lambda F, g, input, order: g * F.polygamma_of(input, order=order + 1), doc="The derivative of ``digamma`` of the given order, from 1 on.")


@composite("polygamma(n: int, input: Tensor) -> Tensor", places=("torch", "special"))
def polygamma(F: Any, n: int, input: Any) -> Any:
    """The ``n``-th derivative of ``digamma``. Raises ``RuntimeError`` for negative ``n``."""
    if n < 0:
        raise RuntimeError(f"polygamma: polygamma(n, x) does not support negative n, got {n}")
    return F.digamma(input) if n == 0 else F.polygamma_of(input, order=n)


@composite("Tensor_polygamma(input: Tensor, n: int) -> Tensor", places=("Tensor",), inplace=True)
def polygamma_method(F: Any, input: Any, n: int) -> Any:
    """``polygamma`` with the tensor first."""
    return F.polygamma(n, input)


@composite("mvlgamma(input: Tensor, p: int) -> Tensor", places=("torch", "Tensor"), inplace=True)
def mvlgamma(F: Any, input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension ``p``: ``p (p - 1) / 4 * log(pi)`` plus ``lgamma(input - j / 2)`` for j below ``p``."""
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    total = F.lgamma(input) if p == 1 else F.lgamma(input) + p * (p - 1) / 4 * math.log(math.pi)
    for j in range(1, p):
        total = total + F.lgamma(input - j / 2)
    return total


# The regularised incomplete gamma functions. PyTorch has no derivative with respect to the first parameter either.


def _no_derivative(name: str) -> Any:
    raise NotImplementedError(f"the derivative for '{name}' is not implemented.")


def _density(F: Any, g: Any, input: Any, other: Any) -> Any:
    return g * F.exp(F.xlogy(input - 1, other) - other - (F.lgamma(input) if hasattr(input, "dtype") else math.lgamma(input)))


_ORDERS = [S(ints(3, 4, low=1, high=9), span(0.3, 9.5, 3, 4)), S(ints(low=1, high=9), span(0.3, 9.5)), S(ints(0, 2), (0, 2)), S(ints(3, 1, low=1, high=9), span(0.3, 9.5, 4)),
           S(ints(4, low=1, high=9), span(0.3, 9.5, 3, 4)), S(2.5, span(0.3, 9.5, 3)), S(0.25, Arg(values=[0.01, 0.4, 0.9, 4.0])),
           S((2, 3), (4,), error=RuntimeError, match="must match")]
igamma = elementwise("igamma", "input other", kind="general", kernel=incomplete.lower, promotes="float", takes="none", samples=_ORDERS, inplace=True,
                     vjp={"input": lambda F, g: _no_derivative("igamma: input"), "other": _density},
                     doc="The lower regularised incomplete gamma function P(input, other), with the gradient of ``other`` alone. Relative errors about 1e-13.")
igammac = elementwise("igammac", "input other", kind="general", kernel=incomplete.upper, promotes="float", takes="none", samples=_ORDERS, inplace=True,
                      vjp={"input": lambda F, g: _no_derivative("igammac: input"), "other": lambda F, g, input, other: _density(F, -g, input, other)},
                      doc="The upper regularised incomplete gamma function Q = 1 - P, with the gradient of ``other`` alone. Relative errors about 1e-13.")

# --- Bessel functions ---------------------------------------------------------------------------------------------


def _near(F: Any, input: Any) -> Any:
    """Where the quotient of the function by ``input`` would have lost its digits, or its numerator is 0."""
    return F.abs(input) <= 1e-8


def _apart(F: Any, input: Any) -> Any:
    return F.where(_near(F, input), 1, input)


i0 = elementwise("i0", kernel=bessel.i0, vjp="g * special_i1(input)", promotes="float", inplace=True, places=PLACES,
                 samples=[S(Arg(values=[-10.0, -7.8, 0.0, 7.7, 10.0]))],
                 doc="The modified Bessel function of the first kind of order 0. Within 4 ulp.")
i1 = elementwise("special_i1", kernel=bessel.i1, vjp=lambda F, g, input, out: g * F.where(_near(F, input), 0.5, F.i0(input) - out / _apart(F, input)), promotes="float",
                 places=("special",), samples=[S(Arg(values=[-10.0, -7.8, 7.7, 10.0]))], doc="The modified Bessel function of the first kind of order 1. Within 4 ulp.")
i0e = elementwise("special_i0e", kernel=bessel.i0e, vjp="g * (special_i1e(input) - sgn(input) * out)", promotes="float", places=("special",),
                  samples=[S(Arg(values=[-10.0, -7.8, 7.7, 10.0]))],
                  doc="``exp(-|input|) * i0(input)``. Within 4 ulp.")
i1e = elementwise("special_i1e", kernel=bessel.i1e, promotes="float", places=("special",), samples=[S(Arg(values=[-10.0, -7.8, 7.7, 10.0]))],
                  vjp=lambda F, g, input, out: g * F.where(_near(F, input), 0.5 - F.abs(input), F.special_i0e(input) - out * (F.sgn(input) + 1 / _apart(F, input))),
                  doc="``exp(-|input|) * i1(input)``. Within 4 ulp.")

_WAVES = S(Arg(values=[0.5, 2.0, 7.5, 8.5, 40.0]))


def _cylinder(name: str, kernel: Any, vjp: Any, doc: str, *samples: Any, domain: tuple[float, float] = (0.3, 9.5)) -> Any:
    return elementwise(name, kernel=kernel, vjp=vjp, promotes="float", places=("special",), domain=domain, samples=[_WAVES, *samples], doc=doc)


bessel_j0 = _cylinder("special_bessel_j0", cylinder.j0, "-g * special_bessel_j1(input)", "The Bessel function of the first kind of order 0. Absolute errors below 1e-14.",
                      S(Arg(values=[0.0, -3.0])))
bessel_j1 = _cylinder("special_bessel_j1", cylinder.j1, lambda F, g, input, out: g * F.where(_near(F, input), 0.5, F.special_bessel_j0(input) - out / _apart(F, input)),
                      "The Bessel function of the first kind of order 1. Absolute errors below 1e-14.", S(Arg(values=[-3.0, -20.0])))
bessel_y0 = _cylinder("special_bessel_y0", cylinder.y0, "-g * special_bessel_y1(input)",
                      "The Bessel function of the second kind of order 0; NaN below 0. Absolute errors below 1e-14.")
bessel_y1 = _cylinder("special_bessel_y1", cylinder.y1, "g * (special_bessel_y0(input) - out / input)", "The Bessel function of the second kind of order 1; NaN below 0.")
modified_bessel_k0 = _cylinder("special_modified_bessel_k0", cylinder.k0, "-g * special_modified_bessel_k1(input)",
                               "The modified Bessel function of the second kind of order 0; NaN below 0. Within 16 ulp.")
modified_bessel_k1 = _cylinder("special_modified_bessel_k1", cylinder.k1, "-g * (special_modified_bessel_k0(input) + out / input)",
                               "The modified Bessel function of the second kind of order 1; NaN below 0. Within 16 ulp.")
scaled_modified_bessel_k0 = _cylinder("special_scaled_modified_bessel_k0", cylinder.k0e, "g * (out - special_scaled_modified_bessel_k1(input))",
                                      "``exp(input) * modified_bessel_k0(input)``. Within 16 ulp.")
scaled_modified_bessel_k1 = _cylinder("special_scaled_modified_bessel_k1", cylinder.k1e, "g * (out - special_scaled_modified_bessel_k0(input) - out / input)",
                                      "``exp(input) * modified_bessel_k1(input)``. Within 16 ulp.")
airy_ai = _cylinder("special_airy_ai", cylinder.airy, "g * airy_slope(input)", "Airy's function Ai, a solution of y'' = x y.",
                   S(Arg(values=[-9.0, -4.5, -1.0, 0.0, 1.5])), domain=(-6.0, 3.0))
airy_slope = elementwise("airy_slope", kernel=cylinder.airy_slope, vjp="g * (input * special_airy_ai(input))", promotes="float", places=(), domain=(-6.0, 3.0),
                         samples=[S(Arg(values=[-9.0, -4.5, -1.0, 0.0, 1.5]))], doc="The derivative of Airy's function.")
_SPHERICAL = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(9))


@composite("special_spherical_bessel_j0(input: Tensor) -> Tensor", places=("special",))
def spherical_bessel_j0(F: Any, input: Any) -> Any:
    """``sin(input) / input``, 1 at 0; right to any derivative there."""
    near = abs(input) < 0.5
    square = F.where(near, input, 0.0) ** 2
    total = square * _SPHERICAL[-1] + _SPHERICAL[-2]
    for coefficient in _SPHERICAL[-3::-1]:
        total = total * square + coefficient
    apart = F.where(near, 1.0, input)
    return F.where(near, total, F.sin(apart) / apart)


# --- logarithms of probabilities ----------------------------------------------------------------------------------


def _logit(xp: Any, input: Any, *, eps: float | None = None) -> Any:
    if eps is not None:
        input = xp.minimum(xp.maximum(input, eps), 1 - eps)
    if not input.ndim:
        return _logit(xp, input.reshape(1), eps=eps)[0]
    if large(input):
        return written_in_blocks(xp, lambda out, part: quietly(part, _log_odds, xp, part, out), 1, input)[0]
    return quietly(input, _log_odds, xp, input)


def _log_odds(xp: Any, input: Any, out: Any = None) -> Any:
    """``2 arcsinh((x - 1/2) / sqrt(x (1 - x)))``: odd around 1/2, where the difference is exact."""
    zero, half, one = _ODDS[input.__class__, input.dtype]
    spread = one - input
    spread *= input
    spread += zero  # makes -0 a 0, on whose side the function is infinite
    xp.sqrt(spread, out=spread)
    odds = xp.subtract(input, half, out=out)
    odds /= spread
    xp.arcsinh(odds, out=odds)
    odds += odds
    return odds


_ODDS = Numbers(0, 0.5, 1)


def _logit_vjp(F: Any, g: Any, input: Any, eps: float | None) -> Any:
    if eps is None:
        return F.where((input < 0) | (input > 1), math.nan, F.masked(g, g / (input * (1 - input) + 0)))  # -0 counts as 0
    outside = (input < eps) | (input > 1 - eps)
    safe = F.where(outside, 0.5, input)
    return F.where(outside, 0, g / (safe * (1 - safe) + 0))


def _entr(xp: Any, input: Any) -> Any:
    with quiet(xp, input):
        return xp.where(input == 0, 0, xp.where(input < 0, -xp.inf, -input * xp.log(input)))


logit = elementwise("logit", kernel=_logit, vjp=_logit_vjp, promotes="float", inplace=True, places=PLACES, domain=(0.05, 0.95),
                    signature="logit(input: Tensor, eps: float | None = None) -> Tensor", samples=[S(Arg(values=[0.001, 0.3, 0.5, 0.999]), eps=0.1)],
                    doc="``log(input / (1 - input))``, the inverse of ``sigmoid``; with ``eps``, of ``input`` limited to the range from ``eps`` to ``1 - eps``.")
@logit.fused_vjp()
def _(F: Any, g: Any, input: Any, eps: float | None) -> tuple[Any]:
    if eps is not None or not input.ndim or not at_hand(input):
        return (_logit_vjp(F, g, input, eps),)
    xp = F.backend.xp
    zero, _, one = _ODDS[input.__class__, input.dtype]

    def pulled(x: Any, upstream: Any) -> Any:
        slope = one - x
        slope *= x
        if xp.count_nonzero(slope > zero) < x.size:
            return _logit_vjp(F, upstream, x, eps)
        return xp.divide(upstream, slope, out=slope)

    return in_parts(F, pulled, input, g)


entr = elementwise("special_entr", kernel=_entr, vjp="masked(g, g * (-1 - log(input)))", promotes="float", places=("special",), domain=(0.2, 3.0),
                   samples=[S(Arg(values=[-1.0, 0.0, 0.5]))],
                   doc="``-input * log(input)``: 0 at 0, minus infinity below.")
