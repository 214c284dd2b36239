"""Special functions on array functions alone, so that every array library computes them.

``erf`` and ``erfc`` are computed in three ranges, as in W. J. Cody, "Rational Chebyshev approximations for the error
function", Mathematics of Computation 23 (1969), 631-637. The tail's coefficients are his; the other two ranges have
fits of their own in forms that lose less to rounding. ``erfinv`` starts from M. J. Wichura,
"Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988), 477-484,
and takes a Newton step. All compute in float64. Blocks stay in the processor's cache, and on a CPU a range is only
computed where an element lies in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..backend.registry import backend_of

_BLOCK = 1 << 13

# |x| <= 1.02: erf(x) = x + x P(x^2) / Q(x^2) to 1e-18, a least-squares fit in the maximum norm. Coefficients stand highest power first.
_ERF_P = (-2.0863222880953815e-05, -0.0004984485907328945, -0.008834065065485267, -0.04844543367075383, -0.3169590902301708, 0.1283791670955126)
_ERF_Q = (2.0964596446698452e-05, 0.0006959090529300732, 0.010726703769398802, 0.09398340338482661, 0.4608792854813213, 1.0)
# 1 < x <= 4: erfc(x) = exp(-x^2) P((x - 2) / (x + 2)) to 6e-17, interpolation at Chebyshev points; a rational function in x loses 3 ulp to rounding.
_SCALED_P = (-4.702130414403631e-07, 9.593347492171973e-07, 3.760550818642364e-06, 1.4396540107955005e-06, -1.3962616841464949e-05, -2.7585269188009168e-05,
             2.7524929343597256e-05, 0.0001743615218312574, 4.355563378798242e-05, -0.000981977039990585, -0.0008471432519331785, 0.006997461739469667,
             0.003732892404344222, -0.07897858101573454, 0.24165819424246635, -0.4271858474139584, 0.25539567631050575)
# x > 4: erfc(x) = exp(-x^2) (1 / sqrt(pi) - P(1 / x^2) / (x^2 Q(1 / x^2))) / x.
_TAIL_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4)
_TAIL_Q = (1.0, 2.56852019228982242e00, 1.87295284992346725e00, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3)
_INVERSE_SQRT_PI = 5.6418958354775628695e-1
_SHIFT, _SHIFT_REST = 63.76954061151497, -9.751014002118426e-16
"""92 log(2) in two parts: keeps ``exp(-x^2)`` away from the subnormal numbers until the last multiplication, which is exact."""
# |x| <= 3.95 for float32: erf(x) = x P(x^2) / Q(x^2) to 2e-9, a least-squares fit in the maximum norm.
_SINGLE_P = (-1.296702758173264e-08, 4.640428480074493e-06, 0.00037793669940363304, 0.0038433719641818116, 0.05427477011747524, 0.18516910296247727,
             1.1283791692313216)
_SINGLE_Q = (6.269245192485896e-05, 0.0013040626848557543, 0.015443720290534667, 0.11391101639925813, 0.49743525401849814, 1.0)
# Wichura's PPND16: |p - 1/2| <= 0.425, then sqrt(-log(min(p, 1 - p))) up to 5, then beyond.
_CENTRE_P = (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4, 1.3731693765509461125e4,
             1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0)
_CENTRE_Q = (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4, 5.3941960214247511077e3,
             6.8718700749205790830e2, 4.2313330701600911252e1, 1.0)
_MIDDLE_P = (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0, 3.64784832476320460504e0,
             5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0)
_MIDDLE_Q = (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1, 6.89767334985100004550e-1,
             1.67638483018380384940e0, 2.05319162663775882187e0, 1.0)
_FAR_P = (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2, 2.96560571828504891230e-1,
          1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0)
_FAR_Q = (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4, 1.48753612908506148525e-2,
          1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0)
_SQRT_HALF = 0.7071067811865476


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """Horner's scheme, highest power first."""
    result = x * coefficients[0]
    result += coefficients[1]
    for coefficient in coefficients[2:]:
        result *= x
        result += coefficient
    return result


def _blockwise(xp: Any, function: Callable[[Any, Any], Any], x: Any) -> Any:
    """``function`` of float64 blocks of ``x``, in the shape and dtype of ``x``."""
    x = xp.asarray(x)
    flat = x.reshape(-1)
    out = xp.empty(flat.shape, dtype=x.dtype)
    step = _BLOCK if backend_of(x).name == "cpu" else max(flat.size, 1)
    for start in range(0, flat.size, step):
        out[start : start + step] = function(xp, flat[start : start + step].astype("float64"))
    return out.reshape(x.shape)[()] if not x.shape else out.reshape(x.shape)


def _piecewise(xp: Any, x: Any, pieces: Sequence[tuple[Any, Callable[[Any, Any], Any]]]) -> Any:
    """Each function at the elements its mask selects; the last takes what is left. A GPU computes all rather than wait for the masks."""
    if backend_of(x).name != "cpu":
        out = pieces[-1][1](xp, x)
        for mask, function in reversed(pieces[:-1]):
            out = xp.where(mask, function(xp, x), out)
        return out
    out = xp.empty_like(x)
    left = None
    for mask, function in pieces:
        chosen = left if mask is None else mask if left is None else mask & left
        left = ~mask if left is None and mask is not None else left if mask is None else left & ~mask
        count = x.size if chosen is None else int(chosen.sum())
        if count == x.size:
            return function(xp, x)
        if count:
            out[chosen] = function(xp, x[chosen])
    return out


