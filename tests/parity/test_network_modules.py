"""The layers of activations, convolutions, norms, pools and resizing against PyTorch's of the same name: state, values, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn

torch = pytest.importorskip("torch")

LINE, IMAGE, VOLUME = (2, 4, 9), (2, 4, 6, 8), (2, 4, 4, 5, 6)
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    *((name, (), {}, IMAGE) for name in ("ReLU", "ReLU6", "SiLU", "Mish", "SELU", "CELU", "ELU", "LeakyReLU", "Hardtanh", "Hardswish", "Tanhshrink", "Softshrink", "Hardshrink", "GLU",
                                         "PReLU", "Sigmoid", "Tanh", "GELU", "Softplus", "Softsign", "LogSigmoid")),
    ("Softmax2d", (), {}, IMAGE), ("CELU", (0.5,), {}, IMAGE), ("Threshold", (0.1, 3.0), {}, IMAGE), ("GLU", (), {"dim": 1}, IMAGE), ("PReLU", (4,), {"init": 0.1}, IMAGE), ("Softshrink", (0.2,), {}, LINE),
    ("Conv1d", (4, 6, 3), {"padding": 1}, LINE), ("Conv2d", (4, 6, 3), {"padding": "same", "padding_mode": "reflect"}, IMAGE),
    ("Conv2d", (4, 6, (2, 3)), {"padding": (1, 2), "padding_mode": "circular", "stride": 2}, IMAGE), ("Conv1d", (4, 4, 3), {"padding": 2, "padding_mode": "replicate", "groups": 2}, LINE),
    ("Conv3d", (4, 2, 2), {"groups": 2, "bias": False}, VOLUME), ("Conv3d", (4, 2, (2, 3, 1)), {"padding": (1, 0, 1)}, VOLUME),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "output_padding": 1}, LINE), ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2}, IMAGE),
    ("ConvTranspose3d", (4, 2, 2), {"stride": (1, 2, 1)}, VOLUME),
    ("BatchNorm1d", (4,), {}, LINE), ("BatchNorm2d", (4,), {"momentum": None}, IMAGE), ("BatchNorm3d", (4,), {"affine": False}, VOLUME),
    ("InstanceNorm1d", (4,), {}, LINE), ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, IMAGE), ("InstanceNorm3d", (4,), {"affine": True}, VOLUME),
    ("InstanceNorm1d", (4,), {}, (4, 9)), ("LayerNorm", ((6, 8),), {}, IMAGE), ("GroupNorm", (2, 4), {}, IMAGE), ("RMSNorm", (8,), {}, IMAGE), ("LocalResponseNorm", (3,), {"alpha": 0.1}, IMAGE),
    ("MaxPool1d", (3,), {"stride": 2}, LINE), ("MaxPool3d", (2,), {}, VOLUME), ("AvgPool1d", (3,), {"padding": 1}, LINE), ("AvgPool3d", (2,), {"ceil_mode": True}, VOLUME),
    ("LPPool1d", (2, 3), {}, LINE), ("LPPool2d", (2, 2), {"stride": 1}, IMAGE), ("LPPool3d", (2, 2), {}, VOLUME), ("AdaptiveAvgPool1d", (4,), {}, LINE),
    ("AdaptiveAvgPool2d", ((3, None),), {}, IMAGE), ("AdaptiveAvgPool3d", (2,), {}, VOLUME), ("AdaptiveMaxPool1d", (4,), {}, LINE), ("AdaptiveMaxPool2d", ((3, None),), {}, IMAGE),
    ("AdaptiveMaxPool3d", (2,), {}, VOLUME),
    ("Upsample", (), {"scale_factor": 2}, LINE), ("Upsample", (), {"size": (7, 5), "mode": "bilinear"}, IMAGE), ("Upsample", (), {"scale_factor": 1.5, "mode": "bicubic"}, IMAGE),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, IMAGE), ("UpsamplingBilinear2d", (), {"size": 9}, IMAGE), ("PixelShuffle", (2,), {}, IMAGE), ("PixelUnshuffle", (2,), {}, IMAGE),
    ("ChannelShuffle", (2,), {}, IMAGE), ("Unfold", (2,), {"stride": 2}, IMAGE), ("Fold", ((4, 5), 2), {}, (2, 8, 12)),
    *((f"{kind}Pad{n}d", (1, 7.0) if kind == "Constant" else (2,), {}, shape) for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")
      for n, shape in ((1, LINE), (2, IMAGE), (3, VOLUME))),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's on ChannelShuffle
@pytest.mark.parametrize(("name", "arguments", "options", "shape"), CASES, ids=lambda value: str(value).replace(" ", ""))
def test_layer(name: str, arguments: tuple[Any, ...], options: dict[str, Any], shape: tuple[int, ...]) -> None:
    theirs = getattr(torch.nn, name)(*arguments, **options).double()
    ours = getattr(nn, name)(*arguments, **options).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: ag.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    stream = np.random.default_rng(len(name))
    data = stream.standard_normal(shape)
    for training in (True, False):
        ours.train(training)
        theirs.train(training)
        x, u = ag.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        y, v = ours(x), theirs(u)
        np.testing.assert_allclose(y.detach().numpy(), v.detach().numpy(), rtol=1e-11, atol=1e-12)
        seed = stream.standard_normal(tuple(v.shape))
        ours.zero_grad()
        theirs.zero_grad()
        y.backward(ag.tensor(seed))
        v.backward(torch.tensor(seed))
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.numpy(), u.grad.numpy(), rtol=1e-9 if name != "CELU" else 1e-6, atol=1e-11)
        for a, e in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert a.grad is not None
            np.testing.assert_allclose(a.grad.numpy(), e.grad.numpy(), rtol=1e-9, atol=1e-11)
    for a, e in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), e.numpy(), rtol=1e-11)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_unpooling_layers(count: int) -> None:
    data = np.random.default_rng(count).standard_normal((2, 3, *[6, 4, 8][:count]))
    y, places = getattr(nn, f"MaxPool{count}d")(2, return_indices=True)(ag.tensor(data))
    v, positions = getattr(torch.nn, f"MaxPool{count}d")(2, return_indices=True)(torch.tensor(data))
    np.testing.assert_array_equal(getattr(nn, f"MaxUnpool{count}d")(2)(y, places).numpy(), getattr(torch.nn, f"MaxUnpool{count}d")(2)(v, positions).numpy())


@pytest.mark.parametrize("size", [(7, 13), (8, 14), (2, 6, 7, 14)])
def test_size_of_a_transposed_convolution(size: tuple[int, ...]) -> None:
    theirs = torch.nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1).double()
    ours = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1).double()
    ours.load_state_dict({key: ag.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    data = np.random.default_rng(0).standard_normal((2, 4, 4, 7))
    np.testing.assert_allclose(ours(ag.tensor(data), output_size=size).detach().numpy(), theirs(torch.tensor(data), output_size=size).detach().numpy(), rtol=1e-11, atol=1e-12)


def test_impossible_size_of_a_transposed_convolution() -> None:
    for module, x in ((nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1), ag.zeros(2, 4, 4, 7)), (torch.nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1), torch.zeros(2, 4, 4, 7))):
        with pytest.raises(ValueError, match="requested an output size"):
            module(x, output_size=(7, 12))


def test_random_slopes_in_evaluation_and_maxout() -> None:
    layer = nn.RReLU(0.2, 0.4).eval()
    np.testing.assert_allclose(layer(ag.tensor([-1.0, 2.0], dtype=ag.float64)).numpy(), [-0.3, 2.0], rtol=1e-15)
    assert nn.Maxout(2)(ag.tensor([[1.0, 3.0, 5.0, 4.0]])).tolist() == [[3.0, 5.0]]
    x = ag.tensor([-4.0, -1.0, 4.0], requires_grad=True)
    nn.Hardsigmoid()(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [0.0, 1 / 6, 0.0], rtol=1e-6)
