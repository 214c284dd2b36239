"""NumPy's functions on Tensors, through NumPy itself and through ``autograd_core.numpy``; values are NumPy's, gradients are checked by differences."""

from __future__ import annotations

from typing import Any

import numpy as onp
import pytest

import autograd_core as ag
import autograd_core.numpy as anp
from autograd_core import Tensor
from autograd_core.gradcheck import gradcheck, gradgradcheck

STREAM = onp.random.default_rng(3)


def array(*shape: int) -> Any:
    """Numbers between 0.5 and 2, no two alike."""
    size = int(onp.prod(shape))
    return (0.5 + 1.5 * (STREAM.permutation(size) + STREAM.uniform(0.2, 0.8, size)) / max(size, 1)).reshape(shape)


SQUARE = array(3, 3) + 3 * onp.eye(3)
SYMMETRIC = SQUARE @ SQUARE.T

UFUNCS = ["abs", "absolute", "fabs", "negative", "positive", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsinh",
          "sqrt", "square", "cbrt", "reciprocal", "rad2deg", "deg2rad", "degrees", "radians", "conjugate"]
SCALED = {"arcsin": 0.3, "arccos": 0.3, "arctanh": 0.3, "arccosh": 3.0}
BINARY = ["add", "subtract", "multiply", "divide", "true_divide", "power", "float_power", "maximum", "minimum", "arctan2", "mod", "remainder", "fmod"]
WITHOUT_GRADIENT = ["floor", "ceil", "trunc", "rint", "sign", "isnan", "isinf", "isfinite", "logical_not", "signbit"]
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor"]

