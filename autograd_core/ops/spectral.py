"""Eigenvalues and singular values, with their vectors.

Gradients: M. B. Giles, "An extended collection of matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), for eigenvalues; J. Townsend, "Differentiating the singular value decomposition" (2016), for
singular values of any shape; C. Boeddeker et al., "On the computation of complex-valued gradients with application to
statistically optimum beamforming" (2017), for eigenvectors of general matrices. Vectors are unique up to a sign (or a
phase), and only if the values are distinct: what is computed from them must not depend on that choice.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, complex64, complex128
from ..op import Arg, S, composite, ints, op
from ..spec import Meta
from .matrices import COMPLEX, COMPLEX_POSITIVE, LINALG, adjoint_of, check_matrices, not_converged, positive, real_dtype, regular, require_floating

_NOT_SQUARE = [S((2, 3), error=RuntimeError, match="square matrices, but they are 2 by 3"), S((3,), error=RuntimeError, match="at least 2 dimensions")]
_INTEGERS = S(ints(2, 2), error=RuntimeError, match="Expected a floating point or complex")


def _by_column(F: Any, A: Any, values: Any) -> Any:
    """The columns of ``A`` times one value each."""
    return A * F.unsqueeze(values, dim=-2)


def _gaps(F: Any, values: Any) -> Any:
    """``values[j] - values[i]`` for each pair, and 1 where i = j."""
    return F.unsqueeze(values, dim=-2) - F.unsqueeze(values, dim=-1) + F.identity_like(values, size=values.shape[-1])


def _without_diagonal(F: Any, A: Any) -> Any:
    return A * (1 - F.identity_like(A, size=A.shape[-1]))


# --- Hermitian matrices -------------------------------------------------------------------------------------------


def _eigh_spec(input: Any, *, UPLO: str = "L") -> tuple[Meta, Meta]:
    shape = check_matrices("linalg.eigh", input)
    _check_triangle("linalg.eigh", UPLO)
    return Meta(shape[:-1], real_dtype(input.dtype)), Meta(shape, as_dtype(input.dtype))


def _check_triangle(op_name: str, UPLO: str) -> None:
    if UPLO.upper() not in {"L", "U"}:
        raise RuntimeError(f"{op_name}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")


@op("linalg_eigh(input: Tensor, UPLO: str = 'L') -> tuple[Tensor, Tensor]", label="eigh", places=LINALG, outputs=("eigenvalues", "eigenvectors"), holomorphic=False,
    spec=_eigh_spec, samples=[S(positive(3, 3)), S(positive(3, 3), UPLO="U"), S(positive(2, 2, 2)), S(positive(1, 1)), S((0, 3, 3)), S((2, 0, 0)), *_NOT_SQUARE,
                              S((2, 2), UPLO="M", error=RuntimeError, match="UPLO")])
def linalg_eigh(xp: Any, input: Any, *, UPLO: str = "L") -> Any:
    """Eigenvalues in ascending order and orthonormal eigenvectors, as columns, of Hermitian (symmetric) matrices.

    Only the lower triangle is read, or the upper one for ``UPLO='U'``. A named tuple ``(eigenvalues, eigenvectors)``; the eigenvalues are real.
    The gradient of eigenvectors needs distinct eigenvalues; that of eigenvalues does not.

    >>> import autograd_core as ag
    >>> ag.linalg.eigh(ag.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues.tolist()
    [1.0, 2.0]
    """
    require_floating(input)
    try:
        values, vectors = xp.linalg.eigh(input, UPLO=UPLO)
    except ValueError:
        _check_triangle("linalg.eigh", UPLO)
        raise not_converged("linalg.eigh", xp, input) from None
    return values, vectors


@linalg_eigh.vjp("input")
def _(F: Any, g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    of_values, of_vectors = g
    other = adjoint_of(F, eigenvectors)
    if of_vectors is None:
        return F.matmul(_by_column(F, eigenvectors, of_values), other)
    gram = F.matmul(other, of_vectors)
    inner = _without_diagonal(F, gram - adjoint_of(F, gram)) * 0.5 / _gaps(F, eigenvalues)  # the Hermitian part: the matrix stays Hermitian
    if of_values is not None:
        inner = inner + F.diag_embed(of_values)
    return F.matmul(F.matmul(eigenvectors, inner), other)


def _eigvalsh_spec(input: Any, *, UPLO: str = "L") -> Meta:
    shape = check_matrices("linalg.eigvalsh", input)
    _check_triangle("linalg.eigvalsh", UPLO)
    return Meta(shape[:-1], real_dtype(input.dtype))


@op("linalg_eigvalsh(input: Tensor, UPLO: str = 'L') -> Tensor", label="eigvalsh", places=LINALG, holomorphic=False, spec=_eigvalsh_spec, samples=[
    S(COMPLEX_POSITIVE), S(positive(3, 3)), S(positive(2, 2, 2), UPLO="U"), S(Arg(values=[[1.0, 0.0], [0.0, 2.0]])), S((0, 3, 3)), S((2, 0, 0)), *_NOT_SQUARE])
def linalg_eigvalsh(xp: Any, input: Any, *, UPLO: str = "L") -> Any:
    """The eigenvalues of Hermitian (symmetric) matrices in ascending order; see ``linalg.eigh``."""
    require_floating(input)
    try:
        return xp.linalg.eigvalsh(input, UPLO=UPLO)
    except ValueError:
        _check_triangle("linalg.eigvalsh", UPLO)
        raise not_converged("linalg.eigvalsh", xp, input) from None


@linalg_eigvalsh.vjp("input")
def _(F: Any, g: Any, input: Any, UPLO: str) -> Any:
    vectors = F.linalg_eigh(input, UPLO=UPLO)[1]
    return F.matmul(_by_column(F, vectors, g), adjoint_of(F, vectors))


def _values_with_vectors(xp: Any, input: Any, *, UPLO: str = "L") -> Any:
    values, vectors = linalg_eigh.kernel(xp, input, UPLO=UPLO)
    return values, vectors


@linalg_eigvalsh.fused_vjp(("vectors",), _values_with_vectors)
def _(F: Any, g: Any, vectors: Any) -> Any:
    return (F.matmul(_by_column(F, vectors, g), adjoint_of(F, vectors)),)


# --- general matrices ---------------------------------------------------------------------------------------------


def _complex_dtype(dtype: Any) -> Any:
    return complex64 if as_dtype(dtype).name in {"float32", "complex64"} else complex128


def _eig_spec(input: Any) -> tuple[Meta, Meta]:
    shape = check_matrices("linalg.eig", input)
    dtype = _complex_dtype(input.dtype)
    return Meta(shape[:-1], dtype), Meta(shape, dtype)


@op("linalg_eig(input: Tensor) -> tuple[Tensor, Tensor]", label="eig", places=LINALG, outputs=("eigenvalues", "eigenvectors"), holomorphic=False, spec=_eig_spec,
    samples=[S(regular(3, 3)), S(regular(2, 2, 2)), S((0, 3, 3)), S((2, 0, 0)), *_NOT_SQUARE])
def linalg_eig(xp: Any, input: Any) -> Any:
    """Eigenvalues and eigenvectors, as columns of length 1, of square matrices: a named tuple ``(eigenvalues, eigenvectors)``, complex.

    The eigenvalues are in no particular order. The gradient needs distinct eigenvalues; that of the eigenvectors is for functions that do not
    depend on their phases.
    """
    require_floating(input)
    try:
        values, vectors = xp.linalg.eig(input)
    except ValueError:
        raise not_converged("linalg.eig", xp, input) from None
    dtype = _complex_dtype(input.dtype).dtype
    return values.astype(dtype, copy=False), vectors.astype(dtype, copy=False)


@linalg_eig.vjp("input")
def _(F: Any, g: Any, eigenvalues: Any, eigenvectors: Any) -> Any:
    of_values, of_vectors = g
    other = adjoint_of(F, eigenvectors)
    inner = None
    if of_vectors is not None:
        gram = F.matmul(other, of_vectors)
        own = F.diagonal(gram, dim1=-2, dim2=-1)
        length = _by_column(F, F.matmul(other, eigenvectors), (own + F.conj(own)) * 0.5)  # eigenvectors have length 1
        inner = _without_diagonal(F, gram - length) / _gaps(F, F.conj(eigenvalues))
    if of_values is not None:
        inner = F.diag_embed(of_values) if inner is None else inner + F.diag_embed(of_values)
    return F.linalg_solve(other, F.matmul(inner, other))


@composite("linalg_eigvals(input: Tensor) -> Tensor", places=LINALG)
def linalg_eigvals(F: Any, input: Any) -> Any:
    """The eigenvalues of square matrices, complex, in no particular order."""
    check_matrices("linalg.eigvals", input)
    return F.linalg_eig(input)[0]


# --- singular values ----------------------------------------------------------------------------------------------


def _svd_spec(A: Any, *, full_matrices: bool = True) -> tuple[Meta, Meta, Meta]:
    *batch, m, n = check_matrices("linalg.svd", A, square=False)
    k, dtype = min(m, n), as_dtype(A.dtype)
    return Meta((*batch, m, m if full_matrices else k), dtype), Meta((*batch, k), real_dtype(dtype)), Meta((*batch, n if full_matrices else k, n), dtype)


@op("linalg_svd(A: Tensor, full_matrices: bool = True) -> tuple[Tensor, Tensor, Tensor]", label="svd", places=LINALG, outputs=("U", "S", "Vh"), holomorphic=False,
    spec=_svd_spec, samples=[
        S(regular(3, 3)), S(regular(4, 2), full_matrices=False), S(regular(2, 4), full_matrices=False), S(regular(2, 3, 2), full_matrices=False), S(regular(2, 2, 2)),
        S((0, 3, 2), full_matrices=False), S((0, 3), full_matrices=False), S((3,), error=RuntimeError, match="at least 2 dimensions"), _INTEGERS])
def linalg_svd(xp: Any, A: Any, *, full_matrices: bool = True) -> Any:
    """``A = U diag(S) Vh`` with orthonormal columns in U and rows in Vh, and S descending: a named tuple ``(U, S, Vh)``.

    U is (m, m) and Vh (n, n), or (m, k) and (k, n) with k = min(m, n) for ``full_matrices=False``. The gradient of U and Vh needs distinct singular
    values and, for m != n, none that is 0; of the vectors beyond the first k it is that of the space they span. The gradient of S always exists.

    >>> import autograd_core as ag
    >>> ag.linalg.svd(ag.tensor([[3.0, 0.0], [0.0, 4.0]])).S.tolist()
    [4.0, 3.0]
    """
    require_floating(A)
    try:
        U, values, Vh = xp.linalg.svd(A, full_matrices=full_matrices)
    except ValueError:
        raise not_converged("linalg.svd", xp, A, square=False) from None
    return U, values, Vh


@linalg_svd.vjp("A")
def _(F: Any, g: Any, A: Any, U: Any, S: Any, Vh: Any, full_matrices: bool) -> Any:
    of_u, of_s, of_v = g
    *_, m, n = A.shape
    V = adjoint_of(F, Vh)
    of_v = None if of_v is None else adjoint_of(F, of_v)
    if full_matrices and m != n:
        k = min(m, n)
        of_u, U = _leading(F, of_u, U, k)
        of_v, V = _leading(F, of_v, V, k)
        Vh = F.narrow(Vh, dim=-2, start=0, length=k)
    if of_u is None and of_v is None:
        return F.matmul(_by_column(F, U, of_s), Vh)
    inner = _middle(F, of_u, of_s, of_v, U, S, V)
    if m > n and of_u is not None:  # what leads out of the column space of U
        scaled = of_u / F.unsqueeze(S, dim=-2)
        return F.matmul(F.matmul(U, inner) + scaled - F.matmul(U, F.matmul(adjoint_of(F, U), scaled)), Vh)
    if m < n and of_v is not None:
        scaled = adjoint_of(F, of_v) / F.unsqueeze(S, dim=-1)
        return F.matmul(U, F.matmul(inner, Vh) + scaled - F.matmul(F.matmul(scaled, V), Vh))
    return F.matmul(F.matmul(U, inner), Vh)


def _leading(F: Any, g: Any, U: Any, k: int) -> tuple[Any, Any]:
    """The first ``k`` columns with their cotangent, to which that of the other columns adds: those span what the first leave, and turn as they turn."""
    first, rest = F.narrow(U, dim=-1, start=0, length=k), U.shape[-1] - k
    if g is None or not rest:
        return g, first
    others, of_others = F.narrow(U, dim=-1, start=k, length=rest), F.narrow(g, dim=-1, start=k, length=rest)
    return F.narrow(g, dim=-1, start=0, length=k) - F.matmul(others, F.matmul(adjoint_of(F, of_others), first)), first


def _middle(F: Any, of_u: Any, of_s: Any, of_v: Any, U: Any, S: Any, V: Any) -> Any:
    """The cotangent of ``A`` between the spaces of U and V, with ``of_v`` shaped like V."""
    inner = None
    if of_u is not None:
        gram = F.matmul(adjoint_of(F, U), of_u)
        turn = gram - adjoint_of(F, gram)
        inner = _by_column(F, turn, S)
    if of_v is not None:
        gram = F.matmul(adjoint_of(F, V), of_v)
        part = F.unsqueeze(S, dim=-1) * (gram - adjoint_of(F, gram))
        inner = part if inner is None else inner + part
    inner = _without_diagonal(F, inner) / _gaps(F, S * S)
    if of_s is not None:
        inner = inner + F.diag_embed(of_s)
    if of_u is not None and of_v is not None and F.is_complex(U):  # the common phase of a pair of vectors
        inner = inner + F.diag_embed(F.diagonal(turn, dim1=-2, dim2=-1) / (S * 2))
    return inner


def _svdvals_spec(A: Any) -> Meta:
    *batch, m, n = check_matrices("linalg.svdvals", A, square=False)
    return Meta((*batch, min(m, n)), real_dtype(A.dtype))


@op("linalg_svdvals(A: Tensor) -> Tensor", label="svdvals", places=LINALG, holomorphic=False, spec=_svdvals_spec, samples=[
    S(COMPLEX), S(regular(3, 3)), S(regular(4, 2)), S(regular(2, 2, 4)), S(Arg(values=[[3.0, 0.0], [0.0, 2.0]])), S((0, 3)), S((2, 0, 3)),
    S((3,), error=RuntimeError, match="at least 2 dimensions"), _INTEGERS])
def linalg_svdvals(xp: Any, A: Any) -> Any:
    """The singular values of each matrix in descending order."""
    require_floating(A)
    try:
        return xp.linalg.svd(A, compute_uv=False)
    except ValueError:
        raise not_converged("linalg.svdvals", xp, A, square=False) from None


@linalg_svdvals.vjp("A")
def _(F: Any, g: Any, A: Any) -> Any:
    U, _, Vh = F.linalg_svd(A, full_matrices=False)
    return F.matmul(_by_column(F, U, g), Vh)


def _svdvals_with_vectors(xp: Any, A: Any) -> Any:
    U, values, Vh = linalg_svd.kernel(xp, A, full_matrices=False)
    return values, U, Vh


@linalg_svdvals.fused_vjp(("U", "Vh"), _svdvals_with_vectors)
def _(F: Any, g: Any, U: Any, Vh: Any) -> Any:
    return (F.matmul(_by_column(F, U, g), Vh),)


@composite("svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]")
def svd(F: Any, input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """``(U, S, V)`` with ``input = U diag(S) V^H``; unlike ``linalg.svd`` it returns V, not its adjoint, and is reduced by default.

    With ``compute_uv=False`` U and V are zeros.
    """
    *_, m, n = check_matrices("svd", input, square=False)
    if not compute_uv:
        values = F.linalg_svdvals(input)
        return _zeros(F, input, m), values, _zeros(F, input, n)
    U, values, Vh = F.linalg_svd(input, full_matrices=not some)
    return U, values, adjoint_of(F, Vh)


def _zeros(F: Any, like: Any, size: int) -> Any:
    return F.broadcast_to(F.identity_like(like, size=size) * 0, shape=(*like.shape[:-2], size, size))
