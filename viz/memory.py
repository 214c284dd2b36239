"""The memory of a step as a picture."""

from __future__ import annotations

import os
from typing import Any

from autograd_core.profiler import Timeline, profile

from . import files, theme


def memory_timeline(timeline: Timeline | profile, path: str | os.PathLike[str] | None = None, ax: Any = None) -> Any:
    """Plot the bytes alive over a profiled step: what is kept for backward, other results on top of it, and the peak.

    Parameters
    ----------
    timeline : a :class:`~autograd_core.profile`, or what its ``memory()`` returns.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    ax : Matplotlib axes to draw in. Default: a new figure.

    Returns the Matplotlib figure. The user's ``rcParams`` hold. Raises ``TypeError`` for anything else and ``ValueError`` for an unknown suffix.
    """
    if isinstance(timeline, profile):
        timeline = timeline.memory()
    if not isinstance(timeline, Timeline):
        raise TypeError(f"memory_timeline: expected a profile or its memory(), got {type(timeline).__name__}")
    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    if ax is None:
        figure = theme.figure()
        ax = figure.subplots()
    else:
        figure = ax.figure
    unit, size = next(((unit, size) for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if timeline.peak >= size), ("bytes", 1.0))
    times = [time * 1e3 for time in (*timeline.times, timeline.seconds)]
    saved, total = ([each / size for each in (*amounts, amounts[-1])] for amounts in (timeline.saved, timeline.total))
    colors = theme.series_colors()
    ax.fill_between(times, saved, step="post", color=colors[0], alpha=0.6, linewidth=0, label="saved for backward")
    ax.fill_between(times, saved, total, step="post", color=colors[1 % len(colors)], alpha=0.6, linewidth=0, label="other results")
    ax.step(times, total, where="post", color=theme.MUTED, linewidth=0.8)  # what lasts for a moment is seen as a line
    if timeline.peak:
        at, peak = timeline.peak_time * 1e3, timeline.peak / size
        ax.plot([at], [peak], "o", color=theme.MUTED, label=f"peak {peak:.3g} {unit}: {timeline.peak_at}")
    ax.set_xlabel("time in ms")
    ax.set_ylabel(f"memory in {unit}")
    ax.set_ylim(0, 1.35 * max(timeline.peak / size, 1))  # room for the legend above the peak
    ax.grid(True, alpha=0.3)
    ax.legend(loc="upper left")
    if path is not None:
        files.save_figure(figure, path)
    return figure