FUNCTIONS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *[(name, (array(2, 3),), options) for name in ("sum", "mean", "max", "min", "amax", "amin", "prod", "var", "std", "ptp", "median", "nansum", "average")
      for options in ({}, {"axis": 0}, {"axis": -1, "keepdims": True})],
    ("sum", (array(2, 3, 2),), {"axis": (0, 2)}), ("prod", (array(2, 3, 2),), {"axis": (0, 2), "keepdims": True}), ("var", (array(2, 3),), {"axis": 1, "ddof": 1}), ("std", (array(4),), {"ddof": 1}),
    ("average", (array(2, 3),), {"axis": 1, "weights": onp.array([1.0, 2.0, 3.0])}), ("average", (array(3),), {"weights": array(3)}), ("median", (array(4, 3),), {"axis": 0}),
    ("median", (array(2, 3, 2),), {"axis": (0, -1)}), ("median", (array(2, 3, 2),), {"axis": (2, 1), "keepdims": True}),
    ("cumsum", (array(2, 3),), {}), ("cumsum", (array(2, 3),), {"axis": 1}), ("cumprod", (array(2, 3),), {"axis": 0}), ("diff", (array(2, 4),), {}), ("diff", (array(4, 2),), {"n": 2, "axis": 0}),
    ("trapezoid", (array(4),), {}), ("trapezoid", (array(2, 4),), {"dx": 0.5}), ("trapezoid", (array(4), array(4)), {}), ("gradient", (array(5),), {}), ("gradient", (array(5), 0.5), {}),
    ("gradient", (array(4, 5),), {"axis": 1}), ("gradient", (array(4), onp.array([0.0, 1.0, 3.0, 4.0])), {"edge_order": 2}),
    ("reshape", (array(2, 3), (3, 2)), {}), ("reshape", (array(2, 3), -1), {}), ("reshape", (array(2, 3), (3, -1)), {"order": "F"}), ("ravel", (array(2, 3),), {}), ("ravel", (array(2, 3),), {"order": "F"}),
    ("transpose", (array(2, 3),), {}), ("transpose", (array(2, 3, 4), (1, 2, 0)), {}), ("swapaxes", (array(2, 3, 4), 0, -1), {}), ("moveaxis", (array(2, 3, 4), 0, 2), {}),
    ("rollaxis", (array(2, 3, 4), 2), {}), ("rollaxis", (array(2, 3, 4), 0, 2), {}), ("expand_dims", (array(2, 3), 1), {}), ("expand_dims", (array(2, 3), (0, -1)), {}), ("squeeze", (array(1, 3, 1),), {}),
    ("squeeze", (array(1, 3, 1), 0), {}), ("broadcast_to", (array(3, 1), (2, 3, 4)), {}), ("atleast_1d", (array(),), {}), ("atleast_2d", (array(3),), {}), ("atleast_3d", (array(2, 3),), {}),
    ("concatenate", ([array(2, 3), array(1, 3)],), {}), ("concatenate", ([array(2, 3), array(2, 2)],), {"axis": 1}), ("concatenate", ([array(2, 2), array(3, 1)],), {"axis": None}),
    ("stack", ([array(3), array(3)],), {"axis": -1}), ("vstack", ([array(3), array(2, 3)],), {}), ("hstack", ([array(3), array(2)],), {}), ("dstack", ([array(2, 3), array(2, 3)],), {}),
    ("column_stack", ([array(3), array(3, 2)],), {}), ("append", (array(2, 3), array(4)), {}), ("append", (array(2, 3), array(1, 3)), {"axis": 0}),
    ("array_split", (array(5), 2), {}), ("split", (array(6), 3), {}), ("split", (array(6), [1, 4]), {}), ("hsplit", (array(2, 4), 2), {}), ("vsplit", (array(4, 2), 2), {}), ("dsplit", (array(1, 2, 4), 2), {}),
    ("tile", (array(2, 3), 2), {}), ("tile", (array(3), (2, 2)), {}), ("repeat", (array(2, 3), 2), {}), ("repeat", (array(2, 3), 2), {"axis": 1}), ("repeat", (array(2, 3), onp.array([1, 2])), {"axis": 0}),
    ("roll", (array(2, 3), 1), {}), ("roll", (array(2, 3), -1), {"axis": 1}), ("roll", (array(2, 3), (1, 2)), {"axis": (0, 1)}), ("flip", (array(2, 3),), {}), ("flip", (array(2, 3), 0), {}),
    ("fliplr", (array(2, 3),), {}), ("flipud", (array(2, 3),), {}), ("rot90", (array(2, 3),), {}), ("rot90", (array(2, 3), 3), {}), ("diag", (array(3),), {}), ("diag", (array(3, 3), 1), {}),
    ("diagflat", (array(2, 2),), {}), ("diagonal", (array(2, 3, 3),), {"axis1": 1, "axis2": 2}), ("trace", (array(3, 3),), {}), ("trace", (array(3, 4), 1), {}), ("tril", (array(3, 3),), {}),
    ("triu", (array(3, 3), 1), {}), ("meshgrid", (array(2), array(3)), {}), ("meshgrid", (array(2), array(3)), {"indexing": "ij"}), ("pad", (array(3), 1), {}), ("pad", (array(2, 3), ((1, 0), (0, 2))), {}),
    ("pad", (array(4), (1, 2)), {"mode": "reflect"}), ("pad", (array(4), 2), {"mode": "edge"}), ("pad", (array(4), 2), {"mode": "wrap"}), ("pad", (array(2), 1), {"constant_values": 3.0}),
    ("where", (onp.array([True, False, True]), array(3), array(3)), {}), ("where", (onp.array([True, False, True]), array(3), 0.0), {}), ("clip", (array(2, 3), 0.8, 1.6), {}),
    ("clip", (array(2, 3), None, 1.6), {}), ("take", (array(2, 3), onp.array([0, 2, 2])), {"axis": 1}), ("take", (array(2, 3), 4), {}), ("take_along_axis", (array(2, 3), onp.array([[0], [2]]), 1), {}),
    ("sort", (array(2, 3),), {}), ("sort", (array(2, 3),), {"axis": 0}), ("sort", (array(2, 3),), {"axis": None}), ("select", ([onp.array([True, False]), onp.array([True, True])], [array(2), array(2)]), {}),
    ("dot", (array(2, 3), array(3)), {}), ("dot", (array(3), array(3)), {}), ("dot", (array(2, 3), array(3, 2)), {}), ("dot", (array(2, 3), array(4, 3, 2)), {}), ("dot", (array(2), array()), {}),
    ("inner", (array(2, 3), array(4, 3)), {}), ("outer", (array(2), array(3)), {}), ("vdot", (array(2, 2), array(2, 2)), {}), ("tensordot", (array(2, 3, 4), array(3, 4)), {}),
    ("tensordot", (array(2, 3), array(3, 2)), {"axes": ([0, 1], [1, 0])}), ("tensordot", (array(2, 3), array(3, 2)), {"axes": 1}), ("einsum", ("ij,jk->ik", array(2, 3), array(3, 2)), {}),
    ("einsum", ("i,j", array(2), array(3)), {"optimize": True}), ("kron", (array(2, 2), array(1, 3)), {}), ("kron", (array(2), array(2, 2)), {}), ("cross", (array(2, 3), array(2, 3)), {}),
    ("cross", (array(3, 2), array(3, 2)), {"axis": 0}), ("matmul", (array(2, 3), array(3, 2)), {}), ("real", (array(3),), {}), ("imag", (array(3),), {}), ("angle", (array(3),), {}),
    ("sinc", (onp.array([0.0, 0.3, 1.7]),), {}), ("nan_to_num", (array(3),), {}), ("linspace", (array(), array(), 5), {}), ("linspace", (array(2), array(2), 4), {"endpoint": False}),
    ("full", ((2, 3), array()), {}), ("array", ([array(), array(2)[0]],), {}), ("array", ([[array(), array()], [array(), 2.0]],), {}), ("asarray", (array(3),), {}), ("copy", (array(3),), {}),
    ("array", (array(3),), {"ndmin": 2}),
    ("linalg.inv", (SQUARE,), {}), ("linalg.det", (SQUARE,), {}), ("linalg.slogdet", (SQUARE,), {}), ("linalg.solve", (SQUARE, array(3)), {}), ("linalg.solve", (SQUARE, array(3, 2)), {}),
    ("linalg.norm", (array(2, 3),), {}), ("linalg.norm", (array(3),), {"ord": 1}), ("linalg.norm", (array(2, 3),), {"ord": 3, "axis": 1}), ("linalg.norm", (array(2, 3),), {"axis": (0, 1), "keepdims": True}),
    ("linalg.norm", (SQUARE,), {"ord": "nuc"}), ("linalg.cholesky", (SYMMETRIC,), {}), ("linalg.eigvalsh", (SYMMETRIC,), {}), ("linalg.pinv", (array(3, 2),), {}), ("linalg.matrix_power", (SQUARE, 3), {}),
    ("linalg.multi_dot", ([array(2, 3), array(3, 4), array(4, 2)],), {}), ("linalg.qr", (SQUARE,), {"mode": "r"}), ("linalg.svd", (array(3, 2),), {"compute_uv": False}), ("linalg.cond", (SQUARE,), {}),
    ("fft.fft", (array(4),), {}), ("fft.ifft", (array(4),), {}), ("fft.rfft", (array(2, 5),), {"axis": 1}), ("fft.fft2", (array(2, 3),), {}), ("fft.fftn", (array(2, 3),), {}), ("fft.fft", (array(3),), {"n": 5}),
    ("fft.fftshift", (array(5),), {}), ("fft.ifftshift", (array(2, 3),), {}), ("fft.rfft", (array(4),), {"norm": "ortho"}),
]


