"""PyTorch on one thread, so that its results do not depend on the machine."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)
