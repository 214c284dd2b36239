"""Answers to the questions that people ask about gradients."""

from __future__ import annotations

import re
import weakref
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.config import ACTIVE
from autograd_core.derivation import derive
from autograd_core.equations import formula, in_numbers, in_tex
from autograd_core.explain import explain, what_holds
from autograd_core.numerical import numerical_gradient, step_table
from autograd_core.op import REGISTRY


def leaf(values: Any) -> Any:
    return ag.tensor(values, requires_grad=True)


def answer(_tensor: Any, _loss: Any = None) -> str:
    found = explain(_tensor, _loss)
    return f"{found.cause}: {found.text}"


def test_tensors_without_gradient() -> None:
    plain = ag.tensor([1.0])
    assert answer(plain).startswith("no grad: 'plain' asks for no gradient")
    assert "integers have no gradient" in answer(ag.tensor([1]))
    frozen = leaf([1.0]).requires_grad_(False)
    assert "frozen by requires_grad_(False)" in answer(frozen)
    weight = leaf([1.0])
    assert "cut from a graph by detach() of the leaf (1,). Use the tensor itself" in answer(weight.detach())
    with pytest.raises(TypeError, match="expected a Tensor, got float"):
        explain(1.0)
    with pytest.raises(TypeError, match=r"a number has no graph\. Keep the tensor it was read from"):
        explain(weight, weight.sum().item())


def test_names_what_was_never_used() -> None:
    weight, other = leaf([1.0]), leaf([2.0])
    with ag.autograd.detect_anomaly():
        loss = (other * 2).sum()
    assert answer(weight, loss) == ("never used: no path leads from the loss to 'weight': it was never used for this loss. "
                                    "The loss does depend on 1 other leaf, which is of the same shape: was the tensor replaced by a new one?")
    assert "or only as a number" in answer(weight, (other * 2).sum())


CUTS = {
    "detach": (lambda w: w.detach(), "cut by detach() of the leaf (2,)", "without detach()"),
    "data": (lambda w: w.data, "cut by .data", "instead of .data"),
    "cast": (lambda w: w.long(), "cut by a cast to integers", "(x.round() - x).detach()"),
    "compare": (lambda w: w > 1, "cut by gt (which has no derivative)", "softmax, sigmoid"),
    "argmax": (lambda w: w.argmax(0), "cut by argmax (which has no derivative)", "softmax weights"),
    "indices": (lambda w: w.max(0).indices, "(which has no derivative)", "smooth function"),
    "copy": (lambda w: ag.Tensor(w), "cut by a copy of the leaf (2,)", "stack or cat"),
    "no_grad": (ag.no_grad()(lambda w: w * 2), "cut by mul inside no_grad()", "outside no_grad()"),
    "inference": (ag.inference_mode()(lambda w: w * 2), "cut by inference_mode()", ""),
    "further": (lambda w: (w.detach() * 2)[:1].exp(), "cut by detach() of the leaf (2,)", "without detach()"),
}


@pytest.mark.parametrize("case", CUTS)
def test_says_where_the_path_was_cut(case: str) -> None:
    cut, words, remedy = CUTS[case]
    weight, other = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    for loss in (lambda: (cut(weight) * other).sum(), lambda: (other + cut(weight)).sum()):
        found = answer(weight, loss())
        assert found.startswith("no path: no path leads from the loss to 'weight': ")
        assert words in found
        assert remedy in found


def test_a_mark_outlives_what_was_cut_and_holds_nothing() -> None:
    weight, other = leaf([1.0]), leaf([2.0])

    def detached() -> Any:
        hidden = weight.exp()
        hidden.name = "hidden"
        return hidden.detach(), weakref.ref(hidden)

    cut, held = detached()
    assert held() is None
    loss = (cut * other).sum()
    assert "cut by detach() of 'hidden' of exp (1,). If 'weight' leads there, that is the place" in answer(weight, loss)
    later = leaf([1.0])  # younger than what was cut, so it cannot have led there
    assert answer(later, loss).startswith("never used")
    hidden = weight.exp()
    loss = (hidden.detach() * other).sum()
    assert "cut by detach() of a result of exp (1,) ('hidden'), which 'weight' leads to" in answer(weight, loss)


def test_anomaly_mode_adds_lines_and_certainty() -> None:
    weight, other = leaf([1.0]), leaf([2.0])
    with ag.autograd.detect_anomaly():
        loss = (weight.exp().detach() * other).sum()
        with ag.no_grad():
            half = weight * 0.5
        second = (half + other).sum()
    assert re.search(r"cut by detach\(\) of a result of exp \(1,\) at .*test_explain.py:\d+, which 'weight' leads to", answer(weight, loss))
    assert re.search(r"cut by mul inside no_grad\(\) of the leaf \(1,\) at .*test_explain.py:\d+, which is 'weight' itself. Compute it outside", answer(weight, second))
    unrelated = leaf([1.0])
    assert answer(unrelated, loss).startswith("never used")


