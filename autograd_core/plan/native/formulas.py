"""What elementwise calls compute, as C expressions in the types of NumPy's own loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

C_TYPES = {"?": "uint8_t", "b": "int8_t", "B": "uint8_t", "h": "int16_t", "H": "uint16_t", "i": "int32_t", "I": "uint32_t",
           "l": f"int{8 * np.dtype('l').itemsize}_t", "L": f"uint{8 * np.dtype('l').itemsize}_t", "q": "int64_t", "Q": "uint64_t", "f": "float", "d": "double"}
"""NumPy's letter -> the type of an element in C, for all that machine code works on."""
_ANY = {
    "add": "{0} + {1}", "subtract": "{0} - {1}", "multiply": "{0} * {1}", "negative": "-{0}", "positive": "{0}", "square": "{0} * {0}", "conjugate": "{0}", "copy": "{0}",
    "less": "{0} < {1}", "less_equal": "{0} <= {1}", "greater": "{0} > {1}", "greater_equal": "{0} >= {1}", "equal": "{0} == {1}", "not_equal": "{0} != {1}",
    "logical_and": "({0} != 0) & ({1} != 0)", "logical_or": "({0} != 0) | ({1} != 0)", "logical_xor": "({0} != 0) ^ ({1} != 0)", "logical_not": "{0} == 0",
    "where": "{0} ? {1} : {2}",
}
_REAL = {
    "divide": "{0} / {1}", "true_divide": "{0} / {1}", "reciprocal": "1 / {0}", "sqrt": "__builtin_sqrt@({0})", "absolute": "__builtin_fabs@({0})", "fabs": "__builtin_fabs@({0})",
    "maximum": "{0} >= {1} || {0} != {0} ? {0} : {1}", "minimum": "{0} <= {1} || {0} != {0} ? {0} : {1}",
    "fmax": "{0} >= {1} || {1} != {1} ? {0} : {1}", "fmin": "{0} <= {1} || {1} != {1} ? {0} : {1}",
    "sign": "{0} != {0} ? {0} : ({0} > 0) - ({0} < 0)", "floor": "__builtin_floor@({0})", "ceil": "__builtin_ceil@({0})", "trunc": "__builtin_trunc@({0})",
    "rint": "__builtin_rint@({0})", "copysign": "__builtin_copysign@({0}, {1})", "isnan": "{0} != {0}", "isinf": "__builtin_fabs@({0}) == INFINITY",
    "isfinite": "__builtin_fabs@({0}) < INFINITY", "exp": "ag_exp_@({0})", "expm1": "ag_expm1_@({0})", "log": "ag_log_@({0})", "log1p": "ag_log1p_@({0})",
    "tanh": "ag_tanh_@({0})", "erf": "ag_erf_@({0})",
    "sin": "sin@({0})", "cos": "cos@({0})", "tan": "tan@({0})", "arcsin": "asin@({0})", "arccos": "acos@({0})", "arctan": "atan@({0})",
    "sinh": "sinh@({0})", "cosh": "cosh@({0})", "arcsinh": "asinh@({0})", "arccosh": "acosh@({0})", "arctanh": "atanh@({0})", "arctan2": "atan2@({0}, {1})",
    "hypot": "hypot@({0}, {1})", "exp2": "exp2@({0})", "log2": "log2@({0})", "log10": "log10@({0})", "power": "pow@({0}, {1})", "fmod": "fmod@({0}, {1})",
}
_WHOLE = {
    "maximum": "{0} >= {1} ? {0} : {1}", "minimum": "{0} <= {1} ? {0} : {1}", "fmax": "{0} >= {1} ? {0} : {1}", "fmin": "{0} <= {1} ? {0} : {1}",
    "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}", "absolute": "{0} < 0 ? -{0} : {0}", "invert": "~{0}",
    "isnan": "0", "isinf": "0", "isfinite": "1", "floor": "{0}", "ceil": "{0}", "trunc": "{0}", "rint": "{0}",
}
_TRUTH = {
    "add": "{0} | {1}", "multiply": "{0} & {1}", "maximum": "{0} | {1}", "minimum": "{0} & {1}", "bitwise_and": "{0} & {1}", "bitwise_or": "{0} | {1}", "bitwise_xor": "{0} ^ {1}",
    "invert": "!{0}", "absolute": "{0}", "isnan": "0", "isinf": "0", "isfinite": "1",
}


def formula(name: str, letter: str) -> str | None:
    """The C expression of a call on operands of one type, ``None`` if there is none."""
    if letter == "?":
        text = _TRUTH.get(name)
        if text is None and name not in ("negative", "subtract", "positive", "square"):
            text = _ANY.get(name)
        return text
    if letter in "fd":
        text = _REAL.get(name) or _ANY.get(name)
        return None if text is None else text.replace("@", "f" if letter == "f" else "")
    return _WHOLE.get(name) or _ANY.get(name)


def literal(x: Any, letter: str) -> str:
    """A number as a C constant of a type."""
    if letter in "fd":
        x = float(np.float32(x)) if letter == "f" else float(x)
        if math.isnan(x):
            return "NAN"
        if math.isinf(x):
            return "INFINITY" if x > 0 else "(-INFINITY)"
        text = f"{x!r}{'f' if letter == 'f' else ''}"
        return f"({text})" if text[0] == "-" else text
    if letter == "?":
        return "1" if x else "0"
    whole = int(x)
    return f"(({C_TYPES[letter]}){'0x%xULL' % (whole & (2**64 - 1))})"
