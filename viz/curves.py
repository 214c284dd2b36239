"""Learning curves."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

from . import files, theme
from .arrays import to_numpy
from .text import visible

History = Mapping[str, Sequence[float]] | Sequence[Mapping[str, float]] | Sequence[float]

_PARTS = {"train": "training", "training": "training", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}


def curves(history: History, path: str | os.PathLike[str] | None = None, ax: Any = None, *, best: int | None = None,
           smooth: float = 0.0) -> Any:
    """Plot loss, accuracy and other measures by epoch, and mark the best epoch.

    Parameters
    ----------
    history : one sequence per measure, ``{"train_loss": [...], "validation_loss": [...], "validation_accuracy": [...]}``,
        or one such mapping of numbers per epoch, or the numbers of one measure alone. Measures that differ only in train/validation/test share a panel;
        keys without such a prefix count as training.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    ax : Matplotlib axes to draw in, one per panel (a single one for a single panel). Default: a new figure.
    best : the epoch to mark, counted from 1. Default: where the validation loss is lowest; none without a validation loss.
    smooth : how much of the running mean stays at each step, from 0 (not smoothed) to below 1: an exponential moving average
        without the bias of its start (Kingma and Ba, 2015). The raw curve then stays in the background.

    Returns the Matplotlib figure. The user's ``rcParams`` hold. Raises ``ValueError`` for an empty history, an unknown
    suffix, another number of axes than panels, or ``smooth`` outside of its range; ``TypeError`` for what is no history.
    """
    if not 0.0 <= smooth < 1.0:
        raise ValueError(f"curves: smooth={smooth}: expected 0 <= smooth < 1")
    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    panels = _panels(_columns(history))
    figure, axes = _axes(ax, len(panels))
    colors = theme.series_colors()
    if best is None:
        best = _best_epoch(panels)
    for where, (measure, series) in zip(axes, panels.items(), strict=True):
        for part, values in series.items():
            color = colors[list(dict.fromkeys(_PARTS.values())).index(part) % len(colors)]
            epochs = range(1, len(values) + 1)
            if smooth:
                where.plot(epochs, values, color=color, alpha=0.3, linewidth=1)
            where.plot(epochs, _smoothed(values, smooth), color=color, label=part, marker="o" if len(values) < 2 else None)
            if best is not None and part == "validation" and 1 <= best <= len(values):
                where.plot([best], [values[best - 1]], "o", color=color, label=f"epoch {best}: {values[best - 1]:.4g}")
        if best is not None:
            where.axvline(best, color=theme.MUTED, linestyle=":", linewidth=1, zorder=0)
        where.set_xlabel("epoch")
        where.set_ylabel(visible(measure), parse_math=False)
        where.xaxis.get_major_locator().set_params(integer=True)
        where.grid(True, alpha=0.3)
        where.legend()
    if path is not None:
        files.save_figure(figure, path)
    return figure


def _columns(history: History) -> dict[str, list[float]]:
    if not isinstance(history, (Mapping, Sequence)) and len(getattr(history, "shape", ())) == 1:
        history = to_numpy(history).tolist()
    if not isinstance(history, (Mapping, Sequence)) or isinstance(history, str):
        raise TypeError(f"curves: expected a mapping of measures to numbers, a list of one mapping per epoch, or numbers, got {type(history).__name__}")
    if not isinstance(history, Mapping) and history and not isinstance(history[0], Mapping):
        history = {"value": cast(Sequence[float], history)}
    if isinstance(history, Mapping):
        columns = {str(name): [float(value) for value in values] for name, values in history.items() if name != "epoch"}
    else:
        columns = {}
        for row in cast(Sequence[Mapping[str, float]], history):
            for name, value in row.items():
                if name != "epoch":
                    columns.setdefault(name, []).append(float(value))
    if not any(columns.values()):
        raise ValueError("the history is empty: there is no epoch to plot")
    return columns


def _smoothed(values: Sequence[float], share: float) -> list[float]:
    """The exponential moving average, which passes over what is not finite."""
    mean, weight, result = 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            mean, weight = share * mean + (1 - share) * value, share * weight + (1 - share)
        result.append(mean / weight if weight and math.isfinite(value) else value)
    return result


def _panels(columns: Mapping[str, list[float]]) -> dict[str, dict[str, list[float]]]:
    """Measure -> part -> values: ``train_loss`` and ``validation_loss`` become two lines of the panel ``loss``."""
    panels: dict[str, dict[str, list[float]]] = {}
    for name, values in columns.items():
        prefix, _, rest = name.partition("_")
        if prefix in _PARTS and rest:
            panels.setdefault(rest, {})[_PARTS[prefix]] = values
        else:
            panels.setdefault(name, {})["training"] = values
    return panels


def best_epoch(history: History) -> int | None:
    """The epoch with the lowest validation loss, counted from 1; ``None`` where no validation loss is a number."""
    return _best_epoch(_panels(_columns(history)))


def _best_epoch(panels: Mapping[str, Mapping[str, list[float]]]) -> int | None:
    losses = panels.get("loss", {}).get("validation")
    numbers = [(value, epoch) for epoch, value in enumerate(losses or (), start=1) if not math.isnan(value)]
    return min(numbers)[1] if numbers else None


def _axes(ax: Any, count: int) -> tuple[Any, list[Any]]:
    if ax is None:
        width, height = theme.matplotlib().rcParams["figure.figsize"]
        columns = min(count, 3)
        rows = math.ceil(count / columns)
        figure = theme.figure(figsize=(width * (1 if count == 1 else 0.8 * columns), height * (1 if count == 1 else 0.8 * rows)))
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for unused in panels[count:]:
            unused.remove()
        return figure, panels[:count]
    axes = list(ax.flat) if hasattr(ax, "flat") else list(ax) if isinstance(ax, (list, tuple)) else [ax]
    if len(axes) != count:
        raise ValueError(f"the history has {count} panels, but {len(axes)} axes were given")
    return axes[0].figure, axes
