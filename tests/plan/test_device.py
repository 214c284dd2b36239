"""On a device that is not NumPy's, the recorded kernels are replayed as they are; here on the strict stand-in for CuPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.backend.cupy import CupyBackend
from autograd_core.backend.registry import register_backend

from ..fakes.strict_backend import StrictBackend


@pytest.fixture(autouse=True)
def _cuda() -> Iterator[None]:
    register_backend("cuda", StrictBackend)
    yield
    register_backend("cuda", CupyBackend)


def trained(compiled: Any) -> list[Any]:
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).to("cuda")
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    @compiled
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = ag.arange(12.0).reshape(3, 4).cuda() / 10, ag.ones(3, 2).cuda()
    losses = [step(x, y).cpu().item() for _ in range(5)]
    return losses + [p.detach().cpu().tolist() for p in model.parameters()]


def test_a_step_on_the_device() -> None:
    assert trained(ag.compile(exact=True)) == trained(lambda function: function)
