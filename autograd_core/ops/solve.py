"""Systems of linear equations."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..errors import LinAlgError, ShapeError, describe
from ..kernels.strided import in_rows
from ..op import Arg, S, composite, ints, op
from ..spec import Meta, computed_dtype, wrap_dims
from .join import tril, triu
from .matrices import COMPLEX, LINALG, adjoint_of, check_matrices, reached, regular, require_floating, singular, transposed


def _batch(op_name: str, A: Any, B: Any, first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """The common batch dimensions, in PyTorch's words where there are none."""
    result: list[int] = []
    for i in range(1, max(len(first), len(second)) + 1):
        sizes = {each[-i] for each in (first, second) if i <= len(each)} - {1}
        if len(sizes) > 1:
            raise ShapeError(f"{op_name}: The batch dimensions of A {first} and B {second} must broadcast (A {describe(A)}, B {describe(B)})")
        result.insert(0, sizes.pop() if sizes else 1)
    return tuple(result)


def _is_vector(A: Any, B: Any) -> bool:
    """Whether ``B`` holds vectors: it has one dimension, or lacks just the last one of ``A``."""
    return B.ndim == 1 or (B.ndim == A.ndim - 1 and tuple(B.shape) == tuple(A.shape[:-1]))


def _check_sizes(op_name: str, A: Any, B: Any, left: bool) -> None:
    rows = B.shape[-2] if left else B.shape[-1]
    if rows != A.shape[-1]:
        raise ShapeError(f"{op_name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} "
                         f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]}; A {describe(A)}, B {describe(B)})")


