"""One peer in its own process: makes an op's operands ready when asked, shows its numbers, then times blocks.

Started by ``run`` as ``python -m benchmarks.ops.worker PEER``; each line it reads is a request in JSON, each answer is one.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from .table import OpCase, cases

SECONDS = 0.004
"""Least processor time of one block."""


def library(peer: str) -> Any:
    """PyTorch, with one thread, or this library."""
    if peer == "ours":
        import autograd_core

        return autograd_core
    import torch

    torch.set_num_threads(1)
    return torch


class Bench:
    """One op at one size in this process."""

    def __init__(self, lib: Any, case: OpCase, n: int) -> None:
        self.case = case
        self.lib = lib
        self.values = []
        self.leaves: list[Any] = []
        for value in case.arrays(n):
            if isinstance(value, np.ndarray):
                value = lib.from_numpy(value.copy())
                if value.is_floating_point() and case.backward:
                    value.requires_grad_()
                    self.leaves.append(value)
            self.values.append(value)
        self.call = partial(case.bind(lib), *self.values)
        self.depth = 0
        """How many tuples the tensor stands in that gradients start from."""
        result = self.call()
        while isinstance(result, (tuple, list)):
            result = result[0]
            self.depth += 1
        self.differentiable = case.backward and result.requires_grad
        if self.differentiable:
            shape = tuple(result.shape)
            self.seed = lib.from_numpy(np.random.default_rng(1).uniform(0.5, 1.5, shape).astype(str(result.dtype).rpartition(".")[2]))
        self.repeats: dict[str, int] = {}

    def result(self) -> Any:
        """The tensor that the op gives, the first of several."""
        found = self.call()
        for _ in range(self.depth):
            found = found[0]
        return found

    def both(self) -> None:
        """Forward and backward."""
        for leaf in self.leaves:
            leaf.grad = None
        self.result().backward(self.seed)

    def numbers(self) -> list[float]:
        """What the peers must agree on: sums of the result and of each gradient."""
        found = [self.result()]
        if self.differentiable:
            try:
                self.both()
            except RuntimeError:
                if self.lib.__name__ != "torch":
                    raise
                self.differentiable = False  # PyTorch lacks the derivative: only forward can be compared
            found += [leaf.grad for leaf in self.leaves if leaf.grad is not None]
        return [tensor.detach().double().abs().sum().item() for tensor in found]

    def block(self, phase: str) -> float:
        """Processor time of one call; the first block of a phase finds out how many calls it takes."""
        step: Callable[[], Any] = self.both if phase == "backward" else self.call
        if phase not in self.repeats:
            step()
            count, start = 0, time.process_time()
            while not count or time.process_time() - start < SECONDS:
                step()
                count += 1
            self.repeats[phase] = count
        count = self.repeats[phase]
        start = time.process_time()
        for _ in repeat(None, count):
            step()
        return (time.process_time() - start) / count


def main(peer: str) -> None:
    """Serve requests from standard input until it closes."""
    warnings.simplefilter("ignore")

    def say(answer: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    try:
        lib = library(peer)
    except ModuleNotFoundError as error:
        say({"missing": error.name or str(error)})
        return
    table = cases()
    say({"results": []})
    bench: Bench | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            with np.errstate(all="ignore"):
                if "op" in request:
                    bench = None
                    bench = Bench(lib, table[request["op"]], request["size"])
                    say({"results": bench.numbers(), "differentiable": bench.differentiable})
                elif bench is not None:
                    say({"time": bench.block(request["phase"])})
        except Exception as error:  # one op that fails must not end the others' run
            say({"failed": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main(sys.argv[1])
