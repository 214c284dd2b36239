"""What a graph keeps for backward: hooks on saved tensors, as PyTorch's ``autograd.graph``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config import MODE, get_mode
from ..node import Packed, pull_packed
from ..storage import TensorBase, real_array, wrap

__all__ = ["save_on_cpu", "saved_tensors_hooks"]


class Saving:
    """A context in which nodes are shown to :meth:`node_recorded` as they are recorded."""

    def __init__(self) -> None:
        self._tokens: list[Any] = []

    def __enter__(self) -> Any:
        self._tokens.append(MODE.set(get_mode().replace(saving=self)))
        return self

    def __exit__(self, *exc_info: object) -> None:
        MODE.reset(self._tokens.pop())

    def node_recorded(self, node: Any) -> None:
        """Called with each new node."""
        raise NotImplementedError

    def kept(self, position: int | None, tensor: Any) -> Hooked | None:
        """What a ``Function`` keeps in the place of a saved tensor, the ``position``-th of its outputs or an input; ``None``: the tensor itself."""
        return None


class Hooked:
    """In the place of a tensor that a ``Function`` saved: what ``pack`` made of it."""

    __slots__ = ("_node", "_packed", "_unpack", "position")

    def __init__(self, packed: Any, unpack: Callable[[Any], Any], position: int | None, node: Any) -> None:
        self._packed = packed
        self._unpack = unpack
        self.position = position
        self._node = node if position is None else None  # an output's own node would make a cycle

    def unpack(self, output: Any) -> Any:
        """The tensor, at its place in the graph; that of an output is taken from ``output``."""
        return wrap(self._unpack(self._packed), self._node if output is None else output._node)


class saved_tensors_hooks(Saving):  # noqa: N801 - PyTorch's name
    """Inside, ``pack`` decides what is kept of each tensor that backward will need, and ``unpack`` gives it back.

    ``pack(tensor)`` returns anything; ``unpack`` takes that and returns a tensor of the same shape and dtype.

    >>> import autograd_core as ag
    >>> x = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> with saved_tensors_hooks(lambda t: t.numpy().astype("float16"), lambda a: ag.from_numpy(a).float()):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad.tolist()
    [2.0, 4.0]
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        super().__init__()
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def node_recorded(self, node: Any) -> None:
        """Replace what the node saved by what ``pack`` made of it."""
        if not node.saved or "context" in node.attrs:
            return
        token = MODE.set(get_mode().replace(saving=None, grad=False))
        try:
            packed = [self._each(value, self._pack) for value in node.saved]
        finally:
            MODE.reset(token)
        node.saved = Packed(lambda: self._unpack_all(packed))
        node.pull = pull_packed

    def kept(self, position: int | None, tensor: Any) -> Hooked:
        """A saved tensor of a ``Function`` as ``pack`` made it."""
        token = MODE.set(get_mode().replace(saving=None, grad=False))
        try:
            return Hooked(self._pack(real_array(tensor)), self._alone, position, tensor._node)
        finally:
            MODE.reset(token)

    def _alone(self, packed: Any) -> Any:
        token = MODE.set(get_mode().replace(saving=None, grad=False))
        try:
            return self._unpack(packed)
        finally:
            MODE.reset(token)

    @staticmethod
    def _each(value: Any, function: Callable[[Any], Any]) -> Any:
        return tuple(function(each) for each in value) if isinstance(value, tuple) else function(value)

    def _pack(self, value: Any) -> Any:
        return (True, self.pack_hook(wrap(value))) if hasattr(value, "dtype") else (False, value)

    def _unpack_all(self, packed: list[Any]) -> tuple[Any, ...]:
        token = MODE.set(get_mode().replace(saving=None, grad=False))
        try:
            return tuple(tuple(self._unpack(part) for part in each) if isinstance(each[0], tuple) else self._unpack(each) for each in packed)
        finally:
            MODE.reset(token)

    def _unpack(self, part: Any) -> Any:
        hooked, value = part
        if not hooked:
            return value
        t = self.unpack_hook(value)
        if not isinstance(t, TensorBase):
            raise TypeError(f"saved_tensors_hooks: unpack_hook must return a Tensor, got {type(t).__name__}")
        return t._array


class save_on_cpu(saved_tensors_hooks):  # noqa: N801 - PyTorch's name
    """Inside, what backward needs waits in host memory and goes back to its device when it is used."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: (t.device, t.cpu()), lambda kept: kept[1].to(kept[0]))
