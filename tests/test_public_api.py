"""Every name stands where PyTorch has it, once, and nothing heavy is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import autograd_core
import nn
import nn.functional
from autograd_core import Tensor, _methods
from autograd_core.op import COMPOSITES, REGISTRY, public_name

ROOT = Path(__file__).parent.parent
DECLARED = {**REGISTRY, **COMPOSITES}


def places(name: str) -> list[tuple[str, object]]:
    declared = DECLARED[name]
    found = []
    for place in declared.places:
        holder = {"torch": autograd_core, "Tensor": Tensor, "nn.functional": nn.functional}.get(place) or getattr(autograd_core, place)
        found += [(f"{place}.{public_name(spelling, place)}", holder) for spelling in (name, *declared.aliases)]
    return found


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_every_place_holds_the_same_function(name: str) -> None:
    function = getattr(_methods, name)
    for path, holder in places(name):
        spelling = path.rpartition(".")[2]
        if holder is nn.functional and not hasattr(holder, spelling):
            pytest.fail(f"{path} is missing")
        assert getattr(holder, spelling, None) is function, f"{path}: import {spelling} where {holder.__name__} imports its functions"


def test_all_is_what_is_there() -> None:
    for module in (autograd_core, nn, nn.functional):
        for name in module.__all__:
            assert getattr(module, name) is not None, f"{module.__name__}.{name}"


def test_a_pytorch_script_needs_only_its_import_lines_changed() -> None:
    program = """
import autograd_core as torch
import autograd_core.nn as nn_again
from autograd_core import nn, optim
from autograd_core.utils.data import DataLoader, TensorDataset
from autograd_core.utils.tensorboard import SummaryWriter
assert torch.nn is nn and torch.optim is optim and torch.nn.functional.relu is torch.relu and nn_again.Linear is nn.Linear
assert torch.utils.data.DataLoader is DataLoader and torch.utils.data is nn.data
assert SummaryWriter is torch.viz.tensorboard.SummaryWriter is torch.utils.tensorboard.SummaryWriter
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_importing_is_light() -> None:
    program = """
import sys
import autograd_core, nn, optim, viz
heavy = {"matplotlib", "graphviz", "pygraphviz", "safetensors", "tqdm", "sklearn", "scipy", "cupy", "torch", "pandas"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_version_is_the_distributions() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{autograd_core.__version__}"' in text


def test_generated_functions_are_current() -> None:
    subprocess.run([sys.executable, str(ROOT / "docs" / "make_methods.py"), "--check"], cwd=ROOT, check=True)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonexistent'"):
        _ = autograd_core.nonexistent  # type: ignore[attr-defined]


def test_functions_that_write_in_place_stand_where_pytorch_has_them() -> None:
    x = autograd_core.tensor([-1.0, 4.0])
    assert autograd_core.relu_(x) is x
    assert autograd_core.sqrt_(x).tolist() == [0.0, 2.0]
    with pytest.raises(AttributeError, match="no attribute 'nonexistent_'"):
        _ = autograd_core.nonexistent_  # type: ignore[attr-defined]
