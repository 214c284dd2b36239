"""Numeric derivatives beside analytic ones: difference quotients, and their error against the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .backend.registry import backend_of
from .backward import grad
from .config import enable_grad, no_grad
from .queries import is_tensor
from .storage import real_array, wrap

__all__ = ["StepTable", "numerical_gradient", "step_table"]


def numerical_gradient(f: Callable[[Any], Any], x: Any, h: float = 1e-5, method: str = "central") -> Any:
    """The gradient of the scalar ``f`` at ``x`` by difference quotients, one element after the other.

    Parameters
    ----------
    f : a function of one tensor that returns one number.
    x : a tensor of floating-point numbers; it is moved in place and put back.
    h : the step. The error of the quotient grows with it (truncation) and with its inverse (rounding): see :func:`step_table`.
    method : ``forward``: (f(x+h) − f(x)) / h, or ``central``: (f(x+h) − f(x−h)) / 2h.

    Returns a tensor in the shape and dtype of ``x``.

    >>> import autograd_core as ag
    >>> x = ag.tensor([1.0, 2.0], dtype=ag.float64)
    >>> [round(n, 4) for n in numerical_gradient(lambda x: (x ** 2).sum(), x, h=0.01, method="forward").tolist()]
    [2.01, 4.01]
    >>> [round(n, 4) for n in numerical_gradient(lambda x: (x ** 2).sum(), x, h=0.01).tolist()]
    [2.0, 4.0]
    """
    if method not in ("forward", "central"):
        raise ValueError(f"numerical_gradient: method must be 'forward' or 'central', got {method!r}")
    if not is_tensor(x) or x._array.dtype.kind != "f":
        raise TypeError("numerical_gradient: x must be a Tensor of real floating-point numbers")
    if not h > 0:
        raise ValueError(f"numerical_gradient: the step h must be positive, got {h}")
    array = real_array(x)
    xp = backend_of(array).xp
    result = xp.zeros(array.size, dtype=array.dtype)
    before = array.copy()
    unit = xp.zeros(array.size, dtype=array.dtype)

    def value(step: Any) -> float:
        array[...] = before + step.reshape(array.shape)
        y = f(x)
        if not is_tensor(y) or y.numel() != 1:
            raise RuntimeError("numerical_gradient: f must return a Tensor with one element. Reduce it with .sum()")
        return float(y.item())

    with no_grad():
        try:
            start = value(unit) if method == "forward" else 0.0
            for i in range(array.size):
                unit[i] = h
                above = value(unit)
                result[i] = (above - start) / h if method == "forward" else (above - value(-unit)) / (2 * h)
                unit[i] = 0
        finally:
            array[...] = before
    return wrap(result.reshape(array.shape))


_STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12)


@dataclass(frozen=True)
class StepTable:
    """The largest error of both quotients for each step: ``print`` shows a table, ``plot()`` a log-log figure."""

    steps: tuple[float, ...]
    forward: tuple[float, ...]
    central: tuple[float, ...]

    def __str__(self) -> str:
        rows = [f"{'h':>8}  {'forward':>10}  {'central':>10}"]
        rows += [f"{h:8.0e}  {a:10.2e}  {b:10.2e}" for h, a, b in zip(self.steps, self.forward, self.central, strict=True)]
        best = [self.steps[min(range(len(errors)), key=errors.__getitem__)] for errors in (self.forward, self.central)]
        return "\n".join([*rows, f"smallest error at h = {best[0]:.0e} (forward) and h = {best[1]:.0e} (central): above it truncation prevails, below it rounding"])

    def plot(self, ax: Any = None) -> Any:
        """Both errors against h on logarithmic axes, drawn with Matplotlib; returns the axes."""
        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots()
        ax.loglog(self.steps, self.forward, "o-", label="(f(x+h) − f(x)) / h")
        ax.loglog(self.steps, self.central, "s-", label="(f(x+h) − f(x−h)) / 2h")
        ax.set_xlabel("h")
        ax.set_ylabel("largest error")
        ax.legend()
        return ax


def step_table(f: Callable[[Any], Any], x: Any, steps: Sequence[float] = _STEPS) -> StepTable:
    """How far the difference quotients of ``f`` at ``x`` lie from the recorded gradient, for each step.

    >>> import autograd_core as ag
    >>> table = step_table(lambda x: x.exp().sum(), ag.tensor([1.0], dtype=ag.float64), steps=(1e-1, 1e-5))
    >>> table.central[1] < table.central[0] < table.forward[0]
    True
    """
    point = wrap(real_array(x).copy()).requires_grad_()
    with enable_grad():
        (analytic,) = grad(f(point), point)
    plain = wrap(real_array(x).copy())
    errors: dict[str, list[float]] = {"forward": [], "central": []}
    for method, found in errors.items():
        for h in steps:
            found.append(float(abs(numerical_gradient(f, plain, h, method) - analytic).max().item()))
    return StepTable(tuple(steps), tuple(errors["forward"]), tuple(errors["central"]))
