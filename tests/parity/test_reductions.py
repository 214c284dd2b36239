"""Reductions, scans and statistics against PyTorch on generated tensors: shapes, dims, dtypes, NaN, layouts, keywords, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

torch = pytest.importorskip("torch")

import autograd_core as ag  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]

NAN, INF = math.nan, math.inf
DTYPES = ["float64", "float32", "float16", "int64", "int32", "uint8", "bool"]
TOLERANCE = {"float64": 1e-10, "float32": 1e-5, "float16": 4e-3}
Call = Callable[[Any, Any], Any]


def parts(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def compare(actual: Any, expected: Any, tolerance: float | None = None) -> None:
    """Equal shapes and dtypes, equal or close values."""
    actual, expected = actual.detach().numpy(), expected.detach().numpy()
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    if actual.dtype.kind == "f":
        limit = TOLERANCE[actual.dtype.name] if tolerance is None else tolerance
        np.testing.assert_allclose(actual.astype(float), expected.astype(float), rtol=limit, atol=limit)
    else:
        np.testing.assert_array_equal(actual, expected)


def same(call: Call, array: np.ndarray[Any, Any], *, indices: bool = True) -> None:
    """What ``call(library, tensor)`` gives in both: values and dtypes, or the type of the error. Where PyTorch has no kernel for a dtype, ours may have one."""
    array = np.asarray(array)
    mine, theirs = ag.from_numpy(array), torch.from_numpy(array)
    try:
        expected = call(torch, theirs)
    except NotImplementedError:
        return
    except Exception as error:
        with pytest.raises(type(error)):
            call(ag, mine)
        return
    try:
        with np.errstate(all="ignore"):
            actual = call(ag, mine)
    except IndexError as error:
        if array.size or "out of range" not in str(error):
            raise
        return  # PyTorch does not look at dim where there is nothing to do
    assert len(parts(actual)) == len(parts(expected))
    assert getattr(actual, "_fields", None) == (tuple(name for name in ("values", "indices", "min", "max") if hasattr(expected, name)) or None if isinstance(expected, tuple) else None)
    for i, (a, e) in enumerate(zip(parts(actual), parts(expected), strict=True)):
        if indices or i == 0:
            compare(a, e)


def gradients(call: Call, array: np.ndarray[Any, Any]) -> None:
    """Equal first and second derivatives of what ``call`` gives for a float64 tensor."""
    found = []
    for lib in (ag, torch):
        x = lib.from_numpy(array.copy()).requires_grad_()
        outputs = [y for y in parts(call(lib, x)) if y.requires_grad]
        total = sum((y * y * lib.from_numpy(np.cos(np.arange(float(y.numel()))).reshape(tuple(y.shape)))).sum() for y in outputs)
        (first,) = lib.autograd.grad(total, x, create_graph=True)
        second = lib.autograd.grad((first * first).sum(), x, allow_unused=True)[0] if first.requires_grad else None
        found.append((first, second))
    compare(found[0][0], found[1][0], 1e-9)
    if found[0][1] is not None and found[1][1] is not None:
        compare(found[0][1], found[1][1], 1e-7)


@st.composite
def arrays(draw: Any, dtypes: list[str] = DTYPES, *, nan: bool = True, min_side: int = 0, min_dims: int = 0, layouts: bool = True) -> np.ndarray[Any, Any]:
    """Small tensors with ties, NaN, without elements, and not in row-major order."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    shape = draw(hnp.array_shapes(min_dims=min_dims, max_dims=3, min_side=min_side, max_side=4)) if min_dims or draw(st.integers(0, 5)) else ()
    low = 0 if dtype.kind in "bu" else -3
    values = [float(each) for each in range(low, 4)] + [0.5, -1.25] * (dtype.kind == "f") + [NAN] * (nan and dtype.kind == "f")
    array = draw(hnp.arrays(np.float64, shape, elements=st.sampled_from(values if dtype.kind != "b" else [0.0, 1.0])))
    with np.errstate(invalid="ignore"):
        array = np.asarray(array.astype(dtype))
    layout = draw(st.integers(0, 2)) if layouts and array.ndim else 0
    if layout == 1:
        array = array.T
    elif layout == 2:
        array = array.repeat(2, axis=-1)[..., ::2]
    return array


