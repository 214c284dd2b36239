"""Elementwise ops over all dtypes and at the edges of their domains (zeros of both signs, infinities, NaN), complex gradients, Fourier transforms: PyTorch's, everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autograd_core as ag
from autograd_core import Tensor, autograd, dtypes

torch = pytest.importorskip("torch")

ONE = ["abs", "acos", "acosh", "angle", "asin", "asinh", "atan", "atanh", "bitwise_not", "ceil", "conj", "cos", "cosh", "deg2rad", "digamma", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "floor", "frac", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "lgamma", "log", "log10", "log1p", "log2", "logical_not", "logit", "nan_to_num", "neg", "positive", "rad2deg", "real", "reciprocal", "round", "rsqrt", "sgn", "sigmoid", "sign", "signbit", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc", "i0", "special.i1", "special.i0e", "special.i1e", "special.ndtri", "special.log_ndtr", "special.entr", "special.erfcx", "special.expit"]
TWO = ["add", "sub", "mul", "div", "atan2", "copysign", "hypot", "fmod", "remainder", "floor_divide", "logaddexp", "logaddexp2", "maximum", "minimum", "fmax", "fmin", "pow", "float_power", "xlogy", "special.xlog1py", "heaviside", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "clamp_min", "clamp_max"]
NAMES = [entry.name for entry in dtypes.ALL if entry.name != "bfloat16"]
CLOSE = {"float16": 3e-3, "float32": 3e-6, "complex64": 1e-5, "float64": 1e-9, "complex128": 1e-9}
MORE_HERE = {("special.ndtri", "float16"), ("special.log_ndtr", "float16"), ("special.erfcx", "float16")}
"""What PyTorch does not compute on a CPU."""
LESS_HERE = {("logaddexp", "complex64"), ("logaddexp", "complex128")}
EITHER_ZERO = frozenset(("maximum", "minimum", "fmax", "fmin", "clamp_min", "clamp_max", "logaddexp2"))
"""Of two zeros PyTorch's choice depends on the dtype and the length."""
ONE_AT_ZERO = frozenset(("pow", "float_power"))
"""0 to the power of 0 is 1, also of complex numbers, where PyTorch gives NaN."""


def edges(dtype: str) -> np.ndarray[Any, Any]:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.array([True, False, True])
    if kind == "u":
        return np.array([0, 1, 2, 7, 200, 255], dtype)
    if kind == "i":
        return np.array([0, 1, 2, -1, -2, 7, -7, np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
    if kind == "f":
        return np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 3.0, -7.25, np.inf, -np.inf, np.nan, 1e4, 1e-4]).astype(dtype)
    return np.array([0, 1, -1, 1j, -2j, 1 + 2j, -1.5 - 0.5j, 0.3 - 0.7j], dtype)


