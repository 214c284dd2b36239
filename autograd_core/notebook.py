"""How Tensors and plans show themselves in a notebook: small tensors as a table shaded by size, plans as the list of their calls."""

from __future__ import annotations

import html
import math
from pathlib import PurePath
from typing import Any

from .backend.registry import BY_TYPE

MOST_ROWS = 20
"""Matrices of at most this many rows and columns are shown as tables."""
MOST_CALLS = 60
"""Calls of a plan that are listed."""


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


def plan_html(plan: Any) -> str:
    """A plan as HTML: what it was made of, and each call with its module, results and line of code."""
    head = html.escape(plan.describe())
    steps = plan.graph.steps
    rows = [_row("th", "", "call", "part of", "module", "results", "line")]
    for number, step in enumerate(steps[:MOST_CALLS], 1):
        made = [value for value in (*step.outputs, *step.writes) if value is not None]
        name = f"{step.name.removesuffix(' fused')} (fused)" if step.parts else step.name
        rows.append(_row("td", str(number), name, step.part_of, step.scope or "", ", ".join(f"{list(value.shape)} {value.dtype}" for value in made), PurePath(step.line).name))
    if len(steps) > MOST_CALLS:
        rows.append(_row("td", "⋮", f"{len(steps) - MOST_CALLS} more", "", "", "", ""))
    return f'<pre>{head}</pre><details open="open"><summary>{len(steps)} calls</summary><table>{"".join(rows)}</table></details>'


def _row(tag: str, *cells: str) -> str:
    inner = "".join(f'<{tag} style="text-align:left">{html.escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{inner}</tr>"
