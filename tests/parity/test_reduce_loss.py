"""Reductions, scans, contractions, losses and elementwise ops against PyTorch: values, dtypes, first and second derivatives in float64."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn.functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
INF = math.inf


def data(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return np.asarray(np.random.default_rng([seed, *shape]).uniform(low, high, shape))


def both(array: Any) -> tuple[Any, Any]:
    """The same leaf on both sides; floats ask for a gradient."""
    if not isinstance(array, np.ndarray):
        return array, array
    wants = array.dtype.kind == "f"
    return ag.tensor(array, requires_grad=wants), torch.tensor(array, requires_grad=wants)


def check(ours: Callable[..., Any], theirs: Callable[..., Any], inputs: list[Any], *, second: bool = True, tolerance: float = 1e-10, **attrs: Any) -> None:
    """Equal values, dtypes and shapes; equal gradients, computed both on arrays and on tensors; equal second derivatives, by the cotangent too."""
    pairs = [both(array) for array in inputs]
    result = ours(*[pair[0] for pair in pairs], **attrs)
    expected = theirs(*[pair[1] for pair in pairs], **attrs)
    results, expecteds = (result, expected) if isinstance(expected, tuple) else ([result], [expected])
    assert len(results) == len(expecteds)
    for r, e in zip(results, expecteds, strict=True):
        assert tuple(r.shape) == tuple(e.shape)
        assert str(r.dtype).split(".")[-1] == str(e.dtype).split(".")[-1]
        np.testing.assert_allclose(r.detach().numpy(), e.detach().numpy(), rtol=tolerance, atol=tolerance)
    wanted = [i for i, array in enumerate(inputs) if isinstance(array, np.ndarray) and array.dtype.kind == "f"]
    results, expecteds = zip(*[(r, e) for r, e in zip(results, expecteds, strict=True) if e.requires_grad], strict=True) if any(e.requires_grad for e in expecteds) else ([], [])
    assert [r.requires_grad for r in results] == [True] * len(results)
    if not results:
        return
    seeds = [data(*e.shape, seed=7) for e in expecteds]
    xs, ys = [pairs[i][0] for i in wanted], [pairs[i][1] for i in wanted]
    ours_seeds, theirs_seeds = zip(*[both(seed) for seed in seeds], strict=True)
    plain = ag.autograd.grad(list(results), xs, [seed.detach() for seed in ours_seeds], retain_graph=True, allow_unused=True)
    recorded = ag.autograd.grad(list(results), xs, list(ours_seeds), create_graph=True, allow_unused=True)
    reference = torch.autograd.grad(expecteds, ys, theirs_seeds, create_graph=second, allow_unused=True)
    for p, r, e in zip(plain, recorded, reference, strict=True):
        if e is None or (p is None and not e.any()):
            continue
        for g in (p, r):
            assert tuple(g.shape) == tuple(e.shape)
            np.testing.assert_allclose(g.detach().numpy(), e.detach().numpy(), rtol=tolerance, atol=tolerance)
    if not second:
        return
    chosen = [i for i, e in enumerate(reference) if recorded[i] is not None and e is not None and e.requires_grad]
    if not chosen:
        return
    weights = [data(*reference[i].shape, seed=9) for i in chosen]
    ours_second = ag.autograd.grad([recorded[i] for i in chosen], [*xs, *ours_seeds], [ag.tensor(w) for w in weights], allow_unused=True, materialize_grads=True)
    theirs_second = torch.autograd.grad([reference[i] for i in chosen], [*ys, *theirs_seeds], [torch.tensor(w) for w in weights], allow_unused=True, materialize_grads=True)
    for s, e in zip(ours_second, theirs_second, strict=True):
        np.testing.assert_allclose(s.numpy(), e.numpy(force=True), rtol=1e-8, atol=1e-8)


def pair(name: str, *, functional: bool = False) -> tuple[Any, Any]:
    return (getattr(F, name), getattr(TF, name)) if functional else (getattr(ag, name), getattr(torch, name))


# --- reductions ---------------------------------------------------------------------------------------------------

DIMS = [{}, {"dim": 0}, {"dim": -1}, {"dim": -1, "keepdim": True}]
TUPLES = [{"dim": (0, 2)}, {"dim": (-1, 0), "keepdim": True}, {"dim": ()}]


@pytest.mark.parametrize("attrs", [*DIMS, *TUPLES], ids=str)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin", "var", "std", "norm", "nansum", "logsumexp"])
def test_reductions_over_dims(name: str, attrs: dict[str, Any]) -> None:
    if name == "logsumexp" and attrs.get("dim", ()) == ():
        attrs = {"dim": (0, 1, 2)}
    if name in {"var", "std"} and attrs.get("dim") == ():
        attrs = {}  # PyTorch's gradient divides by zero here
    check(*pair(name), [data(2, 3, 4)], **attrs)


@pytest.mark.parametrize("attrs", DIMS[1:], ids=str)
@pytest.mark.parametrize("name", ["prod", "max", "min", "nanmean", "cumsum", "cumprod", "argmax", "argmin", "median_free"])
def test_reductions_over_one_dim(name: str, attrs: dict[str, Any]) -> None:
    if name == "median_free":
        name = "aminmax"
    if name.startswith("cum"):
        attrs = {"dim": attrs["dim"]}
    check(*pair(name), [data(3, 4, 2)], **attrs)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "max", "min", "amax", "amin", "norm", "argmax", "all", "any", "count_nonzero"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 4)])
def test_full_reductions(name: str, shape: tuple[int, ...]) -> None:
    check(*pair(name), [data(*shape)])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float16", "float32"])
@pytest.mark.parametrize("name", ["sum", "prod", "amax", "max", "argmin", "all", "any", "count_nonzero", "cumsum", "cumprod", "logsumexp", "softmax", "mean", "var", "norm"])
def test_result_dtypes(name: str, dtype: str) -> None:
    array = np.array([[1, 0, 1], [1, 1, 1]]).astype(dtype)
    ours, theirs = pair(name)
    attrs = {"dim": 1} if name not in {"norm"} else {}
    x, y = ag.tensor(array), torch.tensor(array)
    if name == "argmin" and dtype == "bool":
        assert ours(x, **attrs).shape  # PyTorch refuses this
        return
    try:
        expected = theirs(y, **attrs)
    except RuntimeError:
        with pytest.raises(RuntimeError):
            ours(x, **attrs)
        return
    result = ours(x, **attrs)
    if name == "max":
        result, expected = result.values, expected.values
    assert str(result.dtype).split(".")[-1] == str(expected.dtype).split(".")[-1]
    np.testing.assert_allclose(result.numpy().astype(float), expected.numpy().astype(float), rtol=1e-3)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "cumsum", "cumprod", "norm", "softmax", "log_softmax", "nansum"])
def test_dtype_argument(name: str) -> None:
    attrs = {"dim": 1}
    ours, theirs = pair(name)
    x, y = both(data(3, 4))
    if name == "norm":  # where PyTorch refuses to narrow
        attrs = {"dim": 1}
    r, e = ours(x, **attrs, dtype=ag.float64 if name == "norm" else ag.float32), theirs(y, **attrs, dtype=torch.float64 if name == "norm" else torch.float32)
    assert str(r.dtype)[-7:] == str(e.dtype)[-7:]
    np.testing.assert_allclose(r.detach().numpy(), e.detach().numpy(), rtol=1e-5)
    r.sum().backward()
    e.sum().backward()
    assert x.grad.dtype == ag.float64
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("values", [[2.0, 0.0, 3.0, 4.0], [0.0, 0.0, 3.0, 4.0], [0.0, 0.0, 0.0, 1.0], [1.0, 2.0, 3.0, 0.0], [5.0]])
@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_products_with_zeros(name: str, values: list[float]) -> None:
    check(*pair(name), [np.array(values)], dim=0)


def test_product_of_all_with_zeros() -> None:
    check(torch_free_prod, torch.prod, [np.array([[0.0, 2.0], [3.0, 0.0]])])
    check(torch_free_prod, torch.prod, [np.array([[0.0, 2.0], [3.0, 5.0]])])


def torch_free_prod(x: Any) -> Any:
    return ag.prod(x)


@pytest.mark.parametrize("name", ["amax", "amin", "max", "min"])
def test_ties_share(name: str) -> None:
    check(*pair(name), [np.array([[1.0, 3.0, 3.0], [1.0, 1.0, 3.0]])])
    if name.startswith("a"):
        check(*pair(name), [np.array([[1.0, 3.0, 3.0], [1.0, 1.0, 3.0]])], dim=1)


def test_extrema_of_two_tensors() -> None:
    for name in ("max", "min", "maximum", "minimum"):
        check(*pair(name), [np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])])
        check(*pair(name), [data(3, 1), data(4)])


@pytest.mark.parametrize("settings", [(None, {"correction": 0}), (None, {"correction": 2}), (1, {"unbiased": False}), ((0, 1), {"unbiased": True, "keepdim": True}), (0, {"correction": 1.5})])
@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_moments(name: str, settings: Any) -> None:
    dim, attrs = settings
    ours, theirs = pair(name)
    check(lambda x: tuple(each) if isinstance(each := ours(x, dim, **attrs), tuple) else each, lambda x: theirs(x, dim, **attrs), [data(4, 3)])


def test_variance_takes_unbiased_in_the_place_of_dim() -> None:
    x = data(5)
    assert ag.var(ag.tensor(x), False).item() == pytest.approx(torch.var(torch.tensor(x), False).item())


def test_std_of_equal_values_has_no_gradient() -> None:
    check(*pair("std"), [np.full((2, 3), 1.5)], second=False, dim=1)


def test_variance_of_one_value_is_nan() -> None:
    assert math.isnan(ag.var(ag.tensor([1.0])).item())


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, 4.5, INF, -INF, "fro"])
@pytest.mark.parametrize("attrs", [{}, {"dim": 1}, {"dim": (0, 1), "keepdim": True}], ids=str)
def test_norms(p: Any, attrs: dict[str, Any]) -> None:
    check(*pair("norm"), [data(3, 4)], p=p, **attrs)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, INF])
def test_norm_at_zero(p: Any) -> None:
    check(*pair("norm"), [np.zeros((2, 3))], p=p, dim=1, second=False)


def test_logsumexp_of_minus_infinity() -> None:
    x = data(3, 4)
    x[2, 0] = -INF
    check(*pair("logsumexp"), [x], dim=1)
    x[1] = -INF
    ours, theirs = both(x)
    result = ag.logsumexp(ours, 1)
    np.testing.assert_allclose(result.detach().numpy(), torch.logsumexp(theirs, 1).detach().numpy())
    result.sum().backward()
    assert ours.grad.numpy()[1].tolist() == [0.0] * 4  # where PyTorch has NaN
    check(*pair("logsumexp"), [data(3, 4) * 1000], dim=1)


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name: str, dim: int) -> None:
    check(*pair(name), [data(2, 3, 4)], dim=dim)
    check(*pair(name, functional=True), [data(2, 3, 4) * 500], dim=dim)
    masked = data(2, 3, 4)
    masked[:, 0, 0] = -INF
    check(*pair(name), [masked], dim=dim, second=False) if dim else None


def test_softmax_without_dim_warns() -> None:
    x, y = both(data(2, 3))
    with pytest.warns(UserWarning, match="Implicit dimension"):
        ours = F.softmax(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_allclose(ours.detach().numpy(), TF.softmax(y).detach().numpy())


@pytest.mark.parametrize("attrs", [{"dim": 0}, {"dim": 1}, {"dim": 0, "keepdim": True}], ids=str)
def test_empty(attrs: dict[str, Any]) -> None:
    for name in ("sum", "prod", "logsumexp", "all", "any", "norm"):
        check(*pair(name), [np.zeros((0, 3))], **attrs)
    assert torch.isnan(torch.mean(torch.zeros(0, 3), 0)).all()
    assert np.isnan(ag.mean(ag.zeros(0, 3), 0).numpy()).all()


ERRORS = [
    (lambda lib: lib.max(lib.zeros(0))), (lambda lib: lib.amax(lib.zeros(0, 3), 0)), (lambda lib: lib.argmax(lib.zeros(0))), (lambda lib: lib.sum(lib.zeros(3), 1)),
    (lambda lib: lib.sum(lib.zeros(2, 3), (0, 0))), (lambda lib: lib.mean(lib.zeros(3, dtype=lib.int64))), (lambda lib: lib.std(lib.zeros(3, dtype=lib.int64))),
    (lambda lib: lib.softmax(lib.zeros(3), 1)), (lambda lib: lib.cumsum(lib.zeros(3), 2)), (lambda lib: lib.logsumexp(lib.zeros(3), 2)),
    (lambda lib: lib.mm(lib.zeros(2, 3), lib.zeros(2, 3))), (lambda lib: lib.mm(lib.zeros(3), lib.zeros(3, 1))), (lambda lib: lib.bmm(lib.zeros(2, 2, 3), lib.zeros(1, 3, 3))),
    (lambda lib: lib.dot(lib.zeros(2), lib.zeros(3))), (lambda lib: lib.outer(lib.zeros(2, 2), lib.zeros(3))), (lambda lib: lib.matmul(lib.zeros(()), lib.zeros(3))),
    (lambda lib: lib.einsum("ij,jk", lib.zeros(2, 3), lib.zeros(4, 2))), (lambda lib: lib.einsum("ij", lib.zeros(2))), (lambda lib: lib.einsum("i->j", lib.zeros(2))),
    (lambda lib: lib.einsum("i->ii", lib.zeros(2))), (lambda lib: lib.einsum("i,j", lib.zeros(2))), (lambda lib: lib.einsum("ii", lib.zeros(2, 3))),
    (lambda lib: lib.tensordot(lib.zeros(2, 3), lib.zeros(2, 3), 1)), (lambda lib: lib.div(lib.zeros(2), 2, rounding_mode="up")),
    (lambda lib: lib.isclose(lib.zeros(2), lib.zeros(2, dtype=lib.float64))), (lambda lib: lib.addmm(lib.zeros(3), lib.zeros(2, 2), lib.zeros(2, 2))),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors_have_pytorchs_types(number: int) -> None:
    with pytest.raises(Exception) as expected:
        ERRORS[number](torch)
    with pytest.raises(expected.type):
        ERRORS[number](ag)


# --- products -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)), ((5, 2, 3), (5, 3, 2)), ((2, 3), (5, 3, 4)),
                                    ((4, 1, 2, 3), (5, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3))], ids=str)
def test_matmul(shapes: Any) -> None:
    check(*pair("matmul"), [data(*shape) for shape in shapes])


@pytest.mark.parametrize(("name", "shapes", "attrs"), [
    ("mm", [(2, 3), (3, 4)], {}), ("bmm", [(5, 2, 3), (5, 3, 4)], {}), ("mv", [(2, 3), (3,)], {}), ("dot", [(3,), (3,)], {}), ("outer", [(3,), (4,)], {}),
    ("addmm", [(4,), (2, 3), (3, 4)], {}), ("addmm", [(2, 4), (2, 3), (3, 4)], {"beta": 0.5, "alpha": 2}), ("addmm", [(2, 4), (2, 3), (3, 4)], {"beta": 0}),
    ("baddbmm", [(2, 1), (5, 2, 3), (5, 3, 4)], {"beta": 2, "alpha": 0.5}), ("addmv", [(2,), (2, 3), (3,)], {"alpha": 3}), ("trace", [(3, 3)], {}), ("trace", [(2, 4)], {}),
    ("tensordot", [(2, 3, 4), (3, 4, 5)], {"dims": 2}), ("tensordot", [(2, 3, 4), (4, 2)], {"dims": ([0, 2], [1, 0])}), ("tensordot", [(2,), (3,)], {"dims": 0})], ids=str)
def test_products(name: str, shapes: Any, attrs: dict[str, Any]) -> None:
    check(*pair(name), [data(*shape, seed=i) for i, shape in enumerate(shapes)], **attrs)


@pytest.mark.parametrize(("equation", "shapes"), [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ii", [(3, 3)]), ("ii->i", [(3, 3)]), ("iij->ji", [(3, 3, 2)]),
    ("iii->i", [(2, 2, 2)]), ("...ij,...jk->...ik", [(5, 2, 3), (5, 3, 4)]), ("...ij,jk", [(5, 2, 3), (3, 4)]), ("...i,...i", [(5, 1, 3), (4, 3)]), ("i...->...", [(3, 2)]),
    ("i,j->ij", [(2,), (3,)]), ("i,i,i->i", [(3,), (3,), (3,)]), ("bij,bjk,kl->il", [(2, 3, 4), (2, 4, 2), (2, 3)]), ("ij,ij->ij", [(1, 3), (2, 3)]), ("ij,ij->", [(1, 3), (2, 1)]),
    ("ij,j", [(2, 3), (1,)]), ("bhid,bhjd->bhij", [(2, 2, 3, 4), (2, 2, 5, 4)]), ("ba", [(2, 3)]), ("aB,Bc", [(2, 3), (3, 2)]), ("a b , b c -> a c", [(2, 3), (3, 2)]),
    ("ij,kl->", [(2, 3), (2, 2)]), ("ij,k->i", [(2, 3), (2,)]), ("ii,ij->j", [(3, 3), (3, 2)]), ("...", [(2, 3)]), ("i...j->...", [(2, 3, 4)])])
def test_einsum(equation: str, shapes: Any) -> None:
    check(lambda *xs: ag.einsum(equation, *xs), lambda *xs: torch.einsum(equation, *xs), [data(*shape, seed=i) for i, shape in enumerate(shapes)])


def test_einsum_spellings() -> None:
    a, b = ag.tensor(data(2, 3)), ag.tensor(data(3, 4))
    expected = (a @ b).numpy()
    for result in (ag.einsum("ij,jk", [a, b]), ag.einsum(a, [0, 1], b, [1, 2], [0, 2]), ag.einsum(a, [0, 1], b, [1, 2])):
        np.testing.assert_allclose(result.numpy(), expected)
    transposed = ag.einsum("ij->ji", a)
    before = a.numpy().copy()
    transposed.zero_() if hasattr(transposed, "zero_") else None
    np.testing.assert_array_equal(a.numpy(), before)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 4, 3), (0, 3), (2, 0, 3), (2, 1, 4, 3)])
def test_linear(shape: tuple[int, ...], bias: bool) -> None:
    check(F.linear, TF.linear, [data(*shape), data(5, 3), *([data(5)] if bias else [])])


# --- losses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(("name", "attrs"), [("mse_loss", {}), ("l1_loss", {}), ("smooth_l1_loss", {}), ("smooth_l1_loss", {"beta": 0.3}), ("smooth_l1_loss", {"beta": 0.0}),
                                             ("huber_loss", {}), ("huber_loss", {"delta": 0.4})])
@pytest.mark.parametrize("shape", [(4, 3), ()])
def test_regression(name: str, attrs: dict[str, Any], reduction: str, shape: tuple[int, ...]) -> None:
    check(*pair(name, functional=True), [data(*shape), data(*shape, seed=1)], reduction=reduction, **attrs)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_weighted_regression(name: str, reduction: str) -> None:
    weight = data(4, 3, seed=2, low=0.5)
    check(lambda x, y: getattr(F, name)(x, y, reduction=reduction, weight=ag.tensor(weight)),
          lambda x, y: getattr(TF, name)(x, y, reduction=reduction, weight=torch.tensor(weight)), [data(4, 3), data(4, 3, seed=1)])


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_regression_of_shapes_that_broadcast_warns(name: str) -> None:
    with pytest.warns(UserWarning, match=r"\(4, 1\).*\(4,\).*squeeze"):
        ours = getattr(F, name)(ag.tensor(data(4)), ag.tensor(data(4, 1)))
    with pytest.warns(UserWarning, match="target size"):
        theirs = getattr(TF, name)(torch.tensor(data(4)), torch.tensor(data(4, 1)))
    assert ours.item() == pytest.approx(theirs.item())


CLASSES = [((4, 3), (4,)), ((3,), ()), ((2, 3, 4), (2, 4)), ((2, 3, 4, 5), (2, 4, 5)), ((2, 3, 2, 2, 3), (2, 2, 2, 3))]


def class_targets(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 3, shape)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("attrs", [{}, {"ignore_index": 1}, {"label_smoothing": 0.2}, {"label_smoothing": 0.1, "ignore_index": 0}], ids=str)
@pytest.mark.parametrize("shapes", CLASSES, ids=str)
def test_cross_entropy(shapes: Any, attrs: dict[str, Any], weighted: bool, reduction: str) -> None:
    weight = np.array([0.5, 1.5, 2.0])
    target = class_targets(shapes[1], seed=3)
    if target.ndim and attrs.get("ignore_index") is None:
        target.reshape(-1)[0] = -100
    elif not target.ndim:
        target = np.array(2)
    check(lambda x, t: F.cross_entropy(x, t, weight=ag.tensor(weight) if weighted else None, reduction=reduction, **attrs),
          lambda x, t: TF.cross_entropy(x, t, weight=torch.tensor(weight) if weighted else None, reduction=reduction, **attrs), [data(*shapes[0]), target])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 3, 4)])
def test_cross_entropy_with_probabilities(shape: tuple[int, ...], smoothing: float, weighted: bool, reduction: str) -> None:
    weight = np.array([0.5, 1.5, 2.0])
    check(lambda x, t: F.cross_entropy(x, t, weight=ag.tensor(weight) if weighted else None, reduction=reduction, label_smoothing=smoothing),
          lambda x, t: TF.cross_entropy(x, t, weight=torch.tensor(weight) if weighted else None, reduction=reduction, label_smoothing=smoothing),
          [data(*shape), data(*shape, seed=1, low=0.0, high=1.0)])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("attrs", [{}, {"ignore_index": 1}], ids=str)
@pytest.mark.parametrize("shapes", CLASSES, ids=str)
def test_nll_loss(shapes: Any, attrs: dict[str, Any], weighted: bool, reduction: str) -> None:
    weight = np.array([0.5, 1.5, 2.0])
    check(lambda x, t: F.nll_loss(x, t, weight=ag.tensor(weight) if weighted else None, reduction=reduction, **attrs),
          lambda x, t: TF.nll_loss(x, t, weight=torch.tensor(weight) if weighted else None, reduction=reduction, **attrs), [data(*shapes[0]), class_targets(shapes[1], seed=4)])


def test_cross_entropy_of_extreme_scores() -> None:
    x = np.array([[1000.0, -1000.0, 0.0], [-1e4, -1e4, -1e4], [-INF, 1.0, 2.0]])
    check(F.cross_entropy, TF.cross_entropy, [x, np.array([1, 0, 2])], second=False)
    assert math.isnan(F.cross_entropy(ag.tensor(data(2, 3)), ag.tensor(np.array([-100, -100]))).item())


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weight", [None, (3,), (4, 1)])
@pytest.mark.parametrize("pos_weight", [None, (3,)])
def test_bce_with_logits(pos_weight: Any, weight: Any, reduction: str) -> None:
    factors = [None if shape is None else data(*shape, low=0.5, seed=5) for shape in (weight, pos_weight)]

    def call(function: Any, make: Any) -> Any:
        w, p = (None if factor is None else make(factor) for factor in factors)
        return lambda x, t: function(x, t, weight=w, reduction=reduction, pos_weight=p)

    check(call(F.binary_cross_entropy_with_logits, ag.tensor), call(TF.binary_cross_entropy_with_logits, torch.tensor),
          [data(4, 3), data(4, 3, low=0.0, high=1.0, seed=1)])


def test_bce_with_logits_of_extreme_scores() -> None:
    check(F.binary_cross_entropy_with_logits, TF.binary_cross_entropy_with_logits, [np.array([1000.0, -1000.0, 50.0, 0.0]), np.array([0.0, 1.0, 1.0, 0.5])], second=False)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_bce(reduction: str) -> None:
    check(F.binary_cross_entropy, TF.binary_cross_entropy, [data(4, 3, low=0.05, high=0.95), data(4, 3, low=0.0, high=1.0, seed=1)], reduction=reduction)
    check(F.binary_cross_entropy, TF.binary_cross_entropy, [data(4, 3, low=0.05, high=0.95), class_targets((4, 3)).astype(float) / 2, data(3, low=0.5)][:2], reduction=reduction)
    ours = F.binary_cross_entropy(ag.tensor([0.0, 1.0, 0.0]), ag.tensor([0.0, 0.0, 1.0]), reduction="none")
    assert ours.tolist() == TF.binary_cross_entropy(torch.tensor([0.0, 1.0, 0.0]), torch.tensor([0.0, 0.0, 1.0]), reduction="none").tolist()


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_margin_losses(reduction: str) -> None:
    signs = np.where(data(4, 3, seed=6) > 0, 1, -1)
    check(F.hinge_embedding_loss, TF.hinge_embedding_loss, [data(4, 3), signs], reduction=reduction, margin=0.7)
    check(F.margin_ranking_loss, TF.margin_ranking_loss, [data(4, 3), data(4, 3, seed=1), signs], reduction=reduction, margin=0.2)
    for p in (1, 2):
        check(F.multi_margin_loss, TF.multi_margin_loss, [data(4, 3), class_targets((4,))], p=p, margin=0.8, reduction=reduction, second=False)
        check(F.multi_margin_loss, TF.multi_margin_loss, [data(3), np.array(1)], p=p, reduction=reduction, second=False)
    check(F.hinge_loss, lambda x, t, reduction: getattr(torch.relu(1 - t * x), reduction if reduction != "none" else "clone")(), [data(4, 3), signs], reduction=reduction)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum", "batchmean"])
def test_kl_div(reduction: str) -> None:
    target = data(4, 3, low=0.1, high=1.0, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(F.kl_div, TF.kl_div, [data(4, 3), target], reduction=reduction)
        check(F.kl_div, TF.kl_div, [data(4, 3), target], reduction=reduction, log_target=True)


LOSS_ERRORS = [
    lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.zeros(5, dtype=lib.int64)), lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.zeros(4, 1, dtype=lib.int64)),
    lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.tensor([0, 1, 2, 3])), lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.tensor([0, 1, 2, -1])),
    lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.zeros(4)), lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.zeros(4, dtype=lib.int64), lib.ones(2)),
    lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.zeros(4, dtype=lib.int64), reduction="avg"), lambda lib, f: f.nll_loss(lib.zeros(4, 3), lib.tensor([0, 1, 2, 3])),
    lambda lib, f: f.cross_entropy(lib.zeros(4, 3), lib.zeros(4, dtype=lib.int64), label_smoothing=2.0), lambda lib, f: f.binary_cross_entropy(lib.ones(4), lib.ones(4, 1)),
    lambda lib, f: f.binary_cross_entropy(lib.ones(4) * 2, lib.ones(4)), lambda lib, f: f.binary_cross_entropy_with_logits(lib.ones(4), lib.ones(4, 1)),
    lambda lib, f: f.mse_loss(lib.ones(4), lib.ones(4), reduction="avg"), lambda lib, f: f.linear(lib.ones(4, 3), lib.ones(3, 2)), lambda lib, f: f.gelu(lib.ones(2), approximate="fast"),
    lambda lib, f: f.multi_margin_loss(lib.zeros(4, 3), lib.zeros(4, dtype=lib.int64), p=3),
]


@pytest.mark.parametrize("number", range(len(LOSS_ERRORS)))
def test_losses_raise_pytorchs_types(number: int) -> None:
    with pytest.raises(Exception) as expected:
        LOSS_ERRORS[number](torch, TF)
    with pytest.raises(expected.type):
        LOSS_ERRORS[number](ag, F)


# --- elementwise --------------------------------------------------------------------------------------------------

DOMAINS = {"log": (0.2, 3), "log2": (0.2, 3), "log10": (0.2, 3), "log1p": (-0.7, 3), "sqrt": (0.2, 3), "rsqrt": (0.2, 3), "asin": (-0.8, 0.8), "acos": (-0.8, 0.8),
           "atanh": (-0.8, 0.8), "acosh": (1.2, 3), "reciprocal": (0.5, 2), "tan": (-1, 1)}
UNARY = ["neg", "abs", "sign", "exp", "expm1", "exp2", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "sin", "cos", "tan", "tanh", "sinh", "cosh", "asin", "acos",
         "atan", "asinh", "acosh", "atanh", "sigmoid", "relu", "floor", "ceil", "round", "trunc"]
ACTIVATIONS = [("relu", {}), ("tanh", {}), ("sigmoid", {}), ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 1.5}), ("leaky_relu", {"negative_slope": -0.3}),
               ("leaky_relu", {"negative_slope": 0.0}), ("elu", {}), ("elu", {"alpha": 0.5}), ("softplus", {}), ("softplus", {"beta": 2.0, "threshold": 1.0}), ("gelu", {}),
               ("gelu", {"approximate": "tanh"}), ("silu", {}), ("logsigmoid", {}), ("hardtanh", {}), ("hardtanh", {"min_val": -0.5, "max_val": 1.5}), ("relu6", {}), ("softsign", {}),
               ("mish", {})]


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("shape", [(3, 4), (), (60, 50)])
def test_unary(name: str, shape: tuple[int, ...]) -> None:
    low, high = DOMAINS.get(name, (-2, 2))
    check(*pair(name), [data(*shape, low=low, high=high)])


@pytest.mark.parametrize(("name", "attrs"), ACTIVATIONS, ids=str)
@pytest.mark.parametrize("shape", [(3, 4), (), (60, 50), (100, 100)])
def test_activations(name: str, attrs: dict[str, Any], shape: tuple[int, ...]) -> None:
    check(*pair(name, functional=True), [np.asarray(data(*shape) * 4)], **attrs)


@pytest.mark.parametrize(("name", "attrs"), ACTIVATIONS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_at_the_edges(name: str, attrs: dict[str, Any], dtype: str) -> None:
    x = np.array([-INF, -1000.0, -100.0, -0.0, 0.0, 1e-30, 100.0, 1000.0, INF, math.nan], dtype=dtype)
    if name == "gelu":
        x = x[1:-2]  # PyTorch's own results at infinity differ between its dtypes
    with np.errstate(all="ignore"):
        ours, theirs = getattr(F, name)(ag.tensor(x), **attrs), getattr(TF, name)(torch.tensor(x), **attrs)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-6, atol=1e-37)
        many = getattr(F, name)(ag.tensor(np.tile(x, 1000)), **attrs)
    np.testing.assert_allclose(many.numpy()[: len(x)], theirs.numpy(), rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "maximum", "minimum", "remainder", "fmod", "atan2"])
@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((3, 1), (4,)), ((), (2, 2)), ((60, 50), (50,))], ids=str)
def test_binary(name: str, shapes: Any) -> None:
    check(*pair(name), [data(*shapes[0], low=0.5), data(*shapes[1], low=0.5, seed=1)])


@pytest.mark.parametrize("mode", [None, "trunc", "floor"])
@pytest.mark.parametrize("dtype", ["float64", "int64", "int32"])
def test_rounded_division(mode: Any, dtype: str) -> None:
    a, b = np.array([7, -7, 8, -1]).astype(dtype), np.array([2, 2, -3, 3]).astype(dtype)
    check(*pair("div"), [a, b], rounding_mode=mode)
    check(lambda x: ag.div(x, 2, rounding_mode=mode), lambda x: torch.div(x, 2, rounding_mode=mode), [a])
    for name in ("remainder", "fmod", "floor_divide"):
        assert getattr(ag, name)(ag.tensor(a), ag.tensor(b)).tolist() == getattr(torch, name)(torch.tensor(a), torch.tensor(b)).tolist()


@pytest.mark.parametrize("shape", [(3, 4), (60, 50)])
def test_where_and_clamp(shape: tuple[int, ...]) -> None:
    condition = data(*shape, seed=3) > 0
    for others in ([data(*shape), data(*shape, seed=1)], [data(*shape), data(shape[1])], [data(shape[0], 1), data(*shape)], [data(*shape), 0], [0, data(*shape)], [1.5, data(*shape)],
                   [data(*shape).astype("f4"), data(*shape)]):
        check(lambda *xs: ag.where(ag.tensor(condition), *xs), lambda *xs: torch.where(torch.tensor(condition), *xs), others)
    for limits in ((-0.5, 0.5), (None, 0.5), (-0.5, None), (0.5, -0.5)):
        check(lambda x, limits=limits: ag.clamp(x, *limits), lambda x, limits=limits: torch.clamp(x, *limits), [data(*shape)])
    check(ag.clamp, torch.clamp, [data(*shape), data(shape[1], seed=1), data(*shape, seed=2)])


def test_singular_points() -> None:
    """A branch that is switched off leaves the gradient 0, not NaN."""
    for name in ("sqrt", "rsqrt", "log", "log1p", "log2", "log10", "reciprocal", "asin", "acos", "acosh", "atanh"):
        bad = {"log1p": -1.0, "asin": 1.0, "acos": 1.0, "acosh": 1.0, "atanh": 1.0}.get(name, 0.0)
        x = ag.tensor([bad, 0.5 if name != "acosh" else 1.5], dtype=ag.float64, requires_grad=True)
        with np.errstate(all="ignore"):
            ag.where(ag.tensor([False, True]), getattr(ag, name)(x), 0.0).sum().backward()
        assert x.grad[0].item() == 0.0, name
        assert math.isfinite(x.grad[1].item())


def test_comparing_whole_tensors() -> None:
    a = data(3, 4)
    b = a + 1e-9
    for attrs in ({}, {"rtol": 0.0, "atol": 1e-10}, {"equal_nan": True}):
        assert ag.allclose(ag.tensor(a), ag.tensor(b), **attrs) is torch.allclose(torch.tensor(a), torch.tensor(b), **attrs)
    assert ag.equal(ag.tensor(a), ag.tensor(a)) is True
    assert ag.equal(ag.tensor(a), ag.tensor(b)) is False
    assert ag.equal(ag.tensor(a), ag.tensor(a[0])) is False
    odd = np.array([math.nan, INF, -INF, 1.0])
    check(*pair("isclose"), [odd, odd[::-1].copy()])
    check(*pair("isclose"), [odd, odd], equal_nan=True)


def test_inplace_activations() -> None:
    for name in ("relu", "leaky_relu", "elu", "silu", "hardtanh", "relu6", "mish"):
        x = ag.tensor(data(3, 4), requires_grad=True)
        y = x * 1
        z = getattr(F, name)(y, inplace=True)
        assert z is y
        z.sum().backward()
        w = torch.tensor(data(3, 4), requires_grad=True)
        getattr(TF, name)(w).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), w.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("loss", ["mse_loss", "cross_entropy", "binary_cross_entropy_with_logits", "gelu"])
def test_kept_residuals_change_nothing(loss: str) -> None:
    """The gradient is the same with what the forward pass kept, without it (inside ``record``), and at a second backward."""
    target = {"mse_loss": data(4, 3, seed=1), "cross_entropy": class_targets((4,)), "binary_cross_entropy_with_logits": data(4, 3, seed=1, low=0.0, high=1.0)}.get(loss)
    x = ag.tensor(data(4, 3), requires_grad=True)

    def run() -> Any:
        result = getattr(F, loss)(x) if target is None else getattr(F, loss)(x, ag.tensor(target))
        return result.sum()

    kept = run()
    first = ag.autograd.grad(kept, x, retain_graph=True)[0].numpy()
    again = ag.autograd.grad(kept, x)[0].numpy()
    with ag.record():
        recorded = run()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(ag.autograd.grad(recorded, x)[0].numpy(), first, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "cross_entropy", "binary_cross_entropy_with_logits", "kl_div"])
def test_losses_keep_the_dtype(name: str, dtype: str) -> None:
    x = ag.tensor(data(4, 3).astype(dtype), requires_grad=True)
    target = ag.tensor(class_targets((4,)) if name == "cross_entropy" else data(4, 3, seed=1, low=0.1, high=0.9).astype(dtype))
    loss = getattr(F, name)(x, target)
    loss.backward()
    assert str(loss.dtype).endswith(dtype)
    assert str(x.grad.dtype).endswith(dtype)
    wide = getattr(F, name)(ag.tensor(x.detach().numpy().astype("float64")), target if name == "cross_entropy" else ag.tensor(target.numpy().astype("float64")))
    assert loss.item() == pytest.approx(wide.item(), rel=2e-3 if dtype == "float16" else 1e-6)


def test_half_precision_adds_up_in_single() -> None:
    many = np.full((4096, 3), 0.1, dtype="float16")
    for name in ("sum", "mean", "var", "norm", "logsumexp"):
        attrs = {"dim": 0}
        ours = getattr(ag, name)(ag.tensor(many), **attrs)
        assert ours.dtype == ag.float16
        expected = getattr(ag, name)(ag.tensor(many.astype("float64")), **attrs)
        np.testing.assert_allclose(ours.numpy().astype(float), expected.numpy(), rtol=1e-3, atol=1e-6)
