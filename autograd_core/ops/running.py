"""Running extrema and sums of exponentials: ``cummax``, ``cummin`` and ``logcumsumexp``."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype, int64
from ..errors import describe
from ..kernels.numbers import has_nan
from ..kernels.strided import in_rows
from ..op import TORCH_TENSOR, Arg, S, bools, ints, op, span
from ..spec import Meta, wrap_dim
from .reduce import HALF, INFINITY, LONG, widened


def accumulated(xp: Any, name: str, input: Any, axis: int) -> Any:
    """``input[0], f(input[0], input[1]), ...`` along ``axis`` for an associative binary function of the array library.

    CuPy accumulates only sums and products; there every pass combines elements twice as far apart as the one before.
    """
    combine = getattr(xp, name)
    if backend_of(input).name == "cpu":
        return combine.accumulate(input, axis=axis)
    result = xp.moveaxis(input, axis, -1)
    step = 1
    while step < result.shape[-1]:
        result = xp.concatenate((result[..., :step], combine(result[..., step:], result[..., :-step])), axis=-1)
        step *= 2
    return xp.moveaxis(result, -1, axis)


# --- extrema ------------------------------------------------------------------------------------------------------


def _running_spec(name: str) -> Any:
    def spec(input: Any, *, dim: int) -> tuple[Meta, Meta]:
        wrap_dim(dim, len(input.shape), name)
        return Meta(tuple(input.shape), as_dtype(input.dtype)), Meta(tuple(input.shape), int64)

    return spec


_FEW = 256
"""Elements for which it does not matter how many of them are running extrema."""


_ROWS = 256
"""Elements of a row whose pieces are worth looking at first."""


def _records(xp: Any, scan: Any, input: Any) -> tuple[Any, Any]:
    """The running extrema along the last dimension, none of them NaN, as far as they were computed; and, of few, their places in flattened ``input``.

    Running extrema take 3 ns an element. Those of pieces of long rows show the few pieces that have any.
    """
    length = input.shape[-1]
    width = max((d for d in range(32, 65) if length % d == 0), default=0) if length >= _ROWS else 0
    if width:
        flat = input.reshape(-1)
        extrema = scan.reduceat(flat, xp.arange(0, flat.size, width)).reshape(-1, length // width)
        running = scan.accumulate(extrema, axis=1)
        chosen = xp.flatnonzero(extrema == running)
        if chosen.size <= extrema.size >> 1:
            some = flat.reshape(-1, width).take(chosen, 0)
            running[:, 1:] = running[:, :-1]
            running[:, 0] = input.reshape(-1, length)[:, 0]
            inside = xp.flatnonzero(some == scan(scan.accumulate(some, axis=1), running.reshape(-1).take(chosen)[:, None]))
            return None, chosen.take(inside // width) * width + inside % width
    values = scan.accumulate(input, axis=-1)
    attained = input == values
    return values, attained.reshape(-1).nonzero()[0] if xp.count_nonzero(attained) < input.size >> 2 else None


def _until_next(xp: Any, numbers: Any, places: Any, shape: Any) -> Any:
    """An array of ``shape`` in which each of the numbers stands from its place, among all elements, to the next one's."""
    lengths = xp.empty_like(places)
    xp.subtract(places[1:], places[:-1], out=lengths[:-1])
    lengths[-1] = math.prod(shape) - places[-1]
    return numbers.repeat(lengths).reshape(shape)


def _running(xp: Any, name: str, input: Any, dim: int) -> tuple[Any, Any]:
    if not input.ndim:
        wrap_dim(dim, 0)
        return input.copy(), xp.zeros((), dtype=LONG)
    input = in_rows(xp, input)
    at = dim % input.ndim
    values = None
    if at == input.ndim - 1 and input.size > _FEW and backend_of(input).name == "cpu" and not has_nan(input):
        values, places = _records(xp, xp.fmax if name == "maximum" else xp.fmin, input)  # which take two thirds of the time
        if places is not None:  # few: each holds until the next one
            values = _until_next(xp, input.reshape(-1).take(places), places, input.shape) if values is None else values
            return values, _until_next(xp, places % input.shape[at], places, input.shape)
    if values is None:
        values = accumulated(xp, name, input, dim)
    attained = input == values
    if input.dtype.kind == "f":
        attained |= xp.isnan(input)
    position = xp.arange(input.shape[at])
    if at < input.ndim - 1:
        position = position.reshape((-1,) + (1,) * (input.ndim - 1 - at))
    return values, accumulated(xp, "maximum", attained * position, at).astype(LONG, copy=False)


def _at_positions(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape)


_RUNNING = [S((3, 4), dim=0), S((2, 3, 4), dim=-2), S((), dim=0), S((0, 3), dim=1), S((3, 0), dim=1), S((1,), dim=0), S(ints(2, 5), dim=1), S(bools(4), dim=0),
            S(Arg(values=[1.0, 1.0, math.nan, 2.0, math.nan]), dim=0), S((3,), dim=1, error=IndexError, match="out of range")]


