"""The ops with an index: slices as views, and one integer array for all that is indexed by arrays.

That array has the shape (how many dimensions are indexed, *their broadcast shape). With it ``index`` reads,
``index_write`` writes and ``index_accumulate``, the adjoint of reading, adds.
"""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import bool_, int64, uint64
from ..op import Arg, S, ints, op
from ..spec import Meta

FULL = slice(None)
LONG = int64.dtype
_UNSIGNED = uint64.dtype

# --- slices and integers: views -----------------------------------------------------------------------------------


def sliced_shape(shape: Any, key: Any) -> tuple[int, ...]:
    """The shape of the region that integers, slices and ``None`` select."""
    result = []
    sizes = iter(shape)
    for part in key:
        if part is None:
            result.append(1)
        elif part.__class__ is slice:
            result.append(len(range(*part.indices(next(sizes)))))
        else:
            next(sizes)
    return (*result, *sizes)


def _slice_spec(input: Any, *, key: Any) -> Meta:
    return Meta(sliced_shape(input.shape, key), input.dtype)


@op("slice_view(input: Tensor, key: tuple[Any, ...]) -> Tensor", kind="view", label="[ ]", spec=_slice_spec,
    extra={"adds": "before[(*key, ...)] += g", "direct": "a_input[(*key, ...)]"}, samples=[
    S((3, 4), key=(slice(1, 3), 0)), S((3, 4), key=(None, slice(0, 3, 2))), S((5,), key=(-1,)), S((), key=(None,)), S((), key=()), S((0, 2), key=(slice(None), 1))])
def slice_view(xp: Any, input: Any, *, key: Any) -> Any:
    """The region that integers, slices and ``None`` select, as a view."""
    return input[(*key, ...)]


@slice_view.vjp("input")
def _(F: Any, g: Any, key: Any, input_shape: Any) -> Any:
    return F.slice_place(g, key=key, shape=input_shape)


@op("slice_place(input: Tensor, key: tuple[Any, ...], shape: Sequence[int]) -> Tensor", kind="shape", label="[ ]ᵀ",
    spec=lambda input, *, key, shape: Meta(tuple(shape), input.dtype), samples=[
        S((2,), key=(slice(1, 3), 0), shape=(3, 4)), S((1, 2, 4), key=(None, slice(0, 3, 2)), shape=(3, 4)), S((), key=(2,), shape=(4,))])
