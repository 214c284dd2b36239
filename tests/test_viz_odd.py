"""Odd graphs and hostile names: each is a picture or an error that says what to do."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from autograd_core import Scalar
from autograd_core.errors import GraphError

from .pictures import leaf

NAMES = ["a\nb", '"q"', "\\", "\\N", "$x^2$", "$\\frac{", "%s", "<b>", "&amp;", "\u202eabc", "\u2028", "a.b.c", "×", "{a|b}", "port:wire:e", "", "\ud800", "\x00", "x" * 5000]


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_takes_every_name(name, tmp_path):
    x = leaf(2.0, name)
    y = x * x
    y.name = name
    ET.fromstring(viz.draw(y, chain_rule=True).render("svg"))
    viz.diff(y, y, names=(name, name)).drawing.render("png")
    page = viz.step_through(y, tmp_path / "page.html", title=name)
    assert "<b>" not in page.read_text(encoding="utf-8")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        viz.images(np.ones((1, 2, 2)), [name], tmp_path / "images.png", caption=name)
        viz.weights({name: np.ones((2, 2))}, tmp_path / "weights.png")
        viz.activation_histograms({name: np.ones((2, 2))}, path=tmp_path / "activations.png")
        viz.curves({name or "loss": [1.0, 2.0]}, tmp_path / "curves.png")
        viz.draw_mlp((1, 1), tmp_path / "network.png", inputs=[name], outputs=[name])
        viz.decision_boundary(lambda points: points[:, 0], [[0.0, 1.0], [1.0, 0.0]], [0, 1], tmp_path / "boundary.png", names=[name, name])
    if name.isprintable():
        ET.fromstring(f"<div>{viz.History({name: [1.0, 2.0]})._repr_html_()}</div>")


def sorted_product(x):
    values, _ = x.sort()
    largest, _ = x.max(0)
    return (values * largest).sum()


def views_and_in_place(x):
    y = x * 2
    y[0:2].mul_(3.0)
    y[2] = 7.0
    return y.sum()


def selected(x):
    return ag.where(ag.tensor([True, False, True]), x, x * 2)[ag.tensor([0, 1])].sum()


@pytest.mark.parametrize("function", [sorted_product, views_and_in_place, selected, lambda x: x[0:0].sum() + x.sum(), lambda x: (x * float("nan")).sum(), lambda x: (x * float("inf")).sum()])
@pytest.mark.parametrize("dtype", [ag.float32, ag.bfloat16, ag.float16])
def test_odd_graphs(function, dtype, tmp_path):
    if dtype is ag.bfloat16:
        pytest.importorskip("ml_dtypes")
    x = ag.tensor([3.0, 1.0, 2.0], dtype=dtype, requires_grad=True)
    for options in ({"heat_maps": True}, {"chain_rule": True}, {"color": "activation"}, {"dtypes": True, "bytes": True}):
        ET.fromstring(viz.draw(function, inputs=(x,), **options).render("svg"))
    viz.step_through(function, tmp_path / "page.html", inputs=(x,))
    assert x.grad is None
    with ag.record():
        first, second = function(x), function(x)
    assert not viz.diff(first, second)


def test_complex_graphs(tmp_path):
    x = ag.tensor([[1 + 2j, 3j], [1, 0j]], requires_grad=True)
    ET.fromstring(viz.draw(lambda x: (x * x.conj()).abs().sum(), inputs=(x,), heat_maps=True).render("svg"))
    viz.step_through(lambda x: (x * x.conj()).abs().sum(), tmp_path / "page.html", inputs=(x,))
    assert viz.weights({"w": x}).axes[0].get_title().startswith("|w|")
    assert viz.activation_histograms({"w": x}).axes[0].get_title().startswith("|w|")


def test_functions_return_what_they_like():
    def named(*args):
        return {"sum": args[0] + args[1], "parts": [args[0] * 2, (args[1] * 3,)], "count": 3, "nothing": None}

    drawing = viz.draw(named, inputs=(leaf(1.0), leaf(2.0)))
    assert {value.name for value in drawing.record.values if value.name} == {"args[0]", "args[1]", "sum", "parts[0]", "parts[1][0]"}
    assert len(drawing.record.roots) == 3
    batch = viz.draw(lambda batch: (batch["x"] * batch["y"]).sum(), inputs=({"x": leaf([1.0, 2.0]), "y": leaf([3.0, 4.0])},))
    assert {value.name for value in batch.record.values if value.name} == {"batch.x", "batch.y"}
    with pytest.raises(TypeError, match="returned NoneType without a Tensor or Scalar in it"):
        viz.draw(lambda x: None, inputs=(leaf(1.0),))


def test_shared_and_recursive_modules():
    layer = nn.Linear(3, 3)
    record = viz.draw(nn.Sequential(layer, nn.ReLU(), layer), inputs=ag.ones(2, 3)).record
    assert [op.op for op in record.ops] == ["linear", "relu", "linear"]
    assert len([value for value in record.values if value.role == "leaf"]) == 2

    class Recursive(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x, count=3):
            return self.layer(x) if count == 0 else self(self.layer(x).tanh(), count - 1)

    assert len(viz.draw(Recursive(), inputs=ag.ones(1, 2)).record.ops) == 7


def test_a_user_function_in_the_graph(tmp_path):
    class Square(ag.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x

    x = leaf([1.0, 2.0], "x")
    viz.draw(lambda x: Square.apply(x).sum(), inputs=(x,), chain_rule=True)
    viz.step_through(lambda x: Square.apply(x).sum(), tmp_path / "page.html", inputs=(x,))


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: viz.draw(None), TypeError, "draw: expected a Tensor, a Scalar or a sequence of them, a module, a function or a plan, got NoneType"),
    (lambda: viz.curves(None), TypeError, "curves: expected a mapping .* got NoneType"),
    (lambda: viz.draw_mlp(None), TypeError, "draw_mlp: expected a module or the sizes of layers, got NoneType"),
    (lambda: viz.weights(None), TypeError, "expected a module, a mapping of names to tensors, or arrays, got NoneType"),
    (lambda: viz.decision_boundary(None, [[1.0, 2.0]]), TypeError, "predict must be a function of points, got NoneType"),
    (lambda: viz.draw(leaf(1.0), precision=0), ValueError, "precision=0.*expected at least 1"),
    (lambda: viz.draw([Scalar(1.0) * 2, leaf(1.0)]), TypeError, r"tensors\[1\] is a Tensor, expected a Scalar"),
])
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_weights_that_are_none():
    layer = nn.Linear(3, 2)
    layer.weight = None
    with pytest.raises(ValueError, match="Linear has no linear layer, that is no parameter of two dimensions"):
        viz.draw_mlp(layer)
    with pytest.raises(ValueError, match="no parameter has two or more dimensions"):
        viz.weights(layer)


def test_a_spent_graph_says_what_to_do():
    x = leaf([1.0, 2.0])
    y = (x * x).exp().sum()
    y.backward()
    assert len(viz.draw(y).record.ops) == 3
    with pytest.raises(GraphError, match=r"exp needs .* are gone: draw before backward\(\)"):
        viz.draw(y, chain_rule=True)


def test_what_a_module_is_applied_to_stays_outside_its_box():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = nn.Parameter(ag.ones(1))

        def forward(self, x):
            return (x * self.gain).tanh()

    x = ag.Tensor([[1.0, 2.0]], name="x")
    with ag.record():
        y = Scaled()(x)
    whole, boxed = viz.draw(y), viz.draw(y, depth=1)
    assert [value.name for value in boxed.record.values] == ["x", "y"]
    assert dict(boxed.record.ops[0].attributes) == {"operations": "2", "parameters": "1"}
    frame = whole.source.split("subgraph")[1].split("}")[0]
    assert "gain" in frame  # the parameter of the outermost module stands in its frame
    assert 'tooltip="x ' not in frame
    inner = viz.draw(nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.Tanh())), inputs=leaf([[1.0, 2.0]], "x"), depth=1).record
    assert [value.name for value in inner.values] == ["x", None]


def test_a_functions_own_variables_are_names():
    def lecture(x, y, z):
        q = x + y
        return q * z

    numbers = (leaf(-2.0), leaf(5.0), leaf(-4.0))
    drawing = viz.draw(lecture, inputs=numbers)
    assert [value.name for value in drawing.record.values] == ["x", "y", "z", "q", None]
    assert viz.trace(lecture(*numbers)).record.values[3].name is None


def test_frozen_models_and_calls_inside_no_grad_have_their_structure():
    model, x = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.ReLU()), ag.randn(4, 3)
    whole = [op.op for op in viz.draw(model, inputs=x).record.ops]
    with ag.no_grad():
        assert [op.op for op in viz.draw(model, inputs=x).record.ops] == whole
    before = model[1].num_batches_tracked.item()
    model.requires_grad_(False)
    record = viz.draw(model, inputs=x).record
    assert [op.op for op in record.ops] == whole
    assert [value.name for value in record.values if value.role == "leaf"] == ["input"]
    assert {value.name for value in record.values if value.role == "constant"} >= {"0.weight", "0.bias"}
    assert model[1].num_batches_tracked.item() == before + 1
    assert not any(each.requires_grad for each in (x, *model.parameters()))


def test_functions_without_weights_are_drawn_with_their_inputs():
    record = viz.draw(lambda first, second: (first + second[0]) * 2.0, inputs=(ag.tensor(1.0), [ag.tensor(2.0), ag.tensor(3)])).record
    assert [op.op for op in record.ops] == ["add", "mul"]
    assert [value.name for value in record.values if value.role == "leaf"] == ["first", "second[0]"]
    weight = ag.tensor(3.0, requires_grad=True)
    assert [value.role for value in viz.draw(lambda x: x * weight, inputs=ag.tensor(1.0)).record.values if value.name == "x"] == ["constant"]


def test_an_input_keeps_its_name_where_a_variable_takes_it_over():
    def layers(x, weight):
        for _ in range(2):
            x = (x @ weight).tanh()
        return x.sum()

    record = viz.draw(layers, inputs=(ag.ones(1, 2), ag.ones(2, 2, requires_grad=True))).record
    assert {value.name for value in record.values if value.role != "result"} == {"x", "weight"}


def test_a_profiler_that_runs_is_left_alone():
    import sys

    def mine(frame, event, argument):
        pass

    sys.setprofile(mine)
    try:
        viz.draw(lambda x: x * 2, inputs=(leaf(1.0),))
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    with pytest.raises(ZeroDivisionError):
        viz.draw(lambda x: x * (1 // 0), inputs=(leaf(1.0),))
    assert sys.getprofile() is None
