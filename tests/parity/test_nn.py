"""``nn`` against ``torch.nn`` in float64: state, outputs, gradients of inputs and parameters, text of ``repr``."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import autograd_core as ag
import nn

torch = pytest.importorskip("torch")
tnn = torch.nn

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).normal(size=shape)


def load(ours: nn.Module, theirs: tnn.Module, seed: int = 7) -> None:
    """Random state in both; fails if the keys, their order or the shapes differ."""
    stream = np.random.default_rng(seed)
    state = {}
    for name, value in theirs.state_dict().items():
        if not value.is_floating_point():
            state[name] = value.numpy()
        else:
            state[name] = stream.uniform(0.5, 2, size=tuple(value.shape)) if "var" in name else stream.normal(size=tuple(value.shape))
    assert [(name, tuple(value.shape)) for name, value in ours.state_dict().items()] == [(name, value.shape) for name, value in state.items()]
    theirs.double().load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    ours.double().load_state_dict(state)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    assert [name for name, _ in ours.named_buffers()] == [name for name, _ in theirs.named_buffers()]


def both(array: np.ndarray) -> tuple[ag.Tensor, torch.Tensor]:
    floating = array.dtype.kind == "f"
    return ag.tensor(array, requires_grad=floating), torch.tensor(array, requires_grad=floating)


def outputs(result):
    return [each for each in (result if isinstance(result, tuple) else (result,)) if each is not None]


def same(ours: nn.Module, theirs: tnn.Module, *arrays: np.ndarray, shared: bool = False, **call) -> None:
    """Call both with the same numbers and compare outputs and, after backward from random cotangents, all gradients."""
    pairs = [both(array) for array in arrays]
    if shared:
        pairs *= 3
    mine = outputs(ours(*[a for a, _ in pairs], **{name: ag.tensor(value) if isinstance(value, np.ndarray) else value for name, value in call.items()}))
    right = outputs(theirs(*[b for _, b in pairs], **{name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in call.items()}))
    assert len(mine) == len(right)
    total_mine = total_right = 0
    for i, (a, b) in enumerate(zip(mine, right, strict=True)):
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), **CLOSE)
        if b.is_floating_point():
            weight = random(*b.shape, seed=i + 1)
            total_mine = total_mine + (a * ag.tensor(weight)).sum()
            total_right = total_right + (b * torch.tensor(weight)).sum()
    if total_right.requires_grad:
        total_mine.backward()
        total_right.backward()
        for (a, b), array in zip(pairs, arrays if not shared else arrays * 3, strict=True):
            if array.dtype.kind == "f":
                np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **CLOSE)
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert (a.grad is None) == (b.grad is None), name
            if b.grad is not None:
                np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), err_msg=name, **CLOSE)
    for (name, a), b in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), err_msg=name, **CLOSE)


LAYERS = [
    ("Linear", (4, 3), {}, [(5, 4)]),
    ("Linear", (4, 3), {"bias": False}, [(2, 5, 4)]),
    ("Linear", (4, 3), {}, [(4,)]),
    ("Bilinear", (3, 4, 2), {}, [(5, 3), (5, 4)]),
    ("Bilinear", (3, 4, 2), {"bias": False}, [(2, 5, 3), (2, 5, 4)]),
    ("Identity", (3,), {"anything": 1}, [(2, 3)]),
    ("Conv2d", (3, 4, 3), {}, [(2, 3, 7, 6)]),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2, "bias": False}, [(2, 4, 7, 8)]),
    ("Conv2d", (2, 3, 3), {"padding": "same", "dilation": 2}, [(1, 2, 6, 6)]),
    ("Conv2d", (2, 3, 3), {"padding": "valid"}, [(2, 6, 6)]),
    ("MaxPool2d", (2,), {}, [(2, 3, 6, 7)]),
    ("MaxPool2d", ((3, 2),), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "ceil_mode": True}, [(2, 3, 7, 8)]),
    ("MaxPool2d", (3,), {"stride": 2, "return_indices": True}, [(3, 7, 7)]),
    ("AvgPool2d", (2,), {}, [(2, 3, 6, 7)]),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}, [(2, 3, 6, 7)]),
    ("AvgPool2d", ((2, 3),), {"divisor_override": 5}, [(3, 6, 7)]),
    ("AdaptiveAvgPool2d", (1,), {}, [(2, 3, 6, 7)]),
    ("AdaptiveAvgPool2d", ((3, None),), {}, [(3, 7, 5)]),
    ("LayerNorm", (4,), {}, [(2, 3, 4)]),
    ("LayerNorm", ((3, 4),), {"eps": 0.1}, [(2, 3, 4)]),
    ("LayerNorm", (4,), {"elementwise_affine": False}, [(2, 3, 4)]),
    ("LayerNorm", (4,), {"bias": False}, [(2, 3, 4)]),
    ("BatchNorm1d", (3,), {}, [(6, 3)]),
    ("BatchNorm1d", (3,), {"eps": 0.1, "momentum": 0.3}, [(4, 3, 5)]),
    ("BatchNorm1d", (3,), {"momentum": None}, [(6, 3)]),
    ("BatchNorm1d", (3,), {"affine": False}, [(6, 3)]),
    ("BatchNorm1d", (3,), {"track_running_stats": False}, [(6, 3)]),
    ("BatchNorm2d", (3,), {}, [(4, 3, 2, 5)]),
    ("BatchNorm2d", (3,), {"momentum": None, "affine": False}, [(4, 3, 2, 5)]),
    ("BatchNorm1d", (3,), {"bias": False}, [(6, 3)]),
    ("GroupNorm", (2, 4), {}, [(3, 4, 5)]),
    ("GroupNorm", (4, 4), {"eps": 0.1, "bias": False}, [(3, 4, 2, 2)]),
    ("GroupNorm", (1, 4), {"affine": False}, [(3, 4)]),
    ("RMSNorm", (4,), {}, [(2, 3, 4)]),
    ("RMSNorm", ((3, 4),), {"eps": 0.1, "elementwise_affine": False}, [(2, 3, 4)]),
    ("Conv1d", (3, 4, 3), {}, [(2, 3, 7)]),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 2, "dilation": 2, "groups": 2, "bias": False}, [(2, 4, 9)]),
    ("ConvTranspose2d", (3, 4, 3), {}, [(2, 3, 4, 5)]),
    ("ConvTranspose2d", (4, 6, (3, 2)), {"stride": (2, 3), "padding": (1, 0), "output_padding": (1, 2), "dilation": (2, 1), "groups": 2, "bias": False},
     [(2, 4, 4, 5)]),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}, [(2, 3, 9)]),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}, [(2, 3, 8)]),
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, -1)), {}, [(3, 6)]),
    ("Dropout", (0.0,), {}, [(3, 6)]),
    ("Dropout2d", (0.0,), {}, [(3, 6, 2, 2)]),
    ("AlphaDropout", (0.0,), {}, [(3, 6)]),
    ("Mish", (), {}, [(3, 4)]),
    ("Softmin", (1,), {}, [(3, 4)]),
    ("ReLU", (), {}, [(3, 4)]),
    ("LeakyReLU", (0.2,), {}, [(3, 4)]),
    ("ELU", (0.7,), {}, [(3, 4)]),
    ("GELU", (), {}, [(3, 4)]),
    ("GELU", ("tanh",), {}, [(3, 4)]),
    ("Sigmoid", (), {}, [(3, 4)]),
    ("LogSigmoid", (), {}, [(3, 4)]),
    ("Tanh", (), {}, [(3, 4)]),
    ("Softplus", (2.0, 1.0), {}, [(3, 4)]),
    ("Softsign", (), {}, [(3, 4)]),
    ("SiLU", (), {}, [(3, 4)]),
    ("Softmax", (-1,), {}, [(3, 4)]),
    ("Softmax", (0,), {}, [(3, 4, 2)]),
    ("LogSoftmax", (1,), {}, [(3, 4)]),
    ("Hardtanh", (-0.5, 0.7), {}, [(3, 4)]),
    ("ReLU6", (), {}, [(3, 4)]),
    ("PReLU", (), {}, [(3, 4)]),
    ("PReLU", (4,), {}, [(3, 4, 2)]),
    ("PReLU", (4,), {}, [(3, 4)]),
]


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(("kind", "args", "settings", "shapes"), LAYERS, ids=[f"{row[0]}-{i}" for i, row in enumerate(LAYERS)])
def test_layer(kind, args, settings, shapes, training):
    ours, theirs = getattr(nn, kind)(*args, **settings), getattr(tnn, kind)(*args, **settings)
    assert repr(ours) == repr(theirs)
    load(ours, theirs)
    ours.train(training)
    theirs.train(training)
    arrays = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
    same(ours, theirs, *arrays)
    ours.zero_grad()
    theirs.zero_grad()
    same(ours, theirs, *[array * 1.5 + 0.5 for array in arrays])


@pytest.mark.parametrize("kind", ["ReLU", "LeakyReLU", "ELU", "Hardtanh", "ReLU6", "SiLU", "Mish", "Dropout"])
def test_inplace(kind):
    settings = {"p": 0.0} if kind == "Dropout" else {}
    ours, theirs = getattr(nn, kind)(**settings, inplace=True), getattr(tnn, kind)(**settings, inplace=True)
    assert repr(ours) == repr(theirs)
    a, b = both(random(3, 4))
    doubled, right = a * 2, b * 2
    result = ours(doubled)
    assert result is doubled
    theirs(right)
    (result * result).sum().backward()
    (right * right).sum().backward()
    np.testing.assert_allclose(doubled.detach().numpy(), right.detach().numpy(), **CLOSE)
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **CLOSE)


@pytest.mark.parametrize("settings", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"max_norm": 1.0}, {"max_norm": 1.5, "norm_type": 1.0}])
def test_embedding(settings):
    ours, theirs = nn.Embedding(6, 3, **settings), tnn.Embedding(6, 3, **settings)
    assert repr(ours) == repr(theirs)
    if ours.padding_idx is not None:
        assert ours.weight[ours.padding_idx].tolist() == [0.0, 0.0, 0.0]
    load(ours, theirs)
    same(ours, theirs, np.array([[0, 2, 5], [2, 2, 1]]))
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), **CLOSE)
    table = random(4, 2)
    frozen = nn.Embedding.from_pretrained(ag.tensor(table))
    assert not frozen.weight.requires_grad
    np.testing.assert_array_equal(frozen(ag.tensor([3, 0])).numpy(), table[[3, 0]])


# --- attention ------------------------------------------------------------------------------------------------------

BOOL_MASK = np.triu(np.ones((4, 5), dtype=bool), 2)
PADDING = np.array([[False, False, True, False, False], [False, False, False, True, True], [False] * 5])
CALLS = {
    "plain": {},
    "without weights": {"need_weights": False},
    "each head": {"average_attn_weights": False},
    "boolean mask": {"attn_mask": BOOL_MASK},
    "float mask": {"attn_mask": random(4, 5)},
    "mask for each head": {"attn_mask": random(6, 4, 5), "average_attn_weights": False},
    "padding": {"key_padding_mask": PADDING},
    "both": {"key_padding_mask": PADDING, "attn_mask": BOOL_MASK, "need_weights": False},
}
SETTINGS = [{}, {"bias": False}, {"kdim": 5, "vdim": 7}, {"add_bias_kv": True}, {"add_zero_attn": True},
            {"add_bias_kv": True, "add_zero_attn": True, "kdim": 3}]
CAUSAL = {"attn_mask": np.triu(np.ones((5, 5), dtype=bool), 1), "is_causal": True, "need_weights": False}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_cross_attention(settings, batch_first, call):
    ours, theirs = nn.MultiheadAttention(4, 2, batch_first=batch_first, **settings), tnn.MultiheadAttention(4, 2, batch_first=batch_first, **settings)
    load(ours, theirs)
    arrays = [random(4, 3, 4), random(5, 3, settings.get("kdim", 4)), random(5, 3, settings.get("vdim", 4), seed=1)]
    if batch_first:
        arrays = [array.swapaxes(0, 1).copy() for array in arrays]
    same(ours, theirs, *arrays, **call)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("call", [{}, {"need_weights": False}, CAUSAL], ids=["plain", "without weights", "causal"])
def test_self_attention(call, training):
    ours, theirs = nn.MultiheadAttention(4, 2), tnn.MultiheadAttention(4, 2)
    load(ours, theirs)
    same(ours.train(training), theirs.train(training), random(5, 3, 4), shared=True, **call)
    same(ours, theirs, random(5, 4), shared=True, **{**call, "need_weights": True, "is_causal": False})


def test_attention_without_batch_and_with_padding():
    ours, theirs = nn.MultiheadAttention(4, 2), tnn.MultiheadAttention(4, 2)
    load(ours, theirs)
    same(ours, theirs, random(4, 4), random(5, 4), random(5, 4, seed=1), key_padding_mask=PADDING[0])


def test_attention_drops_weights_in_training_only():
    layer = nn.MultiheadAttention(4, 2, dropout=0.5)
    x = ag.randn(20, 3, 4)
    _, weights = layer(x, x, x, average_attn_weights=False)
    assert 0.4 < (weights == 0).to(ag.float64).mean().item() < 0.6
    _, weights = layer.eval()(x, x, x)
    np.testing.assert_allclose(weights.sum(dim=-1).detach().numpy(), 1, rtol=1e-5)


# --- losses ---------------------------------------------------------------------------------------------------------

def compare_losses(ours: nn.Module, theirs: tnn.Module, inputs: list[np.ndarray], target: np.ndarray) -> None:
    pairs = [both(input) for input in inputs]
    mine, right = ours(*[a for a, _ in pairs], ag.tensor(target)), theirs(*[b for _, b in pairs], torch.tensor(target))
    np.testing.assert_allclose(mine.detach().numpy(), right.detach().numpy(), **CLOSE)
    cotangent = random(*right.shape, seed=3)
    mine.backward(ag.tensor(cotangent))
    right.backward(torch.tensor(cotangent))
    for a, b in pairs:
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **CLOSE)


INDICES = np.array([2, 0, 1, 2, 0])
PROBABILITIES = np.exp(random(5, 3)) / np.exp(random(5, 3)).sum(axis=1, keepdims=True)
CHANCES = 1 / (1 + np.exp(-random(4, 3)))
WEIGHTS = np.array([0.5, 2.0, 1.5])
LOSSES = [
    ("MSELoss", {}, random(4, 3), random(4, 3, seed=1)),
    ("L1Loss", {}, random(4, 3), random(4, 3, seed=1)),
    ("SmoothL1Loss", {"beta": 0.5}, random(4, 3), random(4, 3, seed=1)),
    ("HuberLoss", {"delta": 0.7}, random(4, 3), random(4, 3, seed=1)),
    ("CrossEntropyLoss", {}, random(5, 3), INDICES),
    ("CrossEntropyLoss", {"weight": WEIGHTS, "ignore_index": 1, "label_smoothing": 0.1}, random(5, 3), INDICES),
    ("CrossEntropyLoss", {"label_smoothing": 0.2}, random(5, 3), PROBABILITIES),
    ("CrossEntropyLoss", {"weight": WEIGHTS}, random(2, 3, 4), np.array([[0, 1, 2, 0], [1, 1, 0, 2]])),
    ("NLLLoss", {}, random(5, 3), INDICES),
    ("NLLLoss", {"weight": WEIGHTS, "ignore_index": 0}, random(5, 3), INDICES),
    ("BCELoss", {}, CHANCES, (CHANCES.T[::-1].reshape(4, 3) > 0.5) * 1.0),
    ("BCELoss", {"weight": WEIGHTS}, CHANCES, CHANCES[::-1].copy()),
    ("BCEWithLogitsLoss", {}, random(4, 3), CHANCES),
    ("BCEWithLogitsLoss", {"weight": WEIGHTS, "pos_weight": WEIGHTS * 2}, random(4, 3), CHANCES),
    ("HingeEmbeddingLoss", {"margin": 0.5}, random(4, 3), np.sign(random(4, 3, seed=2))),
    ("MultiMarginLoss", {"p": 2, "margin": 0.8}, random(5, 3), INDICES),
    ("MultiMarginLoss", {"weight": WEIGHTS}, random(5, 3), INDICES),
]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_divergence(reduction, log_target):
    target = np.log(PROBABILITIES) if log_target else PROBABILITIES
    input = np.log(PROBABILITIES[::-1].copy())
    ours, theirs = nn.KLDivLoss(reduction=reduction, log_target=log_target), tnn.KLDivLoss(reduction=reduction, log_target=log_target)
    compare_losses(ours, theirs, [input], target)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_margin_ranking(reduction):
    settings = {"margin": 0.3, "reduction": reduction}
    compare_losses(nn.MarginRankingLoss(**settings), tnn.MarginRankingLoss(**settings), [random(4, 3), random(4, 3, seed=1)], np.sign(random(4, 3, seed=2)))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("kind", "settings", "input", "target"), LOSSES, ids=[f"{row[0]}-{i}" for i, row in enumerate(LOSSES)])
def test_loss(kind, settings, input, target, reduction):
    mine = {name: ag.tensor(value) if isinstance(value, np.ndarray) else value for name, value in settings.items()}
    right = {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in settings.items()}
    ours, theirs = getattr(nn, kind)(**mine, reduction=reduction), getattr(tnn, kind)(**right, reduction=reduction)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    compare_losses(ours, theirs, [input], target)


# --- whole models, signatures, initial values -----------------------------------------------------------------------


def convolutional(library):
    return library.Sequential(
        library.Conv2d(1, 3, 3, padding=1), library.BatchNorm2d(3), library.ReLU(), library.MaxPool2d(2), library.Flatten(), library.Linear(12, 5),
        library.Tanh(), library.Linear(5, 2))


def test_model_with_state_both_ways():
    ours, theirs = convolutional(nn), convolutional(tnn)
    assert repr(ours) == repr(theirs)
    load(ours, theirs)
    for _ in range(2):
        same(ours, theirs, random(3, 1, 4, 4))
    ours.eval()
    theirs.load_state_dict({name: torch.tensor(value.numpy()) for name, value in ours.state_dict().items()})
    same(ours, theirs.eval(), random(3, 1, 4, 4, seed=5))


@pytest.mark.parametrize("kind", sorted({row[0] for row in LAYERS} | {row[0] for row in LOSSES} | {"Embedding", "MultiheadAttention"}))
def test_parameters_have_torchs_names_and_defaults(kind):
    def described(cls):
        gone = {"self", "size_average", "reduce", "args", "kwargs", "min_value", "max_value"}  # deprecated in PyTorch
        return [(p.name, p.default) for p in inspect.signature(cls.__init__).parameters.values() if p.name not in gone]

    assert described(getattr(nn, kind)) == described(getattr(tnn, kind))


@pytest.mark.parametrize("make", [
    lambda library: library.Linear(50, 400), lambda library: library.Conv2d(8, 64, 3, groups=2), lambda library: library.Embedding(100, 200),
    lambda library: library.MultiheadAttention(64, 4), lambda library: library.Bilinear(30, 20, 40),
    lambda library: library.MultiheadAttention(64, 4, add_bias_kv=True, kdim=32)])
def test_initial_values_have_torchs_spread(make):
    ag.manual_seed(0)
    torch.manual_seed(0)
    for (name, ours), theirs in zip(make(nn).named_parameters(), make(tnn).parameters(), strict=True):
        a, b = ours.detach().numpy().astype(float), theirs.detach().numpy().astype(float)
        if b.std() == 0:
            np.testing.assert_array_equal(a, b, err_msg=name)
            continue
        tolerance = 6 / np.sqrt(b.size)
        assert abs(a.mean() - b.mean()) < tolerance * b.std(), name
        assert abs(a.std() / b.std() - 1) < tolerance, name
        bounded = abs(b).max() / b.std() < 2
        assert (abs(a).max() / a.std() < 2) == bounded, name


@pytest.mark.parametrize(("name", "param"), [
    ("linear", None), ("conv2d", None), ("sigmoid", None), ("tanh", None), ("relu", None), ("selu", None), ("leaky_relu", None), ("leaky_relu", 0.3)])
def test_gain(name, param):
    assert nn.init.calculate_gain(name, param) == pytest.approx(tnn.init.calculate_gain(name, param), rel=1e-15)


@pytest.mark.parametrize("order", [2.0, 1.0, float("inf"), 0.5])
def test_clip_grad_norm(order):
    ours, theirs = nn.Linear(3, 2), tnn.Linear(3, 2)
    load(ours, theirs)
    same(ours, theirs, random(4, 3))
    total = nn.utils.clip_grad_norm_(ours.parameters(), 0.7, norm_type=order)
    assert total.item() == pytest.approx(tnn.utils.clip_grad_norm_(theirs.parameters(), 0.7, norm_type=order).item(), rel=1e-12)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), **CLOSE)