def find(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module


def floats(value: Any) -> list[Any]:
    """The arrays in the arguments that may get a gradient."""
    if isinstance(value, (list, tuple)):
        return [inner for each in value for inner in floats(each)]
    return [value] if isinstance(value, onp.ndarray) and value.dtype.kind == "f" else []


def replaced(value: Any, leaves: Any) -> Any:
    """The arguments with those arrays replaced by the next of ``leaves``."""
    if isinstance(value, (list, tuple)) and floats(value):
        return type(value)(replaced(each, leaves) for each in value)
    return next(leaves) if isinstance(value, onp.ndarray) and value.dtype.kind == "f" else value


def outputs(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


def real_parts(result: Any) -> Any:
    """What can be checked by differences."""
    parts = [y for y in outputs(result) if isinstance(y, Tensor) and y.requires_grad]
    return tuple(ag.view_as_real(y) if y.is_complex() else y for y in parts)


@pytest.mark.parametrize("module", [onp, anp], ids=["numpy", "autograd_core.numpy"])
@pytest.mark.parametrize(("name", "args", "kwargs"), FUNCTIONS, ids=lambda value: value if isinstance(value, str) else "")
def test_functions(name: str, args: Any, kwargs: Any, module: Any) -> None:
    if module is onp and name in ("full", "array", "asarray", "linspace", "select", "diagflat", "imag"):
        return  # NumPy asks no one about these, or wants arrays in them
    leaves = [Tensor(each, requires_grad=True) for each in floats(args)]
    actual = outputs(find(module, name)(*replaced(args, iter(leaves)), **kwargs))
    expected = outputs(find(onp, name)(*args, **kwargs))
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected, strict=True):
        assert isinstance(a, Tensor)
        assert tuple(a.shape) == onp.shape(e)
        onp.testing.assert_allclose(a.detach().numpy(), e, rtol=1e-10, atol=1e-12)
    if module is anp:
        assert any(a.requires_grad for a in actual)
        symmetric = name in ("linalg.cholesky", "linalg.eigvalsh")  # they read one triangle, and give both the gradient of a symmetric matrix
        checked = (lambda x: find(module, name)((x + x.T) / 2)) if symmetric else lambda *inputs: real_parts(find(module, name)(*replaced(args, iter(inputs)), **kwargs))
        assert gradcheck(checked, leaves)
        if name in ("sinc", "median", "kron", "gradient", "cross", "trapezoid", "average", "linspace"):
            assert gradgradcheck(checked, leaves)


@pytest.mark.parametrize("name", [*UFUNCS, *SCALED])
def test_ufuncs_of_one(name: str) -> None:
    a = array(2, 3) * SCALED.get(name, 1.0)
    t = Tensor(a, requires_grad=True)
    for module in (onp, anp):
        onp.testing.assert_allclose(getattr(module, name)(t).detach().numpy(), getattr(onp, name)(a), rtol=1e-12)
    assert gradcheck(getattr(onp, name), (t,))


@pytest.mark.parametrize("name", BINARY)
def test_ufuncs_of_two_in_both_orders(name: str) -> None:
    a, b = array(2, 3) + 1.0, array(3)
    s, t = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    function = getattr(onp, name)
    for given in ((s, t), (a, t), (s, b), (s, 1.3), (1.3, t), (onp.float64(1.3), t)):
        plain = [each.detach().numpy() if isinstance(each, Tensor) else each for each in given]
        for module in (onp, anp):
            result = getattr(module, name)(*given)
            assert result.requires_grad
            onp.testing.assert_allclose(result.detach().numpy(), function(*plain), rtol=1e-12)
    if name not in ("mod", "remainder", "fmod"):  # they jump where a quotient is an integer
        assert gradcheck(function, (s, t))


@pytest.mark.parametrize("name", [*WITHOUT_GRADIENT, *COMPARISONS])
def test_ufuncs_without_gradient(name: str) -> None:
    a, b = onp.array([-1.5, 0.0, 2.5]), onp.array([-1.5, 1.0, 2.0])
    given = (a, b) if name in COMPARISONS else (a,)
    for module in (onp, anp):
        result = getattr(module, name)(*[Tensor(each) for each in given])
        onp.testing.assert_array_equal(result.numpy(), getattr(onp, name)(*given))


@pytest.mark.parametrize("operation", ["+", "-", "*", "/", "**", "@", "%", "<", "==", ">="])
def test_operators_between_arrays_and_tensors(operation: str) -> None:
    a, b = array(3, 3), array(3, 3)
    expected = eval(f"a {operation} b", {"a": a, "b": b})
    for first, second in ((a, Tensor(b, requires_grad=True)), (Tensor(a, requires_grad=True), b)):
        result = eval(f"a {operation} b", {"a": first, "b": second})
        assert isinstance(result, Tensor)
        onp.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-12)
        assert result.requires_grad == (operation not in ("<", "==", ">="))


