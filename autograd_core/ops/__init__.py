"""The table of operations: importing it declares them all.

``autograd_core.ops.<name>`` is the declaration of an op, also of those without a public function.
"""

from __future__ import annotations

from typing import Any

from ..op import REGISTRY
from . import (  # noqa: F401 - the order of declaration is the order of the docs
    attention,
    binary_cross_entropy,
    classes,
    conv,
    cross_entropy,
    einsum,
    elementwise,
    gather,
    getitem,
    index,
    join,
    linalg,
    loss,
    margin,
    moments,
    norm,
    pad,
    pool,
    random,
    reduce,
    scan,
    shape,
    softmax,
    sort,
    special,
    update,
    views,
    write,
)


def __getattr__(name: str) -> Any:
    try:
        return REGISTRY[name]
    except KeyError:
        raise AttributeError(f"no op is called {name!r}") from None
