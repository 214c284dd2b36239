"""A small convolutional network: 3×3 convolutions with pools, a full training step with SGD and momentum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.case import Work

from .training import Entry, Training, checked, cross_entropy, trained, updater, weights

SIDE, CLASSES = 28, 10


def _shifted(xp: Any, x: Any, w: Any) -> Any:
    """A 3×3 convolution on (channels, batch, height, width) as nine matrix products of shifted pictures, for libraries without one."""
    n, side = x.shape[1], x.shape[2]
    padded = xp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="constant")
    columns = xp.concatenate([xp.reshape(padded[:, :, i : i + side, j : j + side], (x.shape[0], -1)) for i in range(3) for j in range(3)], axis=0)
    flat = xp.reshape(xp.transpose(w, (0, 2, 3, 1)), (w.shape[0], -1))
    return xp.reshape(xp.dot(flat, columns), (w.shape[0], n, side, side))


def _block(library: str, xp: Any, x: Any, w: Any, b: Any) -> Any:
    """Convolution, ReLU, pool; on (batch, channels, height, width), but for HIPS autograd, which has channels first."""
    if library == "jax":
        from jax import lax

        x = lax.conv_general_dilated(x, w, (1, 1), "SAME") + b[None, :, None, None]
        return lax.reduce_window(xp.maximum(x, 0), -np.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    if library == "mygrad":
        from mygrad.nnet.layers import conv_nd, max_pool  # type: ignore[import-untyped, unused-ignore]

        x = conv_nd(x, w, stride=1, padding=1) + xp.reshape(b, (1, -1, 1, 1))
        return max_pool(xp.maximum(x, np.float32(0)), (2, 2), 2)
    x = xp.maximum(_shifted(xp, x, w) + xp.reshape(b, (-1, 1, 1, 1)), np.float32(0))
    return xp.maximum(xp.maximum(x[:, :, ::2, ::2], x[:, :, ::2, 1::2]), xp.maximum(x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2]))


def _described(batch: int, channels: tuple[int, int]) -> Training:
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((batch, 1, SIDE, SIDE)).astype(np.float32)
    labels = generator.integers(0, CLASSES, batch)
    labels[0] = CLASSES - 1  # so that every class has a row
    first, second = channels
    features = second * (SIDE // 4) ** 2

    def model(torch: Any) -> Any:
        nn = torch.nn
        return nn.Sequential(nn.Conv2d(1, first, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                             nn.Flatten(), nn.Linear(features, CLASSES))

    def loss(library: str, xp: Any, values: Sequence[Any], x: Any, y: Any) -> Any:
        if library == "autograd":
            x = x.transpose(1, 0, 2, 3)
        x = _block(library, xp, x, values[0], values[1])
        x = _block(library, xp, x, values[2], values[3])
        if library == "autograd":
            x = xp.transpose(x, (1, 0, 2, 3))
        return cross_entropy(xp, xp.matmul(xp.reshape(x, (batch, -1)), values[4].T) + values[5], y)

    shapes: list[tuple[int, ...]] = [(first, 1, 3, 3), (first,), (second, first, 3, 3), (second,), (CLASSES, features), (CLASSES,)]
    return Training(model, lambda torch, scores, y: torch.nn.functional.cross_entropy(scores, y), loss, shapes, inputs, labels, "SGD", {"lr": 0.01, "momentum": 0.9})


class _Layer:
    """Convolution, ReLU and pool by hand on (channels, batch, height, width): shifted pictures copied into columns once, one matrix product."""

    def __init__(self, w: Any, b: Any, batch: int, side: int, needs_input: bool) -> None:
        outputs, inputs = w.shape[:2]
        self.w, self.b, self.batch, self.side, self.inputs = w, b, batch, side, inputs
        self.padded = np.zeros((inputs, batch, side + 2, side + 2), np.float32)
        self.columns = np.empty((inputs, 3, 3, batch, side, side), np.float32)
        self.value = np.empty((outputs, batch, side, side), np.float32)
        self.pooled = np.empty((outputs, batch, side // 2, side // 2), np.float32)
        self.rows = np.empty_like(self.pooled)
        self.g = np.empty_like(self.value)
        self.spread = np.empty_like(self.columns) if needs_input else None
        self.g_padded = np.empty_like(self.padded)
        self.corners = [np.s_[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        self.shifts = [(i, j, np.s_[:, :, i : i + side, j : j + side]) for i in range(3) for j in range(3)]

    def forward(self, x: Any) -> Any:
        self.padded[:, :, 1:-1, 1:-1] = x
        for i, j, shift in self.shifts:
            self.columns[:, i, j] = self.padded[shift]
        flat = self.value.reshape(len(self.w), -1)
        np.dot(self.w.reshape(len(self.w), -1), self.columns.reshape(self.inputs * 9, -1), out=flat)
        flat += self.b[:, None]
        np.maximum(self.value, 0, out=self.value)
        a, b, c, d = (self.value[corner] for corner in self.corners)
        np.maximum(a, b, out=self.pooled)
        np.maximum(c, d, out=self.rows)
        np.maximum(self.pooled, self.rows, out=self.pooled)
        return self.pooled

    def backward(self, g: Any, w_grad: Any, b_grad: Any) -> Any:
        g = np.multiply(g, self.pooled > 0, out=self.rows)
        left = np.ones(g.shape, bool)
        for corner in self.corners:  # the first of equal ones gets it
            here = self.value[corner] == self.pooled
            here &= left
            left ^= here
            np.multiply(g, here, out=self.g[corner])
        flat = self.g.reshape(len(self.w), -1)
        np.dot(flat, self.columns.reshape(self.inputs * 9, -1).T, out=w_grad.reshape(len(self.w), -1))
        np.sum(flat, axis=1, out=b_grad)
        if self.spread is None:
            return None
        np.dot(self.w.reshape(len(self.w), -1).T, flat, out=self.spread.reshape(self.inputs * 9, -1))
        self.g_padded.fill(0)
        for i, j, shift in self.shifts:
            self.g_padded[shift] += self.spread[:, i, j]
        return self.g_padded[:, :, 1:-1, 1:-1]


def _by_hand(training: Training, batch: int) -> Work:
    parameters = weights(training.shapes)
    gradients = [np.empty_like(p) for p in parameters]
    update = updater(training.optimizer, training.options, parameters)
    inputs, rows = training.inputs.transpose(1, 0, 2, 3).copy(), training.targets
    layers = [_Layer(parameters[0], parameters[1], batch, SIDE, False), _Layer(parameters[2], parameters[3], batch, SIDE // 2, True)]

    def step() -> Any:
        pooled = layers[1].forward(layers[0].forward(inputs))
        features = pooled.transpose(1, 0, 2, 3).reshape(batch, -1)
        scores = features @ parameters[4].T
        scores += parameters[5]
        scores -= scores.max(axis=1, keepdims=True)
        g = np.exp(scores)
        totals = g.sum(axis=1, keepdims=True)
        loss = (np.log(totals).sum() - np.vdot(scores, rows)) / batch
        g /= totals
        g -= rows
        g /= batch
        np.dot(g.T, features, out=gradients[4])
        np.sum(g, axis=0, out=gradients[5])
        back = (g @ parameters[4]).reshape(batch, *pooled.transpose(1, 0, 2, 3).shape[1:]).transpose(1, 0, 2, 3)
        layers[0].backward(layers[1].backward(back, gradients[2], gradients[3]), gradients[0], gradients[1])
        update(gradients)
        return loss

    return checked(step, lambda: parameters)


def cnn(batch: int, channels: tuple[int, int]) -> dict[str, Callable[[], Work]]:
    """All entries of one network."""
    def make() -> Training:
        return _described(batch, channels)

    hand: Entry = lambda: _by_hand(make(), batch)  # noqa: E731 - a table of entries
    return {**trained(make), "hand": hand}
