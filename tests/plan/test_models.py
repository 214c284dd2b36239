"""Whole training steps, with and without each pass: exact ones leave every bit as eager has it, the others agree to rounding."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan import numpy_loops
from autograd_core.plan.replay import AVAILABLE, default_passes

F = nn.functional
Step = Callable[[Any, Any], Any]
EXACT = default_passes(exact=True)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: Any) -> None:
    """Chains are fused, and worked through in several blocks, at the sizes of tests."""
    monkeypatch.setattr(import_module("autograd_core.plan.passes.fuse"), "SMALLEST", 8)
    monkeypatch.setattr(numpy_loops, "BLOCK", 256)


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Any) -> Any:
        batch, length, width = x.shape
        q, k, v = (part.reshape(batch, length, self.heads, -1).transpose(1, 2) for part in self.project(self.before(x)).chunk(3, dim=-1))
        scores = (q @ k.transpose(-1, -2)) * (width // self.heads) ** -0.5
        x = x + self.merge((ag.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.between(x))))


class Loop(nn.Module):
    """A recurrent cell in a Python loop, as users write it."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.again, self.leave = nn.Linear(3, 6), nn.Linear(6, 6, bias=False), nn.Linear(6, 2)

    def forward(self, x: Any) -> Any:
        h = ag.zeros(x.shape[0], 6)
        for t in range(x.shape[1]):
            h = ag.tanh(self.enter(x[:, t]) + self.again(h))
        return self.leave(h)


class Numbers(nn.Module):
    """Many ops on tensors without dimensions, and on short ones."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(ag.tensor(0.5)), nn.Parameter(ag.tensor([0.3, -0.2, 0.1]))

    def forward(self, x: Any) -> Any:
        h = x.mean()
        for i in range(20):
            h = ag.tanh(h * self.a + 0.1) - (h / (1.0 + h * h)) * (i + 1) * 0.05
        return (h * self.b - h**2).exp()


def trained(model: Any, optimizer: Any, loss_of: Callable[[Any, Any], Any], clip: bool = False) -> Step:
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        return loss

    return step


def digits(stream: Any, shape: tuple[int, ...], classes: int, count: int | None = None) -> Any:
    labels = shape[0] if count is None else count
    return lambda: (ag.from_numpy(stream.standard_normal(shape).astype("float32")), ag.from_numpy(stream.integers(0, classes, labels)))


def made(name: str) -> tuple[Any, Step, Any]:
    """A model, its training step, and what gives it batches; the same ones at each call."""
    ag.manual_seed(0)
    stream = np.random.default_rng(0)
    if name == "mlp":
        model: Any = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.Sigmoid(), nn.Linear(8, 4))
        return model, trained(model, optim.Adam(model.parameters(), lr=0.01), F.cross_entropy, clip=True), digits(stream, (12, 6), 4)
    if name == "cnn":
        model = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, momentum=None), nn.ReLU(),
                              nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(4, 5))
        return model, trained(model, optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True), F.cross_entropy), digits(stream, (5, 1, 8, 8), 5)
    if name == "transformer":
        model = nn.Sequential(Block(8, 2), Block(8, 2), nn.LayerNorm(8), nn.Linear(8, 5))
        return (model, trained(model, optim.SGD(model.parameters(), lr=0.1, momentum=0.9), lambda y, t: F.cross_entropy(y.reshape(-1, 5), t)),
                digits(stream, (3, 6, 8), 5, 18))
    if name == "loop":
        model = Loop()
        return model, trained(model, optim.RMSprop(model.parameters(), lr=0.01), F.cross_entropy), digits(stream, (4, 5, 3), 2)
    model = Numbers()
    return model, trained(model, optim.SGD(model.parameters(), lr=0.1), lambda y, t: (y - t.float()).square().sum()), digits(stream, (3,), 4)


MODELS = ["mlp", "cnn", "transformer", "loop", "numbers"]


def course(name: str, **options: Any) -> tuple[list[Any], str]:
    """Losses, parameters, gradients, buffers of six steps, by the function itself or compiled; and the generated code."""
    model, step, batch = made(name)
    compiled = ag.compile(step, **options) if options else step
    losses = [compiled(*batch()).detach().numpy().copy() for _ in range(6)]
    state = [x.detach().numpy().copy() for x in (*model.parameters(), *[p.grad for p in model.parameters()], *model.buffers())]
    return losses + state, compiled.plan.source() if options else ""


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("left_out", [None, *EXACT])
def test_exact_passes_keep_every_bit(name: str, left_out: str | None) -> None:
    expected, _ = course(name)
    actual, source = course(name, exact=True, backend="numpy", passes=[each for each in EXACT if each != left_out])
    assert [x.tobytes() for x in actual] == [x.tobytes() for x in expected]
    assert source.startswith("def replay(")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("left_out", [None, *AVAILABLE])
def test_all_passes_agree_to_rounding(name: str, left_out: str | None) -> None:
    expected, _ = course(name)
    actual, _ = course(name, backend="numpy", passes=[each for each in AVAILABLE if each != left_out])
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("name", MODELS)
def test_no_pass_at_all(name: str) -> None:
    expected, _ = course(name)
    actual, _ = course(name, exact=True, passes=())
    assert [x.tobytes() for x in actual] == [x.tobytes() for x in expected]
