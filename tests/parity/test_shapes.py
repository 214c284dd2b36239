"""Shapes, views and made tensors against PyTorch: properties over random shapes, layouts and keywords."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag
from autograd_core import Tensor, autograd

from .test_ops import same

torch = pytest.importorskip("torch")


def numbered(*shape: int) -> Any:
    return np.arange(1.0, 1.0 + math.prod(shape)).reshape(shape)


@st.composite
def laid_out(draw: Any, min_dims: int = 0, max_dims: int = 4) -> tuple[Any, Any]:
    """One array as a pair of leaves' views in the same layout: contiguous, transposed, strided, narrowed or expanded."""
    shape = draw(hnp.array_shapes(min_dims=max(min_dims, 1), max_dims=max_dims, min_side=0, max_side=4)) if min_dims or draw(st.booleans()) else ()
    kind = draw(st.sampled_from(["plain", "transposed", "strided", "narrowed", "expanded"])) if shape else "plain"
    if kind == "transposed":
        return numbered(*shape[::-1]), lambda x: x.permute(tuple(range(len(shape)))[::-1])
    if kind == "strided":
        return numbered(*shape[:-1], 2 * shape[-1]), lambda x: x[..., ::2]
    if kind == "narrowed":
        return numbered(shape[0] + 2, *shape[1:]), lambda x: x[1:-1]
    if kind == "expanded":
        return numbered(1, *shape[1:]), lambda x: x.expand(shape)
    return numbered(*shape), lambda x: x


