"""Gathering, scattering, masks, sorting and what depends on values."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..dtypes import bool_, int64
from ..op import Arg, S, bools, composite, distinct, ints, op
from ..spec import Meta, broadcast, wrap_dim
from .index import EVERYWHERE, FULL, add_rows, cast_back, checked_rows, destination, real_if

# --- gather and scatter -------------------------------------------------------------------------------------------


def _along(xp: Any, shape: Any, index: Any, dim: int) -> tuple[Any, ...]:
    """The full index of the elements that ``index`` names along ``dim`` and its own position names elsewhere."""
    key = []
    for d, n in enumerate(index.shape):
        position = xp.arange(n)
        key.append(index if d == dim else position.reshape([-1 if k == d else 1 for k in range(index.ndim)]))
    return tuple(key)


def _index_spec(name: str, input: Any, index: Any, dim: int, other: Any = None) -> None:
    """Raise unless ``index`` has the rank of ``input`` and is nowhere larger but along ``dim``."""
    shape, indexed = tuple(input.shape) or (1,), tuple(index.shape) or (1,)
    at = wrap_dim(dim, len(input.shape), name)
    if len(shape) != len(indexed):
        raise RuntimeError(f"{name}: Index tensor must have the same number of dimensions as input tensor (input {tuple(input.shape)}, index {tuple(index.shape)})")
    for d, (n, m) in enumerate(zip(shape, indexed, strict=True)):
        if d != at and m > n:
            raise RuntimeError(f"{name}: Size does not match at dimension {d} expected index {list(indexed)} to be no larger than self {list(shape)} apart from dimension {at}")
    source = getattr(other, "shape", None)
    if source is not None and len(source) and any(m > n for n, m in zip(source, indexed, strict=False)):
        raise RuntimeError(f"{name}: Expected index {list(indexed)} to be no larger than src {list(source)}")


def _gather_spec(input: Any, index: Any, *, dim: int) -> Meta:
    _index_spec("gather", input, index, dim)
    return Meta(tuple(index.shape), input.dtype)


@op("gather(input: Tensor, dim: int, index: Tensor) -> Tensor", kind="general", places=EVERYWHERE, spec=_gather_spec, samples=[
    S((3, 4), ints(3, 2, high=4), dim=1), S((3, 4), ints(5, 4, high=3), dim=0), S((3, 4), ints(2, 3, high=4), dim=-1), S((4,), ints(6, high=4), dim=0),
    S((2, 3), ints(2, 0), dim=1), S((3, 4), ints(2), dim=0, error=RuntimeError, match="same number of dimensions"),
    S((3, 4), Arg(values=[[4]]), dim=1, error=RuntimeError, match="out of bounds"), S((2, 3), ints(2, 3), dim=2, error=IndexError, match="out of range")])
def gather(xp: Any, input: Any, index: Any, *, dim: int) -> Any:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim=0``, and likewise for other dimensions; ``index`` decides the shape.

    >>> import autograd_core as ag
    >>> ag.tensor([[1., 2.], [3., 4.]]).gather(1, ag.tensor([[1], [0]])).tolist()
    [[2.0], [3.0]]
    """
    _gather_spec(input, index, dim=dim)
    if not input.ndim:
        return xp.broadcast_to(input, index.shape).copy()
    checked_rows("gather", index, input.shape[dim], RuntimeError)
    return input[_along(xp, input.shape, index, dim % input.ndim)]


@gather.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g, index, dim=dim, shape=input_shape)


@op("gather_accumulate(input: Tensor, index: Tensor, dim: int, shape: Sequence[int], unique: bool = False) -> Tensor", kind="general",
    spec=lambda input, index, *, dim, shape, unique=False: Meta(tuple(shape), input.dtype), samples=[
        S((3, 2), ints(3, 2, high=4), dim=1, shape=(3, 4)), S((5, 4), ints(5, 4, high=3), dim=0, shape=(3, 4)), S((2, 2), Arg(values=[[0, 2], [1, 0]]), dim=-1, shape=(2, 3), unique=True)])
