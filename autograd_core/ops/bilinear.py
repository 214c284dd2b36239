"""The bilinear layer's function."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError, describe
from ..op import TORCH_NN, composite


@composite("bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor", places=TORCH_NN)
def bilinear(F: Any, input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """``input1 @ weight[k] @ input2 + bias[k]`` for each output k: (..., size 1), (..., size 2) to (..., outputs).

    ``weight`` is (outputs, size 1, size 2), ``bias`` (outputs,). Raises ``RuntimeError`` for shapes that do not fit.
    """
    operands = f"input1 {describe(input1)}, input2 {describe(input2)}, weight {describe(weight)}"
    if weight.ndim != 3 or not input1.ndim or input1.ndim != input2.ndim or tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise ShapeError(f"bilinear: expected inputs of the same shape but for the last dimension, and a weight (outputs, size 1, size 2), but got {operands}")
    outputs, first, second = weight.shape
    if input1.shape[-1] != first or input2.shape[-1] != second:
        raise ShapeError(f"bilinear: input1's last size must be {first} and input2's {second}, those of the weight, but got {operands}")
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise ShapeError(f"bilinear: expected bias with {outputs} elements, but got bias {describe(bias)} ({operands})")
    lead = tuple(input1.shape[:-1])
    rows = F.reshape(F.matmul(input1, F.reshape(F.permute(weight, dims=(1, 0, 2)), shape=(first, outputs * second))), shape=(*lead, outputs, second))
    out = F.squeeze(F.matmul(rows, F.unsqueeze(input2, dim=-1)), dim=-1)
    return out if bias is None else out + bias
