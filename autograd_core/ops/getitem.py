"""``x[index]`` and ``x[index] = value``: an index taken apart.

Its slices, integers, ``None`` and ``...`` make a view; its arrays, lists and masks make one integer array for the ops of
``index``.
"""

from __future__ import annotations

import operator
from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..dtypes import int64
from ..errors import ShapeError
from ..op import Arg, S, composite, ints, op
from ..spec import Meta, broadcast
from .index import FULL, LONG, below, indexed_shape


def _index_of_spec(*tensors: Any, sizes: Any, dims: Any) -> Meta:
    shape: tuple[int, ...] = ()
    try:
        shape = broadcast("index_of", [f"tensors[{i}]" for i in range(len(tensors))], tensors)
    except ShapeError:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in tensors)
        raise IndexError(f"index: shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}") from None
    return Meta((len(tensors), *shape), int64)


@op("index_of(tensors: Sequence[Tensor], sizes: tuple[int, ...], dims: tuple[int, ...]) -> Tensor", kind="general", extra={"written": "index"}, samples=[
    S([ints(4, low=-3, high=3)], sizes=(3,), dims=(0,)), S([ints(2, 1), ints(3)], sizes=(3, 4), dims=(0, 1)),
    S([Arg(values=[0, 5])], sizes=(3,), dims=(1,), error=IndexError, match="index 5 is out of bounds for dimension 1 with size 3"),
    S([ints(2), ints(3)], sizes=(3, 3), dims=(0, 1), error=IndexError, match="broadcast")],
    spec=_index_of_spec)
def index_of(xp: Any, *tensors: Any, sizes: Any, dims: Any) -> Any:
    """Index arrays broadcast and stacked, checked, negative entries counted from the end; a copy, so that later writes change nothing."""
    if len(tensors) == 1:
        result = tensors[0].astype("int64")[None]
    else:
        same = all(tensor.shape == tensors[0].shape for tensor in tensors)
        result = xp.empty((len(tensors), *(tensors if same else xp.broadcast_arrays(*tensors))[0].shape), dtype="int64")
        for i, tensor in enumerate(tensors):
            result[i] = tensor
    if not result.size:
        return result
    checked = backend_of(result).name == "cpu"  # on a GPU looking at the values would wait for it
    for i, (size, dim) in enumerate(zip(sizes, dims, strict=True)):
        part = result[i]
        if checked and below(part, size):
            continue
        if checked and not -size <= (low := part.min()) <= (high := part.max()) < size:
            raise IndexError(f"index {int(low if low < -size else high)} is out of bounds for dimension {dim} with size {size}")
        part += (part < 0) * size
    return result


def _array(item: Any) -> Any:
    """A part of an index that is no slice: an int, a bool, a Tensor, or an array."""
    raw = getattr(item, "_array", item)
    if isinstance(item, (list, tuple, range)):
        item = raw = backend_for_device("cpu").asarray(_numbers(item))
        if not raw.size:
            item = raw = raw.astype("int64")
    dtype = getattr(raw, "dtype", None)
    if dtype is None:
        try:
            return operator.index(item)
        except TypeError:
            raise IndexError(f"only integers, slices (`:`), ellipsis (`...`), None and long or bool Tensors are valid indices (got {type(item).__name__})") from None
    if dtype.kind == "b":
        return bool(item) if not raw.ndim else item
    if dtype.kind not in "iu" or (dtype.char == "B" and raw is not item):
        fix = "Use .bool() for a mask, .long() for positions" if dtype.kind == "u" else "Convert it with .long()"
        raise IndexError(f"tensors used as indices must be long, int or bool tensors, got {dtype.name}. {fix}")
    differs = not raw.ndim and hasattr(raw, "_refuse")  # an example inside vmap: a position of its own for each, not one number
    return item if raw.ndim or differs else int(item)


def _numbers(item: Any) -> Any:
    if isinstance(item, (list, tuple, range)):
        return [_numbers(each) for each in item]
    return item.tolist() if hasattr(item, "tolist") else item


_SIMPLE = frozenset((int, slice, bool, type(None), type(Ellipsis)))


def _taken(item: Any) -> int:
    """How many dimensions of the tensor a part of an index speaks of."""
    if item is None or item is Ellipsis or item.__class__ is bool:
        return 0
    return int(item.ndim) if item.__class__ is not int and item.__class__ is not slice and _is_mask(item) else 1


def _is_mask(item: Any) -> bool:
    return bool(getattr(item, "_array", item).dtype.kind == "b")


