"""NumPy's products on Tensors."""

from __future__ import annotations

from typing import Any

from .. import _methods as m
from .register import named, promoted, tensor_of
from .shapes import ravel


@named("dot")
def _dot(a: Any, b: Any) -> Any:
    a, b = promoted(a, b)
    if not a.ndim or not b.ndim:
        return a * b
    return m.matmul(a, b) if b.ndim < 3 else m.tensordot(a, b, dims=([-1], [-2]))


@named("matmul", "linalg.matmul")
def _matmul(x1: Any, x2: Any) -> Any:
    return m.matmul(*promoted(x1, x2))


@named("inner")
def _inner(a: Any, b: Any) -> Any:
    a, b = promoted(a, b)
    return m.tensordot(a, b, dims=([a.ndim - 1], [b.ndim - 1])) if a.ndim and b.ndim else a * b


@named("outer", "linalg.outer")
def _outer(a: Any, b: Any) -> Any:
    return m.outer(*promoted(ravel(a), ravel(b)))


@named("vdot")
def _vdot(a: Any, b: Any) -> Any:
    return m.dot(*promoted(m.conj(ravel(a)), ravel(b)))


@named("tensordot", "linalg.tensordot")
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    dims = axes if isinstance(axes, int) else tuple([each] if isinstance(each, int) else list(each) for each in axes)
    first, second = promoted(a, b)
    return m.tensordot(first, second, dims=dims)


@named("einsum")
def _einsum(subscripts: str, *operands: Any, optimize: Any = False) -> Any:
    return m.einsum(subscripts, *promoted(*operands))


@named("kron")
def _kron(a: Any, b: Any) -> Any:
    a, b = tensor_of(a), tensor_of(b)
    ndim = max(a.ndim, b.ndim)
    first, second = (1,) * (ndim - a.ndim) + tuple(a.shape), (1,) * (ndim - b.ndim) + tuple(b.shape)
    apart = a.reshape([n for size in first for n in (size, 1)]) * b.reshape([n for size in second for n in (1, size)])
    return apart.reshape([n * k for n, k in zip(first, second, strict=True)])


@named("cross")
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    a, b = m.movedim(tensor_of(a), axisa, -1), m.movedim(tensor_of(b), axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ValueError(f"numpy.cross on tensors takes vectors of three components, got {a.shape[-1]} and {b.shape[-1]}")
    parts = [a[..., i] * b[..., j] - a[..., j] * b[..., i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return m.stack(parts, dim=axisc)
