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

    __slots__ = ("dtype", "is_complex", "is_floating_point", "itemsize", "kind", "name", "rank", "type")

    dtype: Any
    """NumPy's dtype of that name; NumPy reads this attribute when it is handed one of ours."""
    type: Any
    """NumPy's class of single numbers."""

    def __init__(self, name: str, rank: int, kind: str, itemsize: int) -> None:
        self.name = name
        self.rank = rank
        self.kind = kind
        self.itemsize = itemsize
        self.is_floating_point = kind == "f"
        self.is_complex = kind == "c"
        if name != "bfloat16":
            self.dtype = np.dtype(name)
            self.type = self.dtype.type

    def __getattr__(self, attribute: str) -> Any:
        """NumPy's side of ``bfloat16``, which another library has: found when it is first asked for."""
        if attribute not in ("dtype", "type") or self.name != "bfloat16":
            raise AttributeError(f"a dtype has no attribute {attribute!r}")
        try:
            import ml_dtypes
        except ImportError:
            raise ImportError("bfloat16 needs the package ml_dtypes: pip install 'autograd-core[bfloat16]'") from None
        self.dtype = np.dtype(ml_dtypes.bfloat16)
        self.type = self.dtype.type
        _BY_NUMPY[self.dtype] = self
        global narrow_in_use
        narrow_in_use = True
        return self.dtype if attribute == "dtype" else self.type

    @property
    def is_signed(self) -> bool:
        """Whether negative numbers have a place in this dtype."""
        return self.kind in "ifc"

    def __repr__(self) -> str:
        return f"autograd_core.{self.name}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dtype):
            return self is other
        if self.name == "bfloat16":  # without need for the library
            return getattr(other, "name", other) == "bfloat16"
        try:
            return bool(self.dtype == other)
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash("bfloat16") if self.name == "bfloat16" else hash(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        return (as_dtype, (self.name,))


bool_ = dtype("bool", 0, "b", 1)
uint8 = dtype("uint8", 1, "u", 1)
int8 = dtype("int8", 1, "i", 1)
int16 = dtype("int16", 2, "i", 2)
int32 = dtype("int32", 3, "i", 4)
int64 = dtype("int64", 4, "i", 8)
uint16 = dtype("uint16", 4, "u", 2)
uint32 = dtype("uint32", 4, "u", 4)
uint64 = dtype("uint64", 4, "u", 8)
float16 = dtype("float16", 5, "f", 2)
bfloat16 = dtype("bfloat16", 5, "f", 2)
float32 = dtype("float32", 6, "f", 4)
float64 = dtype("float64", 7, "f", 8)
complex64 = dtype("complex64", 8, "c", 8)
complex128 = dtype("complex128", 9, "c", 16)

ALL = (bool_, uint8, int8, int16, int32, int64, float16, float32, float64, complex64, complex128)
"""The dtypes that NumPy has itself."""
EVERY = (*ALL[:7], bfloat16, *ALL[7:])
"""Those and ``bfloat16``, which NumPy has with the package ml_dtypes."""
UNSIGNED = (uint16, uint32, uint64)
"""Dtypes that combine with none but themselves and floating point."""
_BY_NUMPY: dict[Any, dtype] = {entry.dtype: entry for entry in (*ALL, *UNSIGNED)}
_BY_PYTHON: dict[Any, dtype] = {bool: bool_, int: int64, float: float64, complex: complex128}


def from_numpy_dtype(numpy_dtype: Any) -> dtype:
    """Our dtype for a native NumPy dtype; ``TypeError`` names those we do not have."""
    found = _BY_NUMPY.get(numpy_dtype)
    if found is None and getattr(numpy_dtype, "name", None) == "bfloat16" and bfloat16.dtype == numpy_dtype:
        return bfloat16
    if found is None:
        names = ", ".join(entry.name for entry in (*ALL, *UNSIGNED))
        raise TypeError(f"a tensor cannot hold {numpy_dtype!r}. The dtypes are {names}; convert with .astype() first")
    return found


def as_dtype(value: Any) -> dtype:
    """Our dtype for one of ours, one of NumPy's, a Python type or a name.

    >>> as_dtype("float32"), as_dtype(float), as_dtype(np.int64)
    (autograd_core.float32, autograd_core.float64, autograd_core.int64)
    """
    if isinstance(value, dtype):
        return value
    if value.__class__ is str and value == "bfloat16":
        return bfloat16
    python = _BY_PYTHON.get(value) if isinstance(value, type) else None
    return python if python is not None else from_numpy_dtype(np.dtype(value))


narrow_in_use = False
"""Whether the package of ``bfloat16`` was loaded, so that arrays of it may exist."""


def narrow(array: Any) -> bool:
    """Whether an array holds ``bfloat16`` numbers."""
    return narrow_in_use and getattr(array, "dtype", None) == bfloat16.dtype


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
