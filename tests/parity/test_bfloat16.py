"""bfloat16, of the package ml_dtypes: promotion, values, gradients, views, writes and files, as PyTorch has them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import dtypes

torch = pytest.importorskip("torch")
pytest.importorskip("ml_dtypes")

NUMBERS = [1.5, -2.0, 3.25, 0.1]


def both(*shape: int) -> tuple[Any, Any]:
    values = np.resize(NUMBERS, shape or (4,)).tolist()
    return ag.tensor(values, dtype=ag.bfloat16), torch.tensor(values, dtype=torch.bfloat16)


def same(mine: Any, other: Any) -> None:
    assert str(mine.dtype).rpartition(".")[2] == str(other.dtype).rpartition(".")[2]
    np.testing.assert_allclose(mine.detach().double().numpy(), other.detach().double().numpy(), rtol=2.0**-7)


def test_promotion_with_all_dtypes() -> None:
    for a, b in itertools.product(dtypes.EVERY, dtypes.EVERY):
        expected = torch.promote_types(getattr(torch, a.name), getattr(torch, b.name))
        if str(expected) != "torch.complex32":
            assert ag.promote_types(a, b).name == str(expected).rpartition(".")[2], (a, b)


@pytest.mark.parametrize("call", [lambda m, x: x * 2.5, lambda m, x: 2 - x, lambda m, x: x / 3, lambda m, x: x.exp(), lambda m, x: x.sigmoid() * x, lambda m, x: x.sum(), lambda m, x: x.mean(),
                                  lambda m, x: m.softmax(x, 0), lambda m, x: x @ x, lambda m, x: x.reshape(2, 2).t() @ x.reshape(2, 2), lambda m, x: x[1:] * x[:3], lambda m, x: m.cat([x, x * 2]),
                                  lambda m, x: m.nn.functional.gelu(x), lambda m, x: m.where(x > 0, x, 0), lambda m, x: x.clamp(-1, 1), lambda m, x: x.abs().sqrt(), lambda m, x: x.float() * 2,
                                  lambda m, x: x.max(dim=0).values, lambda m, x: x.var()])
def test_values_and_gradients(call: Any) -> None:
    x, y = both()
    x.requires_grad_()
    y.requires_grad_()
    mine, other = call(ag, x), call(torch, y)
    same(mine, other)
    (mine.float() * 0.5).sum().backward()
    (other.float() * 0.5).sum().backward()
    assert x.grad.dtype is ag.bfloat16
    np.testing.assert_allclose(x.grad.double().numpy(), y.grad.double().numpy(), rtol=2.0**-6, atol=2.0**-7)


def test_comparisons_and_queries() -> None:
    x, y = both()
    assert x.is_floating_point()
    assert (x > 0).tolist() == (y > 0).tolist()
    assert x.tolist() == y.tolist()
    assert x.isnan().dtype is ag.bool_
    assert "1.5000, -2.0000" in repr(x)
    assert "bfloat16" in repr(x)
    assert x.dtype == "bfloat16"
    assert x.bfloat16() is x
    assert ag.tensor([1.0]).bfloat16().to(ag.float32).dtype is ag.float32


def test_in_place() -> None:
    x, y = both()
    for t in (x, y):
        t.mul_(3)
        t[1:].add_(1.5)
    same(x, y)
    leaf = both()[0].requires_grad_()
    z = leaf * 1
    z.mul_(leaf)
    z.sum().backward()
    np.testing.assert_allclose(leaf.grad.float().numpy(), 2 * leaf.detach().float().numpy(), rtol=2.0**-7)


def test_files(tmp_path: Path) -> None:
    x = both(2, 3)[0]
    ag.save({"x": x, "dtype": ag.bfloat16}, tmp_path / "file")
    loaded = ag.load(tmp_path / "file")
    assert loaded["x"].dtype is ag.bfloat16
    assert loaded["dtype"] is ag.bfloat16
    assert loaded["x"].tolist() == x.tolist()


@pytest.mark.parametrize("options", [{"exact": True}, {"backend": "numpy"}])
def test_replayed_writes_into_bfloat16(options: dict[str, Any]) -> None:
    """Each write is computed in float32, rounded, and part of the plan: clipping, decay, a chain of them."""
    def made(library: Any) -> Any:
        weight = library.tensor([1.5, -2.25, 3.0], dtype=library.bfloat16, requires_grad=True)

        def step(x: Any) -> Any:
            weight.grad = None
            loss = (weight * x).sum()
            loss.backward()
            with library.no_grad():
                weight.grad.mul_(0.3)
                weight.sub_(weight.grad).mul_(0.9)
            return loss.detach()

        return weight, step

    ours, step = made(ag)
    theirs, expected = made(torch)
    replayed = ag.compile(step, **options)
    for i in range(6):
        x = [0.5 * i, 1.0, -0.25 * i]
        assert replayed(ag.tensor(x, dtype=ag.bfloat16)).item() == expected(torch.tensor(x, dtype=torch.bfloat16)).item()
        assert ours.tolist() == theirs.tolist()
        assert ours.grad.tolist() == theirs.grad.tolist()
