"""The logarithm of the gamma function and its derivatives, on array functions alone.

Near their zeros both functions are computed as a factor that vanishes there times a fit of what is left; up to 8 a fit,
beyond it Stirling's series; below 1 the recurrence, below 0 the reflection formula. The fits interpolate at Chebyshev
points, to 1e-17. For float32 one formula serves all positive numbers: a logarithm and a sum of fractions with the
poles of the function itself. The Hurwitz zeta function is a sum of ten terms and Euler's and Maclaurin's formula for the rest.
"""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from .numbers import Numbers, positive
from .quiet import quiet
from .special import blockwise, piecewise, polynomial

# Coefficients stand highest power first.
# 1 <= x <= 3: lgamma(x) = (x - 1) (x - 2) P(x - 1) / Q(x - 1).
_LOG_NEAR_P = Numbers(1.54621296801624e-07, 0.00010318936786846241, 0.004630212547046027, 0.06620652414372981, 0.4175253681048576, 1.3226883681228077, 2.1865334418937055,
                      1.795879018997928, 0.5772156649015329)
_LOG_NEAR_Q = Numbers(2.4701852219090835e-05, 0.0017463681006452904, 0.03613884447121401, 0.3239769173460576, 1.4771004522959044, 3.6722217552107503, 5.021257900661251,
                      3.5361659629745215, 1.0)
# 3 <= x <= 8: lgamma(x) = P(x - 3) / Q(x - 3).
_LOG_MIDDLE_P = Numbers(4.289468338297118e-09, 1.1207065715974311e-06, 7.294113689758854e-05, 0.001929172049073448, 0.025238875239535382, 0.17901943036799015,
                        0.7109029678573615, 1.5493793177530846, 1.6872614329231141, 0.6931471805599453)
_LOG_MIDDLE_Q = Numbers(6.932002668704908e-10, 2.7235774176915695e-07, 2.3588425719738272e-05, 0.0007898866098004449, 0.012661499898084088, 0.10665247483012691,
                        0.4821006240420748, 1.102907317904805, 1.0)
# x >= 8: what Stirling's formula leaves, times x, in 1 / x^2.
_LOG_TAIL = Numbers(-0.020855820837463117, 0.0062081367662297935, -0.001914965912162907, 0.0008417325268022405, -0.0005952380234291254, 0.0007936507935117282,
                    -0.0027777777777776747, 0.08333333333333333)
# 1 <= x <= 2: digamma(x) = (x - root) P(x - 3/2) / Q(x - 3/2), with the root in two parts.
_ROOT, _ROOT_REST = 1.4616321449683622, 9.549995429965697e-17
_PSI_NEAR_P = Numbers(-9.994779174028094e-09, 1.3211531246217147e-06, 0.0003917297991527123, 0.01136046077632176, 0.11939088021077134, 0.5641528889305528,
                      1.2108186901113656, 0.9510558760318328)
_PSI_NEAR_Q = Numbers(8.675207444260194e-05, 0.0036249499321182846, 0.05176783125131267, 0.3394536567994558, 1.1057597779133213, 1.718559500638761, 1.0)
# 2 <= x <= 8: digamma(x) = P(x - 2) / Q(x - 2).
_PSI_MIDDLE_P = Numbers(2.833144171008885e-11, 7.655827095431277e-08, 1.0814566725684478e-05, 0.0004739536259833567, 0.009038629379393067, 0.08604401124124714,
                        0.4291726619362492, 1.096885914631895, 1.2641324885820882, 0.42278433509846713)
_PSI_MIDDLE_Q = Numbers(1.240537294917295e-08, 2.3800929364385345e-06, 0.00013227354763362817, 0.00314871622685101, 0.03763655751610591, 0.24166988567943334,
                        0.8382286670713837, 1.464572762823984, 1.0)
# x >= 8: log(x) - 1 / (2 x) - digamma(x), times x^2, in 1 / x^2.
_PSI_TAIL = Numbers(-0.299425370626735, 0.08002337465397756, -0.02105106090804774, 0.007575459920369176, -0.004166665501516725, 0.003968253965999701,
                    -0.008333333333331664, 0.08333333333333333)
