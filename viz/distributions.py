"""Histograms of activations and gradients, and weights as pictures: one panel for each layer."""

from __future__ import annotations

import math
import os
from typing import Any

from . import files, theme
from .arrays import parameters_of, to_numpy
from .text import visible
from .tiles import sheet_of

BINS = 40


def activation_histograms(source: Any, inputs: Any = None, path: str | os.PathLike[str] | None = None, *, bins: int = BINS) -> Any:
    """Histograms of what each layer puts out, with the share of zeros and, for units that are zero for all examples, their number.

    Parameters
    ----------
    source : a module, which is called with ``inputs``; or a mapping of names to arrays, ``{"hidden": h}``, or an array or several.
    inputs : the arguments of the module: a tuple of them, or one Tensor.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    bins : bars per histogram.

    Returns the Matplotlib figure. Raises ``ValueError`` where there is nothing to show.
    """
    if callable(source):
        source = _outputs(source, inputs)
    panels = dict(_sizes(name, to_numpy(array)) for name, array in parameters_of(source).items())
    notes = {name: _dead(array) for name, array in panels.items()}
    return _histograms("activation", panels, notes, path, bins)


def gradient_histograms(source: Any, path: str | os.PathLike[str] | None = None, *, bins: int = BINS) -> Any:
    """Histograms of the gradients of each parameter, with their mean absolute value: vanishing and exploding layers stand out.

    Parameters
    ----------
    source : a module after ``backward()``; or a mapping of names to tensors with a gradient or to arrays; or an array or several.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.
    bins : bars per histogram.

    Returns the Matplotlib figure. Raises ``ValueError`` where no parameter has a gradient.
    """
    panels: dict[str, Any] = {}
    for name, parameter in parameters_of(source).items():
        gradient = getattr(parameter, "grad", parameter)
        if gradient is not None:
            panels.update([_sizes(name, to_numpy(gradient))])
    if not panels:
        raise ValueError("gradient_histograms: no parameter has a gradient; call backward() first")
    return _histograms("gradient", panels, {name: f"mean |g| {abs(array).mean():.2g}" for name, array in panels.items() if array.size}, path, bins)


def weights(source: Any, path: str | os.PathLike[str] | None = None) -> Any:
    """Weights of two or more dimensions as pictures, from vermilion (negative) through white to blue (positive), each with its scale.

    Parameters
    ----------
    source : a module, or a mapping of names to tensors or arrays, or an array or several. Kernels of convolutions are laid out side by side: a row
        for each output channel.
    path : where to save the picture, as ``.png``, ``.svg`` or ``.pdf``. Default: not saved.

    Returns the Matplotlib figure. Raises ``ValueError`` where nothing has two dimensions.
    """
    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    panels = dict(_sizes(name, array) for name, parameter in parameters_of(source).items() if (array := to_numpy(parameter)).ndim >= 2 and array.size)
    if not panels:
        raise ValueError("weights: nothing to show: no parameter has two or more dimensions")
    figure, axes = _grid(len(panels), 3.0)
    from matplotlib.colors import LinearSegmentedColormap

    diverging = LinearSegmentedColormap.from_list("vermilion-blue", [theme.VERMILION, "white", theme.BLUE]).with_extremes(bad="#CBD5E1")  # between tiles, and NaN
    for where, (name, array) in zip(axes, panels.items(), strict=False):
        most = float(abs(array).max()) or 1.0
        sheet = sheet_of(array[:, :, None] if array.ndim == 3 else array)  # kernels of one dimension are tiles of one row
        shown = where.imshow(array if sheet is None else sheet.rows, cmap=diverging, vmin=-most, vmax=most, aspect="auto" if array.ndim == 2 else "equal", interpolation="nearest")
        where.set_title(f"{visible(name)} {array.shape}", parse_math=False, fontsize="medium")
        where.set_xticks([])
        where.set_yticks([])
        figure.colorbar(shown, ax=where, shrink=0.8)
    if path is not None:
        files.save_figure(figure, path)
    return figure


def _sizes(name: str, array: Any) -> tuple[str, Any]:
    """An array with its name; absolute values in the place of complex numbers, floats in that of truth values."""
    if array.dtype.kind == "c":
        return f"|{name}|", abs(array)
    return name, array.astype("float32") if array.dtype.kind == "b" else array


def _outputs(module: Any, inputs: Any) -> dict[str, Any]:
    """What each innermost module put out last, by path, from a recorded run."""
    from .drawing import called
    from .records import built

    graph = built(called(module, () if inputs is None else inputs)[0])
    found: dict[str, Any] = {}
    for value in graph.record.values:
        if value.role == "result" and graph.arrays.get(value.id) is not None:
            found[value.scope or "result"] = graph.arrays[value.id]
    return found


def _dead(array: Any) -> str:
    if array.ndim < 2 or not array.size:
        return ""
    unit = 1 if array.ndim == 4 else array.ndim - 1
    zero = (array == 0).all(axis=tuple(i for i in range(array.ndim) if i != unit))
    share = float((array == 0).mean())
    return f"{share:.0%} zero, {int(zero.sum())} of {zero.size} units dead" if zero.any() else f"{share:.0%} zero" if share else ""


def _histograms(what: str, panels: dict[str, Any], notes: dict[str, str], path: str | os.PathLike[str] | None, bins: int) -> Any:
    import numpy as np

    if path is not None:
        files.format_of(path, files.FIGURE_FORMATS)
    if not panels:
        raise ValueError(f"{what}_histograms: nothing to show: there is no {what}")
    colors = theme.series_colors()
    figure, axes = _grid(len(panels), 2.3)
    for where, (name, array) in zip(axes, panels.items(), strict=False):
        numbers = array.reshape(-1).astype("float64")
        finite = numbers[np.isfinite(numbers)]
        note = notes.get(name, "")
        if finite.size < numbers.size:
            note = f"{numbers.size - finite.size} NaN or inf" + (f", {note}" if note else "")
        if finite.size:
            where.hist(finite, bins=bins, color=colors[0])
        where.axvline(0, color=theme.MUTED, linewidth=0.8, linestyle=":")
        where.set_title(f"{visible(name)} {array.shape}", parse_math=False, fontsize="medium")
        where.set_xlabel(f"{what}{': ' + note if note else ''}", parse_math=False, fontsize="small")
        where.locator_params(axis="x", nbins=5)
    if path is not None:
        files.save_figure(figure, path)
    return figure


def _grid(count: int, height: float) -> tuple[Any, list[Any]]:
    columns = min(count, 3 if count in (3, 5, 6, 9) else 4 if count > 4 else 2)
    rows = math.ceil(count / columns)
    figure = theme.figure(figsize=(max(3.6, 3.3 * columns), height * rows))
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for where in axes[count:]:
        where.set_axis_off()
    return figure, axes[:count]
