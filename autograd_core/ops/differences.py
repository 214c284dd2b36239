"""Differences of neighbours, and integrals of sampled functions by the trapezoidal rule."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, bool_
from ..op import S, composite, op
from ..spec import Meta, wrap_dim
from .index import FULL


def _from_to(F: Any, input: Any, dim: int, start: int | None, stop: int | None) -> Any:
    return F.slice_view(input, key=(*[slice(None)] * dim, slice(start, stop)))


@op("differences(input: Tensor, dim: int) -> Tensor", kind="general", label="Δ", spec=lambda input, *, dim: Meta(changed(input.shape, dim, -1), input.dtype), samples=[
    S((4,), dim=0), S((2, 3, 2), dim=1), S((1, 2), dim=0), S((3, 0), dim=0)])
def differences(xp: Any, input: Any, *, dim: int) -> Any:
    """Each element but the first along ``dim`` less the one before it."""
    before = (FULL,) * dim
    return input[(*before, slice(1, None))] - input[(*before, slice(None, -1))]


@differences.vjp("input")
def _(F: Any, g: Any, dim: int) -> Any:
    return F.differences_adjoint(g, dim=dim)


@op("differences_adjoint(input: Tensor, dim: int) -> Tensor", kind="general", label="Δᵀ", spec=lambda input, *, dim: Meta(changed(input.shape, dim, 1), input.dtype), samples=[
    S((4,), dim=0), S((2, 3, 2), dim=1), S((0, 2), dim=0)])
def differences_adjoint(xp: Any, input: Any, *, dim: int) -> Any:
    """The adjoint of ``differences``: each element is added after its place and subtracted at it."""
    before = (FULL,) * dim
    result = xp.zeros(changed(input.shape, dim, 1), dtype=input.dtype)
    result[(*before, slice(1, None))] = input
    result[(*before, slice(None, -1))] -= input
    return result


@differences_adjoint.vjp("input")
def _(F: Any, g: Any, dim: int) -> Any:
    return F.differences(g, dim=dim)


def changed(shape: Any, dim: int, by: int) -> tuple[int, ...]:
    """The shape with the size of ``dim`` changed."""
    return (*shape[:dim], shape[dim] + by, *shape[dim + 1 :])


@composite("diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor")
def diff(F: Any, input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along ``dim``, ``n`` times over, after ``prepend`` and ``append`` were joined on (not if ``n`` is 0). Of booleans: whether they differ.

    Raises ``RuntimeError`` for a tensor without dimensions, a negative ``n``, or a tensor to join that does not fit.

    >>> import autograd_core as ag
    >>> ag.diff(ag.tensor([1, 4, 9])).tolist()
    [3, 5]
    """
    if not input.ndim:
        raise RuntimeError("diff: expects input to be at least one-dimensional, got a tensor without dimensions. Use unsqueeze(0)")
    if n < 0:
        raise RuntimeError(f"diff: order must be non-negative but got n={n}")
    dim = wrap_dim(dim, input.ndim, "diff")
    for name, other in (("prepend", prepend), ("append", append)):
        if other is not None and [size for d, size in enumerate(other.shape) if d != dim] != [size for d, size in enumerate(input.shape) if d != dim]:
            raise RuntimeError(f"diff: {name} {tuple(other.shape)} must have the shape of input {tuple(input.shape)} except along dimension {dim}")
    if not n:
        return F.clone(input)
    parts = [part for part in (prepend, input, append) if part is not None]
    if len(parts) > 1:
        input = F.cat(parts, dim=dim)
    for _ in range(min(n, input.shape[dim])):
        input = F.ne(_from_to(F, input, dim, 1, None), _from_to(F, input, dim, None, -1)) if input.dtype == bool_ else F.differences(input, dim=dim)
    return input


def _areas(F: Any, name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """Twice the areas under the lines between neighbours, and the dimension along which they lie."""
    if y.dtype == bool_ or getattr(x, "dtype", None) == bool_:
        raise RuntimeError(f"{name}: received a bool input, which is not supported. Convert it with .float()")
    if not y.ndim:
        raise IndexError(f"{name}: y must have at least one dimension to integrate along, got a tensor without dimensions")
    at = wrap_dim(dim, y.ndim, name)
    if x is not None and dx is not None:
        raise TypeError(f"{name}: give either x or dx, not both")
    heights = _from_to(F, y, at, 1, None) + _from_to(F, y, at, None, -1)
    if x is None:
        return heights * (1 if dx is None else dx), at
    if x.ndim == 1:
        if x.shape[0] != y.shape[at]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point, got {x.shape[0]} for {y.shape[at]} along dimension {at} of y {tuple(y.shape)}")
        x = F.reshape(x, shape=(-1, *[1] * (y.ndim - at - 1)))
        return heights * F.diff(x, dim=0), at
    if x.ndim < y.ndim:
        x = F.reshape(x, shape=(*[1] * (y.ndim - x.ndim), *x.shape))
    return heights * F.diff(x, dim=dim if dim < 0 else dim + x.ndim - y.ndim), at


_PARAMETERS = "(y: Tensor, x: Tensor | None = None, *, dx: TensorLike | None = None, dim: int = -1) -> Tensor"


def _evenly(F: Any, y: Any, dx: Any, at: int) -> Any:
    """The trapezoidal rule with one distance between all points: all samples count once, the first and the last a half."""
    lead = (slice(None),) * at
    total = F.sum(_from_to(F, y, at, 1, -1), dim=at) + (F.slice_view(y, key=(*lead, 0)) + F.slice_view(y, key=(*lead, -1))) / 2
    return total if dx is None else total * dx


@composite("trapezoid" + _PARAMETERS, out=False, places=("torch",), aliases=("trapz",))
def trapezoid(F: Any, y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral of samples ``y`` along ``dim`` by the trapezoidal rule, at the points ``x`` or ``dx`` apart (default 1).

    Raises ``RuntimeError`` unless a one-dimensional ``x`` has a value for each sample, and for booleans.

    >>> import autograd_core as ag
    >>> ag.trapezoid(ag.tensor([1.0, 2.0, 4.0]), ag.tensor([0.0, 1.0, 3.0])).item()
    7.5
    """
    if x is None and y.ndim and y.dtype != bool_ and y.shape[wrap_dim(dim, y.ndim, "trapezoid")] > 1 and not getattr(dx, "ndim", 0):
        return _evenly(F, y, dx, wrap_dim(dim, y.ndim, "trapezoid"))
    areas, at = _areas(F, "trapezoid", y, x, dx, dim)
    if not y.shape[at]:
        return F.to_dtype(F.sum(y, dim=at), dtype=as_dtype(y.dtype))
    return F.sum(areas, dim=at) / 2


@composite("cumulative_trapezoid" + _PARAMETERS, out=False, places=("torch",))
def cumulative_trapezoid(F: Any, y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integrals of samples ``y`` from the first to each following one along ``dim``; see ``trapezoid``."""
    areas, at = _areas(F, "cumulative_trapezoid", y, x, dx, dim)
    return F.cumsum(areas, dim=at) / 2
