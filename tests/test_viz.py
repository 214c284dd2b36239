"""Pictures: what they show is compared as records; the files are checked for being pictures, and for silence."""

from __future__ import annotations

import ast
import gc
import os
import stat
import subprocess
import sys
import threading
import weakref
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from autograd_core.config import MODE
from autograd_core.files import write_whole
from autograd_core.scalar import Scalar
from viz import dot, render
from viz.records import summarize
from viz.text import number

HOSTILE = '"><script>alert(1)</script>&amp; \\N \\l <b> \x00\x1b\ud800'


def leaf(value, name=None):
    return ag.Tensor(value, requires_grad=True, name=name)


def lecture_example():
    x, y, z = leaf(-2.0, "x"), leaf(5.0, "y"), leaf(-4.0, "z")
    q = x + y
    f = q * z
    f.backward()
    return x, y, z, q, f


class scope:
    """Record as the module of this path does."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.token = MODE.set(MODE.get().scoped(self.path))

    def __exit__(self, *exc_info):
        MODE.reset(self.token)


def small_network():
    """Two layers by hand, with the scopes and names that modules give."""
    rng = np.random.default_rng(0)
    h = ag.Tensor(rng.normal(size=(5, 3)).astype("float32"), name="images")
    with ag.record():
        for layer, (inputs, outputs) in {"0": (3, 4), "2": (4, 2)}.items():
            weight = leaf(rng.normal(size=(inputs, outputs)).astype("float32"), f"{layer}.weight")
            bias = leaf(np.zeros(outputs, dtype="float32"), f"{layer}.bias")
            with scope(layer):
                h = h @ weight + bias
            if layer == "0":
                with scope("1"):
                    h = h.relu()
        loss = (h * h).sum()
    loss.backward()
    return loss


def picture(path):
    """The pixels of a PNG, decoded by a library that did not write it."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def texts(svg):
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


# --- records ------------------------------------------------------------------------------------------------------


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


# --- source and pictures ------------------------------------------------------------------------------------------


def test_numbers_are_short_and_exact_where_they_can_be():
    cases = [(-4.0, "−4"), (0.0, "0"), (-0.0, "0"), (3, "3"), (0.1, "0.1"), (123456.0, "1.235e5"), (1e-7, "1e−7"), (float("nan"), "nan"),
             (float("-inf"), "−inf"), (True, "True"), (2 - 1j, "2−1i"), (10**12, "1e12")]
    assert [number(value) for value, _ in cases] == [text for _, text in cases]
    assert number(1 / 3, 2) == "0.33"


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
    assert len(record.ops) == 17
    assert record.notes == ("Folded: 184 operations in the middle (add ×184)",)
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


# --- renderers ----------------------------------------------------------------------------------------------------


def without_renderer(monkeypatch):
    monkeypatch.setattr(render.shutil, "which", lambda name: None)
    monkeypatch.setattr(render, "_has_library", lambda: False)


def test_without_renderer_the_error_says_the_one_command(monkeypatch, tmp_path):
    without_renderer(monkeypatch)
    drawing = viz.draw(lecture_example()[-1], tmp_path / "graph.dot")  # needs no renderer
    with pytest.raises(render.RendererError, match=r'pip install "autograd-core\[viz\]"'):
        drawing.save(tmp_path / "graph.png")
    assert [entry.name for entry in tmp_path.iterdir()] == ["graph.dot"]
    assert "pip install" in drawing._repr_mimebundle_()["text/plain"]