def outputs(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def compared(data: Any, layout: Any, ours: Any, theirs: Any = None) -> None:
    """Values, gradients, shared memory and kinds of errors of a call on one tensor."""
    theirs = ours if theirs is None else theirs
    leaf, other_leaf = Tensor(data, requires_grad=True), torch.from_numpy(data.copy()).requires_grad_()
    x, other = layout(leaf * 1), layout(other_leaf * 1)
    try:
        expected = outputs(theirs(other))
    except Exception as error:
        with pytest.raises(type(error)):
            ours(x)
        return
    actual = outputs(ours(x))
    assert len(actual) == len(expected)
    seeds = [np.random.default_rng(i).standard_normal(tuple(e.shape)) for i, e in enumerate(expected)]
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        same(a, e, f"output {i}")
        assert a.requires_grad == e.requires_grad
        if e.numel():
            assert a.is_contiguous() == e.is_contiguous() or not shares(a, x)
            assert shares(a, x) == (e.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()), f"output {i} shares memory or not"
    wanted = [(a, e, seed) for a, e, seed in zip(actual, expected, seeds, strict=True) if e.requires_grad]
    if wanted:
        (found,) = autograd.grad([a for a, _, _ in wanted], [leaf], [Tensor(seed) for _, _, seed in wanted])
        (gradient,) = torch.autograd.grad([e for _, e, _ in wanted], [other_leaf], [torch.from_numpy(seed) for _, _, seed in wanted])
        same(found, gradient, "gradient")


def shares(a: Any, b: Any) -> bool:
    return bool(np.shares_memory(a.detach().numpy(), b.detach().numpy()))


def dims_of(data: Any, ndim: int, extra: int = 0) -> int:
    return int(data.draw(st.integers(-ndim - extra - 1, ndim + extra)))


CALLS: dict[str, Any] = {
    "squeeze": lambda d, n: (lambda x, dim=dims_of(d, n): x.squeeze(dim)), "squeeze_all": lambda d, n: lambda x: x.squeeze(),
    "unsqueeze": lambda d, n: (lambda x, dim=dims_of(d, n, 1): x.unsqueeze(dim)), "transpose": lambda d, n: (lambda x, a=dims_of(d, n), b=dims_of(d, n): x.transpose(a, b)),
    "swapaxes": lambda d, n: (lambda x, a=dims_of(d, n), b=dims_of(d, n): x.swapaxes(a, b)), "movedim": lambda d, n: (lambda x, a=dims_of(d, n), b=dims_of(d, n): x.movedim(a, b)),
    "flatten": lambda d, n: (lambda x, a=dims_of(d, n), b=dims_of(d, n): x.flatten(a, b)), "diagonal": lambda d, n: (lambda x, o=dims_of(d, 2), a=dims_of(d, n), b=dims_of(d, n): x.diagonal(o, a, b)),
    "unbind": lambda d, n: (lambda x, dim=dims_of(d, n): x.unbind(dim)), "split": lambda d, n: (lambda x, s=dims_of(d, 2), dim=dims_of(d, n): x.split(s, dim)),
    "chunk": lambda d, n: (lambda x, c=dims_of(d, 3), dim=dims_of(d, n): x.chunk(c, dim)), "tensor_split": lambda d, n: (lambda x, c=dims_of(d, 4), dim=dims_of(d, n): x.tensor_split(c, dim)),
    "tensor_split_at": lambda d, n: (lambda x, at=tuple(d.draw(st.lists(st.integers(-5, 5), max_size=3))), dim=dims_of(d, n): x.tensor_split(at, dim)),
    "narrow": lambda d, n: (lambda x, dim=dims_of(d, n), s=dims_of(d, 3), k=dims_of(d, 2): x.narrow(dim, s, k)), "select": lambda d, n: (lambda x, dim=dims_of(d, n), i=dims_of(d, 3): x.select(dim, i)),
    "flip": lambda d, n: (lambda x, dims=d.draw(st.lists(st.integers(-n - 1, n), max_size=2)): x.flip(dims)), "roll": lambda d, n: (lambda x, s=dims_of(d, 4), dim=dims_of(d, n): x.roll(s, dim)),
    "roll_flat": lambda d, n: (lambda x, s=dims_of(d, 4): x.roll(s)), "rot90": lambda d, n: (lambda x, k=dims_of(d, 4), a=dims_of(d, n), b=dims_of(d, n): x.rot90(k, (a, b))),
    "unfold": lambda d, n: (lambda x, dim=dims_of(d, n), size=dims_of(d, 3), step=d.draw(st.integers(0, 3)): x.unfold(dim, size, step)),
    "tril": lambda d, n: (lambda x, k=dims_of(d, 3): x.tril(k)), "triu": lambda d, n: (lambda x, k=dims_of(d, 3): x.triu(k)), "diag_embed": lambda d, n: (lambda x, o=dims_of(d, 2): x.diag_embed(o)),
    "diagflat": lambda d, n: (lambda x, o=dims_of(d, 2): x.diagflat(o)), "repeat": lambda d, n: (lambda x, r=d.draw(st.lists(st.integers(0, 3), max_size=5)): x.repeat(r)),
    "tile": lambda d, n: (lambda x, r=d.draw(st.lists(st.integers(0, 3), max_size=5)): x.tile(r)), "repeat_interleave": lambda d, n: (lambda x, r=dims_of(d, 2), dim=dims_of(d, n): x.repeat_interleave(r, dim)),
    "reshape": lambda d, n: (lambda x, s=d.draw(st.lists(st.integers(-3, 4), max_size=4)): x.reshape(s)), "view": lambda d, n: (lambda x, s=d.draw(st.lists(st.integers(-3, 4), max_size=4)): x.view(s)),
    "view_merged": lambda d, n: (lambda x, k=d.draw(st.integers(0, 4)): x.view([*x.shape[:k], -1])), "expand": lambda d, n: (lambda x, s=d.draw(st.lists(st.integers(-1 if n else 0, 4), max_size=5)): x.expand(s)),
    "unflatten": lambda d, n: (lambda x, dim=dims_of(d, n), s=d.draw(st.lists(st.integers(-1, 3), min_size=1, max_size=3)): x.unflatten(dim, s)), "ravel": lambda d, n: lambda x: x.ravel(),
    "contiguous": lambda d, n: lambda x: x.contiguous(), "clone": lambda d, n: lambda x: x.clone(), "mT": lambda d, n: lambda x: x.mT, "H": lambda d, n: lambda x: x.H, "T": lambda d, n: lambda x: x.T,
    "hsplit": lambda d, n: (lambda x, k=d.draw(st.integers(1, 3)): x.hsplit(k)), "vsplit": lambda d, n: (lambda x, k=d.draw(st.integers(1, 3)): x.vsplit(k)), "dsplit": lambda d, n: (lambda x, k=d.draw(st.integers(1, 3)): x.dsplit(k)),
    "permute": lambda d, n: (lambda x, p=tuple(d.draw(st.permutations(range(-n, 0)))): x.permute(p)), "fliplr": lambda d, n: lambda x: x.fliplr(), "flipud": lambda d, n: lambda x: x.flipud(),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", CALLS)
def test_one_tensor(name: str, data: Any) -> None:
    array, layout = data.draw(laid_out())
    compared(array, layout, CALLS[name](data, len(layout(torch.from_numpy(array)).shape)))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), name=st.sampled_from(["cat", "stack", "vstack", "hstack", "dstack", "column_stack", "broadcast_tensors", "block_diag", "cartesian_prod", "atleast_2d", "atleast_3d", "meshgrid"]))
