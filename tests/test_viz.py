"""Graph pictures: what stands in them, and files that are whole pictures or not there."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import viz
from autograd_core.files import write_whole
from viz import dot
from viz.text import number

from .pictures import HOSTILE, leaf, lecture_example, picture, scope, small_network, texts


def test_numbers_are_short_and_exact_where_they_can_be():
    cases = [(-4.0, "−4"), (0.0, "0"), (-0.0, "0"), (3, "3"), (0.1, "0.1"), (123456.0, "1.235e5"), (1e-7, "1e−7"), (float("nan"), "nan"),
             (float("-inf"), "−inf"), (True, "True"), (2 - 1j, "2−1i"), (10**12, "1e12")]
    assert [number(value) for value, _ in cases] == [text for _, text in cases]
    assert number(1 / 3, 2) == "0.33"


def test_names_cannot_turn_around_the_text_beside_them():
    shown = "".join(texts(viz.draw(leaf(1.0, "\u202eevil\u2066") * 2.0).render("svg")))
    assert "\ufffdevil\ufffd" in shown


def test_svg_shows_names_values_and_gradients():
    *_, q, f = lecture_example()
    shown = texts(viz.draw(f, names={"q": q, "f": f}).render("svg"))
    joined = " ".join(shown)
    for name in ("x", "y", "z", "f"):
        assert name in shown
    assert sorted(text for text in shown if text.lstrip("−").isdigit()) == sorted(["−2", "−4", "5", "−4", "−4", "3", "3", "−4", "−12", "1"])
    assert "q" in joined
    assert "+" in shown
    assert "×" in shown


def test_value_stands_above_gradient_and_inputs_left_of_outputs():
    *_, q, f = lecture_example()
    svg = ET.fromstring(viz.draw(f, names={"q": q, "f": f}).render("svg"))
    at = {}
    for element in svg.iter("{http://www.w3.org/2000/svg}text"):
        at.setdefault("".join(element.itertext()), (float(element.get("x")), float(element.get("y"))))
    assert at["−12"][1] < at["1"][1]
    assert at["x"][0] < at["+"][0] < at["q"][0] < at["×"][0] < at["f"][0]


def test_options_leave_out_what_is_not_wanted():
    loss = small_network()
    everything = viz.draw(loss).source
    assert "subgraph" in everything
    assert "0.weight" not in everything.replace('tooltip="0.weight', "")
    assert "±" in everything
    plain = viz.draw(loss, values=False, gradients=False, modules=False).source
    assert "subgraph" not in plain
    assert "±" not in plain
    assert "0.weight" in plain
    assert "0.333" in viz.draw(leaf(1.0) / 3.0, precision=3).source


def test_tensors_that_were_not_recorded_show_their_shape_and_how_to_keep_them():
    y = (leaf(np.ones((2, 3))) * 2.0).sum()
    source = viz.draw(y).source
    assert "autograd_core.record()" in source
    assert "(2, 3)" in source
    assert "autograd_core.record()" not in viz.draw(small_network()).source


def test_user_text_is_a_label_and_nothing_else():
    x = leaf(1.0, HOSTILE)
    with scope('<b>"}'):
        y = x * 2.0 + 1.0
    drawing = viz.draw(y, names={HOSTILE + "y": y})
    svg = drawing.render("svg")
    root = ET.fromstring(svg)  # well-formed
    assert not [element for element in root.iter() if element.tag.endswith("script")]
    label = next(text for text in texts(svg) if "script" in text)
    assert label.startswith('"><script>alert(1)</script>&amp; \\N \\l <b>')
    assert '<b>"}' in texts(svg)
    record = viz.graph_record(y)
    assert record.values[0].name == HOSTILE


@pytest.mark.parametrize("name", ["<b>bold</b>", "a\nb", "", "日本語", "x" * 500, "\\", "\\G", "&#0;", "]]>", "{a|b}"])
def test_every_name_can_be_drawn(name):
    ET.fromstring(viz.draw(leaf(1.0, name) * 2.0).render("svg"))


def test_large_graphs_are_folded_and_say_so():
    y = leaf(1.0)
    for _ in range(200):
        y = y + 1.0
    record = viz.draw(y).record
    assert len(record.ops) == 9
    assert record.notes == ("Folded: 192 operations in the middle (add ×192)",)
    assert texts(viz.draw(y).render("svg")).count("192 operations") == 1
    assert len(viz.draw(y, max_nodes=1000).record.ops) == 200


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "dot", "PNG"])
def test_format_follows_the_suffix(tmp_path, suffix):
    path = tmp_path / f"graph.{suffix}"
    viz.draw(lecture_example()[-1], path)
    start = path.read_bytes()[:200]
    expected = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF", "dot": b"digraph"}[suffix.lower()]
    assert expected in start or expected in path.read_bytes()[:2000]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_png_is_a_picture_of_the_expected_size(tmp_path):
    *_, q, f = lecture_example()
    path = tmp_path / "graph.png"
    viz.draw(f, str(path), names={"q": q, "f": f})
    pixels = picture(path)
    height, width, _ = pixels.shape
    assert 500 < width < 1200
    assert 200 < height < 600
    assert 0.01 < (pixels.min(axis=2) < 250).mean() < 0.5
    # The text is there: both of its colours occur.
    for color in (dot.PLAIN.theme.value, dot.PLAIN.theme.gradient):
        wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        assert (abs(pixels.astype(int) - wanted).max(axis=2) < 40).sum() > 100
    viz.draw(f, path, names={"q": q, "f": f}, dpi=72)
    assert picture(path).shape[1] == pytest.approx(width / 2, abs=4)


def test_text_is_drawn_as_letters_not_as_boxes(tmp_path):
    """Without a font every character is the same box; so two different digits must look different."""
    one, two = tmp_path / "1.png", tmp_path / "7.png"
    viz.draw(leaf(1.0), one)
    viz.draw(leaf(7.0), two)
    assert picture(one).shape == picture(two).shape
    assert (picture(one) != picture(two)).any()


def test_unknown_suffix_names_the_known_ones_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf, \.dot"):
        viz.draw(lecture_example()[-1], tmp_path / "graph.gif")
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf, \.dot"):
        viz.draw(lecture_example()[-1]).save(tmp_path / "graph")
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_no_partial_file_and_the_old_one_whole(tmp_path, monkeypatch):
    path = tmp_path / "graph.png"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "replace", lambda *args: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["graph.png"]


def test_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        viz.draw(leaf(1.0), tmp_path / "nowhere" / "graph.dot")


def test_jupyter_shows_svg():
    drawing = viz.draw(lecture_example()[-1])
    bundle = drawing._repr_mimebundle_()
    assert bundle["text/plain"] == "<Drawing of 2 ops and 5 values>"
    ET.fromstring(bundle["image/svg+xml"].encode())
    assert drawing._repr_svg_() == bundle["image/svg+xml"]


def test_import_is_light():
    program = "import sys, viz; print(sorted({name.partition('.')[0] for name in sys.modules} & {'matplotlib', 'graphviz', 'pygraphviz', 'scipy', 'PIL', 'email'}))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_drawing_core_imports_only_the_engine():
    for path in Path(viz.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [str(node.module)]
            assert not {module.partition(".")[0] for module in modules} & {"nn", "optim"}, path.name
