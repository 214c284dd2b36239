"""Activations, convolutions, pools and what resamples images against PyTorch: keyword combinations, dtypes, singular points, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_core as ag
import nn.functional as F

from .test_conv_norm import numbers, same

torch = pytest.importorskip("torch")
TF = torch.nn.functional

SPECIAL = np.array([-np.inf, -30.0, -6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 6.0, 30.0, np.inf, np.nan])
ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    ("relu", {}), ("relu6", {}), ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 0.3}), ("elu", {}), ("elu", {"alpha": 2.0}), ("selu", {}), ("celu", {}),
    ("celu", {"alpha": 0.4}), ("silu", {}), ("mish", {}), ("softplus", {}), ("softplus", {"beta": 3.0, "threshold": 5.0}), ("softsign", {}), ("hardtanh", {}),
    ("hardtanh", {"min_val": -3.0, "max_val": 0.5}), ("hardsigmoid", {}), ("hardswish", {}), ("logsigmoid", {}), ("tanhshrink", {}), ("softshrink", {}),
    ("softshrink", {"lambd": 1.0}), ("hardshrink", {}), ("hardshrink", {"lambd": 1.0}), ("threshold", {"threshold": 0.5, "value": -7.0}), ("gelu", {}),
    ("gelu", {"approximate": "tanh"}), ("sigmoid", {}), ("tanh", {}), ("rrelu", {}),
]
INPLACE = {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardtanh", "hardsigmoid", "hardswish", "threshold", "rrelu"}
SINGLE_THERE = {"hardsigmoid": 3e-8, "celu": 3e-7}
"""PyTorch divides by 6 and by alpha in float32 there."""
UNDERSCORED = ["relu_", "leaky_relu_", "elu_", "selu_", "celu_", "hardtanh_", "rrelu_"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), ACTIVATIONS, ids=str)
def test_activation_at_its_corners(name: str, options: dict[str, Any], dtype: str) -> None:
    tolerance = {"rtol": 1e-6, "atol": 1e-6} if dtype == "float32" else {"rtol": SINGLE_THERE.get(name, 1e-12), "atol": 1e-14}
    x, u = ag.tensor(SPECIAL.astype(dtype), requires_grad=True), torch.tensor(SPECIAL.astype(dtype), requires_grad=True)
    with np.errstate(all="ignore"):
        y, v = getattr(F, name)(x, **options), getattr(TF, name)(u, **options)
        finite = slice(1, -2) if name == "gelu" else slice(None)  # its vectorised loop makes a NaN of infinity
        np.testing.assert_allclose(y.detach().numpy()[finite], v.detach().numpy()[finite], **tolerance)
        y[1:-2].sum().backward()  # infinities have other limits in some formulas
        v[1:-2].sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy()[1:-2], u.grad.numpy()[1:-2], **tolerance)


@pytest.mark.parametrize("name", sorted(INPLACE))
def test_activation_in_place(name: str) -> None:
    options = {"threshold": 0.1, "value": 3.0} if name == "threshold" else {}
    data = numbers(3, 4)
    if name not in SINGLE_THERE:
        same(lambda a: getattr(F, name)(a.clone(), inplace=True, **options) * a, lambda a: getattr(TF, name)(a, **options) * a, data)
    x = ag.tensor(data)
    assert getattr(F, name)(x, inplace=True, **options) is x
    np.testing.assert_allclose(x.numpy(), getattr(TF, name)(torch.tensor(data), **options).numpy(), rtol=1e-13)


@pytest.mark.parametrize("name", UNDERSCORED)
def test_underscored_activation(name: str) -> None:
    data = numbers(3, 4)
    same(lambda a: getattr(F, name)(a * 1.0), lambda a: getattr(TF, name)(a * 1.0), data)
    assert (name in ("relu_",)) == hasattr(ag.Tensor, name)


def test_random_slopes() -> None:
    ag.manual_seed(3)
    x = ag.full((400,), -1.0, requires_grad=True)
    y = F.rrelu(x, 0.25, 0.75, training=True)
    slopes = -y.detach().numpy()
    assert 0.25 <= slopes.min() < 0.3
    assert 0.7 < slopes.max() <= 0.75
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), slopes)
    assert F.rrelu(ag.full((3,), 2.0), training=True).tolist() == [2.0, 2.0, 2.0]
    first, second = (F.rrelu(x, training=True, generator=ag.Generator().manual_seed(5)).tolist() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax(hard: bool) -> None:
    ag.manual_seed(1)
    logits = ag.tensor(np.log([[0.1, 0.2, 0.7]] * 4000), requires_grad=True)
    y = F.gumbel_softmax(logits, tau=0.5, hard=hard, dim=-1)
    np.testing.assert_allclose(y.sum(dim=1).detach().numpy(), 1.0, rtol=1e-12)
    counts = np.bincount(y.detach().numpy().argmax(axis=1), minlength=3) / 4000
    np.testing.assert_allclose(counts, [0.1, 0.2, 0.7], atol=0.03)
    if hard:
        assert set(np.round(y.detach().numpy(), 12).ravel().tolist()) == {0.0, 1.0}
    (y * ag.tensor([1.0, 2.0, 3.0], dtype=ag.float64)).sum().backward()
    assert logits.grad is not None
    assert np.abs(logits.grad.numpy()).max() > 0.01
    np.testing.assert_allclose(logits.grad.sum(dim=1).numpy(), 0.0, atol=1e-12)


def raises_alike(ours: Callable[[], Any], theirs: Callable[[], Any], name: str) -> None:
    """Both raise errors of the same type, ours with a message that begins with the name."""
    with pytest.raises(Exception) as expected:
        theirs()
    with pytest.raises(expected.type, match=rf"^{name}\b"):
        ours()


# --- pools --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": 2, "stride": 1}, {"kernel_size": 2, "dilation": 2},
                                     {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}], ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_which_element_of_a_window_wins(count: int, options: dict[str, Any]) -> None:
    """Ties, NaNs and windows of nothing but -inf: PyTorch's gradient and indices."""
    stream = np.random.default_rng(count)
    data = stream.choice([1.0, 2.0, np.nan, -np.inf], p=[0.4, 0.2, 0.15, 0.25], size=(3, 2, *[6, 5, 4][:count]))
    x, u = ag.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, places = getattr(F, f"max_pool{count}d")(x, return_indices=True, **options)
    v, positions = getattr(TF, f"max_pool{count}d")(u, return_indices=True, **options)
    np.testing.assert_array_equal(y.detach().numpy(), v.detach().numpy())
    np.testing.assert_array_equal(places.numpy(), positions.numpy())
    seed = stream.standard_normal(tuple(v.shape))
    seed.flat[::7] = np.inf  # must not turn into NaNs elsewhere
    with np.errstate(invalid="ignore"):
        y.backward(ag.tensor(seed))
        v.backward(torch.tensor(seed))
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), u.grad.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("size", [1, 2, 4, 7])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_adaptive_pools(count: int, size: int) -> None:
    data = numbers(2, 3, *[7, 5, 6][:count])
    same(lambda a: getattr(F, f"adaptive_avg_pool{count}d")(a, size), lambda a: getattr(TF, f"adaptive_avg_pool{count}d")(a, size), data)
    data[data > 1.2] = np.nan
    y, places = getattr(F, f"adaptive_max_pool{count}d")(ag.tensor(data), size, return_indices=True)
    v, positions = getattr(TF, f"adaptive_max_pool{count}d")(torch.tensor(data), size, return_indices=True)
    np.testing.assert_array_equal(y.numpy(), v.numpy())
    np.testing.assert_array_equal(places.numpy(), positions.numpy())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_pooling_and_unpooling(count: int) -> None:
    data = numbers(2, 3, *[6, 5, 4][:count])
    _, places = getattr(F, f"max_pool{count}d")(ag.tensor(data), 2, return_indices=True)
    pooled, positions = getattr(TF, f"max_pool{count}d")(torch.tensor(data), 2, return_indices=True)
    for options in ({}, {"output_size": data.shape[2:]}):
        if options or count == 1:
            same(lambda a, o=options: getattr(F, f"max_unpool{count}d")(a, places, 2, **o), lambda a, o=options: getattr(TF, f"max_unpool{count}d")(a, positions, 2, **o), pooled.numpy())


