"""Long chains in blocks: the same bits, and what is only passed on has no memory of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from autograd_core.plan.passes.fuse import SMALLEST

SIZES = [SMALLEST - 1, SMALLEST, SMALLEST + 1, 3 * SMALLEST + 17]


def chain(a: Any, b: Any, c: Any, d: Any) -> Any:
    return (ag.tanh(a * b + c) * ag.sigmoid(d)).sum()


def data(*shape: int, count: int = 4) -> list[Any]:
    stream = np.random.default_rng(0)
    return [ag.from_numpy(stream.standard_normal(shape).astype(np.float32)) for _ in range(count)]


def bits(x: Any) -> bytes:
    return x.detach().numpy().tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("passes", [None, ("lower", "dead", "memory"), ("lower", "fuse"), ("lower", "fuse", "memory")])
def test_forward_and_backward(size: int, passes: Any) -> None:
    eager, replayed = data(size), data(size)
    for t in (*eager, *replayed):
        t.requires_grad_()

    def step(inputs: Any) -> Any:
        for t in inputs:
            t.grad = None
        loss = chain(*inputs)
        loss.backward()
        return loss

    compiled = ag.compile(lambda: step(replayed), exact=True, passes=passes)
    for _ in range(4):
        assert bits(step(eager)) == bits(compiled())
        for a, b in zip(eager, replayed, strict=True):
            assert bits(a.grad) == bits(b.grad)
            with ag.no_grad():
                a -= a.grad
                b -= b.grad
    assert ("for i, j" in compiled.plan.source()) is (size >= SMALLEST and (passes is None or "fuse" in passes))


def test_arguments_results_masks_and_steps_in_between() -> None:
    def f(x: Any, y: Any) -> Any:
        h = ag.relu(x * y + 1.0)
        total = y.sum()
        z = ag.where(h > 0.5, 0, h) * 2.0
        return h, z / total, (z - h).abs().sqrt()

    compiled = ag.compile(f, exact=True)
    for _ in range(4):
        x, y = data(300, 257, count=2)
        assert [bits(t) for t in f(x, y)] == [bits(t) for t in compiled(x, y)]
    kept = compiled(x, y)[0]
    before = bits(kept)
    compiled(y, x)
    assert bits(kept) == before


def test_what_is_passed_on_takes_no_memory() -> None:
    compiled = ag.compile(lambda x: ((x * 2 + 1).exp() - 3).abs().sum())
    (x,) = data(1 << 20, count=1)
    for _ in range(3):
        compiled(x)
    assert compiled.plan.layout.nbytes == 0


@pytest.mark.parametrize("make", [lambda p: optim.Adam(p, lr=0.01), lambda p: optim.AdamW(p, lr=0.01, amsgrad=True), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
                                  lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5), lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1, maximize=True)])
def test_large_updates(make: Any) -> None:
    """Taken apart and worked through in blocks, without scratch memory of the parameter's size."""
    (eager,), (replayed,), (x,) = data(300, 257, count=1), data(300, 257, count=1), data(300, 257, count=1)
    courses = []
    for w, compiles in ((eager, False), (replayed, True)):
        w.requires_grad_()
        optimizer = make([w])

        def step(x: Any, w: Any = w, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (w * x).sin().sum()
            loss.backward()
            optimizer.step()
            return loss

        called = ag.compile(step, exact=True, backend="numpy") if compiles else step
        course = [bits(called(x * (1.0 + i))) for i in range(5)]
        optimizer.param_groups[0]["lr"] *= 0.5
        course += [bits(called(x)), bits(w), bits(w.grad), *[bits(state) for state in optimizer.state[w].values()]]
        courses.append(course)
    assert courses[0] == courses[1]
    made = called.plan
    assert not any(step.kind == "update" for step in made.graph.steps)
    assert any(step.kind == "fused" and step.writes for step in made.graph.steps)


def test_a_result_lies_where_an_operand_of_its_chain_died() -> None:
    (x,) = data(1 << 17, count=1)
    compiled = ag.compile(lambda t: (t.cumsum(0) * 2.0 + 1.0).sin().cumsum(0).cos().sum(), exact=True, backend="numpy")
    for _ in range(3):
        y = compiled(x)
    assert bits(y) == bits((x.cumsum(0) * 2.0 + 1.0).sin().cumsum(0).cos().sum())
    assert compiled.plan.layout.nbytes <= 2 * x.nbytes


def test_a_chain_that_needs_nothing_of_a_group_does_not_join_it_across_other_steps() -> None:
    """What it makes would wait in memory for as long as those take."""
    x, y = data(300, 300, count=2)
    compiled = ag.compile(lambda x, y: ((x.sin() * 2.0) @ x) + (y.cos() * 3.0), exact=True, backend="numpy")
    for _ in range(3):
        z = compiled(x, y)
    assert bits(z) == bits(((x.sin() * 2.0) @ x) + (y.cos() * 3.0))
    names = [step.name for step in compiled.plan.graph.steps]
    assert names == ["fused sin multiply", "dot", "fused cos multiply add"]


@pytest.mark.parametrize("count", [128 * 1000, 128 * 1000 + 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_sums_round_little(count: int, dtype: Any) -> None:
    """By products with ones, where the number of elements is a multiple of a row's."""
    x = np.random.default_rng(0).standard_normal(count).astype(dtype)
    compiled = ag.compile(lambda x: (x * 2.0 + 1.0).sum(), backend="numpy")
    for _ in range(3):
        total = compiled(ag.from_numpy(x))
    terms = x * dtype(2) + dtype(1)
    exact = math.fsum(terms.tolist())
    assert abs(total.item() - exact) <= np.finfo(dtype).eps / 2 * np.abs(terms).sum()
    assert ("dot(m0" in compiled.plan.source()) is (count % 128 == 0)
