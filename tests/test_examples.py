"""The examples run as a user runs them, in a short form, and make what they promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def run(script, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, "-W", "error", str(ROOT / "examples" / script), *map(str, arguments)],
                          capture_output=True, encoding="utf-8", check=True, env=environment)


def spread(path):
    """The standard deviation of a picture's pixels; 0 for a blank one."""
    from PIL import Image

    with Image.open(path) as image:
        return float(np.asarray(image.convert("L")).std())


def test_digits_makes_all_it_promises(tmp_path):
    done = run("digits.py", "--quick", "--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "curves.png", "misclassified.png", "graph.png", "graph.svg", "loss.png", "loss.svg", "digits.safetensors"}
    for name in ("curves.png", "misclassified.png", "graph.png", "loss.png"):
        assert spread(tmp_path / name) > 5, name
    accuracies = dict(re.findall(r"(train|validation|test) accuracy: ([\d.]+)%", done.stdout))
    assert set(accuracies) == {"train", "validation", "test"}
    assert all(float(value) > 80 for value in accuracies.values())
    assert "predictions of the saved and reloaded model are identical" in done.stdout
    said = [line for line in re.split(r"[\r\n]+", done.stderr) if line and not line.startswith("training:")]
    assert said == []
    texts = ["".join(element.itertext()) for element in ET.parse(tmp_path / "loss.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert "weight" in texts
    assert "bias" in texts
    assert "loss" in texts


def test_moons_draws_a_boundary(tmp_path):
    done = run("micrograd_moons.py", "--steps", 2, "--out", tmp_path)
    assert done.stderr == ""
    assert re.search(r"after 2 steps: loss [\d.]+, accuracy \d+%", done.stdout)
    assert spread(tmp_path / "moons.png") > 5


def test_picture_of_the_readme_is_current(tmp_path):
    run("digits.py", "--only-graph", "--out", tmp_path)
    shown, drawn = (
        ["".join(element.itertext()) for element in ET.parse(folder / "graph.svg").iter("{http://www.w3.org/2000/svg}text")]
        for folder in (ROOT / "docs" / "images", tmp_path))
    assert shown == drawn
