"""The benchmark command: what it prints, and that a run without its peer, or with a peer that disagrees, is no result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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
