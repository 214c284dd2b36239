"""Convolution, pooling, normalisation, attention and special functions against PyTorch in float64: values, gradients, second gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn.functional as F
from autograd_core import autograd

torch = pytest.importorskip("torch")
TF = torch.nn.functional


def numbers(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def close(actual: Any, expected: Any, what: str) -> None:
    actual = 0.0 if actual is None else actual.detach().numpy()
    expected = 0.0 if expected is None else expected.detach().numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12, err_msg=what)


def same(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray[Any, Any]) -> None:
    """Both functions agree in values, in gradients on arrays and on Tensors, and in second gradients, of random projections."""
    x = [ag.from_numpy(a.copy()).requires_grad_() for a in arrays]
    u = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, v = ours(*x), theirs(*u)
    assert tuple(y.shape) == tuple(v.shape)
    close(y, v, "value")
    seed = numbers(*v.shape, seed=1)
    p, q = ag.from_numpy(seed.copy()).requires_grad_(), torch.tensor(seed, requires_grad=True)
    first = autograd.grad(y, x, p, create_graph=True)
    wanted = torch.autograd.grad(v, u, q, create_graph=True)
    for i, (a, e) in enumerate(zip(first, wanted, strict=True)):
        close(a, e, f"gradient {i} on Tensors")
    for i, (a, e) in enumerate(zip(autograd.grad(ours(*x), x, ag.from_numpy(seed)), wanted, strict=True)):
        close(a, e, f"gradient {i} on arrays")
    weights = [numbers(*e.shape, seed=2) for e in wanted]
    scalar = sum((a * ag.from_numpy(w)).sum() for a, w in zip(first, weights, strict=True))
    total = sum((e * torch.tensor(w)).sum() for e, w in zip(wanted, weights, strict=True))
    second = autograd.grad(scalar, [p, *x], allow_unused=True)
    for i, (a, e) in enumerate(zip(second, torch.autograd.grad(total, [q, *u], allow_unused=True), strict=True)):
        close(a, e, f"second gradient {i}")


# --- convolution --------------------------------------------------------------------------------------------------

CONV2D = [{}, {"padding": 1}, {"stride": 2, "padding": (2, 1)}, {"dilation": 2, "padding": "same"}, {"padding": "valid"}, {"stride": (1, 3), "dilation": (2, 1), "padding": 2},
          {"padding": 3, "stride": 4}]


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("options", CONV2D, ids=str)
def test_conv2d(options: dict[str, Any], groups: int) -> None:
    x, w, b = numbers(2, 4, 8, 9), numbers(6, 4 // groups, 3, 2), numbers(6)
    same(lambda *a: F.conv2d(*a, groups=groups, **options), lambda *a: TF.conv2d(*a, groups=groups, **options), x, w, b)


@pytest.mark.parametrize(("x", "w", "groups"), [
    ((4, 5, 6), (3, 4, 2, 2), 1), ((1, 3, 5, 5), (6, 1, 3, 3), 3), ((3, 2, 4, 4), (5, 2, 1, 1), 1), ((2, 2, 4, 5), (3, 2, 4, 5), 1), ((2, 1, 9, 9), (1, 1, 7, 7), 1)])
def test_conv2d_shapes(x: Any, w: Any, groups: int) -> None:
    same(lambda a, b: F.conv2d(a, b, groups=groups), lambda a, b: TF.conv2d(a, b, groups=groups), numbers(*x), numbers(*w))


def test_conv2d_in_several_portions_and_on_a_view() -> None:
    x, w = numbers(9, 9, 60, 40), numbers(8, 40, 3, 3)
    same(lambda a, b: F.conv2d(ag.permute(a, 3, 2, 0, 1)[:, :, ::2], b, padding=1), lambda a, b: TF.conv2d(a.permute(3, 2, 0, 1)[:, :, ::2], b, padding=1),
         x.reshape(9, 9, 40, 60), w)


def test_conv2d_float32_and_float16() -> None:
    x, w = numbers(4, 8, 14, 14), numbers(16, 8, 3, 3)
    expected = TF.conv2d(torch.tensor(x), torch.tensor(w), padding=1).numpy()
    for dtype, tolerance in ((ag.float32, 1e-5), (ag.float16, 3e-2)):
        y = F.conv2d(ag.tensor(x, dtype=dtype), ag.tensor(w, dtype=dtype), padding=1)
        assert y.dtype is dtype
        np.testing.assert_allclose(y.numpy(), expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("options", [{}, {"padding": 2, "stride": 2}, {"dilation": 3, "padding": "same"}, {"groups": 2}], ids=str)
def test_conv1d(options: dict[str, Any]) -> None:
    w = numbers(4, 4 // options.get("groups", 1), 3)
    same(lambda *a: F.conv1d(*a, **options), lambda *a: TF.conv1d(*a, **options), numbers(2, 4, 11), w, numbers(4))
    if not options:
        same(F.conv1d, TF.conv1d, numbers(4, 11), w)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"dilation": 2, "groups": 2}, {"stride": (3, 1), "padding": (0, 1)}], ids=str)
def test_conv_transpose2d(options: dict[str, Any]) -> None:
    same(lambda *a: F.conv_transpose2d(*a, **options), lambda *a: TF.conv_transpose2d(*a, **options), numbers(2, 4, 3, 5), numbers(4, 2, 3, 2),
         numbers(2 * options.get("groups", 1)))


@pytest.mark.parametrize(("x", "w", "options"), [
    ((2, 3, 5, 5), (4, 2, 3, 3), {}), ((2, 3, 2, 2), (4, 3, 3, 3), {}), ((3, 5), (4, 3, 3, 3), {}), ((2, 3, 5, 5), (4, 3, 3, 3), {"stride": 2, "padding": "same"}),
    ((2, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}), ((2, 3, 5, 5), (4, 3, 3, 3), {"stride": 0}), ((2, 3, 5, 5), (4, 3, 3, 3), {"padding": -1})])
def test_conv2d_errors_are_pytorchs(x: Any, w: Any, options: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError):
        TF.conv2d(torch.zeros(x), torch.zeros(w), **options)
    with pytest.raises(RuntimeError, match="conv2d"):
        F.conv2d(ag.zeros(x), ag.zeros(w), **options)


# --- pooling ------------------------------------------------------------------------------------------------------

WINDOWS = [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1}, {"kernel_size": (2, 3), "stride": (1, 2), "padding": (1, 1)}, {"kernel_size": 2, "ceil_mode": True},
           {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, {"kernel_size": (7, 9)}, {"kernel_size": 1, "stride": 2}, {"kernel_size": 2, "stride": 3}]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("options", [*WINDOWS, {"kernel_size": 3, "dilation": 2, "padding": 1}], ids=str)
def test_max_pool2d(options: dict[str, Any], ties: bool) -> None:
    x = numbers(2, 3, 7, 9)
    x = np.round(x) if ties else x
    same(lambda a: F.max_pool2d(a, **options), lambda a: TF.max_pool2d(a, **options), x)
    values, indices = F.max_pool2d(ag.from_numpy(x), return_indices=True, **options)
    expected, positions = TF.max_pool2d(torch.tensor(x), return_indices=True, **options)
    np.testing.assert_array_equal(values.numpy(), expected.numpy())
    np.testing.assert_array_equal(indices.numpy(), positions.numpy())


@pytest.mark.parametrize("more", [{}, {"count_include_pad": False}, {"divisor_override": 5}], ids=str)
@pytest.mark.parametrize("options", WINDOWS, ids=str)
def test_avg_pool2d(options: dict[str, Any], more: dict[str, Any]) -> None:
    same(lambda a: F.avg_pool2d(a, **options, **more), lambda a: TF.avg_pool2d(a, **options, **more), numbers(2, 3, 7, 9))


def test_pooling_without_batch_and_in_one_dimension() -> None:
    x = numbers(3, 8)
    same(lambda a: F.max_pool2d(a[:, None], (1, 2)), lambda a: TF.max_pool2d(a[:, None], (1, 2)), x)
    same(lambda a: F.max_pool1d(a, 3, 2, 1), lambda a: TF.max_pool1d(a, 3, 2, 1), x)
    same(lambda a: F.avg_pool1d(a, 3, 2, 1, True, False), lambda a: TF.avg_pool1d(a, 3, 2, 1, True, False), x)
    same(lambda a: F.max_pool1d(a, 2, return_indices=True)[0], lambda a: TF.max_pool1d(a, 2, return_indices=True)[0], numbers(2, 3, 8))


@pytest.mark.parametrize("size", [1, (2, 4), (None, 3), (7, 9), (5, 8)])
def test_adaptive_avg_pool2d(size: Any) -> None:
    same(lambda a: F.adaptive_avg_pool2d(a, size), lambda a: TF.adaptive_avg_pool2d(a, size), numbers(2, 3, 7, 9))


@pytest.mark.parametrize(("shape", "options"), [
    ((2, 3, 2, 2), {"kernel_size": 3}), ((2, 3, 8, 8), {"kernel_size": 2, "padding": 2}), ((2, 3, 8, 8), {"kernel_size": 2, "stride": 0}),
    ((2, 3, 8, 8), {"kernel_size": (2, 2, 2)})])
def test_pooling_errors_are_pytorchs(shape: Any, options: dict[str, Any]) -> None:
    for ours, theirs in ((F.max_pool2d, TF.max_pool2d), (F.avg_pool2d, TF.avg_pool2d)):
        with pytest.raises(RuntimeError):
            theirs(torch.zeros(shape), **options)
        with pytest.raises(RuntimeError, match="pool2d"):
            ours(ag.zeros(shape), **options)


# --- normalisation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (7, 3), (4, 3, 5)])
def test_batch_norm(shape: Any, training: bool) -> None:
    x, w, b, mean, var = numbers(*shape), numbers(3), numbers(3, seed=3), numbers(3, seed=4), numbers(3, seed=5) ** 2
    same(lambda *a: F.batch_norm(a[0], ag.tensor(mean), ag.tensor(var), *a[1:], training, 0.2, 1e-3),
         lambda *a: TF.batch_norm(a[0], torch.tensor(mean), torch.tensor(var), *a[1:], training, 0.2, 1e-3), x, w, b)
    ours, theirs = [ag.tensor(mean), ag.tensor(var)], [torch.tensor(mean), torch.tensor(var)]
    for _ in range(2):
        y = F.batch_norm(ag.from_numpy(x).requires_grad_(), *ours, training=training, momentum=0.3)
        close(y, TF.batch_norm(torch.tensor(x), *theirs, training=training, momentum=0.3), "value")
    for a, e in zip(ours, theirs, strict=True):
        assert not a.requires_grad
        close(a, e, "running statistics")


def test_batch_norm_without_statistics() -> None:
    same(lambda a: F.batch_norm(a, None, None, training=True), lambda a: TF.batch_norm(a, None, None, training=True), numbers(5, 3))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        F.batch_norm(ag.zeros(1, 3), None, None, training=True)
    with pytest.raises(RuntimeError, match="should contain 3 elements"):
        F.batch_norm(ag.zeros(4, 3), ag.zeros(2), ag.zeros(3))
    with pytest.raises(RuntimeError, match="to be defined"):
        F.batch_norm(ag.zeros(4, 3), None, None)


def test_a_running_statistic_that_a_graph_needs_is_not_changed_unnoticed() -> None:
    x, mean, var = ag.ones(4, 3, requires_grad=True), ag.zeros(3), ag.ones(3)
    y = F.batch_norm(x * 2, mean, var, ag.ones(3, requires_grad=True))
    F.batch_norm(x, mean, var, training=True)
    y.sum().backward()  # eval mode read copies made before the update
    assert x.grad is not None


@pytest.mark.parametrize(("shape", "normalized", "affine"), [((4, 5), 5, True), ((5, 5), (5,), True), ((2, 3, 4), (3, 4), True), ((2, 3, 4), (4,), False), ((6,), (6,), True)])
def test_layer_norm(shape: Any, normalized: Any, affine: bool) -> None:
    sizes = (normalized,) if isinstance(normalized, int) else normalized
    parameters = [numbers(*sizes, seed=6), numbers(*sizes, seed=7)] if affine else []
    same(lambda a, *p: F.layer_norm(a, normalized, *p, eps=1e-3), lambda a, *p: TF.layer_norm(a, sizes, *p, eps=1e-3), numbers(*shape), *parameters)
    same(lambda a, *p: F.rms_norm(a, normalized, *p), lambda a, *p: TF.rms_norm(a, sizes, *p), numbers(*shape), *parameters[:1])


def test_layer_norm_with_bias_or_weight_alone() -> None:
    x, p = numbers(4, 5), numbers(5)
    same(lambda a, b: F.layer_norm(a, 5, None, b), lambda a, b: TF.layer_norm(a, (5,)) + b, x, p)
    same(lambda a, b: F.layer_norm(a, 5, b), lambda a, b: TF.layer_norm(a, (5,), b), x, p)


@pytest.mark.parametrize(("shape", "groups"), [((2, 6, 4, 3), 2), ((3, 4), 4), ((2, 6, 5), 1)])
def test_group_norm(shape: Any, groups: int) -> None:
    same(lambda a, *p: F.group_norm(a, groups, *p), lambda a, *p: TF.group_norm(a, groups, *p), numbers(*shape), numbers(shape[1]), numbers(shape[1], seed=8))


@pytest.mark.parametrize("options", [{}, {"p": 1.0}, {"dim": 0}, {"p": 3.0, "dim": -1}], ids=str)
def test_normalize(options: dict[str, Any]) -> None:
    same(lambda a: F.normalize(a, **options), lambda a: TF.normalize(a, **options), numbers(3, 4))


@pytest.mark.parametrize("call", [
    lambda f, z: f.layer_norm(z(2, 3), (4,)), lambda f, z: f.layer_norm(z(2, 3), (3,), z(2)), lambda f, z: f.group_norm(z(2, 3), 2), lambda f, z: f.rms_norm(z(2, 3), (2,))])
def test_normalisation_errors_are_pytorchs(call: Any) -> None:
    with pytest.raises(RuntimeError):
        call(TF, torch.zeros)
    with pytest.raises(RuntimeError, match="norm"):
        call(F, ag.zeros)


# --- attention ----------------------------------------------------------------------------------------------------

Q, K, V = numbers(2, 3, 4, 5), numbers(2, 3, 6, 5), numbers(2, 3, 6, 7)


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}, {"is_causal": True, "scale": 2.0}], ids=str)
def test_attention(options: dict[str, Any]) -> None:
    same(lambda *a: F.scaled_dot_product_attention(*a, **options), lambda *a: TF.scaled_dot_product_attention(*a, **options), Q, K, V)


def test_attention_with_masks() -> None:
    mask = numbers(4, 6) > 0
    mask[1] = False  # a query that may attend nowhere
    same(lambda *a: F.scaled_dot_product_attention(*a, attn_mask=ag.from_numpy(mask)), lambda *a: TF.scaled_dot_product_attention(*a, attn_mask=torch.tensor(mask)), Q, K, V)
    same(lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m), lambda q, k, v, m: TF.scaled_dot_product_attention(q, k, v, attn_mask=m),
         Q, K, V, numbers(2, 1, 4, 6))


def test_attention_with_shared_heads() -> None:
    same(lambda *a: F.scaled_dot_product_attention(*a, enable_gqa=True), lambda *a: TF.scaled_dot_product_attention(*a, enable_gqa=True), numbers(2, 6, 4, 5), K, V)


def test_attention_errors_and_dropout() -> None:
    q = ag.ones(2, 4, 8)
    with pytest.raises(RuntimeError, match="is_causal"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=ag.ones(4, 4, dtype=ag.bool_), is_causal=True)
    with pytest.raises(RuntimeError, match="same last size"):
        F.scaled_dot_product_attention(q, ag.ones(2, 4, 7), q)
    y = F.scaled_dot_product_attention(ag.randn(50, 20, 8), ag.randn(50, 20, 8), ag.ones(50, 20, 1), dropout_p=0.4)
    assert abs(y.mean().item() - 1) < 0.1
    assert y.std().item() > 0.05


# --- special functions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv"])
def test_special(name: str) -> None:
    same(getattr(ag, name), getattr(torch, name), np.tanh(numbers(4, 5)))


@pytest.mark.parametrize("name", ["ndtr", "ndtri"])
def test_normal_distribution(name: str) -> None:
    same(getattr(ag.special, name), getattr(torch.special, name), 0.5 + 0.45 * np.tanh(numbers(4, 5)))


# --- printing -----------------------------------------------------------------------------------------------------

SHOWN = [np.float32(2), numbers(2, 3).astype("float32"), np.arange(5), np.array([True, False]), np.array([1e-5, 1.0], "float32"), np.array([1e9, 1.0], "float32"),
         np.array([np.nan, 1.5, -np.inf], "float32"), np.zeros((0, 3), "float32"), np.zeros(0, "int64"), numbers(40, 40), np.arange(2000), numbers(3, 2, 2),
         numbers(30).astype("float32"), np.array([1 + 2j, -0.5 - 1j], "complex64"), np.array(3, "int32"), np.array([1e5, 1.0], "float32"), numbers(8, 9, 20), np.zeros(3)]


@pytest.mark.parametrize("options", [{}, {"precision": 2}, {"sci_mode": True}, {"sci_mode": False}, {"profile": "short"}, {"linewidth": 40, "edgeitems": 1}], ids=str)
def test_tensors_are_shown_as_pytorch_shows_them(options: dict[str, Any]) -> None:
    try:
        for module in (ag, torch):
            module.set_printoptions(profile="default")
            module.set_printoptions(**options)
        for array in SHOWN:
            for grad in {False, array.dtype.kind == "f"}:
                t, u = ag.tensor(np.array(array), requires_grad=grad), torch.tensor(array, requires_grad=grad)
                if "dtype" not in repr(u):  # our names of dtypes are longer, and lines break elsewhere
                    assert repr(t) == repr(u)
                else:
                    assert "".join(repr(t).split()) == "".join(repr(u).replace("torch.", "autograd_core.").split())
    finally:
        ag.set_printoptions(profile="default")
        torch.set_printoptions(profile="default")
