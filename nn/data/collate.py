"""Joining the items of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograd_core import Tensor, as_tensor, float64, stack, tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Join items into a batch, item by item what belongs together.

    Tensors, arrays and numbers are stacked along a new first dimension (floats as float64, ints as int64); dicts, tuples,
    named tuples and lists are joined entry by entry; strings stay as they come. Raises ``TypeError`` for other items and
    ``RuntimeError`` for items of different shapes or lengths.

    >>> import autograd_core as ag
    >>> x, label = default_collate([(ag.tensor([1.0, 2.0]), 0), (ag.tensor([3.0, 4.0]), 1)])
    >>> x.tolist(), label.tolist()
    ([[1.0, 2.0], [3.0, 4.0]], [0, 1])
    """
    first = batch[0]
    if isinstance(first, Tensor):
        _check_shapes(batch)
        return stack(list(batch))
    if hasattr(first, "__array__") and hasattr(first, "dtype"):
        _check_shapes(batch)
        return stack([as_tensor(item) for item in batch])
    if isinstance(first, float):
        return tensor(list(batch), dtype=float64)
    if isinstance(first, (bool, int)):
        return tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        joined = {key: default_collate([item[key] for item in batch]) for key in first}
        return joined if type(first) is dict else type(first)(joined)  # type: ignore[call-arg]
    if isinstance(first, Sequence):
        if len({len(item) for item in batch}) > 1:
            raise RuntimeError("each element in list of batch should be of equal size")
        parts = [default_collate(part) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first).__name__}. "
                    "Pass your own collate_fn")


def _check_shapes(batch: Sequence[Any]) -> None:
    shapes = {tuple(item.shape) for item in batch}
    if len(shapes) > 1:
        raise RuntimeError(f"default_collate: stack expects each tensor to be equal size, but the items have the shapes {', '.join(map(str, sorted(shapes)))}. "
                           "Bring them to one shape in the data set, or pass a collate_fn that pads them")
