"""A transformer of two pre-norm layers: a full training step with Adam, on every position's own class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.case import Work

from .training import Entry, Training, checked, cross_entropy, trained, updater, weights

CLASSES, EPSILON, LAYERS = 16, 1e-5, 2


def _described(width: int, heads: int, length: int, batch: int) -> Training:
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((batch, length, width)).astype(np.float32)
    labels = generator.integers(0, CLASSES, batch * length)
    labels[0] = CLASSES - 1  # so that every class has a row
    part = width // heads
    scale = part**-0.5

    def model(torch: Any) -> Any:
        nn = torch.nn

        class Block(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
                self.project, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

            def forward(self, x: Any) -> Any:
                q, k, v = (each.reshape(batch, length, heads, part).transpose(1, 2) for each in self.project(self.before(x)).chunk(3, dim=-1))
                mixed = (torch.softmax((q @ k.transpose(-1, -2)) * scale, dim=-1) @ v).transpose(1, 2).reshape(batch, length, width)
                x = x + self.merge(mixed)
                return x + self.down(torch.relu(self.up(self.between(x))))

        return nn.Sequential(*[Block() for _ in range(LAYERS)], nn.LayerNorm(width), nn.Linear(width, CLASSES))

    def loss(library: str, xp: Any, values: Sequence[Any], x: Any, y: Any) -> Any:
        def norm(x: Any, weight: Any, bias: Any) -> Any:
            centred = x - xp.mean(x, axis=-1, keepdims=True)
            return centred / xp.sqrt(xp.mean(centred * centred, axis=-1, keepdims=True) + np.float32(EPSILON)) * weight + bias

        def affine(x: Any, weight: Any, bias: Any) -> Any:
            return xp.matmul(x, weight.T) + bias

        for i in range(LAYERS):
            n1, b1, n2, b2, wp, bp, wm, bm, wu, bu, wd, bd = values[12 * i : 12 * (i + 1)]
            projected = affine(norm(x, n1, b1), wp, bp)
            q, k, v = (xp.transpose(xp.reshape(projected[:, :, j * width : (j + 1) * width], (batch, length, heads, part)), (0, 2, 1, 3)) for j in range(3))
            scores = xp.matmul(q, xp.transpose(k, (0, 1, 3, 2))) * np.float32(scale)
            e = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
            mixed = xp.matmul(e / xp.sum(e, axis=-1, keepdims=True), v)
            x = x + affine(xp.reshape(xp.transpose(mixed, (0, 2, 1, 3)), (batch, length, width)), wm, bm)
            x = x + affine(xp.maximum(affine(norm(x, n2, b2), wu, bu), np.float32(0)), wd, bd)
        norm_weight, norm_bias, w, b = values[12 * LAYERS :]
        return cross_entropy(xp, xp.reshape(affine(norm(x, norm_weight, norm_bias), w, b), (-1, CLASSES)), y)

    layer: list[tuple[int, ...]] = [(width,), (width,), (width,), (width,), (3 * width, width), (3 * width,), (width, width), (width,),
                                    (4 * width, width), (4 * width,), (width, 4 * width), (width,)]
    shapes = [*(layer * LAYERS), (width,), (width,), (CLASSES, width), (CLASSES,)]
    return Training(model, lambda torch, scores, y: torch.nn.functional.cross_entropy(scores.reshape(-1, CLASSES), y), loss, shapes, inputs, labels, "Adam", {"lr": 0.001})


# --- by hand: each function returns its value and what its backward needs -------------------------------------------


def _norm(x: Any, weight: Any, bias: Any) -> tuple[Any, Any]:
    unit = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(unit).mean(axis=-1, keepdims=True) + np.float32(EPSILON))
    unit /= deviation
    return unit * weight + bias, (unit, deviation)


def _norm_back(g: Any, saved: Any, weight: Any, weight_grad: Any, bias_grad: Any) -> Any:
    unit, deviation = saved
    np.sum((g * unit), axis=0, out=weight_grad)
    np.sum(g, axis=0, out=bias_grad)
    g = g * weight
    mean = (g * unit).mean(axis=-1, keepdims=True)
    g -= g.mean(axis=-1, keepdims=True)
    g -= unit * mean
    g /= deviation
    return g


def _affine(x: Any, weight: Any, bias: Any) -> Any:
    result = x @ weight.T
    result += bias
    return result


def _affine_back(g: Any, x: Any, weight: Any, weight_grad: Any, bias_grad: Any) -> Any:
    np.dot(g.T, x, out=weight_grad)
    np.sum(g, axis=0, out=bias_grad)
    return g @ weight


def _by_hand(training: Training, heads: int) -> Work:
    parameters = weights(training.shapes)
    gradients = [np.empty_like(p) for p in parameters]
    update = updater(training.optimizer, training.options, parameters)
    batch, length, width = training.inputs.shape
    part, positions = width // heads, batch * length
    scale, inputs, rows = np.float32(part**-0.5), training.inputs.reshape(positions, width), training.targets

    def split(x: Any) -> Any:
        return x.reshape(batch, length, heads, part).transpose(0, 2, 1, 3)

    def joined(x: Any) -> Any:
        return x.transpose(0, 2, 1, 3).reshape(positions, width)

    def layer(x: Any, values: Sequence[Any]) -> tuple[Any, Any]:
        n1, b1, n2, b2, wp, bp, wm, bm, wu, bu, wd, bd = values
        normed, first = _norm(x, n1, b1)
        projected = _affine(normed, wp, bp)
        q, k, v = (split(projected[:, j * width : (j + 1) * width]) for j in range(3))
        attention = q @ k.transpose(0, 1, 3, 2)
        attention *= scale
        attention -= attention.max(axis=-1, keepdims=True)
        np.exp(attention, out=attention)
        attention /= attention.sum(axis=-1, keepdims=True)
        mixed = joined(attention @ v)
        x = x + _affine(mixed, wm, bm)
        again, second = _norm(x, n2, b2)
        raised = _affine(again, wu, bu)
        np.maximum(raised, 0, out=raised)
        return x + _affine(raised, wd, bd), (first, normed, q, k, v, attention, mixed, second, again, raised)

    def layer_back(g: Any, saved: Any, values: Sequence[Any], grads: Sequence[Any]) -> Any:
        first, normed, q, k, v, attention, mixed, second, again, raised = saved
        inner = _affine_back(g, raised, values[10], grads[10], grads[11])
        inner *= raised > 0
        g = g + _norm_back(_affine_back(inner, again, values[8], grads[8], grads[9]), second, values[2], grads[2], grads[3])
        mixed_grad = split(_affine_back(g, mixed, values[6], grads[6], grads[7]))
        scores = mixed_grad @ v.transpose(0, 1, 3, 2)
        scores -= (scores * attention).sum(axis=-1, keepdims=True)
        scores *= attention
        scores *= scale
        projected = np.concatenate([joined(scores @ k), joined(scores.transpose(0, 1, 3, 2) @ q), joined(attention.transpose(0, 1, 3, 2) @ mixed_grad)], axis=1)
        return g + _norm_back(_affine_back(projected, normed, values[4], grads[4], grads[5]), first, values[0], grads[0], grads[1])

    def step() -> Any:
        x, kept = inputs, []
        for i in range(LAYERS):
            x, saved = layer(x, parameters[12 * i : 12 * (i + 1)])
            kept.append(saved)
        n, b, w, bias = parameters[12 * LAYERS :]
        n_grad, b_grad, w_grad, bias_grad = gradients[12 * LAYERS :]
        normed, last = _norm(x, n, b)
        scores = _affine(normed, w, bias)
        scores -= scores.max(axis=1, keepdims=True)
        g = np.exp(scores)
        totals = g.sum(axis=1, keepdims=True)
        loss = (np.log(totals).sum() - np.vdot(scores, rows)) / positions
        g /= totals
        g -= rows
        g /= positions
        g = _norm_back(_affine_back(g, normed, w, w_grad, bias_grad), last, n, n_grad, b_grad)
        for i in reversed(range(LAYERS)):
            g = layer_back(g, kept[i], parameters[12 * i : 12 * (i + 1)], gradients[12 * i : 12 * (i + 1)])
        update(gradients)
        return loss

    return checked(step, lambda: parameters)


def transformer(width: int, heads: int, length: int, batch: int) -> dict[str, Callable[[], Work]]:
    """All entries of one transformer."""
    def make() -> Training:
        return _described(width, heads, length, batch)

    hand: Entry = lambda: _by_hand(make(), heads)  # noqa: E731 - a table of entries
    return {**trained(make), "hand": hand}