def function(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module


def outcome(call: Any, *args: Any) -> Any:
    try:
        with np.errstate(all="ignore"):
            return call(*args)
    except Exception as error:
        return error


def compare(name: str, dtype: str, arrays: list[np.ndarray[Any, Any]]) -> None:
    mine = outcome(function(ag, name), *map(Tensor, arrays))
    other = outcome(function(torch, name), *map(torch.tensor, arrays))
    if isinstance(other, Exception):
        if (name, dtype) not in MORE_HERE:
            assert isinstance(mine, type(other)), f"{dtype}: {mine!r}, PyTorch {other!r}"
            assert str(mine).startswith(name.rpartition(".")[2])
        return
    if (name, dtype) in LESS_HERE:
        return
    assert not isinstance(mine, Exception), f"{dtype}: {mine!r}"
    assert str(mine.dtype).rpartition(".")[2] == str(other.dtype).rpartition(".")[2], dtype
    equal(mine.numpy(), other.resolve_conj().resolve_neg().numpy(), arrays, signs=name not in EITHER_ZERO, zero_power=name in ONE_AT_ZERO, least=1e-2 if name == "logaddexp2" else 0.0)


def equal(a: Any, b: Any, arrays: Any, signs: bool = True, zero_power: bool = False, rtol: float | None = None, least: float = 0.0) -> None:
    """Equal with NaN and infinities in their places, to a few units in the last place elsewhere."""
    with np.errstate(all="ignore"):
        good = (a == b) | ((a != a) & (b != b))
        if a.dtype.kind in "fc":
            tolerance = CLOSE[a.dtype.name] if rtol is None else rtol
            good |= np.abs(a - b) <= tolerance * np.maximum(np.abs(b), max(least, 1e-7 if a.dtype.itemsize < 8 else 1e-16))
            if a.dtype.kind == "f" and signs:
                good &= (np.signbit(a) == np.signbit(b)) | (a != a)
        if zero_power:
            good |= (arrays[0] == 0) & (arrays[1] == 0)
    wrong = [(*(each.reshape(-1)[i] for each in arrays), a.reshape(-1)[i], b.reshape(-1)[i]) for i in np.flatnonzero(~good)[:5]]
    assert not wrong, f"{a.dtype}, inputs, ours and PyTorch's: {wrong}"


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("name", ONE)
def test_one_operand_at_the_edges(name: str, dtype: str) -> None:
    compare(name, dtype, [edges(dtype)])


def pairs(name: str, dtype: str) -> list[np.ndarray[Any, Any]]:
    """All pairs of edges, but those that raise or are undefined in C."""
    a, b = (each.reshape(-1) for each in np.meshgrid(edges(dtype), edges(dtype)))
    if np.dtype(dtype).kind in "iu":
        if "shift" in name:
            return [a, np.abs(b) % 8]
        if name in ("remainder", "fmod", "floor_divide"):
            a, b = a[b != 0], b[b != 0]
        if name == "pow":
            a, b = a[b >= 0], b[b >= 0]
    return [np.ascontiguousarray(a), np.ascontiguousarray(b)]


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("name", TWO)
def test_two_operands_at_the_edges(name: str, dtype: str) -> None:
    compare(name, dtype, pairs(name, dtype))


@settings(max_examples=250, deadline=None)
@given(data=st.data(), name=st.sampled_from([name for name in TWO if name not in ("fmod", "remainder", "floor_divide", "heaviside", "pow", "float_power", "special.xlog1py") and "bitwise" not in name]),
       dtypes_=st.tuples(*[st.sampled_from(["bool", "uint8", "int32", "int64", "float16", "float32", "float64"])] * 2))
def test_two_operands_of_any_shapes_and_dtypes(data: Any, name: str, dtypes_: tuple[str, str]) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0)).input_shapes
    arrays = [np.asarray(data.draw(hnp.arrays(dtype, shape, elements=st.sampled_from(edges(dtype)[:9].tolist())))) for shape, dtype in zip(shapes, dtypes_, strict=True)]
    mine, other = outcome(function(ag, name), *map(Tensor, arrays)), outcome(function(torch, name), *map(torch.tensor, arrays))
    if isinstance(other, Exception):
        assert isinstance(mine, type(other))
        return
    assert str(mine.dtype).rpartition(".")[2] == str(other.dtype).rpartition(".")[2]
    a, b = mine.numpy(), other.numpy()
    assert a.shape == b.shape
    equal(a, b, [np.broadcast_to(each, a.shape) for each in arrays], signs=name not in EITHER_ZERO, least=1e-2 if name.startswith("logaddexp") else 0.0)


# --- gradients ----------------------------------------------------------------------------------------------------

MASKED_HERE = frozenset(("sqrt", "rsqrt", "log", "log2", "log10", "log1p", "pow", "div", "reciprocal", "asin", "acos", "acosh", "atanh", "hypot", "xlogy", "special.xlog1py", "atan2"))
REAL = [name for name in ONE if name not in ("bitwise_not", "digamma", "special.psi", "real", "positive")]


def gradients(module: Any, name: str, inputs: list[Any], seed: Any) -> list[np.ndarray[Any, Any]] | None:
    result = function(module, name)(*inputs)
    if not result.requires_grad:
        return None
    grad = autograd.grad if module is ag else torch.autograd.grad
    found = grad(result, inputs, seed(result), allow_unused=True, materialize_grads=True)
    return [g.numpy() if module is ag else g.resolve_conj().resolve_neg().numpy(force=True) for g in found]


