"""Replayed graphs of Scalars against eager, to the last bit: every op, random graphs, graphs of a hundred thousand nodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_core as ag
from autograd_core import Scalar

from .test_scalars import EXACT, MACHINES, bits


@MACHINES
@EXACT
def test_every_op(exact: bool, backend: str) -> None:
    from autograd_core import scalar as module

    for op in sorted(module._NAMES, key=lambda op: op.name):
        low, high = op.domain
        values = [x for x in (-1.7, -0.6, 0.37, 0.9, 1.75) if low <= x <= high][:3]
        attributes = {"threshold": {"threshold": 0.1, "value": 20.0}}.get(op.name, {})

        def run(inputs: Any, op: Any = op, attributes: Any = attributes) -> Any:
            others = inputs[1 : len(op.inputs)] if len(op.inputs) == 2 else [-0.5, 1.0][: len(op.inputs) - 1]
            y = getattr(inputs[0], op.name)(*others, **attributes)
            y.backward()
            return y

        f = ag.compile(run, exact=exact, backend=backend)
        for shift in range(4):
            inputs = [[Scalar(values[(i + shift) % len(values)]) for i in range(3)] for _ in range(2)]
            expected, found = run(inputs[0]), f(inputs[1])
            assert len(f.plans) == (shift > 0)
            numbers = [expected.data, *[x.grad for x in inputs[0]]], [found.data, *[x.grad for x in inputs[1]]]
            if exact:
                assert bits(*numbers[0]) == bits(*numbers[1]), op.name
            else:
                assert numbers[0] == pytest.approx(numbers[1], rel=1e-13, abs=1e-300, nan_ok=True), op.name


UNARY = ("relu", "tanh", "exp", "sin", "neg", "abs", "sigmoid", "sqrt", "log", "reciprocal", "leaky_relu", "floor")
BINARY = ("add", "sub", "mul", "div", "add", "mul", "maximum", "pow")
NUMBERS = st.sampled_from([-2.0, -1.0, -0.5, -0.0, 0.0, 0.25, 0.5, 1.0, 3.0])
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 11), st.integers(0, 40), st.integers(0, 40), st.booleans()), min_size=1, max_size=40)


@MACHINES
@pytest.mark.parametrize("lanes", [1, 19])
@settings(max_examples=60, deadline=None)
@given(STEPS, st.lists(NUMBERS, min_size=4, max_size=4), st.lists(NUMBERS, min_size=4, max_size=4), NUMBERS)
def test_random_graphs_to_the_last_bit(backend: str, lanes: int, steps: Any, first: Any, second: Any, number: float) -> None:
    """Many lanes, which compute the same of other numbers and share one leaf, are replayed by array operations."""

    def lane(pool: list[Any], number: Any) -> Any:
        for unary, which, i, j, plain in steps:
            left = pool[i % len(pool)]
            if unary:
                pool.append(getattr(left, UNARY[which])())
            else:
                pool.append(getattr(left, BINARY[which % 8])(number if plain else pool[j % len(pool)]))
        total = pool[0] * 1.0
        for each in pool[3:]:
            total = total + each
        return total

    def run(leaves: Any, number: Any) -> Any:
        totals = [lane([leaves[0], *leaves[1 + 2 * i : 3 + 2 * i]], number) for i in range(lanes)]
        total = sum(totals)
        total.backward()
        for p in leaves:
            p.data -= 0.1 * p.grad
        return total, totals[-1]

    eager, replayed = ([Scalar(0.0) for _ in range(1 + 2 * lanes)] for _ in range(2))
    f = ag.compile(lambda number: run(replayed, number), exact=True, backend=backend)
    for values in (first, second, first, second, second):
        for i, (p, q) in enumerate(zip(eager, replayed, strict=True)):
            p.data = q.data = values[i % 4]
        expected, found = run(eager, number), f(number)
        for a, b in zip((*expected, *eager), (*found, *replayed), strict=True):
            assert bits(a.data, a.grad) == bits(b.data, b.grad)
    assert len(f.plans) == 1


@MACHINES
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=40), st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_random_sums_and_products_in_any_order_are_as_good(backend: str, steps: Any, values: Any) -> None:
    def run(leaves: Any) -> Any:
        pool = [x * 1.0 for x in leaves]
        for which, i, j in steps:
            left, right = pool[i % len(pool)], pool[j % len(pool)]
            pool.append((left + right) * 0.5 if which < 2 else left * right if which == 2 else (left - right).tanh())
        total = sum(pool)
        total.backward()
        return total

    eager, replayed = [Scalar(x) for x in values], [Scalar(x) for x in values]
    f = ag.compile(lambda: run(replayed), backend=backend)
    for _ in range(3):
        for p in (*eager, *replayed):
            p.zero_grad()
        expected, found = run(eager), f()
        assert found.data == pytest.approx(expected.data, rel=1e-11, abs=1e-11)
        assert [p.grad for p in replayed] == pytest.approx([p.grad for p in eager], rel=1e-9, abs=1e-9)


@MACHINES
def test_graphs_of_a_hundred_thousand_nodes(backend: str) -> None:
    x, one = Scalar(0.5), Scalar(1.0)

    def long_sum() -> Any:
        value = x
        for _ in range(100_000):
            value = value + 1.0
        value.backward()
        return value.data

    def alternating() -> Any:
        value = x
        for _ in range(50_000):
            value = one - value
        value.backward()
        return value.data

    def wide() -> Any:
        total = sum((x * float(i)).relu() for i in range(-17_000, 17_001))
        total.backward()
        return total.data

    expected = {long_sum: (100_000.5, 1.0), alternating: (0.5, 1.0), wide: (0.5 * 17_000 * 17_001 / 2, 17_000 * 17_001 / 2)}
    for function, (value, slope) in expected.items():
        f = ag.compile(function, exact=backend == "numpy", backend=backend)
        for _ in range(3):
            x.grad = 0.0
            assert f() == value
            assert x.grad == slope
        assert len(f.plans) == 1
