"""uint16, uint32 and uint64 against PyTorch, as far as it computes with them, and against NumPy beyond."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import dtypes

torch = pytest.importorskip("torch")

UNSIGNED = ["uint16", "uint32", "uint64"]
OTHERS = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", *UNSIGNED]


def outcome(library: Any, ask: Any) -> str:
    """A dtype's name, or that there is none."""
    try:
        return str(ask(library)).rpartition(".")[2]
    except RuntimeError:
        return "an error"


@pytest.mark.parametrize("name", UNSIGNED)
def test_promotion(name: str) -> None:
    for other, (first, second) in itertools.product(OTHERS, itertools.product([(2,), ()], repeat=2)):
        for ask in (lambda M, o=other: M.promote_types(getattr(M, name), getattr(M, o)), lambda M, o=other: M.promote_types(getattr(M, o), getattr(M, name)),
                    lambda M, o=other, a=first, b=second: M.result_type(M.ones(a, dtype=getattr(M, name)), M.ones(b, dtype=getattr(M, o))),
                    lambda M, o=other: M.can_cast(getattr(M, name), getattr(M, o)), lambda M, o=other: M.can_cast(getattr(M, o), getattr(M, name))):
            assert outcome(ag, ask) == outcome(torch, ask), (other, first, second)
    for number in (True, 2, 2.5):
        assert outcome(ag, lambda M, n=number: M.result_type(M.ones(2, dtype=getattr(M, name)), n)) == outcome(torch, lambda M, n=number: M.result_type(M.ones(2, dtype=getattr(M, name)), n))
    with pytest.raises(RuntimeError, match=f"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {name} and int32"):
        ag.ones(2, dtype=getattr(ag, name)) + ag.ones(2, dtype=ag.int32)


COMMON = ["x * y", "x / y", "x + 1.5", "x == y", "x != 3", "x & y", "x | y", "x ^ y", "x.sum()", "x.prod()", "x.cumsum(0)", "x.sort().values", "x.sort().indices", "x.float()", "x.long()",
          "x.bool()", "x.to(M.uint8)", "x[1:]", "x[[2, 0]]", "M.cat([x, y])", "M.stack([x, y])", "x.clone().fill_(7)", "x.clone().fill_(-1)", "x.clone().copy_(y)", "x.any()", "x.all()",
          "x.repeat(2)", "M.sqrt(x)", "M.full_like(x, 5)", "M.full_like(x, -2)", "M.zeros_like(x)", "M.zeros(2, dtype=x.dtype)", "M.ones(2, dtype=x.dtype)", "M.tensor([-1, 3]).to(x.dtype)",
          "M.tensor([-3 if x.itemsize < 8 else 3], dtype=x.dtype)", "M.tensor([2.75]).to(x.dtype)", "x.view(M.int8)", "x.unique()", "x.reshape(3, 1).expand(3, 2).contiguous()", "x.t()", "M.empty_like(x).zero_()"]


@pytest.mark.parametrize("name", UNSIGNED)
@pytest.mark.parametrize("expression", COMMON)
def test_values(name: str, expression: str) -> None:
    found = []
    for M in (ag, torch):
        x, y = M.tensor([1, 2, 40000], dtype=getattr(M, name)), M.tensor([3, 2, 1], dtype=getattr(M, name))
        found.append(eval(expression, {"M": M, "x": x, "y": y}))
    assert str(found[0].dtype).rpartition(".")[2] == str(found[1].dtype).rpartition(".")[2]
    assert found[0].tolist() == found[1].tolist()
    assert "".join(repr(found[0]).split()).replace("autograd_core.", "") == "".join(repr(found[1]).split()).replace("torch.", "")


@pytest.mark.parametrize("name", UNSIGNED)
def test_beyond_pytorch(name: str) -> None:
    """What NumPy says, where PyTorch has not implemented it."""
    a, b = np.array([1, 2, 40000], dtype=name), np.array([3, 2, 1], dtype=name)
    x, y = ag.from_numpy(a), ag.from_numpy(b)
    for ours, theirs in [(x + y, a + b), (x - y, a - b), (x + 1, a + 1), (x // y, a // b), (x % y, a % b), (-x, -a), (x < y, a < b), (x.max(), a.max()), (x.argmax(), a.argmax()), (~x, ~a),
                         (ag.maximum(x, y), np.maximum(a, b)), (ag.where(x > 2, x, y), np.where(a > 2, a, b)), (x @ y, a @ b), (x.clamp(2, 3), a.clip(2, 3)), (x.flip(0), a[::-1]),
                         (ag.searchsorted(x, y), a.searchsorted(b)), (x**2, a**2), (x.clone().add_(y), a + b), (x << 1, a << 1)]:
        assert ours.numpy().dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("name", UNSIGNED)
def test_storage(name: str) -> None:
    largest = 2 ** int(name.removeprefix("uint")) - 1
    array = np.array([0, largest], dtype=name)
    x = ag.from_numpy(array)
    assert x.dtype is getattr(ag, name) is ag.as_tensor(array).dtype is ag.tensor([0, largest], dtype=getattr(ag, name)).dtype
    assert x.tolist() == [0, largest] == [0, ag.iinfo(x.dtype).max]
    assert x[1].item() == largest
    assert ag.tensor([0, largest], dtype=x.dtype).tolist() == [0, largest]
    assert np.shares_memory(x.numpy(), array)
    assert (x.itemsize, x.dtype.is_signed, x.dtype.is_floating_point) == (torch.from_numpy(array).itemsize, False, False)
    assert x.type().rpartition(".")[2] == torch.from_numpy(array).type().rpartition(".")[2]
    there = torch.from_dlpack(x)
    assert there.dtype is getattr(torch, name)
    assert there.tolist() == [0, largest]
    assert ag.from_dlpack(there).dtype is x.dtype
    file = io.BytesIO()
    ag.save({"x": x, "dtype": x.dtype}, file)
    file.seek(0)
    loaded = ag.load(file)
    assert loaded["dtype"] is loaded["x"].dtype is x.dtype
    assert loaded["x"].tolist() == [0, largest]
    assert pickle.loads(pickle.dumps(x.dtype)) is copy.deepcopy(x.dtype) is x.dtype
    bytes_ = ag.zeros(3, dtype=ag.uint8)
    bytes_[0] = -1
    assert bytes_.tolist() == [255, 0, 0]
    assert bytes_.fill_(-2).tolist() == [254] * 3
    for library in (ag, torch):
        with pytest.raises((RuntimeError, OverflowError) if name == "uint64" else RuntimeError, match=r"overflow|unsigned|does not lie"):
            library.tensor([largest + 1 if name != "uint64" else -largest - 1], dtype=getattr(library, name))
        with pytest.raises(RuntimeError, match=r"[Oo]nly [Tt]ensors of floating point"):
            library.ones(2, dtype=getattr(library, name)).requires_grad_()


def test_names() -> None:
    assert [dtypes.as_dtype(name) for name in UNSIGNED] == [ag.uint16, ag.uint32, ag.uint64]
    assert all(ag.tensor([1]).to(name).dtype == getattr(ag, name) for name in UNSIGNED)
