"""Views in other words: public functions made of the view ops."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..op import composite
from ..spec import broadcast, infer_reshape, numel, wrap_dim, wrap_dims


@composite("diag(input: Tensor, diagonal: int = 0) -> Tensor")
def diag(F: Any, input: Any, diagonal: int = 0) -> Any:
    """A square matrix with a vector on its diagonal, or the diagonal of a matrix."""
    if input.ndim == 1:
        size = input.shape[0] + abs(diagonal)
        return F.diagonal_place(input, shape=(size, size), offset=diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag: diag(): Supports 1D or 2D tensors. Got {input.ndim}D. Use diagonal or diag_embed")
    return F.clone(F.diagonal(input, offset=diagonal))


@composite("diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor", out=False)
def diag_embed(F: Any, input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices in ``dim1`` and ``dim2`` with the last dimension of ``input`` on their diagonal, zeros elsewhere."""
    a, b = wrap_dim(dim1, input.ndim + 1, "diag_embed"), wrap_dim(dim2, input.ndim + 1, "diag_embed")
    if a == b:
        raise RuntimeError(f"diag_embed: diagonal dimensions cannot be identical {dim1}, {dim2}")
    size = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for at in sorted((a, b)):
        shape.insert(at, size)
    return F.diagonal_place(input, shape=tuple(shape), offset=offset, dim1=a, dim2=b)