def one_fault(array: np.ndarray[Any, Any], *dims: int) -> bool:
    """Not both a dtype and a dim that may be refused: which of two faults is reported is not compared."""
    return array.dtype.kind == "f" or (array.ndim > 0 and all(-array.ndim <= dim < array.ndim for dim in dims))


def distinct(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    stream = np.random.default_rng(seed)
    count = math.prod(shape)
    return np.asarray((stream.permutation(count) + stream.uniform(0.2, 0.8, count)) / max(count, 1) * 3 - 1.2).reshape(shape)


DIMS = st.integers(-4, 3)
SEVERAL = st.one_of(DIMS, st.lists(DIMS, min_size=1, max_size=2).map(tuple))


# --- values, dtypes and errors ------------------------------------------------------------------------------------


@settings(max_examples=250, deadline=None)
@given(array=arrays(), name=st.sampled_from(["sum", "nansum", "mean", "nanmean", "amax", "amin", "all", "any", "var", "std", "logsumexp"]), dim=SEVERAL, keepdim=st.booleans())
def test_over_dims(array: Any, name: str, dim: Any, keepdim: bool) -> None:
    if name in {"var", "std"} and array.size and array.dtype == np.float16:
        array = array.astype("float32")  # rounded twice there
    if name == "logsumexp" and not array.ndim:
        return  # PyTorch 2.13 fails on tensors without dimensions
    dims = dim if isinstance(dim, tuple) else (dim,)
    if not one_fault(array, *dims) or (not array.size and len({each % max(array.ndim, 1) for each in dims}) < len(dims)):
        return
    same(lambda lib, x: getattr(lib, name)(x, dim=dim, keepdim=keepdim), array)


@settings(max_examples=120, deadline=None)
@given(array=arrays(), name=st.sampled_from(["sum", "nansum", "mean", "prod", "amax", "amin", "max", "min", "all", "any", "count_nonzero", "argmax", "argmin", "var", "std", "median", "nanmedian", "norm"]))
def test_over_everything(array: Any, name: str) -> None:
    if name in {"median", "nanmedian"} and not array.size and array.dtype.kind != "f":
        return  # PyTorch's result is not a number of that dtype
    if array.dtype == np.float16 and name in {"var", "std"}:
        array = array.astype("float32")
    if name.startswith("arg") and array.dtype == np.bool_:
        array = array.astype("uint8")  # PyTorch refuses booleans
    same(lambda lib, x: getattr(lib, name)(x), array)


@settings(max_examples=250, deadline=None)
@given(array=arrays(), name=st.sampled_from(["prod", "max", "min", "argmax", "argmin", "median", "nanmedian", "mode", "all", "any"]), dim=DIMS, keepdim=st.booleans())
def test_over_one_dim(array: Any, name: str, dim: int, keepdim: bool) -> None:
    if name == "mode" and array.dtype.kind == "f":
        array = np.nan_to_num(array)  # NaN equals nothing, so its places among equals are arbitrary
    if name.startswith("arg") and array.dtype == np.bool_:
        array = array.astype("uint8")  # PyTorch refuses booleans
    if not one_fault(array, dim):
        return
    same(lambda lib, x: getattr(lib, name)(x, dim=dim, keepdim=keepdim), array, indices=name in {"max", "min", "mode"})


@settings(max_examples=150, deadline=None)
@given(array=arrays(), name=st.sampled_from(["cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"]), dim=DIMS)
def test_scans(array: Any, name: str, dim: int) -> None:
    if array.dtype == np.float16:
        array = array.astype("float32")  # PyTorch rounds every partial result of float16
    same(lambda lib, x: getattr(lib, name)(x, dim=dim), array)


@settings(max_examples=60, deadline=None)
@given(array=arrays(), name=st.sampled_from(["sum", "nansum", "mean", "prod", "cumsum", "cumprod"]), dtype=st.sampled_from(["float64", "float32", "int64", "int32"]))
def test_result_dtype_on_request(array: Any, name: str, dtype: str) -> None:
    if array.dtype.kind == "f" and dtype.startswith("int"):
        array = np.nan_to_num(np.trunc(array))
    attrs = {"dim": 0} if name.startswith("cum") else {}
    same(lambda lib, x: getattr(lib, name)(x, **attrs, dtype=getattr(lib, dtype)), array)


@settings(max_examples=80, deadline=None)
@given(array=arrays(nan=False), k=st.integers(0, 5), dim=DIMS, keepdim=st.booleans())
def test_kthvalue(array: Any, k: int, dim: int, keepdim: bool) -> None:
    if array.dtype == np.bool_ and not array.ndim:
        return  # PyTorch's kernel for booleans is missed in all other shapes
    same(lambda lib, x: lib.kthvalue(x, k, dim=dim, keepdim=keepdim), array, indices=False)
    x = ag.from_numpy(array)
    if array.size and array.ndim and -array.ndim <= dim < array.ndim and 1 <= k <= array.shape[dim] and array.dtype != np.bool_:
        values, indices = x.kthvalue(k, dim, keepdim=True)
        assert ag.equal(x.gather(dim, indices), values)


@settings(max_examples=150, deadline=None)
@given(array=arrays(["float64", "float32", "int64"]), name=st.sampled_from(["quantile", "nanquantile"]), q=st.one_of(
    st.sampled_from([0, 1, 0.25, 0.5, 1 / 3, 1.5]), st.lists(st.sampled_from([0.0, 0.3, 0.5, 1.0]), min_size=1, max_size=3)),
    dim=st.one_of(st.none(), DIMS), keepdim=st.booleans(), interpolation=st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest"]))
def test_quantiles(array: Any, name: str, q: Any, dim: Any, keepdim: bool, interpolation: str) -> None:
    dtype = array.dtype.name

    def call(lib: Any, x: Any) -> Any:
        levels = lib.tensor(q, dtype=getattr(lib, dtype)) if isinstance(q, list) else q
        return getattr(lib, name)(x, levels, dim=dim, keepdim=keepdim, interpolation=interpolation)

    same(call, array)


@settings(max_examples=80, deadline=None)
@given(array=arrays(["float64", "float32"], nan=False), bins=st.integers(0, 7), low=st.sampled_from([-1.0, 0.0, 0.5]), high=st.sampled_from([0.0, 0.5, 2.0]))
def test_histc(array: Any, bins: int, low: float, high: float) -> None:
    same(lambda lib, x: lib.histc(x, bins=bins, min=low, max=high), array)


@settings(max_examples=60, deadline=None)
@given(array=arrays(["int64", "int32", "uint8"]), weighted=st.sampled_from([None, "float64", "float32", "int64"]), minlength=st.integers(-1, 6))
def test_bincount(array: Any, weighted: str | None, minlength: int) -> None:
    weights = None if weighted is None else np.arange(array.size).astype(weighted).reshape(array.shape)
    same(lambda lib, x: lib.bincount(x, None if weights is None else lib.from_numpy(weights), minlength), array)


@settings(max_examples=100, deadline=None)
@given(array=arrays(), n=st.integers(-1, 3), dim=DIMS, before=st.booleans(), after=st.booleans())
def test_diff(array: Any, n: int, dim: int, before: bool, after: bool) -> None:
    if n == 0 and not one_fault(array.astype(bool), dim):
        return  # PyTorch does not look at dim then
    same(lambda lib, x: lib.diff(x, n, dim, prepend=x if before else None, append=x if after else None), array)


@settings(max_examples=100, deadline=None)
@given(array=arrays(nan=False), name=st.sampled_from(["trapezoid", "trapz", "cumulative_trapezoid"]), dim=DIMS, spacing=st.sampled_from(["", "dx", "points", "all points"]))
def test_integrals(array: Any, name: str, dim: int, spacing: str) -> None:
    def call(lib: Any, y: Any) -> Any:
        if spacing == "dx":
            return getattr(lib, name)(y, dx=0.5, dim=dim)
        if spacing == "points":
            return getattr(lib, name)(y, lib.from_numpy(np.arange(float(array.shape[dim])) ** 2), dim=dim)
        return getattr(lib, name)(y, y * y, dim=dim) if spacing else getattr(lib, name)(y, dim=dim)

    if not one_fault(array.astype(bool) if spacing == "points" else array, dim) or (array.dtype == np.bool_ and not array.size):
        return
    same(call, array.astype("float32") if array.dtype == np.float16 else array)


@settings(max_examples=120, deadline=None)
@given(array=arrays(["float64", "float32"], nan=False, min_side=1), p=st.sampled_from(["fro", None, 0, 0.5, 1, 1.5, 2, 3, -1, -2, INF, -INF]), dim=st.one_of(st.none(), DIMS), keepdim=st.booleans())
def test_norms(array: Any, p: Any, dim: Any, keepdim: bool) -> None:
    same(lambda lib, x: lib.norm(x, p=p, dim=dim, keepdim=keepdim), array)


@pytest.mark.parametrize("attrs", [{}, {"keepdim": True}, {"dim": (0, 1)}, {"dim": (-1, 0), "keepdim": True}], ids=str)
def test_nuclear_norm(attrs: dict[str, Any]) -> None:
    array = distinct((3, 4) if "dim" not in attrs else (3, 4, 2), 0)
    same(lambda lib, x: lib.norm(x, p="nuc", **attrs), array)
    gradients(lambda lib, x: lib.norm(x, p="nuc", **attrs), array)


@pytest.mark.parametrize("p", [0, 0.5, 1, 2, 3, INF])
@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((3, 1), (4,)), ((), (2,)), ((0,), (0,))], ids=str)
def test_dist(p: float, shapes: Any) -> None:
    if p == INF and 0 in shapes[0]:
        return
    a, b = distinct(shapes[0], 0), distinct(shapes[1], 1)
    same(lambda lib, x: lib.dist(x, lib.from_numpy(b), p), a)
    same(lambda lib, x: lib.dist(x, x, p), a)


