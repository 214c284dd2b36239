"""Sums of exponentials: ``logsumexp``, ``softmax`` and ``log_softmax``, without overflow."""

from __future__ import annotations

import warnings
from typing import Any

from ..dtypes import as_dtype
from ..kernels.blocks import at_hand, long_rows
from ..kernels.numbers import for_sums
from ..kernels.strided import in_rows
from ..op import NN, TORCH_TENSOR, TORCH_TENSOR_NN, S, composite, op, span
from ..spec import Meta, reduced, reduction_spec, wrap_dim, wrap_dims
from .extrema import amax
from .reduce import HALF, INFINITY, axes, expand_reduced, widened


@op("logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor", kind="reduction", promotes="float", places=TORCH_TENSOR, label="log Σ exp",
    spec=reduction_spec("logsumexp", "float"), samples=[
        S((3, 4), dim=0), S((2, 3, 4), dim=(0, -1), keepdim=True), S((), dim=0), S((0, 3), dim=1), S((3, 4), dim=()), S(span(900.0, 1000.0, 3), dim=0),
        S((3,), dim=1, error=IndexError, match="out of range")])
def logsumexp(xp: Any, input: Any, *, dim: Any, keepdim: bool = False) -> Any:
    """``log(sum(exp(input)))`` over ``dim``, computed without overflow; of nothing, or of nothing but -inf, it is -inf."""
    return _logsumexp_parts(xp, input, dim=dim, keepdim=keepdim)[0]


def _logsumexp_parts(xp: Any, input: Any, *, dim: Any, keepdim: bool = False) -> tuple[Any, Any, Any]:
    """The result, the exponentials without overflow, and their sums, but 1 where all are 0."""
    wide, axis = widened(input), axes(dim)
    if not wide.size:
        top = xp.zeros(reduced(input.shape, wrap_dims(axis, input.ndim), True), dtype=wide.dtype)
    else:
        top = wide.real.max(axis=axis, keepdims=True)  # so that the angle of a complex result lies between -π and π
    if wide.size and at_hand(top) and xp.isfinite(top).all():  # the usual numbers; what follows for the others takes twice as long
        powers = xp.exp(wide - top)
        total = powers.sum(axis=axis, keepdims=True)
        result = xp.log(total) + top
    else:
        top = xp.where(xp.isfinite(top), top, 0).astype(top.dtype, copy=False)
        powers = xp.exp(wide - top)
        total = powers.sum(axis=axis, keepdims=True)
        nothing = total == 0
        total = xp.where(nothing, 1, total).astype(total.dtype, copy=False)
        result = xp.log(total) + xp.where(nothing, -INFINITY, top).astype(total.dtype, copy=False)
    if not keepdim:
        result = result.squeeze(axis=axis) if input.ndim else result.reshape(())
    return in_rows(xp, result.astype(input.dtype, copy=False)), powers, total


@logsumexp.fused_vjp(("powers", "total"), _logsumexp_parts)
def _(F: Any, g: Any, powers: Any, total: Any, input_shape: Any, dim: Any, keepdim: bool) -> tuple[Any]:
    if powers.dtype.kind == "c":
        powers, total = powers.conj(), total.conj()
    return ((powers * (expand_reduced(F, g, input_shape, dim, keepdim) / total)).astype(g.dtype, copy=False),)


@logsumexp.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    shape = input.shape
    out = F.where(out == -INFINITY, 0, out)
    return expand_reduced(F, g, shape, dim, keepdim) * F.exp(input - expand_reduced(F, out, shape, dim, keepdim))


def _softmax_spec(name: str) -> Any:
    def spec(input: Any, *, dim: int) -> Meta:
        wrap_dim(dim, len(input.shape), name)
        kind = as_dtype(input.dtype)
        if not (kind.is_floating_point or kind.is_complex):
            raise NotImplementedError(f"{name}: not implemented for '{kind.name}'. Convert the input with .float(), or pass dtype=")
        return Meta(tuple(input.shape), kind)

    return spec


_SOFTMAX = [S((3, 4), dim=1), S((2, 3, 4), dim=-2), S((), dim=0), S((0, 3), dim=1), S((2, 0), dim=0), S(span(900.0, 1000.0, 3), dim=0),
            S((3,), dim=1, error=IndexError, match="out of range")]


def exponentials(xp: Any, input: Any, dim: Any) -> tuple[Any, Any, Any]:
    """``input`` less its maximum along ``dim``, the exponentials of that, and their sums (dimension kept); float16 in float32."""
    shifted = _shifted(xp, input, dim)
    powers = xp.exp(shifted)
    return shifted, powers, _totals(xp, powers, dim)


def _shifted(xp: Any, input: Any, dim: Any) -> Any:
    if input.dtype.kind not in "fc":
        raise TypeError("exponentials of integers")
    wide = widened(input)
    if not wide.size or not wide.ndim:
        return xp.asarray(wide) * 0
    return xp.ascontiguousarray(wide - _highest(xp, wide, dim))  # results lie in rows, as in PyTorch, whatever the input does


