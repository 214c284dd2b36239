"""``utils.checkpoint``; ``utils.data`` is ``nn.data`` and ``utils.tensorboard`` is ``viz.tensorboard``, which stand in these places in PyTorch."""

from __future__ import annotations

from typing import Any

from ..aliases import lazy_attribute
from . import checkpoint as checkpoint


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name)
