"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from autograd_core import ops

from .optimizer import Params
from .options import checked, one_way
from .packed import PackedOptimizer


class SGD(PackedOptimizer):
    """Stochastic gradient descent, with momentum as an option.

    With the gradient ``g`` (plus ``weight_decay * p``, negated by ``maximize``), ``b = momentum * b + (1 - dampening) * g``, first ``b = g``,
    and ``p = p - lr * b``; with ``nesterov``, ``p = p - lr * (g + momentum * b)``.

    Parameters
    ----------
    params : parameters or groups, see :class:`Optimizer`.
    lr : learning rate, default 0.001. momentum, dampening, weight_decay : default 0.
    nesterov : needs a momentum and no dampening. maximize : climb instead of descend.
    foreach, fused : accepted for PyTorch's sake; updates are always grouped. differentiable : only ``False``.

    Raises ``ValueError`` for negative numbers.

    >>> import autograd_core as ag
    >>> from optim import SGD
    >>> w = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     (w * w).sum().backward()
    ...     optimizer.step()
    >>> [round(x, 3) for x in w.tolist()]
    [0.062, 0.124]
    """

    op = ops.sgd_update
    counts_steps = False

    def __init__(self, params: Params, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0, nesterov: bool = False, *,
                 maximize: bool = False, foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None) -> None:
        checked("learning rate", lr)
        checked("momentum value", momentum)
        checked("weight_decay value", weight_decay)
        one_way("SGD", differentiable)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize,
            "foreach": foreach, "differentiable": differentiable, "fused": fused})

    def _names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def _attributes(self, group: dict[str, Any]) -> dict[str, Any]:
        dampening = float(group["dampening"])
        return {"lr": float(group["lr"]), "momentum": float(group["momentum"]), "dampening": dampening, "weight_decay": float(group["weight_decay"]),
                "nesterov": group["nesterov"], "maximize": group["maximize"], "first": dampening != 0}
