"""Numbers, arrays and user text as labels: short, on one line, escaped."""

from __future__ import annotations

import math
import re
from typing import Any

from .records import Number, Summary

LONGEST = 60
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "\\": "&#92;&#92;"})


def visible(text: str, longest: int = LONGEST) -> str:
    """User text on one line, at most ``longest`` characters, without those that no XML may hold or that turn around the text beside them."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", lambda match: "\ufffd" if match[0] not in "\t\n\r" else " ", text)
    return plain if len(plain) <= longest else plain[: longest - 1] + "…"


def clean(text: str, longest: int = LONGEST) -> str:
    """User text for a label: markup and Graphviz's backslash codes are escaped."""
    return visible(text, longest).translate(_ESCAPES)


def number(value: Number, precision: int = 4) -> str:
    """A number as short as its digits allow, with a real minus sign.

    >>> number(-12.0), number(0.123456), number(1.5e-7), number(True)
    ('−12', '0.1235', '1.5e−7', 'True')
    """
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, complex):
        sign = "−" if value.imag < 0 or math.copysign(1.0, value.imag) < 0 else "+"
        return f"{number(value.real, precision)}{sign}{number(abs(value.imag), precision)}i"
    if isinstance(value, int) and abs(value) < 10**9:
        return str(value).replace("-", "−")
    text = f"{value:.{precision}g}"
    mantissa, mark, exponent = text.partition("e")
    if mark:
        mantissa += f"e{int(exponent)}"
    return ("0" if mantissa == "-0" else mantissa).replace("-", "−")


def lines_of(summary: Summary, precision: int) -> list[str]:
    """A summary in words: the elements themselves where they are few, else mean and spread, then the range."""
    if summary.elements is not None:
        elements = [number(element, min(precision, 3) if summary.shape else precision) for element in summary.elements]
        return [elements[0] if not summary.shape else f"[{', '.join(elements)}]"]
    bad = [f"{summary.nonfinite} NaN or inf"] if summary.nonfinite else []
    if summary.mean is None or summary.std is None or summary.low is None or summary.high is None:
        return bad
    short = min(precision, 2)
    if "int" in summary.dtype:
        return [f"{number(int(summary.low))} … {number(int(summary.high))}"]
    return [f"{number(summary.mean, short)} ± {number(summary.std, short)}", f"{number(summary.low, short)} … {number(summary.high, short)}", *bad]


def brief(array: Any, precision: int) -> str:
    """One number as a number, a larger array as its shape."""
    return number(array.item(), precision) if array.size == 1 else f"{tuple(array.shape)}"
