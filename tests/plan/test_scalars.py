"""Compiled functions of Scalars: against eager to the last bit, closed forms and plain NumPy; what is live, and what is refused."""

from __future__ import annotations

import copy
import math
import random
import struct
import threading
from collections import OrderedDict
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Scalar
from autograd_core.plan import PlanError
from autograd_core.plan.native.toolchain import missing
from autograd_core.plan.scalars import plan as scalars_plan

MACHINES = pytest.mark.parametrize("backend", ["numpy", "auto"])
"""``auto`` is the native machine wherever there is a C compiler."""
EXACT = pytest.mark.parametrize("exact", [True, False])


def bits(*numbers: float) -> bytes:
    return struct.pack(f"{len(numbers)}d", *[math.nan if x != x else x for x in numbers])


# --- a training step ------------------------------------------------------------------------------------------------

SIZES = (2, 8, 8, 1)


def points(count: int) -> tuple[list[list[float]], list[int]]:
    generator = random.Random(1)
    inputs = [[generator.uniform(-1, 1), generator.uniform(-1, 1)] for _ in range(count)]
    return inputs, [1 if x * y > 0 else -1 for x, y in inputs]


class Network:
    """A scalar MLP with rectified hidden layers, written as a user would."""

    def __init__(self) -> None:
        generator = random.Random(7)
        self.layers = [[([Scalar(generator.uniform(-1, 1)) for _ in range(n)], Scalar(0.0)) for _ in range(m)] for n, m in pairwise(SIZES)]
        self.parameters = [p for layer in self.layers for weights, bias in layer for p in (*weights, bias)]

    def __call__(self, x: Any) -> Any:
        for depth, layer in enumerate(self.layers):
            sums = [sum((w * v for w, v in zip(weights, x, strict=True)), bias) for weights, bias in layer]
            x = [s.relu() for s in sums] if depth < len(self.layers) - 1 else sums
        return x[0]

    def loss(self, inputs: Any, labels: Any) -> Any:
        margins = [(1 - label * self(point)).relu() for point, label in zip(inputs, labels, strict=True)]
        return sum(margins) * (1.0 / len(margins)) + 1e-4 * sum(p * p for p in self.parameters)

    def step(self, inputs: Any, labels: Any, rate: Any) -> Any:
        loss = self.loss(inputs, labels)
        for p in self.parameters:
            p.zero_grad()
        loss.backward()
        for p in self.parameters:
            p.data -= rate * p.grad
        return loss

    def numbers(self) -> list[float]:
        return [x for p in self.parameters for x in (p.data, p.grad)]


def numpy_step(flat: Any, inputs: Any, labels: Any, rate: float) -> tuple[float, Any, Any]:
    """The same step with matrices: the loss, new parameters and gradients, in the order of ``Network.parameters``."""
    layers, position = [], 0
    for n, m in pairwise(SIZES):
        block = flat[position : position + m * (n + 1)].reshape(m, n + 1)
        layers.append((block[:, :n], block[:, n]))
        position += m * (n + 1)
    values, masks = [np.asarray(inputs)], []
    for depth, (w, b) in enumerate(layers):
        z = values[-1] @ w.T + b
        masks.append(z > 0 if depth < len(layers) - 1 else np.ones_like(z, dtype=bool))
        values.append(z * masks[-1])
    margin = 1 - np.asarray(labels) * values[-1][:, 0]
    loss = np.maximum(margin, 0).mean() + 1e-4 * (flat**2).sum()
    g = (-np.asarray(labels) * (margin > 0) / len(labels))[:, None]
    gradients = []
    for depth in reversed(range(len(layers))):
        g = g * masks[depth]
        gradients.append(np.concatenate([g.T @ values[depth], g.sum(0)[:, None]], axis=1).ravel())
        g = g @ layers[depth][0]
    gradient = np.concatenate(gradients[::-1]) + 2e-4 * flat
    return float(loss), flat - rate * gradient, gradient


