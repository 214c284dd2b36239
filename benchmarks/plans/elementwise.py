"""Programs of elementwise ops alone: a chain of small ones, and a formula on four million numbers. No optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.case import Work

from .training import Entry, columns

Loss = Callable[[Any, Sequence[Any]], Any]


def _number(xp: Any, value: float) -> Any:
    """A constant; MyGrad takes Python's for float64, which would then be what it computes in."""
    return np.float32(value) if xp.__name__ == "mygrad" else value


def _work(step: Callable[[], Any], gradients: Callable[[], Sequence[Any]]) -> Work:
    """``step`` returns the loss; checked by it, after several calls too, and by the sizes of the gradients."""
    return Work(step, lambda: [*(float(step()) for _ in range(4)), *(float(np.abs(np.asarray(g)).mean()) for g in gradients())])


def differentiated(loss: Loss, make: Callable[[], list[Any]], wanted: int) -> dict[str, Entry]:
    """Everybody's value and gradients of ``loss(namespace, arrays)`` in the first ``wanted`` arrays. PyTorch's names are NumPy's here."""

    def build(torch: Any, compiled: Any) -> Work:
        arrays = [torch.from_numpy(array) for array in make()]
        leaves = [array.requires_grad_() for array in arrays[:wanted]]

        @compiled
        def step() -> Any:
            for leaf in leaves:
                leaf.grad = None
            total = loss(torch, arrays)
            total.backward()
            return total

        return _work(lambda: step().detach(), lambda: [leaf.grad.numpy() for leaf in leaves])

    def torch_compiled() -> Work:
        import torch

        torch.set_num_threads(1)
        arrays = [torch.from_numpy(array) for array in make()]
        both = torch.compile(torch.func.grad_and_value(lambda leaves, others: loss(torch, [*leaves, *others])))
        last: list[Any] = []

        def step() -> Any:
            last[:], total = both(arrays[:wanted], arrays[wanted:])
            return total

        return _work(step, lambda: last)

    def jax_compiled() -> Work:
        import jax
        import jax.numpy as jnp

        arrays = [jnp.array(array) for array in make()]
        both = jax.jit(jax.value_and_grad(lambda leaves, others: loss(jnp, [*leaves, *others])))
        last: list[Any] = []

        def step() -> Any:
            total, last[:] = both(arrays[:wanted], arrays[wanted:])
            return total.block_until_ready()

        return _work(step, lambda: last)

    def autograd() -> Work:
        import autograd.numpy as anp  # type: ignore[import-untyped, unused-ignore]
        from autograd import value_and_grad

        arrays = make()
        both = value_and_grad(lambda leaves: loss(anp, [*leaves, *arrays[wanted:]]))
        last: list[Any] = []

        def step() -> Any:
            total, last[:] = both(arrays[:wanted])
            return total

        return _work(step, lambda: last)

    def mygrad() -> Work:
        import mygrad as mg  # type: ignore[import-untyped, unused-ignore]

        mg.turn_memory_guarding_off()
        arrays = make()
        leaves = [mg.tensor(array) for array in arrays[:wanted]]

        def step() -> Any:
            for leaf in leaves:
                leaf.null_grad()
            total = loss(mg, [*leaves, *arrays[wanted:]])
            total.backward()
            return total.item()

        return _work(step, lambda: [leaf.grad for leaf in leaves])

    return {**columns(build), "torch.compile": torch_compiled, "jax": jax_compiled, "autograd": autograd, "mygrad": mygrad}


# --- a chain of small ops -------------------------------------------------------------------------------------------

LINKS = 200


def chain(width: int) -> dict[str, Entry]:
    """``h = tanh(h · 0.9 + w)``, again and again, on a few numbers."""

    def make() -> list[Any]:
        return [np.full(width, 0.5, np.float32), np.linspace(0.1, 0.9, width, dtype=np.float32)]

    def loss(xp: Any, arrays: Sequence[Any]) -> Any:
        w, x = arrays
        h, factor = x * w, _number(xp, 0.9)
        for _ in range(LINKS):
            h = xp.tanh(h * factor + w)
        return h.sum()

    def by_hand() -> Work:
        w, x = make()
        values = [np.empty(width, np.float32) for _ in range(LINKS + 1)]
        factor, one = np.asarray(0.9, np.float32), np.asarray(1, np.float32)
        slope, g, total = (np.empty(width, np.float32) for _ in range(3))

        def step() -> Any:
            np.multiply(x, w, values[0])
            for i in range(LINKS):
                h = values[i + 1]
                np.multiply(values[i], factor, h)
                np.add(h, w, h)
                np.tanh(h, h)
            result = values[-1].sum()
            g.fill(1)
            total.fill(0)
            for i in range(LINKS, 0, -1):
                np.multiply(values[i], values[i], slope)
                np.subtract(one, slope, slope)
                np.multiply(g, slope, g)
                np.add(total, g, total)
                np.multiply(g, factor, g)
            np.multiply(g, x, g)
            np.add(total, g, total)
            return result

        return _work(step, lambda: [total])

    return {**differentiated(loss, make, 1), "hand": by_hand}


# --- a long formula -------------------------------------------------------------------------------------------------

BLOCK = 1 << 14


def formula(count: int) -> dict[str, Entry]:
    """``(tanh(a·b + c) · sigmoid(d)).sum()`` with all four gradients."""

    def make() -> list[Any]:
        generator = np.random.default_rng(0)
        return [generator.standard_normal(count, dtype=np.float32) for _ in range(4)]

    def loss(xp: Any, arrays: Sequence[Any]) -> Any:
        a, b, c, d = arrays
        one = _number(xp, 1)
        gate = xp.sigmoid(d) if hasattr(xp, "sigmoid") else one / (one + xp.exp(-d))
        return (xp.tanh(a * b + c) * gate).sum()

    def by_hand() -> Work:
        arrays = make()
        gradients = [np.empty_like(array) for array in arrays]
        scratch = [np.empty(BLOCK, np.float32) for _ in range(2)]

        def step() -> Any:
            total = 0.0
            for i in range(0, count, BLOCK):
                a, b, c, d = (array[i : i + BLOCK] for array in arrays)
                ga, gb, gc, gd = (array[i : i + BLOCK] for array in gradients)
                t, s = (each[: len(a)] for each in scratch)
                np.multiply(a, b, out=t)
                t += c
                np.tanh(t, out=t)
                np.negative(d, out=s)
                np.exp(s, out=s)
                s += 1
                np.reciprocal(s, out=s)
                np.multiply(t, s, out=gd)
                total += float(gd.sum())
                np.multiply(t, t, out=gc)
                np.subtract(1, gc, out=gc)
                gc *= s
                np.multiply(gc, b, out=ga)
                np.multiply(gc, a, out=gb)
                np.subtract(1, s, out=s)
                gd *= s
            return total

        return _work(step, lambda: gradients)

    def copied() -> Work:
        """A copy that reads and writes the bytes that the step must: four arrays in, four out."""
        source = np.ones(4 * count, np.float32)
        target = np.empty_like(source)
        return Work(lambda: np.copyto(target, source), list)

    return {**differentiated(loss, make, 4), "hand": by_hand, "copy": copied}
