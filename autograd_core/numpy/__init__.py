"""NumPy's namespace with differentiable functions, for programs written for HIPS autograd.

``import autograd_core.numpy as np`` holds every public name of NumPy. Functions of arrays and numbers are NumPy's;
functions of Tensors, or of lists with Tensors in them, are made of this library's ops, so that gradients flow. Constants,
dtypes and classes are NumPy's own objects. ``linalg``, ``fft`` and ``random`` mirror NumPy's modules of these names. A
function that has no differentiable form raises ``TypeError`` for tensors that require grad.

>>> import autograd_core.numpy as np
>>> from autograd_core import Tensor
>>> x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
>>> np.sum(np.sin(x) ** 2 + np.cos(x) ** 2).item()
2.0
>>> np.linspace(0, 1, 3)
array([0. , 0.5, 1. ])
"""

from __future__ import annotations

from typing import Any

import numpy as _numpy

from . import fft, linalg, random
from ._namespace import mirrored, public_names
from .numbers import make_diagonal

__all__ = ["fft", "linalg", "make_diagonal", "random", *public_names(_numpy)]  # noqa: PLE0604 - strings, NumPy's own


def __getattr__(name: str) -> Any:
    if name.startswith("_") or not hasattr(_numpy, name):
        raise AttributeError(f"module 'autograd_core.numpy' has no attribute {name!r}")
    found = globals()[name] = mirrored(_numpy, name)
    return found


def __dir__() -> list[str]:
    return __all__
