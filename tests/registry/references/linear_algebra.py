"""Linear algebra and Fourier transforms, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from .common import Reference


def each(function: Callable[..., Any], *arrays: Any) -> Any:
    """``function`` of the matrices one by one, as SciPy has it, over broadcast leading dimensions."""
    batch = np.broadcast_shapes(*(array.shape[:-2] for array in arrays))
    spread = [np.broadcast_to(array, batch + array.shape[-2:]) for array in arrays]
    if 0 in batch:
        return np.zeros((*batch, *np.asarray(function(*(np.eye(*array.shape[-2:]) for array in arrays))).shape))
    found = np.array([function(*(array[index] for array in spread)) for index in itertools.product(*map(range, batch))])
    return found.reshape(batch + found.shape[1:])


def permutation_sign(order: tuple[int, ...]) -> int:
    return (-1) ** sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order)))


def determinant(A: Any) -> Any:
    """Leibniz's sum over all permutations."""
    n = A.shape[-1]
    return sum(permutation_sign(order) * np.prod(A[..., range(n), order], axis=-1) for order in itertools.permutations(range(n))) + np.zeros(A.shape[:-2])


def minors(A: Any) -> Any:
    """The cofactor matrix from the determinants of all smaller matrices."""
    n = A.shape[-1]
    result = np.zeros(A.shape)
    for i, j in itertools.product(range(n), range(n)):
        result[..., i, j] = (-1) ** (i + j) * determinant(np.delete(np.delete(A, i, axis=-2), j, axis=-1))
    return result


def slope_of_minors(A: Any, direction: Any) -> Any:
    """The second derivative of the determinant: signed determinants without two rows and two columns."""
    n = A.shape[-1]
    result = np.zeros(A.shape)
    for (i, k), (j, m) in itertools.product(itertools.permutations(range(n), 2), itertools.permutations(range(n), 2)):
        sign = (-1) ** (i + j + k - (k > i) + m - (m > j))
        result[..., k, m] += direction[..., i, j] * sign * determinant(np.delete(np.delete(A, [i, k], axis=-2), [j, m], axis=-1))
    return result


def slogdet(A: Any) -> Any:
    value = determinant(A)
    return np.sign(value), np.log(np.abs(value))


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    if B.ndim == 1 or B.shape == A.shape[:-1]:
        return each(scipy.linalg.solve, A, B[..., None])[..., 0]
    return each(scipy.linalg.solve, A, B) if left else each(lambda a, b: scipy.linalg.solve(a.T, b.T).T, A, B)


def solve_triangular(input: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    def one(a: Any, b: Any) -> Any:
        if not a.size:
            return b
        found = scipy.linalg.solve_triangular(a if left else a.T, b if left else b.T, lower=upper is not left, unit_diagonal=unitriangular)
        return found if left else found.T

    return each(one, input, B)


def cholesky(input: Any, *, upper: bool = False, **attrs: Any) -> Any:
    return each(lambda a: scipy.linalg.cholesky(a, lower=not upper) if a.size else a, input)


def cholesky_inverse(L: Any, *, upper: bool = False) -> Any:
    triangle = np.triu(L) if upper else np.tril(L)
    return np.linalg.inv(triangle.swapaxes(-1, -2) @ triangle if upper else triangle @ triangle.swapaxes(-1, -2))


def cholesky_solve(input: Any, input2: Any, *, upper: bool = False) -> Any:
    return cholesky_inverse(input2, upper=upper) @ input


def tensorsolve(A: Any, B: Any, *, dims: Any = None) -> Any:
    return np.linalg.tensorsolve(A, B, axes=dims)


def pinv(A: Any, atol: Any = None, rtol: Any = None, *, hermitian: bool = False) -> Any:
    if not A.size:
        return np.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]))
    return each(lambda a: scipy.linalg.pinv(a, atol=atol or 0, rtol=rtol), A)


