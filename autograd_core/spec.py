"""Shapes and dtypes without arrays: promotion, and the shape rules that ops declare.

A shape rule takes a ``Meta`` per input and the op's attributes and returns the ``Meta`` of the result, or raises the
error a user will read. Rules run when a kernel failed, in tests, and wherever shapes are wanted without computing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, TypeVar

from . import dtypes
from .dtypes import dtype
from .errors import DtypeError, ShapeError, UnsupportedDtypeError, describe

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Meta:
    """The shape and dtype of a tensor."""

    shape: Shape
    dtype: dtype
    device: str = "cpu"
    name: str | None = None

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)


# --- dtype promotion: PyTorch's table and its dimension rule ------------------------------------------------------


def promote_types(type1: Any, type2: Any) -> dtype:
    """The smallest dtype that holds both, by PyTorch's table; ``RuntimeError`` for two integer dtypes of which one is uint16, uint32 or uint64.

    >>> promote_types(dtypes.int64, dtypes.float16), promote_types(dtypes.uint8, dtypes.int8)
    (autograd_core.float16, autograd_core.int16)
    """
    a, b = dtypes.as_dtype(type1), dtypes.as_dtype(type2)
    if a is b:
        return a
    low, high = (a, b) if a.rank <= b.rank else (b, a)
    if high.kind in "bui" and (low in dtypes.UNSIGNED or high in dtypes.UNSIGNED):
        raise DtypeError(f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {a.name} and {b.name}. Convert one with .to(dtype)")
    if high.rank == low.rank:  # uint8 with int8, float16 with bfloat16
        return dtypes.float32 if high.is_floating_point else dtypes.int16
    if high is dtypes.complex64 and low is dtypes.float64:
        return dtypes.complex128
    return high


def _category(d: dtype | None) -> int:
    return -1 if d is None else 0 if d is dtypes.bool_ else 3 if d.is_complex else 2 if d.is_floating_point else 1


def _to_complex(d: dtype) -> dtype:
    return dtypes.complex128 if d is dtypes.float64 else dtypes.complex64


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    if higher is None or lower is None:
        return higher if lower is None else lower
    if higher.is_complex:
        return higher
    if higher.is_floating_point:
        return _to_complex(higher) if lower.is_complex else higher
    if higher is dtypes.bool_ or lower.is_floating_point or lower.is_complex:
        return promote_types(higher, lower)
    return higher


def number_dtype(value: bool | int | float | complex) -> dtype:
    """The dtype a Python number would have as a tensor of its own."""
    if isinstance(value, bool):
        return dtypes.bool_
    if isinstance(value, int):
        return dtypes.int64
    return dtypes.get_default_dtype() if isinstance(value, float) else dtypes.default_complex()


def result_type_of(operands: Iterable[Any]) -> dtype:
    """The dtype that an operation on these operands computes in.

    Tensors with dimensions outrank tensors without, and those outrank Python numbers, within one category
    (bool, integer, float, complex); a higher category always wins.
    """
    dimensioned: dtype | None = None
    zero: dtype | None = None
    number: dtype | None = None
    for operand in operands:
        if isinstance(operand, (bool, int, float, complex)):
            own = number_dtype(operand)
            number = own if number is None else promote_types(number, own)
            continue
        own = dtypes.as_dtype(operand.dtype)
        if operand.shape:
            dimensioned = own if dimensioned is None else promote_types(dimensioned, own)
        else:
            zero = own if zero is None else promote_types(zero, own)
    result = _combine(dimensioned, _combine(zero, number))
    if result is None:
        raise ValueError("result_type needs at least one operand")
    return result


def can_cast(from_: Any, to: Any) -> bool:
    """Whether PyTorch lets a result of the first dtype be written into a tensor of the second.

    >>> can_cast(dtypes.float64, dtypes.float32), can_cast(dtypes.float32, dtypes.int64)
    (True, False)
    """
    source, target = dtypes.as_dtype(from_), dtypes.as_dtype(to)
    return _category(source) <= _category(target) and not (source is not dtypes.bool_ and target is dtypes.bool_)


# --- dimensions ---------------------------------------------------------------------------------------------------


def wrap_dim(dim: int, ndim: int, op: str = "") -> int:
    """A non-negative dim; ``IndexError`` in PyTorch's words if it is out of range."""
    size = ndim or 1
    if not -size <= dim < size:
        raise IndexError(f"{op + ': ' if op else ''}Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})")
    return dim % size


