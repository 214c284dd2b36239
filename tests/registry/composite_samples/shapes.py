"""Shapes, creation and random numbers: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Sample

SAMPLES: dict[str, list[Sample]] = {}
ELSEWHERE: dict[str, str] = {}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
