"""MLP 784-256-128-10 on a batch of 128 with Adam: matrix products and the optimizer's passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, Work, torch_work
from benchmarks.training import training


def _build(torch: Any) -> Work:
    nn = torch.nn
    generator = np.random.default_rng(0)
    inputs = generator.uniform(0, 1, (128, 784)).astype(np.float32)
    labels = generator.integers(0, 10, 128)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(torch, model, optimizer, nn.CrossEntropyLoss(), (inputs, labels))


CASE = Case("mlp_digits", "MLP 784-256-128-10, batch 128, Adam, full step", torch_work(_build), target=0.9, tolerance=1e-3, seconds=0.3)
