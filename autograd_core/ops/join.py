"""Joining, splitting, repeating and rearranging."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import index
from typing import Any

from ..backend.registry import backend_of
from ..errors import ShapeError
from ..kernels.strided import in_rows
from ..op import TORCH_TENSOR, S, bools, composite, detached, op
from ..spec import Meta, result_type_of, wrap_dim, wrap_dims
from .index import FULL

# --- joining ------------------------------------------------------------------------------------------------------


def _along(dim: int, part: Any) -> tuple[Any, ...]:
    """The key that takes ``part`` (an index or a slice) of one dimension and everything of those before."""
    return (*(FULL,) * dim, part)


def _legacy_empty(shape: Any) -> bool:
    """PyTorch lets tensors of shape ``(0,)`` join anything in ``cat``."""
    return tuple(shape) == (0,)


def _check_call(op: str, dim: Any) -> None:
    if hasattr(dim, "shape"):
        raise TypeError(f"{op}: argument 'tensors' must be a tuple or list of Tensors, not Tensor. Write {op}([a, b])")


def _cat_spec(*tensors: Any, dim: int) -> Meta:
    _check_call("cat", dim)
    if not tensors:
        raise ValueError("cat: expected a non-empty list of Tensors")
    kept = [(i, tuple(tensor.shape)) for i, tensor in enumerate(tensors) if not _legacy_empty(tensor.shape)]
    if not kept:
        return Meta((0,), result_type_of(tensors))
    origin, first = kept[0]
    if not first:
        raise ShapeError(f"cat: zero-dimensional tensor (at position {origin}) cannot be concatenated. Use stack, or unsqueeze(0) first")
    at = wrap_dim(dim, len(first), "cat")
    total = 0
    for i, shape in kept:
        if len(shape) != len(first):
            raise ShapeError(f"cat: Tensors must have same number of dimensions: got {len(first)} and {len(shape)} (tensor {origin} {first}, tensor {i} {shape})")
        for d, (a, b) in enumerate(zip(first, shape, strict=True)):
            if d != at and a != b:
                raise ShapeError(f"cat: Sizes of tensors must match except in dimension {at}. Expected size {a} in dimension {d} but got size {b} "
                                 f"for tensor number {i} in the list (tensor {origin} {first}, tensor {i} {shape})")
        total += shape[at]
    return Meta((*first[:at], total, *first[at + 1:]), result_type_of(tensors))


@op("cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor", kind="shape", promotes="same", places=("torch",), aliases=("concat", "concatenate"),
    spec=_cat_spec, samples=[
        S([(2, 3), (4, 3)]), S([(2, 3), (2, 1), (2, 2)], dim=1), S([(2, 3), (2, 0)], dim=-1), S([(0,), (2, 3)], dim=0), S([(3,)]),
        S([(2, 3), (2, 4)], error=RuntimeError, match="must match except in dimension 0"), S([(2, 3), (3,)], error=RuntimeError, match="same number of dimensions"),
        S([(), ()], error=RuntimeError, match="zero-dimensional"), S([(2,), (2,)], dim=1, error=IndexError, match="out of range")])
def cat(xp: Any, *tensors: Any, dim: int = 0) -> Any:
    """The tensors one after the other along an existing dimension; all other sizes must agree.

    >>> import autograd_core as ag
    >>> ag.cat([ag.ones(2, 1), ag.zeros(2, 2)], dim=1).tolist()
    [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    try:
        return xp.ascontiguousarray(xp.concatenate(tensors, axis=dim))  # of columns NumPy makes columns
    except ValueError:
        joined = [tensor for tensor in tensors if not _legacy_empty(tensor.shape)]
        return xp.ascontiguousarray(xp.concatenate(joined, axis=dim)) if joined else tensors[0].copy()


@cat.vjp()
def _(F: Any, g: Any, tensors_shape: Any, needs: Any, dim: int) -> Any:
    rank = g.ndim
    at = dim % rank
    before = (FULL,) * at
    rests = []
    start = 0
    for shape, needed in zip(tensors_shape, needs, strict=True):
        stop = start if len(shape) != rank else start + shape[at]
        piece = None
        if needed:
            piece = F.slice_view(g, key=(*before, slice(start, stop, 1)))
            if len(shape) != rank:
                piece = F.reshape(piece, shape=(0,))
        rests.append(piece)
        start = stop
    return tuple(rests)


def _stack_spec(*tensors: Any, dim: int) -> Meta:
    _check_call("stack", dim)
    if not tensors:
        raise RuntimeError("stack: expected a non-empty list of Tensors")
    first = tuple(tensors[0].shape)
    for i, tensor in enumerate(tensors):
        if tuple(tensor.shape) != first:
            raise ShapeError(f"stack: stack expects each tensor to be equal size, but got {list(first)} at entry 0 "
                             f"and {list(tensor.shape)} at entry {i}. Use cat to join along an existing dimension")
    at = wrap_dim(dim, len(first) + 1, "stack")
    return Meta((*first[:at], len(tensors), *first[at:]), result_type_of(tensors))


@op("stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor", kind="shape", promotes="same", places=("torch",), spec=_stack_spec, samples=[
    S([(2, 3), (2, 3)]), S([(3,), (3,), (3,)], dim=-1), S([(), ()]), S([(0, 2), (0, 2)], dim=1),
    S([(2,), (3,)], error=RuntimeError, match="equal size"), S([(2,), (2,)], dim=2, error=IndexError, match="out of range")])
def stack(xp: Any, *tensors: Any, dim: int = 0) -> Any:
    """Tensors of one shape side by side along a new dimension.

    >>> import autograd_core as ag
    >>> ag.stack([ag.tensor([1, 2]), ag.tensor([3, 4])], dim=1).tolist()
    [[1, 3], [2, 4]]
    """
    apart = (*(FULL,) * (dim if dim >= 0 else dim + tensors[0].ndim + 1), None)
    return xp.ascontiguousarray(xp.concatenate([tensor[apart] for tensor in tensors], axis=dim))


@stack.vjp()
def _(F: Any, g: Any, needs: Any, dim: int) -> Any:
    before = (FULL,) * (dim % g.ndim)
    return tuple([F.slice_view(g, key=(*before, i)) if needed else None for i, needed in enumerate(needs)])


# --- splitting ----------------------------------------------------------------------------------------------------


@composite("split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]", places=("torch",))
def split(F: Any, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    """Views of ``split_size_or_sections`` elements each along ``dim`` (the last may be shorter), or of the sizes in a list.

    Raises ``RuntimeError`` if listed sizes do not add up to the size of ``dim``.
    """
    split_size = split_size_or_sections
    shape = getattr(tensor, "_array", tensor).shape
    if not shape:
        raise RuntimeError("split: split expects at least a 1-dimensional tensor")
    if isinstance(split_size, int) and split_size < 0:
        raise RuntimeError(f"split: split expects split_size be non-negative, but got split_size={split_size}")
    at = wrap_dim(dim, len(shape), "split")
    total = shape[at]
    if isinstance(split_size, Sequence):
        sizes = [int(n) for n in split_size]
        if sum(sizes) != total or min(sizes, default=0) < 0:
            raise RuntimeError(f"split: split_with_sizes expects split_sizes to sum exactly to {total} (input tensor's size at dimension {at}), but got split_sizes={sizes}")
        return pieces(F, tensor, at, tuple(accumulate(sizes, initial=0)))
    if split_size == 0 and total:
        raise RuntimeError(f"split: split expects split_size to be positive, but got split_size={split_size}")
    return pieces(F, tensor, at, (*range(0, total, split_size), total) if total else (0, 0))


def pieces(F: Any, input: Any, at: int, bounds: tuple[int, ...]) -> tuple[Any, ...]:
    """The views between each of the ``bounds`` along a dimension and the next."""
    return tuple([F.slice_view(input, key=key) for key in _between(at, bounds)])


@lru_cache(maxsize=256)
def _between(at: int, bounds: tuple[int, ...]) -> list[Any]:
    return [_along(at, slice(start, stop, 1)) for start, stop in pairwise(bounds)]


@composite("chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]")
def chunk(F: Any, input: Any, chunks: int, dim: int = 0) -> Any:
    """At most ``chunks`` views of equal size along ``dim``; the last may be shorter, and there may be fewer."""
    shape = getattr(input, "_array", input).shape
    if not shape:
        raise RuntimeError("chunk: chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk: chunk expects `chunks` to be greater than 0, got: {chunks}")
    at = wrap_dim(dim, len(shape), "chunk")
    total = shape[at]
    return pieces(F, input, at, (*range(0, total, -(-total // chunks)), total) if total else (0,) * (chunks + 1))


@composite("unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]")
def unbind(F: Any, input: Any, dim: int = 0) -> Any:
    """A view for every index of ``dim``."""
    shape = getattr(input, "_array", input).shape
    if not shape:
        raise IndexError("unbind: Dimension specified as 0 but tensor has no dimensions")
    at = wrap_dim(dim, len(shape), "unbind")
    before = (FULL,) * at
    return tuple([F.slice_view(input, key=(*before, i)) for i in range(shape[at])])


@composite("narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor", out=False)
def narrow(F: Any, input: Any, dim: int, start: int, length: int) -> Any:
    """The ``length`` elements from ``start`` on along ``dim``, as a view."""
    shape = getattr(input, "_array", input).shape
    if not shape:
        raise RuntimeError("narrow: narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError(f"narrow: narrow(): length must be non-negative, got {length}")
    at = wrap_dim(dim, len(shape), "narrow")
    size = shape[at]
    start = int(start)
    if not -size <= start <= size:
        raise IndexError(f"narrow: start out of range (expected to be in range of [{-size}, {size}], but got {start})")
    start += size if start < 0 else 0
    if start + length > size:
        raise RuntimeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({size}).")
    return F.slice_view(input, key=_along(at, slice(start, start + length, 1)))


@composite("select(input: Tensor, dim: int, index: int) -> Tensor", out=False)
def select(F: Any, input: Any, dim: int, index: int) -> Any:
    """The slice at ``index`` of ``dim``, as a view without that dimension."""
    shape = getattr(input, "_array", input).shape
    if not shape:
        raise IndexError("select: select() cannot be applied to a 0-dim tensor.")
    at = wrap_dim(dim, len(shape), "select")
    size = shape[at]
    if not -size <= index < size:
        raise IndexError(f"select: select(): index {index} out of range for tensor of size {list(shape)} at dimension {at}")
    return F.slice_view(input, key=_along(at, index % size))


# --- repeating and rearranging ------------------------------------------------------------------------------------


@composite("repeat(input: Tensor, repeats: Sequence[int]) -> Tensor", places=("Tensor",), varargs="repeats")
def repeat(F: Any, input: Any, repeats: Any) -> Any:
    """The tensor repeated ``repeats[i]`` times along each dimension; extra leading repeats add dimensions.

    >>> import autograd_core as ag
    >>> ag.tensor([1, 2]).repeat(2, 2).tolist()
    [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    return F.rearrange(input, **_repeated(getattr(input, "_array", input).shape, tuple(map(index, repeats))))


@lru_cache(maxsize=256)
def _repeated(shape: tuple[int, ...], repeats: tuple[int, ...]) -> dict[str, Any]:
    """How ``rearrange`` repeats a tensor of some shape."""
    extra = len(repeats) - len(shape)
    if extra < 0:
        raise RuntimeError(f"repeat: Number of dimensions of repeat dims ({len(repeats)}) can not be smaller than number of dimensions of tensor ({len(shape)})")
    if min(repeats, default=0) < 0:
        raise RuntimeError(f"repeat: Trying to create tensor with negative dimension: repeats {repeats}")
    sizes = (*[1] * extra, *shape)
    pairs = list(zip(repeats, sizes, strict=True))
    apart, spread = tuple([n for size in sizes for n in (1, size)]), tuple([n for pair in pairs for n in pair])
    return {"apart": apart, "order": tuple(range(len(apart))), "spread": spread, "shape": tuple([times * size for times, size in pairs])}


@composite("tile(input: Tensor, dims: Sequence[int]) -> Tensor", out=False, varargs="dims")
def tile(F: Any, input: Any, dims: Any) -> Any:
    """As ``repeat``; missing leading repeats count as 1."""
    return repeat.function(F, input, dims if len(dims) >= (rank := input.ndim) else (*[1] * (rank - len(dims)), *dims))


@composite("repeat_interleave(input: Tensor, repeats: int | Tensor | None = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor", out=False)
def repeat_interleave(F: Any, input: Any, repeats: Any = None, dim: Any = None, output_size: Any = None) -> Any:
    """Each element (or slice along ``dim``) repeated in place; without ``dim`` the tensor is flattened first.

    With a single vector of counts: every position as often as its count says. ``output_size``, if given, must be the size that results.

    >>> import autograd_core as ag
    >>> ag.tensor([1, 2]).repeat_interleave(2).tolist()
    [1, 1, 2, 2]
    """
    if repeats is None:
        if input.ndim != 1 or input.dtype not in ("int32", "int64"):
            raise RuntimeError(f"repeat_interleave: repeats must be a 1-D tensor of int32 or int64, got the shape {tuple(input.shape)} and the dtype {input.dtype}")
        return F.argwhere(F.fill(detached(input), 1))[:, 0].repeat_interleave(input)
    if dim is None:
        input, dim = F.reshape(input, shape=(-1,)), 0
    shape = getattr(input, "_array", input).shape
    at = wrap_dim(dim, len(shape), "repeat_interleave")
    if output_size is not None:
        total = repeats * shape[at] if isinstance(repeats, int) else int(repeats.sum()) * (shape[at] if not repeats.ndim or len(repeats) == 1 else 1)
        if total != output_size:
            raise RuntimeError(f"repeat_interleave: allocated size does not match required size: the result has {total} slices, output_size is {output_size}")
    if not isinstance(repeats, int):
        counts = [int(n) for n in repeats.tolist()] if repeats.ndim else int(repeats)
        if isinstance(counts, int) or len(counts) == 1:
            repeats = counts if isinstance(counts, int) else counts[0]
        elif len(counts) != shape[at]:
            raise RuntimeError(f"repeat_interleave: repeats must have the same size as input along dim, but got repeats.size(0) = {len(counts)} and input.size({at}) = {shape[at]}")
        elif min(counts, default=0) >= 0:
            return F.getitem(input, _along(at, [i for i, count in enumerate(counts) for _ in range(count)]))
        else:
            repeats = -1
    if repeats < 0:
        raise RuntimeError("repeat_interleave: repeats can not be negative")
    return F.rearrange(input, **_interleaved(shape, at, int(repeats)))


@lru_cache(maxsize=256)
def _interleaved(shape: tuple[int, ...], at: int, repeats: int) -> dict[str, Any]:
    """How ``rearrange`` repeats each slice of a tensor of some shape."""
    before, after = shape[: at + 1], shape[at + 1 :]
    return {"apart": (*before, 1, *after), "order": tuple(range(len(shape) + 1)), "spread": (*before, repeats, *after), "shape": (*shape[:at], shape[at] * repeats, *after)}


def _same_spec(name: str) -> Any:
    def spec(input: Any, *, dims: Any = None, **attrs: Any) -> Meta:
        if dims is not None:
            wrap_dims(dims, len(input.shape), name)
        return Meta(tuple(input.shape), input.dtype)

    return spec


@op("flip(input: Tensor, dims: Sequence[int]) -> Tensor", out=False, kind="shape", places=TORCH_TENSOR, varargs="dims", spec=_same_spec("flip"), samples=[
    S((2, 3), dims=(0,)), S((2, 3), dims=(0, -1)), S((), dims=()), S((0, 2), dims=(1,)), S((2,), dims=(1,), error=IndexError, match="out of range")])
def flip(xp: Any, input: Any, *, dims: Any) -> Any:
    """The elements in reverse order along ``dims``; a copy."""
    return input[_backwards(input.ndim, tuple(dims))].copy()


@lru_cache(maxsize=256)
def _backwards(rank: int, dims: tuple[int, ...]) -> tuple[Any, ...]:
    """The key that reverses some of the dimensions."""
    reversed_dims = wrap_dims(dims, rank, "flip")
    return tuple([slice(None, None, -1) if d in reversed_dims else FULL for d in range(rank)])


@flip.vjp("input")
def _(F: Any, g: Any, dims: Any) -> Any:
    return F.flip(g, dims=dims)


def _roll_spec(input: Any, *, shifts: Any, dims: Any) -> Meta:
    count, places = (len(each) if isinstance(each, Sequence) else 0 if each is None else 1 for each in (shifts, dims))
    if count != places and (places or count != 1):
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {count}, dims:{places}")
    for dim in () if dims is None else dims if isinstance(dims, Sequence) else (dims,):
        if not input.shape:
            raise IndexError(f"roll: Dimension specified as {dim} but tensor has no dimensions")
        wrap_dim(dim, len(input.shape), "roll")
    return Meta(tuple(input.shape), input.dtype)


@op("roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor", out=False, kind="shape", places=TORCH_TENSOR, spec=_roll_spec, samples=[
    S((2, 3), shifts=1), S((2, 3), shifts=(1, -2), dims=(0, -1)), S((4,), shifts=-6, dims=0), S((), shifts=2), S((0, 2), shifts=1, dims=1),
    S((2, 3), shifts=1, dims=2, error=IndexError, match="out of range"), S((2, 3), shifts=(1, 2), error=RuntimeError, match="must align")])
def roll(xp: Any, input: Any, *, shifts: Any, dims: Any = None) -> Any:
    """The elements moved by ``shifts`` along ``dims``, re-entering at the other end; without ``dims`` through the flattened tensor."""
    if shifts.__class__ is dims.__class__ is int and 0 < input.size <= _FEW:
        n = input.shape[dims]
        return input.take(_turned(backend_of(input).here, n, shifts % n), dims)
    if not isinstance(shifts, int) or not isinstance(dims, int):
        _roll_spec(input, shifts=shifts, dims=dims)
    if not input.size:
        return input.copy()  # PyTorch does not look at the dimension then
    if not isinstance(dims, int) and not dims:
        shift = shifts if isinstance(shifts, int) else shifts[0]
        return roll.kernel(xp, input.reshape(-1), shifts=shift, dims=0).reshape(input.shape)
    for shift, dim in zip(*(each if isinstance(each, Sequence) else (each,) for each in (shifts, dims)), strict=True):
        middle = input.shape[dim] - shift % input.shape[dim]
        input = xp.concatenate((input[_along(dim % input.ndim, slice(middle, None))], input[_along(dim % input.ndim, slice(middle))]), axis=dim)
    return in_rows(xp, input)


_FEW = 1 << 10
"""Elements that are taken by index in less time than slices are joined."""


@lru_cache(maxsize=256)
def _turned(here: Any, n: int, shift: int) -> Any:
    """Where the elements of a rolled vector come from."""
    return (here.xp.arange(n) - shift) % n


@roll.vjp("input")
def _(F: Any, g: Any, shifts: Any, dims: Any) -> Any:
    return F.roll(g, shifts=-shifts if isinstance(shifts, int) else tuple(-n for n in shifts), dims=dims)


@lru_cache(maxsize=64)
def _halves(here: Any, rows: int, columns: int, diagonal: int) -> tuple[Any, Any]:
    """Which elements are on or below a diagonal, and which above."""
    lower = here.xp.tri(rows, columns, diagonal, dtype=bool)
    return lower, ~lower


_REMEMBERED = 1 << 14
"""Elements of the largest matrix whose triangles are remembered."""


def _triangle(name: str) -> Any:
    def kernel(xp: Any, input: Any, *, diagonal: int = 0) -> Any:
        if input.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions, but got the shape {tuple(input.shape)}")
        rows, columns = input.shape[-2:]
        if rows * columns > _REMEMBERED:
            return in_rows(xp, getattr(xp, name)(input, diagonal))
        backend = backend_of(input)
        lower, upper = _halves(backend.here, rows, columns, diagonal if name == "tril" else diagonal - 1)
        if input.ndim == 2 and input.__class__ is xp.ndarray and backend.name == "cpu":  # half of the time of a choice
            result = input.copy()
            xp.putmask(result, upper if name == "tril" else lower, 0)
            return result
        return in_rows(xp, xp.where(lower if name == "tril" else upper, input, False))  # False, not 0: masks stay masks

    kernel.__doc__ = (f"The {'lower' if name == 'tril' else 'upper'} triangle of each matrix, zeros elsewhere; "
                      "``diagonal`` moves its border up (positive) or down.")
    declared = op(f"{name}(input: Tensor, diagonal: int = 0) -> Tensor", kind="shape", places=TORCH_TENSOR, inplace=True, spec=_same_spec(name), samples=[
        S((3, 3)), S((3, 4), diagonal=1), S((2, 3, 3), diagonal=-1), S((0, 3)), S((1, 1)), S(bools(3, 3)), S((3,), error=RuntimeError, match="at least 2")])(kernel)
    declared.add_rule("input", lambda F, g, diagonal: getattr(F, name)(g, diagonal=diagonal))
    return declared


tril = _triangle("tril")
triu = _triangle("triu")
