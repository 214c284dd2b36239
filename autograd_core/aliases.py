"""``autograd_core.nn`` is ``nn``: PyTorch's places for packages that stand at the root here.

``import autograd_core.nn.functional as F`` finds the very module that ``import nn.functional`` finds.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ALIASES = {
    "autograd_core.nn": "nn", "autograd_core.optim": "optim", "autograd_core.viz": "viz",
    "autograd_core.utils.data": "nn.data", "autograd_core.utils.tensorboard": "viz.tensorboard",
}


class _Finder:
    """Finds and loads; the import system asks for the methods, not for a base class."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname.startswith("autograd_core."):
            for alias, real in ALIASES.items():
                if fullname == alias or fullname.startswith(alias + "."):
                    return ModuleSpec(fullname, self, origin=real + fullname[len(alias) :])  # type: ignore[arg-type]
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        assert spec.origin is not None
        module = importlib.import_module(spec.origin)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        alias = module.__spec__  # the import system has just put the alias's spec there
        assert alias is not None
        module.__spec__ = alias.loader_state


def install() -> None:
    """Teach the import system the aliases; before its own finders, which would load the files a second time."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def lazy_attribute(module: str, name: str) -> Any:
    """An aliased package as an attribute, imported when first used."""
    path = f"{module}.{name}"
    if path not in ALIASES:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return importlib.import_module(path)