def test_products_promote_as_numpys_do() -> None:
    integers, floats = onp.arange(9).reshape(3, 3), Tensor(array(3, 3), requires_grad=True)
    for call in (onp.dot, onp.matmul, onp.inner, onp.outer, onp.tensordot, lambda a, b: onp.einsum("ij,jk", a, b), lambda a, b: a @ b if isinstance(a, onp.ndarray) else onp.matmul(a, b)):
        for given in ((integers, floats), (floats, integers)):
            result = call(*given)
            assert result.requires_grad
            onp.testing.assert_allclose(result.detach().numpy(), call(*[onp.asarray(each.detach() if isinstance(each, Tensor) else each) for each in given]))


def test_methods_of_ufuncs() -> None:
    a = array(2, 3)
    t = Tensor(a, requires_grad=True)
    for call in (lambda x: onp.add.reduce(x), lambda x: onp.add.reduce(x, axis=1), lambda x: onp.multiply.reduce(x, axis=-1), lambda x: onp.maximum.reduce(x), lambda x: onp.add.accumulate(x, axis=1),
                 lambda x: onp.multiply.outer(x, onp.array([1.0, 2.0])), lambda x: onp.subtract.outer(x[0], x[1])):
        onp.testing.assert_allclose(call(t).detach().numpy(), call(a))
        assert gradcheck(call, (t,))
    with pytest.raises(TypeError, match=r"numpy\.add\.at has no differentiable"):
        onp.add.at(t, [0], 1.0)


