"""A training step of micrograd's demo: scalar MLP 2-16-16-1, max-margin loss with L2, 100 points of two half moons.

The model is written once over numbers with ``+ * relu``; the peers differ in the class of these numbers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.case import Case, Work


def moons(count: int, seed: int) -> tuple[list[list[float]], list[float]]:
    """Points on two interleaved half circles with noise, and their labels, -1 and 1."""
    generator = random.Random(seed)
    points, labels = [], []
    for i in range(count):
        angle = math.pi * (i // 2) / (count / 2 - 1)
        x, y = (math.cos(angle), math.sin(angle)) if i % 2 else (1 - math.cos(angle), 0.5 - math.sin(angle))
        points.append([x + generator.gauss(0, 0.1), y + generator.gauss(0, 0.1)])
        labels.append(1.0 if i % 2 else -1.0)
    return points, labels


def build(number: Callable[[float], Any], compiled: Callable[[Any], Any] = lambda function: function, sizes: Sequence[int] = (2, 16, 16, 1), count: int = 100) -> Work:
    """The training step over the given class of numbers, wrapped in ``compiled``."""
    generator = random.Random(1337)
    layers = [
        [([number(generator.uniform(-1, 1)) for _ in range(inputs)], number(0.0)) for _ in range(outputs)]
        for inputs, outputs in pairwise(sizes)
    ]
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]
    points, labels = moons(count, 1)

    def model(x: list[Any]) -> Any:
        for depth, layer in enumerate(layers):
            sums = [sum((w * v for w, v in zip(weights, x, strict=True)), bias) for weights, bias in layer]
            x = [s.relu() for s in sums] if depth < len(layers) - 1 else sums
        return x[0]

    @compiled
    def step() -> Any:
        scores = [model([number(v) for v in point]) for point in points]
        losses = [(1 + -label * score).relu() for label, score in zip(labels, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = 0.0
        loss.backward()
        for p in parameters:
            p.data -= 0.1 * p.grad
        return loss.data

    return Work(step, lambda: [*(step() for _ in range(5)), *(p.grad for p in parameters)])


def _ours() -> Work:
    from autograd_core.scalar import Scalar

    return build(Scalar)


def _micrograd() -> Work:
    from micrograd.engine import Value  # type: ignore[import-untyped, unused-ignore]

    return build(Value)


CASE = Case("scalar_moons", "step of micrograd's demo: scalar MLP 2-16-16-1, 100 points, about 65,000 nodes", {"ours": _ours, "micrograd": _micrograd},
            target=0.1, tolerance=1e-9, seconds=0.3)
