"""The ops whose index is a vector for one dimension, or counts through the flattened tensor."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype, int64
from ..op import TORCH_TENSOR, Arg, S, composite, ints, op
from ..spec import Meta, wrap_dim
from .index import FULL, add_to_rows, below, cast_back, checked_rows, clear_replaced, destination, index_accumulate, real_if

# --- reading and adding -------------------------------------------------------------------------------------------


def _vector_length(name: str, index: Any) -> int:
    if len(index.shape) > 1:
        raise IndexError(f"{name}: Index is supposed to be a vector, got the shape {tuple(index.shape)}")
    return int(index.shape[0]) if index.shape else 1


def _replaced(shape: Any, dim: int, n: int) -> tuple[int, ...]:
    """The shape with the size ``n`` at ``dim``."""
    return (*shape[:dim], n, *shape[dim + 1 :]) if shape else ()


def _select_spec(input: Any, index: Any, *, dim: int) -> Meta:
    at = wrap_dim(dim, len(input.shape), "index_select")
    n = _vector_length("index_select", index)
    if not input.shape and n != 1:
        raise RuntimeError(f"index_select: Index to scalar can have only 1 value, got {n} values")
    return Meta(_replaced(input.shape, at, n), input.dtype)


@op("index_select(input: Tensor, dim: int, index: Tensor) -> Tensor", kind="general", places=TORCH_TENSOR, spec=_select_spec, samples=[
    S((3, 4), ints(5, high=3), dim=0), S((3, 4), ints(2, high=4), dim=-1), S((3,), ints(0), dim=0), S((2, 3, 4), ints(3), dim=1), S((3,), ints(), dim=0),
    S((), ints(1, high=1), dim=0),    S((3, 4), Arg(values=[3]), dim=0, error=IndexError, match="out of bounds"), S((3, 4), ints(2), dim=2, error=IndexError, match="out of range"),
    S((3,), ints(1, 2), dim=0, error=IndexError, match="vector"), S((), ints(2, high=1), dim=0, error=RuntimeError, match="only 1 value")])
def index_select(xp: Any, input: Any, index: Any, *, dim: int) -> Any:
    """The slices of ``input`` along ``dim`` that the integers in ``index`` name, repeats included."""
    if index.ndim != 1 or not input.ndim:
        _select_spec(input, index, dim=dim)
        index = index.reshape(-1)
    rows = checked_rows("index_select", index, input.shape[dim] if input.ndim else 1)
    return input.take(rows, dim) if input.ndim else input.copy()


@index_select.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int, input_shape: Any) -> Any:
    return F.index_accumulate(g, F.reshape(index, shape=(1, -1)), dims=(dim % len(input_shape),), shape=input_shape) if input_shape else g


def _add_spec(input: Any, index: Any, source: Any, *, dim: int, alpha: Any = 1) -> Meta:
    at = wrap_dim(dim, len(input.shape), "index_add")
    wanted = _replaced(input.shape, at, _vector_length("index_add", index))
    if source.dtype != input.dtype:
        raise RuntimeError(f"index_add: self ({as_dtype(input.dtype).name}) and source ({as_dtype(source.dtype).name}) must have the same scalar type. Convert one with .to(dtype)")
    if tuple(source.shape) != wanted and not (len(input.shape) == 1 and not source.shape and wanted == (1,)):
        raise RuntimeError(f"index_add: source must have the shape {wanted} (input {tuple(input.shape)} with the index's length at dimension {at}), got {tuple(source.shape)}")
    return Meta(tuple(input.shape), input.dtype)


@op("index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor", kind="general",
    places=TORCH_TENSOR, inplace=True, promotes="none",
    spec=_add_spec, samples=[
        S((3, 4), ints(5), (5, 4), dim=0), S((3, 4), ints(2, high=4), (3, 2), dim=-1, alpha=2.5), S((3,), ints(6), (6,), dim=0),
        S((), ints(high=1), (), dim=0), S((3,), ints(), (1,), dim=0), S((3, 4), ints(5), (4, 4), dim=0, error=RuntimeError, match="source must have the shape"),
        S((3, 4), Arg(values=[3]), (1, 4), dim=0, error=RuntimeError, match="out of bounds"),
        S((3,), ints(2), ints(2), dim=0, error=RuntimeError, match="same scalar type")])
def index_add(xp: Any, input: Any, index: Any, source: Any, *, dim: int, alpha: Any = 1, out: Any = None) -> Any:
    """``input`` with the slices of ``source`` times ``alpha`` added to its slices that ``index`` names, repeats included."""
    if not (index.ndim == 1 and dim == 0 and input.ndim and source.dtype == input.dtype and source.shape == (index.shape[0], *input.shape[1:])):
        _add_spec(input, index, source, dim=dim, alpha=alpha)
    shape = input.shape or (1,)
    rows = checked_rows("index_add", index if index.ndim else index.reshape(1), shape[dim], IndexError if input.ndim < 2 else RuntimeError)  # PyTorch's types
    out = destination(xp, input, out)
    if dim in (0, -input.ndim) and input.ndim and out.flags.c_contiguous and out.dtype.char != "e":
        values = source if alpha == 1 else alpha * source
        add_to_rows(xp, out, values if values.ndim else values.reshape(1), rows)
        return out
    values = xp.asarray(alpha * source).reshape(_replaced(shape, dim % len(shape), rows.size))
    out += index_accumulate.kernel(xp, values, rows[None], dims=(dim % len(shape),), shape=shape).reshape(input.shape)
    return out


@index_add.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


@index_add.vjp("source")
def _(F: Any, g: Any, index: Any, dim: int, alpha: Any, source_shape: Any) -> Any:
    return F.reshape(F.index_select(g, index=index, dim=dim) * alpha, shape=source_shape)


# --- positions in the form of `index_write` -----------------------------------------------------------------------


def _positions_spec(index: Any, *, shape: Any, name: str, dim: int | None = None, wraps: bool = True) -> Meta:
    if as_dtype(index.dtype).name not in ("int64", "int32", "int16", "int8", "uint8"):
        raise (IndexError if name == "index_fill" else RuntimeError)(f"{name}: Expected a long tensor for index, but got {as_dtype(index.dtype).name}. Convert it with .long()")
    raw = getattr(index, "_array", index)
    if getattr(raw, "size", 0) and backend_of(raw).name == "cpu":  # on a GPU looking at the values would wait for it
        size = math.prod(shape) if dim is None else shape[dim]
        low, high = raw.min(), raw.max()
        if high >= size or low < (-size if wraps else 0):
            where = f"a tensor of {size} elements" if dim is None or name == "put" else f"dimension {dim} with size {size}"
            raise IndexError(f"{name}: index {int(high if high >= size else low)} is out of bounds for {where}")
    return Meta((1 if dim is not None else len(shape), *index.shape), int64)


@op("positions(index: Tensor, shape: Sequence[int], name: str, dim: int | None = None, wraps: bool = True) -> Tensor", kind="general", spec=_positions_spec, samples=[
    S(ints(5, low=-3, high=3), shape=(3, 4), name="index_fill", dim=0), S(ints(2, 3, low=-12, high=12), shape=(3, 4), name="put"), S(ints(0), shape=(3,), name="take", dim=0),
    S(Arg(values=[2, -1]), shape=(3,), name="index_copy", dim=0, wraps=False, error=IndexError, match="index_copy: index -1 is out of bounds for dimension 0 with size 3"),
    S(Arg(values=[12]), shape=(3, 4), name="put", error=IndexError, match="put: index 12 is out of bounds for a tensor of 12 elements")])
def positions(xp: Any, index: Any, *, shape: Any, name: str, dim: int | None = None, wraps: bool = True) -> Any:
    """An index for one dimension, or into the flattened tensor, as ``index_write`` takes it: one row per dimension; checked, negative ones counted from the end."""
    if dim is not None and index.size and backend_of(index).name == "cpu" and below(index, shape[dim]):
        return index[None].copy()
    _positions_spec(index, shape=shape, name=name, dim=dim, wraps=wraps)
    size = math.prod(shape) if dim is None else shape[dim]
    rows = index.astype("int64")
    rows = xp.where(rows < 0, rows + size, rows)
    if dim is not None:
        return rows[None]
    found = []
    for n in reversed(shape):
        found.append(rows % max(n, 1))
        rows = rows // max(n, 1)
    return xp.stack(found[::-1])


# --- writing ------------------------------------------------------------------------------------------------------


def _write_rows_spec(input: Any, index: Any, values: Any, *, dim: int, name: str, wraps: bool = True) -> Meta:
    _positions_spec(index, shape=input.shape, name=name, dim=dim, wraps=wraps)
    return Meta(tuple(input.shape), input.dtype)


@op("write_rows(input: Tensor, index: Tensor, values: TensorLike, dim: int, name: str, wraps: bool = True, inplace: bool = False) -> Tensor", kind="general",
    label="[ ]=", broadcasts=True, extra={"written": "index_put"}, spec=_write_rows_spec, samples=[
        S((3, 4), ints(5, low=-3, high=3), (5, 4), dim=0, name="index_put"), S((2, 3, 2), ints(2, high=3), (2, 1), dim=1, name="index_fill"),
        S((3, 4), ints(2, high=4), 1.5, dim=1, name="index_copy", wraps=False), S((3,), ints(0), (0,), dim=0, name="index_put"),
        S((3,), Arg(values=[3]), (1,), dim=0, name="index_fill", error=IndexError, match="index_fill: index 3 is out of bounds for dimension 0 with size 3"),
        S((3,), Arg(values=[-1]), (1,), dim=0, name="index_copy", wraps=False, error=IndexError, match="index_copy: index -1 is out of bounds")])
def write_rows(xp: Any, input: Any, index: Any, values: Any, *, dim: int, name: str, wraps: bool = True, out: Any = None) -> Any:
    """``input`` with ``values`` written to the slices along ``dim`` that an index names, counted from the end where negative unless not ``wraps``.

    Of repeated slices the last is written. The array library checks the bounds; ``name`` begins the message.
    """
    if index.dtype.kind not in "iu" or not (wraps or not index.size or backend_of(index).name != "cpu" or below(index, input.shape[dim])):
        _write_rows_spec(input, index, values, dim=dim, name=name, wraps=wraps)
    out = destination(xp, input, out)
    out[(*(FULL,) * dim, index)] = real_if(values, out.dtype)
    return out


@write_rows.vjp("input")
def _unwritten(F: Any, g: Any, index: Any, dim: int, name: str) -> Any:
    return F.write_rows(g, index, 0, dim=dim, name=name)


@write_rows.vjp("values")
def _written(F: Any, g: Any, index: Any, dim: int, name: str, input_shape: Any, values_dtype: Any) -> Any:
    rows = F.positions(index, shape=input_shape, name=name, dim=dim)
    last = F.last_written(rows, sizes=(input_shape[dim],))
    read = F.where(F.reshape(last, shape=(*last.shape, *[1] * (len(input_shape) - dim - 1))), F.index(g, rows, dims=(dim,)), 0)
    return cast_back(F, read, values_dtype)


@write_rows.fused_vjp()
def _(F: Any, g: Any, index: Any, dim: int, name: str, input_shape: Any, values_shape: Any, values_dtype: Any, needs: Any) -> Any:
    if needs[0] and needs[2]:
        kept, read = F.rows_back(g, index, dim=dim)
        return kept, None, cast_back(F, read, values_dtype)
    kept = _unwritten(F, g, index, dim, name) if needs[0] else None
    return kept, None, _written(F, g, index, dim, name, input_shape, values_dtype) if needs[2] else None


@op("rows_back(input: Tensor, index: Tensor, dim: int) -> tuple[Tensor, Tensor]", kind="general", outputs=("kept", "read"), constant_outputs=(0, 1),
    spec=lambda input, index, *, dim: (Meta(tuple(input.shape), input.dtype), Meta(_replaced(input.shape, dim, index.shape[0]), input.dtype)), samples=[
        S((3, 4), ints(5, low=-3, high=3), dim=0), S((2, 3, 2), ints(2, high=3), dim=1), S((3,), ints(0), dim=0)])
def rows_back(xp: Any, input: Any, index: Any, *, dim: int) -> tuple[Any, Any]:
    """Both cotangents of ``write_rows`` from its result's: 0 in the slices, and what stands there, 0 for a slice that a later one replaced."""
    kept = xp.array(input)
    read = input.take(index, dim)
    kept[(*(FULL,) * dim, index)] = 0
    clear_replaced(xp, read, index, input.shape[dim], dim)
    return kept, read


