"""Batching rules of ops along dimensions: reductions, scans, sorting, joining. Each works one dimension further."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..spec import wrap_dim, wrap_dims
from .rules import Call, composed, loop, numel, rule


def _column(call: Call) -> tuple[Any, int]:
    """The first operand, with one dimension more where an example has none, and its number of dimensions."""
    value = call.full(0)
    rank = call.ndim(0)
    return (value, rank) if rank else (value.reshape((call.size, 1)), 1)


@rule("sum", "mean", "count_nonzero", "all", "any", "amax", "amin", "argmax", "argmin", "logsumexp", "variance", "deviation", "norm_over", "prod", "max_along",
      "min_along", "median_along", "kthvalue", "mode", "nansum")
def reduction(call: Call) -> Any:
    """The same reduction, over dimensions one further."""
    dim = call.attrs.get("dim")
    keepdim = bool(call.attrs.get("keepdim", False))
    rank = call.ndim(0)
    if call.op.name in ("all", "any") and dim in ((), []):
        return call.run(call.values[0])
    value, effective = _column(call)
    if dim is None or (isinstance(dim, (tuple, list)) and not len(dim)):
        value = value.reshape((call.size, -1)) if call.size else value.reshape((0, max(numel(call.shape(0)), 0)))
        result = call.run(value, dim=1, **({"keepdim": False} if "keepdim" in call.attrs else {}))
        return _each(result, lambda r: r.reshape((call.size, *[1] * rank)) if keepdim else r)
    dims = wrap_dims(dim if isinstance(dim, int) else tuple(dim), rank, call.op.spoken)
    shifted: Any = dims[0] + 1 if isinstance(dim, int) else tuple(d + 1 for d in dims)
    result = call.run(value, dim=shifted)
    return _each(result, lambda r: r.reshape((call.size,)) if effective != rank and keepdim else r)


def _each(result: Any, change: Callable[[Any], Any]) -> Any:
    return tuple(change(r) for r in result) if isinstance(result, tuple) else change(result)


@rule("softmax_along", "log_softmax_along", "differences", "differences_adjoint", "cumsum", "cumprod", "sort", "topk", "shift", "cummax", "cummin", "logcumsumexp")
def along(call: Call) -> Any:
    """Along one dimension, which stays."""
    value, rank = _column(call)
    result = call.run(value, dim=wrap_dim(call.attrs["dim"], rank, call.op.spoken) + 1)
    return _each(result, lambda r: r.reshape((call.size,)) if not call.ndim(0) else r)


@rule("soft_cross_entropy")
def _soft_cross_entropy(call: Call) -> Any:
    return call.run(call.full(0), call.full(1), dim=call.attrs["dim"] % call.ndim(0) + 1)


@rule("flip")
def _flip(call: Call) -> Any:
    dims = call.attrs["dims"]
    return call.run(call.values[0], dims=tuple(d + 1 for d in wrap_dims(dims if isinstance(dims, int) else tuple(dims), call.ndim(0), "flip")))


@rule("roll")
def _roll(call: Call) -> Any:
    dims = call.attrs["dims"]
    value = call.values[0]
    if dims is None or (not isinstance(dims, int) and not len(dims)):
        if not call.size or not call.ndim(0):
            return value
        return call.run(value.reshape((call.size, -1)), dims=1).reshape(tuple(value.shape))
    return call.run(value, dims=dims % call.ndim(0) + 1 if isinstance(dims, int) else tuple(d % call.ndim(0) + 1 for d in dims))


@rule("cat")
def _cat(call: Call) -> Any:
    kept = [i for i in range(len(call.inputs)) if call.shape(i) != (0,)] or [0]
    return call.run(*[call.full(i) for i in kept], dim=wrap_dim(call.attrs["dim"], call.ndim(kept[0]), "cat") + 1)


@rule("stack")
def _stack(call: Call) -> Any:
    return call.run(*[call.full(i) for i in range(len(call.inputs))], dim=wrap_dim(call.attrs["dim"], call.ndim(0) + 1, "stack") + 1)


@rule("median_of_all")
def _median_of_all(call: Call) -> Any:
    if not numel(call.shape(0)):
        return loop(call)

    def median(F: Any, input: Any, ignore_nan: bool) -> Any:
        flat = F.reshape(input, shape=(-1,))
        out = F.median_along(flat.detach(), dim=0, ignore_nan=ignore_nan)[0]
        ties = F.logical_or(flat == out, F.logical_and(F.isnan(flat), F.isnan(out)))
        share = F.where(ties, flat - flat.detach(), 0)  # elements that tie share the gradient evenly
        return out + F.sum(share) / F.sum(ties, dtype=flat.dtype)

    return composed(call, median)
