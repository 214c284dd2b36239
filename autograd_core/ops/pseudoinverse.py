"""Pseudo-inverses, least squares and rank: what remains of solving when a matrix is not square or not regular.

Gradients: G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate" (1973); they hold where the rank does not change.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, int64
from ..errors import ShapeError, describe
from ..op import S, composite, detached, ints, op
from ..spec import Meta, computed_dtype
from .matrices import COMPLEX, LINALG, adjoint_of, check_matrices, positive, real_dtype, regular, require_floating
from .spectral import linalg_eigh, linalg_svd

EPSILON = {"f": 2.0**-23, "d": 2.0**-52, "F": 2.0**-23, "D": 2.0**-52}
"""The distance from 1 to the next number, by the dtype's character."""


def _tolerance(xp: Any, largest: Any, shape: tuple[int, ...], char: str, atol: Any, rtol: Any) -> Any:
    """The size up to which a singular value counts as 0: the larger of ``atol`` and ``rtol`` times the largest singular value.

    If only ``atol`` is given and is positive, ``rtol`` is 0; if neither is, it is the dtype's epsilon times the larger size of the matrix.
    """
    default = EPSILON[char] * max(shape[-2:])
    if atol is None:
        relative: Any = default if rtol is None else rtol
        return largest * (relative[..., None] if getattr(relative, "ndim", 0) else relative)
    atol = xp.asarray(atol)[..., None]
    relative = xp.where(atol > 0, 0, default) if rtol is None else xp.asarray(rtol)[..., None]
    return xp.maximum(atol, relative * largest)


def _inverted(xp: Any, values: Any, keep: Any) -> Any:
    """One over the values to keep, 0 for the others."""
    return xp.where(keep, 1 / xp.where(keep, values, 1), 0).astype(values.dtype, copy=False)


def _pinv_spec(A: Any, atol: Any = None, rtol: Any = None, *, hermitian: bool = False) -> Meta:
    shape = check_matrices("linalg.pinv", A, square=hermitian)
    return Meta((*shape[:-2], shape[-1], shape[-2]), as_dtype(A.dtype))


@op("pseudo_inverse(A: Tensor, atol: TensorLike | None = None, rtol: TensorLike | None = None, hermitian: bool = False) -> Tensor", label="pinv", holomorphic=False,
    spec=_pinv_spec, extra={"written": "linalg.pinv"}, samples=[
        S(COMPLEX, None, None),
        S(regular(3, 3), None, None), S(regular(4, 2), None, None), S(regular(2, 2, 3), None, None), S(regular(3, 2), 0.1, 0.2), S((0, 3), None, None), S((2, 3, 0), None, None),
        S(positive(3, 3), None, None, hermitian=True)])
def pseudo_inverse(xp: Any, A: Any, atol: Any = None, rtol: Any = None, *, hermitian: bool = False) -> Any:
    """The pseudo-inverse of each matrix by its singular values, or eigenvalues for ``hermitian``, those up to the tolerance left out."""
    require_floating(A)
    if hermitian:
        values, U = linalg_eigh.kernel(xp, A)
        V, sizes = U, xp.abs(values)
        largest = sizes.max(axis=-1, keepdims=True) if sizes.size else sizes
    else:
        U, values, Vh = linalg_svd.kernel(xp, A, full_matrices=False)
        V, sizes, largest = Vh.swapaxes(-1, -2).conj(), values, values[..., :1]
    keep = sizes > _tolerance(xp, largest, A.shape, A.dtype.char, atol, rtol)
    return xp.matmul(V * _inverted(xp, values, keep)[..., None, :], U.swapaxes(-1, -2).conj())


def _pull(F: Any, g: Any, A: Any, P: Any) -> Any:
    """The cotangent of ``A`` from that of its pseudo-inverse ``P``: dP = -P dA P + P P^H dA^H (I - A P) + (I - P A) dA^H P^H P."""
    other, turned = adjoint_of(F, P), adjoint_of(F, g)
    first, second = F.matmul(turned, F.matmul(P, other)), F.matmul(F.matmul(other, P), turned)
    return -F.matmul(F.matmul(other, g), other) + first - F.matmul(A, F.matmul(P, first)) + second - F.matmul(F.matmul(second, P), A)


@pseudo_inverse.vjp("A")
def _(F: Any, g: Any, A: Any, out: Any) -> Any:
    return _pull(F, g, A, out)


_TOLERANCES = "hermitian: bool = False, *, atol: TensorLike | None = None, rtol: TensorLike | None = None"


