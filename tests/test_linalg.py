"""Linear algebra by what defines it: products of factors, orthogonality, inverses, and derivatives by finite differences."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import autograd_core as ag
from autograd_core import Tensor, linalg
from autograd_core.errors import DtypeError, ShapeError
from autograd_core.gradcheck import gradcheck, gradgradcheck

DTYPES = ("float32", "float64", "complex64", "complex128")
CLOSE = {"float32": 2e-5, "complex64": 2e-5, "float64": 1e-12, "complex128": 1e-12}
SHAPES = [(3, 3), (4, 2), (2, 4), (2, 3, 3), (2, 1, 4, 3), (0, 3, 2), (2, 0, 3), (2, 3, 0)]


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray[Any, Any]:
    stream = np.random.default_rng(seed)
    made = stream.standard_normal(shape)
    return (made + 1j * stream.standard_normal(shape) if dtype.startswith("complex") else made).astype(dtype)


def adjoint(x: Any) -> Any:
    return x.swapaxes(-1, -2).conj()


def close(actual: Any, expected: Any, dtype: str, factor: float = 1.0) -> None:
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=factor * CLOSE[dtype], atol=factor * CLOSE[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("full", [False, True])
def test_singular_values_and_vectors(shape: tuple[int, ...], dtype: str, full: bool) -> None:
    A = numbers(shape, dtype)
    U, S, Vh = (each.numpy() for each in linalg.svd(Tensor(A), full_matrices=full))
    k = min(shape[-2:])
    assert U.shape == (*shape[:-1], shape[-2] if full else k)
    assert Vh.shape == (*shape[:-2], shape[-1] if full else k, shape[-1])
    assert S.dtype == A.real.dtype
    assert (S[..., :-1] >= S[..., 1:]).all()
    close(U[..., :k] * S[..., None, :] @ Vh[..., :k, :], A, dtype, 4)
    for columns in (U, adjoint(Vh)):
        close(adjoint(columns) @ columns, np.broadcast_to(np.eye(columns.shape[-1]), (*shape[:-2], columns.shape[-1], columns.shape[-1])), dtype, 4)
    close(linalg.svdvals(Tensor(A)).numpy(), S, dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
def test_orthogonal_and_triangular_factors(shape: tuple[int, ...], dtype: str, mode: str) -> None:
    A = numbers(shape, dtype)
    Q, R = (each.numpy() for each in linalg.qr(Tensor(A), mode=mode))
    np.testing.assert_array_equal(R, np.triu(R))
    if mode == "r":
        assert Q.shape == (0,)
        close(adjoint(R) @ R, adjoint(A) @ A, dtype, 20)
        return
    close(Q @ R, A, dtype, 4)
    close(adjoint(Q) @ Q, np.broadcast_to(np.eye(Q.shape[-1]), (*shape[:-2], Q.shape[-1], Q.shape[-1])), dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4), (0, 2, 2), (2, 0, 0)])
def test_eigenvalues_and_vectors(shape: tuple[int, ...], dtype: str) -> None:
    A = numbers(shape, dtype)
    H = A + adjoint(A)
    for triangle, other in (("L", np.triu), ("U", np.tril)):
        spoiled = H + np.where(other(np.ones(shape)) - np.broadcast_to(np.eye(shape[-1]), shape) > 0, 7, 0).astype(dtype)  # the triangle that is not read
        values, vectors = (each.numpy() for each in linalg.eigh(Tensor(spoiled), triangle))
        close(vectors * values[..., None, :] @ adjoint(vectors), H, dtype, 20)
        assert (values[..., :-1] <= values[..., 1:]).all()
        close(linalg.eigvalsh(Tensor(spoiled), triangle).numpy(), values, dtype, 10)
    values, vectors = (each.numpy() for each in linalg.eig(Tensor(A)))
    assert values.dtype == vectors.dtype == (A * 1j).dtype
    close(A @ vectors, vectors * values[..., None, :], (A * 1j).dtype.name, 20)
    close(np.linalg.norm(vectors, axis=-2), np.ones(shape[:-1]), dtype, 4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_real_matrix_with_real_eigenvalues_has_complex_ones_by_dtype(dtype: str) -> None:
    assert linalg.eigvals(Tensor(np.eye(2, dtype=dtype))).dtype.name == {"float32": "complex64", "complex64": "complex64"}.get(dtype, "complex128")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_four_equations_of_the_pseudo_inverse(shape: tuple[int, ...], dtype: str) -> None:
    A = numbers(shape, dtype)
    P = linalg.pinv(Tensor(A)).numpy()
    close(A @ P @ A, A, dtype, 20)
    close(P @ A @ P, P, dtype, 20)
    close(A @ P, adjoint(A @ P), dtype, 20)
    close(P @ A, adjoint(P @ A), dtype, 20)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 8.0])
def test_the_exponential_equals_scipys(scale: float, dtype: str) -> None:
    A = scale * numbers((3, 5, 5), dtype)
    expected = scipy.linalg.expm(A.astype("complex128"))
    actual = linalg.matrix_exp(Tensor(A)).numpy()
    assert actual.dtype == A.dtype
    assert (np.abs(actual - expected).max(axis=(1, 2)) <= 200 * max(scale, 1) * np.finfo(A.dtype).eps * np.abs(expected).max(axis=(1, 2))).all()


def test_matrices_of_very_different_sizes_have_exponentials_of_their_own() -> None:
    A = np.array([1e-8, 1.0, 30.0])[:, None, None] * numbers((3, 3), "float64")
    for one, each in zip(A, linalg.matrix_exp(Tensor(A)).numpy(), strict=True):
        np.testing.assert_allclose(each, scipy.linalg.expm(one), rtol=1e-11, atol=1e-13 * np.abs(each).max())
    np.testing.assert_allclose(linalg.matrix_exp(Tensor(A))[0].numpy(), np.eye(3) + A[0] + A[0] @ A[0] / 2, rtol=1e-15, atol=1e-15)
    assert np.isnan(linalg.matrix_exp(Tensor(np.full((2, 2), np.inf))).numpy()).all()


# --- derivatives --------------------------------------------------------------------------------------------------


def checked(function: Any, *arrays: Any) -> None:
    inputs = [Tensor(array, requires_grad=True) for array in arrays]
    assert gradcheck(function, inputs, atol=1e-6, rtol=1e-5)
    assert gradgradcheck(function, inputs, atol=1e-5, rtol=1e-4)


def of(function: Any) -> Any:
    """A function of a Hermitian matrix."""
    return lambda A: function(A + A.transpose(-2, -1).conj())


SINGULAR = [np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]), np.diag([2.0, 1.0, 0.0, 3.0]), np.diag([2.0, 0.0, 0.0]), np.zeros((2, 2)),
            np.array([np.eye(2), np.ones((2, 2))])]


@pytest.mark.parametrize("A", SINGULAR, ids=range(len(SINGULAR)))
def test_determinants_of_singular_matrices_have_derivatives(A: Any) -> None:
    checked(linalg.det, A)
    checked(linalg.det, A + 0j)


def test_the_gradient_of_a_determinant_is_the_matrix_of_cofactors() -> None:
    A = Tensor(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]), requires_grad=True)
    linalg.det(A).backward()
    expected = [[(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(A.detach().numpy(), i, 0), j, 1)) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(A.grad.numpy(), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 2, 3)])
def test_derivatives_of_what_does_not_depend_on_signs(shape: tuple[int, ...], dtype: str) -> None:
    A = numbers(shape, dtype, 3)

    def of_svd(A: Any) -> Any:
        U, S, Vh = linalg.svd(A, full_matrices=False)
        return (U * S.sin().unsqueeze(-2)) @ Vh, S

    def of_qr(A: Any) -> Any:
        Q, R = linalg.qr(A)
        return Q @ (Q.transpose(-2, -1).conj() @ (A * A)), R.abs()

    checked(of_svd, A)
    checked(of_qr, A)
    checked(linalg.svdvals, A)
    checked(linalg.pinv, A)
    if shape[-1] == shape[-2]:
        def of_eigh(H: Any) -> Any:
            values, vectors = linalg.eigh(H)
            return (vectors * values.cos().unsqueeze(-2)) @ vectors.transpose(-2, -1).conj()

        for function in (of_eigh, linalg.eigvalsh, lambda H: linalg.cholesky(H @ H)):
            checked(of(function), A)
        for function in (linalg.inv, linalg.matrix_exp, lambda A: linalg.slogdet(A)[1], lambda A: linalg.slogdet(A)[0] if dtype == "complex128" else linalg.det(A)):
            checked(function, A)


def test_repeated_eigenvalues_have_gradients_of_their_sums() -> None:
    A = Tensor(np.eye(3), requires_grad=True)
    linalg.eigvalsh(A).sum().backward()
    np.testing.assert_allclose(A.grad.numpy(), np.eye(3), atol=1e-15)
    B = Tensor(np.eye(3), requires_grad=True)
    linalg.svdvals(B).sum().backward()
    np.testing.assert_allclose(B.grad.numpy(), np.eye(3), atol=1e-15)


def test_a_pseudo_inverse_of_low_rank_has_a_gradient_along_its_rank() -> None:
    left, right = numbers((4, 2), "float64"), numbers((2, 3), "float64", 1)
    checked(lambda a, b: linalg.pinv(a @ b, rtol=1e-6), left, right)


# --- orders of multiplication -------------------------------------------------------------------------------------


def test_chains_are_multiplied_in_the_cheapest_order() -> None:
    from autograd_core.ops.products import _best_split

    def cost(sizes: Any, i: int, j: int) -> int:
        return 0 if i == j else min(cost(sizes, i, k) + cost(sizes, k + 1, j) + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j))

    def found(sizes: Any, split: Any, i: int, j: int) -> int:
        if i == j:
            return 0
        k = split[i, j]
        return found(sizes, split, i, k) + found(sizes, split, k + 1, j) + sizes[i] * sizes[k + 1] * sizes[j + 1]

    for sizes in itertools.permutations([1, 3, 5, 10, 20]):
        assert found(sizes, _best_split(list(sizes)), 0, 3) == cost(sizes, 0, 3)


# --- errors -------------------------------------------------------------------------------------------------------


def test_messages_name_the_matrix_and_the_cause() -> None:
    with pytest.raises(linalg.LinAlgError, match=r"^linalg\.inv: \(Batch element 1\): The diagonal element 2 is zero, .* \(A \(2, 2, 2\) float64\)$"):
        linalg.inv(Tensor(np.array([np.eye(2), np.ones((2, 2))])))
    with pytest.raises(ShapeError, match=r"^linalg\.det: A must be batches of square matrices, but they are 2 by 3 matrices \(A \(2, 3\) float64\)"):
        linalg.det(Tensor(np.ones((2, 3))))
    with pytest.raises(DtypeError, match=r"^linalg\.svd: Expected a floating point or complex tensor as input\. Got int64 .*\.float\(\)"):
        linalg.svd(ag.ones(2, 2, dtype=ag.int64))
    with pytest.raises(DtypeError, match="expected operands of the same dtype, but got float32 and float64"):
        linalg.solve(ag.eye(2), ag.ones(2, dtype=ag.float64))
    with pytest.raises(linalg.LinAlgError, match="leading minor of order 3"):
        linalg.cholesky(Tensor(np.diag([1.0, 1.0, -1.0])))


@pytest.mark.parametrize("name", ["svd", "svdvals", "eig", "eigvals", "pinv", "matrix_rank"])
def test_what_does_not_converge_says_why(name: str) -> None:
    A = Tensor(np.array([np.eye(2), [[1.0, np.nan], [np.nan, 1.0]]]), requires_grad=True)
    with pytest.raises(linalg.LinAlgError, match=r"^linalg\.\w+: \(Batch element 1\): The algorithm failed to converge because the input matrix contained non-finite values"):
        getattr(linalg, name)(A)


def test_a_failed_factorization_changes_nothing() -> None:
    A = Tensor(np.ones((2, 2)), requires_grad=True)
    with pytest.raises(linalg.LinAlgError):
        linalg.inv(A * 1)
    assert A.grad is None
    assert A.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_the_condition_of_a_singular_matrix_is_infinite() -> None:
    with np.errstate(divide="ignore"):
        for p in (None, "fro", "nuc", 1, math.inf):
            assert linalg.cond(Tensor(np.diag([1.0, 0.0])), p).item() == math.inf
