"""``x[rows]``, ``x[rows, columns]`` and ``x[mask]``: an index that is one or two arrays of integers or one mask, each a single op.

All other indices with arrays go the general way of ``getitem`` and ``index``.
"""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..errors import ShapeError
from ..op import Arg, S, ints, op
from ..spec import Meta, broadcast
from .index import FEW, add_few, add_rows, below


def _rows_spec(input: Any, index: Any, *, name: str = "") -> Meta:
    n = input.shape[0]
    raw = getattr(index, "_array", None)
    if raw is not None and raw.size and backend_of(raw).name == "cpu" and not -n <= (low := raw.min()) <= (high := raw.max()) < n:
        raise IndexError(f"{name + ': ' if name else ''}index {int(low if low < -n else high)} is out of bounds for dimension 0 with size {n}")
    return Meta((*index.shape, *input.shape[1:]), input.dtype)


@op("take_rows(input: Tensor, index: Tensor, name: str = '') -> Tensor", kind="general", label="[ ]", extra={"written": "index"}, spec=_rows_spec, samples=[
    S((3, 4), ints(5, low=-3, high=3)), S((4,), ints(2, 3, high=4)), S((3, 4), ints(0)), S((2, 3, 2), ints(1, high=2)), S((0, 2), ints(0)),
    S((3,), Arg(values=[1, 5]), error=IndexError, match="index 5 is out of bounds for dimension 0 with size 3"),
    S((3,), Arg(values=[-4]), error=IndexError, match="index -4 is out of bounds")])
def take_rows(xp: Any, input: Any, index: Any, *, name: str = "") -> Any:
    """``input[index]`` for integers, counted from the end where negative. The array library's ``take`` checks the bounds; ``name`` begins the message."""
    return input.take(index, 0)


@take_rows.vjp("input")
def _(F: Any, g: Any, index: Any, input_shape: Any) -> Any:
    return F.place_rows(g, index, shape=input_shape)


def _from_start(xp: Any, index: Any, size: int) -> Any:
    """An index without negative integers."""
    if not index.size or (backend_of(index).name == "cpu" and below(index, size)):
        return index
    return xp.where(index < 0, index + size, index)


@op("place_rows(input: Tensor, index: Tensor, shape: Sequence[int]) -> Tensor", kind="general", label="[ ]+",
    spec=lambda input, index, *, shape: Meta(tuple(shape), input.dtype), samples=[
        S((5, 4), ints(5, low=-3, high=3), shape=(3, 4)), S((2, 3), ints(2, 3, high=4), shape=(4,)), S((0, 2), ints(0), shape=(0, 2)),
        S((3, 2, 2), ints(3, high=2), shape=(2, 2, 2))])
def place_rows(xp: Any, input: Any, index: Any, *, shape: Any) -> Any:
    """Zeros of ``shape`` with the slices of ``input`` added to the rows of ``index``, repeats included: the adjoint of ``take_rows``."""
    input = xp.asarray(input)
    if 0 < input.size <= FEW and index.size <= 4 * shape[0] and input.dtype.char != "e":
        return add_few(xp, input, index, shape)
    rows = _from_start(xp, index.reshape(-1), shape[0])
    return add_rows(xp, input.reshape((rows.size, *shape[1:])), rows, shape[0])


@place_rows.vjp("input")
def _(F: Any, g: Any, index: Any) -> Any:
    return F.take_rows(g, index)


def _points_spec(input: Any, rows: Any, columns: Any) -> Meta:
    for dim, index in enumerate((rows, columns)):
        n, raw = input.shape[dim], getattr(index, "_array", None)
        if raw is not None and raw.size and backend_of(raw).name == "cpu" and not -n <= (low := raw.min()) <= (high := raw.max()) < n:
            raise IndexError(f"index {int(low if low < -n else high)} is out of bounds for dimension {dim} with size {n}")
    try:
        common = broadcast("index", ("rows", "columns"), (rows, columns))
    except ShapeError:
        raise IndexError(f"index: shape mismatch: indexing tensors could not be broadcast together with shapes {list(rows.shape)}, {list(columns.shape)}") from None
    return Meta((*common, *input.shape[2:]), input.dtype)


