"""Pictures of networks and of training, the command line, TensorBoard's files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

import autograd_core as ag
import nn
import viz
from viz import theme
from viz.__main__ import main
from viz.tensorboard import SummaryWriter

ROOT = Path(__file__).parent.parent
LECTURE = """
import autograd_core as ag
def f(z=-4.0):
    x, y, z = (ag.Tensor(value, requires_grad=True, name=name) for name, value in (("x", -2.0), ("y", 5.0), ("z", z)))
    return (x + y) * z
def g():
    return f(-3.0)
"""


def model():
    return nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))


# --- networks -----------------------------------------------------------------------------------------------------------


def test_widths_and_colours_of_lines_are_the_weights():
    network = nn.Sequential(nn.Linear(2, 1))
    with ag.no_grad():
        network[0].weight.copy_(ag.tensor([[2.0, -1.0]]))
    positive, negative = viz.draw_mlp(network).axes[0].collections[:2]
    assert positive.get_linewidths() == [2.75]
    assert negative.get_linewidths() == [0.15 + 1.3]
    assert mpl.colors.to_hex(positive.get_colors()[0]) == theme.BLUE.lower()
    assert mpl.colors.to_hex(negative.get_colors()[0]) == theme.VERMILION.lower()


def test_large_layers_are_cut_and_say_how_many():
    axes = viz.draw_mlp((3, 100, 2), inputs=["a", "b", "c"]).axes[0]
    assert axes.get_title() == "3 – 100 – 2"
    assert [len(each.get_offsets()) for each in axes.collections if hasattr(each, "get_sizes") and len(each.get_sizes())] == [3, 12, 2]
    assert "⋮" in [text.get_text() for text in axes.texts]


@pytest.mark.parametrize(("network", "options", "message"), [
    (nn.ReLU(), {}, "ReLU has no linear layer"), ((3,), {}, "at least two sizes"), ((2, 1), {"inputs": ["a"]}, "1 names in inputs for 2 units"),
    (nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)), {}, "1.weight, shape .* does not follow 0.weight")])
def test_networks_that_cannot_be_drawn(network, options, message):
    with pytest.raises(ValueError, match=message):
        viz.draw_mlp(network, **options)


# --- training -----------------------------------------------------------------------------------------------------------


def test_activation_histograms_count_zeros_and_dead_units():
    network = model()
    with ag.no_grad():
        network[0].bias.copy_(ag.tensor([-100.0, 100.0, 100.0, 100.0]))
    figure = viz.activation_histograms(network, ag.ones(8, 2))
    labels = [axes.get_xlabel() for axes in figure.axes if axes.get_title()]
    assert labels == ["activation", "activation: 25% zero, 1 of 4 units dead", "activation"]


def test_gradient_histograms_need_gradients():
    network = model()
    with pytest.raises(ValueError, match=r"call backward\(\) first"):
        viz.gradient_histograms(network)
    network(ag.ones(3, 2)).sum().backward()
    figure = viz.gradient_histograms(network)
    assert [axes.get_title().split()[0] for axes in figure.axes] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    bars = sum(bar.get_height() for bar in figure.axes[0].patches)
    assert bars == 8


def test_histograms_count_what_is_not_finite():
    figure = viz.gradient_histograms({"w": np.array([1.0, np.nan, np.inf])})
    assert figure.axes[0].get_xlabel().startswith("gradient: 2 NaN or inf")


def test_weights_are_symmetric_about_white_and_kernels_are_tiles():
    figure = viz.weights({"w": np.array([[1.0, -3.0]]), "conv": np.ones((2, 3, 4, 5)), "bias": np.ones(3)})
    matrix, kernels = (axes.get_images()[0] for axes in figure.axes[:2])
    assert matrix.get_clim() == (-3, 3)
    assert kernels.get_array().shape == (2 * 5 - 1, 3 * 6 - 1)
    assert int(kernels.get_array().mask.sum() if hasattr(kernels.get_array(), "mask") else np.isnan(kernels.get_array()).sum()) == 9 * 17 - 2 * 3 * 4 * 5
    with pytest.raises(ValueError, match="nothing to show"):
        viz.weights({"bias": np.ones(3)})


def test_smoothed_curves_are_unbiased_averages():
    axes = viz.curves({"loss": [4.0, 2.0, 0.0]}, smooth=0.5).axes[0]
    raw, smooth = axes.lines
    assert list(raw.get_ydata()) == [4, 2, 0]
    assert list(smooth.get_ydata()) == pytest.approx([4, (4 * 0.25 + 2 * 0.5) / 0.75, (4 * 0.125 + 2 * 0.25) / 0.875])
    with pytest.raises(ValueError, match=r"smooth=1\.5"):
        viz.curves({"loss": [1.0]}, smooth=1.5)
    with pytest.raises(TypeError, match=r"curves: expected a mapping of measures .* got NoneType"):
        viz.curves(None)


@pytest.mark.parametrize("draw", [
    lambda path: viz.draw_mlp((2, 3, 1), path), lambda path: viz.activation_histograms(model(), ag.ones(3, 2), path), lambda path: viz.weights(model(), path),
    lambda path: viz.gradient_histograms({"g": np.ones(3)}, path)])
def test_pictures_are_saved_by_suffix_and_are_not_blank(tmp_path, draw):
    from PIL import Image

    draw(tmp_path / "picture.png")
    assert np.asarray(Image.open(tmp_path / "picture.png").convert("L"), dtype=float).std() > 1
    draw(tmp_path / "picture.svg")
    with pytest.raises(ValueError, match="must end in one of"):
        draw(tmp_path / "picture.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["picture.png", "picture.svg"]


# --- the command line -----------------------------------------------------------------------------------------------------


@pytest.fixture
def program(tmp_path, monkeypatch):
    path = tmp_path / f"lecture_{tmp_path.name.replace('-', '_')}.py"
    path.write_text(LECTURE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return path


def test_drawing_from_the_command_line(program, tmp_path, capsys):
    out = tmp_path / "f.svg"
    assert main(["draw", f"{program}:f", "-o", str(out), "--chain-rule", "--theme", "dark"]) == 0
    assert "−4 × 1 = −4" in out.read_text(encoding="utf-8")
    assert main(["step-through", f"{program}:f", "-o", str(tmp_path / "f.html")]) == 0
    assert (tmp_path / "f.html").stat().st_size > 10_000
    assert capsys.readouterr().out == f"wrote {out}\nwrote {tmp_path / 'f.html'}\n"


def test_comparing_from_the_command_line(program, capsys):
    assert main(["diff", f"{program}:f", f"{program}:f"]) == 0
    assert main(["diff", f"{program}:f", f"{program}:g"]) == 1
    assert "z: value −4, then −3 (off by 1)" in capsys.readouterr().out


def test_errors_of_the_command_line(program, tmp_path, capsys):
    assert main(["draw", f"{program}:f", "-o", str(tmp_path / "f.gif")]) == 2
    assert "must end in one of" in capsys.readouterr().err
    for name, message in (("nothing", "expected module:function"), (f"{program}:h", "cannot load"), ("no.such.module:f", "No module named")):
        with pytest.raises(SystemExit, match=message):
            main(["draw", name, "-o", str(tmp_path / "f.svg")])


def test_help_has_examples():
    done = subprocess.run([sys.executable, "-m", "viz", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "python -m viz draw model.py:loss -o graph.svg" in done.stdout


# --- TensorBoard ----------------------------------------------------------------------------------------------------------


def test_event_files_hold_what_was_written(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    network = model()
    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss", ag.tensor(1.0 / (step + 1)), step)
        writer.add_histogram("weights", network[0].weight, 0)
        writer.add_image("digit", ag.rand(1, 8, 6), 0)
        writer.add_figure("curve", viz.curves({"loss": [2.0, 1.0]}), 0)
        writer.add_text("note", "# Title", 0)
        writer.add_graph(network, ag.ones(3, 2))
    events = EventAccumulator(str(tmp_path), size_guidance={"histograms": 0, "images": 0}).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert events.Histograms("weights")[0].histogram_value.num == 8
    (image,) = events.Images("digit")
    assert (image.height, image.width) == (8, 6)
    nodes = {node.name: node for node in events.Graph().node}
    assert sum(node.op == "linear" for node in nodes.values()) == 2
    assert all(source in nodes for node in nodes.values() for source in node.input)


def test_wrong_summaries(tmp_path):
    pytest.importorskip("tensorboard")
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(ValueError, match=r"add_scalar: 'loss' has the shape \(2,\)"):
            writer.add_scalar("loss", [1.0, 2.0])
        with pytest.raises(ValueError, match="no finite element"):
            writer.add_histogram("h", [np.nan])
        with pytest.raises(ValueError, match="not 'CHW'"):
            writer.add_image("i", np.ones((2, 2)))
