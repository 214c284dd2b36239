"""Derivatives as functions of functions against closed forms, and the errors that name what was wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import autograd_core as ag
import nn
from autograd_core import extend, func
from autograd_core.autograd import Function, gradcheck, gradgradcheck
from autograd_core.autograd.function import once_differentiable
from autograd_core.autograd.graph import saved_tensors_hooks
from autograd_core.utils.checkpoint import checkpoint, checkpoint_sequential

STREAM = np.random.default_rng(11)


def points(*shape: int, grad: bool = False) -> Any:
    return ag.tensor(STREAM.uniform(0.5, 1.5, shape), requires_grad=grad)


def test_rosenbrock() -> None:
    def f(x: Any) -> Any:
        return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    x = ag.tensor([-1.2, 1.0], dtype=ag.float64)
    a, b = x.tolist()
    assert func.grad(f)(x).tolist() == pytest.approx([-400 * a * (b - a * a) - 2 * (1 - a), 200 * (b - a * a)])
    expected = np.array([[1200 * a * a - 400 * b + 2, -400 * a], [-400 * a, 200]])
    np.testing.assert_allclose(func.hessian(f)(x).numpy(), expected)
    v = ag.tensor([0.3, -0.7], dtype=ag.float64)
    np.testing.assert_allclose(func.hvp(f, x, v)[1].numpy(), expected @ v.numpy())


def test_log_sum_exp() -> None:
    x = points(5)
    p = scipy.special.softmax(x.numpy())
    np.testing.assert_allclose(func.jacrev(func.grad(lambda x: ag.logsumexp(x, 0)))(x).numpy(), np.diag(p) - np.outer(p, p), atol=1e-14)


def test_pinn() -> None:
    """u = sin(x) exp(-t) solves u_t = u_xx; its residual by nested derivatives is zero."""
    def u(x: Any, t: Any) -> Any:
        return ag.sin(x) * ag.exp(-t)

    residual = func.vmap(lambda x, t: func.grad(u, 1)(x, t) - func.grad(func.grad(u))(x, t))(points(7), points(7))
    np.testing.assert_allclose(residual.numpy(), 0, atol=1e-15)


def test_gradient_penalty_reaches_parameters() -> None:
    layer = nn.Linear(3, 1).double()
    x = points(4, 3)
    penalty = ((func.vmap(func.grad(lambda row: layer(row).sum()))(x).norm(dim=1) - 1) ** 2).mean()
    penalty.backward()
    w = layer.weight.detach().numpy()[0]
    n = np.sqrt((w * w).sum())
    np.testing.assert_allclose(layer.weight.grad.numpy()[0], 2 * (n - 1) * w / n)


def test_implicit_differentiation_through_a_solve() -> None:
    a, b = points(3, 3), points(3)
    a = a + 3 * ag.eye(3, dtype=ag.float64)
    v = points(3, 3)
    x, dx = func.jvp(lambda a: ag.linalg.solve(a, b), (a,), (v,))
    np.testing.assert_allclose(dx.numpy(), -np.linalg.solve(a.numpy(), v.numpy() @ x.numpy()))


def test_perturbations_are_not_confused() -> None:
    assert func.grad(lambda x: x * func.grad(lambda y: x + y)(ag.tensor(1.0)))(ag.tensor(1.0)).item() == 1.0
    assert func.jvp(lambda x: x * func.jvp(lambda y: x * y, (ag.tensor(1.0),), (ag.tensor(1.0),))[1], (ag.tensor(3.0),), (ag.tensor(1.0),))[1].item() == 6.0


def test_gauss_newton_of_a_linear_model_is_the_hessian() -> None:
    data, w, v = points(6, 3), points(3), points(3)
    product = func.gauss_newton_vp(lambda w: data @ w, lambda y: (y**2).sum(), w, v)
    np.testing.assert_allclose(product.numpy(), 2 * data.numpy().T @ data.numpy() @ v.numpy())


def test_results_are_detached_unless_something_outside_asks() -> None:
    x = points(3)
    value, gradient = func.value_and_grad(lambda x: (x**2).sum())(x)
    assert not value.requires_grad
    assert not gradient.requires_grad
    outside = points(3, grad=True)
    assert func.grad(lambda x: (x**2 * outside).sum())(x).requires_grad
    with ag.no_grad():
        np.testing.assert_allclose(func.grad(lambda x: (x**2).sum())(outside).numpy(), 2 * outside.detach().numpy())


@pytest.mark.parametrize(("call", "words"), [
    (lambda x: func.grad(lambda x: x * 2)(x), "grad: expected func to return a scalar tensor"),
    (lambda x: func.grad(lambda x: 3.0)(x), "grad: expected func to return a Tensor, got float"),
    (lambda x: func.grad(lambda x: x.sum(), argnums=2)(x), "argnums=2, but only 1 positional"),
    (lambda x: func.grad(lambda x: x.sum())(x.long()), "argument 0 has a tensor of dtype int64"),
    (lambda x: func.grad(lambda x: x.sum(), has_aux=True)(x), "should be a tuple"),
    (lambda x: func.jvp(lambda x: x, (x,), (x[:1],)), "tangent 0 .* must have the shape of its primal"),
    (lambda x: func.vjp(lambda x: x, x)[1](x[:1]), "cotangent 0 has the shape"),
    (lambda x: func.vmap(lambda x: x.item())(x), "cannot be read as numbers"),
    (lambda x: func.vmap(lambda x: x if x > 0 else -x)(x), "cannot be read as numbers"),
    (lambda x: func.vmap(lambda x: x + ag.rand(()))(x), "randomness error mode"),
    (lambda x: func.vmap(lambda y: ag.zeros(3, dtype=ag.float64).add_(y))(x), "cannot write a tensor that differs"),
    (lambda x: func.vmap(lambda x: ag.nonzero(x))(x), "shape depends on values"),
    (lambda x: func.vmap(lambda x: x.sum().backward())(x.requires_grad_()), "backward\\(\\) cannot be called inside vmap"),
])
def test_errors_of_arguments(call: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call(points(3))


@pytest.mark.parametrize(("call", "words"), [
    (lambda x: func.vmap(lambda x, y: x, in_dims=(0,))(x, x), "in_dims has 1 entries, but there are 2"),
    (lambda x: func.vmap(lambda x: x, in_dims=1)(x), "got in_dim=1 for an input with 1 dimensions"),
    (lambda x: func.vmap(lambda x, y: x)(x, points(2)), "same size in the mapped dimension"),
    (lambda x: func.vmap(lambda x: x, in_dims=None)(x), "expected in_dims to be"),
    (lambda x: func.vmap(lambda x: 1)(x), "must only return Tensors"),
    (lambda x: func.vmap(lambda x: x, out_dims=None)(x), "differs between examples"),
])
def test_errors_of_dims(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(points(3))


def test_randomness() -> None:
    x = ag.zeros(64)
    same = func.vmap(lambda x: x + ag.rand(()), randomness="same")(x)
    assert len(set(same.tolist())) == 1
    different = func.vmap(lambda x: x + ag.rand(()), randomness="different")(x)
    assert len(set(different.tolist())) > 32
    kept = func.vmap(lambda x: nn.functional.dropout(x + 1, 0.5), randomness="different")(ag.zeros(64, 8))
    assert set(np.unique(kept.numpy())) == {0.0, 2.0}
    assert not bool((kept == kept[0]).all())


def test_writes_inside_vmap() -> None:
    def f(x: Any) -> Any:
        y = x * 1
        y[0] = y[1] * 2
        y[1:].mul_(3)
        return y

    x = points(4, 3)
    expected = np.stack([f(row).numpy() for row in x])
    np.testing.assert_allclose(func.vmap(f)(x).numpy(), expected)
    np.testing.assert_allclose(func.vmap(func.jacrev(f))(x).numpy(), np.broadcast_to([[0, 2, 0], [0, 3, 0], [0, 0, 3]], (4, 3, 3)))


def test_declared_op_has_everything() -> None:
    @extend.define(lambda F, g, x, out: g * (2 * x * out - 2 / np.sqrt(np.pi)), elementwise=True)
    def erfcx(xp: Any, x: Any) -> Any:
        return scipy.special.erfcx(x)

    x = points(3, grad=True)
    assert gradcheck(erfcx, (x,))
    assert gradgradcheck(erfcx, (x,))
    plain = x.detach()
    np.testing.assert_allclose(func.vmap(func.grad(erfcx))(plain).numpy(), func.elementwise_grad(erfcx)(plain).numpy())
    np.testing.assert_allclose(func.jvp(erfcx, (plain,), (plain,))[1].numpy(), func.elementwise_grad(erfcx)(plain).numpy() * plain.numpy())
    np.testing.assert_allclose(erfcx(np.ones(2)), scipy.special.erfcx(np.ones(2)))
    assert erfcx(x).grad_fn.op.name == "erfcx"


def test_primitive_of_hips() -> None:
    @extend.primitive
    def scaled(x: Any, y: Any, factor: float = 1.0) -> Any:
        return factor * x * y

    extend.defvjp(scaled, lambda ans, x, y, factor=1.0: lambda g: factor * g * y, lambda ans, x, y, factor=1.0: lambda g: factor * g * x)
    x, y = points(3, grad=True), points(3, grad=True)
    assert gradcheck(lambda x, y: scaled(x, y, factor=3.0), (x, y))
    assert gradgradcheck(lambda x, y: scaled(x, y, factor=3.0), (x, y))


def test_once_differentiable_and_wrong_backwards() -> None:
    class Once(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * g * ctx.saved_tensors[0]

    x = points(2, grad=True)
    (g,) = ag.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), 2 * x.detach().numpy())
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()

    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g

    with pytest.raises(RuntimeError, match="incorrect number of gradients \\(expected 1, got 2\\)"):
        Wrong.apply(x).sum().backward()


def test_saved_tensors_are_watched() -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2 * g * ctx.saved_tensors[0]

    x = points(2, grad=True) * 1
    y = Square.apply(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_checkpoint_computes_again_and_compares() -> None:
    runs = []

    def f(x: Any) -> Any:
        runs.append(1)
        return ag.tanh(x * x).sum() if len(runs) < 3 else ag.exp(x).sum()

    x = points(3, grad=True)
    y = checkpoint(f, x)
    (g,) = ag.autograd.grad(y, x, create_graph=True)
    assert len(runs) == 2
    v = x.detach().numpy()
    np.testing.assert_allclose(g.detach().numpy(), 2 * v * (1 - np.tanh(v * v) ** 2))
    runs.append(1)
    with pytest.raises(RuntimeError, match="did something else when it was run again"):
        y.backward()
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    assert gradcheck(lambda x: checkpoint_sequential(model, 2, x), (points(2, 3, grad=True),))


def test_saved_tensors_can_be_kept_elsewhere() -> None:
    kept: list[Any] = []
    x = points(3, grad=True)
    with saved_tensors_hooks(lambda t: kept.append(t.numpy().copy()) or len(kept) - 1, lambda i: ag.from_numpy(kept[i])):
        y = (x.exp() * x).sum()
    assert kept
    y.backward()
    v = x.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(v) * (1 + v))


def test_gradcheck_of_forward_mode_and_batches() -> None:
    x, w = points(2, 3, grad=True), points(3, 2, grad=True)
    assert gradcheck(lambda x, w: (ag.softmax(x @ w, -1), x.prod()), (x, w), check_forward_ad=True, check_batched_grad=True)

    class Lying(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

        @staticmethod
        def jvp(ctx: Any, t: Any) -> Any:
            return t * 3

    assert gradcheck(Lying.apply, (x,))
    with pytest.raises(RuntimeError, match=r"forward mode: .* of output 0 by input 0.*a constant factor 1\.5"):
        gradcheck(Lying.apply, (x,), check_forward_ad=True, check_backward_ad=False)


class Transformer(nn.Module):
    """Embedding, causal self-attention, layer normalisation, feed-forward and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 8, padding_idx=0)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.inner = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 7))

    def forward(self, tokens: Any) -> Any:
        x = self.embedding(tokens)
        mask = ag.ones(x.shape[1], x.shape[1], dtype=ag.bool_).triu(1)
        x = self.norm(x + self.attention(x, x, x, attn_mask=mask, need_weights=False)[0])
        return self.inner(x)