@composite(f"linalg_pinv(A: Tensor, rcond: TensorLike | None = None, {_TOLERANCES}) -> Tensor", places=LINALG)
def linalg_pinv(F: Any, A: Any, rcond: Any = None, hermitian: bool = False, atol: Any = None, rtol: Any = None) -> Any:
    """The Moore-Penrose pseudo-inverse of each matrix, (..., n, m) for (..., m, n).

    Singular values up to ``max(atol, rtol * largest)`` count as 0; ``rtol`` is by default max(m, n) times the dtype's epsilon, or 0 if ``atol`` is given.
    ``rcond`` is its older name. ``hermitian`` matrices are taken apart by eigenvalues, and only their lower triangle is read. The gradient holds where the rank stays the same.

    >>> import autograd_core as ag
    >>> ag.linalg.pinv(ag.tensor([[2.0, 0.0], [0.0, 0.0]])).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    check_matrices("linalg.pinv", A, square=hermitian)
    return F.pseudo_inverse(A, detached(atol), detached(rcond if rtol is None else rtol), hermitian=hermitian)


@composite("pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor", out=False)
def pinverse(F: Any, input: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse of each matrix, with singular values up to ``rcond`` times the largest left out; see ``linalg.pinv``."""
    return F.linalg_pinv(input, rtol=rcond)


@composite(f"linalg_matrix_rank(A: Tensor, tol: TensorLike | None = None, {_TOLERANCES}) -> Tensor", places=LINALG)
def linalg_matrix_rank(F: Any, A: Any, tol: Any = None, hermitian: bool = False, atol: Any = None, rtol: Any = None) -> Any:
    """The number of singular values of each matrix above the tolerance, which is that of ``linalg.pinv``; int64, without a gradient.

    ``tol`` is an absolute tolerance, which stands alone.
    """
    shape = check_matrices("linalg.matrix_rank", A, square=hermitian)
    if tol is not None:
        atol, rtol = tol, 0.0
    A = detached(A)
    values = F.abs(F.linalg_eigvalsh(A)) if hermitian else F.linalg_svdvals(A)
    if not values.shape[-1]:
        return F.sum(values > 0, dim=-1)
    default = EPSILON[as_dtype(A.dtype).dtype.char] * max(shape[-2:])
    atol, rtol = (F.unsqueeze(detached(each), dim=-1) if getattr(each, "ndim", 0) else detached(each) for each in (atol, rtol))
    if rtol is None:
        rtol = default if atol is None else F.where(atol > 0, 0.0, default) if hasattr(atol, "dtype") else (0.0 if atol > 0 else default)
    bound = F.amax(values, dim=-1, keepdim=True) * rtol
    bound = bound if atol is None else F.maximum(bound, bound * 0 + atol)
    return F.sum(values > bound, dim=-1)


# --- least squares ------------------------------------------------------------------------------------------------

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _vectors(A: Any, B: Any) -> bool:
    return bool(A.ndim - 1 == B.ndim and tuple(A.shape[:-1]) == tuple(B.shape))


def _lstsq_spec(input: Any, b: Any, *, rcond: Any = None, driver: Any = None) -> tuple[Meta, Meta, Meta, Meta]:
    operands = f"input {describe(input)}, b {describe(b)}"
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(f"linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver!r}")
    if len(input.shape) < 2:
        raise ShapeError(f"linalg.lstsq: input must have at least 2 dimensions ({operands})")
    *batch, m, n = check_matrices("linalg.lstsq", input, square=False)
    if not b.shape:
        raise ShapeError(f"linalg.lstsq: b must have at least 1 dimension ({operands})")
    vector = _vectors(input, b)
    rows = b.shape[-1] if vector else b.shape[-2] if len(b.shape) > 1 else -1
    if rows != m:
        raise ShapeError(f"linalg.lstsq: input.size(-2) should match other.size({-1 if vector else -2}) ({operands})")
    dtype = computed_dtype("linalg.lstsq", "equal", (input, b))
    columns = () if vector else (b.shape[-1],)
    if not vector:
        batch = list(_common(tuple(batch), tuple(b.shape[:-2]), operands))
    residuals = (*batch, *(columns or (1,))) if m > n and driver in {"gels", "gelsd", "gelss"} else (0,)
    return (Meta((*batch, n, *columns), dtype), Meta(residuals, real_dtype(dtype)), Meta(tuple(batch) if driver != "gels" else (0,), int64),
            Meta((*batch, min(m, n)) if driver in {"gelsd", "gelss"} else (0,), real_dtype(dtype)))


def _common(first: tuple[int, ...], second: tuple[int, ...], operands: str) -> tuple[int, ...]:
    result = []
    for i in range(max(len(first), len(second)), 0, -1):
        sizes = {each[-i] for each in (first, second) if i <= len(each)} - {1}
        if len(sizes) > 1:
            raise ShapeError(f"linalg.lstsq: the batch dimensions {first} and {second} must broadcast ({operands})")
        result.append(sizes.pop() if sizes else 1)
    return tuple(result)


