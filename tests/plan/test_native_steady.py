"""Calls between which something outside changed: the one that is written out for unchanged surroundings must notice, with either back end."""

from __future__ import annotations

from typing import Any

import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan.native.toolchain import missing

BACK_ENDS = ["numpy", *(["native"] if missing() is None else [])]


@pytest.fixture(params=BACK_ENDS)
def backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def squares(backend: str, inside: bool) -> tuple[Any, Any]:
    """The gradient of a sum of squares, replayed from now on; gradients are put aside inside of the step, or by the caller."""
    w = ag.tensor([1.0, 2.0], requires_grad=True)

    @ag.compile(backend=backend)
    def step(x: Any) -> Any:
        if inside:
            w.grad = None
        loss = ((w * x) ** 2).sum()
        loss.backward()
        return loss

    for n in (1.0, 2.0, 3.0):
        w.grad = None
        step(ag.tensor([3.0, n]))
    if inside:
        step(ag.tensor([3.0, 3.0]))
    return w, step


@pytest.mark.parametrize("inside", [True, False])
def test_a_gradient_that_its_leaf_gave_up_stays_with_who_holds_it(backend: str, inside: bool) -> None:
    w, step = squares(backend, inside)
    held, w.grad = w.grad, None
    step(ag.tensor([5.0, 5.0]))
    assert held.tolist() == [18.0, 36.0]
    assert w.grad.tolist() == [50.0, 100.0]
    if inside:
        step(ag.tensor([1.0, 1.0]))
        assert held.tolist() == [18.0, 36.0]
        assert w.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("inside", [True, False])
def test_a_gradient_whose_memory_was_exchanged_is_computed_all_the_same(backend: str, inside: bool) -> None:
    w, step = squares(backend, inside)
    other = ag.tensor([7.0, 7.0])
    w.grad.data = other
    if not inside:
        w.grad = None
    step(ag.tensor([3.0, 1.0]))
    assert w.grad.tolist() == [18.0, 4.0]
    assert other.tolist() == [7.0, 7.0]


def test_the_memory_of_a_gradient_that_numpy_still_sees_is_not_written(backend: str) -> None:
    w, step = squares(backend, True)
    seen = w.grad.numpy()
    step(ag.tensor([5.0, 5.0]))
    assert seen.tolist() == [18.0, 36.0]
    assert w.grad.tolist() == [50.0, 100.0]


def test_a_gradient_that_was_made_to_ask_for_one_is_plain_again(backend: str) -> None:
    w, step = squares(backend, True)
    w.grad.requires_grad_()
    step(ag.tensor([1.0, 1.0]))
    assert not w.grad.requires_grad


def test_the_gradient_of_an_earlier_argument_is_not_written_by_a_later_call(backend: str) -> None:
    @ag.compile(backend=backend)
    def step(x: Any) -> Any:
        loss = (x * x).sum()
        loss.backward()
        return loss

    xs = [ag.tensor([n, 2.0], requires_grad=True) for n in (1.0, 2.0, 3.0, 4.0, 5.0)]
    for x in xs:
        step(x)
    assert [x.grad.tolist() for x in xs] == [[2.0 * n, 4.0] for n in (1.0, 2.0, 3.0, 4.0, 5.0)]


def test_other_arguments_than_those_of_the_call_before_are_told_apart(backend: str) -> None:
    add = ag.compile(lambda x, y: (x + 2.0 * y).sum().detach(), backend=backend)
    x, y = ag.tensor([1.0, 2.0]), ag.tensor([3.0, 4.0])
    for _ in range(4):
        assert add(x, y).item() == 17.0
    for _ in range(4):
        assert add(x, x).item() == 9.0
        assert add(x, y).item() == 17.0
        assert add(ag.ones(4)[::2], y).item() == 16.0
        assert add(ag.ones(3), ag.ones(3)).item() == 9.0
        assert add(ag.ones(2, dtype=ag.float64), y).item() == 16.0
        assert add(x, ag.tensor([3.0, 4.0], requires_grad=True)).item() == 17.0


@pytest.mark.parametrize("rule", [lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.Adam(p, lr=0.1)])
def test_everything_about_an_optimizer_may_change_between_calls(backend: str, rule: Any) -> None:
    """The learning rate, an entry of the state, the memory of a parameter, and the whole state, one after the other."""

    def trained(compiled: bool) -> list[Any]:
        ag.manual_seed(0)
        model = nn.Linear(3, 2)
        optimizer = rule(model.parameters())

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        run = ag.compile(step, backend=backend) if compiled else step
        x = ag.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])
        losses = []
        for i in range(16):
            if i == 5:
                optimizer.param_groups[0]["lr"] = 0.01
            if i == 7:
                name = next(key for key in optimizer.state[model.weight] if key != "step")
                optimizer.state[model.weight][name] = ag.full((2, 3), 0.5)
            if i == 10:
                model.weight.data = ag.ones(2, 3)
            if i == 13:
                optimizer.load_state_dict(optimizer.state_dict())
            losses.append(run(x).item())
        return losses

    assert trained(True) == pytest.approx(trained(False), rel=1e-4)


def test_a_replay_counts_as_a_write_each_time(backend: str) -> None:
    """A graph that saved what a later replay overwrote is refused, however often the plan ran before, and whoever else wrote in between."""
    w = ag.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    @ag.compile(backend=backend)
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = ((w * x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    x = ag.tensor([1.0, 1.0])
    other = ag.zeros(2)
    for _ in range(4):
        step(x)
    for between in (False, True):
        loss = (w * w).sum()
        if between:
            other.add_(1.0)
        step(x)
        with pytest.raises(RuntimeError, match="replayed step"):
            loss.backward()
    loss = (w * w).sum()
    loss.backward()