def rank(A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    def one(a: Any) -> Any:
        values = scipy.linalg.svd(a, compute_uv=False)
        relative = rtol if rtol is not None else 0 if atol else max(a.shape) * np.finfo(float).eps
        return np.sum(values > max(atol or 0, relative * values.max(initial=0)))

    return np.asarray(each(one, A)).astype(np.int64)


def lstsq(input: Any, b: Any, *, rcond: Any = None, driver: Any = None) -> Any:
    vector = b.shape == input.shape[:-1]
    B = b[..., None] if vector else b
    *batch, m, n = np.broadcast_shapes(input.shape[:-2], B.shape[:-2]) + input.shape[-2:]
    X = each(lambda a, y: scipy.linalg.lstsq(a, y, cond=rcond)[0], input, B)
    nothing = np.zeros(0)
    residuals = np.sum((input @ X - B) ** 2, axis=-2) if m > n and driver not in (None, "gelsy") else nothing
    values = np.broadcast_to(each(lambda a: scipy.linalg.svd(a, compute_uv=False), input), (*batch, min(m, n)))
    ranks = np.full(batch, min(m, n)) if driver != "gels" else np.zeros(0, dtype=np.int64)
    return X[..., 0] if vector else X, residuals, ranks, values if driver in ("gelsd", "gelss") else nothing


def power(A: Any, *, n: int) -> Any:
    return np.linalg.matrix_power(A, n)


def vector_norm(x: Any, *, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.linalg.vector_norm(x, ord=ord, axis=dim, keepdims=keepdim)


def matrix_norm(A: Any, *, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, dtype: Any = None) -> Any:
    return np.linalg.norm(A, ord=ord, axis=dim, keepdims=keepdim)


def norm(A: Any, *, ord: Any = None, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.linalg.norm(A, ord=ord, axis=dim, keepdims=keepdim)


def cond(A: Any, *, p: Any = None) -> Any:
    return np.linalg.cond(A, p)


def added(product: Callable[..., Any]) -> Reference:
    return lambda input, a, b, *, beta=1, alpha=1: beta * input + alpha * product(a, b)


def cross(input: Any, other: Any, *, dim: Any = None) -> Any:
    axis = next(d for d, size in enumerate(input.shape) if size == 3) if dim is None else dim
    return np.cross(input, other, axis=axis)


def no_info(shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, dtype=np.int32)


def packed(A: Any) -> tuple[Any, Any]:
    """SciPy's factors in one matrix; its pivots count from 0."""
    batch = A.shape[:-2]
    found = [scipy.linalg.lu_factor(A[index]) for index in itertools.product(*map(range, batch))]
    k = min(A.shape[-2:])
    return np.array([each[0] for each in found]).reshape(A.shape), np.array([each[1] + 1 for each in found], dtype=int).reshape(*batch, k)


def permutation(pivots: Any, rows: int) -> Any:
    """The matrix that undoes the exchanges of rows, one after the other."""
    matrices = np.zeros((*pivots.shape[:-1], rows, rows))
    for index in itertools.product(*map(range, pivots.shape[:-1])):
        order = list(range(rows))
        for k, other in enumerate(pivots[index]):
            order[k], order[int(other) - 1] = order[int(other) - 1], order[k]
        matrices[index] = np.eye(rows)[:, order]
    return matrices


def unpacked(LU: Any, pivots: Any, *, unpack_data: bool = True, unpack_pivots: bool = True) -> tuple[Any, Any, Any]:
    rows, columns = LU.shape[-2:]
    k = min(rows, columns)
    nothing = np.zeros(0)
    P = permutation(pivots, rows) if unpack_pivots else nothing
    return (P, np.tril(LU[..., :k], -1) + np.eye(rows, k), np.triu(LU[..., :k, :])) if unpack_data else (P, nothing, nothing)


def solved_by_factors(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    P, L, U = unpacked(LU, pivots)
    A = P @ L @ U
    A = A.conj().swapaxes(-1, -2) if adjoint else A
    return np.linalg.solve(A, B) if left else np.linalg.solve(A.swapaxes(-1, -2), B.swapaxes(-1, -2)).swapaxes(-1, -2)


def ldl(A: Any, *, hermitian: bool = False, check_errors: bool = False) -> tuple[Any, Any, Any]:
    """What LAPACK says."""
    batch, n = A.shape[:-2], A.shape[-1]
    (factorize,) = scipy.linalg.get_lapack_funcs(("hetrf" if hermitian else "sytrf",), (A,))
    found = [factorize(A[index], lower=1) if n else (A[index], np.zeros(0), 0) for index in itertools.product(*map(range, batch))]
    return np.array([np.tril(each[0]) for each in found]).reshape(A.shape), np.array([each[1] for each in found]).reshape(*batch, n), np.array([each[2] for each in found]).reshape(batch)


def ldl_product(LD: Any, pivots: Any, *, hermitian: bool = False) -> Any:
    """What was factorized, multiplied out step by step."""
    n = LD.shape[-1]
    matrices = []
    for index in itertools.product(*map(range, LD.shape[:-2])):
        W, D, k = np.eye(n), np.zeros((n, n), dtype=LD.dtype), 0
        while k < n:
            end = k + (1 if pivots[index][k] > 0 else 2)
            P, L = np.eye(n), np.eye(n, dtype=LD.dtype)
            other = abs(int(pivots[index][k])) - 1
            P[[end - 1, other]] = P[[other, end - 1]]
            L[end:, k:end] = LD[index][end:, k:end]
            W = W @ P @ L
            lower = np.tril(LD[index][k:end, k:end])
            D[k:end, k:end] = lower + np.tril(lower.conj() if hermitian else lower, -1).T
            k = end
        matrices.append(W @ D @ (W.conj() if hermitian else W).T)
    return np.array(matrices).reshape(LD.shape)


def solved_by_ldl(LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    return np.linalg.solve(ldl_product(LD, pivots, hermitian=hermitian), B)


REFERENCES: dict[str, Reference] = {
    "linalg_ldl_factor_ex": ldl, "linalg_ldl_factor": lambda A: ldl(A)[:2], "linalg_ldl_solve": solved_by_ldl, "ldl_product": ldl_product,
    "lu_factors": lambda A, **attrs: (*packed(A), no_info(A.shape[:-2])), "linalg_lu_factor_ex": lambda A, *, check_errors=False: (*packed(A), no_info(A.shape[:-2])), "linalg_lu_factor": packed,
    "linalg_lu": lambda A: unpacked(*packed(A)), "lu_unpack": unpacked, "linalg_lu_solve": solved_by_factors,
    "counting": lambda x, *, length: np.arange(length, dtype=x.dtype),
    "exchanges": lambda pivots, *, rows, dtype: permutation(pivots, rows), "unit_lower": lambda a: np.tril(a, -1) + np.eye(*a.shape[-2:]),
    "linalg_vander": lambda x, *, N=None: np.stack([x**i for i in range(x.shape[-1] if N is None else N)], axis=-1),
    "linalg_inv": lambda A: each(lambda a: scipy.linalg.inv(a) if a.size else a, A), "inverse": lambda A: each(scipy.linalg.inv, A),
    "linalg_inv_ex": lambda A, *, check_errors=False: (each(scipy.linalg.inv, A), no_info(A.shape[:-2])),
    "linalg_det": determinant, "det": determinant, "cofactors": minors, "cofactors_slope": slope_of_minors, "linalg_slogdet": slogdet, "slogdet": slogdet,
    "logdet": lambda A: np.log(determinant(A)), "linalg_solve": solve, "linalg_solve_triangular": solve_triangular,
    "cholesky_solve": cholesky_solve, "cholesky_inverse": cholesky_inverse, "linalg_cholesky": cholesky, "cholesky": cholesky,
    "linalg_cholesky_ex": lambda input, **attrs: (cholesky(input, **attrs), no_info(input.shape[:-2])),
    "linalg_tensorinv": lambda A, *, ind=2: np.linalg.tensorinv(A, ind), "linalg_tensorsolve": tensorsolve,
    "linalg_eigvalsh": lambda input, *, UPLO="L": each(lambda a: np.sort(np.roots(np.poly(a)).real) if a.size else np.zeros(0), input),
    "linalg_svdvals": lambda A: np.sqrt(np.maximum(each(
        lambda a: np.sort(np.roots(np.poly(a @ a.conj().T if a.shape[0] <= a.shape[1] else a.conj().T @ a)).real)[::-1] if a.size else np.zeros(0), A), 0)),
    "pseudo_inverse": pinv, "linalg_pinv": pinv, "pinverse": lambda input, *, rcond=1e-15: pinv(input, rtol=rcond), "linalg_matrix_rank": rank, "linalg_lstsq": lstsq,
    "matrix_exp": lambda input: scipy.linalg.expm(input) if input.size else input, "matrix_power": lambda input, *, n: power(input, n=n), "linalg_matrix_power": power,
    "linalg_vector_norm": vector_norm, "linalg_matrix_norm": matrix_norm, "linalg_norm": norm, "linalg_cond": cond,
    "vdot": np.vdot, "linalg_vecdot": lambda x, y, *, dim=-1: np.sum(x * y, axis=dim), "inner": np.inner, "kron": np.kron, "cross": cross,
    "linalg_cross": lambda input, other, *, dim=-1: np.cross(input, other, axis=dim), "linalg_diagonal": lambda A, *, offset=0, dim1=-2, dim2=-1: np.diagonal(A, offset, dim1, dim2),
    "addbmm": added(lambda a, b: np.einsum("bij,bjk->ik", a, b)), "addr": added(np.outer), "linalg_multi_dot": np.linalg.multi_dot,
    "chain_matmul": lambda *matrices: np.linalg.multi_dot(matrices) if len(matrices) > 1 else matrices[0],
}
UNIQUE_UP_TO_SIGNS = "unique up to signs: tests/test_linalg.py checks what is unique, the product of the factors and their orthogonality"
NO_REFERENCE: dict[str, str] = dict.fromkeys(("linalg_qr", "qr", "linalg_eigh", "linalg_eig", "linalg_eigvals", "linalg_svd", "svd"), UNIQUE_UP_TO_SIGNS)
