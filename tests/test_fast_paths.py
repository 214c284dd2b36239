"""Large arrays, which many kernels take another way than the few numbers of the samples: against NumPy, SciPy and the small arrays themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn

special = pytest.importorskip("scipy.special")
LARGE = 70_001
"""Several blocks, and a part of one."""


def normal(*shape: int, seed: int = 5) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def wild(seed: int) -> np.ndarray[Any, Any]:
    """Numbers of all sizes, many of them whole."""
    stream = np.random.default_rng(seed)
    x = (stream.standard_normal(LARGE) * 10.0 ** stream.uniform(-4, 4, LARGE)).astype("float32")
    x[::2] = np.round(x[::2])
    return x


@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide"])
@pytest.mark.parametrize("huge", [False, True])
def test_division_with_rest_is_exact_down_to_the_sign_of_zero(name: str, huge: bool) -> None:
    x, y = wild(1), wild(2)
    y[y == 0] = 3
    if huge:
        x[0], y[0], y[-1] = 1e30, 1e-3, np.inf
    expected = getattr(np, name)(x, y)
    if name == "remainder":
        expected = np.where(expected == 0, np.copysign(expected, x), expected)
    actual = getattr(ag, name)(ag.from_numpy(x), ag.from_numpy(y)).numpy()
    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(np.signbit(actual), np.signbit(expected))


@pytest.mark.parametrize("name", ["logaddexp", "logaddexp2"])
def test_sums_of_exponentials_with_infinities_and_nan(name: str) -> None:
    x, y = 30 * normal(LARGE), 30 * normal(LARGE, seed=6)
    x[:6] = [np.inf, -np.inf, np.inf, np.nan, 1, -np.inf]
    y[:6] = [np.inf, -np.inf, -np.inf, 1, np.nan, 2]
    with np.errstate(invalid="ignore"):
        expected = getattr(np, name)(x.astype("float64"), y.astype("float64"))
    np.testing.assert_allclose(getattr(ag, name)(ag.from_numpy(x), ag.from_numpy(y)).numpy(), expected, rtol=3e-7, atol=1e-7)


def units(actual: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.abs(actual.astype("float64") - expected) / np.spacing(np.abs(expected.astype("float32"))).astype("float64")


@pytest.mark.parametrize("name", ["digamma", "lgamma", "erfinv", "i0", "logit"])
def test_special_functions_in_float32_are_within_2_units(name: str) -> None:
    stream = np.random.default_rng(7)
    positive = np.concatenate([10.0 ** stream.uniform(-30, 30, LARGE), stream.uniform(0, 12, LARGE), 1.4616321 + stream.uniform(-1e-3, 1e-3, 500)])
    inside = np.concatenate([stream.uniform(-1, 1, LARGE), 10.0 ** stream.uniform(-30, 0, LARGE)])
    x = {"erfinv": inside, "logit": np.abs(inside), "i0": stream.uniform(-80, 80, LARGE)}.get(name, positive).astype("float32")
    if name in ("erfinv", "logit"):
        x = x[np.abs(x) < 1]
    reference: Callable[..., Any] = special.gammaln if name == "lgamma" else getattr(special, name)
    for part in (x, x[:50]):
        assert units(getattr(ag, name)(ag.from_numpy(part.copy())).numpy(), reference(part.astype("float64"))).max() <= (4 if name == "logit" else 2)


def test_trigamma_in_float32() -> None:
    x = np.concatenate([np.geomspace(1e-15, 1e15, LARGE), -np.random.default_rng(8).uniform(0.1, 0.9, 50)]).astype("float32")
    for part in (x[:-50], x, x[-50:], x[:50]):
        np.testing.assert_allclose(ag.polygamma(1, ag.from_numpy(part.copy())).numpy(), special.polygamma(1, part.astype("float64")), rtol=2e-7)


@pytest.mark.parametrize("name", ["gelu", "hardswish", "hardsigmoid", "silu", "prelu", "logit", "softplus"])
def test_activations_of_many_numbers_equal_those_of_few(name: str) -> None:
    function = {"prelu": lambda x: nn.functional.prelu(x, ag.tensor([0.2])), "logit": ag.logit}.get(name) or getattr(nn.functional, name)
    x = (1 / (1 + np.exp(-normal(LARGE))) if name == "logit" else 3 * normal(LARGE)).astype("float32")
    whole = ag.from_numpy(x.copy()).requires_grad_()
    result = function(whole)
    result.backward(ag.from_numpy(x + 2))
    for start in (0, 30_000, LARGE - 100):
        few = ag.from_numpy(x[start : start + 100].copy()).requires_grad_()
        part = function(few)
        part.backward(ag.from_numpy(x[start : start + 100] + 2))
        np.testing.assert_allclose(result.detach().numpy()[start : start + 100], part.detach().numpy(), rtol=3e-7)
        np.testing.assert_allclose(whole.grad.numpy()[start : start + 100], few.grad.numpy(), rtol=2e-6, atol=1e-6)


def test_real_tensors_are_their_own_conjugates() -> None:
    x = ag.tensor([1.0, -2.0], requires_grad=True)
    assert ag.conj(x) is x
    assert ag.conj_physical(x) is x
    assert x.conj() is x
