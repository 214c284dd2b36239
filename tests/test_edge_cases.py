"""Corners where a wrong number would come silently: written against closed forms and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import Tensor


@pytest.mark.parametrize(("write", "expected"), [
    (lambda y: y.mul_(y), [4.0, 6.0]),
    (lambda y: y.div_(y), [0.0, 0.0]),
    (lambda y: y.add_(y), [2.0, 2.0]),
    (lambda y: y.mul_(y.detach()), [2.0, 3.0]),
    (lambda y: y[0].mul_(y[0]), [4.0, 1.0]),
    (lambda y: y[:1].mul_(y[1:]), [3.0, 3.0]),  # y0 = x0 * x1, y1 = x1
])
def test_writing_a_tensor_with_itself(write: Callable[[Tensor], Any], expected: list[float]) -> None:
    x = ag.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    write(y)
    y.sum().backward()
    assert x.grad.tolist() == expected


def test_writing_a_number_with_itself() -> None:
    x = ag.tensor(3.0, requires_grad=True)
    y = x * 1
    y.mul_(y)
    y.backward()
    assert x.grad.item() == 6.0


@pytest.mark.parametrize("function", [
    lambda x: (x * (1 + 2j)).abs().sum(), lambda x: (x / (1 + 2j)).abs().sum(), lambda x: ((1 + 2j) * x).imag.sum(), lambda x: ((2 - 1j) / x).real.sum(),
    lambda x: (x ** (1 + 1j)).abs().sum(), lambda x: x.imag.sum(), lambda x: (x * x).real.sum(), lambda x: (x * x * x).imag.sum(),
], ids=range(8))
def test_gradients_through_complex_constants(function: Callable[[Tensor], Tensor]) -> None:
    assert ag.autograd.gradcheck(function, ag.tensor([1 + 1j, 0.5 - 2j], dtype=ag.complex128, requires_grad=True))


def test_complex_gradients_have_the_leafs_dtype() -> None:
    x = ag.tensor([1 + 1j, 2.0], requires_grad=True)
    x.real.sum().backward()
    assert x.grad.dtype is ag.complex64
    real = ag.tensor([1.0, 2.0], requires_grad=True)
    (real * (1 + 2j)).abs().sum().backward()
    np.testing.assert_allclose(real.grad.numpy(), [5**0.5] * 2, rtol=1e-6)


def test_a_complex_root_needs_a_cotangent() -> None:
    z = ag.tensor(1 + 1j, requires_grad=True)
    with pytest.raises(RuntimeError, match="only for real scalar outputs but got complex64"):
        (z * z).backward()


@pytest.mark.parametrize(("hook", "error", "match"), [
    (lambda g: ag.ones(5, 7), RuntimeError, r"has changed the size of value: the gradient has the shape \(2,\), it returned \(5, 7\)"),
    (lambda g: g.sum(), RuntimeError, "has changed the size of value"),
    (lambda g: g.double(), RuntimeError, "has changed the type of value: the gradient is float32, it returned float64"),
    (lambda g: 1.0, TypeError, "must return a Tensor or None, got float"),
])
def test_hooks_keep_shape_and_dtype(hook: Callable[[Tensor], Any], error: type[Exception], match: str) -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(hook)
    with pytest.raises(error, match=match):
        (x * x).sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("context", [ag.no_grad, ag.inference_mode])
def test_generator_functions_run_each_step_in_the_mode(context: Any) -> None:
    @context()
    def steps() -> Iterator[bool]:
        received = yield ag.is_grad_enabled()
        assert received == "sent"
        try:
            yield ag.is_grad_enabled()
        except KeyError:
            yield not ag.is_grad_enabled()

    generator = steps()
    assert next(generator) is False
    assert ag.is_grad_enabled()
    assert generator.send("sent") is False  # type: ignore[attr-defined]
    assert generator.throw(KeyError()) is True  # type: ignore[attr-defined]
    assert list(generator) == []
    assert ag.is_grad_enabled()


def test_a_batch_in_which_nothing_counts_moves_nothing() -> None:
    x = ag.zeros(2, 3, requires_grad=True)
    with np.errstate(all="ignore"):
        loss = nn.functional.cross_entropy(x, ag.tensor([-100, -100]))
    assert np.isnan(loss.item())
    loss.backward()
    assert x.grad.tolist() == [[0.0] * 3] * 2


def test_the_angle_of_the_origin_has_no_gradient() -> None:
    y, x = ag.tensor([0.0, 1.0], requires_grad=True), ag.tensor([0.0, 1.0], requires_grad=True)
    ag.atan2(y, x).sum().backward()
    assert y.grad.tolist() == [0.0, 0.5]
    assert x.grad.tolist() == [0.0, -0.5]


def test_gradients_without_dimensions_have_memory_of_their_own() -> None:
    x, given = ag.tensor(2.0, requires_grad=True), ag.tensor([1.0, 1.0])
    for function in (lambda: ag.stack([x, x.detach()]), lambda: ag.cat([x.reshape(1), x.detach().reshape(1)])):
        (found,) = ag.autograd.grad(function(), x, given)
        found.fill_(7.0)
        assert given.tolist() == [1.0, 1.0]


def test_largest_difference_of_rows_of_nothing() -> None:
    assert ag.cdist(ag.zeros(2, 0), ag.zeros(3, 0), p=float("inf")).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("name", ["mse_loss", "huber_loss", "smooth_l1_loss", "kl_div", "hinge_embedding_loss", "soft_margin_loss", "poisson_nll_loss", "binary_cross_entropy",
                                  "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss", "margin_ranking_loss", "gaussian_nll_loss"])
def test_losses_of_whole_numbers_are_no_whole_numbers(name: str, reduction: str) -> None:
    loss = getattr(nn.functional, name)
    a, b = ag.tensor([[0, 1], [1, 0]]), ag.tensor([[1, 0], [1, 1]])
    others = (2 * b,) if name == "margin_ranking_loss" else (b + 1,) if name == "gaussian_nll_loss" else ()
    for _ in range(4):
        found = loss(a, b, *others, reduction=reduction)
        expected = loss(a.float(), b.float(), *[each.float() for each in others], reduction=reduction)
        assert found.dtype == ag.float32
        assert found.tolist() == expected.tolist()


def test_sums_of_bytes() -> None:
    x = ag.full((2, 3), 200, dtype=ag.uint8)
    assert x.sum_to_size(1, 3).tolist() == [[400, 400, 400]]


@pytest.mark.parametrize("name", ["floor", "ceil", "round", "trunc", "sign", "sgn", "angle"])
@pytest.mark.parametrize("upstream", [np.inf, np.nan])
def test_steps_let_no_gradient_through_however_large(name: str, upstream: float) -> None:
    x = ag.tensor([0.25, -2.0], requires_grad=True)
    getattr(ag, name)(x).backward(ag.tensor([upstream, upstream]))
    assert x.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("write", [
    lambda k, x: k.copy_(x), lambda k, x: k.fill_(x[0]), lambda k, x: k.masked_fill_(k > 1, x[0]),
    lambda k, x: k.__setitem__(slice(0, 2), x[:2]), lambda k, x: k.__setitem__([0, 1], x[:2]), lambda k, x: k[1:].copy_(x[1:])])
def test_whole_numbers_never_require_a_gradient(write: Callable[[Tensor, Tensor], Any]) -> None:
    k, x = ag.tensor([1, 2, 3]), ag.tensor([1.5, 2.5, 3.5], requires_grad=True)
    write(k, x)
    assert not k.requires_grad
    assert (k * x).requires_grad


@pytest.mark.parametrize("function", [
    lambda k, x: k.masked_fill(k > 1, x[0]), lambda k, x: ag.slice_scatter(k, x), lambda k, x: ag.diagonal_scatter(k * k[:, None], x)])
def test_copies_of_whole_numbers_refuse_values_with_a_gradient(function: Callable[[Tensor, Tensor], Any]) -> None:
    with pytest.raises(RuntimeError, match="Autograd not support dtype"):
        function(ag.tensor([1, 2, 3]), ag.tensor([1.5, 2.5, 3.5], requires_grad=True))


def test_a_replaced_diagonal_keeps_the_dtype() -> None:
    k, x = ag.zeros(2, 2, dtype=ag.int64), ag.tensor([1.5, 2.5])
    assert ag.diagonal_scatter(k, x).tolist() == [[1, 0], [0, 2]]
    assert ag.as_strided_scatter(k, x, (2,), (1,)).tolist() == [[1, 2], [0, 0]]


def test_unpooled_nan_stays_in_its_place() -> None:
    unpooled = nn.functional.max_unpool1d(ag.tensor([[1.0, np.nan]]), ag.tensor([[1, 2]]), 2)
    np.testing.assert_array_equal(unpooled.numpy(), [[0.0, 1.0, np.nan, 0.0]])


@pytest.mark.parametrize("function", [
    lambda x: ag.cat([x, x]), lambda x: ag.cat([x, x], 1), lambda x: ag.stack([x, x], 1), lambda x: x.cumsum(0), lambda x: x.cumprod(1),
    lambda x: x.half().cumsum(1), lambda x: x.softmax(0), lambda x: x.repeat(20, 60).log_softmax(1), lambda x: x.t().log_softmax(0).t().softmax(1), lambda x: x.float().log_softmax(0),
    lambda x: x.index_add(0, ag.tensor([0]), x[:1]), lambda x: x.scatter(0, ag.tensor([[0]]), 1.0)])
def test_results_of_columns_lie_in_rows(function: Callable[[Tensor], Tensor]) -> None:
    x = ag.tensor(np.arange(12.0).reshape(3, 4)).t()
    assert function(x).view(-1).tolist() == function(x.contiguous()).flatten().tolist()


@pytest.mark.parametrize("name", ["elu", "celu", "selu"])
def test_second_derivatives_at_the_kink_are_those_from_above(name: str) -> None:
    x = ag.zeros(2, requires_grad=True)
    (first,) = ag.autograd.grad(getattr(nn.functional, name)(x).sum(), x, create_graph=True)
    (second,) = ag.autograd.grad(first.sum(), x)
    assert second.tolist() == [0.0, 0.0]


def test_real_tensors_are_their_own_conjugates() -> None:
    x = ag.tensor([1.0, -2.0], requires_grad=True)
    assert ag.conj(x) is x
    assert ag.conj_physical(x) is x
    assert x.conj() is x


def test_adaptive_maxima_of_no_images() -> None:
    x = ag.zeros(0, 2, 5, 7, requires_grad=True)
    pooled = nn.functional.adaptive_max_pool2d(x, (2, 3))
    pooled.sum().backward()
    assert pooled.shape == (0, 2, 2, 3)
    assert x.grad.shape == (0, 2, 5, 7)


@pytest.mark.parametrize("dtype", [ag.int8, ag.int32, ag.int64])
def test_negative_powers_in_place(dtype: Any) -> None:
    for _ in range(3):
        x = ag.tensor([2, 3, 0, -1, 1], dtype=dtype)
        x.pow_(ag.tensor([3, 2, 1, -3, -2], dtype=dtype))
        assert x.tolist() == [8, 9, 0, -1, 1]
    with pytest.raises(RuntimeError, match="negative"):
        x.pow_(-1)
    assert x.tolist() == [8, 9, 0, -1, 1]


def test_second_derivatives_of_complex_powers() -> None:
    x, y = ag.tensor(1.5 + 0.5j, requires_grad=True, dtype=ag.complex128), ag.tensor(0.7 - 0.3j, requires_grad=True, dtype=ag.complex128)
    (first,) = ag.autograd.grad((x**y).real, y, create_graph=True)
    (second,) = ag.autograd.grad(first.real, y)
    expected = 1.5 + 0.5j
    expected = (expected ** (0.7 - 0.3j)) * np.log(expected) ** 2
    assert abs(second.item() - np.conj(expected)) < 1e-12


def test_logarithms_of_complex_sums_have_the_principal_angle() -> None:
    for numbers in ([1.0 + 100.0j, 0.5 - 3.0j], [-np.inf, 2.0 + 40.0j]):
        found = ag.logsumexp(ag.tensor(numbers, dtype=ag.complex128), 0).item()
        assert abs(found - np.log(np.exp(np.array(numbers)).sum())) < 1e-12


def test_softmax_takes_the_dtype_by_position() -> None:
    x = ag.ones(2)
    for found in (ag.softmax(x, 0, ag.float64), x.softmax(0, ag.float64), ag.log_softmax(x, 0, ag.float64).exp()):
        assert found.dtype is ag.float64
        assert found.tolist() == [0.5, 0.5]


def test_quantiles_next_to_infinities() -> None:
    x = ag.tensor([-np.inf, 0.0, 2.0])
    with np.errstate(invalid="ignore"):
        assert ag.quantile(x, 0.4).item() == -np.inf  # 0.8 of the way from -inf to 0
    assert ag.quantile(x, 0.5).item() == 0.0
    assert ag.quantile(x, 0.75).item() == 1.0


@pytest.mark.parametrize("part", ["real", "imag"])
def test_second_derivatives_of_writes_to_parts_of_complex_numbers(part: str) -> None:
    x = ag.tensor([1.0 + 2.0j, 0.5 - 1.0j], dtype=ag.complex128, requires_grad=True)
    y = x * 1
    region = getattr(y, part)
    region[0] = region.sum()  # a + b, b
    (first,) = ag.autograd.grad((region**3).sum(), x, create_graph=True)
    (second,) = ag.autograd.grad(getattr(first, part).sum(), x)
    a, b = getattr(x.detach(), part).tolist()
    assert getattr(first, part).tolist() == [3 * (a + b) ** 2, 3 * (a + b) ** 2 + 3 * b**2]
    assert getattr(second, part).tolist() == [12 * (a + b), 12 * (a + b) + 6 * b]  # the gradient of 6 (a + b)² + 3 b²


@pytest.mark.parametrize(("write", "expected"), [
    (lambda y, x: y.add_(x), [3.0, 7.0]), (lambda y, x: y.sub_(x), [-1.0, -1.0]), (lambda y, x: y.mul_(x), [1.0, 12.0]), (lambda y, x: y[:1].add_(x[:1]), [3.0, 0.0])])
def test_gradients_of_wider_operands_of_writes_have_their_dtype(write: Callable[[Tensor, Tensor], Any], expected: list[float]) -> None:
    for _ in range(3):
        x, y = ag.tensor([0.5, 1.5], dtype=ag.float64, requires_grad=True), ag.tensor([1.0, 2.0], requires_grad=True)
        z = y * 1
        write(z, x)
        (z * z).sum().backward()
        assert z.dtype is y.grad.dtype is ag.float32
        assert x.grad.dtype is ag.float64
        assert x.grad.tolist() == expected


def test_complex_powers_are_not_written_into_real_numbers() -> None:
    x = ag.ones(2, dtype=ag.float64)
    with pytest.raises(RuntimeError, match=r"result requires dtype autograd_core\.complex128"):
        x.float_power_(ag.tensor([1 + 2j, 1j]))
    assert x.tolist() == [1.0, 1.0]
    assert (x * 2).float_power_(ag.tensor([3, -1])).tolist() == [8.0, 0.5]


@pytest.mark.parametrize(("mode", "weights"), [("bilinear", [1.0, 0.0]), ("bicubic", [1.125, -0.125])])
def test_smooth_image_of_one_pixel_at_the_corner(mode: str, weights: list[float]) -> None:
    """Corners aligned with corners: the one pixel stands at the first corner, half a pixel before the middle of the first."""
    x = ag.tensor([3.0, 5.0, 7.0, 20.0], dtype=ag.float64).reshape(1, 1, 4, 1).expand(1, 1, 4, 2)
    y = nn.functional.interpolate(x, (1, 2), mode=mode, align_corners=True, antialias=True)
    np.testing.assert_allclose(y.numpy().ravel(), weights[0] * 3 + weights[1] * 5, rtol=1e-14)


@pytest.mark.parametrize("name", ["elu", "celu", "selu"])
def test_slopes_at_nan_are_nan_however_they_are_computed(name: str) -> None:
    x = ag.tensor([float("nan"), 1.0, -1.0], requires_grad=True)
    for create_graph in (False, True):
        (slope,) = ag.autograd.grad(getattr(nn.functional, name)(x).sum(), x, create_graph=create_graph)
        assert slope.isnan().tolist() == [True, False, False]


@pytest.mark.parametrize("how", [{"mode": "nearest"}, {"mode": "bilinear"}, {"mode": "bicubic", "align_corners": True}, {"mode": "bilinear", "antialias": True}, {"mode": "area"}], ids=str)
@pytest.mark.parametrize("sizes", [(5, 8), (8, 5), (60, 50)], ids=str)  # no neighbour has the weight 0
def test_infinity_stays_among_the_neighbours(sizes: tuple[int, int], how: Any) -> None:
    length, size = sizes
    x, i, j = np.zeros((1, 1, length, length)), size // 2, size // 3
    image = ag.tensor(x, requires_grad=True)
    (reach,) = ag.autograd.grad(nn.functional.interpolate(image, size=(size, size), **how)[0, 0, i, j], image)
    upstream = np.ones((1, 1, size, size))
    upstream[0, 0, i, j] = np.inf
    nn.functional.interpolate(image, size=(size, size), **how).backward(ag.tensor(upstream))
    np.testing.assert_array_equal(np.isfinite(image.grad.numpy()), reach.numpy() == 0)
    at = np.unravel_index(int(np.argmax(reach.numpy())), x.shape)
    x[at] = np.inf
    with np.errstate(all="ignore"):
        assert np.isinf(nn.functional.interpolate(ag.tensor(x), size=(size, size), **how)[0, 0, i, j].item())


@pytest.mark.parametrize("loss", [nn.functional.cross_entropy, nn.functional.nll_loss])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("upstream", [math.inf, math.nan])
@pytest.mark.parametrize("options", [{}, {"weight": ag.tensor([1.0, 2.0, 3.0])}, {"weight": ag.tensor([1.0, 2.0, 3.0]), "label_smoothing": 0.1}], ids=len)
@pytest.mark.parametrize("create_graph", [False, True])
def test_ignored_samples_have_none_of_an_infinite_gradient(loss: Any, reduction: str, upstream: float, options: Any, create_graph: bool) -> None:
    if loss is nn.functional.nll_loss:
        options = {key: value for key, value in options.items() if key == "weight"}
    x = ag.rand(4, 3, requires_grad=True)
    value = loss(x, ag.tensor([0, -100, 2, -100]), reduction=reduction, **options)
    (slope,) = ag.autograd.grad(value, x, ag.full_like(value, upstream), create_graph=create_graph)
    assert slope[[1, 3]].tolist() == [[0.0] * 3] * 2
    assert not slope[0, 0].isfinite().item()


@pytest.mark.parametrize("base", [-1.5, -2, np.float64(-0.5)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_negative_numbers_to_complex_powers(base: Any, create_graph: bool) -> None:
    at = np.array([1.7 - 0.2j, -2.3 + 1.3j])
    x = ag.tensor(at, requires_grad=True)
    (slope,) = ag.autograd.grad((base**x).real.sum(), x, create_graph=create_graph)
    logarithm = complex(math.log(-base), math.pi)
    np.testing.assert_allclose(slope.detach().numpy(), np.conj(logarithm * np.exp(at * logarithm)))


@pytest.mark.parametrize("dtype", [ag.float16, ag.bfloat16])
@pytest.mark.parametrize("source", [ag.float32, ag.int64])
def test_sums_in_short_dtypes_are_rounded_once(dtype: Any, source: Any) -> None:
    if dtype is ag.bfloat16:
        pytest.importorskip("ml_dtypes")
    x = ag.ones(4000, 2, dtype=source)
    for of in (x.sum, x.nansum):
        assert of(0, dtype=dtype).tolist() == of(dim=0, dtype=dtype).tolist() == [4000.0] * 2
    assert x.cumsum(0, dtype=dtype)[-1].tolist() == [4000.0] * 2
    assert x.mean(0, dtype=dtype).tolist() == x.prod(0, dtype=dtype).tolist() == [1.0] * 2
    assert x.sum(dtype=dtype).dtype == x.mean(dtype=dtype).dtype == dtype


def test_nan_is_left_out_of_sums_in_integers() -> None:
    x = ag.tensor([[math.nan, math.nan], [math.nan, 2.7]])
    assert x.nansum(1, dtype=ag.int64).tolist() == [0, 2]
    assert x.nansum(1, dtype=ag.bool).tolist() == [False, True]


def test_no_dims_in_a_list_are_all_dims() -> None:
    for name in ("sum", "mean", "var", "amax", "logsumexp", "norm"):
        slopes = []
        for dim in ([], ()):
            x = ag.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
            getattr(ag, name)(x, dim=dim).backward()
            slopes.append(x.grad.tolist())
        assert slopes[0] == slopes[1], name


def test_one_shift_and_one_dim_may_be_sequences_or_numbers() -> None:
    x = ag.tensor([[1, 2], [3, 4]])
    assert x.roll(1, (0,)).tolist() == x.roll([1], 0).tolist() == x.roll(1, 0).tolist() == [[3, 4], [1, 2]]


def test_pools_of_infinite_order_are_the_extreme_magnitudes() -> None:
    x = ag.tensor([[[1.0, -3.0, 2.0, -0.5]]], requires_grad=True)
    pool = nn.functional.lp_pool1d
    assert pool(x, math.inf, 2).tolist() == [[[3.0, 2.0]]]
    assert pool(x, -math.inf, 2).tolist() == [[[1.0, 0.5]]]
    pool(x, math.inf, 2).sum().backward()
    assert x.grad.tolist() == [[[0.0, -1.0, 1.0, 0.0]]]


def test_routes_to_experts_can_be_viewed() -> None:
    assert ag.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]]).topk(2, dim=-1).indices.view(-1).tolist() == [1, 2, 0, 2]


def test_neighbours_in_bfloat16() -> None:
    pytest.importorskip("ml_dtypes")
    x = ag.tensor([3.0, 1.0, -2.0]).bfloat16()
    assert ag.nextafter(x, ag.zeros_like(x)).tolist() == [3 - 2**-6, 1 - 2**-8, -2 + 2**-7]
    assert x.nextafter_(ag.tensor(math.inf)).tolist() == [3 + 2**-6, 1 + 2**-7, -2 + 2**-7]
    with pytest.raises(NotImplementedError, match="nextafter: not implemented for int64"):
        ag.nextafter(ag.tensor([1]), ag.tensor([2]))