def wrap_dims(dim: int | Sequence[int] | None, ndim: int, op: str = "") -> tuple[int, ...]:
    """All dims meant by ``dim``: every one for ``None``, each at most once."""
    if dim is None:
        return tuple(range(ndim))
    dims = tuple(wrap_dim(each, ndim, op) for each in ((dim,) if isinstance(dim, int) else dim))
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{op + ': ' if op else ''}dim {next(d for d in dims if dims.count(d) > 1)} appears multiple times in the list of dims {dim}")
    return dims


def reduced(shape: Shape, dims: Iterable[int], keepdim: bool) -> Shape:
    """The shape after reducing ``dims``."""
    dims = set(dims)
    return tuple(1 if i in dims else n for i, n in enumerate(shape) if keepdim or i not in dims)


def broadcast(op: str, names: Sequence[str], metas: Sequence[Any]) -> Shape:
    """The common shape of operands; ``ShapeError`` names the first pair of sizes that do not fit."""
    shapes = [tuple(meta.shape) for meta in metas]
    ndim = max((len(shape) for shape in shapes), default=0)
    result = [1] * ndim
    origin = [0] * ndim
    for i, shape in enumerate(shapes):
        for k, n in enumerate(reversed(shape)):
            if n == 1 or result[-1 - k] == n:
                continue
            if result[-1 - k] != 1:
                other = origin[-1 - k]
                operands = ", ".join(f"{name} {describe(meta)}" for name, meta in zip(names, metas, strict=False))
                raise ShapeError(
                    f"{op}: The size of tensor {names[other]} ({result[-1 - k]}) must match the size of tensor {names[i]} ({n}) at non-singleton "
                    f"dimension {ndim - 1 - k} ({operands}). {_broadcast_fix(shapes[other], shape, names[i])}"
                )
            result[-1 - k] = n
            origin[-1 - k] = i
    return tuple(result)


def _broadcast_fix(first: Shape, second: Shape, name: str) -> str:
    if first == second[::-1] and len(second) == 2:
        return f"Transpose one of them: {name}.T has the shape {second[::-1]}"
    if first and second and len(first) == len(second) + 1 and first[: len(second)] == second:
        return f"To line up the leading sizes, use {name}.unsqueeze(-1)"
    return "Sizes are compared from the last dimension on and must be equal or 1; reshape, unsqueeze or transpose one of them"


# --- shape rules by kind ------------------------------------------------------------------------------------------


def elementwise_spec(op: str, names: Sequence[str], promotes: str, dtype_of: str = "") -> Callable[..., Meta]:
    """The rule of an elementwise op: broadcast shapes, promoted dtype; ``dtype_of='bool'`` for comparisons."""

    def spec(*inputs: Any, **attrs: Any) -> Meta:
        tensors = [(name, value) for name, value in zip(names, inputs, strict=False) if hasattr(value, "shape")]
        shape = broadcast(op, [name for name, _ in tensors], [value for _, value in tensors])
        return Meta(shape, computed_dtype(op, promotes, inputs) if not dtype_of else dtypes.as_dtype(dtype_of))

    return spec


