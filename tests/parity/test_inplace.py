"""In-place methods against PyTorch: every one that both have, on results, through views, on leaves; and views turned in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Tensor, autograd

from .test_ops import same

torch = pytest.importorskip("torch")

POSITIVE = np.array([[0.3, 0.8, 0.55], [0.2, 0.65, 0.9]])
SIGNED = np.array([[-1.3, 0.8, 2.55], [0.2, -0.65, 1.9]])

CALLS: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = [
    *[(f"{name}_", POSITIVE, (), {}) for name in (
        "abs", "absolute", "acos", "arccos", "asin", "arcsin", "asinh", "arcsinh", "atan", "arctan", "atanh", "arctanh", "ceil", "cos", "cosh", "deg2rad", "erf", "erfc", "erfinv", "exp", "exp2",
        "expm1", "floor", "frac", "i0", "lgamma", "log", "log10", "log1p", "log2", "logit", "nan_to_num", "neg", "negative", "rad2deg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign",
        "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc", "fix", "tril", "triu", "zero", "sgn")],
    ("acosh_", POSITIVE + 1, (), {}), ("arccosh_", POSITIVE + 1, (), {}), ("logit_", POSITIVE, (1e-3,), {}), ("tril_", SIGNED, (1,), {}), ("triu_", SIGNED, (1,), {}),
    *[(f"{name}_", POSITIVE, (SIGNED + 3,), {}) for name in (
        "add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "pow", "atan2", "arctan2", "copysign", "fmod", "hypot", "xlogy", "heaviside", "float_power", "copy", "floor_divide", "remainder")],
    *[(f"{name}_", POSITIVE, (2.0,), {}) for name in ("add", "sub", "mul", "div", "pow", "fmod", "floor_divide", "remainder", "fill", "clamp_min", "clamp_max", "xlogy")],
    ("add_", POSITIVE, (SIGNED,), {"alpha": 2.5}), ("sub_", POSITIVE, (SIGNED,), {"alpha": -0.5}), ("div_", SIGNED, (POSITIVE,), {"rounding_mode": "floor"}), ("clamp_", SIGNED, (-0.5, 1.0), {}),
    ("clamp_", SIGNED, (), {"max": 1.0}), ("clip_", SIGNED, (-0.5,), {}), ("clamp_", SIGNED, (POSITIVE - 1, POSITIVE + 1), {}), ("round_", SIGNED, (), {"decimals": 1}), ("nan_to_num_", SIGNED, (1.0,), {}),
    ("addcmul_", SIGNED, (POSITIVE, SIGNED), {"value": 0.5}), ("addcdiv_", SIGNED, (SIGNED, POSITIVE), {"value": 2}), ("lerp_", SIGNED, (POSITIVE, 0.3), {}), ("lerp_", SIGNED, (POSITIVE, POSITIVE), {}),
    ("masked_fill_", SIGNED, (SIGNED > 0, 7.0), {}), ("masked_fill_", SIGNED, (SIGNED > 0, np.array(2.0)), {}), ("index_fill_", SIGNED, (1, np.array([0, 2]), 3.0), {}),
    ("index_add_", SIGNED, (1, np.array([0, 0]), POSITIVE[:, :2]), {"alpha": 2.0}), ("index_copy_", SIGNED, (1, np.array([2, 0]), POSITIVE[:, :2]), {}), ("cumsum_", SIGNED, (1,), {}), ("cumprod_", SIGNED, (0,), {}),
    ("scatter_", SIGNED, (1, np.array([[0], [2]]), POSITIVE), {}), ("scatter_add_", SIGNED, (1, np.array([[0, 0], [2, 1]]), POSITIVE), {}), ("masked_scatter_", SIGNED, (SIGNED > 0, POSITIVE), {}),
    ("ldexp_", SIGNED, (np.array([1.0, -2.0, 0.0]),), {}), ("put_", SIGNED, (np.array([1, 4]), np.array([5.0, 6.0])), {}), ("scatter_reduce_", SIGNED, (1, np.array([[0, 0], [2, 1]]), POSITIVE), {"reduce": "sum"}), ("fill_diagonal_", SIGNED, (9.0,), {}), ("fill_diagonal_", np.ones((7, 2)), (9.0, True), {}),
    ("fill_diagonal_", np.ones((7, 2)), (9.0,), {}), ("fill_diagonal_", np.ones((2, 2, 2)), (9.0,), {}), ("fill_diagonal_", np.ones(3), (9.0,), {}), ("fill_diagonal_", np.ones((2, 3, 2)), (9.0,), {}),
    ("addr_", SIGNED, (np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])), {"beta": 2, "alpha": 0.5}), ("addbmm_", np.ones((2, 2)), (np.stack([SIGNED] * 2), np.stack([POSITIVE.T] * 2)), {}),
    ("baddbmm_", np.ones((2, 2, 2)), (np.stack([SIGNED] * 2), np.stack([POSITIVE.T] * 2)), {"beta": 0.5}),
    ("addmm_", np.ones((2, 2)), (SIGNED, POSITIVE.T), {"beta": 0.5, "alpha": 2}), ("addmv_", np.ones(2), (SIGNED, np.array([1.0, 2.0, 3.0])), {}), ("t_", SIGNED, (), {}), ("transpose_", SIGNED, (0, 1), {}),
    ("swapaxes_", SIGNED, (0, -1), {}), ("swapdims_", SIGNED, (1, 0), {}), ("squeeze_", SIGNED[:, :1], (1,), {}), ("squeeze_", SIGNED[:1], (), {}), ("squeeze_", SIGNED[None], ((0, 1),), {}), ("unsqueeze_", SIGNED, (-1,), {}),
    ("as_strided_", SIGNED, ((2, 2), (1, 2)), {}), ("requires_grad_", SIGNED, (), {}),
    *[(f"{name}_", SIGNED, (POSITIVE,), {}) for name in ("eq", "ne", "lt", "le", "gt", "ge", "greater", "greater_equal", "less", "less_equal", "not_equal")],
]
STRUCTURE = frozenset(("t_", "transpose_", "swapaxes_", "swapdims_", "squeeze_", "unsqueeze_", "as_strided_"))
INTEGERS = [("logical_and_", 2), ("logical_or_", 0), ("logical_xor_", 1), ("logical_not_", None), ("bitwise_and_", 6), ("bitwise_or_", 5), ("bitwise_xor_", 3), ("bitwise_not_", None), ("add_", 2), ("mul_", 3), ("sub_", 1), ("remainder_", 4), ("floor_divide_", 2), ("neg_", None), ("abs_", None),
            ("sign_", None), ("square_", None), ("clamp_", 3), ("fill_", 7), ("zero_", None), ("bitwise_left_shift_", 1), ("bitwise_right_shift_", 1), ("pow_", 2)]


def named(call: Any) -> Any:
    return call if isinstance(call, str) else ""


def converted(library: Any, values: Any) -> tuple[list[Any], list[Any]]:
    """Arguments of one library, and those of them that ask for a gradient."""
    leaves: list[Any] = []

    def convert(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        tensor = library.from_numpy(np.array(value))
        if value.dtype.kind == "f" and value.ndim:
            leaves.append(tensor.requires_grad_())
        return tensor

    return [convert(value) for value in values], leaves


def outcome(library: Any, name: str, start: Any, args: Any, kwargs: Any, through: str) -> Any:
    """Values and gradients of a write to a result, to a view of one, or of no gradient; or the kind of error."""
    others, leaves = converted(library, args)
    leaf = library.from_numpy(np.array(start)).requires_grad_()
    leaves.insert(0, leaf)
    try:
        if through == "leaf":
            getattr(leaf, name)(*others, **kwargs)
            return leaf
        if through == "no_grad":
            with library.no_grad():
                returned = getattr(leaf, name)(*others, **kwargs)
            assert returned is leaf
            return [leaf.detach()], [leaf.requires_grad]
        base = leaf * 1.0
        target = base
        if through == "view":
            base = library.stack([leaf * 2.0, leaf * 1.0])
            target = base[1]
        returned = getattr(target, name)(*others, **kwargs)
        assert returned is target
        results = [target, base] if through == "view" else [target, target * 2]
        total = sum((result * result).sum() for result in results if result.requires_grad)
    except Exception as error:
        return type(error)
    try:
        return results, [None] * len(leaves) if isinstance(total, int) else library.autograd.grad(total, leaves, allow_unused=True)
    except RuntimeError:
        assert library is torch  # which keeps no copy of what is overwritten, and has no derivative of some
        return results, None


@pytest.mark.parametrize("through", ["result", "view", "no_grad", "leaf"])
@pytest.mark.parametrize(("name", "start", "args", "kwargs"), CALLS, ids=named)
def test_method(name: str, start: Any, args: Any, kwargs: Any, through: str) -> None:
    expected = outcome(torch, name, start, args, kwargs, through)
    actual = outcome(ag, name, start, args, kwargs, through)
    if isinstance(expected, type):
        assert isinstance(actual, type)
        assert issubclass(actual, expected)
        return
    assert not isinstance(actual, type), f"{actual} where PyTorch has a result"
    if through == "leaf":
        return
    for a, e in zip(actual[0], expected[0], strict=True):
        same(a, e, "values")
    if through == "no_grad":
        assert actual[1] == expected[1]
        return
    if expected[1] is None:
        return
    for i, (a, e) in enumerate(zip(actual[1], expected[1], strict=True)):
        zero = torch.zeros(e.shape if e is not None else (), dtype=torch.float64)
        if a is None or e is None:
            assert a is None or not a.detach().numpy().any(), f"gradient {i}"
            assert e is None or bool((e == zero).all()), f"gradient {i}"
        else:
            same(a, e, f"gradient {i}")


@pytest.mark.parametrize(("name", "number"), INTEGERS)
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_integers(name: str, number: int | None, dtype: str) -> None:
    array = np.array([7, 2, 5], dtype=dtype)
    args = () if number is None else (np.array([number, 0, number + 1], dtype=dtype),) if name.startswith("logical") else (number,)
    same(getattr(Tensor(array.copy()), name)(*map(Tensor, args) if name.startswith("logical") else args),
         getattr(torch.from_numpy(array.copy()), name)(*map(torch.from_numpy, args) if name.startswith("logical") else args), name)


@pytest.mark.parametrize(("target", "name", "other"), [
    ("int64", "add_", 1.5), ("int64", "mul_", "float32"), ("int64", "div_", 2), ("bool", "add_", 1), ("float32", "add_", "float64"), ("float32", "mul_", "complex64"), ("int32", "add_", "int64"), ("float16", "add_", "float32"),
    ("int64", "exp_", None), ("int64", "sqrt_", None), ("uint8", "sub_", "int64"), ("float64", "copy_", "int64"), ("int64", "copy_", "float64"), ("int64", "fill_", 2.5), ("bool", "fill_", 3), ("float32", "pow_", "float64"),
    ("int64", "clamp_", 1.5)])
def test_dtypes_that_fit_and_that_do_not(target: str, name: str, other: Any) -> None:
    results: list[Any] = []
    for library in (ag, torch):
        x = library.ones(3, dtype=getattr(library, target if target != "bool" or library is ag else "bool"))
        value = library.full((3,), 2.0, dtype=getattr(library, other)) if isinstance(other, str) else other
        try:
            results.append(getattr(x, name)(*() if other is None else (value,)))
        except Exception as error:
            results.append(type(error))
    actual, expected = results
    if isinstance(expected, type):
        assert isinstance(actual, type)
        assert issubclass(actual, expected)
    else:
        same(actual, expected, name)


@pytest.mark.parametrize("name", ["add_", "mul_", "copy_", "masked_fill_", "lerp_"])
def test_a_tensor_cannot_grow(name: str) -> None:
    for library in (ag, torch):
        x, y = library.ones(3), library.ones(2, 3)
        args = {"masked_fill_": (y > 0, 1.0), "lerp_": (y, 0.5)}.get(name, (y,))
        with pytest.raises(RuntimeError):
            getattr(x, name)(*args)
        assert x.tolist() == [1.0] * 3


# --- turning a tensor in place ------------------------------------------------------------------------------------


PROGRAMS: dict[str, Any] = {
    "views share memory afterwards": lambda T, x: _turned(T, x),
    "a view is turned": lambda T, x: _turned_view(T, x),
    "turned twice": lambda T, x: (x * 1).t_().t_().mul_(2),
    "written after": lambda T, x: (x * 1).t_().mul_(2).squeeze_().add_(x.t()),
    "unsqueezed and written": lambda T, x: (x * 2).unsqueeze_(0).mul_(x),
}


def _turned(T: Any, x: Any) -> Any:
    y = x * 1
    row, column = y[1], y[:, 0]
    y.t_()
    row.mul_(3)
    y[0].add_(row[0])
    return row, column, y


def _turned_view(T: Any, x: Any) -> Any:
    y = x * 1
    part = y[:, :2]
    part.t_()
    part[0].mul_(5)
    y[1].add_(1)
    return part, y


@pytest.mark.parametrize("name", PROGRAMS)
def test_turned(name: str) -> None:
    results = []
    for library in (ag, torch):
        x = library.from_numpy(SIGNED.copy()).requires_grad_()
        outputs = PROGRAMS[name](library, x)
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        gradient = library.autograd.grad(sum((y * y * y).sum() for y in outputs), x, create_graph=True)[0]
        results.append([*outputs, gradient, library.autograd.grad((gradient * gradient).sum(), x)[0]])
    for a, e in zip(*results, strict=True):
        same(a, e, name)


def test_what_was_saved_before_a_turn_stays_right() -> None:
    x = Tensor(SIGNED, requires_grad=True)
    y = x * 1
    squares = y * y
    y.t_()
    (gradient,) = autograd.grad((squares * Tensor(POSITIVE)).sum() + y.sum(), x)
    np.testing.assert_allclose(gradient.numpy(), 2 * SIGNED * POSITIVE + 1, rtol=1e-12)


def test_names_and_gradients_stay_with_a_turned_tensor() -> None:
    x = Tensor(SIGNED, requires_grad=True, name="x")
    with ag.no_grad():
        x.t_()
    assert x.is_leaf
    assert x.name == "x"
    (x * x).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (3, 2)
    y = x * 2
    y.name = "y"
    y.t_().detach_()
    assert y.name == "y"
    assert not y.requires_grad
    found = autograd.grad((x * 2).t_().sum(), x)[0]
    assert found.shape == (3, 2)


@pytest.mark.parametrize("turn", [lambda x: (x * 1).t_(), lambda x: (x * 1).unsqueeze_(0).mul_(2), lambda x: x.clone().squeeze_(), lambda x: (x * 1).t_().unsqueeze_(1).sum(0)], ids=range(4))
def test_turned_for_each_example_of_a_batch(turn: Any) -> None:
    array = np.stack([SIGNED, POSITIVE])
    gradient = ag.func.grad(lambda x: (turn(x) ** 3).sum())
    same(ag.func.vmap(turn)(Tensor(array)), torch.stack([turn(torch.from_numpy(each)) for each in array]), "values")
    for actual, each in zip(ag.func.vmap(gradient)(Tensor(array)), array, strict=True):
        other = torch.from_numpy(each.copy()).requires_grad_()
        (turn(other) ** 3).sum().backward()
        same(actual, other.grad, "gradient")


APART = [lambda x: x.permute(2, 0, 1), lambda x: x[..., ::2], lambda x: x[1:, :, 1:3], lambda x: x.diagonal(0, 1, 2), lambda x: x.diagonal(1, 0, 1), lambda x: x.unfold(2, 2, 2), lambda x: x.unfold(0, 1, 1),
         lambda x: x.unfold(1, 2, 3), lambda x: x.diagonal(0, 0, 2).t(), lambda x: x.transpose(0, 2)[:, None, ::2], lambda x: x.as_strided((2, 3), (7, 2)), lambda x: x.select(1, 2), lambda x: x[:0], lambda x: x[0, 0, 0],
         lambda x: x.unflatten(2, (2, 2)).movedim(0, 2)]


@pytest.mark.parametrize("view", APART, ids=range(len(APART)))
def test_writes_through_every_kind_of_view(view: Any) -> None:
    array = np.arange(1.0, 37.0).reshape(3, 3, 4)
    results = []
    for library in (ag, torch):
        leaf = library.from_numpy(array.copy()).requires_grad_()
        base = leaf * 1
        region = view(base)
        region.mul_(region.detach().clone() + 1).add_(2)
        (gradient,) = library.autograd.grad((base * base).sum() + region.sum(), leaf)
        results.append([base, region, gradient])
    for a, e in zip(*results, strict=True):
        same(a, e, "values and gradient")


@pytest.mark.parametrize("view", [lambda x: x.unfold(0, 2, 1), lambda x: x.as_strided((2, 2), (1, 1)), lambda x: x.expand(2, 5), lambda x: x.as_strided((3,), (0,))], ids=range(4))
def test_overlapping_elements_cannot_be_written(view: Any) -> None:
    x = ag.arange(5.0)
    with pytest.raises(RuntimeError, match=r"^add_: unsupported operation: more than one element of the written-to tensor refers to a single memory location"):
        view(x).add_(1)
    assert x.tolist() == [0, 1, 2, 3, 4]
