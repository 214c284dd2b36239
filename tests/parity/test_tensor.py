"""``Tensor`` against PyTorch's: constructors, attributes, conversions, copies, kinds of errors."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag

torch = pytest.importorskip("torch")

Use = Callable[[Any], Any]


def plain(value: Any) -> Any:
    """A result in plain Python, for comparing."""
    if isinstance(value, (ag.Tensor, torch.Tensor)):
        data = value.detach()
        return (tuple(data.shape), str(data.dtype).rpartition(".")[2], data.tolist(), value.requires_grad, value.is_leaf)
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    if "dtype" in type(value).__name__:
        return str(value).rpartition(".")[2]
    return str(value) if "device" in type(value).__name__ else value


def both(use: Use) -> None:
    """The same program on both gives the same results, or the same kind of error."""
    try:
        expected = plain(use(torch))
    except Exception as error:
        with pytest.raises(type(error)):
            use(ag)
        return
    assert_same(plain(use(ag)), expected)


def assert_same(actual: Any, expected: Any) -> None:
    if isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), (actual, expected)
        for a, e in zip(actual, expected, strict=True):
            assert_same(a, e)
    elif isinstance(expected, float) and not math.isnan(expected):
        assert actual == pytest.approx(expected, rel=1e-6, abs=1e-12)
    elif isinstance(expected, float):
        assert math.isnan(actual)
    else:
        assert actual == expected


CONSTRUCTORS: list[Use] = [
    lambda m: m.tensor(3.5), lambda m: m.tensor(3), lambda m: m.tensor(True), lambda m: m.tensor(1j), lambda m: m.tensor([]), lambda m: m.tensor([1, 2.5]),
    lambda m: m.tensor([[1, 2], [3, 4]]), lambda m: m.tensor([True, False]), lambda m: m.tensor([1, 2], dtype=m.float64), lambda m: m.tensor([1.5], requires_grad=True),
    lambda m: m.tensor(np.arange(3, dtype=np.int32)), lambda m: m.tensor(np.float64(2.5)), lambda m: m.tensor([m.tensor(1.0), m.tensor(2.0)]),
    lambda m: m.tensor([1.5, 2.5], dtype=m.int64), lambda m: m.tensor([[1], [2, 3]]), lambda m: m.tensor("x"), lambda m: m.tensor([1], requires_grad=True),
    lambda m: m.Tensor([1, 2]), lambda m: m.Tensor(2, 3).shape, lambda m: m.Tensor(-2, 3), lambda m: m.Tensor(), lambda m: m.Tensor([[1, 2], [3, 4]]),
    lambda m: m.zeros(2, 3), lambda m: m.zeros((2, 3)), lambda m: m.zeros([]), lambda m: m.zeros(()), lambda m: m.zeros(2, dtype=m.int64), lambda m: m.zeros(0, 3),
    lambda m: m.ones(2, requires_grad=True), lambda m: m.full((2, 2), 7), lambda m: m.full((2,), 7.5), lambda m: m.full((), True), lambda m: m.full((2,), 1, dtype=m.float64),
    lambda m: m.empty(2, 3).shape, lambda m: m.arange(5), lambda m: m.arange(1, 4), lambda m: m.arange(1, 2, 0.25), lambda m: m.arange(5, 0, -2), lambda m: m.arange(3, dtype=m.float64),
    lambda m: m.arange(2.5), lambda m: m.arange(0), lambda m: m.arange(1, 5, -1), lambda m: m.linspace(0, 1, 5), lambda m: m.linspace(1, 2, 1), lambda m: m.linspace(0, 1, 0),
    lambda m: m.linspace(3, -3, 4, dtype=m.float64), lambda m: m.eye(3), lambda m: m.eye(2, 3), lambda m: m.eye(2, dtype=m.int64),
    lambda m: m.zeros_like(m.ones(2, 3)), lambda m: m.ones_like(m.arange(3)), lambda m: m.full_like(m.ones(2), 3), lambda m: m.empty_like(m.ones(2, 3)).shape,
    lambda m: m.zeros_like(m.ones(2), dtype=m.int64), lambda m: m.rand_like(m.ones(2, 3)).shape, lambda m: m.randn_like(m.ones(2)).dtype,
    lambda m: m.from_numpy(np.arange(4.0)), lambda m: m.as_tensor(np.arange(4)), lambda m: m.as_tensor([1.5]), lambda m: m.as_tensor(m.ones(2)),
    lambda m: m.ones(2, dtype=m.float64).new_zeros(3), lambda m: m.ones(2).new_ones((2, 2)), lambda m: m.ones(2).new_full((2,), 5), lambda m: m.arange(2).new_tensor([1.5, 2.5]),
    lambda m: m.ones(2).new_empty(3).shape, lambda m: m.zeros(-1), lambda m: m.rand(2, 3).shape, lambda m: m.randint(0, 5, (2,)).dtype, lambda m: m.randperm(4).dtype,
    lambda m: m.randn(2, dtype=m.float64).dtype, lambda m: m.normal(0.0, 1.0, (2, 2)).shape,
]

ATTRIBUTES: list[Use] = [
    lambda m: m.ones(2, 3).shape == (2, 3), lambda m: tuple(m.ones(2, 3).size()), lambda m: m.ones(2, 3).size(0), lambda m: m.ones(2, 3).size(-1), lambda m: m.ones(2, 3).size(2),
    lambda m: m.ones(2, 3).dim(), lambda m: m.ones(2, 3).ndim, lambda m: m.ones(2, 3).numel(), lambda m: m.ones(2, 3).nelement(), lambda m: m.ones(2, 3).stride(),
    lambda m: m.ones(2, 3).stride(0), lambda m: m.ones(2, 3).T.stride(), lambda m: m.ones(2, 3).is_contiguous(), lambda m: m.ones(2, 3).T.is_contiguous(),
    lambda m: m.ones(2, 3).T.contiguous().is_contiguous(), lambda m: m.ones(2).dtype, lambda m: m.ones(2).device.type, lambda m: m.ones(2).device == m.device("cpu"),
    lambda m: m.ones(2).requires_grad, lambda m: m.ones(2).is_leaf, lambda m: m.ones(2).grad, lambda m: m.ones(2).grad_fn, lambda m: m.ones(2, 3).T, lambda m: m.ones(2, 3, 4).mT,
    lambda m: m.ones(2).element_size(), lambda m: m.ones(2, 3).nbytes, lambda m: m.ones(2).itemsize, lambda m: m.ones(2).is_floating_point(), lambda m: m.ones(2).is_complex(),
    lambda m: (m.ones(2, requires_grad=True) * 2).is_leaf, lambda m: m.ones(2, 3).shape.numel(), lambda m: m.ones(2).is_cuda, lambda m: m.tensor([1 + 2j]).real,
    lambda m: m.tensor([1 + 2j]).imag, lambda m: m.ones(2, 3).storage_offset(), lambda m: m.ones(3, 3)[1:].storage_offset(),
]

PYTHON: list[Use] = [
    lambda m: len(m.ones(2, 3)), lambda m: len(m.ones(())), lambda m: [t.tolist() for t in m.arange(3)], lambda m: list(m.ones(())), lambda m: bool(m.tensor(0.0)), lambda m: bool(m.ones(2)),
    lambda m: bool(m.ones(0)), lambda m: bool(m.tensor([[3]])), lambda m: float(m.tensor(2.5)), lambda m: float(m.tensor([2.5])), lambda m: float(m.ones(2)), lambda m: int(m.tensor(2.7)),
    lambda m: complex(m.tensor(2.0)), lambda m: operator.index(m.tensor(3)), lambda m: operator.index(m.tensor(3.0)), lambda m: [10, 20, 30][m.tensor(1)], lambda m: m.tensor(2.5).item(),
    lambda m: m.tensor([[2]]).item(), lambda m: m.ones(2).item(), lambda m: m.tensor([[1, 2]]).tolist(), lambda m: m.tensor(1).tolist(), lambda m: f"{m.tensor(2.5):.2f}", lambda m: f"{m.tensor(3):>5d}",
    lambda m: 2.0 in m.tensor([1.0, 2.0]), lambda m: 5 in m.arange(3), lambda m: m.ones(2) == None, lambda m: m.ones(2) != "a",  # noqa: E711
    lambda m: len({m.ones(1): 1, m.ones(1): 2}), lambda m: round(float(m.tensor(2.567)), 1), lambda m: abs(m.tensor([-1.5])), lambda m: -m.arange(3), lambda m: +m.arange(3), lambda m: ~m.tensor([True, False]),
    lambda m: ~m.tensor([5]), lambda m: ~m.tensor([5.0]), lambda m: m.tensor([5]) & 4, lambda m: 4 | m.tensor([1]), lambda m: m.tensor([5]) ^ m.tensor([1]), lambda m: m.tensor([True]) & m.tensor([False]),
    lambda m: m.tensor([7]) // 2, lambda m: m.tensor([-7]) // 2, lambda m: m.tensor([-7.5]) // 2, lambda m: m.tensor([-7]) % 3, lambda m: m.tensor([-7.5]) % 2, lambda m: 7 // m.tensor([2]), lambda m: 7 % m.tensor([4]),
    lambda m: 2 ** m.tensor([1.0, 2.0]), lambda m: m.tensor([2, 3]) ** 2, lambda m: m.tensor([2]) ** -1, lambda m: 1 / m.tensor([2]), lambda m: 1 - m.tensor([2.0]), lambda m: m.tensor([1, 2]) @ m.tensor([3, 4]),
    lambda m: m.tensor([True]) + m.tensor([True]), lambda m: m.tensor([True]) - m.tensor([True]), lambda m: -m.tensor([True]),
    lambda m: m.ones(2) < 2, lambda m: operator.lt(2, m.ones(2)), lambda m: m.ones(2) @ m.ones(3), lambda m: operator.add(m.ones(2), [1, 2]), lambda m: m.ones(2) * None, lambda m: divmod(m.tensor([7]), 2), lambda m: math.sqrt(m.tensor(4.0)),
    lambda m: m.arange(6).reshape(2, 3)[1], lambda m: m.arange(6)[1:4], lambda m: m.arange(6).reshape(2, 3)[:, 1], lambda m: m.arange(6)[-1], lambda m: m.arange(6)[::2], lambda m: m.arange(6)[m.tensor([0, 2])],
    lambda m: m.arange(6)[[0, 2]], lambda m: m.arange(6)[m.arange(6) > 3], lambda m: m.arange(6)[None], lambda m: m.arange(6)[..., 0], lambda m: m.arange(6)[6], lambda m: m.arange(6)[0, 0],
    lambda m: m.arange(6)[1.5], lambda m: m.arange(6)[m.tensor(2)], lambda m: m.arange(6).reshape(2, 3)[True], lambda m: m.ones(())[()], lambda m: m.ones(())[0], lambda m: m.arange(6)[m.tensor([7])],
]


def write(use: Callable[[Any, Any], Any]) -> Use:
    """A program that changes a tensor and returns it."""

    def run(m: Any) -> Any:
        x = m.arange(6.0).reshape(2, 3)
        use(m, x)
        return x

    return run


WRITES: list[Use] = [write(use) for use in (
    lambda m, x: x.__setitem__(0, 1.0), lambda m, x: x.__setitem__((slice(None), 1), m.tensor([8.0, 9.0])), lambda m, x: x.__setitem__(x > 2, 0), lambda m, x: x.__setitem__(m.tensor([0, 0]), 5.0),
    lambda m, x: x.__setitem__(0, m.ones(2)), lambda m, x: x.__setitem__(3, 1.0), lambda m, x: x.__setitem__(..., 7), lambda m, x: x.add_(1), lambda m, x: x.add_(m.ones(3), alpha=2), lambda m, x: x.sub_(m.ones(2, 1)),
    lambda m, x: x.mul_(m.ones(2, 2)), lambda m, x: x.div_(2), lambda m, x: x.zero_(), lambda m, x: x.fill_(3), lambda m, x: x.copy_(m.ones(3)), lambda m, x: x.copy_(m.ones(4)), lambda m, x: x.copy_(m.arange(3)),
    lambda m, x: x.clamp_(1, 3), lambda m, x: x.neg_(), lambda m, x: x[0].mul_(2), lambda m, x: x.T[1].add_(10), lambda m, x: x.reshape(-1)[2:4].zero_(), lambda m, x: x.data.mul_(2), lambda m, x: x.detach().add_(1),
    lambda m, x: x.add_(1j), lambda m, x: x.unsqueeze(0)[0, 1].fill_(4), lambda m, x: operator.iadd(x, 1), lambda m, x: operator.imul(x, x), lambda m, x: x.expand(4, 2, 3).add_(1),
)]

CONVERSIONS: list[Use] = [
    lambda m: m.tensor([1.7, -1.7]).int(), lambda m: m.tensor([1.7]).long(), lambda m: m.tensor([0.0, 2.0]).bool(), lambda m: m.tensor([1]).float(), lambda m: m.tensor([1]).double(), lambda m: m.tensor([1.5]).half(),
    lambda m: m.ones(2).to(m.float64), lambda m: m.ones(2).to("cpu"), lambda m: m.ones(2).to(m.device("cpu"), m.int64), lambda m: m.ones(2).to(m.arange(2)), lambda m: m.ones(2).to(dtype=m.float16), lambda m: m.ones(2).cpu(),
    lambda m: m.ones(2).type_as(m.arange(1)), lambda m: m.ones(2, requires_grad=True).to(m.float64), lambda m: m.ones(2).clone(), lambda m: m.ones(2, requires_grad=True).clone(), lambda m: m.ones(2, requires_grad=True).detach(),
    lambda m: [t.to(m.float32) is t for t in [m.ones(2)]], lambda m: [t.to(m.float32, copy=True) is t for t in [m.ones(2)]], lambda m: m.ones(2).numpy().tolist(), lambda m: m.ones(2, requires_grad=True).numpy(),
    lambda m: m.tensor([300]).to(m.uint8), lambda m: m.ones(2).requires_grad_().requires_grad, lambda m: m.arange(2).requires_grad_(), lambda m: (m.ones(2, requires_grad=True) * 1).requires_grad_(False),
    lambda m: m.ones(2).to("no device"), lambda m: m.tensor([1 + 1j]).to(m.complex128), lambda m: m.ones(2).bool().float(),
]


@pytest.mark.parametrize("use", CONSTRUCTORS, ids=range(len(CONSTRUCTORS)))
def test_constructors(use: Use) -> None:
    both(use)


@pytest.mark.parametrize("use", ATTRIBUTES, ids=range(len(ATTRIBUTES)))
def test_attributes(use: Use) -> None:
    both(use)


@pytest.mark.parametrize("use", PYTHON, ids=range(len(PYTHON)))
def test_python_protocols(use: Use) -> None:
    both(use)


@pytest.mark.parametrize("use", WRITES, ids=range(len(WRITES)))
def test_writes(use: Use) -> None:
    both(use)


@pytest.mark.parametrize("use", CONVERSIONS, ids=range(len(CONVERSIONS)))
def test_conversions(use: Use) -> None:
    both(use)


GRAPHS: list[Use] = []


def graph(use: Use) -> Use:
    GRAPHS.append(use)
    return use


@graph
def accumulation(m: Any) -> Any:
    x = m.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    return x.grad


@graph
def writes_to_views_of_results(m: Any) -> Any:
    x = m.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    a, b = y[0], y[1:]
    a.mul_(3)
    b[1].add_(x[0])
    y.sub_(x)
    (a * 5 + b.sum() + y.prod()).backward()
    return [y, a, b, x.grad]


@graph
def assignment(m: Any) -> Any:
    x, v = m.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), m.tensor([5.0, 6.0], requires_grad=True)
    y = x * 1
    y[0] = v * 2
    y[:, 1] += v
    y[m.tensor([0, 1]), m.tensor([0, 0])] = y[1] * 3
    (y * y).sum().backward()
    return [y, x.grad, v.grad]


@graph
def chained_views(m: Any) -> Any:
    x = m.arange(12.0).requires_grad_()
    y = x * 1
    y.reshape(3, 4).T[1].unsqueeze(0)[0, 2].mul_(7)
    (y * y).sum().backward()
    return [y, x.grad]


@graph
def retained(m: Any) -> Any:
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    z = y * y
    z.retain_grad()
    z.sum().backward()
    return [x.grad, y.grad, z.grad]


@graph
def hooked(m: Any) -> Any:
    seen = []
    x = m.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: seen.append(g.tolist()))
    handle = y.register_hook(lambda g: g + 1000)
    handle.remove()
    y.sum().backward()
    return [seen, x.grad]


@graph
def second_derivatives(m: Any) -> Any:
    x = m.tensor([0.3, 0.7], dtype=m.float64, requires_grad=True)
    (g,) = m.autograd.grad((x.sin() * x.exp()).sum(), x, create_graph=True)
    (h,) = m.autograd.grad((g * g).sum(), x)
    return [g.detach(), h]


@graph
def spent(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    y = (x * x).sum()
    y.backward()
    return y.backward()


@graph
def non_scalar(m: Any) -> Any:
    return (m.ones(2, requires_grad=True) * 2).backward()


@graph
def written_after_saving(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    y = x * 1
    z = y * y
    y.add_(1)
    return z.sum().backward()


@graph
def leaf_written(m: Any) -> Any:
    return m.ones(2, requires_grad=True).add_(1)


@graph
def leaf_view_written(m: Any) -> Any:
    return m.ones(2, requires_grad=True)[0].add_(1)


@graph
def zeroed_gradient(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    x.sum().backward()
    x.grad.zero_()
    (x * 5).sum().backward()
    first = x.grad.clone()
    x.grad = None
    return [first, x.grad]


@graph
def detached_write(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    y = x * x
    x.detach().add_(1)
    return y.sum().backward()


@graph
def data_write(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    y = x * x
    x.data.add_(1)
    y.sum().backward()
    return x.grad


@graph
def no_grad_view_written(m: Any) -> Any:
    x = m.ones(3, requires_grad=True)
    with m.no_grad():
        x[1:].mul_(3)
    return x


@graph
def inference(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    with m.inference_mode():
        y = x * 2
    return [y.requires_grad, y.is_inference(), (y + 1).requires_grad]


@graph
def unpacked(m: Any) -> Any:
    x = m.tensor([[3.0, 1.0], [2.0, 5.0]], requires_grad=True)
    a, b = x
    values, indices = x.sort(dim=1)
    (a * values[1] + b).sum().backward()
    return [indices, x.grad]


@graph
def expanded(m: Any) -> Any:
    x = m.ones(3, requires_grad=True)
    (x.expand(4, 3) * m.arange(4.0)[:, None]).sum().backward()
    return x.grad


@graph
def mixed_dtypes(m: Any) -> Any:
    x, y = m.ones(2, requires_grad=True), m.ones(2, dtype=m.float64, requires_grad=True)
    (x * y).sum().backward()
    return [x.grad, y.grad]


@graph
def complex_chain(m: Any) -> Any:
    z = m.tensor([1.0 + 2.0j, -0.5j], requires_grad=True)
    ((z * z).exp() * z.conj()).abs().sum().backward()
    return [z.grad.real, z.grad.imag]


@graph
def cotangent(m: Any) -> Any:
    x = m.ones(2, requires_grad=True)
    (x * x).backward(m.tensor([1.0, 10.0]))
    return x.grad


@graph
def wrong_cotangent(m: Any) -> Any:
    return (m.ones(2, requires_grad=True) * 2).backward(m.ones(3))


@graph
def gradient_of_an_integer(m: Any) -> Any:
    return m.ones(2, dtype=m.int64, requires_grad=True)


@graph
def nothing_to_differentiate(m: Any) -> Any:
    return m.ones(()).backward()


@pytest.mark.parametrize("use", GRAPHS, ids=lambda use: use.__name__)
def test_graphs(use: Use) -> None:
    both(use)


@pytest.mark.parametrize("make", [lambda m: m.tensor([1.5, 2.5], requires_grad=True), lambda m: m.arange(3), lambda m: m.tensor(2.5), lambda m: m.zeros(0, 2)], ids=range(4))
def test_copies_and_pickles(make: Use) -> None:
    both(lambda m: [pickle.loads(pickle.dumps(make(m))), copy.deepcopy(make(m)), copy.copy(make(m))])


def test_a_copied_gradient() -> None:
    def use(m: Any) -> Any:
        x = m.ones(2, requires_grad=True)
        (x * 3).sum().backward()
        twin = copy.deepcopy(x)
        twin.grad.add_(1)
        return [x.grad, twin.grad, twin]

    both(use)
    both(lambda m: copy.deepcopy(m.ones(2, requires_grad=True) * 2))


def test_two_references_stay_one_object() -> None:
    x = ag.ones(2)
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]


def test_memory_is_shared_where_pytorch_shares_it() -> None:
    def use(m: Any) -> Any:
        array = np.arange(4.0)
        shared = [m.from_numpy(array), m.as_tensor(array)]
        copied = m.tensor(array)
        array[0] = 9
        shared[0].numpy()[1] = 8
        return [*shared, copied, array.tolist()]

    both(use)
