"""Products of vectors and matrices."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..kernels.numbers import ones
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


@op("matmul(input: Tensor, other: Tensor) -> Tensor", label="@", places=("torch", "Tensor", "linalg"), promotes="equal", broadcasts=True, spec=_matmul_spec,
    extra={"direct": "a_input.dot(a_other) if 0 < a_input.ndim < 3 and 0 < a_other.ndim < 3 else _k_matmul[a_input.__class__](a_input, a_other)"}, samples=[
    S((2, 3), (3, 4)), S((3,), (3,)), S((3,), (3, 4)), S((2, 3), (3,)), S((5, 2, 3), (3, 4)), S((2, 3), (5, 3, 4)), S((4, 1, 2, 3), (5, 3, 2)),
    S((5, 2, 3), (3,)), S((3,), (5, 3, 2)), S((0, 3), (3, 2)), S((2, 0), (0, 3)),
    S((2, 3), (4, 5), error=RuntimeError, match="cannot be multiplied"), S((), (3,), error=RuntimeError, match="at least 1D")])
def matmul(xp: Any, input: Any, other: Any, *, out: Any = None) -> Any:
    """Matrix product over the last two dimensions; leading ones broadcast. One-dimensional operands are vectors."""
    if input.ndim > 2 and input.shape[-1] == 1 and other.ndim > 2 and other.shape[-2] == 1:
        return xp.multiply(input, other, out=out)  # many outer products, which libraries compute one by one
    if out is None and 0 < input.ndim < 3 and 0 < other.ndim < 3:
        return input.dot(other)  # matmul's numbers, with half of a call
    return xp.matmul(input, other, out=out)


@matmul.vjp("input")
def _(F: Any, g: Any, other: Any, input_shape: Any) -> Any:
    if F.raw and len(input_shape) <= 2 == other.ndim:
        return g.dot(other.T)  # as at the end, straight on arrays: this is one of the hottest rules
    if other.ndim == 1:
        return g * other if g.ndim == 0 else F.unsqueeze(g, dim=-1) * other
    if len(input_shape) == 1:
        return F.matmul(other, F.unsqueeze(g, dim=-1)).squeeze(-1)
    return F.matmul(g, F.transpose(other, dim0=-1, dim1=-2))


@matmul.vjp("other")
def _(F: Any, g: Any, input: Any, other_shape: Any) -> Any:
    if F.raw and input.ndim == 2 >= len(other_shape):
        return input.T.dot(g)
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
        raise ShapeError(f"linear: mat1 and mat2 shapes cannot be multiplied ({math.prod(a[:-1])}x{a[-1]} and {'x'.join(map(str, w[::-1]))}; {operands}). {fix}")
    if bias is not None and tuple(bias.shape) not in {w[:-1], (1,), ()}:
        raise ShapeError(f"linear: the bias must have the shape {w[:-1]} ({operands})")
    return Meta(a[:-1] + w[:-1], dtype)


@op("linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor", places=("nn.functional",), promotes="equal", spec=_linear_spec, samples=[
    S((4, 3), (2, 3), (2,)), S((4, 3), (2, 3), None), S((3,), (2, 3), (2,)), S((2, 4, 3), (5, 3), (5,)), S((2, 4, 3), (5, 3), None), S((0, 3), (2, 3), (2,)),
    S((4, 3), (3,), None), S((4, 3), (2, 3), (1,)), S((4, 0), (2, 0), (2,)), S((3, 4, 0), (2, 0), None), S((2, 4, 3), (0, 3), None),
    S((4, 3), (3, 2), (2,), error=RuntimeError, match="cannot be multiplied"), S((4, 3), (2, 3), (4,), error=RuntimeError, match="bias")])
def linear(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    """``input @ weight.T + bias``: the last dimension of ``input`` goes from in_features to out_features; ``weight`` is (out, in).

    >>> import autograd_core as ag, nn
    >>> nn.functional.linear(ag.ones(1, 2), ag.tensor([[1.0, 2.0], [3.0, 4.0]]), ag.tensor([0.5, 0.0])).tolist()
    [[3.5, 7.0]]
    """
    if input.ndim > 2:
        result = xp.matmul(input.reshape(math.prod(input.shape[:-1]), input.shape[-1]), weight.T).reshape(input.shape[:-1] + weight.shape[:-1])
    else:
        result = input.dot(weight.T)  # matmul's numbers, with less of a call
    if bias is None:
        return result
    size = bias.size
    if bias.ndim > 1 or (size != 1 and (weight.ndim == 1 or size != len(weight))):
        raise ValueError("bias")
    if not result.ndim:
        return result + bias
    result += bias
    return result


@linear.vjp("input")
def _(F: Any, g: Any, weight: Any, input_shape: Any) -> Any:
    if weight.ndim == 1:
        return F.unsqueeze(g, dim=-1) * weight
    return F.matmul(g, weight) if g.ndim <= 2 else F.reshape(F.matmul(F.reshape(g, shape=(math.prod(input_shape[:-1]), weight.shape[0])), weight), shape=input_shape)


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
    return F.sum(g, dim=0) if g.ndim == 2 and bias_shape == g.shape[1:] else F.sum_to(g, shape=bias_shape)


def _column_sums(F: Any, g: Any) -> Any:
    """``g.sum(0)``; of few rows on the CPU by a product with ones, which costs a third of the call."""
    if F.backend.name != "cpu" or len(g) > _FEW or g.dtype.char not in "fd":
        return g.sum(0)
    return F.backend.xp.dot(ones(len(g), g.dtype), g)


_FEW = 1 << 10
"""Rows that are summed so."""


@linear.fused_vjp()
def _(F: Any, g: Any, input: Any, weight: Any, input_shape: Any, weight_shape: Any, bias_shape: Any, needs: Any) -> Any:
    # The rules above for matrices, straight on arrays: this is the hottest rule of all.
    if len(input_shape) == 2 == len(weight_shape):
        return (g.dot(weight) if needs[0] else None, g.T.dot(input) if needs[1] else None,
                None if not needs[2] else _column_sums(F, g) if len(bias_shape) == 1 and bias_shape[0] == weight_shape[0] else F.sum_to(g, shape=bias_shape))
    rules = linear.rules
    return (rules["input"].function(F, g, weight, input_shape) if needs[0] else None, rules["weight"].function(F, g, input, weight_shape) if needs[1] else None,
            F.sum_to(g, shape=bias_shape) if needs[2] else None)


# --- products with fixed numbers of dimensions --------------------------------------------------------------------


def expect(name: str, what: str, dims: tuple[int, ...], **operands: Any) -> None:
    """Raise unless each operand has its number of dimensions."""
    if tuple(operand.ndim for operand in operands.values()) != dims:
        raise ShapeError(f"{name}: {what} expected ({', '.join(f'{key} {describe(operand)}' for key, operand in operands.items())})")


@composite("mm(input: Tensor, mat2: Tensor) -> Tensor")
def mm(F: Any, input: Any, mat2: Any) -> Any:
    """The product of two matrices; does not broadcast."""
    if input.ndim != 2 or mat2.ndim != 2:
        expect("mm", "two matrices (2D tensors)", (2, 2), input=input, mat2=mat2)
    return F.matmul(input, mat2)


@composite("bmm(input: Tensor, mat2: Tensor) -> Tensor")
def bmm(F: Any, input: Any, mat2: Any) -> Any:
    """The products of two batches of matrices, (b, n, m) and (b, m, p); does not broadcast."""
    if input.ndim != 3 or mat2.ndim != 3:
        expect("bmm", "two 3D tensors", (3, 3), input=input, mat2=mat2)
    if len(input) != len(mat2):
        raise ShapeError(f"bmm: Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, {input.shape[2]}] but got: "
                         f"[{mat2.shape[0]}, {mat2.shape[1]}] (input {describe(input)}, mat2 {describe(mat2)}). matmul broadcasts batches")
    return F.matmul(input, mat2)


@composite("mv(input: Tensor, vec: Tensor) -> Tensor")
def mv(F: Any, input: Any, vec: Any) -> Any:
    """The product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        expect("mv", "a matrix and a vector", (2, 1), input=input, vec=vec)
    return F.matmul(input, vec)


