"""Kernels that take another way for many elements: the same results as the plain way."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import autograd_core as ag
import nn


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
@pytest.mark.parametrize("shape", [(20, 40), (8, 512)])
def test_places_of_running_maxima(numbers: str, dim: int, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
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


def _leaf(array: np.ndarray) -> ag.Tensor:
    return ag.from_numpy(array).requires_grad_()


@pytest.mark.parametrize("count", [6, 300, 3000])
@pytest.mark.parametrize("width", [1, 5, 900])
def test_gradient_of_reading_rows(count: int, width: int) -> None:
    stream = np.random.default_rng(0)
    x, rows, g = stream.standard_normal((40, width)), stream.integers(-40, 40, count), stream.standard_normal((count, width))
    expected = np.zeros_like(x)
    np.add.at(expected, rows, g)
    leaf = _leaf(x)
    leaf[ag.from_numpy(rows)].backward(ag.from_numpy(g))
    assert np.allclose(leaf.grad.numpy(), expected, rtol=1e-12)
    leaf = _leaf(x)
    ag.index_select(leaf, 0, ag.from_numpy(rows % 40)).backward(ag.from_numpy(g))
    assert np.allclose(leaf.grad.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("count", [6, 300, 3000])
def test_gradient_of_reading_points(count: int) -> None:
    stream = np.random.default_rng(0)
    x, rows, columns, g = stream.standard_normal((12, 7, 2)), stream.integers(-12, 12, count), stream.integers(-7, 7, count), stream.standard_normal((count, 2))
    expected = np.zeros_like(x)
    np.add.at(expected, (rows, columns), g)
    leaf = _leaf(x)
    found = leaf[ag.from_numpy(rows), ag.from_numpy(columns)]
    assert np.array_equal(found.detach().numpy(), x[rows, columns])
    found.backward(ag.from_numpy(g))
    assert np.allclose(leaf.grad.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("count", [5, 400])
def test_gradients_of_writing_repeated_rows(count: int) -> None:
    stream = np.random.default_rng(0)
    x, rows, values, g = stream.standard_normal((30, 3)), stream.integers(0, 30, count), stream.standard_normal((count, 3)), stream.standard_normal((30, 3))
    last = {int(row): k for k, row in enumerate(rows)}
    into, source = g.copy(), np.zeros_like(values)
    for row, k in last.items():
        into[row], source[k] = 0, g[row]
    leaf, other = _leaf(x), _leaf(values)
    ag.index_copy(leaf, 0, ag.from_numpy(rows), other).backward(ag.from_numpy(g))
    assert np.array_equal(leaf.grad.numpy(), into)
    assert np.array_equal(other.grad.numpy(), source)
    leaf, other = _leaf(x), _leaf(values)
    ag.scatter(leaf, 0, ag.from_numpy(np.repeat(rows[:, None], 3, axis=1)), other).backward(ag.from_numpy(g))
    assert np.array_equal(leaf.grad.numpy(), into)
    assert np.array_equal(other.grad.numpy(), source)


def test_soft_margin_of_many_elements() -> None:
    stream = np.random.default_rng(0)
    x, sign = stream.standard_normal((200, 300)) * 20, np.where(stream.random((200, 300)) < 0.5, -1.0, 1.0)
    input, target = ag.from_numpy(x).requires_grad_(), ag.from_numpy(sign).requires_grad_()
    loss = ag.nn.functional.soft_margin_loss(input, target)
    loss.backward()
    np.testing.assert_allclose(loss.item(), np.logaddexp(0, -sign * x).mean(), rtol=1e-12)
    wrong = np.exp(-np.logaddexp(0, sign * x)) / x.size
    np.testing.assert_allclose(input.grad.numpy(), -sign * wrong, rtol=1e-12)
    np.testing.assert_allclose(target.grad.numpy(), -x * wrong, rtol=1e-12)


def test_root_mean_squares_of_many_rows() -> None:
    stream = np.random.default_rng(0)
    x, weight, g = stream.standard_normal((300, 400)), stream.standard_normal(400), stream.standard_normal((300, 400))
    input, factor = ag.from_numpy(x).requires_grad_(), ag.from_numpy(weight).requires_grad_()
    out = ag.nn.functional.rms_norm(input, (400,), factor, eps=1e-3)
    out.backward(ag.from_numpy(g))
    inverse = 1 / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(out.detach().numpy(), x * inverse * weight, rtol=1e-12)
    inner = g * weight
    np.testing.assert_allclose(input.grad.numpy(), inverse * (inner - x * inverse**2 * (inner * x).mean(axis=1, keepdims=True)), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(factor.grad.numpy(), (g * x * inverse).sum(axis=0), rtol=1e-9)


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


ACTIVATIONS = {  # value and slope
    "sigmoid": (_logistic, lambda x: _logistic(x) * _logistic(-x)),
    "silu": (lambda x: x * _logistic(x), lambda x: _logistic(x) * (1 + x * _logistic(-x))),
    "softplus": (lambda x: np.logaddexp(x, 0), _logistic),
    "logsigmoid": (lambda x: -np.logaddexp(-x, 0), lambda x: _logistic(-x)),
    "mish": (lambda x: x * np.tanh(np.logaddexp(x, 0)), lambda x: np.tanh(np.logaddexp(x, 0)) + x * _logistic(x) * (1 - np.tanh(np.logaddexp(x, 0)) ** 2)),
    "softshrink": (lambda x: x - np.clip(x, -0.5, 0.5), lambda x: (np.abs(x) > 0.5) * 1.0),
    "hardswish": (lambda x: x * np.clip(x + 3, 0, 6) / 6, lambda x: np.where(np.abs(x) < 3, x / 3 + 0.5, x > 0)),
    "celu": (lambda x: np.maximum(x, 0) + np.expm1(np.minimum(x, 0)), lambda x: np.exp(np.minimum(x, 0))),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [13, 300, 40_000])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_from_end_to_end(name: str, count: int, dtype: str) -> None:
    """Without a warning of NumPy's, which the tests take for errors; and the result may be written before backward."""
    ends = np.array([0.0, -0.0, 1000.0, -1000.0, 88.8, -88.8, 20.0, -20.0, 3.5, -3.5, 1e30, -1e30, 0.3])
    x = np.concatenate([ends, np.linspace(-9, 9, count - ends.size)]).astype(dtype)
    value, slope = ACTIVATIONS[name]
    leaf = ag.from_numpy(x).requires_grad_()
    result = getattr(nn.functional, name)(leaf)
    tolerance = {"rtol": 8 * float(np.finfo(dtype).eps), "atol": 2 * float(np.finfo(dtype).eps)}
    np.testing.assert_allclose(result.detach().numpy(), value(x.astype("float64")), **tolerance)
    (result if name == "sigmoid" else result.mul_(1.0)).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), slope(x.astype("float64")), **tolerance)


