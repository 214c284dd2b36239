"""``utils.checkpoint``, and ``utils.data``, which is ``nn.data``, as ``torch.utils.data``."""

from __future__ import annotations

from typing import Any

from ..aliases import lazy_attribute
from . import checkpoint as checkpoint


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name)
