"""MLP 2-32-32-1 on a batch of 32: the step that the cost per op decides."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, Work, torch_work
from benchmarks.training import training


def _build(torch: Any) -> Work:
    nn = torch.nn
    generator = np.random.default_rng(0)
    inputs = generator.uniform(-1, 1, (32, 2)).astype(np.float32)
    labels = np.sin(3 * inputs[:, :1]) * inputs[:, 1:]
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return training(torch, model, optimizer, nn.MSELoss(), (inputs, labels))


CASE = Case("mlp_small", "MLP 2-32-32-1, batch 32, SGD with momentum, full step", torch_work(_build), target=0.2, aim=0.13, tolerance=1e-4)
