"""Stacking, splitting, turning and combining: public functions made of views and joins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations as chosen
from itertools import combinations_with_replacement as chosen_again
from typing import Any

from ..dtypes import as_dtype, int64
from ..op import composite, detached
from ..spec import numel, wrap_dim
from .join import pieces

# --- at least so many dimensions ----------------------------------------------------------------------------------


def _each(F: Any, tensors: Any, one: Any) -> Any:
    """``one(F, tensor)`` for a single tensor, or a tuple of them for several, or for a list of any length."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return one(F, tensors[0])
    return tuple(one(F, tensor) for tensor in (tensors[0] if len(tensors) == 1 else tensors))


def _one(F: Any, input: Any) -> Any:
    return input if input.ndim else F.reshape(input, shape=(1,))


def _two(F: Any, input: Any) -> Any:
    return input if input.ndim > 1 else F.reshape(input, shape=(1, numel(input.shape)))


def _three(F: Any, input: Any) -> Any:
    return input if input.ndim > 2 else F.reshape(input, shape=(*_two(F, input).shape, 1))


@composite("atleast_1d(*tensors: Tensor) -> Tensor", out=False, places=("torch",))
def atleast_1d(F: Any, *tensors: Any) -> Any:
    """Tensors without dimensions as views of shape (1,), others as they are: one tensor, or a tuple for several or a list."""
    return _each(F, tensors, _one)


@composite("atleast_2d(*tensors: Tensor) -> Tensor", out=False, places=("torch",))
def atleast_2d(F: Any, *tensors: Any) -> Any:
    """Tensors of fewer dimensions as views of shape (1, n), others as they are: one tensor, or a tuple for several or a list."""
    return _each(F, tensors, _two)


@composite("atleast_3d(*tensors: Tensor) -> Tensor", out=False, places=("torch",))
def atleast_3d(F: Any, *tensors: Any) -> Any:
    """Vectors as views of shape (1, n, 1), matrices as (m, n, 1), others as they are: one tensor, or a tuple for several or a list."""
    return _each(F, tensors, _three)


# --- stacking -----------------------------------------------------------------------------------------------------


def _several(op: str, tensors: Any) -> list[Any]:
    if tensors.__class__ is not list and hasattr(tensors, "shape"):
        raise TypeError(f"{op}: argument 'tensors' must be a tuple or list of Tensors, not Tensor. Write {op}([a, b])")
    if not tensors:
        raise RuntimeError(f"{op}: {op} expects a non-empty TensorList")
    return list(tensors)


@composite("vstack(tensors: Sequence[Tensor]) -> Tensor", places=("torch",), aliases=("row_stack",))
def vstack(F: Any, tensors: Any) -> Any:
    """The tensors under one another, along the first dimension; vectors are rows.

    >>> import autograd_core as ag
    >>> ag.vstack([ag.tensor([1, 2]), ag.tensor([3, 4])]).tolist()
    [[1, 2], [3, 4]]
    """
    return F.cat([tensor if tensor.ndim > 1 else _two(F, tensor) for tensor in _several("vstack", tensors)], dim=0)


@composite("hstack(tensors: Sequence[Tensor]) -> Tensor", places=("torch",))
def hstack(F: Any, tensors: Any) -> Any:
    """The tensors side by side, along the second dimension; vectors one after the other."""
    given = _several("hstack", tensors)
    ranks = [tensor.ndim for tensor in given]
    joined = given if all(ranks) else [_one(F, tensor) for tensor in given]
    return F.cat(joined, dim=0 if ranks[0] < 2 else 1)


@composite("dstack(tensors: Sequence[Tensor]) -> Tensor", places=("torch",))
def dstack(F: Any, tensors: Any) -> Any:
    """The tensors behind one another, along the third dimension; see ``atleast_3d``."""
    return F.cat([_three(F, tensor) for tensor in _several("dstack", tensors)], dim=2)


