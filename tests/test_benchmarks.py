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
from benchmarks.ops.table import SIZES as OP_SIZES
from benchmarks.ops.table import OpCase, cases
from benchmarks.ops.worker import Bench
from benchmarks.plans import PLANS, SIZES
from benchmarks.plans import report as plan_report
from benchmarks.plans.case import COLUMNS, PlanCase, Size, Target
from benchmarks.plans.measure import PlanLine, judge

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


@pytest.mark.parametrize(("arguments", "said"), [
    (("--write", "--quick"), "--write is for whole runs"), (("compiled_chain", "--peers", "nobody"), "there is no peer 'nobody'; there are micrograd, "),
])
def test_what_the_command_refuses(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(tmp_path, "", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_an_unknown_case_lists_the_known_ones(tmp_path: Path) -> None:
    done = run(tmp_path, "", "xyz")
    assert done.returncode == 2
    assert "long_chain" in done.stderr


# --- plans --------------------------------------------------------------------------------------------------------


def test_a_compiled_case_beside_the_step_by_hand(tmp_path: Path) -> None:
    done = run(tmp_path, "", "compiled_mlp_small", "--peers", "hand", "--quick", "--json", "measured.json")
    assert done.returncode == 0, done.stderr
    assert "NumPy by hand" in done.stdout
    first, second = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))["plans"]
    assert {"numpy", "exact", "hand"} <= set(first["found"])
    assert second["second"]
    assert first["judged"] == []  # who it is held to was not asked for


def test_building_a_plan_is_measured_over_recording_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "", "build_numpy", "--json", "measured.json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "measured.json").read_text(encoding="utf-8"))["cases"]
    assert found["peer"] == "recording"
    assert found["value"] == found["ours"] - found["theirs"]


def test_a_missing_peer_of_a_compiled_case_is_named(tmp_path: Path) -> None:
    (tmp_path / "jax.py").write_text("raise ModuleNotFoundError('none', name='jax')", encoding="utf-8")
    done = run(tmp_path, "", "compiled_mlp_small", "--peers", "jax", "--quick")
    assert done.returncode == 1
    assert "the peer 'jax' needs 'jax', which is not installed" in done.stderr


@pytest.mark.parametrize("name", sorted(name for name in SIZES if "hand" in SIZES[name].peers and not name.startswith(("compiled_mlp_wide", "compiled_memory", "compiled_elementwise"))))
def test_ours_computes_what_the_step_by_hand_does(name: str) -> None:
    size = SIZES[name]
    expected = size.peers["hand"]().results()
    for column in ("numpy", "exact"):
        np.testing.assert_allclose(size.peers[column]().results(), expected, rtol=size.tolerance, atol=size.tolerance * max(map(abs, expected)))


def example() -> PlanCase:
    sizes = (Size("case", "a step", {}, 1e-4), Size("case_2", "another", {}, 1e-4))
    return PlanCase("case", sizes, (Target("numpy", ("torch",), 0.5), Target("native", ("torch", "jax"), 0.2)))


def test_targets_of_plans_are_judged_against_the_fastest_and_at_the_second_size_against_the_first() -> None:
    first, second = {"numpy": 2.0, "native": 1.0, "torch": 5.0, "jax": 4.0}, {"numpy": 3.0, "native": 3.0, "torch": 5.0, "jax": 10.0}
    found = judge(example(), first, first, False)
    assert [(each.column, each.peer, each.ratio, each.reached) for each in found] == [("numpy", "torch", 0.4, True), ("native", "jax", 0.25, False)]
    grown = judge(example(), first, second, True)
    assert [(each.peer, each.value, each.reached) for each in grown] == [("torch", 0.6 / 0.4, False), ("jax", 0.3 / 0.25, True)]
    assert judge(example(), {"numpy": 1.0}, {"numpy": 1.0}, False) == []


def test_the_table_of_plans_names_what_is_missing_and_what_is_missed() -> None:
    found = {"numpy": 3e-3, "exact": 4e-3, "torch": 5e-3, "products": 1e-3}
    line = PlanLine("case", "a step", "time", False, found, {"native": "there is no C compiler"})
    line.judged = judge(example(), found, found, False)
    assert plan_report.cells(line, "; ") == ["case", "3.00 ms; 0.600 of torch (≤ 0.5) **NO**", "4.00 ms", "not available", "5.00 ms", "", "", "", "", "", "products 1.00 ms"]
    written = plan_report.markdown([line])
    assert "0 of 1 targets of plans reached; not: case NumPy against torch." in written
    assert "native: not available: there is no C compiler." in written
    assert "3.00 ms; 0.600 of torch" in plan_report.text([line])


def test_every_case_of_plans_has_our_columns_and_those_it_is_held_to() -> None:
    for case in PLANS.values():
        for number, size in enumerate(case.sizes):
            assert set(COLUMNS) <= set(size.peers)
            chosen = case.chosen(number, None)
            assert {peer for target in case.targets for peer in target.peers} <= set(chosen)


# --- op by op -----------------------------------------------------------------------------------------------------


def line(name: str, **ratios: float) -> Line:
    keys = {"small": (16, "forward"), "small_backward": (16, "backward"), "large": (1 << 20, "forward")}
    return Line(OpCase(name, (), lambda lib: None), {keys[key]: value for key, value in ratios.items()}, {(16, "forward"): 1e-6})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", cases())
def test_every_op_of_the_table_runs_at_the_smallest_size(name: str) -> None:
    with np.errstate(all="ignore"):
        bench = Bench(autograd_core, cases()[name], OP_SIZES[0])
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
