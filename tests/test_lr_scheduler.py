"""Learning-rate schedules against their formulas, and what surrounds them."""

from __future__ import annotations

import copy
import math
import warnings
from pathlib import Path
from typing import Any

import pytest

import autograd_core as ag
import optim
from autograd_core import Tensor
from optim import lr_scheduler


def _stepped(make: Any, epochs: int, lr: float = 1.0) -> list[float]:
    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=lr)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(epochs):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    return rates


@pytest.mark.parametrize(("make", "rate"), [
    (lambda o: lr_scheduler.StepLR(o, 4, 0.5), lambda e: 0.5 ** (e // 4)),
    (lambda o: lr_scheduler.MultiStepLR(o, [3, 3, 8], 0.1), lambda e: 0.1 ** ((e >= 3) * 2 + (e >= 8))),
    (lambda o: lr_scheduler.ExponentialLR(o, 0.8), lambda e: 0.8**e),
    (lambda o: lr_scheduler.CosineAnnealingLR(o, 6, 0.1), lambda e: 0.1 + 0.45 * (1 + math.cos(math.pi * e / 6))),
    (lambda o: lr_scheduler.LambdaLR(o, lambda e: 1 / (1 + e)), lambda e: 1 / (1 + e)),
    (lambda o: lr_scheduler.MultiplicativeLR(o, lambda e: 0.5), lambda e: 0.5**e),
    (lambda o: lr_scheduler.ConstantLR(o, 0.5, 3), lambda e: 0.5 if e < 3 else 1.0),
    (lambda o: lr_scheduler.LinearLR(o, 0.5, 1.0, 5), lambda e: 0.5 + 0.1 * min(e, 5)),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o, 0.5, 9), lr_scheduler.ExponentialLR(o, 0.8)], [4]),
     lambda e: 0.5 if e < 4 else 0.8 ** (e - 4)),
])
def test_schedules_follow_their_formulas(make: Any, rate: Any) -> None:
    assert _stepped(make, 15) == pytest.approx([rate(e) for e in range(16)], rel=1e-12, abs=1e-15)


def test_plateau() -> None:
    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, min_lr=0.2)
    rates = []
    for loss in (3.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        scheduler.step(ag.tensor(loss))
        rates.append(scheduler.get_last_lr()[0])
    assert rates == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]
    for wrong, match in (({"factor": 1.0}, "Factor"), ({"mode": "best"}, "mode best"), ({"threshold_mode": "x"}, "threshold mode"),
                         ({"min_lr": [1, 2]}, "expected 1 min_lrs")):
        with pytest.raises(ValueError, match=match):
            lr_scheduler.ReduceLROnPlateau(optimizer, **wrong)


def test_a_scheduler_before_the_optimizer_warns_once() -> None:
    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match=r"before `optimizer\.step\(\)`"):
        scheduler.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()


def test_schedulers_resume() -> None:
    def make(o: Any) -> Any:
        return lr_scheduler.SequentialLR(o, [lr_scheduler.LinearLR(o, total_iters=4), lr_scheduler.MultiStepLR(o, [2, 4], 0.5)], [5])

    through = _stepped(make, 12)
    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    for _ in range(6):
        optimizer.step()
        scheduler.step()
    saved = copy.deepcopy((optimizer.state_dict(), scheduler.state_dict()))
    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    optimizer.load_state_dict(saved[0])
    scheduler.load_state_dict(saved[1])
    optimizer.step()
    rates = []
    for _ in range(6):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    assert rates == through[7:]


def test_scheduler_state_can_be_saved(tmp_path: Path) -> None:
    class Halve:
        def __init__(self) -> None:
            self.by = 0.5

        def __call__(self, epoch: int) -> float:
            return self.by**epoch

    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    first = lr_scheduler.LambdaLR(optimizer, Halve())
    first.lr_lambdas[0].by = 0.25  # type: ignore[attr-defined]
    ag.save([first.state_dict(), lr_scheduler.MultiStepLR(optimizer, [1, 2]).state_dict()], tmp_path / "state")
    second, third = lr_scheduler.LambdaLR(optimizer, Halve()), lr_scheduler.MultiStepLR(optimizer, [7])
    states = ag.load(tmp_path / "state")
    second.load_state_dict(states[0])
    third.load_state_dict(states[1])
    assert second.lr_lambdas[0].by == 0.25  # type: ignore[attr-defined]
    assert dict(third.milestones) == {1: 1, 2: 1}


def test_scheduler_refusals() -> None:
    optimizer = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    other = optim.SGD([Tensor([1.0], requires_grad=True)], lr=1.0)
    step = lr_scheduler.StepLR
    for wrong, error, match in [
        (lambda: step(3, 2), TypeError, "int is not an Optimizer"),
        (lambda: step(optimizer, 2, last_epoch=4), KeyError, "initial_lr"),
        (lambda: lr_scheduler.LambdaLR(optimizer, [abs, abs]), ValueError, "Expected 1 lr_lambdas, but got 2"),
        (lambda: lr_scheduler.LambdaLR(optimizer, [3]), TypeError, "should be a function"),
        (lambda: lr_scheduler.ConstantLR(optimizer, 2.0), ValueError, "between 0 and 1"),
        (lambda: lr_scheduler.LinearLR(optimizer, 0.0), ValueError, "greater than 0"),
        (lambda: lr_scheduler.LinearLR(optimizer, 0.5, 2.0), ValueError, "between 0 and 1"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [], []), ValueError, "at least one"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [3], []), TypeError, "not a scheduler"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [lr_scheduler.ReduceLROnPlateau(optimizer)], []), ValueError, "does not support"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [step(other, 2)], []), ValueError, "belongs to another"),
        (lambda: lr_scheduler.SequentialLR(optimizer, [step(other, 2)], []), ValueError, "same optimizer"),
        (lambda: lr_scheduler.SequentialLR(other, [step(other, 2)], [3]), ValueError, "milestone"),
    ]:
        with pytest.raises(error, match=match):
            wrong()
