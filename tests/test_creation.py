"""Constructors: values, dtypes, shapes, devices, sharing of memory, and how tensors are printed."""

from __future__ import annotations

import copy
import math
import re
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import Tensor

# --- from data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "dtype"), [
    (2.0, "float32"), (2, "int64"), (True, "bool"), (1j, "complex64"), ([], "float32"), ([1, 2], "int64"), ([1, 2.5], "float32"), ([[True], [False]], "bool"),
    (np.float64(3), "float64"), (np.ones(2, dtype="int32"), "int32"), ([np.float64(1), 2.0], "float64"), ((1.0, 2.0), "float32"), ([np.ones(2), np.ones(2)], "float64")])
def test_the_dtype_follows_the_data(data: Any, dtype: str) -> None:
    t = ag.tensor(data)
    assert t.dtype == dtype
    np.testing.assert_array_equal(t.numpy(), np.asarray(data))
    assert ag.tensor(data, dtype=ag.complex128).dtype is ag.complex128


def test_the_default_dtype_counts() -> None:
    ag.set_default_dtype(ag.float64)
    assert {ag.tensor(1.0).dtype, ag.zeros(1).dtype, ag.rand(1).dtype, ag.full((1,), 0.5).dtype, ag.arange(0, 1, 0.5).dtype, Tensor([1]).dtype} == {ag.float64}
    assert ag.tensor(1j).dtype is ag.complex128


def test_tensor_copies() -> None:
    a = np.zeros(2)
    t = ag.tensor(a)
    a[0] = 1
    assert t.tolist() == [0, 0]
    with pytest.warns(UserWarning, match="copy construct"):
        u = ag.tensor(t)
    t[0] = 5
    assert u.tolist() == [0, 0]
    assert ag.tensor([ag.tensor(1.0), ag.tensor(2.0)]).tolist() == [1.0, 2.0]


def test_names_and_gradients() -> None:
    t = ag.tensor(1.5, requires_grad=True, name="w")
    assert t.name == "w"
    assert t.requires_grad
    assert t.is_leaf
    with pytest.raises(RuntimeError, match="floating point"):
        ag.tensor([1, 2], requires_grad=True)


@pytest.mark.parametrize(("data", "error", "match"), [
    ([[1, 2], [3]], ValueError, "equal length"), ("abc", TypeError, "cannot be made of"), ([None], TypeError, "cannot be made of"), ({}, TypeError, "cannot be made"),
    (2**64, ValueError, "Overflow"), ([1, 2**70], ValueError, "Overflow"), (np.array(["a"]), TypeError, "cannot hold")])
