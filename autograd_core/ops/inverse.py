"""Inverses and determinants.

Their derivatives are in K. B. Petersen and M. S. Pedersen, "The Matrix Cookbook", and M. B. Giles, "An extended
collection of matrix derivative results for forward and reverse mode algorithmic differentiation" (2008). The derivative of
a determinant is the matrix of cofactors, which exists for singular matrices too.
"""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype, int32
from ..errors import LinAlgError
from ..op import Arg, S, composite, ints, op
from ..spec import Meta
from .matrices import COMPLEX, LINALG, adjoint_of, check_matrices, first_zero_pivot, reached, real_dtype, regular, require_floating, singular, square_spec, transposed

_SQUARES = [COMPLEX, regular(3, 3), regular(2, 2, 2), regular(1, 1), (0, 3, 3), (2, 0, 0)]
_NOT_SQUARE = [S((2, 3), error=RuntimeError, match="square matrices, but they are 2 by 3"), S((3,), error=RuntimeError, match="at least 2 dimensions"),
               S(ints(2, 2), error=RuntimeError, match="Expected a floating point or complex")]
_SINGULAR = "The diagonal element {k} is zero, the inversion could not be completed because the input matrix is singular."


# --- the inverse --------------------------------------------------------------------------------------------------


@op("linalg_inv(A: Tensor) -> Tensor", label="inv", places=LINALG, spec=square_spec("linalg.inv"), samples=[
    *(S(each) for each in _SQUARES), *_NOT_SQUARE, S(Arg(values=[[1.0, 2.0], [2.0, 4.0]]), error=LinAlgError, match="The diagonal element 2 is zero")])
