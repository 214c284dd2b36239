"""C functions as Python calls its own built-in ones: without looking at types or making objects on the way.

A call through ``ctypes`` takes longer than the loops of a small plan. The interpreter's calling convention for built-in
functions needs four of its functions, whose addresses are known at run time, so that no headers of Python are needed.
"""

from __future__ import annotations

import ctypes
from typing import Any

DECLARED = "struct python { void *(*save)(void); void (*restore)(void *); void *(*number)(long); };\n"
"""What the C text knows of the interpreter: how to let other threads run and come back, and how to make a number."""


def _address(function: Any) -> int:
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None
    return found


PYTHON = tuple(_address(function) for function in (ctypes.pythonapi.PyEval_SaveThread, ctypes.pythonapi.PyEval_RestoreThread, ctypes.pythonapi.PyLong_FromLong))
"""The addresses of these functions, in the order of the declaration."""
BY_VECTOR = 0x80
"""The convention that hands over an array of arguments and their count."""


class _Definition(ctypes.Structure):
    """What the interpreter keeps of a built-in function, as it declares it."""

    _fields_ = (("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("convention", ctypes.c_int), ("text", ctypes.c_char_p))


_definitions: dict[int, _Definition] = {}
"""By address, for good: libraries stay loaded, and the interpreter keeps no copy."""
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(("PyCFunction_NewEx", ctypes.pythonapi))


def entry(function: Any, context: Any) -> Any:
    """A C function ``void *f(void *context, void *const *arguments, intptr_t count)`` as a built-in one that holds ``context``."""
    place = _address(function)
    definition = _definitions.get(place)
    if definition is None:
        definition = _definitions[place] = _Definition(b"replay", place, BY_VECTOR, None)
    return _new(ctypes.addressof(definition), context, None)
