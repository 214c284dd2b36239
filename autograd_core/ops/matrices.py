"""What the operations on matrices share: checks, the conjugate transpose, samples, and the errors of singular matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..errors import LinAlgError, ShapeError, UnsupportedDtypeError, describe
from ..op import Arg
from ..spec import Meta

LINALG = ("linalg",)
"""The place of what stands in ``autograd_core.linalg`` only."""


def check_matrices(op: str, A: Any, square: bool = True) -> tuple[int, ...]:
    """The shape of ``A``; raise unless it holds floating point or complex matrices, square ones if asked."""
    shape = tuple(A.shape)
    if len(shape) < 2:
        raise ShapeError(f"{op}: The input tensor A must have at least 2 dimensions (A {describe(A)})")
    if square and shape[-1] != shape[-2]:
        raise ShapeError(f"{op}: A must be batches of square matrices, but they are {shape[-2]} by {shape[-1]} matrices (A {describe(A)})")
    check_floating(op, A)
    return shape


def check_floating(op: str, *operands: Any) -> None:
    """Raise unless LAPACK has routines for the dtypes: float32, float64, complex64 and complex128."""
    for operand in operands:
        dtype = as_dtype(operand.dtype)
        if not (dtype.is_floating_point or dtype.is_complex):
            raise UnsupportedDtypeError(f"{op}: Expected a floating point or complex tensor as input. Got {dtype.name} ({describe(operand)}). Convert it with .float()")
        if dtype.name in {"float16", "bfloat16"}:
            raise UnsupportedDtypeError(f"{op}: Low precision dtypes not supported. Got {dtype.name} ({describe(operand)}). Convert it with .float()")


def require_floating(*arrays: Any) -> None:
    """For kernels: raise where the library would quietly convert integers; the op's shape rule then words the error."""
    for array in arrays:
        if array.dtype.char not in "fdFD":
            raise TypeError("not a dtype of linear algebra")


def square_spec(op: str) -> Callable[..., Meta]:
    """The rule of an op that makes matrices of the same shape out of square matrices."""

    def spec(A: Any, **attrs: Any) -> Meta:
        return Meta(check_matrices(op, A), as_dtype(A.dtype))

    return spec


def real_dtype(dtype: Any) -> Any:
    """The dtype of the magnitudes of numbers of ``dtype``."""
    own = as_dtype(dtype)
    return as_dtype({"complex64": "float32", "complex128": "float64"}.get(own.name, own.name))


def transposed(F: Any, A: Any) -> Any:
    """The matrices with rows and columns swapped."""
    return F.transpose(A, dim0=-2, dim1=-1)


def adjoint_of(F: Any, A: Any) -> Any:
    """The conjugate transposes of matrices."""
    swapped = F.transpose(A, dim0=-2, dim1=-1)
    return F.conj(swapped) if F.is_complex(A) else swapped


def conjugate_of(F: Any, value: Any) -> Any:
    """The complex conjugate, without a copy of real numbers."""
    return F.conj(value) if F.is_complex(value) else value


def finite(xp: Any, result: Any, place: int) -> Any:
    """Whether the first (0) or the last (-1) element of each matrix is. A GPU is not asked."""
    size, shape = result.size, result.shape
    if not size or backend_of(result).name != "cpu":
        return True
    if size > shape[-2] * shape[-1]:
        values = result[..., place, place]
        return math.isfinite(abs(xp.vdot(values, values)))
    value = result.item(place)
    return value - value == 0


def reached(xp: Any, A: Any, result: Any) -> Any:
    """NaN throughout an inverse of a matrix that has one: the library may put it in the first element and leave others finite."""
    return result if finite(xp, result, 0) else xp.where(xp.isnan(A).any(axis=(-2, -1))[..., None, None], result.dtype.type(xp.nan), result)


# --- errors of the factorizations ---------------------------------------------------------------------------------


def first_failure(attempt: Callable[[Any], Any], matrices: Any) -> tuple[str, Any]:
    """Which of the matrices makes ``attempt`` fail, in words if they are a batch, and the matrix itself."""
    for i, matrix in enumerate(matrices.reshape(-1, *matrices.shape[-2:])):
        try:
            attempt(matrix)
        except ValueError:
            return (f"(Batch element {i}): " if matrices.ndim > 2 else ""), matrix
    raise ValueError("no matrix of the batch fails on its own")


def first_zero_pivot(matrix: Any) -> int:
    """The number of the first pivot that is 0 in Gaussian elimination with partial pivoting, counted from 1; 0 if there is none."""
    rest = matrix.copy()
    size = len(rest)
    for k in range(size):
        best = k + int(abs(rest[k:, k]).argmax())
        if rest[best, k] == 0:
            return k + 1
        rest[[k, best]] = rest[[best, k]]
        rest[k + 1 :, k:] -= rest[k + 1 :, k, None] / rest[k, k] * rest[k, k:]
    return 0


def singular(op: str, xp: Any, matrices: Any, what: str) -> LinAlgError:
    """The error for a batch in which some matrix is singular; ``{k}`` in ``what`` is the first pivot that is zero."""
    where, matrix = first_failure(xp.linalg.inv, matrices)
    return LinAlgError(f"{op}: {where}{what.format(k=first_zero_pivot(matrix))} (A {describe(matrices)})")


def not_converged(op: str, xp: Any, A: Any, square: bool = True) -> Exception:
    """The error for matrices whose eigenvalues or singular values the library did not find."""
    check_matrices(op, A, square)
    finite = xp.isfinite(A).all(axis=(-2, -1)).reshape(-1)
    where = f"(Batch element {int(finite.argmin())}): " if A.ndim > 2 and not finite.all() else ""
    cause = "is ill-conditioned or has too many repeated values" if finite.all() else "contained non-finite values"
    return LinAlgError(f"{op}: {where}The algorithm failed to converge because the input matrix {cause} (A {describe(A)})")


# --- samples ------------------------------------------------------------------------------------------------------


def _entry(position: int) -> float:
    """Numbers between -1 and 1 without a pattern that a matrix could be singular by."""
    return (position * position * 37 + position * 101 + 17) % 199 / 100 - 1.0


def _nested(shape: tuple[int, ...], entry: Callable[..., float], *index: int) -> Any:
    return [_nested(shape[1:], entry, *index, i) for i in range(shape[0])] if shape else entry(*index)


def regular(*shape: int) -> Arg:
    """Square matrices far from singular, with singular values apart from each other."""

    def entry(*index: int) -> float:
        *batch, i, j = index
        return 0.4 * _entry(13 * i + 7 * j + 5 * sum(batch)) + (1.5 + i if i == j else 0.0)

    return Arg(values=_nested(shape, entry))


COMPLEX = Arg(values=[[1.5 + 0.3j, 0.2 - 0.4j], [0.1 + 0.5j, -2.0 + 0.2j]])
COMPLEX_POSITIVE = Arg(values=[[2.0 + 0j, 0.3 + 0.4j], [0.3 - 0.4j, 1.5 + 0j]])


def positive(*shape: int) -> Arg:
    """Symmetric positive definite matrices with eigenvalues apart from each other."""

    def entry(*index: int) -> float:
        *batch, i, j = index
        return 0.4 * _entry(13 * max(i, j) + 7 * min(i, j) + 5 * sum(batch)) + (1.5 + i if i == j else 0.0)

    return Arg(values=_nested(shape, entry))
