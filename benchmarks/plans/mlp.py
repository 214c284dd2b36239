"""Multilayer perceptrons: full training steps, the step by hand in NumPy, and the matrix products that it consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.case import Work

from .training import Entry, Training, checked, cross_entropy, fill, trained, updater


def _described(sizes: tuple[int, ...], batch: int, optimizer: str, activation: str, options: dict[str, float]) -> Training:
    generator = np.random.default_rng(0)
    inputs = generator.uniform(-1, 1, (batch, sizes[0])).astype(np.float32)
    regression = sizes[-1] == 1
    labels = np.sin(3 * inputs[:, :1]) if regression else generator.integers(0, sizes[-1], batch)
    if not regression:
        labels[0] = sizes[-1] - 1  # so that every class has a row

    def model(torch: Any) -> Any:
        nn = torch.nn
        layers: list[Any] = []
        for i, (n, m) in enumerate(pairwise(sizes)):
            layers += [nn.Linear(n, m)] + ([getattr(nn, activation)()] if i < len(sizes) - 2 else [])
        return nn.Sequential(*layers)

    def torch_loss(torch: Any, scores: Any, y: Any) -> Any:
        return torch.nn.functional.mse_loss(scores, y) if regression else torch.nn.functional.cross_entropy(scores, y)

    def loss(library: str, xp: Any, values: Sequence[Any], x: Any, y: Any) -> Any:
        for i in range(0, len(values), 2):
            x = xp.matmul(x, values[i].T) + values[i + 1]
            if i < len(values) - 2:
                x = xp.maximum(x, np.float32(0)) if activation == "ReLU" else xp.tanh(x)
        return xp.mean((x - y) ** 2) if regression else cross_entropy(xp, x, y)

    shapes = [shape for n, m in pairwise(sizes) for shape in ((m, n), (m,))]
    return Training(model, torch_loss, loss, shapes, inputs, labels, optimizer, options)


def _by_hand(training: Training, activation: str) -> Work:
    """Results in memory made once; weights, gradients and moments each in one piece, so that an update is a few calls."""
    count = sum(int(np.prod(shape)) for shape in training.shapes)
    whole, slopes = np.empty(count, np.float32), np.empty(count, np.float32)
    parameters, gradients, start = [], [], 0
    for shape in training.shapes:
        end = start + int(np.prod(shape))
        parameters.append(whole[start:end].reshape(shape))
        gradients.append(slopes[start:end].reshape(shape))
        start = end
    fill(parameters)
    update = updater(training.optimizer, training.options, [whole])
    values = [training.inputs, *[np.empty((len(training.inputs), len(w)), np.float32) for w in parameters[::2]]]
    cotangents = [np.empty_like(value) for value in values]
    helpers = [np.empty_like(value) for value in values]
    masks = [np.empty(value.shape, bool) for value in values]
    rows, n = training.targets, np.float32(1.0 / training.targets.size if training.labels.dtype.kind == "f" else 1.0 / len(training.inputs))
    ones = np.ones(len(training.inputs), np.float32)
    last = len(values) - 1

    def step() -> Any:
        for i in range(last):
            value = values[i + 1]
            np.dot(values[i], parameters[2 * i].T, out=value)
            value += parameters[2 * i + 1]
            if i < last - 1:
                if activation == "ReLU":
                    np.maximum(value, 0, out=value)
                else:
                    np.tanh(value, out=value)
        g = cotangents[last]
        if training.labels.dtype.kind == "f":
            np.subtract(values[last], rows, out=g)
            loss = np.vdot(g, g) * n
            g *= 2 * n
        else:
            shifted = values[last]
            shifted -= shifted.max(axis=1, keepdims=True)
            np.exp(shifted, out=g)
            totals = g.sum(axis=1, keepdims=True)
            loss = (np.log(totals).sum() - np.vdot(shifted, rows)) * n
            g /= totals
            g -= rows
            g *= n
        for i in reversed(range(last)):
            g = cotangents[i + 1]
            np.dot(g.T, values[i], out=gradients[2 * i])
            np.dot(ones, g, out=gradients[2 * i + 1])
            if i:
                np.dot(g, parameters[2 * i], out=cotangents[i])
                if activation == "ReLU":
                    np.greater(values[i], 0, out=masks[i])
                    cotangents[i] *= masks[i]
                else:
                    np.multiply(values[i], values[i], out=helpers[i])
                    np.subtract(1, helpers[i], out=helpers[i])
                    cotangents[i] *= helpers[i]
        update([slopes])
        return loss

    return checked(step, lambda: parameters)


def _products(sizes: tuple[int, ...], batch: int) -> Work:
    """The matrix products of a step alone."""
    generator = np.random.default_rng(0)
    weights = [generator.standard_normal((m, n), dtype=np.float32) for n, m in pairwise(sizes)]
    values = [generator.standard_normal((batch, n), dtype=np.float32) for n in sizes]
    gradients = [np.empty_like(weight) for weight in weights]
    cotangents = [np.ones_like(value) for value in values]

    def step() -> None:
        for i, weight in enumerate(weights):
            np.matmul(values[i], weight.T, out=values[i + 1])
        for i in reversed(range(len(weights))):
            np.matmul(cotangents[i + 1].T, values[i], out=gradients[i])
            if i:
                np.matmul(cotangents[i + 1], weights[i], out=cotangents[i])

    return Work(step, list)


def mlp(sizes: tuple[int, ...], batch: int, optimizer: str, activation: str = "ReLU", **options: float) -> dict[str, Callable[[], Work]]:
    """All entries of one MLP."""
    def make() -> Training:
        return _described(sizes, batch, optimizer, activation, options)

    floors: dict[str, Entry] = {"hand": lambda: _by_hand(make(), activation), "products": lambda: _products(sizes, batch)}
    return {**trained(make), **floors}