@pytest.mark.parametrize("weight", [0.25, 1.0, -0.5, 3.0])
@pytest.mark.parametrize("count", [5, 40_000])
def test_prelu_of_one_weight(count: int, weight: float) -> None:
    x = np.linspace(-2, 3, count, dtype="float32")
    leaf, slope = ag.from_numpy(x).requires_grad_(), ag.tensor([weight], requires_grad=True)
    result = nn.functional.prelu(leaf, slope)
    result.sum().backward()
    assert np.array_equal(result.detach().numpy(), np.where(x > 0, x, np.float32(weight) * x))
    assert np.array_equal(leaf.grad.numpy(), np.where(x > 0, 1, weight).astype("float32"))
    assert slope.grad.item() == pytest.approx(np.minimum(x, 0).sum(dtype="float64"), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limits", [(0.0, 0.0), (-1.0, 0.7), (-1e-3, 0.3)])
def test_few_bins_of_many_numbers(dtype: str, limits: tuple[float, float]) -> None:
    x = np.random.default_rng(0).standard_normal(40000).astype(dtype)
    x[:4000] = np.round(x[:4000], 1)  # which lie on the edges
    low, high = limits if limits[1] else (x.min(), x.max())
    edges = low + (high - low) * (np.arange(11) / 10)
    expected = [((x >= a) & (x < b)).sum() for a, b in itertools.pairwise(edges)]
    expected[0], expected[-1] = ((x >= low) & (x < edges[1])).sum(), ((x >= edges[-2]) & (x <= high)).sum()
    assert ag.histc(ag.from_numpy(x), 10, *limits).tolist() == [float(n) for n in expected]


def test_averages_of_small_images_with_infinities() -> None:
    x = np.random.default_rng(0).standard_normal((4, 4, 16, 16))
    for special in (0.0, np.inf, -np.inf, np.nan):
        x[1, 1, 3, 9] = special
        expected = x.reshape(4, 4, 2, 8, 2, 8).mean(axis=(3, 5))
        assert np.allclose(nn.functional.adaptive_avg_pool2d(ag.from_numpy(x), 2).numpy(), expected, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize("padding", [0, 1, (2, 3), (0, 2), (3, 0)])
@pytest.mark.parametrize("size", [1, 3])
def test_rows_of_padded_images_share_zeros(padding: int | tuple[int, int], size: int) -> None:
    stream = np.random.default_rng(0)
    x, weight = stream.standard_normal((2, 3, 20, 30)), stream.standard_normal((4, 3, size, size))
    before, after = (padding, padding) if isinstance(padding, int) else padding
    padded = np.pad(x, ((0, 0), (0, 0), (before, before), (after, after)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    expected = np.einsum("bchwij,fcij->bfhw", windows, weight)
    assert np.allclose(ag.conv2d(ag.from_numpy(x), ag.from_numpy(weight), padding=padding).numpy(), expected, rtol=1e-10, atol=1e-12)