def gather_accumulate(xp: Any, input: Any, index: Any, *, dim: int, shape: Any, unique: bool = False) -> Any:
    """Zeros of ``shape`` with ``input`` added where ``index`` names along ``dim``: the adjoint of ``gather``."""
    input = xp.asarray(input)
    if not shape:
        return input.sum().astype(input.dtype)
    key = _along(xp, shape, index, dim % len(shape))
    if unique:
        result = xp.zeros(shape, dtype=input.dtype)
        result[key] = input
        return result
    flat = key[0]
    for part, n in zip(key[1:], shape[1:], strict=True):
        flat = flat * n + part
    total = 1
    for n in shape:
        total *= n
    return add_rows(xp, input.reshape(-1), xp.broadcast_to(flat, index.shape).reshape(-1), total).reshape(shape)


@gather_accumulate.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int) -> Any:
    return F.gather(g, index=index, dim=dim)


def _scatter_spec(input: Any, index: Any, src: Any, *, dim: int) -> Meta:
    _index_spec("scatter", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


def _as_index(array: Any, index: Any) -> Any:
    """The part of ``src`` that has the shape of ``index``; numbers as they are."""
    return array[tuple(slice(n) for n in index.shape)] if getattr(array, "ndim", 0) and array.shape != index.shape else array


@op("scatter(input: Tensor, dim: int, index: Tensor, src: TensorLike) -> Tensor", kind="general", places=EVERYWHERE, inplace=True, spec=_scatter_spec, samples=[
    S((3, 4), ints(3, 2, high=4), (3, 2), dim=1), S((3, 4), ints(5, 4, high=3), (5, 4), dim=0), S((3, 4), ints(2, 2, high=4), (2, 3), dim=-1), S((4,), ints(2, high=4), 1.5, dim=0),
    S((3, 4), ints(2, 4), (2, 3), dim=0, error=RuntimeError, match="no larger than src")])
def scatter(xp: Any, input: Any, index: Any, src: Any, *, dim: int, out: Any = None) -> Any:
    """``input`` with ``src`` (a tensor or a number) written where ``index`` names along ``dim``; the reverse of ``gather``.

    Of several values for one place the last is written.
    """
    _scatter_spec(input, index, src, dim=dim)
    out = destination(xp, input, out)
    if not out.ndim:
        out[...] = src
        return out
    checked_rows("scatter", index, out.shape[dim], RuntimeError)
    out[_along(xp, out.shape, index, dim % out.ndim)] = real_if(_as_index(src, index), out.dtype)
    return out


@scatter.vjp("input")
def _(F: Any, g: Any, index: Any, dim: int) -> Any:
    return F.scatter(g, index=index, src=0, dim=dim)


@scatter.vjp("src")
def _(F: Any, g: Any, index: Any, dim: int, src_shape: Any, src_dtype: Any) -> Any:
    read = F.where(F.last_scattered(index, dim=dim, shape=tuple(g.shape)), F.gather(g, index=index, dim=dim), 0)
    return cast_back(F, _as_src(F, read, src_shape), src_dtype)


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
    key = _along(xp, shape, index, dim % len(shape))
    order = xp.arange(index.size).reshape(index.shape)
    winner = xp.zeros(shape, dtype=order.dtype)
    winner[key] = order
    return winner[key] == order


def _scatter_add_spec(input: Any, index: Any, src: Any, *, dim: int) -> Meta:
    _index_spec("scatter_add", input, index, dim, src)
    return Meta(tuple(input.shape), input.dtype)


@op("scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor", kind="general", places=EVERYWHERE, inplace=True, spec=_scatter_add_spec, samples=[
    S((3, 4), ints(3, 6, high=4), (3, 6), dim=1), S((3, 4), ints(5, 4, high=3), (5, 4), dim=0), S((3, 4), ints(2, 2, high=4), (2, 3), dim=-1), S((4,), ints(0), (0,), dim=0),
    S((3, 4), ints(2), (2,), dim=0, error=RuntimeError, match="same number of dimensions")])
def scatter_add(xp: Any, input: Any, index: Any, src: Any, *, dim: int, out: Any = None) -> Any:
    """``input`` with ``src`` added where ``index`` names along ``dim``, repeats included."""
    _scatter_add_spec(input, index, src, dim=dim)
    out = destination(xp, input, out)
    if out.ndim:
        checked_rows("scatter_add", index, out.shape[dim], RuntimeError)
    out += gather_accumulate.kernel(xp, _as_index(src, index), index, dim=dim, shape=out.shape)
    return out


@scatter_add.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


@scatter_add.vjp("src")
def _(F: Any, g: Any, index: Any, dim: int, src_shape: Any, src_dtype: Any) -> Any:
    return cast_back(F, _as_src(F, F.gather(g, index=index, dim=dim), src_shape), src_dtype)


@composite("take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor")
def take_along_dim(F: Any, input: Any, indices: Any, dim: Any = None) -> Any:
    """``gather`` whose operands broadcast outside ``dim``; without ``dim`` both are flattened first."""
    if dim is None:
        return F.gather(F.reshape(input, shape=(-1,)), index=F.reshape(indices, shape=(-1,)), dim=0)
    if input.ndim != indices.ndim:
        raise RuntimeError(f"take_along_dim: torch.take_along_dim(): input and indices should have the same number of dimensions, but got {input.ndim} and {indices.ndim} dimensions")
    at = wrap_dim(dim, input.ndim, "take_along_dim")
    a, b = tuple(input.shape), tuple(indices.shape)
    common = broadcast("take_along_dim", ("input", "indices"), (Meta((*a[:at], 1, *a[at + 1:]), input.dtype), Meta((*b[:at], 1, *b[at + 1:]), indices.dtype)))
    return F.gather(F.broadcast_to(input, shape=(*common[:at], a[at], *common[at + 1:])), index=F.broadcast_to(indices, shape=(*common[:at], b[at], *common[at + 1:])), dim=at)


# --- masks --------------------------------------------------------------------------------------------------------


def _mask_spec(input: Any, mask: Any, value: Any) -> Meta:
    if mask.dtype != "bool":
        raise RuntimeError(f"masked_fill: masked_fill only supports boolean masks, but got mask with dtype {mask.dtype.name}. Use .bool()")
    if getattr(value, "shape", ()):
        raise RuntimeError(f"masked_fill: masked_fill only supports a 0-dimensional value tensor, but got tensor with {len(value.shape)} dimension(s). Use where")
    return Meta(broadcast("masked_fill", ("input", "mask"), (input, mask)), input.dtype)


@op("masked_fill(input: Tensor, mask: Tensor, value: TensorLike) -> Tensor", kind="general", places=EVERYWHERE, inplace=True, broadcasts=True, spec=_mask_spec, samples=[
    S((3, 4), bools(3, 4), 2.5), S((3, 4), bools(4), ()), S((4,), bools(3, 4), -1.0), S((), bools(), 1.0), S((0, 2), bools(2), 1.0),
    S((3, 4), ints(3, 4), 1.0, error=RuntimeError, match="boolean masks"), S((3, 4), bools(3, 4), (2,), error=RuntimeError, match="0-dimensional")])
def masked_fill(xp: Any, input: Any, mask: Any, value: Any) -> Any:
    """``input`` with ``value`` (a number or a tensor without dimensions) where the boolean ``mask`` is true."""
    if mask.dtype.kind != "b" or getattr(value, "ndim", 0):
        _mask_spec(input, mask, value)
    return xp.where(mask, xp.asarray(value, dtype=input.dtype), input)


@masked_fill.vjp("input")
def _(F: Any, g: Any, mask: Any) -> Any:
    return F.where(mask, 0, g)


@masked_fill.vjp("value")
def _(F: Any, g: Any, mask: Any, value_dtype: Any) -> Any:
    return cast_back(F, F.sum(F.where(mask, g, 0)), value_dtype)


def _selected_spec(input: Any, mask: Any) -> Meta:
    broadcast("masked_select", ("input", "mask"), (input, mask))
    return Meta((-1,), input.dtype)


@op("masked_select(input: Tensor, mask: Tensor) -> Tensor", kind="dynamic", places=EVERYWHERE, broadcasts=True, spec=_selected_spec, samples=[
    S((3, 4), bools(3, 4)), S((3, 4), bools(4)), S((4,), bools(3, 1)), S((), bools()), S((0, 2), bools(2)), S((3,), bools(4), error=RuntimeError, match="masked_select")])
def masked_select(xp: Any, input: Any, mask: Any) -> Any:
    """The elements where the boolean ``mask`` is true, in one dimension; both broadcast."""
    if mask.dtype.kind != "b":
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype.name}. Use .bool()")
    input, mask = xp.broadcast_arrays(input, mask)
    return input[mask].reshape(-1)


