"""Generators, and the distributions of what they draw: moments, Kolmogorov-Smirnov and chi-square tests with fixed seeds."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from scipy import stats

import autograd_core as ag
import nn.functional as F
from autograd_core import Generator, autograd


def seeded(seed: int = 1) -> Generator:
    return Generator().manual_seed(seed)


def fits(draws: Any, distribution: Any) -> bool:
    """Whether a Kolmogorov-Smirnov test finds nothing wrong."""
    return bool(stats.kstest(draws.numpy().ravel(), distribution).pvalue > 0.01)


# --- generators ---------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_numbers_and_others_do_not() -> None:
    assert ag.rand(5, generator=seeded(3)).tolist() == ag.rand(5, generator=seeded(3)).tolist()
    assert ag.rand(5, generator=seeded(3)).tolist() != ag.rand(5, generator=seeded(4)).tolist()
    ag.manual_seed(7)
    first = ag.randn(4).tolist()
    assert ag.manual_seed(7) is ag.default_generator
    assert ag.randn(4).tolist() == first
    assert ag.initial_seed() == 7


def test_seeds_and_their_range() -> None:
    g = Generator()
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1
    assert g.seed() == g.initial_seed()
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(RuntimeError, match="between"):
            g.manual_seed(seed)


@pytest.mark.parametrize("draw", [
    lambda g: ag.rand(3, generator=g), lambda g: ag.randn(3, generator=g, dtype=ag.float64), lambda g: ag.randint(0, 9, (5,), generator=g),
    lambda g: ag.randperm(9, generator=g), lambda g: ag.rand(7, generator=g, dtype=ag.float16), lambda g: ag.multinomial(ag.ones(5), 3, generator=g)])
def test_state_restores_exactly(draw: Any) -> None:
    g = seeded(5)
    draw(g)  # an odd number of 32-bit draws leaves half a word in the stream
    state = g.get_state()
    assert state.dtype is ag.uint8
    expected = draw(g).tolist()
    g.set_state(state)
    assert draw(g).tolist() == expected
    other = Generator()
    other.set_state(state)
    assert draw(other).tolist() == expected
    assert other.initial_seed() == 5


def test_default_state() -> None:
    state = ag.get_rng_state()
    first = ag.rand(3).tolist()
    ag.set_rng_state(state)
    assert ag.rand(3).tolist() == first


def test_a_wrong_state_is_refused_and_changes_nothing() -> None:
    g = seeded(2)
    before = g.get_state().tolist()
    for wrong in (ag.zeros(48), ag.zeros(3, dtype=ag.uint8), "state", None):
        with pytest.raises(RuntimeError, match="get_state"):
            g.set_state(wrong)
    assert g.get_state().tolist() == before


def test_copies_and_pickles_continue_where_the_original_is() -> None:
    g = seeded(2)
    ag.rand(3, generator=g)
    others = [pickle.loads(pickle.dumps(g)), copy.deepcopy(g), g.clone_state()]
    expected = ag.rand(4, generator=g).tolist()
    assert [ag.rand(4, generator=other).tolist() for other in others] == [expected] * 3


def test_threads_with_their_own_generators_are_independent() -> None:
    def work(seed: int) -> list[float]:
        g = seeded(seed)
        return [ag.randn(10, generator=g).sum().item() + ag.randint(0, 100, (3,), generator=g).sum().item() for _ in range(200)]

    expected = [work(seed) for seed in range(4)]
    found: dict[int, list[float]] = {}
    threads = [threading.Thread(target=lambda seed=seed: found.update({seed: work(seed)})) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(4)] == expected


def test_threads_sharing_a_generator_share_its_numbers_out() -> None:
    g, twin = seeded(9), seeded(9)
    expected = sorted(ag.rand(1, generator=twin).item() for _ in range(800))
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.extend(ag.rand(1, generator=g).item() for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == expected


# --- distributions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [ag.float32, ag.float64])
def test_uniform(dtype: Any) -> None:
    g = seeded()
    draws = ag.rand(100, 50, generator=g, dtype=dtype)
    assert draws.dtype is dtype
    assert 0 <= draws.min().item() <= draws.max().item() < 1
    assert fits(draws, "uniform")
    assert fits(ag.empty(5000, dtype=dtype).uniform_(-3, 5, generator=g), stats.uniform(-3, 8).cdf)


def test_uniform_in_float16_stays_below_its_end() -> None:
    draws = ag.rand(50_000, dtype=ag.float16, generator=seeded())
    assert draws.max().item() < 1
    assert abs(draws.double().mean().item() - 0.5) < 0.01


@pytest.mark.parametrize("dtype", [ag.float32, ag.float64])
def test_normal(dtype: Any) -> None:
    g = seeded()
    assert fits(ag.randn(5000, generator=g, dtype=dtype), "norm")
    assert fits(ag.normal(2.0, 0.5, (5000,), generator=g, dtype=dtype), stats.norm(2, 0.5).cdf)
    assert fits(ag.empty(5000, dtype=dtype).normal_(-1, 3, generator=g), stats.norm(-1, 3).cdf)


def test_normal_of_tensors() -> None:
    g = seeded()
    mean, std = ag.tensor([0.0, 10.0]), ag.tensor([[1.0], [0.1]])
    draws = ag.stack([ag.normal(mean, std, generator=g) for _ in range(3000)])
    assert draws.shape == (3000, 2, 2)
    assert fits((draws[:, 0, 1] - 10), "norm")
    assert fits(draws[:, 1, 0] * 10, "norm")
    assert ag.normal(0.0, ag.ones(3), generator=g).shape == (3,)
    assert ag.normal(ag.ones(3), 2.0, generator=g).shape == (3,)


def test_exponential() -> None:
    assert fits(ag.empty(5000).exponential_(2.0, generator=seeded()), stats.expon(scale=0.5).cdf)


def test_cauchy_and_log_normal() -> None:
    g = seeded()
    assert fits(ag.empty(5000).cauchy_(2.0, 0.5, generator=g), stats.cauchy(2.0, 0.5).cdf)
    assert fits(ag.empty(5000, dtype=ag.float64).log_normal_(0.5, 0.7, generator=g), stats.lognorm(0.7, scale=np.exp(0.5)).cdf)


@pytest.mark.parametrize("dtype", [ag.float32, ag.int64])
def test_geometric(dtype: Any) -> None:
    draws = ag.empty(20_000, dtype=dtype).geometric_(0.3, generator=seeded())
    assert draws.dtype is dtype
    counts = np.bincount(draws.long().numpy(), minlength=9)
    assert counts[0] == 0
    wanted = 20_000 * stats.geom(0.3).pmf(np.arange(1, 8))
    assert stats.chisquare([*counts[1:8], counts[8:].sum()], [*wanted, 20_000 - wanted.sum()]).pvalue > 0.01


def test_poisson_and_binomial() -> None:
    g = seeded()
    draws = ag.poisson(ag.tensor([0.0, 2.5]).expand(20_000, 2), generator=g)
    assert draws[:, 0].sum().item() == 0
    wanted = 20_000 * stats.poisson(2.5).pmf(np.arange(7))
    counts = np.bincount(draws[:, 1].long().numpy(), minlength=7)
    assert stats.chisquare([*counts[:7], counts[7:].sum()], [*wanted, 20_000 - wanted.sum()]).pvalue > 0.01
    draws = ag.binomial(ag.full((20_000,), 4.0), ag.tensor(0.3), generator=g)
    assert draws.dtype is ag.float32
    assert stats.chisquare(np.bincount(draws.long().numpy(), minlength=5), 20_000 * stats.binom(4, 0.3).pmf(np.arange(5))).pvalue > 0.01


def test_draws_pass_zeros_back() -> None:
    x = ag.full((3,), 0.5, requires_grad=True)
    for y in (ag.poisson(x), ag.bernoulli(x), ag.binomial(ag.full((3,), 4.0), x)):
        assert autograd.grad(y.sum(), x)[0].tolist() == [0.0] * 3
    for name in ("geometric_", "cauchy_", "log_normal_", "exponential_"):
        y = getattr(x * 1, name)(*((0.5,) if name == "geometric_" else ()))
        assert autograd.grad(y.sum(), x)[0].tolist() == [0.0] * 3


def test_random_fills_its_range() -> None:
    g = seeded()
    assert set(ag.empty(200).random_(3, generator=g).tolist()) == {0.0, 1.0, 2.0}
    assert set(ag.empty(200, dtype=ag.int64).random_(-1, 2, generator=g).tolist()) == {-1, 0, 1}
    assert ag.empty(200, dtype=ag.float16).random_(generator=g).max().item() <= 2048
    with pytest.raises(RuntimeError, match="less than 'to'"):
        ag.empty(2).random_(0)


def test_integers_are_evenly_distributed() -> None:
    draws = ag.randint(-2, 5, (70, 100), generator=seeded())
    assert draws.dtype is ag.int64
    counts = np.bincount(draws.numpy().ravel() + 2, minlength=7)
    assert len(counts) == 7
    assert stats.chisquare(counts).pvalue > 0.01
    assert set(ag.randint(3, (100,), generator=seeded()).tolist()) == {0, 1, 2}
    assert ag.randint(0, 5, (3,), dtype=ag.float32).dtype is ag.float32
    bits = ag.empty(5000, dtype=ag.uint8).random_(generator=seeded())
    assert stats.chisquare(np.bincount(bits.numpy(), minlength=256)).pvalue > 0.01


def test_permutations_are_evenly_distributed() -> None:
    g = seeded()
    draws = [tuple(ag.randperm(3, generator=g).tolist()) for _ in range(3000)]
    orders = sorted(set(draws))
    assert len(orders) == 6
    assert stats.chisquare([draws.count(order) for order in orders]).pvalue > 0.01
    assert ag.randperm(0).shape == (0,)


def test_bernoulli() -> None:
    g = seeded()
    draws = ag.bernoulli(ag.full((20_000,), 0.3), generator=g)
    assert set(draws.tolist()) == {0.0, 1.0}
    assert stats.binomtest(int(draws.sum().item()), 20_000, 0.3).pvalue > 0.01
    assert ag.bernoulli(ag.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert stats.binomtest(int(ag.bernoulli(ag.zeros(20_000), 0.2, generator=g).sum().item()), 20_000, 0.2).pvalue > 0.01
    filled = ag.empty(20_000).bernoulli_(0.7, generator=g)
    assert stats.binomtest(int(filled.sum().item()), 20_000, 0.7).pvalue > 0.01
    each = ag.empty(2, 20_000).bernoulli_(ag.tensor([[0.1], [0.9]]), generator=g)
    assert (each.mean(dim=1) - ag.tensor([0.1, 0.9])).abs().max().item() < 0.01


def test_multinomial_with_replacement() -> None:
    weights = ag.tensor([[1.0, 0.0, 3.0], [2.0, 2.0, 4.0]])
    draws = ag.multinomial(weights, 8000, replacement=True, generator=seeded())
    assert draws.shape == (2, 8000)
    assert draws.dtype is ag.int64
    for row, probabilities in zip(draws.numpy(), ([0.25, 0, 0.75], [0.25, 0.25, 0.5]), strict=True):
        counts = np.bincount(row, minlength=3)
        wanted = np.array(probabilities) * 8000
        assert counts[wanted == 0].sum() == 0
        assert stats.chisquare(counts[wanted > 0], wanted[wanted > 0]).pvalue > 0.01


def test_multinomial_without_replacement() -> None:
    g = seeded()
    weights = ag.tensor([1.0, 2.0, 3.0])
    draws = [tuple(ag.multinomial(weights, 2, generator=g).tolist()) for _ in range(6000)]
    orders = {(i, j): w[i] / 6 * w[j] / (6 - w[i]) for w in [(1, 2, 3)] for i in range(3) for j in range(3) if i != j}
    assert set(draws) == set(orders)
    assert stats.chisquare([draws.count(order) for order in orders], [6000 * p for p in orders.values()]).pvalue > 0.01
    assert ag.multinomial(ag.tensor([0.0, 1.0, 0.0, 5.0]), 2, generator=g).sort().values.tolist() == [1, 3]


# --- dropout ------------------------------------------------------------------------------------------------------


def test_dropout_zeros_some_and_scales_the_rest() -> None:
    x = ag.ones(200, 100, requires_grad=True)
    y = F.dropout(x, 0.25, generator=seeded())
    assert np.unique(y.detach().numpy()).tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert stats.binomtest(int((y == 0).sum().item()), 20_000, 0.25).pvalue > 0.01
    y.sum().backward()
    assert x.grad is not None
    assert bool((x.grad == y.detach()).all())


def test_dropout_off_or_total() -> None:
    x = ag.randn(3, 4)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 1.0).abs().sum().item() == 0
    with pytest.raises(ValueError, match=r"between 0 and 1, but got 1\.5"):
        F.dropout(x, 1.5)
    y = x.clone()
    assert F.dropout(y, 0.5, inplace=True) is y
    assert (y == 0).sum().item() > 0


def test_feature_dropout_drops_whole_channels() -> None:
    y = F.dropout2d(ag.ones(50, 20, 3, 4), 0.5, generator=seeded()).reshape(1000, 12)
    assert bool((y == y[:, :1]).all())
    assert stats.binomtest(int((y[:, 0] == 0).sum().item()), 1000, 0.5).pvalue > 0.01


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    g = seeded()
    y = F.alpha_dropout(ag.randn(400, 500, generator=g), 0.2, training=True, generator=g)
    assert abs(y.mean().item()) < 0.02
    assert abs(y.std().item() - 1) < 0.02


# --- in graphs ----------------------------------------------------------------------------------------------------


def test_filling_at_random_inside_a_graph_passes_zeros() -> None:
    x = ag.ones(3, requires_grad=True)
    y = x * 2
    y.uniform_()
    assert y.requires_grad
    assert autograd.grad(y.sum(), x)[0].tolist() == [0.0, 0.0, 0.0]


def test_filling_a_leaf_needs_no_grad() -> None:
    x = ag.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        x.normal_()
    with ag.no_grad():
        x.normal_(generator=seeded())
    assert x.requires_grad


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "match"), [
    (lambda: ag.randint(3, 3, (2,)), "less than 'to'"), (lambda: ag.normal(0.0, -1.0, (2,)), "std >= 0.0"), (lambda: ag.randperm(-1), "non-negative"),
    (lambda: ag.normal(ag.zeros(2), ag.tensor([1.0, -1.0])), "std >= 0.0"), (lambda: ag.bernoulli(ag.tensor([0.5, 1.5])), "p_in <= 1"),
    (lambda: ag.multinomial(ag.ones(3), 4), "without replacement"), (lambda: ag.multinomial(ag.tensor([1.0, -1.0]), 1), "element < 0"),
    (lambda: ag.multinomial(ag.zeros(3), 1), "sum of probabilities <= 0"), (lambda: ag.multinomial(ag.ones(2, 2, 2), 1), "1 or 2 dim"),
    (lambda: ag.rand(2, dtype=ag.int64), "not implemented for 'int64'"), (lambda: ag.randperm(129, dtype=ag.int8), "greater than 128 for int8"), (lambda: ag.rand(-2), "non-negative"),
    (lambda: ag.zeros(2).uniform_(2, 1), "from=2 > to=1"), (lambda: ag.zeros(2).exponential_(-1), "lambda > 0.0"),
    (lambda: ag.zeros(2).bernoulli_(2.0), "p to be in"), (lambda: ag.bernoulli(ag.zeros(2), 2.0), "p to be in"), (lambda: ag.zeros(2).geometric_(0.0), "p to be in"),
    (lambda: ag.zeros(2).cauchy_(0.0, -1.0), "sigma > 0.0"), (lambda: ag.zeros(2).log_normal_(0.0, 0.0), "std > 0.0"), (lambda: ag.poisson(-ag.ones(2)), "non-negative"),
    (lambda: ag.binomial(ag.ones(2), ag.tensor(1.5)), "between 0 and 1"), (lambda: ag.zeros(2, dtype=ag.int64).cauchy_(), "not implemented for 'int64'")])
def test_errors(call: Any, match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        call()


def test_a_size_must_be_ints() -> None:
    with pytest.raises(TypeError, match="size"):
        ag.rand(2.5)
    with pytest.raises(TypeError, match="give the size"):
        ag.normal(0.0, 1.0)


@pytest.mark.parametrize("dtype", [ag.float16, ag.bfloat16])
def test_narrow_uniform_numbers_stay_below_the_end(dtype: Any) -> None:
    if dtype is ag.bfloat16:
        pytest.importorskip("ml_dtypes")
    for low, high in ((0.0, 1.0), (-1.0, 4.0)):
        drawn = ag.empty(50_000, dtype=dtype).uniform_(low, high)
        assert drawn.dtype is dtype
        assert drawn.max().item() < high
        assert abs(drawn.float().mean().item() - (low + high) / 2) < 0.05
