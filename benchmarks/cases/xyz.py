"""f = (x + y) · z from Python numbers: build, forward, backward, read the value and three gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, Work


def _on_numbers(number: Callable[[float], Any]) -> Work:
    def step() -> tuple[float, float, float, float]:
        x, y, z = number(-2.0), number(5.0), number(-4.0)
        f = (x + y) * z
        f.backward()
        return f.data, x.grad, y.grad, z.grad

    return Work(step, step)


def _scalar() -> Work:
    from autograd_core.scalar import Scalar

    return _on_numbers(Scalar)


def _micrograd() -> Work:
    from micrograd.engine import Value  # type: ignore[import-untyped, unused-ignore]

    return _on_numbers(Value)


def _tensor() -> Work:
    from autograd_core.tensor import Tensor

    def step() -> Any:
        x, y, z = Tensor(-2.0, requires_grad=True), Tensor(5.0, requires_grad=True), Tensor(-4.0, requires_grad=True)
        f = (x + y) * z
        f.backward()
        return f.item(), x.grad.item(), y.grad.item(), z.grad.item()  # type: ignore[union-attr]

    return Work(step, step)


SCALAR = Case("xyz_scalar", "(x+y)·z on scalars: build, forward, backward, read", {"ours": _scalar, "micrograd": _micrograd}, target=0.5, aim=0.3)
TENSOR = Case("xyz_tensor", "the same on tensors without dimensions", {"ours": _tensor, "micrograd": _micrograd}, target=1.8, aim=1.0)
