"""A chain of 1,000 small ops on 16 numbers, forward and backward.

The input requires a gradient, the other operands do not: four times multiply and add, then subtract and tanh, 100 times.
The numbers stay in a range in which the gradient does not vanish: subnormal numbers are slow, and would be what is measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, Work, torch_work


def _build(torch: Any) -> Work:
    generator = np.random.default_rng(0)
    start, factor, shift = (torch.from_numpy(generator.uniform(low, high, 16).astype(np.float32)) for low, high in ((-0.5, 0.5), (0.99, 1.01), (-0.01, 0.01)))
    x = start.clone().requires_grad_()

    def step() -> Any:
        h = x
        for _ in range(100):
            h = h * factor
            h = h + shift
            h = h * factor
            h = h + shift
            h = h * factor
            h = h + shift
            h = h * factor
            h = h + shift
            h = h - shift
            h = h.tanh()
        total = h.sum()
        x.grad = None
        total.backward()
        return total

    return Work(step, lambda: [step().item(), *x.grad.tolist()], units=1000)


CASE = Case("chain", "1,000 ops on (16,), forward and backward, per op", torch_work(_build), target=0.42, aim=0.35, tolerance=1e-3)
