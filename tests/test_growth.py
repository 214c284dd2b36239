"""Anomaly mode warns of graphs that grow from step to step, and of no others."""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path
from typing import Any

import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.growth import _PASSES, _warned

STEPS = 30


def problem() -> tuple[nn.Module, Any, ag.Tensor, ag.Tensor]:
    ag.manual_seed(0)
    model = nn.Linear(4, 1)
    return model, optim.SGD(model.parameters(), lr=0.01), ag.randn(8, 4), ag.randn(8, 1)


def grow_after_backward() -> None:
    model, optimizer, x, y = problem()
    total: Any = 0
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss  # the classic


def grow_before_backward() -> None:
    model, _, x, y = problem()
    epoch_loss = ag.zeros(())
    for _ in range(STEPS):
        batch_loss = nn.functional.mse_loss(model(x), y)
        epoch_loss = epoch_loss + batch_loss * len(x)
        batch_loss.backward()


def grow_in_a_list() -> None:
    model, _, x, y = problem()
    losses = []
    for _ in range(STEPS):
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        losses.append(loss)


def grow_in_a_dict() -> None:
    model, _, x, y = problem()
    history: dict[str, Any] = {"loss": 0.0}
    for _ in range(STEPS):
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        history["loss"] += loss


class Trainer:
    def __init__(self) -> None:
        self.model, _, self.x, self.y = problem()
        self.total: Any = 0.0

    def step(self) -> None:
        loss = nn.functional.mse_loss(self.model(self.x), self.y)
        loss.backward()
        self.total += loss


def grow_in_an_attribute() -> None:
    trainer = Trainer()
    for _ in range(STEPS):
        trainer.step()


def grow_as_the_root() -> None:
    model, _, x, y = problem()
    total: Any = 0
    for _ in range(STEPS):
        total = total + nn.functional.mse_loss(model(x), y)
        total.backward(retain_graph=True)


def grow_in_a_state() -> None:
    cell = nn.Linear(5, 5)
    hidden = ag.zeros(2, 5)
    for _ in range(STEPS):
        hidden = cell(hidden).tanh()  # never detached
        loss = (hidden * hidden).sum()
        loss.backward(retain_graph=True)


def grow_with_grad() -> None:
    model, _, x, y = problem()
    total: Any = 0
    for _ in range(STEPS):
        loss = nn.functional.mse_loss(model(x), y)
        ag.autograd.grad(loss, list(model.parameters()))
        total = total + loss


KEPT = "keeps the graphs of 16 earlier steps alive, which have been through backward"
GROWING = {
    grow_after_backward: f"'total', computed at LINE {KEPT}.* nodes, .* bytes.* total += loss.item(), or total += loss.detach()",
    grow_before_backward: f"'epoch_loss', computed at LINE {KEPT}.*epoch_loss += batch_loss.item()",
    grow_in_a_list: f"'losses' {KEPT}.*losses.append(loss.item())",
    grow_in_a_dict: f"\"history['loss']\", computed at LINE {KEPT}.* loss.item()",
    grow_in_an_attribute: f"'self.total', computed at LINE {KEPT}.*self.total += loss.item()",
    grow_as_the_root: "the graph of 'total' has grown over 16 steps and goes back into all of them.* comes in at LINE.*total += loss.item()",
    grow_in_a_state: "the graph of 'loss' has grown over 16 steps.* comes in at LINE.*hidden = hidden.detach()",
    grow_with_grad: f"'total', computed at LINE {KEPT}",
}
"""Each program with its warning; ``.*`` stands for anything, LINE for a line of this file."""


@pytest.mark.parametrize("program", GROWING, ids=lambda program: program.__name__)
def test_growth_is_named(program: Any) -> None:
    pattern = re.escape(GROWING[program]).replace(re.escape(".*"), ".*").replace("LINE", re.escape(__file__) + r":\d+")
    with pytest.warns(UserWarning, match=pattern) as recorded:
        ag.autograd.detect_anomaly(program)()
    assert [warning.filename for warning in recorded] == [__file__]  # once, at the user's backward()


def test_the_numbers_and_the_line_are_right() -> None:
    _PASSES.clear()
    _warned.clear()
    with pytest.warns(UserWarning, match="total") as recorded:
        ag.autograd.detect_anomaly(grow_after_backward)()
    text = str(recorded[0].message)
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert f"computed at {__file__}:{1 + next(i for i, line in enumerate(lines) if 'the classic' in line)}" in text
    # 16 steps, each linear, mse_loss and an addition; the first addition, to the number 0, is one as well
    assert f": {16 * 3} nodes, " in text


