"""What ``gradcheck`` tells people: the worst element of a Jacobian, both of its values, and what most likely went wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .errors import describe

__all__ = ["GradcheckError", "Tolerance", "complain", "named", "unravel"]


class GradcheckError(RuntimeError):
    """An analytic gradient that the function's own values contradict."""


@dataclass(frozen=True)
class Tolerance:
    """The step, and how far analytic and numeric values may lie apart."""

    eps: float
    atol: float
    rtol: float

    def accepts(self, analytic: Any, numeric: Any) -> Any:
        """Whether the two agree, elementwise; NaN agrees with nothing."""
        return abs(analytic - numeric) <= self.atol + self.rtol * abs(numeric)


@dataclass(frozen=True)
class Block:
    """A part of the Jacobian of one output in one input: derivatives of real and imaginary parts (p, q) of chosen elements.

    ``analytic`` has the shape (p, rows, q, all elements of the input), or only the chosen ones in forward mode; ``numeric``,
    ``right`` and ``left`` (p, rows, q, columns), from central and from one-sided differences.
    """

    x: Any
    y: Any
    rows: Sequence[int]
    columns: Sequence[int]
    analytic: Any
    numeric: Any
    right: Any
    left: Any
    forward: bool = False


def unravel(flat: int, shape: Sequence[int]) -> tuple[int, ...]:
    """The index of the ``flat``-th element."""
    index: list[int] = []
    for n in reversed(shape):
        flat, rest = divmod(flat, n)
        index.insert(0, rest)
    return tuple(index)


def named(argument: Any, position: int) -> str:
    """An input in words: its number, its name, shape and dtype."""
    label = getattr(argument, "name", None)
    return f"input {position}{f' {label!r}' if label else ''} {describe(argument)}"


def complain(block: Block, argument: Any, position: int, k: int, tolerance: Tolerance, xp: Any, lost: str) -> str | None:
    """The report on a block of a Jacobian; ``None`` where all of its elements agree. ``lost`` explains an output that has no path to the input."""
    analytic = block.analytic if block.forward else block.analytic[..., xp.asarray(block.columns, dtype="int64")]
    wrong = ~tolerance.accepts(analytic, block.numeric)
    if not bool(wrong.any()):
        return None
    apart = abs(analytic - block.numeric)
    worst = int(xp.argmax(xp.where(wrong, xp.where(xp.isnan(apart), xp.inf, apart), -1.0).reshape(-1)))
    p, row, q, column = unravel(worst, analytic.shape)
    a, n = float(analytic[p, row, q, column]), float(block.numeric[p, row, q, column])
    part = "" if analytic.shape[0] == analytic.shape[2] == 1 else f" ({('real', 'imaginary')[p]} part of the output, {('real', 'imaginary')[q]} part of the input)"
    below = [f"{len(chosen)} of {size} elements of the {what}" for chosen, size, what in ((block.columns, block.x.size, "input"), (block.rows, block.y.size, "output"))
             if len(chosen) < size]
    sampled = f" (a seeded random sample: {' and '.join(below)})" if below else ""
    mode = "forward mode: " if block.forward else ""
    return (f"gradcheck: {mode}{int(wrong.sum())} of {wrong.size} derivatives of output {k} by {named(argument, position)}{sampled} are wrong. "
            f"The worst: d output{k}{list(unravel(block.rows[row], block.y.shape))} / d input{position}{list(unravel(block.columns[column], block.x.shape))}{part}: "
            f"analytic {a:.9g}, numeric {n:.9g}, ratio {f'{a / n:.6g}' if n else 'infinite'}. "
            f"Likely cause: {_cause(block, analytic, (p, row, q, column), tolerance, xp, lost)}")


_RATIOS = ((-1.0, "the sign is wrong"), (2.0, "a factor 2 too much"), (0.5, "a factor 2 is missing"))


