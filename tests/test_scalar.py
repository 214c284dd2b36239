"""Scalars: values and gradients against closed forms, finite differences and Tensors; structure of large graphs."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import _methods
from autograd_core import scalar as scalar_module
from autograd_core.dtypes import float32, float64
from autograd_core.op import REGISTRY, Op
from autograd_core.scalar import Scalar

OPS = sorted(scalar_module._NAMES, key=lambda op: op.name)
POINTS = (-1.7, -0.6, 0.37, 0.9, 1.75)


def ids(value: Any) -> str:
    return value.name if isinstance(value, Op) else str(value)


def inside(op: Op) -> list[float]:
    low, high = op.domain
    return [point for point in POINTS if low <= point <= high]


def differentiated(function: Callable[..., Any], *values: float) -> tuple[float, list[float]]:
    inputs = [Scalar(value) for value in values]
    result = function(*inputs)
    assert isinstance(result, Scalar)
    result.backward()
    return result.data, [each.grad for each in inputs]


def differences(function: Callable[..., Any], *values: float) -> list[float]:
    """Central differences on plain numbers wrapped one at a time."""
    step = 1e-6
    slopes = []
    for i in range(len(values)):
        above, below = ([Scalar(v + (sign * step if i == j else 0.0)) for j, v in enumerate(values)] for sign in (1, -1))
        slopes.append((function(*above).data - function(*below).data) / (2 * step))
    return slopes


# --- values and gradients -----------------------------------------------------------------------------------------


def test_the_textbook_example() -> None:
    x, y, z = Scalar(-2.0, name="x"), Scalar(5.0), Scalar(-4.0)
    q = x + y
    f = q * z
    f.backward()
    assert (q.data, f.data) == (3.0, -12.0)
    assert (x.grad, y.grad, z.grad, q.grad, f.grad) == (-4.0, -4.0, 3.0, -4.0, 1.0)
    assert type(f.data) is float
    assert type(x.grad) is float


@pytest.mark.parametrize("op", OPS, ids=ids)
def test_every_op_equals_the_tensor_op_and_finite_differences(op: Op) -> None:
    points = inside(op)
    cases = [(point,) for point in points] if len(op.inputs) == 1 else [(a, b) for a in points for b in points if a != b]
    three = len(op.inputs) == 3
    if three:
        cases = [(point, -0.5, 1.0) for point in points]
    attributes = {"threshold": {"threshold": 0.1, "value": 20.0}}.get(op.name, {})

    for case in cases:
        active = case[:1] if three else case[:2]  # at most two operands are Scalars, the others numbers

        def apply(*inputs: Any, others: Any = case[len(active):]) -> Any:
            return getattr(inputs[0], op.name)(*inputs[1:], *others, **attributes)

        value, gradients = differentiated(apply, *active)
        tensors = [ag.Tensor(v, dtype=float64, requires_grad=True) for v in active]
        others = case[len(active):]
        expected = getattr(_methods, op.name)(*tensors, *others, **attributes)
        expected.backward()
        assert value == pytest.approx(expected.item(), rel=1e-15, abs=1e-300)
        assert gradients == pytest.approx([t.grad.item() for t in tensors], rel=1e-14, abs=1e-300)
        assert gradients == pytest.approx(differences(apply, *active), rel=1e-6, abs=1e-8)


CLOSED_FORMS: list[tuple[Callable[..., Any], tuple[float, ...], float, list[float]]] = [
    (lambda x, y: x + y, (3.0, 2.0), 5.0, [1.0, 1.0]),
    (lambda x, y: x - y, (3.0, 2.0), 1.0, [1.0, -1.0]),
    (lambda x, y: x * y, (3.0, 2.0), 6.0, [2.0, 3.0]),
    (lambda x, y: x / y, (3.0, 2.0), 1.5, [0.5, -0.75]),
    (lambda x, y: x**y, (3.0, 2.0), 9.0, [6.0, 9 * math.log(3)]),
    (lambda x: x**-1, (4.0,), 0.25, [-0.0625]),
    (lambda x: x**0.5, (4.0,), 2.0, [0.25]),
    (lambda x: x**2, (0.0,), 0.0, [0.0]),
    (lambda x: 2 + x, (3.0,), 5.0, [1.0]),
    (lambda x: 2 - x, (3.0,), -1.0, [-1.0]),
    (lambda x: 2 * x, (3.0,), 6.0, [2.0]),
    (lambda x: 2 / x, (4.0,), 0.5, [-0.125]),
    (lambda x: 2**x, (3.0,), 8.0, [8 * math.log(2)]),
    (lambda x: x - 1, (3.0,), 2.0, [1.0]),
    (lambda x: x / 2, (3.0,), 1.5, [0.5]),
    (lambda x: -x, (3.0,), -3.0, [-1.0]),
    (lambda x: +x, (3.0,), 3.0, [1.0]),
    (abs, (-3.0,), 3.0, [-1.0]),
    (lambda x: x.relu(), (-3.0,), 0.0, [0.0]),
    (lambda x: x.relu(), (0.0,), 0.0, [0.0]),
    (lambda x: x.tanh(), (0.5,), math.tanh(0.5), [1 - math.tanh(0.5) ** 2]),
    (lambda x: x.exp() + x.log(), (2.0,), math.exp(2) + math.log(2), [math.exp(2) + 0.5]),
    (lambda x: x.leaky_relu(0.2), (-2.0,), -0.4, [0.2]),
    (lambda x: x.leaky_relu(negative_slope=0.3), (-2.0,), -0.6, [0.3]),
    (lambda x: x.maximum(1.0), (3.0,), 3.0, [1.0]),
    (lambda x, y: x.minimum(y), (3.0, 3.0), 3.0, [0.5, 0.5]),
    (lambda x: x.clamp(max=1), (3.0,), 1.0, [0.0]),
    (lambda x: x * True, (3.0,), 3.0, [1.0]),
    (lambda x: np.float64(2.0) * x, (3.0,), 6.0, [2.0]),
    (lambda x: np.float32(2.0) - x, (3.0,), -1.0, [-1.0]),
    (lambda x: sum([x, x * x, x]), (3.0,), 15.0, [8.0]),
]


@pytest.mark.parametrize(("function", "values", "result", "gradients"), CLOSED_FORMS)
def test_closed_forms(function: Callable[..., Any], values: tuple[float, ...], result: float, gradients: list[float]) -> None:
    value, found = differentiated(function, *values)
    assert value == pytest.approx(result, rel=1e-15)
    assert found == pytest.approx(gradients, rel=1e-15)


def test_random_expressions_against_finite_differences() -> None:
    generator = random.Random(7)
    binary = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / (b * b + 1.0)]
    unary = [lambda a: a.tanh(), lambda a: a.sin(), lambda a: a.sigmoid(), lambda a: -a, lambda a: a * 0.5 + 1]
    for _ in range(20):
        choices = [(generator.random(), generator.randrange(5), generator.randrange(1000), generator.randrange(1000)) for _ in range(25)]

        def expression(*inputs: Any, choices: Any = choices) -> Any:
            pool = list(inputs)
            for kind, which, i, j in choices:
                left, right = pool[i % len(pool)], pool[j % len(pool)]
                pool.append(unary[which](left) if kind < 0.4 else binary[which % 4](left, right))
            return sum(pool[3:])

        values = [generator.uniform(-1, 1) for _ in range(3)]
        assert differentiated(expression, *values)[1] == pytest.approx(differences(expression, *values), rel=1e-5, abs=1e-7)


def test_where_floats_raise_the_result_is_that_of_ieee_754() -> None:
    inf = math.inf
    zero, big, negative = Scalar(0.0), Scalar(1000.0), Scalar(-1.0)
    assert (1 / zero).data == inf
    assert (zero.log()).data == -inf
    assert big.exp().data == inf
    assert (zero**-1).data == inf
    assert math.isnan(negative.log().data)
    assert math.isnan((negative**0.5).data)
    assert math.isnan(negative.sqrt().data)
    root = zero.sqrt()
    root.backward()
    assert root.data == 0.0
    assert zero.grad == inf


@pytest.mark.parametrize("singular", [lambda x: x.sqrt(), lambda x: x.log(), lambda x: 1 / x, lambda x: x**-2, lambda x: x.rsqrt()])
def test_a_branch_that_is_switched_off_does_no_harm(singular: Callable[[Any], Any]) -> None:
    x = Scalar(0.0)
    (x * 3 + 0 * singular(x).clamp(-1, 1)).backward()
    assert x.grad == 3.0


# --- gradients over several passes --------------------------------------------------------------------------------


def test_leaves_accumulate_and_results_in_between_start_afresh() -> None:
    x, y = Scalar(2.0), Scalar(3.0)
    product = x * y
    result = product + x
    result.backward()
    result.backward()
    assert (x.grad, y.grad) == (8.0, 4.0)
    assert (product.grad, result.grad) == (1.0, 1.0)
    x.zero_grad()
    assert x.grad == 0.0


def test_two_results_over_one_graph() -> None:
    x = Scalar(3.0)
    shared = x * x
    first, second = shared * 2, shared * 5
    first.backward()
    assert (shared.grad, x.grad) == (2.0, 12.0)
    second.backward()
    assert (shared.grad, x.grad) == (5.0, 42.0)


def test_a_seed_scales_the_gradient_and_a_leaf_is_its_own_derivative() -> None:
    x = Scalar(3.0)
    (x * x).backward(0.5)
    assert x.grad == 3.0
    x.backward()
    assert x.grad == 4.0


def test_a_diamond_is_visited_once() -> None:
    x = Scalar(1.0)
    value = x
    for _ in range(60):
        value = value + value
    value.backward()
    assert x.grad == 2.0**60


# --- structure ----------------------------------------------------------------------------------------------------


def test_a_chain_of_a_million_nodes() -> None:
    x = Scalar(0.0)
    value = x
    for _ in range(1_000_000):
        value = value + 1.0
    value.backward()
    assert (value.data, x.grad) == (1_000_000.0, 1.0)
    before = sys.getrefcount(x)
    del value  # freed here, without recursion
    assert sys.getrefcount(x) == before - 1


def test_a_chain_along_the_right_operand() -> None:
    x = Scalar(0.0)
    value = x
    for _ in range(100_000):
        value = 1.0 - value
    one = Scalar(1.0)
    for _ in range(100_000):
        value = one + value
    value.backward()
    assert (x.grad, one.grad) == (1.0, 100_000.0)


def test_a_graph_holds_no_cycles() -> None:
    def step() -> None:
        x = Scalar(0.5)
        loss = (x * 2 + 1).tanh() ** 2 / (x.exp() + 1)
        loss.backward()

    step()  # ops are compiled at their first use, and the compiler leaves cycles
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            step()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_an_interrupted_pass_leaves_nothing_behind() -> None:
    x = Scalar(2.0)
    result = x * x + x
    result.left.left_gradient = None  # type: ignore[assignment]
    with pytest.raises(TypeError):
        result.backward()
    result.left.left_gradient = 2.0
    x.zero_grad()
    result.backward()
    assert x.grad == 5.0


def test_the_graph_can_be_read() -> None:
    x = Scalar(3.0, name="x")
    product = x * 2.0
    result = 1.0 - product
    assert x.op is None
    assert x.operands == ()
    assert x.parents == ()
    assert x.label is None
    assert product.op is REGISTRY["mul"]
    assert product.label == REGISTRY["mul"].label
    assert product.operands == (x, 2.0)
    assert product.parents == (x,)
    assert [each.data for each in result.operands] == [1.0, 6.0]
    assert result.operands[1] is product
    product.name = "p"
    assert (x.name, product.name, result.name) == ("x", "p", None)
    assert repr(x) == "Scalar(3, grad=0, name='x')"
    assert repr(product) == "Scalar(6, grad=0, op=mul, name='p')"
    assert f"{x:.2f}" == "3.00"


def test_as_a_number() -> None:
    x, y = Scalar(3), Scalar(4.0)
    assert type(x.data) is float
    assert float(x) == 3.0
    assert int(y) == 4
    assert x.item() == 3.0
    assert x < y
    assert x <= y
    assert y > x
    assert y >= x
    assert x != y
    assert x == Scalar(3.0)
    assert x < 3.5
    assert x <= 3
    assert x > 2
    assert x >= 3
    assert x == 3
    assert x != 2
    assert x > 2
    assert bool(x)
    assert not Scalar(0.0)
    assert sorted([y, x])[0] is x
    assert max(x, y) is y
    assert len({x, y}) == 2
    with pytest.raises(TypeError):
        x < "3"
    with pytest.raises(TypeError):
        x + "3"
    with pytest.raises((TypeError, ValueError)):
        Scalar("three")


def test_copies_and_pickles_of_leaves() -> None:
    x = Scalar(3.0, name="x")
    x.grad = 2.0
    for twin in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert twin is not x
        assert (twin.data, twin.grad, twin.name) == (3.0, 2.0, "x")
    with pytest.raises(RuntimeError, match=r"result of mul.*\.data"):
        copy.deepcopy(x * 2)


def test_wrong_arguments_name_the_op() -> None:
    with pytest.raises(TypeError, match="leaky_relu"):
        Scalar(1.0).leaky_relu(slope=3)
    with pytest.raises(TypeError, match=r"clamp.*at most two"):
        Scalar(1.0).clamp(Scalar(0.0), Scalar(2.0))


# --- with tensors -------------------------------------------------------------------------------------------------


def test_with_a_tensor_the_result_is_a_tensor_and_gradients_reach_the_scalar() -> None:
    for multiply in (lambda s, t: s * t, lambda s, t: t * s):
        x = Scalar(3.0)
        weights = ag.Tensor([1.0, 2.0, 4.0], requires_grad=True)
        result = multiply(x * x, weights)
        assert isinstance(result, ag.Tensor)
        assert result.dtype == float32
        result.sum().backward()
        assert x.grad == 2 * 3.0 * 7.0
        np.testing.assert_array_equal(weights.grad.numpy(), [9.0, 9.0, 9.0])


def test_reflected_operators_with_tensors_and_arrays() -> None:
    values = np.array([1.0, 2.0, 4.0])
    for other in (values, ag.Tensor(values)):
        for function, slope in ((lambda s, o: s - o, 3.0), (lambda s, o: o - s, -3.0), (lambda s, o: s / o, 1.75), (lambda s, o: o / s, -7 / 4)):
            x = Scalar(2.0)
            result = function(x, other)
            assert isinstance(result, ag.Tensor)
            np.testing.assert_allclose(result.detach().numpy(), function(2.0, values), rtol=1e-15)
            result.sum().backward()
            assert x.grad == pytest.approx(slope, rel=1e-15)


def test_a_scalar_used_by_tensors_twice() -> None:
    x = Scalar(2.0)
    t = ag.Tensor([1.0, 3.0], requires_grad=True)
    ((x * t).sum() * x).backward()
    assert x.grad == 2 * 2.0 * 4.0
    np.testing.assert_array_equal(t.grad.numpy(), [4.0, 4.0])


def test_comparing_with_an_array_is_elementwise() -> None:
    assert (Scalar(2.0) > np.array([1.0, 3.0])).tolist() == [True, False]


def test_functions_of_scalars_are_scalars() -> None:
    x = Scalar(0.5)
    y = ag.exp(x) + ag.maximum(x, 0.25)
    assert isinstance(y, Scalar)
    y.backward()
    assert x.grad == pytest.approx(math.exp(0.5) + 1)
    mixed = ag.mul(x, ag.ones(2))
    assert isinstance(mixed, ag.Tensor)
