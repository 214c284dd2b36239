"""Machine code: what a compiled function does natively is what it does uncompiled, and what it tells about itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan import PlanError
from autograd_core.plan.native.toolchain import ToolchainError
from autograd_core.tensor import Tensor

pytestmark = pytest.mark.native


def close(a: Tensor, b: Tensor) -> None:
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=2e-6)


def machine(compiled: Any) -> bool:
    return all(any(line.startswith("machine code") for line in plan.describe().splitlines()) for plan in compiled.plans) and bool(compiled.plans)


def trained(build: Callable[[], tuple[Any, Any, Callable[..., Any]]], batches: list[tuple[Tensor, ...]], **options: Any) -> tuple[list[float], list[Tensor], Any]:
    """The losses of a training run, the state after it, and the step."""
    ag.manual_seed(0)
    model, optimizer, loss_of = build()

    def step(*batch: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(model, *batch)
        loss.backward()
        optimizer.step()
        return loss

    run = ag.compile(step, **options) if options else step
    losses = [run(*batch).item() for batch in batches]
    state = [*model.state_dict().values(), *[p.grad for p in model.parameters()]]
    return losses, [x for x in state if isinstance(x, Tensor)], run


def data(*shapes: tuple[int, ...], classes: int = 0, count: int = 8) -> list[tuple[Tensor, ...]]:
    generator = np.random.default_rng(3)
    return [tuple([ag.from_numpy(generator.standard_normal(shape).astype(np.float32)) for shape in shapes]
                  + ([ag.from_numpy(generator.integers(0, classes, shapes[0][0]))] if classes else [])) for _ in range(count)]


def cross_entropy(model: Any, x: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(model(x), y)


def clipped(model: Any, x: Tensor, y: Tensor) -> Tensor:
    return (nn.functional.mse_loss(model(x), y) ** 2).mean()


MODELS: dict[str, Callable[[], tuple[Any, Any, Callable[..., Any]]]] = {
    "dropout": lambda: _model([nn.Linear(12, 40), nn.ReLU(), nn.Dropout(0.3), nn.Linear(40, 5)], optim.Adam, cross_entropy, lr=0.01),
    "batch norm": lambda: _model([nn.Linear(12, 40), nn.BatchNorm1d(40), nn.Tanh(), nn.Linear(40, 5)], optim.SGD, cross_entropy, lr=0.1, momentum=0.9),
    "layer norm": lambda: _model([nn.Linear(12, 40), nn.LayerNorm(40), nn.GELU(), nn.Linear(40, 5)], optim.AdamW, cross_entropy, lr=0.01),
    "sigmoid": lambda: _model([nn.Linear(12, 70), nn.Sigmoid(), nn.Linear(70, 5), nn.Softplus()], optim.RMSprop, cross_entropy, lr=0.01),
    "wide": lambda: _model([nn.Linear(12, 300), nn.SiLU(), nn.Linear(300, 300), nn.ReLU(), nn.Linear(300, 5)], optim.Adam, cross_entropy, lr=0.001),
}


def _model(layers: list[Any], kind: Any, loss: Callable[..., Any], **options: Any) -> tuple[Any, Any, Callable[..., Any]]:
    model = nn.Sequential(*layers)
    return model, kind(model.parameters(), **options), loss


@pytest.mark.parametrize("name", MODELS)
def test_models_train_as_uncompiled(name: str) -> None:
    batches = data((16, 12), classes=5)
    small = data((7, 12), classes=5, count=3)
    mixed = [*batches[:4], *small, *batches[4:]]
    expected_losses, expected, _ = trained(MODELS[name], mixed)
    losses, actual, step = trained(MODELS[name], mixed, backend="native")
    np.testing.assert_allclose(losses, expected_losses, rtol=2e-5)
    for a, b in zip(actual, expected, strict=True):
        close(a, b)
    assert machine(step)
    assert len(step.plans) == 2


def test_a_convolution_and_pools() -> None:
    def build() -> Any:
        return _model([nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(24, 5)],
                      optim.SGD, cross_entropy, lr=0.05, momentum=0.9)

    batches = data((6, 1, 12, 12), classes=5)
    expected_losses, expected, _ = trained(build, batches)
    losses, actual, _ = trained(build, batches, backend="native")
    np.testing.assert_allclose(losses, expected_losses, rtol=2e-5)
    for a, b in zip(actual, expected, strict=True):
        close(a, b)


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 1), ((2, 3), (1, 2))], ids=str)
def test_pools_with_equal_entries_and_nan(kernel: Any, stride: Any) -> None:
    w = ag.from_numpy(np.random.default_rng(0).integers(0, 4, (2, 3, 9, 11)).astype(np.float32)).requires_grad_()
    w.data[0, 0, 2, 3:5] = float("nan")

    def step() -> Tensor:
        w.grad = None
        y = nn.functional.max_pool2d(w * 1.0, kernel, stride)
        loss = (y * ag.arange(y.numel()).reshape(y.shape).float()).sum()
        loss.backward()
        return loss

    step()
    assert w.grad is not None
    expected = w.grad.numpy().copy()
    compiled = ag.compile(step, backend="native")
    for _ in range(3):
        compiled()
    np.testing.assert_array_equal(w.grad.numpy(), expected)


def test_clipping_and_several_optimizers() -> None:
    def run(**options: Any) -> list[Tensor]:
        ag.manual_seed(1)
        first, second = nn.Linear(6, 9), nn.Linear(9, 2)
        optimizers = [optim.SGD(first.parameters(), lr=0.3), optim.Adam(second.parameters(), lr=0.02)]

        def step(x: Tensor, y: Tensor) -> Tensor:
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss = nn.functional.mse_loss(second(ag.tanh(first(x))), y)
            loss.backward()
            nn.utils.clip_grad_norm_([*first.parameters(), *second.parameters()], 0.1)
            for optimizer in optimizers:
                optimizer.step()
            return loss

        compiled = ag.compile(step, **options) if options else step
        for i, batch in enumerate(data((10, 6), (10, 2))):
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] *= 0.9 if i == 5 else 1.0
            compiled(*batch)
        return [p.detach() for p in (*first.parameters(), *second.parameters())]

    for a, b in zip(run(backend="native"), run(), strict=True):
        close(a, b)


def test_gradients_add_up() -> None:
    def run(**options: Any) -> list[Tensor]:
        ag.manual_seed(1)
        model = nn.Linear(4, 3)

        def step(x: Tensor) -> Tensor:
            loss = (model(x) ** 2).sum()
            loss.backward()
            return loss

        compiled = ag.compile(step, **options) if options else step
        for (x,) in data((5, 4)):
            compiled(x)
        return [p.grad for p in model.parameters() if p.grad is not None]

    for a, b in zip(run(backend="native"), run(), strict=True):
        close(a, b)


FUNCTIONS: dict[str, Callable[[Tensor], Any]] = {
    "transposed": lambda x: (x.T @ x + 1.0).T * 2.0,
    "a view of a view": lambda x: (x[1:, ::2].T * 3.0)[::2] - 1.0,
    "turned around": lambda x: x.flip(0) * x[::1] + x.flip((0, 1)),
    "softmax over rows and columns": lambda x: (ag.softmax(x, dim=0) * ag.softmax(x, dim=-1)).sum(0),
    "several sums": lambda x: (x.sum(), x.sum(0), x.sum(1), x.amax(1), x.amin(0), x.prod(1)),
    "a row and its mean": lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-3),
    "whole numbers": lambda x: ((x * 10).long() + 3, x > 0, (x > 0) & (x < 1)),
    "double": lambda x: ag.exp(x.double()).sum(1) + ag.log1p(x.double().abs()).sum(1),
    "written parts": lambda x: _written(x),
    "numbers": lambda x: x.sum() * 2.0 + x.max() - x[0, 0],
    "repeated": lambda x: x[:, :1] * x[:1, :] + x.sum(1, keepdim=True),
    "joined": lambda x: ag.cat([x, x * 2.0, x[:1]], 0) - ag.stack([x, x]).sum(),
    "chosen": lambda x: ag.where(x > 0, x * 2.0, -1.0) + ag.clamp(x, -0.5, 0.5),
}


def _written(x: Tensor) -> Tensor:
    y = x * 1.0
    y[1:] += x[:-1]
    y[0] = 5.0
    y[:, 2].mul_(3.0)
    return y.add_(y.T[:1, :1])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", [(6, 6), (40, 40), (130, 130)], ids=str)
def test_functions_of_all_kinds(name: str, size: tuple[int, int]) -> None:
    function = FUNCTIONS[name]
    compiled = ag.compile(function, backend="native")
    for (x,) in data(size, count=5):
        for each in (x, x.T, x[:, :].detach()):
            actual, expected = compiled(each), function(each)
            for a, b in zip(actual if isinstance(actual, tuple) else [actual], expected if isinstance(expected, tuple) else [expected], strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5 * float(np.abs(b.numpy().astype(np.float64)).max(initial=1)))
    assert machine(compiled)


def test_arrays_that_lie_at_odd_addresses() -> None:
    raw = np.zeros(4 * 33 + 1, np.uint8)
    x = ag.from_numpy(np.frombuffer(raw.data, np.float32, 33, 1))
    x.copy_(ag.arange(33).float())
    compiled = ag.compile(lambda x: ag.tanh(x * 0.1) + x, backend="native")
    for _ in range(4):
        close(compiled(x), ag.tanh(x * 0.1) + x)


def test_memory_that_overlaps_is_noticed() -> None:
    def run(**options: Any) -> tuple[list[float], list[float]]:
        w = ag.zeros(8)

        def f(x: Tensor) -> Tensor:
            w.add_(x * 2.0)
            return (x + w).sum()

        compiled = ag.compile(f, **options) if options else f
        results = [compiled(ag.ones(8) * i).item() for i in range(4)] + [compiled(w).item() for _ in range(5)]
        return results, w.tolist()

    assert run(backend="native") == run()


def test_overlapping_captured_memory_is_numpys() -> None:
    base = ag.linspace(0.9, 1.1, 10)
    left, right = base[:8], base[2:]
    compiled = ag.compile(lambda: left.mul_(right).sum(), backend="native")
    expected = base.clone()
    for _ in range(6):
        expected[:8] *= expected[2:].clone()
        assert compiled().item() == pytest.approx(expected[:8].sum().item())
    assert "lies on other memory" in compiled.plan.describe()


def test_nothing_is_left_where_numbers_are_too_small() -> None:
    compiled = ag.compile(lambda x: x * 1e-30 * 1e-10, backend="native")
    for _ in range(3):
        assert compiled(ag.ones(40)).sum().item() in (0.0, pytest.approx(40 * 1e-40))
    assert compiled(ag.ones(40)).sum().item() == 0.0
    assert np.float32(1e-30) * np.float32(1e-10) != 0, "the mode of the processor is left as it was"


@pytest.mark.parametrize("backend", ["numpy", "native"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_targets_that_count_nothing_may_come_later(backend: str, reduction: str) -> None:
    w = ag.zeros(3, requires_grad=True)

    def f(x: Tensor, t: Tensor) -> Tensor:
        w.grad = None
        loss = nn.functional.cross_entropy(x + w, t, reduction=reduction)
        loss.backward()
        return loss

    compiled = ag.compile(f, backend=backend)
    x = ag.randn(4, 3)
    for targets in ([0, 1, 2, 0], [0, 1, 2, 1], [2, 1, 2, 2], [0, -100, 2, 2], [-100, -100, 1, -100], [-100] * 4):
        actual = compiled(x, ag.tensor(targets)), w.grad
        expected = f(x, ag.tensor(targets)), w.grad
        for a, b in zip(actual, expected, strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-7)
    with pytest.raises(IndexError, match=r"Target 3 is out of bounds for 3 classes.*recorded at"):
        compiled(x, ag.tensor([0, 1, 3, 0]))
    assert compiled(x, ag.tensor([0, 1, 2, 0])).item() == pytest.approx(f(x, ag.tensor([0, 1, 2, 0])).item())


def test_one_call_at_a_time() -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(x: Tensor) -> Tensor:
        inside.set()
        leave.wait(5)
        return x * 2.0

    compiled = ag.compile(slow, backend="native")
    thread = threading.Thread(target=compiled, args=(ag.ones(3),))
    thread.start()
    assert inside.wait(5)
    with pytest.raises(PlanError, match="was called while another call of it runs"):
        compiled(ag.ones(3))
    leave.set()
    thread.join()


def test_plans_side_by_side_in_threads() -> None:
    wrong: list[str] = []

    def work(factor: float) -> None:
        compiled = ag.compile(lambda x: (ag.tanh(x) * factor).sum(), backend="native")
        for i in range(40):
            x = ag.full((500,), 0.01 * i)
            if abs(compiled(x).item() - 500 * factor * np.tanh(0.01 * i)) > 1e-3 * factor:
                wrong.append(f"{factor} {i}")

    threads = [threading.Thread(target=work, args=(factor,)) for factor in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_constants_that_are_zero_of_either_sign() -> None:
    compiled = ag.compile(lambda x: x / ag.tensor([0.0, -0.0]), backend="native")
    with np.errstate(divide="ignore"):
        for _ in range(3):
            assert compiled(ag.ones(2)).tolist() == [np.inf, -np.inf]


def test_results_belong_to_the_caller() -> None:
    compiled = ag.compile(lambda x: (x + 1.0, (x * 2.0).sum()), backend="native")
    kept = [compiled(ag.full((4,), float(i))) for i in range(6)]
    assert [(a.tolist(), b.item()) for a, b in kept] == [([i + 1.0] * 4, 8.0 * i) for i in range(6)]


def test_it_says_what_it_is() -> None:
    compiled = ag.compile(lambda x: ag.tanh(x).sum())
    for _ in range(3):
        compiled(ag.ones(10))
    assert "2 of 2 calls, in 1 loops, 1 calls of C" in compiled.plan.describe()
    assert "ag_tanh_f(" in compiled.plan.source()
    other = ag.compile(lambda x: ag.tanh(x).sum(), exact=True)
    for _ in range(3):
        other(ag.ones(10))
    assert "back end         NumPy: exact=True" in other.plan.describe()


def test_exact_and_native_refuse_one_another() -> None:
    compiled = ag.compile(lambda x: x.sum(), backend="native", exact=True)
    with pytest.raises(ValueError, match=r"For every bit of the uncompiled function take backend='numpy' with exact=True"):
        compiled(ag.ones(3))


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(ToolchainError, match=r"backend='native' needs a C compiler: there is no C compiler: install gcc or clang.*backend='auto' uses NumPy"):
        ag.compile(lambda x: x, backend="native")
    compiled = ag.compile(lambda x: x * 2.0)
    for _ in range(3):
        assert compiled(ag.ones(2)).tolist() == [2.0, 2.0]
    assert "back end         NumPy: there is no C compiler" in compiled.plan.describe()


def test_a_compiler_that_fails_later_leaves_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ToolchainError("the C compiler gcc failed: no space left")

    monkeypatch.setattr("autograd_core.plan.native.backend.build", broken)
    compiled = ag.compile(lambda x: x * 3.0)
    for _ in range(6):
        assert compiled(ag.ones(2)).tolist() == [3.0, 3.0]
    assert "back end         NumPy: the C compiler gcc failed: no space left" in compiled.plan.describe()
    insisting = ag.compile(lambda x: x * 3.0, backend="native")
    insisting(ag.ones(2))
    with pytest.raises(ToolchainError, match="no space left"):
        insisting(ag.ones(2))


@pytest.mark.parametrize("derived", [False, True], ids=["alone", "with its gradient"])
@pytest.mark.parametrize(("dtype", "shape"), [(np.float32, (130, 10)), (np.float64, (5, 700)), (np.float32, (2, 17_000))], ids=str)
def test_cross_entropy_of_many_shapes(dtype: Any, shape: tuple[int, int], derived: bool) -> None:
    generator = np.random.default_rng(0)
    scores, target = generator.standard_normal(shape).astype(dtype) * 5, generator.integers(0, shape[1], shape[0])
    target[0] = -100 if shape[0] > 3 else target[0]
    x = ag.from_numpy(scores).requires_grad_(derived)

    def loss_of(y: Tensor) -> Tensor:
        x.grad = None
        loss = nn.functional.cross_entropy(x, y)
        if derived:
            loss.backward()
        return loss

    compiled = ag.compile(loss_of, backend="native")
    for _ in range(3):
        loss = compiled(ag.from_numpy(target)).item()
    exact = scores.astype(np.float64)
    logs = exact - exact.max(1, keepdims=True)
    logs -= np.log(np.exp(logs).sum(1, keepdims=True))
    counted = np.flatnonzero(target >= 0)
    tolerance = 1e-5 if dtype is np.float32 else 1e-13
    assert loss == pytest.approx(-logs[counted, target[counted]].mean(), rel=tolerance, abs=tolerance)
    if derived:
        expected = np.zeros(shape)
        expected[counted] = np.exp(logs[counted])
        expected[counted, target[counted]] -= 1
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), expected / len(counted), rtol=1e-4 if dtype is np.float32 else 1e-11, atol=tolerance)


@pytest.mark.parametrize("size", [16, 19], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_small_products_of_all_layouts(dtype: Any, size: int) -> None:
    generator = np.random.default_rng(0)
    left = generator.standard_normal((size + 3, size)).astype(dtype)
    rights = [generator.standard_normal((size, columns)).astype(dtype) for columns in (1, 2, 5, 8, 16, 20, 24)]
    given = [ag.from_numpy(order(x)) for x in (left, *rights) for order in (np.ascontiguousarray, np.asfortranarray)]
    compiled = ag.compile(lambda a, b, *others: tuple([each @ y for y in others for each in (a, b)]), backend="native")
    for _ in range(3):
        products = compiled(*given)
    for i, right in enumerate(rights):
        expected = left.astype(np.float64) @ right.astype(np.float64)
        for actual in products[4 * i : 4 * i + 4]:
            np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=size * 4 * np.finfo(dtype).eps)


def test_a_bad_label_names_the_recorded_line_beside_live_numbers() -> None:
    model = nn.Linear(4, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x: Tensor, y: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    compiled = ag.compile(step, backend="native")
    for _ in range(4):
        compiled(ag.ones(5, 4), ag.tensor([0, 1, 2, 0, 1]))
    with pytest.raises(IndexError, match=r"Target 7 is out of bounds for 3 classes.*recorded at .*test_native.py:\d+"):
        compiled(ag.ones(5, 4), ag.tensor([0, 1, 7, 0, 1]))


def test_gradients_that_python_writes_between_loops() -> None:
    """A call that writes in place gives no new array: the name of a gradient stays that of the plan."""
    p = ag.tensor([[1.0, -2.0, 3.0]], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)

    @ag.compile(backend="native")
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = (p * x).exp().sum()
        loss.backward()
        nn.utils.clip_grad_value_([p], 0.25)
        optimizer.step()
        return loss

    expected = p.detach().numpy().astype(np.float64)
    x = ag.tensor([[0.5, 0.25, -0.125]])
    for _ in range(5):
        wanted = np.exp(expected * x.numpy()).sum()
        assert np.isclose(step(x).item(), wanted, rtol=1e-5)
        expected -= 0.5 * np.clip(np.exp(expected * x.numpy()) * x.numpy(), -0.25, 0.25)
        assert np.allclose(p.detach().numpy(), expected, rtol=1e-5)


def test_a_product_of_one_number_in_a_batch_of_one() -> None:
    f = ag.compile(lambda a, b: (a @ b).exp(), backend="native")
    for i in range(4):
        a, b = ag.arange(3.0).reshape(1, 1, 3), ag.ones(1, 3, 1) * (i / 4)
        assert np.allclose(f(a, b).numpy(), np.exp(3 * i / 4), rtol=1e-5)