@masked_select.vjp("input")
def _(F: Any, g: Any, mask: Any, input_shape: Any) -> Any:
    shape = broadcast("masked_select", ("input", "mask"), (Meta(tuple(input_shape), g.dtype), mask))
    return F.masked_place(g, F.broadcast_to(mask, shape=shape))


@op("masked_place(input: Tensor, mask: Tensor) -> Tensor", kind="general", spec=lambda input, mask: Meta(tuple(mask.shape), input.dtype), samples=[
    S((2,), Arg(values=[[True, False], [False, True]])), S((0,), Arg(values=[False, False]))])
def masked_place(xp: Any, input: Any, mask: Any) -> Any:
    """Zeros with the elements of ``input`` where ``mask`` is true: the adjoint of ``masked_select``."""
    zeros = xp.zeros(mask.shape, dtype=input.dtype)
    zeros[mask] = input if zeros.ndim else input.reshape(-1)
    return zeros


@masked_place.vjp("input")
def _(F: Any, g: Any, mask: Any) -> Any:
    return F.masked_select(g, mask)


# --- sorting ------------------------------------------------------------------------------------------------------


def _order(xp: Any, input: Any, axis: int, descending: bool) -> Any:
    """The stable order, NaN counting as largest, as in PyTorch."""
    if not descending:
        return xp.argsort(input, axis=axis, kind="stable")
    return xp.flip(input.shape[axis] - 1 - xp.argsort(xp.flip(input, axis=axis), axis=axis, kind="stable"), axis=axis)


