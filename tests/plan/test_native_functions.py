"""The vector functions of the native back end against sixty digits and against NumPy at special values."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from autograd_core.plan.native.functions import BOUNDS, SHARED, mathematics
from autograd_core.plan.native.toolchain import compile_c

pytestmark = pytest.mark.native
REFERENCES: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "expm1": math.expm1, "log": math.log, "log1p": math.log1p, "tanh": math.tanh, "erf": math.erf}
DOMAINS = {"exp": (-87.0, 88.7, -708.0, 709.7), "expm1": (-30.0, 88.7, -50.0, 709.7), "log": (1e-37, 1e38, 1e-300, 1e300), "log1p": (-0.999999, 1e38, -0.9999999999, 1e300),
           "tanh": (-12.0, 12.0, -25.0, 25.0), "erf": (-5.0, 5.0, -7.0, 7.0)}
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 2.0, -2.0, 1e-40, -1e-40, 89.0, -104.0, 1000.0, -1000.0, 1e-30, 88.7228, 88.723, -87.336, 709.7827, 709.783, -708.396,
           np.frombuffer(b"\x01\x02\xc0\x7f", np.float32)[0]]


def loaded(name: str, single: bool) -> Callable[[Any], Any]:
    kind, letter = ("float", "f") if single else ("double", "")
    wrapper = f"void over(const {kind} *x, {kind} *y, long n) {{\n#pragma omp simd\nfor (long i = 0; i < n; i++) y[i] = ag_{name}_{letter}(x[i]); }}\n"
    function = compile_c(SHARED + mathematics() + wrapper).over
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]

    def over(x: Any) -> Any:
        y = np.empty_like(x)
        function(x.ctypes.data, y.ctypes.data, x.size)
        return y

    return over


def points(name: str, single: bool, stream: np.random.Generator) -> Any:
    low, high = DOMAINS[name][:2] if single else DOMAINS[name][2:]
    dtype = np.float32 if single else np.float64
    edges = np.linspace(low, high, 20001)
    near = stream.standard_normal(20000) * 10.0 ** stream.uniform(-6, 1, 20000)
    spread = 10.0 ** stream.uniform(math.log10(max(low, 1e-300)), math.log10(high), 20000) if low > 0 or high > 1e10 else stream.uniform(low, high, 20000)
    x = np.concatenate([edges, near, spread]).astype(dtype)
    return x[(x >= low) & (x <= high)]


@pytest.mark.parametrize("name", REFERENCES)
def test_float32_within_its_bound(name: str, stream: np.random.Generator) -> None:
    x = points(name, True, stream)
    actual = loaded(name, True)(x)
    exact = np.array([REFERENCES[name](float(v)) for v in x])  # in float64, which is exact enough to judge float32 by
    normal = np.abs(exact) >= np.finfo(np.float32).tiny
    error = np.abs(actual.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    assert error[normal].max() <= BOUNDS[name], (name, error[normal].max(), x[normal][error[normal].argmax()])


@pytest.mark.parametrize("name", REFERENCES)
def test_float64_within_its_bound(name: str, stream: np.random.Generator) -> None:
    x = np.ascontiguousarray(points(name, False, stream)[::23])
    actual = loaded(name, False)(x)
    with mpmath.workdps(60):
        exact = [getattr(mpmath, name)(mpmath.mpf(float(v))) for v in x]
        error = np.array([float(abs(mpmath.mpf(float(a)) - e)) / float(np.spacing(abs(float(e)))) for a, e in zip(actual, exact, strict=True)])
    normal = np.abs(actual) >= np.finfo(np.float64).tiny
    assert error[normal].max() <= BOUNDS[name], (name, error[normal].max(), x[normal][error[normal].argmax()])


@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
@pytest.mark.parametrize("name", REFERENCES)
def test_special_values_are_those_of_numpy(name: str, single: bool) -> None:
    x = np.array(SPECIAL, np.float32 if single else np.float64)
    with np.errstate(all="ignore"):
        expected = np.array([math.erf(v) for v in x], x.dtype) if name == "erf" else getattr(np, name)(x)
    actual = loaded(name, single)(x)
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(actual)[~np.isnan(expected)], np.signbit(expected)[~np.isnan(expected)])
    np.testing.assert_allclose(actual, expected, rtol=4 * np.finfo(x.dtype).eps, atol=0)
