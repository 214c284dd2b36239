"""Who may import whom: parsed from the source, so that nothing has to be imported to know."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("autograd_core", "nn", "optim", "viz")

LAYERS = [
    {"errors", "config", "dtypes", "devices"},
    {"backend"},
    {"spec", "op", "random"},
    {"ops", "kernels"},
]
"""The foundations, lowest first: a module here imports nothing above its layer. ``op`` knows nothing of graphs."""

GRAPH = ["node", "cuts", "engine", "storage", "births", "broadcasts", "growth", "unrolled", "fastpath", "misuse", "dispatch", "inplace", "_methods", "backward", "creation", "sampling", "restructure", "conversion", "graph", "interop", "tensor"]
"""Then the graph and what users hold, each knowing those before it; ``scalar`` stands beside ``tensor``."""

OUTWARD = {
    ("autograd_core", "nn"), ("autograd_core", "optim"), ("autograd_core", "viz"),
}
"""References from the core outward, allowed only inside functions: lazy module attributes."""

NUMPY = {
    "autograd_core/backend", "autograd_core/dtypes.py", "autograd_core/interop.py", "autograd_core/limits.py", "autograd_core/kernels", "autograd_core/numpy", "autograd_core/plan/native", "autograd_core/serialization.py", "autograd_core/printing.py",
    "nn/data", "nn/training", "viz",
}
"""Where NumPy may be imported: the backend, the dtypes, machine code for arrays in main memory, and what talks to files, screens and other libraries."""


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The absolute dotted names that a file imports, and whether it does so when it is itself imported (not lazily, not for types)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    lazy: set[ast.AST] = set()
    for node in ast.walk(tree):
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or typing_only or (isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)):
            lazy.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in lazy
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            for alias in node.names:
                yield ".".join([*base, alias.name]), node not in lazy


def module(name: str) -> str:
    """The part of ``autograd_core`` that a dotted name belongs to."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def rank(part: str) -> int:
    """The height of a module of the core; what is listed nowhere is a public namespace and stands on top."""
    for i, layer in enumerate(LAYERS):
        if part in layer:
            return i
    return len(LAYERS) + (GRAPH.index(part) if part in GRAPH else len(GRAPH))


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_downward(path: Path) -> None:
    own = path.relative_to(ROOT).with_suffix("").parts
    for name, at_import in imports(path):
        top = name.split(".")[0]
        if top in PACKAGES and top != own[0]:
            if own[0] == "autograd_core":
                assert (own[0], top) in OUTWARD, f"{path.name} imports {name}"
                assert not at_import, f"{path.name} imports {name} when it is itself imported"
            assert (own[0], top) not in {("optim", "nn"), ("optim", "viz"), ("nn", "optim"), ("nn", "viz")} or (not at_import and own[:2] == ("nn", "training")), f"{path.name} imports {name}"
            if own[0] == "viz" and top != "autograd_core":
                assert len(own) > 2, f"{path.name} imports {name}; the drawing core imports autograd_core only"
                assert own[1] in ("studies", "playground"), f"{path.name} imports {name}; the drawing core imports autograd_core only"
                assert not at_import
        if own[0] == top == "autograd_core" and at_import and len(own) > 1:
            part = module(name)
            known = (ROOT / "autograd_core" / part).is_dir() or (ROOT / "autograd_core" / f"{part}.py").is_file()
            if known and part != own[1] and own[1] != "__init__":
                assert rank(part) <= rank(own[1]), f"{'/'.join(own)} imports {name}, which stands above it"


def test_only_the_functional_namespace_reaches_for_generated_functions() -> None:
    reaching = {path.relative_to(ROOT).as_posix() for path in sources() for name, _ in imports(path) if name.startswith("autograd_core._methods") and path.relative_to(ROOT).parts[0] != "autograd_core"}
    assert reaching == {"nn/functional.py"}


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_array_libraries_are_the_backends_business(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for name, _ in imports(path):
        top = name.split(".")[0]
        assert top not in ("scipy", "torch"), f"{place} imports {name}"
        if top in ("cupy", "cupyx"):
            assert place.startswith("autograd_core/backend"), f"{place} imports {name}"
        if top == "numpy":
            assert any(place == allowed or place.startswith(f"{allowed}/") for allowed in NUMPY), f"{place} imports {name}"


def test_heavy_things_load_when_first_used() -> None:
    heavy = ["matplotlib", "scipy", "torch", "cupy", "sklearn", "PIL", "pygraphviz", "graphviz", "tqdm", "safetensors"]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import autograd_core, nn, optim, viz; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_generated_functions_find_every_name_they_use() -> None:
    """In a process of its own: here, other tests may have asked for functions that are made when they are first asked for."""
    code = """
import builtins, dis, types
from autograd_core import _methods
known = {*vars(_methods), *vars(builtins)}
codes = [each.__code__ for each in vars(_methods).values() if isinstance(each, types.FunctionType) and each.__module__ == _methods.__name__]
print(len(codes), {step.argval for each in codes for step in dis.get_instructions(each) if step.opname == "LOAD_GLOBAL"} - known)
"""
    count, missing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split(" ", 1)
    assert int(count) > 500
    assert missing.strip() == "set()"
