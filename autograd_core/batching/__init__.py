"""Vectorisation: a tensor that stands for one example of a batch, and how ops run on whole batches behind it.

Inside ``vmap`` the function sees a ``Batched`` tensor with the shape of one example. Behind it lies a Tensor whose
first dimension is the batch. An op on Batched tensors is rewritten by its batching rule (``rules``) into ops
on those; they are recorded like any others, so gradients inside and around ``vmap`` are gradients of the whole batch.
Every ``vmap`` has a level, its depth. A Batched tensor of several levels holds one of the next lower level.
"""

from __future__ import annotations

from . import algebra, dims, indexing, layers, shapes  # noqa: F401 - they add their rules
from .examples import Batched, VmapError, active_frames, base_of, batched, canonical, expand_to, levels_of, over_levels, reordered
from .frame import Frame
from .gradients import reaches

__all__ = [
    "Batched",
    "Frame",
    "VmapError",
    "active_frames",
    "base_of",
    "batched",
    "canonical",
    "expand_to",
    "levels_of",
    "over_levels",
    "reaches",
    "reordered",
]
