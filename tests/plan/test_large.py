"""Large operands, for which kernels change their way: a plan that is exact has eager's bits there too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import autograd

F = nn.functional
STREAM = np.random.default_rng(3)
ROWS, WIDE, IMAGES = (200, 64), (150, 400), (4, 3, 40, 40)
CLASSES = ag.from_numpy(STREAM.integers(0, 64, 200))
SIGNS = ag.from_numpy(np.sign(STREAM.standard_normal(WIDE)).astype("float32"))
CASES: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]] = {
    "softmax": (lambda x: ag.softmax(x, -1) ** 2, (ROWS,)), "log_softmax": (lambda x: ag.log_softmax(x, -1) ** 2, (ROWS,)),
    "logsumexp": (lambda x: ag.logsumexp(x, -1) ** 2, (ROWS,)), "cross_entropy": (lambda x: F.cross_entropy(x, CLASSES), (ROWS,)),
    "kl_div": (lambda x, y: F.kl_div(ag.log_softmax(x, -1), ag.softmax(y, -1)), (ROWS, ROWS)), "prod": (lambda x: ag.prod(x, -1) ** 2, (ROWS,)),
    "soft_margin": (lambda x: F.soft_margin_loss(x, SIGNS), (WIDE,)), "layer_norm": (lambda x: F.layer_norm(x, (400,)) ** 2, (WIDE,)),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True) ** 2, (WIDE,)), "gelu": (F.gelu, (WIDE,)), "silu": (F.silu, (WIDE,)), "erf": (ag.erf, (WIDE,)),
    "logaddexp": (ag.logaddexp, (WIDE, WIDE)), "remainder": (ag.remainder, (WIDE, WIDE)), "amax": (lambda x: ag.amax(x, -1) ** 2, ((200, 6),)),
    "norm": (lambda x: ag.norm(x, dim=-1) ** 2, (ROWS,)), "pdist": (lambda x: F.pdist(x) ** 2, (ROWS,)), "linear": (lambda x, w: F.linear(x, w) ** 2, (ROWS, (30, 64))),
    "conv2d": (lambda x, w: F.conv2d(x, w, padding=1) ** 2, (IMAGES, (8, 3, 3, 3))),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear") ** 2, (IMAGES,)),
}


@pytest.mark.parametrize("name", CASES)
def test_replays_the_bits_of_eager(name: str) -> None:
    function, shapes = CASES[name]
    inputs = [ag.from_numpy(STREAM.standard_normal(shape).astype("float32")).requires_grad_() for shape in shapes]

    def step(*inputs: Any) -> list[Any]:
        result = function(*inputs)
        return [result, *autograd.grad(result.sum(), inputs)]

    expected = [each.detach().numpy().tobytes() for each in step(*inputs)]
    compiled = ag.compile(step, exact=True)
    for _ in range(3):
        assert [each.detach().numpy().tobytes() for each in compiled(*inputs)] == expected
