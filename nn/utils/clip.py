"""Limiting gradients before an optimizer's step."""

from __future__ import annotations

import math
from collections.abc import Iterable

from autograd_core import Tensor, no_grad, stack, tensor


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [parameter.grad for parameter in listed if parameter.grad is not None]


def get_total_norm(tensors: Tensor | Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None) -> Tensor:
    """The norm of order ``norm_type`` (``math.inf`` for the largest) of all tensors joined, as a 0-d tensor; 0 of none.

    Raises ``RuntimeError`` for a result that is infinite or NaN, if ``error_if_nonfinite``. ``foreach`` is PyTorch's, without effect here.
    """
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    order = float(norm_type)
    if not listed:
        return tensor(0.0)
    where = listed[0].device
    with no_grad():
        sizes = [each.abs().max() if math.isinf(order) and each.numel() else each.norm(order) for each in listed]
        joined = stack([size.to(where) for size in sizes])
        total: Tensor = joined.max() if order == math.inf else joined.norm(order)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be clipped. "
            "To disable this error and scale the gradients by the non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
                    foreach: bool | None = None) -> Tensor:
    """Scale the gradients, in place, so that the norm of all of them joined is at most ``max_norm``.

    Returns the norm before. Parameters without a gradient are left out. Raises ``RuntimeError`` for a norm that is
    infinite or NaN, if ``error_if_nonfinite``; nothing is changed then. ``foreach`` is PyTorch's, without effect.

    >>> import autograd_core as ag
    >>> x = ag.tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> clip_grad_norm_([x], max_norm=5.0).item(), [round(g, 4) for g in x.grad.tolist()]
    (10.0, [3.0, 4.0])
    """
    gradients = _gradients(parameters)
    total = get_total_norm(gradients, norm_type, error_if_nonfinite)
    with no_grad():
        factor = (float(max_norm) / (total + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.detach().mul_(factor.to(gradient.device))
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Limit each element of the gradients, in place, to between ``-clip_value`` and ``clip_value``; ``foreach`` has no effect."""
    with no_grad():
        for gradient in _gradients(parameters):
            gradient.detach().clamp_(-float(clip_value), float(clip_value))
