"""Where the time and the memory of a step go; PyTorch's ``torch.profiler``.

``session`` is what users hold, ``recording`` what dispatch and the backward pass call, ``table``, ``timeline`` and ``trace`` show
what was recorded.
"""

from __future__ import annotations

from .session import ProfilerActivity, profile, record_function
from .table import Averages, Row
from .timeline import Holder, Timeline

__all__ = ["Averages", "Holder", "ProfilerActivity", "Row", "Timeline", "profile", "record_function"]
