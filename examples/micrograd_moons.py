"""A neural network made of single numbers: two half moons, told apart by a multi-layer perceptron of Scalars.

Every weight, every product and every sum is a node of its own, about 65,000 in a training step: nothing is hidden in
an array. ``autograd_core.compile`` records the step twice, and replays it a hundred times faster from then on. Run it with
``python examples/micrograd_moons.py``; the decision boundary is drawn into ``out/moons.png``.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_moons

import autograd_core as ag
import viz
from autograd_core import Scalar


class Neuron:
    """A weighted sum of its inputs plus a bias, cut off below zero unless it is an output."""

    def __init__(self, inputs: int, hidden: bool) -> None:
        self.weights = [Scalar(random.uniform(-1, 1)) for _ in range(inputs)]
        self.bias = Scalar(0.0)
        self.hidden = hidden

    def __call__(self, x: Sequence[Any]) -> Scalar:
        total = sum((weight * value for weight, value in zip(self.weights, x, strict=True)), self.bias)
        return total.relu() if self.hidden else total


class MLP:
    """Layers of neurons: ``MLP(2, 16, 16, 1)`` has two inputs, two hidden layers of 16 and one output."""

    def __init__(self, *sizes: int) -> None:
        last = len(sizes) - 2
        self.layers = [[Neuron(inputs, hidden=i < last) for _ in range(outputs)] for i, (inputs, outputs) in enumerate(pairwise(sizes))]

    def __call__(self, x: Sequence[Any]) -> Any:
        for layer in self.layers:
            x = [neuron(x) for neuron in layer]
        return x[0]

    def parameters(self) -> list[Scalar]:
        return [p for layer in self.layers for neuron in layer for p in (*neuron.weights, neuron.bias)]


def scores_and_loss(model: MLP, points: list[list[float]], labels: list[int]) -> tuple[list[Scalar], Scalar]:
    """What the model says of each point, and the max-margin ("hinge") loss plus a small cost of large weights; labels are -1 and 1."""
    scores = [model(point) for point in points]
    margins = [(1 - label * score).relu() for label, score in zip(labels, scores, strict=True)]
    data_loss = sum(margins) * (1.0 / len(margins))
    weight_cost = 1e-4 * sum(p * p for p in model.parameters())
    return scores, data_loss + weight_cost


def accuracy(scores: Sequence[Scalar], labels: list[int]) -> float:
    """The share of points on the right side of 0."""
    return sum((score > 0) == (label > 0) for label, score in zip(labels, scores, strict=True)) / len(labels)


def main() -> None:
    """Train, report, draw."""
    parser = argparse.ArgumentParser(description="Train a scalar MLP on two half moons and draw its decision boundary.")
    parser.add_argument("--steps", type=int, default=100, help="training steps (default 100)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for moons.png (default out)")
    options = parser.parse_args()

    random.seed(1337)
    X, y = make_moons(n_samples=100, noise=0.1, random_state=1)
    points, labels = X.tolist(), [2 * int(label) - 1 for label in y]
    model = MLP(2, 16, 16, 1)
    print(f"MLP 2-16-16-1 with {len(model.parameters())} parameters, {len(points)} points")

    @ag.compile
    def step(learning_rate: float) -> tuple[list[Scalar], Scalar]:
        scores, loss = scores_and_loss(model, points, labels)
        for p in model.parameters():
            p.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        return scores, loss

    for i in range(options.steps):
        scores, loss = step(1.0 - 0.9 * i / options.steps)
        if i % 10 == 0:
            print(f"step {i:3d}  loss {loss.data:.4f}  accuracy {accuracy(scores, labels):.0%}")

    scores, loss = scores_and_loss(model, points, labels)
    print(f"after {options.steps} steps: loss {loss.data:.4f}, accuracy {accuracy(scores, labels):.0%}")

    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "moons.png"
    viz.decision_boundary(lambda grid: np.array([model(point).data for point in grid.tolist()]), X, y, path=path, resolution=80)
    print(f"decision boundary: {path}")


if __name__ == "__main__":
    main()