@MACHINES
@EXACT
def test_a_training_step_against_eager_and_numpy(exact: bool, backend: str) -> None:
    eager, twin = Network(), Network()
    step = ag.compile(twin.step, exact=exact, backend=backend)
    inputs, labels = points(20)
    flat = np.array([p.data for p in eager.parameters])
    for i in range(7):
        rate = 0.5 / (i + 1)
        expected, flat, gradient = numpy_step(flat, inputs, labels, rate)
        loss, replayed = eager.step(inputs, labels, rate), step(inputs, labels, rate)
        assert replayed.data == pytest.approx(expected, rel=1e-12)
        assert [p.data for p in twin.parameters] == pytest.approx(flat.tolist(), rel=1e-12, abs=1e-14)
        assert [p.grad for p in twin.parameters] == pytest.approx(gradient.tolist(), rel=1e-12, abs=1e-14)
        if exact:
            assert bits(loss.data, loss.grad, *eager.numbers()) == bits(replayed.data, replayed.grad, *twin.numbers())
    assert len(step.plans) == 1


def test_other_data_of_the_same_shape_is_replayed_and_another_length_gets_a_plan() -> None:
    eager, twin = Network(), Network()
    step = ag.compile(twin.step, exact=True)
    inputs, labels = points(12)
    for i in range(6):
        count = 3 if i < 4 else 2
        batch = (inputs[2 * i : 2 * i + count], labels[2 * i : 2 * i + count], 0.1)
        assert bits(eager.step(*batch).data) == bits(step(*batch).data)
        assert bits(*eager.numbers()) == bits(*twin.numbers())
    assert len(step.plans) == 2


def test_arrays_of_numbers_are_live() -> None:
    eager, twin = Network(), Network()
    step = ag.compile(twin.step, exact=True)
    for i in range(5):
        inputs, labels = points(5 + i)
        batch = (np.array(inputs[i:]), np.array(labels[i:]), np.float64(0.1 * i))
        assert bits(eager.step(*batch).data) == bits(step(*batch).data)
        assert bits(*eager.numbers()) == bits(*twin.numbers())
    assert len(step.plans) == 1


# --- what is live -----------------------------------------------------------------------------------------------------


def test_data_written_between_calls_is_seen() -> None:
    w = Scalar(2.0)
    f = ag.compile(lambda: (w * w + 1.0).data)
    results = []
    for value in (1.0, 2.0, 3.0, 4, 5.0):
        w.data = value
        results.append(f())
    assert results == [2.0, 5.0, 10.0, 17.0, 26.0]
    assert [type(x) for x in results] == [float] * 5


def test_gradients_add_up_over_calls_as_in_eager() -> None:
    w = Scalar(3.0)

    @ag.compile
    def f(x: float) -> None:
        (w * x).backward()

    for i in range(5):
        f(float(i))
        assert w.grad == sum(range(i + 1))
    w.grad = 100.0
    f(1.0)
    assert w.grad == 101.0
    assert w.data == 3.0


def test_scalars_as_arguments() -> None:
    @ag.compile
    def f(x: Any, pair: Any) -> Any:
        y = x * pair[0] + pair["n" if isinstance(pair, dict) else 1]
        y.backward()
        return y

    for i in range(5):
        x, a, b = Scalar(float(i)), Scalar(2.0), Scalar(7.0)
        y = f(x, (a, b))
        assert (y.data, x.grad, a.grad, b.grad) == (2.0 * i + 7.0, 2.0, float(i), 1.0)
    same = Scalar(3.0)
    for _ in range(3):
        same.zero_grad()
        assert (f(same, (same, same)).data, same.grad) == (12.0, 7.0)
    assert len(f.plans) == 2


def test_a_captured_scalar_that_is_passed_too_is_recorded_anew() -> None:
    w = Scalar(2.0)
    f = ag.compile(lambda x: (w * x).data)
    assert [f(Scalar(3.0)) for _ in range(3)] == [6.0] * 3
    assert [f(w) for _ in range(4)] == [4.0] * 4


@pytest.mark.parametrize("order", ["wwvv", "vwvw", "wvwv", "vvww"])
def test_a_scalar_that_the_function_knows_by_two_ways(order: str) -> None:
    w, v = Scalar(2.0), Scalar(5.0)
    f = ag.compile(lambda x: (w * x + x).data)
    assert [f({"w": w, "v": v}[each]) for each in order * 3] == [{"w": 6.0, "v": 15.0}[each] for each in order * 3]


