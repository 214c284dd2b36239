"""Indexing, gathering, scattering, sorting and searching against PyTorch on generated tensors: values, derivatives on both sides, writes, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

torch = pytest.importorskip("torch")

import autograd_core as ag  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

NAN = math.nan
Program = Callable[..., Any]
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (tuple, list)) else [result]


def compare(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    actual, expected = actual.detach().numpy(), expected.detach().numpy()
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if actual.dtype.kind == "f":
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_array_equal(actual, expected)


def numbers(shape: Any, seed: int) -> np.ndarray[Any, Any]:
    count = math.prod(shape)
    stream = np.random.default_rng(seed)
    return np.asarray((stream.permutation(count) + stream.uniform(0.2, 0.8, count)) / max(count, 1) * 3 - 1.2).reshape(shape)


def run(lib: Any, program: Program, arrays: list[np.ndarray[Any, Any]]) -> list[Any]:
    """Results, gradients and second derivatives; ``None`` for what does not ask for one."""
    tensors = [lib.from_numpy(array.copy()) for array in arrays]
    leaves = [x.requires_grad_() for x in tensors if x.is_floating_point()]
    outputs = parts(program(lib, *tensors))
    total = sum((y * y * lib.from_numpy(np.cos(np.arange(float(y.numel()))).reshape(tuple(y.shape)))).sum() for y in outputs if y.requires_grad)
    if not hasattr(total, "backward"):
        return outputs
    first = lib.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    second: Any = sum((g * g).sum() for g in first if g is not None and g.requires_grad)
    more = lib.autograd.grad(second, leaves, allow_unused=True) if hasattr(second, "backward") else [None] * len(leaves)
    return [*outputs, *first, *more]


def same(program: Program, *arrays: np.ndarray[Any, Any]) -> None:
    """What ``program(library, *tensors)`` gives in both: values and derivatives, or the type of the error."""
    try:
        expected = run(torch, program, list(arrays))
    except NotImplementedError:
        return
    except Exception as error:
        with pytest.raises(type(error)):
            run(ag, program, list(arrays))
        return
    actual = run(ag, program, list(arrays))
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        if e is None or a is None:
            assert a is None or not a.detach().numpy().any()
            assert e is None or not e.any()
        else:
            compare(a, e)


def ints(shape: Any, low: int, high: int, seed: int) -> np.ndarray[Any, Any]:
    return np.asarray(np.random.default_rng(seed).integers(low, high, shape))


# --- x[index], x[index] = v, x[index] += v ------------------------------------------------------------------------


@st.composite
def keys(draw: Any, shape: tuple[int, ...], *, repeats: bool = True) -> Any:
    """An index of every form, as a function of the library: integers, slices with steps, ``None``, ``...``, lists, integer and boolean tensors, mixed."""
    count = draw(st.integers(1, 3))
    items: list[Any] = []
    dim = 0
    stop = draw(st.integers(0, len(shape)))
    while dim < stop:
        n = shape[dim]
        kind = draw(st.sampled_from(["int", "slice", "list", "tensor", "column", "mask", "list", "negative"]))
        positions = st.lists(st.integers(-n, n - 1), min_size=count, max_size=count) if repeats or n < count else st.permutations(range(n)).map(lambda order: order[:count])
        if kind == "int":
            items.append(draw(st.integers(-n, n - 1)))
        elif kind == "slice":
            bound = st.one_of(st.none(), st.integers(-n - 1, n + 1))
            items.append(slice(draw(bound), draw(bound), draw(st.one_of(st.none(), st.integers(1, 3)))))
        elif kind == "list":
            items.append(draw(positions))
        elif kind == "tensor":
            items.append(np.array(draw(positions)))
        elif kind == "column":
            items.append(np.array(draw(positions))[:, None])
        elif kind == "negative":
            items.append(np.array([-1] * count))
        else:
            items.append(np.arange(n) < min(count, n))
        dim += 1
    for _ in range(draw(st.integers(0, 1))):
        items.insert(draw(st.integers(0, len(items))), None)
    if draw(st.booleans()):
        items.insert(len(items), Ellipsis)
    plain = len(items) == 1 and draw(st.booleans())

    note(f"index {items}, plain {plain}")

    def key(lib: Any) -> Any:
        converted = tuple(lib.from_numpy(item) if isinstance(item, np.ndarray) else item for item in items)
        return converted[0] if plain else converted

    return key


@settings(max_examples=300, deadline=None)
@given(shape=SHAPES, data=st.data())
def test_reading(shape: tuple[int, ...], data: Any) -> None:
    key = data.draw(keys(shape))
    same(lambda lib, x: x[key(lib)], numbers(shape, 0))


@settings(max_examples=200, deadline=None)
@given(shape=SHAPES, data=st.data(), what=st.sampled_from(["number", "region", "row", "0-d"]))
def test_assigning(shape: tuple[int, ...], data: Any, what: str) -> None:
    """Where positions repeat a number is written: PyTorch does not say which of several values stays, and counts the gradient of one that is written twice double."""
    key = data.draw(keys(shape))
    try:
        region = tuple(torch.zeros(shape)[key(torch)].shape)
    except IndexError:
        return
    flat = torch.arange(math.prod(shape)).reshape(shape)[key(torch)].reshape(-1)
    if len(flat.unique()) < len(flat):
        what = "number"
    value = {"number": numbers((), 1), "0-d": numbers((), 1), "region": numbers(region, 1), "row": numbers(region[-1:], 1)}[what]

    def assign(lib: Any, x: Any, v: Any) -> Any:
        y = x * 2
        y[key(lib)] = 1.5 if what == "number" else v
        return y * y

    same(assign, numbers(shape, 0), value)


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, data=st.data())
def test_adding_in_place(shape: tuple[int, ...], data: Any) -> None:
    """``y[i] += v`` is ``y[i] = y[i] + v``."""
    key = data.draw(keys(shape, repeats=False))
    try:
        region = torch.arange(math.prod(shape)).reshape(shape)[key(torch)]
    except IndexError:
        return

    def add(lib: Any, x: Any, v: Any) -> Any:
        y = x * 2
        y[key(lib)] += v
        return y * y

    if len(region.unique()) == region.numel():
        same(add, numbers(shape, 0), numbers(tuple(region.shape), 1))
        same(add, numbers(shape, 0), numbers((), 1))


def test_an_assigned_value_that_is_written_twice_counts_once() -> None:
    x, v = ag.zeros(3), ag.tensor(2.0, requires_grad=True)
    x[[0, 0, 1]] = v
    x.sum().backward()
    assert x.tolist() == [2.0, 2.0, 0.0]
    assert v.grad.item() == 2.0


def test_adding_at_repeated_positions_reads_each_once() -> None:
    for lib in (ag, torch):
        x = lib.zeros(3)
        x[lib.tensor([0, 0, 1])] += 1
        assert x.tolist() == [1.0, 1.0, 0.0]


@settings(max_examples=80, deadline=None)
@given(shape=SHAPES, data=st.data())
def test_masks_of_leading_dims(shape: tuple[int, ...], data: Any) -> None:
    mask = data.draw(hnp.arrays(np.bool_, shape[: data.draw(st.integers(1, len(shape)))]))
    same(lambda lib, x: x[lib.from_numpy(mask)], numbers(shape, 0))

    def assign(lib: Any, x: Any) -> Any:
        y = x * 2
        y[lib.from_numpy(mask)] = 0.5
        return y

    same(assign, numbers(shape, 0))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("key", [0, -1, [1, 0, 1], [True, False, True], slice(0, 3, 2), (..., 1), (None, [0, 2]), ([0, 2], [1, 0]), True, False, [], ...], ids=str)
def test_reading_every_dtype(dtype: str, key: Any) -> None:
    array = np.array([[0, 1], [2, 0], [1, 3]]).astype(dtype)
    compare(ag.from_numpy(array)[key], torch.from_numpy(array)[key])
    compare(ag.from_numpy(array.T.copy().T)[key], torch.from_numpy(array)[key])


@pytest.mark.parametrize("index", ["int32", "int64", "int16", "int8"])
def test_index_dtypes(index: str) -> None:
    positions = np.array([2, 0, -1]).astype(index)
    x = ag.from_numpy(numbers((3, 2), 0)).requires_grad_()
    y = x[ag.from_numpy(positions)]
    y.sum().backward()
    np.testing.assert_array_equal(y.detach().numpy(), x.detach().numpy()[positions])
    assert x.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


BAD_KEYS: list[Any] = [
    3, -4, (0, 2), (0, 0, 0), [0, 3], [[0], [-4]], 1.0, ([0, 1], [0, 1, 2]), [True, False], (0, [True]), (None, 0, 0, 0),
    (slice(None), 5), (slice(None), [0, 9]), ([0, 1, 2, 3],)]


@pytest.mark.parametrize("key", BAD_KEYS, ids=str)
def test_errors_of_indexing(key: Any) -> None:
    same(lambda lib, x: x[key], numbers((3, 2), 0))
    same(lambda lib, x: x.__setitem__(key, 1.0), numbers((3, 2), 0).astype("int64"))


# --- along one dimension ------------------------------------------------------------------------------------------


@st.composite
def rows(draw: Any, low: int = 0) -> Any:
    """A shape, a dim, and an index vector for it; ``low=-1``: its numbers may be negative."""
    shape = draw(SHAPES)
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    return shape, dim, np.array(draw(st.lists(st.integers(low * shape[dim], shape[dim] - 1), max_size=5)), dtype=np.int64)


def resized(shape: tuple[int, ...], dim: int, n: int) -> tuple[int, ...]:
    return tuple(n if d == dim % len(shape) else size for d, size in enumerate(shape))


@settings(max_examples=80, deadline=None)
@given(case=rows())
def test_index_select_and_add(case: Any) -> None:
    shape, dim, index = case
    same(lambda lib, x: lib.index_select(x, dim, lib.from_numpy(index)), numbers(shape, 0))
    same(lambda lib, x, v: x.index_add(dim, lib.from_numpy(index), v, alpha=1.5), numbers(shape, 0), numbers(resized(shape, dim, len(index)), 1))
    same(lambda lib, x, v: (x * 1).index_add_(dim, lib.from_numpy(index), v), numbers(shape, 0), numbers(resized(shape, dim, len(index)), 1))


@settings(max_examples=60, deadline=None)
@given(case=rows(), low=rows(-1), inplace=st.booleans())
def test_index_fill(case: Any, low: Any, inplace: bool) -> None:
    same(lambda lib, x: lib.index_fill(x.detach(), low[1], lib.from_numpy(low[2]), 2), numbers(low[0], 0))  # PyTorch's gradient fails on negative ones
    shape, dim, index = case
    if inplace:
        same(lambda lib, x, v: (x * 1).index_fill_(dim, lib.from_numpy(index), v), numbers(shape, 0), numbers((), 1))
    same(lambda lib, x, v: x.index_fill(dim, lib.from_numpy(index), v), numbers(shape, 0), numbers((), 1))
    same(lambda lib, x: lib.index_fill(x, dim, lib.from_numpy(index), 2), numbers(shape, 0))


@settings(max_examples=60, deadline=None)
@given(case=rows(), inplace=st.booleans())
def test_index_copy(case: Any, inplace: bool) -> None:
    shape, dim, index = case
    index = np.array(list(dict.fromkeys(index.tolist())), dtype=np.int64)
    source = numbers(resized(shape, dim, len(index)), 1)
    if inplace:
        same(lambda lib, x, v: (x * 1).index_copy_(dim, lib.from_numpy(index), v), numbers(shape, 0), source)
    same(lambda lib, x, v: lib.index_copy(x, dim, lib.from_numpy(index), v), numbers(shape, 0), source)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, data=st.data(), accumulate=st.booleans(), inplace=st.booleans())
def test_take_and_put(shape: tuple[int, ...], data: Any, accumulate: bool, inplace: bool) -> None:
    count = math.prod(shape)
    index = data.draw(st.lists(st.integers(-count - (data.draw(st.integers(0, 9)) == 0), count - 1), max_size=4, unique_by=None if accumulate else lambda i: i % count))
    positions = np.array(index, dtype=np.int64)
    if data.draw(st.booleans()):
        positions = positions[:, None]
    same(lambda lib, x: lib.take(x, lib.from_numpy(positions)), numbers(shape, 0))
    if inplace:
        same(lambda lib, x, v: (x * 1).put_(lib.from_numpy(positions), v, accumulate), numbers(shape, 0), numbers(positions.shape, 1))
        same(lambda lib, x, v: (x * 1).T.put_(lib.tensor([2, -1, 0]), v, accumulate), numbers((2, 3), 0), numbers((3,), 1))
    same(lambda lib, x, v: lib.put(x, lib.from_numpy(positions), v, accumulate), numbers(shape, 0), numbers(positions.shape, 1))


@settings(max_examples=80, deadline=None)
@given(shape=SHAPES, data=st.data())
def test_gather_and_scatter(shape: tuple[int, ...], data: Any) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    smaller = tuple(data.draw(st.integers(1, n)) for n in shape)
    smaller = resized(smaller, dim, data.draw(st.integers(0, 5)))
    index = ints(smaller, 0, shape[dim] + (data.draw(st.integers(0, 9)) == 0), data.draw(st.integers(0, 99)))
    once = np.sort(np.argsort(np.random.default_rng(0).random(shape), axis=dim), axis=dim)[tuple(slice(n) for n in smaller)]
    same(lambda lib, x: lib.gather(x, dim, lib.from_numpy(index)), numbers(shape, 0))
    same(lambda lib, x, v: x.scatter_add(dim, lib.from_numpy(index), v), numbers(shape, 0), numbers(smaller, 1))
    same(lambda lib, x, v: (x * 1).scatter_add_(dim, lib.from_numpy(index), v), numbers(shape, 0), numbers(smaller, 1))
    same(lambda lib, x, v: x.scatter(dim, lib.from_numpy(once), v), numbers(shape, 0), numbers(once.shape, 1))
    same(lambda lib, x, v: (x * 1).scatter_(dim, lib.from_numpy(once), v), numbers(shape, 0), numbers(once.shape, 1))
    same(lambda lib, x: (x * 1).scatter_(dim, lib.from_numpy(index), value=2.5), numbers(shape, 0))
    same(lambda lib, x: x.detach().scatter_(dim, lib.from_numpy(index), 3, reduce="multiply"), numbers(shape, 0))
    same(lambda lib, x: x.detach().scatter_(dim, lib.from_numpy(index), 3, reduce="add"), numbers(shape, 0))


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, data=st.data(), reduce=st.sampled_from(["sum", "prod", "mean", "amax", "amin"]), include_self=st.booleans(), inplace=st.booleans())
def test_scatter_reduce(shape: tuple[int, ...], data: Any, reduce: str, include_self: bool, inplace: bool) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    shape_of_index = resized(shape, dim, data.draw(st.integers(1, 5)))
    index = ints(shape_of_index, 0, shape[dim], data.draw(st.integers(0, 99)))
    x, v = numbers(shape, 0), numbers(shape_of_index, 1)

    def call(lib: Any, x: Any, v: Any) -> Any:
        if inplace:
            return (x * 1).scatter_reduce_(dim, lib.from_numpy(index), v, reduce, include_self=include_self)
        return lib.scatter_reduce(x, dim, lib.from_numpy(index), v, reduce, include_self=include_self)

    same(call, x, v)
    compare(call(ag, ag.from_numpy((x * 9).astype("int64")), ag.from_numpy((v * 9).astype("int64"))), call(torch, torch.from_numpy((x * 9).astype("int64")), torch.from_numpy((v * 9).astype("int64"))))


def test_products_by_place_are_right_at_zeros() -> None:
    index, source = np.array([0, 0, 1, 1, 2]), np.array([0.0, 2.0, 0.0, 0.0, 3.0])
    x = ag.from_numpy(np.array([1.5, 2.0, 0.0])).requires_grad_()
    v = ag.from_numpy(source).requires_grad_()
    assert ag.autograd.gradcheck(lambda x, v: x.scatter_reduce(0, ag.from_numpy(index), v, "prod"), (x, v))
    assert ag.autograd.gradgradcheck(lambda x, v: x.scatter_reduce(0, ag.from_numpy(index), v, "prod"), (x, v))


@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_ties_by_place_share_the_gradient(reduce: str) -> None:
    index = np.array([0, 0, 1, 1])
    same(lambda lib, x, v: x.scatter_reduce(0, lib.from_numpy(index), v, reduce), np.array([2.0, 1.0, 5.0]), np.array([2.0, 2.0, 1.0, 3.0]))


@settings(max_examples=80, deadline=None)
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3), data=st.data())
def test_masks_that_broadcast(shapes: Any, data: Any) -> None:
    first, second = shapes.input_shapes
    mask = np.asarray(data.draw(hnp.arrays(np.bool_, second)))
    source = numbers((max(math.prod(shapes.result_shape) - data.draw(st.integers(0, 3)), 0),), 1)
    same(lambda lib, x, v: lib.masked_scatter(x, lib.from_numpy(mask), v), numbers(first, 0), source)
    same(lambda lib, x, v: lib.masked_fill(x, lib.from_numpy(mask), v), numbers(first, 0), numbers((), 1))
    same(lambda lib, x: lib.masked_select(x, lib.from_numpy(mask)), numbers(first, 0))
    if first == shapes.result_shape:
        same(lambda lib, x, v: (x * 1).masked_scatter_(lib.from_numpy(mask), v), numbers(first, 0), source)
        same(lambda lib, x: (x * 1).masked_fill_(lib.from_numpy(mask), 2.0), numbers(first, 0))


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, data=st.data())
def test_take_along_dim(shape: tuple[int, ...], data: Any) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    index = ints(tuple(n if data.draw(st.booleans()) else 1 for n in resized(shape, dim, 3)), 0, shape[dim], 0)
    same(lambda lib, x: lib.take_along_dim(x, lib.from_numpy(index), dim), numbers(shape, 0))
    same(lambda lib, x: lib.take_along_dim(x, lib.from_numpy(index % math.prod(shape))), numbers(shape, 0))


# --- sorting and searching ----------------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5), dtype=st.sampled_from(["float64", "float32", "float16", "int64", "uint8", "bool"]), dim=st.integers(-3, 2),
       descending=st.booleans(), ties=st.booleans())
def test_sorting(shape: tuple[int, ...], dtype: str, dim: int, descending: bool, ties: bool) -> None:
    array = numbers(shape, 3) if not ties else np.random.default_rng(1).integers(0, 3, shape).astype(float)
    if ties and array.size > 2 and dtype.startswith("f"):
        array.reshape(-1)[1] = NAN
    array = np.asarray(array.astype(dtype) if dtype != "uint8" else np.abs(array * 5).astype(dtype))
    same(lambda lib, x: lib.sort(x.detach(), dim=dim, descending=descending, stable=True), array)
    same(lambda lib, x: lib.argsort(x.detach(), dim=dim, descending=descending, stable=True), array)
    if dtype == "float64" and not ties and array.size:
        same(lambda lib, x: lib.sort(x, dim=dim, descending=descending)[0], array)
        same(lambda lib, x: lib.msort(x), array)


@settings(max_examples=80, deadline=None)
@given(shape=SHAPES, dim=st.integers(-3, 2), k=st.integers(-1, 5), largest=st.booleans(), long=st.booleans())
def test_topk(shape: tuple[int, ...], dim: int, k: int, largest: bool, long: bool) -> None:
    if long and -len(shape) <= dim < len(shape):
        shape = resized(shape, dim, 23)
    if k < 0 and not -len(shape) <= dim < len(shape):
        return
    same(lambda lib, x: lib.topk(x, k, dim, largest)[0], numbers(shape, 0))
    same(lambda lib, x: lib.topk(x.detach(), k, dim, largest)[1], numbers(shape, 0))


@settings(max_examples=80, deadline=None)
@given(values=st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, 7.0]), max_size=6).map(sorted), wanted=hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=2, max_side=3),
       elements=st.sampled_from([-1.0, 0.0, 1.0, 1.25, 2.0, 9.0, NAN])), right=st.booleans(), out_int32=st.booleans(), batched=st.booleans())
def test_searching(values: list[float], wanted: Any, right: bool, out_int32: bool, batched: bool) -> None:
    sequence, wanted = np.array(values), np.asarray(wanted)
    if batched and wanted.ndim == 2:
        sequence = np.stack([sequence + i for i in range(wanted.shape[0])])
    same(lambda lib, s, x: lib.searchsorted(s.detach(), x.detach(), right=right, out_int32=out_int32), sequence, wanted)
    same(lambda lib, s, x: lib.bucketize(x.detach(), s.detach(), right=right, out_int32=out_int32), sequence, wanted)
    order = np.random.default_rng(0).permutation(sequence.shape[-1])
    shuffled = sequence[..., np.argsort(order)] if sequence.ndim == 1 else sequence
    if sequence.ndim == 1:
        same(lambda lib, s, x: lib.searchsorted(s.detach(), x.detach(), side="right" if right else "left", sorter=lib.from_numpy(np.argsort(np.argsort(order)))), shuffled, wanted)


@settings(max_examples=100, deadline=None)
@given(array=hnp.arrays(np.int64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), elements=st.integers(0, 2)), dim=st.one_of(st.none(), st.integers(-3, 2)))
def test_distinct_elements(array: Any, dim: Any) -> None:
    array = np.asarray(array)
    if dim is not None and 0 in array.shape and (array.ndim > 1 or not -array.ndim <= dim < array.ndim):
        return  # PyTorch's errors and results of nothing depend on which is looked at first
    same(lambda lib, x: lib.unique(x, return_inverse=True, return_counts=True, dim=dim), array)
    same(lambda lib, x: lib.unique(x, dim=dim), array)
    same(lambda lib, x: lib.unique_consecutive(x, return_inverse=True, return_counts=True, dim=dim), array)


@pytest.mark.parametrize("array", [np.array([NAN, NAN, 1.0]), np.array([True, False, True]), np.array([1.5, 1.5, 0.5], dtype="float32")], ids=str)
def test_distinct_elements_of_other_dtypes(array: Any) -> None:
    same(lambda lib, x: lib.unique(x.detach(), return_inverse=True, return_counts=True)[0], array)
    same(lambda lib, x: lib.unique_consecutive(x.detach(), return_counts=True), array)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(("elements", "among"), [([1, 2, 3], [2, 5]), ([[1.0, NAN]], [NAN, 1.0]), ([1, 2], [1.5, 2.0]), ([1, 2], 2), (2, [1, 2]), ([], [1]), ([1], [])], ids=str)
def test_isin(elements: Any, among: Any, invert: bool) -> None:
    def tensor(lib: Any, value: Any) -> Any:
        return lib.tensor(value) if isinstance(value, list) else value

    compare(ag.isin(tensor(ag, elements), tensor(ag, among), invert=invert), torch.isin(tensor(torch, elements), tensor(torch, among), invert=invert))


@settings(max_examples=60, deadline=None)
@given(array=hnp.arrays(np.int64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), elements=st.integers(0, 1)))
def test_what_is_not_zero(array: Any) -> None:
    array = np.asarray(array)
    same(lambda lib, x: lib.nonzero(x), array)
    same(lambda lib, x: lib.argwhere(x), array)
    same(lambda lib, x: lib.nonzero(x, as_tuple=True), array)


# --- bad input ----------------------------------------------------------------------------------------------------

BAD: dict[str, Program] = {
    "index_select bounds": lambda lib, x: lib.index_select(x, 0, lib.tensor([3])),
    "index_add bounds": lambda lib, x: lib.index_add(x, 0, lib.tensor([3]), x[:1]),
    "index_fill bounds": lambda lib, x: lib.index_fill(x, 0, lib.tensor([-4]), 1.0),
    "index_copy bounds": lambda lib, x: lib.index_copy(x, 0, lib.tensor([-1]), x[:1]),
    "take bounds": lambda lib, x: lib.take(x, lib.tensor([12])),
    "put bounds": lambda lib, x: lib.put(x, lib.tensor([-13]), x[0, :1]),
    "scatter bounds": lambda lib, x: lib.scatter(x, 0, lib.tensor([[3]]), 1.0),
    "scatter_reduce bounds": lambda lib, x: lib.scatter_reduce(x, 0, lib.tensor([[3]]), x, "amin"),
    "index_select vector": lambda lib, x: lib.index_select(x, 0, lib.tensor([[0]])),
    "index_select float": lambda lib, x: lib.index_select(x, 0, lib.tensor([0.0])),
    "index_add dtype": lambda lib, x: lib.index_add(x, 0, lib.tensor([0]), lib.ones(1, 4, dtype=lib.int64)),
    "gather float": lambda lib, x: lib.gather(x, 0, lib.tensor([[0.0]])),
    "gather negative": lambda lib, x: lib.gather(x, 0, lib.tensor([[-1]])),
    "scatter dtype": lambda lib, x: lib.scatter(x, 0, lib.tensor([[0]]), lib.tensor([[1]])),
    "scatter_add dtype": lambda lib, x: lib.scatter_add(x, 0, lib.tensor([[0]]), lib.tensor([[1]])),
    "scatter_reduce name": lambda lib, x: lib.scatter_reduce(x, 0, lib.tensor([[0]]), x, "median"),
    "masked_select dtype": lambda lib, x: lib.masked_select(x, lib.tensor([1, 0, 1, 0])),
    "masked_fill shape": lambda lib, x: lib.masked_fill(x, lib.tensor([True, False]), 1.0),
    "take float": lambda lib, x: lib.take(x, lib.tensor([0.0])),
    "sort dim": lambda lib, x: lib.sort(x, dim=2),
    "topk dim": lambda lib, x: lib.topk(x, 1, dim=2),
    "kthvalue k": lambda lib, x: lib.kthvalue(x, 5),
    "searchsorted shapes": lambda lib, x: lib.searchsorted(x, lib.zeros(2, 1, dtype=lib.float64)),
    "unique dim": lambda lib, x: lib.unique(x, dim=2),
    "index_put shapes": lambda lib, x: x.detach().index_put_((lib.tensor([0, 1]),), lib.zeros(3, 4, dtype=lib.float64)),
    "index_put bounds": lambda lib, x: x.detach().index_put_((lib.tensor([7]),), lib.zeros(4, dtype=lib.float64)),
    "take_along_dim dims": lambda lib, x: lib.take_along_dim(x, lib.tensor([0]), 0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_pytorchs_type_and_names_the_op(name: str) -> None:
    array = numbers((3, 4), 0)
    with pytest.raises(Exception) as expected:
        BAD[name](torch, torch.from_numpy(array))
    with pytest.raises(expected.type) as found:
        BAD[name](ag, ag.from_numpy(array))
    assert str(found.value).startswith(("index", "x[...]", name.split(maxsplit=1)[0])), str(found.value)


def test_writing_where_the_tensor_requires_grad_is_refused() -> None:
    for write in (lambda x, i: x.index_fill_(0, i, 1.0), lambda x, i: x.index_copy_(0, i, x.detach()[:1]), lambda x, i: x.put_(i, x.detach()[0, :1]),
                  lambda x, i: x.scatter_(0, i[None], 1.0), lambda x, i: x.scatter_reduce_(0, i[None], x.detach(), "sum")):
        for lib in (torch, ag):
            x = lib.from_numpy(numbers((3, 4), 0)).requires_grad_()
            with pytest.raises(RuntimeError, match="leaf"):
                write(x, lib.tensor([0]))
