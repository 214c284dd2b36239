"""Derivatives of every kind, each held to a simpler one or to the loop that it saves; both are this library's.

The programs are plain functions of lists of weights, so that both sides differentiate the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.case import Case, Work

WIDE, NARROW = (784, 256, 128, 10), (2, 32, 32, 1)


def _mlp(batch: int, dtype: str, sizes: tuple[int, ...] = WIDE) -> tuple[Callable[..., Any], list[Any], Any, Any]:
    """(mean loss of weights, inputs and labels; weights; inputs; labels) of a classifier, or of a regression if there is one output."""
    import autograd_core as ag
    import nn

    generator = np.random.default_rng(0)
    weights = [ag.from_numpy((generator.standard_normal(shape) / np.sqrt(shape[-1])).astype(dtype)) for n, m in pairwise(sizes) for shape in ((m, n), (m,))]
    inputs = ag.from_numpy(generator.uniform(0, 1, (batch, sizes[0])).astype(dtype))
    labels = ag.from_numpy(generator.integers(0, sizes[-1], batch) if sizes[-1] > 1 else generator.standard_normal((batch, 1)).astype(dtype))

    def loss(values: list[Any], x: Any, y: Any) -> Any:
        for i in range(0, len(values), 2):
            x = nn.functional.linear(x, values[i], values[i + 1])
            if i < len(values) - 2:
                x = nn.functional.relu(x)
        return nn.functional.cross_entropy(x, y) if sizes[-1] > 1 else nn.functional.mse_loss(x, y)

    return loss, weights, inputs, labels


def _directions(weights: list[Any]) -> list[Any]:
    import autograd_core as ag

    generator = np.random.default_rng(1)
    return [ag.from_numpy(generator.standard_normal(tuple(w.shape)).astype(w.numpy().dtype)) for w in weights]


def _hessian_vector() -> Work:
    from autograd_core import func

    def product(dtype: str) -> Callable[[], Any]:
        loss, weights, x, y = _mlp(128, dtype)
        directions = _directions(weights)
        return lambda: func.hvp(lambda values: loss(values, x, y), (weights,), (directions,))[1][0]

    return Work(product("float32"), lambda: [p.norm().item() for p in product("float64")()])


def _gradient() -> Work:
    """Its numbers are differences of gradients along the same direction, in float64."""
    from autograd_core import func

    loss, weights, x, y = _mlp(128, "float32")
    gradient = func.grad(loss)

    def differences() -> list[float]:
        loss, weights, x, y = _mlp(128, "float64")
        directions, h = _directions(weights), 1e-7
        ahead, behind = (func.grad(loss)([w + sign * h * v for w, v in zip(weights, directions, strict=True)], x, y) for sign in (1, -1))
        return [((a - b) / (2 * h)).norm().item() for a, b in zip(ahead, behind, strict=True)]

    return Work(lambda: gradient(weights, x, y), differences)


def _outputs() -> tuple[Callable[[Any], Any], Any]:
    """A function of 64 numbers with 100 outputs."""
    import autograd_core as ag

    generator = np.random.default_rng(0)
    first, second = (ag.from_numpy((generator.standard_normal(shape) / 8).astype(np.float32)) for shape in ((64, 128), (128, 100)))
    return lambda x: (x @ first).tanh() @ second, ag.from_numpy(generator.standard_normal(64).astype(np.float32))


def _jacobian() -> Work:
    from autograd_core import func

    function, x = _outputs()
    whole = func.jacrev(function)
    return Work(lambda: whole(x), lambda: whole(x).reshape(-1).tolist())


def _rows() -> Work:
    import autograd_core as ag
    from autograd_core import func

    function, x = _outputs()
    seeds = list(ag.eye(100))

    def step() -> Any:
        _, pull = func.vjp(function, x)
        return ag.stack([pull(seed)[0] for seed in seeds])

    return Work(step, lambda: step().reshape(-1).tolist())


def _per_example(sizes: tuple[int, ...]) -> Work:
    from autograd_core import func

    loss, weights, x, y = _mlp(64, "float32", sizes)
    each = func.vmap(func.grad(loss), in_dims=(None, 0, 0))
    return Work(lambda: each(weights, x, y), lambda: [g.norm().item() for g in each(weights, x, y)])


def _one_by_one(sizes: tuple[int, ...]) -> Work:
    import autograd_core as ag
    from autograd_core import func

    loss, weights, x, y = _mlp(64, "float32", sizes)
    gradient = func.grad(loss)

    def step() -> Any:
        gradients = [gradient(weights, x[i], y[i]) for i in range(64)]
        return [ag.stack(parts) for parts in zip(*gradients, strict=True)]

    return Work(step, lambda: [g.norm().item() for g in step()])


CASES = (
    Case("hessian_vector", "product of the Hessian of the 784-256-128-10 loss with a vector, batch 128, against its gradient",
         {"ours": _hessian_vector, "gradient": _gradient}, target=4.0, tolerance=1e-5),
    Case("jacobian", "Jacobian of a function with 100 outputs at once, against a loop of vector-Jacobian products", {"ours": _jacobian, "loop": _rows},
         target=0.2, tolerance=1e-5),
    Case("per_example", "gradients of the 784-256-128-10 loss for each of 64 examples by vmap, against one after the other; they are 60 MB, and what it takes "
         "to write as many numbers is about half of the time", {"ours": lambda: _per_example(WIDE), "loop": lambda: _one_by_one(WIDE)}, target=0.1, tolerance=1e-4),
    Case("per_example_small", "the same for 2-32-32-1, whose gradients are small",
         {"ours": lambda: _per_example(NARROW), "loop": lambda: _one_by_one(NARROW)}, target=0.1, tolerance=1e-4),
)
