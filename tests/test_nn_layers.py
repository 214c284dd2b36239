"""Layers and losses: values against closed forms, gradients against finite differences, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import autograd_core as ag
import nn

F64 = ag.float64


def random(*shape: int, seed: int = 0) -> ag.Tensor:
    return ag.tensor(np.random.default_rng(seed + sum(shape)).normal(size=shape), requires_grad=True)


# --- gradients ------------------------------------------------------------------------------------------------------

CASES = [
    (lambda: nn.Linear(3, 2), [(4, 3)]), (lambda: nn.Bilinear(2, 3, 2), [(4, 2), (4, 3)]), (lambda: nn.Conv1d(2, 3, 2), [(2, 2, 5)]),
    (lambda: nn.Conv2d(2, 2, 2, stride=2, padding=1, groups=2), [(2, 2, 3, 3)]), (lambda: nn.ConvTranspose2d(2, 2, 2, stride=2), [(1, 2, 2, 3)]),
    (lambda: nn.MaxPool1d(2), [(1, 2, 4)]), (lambda: nn.MaxPool2d(2), [(1, 2, 4, 4)]), (lambda: nn.AvgPool1d(2), [(1, 2, 4)]),
    (lambda: nn.AvgPool2d(2), [(1, 2, 4, 4)]), (lambda: nn.AdaptiveAvgPool2d(2), [(1, 2, 5, 4)]),
    (lambda: nn.BatchNorm1d(3), [(4, 3)]), (lambda: nn.BatchNorm2d(2).eval(), [(2, 2, 2, 2)]), (lambda: nn.LayerNorm((2, 3)), [(2, 2, 3)]),
    (lambda: nn.GroupNorm(2, 4), [(2, 4, 3)]), (lambda: nn.RMSNorm(3), [(2, 3)]), (nn.Flatten, [(2, 2, 2)]),
    (lambda: nn.Unflatten(1, (2, 2)), [(2, 4)]), (nn.ReLU, [(3, 4)]), (nn.LeakyReLU, [(3, 4)]), (lambda: nn.ELU(0.5), [(3, 4)]),
    (nn.GELU, [(3, 4)]), (lambda: nn.GELU("tanh"), [(3, 4)]), (nn.SiLU, [(3, 4)]), (nn.Mish, [(3, 4)]),
    (nn.Sigmoid, [(3, 4)]), (nn.LogSigmoid, [(3, 4)]), (nn.Tanh, [(3, 4)]), (lambda: nn.Softplus(2.0), [(3, 4)]),
    (nn.Softsign, [(3, 4)]), (lambda: nn.Softmax(1), [(3, 4)]), (lambda: nn.Softmin(1), [(3, 4)]), (lambda: nn.LogSoftmax(0), [(3, 4)]),
    (nn.Hardtanh, [(3, 4)]), (nn.ReLU6, [(3, 4)]), (lambda: nn.PReLU(4), [(3, 4, 2)]), (lambda: nn.Dropout().eval(), [(3, 4)]),
    (nn.MSELoss, [(3, 4), (3, 4)]), (nn.HuberLoss, [(3, 4), (3, 4)]), (lambda: nn.SmoothL1Loss(beta=0.5), [(3, 4), (3, 4)]),
    (lambda: nn.MultiheadAttention(4, 2), [(3, 2, 4), (2, 2, 4), (2, 2, 4)]),
    (lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, kdim=3, batch_first=True), [(2, 3, 4), (2, 2, 3), (2, 2, 4)]),
]


@pytest.mark.parametrize(("make", "shapes"), CASES, ids=[f"{type(make()).__name__}-{i}" for i, (make, _) in enumerate(CASES)])
def test_gradients_of_inputs_and_parameters(make, shapes):
    ag.manual_seed(0)
    module = make().double()
    inputs = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
    parameters = list(module.parameters())
    assert ag.autograd.gradcheck(lambda *args: module(*args[: len(inputs)]), (*inputs, *parameters))


# --- values ---------------------------------------------------------------------------------------------------------


def test_linear_is_a_matrix_product():
    layer = nn.Linear(3, 2, dtype=F64)
    x = random(5, 3)
    expected = x.detach().numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("mask", [None, "bool", "float"])
@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_against_its_definition(mask, need_weights):
    layer = nn.MultiheadAttention(6, 2, dtype=F64)
    query, key, value = random(4, 3, 6), random(5, 3, 6), random(5, 3, 6, seed=1)
    with ag.no_grad():
        layer.in_proj_bias.normal_()
        layer.out_proj.bias.normal_()
    allowed = np.tril(np.ones((4, 5)), 1)
    given = None if mask is None else ag.tensor(allowed == 0) if mask == "bool" else ag.tensor(np.where(allowed == 0, -np.inf, 0.5))
    output, weights = layer(query, key, value, attn_mask=given, need_weights=need_weights, average_attn_weights=False)
    w, b = layer.in_proj_weight.detach().numpy(), layer.in_proj_bias.detach().numpy()
    q, k, v = [x.detach().numpy() @ w[6 * i:6 * i + 6].T + b[6 * i:6 * i + 6] for i, x in enumerate((query, key, value))]
    result = np.empty((4, 3, 6))
    for n in range(3):
        for head in range(2):
            part = slice(3 * head, 3 * head + 3)
            scores = q[:, n, part] @ k[:, n, part].T / math.sqrt(3)
            e = np.exp(scores) * (allowed if mask else 1)
            e /= e.sum(axis=1, keepdims=True)
            result[:, n, part] = e @ v[:, n, part]
            if need_weights:
                np.testing.assert_allclose(weights[n, head].detach().numpy(), e, rtol=1e-12)
    expected = result @ layer.out_proj.weight.detach().numpy().T + layer.out_proj.bias.detach().numpy()
    np.testing.assert_allclose(output.detach().numpy(), expected, rtol=1e-12)
    assert (weights is None) == (not need_weights)


def test_batch_norm_keeps_running_statistics():
    x = random(8, 3).detach()
    for momentum in (0.25, None):
        norm = nn.BatchNorm1d(3, momentum=momentum, dtype=F64)
        mean, var = np.zeros(3), np.ones(3)
        for step, batch in enumerate((x[:4], x[4:]), start=1):
            out = norm(batch).detach().numpy()
            np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-12)
            weight = 1 / step if momentum is None else momentum
            mean = (1 - weight) * mean + weight * batch.numpy().mean(axis=0)
            var = (1 - weight) * var + weight * batch.numpy().var(axis=0, ddof=1)
        np.testing.assert_allclose(norm.running_mean.numpy(), mean, rtol=1e-12)
        np.testing.assert_allclose(norm.running_var.numpy(), var, rtol=1e-12)
        assert norm.num_batches_tracked.item() == 2
        before = norm.running_mean.tolist()
        np.testing.assert_allclose(norm.eval()(x).detach().numpy(), (x.numpy() - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
        assert norm.running_mean.tolist() == before
        norm.reset_parameters()
        assert norm.running_var.tolist() == [1.0, 1.0, 1.0]
        assert norm.num_batches_tracked.item() == 0


def test_embedding_looks_rows_up():
    table = nn.Embedding(5, 2, padding_idx=-2, dtype=F64)
    index = ag.tensor([[0, 3], [4, 0]])
    out = table(index)
    np.testing.assert_array_equal(out.detach().numpy(), table.weight.detach().numpy()[index.numpy()])
    out.sum().backward()
    assert table.weight.grad.tolist() == [[2, 2], [0, 0], [0, 0], [0, 0], [1, 1]]
    short = nn.Embedding(4, 2, max_norm=1.0, _weight=ag.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [0.0, 0.0]]))
    looked_up = short(ag.tensor([0, 1, 0, 3]))
    np.testing.assert_allclose(looked_up.detach().numpy(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(short.weight.detach().numpy()[[0, 2]], [[0.6, 0.8], [6.0, 8.0]], rtol=1e-6)
    with pytest.raises(IndexError):
        table(ag.tensor([5]))


def test_losses_against_closed_forms():
    logits, labels = np.array([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0]]), np.array([1, 0])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    each = -np.log(probabilities[[0, 1], labels])
    x, y = ag.tensor(logits), ag.tensor(labels)
    weight = ag.tensor([2.0, 0.5, 1.0], dtype=F64)
    close = {"rel": 1e-12}
    assert nn.CrossEntropyLoss()(x, y).item() == pytest.approx(each.mean(), **close)
    assert nn.CrossEntropyLoss(weight)(x, y).item() == pytest.approx((0.5 * each[0] + 2 * each[1]) / 2.5, **close)
    assert nn.CrossEntropyLoss(ignore_index=0, reduction="sum")(x, y).item() == pytest.approx(each[0], **close)
    smooth = 0.7 * each - 0.3 * np.log(probabilities).mean(axis=1)
    assert nn.CrossEntropyLoss(label_smoothing=0.3)(x, y).item() == pytest.approx(smooth.mean(), **close)
    assert nn.NLLLoss()(nn.LogSoftmax(1)(x), y).item() == pytest.approx(each.mean(), **close)
    assert nn.L1Loss()(x, ag.zeros(2, 3, dtype=F64)).item() == pytest.approx(abs(logits).mean(), **close)
    signs = ag.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]], dtype=F64)
    hinge = np.maximum(0, 0.5 - logits * signs.numpy())
    assert nn.HingeLoss(margin=0.5)(x, signs).item() == pytest.approx(hinge.mean(), **close)
    embedded = np.where(signs.numpy() > 0, logits, np.maximum(0, 1 - logits))
    assert nn.HingeEmbeddingLoss()(x, signs).item() == pytest.approx(embedded.mean(), **close)
    chances = 1 / (1 + np.exp(-logits))
    target = (signs.numpy() + 1) / 2
    bce = -(3 * target * np.log(chances) + (1 - target) * np.log(1 - chances))
    assert nn.BCEWithLogitsLoss(pos_weight=ag.tensor(3.0, dtype=F64))(x, ag.tensor(target)).item() == pytest.approx(bce.mean(), **close)
    plain = -(target * np.log(chances) + (1 - target) * np.log(1 - chances))
    assert nn.BCELoss(reduction="sum")(ag.tensor(chances), ag.tensor(target)).item() == pytest.approx(plain.sum(), **close)
    margins = np.maximum(0, 1 - logits[[0, 1], labels][:, None] + logits)
    margins[[0, 1], labels] = 0
    assert nn.MultiMarginLoss()(x, y).item() == pytest.approx((margins.sum(axis=1) / 3).mean(), **close)
    ranked = nn.MarginRankingLoss(margin=0.2)(x[:, 0], x[:, 1], ag.tensor([1.0, -1.0], dtype=F64)).item()
    assert ranked == pytest.approx((1.2 + 1.3) / 2, **close)
    divergence = (probabilities * (np.log(probabilities) - np.log(1 / 3))).sum() / 2
    assert nn.KLDivLoss("batchmean")(ag.full((2, 3), math.log(1 / 3), dtype=F64), ag.tensor(probabilities)).item() == pytest.approx(divergence, **close)
    with pytest.raises(ValueError, match="p == 1 and p == 2"):
        nn.MultiMarginLoss(p=3)
    with pytest.raises(ValueError, match="batchmean"):
        nn.KLDivLoss("other")


# --- errors and settings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "error", "match"), [
    (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
    (lambda: nn.Conv2d(4, 3, 3, groups=0), ValueError, "groups must be a positive"),
    (lambda: nn.Conv2d(4, 3, 3, padding="half"), ValueError, "Invalid padding string"),
    (lambda: nn.functional.conv2d(ag.ones(1, 4, 5, 5), ag.ones(3, 4, 3, 3), padding="half"), RuntimeError, "conv2d: Invalid padding string 'half'"),
    (lambda: nn.Conv2d(4, 3, 3, padding="same", stride=2), ValueError, "not supported for strided"),
    (lambda: nn.Conv2d(4, 3, 3, padding_mode="mirror"), ValueError, "padding_mode must be one of"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "within num_embeddings"),
    (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "not supported"),
    (lambda: nn.Embedding.from_pretrained(ag.zeros(3)), ValueError, "2-dimensional"),
    (lambda: nn.MultiheadAttention(5, 2), ValueError, "divisible by num_heads"),
    (lambda: nn.MultiheadAttention(0, 2), ValueError, "greater than 0"),
    (lambda: nn.MSELoss("average"), ValueError, "not a valid value for reduction"),
    (lambda: nn.Hardtanh(1, 0), ValueError, "max_val must be larger"),
    (lambda: nn.BatchNorm1d(3)(ag.zeros(3)), ValueError, "expected 2D or 3D input"),
    (lambda: nn.BatchNorm2d(3)(ag.zeros(3, 3)), ValueError, "expected 4D input"),
    (lambda: nn.Linear(3, 2)(ag.zeros(4, 5)), RuntimeError, r"\(4, 5\)"),
    (lambda: nn.MultiheadAttention(4, 2)(ag.zeros(2, 1, 3), ag.zeros(2, 1, 3), ag.zeros(2, 1, 3)), RuntimeError, "embedding dimensions of 4"),
    (lambda: nn.MultiheadAttention(4, 2)(ag.zeros(2, 4), ag.zeros(2, 1, 4), ag.zeros(2, 1, 4)), RuntimeError, "3 dimensions"),
    (lambda: nn.MultiheadAttention(4, 2)(ag.zeros(2, 1, 4), ag.zeros(2, 3, 4), ag.zeros(2, 3, 4)), RuntimeError, "same batch size"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, attn_mask=ag.zeros(3, 3)), RuntimeError, "attn_mask"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, key_padding_mask=ag.zeros(3, 3)), RuntimeError, "key_padding_mask"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, is_causal=True), RuntimeError, "need attn_mask"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, attn_mask=ag.zeros(2, 2, dtype=ag.int64)), TypeError, "bool and floating"),
])
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_dropout_only_in_training():
    ag.manual_seed(0)
    layer = nn.Dropout(0.25)
    x = ag.ones(4000)
    dropped = layer(x)
    assert set(np.unique(dropped.numpy()).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    assert abs((dropped == 0).to(ag.float64).mean().item() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 4000)
    assert layer.eval()(x).tolist() == x.tolist()


def test_layers_can_be_made_in_a_dtype():
    for layer in (nn.Linear(2, 2, dtype=ag.float64), nn.Conv2d(1, 1, 1, dtype=ag.float64), nn.BatchNorm2d(1, dtype=ag.float64),
                  nn.LayerNorm(2, dtype=ag.float64),
                  nn.Embedding(2, 2, dtype=ag.float64), nn.MultiheadAttention(2, 1, dtype=ag.float64), nn.PReLU(dtype=ag.float64)):
        assert {p.dtype.name for p in layer.parameters()} == {"float64"}


