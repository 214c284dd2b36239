"""Small operands take a way of their own, by index or by one product: the same numbers as the way of large ones."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import autograd
from autograd_core.ops import adaptive, convolution, distance, fourier, grid, interpolate, pad, pooling, vectors

from .registry.cases import GOOD, Case, arguments, call, leaves, results, tensors

NAMES = {"convolution", "convolution_input_grad", "convolution_weight_grad", "max_pool", "max_pool_scatter", "avg_pool", "avg_pool_grad", "adaptive_average",
         "adaptive_average_grad", "patches", "patches_sum", "resample", "resample_sum", "sample_between", "extend", "extend_adjoint", "pair_distances", "linalg_cross",
         "half_fourier", "whole_fourier", "from_whole", "max_pool2d", "conv_transpose2d", "grid_sample", "interpolate"}
LIMITS = [(convolution, "SMALL"), (pooling, "SMALL"), (adaptive, "SMALL"), (interpolate, "_SMALL"), (grid, "_DENSE"), (pad, "_SMALL"), (distance, "_FEW"), (vectors, "_FEW"),
          (fourier, "SHORT"), (distance, "_REMEMBERED")]


def computed(case: Case) -> list[Any]:
    """The results and the gradients."""
    inputs = tensors(case, arguments(case), grad=True)
    outputs = [each for each in results(call(case, inputs)) if isinstance(each, ag.Tensor)]
    asked = [each for each in outputs if each.requires_grad]
    seeds = [ag.from_numpy(np.random.default_rng(i).standard_normal(each.shape)).to(each.dtype) for i, each in enumerate(asked)]
    return [*outputs, *(autograd.grad(asked, leaves(inputs), seeds, allow_unused=True) if asked else ())]


def forget() -> None:
    for known in (convolution.geometry, pooling.windows_of, adaptive._small):
        known.cache_clear()


@pytest.mark.parametrize("case", [case for case in GOOD if case.name in NAMES], ids=str)
def test_agrees_with_the_way_of_large_operands(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    found = computed(case)
    forget()
    for module, name in LIMITS:
        monkeypatch.setattr(module, name, 0)
    try:
        expected = computed(case)
    finally:
        forget()
    for one, other in zip(found, expected, strict=True):
        assert (one is None) is (other is None)
        if one is not None:
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("points", range(1, 10))
@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
def test_transforms_of_a_few_points(points: int, norm: str) -> None:
    x = np.random.default_rng(points).standard_normal((2, 3, points))
    for name in ("fft", "ifft", "rfft"):
        for dtype in ("float32", "float64"):
            found = getattr(ag.fft, name)(ag.from_numpy(x.astype(dtype)), norm=norm).numpy()
            np.testing.assert_allclose(found, getattr(np.fft, name)(x.astype(dtype), norm=norm), rtol=0, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_pixel_that_is_no_number_counts_at_its_neighbours_only(bad: float) -> None:
    image = np.zeros((1, 2, 4, 4))
    image[0, 0, 3, 3] = bad
    points = np.array([[[[-0.75, -0.75], [0.7, 0.7]]]])
    x, where = ag.from_numpy(image).requires_grad_(), ag.from_numpy(points).requires_grad_()
    y = ag.nn.functional.grid_sample(x, where, align_corners=False)
    assert y[0, 0, 0, 0] == 0
    assert not np.isfinite(y[0, 0, 0, 1].item())
    y[0, :, 0, 0].sum().backward()
    assert where.grad[0, 0, 0].tolist() == [0.0, 0.0]
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("pool", ["max_pool2d", "avg_pool2d", "adaptive_max_pool2d", "adaptive_avg_pool2d"])
def test_an_infinite_gradient_stays_in_its_window(pool: str) -> None:
    x = ag.from_numpy(np.arange(16.0).reshape(1, 1, 4, 4)).requires_grad_()
    seed = np.ones((1, 1, 2, 2))
    seed[0, 0, 0, 0] = np.inf
    getattr(ag.nn.functional, pool)(x, 2).backward(ag.from_numpy(seed))
    assert np.isfinite(x.grad.numpy()[0, 0, 2:]).all()
    assert np.isinf(x.grad.numpy()[0, 0, :2, :2]).any()


def test_of_equal_pixels_the_first_wins_and_of_nans_the_last() -> None:
    x = ag.from_numpy(np.array([[[[1.0, 2.0, np.nan, 0.0], [2.0, 2.0, np.nan, 5.0]]]])).requires_grad_()
    ag.max_pool2d(x, 2).backward(ag.ones(1, 1, 1, 2, dtype=ag.float64))
    assert x.grad.tolist() == [[[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]]]


@pytest.mark.parametrize("case", [case for case in GOOD if case.name in {"resample_sum", "interpolate"}], ids=str)
def test_long_lines_are_added_up_to_what_a_product_gives(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpolate, "_SMALL", 0)
    expected = computed(case)
    monkeypatch.setattr(interpolate, "_DENSE", 0)
    for one, other in zip(computed(case), expected, strict=True):
        assert (one is None) is (other is None)
        if one is not None:
            np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_what_is_remembered_of_large_operands_stays_small() -> None:
    def work() -> None:
        line = ag.randn(1, 1, 50_000, requires_grad=True)
        nn.functional.interpolate(line, size=100_001, mode="linear").sum().backward()
        points = ag.randn(1200, 2, requires_grad=True)
        nn.functional.pdist(points).sum().backward()
        scores = ag.randn(50_000, 3, requires_grad=True)
        nn.functional.cross_entropy(scores, ag.zeros(50_000, dtype="int64")).backward()
        scores.gather(1, ag.zeros(50_000, 2, dtype="int64")).sum().backward()
        ag.randn(300, 300).tril()
        nn.functional.layer_norm(scores, (3,)).sum().backward()

    tracemalloc.start()
    try:
        work()
        gc.collect()
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2_000_000  # none of the index arrays, which have 0.4 MB to 6 MB each
    assert most < 100_000_000, "the lines' matrix would take 20 GB"


@pytest.mark.parametrize("shape", [(64, 2), (63, 2), (70, 3), (2, 40, 4), (64, 64), (65, 1), (64, 65)])
def test_extrema_of_many_short_rows(shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(0).standard_normal(shape)
    numbers[0, 0] = np.nan
    for keepdim in (False, True):
        np.testing.assert_array_equal(ag.from_numpy(numbers).amax(-1, keepdim).numpy(), numbers.max(axis=-1, keepdims=keepdim))
        np.testing.assert_array_equal(ag.from_numpy(numbers).amin(-1, keepdim).numpy(), numbers.min(axis=-1, keepdims=keepdim))
