"""Every sample of every op on a ``cuda`` that allows only what CuPy allows, compared with ``cpu``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn.functional as F
import optim
from autograd_core import Tensor, autograd
from autograd_core.backend.cupy import CupyBackend
from autograd_core.backend.registry import backend_for_device, register_backend
from autograd_core.errors import DeviceError
from autograd_core.op import COMPOSITES

from ..registry.cases import GOOD, Case, arguments, call, flat, leaves, results, tensors
from .strict_backend import DEVICES, Array, HostReadError, NotInCupyError, StrictBackend, no_host_reads

READS = frozenset(("bag_table", "embedding_bag", "masked_select", "argwhere", "nonzero", "unique", "unique_of", "one_hot", "allclose", "equal", "repeat_interleave", "matrix_exp", "linalg_lstsq", "igamma", "igammac",
                   *(name for name in COMPOSITES if "_polynomial_" in name)))
"""Ops whose result's shape depends on values, whose result is a Python value, or that scale by values: they must read from the device."""


@pytest.fixture(autouse=True)
def _cuda() -> Iterator[None]:
    register_backend("cuda", StrictBackend)
    yield
    register_backend("cuda", CupyBackend)


def host(t: Tensor) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = t.detach().cpu().numpy()
    return array


def test_every_kernel_and_rule_uses_what_cupy_has_is_collected() -> None:
    assert len(GOOD) > 500


@pytest.mark.parametrize("case", [case for case in GOOD if getattr(case.declared, "kind", "") not in ("random", "update")], ids=str)
def test_on_the_device(case: Case) -> None:
    """On the second device too, for which nothing may be left that was remembered for the first."""
    values = arguments(case)
    others = tensors(case, values, grad=True)
    with np.errstate(all="ignore"):
        expected = results(call(case, others))
        pairs = [e for e in expected if isinstance(e, Tensor) and e.requires_grad and case.name != "to_device"]
        stream = np.random.default_rng(8)
        seeds = [np.asarray(stream.standard_normal(e.shape)).astype(host(e).dtype) for e in pairs]
        wanted = autograd.grad(pairs, leaves(others), [Tensor(seed) for seed in seeds], allow_unused=True) if pairs else ()
        for index in range(DEVICES):
            with backend_for_device("cuda").on(index):
                _check_on_device(case, f"cuda:{index}", values, expected, seeds, wanted)


def _check_on_device(case: Case, place: str, values: Any, expected: Any, seeds: Any, wanted: Any) -> None:
    reads = nullcontext if case.name in READS else no_host_reads
    mine = tensors(case, values, grad=True, convert=lambda value: ag.tensor(value, device=place))
    with reads():
        actual = results(call(case, mine, place=lambda each: each.to(place) if isinstance(each, Tensor) else each))
    for a, e in zip(actual, expected, strict=True):
        if isinstance(e, Tensor):
            if not any(isinstance(x, Tensor) for x in flat(mine)) or case.name == "to_device":
                continue
            assert a.device == place
            assert a.dtype is e.dtype
            np.testing.assert_allclose(host(a), host(e), rtol=1e-12, atol=1e-13)
        else:
            assert a == e
    pairs = [a for a, e in zip(actual, expected, strict=True) if isinstance(e, Tensor) and e.requires_grad]
    for create_graph in (True, False) if seeds else ():
        device_seeds = [ag.tensor(seed, device=place) for seed in seeds]
        with reads():
            found = autograd.grad(pairs, leaves(mine), device_seeds, allow_unused=True, retain_graph=True, create_graph=create_graph)
        for a, e in zip(found, wanted, strict=True):
            assert (a is None) == (e is None)
            if e is not None:
                assert isinstance(a._array, Array)
                np.testing.assert_allclose(host(a), host(e), rtol=1e-11, atol=1e-12)


def test_moving_is_differentiable() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True)
    y = x.cuda() * 3
    assert y.device == "cuda:0"
    assert y.is_cuda
    y.cpu().sum().backward()
    assert x.grad.device == "cpu"
    assert x.grad.tolist() == [3.0, 3.0]


def test_gradients_live_where_the_leaf_lives() -> None:
    x = ag.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.device == "cuda:0"
    assert x.grad.tolist() == [4.0, 8.0]


@pytest.mark.parametrize("use", [lambda a, b: a + b, lambda a, b: a @ b, lambda a, b: a.add_(b), lambda a, b: ag.cat([a, b]), lambda a, b: ag.where(a > 0, a, b)], ids=range(5))
def test_mixing_devices_names_both(use: Any) -> None:
    a, b = ag.ones(2, device="cuda"), ag.ones(2)
    for left, right in ((a, b), (b, a)):
        with pytest.raises(DeviceError, match="at least two devices, cpu and cuda:0"):
            use(left, right)


def test_a_message_names_operands_beside_one_that_is_left_out() -> None:
    with pytest.raises(DeviceError, match=r"input \(2, 3\) float32, bias \(3,\) float32 on cuda:0"):
        F.layer_norm(ag.ones(2, 3), (3,), None, ag.ones(3, device="cuda"))


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(RuntimeError, match="there is no device 'cuda:3'"):
        ag.ones(2, device="cuda:3")


