"""Every op and composite that PyTorch has too, on every sample: values, gradients and kinds of errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag
from autograd_core import Tensor, autograd
from autograd_core.op import public_name
from docs.make_methods import Signature

from ..registry.cases import BAD, GOOD, Case, arguments, attributes, bound, call, flat, leaves, results, tensors

torch = pytest.importorskip("torch")

MODULES = {"torch": torch, "nn.functional": torch.nn.functional, "linalg": torch.linalg, "special": torch.special, "fft": torch.fft}
NO_GRADIENT_THERE = frozenset(("ctc_loss", "heaviside", "remainder", "floor_divide", "scatter", "scatter_add", "vander", "hardsigmoid", "as_strided_scatter", "linalg_det", "linalg_qr", "linalg_cond", "cholesky_solve", "cholesky_inverse", "linalg_ldl_factor", "linalg_ldl_factor_ex", "linalg_ldl_solve", "ldexp", "igamma", "igammac"))
"""PyTorch has no derivative of these, or one that is right only behind ``log_softmax``, or none where indices repeat or do not cover the source; that of its ``vander`` fails,
its ``as_strided_scatter`` gives the input the cotangents of what was replaced, its logarithm of the gamma function of integers is in float32, that of its ``hardsigmoid`` multiplies by a sixth in float32, and that of its ``ldexp`` is 0 where the exponent is a negative integer."""
UNIQUE_UP_TO_SIGNS = frozenset(("linalg_eigh", "linalg_eig", "linalg_svd", "svd", "svd_lowrank", "pca_lowrank"))
"""What ``test_linear_algebra`` compares by what does not depend on the signs; it also compares the gradients of linear algebra that are left out above,
where PyTorch has them: its determinant has another gradient at singular matrices, its ``cond`` of most orders fails, its Cholesky solvers one outside of the triangle that they read."""
REFUSED_THERE = frozenset(("logsumexp", "lu_unpack", "linalg_lu_solve", "lu_solve"))
"""PyTorch 2.13 fails on a tensor without dimensions given with ``dim=0, keepdim=True``, and takes pivots in int32 only; ``test_linear_algebra`` compares those."""


def counterpart(case: Case) -> Any:
    """PyTorch's function of that name at one of the op's places; ``None`` if there is none."""
    if getattr(case.declared, "kind", "") == "random":
        return None
    for place in sorted(case.declared.places):  # nn.functional before torch, which has internal functions of the same names
        found = getattr(MODULES.get(place), public_name(case.name, place), None)
        if found is not None:
            return found
    return getattr(torch.Tensor, case.name, None) if "Tensor" in case.declared.places else None


def converted(value: Any) -> Any:
    """An argument as PyTorch takes it."""
    if isinstance(value, np.ndarray):
        return torch.tensor(value).clone(memory_format=torch.contiguous_format)  # strides of empty arrays are any numbers
    if isinstance(value, list) and any(isinstance(each, np.ndarray) for each in value):
        return [converted(each) for each in value]
    return value


def option(name: str, value: Any) -> Any:
    """An attribute as PyTorch takes it."""
    if name == "dtype" and value is not None:
        return getattr(torch, str(getattr(value, "name", value)))
    if name == "indices" and isinstance(value, tuple):
        return tuple(torch.tensor(each) for each in value)
    return converted(value)


def theirs(case: Case, inputs: list[Any], lift: bool = False) -> Any:
    """PyTorch's result; with ``lift`` numbers are tensors, for functions that take no numbers."""
    options = {name: option(name, value) for name, value in attributes(case).items()}
    function = counterpart(case)
    if lift:
        inputs = [torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None) if isinstance(value, (bool, int, float)) else value for value in inputs]
    arguments, given = bound(case, inputs, options)
    positional = list(arguments)
    by_name = arguments or ("nn.functional" in case.declared.places and hasattr(torch.nn.functional, case.name))
    for name in () if arguments else Signature(case.declared.signature).positional:  # PyTorch's order
        if name not in given or (by_name and positional):
            break
        positional.append(given.pop(name))
    return function(*positional, **given)


def same(actual: Any, expected: Any, what: str) -> None:
    if not isinstance(expected, torch.Tensor):
        assert actual == expected, what
        return
    actual, expected = actual.detach().numpy(), expected.detach().resolve_conj().resolve_neg().numpy(force=True)
    assert actual.shape == expected.shape, what
    assert actual.dtype == expected.dtype, what
    if actual.dtype.kind in "fc":
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12, err_msg=what)
    else:
        np.testing.assert_array_equal(actual, expected, err_msg=what)


COARSE_THERE = frozenset(("digamma", "polygamma", "special_bessel_j0", "special_bessel_j1", "special_bessel_y0", "special_bessel_y1", "special_airy_ai"))
"""PyTorch's trigamma function is right to nine digits only, its Bessel functions beyond 5 and its Airy function to seven; ``test_elementwise`` compares these so far."""
COMMON = [case for case in GOOD if counterpart(case) is not None and case.name not in COARSE_THERE and case.name not in UNIQUE_UP_TO_SIGNS and case.sample.attrs.get("sorted") is not False]  # unsorted: any order