@pytest.mark.filterwarnings("error")
def test_gradients_of_each_example_of_a_transformer_without_a_loop() -> None:
    model = Transformer().double()
    tokens = ag.tensor(STREAM.integers(0, 7, (3, 5)))
    parameters = {name: p.detach() for name, p in model.named_parameters()}

    def loss(p: Any, row: Any) -> Any:
        scores = func.functional_call(model, p, (row[None, :-1],))
        return nn.functional.cross_entropy(scores.transpose(1, 2), row[None, 1:])

    found = func.vmap(func.grad(loss), in_dims=(None, 0))(parameters, tokens)
    for k in range(3):
        alone = func.grad(loss)(parameters, tokens[k])
        for name, g in alone.items():
            np.testing.assert_allclose(found[name][k].numpy(), g.numpy(), rtol=1e-9, atol=1e-12)


class Cube(ag.autograd.Function):
    """Saves its input and its output."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x**3
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, y = ctx.saved_tensors
        return g * 3 * y / x


def test_what_a_function_saves_goes_through_the_hooks() -> None:
    packed: list[Any] = []
    unpacked: list[Any] = []

    def pack(t: Any) -> Any:
        packed.append(t.tolist())
        return t.numpy().astype("float16")

    def unpack(array: Any) -> Any:
        unpacked.append(array.tolist())
        return ag.from_numpy(array).double()

    x = ag.tensor([2.0, 4.0], dtype=ag.float64, requires_grad=True)
    with ag.autograd.graph.saved_tensors_hooks(pack, unpack):
        y = Cube.apply(x)
    assert packed == [[2.0, 4.0], [8.0, 64.0]]
    (first,) = ag.autograd.grad(y.sum(), x, create_graph=True)
    assert unpacked == packed
    assert first.tolist() == [12.0, 48.0]
    (second,) = ag.autograd.grad(first.sum(), x)
    assert second.tolist() == [12.0, 24.0]
    with pytest.raises(TypeError, match="unpack_hook must return a Tensor"), ag.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: 1):
        Cube.apply(x).sum().backward()


def test_products_take_a_dict_as_the_only_argument() -> None:
    p = {"a": ag.tensor([1.0, 2.0]), "b": [ag.tensor([3.0])]}
    gradient, product = func.hvp(lambda p: (p["a"] ** 2).sum() * p["b"][0].sum(), p, p)
    assert gradient["a"].tolist() == [6.0, 12.0]
    assert product["b"][0].tolist() == [10.0]
    assert func.gauss_newton_vp(lambda p: p["a"] * 3.0, lambda y: (y**2).sum(), p, p)["a"].tolist() == [18.0, 36.0]


@pytest.mark.parametrize(("call", "kind", "words"), [
    (lambda x: func.hvp(ag.sin, x, x), RuntimeError, "hvp: expected func to return a scalar tensor"),
    (lambda x: func.hvp(lambda x: x.sum(), x, ag.ones(1)), RuntimeError, r"hvp: tangent 0 \(1,\) float32 must have the shape of its primal \(2,\)"),
    (lambda x: func.jacrev(lambda x: "a")(x), TypeError, "jacrev: expected the output of func to be a Tensor"),
    (lambda x: func.jacfwd(lambda x: "a")(x), TypeError, "jacfwd: expected the output of func to be a Tensor"),
    (lambda x: func.grad(lambda x: x.sum(), argnums="x")(x), TypeError, "grad: expected argnums to be an int or a tuple of ints, got 'x'"),
    (lambda x: func.gauss_newton_vp(ag.sin, lambda y: y, x, x), RuntimeError, "gauss_newton_vp: expected func to return a scalar"),
    (lambda x: func.functional_call(nn.Linear(2, 1), {"weight": 3}, (x,)), TypeError, "functional_call: expected a Tensor for 'weight', got int"),
    (lambda x: ag.autograd.functional.jacobian(lambda x: 3.0, x), TypeError, "jacobian: the outputs of the function must be either a Tensor or a tuple of Tensors, got float"),
])
def test_errors_speak_of_the_function_that_was_called(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call(ag.tensor([1.0, 2.0]))


def test_a_formula_that_calls_what_is_no_op_is_refused_where_it_is_declared() -> None:
    with pytest.raises(TypeError, match=r"define: the gradient of 'x' calls 'nope', and no op is called that"):
        extend.define("g * nope(x)", elementwise=True)(lambda xp, x: x)
    with pytest.raises(TypeError, match="nothing is called 'y' here"):
        extend.define("g * y", elementwise=True)(lambda xp, x: x)


def test_a_declared_op_is_replayed_and_a_function_refused_in_words() -> None:
    @extend.define("g * (2 * x * out - 1.1283791670955126)", elementwise=True)
    def erfcx(xp: Any, x: Any) -> Any:
        return scipy.special.erfcx(x)

    w = ag.tensor([0.5, 1.0], dtype=ag.float64, requires_grad=True)

    def step(operation: Any, x: Any) -> Any:
        y = operation(w * x).sum()
        y.backward()
        g, w.grad = w.grad, None
        return y, g

    x = ag.tensor([1.0, 2.0], dtype=ag.float64)
    plan = ag.compile(lambda x: step(erfcx, x))
    for _ in range(4):
        np.testing.assert_array_equal(plan(x)[1].numpy(), step(erfcx, x)[1].numpy())
    with pytest.raises(RuntimeError, match=r"Cube.backward is Python code.*extend\.define"):
        ag.compile(lambda x: step(Cube.apply, x))(x)
