"""Triangular factors: Cholesky and QR.

Gradients: I. Murray, "Differentiation of the Cholesky decomposition" (2016); S. F. Walter and L. Lehmann, "Algorithmic
differentiation of linear algebra functions with application in optimum experimental design" (2018), for QR, and for wide
matrices D. Roberts and L. Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide, and deep
matrices" (2020).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..dtypes import as_dtype, int32
from ..errors import LinAlgError, describe
from ..op import Arg, S, composite, ints, op
from ..spec import Meta
from .matrices import COMPLEX_POSITIVE, LINALG, adjoint_of, check_matrices, finite, first_failure, positive, regular, require_floating, square_spec

_NOT_SQUARE = [S((2, 3), error=RuntimeError, match="square matrices, but they are 2 by 3"), S((3,), error=RuntimeError, match="at least 2 dimensions"),
               S(ints(2, 2), error=RuntimeError, match="Expected a floating point or complex")]
_INDEFINITE = Arg(values=[[1.0, 2.0], [2.0, 1.0]])


# --- Cholesky -----------------------------------------------------------------------------------------------------


def _factor(xp: Any, A: Any) -> Any:
    """The library's lower factor; ``ValueError`` also for NaN, and infinity off the diagonal, which it may pass over."""
    factor = xp.linalg.cholesky(A)
    if not finite(xp, factor, -1) and (xp.isnan(factor) | xp.isinf(xp.tril(A, -1))).any():
        raise ValueError("not a number")
    return factor


def _failed_order(xp: Any, matrix: Any) -> int:
    """The order of the first leading minor that is not positive definite; 0 if there is none."""
    for k in range(1, len(matrix) + 1):
        try:
            _factor(xp, matrix[:k, :k])
        except ValueError:
            return k
    return 0


def _indefinite(op_name: str, xp: Any, A: Any) -> LinAlgError:
    where, matrix = first_failure(partial(_factor, xp), A)
    return LinAlgError(f"{op_name}: {where}The factorization could not be completed because the input is not positive-definite "
                       f"(the leading minor of order {_failed_order(xp, matrix)} is not positive-definite) (input {describe(A)})")


@op("linalg_cholesky(input: Tensor, *, upper: bool = False) -> Tensor", label="cholesky", places=LINALG, holomorphic=False, spec=square_spec("linalg.cholesky"), samples=[
    S(COMPLEX_POSITIVE), S(COMPLEX_POSITIVE, upper=True),
    S(positive(3, 3)), S(positive(3, 3), upper=True), S(positive(2, 2, 2)), S(positive(1, 1)), S((0, 3, 3)), S((2, 0, 0)), *_NOT_SQUARE,
    S(_INDEFINITE, error=LinAlgError, match="not positive-definite .the leading minor of order 2")])
def linalg_cholesky(xp: Any, input: Any, *, upper: bool = False) -> Any:
    """The lower triangle L with ``input = L L^H``, or with ``upper`` the upper one U with ``input = U^H U``.

    The matrices must be Hermitian (symmetric) and positive definite; of each only the triangle asked for is read. Raises ``LinAlgError``
    (a ``RuntimeError``) if one is not positive definite.

    >>> import autograd_core as ag
    >>> ag.linalg.cholesky(ag.tensor([[4.0, 2.0], [2.0, 2.0]])).tolist()
    [[2.0, 0.0], [1.0, 1.0]]
    """
    require_floating(input)
    A = input.swapaxes(-1, -2).conj() if upper else input
    try:
        factor = _factor(xp, A)
    except ValueError:
        check_matrices("linalg.cholesky", input)
        raise _indefinite("linalg.cholesky", xp, A) from None
    return factor.swapaxes(-1, -2).conj() if upper else factor


def cholesky_pull(F: Any, g: Any, L: Any) -> Any:
    """The cotangent of a matrix, symmetric as the matrix is, from that of its lower factor ``L``."""
    inner = F.tril(F.matmul(adjoint_of(F, L), g), diagonal=0)
    inner = inner + adjoint_of(F, F.tril(inner, diagonal=-1))
    half = F.linalg_solve_triangular(adjoint_of(F, L), inner, upper=True)
    return F.linalg_solve_triangular(L, half, upper=False, left=False) * 0.5


def hermitian_from_lower(F: Any, A: Any) -> Any:
    """The Hermitian matrix that has the lower triangle of ``A``, and of its diagonal the real parts."""
    strict = F.tril(A, diagonal=-1)
    if not F.is_complex(A):
        return F.tril(A, diagonal=0) + F.transpose(strict, dim0=-2, dim1=-1)
    diagonal = F.diagonal(A, dim1=-2, dim2=-1)
    diagonal = (diagonal + F.conj(diagonal)) * 0.5
    return strict + adjoint_of(F, strict) + F.diag_embed(diagonal)


