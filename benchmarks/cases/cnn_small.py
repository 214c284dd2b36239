"""A small convolutional network on 64 images of 28 × 28: convolutions 1-8-16 (3 × 3) with pools, SGD with momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, Work, torch_work
from benchmarks.training import training


def _build(torch: Any) -> Work:
    nn = torch.nn
    generator = np.random.default_rng(0)
    inputs = generator.uniform(0, 1, (64, 1, 28, 28)).astype(np.float32)
    labels = generator.integers(0, 10, 64)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 7 * 7, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return training(torch, model, optimizer, nn.CrossEntropyLoss(), (inputs, labels))


CASE = Case("cnn_small", "CNN, 3×3 convolutions 1-8-16 with pools, 64 images 28×28, SGD, full step", torch_work(_build),
            target=1.8, tolerance=1e-3, seconds=0.4)
