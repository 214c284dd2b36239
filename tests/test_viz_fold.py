"""Folding, colouring and comparing graphs, as records."""

from __future__ import annotations

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from viz import fold, theme
from viz.heat import heat_of


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)

    def forward(self, x):
        return x + self.outer(ag.tanh(self.inner(x)))


class Network(nn.Module):
    def __init__(self, count=5):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(3) for _ in range(count)])
        self.head = nn.Linear(3, 1)

    def forward(self, x):
        return self.head(self.blocks(x))


def loss_of(model, backward=True):
    with ag.record():
        loss = model(ag.ones(4, 3)).square().mean()
    if backward:
        loss.backward()
    return loss


def connected(record):
    """Every edge leads between nodes that are there, and every op is reached from the root backwards."""
    nodes = {each.id for each in (*record.values, *record.ops)}
    assert all(edge.source in nodes and edge.target in nodes for edge in record.edges)
    reached, waiting = set(), list(record.roots)
    into = {}
    for edge in record.edges:
        into.setdefault(edge.target, []).append(edge.source)
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached.add(each)
            waiting.extend(into.get(each, ()))
    return reached == nodes


def test_depth_one_shows_the_outermost_modules():
    record = viz.draw(loss_of(Network()), depth=1).record
    assert connected(record)
    boxes = [op for op in record.ops if op.op == "folded"]
    assert [op.symbol for op in boxes] == ["blocks"]
    assert dict(boxes[0].attributes) == {"operations": "20", "parameters": "120"}
    assert [op.op for op in record.ops if op.op != "folded"] == ["linear", "square", "mean"]


def test_depth_two_shows_each_block():
    record = viz.draw(loss_of(Network()), depth=2).record
    assert connected(record)
    assert [op.symbol for op in record.ops if op.op == "folded"] == [f"blocks.{i}" for i in range(5)]


def test_equal_blocks_are_drawn_once():
    whole = viz.graph_record(loss_of(Network()))
    record = fold.repeats(whole)
    assert connected(record)
    assert len(record.ops) == 4 + 3
    assert record.notes == ("Folded: 5 equal blocks, blocks.0 to blocks.4, drawn as one with the numbers of the first",)
    assert any("×5" in (op.scope or "") for op in record.ops)


def test_unequal_blocks_are_not_merged():
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 2), nn.Tanh()))
    whole = viz.graph_record(loss_of(model))
    assert fold.repeats(whole) == whole


def test_a_graph_is_folded_until_it_fits():
    record = viz.draw(loss_of(Network(40)), max_nodes=30).record
    assert connected(record)
    assert fold.size(record) <= 30
    assert record.notes


def test_twenty_thousand_nodes_without_modules():
    x = ag.Scalar(0.5)
    y = x
    for i in range(10_000):
        y = y.tanh() if i % 2 else y * x
    record = viz.draw(y).record
    assert connected(record)
    assert fold.size(record) < 60
    assert record.notes == ("Folded: 9,992 operations in the middle (mul ×4,996, tanh ×4,996)",)


def test_a_wrong_depth():
    with pytest.raises(ValueError, match="depth=0: expected at least 1"):
        viz.draw(loss_of(Network()), depth=0)


# --- colours ----------------------------------------------------------------------------------------------------------


def test_colours_follow_the_size_of_gradients():
    x, y = ag.Tensor(1.0, requires_grad=True, name="x"), ag.Tensor(1.0, requires_grad=True, name="y")
    f = x * 1e-3 + y * 10.0
    f.backward()
    record = viz.graph_record(f)
    heat = heat_of(record, "gradient")
    ids = {value.name: value.id for value in record.values}
    assert heat.colors[ids["x"]] == theme.HEAT[0]
    assert heat.colors[ids["y"]] == theme.HEAT[-1]
    assert (heat.low, heat.high) == ("1e−3", "1e1")


def test_dead_saturated_vanishing_and_exploding_are_marked():
    x = ag.Tensor([[1.0, -1.0], [2.0, -3.0]], requires_grad=True, name="x")
    weights = {name: ag.Tensor(1.0, requires_grad=True, name=name) for name in ("usual", "tiny", "huge", "none")}
    with ag.record():
        dead = ag.relu(x)
        full = ag.tanh(x * 100.0)
        f = dead.sum() + full.sum() + weights["usual"] + weights["tiny"] * 1e-6 + weights["huge"] * 1e6 + weights["none"] * 0.0
    f.backward()
    record = viz.graph_record(f)
    marks = heat_of(record, "gradient").marks
    names = {value.id: value.name for value in record.values}
    assert {names[identifier]: found for identifier, found in marks.items() if names[identifier]} == {
        "tiny": ["vanishing"], "huge": ["exploding"], "none": ["zero gradient"]}
    assert sorted(found for identifier, found in marks.items() if not names[identifier]) == [["1 of 2 dead"], ["100% saturated"]]


def test_gradients_vanish_from_the_end_even_if_those_of_most_layers_have():
    ag.manual_seed(0)
    model = nn.Sequential(*[layer for _ in range(8) for layer in (nn.Linear(16, 16), nn.Sigmoid())], nn.Linear(16, 1))
    with ag.record():
        loss = model(ag.randn(8, 16)).square().mean()
    loss.backward()
    record = viz.graph_record(loss)
    marks = heat_of(record, "gradient").marks
    found = {value.name: marks[value.id] for value in record.values if value.id in marks and value.role == "leaf"}
    assert found["0.weight"] == found["4.bias"] == ["vanishing"]
    assert not {"16.weight", "16.bias", "14.bias"} & found.keys()


