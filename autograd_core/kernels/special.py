"""Special functions on array functions alone, so that every array library computes them.

``erfc`` is ``exp(-x^2)`` times 4 / (x + 2) times one polynomial in (x - 2) / (x + 2) for all positive x, a form due to M. M. Shepherd and
J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc(x)", Mathematics of Computation 36 (1981), 249-253,
with a fit of its own. ``erf`` has two ranges, of which both are computed for all elements: choosing them out costs more.
``erfinv`` and ``ndtri`` start from M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution",
Applied Statistics 37 (1988), 477-484. In float32 ``erf`` is the hyperbolic tangent of an odd polynomial, and ``erfinv``
a polynomial in ``log2(1 - x^2)``, both computed in float32; all others compute in float64. Blocks stay in the processor's
cache, and a few numbers are left to the C library, which needs no arrays. Nothing chooses element by element where
arithmetic can: a choice among random numbers costs as much as ten sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import float32, float64
from .blocks import at_hand, in_blocks, large, written_in_blocks
from .choose import choose, with_sign
from .numbers import ONE, Numbers, has_nan
from .quiet import quiet, quietly

_BYTES = 1 << 17
"""Of one array's part of a block; a handful of such parts fit in a core's own cache."""
_FEW = 64

# |x| <= 1.02: erf(x) = x + x P(x^2) / Q(x^2) to 1e-18, a least-squares fit in the maximum norm. Coefficients stand highest power first.
_ERF_P = Numbers(-2.0863222880953815e-05, -0.0004984485907328945, -0.008834065065485267, -0.04844543367075383, -0.3169590902301708, 0.1283791670955126)
_ERF_Q = Numbers(2.0964596446698452e-05, 0.0006959090529300732, 0.010726703769398802, 0.09398340338482661, 0.4608792854813213, 1.0)
# |x| <= 1/2: erf(x) = x P(x^2), interpolation at Chebyshev points.
_CENTRAL = Numbers(1.4725865480556744e-06, -1.4845849259707869e-05, 0.00012053335124353741, -0.0008548297753674966, 0.00522397737302147, -0.026866170632887928, 0.11283791670925353,
                   -0.37612638903183476, 1.1283791670955126)
# x >= 0: erfc(x) = exp(-x^2) 4 / (x + 2) P((x - 2) / (x + 2)) to 1e-17, interpolation at Chebyshev points.
_SCALED = Numbers(1.99318147138739e-10, 6.049373122101616e-10, -8.161699403584672e-10, -4.8877783335557836e-09, -2.5701729594784527e-09, 1.4565577654243754e-08,
                  2.773293522105717e-08, -9.243346843810915e-10, -8.123497493587499e-08, -1.426922387277549e-07, 5.78623690259534e-10, 5.003991175651526e-07,
                  9.109180713504409e-07, -2.813779596189059e-07, -4.0302134819290936e-06, -5.424039144166025e-06, 8.537217965384467e-06, 3.6117677744987146e-05,
                  8.592860338459845e-06, -0.00016576837417309445, -0.00020932401575005888, 0.0007726530145611001, 0.0016197962669395065, -0.005377665472359674,
                  -0.00911055787671975, 0.06986802313901347, -0.17179017110345265, 0.25539567631050575)
# 1 <= x <= 6: erfc(x) = exp(-x^2) P((x - 2.5) / (x + 2.5)) to 2e-16, where only its distance from 1 matters.
_BEYOND = Numbers(8.134380709229634e-08, -1.5625258507743158e-06, -2.2842173094341345e-06, 7.48480117852628e-06, 1.8609712314617464e-05, -3.4172229273553035e-05,
                  -0.00012887649615317198, 0.00022837955896605415, 0.0008759154019168855, -0.002642365927759658, -0.0039937011641469865, 0.0399225390747838,
                  -0.12503305237885554, 0.251713193217456, -0.3717367339489732, 0.21080636406114356)
_INVERSE_SQRT_PI = 5.6418958354775628695e-1
# float32: erf(x) = tanh(x P(x^2)) to 1e-7, a least-squares fit in the maximum norm on [0, 4]; beyond, 1 in float32.
_SINGLE = Numbers(1.4185240921699745e-07, -5.668479593974724e-06, 8.763735702227294e-05, -0.0006197847537247723, -0.00019183067152300933, 0.10276905572469625,
                  1.1283792743149483)
# x >= 0 for float32: erfc(x) = exp(-x^2) 6 / (x + 3) P((x - 3) / (x + 3)) to 2e-9, a least-squares fit in the maximum norm.
_SINGLE_SCALED = Numbers(-5.4222284137355514e-05, -8.052953292599996e-05, 0.0005133880788246358, -0.00020440506978662356, -0.004473304433408147, 0.019921511382932418,
                         -0.05174433473856633, 0.0983713830856081, -0.1472324144083087, 0.17900115129452274)
# 1 - x^2 >= 0.05 for float32: erfinv(x) = x + x P(-log2(1 - x^2)) to 2e-8, a fit of that kind; x itself has no rounding error. NumPy's log2 is twice as
# exact as its log in float32, and faster.
_SINGLE_INVERSE = Numbers(-9.53522937045253e-09, -3.960842500775215e-07, 9.83204444566056e-06, -3.432465472845626e-05, -0.0007725690330244193,
                          0.005546303138996309, 0.1608201231257326, -0.1137730902081018)
# Wichura's PPND16: |p - 1/2| <= 0.425, then sqrt(-log(min(p, 1 - p))) up to 5, then beyond.
_CENTRE_P = Numbers(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4, 1.3731693765509461125e4,
                    1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0)
_CENTRE_Q = Numbers(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4, 5.3941960214247511077e3,
                    6.8718700749205790830e2, 4.2313330701600911252e1, 1.0)
_MIDDLE_P = Numbers(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0, 3.64784832476320460504e0,
                    5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0)
_MIDDLE_Q = Numbers(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1, 6.89767334985100004550e-1,
                    1.67638483018380384940e0, 2.05319162663775882187e0, 1.0)
_FAR_P = Numbers(2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2, 2.96560571828504891230e-1,
                 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0)
_FAR_Q = Numbers(2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4, 1.48753612908506148525e-2,
                 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0)
_SQRT_HALF = 0.7071067811865476
_SQRT_2 = 1.4142135623730951


def polynomial(x: Any, coefficients: Numbers, out: Any = None) -> Any:
    """Horner's scheme, highest power first; in ``out``, which is not ``x``, if given."""
    first, second, *others = coefficients[x.__class__, x.dtype]
    result = x * first if out is None else backend_of(x).xp.multiply(x, first, out=out)
    result += second
    for coefficient in others:
        result *= x
        result += coefficient
    return result


