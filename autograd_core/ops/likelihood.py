"""Negative log-likelihoods of distributions that a network predicts: Poisson and Gaussian."""

from __future__ import annotations

import math
from typing import Any

from ..backend.registry import backend_of
from ..op import NN, S, composite, detached, op, span
from ..spec import Meta, broadcast
from .loss import check_reduction, matched, pair_spec, per_element, reduce_loss, reduced_meta, sum_or_mean
from .reduce import widened


@composite("poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, eps: float = 1e-08, reduction: str = 'mean') -> Tensor",
           places=NN)
def poisson_nll_loss(F: Any, input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> Any:
    """The negative log-likelihood of counts ``target`` under a Poisson distribution with rate ``exp(input)``.

    Without ``log_input`` the rate is ``input`` itself, and ``eps`` keeps its logarithm finite. ``full`` adds Stirling's
    approximation of ``log(target!)``, which does not depend on the input.
    """
    check_reduction("poisson_nll_loss", reduction)
    input, target = matched(F, "poisson_nll_loss", input, target)
    if log_input and not full:
        return F.counting_error(input, target, reduction=reduction)
    loss = F.counting_error(input, target, reduction="none") if log_input else input - target * F.log(input + eps)
    if full:
        many = target > 1
        count = F.where(many, target, 1)
        loss = loss + F.where(many, count * F.log(count) - count + 0.5 * F.log(count * (2 * math.pi)), 0)
    return reduce_loss(F, loss, reduction)


def _counting_parts(xp: Any, input: Any, target: Any, *, reduction: str) -> tuple[Any, Any]:
    """The loss, and the rate less the counts."""
    wide, counts = widened(input), widened(target)
    rate = xp.exp(wide)
    return sum_or_mean(xp, rate - counts * wide, reduction, input.dtype), rate - counts


@op("counting_error(input: Tensor, target: Tensor, reduction: str) -> Tensor", label="poisson_nll", promotes="float", spec=pair_spec("poisson_nll_loss"), samples=[
    *(S((3, 4), span(0.0, 3.0, 3, 4), reduction=reduction) for reduction in ("none", "mean", "sum")), S((), span(0.0, 3.0), reduction="mean"), S((0, 2), (0, 2), reduction="sum")])
def counting_error(xp: Any, input: Any, target: Any, *, reduction: str) -> Any:
    """``exp(input) - target * input`` of equal shapes, reduced."""
    return _counting_parts(xp, input, target, reduction=reduction)[0]


@counting_error.vjp()
def _(F: Any, g: Any, input: Any, target: Any, reduction: str, needs: Any) -> Any:
    g = per_element(g, reduction, input.shape)
    return (F.exp(input) - target) * g if needs[0] else None, -input * g if needs[1] else None


@counting_error.fused_vjp(("slopes",), _counting_parts)
def _(F: Any, g: Any, input: Any, slopes: Any, reduction: str, needs: Any) -> Any:
    g = per_element(g, reduction, input.shape)
    return (slopes * g).astype(input.dtype, copy=False) if needs[0] else None, input * -g if needs[1] else None


@composite("gaussian_nll_loss(input: Tensor, target: Tensor, var: TensorLike, full: bool = False, eps: float = 1e-06, reduction: str = 'mean') -> Tensor", places=NN)
def gaussian_nll_loss(F: Any, input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    """The negative log-likelihood of ``target`` under a Gaussian with mean ``input`` and variance ``var``.

    ``var`` is a number, has the input's shape, or lacks its last dimension or has size 1 there. It is raised to ``eps``
    where it is less, which its gradient takes no note of. ``full`` adds the constant ``log(2 π) / 2``. Raises
    ``ValueError`` for a negative variance or another shape.
    """
    check_reduction("gaussian_nll_loss", reduction)
    shape = tuple(input.shape)
    if not hasattr(var, "shape"):
        if var < 0:
            raise ValueError(f"gaussian_nll_loss: var has negative entry/entries, got {var}")
        var = max(var, eps)
        input, target = matched(F, "gaussian_nll_loss", input, target)
        difference = input - target
        loss = reduce_loss(F, 0.5 * (math.log(var) + difference * difference / var), reduction)
    else:
        if tuple(var.shape) == shape[:-1] and shape:
            var = F.unsqueeze(var, dim=-1)
        elif var.ndim != input.ndim or sum(n != m for n, m in zip(var.shape, shape, strict=True)) > 1 or any(n not in (1, m) for n, m in zip(var.shape, shape, strict=True)):
            raise ValueError(f"gaussian_nll_loss: var is of incorrect size: {tuple(var.shape)} for an input of shape {shape}. Give it that shape, or without the last size")
        input, target = matched(F, "gaussian_nll_loss", input, target)
        loss = F.gaussian_error(input, target, var, eps=float(eps), reduction=reduction)
    if not full:
        return loss
    return loss + 0.5 * math.log(2 * math.pi) * (math.prod(shape) if reduction == "sum" else 1)


def _gaussian_spec(input: Any, target: Any, var: Any, *, eps: float, reduction: str) -> Meta:
    return reduced_meta("gaussian_nll_loss", input, reduction, broadcast("gaussian_nll_loss", ("input", "target", "var"), (input, target, var)))


def _gaussian_parts(xp: Any, input: Any, target: Any, var: Any, *, eps: float, reduction: str) -> tuple[Any, Any, Any]:
    """The loss, the distance over the variance, and the variance, at least ``eps``."""
    if backend_of(var).name == "cpu" and var.size and var.min() < 0:  # a GPU is not asked, because the answer would make the program wait
        raise ValueError("gaussian_nll_loss: var has negative entry/entries. Predict its logarithm and take exp, or softplus")
    spread = xp.maximum(widened(var), eps)
    distance = input - target
    scaled = distance / spread
    loss = distance * scaled
    loss = loss + xp.log(spread)
    loss = loss * 0.5
    return sum_or_mean(xp, loss, reduction, input.dtype), scaled, spread


@op("gaussian_error(input: Tensor, target: Tensor, var: Tensor, eps: float, reduction: str) -> Tensor", label="gaussian_nll", promotes="float", broadcasts=True,
    spec=_gaussian_spec, samples=[
        *(S((3, 4), (3, 4), span(0.5, 2.0, 3, 4), eps=1e-6, reduction=reduction) for reduction in ("none", "mean", "sum")),
        S((3, 4), (3, 4), span(0.5, 2.0, 3, 1), eps=1e-6, reduction="mean"), S((), (), span(0.5, 2.0), eps=1e-6, reduction="sum"),
        S((0, 2), (0, 2), (0, 2), eps=1e-6, reduction="sum"),
        S((3,), (3,), span(-2.0, -1.0, 3), eps=1e-6, reduction="sum", error=ValueError, match="negative entry")])
def gaussian_error(xp: Any, input: Any, target: Any, var: Any, *, eps: float, reduction: str) -> Any:
    """``(log(v) + (input - target) ** 2 / v) / 2`` with ``v = max(var, eps)``, reduced; the gradient takes no note of the maximum."""
    return _gaussian_parts(xp, input, target, var, eps=eps, reduction=reduction)[0]


def _gaussian_gradients(F: Any, g: Any, shape: Any, scaled: Any, spread: Any, reduction: str, needs: Any) -> Any:
    share = per_element(g, reduction, shape)
    gradient: Any = scaled * share if needs[0] or needs[1] else None
    return gradient if needs[0] else None, -gradient if needs[1] else None, (1 / spread - scaled * scaled) * (share * 0.5) if needs[2] else None


@gaussian_error.vjp()
def _(F: Any, g: Any, input: Any, target: Any, var: Any, eps: float, reduction: str, needs: Any) -> Any:
    spread = var + detached(F.clamp(var, eps, None) - var)
    return _gaussian_gradients(F, g, input.shape, (input - target) / spread, spread, reduction, needs)


@gaussian_error.fused_vjp(("scaled", "spread"), _gaussian_parts)
def _(F: Any, g: Any, input_shape: Any, scaled: Any, spread: Any, reduction: str, needs: Any) -> Any:
    return tuple([None if each is None else each.astype(g.dtype, copy=False) for each in _gaussian_gradients(F, g, input_shape, scaled, spread, reduction, needs)])
