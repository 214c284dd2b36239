"""Scattering along a dimension: writing, adding and reducing where an index names."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype, bool_, int64
from ..kernels.places import flat_along
from ..op import TORCH_TENSOR, Arg, S, composite, detached, distinct, ints, op
from ..spec import Meta, wrap_dim
from .gather import gather_accumulate, index_spec
from .index import add_to_rows, checked_rows, clear_replaced, destination, real_if, replaced


def _scatter_spec(input: Any, index: Any, src: Any, *, dim: int) -> Meta:
    index_spec("scatter", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


def _as_index(array: Any, index: Any) -> Any:
    """The part of ``src`` that has the shape of ``index``; numbers as they are."""
    return array[tuple(slice(n) for n in index.shape)] if getattr(array, "ndim", 0) and array.shape != index.shape else array


@op("scatter_write(input: Tensor, dim: int, index: Tensor, src: TensorLike, inplace: bool = False) -> Tensor", kind="general",
    label="scatter", spec=_scatter_spec, samples=[
    S((3, 4), ints(3, 2, high=4), (3, 2), dim=1), S((3, 4), ints(5, 4, high=3), (5, 4), dim=0), S((4,), ints(2, high=4), 1.5, dim=0)])
def scatter_write(xp: Any, input: Any, index: Any, src: Any, *, dim: int, out: Any = None) -> Any:
    """``input`` with ``src`` written where ``index`` names along ``dim``; of several values for one place the last."""
    fits = _fits(input, index, src, dim)
    if not fits:
        _scatter_spec(input, index, src, dim=dim)
    out = destination(xp, input, out)
    if src.__class__ is int:
        src = real_if(src, out.dtype)
    if not out.ndim:
        out[...] = _as_index(src, index)[..., -1] if getattr(src, "ndim", 0) else src
        return out
    checked_rows("scatter", index, out.shape[dim], RuntimeError)
    whole = xp.ascontiguousarray(out)
    whole.ravel()[flat_along(xp, out.shape, index, dim)] = src if fits else _as_index(src, index)
    if whole is not out:
        out[...] = whole
    return out


def _fits(input: Any, index: Any, src: Any, dim: int) -> bool:
    """Whether all have one shape, as most have; nothing else is left to check then but the index itself."""
    shape = input.shape
    return index.shape == shape and (not hasattr(src, "shape") or (src.shape == shape and src.dtype == input.dtype)) and -len(shape) <= dim < len(shape)


@scatter_write.vjp("input")
def _unwritten(F: Any, g: Any, index: Any, dim: int) -> Any:
    return F.scatter_write(g, index=index, src=0, dim=dim)


@scatter_write.vjp("src")
def _written(F: Any, g: Any, index: Any, dim: int, src_shape: Any) -> Any:
    read = F.where(F.last_scattered(index, dim=dim, shape=tuple(g.shape)), F.gather(g, index=index, dim=dim), 0)
    return _as_src(F, read, src_shape)


@scatter_write.fused_vjp()
def _(F: Any, g: Any, index: Any, dim: int, src_shape: Any, needs: Any) -> Any:
    if needs[0] and needs[2] and src_shape and index.shape == src_shape:
        kept, read = F.scatter_back(g, index, dim=dim)
        return kept, None, read
    kept = _unwritten(F, g, index, dim) if needs[0] else None
    return kept, None, _written(F, g, index, dim, src_shape) if needs[2] else None


@op("scatter_back(input: Tensor, index: Tensor, dim: int) -> tuple[Tensor, Tensor]", kind="general", outputs=("kept", "read"), constant_outputs=(0, 1),
    spec=lambda input, index, *, dim: (Meta(tuple(input.shape), input.dtype), Meta(tuple(index.shape), input.dtype)), samples=[
        S((3, 4), ints(3, 2, high=4), dim=1), S((3, 4), ints(5, 4, high=3), dim=0), S((4,), ints(6, high=4), dim=-1), S((2, 3), ints(0, 3), dim=0)])
def scatter_back(xp: Any, input: Any, index: Any, *, dim: int) -> tuple[Any, Any]:
    """Both cotangents of a scatter from its result's: 0 at the places, and what stands there, 0 for a value that a later one replaced."""
    kept = xp.array(input, order="C")
    flat, places = kept.ravel(), flat_along(xp, input.shape, index, dim).ravel()
    read = flat[places]
    clear_replaced(xp, read, places, flat.size)
    flat[places] = 0
    return kept, read.reshape(index.shape)