def compare_gradients(name: str, arrays: list[np.ndarray[Any, Any]], rtol: float = 1e-9) -> None:
    def seed(y: Any) -> Any:
        stream = np.random.default_rng(4)
        return stream.standard_normal(y.shape) + (1j * stream.standard_normal(y.shape) if y.is_complex() else 0)

    with np.errstate(all="ignore"):
        mine = gradients(ag, name, [Tensor(each, requires_grad=True) for each in arrays], lambda y: Tensor(seed(y)))
    other = gradients(torch, name, [torch.tensor(each).requires_grad_() for each in arrays], lambda y: torch.from_numpy(seed(y)))
    assert (mine is None) == (other is None)
    for a, b in zip(mine or [], other or [], strict=True):
        equal(a, b, arrays, signs=False, rtol=rtol)


@pytest.mark.parametrize("name", REAL)
def test_gradient_of_one_operand(name: str) -> None:
    compare_gradients(name, [np.array([0.25, 0.75, 0.875, 0.125, 0.5])])
    compare_gradients(name, [np.array([1.25, 2.5, 7.0, 3.75])])
    compare_gradients(name, [np.array([-0.25, -0.75, -3.5, -6.25])])


@pytest.mark.parametrize("name", ["digamma", "special.psi"])
def test_gradient_of_digamma(name: str) -> None:
    """PyTorch's trigamma function is right to nine digits."""
    compare_gradients(name, [np.array([0.25, 1.5, 7.0, -0.5, -3.25])], rtol=2e-9)


@pytest.mark.parametrize("n", [0, 1, 2, 4])
def test_polygamma(n: int) -> None:
    x = np.array([0.25, 1.5, 7.0, 30.0])
    np.testing.assert_allclose(ag.polygamma(n, Tensor(x)).numpy(), torch.polygamma(n, torch.tensor(x)).numpy(), rtol=2e-9)
    np.testing.assert_allclose(ag.mvlgamma(Tensor(x + 2), 3).numpy(), torch.mvlgamma(torch.tensor(x + 2), 3).numpy(), rtol=1e-12)


COMPLEX_ONE = ["abs", "acos", "acosh", "angle", "asin", "asinh", "atan", "atanh", "conj", "cos", "cosh", "exp", "exp2", "expm1", "imag", "log", "log10", "log1p", "log2", "neg", "real", "reciprocal", "rsqrt", "sgn", "sigmoid", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "view_as_real"]


@pytest.mark.parametrize("name", COMPLEX_ONE)
def test_complex_gradient_of_one_operand(name: str) -> None:
    compare_gradients(name, [np.array([0.3 - 0.7j, -0.5 + 0.25j, 1.5 + 2j, -2.5 - 0.5j, 0.75j])])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
def test_complex_gradient_of_two_operands(name: str) -> None:
    first, second = np.array([0.3 - 0.7j, -0.5 + 0.25j, 1.5 + 2j]), np.array([1.5 - 0.5j, 2j, -0.75 + 1j])
    compare_gradients(name, [first, second])
    compare_gradients(name, [first.real + 0.5, second])
    compare_gradients(name, [first, second.real])


def test_products_of_complex_and_real_numbers_twice() -> None:
    def penalty(m: Any, z: Any, x: Any) -> Any:
        y = (z * x).sin() * z.conj() + m.polar(x.abs() + 1, x) / z
        return m.view_as_real(y * y.abs()).square().sum() + y.angle().sum() + (y.real * y.imag).sum()

    z, x = np.array([0.3 - 0.7j, -0.5 + 0.25j]), np.array([0.5, -1.25])
    mine, other = [Tensor(each, requires_grad=True) for each in (z, x)], [torch.tensor(each).requires_grad_() for each in (z, x)]
    first, expected = autograd.grad(penalty(ag, *mine), mine, create_graph=True), torch.autograd.grad(penalty(torch, *other), other, create_graph=True)
    second = autograd.grad(first[0].abs().square().sum() + first[1].square().sum(), mine)
    wanted = torch.autograd.grad(expected[0].abs().square().sum() + expected[1].square().sum(), other)
    for a, b in zip((*first, *second), (*expected, *wanted), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().resolve_conj().numpy(), rtol=1e-10)


