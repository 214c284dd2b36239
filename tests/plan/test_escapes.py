"""Tensors that leave a compiled function on another way than as its result: a replay would leave the old ones there."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

import autograd_core as ag
import nn
from autograd_core.plan import PlanError

W = ag.tensor([1.0, 2.0], requires_grad=True)
X = ag.tensor([3.0, 4.0])


class Keeper:
    """Something that lasts."""

    tensor: Any = None


def refused(f: Any, line: str, *args: Any) -> str:
    """The message for the first call, which names the line that holds ``line``."""
    with pytest.raises(PlanError) as caught:
        ag.compile(f)(*(args or (X,)))
    text = str(caught.value)
    number = next(i for i, written in enumerate(Path(__file__).read_text(encoding="utf-8").splitlines(), 1) if line in written)
    assert f"test_escapes.py:{number}" in text
    return text


def test_appended_to_a_list_outside() -> None:
    kept = []

    def f(x: Any) -> Any:
        hidden = x * 2  # appended
        kept.append(hidden)
        return (hidden + 1).sum()

    text = refused(f, "# appended")
    assert text.startswith("compile: a tensor of shape (2,), made by mul, is held outside when the function has returned, at ")
    assert text.endswith("A replay would not put a new one there: return it, or write it into a tensor that is there already, kept.copy_(...)")


def test_a_number() -> None:
    kept = []

    def f(x: Any) -> Any:
        total = x.sum()  # a number
        kept.append(total)
        return total * 2

    assert "of shape (), made by sum" in refused(f, "# a number")


def test_a_detached_one() -> None:
    keeper = Keeper()

    def f(x: Any) -> Any:
        loss = (W * x).exp().sum()  # detached
        keeper.tensor = loss.detach()
        loss.backward()
        return x + 1

    refused(f, "# detached")


def test_an_attribute_and_a_module() -> None:
    class Model(nn.Module):
        def forward(self, x: Any) -> Any:
            self.attention = ag.softmax(x, 0)  # attribute
            return self.attention * x

    with ag.no_grad():
        refused(Model(), "# attribute")


def test_state_that_is_bound_anew() -> None:
    keeper = Keeper()
    keeper.tensor = ag.zeros(2)

    def f(x: Any) -> Any:
        keeper.tensor = keeper.tensor * 0.5 + x  # bound anew
        return keeper.tensor.sum()

    refused(f, "# bound anew")


def test_storage_that_is_replaced() -> None:
    w = ag.tensor([1.0, 2.0], requires_grad=True)

    def f(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()
        w.data = w.data - 0.1 * w.grad  # replaced

    refused(f, "# replaced")


def test_captured_by_a_function() -> None:
    kept = []

    def f(x: Any) -> Any:
        h = x.sin()  # captured
        kept.append(lambda: h)
        return x + 1

    refused(f, "# captured")


def test_a_view_of_an_argument() -> None:
    kept = []

    def f(x: Any) -> Any:
        kept.append(x[0:1])  # a view
        return x + 1

    refused(f, "# a view")


@pytest.mark.parametrize("shape", [(), (2,)])
def test_what_is_returned_as_well(shape: Any) -> None:
    keeper = Keeper()

    def f(x: Any) -> Any:
        keeper.tensor = x * 3  # as well
        return {"result": [keeper.tensor]}

    assert "made by mul, is held outside" in refused(f, "# as well", ag.ones(shape))


def test_a_gradient() -> None:
    kept = []

    def f(x: Any) -> None:
        W.grad = None
        (W * x).sum().backward()
        kept.append(W.grad)

    with pytest.raises(PlanError, match=r"the gradient of a tensor of shape \(2,\) is held outside when the function has returned"):
        ag.compile(f)(X)


def test_in_the_second_call() -> None:
    kept: list[Any] = []
    count = iter(range(9))

    def f(x: Any) -> Any:
        h = x * 2  # second
        if next(count):
            kept.append(h)
        return h + 1

    compiled = ag.compile(f)
    compiled(X)
    with pytest.raises(PlanError, match="made by mul, is held outside"):
        compiled(X)


def test_what_may_stay() -> None:
    """Results, views of them, gradients, state written in place, weak and circular references, a graph that was retained."""
    w = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    state = ag.zeros(2, 2)
    scalar = ag.tensor(1.0, requires_grad=True)

    def f(x: Any) -> Any:
        w.grad = scalar.grad = None
        h = w * x * scalar

        def recursive(n: int) -> Any:  # a function that names itself keeps what it captures until garbage is collected
            return recursive(n - 1) if n else h * 2

        loss = recursive(2).sum()
        loss.backward(retain_graph=True)
        with ag.no_grad():
            state.mul_(0.5).add_(h)
            y = h.detach() * 3
        return loss, y, y[0], {"x": x, "w": w}

    for exact in (False, True):
        compiled = ag.compile(f, exact=exact, backend="numpy")
        for _ in range(4):
            loss, y, row, named = compiled(ag.ones(2, 2))
    assert loss.item() == 20.0
    assert y.tolist() == [[3.0, 6.0], [9.0, 12.0]]
    assert row.tolist() == [3.0, 6.0]
    assert named["w"] is w
    assert scalar.grad.item() == 20.0


@pytest.mark.parametrize("effect", [lambda: random.random(), lambda: float(time.perf_counter_ns() // 100 % 10**6)])
@pytest.mark.parametrize("use", [lambda x, n: x * n, lambda x, n: ag.clamp(x, max=n), lambda x, n: x + ag.tensor([n, n])])
def test_numbers_of_python_that_differ_are_named_with_their_line(effect: Any, use: Any) -> None:
    values = []

    def f(x: Any) -> Any:
        values.append(effect())
        return use(x, values[-1])

    compiled = ag.compile(f)
    compiled(X)
    with pytest.raises(PlanError) as caught:
        compiled(X)
    text = str(caught.value)
    assert "differs between the two recorded calls" in text
    shown = [str(ag.tensor([value]).tolist()[0]) for value in values]
    assert all(repr(value) in text for value in values) or all(value[:8] in text for value in shown)
    assert "test_escapes.py:" in text
    assert "pass it as an argument" in text


def test_printing_a_constant_is_harmless(capsys: Any) -> None:
    @ag.compile
    def f(x: Any) -> Any:
        print("shape", x.shape)
        return x * 2

    for _ in range(4):
        assert f(X).tolist() == [6.0, 8.0]
    assert capsys.readouterr().out.count("shape") == 2  # as often as the function itself runs