def test_what_no_tensor_can_be_made_of(data: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        ag.tensor(data)


def test_sharing_memory() -> None:
    a = np.arange(3.0)
    for t in (ag.from_numpy(a), ag.as_tensor(a), ag.asarray(a), ag.asarray(a, copy=False)):
        a[0] += 1
        assert t[0].item() == a[0]
    scalar = np.array(2.0)
    t = ag.from_numpy(scalar)
    scalar[...] = 7
    assert t.item() == 7
    assert ag.as_tensor(a, dtype=ag.float32).dtype is ag.float32
    copied = ag.asarray(a, copy=True)
    a[0] = -1
    assert copied[0].item() != -1
    with pytest.raises(ValueError, match="copy=False"):
        ag.asarray([1.0], copy=False)


def test_as_tensor_keeps_the_graph() -> None:
    x = ag.ones(2, requires_grad=True)
    assert ag.as_tensor(x) is x
    y = ag.as_tensor(x, dtype=ag.float64)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype is ag.float32
    assert not ag.asarray(x).requires_grad
    assert ag.asarray([1.0], requires_grad=True).requires_grad


def test_from_numpy_takes_arrays_only() -> None:
    for wrong in (3.0, [1.0], np.float32(1)):
        with pytest.raises(TypeError, match=r"expected np\.ndarray"):
            ag.from_numpy(wrong)
    with pytest.raises(TypeError, match="cannot hold"):
        ag.from_numpy(np.array(["a"]))
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.warns(UserWarning, match="not writable"):
        ag.from_numpy(frozen)


# --- filled -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2, 3), ((2, 3),), ([2, 3],), (ag.Size((2, 3)),), (ag.tensor([2, 3]),), (np.int64(2), np.int64(3))])
def test_sizes_in_all_spellings(size: Any) -> None:
    for make in (ag.zeros, ag.ones, ag.empty, ag.rand, ag.randn):
        assert make(*size).shape == (2, 3)


def test_sizes_by_name() -> None:
    for make in (ag.zeros, ag.ones, ag.empty, ag.rand, ag.randn, ag.zeros(1).new_zeros, ag.zeros(1).new_ones, ag.zeros(1).new_empty):
        assert make(size=(2, 3)).shape == (2, 3)
        with pytest.raises(TypeError, match="given twice"):
            make(2, size=(3,))


def test_an_empty_size_is_no_dimension() -> None:
    for make in (ag.zeros, ag.ones, ag.empty, ag.rand, ag.randn, ag.zeros(1).new_zeros, ag.zeros(1).new_ones, ag.zeros(1).new_empty):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'size'"):
            make()
    assert ag.zeros(()).item() == 0
    assert ag.ones(0, 2).shape == (0, 2)


def test_filled_values_and_keywords() -> None:
    assert ag.zeros(2).tolist() == [0, 0]
    assert ag.ones(2, dtype=ag.int32).tolist() == [1, 1]
    t = ag.full((2, 1), 3.5, dtype=ag.float64, requires_grad=True, device="cpu")
    assert (t.tolist(), t.dtype, t.requires_grad) == ([[3.5], [3.5]], ag.float64, True)
    assert [ag.full((1,), value).dtype for value in (True, 2, 2.0, 2j)] == [ag.bool_, ag.int64, ag.float32, ag.complex64]
    assert ag.full((2,), ag.tensor(4.0, dtype=ag.float64)).dtype is ag.float64


def test_likes_take_shape_dtype_and_device() -> None:
    x = ag.zeros(2, 3, dtype=ag.float64, requires_grad=True)
    for make in (ag.zeros_like, ag.ones_like, ag.empty_like, ag.rand_like, ag.randn_like, lambda x, **k: ag.full_like(x, 2, **k), lambda x, **k: ag.randint_like(x, 5, **k)):
        y = make(x)
        assert (y.shape, y.dtype, y.requires_grad) == ((2, 3), ag.float64, False)
        assert make(x, dtype=ag.float32).dtype is ag.float32
    assert ag.full_like(x, 2).tolist() == [[2.0] * 3] * 2


def test_new_methods() -> None:
    x = ag.zeros(2, dtype=ag.float64)
    assert (x.new_zeros(3).dtype, x.new_ones(2, 2).tolist()) == (ag.float64, [[1, 1], [1, 1]])
    assert x.new_full((2,), 7).tolist() == [7, 7]
    assert x.new_empty((3, 0)).shape == (3, 0)
    assert x.new_tensor([1, 2]).dtype is ag.float64
    assert x.new_tensor([1, 2], dtype=ag.int64, requires_grad=False).dtype is ag.int64


@pytest.mark.parametrize("make", [ag.zeros, ag.ones, ag.empty, ag.rand])
def test_bad_sizes(make: Any) -> None:
    with pytest.raises(RuntimeError, match="non-negative"):
        make(-1)
    with pytest.raises(TypeError, match="size"):
        make(2.5)
    with pytest.raises(TypeError, match="size"):
        make("ab")


# --- ranges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "expected"), [
    ((4,), [0, 1, 2, 3]), ((1, 4), [1, 2, 3]), ((5, 0, -2), [5, 3, 1]), ((0,), []), ((3, 3), []), ((1.0, 2.0, 0.5), [1.0, 1.5]), ((2.5,), [0.0, 1.0, 2.0])])
def test_arange(arguments: Any, expected: list[float]) -> None:
    t = ag.arange(*arguments)
    assert t.tolist() == expected
    assert t.dtype is (ag.float32 if any(isinstance(each, float) for each in arguments) else ag.int64)


def test_ranges_are_exact_at_their_ends() -> None:
    assert ag.linspace(-1, 1, 5).tolist() == [-1, -0.5, 0, 0.5, 1]
    assert ag.linspace(3, 3, 1).tolist() == [3]
    assert ag.linspace(0, 1, 0).shape == (0,)
    assert ag.arange(10, dtype=ag.float64).dtype is ag.float64
    np.testing.assert_array_equal(ag.arange(0, 1, 0.1, dtype=ag.float64).numpy(), 0.1 * np.arange(10))


def test_arange_by_name() -> None:
    assert ag.arange(end=3).tolist() == [0, 1, 2]
    assert ag.arange(1, end=3, step=1).tolist() == [1, 2]
    with pytest.raises(TypeError, match="missing argument 'end'"):
        ag.arange()


