"""Replays on numbers for which kernels decide otherwise than for those that were recorded."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn

BACK_ENDS = [{"backend": "numpy"}, {"exact": True}, {"backend": "auto"}]
TARGETS = {"all count": [0, 1, 2, 3, 0, 1], "some are ignored": [0, 1, -100, 3, -100, 1], "nothing counts": [-100] * 6}
SCORES = np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4) ** 3


def cross_entropy(target: list[int]) -> tuple[Any, Any]:
    """The mean loss and its gradient, by the textbook."""
    shares = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
    counted = [i for i, c in enumerate(target) if c >= 0]
    gradient = np.zeros_like(SCORES)
    for i in counted:
        gradient[i] = (shares[i] - np.eye(4)[target[i]]) / len(counted)
    return (np.mean([-np.log(shares[i, target[i]]) for i in counted]) if counted else np.nan), gradient


@pytest.mark.parametrize("options", BACK_ENDS)
@pytest.mark.parametrize(("before", "after"), list(permutations(TARGETS, 2)))
def test_classes_that_are_ignored_in_one_batch_and_not_in_another(options: dict[str, Any], before: str, after: str) -> None:
    @ag.compile(**options)
    def step(scores: Any, target: Any) -> Any:
        scores = scores.detach().requires_grad_()
        loss = nn.functional.cross_entropy(scores, target)
        loss.backward()
        return loss.detach(), scores.grad

    for _ in range(3):
        step(ag.from_numpy(SCORES), ag.tensor(TARGETS[before]))
    loss, gradient = step(ag.from_numpy(SCORES), ag.tensor(TARGETS[after]))
    expected = cross_entropy(TARGETS[after])
    np.testing.assert_allclose(loss.numpy(), expected[0], rtol=1e-5)
    np.testing.assert_allclose(gradient.numpy(), expected[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", BACK_ENDS)
def test_whole_numbers_to_negative_powers(options: dict[str, Any]) -> None:
    power = ag.compile(lambda x, n: x**n, **options)
    for n in ([0, 1, 2], [3, 0, 1], [2, 2, 2], [0, -1, -3]):
        assert power(ag.tensor([2, 1, -1]), ag.tensor(n)).tolist() == [int(x ** float(k)) for x, k in zip([2, 1, -1], n, strict=True)]


@pytest.mark.parametrize("options", BACK_ENDS)
def test_errors_of_values_are_those_of_the_function_itself(options: dict[str, Any]) -> None:
    table, matrix = ag.arange(12.0).reshape(4, 3), ag.eye(3)
    functions = {
        "embedding": (lambda i: nn.functional.embedding(i, table), [0, 1, 2], [0, 9, 2]),
        "gather": (lambda i: ag.gather(table, 0, i.reshape(1, 3)), [0, 1, 2], [0, 9, 2]),
        "getitem": (lambda i: table[i], [0, 1, 2], [0, -9, 2]),
        "cross_entropy": (lambda i: nn.functional.cross_entropy(table[:3], i), [0, 1, 2], [0, 9, 2]),
        "inv": (lambda i: ag.linalg.inv(matrix * i.reshape(3, 1)), [1, 2, 3], [1, 0, 3]),
        "inv of a number": (lambda i: ag.linalg.inv(i.reshape(3, 1, 1) * 1.0), [1, 2, 3], [1, 0, 3]),
        "cholesky": (lambda i: ag.linalg.cholesky(matrix * i.reshape(3, 1)), [1, 2, 3], [1, -2, 3]),
    }
    for name, (function, good, bad) in functions.items():
        compiled = ag.compile(function, **options)
        for _ in range(3):
            expected = compiled(ag.tensor(good)).numpy()
        with pytest.raises((IndexError, RuntimeError)) as eager:
            function(ag.tensor(bad))
        with pytest.raises(eager.type, match="in a replayed step, recorded at ") as replayed:
            compiled(ag.tensor(bad))
        assert replayed.type is eager.type, name
        np.testing.assert_array_equal(compiled(ag.tensor(good)).numpy(), expected)


@pytest.mark.parametrize("options", BACK_ENDS)
@pytest.mark.parametrize(("own", "other"), [("float16", "float32"), ("float32", "float64"), ("float64", "float32")])
def test_writes_of_another_dtype(options: dict[str, Any], own: str, other: str) -> None:
    """The sum is computed in the wider dtype and cast into the memory that is written."""
    kept, expected = ag.zeros(4, dtype=own), np.zeros(4, own)

    @ag.compile(**options)
    def step(x: Any) -> Any:
        kept.mul_(0.5)
        kept.add_(x)
        return kept * 2

    for i in range(5):
        x = np.linspace(0.5, 1 + i, 4).astype(other)
        expected *= expected.dtype.type(0.5)
        expected += x.astype(np.result_type(own, other)).astype(other)
        np.testing.assert_array_equal(step(ag.from_numpy(x)).numpy(), expected * expected.dtype.type(2))
        np.testing.assert_array_equal(kept.numpy(), expected)


@pytest.mark.parametrize("options", BACK_ENDS)
def test_reductions_of_numbers_without_dimensions_along_the_first(options: dict[str, Any]) -> None:
    step = ag.compile(lambda x: (ag.sum(x, dim=0), ag.amax(x, dim=-1), ag.softmax(x, dim=0)), **options)
    for number in (1.0, 2.0, 3.0, 4.0):
        assert [y.item() for y in step(ag.tensor(number))] == [number, number, 1.0]


SLOPES = {"acos": (ag.acos, lambda x: -1 / np.sqrt(1 - x * x)), "entr": (ag.special.entr, lambda x: -1 - np.log(x)), "xlogy": (lambda x: ag.xlogy(x, x), lambda x: np.log(x) + 1),
          "hypot": (lambda x: ag.hypot(x, 3.0 * x), lambda x: np.sqrt(10) * np.sign(x))}


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("options", BACK_ENDS)
@pytest.mark.parametrize("numbers", [(0.5, -1e300, 0.25, np.inf, 0.75), (np.nan, 0.5, 1.0, 0.25), (-np.inf, 0.5, np.nan, 0.125), (0.5, np.inf, 0.75)])
def test_slopes_of_a_number_that_are_not_always_chosen_among(name: str, options: dict[str, Any], numbers: Any) -> None:
    """Such a gradient is sometimes a number and sometimes an array, which must not make two recordings differ."""
    function, slope = SLOPES[name]
    step = ag.compile(lambda x: ag.autograd.grad(function(x), x)[0], **options)
    with np.errstate(all="ignore"):
        for x in numbers:
            found = step(ag.tensor(x, dtype=ag.float64, requires_grad=True)).item()
            if 0 < x < 1:
                assert found == pytest.approx(slope(x), rel=1e-13)
    assert len(step.plans) == 1
