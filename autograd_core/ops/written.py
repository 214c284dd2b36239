"""In-place forms of functions that are made of several ops: the result is computed, then copied into the tensor."""

from __future__ import annotations

from typing import Any

from ..op import composite
from ..spec import numel


@composite("addmm_(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", places=("Tensor",))
def addmm_(F: Any, input: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """``addmm``, written into the tensor itself."""
    return input.copy_(F.addmm(input, mat1, mat2, beta=beta, alpha=alpha))


@composite("addmv_(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", places=("Tensor",))
def addmv_(F: Any, input: Any, mat: Any, vec: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """``addmv``, written into the tensor itself."""
    return input.copy_(F.addmv(input, mat, vec, beta=beta, alpha=alpha))


@composite("baddbmm_(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", places=("Tensor",))
def baddbmm_(F: Any, input: Any, batch1: Any, batch2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """``baddbmm``, written into the tensor itself."""
    return input.copy_(F.baddbmm(input, batch1, batch2, beta=beta, alpha=alpha))


@composite("addbmm_(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", places=("Tensor",))
def addbmm_(F: Any, input: Any, batch1: Any, batch2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """``addbmm``, written into the tensor itself."""
    return input.copy_(F.addbmm(input, batch1, batch2, beta=beta, alpha=alpha))


@composite("addr_(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor", places=("Tensor",))
def addr_(F: Any, input: Any, vec1: Any, vec2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    """``addr``, written into the tensor itself."""
    return input.copy_(F.addr(input, vec1, vec2, beta=beta, alpha=alpha))


@composite("float_power_(input: Tensor, exponent: TensorLike) -> Tensor", places=("Tensor",))
def float_power_(F: Any, input: Any, exponent: Any) -> Any:
    """``float_power``, written into the tensor itself, which must be of float64 or complex128."""
    if input.dtype not in ("float64", "complex128"):
        raise RuntimeError(f"float_power_: the base given to float_power_ has dtype {input.dtype} but the operation's result requires dtype float64. Use float_power")
    return input.copy_(F.float_power(input, exponent))


@composite("fill_diagonal_(input: Tensor, fill_value: float, wrap: bool = False) -> Tensor", places=("Tensor",))
def fill_diagonal_(F: Any, input: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Write one number on the main diagonal; with ``wrap``, of a tall matrix, again below each gap of one row.

    A tensor of more than two dimensions must have equal sizes. Raises ``RuntimeError`` for fewer than two dimensions.

    >>> import autograd_core as ag
    >>> ag.zeros(3, 2).fill_diagonal_(1.0).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    shape = tuple(input.shape)
    if len(shape) < 2:
        raise RuntimeError(f"fill_diagonal_: dimensions must larger than 1, got the shape {shape}")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(f"fill_diagonal_: all dimensions of input must be of equal length, got the shape {shape}")
    if len(shape) > 2:
        diagonal = input
        for _ in range(len(shape) - 1):
            diagonal = F.diagonal(diagonal, dim1=0, dim2=diagonal.ndim - 1)
        diagonal.fill_(fill_value)
        return input
    rows, columns = shape
    for start in range(0, rows if wrap and numel(shape) else min(rows, 1), columns + 1):
        F.diagonal(F.slice_view(input, key=(slice(start, rows, 1),))).fill_(fill_value)
    return input
