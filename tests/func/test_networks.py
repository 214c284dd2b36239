"""Gradients of each example, Jacobians and second derivatives of whole networks by ``vmap``: equal to one example after the other, and no op falls back to a loop."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import func

F = nn.functional
BATCH = 3


class Attention(nn.Module):
    """One layer of a transformer, written out."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(7, 8)
        self.places = nn.Parameter(ag.randn(5, 8))
        self.norm = nn.LayerNorm(8)
        self.project = nn.Linear(8, 24)
        self.widen, self.narrow = nn.Linear(8, 16), nn.Linear(16, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        h = self.tokens(x) + self.places
        q, k, v = self.project(self.norm(h)).reshape(x.shape[0], 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        h = h + F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape[0], 5, 8)
        return self.out((h + self.narrow(F.gelu(self.widen(self.norm(h))))).mean(1))


class Heads(nn.Module):
    """``MultiheadAttention`` as the library has it."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        h, _ = self.attention(x, x, x, need_weights=False)
        return self.out(h[:, -1])


def mlp() -> Any:
    return nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.LayerNorm(6), nn.Linear(6, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 3))


def images() -> Any:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, groups=2), nn.GroupNorm(2, 4), nn.SiLU(), nn.AvgPool2d(2),
                         nn.Flatten(), nn.Linear(4, 3))


def upwards() -> Any:
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.LeakyReLU(), nn.ConvTranspose2d(4, 2, 2), nn.InstanceNorm2d(2), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8, 3))


def series() -> Any:
    return nn.Sequential(nn.Conv1d(1, 4, 3), nn.MaxPool1d(2), nn.AdaptiveMaxPool1d(2), nn.Upsample(scale_factor=2), nn.Flatten(), nn.Linear(16, 3))


NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...] | None]] = {
    "mlp": (mlp, (5,)), "cnn": (images, (1, 8, 8)), "cnn upwards": (upwards, (1, 7, 7)), "cnn of series": (series, (1, 9)), "transformer": (Attention, None), "heads": (Heads, (4, 8)),
}


def one_hot(y: Any) -> Any:
    return F.one_hot(y, 3).double()


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "cross_entropy": F.cross_entropy, "smoothed": lambda a, b: F.cross_entropy(a, b, label_smoothing=0.1),
    "weighted": lambda a, b: F.cross_entropy(a, b, weight=ag.tensor([1.0, 2.0, 3.0], dtype=ag.float64)), "ignoring": lambda a, b: F.cross_entropy(a, b, ignore_index=7),
    "nll": lambda a, b: F.nll_loss(F.log_softmax(a, 1), b), "margin": F.multi_margin_loss, "mse": lambda a, b: F.mse_loss(a, one_hot(b)), "l1": lambda a, b: F.l1_loss(a, one_hot(b)),
    "huber": lambda a, b: F.huber_loss(a, one_hot(b)), "smooth l1": lambda a, b: F.smooth_l1_loss(a, one_hot(b)),
    "logits": lambda a, b: F.binary_cross_entropy_with_logits(a, one_hot(b)), "kl": lambda a, b: F.kl_div(F.log_softmax(a, 1), one_hot(b) * 0.8 + 0.1, reduction="batchmean"),
}


def check(make: Callable[[], Any], shape: tuple[int, ...] | None, loss: Callable[[Any, Any], Any]) -> None:
    ag.manual_seed(1)
    model = make().double().eval()
    x = ag.randint(0, 7, (BATCH, 5)) if shape is None else ag.randn(BATCH, *shape, dtype=ag.float64)
    y = ag.randint(0, 3, (BATCH,))
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def one(p: Any, x: Any, y: Any) -> Any:
        return loss(func.functional_call(model, (p, buffers), (x.unsqueeze(0),)), y.unsqueeze(0))

    def product(x: Any, y: Any) -> Any:
        return func.jvp(func.grad(lambda p: one(p, x, y)), (parameters,), ({name: p * 0 + 1 for name, p in parameters.items()},))[1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradients = func.vmap(func.grad(one), in_dims=(None, 0, 0))(parameters, x, y)
        products = func.vmap(product)(x, y)
        jacobians = None if shape is None else func.vmap(func.jacrev(lambda x: func.functional_call(model, (parameters, buffers), (x.unsqueeze(0),))))(x)
    for i in range(BATCH):
        alone = func.grad(one)(parameters, x[i], y[i])
        curved = product(x[i], y[i])
        for name in parameters:
            np.testing.assert_allclose(gradients[name][i].numpy(), alone[name].numpy(), rtol=1e-8, atol=1e-10, err_msg=name)
            np.testing.assert_allclose(products[name][i].numpy(), curved[name].numpy(), rtol=1e-7, atol=1e-9, err_msg=name)
        if shape is not None:
            wanted = func.jacfwd(lambda x: func.functional_call(model, (parameters, buffers), (x.unsqueeze(0),)))(x[i])
            np.testing.assert_allclose(jacobians[i].numpy(), wanted.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_network_loops(name: str) -> None:
    check(*NETWORKS[name], F.cross_entropy)


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_loops(name: str) -> None:
    check(mlp, (5,), LOSSES[name])