@settings(max_examples=60, deadline=None)
@given(array=arrays(["float64", "float32"], nan=False), correction=st.sampled_from([0, 1, 2, 0.5]), name=st.sampled_from(["var", "std", "var_mean", "std_mean"]), dim=st.one_of(st.none(), SEVERAL),
       keepdim=st.booleans())
def test_moments(array: Any, correction: Any, name: str, dim: Any, keepdim: bool) -> None:
    if array.size > 3:
        same(lambda lib, x: getattr(lib, name)(x, dim=dim, correction=correction, keepdim=keepdim), array)


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_aminmax(dim: Any, keepdim: bool) -> None:
    for array in (distinct((3, 4), 0), np.array([[3, 1], [2, 7]])):
        same(lambda lib, x: lib.aminmax(x, dim=dim, keepdim=keepdim), array)


# --- derivatives --------------------------------------------------------------------------------------------------

REDUCTIONS = ["sum", "mean", "prod", "amax", "amin", "max", "min", "median", "nanmedian", "mode", "var", "std", "logsumexp", "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "norm", "diff",
              "nansum", "nanmean", "trapezoid", "cumulative_trapezoid", "kthvalue", "quantile"]


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(REDUCTIONS), shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=4), data=st.data())
def test_derivatives(name: str, shape: tuple[int, ...], data: Any) -> None:
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    first = {"kthvalue": (2,), "quantile": (0.37,)}.get(name, ())
    gradients(lambda lib, x: getattr(lib, name)(x, *first, dim=dim), distinct(shape, 3))


