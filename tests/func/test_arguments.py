"""What the transforms take and return: structures with nothing in some places, containers, batches of cotangents, strictness."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import func
from autograd_core.autograd import functional


def points(*values: float) -> Any:
    return ag.tensor(list(values), dtype=ag.float64)


def test_nothing_stays_where_it_is() -> None:
    layer = {"weight": points(1, 2), "bias": None}
    assert func.grad(lambda p: (p["weight"] ** 2).sum())(layer)["bias"] is None
    second = func.hessian(lambda p: (p["weight"] ** 3).sum())(layer)
    assert second["weight"]["weight"].tolist() == [[6, 0], [0, 12]]
    assert [second["bias"], second["weight"]["bias"]] == [None, None]
    for jacobian in (func.jacrev, func.jacfwd):
        assert jacobian(lambda p: (p["weight"] ** 2, None))(layer)[0]["weight"].tolist() == [[2, 0], [0, 4]]
    output, tangent = func.jvp(lambda p: {"y": p["weight"] ** 2, "n": p["bias"]}, (layer,), ({"weight": points(1, 1), "bias": None},))
    assert tangent["y"].tolist() == [2, 4]
    assert [tangent["n"], output["n"]] == [None, None]
    output, pull_back = func.vjp(lambda w, b: (w * 2, b), layer["weight"], None)
    assert [None if g is None else g.tolist() for g in pull_back((points(1, 1), None))] == [[2, 2], None]
    assert func.vmap(lambda p, mask: p["weight"] if mask is None else p["bias"])(layer, None).tolist() == [1, 2]
    assert func.vmap(lambda x: (x, None), out_dims=(0, None))(points(1, 2))[1] is None
    with pytest.raises(RuntimeError, match="vjp: expected the output of func to have at least one Tensor in it, got None"):
        func.vjp(lambda x: None, points(1))


def test_containers_come_back_as_they_are() -> None:
    pair = namedtuple("pair", "w b")
    made = [deque([points(1)]), OrderedDict(b=points(1)), pair(points(1), points(2)), defaultdict(list, a=points(1))]
    for value in made:
        g = func.grad(lambda v: sum(x.sum() * 3 for x in (v.values() if isinstance(v, dict) else v)))(value)
        assert type(g) is type(value)
        assert [x.tolist() for x in (g.values() if isinstance(g, dict) else g)] == [[3.0]] * len(value)
    assert g["new"] == []


def test_named_arguments_are_the_same_for_all_examples() -> None:
    assert func.vmap(lambda x, w=None: (x * w).sum())(points(1, 2), w=points(1, 2, 3)).tolist() == [6, 12]
    assert func.vmap(lambda x: x * 2, out_dims=(0,))(points(1, 2)).tolist() == [2, 4]
    with pytest.raises(ValueError, match="out_dims is not compatible with the structure of the result"):
        func.vmap(lambda x: (x, x), out_dims=(0, 0, 0))(points(1))


def test_a_batch_of_cotangents() -> None:
    x, unused = points(1, 2, 3).requires_grad_(), points(1).requires_grad_()
    y = x**3
    g, nothing = ag.autograd.grad((y, y.sum()), (x, unused), (ag.eye(3, dtype=ag.float64), points(1, 1, 1)), create_graph=True, allow_unused=True, is_grads_batched=True)
    assert g.tolist() == [[6, 12, 27], [3, 24, 27], [3, 12, 54]]
    assert nothing is None
    assert ag.autograd.grad(g.sum(), x)[0].tolist() == [24, 48, 72]
    with pytest.raises(RuntimeError, match=r"grad_outputs\[0\] must have the shape \(batch, \*\(3,\)\)"):
        ag.autograd.grad(x**2, x, ag.eye(2, dtype=ag.float64), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="at least one of grad_outputs must be a Tensor"):
        ag.autograd.grad(x.sum(), x, is_grads_batched=True)


@pytest.mark.parametrize(("call", "kind", "words"), [
    (lambda x: ag.autograd.grad([], x), RuntimeError, "grad: outputs cannot be empty"),
    (lambda x: ag.autograd.grad(x.sum(), []), RuntimeError, "grad: inputs cannot be empty"),
    (lambda x: ag.autograd.grad(x.sum(), {"a": x}), TypeError, "grad: expected inputs to be a Tensor or a sequence of Tensors, got str at position 0"),
    (lambda x: ag.autograd.grad(x.sum(), x, allow_unused=False, materialize_grads=True), ValueError, "expected allow_unused to be True or not passed"),
    (lambda x: func.grad(ag.sum, argnums=())(x), RuntimeError, "grad: argnums must be non-empty"),
    (lambda x: func.hessian(ag.sum, argnums=3)(x), RuntimeError, "hessian: got argnums=3, but only 1 positional"),
    (lambda x: func.hessian(ag.sum)(x.long()), RuntimeError, "hessian: argument 0 has a tensor of dtype int64"),
    (lambda x: func.jvp(lambda x: (x, ag.ones(2)), (x,), (x,), strict=True), RuntimeError, r"jvp: output 1 of func, \(2,\) float32, is independent of the primals"),
    (lambda x: functional.hessian(ag.sum, x, strict=True), RuntimeError, "hessian: the jacobian .* with respect to input 0 is independent of input 0"),
    (lambda x: functional.hessian(lambda x, y: (x**2 + y**2).sum(), (x, x), strict=True), RuntimeError, "with respect to input 0 is independent of input 1"),
    (lambda x: functional.hvp(ag.sum, x, x, strict=True), RuntimeError, "hvp: the jacobian .* is independent of the inputs"),
    (lambda x: functional.jacobian(lambda x: x * 2, x, create_graph=True, strict=True), RuntimeError, "jacobian: the jacobian .* is independent of the inputs"),
    (lambda x: functional.hessian(ag.sum, x, outer_jacobian_strategy="both"), ValueError, "hessian: expected outer_jacobian_strategy to be"),
])
def test_errors_name_the_argument(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call(points(1, 2).requires_grad_())


def test_what_strictness_allows() -> None:
    x = points(1, 2)
    assert func.jvp(lambda x: x * 2, (x,), (x,), strict=True)[1].tolist() == [2, 4]
    assert functional.hessian(lambda x, y: (x * y).sum() ** 2, (x, x), strict=True)[0][0].shape == (2, 2)
    assert functional.jacobian(lambda x: [x**2, x**3], x, create_graph=True, strict=True)[1].tolist() == [[3, 0], [0, 12]]


def test_functions_take_names_and_hand_through_what_is_no_tensor() -> None:
    class Power(ag.autograd.Function):
        @staticmethod
        def forward(x: Any, exponent: int = 2) -> Any:
            return x**exponent, x.shape[0]

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(inputs[0])
            ctx.exponent = inputs[1]

        @staticmethod
        def vjp(ctx: Any, g: Any, count: Any) -> Any:
            assert count is None
            return g * ctx.exponent * ctx.saved_tensors[0] ** (ctx.exponent - 1), None

    class Exponential(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y, None, "exp"

        @staticmethod
        def backward(ctx: Any, g: Any, nothing: Any, name: Any) -> Any:
            return g * ctx.saved_tensors[0]

    x = points(1, 2).requires_grad_()
    assert Power.apply(x)[1] == 2
    assert ag.autograd.grad(Power.apply(x)[0].sum(), x)[0].tolist() == [2, 4]
    assert ag.autograd.grad(Power.apply(x, exponent=3)[0].sum(), x)[0].tolist() == [3, 12]
    (second,) = ag.autograd.grad(ag.autograd.grad(Exponential.apply(x)[0].sum(), x, create_graph=True)[0].sum(), x)
    assert ag.allclose(second, x.exp())


def test_a_function_gets_zeros_for_outputs_that_nothing_depends_on() -> None:
    seen: list[Any] = []

    class Sorted(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            values, order = x.sort()
            ctx.mark_non_differentiable(order)
            ctx.save_for_backward(order)
            return values, order, x * 2

        @staticmethod
        def backward(ctx: Any, g: Any, of_order: Any, of_double: Any) -> Any:
            seen.extend([of_order, of_double])
            return ag.zeros_like(g).index_add(0, ctx.saved_tensors[0], g)

    x = points(3, 1).requires_grad_()
    (Sorted.apply(x)[0] * points(10, 20)).sum().backward()
    assert x.grad.tolist() == [20, 10]
    assert [g.tolist() for g in seen] == [[0, 0], [0, 0]]


def test_who_retains_a_gradient() -> None:
    x = points(1).requires_grad_()
    y = x * 2
    assert not y.retains_grad
    y.retain_grad()
    assert (y.retains_grad, x.retains_grad) == (True, False)


def test_forward_hooks_that_are_always_called() -> None:
    layer, seen = nn.Linear(2, 1), []
    layer.register_forward_hook(lambda module, args, output: seen.append(output is None), always_call=True)
    with pytest.raises(RuntimeError):
        layer(ag.ones(1, 3))
    layer(ag.ones(1, 2))
    assert seen == [True, False]


def test_examples_of_a_network_with_batch_norm() -> None:
    model = func.replace_all_batch_norm_modules_(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    batches = ag.randn(4, 5, 2)
    assert ag.allclose(func.vmap(model)(batches), ag.stack([model(batch) for batch in batches]), atol=1e-5)


def test_an_example_may_be_a_position() -> None:
    rows, labels = ag.arange(12.0).reshape(2, 3, 2), ag.tensor([0, -1])
    assert func.vmap(lambda x, i: x[i])(rows, labels).tolist() == [[0, 1], [10, 11]]
    assert func.vmap(lambda x, i: x[1:, i])(rows, labels).tolist() == [[2, 4], [9, 11]]
    assert func.vmap(lambda table, i: table[i], in_dims=(None, 0))(rows[0], labels).tolist() == [[0, 1], [4, 5]]
    scores, picked = ag.randn(2, 3), ag.tensor([2, 0])
    each = func.vmap(func.grad(lambda s, y: -ag.log_softmax(s, 0)[y]))(scores, picked)
    assert ag.allclose(each, ag.softmax(scores, 1) - nn.functional.one_hot(picked, 3), atol=1e-6)


def test_modules_arrays_and_warnings_in_the_callers_words() -> None:
    with pytest.raises(TypeError, match=r"there is a Linear in it: pass dict.*functional_call"):
        func.grad(lambda model, x: model(x).sum())(nn.Linear(2, 1), ag.ones(2))
    assert func.vmap(lambda x, scale: x * scale, in_dims=(0, None))(np.array([1.0, 2.0]), 3.0).tolist() == [3, 6]

    class Twice(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

    with pytest.warns(UserWarning, match="no batching rule for Twice.*staticmethod vmap") as caught:
        func.vmap(Twice.apply)(ag.ones(2, 3))
    assert caught[0].filename == __file__