def _rows_written(F: Any, input: Any, dim: int, index: Any, values: Any, inplace: bool, **attrs: Any) -> Any:
    """``write_rows`` for tensors and indices without dimensions too."""
    if not inplace and getattr(input, "_array", input).ndim and getattr(index, "_array", index).ndim:
        return F.write_rows(input, index, values, dim=dim, **attrs)
    if not index.ndim:
        index = F.reshape(index, shape=(1,))
    target = input if input.ndim else F.unsqueeze(input, dim=0)
    if inplace:
        F.write_rows(target, index, values, dim=dim, inplace=True, **attrs)
        return input
    written = F.write_rows(target, index, values, dim=dim, **attrs)
    return written if input.ndim else F.reshape(written, shape=())


def _filled(F: Any, input: Any, dim: int, index: Any, value: Any, inplace: bool) -> Any:
    at = wrap_dim(dim, getattr(input, "_array", input).ndim, "index_fill")
    if len(getattr(index, "_array", index).shape) > 1:
        raise RuntimeError(f"index_fill: Index has to be a vector/scalar, got the shape {tuple(index.shape)}")
    if getattr(value, "ndim", 0):
        raise RuntimeError(f"index_fill: only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s). Use index_copy")
    if isinstance(value, complex) and not as_dtype(input.dtype).is_complex:
        raise RuntimeError(f"index_fill: Converting complex Scalar to non-complex type is not supported, got {value} for {as_dtype(input.dtype).name}")
    return _rows_written(F, input, at, index, value, inplace, name="index_fill")


