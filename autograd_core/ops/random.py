"""Random draws.

The input of a draw says shape, dtype and device (``shape`` overrides the first); its numbers are not read. ``generator``
is the stream; without one, the default stream of the device. Rules pass zeros back, so that a tensor filled at random
inside a graph stays in it, as in PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import as_dtype
from ..errors import UnsupportedDtypeError
from ..op import TORCH_TENSOR, Arg, S, op, span
from ..random import generator_for
from ..spec import Meta, broadcast, computed_dtype


def _shaped(input: Any, *, shape: Any = None, **attrs: Any) -> Meta:
    return Meta(tuple(input.shape if shape is None else shape), as_dtype(input.dtype))


def _same(input: Any, *others: Any, **attrs: Any) -> Meta:
    return Meta(tuple(input.shape), as_dtype(input.dtype))


def _floats(xp: Any, input: Any, draw: Any, shape: Any, generator: Any) -> Any:
    """``draw(stream, size, dtype)`` in a dtype that streams draw, as an array in the input's dtype."""
    dtype = input.dtype
    source = generator_for(input, generator)
    with source.lock:
        drawn = draw(source.stream, input.shape if shape is None else shape, dtype if dtype in ("float32", "float64") else "float32")
    return xp.asarray(drawn, dtype=dtype)


def _need_floats(op: str, input: Any) -> None:
    if as_dtype(input.dtype).kind not in "fc":
        raise UnsupportedDtypeError(f"{op}: not implemented for '{as_dtype(input.dtype).name}'. Draw in a floating-point dtype and convert")


_STEPS = {"float16": 2**11, "bfloat16": 2**8}


@op("draw_uniform(input: Tensor, low: float = 0.0, high: float = 1.0, shape: Sequence[int] | None = None, generator: Generator | None = None) -> Tensor",
    kind="random", label="uniform", spec=_shaped, extra={"narrow_itself": True}, samples=[
        S((3, 4)), S(()), S((0, 2)), S((2,), low=-3.0, high=5.0, shape=(4, 5)), S(Arg((2,), kind="int"), error=RuntimeError, match="not implemented")])
def draw_uniform(xp: Any, input: Any, *, low: float = 0.0, high: float = 1.0, shape: Any = None, generator: Any = None) -> Any:
    """Uniform numbers from [``low``, ``high``)."""
    _need_floats("uniform", input)
    steps = _STEPS.get(input.dtype.name)
    if steps is not None:  # as many bits as the dtype has, so that rounding never reaches ``high``
        drawn = _floats(xp, input, lambda stream, size, dtype: stream.integers(0, steps, size) / steps, shape, generator)
    else:
        drawn = _floats(xp, input, lambda stream, size, dtype: stream.random(size, dtype=dtype), shape, generator)
    if high - low != 1:
        drawn *= high - low
    if low:
        drawn += low
    return drawn


@op("draw_normal(input: Tensor, mean: float = 0.0, std: float = 1.0, shape: Sequence[int] | None = None, generator: Generator | None = None) -> Tensor",
    kind="random", label="normal", spec=_shaped, samples=[
        S((3, 4)), S(()), S((0, 2)), S((2,), mean=-3.0, std=0.5, shape=(4, 5)), S(Arg((2,), kind="int"), error=RuntimeError, match="not implemented")])
def draw_normal(xp: Any, input: Any, *, mean: float = 0.0, std: float = 1.0, shape: Any = None, generator: Any = None) -> Any:
    """Normal numbers."""
    _need_floats("normal", input)
    drawn = _floats(xp, input, lambda stream, size, dtype: stream.standard_normal(size, dtype=dtype), shape, generator)
    if std != 1:
        drawn *= std
    if mean:
        drawn += mean
    return drawn


def _normal_of_spec(mean: Any, std: Any, **attrs: Any) -> Meta:
    pairs = [(name, value) for name, value in (("mean", mean), ("std", std)) if hasattr(value, "shape")]
    return Meta(broadcast("normal", [name for name, _ in pairs], [value for _, value in pairs]), computed_dtype("normal", "float", (mean, std)))


@op("draw_normal_of(mean: Tensor, std: Tensor, generator: Generator | None = None) -> Tensor", kind="random", label="normal", promotes="float",
    spec=_normal_of_spec, samples=[
    S((3, 4), span(0.5, 2.0, 3, 4)), S((), span(0.5, 2.0)), S((0, 2), span(0.5, 2.0, 1, 2)), S((4,), span(0.5, 2.0, 3, 1)),
    S((3,), span(-2.0, -1.0, 3), error=RuntimeError, match="std >= 0.0")])
