"""What a backward pass does: accumulation, graph lifetime, ownership, several outputs, singular points, complex numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Tensor, autograd
from autograd_core.backend import numpy as numpy_backend
from autograd_core.config import record
from autograd_core.node import SPENT

from .leaves import scalar, vector


def nodes(root: Tensor) -> list[Any]:
    """Every node of a graph, the root's first."""
    found: list[Any] = []
    todo = [root.grad_fn]
    while todo:
        node = todo.pop()
        if node is not None and node not in found and not node.leaf:
            found.append(node)
            todo += node.parents
    return found


# --- the first example ---------------------------------------------------------------------------------------------


def test_the_classic_example() -> None:
    x, y, z = scalar(-2.0), scalar(5.0), scalar(-4.0)
    q = x + y
    f = q * z
    f.backward()
    assert (q.item(), f.item()) == (3.0, -12.0)
    assert [t.grad.item() for t in (x, y, z)] == [-4.0, -4.0, 3.0]
    assert (f.grad_fn.value, f.grad_fn.gradient, q.grad_fn.value, q.grad_fn.gradient) == (-12.0, 1.0, 3.0, -4.0)


def test_a_tensor_used_twice_gets_the_sum() -> None:
    x = scalar(3.0)
    (x * x + x).backward()
    assert x.grad.item() == 7.0


def test_diamonds_are_walked_once_per_node() -> None:
    x = scalar(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_record_keeps_values_and_gradients() -> None:
    x = vector(1.0, 2.0)
    with record():
        y = x * 3
        z = y.sum()
    z.backward()
    assert y.grad_fn.value.tolist() == [3.0, 6.0]
    assert y.grad_fn.gradient.tolist() == [1.0, 1.0]


# --- accumulation and lifetime -------------------------------------------------------------------------------------


def test_gradients_accumulate_over_calls() -> None:
    x = vector(1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (x * x).sum().backward()
    assert x.grad is first
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0])


def test_the_sum_of_parts_is_the_gradient_of_the_sum() -> None:
    x = vector(1.0, 2.0)
    autograd.backward([x.sum(), (x * 3).sum()])
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 4.0])


def test_backward_twice_needs_retain_graph() -> None:
    x = vector(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0])
    with pytest.raises(RuntimeError, match=r"backward through the graph a second time.*retain_graph=True"):
        y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0])


def test_a_graph_that_saved_nothing_can_be_walked_again() -> None:
    x = vector(1.0, 2.0)
    y = (x + x).sum()
    y.backward()
    y.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 4.0])


def test_backward_releases_what_was_saved() -> None:
    x = vector(1.0, 2.0)
    y = (x * x).exp().sum()
    y.backward()
    assert all(node.saved in (None, SPENT) for node in nodes(y))


def test_only_what_a_rule_names_is_saved() -> None:
    x, y = vector(1.0, 2.0), ag.tensor([3.0, 4.0], dtype=ag.float64)
    assert (x + y).grad_fn.saved is None
    saved = (x * y).grad_fn.saved
    assert saved[0] is None
    assert saved[1] is y._array
    out = x.exp()
    assert out.grad_fn.saved == (out._array,)
    assert (x * 2.0).grad_fn.saved[0] is None


def test_no_graph_without_need() -> None:
    x, y = ag.tensor([1.0]), vector(1.0)
    assert (x * x).grad_fn is None
    assert (x * y).grad_fn is not None
    assert (y > 0).grad_fn is None
    assert not (y > 0).requires_grad


def test_create_graph_gives_exact_second_derivatives() -> None:
    x = scalar(0.7)
    (d1,) = autograd.grad(x.sin() * x, x, create_graph=True)
    (d2,) = autograd.grad(d1, x, create_graph=True)
    (d3,) = autograd.grad(d2, x)
    assert d1.item() == pytest.approx(math.sin(0.7) + 0.7 * math.cos(0.7), rel=1e-14)
    assert d2.item() == pytest.approx(2 * math.cos(0.7) - 0.7 * math.sin(0.7), rel=1e-14)
    assert d3.item() == pytest.approx(-3 * math.sin(0.7) - 0.7 * math.cos(0.7), rel=1e-14)


