"""What every test starts from: float32 by default, a fixed seed, and no state left behind."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from autograd_core import dtypes
from autograd_core.config import MODE, Mode


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
