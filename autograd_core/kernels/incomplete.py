"""The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P, on array functions alone.

The smaller of both is computed, the other is 1 minus it: P by its power series where x is below a, Q by its continued fraction above, and by
a series of its own where a is small. Where a is so large that either takes too many steps, Temme's uniform expansion: half of ``erfc`` and a
term of the size 1 / sqrt(a). See NIST's Digital Library of Mathematical Functions, 8.7, 8.9 and 8.12.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..backend.registry import backend_of
from . import gamma
from .numbers import Numbers
from .quiet import quiet
from .special import erfc, polynomial

_ENDLESS = 1e8
"""An ``a`` from which on the expansion in 1 / a is exact in float64."""
_BLOCK = 8192
_STIRLING = Numbers(-1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
_LOG_SERIES = Numbers(*((-1) ** k / k for k in range(18, 1, -1)))
_TEMME = Numbers(-2 / 135, 1 / 12, -1 / 3)
_PRECISION = 2.0**-54


def _gap(xp: Any, a: Any, x: Any) -> Any:
    """``d - log1p(d)`` at d = (x - a) / a, which keeps its digits near 0."""
    d = (x - a) / a
    small = xp.abs(d) < 0.1
    near = xp.where(small, d, 0.0)
    return xp.where(small, near * near * polynomial(near, _LOG_SERIES), d - xp.log(x / a))


def _weight(xp: Any, a: Any, x: Any) -> Any:
    """``x^a exp(-x) / gamma(a + 1)``."""
    few = a < 16.0
    little, much = xp.where(few, a, 1.0), xp.where(few, 16.0, a)
    inverse = 1.0 / much
    stirling = xp.exp(-much * _gap(xp, much, x) - inverse * polynomial(inverse * inverse, _STIRLING)) / xp.sqrt(2.0 * math.pi * much)
    return xp.where(few, x**little * xp.exp(-x - gamma.lgamma(xp, little + 1.0)), stirling)


def _series(xp: Any, a: Any, x: Any) -> Any:
    """P: the weight times the sum of x^n / ((a + 1) ... (a + n))."""
    term = xp.ones_like(x)
    total = xp.ones_like(x)
    n = 0
    while bool((term > _PRECISION * total).any()):
        n += 1
        term = term * (x / (a + n))
        total = total + term
    return _weight(xp, a, x) * total


def _fraction(xp: Any, a: Any, x: Any) -> Any:
    """Q: the weight times a over a continued fraction, by Lentz's method."""
    b = x + 1.0 - a
    b = xp.where(b == 0.0, 1e-300, b)
    c, d = xp.full_like(x, 1e300), 1.0 / b
    total = d
    n = 0
    change = xp.zeros_like(x)
    while bool((xp.abs(change - 1.0) > 16.0 * _PRECISION).any()):
        n += 1
        step = n * (a - n)
        b = b + 2.0
        d = b + step * d
        d = 1.0 / xp.where(d == 0.0, 1e-300, d)
        c = b + step / c
        c = xp.where(c == 0.0, 1e-300, c)
        change = c * d
        total = total * change
    return _weight(xp, a, x) * a * total


def _small(xp: Any, a: Any, x: Any) -> Any:
    """Q for small a: 1 - x^a / gamma(a + 1), and what the series of P has beyond its first term."""
    power = a * xp.log(x) - gamma.log_of_next(xp, a)
    factor, total = xp.ones_like(x), xp.zeros_like(x)
    for n in range(1, 30):
        factor = factor * (-x / n)
        total = total + factor / (a + n)
    return -xp.expm1(power) - a * xp.exp(power) * total


def _endless(xp: Any, a: Any, x: Any) -> Any:
    """Q for huge a."""
    far = _gap(xp, a, x)
    eta = xp.where(x < a, -1.0, 1.0) * xp.sqrt(2.0 * far)
    rest = polynomial(eta, _TEMME)
    return 0.5 * erfc(xp, eta * xp.sqrt(0.5 * a)) + xp.exp(-a * far) / xp.sqrt(2.0 * math.pi * a) * rest


def _computed(xp: Any, input: Any, other: Any, upper: bool) -> Any:
    dtype = xp.result_type(input, other)
    a, x = xp.broadcast_arrays(xp.asarray(input).astype("float64"), xp.asarray(other).astype("float64"))
    shape = a.shape
    a, x = a.reshape(-1), x.reshape(-1)
    if x.size > _BLOCK and backend_of(x).name == "cpu":  # which stay in the processor's cache
        parts = [_computed(xp, a[i : i + _BLOCK], x[i : i + _BLOCK], upper) for i in range(0, x.size, _BLOCK)]
        return xp.concatenate(parts).astype(dtype).reshape(shape)
    result = xp.where((x >= 0.0) & (a >= 0.0) & ((a > 0.0) | (x > 0.0)), xp.where((a == 0.0) | (x == xp.inf), 1.0, 0.0), xp.nan)  # P at the edges
    if upper:
        result = 1.0 - result
    result = xp.where((a == xp.inf) & (x == xp.inf), xp.nan, result)
    inside = (a > 0.0) & (x > 0.0) & (a < xp.inf) & (x < xp.inf)
    with quiet(xp, x):
        huge = inside & (a >= _ENDLESS)
        above = inside & (x > 1.1) & (x >= a) & ~huge
        little = inside & xp.where(x <= 0.5, -0.4 / xp.log(xp.minimum(x, 0.5)) >= a, (x <= 1.1) & (x * 1.1 >= a))
        pieces: tuple[tuple[Any, Callable[[Any, Any, Any], Any], bool], ...] = (
            (huge, _endless, True), (above, _fraction, True), (little, _small, True), (inside & ~(huge | above | little), _series, False))
        for mask, function, of_upper in pieces:
            places = xp.flatnonzero(mask)
            if places.size:
                value = function(xp, a[places], x[places])
                result[places] = value if of_upper == upper else 1.0 - value
    return result.astype(dtype).reshape(shape)[()]


def lower(xp: Any, input: Any, other: Any) -> Any:
    """P(input, other)."""
    return _computed(xp, input, other, False)


def upper(xp: Any, input: Any, other: Any) -> Any:
    """Q(input, other)."""
    return _computed(xp, input, other, True)