def test_anomaly_mode_around_each_step_alone() -> None:
    model, _, x, y = problem()

    def work() -> None:
        total: Any = 0
        for _ in range(STEPS):
            with ag.autograd.detect_anomaly():
                loss = nn.functional.mse_loss(model(x), y)
                loss.backward()
                total += loss

    with pytest.warns(UserWarning, match=r"'total', computed at"):
        work()


# --- no false alarms ----------------------------------------------------------------------------------------------


def quiet_numbers() -> None:
    model, optimizer, x, y = problem()
    total, parts, kept = 0.0, ag.zeros(()), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
        parts += loss.detach()
        kept.append(loss.detach())
    assert total == pytest.approx(parts.item())


def quiet_recurrence() -> None:
    cell = nn.Linear(5, 5)
    for _ in range(3):
        hidden, loss = ag.zeros(2, 5), ag.zeros(())
        for _ in range(100):
            hidden = cell(hidden).tanh()
            loss = loss + (hidden * hidden).sum()
        loss.backward()


def quiet_truncated_recurrence() -> None:
    cell = nn.Linear(5, 5)
    hidden = ag.zeros(2, 5)
    for _ in range(STEPS):
        hidden = hidden.detach()
        for _ in range(5):
            hidden = cell(hidden).tanh()
        hidden.sum().backward()


def quiet_accumulation() -> None:
    model, optimizer, x, y = problem()
    for _ in range(3):
        optimizer.zero_grad()
        for _ in range(STEPS):
            loss = nn.functional.mse_loss(model(x), y) / STEPS
            loss.backward()
        optimizer.step()


def quiet_long_sum() -> None:
    model, _, x, y = problem()
    for _ in range(STEPS):
        losses = [nn.functional.mse_loss(model(x), y) for _ in range(40)]
        sum(losses).backward()


def quiet_many_tasks() -> None:
    model, _, x, y = problem()
    shared = model(x)
    losses = [nn.functional.mse_loss(shared * i, y) for i in range(STEPS)]
    for loss in losses:
        loss.backward(retain_graph=True)


def quiet_shared_trunk() -> None:
    model, _, x, y = problem()
    shared = model(x)
    for i in range(STEPS):
        loss = nn.functional.mse_loss(shared * i, y)
        loss.backward(retain_graph=True)


def quiet_growing_sequences() -> None:
    cell = nn.Linear(5, 5)
    for length in range(1, STEPS):
        hidden = ag.zeros(2, 5)
        for _ in range(length):
            hidden = cell(hidden).tanh()
        loss = hidden.sum()
        loss.backward()


def quiet_inner_loop() -> None:
    """Differentiable updates, as in MAML: the chain is wanted."""
    w = ag.ones(3, requires_grad=True)
    fast = w
    for _ in range(STEPS):
        loss = (fast * fast).sum()
        (g,) = ag.autograd.grad(loss, fast, create_graph=True)
        fast = fast - 0.01 * g
    (fast * fast).sum().backward()


def quiet_rows_of_a_jacobian() -> None:
    x = ag.ones(STEPS, requires_grad=True)
    y = x * x
    for i in range(STEPS):
        ag.autograd.grad(y[i], x, retain_graph=True)


def quiet_leaf() -> None:
    x = ag.ones((), requires_grad=True)
    for _ in range(STEPS):
        x.backward()


QUIET = [value for name, value in list(globals().items()) if name.startswith("quiet_")]


@pytest.mark.parametrize("program", QUIET, ids=lambda program: program.__name__)
def test_no_false_alarm(program: Any) -> None:
    with ag.autograd.detect_anomaly():
        program()  # warnings are errors


def test_it_keeps_nothing_alive() -> None:
    model, _, x, y = problem()
    gc.collect()
    gc.disable()
    try:
        with ag.autograd.detect_anomaly():
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            end = weakref.ref(loss.grad_fn.passed)
            del loss
            assert end() is None
    finally:
        gc.enable()


def test_outside_of_anomaly_mode_nothing_is_watched() -> None:
    model, _, x, y = problem()
    total: Any = 0
    for _ in range(STEPS):
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        total += loss
    assert total.grad_fn.parents[1].passed is None
