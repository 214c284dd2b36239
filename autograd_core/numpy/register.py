"""The register of NumPy's functions on Tensors, and how their arguments become Tensors.

``FUNCTIONS`` is what ``np.sum(tensor)`` and ``autograd_core.numpy.sum(tensor)`` call. Inputs are Tensors, arrays,
numbers and nested lists of those; results are Tensors. Dtypes are promoted as tensors are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _methods as m
from ..spec import result_type_of
from ..storage import TensorBase, wrap

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""Names in NumPy's namespace -> functions on Tensors with NumPy's parameters; each file of a family adds its own."""


def named(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the function that stands for NumPy's functions of these names."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            FUNCTIONS[name] = function
        return function

    return register


def holds_tensor(value: Any) -> bool:
    """Whether a value is a Tensor, or a list or tuple with one in it."""
    return isinstance(value, TensorBase) or (isinstance(value, (list, tuple)) and any([holds_tensor(each) for each in value]))


def tensor_of(value: Any) -> Any:
    """A Tensor of whatever an array function takes: arrays share their memory, lists with Tensors in them are stacked."""
    if isinstance(value, TensorBase):
        return value
    if isinstance(value, np.ndarray):
        return wrap(value)
    if isinstance(value, (list, tuple)) and holds_tensor(value):
        return m.stack([tensor_of(each) for each in value])
    return wrap(np.asarray(value))


def promoted(*values: Any) -> list[Any]:
    """The values as Tensors of one dtype, as products need them."""
    tensors = [tensor_of(each) for each in values]
    target = result_type_of(tensors)
    return [each.to(target) for each in tensors]


def members(values: Any) -> list[Any]:
    """The members of a sequence, or the rows of an array, as Tensors."""
    return list(m.unbind(tensor_of(values))) if isinstance(values, TensorBase) else [tensor_of(each) for each in values]


def plain_axes(axis: Any) -> Any:
    """Axes as the ops take them."""
    return tuple(axis) if isinstance(axis, list) else axis


def plain(value: Any) -> Any:
    """An argument that gets no gradient, as NumPy takes it."""
    if isinstance(value, TensorBase):
        return value.detach().cpu().numpy()  # type: ignore[attr-defined]
    return type(value)(plain(each) for each in value) if isinstance(value, (list, tuple)) and holds_tensor(value) else value
