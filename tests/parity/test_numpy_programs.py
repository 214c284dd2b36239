"""Programs written for HIPS autograd give the same numbers there and here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core.numpy as here
from autograd_core import grad

from ..numpy_programs import PROGRAMS
from ..test_numpy_programs import flat

hips = pytest.importorskip("autograd", reason="HIPS autograd is not installed")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_program(program: Any) -> None:
    import autograd.numpy as there

    for a, e in zip(flat(program(here, grad)), flat(program(there, hips.grad)), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-9, atol=1e-12)
