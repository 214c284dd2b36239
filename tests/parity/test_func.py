"""``func``, ``autograd.functional``, ``autograd.Function`` and hooks beside PyTorch's, on the same functions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import func
from autograd_core.utils.checkpoint import checkpoint

torch = pytest.importorskip("torch")
import torch.func as theirs  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # PyTorch's own forward mode uses what it deprecates

STREAM = np.random.default_rng(7)
X = STREAM.standard_normal((3, 4))
V = STREAM.standard_normal((3, 4))
W = STREAM.standard_normal((4, 4))


def both(array: Any) -> tuple[Any, Any]:
    return ag.tensor(array), torch.tensor(array)


def same(ours: Any, other: Any) -> None:
    if isinstance(other, dict):
        assert list(ours) == list(other)
        for key in other:
            same(ours[key], other[key])
    elif isinstance(other, (tuple, list)):
        assert len(ours) == len(other)
        for a, b in zip(ours, other, strict=True):
            same(a, b)
    else:
        assert tuple(ours.shape) == tuple(other.shape)
        np.testing.assert_allclose(ours.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-11)


def rosenbrock(x: Any) -> Any:
    return (100 * (x[..., 1:] - x[..., :-1] ** 2) ** 2 + (1 - x[..., :-1]) ** 2).sum()


FUNCTIONS: dict[str, Any] = {
    "rosenbrock": lambda lib, x: rosenbrock(x),
    "logsumexp": lambda lib, x: lib.logsumexp(x, (0, 1)),
    "softmax": lambda lib, x: (lib.softmax(x, -1) * x).sum(),
    "norm": lambda lib, x: lib.sqrt((x * x).sum()),
    "determinant-like": lambda lib, x: (lib.tanh(x @ lib.asarray(W)) ** 2).prod(),
    "cumulative": lambda lib, x: lib.cumprod(x, 1).sum() + lib.cumsum(x, 0).square().sum(),
    "indexed": lambda lib, x: (x[[0, 2]][:, 1:] ** 3).sum() * x[1, 1],
    "sorted": lambda lib, x: (lib.sort(x, -1)[0] * lib.asarray(X)).sum(),
    "where": lambda lib, x: lib.where(x > 0, x.exp(), x**2).mean(),
}
TRANSFORMS: dict[str, Any] = {
    "grad": lambda t, f: t.grad(f),
    "hessian": lambda t, f: t.hessian(f),
    "jacrev-of-grad": lambda t, f: t.jacrev(t.grad(f)),
    "jacfwd-of-jacfwd": lambda t, f: t.jacfwd(t.jacfwd(f)),
    "vmap-of-grad": lambda t, f: t.vmap(t.grad(lambda row: f(row[None] * row.new_ones(3, 1)))),
    "grad-of-vmap": lambda t, f: t.grad(lambda x: t.vmap(lambda row: f(row[None] * row.new_ones(3, 1)))(x).sum()),
    "vmap-of-hessian": lambda t, f: t.vmap(t.hessian(lambda row: f(row[None] * row.new_ones(3, 1)))),
    "third": lambda t, f: t.grad(lambda x: (t.grad(lambda y: (t.grad(f)(y) ** 2).sum())(x) ** 2).sum()),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_transforms_compose(name: str, transform: str) -> None:
    if name == "sorted" and transform in ("vmap-of-hessian", "jacfwd-of-jacfwd"):
        name = "cumulative"  # the derivative of sorting is constant
    x, y = both(X)
    apply = TRANSFORMS[transform]
    same(apply(func, lambda v: FUNCTIONS[name](ag, v))(x), apply(theirs, lambda v: FUNCTIONS[name](torch, v))(y))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_jvp_vjp_and_linearize(name: str) -> None:
    x, y = both(X)
    v, w = both(V)

    def ours(x: Any) -> Any:
        return func.grad(lambda z: FUNCTIONS[name](ag, z))(x)

    def other(x: Any) -> Any:
        return theirs.grad(lambda z: FUNCTIONS[name](torch, z))(x)

    expected = theirs.jvp(other, (y,), (w,))
    same(func.jvp(ours, (x,), (v,)), expected)
    same(func.linearize(ours, x)[1](v), expected[1])
    same(func.vjp(ours, x)[1](v), theirs.vjp(other, y)[1](w))
    same(func.hvp(lambda z: FUNCTIONS[name](ag, z), x, v)[1], expected[1])


def test_structures_and_aux() -> None:
    x, y = both(X)

    def loss(lib: Any) -> Any:
        return lambda p, scale: ((p["a"].sin() * p["b"][0]).sum() * scale, {"sum": p["a"].sum()})

    ours = {"a": x, "b": [ag.tensor(V), ag.tensor(W)]}
    other = {"a": y, "b": [torch.tensor(V), torch.tensor(W)]}
    same(func.grad(loss(ag), has_aux=True)(ours, 2.0), theirs.grad(loss(torch), has_aux=True)(other, 2.0))
    same(func.grad_and_value(loss(ag), has_aux=True)(ours, 2.0), theirs.grad_and_value(loss(torch), has_aux=True)(other, 2.0))
    same(func.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(x, x), theirs.grad(lambda a, b: (a * b).sum(), argnums=(0, 1))(y, y))
    same(func.jacrev(lambda p: {"y": p["a"] ** 2, "z": p["b"][0].sum(0)})(ours), theirs.jacrev(lambda p: {"y": p["a"] ** 2, "z": p["b"][0].sum(0)})(other))
    same(func.jacfwd(lambda p: {"y": p["a"] ** 2, "z": p["b"][0].sum(0)})(ours), theirs.jacfwd(lambda p: {"y": p["a"] ** 2, "z": p["b"][0].sum(0)})(other))


def networks() -> list[tuple[Any, Any, Any]]:
    mlp = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.LayerNorm(5), nn.Linear(5, 3)), torch.nn.Sequential(
        torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.LayerNorm(5), torch.nn.Linear(5, 3))
    cnn = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.GELU(), nn.MaxPool2d(2), nn.GroupNorm(2, 4), nn.Conv2d(4, 4, 2, groups=2), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3)), \
        torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3, padding=1), torch.nn.GELU(), torch.nn.MaxPool2d(2), torch.nn.GroupNorm(2, 4), torch.nn.Conv2d(4, 4, 2, groups=2),
                            torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(4, 3))
    return [(*mlp, (5, 6)), (*cnn, (5, 2, 7, 7))]


@pytest.mark.parametrize("k", [0, 1])
def test_gradients_of_each_example_of_a_network(k: int) -> None:
    model, other, shape = networks()[k]
    model.double()
    other.double()
    model.load_state_dict({name: ag.tensor(value.detach().numpy()) for name, value in other.state_dict().items()})
    images = np.random.default_rng(1).standard_normal(shape)
    labels = np.array([0, 2, 1, 1, 0])
    ours = {name: p.detach() for name, p in model.named_parameters()}
    parameters = {name: p.detach() for name, p in other.named_parameters()}

    def loss(p: Any, x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(func.functional_call(model, p, (x[None],)), y[None])

    def their_loss(p: Any, x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(theirs.functional_call(other, p, (x[None],)), y[None])

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no op of these falls back to the loop
        found = func.vmap(func.grad(loss), in_dims=(None, 0, 0))(ours, ag.tensor(images), ag.tensor(labels))
    same(found, theirs.vmap(theirs.grad(their_loss), in_dims=(None, 0, 0))(parameters, torch.tensor(images), torch.tensor(labels)))
    assert all(a is b for a, b in zip(model.parameters(), dict(model.named_parameters()).values(), strict=True))


def test_ensembles() -> None:
    models = [nn.Linear(3, 2) for _ in range(4)]
    parameters, buffers = func.stack_module_state(models)
    x = ag.randn(5, 3)
    found = func.vmap(lambda p, b: func.functional_call(models[0], (p, b), (x,)))(parameters, buffers) if buffers else func.vmap(lambda p: func.functional_call(models[0], p, (x,)))(parameters)
    for k, model in enumerate(models):
        np.testing.assert_allclose(found[k].detach().numpy(), model(x).detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(), (2,)])
def test_vmap_dims(size: tuple[int, ...]) -> None:
    x, y = both(STREAM.standard_normal((3, 4, 3)))
    same(func.vmap(lambda a, b: (a @ b, a.sum()), in_dims=(2, 0), out_dims=(1, 0))(x, x), theirs.vmap(lambda a, b: (a @ b, a.sum()), in_dims=(2, 0), out_dims=(1, 0))(y, y))
    same(func.vmap(lambda p: p["u"] * p["w"][0], in_dims=({"u": 0, "w": [None]},))({"u": x, "w": [x[0]]}),
         theirs.vmap(lambda p: p["u"] * p["w"][0], in_dims=({"u": 0, "w": [None]},))({"u": y, "w": [y[0]]}))
    same(func.vmap(lambda a: a.cumsum(0), chunk_size=2)(x), theirs.vmap(lambda a: a.cumsum(0), chunk_size=2)(y))
    same(func.vmap(func.vmap(lambda a, b: a * b, in_dims=(0, None)), in_dims=(None, 0))(x[0], x[1]),
         theirs.vmap(theirs.vmap(lambda a, b: a * b, in_dims=(0, None)), in_dims=(None, 0))(y[0], y[1]))


def test_functional() -> None:
    x, y = both(X)
    v, w = both(V)
    ours, other = ag.autograd.functional, torch.autograd.functional
    f = lambda z: (z**3).sum(0) * z[0].exp()  # noqa: E731
    g = lambda a, b: (a**2 * b).sum()  # noqa: E731
    same(ours.jacobian(f, x), other.jacobian(f, y))
    same(ours.jacobian(f, x, strategy="forward-mode"), other.jacobian(f, y))
    same(ours.jacobian(lambda a, b: (a * b, a.sum()), (x, v)), other.jacobian(lambda a, b: (a * b, a.sum()), (y, w)))
    same(ours.hessian(g, (x, v)), other.hessian(g, (y, w)))
    same(ours.hessian(lambda z: z.sin().sum(), x, outer_jacobian_strategy="forward-mode"), other.hessian(lambda z: z.sin().sum(), y))
    same(ours.vjp(f, x, v[0]), other.vjp(f, y, w[0]))
    same(ours.jvp(f, x, v), other.jvp(f, y, w))
    same(ours.hvp(g, (x, v), (v, x)), other.hvp(g, (y, w), (w, y)))
    same(ours.vhp(g, (x, v), (v, x)), other.vhp(g, (y, w), (w, y)))
    with pytest.raises(RuntimeError, match="independent of input"):
        ours.jacobian(lambda a, b: a * 2, (x, v), strict=True)


def test_create_graph_of_functional() -> None:
    x, y = ag.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    (ag.autograd.functional.jacobian(lambda z: z.sin().sum(0), x, create_graph=True) ** 2).sum().backward()
    (torch.autograd.functional.jacobian(lambda z: z.sin().sum(0), y, create_graph=True) ** 2).sum().backward()
    same(x.grad, y.grad)


def gated(lib: Any) -> Any:
    class Gated(lib.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any, power: int) -> Any:
            out = x.exp() * y
            where = x > 0
            ctx.save_for_backward(x, y, out)
            ctx.power = power
            ctx.mark_non_differentiable(where)
            return out, where, x + y**power

        @staticmethod
        def backward(ctx: Any, g: Any, _: Any, h: Any) -> Any:
            x, y, out = ctx.saved_tensors
            return g * out + h, g * x.exp() + h * ctx.power * y ** (ctx.power - 1), None

    return Gated


def test_functions_with_several_outputs() -> None:
    results = []
    for lib in (ag, torch):
        x, y = lib.tensor(X, requires_grad=True), lib.tensor(V, requires_grad=True)
        op = gated(lib)
        out, where, total = op.apply(x, y, 3)
        assert not where.requires_grad
        (g,) = lib.autograd.grad((out * total).sum(), x, create_graph=True)
        results.append((out, total, g, *lib.autograd.grad((g**2).sum(), (x, y))))
        out, _, _ = op.apply(x, y, 2)
        out.sum().backward()
        results[-1] += (x.grad, y.grad)
    same(results[0], results[1])


def test_dirty_outputs_and_undefined_gradients() -> None:
    results = []
    for lib in (ag, torch):

        class Add(lib.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                x.add_(1)
                ctx.mark_dirty(x)
                return x

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * 10

        class Two(lib.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.set_materialize_grads(False)
                return x * 1, x * 2

            @staticmethod
            def backward(ctx: Any, g: Any, h: Any) -> Any:
                assert h is None
                return g

        x = lib.tensor(X, requires_grad=True)
        y = x * 2
        z = Add.apply(y)
        assert z is y
        (y * y).sum().backward()
        first = x.grad
        x.grad = None
        Two.apply(x)[0].sum().backward()
        results.append((first, x.grad))
    same(results[0], results[1])


def test_full_backward_hooks() -> None:
    seen: list[list[Any]] = []
    weight, bias = STREAM.standard_normal((2, 4)), STREAM.standard_normal(2)
    for lib, layers in ((ag, nn), (torch, torch.nn)):
        layer = layers.Linear(4, 2).double()
        layer.load_state_dict({"weight": lib.tensor(weight), "bias": lib.tensor(bias)})
        log: list[Any] = []
        layer.register_full_backward_pre_hook(lambda module, g: (g[0] * 2,))
        layer.register_full_backward_hook(lambda module, gi, go, log=log: (log.extend([gi[0].clone(), go[0].clone()]), (gi[0] * 3,))[1])
        x = lib.tensor(X, requires_grad=True)
        layer(x).sin().sum().backward()
        seen.append([*log, x.grad, layer.weight.grad])
    same(seen[0], seen[1])


def test_checkpoint_with_dropout() -> None:
    layer = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Tanh())
    x = ag.randn(3, 4, requires_grad=True)
    ag.manual_seed(1)
    layer(x).sum().backward()
    expected = [x.grad.numpy(), *[p.grad.numpy() for p in layer.parameters()]]
    x.grad = None
    layer.zero_grad()
    ag.manual_seed(1)
    y = checkpoint(layer, x).sum()
    ag.rand(3)
    y.backward()
    for a, b in zip([x.grad.numpy(), *[p.grad.numpy() for p in layer.parameters()]], expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_saved_tensors_hooks_see_what_is_saved() -> None:
    counts = []
    for lib in (ag, torch):
        packed: list[Any] = []
        x = lib.tensor(X, requires_grad=True)
        with lib.autograd.graph.saved_tensors_hooks(lambda t, packed=packed: packed.append(t) or (len(packed) - 1), lambda i, packed=packed: packed[i] * 2):
            y = (x.exp() * 1.0).sum()
        y.backward()
        counts.append((x.grad,))
    same(counts[0], counts[1])