_FILL_PARAMETERS = "(input: Tensor, dim: int, index: Tensor, value: TensorLike) -> Tensor"


@composite("index_fill" + _FILL_PARAMETERS, out=False)
def index_fill(F: Any, input: Any, dim: int, index: Any, value: Any) -> Any:
    """``input`` with ``value`` (a number or a tensor without dimensions) in its slices along ``dim`` that ``index`` names.

    Negative integers count from the end; raises ``IndexError`` for those out of bounds.
    """
    return _filled(F, input, dim, index, value, False)


@composite("index_fill_" + _FILL_PARAMETERS, places=("Tensor",))
def index_fill_(F: Any, input: Any, dim: int, index: Any, value: Any) -> Any:
    """``index_fill``, written into the tensor itself."""
    return _filled(F, input, dim, index, value, True)


def _copied(F: Any, input: Any, dim: int, index: Any, source: Any, inplace: bool) -> Any:
    own, rows, given = getattr(input, "_array", input), getattr(index, "_array", index), getattr(source, "_array", source)
    at = wrap_dim(dim, own.ndim, "index_copy")
    n = _vector_length("index_copy", rows)
    shape = _replaced(own.shape or (1,), at, n)
    if given.shape != shape or given.dtype != own.dtype:
        _refuse_copy(input, source, at, n, shape)
        source = F.reshape(source, shape=shape)
    if inplace or not own.ndim or not rows.ndim:
        return _rows_written(F, input, at, index, source, inplace, name="index_copy", wraps=False)
    return F.write_rows(input, index, source, dim=at, name="index_copy", wraps=False)