def test_backward_with_create_graph_leaves_a_gradient_with_a_graph() -> None:
    x = scalar(2.0)
    (x * x * x).backward(create_graph=True)
    assert x.grad.requires_grad
    first = x.grad
    x.grad = None
    first.backward()
    assert x.grad.item() == 12.0


def test_create_graph_does_not_change_an_earlier_gradient_in_place() -> None:
    x = scalar(2.0)
    (x * x).backward()
    first = x.grad
    (x * x * x).backward(create_graph=True)
    assert first.item() == 4.0
    assert x.grad.item() == 16.0


def test_gradient_penalty() -> None:
    w = vector(1.0, -2.0)
    x = vector(0.5, 3.0)
    (g,) = autograd.grad((w * x * x).sum(), x, create_graph=True)
    (g * g).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 8 * np.array([1.0, -2.0]) * np.array([0.25, 9.0]))


# --- backward, grad and their arguments ----------------------------------------------------------------------------


def test_grad_returns_and_writes_nothing() -> None:
    x, y = vector(1.0, 2.0), vector(3.0, 4.0)
    gx, gy = autograd.grad((x * y).sum(), (x, y))
    np.testing.assert_array_equal(gx.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(gy.numpy(), [1.0, 2.0])
    assert x.grad is None
    assert y.grad is None


def test_grad_of_an_intermediate() -> None:
    x = vector(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    (gy,) = autograd.grad(z, y, retain_graph=True)
    np.testing.assert_array_equal(gy.numpy(), [4.0, 8.0])
    both = autograd.grad(z, (x, y))
    np.testing.assert_array_equal(both[0].numpy(), [8.0, 16.0])
    np.testing.assert_array_equal(both[1].numpy(), [4.0, 8.0])


def test_grad_of_the_output_itself() -> None:
    x = vector(1.0, 2.0)
    y = (x * x).sum()
    assert autograd.grad(y, y, retain_graph=True)[0].item() == 1.0
    assert autograd.grad(x, x, Tensor(np.array([5.0, 6.0])))[0].tolist() == [5.0, 6.0]


def test_unused_inputs() -> None:
    x, y = vector(1.0), vector(2.0)
    with pytest.raises(RuntimeError, match=r"not have been used in the graph.*allow_unused=True"):
        autograd.grad(x.sum(), (x, y))
    assert autograd.grad(x.sum(), (x, y), allow_unused=True)[1] is None
    assert autograd.grad(x.sum(), (x, y), materialize_grads=True)[1].tolist() == [0.0]


def test_cotangents() -> None:
    x = vector(1.0, 2.0)
    (x * x).backward(ag.tensor([10.0, 100.0], dtype=ag.float64))
    np.testing.assert_array_equal(x.grad.numpy(), [20.0, 400.0])
    one = vector(3.0)
    (one * one).backward()
    assert one.grad.tolist() == [6.0]


def test_inputs_limits_where_gradients_land() -> None:
    x, y = vector(1.0, 2.0), vector(3.0, 4.0)
    (x * y).sum().backward(inputs=[x])
    assert x.grad is not None
    assert y.grad is None


def test_inputs_keeps_the_gradient_of_a_result_as_retain_grad_does() -> None:
    x = vector(1.0, 2.0)
    h = x * 3
    loss = (h * h).sum()
    loss.backward(inputs=[h], retain_graph=True)
    loss.backward(inputs=[h])
    assert h.grad.tolist() == [12.0, 24.0]
    assert h.retains_grad
    assert x.grad is None


def test_retain_grad_follows_a_tensor_through_writes() -> None:
    x = vector(1.0, 2.0)
    h = x * 3
    part = h[:1]
    h.retain_grad()
    part.retain_grad()
    h.mul_(2)
    assert h.retains_grad
    (h * h).sum().backward(retain_graph=True)
    assert h.grad.tolist() == [12.0, 24.0]
    assert part.grad is None  # it is on no path to the result
    (part * 5).sum().backward()
    assert (h.grad.tolist(), part.grad.tolist()) == ([17.0, 24.0], [5.0])
    part.mul_(2)
    assert (h.grad.tolist(), part.grad.tolist()) == ([17.0, 24.0], [5.0])


def test_a_backward_pass_in_two_parts() -> None:
    x = vector(1.0, 2.0)
    h = x * x
    (g,) = autograd.grad((h * h).sum(), h)
    h.backward(g)  # the rule of h itself has not run, so what it saved is there
    assert x.grad.tolist() == [4.0, 32.0]
    h = x * x
    loss = (h * 3).sum()
    h.sum().backward()
    assert autograd.grad(loss, h)[0].tolist() == [3.0, 3.0]  # nor is what it saved asked for
    with pytest.raises(RuntimeError, match="second time"):
        autograd.grad((x * x * h).sum(), x)


def test_the_gradient_of_a_result_stays_when_it_is_detached() -> None:
    x = vector(1.0, 2.0)
    h = x * 3
    h.retain_grad()
    h.sum().backward()
    assert h.detach_().grad.tolist() == [1.0, 1.0]
    assert x.detach_().grad.tolist() == [3.0, 3.0]
    x.requires_grad_()
    (x * 2).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0]


def test_a_gradient_without_dimensions_has_memory_of_its_own() -> None:
    for result in (lambda x: x, lambda x: x + 0):
        x, seed = scalar(2.0), ag.tensor(1.0, dtype=ag.float64)
        seed.numpy()  # an array, which can be written
        result(x).backward(seed)
        shared = x.grad.numpy()
        result(x).backward(seed)
        x.grad.add_(1)
        assert shared == x.grad.item() == 3
        assert seed.item() == 1


@pytest.mark.parametrize("name", ["max", "min", "median", "mode"])
def test_picking_from_a_number_copies_it(name: str) -> None:
    x = ag.tensor(2.0)
    x.numpy()
    getattr(ag, name)(x, 0).values.add_(1)
    assert x.item() == 2


def test_watching_for_nan_by_public_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy without the two private functions that do it faster."""
    monkeypatch.setattr(numpy_backend.NumpyBackend, "quiet", staticmethod(numpy_backend._quiet_by_errstate))
    monkeypatch.setattr(numpy_backend.NumpyBackend, "loud", staticmethod(numpy_backend._loud_by_errstate))
    before = np.geterr()
    x = vector(0.0, 4.0)
    ag.where(x > 1, ag.sqrt(x), 0.0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]
    assert np.geterr() == before
    y = vector(math.nan)
    ag.sqrt(y).sum().backward()
    assert math.isnan(y.grad.item())


def test_backward_on_a_leaf() -> None:
    x = scalar(3.0)
    x.backward()
    assert x.grad.item() == 1.0


@pytest.mark.parametrize(("of", "given"), [("float32", "complex64"), ("complex64", "float32"), ("complex64", "complex128")])
def test_a_cotangent_of_complex_numbers_has_the_dtype_of_the_result(of: str, given: str) -> None:
    x = ag.ones(2, dtype=of, requires_grad=True)
    with pytest.raises(RuntimeError, match="required to have the same dtype"):
        (x * 2).backward(ag.ones(2, dtype=given))
    (x * 2).backward(ag.ones(2, dtype=of))
    assert x.grad.tolist() == [2, 2]


def test_backward_does_not_change_its_cotangent() -> None:
    x = vector(1.0, 2.0)
    seed = ag.tensor([1.0, 1.0], dtype=ag.float64)
    y = x + x
    y.backward(seed)
    y.backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [4.0, 4.0]


# --- what lands in a leaf ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", [
    lambda x: x.sum(), lambda x: (x + x).sum(), lambda x: x.T.exp().sum(), lambda x: x.reshape(6).sum(), lambda x: x * 1.0, lambda x: x,
    lambda x: x.sum(0, keepdim=True).expand(4, 3), lambda x: x[0] * 2, lambda x: x.transpose(0, 1),
], ids=range(9))
def test_a_leafs_gradient_is_its_own(use: Any) -> None:
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    twin = Tensor(np.ones((2, 3)), requires_grad=True)
    y = use(x) + use(twin)
    seed = Tensor(np.ones(y.shape))
    y.backward(seed)
    array = x.grad.array
    assert x.grad is x.grad
    assert array.shape == (2, 3)
    assert array.dtype == np.float64
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.base is None
    assert not any(np.shares_memory(array, other.array) for other in (twin.grad, seed, x, y.detach()))


def test_gradients_have_the_leafs_dtype() -> None:
    x = ag.tensor([1.0, 2.0], dtype=ag.float32, requires_grad=True)
    y = ag.tensor([1.0, 2.0], dtype=ag.float64, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.dtype is ag.float32
    assert y.grad.dtype is ag.float64


def test_broadcasting_is_undone() -> None:
    a, b, c = Tensor(np.ones((2, 1, 3)), requires_grad=True), Tensor(np.ones((4, 1)), requires_grad=True), scalar(1.0)
    (a * b * c).sum().backward()
    assert a.grad.shape == (2, 1, 3)
    assert b.grad.shape == (4, 1)
    assert (a.grad.array == 4).all()
    assert (b.grad.array == 6).all()
    assert c.grad.item() == 24.0


# --- several outputs -----------------------------------------------------------------------------------------------


def test_several_outputs_collect_their_cotangents() -> None:
    x = vector(3.0, 1.0, 2.0)
    values, indices = ag.sort(x)
    assert indices.tolist() == [1, 2, 0]
    assert not indices.requires_grad
    (values * ag.tensor([1.0, 10.0, 100.0], dtype=ag.float64)).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_named_results() -> None:
    found = ag.tensor([[1.0, 5.0], [7.0, 2.0]]).max(dim=1)
    assert found.values.tolist() == [5.0, 7.0]
    assert found.indices.tolist() == [1, 0]


def test_some_of_several_outputs() -> None:
    x = Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True)
    first, _, last = x.split(1)
    (first.sum() + 5 * last.sum()).backward()
    assert x.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [5.0, 5.0]]


# --- singular points -----------------------------------------------------------------------------------------------


SINGULAR = {
    "sqrt": (lambda x: x.sqrt(), 0.0), "rsqrt": (lambda x: x.rsqrt(), 0.0), "log": (lambda x: x.log(), 0.0), "log1p": (lambda x: x.log1p(), -1.0),
    "pow": (lambda x: x**-1, 0.0), "fraction": (lambda x: x**0.5, 0.0), "exponent": (lambda x: ag.pow(0.0 * x, x), 1.0), "div": (lambda x: 1 / x, 0.0),
    "zero over zero": (lambda x: x / x, 0.0), "norm": (lambda x: (x * x).sum().sqrt(), 0.0),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_a_masked_branch_does_no_harm(name: str) -> None:
    function, pole = SINGULAR[name]
    x = vector(pole)
    with np.errstate(all="ignore"):
        y = ag.where(x == x + 1, function(x), x * 2)
        y.sum().backward()
    assert x.grad.tolist() == [2.0]


@pytest.mark.parametrize(("function", "at", "expected"), [
    (lambda x: x.sqrt(), 0.0, math.inf), (lambda x: x.log(), 0.0, math.inf), (lambda x: x.relu(), 0.0, 0.0), (lambda x: x.abs(), 0.0, 0.0),
    (lambda x: ag.maximum(x, ag.zeros(1, dtype=ag.float64)), 0.0, 0.5), (lambda x: x**0, 0.0, 0.0), (lambda x: x**2, 0.0, 0.0), (lambda x: x**1, 0.0, 1.0),
    (lambda x: x.sign(), 0.0, 0.0), (lambda x: x.clamp(0.0, 1.0), 0.0, 1.0),
], ids=range(10))
def test_values_at_singular_points(function: Any, at: float, expected: float) -> None:
    x = vector(at)
    with np.errstate(all="ignore"):
        function(x).sum().backward()
    assert x.grad.tolist() == [expected]


def test_nan_stays_where_it_is_wanted() -> None:
    x = vector(-1.0)
    with np.errstate(all="ignore"):
        x.sqrt().sum().backward()
    assert math.isnan(x.grad.item())


# --- complex -------------------------------------------------------------------------------------------------------


def test_complex_gradients_point_uphill() -> None:
    z = Tensor(np.array([3.0 + 4.0j]), requires_grad=True)
    (z * z.conj()).real.sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [6.0 + 8.0j])


def test_a_real_input_among_complex_ones_gets_a_real_gradient() -> None:
    x = vector(2.0)
    z = Tensor(np.array([1.0 + 1.0j]), requires_grad=True)
    (x * z).abs().sum().backward()
    assert x.grad.dtype is ag.float64
    np.testing.assert_allclose(x.grad.numpy(), [math.sqrt(2)])
    np.testing.assert_allclose(z.grad.numpy(), [2 * (1 + 1j) / math.sqrt(2)])
