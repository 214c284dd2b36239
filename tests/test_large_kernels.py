"""Kernels that take another way for many elements: against NumPy, SciPy and the plain way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import autograd_core as ag
import nn

LARGE = 70_001
"""Several blocks, and a part of one."""


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_nextafter_of_many_numbers(dtype: str) -> None:
    stream = np.random.default_rng(0)
    odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal, 1.0, -1.0], dtype)
    x = np.concatenate([np.repeat(odd, odd.size), stream.standard_normal(3000).astype(dtype)])
    y = np.concatenate([np.tile(odd, odd.size), stream.standard_normal(3000).astype(dtype)])
    with np.errstate(all="ignore"):
        expected = np.nextafter(x, y)
        found = ag.nextafter(ag.from_numpy(x), ag.from_numpy(y)).numpy()
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.array_equal(np.signbit(found), np.where(np.isnan(expected), np.signbit(found), np.signbit(expected)))


def test_nextafter_of_matrices_that_lie_differently() -> None:
    x, y = normal(60, 50, seed=1), normal(50, 60, seed=2).T
    x[3, 4], y[5, 6] = 0.0, x[5, 6]
    assert np.array_equal(ag.nextafter(ag.from_numpy(x), ag.from_numpy(y)).numpy(), np.nextafter(x, y))


@pytest.mark.parametrize("count", [600, LARGE])
def test_hypot_of_many_numbers(count: int) -> None:
    x, y = normal(count, seed=1), normal(count, seed=2)
    x[:4], y[:4] = (3e38, 1e-30, 3e-45, 0.0), (4e37, 1e-38, 3e-45, -0.0)
    found = ag.hypot(ag.from_numpy(x), ag.from_numpy(y)).numpy()
    assert np.array_equal(found, np.hypot(x.astype("float64"), y.astype("float64")).astype("float32"))
    x[4:7], y[4:7] = (math.inf, -math.inf, math.nan), (math.nan, 1.0, 1.0)
    found = ag.hypot(ag.from_numpy(x), ag.from_numpy(y)).numpy()
    assert found[4] == found[5] == math.inf
    assert np.isnan(found[6])
    assert np.isnan(found).sum() == 1


@pytest.mark.parametrize("count", [100, 3000, LARGE])
@pytest.mark.parametrize("broken", [False, True])
def test_angles_of_many_real_numbers(count: int, broken: bool) -> None:
    x = normal(count, seed=1)
    x[:4] = (0.0, -0.0, math.inf, -math.inf)
    expected = np.where(x < 0, np.float32(math.pi), np.float32(0))
    if broken:
        x[7] = expected[7] = math.nan
    assert np.array_equal(ag.angle(ag.from_numpy(x)).numpy(), expected, equal_nan=True)


@pytest.mark.parametrize("count", [100, LARGE])
def test_angles_of_integers_are_floats(count: int) -> None:
    x = np.arange(count) % 3 - 1
    found = ag.angle(ag.from_numpy(x)).numpy()
    assert found.dtype == np.float32
    assert np.array_equal(found, np.where(x < 0, np.float32(math.pi), np.float32(0)))


@pytest.mark.parametrize("name", ["amax", "amin"])
@pytest.mark.parametrize("width", [1, 2, 16, 17, 64, 65, 512, 513])
@pytest.mark.parametrize("count", [31, 32, 200])
def test_extrema_of_rows(name: str, width: int, count: int) -> None:
    x = normal(count, width, seed=width)
    x[count // 2, width // 2] = math.nan
    plain = getattr(np, name)
    for array in (x, np.asfortranarray(x), x.astype("float16"), np.nan_to_num(x * 100).astype("int16"), x > 0, np.stack([x, -x])):
        for keepdim in (False, True):
            found = getattr(ag.from_numpy(array), name)(-1, keepdim)
            expected = plain(array, axis=-1, keepdims=keepdim)
            assert found.numpy().dtype == expected.dtype
            assert np.array_equal(found.numpy(), expected, equal_nan=array.dtype.kind == "f")


def test_the_library_is_set_as_before_after_long_rows() -> None:
    x = ag.from_numpy(normal(300, 300)).requires_grad_()
    before, seen = np.getbufsize(), []
    for function in (lambda: nn.functional.layer_norm(x, (300,)), lambda: ag.softmax(x, 1), lambda: ag.log_softmax(x, 0)):
        y = function()
        seen.append(np.getbufsize())
        y.sum().backward()
        seen.append(np.getbufsize())
    assert set(seen) == {before}


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
    for odd in (0.0, np.inf, -np.inf, np.nan):
        x[1, 1, 3, 9] = odd
        expected = x.reshape(4, 4, 2, 8, 2, 8).mean(axis=(3, 5))
        assert np.allclose(nn.functional.adaptive_avg_pool2d(ag.from_numpy(x), 2).numpy(), expected, rtol=1e-12, equal_nan=True)


@pytest.mark.parametrize(("images", "filters", "options"), [
    ((9, 3, 20, 28), (5, 3, 3, 3), {"padding": 1}), ((9, 3, 20, 32), (5, 3, 3, 3), {"padding": (2, 1)}), ((3, 40, 9, 16), (50, 40, 3, 3), {"padding": 1}),
    ((2, 3, 20, 30), (4, 3, 3, 3), {"padding": (3, 0)}), ((5, 3, 21, 30), (4, 3, 5, 4), {"stride": (2, 3), "padding": (2, 3)}), ((70, 2, 30, 3), (4, 2, 3, 2), {}),
    ((5, 4, 20, 18), (6, 2, 3, 3), {"padding": 1, "groups": 2}), ((5, 3, 20, 18), (4, 3, 3, 3), {"padding": 2, "dilation": 2}), ((6, 3, 17, 19), (4, 3, 1, 1), {}),
    ((3, 4, 900), (3, 4, 40), {"padding": 9}), ((3, 4, 6, 10, 12), (5, 4, 2, 3, 3), {"padding": 1}), ((1, 2, 400, 6), (3, 2, 3, 3), {"padding": 1}),
    ((4, 2, 12, 40), (30, 2, 3, 3), {"padding": 1})], ids=str)
@pytest.mark.parametrize("turned", [False, True])
def test_convolutions_and_their_adjoints(images: tuple[int, ...], filters: tuple[int, ...], options: dict[str, Any], turned: bool) -> None:
    stream = np.random.default_rng(0)
    count = len(images) - 2
    x, weight, bias = stream.standard_normal(images), stream.standard_normal(filters), stream.standard_normal(filters[0])
    if turned:
        x = np.asfortranarray(x)
    padding, stride, dilation = (np.broadcast_to(options.get(name, default), count) for name, default in (("padding", 0), ("stride", 1), ("dilation", 1)))
    padded = np.pad(x, ((0, 0), (0, 0), *zip(padding, padding, strict=True)))
    reach = [spread * (n - 1) + 1 for spread, n in zip(dilation, filters[2:], strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(2, 2 + count)))
    windows = windows[(..., *[slice(None, None, step) for step in stride], *[slice(None, None, spread) for spread in dilation])]
    groups = options.get("groups", 1)
    parts = zip(np.split(windows, groups, axis=1), np.split(weight, groups), strict=True)
    axes = ([1, *range(2 + count, 2 + 2 * count)], range(1, 2 + count))
    product = np.concatenate([np.moveaxis(np.tensordot(*part, axes=axes), -1, 1) for part in parts], axis=1)
    leaves = [_leaf(x), _leaf(weight), _leaf(bias)]
    result = getattr(ag, f"conv{count}d")(*leaves, **options)
    assert np.allclose(result.detach().numpy(), product + bias.reshape(-1, *[1] * count), rtol=1e-10, atol=1e-10)
    assert np.allclose(getattr(ag, f"conv{count}d")(*leaves[:2], **options).detach().numpy(), product, rtol=1e-10, atol=1e-10)
    directions = [stream.standard_normal(each.shape) for each in leaves]
    cotangent = stream.standard_normal(result.shape)
    gradients = ag.autograd.grad(result, leaves, ag.from_numpy(cotangent))
    for at, direction in enumerate(directions):  # it is linear in each, so a step tells the derivative
        moved = [ag.from_numpy(direction) if i == at else each.detach() for i, each in enumerate(leaves)]
        step = getattr(ag, f"conv{count}d")(*moved, **options).numpy() - (bias if at < 2 else 0 * bias).reshape(-1, *[1] * count) - (product if at == 2 else 0)
        assert np.isclose((cotangent * step).sum(), (gradients[at].numpy() * direction).sum(), rtol=1e-9)


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