def slice_place(xp: Any, input: Any, *, key: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with ``input`` in the region of ``key``: the adjoint of ``slice_view``."""
    zeros = xp.zeros(shape, dtype=input.dtype)
    zeros[(*key, ...)] = input
    return zeros


@slice_place.vjp("input")
def _(F: Any, g: Any, key: Any) -> Any:
    return F.slice_view(g, key=key)


def cast_back(F: Any, g: Any, dtype: Any) -> Any:
    """A cotangent in the dtype of the value that was converted when it was written."""
    own = g.dtype  # NumPy's or ours: to compare one with the other takes as long as a kernel
    return g if own is dtype or own is dtype.dtype else F.to_dtype(g, dtype=dtype)


def real_if(value: Any, dtype: Any) -> Any:
    """A value to be written into memory of ``dtype``: complex numbers lose their imaginary part, negative integers wrap around in unsigned ones, as in PyTorch."""
    if value.__class__ is int:
        return value % 256**dtype.itemsize if value < 0 and dtype.kind == "u" else value
    return value.real if dtype.kind != "c" and getattr(value, "dtype", dtype).kind == "c" else value


def destination(xp: Any, input: Any, out: Any) -> Any:
    """Where a kernel writes into ``input``: its own memory when ``out`` is that, else a copy, in ``out`` if given."""
    if out is None:
        return xp.array(input, order="C")
    if out is not input:
        out[...] = input
    return out


@op("slice_write(input: Tensor, value: TensorLike, key: tuple[Any, ...], inplace: bool = False) -> Tensor", kind="shape", label="[ ]=", broadcasts=True,
    extra={"written": "x[...] = value"}, spec=lambda input, value, *, key: Meta(tuple(input.shape), input.dtype), samples=[
        S((3, 4), (2,), key=(slice(1, 3), 0)), S((3, 4), (), key=(slice(0, 3, 2),)), S((3, 4), (3, 1), key=(FULL,)), S((4,), 2.5, key=(1,)), S((), (), key=())])
def slice_write(xp: Any, input: Any, value: Any, *, key: Any, out: Any = None) -> Any:
    """``input`` with the region of ``key`` replaced by ``value``."""
    out = destination(xp, input, out)
    out[(*key, ...)] = real_if(value, out.dtype)
    return out


@slice_write.vjp("input")
def _(F: Any, g: Any, key: Any) -> Any:
    return F.slice_write(g, 0, key=key)


@slice_write.vjp("value")
def _(F: Any, g: Any, key: Any, value_dtype: Any) -> Any:
    return cast_back(F, F.slice_view(g, key=key), value_dtype)


# --- arrays: reading, adding, writing -----------------------------------------------------------------------------


def _key(index: Any, dims: Any) -> tuple[Any, ...]:
    """The index in the library's form: an array for each of ``dims``, everything of the dimensions between."""
    key: list[Any] = [FULL] * (dims[-1] + 1)
    for i, dim in enumerate(dims):
        key[dim] = index[i]
    return tuple(key)


def _adjacent(dims: Any) -> bool:
    """Whether the indexed dimensions lie together; if not, what is indexed comes first in the result, as in NumPy."""
    return bool(dims[-1] - dims[0] == len(dims) - 1)


def indexed_shape(shape: Any, index_shape: Any, dims: Any) -> tuple[int, ...]:
    """The shape that reading at the positions of an index gives."""
    rest = tuple(n for d, n in enumerate(shape) if d not in dims)
    at = dims[0] if _adjacent(dims) else 0
    return (*rest[:at], *index_shape[1:], *rest[at:])


@op("index(input: Tensor, index: Tensor, dims: tuple[int, ...], unique: bool = False) -> Tensor", kind="general", label="[ ]",
    spec=lambda input, index, *, dims, unique=False: Meta(indexed_shape(input.shape, index.shape, dims), input.dtype), samples=[
        S((3, 4), ints(1, 5, high=3), dims=(0,)), S((3, 4), ints(2, 2, 3, high=3), dims=(0, 1)), S((2, 3, 4), ints(2, 3, high=2), dims=(0, 2)),
        S((2, 4), Arg(values=[[3, 1]]), dims=(1,), unique=True), S((3, 4), ints(1, 0), dims=(1,))])
def index(xp: Any, input: Any, index: Any, *, dims: Any, unique: bool = False) -> Any:
    """``input`` at the positions that ``index`` lists for ``dims``; ``unique`` promises that no position occurs twice."""
    if len(dims) == 1:
        return input.take(index[0], dims[0])
    if len(dims) == input.ndim and input.flags.c_contiguous:  # one position each is read three times faster
        return input.reshape(-1).take(flat_index(index, input.shape))
    return input[_key(index, dims)]


@index.vjp("input")
def _(F: Any, g: Any, index: Any, dims: Any, unique: bool, input_shape: Any) -> Any:
    return F.index_accumulate(g, index, dims=dims, shape=input_shape, unique=unique)


def add_rows(xp: Any, values: Any, rows: Any, size: int) -> Any:
    """Zeros of shape (size, \\*values.shape[1:]) with ``values[i]`` added to row ``rows[i]``, right for repeated rows.

    Many numbers for few places, and few numbers, are counted with weights, which adds up in float64.
    """
    count = len(rows)
    if (count > 4 * size or 0 < count <= FEW) and values.size == count and values.dtype.kind == "f" and backend_of(values).name == "cpu":
        sums = xp.bincount(rows, weights=values.reshape(-1), minlength=size).astype(values.dtype)
        return sums if values.ndim == 1 else sums.reshape((size, *values.shape[1:]))
    if values.dtype.char == "e":
        return add_rows(xp, values.astype("float32"), rows, size).astype(values.dtype)
    result = xp.zeros((size, *values.shape[1:]), dtype=values.dtype)
    if count == 1:
        result[rows] = values
    else:
        add_to_rows(xp, result, values, rows)
    return result


def add_to_rows(xp: Any, result: Any, values: Any, rows: Any) -> None:
    """Add ``values[i]`` to row ``rows[i]`` of a contiguous array, right for repeated rows.

    NumPy's ``add.at`` is slow for rows but a tight loop in one dimension, so on the CPU every number gets its own flat
    position: for rows of 4 to 1000 numbers that takes a half to a fifth of the time of sorting and ``reduceat``. Longer
    rows are added one by one. A product with a one-hot matrix is quicker only for few rows, and would turn 0 times
    infinity into NaN.
    """
    if not values.size:
        return
    if values.size <= FEW or backend_of(values).name != "cpu":
        xp.add.at(result, rows, values)
        return
    count = len(rows)
    width = values.size // count
    if width >= _LONG:
        for row, value in zip(rows.tolist(), values, strict=True):
            result[row] += value
        return
    flat, sums = xp.ascontiguousarray(values).reshape(count, -1), result.reshape(-1)
    if values.dtype.kind == "c":
        flat, sums = flat.view(flat.real.dtype), sums.view(sums.real.dtype)
        width *= 2
    if width == 1:
        xp.add.at(sums, rows, flat[:, 0])
        return
    block = max(1, _BLOCK // width)
    columns = xp.arange(width)
    for start in range(0, count, block):
        xp.add.at(sums, (rows[start : start + block, None] * width + columns).reshape(-1), flat[start : start + block].reshape(-1))


_BLOCK = 1 << 18
"""How many positions are computed at a time: they should stay in the cache."""
_LONG = 768
"""Of rows that are added one by one."""
FEW = 256
"""Numbers that are added sooner than positions for them are computed."""


def add_few(xp: Any, values: Any, key: Any, shape: Any) -> Any:
    """Zeros of ``shape`` with at most ``FEW`` numbers added by the library itself at index arrays, which it checks and whose negative integers it counts from the end."""
    result = xp.zeros(shape, dtype=values.dtype)
    xp.add.at(result, key, values)
    return result


def flat_index(index: Any, sizes: Any) -> Any:
    """Row-major positions from one index per dimension."""
    flat = index[0]
    for i in range(1, len(sizes)):
        flat = flat * sizes[i] + index[i]
    return flat


@op("index_accumulate(input: Tensor, index: Tensor, dims: tuple[int, ...], shape: Sequence[int], unique: bool = False) -> Tensor", kind="general", label="[ ]+",
    spec=lambda input, index, *, dims, shape, unique=False: Meta(tuple(shape), input.dtype), samples=[
        S((5, 4), ints(1, 5, high=3), dims=(0,), shape=(3, 4)), S((2, 3), ints(2, 2, 3, high=3), dims=(0, 1), shape=(3, 4)),
        S((3, 3), ints(2, 3, high=2), dims=(0, 2), shape=(2, 3, 4)), S((2, 2), Arg(values=[[3, 1]]), dims=(1,), shape=(2, 4), unique=True),
        S((6,), ints(1, 6, high=4), dims=(0,), shape=(4,)), S((2, 0), ints(1, 0), dims=(1,), shape=(2, 4))])
def index_accumulate(xp: Any, input: Any, index: Any, *, dims: Any, shape: Any, unique: bool = False) -> Any:
    """Zeros of ``shape`` with ``input`` added at the positions of ``index``: the adjoint of ``index``."""
    input = xp.asarray(input)
    if unique:
        result = xp.zeros(shape, dtype=input.dtype)
        result[_key(index, dims)] = input
        return result
    if dims == (0,):
        rows = index[0].reshape(-1)
        return add_rows(xp, input.reshape((rows.size, *shape[1:])), rows, shape[0])
    sizes = tuple(shape[d] for d in dims)
    rest = tuple(n for d, n in enumerate(shape) if d not in dims)
    count = index.ndim - 1
    at = dims[0] if _adjacent(dims) else 0
    if at:
        input = xp.moveaxis(input, tuple(range(at, at + count)), tuple(range(count)))
    rows = flat_index(index, sizes).reshape(-1)
    result = add_rows(xp, input.reshape((rows.size, *rest)), rows, math.prod(sizes)).reshape((*sizes, *rest))
    return result if dims == tuple(range(len(dims))) else xp.moveaxis(result, tuple(range(len(dims))), dims)


@index_accumulate.vjp("input")
def _(F: Any, g: Any, index: Any, dims: Any, unique: bool) -> Any:
    return F.index(g, index, dims=dims, unique=unique)


@op("index_write(input: Tensor, index: Tensor, values: TensorLike, dims: tuple[int, ...], adding: bool = False, unique: bool = False, inplace: bool = False) -> Tensor",
    kind="general", label="[ ]=", broadcasts=True, extra={"written": "x[...] = value"},
    spec=lambda input, index, values, *, dims, adding=False, unique=False: Meta(tuple(input.shape), input.dtype), samples=[
        S((3, 4), ints(1, 5, high=3), (5, 4), dims=(0,)), S((3, 4), ints(2, 6, high=3), (6,), dims=(0, 1)), S((2, 3, 4), ints(2, 3, high=2), (3, 3), dims=(0, 2)),
        S((3, 4), ints(1, 5, high=3), (5, 4), dims=(0,), adding=True), S((2, 4), Arg(values=[[3, 1]]), (2, 1), dims=(1,), unique=True), S((3,), ints(1, 2), 1.5, dims=(0,))])
def index_write(xp: Any, input: Any, index: Any, values: Any, *, dims: Any, adding: bool = False, unique: bool = False, out: Any = None) -> Any:
    """``input`` with ``values`` written, or added, at the positions of ``index``; of repeated positions the last one is written."""
    out = destination(xp, input, out)
    values = real_if(values, out.dtype)
    if adding:
        spread = xp.broadcast_to(xp.asarray(values, dtype=out.dtype), indexed_shape(out.shape, index.shape, dims))
        out += index_accumulate.kernel(xp, spread, index, dims=dims, shape=out.shape, unique=unique)
    else:
        out[_key(index, dims)] = values
    return out


@index_write.vjp("input")
def _(F: Any, g: Any, index: Any, dims: Any, adding: bool, unique: bool) -> Any:
    return g if adding else F.index_write(g, index, 0, dims=dims, unique=unique)


@index_write.vjp("values")
def _(F: Any, g: Any, index: Any, dims: Any, adding: bool, unique: bool, input_shape: Any, values_dtype: Any) -> Any:
    read = F.index(g, index, dims=dims, unique=unique)
    if not adding and not unique:
        last = F.last_written(index, sizes=tuple(input_shape[d] for d in dims))
        at = dims[0] if _adjacent(dims) else 0
        trailing = len(input_shape) - len(dims) - at
        read = F.where(F.reshape(last, shape=(*last.shape, *[1] * trailing)), read, 0)
    return cast_back(F, read, values_dtype)


@op("last_written(index: Tensor, sizes: tuple[int, ...]) -> Tensor", kind="general",
    spec=lambda index, *, sizes: Meta(tuple(index.shape[1:]), bool_), samples=[S(ints(1, 6, high=3), sizes=(3,)), S(ints(2, 2, 3, high=3), sizes=(3, 4))])
def last_written(xp: Any, index: Any, *, sizes: Any) -> Any:
    """Which entries of ``index`` are the last for their position: those whose value an assignment leaves there."""
    return ~replaced(xp, flat_index(index, sizes).reshape(-1), math.prod(sizes)).reshape(index.shape[1:])


def replaced(xp: Any, places: Any, size: int) -> Any:
    """Of a vector of places below ``size`` those that occur again later: what was written there is replaced."""
    order = xp.arange(places.size)
    winner = xp.empty(size, dtype=order.dtype)
    winner[places] = order
    return winner[places] != order


def clear_replaced(xp: Any, read: Any, places: Any, size: int, dim: int = 0) -> None:
    """Write 0 into the slices of ``read`` along ``dim`` that belong to places that occur again later."""
    if backend_of(places).name == "cpu":  # mostly there are none, and a GPU would be waited for
        named = xp.zeros(size, dtype=bool)
        named[places] = True
        if xp.count_nonzero(named) == places.size:
            return
    read[(*(FULL,) * dim, replaced(xp, places, size))] = 0


def below(index: Any, size: int) -> bool:
    """Whether all (there must be some) are from 0 to ``size - 1``, by one look: read as unsigned, a negative number is huge.

    ``argmax`` has no Python around it, so that it takes a half of what ``max`` does for a few numbers, and as long for many.
    """
    if index.dtype is not LONG:
        return False
    unsigned = index.view(_UNSIGNED)
    found: bool = unsigned.item(unsigned.argmax()) < size
    return found


def checked_rows(name: str, index: Any, size: int, error: type[Exception] = IndexError) -> Any:
    """An index as PyTorch's functions take it: integers from 0 to ``size - 1``; ``error`` otherwise (not looked at on a GPU)."""
    if index.dtype is not LONG and index.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: Expected dtype int32/int64 for index, got {index.dtype.name}. Convert it with .long()")
    if index.size and backend_of(index).name == "cpu" and not below(index, size):
        low, high = index.min(), index.max()
        if low < 0 or high >= size:
            raise error(f"{name}: index {int(low if low < 0 else high)} is out of bounds for a dimension of size {size}")
    return index