def test_logspace() -> None:
    assert ag.logspace(0, 3, 4, dtype=ag.float64).tolist() == [1, 10, 100, 1000]
    assert ag.logspace(0, 3, 4, base=2).tolist() == [1, 2, 4, 8]
    assert ag.logspace(0, 1, 0).shape == (0,)


def test_positions_of_triangles() -> None:
    for row, col, offset in ((3, 4, 0), (4, 2, 1), (2, 5, -1), (0, 3, 0), (3, 3, 9)):
        lower, upper = ag.tril_indices(row, col, offset), ag.triu_indices(row, col, offset=offset)
        np.testing.assert_array_equal(lower.numpy(), np.stack(np.tril_indices(row, offset, col)))
        np.testing.assert_array_equal(upper.numpy(), np.stack(np.triu_indices(row, offset, col)))
        assert lower.dtype is ag.int64
    assert ag.tril_indices(2, 2, dtype=ag.int32).dtype is ag.int32
    assert ag.scalar_tensor(3).dtype is ag.float32


def test_broadcast_shapes() -> None:
    assert ag.broadcast_shapes((3, 1), 4, ()) == (3, 4)
    with pytest.raises(RuntimeError, match=r"broadcast_shapes: .*must match"):
        ag.broadcast_shapes((2,), (3,))
    with pytest.raises(ValueError, match="negative dimension"):
        ag.broadcast_shapes((-2,))


def test_eye() -> None:
    assert ag.eye(2).tolist() == [[1, 0], [0, 1]]
    assert ag.eye(2, 3).shape == (2, 3)
    assert ag.eye(0).shape == (0, 0)


@pytest.mark.parametrize(("call", "match"), [
    (lambda: ag.arange(0, 1, -1), "inconsistent with step sign"), (lambda: ag.arange(0, 1, 0), "nonzero"), (lambda: ag.linspace(0, 1, -1), "non-negative"),
    (lambda: ag.logspace(0, 1, -1), "non-negative"), (lambda: ag.tril_indices(-1, 2), "row must be non-negative"), (lambda: ag.triu_indices(1, -2), "col must be non-negative"),
    (lambda: ag.eye(-1), "greater or equal to 0"), (lambda: ag.zeros(1, dtype=ag.int64, requires_grad=True), "floating point"), (lambda: ag.zeros(1, device="tpu"), "device")])
