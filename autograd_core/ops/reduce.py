"""Reductions: sums and logic. All take ``dim`` as PyTorch does: an int, a tuple, or nothing for everything.

float16 adds up in float32. Extrema are in ``extrema``, moments and norms in ``moments``, scans in ``scan``.
"""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype, float16, float32, int64
from ..errors import describe
from ..kernels.strided import in_rows, spread
from ..op import TORCH_TENSOR, Arg, S, bools, composite, ints, op
from ..spec import Meta, reduction_spec, wrap_dims

HALF = float16.dtype
SINGLE = float32.dtype
LONG = int64.dtype
INFINITY = math.inf


def expand_reduced(F: Any, g: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """A reduction's cotangent in the shape it has with ``keepdim``, ready to broadcast against the input."""
    if keepdim or dim is None or dim in ((), []) or not shape:  # a cotangent without dimensions broadcasts as it is
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
    """float32 for float16 and bfloat16, the dtype in which sums are computed; others as they are."""
    return SINGLE if dtype.itemsize == 2 and dtype.kind in "fV" else dtype


def plain_dtype(dtype: Any) -> Any:
    """The array library's dtype for one of ours, a name or a Python type."""
    return None if dtype is None else as_dtype(dtype).dtype


def with_dtype(name: str, *attributes: str) -> dict[str, Any]:
    """For an op whose result may be of another dtype: then the general path is taken, which refuses integers with a gradient."""
    attrs = ", ".join(f'"{each}": {each}' for each in (*attributes, "dtype"))
    return {"line": f"if dtype is not None:\n    return apply(_{name}, (input,), {{{attrs}}}, out)"}


def over_one(name: str, others: str = "", *, half: bool = True) -> dict[str, str]:
    """For an op that is a method of arrays, over one dimension or everything: a seventh faster without the kernel's questions."""
    usual = "(dim is None or (dim.__class__ is _int and a_input.ndim < 3))" + ("" if half else " and d is not FLOAT16")
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
            return in_rows(xp, input.sum(axis=axes(dim), keepdims=keepdim, dtype=SINGLE).astype(HALF))
        elif out is None:
            return in_rows(xp, input.sum(axis=dim if dim.__class__ is int else axes(dim), keepdims=keepdim))  # the method: half the overhead of the function
    else:
        dtype = plain_dtype(dtype)
        if out is None and (wide := wide_dtype(dtype)) is not dtype:
            return in_rows(xp, input.sum(axis=axes(dim), keepdims=keepdim, dtype=wide).astype(dtype))
    total = input.sum(axis=axes(dim), keepdims=keepdim, dtype=dtype, out=out)
    return total if out is not None else in_rows(xp, total)


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
    if dtype is None and input.dtype.char in "fd" and (dim is None or (dim.__class__ is int and 0 < input.ndim < 3)):
        total = input.sum(axis=dim, keepdims=keepdim)
        n = input.size if dim is None else input.shape[dim]
        return total / n if n else total + math.nan
    dtype = input.dtype if dtype is None else plain_dtype(dtype)
    wide = wide_dtype(dtype)
    if wide.kind not in "fc":
        raise TypeError("mean of integers")
    if dtype is input.dtype and wide is dtype:
        total = input.sum(axis=dim if dim.__class__ is int else axes(dim), keepdims=keepdim)
    else:
        total = input.sum(axis=axes(dim), keepdims=keepdim, dtype=wide)
    n = input.size if dim is None else count(input.shape, dim)
    result = total / n if n else total + math.nan
    return in_rows(xp, result if wide is dtype else result.astype(dtype))


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
    if input.dtype.kind not in "fc" or (backend_of(input).name == "cpu" and (dtype is None or plain_dtype(dtype).kind in "fc")):
        total = sum.kernel(xp, input, dim=dim, keepdim=keepdim, dtype=dtype)
        if input.dtype.kind not in "fc" or not ((total != total).any() if total.ndim else total != total):
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


@op("count_nonzero(input: Tensor, dim: Dims = None) -> Tensor", out=False, kind="reduction", places=TORCH_TENSOR, spec=reduction_spec("count_nonzero", "int64"),
    samples=[S(ints(3, 4)), S((3, 4), dim=0), S(ints(2, 3, 4), dim=(0, -1)), S(()), S(bools(0, 2), dim=1), S((3,), dim=1, error=IndexError, match="out of range")])
def count_nonzero(xp: Any, input: Any, *, dim: Any = None) -> Any:
    """How many elements are not zero, as int64."""
    if axes(dim) is None:
        found = xp.count_nonzero(input)
        return LONG.type(found) if found.__class__ is int else xp.asarray(found, dtype=LONG)
    return in_rows(xp, (input != 0).sum(axis=axes(dim), dtype=LONG))


# --- logic --------------------------------------------------------------------------------------------------------


def _logic_spec(name: str) -> Any:
    def spec(input: Any, **attrs: Any) -> Meta:
        own = "uint8" if as_dtype(input.dtype).name == "uint8" else "bool"
        return Meta(tuple(input.shape), as_dtype(own)) if attrs.get("dim") in ((), []) else reduction_spec(name, own)(input, **attrs)

    return spec


_LOGIC = [S(bools(3, 4)), S(bools(3, 4), dim=0), S(bools(2, 3, 4), dim=(0, -1), keepdim=True), S(bools()), S(bools(0, 2), dim=0), S(ints(2, 3), dim=-1), S((2, 3)),
          S((2, 3), dim=()), S(bools(3), dim=1, error=IndexError, match="out of range")]


def _as_logic(xp: Any, input: Any, answer: Any) -> Any:
    return in_rows(xp, answer.astype("u1") if input.dtype.char == "B" else answer)


@op("all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, extra=over_one("all"), spec=_logic_spec("all"), samples=_LOGIC)
def all(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether no element is zero, as bool (uint8 for uint8). An empty tuple of dims reduces nothing."""
    return _as_logic(xp, input, input != 0 if dim in ((), []) else input.all(axis=axes(dim), keepdims=keepdim))


@op("any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor", kind="reduction", places=TORCH_TENSOR, extra=over_one("any"), spec=_logic_spec("any"), samples=_LOGIC)
def any(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
    """Whether some element is not zero, as bool (uint8 for uint8). An empty tuple of dims reduces nothing."""
    return _as_logic(xp, input, input != 0 if dim in ((), []) else input.any(axis=axes(dim), keepdims=keepdim))