# x > 0 for float32: lgamma(x) = (x - 1/2) log(x + shift) - x + log(a + the sum of b / (x + k)) with k = 0, 1, 2, ..., to 1e-10.
_LOG_SHIFT, _LOG_CONSTANT = 3.84, 0.05387646839770859
_LOG_FRACTIONS = (1.9595917947054733, -1.760690581513887, 0.31076087689097626, -0.004509128041329034)
# x > 0 for float32: digamma(x) = log(x + shift) - the sum of weight / (x + pole), to 1e-9.
_PSI_SHIFT = 5.106355933451613
_PSI_POLES = (0.0, 1.0, 2.0, 3.0, 3.9941766510140444, 4.844299415415043)
_PSI_WEIGHTS = (1.0, 1.0, 1.0, 1.0, 0.9734837494532048, 0.6328718478954872)
_SHIFT, _PSI_PARTS = Numbers(_PSI_SHIFT), Numbers(_PSI_POLES, _PSI_WEIGHTS)
_EULER_MACLAURIN = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600, -3617 / 10670622842880000, 43867 / 5109094217170944000)
"""Bernoulli's numbers over the factorials of their indices."""
_TERMS = 10
_FEW = 64


def _log_near(xp: Any, x: Any) -> Any:
    return log_of_next(xp, x - 1.0) + 0.0  # no minus zero


def log_of_next(xp: Any, x: Any) -> Any:
    """``lgamma(x + 1)`` for x from 0 to 2: 1 + x would lose the digits in which numbers just below 1 differ from it."""
    return x * (x - 1.0) * (polynomial(x, _LOG_NEAR_P) / polynomial(x, _LOG_NEAR_Q))


def _log_middle(xp: Any, x: Any) -> Any:
    z = x - 3.0
    return polynomial(z, _LOG_MIDDLE_P) / polynomial(z, _LOG_MIDDLE_Q)


def _log_tail(xp: Any, x: Any) -> Any:
    inverse = 1.0 / x
    return (x - 0.5) * (xp.log(x) - 1.0) + 0.4189385332046727 + polynomial(inverse * inverse, _LOG_TAIL) * inverse


def _log_positive(xp: Any, x: Any) -> Any:
    return piecewise(xp, x, (
        (x < 1.0, lambda xp, x: log_of_next(xp, x) - xp.log(x)),
        (x <= 3.0, _log_near),
        (x < 8.0, _log_middle),
        (None, _log_tail)))


def _log_negative(xp: Any, x: Any) -> Any:
    rest = x - xp.round(x)
    reflected = xp.log(math.pi / xp.abs(x * xp.sin(math.pi * rest))) - _log_positive(xp, -x)
    return xp.where(x > -1e-17, -xp.log(-x), reflected)  # whose product vanishes


def _log_gamma(xp: Any, x: Any) -> Any:
    return piecewise(xp, x, (
        (x > 0.0, _log_positive),
        ((x == xp.floor(x)), lambda xp, x: xp.full_like(x, xp.inf)),
        (None, _log_negative)))


def _log_single(xp: Any, x: Any) -> Any:
    if backend_of(x).name != "cpu" or not positive(x):
        with quiet(xp, x):
            return _log_gamma(xp, x)
    total = xp.full_like(x, _LOG_CONSTANT)
    for pole, weight in enumerate(_LOG_FRACTIONS):
        term = x + float(pole)
        total += xp.divide(weight, term, out=term)
    xp.log(total, out=total)
    total -= x
    power = xp.log(x + _LOG_SHIFT)
    power *= x - 0.5
    power += total
    return power


def _log_number(x: float) -> float:
    return math.inf if math.isinf(x) or (x <= 0.0 and x == math.floor(x)) else math.lgamma(x)


def lgamma(xp: Any, input: Any) -> Any:
    """The logarithm of the absolute value of the gamma function."""
    if input.dtype.itemsize < 8:
        return blockwise(xp, _log_single, input, _log_number)
    with quiet(xp, input):
        return blockwise(xp, _log_gamma, input)


def _psi_near(xp: Any, x: Any) -> Any:
    z = x - 1.5
    return ((x - _ROOT) - _ROOT_REST) * (polynomial(z, _PSI_NEAR_P) / polynomial(z, _PSI_NEAR_Q))


def _psi_middle(xp: Any, x: Any) -> Any:
    z = x - 2.0
    return polynomial(z, _PSI_MIDDLE_P) / polynomial(z, _PSI_MIDDLE_Q)


def _psi_tail(xp: Any, x: Any) -> Any:
    inverse = 1.0 / x
    square = inverse * inverse
    return xp.log(x) - 0.5 * inverse - polynomial(square, _PSI_TAIL) * square


def _psi_positive(xp: Any, x: Any) -> Any:
    return piecewise(xp, x, (
        (x < 1.0, lambda xp, x: _psi_near(xp, x + 1.0) - 1.0 / x),
        (x <= 2.0, _psi_near),
        (x < 5.0, _psi_middle),
        (x < 8.0, lambda xp, x: _psi_tail(xp, x + 3.0) - (1.0 / x + 1.0 / (x + 1.0) + 1.0 / (x + 2.0))),
        (None, _psi_tail)))