def _totals(xp: Any, powers: Any, dim: Any) -> Any:
    if powers.ndim == 2 and dim in {1, -1} and powers.size >= _FEW and powers.shape[1] <= _FEW:
        return powers.dot(for_sums(xp, powers, powers.shape[1])[0])[:, None]  # a third of the time of a sum
    return xp.add.reduce(powers, axis=dim, keepdims=True)


def _highest(xp: Any, input: Any, dim: int) -> Any:
    return input.max(axis=dim, keepdims=True) if input.size < _FEWER else amax.kernel(xp, input, dim=dim, keepdim=True)


_FEWER = 512
"""Elements up to which nothing is gained by looking for a better order to find maxima in."""
_FEW = 2048
"""Elements up to which the shortest way of calls counts more than what each call does."""


@op("softmax_along(input: Tensor, dim: int) -> Tensor", kind="general", promotes="same", label="softmax", spec=_softmax_spec("softmax"), samples=_SOFTMAX)
def softmax_along(xp: Any, input: Any, *, dim: int) -> Any:
    """``exp(input)`` divided by its sum along ``dim``, computed without overflow."""
    if 0 < input.size < _FEW and input.ndim and input.dtype.char in "fd":
        powers = xp.ascontiguousarray(xp.exp(input - _highest(xp, input, dim)))
        powers /= xp.add.reduce(powers, axis=dim, keepdims=True)  # the method ``sum`` adds a Python call
        return powers
    with long_rows(input, input.shape[-1] if input.ndim else 0):
        powers = _shifted(xp, input, dim)
        powers = xp.exp(powers, out=powers) if powers.ndim else xp.exp(powers)
        totals = _totals(xp, powers, dim)
        powers = xp.divide(powers, totals, out=powers) if powers.ndim else powers / totals
    return powers.astype(HALF) if input.dtype is HALF else powers


@softmax_along.vjp("input")
def softmax_gradient(F: Any, g: Any, out: Any, dim: int) -> Any:
    """The cotangent of the numbers whose softmax is ``out``."""
    product = g * out
    return out * (g - (F.backend.xp.add.reduce(product, axis=dim, keepdims=True) if F.raw and g.dtype is not HALF else F.sum(product, dim=dim, keepdim=True)))


@op("log_softmax_along(input: Tensor, dim: int) -> Tensor", kind="general", promotes="same", label="log_softmax", spec=_softmax_spec("log_softmax"), samples=_SOFTMAX)
def log_softmax_along(xp: Any, input: Any, *, dim: int) -> Any:
    """``log(softmax(input))``, computed without overflow and without loss of small probabilities."""
    if 0 < input.size < _FEW and input.ndim and input.dtype.char in "fd":
        shifted = xp.ascontiguousarray(input - _highest(xp, input, dim))
        shifted -= xp.log(xp.add.reduce(xp.exp(shifted), axis=dim, keepdims=True))
        return shifted
    with long_rows(input, input.shape[-1] if input.ndim else 0):
        shifted, _, totals = exponentials(xp, input, dim)
        if shifted.ndim and input.size:
            shifted -= xp.log(totals)
        elif input.size:
            shifted = shifted - xp.log(totals)
    return shifted.astype(HALF) if input.dtype is HALF else shifted


@log_softmax_along.vjp("input")
def _(F: Any, g: Any, out: Any, dim: int) -> Any:
    return g - F.exp(out) * (F.backend.xp.add.reduce(g, axis=dim, keepdims=True) if F.raw and g.dtype is not HALF else F.sum(g, dim=dim, keepdim=True))


def _softmax_dim(name: str, input: Any) -> int:
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Pass dim=, for example dim=-1", UserWarning, stacklevel=4)
    return 0 if input.ndim in {0, 1, 3} else 1


@composite("softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor", out=True, places=TORCH_TENSOR_NN)
def softmax(F: Any, input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """``exp(input)`` divided by its sum along ``dim``; ``dtype`` converts the input first. Integers are refused without it.

    >>> import autograd_core as ag
    >>> ag.softmax(ag.tensor([0.0, 0.0]), dim=0).tolist()
    [0.5, 0.5]
    """
    if dtype is not None:
        input = F.to_dtype(input, dtype=as_dtype(dtype))
    return F.softmax_along(input, dim=_softmax_dim("softmax", input) if dim is None else dim)


@composite("log_softmax(input: Tensor, dim: int | None = None, dtype: DTypeLike | None = None) -> Tensor", out=True, places=TORCH_TENSOR_NN)
def log_softmax(F: Any, input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """``log(softmax(input, dim))`` without overflow; ``dtype`` converts the input first."""
    if dtype is not None:
        input = F.to_dtype(input, dtype=as_dtype(dtype))
    return F.log_softmax_along(input, dim=_softmax_dim("log_softmax", input) if dim is None else dim)


@composite("softmin(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor", places=NN)
def softmin(F: Any, input: Any, dim: Any = None, *, dtype: Any = None) -> Any:
    """``softmax(-input, dim)``."""
    if dtype is not None:
        input = F.to_dtype(input, dtype=as_dtype(dtype))
    return F.softmax_along(-input, dim=_softmax_dim("softmin", input) if dim is None else dim)