# --- products added to something ----------------------------------------------------------------------------------


def _scaled(F: Any, name: str, input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    """``beta * input + alpha * product``, where ``input`` broadcasts to the product's shape."""
    shape, given = product.shape, input.shape
    lead = len(shape) - len(given)
    if given != shape and (lead < 0 or any(own not in (1, n) for own, n in zip(given, shape[lead:], strict=True))):
        raise ShapeError(f"{name}: The expanded size of the tensor must match the existing size: input {describe(input)} must broadcast to the product's shape {shape}")
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product  # the input then counts nothing, not even its NaNs
    return product + (input if beta == 1 else input * beta)


@composite("addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", inplace=True)
def addmm(F: Any, input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat1 @ mat2)``; the input broadcasts to the product's shape."""
    if mat1.ndim != 2 or mat2.ndim != 2:
        expect("addmm", "two matrices", (2, 2), mat1=mat1, mat2=mat2)
    return _scaled(F, "addmm", input, F.matmul(mat1, mat2), beta, alpha)


@composite("baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", inplace=True)
def baddbmm(F: Any, input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (batch1 @ batch2)`` for batches of matrices; the input broadcasts to the product's shape."""
    return _scaled(F, "baddbmm", input, F.bmm(batch1, batch2), beta, alpha)


@composite("addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", inplace=True)
def addbmm(F: Any, input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * sum(batch1 @ batch2)``, the products of a batch of matrices added up."""
    return _scaled(F, "addbmm", input, F.sum(F.bmm(batch1, batch2), dim=0), beta, alpha)


@composite("addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", inplace=True)
def addmv(F: Any, input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * (mat @ vec)``."""
    return _scaled(F, "addmv", input, F.mv(mat, vec), beta, alpha)


@composite("addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", inplace=True)
def addr(F: Any, input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * input + alpha * outer(vec1, vec2)``."""
    expect("addr", "1-D arguments", (1, 1), vec1=vec1, vec2=vec2)
    return _scaled(F, "addr", input, F.outer(vec1, vec2), beta, alpha)


# --- products of several matrices ---------------------------------------------------------------------------------


def _best_split(sizes: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each run of matrices so that the whole product takes the fewest multiplications; matrix i is sizes[i] by sizes[i + 1]."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    split: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], split[i, j] = min((cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j))
    return split


def _chained(F: Any, name: str, matrices: list[Any]) -> Any:
    for i, (first, second) in enumerate(pairwise(matrices)):
        if first.shape[-1] != second.shape[0]:
            raise ShapeError(f"{name}: tensors {i} and {i + 1} with shapes {list(first.shape)} and {list(second.shape)} cannot be multiplied")
    if len(matrices) == 1:
        return F.clone(matrices[0])
    if len(matrices) == 2:
        return F.matmul(matrices[0], matrices[1])
    split = _best_split([matrices[0].shape[0], *(matrix.shape[1] for matrix in matrices)])

    def product(i: int, j: int) -> Any:
        return matrices[i] if i == j else F.matmul(product(i, split[i, j]), product(split[i, j] + 1, j))

    return product(0, len(matrices) - 1)


@composite("linalg_multi_dot(tensors: Sequence[Tensor]) -> Tensor", places=("linalg",))
def linalg_multi_dot(F: Any, tensors: Any) -> Any:
    """The product of two or more matrices, in the order of multiplication that takes the fewest operations; the first and the last may be vectors.

    >>> import autograd_core as ag
    >>> ag.linalg.multi_dot([ag.ones(2, 9), ag.ones(9, 9), ag.ones(9)]).tolist()
    [81.0, 81.0]
    """
    matrices = list(tensors)
    if len(matrices) < 2:
        raise RuntimeError(f"linalg.multi_dot: expected at least 2 tensors but got {len(matrices)}")
    for i, each in enumerate(matrices):
        outside = i in (0, len(matrices) - 1)
        if each.ndim != 2 and not (outside and each.ndim == 1):
            raise ShapeError(f"linalg.multi_dot: tensor {i} must be {'1D or 2D' if outside else '2D'} but got {each.ndim}D ({describe(each)})")
    row, column = matrices[0].ndim == 1, matrices[-1].ndim == 1
    if row:
        matrices[0] = F.unsqueeze(matrices[0], dim=0)
    if column:
        matrices[-1] = F.unsqueeze(matrices[-1], dim=1)
    result = _chained(F, "linalg.multi_dot", matrices)
    if row:
        result = F.squeeze(result, dim=0)
    return F.squeeze(result, dim=-1) if column else result


@composite("chain_matmul(*matrices: Tensor) -> Tensor", places=("torch",))
def chain_matmul(F: Any, *matrices: Any) -> Any:
    """The product of the matrices, in the order of multiplication that takes the fewest operations; see ``linalg.multi_dot``."""
    if not matrices:
        raise RuntimeError("chain_matmul: Expected one or more matrices")
    for each in matrices:
        expect("chain_matmul", "matrices (2D tensors)", (2,), tensor=each)
    return _chained(F, "chain_matmul", list(matrices))
