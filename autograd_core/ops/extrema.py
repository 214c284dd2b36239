"""Largest and smallest elements and their positions, along dimensions or of everything."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..dtypes import int64
from ..errors import describe
from ..kernels.blocks import at_hand
from ..kernels.places import read_along
from ..kernels.strided import in_rows
from ..op import TORCH_TENSOR, S, bools, composite, distinct, ints, op
from ..spec import Meta, reduction_spec, wrap_dim, wrap_dims
from .reduce import LONG, axes, expand_reduced, reduction_samples


def _extremum_spec(name: str) -> Any:
    def spec(input: Any, *, dim: Any = None, keepdim: bool = False) -> Meta:
        meta = reduction_spec(name)(input, dim=dim, keepdim=keepdim)
        _refuse_empty(name, input, dim)
        return meta

    return spec


def _refuse_empty(name: str, input: Any, dim: Any, error: type[Exception] = RuntimeError) -> None:
    shape = tuple(input.shape)
    if axes(dim) is None and 0 in shape:
        raise error(f"{name}: Expected reduction dim to be specified for input.numel() == 0 (input {describe(input)}). "
                    "There is no extremum of nothing; specify a dim that is not empty")
    for i in () if axes(dim) is None else wrap_dims(dim, len(shape)):
        if shape and not shape[i]:
            raise IndexError(f"{name}: Expected reduction dim {i} to have non-zero size (input {describe(input)})")


def _share(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    """The cotangent of an extremum, shared evenly by all elements that attain it."""
    shape = input.shape
    ties = input == expand_reduced(F, out, shape, dim, keepdim)
    count = ties.sum(axis=axes(dim), keepdims=True, dtype=g.dtype) if F.raw else F.sum(ties, dim=dim, keepdim=True, dtype=g.dtype)
    return F.where(ties, expand_reduced(F, g, shape, dim, keepdim) / count if shape else g, 0)


_EXTREMA = [*reduction_samples(distinct, empty=False), S(distinct(0, 3), dim=1), S(ints(2, 3), dim=0), S(bools(2, 3), dim=0),
            S((0, 3), error=RuntimeError, match="Expected reduction dim"), S((0, 3), dim=0, error=IndexError, match="non-zero size")]


def _extremum(xp: Any, find: str, input: Any, dim: Any, keepdim: bool) -> Any:
    shape = input.shape
    if (dim == -1 or dim == len(shape) - 1) and len(shape) > 1 and 1 < shape[-1] <= _SHORT and input.size >= _MANY * shape[-1] and backend_of(input).name == "cpu":
        width, here, found = shape[-1], at_hand(input), None
        if not here or input.flags.c_contiguous:  # columns that lie apart the library compares by itself
            if width <= (_COLUMNS if input.dtype.itemsize <= 4 else _COLUMNS // 2):
                found = getattr(input.reshape(-1, width).T.copy(), find)(axis=0)
            elif here and input.dtype.char in "fd":
                found = _by_places(xp, find, input)
        if found is not None:
            return found.reshape((*shape[:-1], 1) if keepdim else shape[:-1])
    return in_rows(xp, getattr(input, find)(axis=axes(dim), keepdims=keepdim))


def _by_places(xp: Any, find: str, rows: Any) -> Any:
    """The extremum of each row, found by its place: the library's loop over a row is one for all rows then. A plan does this by itself."""
    places = getattr(rows, f"arg{find}")(axis=-1).reshape(-1)
    places += xp.arange(0, rows.size, rows.shape[-1])
    return rows.reshape(-1).take(places)


_MANY = 32
"""Rows from which on another way than the library's takes a tenth to nine tenths of its time."""
_COLUMNS = 48
"""Elements of rows whose columns pay for being written; of larger elements half as many."""
_SHORT = 512
"""Elements of rows of floats whose places pay for being found."""


@op("amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=_extremum_spec("amax"), samples=_EXTREMA,
    label="max")
