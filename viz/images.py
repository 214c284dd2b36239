"""Sheets of images, and the decision boundary of a classifier on the plane."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from . import files, theme
from .arrays import to_numpy
from .text import visible

_FAINT = 0.22
"""The opacity of regions behind points."""


def images(pictures: Any, titles: Sequence[str] | None = None, path: str | os.PathLike[str] | None = None, *, columns: int | None = None,
           caption: str | None = None) -> Any:
    """Draw a sheet of small images.

    Parameters
    ----------
    pictures : (count, height, width) grey or (count, height, width, 3), a Tensor or an array; also (count, 1 or 3, height, width), or one
        grey image (height, width).
        Grey images are dark on light, from the smallest value (white) to the largest (black) of the sheet.
    titles : one text above each image.
    path : where to save the sheet, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    columns : images per row. Default: a sheet that is wider than high.
    caption : a text above the sheet.

    Returns the Matplotlib figure. Raises ``ValueError`` for another shape, for another number of titles than images, and
    for an unknown suffix. A sheet of no images says so.
    """
    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    sheet = to_numpy(pictures)
    if sheet.ndim == 2:
        sheet = sheet[None]
    if sheet.ndim == 4 and sheet.shape[1] in (1, 3) and sheet.shape[3] not in (1, 3):
        sheet = sheet.transpose(0, 2, 3, 1)
    if sheet.ndim == 4 and sheet.shape[3] == 1:
        sheet = sheet[..., 0]
    if sheet.ndim != 3 and not (sheet.ndim == 4 and sheet.shape[3] == 3):
        raise ValueError(f"images: expected the shape (height, width), (count, height, width), (count, height, width, 3) or (count, 1 or 3, height, width), got {sheet.shape}")
    if titles is not None and len(titles) != len(sheet):
        raise ValueError(f"images: {len(sheet)} images and {len(titles)} titles; give one for each")
    count = len(sheet)
    columns = columns or max(1, min(count, math.ceil(math.sqrt(count * 1.6))))
    rows = max(1, math.ceil(count / columns))
    width = max(1.15, 0.095 * max((len(str(title)) for title in titles or ()), default=0))
    figure = theme.figure(figsize=(max(3.2, width * columns), max(1.5, rows * (1.15 + (0.3 if titles else 0.0)) + (0.4 if caption else 0.0))))
    if caption:
        figure.suptitle(visible(caption, 200), parse_math=False)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    limits = (sheet.min(), sheet.max()) if count else (0, 1)
    for position, where in enumerate(axes):
        where.set_axis_off()
        if position < count:
            where.imshow(sheet[position], cmap="gray_r", vmin=limits[0], vmax=limits[1], interpolation="nearest")
            if titles is not None:
                where.set_title(visible(str(titles[position])), parse_math=False, fontsize="medium")
    if not count:
        axes[0].text(0.5, 0.5, "no images", ha="center", va="center", color=theme.MUTED)
    if path is not None:
        files.save_figure(figure, path)
    return figure


def decision_boundary(predict: Callable[[Any], Any], X: Any, y: Any = None, path: str | os.PathLike[str] | None = None, ax: Any = None, *,
                      level: float = 0.0, resolution: int = 200, names: Sequence[str] | None = None) -> Any:
    """Draw how a classifier divides the plane, with the points it was trained on.

    Parameters
    ----------
    predict : maps an array of points (n, 2), in the dtype of ``X``, to scores (n,) or (n, 1), positive for the second class,
        or to one score per class (n, classes). It may return a Tensor or an array.
    X, y : points (m, 2) and their classes (m,), any labels that sort; Tensors or arrays. Without ``y`` points have one colour.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    ax : Matplotlib axes to draw in. Default: a new figure.
    level : the score at which the boundary lies, with one score per point (0.5 for probabilities).
    resolution : points per side at which ``predict`` is asked.
    names : names of the classes, in order.

    Returns the Matplotlib figure. Raises ``ValueError`` for other shapes and for an unknown suffix.
    """
    import numpy as np

    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    if not callable(predict):
        raise TypeError(f"decision_boundary: predict must be a function of points, got {type(predict).__name__}")
    points = to_numpy(X)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"decision_boundary: expected points of the shape (n, 2), got {points.shape}")
    margin = 0.08 * np.maximum(points.max(0) - points.min(0), 1e-9)
    low, high = points.min(0) - margin, points.max(0) + margin
    across, up = np.meshgrid(np.linspace(low[0], high[0], resolution), np.linspace(low[1], high[1], resolution))
    grid = np.stack([across.reshape(-1), up.reshape(-1)], axis=1)
    scores = to_numpy(predict(grid.astype(points.dtype) if points.dtype.kind == "f" else grid))
    if scores.shape[:1] != (len(grid),) or scores.ndim > 2:
        raise ValueError(f"decision_boundary: predict returned the shape {scores.shape} for {len(grid)} points; "
                         f"expected ({len(grid)},) or ({len(grid)}, classes)")
    scores = scores.reshape(len(grid), -1)
    labels = None if y is None else to_numpy(y).reshape(-1)
    if labels is not None and len(labels) != len(points):
        raise ValueError(f"decision_boundary: {len(points)} points and {len(labels)} classes; give one for each")
    classes = [] if labels is None else sorted(set(labels.tolist()))
    colors = theme.series_colors()
    if ax is None:
        figure = theme.figure()
        ax = figure.subplots()
    else:
        figure = ax.figure
    if scores.shape[1] == 1:
        score = scores[:, 0].reshape(across.shape)
        ends = (min(score.min(), level) - 1, level, max(score.max(), level) + 1)
        ax.contourf(across, up, score, levels=ends, colors=[colors[0], colors[1 % len(colors)]], alpha=_FAINT)
        if score.min() < level < score.max():
            ax.contour(across, up, score, levels=[level], colors=[theme.INK], linewidths=1.2)
    else:
        from matplotlib.colors import to_rgba

        table = np.array([to_rgba(colors[k % len(colors)], _FAINT) for k in range(scores.shape[1])])
        pixels = table[scores.argmax(1)].reshape(*across.shape, 4)
        ax.imshow(pixels, extent=(low[0], high[0], low[1], high[1]), origin="lower", aspect="auto", interpolation="nearest")
    if labels is None:
        ax.scatter(*points.T, s=18, color=theme.INK, edgecolors="white", linewidths=0.6)
    markers = "osD^vP*X"
    shown = {}
    for k, label in enumerate(classes):
        name = str(names[k]) if names is not None else f"class {label:g}" if isinstance(label, (int, float)) else str(label)
        dots = ax.scatter(*points[labels == label].T, s=26, color=colors[k % len(colors)], marker=markers[k % len(markers)], edgecolors="white", linewidths=0.6)
        shown[dots] = visible(name).lstrip("_") or f"class {k}"  # Matplotlib leaves out what starts with an underscore
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    if classes:
        for text in ax.legend(list(shown), list(shown.values())).get_texts():
            text.set_parse_math(False)
    if path is not None:
        files.save_figure(figure, path)
    return figure
