"""Kernels that take another way for many elements: the same results as the plain way."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nextafter_of_many_numbers(dtype: str) -> None:
    stream = np.random.default_rng(0)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal, 1.0, -1.0], dtype)
    x = np.concatenate([np.repeat(special, special.size), stream.standard_normal(3000).astype(dtype)])
    y = np.concatenate([np.tile(special, special.size), stream.standard_normal(3000).astype(dtype)])
    with np.errstate(all="ignore"):
        expected = np.nextafter(x, y)
        found = ag.nextafter(ag.from_numpy(x), ag.from_numpy(y)).numpy()
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.array_equal(np.signbit(found), np.where(np.isnan(expected), np.signbit(found), np.signbit(expected)))


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("numbers", ["random", "growing", "equal", "NaN"])
def test_places_of_running_maxima(numbers: str, dim: int) -> None:
    x = np.random.default_rng(0).standard_normal((20, 40))
    if numbers == "growing":
        x = np.sort(x, axis=dim)
    elif numbers == "equal":
        x = np.round(x)
    elif numbers == "NaN":
        x[3, 5:9] = np.nan
    values, indices = ag.cummax(ag.from_numpy(x), dim)
    lines, found, places = (np.moveaxis(array, dim, 1) for array in (x, values.numpy(), indices.numpy()))
    for line, value, place in zip(lines, found, places, strict=True):
        best = 0
        for k, each in enumerate(line):
            if np.isnan(each) or each >= line[best]:
                best = k
            assert place[k] == best
            assert value[k] == line[best] or (np.isnan(value[k]) and np.isnan(line[best]))
