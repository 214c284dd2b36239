"""What must hold of the whole: no recursion, no growth, no cycles, one order, threads apart, a clean wheel."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Tensor

ROOT = Path(__file__).resolve().parents[1]
LONG = 1_000_000


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize("shape", [(), (1,)], ids=["0-d", "one element"])
def test_a_chain_of_a_million_operations(shape: tuple[int, ...]) -> None:
    x = Tensor(np.full(shape, 0.5), requires_grad=True)
    with no_collector():
        y = x
        for _ in range(LONG // 2):
            y = (y * 0.5) + 0.25
        node = y.grad_fn
        y.backward(None if not shape else Tensor(np.ones(shape)))
        assert x.grad is not None
        assert x.grad.item() == 0.0  # 0.5 to the power of half a million
        before = sys.getrefcount(node)
        del y
        assert sys.getrefcount(node) == before - 1
        del node


def test_a_long_chain_that_is_dropped_without_backward() -> None:
    x = Tensor(np.array(1.0), requires_grad=True)
    with no_collector():
        y = x
        for _ in range(LONG // 2):
            y = y * 1.0
        del y


def train(model: dict[str, Tensor], steps: int, stream: np.random.Generator) -> float:
    """Steps of gradient descent on a small network, with fresh data at each."""
    loss = 0.0
    for _ in range(steps):
        data = Tensor(stream.standard_normal((4, 3)))
        hidden = (data @ model["w"] + model["b"]).tanh()
        error = ((hidden @ model["v"] - 0.5) * (hidden @ model["v"] - 0.5)).sum()
        for parameter in model.values():
            parameter.grad = None
        error.backward()
        with ag.no_grad():
            for parameter in model.values():
                parameter.sub_(parameter.grad, alpha=0.01)
        loss = error.item()
    return loss


def network(seed: int) -> dict[str, Tensor]:
    stream = np.random.default_rng(seed)
    return {name: Tensor(stream.standard_normal(shape), requires_grad=True) for name, shape in (("w", (3, 5)), ("b", (5,)), ("v", (5, 1)))}


def test_training_does_not_grow_without_the_garbage_collector() -> None:
    model, stream = network(0), np.random.default_rng(1)
    with no_collector():
        tracemalloc.start()
        try:
            train(model, 4_000, stream)  # Python keeps up to 2,000 freed tuples of each size for later use
            objects, before = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
            train(model, 6_000, stream)
            after = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert len(gc.get_objects()) - objects < 50
        assert after - before < 20_000


@pytest.mark.parametrize("use", [
    lambda x: (x * x).sum().backward(),
    lambda x: (x * x).sum(),
    lambda x: ag.autograd.grad((x * x * x).sum(), x, create_graph=True)[0].sum().backward(),
    lambda x: (x[0] * 2 + x.reshape(-1)[1]).sum().backward(),
    lambda x: x.clone().add_(1.0)[0].mul_(3.0).sum().backward(),
    lambda x: x.sort().values.sum().backward(),
    lambda x: x.register_hook(lambda g: g).remove(),
    lambda x: (x * 2).retain_grad(),
    lambda x: ag.cat([x, x]).softmax(0).sum().backward(),
    lambda x: x.sum().backward(create_graph=False, retain_graph=True),
], ids=range(10))
def test_a_graph_is_no_cyclic_garbage(use: Any) -> None:
    x = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    use(x)
    with no_collector():
        use(x)
        x.grad = None
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            assert [type(each) for each in gc.garbage] == []
        finally:
            gc.set_debug(0)
            gc.garbage.clear()


ORDER = """
import autograd_core as ag
order = []
leaves = {name: ag.tensor(float(i + 1), requires_grad=True) for i, name in enumerate("abcdefgh")}
for name, leaf in leaves.items():
    leaf.register_hook(lambda g, name=name: order.append((name, g.item())))
total = sum(leaf.sin() * other for leaf in leaves.values() for other in leaves.values())
middle = [total * leaf for leaf in leaves.values()]
for i, each in enumerate(middle):
    each.register_hook(lambda g, i=i: order.append(i))
sum(middle).backward()
print(order, [leaf.grad.item().hex() for leaf in leaves.values()])
"""


def test_the_order_does_not_depend_on_hashes() -> None:
    printed = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        printed.add(subprocess.run([sys.executable, "-c", ORDER], capture_output=True, text=True, check=True, env=environment).stdout)
    assert len(printed) == 1


def test_two_threads_train_as_one_after_the_other() -> None:
    expected = [train(network(seed), 300, np.random.default_rng(seed)) for seed in (0, 1)]
    found: dict[int, float] = {}

    def work(seed: int) -> None:
        found[seed] = train(network(seed), 300, np.random.default_rng(seed))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[0], found[1]] == expected


def test_generators_of_two_threads_do_not_mix() -> None:
    def draw(seed: int) -> list[float]:
        generator = ag.Generator().manual_seed(seed)
        return [ag.randn(3, generator=generator).sum().item() for _ in range(300)]

    expected = [draw(0), draw(1)]
    found: dict[int, list[float]] = {}
    threads = [threading.Thread(target=lambda seed=seed: found.__setitem__(seed, draw(seed))) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[0], found[1]] == expected


def test_the_generated_code_is_current() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "docs" / "make_methods.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_the_four_packages_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for entry in ROOT.iterdir():
        if entry.name.startswith(".") or entry.name in ("build", "out", "dist") or entry.suffix == ".egg-info":
            continue
        if entry.is_dir():
            shutil.copytree(entry, source / entry.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy2(entry, source / entry.name)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--disable-pip-version-check", "--wheel-dir", str(tmp_path), str(source)],
                   check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"autograd_core", "nn", "optim", "viz"}
    modules = {path.relative_to(ROOT).as_posix() for package in ("autograd_core", "nn", "optim", "viz") for path in (ROOT / package).rglob("*.py")}
    assert modules <= set(names)
    assert {"autograd_core/py.typed", "viz/step_through.html"} <= set(names)