def _solve_spec(A: Any, B: Any, *, left: bool = True) -> Meta:
    shape = check_matrices("linalg.solve", A)
    dtype = computed_dtype("linalg.solve", "equal", (A, B))
    if not B.shape:
        raise ShapeError(f"linalg.solve: B must have at least one dimension (A {describe(A)}, B {describe(B)})")
    if _is_vector(A, B):
        if not left:
            raise ShapeError(f"linalg.solve: Vector broadcasting of the left hand side is not supported for left=False (A {describe(A)}, B {describe(B)}). B needs rows")
        if B.shape[-1] != shape[-1]:
            raise ShapeError(f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({shape[-2]}x{shape[-1]} and {B.shape[-1]}x1; "
                             f"A {describe(A)}, B {describe(B)})")
        return Meta(shape[:-1], dtype)
    _check_sizes("linalg.solve", A, B, left)
    return Meta((*_batch("linalg.solve", A, B, shape[:-2], tuple(B.shape[:-2])), *B.shape[-2:]), dtype)


def _solved(xp: Any, A: Any, B: Any) -> Any:
    """The library's solution with matrices of one batch on both sides."""
    if A.shape[:-2] != B.shape[:-2]:
        batch = xp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        A, B = xp.broadcast_to(A, batch + A.shape[-2:]), xp.broadcast_to(B, batch + B.shape[-2:])
    return reached(xp, A, xp.linalg.solve(A, B))


@op("linalg_solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor", label="solve", places=LINALG, promotes="equal", broadcasts=True, spec=_solve_spec, samples=[
    S(COMPLEX, Arg((2, 3), kind="complex")),
    S(regular(3, 3), (3, 2)), S(regular(3, 3), (3,)), S(regular(2, 2, 2), (2, 2)), S(regular(2, 3, 3), (3, 4)), S(regular(3, 3), (2, 3, 4)), S(regular(2, 3, 3), (3,)),
    S(regular(3, 3), (2, 3), left=False), S(regular(2, 3, 3), (1, 2, 3), left=False), S((0, 3, 3), (0, 3, 2)), S((0, 0), (0, 2)),
    S(regular(3, 3), (2, 2), error=RuntimeError, match="Incompatible shapes"), S((2, 3), (3,), error=RuntimeError, match="square matrices"),
    S(regular(3, 3), (3,), left=False, error=RuntimeError, match="Vector broadcasting"), S(ints(2, 2), ints(2), error=RuntimeError, match="floating point"),
    S(Arg(values=[[1.0, 2.0], [2.0, 4.0]]), (2,), error=LinAlgError, match="the input matrix is singular")])
def linalg_solve(xp: Any, A: Any, B: Any, *, left: bool = True) -> Any:
    """X with A X = B for square matrices A; with ``left=False`` X A = B. Batches broadcast.

    ``B`` of shape (..., n, k) holds matrices; of shape (n,) or of the shape of ``A`` without its last dimension it holds vectors.
    Raises ``LinAlgError`` (a ``RuntimeError``) if a matrix is singular.

    >>> import autograd_core as ag
    >>> ag.linalg.solve(ag.tensor([[2.0, 0.0], [0.0, 4.0]]), ag.tensor([2.0, 8.0])).tolist()
    [1.0, 2.0]
    """
    require_floating(A, B)
    try:
        if _is_vector(A, B):
            if not left:
                raise ValueError("vectors")
            return _solved(xp, A, B[..., None])[..., 0]
        if left:
            return _solved(xp, A, B)
        return in_rows(xp, _solved(xp, A.swapaxes(-1, -2), B.swapaxes(-1, -2)).swapaxes(-1, -2))
    except ValueError:
        _solve_spec(A, B, left=left)
        raise singular("linalg.solve", xp, A, "The solver failed because the input matrix is singular.") from None


@linalg_solve.vjp("A")
def _(F: Any, g: Any, A: Any, B: Any, out: Any, left: bool) -> Any:
    g = F.linalg_solve(transposed(F, A), g, left=left)
    if _is_vector(A, B):
        return -F.unsqueeze(g, dim=-1) * F.unsqueeze(out, dim=-2)
    return -F.matmul(g, transposed(F, out)) if left else -F.matmul(transposed(F, out), g)


@linalg_solve.vjp("B")
def _(F: Any, g: Any, A: Any, left: bool) -> Any:
    return F.linalg_solve(transposed(F, A), g, left=left)


# --- triangular systems -------------------------------------------------------------------------------------------


def _triangular_spec(input: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Meta:
    shape = check_matrices("linalg.solve_triangular", input)
    dtype = computed_dtype("linalg.solve_triangular", "equal", (input, B))
    if B.ndim < 2:
        raise ShapeError(f"linalg.solve_triangular: The input tensor B must have at least 2 dimensions (A {describe(input)}, B {describe(B)}). Use B.unsqueeze(-1)")
    _check_sizes("linalg.solve_triangular", input, B, left)
    return Meta((*_batch("linalg.solve_triangular", input, B, shape[:-2], tuple(B.shape[:-2])), *B.shape[-2:]), dtype)


def _substituted(xp: Any, A: Any, B: Any) -> Any:
    """Back substitution, for upper triangles with a zero on the diagonal: there the result is infinite or not a number."""
    batch = xp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    result = xp.array(xp.broadcast_to(B, batch + B.shape[-2:]))
    with xp.errstate(divide="ignore", invalid="ignore"):
        for k in range(A.shape[-1] - 1, -1, -1):
            result[..., k, :] /= A[..., k, k, None]
            result[..., :k, :] -= A[..., :k, k, None] * result[..., k, None, :]
    return result


@op("linalg_solve_triangular(input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor", label="solve", places=LINALG,
    promotes="equal", broadcasts=True, spec=_triangular_spec, samples=[
        S(COMPLEX, Arg((2, 2), kind="complex"), upper=True),
        S(regular(3, 3), (3, 2), upper=True), S(regular(3, 3), (3, 2), upper=False), S(regular(2, 3, 3), (3, 1), upper=True), S(regular(3, 3), (2, 3, 2), upper=False),
        S(regular(3, 3), (2, 3), upper=True, left=False), S(regular(3, 3), (2, 3), upper=False, left=False), S((3, 3), (3, 2), upper=True, unitriangular=True),
        S((2, 3, 3), (4, 3), upper=False, left=False, unitriangular=True), S((0, 3, 3), (0, 3, 2), upper=True), S((0, 0), (0, 2), upper=True),
        S((2, 3), (3, 1), upper=True, error=RuntimeError, match="square matrices"), S((3, 3), (3,), upper=True, error=RuntimeError, match="at least 2 dimensions"),
        S((3, 3), (2, 3), upper=True, error=RuntimeError, match="Incompatible shapes")])
def linalg_solve_triangular(xp: Any, input: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """X with A X = B, or X A = B for ``left=False``, where A is the upper or the lower triangle of ``input``.

    With ``unitriangular`` the diagonal counts as ones. Elements outside of the triangle are not read. Batches broadcast. A zero on
    the diagonal gives infinities and NaN.
    """
    require_floating(input, B)
    if B.ndim < 2:
        raise ValueError("vectors")
    A = triu.kernel(xp, input, diagonal=1 if unitriangular else 0) if upper else tril.kernel(xp, input, diagonal=-1 if unitriangular else 0)
    if unitriangular:
        A += xp.eye(A.shape[-1], dtype=A.dtype)
    if not left:
        A, B, upper = A.swapaxes(-1, -2), B.swapaxes(-1, -2), not upper
    if not upper:  # from the last row to the first it is an upper triangle: Gaussian elimination then swaps no rows and is back substitution
        A, B = A[..., ::-1, ::-1], B[..., ::-1, :]
    try:
        result = _solved(xp, A, B)
    except ValueError:
        if A.shape[-1] != A.shape[-2] or A.shape[-1] != B.shape[-2]:
            raise
        result = _substituted(xp, A, B)
    if not upper:
        result = result[..., ::-1, :]
    return result if left else result.swapaxes(-1, -2)


@linalg_solve_triangular.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    g = F.linalg_solve_triangular(transposed(F, input), g, upper=not upper, left=left, unitriangular=unitriangular)
    g = -F.matmul(g, transposed(F, out)) if left else -F.matmul(transposed(F, out), g)
    return F.triu(g, diagonal=1 if unitriangular else 0) if upper else F.tril(g, diagonal=-1 if unitriangular else 0)


@linalg_solve_triangular.vjp("B")
def _(F: Any, g: Any, input: Any, upper: bool, left: bool, unitriangular: bool) -> Any:
    return F.linalg_solve_triangular(transposed(F, input), g, upper=not upper, left=left, unitriangular=unitriangular)


# --- systems given by Cholesky factors ----------------------------------------------------------------------------


@composite("cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor")
def cholesky_solve(F: Any, input: Any, input2: Any, upper: bool = False) -> Any:
    """X with A X = ``input``, where the lower triangle ``input2`` is the Cholesky factor of A: A = L L^H, or U^H U with ``upper``."""
    for name, each in (("b", input), ("u", input2)):
        if each.ndim < 2:
            raise RuntimeError(f"cholesky_solve: {name} should have at least 2 dimensions, but has {each.ndim} dimensions instead ({describe(each)})")
    check_matrices("cholesky_solve", input2)
    if input.shape[-2] != input2.shape[-1]:
        raise ShapeError(f"cholesky_solve: Incompatible matrix sizes: each A matrix is {input2.shape[-1]} by {input2.shape[-1]} but each b matrix is "
                         f"{input.shape[-2]} by {input.shape[-1]}")
    other = adjoint_of(F, input2)
    first, second = (other, input2) if upper else (input2, other)
    return F.linalg_solve_triangular(second, F.linalg_solve_triangular(first, input, upper=False), upper=True)


@composite("cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor")
def cholesky_inverse(F: Any, L: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is the lower (or with ``upper`` the upper) triangle ``L``."""
    check_matrices("cholesky_inverse", L)
    root = F.linalg_solve_triangular(L, F.broadcast_to(F.identity_like(L, size=L.shape[-1]), shape=tuple(L.shape)), upper=upper)
    return F.matmul(root, adjoint_of(F, root)) if upper else F.matmul(adjoint_of(F, root), root)


# --- systems over several dimensions ------------------------------------------------------------------------------


@composite("linalg_tensorinv(A: Tensor, ind: int = 2) -> Tensor", places=LINALG)
def linalg_tensorinv(F: Any, A: Any, ind: int = 2) -> Any:
    """The inverse of ``A`` for ``tensordot`` over ``ind`` dimensions: the first ``ind`` dimensions are the rows, the others the columns."""
    if ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: Expected a strictly positive integer for 'ind', but got {ind}")
    shape = tuple(A.shape)
    rows, columns = shape[:ind], shape[ind:]
    if math.prod(rows) != math.prod(columns):
        raise ShapeError(f"linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), "
                         f"but got {math.prod(columns)} != {math.prod(rows)} (A {describe(A)}, ind {ind})")
    return F.reshape(F.linalg_inv(F.reshape(A, shape=(math.prod(rows), math.prod(columns)))), shape=(*columns, *rows))


@composite("linalg_tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor", places=LINALG)
def linalg_tensorsolve(F: Any, A: Any, B: Any, dims: Any = None) -> Any:
    """X with ``tensordot(A, X, X.ndim) == B``; the ``dims`` of ``A`` are moved to its end first."""
    if dims is not None:
        moved = wrap_dims(tuple(dims), A.ndim, "linalg.tensorsolve")
        A = F.permute(A, dims=(*(d for d in range(A.ndim) if d not in moved), *moved))
    shape = tuple(A.shape[B.ndim :])
    if math.prod(shape) != math.prod(B.shape) or math.prod(A.shape[: B.ndim]) != math.prod(B.shape):
        raise ShapeError(f"linalg.tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got "
                         f"{math.prod(shape)} != {math.prod(A.shape[: B.ndim])} (A {describe(A)}, B {describe(B)})")
    return F.reshape(F.linalg_solve(F.reshape(A, shape=(math.prod(B.shape), math.prod(shape))), F.reshape(B, shape=(-1,))), shape=shape)


class TriangularSolution(NamedTuple):
    """The solution, and a copy of the triangle."""

    solution: Any
    cloned_coefficient: Any


@composite("triangular_solve(b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> tuple[Tensor, Tensor]")
def triangular_solve(F: Any, b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    """``linalg.solve_triangular`` with the right-hand side first, and a copy of ``A``; with ``transpose``, of the system with A^T."""
    turned = F.transpose(A, dim0=-2, dim1=-1) if transpose else A
    return TriangularSolution(F.linalg_solve_triangular(turned, b, upper=upper != transpose, unitriangular=unitriangular), F.clone(A))
