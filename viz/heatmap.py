"""Small heat maps on the wires of a drawing: one coloured cell for each element."""

from __future__ import annotations

import math
from typing import Any

from .records import BuiltGraph, host
from .text import clean
from .theme import Theme
from .tiles import Sheet, sheet_of

MOST = 16
"""Rows and columns of a heat map in a drawing."""
CELL = 6
GAP = 3
"""Points per element, and between tiles."""


def of_graph(graph: BuiltGraph, theme: Theme) -> dict[str, tuple[str | None, str | None]]:
    """Value id -> the heat maps of its value and of its gradient as Graphviz tables; ``None`` where there is nothing to show."""
    return {value.id: (_table(graph.arrays.get(value.id), theme), _table(graph.gradients.get(value.id), theme)) for value in graph.record.values if value.shape}


def _table(array: Any, theme: Theme) -> str | None:
    sheet = None if array is None else sheet_of(host(array), MOST)
    if sheet is None:
        return None
    rows = sheet.rows.tolist()
    most = max((abs(entry) for row in rows for entry in row if math.isfinite(entry)), default=0.0) or 1.0
    body = "".join(f"<TR>{''.join(_cell(sheet, i, j, entry / most, theme) for j, entry in enumerate(row))}</TR>" for i, row in enumerate(rows))
    height, width = (sum(_length(i, tile) for i in range(count)) for count, tile in zip(sheet.rows.shape, sheet.tile, strict=True))
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}">{body}</TABLE>'
    if not sheet.words:
        return table
    words = "".join(f'<TR><TD><FONT POINT-SIZE="10" COLOR="{theme.muted}">{clean(part)}</FONT></TD></TR>' for part in sheet.words.split(", "))
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1"><TR><TD>{table}</TD></TR>{words}</TABLE>'


def _cell(sheet: Sheet, i: int, j: int, share: float, theme: Theme) -> str:
    color = "" if sheet.gap(i, j) else f' BGCOLOR="{shade(share, theme)}"'
    return f'<TD WIDTH="{_length(j, sheet.tile[1])}" HEIGHT="{_length(i, sheet.tile[0])}"{color}></TD>'


def _length(place: int, tile: int) -> int:
    return GAP if place % (tile + 1) == tile else CELL


def shade(share: float, theme: Theme) -> str:
    """The colour of a number, given as its share of the largest absolute one, from -1 to 1; NaN and infinities stand out."""
    if not math.isfinite(share):
        return theme.mark
    start, end = _rgb(theme.nothing), _rgb(theme.positive if share > 0 else theme.negative)
    return "#" + "".join(f"{round(a + (b - a) * abs(share)):02X}" for a, b in zip(start, end, strict=True))


def _rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def legend(theme: Theme) -> str:
    """What the colours mean, as Graphviz text."""
    negative, nothing, positive = (f'<FONT COLOR="{theme.muted}" POINT-SIZE="10">{word}</FONT><FONT COLOR="{color}">■</FONT>'
                                   for word, color in ((" −largest ", theme.negative), (" 0 ", theme.nothing), (" +largest ", theme.positive)))
    return f'<FONT COLOR="{theme.muted}" POINT-SIZE="10">each heat map: </FONT>{negative}{nothing}{positive}'