def draw_normal_of(xp: Any, mean: Any, std: Any, *, generator: Any = None) -> Any:
    """One normal number for each pair of mean and standard deviation."""
    mean, std = xp.asarray(mean), xp.asarray(std)
    if bool((std < 0).any()):
        raise RuntimeError(f"normal: expects all elements of std >= 0.0, but found {float(std.min())}")
    drawn = _floats(xp, (mean if mean.dtype.kind == "f" else std), lambda stream, size, dtype: stream.standard_normal(size, dtype=dtype),
                    xp.broadcast_shapes(mean.shape, std.shape), generator)
    return drawn * std + mean


@op("draw_integers(input: Tensor, low: int, high: int, shape: Sequence[int] | None = None, generator: Generator | None = None) -> Tensor",
    kind="random", label="randint", spec=_shaped, samples=[
        S(Arg((3, 4), kind="int"), low=0, high=5), S((3,), low=-2, high=3), S(Arg((2,), kind="int"), low=1, high=2, shape=()),
        S(Arg((2,), kind="int"), low=0, high=9, shape=(0, 2))])
def draw_integers(xp: Any, input: Any, *, low: int, high: int, shape: Any = None, generator: Any = None) -> Any:
    """Integers from ``low`` to ``high - 1``."""
    source = generator_for(input, generator)
    with source.lock:
        drawn = source.stream.integers(low, high, input.shape if shape is None else shape)
    return xp.asarray(drawn, dtype=input.dtype)


@op("draw_permutation(input: Tensor, n: int, generator: Generator | None = None) -> Tensor", kind="random", label="randperm",
    spec=lambda input, *, n, **attrs: Meta((n,), as_dtype(input.dtype)), samples=[
        S(Arg((), kind="int"), n=5), S(Arg((), kind="int"), n=0), S(Arg((), kind="int"), n=1)])
def draw_permutation(xp: Any, input: Any, *, n: int, generator: Any = None) -> Any:
    """The integers below ``n`` in random order."""
    source = generator_for(input, generator)
    with source.lock:
        stream = source.stream
        drawn = stream.permutation(n) if hasattr(stream, "permutation") else xp.argsort(stream.random(n, dtype="float64"))
    return xp.asarray(drawn, dtype=input.dtype)


@op("draw_exponential(input: Tensor, rate: float = 1.0, generator: Generator | None = None) -> Tensor", kind="random", label="exponential", spec=_same,
    samples=[S((3, 4)), S(()), S((0, 2), rate=2.0), S(Arg((2,), kind="int"), error=RuntimeError, match="not implemented")])
def draw_exponential(xp: Any, input: Any, *, rate: float = 1.0, generator: Any = None) -> Any:
    """Exponential numbers."""
    _need_floats("exponential", input)
    return _floats(xp, input, lambda stream, size, dtype: stream.standard_exponential(size, dtype=dtype), None, generator) / rate


@op("draw_log_normal(input: Tensor, mean: float = 1.0, std: float = 2.0, generator: Generator | None = None) -> Tensor", kind="random", label="log_normal", spec=_same,
    samples=[S((3, 4)), S(()), S((0, 2), mean=0.0, std=0.5), S(Arg((2,), kind="int"), error=RuntimeError, match="not implemented")])
def draw_log_normal(xp: Any, input: Any, *, mean: float = 1.0, std: float = 2.0, generator: Any = None) -> Any:
    """Numbers whose logarithm is normal with ``mean`` and ``std``."""
    _need_floats("log_normal", input)
    return xp.exp(_floats(xp, input, lambda stream, size, dtype: stream.standard_normal(size, dtype=dtype), None, generator) * std + mean)


@op("draw_cauchy(input: Tensor, median: float = 0.0, sigma: float = 1.0, generator: Generator | None = None) -> Tensor", kind="random", label="cauchy", spec=_same,
    samples=[S((3, 4)), S(()), S((0, 2), median=2.0, sigma=0.5), S(Arg((2,), kind="int"), error=RuntimeError, match="not implemented")])
def draw_cauchy(xp: Any, input: Any, *, median: float = 0.0, sigma: float = 1.0, generator: Any = None) -> Any:
    """Numbers from the Cauchy distribution."""
    _need_floats("cauchy", input)
    source = generator_for(input, generator)
    with source.lock:
        drawn = source.stream.random(input.shape, dtype="float64")
    return xp.asarray(median + sigma * xp.tan(math.pi * (drawn - 0.5)), dtype=input.dtype)


