"""Reductions: sums, logic and extrema. All take ``dim`` as PyTorch does: an int, a tuple, or nothing for everything.

float16 adds up in float32. Moments and norms are in ``moments``, scans in ``scan``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..backend.registry import backend_of
from ..dtypes import as_dtype, float16, float32, int64
from ..errors import describe
from ..kernels.places import read_along
from ..kernels.special import quiet
from ..kernels.strided import spread
from ..op import TORCH_TENSOR, Arg, S, bools, composite, distinct, ints, op
from ..spec import Meta, elementwise_spec, reduction_spec, wrap_dim, wrap_dims

HALF = float16.dtype
SINGLE = float32.dtype
LONG = int64.dtype
INFINITY = math.inf


def expand_reduced(F: Any, g: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """A reduction's cotangent in the shape it has with ``keepdim``, ready to broadcast against the input."""
    if keepdim or dim is None or dim == () or not shape:  # a cotangent without dimensions broadcasts as it is
        return g
    if dim.__class__ is int:
        at = dim % len(shape)
        return g.reshape((*shape[:at], 1, *shape[at + 1 :]))
    dims = wrap_dims(dim, len(shape))
    return g.reshape(tuple(1 if i in dims else n for i, n in enumerate(shape)))


def spread_back(F: Any, g: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """A reduction's cotangent broadcast to the shape of the input."""
    g = expand_reduced(F, g, shape, dim, keepdim)
    return spread(F.backend.xp, g, shape) if F.raw else F.broadcast_to(g, shape=shape)  # what ``broadcast_to`` does, without its questions


def axes(dim: Any) -> Any:
    """NumPy's ``axis`` for PyTorch's ``dim``: no dims mean every dimension; one may be named of a tensor that has none."""
    if dim.__class__ is list:
        dim = tuple(dim)
    if dim.__class__ is tuple and len(dim) < 2:
        return dim[0] if dim else None
    return dim


def count(shape: Any, dim: Any) -> int:
    """How many elements are reduced into one."""
    if dim.__class__ is int and shape:
        return int(shape[dim])
    dims = axes(dim)
    return math.prod(shape) if dims is None or not shape else math.prod(shape[i] for i in wrap_dims(dims, len(shape)))


def widened(array: Any) -> Any:
    """float16 as float32, in which its sums are computed; other arrays as they are."""
    return array.astype(SINGLE) if array.dtype == HALF else array


def wide_dtype(dtype: Any) -> Any:
    """float32 for float16, the dtype in which sums are computed; others as they are."""
    return SINGLE if dtype == HALF else dtype


def plain_dtype(dtype: Any) -> Any:
    """The array library's dtype for one of ours, a name or a Python type."""
    return None if dtype is None else as_dtype(dtype).dtype


def with_dtype(name: str, *attributes: str) -> dict[str, Any]:
    """For an op whose result may be of another dtype: then the general path is taken, which refuses integers with a gradient."""
    attrs = ", ".join(f'"{each}": {each}' for each in (*attributes, "dtype"))
    return {"line": f"if dtype is not None:\n    return apply(_{name}, (input,), {{{attrs}}}, out)"}


def over_one(name: str, others: str = "", *, half: bool = True) -> dict[str, str]:
    """For an op that is a method of arrays, over one dimension or everything: a seventh faster without the kernel's questions."""
    usual = "(dim is None or dim.__class__ is _int)" + ("" if half else " and d is not FLOAT16")
    return {"direct": f"a_input.{name}(dim, keepdims=keepdim) if {usual} else _k_{name}[a_input.__class__](a_input, dim=dim, keepdim=keepdim{others})"}


def reduction_samples(make: Any = lambda *shape: Arg(shape), *, tuples: bool = True, empty: bool = True) -> list[Any]:
    """The samples of a reduction; without those of several dims or of nothing, where it has none."""
    listed = [S(make(3, 4)), S(make(3, 4), dim=0), S(make(3, 4), dim=-1, keepdim=True), S(make()), S(make(), dim=0), S(make(1, 3), dim=0),
              S(make(3,), dim=1, error=IndexError, match="out of range")]
    if tuples:
        listed += [S(make(2, 3, 4), dim=(0, -1)), S(make(2, 3, 4), dim=(1, 2), keepdim=True),
                   S(make(2, 3), dim=(0, 0), error=RuntimeError, match="appears multiple times")]
    if empty:
        listed.append(S(make(0, 3), dim=0))
    return listed


# --- sums and means -----------------------------------------------------------------------------------------------


@op("sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", kind="reduction", label="Σ",
    places=TORCH_TENSOR, extra={**with_dtype("sum", "dim", "keepdim"), **over_one("sum", ", dtype=dtype", half=False)}, spec=reduction_spec("sum", "sum"),
    samples=[*reduction_samples(), S((2, 3), dtype="float64"), S(ints(2, 3)), S(bools(2, 3), dim=1)])
def sum(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None, out: Any = None) -> Any:
    """The sum over ``dim`` (an int, a tuple, or everything). Integers add up in int64.

    >>> import autograd_core as ag
    >>> ag.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(dim=0).tolist()
    [4.0, 6.0]
    """
    if dtype is None:
        if input.dtype.kind in "bui":
            dtype = LONG
        elif input.dtype is HALF:
            return input.sum(axis=axes(dim), keepdims=keepdim, dtype=SINGLE).astype(HALF)
        elif out is None:
            return input.sum(axis=dim if dim.__class__ is int else axes(dim), keepdims=keepdim)  # the method: half the overhead of the function
    else:
        dtype = plain_dtype(dtype)
    return input.sum(axis=axes(dim), keepdims=keepdim, dtype=dtype, out=out)


@sum.vjp("input")
def _(F: Any, g: Any, input_shape: Any, input_dtype: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    if dtype is not None:
        g = F.to_dtype(g, dtype=input_dtype)
    return spread_back(F, g, input_shape, dim, keepdim)


def _mean_spec(input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Meta:
    meta = reduction_spec("mean")(input, dim=dim, keepdim=keepdim, dtype=dtype)
    if not (meta.dtype.is_floating_point or meta.dtype.is_complex):
        raise RuntimeError(f"mean: could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {meta.dtype.name} "
                           f"(input {describe(input)}). Convert it with .float(), or pass dtype=")
    return meta


@op("mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", kind="reduction", places=TORCH_TENSOR,
    spec=_mean_spec, samples=[*reduction_samples(empty=False), S((0, 3), dim=1), S((2, 3), dtype="float64"), S(ints(3), error=RuntimeError, match="could not infer output dtype")])
def mean(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The mean over ``dim``. Floating point only; nothing to average gives NaN."""
    if dtype is None and input.dtype.char in "fd" and (dim is None or (dim.__class__ is int and input.ndim)):
        total = input.sum(axis=dim, keepdims=keepdim)
        n = input.size if dim is None else input.shape[dim]
        return total / n if n else total + math.nan
    dtype = input.dtype if dtype is None else plain_dtype(dtype)
    if dtype.kind not in "fc":
        raise TypeError("mean of integers")
    if dtype is input.dtype and dtype is not HALF:
        total = input.sum(axis=dim if dim.__class__ is int else axes(dim), keepdims=keepdim)
    else:
        total = input.sum(axis=axes(dim), keepdims=keepdim, dtype=SINGLE if dtype is HALF else dtype)
    n = input.size if dim is None else count(input.shape, dim)
    result = total / n if n else total + math.nan
    return result.astype(HALF) if dtype is HALF else result


@mean.vjp("input")
def _(F: Any, g: Any, input_shape: Any, input_dtype: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    if dtype is not None:
        g = F.to_dtype(g, dtype=input_dtype)
    return spread_back(F, g / (count(input_shape, dim) or 1), input_shape, dim, keepdim)


@op("nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", kind="reduction", places=TORCH_TENSOR,
    extra=with_dtype("nansum", "dim", "keepdim"), spec=reduction_spec("nansum", "sum"),
    samples=[*reduction_samples(), S((2, 3), dtype="float64"), S(ints(2, 3)), S(bools(2, 3), dim=1),
             S(Arg(values=[[1.0, math.nan], [2.0, 3.0]]), dim=1), S(Arg(values=[[1.0, math.nan], [2.0, 3.0]]))])
def nansum(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The sum over ``dim`` of all that is not NaN."""
    total = sum.kernel(xp, input, dim=dim, keepdim=keepdim, dtype=dtype)
    if input.dtype.kind not in "fc" or (backend_of(input).name == "cpu" and not ((total != total).any() if total.ndim else total != total)):
        return total
    return sum.kernel(xp, xp.where(xp.isnan(input), 0, input).astype(input.dtype, copy=False), dim=dim, keepdim=keepdim, dtype=dtype)


@nansum.vjp("input")
def _(F: Any, g: Any, input: Any, input_shape: Any, input_dtype: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    if dtype is not None:
        g = F.to_dtype(g, dtype=input_dtype)
    return F.where(F.isnan(input), 0, expand_reduced(F, g, input_shape, dim, keepdim))


@composite("nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor")
def nanmean(F: Any, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over ``dim`` of all that is not NaN. Floating point only."""
    kind = as_dtype(input.dtype if dtype is None else dtype)
    if not (kind.is_floating_point or kind.is_complex):
        raise RuntimeError(f"nanmean: expected input to have floating point or complex dtype but got {kind.name}. Convert it with .float()")
    missing = F.isnan(input)
    return F.sum(F.where(missing, 0, input), dim=dim, keepdim=keepdim, dtype=dtype) / F.sum(F.logical_not(missing), dim=dim, keepdim=keepdim)


@op("count_nonzero(input: Tensor, dim: Dims = None) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=reduction_spec("count_nonzero", "int64"),
    samples=[S(ints(3, 4)), S((3, 4), dim=0), S(ints(2, 3, 4), dim=(0, -1)), S(()), S(bools(0, 2), dim=1), S((3,), dim=1, error=IndexError, match="out of range")])
def count_nonzero(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """How many elements are not zero, as int64."""
    if axes(dim) is None:
        found = xp.count_nonzero(input)
        return LONG.type(found) if found.__class__ is int else xp.asarray(found, dtype=LONG)
    return (input != 0).sum(axis=axes(dim), dtype=LONG)


# --- logic --------------------------------------------------------------------------------------------------------


def _logic_spec(name: str) -> Any:
    def spec(input: Any, **attrs: Any) -> Meta:
        own = "uint8" if as_dtype(input.dtype).name == "uint8" else "bool"
        return Meta(tuple(input.shape), as_dtype(own)) if attrs.get("dim") in ((), []) else reduction_spec(name, own)(input, **attrs)

    return spec


_LOGIC = [S(bools(3, 4)), S(bools(3, 4), dim=0), S(bools(2, 3, 4), dim=(0, -1), keepdim=True), S(bools()), S(bools(0, 2), dim=0), S(ints(2, 3), dim=-1), S((2, 3)),
          S((2, 3), dim=()), S(bools(3), dim=1, error=IndexError, match="out of range")]


def _as_logic(input: Any, answer: Any) -> Any:
    return answer.astype("u1") if input.dtype.char == "B" else answer


@op("all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, extra=over_one("all"), spec=_logic_spec("all"), samples=_LOGIC)
def all(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether no element is zero, as bool (uint8 for uint8). An empty tuple of dims reduces nothing."""
    return _as_logic(input, input != 0 if dim in ((), []) else input.all(axis=axes(dim), keepdims=keepdim))


@op("any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, extra=over_one("any"), spec=_logic_spec("any"), samples=_LOGIC)
def any(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether some element is not zero, as bool (uint8 for uint8). An empty tuple of dims reduces nothing."""
    return _as_logic(input, input != 0 if dim in ((), []) else input.any(axis=axes(dim), keepdims=keepdim))


# --- extrema ------------------------------------------------------------------------------------------------------


def _extremum_spec(name: str) -> Any:
    def spec(input: Any, *, dim: Any = None, keepdim: bool = False) -> Meta:
        meta = reduction_spec(name)(input, dim=dim, keepdim=keepdim)
        _refuse_empty(name, input, dim)
        return meta

    return spec


def _refuse_empty(name: str, input: Any, dim: Any) -> None:
    shape = tuple(input.shape)
    if axes(dim) is None and 0 in shape:
        raise RuntimeError(f"{name}: Expected reduction dim to be specified for input.numel() == 0 (input {describe(input)}). "
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


def _short_rows(input: Any, dim: Any) -> bool:
    """Whether the extrema of many short rows are asked for: NumPy compares column with column in a tenth of the time."""
    ndim = input.ndim
    return ndim > 1 and (dim == -1 or dim == ndim - 1) and 1 < input.shape[-1] <= _SHORT and input.size >= _SHORT * input.shape[-1] and backend_of(input).name == "cpu"


_SHORT = 64
"""Elements of the longest rows, and the number of rows, for which columns pay for being written."""


def _columns(input: Any) -> Any:
    return input.reshape(-1, input.shape[-1]).T.copy()


@op("amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=_extremum_spec("amax"), samples=_EXTREMA,
    label="max")
def amax(xp: Any, input: Any, *, dim: Any = (), keepdim: bool = False) -> Any:
    """The largest element over ``dim``; elements that tie share the gradient evenly."""
    if _short_rows(input, dim):
        return _columns(input).max(axis=0).reshape((*input.shape[:-1], 1) if keepdim else input.shape[:-1])
    return input.max(axis=axes(dim), keepdims=keepdim)


@amax.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    return _share(F, g, input, out, dim, keepdim)


@op("amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, spec=_extremum_spec("amin"), samples=_EXTREMA,
    label="min")
def amin(xp: Any, input: Any, *, dim: Any = (), keepdim: bool = False) -> Any:
    """The smallest element over ``dim``; elements that tie share the gradient evenly."""
    if _short_rows(input, dim):
        return _columns(input).min(axis=0).reshape((*input.shape[:-1], 1) if keepdim else input.shape[:-1])
    return input.min(axis=axes(dim), keepdims=keepdim)


@amin.vjp("input")
def _(F: Any, g: Any, input: Any, out: Any, dim: Any, keepdim: bool) -> Any:
    return _share(F, g, input, out, dim, keepdim)


def _arg_spec(name: str) -> Any:
    def spec(input: Any, *, dim: Any = None, keepdim: bool = False) -> Meta:
        wrap_dims(dim, len(input.shape), name)
        if dim is None and 0 in input.shape:
            raise IndexError(f"{name}: Expected reduction dim to be specified for input.numel() == 0 (input {describe(input)}). Specify a dim that is not empty")
        _refuse_empty(name, input, dim)
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
    return values, positions.astype(LONG, copy=False)


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


def _extremum(xp: Any, find: str, input: Any, dim: int, keepdim: bool) -> tuple[Any, Any]:
    search = f"arg{find}"
    if not input.ndim:
        return input.copy(), _position(xp, search, input, dim, keepdim)
    if input.size <= _FEW:
        return getattr(input, find)(axis=dim, keepdims=keepdim), _position(xp, search, input, dim, keepdim)
    return picked(xp, input, _position(xp, search, input, dim, True), dim, keepdim)


_FEW = 1024
"""Elements among which the extrema are found anew faster than they are read at their positions."""


@op("max_along(input: Tensor, dim: int, keepdim: bool = False) -> Tensor", kind="reduction", label="max", outputs=("values", "indices"), constant_outputs=(1,),
    spec=pair_spec("max"), samples=PAIRS)
def max_along(xp: Any, input: Any, *, dim: int, keepdim: bool = False) -> Any:
    """The largest elements along ``dim`` and their positions; of several, the first, which also gets the gradient."""
    return _extremum(xp, "max", input, dim, keepdim)


@op("min_along(input: Tensor, dim: int, keepdim: bool = False) -> Tensor", kind="reduction", label="min", outputs=("values", "indices"), constant_outputs=(1,),
    spec=pair_spec("min"), samples=PAIRS)
def min_along(xp: Any, input: Any, *, dim: int, keepdim: bool = False) -> Any:
    """The smallest elements along ``dim`` and their positions; of several, the first, which also gets the gradient."""
    return _extremum(xp, "min", input, dim, keepdim)


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


# --- comparing whole tensors --------------------------------------------------------------------------------------


@op("isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor", promotes="equal", places=TORCH_TENSOR,
    kind="elementwise", spec=elementwise_spec("isclose", ("input", "other"), "equal", "bool"), samples=[
        S((3, 4), (3, 4)), S((3, 1), (4,), rtol=0.5), S((3, 4), (4,)), S((), (), atol=1.0), S((0, 2), (0, 2)),
        S(Arg(values=[math.nan, 1.0]), Arg(values=[math.nan, 1.0]), equal_nan=True),
        S((3,), (4,), error=RuntimeError, match="must match the size")])
def isclose(xp: Any, input: Any, other: Any, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether ``|input - other| <= atol + rtol * |other|``, elementwise; equal infinities are close."""
    if input.dtype.kind != "f" or other.dtype is not input.dtype:
        return xp.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)
    with quiet(xp, input):  # infinities differ by NaN
        close = (xp.abs(input - other) <= atol + rtol * xp.abs(other)) & xp.isfinite(other) | (input == other)  # a third of the time of NumPy's function
    return close | (xp.isnan(input) & xp.isnan(other)) if equal_nan else close


@composite("allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool")
def allclose(F: Any, input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether ``isclose`` holds everywhere, as a Python bool."""
    return bool(F.all(F.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)))


@composite("equal(input: Tensor, other: Tensor) -> bool")
def equal(F: Any, input: Any, other: Any) -> bool:
    """Whether shape and all elements agree, as a Python bool."""
    return input.shape == other.shape and bool(F.all(F.eq(input, other)))
