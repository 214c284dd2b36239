"""Choosing between values: the larger, the smaller, the one a condition selects."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..kernels.choose import choose
from ..kernels.numbers import ZERO
from ..op import TORCH_TENSOR, Arg, S, bools, elementwise, span

maximum = elementwise("maximum", "input other", label="max", doc="The larger of each pair; ties share the gradient.",
                      vjp={"input": "where(input < other, 0, where(input == other, g * 0.5, g))",
                           "other": "where(other < input, 0, where(input == other, g * 0.5, g))"})
minimum = elementwise("minimum", "input other", label="min", doc="The smaller of each pair; ties share the gradient.",
                      vjp={"input": "where(input > other, 0, where(input == other, g * 0.5, g))",
                           "other": "where(other > input, 0, where(input == other, g * 0.5, g))"})


def _clamp(xp: Any, input: Any, min: Any, max: Any) -> Any:
    if min is not None and max is not None:
        return input.clip(min, max) if input.__class__ is xp.ndarray else xp.clip(input, min, max)  # the function takes a microsecond more than the method
    if min is not None:
        return xp.maximum(input, min)
    if max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    return xp.minimum(input, max)


def _inside(F: Any, input: Any, min: Any, max: Any) -> Any:
    low = True if min is None else input >= min
    high = True if max is None else input <= max
    return low & high


clamp = elementwise("clamp", "input min max", kernel=_clamp, inplace=True, aliases=("clip",), places=TORCH_TENSOR,
                    signature="clamp(input: Tensor, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor",
                    samples=[S((3, 4), -0.5, 0.5), S((3, 4), None, 0.5), S((3, 4), -0.5, None), S((3, 4), (4,), span(2.0, 3.0, 3, 1)), S((), -0.5, 0.5), S((0, 2), -0.5, 0.5)],
                    vjp={"input": lambda F, g, input, min, max: F.where(_inside(F, input, min, max), g, 0),
                         "min": lambda F, g, input, min, max: F.where((input < min) & (True if max is None else min < max), g, 0),
                         "max": lambda F, g, input, min, max: F.where((input > max) | (False if min is None else max < min), g, 0)},
                    doc="``input`` limited to the range from ``min`` to ``max``; either may be left out.")


clamp_min = elementwise("clamp_min", "input min", ufunc="maximum", inplace=True, vjp={"input": "where(input >= min, g, 0)", "min": "where(input < min, g, 0)"},
                        doc="``input``, but at least ``min``; at a tie the gradient is ``input``'s.")
clamp_max = elementwise("clamp_max", "input max", ufunc="minimum", inplace=True, vjp={"input": "where(input <= max, g, 0)", "max": "where(input > max, g, 0)"},
                        doc="``input``, but at most ``max``; at a tie the gradient is ``input``'s.")
fmax = elementwise("fmax", "input other", vjp={"input": "where((input >= other) | isnan(other), g, 0)", "other": "where((input >= other) | isnan(other), 0, g)"},
                   doc="The larger of each pair, and the number where one is NaN; at a tie the gradient is ``input``'s.")
fmin = elementwise("fmin", "input other", vjp={"input": "where((input <= other) | isnan(other), g, 0)", "other": "where((input <= other) | isnan(other), 0, g)"},
                   doc="The smaller of each pair, and the number where one is NaN; at a tie the gradient is ``input``'s.")


def _heaviside(xp: Any, input: Any, values: Any) -> Any:
    (zero,) = ZERO[input.__class__, input.dtype]
    return choose(xp, input == zero, values, xp.asarray(input > zero).astype(getattr(values, "dtype", None) or input.dtype))


def _nan_to_num(xp: Any, input: Any, *, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    if backend_of(input).name == "cpu" and xp.count_nonzero(xp.isfinite(input)) == input.size:
        return input.copy()
    return xp.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


LARGEST_NARROW = (2.0 - 2.0**-7) * 2.0**127
"""The largest finite number of bfloat16."""
heaviside = elementwise("heaviside", "input values", kernel=_heaviside, inplace=True, promotes="equal", takes="none",
                        signature="heaviside(input: Tensor, values: Tensor) -> Tensor",
                        samples=[S((3, 4), (3, 4)), S((), ()), S((0, 2), (0, 2)), S((3, 1), (4,)), S((1, 4), (3, 4)), S((2, 3), ()),
                        S((2, 3), (4,), error=RuntimeError, match="must match"),
                                 S(Arg(values=[-1.0, 0.0, 2.0]), Arg(values=[0.5, 0.25, 0.75]))],
                        vjp={"input": "fill(g, 0)", "values": "where(input == 0, g, 0)"}, doc="0 where ``input`` is negative, ``values`` where it is 0, 1 where it is positive.")
nan_to_num = elementwise("nan_to_num", kernel=_nan_to_num, inplace=True,
                         signature="nan_to_num(input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Tensor",
                         samples=[S(Arg(values=[1.5, float("nan"), -2.0])), S(Arg(values=[1.5, float("nan"), float("inf"), float("-inf")]), nan=2.0, posinf=3.0, neginf=-1.0)],
                         vjp="where(isfinite(input), g, 0)", extra={"narrow": {"posinf": LARGEST_NARROW, "neginf": -LARGEST_NARROW}},
                         doc="``input`` with NaN replaced by ``nan`` (0 by default) and the infinities by ``posinf`` and ``neginf`` (the dtype's largest and smallest "
                             "numbers); the gradient there is 0.")


where = elementwise("where", "condition input other", kernel=choose,
                       promotes="where", places=("torch",), signature="where(condition: Tensor, input: TensorLike | None = None, other: TensorLike | None = None) -> Any",
                       extra={"line": "if input is None and other is None:\n    return nonzero(condition, as_tuple=True)"},
                       samples=[S(bools(3, 4), (3, 4), (3, 4)), S(bools(3, 1), (4,), ()), S(bools(), (), ()), S(bools(0, 2), (0, 2), (1, 2)), S(bools(60, 40), (60, 40), (60, 40)),
                                S(bools(60, 40), (60, 40), 0), S(bools(60, 40), 0, (60, 40)), S(bools(60, 40), (40,), (60, 1)),
                                S(bools(3), (3,), (4,), error=RuntimeError, match="must match")],
                       vjp={"input": "where(condition, g, 0)", "other": "where(condition, 0, g)"},
                       doc="``input`` where ``condition`` holds, ``other`` elsewhere. ``where(condition)`` is ``nonzero(condition, as_tuple=True)``.")



def _masked(xp: Any, upstream: Any, value: Any) -> Any:
    if not backend_of(value).nan_possible():
        return value
    return xp.where((upstream == 0) & xp.isnan(value), 0, value)


masked = elementwise("masked", "upstream value", takes="none", samples=[S((3, 4), (3, 4)), S((), ()), S((0, 2), (0, 2)), S((3, 1), (4,)), S((3, 4), (4,)),
                                                                        S((2, 3), (4,), error=RuntimeError, match="must match")], kernel=_masked, places=(),
                     signature="masked(upstream: Tensor, value: Tensor) -> Tensor",
                     vjp={"value": "where((upstream == 0) & isnan(value), 0, g)"},
                     doc="``value``, but 0 where it is NaN and ``upstream`` is exactly 0.")
