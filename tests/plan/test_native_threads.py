"""Long loops on several threads: the same bits for any number of them, in forked processes and beside one another too."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan.native import threads
from autograd_core.plan.native.products import set_blas_threads
from autograd_core.tensor import Tensor

pytestmark = pytest.mark.native


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = ag.get_num_threads()
    yield
    ag.set_num_threads(before)


def rows(x: Tensor) -> Any:
    return ag.softmax(x, dim=-1), ag.relu(x).sum(1), x.amax(1)


def columns(x: Tensor) -> Any:
    return ag.tanh(x).sum(0), x.amin(0), ag.softmax(x, dim=0)


def numbers(x: Tensor) -> Any:
    return ag.tanh(x).sum(), x.amax(), x.exp().mean(), (x * x).amin()


def elements(x: Tensor) -> Any:
    return ag.where(x > 0, ag.sigmoid(x), x * 2.0), x.T * 3.0 + ag.exp(x).T, x[:, 1:] / (x[:, :-1].abs() + 1.0)


def derivatives(x: Tensor) -> Any:
    return ag.func.grad(lambda w: (ag.tanh(w * x + w) * ag.sigmoid(x)).sum())(x)


def written(x: Tensor) -> Any:
    y = x * 1.0
    y[1:] += ag.tanh(x[:-1])
    return y.mul_(0.5).add_(ag.sigmoid(x))


@pytest.mark.parametrize("shape", [(701, 509), (3, 150_001)], ids=str)
@pytest.mark.parametrize("function", [rows, columns, numbers, elements, derivatives, written], ids=lambda f: f.__name__)
def test_any_number_of_threads_gives_the_same_bits(function: Callable[[Tensor], Any], shape: tuple[int, int]) -> None:
    x = ag.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    found = {}
    compiled = ag.compile(function, backend="native")
    for n in (1, 2, 3, 7):
        ag.set_num_threads(n)
        for _ in range(3):
            results = compiled(x)
        found[n] = [each.detach().numpy().copy() for each in (results if isinstance(results, tuple) else (results,))]
    assert "each(k" in compiled.plan.source(), "there are loops that are cut into parts"
    expected = function(x)
    for i, each in enumerate(expected if isinstance(expected, tuple) else (expected,)):
        np.testing.assert_allclose(found[1][i], each.detach().numpy(), rtol=2e-5, atol=2e-6 * float(np.abs(each.detach().numpy()).max(initial=1)))
        for n in (2, 3, 7):
            np.testing.assert_array_equal(found[n][i], found[1][i])


def test_nan_in_any_part_wins() -> None:
    x = ag.zeros(500_000)
    compiled = ag.compile(lambda x: (ag.tanh(x).amax(), (x * 2.0 + ag.exp(x)).amin()), backend="native")
    ag.set_num_threads(2)
    for place in (0, 250_001, 499_999):
        x.zero_()
        x[place] = float("nan")
        for _ in range(3):
            assert all(bool(each.isnan()) for each in compiled(x))


def test_what_is_made_past_the_caches_is_whole() -> None:
    """Results of many megabytes, that begin and end within lines of the cache."""
    raw = np.random.default_rng(0).standard_normal(1_500_003).astype(np.float32)
    for start, end in ((0, 1_500_003), (1, 1_500_000), (7, 1_499_990)):
        x = ag.from_numpy(raw[start:end])
        compiled = ag.compile(lambda x: (x * 2.0, x + 1.0, x - 3.0, x * x, -x, (x * 0.5).sum()), backend="native")
        for _ in range(4):
            results = compiled(x)
        assert "past(" in compiled.plan.source()
        values = raw[start:end]
        for actual, expected in zip(results, (values * 2, values + 1, values - 3, values * values, -values), strict=False):
            np.testing.assert_array_equal(actual.numpy(), expected)
        assert results[-1].item() == pytest.approx(float((values.astype(np.float64) * 0.5).sum()), rel=1e-5, abs=1e-2)


def test_what_is_written_again_in_the_same_loop_is_not_made_past_the_caches() -> None:
    def written_again(x: Tensor) -> Any:
        y, z = x * 1.0, x + 1.0
        y.mul_(0.5).add_(x)
        z.sub_(y)
        return y, z, x * 2.0, x - 1.0

    x = ag.from_numpy(np.random.default_rng(0).standard_normal(2_000_003).astype(np.float32))
    compiled = ag.compile(written_again, backend="native")
    for _ in range(3):
        results = compiled(x)
    for actual, expected in zip(results, written_again(x), strict=True):
        np.testing.assert_array_equal(actual.numpy(), expected.numpy())


def test_a_training_step_with_long_loops() -> None:
    def trained(n: int, **options: Any) -> list[Any]:
        ag.manual_seed(0)
        model = nn.Sequential(nn.Linear(40, 5000), nn.ReLU(), nn.Linear(5000, 4))
        optimizer = optim.Adam(model.parameters(), lr=0.01)

        def step(x: Tensor, y: Tensor) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = ag.compile(step, **options) if options else step
        ag.set_num_threads(n)
        set_blas_threads(1)  # whose products may depend on how many there are
        for i in range(5):
            run(ag.ones(64, 40) * (0.1 * i) + ag.arange(40) * 0.01, ag.arange(64) % 4)
        return [p.detach().numpy().copy() for p in model.parameters()]

    one, two, eager = trained(1, backend="native"), trained(2, backend="native"), trained(1)
    for a, b, c in zip(one, two, eager, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-4)


def test_plans_beside_one_another() -> None:
    ag.set_num_threads(3)
    wrong: list[str] = []

    def work(factor: float) -> None:
        compiled = ag.compile(lambda x: (ag.tanh(x) * factor).sum(), backend="native")
        for i in range(60):
            got, wanted = compiled(ag.full((300_000,), 0.01 * i)).item(), 300_000 * factor * np.tanh(0.01 * i)
            if abs(got - wanted) > 1e-4 * 300_000 * factor:
                wrong.append(f"{factor} {i}: {got} for {wanted}")

    workers = [threading.Thread(target=work, args=(factor,)) for factor in (1.0, 2.0, 3.0)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_makes_threads_of_its_own() -> None:
    ag.set_num_threads(2)
    compiled = ag.compile(lambda x: ag.tanh(x).sum(), backend="native")
    x = ag.ones(400_000)
    results = [compiled(x).item() for _ in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some versions of Python warn of any fork in a process with threads
        child = os.fork()
    if not child:
        try:
            same = compiled(x).item() == results[-1]
            ag.set_num_threads(3)
            os._exit(0 if same and compiled(x).item() == results[-1] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert compiled(x).item() == results[-1]


def test_short_loops_are_not_cut() -> None:
    compiled = ag.compile(lambda x: ag.tanh(x).sum(), backend="native")
    for _ in range(3):
        compiled(ag.ones(10_000))
    assert "each(" not in compiled.plan.source().split("run0")[0]


def test_what_is_set_is_what_is_got() -> None:
    for n in (1, 4, 2):
        ag.set_num_threads(n)
        assert ag.get_num_threads() == n
    for wrong, text in ((0, "expects a positive integer, but got 0"), (-3, "expects a positive integer, but got -3"), (1.5, "expects an int, but got float"),
                        (True, "expects an int, but got bool"), (None, "expects an int, but got NoneType")):
        with pytest.raises(RuntimeError, match=text):
            ag.set_num_threads(wrong)
    assert ag.get_num_threads() == 2


def test_the_number_before_anybody_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, expected in (("3", 3), ("5,2", 5), (" 2 ", 2)):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert threads._default() == expected
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    for text in ("", "0", "many", "-1"):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert threads._default() == allowed


def test_without_a_pool_parts_run_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograd_core.plan.native.backend.pool", lambda: 0)
    compiled = ag.compile(lambda x: ag.tanh(x).sum(), backend="native")
    x = ag.linspace(-2, 2, 400_000)
    for _ in range(3):
        assert compiled(x).item() == pytest.approx(0.0, abs=0.05)
    assert "each(k" in compiled.plan.source()