def _as_src(F: Any, read: Any, shape: Any) -> Any:
    """What was read at ``index``, in the shape of ``src``: a number's share is the sum, unread elements get 0."""
    if not shape:
        return F.sum(read)
    return read if tuple(read.shape) == tuple(shape) else F.slice_place(read, key=tuple(slice(n) for n in read.shape), shape=shape)


@op("last_scattered(index: Tensor, dim: int, shape: Sequence[int]) -> Tensor", kind="general", spec=lambda index, *, dim, shape: Meta(tuple(index.shape), bool_), samples=[
    S(ints(5, 4, high=3), dim=0, shape=(3, 4)), S(ints(3, high=4), dim=-1, shape=(4,))])
def last_scattered(xp: Any, index: Any, *, dim: int, shape: Any) -> Any:
    """Which entries of ``index`` are the last for their place: those whose value a scatter leaves there."""
    if not shape:
        return xp.ones(index.shape, dtype=bool)
    return ~replaced(xp, flat_along(xp, shape, index, dim).reshape(-1), math.prod(shape)).reshape(index.shape)


def _value_of(src: Any, value: Any) -> Any:
    if (src is None) == (value is None):
        raise TypeError("scatter: give either src or value")
    return value if src is None else src


def _scattered(F: Any, input: Any, dim: int, index: Any, src: Any, reduce: str | None) -> Any:
    if reduce not in {"add", "multiply"}:
        raise RuntimeError(f"scatter: reduce argument must be either add or multiply, got {reduce!r}. scatter_reduce has more reductions")
    if not hasattr(src, "shape"):
        src = F.fill(F.to_dtype(index, dtype=as_dtype(input.dtype)), src)
    return F.scatter_add(input, index=index, src=src, dim=dim) if reduce == "add" else F.scatter_reduce(input, index=index, src=src, dim=dim, reduce="prod")


_SCATTER_PARAMETERS = "(input: Tensor, dim: int, index: Tensor, src: TensorLike | None = None, *, value: TensorLike | None = None, reduce: str | None = None) -> Tensor"


