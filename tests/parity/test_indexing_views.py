"""Indexing, views and in-place writes do what PyTorch does: values, gradients, second derivatives, memory, errors.

Each program is written once and run with both libraries in the place of ``T``.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import autograd_core as ag  # noqa: E402
import nn  # noqa: E402
from autograd_core.errors import InplaceError  # noqa: E402

Program = Callable[..., Any]


def numpy(x: Any) -> Any:
    return x.detach().numpy()


def make(T: Any, array: np.ndarray[Any, Any], grad: bool) -> Any:
    x = T.tensor(array.tolist(), dtype=getattr(T, str(array.dtype)))
    return x.requires_grad_() if grad and array.dtype.kind == "f" else x.reshape(array.shape) if 0 in array.shape else x


def flat(result: Any) -> list[Any]:
    return [each for part in result for each in flat(part)] if isinstance(result, (tuple, list)) else [result]


def run(T: Any, program: Program, arrays: list[np.ndarray[Any, Any]]) -> tuple[list[Any], ...]:
    """Values, gradients, second derivatives, and which results ask for a gradient."""
    inputs = [make(T, array, True) for array in arrays]
    leaves = [x for x in inputs if x.requires_grad]
    outputs = flat(program(T, *inputs))
    asking = [y for y in outputs if y.requires_grad]
    total = 0
    for y in asking:
        weights = T.tensor(np.cos(np.arange(y.numel())).reshape(tuple(y.shape)).tolist(), dtype=y.dtype).reshape(tuple(y.shape))
        total = total + (y * y * weights).sum()
    first: list[Any] = []
    second: list[Any] = []
    if asking:
        first = list(T.autograd.grad(total, leaves, create_graph=True, allow_unused=True))
        again = sum((g * g).sum() for g in first if g is not None and g.requires_grad)
        if not isinstance(again, int):
            second = list(T.autograd.grad(again, leaves, allow_unused=True))
    return outputs, first, second


def completed(T: Any, program: Program, arrays: list[np.ndarray[Any, Any]]) -> tuple[list[Any], ...] | None:
    """The run, or ``None`` if a saved value was overwritten."""
    try:
        return run(T, program, arrays)
    except RuntimeError as error:
        if "modified by an inplace operation" not in str(error):
            raise
    return None


def assert_same(program: Program, *arrays: Any) -> None:
    """The same in both; where PyTorch finds that a saved value was overwritten, this library may have kept a copy and be able to go on."""
    arrays = [np.asarray(array) for array in arrays]
    theirs = completed(torch, program, list(arrays))
    if theirs is None:
        with contextlib.suppress(InplaceError):
            run(ag, program, list(arrays))
        return
    ours = run(ag, program, list(arrays))
    for what, a, e in zip(("value", "gradient", "second derivative"), ours, theirs, strict=True):
        assert len(a) == len(e)
        for i, (mine, other) in enumerate(zip(a, e, strict=True)):
            if what == "value":
                assert mine.requires_grad == other.requires_grad, f"result {i} asks for a gradient: {mine.requires_grad}"
                assert str(mine.dtype).rpartition(".")[2] == str(other.dtype).rpartition(".")[2]
            if what == "second derivative" and (mine is None) != (other is None):
                known = mine if other is None else other  # no derivative and one of zeros mean the same
                assert not numpy(known).any()
                continue
            assert (mine is None) == (other is None), f"{what} {i}: {mine}, PyTorch: {other}"
            if mine is not None:
                assert tuple(mine.shape) == tuple(other.shape), f"{what} {i}: shape {tuple(mine.shape)}, PyTorch: {tuple(other.shape)}"
                np.testing.assert_allclose(numpy(mine), numpy(other), rtol=1e-12, atol=1e-12, err_msg=f"{what} {i}")


def numbers(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape)


X = numbers(4, 3, 5)
# --- reading ------------------------------------------------------------------------------------------------------

READ: dict[str, Program] = {
    "int": lambda T, x: x[1],
    "negative int": lambda T, x: x[-1],
    "ints": lambda T, x: x[1, 2, -3],
    "slice": lambda T, x: x[1:3],
    "stepped slice": lambda T, x: x[::2, 1:, ::3],
    "slice past the end": lambda T, x: x[2:100, -100:2],
    "empty slice": lambda T, x: x[3:1],
    "ellipsis": lambda T, x: (x[...], x[..., 0], x[0, ...], x[0, ..., 1]),
    "none": lambda T, x: (x[None], x[:, None], x[..., None], x[None, 0, None, :, None]),
    "bool": lambda T, x: (x[True], x[False]),
    "list": lambda T, x: x[[0, 2, 0]],
    "tensor": lambda T, x: x[T.tensor([0, 2, 0, 3])],
    "negative tensor": lambda T, x: x[T.tensor([-1, 2, -4])],
    "matrix index": lambda T, x: x[T.tensor([[0, 1], [3, 3]])],
    "array": lambda T, x: x[np.array([1, 1, 2])],
    "int32 index": lambda T, x: x[T.tensor([1, 1, 2], dtype=T.int32)],
    "0-d index": lambda T, x: x[T.tensor(2)],
    "0-d index in slices": lambda T, x: x[:, T.tensor(1), 2:],
    "empty index": lambda T, x: x[T.tensor([], dtype=T.int64)],
    "empty list": lambda T, x: x[[]],
    "second dimension": lambda T, x: x[:, [2, 0, 2]],
    "last dimension": lambda T, x: x[..., [4, 4, 0]],
    "two indices": lambda T, x: x[[0, 1, 0], [2, 1, 2]],
    "two indices that broadcast": lambda T, x: x[T.tensor([[0], [3]]), T.tensor([1, 1, 2])],
    "separated indices": lambda T, x: x[[0, 1], :, [2, 2]],
    "three indices": lambda T, x: x[[0, 1, 1], [2, 2, 2], [4, 0, 0]],
    "index and int": lambda T, x: (x[0, [1, 2]], x[[1, 2], 0], x[0, :, [1, 2, 2]], x[[1, 1], :, 0]),
    "index and none": lambda T, x: (x[None, [1, 2]], x[[1, 2], None], x[[1, 2], None, [0, 0]]),
    "index and slice": lambda T, x: (x[1:, [0, 2]], x[[0, 2], ::2], x[1:3, :, [0, 0, 1]]),
    "index and ellipsis": lambda T, x: (x[[0, 2], ..., [1, 1]], x[..., [0, 2], 1]),
    "mask": lambda T, x: x[x > 1.2],
    "mask of rows": lambda T, x: x[T.tensor([True, False, True, False])],
    "mask of two dimensions": lambda T, x: x[x[..., 0] > 1.2],
    "mask in the middle": lambda T, x: x[:, T.tensor([True, False, True])],
    "mask and index": lambda T, x: x[T.tensor([True, False, True, False]), [1, 0]],
    "mask list": lambda T, x: x[[True, False, True, True]],
    "mask of nothing": lambda T, x: x[x > 100],
    "mask and int": lambda T, x: x[1, T.tensor([True, False, True])],
    "number": lambda T, x: x.sum()[None],
    "mask of a number": lambda T, x: (x.sum()[T.tensor(True)], x.sum()[T.tensor(False)]),
    "index of an index": lambda T, x: x[[0, 2]][:, [1, 1]][..., 2:],
}


@pytest.mark.parametrize("name", READ)
def test_reading(name: str) -> None:
    assert_same(READ[name], X)


def test_random_reading() -> None:
    stream = np.random.default_rng(7)
    for _ in range(300):
        shape = tuple(int(n) for n in stream.integers(1, 5, stream.integers(1, 5)))
        x = stream.uniform(0.5, 2, shape)
        index: list[Any] = []
        length = int(stream.integers(1, 4))
        for n in shape[: int(stream.integers(1, len(shape) + 1))]:
            kind = stream.integers(0, 6)
            if stream.random() < 0.2:
                index.append(None)
            if kind == 0:
                index.append(int(stream.integers(-n, n)))
            elif kind == 1:
                index.append(slice(*(None if stream.random() < 0.4 else int(stream.integers(-n, n + 1)) for _ in range(2)), int(stream.integers(1, 3))))
            elif kind == 2:
                index.append(slice(None))
            elif kind == 3:
                index.append(stream.integers(-n, n, length).tolist())
            elif kind == 4:
                index.append(stream.integers(-n, n, (2, length)))
            else:
                index.append(slice(None))
        key = tuple(index)
        values = stream.uniform(0.5, 2, ())
        assert_same(lambda T, x, key=key: x[tuple(T.tensor(part.tolist()) if isinstance(part, np.ndarray) else part for part in key)], x)

        def write(T: Any, x: Any, v: Any, key: Any = key) -> Any:
            y = x * 1
            y[tuple(T.tensor(part.tolist()) if isinstance(part, np.ndarray) else part for part in key)] = v
            return y

        if not any(isinstance(part, (list, np.ndarray)) for part in key):
            assert_same(write, x, values)


# --- writing ------------------------------------------------------------------------------------------------------


def written(write: Program) -> Program:
    def program(T: Any, x: Any, v: Any) -> Any:
        y = x * x
        changed = write(T, y, v)
        return (y, *([] if changed is None else flat(changed)))

    return program


def assign(index: Callable[[Any], Any], value: Callable[[Any, Any], Any] = lambda T, v: v) -> Program:
    def write(T: Any, y: Any, v: Any) -> None:
        y[index(T)] = value(T, v)

    return written(write)


WRITE: dict[str, tuple[Program, tuple[int, ...]]] = {
    "int": (assign(lambda T: 1), (3, 5)),
    "ints": (assign(lambda T: (1, 2, 3)), ()),
    "slices": (assign(lambda T: (slice(1, 3), slice(None), slice(0, 5, 2))), (2, 3, 3)),
    "broadcast": (assign(lambda T: (slice(1, 3), slice(None), 0)), (3,)),
    "leading ones": (assign(lambda T: 0), (1, 1, 3, 5)),
    "everything": (assign(lambda T: ...), (5,)),
    "none": (assign(lambda T: (slice(None), None, 0)), (4, 1, 5)),
    "number": (assign(lambda T: (0, 1), lambda T, v: 2.5), (1,)),
    "integer": (assign(lambda T: (0, 1), lambda T, v: 2), (1,)),
    "integer tensor": (assign(lambda T: (0, 1), lambda T, v: T.arange(5)), (1,)),
    "float32 value": (assign(lambda T: (0, 1), lambda T, v: v.to(T.float32)), (5,)),
    "array of rows": (assign(lambda T: [2, 0]), (2, 3, 5)),
    "rows by tensor": (assign(lambda T: T.tensor([-1, 0])), (3, 5)),
    "two arrays": (assign(lambda T: ([0, 1, 3], [2, 1, 2])), (3, 5)),
    "separated arrays": (assign(lambda T: ([0, 1], slice(None), [2, 3])), (2, 3)),
    "slice and array": (assign(lambda T: (slice(1, None), [0, 2])), (3, 2, 5)),
    "int and array": (assign(lambda T: (1, [0, 2], slice(2, 4))), (2, 2)),
    "array, number": (assign(lambda T: ([0, 1], [1, 1]), lambda T, v: -1), (1,)),
    "mask, number": (written(lambda T, y, v: y.__setitem__(y > 1.5, 0.25)), (1,)),
    "mask, 0-d tensor": (written(lambda T, y, v: y.__setitem__(y > 1.5, v)), ()),
    "mask of rows": (assign(lambda T: T.tensor([True, False, True, False])), (2, 3, 5)),
    "mask of rows, one value": (assign(lambda T: T.tensor([True, False, True, False])), (5,)),
    "mask of nothing": (written(lambda T, y, v: y.__setitem__(y > 100, v)), ()),
    "bool": (assign(lambda T: True), (5,)),
    "+= int": (written(lambda T, y, v: y.__setitem__(1, y[1].add_(v))), (3, 5)),
    "+= array": (written(lambda T, y, v: y.__setitem__([0, 2], y[[0, 2]].add_(v))), (2, 3, 5)),
    "twice": (written(lambda T, y, v: (y.__setitem__(0, v), y.__setitem__((0, 1), v[0] * 2))[:0]), (3, 5)),
    "a part of itself": (written(lambda T, y, v: y.__setitem__(0, y[1] * v)), (3, 5)),
    "an overlapping part": (written(lambda T, y, v: y.__setitem__(slice(1, None), y[:-1].clone())), (1,)),
    "index_put_": (written(lambda T, y, v: y.index_put_((T.tensor([0, 1]), T.tensor([2, 2])), v)), (2, 5)),
    "index_put_, repeats added": (written(lambda T, y, v: y.index_put_((T.tensor([0, 1, 0]), T.tensor([2, 2, 2])), v, accumulate=True)), (3, 5)),
    "index_add_": (written(lambda T, y, v: y.index_add_(0, T.tensor([0, 1, 0]), v)), (3, 3, 5)),
    "index_add_ with alpha": (written(lambda T, y, v: y.index_add_(1, T.tensor([0, 0]), v, alpha=3)), (4, 2, 5)),
    "scatter_": (written(lambda T, y, v: y.scatter_(0, T.tensor([[[0], [1]], [[2], [3]]]), v)), (2, 2, 1)),
    "scatter_ a number": (written(lambda T, y, v: y.scatter_(2, T.tensor([[[0, 1], [1, 2]]]), 7.0)), (1,)),
    "scatter_add_": (written(lambda T, y, v: y.scatter_add_(0, T.tensor([[[0, 1]], [[0, 1]]]), v)), (2, 1, 2)),
    "masked_fill_": (written(lambda T, y, v: y.masked_fill_(T.tensor([True, False, True, False, False]), v)), ()),
    "fill_": (written(lambda T, y, v: y.fill_(v)), ()),
    "fill_ a number": (written(lambda T, y, v: y.fill_(3)), (1,)),
    "zero_": (written(lambda T, y, v: y.zero_()), (1,)),
    "copy_": (written(lambda T, y, v: y.copy_(v)), (3, 5)),
    "copy_ float32": (written(lambda T, y, v: y.copy_(v.to(T.float32))), (3, 5)),
    "arithmetic": (written(lambda T, y, v: y.mul_(v).add_(v, alpha=2).sub_(1).div_(v)), (3, 5)),
    "functions": (written(lambda T, y, v: y.exp_().log_().sqrt_().neg_().abs_().clamp_(0.9, 1.8)), (1,)),
    "tril_": (written(lambda T, y, v: y.tril_(1)), (1,)),
}


@pytest.mark.parametrize("name", WRITE)
def test_writing(name: str) -> None:
    program, shape = WRITE[name]
    assert_same(program, X, numbers(*shape, seed=3))


@pytest.mark.parametrize("name", WRITE)
def test_writing_what_asks_for_no_gradient(name: str) -> None:
    program, shape = WRITE[name]

    def plain(T: Any, x: Any, v: Any) -> Any:
        return program(T, x.detach(), v)

    assert_same(plain, X, numbers(*shape, seed=3))


# --- views --------------------------------------------------------------------------------------------------------


def through(view: Callable[[Any], Any]) -> Program:
    """Write through a view, with other views of the same memory made before and after; all are results."""

    def program(T: Any, x: Any, v: Any) -> Any:
        y = x * x
        older = y[1:]
        other = y.reshape(-1)
        target = view(y)
        target.mul_(v.sum())
        newer = y[..., 0]
        return y, older, other, target, newer

    return program


VIEWS: dict[str, Callable[[Any], Any]] = {
    "a[0]": lambda y: y[0],
    "a[0][1]": lambda y: y[0][1],
    "chain": lambda y: y[1:].transpose(0, 2)[1:3].unsqueeze(0)[0, :, 1],
    "T": lambda y: y.permute(2, 0, 1),
    "t": lambda y: y[0].t(),
    "view": lambda y: y.view(2, 2, 15),
    "reshape": lambda y: y.reshape(12, 5)[::3],
    "flatten": lambda y: y.flatten(1),
    "unflatten": lambda y: y.unflatten(0, (2, 2))[1],
    "squeeze": lambda y: y[:1].squeeze(0),
    "diagonal": lambda y: y.diagonal(1, 1, 2),
    "diagonal below": lambda y: y.diagonal(-1, 0, 2)[1:],
    "split": lambda y: y.narrow(0, 1, 2),
    "select": lambda y: y.select(1, -1),
    "movedim": lambda y: y.movedim(0, -1)[..., 1],
    "expand of the same size": lambda y: y.expand(1, 4, 3, 5),
    "everything": lambda y: y[...],
    "view_as": lambda y: y.view_as(y),
    "number": lambda y: y[1, 1, 1],
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_through_a_view_reaches_all_others(name: str) -> None:
    assert_same(through(VIEWS[name]), X, numbers(3, seed=5))


def several_writes(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    row, column = y[0], y[:, 0]
    inner = row[1:]
    row.mul_(v.sum())
    column.add_(inner.sum())
    inner.copy_(v[:2].unsqueeze(1) * column[0, 0])
    y.mul_(2)
    row.sqrt_()
    return y, row, column, inner


def write_to_base_between_uses(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    row = y[0]
    before = row * v[0]
    y.add_(v[1])
    return before, row * 1, row, y.sum()


def no_gradient_until_the_write(T: Any, x: Any, v: Any) -> Any:
    base = T.zeros(4, 3, 5, dtype=T.float64)
    row = base[1]
    other = base[2:]
    assert not base.requires_grad
    row.copy_(x[0] * v[0])
    return base, row, other


def loop(T: Any, x: Any, v: Any) -> Any:
    y = T.zeros(5, 3, dtype=T.float64)
    y[0] = v
    for i in range(1, 5):
        y[i] = y[i - 1] * v + i
    return y


def increments(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    y[0] += v[0]
    y[1:, 2] *= v[1]
    y[:, [0, 1]] -= v[2]
    y[y > 1.5] += v[0] * v[1]
    y[T.tensor([0, 3, 1])] += 1
    y[..., 1] /= 2
    return y


def written_inside_no_grad(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    z = y[0]
    with T.no_grad():
        z.mul_(5)
        y[1] = 0
    return y + v[0], z + v[0]


def detached(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    y.detach()[0] = 3
    return y, y * v[0]


def data_is_unchecked(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    z = y + 0
    z.data.mul_(2)
    return z, x.data, x * v[0]


def contiguous_and_clone(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    same = y.contiguous()
    other = y.transpose(0, 1).contiguous()
    copied = y[0].clone()
    y.mul_(v[0])
    copied.add_(v[1])
    assert same is y
    return y, other, copied


def views_of_views_of_fresh_results(T: Any, x: Any, v: Any) -> Any:
    a = (x * v[0])[1:]
    b = a[0]
    b.zero_()
    c = a[1:, 0]
    c += v[1]
    return a, b, c


def unbound(T: Any, x: Any, v: Any) -> Any:
    y = x * 1
    return [row * v[i % 3] for i, row in enumerate(y)], [part.sum() for part in y.unbind(1)], [p * v[0] for p in y.split([1, 3])], [p * v[0] for p in y.chunk(3, -1)]


PROGRAMS = (several_writes, write_to_base_between_uses, no_gradient_until_the_write, loop, increments, written_inside_no_grad, detached, data_is_unchecked,
            contiguous_and_clone, views_of_views_of_fresh_results, unbound)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_programs(program: Program) -> None:
    assert_same(program, X, numbers(3, seed=9))


def test_random_programs_of_views_and_writes() -> None:
    """Tensors that share memory, written in random order: every one of them has PyTorch's value and gradient after each run."""
    stream = np.random.default_rng(11)
    views: list[Callable[[Any], Any]] = [lambda y: y[0], lambda y: y[..., 1:], lambda y: y[::2], lambda y: y.transpose(0, -1), lambda y: y.unsqueeze(0), lambda y: y[None, ..., 0],
                                          lambda y: y.reshape(-1), lambda y: y.narrow(0, 0, 1), lambda y: y.squeeze(), lambda y: y.permute(*reversed(range(y.ndim))),
                                          lambda y: y.diagonal(0, 0, -1) if y.ndim > 1 else y[:], lambda y: y * 1.5]
    writes: list[Callable[[Any, Any, Any], Any]] = [
        lambda T, y, v: y.mul_(v), lambda T, y, v: y.add_(v * 2), lambda T, y, v: y.copy_(v * v), lambda T, y, v: y.fill_(1.5), lambda T, y, v: y.sqrt_(),
        lambda T, y, v: y.__setitem__(..., v), lambda T, y, v: y.__setitem__(0, v), lambda T, y, v: y.clamp_(0.7, 1.9),
        lambda T, y, v: y.__setitem__([0, -1], 1.25), lambda T, y, v: y.__setitem__(y > 1.2, v), lambda T, y, v: y.mul_(y), lambda T, y, v: y.__iadd__(y.sum()),
    ]
    for _ in range(300):
        plan = [(int(stream.integers(0, 3)), int(stream.integers(0, 100)), int(stream.integers(0, 100))) for _ in range(10)]

        def program(T: Any, x: Any, v: Any, plan: Any = plan) -> Any:
            tensors = [x * x]
            for kind, which, what in plan:
                y = tensors[which % len(tensors)]
                if kind and y.ndim and y.numel():
                    tensors.append(views[what % len(views)](y))
                elif y.ndim and y.numel():
                    writes[what % len(writes)](T, y, v)
            return tensors

        assert_same(program, numbers(3, 4, 2, seed=1), numbers(seed=2))