def amax(xp: Any, input: Any, *, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest element over ``dim``; elements that tie share the gradient evenly."""
    return _extremum(xp, "max", input, dim, keepdim)


@amax.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    return _share(F, g, input, out, dim, keepdim)


@op("amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=_extremum_spec("amin"), samples=_EXTREMA,
    label="min")
def amin(xp: Any, input: Any, *, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest element over ``dim``; elements that tie share the gradient evenly."""
    return _extremum(xp, "min", input, dim, keepdim)


@amin.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    return _share(F, g, input, out, dim, keepdim)


def _arg_spec(name: str) -> Any:
    def spec(input: Any, *, dim: Any = None, keepdim: bool = False) -> Meta:
        wrap_dims(dim, len(input.shape), name)
        _refuse_empty(name, input, dim, IndexError)
        return reduction_spec(name, "int64")(input, dim=dim, keepdim=keepdim)

    return spec


_ARGS = [*reduction_samples(distinct, tuples=False, empty=False), S(distinct(0, 3), dim=1), S(ints(2, 3), dim=0),
         S((0, 3), error=IndexError, match="Expected reduction dim")]


def _position(xp: Any, search: str, input: Any, dim: int | None, keepdim: bool) -> Any:
    if not input.ndim:
        if dim not in {None, 0, -1}:
            raise IndexError("a tensor without dimensions")
        return xp.zeros((), dtype=LONG)
    found = getattr(input, search)(axis=dim, keepdims=keepdim)
    return found if found.dtype is LONG else found.astype(LONG)  # where indices are shorter


@op("argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=_arg_spec("argmax"), samples=_ARGS)
def argmax(xp: Any, input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the first largest element along ``dim``, or in the flattened tensor, as int64."""
    return _position(xp, "argmax", input, dim, keepdim)


@op("argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=_arg_spec("argmin"), samples=_ARGS)
def argmin(xp: Any, input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The position of the first smallest element along ``dim``, or in the flattened tensor, as int64."""
    return _position(xp, "argmin", input, dim, keepdim)


def pair_spec(name: str) -> Any:
    """The rule of an op that picks one element along ``dim``: its value, and its position as int64."""

    def spec(input: Any, *, dim: int, keepdim: bool = False, **attrs: Any) -> tuple[Meta, Meta]:
        dim = wrap_dim(dim, len(input.shape), name)
        _refuse_empty(name, input, dim)
        meta = reduction_spec(name)(input, dim=dim, keepdim=keepdim)
        return meta, Meta(meta.shape, int64)

    return spec


def picked(xp: Any, input: Any, positions: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    """The values at ``positions``, one along ``dim``, and the positions as int64; ``dim`` goes unless ``keepdim``."""
    values = read_along(xp, input, positions, dim)
    if not keepdim:
        values, positions = values.squeeze(dim), positions.squeeze(dim)
    return values, in_rows(xp, positions.astype(LONG, copy=False))


def picked_rule(F: Any, g: Any, indices: Any, input_shape: Any, dim: int, keepdim: bool) -> Any:
    """The local gradient of picking one element along ``dim``: all of it goes to where the element was."""
    if not input_shape:
        return g[0]
    g = g[0]
    if not keepdim:
        g, indices = F.unsqueeze(g, dim=dim % len(input_shape)), F.unsqueeze(indices, dim=dim % len(input_shape))
    return F.gather_accumulate(g, indices, dim=dim, shape=input_shape, unique=True)


PAIRS = [S(distinct(3, 4), dim=0), S(distinct(2, 3, 4), dim=-2, keepdim=True), S(distinct(), dim=0), S(distinct(0, 3), dim=1), S(ints(3, 4), dim=1),
         S((3,), dim=1, error=IndexError, match="out of range"), S((0, 3), dim=0, error=IndexError, match="non-zero size")]


def _with_position(xp: Any, find: str, input: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    search = f"arg{find}"
    if not input.ndim:
        return input.copy(), _position(xp, search, input, dim, keepdim)
    if input.size <= _FEW:
        return in_rows(xp, getattr(input, find)(axis=dim, keepdims=keepdim)), _position(xp, search, input, dim, keepdim)
    return picked(xp, input, _position(xp, search, input, dim, True), dim, keepdim)


_FEW = 1024
"""Elements among which the extrema are found anew faster than they are read at their positions."""


@op("max_along(input: Tensor, dim: int, keepdim: bool = False) -> Tensor", kind="reduction", label="max", outputs=("values", "indices"), constant_outputs=(1,),
    spec=pair_spec("max"), samples=PAIRS)
def max_along(xp: Any, input: Any, *, dim: int, keepdim: bool = False) -> Any:
    """The largest elements along ``dim`` and their positions; of several, the first, which also gets the gradient."""
    return _with_position(xp, "max", input, dim, keepdim)


@op("min_along(input: Tensor, dim: int, keepdim: bool = False) -> Tensor", kind="reduction", label="min", outputs=("values", "indices"), constant_outputs=(1,),
    spec=pair_spec("min"), samples=PAIRS)
def min_along(xp: Any, input: Any, *, dim: int, keepdim: bool = False) -> Any:
    """The smallest elements along ``dim`` and their positions; of several, the first, which also gets the gradient."""
    return _with_position(xp, "min", input, dim, keepdim)


max_along.add_rule("input", picked_rule)
min_along.add_rule("input", picked_rule)


@composite("max(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any")
def max(F: Any, input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element; with ``dim`` the pair (values, indices) along it; with a second tensor the larger of each pair.

    The gradient of the largest of all is shared evenly by elements that tie; along a ``dim`` the first one gets it.

    >>> import autograd_core as ag
    >>> x = ag.tensor([[1.0, 5.0], [7.0, 2.0]])
    >>> ag.max(x).item(), ag.max(x, dim=1).indices.tolist()
    (7.0, [1, 0])
    """
    if dim is None:
        return F.amax(input, dim=(), keepdim=keepdim) if other is None else F.maximum(input, other)
    return F.maximum(input, dim) if hasattr(dim, "shape") else F.max_along(input, dim=dim, keepdim=keepdim)


@composite("min(input: Tensor, dim: int | Tensor | None = None, keepdim: bool = False, *, other: Tensor | None = None) -> Any")
def min(F: Any, input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element; with ``dim`` the pair (values, indices) along it; with a second tensor the smaller of each pair.

    The gradient of the smallest of all is shared evenly by elements that tie; along a ``dim`` the first one gets it.
    """
    if dim is None:
        return F.amin(input, dim=(), keepdim=keepdim) if other is None else F.minimum(input, other)
    return F.minimum(input, dim) if hasattr(dim, "shape") else F.min_along(input, dim=dim, keepdim=keepdim)


@composite("aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any")
def aminmax(F: Any, input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """The pair (min, max) over ``dim``, or over everything."""
    over = () if dim is None else dim
    return Extremes(F.amin(input, dim=over, keepdim=keepdim), F.amax(input, dim=over, keepdim=keepdim))


class Extremes(NamedTuple):
    """The smallest and the largest element."""

    min: Any
    max: Any