@linalg_cholesky.vjp("input")
def _(F: Any, g: Any, out: Any, upper: bool) -> Any:
    return cholesky_pull(F, adjoint_of(F, g) if upper else g, adjoint_of(F, out) if upper else out)


@linalg_cholesky.fused_vjp()
def _(F: Any, g: Any, out: Any, upper: bool) -> tuple[Any]:
    # The rule above on arrays. Both systems are upper triangles, in which Gaussian elimination swaps and subtracts nothing: the library's solver is back substitution.
    xp = F.backend.xp
    if upper:
        g, out = g.swapaxes(-1, -2).conj(), out.swapaxes(-1, -2).conj()
    turned = out.swapaxes(-1, -2)
    inner = xp.matmul(turned.conj(), g)
    inner = F.tril(inner) + F.tril(inner, diagonal=-1).swapaxes(-1, -2).conj()
    half = xp.linalg.solve(turned.conj(), inner)
    return (xp.linalg.solve(turned, half.swapaxes(-1, -2)).swapaxes(-1, -2) * 0.5,)


@composite("cholesky(input: Tensor, upper: bool = False) -> Tensor")
def cholesky(F: Any, input: Any, upper: bool = False) -> Any:
    """The Cholesky factor of Hermitian positive definite matrices; see ``linalg.cholesky``."""
    return F.linalg_cholesky(input, upper=upper)


def _cholesky_ex_spec(input: Any, **attrs: Any) -> tuple[Meta, Meta]:
    shape = check_matrices("linalg.cholesky_ex", input)
    return Meta(shape, as_dtype(input.dtype)), Meta(shape[:-2], int32)


@op("linalg_cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> tuple[Tensor, Tensor]", places=LINALG, outputs=("L", "info"),
    constant_outputs=(1,), holomorphic=False, spec=_cholesky_ex_spec, samples=[
        S(positive(3, 3)), S(positive(2, 2, 2), upper=True), S(positive(2, 2), check_errors=True), S((0, 3, 3)), *_NOT_SQUARE,
        S(_INDEFINITE, check_errors=True, error=LinAlgError, match="not positive-definite")])
