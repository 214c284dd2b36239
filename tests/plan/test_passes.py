"""What each pass does, seen in the generated code, and that it can be switched off."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import optim
from autograd_core.plan import PlanError
from autograd_core.plan.replay import AVAILABLE


def plan(f: Any, *args: Any, passes: Any = None, exact: bool = True) -> Any:
    compiled = ag.compile(f, exact=exact, backend="numpy", passes=passes)
    for _ in range(3):
        compiled(*args)
    return compiled.plan


def without(name: str) -> list[str]:
    return [each for each in AVAILABLE if each != name]


def calls(made: Any, name: str) -> int:
    return sum(step.name == name for step in made.graph.steps)


X = ag.tensor([[1.0, 2.0], [3.0, 4.0]])


def test_dead_removes_what_nobody_reads_but_not_random_draws() -> None:
    def f(x: Any) -> Any:
        x.exp()
        ag.rand(2)
        return x.sin()

    assert calls(plan(f, X), "exp") == 0
    assert calls(plan(f, X, passes=without("dead")), "exp") == 1
    assert any(step.op is not None and step.op.kind == "random" for step in plan(f, X).graph.steps)


def test_common_makes_equal_calls_once_unless_memory_was_written_in_between() -> None:
    assert calls(plan(lambda x: x.exp() * x.exp(), X), "exp") == 1
    assert calls(plan(lambda x: x.exp() * x.exp(), X, passes=without("common")), "exp") == 2

    def writes(x: Any) -> Any:
        h = x.clone()
        first = h.exp()
        h.add_(1.0)
        return first * h.exp()

    assert calls(plan(writes, X), "exp") == 2


def test_common_knows_what_commutes() -> None:
    assert calls(plan(lambda x: (x * 2.0 * x.exp()) - (x.exp() * (2.0 * x)).sin(), X), "multiply") == 2
    assert calls(plan(lambda x: (x - x.exp()) * (x.exp() - x), X), "subtract") == 2


def test_memory_from_outside_may_be_written_under_another_name() -> None:
    def f(x: Any, same: Any) -> Any:
        first, kept = x.exp(), x * 1.0
        same.add_(1.0)
        return first + x.exp(), kept.sin()

    compiled = ag.compile(f, exact=True)
    for _ in range(4):
        x, y = ag.tensor([1.0, 2.0]), ag.tensor([1.0, 2.0])
        assert [t.tolist() for t in compiled(x, x.view(2))] == [t.tolist() for t in f(y, y.view(2))]


def test_constants_are_computed_when_the_plan_is_built() -> None:
    def f(x: Any) -> Any:
        return x * (ag.arange(2) + 1.0).exp()

    assert calls(plan(f, X), "exp") == 0
    assert calls(plan(f, X, passes=without("constants")), "exp") == 1


@pytest.mark.parametrize("f", [lambda x: x * 1.0, lambda x: x / 1.0, lambda x: x - 0.0, lambda x: -(-x)])
def test_simplify_knows_what_changes_nothing(f: Any) -> None:
    assert [step.name for step in plan(lambda x: f(x.sin()).exp(), X).graph.steps][-1] == "exp"
    assert len(plan(lambda x: f(x.sin()).exp(), X).graph.steps) < len(plan(lambda x: f(x.sin()).exp(), X, passes=without("simplify")).graph.steps)


@pytest.mark.parametrize(("f", "names"), [
    (lambda x, y: x.abs() + -y.tanh(), ["absolute", "tanh", "subtract"]), (lambda x, y: x.abs() - -y.tanh(), ["absolute", "tanh", "add"]),
    (lambda x, y: (x + y) / 8.0, ["add", "multiply"]), (lambda x, y: (x + y) / 0.25, ["add", "multiply"])])
def test_simplify_rewrites_signs_and_powers_of_two(f: Any, names: list[str]) -> None:
    x, y = ag.tensor([0.0, -0.0, 1e-44, 3e38, float("inf"), 1.7]), ag.tensor([-0.0, 0.0, 1e-45, 1e38, 2.0, -0.3])
    with np.errstate(all="ignore"):
        assert sorted(step.name for step in plan(f, x, y).graph.steps) == sorted(names)
        compiled = ag.compile(f, exact=True, backend="numpy")
        assert [compiled(x, y).numpy().tobytes() for _ in range(3)] == [f(x, y).numpy().tobytes()] * 3


@pytest.mark.parametrize("f", [lambda x: (x.sin() / 3.0), lambda x: (x.sin() / -4.0), lambda x: -x.sin() + 1.0, lambda x: x.sin() - 1.0])
def test_simplify_rewrites_nothing_else(f: Any) -> None:
    names = [step.name for step in plan(f, X).graph.steps]
    assert names == [step.name for step in plan(f, X, passes=without("simplify")).graph.steps]


@pytest.mark.parametrize("f", [lambda x: (x + 0.0).exp(), lambda x: (x * 0.0).exp(), lambda x: (x * -1.0).exp()])
def test_simplify_leaves_what_changes_bits(f: Any) -> None:
    assert len(plan(f, X).graph.steps) == 2


def test_copies_are_spared_where_the_source_dies() -> None:
    def f(x: Any) -> Any:
        return (x * 2).clone()

    assert calls(plan(f, X), "copy") == 0
    assert calls(plan(f, X, passes=without("copies")), "copy") == 1
    assert calls(plan(lambda x: (x.clone(), x), X), "copy") == 1


def test_memory_is_passed_on() -> None:
    def f(x: Any) -> Any:
        for _ in range(10):
            x = (x * 1.5).sin()
        return x.sum()

    made = plan(f, X)
    assert made.layout.nbytes == X.nbytes
    assert plan(f, X, passes=without("memory")).layout.nbytes == 0


def test_lower_takes_kernels_apart() -> None:
    assert calls(plan(lambda x: ag.sigmoid(x), X), "exp") == 1
    assert [step.name for step in plan(lambda x: ag.sigmoid(x), X, passes=()).graph.steps] == ["sigmoid"]


def test_the_description_and_the_source() -> None:
    made = plan(lambda x: (x * 2 + 1).sum(), X)
    text = made.describe()
    assert "recorded steps   3" in text
    assert "pass dead        0 removed, exact" in text
    assert "pass fuse_sums   0 joined, reassociates" in plan(lambda x: x * 2, X, exact=False).describe()
    assert made.source().startswith("def replay(x0):\n    multiply(x0, ")


def test_the_drawing_shows_the_calls() -> None:
    drawing = plan(lambda x: (x * 2 + 1).exp(), X).draw()
    assert [op.op for op in drawing.record.ops] == ["multiply", "add", "exp"]
    assert "argument 0" in drawing.source


def test_unknown_passes_and_back_ends() -> None:
    with pytest.raises(ValueError, match="there is no pass 'fast'"):
        ag.compile(lambda x: x, passes=["fast"])
    with pytest.raises(ValueError, match="backend must be 'numpy', 'native' or 'auto'"):
        ag.compile(lambda x: x, backend="fast")


def test_no_plan_yet() -> None:
    with pytest.raises(PlanError, match="The first two calls of a signature are recorded"):
        _ = ag.compile(lambda x: x).plan


def test_underflow_lets_momentum_that_fades_end_at_0() -> None:
    def momentum(**options: Any) -> Any:
        w = ag.tensor([1.0, 2.0, 3.0], requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)

        @ag.compile(backend="numpy", **options)
        def step(x: Any) -> None:
            optimizer.zero_grad()
            (w * x).sum().backward()
            optimizer.step()

        for _ in range(3):
            step(ag.tensor([1.0, 0.0, 1e-37]))
        optimizer.state[w]["momentum_buffer"].copy_(ag.tensor([1.0, -1e-40, 1e-37]))
        for _ in range(64):
            step(ag.tensor([1.0, 0.0, 1e-37]))
        return optimizer.state[w]["momentum_buffer"].tolist(), step.plan

    cleared, made = momentum()
    kept, _ = momentum(exact=True)
    assert cleared[1] == 0 != kept[1]
    assert [cleared[0], cleared[2]] == [kept[0], kept[2]]
    assert kept[2] > 1e-37  # a normal number, however small
    assert "if calls % 64 == 0:" in made.source()
    assert "pass underflow   1 watched" in made.describe()
    assert momentum(passes=without("underflow"))[0] == kept


def test_an_operand_and_the_result_that_takes_its_place_are_one_array() -> None:
    made = plan(lambda x: (x.sin() * 2.0 + 1.0).exp().cos() * x, X)
    lines = [line.strip() for line in made.source().splitlines() if "(b0" in line or ", b0" in line]
    assert len({name for line in lines for name in re.findall(r"b0_\d+", line)}) == 1
    assert len(lines) == 6


def test_products_take_a_product_that_is_there() -> None:
    def f(x: Any, y: Any) -> Any:
        return x * y, x * (y * (y + 1.0))

    y = ag.tensor([[0.1, -0.2], [0.3, 5.0]])
    made = plan(f, X, y, exact=False)
    assert calls(made, "multiply") == 2
    assert calls(plan(f, X, y), "multiply") == calls(plan(f, X, y, exact=False, passes=without("products")), "multiply") == 3
    compiled = ag.compile(f, backend="numpy")
    for _ in range(3):
        results = compiled(X, y)
    for actual, expected in zip(results, f(X.double(), y.double()), strict=True):
        np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=3e-7)


def test_products_leave_alone_what_is_written_or_needed_otherwise() -> None:
    def needed(x: Any, y: Any) -> Any:
        inner = y * (y + 1.0)
        return x * y, x * inner, inner

    def written(x: Any, y: Any) -> Any:
        h = y.clone()
        first = x * h
        h.add_(1.0)
        return first, x * (h * (x + 1.0))

    for f in (needed, written):
        compiled = ag.compile(f, backend="numpy")
        for _ in range(3):
            assert [t.tolist() for t in compiled(X, X + 1.0)] == [t.tolist() for t in f(X, X + 1.0)]
        assert compiled.plan.removed["products"] == 0