def test_several_tensors(data: Any, name: str) -> None:
    base = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    shapes = [tuple(data.draw(st.sampled_from([n, n, n, 1, 2])) for n in base) for _ in range(data.draw(st.integers(1, 3)))]
    if name in ("cartesian_prod", "meshgrid"):
        shapes = [shape[:1] for shape in shapes]
    arrays = [np.asarray(numbered(*shape) + i) for i, shape in enumerate(shapes)]
    options = {"dim": dims_of(data, len(base))} if name in ("cat", "stack") else {"indexing": data.draw(st.sampled_from(["ij", "xy"]))} if name == "meshgrid" else {}
    star = name in ("broadcast_tensors", "block_diag", "cartesian_prod", "atleast_2d", "atleast_3d", "meshgrid")
    mine, others = [Tensor(a, requires_grad=True) for a in arrays], [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]
    try:
        expected = outputs(getattr(torch, name)(*others, **options) if star else getattr(torch, name)(others, **options))
    except Exception as error:
        with pytest.raises(type(error)):
            getattr(ag, name)(*mine, **options) if star else getattr(ag, name)(mine, **options)
        return
    actual = outputs(getattr(ag, name)(*mine, **options) if star else getattr(ag, name)(mine, **options))
    seeds = [np.random.default_rng(i).standard_normal(tuple(e.shape)) for i, e in enumerate(expected)]
    for a, e in zip(actual, expected, strict=True):
        same(a, e, name)
    if name == "block_diag" and (0,) in shapes:
        return  # PyTorch takes the gradient of what follows an empty vector from the wrong row
    found = autograd.grad(actual, mine, [Tensor(seed) for seed in seeds], allow_unused=True, materialize_grads=True)
    wanted = torch.autograd.grad(expected, others, [torch.from_numpy(seed) for seed in seeds], allow_unused=True, materialize_grads=True)
    for a, e in zip(found, wanted, strict=True):
        same(a, e, "gradient")


@pytest.mark.parametrize("name", ["cat", "stack", "vstack", "hstack", "dstack", "column_stack", "block_diag"])
@pytest.mark.parametrize("pair", [("int64", "float32"), ("float32", "float64"), ("bool", "uint8"), ("uint8", "int8"), ("float16", "int32"), ("complex64", "float64")], ids=str)
def test_joining_promotes(name: str, pair: tuple[str, str]) -> None:
    star = name == "block_diag"
    mine, others = [ag.ones(2, dtype=getattr(ag, each)) for each in pair], [torch.ones(2, dtype=getattr(torch, each)) for each in pair]
    same(getattr(ag, name)(*mine) if star else getattr(ag, name)(mine), getattr(torch, name)(*others) if star else getattr(torch, name)(others), name)


@pytest.mark.parametrize("name", ["flip", "roll", "tril", "rot90", "repeat_interleave", "clone", "reshape", "unfold", "diag_embed", "chunk"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "complex64", "complex128"])
def test_every_dtype(name: str, dtype: str) -> None:
    calls = {"flip": lambda x: x.flip(0), "roll": lambda x: x.roll(1), "repeat_interleave": lambda x: x.repeat_interleave(2), "reshape": lambda x: x.reshape(-1), "unfold": lambda x: x.unfold(1, 2, 1),
             "chunk": lambda x: x.chunk(2, 1)[0]}
    call = calls.get(name, lambda x: getattr(x, name)())
    array = np.arange(6).reshape(2, 3).astype(dtype)
    same(call(Tensor(array)), call(torch.from_numpy(array)), name)


