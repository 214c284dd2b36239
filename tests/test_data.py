"""Data sets, samplers, collation and the loader."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import autograd_core as ag
from nn.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
)


class Squares(Dataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __getitem__(self, index: int):
        return {"x": float(index), "y": index * index}

    def __len__(self) -> int:
        return self.n


def numbers(n: int) -> TensorDataset:
    return TensorDataset(ag.arange(n), ag.arange(n).to(ag.float32) * 0.5)


def order_of(loader: DataLoader) -> list[int]:
    return [int(i) for x, _ in loader for i in x.tolist()]


def test_tensor_dataset():
    data = numbers(4)
    x, y = data[3]
    assert (x.item(), y.item(), len(data)) == (3, 1.5, 4)
    with pytest.raises(ValueError, match=r"Size mismatch between tensors.*\(2,\), \(3,\)"):
        TensorDataset(ag.zeros(2), ag.zeros(3))
    with pytest.raises(ValueError, match="Size mismatch"):
        TensorDataset(ag.tensor(1.0))
    with pytest.raises(ValueError):
        TensorDataset()
    with pytest.raises(TypeError, match="ndarray"):
        TensorDataset(np.zeros(3))


def test_dataset_needs_getitem():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]


def test_concat():
    both = Subset(range(5), [4, 2]) + Subset(range(3), [1])
    assert list(both) == [4, 2, 1]
    assert both[-1] == 1
    assert len(both) == 3
    with pytest.raises(IndexError):
        both[3]
    with pytest.raises(ValueError, match="empty"):
        ConcatDataset([])
    assert isinstance(Squares(2) + Squares(3), ConcatDataset)


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_batches(drop_last, sizes):
    loader = DataLoader(numbers(10), batch_size=4, drop_last=drop_last)
    assert [len(x) for x, _ in loader] == sizes
    assert len(loader) == len(sizes)
    assert order_of(loader) == list(range(sum(sizes)))
    batch = next(iter(loader))
    assert isinstance(batch, list)
    assert batch[1].dtype == "float32"
    assert batch[0].dtype == "int64"


def test_batches_of_items_equal_batches_of_tensors():
    class Wrapped(Dataset):
        def __getitem__(self, index):
            return numbers(10)[index]

        def __len__(self):
            return 10

    for a, b in zip(DataLoader(Wrapped(), 3), DataLoader(numbers(10), 3), strict=True):
        assert [t.tolist() for t in a] == [t.tolist() for t in b]


def test_collation_of_dicts_in_a_loader():
    batches = list(DataLoader(Squares(3), batch_size=2))
    assert batches[0]["x"].dtype == "float64"
    assert batches[0]["y"].tolist() == [0, 1]
    assert batches[1]["y"].tolist() == [4]


def test_shuffle():
    ag.manual_seed(0)
    loader = DataLoader(numbers(50), batch_size=7, shuffle=True)
    first, second = order_of(loader), order_of(loader)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert first != list(range(50))
    ag.manual_seed(0)
    assert order_of(DataLoader(numbers(50), batch_size=7, shuffle=True)) == first


def test_the_order_does_not_depend_on_other_draws():
    orders = []
    for disturb in (False, True):
        ag.manual_seed(3)
        loader = DataLoader(numbers(20), batch_size=5, shuffle=True)
        seen = []
        for _ in range(2):
            if disturb:
                ag.rand(100)
            seen.append(order_of(loader))
        orders.append(seen)
    assert orders[0] == orders[1]
    given = [order_of(DataLoader(numbers(20), 5, shuffle=True, generator=ag.Generator().manual_seed(9))) for _ in range(2)]
    assert given[0] == given[1]
    before = ag.get_rng_state().tolist()
    order_of(DataLoader(numbers(20), 5, shuffle=True, generator=ag.Generator().manual_seed(9)))
    assert ag.get_rng_state().tolist() == before


def test_samplers():
    data = numbers(6)
    assert order_of(DataLoader(data, 2, sampler=[5, 0, 3])) == [5, 0, 3]
    loader = DataLoader(data, batch_sampler=[[1, 2, 3], [0]])
    assert [x.tolist() for x, _ in loader] == [[1, 2, 3], [0]]
    assert len(loader) == 2
    assert list(BatchSampler(SequentialSampler(range(5)), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2)) == 3
    draws = list(RandomSampler(range(3), replacement=True, num_samples=40, generator=ag.Generator().manual_seed(0)))
    assert len(draws) == 40
    assert set(draws) == {0, 1, 2}
    without = list(RandomSampler(range(3), num_samples=5))
    assert len(without) == 5
    assert sorted(without[:3]) == [0, 1, 2]
    assert sorted(SubsetRandomSampler([7, 9, 4])) == [4, 7, 9]
    assert len(SubsetRandomSampler([1])) == 1
    assert order_of(DataLoader(Subset(data, [4, 1]), 2)) == [4, 1]
    assert order_of(DataLoader(Subset(Subset(data, [4, 1, 2]), [2, 0]), 2)) == [2, 4]


def test_no_batching_and_own_collation():
    items = list(DataLoader(numbers(3), batch_size=None))
    assert [x.item() for x, _ in items] == [0, 1, 2]
    assert len(DataLoader(numbers(3), batch_size=None)) == 3
    assert list(DataLoader(range(5), 2, collate_fn=sum)) == [1, 5, 4]
    assert list(DataLoader(range(2), None, collate_fn=str)) == ["0", "1"]
    assert [batch.tolist() for batch in DataLoader([1.5, 2.5], 2)] == [[1.5, 2.5]]


@pytest.mark.parametrize(("settings", "match"), [
    ({"batch_size": 0}, "positive integer"), ({"batch_size": 2.0}, "positive integer"), ({"batch_size": True}, "positive integer"),
    ({"shuffle": True, "sampler": [0]}, "mutually exclusive with shuffle"), ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive"),
    ({"batch_sampler": [[0]], "drop_last": True}, "mutually exclusive"), ({"batch_size": None, "drop_last": True}, "auto-batching"),
    ({"drop_last": 2}, "boolean"),
])
def test_settings_that_make_no_sense(settings, match):
    with pytest.raises(ValueError, match=match):
        DataLoader(numbers(4), **settings)


def test_errors_of_loader_and_samplers():
    with pytest.raises(TypeError, match="generator lacks"):
        DataLoader(i for i in range(3))
    with pytest.raises(ValueError, match="num_samples"):
        RandomSampler(range(3), num_samples=0)


def test_default_collate():
    Point = namedtuple("Point", "x y")
    joined = default_collate([Point(1, ag.zeros(2)), Point(2, ag.ones(2))])
    assert isinstance(joined, Point)
    assert joined.x.tolist() == [1, 2]
    assert joined.y.tolist() == [[0, 0], [1, 1]]
    assert default_collate([True, False]).dtype == "bool"
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([np.zeros(2, dtype=np.float32), np.ones(2, dtype=np.float32)]).tolist() == [[0, 0], [1, 1]]
    assert default_collate([np.float64(1.5), np.float64(2.5)]).tolist() == [1.5, 2.5]
    assert default_collate([[1, "a"], [2, "b"]])[1] == ("a", "b")
    with pytest.raises(RuntimeError, match=r"\(2,\), \(3,\)"):
        default_collate([ag.zeros(2), ag.zeros(3)])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="found object"):
        default_collate([object(), object()])


def test_random_split():
    parts = random_split(range(10), [3, 7], generator=ag.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [3, 7]
    assert sorted(parts[0][i] for i in range(3)) + sorted(parts[1][i] for i in range(7)) != list(range(10))
    assert sorted([*parts[0].indices, *parts[1].indices]) == list(range(10))
    again = random_split(range(10), [3, 7], generator=ag.Generator().manual_seed(0))
    assert [part.indices for part in again] == [part.indices for part in parts]
    assert [len(part) for part in random_split(range(10), [0.33, 0.33, 0.34])] == [4, 3, 3]
    assert [len(part) for part in random_split(range(1), [1])] == [1]
    with pytest.raises(ValueError, match="add up to 9"):
        random_split(range(10), [4, 5])
    with pytest.raises(ValueError, match=r"add up to 0\.9"):
        random_split(range(10), [0.5, 0.4])
    with pytest.raises(ValueError, match="negative"):
        random_split(range(10), [-1, 11])
