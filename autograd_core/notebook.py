"""How a Tensor shows itself in a notebook: what it is, and small ones as a table shaded by size."""

from __future__ import annotations

import html
import math
from typing import Any

from .backend.registry import BY_TYPE

MOST_ROWS = 20
"""Matrices of at most this many rows and columns are shown as tables."""


def tensor_html(tensor: Any) -> str:
    """The tensor as HTML; shading is blue for positive and vermilion for negative elements, relative to the largest."""
    shape = tuple(tensor.shape)
    facts = [f"shape {shape}", str(tensor.dtype), str(tensor.device)]
    if tensor.requires_grad:
        facts.append("requires grad" if tensor.is_leaf else f"from {tensor.grad_fn.op.name}")
    name = f"<b>{html.escape(str(tensor.name))}</b>: " if tensor.name else ""
    head = f'<div style="opacity:.75">{name}{html.escape(", ".join(facts))}</div>'
    rows = _rows(tensor, shape)
    if rows is None:
        return f"{head}<pre>{html.escape(repr(tensor))}</pre>"
    most = max((abs(entry) for row in rows for entry in row if not isinstance(entry, complex) and math.isfinite(entry)), default=0.0)
    body = "".join(f"<tr>{''.join(_cell(entry, most) for entry in row)}</tr>" for row in rows)
    return f'{head}<table style="border-collapse:collapse">{body}</table>'


def _rows(tensor: Any, shape: tuple[int, ...]) -> list[list[Any]] | None:
    if len(shape) > 2 or 0 in shape or any(n > MOST_ROWS for n in shape):
        return None
    array = BY_TYPE[tensor._array.__class__].to_numpy(tensor._array)
    rows: list[list[Any]] = array.reshape(-1, shape[-1] if shape else 1).tolist()
    return rows


def _cell(entry: Any, most: float) -> str:
    text = f"{entry:.4g}" if isinstance(entry, (float, complex)) else str(entry)
    shade = ""
    if isinstance(entry, (int, float)) and not isinstance(entry, bool) and math.isfinite(entry) and entry and most:
        shade = f";background:rgba({'0,114,178' if entry > 0 else '213,94,0'},{0.55 * abs(entry) / most:.2f})"
    return f'<td style="text-align:right;padding:1px 6px{shade}">{html.escape(text.replace("-", "−"))}</td>'