@pytest.mark.parametrize("norm_type", [1, 2, 3.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_lp_pool(count: int, norm_type: float) -> None:
    data = np.abs(numbers(2, 3, *[6, 5, 4][:count])) + 0.1
    same(lambda a: getattr(F, f"lp_pool{count}d")(a, norm_type, 2), lambda a: getattr(TF, f"lp_pool{count}d")(a, norm_type, 2), data)
    x = ag.zeros(1, 1, *[4] * count, requires_grad=True)
    getattr(F, f"lp_pool{count}d")(x, norm_type, 2).sum().backward()
    assert x.grad is not None
    assert not x.grad.numpy().any()


# --- convolutions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("options", [{}, {"padding": 1}, {"stride": 2, "padding": (1, 0, 2)}, {"dilation": 2, "padding": "same"}, {"padding": "valid", "stride": (1, 2, 1)}], ids=str)
def test_conv3d(options: dict[str, Any], groups: int) -> None:
    x, w, b = numbers(2, 4, 5, 4, 6), numbers(6, 4 // groups, 2, 1, 3), numbers(6)
    same(lambda *a: F.conv3d(*a, groups=groups, **options), lambda *a: TF.conv3d(*a, groups=groups, **options), x, w, b)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "groups": 2}, {"stride": 3}], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_transposed_convolution(count: int, options: dict[str, Any]) -> None:
    x, w, b = numbers(2, 4, *[4, 3, 2][:count]), numbers(4, 3, *[3, 2, 2][:count]), numbers(3 * options.get("groups", 1))
    name = f"conv_transpose{count}d"
    same(lambda *a: getattr(F, name)(*a, **options), lambda *a: getattr(TF, name)(*a, **options), x, w, b)
    same(lambda *a: getattr(F, name)(*a, **options), lambda *a: getattr(TF, name)(*a, **options), x[0], w)


@pytest.mark.parametrize(("name", "shapes", "options"), [
    ("conv1d", [(2, 3, 5), (4, 2, 3)], {}), ("conv1d", [(2, 3, 2), (4, 3, 3)], {}), ("conv1d", [(5,), (4, 3, 3)], {}), ("conv3d", [(2, 3, 4, 4, 4), (4, 3, 3, 3)], {}),
    ("conv3d", [(2, 3, 4, 4, 4), (4, 3, 3, 3, 3), (5,)], {}), ("conv_transpose1d", [(2, 3, 5), (4, 2, 3)], {}), ("conv_transpose1d", [(2, 3, 5), (3, 2, 3)], {"output_padding": 1}),
    ("conv_transpose2d", [(2, 3, 5, 5), (3, 2, 3, 3), (3,)], {}), ("conv_transpose2d", [(2, 3, 1, 1), (3, 2, 1, 1)], {"padding": 1}),
    ("conv_transpose3d", [(2, 3, 5, 5), (3, 2, 3, 3)], {})], ids=str)
def test_convolution_errors(name: str, shapes: list[tuple[int, ...]], options: dict[str, Any]) -> None:
    raises_alike(lambda: getattr(F, name)(*[ag.zeros(*shape) for shape in shapes], **options),
                 lambda: getattr(TF, name)(*[torch.zeros(shape) for shape in shapes], **options), name)


# --- images and norms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"size": 7}, {"size": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.45}, {"scale_factor": 2.3, "recompute_scale_factor": True}], ids=str)
@pytest.mark.parametrize(("mode", "count", "corners"), [
    ("nearest", 1, None), ("nearest", 2, None), ("nearest", 3, None), ("nearest-exact", 1, None), ("nearest-exact", 2, None), ("area", 1, None), ("area", 2, None), ("area", 3, None),
    ("linear", 1, False), ("linear", 1, True), ("bilinear", 2, False), ("bilinear", 2, True), ("bicubic", 2, False), ("bicubic", 2, True), ("trilinear", 3, False), ("trilinear", 3, True)])
def test_interpolate(mode: str, count: int, corners: bool | None, options: dict[str, Any]) -> None:
    data = numbers(2, 3, *[5, 6, 4][:count])
    same(lambda a: F.interpolate(a, mode=mode, align_corners=corners, **options), lambda a: TF.interpolate(a, mode=mode, align_corners=corners, **options), data)


@pytest.mark.parametrize("options", [{"size": 7}, {"size": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.45}, {"scale_factor": 2.3, "recompute_scale_factor": True}], ids=str)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("corners", [False, True])
def test_interpolate_without_aliasing(mode: str, corners: bool, options: dict[str, Any]) -> None:
    arguments = {"mode": mode, "align_corners": corners, "antialias": True, **options}
    same(lambda a: F.interpolate(a, **arguments), lambda a: TF.interpolate(a, **arguments), numbers(2, 3, 5, 6))


@pytest.mark.parametrize(("mode", "scale"), [("bilinear", (1.3, 0.6)), ("bilinear", (1.3, 1.3)), ("bilinear", (1.3, 2.0))])
def test_lines_of_the_same_length_are_copied(mode: str, scale: Any) -> None:
    data = numbers(1, 2, 3, 5)
    np.testing.assert_allclose(F.interpolate(ag.tensor(data), scale_factor=scale, mode=mode).numpy(), TF.interpolate(torch.tensor(data), scale_factor=scale, mode=mode).numpy(), rtol=1e-12)


@pytest.mark.parametrize(("count", "mode"), [(2, "bilinear"), (2, "nearest"), (2, "bicubic"), (3, "bilinear"), (3, "nearest")])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grid_sample(count: int, align_corners: bool, padding_mode: str, mode: str) -> None:
    x, grid = numbers(2, 3, *[4, 5, 3][:count]), numbers(2, *[3, 2, 4][:count], count)
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    ours, theirs = ag.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    points, others = ag.tensor(grid, requires_grad=True), torch.tensor(grid, requires_grad=True)
    y, v = F.grid_sample(ours, points, **options), TF.grid_sample(theirs, others, **options)
    np.testing.assert_allclose(y.detach().numpy(), v.detach().numpy(), rtol=1e-11, atol=1e-12)
    seed = numbers(*v.shape, seed=3)
    y.backward(ag.tensor(seed))
    v.backward(torch.tensor(seed))
    assert ours.grad is not None
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(0 if points.grad is None else points.grad.numpy(), others.grad.numpy(), rtol=1e-10, atol=1e-11)


def test_unfold_and_fold() -> None:
    x = numbers(2, 3, 6, 7)
    for options in ({"kernel_size": 2}, {"kernel_size": (3, 2), "padding": (1, 0), "stride": (2, 1)}, {"kernel_size": 2, "dilation": (2, 3), "stride": 2}):
        same(lambda a, o=options: F.unfold(a, **o), lambda a, o=options: TF.unfold(a, **o), x)
        same(lambda a, o=options: F.fold(F.unfold(a, **o), (6, 7), **o), lambda a, o=options: TF.fold(TF.unfold(a, **o), (6, 7), **o), x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)])
