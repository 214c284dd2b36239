"""Writing pictures: the format follows the suffix, and a failure leaves no partial file."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograd_core.files import write_whole

FIGURE_FORMATS = ("png", "svg", "pdf")


def format_of(path: str | os.PathLike[str], allowed: Sequence[str]) -> str:
    """The format that a path's suffix asks for; ``ValueError`` if it is none of ``allowed``.

    >>> format_of("out/graph.PNG", ("png", "svg"))
    'png'
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in allowed:
        listed = ", ".join("." + name for name in allowed)
        raise ValueError(f"cannot tell the picture's format from {os.fspath(path)!r}: the path must end in one of {listed}")
    return suffix


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Save a Matplotlib figure in the format of the path's suffix."""
    chosen = format_of(path, FIGURE_FORMATS)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=chosen)
    write_whole(path, buffer.getvalue())
