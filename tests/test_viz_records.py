"""Graphs as records: what a picture shows, compared with what was computed."""

from __future__ import annotations

import gc
import sys
import weakref

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from autograd_core.scalar import Scalar
from viz.records import summarize

from .pictures import leaf, lecture_example, small_network


def test_lecture_example_has_the_values_and_gradients_of_the_lecture():
    *_, q, f = lecture_example()
    record = viz.graph_record(f, names={"q": q, "f": f})
    shown = {value.name: (value.role, value.value.elements[0], value.gradient.elements[0]) for value in record.values}
    assert shown == {
        "x": ("leaf", -2.0, -4.0),
        "y": ("leaf", 5.0, -4.0),
        "z": ("leaf", -4.0, 3.0),
        "q": ("result", 3.0, -4.0),
        "f": ("result", -12.0, 1.0),
    }
    assert [(op.id, op.op, op.symbol) for op in record.ops] == [("op0", "add", "+"), ("op1", "mul", "*")]
    names = {value.id: value.name for value in record.values} | {op.id: op.symbol for op in record.ops}
    assert {(names[edge.source], names[edge.target], edge.label) for edge in record.edges} == {
        ("x", "+", "input"), ("y", "+", "other"), ("+", "q", ""), ("q", "*", "input"), ("z", "*", "other"), ("*", "f", ""),
    }
    assert [names[root] for root in record.roots] == ["f"]


def test_records_do_not_depend_on_the_run():
    first, second = (viz.graph_record(small_network()) for _ in range(2))
    assert first == second


def test_network_shows_shapes_summaries_and_modules():
    record = viz.graph_record(small_network())
    by_name = {value.name: value for value in record.values if value.name}
    assert set(by_name) == {"images", "0.weight", "0.bias", "2.weight", "2.bias"}
    weight = by_name["0.weight"]
    assert weight.shape == (3, 4)
    assert weight.value.dtype == "float32"
    assert weight.gradient.shape == (3, 4)
    assert by_name["images"].role == "constant"
    assert by_name["images"].gradient is None
    assert [(op.op, op.scope) for op in record.ops] == [
        ("matmul", "0"), ("add", "0"), ("relu", "1"), ("matmul", "2"), ("add", "2"), ("mul", None), ("sum", None)]
    assert all(value.value is not None and value.gradient is not None for value in record.values if value.role == "result")


def test_summary_statistics_are_those_of_the_finite_elements():
    array = np.array([[1.0, 2.0, np.nan], [np.inf, 6.0, 3.0]])
    summary = summarize(array)
    assert (summary.shape, summary.dtype, summary.elements, summary.nonfinite) == ((2, 3), "float64", None, 2)
    assert (summary.low, summary.high, summary.mean) == (1.0, 6.0, 3.0)
    assert summary.std == pytest.approx(np.std([1.0, 2.0, 6.0, 3.0]), rel=1e-15)
    assert summarize(np.full(7, np.nan)).nonfinite == 7
    assert summarize(np.array([1.5, -2.0])).elements == (1.5, -2.0)
    assert summarize(np.zeros((0, 3))).mean is None


def test_numbers_that_kept_results_were_combined_with_are_shown():
    record = viz.graph_record(leaf(3.0, "x") * 2.0 + ag.Tensor(4.0, name="c"))
    assert [(value.role, value.name, value.value.elements) for value in record.values] == [
        ("leaf", "x", (3.0,)), ("constant", None, (2.0,)), ("result", None, (6.0,)), ("constant", "c", (4.0,)), ("result", None, (10.0,))]


def test_a_constant_that_was_not_kept_is_still_drawn():
    x = leaf(np.ones((2, 3)), "x")
    record = viz.graph_record((x * 2.0).sum())
    (constant,) = [value for value in record.values if value.role == "constant"]
    assert constant.value is None
    assert "constant" in viz.draw((x * 2.0).sum()).source
    clamped = viz.graph_record(x.clamp(min=0.0))
    assert [value.role for value in clamped.values] == ["leaf", "result"]  # max was not given: it is no input


def test_results_can_be_named_where_they_are_made():
    q = leaf(1.0, "x") + 2.0
    q.name = "q"
    assert [value.name for value in viz.graph_record(q * 3.0).values if value.role == "result"] == ["q", None]


def test_ops_with_several_outputs_lead_to_the_outputs_in_use():
    x = leaf([3.0, 1.0, 2.0], "x")
    with ag.record():
        values, _ = x.sort()
        total = values.sum()
    total.backward()
    record = viz.graph_record(total)
    assert [op.op for op in record.ops] == ["sort", "sum"]
    assert [(edge.source, edge.target, edge.label) for edge in record.edges] == [
        ("v0", "op0", "input"), ("op0", "v1", "values"), ("v1", "op1", "input"), ("op1", "v2", "")]
    assert record.values[1].value.elements == (1.0, 2.0, 3.0)
    assert record.values[1].gradient.elements == (1.0, 1.0, 1.0)


