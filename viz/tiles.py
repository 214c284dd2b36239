"""Arrays of any rank as one sheet of numbers: matrices as they are, more dimensions as tiles, and in words what is left out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sheet:
    """Numbers in rows, NaN between tiles.

    ``tile`` is the height and width of one tile and ``columns`` how many stand side by side; ``lead`` are the sizes of the
    dimensions that run over tiles, as they are shown; ``words`` say what one sees where it is not simply the matrix.
    """

    rows: Any
    tile: tuple[int, int]
    columns: int
    lead: tuple[int, ...]
    words: str

    def gap(self, i: int, j: int) -> bool:
        """Whether a place of the sheet lies between tiles, or where there is none."""
        height, width = self.tile
        row, column = i // (height + 1), j // (width + 1)
        return i % (height + 1) == height or j % (width + 1) == width or (len(self.lead) == 1 and row * self.columns + column >= self.lead[0])


def sheet_of(array: Any, most: int | None = None) -> Sheet | None:
    """The sheet of a NumPy array: a vector is a row, the last two dimensions are a tile, those before them run over tiles.

    Dimensions before the last four are fixed at index 0. ``most`` limits the rows and columns of the sheet; what does not
    fit is cut off, and ``words`` says so. ``None`` for a single number, an empty array, and dtypes that have no size.

    >>> import numpy as np
    >>> sheet_of(np.zeros((8, 3, 5, 5))).words
    '8 × 3 tiles of 5 × 5'
    >>> sheet_of(np.zeros((100, 7)), 32).words
    'rows 0 to 31 of 100'
    """
    import numpy as np

    if array.ndim == 0 or array.size < 2 or array.dtype.kind not in "fiub":
        return None
    said, first = [], 0
    if array.ndim > 4:
        fixed = array.ndim - 4
        said.append(f"index {', '.join('0' * fixed)} of dimension{'s' if fixed > 1 else ''} {', '.join(map(str, range(fixed)))}")
        first = fixed
        array = array[(0,) * fixed]
    lead, matrices = array.shape[:-2], array.reshape(-1, *(array.shape[-2:] if array.ndim > 1 else (1, array.shape[0])))
    height, width = matrices.shape[1:]
    if most is not None:
        for what, length, axis in (("rows", height, 1), ("columns", width, 2)):
            if length > most:
                said.append(f"{what} 0 to {most - 1} of {length}")
                matrices = matrices.take(range(most), axis)
        height, width = matrices.shape[1:]
    if not lead:
        return Sheet(matrices[0].astype("float64"), (height, width), 1, (), ", ".join(said))
    columns = lead[1] if len(lead) == 2 else math.ceil(math.sqrt(len(matrices) * (height + 1) / (width + 1)))
    columns = max(1, min(columns, len(matrices)))
    rows = lead[0] if len(lead) == 2 else math.ceil(len(matrices) / columns)
    if most is not None:
        across, down = (min(count, max(1, (most + 1) // (length + 1))) for count, length in ((columns, width), (rows, height)))
        if len(lead) == 2:
            shown: tuple[int, ...] = (down, across)
            matrices = matrices.reshape(*lead, height, width)[:down, :across].reshape(-1, height, width)
        else:
            shown = (min(lead[0], across * down),)
            matrices = matrices[: shown[0]]
        cut = enumerate(zip(shown, lead, strict=True), first)
        said += [f"{f'the first {now}' if now > 1 else 'index 0'} of {whole} along dimension {i}" for i, (now, whole) in cut if now < whole]
        lead, columns, rows = shown, across, down
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for number, matrix in enumerate(matrices):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        sheet[top : top + height, left : left + width] = matrix
    said.insert(0, f"{' × '.join(map(str, lead))} {'tile' if len(matrices) == 1 else 'tiles'} of {height} × {width}")
    return Sheet(sheet, (height, width), columns, lead, ", ".join(said))