def _erf_near(xp: Any, x: Any) -> Any:
    square = x * x
    return x + x * (polynomial(square, _ERF_P) / polynomial(square, _ERF_Q))


def _erfc_near(xp: Any, x: Any) -> Any:
    square = x * x
    return (1.0 - x) - x * (polynomial(square, _ERF_P) / polynomial(square, _ERF_Q))


def _exp_minus_square(xp: Any, x: Any, shift: float, rest: float) -> Any:
    """``exp(shift + rest - x^2)`` with the rounding errors of the exponent made good, which a plain ``exp`` would magnify."""
    split = x * 134217729.0  # Dekker's: the upper half of the digits squares exactly
    high = split - (split - x)
    low = x - high
    square = x * x
    argument = shift - square
    error = ((high * high - square) + 2.0 * high * low) + low * low - rest
    if shift:  # Knuth's two-sum
        change = argument - shift
        error -= (shift - (argument - change)) - (square + change)
    result = xp.exp(argument)
    return result - result * error


def _erfc_middle(xp: Any, x: Any) -> Any:
    return _exp_minus_square(xp, x, 0.0, 0.0) * polynomial((x - 2.0) / (x + 2.0), _SCALED_P)


def _erfc_tail(xp: Any, x: Any) -> Any:
    x = xp.minimum(x, 32.0)  # erfc is 0 in float64 from 27.3 on; infinity would become NaN
    inverse = 1.0 / (x * x)
    series = inverse * polynomial(inverse, _TAIL_P) / polynomial(inverse, _TAIL_Q)
    return _exp_minus_square(xp, x, _SHIFT, _SHIFT_REST) * ((_INVERSE_SQRT_PI - series) / x) * 2.0**-92


def _erf_beyond(xp: Any, x: Any) -> Any:
    size = xp.minimum(xp.abs(x), 6.0)
    return xp.copysign(0.5 - _piecewise(xp, size, ((size <= 4.0, _erfc_middle), (None, _erfc_tail))) + 0.5, x)


def _erf_double(xp: Any, x: Any) -> Any:
    return _piecewise(xp, x, ((xp.abs(x) <= 1.0, _erf_near), (None, _erf_beyond)))


def _erf_single(xp: Any, x: Any) -> Any:
    x = xp.minimum(xp.maximum(x, -3.95), 3.95)  # beyond, 1 in float32
    square = x * x
    return x * polynomial(square, _SINGLE_P) / polynomial(square, _SINGLE_Q)


def _erfc_double(xp: Any, x: Any) -> Any:
    return _piecewise(xp, x, (
        (xp.abs(x) <= 1.0, _erfc_near),
        ((x > 0) & (x <= 4.0), _erfc_middle),
        (x > 4.0, _erfc_tail),
        (None, lambda xp, x: 1.0 - _erf_beyond(xp, x))))


def erf(xp: Any, input: Any) -> Any:
    """The error function."""
    return _blockwise(xp, _erf_double if input.dtype == "float64" else _erf_single, input)


def erfc(xp: Any, input: Any) -> Any:
    """``1 - erf(input)``, accurate where it is tiny."""
    return _blockwise(xp, _erfc_double, input)


def _inverse_centre(xp: Any, x: Any) -> Any:
    square = 0.180625 - 0.25 * (x * x)
    y = x * (0.5 * _SQRT_HALF) * (polynomial(square, _CENTRE_P) / polynomial(square, _CENTRE_Q))
    return y + (x - _erf_near(xp, y)) * (xp.exp(y * y) / (2.0 * _INVERSE_SQRT_PI))


def _inverse_outside(xp: Any, x: Any) -> Any:
    root = xp.sqrt(-xp.log(0.5 * (1.0 - xp.abs(x))))

    def middle(xp: Any, r: Any) -> Any:
        r = r - 1.6
        return polynomial(r, _MIDDLE_P) / polynomial(r, _MIDDLE_Q)

    def far(xp: Any, r: Any) -> Any:
        r = r - 5.0
        return polynomial(r, _FAR_P) / polynomial(r, _FAR_Q)

    y = _SQRT_HALF * _piecewise(xp, root, ((root <= 5.0, middle), (None, far)))
    y += (_erfc_double(xp, y) - (1.0 - xp.abs(x))) * (xp.exp(y * y) / (2.0 * _INVERSE_SQRT_PI))
    return xp.copysign(y, x)


def _erfinv_double(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    return _piecewise(xp, x, (
        (size <= 0.85, _inverse_centre),
        (size < 1.0, _inverse_outside),
        (size == 1.0, lambda xp, x: x * xp.inf),
        (None, lambda xp, x: x * xp.nan)))


def erfinv(xp: Any, input: Any) -> Any:
    """The inverse of ``erf`` on (-1, 1); infinite at the ends, NaN outside."""
    return _blockwise(xp, _erfinv_double, input)