def test_instance_norm_and_its_running_statistics(shape: tuple[int, ...], training: bool) -> None:
    x, w, b = numbers(*shape), numbers(3), numbers(3, seed=1)
    statistics = [numbers(3, seed=2), np.abs(numbers(3, seed=3)) + 0.5]
    same(lambda *a: F.instance_norm(a[0], *[ag.tensor(s) for s in statistics], *a[1:], training), lambda *a: TF.instance_norm(a[0], *[torch.tensor(s) for s in statistics], *a[1:], training),
         x, w, b)
    mine, others = [ag.tensor(s) for s in statistics], [torch.tensor(s) for s in statistics]
    F.instance_norm(ag.tensor(x), *mine, use_input_stats=training, momentum=0.3)
    TF.instance_norm(torch.tensor(x), *others, use_input_stats=training, momentum=0.3)
    for a, e in zip(mine, others, strict=True):
        np.testing.assert_allclose(a.numpy(), e.numpy(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", ["layer_norm", "group_norm", "batch_norm", "rms_norm", "instance_norm"])
def test_norms_of_large_arrays_in_every_dtype(name: str, dtype: str) -> None:
    """Many rows at a time, far from zero, against float64."""
    x = (numbers(70, 24, 50) + 3.0).astype(dtype)
    w, b = numbers(24).astype(dtype), numbers(24, seed=1).astype(dtype)
    calls: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
        "layer_norm": (lambda a, w, b: F.layer_norm(a.permute(0, 2, 1), (24,), w, b), lambda a, w, b: TF.layer_norm(a.permute(0, 2, 1), (24,), w, b)),
        "group_norm": (lambda a, w, b: F.group_norm(a, 4, w, b), lambda a, w, b: TF.group_norm(a, 4, w, b)),
        "batch_norm": (lambda a, w, b: F.batch_norm(a, None, None, w, b, True), lambda a, w, b: TF.batch_norm(a, None, None, w, b, True)),
        "rms_norm": (lambda a, w, b: F.rms_norm(a.permute(0, 2, 1), (24,), w, 1e-6) + b, lambda a, w, b: TF.rms_norm(a.permute(0, 2, 1), (24,), w, 1e-6) + b),
        "instance_norm": (lambda a, w, b: F.instance_norm(a, None, None, w, b), lambda a, w, b: TF.instance_norm(a, None, None, w, b)),
    }
    ours, theirs = calls[name]
    leaves = [ag.tensor(a, requires_grad=True) for a in (x, w, b)]
    exact = [torch.tensor(a.astype("float64"), requires_grad=True) for a in (x, w, b)]
    y, v = ours(*leaves), theirs(*exact)
    seed = numbers(*v.shape, seed=4).astype(dtype)
    y.backward(ag.tensor(seed))
    v.backward(torch.tensor(seed.astype("float64")))
    assert y.dtype is getattr(ag, dtype)
    tolerance = 5e-3 if dtype == "float16" else 2e-5
    for a, e in [(y.detach(), v.detach()), *((x.grad, u.grad) for x, u in zip(leaves, exact, strict=True))]:
        assert a is not None
        assert a.dtype is getattr(ag, dtype)
        np.testing.assert_allclose(a.numpy().astype("float64"), e.numpy(), atol=tolerance * float(e.abs().max()))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "celu", "silu", "mish", "softplus", "hardsigmoid", "hardswish", "softshrink"])
