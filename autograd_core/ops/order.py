"""Order statistics: ``kthvalue``, ``median``, ``mode``, ``quantile`` and those that leave NaN out. NaN counts as largest, as in ``sort``."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype, int64
from ..errors import describe
from ..kernels.places import read_along
from ..op import TORCH_TENSOR, Arg, S, bools, composite, detached, distinct, op
from ..spec import Meta, wrap_dim
from .extrema import PAIRS, pair_spec, picked, picked_rule
from .index import FULL
from .reduce import LONG
from .running import accumulated

NAN = math.nan


def _at(array: Any, position: int, dim: int) -> Any:
    """The slice at a position along ``dim``, which is kept."""
    return array[(*(FULL,) * (dim % array.ndim), slice(position, position + 1))].copy()  # in rows


def _is_nan(xp: Any, input: Any) -> Any:
    return xp.isnan(input) if input.dtype.kind == "f" else xp.zeros(input.shape, dtype=bool)


# --- the k-th and the middle one ----------------------------------------------------------------------------------


def _kthvalue_spec(input: Any, *, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Meta, Meta]:
    metas = pair_spec("kthvalue")(input, dim=dim, keepdim=keepdim)
    if as_dtype(input.dtype).name == "bool":
        raise NotImplementedError("kthvalue: not implemented for bool. Convert it with .int()")
    n = input.shape[dim] if input.shape else 1
    if not 1 <= k <= n:
        raise RuntimeError(f"kthvalue: selected number k out of range for dimension {dim}: k is {k}, input {describe(input)} has {n} elements there")
    return metas  # type: ignore[no-any-return]


@op("kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]", kind="general", places=TORCH_TENSOR,
    outputs=("values", "indices"), constant_outputs=(1,), spec=_kthvalue_spec, samples=[
        S(distinct(3, 6), k=2), S(distinct(6, 3), k=4, dim=0), S(distinct(2, 5, 3), k=1, dim=-2, keepdim=True), S(distinct(5), k=5), S((), k=1), S((0, 3), k=2, dim=1),
        S((3,), k=4, error=RuntimeError, match="out of range"), S((3,), k=0, error=RuntimeError, match="out of range"), S((3,), k=1, dim=1, error=IndexError, match="out of range"),
        S((3, 0), k=1, error=IndexError, match="non-zero size"), S(bools(3), k=1, error=NotImplementedError, match="bool")])
def kthvalue(xp: Any, input: Any, *, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The ``k``-th smallest element along ``dim`` (1 is the smallest) and its position: a named tuple ``(values, indices)``.

    Raises ``RuntimeError`` unless ``1 <= k <=`` the size of ``dim``.

    >>> import autograd_core as ag
    >>> ag.kthvalue(ag.tensor([30.0, 10.0, 20.0]), 2).values.item()
    20.0
    """
    if not (input.ndim and -input.ndim <= dim < input.ndim and 1 <= k <= input.shape[dim] and input.dtype.kind != "b"):
        _kthvalue_spec(input, k=k, dim=dim, keepdim=keepdim)
    if not input.ndim:
        return input.copy(), xp.zeros((), dtype=LONG)
    return picked(xp, input, _at(input.argpartition(k - 1, axis=dim), k - 1, dim), dim, keepdim)


kthvalue.add_rule("input", picked_rule)


