"""How a Tensor is shown: as PyTorch shows it, shortened in the middle when it is large."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from . import dtypes
from .backend.registry import BY_TYPE
from .storage import device_of


@dataclass(frozen=True)
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {"default": _Options(), "short": _Options(precision=2, edgeitems=2), "full": _Options(threshold=math.inf)}
_options = _Options()


def set_printoptions(precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None, linewidth: int | None = None,
                     profile: str | None = None, sci_mode: bool | None = None) -> None:
    """Choose how tensors are printed; what is left out stays as it is.

    ``precision`` is the number of digits after the point (4), ``threshold`` the number of elements from which a tensor
    is shortened (1000), ``edgeitems`` how many are then shown at each end (3), ``linewidth`` the characters per line
    (80). ``sci_mode`` forces scientific notation, or forbids it; ``None`` decides by the numbers. ``profile`` sets all
    at once: ``'default'``, ``'short'`` or ``'full'``. Raises ``ValueError`` for another profile.

    >>> import autograd_core as ag
    >>> ag.set_printoptions(precision=2)
    >>> ag.tensor([1 / 3])
    tensor([0.33])
    >>> ag.set_printoptions(profile="default")
    """
    global _options
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: profile must be 'default', 'short' or 'full', got {profile!r}")
        _options = _PROFILES[profile]
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options = replace(_options, **{name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode)  # type: ignore[arg-type]


class _Format:
    """One format for all numbers shown: wide enough for each, and scientific only if they differ too much in size."""

    def __init__(self, values: list[Any], floating: bool, options: _Options) -> None:
        self.floating = floating
        self.precision = options.precision
        self.integral = True
        self.scientific = False
        self.width = 1
        if not floating:
            self.width = max([len(str(value)) for value in values], default=1)
            return
        finite = [value for value in values if math.isfinite(value) and value != 0]
        if not finite:
            return
        low, high = min(map(abs, finite)), max(map(abs, finite))
        self.integral = all(value == math.ceil(value) for value in finite)
        self.scientific = high / low > 1000 or high > 1e8 or (not self.integral and low < 1e-4)
        if options.sci_mode is not None:
            self.scientific = options.sci_mode
        self.width = max(len(self._text(value)) for value in finite)

    def _text(self, value: float) -> str:
        if self.scientific:
            return f"{value:.{self.precision}e}"
        if self.integral:
            return f"{value:.0f}" + ("." if math.isfinite(value) else "")
        return f"{value:.{self.precision}f}"

    def __call__(self, value: Any) -> str:
        return (self._text(value) if self.floating else str(value)).rjust(self.width)


class _ComplexFormat:
    """Real and imaginary parts, each in a format of its own."""

    def __init__(self, values: list[complex], options: _Options) -> None:
        self.real = _Format([value.real for value in values], True, options)
        self.imag = _Format([value.imag for value in values], True, options)
        self.width = self.real.width + self.imag.width + 2

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).strip()
        return self.real(value.real) + (imag if imag.startswith("-") else "+" + imag) + "j"


def _vector(values: list[Any], form: Any, indent: int, edge: int | None, options: _Options) -> str:
    per_line = max(1, (options.linewidth - indent) // (form.width + 2))
    if edge is not None and len(values) > 2 * edge:
        shown = [*map(form, values[:edge]), " ...", *map(form, values[len(values) - edge :])]
    else:
        shown = [form(value) for value in values]
    lines = [", ".join(shown[i : i + per_line]) for i in range(0, len(shown), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(array: Any, form: Any, indent: int, edge: int | None, options: _Options) -> str:
    if array.ndim == 0:
        return str(form(array.item()))
    if array.ndim == 1:
        return _vector(array.tolist(), form, indent, edge, options)
    count = len(array)
    if edge is not None and count > 2 * edge:
        rows = [_nested(array[i], form, indent + 1, edge, options) for i in (*range(edge), *range(count - edge, count))]
        rows.insert(edge, "...")
    else:
        rows = [_nested(row, form, indent + 1, edge, options) for row in array]
    between: str = "," + "\n" * (array.ndim - 1) + " " * (indent + 1)
    return "[" + between.join(rows) + "]"


def _ends(array: Any, edge: int) -> list[Any]:
    """The elements that a shortened tensor shows."""
    for axis in range(array.ndim):
        count = array.shape[axis]
        if count > 2 * edge:
            array = array.take([*range(edge), *range(count - edge, count)], axis=axis)
    return list(array.ravel().tolist())


def _suffixes(t: Any, array: Any) -> list[str]:
    notes = []
    place = device_of(t._array)
    if place.type != "cpu":
        notes.append(f"device='{place}'")
    dtype = dtypes.from_numpy_dtype(array.dtype)
    if array.size == 0 and array.ndim != 1:
        notes.append(f"size={tuple(array.shape)}")
    usual = (dtypes.get_default_dtype(),) if array.size == 0 else (dtypes.get_default_dtype(), dtypes.default_complex(), dtypes.int64, dtypes.bool_)
    if dtype not in usual:
        notes.append(f"dtype={dtype!r}")
    node = t._node
    if node is not None:
        notes.append("requires_grad=True" if node.leaf else f"grad_fn=<{node.op.name}>")
    if t.name is not None:
        notes.append(f"name={t.name!r}")
    return notes


def represent(t: Any) -> str:
    """The ``repr`` of a Tensor: its numbers, then what is not usual: device, dtype, gradient, name."""
    options = _options
    array = BY_TYPE[t._array.__class__].to_numpy(t._array)
    prefix = "tensor("
    if array.size == 0:
        text = "[]"
    else:
        edge = options.edgeitems if array.size > options.threshold else None
        values = array.ravel().tolist() if edge is None else _ends(array, edge)
        form = _ComplexFormat(values, options) if array.dtype.kind == "c" else _Format(values, dtypes.from_numpy_dtype(array.dtype).is_floating_point, options)
        text = _nested(array, form, len(prefix), edge, options)
    text = prefix + text
    last = len(text) - text.rfind("\n") + 1
    for note in _suffixes(t, array):
        if last + len(note) + 2 > options.linewidth:
            text += ",\n" + " " * len(prefix) + note
            last = len(prefix) + len(note)
        else:
            text += ", " + note
            last += len(note) + 2
    return text + ")"