@op("draw_geometric(input: Tensor, p: float, generator: Generator | None = None) -> Tensor", kind="random", label="geometric", spec=_same, samples=[
    S((3, 4), p=0.3), S((), p=0.9), S((0, 2), p=0.5), S(Arg((4,), kind="int"), p=0.5)])
def draw_geometric(xp: Any, input: Any, *, p: float, generator: Any = None) -> Any:
    """How many trials it takes until one of probability ``p`` succeeds: 1, 2, ..."""
    source = generator_for(input, generator)
    with source.lock:
        drawn = 1.0 - source.stream.random(input.shape, dtype="float64")  # never 0
    return xp.asarray(xp.maximum(xp.ceil(xp.log(drawn) / math.log1p(-p)), 1.0), dtype=input.dtype)


def _poisson_spec(input: Any, **attrs: Any) -> Meta:
    if as_dtype(input.dtype).dtype.kind != "f":
        raise UnsupportedDtypeError(f"poisson: not implemented for '{as_dtype(input.dtype).name}'. Give rates in floating point")
    return _same(input)


@op("poisson(input: Tensor, generator: Generator | None = None) -> Tensor", out=False, kind="random", places=("torch",), spec=_poisson_spec, samples=[
    S(span(0.0, 9.0, 3, 4)), S(span(0.0, 1.0)), S(span(0.0, 1.0, 0, 2)), S(span(-2.0, -1.0, 3), error=RuntimeError, match="non-negative")])
def poisson(xp: Any, input: Any, *, generator: Any = None) -> Any:
    """Counts of events with the expected number that each element of ``input`` gives, in its dtype.

    Raises ``RuntimeError`` for negative rates.
    """
    if not bool((input >= 0).all()):
        raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
    source = generator_for(input, generator)
    with source.lock:
        drawn = source.stream.poisson(xp.asarray(input, dtype="float64"), size=input.shape)
    return xp.asarray(drawn, dtype=input.dtype)


def _binomial_spec(count: Any, prob: Any, **attrs: Any) -> Meta:
    return Meta(broadcast("binomial", ["count", "prob"], [count, prob]), as_dtype(count.dtype))


@op("binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor", kind="random", places=("torch",), promotes="equal", spec=_binomial_spec, samples=[
    S(Arg(values=[0.0, 3.0, 9.0]), span(0.0, 1.0, 3)), S(Arg(values=5.0), span(0.0, 1.0, 2, 3)), S(Arg(values=[[4.0], [1.0]]), span(0.0, 1.0, 3)),
    S(Arg(values=[3.0]), span(1.5, 2.0, 1), error=RuntimeError, match="probabilities"), S(Arg(values=[-3.0]), span(0.0, 1.0, 1), error=RuntimeError, match="count")], out=False)
def binomial(xp: Any, count: Any, prob: Any, *, generator: Any = None) -> Any:
    """How many of ``count`` trials succeed, each with probability ``prob``; the two broadcast and have one floating-point dtype.

    Raises ``RuntimeError`` for negative counts and for probabilities outside [0, 1].
    """
    count, prob = xp.asarray(count), xp.asarray(prob)
    if not bool((count >= 0).all()):
        raise RuntimeError("binomial: count must be non-negative")
    if not bool(((prob >= 0) & (prob <= 1)).all()):
        raise RuntimeError("binomial: probabilities must lie between 0 and 1")
    shape = xp.broadcast_shapes(count.shape, prob.shape)
    source = generator_for(count, generator)
    with source.lock:
        drawn = source.stream.binomial(xp.broadcast_to(count.astype("int64"), shape), xp.broadcast_to(prob.astype("float64"), shape), size=shape)
    return xp.asarray(drawn, dtype=count.dtype)


@op("draw_bernoulli(input: Tensor, p: TensorLike = 0.5, shape: Sequence[int] | None = None, generator: Generator | None = None) -> Tensor", kind="random",
    label="bernoulli", spec=lambda input, p, **attrs: _shaped(input, **attrs), samples=[
        S((3, 4), 0.3), S((), 1.0), S((0, 2), 0.0), S((3, 4), span(0.0, 1.0, 3, 4)), S((3, 4), span(0.0, 1.0, 4)), S((3, 4), 0.5, shape=(3, 1))])
def draw_bernoulli(xp: Any, input: Any, p: Any = 0.5, *, shape: Any = None, generator: Any = None) -> Any:
    """Ones with probability ``p``, else zeros, in the shape and dtype of ``input``."""
    source = generator_for(input, generator)
    with source.lock:
        drawn = source.stream.random(input.shape if shape is None else shape, dtype="float32" if getattr(p, "dtype", None) != "float64" else "float64")
    return xp.asarray(drawn < p, dtype=input.dtype)


