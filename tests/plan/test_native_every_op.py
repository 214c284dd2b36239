"""Every sample of every op and composite: machine code agrees with eager within a few units in the last place of the largest number in or out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.op import Op
from autograd_core.plan import PlanError
from autograd_core.tensor import Tensor
from tests.plan.test_every_op import FLAGS, REFUSED, computed
from tests.registry.cases import GOOD, Case, arguments, flat, tensors

pytestmark = pytest.mark.native
UNITS = 16
"""Of the last place, of the largest number among inputs and results: sums are made in another order, and functions by other polynomials."""


def agree(actual: Any, expected: Any, scale: float) -> None:
    actual, expected = actual.detach().numpy(), expected.detach().numpy()
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    if actual.dtype.kind not in "fc" or not actual.size:
        np.testing.assert_array_equal(actual, expected)
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    np.testing.assert_array_equal(actual[~finite & ~np.isnan(expected)], expected[~finite & ~np.isnan(expected)])
    largest = float(np.abs(expected[finite]).max(initial=scale))
    difference = np.abs(actual[finite].astype(complex) - expected[finite].astype(complex))
    assert difference.max(initial=0) <= UNITS * float(np.finfo(actual.dtype).eps) * largest


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every sample where machine code is required, as in the whole check; else the first two of each, because each is compiled."""
    every = metafunc.config.getoption("--require-native")
    cases = [case for case in GOOD if not (isinstance(case.declared, Op) and case.declared.kind in ("update", "dynamic")) and case.name not in FLAGS]
    metafunc.parametrize("case", [case for case in cases if every or case.number < 2], ids=str)


def test_machine_code_agrees_with_eager(case: Case) -> None:
    seeds = [Tensor(np.random.default_rng(i).standard_normal(4096)) for i in range(2)]
    batches = [tensors(case, arguments(case), grad=True) for _ in range(4)]
    for i, batch in enumerate(batches):
        for x in flat(batch):
            if isinstance(x, Tensor) and x.is_floating_point() and i:
                x.data.copy_(x.data * (1 + 2.0**-10 * i))
    with np.errstate(all="ignore"):
        compiled = ag.compile(lambda batch: computed(case, batch, seeds), backend="native")
        ag.manual_seed(0)
        try:
            actual = [compiled(batch) for batch in batches]
        except PlanError as refused:
            if not any(what in str(refused) for what in REFUSED):
                raise
            return
        ag.manual_seed(0)
        scale = max([float(np.nanmax(np.abs(x.detach().numpy()), initial=0)) for x in flat(batches[0]) if isinstance(x, Tensor) and x.is_floating_point()], default=0.0)
        for mine, batch in zip(actual, batches, strict=True):
            for y, z in zip(mine, computed(case, batch, seeds), strict=True):
                agree(y, z, scale)
        assert compiled.plans
