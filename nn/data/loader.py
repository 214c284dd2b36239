"""``DataLoader``: a data set in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from autograd_core import Generator, randint

from .collate import default_collate
from .dataset import Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler

if TYPE_CHECKING:
    from collections.abc import Sized


class DataLoader:
    """Batches of a data set, in order or shuffled anew at each pass.

    Parameters
    ----------
    dataset : anything with ``len()`` and items by number.
    batch_size : items per batch; ``None`` gives single items, not joined.
    shuffle : visit the items in a new random order at each pass.
    sampler : an iterable of indices, instead of ``shuffle``.
    batch_sampler : an iterable of lists of indices, instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
    collate_fn : joins a list of items; :func:`default_collate` if not given.
    drop_last : leave out a last batch that is smaller.
    num_workers, pin_memory, persistent_workers, prefetch_factor : PyTorch's hints about how to load. They are accepted and have
        no effect: batches are made in the caller's own thread, when they are asked for.
    generator : the random stream of ``shuffle``. Without it the loader has one of its own, seeded once from the default
        stream, so that the order does not depend on what else is drawn between the passes.

    Raises ``ValueError`` for settings that exclude each other and a negative ``num_workers``, and ``TypeError`` for a data set without ``len()``.

    >>> import autograd_core as ag
    >>> loader = DataLoader(TensorDataset(ag.arange(5)), batch_size=2)
    >>> [x.tolist() for (x,) in loader], len(loader)
    ([[0, 1], [2, 3], [4]], 3)
    """

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool = False, sampler: Iterable[int] | None = None,
                 batch_sampler: Iterable[list[int]] | None = None, num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
                 pin_memory: bool = False, drop_last: bool = False, *, generator: Generator | None = None, persistent_workers: bool = False,
                 prefetch_factor: int | None = None) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise TypeError(f"DataLoader: the data set needs __len__ and __getitem__, which {type(dataset).__name__} lacks")
        if num_workers < 0:
            raise ValueError(f"num_workers option should be non-negative; use num_workers=0 to disable multiprocessing, got {num_workers}")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
        if batch_sampler is None and batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        self.dataset = dataset
        self.batch_size = batch_size if batch_sampler is None else None
        self.drop_last = drop_last
        self.generator = generator
        self.collate_fn = collate_fn
        if sampler is None:
            sampler = RandomSampler(dataset, generator=self._own_generator()) if shuffle else SequentialSampler(dataset)
        self.sampler = sampler
        if batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler

    def _own_generator(self) -> Generator:
        if self.generator is None:
            self.generator = Generator().manual_seed(int(randint(0, 2**62, ()).item()))
        return self.generator

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is None:
            for index in self.sampler:
                item = self.dataset[index]
                yield item if self.collate_fn is None else self.collate_fn(item)
            return
        whole = self.collate_fn is None and _indexes_whole_batches(self.dataset)
        for indices in self.batch_sampler:
            if whole:
                yield list(self.dataset[list(indices)])
                continue
            items = [self.dataset[index] for index in indices]
            yield default_collate(items) if self.collate_fn is None else self.collate_fn(items)

    def __len__(self) -> int:
        source: Sized = self.sampler if self.batch_sampler is None else self.batch_sampler  # type: ignore[assignment]
        return len(source)


def _indexes_whole_batches(dataset: Any) -> bool:
    """Whether ``dataset[list of indices]`` is the joined batch, which is much faster than joining its items."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return type(dataset) is TensorDataset