@op("cummax(input: Tensor, dim: int) -> tuple[Tensor, Tensor]", kind="general", places=TORCH_TENSOR, outputs=("values", "indices"), constant_outputs=(1,),
    spec=_running_spec("cummax"), samples=_RUNNING)
def cummax(xp: Any, input: Any, *, dim: int) -> tuple[Any, Any]:
    """The largest element so far along ``dim`` and its position, of several the last: a named tuple ``(values, indices)``. NaN stays.

    >>> import autograd_core as ag
    >>> ag.cummax(ag.tensor([1.0, 3.0, 2.0]), dim=0).values.tolist()
    [1.0, 3.0, 3.0]
    """
    return _running(xp, "maximum", input, dim)


@op("cummin(input: Tensor, dim: int) -> tuple[Tensor, Tensor]", kind="general", places=TORCH_TENSOR, outputs=("values", "indices"), constant_outputs=(1,),
    spec=_running_spec("cummin"), samples=_RUNNING)
def cummin(xp: Any, input: Any, *, dim: int) -> tuple[Any, Any]:
    """The smallest element so far along ``dim`` and its position, of several the last: a named tuple ``(values, indices)``. NaN stays."""
    return _running(xp, "minimum", input, dim)


for _each in (cummax, cummin):
    _each.add_rule("input", _at_positions)


# --- sums of exponentials -----------------------------------------------------------------------------------------


def _logcumsumexp_spec(input: Any, *, dim: int) -> Meta:
    wrap_dim(dim, len(input.shape), "logcumsumexp")
    if not as_dtype(input.dtype).is_floating_point:
        raise NotImplementedError(f"logcumsumexp: not implemented for {as_dtype(input.dtype).name} (input {describe(input)}). Convert it with .float()")
    return Meta(tuple(input.shape), as_dtype(input.dtype))


@op("logcumsumexp(input: Tensor, dim: int) -> Tensor", kind="general", places=TORCH_TENSOR, spec=_logcumsumexp_spec, samples=[
    S((3, 4), dim=0), S((2, 3, 5), dim=-1), S((), dim=0), S((0, 3), dim=1), S((1,), dim=0), S(span(900.0, 1000.0, 6), dim=0),
    S((3,), dim=1, error=IndexError, match="out of range"),
    S(ints(3), dim=0, error=NotImplementedError, match="not implemented for int64")])
def logcumsumexp(xp: Any, input: Any, *, dim: int) -> Any:
    """The logarithm of the running sum of exponentials along ``dim``, computed without overflow. Floating point only."""
    if input.dtype.kind != "f":
        raise TypeError("logcumsumexp of integers")
    if not input.ndim:
        wrap_dim(dim, 0)
        return input.copy()
    result = accumulated(xp, "logaddexp", in_rows(xp, widened(input)), dim)
    return result.astype(HALF) if input.dtype is HALF else result


@logcumsumexp.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: int) -> Any:
    if not input.ndim:
        return g
    # Sums from the end, sum over j >= i of g[j] * exp(out[i] - out[j]), by doubling. `out` grows, so every factor is at most 1.
    nothing = out == -INFINITY
    following = F.shift(out, dim=dim, step=-1, fill=INFINITY)
    factor = F.exp(F.where(nothing, 0, out - F.where(nothing, 0, following)))
    step = 1
    while step < input.shape[dim]:
        g = g + factor * F.shift(g, dim=dim, step=-step, fill=0)
        factor = factor * F.shift(factor, dim=dim, step=-step, fill=0)
        step *= 2
    return g * F.exp(F.where(nothing, -INFINITY, input - F.where(nothing, 0, out)))


@logcumsumexp.fused_vjp()
def _(F: Any, g: Any, input: Any, out: Any, dim: int) -> tuple[Any]:
    if not input.ndim:
        return (g,)
    # The same by doubling, but only on the elements that have others behind them.
    xp, before, n, step = F.backend.xp, (slice(None),) * (dim % input.ndim), input.shape[dim], 1
    nothing = out == -INFINITY
    bounded = xp.where(nothing, 0, out)
    total = g.copy()
    head, tail = (*before, slice(None, -1)), (*before, slice(1, None))
    factor = xp.exp(xp.where(nothing[head], 0, bounded[head] - bounded[tail]))
    while step < n:
        total[(*before, slice(None, n - step))] += factor * total[(*before, slice(step, None))]
        if 2 * step < n:
            factor = factor[(*before, slice(None, -step))] * factor[(*before, slice(step, None))]
        step *= 2
    return (total * xp.exp(xp.where(nothing, -INFINITY, input - bounded)),)
