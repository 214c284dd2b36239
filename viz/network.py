"""A multilayer perceptron as layers of circles, its weights as lines."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from . import files, theme
from .arrays import to_numpy
from .text import visible

MOST_CIRCLES = 12
MOST_WIDE = 40
"""Lines between two layers that are all drawn at full width."""


def draw_mlp(network: Any, path: str | os.PathLike[str] | None = None, ax: Any = None, *, inputs: Sequence[str] | None = None, outputs: Sequence[str] | None = None,
             most: int = MOST_CIRCLES) -> Any:
    """Draw the linear layers of a network: a circle for each unit, a line for each weight.

    Lines are as wide as the weight is large, relative to the largest of the layer; positive weights are blue, negative ones
    vermilion and dashed. Biases fill the circles. Without weights (sizes alone) all lines are thin and grey.

    Parameters
    ----------
    network : a module whose 2-D weights, in order, are its layers, such as ``nn.MLP``; or the sizes of layers, ``(2, 16, 1)``.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    ax : Matplotlib axes to draw in. Default: a new figure.
    inputs, outputs : names of the first and the last layer's units.
    most : units drawn per layer; larger layers show the first and the last of them, with the number of all.

    Returns the Matplotlib figure. Raises ``ValueError`` for a network without linear layers or whose layers do not fit
    together, and for another number of names than units.

    >>> draw_mlp((2, 3, 1)).axes[0].get_title()
    '2 – 3 – 1'
    """
    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    sizes, weights, biases = _layers(network)
    for what, names, count in (("inputs", inputs, sizes[0]), ("outputs", outputs, sizes[-1])):
        if names is not None and len(names) != count:
            raise ValueError(f"draw_mlp: {len(names)} names in {what} for {count} units")
    if ax is None:
        tallest = max(min(size, most + 1) for size in sizes)
        figure = theme.figure(figsize=(1.9 * len(sizes) + 0.8, max(2.2, 0.5 * tallest + 0.8)))
        ax = figure.subplots()
    else:
        figure = ax.figure
    places = [_places(size, most) for size in sizes]
    for layer, (left, right) in enumerate(pairwise(places)):
        _lines(ax, layer, left, right, weights[layer] if weights else None)
    for layer, units in enumerate(places):
        _circles(ax, layer, units, biases[layer - 1] if biases and layer else None)
        if len(units) < sizes[layer]:
            ax.text(layer, 0, "⋮", ha="center", va="center", color=theme.INK, fontsize="x-large")
    for names, layer, side in ((inputs, 0, -1), (outputs, len(sizes) - 1, 1)):
        for unit, height in places[layer].items():
            if names is None:
                break
            ax.text(layer + side * 0.16, height, visible(str(names[unit]), 24), ha="right" if side < 0 else "left", va="center", parse_math=False)
    if weights:
        _legend(ax)
    ax.set_title(" – ".join(f"{size:,}" for size in sizes))
    ax.set_xlim(-0.6, len(sizes) - 0.4)
    ax.set_ylim(min(min(each.values()) for each in places) - 0.7, max(max(each.values()) for each in places) + 0.7)
    ax.set_aspect("auto")
    ax.set_axis_off()
    if path is not None:
        files.save_figure(figure, path)
    return figure


def _layers(network: Any) -> tuple[list[int], list[Any], list[Any]]:
    """Sizes, weights (out, in) and biases; the last two empty for sizes alone."""
    named = getattr(network, "named_parameters", None)
    if named is None:
        if isinstance(network, str) or not isinstance(network, Iterable):
            raise TypeError(f"draw_mlp: expected a module or the sizes of layers, got {type(network).__name__}")
        sizes = [int(size) for size in network]
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"draw_mlp: expected a module or at least two sizes, got {network!r}")
        return sizes, [], []
    parameters = {name: to_numpy(parameter) for name, parameter in named()}
    weights = {name: array for name, array in parameters.items() if array.ndim == 2}
    if not weights:
        raise ValueError(f"draw_mlp: {type(network).__name__} has no linear layer, that is no parameter of two dimensions")
    order = list(weights.values())
    for (before, first), (after, second) in pairwise(weights.items()):
        if second.shape[1] != first.shape[0]:
            raise ValueError(f"draw_mlp: {after}, shape {second.shape}, does not follow {before}, shape {first.shape}; this is no plain chain of linear layers")
    biases = [parameters.get(name.removesuffix("weight") + "bias") for name in weights]
    return [order[0].shape[1], *[array.shape[0] for array in order]], order, biases


def _places(size: int, most: int) -> dict[int, float]:
    """Unit -> height; of a large layer the first and the last units, with a gap between them."""
    shown = list(range(size)) if size <= most else [*range(most // 2), *range(size - most // 2, size)]
    count = len(shown) + (size > most)
    heights = [(count - 1) / 2 - i for i in range(count)]
    if size > most:
        del heights[most // 2]
    return dict(zip(shown, heights, strict=True))


def _lines(ax: Any, layer: int, left: dict[int, float], right: dict[int, float], weight: Any) -> None:
    from matplotlib.collections import LineCollection

    largest = float(abs(weight).max()) or 1.0 if weight is not None else 1.0
    thin = min(1.0, math.sqrt(MOST_WIDE / (len(left) * len(right))))  # where lines are many, small weights fade so that large ones can be seen
    for sign, color, dashes in ((1, theme.BLUE, "solid"), (-1, theme.VERMILION, "dashed")):
        wires, widths, seen = [], [], []
        for i, low in left.items():
            for j, high in right.items():
                value = 0.0 if weight is None else float(weight[j, i])
                if (value >= 0) == (sign > 0):
                    wires.append([(layer, low), (layer + 1, high)])
                    share = abs(value) / largest
                    widths.append(0.8 if weight is None else 0.15 + 2.6 * thin * share)
                    seen.append(0.75 * (thin + (1 - thin) * share**2))
        if wires:
            ax.add_collection(LineCollection(wires, linewidths=widths, colors=theme.MUTED if weight is None else color, linestyles=dashes, alpha=seen, zorder=1))


def _legend(ax: Any) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=theme.BLUE, linewidth=1.6, label="weight > 0"), Line2D([], [], color=theme.VERMILION, linewidth=1.6, linestyle="dashed", label="weight < 0"),
               Line2D([], [], color="none", label="line width: size, circle colour: bias")]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=3, frameon=False, fontsize="small")


def _circles(ax: Any, layer: int, units: dict[int, float], bias: Any) -> None:
    from matplotlib.colors import to_rgb

    largest = float(abs(bias).max()) or 1.0 if bias is not None else 1.0
    colors = []
    for unit in units:
        value = 0.0 if bias is None else float(bias[unit]) / largest
        base = to_rgb(theme.BLUE if value >= 0 else theme.VERMILION)
        colors.append(tuple(1 - 0.6 * abs(value) * (1 - channel) for channel in base))
    ax.scatter([layer] * len(units), list(units.values()), s=210, c=colors, edgecolors=theme.INK, linewidths=1.2, zorder=2)
