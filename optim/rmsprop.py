"""RMSprop."""

from __future__ import annotations

from typing import Any

from autograd_core import ops

from .optimizer import Params
from .options import checked, one_way
from .packed import PackedOptimizer


class RMSprop(PackedOptimizer):
    """RMSprop: steps scaled by the root of a running average of the squared gradient.

    ``v = alpha * v + (1 - alpha) * g**2`` and ``p = p - lr * g / (sqrt(v) + eps)``; ``centered`` subtracts the square of
    the average gradient from ``v``, ``momentum`` sums the scaled gradients in a buffer.

    Parameters
    ----------
    params : parameters or groups, see :class:`Optimizer`.
    lr : learning rate, default 0.01. alpha : default 0.99. eps : default 1e-8. weight_decay, momentum : default 0.
    centered : default ``False``. maximize : climb instead of descend.
    capturable, foreach : accepted for PyTorch's sake; updates are always grouped. differentiable : only ``False``.

    Raises ``ValueError`` for negative numbers.

    >>> import autograd_core as ag
    >>> from optim import RMSprop
    >>> w = ag.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> [round(x, 3) for x in w.tolist()]
    [0.9, -1.9]
    """

    op = ops.rmsprop_update

    def __init__(self, params: Params, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0, momentum: float = 0,
                 centered: bool = False, capturable: bool = False, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False) -> None:
        checked("learning rate", lr)
        checked("epsilon value", eps)
        checked("momentum value", momentum)
        checked("weight_decay value", weight_decay)
        checked("alpha value", alpha)
        one_way("RMSprop", differentiable)
        super().__init__(params, {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered, "weight_decay": weight_decay, "capturable": capturable,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable})

    def _names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", *(("momentum_buffer",) if group["momentum"] > 0 else ()), *(("grad_avg",) if group["centered"] else ()))

    def _attributes(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"lr": float(group["lr"]), "alpha": float(group["alpha"]), "eps": float(group["eps"]), "weight_decay": float(group["weight_decay"]),
                "momentum": float(group["momentum"]), "centered": group["centered"], "maximize": group["maximize"]}
