"""NumPy's ``linalg`` and ``fft`` functions on Tensors, under the same names and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import fft, linalg
from .register import FUNCTIONS, named, promoted, tensor_of


def _one(name: str) -> Callable[..., Any]:
    function = getattr(linalg, name)
    return lambda a: function(tensor_of(a))


for _name in ("det", "slogdet", "inv", "eig", "eigvals", "svdvals"):
    FUNCTIONS[f"linalg.{_name}"] = _one(_name)


@named("linalg.norm")
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = tensor_of(x)
    if axis is None and (ord is None or x.ndim == 1):
        flat = linalg.vector_norm(x.reshape(-1), 2 if ord is None else ord)
        return flat.reshape((1,) * x.ndim) if keepdims else flat
    if axis is None:
        axis = (-2, -1)
        if x.ndim != 2:
            raise ValueError("Improper number of dimensions to norm.")
    if isinstance(axis, int) or len(axis) == 1:
        return linalg.vector_norm(x, 2 if ord is None else ord, dim=axis, keepdim=keepdims)
    return linalg.matrix_norm(x, "fro" if ord is None else ord, dim=tuple(axis), keepdim=keepdims)


@named("linalg.vector_norm")
def _vector_norm(x: Any, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return linalg.vector_norm(tensor_of(x), ord, dim=axis, keepdim=keepdims)


@named("linalg.matrix_norm")
def _matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return linalg.matrix_norm(tensor_of(x), ord, keepdim=keepdims)


@named("linalg.solve")
def _solve(a: Any, b: Any) -> Any:
    a, b = promoted(a, b)
    return linalg.solve(a, b.unsqueeze(-1)).squeeze(-1) if b.ndim == 1 else linalg.solve(a, b)


@named("linalg.cholesky")
def _cholesky(a: Any, *, upper: bool = False) -> Any:
    return linalg.cholesky(tensor_of(a), upper=upper)


@named("linalg.eigh")
def _eigh(a: Any, UPLO: str = "L") -> Any:
    return linalg.eigh(tensor_of(a), UPLO)


@named("linalg.eigvalsh")
def _eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return linalg.eigvalsh(tensor_of(a), UPLO)


@named("linalg.qr")
def _qr(a: Any, mode: str = "reduced") -> Any:
    found = linalg.qr(tensor_of(a), mode)
    return found[1] if mode == "r" else found


@named("linalg.svd")
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return linalg.svd(tensor_of(a), full_matrices) if compute_uv else linalg.svdvals(tensor_of(a))


@named("linalg.pinv")
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    return linalg.pinv(tensor_of(a), rtol=rcond if rtol is None else rtol, hermitian=hermitian)


@named("linalg.matrix_power")
def _matrix_power(a: Any, n: int) -> Any:
    return linalg.matrix_power(tensor_of(a), n)


@named("linalg.multi_dot")
def _multi_dot(arrays: Any) -> Any:
    return linalg.multi_dot(promoted(*arrays))


@named("linalg.cond")
def _cond(x: Any, p: Any = None) -> Any:
    return linalg.cond(tensor_of(x), p)


@named("linalg.matrix_rank")
def _matrix_rank(A: Any, *args: Any, **kwargs: Any) -> Any:
    return np.linalg.matrix_rank(tensor_of(A).detach().cpu().numpy(), *args, **kwargs)


@named("linalg.matrix_transpose", "matrix_transpose")
def _matrix_transpose(x: Any) -> Any:
    return tensor_of(x).mT


# --- Fourier transforms -------------------------------------------------------------------------------------------


def _transform(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, n=None, axis=-1, norm=None: function(tensor_of(a), n, axis, norm)


def _transform_plane(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, s=None, axes=(-2, -1), norm=None: function(tensor_of(a), s, tuple(axes), norm)


def _transform_all(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, s=None, axes=None, norm=None: function(tensor_of(a), s, axes if axes is None else tuple(axes), norm)


def _shift(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, axes=None: function(tensor_of(x), axes)


for _family, _names in ((_transform, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")), (_transform_plane, ("fft2", "ifft2", "rfft2", "irfft2")),
                        (_transform_all, ("fftn", "ifftn", "rfftn", "irfftn")), (_shift, ("fftshift", "ifftshift"))):
    for _name in _names:
        FUNCTIONS[f"fft.{_name}"] = _family(getattr(fft, _name))
