"""Variance, standard deviation and norms."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ..dtypes import as_dtype, is_complex
from ..errors import describe
from ..kernels.blocks import at_hand
from ..kernels.numbers import positive
from ..kernels.strided import in_rows
from ..op import S, composite, distinct, ints, op, span
from ..spec import Meta, broadcast, computed_dtype, reduction_spec
from .complex_numbers import PARTS
from .reduce import HALF, INFINITY, axes, count, expand_reduced, widened


def _moment(xp: Any, input: Any, dim: Any, correction: Any, keepdim: bool) -> tuple[Any, Any]:
    """The variance, and the deviations from the mean."""
    if input.dtype.kind not in "fc":
        raise TypeError("variance of integers")
    n = count(input.shape, dim)
    axis = axes(dim)
    if not n:
        return input.real.sum(axis=axis, keepdims=keepdim) + math.nan, input
    wide = widened(input)
    deviation = wide - wide.sum(axis=axis, keepdims=axis is not None) / n
    total = in_rows(xp, (deviation * deviation if deviation.dtype.kind == "f" else (deviation * deviation.conj()).real).sum(axis=axis, keepdims=keepdim))
    if n > correction:
        return total / (n - correction), deviation
    return xp.where(total > 0, INFINITY, math.nan).astype(total.dtype), deviation


def _moment_spec(name: str) -> Any:
    def spec(input: Any, *, dim: Any = None, keepdim: bool = False, **attrs: Any) -> Meta:
        own = as_dtype(input.dtype)
        if not (own.is_floating_point or own.is_complex):
            raise RuntimeError(f"{name}: only supports floating point and complex dtypes (input {describe(input)}). Convert it with .float()")
        return replace(reduction_spec(name)(input, dim=dim, keepdim=keepdim), dtype=PARTS.get(own, own))

    return spec


_MOMENTS = [S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=-1, keepdim=True), S((1, 3), dim=1), S((), correction=-1), S((), dim=0, correction=-1), S((0, 3), dim=1),
            S((2, 3, 4), dim=(0, -1)), S((2, 3, 4), dim=(1, 2), keepdim=True), S((3,), dim=1, error=IndexError, match="out of range"), S((3, 4), dim=1, correction=0),
            S((3, 4), correction=2), S(ints(3), error=RuntimeError, match="only supports floating point")]


@op("variance(input: Tensor, dim: Dims = None, correction: Number = 1, keepdim: bool = False) -> Tensor", kind="reduction", label="var",
    spec=_moment_spec("var"), samples=_MOMENTS)
def variance(xp: Any, input: Any, *, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """The variance over ``dim``, in two passes: the mean first, then the squared deviations divided by ``n - correction``."""
    return _variance_parts(xp, input, dim=dim, correction=correction, keepdim=keepdim)[0]


def _variance_parts(xp: Any, input: Any, *, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> tuple[Any, Any]:
    result, deviation = _moment(xp, input, dim, correction, keepdim)
    return result.astype(HALF) if input.dtype is HALF else result, deviation


def _from_mean(F: Any, input: Any, dim: Any) -> Any:
    """The deviations from the mean, which point away from it: complex ones arrive here conjugated."""
    deviation = input - F.mean(input, dim=dim, keepdim=True)
    return F.conj(deviation) if is_complex(deviation) else deviation


def _spread(F: Any, g: Any, deviation: Any, shape: Any, dim: Any, correction: Any, keepdim: bool, factor: int = 2, out: Any = None) -> Any:
    """The gradient of the variance, or with ``out`` of its root; where no freedom is left, all lead away from the mean of everything, as in PyTorch."""
    freedom = count(shape, dim) - correction
    if freedom <= 0 and (dim is None or not shape):
        freedom, deviation = 0, F.abs(deviation)
    g = g * (factor / freedom if freedom else INFINITY)
    return expand_reduced(F, g if out is None else over(F, g, out), shape, dim, keepdim) * deviation


@variance.vjp("input")
def _(F: Any, g: Any, input: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    return _spread(F, g, _from_mean(F, input, dim), input.shape, dim, correction, keepdim)


@variance.fused_vjp(("deviation",), _variance_parts)
def _(F: Any, g: Any, deviation: Any, input_shape: Any, dim: Any, correction: Any, keepdim: bool) -> tuple[Any]:
    return (_as_input(g, _spread(F, g, deviation, input_shape, dim, correction, keepdim)),)


def _as_input(g: Any, gradient: Any) -> Any:
    """A gradient that was computed from the deviations, which are float32 for float16."""
    return gradient.astype(HALF) if g.dtype is HALF else gradient


@op("deviation(input: Tensor, dim: Dims = None, correction: Number = 1, keepdim: bool = False) -> Tensor", kind="reduction", label="std",
    spec=_moment_spec("std"), samples=_MOMENTS)
def deviation(xp: Any, input: Any, *, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """The standard deviation over ``dim``: the square root of ``variance``; the gradient at 0 is 0."""
    return _deviation_parts(xp, input, dim=dim, correction=correction, keepdim=keepdim)[0]


def _deviation_parts(xp: Any, input: Any, *, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> tuple[Any, Any]:
    result, deviation = _moment(xp, input, dim, correction, keepdim)
    result = xp.sqrt(result)
    return result.astype(HALF) if input.dtype is HALF else result, deviation


def over(F: Any, g: Any, out: Any) -> Any:
    """``g / out``, and 0 where ``out`` is 0."""
    if F.raw and isinstance(out, F.backend.xp.generic):  # two choices cost as much as the rest of a rule
        return g / out if out else out
    if F.raw and at_hand(out) and positive(out):
        return g / out
    zero = out == 0
    return F.where(zero, 0, g / (out + zero))


@deviation.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    return _spread(F, g, _from_mean(F, input, dim), input.shape, dim, correction, keepdim, 1, out)


@deviation.fused_vjp(("parts",), _deviation_parts)
def _(F: Any, g: Any, out: Any, parts: Any, input_shape: Any, dim: Any, correction: Any, keepdim: bool) -> tuple[Any]:
    return (_as_input(g, _spread(F, g, parts, input_shape, dim, correction, keepdim, 1, out)),)


def _settings(name: str, dim: Any, unbiased: Any, correction: Any) -> tuple[Any, Any]:
    """``dim`` and ``correction`` from PyTorch's three ways to give them."""
    if dim.__class__ is bool:
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: give either unbiased or correction, not both")
    if unbiased is not None:
        return dim, int(unbiased)
    return dim, 1 if correction is None else correction


