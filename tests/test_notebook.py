"""What notebooks show: well-formed, escaped, and with the numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import autograd_core as ag
import nn

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