@pytest.mark.parametrize(("read", "words"), [
    (lambda w: float(w.sum()), "float() of a result of sum ()"), (lambda w: w.sum().item(), ".item() of a result of sum ()"),
    (lambda w: np.exp(w.detach().numpy())[0], ".numpy() of the leaf (1,), cut by detach() at"), (lambda w: np.asarray(w.detach())[0], ".numpy() of the leaf (1,)"),
    (lambda w: w.tolist()[0], ".tolist() of the leaf (1,)"),
])
def test_reads_in_anomaly_mode_are_suspects(read: Any, words: str) -> None:
    weight, other = leaf([1.0]), leaf([2.0])
    with ag.autograd.detect_anomaly():
        loss = other.sum() * float(read(weight))
        loss.item()  # afterwards: nothing that the loss was computed from
    found = answer(weight, loss)
    assert found.startswith(f"no path: no path leads from the loss to 'weight': it was read as numbers by {words}")
    assert "test_explain.py:" in found
    with ag.autograd.detect_anomaly():
        other_loss = other.sum()
    assert answer(weight, other_loss).startswith("never used")
    assert not ACTIVE


def test_reads_are_logged_for_decorated_functions_and_switches() -> None:
    weight = leaf([1.0])

    @ag.autograd.detect_anomaly
    def step() -> Any:
        return ag.tensor(weight.sum().item())

    @ag.autograd.detect_anomaly
    def steps() -> Any:
        yield ag.tensor(weight.sum().item())

    assert "read as numbers by .item()" in answer(weight, step())
    assert "read as numbers by .item()" in answer(weight, next(steps()))
    with ag.autograd.set_detect_anomaly(True):
        loss = ag.tensor(weight.sum().item())
    assert "read as numbers by .item()" in answer(weight, loss)
    assert ag.autograd.set_detect_anomaly not in ACTIVE


def test_results_are_no_leaves() -> None:
    moved = leaf([1.0]) * 0.1
    moved.sum().backward()
    assert answer(moved).startswith("not a leaf: 'moved' is the result of mul, not a leaf")
    assert "Call moved.retain_grad()" in answer(moved)


def test_never_run_and_fine() -> None:
    weight = leaf([1.0])
    assert explain(weight).cause == "never run"
    loss = (weight * weight).sum()
    assert "has not been called" in answer(weight, loss)
    loss.backward()
    assert explain(weight, loss).cause == "fine"
    weight.grad = None
    assert "cleared afterwards" in answer(weight, loss)


def test_parameters_are_named_by_their_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    other = leaf([1.0])
    layer = nn.Linear(2, 2)
    assert "to 'model.0.weight'" in answer(model[0].weight, other.sum())
    assert "to 'layer.weight'" in answer(layer.weight, other.sum())


def test_tells_of_rows_without_a_gradient() -> None:
    table = nn.Embedding(5, 2)
    table(ag.tensor([1, 3])).sum().backward()
    assert "except in 3 of its 5 rows: dead units, or indices that did not occur" in answer(table.weight)


def test_finds_dead_units_in_a_module() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    with ag.no_grad():
        model[0].bias.fill_(-100.0)
    with ag.autograd.detect_anomaly():
        loss = model(ag.randn(5, 2)).sum()
    loss.backward(retain_graph=True)
    found = answer(model[0].weight, loss)
    assert found.startswith("dead relu: the gradient of 'model.0.weight' is zero everywhere: every element that reaches relu (5, 3) in module '1' at ")
    assert "leaky_relu" in found


def test_finds_saturated_units_in_a_module() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1)).double()
    with ag.no_grad():
        model[0].bias.fill_(20.0)
    loss = model(ag.ones(5, 2, dtype=ag.float64)).sum()
    loss.backward(retain_graph=True)
    assert re.match(r"saturated: the gradient of 'model.0.weight' is at most \d\.?\d*e-\d+: sigmoid \(5, 3\) in module '1' is saturated.*logits", answer(model[0].weight, loss))


def test_finds_the_factor_that_is_zero() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    nn.init.zeros_(model[1].weight)
    loss = model(ag.ones(4, 2)).sum()
    loss.backward(retain_graph=True)
    assert "linear (4, 1) in module '1' multiplies it by its weight '1.weight' that is zero everywhere" in answer(model[0].weight, loss)
    weight, mask = leaf([1.0, 2.0]), ag.zeros(2)
    loss = (weight * mask).sum()
    loss.backward(retain_graph=True)
    assert answer(weight, loss).startswith("multiplied by zero: the gradient of 'weight' is zero everywhere: mul (2,) multiplies it by its other that is zero")


