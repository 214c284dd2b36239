"""Where NaNs are born: the report names the op, the index, the line and what to write instead."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import autograd_core as ag
import nn
from autograd_core.errors import BroadcastWarning

X = [1.0, -1.0, 0.0]


def leaf(values: Any) -> Any:
    return ag.tensor(values, requires_grad=True)


@pytest.mark.parametrize(("function", "words"), [
    (lambda x: ag.log(x).exp().sum(), r"log made the first NaN .* index \(1,\).*input = -1.*clamp.*test_anomaly.py:\d+"),
    (lambda x: ((x * 1000).exp() / (x * 1000).exp().sum()).sum(), "exp made the first infinity.*softmax"),
    (lambda x: (x / x).sum(), r"div made the first NaN .*input = 0, other = 0.*where"),
    (lambda x: ((x * 0) ** -1.0 * x * 0).sum(), "pow made the first infinity"),
])
def test_report_names_the_birth(function: Any, words: str) -> None:
    with ag.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=words):
        function(leaf(X)).backward()


def test_forward_raises_at_once() -> None:
    with ag.autograd.detect_anomaly(forward=True), pytest.raises(RuntimeError, match="exp made the first infinity"):
        (leaf(X) * 1000).exp()
    with ag.autograd.detect_anomaly(forward=True), pytest.raises(RuntimeError, match="sqrt made the first NaN"):
        ag.sqrt(ag.tensor([-1.0]))


def test_masks_are_legal() -> None:
    x = leaf(X)
    with ag.autograd.detect_anomaly(forward=True):
        ag.softmax(x.masked_fill(x < 0, -float("inf")), 0)[0].backward()
        q = leaf([[[1.0, 2.0], [3.0, 4.0]]])
        nn.functional.scaled_dot_product_attention(q, q, q, is_causal=True).sum().backward()


def test_unused_branches_are_legal() -> None:
    x = leaf(X)
    with pytest.warns(RuntimeWarning, match="encountered in log"), ag.autograd.detect_anomaly():
        ag.where(x > 0, ag.log(x), 0 * x).sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 0.0]


def test_a_nan_of_the_backward_pass_says_what_to_write() -> None:
    x = leaf([0.0, 4.0])
    with ag.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"Function 'mul' returned nan.*test_anomaly.py:\d+.*infinite gradient arrived.*sqrt\(x \+ eps\)"):
        ag.sqrt(x * x).sum().backward()


def test_lines_alone() -> None:
    x = leaf([2.0])
    with ag.autograd.detect_anomaly(check_nan=False):
        y = x * x
    assert "test_anomaly.py" in y.grad_fn.line


def test_a_report_stands_in_for_the_librarys_warnings() -> None:
    x = leaf(X)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with ag.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="made the first NaN"):
            ag.log(x).sum().backward()
        with ag.autograd.detect_anomaly(forward=True), pytest.raises(RuntimeError, match="made the first NaN"):
            ag.log(x)
    assert shown == []


def test_what_no_report_tells_is_shown_at_the_users_line() -> None:
    x = leaf(X)

    @ag.autograd.detect_anomaly
    def step() -> None:
        ag.log(x)

    for use in (step, lambda: ag.autograd.detect_anomaly()(lambda: ag.log(x.detach()))()):
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            use()
        assert {str(each.message) for each in shown} == {"divide by zero encountered in log", "invalid value encountered in log"}
    step_lines = []
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with ag.autograd.detect_anomaly():
            y = ag.log(x)
            step_lines = [each.lineno for each in shown]
    assert step_lines == []
    assert {f"{each.filename}:{each.lineno}" for each in shown} == {y.grad_fn.line}


def difference(y: Any) -> Any:
    return (y - y).sum()


@pytest.mark.parametrize(("function", "words"), [
    (lambda x: ag.softmax(x.masked_fill(x < 9, -float("inf")), 0).sum(), "softmax made the first NaN out of infinities at index .* a row that is -inf throughout"),
    (lambda x: difference(x * 1e38 * 10), "mul made the first infinity .* beyond the largest number of its dtype"),
    (lambda x: difference((x * 1e20) ** 4.0), r"pow made the first infinity .*input = 1e\+20.* beyond the largest number"),
    (lambda x: x[:1].std(), "std made the first NaN .* correction=0"),
    (lambda x: (x * ag.tensor([1.0, float("nan"), 1.0])).sum(), r"the operand 'other' \(3,\) of mul at .*test_anomaly.py:\d+ has one at index \(1,\). It was in the data"),
    (lambda x: (x * float("nan")).sum(), r"the operand 'other' of mul at .* is one"),
    (lambda x: (ag.tensor([float("nan")], requires_grad=True, name="w") * x).sum(), r"the leaf 'w' \(1,\) has one at index \(0,\)"),
    (lambda x: ag.where(x < 1, ag.exp(1000 * x), x).sum(), r"Function 'exp' returned nan .* at index \(0,\): upstream gradient 0, recorded at .* choose a harmless input"),
    (lambda x: (x**2.0 * (x - x)).sum().sqrt(), r"Function '\w+' returned nan values .* at index \(0,\): input = 1, other = 0, upstream gradient inf"),
])
def test_report_says_what_was_there(function: Any, words: str) -> None:
    with ag.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=words):
        function(leaf(X)).backward()


def test_a_vector_that_meets_a_column_is_told_of_once_a_line() -> None:
    x, column = leaf([1.0, 2.0, 3.0]), ag.ones(3, 1)
    with ag.autograd.detect_anomaly(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            _ = x - column
        _ = x.unsqueeze(0) - column, x[:2] - ag.ones(3, 1), x - ag.ones(3), x[:1] - ag.ones(1, 1)
        with BroadcastWarning.silenced():
            _ = x * column
    assert len(caught) == 1
    assert issubclass(caught[0].category, BroadcastWarning)
    assert caught[0].filename == __file__
    assert "sub: (3,) with (3, 1) broadcasts to (3, 3)" in str(caught[0].message)
    assert "unsqueeze(1)" in str(caught[0].message)


def test_outside_of_anomaly_mode_shapes_broadcast_in_silence() -> None:
    assert (leaf([1.0, 2.0]) - ag.ones(2, 1)).shape == (2, 2)
