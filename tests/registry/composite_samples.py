"""Samples of the composites: public functions made of ops."""

from __future__ import annotations

from autograd_core.op import Sample

SAMPLES: dict[str, list[Sample]] = {}