@pytest.mark.parametrize("dim", [0, 1, -2, 5])
def test_cat_of_nothing_but_empty_vectors(dim: int) -> None:
    for count in (1, 2):
        same(ag.cat([ag.zeros(0, dtype=ag.float64)] * count, dim), torch.cat([torch.zeros(0, dtype=torch.float64)] * count, dim), "cat")


def test_as_strided_of_overlapping_elements() -> None:
    array = numbered(3, 4)
    for size, stride, offset in (((2, 3), (4, 1), 1), ((3, 3), (1, 1), 0), ((5,), (0,), 7), ((2, 2, 2), (1, 2, 4), None), ((), (), 3), ((4, 3), (1, 4), 0), ((3,), (6,), 0), ((2,), (-1,), 0), ((2, 2), (1,), 0)):
        compared(array, lambda x: x, lambda x, a=(size, stride, offset): x.as_strided(*a))


def test_repeat_interleave_in_all_forms() -> None:
    array = numbered(2, 3)
    counts = np.array([1, 0, 2])
    compared(array, lambda x: x, lambda x: x.repeat_interleave(ag.tensor(counts), 1), lambda x: x.repeat_interleave(torch.tensor(counts), 1))
    compared(array, lambda x: x, lambda x: x.repeat_interleave(ag.tensor(counts), 1, output_size=3), lambda x: x.repeat_interleave(torch.tensor(counts), 1, output_size=3))
    compared(array, lambda x: x, lambda x: x.repeat_interleave(ag.tensor([2]), 0), lambda x: x.repeat_interleave(torch.tensor([2]), 0))
    compared(array, lambda x: x, lambda x: x.repeat_interleave(ag.tensor([1, 2]), 1), lambda x: x.repeat_interleave(torch.tensor([1, 2]), 1))
    same(ag.repeat_interleave(ag.tensor(counts)), torch.repeat_interleave(torch.tensor(counts)), "counts alone")


@pytest.mark.parametrize(("shifts", "dims"), [((1, 2), None), (1, (0, 1)), ((1, 2), (0,)), ((1, -5), (1, 0)), (7, 1), ((2, 1), (1, 1)), ((1,), None)], ids=str)
def test_shifts_and_dims_of_roll(shifts: Any, dims: Any) -> None:
    compared(numbered(3, 4), lambda x: x, lambda x: x.roll(shifts, dims))


@pytest.mark.parametrize("shapes", [((3, 1), (1, 4)), ((2,), ()), ((0, 1), (3,)), (5, (1,)), ((2, 3), (3, 2)), ((-1,), (2,)), ()], ids=str)
def test_broadcast_shapes(shapes: Any) -> None:
    try:
        expected = tuple(torch.broadcast_shapes(*shapes))
    except (RuntimeError, ValueError) as error:
        with pytest.raises(type(error), match=r"^broadcast_shapes: "):
            ag.broadcast_shapes(*shapes)
        return
    assert ag.broadcast_shapes(*shapes) == expected


# --- made tensors -------------------------------------------------------------------------------------------------


DTYPES = st.sampled_from([None, "float32", "float64", "float16", "int64", "int32", "uint8", "complex64"])


def made(name: str, *args: Any, dtype: str | None = None, **options: Any) -> None:
    """The same call of both libraries: the same tensor, or the same kind of error."""
    mine, others = ({**options, **({} if dtype is None else {"dtype": getattr(module, dtype)})} for module in (ag, torch))
    try:
        expected = getattr(torch, name)(*args, **others)
    except Exception as error:
        with pytest.raises(type(error)):
            getattr(ag, name)(*args, **mine)
        return
    actual = getattr(ag, name)(*args, **mine)
    assert str(actual.dtype).partition(".")[2] == str(expected.dtype).partition(".")[2]
    assert tuple(actual.shape) == tuple(expected.shape)
    a, e = actual.numpy(), expected.numpy()
    tolerance = {"float16": 2e-3, "float32": 2e-6, "complex64": 2e-6}.get(a.dtype.name, 1e-12)
    np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance * (np.abs(e).max() if e.size else 1))