def linalg_inv(xp: Any, A: Any) -> Any:
    """The inverse of each square matrix.

    Raises ``LinAlgError`` (a ``RuntimeError``) if one of them is singular.

    >>> import autograd_core as ag
    >>> ag.linalg.inv(ag.tensor([[2.0, 0.0], [0.0, 4.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    require_floating(A)
    try:
        return reached(xp, A, xp.linalg.inv(A))
    except ValueError:
        check_matrices("linalg.inv", A)
        raise singular("linalg.inv", xp, A, _SINGULAR) from None


@linalg_inv.vjp("A")
def _(F: Any, g: Any, out: Any) -> Any:
    turned = transposed(F, out)
    return -F.matmul(F.matmul(turned, g), turned)


@composite("inverse(input: Tensor) -> Tensor")
def inverse(F: Any, input: Any) -> Any:
    """The inverse of each square matrix; see ``linalg.inv``."""
    return F.linalg_inv(input)


def _inv_ex_spec(A: Any, *, check_errors: bool = False) -> tuple[Meta, Meta]:
    shape = check_matrices("linalg.inv_ex", A)
    return Meta(shape, as_dtype(A.dtype)), Meta(shape[:-2], int32)


@op("linalg_inv_ex(A: Tensor, *, check_errors: bool = False) -> tuple[Tensor, Tensor]", places=LINALG, outputs=("inverse", "info"), constant_outputs=(1,),
    spec=_inv_ex_spec, samples=[S(regular(3, 3)), S(regular(2, 2, 2), check_errors=True), S((0, 3, 3)), *_NOT_SQUARE,
                                S(Arg(values=[[1.0, 2.0], [2.0, 4.0]]), check_errors=True, error=LinAlgError, match="The diagonal element 2 is zero")])
def linalg_inv_ex(xp: Any, A: Any, *, check_errors: bool = False) -> Any:
    """The inverse of each square matrix, and ``info``: 0, or the number of the first zero pivot where a matrix is singular.

    Instead of the inverse of a singular matrix there is a matrix of infinities; with ``check_errors`` it raises ``LinAlgError``.
    """
    require_floating(A)
    info = xp.zeros(A.shape[:-2], dtype="int32")
    try:
        return reached(xp, A, xp.linalg.inv(A)), info
    except ValueError:
        check_matrices("linalg.inv_ex", A)
        if check_errors:
            raise singular("linalg.inv_ex", xp, A, _SINGULAR) from None
    result = xp.full(A.shape, math.inf, dtype=A.dtype)
    for index in xp.ndindex(*A.shape[:-2]):
        info[index] = pivot = first_zero_pivot(A[index])
        if not pivot:
            result[index] = reached(xp, A[index], xp.linalg.inv(A[index]))
    return result, info


@linalg_inv_ex.vjp("A")
def _(F: Any, g: Any, inverse: Any) -> Any:
    turned = transposed(F, inverse)
    return -F.matmul(F.matmul(turned, g[0]), turned)


# --- determinants -------------------------------------------------------------------------------------------------


def _det_spec(A: Any) -> Meta:
    shape = check_matrices("linalg.det", A)
    return Meta(shape[:-2], as_dtype(A.dtype))


@op("linalg_det(A: Tensor) -> Tensor", label="det", places=LINALG, spec=_det_spec, samples=[
    *(S(each) for each in _SQUARES), S(Arg(values=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]])), S(Arg(values=[[1.0, 0.0], [0.0, 0.0]])),
    S(Arg(values=[[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]])), *_NOT_SQUARE])
def linalg_det(xp: Any, A: Any) -> Any:
    """The determinant of each square matrix. First and second derivatives are right for singular matrices too.

    >>> import autograd_core as ag
    >>> ag.linalg.det(ag.tensor([[2.0, 0.0], [1.0, 3.0]])).item()
    6.0
    """
    require_floating(A)
    return xp.linalg.det(A)


@linalg_det.vjp("A")
def _(F: Any, g: Any, A: Any) -> Any:
    return F.unsqueeze(F.unsqueeze(g, dim=-1), dim=-1) * F.cofactors(A)


@composite("det(input: Tensor) -> Tensor", out=False)
def det(F: Any, input: Any) -> Any:
    """The determinant of each square matrix; see ``linalg.det``."""
    return F.linalg_det(input)


def _products_of_others(xp: Any, values: Any) -> Any:
    """For each value along the last dimension the product of all the others."""
    ones = xp.ones_like(values[..., :1])
    before = xp.concatenate([ones, xp.cumprod(values, axis=-1)[..., :-1]], axis=-1)
    after = xp.concatenate([ones, xp.cumprod(values[..., ::-1], axis=-1)[..., :-1]], axis=-1)[..., ::-1]
    return before * after


@op("cofactors(A: Tensor) -> Tensor", spec=square_spec("cofactors"), samples=[S(each) for each in _SQUARES[1:]])
def cofactors(xp: Any, A: Any) -> Any:
    """The derivative of the determinant: ``det(A)`` times the transposed inverse, continued to singular matrices.

    With A = U S V it is det(U) det(V) conj(U) C conj(V), where C is diagonal with the products of all other singular values.
    """
    if not A.size:
        return A.copy()
    if backend_of(A).name == "cpu":
        try:
            return xp.linalg.det(A)[..., None, None] * xp.linalg.inv(A).swapaxes(-1, -2)
        except ValueError:
            pass  # a singular matrix, which the general way serves
    U, S_, V = xp.linalg.svd(A)
    sign = (xp.linalg.det(U) * xp.linalg.det(V))[..., None, None]
    return sign * xp.matmul(U.conj() * _products_of_others(xp, S_)[..., None, :], V.conj())


@cofactors.vjp("A")
def _(F: Any, g: Any, A: Any) -> Any:
    return F.cofactors_slope(A, g)


def _slope_spec(A: Any, direction: Any) -> Meta:
    return Meta(check_matrices("cofactors_slope", A), as_dtype(A.dtype))


@op("cofactors_slope(A: Tensor, direction: Tensor) -> Tensor", spec=_slope_spec, samples=[S(regular(3, 3), (3, 3)), S(regular(2, 2, 2), (2, 2, 2)), S((0, 3, 3), (0, 3, 3))])
def cofactors_slope(xp: Any, A: Any, direction: Any) -> Any:
    """The gradient of ``sum(direction * cofactors(A))``: the second derivative of the determinant, for singular matrices too.

    For a diagonal matrix of singular values s, the cofactor (i, i) grows with entry (j, j), and the cofactor (i, j) falls
    with entry (j, i), both by the product of all s but s_i and s_j. Other matrices are rotated to that form.
    """
    if not A.size:
        return A.copy()
    U, values, V = xp.linalg.svd(A)
    sign = (xp.linalg.det(U) * xp.linalg.det(V))[..., None, None]
    inner = xp.matmul(xp.matmul(U.conj().swapaxes(-1, -2), direction), V.conj().swapaxes(-1, -2))
    eye = xp.eye(A.shape[-1], dtype=values.dtype)
    pairs = _products_of_others(xp, values[..., None, :] * (1 - eye) + eye) * (1 - eye)
    along = xp.einsum("...ii,...ij->...j", inner, pairs)
    turned = along[..., None] * eye - inner.swapaxes(-1, -2) * pairs
    return sign * xp.matmul(xp.matmul(U.conj(), turned), V.conj())


@cofactors_slope.vjp("A")
def _(F: Any, g: Any, A: Any, direction: Any) -> Any:
    B = transposed(F, F.linalg_inv(A))
    first, second = F.matmul(F.matmul(B, transposed(F, direction)), B), F.matmul(F.matmul(B, transposed(F, g)), B)
    one, two = (F.sum(each * B, dim=(-2, -1), keepdim=True) for each in (direction, g))
    both = one * two - F.sum(g * first, dim=(-2, -1), keepdim=True)
    crossed = F.matmul(F.matmul(first, transposed(F, g)), B) + F.matmul(F.matmul(second, transposed(F, direction)), B)
    return F.unsqueeze(F.unsqueeze(F.linalg_det(A), dim=-1), dim=-1) * (both * B - two * first - one * second + crossed)


@cofactors_slope.vjp("direction")
def _(F: Any, g: Any, A: Any) -> Any:
    return F.cofactors_slope(A, g)


def _slogdet_spec(A: Any) -> tuple[Meta, Meta]:
    shape = check_matrices("linalg.slogdet", A)
    return Meta(shape[:-2], as_dtype(A.dtype)), Meta(shape[:-2], real_dtype(A.dtype))


@op("linalg_slogdet(A: Tensor) -> tuple[Tensor, Tensor]", label="slogdet", places=LINALG, outputs=("sign", "logabsdet"), holomorphic=False, spec=_slogdet_spec,
    samples=[*(S(each) for each in _SQUARES), *_NOT_SQUARE])
def linalg_slogdet(xp: Any, A: Any) -> Any:
    """The sign and the logarithm of the magnitude of each determinant, also where the determinant itself would overflow.

    A singular matrix has the sign 0 and the logarithm ``-inf``.
    """
    require_floating(A)
    sign, logarithm = xp.linalg.slogdet(A)
    return sign, logarithm


@linalg_slogdet.vjp("A")
def _(F: Any, g: Any, A: Any, sign: Any) -> Any:
    of_sign, of_logarithm = g
    backward = adjoint_of(F, F.linalg_inv_ex(A)[0])
    weight = of_logarithm
    if of_sign is not None and F.is_complex(sign):
        turn = (of_sign * F.conj(sign) - F.conj(of_sign) * sign) * 0.5  # the imaginary part: how far the sign turns
        weight = turn if weight is None else weight + turn
    if weight is None:
        return backward * 0
    return F.unsqueeze(F.unsqueeze(weight, dim=-1), dim=-1) * backward


@composite("slogdet(input: Tensor) -> tuple[Tensor, Tensor]")
def slogdet(F: Any, input: Any) -> Any:
    """The sign and the logarithm of the magnitude of each determinant; see ``linalg.slogdet``."""
    return F.linalg_slogdet(input)


@composite("logdet(input: Tensor) -> Tensor", out=False)
def logdet(F: Any, input: Any) -> Any:
    """The logarithm of each determinant: ``nan`` where it is negative, ``-inf`` where it is 0."""
    check_matrices("logdet", input)
    sign, logarithm = F.linalg_slogdet(input)
    if F.is_complex(sign):
        return F.log(sign) + logarithm
    return F.where(sign == -1, float("nan"), logarithm)
