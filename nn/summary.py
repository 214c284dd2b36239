"""What a module consists of, as a table: in words for a terminal, as HTML for a notebook."""

from __future__ import annotations

import html
from typing import Any


def rows(module: Any) -> list[tuple[str, str, str, int]]:
    """(path, kind, shapes of its own parameters, their number of elements) of a module and everything in it."""
    listed = []
    for path, each in module.named_modules():
        own = dict(each.named_parameters(recurse=False))
        shapes = ", ".join(f"{name} {tuple(parameter.shape)}" for name, parameter in own.items())
        extra = each.extra_repr()
        listed.append((path, f"{type(each).__name__}({extra})" if extra else type(each).__name__, shapes, sum(parameter.numel() for parameter in own.values())))
    return listed


def module_html(module: Any) -> str:
    """The table as HTML, with the number of all parameters and of those that are trained."""
    parameters = list(module.parameters())
    total = sum(each.numel() for each in parameters)
    trained = sum(each.numel() for each in parameters if each.requires_grad)
    left, right = 'style="text-align:left"', 'style="text-align:right"'
    lines = "".join(
        f"<tr><td {left}>{'&nbsp;' * 3 * (path.count('.') + 1) if path else ''}{html.escape(path.rpartition('.')[2]) or '<b>module</b>'}</td><td {left}>{html.escape(kind)}</td>"
        f"<td {left}>{html.escape(shapes)}</td><td {right}>{f'{count:,}' if count else ''}</td></tr>" for path, kind, shapes, count in rows(module))
    head = f"<tr><th {left}>name</th><th {left}>module</th><th {left}>parameters</th><th {right}>elements</th></tr>"
    return f"<table>{head}{lines}</table><div>{total:,} parameters, {trained:,} of them trained</div>"
