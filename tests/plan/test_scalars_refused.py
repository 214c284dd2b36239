"""What compiled functions of Scalars refuse, each with the sentence that a user reads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Scalar
from autograd_core.plan import PlanError


def refused(f: Any, *args: Any, calls: int = 1) -> str:
    compiled = ag.compile(f)
    for _ in range(calls - 1):
        compiled(*args)
    with pytest.raises(PlanError) as caught:
        compiled(*args)
    assert "test_scalars_refused.py:" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("what", "read"), [
    ("the truth of a number that the step computes is a value that decides which Python code runs", lambda w: 1 if w * w else 2),
    ("the comparison of numbers that the step computes is a value that decides which Python code runs", lambda w: (w * w).data > 3),
    ("the comparison of numbers that the step computes is a value that decides which Python code runs", lambda w: w * w == w),
    ("a comparison of Scalars decides which Python code runs", lambda w: w * w > 0),
    ("converting a recorded number to a Python number that the step computes reads a value", lambda w: math.exp(w.data)),
    ("converting a recorded number to a Python number that the step computes reads a value", lambda w: float(w)),
    ("printing a number that the step computes reads a value", lambda w: f"{w.grad:.3f}"),
    ("printing a number that the step computes reads a value", lambda w: str(w)),
    ("rounding a recorded number that the step computes reads a value", lambda w: round(w.data, 2)),
])
def test_reading_a_value_names_the_line_and_the_rewrite(what: str, read: Any) -> None:
    w = Scalar(2.0)
    text = refused(lambda: read(w))
    assert text.startswith(f"compile: {what}, at ")
    assert "Return the Scalar and look at it after the call, or compute with it (relu, maximum, clamp instead of if)" in text


def test_local_gradients_and_scalars_in_place_of_numbers() -> None:
    w = Scalar(2.0)
    assert "left_gradient of a Scalar is a number of one call" in refused(lambda: (w * 2.0).left_gradient)

    def assigned() -> None:
        w.data = w * 2.0  # type: ignore[assignment]

    assert "Assign its number: x.data = other.data" in refused(assigned)


def test_scalars_and_tensors_together() -> None:
    w = Scalar(2.0)
    assert "a Scalar becomes a Tensor" in refused(lambda x: w * x, ag.ones(2))
    assert "Scalars and Tensors are computed in one compiled function" in refused(lambda x: (w * 2.0, x * 2.0), ag.ones(2))
    f = ag.compile(lambda x: w * x)
    f(1.0)
    with pytest.raises(PlanError, match=r"a Tensor is an argument of a function that computes with Scalars"):
        f(ag.ones(2))


def test_raw_arrays_for_tensors_and_arrays_of_other_things() -> None:
    f = ag.compile(lambda x: ag.tensor(x).sum())
    with pytest.raises(PlanError, match=r"Pass a Tensor: autograd_core\.from_numpy"):
        f(np.ones(3))
    g = ag.compile(lambda x: (x * 2.0).sum())
    with pytest.raises(PlanError, match=r"Pass a Tensor: autograd_core\.from_numpy"):
        g(np.ones(3))
    assert [g(ag.ones(3)).item() for _ in range(3)] == [6.0] * 3
    w = Scalar(2.0)
    h = ag.compile(lambda x: w * float(x.any()))
    with pytest.raises(PlanError, match="raw array of bool, whose values a plan would keep"):
        h(np.ones(3, dtype=bool))


def test_numbers_inside_are_no_floats() -> None:
    w = Scalar(2.0)
    f = ag.compile(lambda rate: (w * rate).data if isinstance(rate, float) else None)
    assert f(3.0) == 6.0
    with pytest.raises(PlanError, match="the numbers among its arguments are recorded numbers, which are no instances of float or int"):
        f(3.0)


def test_tensors_after_scalars() -> None:
    w = Scalar(2.0)
    f = ag.compile(lambda kind, x: (w * x).data if kind == "scalar" else (ag.ones(2) * 2.0).sum())
    assert f("scalar", 3.0) == 6.0
    with pytest.raises(PlanError, match="Tensors are computed in a function that computed with Scalars before"):
        f("tensor", 3.0)
    assert [f("scalar", 3.0) for _ in range(3)] == [6.0] * 3


def test_a_scalar_with_a_graph_from_outside() -> None:
    y = Scalar(2.0) * 3.0
    assert "a Scalar from outside has a graph of its own, made by mul" in refused(lambda: y * 2.0)
    assert "the argument has a graph of its own, made by mul" in refused(lambda x: x * 2.0, y)


def test_a_number_that_changes_between_the_recorded_calls() -> None:
    count = iter(range(10))
    w = Scalar(2.0)
    text = refused(lambda: w * float(next(count)), calls=2)
    assert text.startswith("compile: input 1 of mul differs between the two recorded calls, 0.0 then 1.0, at ")
    text = refused(lambda: w * Scalar(float(next(count))), calls=2)
    assert "differs between the two recorded calls, 2.0 then 3.0" in text
    text = refused(lambda: w.sin() if next(count) == 4 else w.cos(), calls=2)
    assert text.startswith("compile: the two recorded calls did different things: sin at ")
    text = refused(lambda: sum([w] * next(count)), calls=2)
    assert "add ran only in the second of the two recorded calls" in text


def test_a_number_that_python_kept() -> None:
    w = Scalar(2.0)
    momentum = [0.0]

    def step() -> None:
        w.zero_grad()
        (w * w).backward()
        momentum[0] = 0.9 * momentum[0] + w.grad
        w.data -= momentum[0]

    text = refused(step, calls=2)
    assert "a number of an earlier call was kept by Python and is used again" in text
    assert "state = Scalar(0.0), and inside state.data = ..." in text
    assert float(momentum[0]) == 4.0  # outside of a recording it is a number like any other


def test_division_of_numbers_by_zero_raises_as_in_eager_and_writes_nothing() -> None:
    w, v = Scalar(2.0), Scalar(1.0)

    @ag.compile
    def f() -> None:
        v.data = v.data + 1.0
        w.data = 1.0 / w.data

    f(), f(), f()
    w.data = 0.0
    with pytest.raises(ZeroDivisionError, match=r"recorded at .*test_scalars_refused\.py"):
        f()
    assert (v.data, w.data) == (4.0, 0.0)


def test_an_error_inside_leaves_scalars_as_they_were() -> None:
    w = Scalar(2.0)
    with pytest.raises(PlanError):
        ag.compile(lambda: bool(w.data))()
    assert type(w.data) is float
    assert Scalar.data is Scalar.__dict__["_data"]


@pytest.mark.parametrize("given", [lambda x: x * x, lambda: Scalar(2.0) * 3.0])
def test_passes_are_those_of_tensors(given: Any) -> None:
    f = ag.compile(given, passes=["dead"])
    with pytest.raises(ValueError, match="computes with Scalars, and passes= chooses among those over graphs of Tensors"):
        f(*([Scalar(1.0)] if given.__code__.co_argcount else []))