@composite("column_stack(tensors: Sequence[Tensor]) -> Tensor", places=("torch",))
def column_stack(F: Any, tensors: Any) -> Any:
    """The tensors side by side, along the second dimension; vectors and numbers are columns."""
    return F.cat([tensor if tensor.ndim > 1 else F.reshape(tensor, shape=(-1, 1)) for tensor in _several("column_stack", tensors)], dim=1)


@composite("block_diag(*tensors: Tensor) -> Tensor", out=False, places=("torch",))
def block_diag(F: Any, *tensors: Any) -> Any:
    """A matrix with the given ones (numbers and vectors count as one row) along its diagonal, zeros elsewhere.

    >>> import autograd_core as ag
    >>> ag.block_diag(ag.tensor([[1, 2]]), ag.tensor(3)).tolist()
    [[1, 2, 0], [0, 0, 3]]
    """
    for i, tensor in enumerate(tensors):
        if tensor.ndim > 2:
            raise RuntimeError(f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {tensor.ndim} dimensions")
    blocks = [_two(F, tensor) for tensor in tensors]
    total = sum(block.shape[1] for block in blocks)
    rows = []
    before = 0
    for block in blocks:
        width = block.shape[1]
        rows.append(F.extend(block, widths=(before, total - before - width)))
        before += width
    return F.cat(rows, dim=0)


# --- splitting ----------------------------------------------------------------------------------------------------


@composite("split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]")
def split_with_sizes(F: Any, input: Any, split_sizes: Any, dim: int = 0) -> Any:
    """Views of the sizes in ``split_sizes`` along ``dim``. Raises ``RuntimeError`` if they do not add up to its size."""
    return F.split(input, list(split_sizes), dim=dim)


def _whole_or_list(value: Any) -> Any:
    """Sections as an int, or indices as a list of ints; tensors hold either."""
    if value.__class__ is int:
        return value
    value = value.tolist() if hasattr(value, "tolist") else value
    return [int(n) for n in value] if isinstance(value, Sequence) else value.__index__()


@composite("tensor_split(input: Tensor, indices_or_sections: int | Sequence[int] | Tensor, dim: int = 0) -> tuple[Tensor, ...]")
def tensor_split(F: Any, input: Any, indices_or_sections: Any, dim: int = 0) -> Any:
    """Views along ``dim``: so many of nearly equal size, the larger ones first, or cut at the indices in a list.

    >>> import autograd_core as ag
    >>> [part.tolist() for part in ag.arange(5).tensor_split(2)], [part.tolist() for part in ag.arange(5).tensor_split([1, 3])]
    ([[0, 1, 2], [3, 4]], [[0], [1, 2], [3, 4]])
    """
    shape = getattr(input, "_array", input).shape
    if not shape:
        raise RuntimeError("tensor_split: tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    at = wrap_dim(dim, len(shape), "tensor_split")
    size = shape[at]
    parts = _whole_or_list(indices_or_sections)
    if isinstance(parts, int):
        if parts <= 0:
            raise RuntimeError(f"tensor_split: number of sections must be larger than 0, got {parts}")
        small, larger = divmod(size, parts)
        return pieces(F, input, at, tuple([i * small + min(i, larger) for i in range(parts + 1)]))
    bounds = [slice(start, end).indices(size) for start, end in zip([0, *parts], [*parts, size], strict=True)]
    return tuple(F.slice_view(input, key=(*[slice(None)] * at, slice(start, max(start, end), 1))) for start, end, _ in bounds)


def _split_along(F: Any, name: str, input: Any, dim: int, least: int, indices_or_sections: Any) -> Any:
    if input.ndim < least:
        raise RuntimeError(f"{name}: torch.{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got a tensor with {input.ndim} dimensions!")
    parts = _whole_or_list(indices_or_sections)
    if isinstance(parts, int) and (parts <= 0 or input.shape[dim] % parts):
        raise RuntimeError(f"{name}: torch.{name} attempted to split along dimension {dim}, but the size of the dimension {input.shape[dim]} "
                           f"is not divisible by the split_size {parts}! Use tensor_split for parts of unequal size")
    return F.tensor_split(input, parts, dim=dim)


@composite("hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]")
def hsplit(F: Any, input: Any, indices_or_sections: Any) -> Any:
    """``tensor_split`` along the second dimension, of a vector the only one; into equal parts."""
    return _split_along(F, "hsplit", input, 0 if input.ndim == 1 else 1, 1, indices_or_sections)


@composite("vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]")
def vsplit(F: Any, input: Any, indices_or_sections: Any) -> Any:
    """``tensor_split`` along the first dimension of at least two; into equal parts."""
    return _split_along(F, "vsplit", input, 0, 2, indices_or_sections)


@composite("dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]")
def dsplit(F: Any, input: Any, indices_or_sections: Any) -> Any:
    """``tensor_split`` along the third dimension; into equal parts."""
    return _split_along(F, "dsplit", input, 2, 3, indices_or_sections)


# --- turning ------------------------------------------------------------------------------------------------------


@composite("fliplr(input: Tensor) -> Tensor", out=False)
def fliplr(F: Any, input: Any) -> Any:
    """The columns in reverse order; a copy. Raises ``RuntimeError`` for fewer than two dimensions."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, got the shape {tuple(input.shape)}")
    return F.flip(input, dims=(1,))


@composite("flipud(input: Tensor) -> Tensor", out=False)
def flipud(F: Any, input: Any) -> Any:
    """The rows in reverse order; a copy. Raises ``RuntimeError`` for a tensor without dimensions."""
    if input.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d, got a tensor without dimensions")
    return F.flip(input, dims=(0,))


@composite("rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor", out=False)
def rot90(F: Any, input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """The plane of ``dims`` turned by ``k`` quarter turns, from the first of ``dims`` towards the second; a copy.

    >>> import autograd_core as ag
    >>> ag.tensor([[1, 2], [3, 4]]).rot90().tolist()
    [[2, 4], [1, 3]]
    """
    first, second = _plane(len(getattr(input, "_array", input).shape), tuple(dims))
    if k % 4 == 0:
        return F.clone(input)
    if k % 4 == 2:
        return F.flip(input, dims=(first, second))
    return F.transpose(F.flip(input, dims=(second if k % 4 == 1 else first,)), dim0=first, dim1=second)


@lru_cache(maxsize=64)
def _plane(rank: int, dims: tuple[int, ...]) -> tuple[int, int]:
    """The two dimensions that ``rot90`` turns, none of them negative."""
    if len(dims) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(dims)}")
    if rank < 2:
        raise RuntimeError(f"rot90: expected total dims >= 2, but got total dims = {rank}")
    for i, dim in enumerate(dims):
        if not -rank <= dim < rank:
            raise IndexError(f"rot90: Rotation dim{i} out of range, dim{i} = {dim}, the tensor has {rank} dimensions")
    first, second = dims[0] % rank, dims[1] % rank
    if first == second:
        raise RuntimeError(f"rot90: expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    return first, second


@composite("adjoint(input: Tensor) -> Tensor", out=False)
def adjoint(F: Any, input: Any) -> Any:
    """The last two dimensions swapped and complex numbers conjugated. Raises ``RuntimeError`` for vectors."""
    if input.ndim == 1:
        raise RuntimeError(f"adjoint: tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor")
    turned = F.transpose(input, dim0=-2, dim1=-1) if input.ndim else input
    return F.conj(turned) if input.dtype in ("complex64", "complex128") else turned


# --- combining ----------------------------------------------------------------------------------------------------


@composite("diagflat(input: Tensor, offset: int = 0) -> Tensor", out=False)
def diagflat(F: Any, input: Any, offset: int = 0) -> Any:
    """A square matrix with all elements of ``input`` on a diagonal."""
    return F.diag_embed(F.reshape(input, shape=(-1,)), offset=offset)


@composite("meshgrid(*tensors: Tensor, indexing: str = 'ij') -> tuple[Tensor, ...]", places=("torch",))
def meshgrid(F: Any, *tensors: Any, indexing: str = "ij") -> Any:
    """For vectors of sizes n, m, ... the coordinates of a grid (n, m, ...), as views; with ``indexing='xy'`` the first two sizes swapped.

    >>> import autograd_core as ag
    >>> [grid.tolist() for grid in ag.meshgrid(ag.tensor([1, 2]), ag.tensor([3, 4]), indexing="xy")]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    given = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if not given:
        raise RuntimeError("meshgrid: meshgrid expects a non-empty TensorList")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be one of 'xy' or 'ij', but received: {indexing!r}")
    arrays = [getattr(tensor, "_array", tensor) for tensor in given]
    dtype = arrays[0].dtype
    for i, tensor in enumerate(arrays):
        if tensor.ndim > 1:
            raise RuntimeError(f"meshgrid: Expected 0D or 1D tensor in the tensor list but got the shape {tuple(tensor.shape)} at position {i}. Flatten it first")
        if tensor.dtype is not dtype and tensor.dtype != dtype:
            raise RuntimeError(f"meshgrid: meshgrid expects all tensors to have the same dtype, but got {given[0].dtype} and {given[i].dtype}. Convert one with .to(dtype)")
    swapped = indexing == "xy" and len(given) > 1
    sizes = tuple([array.size for array in arrays])
    if swapped:
        given[:2], sizes = given[1::-1], (*sizes[1::-1], *sizes[2:])
    last = len(sizes) - 1
    grids = [F.broadcast_to(tensor if i == last else F.reshape(tensor, shape=(n, *[1] * (last - i))), shape=sizes) for i, (tensor, n) in enumerate(zip(given, sizes, strict=True))]
    if swapped:
        grids = [F.transpose(grid, dim0=0, dim1=1) for grid in grids]
        grids[:2] = grids[1::-1]
        grids = [F.transpose(grid, dim0=0, dim1=1) for grid in grids]
    return tuple(grids)


@composite("cartesian_prod(*tensors: Tensor) -> Tensor", out=False, places=("torch",))
def cartesian_prod(F: Any, *tensors: Any) -> Any:
    """All ways to take one element of each vector, one to a row; of a single vector, that vector."""
    for tensor in tensors:
        if tensor.ndim != 1:
            raise RuntimeError(f"cartesian_prod: Expect a 1D vector, but got shape {list(tensor.shape)}")
    if len(tensors) == 1:
        return F.reshape(tensors[0], shape=(-1,))
    return F.stack([F.reshape(grid, shape=(-1,)) for grid in F.meshgrid(*tensors)], dim=1)


@composite("combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor", out=False, places=("torch",))
def combinations(F: Any, input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All choices of ``r`` elements of a vector, in order, one to a row; ``with_replacement`` an element may be chosen again."""
    if input.ndim != 1:
        raise RuntimeError(f"combinations: Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    rows = list((chosen_again if with_replacement else chosen)(range(input.shape[0]), r))
    if r == 0:
        return F.slice_view(detached(input), key=(slice(0),))
    if not rows:
        return F.reshape(F.slice_view(input, key=(slice(0),)), shape=(0, r))
    return F.getitem(input, [list(row) for row in rows])


@composite("vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor", out=False, places=("torch",))
def vander(F: Any, x: Any, N: Any = None, increasing: bool = False) -> Any:
    """The powers ``N - 1`` to 0 of a vector's elements as columns, or 0 to ``N - 1``; ``N`` is the vector's size unless given."""
    if x.ndim != 1:
        raise RuntimeError(f"vander: x must be a one-dimensional tensor, got the shape {tuple(x.shape)}")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError(f"vander: N must be non-negative, got {N}")
    if not (as_dtype(x.dtype).is_floating_point or as_dtype(x.dtype).is_complex):
        x = F.to_dtype(x, dtype=int64)
    columns = [F.fill(detached(x), 1)] if count else []
    for _ in range(count - 1):
        columns.append(columns[-1] * x)
    if not columns:
        return F.reshape(F.slice_view(detached(x), key=(slice(0),)), shape=(x.shape[0], 0))
    return F.stack(columns if increasing else columns[::-1], dim=1)


# --- writing to a copy --------------------------------------------------------------------------------------------


def _fitting(op: str, src: Any, shape: Any) -> None:
    if tuple(src.shape) != tuple(shape):
        raise RuntimeError(f"{op}: expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(shape)}")


@composite("select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor", out=False)
def select_scatter(F: Any, input: Any, src: Any, dim: int, index: int) -> Any:
    """A copy of ``input`` with the slice at ``index`` of ``dim`` replaced by ``src``."""
    at = wrap_dim(dim, input.ndim, "select_scatter")
    _fitting("select_scatter", src, F.select(detached(input), dim, index).shape)
    return F.slice_write(input, src, key=(*[slice(None)] * at, index))


@composite("slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor")
def slice_scatter(F: Any, input: Any, src: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    """A copy of ``input`` with ``start:end:step`` of ``dim`` replaced by ``src``."""
    at = wrap_dim(dim, input.ndim, "slice_scatter")
    if step <= 0:
        raise RuntimeError(f"slice_scatter: slice step must be positive, got {step}")
    key = (*[slice(None)] * at, slice(*slice(start, end, step).indices(input.shape[at])))
    _fitting("slice_scatter", src, F.slice_view(detached(input), key=key).shape)
    return F.slice_write(input, src, key=key)


@composite("diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor", out=False)
def diagonal_scatter(F: Any, input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy of ``input`` with a diagonal replaced by ``src``."""
    place = {"shape": tuple(input.shape), "offset": offset, "dim1": dim1, "dim2": dim2}
    _fitting("diagonal_scatter", src, F.diagonal(detached(input), offset=offset, dim1=dim1, dim2=dim2).shape)
    src = F.to_dtype(src, dtype=input.dtype)
    return F.where(F.diagonal_place(F.fill(detached(src), 1), **place) != 0, F.diagonal_place(src, **place), input)


@composite("as_strided_scatter(input: Tensor, src: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor", out=False)
def as_strided_scatter(F: Any, input: Any, src: Any, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    """A copy of a contiguous ``input`` with what ``as_strided`` would view replaced by ``src``."""
    place = {"size": tuple(size), "stride": tuple(stride), "storage_offset": storage_offset}
    _fitting("as_strided_scatter", src, F.as_strided(detached(input), **place).shape)
    if any(n > 1 and not step for n, step in zip(size, stride, strict=True)):
        raise RuntimeError(f"as_strided_scatter: unsupported operation: more than one element of src goes to a single memory location (size {size}, stride {stride})")
    positions = F.cumsum(F.fill(F.to_dtype(F.reshape(detached(input), shape=(-1,)), dtype="int64"), 1), dim=0) - 1
    return F.put(input, F.strided_read(positions, **place), F.to_dtype(src, dtype=input.dtype))


@composite("sum_to_size(input: Tensor, size: Sequence[int]) -> Tensor", places=("Tensor",), varargs="size")
def sum_to_size(F: Any, input: Any, size: Any) -> Any:
    """The sum over the dimensions that broadcasting a tensor of ``size`` to this shape would add or stretch."""
    own, target = tuple(input.shape), tuple(size)
    if len(target) > len(own) or any(n not in (1, m) for n, m in zip(target[::-1], own[::-1], strict=False)):
        raise RuntimeError(f"sum_to_size: size {list(target)} is not expandable to size {list(own)}")
    return F.sum_to(input, shape=target)
