"""Indexing, views and in-place writes against NumPy, closed forms and finite differences."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.errors import InplaceError
from autograd_core.gradcheck import gradcheck, gradgradcheck
from autograd_core.ops.index import add_rows
from autograd_core.storage import wrap

Tensor = ag.Tensor


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return Tensor(np.random.default_rng(seed).uniform(0.5, 2.0, shape), requires_grad=True)


def checked(function: Callable[..., Any], *inputs: Tensor) -> None:
    """First and second derivatives equal finite differences."""
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


# --- reading ------------------------------------------------------------------------------------------------------


def test_random_indices_read_and_write_as_numpy() -> None:
    stream = np.random.default_rng(3)
    for _ in range(400):
        shape = tuple(int(n) for n in stream.integers(1, 5, stream.integers(1, 5)))
        array = stream.standard_normal(shape)
        arrays = stream.random() < 0.5
        index: list[Any] = []
        for n in shape[: int(stream.integers(1, len(shape) + 1))]:
            if not arrays and stream.random() < 0.4:
                index.append(int(stream.integers(-n, n)))
            elif arrays and stream.random() < 0.5:
                index.append(stream.integers(-n, n, 3) if stream.random() < 0.7 else stream.random(n) < 0.5)
                if index[-1].dtype == bool and index[-1].sum() != 3:
                    index[-1] = np.array([0, n - 1, 0])
            else:
                index.append(slice(int(stream.integers(-n, n)), int(stream.integers(-n, n + 1)), int(stream.integers(1, 3))))
            if stream.random() < 0.2:
                index.append(None)
        key = tuple(index)
        expected = array[key]
        read = Tensor(array.copy())[key]
        np.testing.assert_array_equal(read.numpy(), expected)
        value = stream.standard_normal(expected.shape)
        written = Tensor(array.copy())
        written[key] = Tensor(value)
        array[key] = value
        np.testing.assert_array_equal(written.numpy(), array)


def test_slices_share_memory_and_arrays_do_not() -> None:
    x = ag.arange(12).reshape(3, 4)
    for view in (x[0], x[1:, ::2], x[..., None], x.T, x.view(4, 3), x.diagonal(), x.unbind()[1], x.split(2)[0], x.narrow(1, 1, 2), x.expand(2, 3, 4), x.detach(), x.data):
        assert np.shares_memory(view.numpy(), x.numpy())
    for copy in (x[[0, 1]], x[x > 3], x.clone(), x.flip(0), x.repeat(1, 1), x.T.reshape(-1), x.T.contiguous(), x.index_select(0, ag.tensor([0]))):
        assert not np.shares_memory(copy.numpy(), x.numpy())
    assert x.contiguous() is x


def test_numbers_of_a_vector_are_views() -> None:
    x = ag.zeros(3)
    x[1].fill_(5)
    assert x.tolist() == [0, 5, 0]


def test_later_writes_to_an_array_that_was_an_index_change_nothing() -> None:
    x = numbers(4)
    index, mask = np.array([0, 1]), np.array([True, True, False, False])
    y, z, w = x[index], x[mask], x[None, index]
    index[0], mask[0] = 3, False
    (y.sum() + z.sum() + w.sum()).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 3, 0, 0]


@pytest.mark.parametrize("index", [[0, 1], [True, True, False, False]], ids=str)
def test_later_writes_to_a_tensor_that_was_an_index_are_refused_at_backward(index: Any) -> None:
    index = ag.tensor(index)
    y = numbers(4)[index].sum()
    index[0] = 0
    with pytest.raises(InplaceError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize(("index", "match"), [
    (3, "index 3 is out of bounds for dimension 0 with size 3"), ((0, -5), "index -5 is out of bounds for dimension 1 with size 4"),
    ([0, 7], "index 7 is out of bounds for dimension 0 with size 3"), ((slice(None), [0, -9]), "index -9 is out of bounds for dimension 1 with size 4"),
    ((0, 0, 0), "too many indices for tensor of dimension 2"), (ag.tensor([0.5]), "must be long, int or bool"), ("a", "only integers, slices"),
    (ag.tensor([True, False]), "The shape of the mask \\[2\\] at index 0 does not match"), (([0, 1], [0, 1, 2]), "could not be broadcast together with shapes \\[2\\], \\[3\\]"),
])
def test_a_bad_index_is_named(index: Any, match: str) -> None:
    x = ag.ones(3, 4)
    with pytest.raises(IndexError, match=match):
        x[index]
    with pytest.raises(IndexError, match=match):
        x[index] = 1.0
    assert x.sum().item() == 12


@pytest.mark.parametrize("index", [np.s_[::-1], np.s_[:0:-1], np.s_[1, ::-2], np.s_[-1:-9:-1, None], np.s_[::-1, [0, 2]], np.s_[0:2:-1], np.s_[-4:-9:-1]])
def test_negative_steps_make_views_as_in_numpy(index: Any) -> None:
    numbers, factors = np.arange(12.0).reshape(3, 4), np.arange(12.0, 24.0).reshape(3, 4)
    x, v = ag.tensor(numbers, requires_grad=True), ag.tensor(1.5, requires_grad=True)
    y = x * 1
    part = y[index]
    np.testing.assert_array_equal(part.detach().numpy(), numbers[index])
    part.sum().backward()
    expected = np.zeros((3, 4))
    expected[index] = 1
    np.testing.assert_array_equal(x.grad.numpy(), expected)
    z = x * 1
    z[index] = v
    (z * ag.tensor(factors)).sum().backward()
    assert v.grad.item() == factors[index].sum()
    if not isinstance(index, tuple):
        y[index].mul_(2)
        assert y.sum().item() == numbers.sum() + numbers[index].sum()


def test_a_step_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="step"):
        ag.ones(3)[::0]


# --- repeated indices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128", "int64"])
@pytest.mark.parametrize("shape", [(50,), (50, 1), (50, 3), (50, 2, 3), (1, 3), (0, 3), (50, 0)])
def test_sums_of_rows(dtype: str, shape: tuple[int, ...]) -> None:
    stream = np.random.default_rng(1)
    values = (stream.integers(0, 8, shape) * (1 + 2j if dtype.startswith("c") else 1)).astype(dtype)
    rows = stream.integers(0, 7, shape[0])
    expected = np.zeros((7, *shape[1:]), dtype)
    np.add.at(expected, rows, values)
    actual = add_rows(np, values, rows, 7)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


def test_sums_of_rows_larger_than_a_block() -> None:
    stream = np.random.default_rng(1)
    values, rows = stream.integers(0, 5, (3000, 200)).astype("float32"), stream.integers(0, 9, 3000)
    expected = np.stack([values[rows == i].sum(0) for i in range(9)])
    np.testing.assert_array_equal(add_rows(np, values, rows, 9), expected)


REPEATED: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "read": lambda x, v: x[[0, 2, 0, 0]] * v[0],
    "read two": lambda x, v: x[[0, 1, 0], [2, 1, 2]] ** 2,
    "read separated": lambda x, v: x.reshape(3, 2, 2)[[0, 0], :, [1, 1]] ** 2,
    "read matrix": lambda x, v: x[:, ag.tensor([[0, 0], [1, 0]])] ** 2,
    "index_select": lambda x, v: x.index_select(1, ag.tensor([3, 3, 0])) ** 2,
    "gather": lambda x, v: x.gather(1, ag.tensor([[0, 0, 1], [2, 2, 2], [3, 0, 3]])) ** 2,
    "take_along_dim": lambda x, v: x.take_along_dim(ag.tensor([[0], [0], [1]]), 1) ** 2,
    "index_add": lambda x, v: x.index_add(0, ag.tensor([1, 1, 1]), v) ** 2,
    "scatter_add": lambda x, v: x.scatter_add(0, ag.tensor([[0, 0, 1, 1], [0, 0, 1, 2]]), v[:2]) ** 2,
    "scatter, last wins": lambda x, v: x.scatter(0, ag.tensor([[0, 0, 1, 1], [0, 0, 1, 2]]), v[:2]) ** 2,
    "index_put": lambda x, v: x.index_put((ag.tensor([0, 1, 0]),), v) ** 2,
    "index_put adding": lambda x, v: x.index_put((ag.tensor([0, 1, 0]),), v, accumulate=True) ** 2,
    "embedding": lambda x, v: nn.functional.embedding(ag.tensor([[0, 0], [2, 0]]), x) ** 2,
    "masked_select": lambda x, v: x.masked_select(ag.tensor([True, False, True, True])) ** 2,
}


@pytest.mark.parametrize("name", REPEATED)
def test_gradients_with_repeated_indices(name: str) -> None:
    checked(REPEATED[name], numbers(3, 4), numbers(3, 4, seed=1))


def assigned(x: Tensor, v: Tensor, key: Any, add: bool = False) -> Tensor:
    y = x * x
    if add:
        y[key] += v
    else:
        y[key] = v
    return y * y


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize(("key", "shape"), [
    (0, (4,)), ((slice(1, None), slice(0, 4, 2)), (2, 2)), ([0, 0, 2], (3, 4)), ([0, 0, 2], (4,)), (([0, 0], [1, 1]), (2,)), ((slice(None), [3, 0, 3]), (3, 3)),
    (ag.tensor([True, False, True]), (2, 4)), (ag.tensor([[True, False, True, False]] * 3), (6,)), (..., ()), ((1, [2, 2]), (2,)), (None, (3, 4)), (True, (3, 4)),
])
def test_gradients_of_assignment(key: Any, shape: tuple[int, ...], add: bool) -> None:
    """Of repeated places only the value written last has a gradient."""
    checked(lambda x, v: assigned(x, v, key, add), numbers(3, 4), numbers(*shape, seed=1))


def test_embedding_gives_its_padding_row_no_gradient() -> None:
    weight = numbers(3, 2)
    nn.functional.embedding(ag.tensor([0, 1, 1, 2]), weight, padding_idx=1).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [[1, 1], [0, 0], [1, 1]]


# --- writes and views ---------------------------------------------------------------------------------------------


def test_views_follow_their_base_and_the_base_its_views() -> None:
    x = numbers(3, 4)
    y = x * 2
    row, corner = y[0], y[0, 0]
    y.mul_(3)
    row.add_(1)
    assert corner.item() == pytest.approx(6 * x[0, 0].item() + 1)
    assert "view_write" in repr(y.grad_fn)
    (g,) = ag.autograd.grad(corner * y[0, 0] + row.sum(), x)
    expected = np.zeros((3, 4))
    expected[0] = 6
    expected[0, 0] += 2 * 6 * corner.item()
    np.testing.assert_allclose(g.numpy(), expected)


def chained(x: Tensor, v: Tensor) -> Any:
    y = x * 1
    a = y[1:]
    b = a.T
    c = b[1:3]
    c.mul_(v[1:3, :2])
    a[0] = b[:, 1] * 2
    y.diagonal().copy_(v[0, :3])
    b.view_as(b)[0].exp_()
    return y, a, b, c


def accumulated(x: Tensor, v: Tensor) -> Any:
    total = ag.zeros(3, 4, dtype=ag.float64)
    for i in range(3):
        total[i] += x[i] * v[:, i].sum()
        total[:, i].mul_(x[0, 0])
    return total


def replaced(x: Tensor, v: Tensor) -> Any:
    y = x * 2
    y[0].zero_()
    y[1].fill_(v.sum())
    y[2].copy_(v[0])
    y[:, 3] = v[:3, 2] * y[:, 0].clone()
    return y.clone()


@pytest.mark.parametrize("program", [chained, accumulated, replaced], ids=lambda program: program.__name__)
def test_gradients_through_writes(program: Callable[..., Any]) -> None:
    checked(program, numbers(3, 4), numbers(4, 4, seed=1))


def test_python_writes_a_region_once() -> None:
    x = numbers(3, 4)
    y = x * 1
    y[0] += 1
    node = y.grad_fn
    assert node is not None
    assert node.op.name == "view_write"
    assert node.parents[0] is not None
    assert node.parents[0].op.name == "mul"


def test_integers_take_what_is_written_to_them_without_gradient() -> None:
    x = ag.zeros(3, dtype=ag.int64)
    x[0] = 2.7
    x[1:] = ag.tensor([3.9, -1.5])
    assert x.tolist() == [2, 3, -1]
    assert not x.requires_grad


def test_a_number_can_be_written_to_a_scalar() -> None:
    x = numbers()
    y = x * 2
    y[...] = 3
    y += x
    y.backward()
    assert x.grad is not None
    assert (y.item(), x.grad.item()) == (3 + x.item(), 1)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [
    lambda x: x.mul_(2), lambda x: x[0].mul_(2), lambda x: x.__setitem__(0, 1.0), lambda x: x.__setitem__([0, 1], 1.0), lambda x: x.T[1:].zero_(),
    lambda x: x.fill_(1), lambda x: x.index_put_((ag.tensor([0]),), 1.0), lambda x: x.masked_fill_(ag.tensor(True), 0),
])
def test_writes_to_leaves_are_refused_and_change_nothing(write: Callable[[Tensor], Any]) -> None:
    x = ag.ones(2, 3, requires_grad=True)
    with pytest.raises(InplaceError, match="leaf Variable that requires grad"):
        write(x)
    assert x.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert x.is_leaf
    with ag.no_grad():
        x[0] = 5
    assert x[0].tolist() == [5, 5, 5]


@pytest.mark.parametrize("write", [
    lambda x: x.expand(3, 4).add_(1), lambda x: x.expand(3, 4)[:, 1:].zero_(), lambda x: x.expand(3, 4).T.__setitem__(0, 1.0), lambda x: x.expand(3, 4).detach().mul_(2),
])
def test_writes_to_overlapping_memory_are_refused(write: Callable[[Tensor], Any]) -> None:
    x = ag.ones(1, 4)
    with pytest.raises(InplaceError, match="more than one element of the written-to tensor refers to a single memory location"):
        write(x)
    assert x.tolist() == [[1, 1, 1, 1]]


def test_a_part_of_an_expanded_tensor_can_be_written() -> None:
    x = numbers(4)
    y = x * 1
    y.expand(3, 4)[1].mul_(2)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 2, 2, 2]


def test_read_only_memory_is_refused() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    for x in (wrap(array), wrap(array)[1:]):
        with pytest.raises(InplaceError, match="read-only"):
            x.add_(1)
    assert array.tolist() == [1, 1, 1]


def test_a_write_after_a_save_is_found_at_backward() -> None:
    x = numbers(3)
    y = x * 2
    z = y * y
    y[0] = 7
    with pytest.raises(InplaceError, match=r"mul saved 'input' \(3,\) for its gradient, then x\[...\] = value wrote to the same memory"):
        z.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("write", [lambda y: y.detach().add_(1), lambda y: y[1:].mul_(2), lambda y: y.T.zero_(), lambda y: y.copy_(y * 3), lambda y: y.__setitem__(y > 0, 0.0)])
def test_writes_through_any_door_are_found(write: Callable[[Tensor], Any]) -> None:
    x = numbers(3, 3)
    y = x * 2
    z = y.exp().log() * y
    write(y)
    with pytest.raises(InplaceError, match="modified by an inplace operation"):
        z.sum().backward()


def test_writes_to_data_and_to_other_memory_are_not() -> None:
    x = numbers(3)
    y = x * 2
    z = y * y
    y.data[0] = 100
    ag.zeros(3).add_(1)
    z.sum().backward()
    assert x.grad is not None
    assert x.grad[0].item() == 2 * 2 * 100


def test_a_write_before_the_save_is_no_fault() -> None:
    checked(lambda x: (x * 2).mul_(3).add_(1).sqrt_(), numbers(3))


def test_an_op_may_overwrite_the_input_its_own_gradient_needs() -> None:
    checked(lambda x, v: (x * 2).mul_(v).div_(v + 1).pow_(2), numbers(3), numbers(3, seed=1))


@pytest.mark.parametrize("write", [lambda v: v.mul_(2), lambda v: v.exp_(), lambda v: v.copy_(v + 1), lambda v: v.__setitem__(0, 3.0), lambda v: v.zero_()])
def test_a_view_that_its_base_knows_nothing_of_is_not_written(write: Callable[[Tensor], Any]) -> None:
    base = numbers(4) * 1
    with ag.no_grad():
        view = base[:2]
    before = base.tolist()
    with pytest.raises(InplaceError, match="A view was created in no_grad mode"):
        write(view)
    later = ag.ones(4)
    view = later[:2]
    later.requires_grad_()
    with pytest.raises(InplaceError, match="a view of a leaf Variable"):
        write(view)
    assert base.tolist() == before
    assert later.tolist() == [1] * 4
    with pytest.raises(InplaceError, match="a leaf Variable"):
        write(ag.ones(4)[:2].requires_grad_())
    with ag.no_grad():
        write(base[:2])
        write(view)
    assert later.tolist() != [1] * 4


@pytest.mark.parametrize(("write", "error", "match"), [
    (lambda x: x.add_(ag.ones(2, 3, 4)), RuntimeError, "output with shape"), (lambda x: x.copy_(ag.ones(5)), RuntimeError, "copy"),
    (lambda x: x.__setitem__(0, ag.ones(3)), RuntimeError, r"x\[\.\.\.\] = value: could not broadcast"), (lambda x: x.long().add_(0.5), RuntimeError, "can't be cast"),
    (lambda x: x.index_add_(0, ag.tensor([5]), ag.ones(1, 4)), RuntimeError, "index 5 is out of bounds"), (lambda x: x.scatter_(0, ag.tensor([[0], [9]]), 1.0), RuntimeError, "index 9"),
    (lambda x: x.T.view(12), RuntimeError, "Use .reshape"), (lambda x: x.masked_fill_(ag.ones(3, 4), 0), RuntimeError, "boolean masks"),
])
def test_a_failed_write_changes_nothing(write: Callable[[Tensor], Any], error: type[Exception], match: str) -> None:
    x = ag.ones(3, 4)
    with pytest.raises(error, match=match):
        write(x)
    assert x.sum().item() == 12


def test_inference_tensors_are_not_written_outside() -> None:
    with ag.inference_mode():
        x = ag.ones(3) * 2
        x.add_(1)
    with pytest.raises(InplaceError, match="inference tensor"):
        x.add_(1)


def test_views_and_bases_free_each_other() -> None:
    gc.disable()
    try:
        x = numbers(3, 4) * 1
        view = x[0]
        view.mul_(2)
        gone, array = weakref.ref(x), weakref.ref(x.numpy(force=True))
        del x
        assert gone() is not None  # the view keeps its base
        del view
        assert gone() is None
        assert array() is None
    finally:
        gc.enable()


def test_many_views_of_one_base_do_not_pile_up() -> None:
    x = ag.zeros(100)
    for i in range(100):
        for _ in range(20):
            x[i].add_(1)
    assert x.sum().item() == 2000
    assert len(x._view.members) < 200


def test_set_leaves_views_and_bases_to_one_another() -> None:
    x, w = ag.zeros(4), ag.ones(4, requires_grad=True)
    rest, first = x[1:], x[:1]
    rest.set_(ag.ones(3))
    x.add_(w)
    assert (rest.requires_grad, first.requires_grad, first.tolist()) == (False, True, [1.0])
    y = ag.zeros(4)
    rest = y[1:]
    y.set_(ag.ones(2))
    rest[1:].add_(2 * w[2:])
    assert (rest.tolist(), y.tolist(), rest.requires_grad, y.requires_grad) == ([0.0, 2.0, 2.0], [1.0, 1.0], True, False)


def test_the_first_write_is_a_write() -> None:
    """Before any function has been called often enough for a fast path."""
    program = "import autograd_core as ag; x = ag.zeros(4); x[:2] = 1; x[[2]] = 2; x.index_fill_(0, ag.tensor([3]), 3); print(x.scatter_(0, ag.tensor([0]), 4.0).tolist())"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[4.0, 1.0, 2.0, 3.0]\n"
