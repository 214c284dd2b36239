"""``nn.functional``'s names, initial values, clipping of gradients, parameters as a vector."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.op import COMPOSITES, REGISTRY


def test_functional_exports_what_the_declarations_say():
    declared = {name for table in (REGISTRY, COMPOSITES) for entry in table.values() if "nn.functional" in entry.places
                for name in (entry.name, *entry.aliases, *([f"{entry.name}_"] if entry.inplace else []))}
    exported = {name for name in nn.functional.__all__ if not isinstance(getattr(nn.functional, name), functools.partial)}  # max_pool2d_with_indices
    only_torch = {name for name in declared if name.endswith("dropout_")}  # torch.dropout_ exists, torch.nn.functional.dropout_ does not
    assert only_torch
    assert all(callable(getattr(ag, name)) for name in only_torch)
    assert declared - only_torch == exported
    for name in exported:
        assert callable(getattr(nn.functional, name))
        assert getattr(ag, name, getattr(nn.functional, name)) is getattr(nn.functional, name)


def spread(tensor: ag.Tensor) -> tuple[float, float, float, float]:
    values = tensor.to(ag.float64)
    return values.mean().item(), values.std().item(), values.min().item(), values.max().item()


def test_init_distributions():
    generator = ag.Generator().manual_seed(1)
    weight = ag.empty(200, 100)
    count = weight.numel()

    def check(filled, mean, std, low=-math.inf, high=math.inf):
        assert filled is weight
        found_mean, found_std, found_low, found_high = spread(weight)
        assert abs(found_mean - mean) < 5 * std / math.sqrt(count)
        assert abs(found_std - std) < 0.03 * std
        assert low - 1e-6 <= found_low
        assert found_high <= high + 1e-6

    init = nn.init
    check(init.uniform_(weight, -1, 3, generator=generator), 1, 4 / math.sqrt(12), -1, 3)
    check(init.normal_(weight, 2, 0.5, generator=generator), 2, 0.5)
    bound = math.sqrt(6 / 300)
    check(init.xavier_uniform_(weight, gain=2, generator=generator), 0, 2 * bound / math.sqrt(3), -2 * bound, 2 * bound)
    check(init.xavier_normal_(weight, generator=generator), 0, math.sqrt(2 / 300))
    check(init.kaiming_normal_(weight, nonlinearity="relu", generator=generator), 0, math.sqrt(2 / 100))
    check(init.kaiming_normal_(weight, mode="fan_out", nonlinearity="tanh", generator=generator), 0, 5 / 3 / math.sqrt(200))
    check(init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator), 0, 0.1 / math.sqrt(3), -0.1, 0.1)
    check(init.trunc_normal_(weight, generator=generator), 0, 0.8796, -2, 2)
    check(init.trunc_normal_(weight, mean=1, std=2, a=0, b=math.inf, generator=generator), 1 + 2 * 0.50916, 2 * math.sqrt(1 - 0.50916 * (0.50916 + 0.5)), 0)
    tail_mean = (math.exp(-8) - math.exp(-12.5)) / math.sqrt(2 * math.pi) / (0.5 * (math.erf(5 / math.sqrt(2)) - math.erf(4 / math.sqrt(2))))
    init.trunc_normal_(weight, a=4, b=5, generator=generator)
    assert abs(spread(weight)[0] - tail_mean) < 0.01
    assert spread(weight)[2] >= 4
    assert spread(weight)[3] <= 5


def test_init_constants():
    assert nn.init.constant_(ag.empty(2), 3.0).tolist() == [3.0, 3.0]
    assert nn.init.ones_(ag.empty(2)).tolist() == [1.0, 1.0]
    assert nn.init.zeros_(nn.Parameter(ag.ones(2))).tolist() == [0.0, 0.0]
    assert nn.init.eye_(ag.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    kernel = nn.init.dirac_(ag.empty(4, 2, 3, 3), groups=2)
    x = ag.randn(1, 4, 5, 5)
    np.testing.assert_array_equal(nn.functional.conv2d(x, kernel, padding=1, groups=2).numpy(), x.numpy())


def test_init_is_independent_of_other_draws_and_records_nothing():
    layer = nn.Linear(3, 2)
    first = nn.init.kaiming_uniform_(layer.weight, generator=ag.Generator().manual_seed(3)).tolist()
    ag.rand(5)
    assert nn.init.kaiming_uniform_(layer.weight, generator=ag.Generator().manual_seed(3)).tolist() == first
    assert layer.weight.is_leaf
    assert layer.weight.requires_grad
    ag.manual_seed(5)
    a = nn.Linear(3, 2).weight.tolist()
    ag.manual_seed(5)
    assert nn.Linear(3, 2).weight.tolist() == a


def test_linear_starts_within_the_bound():
    layer = nn.Linear(25, 1000)
    for values in (layer.weight, layer.bias):
        assert values.abs().max().item() <= 0.2
        assert values.abs().max().item() > 0.19


def test_init_errors():
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_uniform_(ag.empty(3))
    with pytest.raises(ValueError, match="Mode"):
        nn.init.kaiming_normal_(ag.empty(3, 3), mode="middle")
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        nn.init.calculate_gain("other")
    with pytest.raises(ValueError, match="a < b"):
        nn.init.trunc_normal_(ag.empty(3), a=2, b=1)
    with pytest.raises(ValueError, match="2 dimensions"):
        nn.init.eye_(ag.empty(3))
    with pytest.raises(ValueError, match="3, 4, or 5"):
        nn.init.dirac_(ag.empty(3, 3))
    with pytest.warns(UserWarning, match="zero-element"):
        nn.init.kaiming_uniform_(ag.empty(0, 3))
    assert nn.init.calculate_gain("leaky_relu", 1.0) == 1.0


def with_gradients(*gradients: list[float]) -> list[ag.Tensor]:
    parameters = [nn.Parameter(ag.zeros(len(g))) for g in gradients]
    for parameter, g in zip(parameters, gradients, strict=True):
        parameter.grad = ag.tensor(g)
    return parameters


@pytest.mark.parametrize(("order", "norm"), [(2.0, 13.0), (1.0, 19.0), (math.inf, 12.0), (3, (27 + 64 + 1728) ** (1 / 3))])
def test_clip_grad_norm(order, norm):
    parameters = [*with_gradients([3.0, -4.0], [12.0]), nn.Parameter(ag.zeros(1))]
    gradient = parameters[0].grad
    total = nn.utils.clip_grad_norm_(iter(parameters), 1.0, norm_type=order)
    assert total.item() == pytest.approx(norm, rel=1e-6)
    assert parameters[0].grad is gradient
    np.testing.assert_allclose(gradient.numpy(), np.array([3.0, -4.0]) / norm, rtol=1e-5)
    assert nn.utils.clip_grad_norm_(parameters, 100.0).item() <= norm
    np.testing.assert_allclose(gradient.numpy(), np.array([3.0, -4.0]) / norm, rtol=1e-5)


def test_clip_grad_norm_of_nothing_and_of_infinity():
    assert nn.utils.clip_grad_norm_([nn.Parameter(ag.zeros(1))], 1.0).item() == 0.0
    (parameter,) = with_gradients([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert parameter.grad.tolist() == [math.inf, 1.0]


def test_clip_grad_value():
    parameters = with_gradients([3.0, -4.0], [0.5])
    nn.utils.clip_grad_value_(parameters, 1)
    assert [p.grad.tolist() for p in parameters] == [[1.0, -1.0], [0.5]]


def test_parameters_as_a_vector():
    layer = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert tuple(vector.shape) == (9,)
    assert vector.requires_grad
    nn.utils.vector_to_parameters(ag.arange(9, dtype=ag.float32), layer.parameters())
    assert layer.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert layer.bias.tolist() == [6, 7, 8]
    with pytest.raises(RuntimeError, match="9 elements"):
        nn.utils.vector_to_parameters(ag.zeros(8), layer.parameters())
    with pytest.raises(TypeError, match="expected a Tensor"):
        nn.utils.vector_to_parameters([1.0], layer.parameters())
