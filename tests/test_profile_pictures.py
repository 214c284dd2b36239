"""Times in drawings, and the memory of a step as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest

import autograd_core as ag
import nn
import viz
from autograd_core import profile
from viz.memory import memory_timeline


def computed() -> ag.Tensor:
    x = ag.ones(4, 3, requires_grad=True)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    return model(x * 2).sum()


def test_times_are_drawn_where_they_were_measured() -> None:
    with profile() as p:
        loss = computed()
        loss.backward()
    drawing = viz.draw(loss, times=True)
    assert {op.op for op in drawing.record.ops} == {"mul", "linear", "tanh", "sum"}
    for op in drawing.record.ops:
        assert op.times is not None
        assert min(op.times) > 0
    last = next(op for op in drawing.record.ops if op.op == "sum")
    assert last.times == p.times(loss)
    assert drawing.source.count("forward ") == drawing.source.count("backward ") == len(drawing.record.ops)
    assert "forward " not in viz.draw(loss).source


def test_before_backward_only_forward_times_are_drawn() -> None:
    with profile():
        loss = computed()
    source = viz.draw(loss, times=True).source
    assert "forward " in source
    assert "backward " not in source


def test_without_a_profile_the_drawing_says_how_to_get_times() -> None:
    loss = computed()
    with pytest.raises(ValueError, match=r"no operation of this graph was measured.* inside `with autograd_core\.profile\(\):`"):
        viz.draw(loss, times=True)
    model = nn.Linear(3, 2)
    assert "forward " in viz.draw(model, inputs=ag.ones(4, 3), times=True).source  # a module is measured while it is called


def test_records_of_equal_graphs_are_equal_whatever_they_took() -> None:
    with profile():
        ag.manual_seed(0)
        measured = viz.graph_record(computed())
    ag.manual_seed(0)
    assert measured == viz.graph_record(computed())


def test_a_folded_module_took_what_its_operations_took() -> None:
    block = nn.Sequential(nn.Sequential(nn.Linear(3, 5), nn.Tanh()), nn.Linear(5, 1))
    with profile():
        result = block(ag.ones(4, 3))
    whole = viz.draw(result, times=True).record
    folded = viz.draw(result, times=True, depth=1).record
    inner = [op.times for op in whole.ops if op.scope and op.scope.startswith("0")]
    (box,) = [op for op in folded.ops if op.op == "folded"]
    assert len(inner) == 2
    assert box.times == (sum(times[0] for times in inner if times), 0.0)
    assert "forward " in viz.draw(result, times=True, depth=1).source


def test_the_memory_of_a_step_as_a_picture(tmp_path: Path) -> None:
    with profile() as p:
        (ag.ones(2000, requires_grad=True) * 2).exp().sum().backward()
    figure = p.plot_memory(tmp_path / "memory.png")
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time in ms", "memory in kB")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["saved for backward", "other results", "peak 16 kB: exp (backward)"]
    total, peak = axes.lines
    assert max(total.get_ydata()) == peak.get_ydata()[0]
    assert peak.get_ydata()[0] == pytest.approx(p.memory().peak / 1e3)
    assert (tmp_path / "memory.png").stat().st_size > 5000
    assert memory_timeline(p, ax=axes) is figure
    with pytest.raises(TypeError, match="expected a profile or its memory"):
        memory_timeline([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf"):
        p.plot_memory(tmp_path / "memory.txt")
    with profile() as nothing:
        pass
    assert nothing.plot_memory().axes[0].get_ylabel() == "memory in bytes"