def test_numpy_cannot_have_a_device_tensor() -> None:
    with pytest.raises(TypeError, match=r"Tensor\.cpu\(\)"):
        ag.ones(2, device="cuda").numpy()


def test_writes_and_views_on_the_device() -> None:
    x = ag.tensor([1.0, 2.0, 3.0], device="cuda", requires_grad=True)
    y = x * 1
    with no_host_reads():
        y[0].mul_(10.0)
        y[1:] += 1.0
        y[ag.tensor([2], device="cuda")] = 7.0
        y.sum().backward()
    assert y.tolist() == [10.0, 3.0, 7.0]
    assert x.grad.tolist() == [10.0, 1.0, 0.0]


def test_printing_and_reading() -> None:
    x = ag.tensor([[1.0, 2.0]], device="cuda")
    assert "cuda:0" in repr(x)
    assert x.sum().item() == 3.0
    assert float(x.sum()) == 3.0
    assert bool((x > 0).all())


# --- the fake itself ----------------------------------------------------------------------------------------------


def test_the_fake_refuses_what_cupy_lacks() -> None:
    backend = StrictBackend()
    xp, a = backend.xp, backend.asarray([1.0, 2.0])
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(a)
    with pytest.raises(TypeError):
        np.add(a, 1)
    for use in (lambda: a + np.ones(2), lambda: np.ones(2) + a, lambda: xp.add(a, np.ones(2)), lambda: xp.stack([a, np.ones(2)])):
        with pytest.raises(TypeError, match="cannot be mixed"):
            use()
    for missing in (lambda: xp.no_such_function, lambda: xp.errstate, lambda: a.no_such_method, lambda: backend.random(0).permutation):
        with pytest.raises(NotInCupyError):
            missing()
    for keyword in (lambda: xp.where(a > 0, a, a, out=a), lambda: xp.einsum("i->", a, out=a), lambda: xp.add(a, a, where=a > 0), lambda: a.sum(initial=0)):
        with pytest.raises(TypeError, match="takes no"):
            keyword()
    with no_host_reads():
        for read in (lambda: bool(a[0]), lambda: float(a[0]), lambda: int(a[0]), a[0].item, a.tolist):
            with pytest.raises(HostReadError):
                read()
    assert a[0].shape == ()
    assert isinstance(a[0], Array)
    assert isinstance(xp.sum(a), Array)
    view = a[0]
    view[...] = 5.0
    assert a.tolist() == [5.0, 2.0]


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_optimizers_stay_on_the_device(name: str) -> None:
    options: dict[str, Any] = {"SGD": {"momentum": 0.9, "nesterov": True}, "Adam": {"amsgrad": True}, "RMSprop": {"momentum": 0.5, "centered": True}}.get(name, {})
    found = {}
    for device in ("cuda", "cpu"):
        parameters = [ag.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=ag.float64, device=device, requires_grad=True), ag.tensor([0.5], dtype=ag.float64, device=device, requires_grad=True)]
        optimizer = getattr(optim, name)(parameters, lr=0.1, weight_decay=0.01, **options)
        with no_host_reads():
            for _ in range(3):
                optimizer.zero_grad()
                ((parameters[0] * parameters[1]) ** 2).sum().backward()
                optimizer.step()
        found[device] = [host(parameter) for parameter in parameters]
    for a, e in zip(found["cuda"], found["cpu"], strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12)


def test_a_profile_waits_for_the_device_and_reads_nothing_from_it() -> None:
    w = ag.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    backend: Any = backend_for_device("cuda")
    with ag.profile() as p, no_host_reads():
        ((w * w).exp()).sum().backward()
        optimizer.step()
    assert {(row.name, row.phase): row.calls for row in p.rows()} == {
        ("mul", "forward"): 1, ("exp", "forward"): 1, ("sum", "forward"): 1, ("backward", "backward"): 1, ("sum", "backward"): 1, ("exp", "backward"): 1,
        ("mul", "backward"): 1, ("sgd_update", "update"): 1}
    assert backend.waits == 7
    assert p.memory().peak >= 2 * 8


def test_a_network_trains_on_the_device() -> None:
    found = {}
    for device in ("cuda", "cpu"):
        generator = np.random.default_rng(0)
        weights = [ag.tensor(generator.standard_normal(shape), device=device, requires_grad=True) for shape in ((6, 4), (6,), (3, 6), (3,))]
        data, labels = ag.tensor(generator.standard_normal((8, 4)), device=device), ag.tensor(generator.integers(0, 3, 8), device=device)
        losses = []
        for _ in range(5):
            hidden = F.relu(F.linear(data, weights[0], weights[1]))
            loss = F.cross_entropy(F.linear(hidden, weights[2], weights[3]), labels)
            with no_host_reads():
                gradients = autograd.grad(loss, weights)
                with ag.no_grad():
                    for weight, gradient in zip(weights, gradients, strict=True):
                        weight.sub_(gradient, alpha=0.1)
            losses.append(loss.item())
        found[device] = losses
    assert found["cuda"] == pytest.approx(found["cpu"], rel=1e-12)
    assert found["cpu"][-1] < found["cpu"][0]
