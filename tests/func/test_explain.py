"""Answers to the questions that people ask about gradients."""

from __future__ import annotations

from typing import Any

import pytest

import autograd_core as ag
import nn
from autograd_core.derivation import derive
from autograd_core.explain import explain, what_holds
from autograd_core.numerical import numerical_gradient, step_table


def leaf(values: Any) -> Any:
    return ag.tensor(values, requires_grad=True)


def test_no_grad_and_no_path() -> None:
    plain = ag.tensor([1.0])
    assert explain(plain).cause == "no grad"
    assert "integers have no gradient" in str(explain(ag.tensor([1])))
    weight, other = leaf([1.0]), leaf([2.0])
    answer = explain(weight, (other * 2).sum())
    assert answer.cause == "no path"
    assert "'weight'" in answer.text
    assert explain(weight, ag.tensor(1.0)).cause == "no path"


def test_results_are_no_leaves() -> None:
    moved = leaf([1.0]) * 0.1
    moved.sum().backward()
    assert explain(moved).cause == "not a leaf"
    assert "retain_grad" in explain(moved).text


def test_never_run_and_fine() -> None:
    weight = leaf([1.0])
    assert explain(weight).cause == "never run"
    (weight * 2).sum().backward()
    assert explain(weight).cause == "fine"


def test_zero_gradients() -> None:
    weight = leaf([-1.0, -2.0])
    loss = ag.relu(weight).sum()
    loss.backward(retain_graph=True)
    assert explain(weight, loss).cause == "dead relu"
    weight = leaf([50.0, -60.0])
    loss = ag.sigmoid(weight * 100).sum()
    loss.backward(retain_graph=True)
    assert explain(weight, loss).cause == "saturated"
    weight = leaf([1.0, 2.0])
    loss = (weight * ag.zeros(2)).sum()
    loss.backward(retain_graph=True)
    assert explain(weight, loss).cause == "multiplied by zero"
    weight = leaf([1.5])
    loss = ag.round(weight).sum()
    loss.backward()
    assert explain(weight, loss).cause == "zero"


def test_running_total_holds_every_step() -> None:
    model = nn.Linear(4, 1)
    total: Any = 0
    for _ in range(12):
        total = total + model(ag.ones(2, 4)).square().mean()
    holding = what_holds(total)
    assert holding.steps
    assert any(name.startswith("total ") for name in holding.names)
    assert "total += loss.item()" in str(holding)
    assert what_holds(ag.ones(2)).nodes == 0


def test_bytes_count_each_memory_once() -> None:
    x = ag.ones(1000, requires_grad=True)
    y = (x * x).exp()
    assert what_holds(y).bytes == 8000  # x once, and the result of exp


def test_derivation_of_the_textbook_example() -> None:
    x, y, z = leaf(-2.0), leaf(5.0), leaf(-4.0)
    q = x + y
    f = q * z
    assert derive(f, x).lines == ("f = q · z = −12", "∂f/∂q = z = −4", "q = x + y = 3", "∂q/∂x = 1", "∂f/∂x = ∂f/∂q · ∂q/∂x = −4 · 1 = −4")
    assert "∂f/∂z = q = 3" in derive(f, z).lines
    assert r"\frac{\partial f}{\partial x} &= \frac{\partial f}{\partial q} \cdot \frac{\partial q}{\partial x} = -4 \cdot 1 = -4" in derive(f, x).latex
    f.backward()
    assert x.grad.item() == derive(q, x).gradient * -4


def test_derivation_adds_up_where_a_value_is_used_twice() -> None:
    x = leaf(3.0)
    y = x * x + x
    derivation = derive(y, x)
    assert derivation.gradient == 7.0
    assert derivation.lines[-1].startswith("∂y/∂x = ")
    assert derivation.lines[-1].endswith("= 7")
    with pytest.raises(RuntimeError, match="does not depend on x"):
        derive(y, leaf(1.0))


def test_difference_quotients() -> None:
    x = ag.tensor([1.0, 2.0], dtype=ag.float64)
    before = x.tolist()
    assert numerical_gradient(lambda x: (x**3).sum(), x, 1e-5).tolist() == pytest.approx([3.0, 12.0], rel=1e-8)
    assert numerical_gradient(lambda x: (x**2).sum(), x, 0.5, method="forward").tolist() == pytest.approx([2.5, 4.5])
    assert x.tolist() == before
    table = step_table(lambda x: x.sin().sum(), x)
    assert min(table.central) < min(table.forward)
    assert "truncation" in str(table)
    with pytest.raises(ValueError, match="method"):
        numerical_gradient(lambda x: x.sum(), x, method="backward")