ORDERED = frozenset((
    "lt", "le", "gt", "ge", "maximum", "minimum", "clamp", "relu", "sign", "floor_divide", "remainder", "fmod", "floor", "ceil", "trunc", "round", "atan2", "trunc_divide",
    "amax", "amin", "argmax", "argmin", "max_along", "min_along", "median_along", "median_of_all", "sort", "topk", "kthvalue", "cummax", "cummin", "mode"))
"""Ops that need numbers with an order; NumPy would order complex ones by their parts."""
NOT_FOR_COMPLEX = frozenset((
    "frac", "isneginf", "isposinf", "signbit", "deg2rad", "rad2deg", "lgamma", "digamma", "polygamma_of", "erf", "erfc", "erfinv", "logit", "i0", "copysign",
    "hypot", "logaddexp", "logaddexp2", "fmax", "fmin", "xlogy", "xlog1py", "heaviside", "clamp_min", "clamp_max", "special_i1", "special_i0e", "special_i1e",
    "special_ndtri", "special_log_ndtr", "special_entr", "special_erfcx", "special_zeta", "gelu", "mish", "softplus", "logsigmoid", "hardsigmoid", "hardswish",
    "hardtanh", "relu6", "softshrink", "hardshrink", "threshold", "leaky_relu", "elu", "selu", "celu", "squared_error", "huber_error", "sigmoid_cross_entropy",
    "softmax_cross_entropy", "soft_cross_entropy", "class_margins", "standardize", "standardize_rows", "standardize_channels", "scale_rows", "nansum",
    "histc", "negative_log_likelihood", "divergence", "gaussian_error", "embedding_hinge", "logistic_error", "cosine", "ranking",
    "chances_cross_entropy", "counting_error", "half_fourier", "whole_fourier", "cdist", "euclidean", "pair_distances", "pair_differences", "igamma", "igammac", "nextafter",
    "poisson", "special_airy_ai", "special_bessel_j0", "special_bessel_j1", "special_bessel_y0", "special_bessel_y1", "special_modified_bessel_k0", "special_modified_bessel_k1",
    "special_scaled_modified_bessel_k0", "special_scaled_modified_bessel_k1"))
"""Ops that PyTorch does not define for complex numbers; their rules are those of real functions."""
NOT_FOR_BOOLEANS = frozenset(("sub", "neg", "floor_divide", "remainder", "fmod", "abs", "ceil", "floor", "round", "trunc", "pow", "bitwise_left_shift", "bitwise_right_shift",
                               "gcd", "lcm"))
"""Elementwise ops that PyTorch refuses for booleans; NumPy would compute some of them in int8."""
ONLY_FLOATS = frozenset(("lerp", "frac", "hypot", "logaddexp", "logaddexp2", "nextafter", "euclidean", "pair_distances"))
"""Ops that PyTorch does not define for integers and booleans."""
REAL_ONLY = ORDERED | NOT_FOR_COMPLEX
ONLY_INTEGERS = frozenset(("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift", "gcd", "lcm"))


def refused_complex(op: str, spoken: str, dtype_name: str) -> UnsupportedDtypeError:
    """The error of an op of real numbers, which is called ``spoken`` in messages, that was given complex ones."""
    if op in ORDERED:
        return UnsupportedDtypeError(f"{spoken}: not implemented for {dtype_name}: complex numbers have no order. Compare .abs(), .real or .imag")
    return UnsupportedDtypeError(f"{spoken}: not implemented for {dtype_name}. Take .real, .imag or .abs() first")


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or getattr(value, "dtype", None) == dtypes.bool_