def _median_position(xp: Any, input: Any, dim: int, ignore_nan: bool) -> Any:
    """Where the median along ``dim`` stands; the first NaN if there is one and it is not ignored."""
    n = input.shape[dim]
    nan = _is_nan(xp, input)
    if backend_of(input).name == "cpu" and not nan.any():  # on a GPU looking at the values would wait for it
        return _at(input.argpartition((n - 1) // 2, axis=dim), (n - 1) // 2, dim)
    missing = xp.sum(nan, axis=dim, keepdims=True)
    rank = xp.maximum(n - missing - 1, 0) // 2 if ignore_nan else xp.where(missing > 0, n - missing, (n - 1) // 2)
    return read_along(xp, xp.argsort(input, axis=dim, kind="stable"), rank, dim)


def _median_spec(input: Any, *, ignore_nan: bool, dim: Any = None, keepdim: bool = False) -> Any:
    name = "nanmedian" if ignore_nan else "median"
    metas = None if dim is None else pair_spec(name)(input, dim=dim, keepdim=keepdim)
    if (as_dtype(input.dtype).name == "bool" and 0 not in input.shape) or as_dtype(input.dtype).is_complex:
        raise NotImplementedError(f"{name}: not implemented for {as_dtype(input.dtype).name} (input {describe(input)})")
    if metas is not None:
        return metas
    if 0 in input.shape and not as_dtype(input.dtype).is_floating_point:
        raise RuntimeError(f"{name}: there is no median of no integers (input {describe(input)})")
    return Meta((), as_dtype(input.dtype))


_WITH_NAN = Arg(values=[[NAN, 3.0, 1.0, 2.0], [NAN, NAN, 5.0, 4.0], [NAN, NAN, NAN, NAN], [4.0, 1.0, 3.0, 2.0]])


@op("median_along(input: Tensor, dim: int, keepdim: bool = False, ignore_nan: bool = False) -> tuple[Tensor, Tensor]", kind="reduction", label="median",
    outputs=("values", "indices"), constant_outputs=(1,), spec=_median_spec, samples=[
        *PAIRS[:4], S(distinct(5, 4), dim=0), S(_WITH_NAN, dim=1), S(_WITH_NAN, dim=1, ignore_nan=True, keepdim=True), *PAIRS[5:],
        S(bools(3), dim=0, error=NotImplementedError, match="bool")])
def median_along(xp: Any, input: Any, *, dim: int, keepdim: bool = False, ignore_nan: bool = False) -> Any:
    """The lower median along ``dim`` and its position."""
    if input.dtype.kind in "bc" or not input.ndim or not input.shape[dim]:
        _median_spec(input, dim=dim, keepdim=keepdim, ignore_nan=ignore_nan)
        return input.copy(), xp.zeros((), dtype=LONG)
    return picked(xp, input, _median_position(xp, input, dim, ignore_nan), dim, keepdim)


median_along.add_rule("input", picked_rule)


@op("median_of_all(input: Tensor, ignore_nan: bool = False) -> Tensor", kind="reduction", label="median", spec=_median_spec, samples=[
    S(distinct(3, 4)), S(distinct(5)), S(()), S((0, 2)), S(_WITH_NAN), S(_WITH_NAN, ignore_nan=True), S(Arg(values=[2.0, 1.0, 2.0, 3.0])),
    S(bools(3), error=NotImplementedError, match="bool")])
def median_of_all(xp: Any, input: Any, *, ignore_nan: bool = False) -> Any:
    """The lower median of all elements; elements that tie share the gradient evenly. Of nothing it is NaN."""
    _median_spec(input, ignore_nan=ignore_nan)
    if not input.size:
        return xp.full((), NAN, dtype=input.dtype)
    flat = input.reshape(-1)
    return flat[_median_position(xp, flat, 0, ignore_nan)].reshape(())


@median_of_all.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any) -> Any:
    ties = F.logical_or(input == out, F.logical_and(F.isnan(input), F.isnan(out)))
    return F.where(ties, g / F.sum(ties, dtype=g.dtype), 0)


@composite("median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any")
def median(F: Any, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The median of all elements, of two in the middle the lower; with ``dim`` the named tuple ``(values, indices)`` along it. NaN if there is one.

    >>> import autograd_core as ag
    >>> ag.median(ag.tensor([4.0, 1.0, 3.0, 2.0])).item()
    2.0
    """
    return F.median_of_all(input) if dim is None else F.median_along(input, dim=dim, keepdim=keepdim)


@composite("nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any")
def nanmedian(F: Any, input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """``median`` of all that is not NaN; NaN if that is nothing."""
    return F.median_of_all(input, ignore_nan=True) if dim is None else F.median_along(input, dim=dim, keepdim=keepdim, ignore_nan=True)


# --- the most frequent one ----------------------------------------------------------------------------------------


@op("mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]", kind="reduction", places=TORCH_TENSOR, outputs=("values", "indices"),
    constant_outputs=(1,), spec=pair_spec("mode"), samples=[
        *PAIRS[:4], S(Arg(values=[[3, 1, 1, 3, 2], [2, 2, 5, 5, 5]])), S(Arg(values=[[3.0, 1.0], [1.0, 1.0]]), dim=-2), S((0, 2), dim=-1), *PAIRS[5:]])
def mode(xp: Any, input: Any, *, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent element along ``dim``, of several the smallest, and where it stands last: a named tuple ``(values, indices)``."""
    if not input.ndim or not input.shape[dim]:
        pair_spec("mode")(input, dim=dim, keepdim=keepdim)
        return input.copy(), xp.zeros((), dtype=LONG)
    order = xp.moveaxis(xp.argsort(input, axis=dim, kind="stable"), dim, -1)
    ordered = read_along(xp, xp.moveaxis(input, dim, -1), order, -1)
    position = xp.arange(order.shape[-1])
    starts = xp.concatenate((xp.zeros((*order.shape[:-1], 1), dtype=position.dtype), xp.where(ordered[..., 1:] != ordered[..., :-1], position[1:], 0)), axis=-1)
    longest = xp.argmax(position - accumulated(xp, "maximum", starts, -1), axis=-1, keepdims=True)  # how many equal ones stand before
    return picked(xp, input, xp.moveaxis(read_along(xp, order, longest, -1), -1, dim), dim, keepdim)


mode.add_rule("input", picked_rule)


# --- quantiles ----------------------------------------------------------------------------------------------------


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _checked_quantile(name: str, input: Any, q: Any, interpolation: str) -> None:
    if as_dtype(input.dtype).name not in ("float32", "float64"):
        raise RuntimeError(f"{name}: input tensor must be either float or double dtype, got {as_dtype(input.dtype).name}. Convert it with .float()")
    if 0 in input.shape:
        raise RuntimeError(f"{name}: input tensor must be non-empty, got the shape {tuple(input.shape)}")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(f"{name}: interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation!r}")
    if not hasattr(q, "shape"):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}: q must be in the range [0, 1] but got {q}")
        return
    if len(q.shape) > 1:
        raise RuntimeError(f"{name}: q must be a scalar or 1D tensor, got the shape {tuple(q.shape)}")
    if q.dtype != input.dtype:
        raise RuntimeError(f"{name}: q tensor must be same dtype as the input tensor, got {as_dtype(q.dtype).name} for {as_dtype(input.dtype).name}")
    raw = getattr(q, "_array", q)
    if backend_of(raw).name == "cpu" and not ((raw >= 0) & (raw <= 1)).all():
        raise RuntimeError(f"{name}: q values must be in the range [0, 1], got {raw.tolist()}")


def _places_spec(ordered: Any, levels: Any, *, interpolation: str, ignore_nan: bool) -> tuple[Meta, Meta, Meta]:
    shape = (*ordered.shape[:-1], *(tuple(getattr(levels, "shape", ())) or (1,)))
    return Meta(shape, int64), Meta(shape, int64), Meta(shape, as_dtype(ordered.dtype))


@op("quantile_places(ordered: Tensor, levels: TensorLike, interpolation: str, ignore_nan: bool) -> tuple[Tensor, Tensor, Tensor]", kind="general", label="places",
    outputs=("below", "above", "weight"), constant_outputs=(0, 1), spec=_places_spec, broadcasts=True, samples=[
        S(Arg(values=[[1.0, 2.0, 4.0], [1.0, NAN, NAN]]), 0.7, interpolation="linear", ignore_nan=False),
        S((2, 5), Arg(values=[0.3, 0.55, 0.9]), interpolation="linear", ignore_nan=True), S((2, 5), Arg(values=0.3), interpolation="midpoint", ignore_nan=False),
        S(Arg(values=[[1.0, 2.0, NAN], [NAN, NAN, NAN]]), Arg(values=[0.3, 0.8]), interpolation="nearest", ignore_nan=True),
        S((4,), 0.4, interpolation="higher", ignore_nan=False), S((0, 3), 0.4, interpolation="lower", ignore_nan=False)])
def quantile_places(xp: Any, ordered: Any, levels: Any, *, interpolation: str, ignore_nan: bool) -> Any:
    """Where quantiles lie among the ``ordered`` along the last dimension: the positions next to them, and how far they are from the first. Ranks have the dtype of the input."""
    levels = xp.asarray(levels, dtype=ordered.dtype)
    if ignore_nan:
        counts = xp.sum(ordered == ordered, axis=-1, keepdims=True).astype(ordered.dtype)
        rank = levels * xp.maximum(counts - 1, 0)
    else:
        highest, last = ordered[..., -1:], ordered.shape[-1] - 1
        rank = xp.where(highest == highest, levels * last, last).astype(ordered.dtype, copy=False)
    if interpolation == "nearest":
        rank = xp.rint(rank)
    elif interpolation == "higher":
        rank = xp.ceil(rank)
    below = xp.floor(rank)
    return below.astype(LONG), xp.ceil(rank).astype(LONG), rank - below


@quantile_places.vjp("levels")
def _(F: Any, g: Any, ordered: Any, interpolation: str, ignore_nan: bool) -> Any:
    g = g[2]
    if interpolation in ("nearest", "higher"):
        return F.fill(g, 0)
    if not ignore_nan:
        last = ordered.shape[-1] - 1
        return F.where(F.isnan(F.narrow(ordered, dim=-1, start=last, length=1)), 0, g * last)
    counts = F.sum(F.logical_not(F.isnan(ordered)), dim=-1, keepdim=True, dtype=as_dtype(ordered.dtype))
    return g * F.clamp_min(counts - 1, 0)


def _quantile(F: Any, name: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, ignore_nan: bool) -> Any:
    _checked_quantile(name, input, q, interpolation)
    kept = tuple(1 if dim is None else n for n in input.shape)
    if dim is not None and input.ndim:
        at = wrap_dim(dim, input.ndim, name)
        kept = tuple(1 if d == at else n for d, n in enumerate(input.shape))
        input = F.movedim(input, source=at, destination=-1)
    else:
        wrap_dim(dim or 0, 0, name)
        input = F.reshape(input, shape=(-1,))
    ordered = F.sort(input, dim=-1)[0]
    several = len(getattr(q, "shape", ())) == 1
    below, above, weight = F.quantile_places(detached(ordered), q, interpolation=interpolation, ignore_nan=ignore_nan)
    result = F.gather(ordered, index=below, dim=ordered.ndim - 1)
    if interpolation in ("linear", "midpoint"):
        result = F.lerp(result, F.gather(ordered, index=above, dim=ordered.ndim - 1), weight if interpolation == "linear" else 0.5)
    shape = kept if keepdim else tuple(result.shape[:-1])
    if several:
        shape = (result.shape[-1], *shape)
        result = F.movedim(result, source=-1, destination=0)
    return F.reshape(result, shape=shape)


_PARAMETERS = "(input: Tensor, q: float | Tensor, dim: int | None = None, keepdim: bool = False, *, interpolation: str = 'linear') -> Tensor"


@composite("quantile" + _PARAMETERS)
def quantile(F: Any, input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """The ``q``-quantiles over ``dim``, or of all elements; a tensor of several ``q`` adds a first dimension. NaN where there is one.

    ``interpolation`` between the two nearest elements is ``linear``, ``lower``, ``higher``, ``midpoint`` or ``nearest``.
    float32 and float64 only; raises ``RuntimeError`` for other dtypes, for nothing and for ``q`` outside [0, 1].

    >>> import autograd_core as ag
    >>> ag.quantile(ag.tensor([0.0, 1.0, 2.0, 3.0]), 0.5).item()
    1.5
    """
    return _quantile(F, "quantile", input, q, dim, keepdim, interpolation, False)


@composite("nanquantile" + _PARAMETERS)
def nanquantile(F: Any, input: Any, q: Any, dim: Any = None, keepdim: bool = False, *, interpolation: str = "linear") -> Any:
    """``quantile`` of all that is not NaN; NaN if that is nothing."""
    return _quantile(F, "nanquantile", input, q, dim, keepdim, interpolation, True)