@pytest.mark.parametrize("name", ["max", "min", "median", "nanmedian", "amax", "amin", "aminmax"])
def test_ties_of_everything_share_the_gradient(name: str) -> None:
    gradients(lambda lib, x: getattr(lib, name)(x), np.array([[2.0, 1.0, 2.0], [1.0, 1.0, 2.0]]))


@pytest.mark.parametrize("zeros", [[0], [0, 2], []], ids=str)
@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_products_with_zeros(name: str, zeros: list[int]) -> None:
    array = np.array([1.5, -2.0, 0.5, 3.0])
    array[zeros] = 0
    gradients(lambda lib, x: getattr(lib, name)(x, dim=0), array)


def test_levels_of_a_quantile_have_a_gradient() -> None:
    array = distinct((3, 5), 1)
    gradients(lambda lib, q: lib.quantile(lib.from_numpy(array), q, dim=1), np.array([0.1, 0.63]))


def test_nothing_but_minus_infinity_has_no_exponential() -> None:
    """PyTorch's gradient of the running sum is NaN at a leading -inf; here it is 0."""
    x = ag.tensor([-INF, -INF, 1.0, -INF, 0.5], dtype=ag.float64, requires_grad=True)
    y = x.logcumsumexp(0)
    compare(y, torch.logcumsumexp(torch.from_numpy(x.detach().numpy()), 0))
    y[2:].sum().backward()
    assert x.grad.isfinite().all()
    assert x.grad[:2].tolist() == [0.0, 0.0]


