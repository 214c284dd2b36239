"""Linear algebra and Fourier transforms, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

import itertools
import math
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


def no_info(shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, dtype=np.int32)


REFERENCES: dict[str, Reference] = {
    "linalg_inv": lambda A: each(lambda a: scipy.linalg.inv(a) if a.size else a, A), "inverse": lambda A: each(scipy.linalg.inv, A),
    "linalg_inv_ex": lambda A, *, check_errors=False: (each(scipy.linalg.inv, A), no_info(A.shape[:-2])),
    "linalg_det": determinant, "det": determinant, "cofactors": minors, "cofactors_slope": slope_of_minors, "linalg_slogdet": slogdet, "slogdet": slogdet,
    "logdet": lambda A: np.log(determinant(A)), "linalg_solve": solve, "linalg_solve_triangular": solve_triangular,
    "cholesky_solve": cholesky_solve, "cholesky_inverse": cholesky_inverse, "linalg_cholesky": cholesky, "cholesky": cholesky,
    "linalg_cholesky_ex": lambda input, **attrs: (cholesky(input, **attrs), no_info(input.shape[:-2])),
    "linalg_tensorinv": lambda A, *, ind=2: np.linalg.tensorinv(A, ind), "linalg_tensorsolve": tensorsolve,
    "linalg_eigvalsh": lambda input, *, UPLO="L": each(lambda a: np.sort(np.roots(np.poly(a)).real) if a.size else np.zeros(0), input),
    "linalg_svdvals": lambda A: np.sqrt(np.maximum(each(
        lambda a: np.sort(np.roots(np.poly(a @ a.T if a.shape[0] <= a.shape[1] else a.T @ a)).real)[::-1] if a.size else np.zeros(0), A), 0)),
}
UNIQUE_UP_TO_SIGNS = "unique up to signs: tests/test_linalg.py checks what is unique, the product of the factors and their orthogonality"
NO_REFERENCE: dict[str, str] = dict.fromkeys(("linalg_qr", "qr", "linalg_eigh", "linalg_eig", "linalg_eigvals", "linalg_svd", "svd"), UNIQUE_UP_TO_SIGNS)
