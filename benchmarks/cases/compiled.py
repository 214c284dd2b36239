"""Compiled steps against PyTorch eager: the same code for both, ours wrapped in ``compile``. Each case has a second size beside it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.case import Case, Work

Build = Callable[[Any, Callable[[Any], Any]], Work]


def _peers(build: Build) -> dict[str, Callable[[], Work]]:
    def ours() -> Work:
        import autograd_core

        return build(autograd_core, autograd_core.compile)

    def pytorch() -> Work:
        import torch

        torch.set_num_threads(1)
        return build(torch, lambda function: function)

    return {"ours": ours, "torch": pytorch}


def _fill(torch: Any, model: Any) -> None:
    """The same weights for every peer."""
    generator = np.random.default_rng(7)
    with torch.no_grad():
        for p in model.parameters():
            bound = 1.0 / np.sqrt(max(1, int(np.prod(tuple(p.shape)[1:]))))
            p.copy_(torch.from_numpy(generator.uniform(-bound, bound, tuple(p.shape)).astype(np.float32)))


def _trained(torch: Any, compiled: Any, model: Any, optimizer: Any, loss_of: Any, inputs: Any, labels: Any) -> Work:
    """A whole training step; the losses of the first five and the weights after them are what peers are checked by."""
    _fill(torch, model)
    inputs, labels = torch.from_numpy(inputs), torch.from_numpy(labels)

    @compiled
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def results() -> list[float]:
        losses = [step(inputs, labels).item() for _ in range(5)]
        return losses + [float(p.detach().abs().sum().item()) for p in model.parameters()]

    return Work(lambda: step(inputs, labels), results)


def _mlp(sizes: tuple[int, ...], batch: int, optimizer: str, activation: str = "ReLU", **options: Any) -> Build:
    def build(torch: Any, compiled: Any) -> Work:
        nn = torch.nn
        generator = np.random.default_rng(0)
        layers: list[Any] = []
        for i, (n, m) in enumerate(pairwise(sizes)):
            layers += [nn.Linear(n, m)] + ([getattr(nn, activation)()] if i < len(sizes) - 2 else [])
        model = nn.Sequential(*layers)
        inputs = generator.uniform(-1, 1, (batch, sizes[0])).astype(np.float32)
        if sizes[-1] == 1:
            return _trained(torch, compiled, model, getattr(torch.optim, optimizer)(model.parameters(), **options), nn.MSELoss(), inputs, np.sin(3 * inputs[:, :1]))
        labels = generator.integers(0, sizes[-1], batch)
        return _trained(torch, compiled, model, getattr(torch.optim, optimizer)(model.parameters(), **options), nn.CrossEntropyLoss(), inputs, labels)

    return build


def _chain(width: int) -> Build:
    def build(torch: Any, compiled: Any) -> Work:
        x = torch.linspace(0.1, 0.9, width)
        w = torch.full((width,), 0.5, requires_grad=True)

        @compiled
        def step(x: Any) -> Any:
            w.grad = None
            h = x * w
            for _ in range(200):
                h = h * 0.9 + w
                h = torch.tanh(h)
            loss = h.sum()
            loss.backward()
            return loss

        def results() -> list[float]:
            return [step(x).item(), *(float(g) for g in [step(x), w.grad.tolist()][1])]

        return Work(lambda: step(x), results)

    return build


def _elementwise(count: int) -> Build:
    def build(torch: Any, compiled: Any) -> Work:
        generator = np.random.default_rng(0)
        leaves = [torch.from_numpy(generator.standard_normal(count).astype(np.float32)).requires_grad_() for _ in range(4)]

        @compiled
        def step() -> Any:
            for leaf in leaves:
                leaf.grad = None
            a, b, c, d = leaves
            loss = (torch.tanh(a * b + c) * torch.sigmoid(d)).sum()
            loss.backward()
            return loss

        def results() -> list[float]:
            first = step().item()
            for _ in range(3):
                step()
            return [first, *(float(leaf.grad.abs().mean().item()) for leaf in leaves)]

        return Work(step, results)

    return build


def _cnn(batch: int, channels: tuple[int, int]) -> Build:
    def build(torch: Any, compiled: Any) -> Work:
        nn = torch.nn
        generator = np.random.default_rng(0)
        model = nn.Sequential(
            nn.Conv2d(1, channels[0], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(channels[0], channels[1], 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(channels[1] * 49, 10))
        inputs = generator.standard_normal((batch, 1, 28, 28)).astype(np.float32)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        return _trained(torch, compiled, model, optimizer, nn.CrossEntropyLoss(), inputs, generator.integers(0, 10, batch))

    return build


def _transformer(width: int, heads: int, length: int, batch: int) -> Build:
    """Two pre-norm layers written with ``nn.functional``, so that every peer computes the same."""

    def build(torch: Any, compiled: Any) -> Work:
        nn = torch.nn
        generator = np.random.default_rng(0)

        class Block(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
                self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

            def forward(self, x: Any) -> Any:
                q, k, v = (part.reshape(batch, length, heads, width // heads).transpose(1, 2) for part in self.project(self.before(x)).chunk(3, dim=-1))
                scores = (q @ k.transpose(-1, -2)) * (width // heads) ** -0.5
                mixed = (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(batch, length, width)
                x = x + self.merge(mixed)
                return x + self.down(torch.relu(self.up(self.between(x))))

        model = nn.Sequential(Block(), Block(), nn.LayerNorm(width), nn.Linear(width, 16))
        inputs = generator.standard_normal((batch, length, width)).astype(np.float32)
        labels = generator.integers(0, 16, batch * length)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        return _trained(torch, compiled, model, optimizer, lambda y, t: nn.functional.cross_entropy(y.reshape(-1, 16), t), inputs, labels)

    return build


def _held_to_products(sizes: tuple[int, ...], batch: int) -> dict[str, Callable[[], Work]]:
    """A compiled step of an MLP against the matrix products that it consists of, alone, in NumPy; the sizes with PyTorch as peer check its numbers."""

    def ours() -> Work:
        import autograd_core

        return Work(_mlp(sizes, batch, "SGD", lr=0.01)(autograd_core, autograd_core.compile).step, list)

    def products() -> Work:
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

    return {"ours": ours, "products": products}


def _pair(name: str, what: str, target: float, first: Build, second: Build, tolerance: float = 1e-4) -> list[Case]:
    """A case and its second size."""
    return [Case(f"compiled_{name}", f"compiled: {what}", _peers(first), target, tolerance=tolerance),
            Case(f"compiled_{name}_2", f"compiled, second size: {what}", _peers(second), target * 1.25, tolerance=tolerance)]


MOMENTUM = {"lr": 0.01, "momentum": 0.9}
ADAM = {"lr": 0.001}
COMPILED: list[Case] = [
    *_pair("chain", "chain of 400 ops on 16 numbers, forward and backward", 0.18, _chain(16), _chain(24)),
    *_pair("mlp_small", "MLP 2-32-32-1, batch 32, SGD with momentum", 0.06, _mlp((2, 32, 32, 1), 32, "SGD", **MOMENTUM), _mlp((3, 24, 24, 1), 48, "SGD", "Tanh", **MOMENTUM)),
    *_pair("mlp_small_adam", "MLP 2-32-32-1, batch 32, Adam", 0.06, _mlp((2, 32, 32, 1), 32, "Adam", **ADAM), _mlp((3, 24, 24, 1), 48, "Adam", "Tanh", **ADAM)),
    *_pair("mlp_digits", "MLP 784-256-128-10, batch 128, Adam", 0.72, _mlp((784, 256, 128, 10), 128, "Adam", **ADAM), _mlp((784, 320, 96, 10), 100, "Adam", "Tanh", **ADAM)),
    Case("compiled_mlp_wide", "compiled: MLP 1024-2048-2048-10, batch 256, SGD, against its matrix products alone in NumPy",
         _held_to_products((1024, 2048, 2048, 10), 256), 1.12),
    Case("compiled_mlp_wide_2", "compiled, second size: MLP 768-1536-2304-10, batch 192, SGD, against its matrix products alone in NumPy",
         _held_to_products((768, 1536, 2304, 10), 192), 1.12 * 1.25),
    *_pair("elementwise", "(tanh(a·b+c)·sigmoid(d)).sum() on 4 M numbers, forward and backward", 0.62, _elementwise(1 << 22), _elementwise(3_000_001)),
    *_pair("cnn_small", "CNN 1-8-16, 3×3, pools, batch 64, 28×28", 1.0, _cnn(64, (8, 16)), _cnn(48, (6, 20))),
    *_pair("transformer_small", "transformer of 2 layers, width 64, 4 heads, sequence 64, batch 8, Adam", 0.9, _transformer(64, 4, 64, 8), _transformer(48, 4, 80, 6), 1e-3),
]
"""Compiled cases with the ratios that the NumPy back end has to reach."""
