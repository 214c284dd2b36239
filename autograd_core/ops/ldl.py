"""The LDL factorization of symmetric and Hermitian matrices by diagonal pivoting; without derivatives in the matrix, as in PyTorch.

J. Bunch and L. Kaufman, "Some stable methods for calculating inertia and solving symmetric linear systems" (1977), packed as LAPACK
packs it. Each step depends on the numbers found by the last, so that tensors of a GPU are factorized on the CPU.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..dtypes import as_dtype, int32
from ..errors import LinAlgError, ShapeError, describe
from ..op import Arg, S, composite, op
from ..spec import Meta
from .lu import _size
from .matrices import COMPLEX_POSITIVE, LINALG, check_matrices, require_floating

PackedLDL = namedtuple("PackedLDL", "LD pivots")
_INDEFINITE = Arg(values=[[[0.0, 1.0], [1.0, 0.0]], [[4.0, 0.5], [0.5, 1.0]]])


def _exchange(matrix: Any, first: int, second: int) -> None:
    matrix[[first, second]] = matrix[[second, first]]


def _mirrored(xp: Any, matrices: Any, hermitian: bool) -> Any:
    """The matrices that have these lower triangles."""
    below = xp.tril(matrices, -1).swapaxes(-1, -2)
    return xp.tril(matrices) + (below.conj() if hermitian else below)


def _factorize(xp: Any, A: Any, pivots: Any, hermitian: bool) -> int:
    """Factorize one matrix in place, both triangles of what remains kept; the number of the first pivot that is zero, or 0."""
    info, k, n = 0, 0, len(A)
    while k < n:
        if hermitian:
            A.reshape(-1)[:: n + 1].imag = 0
        width, other = 1, k
        own, column = _size(A[k, k]), _size(A[k + 1 :, k])
        largest, alpha = column.max(initial=0), (1 + 17**0.5) / 8  # which bounds the growth of two steps by one and of one by two alike
        if max(own, largest) == 0:
            info = info or k + 1
        elif own < alpha * largest:
            row = k + 1 + int(column.argmax())
            beside = _size(A[row, k:])
            at, beside[row - k] = beside[row - k], 0
            if own < alpha * largest * (largest / beside.max()):
                other, width = row, 1 if at >= alpha * beside.max() else 2
        end, rest = k + width, A[k:, k:]
        _exchange(rest, width - 1, other - k if other > k else 0)
        _exchange(rest.T, width - 1, other - k if other > k else 0)
        pivots[k:end] = other + 1 if width == 1 else -other - 1
        below, block = A[end:, k:end].copy(), A[k:end, k:end]
        if block.any():
            A[end:, k:end] = xp.linalg.solve(block.T, below.T).T
        A[end:, end:] -= A[end:, k:end] @ (below.conj() if hermitian else below).T
        k = end
    return info


def _factor_spec(A: Any, **attrs: Any) -> tuple[Meta, ...]:
    shape = check_matrices("linalg.ldl_factor_ex", A)
    return Meta(shape, as_dtype(A.dtype)), Meta(shape[:-1], int32), Meta(shape[:-2], int32)


@op("linalg_ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> tuple[Tensor, Tensor, Tensor]", outputs=("LD", "pivots", "info"),
    constant_outputs=(0, 1, 2), places=LINALG, spec=_factor_spec, samples=[
        S((3, 3)), S(_INDEFINITE, check_errors=True), S(COMPLEX_POSITIVE, hermitian=True), S((0, 2, 2)), S((2, 3), error=RuntimeError, match="square matrices")])
def linalg_ldl_factor_ex(xp: Any, A: Any, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    """``A = P L D L^T P^T``, or with ``hermitian`` and L^H: L and D in one matrix, the pivots, and ``info``: 0, or the number of the first pivot that is zero. A named tuple.

    Only the lower triangles of A (..., n, n) are read. L has ones on its diagonal; D has blocks of one or two rows: ``pivots[i] = p > 0``
    says one, after the exchange of rows i and p - 1, and two equal ``-p`` say two, the second exchanged with row p - 1.
    """
    require_floating(A)
    own, host = backend_of(A), backend_for_device("cpu").xp
    hermitian = hermitian and A.dtype.kind == "c"
    factors = _mirrored(host, own.to_numpy(A), hermitian)
    pivots, info = host.empty(A.shape[:-1], dtype="int32"), host.empty(A.shape[:-2], dtype="int32")
    for i in host.ndindex(info.shape):
        info[i] = _factorize(host, factors[i], pivots[i], hermitian)
    if check_errors and info.any():
        raise LinAlgError(f"linalg.ldl_factor: D[{info.max()},{info.max()}] is zero, so that ldl_solve would divide by zero (A {describe(A)}). Use ldl_factor_ex to go on")
    return own.asarray(host.tril(factors)), own.asarray(pivots), own.asarray(info)


@composite("linalg_ldl_factor(A: Tensor, *, hermitian: bool = False) -> tuple[Tensor, Tensor]", places=LINALG)
def linalg_ldl_factor(F: Any, A: Any, *, hermitian: bool = False) -> Any:
    """The factorization that ``ldl_solve`` takes: a named tuple ``(LD, pivots)``; see ``ldl_factor_ex``. Raises ``LinAlgError`` (a ``RuntimeError``) if a pivot is zero."""
    return PackedLDL(*F.linalg_ldl_factor_ex(A, hermitian=hermitian, check_errors=True)[:2])


@op("ldl_product(LD: Tensor, pivots: Tensor, hermitian: bool) -> Tensor", label="LDLᵀ",
    spec=lambda LD, pivots, *, hermitian: Meta(check_matrices("linalg.ldl_solve", LD), LD.dtype), samples=[
        S((2, 3, 3), Arg(values=[[3, 2, 3], [1, -3, -3]]), hermitian=False), S(COMPLEX_POSITIVE, Arg(values=[-2, -2]), hermitian=True)])
def ldl_product(xp: Any, LD: Any, pivots: Any, *, hermitian: bool) -> Any:
    """The matrices that were factorized."""
    own, host, n = backend_of(LD), backend_for_device("cpu").xp, LD.shape[-1]
    shape = host.broadcast_shapes(LD.shape[:-1], pivots.shape)  # of a batch, one may have a dimension more
    factors, rows = host.broadcast_to(own.to_numpy(LD), (*shape, n)), host.broadcast_to(own.to_numpy(pivots), shape)
    result = host.empty(factors.shape, dtype=factors.dtype)
    for i in host.ndindex(shape[:-1]):
        W, D, end = host.eye(n, dtype=factors.dtype), host.zeros_like(factors[i]), n
        while end:  # from the last block to the first
            k, other = end - (1 if rows[i][end - 1] > 0 else 2), abs(rows[i][end - 1]) - 1
            D[k:end, k:end] = _mirrored(host, factors[i][k:end, k:end], hermitian)
            W[end:] += factors[i][end:, k:end] @ W[k:end]
            _exchange(W, end - 1, other)
            end = k
        result[i] = W @ D @ (W.conj() if hermitian else W).T
    return own.asarray(result)


@composite("linalg_ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor", places=LINALG)
def linalg_ldl_solve(F: Any, LD: Any, pivots: Any, B: Any, *, hermitian: bool = False) -> Any:
    """X with A X = B for B (..., n, k), where ``ldl_factor`` gave ``LD`` and ``pivots`` of A, with the same ``hermitian``. Differentiable in B.

    >>> import autograd_core as ag
    >>> LD, pivots = ag.linalg.ldl_factor(ag.tensor([[0.0, 2.0], [2.0, 0.0]]))
    >>> ag.linalg.ldl_solve(LD, pivots, ag.tensor([[2.0], [6.0]])).tolist()
    [[3.0], [1.0]]
    """
    shape = tuple(LD.shape)
    if B.ndim < 2 or B.shape[-2] != shape[-1] or tuple(pivots.shape) != shape[:-1] or pivots.dtype.kind not in "iu":
        raise ShapeError(f"linalg.ldl_solve: Incompatible matrix sizes: expected LD (..., n, n), pivots (..., n) of integers and B (..., n, k), "
                         f"but got LD {describe(LD)}, pivots {describe(pivots)}, B {describe(B)}")
    A = F.ldl_product(LD, pivots, hermitian=hermitian and LD.dtype.kind == "c")
    return F.linalg_solve(A, F.reshape(B, shape=(1,) * (len(shape) - B.ndim) + tuple(B.shape)))  # as matrices, where they might be vectors
