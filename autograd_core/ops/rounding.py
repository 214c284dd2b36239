"""Rounding, and division with a remainder."""

from __future__ import annotations

import math
from typing import Any

from ..op import S, composite, elementwise


def _round(xp: Any, input: Any, *, decimals: int = 0) -> Any:
    return xp.round(input, decimals)


floor = elementwise("floor", vjp="g * 0", scalar=lambda x: float(math.floor(x)), inplace=True, label="⌊·⌋",
                    doc="The largest integer not above ``input``; the gradient is 0.")
ceil = elementwise("ceil", vjp="g * 0", scalar=lambda x: float(math.ceil(x)), inplace=True, label="⌈·⌉",
                   doc="The smallest integer not below ``input``; the gradient is 0.")
trunc = elementwise("trunc", vjp="g * 0", scalar=lambda x: float(math.trunc(x)), inplace=True, aliases=("fix",),
                    doc="``input`` without its fractional part; the gradient is 0.")
round = elementwise("round", kernel=_round, signature="round(input: Tensor, *, decimals: int = 0) -> Tensor", vjp="g * 0", inplace=True,
                    samples=[S((3, 4), decimals=1)], doc="``input`` rounded to ``decimals`` places, halves to the even neighbour; the gradient is 0.")
remainder = elementwise("remainder", "input other", label="mod", inplace=True, domain=(0.6, 1.9),
                        vjp={"input": "g", "other": "masked(g, -g * floor(input / other))"},
                        doc="The remainder of ``input / other`` with the sign of ``other``, as Python's ``%``.")
fmod = elementwise("fmod", "input other", inplace=True, domain=(0.6, 1.9), vjp={"input": "g", "other": "masked(g, -g * trunc(input / other))"},
                   doc="The remainder of ``input / other`` with the sign of ``input``, as C's ``fmod``.")
floor_divide = elementwise("floor_divide", "input other", label="//", inplace=True, domain=(0.6, 1.9), vjp={"input": "g * 0", "other": "g * 0"},
                           doc="``input / other`` rounded down, in the operands' dtype; the gradient is 0.")


def _trunc_divide(xp: Any, input: Any, other: Any) -> Any:
    quotient = xp.trunc(xp.true_divide(input, other))
    return quotient.astype(xp.result_type(input, other)) if quotient.dtype.kind == "f" and getattr(input, "dtype", quotient.dtype).kind in "biu" else quotient


trunc_divide = elementwise("trunc_divide", "input other", kernel=_trunc_divide, places=(), domain=(0.6, 1.9), vjp={"input": "g * 0", "other": "g * 0"},
                           doc="``input / other`` rounded towards zero, in the operands' dtype; the gradient is 0.")


@composite("div_rounded(input: Tensor, other: TensorLike, rounding_mode: str) -> Tensor", places=())
def div_rounded(F: Any, input: Any, other: Any, rounding_mode: str) -> Any:
    """``div`` with a ``rounding_mode``."""
    if rounding_mode == "floor":
        return F.floor_divide(input, other)
    if rounding_mode == "trunc":
        return F.trunc_divide(input, other)
    raise RuntimeError(f"div: expected rounding_mode to be one of None, 'trunc', or 'floor', but found {rounding_mode!r}")
