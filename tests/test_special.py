"""The special functions against SciPy, over their whole range, in units in the last place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag

special = pytest.importorskip("scipy.special")


def points(dtype: str) -> np.ndarray[Any, Any]:
    """Numbers of all sizes: dense where the functions bend, sparse down to the smallest, and the edges between ranges."""
    stream = np.random.default_rng(11)
    edges = np.array([0.0, 0.46875, 1.0, 1.02, 3.95, 4.0, 6.0, 26.5])
    edges = np.concatenate([edges, np.nextafter(edges, -1), np.nextafter(edges, 99)])
    positive = np.concatenate([stream.uniform(0, 1.2, 40_000), stream.uniform(0, 7, 40_000), stream.uniform(4, 26.5, 40_000), 10.0 ** stream.uniform(-300, 1.4, 20_000), edges])
    return np.concatenate([positive, -positive]).astype(dtype)


def units(actual: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The distance in units in the last place of ``expected``."""
    return np.abs(actual.astype("float64") - expected.astype("float64")) / np.spacing(np.abs(expected)).astype("float64")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_functions_are_within_4_units(name: str, dtype: str) -> None:
    x = points(dtype)
    expected = getattr(special, name)(x)
    normal = np.abs(expected) >= np.finfo(dtype).tiny  # SciPy gives up a little before the smallest numbers
    actual = getattr(ag, name)(ag.from_numpy(x)).numpy()
    assert actual.dtype == dtype
    assert units(actual[normal], expected[normal]).max() <= 4
    assert np.all(actual[~normal] < np.finfo(dtype).tiny)


def test_the_inverse_error_function_is_within_6_units() -> None:
    stream = np.random.default_rng(12)
    p = np.concatenate([stream.uniform(-1, 1, 100_000), 1 - 10.0 ** stream.uniform(-16, -1, 50_000), -10.0 ** stream.uniform(-300, 0, 10_000)])
    assert units(ag.erfinv(ag.from_numpy(p)).numpy(), special.erfinv(p)).max() <= 6
    single = p.astype("float32")
    single = single[np.abs(single) < 1]
    assert units(ag.erfinv(ag.from_numpy(single)).numpy(), special.erfinv(single.astype("float64")).astype("float32")).max() <= 1


@pytest.mark.parametrize(("x", "erf", "erfc"), [(math.inf, 1.0, 0.0), (-math.inf, -1.0, 2.0), (0.0, 0.0, 1.0), (30.0, 1.0, 0.0), (-7.0, -1.0, 2.0)])
def test_error_functions_at_the_edges(x: float, erf: float, erfc: float) -> None:
    assert (ag.erf(ag.tensor(x)).item(), ag.erfc(ag.tensor(x)).item()) == (erf, erfc)


def test_signed_zero_nan_and_subnormal_results() -> None:
    assert math.copysign(1, ag.erf(ag.tensor(-0.0)).item()) == -1
    assert math.isnan(ag.erf(ag.tensor(math.nan)).item())
    assert math.isnan(ag.erfc(ag.tensor(math.nan)).item())
    assert ag.erfc(ag.tensor(27.0, dtype=ag.float64)).item() == pytest.approx(5.237048923789255685e-319, rel=1e-5)  # Abramowitz and Stegun 7.1.23 with 9 terms
    edges = ag.erfinv(ag.tensor([1.0, -1.0, 0.0, 1.5, math.nan]))
    assert edges[:3].tolist() == [math.inf, -math.inf, 0.0]
    assert bool(ag.isnan(edges[3:]).all())


def test_shapes_and_dtypes() -> None:
    assert ag.erf(ag.zeros(0, 3)).shape == (0, 3)
    assert ag.erf(ag.ones(2, 3).T).shape == (3, 2)
    assert ag.erfc(ag.tensor(1.0, dtype=ag.float16)).dtype is ag.float16
    assert ag.erf(ag.tensor([1, 2])).dtype is ag.float32
    big = np.linspace(-3, 3, 50_001)  # several blocks
    np.testing.assert_allclose(ag.erf(ag.from_numpy(big)).numpy(), special.erf(big), rtol=1e-15)


def test_normal_distribution_function_and_its_inverse() -> None:
    x = np.linspace(-6, 6, 41)
    np.testing.assert_allclose(ag.special.ndtr(ag.from_numpy(x)).numpy(), special.ndtr(x), rtol=1e-14)
    np.testing.assert_allclose(ag.special.ndtri(ag.special.ndtr(ag.from_numpy(x[:30]))).numpy(), x[:30], rtol=1e-6)