def test_parts_are_views() -> None:
    def write(m: Any, make: Any) -> Any:
        leaf = make(np.array([1 + 2j, 3 - 1j]))
        z = leaf * 1
        z.real.mul_(2)
        z.imag.add_(1)
        m.view_as_real(z)[0].mul_(3)
        pairs = m.view_as_real(leaf * 2j).clone()
        m.view_as_complex(pairs).mul_(1j)
        (g,) = (autograd if m is ag else torch.autograd).grad((z * z.conj()).real.sum() + pairs[:, 0].square().sum(), [leaf])
        return [each.detach().resolve_conj().numpy() if m is torch else each.detach().numpy() for each in (z, pairs, g)]

    for a, b in zip(write(ag, lambda v: Tensor(v, requires_grad=True)), write(torch, lambda v: torch.tensor(v).requires_grad_()), strict=True):
        np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("name", sorted(MASKED_HERE))
def test_a_masked_branch_does_no_harm(name: str) -> None:
    """Where the cotangent is 0 the gradient is 0, also at a pole."""
    at = [Tensor(np.array([0.0, 1.0, -1.0]), requires_grad=True) for _ in range(2 if name in TWO else 1)]
    with np.errstate(all="ignore"):
        function(ag, name)(*at).backward(ag.zeros(3, dtype=ag.float64))
    for x in at:
        assert not x.grad.numpy().any()


# --- integers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod", "div"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_integers_divided_by_zero(name: str, dtype: str) -> None:
    options = {"rounding_mode": "trunc"} if name == "div" else {}
    for divisor in ([2, 0], 0):
        for module, make in ((ag, Tensor), (torch, torch.tensor)):
            other = make(np.array(divisor, dtype)) if isinstance(divisor, list) else divisor
            with pytest.raises(RuntimeError, match="ZeroDivisionError"):
                getattr(module, name)(make(np.array([3, 4], dtype)), other, **options)
    with pytest.raises(RuntimeError, match=f"^{name}: ZeroDivisionError"):
        getattr(ag, name)(Tensor(np.array([3, 4], dtype)), 0, **options)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(["uint8", "int8", "int16", "int32", "int64"]), name=st.sampled_from(["floor_divide", "remainder", "fmod", "bitwise_xor", "maximum", "trunc"]))
def test_integer_arithmetic(data: Any, dtype: str, name: str) -> None:
    numbers = hnp.arrays(dtype, st.just((4,)))
    a, b = data.draw(numbers), data.draw(numbers)
    if name != "bitwise_xor":
        b = np.where(b == 0, 1, np.where(b == -1, 2, b) if np.dtype(dtype).kind == "i" else b).astype(dtype)
    call = (lambda m, x, y: m.div(x, y, rounding_mode="trunc")) if name == "trunc" else lambda m, x, y: getattr(m, name)(x, y)
    np.testing.assert_array_equal(call(ag, Tensor(a), Tensor(b)).numpy(), call(torch, torch.tensor(a), torch.tensor(b)).numpy())


# --- options and places -------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(data=st.data(), name=st.sampled_from(["lerp", "addcmul", "addcdiv"]), number=st.floats(-2, 2))
def test_three_operands(data: Any, name: str, number: float) -> None:
    shapes = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3)).input_shapes
    arrays = [data.draw(hnp.arrays(np.float64, shape, elements=st.floats(0.25, 4.0))) for shape in shapes]
    options = {} if name == "lerp" else {"value": number}
    mine, other = [Tensor(each, requires_grad=True) for each in arrays], [torch.tensor(each).requires_grad_() for each in arrays]
    a, b = getattr(ag, name)(*mine, **options), getattr(torch, name)(*other, **options)
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-13)
    a.sum().backward()
    b.sum().backward()
    for x, y in zip(mine, other, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"nan": 2.0}, {"posinf": 5.0}, {"nan": 1.0, "posinf": 2.0, "neginf": -3.0}])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_nan_to_num(options: dict[str, float], dtype: str) -> None:
    x = edges(dtype)
    np.testing.assert_array_equal(ag.nan_to_num(Tensor(x), **options).numpy(), torch.nan_to_num(torch.tensor(x), **options).numpy())