# --- shape functions ----------------------------------------------------------------------------------------------

FUNCTIONS: dict[str, Program] = {
    "cat": lambda T, x: (T.cat([x, x[:1] * 2]), T.cat([x, x], dim=-1), T.concat((x, x), 1), T.concatenate([x, T.zeros(0, dtype=T.float64)])),
    "cat of two dtypes": lambda T, x: T.cat([x.to(T.float32), x, T.ones(1, 3, 5, dtype=T.int64)]),
    "stack": lambda T, x: (T.stack([x, x * 2]), T.stack([x, x], dim=-1), T.stack([x.sum(), x.mean()])),
    "split": lambda T, x: (x.split(3), x.split([1, 2, 2], -1), T.split(x, 2, dim=0)),
    "chunk": lambda T, x: (x.chunk(3), x.chunk(2, dim=-1), x.chunk(10, 1)),
    "unbind": lambda T, x: (x.unbind(), T.unbind(x, -1)),
    "narrow": lambda T, x: (x.narrow(-1, 1, 3), T.narrow(x, 0, -2, 2)),
    "flip": lambda T, x: (x.flip(0), x.flip(0, -1), T.flip(x, (1,)), x.flip([0, 2])),
    "roll": lambda T, x: (x.roll(1), x.roll(2, 0), x.roll((1, -2), (0, 2)), T.roll(x, 7, 1)),
    "tril and triu": lambda T, x: (x.tril(), x.triu(1), T.tril(x, diagonal=-1), T.triu(x, -2)),
    "diagonal": lambda T, x: (x.diagonal(), x.diagonal(1, 0, 2), x.diagonal(-2, dim1=-1, dim2=0), T.diagonal(x, 9)),
    "diag": lambda T, x: (T.diag(x[0, 0]), T.diag(x[0], 1), x[0, 0].diag(-2), x[0].diag(-1)),
    "diag_embed": lambda T, x: (T.diag_embed(x[0]), T.diag_embed(x, 1, 0, 2), T.diag_embed(x[0], offset=-1)),
    "repeat": lambda T, x: (x.repeat(2, 1, 3), x.repeat(2, 1, 1, 1), x.sum().repeat(3), x.repeat(0, 1, 1)),
    "tile": lambda T, x: (x.tile(2), T.tile(x, (2, 1, 1, 2))),
    "repeat_interleave": lambda T, x: (x.repeat_interleave(2), x.repeat_interleave(3, dim=1), T.repeat_interleave(x, T.tensor([1, 0, 2, 1]), dim=0)),
    "expand": lambda T, x: (x[:1].expand(3, -1, 5), x.expand(2, -1, -1, -1), x[0, 0, 0].expand(3), x[:, :1].expand_as(x), T.broadcast_to(x, (2, 4, 3, 5))),
    "broadcast_tensors": lambda T, x: T.broadcast_tensors(x, x[0, 0], x[:, :1]),
    "permutations": lambda T, x: (x.movedim(0, 2), x.movedim((0, 1), (2, 0)), T.moveaxis(x, -1, 0), x.swapaxes(0, 1), x.swapdims(1, 2), x[0].t(), x[0, 0].t(), x.mT, x[0].T),
    "shapes": lambda T, x: (x.view(6, 10), x.view(-1, 5), x.reshape(2, -1), x.flatten(), x.flatten(1), x.flatten(0, 1), x.ravel(), x.unflatten(-1, (5, 1)), x.sum().flatten(), x.view(5, 12).view_as(x), x.flatten().reshape_as(x)),
    "squeeze": lambda T, x: (x[:1].squeeze(), x[:1].squeeze(0), x.squeeze(1), x[:1, :1].squeeze((0, 1)), x.unsqueeze(-1).squeeze(-1), x.sum().squeeze(), x.unsqueeze(1)),
    "select": lambda T, x: (x.select(0, -1), T.select(x, 2, 3)),
    "gather": lambda T, x: (x.gather(0, T.tensor([[[0, 3, 0], [1, 1, 1]]])), T.gather(x, 2, T.tensor([[[0], [4]]])), x[0, 0].gather(-1, T.tensor([4, 4, 0]))),
    "take_along_dim": lambda T, x: (x.take_along_dim(T.tensor([[[0, 3, 0, 1, 1]]]), 0), T.take_along_dim(x, T.tensor([5, 5, 59]))),
    "index_select": lambda T, x: (x.index_select(0, T.tensor([3, 3, 0])), T.index_select(x, -1, T.tensor([1])), x.index_select(1, T.tensor([], dtype=T.int64))),
    "scatter": lambda T, x: (x.scatter(1, T.tensor([[[0, 1], [1, 0]]]), x[:1, :2, :2] * 2), x.scatter(0, T.tensor([[[1]]]), 3.0), T.scatter(x, 2, T.tensor([[[0]]]), x.detach() * 3)),
    "scatter_add": lambda T, x: (x.scatter_add(1, T.tensor([[[0, 1], [0, 1]]]), x[:1, :2, :2]), T.scatter_add(x, 0, T.tensor([[[1]], [[1]]]), x[:2, :1, :1])),
    "index_add": lambda T, x: (x.index_add(0, T.tensor([0, 0, 3]), x[:3]), T.index_add(x, 1, T.tensor([1, 1]), x[:, :2], alpha=0.5)),
    "index_put": lambda T, x: (x.index_put((T.tensor([0, 1]),), x[2:]), x.index_put((T.tensor([0, 0]),), x[2:], accumulate=True), x.index_put((x > 1,), x.sum())),
    "masked": lambda T, x: (x.masked_fill(x > 1, 0.5), x.masked_fill(x[0] > 1, x.sum()), x.masked_select(x > 1), T.masked_select(x[:, :1], x > 1), T.masked_select(x, x[0, 0] > 1)),
    "where": lambda T, x: (T.where(x > 1, x, 0.0), T.where(x > 1, x, x[0, 0]), x.where(x > 1, 2.0), x.where(x[0] > 1, x * x)),
    "sort": lambda T, x: (x.sort(), x.sort(0, descending=True), T.sort(x, dim=1, stable=True), x.argsort(-1), T.argsort(x, dim=0, descending=True), x.msort()),
    "topk": lambda T, x: (x.topk(2), x.topk(3, 0, largest=False), T.topk(x, 1, dim=1), x.reshape(-1).topk(4)),
    "nonzero": lambda T, x: ((x > 1).nonzero(), T.nonzero(x > 1, as_tuple=True), T.argwhere(x > 1), x.sum().nonzero(), T.where(x > 1)),
    "unique": lambda T, x: (T.unique((x * 3).to(T.int64)), (x * 3).to(T.int64).unique(return_inverse=True, return_counts=True)),
    "unique slices": lambda T, x: T.unique((x > 1).to(T.int64)[:, 0, :2], dim=0, return_inverse=True),
    "casts": lambda T, x: (x.to(T.float32), x.long(), (x * 3).int(), x.bool(), x.to(T.float32).double() * 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_shape_functions(name: str) -> None:
    assert_same(FUNCTIONS[name], X)


@pytest.mark.parametrize(("mode", "widths", "shape"), [
    ("constant", (1, 2), (2, 3)), ("constant", (1, 2, 0, 3), (2, 3)), ("constant", (-1, 2), (2, 3)), ("constant", (-1, -1), (2, 4)), ("constant", (0, 0, 1, -1), (2, 3)),
    ("reflect", (2, 1), (2, 3)), ("reflect", (2, 1, 1, 1), (2, 3, 4)), ("replicate", (3, 1), (2, 3)), ("replicate", (1, 0, 2, 2), (2, 3, 4)), ("circular", (3, 1), (2, 3)),
    ("circular", (1, 2, 2, 1), (1, 2, 3, 4)), ("reflect", (1, 1, 1, 1, 1, 1), (1, 2, 3, 4)), ("replicate", (1, 1, 2, 2, 1, 0), (2, 1, 2, 3, 4)),
])
def test_pad(mode: str, widths: tuple[int, ...], shape: tuple[int, ...]) -> None:
    def program(T: Any, x: Any) -> Any:
        function = nn.functional.pad if T is ag else torch.nn.functional.pad
        return function(x, widths, mode=mode), *([function(x, widths, mode=mode, value=1.5)] if mode == "constant" else [])

    assert_same(program, numbers(*shape))


def test_embedding_and_one_hot() -> None:
    def program(T: Any, weight: Any) -> Any:
        f = nn.functional if T is ag else torch.nn.functional
        index = T.tensor([[0, 2, 2], [1, 0, 3]])
        return f.embedding(index, weight), f.embedding(index, weight, padding_idx=2), f.embedding(index, weight, padding_idx=-1), f.one_hot(index), f.one_hot(index, 6)

    assert_same(program, numbers(4, 3))


def test_sorting_places_nan_last_as_pytorch() -> None:
    data = [3.0, float("nan"), 1.0, float("inf"), 2.0]
    for descending in (False, True):
        ours, theirs = ag.tensor(data).sort(descending=descending), torch.tensor(data).sort(descending=descending)
        np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
        np.testing.assert_array_equal(ours.indices.numpy(), theirs.indices.numpy())
    assert ag.tensor(data).topk(2).indices.tolist() == torch.tensor(data).topk(2).indices.tolist()


# --- errors -------------------------------------------------------------------------------------------------------


def leaf(T: Any) -> Any:
    return T.ones(3, 4, requires_grad=True)


def plain(T: Any) -> Any:
    return T.ones(3, 4)


ERRORS: dict[str, Callable[[Any], Any]] = {
    "write to a leaf": lambda T: leaf(T).mul_(2),
    "write to a view of a leaf": lambda T: leaf(T)[0].mul_(2),
    "assign to a leaf": lambda T: leaf(T).__setitem__(0, 1.0),
    "assign to a leaf by mask": lambda T: leaf(T).__setitem__(T.ones(3, 4) > 0, 1.0),
    "write to an expanded tensor": lambda T: T.ones(1, 4).expand(3, 4).add_(1),
    "view of a transpose": lambda T: plain(T).t().view(12),
    "view of a wrong size": lambda T: plain(T).view(5, 2),
    "index too large": lambda T: plain(T)[3],
    "index too small": lambda T: plain(T)[:, -5],
    "array index too large": lambda T: plain(T)[[0, 3]],
    "array index too small": lambda T: plain(T)[:, [0, -5]],
    "too many indices": lambda T: plain(T)[0, 0, 0],
    "float index": lambda T: plain(T)[T.tensor([0.5])],
    "float number": lambda T: plain(T)[1.5],
    "mask of the wrong shape": lambda T: plain(T)[T.tensor([True, False])],
    "indices that do not broadcast": lambda T: plain(T)[[0, 1], [0, 1, 2]],
    "zero step": lambda T: plain(T)[::0],
    "assigning a wrong shape": lambda T: plain(T).__setitem__(0, T.ones(3)),
    "assigning a wrong shape by array": lambda T: plain(T).__setitem__([0, 1], T.ones(3, 4)),
    "growing in place": lambda T: T.ones(3).add_(T.ones(2, 3)),
    "int += float": lambda T: T.ones(3, dtype=T.int64).add_(1.5),
    "cat of different sizes": lambda T: T.cat([plain(T), T.ones(3, 5)]),
    "cat of nothing": lambda T: T.cat([]),
    "cat of numbers": lambda T: T.cat([T.tensor(1.0), T.tensor(2.0)]),
    "stack of different sizes": lambda T: T.stack([plain(T), T.ones(3, 5)]),
    "split sizes": lambda T: plain(T).split([1, 1]),
    "chunk zero": lambda T: plain(T).chunk(0),
    "narrow": lambda T: plain(T).narrow(0, 1, 5),
    "select": lambda T: plain(T).select(0, 3),
    "expand": lambda T: plain(T).expand(2, 4),
    "expand fewer": lambda T: plain(T).expand(4),
    "repeat fewer": lambda T: plain(T).repeat(2),
    "gather rank": lambda T: plain(T).gather(0, T.tensor([0])),
    "gather range": lambda T: plain(T).gather(0, T.tensor([[5]])),
    "index_select range": lambda T: plain(T).index_select(0, T.tensor([3])),
    "index_add range": lambda T: plain(T).index_add(0, T.tensor([3]), T.ones(1, 4)),
    "masked_fill mask": lambda T: plain(T).masked_fill(T.ones(3, 4, dtype=T.int64), 0),
    "topk too many": lambda T: plain(T).topk(5),
    "squeeze range": lambda T: plain(T).squeeze(2),
    "unsqueeze range": lambda T: plain(T).unsqueeze(4),
    "flip range": lambda T: plain(T).flip(2),
    "tril of a vector": lambda T: T.ones(3).tril(),
    "diag of a cube": lambda T: T.ones(1, 1, 1).diag(),
    "t of a cube": lambda T: T.ones(1, 1, 1).t(),
    "flatten order": lambda T: plain(T).flatten(1, 0),
    "detach_ of a view": lambda T: (leaf(T) * 1)[0].detach_(),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_have_pytorchs_type(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as theirs:
            ERRORS[name](torch)
    with pytest.raises(type(theirs.value)) as ours:
        ERRORS[name](ag)
    assert len(str(ours.value)) > 15
