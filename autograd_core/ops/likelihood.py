"""Negative log-likelihoods of distributions that a network predicts: Poisson and Gaussian."""

from __future__ import annotations

import math
from typing import Any

from ..op import NN, composite, detached
from .loss import check_reduction, matched, reduce_loss


@composite("poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, eps: float = 1e-08, reduction: str = 'mean') -> Tensor",
           places=NN)
def poisson_nll_loss(F: Any, input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> Any:
    """The negative log-likelihood of counts ``target`` under a Poisson distribution with rate ``exp(input)``.

    Without ``log_input`` the rate is ``input`` itself, and ``eps`` keeps its logarithm finite. ``full`` adds Stirling's
    approximation of ``log(target!)``, which does not depend on the input.
    """
    check_reduction("poisson_nll_loss", reduction)
    input, target = matched(F, "poisson_nll_loss", input, target)
    loss = F.exp(input) - target * input if log_input else input - target * F.log(input + eps)
    if full:
        many = target > 1
        count = F.where(many, target, 1)
        loss = loss + F.where(many, count * F.log(count) - count + 0.5 * F.log(count * (2 * math.pi)), 0)
    return reduce_loss(F, loss, reduction)


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
        spread = math.log(var)
    else:
        if tuple(var.shape) == shape[:-1] and shape:
            var = F.unsqueeze(var, dim=-1)
        elif var.ndim != input.ndim or sum(n != m for n, m in zip(var.shape, shape, strict=True)) > 1 or any(n not in (1, m) for n, m in zip(var.shape, shape, strict=True)):
            raise ValueError(f"gaussian_nll_loss: var is of incorrect size: {tuple(var.shape)} for an input of shape {shape}. Give it that shape, or without the last size")
        if str(var.device) == "cpu" and bool(F.any(detached(var) < 0)):  # a GPU is not asked, because the answer would make the program wait
            raise ValueError("gaussian_nll_loss: var has negative entry/entries. Predict its logarithm and take exp, or softplus")
        var = var + detached(F.clamp(var, eps, None) - var)
        spread = F.log(var)
    input, target = matched(F, "gaussian_nll_loss", input, target)
    difference = input - target
    loss = 0.5 * (spread + difference * difference / var)
    return reduce_loss(F, loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
