"""Activations, convolutions, pools and what resamples images against PyTorch: keyword combinations, dtypes, singular points, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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
    with pytest.raises(Exception) as expected:  # noqa: PT011 - the type is what is compared
        theirs()
    with pytest.raises(expected.type, match=rf"^{name}\b"):
        ours()
