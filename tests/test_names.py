"""Names that PyTorch's users type and that are no ops: flags, layouts, devices, memory, loops in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import autograd_core as ag


def test_flags_of_what_is_not_here() -> None:
    t = ag.ones(2)
    assert not any((t.is_sparse, t.is_quantized, t.is_meta, t.is_nested, t.is_mps))
    assert not any((t.is_conj(), t.is_neg(), t.is_pinned(), t.is_shared(), ag.is_conj(t), ag.is_neg(t)))
    assert t.resolve_neg() is ag.resolve_neg(t) is t.share_memory_() is t.to_dense() is t
    assert t.layout is ag.strided
    assert isinstance(ag.contiguous_format, ag.memory_format)
    assert isinstance(ag.strided, ag.layout)
    assert repr(ag.strided) == "autograd_core.strided"
    assert t.get_device() == ag.get_device(t) == -1
    assert ag.newaxis is None


def test_memory_formats() -> None:
    t = ag.ones(2, 3)
    for make in (ag.zeros_like, ag.ones_like, ag.empty_like):
        assert make(t, memory_format=ag.preserve_format).shape == (2, 3)
    assert t.clone(memory_format=ag.contiguous_format).tolist() == t.contiguous(memory_format=ag.contiguous_format).tolist()
    assert t.to(ag.float64, memory_format=ag.preserve_format).dtype is ag.float64
    assert t.is_contiguous(memory_format=ag.contiguous_format)
    with pytest.raises(RuntimeError, match="zeros_like: unsupported memory format 'channels_last'"):
        ag.zeros_like(t, memory_format="channels_last")


def test_default_device() -> None:
    assert ag.get_default_device() == "cpu"
    ag.set_default_device("cpu")
    assert ag.zeros(1).device == ag.get_default_device()
    ag.set_default_device(None)
    with pytest.raises(RuntimeError, match="expected a device"):
        ag.set_default_device("tpu")


def test_algorithms_are_deterministic() -> None:
    ag.use_deterministic_algorithms(True, warn_only=True)
    assert ag.are_deterministic_algorithms_enabled()
    ag.use_deterministic_algorithms(False)
    assert not ag.are_deterministic_algorithms_enabled()


def test_names_of_types() -> None:
    assert ag.typename(ag.ones(2, dtype=ag.int64)) == "autograd_core.LongTensor"
    assert ag.typename(3) == "int"
    assert ag.typename(np.ndarray) == "numpy.ndarray"
    assert ag.LongTensor([1.5, 2]).tolist() == [1, 2]
    assert ag.DoubleTensor(2, 3).dtype is ag.float64
    assert ag.FloatTensor(2, 3).shape == (2, 3)
    with pytest.raises(AttributeError, match="QuickTensor"):
        _ = ag.QuickTensor  # type: ignore[attr-defined]


def test_ranges_with_their_end() -> None:
    assert ag.range(0, 3).tolist() == [0.0, 1.0, 2.0, 3.0]
    assert ag.range(1, -1, -0.5, dtype=ag.float64).tolist() == [1.0, 0.5, 0.0, -0.5, -1.0]
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        ag.range(0, 1, 0)
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        ag.range(0, 1, -1)


def test_strides_and_buffers() -> None:
    t = ag.empty_strided((2, 3), (1, 2), dtype=ag.float64)
    assert (t.shape, t.stride(), t.dim_order()) == ((2, 3), (1, 2), (1, 0))
    assert ag.ones(1).new_empty_strided((2, 2), (2, 1)).is_contiguous()
    with pytest.raises(RuntimeError, match="mismatch in length"):
        ag.empty_strided((2,), (1, 1))
    data = bytearray(np.array([1, 2, 3], dtype="int32").tobytes())
    t = ag.frombuffer(data, dtype=ag.int32, offset=4)
    t[0] = 7
    assert np.frombuffer(data, dtype="int32").tolist() == [1, 7, 3]
    assert ag.from_dlpack(ag.arange(3)).tolist() == [0, 1, 2]
    assert "dltensor" in repr(ag.to_dlpack(ag.arange(3)))


def test_new_is_of_the_same_kind() -> None:
    t = ag.ones(2, dtype=ag.float64)
    assert t.new([1, 2]).dtype is ag.float64
    assert t.new(2, 3).shape == (2, 3)


def test_resizing() -> None:
    t = ag.arange(6.0)
    first = t[:2]
    assert t.resize_(2, 2).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    t[0, 0] = 9.0
    assert first.tolist() == [9.0, 1.0]
    assert t.resize_(6).tolist()[:4] == [9.0, 1.0, 2.0, 3.0]
    assert t.resize_as_(ag.ones(2, 1)).tolist() == [[9.0], [1.0]]
    assert t.resize_(0).shape == (0,)
    with pytest.raises(RuntimeError, match="cannot resize variables that require grad"):
        ag.ones(2, requires_grad=True).resize_(1)
    with pytest.raises(RuntimeError, match="not contiguous"):
        ag.ones(2, 3).t().resize_(2)


def test_taking_the_memory_of_another() -> None:
    a, b = ag.zeros(2), ag.arange(3.0)
    assert a.set_(b) is a
    assert a.is_set_to(b)
    a.add_(1)
    assert b.tolist() == [1.0, 2.0, 3.0]
    assert a.set_().shape == (0,)
    assert not a.is_set_to(b)
    with pytest.raises(RuntimeError, match="set_: Could not set tensor"):
        a.set_(ag.zeros(2, dtype=ag.int64))


def test_python_functions_of_elements() -> None:
    t = ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert t.apply_(lambda x: x * x) is t
    assert t.tolist() == [[1.0, 4.0], [9.0, 16.0]]
    assert t.map_(ag.tensor([1.0, 2.0]), lambda x, y: x + y).tolist() == [[2.0, 6.0], [10.0, 18.0]]
    assert t.map2_(t, ag.tensor(1.0), lambda x, y, z: x - y + z).tolist() == [[1.0, 1.0], [1.0, 1.0]]
    with pytest.raises(RuntimeError, match=r"Can't call apply_\(\) on Variable that requires grad"):
        ag.ones(1, requires_grad=True).apply_(abs)


@pytest.mark.parametrize(("name", "arguments", "expected"), [
    ("arccos_", (), 0.0), ("clip_", (0.0, 0.5), 0.5), ("negative_", (), -1.0), ("detach_", (), 1.0), ("fill_", (3.0,), 3.0), ("square_", (), 1.0), ("dropout_", (0.5, False), 1.0),
    ("alpha_dropout_", (0.5, False), 1.0), ("feature_dropout_", (0.0, True), 1.0), ("feature_alpha_dropout_", (0.5, False), 1.0)])
def test_functions_that_write_in_place(name: str, arguments: Any, expected: float) -> None:
    t = ag.ones(1, 1)
    assert getattr(ag, name)(t, *arguments) is t
    assert t.item() == expected


def test_the_same_bytes_as_other_numbers() -> None:
    t = ag.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    bits = t.view(ag.int32)
    np.testing.assert_array_equal(bits.numpy(), t.detach().numpy().view("int32"))
    assert not bits.requires_grad
    assert t.view(ag.int64).shape == (2, 1)
    assert t.view(ag.uint8).shape == (2, 8)
    u = ag.ones(2)
    u.view(ag.int32)[0] = 0
    assert u.tolist() == [0.0, 1.0]
    assert ag.tensor(1.0).view(ag.int32).item() == 0x3F800000
    with pytest.raises(RuntimeError, match=r"size\(-1\) must be divisible by 2 to view float32 as float64"):
        ag.ones(2, 3).view(ag.float64)
    with pytest.raises(RuntimeError, match=r"dim\(\) cannot be 0"):
        ag.tensor(1.0).view(ag.float64)


@pytest.mark.parametrize(("bins", "limits"), [([2, 3], None), (2, (-2.0, 1.0, -1.0, 2.0))])
@pytest.mark.parametrize("density", [False, True])
def test_histograms_of_points(bins: Any, limits: Any, density: bool) -> None:
    stream = np.random.default_rng(0)
    points, weight = stream.standard_normal((40, 2)), stream.uniform(size=40)
    hist, edges = ag.histogramdd(ag.tensor(points), bins, range=limits, weight=ag.tensor(weight), density=density)
    expected, borders = np.histogramdd(points, bins, range=None if limits is None else np.reshape(limits, (2, 2)), density=density, weights=weight)
    np.testing.assert_allclose(hist.numpy(), expected, rtol=1e-12)
    for each, border in zip(edges, borders, strict=True):
        np.testing.assert_allclose(each.numpy(), border, rtol=1e-12)
    again = ag.histogramdd(ag.tensor(points), edges, weight=ag.tensor(weight), density=density)
    np.testing.assert_array_equal(again.hist.numpy(), hist.numpy())


def test_the_incomplete_gamma_function_of_a_is_not_differentiable() -> None:
    a, x = ag.tensor([0.5, 2.0], requires_grad=True), ag.tensor([1.0, 3.0], requires_grad=True)
    with pytest.raises(NotImplementedError, match=r"the derivative for 'igamma: input' is not implemented\."):
        ag.igamma(a, x).sum().backward()
    ag.special.gammaincc(a.detach(), x).sum().backward()
    assert a.grad is None
    np.testing.assert_allclose(x.grad.numpy(), [-np.exp(-1) / np.sqrt(np.pi), -3 * np.exp(-3)], rtol=1e-6)


def test_the_incomplete_gamma_functions_beside_scipy() -> None:
    stream = np.random.default_rng(0)
    a = np.concatenate([stream.uniform(0.01, 30, 500), 10 ** stream.uniform(-8, 4, 500), [1e9, 1e9]])
    x = np.concatenate([stream.uniform(0, 40, 500), a[500:1000] * stream.uniform(0.8, 1.2, 500), [1e9, 1.00002e9]])
    np.testing.assert_allclose(ag.igamma(ag.tensor(a), ag.tensor(x)).numpy(), special.gammainc(a, x), rtol=2e-12)
    np.testing.assert_allclose(ag.igammac(ag.tensor(a), ag.tensor(x)).numpy(), special.gammaincc(a, x), rtol=2e-12)
    edges = np.array([0.0, 0, -1, 1, 1, 2, 3, np.inf, 1]), np.array([0.0, 1, 1, -1, 0, np.inf, np.nan, 1, np.nan])
    np.testing.assert_array_equal(ag.igamma(*map(ag.tensor, edges)).numpy(), [np.nan, 1, np.nan, np.nan, 0, 1, np.nan, 0, np.nan])


def test_factors_of_low_rank() -> None:
    A = ag.tensor(np.random.default_rng(0).standard_normal((6, 2, 4)), requires_grad=True)
    low = ag.matmul(A, A.mT)[:, :, :1] * ag.ones(5, dtype=ag.float64)
    U, S, V = ag.svd_lowrank(low, q=1)
    np.testing.assert_allclose((U * S.unsqueeze(-2) @ V.mT).detach().numpy(), low.detach().numpy(), atol=1e-12)
    rows = ag.tensor(np.random.default_rng(1).standard_normal((9, 3)))
    U, S, V = ag.pca_lowrank(rows, q=3)
    np.testing.assert_allclose((U * S @ V.mT).numpy(), rows.numpy() - rows.numpy().mean(axis=0), atol=1e-12)


def test_one_matrix_of_a_batch_may_be_singular() -> None:
    A = ag.tensor([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 0.0], [0.0, 4.0]]])
    with np.errstate(all="ignore"):
        result, info = ag.linalg.solve_ex(A, ag.ones(2, 2, 1))
    assert info.tolist() == [2, 0]
    assert result[1].tolist() == [[0.5], [0.25]]
    with pytest.raises(ag.linalg.LinAlgError, match="solve_ex"):
        ag.linalg.solve_ex(A, ag.ones(2, 2, 1), check_errors=True)


def test_pools_at_random_places() -> None:
    x = ag.arange(36.0).reshape(1, 1, 6, 6)
    ag.manual_seed(0)
    out, indices = ag.nn.FractionalMaxPool2d(2, output_ratio=0.5, return_indices=True)(x)
    assert out.shape == (1, 1, 3, 3)
    assert out.tolist() == x.reshape(-1)[indices].tolist()
    assert out[0, 0, -1, -1].item() == 35.0
    again = ag.nn.functional.fractional_max_pool2d_with_indices(x, 2, 3)
    assert again[0].shape == again[1].shape == (1, 1, 3, 3)
    assert ag.nn.FractionalMaxPool3d(2, output_size=2)(ag.ones(1, 4, 4, 4)).shape == (1, 2, 2, 2)
    assert ag.nn.functional.max_pool2d_with_indices(x, 3)[1].tolist() == [[[[14, 17], [32, 35]]]]
    assert ag.nn.functional.upsample_nearest(ag.ones(1, 1, 2, 2), scale_factor=2).shape == (1, 1, 4, 4)


@pytest.mark.parametrize(("name", "exact"), [("bessel_j0", special.j0), ("bessel_j1", special.j1), ("bessel_y0", special.y0), ("bessel_y1", special.y1)])
def test_waves_beside_scipy(name: str, exact: Any) -> None:
    x = np.concatenate([np.linspace(1e-3, 20, 4001), [50.0, 77.7]])
    np.testing.assert_allclose(getattr(ag.special, name)(ag.tensor(x)).numpy(), exact(x), rtol=1e-14, atol=1e-14)
    assert getattr(ag.special, name)(ag.tensor(np.inf)).item() == 0.0


@pytest.mark.parametrize(("name", "exact"), [("modified_bessel_k0", special.k0), ("modified_bessel_k1", special.k1), ("scaled_modified_bessel_k0", special.k0e),
                                             ("scaled_modified_bessel_k1", special.k1e)])
def test_decays_beside_scipy(name: str, exact: Any) -> None:
    x = np.concatenate([np.geomspace(1e-6, 600, 3001), [0.0, np.inf, -1.0]])
    np.testing.assert_allclose(getattr(ag.special, name)(ag.tensor(x)).numpy(), exact(x), rtol=4e-15)


def test_the_airy_function_beside_scipy() -> None:
    x = np.linspace(-10, 10, 2001)
    np.testing.assert_allclose(ag.special.airy_ai(ag.tensor(x)).numpy(), special.airy(x)[0], rtol=2e-14, atol=1e-14)


def test_the_third_derivative_of_sine_over_argument() -> None:
    x = ag.tensor([0.0, 0.3, 0.7], dtype=ag.float64, requires_grad=True)
    derivatives = [ag.special.spherical_bessel_j0(x)]
    for _ in range(2):
        derivatives.append(ag.autograd.grad(derivatives[-1].sum(), x, create_graph=True)[0])
    np.testing.assert_allclose(derivatives[1].detach().numpy(), special.spherical_jn(0, [0.0, 0.3, 0.7], True), rtol=1e-13, atol=1e-16)
    assert derivatives[2][0].item() == pytest.approx(-1 / 3, rel=1e-15)