class Batch(list):  # type: ignore[type-arg]
    """A list with a name."""


class Pair(NamedTuple):
    x: float
    y: float


def test_numbers_in_containers_of_other_kinds() -> None:
    w = Scalar(2.0)
    f = ag.compile(lambda batch, pair, options: (w * batch[0] + pair.x * pair.y + sum(options.values())).data)
    for i in range(4):
        assert f(Batch([float(i)]), Pair(1.0 + i, 2.0), OrderedDict(a=0.5 * i)) == 2.0 * i + 2.0 * (1.0 + i) + 0.5 * i
    assert len(f.plans) == 1


def test_copies_and_operands_inside() -> None:
    w = Scalar(2.0)

    @ag.compile
    def f(x: float) -> Any:
        twin = copy.copy(w)
        product = twin * x
        return (product + product.operands[1]).data, twin.grad

    for i in range(4):
        w.data, w.grad = 1.0 + i, 3.0 * i
        assert f(float(i)) == ((1.0 + i) * i + i, 3.0 * i)


def test_numbers_computed_of_arguments() -> None:
    w = Scalar(1.0)
    f = ag.compile(lambda step, steps: (w * (1.0 - 0.9 * step / steps) + abs(-step) ** 2 - step % 3 + step // 2).data, exact=True)
    for i in range(8):
        assert f(i, 10) == 1.0 * (1.0 - 0.9 * i / 10) + i**2 - i % 3 + i // 2
    assert len(f.plans) == 1


def test_python_may_decide_by_arguments_and_each_answer_has_a_plan() -> None:
    w = Scalar(2.0)
    runs: list[int] = []

    @ag.compile
    def f(n: int, x: float) -> Any:
        runs.append(1)
        value = w
        for _ in range(n):
            value = value * x
        return (value if x > 0 else -value).data

    for n, x in [(1, 2.0), (1, 3.0), (1, 4.0), (2, 5.0), (2, 6.0), (2, 7.0), (2, -1.0), (2, -2.0), (2, -3.0), (1, 9.0)]:
        assert f(n, x) == 2.0 * x**n * (1 if x > 0 else -1)
    assert len(f.plans) == 3
    assert len(runs) == 6


def test_scalars_made_inside_of_numbers() -> None:
    f = ag.compile(lambda x: (Scalar(x) * Scalar(2.0) + Scalar(Scalar(3.0).data)).data)
    assert [f(x) for x in (1.0, 2.0, 3.0, 4.0)] == [5.0, 7.0, 9.0, 11.0]


def test_state_in_a_scalar() -> None:
    w, velocity = Scalar(1.0), Scalar(0.0)

    @ag.compile(exact=True)
    def step(rate: float) -> None:
        w.zero_grad()
        ((w - 3.0) ** 2).backward()
        velocity.data = 0.9 * velocity.data + w.grad
        w.data -= rate * velocity.data

    x, v = 1.0, 0.0
    for i in range(6):
        rate = 0.1 / (1 + i)
        step(rate)
        v = 0.9 * v + 2.0 * (x - 3.0)
        x -= rate * v
        assert (w.data, velocity.data) == (x, v)


def test_two_steps_in_one_call_and_values_from_before_a_write() -> None:
    def both(p: Scalar) -> Any:
        before = p * p
        for _ in range(2):
            p.grad = 0.0
            (p * p * p).backward()
            p.data -= 0.01 * p.grad
        after = p * 1.0
        before.backward(0.5)
        return before, after, p.grad

    a, b = Scalar(1.5), Scalar(1.5)
    f = ag.compile(lambda: both(b), exact=True)
    for _ in range(5):
        expected, found = both(a), f()
        assert bits(expected[0].data, expected[0].grad, expected[1].data, expected[2]) == bits(found[0].data, found[0].grad, found[1].data, found[2])
        assert bits(a.data, a.grad) == bits(b.data, b.grad)


def test_several_passes_over_one_graph() -> None:
    def run(x: Scalar) -> Any:
        shared = x * x
        first, second = shared * 2, shared * 5
        first.backward()
        middle = shared.grad
        second.backward()
        return middle, shared

    x, y = Scalar(3.0), Scalar(3.0)
    f = ag.compile(lambda: run(y))
    for _ in range(4):
        middle, shared = run(x)
        again, node = f()
        assert (middle, shared.grad, x.grad) == (again, node.grad, y.grad)


@MACHINES
def test_a_gradient_of_zero_stops_where_it_meets_infinity(backend: str) -> None:
    x = Scalar(0.0)
    factor = Scalar(1.0)

    @ag.compile(backend=backend)
    def f() -> None:
        x.zero_grad()
        (x * 3 + 0 * (x * factor).sqrt()).backward()

    for value in (1.0, 2.0, 0.0, 3.0):
        factor.data = value
        f()
        assert x.grad == 3.0


# --- results ----------------------------------------------------------------------------------------------------------


def test_returned_scalars_and_numbers() -> None:
    w = Scalar(2.0, name="w")

    def run(x: float) -> Any:
        y = w * x
        y.name = "y"
        y.backward()
        return {"y": y, "list": [y.data, w, "text", None], "grad": w.grad}

    f = ag.compile(run)
    for i in range(5):
        w.grad = 0.0
        result = f(float(i))
        assert result["list"][1] is w
        assert (result["y"].data, result["y"].grad, result["y"].name, result["y"].op.name) == (2.0 * i, 1.0, "y", "mul")
        assert result["list"][0] == 2.0 * i
        assert result["list"][2:] == ["text", None]
        assert result["grad"] == i


def test_backward_of_a_returned_scalar_says_that_it_has_no_graph() -> None:
    w = Scalar(2.0)
    f = ag.compile(lambda: w * 3)
    for _ in range(3):
        y = f()
        assert y.data == 6.0
        for result in (y, y * 2):
            with pytest.raises(PlanError, match=r"which has no graph. Call backward\(\) inside"):
                result.backward()


# --- looking ----------------------------------------------------------------------------------------------------------


def test_a_plan_can_be_looked_at() -> None:
    network = Network()
    step = ag.compile(network.step)
    for _ in range(3):
        step(*points(6), 0.1)
    text = step.plan.describe()
    assert f"machine          {'numpy' if missing() else 'native'}" in text
    assert "105 Scalars from outside" in text
    source = step.plan.source()
    assert "105 Scalars' data" in source
    assert "level 1" in source
    assert "sum of 9 products" in source
    drawing = step.plan.draw()
    assert "relu" in drawing.source


def test_without_a_compiler_numpy_runs_the_plan_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scalars_plan, "missing", lambda: "there is no C compiler")
    w = Scalar(2.0)
    f = ag.compile(lambda x: (w * x).data)
    assert [f(x) for x in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
    assert "machine          numpy: there is no C compiler" in f.plan.describe()


# --- threads ----------------------------------------------------------------------------------------------------------


def test_other_threads_compute_with_scalars_while_one_records() -> None:
    inside, go = threading.Event(), threading.Event()
    shared = Scalar(2.0)

    def slow() -> Any:
        y = shared * 3.0
        inside.set()
        go.wait(10)
        y.backward()
        return y.data

    f = ag.compile(slow)
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(f()))
    thread.start()
    inside.wait(10)
    x = Scalar(4.0)
    y = x * x
    y.backward()
    x.data -= 0.5 * x.grad
    assert (x.data, x.grad, float(y)) == (0.0, 8.0, 16.0)
    with pytest.raises(PlanError, match="was called while another call of it runs"):
        f()
    go.set()
    thread.join()
    assert found == [6.0]


def test_plans_run_side_by_side() -> None:
    def work(seed: int, found: list[Any]) -> None:
        w = Scalar(float(seed))

        @ag.compile
        def step(rate: float) -> None:
            w.zero_grad()
            ((w - 1.0) ** 2).backward()
            w.data -= rate * w.grad

        for i in range(200):
            step(0.001 * i)
        found.append((w.data, w.grad))

    alone: list[Any] = []
    together: list[list[Any]] = [[], []]
    for seed in (1, 2):
        work(seed + 2, alone)
    threads = [threading.Thread(target=work, args=(seed + 2, together[seed - 1])) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each[0] for each in together] == alone
