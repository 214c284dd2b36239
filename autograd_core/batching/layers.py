"""Batching rules of what networks are made of: convolution, pooling, normalisation and losses.

Images already have a batch. A second one is folded into it where weights are shared, and into the channels, as
groups, where every example has weights of its own.
"""

from __future__ import annotations

from typing import Any

from .. import _methods
from ..op import detached
from .rules import Call, composed, loop, rule

# --- convolution --------------------------------------------------------------------------------------------------


def _folded(value: Any) -> Any:
    """(B, N, ...) as (B * N, ...)."""
    shape = tuple(value.shape)
    return value.reshape((shape[0] * shape[1], *shape[2:]))


def _split(value: Any, size: int) -> Any:
    """(B * N, ...) as (B, N, ...)."""
    shape = tuple(value.shape)
    return value.reshape((size, shape[0] // size if size else 0, *shape[1:]))


def _into_channels(value: Any) -> Any:
    """(B, N, C, ...) as (N, B * C, ...)."""
    size, n, channels, *rest = tuple(value.shape)
    return _methods.transpose(value, 0, 1).reshape((n, size * channels, *rest))


def _from_channels(value: Any, size: int) -> Any:
    """(N, B * C, ...) as (B, N, C, ...)."""
    n, channels, *rest = tuple(value.shape)
    return _methods.transpose(value.reshape((n, size, channels // size, *rest)), 0, 1)


@rule("convolution")
def _convolution(call: Call) -> Any:
    groups = call.attrs["groups"]
    if not call.size:
        return loop(call)
    if not call.batched[1]:
        bias = None if call.inputs[2] is None or call.batched[2] else call.values[2]
        out = _split(call.run(_folded(call.full(0)), call.values[1], bias), call.size)
    elif not call.batched[0] and groups == 1:
        out = _from_channels(call.run(call.values[0], _folded(call.values[1]), None), call.size)
        bias = None
    else:
        out = _from_channels(call.run(_into_channels(call.full(0)), _folded(call.values[1]), None, groups=groups * call.size), call.size)
        bias = None
    if call.inputs[2] is not None and bias is None:
        value = call.full(2)
        out = out + value.reshape((call.size, 1, int(value.shape[1]), *[1] * (out.ndim - 3)))
    return out


@rule("convolution_input_grad")
def _convolution_input_grad(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    if not call.size:
        return loop(call)
    if not call.batched[1]:
        return _split(call.run(_folded(call.full(0)), call.values[1], shape=(call.size * shape[0], *shape[1:])), call.size)
    wide = (shape[0], call.size * shape[1], *shape[2:])
    out = call.run(_into_channels(call.full(0)), _folded(call.values[1]), shape=wide, groups=call.attrs["groups"] * call.size)
    return _from_channels(out, call.size)


@rule("convolution_weight_grad")
def _convolution_weight_grad(call: Call) -> Any:
    shape, groups = tuple(call.attrs["shape"]), call.attrs["groups"]
    if not call.size:
        return loop(call)
    wide = (call.size * shape[0], *shape[1:])
    if not call.batched[0] and groups == 1:
        out = call.run(call.values[0], _into_channels(call.values[1]), shape=wide)
    else:
        out = call.run(_into_channels(call.full(0)), _into_channels(call.full(1)), shape=wide, groups=groups * call.size)
    return _split(out, call.size)


# --- pooling ------------------------------------------------------------------------------------------------------


@rule("adaptive_max_indices", "max_pool", "max_pool_scatter", "max_pool_pick", "max_pool_indices", "avg_pool", "adaptive_average", "adaptive_max")
def _pool(call: Call) -> Any:
    if not call.size:
        return loop(call)
    lead = len(call.attrs.get("kernel", call.attrs.get("size", (0, 0))))
    tensors = [call.full(i) for i in range(len(call.inputs))]
    flat = [x.reshape((-1, *tuple(x.shape)[x.ndim - lead:])) for x in tensors]
    out = call.run(*flat)
    return out.reshape((*tuple(tensors[0].shape)[: tensors[0].ndim - lead], *tuple(out.shape)[1:]))


@rule("avg_pool_grad", "adaptive_average_grad")
def _pool_grad(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    return call.run(call.values[0], shape=(call.size, *shape))


# --- normalisation ------------------------------------------------------------------------------------------------


@rule("standardize")
def _standardize(call: Call) -> Any:
    rank = call.ndim(0)
    dims = tuple(d % rank + 1 for d in call.attrs["dims"])
    shape = tuple(call.attrs["shape"])
    value = call.full(0)
    if not any(call.batched[1:]):
        return call.run(value, call.values[1], call.values[2], dims=dims, shape=shape)
    spread = (call.size, *[1] * (rank - len(shape)), *shape)
    parameters = [None if call.inputs[i] is None else call.full(i) for i in (1, 2)]
    return call.run(value, *parameters, dims=dims, shape=spread)


# --- losses -------------------------------------------------------------------------------------------------------


def _reduced(F: Any, losses: Any, reduction: str) -> Any:
    return losses if reduction == "none" else F.mean(losses) if reduction == "mean" else F.sum(losses)


@rule("squared_error")
def _squared_error(call: Call) -> Any:
    return composed(call, lambda F, input, target, reduction: _reduced(F, F.square(input - target), reduction))


@rule("cosine")
def _cosine(call: Call) -> Any:
    def cosine(F: Any, x1: Any, x2: Any, dim: int, eps: float, added: float) -> Any:
        lengths = [F.clamp(F.sqrt(F.sum(F.square(x), dim=dim, keepdim=True) + added) if added else F.norm_over(x, p=2.0, dim=dim, keepdim=True), eps, None) for x in (x1, x2)]
        return F.sum((x1 / lengths[0]) * (x2 / lengths[1]), dim=dim)

    return composed(call, cosine)


@rule("distance")
def _distance(call: Call) -> Any:
    def distance(F: Any, x1: Any, x2: Any, dim: Any, keepdim: bool, eps: float) -> Any:
        return F.norm_over(x1 - x2 + eps, p=2.0, dim=dim, keepdim=keepdim)

    return composed(call, distance)


@rule("ranking")
def _ranking(call: Call) -> Any:
    def ranked(F: Any, input1: Any, input2: Any, target: Any, margin: float, reduction: str) -> Any:
        return _reduced(F, F.relu(margin + (input1 - input2 if target is None else -target * (input1 - input2))), reduction)

    return composed(call, ranked)


@rule("divergence", "embedding_hinge", "logistic_error", "chances_cross_entropy", "counting_error")
def _pairs(call: Call) -> Any:
    """Losses of two tensors of one shape: those of the elements, reduced for each example."""
    losses = call.run(call.full(0), call.full(1), reduction="none")
    reduction, dims = call.attrs["reduction"], tuple(range(1, losses.ndim))
    return losses if reduction == "none" or not dims else _methods.mean(losses, dims) if reduction == "mean" else _methods.sum(losses, dims)


@rule("gaussian_error")
def _gaussian_error(call: Call) -> Any:
    def gaussian(F: Any, input: Any, target: Any, var: Any, eps: float, reduction: str) -> Any:
        var = var + detached(F.clamp(var, eps, None) - var)
        return _reduced(F, 0.5 * (F.log(var) + F.square(input - target) / var), reduction)

    return composed(call, gaussian)


@rule("sigmoid_cross_entropy")
def _sigmoid_cross_entropy(call: Call) -> Any:
    rank = call.ndim(0)
    lined: list[Any] = []
    for i, x in enumerate(call.inputs):
        if x is None:
            lined.append(None)
        elif call.batched[i]:
            shape = tuple(call.values[i].shape)
            lined.append(call.values[i].reshape((shape[0], *[1] * (rank - len(shape) + 1), *shape[1:])))
        else:
            lined.append(call.values[i] if i > 1 else call.full(i))
    losses = call.run(*lined, reduction="none")
    return _reduced(_methods.F, call.example(losses), call.attrs["reduction"])


@rule("softmax_cross_entropy", "negative_log_likelihood")
def _class_losses(call: Call) -> Any:
    if call.batched[2] or not call.size:
        return loop(call)
    F = _methods.F
    scores, target, weight = call.full(0), call.full(1), call.values[2]
    single = call.ndim(0) == 1
    losses = call.run(scores if single else _folded(scores), target if single else _folded(target), weight, reduction="none")
    example = call.example(losses if single else _split(losses, call.size))
    if call.attrs["reduction"] != "mean":
        return _reduced(F, example, call.attrs["reduction"])
    return F.sum(example) / F.sum(_counted(call.inputs[1], weight, call.attrs["ignore_index"]), dtype=example.dtype)


@rule("class_targets")
def _class_targets(call: Call) -> Any:
    weight = call.values[1]
    if call.batched[1]:
        return loop(call)
    F = _methods.F
    wanted = call.run(call.values[0], weight, dim=call.attrs["dim"] + 1, mean=False)
    if not call.attrs["mean"]:
        return wanted
    total = F.sum(_counted(call.inputs[0], weight, call.attrs["ignore_index"]), dtype=call.attrs["dtype"])
    return call.example(wanted) / F.where(total == 0, 1, total)


def _counted(target: Any, weight: Any, ignore_index: int) -> Any:
    """How much each class index of an example counts in a mean."""
    F = _methods.F
    counts = target != ignore_index
    if weight is None:
        return counts
    chosen = F.index(weight, F.unsqueeze(F.where(counts, target, 0), dim=0), dims=(0,), unique=False)
    return F.where(counts, chosen, 0)


@rule("class_margins")
def _class_margins(call: Call) -> Any:
    def margins(F: Any, input: Any, target: Any, weight: Any, p: int, margin: float, averaged: bool, reduction: str) -> Any:
        wanted = F.class_targets(target, None, classes=input.shape[-1], dim=input.ndim - 1, ignore_index=-1, label_smoothing=0.0, mean=False, dtype=input.dtype)
        missed = F.relu(margin - F.sum(wanted * input, dim=-1, keepdim=True) + input) * (1 - wanted)
        losses = missed if p == 1 else missed * missed
        if weight is not None:
            losses = losses * F.sum(wanted * weight, dim=-1, keepdim=True)
        return _reduced(F, F.mean(losses, dim=-1) if averaged else F.sum(losses, dim=-1), reduction)

    return composed(call, margins)


@rule("ctc_likelihood")
def _ctc_likelihood(call: Call) -> Any:
    if not call.size:
        return loop(call)
    time, n, classes = call.shape(0)
    scores = _methods.transpose(call.full(0), 0, 1).reshape((time, call.size * n, classes))
    lengths = {name: tuple(call.attrs[name]) * call.size for name in ("input_lengths", "target_lengths")}
    return call.run(scores, _folded(call.full(1)), **lengths).reshape((call.size, n))


@rule("huber_error")
def _huber_error(call: Call) -> Any:
    def huber(F: Any, input: Any, target: Any, delta: float, reduction: str) -> Any:
        distance = F.abs(input - target)
        inner = F.clamp(distance, None, delta)
        return _reduced(F, inner * (distance - inner * 0.5), reduction)

    return composed(call, huber)


@rule("standardize_rows")
def _standardize_rows(call: Call) -> Any:
    if not any(call.batched[1:]):
        return call.run(*call.values)

    def apart(F: Any, input: Any, weight: Any, bias: Any, **attrs: Any) -> Any:
        out = F.standardize_rows(input, None, None, **attrs)
        out = out if weight is None else out * weight
        return out if bias is None else out + bias

    return composed(call, apart)


@rule("scale_rows")
def _scale_rows(call: Call) -> Any:
    if not any(call.batched[1:]):
        return call.run(*call.values)
    return composed(call, lambda F, input, weight, **attrs: F.scale_rows(input, None, **attrs) * weight)


@rule("standardize_channels")
def _standardize_channels(call: Call) -> Any:
    def apart(F: Any, input: Any, weight: Any, bias: Any, eps: float) -> Any:
        dims, shape = (0, *range(2, input.ndim)), (input.shape[1],) + (1,) * (input.ndim - 2)
        centred = input - F.mean(input, dim=dims, keepdim=True)
        out = centred * F.rsqrt(F.mean(F.square(centred), dim=dims, keepdim=True) + eps)
        out = out if weight is None else out * F.reshape(weight, shape=shape)
        return out if bias is None else out + F.reshape(bias, shape=shape)

    return composed(call, apart)


# --- images -------------------------------------------------------------------------------------------------------


@rule("sample_between")
def _sampled(call: Call) -> Any:
    return _split(call.run(_folded(call.full(0)), _folded(call.full(1))), call.size) if call.size else loop(call)


@rule("patches", "resample")
def _images(call: Call) -> Any:
    return call.run(call.values[0])


@rule("patches_sum", "resample_sum")
def _images_sum(call: Call) -> Any:
    return call.run(call.values[0], shape=(call.size, *call.attrs["shape"]))
