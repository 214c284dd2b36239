"""Whole training steps as plans on a device: the numbers of the CPU, calls of CuPy into memory of its pool, nothing read in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.backend.cupy import CupyBackend
from autograd_core.backend.registry import backend_for_device, register_backend
from autograd_core.errors import DeviceError
from autograd_core.plan import PlanError

from ..fakes.strict_backend import Array, StrictBackend, no_host_reads

STEPS = 6


@pytest.fixture(autouse=True)
def _cuda() -> Iterator[None]:
    register_backend("cuda", StrictBackend)
    yield
    register_backend("cuda", CupyBackend)


class Attention(nn.Module):
    """One head of attention with layer norm and a residual connection."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.project, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        q, k, v = self.project(self.norm(x)).chunk(3, dim=-1)
        return self.out((x + ag.softmax(q @ k.transpose(-1, -2) * 8**-0.5, dim=-1) @ v).mean(1))


MODELS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "mlp": (lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), (5, 6)),
    "normalised": (lambda: nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 3)), (5, 6)),
    "cnn": (lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)), (5, 1, 6, 6)),
    "attention": (Attention, (5, 4, 8)),
}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01), "adam": lambda p: optim.AdamW(p, lr=0.01), "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
}


def trained(device: str, make: Callable[[], Any], shape: tuple[int, ...], optimizer: Callable[[Any], Any], **options: Any) -> tuple[list[Any], Any]:
    """Losses, then weights, buffers and gradients after some steps; and the compiled step."""
    ag.manual_seed(3)
    model = make().double()
    model.to(device)
    rule = optimizer(model.parameters())
    stream = np.random.default_rng(0)
    batches = [(ag.tensor(stream.standard_normal(shape), device=device), ag.tensor(stream.integers(0, 3, shape[0]), device=device)) for _ in range(STEPS)]

    @ag.compile(**options)
    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rule.step()
        return loss

    losses = [step(*batch) for batch in batches[:2]]
    for batch in batches[2:]:
        rule.param_groups[0]["lr"] *= 0.9
        with no_host_reads():
            losses.append(step(*batch))
    found = [*losses, *model.parameters(), *model.buffers(), *[p.grad for p in model.parameters()]]
    assert all(t.device.type == device for t in found)
    return [t.detach().cpu().numpy() for t in found], step


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("exact", [False, True])
def test_a_training_step_computes_what_the_cpu_does(name: str, rule: str, exact: bool) -> None:
    actual, _ = trained("cuda", *MODELS[name], OPTIMIZERS[rule], exact=exact)
    expected, _ = trained("cpu", *MODELS[name], OPTIMIZERS[rule], exact=True, backend="numpy")
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-9, atol=1e-11)


def test_the_plan_calls_cupy_in_its_own_memory_and_says_so() -> None:
    _, step = trained("cuda", *MODELS["mlp"], OPTIMIZERS["adam"])
    plan = step.plan
    assert "device           cuda:0: " in plan.describe()
    assert "no graph capture" in plan.describe()
    assert plan.layout.nbytes > 0
    xp = backend_for_device("cuda").xp
    own = plan.program.globals
    assert all(isinstance(own[plan.program.names[value]], Array) for value in plan.layout.place)
    assert own["dot"] is xp.dot
    assert "maximum(" in plan.source()


def test_gradients_that_somebody_holds_are_theirs() -> None:
    w = ag.tensor([1.0, 2.0], device="cuda", requires_grad=True)

    @ag.compile
    def step(x: Any) -> Any:
        w.grad = None
        (w * x).sum().backward()

    kept = []
    for k in range(5):
        step(ag.tensor([1.0, 2.0], device="cuda") * k)
        kept.append(w.grad[:1])
    assert [g.tolist() for g in kept] == [[float(k)] for k in range(5)]


def test_dropout_draws_what_eager_draws() -> None:
    x = ag.ones(4, 50, device="cuda")
    drop = nn.Dropout(0.5)
    ag.cuda.manual_seed_all(1)
    ag.manual_seed(1)
    expected = [drop(x).tolist() for _ in range(4)]
    compiled = ag.compile(drop)
    ag.cuda.manual_seed_all(1)
    ag.manual_seed(1)
    actual = [compiled(x) for _ in range(4)]
    assert [found.tolist() for found in actual] == expected


def test_data_that_comes_from_the_cpu_inside_the_step() -> None:
    w = ag.tensor([1.0, 2.0, 3.0], device="cuda", requires_grad=True)

    @ag.compile
    def step(x: Any) -> Any:
        w.grad = None
        loss = (ag.exp(x * 2.0).cuda() * w).sum()
        loss.backward()
        return loss

    for k in range(4):
        x = ag.tensor([0.1, 0.2, 0.3]) * k
        expected = np.exp(2 * x.numpy().astype(float))
        np.testing.assert_allclose(step(x).item(), (expected * [1, 2, 3]).sum(), rtol=1e-6)
        np.testing.assert_allclose(w.grad.cpu().numpy(), expected, rtol=1e-6)


def test_a_plan_runs_on_one_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrictBackend, "device_index", lambda self, array: 1 if array.size == 3 else 0)
    compiled = ag.compile(lambda x, y: (x * 2.0, y * 2.0))
    x, y = ag.ones(2, device="cuda"), ag.ones(3, device="cuda")
    compiled(x, y)
    with pytest.raises(PlanError, match="a plan runs on one device, and this function uses memory on cuda:0 and cuda:1"):
        compiled(x, y)


def test_machine_code_is_for_the_processor_alone() -> None:
    compiled = ag.compile(lambda x: (x * 2.0).exp(), backend="auto")
    x = ag.tensor([0.0, 0.5], device="cuda")
    for _ in range(3):
        np.testing.assert_allclose(compiled(x).cpu().numpy(), np.exp([0.0, 1.0]), rtol=1e-6)
    assert "calls of CuPy" in compiled.plan.describe()


def test_a_kernel_that_fails_in_a_replay_names_the_line() -> None:
    compiled = ag.compile(lambda x, i: (x * 2.0)[i])
    x = ag.ones(3, device="cuda")
    for _ in range(3):
        compiled(x, ag.tensor([0, 1], device="cuda"))
    with pytest.raises(IndexError, match=r"recorded at .*test_cuda_interface.py"):
        compiled(x, ag.tensor([0, 7], device="cuda"))


def test_reading_a_value_is_refused_on_a_device_too() -> None:
    compiled = ag.compile(lambda x: x * float(x.sum().item()))
    with pytest.raises(PlanError, match=r"item"):
        compiled(ag.ones(2, device="cuda"))


def test_without_a_gpu_the_error_says_what_is_missing() -> None:
    register_backend("cuda", CupyBackend)
    if ag.cuda.is_available():
        assert ag.compile(lambda: ag.ones(2, device="cuda") * 2)().tolist() == [2.0, 2.0]
        return
    with pytest.raises(DeviceError, match=r"the device 'cuda' is not available: .*Tensors work on 'cpu' meanwhile"):
        ag.compile(lambda: ag.ones(2, device="cuda") * 2)()
