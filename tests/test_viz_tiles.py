"""Arrays as sheets, and heat maps on wires."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from viz import heatmap, theme
from viz.tiles import sheet_of


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (7, 2, 3), (4, 3, 2, 5)])
def test_every_element_stands_once_in_a_sheet(shape):
    array = np.arange(1, np.prod(shape) + 1).reshape(shape)
    sheet = sheet_of(array)
    places = [(i, j) for i in range(sheet.rows.shape[0]) for j in range(sheet.rows.shape[1])]
    assert sorted(sheet.rows[place] for place in places if not sheet.gap(*place)) == list(range(1, array.size + 1))
    assert all(np.isnan(sheet.rows[place]) for place in places if sheet.gap(*place))


def test_tiles_stand_in_rows_of_the_first_dimension():
    array = np.random.default_rng(0).normal(size=(4, 3, 2, 5))
    sheet = sheet_of(array)
    assert (sheet.columns, sheet.lead, sheet.words) == (3, (4, 3), "4 × 3 tiles of 2 × 5")
    np.testing.assert_array_equal(sheet.rows[6:8, 12:17], array[2, 2])


@pytest.mark.parametrize(("shape", "words"), [
    ((100, 7), "rows 0 to 31 of 100"), ((8, 3, 5, 5), "5 × 3 tiles of 5 × 5, the first 5 of 8 along dimension 0"),
    ((2, 8, 3, 5, 5), "5 × 3 tiles of 5 × 5, index 0 of dimension 0, the first 5 of 8 along dimension 1"),
    ((10, 40, 8), "1 tile of 32 × 8, rows 0 to 31 of 40, index 0 of 10 along dimension 0"), ((3, 4), "")])
def test_what_is_cut_off_is_said(shape, words):
    sheet = sheet_of(np.zeros(shape), 32)
    assert max(sheet.rows.shape) <= 32
    if shape[0] != 10:
        assert sheet.words == words
    else:
        assert "of 32 × 8, rows 0 to 31 of 40" in sheet.words
        assert "along dimension 0" in sheet.words


@pytest.mark.parametrize("array", [np.array(1.0), np.zeros((0, 3)), np.zeros(1), np.zeros(3, complex)])
def test_what_has_no_sheet(array):
    assert sheet_of(array) is None


def test_shades():
    light = theme.THEMES["light"]
    assert [heatmap.shade(share, light) for share in (1.0, -1.0, 0.0)] == [light.positive.upper(), light.negative.upper(), light.nothing]
    assert heatmap.shade(float("nan"), light) == light.mark


@pytest.mark.parametrize("name", theme.THEMES)
def test_heat_maps_on_wires(name):
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    with ag.record():
        loss = model(ag.randn(2, 2, 5, 5)).sum()
    loss.backward()
    drawing = viz.draw(loss, heat_maps=True, theme=name)
    text = drawing.render("svg").decode()
    root = ET.fromstring(text.encode())
    assert "3 × 2 tiles of 3 × 3" in text
    assert "each heat map" in text
    assert len([each for each in root.iter("{http://www.w3.org/2000/svg}polygon") if each.get("fill") == theme.THEMES[name].positive.lower()]) >= 5
    assert "±" not in "".join(root.itertext())