def _psi_negative(xp: Any, x: Any) -> Any:
    rest = x - xp.round(x)
    return xp.where(rest == 0, xp.nan, _psi_positive(xp, 1.0 - x) - math.pi / xp.tan(math.pi * rest))


def _digamma(xp: Any, x: Any) -> Any:
    return piecewise(xp, x, (
        (x > 0.0, _psi_positive),
        (x == 0.0, lambda xp, x: xp.copysign(xp.inf, -x)),
        (None, _psi_negative)))


def _psi_single(xp: Any, x: Any) -> Any:
    if backend_of(x).name != "cpu" or not positive(x):
        with quiet(xp, x):
            return _digamma(xp, x)
    total = xp.log(x + _SHIFT[x.__class__, x.dtype][0])
    total -= _fractions(xp, x, 1)
    return total


def _fractions(xp: Any, x: Any, power: int) -> Any:
    """The sum of weight / (x + pole)^power."""
    if x.ndim == 1 and x.size <= _FEW and backend_of(x).name == "cpu":
        poles, weights = _PSI_PARTS[x.__class__, x.dtype]
        terms = x[:, None] + poles
        return xp.reciprocal(terms if power == 1 else terms**power, out=terms).dot(weights)
    total = xp.zeros_like(x)
    for pole, weight in zip(_PSI_POLES, _PSI_WEIGHTS, strict=True):
        term = x + pole
        total += xp.divide(weight, term if power == 1 else term**power, out=term)
    return total


def digamma(xp: Any, input: Any) -> Any:
    """The logarithmic derivative of the gamma function; infinite at 0, NaN at the negative integers."""
    if input.dtype.itemsize < 8:
        return blockwise(xp, _psi_single, input)
    with quiet(xp, input):
        return blockwise(xp, _digamma, input)


def _trigamma_single(xp: Any, x: Any) -> Any:
    if backend_of(x).name != "cpu" or not positive(x):
        return zeta(xp, 2.0, x)
    total = 1.0 / (x + _PSI_SHIFT)
    total += _fractions(xp, x, 2)
    return total


def polygamma(xp: Any, input: Any, order: int) -> Any:
    """The derivative of ``digamma`` of an order from 1 on."""
    if order == 1 and input.dtype.itemsize < 8:
        return blockwise(xp, _trigamma_single, input)
    return zeta(xp, float(order + 1), input) * ((-1.0) ** (order + 1) * math.factorial(order))


def _zeta(xp: Any, s: Any, q: Any) -> Any:
    """For ``q`` > 0."""
    total = xp.zeros_like(q)
    for _ in range(_TERMS):
        total = total + q**-s
        q = q + 1.0
    last = q**-s
    total = total + last * q / (s - 1.0) + 0.5 * last
    factor = s * last / q
    for j, coefficient in enumerate(_EULER_MACLAURIN):
        total = total + coefficient * factor
        factor = factor * (s + (2 * j + 1)) * (s + (2 * j + 2)) / (q * q)
    return total


def zeta(xp: Any, input: Any, other: Any) -> Any:
    """The Hurwitz zeta function: the sum of ``(k + other) ** -input`` over k = 0, 1, 2, ..."""
    dtype = xp.result_type(input, other)
    s, q = xp.broadcast_arrays(xp.asarray(input).astype("float64"), xp.asarray(other).astype("float64"))
    with quiet(xp, q):
        one, above = s == 1.0, s > 1.0
        valid = (s > 1.0) & ((q > 0.0) | ((q <= 0.0) & (s == xp.floor(s))))
        pole = (q <= 0.0) & (q == xp.floor(q))
        s = xp.where(valid, s, 2.0 + 0.0 * s)
        negative = (q < 0.0) & ~pole
        result = _zeta(xp, s, xp.where(q > 0.0, q, xp.where(negative, q - xp.floor(q), 1.0)))
        if backend_of(q).name != "cpu" or bool(negative.any()):
            mirrored = _zeta(xp, s, xp.where(negative, xp.floor(q) + 1.0 - q, 1.0)) - _zeta(xp, s, xp.where(negative, 1.0 - q, 1.0))
            result = xp.where(negative, result + xp.where(s % 2.0 == 0.0, mirrored, -mirrored), result)
        result = xp.where(q == xp.inf, 0.0, result)
        result = xp.where(one | (above & pole), xp.inf, xp.where(valid, result, xp.nan))
        return result.astype(dtype)[()]
