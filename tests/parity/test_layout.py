"""What PyTorch lays out in rows lies in rows here too, whatever the layout of the operands, so that ``view`` works on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn.functional as F

torch = pytest.importorskip("torch")
ALONG: dict[str, Callable[[Any, Any, int], Any]] = {
    **{name: lambda lib, x, dim, name=name: getattr(lib, name)(x, dim=dim) for name in (
        "sum", "mean", "nansum", "nanmean", "amax", "amin", "prod", "var", "std", "all", "any", "logsumexp", "argmax", "argmin", "max", "min", "median", "nanmedian",
        "mode", "cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "softmax", "log_softmax", "diff", "count_nonzero", "var_mean", "std_mean", "aminmax", "trapezoid")},
    **{f"norm {p}": lambda lib, x, dim, p=p: lib.norm(x, p, dim) for p in (1, 2, 3, float("inf"))},
    "kthvalue": lambda lib, x, dim: lib.kthvalue(x, 1, dim), "topk": lambda lib, x, dim: lib.topk(x, 1, dim), "topk of two": lambda lib, x, dim: lib.topk(x, 2, dim),
    **{f"{name} of a matrix": lambda lib, x, dim, name=name: getattr(lib, name)(x[0], *[2] * (name == "kthvalue"), dim=dim % 2) for name in ("kthvalue", "median", "nanmedian")},
    "cat": lambda lib, x, dim: lib.cat([x, x], dim), "stack": lambda lib, x, dim: lib.stack([x, x], dim),
    "roll": lambda lib, x, dim: lib.roll(x, 1, dim), "index_select": lambda lib, x, dim: lib.index_select(x, dim, lib.tensor([0, 1])),
}
WHOLE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "masked_fill": lambda lib, F, x: lib.masked_fill(x, x > 0.5, 1.0), "tril": lambda lib, F, x: lib.tril(x), "triu": lambda lib, F, x: lib.triu(x),
    "layer_norm": lambda lib, F, x: F.layer_norm(x, (x.shape[-1],)), "layer_norm of a matrix": lambda lib, F, x: F.layer_norm(x[0], (x.shape[-1],)),
    "rms_norm": lambda lib, F, x: F.rms_norm(x[0], (x.shape[-1],)), "batch_norm": lambda lib, F, x: F.batch_norm(x, None, None, training=True),
    "batch_norm of a matrix": lambda lib, F, x: F.batch_norm(x[0], None, None, training=True), "group_norm": lambda lib, F, x: F.group_norm(x, 1),
    "linear": lambda lib, F, x: F.linear(x, lib.ones(2, x.shape[2])), "bmm": lambda lib, F, x: lib.bmm(x, x.transpose(1, 2)),
    "renorm": lambda lib, F, x: lib.renorm(x, 2, 0, 1.0), "cdist": lambda lib, F, x: lib.cdist(x, x), "cdist of order 1": lambda lib, F, x: lib.cdist(x, x, 1.0),
    "irfft": lambda lib, F, x: lib.fft.irfft(lib.complex(x, x)), "irfft2": lambda lib, F, x: lib.fft.irfft2(lib.complex(x, x)), "one_hot": lambda lib, F, x: F.one_hot(x.long(), 2),
    **{f"cosine_similarity {dim}": lambda lib, F, x, dim=dim: F.cosine_similarity(x, x, dim) for dim in range(3)},
    "lu": lambda lib, F, x: lib.linalg.lu(x), "solve from the right": lambda lib, F, x: lib.linalg.solve(x @ x.mT + lib.eye(x.shape[1]), x.mT, left=False),
    "max_pool1d": lambda lib, F, x: F.max_pool1d(x, 2), "conv1d": lambda lib, F, x: F.conv1d(x, lib.ones(2, x.shape[1], 1)), "pad": lambda lib, F, x: F.pad(x, (1, 1)),
}
ORDERS = list(itertools.permutations(range(3)))


def layouts(calls: Any, shape: tuple[int, ...], order: tuple[int, ...]) -> list[bool]:
    """For each result of both libraries whether it lies in rows: ``True`` where ours does or PyTorch's does not."""
    array = np.random.default_rng(0).uniform(0.2, 1.0, shape).astype("float32")
    found = []
    for lib, functional in ((ag, F), (torch, torch.nn.functional)):
        result = calls(lib, functional, lib.from_numpy(array).permute(*order))
        found.append([each.is_contiguous() for each in (result if isinstance(result, tuple) else (result,))])
    return [ours or not theirs for ours, theirs in zip(*found, strict=True)]


@pytest.mark.parametrize("shape", [(2, 3, 4), (16, 12, 10)], ids=["few", "many"])
@pytest.mark.parametrize("name", ALONG)
def test_along_a_dimension(name: str, shape: tuple[int, ...]) -> None:
    for order, dim in itertools.product(ORDERS, range(3)):
        assert all(layouts(lambda lib, F, x, dim=dim: ALONG[name](lib, x, dim), shape, order)), (order, dim)


@pytest.mark.parametrize("shape", [(2, 3, 4), (16, 12, 10)], ids=["few", "many"])
@pytest.mark.parametrize("name", WHOLE)
def test_of_everything(name: str, shape: tuple[int, ...]) -> None:
    for order in ORDERS:
        assert all(layouts(WHOLE[name], shape, order)), order