def test_options() -> None:
    x = np.array([-0.5, 0.001, 0.3, 0.999, 1.5, -0.0, 0.0, 1.0, np.nan])
    for eps in (None, 0.0, 0.01, 0.4):
        mine, other = Tensor(x, requires_grad=True), torch.tensor(x).requires_grad_()
        with np.errstate(all="ignore"):
            a, b = ag.logit(mine, eps), torch.logit(other, eps)
            equal(a.detach().numpy(), b.detach().numpy(), [x])
            a.sum().backward()
            b.sum().backward()
            equal(mine.grad.numpy(), other.grad.numpy(), [x])
    x = x[:5]
    for alpha in (1, 2, 0.5):
        np.testing.assert_array_equal(ag.rsub(Tensor(x), 3, alpha=alpha).numpy(), torch.rsub(torch.tensor(x), 3, alpha=alpha).numpy())
    for decimals in (-1, 0, 2):
        np.testing.assert_allclose(ag.round(Tensor(x * 12.345), decimals=decimals).numpy(), torch.round(torch.tensor(x * 12.345), decimals=decimals).numpy())


@pytest.mark.parametrize("make", [lambda m: m.lerp(m.ones(2), m.ones(2, dtype=m.float64), 0.5), lambda m: m.lerp(m.ones(2, dtype=m.int64), m.ones(2, dtype=m.int64), 0.5),
                                  lambda m: m.addcdiv(*[m.ones(2, dtype=m.int64)] * 3), lambda m: m.complex(m.ones(2), m.ones(2, dtype=m.float64)), lambda m: m.imag(m.ones(2)),
                                  lambda m: m.complex(m.ones(2, dtype=m.int64), m.ones(2, dtype=m.int64)), lambda m: m.view_as_real(m.ones(2)), lambda m: m.view_as_complex(m.ones(3)),
                                  lambda m: m.view_as_complex(m.ones((2, 4))[:, ::2]), lambda m: m.positive(m.ones(2, dtype=m.bool)), lambda m: m.polygamma(-1, m.ones(2)),
                                  lambda m: m.heaviside(m.ones(2), m.ones(2, dtype=m.float64)), lambda m: m.fft.rfft(m.ones(4, dtype=m.complex64)), lambda m: m.fft.fft(m.ones(4), n=0),
                                  lambda m: m.fft.fft(m.ones(4), dim=1), lambda m: m.fft.fft(m.ones(4), norm="x"), lambda m: m.fft.fft2(m.ones(4, 4), dim=(0, 0)), lambda m: m.fft.irfft(m.ones(1)),
                                  lambda m: m.fft.fftn(m.ones(4, 4), s=(2, 2, 2)), lambda m: m.fft.fftn(m.ones(4, 4), s=(2,), dim=(0, 1)), lambda m: m.fft.fft(m.tensor(1.0))])
def test_bad_operands_raise_the_same_type(make: Any) -> None:
    with pytest.raises(Exception) as theirs:
        make(torch)
    with pytest.raises(type(theirs.value), match=r"^\w+: "):
        make(ag)


def test_pytorchs_inplace_functions_exist() -> None:
    names = ["abs", "acos", "acosh", "add", "addcdiv", "addcmul", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "copysign", "cos", "cosh", "deg2rad", "digamma", "div", "divide", "eq", "erf", "erfc", "erfinv", "exp", "exp2", "expm1", "fix", "floor", "floor_divide", "fmod", "frac", "ge", "greater", "greater_equal", "gt", "hypot", "i0", "le", "lerp", "less", "less_equal", "lgamma", "log", "log10", "log1p", "log2", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "lt", "mul", "multiply", "nan_to_num", "ne", "neg", "negative", "not_equal", "pow", "rad2deg", "reciprocal", "remainder", "round", "rsqrt", "sgn", "sigmoid", "sign", "sin", "sinc", "sinh", "sqrt", "square", "sub", "subtract", "tan", "tanh", "true_divide", "trunc", "xlogy", "arccos", "arcsinh", "arctan2"]
    assert not [name for name in names if not hasattr(torch.Tensor, f"{name}_") or not hasattr(Tensor, f"{name}_")]


# --- Fourier transforms -------------------------------------------------------------------------------------------

SHAPE = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=5)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]), norm=st.sampled_from([None, "backward", "ortho", "forward"]))
def test_transforms_of_one_dimension(data: Any, name: str, norm: str | None) -> None:
    shape = data.draw(SHAPE)
    dim, n = data.draw(st.integers(-len(shape), len(shape) - 1)), data.draw(st.none() | st.integers(1, 7))
    compare_transforms(name, shape, {"dim": dim, "n": n, "norm": norm})


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"]), norm=st.sampled_from([None, "ortho", "forward"]))
def test_transforms_of_several_dimensions(data: Any, name: str, norm: str | None) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=5))
    dims = tuple(data.draw(st.permutations(range(len(shape))))[:2])
    s = data.draw(st.none() | st.tuples(st.integers(1, 6), st.integers(1, 6)))
    given_dims = data.draw(st.booleans())
    compare_transforms(name, shape, {"s": s, "norm": norm, **({"dim": dims} if given_dims else {})})


