"""Scans: cumulative sums and products, and the product of everything.

The gradient of a product of n factors is the product of all the others. Dividing the product by each factor fails at
zeros, so the others are multiplied up from the left and from the right, with ops whose own derivatives are of the
same kind: right at zeros to any order.
"""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, int64
from ..kernels.blocks import at_hand
from ..kernels.strided import in_rows
from ..op import TORCH_TENSOR, S, ints, op, span
from ..spec import Meta, reduction_spec, wrap_dim
from .reduce import LONG, axes, expand_reduced, plain_dtype, reduction_samples, wide_dtype, with_dtype


def _scan_spec(name: str) -> Any:
    def spec(input: Any, *, dim: int, dtype: Any = None) -> Meta:
        wrap_dim(dim, len(input.shape), name)
        own = as_dtype(input.dtype) if dtype is None else as_dtype(dtype)
        return Meta(tuple(input.shape), own if dtype is not None or own.is_floating_point or own.is_complex else int64)

    return spec


_SCANS = [S((3, 4), dim=0), S((2, 3, 4), dim=-1), S((), dim=0), S((0, 3), dim=1), S((1,), dim=0), S((3,), dim=0, dtype="float64"), S(ints(2, 3), dim=1),
          S((3,), dim=1, error=IndexError, match="out of range")]


def _scan(xp: Any, step: str, input: Any, dim: int, dtype: Any) -> Any:
    if dtype is None and input.ndim and input.dtype.char in "fd":
        if input.__class__.__module__ == "numpy":  # the method of the ufunc takes two thirds of the time of the array's
            return in_rows(xp, (xp.add if step == "cumsum" else xp.multiply).accumulate(input, dim))
        return in_rows(xp, getattr(input, step)(axis=dim))
    dtype = plain_dtype(dtype) or (LONG if input.dtype.kind in "bui" else input.dtype)
    if not input.ndim:
        wrap_dim(dim, 0)
        return xp.asarray(input).astype(dtype)
    return in_rows(xp, getattr(input, step)(axis=dim, dtype=wide_dtype(dtype)).astype(dtype, copy=False))


def _backwards(input: Any, dim: int) -> Any:
    """The index of ``input`` from the end along ``dim``."""
    return (*[slice(None)] * (dim % input.ndim), slice(None, None, -1))


def _reversed(F: Any, scan: Any, input: Any, dim: int) -> Any:
    """A scan from the end."""
    if F.raw and input.ndim:
        backwards = _backwards(input, dim)
        return scan(input[backwards], dim=dim)[backwards]
    return F.flip(scan(F.flip(input, dims=(dim,)), dim=dim), dims=(dim,)) if input.ndim else input


@op("cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor", kind="general", places=TORCH_TENSOR, inplace=True,
    extra=with_dtype("cumsum", "dim"), spec=_scan_spec("cumsum"), samples=_SCANS)
def cumsum(xp: Any, input: Any, *, dim: int, dtype: Any = None) -> Any:
    """The running sum along ``dim``. Integers add up in int64.

    >>> import autograd_core as ag
    >>> ag.cumsum(ag.tensor([1.0, 2.0, 3.0]), dim=0).tolist()
    [1.0, 3.0, 6.0]
    """
    return _scan(xp, "cumsum", input, dim, dtype)


@cumsum.vjp("input")
def _(F: Any, g: Any, input_dtype: Any, dim: int, dtype: Any) -> Any:
    if dtype is not None:
        g = F.to_dtype(g, dtype=input_dtype)
    return _reversed(F, F.cumsum, g, dim)


@op("cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor", kind="general", places=TORCH_TENSOR, inplace=True,
    extra=with_dtype("cumprod", "dim"), spec=_scan_spec("cumprod"), samples=_SCANS)
def cumprod(xp: Any, input: Any, *, dim: int, dtype: Any = None) -> Any:
    """The running product along ``dim``. Integers multiply in int64."""
    return _scan(xp, "cumprod", input, dim, dtype)


@cumprod.vjp("input")
def _(F: Any, g: Any, input: Any, input_dtype: Any, dim: int, dtype: Any) -> Any:
    if not input.ndim:
        return F.to_dtype(g, dtype=input_dtype) if dtype is not None else g
    if dtype is not None:
        input = F.to_dtype(input, dtype=dtype)
    # The running product by doubling: each level multiplies an element with the one `step` before it. Going back
    # through the levels gives the gradient by multiplications alone.
    levels = [input]
    step = 1
    while step < input.shape[dim]:
        levels.append(levels[-1] * F.shift(levels[-1], dim=dim, step=step, fill=1))
        step *= 2
    for level in reversed(levels[:-1]):
        step //= 2
        g = g * F.shift(level, dim=dim, step=step, fill=1) + F.shift(g * level, dim=dim, step=-step, fill=0)
    return F.to_dtype(g, dtype=input_dtype) if dtype is not None else g


@cumprod.fused_vjp()
def _(F: Any, g: Any, input: Any, out: Any, input_dtype: Any, dim: Any, dtype: Any) -> tuple[Any]:
    # Without zeros among the factors dividing is many times faster.
    if dtype is not None or not input.ndim or input.dtype.char not in "fd" or F.backend.name != "cpu" or not input.all():
        return (cumprod.rules["input"].function(F, g, input, input_dtype, dim, dtype),)
    backwards = _backwards(input, dim)
    sums = (g * out)[backwards].cumsum(axis=dim)[backwards]
    return (sums / input,)


