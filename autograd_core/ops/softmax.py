"""Sums of exponentials: ``logsumexp``, ``softmax`` and ``log_softmax``, without overflow."""

from __future__ import annotations

import warnings
from typing import Any

from ..dtypes import as_dtype
from ..op import NN, TORCH_TENSOR, TORCH_TENSOR_NN, S, composite, op, span
from ..spec import Meta, computed_dtype, reduced, reduction_spec, wrap_dim, wrap_dims
from .reduce import HALF, INFINITY, amax, axes, expand_reduced, widened


def _peak(xp: Any, input: Any, dim: Any) -> Any:
    """The finite maximum over ``dim``, or 0, to be taken off before ``exp``; dimensions kept. Nothing has no maximum."""
    if not input.size:
        return xp.zeros(reduced(input.shape, wrap_dims(axes(dim), input.ndim), True), dtype=input.dtype)
    top = xp.max(input, axis=axes(dim), keepdims=True)
    return xp.where(xp.isfinite(top), top, 0).astype(top.dtype, copy=False)


@op("logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor", kind="reduction", promotes="float", places=TORCH_TENSOR, label="log Σ exp",
    spec=reduction_spec("logsumexp", "float"), samples=[
        S((3, 4), dim=0), S((2, 3, 4), dim=(0, -1), keepdim=True), S((), dim=0), S((0, 3), dim=1), S((3, 4), dim=()), S(span(900.0, 1000.0, 3), dim=0),
        S((3,), dim=1, error=IndexError, match="out of range")])
def logsumexp(xp: Any, input: Any, *, dim: Any, keepdim: bool = False) -> Any:
    """``log(sum(exp(input)))`` over ``dim``, computed without overflow; of nothing, or of nothing but -inf, it is -inf."""
    wide = widened(input)
    top = _peak(xp, wide, dim)
    total = xp.sum(xp.exp(wide - top), axis=axes(dim), keepdims=True)
    nothing = total == 0
    result = xp.log(xp.where(nothing, 1, total).astype(total.dtype, copy=False)) + xp.where(nothing, -INFINITY, top).astype(total.dtype, copy=False)
    if not keepdim:
        result = result.reshape(reduced(input.shape, wrap_dims(axes(dim), input.ndim), False))
    return result.astype(input.dtype, copy=False)


@logsumexp.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    shape = input.shape
    out = F.where(out == -INFINITY, 0, out)
    return expand_reduced(F, g, shape, dim, keepdim) * F.exp(input - expand_reduced(F, out, shape, dim, keepdim))


def _softmax_spec(name: str) -> Any:
    def spec(input: Any, *, dim: int) -> Meta:
        wrap_dim(dim, len(input.shape), name)
        return Meta(tuple(input.shape), computed_dtype(name, "float", (input,)))

    return spec


_SOFTMAX = [S((3, 4), dim=1), S((2, 3, 4), dim=-2), S((), dim=0), S((0, 3), dim=1), S((2, 0), dim=0), S(span(900.0, 1000.0, 3), dim=0),
            S((3,), dim=1, error=IndexError, match="out of range")]


def exponentials(xp: Any, input: Any, dim: Any) -> tuple[Any, Any, Any]:
    """``input`` less its maximum along ``dim``, the exponentials of that, and their sums (dimension kept); float16 in float32."""
    wide = xp.asarray(widened(input))
    if not wide.size or not wide.ndim:
        shifted = wide * 0
    else:
        shifted = wide - amax.kernel(xp, wide, dim=dim, keepdim=True)
    powers = xp.exp(shifted)
    return shifted, powers, powers.sum(axis=dim, keepdims=True)


@op("softmax_along(input: Tensor, dim: int) -> Tensor", quick=True, kind="general", promotes="float", label="softmax", spec=_softmax_spec("softmax"), samples=_SOFTMAX)
def softmax_along(xp: Any, input: Any, *, dim: int) -> Any:
    """``exp(input)`` divided by its sum along ``dim``, computed without overflow."""
    _, powers, totals = exponentials(xp, input, dim)
    powers = xp.divide(powers, totals, out=powers) if powers.ndim else powers / totals
    return powers.astype(HALF) if input.dtype is HALF else powers


@softmax_along.vjp("input")
def _(F: Any, g: Any, out: Any, dim: int) -> Any:
    return out * (g - F.sum(g * out, dim=dim, keepdim=True))


@op("log_softmax_along(input: Tensor, dim: int) -> Tensor", quick=True, kind="general", promotes="float", label="log_softmax", spec=_softmax_spec("log_softmax"), samples=_SOFTMAX)
def log_softmax_along(xp: Any, input: Any, *, dim: int) -> Any:
    """``log(softmax(input))``, computed without overflow and without loss of small probabilities."""
    shifted, _, totals = exponentials(xp, input, dim)
    result = shifted - xp.log(totals) if input.size else shifted
    return result.astype(HALF) if input.dtype is HALF else result


@log_softmax_along.vjp("input")
def _(F: Any, g: Any, out: Any, dim: int) -> Any:
    return g - F.exp(out) * F.sum(g, dim=dim, keepdim=True)


def _floating(F: Any, name: str, input: Any, dtype: Any) -> Any:
    """``input`` in ``dtype``; PyTorch has no softmax of integers."""
    if dtype is not None:
        return F.to_dtype(input, dtype=as_dtype(dtype))
    kind = as_dtype(input.dtype)
    if not (kind.is_floating_point or kind.is_complex):
        raise NotImplementedError(f"{name}: not implemented for '{kind.name}'. Convert the input with .float(), or pass dtype=")
    return input


def _softmax_dim(name: str, input: Any, dim: int | None) -> int:
    if dim is not None:
        return dim
    warnings.warn(f"Implicit dimension choice for {name} has been deprecated. Pass dim=, for example dim=-1", UserWarning, stacklevel=4)
    return 0 if input.ndim in {0, 1, 3} else 1


@composite("softmax(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor", places=TORCH_TENSOR_NN)
def softmax(F: Any, input: Any, dim: Any = None, *, dtype: Any = None) -> Any:
    """``exp(input)`` divided by its sum along ``dim``; ``dtype`` converts the input first. Integers are refused without it.

    >>> import autograd_core as ag
    >>> ag.softmax(ag.tensor([0.0, 0.0]), dim=0).tolist()
    [0.5, 0.5]
    """
    input = _floating(F, "softmax", input, dtype)
    return F.softmax_along(input, dim=_softmax_dim("softmax", input, dim))


@composite("log_softmax(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor", places=TORCH_TENSOR_NN)
def log_softmax(F: Any, input: Any, dim: Any = None, *, dtype: Any = None) -> Any:
    """``log(softmax(input, dim))`` without overflow; ``dtype`` converts the input first."""
    input = _floating(F, "log_softmax", input, dtype)
    return F.log_softmax_along(input, dim=_softmax_dim("log_softmax", input, dim))


@composite("softmin(input: Tensor, dim: int | None = None, *, dtype: DTypeLike | None = None) -> Tensor", places=NN)
def softmin(F: Any, input: Any, dim: Any = None, *, dtype: Any = None) -> Any:
    """``softmax(-input, dim)``."""
    input = _floating(F, "softmin", input, dtype)
    return F.softmax_along(-input, dim=_softmax_dim("softmin", input, dim))