def test_old_pygraphviz_does_not_count(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.14")
    assert not render._has_library()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for dot is a shell script")
def test_dot_program_is_preferred_and_its_warnings_are_kept_off_stderr(monkeypatch, tmp_path, capfd):
    program, arguments = tmp_path / "dot", tmp_path / "arguments"
    program.write_text(f'#!/bin/sh\necho "Fontconfig warning: old" >&2\necho "$@" > "{arguments}"\ncat > /dev/null\necho "<svg>by dot</svg>"\n',
                       encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    drawing = viz.draw(lecture_example()[-1])
    assert drawing.render("svg") == b"<svg>by dot</svg>\n"
    assert arguments.read_text(encoding="utf-8").split() == ["-Tsvg"]
    drawing.render("png")
    assert arguments.read_text(encoding="utf-8").split() == ["-Tpng", "-Gdpi=144"]
    assert capfd.readouterr().err == ""
    program.write_text('#!/bin/sh\necho "syntax error" >&2\nexit 3\n', encoding="utf-8")
    with pytest.raises(render.RendererError, match=r"exit status 3\): syntax error"):
        drawing.render("svg")


def test_nothing_is_printed_by_a_fresh_process(tmp_path):
    program = ("import autograd_core as ag, viz, sys\n"
               "x = ag.Tensor(2.0, requires_grad=True, name='x')\n"
               "viz.draw(x * x, sys.argv[1])\n"
               "print('said by the user', file=sys.stderr)\n")
    done = subprocess.run([sys.executable, "-W", "error", "-c", program, str(tmp_path / "graph.png")], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == "said by the user\n"
    assert (tmp_path / "graph.png").stat().st_size > 1000


def test_what_others_write_meanwhile_reaches_standard_error(capfd):
    with render._quiet() as said:
        os.write(2, b"Fontconfig warning: something\nfrom another thread\n(process:12): Pango-WARNING **: font\n")
    assert capfd.readouterr().err == "from another thread\n"
    assert said == [b"Fontconfig warning: something", b"(process:12): Pango-WARNING **: font"]


def test_environment_is_as_before(monkeypatch):
    before = dict(os.environ)
    viz.draw(leaf(1.0)).render("svg")
    assert dict(os.environ) == before


def test_threads_draw_side_by_side():
    expected = viz.draw(lecture_example()[-1]).render("svg")
    results = []
    threads = [threading.Thread(target=lambda: results.append(viz.draw(lecture_example()[-1]).render("svg"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


# --- curves, images, boundaries -----------------------------------------------------------------------------------

HISTORY = {"train_loss": [2.0, 1.0, 0.5, 0.3], "validation_loss": [2.1, 1.2, 0.8, 0.9],
           "train_accuracy": [0.2, 0.5, 0.8, 0.9], "validation_accuracy": [0.2, 0.5, 0.7, 0.7]}


def test_curves_put_each_measure_in_a_panel_and_mark_the_best_epoch(tmp_path):
    figure = viz.curves(HISTORY, tmp_path / "curves.png")
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    lines = {line.get_label(): line for line in loss.get_lines()}
    assert list(lines["training"].get_ydata()) == HISTORY["train_loss"]
    assert list(lines["validation"].get_xdata()) == [1, 2, 3, 4]
    assert "epoch 3: 0.8" in lines
    assert "epoch 3: 0.7" in {line.get_label() for line in accuracy.get_lines()}
    assert (picture(tmp_path / "curves.png").min(axis=2) < 250).mean() > 0.01


def test_curves_read_one_mapping_per_epoch():
    rows = [dict(zip(HISTORY, values, strict=True), epoch=i) for i, values in enumerate(zip(*HISTORY.values(), strict=True))]
    by_row, by_column = viz.curves(rows), viz.curves(HISTORY)
    for a, b in zip(by_row.axes, by_column.axes, strict=True):
        assert [list(line.get_ydata()) for line in a.get_lines()] == [list(line.get_ydata()) for line in b.get_lines()]


def test_curves_draw_in_given_axes_and_refuse_nonsense(tmp_path):
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots(1, 2)
    assert viz.curves(HISTORY, ax=axes) is figure
    with pytest.raises(ValueError, match="2 panels, but 1 axes"):
        viz.curves(HISTORY, ax=axes[0])
    with pytest.raises(ValueError, match="no epoch"):
        viz.curves({"loss": []})
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf"):
        viz.curves(HISTORY, tmp_path / "curves.jpeg2")


def test_rcparams_of_the_user_hold():
    import matplotlib as mpl
    from matplotlib import cycler

    with mpl.rc_context({"axes.prop_cycle": cycler(color=["#111111", "#222222"]), "lines.linewidth": 5.0, "figure.figsize": (4, 3), "figure.dpi": 77}):
        figure = viz.curves({"loss": [2.0, 1.0]})
    (line,) = figure.axes[0].get_lines()
    assert (line.get_color(), line.get_linewidth(), figure.dpi) == ("#111111", 5.0, 77)
    assert list(figure.get_size_inches()) == [4, 3]


def test_images_make_a_sheet_with_literal_titles(tmp_path):
    digits = ag.Tensor(np.random.default_rng(0).random((5, 8, 8)))
    figure = viz.images(digits, ["$x^2$", "b", "c", "d", "e"], tmp_path / "sheet.png", caption="100 % & more")
    assert figure.axes[0].get_title() == "$x^2$"
    assert not figure.axes[0].title.get_parse_math()
    assert picture(tmp_path / "sheet.png").std() > 10
    assert len([axes for axes in figure.axes if axes.images]) == 5
    assert len(viz.images(np.zeros((2, 1, 4, 4))).axes[0].images) == 1
    assert viz.images(np.zeros((2, 3, 4, 5))).axes[0].images[0].get_array().shape == (4, 5, 3)
    assert viz.images(np.zeros((0, 8, 8))).axes[0].texts[0].get_text() == "no images"
    with pytest.raises(ValueError, match="5 images and 1 titles"):
        viz.images(digits, ["a"])
    with pytest.raises(ValueError, match="expected the shape"):
        viz.images(np.zeros(5))


def test_decision_boundary_lies_where_the_score_changes_sign(tmp_path):
    points = np.array([[-1.0, 0.0], [1.0, 0.0], [0.5, 1.0], [-0.5, -1.0]])
    figure = viz.decision_boundary(lambda grid: ag.Tensor(grid[:, :1]) * 3.0 - 0.75, points, [0, 1, 1, 0], tmp_path / "boundary.png", names=["left", "right"])
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]
    line = [path for collection in axes.collections if collection.get_linewidth()[0] == 1.2 for path in collection.get_paths()]
    vertices = np.concatenate([path.vertices for path in line])
    assert np.allclose(vertices[:, 0], 0.25, atol=1e-6)
    pixels = picture(tmp_path / "boundary.png")
    assert (pixels.min(axis=2) < 250).mean() > 0.3
    asked = []
    viz.decision_boundary(lambda grid: asked.append(grid.dtype) or np.stack([grid[:, 0], grid[:, 1]], axis=1), points.astype("float32"), resolution=10)
    assert asked == [np.dtype("float32")]


def test_decision_boundary_refuses_wrong_shapes():
    with pytest.raises(ValueError, match=r"shape \(n, 2\), got \(3,\)"):
        viz.decision_boundary(lambda grid: grid, np.zeros(3))
    with pytest.raises(ValueError, match="predict returned the shape"):
        viz.decision_boundary(lambda grid: grid[:3], np.zeros((4, 2)))
    with pytest.raises(ValueError, match="4 points and 3 classes"):
        viz.decision_boundary(lambda grid: grid[:, 0], np.zeros((4, 2)), [0, 1, 0])


def test_figures_show_themselves_in_notebooks_and_leave_pyplot_alone():
    figure = viz.curves(HISTORY)
    assert figure._repr_png_().startswith(b"\x89PNG")
    program = "import sys, viz; viz.curves({'loss': [2.0, 1.0]}); print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"


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
