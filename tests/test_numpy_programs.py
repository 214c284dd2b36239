"""Programs written for HIPS autograd run with their imports changed: values as NumPy computes them, gradients as differences do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as onp
import pytest
from scipy import optimize

import autograd_core.numpy as np
from autograd_core import Tensor, grad
from autograd_core.func import elementwise_grad, hessian, jacrev, value_and_grad

from .numpy_programs import PROGRAMS, derivatives_of_tanh, logistic_regression, rosenbrock


def flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [inner for each in value for inner in flat(each)]
    return [onp.asarray(value.detach().numpy() if isinstance(value, Tensor) else value, dtype=float)]


def by_differences(function: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a function of arrays (nested in lists, tuples and dicts) by central differences."""
    def gradient(point: Any, *rest: Any) -> Any:
        if isinstance(point, dict):
            return {name: gradient_of(point, name, rest) for name in point}
        if isinstance(point, (list, tuple)):
            return type(point)(gradient_of(point, i, rest) for i in range(len(point)))
        return partial(lambda x: function(x, *rest), point)

    def gradient_of(whole: Any, place: Any, rest: Any) -> Any:
        def moved(part: Any) -> Any:
            copy = dict(whole) if isinstance(whole, dict) else list(whole)
            copy[place] = part
            return function(copy, *rest)

        return by_differences(moved)(whole[place])

    def partial(function: Callable[..., Any], point: Any) -> Any:
        slope = onp.zeros(onp.shape(point))
        for position in onp.ndindex(*slope.shape):
            step = onp.zeros(slope.shape)
            step[position] = 1e-5
            slope[position] = (8 * (function(point + step) - function(point - step)) - function(point + 2 * step) + function(point - 2 * step)) / 12e-5
        return slope if slope.shape else float(slope)

    return gradient


@pytest.mark.parametrize("program", [each for each in PROGRAMS if each not in (derivatives_of_tanh, rosenbrock)], ids=lambda program: program.__name__)
def test_program(program: Any) -> None:
    for a, e in zip(flat(program(np, grad)), flat(program(onp, by_differences)), strict=True):
        onp.testing.assert_allclose(a, e, rtol=2e-7, atol=2e-8)


def test_derivatives_of_derivatives() -> None:
    t = onp.tanh(0.7)
    s = 1 - t * t
    onp.testing.assert_allclose(flat(derivatives_of_tanh(np, grad)), [t, s, -2 * t * s, s * (6 * t * t - 2)], rtol=1e-12)


def test_hessian_of_rosenbrock() -> None:
    value, slope, rows = rosenbrock(np, grad)
    x = onp.array([1.3, 0.7, 0.8, 1.9])
    assert value.item() == pytest.approx(optimize.rosen(x), rel=1e-13)
    onp.testing.assert_allclose(slope.numpy(), optimize.rosen_der(x), rtol=1e-12)
    onp.testing.assert_allclose(flat(rows), optimize.rosen_hess(x), rtol=1e-12, atol=1e-12)
    onp.testing.assert_allclose(hessian(lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))(x).numpy(), optimize.rosen_hess(x), rtol=1e-12, atol=1e-12)


def test_training_improves() -> None:
    weights, loss = logistic_regression(np, grad)
    assert isinstance(weights, onp.ndarray)
    assert float(loss) < 4 * onp.log(2)


def test_optimisers_of_scipy_take_values_and_gradients() -> None:
    found = optimize.minimize(value_and_grad(lambda x: np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)), onp.zeros(3), jac=True, method="BFGS", options={"gtol": 1e-9})
    onp.testing.assert_allclose(found.x, onp.ones(3), rtol=1e-6)


def test_transforms_take_arrays_and_floats() -> None:
    points = onp.linspace(-2, 2, 5)
    onp.testing.assert_allclose(elementwise_grad(np.tanh)(points).numpy(), 1 - onp.tanh(points) ** 2, rtol=1e-12)
    onp.testing.assert_allclose(elementwise_grad(elementwise_grad(np.sin))(points).numpy(), -onp.sin(points), rtol=1e-12)
    onp.testing.assert_allclose(jacrev(lambda x: np.concatenate([x, x[:2] ** 2]))(points).numpy()[5:, :2], onp.diag(2 * points[:2]), rtol=1e-12)
    assert grad(lambda x: np.sin(x) / x)(onp.float64(2.0)).item() == pytest.approx(onp.cos(2) / 2 - onp.sin(2) / 4)
    assert grad(lambda a, b: a * b, argnums=(0, 1))(2.0, 3.0)[1].item() == 2.0
    with pytest.raises(TypeError, match="there is a int"):
        grad(np.sin)(1)
