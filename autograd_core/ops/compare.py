"""Comparisons, of elements and of whole tensors, and logic, of truth values and of bits."""

from __future__ import annotations

import math
from typing import Any

from ..kernels.numbers import Numbers
from ..kernels.quiet import quiet
from ..op import TORCH_TENSOR, Arg, S, bools, composite, elementwise, op
from ..spec import elementwise_spec

_ENDS = Numbers(math.inf, -math.inf)


def _comparison(name: str, ufunc: str, symbol: str, doc: str) -> Any:
    aliases = () if ufunc == "equal" else (ufunc,)
    return elementwise(name, "input other", ufunc=ufunc, label=symbol, extra={"dtype": "bool"}, inplace=True, aliases=aliases, doc=doc)


eq = _comparison("eq", "equal", "==", "``input == other``, elementwise.")
ne = _comparison("ne", "not_equal", "≠", "``input != other``, elementwise.")
lt = _comparison("lt", "less", "<", "``input < other``, elementwise.")
le = _comparison("le", "less_equal", "≤", "``input <= other``, elementwise.")
gt = _comparison("gt", "greater", ">", "``input > other``, elementwise.")
ge = _comparison("ge", "greater_equal", "≥", "``input >= other``, elementwise.")
logical_and = elementwise("logical_and", "input other", extra={"dtype": "bool"}, label="∧", inplace=True, doc="Whether both are non-zero.")
logical_or = elementwise("logical_or", "input other", extra={"dtype": "bool"}, label="∨", inplace=True, doc="Whether either is non-zero.")
logical_xor = elementwise("logical_xor", "input other", extra={"dtype": "bool"}, label="⊻", inplace=True, doc="Whether exactly one is non-zero.")
logical_not = elementwise("logical_not", extra={"dtype": "bool"}, label="¬", inplace=True, doc="Whether ``input`` is zero.")
isnan = elementwise("isnan", out=False, extra={"dtype": "bool"}, doc="Whether each element is NaN.")
isinf = elementwise("isinf", out=False, extra={"dtype": "bool"}, doc="Whether each element is plus or minus infinity.")
isfinite = elementwise("isfinite", out=False, extra={"dtype": "bool"}, doc="Whether each element is neither infinite nor NaN.")
bitwise_and = elementwise("bitwise_and", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="&", inplace=True,
                          doc="Bitwise and of integers; logical and of booleans.")
bitwise_or = elementwise("bitwise_or", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="|", inplace=True,
                         doc="Bitwise or of integers; logical or of booleans.")
bitwise_xor = elementwise("bitwise_xor", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="^",
                          inplace=True, doc="Bitwise exclusive or of integers; of booleans the logical one.")
bitwise_not = elementwise("bitwise_not", takes="int", samples=[S(bools(3, 4))], ufunc="invert", label="~", inplace=True,
                          doc="Bitwise complement of integers; logical not of booleans.")
bitwise_left_shift = elementwise("bitwise_left_shift", "input other", takes="int", ufunc="left_shift", label="<<", inplace=True,
                                 doc="The bits of ``input`` moved up by ``other`` places, zeros below.")
bitwise_right_shift = elementwise("bitwise_right_shift", "input other", takes="int", ufunc="right_shift", label=">>", inplace=True,
                                  doc="The bits of ``input`` moved down by ``other`` places; the sign stays.")


def _signbit(xp: Any, input: Any) -> Any:
    return xp.signbit(input) if input.dtype.kind == "f" else input < 0


signbit = elementwise("signbit", kernel=_signbit, extra={"dtype": "bool"}, samples=[S(Arg(values=[-1.0, -0.0, 0.0, 2.0]))],
                      doc="Whether the sign is minus, also that of -0.0.")
def _end(input: Any, which: int) -> Any:
    return _ENDS[input.__class__, input.dtype][which] if input.dtype.kind == "f" else _ENDS.plain[which]


isposinf = elementwise("isposinf", kernel=lambda xp, input: input == _end(input, 0), extra={"dtype": "bool"}, samples=[S(Arg(values=[1.0, float("inf"), float("-inf")]))],
                       doc="Whether each element is plus infinity.")
isneginf = elementwise("isneginf", kernel=lambda xp, input: input == _end(input, 1), extra={"dtype": "bool"}, samples=[S(Arg(values=[1.0, float("inf"), float("-inf")]))],
                       doc="Whether each element is minus infinity.")


def _isreal(xp: Any, input: Any) -> Any:
    return input.imag == 0 if input.dtype.kind == "c" else xp.ones(input.shape, dtype=bool)[()]


isreal = elementwise("isreal", out=False, kernel=_isreal, extra={"dtype": "bool"}, samples=[S(Arg(values=[1 + 0j, 2 - 1j, 3j]))],
                     doc="Whether each element has no imaginary part.")


# --- nearness, and whole tensors ----------------------------------------------------------------------------------


@op("isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor", out=False, promotes="equal", places=TORCH_TENSOR,
    kind="elementwise", spec=elementwise_spec("isclose", ("input", "other"), "equal", "bool"), samples=[
        S((3, 4), (3, 4)), S((3, 1), (4,), rtol=0.5), S((3, 4), (4,)), S((), (), atol=1.0), S((0, 2), (0, 2)),
        S(Arg(values=[math.nan, 1.0]), Arg(values=[math.nan, 1.0]), equal_nan=True),
        S((3,), (4,), error=RuntimeError, match="must match the size")])
def isclose(xp: Any, input: Any, other: Any, *, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether ``|input - other| <= atol + rtol * |other|``, elementwise; equal infinities are close."""
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose: rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}")
    if input.dtype.kind != "f" or other.dtype is not input.dtype:
        return xp.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)
    with quiet(xp, input):  # infinities differ by NaN
        close = (xp.abs(input - other) <= atol + rtol * xp.abs(other)) & xp.isfinite(other) | (input == other)  # a third of the time of NumPy's function
    return close | (xp.isnan(input) & xp.isnan(other)) if equal_nan else close


@composite("allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool")
def allclose(F: Any, input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether ``isclose`` holds everywhere, as a Python bool."""
    return bool(F.all(F.isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)))


@composite("equal(input: Tensor, other: Tensor) -> bool")
def equal(F: Any, input: Any, other: Any) -> bool:
    """Whether shape and all elements agree, as a Python bool."""
    return input.shape == other.shape and bool(F.all(F.eq(input, other)))