def test_activation_of_a_large_array(name: str, transposed: bool) -> None:
    """Computed in blocks, the last of which is not full; rows of a transposed array do not lie together."""
    data = 3.0 * numbers(301, 117)
    x, u = ag.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, v = (getattr(F, name)(x.T), getattr(TF, name)(u.T)) if transposed else (getattr(F, name)(x), getattr(TF, name)(u))
    np.testing.assert_allclose(y.detach().numpy(), v.detach().numpy(), rtol=1e-12, atol=1e-14)
    seed = numbers(*v.shape, seed=1)
    y.backward(ag.tensor(seed))
    v.backward(torch.tensor(seed))
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), u.grad.numpy(), rtol=SINGLE_THERE.get(name, 1e-11), atol=1e-13)


# --- properties ---------------------------------------------------------------------------------------------------


def agree(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray[Any, Any]) -> None:
    """Both refuse the call with the same type of error, or agree in value and gradients."""
    others = [torch.tensor(a, requires_grad=True) for a in arrays]
    leaves = [ag.tensor(a, requires_grad=True) for a in arrays]
    try:
        v = theirs(*others)
    except (RuntimeError, ValueError) as error:
        with pytest.raises(type(error)):
            ours(*leaves)
        return
    y = ours(*leaves)
    assert tuple(y.shape) == tuple(v.shape)
    np.testing.assert_allclose(y.detach().numpy(), v.detach().numpy(), rtol=1e-10, atol=1e-11)
    seed = numbers(*v.shape, seed=5)
    y.backward(ag.tensor(seed))
    v.backward(torch.tensor(seed))
    for x, u in zip(leaves, others, strict=True):
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), u.grad.numpy(), rtol=1e-10, atol=1e-11)


