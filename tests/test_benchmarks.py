"""The benchmark command: what it prints, and that a run without its peer, or with a peer that disagrees, is no result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_core
from benchmarks.ops import report
from benchmarks.ops.run import Line
from benchmarks.ops.table import SIZES, OpCase, cases
from benchmarks.ops.worker import Bench

ROOT = Path(__file__).resolve().parents[1]


def run(folder: Path, micrograd: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with a stand-in for micrograd: the text of its ``engine`` module."""
    package = folder / "micrograd"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "engine.py").write_text(micrograd, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=folder, env=environment, check=False)


def test_the_table_and_the_json_of_a_run(tmp_path: Path) -> None:
    done = run(tmp_path, "from autograd_core.scalar import Scalar as Value", "xyz_scalar", "install_size", "--json", "measured.json")
    assert done.returncode == 0, done.stderr
    assert "xyz_scalar" in done.stdout
    assert "≤ 0.500" in done.stdout
    measured = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))
    assert {"date", "machine", "python", "numpy"} <= set(measured["environment"])
    scalar, size = measured["cases"]
    assert scalar["value"] == scalar["ours"] / scalar["theirs"]
    assert scalar["reached"] == (scalar["value"] <= 0.5)
    assert 0 < size["value"] <= 10e6


def test_a_missing_peer_is_named_and_the_run_is_no_result(tmp_path: Path) -> None:
    done = run(tmp_path, "raise ModuleNotFoundError('none', name='micrograd')", "xyz_scalar", "--write")
    assert done.returncode == 1
    assert "needs 'micrograd', which is not installed" in done.stderr
    assert "no result" in done.stderr
    assert "[bench]" in done.stderr


def test_peers_that_disagree_are_no_result(tmp_path: Path) -> None:
    wrong = "from autograd_core.scalar import Scalar\nclass Value(Scalar):\n    def __init__(self, data):\n        super().__init__(data * 1.001)\n"
    done = run(tmp_path, wrong, "xyz_scalar")
    assert done.returncode == 1
    assert "disagree" in done.stderr


def test_an_unknown_case_lists_the_known_ones(tmp_path: Path) -> None:
    done = run(tmp_path, "", "xyz")
    assert done.returncode == 2
    assert "long_chain" in done.stderr


# --- op by op -----------------------------------------------------------------------------------------------------


def line(name: str, **ratios: float) -> Line:
    keys = {"small": (16, "forward"), "small_backward": (16, "backward"), "large": (1 << 20, "forward")}
    return Line(OpCase(name, (), lambda lib: None), {keys[key]: value for key, value in ratios.items()}, {(16, "forward"): 1e-6})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", cases())
def test_every_op_of_the_table_runs_at_the_smallest_size(name: str) -> None:
    with np.errstate(all="ignore"):
        bench = Bench(autograd_core, cases()[name], SIZES[0])
        numbers = bench.numbers()
    assert len(numbers) > bench.differentiable


def test_targets_are_judged_by_the_median_and_the_slowest() -> None:
    lines = [line("a", small=0.5, large=1.0), line("b", small=0.55, large=5.0), line("c", small=0.9, large=1.1)]
    found = report.targets(lines)
    assert found[0] == "median op at 16: 0.550 (≤ 0.6): reached"
    assert found[1] == "median op at 1 Mi: 1.100 (≤ 1.3): reached"
    assert found[2] == "ops slower than 4: 1 (≤ 10, each explained): NO"
    assert report.slowest(lines) == ["b: 5.0, not explained"]


def test_the_tables_of_ops() -> None:
    lines = [line("a", small=0.5, small_backward=0.25, large=1.0)]
    assert report.rows(lines) == [["op", "16 forward", "16 backward", "1 Mi forward", "ours, 16"], ["a", "0.50", "0.25", "1.00", "1.00 µs"], ["median", "0.50", "0.25", "1.00", ""]]
    assert "| a | 0.50 | 0.25 | 1.00 | 1.00 µs |" in report.markdown(lines)
    assert report.text(lines).startswith("op ")


def test_an_unknown_op_lists_the_known_ones(tmp_path: Path) -> None:
    done = run(tmp_path, "", "ops", "nothing")
    assert done.returncode == 2
    assert "cross_entropy" in done.stderr
