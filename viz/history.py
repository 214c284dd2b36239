"""What was measured in each epoch of a training."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

MOST_EPOCHS = 12
"""Epochs that a notebook shows as rows; of longer histories the first, the best and the last ones."""


class History(dict[str, list[float]]):
    """A sequence of numbers for each measure: ``{"train_loss": [...], "validation_loss": [...]}``; an ordinary dict that grows by epochs.

    In a notebook it shows its learning curves and a table. ``viz.curves`` draws it, and so does any mapping or list of mappings.

    >>> history = History()
    >>> history.append(train_loss=0.9, validation_loss=1.0)
    >>> history.append(train_loss=0.5, validation_loss=0.8)
    >>> len(history), history.epochs, history.best_epoch
    (2, 2, 2)
    """

    def append(self, measures: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Add an epoch: numbers or Tensors of one element by measure. What an epoch does not measure, or measured for the first time, is NaN."""
        numbers = {str(name): float(value) for name, value in {**(measures or {}), **more}.items()}
        before = self.epochs
        for name in dict.fromkeys((*self, *numbers)):
            self.setdefault(name, [math.nan] * before).append(numbers.get(name, math.nan))

    @property
    def epochs(self) -> int:
        """How many epochs there are."""
        return max((len(values) for values in self.values()), default=0)

    @property
    def best_epoch(self) -> int | None:
        """The epoch with the lowest validation loss, counted from 1; ``None`` without one."""
        from .curves import best_epoch

        return best_epoch(self)

    def _repr_html_(self) -> str:
        if not self.epochs:
            return "<div>no epoch yet</div>"
        best = self.best_epoch
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self)
        rows, last = [], 0
        for epoch in _shown(self.epochs, best):
            if epoch != last + 1:
                rows.append(f'<tr><td colspan="{len(self) + 1}" style="text-align:center">⋮</td></tr>')
            last = epoch
            cells = "".join(f"<td>{_number(values, epoch)}</td>" for values in self.values())
            style = ' style="font-weight:bold"' if epoch == best else ""
            rows.append(f"<tr{style}><th>{epoch}{' (best)' if epoch == best else ''}</th>{cells}</tr>")
        return f"{self._picture()}<table><tr><th>epoch</th>{head}</tr>{''.join(rows)}</table>"

    def _picture(self) -> str:
        from .curves import curves

        try:
            figure = curves(self)
        except ImportError:  # the numbers can be read without Matplotlib
            return ""
        return f'<img alt="learning curves" style="max-width:100%" src="data:image/png;base64,{base64.b64encode(figure._repr_png_()).decode()}"/>'


def _shown(count: int, best: int | None) -> Sequence[int]:
    if count <= MOST_EPOCHS:
        return range(1, count + 1)
    half = MOST_EPOCHS // 2
    return sorted({*range(1, half + 1), *([best] if best is not None else []), *range(count - half + 1, count + 1)})


def _number(values: Sequence[float], epoch: int) -> str:
    if epoch > len(values) or math.isnan(values[epoch - 1]):
        return ""
    return f"{values[epoch - 1]:.4g}".replace("-", "−")
