"""Householder's reflections, of which LAPACK makes its orthogonal matrices, and factors of low rank."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import TORCH_TENSOR, S, composite, detached, op
from ..spec import Meta
from .matrices import COMPLEX, LINALG, adjoint_of, check_matrices, require_floating


def _geqrf_spec(input: Any) -> tuple[Meta, Meta]:
    *batch, m, n = check_matrices("geqrf", input, square=False)
    return Meta((*batch, m, n), as_dtype(input.dtype)), Meta((*batch, min(m, n)), as_dtype(input.dtype))


@op("geqrf(input: Tensor) -> tuple[Tensor, Tensor]", places=TORCH_TENSOR, outputs=("a", "tau"), spec=_geqrf_spec, samples=[
    S((3, 3)), S((4, 2)), S((2, 4)), S((2, 3, 3)), S(COMPLEX), S((3,), error=RuntimeError, match="at least 2 dimensions")])
def geqrf(xp: Any, input: Any) -> Any:
    """The QR factorization as LAPACK packs it: R, and below it the vectors of the reflections whose factors are ``tau``. Without gradient; use ``linalg.qr``."""
    require_floating(input)
    found = [xp.linalg.qr(matrix, mode="raw") for matrix in input.reshape(-1, *input.shape[-2:])]
    k = min(input.shape[-2:])
    packed, tau = xp.stack([h.T for h, _ in found]), xp.stack([t for _, t in found])
    return packed.reshape(input.shape).astype(input.dtype, copy=False), tau.reshape(*input.shape[:-2], k).astype(input.dtype, copy=False)


def _reflected(F: Any, vectors: Any, tau: Any, other: Any, order: Any) -> Any:
    """``H_i other`` for each i in ``order``, with ``H_i = 1 - tau_i v_i v_i^H``."""
    for i in order:
        v = vectors[..., :, i : i + 1]
        other = other - F.matmul(v * F.unsqueeze(tau[..., i : i + 1], dim=-1), F.matmul(adjoint_of(F, v), other))
    return other


@composite("linalg_householder_product(input: Tensor, tau: Tensor) -> Tensor", places=LINALG)
def linalg_householder_product(F: Any, input: Any, tau: Any) -> Any:
    """The first n columns of the product of the reflections in the columns of ``input`` (..., m, n) with factors ``tau`` (..., k): the Q of ``geqrf``."""
    m, n = check_matrices("linalg.householder_product", input, square=False)[-2:]
    k = tau.shape[-1]
    if m < n or n < k:
        raise ShapeError(f"linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1], and that to tau.shape[-1] "
                         f"(input {describe(input)}, tau {describe(tau)})")
    return _reflected(F, F.unit_lower(input), tau, F.unit_lower(F.fill(detached(input), 0)), reversed(range(k)))


@composite("orgqr(input: Tensor, input2: Tensor) -> Tensor")
def orgqr(F: Any, input: Any, input2: Any) -> Any:
    """``linalg.householder_product``."""
    return F.linalg_householder_product(input, input2)


@composite("ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False) -> Tensor")
def ormqr(F: Any, input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """The product of ``other`` with the whole square Q of ``geqrf``: Q other, or other Q unless ``left``; with ``transpose``, Q^H for Q."""
    if other.ndim < 2 or other.shape[-2 if left else -1] != input.shape[-2]:
        raise ShapeError(f"ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2] (input {describe(input)}, other {describe(other)})")
    other = other if left else adjoint_of(F, other)
    k = range(tau.shape[-1])
    turned = left == transpose
    result = _reflected(F, F.unit_lower(input), F.conj(tau) if turned else tau, other, k if turned else reversed(k))
    return result if left else adjoint_of(F, result)


class LowRank(NamedTuple):
    """Singular vectors in the columns of U and V, and singular values."""

    U: Any
    S: Any
    V: Any


@composite("svd_lowrank(A: Tensor, q: int | None = 6, niter: int = 2, M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]", out=False, places=("torch",))
def svd_lowrank(F: Any, A: Any, q: int | None = 6, niter: int = 2, M: Any = None) -> Any:
    """The ``q`` largest singular values of ``A - M`` and their vectors, exact: the whole factorization is computed, ``niter`` has no effect."""
    q = 6 if q is None else q
    U, S, Vh = F.linalg_svd(A if M is None else A - M, full_matrices=False)
    return LowRank(U[..., :, :q], S[..., :q], adjoint_of(F, Vh[..., :q, :]))


@composite("pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]", out=False, places=("torch",))
def pca_lowrank(F: Any, A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """The principal components of the rows of ``A``: ``svd_lowrank`` of what is left without the mean of each column, by default with ``q`` up to 6."""
    k = min(A.shape[-2:])
    q = min(6, k) if q is None else q
    if not 0 <= q <= k:
        raise ValueError(f"pca_lowrank: q(={q}) must be non-negative integer and not greater than min(m, n)={k} (A {describe(A)})")
    return F.svd_lowrank(A - F.mean(A, dim=-2, keepdim=True) if center else A, q=q)