_MOMENT_PARAMETERS = "(input: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Number | None = None) -> "


@composite("var" + _MOMENT_PARAMETERS + "Tensor")
def var(F: Any, input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The variance over ``dim``, with ``n - correction`` in the denominator; the default correction is 1, ``unbiased=False`` makes it 0.

    >>> import autograd_core as ag
    >>> ag.var(ag.tensor([1.0, 2.0, 3.0, 4.0]), correction=0).item()
    1.25
    """
    dim, correction = _settings("var", dim, unbiased, correction)
    return F.variance(input, dim=dim, correction=correction, keepdim=keepdim)


@composite("std" + _MOMENT_PARAMETERS + "Tensor")
def std(F: Any, input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The standard deviation over ``dim``; see ``var``. Its gradient at 0 is 0."""
    dim, correction = _settings("std", dim, unbiased, correction)
    return F.deviation(input, dim=dim, correction=correction, keepdim=keepdim)


@composite("var_mean" + _MOMENT_PARAMETERS + "tuple[Tensor, Tensor]", out=False, places=("torch",))
def var_mean(F: Any, input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The pair (variance, mean) over ``dim``."""
    dim, correction = _settings("var_mean", dim, unbiased, correction)
    return F.variance(input, dim=dim, correction=correction, keepdim=keepdim), F.mean(input, dim=dim, keepdim=keepdim)


@composite("std_mean" + _MOMENT_PARAMETERS + "tuple[Tensor, Tensor]", out=False, places=("torch",))
def std_mean(F: Any, input: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """The pair (standard deviation, mean) over ``dim``."""
    dim, correction = _settings("std_mean", dim, unbiased, correction)
    return F.deviation(input, dim=dim, correction=correction, keepdim=keepdim), F.mean(input, dim=dim, keepdim=keepdim)


# --- norms --------------------------------------------------------------------------------------------------------


@op("norm_over(input: Tensor, p: float, dim: Dims = None, keepdim: bool = False) -> Tensor", kind="reduction", label="norm",
    spec=_moment_spec("norm"), samples=[
        S((3, 4), p=2.0), S((3, 4), p=1.0, dim=0), S(distinct(3, 4), p=INFINITY, dim=-1, keepdim=True), S(distinct(2, 3, 4), p=-INFINITY, dim=(0, 2)),
        S((3, 4), p=3.0, dim=1), S((3, 4), p=0.0, dim=1), S(span(0.5, 2.0, 3, 4), p=0.5), S((3, 4), p=1.5), S((), p=2.0), S((0, 3), p=2.0, dim=0),
        S((3,), p=2.0, dim=1, error=IndexError, match="out of range")])
def norm_over(xp: Any, input: Any, *, p: float, dim: Any = None, keepdim: bool = False) -> Any:
    """``sum(|input| ** p) ** (1 / p)`` over ``dim``; the largest magnitude for ``inf``, the number of non-zeros for 0. The gradient at 0 is 0."""
    if input.dtype.kind not in "fc":
        raise TypeError("norm of integers")
    if p == 2 and dim is None and not keepdim and input.dtype.char in "fd":
        flat = input.reshape(-1)
        return xp.sqrt(flat.dot(flat))
    if p == 2 and dim.__class__ is int and input.dtype.char in "fd":
        if input.size <= _FEW or dim not in (-1, input.ndim - 1):
            return in_rows(xp, xp.sqrt(xp.add.reduce(input * input, axis=dim, keepdims=keepdim)))
        result = xp.sqrt(xp.einsum("...i,...i->...", input, input))  # without the squares in memory
        return in_rows(xp, result[..., None] if keepdim else result)
    size = widened(input)
    if p != 2 or size.dtype.kind == "c":
        size = xp.abs(size)
    axis = axes(dim)
    if p == 2:
        result = xp.sqrt((size * size).sum(axis=axis, keepdims=keepdim))
    elif p == 1:
        result = size.sum(axis=axis, keepdims=keepdim)
    elif p in {INFINITY, -INFINITY}:
        result = size.max(axis=axis, keepdims=keepdim) if p > 0 else size.min(axis=axis, keepdims=keepdim)
    elif p == 0:
        result = (size != 0).sum(axis=axis, keepdims=keepdim, dtype=size.dtype)
    else:
        result = (size**p).sum(axis=axis, keepdims=keepdim) ** (1 / p)
    return in_rows(xp, result.astype(HALF) if input.dtype is HALF else result)


_FEW = 1024
"""Elements up to which squares in memory are faster than none."""


@norm_over.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, p: float, dim: Any, keepdim: bool) -> Any:
    shape = input.shape
    if F.is_complex(input):
        input = F.conj(input)  # which arrives conjugated
    if p == 2:
        return input * expand_reduced(F, over(F, g, out), shape, dim, keepdim)
    g = expand_reduced(F, g, shape, dim, keepdim)
    if p == 0:
        return g * (input * 0)
    if p == 1:
        return g * F.sgn(input)
    out = expand_reduced(F, out, shape, dim, keepdim)
    if p in {INFINITY, -INFINITY}:
        ties = F.abs(input) == out
        return F.sgn(input) * F.where(ties, g / F.sum(ties, dim=dim, keepdim=True, dtype=g.dtype) if shape else g, 0)
    positive = F.where(out == 0, 1, out)
    g = F.where(out == 0, 0, g)
    size = F.abs(input) / positive
    if p > 2:
        return g * (input / positive) * size ** (p - 2)
    return g * F.sgn(input) * F.where(input == 0, 0, F.where(input == 0, 1, size) ** (p - 1))


@composite("norm(input: Tensor, p: float | str | None = 'fro', dim: Dims = None, keepdim: bool = False, dtype: DTypeLike | None = None) -> Tensor")
def norm(F: Any, input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The ``p``-norm of the elements over ``dim``: ``'fro'`` and 2 are Euclidean, 1 the sum and ``inf`` the largest of the magnitudes.

    ``'nuc'`` is the sum of the singular values of the matrices in two dimensions. The gradient at 0 is 0. Floating point only.

    >>> import autograd_core as ag
    >>> ag.norm(ag.tensor([3.0, 4.0])).item()
    5.0
    """
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"norm: expected p to be a number, 'fro' or 'nuc', got {p!r}. Other matrix norms are in linalg")
    if dtype is not None:
        input = F.to_dtype(input, dtype=as_dtype(dtype))
    if p == "nuc":
        if dim is None and input.ndim != 2:
            raise RuntimeError(f"norm: 'nuc' needs a matrix, or two dims of several (input {describe(input)})")
        return F.linalg_matrix_norm(input, ord="nuc", dim=(0, 1) if dim is None else dim, keepdim=keepdim)
    order = 2.0 if p is None or p == "fro" else float(p)
    if order < 0 or order == INFINITY:
        return F.linalg_vector_norm(input, order, dim, keepdim)  # which refuses those of nothing
    return F.norm_over(input, p=order, dim=dim, keepdim=keepdim)


@composite("dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor", out=False)
def dist(F: Any, input: Any, other: Any, p: float = 2) -> Any:
    """The ``p``-norm of ``input - other``, which broadcast. The gradient where they agree is 0.

    >>> import autograd_core as ag
    >>> ag.dist(ag.tensor([4.0, 0.0]), ag.tensor([0.0, 3.0])).item()
    5.0
    """
    return F.distance(input, other) if p == 2 else F.norm(input - other, p=p)


def _distance_spec(x1: Any, x2: Any, *, dim: int | None = None, keepdim: bool = False, eps: float = 0.0) -> Meta:
    shape = broadcast("distance", ("x1", "x2"), (x1, x2))
    return _moment_spec("distance")(Meta(shape, computed_dtype("distance", "same", (x1, x2))), dim=dim, keepdim=keepdim)  # type: ignore[no-any-return]


def _distance_parts(xp: Any, x1: Any, x2: Any, *, dim: int | None = None, keepdim: bool = False, eps: float = 0.0) -> tuple[Any, Any]:
    """The distances, and the differences."""
    difference = x1 - x2
    if eps:
        difference = difference + eps
    return norm_over.kernel(xp, difference, p=2.0, dim=dim, keepdim=keepdim), difference


@op("distance(x1: Tensor, x2: Tensor, dim: int | None = None, keepdim: bool = False, eps: float = 0.0) -> Tensor", label="distance", promotes="same", broadcasts=True,
    spec=_distance_spec, samples=[
        S((3, 4), (3, 4)), S((3, 4), (3, 4), dim=-1, eps=1e-6), S((2, 3, 4), (3, 1), dim=1, keepdim=True, eps=0.1), S((3, 4), (4,), dim=-1), S((), ()), S((0, 3), (0, 3), dim=-1),
        S((3,), (4,), error=RuntimeError, match="must match the size"), S((3,), (3,), dim=1, error=IndexError, match="out of range")])
def distance(xp: Any, x1: Any, x2: Any, *, dim: int | None = None, keepdim: bool = False, eps: float = 0.0) -> Any:
    """The Euclidean length of ``x1 - x2 + eps`` over ``dim``, or over everything; the shapes broadcast. The gradient at 0 is 0."""
    return _distance_parts(xp, x1, x2, dim=dim, keepdim=keepdim, eps=eps)[0]


def _distance_gradients(F: Any, g: Any, difference: Any, out: Any, dim: int | None, keepdim: bool, needs: Any) -> Any:
    gradient = difference * expand_reduced(F, over(F, g, out), difference.shape, dim, keepdim)
    return gradient if needs[0] else None, -gradient if needs[1] else None


@distance.vjp()
def _(F: Any, g: Any, x1: Any, x2: Any, out: Any, dim: int | None, keepdim: bool, eps: float, needs: Any) -> Any:
    difference = x1 - x2 + eps
    return _distance_gradients(F, g, F.conj(difference) if F.is_complex(difference) else difference, out, dim, keepdim, needs)


@distance.fused_vjp(("difference",), _distance_parts)
def _(F: Any, g: Any, difference: Any, out: Any, dim: int | None, keepdim: bool, needs: Any) -> Any:
    return _distance_gradients(F, g, difference, out, dim, keepdim, needs)
