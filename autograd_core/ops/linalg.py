"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import S, op
from ..spec import Meta, broadcast, computed_dtype


def _matmul_spec(input: Any, other: Any) -> Meta:
    a, b = tuple(input.shape), tuple(other.shape)
    operands = f"input {describe(input)}, other {describe(other)}"
    if not a or not b:
        raise ShapeError(f"matmul: both arguments to matmul need to be at least 1D ({operands}). Use * for numbers")
    dtype = computed_dtype("matmul", "equal", (input, other))
    inner = b[-2] if len(b) > 1 else b[0]
    if a[-1] != inner:
        fix = "other.T has the shape " + str(b[::-1]) if len(b) == 2 and b[-1] == a[-1] else "The last size of input must equal the second to last of other"
        raise ShapeError(f"matmul: mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, a))} and {'x'.join(map(str, b))}; {operands}). {fix}")
    batch = broadcast("matmul", ("input", "other"), (Meta(a[:-2], as_dtype(input.dtype)), Meta(b[:-2], as_dtype(other.dtype))))
    return Meta(batch + (a[-2:-1] if len(a) > 1 else ()) + (b[-1:] if len(b) > 1 else ()), dtype)


@op("matmul(input: Tensor, other: Tensor) -> Tensor", label="@", places=("torch", "Tensor"), promotes="equal", broadcasts=True, spec=_matmul_spec, samples=[
    S((2, 3), (3, 4)), S((3,), (3,)), S((3,), (3, 4)), S((2, 3), (3,)), S((5, 2, 3), (3, 4)), S((2, 3), (5, 3, 4)), S((4, 1, 2, 3), (5, 3, 2)),
    S((5, 2, 3), (3,)), S((3,), (5, 3, 2)), S((0, 3), (3, 2)), S((2, 0), (0, 3)),
    S((2, 3), (4, 5), error=RuntimeError, match="cannot be multiplied"), S((), (3,), error=RuntimeError, match="at least 1D")])
def matmul(xp: Any, input: Any, other: Any, *, out: Any = None) -> Any:
    """Matrix product over the last two dimensions; leading ones broadcast. One-dimensional operands are vectors."""
    return xp.matmul(input, other, out=out)


@matmul.vjp("input")
def _(F: Any, g: Any, other: Any, input_shape: Any) -> Any:
    if other.ndim == 1:
        return g * other if g.ndim == 0 else F.unsqueeze(g, dim=-1) * other
    if len(input_shape) == 1:
        return F.matmul(other, F.unsqueeze(g, dim=-1)).squeeze(-1)
    return F.matmul(g, F.transpose(other, dim0=-1, dim1=-2))


@matmul.vjp("other")
def _(F: Any, g: Any, input: Any, other_shape: Any) -> Any:
    if input.ndim == 1:
        return g * input if g.ndim == 0 else F.unsqueeze(input, dim=-1) * F.unsqueeze(g, dim=-2)
    if len(other_shape) == 1:
        return F.matmul(F.transpose(input, dim0=-1, dim1=-2), F.unsqueeze(g, dim=-1)).squeeze(-1)
    return F.matmul(F.transpose(input, dim0=-1, dim1=-2), g)
