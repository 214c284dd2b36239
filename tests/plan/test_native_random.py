"""Random programs with views, writes, reductions and products: machine code computes what eager does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.tensor import Tensor

pytestmark = pytest.mark.native
ROWS, COLUMNS = 12, 12
Step = Callable[[list[Tensor]], None]


def program(seed: int) -> Callable[[Tensor, Tensor], Any]:
    """A function of two matrices: twenty calls on values made before, some of which write to views of them."""
    generator = np.random.default_rng(seed)

    def one(values: int) -> int:
        return int(generator.integers(max(0, values - 4), values))

    steps: list[Step] = []
    count = 2
    for _ in range(20):
        a, b, kind = one(count), one(count), int(generator.integers(0, 17))
        low = int(generator.integers(0, 5))
        number = float(generator.uniform(-1, 1))
        made: list[Step] = [
            lambda v, a=a, b=b: v.append(v[a] * v[b]),
            lambda v, a=a, b=b: v.append(v[a] - v[b] * 0.5),
            lambda v, a=a: v.append(ag.tanh(v[a])),
            lambda v, a=a, b=b: v.append(ag.where(v[a] > 0, v[b], v[a])),
            lambda v, a=a: v.append(v[a].T),
            lambda v, a=a: v.append(v[a] - v[a].mean(1, keepdim=True)),
            lambda v, a=a: v.append(ag.softmax(v[a], dim=1)),
            lambda v, a=a, b=b: v.append(v[a] + v[b].sum(0)),
            lambda v, a=a, b=b: v.append(ag.tanh(v[a] @ v[b] * 0.1)),
            lambda v, a=a, number=number: v.append(v[a] + v[a].sum() * (number * 0.01)),
            lambda v, a=a, b=b: v.append(ag.cat([v[a][:5], v[b][5:]], 0)),
            lambda v, a=a: v.append(v[a].flip(0).clone()),
            lambda v, a=a, low=low, number=number: v.append(_write(v[a] * 1.0, lambda y: y[low:].mul_(number))),
            lambda v, a=a, b=b, low=low: v.append(_write(v[a].clone(), lambda y: y[:, low].add_(v[b][low] * 0.25))),
            lambda v, a=a, low=low: v.append(_write(v[a] + 0.0, lambda y: y[1:].add_(y[:-1] * 0.5))),
            lambda v, a=a: v.append(_write(v[a] * 1.0, lambda y: y.T.add_(y * 0.5))),
            lambda v, a=a, low=low: v.append(v[a].amax(1, keepdim=True) * 0.1 + v[a][low] * 0.5),
        ]
        steps.append(made[kind])
        count += 1

    def run(x: Tensor, y: Tensor) -> Any:
        values = [x, y]
        for step in steps:
            step(values)
        return values[-1], values[-5].sum(), values[-9].sum(1)

    return run


def _write(y: Tensor, change: Callable[[Tensor], Any]) -> Tensor:
    change(y)
    return y


@pytest.mark.parametrize("seed", range(30))
def test_a_random_program(seed: int) -> None:
    function = program(seed)
    compiled = ag.compile(function, backend="native")
    generator = np.random.default_rng(seed + 1000)
    for _ in range(4):
        x, y = (ag.from_numpy(generator.standard_normal((ROWS, COLUMNS))) for _ in range(2))
        expected = function(x.clone(), y.clone())
        for a, b in zip(compiled(x, y), expected, strict=True):
            scale = max(1.0, float(np.abs(b.numpy()).max()))
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-10 * scale)


@pytest.mark.parametrize("seed", range(16))
def test_its_gradient(seed: int) -> None:
    function = program(seed + 500)
    w = ag.from_numpy(np.random.default_rng(seed).standard_normal((ROWS, COLUMNS))).requires_grad_()

    def step(x: Tensor) -> Tensor:
        w.grad = None
        loss = sum((each**2).mean() for each in function(x, w * 0.9)) + w.mean()
        loss.backward()
        return loss

    compiled = ag.compile(step, backend="native")
    generator = np.random.default_rng(seed + 2000)
    for _ in range(4):
        x = ag.from_numpy(generator.standard_normal((ROWS, COLUMNS)))
        actual, gradient = compiled(x).item(), w.grad
        expected = step(x).item()
        assert gradient is not None
        assert w.grad is not None
        assert actual == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(gradient.numpy(), w.grad.numpy(), rtol=1e-7, atol=1e-9 * max(1.0, float(np.abs(w.grad.numpy()).max())))
