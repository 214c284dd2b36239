"""The memory of a plan and of what leads to it, in bytes that follow from the shapes."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan import heap, lower, memory
from autograd_core.plan.snapshots import OUTLIVES, SMALL, Digest, equal, taken

F = nn.functional
BACKENDS = [pytest.param("numpy", id="numpy"), pytest.param("native", id="native", marks=pytest.mark.native)]
SIZES, BATCH = (1280, 1024, 1024, 10), 128
WEIGHTS = 4 * sum(n * m + m for n, m in pairwise(SIZES))
HIDDEN = 4 * BATCH * 1024
"""Bytes of the values of one hidden layer."""


def _perceptron(backend: str, exact: bool = False) -> tuple[Any, Any, list[Any]]:
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(SIZES[0], SIZES[1]), nn.ReLU(), nn.Linear(SIZES[1], SIZES[2]), nn.ReLU(), nn.Linear(SIZES[2], SIZES[3]))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    generator = np.random.default_rng(0)
    batch = [ag.tensor(generator.standard_normal((BATCH, SIZES[0]), dtype=np.float32)), ag.tensor(generator.integers(0, 10, BATCH))]

    @ag.compile(backend=backend, exact=exact)
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, model, batch


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_hidden_layer_has_memory_of_its_own_and_the_rest_lies_in_gradients(backend: str) -> None:
    step, _, batch = _perceptron(backend)
    for _ in range(3):
        step(*batch)
    layout = step.plan.layout
    own = [size for piece, size in enumerate(layout.sizes) if piece not in layout.guests]
    assert [size for size in own if size >= HIDDEN] == [HIDDEN]  # what the first layer's gradient is made from; the others are done with before
    scores, together = 4 * BATCH * 10, 4 * (1024 + 1024 + 10 + 10 * 1024)  # the move of the small parameters, which are updated by one call
    assert layout.nbytes == sum(own) <= HIDDEN + together + 2 * scores + 4 * BATCH
    assert {gradient.shape for gradient, _ in layout.guests.values()} == {(1024, 1280)}  # the gradient that is made last
    assert sorted(offset for _, offset in layout.guests.values()) == [HIDDEN * i for i in range(len(layout.guests))]


@pytest.mark.parametrize("backend", BACKENDS)
def test_guests_leave_before_their_host_is_made(backend: str) -> None:
    step, model, batch = _perceptron(backend)
    other, others, _ = _perceptron("numpy", exact=True)
    for _ in range(6):
        np.testing.assert_allclose(step(*batch).item(), other(*batch).item(), rtol=1e-5)
    for p, q in zip(model.parameters(), others.parameters(), strict=True):
        np.testing.assert_allclose(p.numpy(force=True), q.numpy(force=True), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-3, atol=1e-6)


@pytest.fixture
def traced() -> Iterator[None]:
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_a_recording_needs_what_the_step_needs(traced: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(lower, "LARGE", 1 << 14)
    step, _, batch = _perceptron("numpy")
    step(*batch)  # what is imported and remembered once
    step(*batch)
    for later in (False, True):
        step, _, batch = _perceptron("numpy")
        if later:
            step(*batch)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0] - later * WEIGHTS  # after a call there are gradients, which the step drops first
        tracemalloc.reset_peak()
        step(*batch)
        peak = tracemalloc.get_traced_memory()[1] - before
        assert peak < 1.1 * (WEIGHTS + 4 * HIDDEN), (later, peak)  # gradients, the values of two layers, a cotangent, the plan's own memory


def test_replays_need_no_new_memory(traced: None) -> None:
    step, _, batch = _perceptron("numpy")
    for _ in range(3):
        step(*batch)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    step(*batch)
    assert tracemalloc.get_traced_memory()[1] - before < HIDDEN / 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_the_recording_become_the_plans(backend: str) -> None:
    step, model, batch = _perceptron(backend)
    for _ in range(2):
        step(*batch)
    weights = [p for p in model.parameters() if p.ndim == 2]
    addresses = [p.grad.numpy().ctypes.data for p in weights]
    step(*batch)
    assert [p.grad.numpy().ctypes.data for p in weights] == addresses


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_gradient_that_somebody_holds_stays_as_it_is(backend: str, after: int) -> None:
    step, model, batch = _perceptron(backend)
    for _ in range(after):
        step(*batch)
    held = [p.grad[0] if p.ndim == 2 else p.grad for p in model.parameters()]
    copies = [g.numpy().copy() for g in held]
    for _ in range(3):
        step(*batch)
    for g, copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(g.numpy(), copy)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_that_fails_leaves_no_gradient_with_other_values_in_it(backend: str) -> None:
    step, model, (x, y) = _perceptron(backend)
    for _ in range(4):
        step(x, y)
    parameters = [p.numpy(force=True).copy() for p in model.parameters()]
    with pytest.raises(IndexError, match="out of bounds"):
        step(x, y + 10)
    assert all(p.grad is None for p in model.parameters())
    for p, before in zip(model.parameters(), parameters, strict=True):
        np.testing.assert_array_equal(p.numpy(force=True), before)
    losses = [step(x, y).item() for _ in range(2)]
    assert losses[1] < losses[0]
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("width", [4, 300])
def test_the_last_gradient_is_read_before_the_new_one_takes_its_place(width: int, backend: str) -> None:
    generator = np.random.default_rng(0)
    weights = generator.standard_normal((width, width)).astype(np.float32) / width
    inputs = [ag.tensor(generator.standard_normal((2 * width, width)).astype(np.float32)) for _ in range(5)]

    def run(compiled: Callable[[Any], Any]) -> list[float]:
        w = ag.tensor(weights, requires_grad=True)
        w.grad = ag.zeros(width, width)

        @compiled
        def step(x: Any) -> Any:
            last = w.grad
            w.grad = None
            (ag.tanh(x @ w) ** 2).sum().backward()
            return (last * w.grad).sum()

        return [step(x).item() for x in inputs]

    np.testing.assert_allclose(run(ag.compile(backend=backend)), run(lambda f: f), rtol=1e-4)


MODELS: dict[str, Callable[[], Any]] = {
    "perceptron": lambda: nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 4)),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3), nn.GELU(), nn.Conv1d(4, 4, 3), nn.Flatten(), nn.Linear(8, 4)),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize("name", MODELS)
def test_guests_of_any_size_change_no_bit(name: str, rule: str, backend: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(import_module("optim.packed"), "BLOCK", 16)  # so that each weight is updated for itself, and its gradient may have guests

    def run(smallest: int) -> tuple[list[Any], Any]:
        monkeypatch.setattr(memory, "GUEST", smallest)
        ag.manual_seed(0)
        model = MODELS[name]()
        optimizer = getattr(optim, rule)(model.parameters(), lr=0.01)
        x = ag.tensor(np.random.default_rng(1).standard_normal((4, 6), dtype=np.float32))

        @ag.compile(backend=backend)
        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        losses = [step(x).item() for _ in range(6)]
        return [losses, *[p.numpy(force=True) for p in model.parameters()], *[p.grad.numpy() for p in model.parameters()]], step.plan.layout

    without, layout = run(1 << 30)
    assert not layout.guests
    within, layout = run(1)
    assert layout.guests
    for a, b in zip(without, within, strict=True):
        np.testing.assert_array_equal(a, b)


def test_plans_of_forgotten_signatures_are_freed() -> None:
    f = ag.compile(lambda x: (x * 2.0).sum(), backend="numpy")
    plans = []
    for n in range(1, 41):
        for _ in range(3):
            f(ag.ones(n))
        plans.append(weakref.ref(f.plan))
    gc.collect()
    assert sum(plan() is not None for plan in plans) <= 32
    assert plans[-1]() is f.plan


# --- snapshots ------------------------------------------------------------------------------------------------------


def test_a_checksum_stands_for_a_large_array() -> None:
    large = np.arange(SMALL, dtype=np.float32)
    held = taken(large)
    assert isinstance(held, Digest)
    assert equal(held, large)
    assert equal(taken(large.copy()), held)
    other = large.copy()
    other[-1] += 1
    assert not equal(held, other)
    assert not equal(held, large.reshape(2, -1))
    assert not equal(OUTLIVES, large)
    assert "float32" in repr(held)
    small = np.arange(3.0)
    assert taken(small) is not small
    assert equal(taken(small), small)


@pytest.mark.parametrize("changes", [False, True])
def test_large_constants_that_the_step_writes_are_compared(changes: bool) -> None:
    count = SMALL  # floats, four times the bytes up to which a copy is kept
    calls = iter(range(10))

    @ag.compile(backend="numpy")
    def step(x: Any) -> Any:
        buffer = ag.tensor(np.full(count, float(next(calls)) if changes else 1.0, dtype=np.float32))
        buffer += x
        return buffer

    step(ag.ones(count))
    if changes:
        with pytest.raises(ag.plan.errors.PlanError, match="differs between the two recorded calls"):
            step(ag.ones(count))
        return
    for i in range(3):
        assert step(ag.full((count,), float(i))).numpy()[[0, -1]].tolist() == [1.0 + i, 1.0 + i]


def test_the_heap_is_given_back_for_large_arrays_alone(monkeypatch: Any) -> None:
    asked: list[int] = []
    monkeypatch.setattr(heap, "_trim", lambda: asked.append)
    heap.give_back(heap.LARGE - 1)
    assert not asked
    heap.give_back(heap.LARGE)
    assert asked == [0]
    monkeypatch.setattr(heap, "_trim", lambda: None)
    heap.give_back(heap.LARGE)
