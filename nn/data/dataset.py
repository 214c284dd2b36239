"""Data sets: anything with ``len()`` and items by number."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from autograd_core import Tensor, int64, randperm, tensor

if TYPE_CHECKING:
    from autograd_core import Generator

Item_co = TypeVar("Item_co", covariant=True)


class Dataset(Generic[Item_co]):
    """The base class of data sets: subclasses define ``__getitem__(index)`` and ``__len__()``."""

    def __getitem__(self, index: Any) -> Item_co:
        raise NotImplementedError(f"{type(self).__name__} is a Dataset, so it needs __getitem__(self, index)")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset:
        return ConcatDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors with the same first size; item ``i`` is the tuple of their ``i``-th entries.

    A list of indices gives the tuple of those entries, joined. Raises ``ValueError`` if the first sizes differ.

    >>> import autograd_core as ag
    >>> data = TensorDataset(ag.tensor([[1.0], [2.0]]), ag.tensor([0, 1]))
    >>> len(data), data[1][0].tolist(), data[1][1].item()
    (2, [2.0], 1)
    """

    def __init__(self, *tensors: Tensor) -> None:
        for each in tensors:
            if not isinstance(each, Tensor):
                raise TypeError(f"TensorDataset holds Tensors, got {type(each).__name__}. Convert it with autograd_core.as_tensor")
        shapes = ", ".join(str(tuple(each.shape)) for each in tensors)
        if not tensors or any(each.ndim == 0 for each in tensors) or len({each.shape[0] for each in tensors}) > 1:
            raise ValueError(f"TensorDataset: Size mismatch between tensors: all need the same first size, got the shapes {shapes or 'of no tensor'}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        if isinstance(index, list):
            rows = tensor(index, dtype=int64)
            return tuple([each.index_select(0, rows if each.device == "cpu" else rows.to(each.device)) for each in self.tensors])
        return tuple([each[index] for each in self.tensors])

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])


class Subset(Dataset[Any]):
    """The items of ``dataset`` at ``indices``."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[Any]):
    """Several data sets one after the other. Raises ``ValueError`` for none."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("datasets should not be an empty iterable")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __getitem__(self, index: int) -> Any:
        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of range for a data set of {length} items")
        index %= length
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset]:
    """Split a data set at random into parts that do not overlap.

    Parameters
    ----------
    lengths : the sizes of the parts, which add up to ``len(dataset)``; or fractions that add up to 1, of which the
        items that are left over by rounding down go to the first parts in turn.
    generator : the random stream; the default one if not given.

    Raises ``ValueError`` for lengths that do not add up.

    >>> import autograd_core as ag
    >>> parts = random_split(range(10), [0.7, 0.3], generator=ag.Generator().manual_seed(0))
    >>> [len(part) for part in parts], sorted(item for part in parts for item in part) == list(range(10))
    ([7, 3], True)
    """
    sizes = list(lengths)
    total = len(dataset)
    if any(n < 0 for n in sizes):
        raise ValueError(f"random_split: lengths must not be negative, got {sizes}")
    if all(isinstance(n, int) for n in sizes) and sum(sizes) == total:
        counts = [int(n) for n in sizes]
    elif math.isclose(sum(sizes), 1):
        counts = [math.floor(total * fraction) for fraction in sizes]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
    else:
        raise ValueError(f"Sum of input lengths does not equal the length of the input dataset! The lengths {list(lengths)} add up to {sum(lengths)}, "
                         f"but the data set has {total} items. Give sizes that add up to that, or fractions that add up to 1")
    order = randperm(total, generator=generator).tolist()
    return [Subset(dataset, order[end - n:end]) for n, end in zip(counts, itertools.accumulate(counts), strict=True)]
