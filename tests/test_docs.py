"""The README, the pages in ``docs/`` and the worked example in CONTRIBUTING.md are run as written."""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_blocks(path: Path) -> int:
    """Run every Python block of a page in one namespace; blocks with prompts are doctests."""
    namespace: dict[str, object] = {"__name__": "__page__"}
    blocks = BLOCK.findall(path.read_text(encoding="utf-8"))
    for number, block in enumerate(blocks, 1):
        if block.lstrip().startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(block, namespace, f"{path.name} block {number}", str(path), 0)
            runner = doctest.DebugRunner(verbose=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
            runner.run(test, clear_globs=False)
            namespace.update(test.globs)
        else:
            exec(compile(block, f"{path.name} block {number}", "exec"), namespace)
    return len(blocks)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_blocks(page)


def test_pages_have_code() -> None:
    assert sum(len(BLOCK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 15


def test_the_worked_example_of_adding_an_op(tmp_path: Path) -> None:
    """In a process of its own, because it declares an op."""
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(blocks) == 2
    result = subprocess.run([sys.executable, "-W", "error", "-c", "\n".join(blocks)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_tour_lists_every_file_of_the_engine() -> None:
    listing = (ROOT / "docs" / "engine.md").read_text(encoding="utf-8").partition("## The folders")[2]
    words = set(re.findall(r"\w+", listing))
    for folder in (ROOT / "autograd_core", ROOT / "autograd_core" / "plan"):
        there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()} - {"__init__"}
        assert there <= words, f"docs/engine.md does not say what these are in {folder.name}: {sorted(there - words)}"


def modules() -> list[str]:
    names = []
    for package in ("autograd_core", "nn", "optim", "viz"):
        names.append(package)
        names += [module.name for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")]
    return names


@pytest.mark.parametrize("name", modules())
def test_docstrings(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


def test_the_gallery_is_current(tmp_path: Path) -> None:
    """The command that makes the page makes this page, and every picture."""
    subprocess.run([sys.executable, str(ROOT / "docs" / "make_gallery.py"), "--out", str(tmp_path)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert (tmp_path / "gallery.md").read_text(encoding="utf-8") == (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    made, kept = ({path.name for path in (root / "images" / "gallery").iterdir()} for root in (tmp_path, ROOT / "docs"))
    assert made == kept
    assert all(path.stat().st_size > 5_000 for path in (tmp_path / "images" / "gallery").iterdir())
