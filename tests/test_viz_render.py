"""Renderers: which one draws, what it says on standard error, and threads."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest

import viz
from viz import render

from .pictures import leaf, lecture_example


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
    assert arguments.read_text(encoding="utf-8").split() == ["-Tpng", "-Gdpi=144", "-Gsize=83.3333,83.3333"]
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
