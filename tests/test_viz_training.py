"""Pictures of training: curves, sheets of images and decision boundaries."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import autograd_core as ag
import nn
import viz

from .pictures import picture

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


def test_many_panels_stand_in_rows_of_three():
    figure = viz.curves({f"measure {i}": [1.0, 2.0] for i in range(5)})
    places = [axes.get_subplotspec() for axes in figure.axes]
    assert [(place.rowspan.start, place.colspan.start) for place in places] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


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
    assert len(viz.images(np.zeros((4, 5))).axes[0].images) == 1
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


def test_arrays_alone_are_pictures_too():
    line = viz.curves(np.array([3.0, 2.0])).axes[0].lines[0]
    assert line.get_ydata().tolist() == viz.curves([3.0, 2.0]).axes[0].lines[0].get_ydata().tolist() == [3.0, 2.0]
    titles = [axes.get_title() for axes in viz.activation_histograms([np.ones((4, 2)), ag.zeros(3)]).axes]
    assert titles == ["0 (4, 2)", "1 (3,)"]
    assert viz.weights(ag.Tensor([[1.0, 2.0]], name="w")).axes[0].get_title() == "w (1, 2)"
    assert viz.gradient_histograms(np.ones(5)).axes[0].get_title() == "array (5,)"


def test_plots_say_that_matplotlib_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    points, classes = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    layer = nn.Linear(2, 2)
    for plot in (lambda: viz.curves({"loss": [2.0, 1.0]}), lambda: viz.images(np.zeros((2, 3, 3))), lambda: viz.weights(layer), lambda: viz.draw_mlp(nn.MLP([2, 3, 2])),
                 lambda: viz.decision_boundary(lambda x: x.sum(1), points, classes), lambda: viz.activation_histograms(layer, inputs=ag.ones(2, 2))):
        with pytest.raises(ImportError, match=r'plots need the package matplotlib. Run: pip install "autograd-core\[viz\]"'):
            plot()
