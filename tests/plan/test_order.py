"""Calls come right before their readers, unless that keeps more alive or something in between writes."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_core as ag
from autograd_core.plan.replay import default_passes

EXACT = default_passes(exact=True)


def names(f: Any, *args: Any, ordered: bool = True) -> list[str]:
    compiled = ag.compile(f, exact=True, backend="numpy", passes=[name for name in EXACT if name != "fuse" and (ordered or name != "order")])
    for _ in range(3):
        assert compiled(*args).tolist() == f(*args).tolist()
    return [step.name for step in compiled.plan.graph.steps if step.name not in ("reshape", "transpose", "swapaxes")]


X = ag.tensor([[1.0, 2.0], [3.0, 4.0]])


def late(x: Any) -> Any:
    early = x.exp()
    for _ in range(3):
        x = x @ x
    return x * early


def test_a_call_moves_down_to_its_reader() -> None:
    assert names(late, X) == ["dot", "dot", "dot", "exp", "multiply"]
    assert names(late, X, ordered=False) == ["exp", "dot", "dot", "dot", "multiply"]


def test_a_chain_moves_as_a_whole() -> None:
    def f(x: Any) -> Any:
        early = (x.exp() + 1.0).sin()
        return (x @ x) * early

    assert names(f, X) == ["dot", "exp", "add", "sin", "multiply"]


def test_what_would_keep_more_alive_stays() -> None:
    def f(x: Any) -> Any:
        large = x @ x
        early = large > 1.0  # one byte for each element in place of four
        return (x.T @ x) * early

    assert names(f, X)[:3] == ["dot", "greater", "dot"]


def test_what_reads_memory_that_is_written_in_between_stays() -> None:
    state = ag.tensor([[1.0, 1.0], [1.0, 1.0]])

    def f(x: Any) -> Any:
        early = state * 2.0
        state.add_(x)
        return (x @ x) + early

    compiled = ag.compile(f, exact=True)
    expected = np.ones((2, 2), dtype=np.float32)
    for _ in range(4):
        y = compiled(X)
        assert y.tolist() == (X.numpy() @ X.numpy() + expected * 2).tolist()
        expected += X.numpy()


def test_random_draws_keep_their_order() -> None:
    def f(x: Any) -> Any:
        first, second = ag.rand(2, 2), ag.rand(2, 2)
        return second * (x @ x) + first

    compiled = ag.compile(f, exact=True)
    ag.manual_seed(3)
    actual = [compiled(X).tolist() for _ in range(4)]
    ag.manual_seed(3)
    assert actual == [f(X).tolist() for _ in range(4)]
