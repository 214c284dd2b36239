"""Leaves, modules and modes that live no longer than a call, and what would be recorded again and again."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan import PlanError

BACK_ENDS = [{"backend": "numpy"}, {"exact": True}, {"backend": "auto"}]
X = ag.tensor([1.0, 2.0])


def repeat(function: Any, count: int) -> None:
    for _ in range(count):
        function()


def inputs(count: int = 6) -> list[Any]:
    return [ag.tensor([1.0 + i, 2.0 - i]) for i in range(count)]


@pytest.mark.parametrize("options", BACK_ENDS)
def test_a_leaf_that_is_made_inside(options: dict[str, Any]) -> None:
    @ag.compile(**options)
    def slope(x: Any) -> Any:
        x = x.detach().requires_grad_()
        loss = (x**3).sum()
        loss.backward()
        return loss, x.grad

    for x in inputs():
        loss, gradient = slope(x)
        assert np.allclose(loss.detach().numpy(), (x.numpy() ** 3).sum())
        assert np.allclose(gradient.numpy(), 3 * x.numpy() ** 2)
        assert x.grad is None
        assert not x.requires_grad
    assert len(slope.plans) == 1


@pytest.mark.parametrize("options", BACK_ENDS)
def test_a_module_that_is_made_inside(options: dict[str, Any]) -> None:
    def step(x: Any) -> Any:
        layer = nn.Linear(2, 3)
        layer(x).sum().backward()
        return layer.weight.detach(), layer.weight.grad

    ag.manual_seed(3)
    expected = [step(x) for x in inputs()]
    compiled = ag.compile(step, **options)
    ag.manual_seed(3)
    for x, pair in zip(inputs(), expected, strict=True):
        for a, b in zip(compiled(x), pair, strict=True):
            assert np.allclose(a.numpy(), b.numpy(), rtol=1e-6)
    assert len(compiled.plans) == 1


@pytest.mark.parametrize("options", BACK_ENDS)
def test_modes_that_are_set_inside(options: dict[str, Any]) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))

    @ag.compile(**options)
    def both(x: Any) -> Any:
        model.train()
        first = model(x).sum()
        model.eval()
        return first.detach(), model(x).detach()

    @ag.compile(**options)
    def trained(x: Any) -> Any:
        model.train()
        return model(x).detach()

    x = ag.arange(8.0).reshape(4, 2)
    for _ in range(5):
        model.train()
        assert np.allclose(trained(x).numpy().mean(axis=0), 0, atol=1e-5)
        both(x)
        assert not model.training
        assert not model[1].training
        trained(x)
        assert model.training
        assert model[1].training
    assert len(both.plans) == len(trained.plans) == 1


@pytest.mark.parametrize("make", [optim.SGD, optim.Adam])
def test_optimizers_that_are_made_inside(make: Any) -> None:
    def minimum(x: Any) -> Any:
        p = ag.zeros(2, requires_grad=True)
        optimizer = make([p], lr=0.1)
        ((p - x) ** 2).sum().backward()
        optimizer.step()
        return p.detach()

    with pytest.raises(PlanError, match=r"an optimizer updates a tensor that was made inside.*autograd.grad"):
        ag.compile(minimum)(X)


def test_another_optimizer_at_each_call() -> None:
    p = ag.zeros(2, requires_grad=True)

    @ag.compile
    def step(x: Any) -> Any:
        optimizer = optim.Adam([p], lr=0.1)
        optimizer.zero_grad()
        (p * x).sum().backward()
        optimizer.step()

    with pytest.warns(UserWarning, match=r"8 calls .* because the optimizer at .*test_made_inside.py.* is another one. Make it once, outside"):
        repeat(lambda: step(X), 8)
    assert not step.plans


def test_a_state_dict_that_is_loaded_before_the_second_call_and_before_the_first_replay() -> None:
    def trained(wrap: Any) -> Any:
        p = ag.ones(2, requires_grad=True)
        optimizer = optim.Adam([p], lr=0.1)

        @wrap
        def step(x: Any) -> None:
            optimizer.zero_grad()
            ((p * x) ** 2).sum().backward()
            optimizer.step()

        for i, x in enumerate(inputs(8)):
            step(x)
            if i in (0, 2, 5):
                optimizer.load_state_dict(optimizer.state_dict())
        return p.detach().numpy()

    expected = trained(lambda f: f)
    for options in BACK_ENDS:
        assert np.allclose(trained(lambda f, options=options: ag.compile(f, **options)), expected, rtol=1e-6)


def test_arguments_and_results_that_would_ask_for_a_gradient() -> None:
    with pytest.raises(PlanError, match=r"requires_grad_\(\) changes the argument of shape \(2,\)"):
        ag.compile(lambda x: (x.requires_grad_() * 2).sum().detach())(ag.tensor([1.0, 2.0]))
    with pytest.raises(PlanError, match=r"a returned tensor of shape \(2,\) asks for a gradient and was made inside"):
        ag.compile(lambda x: x.detach().requires_grad_())(X)


def test_a_gradient_of_a_leaf_of_the_function_that_is_kept() -> None:
    kept = []

    def f(x: Any) -> Any:
        p = ag.ones(2, requires_grad=True)
        (p * x).sum().backward()
        kept.append(p.grad)
        return x * 2

    with pytest.raises(PlanError, match="is held outside"):
        ag.compile(f)(X)


def test_a_kernel_that_sometimes_returns_what_it_was_given() -> None:
    """``masked`` hands its input on where no NaN can be; the recordings agree whether one was there before or not."""
    second = ag.compile(lambda x: ag.func.hessian(lambda x: (x**3).sum())(x), backend="numpy")
    with np.errstate(all="ignore"):
        np.zeros(1) / np.zeros(1)
    for x in inputs():
        assert np.allclose(second(x).numpy(), np.diag(6 * x.numpy()))


# --- recorded again and again -------------------------------------------------------------------------------------


def said(function: Any, calls: Any) -> str:
    """The only warning of some calls."""
    compiled = ag.compile(function, backend="numpy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for call in calls:
            compiled(*call)
    (warning,) = caught
    assert warning.filename == __file__
    return str(warning.message)


def test_numbers_and_objects_that_change_at_each_call() -> None:
    text = said(lambda x, rate: x * rate, [(X, i / 8) for i in range(40)])
    assert "more than 32 kinds of arguments came" in text
    assert "3.875, then 4.0" in text
    assert "which object an argument of class object is" in said(lambda x, y: x * 2, [(X, object()) for _ in range(40)])


def test_modules_and_leaves_that_are_new_at_each_call() -> None:
    held: dict[str, Any] = {}

    def modules() -> Any:
        for _ in range(12):
            held["model"] = nn.Linear(2, 2)
            yield (X,)

    def leaves() -> Any:
        for _ in range(12):
            held["leaf"] = ag.ones(2, requires_grad=True)
            yield (X,)

    def slope(x: Any) -> Any:
        (held["leaf"] * x).sum().backward()
        return x * 2

    text = said(lambda x: held["model"](x).detach(), modules())
    assert text.startswith("compile: ")
    assert "8 calls with arguments of the same kind were recorded one after the other, because each calls a Linear that the others" in text
    assert "looks at the .grad of a tensor of shape (2,) that the others do not know" in said(slope, leaves())


def test_an_option_that_changes_back_and_forth() -> None:
    p = ag.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1, momentum=0.9)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        (p * x).sum().backward()
        optimizer.step()

    def calls() -> Any:
        for i in range(20):
            optimizer.param_groups[0]["nesterov"] = i // 2 % 2 == 1
            yield (X,)

    assert "because the option nesterov of an optimizer was False and is True" in said(step, calls())
