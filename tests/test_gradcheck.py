"""``gradcheck`` accepts right gradients and names what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import Tensor, dispatch
from autograd_core.autograd import gradcheck, gradgradcheck
from autograd_core.gradcheck import GradcheckError
from autograd_core.op import REGISTRY, Op, elementwise, op


def leaf(stream: np.random.Generator, *shape: int, dtype: str = "float64") -> Tensor:
    return Tensor((0.5 + stream.random(shape)).astype(dtype), requires_grad=True)


def planted(vjp: Any) -> Callable[[Tensor], Any]:
    """``exp`` with the given rule, left in no registry."""
    declared = elementwise("planted_exp", ufunc="exp", vjp={"input": vjp}, places=())
    del REGISTRY["planted_exp"]
    return lambda x: dispatch.apply(declared, (x,), {})


def planted_product(rule: Callable[..., Any], broadcasts: bool) -> Callable[[Tensor, Tensor], Any]:
    """A product whose second rule is given."""

    @op("planted_product(input: Tensor, other: Tensor) -> Tensor", broadcasts=broadcasts)
    def declared(xp: Any, input: Any, other: Any) -> Any:
        return input * other

    del REGISTRY["planted_product"]
    assert isinstance(declared, Op)
    declared.add_rule("input", "g * other")
    declared.add_rule("other", rule)
    return lambda x, y: dispatch.apply(declared, (x, y), {})


def test_accepts_right_gradients(stream: np.random.Generator) -> None:
    x, y = leaf(stream, 3, 4), leaf(stream, 4)
    assert gradcheck(lambda x, y: (x * y).exp(), (x, y))
    assert gradgradcheck(lambda x, y: (x * y).exp(), (x, y))
    assert gradcheck(lambda x: x * 2.0, x)


def test_checks_each_of_several_outputs(stream: np.random.Generator) -> None:
    wrong = planted("g * out * 2")
    assert gradcheck(lambda x: (x.exp(), x.sin()), leaf(stream, 3))
    with pytest.raises(GradcheckError, match="output 1 by input 0"):
        gradcheck(lambda x: (x.exp(), wrong(x)), leaf(stream, 3))


@pytest.mark.parametrize(("rule", "cause", "ratio"), [
    ("g * out * 2", "a factor 2 too much", "ratio 2"),
    ("g * out * 0.5", "a factor 2 is missing", "ratio 0.5"),
    ("-g * out", "the sign is wrong", "ratio -1"),
    ("g * 0", "the gradient is lost", "ratio 0"),
    ("g * out * 1.25", "a constant factor 1.25", "ratio 1.25"),
])
def test_names_a_wrong_factor(stream: np.random.Generator, rule: str, cause: str, ratio: str) -> None:
    with pytest.raises(GradcheckError, match=cause) as caught:
        gradcheck(planted(rule), leaf(stream, 3, 3))
    assert ratio in str(caught.value)


def test_names_the_worst_element(stream: np.random.Generator) -> None:
    x = leaf(stream, 2, 3)
    x.name = "weights"
    wrong = planted(lambda F, g, input, out: g * out * F.where(input == float(x.array[1, 2]), 3.0, 1.0))
    with pytest.raises(GradcheckError, match=r"1 of 36 derivatives of output 0 by input 0 'weights'") as caught:
        gradcheck(wrong, x)
    slope = float(np.exp(x.array[1, 2]))
    assert f"d output0[1, 2] / d input0[1, 2]: analytic {3 * slope:.6g}" in str(caught.value)[:400].replace(f"{3 * slope:.9g}", f"{3 * slope:.6g}")
    assert "ratio 3" in str(caught.value)


def test_names_a_transposed_gradient(stream: np.random.Generator) -> None:
    with pytest.raises(GradcheckError, match="the gradient is transposed"):
        gradcheck(planted(lambda F, g, out: F.transpose(g * out, dim0=0, dim1=1)), leaf(stream, 3, 3))


def test_names_a_missing_broadcast_sum(stream: np.random.Generator) -> None:
    x, y = leaf(stream, 2, 3), leaf(stream, 3)
    assert gradcheck(planted_product(lambda F, g, input: g * input, True), (x, y))
    with pytest.raises(GradcheckError, match="the sum over a broadcast dimension is missing") as caught:
        gradcheck(planted_product(lambda F, g, input: g * input, False), (x, y))
    assert "(2, 3), expected (3,)" in str(caught.value)
    with pytest.raises(GradcheckError, match="the sum over a broadcast dimension is missing: only some of the outputs"):
        gradcheck(planted_product(lambda F, g, input: g * input * np.array([[1.0], [0.0]]), True), (x, y))


def test_names_a_kink() -> None:
    with pytest.raises(GradcheckError, match="a kink"):
        gradcheck(lambda x: x.relu(), Tensor(np.array([0.0, 1.0]), requires_grad=True))


def test_names_a_loss_of_precision_inside(stream: np.random.Generator) -> None:
    with pytest.raises(GradcheckError, match="float32"):
        gradcheck(lambda x: x.float().exp(), leaf(stream, 3))


def test_finds_a_graph_that_was_cut(stream: np.random.Generator) -> None:
    with pytest.raises(GradcheckError, match="the gradient is lost"):
        gradcheck(lambda x: x.detach() * x.detach(), leaf(stream, 3))


def test_wrong_second_derivative(stream: np.random.Generator) -> None:
    wrong = planted(lambda F, g, out: g * (out.detach() if isinstance(out, Tensor) else out))
    x = leaf(stream, 3)
    assert gradcheck(wrong, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(wrong, x)


def test_returns_false_on_request(stream: np.random.Generator) -> None:
    assert gradcheck(planted("g * out * 2"), leaf(stream, 3), raise_exception=False) is False
    assert gradcheck(planted("g * out"), leaf(stream, 3), raise_exception=False) is True


def test_fast_mode_stops_at_the_direction(stream: np.random.Generator) -> None:
    with pytest.raises(GradcheckError, match="random direction"):
        gradcheck(planted("g * out * 2"), leaf(stream, 3), fast_mode=True)


@pytest.mark.parametrize(("make", "words"), [
    (lambda s: leaf(s, 3, dtype="float32"), r"input 0 \(3,\) float32 is not in double precision"),
    (lambda s: Tensor(np.ones(3)), "at least one input tensor to require gradient"),
    (lambda s: leaf(s, 3) * 2, "is the result of an operation"),
])
def test_refuses_what_it_cannot_check(stream: np.random.Generator, make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gradcheck(lambda x: x * x, make(stream))


def test_inputs_and_gradients_are_left_as_they_were(stream: np.random.Generator) -> None:
    x = leaf(stream, 3)
    before = x.array.copy()
    gradcheck(planted("g * out * 2"), x, raise_exception=False)
    np.testing.assert_array_equal(x.array, before)
    assert x.grad is None


def test_a_function_may_hold_its_inputs(stream: np.random.Generator) -> None:
    w = leaf(stream, 3)
    assert gradcheck(lambda _: (w * w).sum(), w)


def test_complex_inputs() -> None:
    z = Tensor(np.array([1.0 + 2.0j, 0.5 - 1.0j]), requires_grad=True)
    assert gradcheck(lambda z: z * z.exp(), z)
    assert gradcheck(lambda z: z.abs(), z)
    assert gradgradcheck(lambda z: z * z.exp(), z)


def test_nondeterminism_is_found(stream: np.random.Generator) -> None:
    numbers = iter(np.linspace(1, 2, 100))
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: x * float(next(numbers)), leaf(stream, 3))
