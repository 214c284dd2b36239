"""Modes in which no graph is recorded, and those inside them in which it is."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import autograd_core as ag
from autograd_core import Tensor

from .leaves import scalar


@pytest.mark.parametrize("mode", [ag.no_grad, ag.inference_mode])
def test_modes_without_graph(mode: Any) -> None:
    x = scalar(2.0)
    with mode():
        assert not (x * 2).requires_grad
        with ag.enable_grad():
            pass

    @mode()
    def decorated(x: Tensor) -> Tensor:
        return x * 2

    @mode
    def bare(x: Tensor) -> Tensor:
        """Documented."""
        return x * 2

    assert not decorated(x).requires_grad
    assert not bare(x).requires_grad
    assert bare.__name__ == "bare"
    assert bare.__doc__ == "Documented."
    assert (x * 2).requires_grad


def test_enable_grad_inside_no_grad() -> None:
    x = scalar(2.0)
    with ag.no_grad(), ag.enable_grad():
        assert (x * 2).requires_grad

    @ag.enable_grad()
    def decorated(x: Tensor) -> Tensor:
        return x * 2

    with ag.no_grad():
        assert decorated(x).requires_grad
        assert not ag.is_grad_enabled()


def test_set_grad_enabled() -> None:
    x = scalar(2.0)
    with ag.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert ag.is_grad_enabled()
    ag.set_grad_enabled(False)
    assert not ag.is_grad_enabled()
    ag.set_grad_enabled(True)

    @ag.set_grad_enabled(False)
    def decorated(x: Tensor) -> Tensor:
        return x * 2

    assert ag.is_grad_enabled()
    assert not decorated(x).requires_grad


def test_modes_are_left_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), ag.no_grad():
        raise ZeroDivisionError
    assert ag.is_grad_enabled()


def test_inference_tensors_cannot_join_a_graph() -> None:
    x = scalar(2.0)
    with ag.inference_mode():
        y = x * 2
        assert ag.is_inference_mode_enabled()
    assert y.is_inference()
    with pytest.raises(RuntimeError, match="inference tensor"):
        y.requires_grad_()
    assert y.clone().requires_grad_().requires_grad


def test_modes_are_local_to_a_thread() -> None:
    seen: list[bool] = []
    with ag.no_grad():
        thread = threading.Thread(target=lambda: seen.append(ag.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_backward_inside_no_grad() -> None:
    x = scalar(2.0)
    y = x * x
    with ag.no_grad():
        y.backward()
    assert x.grad.item() == 4.0
