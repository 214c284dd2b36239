"""The table of operations: importing it declares them all.

``autograd_core.ops.<name>`` is the declaration of an op, also of those without a public function.
"""

from __future__ import annotations

from typing import Any

from ..op import REGISTRY
from . import elementwise, shape, views, write, join, pad, index, getitem, gather, sort, reduce, moments, softmax, scan, linalg, einsum, loss, entropy, random, update, conv, pool, norm, attention, special  # noqa: F401, I001 - the order of declaration is the order of the docs


def __getattr__(name: str) -> Any:
    try:
        return REGISTRY[name]
    except KeyError:
        raise AttributeError(f"no op is called {name!r}") from None
