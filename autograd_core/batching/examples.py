"""A tensor that stands for one example of a batch, and the levels of nested batches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from .. import _methods
from ..backend.registry import BY_TYPE
from ..config import get_mode
from ..devices import device
from ..tensor import Tensor

__all__ = ["Batched", "VmapError", "active_frames", "base_of", "batched", "canonical", "expand_to", "levels_of", "over_levels", "reordered"]


class VmapError(RuntimeError):
    """What cannot be done to one example of a batch."""


class StandIn:
    """In place of a Batched tensor's array: its shape and dtype, and an error for whoever wants the numbers."""

    base = None
    __array_ufunc__ = None

    def __init__(self, shape: tuple[int, ...], dtype: Any, device: Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = device

    @property
    def flags(self) -> Any:
        """One example always counts as contiguous: how the batch lies in memory is no concern of the function."""
        return _CONTIGUOUS

    @property
    def ndim(self) -> int:
        """The number of dimensions of one example."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements of one example."""
        total = 1
        for n in self.shape:
            total *= n
        return total

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of one example."""
        return self.size * self.itemsize

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise VmapError(
            f"vmap: the values of a tensor inside vmap (shape {self.shape} of one example) cannot be read as numbers: they differ between the examples of the batch. "
            "Replace .item(), .tolist(), .numpy(), float() and `if` on its value by ops such as where; a tensor that vmap made is also of no use after vmap has returned"
        )

    def __getitem__(self, key: Any) -> Any:
        return self if isinstance(key, tuple) and not key else self._refuse()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse()

    __array__ = __bool__ = __float__ = __int__ = __complex__ = __iter__ = __len__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __hash__ = object.__hash__
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __neg__ = _refuse


_CONTIGUOUS = SimpleNamespace(c_contiguous=True, writeable=True)
_STAND_INS: dict[type, type[StandIn]] = {}


def _stand_in(value: Any) -> StandIn:
    """The stand-in for one example of ``value``; its class is served by the same backend as the arrays behind it."""
    array = value._array
    if isinstance(array, StandIn):
        kind: type[StandIn] = array.__class__
    else:
        known = _STAND_INS.get(array.__class__)
        if known is None:
            known = _STAND_INS[array.__class__] = type("StandIn", (StandIn,), {})
        kind = known
        BY_TYPE.setdefault(kind, BY_TYPE[array.__class__])
    return kind(tuple(array.shape[1:]), array.dtype, getattr(array, "device", None))


class Batched(Tensor):
    """One example of a batch: ``value`` holds them all along its first dimension, ``level`` says which ``vmap`` made it."""

    __slots__ = ("level", "value")
    level: int
    value: Any

    @property
    def _node(self) -> Any:
        return self.value._node

    def __repr__(self) -> str:
        return f"Batched(level={self.level}, size={self.value.shape[0]}, shape={tuple(self.shape)}, dtype={self.dtype})"

    @property
    def device(self) -> device:
        """Where the elements live."""
        return base_of(self).device  # type: ignore[no-any-return]

    def detach(self) -> Any:
        """The same examples without the graph."""
        return batched(self.value.detach(), self.level)

    @property  # type: ignore[misc]
    def data(self) -> Any:
        """The same examples without the graph."""
        return self.detach()

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Refused: what is to be differentiated inside ``vmap`` goes through ``func``."""
        raise VmapError("vmap: requires_grad_() cannot be called on a tensor inside vmap. Differentiate with func.grad, func.vjp or func.jacrev inside")

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements of all examples lie in row-major order."""
        return bool(self.value.is_contiguous())

    def __len__(self) -> int:
        if not self._array.shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __bool__(self) -> bool:
        return bool(self._array._refuse())

    def _number(self) -> Any:
        return self._array._refuse()

    def item(self) -> Any:
        """Refused: the examples have different numbers."""
        return self._array._refuse()

    def tolist(self) -> Any:
        """Refused: the examples have different numbers."""
        return self._array._refuse()

    def numpy(self, *, force: bool = False) -> Any:
        """Refused: the examples have different numbers."""
        return self._array._refuse()


def batched(value: Any, level: int) -> Batched:
    """The Batched tensor over ``value``, whose first dimension is the batch."""
    t = object.__new__(Batched)
    t.value = value
    t.level = level
    t._array = _stand_in(value)
    t._view = None
    return t


# --- levels -------------------------------------------------------------------------------------------------------


def levels_of(x: Any) -> list[int]:
    """The levels that a tensor is batched at, ascending; nothing for a tensor outside any batch."""
    found = []
    while x.__class__ is Batched:
        found.append(x.level)
        x = x.value
    return found[::-1]


def base_of(x: Any) -> Any:
    """The Tensor behind all levels; its first dimensions are the batches, lowest level first."""
    while x.__class__ is Batched:
        x = x.value
    return x


def over_levels(value: Any, levels: Any) -> Any:
    """``value``, whose first dimensions are batches of the ascending ``levels``, as a Batched tensor."""
    for level in levels:
        value = batched(value, level)
    return value


def expand_to(x: Any, frames: Any) -> Any:
    """``x`` batched at the levels of all ``frames``; where it was the same for all examples it is repeated, without a copy."""
    own = levels_of(x)
    if len(own) == len(frames):
        return x
    value = base_of(x)
    sizes = [frame.size for frame in frames]
    rest = tuple(value.shape)[len(own):]
    value = value.reshape((*[frame.size if frame.level in own else 1 for frame in frames], *rest))
    value = _methods.broadcast_to(value, (*sizes, *rest))
    return over_levels(value, [frame.level for frame in frames])


def active_frames() -> list[Any]:
    """The ``vmap`` calls that surround this place, outermost first."""
    frames = []
    frame = get_mode().vmap
    while frame is not None:
        frames.append(frame)
        frame = frame.outer
    return frames[::-1]


def reordered(seed: Any, here: list[int], outer: list[int], levels: list[int]) -> Any:
    """A cotangent batched at ``outer`` alone; the batches at ``levels`` become dimensions."""
    value = base_of(seed)
    order = [here.index(level) for level in (*outer, *levels)]
    if order != list(range(len(order))):
        value = _methods.permute(value, (*order, *range(len(order), value.ndim)))
    return over_levels(value, outer)


def canonical(g: Any, outer: list[int], levels: list[int]) -> Any:
    """The inverse: batched at all levels, the lowest first."""
    value = base_of(g)
    now = [*outer, *levels]
    order = sorted(range(len(now)), key=now.__getitem__)
    if order != list(range(len(order))):
        value = _methods.permute(value, (*order, *range(len(order), value.ndim)))
    return over_levels(value, sorted(now))