def _take_apart(index: Any, shape: Any) -> tuple[tuple[Any, ...] | None, list[tuple[Any, int, int]]]:
    """The key of the view, ``None`` if that is everything, and the arrays: (array, dimension of the view, dimension of the tensor)."""
    items = [item if item.__class__ in _SIMPLE else _array(item) for item in (index if index.__class__ is tuple else (index,))]
    used = sum([_taken(item) for item in items])
    ellipses = sum([item is Ellipsis for item in items])
    if used > len(shape):
        raise IndexError(f"too many indices for tensor of dimension {len(shape)}: {used} were given")
    if ellipses > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    key: list[Any] = []
    arrays: list[tuple[Any, int, int]] = []
    dim = 0
    view_dim = 0
    for item in items:
        if item.__class__ is slice:
            key.append(_bounds(item, shape[dim]))
            dim += 1
            view_dim += 1
        elif item.__class__ is int:
            size = shape[dim]
            if not -size <= item < size:
                raise IndexError(f"index {item} is out of bounds for dimension {dim} with size {size}")
            key.append(item)
            dim += 1
        elif item is None:
            key.append(None)
            view_dim += 1
        elif item is Ellipsis:
            missing = len(shape) - used
            key += [FULL] * missing
            dim += missing
            view_dim += missing
        elif item.__class__ is bool:
            key.append(None)
            arrays.append((backend_for_device("cpu").xp.zeros(int(item), dtype="int64"), view_dim, dim))
            view_dim += 1
        else:
            taken = _taken(item)
            if _is_mask(item):
                for i, n in enumerate(item.shape):
                    if n != shape[dim + i]:
                        raise IndexError(f"The shape of the mask {list(item.shape)} at index {i} does not match the shape of the indexed tensor {list(shape)} at index {dim + i}")
            arrays.append((item, view_dim, dim))
            key += [FULL] * taken
            dim += taken
            view_dim += taken
    if arrays and all(part is FULL for part in key):
        return None, arrays
    return tuple(key), arrays


