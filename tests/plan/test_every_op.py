"""Every sample of every op and composite: a replay gives the bits of eager, with all exact passes, without each, and without any."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import autograd
from autograd_core.op import Op
from autograd_core.plan import PlanError, numpy_loops
from autograd_core.plan.replay import default_passes
from autograd_core.tensor import Tensor
from tests.registry.cases import GOOD, Case, arguments, call, flat, leaves, results, tensors

FLAGS = frozenset(("masked",))
"""Looks at floating-point flags, which mean something inside a backward pass only; nobody calls it outside of one."""
REFUSED = ("returns a shape that depends on values", "reads", "copies values", "the truth of a tensor")
"""What the error of an op that cannot be replayed says."""
EXACT = default_passes(exact=True)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: Any) -> None:
    """Chains are fused, and worked through in several blocks, at the sizes of samples."""
    monkeypatch.setattr(import_module("autograd_core.plan.passes.fuse"), "SMALLEST", 2)
    monkeypatch.setattr(numpy_loops, "BLOCK", 32)


def bits(x: Any) -> Any:
    return (x.detach().numpy().tobytes(), tuple(x.shape), str(x.dtype)) if isinstance(x, Tensor) else x


def computed(case: Case, inputs: Any, seeds: list[Any]) -> Any:
    outputs = [y for y in results(call(case, inputs)) if isinstance(y, Tensor)]
    asked = [y for y in outputs if y.requires_grad]
    found = []
    if asked:
        cotangents = [seeds[i % len(seeds)].to(y.dtype).reshape(-1)[: y.numel()].reshape(y.shape) if y.numel() else y.detach() for i, y in enumerate(asked)]
        found = [g for g in autograd.grad(asked, leaves(inputs), cotangents, allow_unused=True) if g is not None]
    return [y.detach() for y in outputs] + found


@pytest.mark.parametrize("case", [case for case in GOOD if not (isinstance(case.declared, Op) and case.declared.kind in ("update", "dynamic")) and case.name not in FLAGS], ids=str)
def test_replays_as_eager(case: Case) -> None:
    seeds = [Tensor(np.random.default_rng(i).standard_normal(4096)) for i in range(2)]
    batches = [tensors(case, arguments(case), grad=True) for _ in range(3)]
    for i, batch in enumerate(batches):
        for x in flat(batch):
            if isinstance(x, Tensor) and x.is_floating_point() and i:
                x.data.copy_(x.data * (1 + 2.0**-30 * i))
    with np.errstate(all="ignore"):
        variants: list[tuple[str, ...]] = [EXACT, ()]
        for passes in variants:
            compiled = ag.compile(lambda batch: computed(case, batch, seeds), exact=True, backend="numpy", passes=passes)
            ag.manual_seed(0)
            try:
                actual = [[bits(y) for y in compiled(batch)] for batch in batches]
            except PlanError as refused:
                if not any(what in str(refused) for what in REFUSED):
                    raise
                return
            ag.manual_seed(0)
            expected = [[bits(y) for y in computed(case, batch, seeds)] for batch in batches]
            assert actual == expected
            assert compiled.plans
            if passes is EXACT:  # without a pass that found nothing to do the plan is the same
                idle = {name for name in EXACT if all(plan.removed.get(name) == 0 for plan in compiled.plans)}
                variants += [tuple(each for each in EXACT if each != name) for name in EXACT if name not in idle]