@st.composite
def layouts(draw: Any) -> tuple[int, int, list[int], list[int], dict[str, Any]]:
    """The number of dimensions, the batch, sizes of image and kernel, and options that both convolutions and pools take."""
    count = draw(st.integers(1, 3))
    image = draw(st.lists(st.integers(1, 6 if count > 1 else 9), min_size=count, max_size=count))
    kernel = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))

    def option(low: int, high: int) -> Any:
        return draw(st.one_of(st.integers(low, high), st.lists(st.integers(low, high), min_size=count, max_size=count).map(tuple)))

    return count, draw(st.integers(0, 2)), image, kernel, {"stride": option(1, 3), "padding": option(0, 1), "dilation": option(1, 2)}


@settings(max_examples=80, deadline=None)
@given(layout=layouts(), groups=st.integers(1, 2), inner=st.integers(1, 2), share=st.integers(1, 2), biased=st.booleans())
def test_any_convolution(layout: Any, groups: int, inner: int, share: int, biased: bool) -> None:
    count, batch, image, kernel, options = layout
    arrays = [numbers(batch, inner * groups, *image), numbers(share * groups, inner, *kernel), *([numbers(share * groups)] if biased else [])]
    agree(lambda *a: getattr(F, f"conv{count}d")(*a, groups=groups, **options), lambda *a: getattr(TF, f"conv{count}d")(*a, groups=groups, **options), *arrays)