def compare_transforms(name: str, shape: tuple[int, ...], options: dict[str, Any]) -> None:
    """Values, gradients and second gradients."""
    stream = np.random.default_rng(6)
    array = stream.standard_normal(shape)
    if name[0] not in "ri" or name.startswith(("irfft", "ifft")):
        array = array + 1j * stream.standard_normal(shape)
    for dtype, rtol in (("complex128" if np.iscomplexobj(array) else "float64", 1e-10), ("complex64" if np.iscomplexobj(array) else "float32", 1e-3)):
        mine, other = Tensor(array.astype(dtype), requires_grad=True), torch.tensor(array.astype(dtype)).requires_grad_()
        a, b = getattr(ag.fft, name)(mine, **options), getattr(torch.fft, name)(other, **options)
        assert str(a.dtype).rpartition(".")[2] == str(b.dtype).rpartition(".")[2]
        np.testing.assert_allclose(a.detach().numpy(), b.detach().resolve_conj().numpy(), rtol=rtol, atol=rtol)
        (first,), (expected,) = autograd.grad((a * a * a.abs()).abs().sum(), [mine], create_graph=True), torch.autograd.grad((b * b * b.abs()).abs().sum(), [other], create_graph=True)
        np.testing.assert_allclose(first.detach().numpy(), expected.detach().resolve_conj().numpy(), rtol=rtol, atol=30 * rtol)
        (second,), (wanted,) = autograd.grad(first.abs().square().sum(), [mine]), torch.autograd.grad(expected.abs().square().sum(), [other])
        np.testing.assert_allclose(second.numpy(), wanted.resolve_conj().numpy(), rtol=10 * rtol, atol=10 * rtol * float(wanted.abs().max()))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n: int) -> None:
    for name in ("fftfreq", "rfftfreq"):
        np.testing.assert_allclose(getattr(ag.fft, name)(n, 0.25).numpy(), getattr(torch.fft, name)(n, 0.25).numpy())
        np.testing.assert_allclose(getattr(ag.fft, name)(n, dtype=ag.float64).numpy(), getattr(torch.fft, name)(n, dtype=torch.float64).numpy())
    x = np.arange(12.0).reshape(3, 4)
    for dim in (None, 0, (0, 1)):
        for name in ("fftshift", "ifftshift"):
            np.testing.assert_array_equal(getattr(ag.fft, name)(Tensor(x), dim).numpy(), getattr(torch.fft, name)(torch.tensor(x), dim).numpy())


def test_transforms_of_integers_and_booleans() -> None:
    for dtype in ("bool", "uint8", "int64", "float32", "float64"):
        for name in ("fft", "rfft", "irfft"):
            a, b = getattr(ag.fft, name)(Tensor(np.ones(3, dtype))), getattr(torch.fft, name)(torch.tensor(np.ones(3, dtype)))
            assert str(a.dtype).rpartition(".")[2] == str(b.dtype).rpartition(".")[2]


@pytest.mark.parametrize("name", ["bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1", "airy_ai"])
def test_bessel_functions_as_far_as_pytorch_has_them(name: str) -> None:
    points = np.concatenate([np.linspace(-6 if name in ("bessel_j0", "bessel_j1", "airy_ai") else 0.1, 12, 50), [np.nan]])
    expected = getattr(torch.special, name)(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(getattr(ag.special, name)(ag.from_numpy(points)).numpy(), expected, rtol=1e-6, atol=1e-6)
    with np.errstate(all="ignore"):
        for edge in (0.0, -0.0, -1.0):  # PyTorch has NaN at infinity, where the limit is 0
            theirs = getattr(torch.special, name)(torch.tensor(edge, dtype=torch.float64)).item()
            assert getattr(ag.special, name)(ag.tensor(edge, dtype=ag.float64)).item() == pytest.approx(theirs, rel=1e-6, nan_ok=True)