def linalg_cholesky_ex(xp: Any, input: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """The Cholesky factor, and ``info``: 0, or the order of the first leading minor that is not positive definite.

    Instead of the factor of such a matrix there are NaN; with ``check_errors`` it raises ``LinAlgError``.
    """
    require_floating(input)
    info = xp.zeros(input.shape[:-2], dtype="int32")
    A = input.swapaxes(-1, -2).conj() if upper else input
    try:
        factor = _factor(xp, A)
    except ValueError:
        check_matrices("linalg.cholesky_ex", input)
        if check_errors:
            raise _indefinite("linalg.cholesky_ex", xp, A) from None
        factor = xp.full(A.shape, math.nan, dtype=A.dtype)
        for index in xp.ndindex(*A.shape[:-2]):
            info[index] = order = _failed_order(xp, A[index])
            if not order:
                factor[index] = _factor(xp, A[index])
    return factor.swapaxes(-1, -2).conj() if upper else factor, info


@linalg_cholesky_ex.vjp("input")
def _(F: Any, g: Any, L: Any, upper: bool) -> Any:
    return cholesky_pull(F, adjoint_of(F, g[0]) if upper else g[0], adjoint_of(F, L) if upper else L)


# --- QR -----------------------------------------------------------------------------------------------------------


def _qr_spec(A: Any, *, mode: str = "reduced") -> tuple[Meta, Meta]:
    if mode not in {"reduced", "complete", "r"}:
        raise RuntimeError(f"linalg.qr: qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    *batch, m, n = check_matrices("linalg.qr", A, square=False)
    k = m if mode == "complete" else min(m, n)
    dtype = as_dtype(A.dtype)
    return Meta((0,) if mode == "r" else (*batch, m, k), dtype), Meta((*batch, k, n), dtype)


@op("linalg_qr(A: Tensor, mode: str = 'reduced') -> tuple[Tensor, Tensor]", label="qr", places=LINALG, outputs=("Q", "R"), holomorphic=False, spec=_qr_spec, samples=[
    S(regular(3, 3)), S((4, 2)), S((2, 4)), S((2, 3, 2)), S((2, 2, 3)), S(regular(3, 3), mode="complete"), S((2, 3), mode="complete"), S((3, 2), mode="r"), S((0, 3, 2)),
    S((3, 0)), S((3,), error=RuntimeError, match="at least 2 dimensions"), S((3, 2), mode="full", error=RuntimeError, match="unrecognized mode")])
def linalg_qr(xp: Any, A: Any, *, mode: str = "reduced") -> Any:
    """``A = Q R`` with orthonormal columns in Q and an upper triangle R: a named tuple ``(Q, R)``.

    ``mode='reduced'`` gives (m, k) and (k, n) with k = min(m, n), ``'complete'`` (m, m) and (m, n), ``'r'`` only R, with an empty Q. The gradient
    needs linearly independent leading columns; with ``'complete'`` it exists for m <= n.
    """
    require_floating(A)
    if mode not in {"reduced", "complete", "r"} or A.ndim < 2:
        raise ValueError(mode)
    if mode == "r":
        return xp.zeros((0,), dtype=A.dtype), xp.linalg.qr(A, mode="r")
    Q, R = xp.linalg.qr(A, mode=mode)
    return Q, R


@linalg_qr.vjp("A")
def _(F: Any, g: Any, A: Any, Q: Any, R: Any, mode: str) -> Any:
    of_q, of_r = g
    *_, m, n = A.shape
    if mode == "complete" and m > n:
        raise RuntimeError(f"linalg.qr: the QR decomposition is not differentiable when mode='complete' and nrows > ncols (A {describe(A)}). Use mode='reduced'")
    if mode == "r":
        if of_r is None:  # the empty Q alone has no influence
            return A * 0
        Q, R = F.linalg_qr(A)
        of_q = None
    if m >= n:
        return _tall_pull(F, of_q, of_r, Q, R)
    # Wide: the first m columns have the factor R[:, :m]; the others are Q R[:, m:], through which Q has more influence.
    rest = F.narrow(A, dim=-1, start=m, length=n - m)
    of_first = None
    if of_r is not None:
        of_first, of_rest = F.narrow(of_r, dim=-1, start=0, length=m), F.narrow(of_r, dim=-1, start=m, length=n - m)
        through = F.matmul(rest, adjoint_of(F, of_rest))
        of_q = through if of_q is None else of_q + through
    left = _tall_pull(F, of_q, of_first, Q, F.narrow(R, dim=-1, start=0, length=m))
    return F.cat((left, F.matmul(Q, of_rest) if of_r is not None else rest * 0), dim=-1)


@linalg_qr.fused_vjp()
def _(F: Any, g: Any, A: Any, Q: Any, R: Any, mode: str) -> tuple[Any]:
    # Of the common case on arrays; R is an upper triangle, for which the library's solver is back substitution.
    rule, xp = linalg_qr.rules["A"].function, F.backend.xp
    of_q, of_r = g
    if of_q is None or mode != "reduced" or A.shape[-2] < A.shape[-1]:
        return (rule(F, g, A, Q, R, mode),)
    inner = -xp.matmul(of_q.swapaxes(-1, -2).conj(), Q)
    if of_r is not None:
        inner += xp.matmul(R, of_r.swapaxes(-1, -2).conj())
    total = xp.matmul(Q, hermitian_from_lower(F, inner)) + of_q
    try:
        return (xp.linalg.solve(R.conj(), total.swapaxes(-1, -2)).swapaxes(-1, -2),)
    except ValueError:  # a zero on the diagonal, for which that rule gives infinities
        return (rule(F, g, A, Q, R, mode),)


def _tall_pull(F: Any, of_q: Any, of_r: Any, Q: Any, R: Any) -> Any:
    """The cotangent of a matrix with at least as many rows as columns, from those of its factors."""
    inner = None if of_r is None else F.matmul(R, adjoint_of(F, of_r))
    if of_q is not None:
        part = F.matmul(adjoint_of(F, of_q), Q)
        inner = -part if inner is None else inner - part
    total = F.matmul(Q, hermitian_from_lower(F, inner))
    if of_q is not None:
        total = total + of_q
    return F.linalg_solve_triangular(adjoint_of(F, R), total, upper=False, left=False)


@composite("qr(input: Tensor, some: bool = True) -> tuple[Tensor, Tensor]")
def qr(F: Any, input: Any, some: bool = True) -> Any:
    """``linalg.qr`` with ``mode='reduced'``, or ``'complete'`` for ``some=False``: a named tuple ``(Q, R)``."""
    return F.linalg_qr(input, mode="reduced" if some else "complete")
