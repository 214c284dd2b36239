"""What ``gradcheck`` evaluates: a function with one input moved, its gradients and tangents, and single derivatives by both."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from .backend.registry import backend_of
from .backward import grad
from .config import enable_grad
from .errors import ShapeError
from .explain import explain
from .gradcheck_report import Block, GradcheckError, Tolerance, complain
from .storage import TensorBase, real_array, wrap

__all__ = ["SAMPLE", "compare_elements", "compare_tangents", "gradient_of", "inner", "moved_outputs", "of_checked", "one_tangent", "outputs_of", "points_of", "random_like",
           "sampled", "unit_parts"]

SAMPLE = 64
"""Of how many elements of an input or output, at most, single derivatives are computed."""


def outputs_of(func: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """The tensors of real or complex numbers that ``func`` returns."""
    result = func(*arguments)
    results = result if isinstance(result, (tuple, list)) else (result,)
    for y in results:
        if y is not None and not isinstance(y, TensorBase):
            raise ValueError(f"gradcheck: the function must return a Tensor or a tuple of Tensors, got {type(y).__name__}")
    return [y for y in results if y is not None and y._array.dtype.kind in "fc"]


def random_like(x: Any, seed: int, *, gaps: bool = False) -> Any:
    """A Tensor of normal numbers, away from 0, in the shape and dtype of ``x``; with gaps between its elements in memory if asked for."""
    array = real_array(x)
    backend = backend_of(array)
    stream = backend.random(seed)

    def draw() -> Any:
        numbers = stream.standard_normal(array.shape)
        return numbers + 0.5 * backend.xp.sign(numbers)

    numbers = backend.xp.asarray(draw() + 1j * draw() if array.dtype.kind == "c" else draw(), dtype=array.dtype)
    if gaps and array.ndim:
        numbers = backend.xp.repeat(numbers, 2, axis=-1)[..., ::2]
    return wrap(numbers)


def gradient_of(func: Callable[..., Any], arguments: Sequence[Any], checked: Sequence[int], cotangents: dict[int, Any]) -> list[Any]:
    """The analytic gradients of ``sum(cotangents * outputs)``, as raw arrays or ``None``."""
    with enable_grad():
        outputs = outputs_of(func, arguments)
        chosen = [(outputs[k], u) for k, u in cotangents.items() if outputs[k]._node is not None]
        if not chosen:
            return [None] * len(checked)
        try:
            found = grad([y for y, _ in chosen], [arguments[i] for i in checked], [u for _, u in chosen], allow_unused=True)
        except ShapeError as error:
            raise GradcheckError(f"gradcheck: the backward pass failed: {error}. Likely cause: the sum over a broadcast dimension is missing in that rule") from error
    return [None if g is None else real_array(g) for g in found]


def moved_outputs(func: Callable[..., Any], arguments: Sequence[Any], position: int, step: Any) -> list[Any]:
    """The outputs, as raw arrays of their own, with one input moved by ``step``."""
    array = real_array(arguments[position])
    before = array.copy()
    try:
        array[...] = before + step
        return [real_array(y).copy() for y in outputs_of(func, arguments)]
    finally:
        array[...] = before


def inner(a: Any, b: Any) -> float:
    """The real inner product: what a cotangent and a tangent have in common, also of complex numbers."""
    product = (a.conj() * b).sum()
    return float(product.real)


def of_checked(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int]) -> Callable[..., Any]:
    """``func`` as a function of the checked inputs alone."""

    def partial(*values: Any) -> Any:
        full = list(arguments)
        for position, value in zip(checked, values, strict=True):
            full[position] = value
        return tuple(outputs_of(func, full))

    return partial


def points_of(arguments: Sequence[Any], checked: list[int]) -> tuple[Any, ...]:
    """The checked inputs without graph, in the same memory."""
    return tuple(wrap(real_array(arguments[position])) for position in checked)


def one_tangent(points: tuple[Any, ...], which: int, v: Any) -> tuple[Any, ...]:
    """``v`` for one of the points, zeros for the others."""
    return tuple(v if i == which else wrap(real_array(x) * 0) for i, x in enumerate(points))


# --- single derivatives -------------------------------------------------------------------------------------------


def sampled(size: int) -> list[int]:
    """The elements that are looked at one by one: all, or a random sample that is always the same."""
    return list(range(size)) if size <= SAMPLE else sorted(random.Random(size).sample(range(size), SAMPLE))


def unit_parts(array: Any) -> tuple[complex, ...]:
    """The directions in which one number can move: along the real axis, and along the imaginary one."""
    return (1.0, 1j) if array.dtype.kind == "c" else (1.0,)


def differences(func: Callable[..., Any], arguments: Sequence[Any], position: int, k: int, rows: list[int], columns: list[int], eps: float) -> tuple[Any, Any, Any, Any]:
    """Output ``k``, and the derivatives of its elements ``rows`` by the elements ``columns`` of an input: central, right and left differences."""
    x = real_array(arguments[position])
    xp = backend_of(x).xp
    y = real_array(outputs_of(func, arguments)[k]).copy()
    here = y.reshape(-1)[xp.asarray(rows, dtype="int64")]
    central, right, left = (xp.zeros((len(unit_parts(y)), len(rows), len(unit_parts(x)), len(columns))) for _ in range(3))
    for q, unit in enumerate(unit_parts(x)):
        for column, i in enumerate(columns):
            step = xp.zeros(x.size, dtype=x.dtype)
            step[i] = unit * eps
            above, below = (moved_outputs(func, arguments, position, sign * step.reshape(x.shape))[k].reshape(-1)[xp.asarray(rows, dtype="int64")] for sign in (1, -1))
            for result, slope in ((central, (above - below) / (2 * eps)), (right, (above - here) / eps), (left, (here - below) / eps)):
                for p in range(len(unit_parts(y))):
                    result[p, :, q, column] = slope.real if p == 0 else slope.imag
    return y, central, right, left


def compare_elements(func: Callable[..., Any], arguments: Sequence[Any], position: int, k: int, columns: list[int], tolerance: Tolerance) -> None:
    """Compare derivatives of output ``k`` by elements of one input, in reverse mode, and raise for the worst."""
    x = real_array(arguments[position])
    xp = backend_of(x).xp
    output = outputs_of(func, arguments)[k]
    rows = sampled(real_array(output).size)
    y, central, right, left = differences(func, arguments, position, k, rows, columns, tolerance.eps)
    analytic = xp.zeros((len(unit_parts(y)), len(rows), len(unit_parts(x)), x.size))
    missing = False
    for p, unit in enumerate(unit_parts(y)):
        for row, j in enumerate(rows):
            u = xp.zeros(y.size, dtype=y.dtype)
            u[j] = unit
            (g,) = gradient_of(func, arguments, [position], {k: wrap(u.reshape(y.shape))})
            missing = g is None
            for q in range(len(unit_parts(x)) if g is not None else 0):
                analytic[p, row, q] = (g.real if q == 0 else g.imag).reshape(-1)
    lost = explain(arguments[position], output).text if missing else ""
    words = complain(Block(x, y, rows, columns, analytic, central, right, left), arguments[position], position, k, tolerance, xp, lost)
    if words is not None:
        raise GradcheckError(words)


def compare_tangents(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], which: int, k: int, tolerance: Tolerance) -> None:
    """The same in forward mode: one push for each element of the input."""
    from .func.forward import jvp

    position = checked[which]
    x = real_array(arguments[position])
    xp = backend_of(x).xp
    points, columns = points_of(arguments, checked), sampled(x.size)
    rows = sampled(real_array(outputs_of(func, arguments)[k]).size)
    y, central, right, left = differences(func, arguments, position, k, rows, columns, tolerance.eps)
    analytic = xp.zeros(central.shape)
    for q, unit in enumerate(unit_parts(x)):
        for column, i in enumerate(columns):
            v = xp.zeros(x.size, dtype=x.dtype)
            v[i] = unit
            _, moved = jvp(of_checked(func, arguments, checked), points, one_tangent(points, which, wrap(v.reshape(x.shape))))
            t = real_array(moved[k]).reshape(-1)[xp.asarray(rows, dtype="int64")]
            for p in range(len(unit_parts(y))):
                analytic[p, :, q, column] = t.real if p == 0 else t.imag
    words = complain(Block(x, y, rows, columns, analytic, central, right, left, forward=True), arguments[position], position, k, tolerance, xp, "")
    if words is not None:
        raise GradcheckError(words)
