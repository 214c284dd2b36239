"""What notebooks show: well-formed, escaped, and with the numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import autograd_core as ag
import nn
import viz

HOSTILE = '"><script>alert(1)</script>'


def parsed(text):
    return ET.fromstring(f"<div>{text.replace('&nbsp;', '')}</div>")


def cells(tree):
    return [[cell.text for cell in row.findall("td")] for row in tree.iter("tr") if row.findall("td")]


def test_a_matrix_is_a_table_shaded_by_size():
    tree = parsed(ag.Tensor([[1.0, -2.0], [0.0, float("nan")]], requires_grad=True, name=HOSTILE)._repr_html_())
    assert cells(tree) == [["1", "−2"], ["0", "nan"]]
    assert HOSTILE in "".join(tree.itertext())
    shades = [cell.get("style") for cell in tree.iter("td")]
    assert "0,114,178,0.28" in shades[0]
    assert "213,94,0,0.55" in shades[1]
    assert "background" not in shades[2] + shades[3]


@pytest.mark.parametrize("tensor", [ag.tensor(2.5), ag.tensor([True, False]), ag.tensor([1, -3]), ag.tensor([1 + 2j]), ag.zeros(0, 3), ag.zeros(2, 3, 4), ag.zeros(100)])
def test_every_tensor_has_a_representation(tensor):
    text = "".join(parsed(tensor._repr_html_()).itertext())
    assert str(tensor.dtype) in text


def test_a_result_names_its_operation():
    x = ag.ones(2, requires_grad=True)
    assert "from mul" in (x * 2)._repr_html_()
    assert "requires grad" in x._repr_html_()


def test_a_module_is_a_table_of_its_parts():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    model[0].bias.requires_grad_(False)
    tree = parsed(model._repr_html_())
    assert cells(tree)[1] == ["0", "Linear(in_features=2, out_features=3, bias=True)", "weight (3, 2), bias (3,)", "9"]
    assert "9 parameters, 6 of them trained" in "".join(tree.itertext())


def test_a_plan_lists_its_calls():
    model = nn.Linear(3, 2)

    @ag.compile
    def score(x):
        with ag.no_grad():
            return model(x).tanh().sum()

    for _ in range(3):
        score(ag.ones(4, 3))
    assert score._repr_html_() == score.plan._repr_html_()
    tree = parsed(score.plan._repr_html_())
    text = "".join(tree.itertext())
    assert f"{len(score.plan.graph.steps)} calls" in text
    assert "Linear" in text
    assert "[4, 2] float32" in text
    assert "test_notebook.py:" in text
    assert len(list(tree.iter("tr"))) == len(score.plan.graph.steps) + 1


def test_a_history_is_a_table_with_its_curves():
    history = viz.History()
    assert history._repr_html_() == "<div>no epoch yet</div>"
    for loss in (3.0, 1.0, 2.0):
        history.append({HOSTILE: -loss}, validation_loss=ag.tensor(loss))
    tree = parsed(history._repr_html_())
    assert cells(tree) == [["−3", "3"], ["−1", "1"], ["−2", "2"]]
    assert [head.text for head in tree.iter("th")] == ["epoch", HOSTILE, "validation_loss", "1", "2 (best)", "3"]
    assert tree.find("img").get("src").startswith("data:image/png;base64,iVBOR")
    assert (history.epochs, history.best_epoch) == (3, 2)


def test_a_long_history_shows_its_ends_and_the_best():
    history = viz.History(loss=[1.0] * 100, validation_loss=[abs(i - 49.0) for i in range(100)])
    heads = [head.text for head in parsed(history._repr_html_()).iter("th")]
    assert heads[3:] == ["1", "2", "3", "4", "5", "6", "50 (best)", "95", "96", "97", "98", "99", "100"]


def test_a_measure_that_comes_later_is_missing_before():
    history = viz.History()
    history.append(loss=2.0)
    history.append(loss=1.0, accuracy=0.5)
    assert [value == value for value in history["accuracy"]] == [False, True]
    assert viz.curves(history).axes[1].get_ylabel() == "accuracy"
