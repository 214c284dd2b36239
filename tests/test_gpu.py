"""Every sample of every op on a real CUDA device, compared with ``cpu``, and a network trained there.

Marked ``gpu``; run with ``pytest -m gpu`` where CuPy finds a device. The strict stand-in in ``tests/fakes`` runs the
same samples everywhere.
"""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core import Tensor, autograd

from .registry.cases import GOOD, Case, arguments, call, leaves, results, tensors

pytestmark = pytest.mark.gpu
if not ag.cuda.is_available():
    pytest.skip(f"no CUDA device: {ag.cuda.why_unavailable()}", allow_module_level=True)


def close(actual: Tensor, expected: Tensor) -> None:
    assert actual.device.type == "cuda"
    assert actual.dtype is expected.dtype
    np.testing.assert_allclose(actual.detach().cpu().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", [case for case in GOOD if getattr(case.declared, "kind", "") not in ("random", "update") and case.name != "to_device"], ids=str)
def test_on_the_device(case: Case) -> None:
    values = arguments(case)
    mine = tensors(case, values, grad=True, convert=lambda value: ag.tensor(value, device="cuda"))
    others = tensors(case, values, grad=True)
    with np.errstate(all="ignore"):
        expected = results(call(case, others))
        actual = results(call(case, mine, place=lambda each: each.cuda() if isinstance(each, Tensor) else each))
        pairs = [(a, e) for a, e in zip(actual, expected, strict=True) if isinstance(e, Tensor)]
        for a, e in pairs:
            close(a, e)
        pairs = [(a, e) for a, e in pairs if e.requires_grad]
        if not pairs:
            return
        stream = np.random.default_rng(8)
        seeds = [ag.tensor(np.asarray(stream.standard_normal(e.shape)), dtype=e.dtype) for _, e in pairs]
        wanted = autograd.grad([e for _, e in pairs], leaves(others), seeds, allow_unused=True)
        found = autograd.grad([a for a, _ in pairs], leaves(mine), [seed.cuda() for seed in seeds], allow_unused=True)
    for a, e in zip(found, wanted, strict=True):
        assert (a is None) == (e is None)
        if e is not None:
            close(a, e)


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.01), lambda p: optim.RMSprop(p, lr=0.01)], ids=["sgd", "adam", "rmsprop"])
def test_training_follows_the_cpu(make: object) -> None:
    stream = np.random.default_rng(3)
    inputs, targets = stream.standard_normal((32, 4)), stream.integers(0, 3, 32)
    losses = {}
    for device in ("cpu", "cuda"):
        ag.manual_seed(5)
        model = nn.MLP([4, 16, 3]).double()
        model.to(device)
        optimizer = make(model.parameters())  # type: ignore[operator]
        x, y = ag.tensor(inputs, device=device), ag.tensor(targets, device=device)
        losses[device] = []
        for _ in range(20):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            losses[device].append(loss.item())
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], rtol=1e-9)


@pytest.mark.parametrize("exact", [False, True])
def test_a_plan_follows_the_cpu(exact: bool) -> None:
    stream = np.random.default_rng(4)
    batches = [(stream.standard_normal((16, 1, 8, 8)), stream.integers(0, 3, 16)) for _ in range(8)]
    losses = {}
    for device in ("cpu", "cuda"):
        ag.manual_seed(6)
        model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)).double()
        model.to(device)
        optimizer = optim.AdamW(model.parameters(), lr=0.01)

        @ag.compile(exact=exact)
        def step(x: Tensor, y: Tensor, model: object = model, optimizer: optim.Optimizer = optimizer) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)  # type: ignore[operator]
            loss.backward()
            optimizer.step()
            return loss

        losses[device] = [step(ag.tensor(x, device=device), ag.tensor(y, device=device)).item() for x, y in batches]
    assert "device           cuda:0" in step.plan.describe()
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], rtol=1e-9)
