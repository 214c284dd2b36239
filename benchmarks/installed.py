"""What the packages cost before they do anything: seconds to import, megabytes on disk, each over NumPy alone."""

from __future__ import annotations

import marshal
import os
import statistics
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .measure import ONE_THREAD, Measured, NoResult

PACKAGES = ("autograd_core", "nn", "optim", "viz")
ROOT = Path(__file__).resolve().parents[1]


def import_time(repeats: int = 11) -> Measured:
    """Wall time to import all four packages against importing NumPy, in fresh processes, in turn."""
    code = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    commands = {"ours": code.format(", ".join(PACKAGES)), "numpy": code.format("numpy")}
    times: dict[str, list[float]] = {name: [] for name in commands}
    environment = {**os.environ, **ONE_THREAD}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is imported from its compiled files
    for i in range(repeats + 1):
        for name in commands if i % 2 else reversed(commands):
            command = [sys.executable, "-c", commands[name]]
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
            if done.returncode:
                raise NoResult(f"import_time: importing failed: {done.stderr.strip().splitlines()[-1]}")
            if i:  # the first round warms the disk cache and compiles
                times[name].append(float(done.stdout))
    ours, theirs = (statistics.median(times[name]) for name in ("ours", "numpy"))
    return Measured("import_time", "importing all four packages, over importing NumPy alone", "numpy", ours, theirs, target=0.15, kind="seconds")


def install_size() -> Measured:
    """Size on disk of the packages and their required distributions besides NumPy, compiled files included."""
    own = 0
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                own += path.stat().st_size
                if path.suffix == ".py":
                    own += 16 + len(marshal.dumps(compile(path.read_bytes(), str(path), "exec", dont_inherit=True)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [requirement.partition(">")[0].strip() for requirement in project["dependencies"]]
    sizes = {name: _size(name) for name in required}
    numpy = sizes.pop("numpy")
    return Measured("install_size", f"core install with {', '.join(sizes)}, over NumPy alone", "numpy", own + sum(sizes.values()) + numpy, numpy,
                    target=10e6, kind="megabytes")


def _size(name: str) -> int:
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        raise NoResult(f"install_size: {name} is not installed") from None
    paths = [Path(str(file.locate())) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())


MEASURES = {"import_time": import_time, "install_size": install_size}
"""Measures of what is installed, by name."""