def _sort_spec(input: Any, *, dim: int, **attrs: Any) -> tuple[Meta, Meta]:
    wrap_dim(dim, len(input.shape), "sort")
    return Meta(tuple(input.shape), input.dtype), Meta(tuple(input.shape), int64)


@op("sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> tuple[Tensor, Tensor]", kind="general", places=EVERYWHERE,
    outputs=("values", "indices"), constant_outputs=(1,), spec=_sort_spec, samples=[
        S(distinct(3, 4)), S(distinct(3, 4), dim=0), S(distinct(2, 3, 4), dim=-2, descending=True), S(distinct(5), stable=True), S(()), S((0, 2)),
        S((3,), dim=1, error=IndexError, match="out of range")])
def sort(xp: Any, input: Any, *, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The elements along ``dim`` in order, and where they were: a named tuple ``(values, indices)``.

    Always stable; NaN counts as largest.
    """
    if not input.ndim:
        _sort_spec(input, dim=dim)
        return input.copy(), xp.zeros((), dtype="int64")
    order = _order(xp, input, dim, descending)
    return xp.take_along_axis(input, order, axis=dim), order


@sort.vjp("input")
def _(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape, unique=True)


@composite("argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor")
def argsort(F: Any, input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that sort the elements along ``dim``."""
    return F.sort(input, dim=dim, descending=descending, stable=stable)[1]


@composite("msort(input: Tensor) -> Tensor")
def msort(F: Any, input: Any) -> Any:
    """The elements sorted along the first dimension."""
    return F.sort(input, dim=0)[0]


def _topk_spec(input: Any, *, k: int, dim: int = -1, **attrs: Any) -> tuple[Meta, Meta]:
    at = wrap_dim(dim, len(input.shape), "topk")
    shape = tuple(input.shape)
    if not 0 <= k <= (shape[at] if shape else 1):
        raise RuntimeError(f"topk: selected index k out of range: k is {k}, dimension {at} of input {shape} has {shape[at] if shape else 1} elements")
    shape = tuple(k if d == at else n for d, n in enumerate(shape))
    return Meta(shape, input.dtype), Meta(shape, int64)


@op("topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]", kind="general", places=EVERYWHERE,
    outputs=("values", "indices"), constant_outputs=(1,), spec=_topk_spec, samples=[
        S(distinct(3, 6), k=2), S(distinct(6, 3), k=4, dim=0, largest=False), S(distinct(5), k=5, sorted=False), S(distinct(5), k=0), S((), k=1), S(distinct(2, 12), k=2), S(distinct(12, 2), k=2, dim=-2, largest=False),
        S((3,), k=4, error=RuntimeError, match="out of range"), S((3,), k=1, dim=1, error=IndexError, match="out of range")])
def topk(xp: Any, input: Any, *, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest (or smallest) elements along ``dim``, in order, and where they are: a named tuple ``(values, indices)``."""
    _topk_spec(input, k=k, dim=dim)
    if not input.ndim:
        return input.copy(), xp.zeros((), dtype="int64")
    axis = dim % input.ndim
    n = input.shape[axis]
    if 0 < k < n // 4:  # find the k first, then put only those in order
        part = xp.argpartition(input, n - k if largest else k - 1, axis=axis)
        chosen = part[(*[FULL] * axis, slice(n - k, None) if largest else slice(k))]
        chosen = xp.take_along_axis(chosen, _order(xp, xp.take_along_axis(input, chosen, axis=axis), axis, largest), axis=axis)
    else:
        chosen = _order(xp, input, axis, largest)[(*[FULL] * axis, slice(k))]
    return xp.take_along_axis(input, chosen, axis=axis), chosen


@topk.vjp("input")
def _(F: Any, g: Any, indices: Any, dim: int, input_shape: Any) -> Any:
    return F.gather_accumulate(g[0], indices, dim=dim, shape=input_shape, unique=True)


# --- what depends on values ---------------------------------------------------------------------------------------


@op("argwhere(input: Tensor) -> Tensor", kind="dynamic", places=EVERYWHERE, spec=lambda input: Meta((-1, len(input.shape)), int64), samples=[S(bools(3, 4)), S(ints(5)), S((0, 2)), S(())])
def argwhere(xp: Any, input: Any) -> Any:
    """The indices of the elements that are not zero, one row each."""
    found = xp.stack(xp.nonzero(input), axis=1) if input.ndim else xp.zeros((int(bool(input)), 0), dtype="int64")
    return found.astype("int64", copy=False)


@composite("nonzero(input: Tensor, *, as_tuple: bool = False) -> Tensor | tuple[Tensor, ...]")
def nonzero(F: Any, input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not zero: one row each, or with ``as_tuple`` one tensor per dimension."""
    if not as_tuple:
        return F.argwhere(input)
    return F.unbind(F.argwhere(input if input.ndim else F.reshape(input, shape=(1,))), dim=1)


def _unique_spec(input: Any, *, dim: Any = None) -> tuple[Meta, Meta, Meta]:
    shape = tuple(input.shape)
    at = None if dim is None else wrap_dim(dim, len(shape), "unique")
    values = (-1,) if at is None else (*shape[:at], -1, *shape[at + 1:])
    return Meta(values, input.dtype), Meta(shape if at is None else shape[at : at + 1], int64), Meta((-1,), int64)


@op("unique_of(input: Tensor, dim: int | None = None) -> tuple[Tensor, Tensor, Tensor]", kind="dynamic", outputs=("values", "inverse", "counts"), constant_outputs=(0, 1, 2), spec=_unique_spec,
    samples=[S(ints(6)), S(ints(2, 3)), S(ints(4, 2, high=2), dim=0), S(ints(0))])
def unique_of(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """The distinct elements in ascending order (or the distinct slices along ``dim``), where each went, and how many there are."""
    values, inverse, counts = xp.unique(input, return_inverse=True, return_counts=True, axis=dim)
    return values, inverse.reshape(input.shape if dim is None else (input.shape[dim],)), counts


@composite("unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any")
def unique(F: Any, input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None) -> Any:
    """The distinct elements, sorted; on request also the index of each element among them, and how often each occurs."""
    values, inverse, counts = F.unique_of(input, dim=dim)
    if not return_inverse and not return_counts:
        return values
    return (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))


# --- for neural networks ------------------------------------------------------------------------------------------


def _embedding_spec(input: Any, weight: Any, *, padding_idx: Any = None) -> Meta:
    if len(weight.shape) != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, got the shape {tuple(weight.shape)}")
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError(f"embedding: padding_idx {padding_idx} must be within num_embeddings ({weight.shape[0]})")
    return Meta((*input.shape, weight.shape[1]), weight.dtype)


@op("embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor", kind="general", places=("nn.functional",), spec=_embedding_spec, samples=[
    S(ints(5), (3, 4)), S(ints(2, 3, high=2), (3, 2), padding_idx=2), S(ints(), (3, 2)), S(ints(0), (3, 2)), S(ints(4, high=2), (3, 2), padding_idx=-1),
    S(Arg(values=[3]), (3, 2), error=IndexError, match="out of bounds"), S(ints(2), (3,), error=RuntimeError, match="2-D")])
def embedding(xp: Any, input: Any, weight: Any, *, padding_idx: Any = None) -> Any:
    """The rows of ``weight`` that the integers in ``input`` name; row ``padding_idx`` gets no gradient."""
    if weight.ndim != 2 or padding_idx is not None:
        _embedding_spec(input, weight, padding_idx=padding_idx)
    return xp.take(weight, checked_rows("embedding", input, weight.shape[0]), axis=0)


@embedding.vjp("weight")
def _(F: Any, g: Any, input: Any, weight_shape: Any, padding_idx: Any) -> Any:
    if padding_idx is not None:
        g = F.where(F.unsqueeze(input == padding_idx % weight_shape[0], dim=-1), 0, g)
    return F.index_accumulate(g, F.unsqueeze(input, dim=0), dims=(0,), shape=weight_shape)


def _one_hot_spec(tensor: Any, *, num_classes: int = -1) -> Meta:
    return Meta((*tensor.shape, num_classes), int64)


@op("one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor", kind="dynamic", places=("nn.functional",), spec=_one_hot_spec, samples=[
    S(ints(4)), S(ints(2, 3), num_classes=5), S(ints(), num_classes=3), S(Arg(values=[3]), num_classes=3, error=RuntimeError, match="smaller than num_classes")])
def one_hot(xp: Any, tensor: Any, *, num_classes: int = -1) -> Any:
    """A last dimension of ``num_classes`` integers (default: as many as needed) that is 1 at the class and 0 elsewhere."""
    if tensor.dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype.name}. Use .long()")
    if num_classes == -1:
        if not tensor.size:
            raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max()) + 1
    if tensor.size and backend_of(tensor).name == "cpu":
        if tensor.min() < 0:
            raise RuntimeError("one_hot: Class values must be non-negative.")
        if tensor.max() >= num_classes:
            raise RuntimeError(f"one_hot: Class values must be smaller than num_classes, got {int(tensor.max())} with num_classes {num_classes}")
    return (xp.asarray(tensor)[..., None] == xp.arange(num_classes)).astype("int64")