_SINGLE_DTYPE, _DOUBLE = float32.dtype, float64.dtype


def blockwise(xp: Any, function: Callable[[Any, Any], Any], x: Any, library: Callable[[float], float] | None = None, dtype: Any = _DOUBLE) -> Any:
    """``function`` of blocks of ``x``, made ``dtype``, in the shape and dtype of ``x``; ``library`` is the same function of one number."""
    x = xp.asarray(x)
    on_cpu = backend_of(x).name == "cpu"
    if library is not None and x.size <= _FEW and on_cpu:
        few = xp.array([library(each) for each in x.reshape(-1).tolist()], dtype=x.dtype)
        return few.reshape(x.shape) if x.shape else few[0]
    if not x.ndim:
        return blockwise(xp, function, x.reshape(1), None, dtype)[0]
    step = _BYTES // dtype.itemsize
    if x.size <= step or not on_cpu:
        result = function(xp, x if x.dtype is dtype else x.astype(dtype))
        return result if result.dtype is x.dtype else result.astype(x.dtype)
    flat = x.reshape(-1)
    out = xp.empty(flat.shape, dtype=x.dtype)
    for start in range(0, flat.size, step):
        out[start : start + step] = function(xp, flat[start : start + step].astype(dtype, copy=False))
    return out.reshape(x.shape)


def piecewise(xp: Any, x: Any, pieces: Sequence[tuple[Any, Callable[[Any, Any], Any]]]) -> Any:
    """Each function at the elements its mask selects; the last takes what is left. A GPU computes all rather than wait for the masks."""
    if backend_of(x).name != "cpu":
        everywhere = pieces[-1][1](xp, x)
        for mask, function in reversed(pieces[:-1]):
            everywhere = xp.where(mask, function(xp, x), everywhere)
        return everywhere
    out: Any = None
    left = None
    for mask, function in pieces:
        chosen = left if mask is None else mask if left is None else mask & left
        count = x.size if chosen is None else xp.count_nonzero(chosen)
        if count == x.size:
            return function(xp, x)
        left = ~mask if left is None and mask is not None else left if mask is None else left & ~mask
        if count:
            if out is None:
                out = xp.empty(x.shape, dtype=x.dtype)
            places = xp.flatnonzero(chosen)  # several times faster than the mask itself
            out.reshape(-1)[places] = function(xp, x.reshape(-1).take(places))
    return out


