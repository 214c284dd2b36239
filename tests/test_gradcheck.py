"""``gradcheck`` accepts right gradients and names what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_core import Tensor, autograd, dispatch
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


def test_single_precision_warns_and_is_named(stream: np.random.Generator) -> None:
    x = leaf(stream, 3, dtype="float32")
    with pytest.warns(UserWarning, match=r"input 0 \(3,\) float32 requires gradient and is not a double precision"):
        assert gradcheck(lambda x: x * x, x, eps=1e-2, atol=1e-2)
    with pytest.warns(UserWarning, match="double precision"), pytest.raises(GradcheckError, match=r"the input is float32, too coarse for differences with a step of 1e-06. Use float64"):
        gradcheck(lambda x: (x * x).exp(), x)


@pytest.mark.parametrize(("rule", "words"), [
    (lambda F, g, out: g * out / 6, r"a constant factor 0\.166667: 1 / 6, the number of elements of the input; a mean where there should be a sum"),
    (lambda F, g, out: g * out * 3, r"a constant factor 3: the number of entries of dimension 1 of the input; a sum where there should be a mean"),
])
def test_names_a_mean_for_a_sum(stream: np.random.Generator, rule: Any, words: str) -> None:
    with pytest.raises(GradcheckError, match=words):
        gradcheck(planted(rule), leaf(stream, 2, 3))


def test_names_a_missing_conjugate() -> None:
    @op("planted_square(input: Tensor) -> Tensor", holomorphic=False)
    def declared(xp: Any, input: Any) -> Any:
        return input * input

    del REGISTRY["planted_square"]
    assert isinstance(declared, Op)
    declared.add_rule("input", lambda F, g, input: g * 2 * input)
    z = Tensor(np.array([1.0 + 2.0j, 0.5 - 1.0j]), requires_grad=True)
    with pytest.raises(GradcheckError, match=r"the complex conjugate is missing: .*g \* conj"):
        gradcheck(lambda z: dispatch.apply(declared, (z,), {}), z)


def test_shows_both_sides_of_a_kink() -> None:
    with pytest.raises(GradcheckError, match="its slope is 0 to the left and 1 to the right"):
        gradcheck(lambda x: x.relu(), Tensor(np.array([0.0, 1.0]), requires_grad=True))


def test_says_where_the_path_was_cut(stream: np.random.Generator) -> None:
    weight = leaf(stream, 3)
    with pytest.raises(GradcheckError, match=r"the gradient is lost: .*cut by detach\(\) of the leaf \(3,\)"):
        gradcheck(lambda weight: weight.detach() * 2.0, weight)
    with pytest.raises(GradcheckError, match="returns zeros"):
        gradcheck(planted("g * 0"), leaf(stream, 3))


def test_finds_a_function_that_writes_into_its_input(stream: np.random.Generator) -> None:
    x = leaf(stream, 3)
    before = x.array.copy()

    def careless(x: Tensor) -> Tensor:
        x.data.mul_(0.5)
        return x * 2.0

    with pytest.raises(GradcheckError, match=r"writes into input 0 \(3,\) float64.*x\.clone\(\)"):
        gradcheck(careless, x)
    np.testing.assert_array_equal(x.array, before)


def test_large_inputs_are_sampled(stream: np.random.Generator) -> None:
    x = leaf(stream, 50, 50)
    assert gradcheck(lambda x: x.exp().sum(), x)
    wrong = planted(lambda F, g, input, out: g * out * 2)
    with pytest.raises(GradcheckError, match=r"a seeded random sample: 64 of 2500 elements of the input and 64 of 2500 elements of the output.*a factor 2 too much") as first:
        gradcheck(wrong, x)
    with pytest.raises(GradcheckError) as second:
        gradcheck(wrong, x)
    assert str(first.value) == str(second.value)


def test_one_wrong_element_among_many_is_found_by_its_own_difference(stream: np.random.Generator) -> None:
    x = leaf(stream, 60)
    smallest = float(x.array.min())  # too little to show along a direction that moves all elements
    wrong = planted(lambda F, g, input, out: g * out * F.where(input == smallest, 1.01, 1.0))
    with pytest.raises(GradcheckError, match="1 of 3600 derivatives"):
        gradcheck(wrong, x)


def test_nondeterministic_gradients_are_told_from_values(stream: np.random.Generator) -> None:
    numbers = iter(np.linspace(1, 2, 1000))
    with pytest.raises(GradcheckError, match="two backward passes over the same inputs differ"):
        gradcheck(planted(lambda F, g, out: g * out * float(next(numbers))), leaf(stream, 3))


def test_forward_mode_errors_name_the_tangent_rule(stream: np.random.Generator) -> None:
    class Wrong(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 2 * x

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            (x,) = ctx.saved_tensors
            return t * x

    x = leaf(stream, 3)
    assert gradcheck(Wrong.apply, x)
    with pytest.raises(GradcheckError, match=r"forward mode: 3 of 9 derivatives.*ratio 0\.5.*a factor 2 is missing"):
        gradcheck(Wrong.apply, x, check_forward_ad=True)
    with pytest.raises(GradcheckError, match=r"forward mode: the tangent of output 0.*tangent rule"):
        gradcheck(Wrong.apply, x, check_forward_ad=True, fast_mode=True)
    assert gradcheck(lambda x: x.exp(), x, check_forward_ad=True, check_backward_ad=False, check_batched_forward_grad=True)
    assert gradcheck(lambda x: (x.exp(), x.sum()), x, check_batched_grad=True, check_forward_ad=True, check_batched_forward_grad=True)


def test_second_derivatives_in_both_modes(stream: np.random.Generator) -> None:
    x = leaf(stream, 2, 3)
    assert gradgradcheck(lambda x: x.exp() * x, x, check_fwd_over_rev=True, check_batched_grad=True, gen_non_contig_grad_outputs=True)
    assert gradgradcheck(lambda x: x.exp() * x, x, check_fwd_over_rev=True, check_rev_over_rev=False)
    assert gradgradcheck(lambda x: x.sin(), x, Tensor(np.ones((2, 3)), requires_grad=True))
    wrong = planted(lambda F, g, out: g * (out.detach() if isinstance(out, Tensor) else out))
    with pytest.raises(GradcheckError, match=r"gradgradcheck: the functions checked here are the gradients of the inputs \[0\].*the gradient is lost"):
        gradgradcheck(wrong, x)
    assert gradgradcheck(wrong, x, raise_exception=False) is False


@pytest.mark.parametrize(("check", "keywords", "words"), [
    (gradcheck, {"masked": True}, "tensors here are dense"), (gradgradcheck, {"masked": True}, "tensors here are dense"),
    (gradcheck, {"check_backward_ad": False}, "at least one of check_forward_ad and check_backward_ad"),
    (gradcheck, {"check_batched_forward_grad": True}, "requires check_forward_ad to be True"),
    (gradcheck, {"check_backward_ad": False, "check_forward_ad": True, "check_batched_grad": True}, "requires check_backward_ad to be True"),
    (gradgradcheck, {"check_rev_over_rev": False}, "at least one of check_fwd_over_rev and check_rev_over_rev"),
])
def test_refuses_combinations_in_words(stream: np.random.Generator, check: Any, keywords: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(lambda x: x * x, leaf(stream, 3), **keywords)
    assert gradcheck(lambda x: x * x, leaf(stream, 3), masked=False)


def test_fast_mode_stops_at_the_direction(stream: np.random.Generator) -> None:
    with pytest.raises(GradcheckError, match="random direction"):
        gradcheck(planted("g * out * 2"), leaf(stream, 3), fast_mode=True)


@pytest.mark.parametrize(("make", "words"), [
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
