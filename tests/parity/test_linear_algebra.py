"""Linear algebra against PyTorch over batches, empty batches, dtypes and keywords: the same lines run in both libraries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_core as ag
from autograd_core import Tensor, autograd

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:Casting complex values to real:UserWarning")  # inside PyTorch's own gradients

CLOSE = {"float32": 2e-3, "complex64": 2e-3, "float64": 1e-9, "complex128": 1e-9}
DTYPES = st.sampled_from(list(CLOSE))
BATCHES = st.lists(st.integers(0, 3), max_size=2).map(tuple)
INF = math.inf

Line = Callable[..., Any]


def adjoint(x: Any) -> Any:
    return x.transpose(-2, -1).conj()


def hermitian(x: Any) -> Any:
    return x + adjoint(x)


def definite(m: Any, x: Any) -> Any:
    return m.matmul(x, adjoint(x))


def numbers(stream: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    made = stream.standard_normal(shape)
    return (made + 1j * stream.standard_normal(shape) if dtype.startswith("complex") else made).astype(dtype)


def regular(stream: np.random.Generator, batch: tuple[int, ...], m: int, n: int, dtype: str) -> np.ndarray[Any, Any]:
    """Matrices with singular values well apart from each other and from 0."""
    k = min(m, n)
    left, right = (np.linalg.qr(numbers(stream, (*batch, size, size), dtype))[0] for size in (m, n))
    return (left[..., :, :k] * (1 + 0.6 * np.arange(k)) @ right[..., :k, :]).astype(dtype)


def outputs(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def host(x: Any) -> Any:
    return x.detach().resolve_conj().resolve_neg().numpy(force=True) if isinstance(x, torch.Tensor) else x.detach().numpy()


def same(actual: Any, expected: Any, tolerance: float, what: str) -> None:
    actual, expected = host(actual), host(expected)
    assert actual.shape == expected.shape, what
    assert actual.dtype == expected.dtype, what
    if actual.size:
        scale = max(1.0, float(np.abs(expected).max())) if np.isfinite(expected).all() else 1.0
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def agree(line: Line, arrays: list[Any], *, second: bool = True) -> None:
    """Equal values and equal first and second derivatives."""
    tolerance = CLOSE[arrays[0].dtype.name]
    mine, others = [Tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    actual, expected = outputs(line(ag, *mine)), outputs(line(torch, *others))
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        same(a, e, tolerance, f"output {i}")
    stream = np.random.default_rng(4)
    kept = [(a, e) for a, e in zip(actual, expected, strict=True) if e.requires_grad]
    if not kept:
        return
    seeds = [numbers(stream, tuple(e.shape), host(e).dtype.name) for _, e in kept]
    found = autograd.grad([a for a, _ in kept], mine, [Tensor(seed) for seed in seeds], create_graph=second, materialize_grads=True)
    wanted = torch.autograd.grad([e for _, e in kept], others, [torch.tensor(seed) for seed in seeds], create_graph=second, materialize_grads=True)
    for i, (a, e) in enumerate(zip(found, wanted, strict=True)):
        same(a, e, 10 * tolerance, f"gradient {i}")
    kept = [(a, e) for a, e in zip(found, wanted, strict=True) if e.requires_grad]
    if not second or not kept:
        return
    seeds = [numbers(stream, tuple(e.shape), host(e).dtype.name) for _, e in kept]
    bent = [(a, Tensor(seed)) for (a, _), seed in zip(kept, seeds, strict=True) if a.requires_grad]  # a constant slope has no graph here
    found = autograd.grad([a for a, _ in bent], mine, [seed for _, seed in bent], materialize_grads=True) if bent else [x.detach() * 0 for x in mine]
    wanted = torch.autograd.grad([e for _, e in kept], others, [torch.tensor(seed) for seed in seeds], materialize_grads=True)
    for i, (a, e) in enumerate(zip(found, wanted, strict=True)):
        same(a, e, 100 * tolerance, f"second gradient {i}")


# --- square matrices ----------------------------------------------------------------------------------------------


def of_eigh(m: Any, A: Any, triangle: str = "L") -> Any:
    values, vectors = m.linalg.eigh(hermitian(A), triangle)
    weights = m.cos(values)
    return values, m.matmul(vectors * weights.unsqueeze(-2), adjoint(vectors))


def of_eig(m: Any, A: Any) -> Any:
    values, vectors = m.linalg.eig(A)
    magnitude = (vectors * vectors.conj()).real
    return (values * values).sum(-1), (values.unsqueeze(-2) * magnitude).sum(-1)


def of_svd(m: Any, A: Any) -> Any:
    U, S, Vh = m.linalg.svd(A, full_matrices=False)
    return S, m.matmul(U * m.sin(S).unsqueeze(-2), Vh), m.matmul(U * S.unsqueeze(-2), adjoint(U)), m.matmul(adjoint(Vh) * S.unsqueeze(-2), Vh)


def of_full_svd(m: Any, A: Any) -> Any:
    k = min(A.shape[-2:])
    U, S, Vh = m.linalg.svd(A)
    return S, m.matmul(U[..., :k] * m.cos(S).unsqueeze(-2), Vh[..., :k, :])


def by_factors(m: Any, A: Any, **how: Any) -> Any:
    """A system solved by the factors of its matrix."""
    return m.linalg.lu_solve(*m.linalg.lu_factor(A), A.transpose(-2, -1), **how)


SQUARE: dict[str, Line] = {
    "lu_factor": lambda m, A: m.linalg.lu_factor(A), "lu_factor_ex": lambda m, A: m.linalg.lu_factor_ex(A), "lu": lambda m, A: m.linalg.lu(A),
    "lu_unpack": lambda m, A: m.lu_unpack(*m.linalg.lu_factor(A)), "lu_solve": by_factors, "lu_solve adjoint": lambda m, A: by_factors(m, A, adjoint=True),
    "lu_solve right": lambda m, A: by_factors(m, A, left=False), "lu_solve right adjoint": lambda m, A: by_factors(m, A, left=False, adjoint=True),
    "inv": lambda m, A: m.linalg.inv(A), "inverse": lambda m, A: m.inverse(A), "inv_ex": lambda m, A: m.linalg.inv_ex(A), "det": lambda m, A: m.linalg.det(A),
    "slogdet": lambda m, A: m.linalg.slogdet(A), "logdet": lambda m, A: m.logdet(definite(m, A)), "cholesky": lambda m, A: m.linalg.cholesky(definite(m, A)),
    "cholesky upper": lambda m, A: m.linalg.cholesky(definite(m, A), upper=True), "cholesky_ex": lambda m, A: m.linalg.cholesky_ex(definite(m, A)),
    "cholesky_inverse": lambda m, A: m.cholesky_inverse(m.linalg.cholesky(definite(m, A))), "eigh": of_eigh, "eigh upper": lambda m, A: of_eigh(m, A, "U"),
    "eigvalsh": lambda m, A: m.linalg.eigvalsh(hermitian(A)), "matrix_exp": lambda m, A: m.linalg.matrix_exp(A), "matrix_exp scaled": lambda m, A: m.linalg.matrix_exp(A * 4),
    "matrix_power": lambda m, A: m.linalg.matrix_power(A, 3), "matrix_power negative": lambda m, A: m.matrix_power(A, -2), "matrix_power zero": lambda m, A: m.matrix_power(A, 0),
    "pinv hermitian": lambda m, A: m.linalg.pinv(hermitian(A) + 9 * m.eye(A.shape[-1], dtype=A.dtype), hermitian=True), "cond": lambda m, A: m.linalg.cond(A),
    "cond -2": lambda m, A: m.linalg.cond(A, -2), "triangular": lambda m, A: m.linalg.solve_triangular(A, A.transpose(-2, -1), upper=True),
}


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(list(SQUARE)), batch=BATCHES, n=st.integers(1, 4), dtype=DTYPES, seed=st.integers(0, 999))
def test_square_matrices(name: str, batch: tuple[int, ...], n: int, dtype: str, seed: int) -> None:
    agree(SQUARE[name], [regular(np.random.default_rng(seed), batch, n, n, dtype)], second=dtype in ("float64", "complex128"))


@pytest.mark.parametrize("name", SQUARE)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_each_function_of_square_matrices(name: str, dtype: str) -> None:
    agree(SQUARE[name], [regular(np.random.default_rng(1), (2,), 3, 3, dtype)])


@pytest.mark.parametrize("batch", [(), (2, 1)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_eigenvalues_of_general_matrices(dtype: str, batch: tuple[int, ...]) -> None:
    arrays = [regular(np.random.default_rng(3), batch, 4, 4, dtype)]
    agree(of_eig, arrays)
    agree(lambda m, A: m.exp(m.linalg.eigvals(A)).sum(-1), arrays)


# --- any matrices -------------------------------------------------------------------------------------------------


def of_qr(m: Any, A: Any, mode: str = "reduced") -> Any:
    Q, R = m.linalg.qr(A, mode)
    return m.matmul(Q * 2, m.cos(R.real)) if not R.is_complex() else (m.matmul(Q, m.matmul(adjoint(Q), A * A)), m.matmul(adjoint(R), R * R.conj()))


RECTANGULAR: dict[str, Line] = {
    "svd": of_svd, "svd of full matrices": of_full_svd, "svdvals": lambda m, A: m.linalg.svdvals(A), "qr": of_qr, "pinv": lambda m, A: m.linalg.pinv(A),
    "pinv with a tolerance": lambda m, A: m.linalg.pinv(A, atol=1.3), "pinv with a relative one": lambda m, A: m.linalg.pinv(A, rtol=0.7), "pinverse": lambda m, A: m.pinverse(A),
    "matrix_rank": lambda m, A: m.linalg.matrix_rank(A.detach(), atol=1.3), "cond": lambda m, A: m.linalg.cond(A, 2),
    **{f"norm {order}": lambda m, A, order=order: m.linalg.matrix_norm(A, order) for order in ("fro", "nuc", 2, -2, 1, -1, INF, -INF)},
    "norm of dims": lambda m, A: m.linalg.matrix_norm(A.unsqueeze(0), 1, dim=(-1, 0), keepdim=True), "norm": lambda m, A: m.linalg.norm(A),
    "norm of rows": lambda m, A: m.linalg.norm(A, 3, dim=-1, keepdim=True), "diagonal": lambda m, A: m.linalg.diagonal(A, offset=1),
    **{f"vector_norm {order}": lambda m, A, order=order: m.linalg.vector_norm(A, order, dim=-1) for order in (0, 1, 2, 2.5, 3, 0.5, INF, -INF, -1)},
}


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(list(RECTANGULAR)), batch=BATCHES, m=st.integers(1, 4), n=st.integers(1, 4), dtype=DTYPES, seed=st.integers(0, 999))
def test_rectangular_matrices(name: str, batch: tuple[int, ...], m: int, n: int, dtype: str, seed: int) -> None:
    agree(RECTANGULAR[name], [regular(np.random.default_rng(seed), batch, m, n, dtype)], second=dtype in ("float64", "complex128"))


@pytest.mark.parametrize("name", RECTANGULAR)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 2, 3)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_each_function_of_rectangular_matrices(name: str, shape: tuple[int, ...], dtype: str) -> None:
    agree(RECTANGULAR[name], [regular(np.random.default_rng(2), shape[:-2], *shape[-2:], dtype)])


# --- systems ------------------------------------------------------------------------------------------------------

SYSTEMS: dict[str, Line] = {
    "solve": lambda m, A, B: m.linalg.solve(A, B), "from the right": lambda m, A, B: m.linalg.solve(A, B.transpose(-2, -1), left=False),
    **{f"triangular {upper} {left} {unit}": lambda m, A, B, upper=upper, left=left, unit=unit: m.linalg.solve_triangular(
        A, B if left else B.transpose(-2, -1), upper=upper, left=left, unitriangular=unit) for upper in (False, True) for left in (False, True) for unit in (False, True)},
    "cholesky_solve": lambda m, A, B: m.cholesky_solve(B, m.linalg.cholesky(definite(m, A))),
    "cholesky_solve upper": lambda m, A, B: m.cholesky_solve(B, m.linalg.cholesky(definite(m, A), upper=True), upper=True),
}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(list(SYSTEMS)), n=st.integers(1, 4), k=st.integers(0, 3), dtype=DTYPES)
def test_systems_broadcast(data: Any, name: str, n: int, k: int, dtype: str) -> None:
    batch = data.draw(BATCHES)
    first, second = (tuple(1 if data.draw(st.booleans()) else size for size in batch) for _ in range(2))
    first = first[data.draw(st.integers(0, len(first))):]
    stream = np.random.default_rng(data.draw(st.integers(0, 99)))
    agree(SYSTEMS[name], [regular(stream, first, n, n, dtype), numbers(stream, (*second, n, k), dtype)], second=dtype in ("float64", "complex128"))


@pytest.mark.parametrize("shapes", [((3, 3), (3,)), ((2, 3, 3), (3,)), ((2, 3, 3), (2, 3)), ((3, 3, 3), (3, 3)), ((2, 1, 3, 3), (2, 1, 3)), ((0, 3, 3), (0, 3))])
def test_solving_for_vectors(shapes: Any) -> None:
    stream = np.random.default_rng(5)
    agree(lambda m, A, b: m.linalg.solve(A, b), [regular(stream, shapes[0][:-2], 3, 3, "float64"), numbers(stream, shapes[1], "float64")])


@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shapes", [((4, 2), (4, 3)), ((2, 4), (2, 3)), ((2, 4, 2), (2, 4, 1)), ((2, 4, 2), (2, 4)), ((3, 3), (3, 1)), ((0, 4, 2), (0, 4, 1))])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_least_squares(shapes: Any, driver: Any, dtype: str) -> None:
    stream = np.random.default_rng(6)
    arrays = [regular(stream, shapes[0][:-2], *shapes[0][-2:], dtype), numbers(stream, shapes[1], dtype)]
    agree(lambda m, A, B: m.linalg.lstsq(A, B, driver=driver), arrays, second=False)
    agree(lambda m, A, B: m.linalg.lstsq(A, B, driver=driver)[0], arrays)


def test_tolerances_as_tensors() -> None:
    A = regular(np.random.default_rng(7), (2,), 3, 3, "float64")
    for options in ({"atol": [1.3, 0.1]}, {"rtol": [0.1, 0.7]}, {"atol": [0.0, 1.5], "rtol": [0.5, 0.0]}):
        for name in ("pinv", "matrix_rank"):
            mine = getattr(ag.linalg, name)(Tensor(A), **{key: Tensor(np.array(value)) for key, value in options.items()})
            same(mine, getattr(torch.linalg, name)(torch.tensor(A), **{key: torch.tensor(value, dtype=torch.float64) for key, value in options.items()}), 1e-10, name)


# --- products -----------------------------------------------------------------------------------------------------

PRODUCTS: dict[str, tuple[Line, list[tuple[int, ...]]]] = {
    "matmul": (lambda m, a, b: m.linalg.matmul(a, b), [(2, 3, 4), (4, 2)]), "mm": (lambda m, a, b: m.mm(a, b), [(2, 3), (3, 2)]), "bmm": (lambda m, a, b: m.bmm(a, b), [(2, 2, 3), (2, 3, 1)]),
    "mv": (lambda m, a, b: m.mv(a, b), [(2, 3), (3,)]), "dot": (lambda m, a, b: m.dot(a, b), [(3,), (3,)]), "vdot": (lambda m, a, b: m.vdot(a, b), [(3,), (3,)]),
    "vecdot": (lambda m, a, b: m.linalg.vecdot(a, b, dim=0), [(3, 2), (3, 1)]), "outer": (lambda m, a, b: m.outer(a, b), [(3,), (2,)]), "ger": (lambda m, a, b: m.ger(a, b), [(3,), (2,)]),
    "inner": (lambda m, a, b: m.inner(a, b), [(2, 3), (4, 2, 3)]), "kron": (lambda m, a, b: m.kron(a, b), [(2, 3), (2, 2, 1)]),
    "cross": (lambda m, a, b: m.linalg.cross(a, b, dim=1), [(2, 3, 1), (1, 3, 4)]), "cross of dims": (lambda m, a, b: m.cross(a, b), [(2, 3), (2, 3)]),
    "addmm": (lambda m, a, b, c: m.addmm(a, b, c, beta=0.5, alpha=2), [(3,), (2, 3), (3, 3)]), "addmv": (lambda m, a, b, c: m.addmv(a, b, c, beta=2), [(2,), (2, 3), (3,)]),
    "addr": (lambda m, a, b, c: m.addr(a, b, c, alpha=0.5), [(2, 1), (2,), (3,)]), "addbmm": (lambda m, a, b, c: m.addbmm(a, b, c, beta=0.5, alpha=2), [(2, 1), (4, 2, 3), (4, 3, 2)]),
    "baddbmm": (lambda m, a, b, c: m.baddbmm(a, b, c, beta=0.5, alpha=2), [(4, 2, 1), (4, 2, 3), (4, 3, 2)]), "beta 0": (lambda m, a, b, c: m.addmm(a, b, c, beta=0), [(2, 3), (2, 3), (3, 3)]),
    "tensordot": (lambda m, a, b: m.tensordot(a, b, dims=([0, 2], [1, 0])), [(2, 3, 4), (4, 2, 5)]), "tensordot that broadcasts": (lambda m, a, b: m.tensordot(a, b, dims=([0, 1], [1, 0])), [(2, 1, 4), (3, 2)]), "multi_dot": (lambda m, *a: m.linalg.multi_dot(a), [(3,), (3, 4), (4, 2), (2,)]),
    "chain_matmul": (lambda m, a, b, c: m.chain_matmul(a, b, c), [(2, 3), (3, 4), (4, 2)]), "trace": (lambda m, a: m.trace(a), [(3, 4)]),
    "tensorinv": (lambda m, a: m.linalg.tensorinv(a), [(2, 3, 6)]), "tensorsolve": (lambda m, a, b: m.linalg.tensorsolve(a, b, dims=(0,)), [(6, 2, 3), (2, 3)]),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's chain_matmul is deprecated there
@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_products(name: str, dtype: str) -> None:
    line, shapes = PRODUCTS[name]
    stream = np.random.default_rng(8)
    agree(line, [numbers(stream, shape, dtype) for shape in shapes])


EQUATIONS = [
    ("ij,jk", [(2, 3), (3, 4)]), ("...ij,...jk->...ik", [(4, 1, 2, 3), (5, 3, 2)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("iij->ji", [(3, 3, 2)]), ("ij,ij,jk->k", [(2, 3), (2, 3), (3, 2)]),
    ("i,j,k->kji", [(2,), (3,), (2,)]), ("...i,i->...", [(2, 3, 4), (4,)]), ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]), ("ij->", [(2, 3)]), ("i...->...", [(2, 3)]), ("ij,j->ij", [(0, 3), (3,)]),
    ("ab,b c -> ac", [(2, 3), (3, 2)]), ("aab,bcc->ac", [(2, 2, 3), (3, 2, 2)]), ("ij,kl->il", [(2, 1), (3, 2)]), ("...,...->...", [(2, 3), (3,)]),
]


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: case[0])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_einsum(case: Any, dtype: str) -> None:
    stream = np.random.default_rng(9)
    agree(lambda m, *operands: m.einsum(case[0], *operands), [numbers(stream, shape, dtype) for shape in case[1]])


def test_einsum_by_lists_of_numbers() -> None:
    stream = np.random.default_rng(10)
    arrays = [numbers(stream, shape, "float64") for shape in ((2, 4, 3), (3, 2))]
    agree(lambda m, a, b: m.einsum(a, [0, ..., 1], b, [1, 2], [..., 2, 0]), arrays)
    agree(lambda m, a, b: m.einsum(a, [0, 3, 1], b, [1, 2]), arrays)
    agree(lambda m, a, b: m.einsum("iaj,jk", [a, b]), arrays)
    for module, lift in ((ag, Tensor), (torch, torch.tensor)):
        with pytest.raises(ValueError, match="valid range"):
            module.einsum(lift(arrays[1]), [0, 52])


def test_a_factor_of_nothing_does_not_count() -> None:
    nan = np.full((2, 2), np.nan)
    for module, lift in ((ag, Tensor), (torch, torch.tensor)):
        assert np.isfinite(host(module.addmm(lift(nan), lift(np.eye(2)), lift(np.eye(2)), beta=0))).all()
        assert np.isfinite(host(module.linalg.matrix_power(lift(nan), 0))).all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 3), (0, 2, 2)])
def test_norms_of_nothing(shape: tuple[int, ...]) -> None:
    A = np.zeros(shape)
    for order in ("fro", "nuc", 1, -1, 2, -2, INF, -INF):
        for name in ("matrix_norm", "cond"):
            try:
                expected = getattr(torch.linalg, name)(torch.tensor(A), order)
            except (RuntimeError, IndexError):
                with pytest.raises((RuntimeError, IndexError)):
                    getattr(ag.linalg, name)(Tensor(A), order)
            else:
                same(getattr(ag.linalg, name)(Tensor(A), order), expected, 0, f"{name} {order}")


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_products_of_integers(dtype: str) -> None:
    a = np.arange(6).reshape(2, 3).astype(dtype)
    lines = [lambda m, a: m.kron(a, a), lambda m, a: m.inner(a, a), lambda m, a: m.outer(a[0], a[1]), lambda m, a: m.trace(a), lambda m, a: m.matrix_power(a[:, :2], 3),
             lambda m, a: m.linalg.multi_dot([a, a.T, a]), lambda m, a: m.einsum("ij,kj->ik", a, a), lambda m, a: m.addmm(a[:, :2], a, a.T, beta=2, alpha=3)]
    for line in lines:
        same(line(ag, Tensor(a)), line(torch, torch.tensor(a)), 0, dtype)


# --- singular and bad input ---------------------------------------------------------------------------------------

SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
BATCH = np.array([np.eye(2), SINGULAR])
REFUSED: dict[str, Line] = {
    "inv": lambda m, A: m.linalg.inv(A), "solve": lambda m, A: m.linalg.solve(A, A), "cholesky": lambda m, A: m.linalg.cholesky(A - 5 * m.eye(2, dtype=A.dtype)),
    "inverse": lambda m, A: m.inverse(A), "matrix_power": lambda m, A: m.linalg.matrix_power(A, -1), "cholesky_ex": lambda m, A: m.linalg.cholesky_ex(-A, check_errors=True),
}


@pytest.mark.parametrize("array", [SINGULAR, BATCH, BATCH[None]], ids=["one", "batch", "batches"])
@pytest.mark.parametrize("name", REFUSED)
def test_singular_matrices_are_refused_in_pytorchs_words(name: str, array: Any) -> None:
    with pytest.raises(torch.linalg.LinAlgError) as theirs:
        REFUSED[name](torch, torch.tensor(array))
    with pytest.raises(ag.linalg.LinAlgError) as mine:
        REFUSED[name](ag, Tensor(array))
    assert isinstance(mine.value, RuntimeError)
    said = str(theirs.value).removeprefix("torch.").rstrip(".")
    assert str(mine.value).startswith(said)


def test_what_singular_matrices_have() -> None:
    a, b = Tensor(BATCH), torch.tensor(BATCH)
    for name in ("det", "slogdet", "svdvals", "matrix_rank", "pinv", "eigvalsh"):
        for mine, theirs in zip(outputs(getattr(ag.linalg, name)(a)), outputs(getattr(torch.linalg, name)(b)), strict=True):
            same(mine, theirs, 1e-12, name)
    for order in (1, -1, INF, "fro"):
        same(ag.linalg.cond(a, order), torch.linalg.cond(b, order), 1e-12, "cond")
    same(ag.linalg.inv_ex(a).info, torch.linalg.inv_ex(b).info, 0, "info")
    same(ag.linalg.cholesky_ex(-a).info, torch.linalg.cholesky_ex(-b).info, 0, "info")
    x, y = Tensor(SINGULAR, requires_grad=True), torch.tensor(SINGULAR, requires_grad=True)
    ag.linalg.slogdet(x)[1].backward()
    torch.linalg.slogdet(y)[1].backward()
    assert np.isinf(host(x.grad)).all()
    assert np.isinf(host(y.grad)).all()


def test_triangles_with_a_zero_on_the_diagonal() -> None:
    A, B = np.array([[[1.0, 2.0], [0.0, 0.0]], [[2.0, 1.0], [1.0, 1.0]]]), np.array([[1.0, 0.0], [3.0, 1.0]])
    for upper in (True, False):
        same(ag.linalg.solve_triangular(Tensor(A), Tensor(B), upper=upper), torch.linalg.solve_triangular(torch.tensor(A), torch.tensor(B), upper=upper), 1e-12, "solution")


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals", "qr", "pinv", "matrix_exp", "matrix_rank", "inv_ex", "cholesky_ex"])
@pytest.mark.parametrize("bad", [(np.float64, (3,)), (np.float64, (2, 3)), (np.int64, (2, 2)), (np.float16, (2, 2))], ids=["vector", "rectangle", "integers", "half"])
def test_bad_matrices_are_runtime_errors(name: str, bad: Any) -> None:
    array = np.ones(bad[1], dtype=bad[0])
    try:
        getattr(torch.linalg, name)(torch.tensor(array))
    except RuntimeError:
        with pytest.raises(RuntimeError, match=rf"^(linalg\.)?{name}: "):
            getattr(ag.linalg, name)(Tensor(array))


def test_results_have_the_names_that_pytorchs_have() -> None:
    A = np.eye(2)
    for name in ("eigh", "eig", "svd", "qr", "slogdet", "inv_ex", "cholesky_ex"):
        mine, theirs = getattr(ag.linalg, name)(Tensor(A)), getattr(torch.linalg, name)(torch.tensor(A))
        assert [field for field in mine._fields if getattr(theirs, field) is None] == []
        assert type(mine).__name__ == type(theirs).__name__.rpartition(".")[2]
    solved = ag.linalg.lstsq(Tensor(A), Tensor(A))
    assert solved._fields == ("solution", "residuals", "rank", "singular_values")


def test_a_complete_factor_that_is_not_unique_is_refused() -> None:
    for module, lift in ((ag, Tensor), (torch, torch.tensor)):
        A = lift(np.arange(6.0).reshape(3, 2)).requires_grad_()
        with pytest.raises(RuntimeError, match="complete"):
            module.linalg.qr(A, mode="complete").Q.sum().backward()


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_singular_vectors_beyond_the_rank(dtype: str) -> None:
    def beyond(m: Any, A: Any) -> Any:  # here both libraries must use the space that the others leave
        U, S, Vh = m.linalg.svd(A)
        k = S.shape[-1]
        if m is torch:
            left, right = (torch.eye(each.shape[-1], dtype=A.dtype) for each in (U, Vh))
            return left - m.matmul(U[:, :k], adjoint(U[:, :k])), right - m.matmul(adjoint(Vh[:k]), Vh[:k])
        return m.matmul(U[:, k:], adjoint(U[:, k:])), m.matmul(adjoint(Vh[k:]), Vh[k:])

    for shape in ((4, 2), (2, 5)):
        agree(beyond, [regular(np.random.default_rng(12), (), *shape, dtype)])


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("n", [1, 4, 70])
def test_ldl_factors_and_what_they_solve(n: int, dtype: str, hermitian: bool) -> None:
    """The pivots too, of indefinite matrices; beyond 64 rows LAPACK works in blocks."""
    stream = np.random.default_rng(n)
    A = stream.standard_normal((2, n, n)) + (1j * stream.standard_normal((2, n, n)) if dtype == "complex128" else 0)
    A += A.swapaxes(-1, -2).conj() if hermitian else A.swapaxes(-1, -2)
    A[1, range(n), range(n)] *= 0.01
    B = stream.standard_normal((3, 2, n, 2)).astype(dtype)
    ours, theirs = (m.linalg.ldl_factor_ex(m.tensor(A), hermitian=hermitian) for m in (ag, torch))
    assert ours.pivots.tolist() == theirs.pivots.tolist()
    assert (ours.pivots.dtype, ours.info.dtype, ours.info.tolist()) == (ag.int32, ag.int32, [0, 0])
    np.testing.assert_allclose(ours.LD.numpy(), theirs.LD.numpy(), rtol=1e-8, atol=1e-8)
    X = ag.linalg.ldl_solve(*ag.linalg.ldl_factor(ag.tensor(A), hermitian=hermitian), ag.tensor(B), hermitian=hermitian)
    np.testing.assert_allclose(A @ X.numpy(), B, atol=1e-9)


def test_ldl_factors_of_singular_matrices() -> None:
    for matrix, number in [([[0.0, 0.0], [0.0, 0.0]], 1), ([[1.0, 1.0], [1.0, 1.0]], 2), ([[2.0, 0.0], [9.0, 4.0]], 0)]:
        ours, theirs = (m.linalg.ldl_factor_ex(m.tensor(matrix)) for m in (ag, torch))
        for a, b in zip(ours, theirs, strict=True):
            assert a.tolist() == b.tolist()
        assert ours.info.item() == number
        if number:
            for m in (ag, torch):
                with pytest.raises(RuntimeError, match="ldl_factor"):
                    m.linalg.ldl_factor(m.tensor(matrix))


@pytest.mark.parametrize("batch", [(), (2,)])
def test_matrices_with_nan(batch: tuple[int, ...]) -> None:
    for place in [(0, 0), (1, 1), (2, 2), (2, 0), (0, 2), (slice(None), slice(None))]:
        A = np.broadcast_to(np.eye(3) * 2 + 0.1, (*batch, 3, 3)).copy()
        A[(*[1] * len(batch), *place)] = math.inf if place[0] == slice(None) else math.nan
        for upper in (False, True):
            found = [m.linalg.cholesky_ex(m.tensor(A), upper=upper).info.tolist() for m in (ag, torch)]
            assert found[0] == found[1]
            for m in (ag, torch):
                if np.any(found[0]):
                    with pytest.raises(RuntimeError, match="order " + str(np.max(found[0]))):
                        m.linalg.cholesky(m.tensor(A), upper=upper)
                else:
                    m.linalg.cholesky(m.tensor(A), upper=upper)
        if place[0] != slice(None):
            for function in (lambda m, A=A: m.linalg.inv(m.tensor(A)), lambda m, A=A: m.linalg.inv_ex(m.tensor(A))[0], lambda m, A=A: m.linalg.solve(m.tensor(A), m.ones(*batch, 3, 2, dtype=m.float64))):
                np.testing.assert_array_equal(np.isnan(host(function(ag))), np.isnan(host(function(torch))))