def test_most_public_ops_have_a_counterpart() -> None:
    assert len({case.name for case in COMMON}) > 60


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's own advice on some samples
@pytest.mark.parametrize("case", COMMON, ids=str)
def test_values_and_gradients(case: Case) -> None:
    values = arguments(case)
    inputs = tensors(case, values, grad=True)
    others = [converted(value) for value in values]
    for mine, other in zip(flat(inputs), flat(others), strict=True):
        if isinstance(mine, Tensor) and mine.requires_grad:
            other.requires_grad_()
    with np.errstate(all="ignore"):
        actual = results(call(case, inputs))
        try:
            expected = results(theirs(case, others))
        except TypeError:
            expected = results(theirs(case, others, lift=True))
        except RuntimeError:
            assert case.name in REFUSED_THERE
            return
        assert len(actual) == len(expected)
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            same(a, e, f"output {i}")
        pairs = [(a, e) for a, e in zip(actual, expected, strict=True) if getattr(e, "requires_grad", False)]
        needs = [getattr(e, "requires_grad", False) for e in expected]
        assert needs == [getattr(a, "requires_grad", False) for a in actual] or any(part in case.name for part in ("_polynomial_", "bessel_", "airy", "_ldl_"))  # PyTorch has no derivative
        if not pairs or case.name in NO_GRADIENT_THERE:
            return
        stream = np.random.default_rng(11)
        seeds = [np.asarray(stream.standard_normal(a.shape)).astype(a._array.dtype) for a, _ in pairs]
        found = autograd.grad([a for a, _ in pairs], leaves(inputs), [Tensor(seed) for seed in seeds], allow_unused=True, materialize_grads=True)
        wanted = torch.autograd.grad([e for _, e in pairs], [other for other in flat(others) if isinstance(other, torch.Tensor) and other.requires_grad],
                                     [converted(seed) for seed in seeds], allow_unused=True, materialize_grads=True)
    for i, (a, e) in enumerate(zip(found, wanted, strict=True)):
        same(a, e, f"gradient {i}")


@pytest.mark.parametrize("case", [case for case in BAD if counterpart(case) is not None], ids=str)
def test_errors_have_pytorchs_type(case: Case) -> None:
    values = arguments(case)
    try:
        theirs(case, [converted(value) for value in values])
    except Exception as error:
        expected = error
    else:
        pytest.fail("PyTorch accepts this")
    with pytest.raises(ag.linalg.LinAlgError if isinstance(expected, torch.linalg.LinAlgError) else type(expected)):
        call(case, tensors(case, values))


# --- properties ---------------------------------------------------------------------------------------------------


@st.composite
def broadcastable(draw: Any, count: int) -> list[np.ndarray[Any, Any]]:
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=4, max_side=3, min_side=0)).input_shapes
    return [draw(hnp.arrays(np.float64, shape, elements=st.floats(0.25, 4.0))) for shape in shapes]


def agree(ours: Any, theirs_: Any, arrays: list[np.ndarray[Any, Any]]) -> None:
    mine = [Tensor(array, requires_grad=True) for array in arrays]
    others = [torch.from_numpy(array.copy()).requires_grad_() for array in arrays]
    a, e = ours(*mine), theirs_(*others)
    same(a, e, "value")
    seed = np.asarray(np.random.default_rng(1).standard_normal(a.shape))
    a.backward(Tensor(seed))
    e.backward(torch.from_numpy(seed))
    for x, other in zip(mine, others, strict=True):
        if other.grad is not None:
            same(x.grad, other.grad, "gradient")


@settings(max_examples=60, deadline=None)
@given(arrays=broadcastable(2), name=st.sampled_from(["add", "sub", "mul", "div", "pow", "maximum", "minimum", "atan2"]))
def test_broadcasting_of_two(arrays: list[Any], name: str) -> None:
    agree(getattr(ag, name), getattr(torch, name), arrays)


@settings(max_examples=40, deadline=None)
@given(arrays=broadcastable(3))
def test_broadcasting_of_three(arrays: list[Any]) -> None:
    agree(lambda a, b, c: ag.where(a > 1, b, c) * a, lambda a, b, c: torch.where(a > 1, b, c) * a, arrays)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), name=st.sampled_from(["sum", "mean", "amax", "amin", "prod", "logsumexp", "var", "std"]), keepdim=st.booleans())