def hypot(xp: Any, input: Any, other: Any, *, out: Any = None) -> Any:
    """``sqrt(input^2 + other^2)``: of float32 in float64, in which nothing overflows, as the C library does it for one number after the other."""
    if out is not None:
        return xp.hypot(input, other, out=out)
    if input.__class__ is not other.__class__ or input.dtype is not other.dtype or input.dtype is not _SINGLE_DTYPE or input.shape != other.shape:
        return xp.hypot(input, other)
    if large(input):
        return in_blocks(xp, partial(hypot, xp), input, other)
    if input.size < _MANY or not at_hand(input):
        return xp.hypot(input, other)
    total, square = input.astype(_DOUBLE), other.astype(_DOUBLE)
    total *= total
    square *= square
    total += square
    result = quietly(input, xp.sqrt(total, out=total).astype, _SINGLE_DTYPE)
    return xp.hypot(input, other) if has_nan(result) else result  # infinity wins over NaN


_MANY = 1 << 9
"""Elements from which on eight fast calls take less than a slow one."""


def _erf_near(xp: Any, x: Any) -> Any:
    square = x * x
    return x + x * (polynomial(square, _ERF_P) / polynomial(square, _ERF_Q))


def _square(xp: Any, x: Any) -> tuple[Any, Any]:
    """``x^2`` in two parts, because ``exp`` magnifies the rounding error of large squares."""
    split = x * 134217729.0  # Dekker's: the upper half of the digits squares exactly
    high = split - (split - x)
    low = x - high
    square = x * x
    return square, ((high * high - square) + 2.0 * high * low) + low * low


def _scaled(xp: Any, x: Any) -> Any:
    """``exp(x^2) erfc(x)`` for x >= 0."""
    inverse = 4.0 / (x + 2.0)
    return inverse * polynomial(1.0 - inverse, _SCALED)


def _erf_central(xp: Any, x: Any) -> Any:
    return x * polynomial(xp.minimum(x * x, 0.25), _CENTRAL)


def _both_sides(xp: Any, value: Any, x: Any) -> Any:
    """``value`` where x >= 0, else ``2 - value``."""
    sign = with_sign(xp, xp.ones(x.shape, dtype=x.dtype), x)
    value *= sign
    xp.subtract(1.0, sign, out=sign)
    value += sign
    return value


def _erfc_double(xp: Any, x: Any) -> Any:
    size = xp.minimum(xp.abs(x), 32.0)  # erfc is 0 in float64 from 27.3 on
    square, rest = _square(xp, size)
    power = xp.exp(-square)
    power -= power * rest
    return choose(xp, size < 0.5, 1.0 - _erf_central(xp, x), _both_sides(xp, power * _scaled(xp, size), x))


