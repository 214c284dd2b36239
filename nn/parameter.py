"""The tensors that a module owns: ``Parameter`` is trained, ``Buffer`` is only kept and saved."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor, get_default_dtype
from autograd_core.cuts import mark_copy


def _adopt(owned: Tensor, data: Any) -> None:
    """Give ``owned`` the memory of ``data`` without its graph; other data than Tensors are copied."""
    if data is None:
        data = Tensor([], dtype=get_default_dtype())
    elif not isinstance(data, Tensor):
        data = Tensor(data)
    owned._array = data.detach()._array
    owned._node = None
    owned._view = None
    mark_copy(owned, data, "Parameter()")


class Parameter(Tensor):
    """A tensor that a module trains: assigned to an attribute of a module, it is found by ``parameters()``.

    ``data`` is a Tensor, whose memory it shares, or anything that ``Tensor(data)`` takes. Raises ``RuntimeError`` for
    integers unless ``requires_grad=False``. In drawings it is called by its path in the module, such as
    ``"layers.0.weight"``, unless its ``name`` was set.

    >>> import autograd_core as ag
    >>> weight = Parameter(ag.zeros(2, 3))
    >>> weight.requires_grad, weight.is_leaf, tuple(weight.shape)
    (True, True, (2, 3))
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        _adopt(self, data)
        if requires_grad:
            self.requires_grad_()

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that a module keeps but does not train; with ``persistent`` it is part of the ``state_dict``.

    ``self.mean = nn.Buffer(ag.zeros(3))`` does the same as ``self.register_buffer("mean", ag.zeros(3))``.
    """

    persistent: bool

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        _adopt(self, data)
        self.persistent = persistent