@pytest.mark.parametrize(("function", "cause", "words"), [
    (lambda w: ag.relu(-w).sum(), "dead relu", "relu (2,)"), (lambda w: ag.tanh(w * 100).sum(), "saturated", "tanh (2,)"),
    (lambda w: ag.softmax(w * 1000, 0)[0], "saturated", "softmax"), (lambda w: w.clamp(5, 6).sum(), "saturated", "clamp (2,)"),
    (lambda w: w.round().sum(), "zero", "round (2,) is a step function"), (lambda w: ag.where(w > 9, w, 0.0).sum(), "masked", "where (2,) takes no element"),
    (lambda w: nn.functional.mse_loss(w, ag.tensor([1.0, 2.0])), "zero", "stationary point"), (lambda w: (w - w).sum(), "zero", "cancel"),
    (lambda w: (w * 0.0).sum(), "multiplied by zero", "mul (2,)"),
])
def test_finds_where_a_gradient_vanishes(function: Any, cause: str, words: str) -> None:
    weight = leaf([1.0, 2.0])
    loss = function(weight)
    loss.backward(retain_graph=True)
    before = weight.grad.clone()
    found = explain(weight, loss)
    assert found.cause == cause
    assert words in found.text
    assert weight.grad.tolist() == before.tolist()
    assert "Pass the loss" in explain(weight).text


def test_a_recorded_graph_answers_after_backward() -> None:
    weight = leaf([1.0, 2.0])
    with ag.record():
        loss = ag.relu(-weight).exp().sum()
    loss.backward()
    assert explain(weight, loss).cause == "dead relu"
    weight = leaf([1.0, 2.0])
    loss = ag.relu(-weight).exp().sum()
    loss.backward()
    assert "retain_graph=True" in explain(weight, loss).text


def test_explaining_calls_no_hooks() -> None:
    weight = leaf([1.0])
    hidden = weight * 0.0
    calls: list[Any] = []
    hidden.register_hook(calls.append)
    hidden.retain_grad()
    loss = hidden.sum()
    loss.backward(retain_graph=True)
    assert explain(weight, loss).cause == "multiplied by zero"
    assert len(calls) == 1
    assert hidden.grad.tolist() == [1.0]


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


def test_a_mark_stays_where_what_was_cut_asks_for_a_gradient() -> None:
    weight = leaf([1.0, 3.0])
    chosen = (weight * 2).argmax().float().requires_grad_()
    assert "were cut by argmax (which has no derivative)" in answer(weight, chosen * 2)
    copied = ag.tensor((weight * 2).tolist(), requires_grad=True)
    assert answer(weight, copied.sum()).startswith("never used")
    again = nn.Parameter(weight)
    assert answer(weight, again.sum()).startswith("no path: no path leads from the loss to 'weight': it was cut by Parameter() of the leaf (2,) ('weight'), which is 'weight' itself. Parameter(x)")


def test_tells_of_parameters_that_no_optimizer_updates() -> None:
    inside, outside = leaf([1.0]), leaf([2.0])
    sgd = optim.SGD([inside], lr=0.1)
    (inside * outside).sum().backward()
    assert answer(inside).startswith("fine")
    found = answer(outside)
    assert found.startswith("not in an optimizer: 'outside' has a gradient that is not zero, but no optimizer among the variables ('sgd') has it")
    replaced = (leaf([1.0]) * 2).sum()
    assert answer(inside, replaced).endswith("The optimizer 'sgd' still has the old one: make it after the model has been moved, converted or changed.")
    sgd.step()


def test_what_lies_outside_bounds_is_not_called_saturated_units() -> None:
    weight = leaf([5.0, 6.0])
    loss = weight.clamp(0, 1).sum()
    loss.backward(retain_graph=True)
    assert "saturated: the gradient of 'weight' is zero everywhere: every element that reaches clamp (2,) lies outside its bounds" in answer(weight, loss)


def test_derivations_work_numbers_out_and_write_them_as_numbers() -> None:
    x, rate_1 = leaf(3.0), leaf(1e-10)
    derived = derive(-(x**2 - x / 4) * rate_1, x)
    assert "v3 = x^2 = 9\n∂v3/∂x = 2·x = 6" in derived.text
    assert "v1 = −v2 = −8.25" in derived.text
    for equation in (r"v_{3} &= x^{2} = 9", r"v_{4} &= \frac{x}{4} = 0.75", r"f &= v_{1} \cdot \mathrm{rate\_1}", r"v_{1} &= -v_{2}", r"= -8.25 \times 10^{-10}"):
        assert equation in derived.latex
    assert r"\begin{cases} 0 & \text{if } f \leq 0 \\ 1 & \text{otherwise} \end{cases} = 1" in derive(ag.relu(x), x).latex
    assert "∂f/∂x = where(x > 0, 1, 0.2) = 1" in derive(nn.functional.leaky_relu(x, 0.2), x).text


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.kind == "elementwise"], ids=lambda op: op.name)
def test_every_formula_has_a_form_in_latex(op: Any) -> None:
    for name in op.inputs:
        found = formula(op, name, {"out": "y", "exponent": "−2"})
        if found is not None:
            tex = in_numbers(in_tex(found))
            assert tex.count("{") == tex.count("}")
            assert tex.count(r"\left(") == tex.count(r"\right)")
            assert not re.search(r"\*|==|[<>]=|[^\\]_(?!\{)|−", tex), tex
