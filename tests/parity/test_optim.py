"""Optimizers and schedulers give PyTorch's numbers: trajectories and state to 1e-9 in float64, learning rates exactly."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import optim
from autograd_core import Tensor
from optim import lr_scheduler

torch = pytest.importorskip("torch")

SHAPES = [(2, 3), (3,), (), (3, 20000), (1,), (0,), (4, 5)]


def combinations(**options: list[Any]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*options.values()):
        yield dict(zip(options, values, strict=True))


CASES = [
    *[("SGD", o) for o in combinations(lr=[0.01], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], nesterov=[False, True], maximize=[False, True])
      if not o["nesterov"] or (o["momentum"] and not o["dampening"])],
    *[("Adam", o) for o in combinations(lr=[0.01], betas=[(0.9, 0.999), (0.0, 0.5)], eps=[1e-8, 1e-3], weight_decay=[0, 0.1], amsgrad=[False, True],
                                        maximize=[False, True], decoupled_weight_decay=[False, True])],
    *[("AdamW", o) for o in combinations(lr=[0.01, 0.0], weight_decay=[0, 0.1], amsgrad=[False, True], maximize=[False, True])],
    *[("RMSprop", o) for o in combinations(lr=[0.01], alpha=[0.9], weight_decay=[0, 0.1], momentum=[0, 0.9], centered=[False, True], maximize=[False, True])],
    *[("Adagrad", o) for o in combinations(lr=[0.05], lr_decay=[0, 0.01], weight_decay=[0, 0.1], initial_accumulator_value=[0, 0.5], maximize=[False, True])],
]


def twins(rng: Any, dtype: Any = np.float64, shapes: Any = SHAPES) -> tuple[list[Tensor], list[Any]]:
    starts = [np.asarray(rng.standard_normal(shape), dtype) for shape in shapes]
    return [Tensor(start.copy(), requires_grad=True) for start in starts], [torch.tensor(start, requires_grad=True) for start in starts]


def give_gradients(rng: Any, ours: list[Tensor], theirs: list[Any], skip: Any = lambda i: False) -> None:
    for i, (x, y) in enumerate(zip(ours, theirs, strict=True)):
        if skip(i):
            x.grad = y.grad = None
        else:
            gradient = np.asarray(rng.standard_normal(tuple(y.shape)), x.detach().numpy().dtype)
            x.grad, y.grad = Tensor(gradient), torch.tensor(gradient)


def assert_same(ours: list[Tensor], theirs: list[Any], bound: float = 1e-9) -> None:
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=bound, atol=bound)


def assert_same_state(ours: Any, theirs: Any, bound: float = 1e-9) -> None:
    mine, other = ours.state_dict(), theirs.state_dict()
    assert set(mine["state"]) == set(other["state"])
    for number, entry in other["state"].items():
        assert list(mine["state"][number]) == list(entry)
        for name, value in entry.items():
            np.testing.assert_allclose(mine["state"][number][name].numpy(), value.numpy(), rtol=bound, atol=bound)
    assert mine["param_groups"] == other["param_groups"]
    assert [list(group) for group in mine["param_groups"]] == [list(group) for group in other["param_groups"]]


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: value if isinstance(value, str) else ",".join(f"{v}" for v in value.values()))
def test_trajectory(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    ours, theirs = twins(rng)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for step in range(55):
        # one parameter gets its first gradient late, and each lacks one now and then
        give_gradients(rng, ours, theirs, lambda i, step=step: (i == 1 and step < 5) or (step > 3 and (step + i) % 7 == 3))
        a.step()
        b.step()
    assert_same(ours, theirs)
    assert_same_state(a, b)


@pytest.mark.parametrize(("name", "options"), [
    ("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True}), ("AdamW", {}), ("RMSprop", {"centered": True}), ("Adagrad", {})])
def test_float32_and_complex(name: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(1)
    for dtype, bound in ((np.float32, 2e-5), (np.complex128, 1e-9)):
        ours, theirs = twins(rng, dtype, [(3, 4), (2,)])
        if dtype is np.complex128:
            for x, y in zip(ours, theirs, strict=True):
                extra = rng.standard_normal(tuple(y.shape)) * 1j
                x.data, y.data = Tensor(x.detach().numpy() + extra), torch.tensor(y.detach().numpy() + extra)
        a, b = getattr(optim, name)(ours, lr=0.01, **options), getattr(torch.optim, name)(theirs, lr=0.01, **options)
        for _ in range(50):
            give_gradients(rng, ours, theirs)
            if dtype is np.complex128:
                for x, y in zip(ours, theirs, strict=True):
                    turned = x.grad.numpy() * (1 + 0.3j)
                    x.grad, y.grad = Tensor(turned), torch.tensor(turned)
            a.step()
            b.step()
        assert_same(ours, theirs, bound)


def test_float16_keeps_its_state_in_float16() -> None:
    rng = np.random.default_rng(2)
    ours, theirs = twins(rng, np.float16, [(3, 4)])
    a, b = optim.SGD(ours, lr=0.01, momentum=0.9), torch.optim.SGD(theirs, lr=0.01, momentum=0.9)
    for _ in range(20):
        give_gradients(rng, ours, theirs)
        a.step()
        b.step()
    assert a.state[ours[0]]["momentum_buffer"].dtype == "float16"
    assert_same(ours, theirs, 2e-2)


def test_groups_and_changing_learning_rates() -> None:
    rng = np.random.default_rng(3)
    ours, theirs = twins(rng)
    a = optim.Adam([{"params": ours[:3]}, {"params": ours[3:], "lr": 0.1, "weight_decay": 0.2}], lr=0.01)
    b = torch.optim.Adam([{"params": theirs[:3]}, {"params": theirs[3:], "lr": 0.1, "weight_decay": 0.2}], lr=0.01)
    for step in range(60):
        give_gradients(rng, ours, theirs)
        for optimizer in (a, b):
            optimizer.param_groups[0]["lr"] = 0.01 / (step + 1)
            optimizer.step()
    assert_same(ours, theirs)
    assert_same_state(a, b)


@pytest.mark.parametrize(("name", "options"), [
    ("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"amsgrad": True}), ("RMSprop", {"momentum": 0.5, "centered": True}),
    ("Adagrad", {"initial_accumulator_value": 0.1})])
def test_state_dicts_cross_over(name: str, options: dict[str, Any]) -> None:
    """A PyTorch state continues here, and ours continues there."""
    rng = np.random.default_rng(4)
    ours, theirs = twins(rng)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for _ in range(3):
        give_gradients(rng, ours, theirs)
        a.step()
        b.step()
    to_ours = b.state_dict()
    to_ours["state"] = {n: {k: Tensor(v.numpy().copy()) for k, v in entry.items()} for n, entry in to_ours["state"].items()}
    to_theirs = a.state_dict()
    to_theirs["state"] = {n: {k: torch.tensor(v.numpy()) for k, v in entry.items()} for n, entry in to_theirs["state"].items()}
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    a.load_state_dict(to_ours)
    b.load_state_dict(to_theirs)
    for _ in range(50):
        give_gradients(rng, ours, theirs)
        a.step()
        b.step()
    assert_same(ours, theirs)
    assert_same_state(a, b)


def test_named_parameters() -> None:
    rng = np.random.default_rng(5)
    ours, theirs = twins(rng, shapes=[(2,), (3,)])
    a, b = optim.SGD(zip("ab", ours, strict=True), lr=0.1), torch.optim.SGD(zip("ab", theirs, strict=True), lr=0.1)
    assert a.state_dict() == b.state_dict()
    assert repr(a) == repr(b)


@pytest.mark.parametrize("wrong", [
    lambda o, x: o.SGD([], lr=0.1),
    lambda o, x: o.SGD(x, lr=0.1),
    lambda o, x: o.SGD([1.0], lr=0.1),
    lambda o, x: o.SGD([x * 2], lr=0.1),
    lambda o, x: o.SGD({x}, lr=0.1),
    lambda o, x: o.SGD([{"params": [x]}, {"params": [x]}], lr=0.1),
    lambda o, x: o.SGD([{"params": {x}}], lr=0.1),
    lambda o, x: o.SGD([x], lr=-1.0),
    lambda o, x: o.SGD([x], lr=0.1, nesterov=True),
    lambda o, x: o.SGD([x], lr=0.1, momentum=-1),
    lambda o, x: o.Adam([x], betas=(1.0, 0.9)),
    lambda o, x: o.Adam([x], betas=(0.5, -0.1)),
    lambda o, x: o.Adam([x], eps=-1),
    lambda o, x: o.AdamW([x], weight_decay=-1),
    lambda o, x: o.RMSprop([x], alpha=-1),
    lambda o, x: o.Adagrad([x], lr_decay=-1),
    lambda o, x: o.Adagrad([x], initial_accumulator_value=-1),
    lambda o, x: o.SGD([x]).add_param_group([x]),
    lambda o, x: o.SGD([x]).load_state_dict({"state": {}, "param_groups": []}),
    lambda o, x: o.SGD([x]).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]}),
    lambda o, x: o.SGD([("x", x), x.detach()]),
    lambda o, x: o.SGD([x]).add_param_group({"params": [("x", x.detach())]}),
    lambda o, x: o.SGD([x]).load_state_dict({}),
])
def test_refusals_have_the_same_type(wrong: Any) -> None:
    raised = []
    for library, x in ((optim, Tensor([1.0], requires_grad=True)), (torch.optim, torch.tensor([1.0], requires_grad=True))):
        try:
            wrong(library, x)
        except Exception as error:
            raised.append(type(error))
        else:
            raised.append(None)
    assert raised[0] is raised[1]


SCHEDULERS = {
    "step": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 11], gamma=0.3),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 7, eta_min=0.001),
    "cosine to zero": lambda s, o: s.CosineAnnealingLR(o, 10),
    "lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda epoch: 1 / (1 + epoch), lambda epoch: epoch // 3]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 0.9),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.3, total_iters=4),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.2, end_factor=0.7, total_iters=6),
    "sequential": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, total_iters=4), s.CosineAnnealingLR(o, 10), s.ExponentialLR(o, 0.5)], [4, 12]),
}


def _pair() -> tuple[Any, Any]:
    made = []
    for library, tensor in ((optim, Tensor), (torch.optim, torch.Tensor)):
        x, y = tensor([1.0]), tensor([2.0])
        made.append(library.SGD([{"params": [x.requires_grad_()]}, {"params": [y.requires_grad_()], "lr": 0.25}], lr=0.1))
    return made[0], made[1]


@pytest.mark.parametrize("make", SCHEDULERS.values(), ids=list(SCHEDULERS))
def test_schedules_are_equal(make: Any) -> None:
    a, b = _pair()
    ours, theirs = make(lr_scheduler, a), make(torch.optim.lr_scheduler, b)
    sequences: tuple[list[Any], list[Any]] = ([], [])
    for optimizer, scheduler, sequence in ((a, ours, sequences[0]), (b, theirs, sequences[1])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's SequentialLR warns about itself
            for _ in range(40):
                optimizer.step()
                scheduler.step()
                sequence.append((scheduler.get_last_lr(), [group["lr"] for group in optimizer.param_groups], scheduler.last_epoch))
    assert sequences[0] == sequences[1]


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name not in ("sequential", "multiplicative")])
def test_closed_forms_are_equal(name: str) -> None:
    a, b = _pair()
    ours, theirs = SCHEDULERS[name](lr_scheduler, a), SCHEDULERS[name](torch.optim.lr_scheduler, b)
    a.step()
    b.step()
    for epoch in (3, 12, 7, 0):
        for scheduler in (ours, theirs):
            with pytest.warns(UserWarning, match="epoch parameter"):
                scheduler.step(epoch)
        assert ours.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-15)


@pytest.mark.parametrize("options", [
    {}, {"mode": "max", "patience": 1, "cooldown": 2}, {"threshold": 0.1, "threshold_mode": "abs", "patience": 0, "min_lr": [0.01, 0.02]}])
def test_plateaus_are_equal(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(6)
    a, b = _pair()
    ours, theirs = lr_scheduler.ReduceLROnPlateau(a, **options), torch.optim.lr_scheduler.ReduceLROnPlateau(b, **options)
    for value in np.round(rng.standard_normal(80), 1).tolist():
        ours.step(value)
        theirs.step(value)
        assert ours.get_last_lr() == theirs.get_last_lr()
