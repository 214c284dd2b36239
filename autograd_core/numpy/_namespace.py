"""A NumPy module mirrored: every name of it, its functions differentiable where a Tensor is among their arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ..interop import call_function, call_ufunc
from .functions import FUNCTIONS
from .register import holds_tensor


def public_names(module: ModuleType) -> list[str]:
    """The names that a module offers, without its sub-modules."""
    return [name for name in dir(module) if not name.startswith("_") and not isinstance(getattr(module, name), ModuleType)]


def mirrored(module: ModuleType, name: str) -> Any:
    """What stands for ``module.name``: functions wrapped, everything else (constants, dtypes, classes) NumPy's own object."""
    found = getattr(module, name)
    if isinstance(found, (type, ModuleType)) or not callable(found):
        return found
    place = module.__name__.removeprefix("numpy").strip(".")
    return _accepting_tensors(found, f"{place}.{name}" if place else name)


def _accepting_tensors(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    is_ufunc = hasattr(function, "nin") and name not in FUNCTIONS

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not any([holds_tensor(value) for value in args]) and not (kwargs and any([holds_tensor(value) for value in kwargs.values()])):
            return function(*args, **kwargs)
        return call_ufunc(function, "__call__", args, kwargs) if is_ufunc else call_function(function, name, args, kwargs)

    return call