def _bernoulli_spec(input: Any, **attrs: Any) -> Meta:
    if as_dtype(input.dtype).dtype.kind != "f":
        raise UnsupportedDtypeError(f"bernoulli: not implemented for '{as_dtype(input.dtype).name}'. Give probabilities in floating point")
    return _same(input)


@op("bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor", kind="random", places=TORCH_TENSOR, spec=_bernoulli_spec, samples=[
    S(span(0.0, 1.0, 3, 4)), S((3, 4), p=0.25), S((2,), p=1.5, error=RuntimeError, match="p to be in"), S(span(0.0, 1.0)), S(span(0.0, 1.0, 0, 2)),
    S(span(1.5, 2.0, 3), error=RuntimeError, match="p_in <= 1")])
def bernoulli(xp: Any, input: Any, *, p: Any = None, generator: Any = None) -> Any:
    """Ones with the probability that each element of ``input`` gives, else zeros; with ``p`` all with that probability, in the shape of ``input``."""
    if p is not None:
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli: expects p to be in [0, 1], but got p={p}")
        return draw_bernoulli.kernel(xp, input, p, generator=generator)
    if input.dtype.kind != "f":
        raise RuntimeError("bernoulli: not implemented for integers")
    if not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true: every element of input must be a probability")
    return draw_bernoulli.kernel(xp, input, input, generator=generator)


@op("multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor", kind="random",
    places=TORCH_TENSOR, spec=lambda input, *, num_samples, **attrs: Meta((*tuple(input.shape)[:-1], num_samples), as_dtype("int64")), samples=[
        S(span(0.5, 2.0, 4), num_samples=2), S(span(0.5, 2.0, 3, 4), num_samples=4), S(span(0.5, 2.0, 3, 4), num_samples=9, replacement=True),
        S(span(0.5, 2.0, 3), num_samples=4, error=RuntimeError, match="without replacement"),
        S(span(-2.0, -0.5, 3), num_samples=1, error=RuntimeError, match="element < 0")])
def multinomial(xp: Any, input: Any, *, num_samples: int, replacement: bool = False, generator: Any = None) -> Any:
    """Indices into the last dimension, drawn with the weights in each row of ``input`` (one or two dimensions), as int64.

    The weights need not sum to 1. Without ``replacement`` no index is drawn twice in a row.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, got the shape {input.shape}")
    if input.dtype.kind != "f":
        raise RuntimeError(f"multinomial: expected floating-point weights, got {as_dtype(input.dtype).name}. Convert them with .float()")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial: cannot sample n_sample <= 0 samples, got {num_samples}")
    if not replacement and num_samples > input.shape[-1]:
        raise RuntimeError(f"multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement ({num_samples} of {input.shape[-1]})")
    weights = input.astype("float64")
    if not bool((xp.isfinite(weights) & (weights >= 0)).all()):
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    possible = (weights > 0).sum(axis=-1)
    if bool((possible < (1 if replacement else num_samples)).any()):
        if bool((possible == 0).any()):
            raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
        raise RuntimeError(f"multinomial: invalid multinomial distribution (with replacement=False, not enough non-negative category to sample {num_samples})")
    source = generator_for(input, generator)
    with source.lock:
        if replacement:
            total = xp.cumsum(weights, axis=-1)
            drawn = source.stream.random((*input.shape[:-1], num_samples), dtype="float64") * total[..., -1:]
            rows = (total[..., None, :] <= drawn[..., None]).sum(axis=-1)
            last = input.shape[-1] - 1 - xp.argmax(weights[..., ::-1] > 0, axis=-1)
            return xp.minimum(rows, last[..., None]).astype("int64")
        # The first of n exponential clocks with rates w rings with probability w / sum(w), and so on (Efraimidis and Spirakis, 2006).
        clocks = source.stream.standard_exponential(input.shape, dtype="float64") / xp.where(weights > 0, weights, 1)
        clocks = xp.where(weights > 0, clocks, xp.inf)
    return xp.argsort(clocks, axis=-1)[..., :num_samples].astype("int64")


for _declared in (draw_uniform, draw_normal, draw_integers, draw_exponential, draw_log_normal, draw_cauchy, draw_geometric, draw_bernoulli, bernoulli, poisson):
    _declared.add_rule("input", lambda F, g, input_shape: F.broadcast_to(F.sum(F.fill(g, 0)), shape=input_shape))
binomial.add_rule("prob", lambda F, g, prob_shape: F.broadcast_to(F.sum(F.fill(g, 0)), shape=prob_shape))