def _erf_double(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    far = xp.minimum(xp.maximum(size, 1.0), 6.0)  # erf is 1 in float64 from 5.9 on
    beyond = 1.0 - xp.exp(-far * far) * polynomial(1.0 - 5.0 / (far + 2.5), _BEYOND)
    return choose(xp, size <= 1.0, _erf_near(xp, xp.minimum(xp.maximum(x, -1.0), 1.0)), with_sign(xp, beyond, x))


def _erf_single(xp: Any, x: Any) -> Any:
    value = xp.empty_like(x)
    _write_erf(xp, value, x)
    return value


def _write_erf(xp: Any, out: Any, x: Any) -> None:
    polynomial(x * x, _SINGLE, out)
    out *= x
    xp.tanh(out, out=out)


def _erfc_single(xp: Any, x: Any) -> Any:
    """Of float32, by way of float64."""
    size = xp.abs(x)
    size = xp.minimum(size, 12.0, out=size).astype(_DOUBLE)  # erfc is 0 in float32 from 10.1 on
    inverse = size + 3.0
    xp.divide(6.0, inverse, out=inverse)
    size *= size
    xp.negative(size, out=size)
    value = xp.exp(size, out=size)
    value *= inverse
    xp.subtract(1.0, inverse, out=inverse)
    value *= polynomial(inverse, _SINGLE_SCALED)
    return _both_sides(xp, value.astype(x.dtype), x)


def _erfcx_double(xp: Any, x: Any) -> Any:
    value = _scaled(xp, xp.abs(x))
    square, rest = _square(xp, xp.minimum(xp.maximum(x, -27.0), 0.5))
    growth = xp.exp(square)
    growth += growth * rest
    value = xp.where(xp.abs(x) < 0.5, growth * (1.0 - _erf_central(xp, x)), xp.where(x < 0.0, 2.0 * growth - value, value))
    return xp.where(x < -26.7, xp.inf, value)


def erf(xp: Any, input: Any) -> Any:
    """The error function."""
    if input.dtype.itemsize == 8:
        return blockwise(xp, _erf_double, input, math.erf)
    if input.size <= _FEW and backend_of(input).name == "cpu":
        return blockwise(xp, _erf_single, input, math.erf, _SINGLE_DTYPE)
    with quiet(xp, input):
        if input.dtype is _SINGLE_DTYPE and large(input):
            return written_in_blocks(xp, partial(_write_erf, xp), 1, input)[0]
        return blockwise(xp, _erf_single, input, None, _SINGLE_DTYPE)


def erfc(xp: Any, input: Any) -> Any:
    """``1 - erf(input)``, accurate where it is tiny."""
    if input.dtype.itemsize == 8:
        return blockwise(xp, _erfc_double, input, math.erfc)
    return blockwise(xp, _erfc_single, input, math.erfc, _SINGLE_DTYPE)


_NORMAL = Numbers(*(coefficient * _SQRT_HALF ** (2 * power + 1) for power, coefficient in zip(range(6, -1, -1), _SINGLE.plain, strict=True)))
"""Of ``erf(x / sqrt(2))``."""


def normal_share(xp: Any, x: Any, *, out: Any = None) -> Any:
    """The distribution function of the standard normal distribution in float32, with an error of 1e-7 of 1, not of the value."""
    if x.size <= _FEW and x.ndim and backend_of(x).name == "cpu":  # in a plan too, which then leaves it whole: the other way rounds otherwise
        return blockwise(xp, normal_share, x, lambda each: 0.5 * math.erfc(-_SQRT_HALF * each), _SINGLE_DTYPE)
    if not x.ndim:
        return normal_share(xp, x.reshape(1))[0]
    one, half = _SHARE[x.__class__, x.dtype]
    value = polynomial(x * x, _NORMAL)
    value *= x
    xp.tanh(value, out=value)
    value += one
    return xp.multiply(value, half, out=value if out is None else out)


_SHARE = Numbers(1.0, 0.5)


def erfcx(xp: Any, input: Any) -> Any:
    """``exp(input^2) * erfc(input)``, without overflow."""
    with quiet(xp, input):
        return blockwise(xp, _erfcx_double, input)


def _log_ndtr_double(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    inverse = 4.0 * _SQRT_2 / (size + 2.0 * _SQRT_2)
    scaled = (0.5 * inverse) * polynomial(1.0 - inverse, _SCALED)
    square, rest = _square(xp, xp.minimum(size, 40.0))  # beyond, the probability of what is farther out is 0
    beyond = xp.exp(-0.5 * square) * scaled
    beyond -= beyond * (0.5 * rest)  # the square's own rounding error would take digits
    beyond = xp.where(size < 1.0, 0.5 - 0.5 * _erf_near(xp, xp.minimum(size, 1.0) * _SQRT_HALF), beyond)
    inner = xp.where(x < 0.0, xp.log(beyond), xp.log1p(-beyond))
    return xp.where(x < -1.0, xp.log(scaled) - 0.5 * (x * x), inner)


def log_ndtr(xp: Any, input: Any) -> Any:
    """The logarithm of the distribution function of the standard normal distribution."""
    with quiet(xp, input):
        return blockwise(xp, _log_ndtr_double, input)


def _inverse_centre(xp: Any, x: Any) -> Any:
    square = 0.180625 - 0.25 * (x * x)
    y = x * (0.5 * _SQRT_HALF) * (polynomial(square, _CENTRE_P) / polynomial(square, _CENTRE_Q))
    return xp.copysign(y + (x - _erf_near(xp, y)) * (xp.exp(y * y) / (2.0 * _INVERSE_SQRT_PI)), x)


def _inverse_outside(xp: Any, x: Any) -> Any:
    root = xp.sqrt(-xp.log(0.5 * (1.0 - xp.abs(x))))

    def middle(xp: Any, r: Any) -> Any:
        r = r - 1.6
        return polynomial(r, _MIDDLE_P) / polynomial(r, _MIDDLE_Q)

    def far(xp: Any, r: Any) -> Any:
        r = r - 5.0
        return polynomial(r, _FAR_P) / polynomial(r, _FAR_Q)

    y = _SQRT_HALF * piecewise(xp, root, ((root <= 5.0, middle), (None, far)))
    y += (_erfc_double(xp, y) - (1.0 - xp.abs(x))) * (xp.exp(y * y) / (2.0 * _INVERSE_SQRT_PI))
    return xp.copysign(y, x)


def _erfinv_double(xp: Any, x: Any) -> Any:
    size = xp.abs(x)
    return piecewise(xp, x, (
        (size <= 0.85, _inverse_centre),
        (size < 1.0, _inverse_outside),
        (size == 1.0, lambda xp, x: x * xp.inf),
        (None, lambda xp, x: x * xp.nan)))


def _erfinv_single(xp: Any, x: Any) -> Any:
    rest = _from_one(x)
    if backend_of(x).name == "cpu" and x.size and rest.min() > 0.052:  # most often; NaN fails too
        return _inverse_single(xp, x, rest)
    near, far = lambda xp, x: _inverse_single(xp, x, _from_one(x)), lambda xp, x: _erfinv_double(xp, x.astype(_DOUBLE)).astype(x.dtype)
    return piecewise(xp, x, ((rest > 0.052, near), (None, far)))


def _from_one(x: Any) -> Any:
    """``1 - x^2``, with the digits that the difference would lose near 1."""
    (one,) = ONE[x.__class__, x.dtype]
    rest = one - x
    rest *= one + x
    return rest


def _inverse_single(xp: Any, x: Any, rest: Any) -> Any:
    xp.log2(rest, out=rest)
    value = series(xp, xp.negative(rest, out=rest), _SINGLE_INVERSE)
    value = xp.multiply(value, x, out=value)
    value = xp.add(value, x, out=value)
    return xp.copysign(value, x, out=value) if not at_hand(x) or (x.view("i4") == _NEGATIVE_ZERO).any() else value


_NEGATIVE_ZERO = -(1 << 31)
"""Its bits."""
_SINGLE_FEW = Numbers(*_SINGLE_INVERSE.plain[:-1], 1.0 + _SINGLE_INVERSE.plain[-1])


def _few_inverse(xp: Any, x: Any) -> Any:
    """Of a few numbers of float32 in float64, in the fewest calls; ``None`` if some are near 1."""
    wide = x.astype(_DOUBLE)
    rest = 1.0 - wide * wide
    if not rest.item(rest.argmin()) > 0.052:
        return None
    exponents, factors = _SINGLE_FEW.powers
    value = (xp.negative(xp.log2(rest))[:, None] ** exponents).dot(factors)
    value *= wide
    return value.astype(x.dtype)


def series(xp: Any, t: Any, coefficients: Numbers) -> Any:
    """A polynomial, of few positive numbers by all powers at once, in float64, because the order of the sum is the library's. Highest power first."""
    if t.ndim != 1 or t.size > _FEW or backend_of(t).name != "cpu":
        return polynomial(t, coefficients)
    exponents, factors = coefficients.powers
    return (t[:, None].astype(_DOUBLE) ** exponents).dot(factors).astype(t.dtype)


def erfinv(xp: Any, input: Any) -> Any:
    """The inverse of ``erf`` on (-1, 1); infinite at the ends, NaN outside."""
    if input.dtype.itemsize == 8:
        return blockwise(xp, _erfinv_double, input)
    if 0 < input.size <= _FEW and input.ndim == 1 and input.dtype is _SINGLE_DTYPE and at_hand(input):
        few = _few_inverse(xp, input)
        if few is not None:
            return few
    return blockwise(xp, _erfinv_single, input, None, _SINGLE_DTYPE)


def _ndtri_double(xp: Any, p: Any) -> Any:
    offset = p - 0.5
    square = 0.180625 - offset * offset
    root = xp.sqrt(-xp.log(xp.minimum(xp.minimum(p, 1.0 - p), 0.5)))
    middle, far = root - 1.6, root - 5.0
    outside = xp.where(root <= 5.0, polynomial(middle, _MIDDLE_P) / polynomial(middle, _MIDDLE_Q), polynomial(far, _FAR_P) / polynomial(far, _FAR_Q))
    scaled = _scaled(xp, outside * _SQRT_HALF)
    outside = outside + (xp.log(0.5 * scaled) - 0.5 * outside * outside + root * root) * scaled * 1.2533141373155003  # a Newton step on the logarithm
    outside = xp.where((p == 0.0) | (p == 1.0), xp.inf, outside)
    return xp.where(xp.abs(offset) <= 0.425, offset * (polynomial(square, _CENTRE_P) / polynomial(square, _CENTRE_Q)), xp.copysign(outside, offset))


def ndtri(xp: Any, input: Any) -> Any:
    """The quantiles of the standard normal distribution; infinite at 0 and 1, NaN outside."""
    with quiet(xp, input):
        return blockwise(xp, _ndtri_double, input)
