"""What derivatives cost beside the plain way to the same numbers: ``python -m benchmarks.derivatives``.

Ratios of processor time, both sides in turn in one process, medians: a Hessian-vector product beside a gradient, a whole
Jacobian beside a loop of vector-Jacobian products, and the gradients of each example of a batch beside a loop over the
examples. Gradients of each example of a wide network are mostly memory: what writing their numbers alone costs stands beside them.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import autograd_core as ag
import nn
from autograd_core import func

BATCH = 64
WIDE, NARROW = (784, 256, 128, 10), (2, 32, 32, 1)


def processor_times(ways: dict[str, Callable[[], Any]], repeats: int = 15) -> dict[str, float]:
    """Seconds of processor time of each way: the median of runs that take turns, after one that warms up."""
    for way in ways.values():
        way()
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.process_time()
            way()
            taken[name].append(time.process_time() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def network(sizes: tuple[int, ...]) -> Any:
    """A multi-layer perceptron."""
    ag.manual_seed(0)
    layers: list[Any] = []
    for n, m in itertools.pairwise(sizes):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def products() -> dict[str, Callable[[], Any]]:
    """The loss of the wide network on a batch: its gradient, and its Hessian times a vector."""
    model, x, y = network(WIDE), ag.randn(BATCH, WIDE[0]), ag.randint(0, WIDE[-1], (BATCH,))
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    directions = {name: ag.randn(*p.shape) for name, p in parameters.items()}

    def loss(p: Any) -> Any:
        return nn.functional.cross_entropy(func.functional_call(model, p, (x,)), y)

    gradient = func.grad(loss)
    return {"gradient": lambda: gradient(parameters), "hvp": lambda: func.hvp(loss, parameters, directions)}


def jacobians() -> dict[str, Callable[[], Any]]:
    """A function with 100 outputs: its Jacobian at once, and row by row."""
    ag.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(50, 64), nn.Tanh(), nn.Linear(64, 100)).requires_grad_(False), ag.randn(50)
    jacobian = func.jacrev(model)
    rows = ag.eye(100)

    def loop() -> Any:
        _, pull_back = func.vjp(model, x)
        return ag.stack([pull_back(row)[0] for row in rows])

    np.testing.assert_allclose(jacobian(x).numpy(), loop().numpy(), atol=1e-5)
    return {"at once": lambda: jacobian(x), "loop": loop}


def each_example(sizes: tuple[int, ...]) -> dict[str, Callable[[], Any]]:
    """The gradients of each example of a batch: at once, by a loop over ``func.grad``, by a loop over ``backward()``, and the time to write as many numbers."""
    model, x = network(sizes), ag.randn(BATCH, sizes[0])
    y = ag.randint(0, sizes[-1], (BATCH,)) if sizes[-1] > 1 else ag.randn(BATCH, 1)
    criterion = nn.functional.cross_entropy if sizes[-1] > 1 else nn.functional.mse_loss
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(p: Any, x: Any, y: Any) -> Any:
        return criterion(func.functional_call(model, p, (x.unsqueeze(0),)), y.unsqueeze(0))

    gradient = func.grad(loss)
    batched = func.vmap(gradient, in_dims=(None, 0, 0))

    def loop() -> Any:
        each = [gradient(parameters, x[i], y[i]) for i in range(BATCH)]
        return {name: ag.stack([g[name] for g in each]) for name in parameters}

    def backwards() -> Any:
        each: dict[str, list[Any]] = {name: [] for name in parameters}
        for i in range(BATCH):
            model.zero_grad()
            criterion(model(x[i : i + 1]), y[i : i + 1]).backward()
            for name, p in model.named_parameters():
                each[name].append(p.grad.clone())
        return {name: ag.stack(gradients) for name, gradients in each.items()}

    def write() -> Any:
        return [np.full((BATCH, *p.shape), 1.0, "float32") for p in parameters.values()]

    found, wanted = batched(parameters, x, y), backwards()
    for name in parameters:
        np.testing.assert_allclose(found[name].numpy(), wanted[name].numpy(), atol=1e-5)
    return {"at once": lambda: batched(parameters, x, y), "loop of grad": loop, "loop of backward": backwards, "writing the numbers": write}


def main() -> None:
    """Measure and print."""
    measured = processor_times(products())
    print(f"hvp of the loss of {'-'.join(map(str, WIDE))}: {measured['hvp'] / measured['gradient']:.1f} times its gradient")
    measured = processor_times(jacobians())
    print(f"Jacobian of 100 outputs at once: {measured['loop'] / measured['at once']:.1f} times faster than row by row")
    for sizes in (WIDE, NARROW):
        measured = processor_times(each_example(sizes))
        at_once, loop, floor = measured["at once"], measured["loop of grad"], measured["writing the numbers"]
        print(f"gradients of each of {BATCH} examples, {'-'.join(map(str, sizes))}: {loop / at_once:.1f} times faster at once ({at_once * 1e3:.1f} ms) than by a loop of grad, "
              f"{measured['loop of backward'] / at_once:.1f} times than by a loop of backward. Writing as many numbers takes {floor / at_once:.0%} of it: "
              f"nothing could be more than {loop / floor:.1f} times faster than the loop")


if __name__ == "__main__":
    main()
