"""Methods that change a tensor's own shape or strides in place: ``t_``, ``transpose_``, ``squeeze_``, ``unsqueeze_``, ``as_strided_``, ``resize_``.

No memory is written: the tensor becomes a view of what it was. Views of it taken before keep their shapes and go on
sharing its memory. ``set_``, and ``resize_`` to more elements than there are, give it other memory.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from weakref import ref

from .backend.registry import BY_TYPE
from .config import ACTIVE, enable_grad, get_mode, refuse
from .creation import as_size
from .dispatch import apply
from .inplace import refuse_leaf
from .op import REGISTRY
from .storage import Family, TensorBase, View, real_array, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tensor import Tensor


def restructure(x: Any, op: str, attrs: dict[str, Any], label: str) -> Any:
    """Make ``x`` the view of itself that a view op gives. Raises ``RuntimeError`` for a leaf that requires grad, outside ``no_grad``."""
    mode = get_mode()
    if mode.vmap is not None and hasattr(x, "level"):  # one example of a batch: the batch behind it is turned
        after = apply(REGISTRY[op], (x,), attrs)
        x.value, x._array = after.value, after._array
        return x
    view = x._view
    refuse_leaf(label, x, view.base if view.__class__ is View else x, mode)
    before, living = (x, []) if view.__class__ is View else _left_behind(x)
    leaf = x._node if x._node is not None and x._node.leaf else None
    with enable_grad():
        after = apply(REGISTRY[op], (before,), attrs)
    x._array = after._array
    if leaf is None:
        x._node = after._node
        if x._node is not None and x.name is not None:
            x._node.name = x.name
    else:
        leaf.array, leaf.shape = x._array, x._array.shape
    if view.__class__ is View:
        x._view = after._view
    elif living:
        x._view = after._view
        before._view.members.append(ref(x))
    elif view.__class__ is Family:
        x._view = None
    return x


def _left_behind(x: Any) -> tuple[Any, list[Any]]:
    """What ``x`` was, as a tensor of its own, and the living views of it, which have that for their base from now on."""
    view = x._view
    before = wrap(real_array(x), x._node)
    if view.__class__ is not Family:
        before._view = view
        return before, []
    living = [member for member in (reference() for reference in view.members) if member is not None]
    for member in living:
        member._view.base = before
    before._view = view if living else None
    return before, living


class RestructuringMethods(TensorBase):
    """The methods of a Tensor that change its own shape or strides."""

    __slots__ = ()

    if TYPE_CHECKING:
        ndim: Any
        dtype: Any
        device: Any
        stride: Any
        __getitem__: Any

    def t_(self) -> Tensor:
        """``t``, of the tensor itself."""
        if self.ndim > 2:
            raise RuntimeError(f"t_: t_() expects a tensor with <= 2 dimensions, but self is {self.ndim}D. Use transpose_")
        return self.transpose_(0, 1 if self.ndim == 2 else 0) if self.ndim else restructure(self, "transpose", {"dim0": 0, "dim1": 0}, "t_")

    def transpose_(self, dim0: int, dim1: int) -> Tensor:
        """``transpose``, of the tensor itself."""
        return restructure(self, "transpose", {"dim0": dim0, "dim1": dim1}, "transpose_")  # type: ignore[no-any-return]

    swapaxes_ = swapdims_ = transpose_

    def squeeze_(self, *dims: int | Sequence[int], dim: int | Sequence[int] | None = None) -> Tensor:
        """``squeeze``, of the tensor itself; several dims may be given one by one."""
        return restructure(self, "squeeze", {"dim": dims if len(dims) > 1 else dims[0] if dims else dim}, "squeeze_")  # type: ignore[no-any-return]

    def unsqueeze_(self, dim: int) -> Tensor:
        """``unsqueeze``, of the tensor itself."""
        return restructure(self, "unsqueeze", {"dim": dim}, "unsqueeze_")  # type: ignore[no-any-return]

    def as_strided_(self, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Tensor:
        """``as_strided``, of the tensor itself."""
        return restructure(self, "as_strided", {"size": tuple(size), "stride": tuple(stride), "storage_offset": storage_offset}, "as_strided_")  # type: ignore[no-any-return]

    def resize_(self, *sizes: Any, memory_format: Any = None) -> Tensor:
        """The tensor with its first elements in another shape; where it has too few, the rest is uninitialised.

        Raises ``RuntimeError`` for a tensor that requires grad, and for one whose elements do not lie in row-major order.
        """
        _refuse_graph("resize_", self)
        shape = as_size("resize_", sizes)
        array = real_array(self)
        if not array.flags.c_contiguous and shape != array.shape:
            raise RuntimeError(f"resize_: the tensor is not contiguous (shape {tuple(array.shape)}, strides {self.stride()}). Use reshape, or contiguous() before it")
        if math.prod(shape) <= array.size:
            return self.as_strided_(shape, [math.prod(shape[i + 1 :]) for i in range(len(shape))])
        grown = BY_TYPE[array.__class__].xp.empty(shape, dtype=array.dtype)
        grown.reshape(-1)[: array.size] = array.reshape(-1)
        return self.set_(wrap(grown))

    def resize_as_(self, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
        """``resize_`` to the shape of another tensor."""
        return self.resize_(the_template.shape)

    def set_(self, source: Tensor | None = None) -> Tensor:
        """The tensor as the memory and the shape of ``source``, or as nothing. What viewed its own memory goes on to.

        Raises ``RuntimeError`` where one of them requires grad, or another dtype or device is meant.
        """
        source = self[:0] if source is None else source
        _refuse_graph("set_", self)
        _refuse_graph("set_", source)
        if (source.dtype, source.device) != (self.dtype, self.device):
            raise RuntimeError(f"set_: Could not set tensor of type {source.dtype} on {source.device} to a tensor of type {self.dtype} on {self.device}")
        view = self._view
        if view.__class__ is Family:
            _left_behind(self)
        elif view.__class__ is View:
            family = view.base._view
            family.members = [member for member in family.members if member() is not self]
        self._array = real_array(source)
        self._view = None
        return self  # type: ignore[return-value]


def _refuse_graph(name: str, x: Any) -> None:
    if ACTIVE:
        refuse(f"{name} gives a tensor other memory", "Make a new tensor instead")
    if x._node is not None:
        raise RuntimeError(f"cannot {name.rstrip('_')} variables that require grad. Use {name} on x.detach()")
