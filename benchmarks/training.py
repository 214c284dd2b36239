"""A full training step, the same code for PyTorch and for this library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .case import Work


def training(torch: Any, model: Any, optimizer: Any, loss_of: Callable[[Any, Any], Any], data: tuple[Any, Any]) -> Work:
    """``zero_grad``, forward, loss, backward, ``step``; ``data`` is (inputs, labels). The weights are set to the same numbers for every peer.

    The losses of the first five steps and the sizes of the weights after them are what peers are checked by.
    """
    generator = np.random.default_rng(7)
    with torch.no_grad():
        for p in model.parameters():
            bound = 1.0 / np.sqrt(max(1, int(np.prod(tuple(p.shape)[1:]))))
            p.copy_(torch.from_numpy(generator.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))
    inputs, labels = (torch.from_numpy(array) for array in data)

    def step() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss

    def results() -> list[float]:
        losses = [step().item() for _ in range(5)]
        return losses + [float(p.detach().abs().sum().item()) for p in model.parameters()]

    return Work(step, results)
