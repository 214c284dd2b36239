"""Long chains in blocks: the same bits, and what is only passed on has no memory of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
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
