"""The LU factorization with partial pivoting, and systems solved by it.

Gradient: the products L^H gL and gU U^H keep what lies in the triangles of L and U; for matrices that are not square the rest
of the longer factor is a product with an inverse triangle. See F. de Hoog, R. Anderssen and M. Lukas, "Differentiation of
matrix functionals using triangular factorization" (2011).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..dtypes import as_dtype, int32
from ..errors import LinAlgError, ShapeError, describe
from ..kernels.strided import in_rows
from ..op import Arg, S, composite, detached, op
from ..spec import Meta
from .matrices import COMPLEX, LINALG, adjoint_of, check_matrices, regular, require_floating

PANEL = 32
"""Columns that are eliminated one by one before the rest of the matrix is brought up to date by one product."""
_SINGULAR = Arg(values=[[1.0, 2.0], [2.0, 4.0]])


class Factors(NamedTuple):
    """``A = P L U``."""

    P: Any
    L: Any
    U: Any


class PackedFactors(NamedTuple):
    """Both triangles in one matrix, and the rows that were exchanged, counted from 1."""

    LU: Any
    pivots: Any


class CheckedFactors(NamedTuple):
    """``PackedFactors``, and the number of the first pivot that is zero, or 0."""

    LU: Any
    pivots: Any
    info: Any


# --- the factorization --------------------------------------------------------------------------------------------


def _exchange(xp: Any, matrices: Any, row: int, other: Any) -> None:
    """Exchange a row of each matrix with the row ``other[i]`` of matrix i, in place."""
    which = xp.arange(len(matrices))
    kept = matrices[which, other]
    matrices[which, other] = matrices[:, row]
    matrices[:, row] = kept


def _size(values: Any) -> Any:
    """What decides which pivot is largest: of a complex number |real| + |imaginary|, as LAPACK has it."""
    return abs(values.real) + abs(values.imag) if values.dtype.kind == "c" else abs(values)


def _eliminate(xp: Any, A: Any, pivots: Any, info: Any) -> None:
    """Gaussian elimination in place, of matrices (batch, m, n): a panel of columns at a time, then the rest of the matrix by one product."""
    rows, columns = A.shape[-2:]
    steps = min(rows, columns)
    for start in range(0, steps, PANEL):
        stop = min(start + PANEL, steps)
        for k in range(start, stop):
            best = _size(A[:, k:, k]).argmax(axis=1) + k
            pivots[:, k] = best + 1
            _exchange(xp, A, k, best)
            pivot = A[:, k, k]
            info[(pivot == 0) & (info == 0)] = k + 1
            A[:, k + 1 :, k] /= xp.where(pivot == 0, 1, pivot)[:, None]
            A[:, k + 1 :, k + 1 : stop] -= A[:, k + 1 :, k, None] * A[:, k, None, k + 1 : stop]
        if stop < columns:
            for k in range(start + 1, stop):
                A[:, k, stop:] -= (A[:, k, None, start:k] @ A[:, start:k, stop:])[:, 0]
            A[:, stop:, stop:] -= A[:, stop:, start:stop] @ A[:, start:stop, stop:]


def _factors_spec(A: Any, *, name: str, check: bool) -> tuple[Meta, ...]:
    *batch, m, n = check_matrices(f"linalg.{name}", A, square=False)
    return Meta((*batch, m, n), as_dtype(A.dtype)), Meta((*batch, min(m, n)), int32), Meta(tuple(batch), int32)


@op("lu_factors(A: Tensor, name: str, check: bool) -> tuple[Tensor, Tensor, Tensor]", label="LU", outputs=("LU", "pivots", "info"), constant_outputs=(1, 2),
    holomorphic=False, spec=_factors_spec, extra={"written": "linalg.lu"}, samples=[
        S(regular(3, 3), name="lu", check=False), S(regular(2, 3, 3), name="lu_factor", check=True), S((4, 2), name="lu", check=False), S((2, 4), name="lu", check=False),
        S(COMPLEX, name="lu", check=False), S((0, 3, 3), name="lu", check=False), S((3, 0), name="lu", check=False),
        S((3,), name="lu", check=False, error=RuntimeError, match="at least 2 dimensions"), S(_SINGULAR, name="lu_factor", check=True, error=LinAlgError, match="U.2,2. is zero")])
def lu_factors(xp: Any, A: Any, *, name: str, check: bool) -> Any:
    """Both triangles of ``A = P L U`` in one matrix, the pivots, and the number of the first pivot that is zero, or 0."""
    require_floating(A)
    if A.ndim < 2:
        raise ValueError("no matrices")
    *batch, rows, columns = A.shape
    factors = xp.array(A, order="C").reshape(math.prod(batch), rows, columns)
    pivots = xp.zeros((len(factors), min(rows, columns)), dtype="int32")
    info = xp.zeros(len(factors), dtype="int32")
    if factors.size:
        _eliminate(xp, factors, pivots, info)
    if check and backend_of(A).name == "cpu" and info.any():  # on a GPU looking at the values would wait for it
        worst = int((info != 0).argmax())
        where = f"(Batch element {worst}): " if A.ndim > 2 else ""
        number = int(info[worst])
        raise LinAlgError(f"linalg.{name}: {where}U[{number},{number}] is zero and using it on lu_solve would result in a division by zero. If you still want "
                          f"to perform the factorization, consider calling linalg.lu(A) or linalg.lu_factor_ex(A) (A {describe(A)})")
    return factors.reshape(A.shape), pivots.reshape(*batch, min(rows, columns)), info.reshape(batch)


@lu_factors.vjp("A")
def _(F: Any, g: Any, LU: Any, pivots: Any) -> Any:
    upstream = g[0]
    rows, columns = LU.shape[-2:]
    k = min(rows, columns)
    corner, square = upstream[..., :k, :k], LU[..., :k, :k]
    below, above = F.tril(corner, diagonal=-1), F.triu(corner, diagonal=0)
    of_lower = F.matmul(adjoint_of(F, F.tril(square, diagonal=-1)), below) + below
    of_upper = F.matmul(above, adjoint_of(F, F.triu(square, diagonal=0)))
    if columns > k:
        of_lower = of_lower - F.matmul(upstream[..., :, k:], adjoint_of(F, LU[..., :, k:]))
    if rows > k:
        of_upper = of_upper - F.matmul(adjoint_of(F, LU[..., k:, :]), upstream[..., k:, :])
    turned = adjoint_of(F, square)
    inner = F.linalg_solve_triangular(turned, F.tril(of_lower, diagonal=-1) + F.triu(of_upper, diagonal=0), upper=True, unitriangular=True)
    result = F.linalg_solve_triangular(turned, inner, upper=False, left=False)
    if columns > k:
        result = F.cat([result, F.linalg_solve_triangular(turned, upstream[..., :, k:], upper=True, unitriangular=True)], dim=-1)
    if rows > k:
        result = F.cat([result, F.linalg_solve_triangular(turned, upstream[..., k:, :], upper=False, left=False)], dim=-2)
    return F.matmul(F.exchanges(pivots, rows=rows, dtype=LU.dtype), result)


@op("exchanges(pivots: Tensor, rows: int, dtype: DTypeLike) -> Tensor", kind="general", label="P",
    spec=lambda pivots, *, rows, dtype: Meta((*pivots.shape[:-1], rows, rows), as_dtype(dtype)), samples=[
        S(Arg(values=[3, 2, 3]), rows=3, dtype="float32"), S(Arg(values=[[2, 2], [1, 3]]), rows=3, dtype="float64"), S(Arg(values=[2]), rows=2, dtype="float64")])
def exchanges(xp: Any, pivots: Any, *, rows: int, dtype: Any) -> Any:
    """The permutation matrix P of ``A = P L U`` from the rows that were exchanged one after the other, counted from 1."""
    flat = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    matrices = xp.zeros((len(flat), rows, rows), dtype=as_dtype(dtype).dtype)
    matrices[:, xp.arange(rows), xp.arange(rows)] = 1
    for k in range(flat.shape[-1]):
        _exchange(xp, matrices, k, flat[:, k] - 1)
    return in_rows(xp, matrices.swapaxes(-1, -2)).reshape(*pivots.shape[:-1], rows, rows)


@op("unit_lower(input: Tensor) -> Tensor", kind="general", label="L", spec=lambda input: Meta(tuple(input.shape), as_dtype(input.dtype)),
    samples=[S((3, 3)), S((4, 2)), S((2, 3, 3)), S((0, 2))])
def unit_lower(xp: Any, input: Any) -> Any:
    """What lies below the diagonal, with ones on it."""
    return xp.tril(input, -1) + xp.eye(*input.shape[-2:], dtype=input.dtype)


@unit_lower.vjp("input")
def _(F: Any, g: Any) -> Any:
    return F.tril(g, diagonal=-1)


# --- what users call ----------------------------------------------------------------------------------------------


def _factored(F: Any, name: str, A: Any, pivot: bool, check: bool) -> Any:
    if not pivot:
        raise RuntimeError(f"linalg.{name}: LU without pivoting is not implemented on the CPU, because it is unstable (A {describe(A)}). Leave pivot=True")
    return F.lu_factors(A, name=name, check=check)


@composite("linalg_lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> tuple[Tensor, Tensor, Tensor]", places=LINALG)
def linalg_lu_factor_ex(F: Any, A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """Both triangles of ``A = P L U`` in one matrix, the pivots, and ``info``: 0, or the number of the first pivot that is zero. A named tuple.

    A is (..., m, n); what lies below the diagonal belongs to L, whose diagonal of ones is not kept, the rest is U. Row i was
    exchanged with row ``pivots[i] - 1``, in order. With ``check_errors`` it raises ``LinAlgError`` where a pivot is zero.
    """
    return CheckedFactors(*_factored(F, "lu_factor_ex", A, pivot, check_errors))


@composite("linalg_lu_factor(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor]", places=LINALG)
def linalg_lu_factor(F: Any, A: Any, *, pivot: bool = True) -> Any:
    """The triangles of ``A = P L U`` in one matrix and the pivots, for ``lu_solve``: a named tuple ``(LU, pivots)``; see ``lu_factor_ex``.

    Raises ``LinAlgError`` (a ``RuntimeError``) if a pivot is zero.

    >>> import autograd_core as ag
    >>> LU, pivots = ag.linalg.lu_factor(ag.tensor([[1.0, 2.0], [2.0, 1.0]]))
    >>> LU.tolist(), pivots.tolist()
    ([[2.0, 1.0], [0.5, 1.5]], [2, 2])
    """
    factors, pivots, _ = _factored(F, "lu_factor", A, pivot, True)
    return PackedFactors(factors, pivots)


@composite("lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> tuple[Tensor, Tensor, Tensor]", places=("torch",))
def lu_unpack(F: Any, LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """The matrices P, L and U that ``lu_factor`` packed: a named tuple ``(P, L, U)``. What is not asked for is an empty tensor."""
    rows, columns = LU_data.shape[-2:]
    k = min(rows, columns)
    nothing = F.reshape(detached(LU_data), shape=(-1,))[:0]
    P = F.exchanges(LU_pivots, rows=rows, dtype=LU_data.dtype) if unpack_pivots else nothing
    if not unpack_data:
        return Factors(P, nothing, nothing)
    return Factors(P, F.unit_lower(LU_data[..., :, :k]), F.triu(LU_data[..., :k, :], diagonal=0))


@composite("linalg_lu(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor, Tensor]", places=LINALG)
def linalg_lu(F: Any, A: Any, *, pivot: bool = True) -> Any:
    """``A = P L U`` with a permutation matrix P, a lower triangle L with ones on its diagonal and an upper triangle U: a named tuple.

    A is (..., m, n), L (..., m, k) and U (..., k, n) with k = min(m, n).

    >>> import autograd_core as ag
    >>> P, L, U = ag.linalg.lu(ag.tensor([[1.0, 2.0], [2.0, 1.0]]))
    >>> (P @ L @ U).tolist()
    [[1.0, 2.0], [2.0, 1.0]]
    """
    factors, pivots, _ = _factored(F, "lu", A, pivot, False)
    return F.lu_unpack(factors, pivots)


@composite("linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor", places=LINALG)
def linalg_lu_solve(F: Any, LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """X with A X = B, where ``lu_factor`` gave ``LU`` and ``pivots`` of A. ``left=False``: X A = B. ``adjoint``: A^H instead of A.

    >>> import autograd_core as ag
    >>> LU, pivots = ag.linalg.lu_factor(ag.tensor([[2.0, 0.0], [0.0, 4.0]]))
    >>> ag.linalg.lu_solve(LU, pivots, ag.tensor([[2.0], [8.0]])).tolist()
    [[1.0], [2.0]]
    """
    n = check_matrices("linalg.lu_solve", LU)[-1]
    if B.ndim < 2 or B.shape[-2 if left else -1] != n:
        raise ShapeError(f"linalg.lu_solve: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} (LU {describe(LU)}, B {describe(B)})")
    if tuple(pivots.shape) != tuple(LU.shape[:-1]):
        raise ShapeError(f"linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix (LU {describe(LU)}, pivots {describe(pivots)})")
    P = F.exchanges(pivots, rows=n, dtype=LU.dtype)
    solve: Any = F.linalg_solve_triangular
    if adjoint:
        turned = adjoint_of(F, LU)
        if left:
            return F.matmul(P, solve(turned, solve(turned, B, upper=False), upper=True, unitriangular=True))
        return solve(turned, solve(turned, F.matmul(B, P), upper=True, unitriangular=True, left=False), upper=False, left=False)
    if left:
        return solve(LU, solve(LU, F.matmul(F.transpose(P, dim0=-2, dim1=-1), B), upper=False, unitriangular=True), upper=True)
    lower = solve(LU, solve(LU, B, upper=True, left=False), upper=False, unitriangular=True, left=False)
    return F.matmul(lower, F.transpose(P, dim0=-2, dim1=-1))


@composite("lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any")
def lu(F: Any, A: Any, pivot: bool = True, get_infos: bool = False) -> Any:
    """The pair of ``linalg.lu_factor``, and with ``get_infos`` the number of the first pivot that is zero, or 0; singular matrices are no error."""
    found = _factored(F, "lu_factor_ex", A, pivot, False)
    return tuple(found) if get_infos else PackedFactors(*found[:2])


@composite("lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor")
def lu_solve(F: Any, b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """``linalg.lu_solve`` with the right-hand side first."""
    return F.linalg_lu_solve(LU_data, LU_pivots, b)


class Solved(NamedTuple):
    """The solution, and the number of the first pivot that is zero, or 0."""

    result: Any
    info: Any


@composite("linalg_solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> tuple[Tensor, Tensor]", places=LINALG)
def linalg_solve_ex(F: Any, A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """``linalg.solve`` with ``info``, a named tuple: where it is not 0 the matrix is singular and the result means nothing. With ``check_errors`` that is an error."""
    vector = B.ndim == 1 or tuple(B.shape) == tuple(A.shape[:-1])
    factors = _factored(F, "solve_ex", A, True, check_errors)
    result = F.linalg_lu_solve(factors[0], factors[1], F.unsqueeze(B, dim=-1 if left else -2) if vector else B, left=left)
    return Solved(F.squeeze(result, dim=-1 if left else -2) if vector else result, factors[2])


@op("counting(input: Tensor, length: int) -> Tensor", kind="general", spec=lambda input, *, length: Meta((length,), as_dtype(input.dtype)), samples=[S((2, 3), length=4)])
def counting(xp: Any, input: Any, *, length: int) -> Any:
    """0, 1, 2 and so on, in the dtype and on the device of ``input``."""
    return xp.arange(length, dtype=input.dtype)


@composite("linalg_vander(x: Tensor, *, N: int | None = None) -> Tensor", out=False, places=LINALG)
def linalg_vander(F: Any, x: Any, *, N: int | None = None) -> Any:
    """The powers 0 to ``N - 1`` of each element of ``x`` (..., n) as a last dimension; ``N`` is n by default.

    >>> import autograd_core as ag
    >>> ag.linalg.vander(ag.tensor([2.0, 3.0]), N=3).tolist()
    [[1.0, 2.0, 4.0], [1.0, 3.0, 9.0]]
    """
    if not x.ndim:
        raise RuntimeError("linalg.vander: Expected tensor with at least 1 dimension, got a tensor without dimensions")
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {count}")
    return F.pow(F.unsqueeze(x, dim=-1), F.counting(x, length=count))
