"""Hooks of tensors, and gradients that results keep."""

from __future__ import annotations

from typing import Any

import pytest

from .leaves import scalar, vector


def test_hooks_see_and_replace_gradients() -> None:
    seen: list[Any] = []
    x = vector(1.0, 2.0)
    y = x * 3
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append(g.tolist()))
    y.sum().backward()
    assert seen == [[1.0, 1.0], [30.0, 30.0]]
    assert x.grad.tolist() == [30.0, 30.0]


def test_a_leaf_hook_runs_once_on_the_whole_gradient() -> None:
    seen: list[Any] = []
    x = scalar(2.0)
    x.register_hook(lambda g: seen.append(g.item()))
    (x * x + 5 * x).backward()
    assert seen == [9.0]


def test_hooks_can_be_removed() -> None:
    x = scalar(2.0)
    handle = x.register_hook(lambda g: g * 100)
    handle.remove()
    handle.remove()
    (x * 3).backward()
    assert x.grad.item() == 3.0


def test_post_accumulate_hook() -> None:
    seen: list[Any] = []
    x = scalar(2.0)
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.item())))
    (x * 3).backward()
    (x * 4).backward()
    assert seen == [(True, 3.0), (True, 7.0)]


def test_retain_grad() -> None:
    x = vector(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    assert y.grad.tolist() == [4.0, 8.0]
    assert x.grad.tolist() == [8.0, 16.0]


def test_grad_of_a_result_that_does_not_retain_it_warns() -> None:
    y = vector(1.0) * 2
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert y.grad is None


def test_hooks_run_in_the_reverse_order_of_the_forward_pass() -> None:
    order: list[str] = []
    x = scalar(1.0)
    parts = {name: x * float(i + 1) for i, name in enumerate("abc")}
    for name, part in parts.items():
        part.register_hook(lambda g, name=name: order.append(name))
    (parts["c"] + parts["a"] + parts["b"]).backward()
    assert order == ["c", "b", "a"]