@settings(max_examples=60, deadline=None)
@given(layout=layouts(), groups=st.integers(1, 2), inner=st.integers(1, 2), share=st.integers(1, 2), more=st.integers(0, 2))
def test_any_transposed_convolution(layout: Any, groups: int, inner: int, share: int, more: int) -> None:
    count, batch, image, kernel, options = layout
    arrays = [numbers(max(batch, 1), inner * groups, *image), numbers(inner * groups, share, *kernel)]
    name = f"conv_transpose{count}d"
    agree(lambda *a: getattr(F, name)(*a, groups=groups, output_padding=more, **options), lambda *a: getattr(TF, name)(*a, groups=groups, output_padding=more, **options), *arrays)


@settings(max_examples=80, deadline=None)
@given(layout=layouts(), ceil_mode=st.booleans(), counted=st.booleans(), kind=st.sampled_from(["max", "avg"]))
def test_any_pool(layout: Any, ceil_mode: bool, counted: bool, kind: str) -> None:
    count, batch, image, kernel, options = layout
    name = f"{kind}_pool{count}d"
    if kind == "avg":
        del options["dilation"]
        options["count_include_pad"] = counted
    elif ceil_mode or options["padding"] not in (0, (0,) * count):
        options["dilation"] = 1  # a window might lie between the pixels: PyTorch then writes outside its memory
    agree(lambda a: getattr(F, name)(a, kernel, ceil_mode=ceil_mode, **options), lambda a: getattr(TF, name)(a, kernel, ceil_mode=ceil_mode, **options), numbers(batch, 2, *image))


@settings(max_examples=60, deadline=None)
@given(shape=st.lists(st.integers(1, 5), min_size=3, max_size=5), data=st.data(), eps=st.sampled_from([1e-5, 0.1]), affine=st.booleans())
def test_any_norm(shape: list[int], data: Any, eps: float, affine: bool) -> None:
    x = numbers(*shape)
    last = tuple(shape[data.draw(st.integers(1, len(shape) - 1)):])
    weights = [numbers(*last), numbers(*last, seed=1)] if affine else []
    agree(lambda a, *w: F.layer_norm(a, last, *w, eps=eps), lambda a, *w: TF.layer_norm(a, last, *w, eps=eps), x, *weights)
    weights = [numbers(shape[1]), numbers(shape[1], seed=1)] if affine else []
    groups = data.draw(st.sampled_from([n for n in range(1, shape[1] + 1) if shape[1] % n == 0]))
    agree(lambda a, *w: F.group_norm(a, groups, *w, eps=eps), lambda a, *w: TF.group_norm(a, groups, *w, eps=eps), x, *weights)
    agree(lambda a, *w: F.batch_norm(a, None, None, *w, training=True, eps=eps), lambda a, *w: TF.batch_norm(a, None, None, *w, training=True, eps=eps), x, *weights)
    agree(lambda a, *w: F.instance_norm(a, None, None, *w, eps=eps), lambda a, *w: TF.instance_norm(a, None, None, *w, eps=eps), x, *weights)
