"""Connectionist temporal classification: the likelihood of a sequence of labels of which no one knows when each occurs.

The labels with a blank before, between and after them are the states of a chain (Graves et al., 2006): a step stays, goes
on by one state, or skips a blank between different labels. ``alpha[t, s]`` is the log-probability of all ways to be in
state s at time t, ``beta[t, s]`` that of all ways from there to the end. Their sum is, up to the total, the log-probability
of passing through s at t, and those probabilities are minus the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..backend.registry import backend_for_device
from ..dtypes import as_dtype
from ..kernels.blocks import at_hand
from ..kernels.strided import stretched
from ..op import Arg, S, composite, ints, op
from ..spec import Meta
from .loss import check_reduction
from .reduce import INFINITY

Lengths = tuple[int, ...]


# --- the chain ----------------------------------------------------------------------------------------------------


def _chain_spec(log_probs: Any, targets: Any, *, input_lengths: Lengths, target_lengths: Lengths, blank: int) -> list[Meta]:
    steps, batch = log_probs.shape[:2]
    count, yes = 2 * targets.shape[1] + 1, as_dtype("bool")
    return [Meta((batch, count), as_dtype("int64")), Meta((batch, count), yes), Meta((count,), yes), Meta((steps, batch, 1), yes),
            Meta((steps, batch, count), as_dtype(log_probs.dtype))]


def _frame(xp: Any, steps: int, longest: int, input_lengths: Lengths, target_lengths: Lengths, dtype: Any) -> tuple[Any, Any, Any]:
    """What of a chain follows from the lengths alone: where it starts, when there is a next time, and where it may end."""
    places, lengths = xp.arange(2 * longest + 1), xp.asarray(target_lengths).reshape(-1, 1)
    left = (xp.asarray(input_lengths) - 1 - xp.arange(steps).reshape(-1, 1))[:, :, None]
    ends = (left == 0) & ((places == 2 * lengths) | (places == 2 * lengths - 1))
    return places < 2, left > 0, xp.where(ends, 0, -INFINITY).astype(dtype)


@lru_cache(maxsize=64)
def _remembered(*sizes: Any) -> tuple[Any, Any, Any]:
    """``_frame`` of few states, which takes as long as a fifth of the loss."""
    return _frame(backend_for_device("cpu").xp, *sizes)


_FEW = 1 << 12
"""States at all times that are remembered."""


@op("ctc_chain(log_probs: Tensor, targets: Tensor, input_lengths: tuple[int, ...], target_lengths: tuple[int, ...], blank: int) -> tuple[Tensor, ...]", label="states",
    outputs=("states", "skips", "starts", "goes_on", "ends"), constant_outputs=(0, 1, 2, 3, 4), spec=_chain_spec, samples=[
        S((4, 2, 4), Arg(values=[[1, 2, 2], [3, 1, 0]]), input_lengths=(4, 3), target_lengths=(3, 2), blank=0),
        S((3, 2, 4), ints(2, 0), input_lengths=(3, 0), target_lengths=(0, 0), blank=0)])
def ctc_chain(xp: Any, log_probs: Any, targets: Any, *, input_lengths: Lengths, target_lengths: Lengths, blank: int) -> tuple[Any, ...]:
    """The states of each chain, (batch, 2 * longest + 1), whether the blank before each may be skipped, whether a chain starts
    there; for each time whether there is a next one, and 0 where a chain may end and -inf elsewhere."""
    steps, (batch, longest) = len(log_probs), targets.shape
    few = steps * batch * (2 * longest + 1) <= _FEW and at_hand(log_probs)
    sizes = (steps, longest, input_lengths, target_lengths, log_probs.dtype)
    starts, goes_on, ends = [each.copy() for each in _remembered(*sizes)] if few else _frame(xp, *sizes)  # a plan writes its own arrays
    states = xp.empty((batch, 2 * longest + 1), dtype="int64")
    states[...] = blank
    states[:, 1::2] = targets if target_lengths == (longest,) * batch else xp.where(xp.arange(longest) < xp.asarray(target_lengths).reshape(-1, 1), targets, blank)
    skips = xp.zeros(states.shape, dtype=bool)
    skips[:, 2:] = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    return states, skips, starts, goes_on, ends


def _forward(xp: Any, log_probs: Any, targets: Any, *, input_lengths: Lengths, target_lengths: Lengths, blank: int) -> tuple[Any, ...]:
    """The negative log-likelihoods, and what the backward recursion goes on with."""
    states, skips, _, goes_on, ends = ctc_chain.kernel(xp, log_probs, targets, input_lengths=input_lengths, target_lengths=target_lengths, blank=blank)
    count, batch, classes = log_probs.shape
    rows = xp.arange(batch)
    places = states + (rows * classes)[:, None]
    emitted = log_probs.reshape(count, batch * classes).take(places.reshape(-1), axis=1).reshape(count, *states.shape)
    padded = xp.empty((count, batch, states.shape[1] + 2), dtype=emitted.dtype)
    padded[:, :, :2] = -INFINITY  # two impossible states before the first
    alphas = padded[:, :, 2:]
    alphas[0] = -INFINITY
    alphas[0, :, :2] = emitted[0, :, :2]
    price = xp.where(skips, 0, -INFINITY).astype(emitted.dtype)
    for before, after, score in zip(padded, alphas[1:], emitted[1:], strict=False):
        reached = xp.logaddexp(before[:, 2:], before[:, 1:-1])
        xp.add(xp.logaddexp(reached, before[:, :-2] + price), score, out=after)
    length = target_lengths[0] if target_lengths else 0
    if length and count and input_lengths == (count,) * batch and target_lengths == (length,) * batch:  # as most often: all chains end at one place
        total = xp.logaddexp(alphas[-1, :, 2 * length], alphas[-1, :, 2 * length - 1])
    else:
        steps, end = xp.asarray(input_lengths), 2 * xp.asarray(target_lengths)
        last = alphas[xp.maximum(steps - 1, 0), rows]
        label = xp.where(end > 0, last[rows, xp.maximum(end - 1, 0)], -INFINITY)
        total = xp.where(steps > 0, xp.logaddexp(last[rows, end], label), xp.where(end > 0, -INFINITY, 0))
        total = total.astype(log_probs.dtype, copy=False)
    return -total, total, alphas, emitted, states, price, goes_on, ends


@op("ctc_likelihood(log_probs: Tensor, targets: Tensor, input_lengths: tuple[int, ...], target_lengths: tuple[int, ...], blank: int) -> Tensor", label="ctc_loss",
    spec=lambda log_probs, targets, **attrs: Meta((log_probs.shape[1],), as_dtype(log_probs.dtype)), samples=[
        S((5, 2, 4), Arg(values=[[1, 2, 2], [3, 1, 0]]), input_lengths=(5, 4), target_lengths=(3, 2), blank=0),
        S((4, 1, 3), Arg(values=[[0, 1]]), input_lengths=(4,), target_lengths=(2,), blank=2), S((3, 2, 3), ints(2, 0), input_lengths=(3, 1), target_lengths=(0, 0), blank=0),
        S((3, 2, 3), ints(2, 1, low=1), input_lengths=(1, 3), target_lengths=(1, 0), blank=0)])
def ctc_likelihood(xp: Any, log_probs: Any, targets: Any, *, input_lengths: Lengths, target_lengths: Lengths, blank: int) -> Any:
    """Minus the log-likelihood of each row of ``targets`` (batch, longest) under ``log_probs`` (time, batch, classes)."""
    return _forward(xp, log_probs, targets, input_lengths=input_lengths, target_lengths=target_lengths, blank=blank)[0]


def _reached(F: Any, *scores: Any) -> Any:
    """The log-sum of staying, of going one state on, and of skipping one."""
    return F.logsumexp(F.stack(list(scores), dim=0), dim=0)


@ctc_likelihood.vjp("log_probs")
def _(F: Any, g: Any, log_probs: Any, targets: Any, input_lengths: Lengths, target_lengths: Lengths, blank: int) -> Any:
    steps = log_probs.shape[0]
    states, skips, starts, goes_on, ends = F.ctc_chain(log_probs, targets, input_lengths=input_lengths, target_lengths=target_lengths, blank=blank)
    index = F.broadcast_to(F.unsqueeze(states, dim=0), shape=(steps, *states.shape))
    emitted = F.unbind(F.gather(log_probs, index=index, dim=2), dim=0)

    def moved(scores: Any, by: int) -> Any:
        return F.shift(scores, dim=1, step=by, fill=-INFINITY)

    alphas = [F.where(starts, emitted[0], -INFINITY)]
    for t in range(1, steps):
        before = alphas[-1]
        alphas.append(_reached(F, before, moved(before, 1), F.where(skips, moved(before, 2), -INFINITY)) + emitted[t])
    betas = [ends[-1]]
    for t in range(steps - 2, -1, -1):
        after = betas[-1] + emitted[t + 1]
        betas.append(F.where(goes_on[t], _reached(F, after, moved(after, -1), moved(F.where(skips, after, -INFINITY), -2)), ends[t]))
    passing = F.stack(alphas, dim=0) + F.stack(betas[::-1], dim=0)
    total = F.logsumexp(passing[:1], dim=(2,), keepdim=True)
    posterior = F.exp(passing - F.where(total == -INFINITY, 0, total))
    return -(F.gather_accumulate(posterior, index, dim=2, shape=tuple(log_probs.shape)) * F.reshape(g, shape=(1, -1, 1)))


@ctc_likelihood.fused_vjp(("total", "alphas", "emitted", "states", "price", "goes_on", "ends"), _forward)
def _(F: Any, g: Any, log_probs_shape: Any, total: Any, alphas: Any, emitted: Any, states: Any, price: Any, goes_on: Any, ends: Any, input_lengths: Lengths) -> Any:
    xp = F.backend.xp
    betas = xp.empty_like(emitted)
    betas[-1] = ends[-1]
    batch, count = states.shape
    whole = input_lengths == (len(betas),) * batch
    longer = xp.empty((2, batch, count + 2), dtype=emitted.dtype)
    longer[:, :, -2:] = -INFINITY  # two impossible states behind the last
    longer[0, :, :-2] = price
    after, price = longer[1], longer[0, :, 2:]
    for t in range(len(betas) - 2, -1, -1):
        xp.add(betas[t + 1], emitted[t + 1], out=after[:, :-2])
        reached = xp.logaddexp(xp.logaddexp(after[:, :-2], after[:, 1:-1]), after[:, 2:] + price)
        betas[t] = reached if whole else xp.where(goes_on[t], reached, ends[t])
    total = xp.where(total == -INFINITY, 0, total)[:, None]
    index = stretched(xp, states, emitted.shape)
    return -F.gather_accumulate(xp.exp(alphas + betas - total) * g[:, None], index, dim=2, shape=log_probs_shape), None


@op("ctc_lengths(input: Tensor, lengths: tuple[int, ...]) -> Tensor", label="lengths", spec=lambda input, *, lengths: Meta(tuple(input.shape), as_dtype(input.dtype)),
    samples=[S((3,), lengths=(2, 0, 1))])
def ctc_lengths(xp: Any, input: Any, *, lengths: Lengths) -> Any:
    """The lengths of targets as numbers like ``input``, but at least 1."""
    return xp.maximum(xp.asarray(lengths), 1).astype(input.dtype)


# --- the loss -----------------------------------------------------------------------------------------------------


def _lengths(lengths: Any) -> Lengths:
    """Lengths as Python numbers, whether given as a tensor, a number or a sequence."""
    values = lengths.tolist() if hasattr(lengths, "tolist") else lengths
    return tuple([int(n) for n in values]) if isinstance(values, (tuple, list, Sequence)) else (int(values),)


def _check_lengths(log_probs: Any, targets: Any, input_lengths: Lengths, target_lengths: Lengths, blank: int) -> None:
    """Refuse lengths that do not fit ``log_probs`` (time, batch, classes) and ``targets``."""
    (steps, batch, classes), shape = log_probs.shape, tuple(targets.shape)
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range: {blank} of {classes} classes")
    for name, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if len(lengths) != batch:
            raise RuntimeError(f"ctc_loss: {name} must be of size batch_size: {len(lengths)} lengths for a batch of {batch}")
        if min(lengths, default=0) < 0:
            raise RuntimeError(f"ctc_loss: Expected {name} to have value at least 0, but got value {min(lengths)}")
    if max(input_lengths, default=0) > steps:
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {steps}, but got value {max(input_lengths)}")
    if len(shape) == 1 and sum(target_lengths) != shape[0]:
        raise RuntimeError(f"ctc_loss: Expected concatenated targets of size {sum(target_lengths)}, the sum of target_lengths, but got size {shape[0]}")
    if len(shape) == 2 and (shape[0] != batch or shape[1] < max(target_lengths, default=0)):
        raise RuntimeError(f"ctc_loss: Expected targets of shape ({batch}, at least {max(target_lengths, default=0)}), but got {shape}")


def _filled_up(F: Any, targets: Any, lengths: Lengths) -> Any:
    """Labels one after the other as one row per sample."""
    longest = max(lengths, default=0)
    if not longest:
        return F.reshape(targets, shape=(len(lengths), 0))
    rows, start = [], 0
    for length in lengths:
        rows.append([start + min(i, length - 1) if length else 0 for i in range(longest)])
        start += length
    return targets[rows]


@composite("ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: Tensor | Sequence[int], target_lengths: Tensor | Sequence[int], blank: int = 0, "
           "reduction: str = 'mean', zero_infinity: bool = False) -> Tensor", places=("torch", "nn.functional"))
def ctc_loss(F: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> Any:
    """The negative log-likelihood of label sequences, summed over all alignments: connectionist temporal classification.

    Parameters
    ----------
    log_probs : (time, batch, classes) or (time, classes), logarithms of probabilities, as from ``log_softmax``.
    targets : (batch, longest), or all labels one after the other; without the blank.
    input_lengths, target_lengths : how much of each sample counts.
    blank : the class that stands for no label.
    reduction : ``'mean'`` divides each loss by its target's length first.
    zero_infinity : a loss that is infinite, because the input is too short for its target, counts 0.

    The gradient is that of the function as it stands. PyTorch's adds ``exp(log_probs)``, which is the same once it
    has passed through ``log_softmax``. Graves et al. (2006).

    >>> import autograd_core as ag, nn
    >>> steps = ag.log_softmax(ag.zeros(2, 1, 2), dim=2)
    >>> nn.functional.ctc_loss(steps, ag.tensor([[1]]), (2,), (1,)).neg().exp()  # 3 of 4 paths spell it
    tensor(0.7500)
    """
    check_reduction("ctc_loss", reduction)
    single = log_probs.ndim == 2
    if log_probs.ndim not in (2, 3):
        raise RuntimeError(f"ctc_loss: log_probs must be (time, batch, classes) or (time, classes), got the shape {tuple(log_probs.shape)}")
    if single:
        log_probs = F.unsqueeze(log_probs, dim=1)
        targets = F.unsqueeze(targets, dim=0) if targets.ndim == 1 else targets
    inputs, wanted = _lengths(input_lengths), _lengths(target_lengths)
    _check_lengths(log_probs, targets, inputs, wanted, blank)
    if targets.ndim == 1:
        targets = _filled_up(F, targets, wanted)
    longest = max(wanted, default=0)
    targets = targets if targets.shape[1] == longest else targets[:, :longest]
    loss = F.ctc_likelihood(log_probs, targets, input_lengths=inputs, target_lengths=wanted, blank=blank)
    if zero_infinity:
        loss = F.where(loss == INFINITY, 0, loss)
    if reduction == "mean":
        if inputs and wanted == (longest,) * len(wanted):
            return F.mean(loss) / max(longest, 1)
        return F.mean(loss / F.ctc_lengths(loss, lengths=wanted))
    return F.sum(loss) if reduction == "sum" else loss[0] if single else loss