def test_optional_inputs_that_were_not_given_are_not_drawn():
    scores, labels = leaf(np.zeros((5, 3)), "scores"), ag.Tensor(np.array([0, 1, 2, 0, 1]))
    with ag.record():
        loss = nn.functional.cross_entropy(scores, labels)
    record = viz.graph_record(loss, names={"labels": labels})
    assert [(value.name, value.role) for value in record.values] == [("scores", "leaf"), ("labels", "constant"), (None, "result")]
    assert "int64" in viz.draw(loss).source
    assert "0 … 2" in viz.draw(loss).source


def test_a_tensor_used_twice_is_one_value():
    x = leaf(3.0, "x")
    record = viz.graph_record(x * x)
    assert len(record.values) == 2
    assert [(edge.source, edge.target) for edge in record.edges] == [("v0", "op0"), ("v0", "op0"), ("op0", "v1")]


def test_a_constant_tensor_used_twice_is_one_value():
    c = ag.Tensor(2.0)
    record = viz.graph_record(leaf(3.0) * c + c)
    assert len([value for value in record.values if value.role == "constant"]) == 1


def test_several_roots_share_what_they_have_in_common():
    x = leaf(3.0)
    shared = x * 2.0
    record = viz.graph_record([shared + 1.0, shared * shared])
    assert len(record.roots) == 2
    assert len([op for op in record.ops if op.op == "mul"]) == 2


def test_scalars_are_drawn_like_tensors():
    x, y, z = Scalar(-2.0, "x"), Scalar(5.0, "y"), Scalar(-4.0, "z")
    q = x + y
    f = q * z
    before = viz.graph_record(f)
    assert all(value.gradient is None for value in before.values)
    f.backward()
    record = viz.graph_record(f, names={"q": q, "f": f})
    shown = [(value.name, value.role, value.value.elements[0], value.gradient.elements[0]) for value in record.values]
    assert shown == [("x", "leaf", -2.0, -4.0), ("y", "leaf", 5.0, -4.0), ("q", "result", 3.0, -4.0), ("z", "leaf", -4.0, 3.0), ("f", "result", -12.0, 1.0)]
    assert [(edge.source, edge.target, edge.label) for edge in record.edges] == [
        ("v0", "op0", "input"), ("v1", "op0", "other"), ("op0", "v2", ""), ("v2", "op1", "input"), ("v3", "op1", "other"), ("op1", "v4", "")]
    squared = viz.graph_record(x * x + 1.0)
    assert [value.role for value in squared.values] == ["leaf", "result", "constant", "result"]
    for _ in range(2 * sys.getrecursionlimit()):
        x = x + 1.0
    assert len(viz.graph_record(x).ops) == 2 * sys.getrecursionlimit()


def test_values_are_those_before_later_writes():
    w = ag.Tensor([1.0, 2.0], requires_grad=True)
    with ag.record():
        x = w * 2.0
        x[0] = 0.0
        second = x[1:]
        second.mul_(3.0)
        x.add_(1.0)
        loss = x.sum()
    shown = [value.value.elements for value in viz.graph_record(loss).values if value.role != "constant"]
    assert shown == [(1.0, 2.0), (2.0, 4.0), (0.0, 4.0), (4.0,), (12.0,), (0.0, 12.0), (1.0, 13.0), (14.0,)]


def test_a_leaf_alone_is_a_graph():
    record = viz.graph_record(leaf(1.0, "x"))
    assert [value.name for value in record.values] == ["x"]
    assert record.ops == ()


def test_deep_graphs_need_no_recursion():
    y = leaf(1.0)
    for _ in range(5 * sys.getrecursionlimit()):
        y = y + 1.0
    assert len(viz.graph_record(y).ops) == 5 * sys.getrecursionlimit()


def test_tensor_without_graph_is_an_error_that_says_why():
    with pytest.raises(ag.errors.GraphError, match=r"no graph to draw.*requires_grad=True"):
        viz.draw(ag.Tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match=r"tensors\[0\] is a float, expected a Tensor"):
        viz.draw([3.0])
    with pytest.raises(TypeError, match=r"names\['x'\] is a int, expected a Tensor"):
        viz.draw(leaf(1.0), names={"x": 3})
    with pytest.raises(TypeError, match=r"tensors\[1\] is a Tensor, expected a Scalar"):
        viz.draw([Scalar(1.0), leaf(1.0)])


def test_drawing_changes_nothing():
    x, y, z, _, f = lecture_example()
    before = x.grad.numpy().copy()
    viz.draw(f)
    assert (x.item(), f.item(), x.grad.numpy()) == (-2.0, -12.0, before)
    again = (x + y) * z
    viz.draw(again)
    again.backward()  # drawing released nothing
    assert x.grad.item() == -8.0


def test_drawing_keeps_nothing_alive():
    gc.collect()
    gc.disable()
    try:
        x = leaf(np.ones((2, 3)), "x")
        with ag.record():
            y = (x * x).sum()
        drawing = viz.draw(y)
        held = weakref.ref(x._array)
        del x, y
        assert held() is None
        assert len(drawing.record.values) == 3
    finally:
        gc.enable()