def computed_dtype(op: str, promotes: str, inputs: Sequence[Any]) -> dtype:
    """The dtype an op computes in, given how it promotes."""
    operands = [value for value in inputs if value is not None][1 if promotes == "where" else 0 :]
    if promotes == "equal":
        kinds = {dtypes.as_dtype(value.dtype).name for value in operands if hasattr(value, "dtype")}
        if len(kinds) > 1:
            names = " and ".join(sorted(kinds))
            raise DtypeError(f"{op}: expected operands of the same dtype, but got {names}. Convert one with .to(dtype), .float() or .double()")
    if not operands:
        raise (ValueError if op == "cat" else RuntimeError)(f"{op}: expected a non-empty list of Tensors")
    result = result_type_of(operands)
    if result.is_complex and op in REAL_ONLY:
        raise refused_complex(op, op.removeprefix("special_"), result.name)
    if op in ONLY_FLOATS and min([_category(dtypes.as_dtype(value.dtype)) for value in operands if hasattr(value, "dtype")]) < 2 and (op == "lerp" or _category(result) < 2):
        raise UnsupportedDtypeError(f"{op}: not implemented for {result.name}. Convert the operands with .float()")
    if _category(result) > 1 and op in ONLY_INTEGERS:
        raise UnsupportedDtypeError(f"{op}: not implemented for {result.name}: it is for integers and booleans. Convert with .int()")
    if op in NOT_FOR_BOOLEANS and (result is dtypes.bool_ or (op == "sub" and any(_is_bool(value) for value in operands))):
        raise UnsupportedDtypeError(f"{op}: not implemented for bool. Use ~ or logical_not to invert a mask, ^ to find where two differ, or convert with .int()")
    if promotes == "number" and result is dtypes.bool_:
        return dtypes.int64
    if promotes == "float" and _category(result) < 2:
        return dtypes.get_default_dtype()
    return result


def reduction_spec(op: str, dtype_rule: str = "same") -> Callable[..., Meta]:
    """The rule of a reduction over ``dim``: ``same``, ``int64 for integers`` (``sum``), ``float`` or a fixed dtype's name."""

    def spec(input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None, **attrs: Any) -> Meta:
        dims = wrap_dims(dim if dim != () else None, len(input.shape), op)
        own = dtypes.as_dtype(input.dtype)
        if dtype is not None:
            own = dtypes.as_dtype(dtype)
        elif dtype_rule == "sum":
            own = dtypes.int64 if _category(own) < 2 else own
        elif dtype_rule == "float" and _category(own) < 2:
            own = dtypes.get_default_dtype()
        elif dtype_rule not in ("same", "float", "sum"):
            own = dtypes.as_dtype(dtype_rule)
        return Meta(reduced(tuple(input.shape), dims, keepdim), own)

    return spec


def numel(shape: Shape) -> int:
    """Number of elements."""
    return math.prod(shape)


def infer_reshape(shape: Shape, target: Sequence[int], op: str = "reshape") -> Shape:
    """The target shape with its ``-1`` filled in; ``ShapeError`` in PyTorch's words where it cannot be."""
    target = tuple(int(n) for n in target)
    total = numel(shape)
    if target.count(-1) > 1:
        raise RuntimeError(f"{op}: only one dimension can be inferred, got the shape {target}")
    if any(n < -1 for n in target):
        raise RuntimeError(f"{op}: invalid shape dimension {min(target)}")
    if -1 in target:
        rest = math.prod(n for n in target if n != -1)
        if rest == 0 or total % rest:
            raise ShapeError(f"{op}: shape '{list(target)}' is invalid for input of size {total} (input {shape}). The sizes must multiply to {total}")
        return tuple(total // rest if n == -1 else n for n in target)
    if numel(target) != total:
        raise ShapeError(f"{op}: shape '{list(target)}' is invalid for input of size {total} (input {shape}). The sizes must multiply to {total}")
    return target


Known = TypeVar("Known", bound=Callable[..., Any])


def remembered(work_out: Known) -> Known:
    """A function of shapes and settings that works each of them out once; lists, which have no hash, every time."""
    known = lru_cache(maxsize=512, typed=True)(work_out)

    @wraps(work_out)
    def recall(*arguments: Any) -> Any:
        try:
            return known(*arguments)
        except TypeError:
            return work_out(*arguments)

    return recall  # type: ignore[return-value]
