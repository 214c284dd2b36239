"""How pictures look: colours that colour-blind readers can tell apart, and fonts.

The palette is that of Okabe and Ito (2008). Text uses darker shades of it, for contrast on white.
"""

from __future__ import annotations

import functools
from typing import Any

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
YELLOW = "#F0E442"

PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, YELLOW)

INK = "#1F2937"
MUTED = "#6B7280"
WIRE = "#64748B"
VALUE_TEXT = "#006B4E"
GRADIENT_TEXT = "#B03A00"
OP_FILL = "#DCEBF7"
MODULE_FILL = "#F8FAFC"
MODULE_LINE = "#CBD5E1"

FONTS = "Helvetica,Arial,DejaVu Sans,sans-serif"
"""Tried in this order by whatever renders; nearly every machine has one, and Matplotlib brings DejaVu Sans along."""


def series_colors() -> list[str]:
    """The colours of lines and points, in order: the user's, if their ``rcParams`` set a colour cycle, else the palette."""
    import matplotlib as mpl

    cycle = mpl.rcParams["axes.prop_cycle"]
    if cycle != mpl.rcParamsDefault["axes.prop_cycle"]:
        colors = cycle.by_key().get("color")
        if colors:
            return list(colors)
    return list(PALETTE)


@functools.cache
def _picture_class() -> type[Any]:
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A Matplotlib figure that needs no window system and shows itself in notebooks."""

        def _repr_png_(self) -> bytes:
            import io

            buffer = io.BytesIO()
            self.savefig(buffer, format="png")
            return buffer.getvalue()

    return Picture


def figure(**options: Any) -> Any:
    """A new figure outside pyplot's state: nothing to close, safe in threads and on machines without a display.

    Saved with 150 pixels per inch, enough for a slide, unless the user's ``rcParams`` say otherwise.
    """
    import matplotlib as mpl

    if mpl.rcParams["figure.dpi"] == mpl.rcParamsDefault["figure.dpi"]:
        options = {"dpi": 150, **options}
    return _picture_class()(layout="constrained", **options)
