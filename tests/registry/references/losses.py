"""Losses, distances and dropout, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

from .common import Reference

REFERENCES: dict[str, Reference] = {}
NO_REFERENCE: dict[str, str] = {}
