"""Arithmetic with three operands: interpolation, and a product or quotient added."""

from __future__ import annotations

from typing import Any

from ..errors import UnsupportedDtypeError
from ..op import S, elementwise
from ..spec import Meta, broadcast, computed_dtype


def _same_dtype(op: str, input: Any, end: Any, weight: Any) -> Meta:
    shape = broadcast(op, ("input", "end", "weight"), [x for x in (input, end, weight) if hasattr(x, "shape")])
    dtype = computed_dtype(op, "equal", (input, end, weight))
    if not (dtype.is_floating_point or dtype.is_complex):
        raise UnsupportedDtypeError(f"{op}: not implemented for {dtype.name}. Convert the operands with .float()")
    return Meta(shape, dtype)


def _lerp(xp: Any, input: Any, end: Any, weight: Any) -> Any:
    if getattr(input, "dtype", None) is not None and input.dtype.kind not in "fc":
        raise TypeError(input.dtype)
    span = end - input
    small = abs(weight) < 0.5
    if small.__class__ is bool:
        return input + weight * span if small else end - span * (1 - weight)
    return xp.where(small, input + weight * span, end - span * (1 - weight))  # exact at both ends


lerp = elementwise("lerp", "input end weight", kernel=_lerp, promotes="equal", inplace=True, spec=lambda input, end, weight: _same_dtype("lerp", input, end, weight),
                   samples=[S((3, 4), (3, 4), 0.3), S((3, 4), (4,), 0.75), S((3, 4), (3, 4), (3, 4)), S((3, 1), (4,), ()), S((), (), ()), S((0, 2), (0, 2), 0.5),
                            S((3, 4), (3, 4), 1.5), S((2, 3), (4,), 0.5, error=RuntimeError, match="must match")],
                   vjp={"input": "g * (1 - weight)", "end": "g * weight", "weight": "g * (end - input)"},
                   doc="Linear interpolation, ``input + weight * (end - input)``, exact where ``weight`` is 0 or 1. The operands must have one dtype.")


def _integers(*arrays: Any) -> bool:
    return all(x.__class__ in (int, bool) or getattr(getattr(x, "dtype", None), "kind", "f") in "biu" for x in arrays)


def _addcmul(xp: Any, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    if value.__class__ is float and _integers(input, tensor1, tensor2):
        raise RuntimeError(f"addcmul: For integral input tensors, argument value must not be a floating point number, got {value}. Convert one with .float()")
    product = tensor1 * tensor2
    return input + (product if value.__class__ is int and value == 1 else product * value)


def _addcdiv(xp: Any, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    if _integers(tensor1, tensor2):
        raise RuntimeError("addcdiv: Integer division with addcdiv is no longer supported. Convert one of tensor1, tensor2 with .float(), "
                           "or write input + value * div(tensor1, tensor2, rounding_mode='trunc')")
    quotient = tensor1 / tensor2
    return input + (quotient if value.__class__ is int and value == 1 else quotient * value)


_THREE = [S((3, 4), (3, 4), (3, 4)), S((3, 4), (4,), (3, 1), value=0.5), S((), (), ()), S((0, 2), (2,), (0, 2)), S((4,), (3, 4), (3, 4), value=-2),
          S((2, 3), (4,), (3,), error=RuntimeError, match="must match")]
addcmul = elementwise("addcmul", "input tensor1 tensor2", kernel=_addcmul, inplace=True, samples=_THREE,
                      signature="addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor",
                      vjp={"input": "g", "tensor1": "g * (tensor2 * value)", "tensor2": "g * (tensor1 * value)"}, doc="``input + value * tensor1 * tensor2``.")
addcdiv = elementwise("addcdiv", "input tensor1 tensor2", kernel=_addcdiv, inplace=True, samples=_THREE, domain=(0.5, 2.0),
                      signature="addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor",
                      vjp={"input": "g", "tensor1": "masked(g, g * value / tensor2)", "tensor2": "masked(g, -g * value * (tensor1 / tensor2) / tensor2)"},
                      doc="``input + value * tensor1 / tensor2``; at least one of the two must be a floating-point tensor.")