def _shift_spec(input: Any, *, dim: int, step: int, fill: float) -> Meta:
    return Meta(tuple(input.shape), as_dtype(input.dtype))


@op("shift(input: Tensor, dim: int, step: int, fill: float) -> Tensor", kind="shape", spec=_shift_spec, samples=[
    S((3, 4), dim=1, step=1, fill=1), S((3, 4), dim=0, step=-2, fill=0), S((3,), dim=0, step=5, fill=1), S((0, 2), dim=0, step=1, fill=0)])
def shift(xp: Any, input: Any, *, dim: int, step: int, fill: float) -> Any:
    """``input`` moved by ``step`` places along ``dim``; what comes in is ``fill``."""
    moved = xp.full(input.shape, fill, dtype=input.dtype)
    n = input.shape[dim]
    if -n < step < n:
        before = (slice(None),) * (dim % input.ndim)
        to, from_ = (slice(step, None), slice(None, n - step)) if step >= 0 else (slice(None, n + step), slice(-step, None))
        moved[(*before, to)] = input[(*before, from_)]
    return moved


@shift.vjp("input")
def _(F: Any, g: Any, dim: int, step: int) -> Any:
    return F.shift(g, dim=dim, step=-step, fill=0)


@op("prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", kind="reduction", label="Π", places=TORCH_TENSOR,
    extra=with_dtype("prod", "dim", "keepdim"), spec=reduction_spec("prod", "sum"),
    samples=[*reduction_samples(lambda *shape: span(0.5, 1.5, *shape), tuples=False), S((2, 3), dtype="float64"), S(ints(2, 3)), S(ints(5, low=0, high=2), dim=0)])
def prod(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The product over ``dim``. Integers multiply in int64. The gradient is right where factors are zero, to any order."""
    if dtype is None and input.size <= 2 * _LANES and input.dtype.char in "fd":
        return in_rows(xp, input.prod(axis=axes(dim), keepdims=keepdim))
    dtype = plain_dtype(dtype) or (LONG if input.dtype.kind in "bui" else input.dtype)
    if input.size > 2 * _LANES and (axes(dim) is None or input.ndim == 1) and wide_dtype(dtype) is dtype:
        return _product_of_all(xp, input, dtype).reshape((1,) * input.ndim if keepdim else ())[()]
    return in_rows(xp, input.prod(axis=axes(dim), keepdims=keepdim, dtype=wide_dtype(dtype)).astype(dtype, copy=False))


_LANES = 512


def _product_of_all(xp: Any, input: Any, dtype: Any) -> Any:
    """Many products side by side: faster than one after the other, and far from the tiny numbers, which processors multiply slowly."""
    flat = input.reshape(-1)
    rows = flat.size // _LANES
    found = flat[: rows * _LANES].reshape(rows, _LANES).prod(axis=0, dtype=dtype).prod()
    return found if rows * _LANES == flat.size else found * flat[rows * _LANES :].prod(dtype=dtype)


def _factors(F: Any, g: Any, input: Any, dim: Any, keepdim: bool, dtype: Any) -> tuple[Any, Any, int]:
    """The factors in the dtype that they are multiplied in, the cotangent beside them, and the dimension that they are multiplied along."""
    if dtype is not None:
        input = F.to_dtype(input, dtype=dtype)
    if axes(dim) is None:
        return F.reshape(input, shape=(-1,)), F.reshape(g, shape=(1,)), 0
    dim = dim % len(input.shape)
    return input, g if keepdim else F.unsqueeze(g, dim=dim), dim


@prod.vjp("input")
def _(F: Any, g: Any, input: Any, input_dtype: Any, input_shape: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    if not input_shape:
        return F.to_dtype(g, dtype=input_dtype) if dtype is not None else g
    input, g, dim = _factors(F, g, input, dim, keepdim, dtype)
    before = F.shift(F.cumprod(input, dim=dim), dim=dim, step=1, fill=1)
    after = F.shift(_reversed(F, F.cumprod, input, dim), dim=dim, step=-1, fill=1)
    g = F.reshape(g * (before * after), shape=input_shape)
    return F.to_dtype(g, dtype=input_dtype) if dtype is not None else g


@prod.fused_vjp()
def _(F: Any, g: Any, input: Any, out: Any, input_dtype: Any, input_shape: Any, dim: Any, keepdim: bool, dtype: Any) -> tuple[Any]:
    # Dividing is many times faster than multiplying all the others. Zeros are left out of the product and counted: with
    # one of them only its own gradient is not 0. For that no decision is made on the host: a GPU need not be waited for.
    if not input_shape:
        return (F.to_dtype(g, dtype=input_dtype) if dtype is not None else g,)
    if dtype is None and input.dtype.char in "fd" and at_hand(input) and input.all():
        return (expand_reduced(F, g, input_shape, dim, keepdim) * (expand_reduced(F, out, input_shape, dim, keepdim) / input),)
    input, g, dim = _factors(F, g, input, dim, keepdim, dtype)
    zero = input == 0
    others = F.where(zero, 1, input)
    whole = F.prod(others, dim=dim, keepdim=True)
    zeros = F.sum(zero, dim=dim, keepdim=True)
    g = F.reshape(g * F.where(zeros == 0, whole / others, F.where(zero & (zeros == 1), whole, 0)), shape=input_shape)
    return (F.to_dtype(g, dtype=input_dtype) if dtype is not None else g,)
