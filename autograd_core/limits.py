"""What the numbers of a dtype can hold: ``finfo`` and ``iinfo``."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes


class finfo:  # noqa: N801 - PyTorch's name
    """The limits of a floating point dtype; of the parts of numbers for a complex one.

    Parameters
    ----------
    type : the dtype. Default: the default dtype.

    ``bits``, ``dtype`` (its name), ``max``, ``min``, ``eps`` (what follows 1, less 1), ``tiny`` and ``smallest_normal`` (the smallest number of
    full precision), ``resolution``. Raises ``TypeError`` for other dtypes.

    >>> import autograd_core as ag
    >>> ag.finfo(ag.float32).max, ag.finfo(ag.float64).eps, ag.finfo(ag.float16).bits
    (3.4028234663852886e+38, 2.220446049250313e-16, 16)
    """

    def __init__(self, type: dtypes.dtype | None = None) -> None:
        kind = dtypes.get_default_dtype() if type is None else _dtype(type, "finfo")
        if not (kind.is_floating_point or kind.is_complex):
            raise TypeError(f"finfo: {kind} is no floating point dtype. Use iinfo for integers")
        library: Any = np
        if kind.name == "bfloat16":
            import ml_dtypes

            library = ml_dtypes
        known = library.finfo(kind.dtype)
        self.dtype = known.dtype.name
        self.bits = int(known.bits)
        self.max, self.min, self.eps = float(known.max), float(known.min), float(known.eps)
        self.tiny = self.smallest_normal = float(known.smallest_normal)
        self.resolution = 10.0 ** -known.precision

    def __repr__(self) -> str:
        return (f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
                f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})")


class iinfo:  # noqa: N801 - PyTorch's name
    """The limits of an integer dtype: ``bits``, ``dtype`` (its name), ``max``, ``min``. Raises ``TypeError`` for other dtypes.

    >>> import autograd_core as ag
    >>> ag.iinfo(ag.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, type: dtypes.dtype) -> None:
        kind = _dtype(type, "iinfo")
        if kind.is_floating_point or kind.is_complex:
            raise TypeError(f"iinfo: {kind} is no integer dtype. Use finfo for floating point numbers")
        if kind is dtypes.bool_:
            raise TypeError(f"iinfo: {kind} is no integer dtype")
        known = np.iinfo(kind.dtype)
        self.dtype, self.bits, self.max, self.min = kind.name, int(known.bits), int(known.max), int(known.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"


def _dtype(type: Any, caller: str) -> dtypes.dtype:
    if not isinstance(type, dtypes.dtype):
        raise TypeError(f"{caller}: expected a dtype such as autograd_core.float32, got {type!r}")
    return type
