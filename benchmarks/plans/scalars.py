"""The step of micrograd's demo as scalars, compiled; micrograd's own; and the same model as a program of tensors in PyTorch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from benchmarks.case import Work
from benchmarks.cases.scalar_moons import build, moons

from .training import Entry, ours


def _tensors(sizes: Sequence[int], count: int) -> Work:
    """In float64, which is what the scalars are, so that the numbers agree."""
    import torch

    torch.set_num_threads(1)
    generator = random.Random(1337)
    drawn = [[[generator.uniform(-1, 1) for _ in range(inputs)] for _ in range(outputs)] for inputs, outputs in pairwise(sizes)]
    weights = [torch.tensor(layer, dtype=torch.float64, requires_grad=True) for layer in drawn]
    biases = [torch.zeros(len(layer), dtype=torch.float64, requires_grad=True) for layer in drawn]
    points, labels = (torch.tensor(values, dtype=torch.float64) for values in moons(count, 1))

    def step() -> Any:
        x = points
        for depth, (w, b) in enumerate(zip(weights, biases, strict=True)):
            x = torch.nn.functional.linear(x, w, b)
            if depth < len(weights) - 1:
                x = x.relu()
        loss = (1 - labels * x[:, 0]).relu().mean() + 1e-4 * sum((p * p).sum() for p in (*weights, *biases))
        for p in (*weights, *biases):
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in (*weights, *biases):
                p.sub_(p.grad, alpha=0.1)
        return loss.item()

    def results() -> list[float]:
        losses = [step() for _ in range(5)]
        return losses + [g for w, b in zip(weights, biases, strict=True) for row, last in zip(w.grad.tolist(), b.grad.tolist(), strict=True) for g in (*row, last)]

    return Work(step, results)


def scalar_moons(sizes: Sequence[int], count: int) -> dict[str, Entry]:
    """All entries for a scalar MLP of some sizes on some points."""

    def compiled(library: Any, wrapper: Any) -> Work:
        from autograd_core.scalar import Scalar

        return build(Scalar, wrapper, sizes, count)

    def micrograd() -> Work:
        from micrograd.engine import Value  # type: ignore[import-untyped, unused-ignore]

        return build(Value, sizes=sizes, count=count)

    return {"numpy": ours(compiled, backend="numpy"), "exact": ours(compiled, backend="numpy", exact=True), "native": ours(compiled, backend="native"),
            "micrograd": micrograd, "torch tensors": lambda: _tensors(sizes, count)}
