"""One training step by many libraries: the same weights, batches and update rules, each written as its users write it.

``Training`` describes the program twice: as a module in PyTorch's words, which this library speaks too, and as a loss over
a list of arrays in NumPy's words, which JAX, HIPS autograd and MyGrad speak.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.case import Work

from .case import UnavailableError

Entry = Callable[[], Work]


@dataclass(frozen=True)
class Training:
    """A model with its data. ``loss`` gets (name of the library, its namespace, weights, inputs, labels)."""

    model: Callable[[Any], Any]
    torch_loss: Callable[[Any, Any, Any], Any]
    loss: Callable[[str, Any, Sequence[Any], Any, Any], Any]
    shapes: list[tuple[int, ...]]
    inputs: Any
    labels: Any
    optimizer: str
    options: dict[str, float]

    @property
    def targets(self) -> Any:
        """The labels as rows for a loss in NumPy's words: classes as ones among zeros."""
        if self.labels.dtype.kind == "f":
            return self.labels
        return np.eye(self.labels.max() + 1, dtype=np.float32)[self.labels]


def fill(arrays: Sequence[Any]) -> None:
    """The same weights for everybody, row by row so that nothing large is made on the way."""
    generator = np.random.default_rng(7)
    for array in arrays:
        bound = 1.0 / np.sqrt(max(1, int(np.prod(array.shape[1:]))))
        for row in array.reshape(array.shape[0], -1):
            row[...] = generator.uniform(-bound, bound, row.shape)


