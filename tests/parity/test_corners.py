"""Corners of elementwise ops and reductions against PyTorch: half precision, integer dtypes, kinks, refused numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn.functional as F

from .test_ops import same

torch = pytest.importorskip("torch")

PLACES = {ag: (ag, F), torch: (torch, torch.nn.functional)}


def found(library: Any, name: str) -> Any:
    """A function by its name, of ``nn.functional`` if it starts with ``F.``."""
    place = PLACES[library][name.startswith("F.")]
    for part in name.removeprefix("F.").split("."):
        place = getattr(place, part)
    return place


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_of_half_precision(approximate: str) -> None:
    values = np.array([-9.0, -3.0, -0.5, 0.0, 0.5, 3.0, 6.0, 20.5, 88.0], dtype="float16")
    for each in (values, values[7]):
        same(F.gelu(ag.tensor(each), approximate=approximate), torch.nn.functional.gelu(torch.tensor(each), approximate=approximate), "gelu")


@pytest.mark.parametrize(("name", "dtype", "args"), [
    ("square", "bool", ()), ("F.hardtanh", "int32", (-2, 2)), ("F.hardtanh", "int8", ()), ("F.relu6", "int64", ()), ("pow", "int64", (2,)), ("nan_to_num", "int32", ())])
def test_dtypes_of_integers(name: str, dtype: str, args: Any) -> None:
    array = np.array([-7, -1, 0, 1, 9]).astype(dtype)
    same(found(ag, name)(ag.tensor(array), *args), found(torch, name)(torch.tensor(array), *args), name)


@pytest.mark.parametrize(("dtype", "other"), [("int64", "int64"), ("int8", "int8"), ("int32", "int64"), ("bool", "int8")])
def test_integers_to_negative_powers_of_a_tensor(dtype: str, other: str) -> None:
    base, exponent = np.array([2, -3, 1, -1, -1, 5, 1]).astype(dtype), np.array([-1, -2, -5, -3, -4, 3, 0]).astype(other)
    same(ag.tensor(base) ** ag.tensor(exponent), torch.tensor(base) ** torch.tensor(exponent), "pow")
    same(2 ** ag.tensor(exponent), 2 ** torch.tensor(exponent), "pow")
    if dtype == "bool":
        for library in (ag, torch):
            with pytest.raises(RuntimeError, match="can't be cast to the desired output type"):
                library.tensor(base).pow_(library.tensor(exponent))
    else:
        same(ag.tensor(base).pow_(ag.tensor(exponent)), torch.tensor(base).pow_(torch.tensor(exponent)), "pow_")
    for library in (ag, torch):
        with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
            library.tensor(np.array([1, 2])) ** -1


def test_largest_number_of_bfloat16() -> None:
    values = [float("inf"), float("-inf"), float("nan"), 1.0]
    for limits in ({}, {"posinf": 7.0}):
        actual, expected = (library.nan_to_num(library.tensor(values, dtype=library.bfloat16), **limits).float() for library in (ag, torch))
        assert actual.tolist() == expected.tolist()


def test_the_odds_of_minus_zero() -> None:
    with np.errstate(divide="ignore"):
        assert ag.logit(ag.tensor([-0.0, 0.0])).tolist() == torch.logit(torch.tensor([-0.0, 0.0])).tolist()


@pytest.mark.parametrize(("name", "values"), [("special.log_ndtr", [0.0, -0.0, -1.0, 2.0]), ("remainder", [2.0, 5.0, -5.0, 7.5]), ("fmod", [2.0, 5.0, -5.0, 7.5])])
def test_derivatives_where_two_forms_meet(name: str, values: list[float]) -> None:
    results = []
    for library in (ag, torch):
        x = library.tensor(values, dtype=library.float64, requires_grad=True)
        others = [library.tensor([0.001, float("-inf"), 0.7, 2.5], dtype=library.float64, requires_grad=True)] if name in ("remainder", "fmod") else []
        y = found(library, name)(x, *others)
        gradients = library.autograd.grad(y.sum(), [x, *others], create_graph=True)
        second = () if others else library.autograd.grad(gradients[0].sum(), x)
        results.append([y, *gradients, *second])
    with np.errstate(all="ignore"):
        for a, e in zip(*results, strict=True):
            same(a, e, name)


@pytest.mark.parametrize(("name", "options"), [("cumprod", {"dim": 1}), ("prod", {"dim": 1}), ("prod", {}), ("cumsum", {"dim": 0}), ("sum", {})])
@pytest.mark.parametrize(("start", "dtype"), [("float64", "float32"), ("float32", "float64"), ("complex128", "complex64"), ("complex128", "float64")])
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
def test_reducing_in_another_dtype(name: str, options: Any, start: str, dtype: str) -> None:
    stream = np.random.default_rng(0)
    array = (stream.standard_normal((2, 3)) + (1j * stream.standard_normal((2, 3)) if "complex" in start else 0)).astype(start)
    if name == "cumprod" and "complex" in start and "complex" not in dtype:
        return  # PyTorch's gradient is that of the complex product, although the imaginary parts were discarded
    results = []
    for library in (ag, torch):
        x = library.tensor(array, requires_grad=True)
        y = getattr(x, name)(**options, dtype=getattr(library, dtype))
        results.append((y, library.autograd.grad((y * y).real.sum() if "complex" in dtype else (y * y).sum(), x)[0]))
    for a, e in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), e.detach().resolve_conj().numpy(), rtol=1e-5 if "32" in dtype + start or "64" in dtype else 1e-12)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("options", [{}, {"dim": 1}, {"dim": 0, "correction": 0, "keepdim": True}])
def test_variance_of_complex_numbers(name: str, options: Any) -> None:
    stream = np.random.default_rng(1)
    array = stream.standard_normal((3, 4)) + 1j * stream.standard_normal((3, 4))
    results = []
    for library in (ag, torch):
        x = library.tensor(array, requires_grad=True)
        y = getattr(x, name)(**options)
        (first,) = library.autograd.grad((y * y).sum(), x, create_graph=True)
        (second,) = library.autograd.grad((first.real**2 + 3 * first.imag).sum(), x)
        results.append((y, first, second))
    for a, e in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), e.detach().resolve_conj().numpy(), rtol=1e-10, atol=1e-12)
    assert getattr(ag.zeros(0, 2, dtype=ag.complex64), name)().dtype is ag.float32


@pytest.mark.parametrize("name", [
    "lt", "ge", "sign", "isposinf", "isneginf", "sort", "topk", "amax", "argmin", "cummax", "F.relu", "F.gelu", "F.softplus", "F.mse_loss", "F.smooth_l1_loss", "F.hardswish", "F.cross_entropy", "F.layer_norm"])
def test_complex_numbers_that_are_refused(name: str) -> None:
    rest: dict[str, Any] = {"topk": (1,), "cummax": (0,), "F.layer_norm": ((2,),)}
    for library in (ag, torch):
        z = library.ones(2, dtype=library.complex64)
        others = (z,) if name in ("lt", "ge") or name.endswith("loss") or "entropy" in name else rest.get(name, ())
        with pytest.raises(RuntimeError):
            found(library, name)(z, *others)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_powers_of_integers_are_long(dtype: str) -> None:
    array = np.array([1, 5, 2]).astype(dtype)
    same(ag.vander(ag.tensor(array)), torch.vander(torch.tensor(array)), "vander")


def test_covariance_of_one_row_is_a_number() -> None:
    array = np.array([[1.0, 2.0, 4.0, 0.0]])
    for name in ("cov", "corrcoef"):
        same(getattr(ag, name)(ag.tensor(array)), getattr(torch, name)(torch.tensor(array)), name)


def test_istft_sees_from_the_shape_whether_all_frequencies_are_given() -> None:
    stream = np.random.default_rng(0)
    for frequencies in (5, 8):
        array = stream.standard_normal((frequencies, 6)) + 1j * stream.standard_normal((frequencies, 6))
        windows = [library.hann_window(8, dtype=library.float64) for library in (ag, torch)]
        same(ag.istft(ag.tensor(array), 8, window=windows[0]), torch.istft(torch.tensor(array), 8, window=windows[1]), "istft")


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_margins_that_are_just_kept(sign: float) -> None:
    """At a loss of just 0 the gradient is that of the side where there is a loss."""
    grads = []
    for library in (ag, torch):
        place = PLACES[library][True]
        a, b = (library.tensor([[1.0, 0.0], [0.0, 2.0]]).requires_grad_() for _ in range(2))
        c, target = library.tensor([[0.0, 1.0], [0.0, 2.0]]).requires_grad_(), library.tensor([sign, sign])
        losses = [place.margin_ranking_loss(a[0], b[0], target, reduction="sum"), place.hinge_embedding_loss(a[0], target, reduction="sum"),
                  place.cosine_embedding_loss(a, c, target, reduction="sum"), place.triplet_margin_loss(a[:1] * 0, b[:1], b[:1] * 2, eps=0.0)]
        grads.append([g for loss in losses for g in library.autograd.grad(loss, [a, b, c], allow_unused=True)])
    for actual, expected in zip(*grads, strict=True):
        assert (actual is None) == (expected is None)
        if actual is not None:
            np.testing.assert_allclose(actual.numpy(), expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("repeats", [1, 20000])
def test_gradient_of_hardswish_at_infinity(repeats: int) -> None:
    values = np.array([-np.inf, -3.0, -1.0, 0.0, 2.0, 3.0, np.inf], "float32").repeat(repeats)
    grads = []
    for library in (ag, torch):
        x = library.tensor(values, requires_grad=True)
        with np.errstate(invalid="ignore"):  # minus infinity times 0
            PLACES[library][True].hardswish(x).sum().backward()
        grads.append(x.grad.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-6)


@pytest.mark.parametrize("size", [3, 5000])
def test_sigmoid_of_half_precision(size: int) -> None:
    x = np.resize(np.linspace(-12, 12, 997), size).astype("float16")
    same(ag.sigmoid(ag.tensor(x)), torch.sigmoid(torch.tensor(x)), "sigmoid")


@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (2, 3, 2, 2), (1, 3, 5), (1, 3), (4, 3)])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_whatever_the_order_in_memory(shape: tuple[int, ...], reduction: str, smoothing: float) -> None:
    stream = np.random.default_rng(0)
    scores, target = stream.standard_normal(shape), stream.integers(0, 3, (shape[0], *shape[2:]))
    for array in (scores, np.asfortranarray(scores), np.moveaxis(np.moveaxis(scores, 1, -1).copy(), -1, 1), scores[..., ::-1].copy()[..., ::-1]):
        found = []
        for library in (ag, torch):
            x = library.from_numpy(array if library is ag else array.copy()).requires_grad_()
            loss = PLACES[library][True].cross_entropy(x, library.from_numpy(target), reduction=reduction, label_smoothing=smoothing)
            found += [loss, *library.autograd.grad((loss * loss).sum(), x)]
        same(found[0], found[2], "loss")
        same(found[1], found[3], "gradient")


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool"])
@pytest.mark.parametrize(("name", "options"), [
    ("F.pairwise_distance", {}), ("F.pairwise_distance", {"p": 1.0}), ("F.pairwise_distance", {"keepdim": True}), ("F.triplet_margin_loss", {}),
    ("F.triplet_margin_loss", {"swap": True, "reduction": "none"}), ("F.cosine_embedding_loss", {"margin": 0.3}), ("F.cosine_embedding_loss", {"reduction": "none"})])
def test_distances_of_whole_numbers(name: str, options: Any, dtype: str) -> None:
    rows = [(np.arange(12).reshape(3, 4) * step % 7).astype(dtype) for step in (3, 5, 2)]
    inputs = rows[: 3 if "triplet" in name else 2] + ([np.array([1, -1, 1])] if "embedding" in name else [])
    results = []
    for library in (ag, torch):
        try:
            results.append(found(library, name)(*map(library.tensor, inputs), **options))
        except RuntimeError:  # booleans have no difference
            results.append(None)
    assert (results[0] is None) == (results[1] is None) == (dtype == "bool" and "embedding" not in name)
    if results[1] is not None:
        assert str(results[0].dtype).partition(".")[2] == str(results[1].dtype).partition(".")[2] == "float32"
        np.testing.assert_allclose(results[0].numpy(), results[1].numpy(), rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["var", "std", "var_mean"])
@pytest.mark.parametrize(("shape", "dim", "correction"), [
    ((1,), None, 1), ((1,), 0, 1), ((2,), 0, 2), ((2, 3), 1, 3), ((2, 3), 1, 4), ((2, 3), None, 7), ((2, 3), None, 6), ((0, 3), 0, 1), ((), None, 1), ((), 0, 2), ((), -1, 3)])
def test_variance_without_degrees_of_freedom(name: str, shape: Any, dim: Any, correction: int) -> None:
    """Where as many numbers as the correction, or fewer, are left to divide by."""
    gradients = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in (ag, torch):
            x = library.arange(float(np.prod(shape))).reshape(shape).requires_grad_()
            result = getattr(library, name)(x, dim=dim, correction=correction)
            (result[0] if name == "var_mean" else result).sum().backward()
            gradients.append(x.grad)
    same(*gradients, name)


@pytest.mark.parametrize("sizes", [(4, 4), (2, 2, 4)])
def test_gradient_of_points_at_the_nearest_pixel(sizes: Any) -> None:
    results = []
    for library in (ag, torch):
        images = library.arange(16.0).reshape((1, 1, *sizes)).requires_grad_()
        points = ((library.arange(4.0 * len(sizes)).reshape((1,) * len(sizes) + (4, -1)) / 7) - 0.6).requires_grad_()
        found(library, "F.grid_sample")(images, points, mode="nearest", align_corners=False).square().sum().backward()
        results.append((images.grad, points.grad))
    for ours, theirs in zip(*results, strict=True):
        same(ours, theirs, "grid_sample")


@pytest.mark.parametrize("name", ["F.conv1d", "F.conv_transpose1d"])
def test_convolution_without_filters(name: str) -> None:
    for library in (ag, torch):
        with pytest.raises(RuntimeError, match="expected weight to be at least 1 at dimension 0"):
            found(library, name)(library.ones(2, 0 if "transpose" in name else 2, 4), library.ones(0, 2, 3))


@pytest.mark.parametrize("write", [
    lambda lib, x: x.polygamma_(1), lambda lib, x: x.mvlgamma_(1), lambda lib, x: lib.dropout_(x, 0.5, True), lambda lib, x: lib.alpha_dropout_(x, 0.5, True),
    lambda lib, x: x.addmm_(lib.ones(2, 2), lib.ones(2, 2)), lambda lib, x: x.addr_(lib.ones(2), lib.ones(2)), lambda lib, x: x[0].addmv_(lib.ones(2, 2), lib.ones(2))], ids=range(7))
def test_integers_hold_no_fractions(write: Any) -> None:
    for lib in (ag, torch):
        x = lib.tensor([[1, 2], [3, 4]])
        with pytest.raises(RuntimeError):
            write(lib, x)
        assert x.tolist() == [[1, 2], [3, 4]]
