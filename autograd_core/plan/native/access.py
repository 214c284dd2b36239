"""Where the elements of a value lie: whose memory, from which byte on, in which steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..graph import Graph, Step, Value

Dims = tuple[tuple[int, int], ...]
"""(number, step in bytes) of each dimension, outermost first, in the fewest dimensions that say the same."""


@dataclass(frozen=True)
class Access:
    """The elements that one loop visits: memory, first byte, dimensions."""

    base: Value
    offset: int
    dims: Dims
    size: int
    """Bytes of an element."""


def merged(shape: Sequence[int], strides: Sequence[int]) -> Dims:
    """Dimensions of one element left out, those that are one in memory joined."""
    dims: list[tuple[int, int]] = []
    for n, step in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if dims and dims[-1][1] == step * n:
            dims[-1] = (dims[-1][0] * n, step)
        else:
            dims.append((n, step))
    return tuple(dims)


def broadcast(value: Value, shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a value that is repeated to a shape."""
    missing = len(shape) - len(value.shape)
    return (0,) * missing + tuple([0 if n == 1 else step for n, step in zip(value.shape, value.strides, strict=True)])


def boundaries(dims: Dims) -> set[int]:
    """After how many elements, counted from the innermost, each dimension ends."""
    ends = {1}
    count = 1
    for n, _ in reversed(dims):
        count *= n
        ends.add(count)
    return ends


def nested(ends: Iterable[int]) -> bool:
    """Whether loops can be made that have all of these ends."""
    ordered = sorted(ends)
    return all(b % a == 0 for a, b in pairwise(ordered))


def strides_over(dims: Dims, ends: Sequence[int]) -> list[int]:
    """The step of each loop of a nest, outermost first; ``ends`` are its boundaries from 1 upward."""
    steps = []
    for low in ends[:-1]:
        count = 1
        for n, step in reversed(dims):
            if count <= low < count * n:
                steps.append(step * (low // count))
                break
            count *= n
        else:
            steps.append(0)
    return steps[::-1]


class Places:
    """The memory and the first byte of every value of a graph, views followed to what they are views of."""

    def __init__(self, graph: Graph) -> None:
        self.where: dict[Value, tuple[Value, int]] = {}
        self.views: dict[Value, Step] = {}
        """The values that are views made by a step that does nothing else."""
        for step in graph.steps:
            self._step(step)

    def of(self, value: Value) -> tuple[Value, int]:
        """Whose memory it is, and from which byte on."""
        return self.where.get(value, (value, 0))

    def access(self, value: Value, shape: Sequence[int], order: Sequence[int] | None = None) -> Access:
        """What a loop over a shape visits, its dimensions in another order where one is given."""
        base, offset = self.of(value)
        strides = broadcast(value, shape)
        if order is not None:
            shape, strides = [shape[i] for i in order], tuple([strides[i] for i in order])
        return Access(base, offset, merged(shape, strides), value.dtype.itemsize)

    def element(self, step: Step) -> Access | None:
        """The one element that an indexing step copies, if its index is made of whole numbers."""
        source, key = step.inputs
        keys = key if isinstance(key, tuple) else (key,)
        if not isinstance(source, Value) or len(keys) != len(source.shape) or any(k.__class__ is not int for k in keys):
            return None
        base, offset = self.of(source)
        return Access(base, offset + sum(k % n * step for k, n, step in zip(keys, source.shape, source.strides, strict=True)), (), source.dtype.itemsize)

    def _step(self, step: Step) -> None:
        output = step.outputs[0] if len(step.outputs) == 1 else None
        if output is None:
            return
        if step.into:
            self.where[output] = self.of(step.inputs[0])
        elif step.single and not step.writes and step.kind == "call" and output.root is not output:
            found = self._offset(step, output)
            if found is not None:
                self.where[output] = found
                self.views[output] = step

    def _offset(self, step: Step, output: Value) -> tuple[Value, int] | None:
        """Where a view lies: its step, which copies nothing, is run on an array that looks like the source."""
        source = step.inputs[0] if step.inputs else None
        if not isinstance(source, Value) or sum(1 for _ in step.reads()) != 1:
            return None
        stand = stand_in(source.dtype, source.shape, source.strides)
        view = step.function(stand, *step.inputs[1:], **step.attrs)
        if not isinstance(view, np.ndarray) or (view.shape, view.dtype, view.strides) != (output.shape, output.dtype, output.strides):
            return None
        base, offset = self.of(source)
        return base, offset + address(view) - address(stand)


def stand_in(dtype: Any, shape: Sequence[int], strides: Sequence[int]) -> Any:
    """An array that looks like another, with the memory of one element: it must be neither read nor written."""
    return np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, strides)


def address(array: Any) -> int:
    """Where an array's first element lies."""
    return int(array.__array_interface__["data"][0])
