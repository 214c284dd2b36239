"""The dtypes: small singletons that compare and hash equal to NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np


class dtype:  # noqa: N801 - PyTorch's name
    """A data type such as ``autograd_core.float32``.

    Equal to NumPy's dtype of the same name, and usable wherever NumPy takes a dtype.

    >>> import numpy as np
    >>> float32 == np.dtype("float32"), np.zeros(2, dtype=float32).dtype
    (True, dtype('float32'))
    """

    __slots__ = ("dtype", "is_complex", "is_floating_point", "itemsize", "name", "rank", "type")

    def __init__(self, name: str, rank: int) -> None:
        self.name = name
        self.dtype = np.dtype(name)  # NumPy reads this attribute when it is handed one of ours
        self.type = self.dtype.type
        self.itemsize = self.dtype.itemsize
        self.is_floating_point = self.dtype.kind == "f"
        self.is_complex = self.dtype.kind == "c"
        self.rank = rank

    @property
    def is_signed(self) -> bool:
        """Whether negative numbers have a place in this dtype."""
        return self.dtype.kind in "ifc"

    def __repr__(self) -> str:
        return f"autograd_core.{self.name}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dtype):
            return self is other
        try:
            return bool(self.dtype == other)
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return (as_dtype, (self.name,))


bool_ = dtype("bool", 0)
uint8 = dtype("uint8", 1)
int8 = dtype("int8", 1)
int16 = dtype("int16", 2)
int32 = dtype("int32", 3)
int64 = dtype("int64", 4)
float16 = dtype("float16", 5)
float32 = dtype("float32", 6)
float64 = dtype("float64", 7)
complex64 = dtype("complex64", 8)
complex128 = dtype("complex128", 9)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64, complex64, complex128)
_BY_NUMPY: dict[Any, dtype] = {entry.dtype: entry for entry in ALL}
_BY_PYTHON: dict[Any, dtype] = {bool: bool_, int: int64, float: float64, complex: complex128}


def from_numpy_dtype(numpy_dtype: Any) -> dtype:
    """Our dtype for a native NumPy dtype; ``TypeError`` names those we do not have."""
    found = _BY_NUMPY.get(numpy_dtype)
    if found is None:
        names = ", ".join(entry.name for entry in ALL)
        raise TypeError(f"a tensor cannot hold {numpy_dtype!r}. The dtypes are {names}; convert with .astype() first")
    return found


def as_dtype(value: Any) -> dtype:
    """Our dtype for one of ours, one of NumPy's, a Python type or a name.

    >>> as_dtype("float32"), as_dtype(float), as_dtype(np.int64)
    (autograd_core.float32, autograd_core.float64, autograd_core.int64)
    """
    if isinstance(value, dtype):
        return value
    python = _BY_PYTHON.get(value) if isinstance(value, type) else None
    return python if python is not None else from_numpy_dtype(np.dtype(value))


def is_complex(x: Any) -> bool:
    """Whether an array, a tensor or a number is complex."""
    return as_dtype(x.dtype).is_complex if hasattr(x, "dtype") else isinstance(x, complex)


_default = float32


def get_default_dtype() -> dtype:
    """The dtype that Python floats and lists become; ``float32`` unless changed."""
    return _default


def set_default_dtype(d: Any) -> None:
    """Set the dtype that Python floats become, process-wide.

    Raises ``TypeError`` for anything but a floating-point dtype.
    """
    global _default
    chosen = as_dtype(d)
    if not chosen.is_floating_point:
        raise TypeError(f"the default dtype must be floating point (float16, float32 or float64), not {chosen.name}")
    _default = chosen


def default_complex() -> dtype:
    """The complex dtype whose parts have the default dtype's precision."""
    return complex128 if _default is float64 else complex64