@op("take_points(input: Tensor, rows: Tensor, columns: Tensor) -> Tensor", kind="general", label="[ ]", extra={"written": "index"}, spec=_points_spec, samples=[
    S((3, 4), ints(5, low=-3, high=3), ints(5, high=4)), S((3, 4), ints(2, 1), ints(3, low=-4, high=4)), S((2, 3, 2), ints(3, high=2), ints(3, high=3)),
    S((3, 4), ints(0), ints(0)), S((3, 3), ints(2), ints(3), error=IndexError, match="broadcast"),
    S((3, 3), Arg(values=[0, 5]), ints(2), error=IndexError, match="index 5 is out of bounds for dimension 0 with size 3")])
def take_points(xp: Any, input: Any, rows: Any, columns: Any) -> Any:
    """``input[rows, columns]`` for integers, counted from the end where negative; the two broadcast."""
    return input[rows, columns]


@take_points.vjp("input")
def _(F: Any, g: Any, rows: Any, columns: Any, input_shape: Any) -> Any:
    return F.place_points(g, rows, columns, shape=input_shape)


@op("place_points(input: Tensor, rows: Tensor, columns: Tensor, shape: Sequence[int]) -> Tensor", kind="general", label="[ ]+",
    spec=lambda input, rows, columns, *, shape: Meta(tuple(shape), input.dtype), samples=[
        S((5,), ints(5, low=-3, high=3), ints(5, high=4), shape=(3, 4)), S((2, 3), ints(2, 1, high=3), ints(3, high=4), shape=(3, 4)),
        S((3, 2), ints(3, high=2), ints(3, high=3), shape=(2, 3, 2)), S((0,), ints(0), ints(0), shape=(2, 3))])
def place_points(xp: Any, input: Any, rows: Any, columns: Any, *, shape: Any) -> Any:
    """Zeros of ``shape`` with what ``input`` holds added at ``rows`` and ``columns``, repeats included: the adjoint of ``take_points``."""
    input = xp.asarray(input)
    if 0 < input.size <= FEW and input.dtype.char != "e":
        return add_few(xp, input, (rows, columns), shape)
    flat = (_from_start(xp, rows, shape[0]) * shape[1] + _from_start(xp, columns, shape[1])).reshape(-1)
    return add_rows(xp, input.reshape((flat.size, *shape[2:])), flat, shape[0] * shape[1]).reshape(shape)


@place_points.vjp("input")
def _(F: Any, g: Any, rows: Any, columns: Any) -> Any:
    return F.take_points(g, rows, columns)


_MASK = Arg(values=[[True, False, True], [False, False, True]])


@op("take_masked(input: Tensor, mask: Tensor) -> Tensor", kind="dynamic", label="[ ]", extra={"written": "index"},
    spec=lambda input, mask: Meta((-1, *input.shape[len(mask.shape):]), input.dtype), samples=[
        S((2, 3), _MASK), S((2, 3, 2), _MASK), S((2, 3), Arg(values=[False, False])), S((3, 0), Arg(values=[True, False, True]))])
def take_masked(xp: Any, input: Any, mask: Any) -> Any:
    """``input[mask]`` for a mask of the leading dimensions."""
    return input[mask]


@take_masked.vjp("input")
def _(F: Any, g: Any, mask: Any, input_shape: Any) -> Any:
    return F.place_masked(g, mask, shape=input_shape)


@op("place_masked(input: Tensor, mask: Tensor, shape: Sequence[int]) -> Tensor", kind="general", label="[ ]ᵀ",
    spec=lambda input, mask, *, shape: Meta(tuple(shape), input.dtype), samples=[
        S((3,), _MASK, shape=(2, 3)), S((3, 2), _MASK, shape=(2, 3, 2)), S((0,), Arg(values=[False]), shape=(1,))])
def place_masked(xp: Any, input: Any, mask: Any, *, shape: Any) -> Any:
    """Zeros of ``shape`` with the slices of ``input`` where the mask of the leading dimensions is true: the adjoint of ``take_masked``."""
    zeros = xp.zeros(shape, dtype=input.dtype)
    zeros[mask] = input
    return zeros


@place_masked.vjp("input")
def _(F: Any, g: Any, mask: Any) -> Any:
    return F.take_masked(g, mask)