def _cause(block: Block, analytic: Any, worst: tuple[int, ...], tolerance: Tolerance, xp: Any, lost: str) -> str:
    """The first explanation under which all that was looked at would be right."""
    numeric = block.numeric
    rule = "the jvp (tangent rule) of an operation" if block.forward else "the rule of an operation"

    def explains(changed: Any) -> bool:
        return bool(tolerance.accepts(changed, numeric).all())

    for array, what in ((block.x, "the input is"), (block.y, "the function computes in")):
        if array.dtype.itemsize < (16 if array.dtype.kind == "c" else 8):
            return f"{what} {array.dtype}, too coarse for differences with a step of {tolerance.eps:g}. Use float64 throughout (.double()), or a step of 1e-3 and an atol of 1e-2"
    if not bool(analytic.any()):
        return f"the gradient is lost: {lost}" if lost else f"the gradient is lost: {rule} returns zeros, or part of the path was cut by detach(), .data or no_grad()"
    for factor, words in _RATIOS:
        if explains(analytic / factor):
            return words
    if bool(xp.isfinite(numeric).all()) and (kink := _kink(block, worst, tolerance)):
        return kink
    if analytic.shape[0] == 2 or analytic.shape[2] == 2:
        signs = xp.ones((analytic.shape[0], 1, analytic.shape[2], 1))
        crossed, imaginary = signs.copy(), signs.copy()
        if analytic.shape[0] == analytic.shape[2] == 2:
            crossed[0, 0, 1] = crossed[1, 0, 0] = -1
        imaginary[:, :, -1] = -1
        if explains(analytic * crossed) or explains(analytic * imaginary):
            return f"the complex conjugate is missing: {rule} must multiply by the conjugate of the derivative, g * conj(...)"
    if (turned := _transposed(block, xp)) is not None and explains(turned):
        return "the gradient is transposed"
    peak = int(abs(analytic.reshape(-1)).argmax())
    scale = float(analytic.reshape(-1)[peak] / numeric.reshape(-1)[peak]) if float(numeric.reshape(-1)[peak]) else math.inf
    if math.isfinite(scale) and scale and explains(analytic / scale):
        return f"a constant factor {scale:.6g}{_origin(scale, block)}"
    if not block.forward and block.x.shape != block.y.shape and bool((tolerance.accepts(analytic, numeric) | (analytic == 0)).all()):
        return "the sum over a broadcast dimension is missing: only some of the outputs that this input feeds are counted"
    return f"{rule} in between; check its parts one by one"


def _origin(scale: float, block: Block) -> str:
    """Where a factor may come from: a mean in place of a sum, or the other way round."""
    for array, what in ((block.x, "the input"), (block.y, "the output")):
        for size, of in [(array.size, f"elements of {what}"), *[(n, f"entries of dimension {d} of {what}") for d, n in enumerate(array.shape)]]:
            if size > 2 and math.isclose(scale, 1 / size, rel_tol=1e-3):
                return f": 1 / {size}, the number of {of}; a mean where there should be a sum"
            if size > 2 and math.isclose(scale, size, rel_tol=1e-3):
                return f": the number of {of}; a sum where there should be a mean"
    return ""


def _kink(block: Block, worst: tuple[int, ...], tolerance: Tolerance) -> str | None:
    """Words about one-sided differences that differ: there is no derivative."""
    right, left = float(block.right[worst]), float(block.left[worst])
    if abs(right - left) <= 100 * (tolerance.atol + tolerance.rtol * abs(float(block.numeric[worst]))):
        return None
    return (f"the function has a kink or a jump within eps of this input, where no derivative exists: its slope is {left:.6g} to the left and {right:.6g} to the right. "
            "Check at another point")


def _transposed(block: Block, xp: Any) -> Any:
    """The analytic derivatives by the chosen elements as they were with the last two dimensions of the input swapped."""
    shape = block.x.shape
    if block.forward or len(shape) < 2 or shape[-1] != shape[-2]:
        return None
    folded = block.analytic.reshape((*block.analytic.shape[:3], *shape))
    return folded.swapaxes(-1, -2).reshape(block.analytic.shape)[..., xp.asarray(block.columns, dtype="int64")]
