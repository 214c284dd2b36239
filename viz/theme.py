"""How pictures look: colours that colour-blind readers can tell apart, and fonts.

The palette is that of Okabe and Ito (2008). Text uses darker shades of it, for contrast on white.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a drawn graph."""

    page: str = "white"
    ink: str = INK
    muted: str = MUTED
    wire: str = "#64748B"
    value: str = "#006B4E"
    gradient: str = "#B03A00"
    op_fill: str = "#DCEBF7"
    op_line: str = BLUE
    module_fill: str = "#F8FAFC"
    module_line: str = "#CBD5E1"
    mark: str = "#A01818"
    added: str = "#00734F"
    removed: str = "#B03A00"
    changed: str = "#8A6100"
    positive: str = BLUE
    negative: str = VERMILION
    nothing: str = "#F1F5F9"
    """Zero in heat maps, between negative and positive."""


THEMES = {
    "light": Theme(),
    "dark": Theme("#0F172A", "#E2E8F0", "#94A3B8", "#94A3B8", "#4ADE80", "#FB923C", "#1E3A52", SKY, "#1E293B", "#334155", "#F87171", "#4ADE80", "#FB923C", "#F0E442",
                  SKY, "#FB923C", "#334155"),
    "print": Theme("white", "black", "#555555", "black", "black", "#555555", "white", "black", "white", "#999999", "black", "black", "black", "black",
                   "#000000", "#FFFFFF", "#999999"),
}
"""Themes by name; all can be told apart by colour-blind readers, and ``print`` needs no colour."""

HEAT = ("#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838")
"""From small to large: the colour map cividis, made to look alike to colour-blind readers (Nuñez, Anderton and Renslow, 2018)."""

FONTS = "Helvetica,Arial,DejaVu Sans,sans-serif"
"""Tried in this order by whatever renders; nearly every machine has one, and Matplotlib brings DejaVu Sans along."""


def matplotlib() -> Any:
    """Matplotlib, which is imported when the first plot is made. ``ImportError`` says how to install it."""
    try:
        return importlib.import_module("matplotlib")
    except ModuleNotFoundError as error:
        raise ImportError('plots need the package matplotlib. Run: pip install "autograd-core[viz]"') from error


def series_colors() -> list[str]:
    """The colours of lines and points, in order: the user's, if their ``rcParams`` set a colour cycle, else the palette."""
    mpl = matplotlib()

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
    mpl = matplotlib()

    if mpl.rcParams["figure.dpi"] == mpl.rcParamsDefault["figure.dpi"]:
        options = {"dpi": 150, **options}
    made = _picture_class()(layout="constrained", **options)
    if mpl.rcParams["figure.constrained_layout.w_pad"] == mpl.rcParamsDefault["figure.constrained_layout.w_pad"]:
        made.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # Matplotlib's own puts text at the very edge
    return made