def _plain_key(index: Any, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The key of a view that only slices, integers and ``None`` describe, the commonest kind of index; ``None`` for any other."""
    key: list[Any] = []
    dim = 0
    for item in index if index.__class__ is tuple else (index,):
        kind = item.__class__
        if item is None:
            key.append(None)
            continue
        if dim == len(shape) or (kind is not slice and (kind is not int or not -shape[dim] <= item < shape[dim])):
            return None
        key.append(_bounds(item, shape[dim]) if kind is slice else item)
        dim += 1
    return tuple(key)


def _bounds(part: slice, size: int) -> slice:
    if part == FULL:
        return FULL
    start, stop, step = part.indices(size)
    if start < 0:
        return slice(0, 0, 1)
    return slice(start, None if stop < 0 else stop, step)  # what lies before the first element would be read as the last


def _combined(F: Any, input: Any, arrays: Any) -> tuple[Any, tuple[int, ...], bool]:
    """The arrays of an index as one: (index, dims, whether no position can occur twice)."""
    own = backend_of(getattr(input, "_array", input))
    tensors: list[Any] = []
    dims: list[int] = []
    outer: list[int] = []
    shape = tuple(input.shape)
    for given, view_dim, dim in arrays:
        array, raw = given, getattr(given, "_array", given)
        if backend_of(raw) is not own:
            array = raw = own.asarray(backend_of(raw).to_numpy(raw))
        if raw.dtype.kind != "b":
            tensors.append(array)
            dims.append(view_dim)
            outer.append(dim)
            continue
        positions = F.permute(F.argwhere(array), dims=(1, 0))
        axes = tuple(range(view_dim, view_dim + raw.ndim))
        if len(arrays) == 1:
            return positions, axes, True
        tensors += F.unbind(positions)
        dims += axes
        outer += range(dim, dim + raw.ndim)
    return F.index_of(tensors, sizes=tuple(shape[d] for d in dims), dims=tuple(outer)), tuple(dims), False


def _is_positions(item: Any, input: Any) -> bool:
    """Whether a part of an index is a tensor of integers with dimensions, where ``input`` is."""
    raw = getattr(item, "_array", None)
    return raw is not None and raw.__class__ is input._array.__class__ and raw.dtype.kind == "i" and bool(raw.shape) if hasattr(input, "_array") else False


def _one_array(F: Any, input: Any, index: Any) -> Any:
    """``input[index]`` where the index is one array of integers, a list of them or one mask; ``None`` where it is not as simple as that."""
    own = getattr(input, "_array", input)
    if index.__class__ is list:
        if not index or not all([each.__class__ is int for each in index]):
            return None
        raw = backend_of(own).asarray(index)
        index = F.lift(raw, None)
    else:
        raw = getattr(index, "_array", index)
        if raw.__class__ is not own.__class__:
            return None
        if raw is index and own is not input:  # writes to the tensor's memory are noticed, those to the caller's own array are not
            index = F.lift(raw.copy(), None)
    shape = own.shape
    if not shape or not raw.shape:
        return None
    kind = raw.dtype.kind
    if kind == "i":
        return F.take_rows(input, index)
    return F.take_masked(input, index) if kind == "b" and raw.shape == shape[: raw.ndim] else None


@composite("getitem(input: Tensor, index: Any) -> Tensor", places=())
def getitem(F: Any, input: Any, index: Any) -> Any:
    """``input[index]``: a view for slices, integers, ``None`` and ``...``; a copy where arrays or masks are involved."""
    if index.__class__ is int:
        if (shape := getattr(input, "_array", input).shape) and -shape[0] <= index < shape[0]:
            return F.slice_view(input, key=(index,))
    elif index.__class__ is slice and (shape := getattr(input, "_array", input).shape):
        return F.slice_view(input, key=(_bounds(index, shape[0]),))
    elif index.__class__ is tuple or index.__class__ in _SIMPLE:
        shape = getattr(input, "_array", input).shape
        if (plain := _plain_key(index, shape)) is not None:
            return F.slice_view(input, key=plain)
        if index.__class__ is tuple and 0 < len(index) <= len(shape) and all([_is_positions(each, input) for each in index]):
            if len(index) == 2:
                return F.take_points(input, *index)
            dims = tuple(range(len(index)))
            return F.index(input, F.index_of(index, sizes=shape[: len(dims)], dims=dims), dims=dims)
    elif (found := _one_array(F, input, index)) is not None:
        return found
    key, arrays = _take_apart(index, input.shape)
    if key is not None:
        input = F.slice_view(input, key=key)
    if not arrays:
        return input
    positions, dims, unique = _combined(F, input, arrays)
    return F.index(input, positions, dims=dims, unique=unique)


def _is_that_region(value: Any, input: Any, key: Any) -> bool:
    """Whether a tensor is just the region it is to be written to: Python's ``x[i] += v`` assigns the view it changed."""
    view: Any = getattr(value, "_view", None)
    own = input._view
    chain = getattr(view, "chain", None)
    if chain is None or view.base is not getattr(own, "base", input) or chain[:-1] != getattr(own, "chain", ()):
        return False
    step, attrs = chain[-1]
    return bool(step.name == "slice_view" and attrs["key"] == key)


@composite("setitem(input: Tensor, index: Any, value: Any) -> None", places=())
def setitem(F: Any, input: Any, index: Any, value: Any) -> None:
    """``input[index] = value``, in place; ``value`` broadcasts to the region and takes the tensor's dtype."""
    own = input._array
    arrays: list[tuple[Any, int, int]] = []
    key = _plain_key(index, own.shape) if index.__class__ is tuple or index.__class__ in _SIMPLE else None
    if key is None:
        key, arrays = _take_apart(index, own.shape)
    if isinstance(value, (list, tuple)):
        value = backend_of(own).asarray(_numbers(value))
    if not arrays and (sizes := getattr(getattr(value, "_array", value), "shape", ())) and sizes[0] == 1:
        region = len(own.shape) + sum([part is None for part in key or ()]) - sum([part.__class__ is int for part in key or ()])
        for _ in range(len(sizes) - region):
            if value.shape[0] == 1:
                value = F.reshape(value, shape=value.shape[1:])
    if not arrays:
        if not _is_that_region(value, input, key):
            F.slice_write(input, value, key=key, inplace=True)
        return
    if key is not None:
        input = F.slice_view(input, key=key)
    positions, dims, unique = _combined(F, input, arrays)
    shape = indexed_shape(input.shape, positions.shape, dims)
    while getattr(value, "ndim", 0) > len(shape) and value.shape[0] == 1:
        value = F.reshape(value, shape=value.shape[1:])
    F.index_write(input, positions, value, dims=dims, unique=unique, inplace=True)


def _put_index(F: Any, input: Any, indices: Any) -> Any:
    """The view and the combined index that a tuple of index tensors means."""
    key, arrays = _take_apart(tuple(FULL if each is None else each for each in indices), input.shape)
    if not arrays:
        raise IndexError("index_put: at least one index tensor is needed. Use x[...] = value for slices and integers")
    return (input if key is None else F.slice_view(input, key=key), *_combined(F, input, arrays))


@composite("index_put_(input: Tensor, indices: Sequence[Tensor | None], values: TensorLike, accumulate: bool = False) -> Tensor", places=("Tensor",))
def index_put_(F: Any, input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """``input[indices] = values`` in place; with ``accumulate`` the values are added, repeated positions included."""
    region, positions, dims, unique = _put_index(F, input, indices)
    F.index_write(region, positions, values, dims=dims, adding=accumulate, unique=unique, inplace=True)
    return input


@composite("index_put(input: Tensor, indices: Sequence[Tensor | None], values: TensorLike, accumulate: bool = False) -> Tensor", out=False)
def index_put(F: Any, input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``values`` written at ``indices``; with ``accumulate`` they are added, repeated positions included."""
    own, given = getattr(input, "_array", input), getattr(values, "_array", values)
    first: Any = getattr(indices[0], "_array", indices[0]) if len(indices) == 1 else None
    if own.ndim and getattr(first, "ndim", 0) and first.dtype == LONG and getattr(given, "dtype", own.dtype) == own.dtype:
        if not accumulate and first.ndim == 1 and (first is indices[0]) is (own is input):  # not the caller's own array, which may change unseen
            return F.write_rows(input, indices[0], values, dim=0, name="index_put")
        rows = F.index_of([indices[0]], sizes=(own.shape[0],), dims=(0,))
        return F.index_write(input, rows, values, dims=(0,), adding=accumulate)
    return index_put_.function(F, F.clone(input), indices, values, accumulate)
