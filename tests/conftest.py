"""What every test starts from: float32 by default, gradient mode on, and no state left behind."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from autograd_core import dtypes, fastpath
from autograd_core.config import MODE, Mode
from autograd_core.op import COMPOSITES, REGISTRY
from autograd_core.plan.native import toolchain


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--require-torch", action="store_true", help="fail, rather than skip, where PyTorch is missing")
    parser.addoption("--require-native", action="store_true", help="fail, rather than skip, where there is no C compiler")
    parser.addoption("--require-browser", action="store_true", help="fail, rather than skip, where Chromium, its driver or selenium is missing")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--require-torch"):
        try:
            importlib.import_module("torch")
        except ImportError as error:
            raise pytest.UsageError(f"--require-torch: {error}. Install the extra 'parity'") from error
    if config.getoption("--require-browser"):
        if missing := [program for program in ("chromium", "chromedriver") if shutil.which(program) is None]:
            raise pytest.UsageError(f"--require-browser: {' and '.join(missing)} not on the PATH")
        importlib.import_module("selenium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("native")]
    reason = toolchain.missing() if marked or config.getoption("--require-native") else None
    if reason is not None:
        if config.getoption("--require-native"):
            raise pytest.UsageError(f"--require-native: {reason}")
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True, scope="session")
def _fast_paths() -> None:
    """Tests run what a program runs after its first calls; ``tests/registry`` compares it with the general path."""
    for declared in (*REGISTRY.values(), *COMPOSITES.values()):
        fastpath.install(declared)


@pytest.fixture(autouse=True)
def _fresh_state() -> Iterator[None]:
    token = MODE.set(Mode())
    yield
    assert MODE.get().grad, "a test left gradient mode switched off"
    MODE.reset(token)
    dtypes.set_default_dtype(dtypes.float32)


@pytest.fixture
def stream() -> np.random.Generator:
    """Random numbers that are the same in each run."""
    return np.random.default_rng(20260101)