def test_reductions(data: Any, name: str, keepdim: bool) -> None:
    array = data.draw(hnp.arrays(np.float64, hnp.array_shapes(min_dims=1, max_dims=4, min_side=2, max_side=3), elements=st.floats(0.5, 3.0), unique=True))
    ndim = array.ndim
    dims = data.draw(st.lists(st.integers(-ndim, ndim - 1), min_size=1, max_size=ndim, unique_by=lambda d: d % ndim))
    dim = dims[0] if name == "prod" else tuple(dims)
    agree(lambda x: getattr(ag, name)(x, dim=dim, keepdim=keepdim), lambda x: getattr(torch, name)(x, dim=dim, keepdim=keepdim), [array])


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    count = draw(st.integers(2, 3))
    parts: list[Any] = [
        draw(st.one_of(
            st.integers(-n, n - 1),
            st.builds(slice, st.one_of(st.none(), st.integers(-n, n)), st.one_of(st.none(), st.integers(-n, n)), st.one_of(st.none(), st.integers(1, 3))),
            st.lists(st.integers(-n, n - 1), min_size=count, max_size=count),
        ))
        for n in shape[: draw(st.integers(0, len(shape)))]
    ]
    for _ in range(draw(st.integers(0, 2))):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple([*parts, ...] if draw(st.booleans()) else parts)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_indexing(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    index = data.draw(indices(shape))
    array = np.arange(float(np.prod(shape))).reshape(shape)
    agree(lambda x: x[index], lambda x: x[index], [array])
    mine, other = Tensor(array), torch.from_numpy(array.copy())
    repeated = any(isinstance(part, list) for part in index)
    value = 7.0 if repeated else np.asarray(np.random.default_rng(2).standard_normal(other[index].shape))
    mine[index] = Tensor(value) if isinstance(value, np.ndarray) else value
    other[index] = torch.from_numpy(value) if isinstance(value, np.ndarray) else value
    same(mine, other, "assignment")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_boolean_indexing(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    mask = data.draw(hnp.arrays(np.bool_, shape[: data.draw(st.integers(1, len(shape)))]))
    array = np.arange(float(np.prod(shape))).reshape(shape)
    agree(lambda x: x[Tensor(mask)], lambda x: x[torch.from_numpy(mask)], [array])


@pytest.mark.parametrize(("a", "b"), [*itertools.product([(3,), (2, 3), (4, 2, 3), (1, 5, 2, 3)], [(3,), (3, 2), (4, 3, 2), (5, 3, 2), (6, 1, 3, 2)])])
def test_matmul_of_all_ranks(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    stream = np.random.default_rng(0)
    arrays = [stream.standard_normal(a), stream.standard_normal(b)]
    try:
        torch.matmul(*map(torch.from_numpy, arrays))
    except RuntimeError:
        with pytest.raises(RuntimeError, match=r"^matmul: "):
            ag.matmul(*map(Tensor, arrays))
        return
    agree(ag.matmul, torch.matmul, arrays)


@pytest.mark.parametrize("dtype", ["int64", "float64"])
@pytest.mark.parametrize("rounding_mode", [None, "trunc", "floor"])
def test_division_with_rounding(rounding_mode: str | None, dtype: str) -> None:
    a, b = np.array([7, -7, 8, -9], dtype=dtype), np.array([2, 2, -3, -4], dtype=dtype)
    same(ag.div(Tensor(a), Tensor(b), rounding_mode=rounding_mode), torch.div(torch.from_numpy(a), torch.from_numpy(b), rounding_mode=rounding_mode), "tensors")
    same(ag.div(Tensor(a), 2, rounding_mode=rounding_mode), torch.div(torch.from_numpy(a), 2, rounding_mode=rounding_mode), "number")
    if dtype == "float64":
        same(Tensor(a).div_(Tensor(b), rounding_mode=rounding_mode), torch.from_numpy(a.copy()).div_(torch.from_numpy(b), rounding_mode=rounding_mode), "in place")


def test_unknown_rounding() -> None:
    for module in (ag, torch):
        with pytest.raises(RuntimeError, match="rounding_mode"):
            module.div(module.tensor([1.0]), 2.0, rounding_mode="up")


@pytest.mark.parametrize("name", ["add", "sub"])
def test_alpha(name: str) -> None:
    a, b = np.array([1.0, 2.0]), np.array([[3.0], [4.0]])
    agree(lambda x, y: getattr(ag, name)(x, y, alpha=0.5), lambda x, y: getattr(torch, name)(x, y, alpha=0.5), [a, b])
    agree(lambda x: getattr(ag, name)(x, 3, alpha=2), lambda x: getattr(torch, name)(x, 3, alpha=2), [a])
    agree(lambda x, y: getattr(x.clone(), f"{name}_")(y, alpha=0.5), lambda x, y: getattr(x.clone(), f"{name}_")(y, alpha=0.5), [b, b])


def test_index_put() -> None:
    base, values = np.zeros((3, 2)), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for accumulate in (False, True):
        rows = [0, 2, 2] if accumulate else [0, 2, 1]
        agree(lambda x, v, rows=rows, accumulate=accumulate: x.clone().index_put_((ag.tensor(rows),), v, accumulate=accumulate),
              lambda x, v, rows=rows, accumulate=accumulate: x.clone().index_put_((torch.tensor(rows),), v, accumulate=accumulate), [base, values])
