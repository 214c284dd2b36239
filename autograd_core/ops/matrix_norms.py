"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import composite
from ..spec import wrap_dim
from .matrices import LINALG, check_floating, check_matrices


def _converted(F: Any, name: str, x: Any, dtype: Any) -> Any:
    own = as_dtype(x.dtype)
    if not (own.is_floating_point or own.is_complex):
        check_floating(name, x)
    return x if dtype is None else F.to_dtype(x, dtype=as_dtype(dtype))


def _vector_norm(F: Any, name: str, x: Any, order: Any, dim: Any, keepdim: bool) -> Any:
    order = float(order)
    if dim is not None and not isinstance(dim, int):
        dim = tuple(dim) or None
    dims = () if dim is None else [wrap_dim(d, x.ndim, name) for d in ((dim,) if isinstance(dim, int) else dim)]
    if (order < 0 or order == math.inf) and not all(x.shape[d] for d in (dims or range(x.ndim)) if x.ndim):
        raise RuntimeError(f"{name}: linalg.vector_norm cannot compute the {order:g} norm on an empty tensor because the operation does not have an identity (x {describe(x)})")
    return F.norm_over(x, p=order, dim=dim, keepdim=keepdim)


@composite("linalg_vector_norm(x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", places=LINALG)
def linalg_vector_norm(F: Any, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """``sum(|x| ** ord) ** (1 / ord)`` over ``dim``, by default over all elements; ``inf`` and ``-inf`` give the largest and smallest magnitude, 0 the
    number of elements that are not 0. The gradient at 0 is 0.

    >>> import autograd_core as ag
    >>> ag.linalg.vector_norm(ag.tensor([3.0, 4.0])).item()
    5.0
    """
    if not isinstance(ord, (int, float)):
        raise TypeError(f"linalg.vector_norm: argument 'ord' must be Number, not {type(ord).__name__}")
    return _vector_norm(F, "linalg.vector_norm", _converted(F, "linalg.vector_norm", x, dtype), ord, dim, keepdim)


def _restored(F: Any, result: Any, dims: tuple[int, int], keepdim: bool) -> Any:
    for d in sorted(dims) if keepdim else ():
        result = F.unsqueeze(result, dim=d)
    return result


def _matrix_norm(F: Any, A: Any, order: Any, dims: tuple[int, int], keepdim: bool) -> Any:
    if order == "fro":
        return F.norm_over(A, p=2.0, dim=dims if A.ndim > 2 or keepdim else None, keepdim=keepdim)
    if order == "nuc" or order in (2, -2):
        values = F.linalg_svdvals(F.movedim(A, source=dims, destination=(-2, -1)))
        reduce = F.sum if order == "nuc" or (order == 2 and not values.shape[-1]) else F.amax if order == 2 else F.amin
        return _restored(F, reduce(values, dim=-1), dims, keepdim)
    if order not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {order} not supported. Use 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2")
    summed, kept = dims if order in (1, -1) else dims[::-1]
    sums = F.norm_over(A, p=1.0, dim=summed, keepdim=True)
    reduce = F.amin if order < 0 else F.amax if A.shape[kept] else F.sum  # the largest of no sums is 0
    result = reduce(sums, dim=kept, keepdim=True)
    return result if keepdim else F.squeeze(result, dim=dims)


@composite("linalg_matrix_norm(A: Tensor, ord: float | str = 'fro', dim: Sequence[int] = (-2, -1), keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor",
           places=LINALG)
def linalg_matrix_norm(F: Any, A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of the matrices in the two dimensions ``dim``.

    ``'fro'`` is the root of the sum of squares, ``'nuc'`` the sum of the singular values, 2 and -2 the largest and smallest singular value, ``inf``
    and ``-inf`` the largest and smallest sum of a row's magnitudes, 1 and -1 those of a column.

    >>> import autograd_core as ag
    >>> ag.linalg.matrix_norm(ag.tensor([[1.0, -2.0], [3.0, 4.0]]), ord=1).item()
    6.0
    """
    if A.ndim < 2:
        raise ShapeError(f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions (A {describe(A)}). Use linalg.vector_norm")
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    dims = wrap_dim(dim[0], A.ndim, "linalg.matrix_norm"), wrap_dim(dim[1], A.ndim, "linalg.matrix_norm")
    if dims[0] == dims[1]:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got {tuple(dim)}")
    return _matrix_norm(F, _converted(F, "linalg.matrix_norm", A, dtype), ord, dims, keepdim)


@composite("linalg_norm(A: Tensor, ord: float | str | None = None, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", places=LINALG)
def linalg_norm(F: Any, A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """``linalg.vector_norm`` or ``linalg.matrix_norm``, as the arguments say.

    Without ``ord`` the Euclidean length over ``dim``, by default of all elements. With ``ord`` that vector norm of a vector or over one dimension, that
    matrix norm of a matrix or over two dimensions.

    >>> import autograd_core as ag
    >>> ag.linalg.norm(ag.tensor([[3.0, 0.0], [0.0, 4.0]])).item(), ag.linalg.norm(ag.tensor([[3.0, 0.0], [0.0, 4.0]]), 2).item()
    (5.0, 4.0)
    """
    x = _converted(F, "linalg.norm", A, dtype)
    if dim is not None:
        dim = (dim,) if isinstance(dim, int) else tuple(dim)
        if len(dim) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dim)}")
    elif ord is not None and x.ndim not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {x.ndim}D (A {describe(A)})")
    if ord is not None and (len(dim) if dim is not None else x.ndim) == 2:
        return F.linalg_matrix_norm(x, ord=ord, dim=(-2, -1) if dim is None else dim, keepdim=keepdim)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord} not supported for vectors (A {describe(A)}). Use a number")
    return _vector_norm(F, "linalg.norm", x, 2 if ord is None else ord, dim, keepdim)


@composite("linalg_cond(A: Tensor, p: float | str | None = None) -> Tensor", places=LINALG)
def linalg_cond(F: Any, A: Any, p: Any = None) -> Any:
    """The condition number of each matrix: the norm of order ``p`` times that of the inverse; ``inf`` for singular matrices.

    For ``p`` None and 2 it is the largest singular value over the smallest, for -2 the reverse; these take matrices of any shape.
    """
    if A.ndim < 2:
        raise ShapeError(f"linalg.cond: The input tensor must have at least 2 dimensions (A {describe(A)})")
    if p in (None, 2, -2) and math.prod(A.shape):
        values = F.linalg_svdvals(A)
        first, last = F.select(values, dim=-1, index=0), F.select(values, dim=-1, index=-1)
        return last / first if p == -2 else first / last
    if p not in (None, 2, -2, "fro", "nuc", 1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.cond: got an invalid norm type: {p}. Use None, 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2")
    if math.prod(A.shape) or isinstance(p, str):
        check_matrices("linalg.cond", A)
    if not math.prod(A.shape):
        return F.sum(F.abs(A), dim=(-2, -1))  # 0 for each matrix of a batch, as in PyTorch
    if p == "nuc":  # the singular values of the inverse, without computing it
        values = F.linalg_svdvals(A)
        return F.sum(values, dim=-1) * F.sum(F.reciprocal(values), dim=-1)
    return F.linalg_matrix_norm(A, ord=p) * F.linalg_matrix_norm(F.linalg_inv_ex(A)[0], ord=p)


@composite("frobenius_norm(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor", places=("torch",))
def frobenius_norm(F: Any, input: Any, dim: Any, keepdim: bool = False) -> Any:
    """The square root of the sum of squares over ``dim``: ``linalg.vector_norm``."""
    return F.linalg_vector_norm(input, dim=dim, keepdim=keepdim)


@composite("nuclear_norm(input: Tensor, dim: Sequence[int] = (-2, -1), keepdim: bool = False) -> Tensor", places=("torch",))
def nuclear_norm(F: Any, input: Any, dim: Any = (-2, -1), keepdim: bool = False) -> Any:
    """The sum of the singular values: ``linalg.matrix_norm(input, "nuc")``."""
    return F.linalg_matrix_norm(input, ord="nuc", dim=dim, keepdim=keepdim)


@composite("renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor", inplace=True)
def renorm(F: Any, input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """``input`` with those slices along ``dim`` whose ``p``-norm exceeds ``maxnorm`` made that long."""
    at = wrap_dim(dim, input.ndim, "renorm")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    if p <= 0 or maxnorm < 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, and expected maxnorm to be >= 0 (p {p}, maxnorm {maxnorm})")
    norm = F.linalg_vector_norm(input, ord=p, dim=tuple(d for d in range(input.ndim) if d != at), keepdim=True)
    return F.contiguous(input * F.where(norm > maxnorm, maxnorm / (norm + 1e-7), 1.0))