@composite("scatter" + _SCATTER_PARAMETERS)
def scatter(F: Any, input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """``input`` with ``src`` (a tensor or a number, also called ``value``) written where ``index`` names along ``dim``; the reverse of ``gather``.

    Of several values for one place the last is written; ``reduce='add'`` adds them and ``reduce='multiply'`` multiplies by them.
    Raises ``RuntimeError`` for an index that does not fit or is out of bounds.

    >>> import autograd_core as ag
    >>> ag.zeros(2, 3).scatter(1, ag.tensor([[2], [0]]), 1.0).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    src = _value_of(src, value)
    return F.scatter_write(input, index=index, src=src, dim=dim) if reduce is None else _scattered(F, input, dim, index, src, reduce)


@composite("scatter_" + _SCATTER_PARAMETERS, places=("Tensor",))
def scatter_(F: Any, input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """``scatter``, written into the tensor itself."""
    src = _value_of(src, value)
    return F.scatter_write(input, index=index, src=src, dim=dim, inplace=True) if reduce is None else input.copy_(_scattered(F, F.clone(input), dim, index, src, reduce))


def _scatter_add_spec(input: Any, index: Any, src: Any, *, dim: int) -> Meta:
    index_spec("scatter_add", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


@op("scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor", kind="general", places=TORCH_TENSOR, inplace=True, spec=_scatter_add_spec, samples=[
    S((3, 4), ints(3, 6, high=4), (3, 6), dim=1), S((3, 4), ints(5, 4, high=3), (5, 4), dim=0), S((3, 4), ints(2, 2, high=4), (2, 3), dim=-1), S((4,), ints(0), (0,), dim=0),
    S((3, 4), ints(2), (2,), dim=0, error=RuntimeError, match="same number of dimensions")])
def scatter_add(xp: Any, input: Any, index: Any, src: Any, *, dim: int, out: Any = None) -> Any:
    """``input`` with ``src`` added where ``index`` names along ``dim``, repeats included."""
    fits = _fits(input, index, src, dim)
    if not fits:
        _scatter_add_spec(input, index, src, dim=dim)
    out = destination(xp, input, out)
    if out.ndim:
        checked_rows("scatter_add", index, out.shape[dim], RuntimeError)
        if out.flags.c_contiguous and out.dtype.char != "e":
            add_to_rows(xp, out.ravel(), (src if fits else _as_index(src, index)).ravel(), flat_along(xp, out.shape, index, dim).ravel())
            return out
    out += gather_accumulate.kernel(xp, _as_index(src, index), index, dim=dim, shape=out.shape)
    return out


@scatter_add.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


@scatter_add.vjp("src")
def _(F: Any, g: Any, index: Any, dim: int, src_shape: Any) -> Any:
    return _as_src(F, F.gather(g, index=index, dim=dim), src_shape)


# --- other reductions ---------------------------------------------------------------------------------------------


def _scatter_extremum_spec(input: Any, index: Any, src: Any, *, dim: int, largest: bool, include_self: bool = True) -> Meta:
    index_spec("scatter_reduce", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


@op("scatter_positions(index: Tensor, dim: int, shape: Sequence[int]) -> Tensor", kind="general", extra={"written": "scatter_reduce"},
    spec=lambda index, *, dim, shape: Meta((math.prod(index.shape),), int64), samples=[
        S(ints(5, 4, high=3), dim=0, shape=(3, 4)), S(ints(2, 3, high=4), dim=-1, shape=(3, 4)), S(ints(2, high=1), dim=0, shape=())])
def scatter_positions(xp: Any, index: Any, *, dim: int, shape: Any) -> Any:
    """The place of each entry of ``index`` in the flattened tensor of ``shape``, checked."""
    checked_rows("scatter_reduce", index, shape[dim] if shape else 1, RuntimeError)
    return flat_along(xp, shape, index, dim).reshape(-1)


@op("scatter_extremum(input: Tensor, index: Tensor, src: Tensor, dim: int, largest: bool, include_self: bool = True) -> Tensor", kind="general", label="scatter_reduce",
    spec=_scatter_extremum_spec, samples=[
        S(Arg((3, 4), -2.0, 0.5), ints(5, 4, high=3), distinct(5, 4), dim=0, largest=True), S((3, 4), ints(2, 3, high=4), distinct(3, 4), dim=-1, largest=False),
        S((3,), ints(4), distinct(4), dim=0, largest=True, include_self=False), S((3,), ints(0), (0,), dim=0, largest=False, include_self=False)])
def scatter_extremum(xp: Any, input: Any, index: Any, src: Any, *, dim: int, largest: bool, include_self: bool = True) -> Any:
    """``input`` with the largest (or smallest) of the values of ``src`` for each place, and of its own unless not ``include_self``.

    ``maximum.at`` on the flattened tensor is a tight loop in one dimension: an eighth of the time of sorting the places.
    """
    _scatter_extremum_spec(input, index, src, dim=dim, largest=largest)
    flat = xp.array(input).reshape(-1)
    if index.size:
        checked_rows("scatter_reduce", index, input.shape[dim] if input.ndim else 1, RuntimeError)
        places, values = flat_along(xp, input.shape, index, dim).reshape(-1), _as_index(src, index).reshape(-1)
        if not include_self:
            flat[places] = values
        (xp.maximum if largest else xp.minimum).at(flat, places, values)
    return flat.reshape(input.shape)


@scatter_extremum.vjp()
def _(F: Any, g: Any, input: Any, index: Any, src: Any, out: Any, dim: int, include_self: bool) -> Any:
    src_shape = tuple(src.shape)
    src = _as_index(src, index) if src_shape else src
    own = input == out
    if not include_self:
        own = F.logical_and(own, F.scatter_write(F.fill(out, 1), index=index, src=0, dim=dim) != 0)
    own = F.to_dtype(own, dtype=as_dtype(g.dtype))
    taken = F.to_dtype(src == F.gather(out, index=index, dim=dim), dtype=as_dtype(g.dtype))
    count = F.scatter_add(own, index=index, src=taken, dim=dim)
    g = g / F.where(count == 0, 1, count)  # elements that tie share the gradient evenly; none equals NaN
    return g * own, None, _as_src(F, F.gather(g, index=index, dim=dim) * taken, src_shape)


def _scatter_product(F: Any, input: Any, index: Any, src: Any, dim: int, include_self: bool) -> Any:
    """The product of all values for each place, by multiplications alone, so that derivatives are right where factors are zero.

    The factors are put in order of place; then every pass multiplies each by the one ``step`` before it, if that is for
    the same place, so that the last one of a place collects its product.
    """
    shape, n = tuple(input.shape), math.prod(input.shape)
    places = F.scatter_positions(index, dim=dim, shape=shape)
    factors = F.reshape(_as_index(src, index), shape=(-1,))
    if include_self:
        own = F.to_dtype(F.cumsum(F.fill(F.reshape(detached(input), shape=(-1,)), 1), dim=0, dtype=int64), dtype=int64) - 1
        places, factors = F.cat([own, places], dim=0), F.cat([F.reshape(input, shape=(-1,)), factors], dim=0)
    places, order = F.sort(places, dim=0)
    factors = F.index_select(factors, index=order, dim=0)
    step = 1
    while step < factors.shape[0]:
        same = places == F.shift(places, dim=0, step=step, fill=-1)
        factors = F.where(same, factors * F.shift(factors, dim=0, step=step, fill=1), factors)
        step *= 2
    last = places != F.shift(places, dim=0, step=-1, fill=-1)
    zeros = F.fill(F.reshape(detached(input), shape=(-1,)), 0)
    products = F.scatter_add(zeros, index=places, src=F.where(last, factors, F.fill(detached(factors), 0)), dim=0)
    named = F.scatter_write(zeros, index=places, src=1, dim=0) != 0
    return F.reshape(F.where(named, products, F.reshape(input, shape=(n,))), shape=shape)


def _scatter_mean(F: Any, input: Any, index: Any, src: Any, dim: int, include_self: bool) -> Any:
    total = F.scatter_add(input if include_self else F.scatter_write(input, index=index, src=0, dim=dim), index=index, src=src, dim=dim)
    count = F.scatter_add(F.fill(detached(input), int(include_self)), index=index, src=F.fill(detached(src), 1), dim=dim)
    count = F.where(count == 0, F.fill(count, 1), count)
    return total / count if as_dtype(input.dtype).is_floating_point or as_dtype(input.dtype).is_complex else F.floor_divide(total, count)


_REDUCE_PARAMETERS = "(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor"


@composite("scatter_reduce" + _REDUCE_PARAMETERS)
def scatter_reduce(F: Any, input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """``input`` with the values of ``src`` combined where ``index`` names along ``dim``: their ``sum``, ``prod``, ``mean``, ``amax`` or ``amin``.

    What was there takes part, unless not ``include_self``; places that ``index`` does not name stay as they are. Elements that tie for
    an extremum share the gradient evenly. Raises ``RuntimeError`` for another ``reduce``, and for an index that does not fit or is out of bounds.

    >>> import autograd_core as ag
    >>> ag.zeros(2).scatter_reduce(0, ag.tensor([0, 0, 1]), ag.tensor([1.0, 5.0, 3.0]), "amax").tolist()
    [5.0, 3.0]
    """
    if reduce not in {"sum", "prod", "mean", "amax", "amin"}:
        raise RuntimeError(f"scatter_reduce: reduce argument must be either sum, prod, mean, amax or amin, got {reduce!r}")
    index_spec("scatter_reduce", input, index, dim, src)
    if reduce in {"amax", "amin"}:
        return F.scatter_extremum(input, index, src, dim=dim, largest=reduce == "amax", include_self=include_self)
    if reduce == "prod":
        return _scatter_product(F, input, index, src, dim, include_self)
    if reduce == "mean":
        return _scatter_mean(F, input, index, src, dim, include_self)
    return F.scatter_add(input if include_self else F.scatter_write(input, index=index, src=0, dim=dim), index=index, src=src, dim=dim)


@composite("scatter_reduce_" + _REDUCE_PARAMETERS, places=("Tensor",))
def scatter_reduce_(F: Any, input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """``scatter_reduce``, written into the tensor itself."""
    return input.copy_(F.scatter_reduce(F.clone(input), dim=dim, index=index, src=src, reduce=reduce, include_self=include_self))


@composite("index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor", inplace=True)
def index_reduce(F: Any, input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
    """``input`` with the slices of ``source`` combined along ``dim`` into those that ``index`` names: their ``prod``, ``mean``, ``amax`` or ``amin``; see ``scatter_reduce``."""
    if reduce not in {"prod", "mean", "amax", "amin"}:
        raise RuntimeError(f"index_reduce: Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    at = wrap_dim(dim, input.ndim, "index_reduce")
    shape = (*input.shape[:at], math.prod(index.shape), *input.shape[at + 1 :])
    if index.ndim > 1 or (input.ndim and tuple(source.shape) != shape):
        raise RuntimeError(f"index_reduce: index must be a vector and source of the shape {shape} (index {tuple(index.shape)}, source {tuple(source.shape)})")
    along = [1] * input.ndim
    along[at : at + 1] = [-1] if input.ndim else []
    index = F.broadcast_to(F.reshape(index, shape=tuple(along)), shape=tuple(source.shape))
    return F.scatter_reduce(input, dim=dim, index=index, src=source, reduce=reduce, include_self=include_self)