def test_gradients_explode_from_the_end():
    ag.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(16, 16) for _ in range(9)])
    with ag.no_grad():
        for parameter in model.parameters():
            parameter.mul_(30.0)
    with ag.record():
        loss = model(ag.randn(8, 16)).mean()
    loss.backward()
    record = viz.graph_record(loss)
    marks = heat_of(record, "gradient").marks
    found = {value.name: marks[value.id] for value in record.values if value.id in marks}
    assert found["0.bias"] == ["exploding"]
    assert "8.bias" not in found
    assert ["vanishing"] not in found.values()


def test_nothing_kept_to_colour_by():
    x = ag.Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"no gradients; call backward\(\) first"):
        viz.draw((x * x).sum(), color="gradient")
    with pytest.raises(ValueError, match="color='size': expected 'gradient' or 'activation'"):
        viz.draw((x * x).sum(), color="size")


@pytest.mark.parametrize("name", theme.THEMES)
def test_themes(name):
    source = viz.draw(loss_of(Network(1)), theme=name, color="activation").source
    assert theme.THEMES[name].ink in source
    with pytest.raises(ValueError, match="theme='sepia': expected one of light, dark, print"):
        viz.draw(loss_of(Network(1)), theme="sepia")


def test_a_small_linear_layer_as_its_neurons():
    layer = nn.Linear(2, 2)
    with ag.no_grad():
        layer.weight.copy_(ag.tensor([[0.5, -2.0], [-1.0, 0.25]]))
        layer.bias.copy_(ag.tensor([1.0, -3.0]))
    source = viz.draw(layer, inputs=ag.ones(1, 2), expand_scalars=True).source
    assert "y₀ = 0.5·x₀ − 2·x₁ + 1" in source
    assert "y₁ = −1·x₀ + 0.25·x₁ − 3" in source
    assert "y₀" not in viz.draw(nn.Linear(30, 30), inputs=ag.ones(1, 30), expand_scalars=True).source


def test_dtypes_and_bytes_beside_the_shape():
    loss = loss_of(nn.Linear(3, 500))
    source = viz.draw(loss, dtypes=True, bytes=True).source
    assert "(500, 3) float32, 6 kB" in source
    assert "(4, 500) float32, 8 kB" in source
    assert "(500,) float32, 2 kB" in source


# --- differences ------------------------------------------------------------------------------------------------------


def small(middle=ag.tanh, scale=1.0):
    x = ag.Tensor([[1.0, 2.0]], name="x")
    w = ag.Tensor([[scale], [-1.0]], requires_grad=True, name="w")
    with ag.record():
        f = (middle(x @ w) * 2.0).sum()
    f.backward()
    return f


def test_equal_graphs_have_no_differences():
    result = viz.diff(small(), small())
    assert not result
    assert result.first is None
    assert result.differences == ()
    assert "no differences" in repr(result)


def test_a_changed_value_is_found_where_it_first_differs():
    result = viz.diff(small(), small(scale=1.001), names=("old", "new"))
    assert result.first is not None
    assert result.first.startswith("w: value ")
    assert any("matmul" in line and "value" in line for line in result.differences)
    assert not viz.diff(small(), small(scale=1.001), rtol=0.1, atol=1e-2)


def test_added_removed_and_changed_operations():
    result = viz.diff(small(), small(middle=ag.relu))
    assert any(line.startswith("tanh: only in a") for line in result.differences)
    assert any(line.startswith("relu: only in b") for line in result.differences)
    result = viz.diff(small(), small(middle=lambda x: ag.tanh(x).exp()))
    assert [line for line in result.differences if "only in" in line] == ["exp: only in b"]


def test_changed_shapes_and_attributes():
    def reduced(keepdim, rows=2):
        x = ag.Tensor(np.ones((rows, 3), "float32"), requires_grad=True, name="x")
        return x.sum(dim=1, keepdim=keepdim)

    assert any("keepdim=False, then keepdim=True" in line for line in viz.diff(reduced(False), reduced(True)).differences)
    assert any(line.startswith("x: shape (2, 3), then (4, 3)") for line in viz.diff(reduced(False), reduced(False, 4)).differences)


def test_a_difference_is_a_picture(tmp_path):
    path = tmp_path / "diff.svg"
    drawing = viz.diff(small(), small(middle=ag.relu), path=path).drawing
    text = path.read_text(encoding="utf-8")
    assert "only in a" in text
    assert "only in b" in text
    assert theme.THEMES["light"].removed in drawing.source


def test_the_picture_says_where_two_runs_part():
    assert viz.diff(small(), small(scale=1.5)).drawing.source.count("first difference") == 1
    assert viz.diff(small(), small(middle=ag.relu)).drawing.source.count("first difference") == 1


def test_a_large_comparison_says_in_which_modules_the_differences_are():
    ag.manual_seed(0)
    first = Network(30)
    second = Network(30)
    second.load_state_dict(first.state_dict())
    with ag.no_grad():
        second.blocks[20].inner.bias += 1.0
    result = viz.diff(loss_of(first, backward=False), loss_of(second, backward=False), max_nodes=200)
    assert fold.size(result.drawing.record) <= 200
    assert connected(result.drawing.record)
    assert result.first == "blocks.20.inner.bias: value " + result.first.partition("value ")[2]
    assert result.drawing.source.count("differences inside") >= 1
    assert result.drawing.source.count("first difference") == 1
    text = result.drawing.source
    assert "blocks.20</FONT>" in text.replace(" ", "")
    assert viz.diff(loss_of(first), loss_of(first), max_nodes=20).differences == ()
