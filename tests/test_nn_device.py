"""Modules on a ``cuda`` that allows only what CuPy allows: the same numbers as on ``cpu``, without reading from the device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.backend.cupy import CupyBackend
from autograd_core.backend.registry import register_backend

from .fakes.strict_backend import StrictBackend, no_host_reads


@pytest.fixture(autouse=True)
def _cuda() -> Iterator[None]:
    register_backend("cuda", StrictBackend)
    yield
    register_backend("cuda", CupyBackend)


class Attend(nn.Module):
    def __init__(self, need_weights: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4, padding_idx=0)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True, add_zero_attn=True)
        self.norm = nn.LayerNorm(4)
        self.need_weights = need_weights

    def forward(self, index):
        x = self.table(index)
        attended, _ = self.attention(x, x, x, key_padding_mask=index == 0, need_weights=self.need_weights)
        return self.norm(x + attended)


def convolutional() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 2), nn.AvgPool2d(1), nn.Flatten(), nn.Linear(2, 3))


MODELS = [
    (lambda: nn.MLP([3, 5, 2], nn.GELU, batch_norm=True), lambda: ag.randn(4, 3)),
    (convolutional, lambda: ag.randn(3, 1, 4, 4)),
    (lambda: Attend(True), lambda: ag.randint(0, 7, (2, 5))),
    (lambda: Attend(False), lambda: ag.randint(0, 7, (2, 5))),
    (lambda: nn.Sequential(nn.GroupNorm(1, 4), nn.SiLU(), nn.PReLU(), nn.RMSNorm(3), nn.Softmax(1)), lambda: ag.randn(2, 4, 3)),
]


@pytest.mark.parametrize("place", ["cuda:0", "cuda:1"])
@pytest.mark.parametrize(("make", "data"), MODELS, ids=["mlp", "convolutional", "attention with weights", "attention", "norms"])
def test_a_model_on_the_device(make, data, place):
    ag.manual_seed(0)
    ours, x = make(), data()
    with ag.cuda.device(place):
        theirs = make().to(place)
        theirs.load_state_dict(ours.state_dict())
        assert all(tensor.device == place for tensor in [*theirs.parameters(), *theirs.buffers()])
        there = x.to(place)
        with no_host_reads():
            result = theirs(there)
            result.square().sum().backward()
    expected = ours(x)
    expected.square().sum().backward()
    np.testing.assert_allclose(result.detach().cpu().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    for (name, a), b in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.cpu().numpy(), b.grad.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
    back = theirs.cpu()
    for (name, a), b in zip(back.named_buffers(), ours.buffers(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, err_msg=name)


def test_gradients_move_with_the_model_and_are_clipped_there():
    model = nn.Linear(3, 2)
    model(ag.ones(4, 3)).sum().backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
    model.cuda()
    assert model.weight.grad.device == "cuda:0"
    with no_host_reads():
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        nn.utils.clip_grad_value_(model.parameters(), 0.1)
        model.zero_grad(set_to_none=False)
    assert norm > 1
    assert model.weight.grad.cpu().tolist() == [[0.0] * 3] * 2


def test_initialisation_and_state_on_the_device():
    model = nn.Linear(3, 2, device="cuda")
    assert model.weight.device == "cuda:0"
    nn.init.trunc_normal_(model.weight)
    nn.init.eye_(model.weight)
    assert model.weight.detach().cpu().tolist() == [[1, 0, 0], [0, 1, 0]]
    here = nn.Linear(3, 2)
    here.load_state_dict(model.state_dict())
    assert here.weight.device == "cpu"
    assert here.weight.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_loader_gives_batches_on_the_device_of_the_data():
    data = nn.data.TensorDataset(ag.arange(6).cuda(), ag.arange(6))
    x, y = next(iter(nn.data.DataLoader(data, batch_size=4)))
    assert (str(x.device), str(y.device)) == ("cuda:0", "cpu")
    assert x.cpu().tolist() == y.tolist() == [0, 1, 2, 3]


def test_mixed_devices_are_named():
    with pytest.raises(RuntimeError, match=r"same device.*cpu and cuda:0"):
        nn.Linear(3, 2).cuda()(ag.ones(1, 3))