def test_running_sum_of_exponentials_of_large_numbers() -> None:
    gradients(lambda lib, x: lib.logcumsumexp(x, 0), np.array([-1000.0, 990.0, 1000.0, -500.0, 1001.0]))


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "int32", "float32"])
def test_scans_in_place(name: str, dtype: str) -> None:
    array = np.array([[1, 2, 3], [4, 5, 6]]).astype(dtype)
    same(lambda lib, x: getattr(x.clone(), f"{name}_")(1), array)
    if dtype == "float64":
        gradients(lambda lib, x: getattr(x * 2, f"{name}_")(1), array)


def test_extremes_with_a_second_tensor() -> None:
    a, b = distinct((3, 4), 0), distinct((4,), 1)
    for name in ("max", "min"):
        gradients(lambda lib, x, name=name: getattr(lib, name)(x, lib.from_numpy(b)), a)
        same(lambda lib, x, name=name: getattr(lib, name)(x, other=lib.from_numpy(b)), a)


@pytest.mark.parametrize("edge_order", [1, 2])
def test_slopes_between_coordinates(edge_order: int) -> None:
    array, rows, columns = distinct((4, 5), 0), np.array([0.0, 0.3, 1.0, 1.4]), np.array([-1.0, 0.0, 0.5, 2.0, 2.25])
    gradients(lambda lib, x: lib.gradient(x, spacing=(lib.from_numpy(rows), lib.from_numpy(columns)), edge_order=edge_order)[0], array)
    gradients(lambda lib, x: lib.gradient(x, spacing=(lib.from_numpy(rows), lib.from_numpy(columns)), edge_order=edge_order)[1], array)
    gradients(lambda lib, x: lib.gradient(x, spacing=(0.5,), dim=(1,), edge_order=edge_order)[0], array)


@pytest.mark.parametrize("name", ["sum", "prod", "nansum", "cumsum", "cumprod"])
def test_integers_have_no_gradient(name: str) -> None:
    for lib in (ag, torch):
        x = lib.tensor([1.5, 2.5], requires_grad=True)
        with pytest.raises(RuntimeError, match="Autograd not support dtype"):
            getattr(lib, name)(x, 0, dtype=lib.int64)
        assert getattr(lib, name)(x.detach(), 0, dtype=lib.int32).dtype is lib.int32


@pytest.mark.parametrize("name", ["all", "any"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_logic_over_no_dims_reduces_nothing(name: str, dtype: str) -> None:
    array = np.array([[0, 2], [3, 0]]).astype(dtype)
    same(lambda lib, x: getattr(lib, name)(x, dim=()), array)
    same(lambda lib, x: getattr(lib, name)(x, dim=(), keepdim=True), array)
