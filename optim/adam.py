"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from autograd_core import ops

from .optimizer import Params
from .options import checked, one_way
from .packed import PackedOptimizer


class Adam(PackedOptimizer):
    """Adam: steps scaled by running averages of the gradient and of its square.

    ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 - beta2) * g**2`` and, with both freed of their bias towards 0,
    ``p = p - lr * m / (sqrt(v) + eps)``.

    Parameters
    ----------
    params : parameters or groups, see :class:`Optimizer`.
    lr : learning rate, default 0.001. betas : default (0.9, 0.999). eps : default 1e-8.
    weight_decay : default 0; an L2 penalty in the gradient, or with ``decoupled_weight_decay`` a shrinking by ``lr * weight_decay``.
    amsgrad : use the largest ``v`` so far. maximize : climb instead of descend.
    foreach, capturable, fused : accepted for PyTorch's sake; updates are always grouped. differentiable : only ``False``.

    Raises ``ValueError`` for negative numbers and for betas outside [0, 1).

    >>> import autograd_core as ag
    >>> from optim import Adam
    >>> w = ag.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> [round(x, 3) for x in w.tolist()]
    [0.9, -1.9]
    """

    op = ops.adam_update

    def __init__(self, params: Params, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
                 amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None, decoupled_weight_decay: bool = False) -> None:
        checked("learning rate", lr)
        checked("epsilon value", eps)
        checked("beta parameter at index 0", betas[0], below=1.0)
        checked("beta parameter at index 1", betas[1], below=1.0)
        checked("weight_decay value", weight_decay)
        one_way(type(self).__name__, differentiable)
        super().__init__(params, {
            "lr": lr, "betas": (float(betas[0]), float(betas[1])), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay})

    def _names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def _attributes(self, group: dict[str, Any]) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return {"lr": float(group["lr"]), "beta1": float(beta1), "beta2": float(beta2), "eps": float(group["eps"]),
                "weight_decay": float(group["weight_decay"]), "decoupled": group["decoupled_weight_decay"],
                "amsgrad": group["amsgrad"], "maximize": group["maximize"]}


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: ``p`` first shrinks by ``lr * weight_decay``, default 0.01.

    The other parameters are those of :class:`Adam`.

    >>> import autograd_core as ag
    >>> from optim import AdamW
    >>> w = ag.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> [round(x, 3) for x in w.tolist()]
    [0.85, -1.8]
    """

    def __init__(self, params: Params, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 1e-2,
                 amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
                         differentiable=differentiable, fused=fused, decoupled_weight_decay=True)