@settings(max_examples=60, deadline=None)
@given(ends=st.lists(st.integers(-9, 9), min_size=1, max_size=3), dtype=DTYPES)
def test_arange_of_integers(ends: list[int], dtype: str | None) -> None:
    if dtype != "uint8" or min(ends) >= 0:
        made("arange", *ends, dtype=dtype if dtype != "complex64" else None)


@settings(max_examples=60, deadline=None)
@given(start=st.integers(-16, 16), length=st.integers(-16, 16), step=st.integers(-8, 8), dtype=st.sampled_from([None, "float64", "float32"]))
def test_arange_of_quarters(start: int, length: int, step: int, dtype: str | None) -> None:
    made("arange", start / 4, (start + length) / 4, step / 8, dtype=dtype)


@settings(max_examples=60, deadline=None)
@given(start=st.integers(-5, 5), end=st.integers(-5, 5), steps=st.integers(-1, 9), dtype=DTYPES)
def test_linspace_and_logspace(start: int, end: int, steps: int, dtype: str | None) -> None:
    exact = steps < 2 or (end - start) % (steps - 1) == 0
    if dtype != "uint8" and (exact or dtype not in ("int64", "int32")):  # else rounding decides which way fractions are cut off
        made("linspace", start, end, steps, dtype=dtype)
    if dtype not in ("uint8", "int64", "int32", "float16", "complex64"):
        made("logspace", start / 2, end / 2, steps, dtype=dtype)
        made("logspace", start, end, steps, base=2.0, dtype=dtype)


@settings(max_examples=40, deadline=None)
@given(row=st.integers(-1, 5), col=st.integers(-1, 5), offset=st.integers(-6, 6))
def test_indices_of_triangles(row: int, col: int, offset: int) -> None:
    made("tril_indices", row, col, offset)
    made("triu_indices", row, col, offset=offset)
    made("eye", row, col)


@pytest.mark.parametrize("name", ["zeros", "ones"])
def test_sizes(name: str) -> None:
    for size in ((2, 3), (0,), ([2, 3],), ((),)):
        made(name, *size)
    for size in ((2, 3), [2], ()):
        made(name, size=size)
    made(name, 2, size=(3,))
    made(name, -1)
    made(name, 2.5)
    made("full", (2,), 3)
    made("full", (2,), True)
    made("full", size=(2,), fill_value=2.5, dtype="int64")
    made("full", (2,), 1j)


def test_vander_and_combinations() -> None:
    array = np.array([1.5, -2.0, 3.0])
    for options in ({}, {"N": 2}, {"N": 5, "increasing": True}, {"N": 0}, {"N": -1}):
        try:
            expected = torch.vander(torch.from_numpy(array), **options)
        except RuntimeError:
            with pytest.raises(RuntimeError, match=r"^vander: "):
                ag.vander(Tensor(array), **options)
        else:
            same(ag.vander(Tensor(array), **options), expected, str(options))
    for r in range(5):
        for again in (False, True):
            same(ag.combinations(Tensor(array), r, again), torch.combinations(torch.from_numpy(array), r, again), str(r))


# --- memory shared with PyTorch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128"])
def test_dlpack_both_ways_without_a_copy(dtype: str) -> None:
    other = torch.ones(2, 3, dtype=getattr(torch, dtype))
    mine = ag.from_dlpack(other)
    assert mine.dtype.name == dtype
    assert mine.data_ptr() == other.data_ptr()
    mine[0, 1] = 0
    assert other[0, 1].item() == 0
    back = torch.from_dlpack(mine.T)
    assert back.shape == (3, 2)
    assert back.data_ptr() == mine.data_ptr()
    back[2, 1] = 0
    assert mine[1, 2].item() == 0


def test_dlpack_of_views_numbers_and_nothing() -> None:
    mine = ag.arange(12.0).reshape(3, 4)
    for view in (mine[1:, ::2], mine[0, 0], mine[:0], mine.t()):
        other = torch.from_dlpack(view)
        assert other.tolist() == view.tolist()
        assert ag.from_dlpack(other).tolist() == view.tolist()
    with pytest.raises(BufferError, match="gradient"):
        torch.from_dlpack(ag.ones(2, requires_grad=True))