@op("linalg_lstsq(input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]", label="lstsq",
    places=LINALG, outputs=("solution", "residuals", "rank", "singular_values"), constant_outputs=(2, 3), promotes="equal", holomorphic=False, spec=_lstsq_spec, samples=[
        S(regular(4, 2), (4, 3)), S(regular(4, 2), (4, 3), driver="gelsd"), S(regular(2, 4, 2), (2, 4), driver="gels"), S(regular(2, 4), (2, 3)),
        S(regular(3, 3), (3, 1), rcond=0.001),
        S(regular(2, 4, 2), (1, 4, 1), driver="gelss"), S((0, 3, 2), (0, 3, 1)), S((3,), (3,), error=RuntimeError, match="at least 2 dimensions"),
        S((3, 2), (2, 2), error=RuntimeError, match="should match"), S((3, 2), (3, 2), driver="x", error=RuntimeError, match="should be one of"),
        S(ints(2, 2), ints(2, 2), error=RuntimeError, match="floating point")])
def linalg_lstsq(xp: Any, input: Any, b: Any, *, rcond: Any = None, driver: Any = None) -> Any:
    """X that minimises the length of ``input X - b``, the shortest one if there are several: ``(solution, residuals, rank, singular_values)``.

    ``b`` holds matrices (..., m, k), or vectors (..., m) if it lacks just the last dimension of ``input``. Singular values up to ``rcond`` times
    the largest count as 0 (default: max(m, n) times the dtype's epsilon). ``driver`` decides what is returned beside the solution, as in PyTorch:
    ``residuals``, the squared lengths, for m > n and full rank with ``'gels'``, ``'gelsd'`` and ``'gelss'``; ``rank`` except with ``'gels'``;
    ``singular_values`` with ``'gelsd'`` and ``'gelss'``; the default is ``'gelsy'``. All of them compute by singular values. What is not returned is empty.
    """
    require_floating(input, b)
    vector = _vectors(input, b)
    if (b.ndim < 2 and not vector) or (driver is not None and driver not in _DRIVERS):
        raise ValueError("b or driver")
    m, n = input.shape[-2:]
    B = b[..., None] if vector else b
    U, values, Vh = linalg_svd.kernel(xp, input, full_matrices=False)
    keep = values > values[..., :1] * (EPSILON[input.dtype.char] * max(m, n) if rcond is None else rcond)
    weights = xp.matmul(U.swapaxes(-1, -2).conj(), B) * _inverted(xp, values, keep)[..., None]
    solution = xp.matmul(Vh.swapaxes(-1, -2).conj(), weights)
    count = keep.sum(axis=-1)
    nothing = xp.zeros((0,), dtype=values.dtype)
    residuals = nothing
    if m > n and driver in {"gels", "gelsd", "gelss"} and (driver == "gels" or bool((count == n).all())):
        error = xp.abs(xp.matmul(input, solution) - B)
        residuals = (error * error).sum(axis=-2)
    count = xp.broadcast_to(count, solution.shape[:-2])
    spectrum = xp.broadcast_to(values, solution.shape[:-2] + values.shape[-1:])
    return (solution[..., 0] if vector else solution, residuals, xp.array(count, dtype="int64") if driver != "gels" else xp.zeros((0,), dtype="int64"),
            xp.array(spectrum) if driver in {"gelsd", "gelss"} else nothing)


@linalg_lstsq.vjp()
def _(F: Any, g: Any, input: Any, b: Any, rcond: Any) -> Any:
    of_solution, of_residuals = g[0], g[1]
    vector = _vectors(input, b)
    B = F.unsqueeze(b, dim=-1) if vector else b
    P = F.pseudo_inverse(input, None, rcond)
    of_input = of_b = None
    if of_solution is not None:
        G = F.unsqueeze(of_solution, dim=-1) if vector else of_solution
        of_b = F.matmul(adjoint_of(F, P), G)
        of_input = _pull(F, F.matmul(G, adjoint_of(F, B)), input, P)
    if of_residuals is not None and of_residuals.shape != (0,):
        X = F.matmul(P, B)
        error = (F.matmul(input, X) - B) * (F.unsqueeze(of_residuals, dim=-2) * 2)
        of_b = -error if of_b is None else of_b - error
        part = F.matmul(error, adjoint_of(F, X))
        of_input = part if of_input is None else of_input + part
    if of_b is None:
        return input * 0, b * 0
    of_input, of_b = F.sum_to(of_input, shape=tuple(input.shape)), F.sum_to(of_b, shape=tuple(B.shape))
    return of_input, F.squeeze(of_b, dim=-1) if vector else of_b
