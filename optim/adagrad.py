"""Adagrad."""

from __future__ import annotations

from typing import Any

from autograd_core import ops
from autograd_core.backend.registry import backend_for_device, backend_of
from autograd_core.storage import wrap

from .optimizer import Params
from .options import checked, one_way
from .packed import PackedOptimizer


class Adagrad(PackedOptimizer):
    """Adagrad: steps scaled by the root of the sum of all squared gradients.

    ``s = s + g**2`` and ``p = p - lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps)``.

    Parameters
    ----------
    params : parameters or groups, see :class:`Optimizer`.
    lr : learning rate, default 0.01. lr_decay, weight_decay : default 0. eps : default 1e-10.
    initial_accumulator_value : what ``s`` starts from, default 0. maximize : climb instead of descend.
    foreach, fused : accepted for PyTorch's sake; updates are always grouped. differentiable : only ``False``.

    Raises ``ValueError`` for negative numbers.

    >>> import autograd_core as ag
    >>> from optim import Adagrad
    >>> w = ag.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> [round(x, 3) for x in w.tolist()]
    [0.9, -1.9]
    """

    op = ops.adagrad_update

    def __init__(self, params: Params, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0, initial_accumulator_value: float = 0, eps: float = 1e-10,
                 foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:
        checked("learning rate", lr)
        checked("lr_decay value", lr_decay)
        checked("weight_decay value", weight_decay)
        checked("initial_accumulator_value value", initial_accumulator_value)
        checked("epsilon value", eps)
        one_way("Adagrad", differentiable)
        super().__init__(params, {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay, "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable, "fused": fused})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group. See :meth:`Optimizer.add_param_group`."""
        super().add_param_group(param_group)
        host = backend_for_device("cpu").xp
        for p in param_group["params"]:  # the sums exist from the start, as in PyTorch
            start = self._initial(param_group, "sum")
            total = backend_of(p.array).xp.full(p.shape, complex(start, start) if p.is_complex() else start, dtype=p.dtype.dtype)
            self.state[p].update(step=wrap(host.zeros((), dtype=host.float32)), sum=wrap(total))

    def _names(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def _initial(self, group: dict[str, Any], name: str) -> float:
        return float(group["initial_accumulator_value"])

    def _attributes(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"lr": float(group["lr"]), "lr_decay": float(group["lr_decay"]), "eps": float(group["eps"]), "weight_decay": float(group["weight_decay"]),
                "maximize": group["maximize"]}
