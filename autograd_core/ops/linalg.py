"""Products of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import S, composite, op
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


# --- the linear layer ---------------------------------------------------------------------------------------------


def _linear_spec(input: Any, weight: Any, bias: Any) -> Meta:
    a, w = tuple(input.shape), tuple(weight.shape)
    operands = f"input {describe(input)}, weight {describe(weight)}" + ("" if bias is None else f", bias {describe(bias)}")
    if not a or len(w) not in {1, 2}:
        raise ShapeError(f"linear: input needs a dimension and weight must be (out_features, in_features) ({operands})")
    dtype = computed_dtype("linear", "equal", (input, weight, bias))
    if a[-1] != w[-1]:
        fix = "Flatten the input after its first dimension" if len(a) > 2 and math.prod(a[1:]) == w[-1] else "The last size of input must be in_features"
        raise ShapeError(f"linear: mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, (math.prod(a[:-1]), a[-1])))} and {'x'.join(map(str, w[::-1]))}; {operands}). {fix}")
    if bias is not None and tuple(bias.shape) not in {w[:-1], (1,), ()}:
        raise ShapeError(f"linear: the bias must have the shape {w[:-1]} ({operands})")
    return Meta(a[:-1] + w[:-1], dtype)


@op("linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor", places=("nn.functional",), promotes="equal", spec=_linear_spec, samples=[
    S((4, 3), (2, 3), (2,)), S((4, 3), (2, 3), None), S((3,), (2, 3), (2,)), S((2, 4, 3), (5, 3), (5,)), S((2, 4, 3), (5, 3), None), S((0, 3), (2, 3), (2,)),
    S((4, 3), (3,), None), S((4, 3), (2, 3), (1,)), S((4, 0), (2, 0), (2,)),
    S((4, 3), (3, 2), (2,), error=RuntimeError, match="cannot be multiplied"), S((4, 3), (2, 3), (4,), error=RuntimeError, match="bias")])
def linear(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    """``input @ weight.T + bias``: the last dimension of ``input`` goes from in_features to out_features; ``weight`` is (out, in).

    >>> import autograd_core as ag, nn
    >>> nn.functional.linear(ag.ones(1, 2), ag.tensor([[1.0, 2.0], [3.0, 4.0]]), ag.tensor([0.5, 0.0])).tolist()
    [[3.5, 7.0]]
    """
    if input.ndim > 2:
        result = xp.matmul(input.reshape(-1, input.shape[-1]), weight.T).reshape(input.shape[:-1] + weight.shape[:-1])
    else:
        result = xp.matmul(input, weight.T)
    if bias is None:
        return result
    if bias.ndim and (bias.shape != weight.shape[:-1] and bias.shape != (1,)):
        raise ValueError("bias")
    if not result.ndim:
        return result + bias
    result += bias
    return result


@linear.vjp("input")
def _(F: Any, g: Any, weight: Any, input_shape: Any) -> Any:
    if weight.ndim == 1:
        return F.unsqueeze(g, dim=-1) * weight
    return F.matmul(g, weight) if g.ndim <= 2 else F.reshape(F.matmul(F.reshape(g, shape=(-1, weight.shape[0])), weight), shape=input_shape)


@linear.vjp("weight")
def _(F: Any, g: Any, input: Any, weight_shape: Any) -> Any:
    size = weight_shape[-1]
    rows = input if input.ndim == 2 else F.reshape(input, shape=(math.prod(input.shape[:-1]), size))
    if len(weight_shape) == 1:
        return F.matmul(F.reshape(g, shape=(-1,)), rows)
    g = g if g.ndim == 2 else F.reshape(g, shape=(rows.shape[0], weight_shape[0]))
    return F.matmul(F.transpose(g, dim0=0, dim1=1), rows)


@linear.vjp("bias")
def _(F: Any, g: Any, bias_shape: Any) -> Any:
    return F.sum_to(g, shape=bias_shape)