def _refuse_copy(input: Any, source: Any, at: int, n: int, shape: tuple[int, ...]) -> None:
    """Raise unless ``source`` is a vector of ``n`` elements for a vector."""
    if source.dtype != input.dtype:
        raise RuntimeError(f"index_copy: self and source expected to have the same dtype, but got (self) {as_dtype(input.dtype).name} and (source) {as_dtype(source.dtype).name}")
    if not source.ndim and n != 1:
        raise IndexError(f"index_copy: When source is scalar, index should have one element (got {n})")
    if source.ndim and input.ndim and (source.ndim <= at or source.shape[at] != n):
        raise IndexError(f"index_copy: Number of indices ({n}) should be equal to source.size(dim), got source {tuple(source.shape)} for dimension {at}")
    if tuple(source.shape) != shape and not (len(shape) == 1 and math.prod(source.shape) == n):
        raise RuntimeError(f"index_copy: Source/destination tensor must have same slice shapes, got source {tuple(source.shape)} where {shape} fits (input {tuple(input.shape)})")


_COPY_PARAMETERS = "(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor"


@composite("index_copy" + _COPY_PARAMETERS)
def index_copy(F: Any, input: Any, dim: int, index: Any, source: Any) -> Any:
    """``input`` with its slices along ``dim`` that ``index`` names replaced by those of ``source``; of repeated ones the last is written.

    Raises ``IndexError`` for integers out of bounds, and ``RuntimeError`` where shapes or dtypes do not fit.
    """
    return _copied(F, input, dim, index, source, False)