def weights(shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """New filled arrays."""
    arrays = [np.empty(shape, np.float32) for shape in shapes]
    fill(arrays)
    return arrays


def checked(step: Callable[[], Any], parameters: Callable[[], Sequence[Any]]) -> Work:
    """Checked by the losses of the first five steps and the sizes of the weights after them."""

    def results() -> list[float]:
        losses = [float(step()) for _ in range(5)]
        return losses + [sum(float(np.abs(row).sum()) for row in np.asarray(p)) for p in parameters()]  # by rows: nothing large is made

    return Work(step, results)


# --- in PyTorch's words ---------------------------------------------------------------------------------------------


def ours(build: Callable[[Any, Callable[[Any], Any]], Work], **options: Any) -> Entry:
    """A program in PyTorch's words, given this library and its ``compile``."""

    def entry() -> Work:
        import autograd_core

        try:
            autograd_core.compile(lambda x: x, **options)
        except (ValueError, ImportError, RuntimeError) as error:
            raise UnavailableError(str(error)) from error
        return build(autograd_core, autograd_core.compile(**options))

    return entry


def columns(build: Callable[[Any, Callable[[Any], Any]], Work]) -> dict[str, Entry]:
    """Our three columns, and PyTorch eager."""

    def eager() -> Work:
        import torch

        torch.set_num_threads(1)
        return build(torch, lambda function: function)

    return {"numpy": ours(build, backend="numpy"), "exact": ours(build, backend="numpy", exact=True), "native": ours(build, backend="native"), "torch": eager}


def _stepped(make: Callable[[], Training]) -> Callable[[Any, Callable[[Any], Any]], Work]:
    def build(torch: Any, compiled: Any) -> Work:
        training = make()
        model = training.model(torch)
        parameters = list(model.parameters())
        fill([p.detach().numpy() for p in parameters])
        optimizer = getattr(torch.optim, training.optimizer)(parameters, **training.options)
        inputs, labels = torch.from_numpy(training.inputs), torch.from_numpy(training.labels)

        @compiled
        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = training.torch_loss(torch, model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return checked(lambda: step(inputs, labels).detach(), lambda: [p.detach().numpy() for p in parameters])

    return build


def _torch_compiled(make: Callable[[], Training]) -> Entry:
    """The whole step as one graph: gradients by ``torch.func``, updates in place."""

    def entry() -> Work:
        import torch

        torch.set_num_threads(1)
        training = make()
        model = training.model(torch)
        fill([p.detach().numpy() for p in model.parameters()])
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        needed = 2 if training.optimizer == "Adam" else int("momentum" in training.options)
        moments = [{name: torch.zeros_like(p) for name, p in parameters.items() if i < needed} for i in range(2)]
        count = torch.zeros(())
        inputs, labels = torch.from_numpy(training.inputs), torch.from_numpy(training.labels)

        def loss(values: Any, x: Any, y: Any) -> Any:
            return training.torch_loss(torch, torch.func.functional_call(model, values, (x,)), y)

        lr, momentum = training.options["lr"], training.options.get("momentum", 0.0)

        def step(values: Any, first: Any, second: Any, t: Any, x: Any, y: Any) -> Any:
            gradients, total = torch.func.grad_and_value(loss)(values, x, y)
            t.add_(1)
            for name, p in values.items():
                g = gradients[name]
                if training.optimizer == "Adam":
                    first[name].mul_(0.9).add_(g, alpha=0.1)
                    second[name].mul_(0.999).addcmul_(g, g, value=0.001)
                    size = (second[name] / (1 - 0.999**t)).sqrt() + 1e-8
                    p.sub_(lr / (1 - 0.9**t) * first[name] / size)
                elif momentum:
                    p.sub_(lr * first[name].mul_(momentum).add_(g))
                else:
                    p.sub_(lr * g)
            return total

        compiled = torch.compile(step)
        return checked(lambda: compiled(parameters, *moments, count, inputs, labels), lambda: [p.numpy() for p in parameters.values()])

    return entry


# --- in NumPy's words -----------------------------------------------------------------------------------------------


def updater(optimizer: str, options: dict[str, float], parameters: Sequence[Any]) -> Callable[[Sequence[Any]], None]:
    """An update rule by hand on NumPy arrays, in place and without new memory."""
    lr, momentum = options["lr"], options.get("momentum", 0.0)
    scratch = [np.empty_like(p) for p in parameters]
    first = [np.zeros_like(p) for p in parameters] if momentum or optimizer == "Adam" else []
    second = [np.zeros_like(p) for p in parameters] if optimizer == "Adam" else []
    count = 0

    def sgd(gradients: Sequence[Any]) -> None:
        for i, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            if momentum:
                np.multiply(first[i], momentum, out=first[i])
                first[i] += g
                g = first[i]
            np.multiply(g, lr, out=scratch[i])
            p -= scratch[i]

    def adam(gradients: Sequence[Any]) -> None:
        nonlocal count
        count += 1
        for p, g, m, v, s in zip(parameters, gradients, first, second, scratch, strict=True):
            m *= 0.9
            np.multiply(g, 0.1, out=s)
            m += s
            v *= 0.999
            np.multiply(g, g, out=s)
            s *= 0.001
            v += s
            np.divide(v, 1 - 0.999**count, out=s)
            np.sqrt(s, out=s)
            s += 1e-8
            np.divide(m, s, out=s)
            s *= lr / (1 - 0.9**count)
            p -= s

    return adam if optimizer == "Adam" else sgd


def _jax(make: Callable[[], Training]) -> Entry:
    def entry() -> Work:
        import jax
        import jax.numpy as jnp

        training = make()
        parameters = [jnp.array(array) for array in weights(training.shapes)]
        lr, momentum = training.options["lr"], training.options.get("momentum", 0.0)
        needed = 2 if training.optimizer == "Adam" else int(momentum > 0)

        def step(parameters: Any, first: Any, second: Any, t: Any, x: Any, y: Any) -> Any:
            loss, gradients = jax.value_and_grad(lambda values: training.loss("jax", jnp, values, x, y))(parameters)
            t = t + 1
            if training.optimizer == "Adam":
                first = [0.9 * m + 0.1 * g for m, g in zip(first, gradients, strict=True)]
                second = [0.999 * v + 0.001 * g * g for v, g in zip(second, gradients, strict=True)]
                moves = [lr / (1 - 0.9**t) * m / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8) for m, v in zip(first, second, strict=True)]
            elif momentum:
                first = [momentum * m + g for m, g in zip(first, gradients, strict=True)]
                moves = [lr * m for m in first]
            else:
                moves = [lr * g for g in gradients]
            return loss, [p - move for p, move in zip(parameters, moves, strict=True)], first, second, t

        compiled = jax.jit(step, donate_argnums=(0, 1, 2, 3))
        state = [parameters, *[[jnp.zeros_like(p) for p in parameters] if i < needed else [] for i in range(2)], jnp.zeros(())]
        inputs, labels = jnp.array(training.inputs), jnp.array(training.targets)
        del parameters

        def run() -> Any:
            loss, *state[:] = compiled(*state, inputs, labels)
            return loss.block_until_ready()

        return checked(run, lambda: state[0])

    return entry


def _autograd(make: Callable[[], Training]) -> Entry:
    def entry() -> Work:
        import autograd.numpy as anp  # type: ignore[import-untyped, unused-ignore]
        from autograd import value_and_grad

        training = make()
        parameters = weights(training.shapes)
        update = updater(training.optimizer, training.options, parameters)
        inputs, labels = training.inputs, training.targets
        both = value_and_grad(lambda values: training.loss("autograd", anp, values, inputs, labels))

        def step() -> Any:
            loss, gradients = both(parameters)
            update(gradients)
            return loss

        return checked(step, lambda: parameters)

    return entry


def _mygrad(make: Callable[[], Training]) -> Entry:
    def entry() -> Work:
        import mygrad  # type: ignore[import-untyped, unused-ignore]

        mygrad.turn_memory_guarding_off()
        training = make()
        parameters = [mygrad.tensor(array) for array in weights(training.shapes)]
        update = updater(training.optimizer, training.options, [p.data for p in parameters])
        inputs, labels = training.inputs, training.targets

        def step() -> Any:
            loss = training.loss("mygrad", mygrad, parameters, inputs, labels)
            loss.backward()
            update([p.grad for p in parameters])
            for p in parameters:
                p.null_grad()
            return loss.item()

        return checked(step, lambda: [p.data for p in parameters])

    return entry


def trained(make: Callable[[], Training]) -> dict[str, Entry]:
    """Everybody who does a training step, but what is written by hand."""
    return {**columns(_stepped(make)), "torch.compile": _torch_compiled(make), "jax": _jax(make), "autograd": _autograd(make), "mygrad": _mygrad(make)}


def cross_entropy(xp: Any, scores: Any, rows: Any) -> Any:
    """The mean cross-entropy, in NumPy's words."""
    shifted = scores - xp.max(scores, axis=1, keepdims=True)
    return xp.mean(xp.log(xp.sum(xp.exp(shifted), axis=1)) - xp.sum(shifted * rows, axis=1))
