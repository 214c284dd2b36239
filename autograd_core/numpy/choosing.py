"""NumPy's functions that choose, index and sort, on Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _methods as m
from ..creation import as_tensor
from ..storage import TensorBase
from .register import named, plain, tensor_of


@named("where")
def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None and y is None:
        return np.nonzero(plain(condition))
    x, y = (tensor_of(each) if np.ndim(each) or isinstance(each, np.generic) else each for each in (x, y))
    return m.where(as_tensor(tensor_of(condition), dtype="bool"), x, y)


@named("select")
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        result = _where(condition, choice, result)
    return result


@named("clip")
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if np.ndim(low) or np.ndim(high):
        low, high = (None if each is None else tensor_of(each) for each in (low, high))
    return m.clamp(tensor_of(a), low, high)


@named("take")
def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    a = tensor_of(a)
    a, axis = (a.reshape(-1), 0) if axis is None else (a, axis % a.ndim)
    return a[(*[slice(None)] * axis, indices if isinstance(indices, (int, TensorBase)) else tensor_of(indices))]


@named("take_along_axis")
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    return m.take_along_dim(tensor_of(arr), tensor_of(indices), dim=axis)


@named("sort")
def _sort(a: Any, axis: int | None = -1, *, kind: str | None = None) -> Any:
    a = tensor_of(a)
    return m.sort(a.reshape(-1), dim=0)[0] if axis is None else m.sort(a, dim=axis, stable=kind == "stable")[0]


@named("partition")
def _partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    return _sort(a, axis)  # in order is partitioned at every position


@named("argsort")
def _argsort(a: Any, axis: int | None = -1) -> Any:
    a = tensor_of(a)
    return m.argsort(a.reshape(-1), dim=0) if axis is None else m.argsort(a, dim=axis)
