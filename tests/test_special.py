"""The special functions against SciPy, the C library and numbers of 40 digits, over their whole range, in units in the last place."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special

import autograd_core as ag
from autograd_core import _methods

EXACT_ERFC = [
    (-3.25, 1.9999956972205364), (-0.875, 1.7840750610598597), (0.25, 0.7236736098317631), (0.46875, 0.507386526782062), (0.8125, 0.25053597441363795),
    (0.99609375, 0.1589270629810995), (1.00390625, 0.15568401916273697), (1.375, 0.051829927217909674), (1.96875, 0.0053654483661057135),
    (2.609375, 0.0002240659049026217), (3.3125, 2.8053126041729303e-06), (3.94921875, 2.3364815590593896e-08), (4.015625, 1.3552302567768228e-08),
    (5.1875, 2.196896674561913e-13), (6.75, 1.34876788936113e-21), (8.609375, 4.1983981259636764e-34), (11.5, 1.793309643576782e-59),
    (15.28125, 1.4169995642996197e-103), (19.0625, 4.5414636910306543e-160), (23.96875, 7.392622884976971e-252), (25.703125, 2.6557422537320054e-289),
    (26.5, 2.2109076642637343e-307)]
"""Computed with 40 digits and rounded once."""


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
def test_erf_is_within_4_units_of_scipy(dtype: str) -> None:
    x = points(dtype)
    actual = ag.erf(ag.from_numpy(x)).numpy()
    assert actual.dtype == dtype
    assert units(actual, special.erf(x)).max() <= 4


def test_erfc_is_within_4_units_of_scipy_as_far_as_scipy_is_exact() -> None:
    x = points("float64")
    expected = special.erfc(x)
    normal = expected >= np.finfo("float64").tiny
    actual = ag.erfc(ag.from_numpy(x)).numpy()
    own = np.where(x > 0.4, np.maximum(x * x, 8), 0)  # SciPy's own error: it takes 1 - erf up to 1, and beyond the exp of a rounded square
    assert (units(actual[normal], expected[normal]) <= 4 + own[normal]).all()
    assert (actual[~normal] < np.finfo("float64").tiny).all()


def test_erfc_in_float32_is_within_1_unit_of_scipy() -> None:
    x = points("float32")
    expected = special.erfc(x.astype("float64")).astype("float32")
    assert units(ag.erfc(ag.from_numpy(x)).numpy(), expected).max() <= 1


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_functions_are_within_6_units_of_the_c_library(name: str) -> None:
    x = points("float64")[::7]
    expected = np.array([getattr(math, name)(each) for each in x])
    normal = np.abs(expected) >= np.finfo("float64").tiny
    assert units(getattr(ag, name)(ag.from_numpy(x)).numpy()[normal], expected[normal]).max() <= 6  # ours 3, and the library's own


def test_erfc_is_within_4_units_of_40_digits() -> None:
    x, expected = np.array(EXACT_ERFC).T
    assert units(ag.erfc(ag.from_numpy(x.copy())).numpy(), expected).max() <= 4


def test_the_inverse_error_function_is_within_6_units() -> None:
    stream = np.random.default_rng(12)
    p = np.concatenate([stream.uniform(-1, 1, 100_000), 1 - 10.0 ** stream.uniform(-16, -1, 50_000), -10.0 ** stream.uniform(-300, 0, 10_000)])
    assert units(ag.erfinv(ag.from_numpy(p)).numpy(), special.erfinv(p)).max() <= 6
    single = p.astype("float32")
    single = single[np.abs(single) < 1]
    assert units(ag.erfinv(ag.from_numpy(single)).numpy(), special.erfinv(single.astype("float64")).astype("float32")).max() <= 2
    few = np.concatenate([ag.erfinv(ag.from_numpy(part)).numpy() for part in single[:1600].reshape(100, 16)])
    assert units(few, special.erfinv(single[:1600].astype("float64")).astype("float32")).max() <= 2


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


@pytest.mark.parametrize("x", [-3.0, 0.5, 9.9, 10.1, 40.0, 1e4, 1e9])
def test_derivatives_of_erfcx_where_its_formula_cancels(x: float) -> None:
    with mpmath.workdps(60):
        value = mpmath.exp(mpmath.mpf(x) ** 2) * mpmath.erfc(x)
        slope = 2 * x * value - 2 / mpmath.sqrt(mpmath.pi)
        expected = float(slope), float(2 * value + 2 * x * slope)
    t = ag.tensor(x, dtype=ag.float64, requires_grad=True)
    (first,) = ag.autograd.grad(ag.special.erfcx(t), t, create_graph=True)
    (second,) = ag.autograd.grad(first, t)
    np.testing.assert_allclose(first.item(), expected[0], rtol=1e-13)
    np.testing.assert_allclose(second.item(), expected[1], rtol=1e-11)


def test_the_slope_of_erfcx_at_the_ends() -> None:
    x = ag.tensor([np.finfo(float).max, np.inf], dtype=ag.float64, requires_grad=True)
    assert ag.autograd.grad(ag.special.erfcx(x).sum(), x)[0].tolist() == [0.0, 0.0]


# --- gamma, Bessel and other functions ----------------------------------------------------------------------------

EXACT = {
    "lgamma": [(0.9999559641399283, 2.5419783177715593e-05), (1.9999863072151305, -5.789034486425892e-06)],
    "special_erfcx": [(-24.485697388294533, 4.808569281710248e+260), (-3.3, 107274.43593281436), (0.017916908172801893, 0.9800996739905754)],
    "special_i1": [(-7.412294017131199, -229.8168570605136), (7.5, 249.58436542268814), (3.0, 3.9533702174026093), (2.749445245951525, 3.153830316863499),
                   (7.494762172543952, 248.35713656083144), (8.955297356887243, 988.0698170375201), (10.270871543838279, 3459.273915902245),
                   (481.55055046543566, 2.4774072074608862e+207)],
    "digamma": [(0.4107920764328833, -2.484697580350249), (0.854684847756202, -0.8454932899956611), (1.0751972884863652, -0.4598889342020294),
                (3.828898793807623, 1.2063447640302447), (4.106143802517336, 1.2858015805003136), (5.827151396048761, 1.6742760016208986),
                (9.462311414611356, 2.193545780000006)],
    "special_log_ndtr": [(-2.0324663392077476, -3.8607010938039905), (-0.9106988966569524, -1.708004764001637), (-0.6189499714360203, -1.3168628607614152),
                         (0.6512288214441551, -0.2976642544001698), (0.8325987523651288, -0.22631799884620848), (2.5674268747784863, -0.0051359864652939435),
                         (7.970556110450903, -7.898096221601702e-16), (33.46071607779963, -8.988723546529585e-246)],
    "special_ndtri": [(4.063282664443993e-190, -29.386682076363577)],
}
"""Computed with 40 digits and rounded once, where SciPy itself is further off."""


def function(name: str) -> Any:
    return getattr(ag.special, name.removeprefix("special_")) if name.startswith("special_") else getattr(ag, name)


def against_scipy(name: str) -> tuple[np.ndarray[Any, Any], Any]:
    """Where to compare and with what."""
    stream = np.random.default_rng(13)
    positive = np.concatenate([stream.uniform(1e-3, 0.5, 5000), stream.uniform(2.5, 12, 20_000), 10.0 ** stream.uniform(-300, -0.4, 2500), 10.0 ** stream.uniform(0.4, 300, 2500)])
    both = np.concatenate([stream.uniform(-30, 30, 20_000), stream.uniform(-700, 700, 20_000), 10.0 ** stream.uniform(-300, 2, 5000)])
    probability = np.concatenate([stream.uniform(0, 1, 20_000), 10.0 ** stream.uniform(-300, 0, 5000)])
    name = name.removeprefix("special_")
    where = {"lgamma": positive, "digamma": positive, "ndtri": probability, "logit": probability, "erfcx": stream.uniform(1, 300, 20_000), "log_ndtr": stream.uniform(-100, 0, 20_000)}
    return where.get(name, both), special.gammaln if name == "lgamma" else getattr(special, name)


@pytest.mark.parametrize(("name", "most"), [("lgamma", 6), ("digamma", 6), ("i0", 7), ("special_i0e", 7), ("special_i1", 15), ("special_i1e", 11), ("special_ndtri", 6),
                                            ("special_erfcx", 5), ("logit", 4), ("special_log_ndtr", 4)])
def test_distance_from_scipy(name: str, most: int) -> None:
    """In units in the last place. SciPy itself is up to 11 of them from 40 digits, where ours are compared with those below."""
    x, reference = against_scipy(name)
    expected = reference(x)
    good = np.isfinite(expected) & (np.abs(expected) > 1e-300)
    assert units(function(name)(ag.from_numpy(x)).numpy()[good], expected[good]).max() <= most


@pytest.mark.parametrize("name", EXACT)
def test_within_4_units_of_40_digits(name: str) -> None:
    x, expected = np.array(EXACT[name]).T
    assert units(function(name)(ag.from_numpy(x.copy())).numpy(), expected).max() <= 4


@pytest.mark.parametrize("name", ["lgamma", "digamma", "i0", "special_i1", "special_i0e", "special_i1e", "special_erfcx", "special_ndtri", "special_log_ndtr", "erf", "erfc", "erfinv"])
def test_few_numbers_equal_many(name: str) -> None:
    x = np.array([0.0, -0.0, 0.25, 1.0, 0.75, -0.5, np.nan])
    with np.errstate(all="ignore"):
        few, many = function(name)(ag.from_numpy(x)).numpy(), function(name)(ag.from_numpy(np.tile(x, 40))).numpy()
    np.testing.assert_allclose(np.tile(few, 40), many, rtol=1e-15)
    np.testing.assert_array_equal(np.signbit(few[:2]), np.signbit(many[:2]))


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_polygamma_of_both_signs(n: int) -> None:
    stream = np.random.default_rng(14)
    x = np.concatenate([stream.uniform(0.01, 20, 5000), -stream.uniform(0.05, 0.95, 500) - stream.integers(0, 30, 500)])
    np.testing.assert_allclose(ag.polygamma(n, ag.from_numpy(x)).numpy(), special.polygamma(n, x), rtol=2e-13)


def test_gamma_functions_at_their_poles_and_ends() -> None:
    x = ag.tensor([0.0, -0.0, -1.0, -2.0, float("inf"), float("-inf"), float("nan")], dtype=ag.float64)
    np.testing.assert_array_equal(ag.lgamma(x).numpy(), [np.inf, np.inf, np.inf, np.inf, np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(ag.digamma(x).numpy(), [-np.inf, np.inf, np.nan, np.nan, np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(ag.special.zeta(ag.tensor([2.0, 1.0, 0.5, 2.0, 2.5]), ag.tensor([-3.0, 2.0, 2.0, float("inf"), -0.5])).numpy(), [np.inf, np.inf, np.nan, 0.0, np.nan])


def test_derivatives_at_the_smallest_numbers_and_at_nan() -> None:
    smallest = [np.finfo("float32").smallest_subnormal, -1e-40, 1e-9, 0.0]
    for name in ("special_i1", "special_i1e", "special_bessel_j1"):
        for dtype in ("float32", "float64"):
            x = ag.from_numpy(np.array(smallest, dtype)).requires_grad_()
            np.testing.assert_allclose(ag.autograd.grad(getattr(_methods, name)(x).sum(), x)[0].numpy(), 0.5, rtol=1e-8)
    x = ag.tensor([math.nan, 1.0], requires_grad=True)
    slope = ag.autograd.grad(ag.digamma(x).sum(), x)[0].tolist()
    assert math.isnan(slope[0])
    assert slope[1] == pytest.approx(math.pi**2 / 6)


def test_lgamma_just_below_its_zero() -> None:
    rest = np.geomspace(1e-12, 0.2, 200)
    x = 1 - rest
    rest = 1 - x  # exact, and the series in it converges
    series = np.euler_gamma * rest + sum(special.zeta(k) * rest**k / k for k in range(2, 40))
    assert units(ag.lgamma(ag.from_numpy(x)).numpy(), series).max() <= 4


def test_lgamma_of_tiny_negative_numbers() -> None:
    x = np.array([-1e-16, -1e-17, -1e-18, -1e-160, -1e-300, -np.finfo("float64").smallest_subnormal])
    np.testing.assert_allclose(ag.lgamma(ag.from_numpy(x)).numpy(), -np.log(-x), rtol=1e-15)


@pytest.mark.parametrize("name", ["airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1",
                                  "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "gammainc", "gammaincc"])
def test_functions_of_real_numbers_refuse_complex_ones(name: str) -> None:
    """Whose imaginary part would be lost without a word."""
    z = ag.tensor([1 + 1j, 2.0])
    with pytest.raises(NotImplementedError, match="not implemented for complex64"):
        getattr(ag.special, name)(*(z, z) if name.startswith("gamma") else (z,))
