"""Trade time for memory: compute the middle of a graph again in the backward pass instead of keeping it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from ..autograd.graph import Saving
from ..config import MODE, enable_grad, get_mode
from ..errors import GraphError
from ..node import Packed, pull_packed
from ..random import get_rng_state, set_rng_state
from ..storage import TensorBase, wrap

__all__ = ["checkpoint", "checkpoint_sequential"]


class _Kept(Saving):
    """Records a function without what its nodes save; gives it back by running the function again."""

    def __init__(self, again: Callable[[], Any]) -> None:
        super().__init__()
        self.again = again
        self.shapes: list[Any] = []
        self.recomputed: list[Any] | None = None

    def node_recorded(self, node: Any) -> None:
        """Forget what the node saved, and remember which one it was."""
        number = len(self.shapes)
        self.shapes.append((node.op.name, node.shape))
        if node.saved and "context" not in node.attrs:
            node.saved = Packed(lambda: self._of(number))
            node.pull = pull_packed

    def _of(self, number: int) -> tuple[Any, ...]:
        if self.recomputed is None or self.recomputed[number] is None:
            collected = _Collected()
            with collected, enable_grad():
                self.again()
            if collected.shapes != self.shapes:
                where = next((i for i, (a, b) in enumerate(zip(self.shapes, collected.shapes, strict=False)) if a != b), min(len(self.shapes), len(collected.shapes)))
                before = self.shapes[where] if where < len(self.shapes) else "nothing"
                now = collected.shapes[where] if where < len(collected.shapes) else "nothing"
                raise GraphError(f"checkpoint: the function did something else when it was run again: operation {where} was {before}, now it is {now}. "
                                 "It must not depend on anything that changed in between; keep preserve_rng_state=True for random numbers")
            self.recomputed = collected.saved
        values = self.recomputed[number]
        self.recomputed[number] = None  # each node asks once in a backward pass; a second pass computes again
        return values  # type: ignore[no-any-return]


class _Collected(Saving):
    """Keeps what the nodes of a second run save."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: list[Any] = []
        self.shapes: list[Any] = []

    def node_recorded(self, node: Any) -> None:
        """Take the saved values."""
        self.saved.append(node.saved)
        self.shapes.append((node.op.name, node.shape))


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
               context_fn: Callable[[], Any] | None = None, determinism_check: str = "default", debug: bool = False,
               early_stop: bool = True, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)`` whose intermediate values are not kept for backward, but computed again then.

    Parameters
    ----------
    function : any function of tensors and other values; it must do the same when it runs again.
    preserve_rng_state : let random numbers (dropout) be the same in both runs. Default: ``True``.
    context_fn : returns two context managers, for the first and the second run.
    use_reentrant, determinism_check, debug, early_stop : PyTorch's parameters. The non-reentrant way serves both; the operations of
        the two runs are always compared.

    Derivatives of every order exist, as without it. Raises ``RuntimeError`` in backward if the second run differs.

    >>> import autograd_core as ag
    >>> x = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x.sin() * x).sum(), x).backward()
    >>> x.grad.shape
    autograd_core.Size([2])
    """
    first, second = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    if not get_mode().grad:
        with first:
            return function(*args, **kwargs)
    state = get_rng_state() if preserve_rng_state else None
    mode = get_mode()
    inputs = [_apart(x) for x in args]
    named = {name: _apart(x) for name, x in kwargs.items()}

    def again() -> Any:
        now = get_rng_state() if state is not None else None
        if state is not None:
            set_rng_state(state)
        token = MODE.set(mode.replace(saving=get_mode().saving, grad=True))
        try:
            with second:
                return function(*inputs, **named)
        finally:
            MODE.reset(token)
            if now is not None:
                set_rng_state(now)

    with _Kept(again), first:
        return function(*args, **kwargs)


def _apart(x: Any) -> Any:
    """A tensor of its own on the same memory and at the same place in the graph: what the caller does to ``x`` later does not matter."""
    return wrap(x._array, x._node) if isinstance(x, TensorBase) and type(x).__name__ == "Tensor" else x


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """A ``Sequential`` (or list of modules) in ``segments`` parts, of which each but the last is checkpointed.

    >>> import autograd_core as ag, nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> checkpoint_sequential(model, 2, ag.ones(4, 2)).shape
    autograd_core.Size([4, 1])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(f"checkpoint_sequential: unexpected keyword arguments: {', '.join(kwargs)}")
    modules: Sequence[Any] = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(modules) // segments

    def part(start: int, end: int) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for module in modules[start:end]:
                value = module(value)
            return value

        return run

    end = 0
    for start in range(0, size * (segments - 1), size or 1):
        end = start + size
        input = checkpoint(part(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return part(end, len(modules))(input)
