"""``out=``: results written into tensors that the caller names."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Tensor, _methods
from autograd_core.errors import InplaceError

from .registry.cases import GOOD, Case, arguments, attributes, bound, results, tensors

WITH_OUT = {name: function for name, function in vars(_methods).items() if inspect.isfunction(function) and "out" in inspect.signature(function).parameters
            and function.__module__ == _methods.__name__ and name == function.__name__}
"""By the parameter, not by the rule of the generator that gave it to them."""
CASES: dict[str, list[Case]] = {}
for each in GOOD:
    if each.name in WITH_OUT and getattr(each.declared, "kind", "") != "random":
        CASES.setdefault(each.name, []).append(each)


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_function_writes_where_it_is_told(name: str) -> None:
    for case in CASES[name]:
        positional, named = bound(case, tensors(case, arguments(case)), {key: Tensor(value) if isinstance(value, np.ndarray) else value for key, value in attributes(case).items()})
        with np.errstate(all="ignore"):
            expected = WITH_OUT[name](*positional, **named)
            if not all(isinstance(part, Tensor) for part in results(expected)):
                continue  # Python numbers, where there is no tensor among the arguments
            outs = [ag.empty(0, dtype=part.dtype) for part in results(expected)]
            written = WITH_OUT[name](*positional, **named, out=outs if isinstance(expected, tuple) else outs[0])
        assert type(written) is type(expected)
        for made, out, part in zip(results(written), outs, results(expected), strict=True):
            assert made is out, case
            np.testing.assert_array_equal(out.numpy(), part.numpy(), err_msg=str(case))


@pytest.mark.parametrize("calls", [1, 5])
def test_before_and_after_the_fast_path(calls: int) -> None:
    x, out = ag.tensor([1.25, 4.0]), ag.zeros(2)
    for _ in range(calls):
        assert ag.sqrt(x, out=out) is out
        assert ag.sqrt(x) is not out
    assert out.tolist() == np.sqrt(np.array([1.25, 4.0], dtype="float32")).tolist()


def test_result_is_cast_within_its_kind_and_upwards() -> None:
    x = ag.tensor([1.5, -2.5])
    assert ag.floor(x, out=ag.empty(2, dtype=ag.float64)).tolist() == [1.0, -3.0]
    assert ag.gt(x, 0, out=ag.empty(2, dtype=ag.uint8)).tolist() == [1, 0]
    kept = ag.tensor([7, 7])
    with pytest.raises(RuntimeError, match="result type float32 can't be cast to the desired output type int64"):
        ag.floor(x, out=kept)
    assert kept.tolist() == [7, 7]


def test_another_shape() -> None:
    x = ag.tensor([1.0, 2.0, 3.0])
    out = ag.empty(2)
    with pytest.warns(UserWarning, match=r"An output with one or more elements was resized since it had shape \[2\]") as caught:
        ag.exp2(x, out=out)
    assert caught[0].filename == __file__
    assert out.tolist() == [2.0, 4.0, 8.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ag.exp2(x, out=ag.empty(0)).shape == (3,)


def test_a_view_is_written_through() -> None:
    table = ag.zeros(2, 3)
    ag.add(ag.tensor([1.0, 2.0, 3.0]), 1, alpha=2, out=table[1])
    ag.mul(table[1], 2, out=table[1])
    assert table.tolist() == [[0.0, 0.0, 0.0], [6.0, 8.0, 10.0]]


def test_gradients_are_refused() -> None:
    x = ag.tensor([4.0], requires_grad=True)
    for given, out in [(x, ag.empty(1)), (x.detach(), ag.empty(1, requires_grad=True))]:
        with pytest.raises(RuntimeError, match=r"functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad"):
            ag.sqrt(given, out=out)
    with ag.no_grad():
        assert ag.sqrt(x, out=ag.empty(1)).tolist() == [2.0]
        assert ag.sqrt(x, out=x) is x
    assert x.requires_grad
    assert x.tolist() == [2.0]


def test_a_write_is_found_at_backward() -> None:
    x, saved = ag.tensor([4.0], requires_grad=True), ag.tensor([3.0])
    y = x * saved
    ag.sqrt(x.detach(), out=saved)
    with pytest.raises(InplaceError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize("out", [(), (ag.empty(0),), ag.empty(0), 3])
def test_several_outputs_need_as_many_tensors(out: Any) -> None:
    with pytest.raises(TypeError, match="argument 'out' must be a tuple of 2 Tensors"):
        ag.sort(ag.ones(2), out=out)


def test_no_tensor() -> None:
    with pytest.raises(TypeError, match="argument 'out' must be Tensor, not int"):
        ag.exp(ag.ones(2), out=3)


def test_filled_and_random_tensors() -> None:
    out = ag.empty(2, dtype=ag.float64)
    made = {"zeros": ag.zeros(2, out=out).tolist(), "ones": ag.ones(2, out=out).tolist(), "full": ag.full((2,), 3, out=out).tolist(), "arange": ag.arange(0.1, 0.3, 0.1, out=out).tolist(),
            "range": ag.range(1, 2, out=out).tolist(), "linspace": ag.linspace(0.1, 1, 2, out=out).tolist(), "logspace": ag.logspace(0, 1, 2, out=out).tolist()}
    assert made == {"zeros": [0, 0], "ones": [1, 1], "full": [3, 3], "arange": [0.1, 0.2], "range": [1, 2], "linspace": [0.1, 1], "logspace": [1, 10]}
    assert out.dtype is ag.float64
    assert ag.eye(2, out=ag.empty(0, dtype=ag.int64)).tolist() == [[1, 0], [0, 1]]
    for make in (lambda out: ag.rand(2, out=out), lambda out: ag.randn(2, out=out), lambda out: ag.randint(9, (2,), out=out), lambda out: ag.randperm(2, out=out),
                 lambda out: ag.normal(0.0, 1.0, (2,), out=out), lambda out: ag.normal(ag.zeros(2), 1.0, out=out), lambda out: ag.bernoulli(ag.ones(2) / 2, out=out),
                 lambda out: ag.multinomial(ag.ones(4), 2, out=out)):
        ag.manual_seed(3)
        expected = make(None)
        ag.manual_seed(3)
        assert make(ag.empty(2, dtype=expected.dtype)).tolist() == expected.tolist()


def test_recorded_steps_write_it_again() -> None:
    out = ag.zeros(3)

    @ag.compile
    def step(x: Tensor) -> Tensor:
        ag.sqrt(x, out=out)
        return out * 2

    for k in range(1, 6):
        assert step(ag.full((3,), float(k * k))).tolist() == [2.0 * k] * 3
        assert out.tolist() == [k] * 3