def test_errors(call: Any, match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        call()


def test_inference_mode_makes_inference_tensors() -> None:
    with ag.inference_mode():
        assert ag.zeros(2).is_inference()
    assert not ag.zeros(2).is_inference()


@pytest.mark.parametrize("make", [ag.zeros, ag.randn, ag.rand, lambda *size, **options: ag.full(size, 1.5, **options)])
def test_gradients_may_be_asked_for_in_inference_mode(make: Any) -> None:
    with ag.inference_mode():
        x = make(2, requires_grad=True)
        assert x.requires_grad
        assert x.is_inference()
        assert not (x * 2).requires_grad
    y = make(2)
    with ag.inference_mode():
        z = make(2)
    assert y.requires_grad_().requires_grad
    with pytest.raises(RuntimeError, match="outside InferenceMode"):
        z.requires_grad_()


# --- names and copies ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: Tensor(1.0, name=3), lambda: Tensor([1.0], name=3), lambda: ag.tensor(1.0, name=3), lambda: setattr(ag.ones(1), "name", 3)])  # type: ignore[arg-type]
def test_a_name_is_text(make: Any) -> None:
    with pytest.raises(TypeError, match=r"Tensor: argument 'name' must be str, not int \(3\)"):
        make()


def test_shallow_copies_share_memory_and_are_leaves() -> None:
    x = ag.tensor([1.0, 2.0], requires_grad=True, name="x")
    x.grad = ag.ones(2)
    for source in (x, x * 2, (x * 2).detach(), ag.tensor(3.0) * x[0]):
        twin = copy.copy(source)
        assert twin.is_leaf
        assert twin.requires_grad == source.requires_grad
        assert twin.data_ptr() == source.data_ptr()
        assert twin.grad is None
        assert twin.tolist() == source.tolist()
    assert copy.copy(x).name == "x"
    layer = nn.Parameter(ag.ones(2))
    assert type(copy.copy(layer)) is nn.Parameter


def test_deep_copies_keep_what_is_shared() -> None:
    x = ag.arange(12.0).reshape(3, 4)
    array = np.zeros(4)
    original = [x, x[1:], x.T, x[:, ::2], ag.from_numpy(array), array, ag.tensor(2.0), ag.zeros(0)]
    twins = copy.deepcopy(original)
    for twin, source in zip(twins, original, strict=True):
        np.testing.assert_array_equal(np.asarray(twin), np.asarray(source))
        assert not np.shares_memory(np.asarray(twin), np.asarray(source)) or not twin.size
    twins[0][1, 0] = -1.0
    twins[5][2] = 7.0
    assert (twins[1][0, 0].item(), twins[2][0, 1].item(), twins[3][1, 0].item(), twins[4][2].item()) == (-1.0, -1.0, -1.0, 7.0)
    assert x[1, 0].item() == 4.0
    assert array.tolist() == [0.0] * 4


# --- questions ----------------------------------------------------------------------------------------------------


def test_questions() -> None:
    x = ag.zeros(2, 3)
    assert ag.is_tensor(x)
    assert not ag.is_tensor(x.numpy())
    assert ag.is_floating_point(x)
    assert not ag.is_complex(x)
    assert ag.numel(x) == 6
    assert ag.result_type(ag.ones(2, dtype=ag.int64), 2.5) is ag.float32
    assert ag.result_type(ag.ones(2), ag.tensor(1.0, dtype=ag.float64)) is ag.float32
    assert x.type() == "autograd_core.FloatTensor"
    assert [getattr(x, name)().dtype.name for name in ("double", "half", "cfloat", "cdouble", "byte", "char", "short", "int", "long", "bool")] == [
        "float64", "float16", "complex64", "complex128", "uint8", "int8", "int16", "int32", "int64", "bool"]
    assert [ag.is_signed(ag.zeros(1, dtype=d)) for d in (ag.float32, ag.int8, ag.uint8, ag.bool_, ag.complex64)] == [True, True, False, False, True]
    assert ag.is_nonzero(ag.tensor(2.0))
    assert not ag.tensor([0.0]).is_nonzero()
    with pytest.raises(RuntimeError, match="ambiguous"):
        ag.is_nonzero(x)
    assert ag.is_same_size(x, ag.ones(2, 3))
    assert not x.is_same_size(ag.ones(3, 2))
    assert (x.is_cpu, x.get_device(), x.ndimension(), ag.is_inference(x)) == (True, -1, 2, False)
    y = ag.ones(2, requires_grad=True)
    assert not ag.detach(y).requires_grad
    assert ag.detach(y).data_ptr() == y.data_ptr()
    assert x.type(ag.float64).dtype is ag.float64


# --- printing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("t", "text"), [
    (lambda: ag.tensor(2.0), "tensor(2.)"), (lambda: ag.tensor([1.0, 2.0]), "tensor([1., 2.])"), (lambda: ag.tensor(1 / 3), "tensor(0.3333)"),
    (lambda: ag.tensor([[1, -20], [3, 4]]), "tensor([[  1, -20],\n        [  3,   4]])"), (lambda: ag.tensor([True, False]), "tensor([ True, False])"),
    (lambda: ag.tensor([1.0, math.nan, -math.inf]), "tensor([1., nan, -inf])"), (lambda: ag.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
    (lambda: ag.zeros(0), "tensor([])"), (lambda: ag.zeros(0, 3), "tensor([], size=(0, 3))"), (lambda: ag.zeros(0, dtype=ag.int64), "tensor([], dtype=autograd_core.int64)"),
    (lambda: ag.tensor([0.5], dtype=ag.float64), "tensor([0.5000], dtype=autograd_core.float64)"), (lambda: ag.tensor([1 + 2j]), "tensor([1.+2.j])"),
    (lambda: ag.tensor(1.0, requires_grad=True), "tensor(1., requires_grad=True)"), (lambda: ag.tensor(1.0, requires_grad=True) + 1, "tensor(2., grad_fn=<add>)"),
    (lambda: ag.tensor(1.0, name="w"), "tensor(1., name='w')"), (lambda: ag.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])")])
def test_repr(t: Any, text: str) -> None:
    assert repr(t()) == str(t()) == text


def test_large_tensors_are_shortened_and_long_lines_broken() -> None:
    lines = repr(ag.zeros(100, 100)).split("\n")
    assert len(lines) == 7
    assert lines[3].strip() == "...,"
    assert lines[0] == "tensor([[0., 0., 0.,  ..., 0., 0., 0.],"
    assert max(map(len, repr(ag.rand(30)).split("\n"))) <= 80


def test_print_options() -> None:
    t = ag.tensor([math.pi, 900 * math.pi])
    try:
        ag.set_printoptions(precision=2)
        assert repr(t[0]) == "tensor(3.14)"
        ag.set_printoptions(sci_mode=False)
        assert repr(ag.tensor([1e-5, 1.0])) == "tensor([0.00, 1.00])"
        ag.set_printoptions(profile="short")
        assert repr(ag.zeros(2000)) == "tensor([0., 0.,  ..., 0., 0.])"
        ag.set_printoptions(profile="full")
        assert "..." not in repr(ag.zeros(2000))
        with pytest.raises(ValueError, match="profile"):
            ag.set_printoptions(profile="tiny")
    finally:
        ag.set_printoptions(profile="default")
    assert repr(t) == "tensor([   3.1416, 2827.4333])"


@pytest.mark.parametrize(("make", "error", "match"), [
    (lambda: ag.tensor([300, 1], dtype=ag.uint8), RuntimeError, "tensor: value cannot be converted to type uint8 without overflow: 300 does not lie between -255 and 255"),
    (lambda: ag.tensor(-129, dtype=ag.int8), RuntimeError, "int8 without overflow"),
    (lambda: ag.tensor([float("nan")], dtype=ag.int64), RuntimeError, "int64 without overflow"),
    (lambda: ag.tensor([1j], dtype=ag.float32), TypeError, "is complex"),
    (lambda: ag.tensor(np.array(["a"]), dtype=ag.bool), TypeError, "cannot hold"),
    (lambda: ag.full((2,), 256, dtype=ag.uint8), RuntimeError, "full: value cannot be converted to type uint8 without overflow"),
    (lambda: ag.full((2,), 1j, dtype=ag.float32), RuntimeError, "float32 without overflow"),
    (lambda: ag.randint(300, (2,), dtype=ag.uint8), RuntimeError, "randint: to - 1 is out of bounds for uint8: 299 does not lie between 0 and 255"),
    (lambda: ag.randint(-1, 3, (2,), dtype=ag.uint8), RuntimeError, "randint: from is out of bounds for uint8"),
    (lambda: ag.zeros(2, dtype=ag.int8).random_(200), RuntimeError, "random_: to - 1 is out of bounds for int8"),
])
def test_numbers_that_a_dtype_cannot_hold(make: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=re.escape(match)):
        make()


def test_negative_numbers_wrap_around_in_uint8() -> None:
    assert ag.tensor([-1, 2], dtype=ag.uint8).tolist() == [255, 2]
    assert ag.full((1,), -1, dtype=ag.uint8).tolist() == [255]
    assert ag.zeros(2, dtype=ag.uint8).scatter(0, ag.tensor([1]), -1).tolist() == [0, 255]
    assert ag.zeros(2, dtype=ag.uint8).scatter_(0, ag.tensor([1, 0]), -2).tolist() == [254, 254]
    assert ag.tensor([1j, 0], dtype=ag.bool).tolist() == [True, False]


@pytest.mark.parametrize(("data", "expected", "numbers"), [
    ([ag.tensor(1), ag.tensor(2.5)], ag.float32, [1.0, 2.5]), ([[ag.tensor(1)], [2.5]], ag.float32, [[1.0], [2.5]]), ([ag.tensor(True), 2], ag.int64, [1, 2]),
    ([np.float16(1), np.float32(2)], ag.float32, [1.0, 2.0]), ([np.array([1, 2]), np.array([1.5, 2])], ag.float64, [[1.0, 2.0], [1.5, 2.0]]),
    ([ag.tensor(2), 1j], ag.complex64, [2, 1j]), ([np.int32(1), 2], ag.int64, [1, 2]), ([np.float64(1), 2], ag.float64, [1.0, 2.0])])
def test_lists_of_tensors_take_the_dtype_that_holds_all(data: Any, expected: Any, numbers: Any) -> None:
    made = ag.tensor(data)
    assert made.dtype is expected
    assert made.tolist() == numbers


@pytest.mark.parametrize("end", [math.nan, math.inf])
def test_ranges_without_end(end: float) -> None:
    with pytest.raises(RuntimeError, match="unsupported range"):
        ag.arange(0, end)
