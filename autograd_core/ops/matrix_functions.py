"""Functions of square matrices: powers and the exponential.

The exponential is that of N. J. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005). Its
gradient is a block of the exponential of a block matrix: R. Mathias, "A chain rule for matrix functions and applications" (1996).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ..op import S, composite, ints, op
from .matrices import COMPLEX, LINALG, check_matrices, regular, require_floating, square_spec, transposed

_LIMITS = {"f": ((3, 4.258730016922831e-1), (5, 1.880152677804762), (7, 3.925724783138660)),
           "d": ((3, 1.495585217958292e-2), (5, 2.539398330063230e-1), (7, 9.504178996162932e-1), (9, 2.097847961257068), (13, 5.371920351148152))}
"""Up to which 1-norm the rational function of a degree is exact to rounding, for single and double precision (Higham's table 2.3)."""


@lru_cache(maxsize=8)
def _pade(degree: int) -> tuple[float, ...]:
    """The coefficients of the numerator of the diagonal Pade approximant of exp, lowest power first; the denominator's alternate in sign."""
    f = math.factorial
    return tuple(f(2 * degree - j) * f(degree) / (f(2 * degree) * f(degree - j) * f(j)) for j in range(degree + 1))


def _rational(xp: Any, A: Any, degree: int) -> Any:
    """The diagonal Pade approximant of exp(A)."""
    b = _pade(degree)
    eye = xp.eye(A.shape[-1], dtype=A.dtype)
    square = xp.matmul(A, A)
    if degree < 13:
        power, odd, even = square, b[1] * eye + b[3] * square, b[0] * eye + b[2] * square
        for k in range(4, degree, 2):
            power = xp.matmul(power, square)
            odd, even = odd + b[k + 1] * power, even + b[k] * power
    else:  # fewer products: powers above the sixth are taken out
        fourth = xp.matmul(square, square)
        sixth = xp.matmul(fourth, square)
        odd = xp.matmul(sixth, b[13] * sixth + b[11] * fourth + b[9] * square) + b[7] * sixth + b[5] * fourth + b[3] * square + b[1] * eye
        even = xp.matmul(sixth, b[12] * sixth + b[10] * fourth + b[8] * square) + b[6] * sixth + b[4] * fourth + b[2] * square + b[0] * eye
    odd = xp.matmul(A, odd)
    return xp.linalg.solve(even - odd, even + odd)


@op("matrix_exp(input: Tensor) -> Tensor", out=False, places=("torch", "Tensor", "linalg"), spec=square_spec("matrix_exp"), samples=[
    S(COMPLEX), S(regular(3, 3)), S((2, 2, 2)), S((1, 1)), S((0, 3, 3)), S((2, 0, 0)), S((2, 3), error=RuntimeError, match="square matrices, but they are 2 by 3"),
    S((3,), error=RuntimeError, match="at least 2 dimensions"), S(ints(2, 2), error=RuntimeError, match="Expected a floating point or complex")])
def matrix_exp(xp: Any, input: Any) -> Any:
    """The exponential of each square matrix: the sum of ``A^k / k!``.

    >>> import autograd_core as ag
    >>> ag.linalg.matrix_exp(ag.tensor([[0.0, 1.0], [0.0, 0.0]])).tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    require_floating(input)
    check_matrices("matrix_exp", input)
    if not input.size:
        return input.copy()
    sizes = xp.abs(input).sum(axis=-2).max(axis=-1)
    largest = float(sizes.max())
    if not math.isfinite(largest):
        return input * math.nan
    limits = _LIMITS["f" if input.dtype.char in "fF" else "d"]
    for degree, limit in limits:
        if largest <= limit:
            return _rational(xp, input, degree)
    # Each matrix is divided by its own power of two, and its exponential squared as often.
    times = xp.ceil(xp.log2(xp.maximum(sizes / limit, 1)))[..., None, None]
    result = _rational(xp, input * (2.0**-times).astype(sizes.dtype), degree)
    for k in range(math.ceil(math.log2(largest / limit))):
        result = xp.where(times > k, xp.matmul(result, result), result)
    return result


@matrix_exp.vjp("input")
def _(F: Any, g: Any, input: Any) -> Any:
    turned = transposed(F, input)
    n = turned.shape[-1]
    upper, lower = F.cat((turned, g), dim=-1), F.cat((turned * 0, turned), dim=-1)
    both = F.matrix_exp(F.cat((upper, lower), dim=-2))
    return F.narrow(F.narrow(both, dim=-2, start=0, length=n), dim=-1, start=n, length=n)


def _power(F: Any, name: str, input: Any, n: Any) -> Any:
    shape = tuple(input.shape)
    if not isinstance(n, int):
        raise TypeError(f"{name}: argument 'n' must be int, not {type(n).__name__}")
    if len(shape) < 2 or shape[-1] != shape[-2]:
        check_matrices(name, input)
    if n == 0:
        return F.tril(input, diagonal=-shape[-1]) + F.identity_like(input, size=shape[-1])  # no element is left, not even NaN
    if n < 0:
        input, n = F.linalg_inv(input), -n
    result = None
    while n:  # squaring as often as the exponent has binary digits
        if n % 2:
            result = input if result is None else F.matmul(result, input)
        n //= 2
        if n:
            input = F.matmul(input, input)
    return F.clone(result) if result is input else result


@composite("matrix_power(input: Tensor, n: int) -> Tensor")
def matrix_power(F: Any, input: Any, n: int) -> Any:
    """Each square matrix to the power ``n``; negative powers are those of the inverse."""
    return _power(F, "matrix_power", input, n)


@composite("linalg_matrix_power(A: Tensor, n: int) -> Tensor", places=LINALG)
def linalg_matrix_power(F: Any, A: Any, n: int) -> Any:
    """Each square matrix to the power ``n``; negative powers are those of the inverse.

    >>> import autograd_core as ag
    >>> ag.linalg.matrix_power(ag.tensor([[1, 1], [1, 0]]), 10).tolist()
    [[89, 55], [55, 34]]
    """
    return _power(F, "linalg.matrix_power", A, n)
