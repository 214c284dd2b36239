"""Comparisons and logic, of truth values and of bits."""

from __future__ import annotations

from typing import Any

from ..op import S, bools, elementwise


def _comparison(name: str, ufunc: str, symbol: str, doc: str) -> Any:
    return elementwise(name, "input other", ufunc=ufunc, label=symbol, extra={"dtype": "bool"}, doc=doc)


eq = _comparison("eq", "equal", "==", "``input == other``, elementwise.")
ne = _comparison("ne", "not_equal", "≠", "``input != other``, elementwise.")
lt = _comparison("lt", "less", "<", "``input < other``, elementwise.")
le = _comparison("le", "less_equal", "≤", "``input <= other``, elementwise.")
gt = _comparison("gt", "greater", ">", "``input > other``, elementwise.")
ge = _comparison("ge", "greater_equal", "≥", "``input >= other``, elementwise.")
logical_and = elementwise("logical_and", "input other", extra={"dtype": "bool"}, label="∧", doc="Whether both are non-zero.")
logical_or = elementwise("logical_or", "input other", extra={"dtype": "bool"}, label="∨", doc="Whether either is non-zero.")
logical_xor = elementwise("logical_xor", "input other", extra={"dtype": "bool"}, label="⊻", doc="Whether exactly one is non-zero.")
logical_not = elementwise("logical_not", extra={"dtype": "bool"}, label="¬", doc="Whether ``input`` is zero.")
isnan = elementwise("isnan", extra={"dtype": "bool"}, doc="Whether each element is NaN.")
isinf = elementwise("isinf", extra={"dtype": "bool"}, doc="Whether each element is plus or minus infinity.")
isfinite = elementwise("isfinite", extra={"dtype": "bool"}, doc="Whether each element is neither infinite nor NaN.")
bitwise_and = elementwise("bitwise_and", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="&", doc="Bitwise and of integers; logical and of booleans.")
bitwise_or = elementwise("bitwise_or", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="|", doc="Bitwise or of integers; logical or of booleans.")
bitwise_xor = elementwise("bitwise_xor", "input other", takes="int", samples=[S(bools(3, 4), bools(4))], label="^",
                          doc="Bitwise exclusive or of integers; of booleans the logical one.")
bitwise_not = elementwise("bitwise_not", takes="int", samples=[S(bools(3, 4))], ufunc="invert", label="~", doc="Bitwise complement of integers; logical not of booleans.")