@composite("view_as(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def view_as(F: Any, input: Any, other: Any) -> Any:
    """``view`` in the shape of ``other``."""
    return F.view(input, shape=tuple(other.shape))


@composite("reshape_as(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def reshape_as(F: Any, input: Any, other: Any) -> Any:
    """``reshape`` to the shape of ``other``."""
    return F.reshape(input, shape=tuple(other.shape))


@composite("flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor", out=False)
def flatten(F: Any, input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions from ``start_dim`` to ``end_dim`` as one; a view where the memory layout allows it."""
    shape = _flattened(getattr(input, "_array", input).shape, start_dim, end_dim)
    return input if shape is None else F.reshape(input, shape=shape)


@lru_cache(maxsize=256, typed=True)
def _flattened(shape: tuple[int, ...], start_dim: int, end_dim: int) -> tuple[int, ...] | None:
    """The shape with some dimensions as one; ``None`` where they are one already."""
    first, last = wrap_dim(start_dim, len(shape), "flatten"), wrap_dim(end_dim, len(shape), "flatten")
    if first > last:
        raise RuntimeError(f"flatten: flatten() has invalid args: start_dim cannot come after end_dim, got {start_dim} and {end_dim}")
    if not shape:
        return (1,)
    return None if first == last else (*shape[:first], numel(shape[first : last + 1]), *shape[last + 1 :])


@composite("ravel(input: Tensor) -> Tensor", out=False)
def ravel(F: Any, input: Any) -> Any:
    """One dimension with all elements in row-major order, contiguous; a view of a contiguous tensor."""
    return F.reshape(F.contiguous(input), shape=(-1,))


@composite("unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor", out=False)
def unflatten(F: Any, input: Any, dim: int, sizes: Any) -> Any:
    """One dimension split into several of ``sizes``, one of which may be ``-1``."""
    if not input.ndim:
        raise RuntimeError(f"unflatten: Dimension specified as {dim} but tensor has no dimensions")
    at = wrap_dim(dim, input.ndim, "unflatten")
    shape = tuple(input.shape)
    return F.reshape(input, shape=(*shape[:at], *infer_reshape(shape[at : at + 1], sizes, "unflatten"), *shape[at + 1 :]))


@composite("t(input: Tensor) -> Tensor", out=False)
def t(F: Any, input: Any) -> Any:
    """The transpose of a matrix; vectors and numbers as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t: t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D. Use .mT or transpose")
    return F.transpose(input, dim0=0, dim1=1 if input.ndim == 2 else 0)


@composite("movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor", out=False, aliases=("moveaxis",))
def movedim(F: Any, input: Any, source: Any, destination: Any) -> Any:
    """Dimensions moved from ``source`` to ``destination``; the others keep their order."""
    if not isinstance(source, int):
        source = tuple(source)
    if not isinstance(destination, int):
        destination = tuple(destination)
    return F.permute(input, dims=_moved(source, destination, input.ndim))


@lru_cache(maxsize=256)
def _moved(source: Any, destination: Any, rank: int) -> tuple[int, ...]:
    """The order of dimensions that moves some of them."""
    origin, target = wrap_dims(source, rank, "movedim"), wrap_dims(destination, rank, "movedim")
    if len(origin) != len(target):
        raise RuntimeError(f"movedim: Invalid source or destination dims: source ({source}) should contain the same number of dims as destination ({destination})")
    rest = iter([d for d in range(rank) if d not in origin])
    return tuple([origin[target.index(d)] if d in target else next(rest) for d in range(rank)])


@composite("expand(input: Tensor, sizes: Sequence[int]) -> Tensor", places=("Tensor",), varargs="sizes")
def expand(F: Any, input: Any, sizes: Any) -> Any:
    """A view of size ``sizes`` in which dimensions of size 1 are repeated without memory; ``-1`` keeps a size."""
    return F.broadcast_to(input, shape=_expanded(getattr(input, "_array", input).shape, tuple(sizes)))


@lru_cache(maxsize=256)
def _expanded(shape: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that ``sizes`` mean for a tensor of some shape, which must fit."""
    extra = len(sizes) - len(shape)
    if extra < 0:
        raise RuntimeError(f"expand: the number of sizes provided ({len(sizes)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})")
    if -1 in sizes[:extra]:
        raise RuntimeError(f"expand: The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension: sizes {tuple(sizes)}, input {shape}")
    target = tuple([shape[i - extra] if n == -1 else int(n) for i, n in enumerate(sizes)])
    for d, (n, own) in enumerate(zip(target[extra:], shape, strict=True)):
        if own not in (1, n):
            raise RuntimeError(f"expand: The expanded size of the tensor ({n}) must match the existing size ({own}) at non-singleton dimension {d + extra}. "
                               f"Target sizes: {list(target)}. Tensor sizes: {list(shape)}")
    return target


@composite("expand_as(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def expand_as(F: Any, input: Any, other: Any) -> Any:
    """``expand`` to the shape of ``other``."""
    return F.expand(input, sizes=tuple(other.shape))


@composite("broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]", places=("torch",))
def broadcast_tensors(F: Any, *tensors: Any) -> Any:
    """The tensors expanded to their common shape, as views."""
    shape = broadcast("broadcast_tensors", [f"tensors[{i}]" for i in range(len(tensors))], tensors)
    return tuple(F.broadcast_to(tensor, shape=shape) for tensor in tensors)


@composite("narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor")
def narrow_copy(F: Any, input: Any, dim: int, start: int, length: int) -> Any:
    """``narrow``, as a copy."""
    return F.clone(F.narrow(input, dim=dim, start=start, length=length))


@composite("unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]", places=("torch",))
def unravel_index(F: Any, indices: Any, shape: Any) -> Any:
    """The coordinates, one tensor per dimension of ``shape``, of positions in a flattened tensor. Positions beyond its end begin anew.

    >>> import autograd_core as ag
    >>> [each.tolist() for each in ag.unravel_index(ag.tensor([5, 2]), (2, 3))]
    [[1, 0], [2, 2]]
    """
    found = []
    for size in reversed([shape] if isinstance(shape, int) else list(shape)):
        found.append(F.remainder(indices, size))
        indices = F.floor_divide(indices, size)
    return tuple(reversed(found))


@composite("constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor", out=False, places=("torch",))
def constant_pad_nd(F: Any, input: Any, pad: Any, value: float = 0) -> Any:
    """``nn.functional.pad`` with a constant."""
    return F.pad(input, pad=pad, value=value)
