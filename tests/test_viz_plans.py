"""Plans as records and pictures."""

from __future__ import annotations

import pytest

import autograd_core as ag
import nn
import optim
import viz
from autograd_core.plan import PlanError


def compiled_step():
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters())

    @ag.compile
    def step(inputs, labels):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(ag.randn(16, 4), ag.randint(0, 2, (16,)))
    return step


def test_a_plan_and_its_function_are_the_same_picture():
    step = compiled_step()
    assert viz.draw(step.plan).record.ops == viz.draw(step).record.ops
    assert step.plan.draw().source == viz.draw(step.plan).source


def test_names_modules_and_what_is_written():
    step = compiled_step()
    record = viz.draw(step).record
    names = {value.name for value in record.values if value.name}
    assert {"inputs", "labels", "0.weight", "2.bias", "0.weight.grad", "0.weight, new", "result", "state"} <= names
    assert {op.scope for op in record.ops} >= {"0", "2", "backward", "adam_update"}
    assert "argument 0" in {value.name for value in viz.draw(step.plan).record.values}
    nodes = {each.id for each in (*record.values, *record.ops)}
    assert all(edge.source in nodes and edge.target in nodes for edge in record.edges)
    folded = {op.symbol for op in viz.draw(step, depth=1).record.ops if op.op == "folded"}
    assert {frame for frame in folded if not frame.startswith("loop ")} == {"0", "2", "backward", "adam_update"}  # a loop over several of them stands beside them


def test_what_is_written_is_another_node_so_nothing_goes_in_circles():
    record = viz.draw(compiled_step()).record
    after = {edge.source: [each.target for each in record.edges if each.source == edge.source] for edge in record.edges}
    done: set[str] = set()
    path: set[str] = set()

    def visit(node):
        assert node not in path
        if node not in done:
            path.add(node)
            for each in after.get(node, ()):
                visit(each)
            path.remove(node)
            done.add(node)

    for value in record.values:
        visit(value.id)


def chain_of_elements(backend):
    weight = ag.randn(300, 400, requires_grad=True)

    @ag.compile(backend=backend)
    def step(x):
        weight.grad = None
        loss = ((weight * x + 1.0).tanh() * 2.0).exp().mean()
        loss.backward()
        return loss

    for _ in range(3):
        step(ag.randn(300, 400))
    return step, weight


def test_fused_calls_are_framed():
    step, weight = chain_of_elements("numpy")  # names in the picture are those of this frame
    assert weight.grad is not None
    record = viz.draw(step).record
    fused = [op for op in record.ops if op.scope == "fused call 1"]
    assert [op.op for op in fused][:5] == ["multiply", "add", "tanh", "multiply", "exp"]
    assert [value.value.elements for value in record.values if value.role == "constant" and value.shape == ()][:2] == [(1.0,), (2.0,)]
    assert "weight.grad" in {value.name for value in record.values}
    assert "fused call 1" in viz.draw(step).source


@pytest.mark.native
def test_what_became_one_loop_is_framed():
    step, _ = chain_of_elements("native")
    record = viz.draw(step.plan).record
    assert [op.op for op in record.ops if op.scope == "loop 1"][:5] == ["multiply", "add", "tanh", "multiply", "exp"]
    assert "loop 1" in viz.draw(step).source


def test_a_plan_has_no_values_to_colour_by():
    step = compiled_step()
    with pytest.raises(ValueError, match="a plan has no values"):
        viz.draw(step, color="gradient")
    with pytest.raises(ValueError, match="a plan has no values"):
        viz.draw(step.plan, inputs=(ag.ones(2),))
    with pytest.raises(PlanError, match="has no plan yet"):
        viz.draw(ag.compile(lambda x: x * 2))