def test_what_has_no_gradient_comes_as_numpy_has_it() -> None:
    a = array(2, 3)
    t = Tensor(a, requires_grad=True)
    assert onp.shape(t) == (2, 3)
    assert onp.ndim(t) == 2
    assert onp.size(t) == 6
    assert onp.size(t, 1) == 3
    for name in ("argmax", "argmin", "argsort", "count_nonzero"):
        onp.testing.assert_array_equal(onp.asarray(getattr(onp, name)(t)), getattr(onp, name)(a))
        onp.testing.assert_array_equal(onp.asarray(getattr(anp, name)(t)), getattr(onp, name)(a))
    assert onp.allclose(t, a)
    assert onp.array_equal(t, a)
    assert onp.isclose(t, a).all()
    assert [each.tolist() for each in onp.nonzero(t > 1)] == [each.tolist() for each in onp.nonzero(a > 1)]
    assert [each.tolist() for each in onp.where(t > 1)] == [each.tolist() for each in onp.where(a > 1)]
    assert onp.all(t > 0).item()
    assert not onp.any(t > 9, axis=1).tolist()[0]
    for name in ("zeros_like", "ones_like"):
        made = getattr(onp, name)(t)
        assert not made.requires_grad
        onp.testing.assert_array_equal(made.numpy(), getattr(onp, name)(a))
    assert onp.full_like(t, 2.0).tolist() == [[2.0] * 3] * 2
    assert onp.linalg.matrix_rank(t) == 2


def test_integers_and_rounding() -> None:
    t = Tensor(onp.array([1.26, -2.55]), requires_grad=True)
    assert anp.round(t, 1).tolist() == pytest.approx([1.3, -2.6], abs=0.051)
    assert anp.around(t).tolist() == [1.0, -3.0]
    assert anp.fix(t).tolist() == [1.0, -2.0]
    assert onp.argmax(ag.tensor([1, 5, 2])).item() == 1
    assert onp.sum(ag.tensor([True, True])).item() == 2


# --- refusals -----------------------------------------------------------------------------------------------------


def test_writing_with_out() -> None:
    a = onp.zeros(3)
    t = Tensor(onp.ones(3))
    assert onp.add(t, 1.0, out=a) is a
    assert a.tolist() == [2.0] * 3
    a += t  # an array written in place stays an array
    assert a.tolist() == [3.0] * 3
    with pytest.raises(TypeError, match=r"numpy\.add cannot write into a Tensor\. Use an in-place method"):
        onp.add(a, 1.0, out=t)
    with pytest.raises(TypeError, match="cannot write a tensor that requires grad into a NumPy array"):
        a += t.requires_grad_()
    with pytest.raises(TypeError, match=r"numpy\.sum cannot write into a Tensor"):
        onp.sum(Tensor(onp.ones(3)), out=Tensor(onp.ones(())))
    assert a.tolist() == [3.0] * 3


@pytest.mark.parametrize(("call", "match"), [
    (lambda t: onp.sin(t, where=onp.array([True, False, True])), r"numpy\.sin with where has no differentiable"),
    (lambda t: onp.sum(t, where=onp.array([True, False, True])), r"numpy\.sum: got an unexpected keyword argument 'where'.*On tensors it takes \(a, axis=None"),
    (lambda t: onp.interp(t, [0, 1], [0, 1]), r"numpy\.interp has no differentiable counterpart here.*\.detach\(\)\.numpy\(\)"),
    (lambda t: anp.interp(t, [0, 1], [0, 1]), r"numpy\.interp has no differentiable"), (lambda t: onp.unique(t), r"numpy\.unique has no differentiable"),
    (lambda t: onp.modf(t), r"numpy\.modf has no differentiable"), (lambda t: anp.random.normal(t), r"numpy\.random\.normal has no differentiable"),
    (lambda t: onp.pad(t, 1, mode="maximum"), "has the modes constant")])
