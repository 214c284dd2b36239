"""Hooks on the backward pass of a module: its inputs and outputs pass through two nodes that see the gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd_core import Tensor
from autograd_core.autograd import Function


class _Passing:
    """What one call of a module knows until its gradients come back."""

    def __init__(self, module: Any, hooks: Sequence[Any], count: int) -> None:
        self.module = module
        self.hooks = list(hooks)
        self.grad_output: tuple[Any, ...] = ()
        self.positions: list[int] = []
        self.count = count

    def on_output(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the outputs, as the pre-hooks leave them; where no input has a gradient the hooks are called here."""
        for hook in self.hooks:
            if hook.before:
                changed = hook.function(self.module, grads)
                if changed is not None:
                    grads = _replaced(changed, grads, "full_backward_pre_hook")
        self.grad_output = grads
        if not self.positions:
            self.on_input(())
        return grads

    def on_input(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the inputs that have one, as the hooks leave them."""
        full: list[Any] = [None] * self.count
        for position, g in zip(self.positions, grads, strict=True):
            full[position] = g
        for hook in self.hooks:
            if not hook.before:
                changed = hook.function(self.module, tuple(full), self.grad_output)
                if changed is not None:
                    full = list(_replaced(changed, tuple(full), "full_backward_hook"))
        return tuple(full[position] for position in self.positions)


def _replaced(changed: Any, grads: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    changed = changed if isinstance(changed, tuple) else (changed,)
    if len(changed) != len(grads):
        raise RuntimeError(f"{what}: Backward hook returned an invalid number of grad_input, got {len(changed)}, but expected {len(grads)}")
    return tuple(changed)


class _Shown(Function):
    """The tensors themselves; their gradients pass through ``show``."""

    @staticmethod
    def forward(ctx: Any, show: Callable[..., Any], *tensors: Any) -> Any:
        ctx.show = show
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return (None, *ctx.show(grads))


def watched(module: Any, hooks: Sequence[Any], forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``forward(*args, **kwargs)`` between the two nodes."""
    passing = _Passing(module, hooks, len(args))
    passing.positions = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if passing.positions:
        seen = _Shown.apply(passing.on_input, *[args[i] for i in passing.positions])
        replaced = list(args)
        for position, x in zip(passing.positions, seen, strict=True):
            replaced[position] = x
        args = tuple(replaced)
    result = forward(*args, **kwargs)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    places = [i for i, y in enumerate(outputs) if isinstance(y, Tensor)]
    if not any(outputs[i].requires_grad for i in places):
        return result
    for position, y in zip(places, _Shown.apply(passing.on_output, *[outputs[i] for i in places]), strict=True):
        outputs[position] = y
    if not isinstance(result, (tuple, list)):
        return outputs[0]
    return type(result)(*outputs) if hasattr(result, "_fields") else type(result)(outputs)
