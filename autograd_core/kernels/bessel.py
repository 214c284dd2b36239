"""Modified Bessel functions of the first kind, of order 0 and 1, on array functions alone.

Up to 7.7 a polynomial in x^2 / 4, all of whose terms are positive; beyond it ``exp(x) / sqrt(x)`` times a polynomial
in 1 / x. Both interpolate at Chebyshev points, to 2e-17.
"""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..dtypes import float64
from .numbers import Numbers
from .quiet import quiet
from .special import blockwise, piecewise, polynomial, series

_EDGE = 7.745966692414834
_FEW = 64
# |x| <= edge: I0(x) = P(x^2 / 4), I1(x) = x / 2 P(x^2 / 4). Coefficients stand highest power first.
_ZERO_NEAR = Numbers(3.6130483889554095e-32, 7.085394016775135e-30, 2.318164344224298e-27, 5.838490904060561e-25, 1.315968551682646e-22, 2.5789008192748247e-20,
                     4.358392996125642e-18, 6.27608107059452e-16, 7.594058446446705e-14, 7.594058427191506e-12, 6.15118732681878e-10, 3.936759889139795e-08,
                     1.9290123456790344e-06, 6.944444444444442e-05, 0.0017361111111111112, 0.027777777777777776, 0.25, 1.0, 1.0)
_ONE_NEAR = Numbers(1.865116097777679e-33, 3.986868852064432e-31, 1.3604105025752407e-28, 3.650302502323651e-26, 8.772795367641054e-24, 1.8420782445486277e-21,
                    3.352609117974114e-19, 5.2300676526642323e-17, 6.903689489128347e-15, 7.594058427666619e-13, 6.834652585331774e-11, 4.920949861425537e-09,
                    2.7557319223986e-07, 1.1574074074074072e-05, 0.00034722222222222224, 0.006944444444444444, 0.08333333333333333, 0.5, 1.0)
_ZERO_SQUARE = Numbers(*(coefficient * 0.25 ** power for power, coefficient in zip(range(18, -1, -1), _ZERO_NEAR.plain, strict=True)))
"""Of x^2."""
# x >= edge: exp(-x) sqrt(x) I(x) = P(2 edge / x - 1).
_ZERO_FAR = Numbers(-8.273743817015051e-11, -8.781432170713447e-11, 6.114846735265404e-10, 6.462683020909882e-10, -2.1098588676251145e-09, -2.2625118748867805e-09,
                    4.575587355572524e-09, 5.227309898237807e-09, -7.0250861326161304e-09, -9.563398533156535e-09, 7.532836523996373e-09, 1.5552866091655907e-08,
                    -2.1442358233784976e-09, -2.100390808487717e-08, -1.6433035915708953e-08, 6.007315749817491e-09, 3.025759171954272e-08, 5.6706476598392055e-08,
                    1.1944474722335738e-07, 3.7103479437102656e-07, 1.745453160626062e-06, 1.2493742441311913e-05, 0.00014647688812766482, 0.003480028094931173,
                    0.40228686752762177)
_ONE_FAR = Numbers(8.815654003070809e-11, 8.769395750750599e-11, -6.514447470886368e-10, -6.45608782430807e-10, 2.248727837590042e-09, 2.2632448929413556e-09,
                   -4.886643308657448e-09, -5.2487101665397e-09, 7.55020777647312e-09, 9.686494176393516e-09, -8.25959774139653e-09, -1.6011055906081266e-08,
                   2.8629224527074075e-09, 2.2195115880890973e-08, 1.6779267019937223e-08, -7.1249307958810214e-09, -3.29499664885279e-08, -6.211619345330437e-08,
                   -1.342769807340642e-07, -4.3371073597608546e-07, -2.1546169971667162e-06, -1.6836577274319065e-05, -0.00023544247721370124, -0.010084221928449648,
                   0.3890784798605848)


def _far(xp: Any, x: Any, coefficients: Any) -> Any:
    return polynomial(2.0 * _EDGE / x - 1.0, coefficients) / xp.sqrt(x)


def _plain(xp: Any, x: Any, near: Any, far: Any) -> Any:
    """The function of ``|x|``, without the sign and without the factor x / 2."""
    size = xp.abs(x)

    def beyond(xp: Any, size: Any) -> Any:
        half = xp.exp(0.5 * size)  # exp(size) would overflow before the function does
        return half * _far(xp, size, far) * half

    if backend_of(x).name == "cpu" and size.size and size.max() <= _EDGE:
        return near(xp, size)
    with quiet(xp, x):
        return piecewise(xp, size, ((size <= _EDGE, near), (None, beyond)))


def _scaled(xp: Any, x: Any, near: Any, far: Any) -> Any:
    size = xp.abs(x)
    return piecewise(xp, size, ((size <= _EDGE, lambda xp, size: near(xp, size) * xp.exp(-size)), (None, lambda xp, size: _far(xp, size, far))))


def _zero(xp: Any, size: Any) -> Any:
    return series(xp, xp.square(0.5 * size), _ZERO_NEAR)


def _one(xp: Any, size: Any) -> Any:
    return 0.5 * size * series(xp, xp.square(0.5 * size), _ONE_NEAR)


def _odd(xp: Any, x: Any, value: Any) -> Any:
    return xp.where(x < 0.0, -value, value)


def i0(xp: Any, input: Any) -> Any:
    """Of order 0."""
    if 0 < input.size <= _FEW and input.ndim == 1 and backend_of(input).name == "cpu":  # the shortest way for a few numbers near 0
        square = xp.square(input.astype(float64.dtype))
        if square.item(square.argmax()) <= _EDGE * _EDGE:
            exponents, factors = _ZERO_SQUARE.powers
            return (square[:, None] ** exponents).dot(factors).astype(input.dtype)
    return blockwise(xp, lambda xp, x: _plain(xp, x, _zero, _ZERO_FAR), input)


def i1(xp: Any, input: Any) -> Any:
    """Of order 1."""
    return blockwise(xp, lambda xp, x: _odd(xp, x, _plain(xp, x, _one, _ONE_FAR)), input)


def i0e(xp: Any, input: Any) -> Any:
    """``exp(-|input|) * i0(input)``."""
    with quiet(xp, input):
        return blockwise(xp, lambda xp, x: _scaled(xp, x, _zero, _ZERO_FAR), input)


def i1e(xp: Any, input: Any) -> Any:
    """``exp(-|input|) * i1(input)``."""
    with quiet(xp, input):
        return blockwise(xp, lambda xp, x: _odd(xp, x, _scaled(xp, x, _one, _ONE_FAR)), input)