def test_unknown_functions_say_the_way_out(call: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        call(Tensor(onp.array([0.2, 0.5, 0.7]), requires_grad=True))


def test_without_gradient_numpy_computes() -> None:
    a = onp.array([0.2, 0.5, 0.7])
    t = Tensor(a)
    onp.testing.assert_array_equal(onp.interp(t, [0, 1], [0, 2]), onp.interp(a, [0, 1], [0, 2]))
    onp.testing.assert_array_equal(onp.unique(t), a)
    onp.testing.assert_array_equal(onp.sum(t, where=onp.array([True, False, True])), a[[0, 2]].sum())
    out = onp.zeros(3)
    onp.testing.assert_array_equal(onp.sin(t, where=onp.array([True, False, True]), out=out), [onp.sin(0.2), 0.0, onp.sin(0.7)])


def test_arrays_of_tensors_that_require_grad_are_refused() -> None:
    t = Tensor(onp.ones(2), requires_grad=True)
    for call in (onp.asarray, onp.array):
        with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
            call(t)
    assert onp.asarray(t.detach()) is not None


# --- memory -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32", "uint8", "bool", "complex128"])
def test_dlpack_both_ways_shares_memory(dtype: str) -> None:
    a = onp.ones((2, 3), dtype=dtype)
    t = ag.from_dlpack(a)
    assert t.dtype == dtype
    t[0, 0] = 0
    assert a[0, 0] == 0
    back = onp.from_dlpack(t)
    assert onp.shares_memory(back, a)
    turned = onp.from_dlpack(t.T)
    assert turned.shape == (3, 2)
    assert onp.shares_memory(turned, a)
    assert ag.from_dlpack(ag.from_dlpack(t)).data_ptr() == t.data_ptr()


def test_dlpack_of_results_and_gradients() -> None:
    t = Tensor(onp.ones(3), requires_grad=True)
    with pytest.raises(BufferError, match=r"detach\(\)"):
        onp.from_dlpack(t)
    assert onp.from_dlpack((t * 2).sum().detach()).item() == 6.0
    assert t.detach().__dlpack_device__() == (1, 0)


# --- the namespace ------------------------------------------------------------------------------------------------


def test_every_public_name_of_numpy_is_there() -> None:
    assert not [name for name in dir(onp) if not name.startswith("_") and type(getattr(onp, name)).__name__ != "module" and not hasattr(anp, name)]
    for module in ("linalg", "fft", "random"):
        own, theirs = getattr(anp, module), getattr(onp, module)
        assert not [name for name in dir(theirs) if not name.startswith("_") and type(getattr(theirs, name)).__name__ != "module" and not hasattr(own, name)]
    assert anp.pi is onp.pi
    assert anp.float64 is onp.float64
    assert anp.ndarray is onp.ndarray
    assert anp.newaxis is None
    assert "sin" in dir(anp)
    assert "inv" in dir(anp.linalg)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = anp.nothing
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = anp.fft.nothing


def test_functions_of_arrays_are_numpys() -> None:
    a = array(3, 3)
    for name in ("sum", "sin", "dot", "linalg.inv", "fft.fft", "zeros", "arange", "array"):
        args = {"dot": (a, a), "zeros": ((2,),), "arange": (3,)}.get(name, (a,))
        found = find(anp, name)(*args)
        assert not isinstance(found, Tensor)
        onp.testing.assert_array_equal(found, find(onp, name)(*args))
    assert isinstance(anp.random.RandomState(0).randn(2), onp.ndarray)
    assert isinstance(anp.random.randn(2), onp.ndarray)


@pytest.mark.parametrize("number", [onp.float64(2.0), onp.sqrt(4.0), onp.array(2.0)])
@pytest.mark.parametrize("tensor", [ag.tensor(3.0), ag.tensor([1.0, 2.0]), ag.tensor([1, 2]), ag.tensor([1.0], dtype=ag.float16)], ids=str)
def test_a_number_of_numpy_does_not_widen_a_tensor_from_either_side(number: Any, tensor: Tensor) -> None:
    expected = (tensor * 2.0).dtype
    assert (number * tensor).dtype is (tensor * number).dtype is expected
    assert (number + tensor).dtype is (number / tensor).dtype is onp.maximum(number, tensor).dtype is expected


@pytest.mark.parametrize("numbers", [[1.0, 2.0, onp.nan], [3, 1, 2, 5]])
def test_medians_of_nan_and_of_integers(numbers: list[float]) -> None:
    onp.testing.assert_array_equal(onp.median(ag.tensor(numbers)).numpy(), onp.median(numbers))


def test_reversed_memory_is_not_exported() -> None:
    x = ag.arange(3)[::-1]
    with pytest.raises(BufferError, match="contiguous"):
        onp.from_dlpack(x)
    assert onp.from_dlpack(x.contiguous()).tolist() == [2, 1, 0]
