"""Optimizers: their rules against textbook formulas, and what surrounds the rules."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from autograd_core import Tensor
from autograd_core.backend.cupy import CupyBackend
from autograd_core.backend.registry import backend_for_device, register_backend
from autograd_core.config import MODE
from autograd_core.op import REGISTRY
from optim import lr_scheduler, packed
from tests.fakes.strict_backend import StrictBackend, no_host_reads

SHAPES = [(2, 3), (3,), (), (1,), (0,), (4, 30)]
RULES: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1},
    "Adam": {"lr": 0.05, "betas": (0.8, 0.95), "weight_decay": 0.1, "amsgrad": True},
    "AdamW": {"lr": 0.05, "weight_decay": 0.1},
    "RMSprop": {"lr": 0.05, "alpha": 0.9, "momentum": 0.5, "centered": True},
    "Adagrad": {"lr": 0.05, "lr_decay": 0.1, "initial_accumulator_value": 0.3},
}


def textbook(name: str, p: float, gradients: list[float], o: dict[str, Any]) -> float:
    """One number's way under a rule, written as the papers write it, with the defaults given by the classes' docs."""
    b = m = v = top = average = 0.0
    total = o.get("initial_accumulator_value", 0.0)
    for t, given in enumerate(gradients, start=1):
        decay = o.get("weight_decay", 0.01 if name == "AdamW" else 0.0)
        g = -given if o.get("maximize") else given
        p, g = (p - o["lr"] * decay * p, g) if name == "AdamW" else (p, g + decay * p)
        if name == "SGD":
            b = g if t == 1 else o.get("momentum", 0) * b + (1 - o.get("dampening", 0)) * g
            step = g + o.get("momentum", 0) * b if o.get("nesterov") else b
            p -= o["lr"] * step
        elif name in ("Adam", "AdamW"):
            beta1, beta2 = o.get("betas", (0.9, 0.999))
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g * g
            top = max(top, v)
            second = (top if o.get("amsgrad") else v) / (1 - beta2**t)
            p -= o["lr"] * (m / (1 - beta1**t)) / (math.sqrt(second) + 1e-8)
        elif name == "RMSprop":
            alpha = o.get("alpha", 0.99)
            v = alpha * v + (1 - alpha) * g * g
            average = alpha * average + (1 - alpha) * g
            scale = math.sqrt(v - average * average if o.get("centered") else v) + 1e-8
            b = o.get("momentum", 0) * b + g / scale
            p -= o["lr"] * b
        else:
            total += g * g
            p -= o["lr"] / (1 + (t - 1) * o.get("lr_decay", 0)) * g / (math.sqrt(total) + 1e-10)
    return p


def parameters(stream: Any, shapes: Any = SHAPES, dtype: Any = np.float64) -> list[Tensor]:
    return [Tensor(np.asarray(stream.standard_normal(shape), dtype), requires_grad=True) for shape in shapes]


def give(stream: Any, params: list[Tensor]) -> list[Any]:
    gradients = [np.asarray(stream.standard_normal(tuple(p.shape)), p.detach().numpy().dtype) for p in params]
    for p, g in zip(params, gradients, strict=True):
        p.grad = Tensor(g)
    return gradients


def values(params: list[Tensor]) -> list[Any]:
    return [p.detach().numpy().copy() for p in params]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_rules_follow_the_textbook(stream: Any, name: str, maximize: bool, plain: bool) -> None:
    options = {"lr": 0.05, "maximize": maximize} if plain else {**RULES[name], "maximize": maximize}
    params = parameters(stream)
    start = values(params)
    optimizer = getattr(optim, name)(params, **options)
    history = []
    for _ in range(12):
        history.append(give(stream, params))
        optimizer.step()
    for i, (before, after) in enumerate(zip(start, values(params), strict=True)):
        for index in np.ndindex(before.shape):
            way = [float(gradients[i][index]) for gradients in history]
            assert after[index] == pytest.approx(textbook(name, float(before[index]), way, options), rel=1e-11, abs=1e-12)


def test_nesterov(stream: Any) -> None:
    options = {"lr": 0.1, "momentum": 0.7, "nesterov": True}
    (p,) = params = parameters(stream, [()])
    start = p.item()
    optimizer = optim.SGD(params, **options)
    way = []
    for _ in range(9):
        way.append(float(give(stream, params)[0]))
        optimizer.step()
    assert p.item() == pytest.approx(textbook("SGD", start, way, options), rel=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("block", [1, 7, 64, 1 << 40])
def test_packing_changes_nothing(stream: Any, monkeypatch: pytest.MonkeyPatch, name: str, block: int) -> None:
    """Whether parameters share a call, have their own or are cut into blocks is not seen in the numbers."""
    results = []
    for size in (block, 32768):
        monkeypatch.setattr(packed, "BLOCK", size)
        rng = np.random.default_rng(3)
        params = parameters(rng)
        optimizer = getattr(optim, name)(params, **RULES[name])
        for step in range(6):
            give(rng, params)
            if step % 2:
                params[step % 5].grad = None
            optimizer.step()
        results.append((values(params), optimizer.state_dict()["state"]))
    for a, b in zip(results[0][0], results[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    for number, entry in results[1][1].items():
        for key, value in entry.items():
            np.testing.assert_array_equal(results[0][1][number][key].numpy(), value.numpy())


def test_parameters_keep_identity_memory_and_dtype(stream: Any) -> None:
    base = Tensor(stream.standard_normal((3, 4)).astype(np.float32))
    transposed = Tensor(base.numpy().T)
    transposed.data = base.T
    params = [p.requires_grad_() for p in (base, transposed.detach(), Tensor(np.float32(2.0)))]
    params[1].data = Tensor(np.asfortranarray(stream.standard_normal((3, 5)).astype(np.float32)))
    memory = [p.data.numpy() for p in params]
    optimizer = optim.AdamW(params, lr=np.float64(0.1), weight_decay=np.float64(0.1))
    for _ in range(3):
        give(stream, params)
        optimizer.step()
    for p, array in zip(params, memory, strict=True):
        assert p.dtype is ag.float32
        np.testing.assert_array_equal(p.detach().numpy(), array)
        assert np.shares_memory(p.data.numpy(), array)
    assert all(optimizer.state[p]["exp_avg"].dtype is ag.float32 for p in params)


def test_state_is_live_and_may_be_replaced(stream: Any) -> None:
    params = parameters(stream, [(3,), (2,)])
    optimizer = optim.SGD(params, lr=1.0, momentum=0.5)
    for p in params:
        p.grad = ag.ones_like(p)
    optimizer.step()
    optimizer.state[params[0]]["momentum_buffer"].zero_()
    optimizer.state[params[1]]["momentum_buffer"] = Tensor(np.full(2, 4.0))
    before = values(params)
    optimizer.step()
    np.testing.assert_allclose(before[0] - values(params)[0], 1.0)
    np.testing.assert_allclose(before[1] - values(params)[1], 3.0)
    assert optimizer.state[params[1]]["momentum_buffer"].tolist() == [3.0, 3.0]


def test_step_counts_may_differ_and_be_changed(stream: Any) -> None:
    params = parameters(stream, [(3,), (2,)])
    optimizer = optim.Adam(params)
    give(stream, params)
    optimizer.step()
    optimizer.step()
    params[0].grad = None
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in params] == [2.0, 3.0]
    optimizer.state[params[1]]["step"].fill_(7.0)
    optimizer.step()
    assert [optimizer.state[p]["step"].item() for p in params] == [2.0, 8.0]


def test_replaced_memory_and_changed_dtype_are_followed(stream: Any) -> None:
    (p,) = params = parameters(stream, [(3,)], np.float32)
    optimizer = optim.SGD(params, lr=1.0, momentum=0.5)
    p.grad = ag.ones_like(p)
    optimizer.step()
    p.data = Tensor(np.zeros(3))
    p.grad = ag.ones_like(p)
    optimizer.step()
    assert p.dtype is ag.float64
    assert p.tolist() == [-1.5, -1.5, -1.5]


def test_momentum_switched_on_later(stream: Any) -> None:
    (p,) = params = parameters(stream, [(1,)])
    optimizer = optim.SGD(params, lr=1.0)
    p.grad = ag.ones_like(p)
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}
    optimizer.param_groups[0]["momentum"] = 0.5
    before = p.item()
    optimizer.step()
    optimizer.step()
    assert before - p.item() == pytest.approx(2.5)


def test_backward_after_a_step_reports_the_write(stream: Any) -> None:
    for shape in ((3,), ()):
        x, w = parameters(stream, [shape, shape])
        optimizer = optim.Adam([w])
        (x * w).sum().backward()
        optimizer.step()
        loss = (x * w).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*adam_update_"):
            loss.backward()


def test_a_recorder_sees_each_update(stream: Any) -> None:
    params = parameters(stream, [(3,), (2,)])
    optimizer = optim.RMSprop(params)
    give(stream, params)
    seen = []
    token = MODE.set(MODE.get().replace(recorder=lambda op, inputs, attrs, result: seen.append((op.name, len(inputs), attrs["count"], result))))
    try:
        optimizer.step()
    finally:
        MODE.reset(token)
    assert seen == [("rmsprop_update", 6, 2, None)]


def test_updates_are_in_no_graph_and_gradients_may_have_one(stream: Any) -> None:
    (w,) = parameters(stream, [(3,)])
    (w * w * w).sum().backward(create_graph=True)
    assert w.grad is not None
    assert w.grad.requires_grad
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.step()
    assert w.is_leaf
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0.0, 0.0, 0.0]
    assert not w.grad.requires_grad


def test_zero_grad(stream: Any) -> None:
    params = parameters(stream, [(3,), ()])
    optimizer = optim.SGD(params)
    give(stream, params)
    kept = params[0].grad
    optimizer.zero_grad(set_to_none=False)
    assert params[0].grad is kept
    assert kept is not None
    assert kept.tolist() == [0.0] * 3
    assert params[1].grad.item() == 0.0
    optimizer.zero_grad()
    assert params[0].grad is None
    optimizer.step()


def test_closure(stream: Any) -> None:
    (w,) = parameters(stream, [(3,)])
    optimizer = optim.SGD([w], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with ag.no_grad():
        losses = [optimizer.step(closure).item() for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_infinite_gradients_warn_of_nothing(stream: Any) -> None:
    params = parameters(stream, [(2,)], np.float32)
    for name, options in RULES.items():
        params[0].grad = Tensor(np.array([np.inf, 1e30], np.float32))
        getattr(optim, name)(params, **options).step()


def test_small_learning_rates(stream: Any) -> None:
    for lr in (0.0, 1e-30, 1e-15):
        (p,) = params = parameters(stream, [(4,)], np.float32)
        before = values(params)[0]
        optimizer = optim.Adam(params, lr=lr)
        give(stream, params)
        optimizer.step()
        np.testing.assert_allclose(p.detach().numpy(), before, rtol=1e-6)


def test_lr_as_tensor(stream: Any) -> None:
    (p,) = params = parameters(stream, [(2,)])
    before = values(params)[0]
    p.grad = ag.ones_like(p)
    optim.SGD(params, lr=ag.tensor(0.5)).step()
    np.testing.assert_allclose(p.detach().numpy(), before - 0.5)


@pytest.mark.parametrize("name", RULES)
def test_save_and_resume(stream: Any, tmp_path: Path, name: str) -> None:
    """Training continues from a file as if it had never stopped."""
    gradients = [[stream.standard_normal(shape) for shape in SHAPES] for _ in range(8)]
    start = [stream.standard_normal(shape) for shape in SHAPES]

    def train(params: list[Tensor], optimizer: Any, part: list[Any]) -> None:
        for each in part:
            for p, g in zip(params, each, strict=True):
                p.grad = Tensor(np.asarray(g))
            optimizer.step()

    through = [Tensor(np.array(s), requires_grad=True) for s in start]
    train(through, getattr(optim, name)(through, **RULES[name]), gradients)
    first = [Tensor(np.array(s), requires_grad=True) for s in start]
    optimizer = getattr(optim, name)(first, **RULES[name])
    train(first, optimizer, gradients[:4])
    ag.save({"optimizer": optimizer.state_dict(), "parameters": first}, tmp_path / "checkpoint")
    state = ag.load(tmp_path / "checkpoint")
    second = state["parameters"]
    resumed = getattr(optim, name)(second, lr=77.0)
    resumed.load_state_dict(state["optimizer"])
    train(second, resumed, gradients[4:])
    for a, b in zip(values(through), values(second), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_are_complete_and_independent(stream: Any, duplicate: Any) -> None:
    params = parameters(stream)
    optimizer = optim.Adam(params, lr=0.1)
    give(stream, params)
    optimizer.step()
    twin = duplicate(optimizer)
    others = twin.param_groups[0]["params"]
    gradients = give(stream, params)
    before = values(others)
    optimizer.step()
    for a, b in zip(values(others), before, strict=True):
        np.testing.assert_array_equal(a, b)
    for p, g in zip(others, gradients, strict=True):
        p.grad = Tensor(g)
    twin.step()
    for a, b in zip(values(params), values(others), strict=True):
        np.testing.assert_array_equal(a, b)


def test_loading_a_wrong_state_changes_nothing(stream: Any) -> None:
    params, others = parameters(stream, [(3,), (2,)]), parameters(stream, [(3,), (5,)])
    optimizer, other = optim.Adam(params), optim.Adam(others, lr=9.0)
    for o, ps in ((optimizer, params), (other, others)):
        give(stream, ps)
        o.step()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ValueError, match=r"'exp_avg' of shape \(5,\) for parameter 1, whose shape is \(2,\)"):
        optimizer.load_state_dict(other.state_dict())
    with pytest.raises(ValueError, match="different number of parameter groups"):
        optimizer.load_state_dict({"state": {}, "param_groups": []})
    with pytest.raises(ValueError, match="doesn't match the size"):
        optimizer.load_state_dict({"state": {}, "param_groups": [{"params": [0]}]})
    with pytest.raises(KeyError, match="param_groups"):
        optimizer.load_state_dict({"state": {}})
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert all((after["state"][n][k] == v).all() for n, entry in before["state"].items() for k, v in entry.items())


def test_a_loaded_state_is_a_copy_in_the_parameters_dtype(stream: Any) -> None:
    (p,) = params = parameters(stream, [(3,)], np.float32)
    optimizer = optim.Adam(params)
    state = {"step": ag.tensor(4.0), "exp_avg": Tensor(np.ones(3)), "exp_avg_sq": Tensor(np.ones(3))}
    source = {"state": {0: state}, "param_groups": [{"params": [0], "lr": 0.5}]}
    optimizer.load_state_dict(source)
    assert optimizer.state[p]["exp_avg"].dtype is ag.float32
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
    give(stream, params)
    optimizer.step()
    assert state["exp_avg"].tolist() == [1.0] * 3
    assert state["step"].item() == 4.0
    assert optimizer.state[p]["step"].item() == 5.0


def test_refusals(stream: Any) -> None:
    (w,) = parameters(stream, [(3,)])
    for wrong, error, match in [
        (lambda: optim.SGD([]), ValueError, "empty parameter list"),
        (lambda: optim.SGD(w), TypeError, "iterable of Tensors or dicts"),
        (lambda: optim.SGD(lambda: [w]), TypeError, r"model\.parameters\(\)"),
        (lambda: optim.SGD([3.0]), TypeError, "can only optimize Tensors"),
        (lambda: optim.SGD([w * 2]), ValueError, r"can't optimize a non-leaf Tensor.*\(3,\)"),
        (lambda: optim.SGD([w, w]), ValueError, "duplicate parameters"),
        (lambda: optim.SGD([{"params": [w]}, {"params": [w]}]), ValueError, "more than one parameter group"),
        (lambda: optim.SGD([{"params": {w}}]), TypeError, "ordered collections"),
        (lambda: optim.SGD([("w", w), w.detach()]), ValueError, "Some param names are missing"),
        (lambda: optim.SGD([("w", w)]).add_param_group({"params": [w.detach()]}), ValueError, "without names"),
        (lambda: optim.SGD([w]).add_param_group([w]), TypeError, "must be a dict"),
        (lambda: optim.SGD([w], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda: optim.SGD([w], lr=math.nan), ValueError, "Invalid learning rate: nan"),
        (lambda: optim.SGD([w], nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda: optim.Adam([w], betas=(0.9, 1.0)), ValueError, "Invalid beta parameter at index 1"),
        (lambda: optim.Adam([w], differentiable=True), NotImplementedError, "create_graph"),
        (lambda: optim.Optimizer([w], {}).step(), NotImplementedError, "does not define step"),
    ]:
        with pytest.raises(error, match=match):
            wrong()


def test_memory_that_cannot_be_updated_is_refused() -> None:
    array = np.ones(3)
    fixed = ag.from_numpy(array)
    array.flags.writeable = False
    for p in (ag.ones(1).expand(3).detach(), fixed):
        p.requires_grad_()
        p.grad = ag.ones_like(p)
        with pytest.raises(RuntimeError, match="cannot be updated in place"):
            optim.SGD([p]).step()


def test_an_optimizer_of_ones_own(stream: Any) -> None:
    class Sign(optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> None:
            with ag.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p.sub_(group["lr"] * p.grad.sign())

    (w,) = parameters(stream, [(3,)])
    optimizer = Sign([w])
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    calls = []
    handle = optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("before"))
    optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append("after"))
    before = values([w])[0]
    w.grad = ag.ones_like(w)
    optimizer.step()
    scheduler.step()
    np.testing.assert_allclose(values([w])[0], before - 0.1)
    assert scheduler.get_last_lr() == [0.05]
    handle.remove()
    optimizer.step()
    assert calls == ["before", "after", "after"]


@pytest.fixture
def fake_cuda() -> Iterator[Any]:
    register_backend("cuda", StrictBackend)
    yield backend_for_device("cuda")
    register_backend("cuda", CupyBackend)


def test_updates_run_on_a_device(fake_cuda: Any) -> None:
    """With the strict stand-in for CuPy: no host reads, no mixing, nothing that CuPy lacks; and the same numbers."""
    for name, options in RULES.items():
        ran = []
        for device in ("cpu", "cuda"):
            rng = np.random.default_rng(5)
            params = [Tensor(rng.standard_normal(shape)).to(device).detach().requires_grad_() for shape in SHAPES if shape]
            optimizer = getattr(optim, name)(params, **RULES[name])
            for step in range(4):
                for i, p in enumerate(params):
                    p.grad = None if step == 2 and i == 1 else Tensor(rng.standard_normal(tuple(p.shape))).to(device)
                with no_host_reads():
                    optimizer.step()
            ran.append([p.detach().cpu().numpy() for p in params])
            assert all(value.device == device for value in (optimizer.state[params[0]][key] for key in optimizer.state[params[0]] if key != "step"))
        for a, b in zip(*ran, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14, err_msg=f"{name} {options}")


def test_the_kernels_run_on_a_device(fake_cuda: Any) -> None:
    """All options that the rules have there."""
    numbers = np.random.default_rng(1)
    shapes = [(2, 3), (3,), ()]
    attributes = {
        "sgd_update": (1, {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1, "nesterov": False, "maximize": True, "first": False}),
        "adam_update": (3, {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1, "decoupled": True, "amsgrad": True, "maximize": False}),
        "rmsprop_update": (3, {"lr": 0.1, "alpha": 0.9, "eps": 1e-8, "weight_decay": 0.1, "momentum": 0.9, "centered": True, "maximize": False}),
        "adagrad_update": (1, {"lr": 0.1, "lr_decay": 0.1, "eps": 1e-10, "weight_decay": 0.1, "maximize": False}),
    }
    for name, (states, attrs) in attributes.items():
        op = REGISTRY[name]
        parts = [numbers.uniform(0.5, 1.0, shape) for shape in shapes]
        host = [*(np.ones(10) for _ in range(states)), *parts, *(numbers.uniform(0.5, 1.0, shape) for shape in shapes)]
        device = [fake_cuda.asarray(array.copy()) for array in host]
        counts = [] if name == "sgd_update" else [np.full(3, 4.0, np.float32)]
        with no_host_reads():
            op.kernels[device[-1].__class__](*[c.copy() for c in counts], *device, **attrs, count=3, block=1 << 40)
        op.kernels[np.ndarray](*counts, *host, **attrs, count=3, block=16)
        for a, b in zip(device, host, strict=True):
            np.testing.assert_allclose(fake_cuda.to_numpy(a), b, rtol=1e-14)