@composite("index_copy_" + _COPY_PARAMETERS, places=("Tensor",))
def index_copy_(F: Any, input: Any, dim: int, index: Any, source: Any) -> Any:
    """``index_copy``, written into the tensor itself."""
    return _copied(F, input, dim, index, source, True)


# --- the flattened tensor -----------------------------------------------------------------------------------------


@composite("take(input: Tensor, index: Tensor) -> Tensor")
def take(F: Any, input: Any, index: Any) -> Any:
    """The elements of the flattened ``input`` at ``index``, in its shape; negative integers count from the end.

    Raises ``IndexError`` for those out of bounds.

    >>> import autograd_core as ag
    >>> ag.take(ag.tensor([[1.0, 2.0], [3.0, 4.0]]), ag.tensor([0, -1])).tolist()
    [1.0, 4.0]
    """
    if getattr(index, "_array", index).dtype.kind not in "iu":
        raise RuntimeError(f"take: Expected a long tensor for index, but got {as_dtype(index.dtype).name}. Convert it with .long()")
    return F.take_rows(input if input.ndim == 1 else F.reshape(input, shape=(-1,)), index, name="take")


def _put(F: Any, input: Any, index: Any, source: Any, accumulate: bool, inplace: bool) -> Any:
    if source.dtype != input.dtype:
        raise RuntimeError(f"put: self and source expected to have the same dtype, but got {as_dtype(input.dtype).name} and {as_dtype(source.dtype).name}")
    if math.prod(index.shape) != math.prod(source.shape):
        raise IndexError(f"put: Expected source and index to have the same number of elements, but got source {tuple(source.shape)} and index {tuple(index.shape)}")
    shape, index, source = tuple(input.shape), F.reshape(index, shape=(-1,)), F.reshape(source, shape=(-1,))
    if not inplace:
        found = F.positions(index, shape=(math.prod(shape),), name="put", dim=0)
        return F.reshape(F.index_write(F.reshape(input, shape=(-1,)), found, source, dims=(0,), adding=accumulate), shape=shape)
    target = input if input.ndim else F.unsqueeze(input, dim=0)
    F.index_write(target, F.positions(index, shape=shape or (1,), name="put"), source, dims=tuple(range(max(input.ndim, 1))), adding=accumulate, inplace=True)
    return input


_PUT_PARAMETERS = "(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor"


@composite("put" + _PUT_PARAMETERS, out=False)
def put(F: Any, input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """``input`` with the elements of ``source`` at ``index`` into the flattened tensor; with ``accumulate`` they are added, repeats included.

    Negative integers count from the end; raises ``IndexError`` for those out of bounds.
    """
    return _put(F, input, index, source, accumulate, False)


@composite("put_" + _PUT_PARAMETERS, places=("Tensor",))
def put_(F: Any, input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """``put``, written into the tensor itself."""
    return _put(F, input, index, source, accumulate, True)
