"""Losses, distances, embeddings and dropout against PyTorch: keyword combinations, shapes, kinds of errors, warnings."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd_core as ag
import nn
from autograd_core import Tensor, autograd
from autograd_core.errors import BroadcastWarning

torch = pytest.importorskip("torch")
F, TF = nn.functional, torch.nn.functional
REDUCTIONS = ["none", "mean", "sum"]


def data(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> Any:
    return np.random.default_rng(seed).uniform(low, high, shape)


def check(ours: Any, theirs: Any, arrays: list[Any], second: bool = True, frozen: int = 0) -> None:
    """Values, gradients and gradients of gradients of the float arrays but the last ``frozen``."""
    last = len(arrays) - frozen
    mine = [Tensor(a, requires_grad=a.dtype.kind == "f" and i < last) for i, a in enumerate(arrays)]
    other = [torch.tensor(a, requires_grad=a.dtype.kind == "f" and i < last) for i, a in enumerate(arrays)]
    a, b = ours(*mine), theirs(*other)
    assert a.dtype.name == str(b.dtype).removeprefix("torch.")
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)
    inputs = [[t for t in each if t.requires_grad] for each in (mine, other)]
    seed = data(*a.shape, seed=9)
    first = autograd.grad(a, inputs[0], Tensor(seed), create_graph=second), torch.autograd.grad(b, inputs[1], torch.tensor(seed), create_graph=second)
    for x, y in zip(*first, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(force=True), rtol=1e-8, atol=1e-10)
    if not second or not any(y.requires_grad for y in first[1]):
        return
    total = sum((x * x).sum() for x in first[0]), sum((y * y).sum() for y in first[1])
    if not total[0].requires_grad:  # known to be constant, where PyTorch computes zeros
        for y in torch.autograd.grad(total[1], inputs[1], allow_unused=True, materialize_grads=True):
            assert not y.numpy(force=True).any()
        return
    twice = autograd.grad(total[0], inputs[0], allow_unused=True, materialize_grads=True), torch.autograd.grad(total[1], inputs[1], allow_unused=True, materialize_grads=True)
    for x, y in zip(*twice, strict=True):
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(force=True), rtol=1e-7, atol=1e-9)


def both(name: str, **attrs: Any) -> tuple[Any, Any]:
    return (lambda *xs: getattr(F, name)(*xs, **attrs)), (lambda *xs: getattr(TF, name)(*xs, **attrs))


# --- likelihoods --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("log_input", "full", "reduction"), [*itertools.product([True, False], [True, False], REDUCTIONS)])
def test_poisson(log_input: bool, full: bool, reduction: str) -> None:
    check(*both("poisson_nll_loss", log_input=log_input, full=full, reduction=reduction), [data(3, 4, low=0.5), np.random.default_rng(1).integers(0, 9, (3, 4)).astype(float)], frozen=1)


@pytest.mark.parametrize(("shape", "full", "reduction"), [*itertools.product([(3, 4), (3,), (3, 1)], [True, False], REDUCTIONS)])
def test_gaussian(shape: Any, full: bool, reduction: str) -> None:
    check(*both("gaussian_nll_loss", full=full, reduction=reduction), [data(3, 4), data(3, 4, seed=1), data(*shape, seed=2, low=0.5)])


def test_gaussian_variance_below_eps_keeps_its_gradient() -> None:
    check(*both("gaussian_nll_loss", eps=0.5), [data(3, 4), data(3, 4, seed=1), data(3, 4, seed=2, low=0.0, high=1.0)])
    assert F.gaussian_nll_loss(Tensor([1.0]), Tensor([0.0]), 4.0).item() == pytest.approx(TF.gaussian_nll_loss(torch.tensor([1.0]), torch.tensor([0.0]), 4.0).item())


# --- margins ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(5,), (2, 3)])
def test_soft_margin(shape: Any, reduction: str) -> None:
    signs = np.sign(data(*shape, seed=1))
    check(*both("soft_margin_loss", reduction=reduction), [data(*shape) * 5, signs], frozen=1)
    check(*both("hinge_embedding_loss", reduction=reduction, margin=0.5), [data(*shape), signs], frozen=1)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("single", [True, False])
def test_labels(single: bool, reduction: str) -> None:
    scores, labels = data(3, 5), np.array([[1, 4, -1, 0, 0], [-1, 0, 1, 2, 3], [2, 2, 0, -1, 4]])
    bits = (data(3, 5, seed=1) > 0).astype(float)
    pick = 0 if single else slice(None)
    check(*both("multilabel_margin_loss", reduction=reduction), [scores[pick], labels[pick]], second=False)
    for weight in (None, data(5, seed=2, low=0.5)):
        check(lambda x, y, weight=weight: F.multilabel_soft_margin_loss(x, y, None if weight is None else Tensor(weight), reduction=reduction),
              lambda x, y, weight=weight: TF.multilabel_soft_margin_loss(x, y, None if weight is None else torch.tensor(weight), reduction=reduction), [scores[pick], bits[pick]])
    classes = np.array([1, 4, 0])[pick]
    for p, margin in itertools.product([1, 2], [1.0, 0.3]):
        check(*both("multi_margin_loss", p=p, margin=margin, reduction=reduction), [scores[pick], np.asarray(classes)], second=False)


@pytest.mark.parametrize(("swap", "p", "reduction"), [*itertools.product([True, False], [1.0, 2.0, 3.0], REDUCTIONS)])
def test_triplets(swap: bool, p: float, reduction: str) -> None:
    arrays = [data(4, 3, seed=i) for i in range(3)]
    check(*both("triplet_margin_loss", swap=swap, p=p, reduction=reduction), arrays)
    check(lambda *xs: F.triplet_margin_with_distance_loss(*xs, distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), swap=swap, reduction=reduction),
          lambda *xs: TF.triplet_margin_with_distance_loss(*xs, distance_function=lambda a, b: 1 - TF.cosine_similarity(a, b), swap=swap, reduction=reduction), arrays)


@pytest.mark.parametrize(("margin", "reduction"), [*itertools.product([0.0, 0.4], REDUCTIONS)])
def test_cosine_embedding(margin: float, reduction: str) -> None:
    check(*both("cosine_embedding_loss", margin=margin, reduction=reduction), [data(6, 3), data(6, 3, seed=1), np.array([1, -1, -1, 1, -1, 1])])


# --- distances ----------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(p=st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, float("inf")]), batch=st.sampled_from([((), ()), ((2,), ()), ((2, 1), (3,))]), sizes=st.tuples(*[st.integers(1, 4)] * 3))
def test_cdist(p: float, batch: Any, sizes: Any) -> None:
    n, m, size = sizes
    arrays = [data(*batch[0], n, size), data(*batch[1], m, size, seed=1)]
    check(lambda a, b: ag.cdist(a, b, p=p), lambda a, b: torch.cdist(a, b, p=p), arrays, second=False)


@pytest.mark.parametrize("mode", ["use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
def test_cdist_of_many_rows(mode: str) -> None:
    check(lambda a, b: ag.cdist(a, b, compute_mode=mode), lambda a, b: torch.cdist(a, b, compute_mode=mode), [data(30, 3), data(4, 3, seed=1)], second=False)


def test_distance_of_a_point_from_itself_has_no_gradient() -> None:
    x = Tensor(data(3, 2), requires_grad=True)
    ag.cdist(x, x).sum().backward()
    y = torch.tensor(data(3, 2), requires_grad=True)
    torch.cdist(y, y).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy())


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0, float("inf")])
def test_pdist_and_pairwise(p: float) -> None:
    check(lambda x: ag.pdist(x, p), lambda x: torch.pdist(x, p), [data(5, 3)], second=False)
    check(lambda a, b: F.pairwise_distance(a, b, p, keepdim=True), lambda a, b: TF.pairwise_distance(a, b, p, keepdim=True), [data(5, 3), data(3, seed=1)], second=p != float("inf"))


@pytest.mark.parametrize(("shapes", "dim"), [(((3, 4), (3, 4)), 1), (((3, 4), (4,)), -1), (((2, 3, 4), (3, 4)), 0), (((3, 1, 4), (2, 4)), 2)])
def test_cosine_similarity(shapes: Any, dim: int) -> None:
    check(*both("cosine_similarity", dim=dim), [data(*shapes[0]), data(*shapes[1], seed=1)])


def test_cosine_similarity_of_zeros() -> None:
    check(*both("cosine_similarity", dim=0), [np.zeros(3), data(3)], second=False)


# --- connectionist temporal classification ------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), joined=st.booleans(), reduction=st.sampled_from(REDUCTIONS), zero=st.booleans())
def test_ctc(seed: int, joined: bool, reduction: str, zero: bool) -> None:
    stream = np.random.default_rng(seed)
    steps, batch, classes = stream.integers(1, 7), stream.integers(1, 4), stream.integers(2, 5)
    blank = int(stream.integers(classes))
    wanted = tuple(int(n) for n in stream.integers(0 if joined else 1, 4, batch))
    inputs = tuple(int(n) for n in stream.integers(1, steps + 1, batch))
    labels = [c for c in range(classes) if c != blank]
    targets = stream.choice(labels, sum(wanted) if joined else (batch, 4))
    scores = stream.standard_normal((steps, batch, classes))
    options = {"blank": blank, "reduction": reduction, "zero_infinity": zero}
    finite = np.isfinite(TF.ctc_loss(torch.tensor(scores).log_softmax(2), torch.tensor(targets), inputs, wanted, blank, "none").numpy()).all()
    if finite or zero:
        check(lambda x: F.ctc_loss(x.log_softmax(2), Tensor(targets), inputs, wanted, **options), lambda x: TF.ctc_loss(x.log_softmax(2), torch.tensor(targets), inputs, wanted, **options),
              [scores], second=False)
    else:
        assert np.isinf(F.ctc_loss(Tensor(scores).log_softmax(2), Tensor(targets), inputs, wanted, **options).numpy()).any()


def test_ctc_takes_lengths_as_tensors_and_a_single_sample() -> None:
    scores, targets = data(5, 3), np.array([1, 2])
    expected = TF.ctc_loss(torch.tensor(scores).log_softmax(1), torch.tensor(targets), torch.tensor(5), torch.tensor(2)).item()
    for lengths in ((Tensor(np.array(5)), Tensor(np.array(2))), (5, 2), ([5], [2])):
        assert F.ctc_loss(Tensor(scores).log_softmax(1), Tensor(targets), *lengths).item() == pytest.approx(expected, rel=1e-12)


# --- embeddings ---------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), mode=st.sampled_from(["sum", "mean", "max"]), padding=st.booleans(), ragged=st.booleans(), last=st.booleans(), weighted=st.booleans())
def test_embedding_bag(seed: int, mode: str, padding: bool, ragged: bool, last: bool, weighted: bool) -> None:
    stream = np.random.default_rng(seed)
    options: dict[str, Any] = {"mode": mode, **({"padding_idx": int(stream.integers(-3, 3))} if padding else {}), **({"include_last_offset": True} if ragged and last else {})}
    total = int(stream.integers(1, 8))
    indices = stream.integers(0, 3, total if ragged else (2, 3))
    offsets = np.array([0, *np.sort(stream.integers(0, total + 1, 3))]) if ragged else None
    if ragged and last:
        offsets[-1] = total
    factors = stream.standard_normal(indices.shape) if weighted and mode == "sum" else None
    arrays = [stream.standard_normal((3, 2)), *([] if factors is None else [factors])]
    check(lambda w, *f: F.embedding_bag(Tensor(indices), w, None if offsets is None else Tensor(offsets), per_sample_weights=f[0] if f else None, **options),
          lambda w, *f: TF.embedding_bag(torch.tensor(indices), w, None if offsets is None else torch.tensor(offsets), per_sample_weights=f[0] if f else None, **options), arrays, second=False)


@pytest.mark.parametrize("norm_type", [1.0, 2.0])
def test_embedding_shortens_in_place(norm_type: float) -> None:
    for name, more in (("embedding", ()), ("embedding_bag", (np.array([0, 2]),))):
        mine, other = Tensor(data(4, 3), requires_grad=True), torch.tensor(data(4, 3), requires_grad=True)
        a = getattr(F, name)(Tensor(np.array([0, 2, 2])), mine, *map(Tensor, more), max_norm=1.0, norm_type=norm_type)
        b = getattr(TF, name)(torch.tensor([0, 2, 2]), other, *map(torch.tensor, more), max_norm=1.0, norm_type=norm_type) if more else TF.embedding(
            torch.tensor([0, 2, 2]), other, max_norm=1.0, norm_type=norm_type)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-12)
        a.sum().backward()
        b.sum().backward()
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("padding_idx", [None, 1, -1])
def test_embedding_gradients_by_frequency(padding_idx: int | None) -> None:
    indices = np.array([[0, 2, 2], [1, 2, 0]])
    check(lambda w: F.embedding(Tensor(indices), w, padding_idx, scale_grad_by_freq=True), lambda w: TF.embedding(torch.tensor(indices), w, padding_idx, scale_grad_by_freq=True), [data(3, 2)], second=False)


# --- cross-entropy of nothing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_with_every_target_ignored(weighted: bool, smoothing: float, reduction: str) -> None:
    weight, target = data(3, low=0.5), np.array([-100, -100])
    check(lambda x, t: F.cross_entropy(x, t, weight=Tensor(weight) if weighted else None, label_smoothing=smoothing, reduction=reduction),
          lambda x, t: TF.cross_entropy(x, t, weight=torch.tensor(weight) if weighted else None, label_smoothing=smoothing, reduction=reduction), [data(2, 3), target])
    check(*both("nll_loss", reduction=reduction), [data(2, 3), target])


# --- warnings and errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "hinge_loss", "soft_margin_loss", "poisson_nll_loss", "kl_div", "hinge_embedding_loss"])
def test_a_column_against_a_row_warns_and_can_be_silenced(name: str) -> None:
    column, row = Tensor(data(4, 1, low=0.5)), Tensor(data(4, low=0.5))
    with pytest.warns(BroadcastWarning, match=r"target size \(\(4,\)\) that is different to the input size \(\(4, 1\)\).*unsqueeze\(-1\)") as caught:
        getattr(F, name)(column, row)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", BroadcastWarning)
        getattr(F, name)(column, row)


ERRORS: list[Any] = [
    lambda m, f: f.gaussian_nll_loss(m.zeros(3, 4), m.zeros(3, 4), m.ones(2)), lambda m, f: f.gaussian_nll_loss(m.zeros(3), m.zeros(3), -m.ones(3)),
    lambda m, f: f.margin_ranking_loss(m.zeros(3), m.zeros(3, 1), m.ones(3)), lambda m, f: f.cosine_embedding_loss(m.zeros(3, 2), m.zeros(3, 2), m.ones(3, 1)),
    lambda m, f: f.cosine_embedding_loss(m.zeros(3), m.zeros(3), m.ones(3)), lambda m, f: f.triplet_margin_loss(m.zeros(3), m.zeros(3), m.zeros(2, 3)),
    lambda m, f: f.multilabel_margin_loss(m.zeros(3, 4), m.zeros(3, 3, dtype=m.int64)), lambda m, f: f.multilabel_margin_loss(m.zeros(3), m.tensor([3, 0, 0])),
    lambda m, f: f.embedding_bag(m.tensor([0]), m.zeros(2, 2)), lambda m, f: f.embedding_bag(m.tensor([[0]]), m.zeros(2, 2), m.tensor([0])),
    lambda m, f: f.embedding_bag(m.tensor([[0]]), m.zeros(2, 2), mode="median"), lambda m, f: f.embedding_bag(m.tensor([[0]]), m.zeros(2, 2), per_sample_weights=m.zeros(1, 1)),
    lambda m, f: f.embedding_bag(m.tensor([0, 1]), m.zeros(2, 2), m.tensor([1])), lambda m, f: f.embedding(m.tensor([2]), m.zeros(2, 2)),
    lambda m, f: f.ctc_loss(m.zeros(3, 1, 2), m.tensor([[1]]), (4,), (1,)), lambda m, f: f.ctc_loss(m.zeros(3, 1, 2), m.tensor([[1]]), (3, 3), (1,)),
    lambda m, f: f.ctc_loss(m.zeros(3, 1, 2), m.tensor([[1]]), (3,), (1,), blank=2), lambda m, f: m.cdist(m.zeros(3, 2), m.zeros(3, 1)), lambda m, f: m.cdist(m.zeros(3), m.zeros(3, 1)),
    lambda m, f: m.cdist(m.zeros(3, 2), m.zeros(3, 2), p=-1.0), lambda m, f: m.pdist(m.zeros(3)), lambda m, f: m.cdist(m.ones(3, 2).long(), m.ones(3, 2).long()), lambda m, f: m.pdist(m.ones(3, 2).long()), lambda m, f: m.pdist(m.ones(3, 2).to(m.complex64)), lambda m, f: f.softmax(m.tensor([1, 2]), dim=0),
    lambda m, f: f.log_softmax(m.tensor([True, False]), dim=0), lambda m, f: f.dropout1d(m.zeros(3)), lambda m, f: f.feature_alpha_dropout(m.zeros(3), training=True), lambda m, f: f.alpha_dropout(m.zeros(3), 1.5),
    lambda m, f: f.l1_loss(m.zeros(3), m.zeros(4)), lambda m, f: f.mse_loss(m.zeros(3), m.zeros(3), reduction="median"),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_errors_have_pytorchs_types(number: int) -> None:
    with pytest.raises(Exception) as expected:
        ERRORS[number](torch, TF)
    with pytest.raises(expected.type, match=r"^\w+: "):
        ERRORS[number](ag, F)


# --- modules ------------------------------------------------------------------------------------------------------

X, Y, SIGNS = data(4, 3), data(4, 3, seed=1, low=0.1, high=0.9), np.array([1.0, -1.0, 1.0, -1.0])
MODULES: list[Any] = [
    ("PoissonNLLLoss", {"full": True}, [X, Y]), ("GaussianNLLLoss", {"full": True}, [X, Y, Y]), ("SoftMarginLoss", {}, [X[:, 0], SIGNS]), ("MultiLabelMarginLoss", {}, [X, np.array([[0, -1, 0]] * 4)]),
    ("MultiLabelSoftMarginLoss", {"reduction": "sum"}, [X, Y]), ("CosineEmbeddingLoss", {"margin": 0.2}, [X, Y, SIGNS]), ("TripletMarginLoss", {"p": 1.0, "swap": True}, [X, Y, X * Y]),
    ("TripletMarginWithDistanceLoss", {"margin": 2.0}, [X, Y, X * Y]), ("CosineSimilarity", {"dim": 0}, [X, Y]), ("PairwiseDistance", {"keepdim": True}, [X, Y]),
    ("KLDivLoss", {"log_target": True, "reduction": "batchmean"}, [X, Y]),
]


@pytest.mark.parametrize(("name", "options", "arrays"), MODULES, ids=lambda value: value if isinstance(value, str) else "")
def test_modules(name: str, options: dict[str, Any], arrays: list[Any]) -> None:
    check(getattr(nn, name)(**options), getattr(torch.nn, name)(**options), arrays, frozen=len(arrays) - 1, second=name != "MultiLabelMarginLoss")


def test_ctc_module() -> None:
    scores, targets = data(5, 2, 4), np.array([[1, 2], [3, 1]])
    check(lambda x: nn.CTCLoss(zero_infinity=True)(x.log_softmax(2), Tensor(targets), (5, 4), (2, 1)), lambda x: torch.nn.CTCLoss(zero_infinity=True)(x.log_softmax(2), torch.tensor(targets), (5, 4), (2, 1)),
          [scores], second=False)


@pytest.mark.parametrize("options", [{}, {"mode": "sum", "padding_idx": 1}, {"mode": "max"}, {"max_norm": 1.0}], ids=str)
def test_embedding_bag_module(options: dict[str, Any]) -> None:
    weight, indices, offsets = data(4, 3), np.array([0, 1, 1, 3, 2]), np.array([0, 2, 2])
    mine, other = nn.EmbeddingBag(4, 3, _weight=Tensor(weight), **options), torch.nn.EmbeddingBag(4, 3, _weight=torch.tensor(weight), **options)
    a, b = mine(Tensor(indices), Tensor(offsets)), other(torch.tensor(indices), torch.tensor(offsets))
    a.sum().backward()
    b.sum().backward()
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(mine.weight.grad.numpy(), other.weight.grad.numpy(), rtol=1e-12)
    assert repr(mine) == repr(other)


@pytest.mark.parametrize("places", [(), (2,), (2, 3)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("biased", [False, True])
def test_linear_cross_entropy(places: tuple[int, ...], reduction: str, smoothing: float, biased: bool) -> None:
    target = np.random.default_rng(1).integers(0, 3, (5, *places))
    arrays = [data(5, 4), data(3, *places, 4, seed=2), *([data(3, *places, seed=3)] if biased else []), target]

    def loss(f: Any) -> Any:
        return lambda x, weight, *rest: f(x, weight, rest[-1], linear_bias=rest[0] if biased else None, reduction=reduction, ignore_index=1, label_smoothing=smoothing)

    check(loss(F.linear_cross_entropy), loss(TF.linear_cross_entropy), arrays)


@pytest.mark.parametrize(("arrays", "options"), [
    ((data(5, 4), data(3, 4), data(5, 3)), {"ignore_index": 1}), ((data(5, 4), data(3, 5), data(5, 3)), {}), ((data(4), data(3, 2, 4), data(3, 2)), {}),
    ((data(1, 5, 4), data(3, 4), data(5, 3)), {}), ((data(5, 4), data(4), data(5, 3)), {})])
def test_linear_cross_entropy_refuses(arrays: Any, options: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError):
        TF.linear_cross_entropy(*map(torch.tensor, arrays), **options)
    with pytest.raises(RuntimeError, match="linear_cross_entropy: "):
        F.linear_cross_entropy(*map(Tensor, arrays), **options)


def test_gradients_of_bags_by_frequency() -> None:
    weight = Tensor(data(4, 3), requires_grad=True)
    indices = Tensor(np.array([0, 1, 1, 3, 2]))
    F.embedding_bag(indices, weight, Tensor(np.array([0, 2])), mode="sum", scale_grad_by_freq=True).sum().backward()
    np.testing.assert_allclose(weight.grad.numpy(), np.ones((4, 3)))


def test_embedding_bag_of_pretrained_vectors_is_frozen() -> None:
    made = nn.EmbeddingBag.from_pretrained(Tensor(data(4, 3)), mode="sum", padding_idx=-1)
    assert (made.padding_idx, made.mode, made.weight.requires_grad) == (3, "sum", False)


# --- dropout ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "shape", "lead"), [("dropout1d", (40, 50, 3), 2), ("dropout1d", (2000, 3), 1), ("dropout2d", (40, 50, 3, 2), 2), ("dropout3d", (40, 50, 2, 2, 2), 2), ("dropout3d", (2000, 2, 2, 2), 1),
                                                     ("feature_alpha_dropout", (40, 50, 3), 2)])
@pytest.mark.parametrize("inplace", [False, True])
def test_dropouts_of_channels(name: str, shape: Any, lead: int, inplace: bool) -> None:
    for module, functional, ones in ((ag, F, ag.ones), (torch, TF, torch.ones)):
        module.manual_seed(0)
        x = ones(*shape)
        y = getattr(functional, name)(x, 0.25, training=True, inplace=inplace)
        assert (y is x) == (inplace and module is ag) or module is torch
        channels = y.numpy().reshape(2000, -1)
        assert (channels == channels[:, :1]).all()
        values, counts = np.unique(channels[:, 0], return_counts=True)
        assert abs(counts[0] / 2000 - 0.25) < 0.05
        if module is ag:
            mine = values
    np.testing.assert_allclose(mine, values, rtol=1e-5)
    x = ag.ones(*shape)
    assert getattr(F, name)(x, 0.25, training=False) is x


def test_dropout2d_says_what_it_takes_three_dimensions_for() -> None:
    with pytest.warns(UserWarning, match="3-D input"):
        F.dropout2d(ag.ones(2, 3, 4))
    with pytest.warns(UserWarning, match="2-D input"):
        F.dropout2d(ag.ones(2, 3))


@pytest.mark.parametrize(("name", "shape"), [("Dropout1d", (2, 3, 4)), ("Dropout3d", (2, 3, 4, 2, 2)), ("FeatureAlphaDropout", (2, 3, 4))])
def test_dropout_modules(name: str, shape: Any) -> None:
    layer = getattr(nn, name)(0.5)
    x = ag.ones(*shape)
    assert layer(x).shape == x.shape
    assert layer.eval()(x) is x
    assert repr(layer) == repr(getattr(torch.nn, name)(0.5))
