"""Sums along rows and columns as products with ones, maxima by their places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.plan.passes.rows import LONGEST
from autograd_core.plan.replay import AVAILABLE


def replayed(f: Any, *args: Any, passes: Any = tuple(AVAILABLE)) -> tuple[Any, list[str]]:
    compiled = ag.compile(f, backend="numpy", passes=passes)
    for _ in range(3):
        result = compiled(*args)
    return result, [step.name for step in compiled.plan.graph.steps]


def numbers(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "dim"), [((5, 7), 0), ((5, 7), 1), ((2, 3, 4), -1), ((2, 3, 4), (0, 1)), ((2, 3, 4), (1, 2)), ((2, 3, 4, 5), (0, 2, 3)), ((2, 3, 4), 0)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_sums(shape: Any, dim: Any, keepdim: bool, dtype: Any) -> None:
    x = numbers(*shape, dtype=dtype)
    result, names = replayed(lambda t: ag.sum(t * 2.0, dim=dim, keepdim=keepdim), ag.from_numpy(x))
    assert "dot" in names
    assert "add.reduce" not in names
    expected = (x.astype(np.float64) * 2).sum(axis=dim, keepdims=keepdim)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.numpy(), expected, rtol=0, atol=(1e-5 if dtype == np.float32 else 1e-13))


@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 64)])
def test_maxima(shape: Any) -> None:
    x = numbers(*shape)
    x[0, ..., 0] = np.nan
    x[1, ..., 1] = np.inf
    result, names = replayed(lambda t: ag.amax(t * 1.5, dim=-1), ag.from_numpy(x))
    assert "peaks" in names
    assert result.numpy().tobytes() == (x * np.float32(1.5)).max(axis=-1).tobytes()


@pytest.mark.parametrize("f", [lambda t: t.sum(), lambda t: t.sum(0).sum(), lambda t: ag.sum(t, dim=1), lambda t: ag.amax(t, dim=0)])
def test_what_stays_with_the_library(f: Any) -> None:
    x = numbers(2, LONGEST + 1) if f(ag.zeros(2, 3)).shape == (2,) else numbers(3, 4)
    result, names = replayed(lambda t: f(t * 2.0), ag.from_numpy(x))
    assert any(name.endswith(".reduce") for name in names)
    np.testing.assert_allclose(result.numpy(), f(ag.from_numpy(x.astype(np.float64) * 2)).numpy(), rtol=1e-3, atol=1e-3)


def test_not_in_exact_plans_and_not_when_left_out() -> None:
    x = ag.from_numpy(numbers(6, 5))
    compiled = ag.compile(lambda t: (t * 2.0).sum(1), exact=True, backend="numpy")
    for _ in range(3):
        compiled(x)
    assert "rows" not in compiled.plan.removed
    assert "add.reduce" in replayed(lambda t: (t * 2.0).sum(1), x, passes=[name for name in AVAILABLE if name != "rows"])[1]


def test_softmax_of_rows_with_signed_zeros_and_infinities() -> None:
    x = np.array([[0.0, -0.0, -np.inf], [-0.0, -0.0, 1000.0]], dtype=np.float32)
    result, names = replayed(lambda t: ag.softmax(t, dim=-1), ag.from_numpy(x))
    assert "peaks" in names
    np.testing.assert_array_equal(result.numpy(), np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], dtype=np.float32))
