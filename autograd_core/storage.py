"""What a tensor is made of: its array, its node, and whether it shares memory with others."""

from __future__ import annotations

from typing import Any
from weakref import ref

from . import dtypes
from .backend.registry import BY_TYPE
from .config import ACTIVE, get_mode
from .cuts import Cut
from .devices import CPU, device
from .op import Op

new = object.__new__
Number = (bool, int, float, complex)


class TensorBase:
    """What dispatch knows of a tensor: its array, its node, and whether it shares memory with others."""

    __slots__ = ("__weakref__", "_array", "_frozen", "_name", "_node", "_view")

    _array: Any
    """The raw array; a NumPy scalar for most results without dimensions, which is several times faster."""
    _node: Any
    """Where it was computed, a ``Leaf`` if it asks for a gradient itself, or ``None``."""
    _view: View | Family | Cut | _Marker | None
    _name: str | None
    _frozen: tuple[Any, Any]
    """Of a tensor that asks for no gradient: the ``Leaf`` it was while it did, if any, and its gradient. Usually not set."""


class View:
    """That a tensor is a view: ``op`` with ``attrs`` made it from the base, or from the view ``before`` it."""

    __slots__ = ("attrs", "base", "before", "cut", "op")
    base: Any
    before: View | None
    op: Op
    attrs: dict[str, Any]
    cut: Cut | None

    @property
    def chain(self) -> tuple[tuple[Op, dict[str, Any]], ...]:
        """All that leads from the base to it, put together when somebody writes: most views are only read."""
        steps: list[tuple[Op, dict[str, Any]]] = []
        view: View | None = self
        while view is not None:
            steps.append((view.op, view.attrs))
            view = view.before
        return tuple(reversed(steps))


class Family:
    """The living views of a base."""

    __slots__ = ("cut", "limit", "members")
    cut: Cut | None
    members: list[ref[Any]]
    limit: int


class _Marker:
    """A state of a tensor's memory that is neither view nor base."""

    def __init__(self, what: str, cut: Cut) -> None:
        self.what = what
        self.cut = cut

    def __repr__(self) -> str:
        return f"<{self.what}>"


INFERENCE = _Marker("made in inference mode", Cut("inference_mode()"))
UNCHECKED = _Marker("writes are not checked", Cut(".data"))


RESULT_CLASS: list[Any] = []  # the class that results have; ``tensor`` registers it when it is imported


def wrap(array: Any, node: Any = None) -> Any:
    """A Tensor over a raw array, without checks."""
    t = new(RESULT_CLASS[0])
    t._array = array
    t._node = node
    t._view = None
    return t


def checked_name(name: Any) -> str:
    """A name as users give it; ``TypeError`` for anything but text."""
    if not isinstance(name, str):
        raise TypeError(f"Tensor: argument 'name' must be str, not {type(name).__name__} ({name!r})")
    return name


def real_array(x: Any) -> Any:
    """The tensor's memory as an array that can be shared and written; a NumPy scalar is turned into a 0-d array once."""
    array = x._array
    if not array.shape and not hasattr(array, "__setitem__"):
        number = array
        array = x._array = BY_TYPE[array.__class__].asarray(array)
        if ACTIVE and (recorder := get_mode().recorder) in ACTIVE:
            recorder.same(number, array)
        if x._node is not None and x._node.leaf:
            x._node.array = array
    return array


def device_of(array: Any) -> device:
    """The device that holds a raw array."""
    backend = BY_TYPE[array.__class__]
    return CPU if backend.name == "cpu" else device(backend.name, backend.device_index(array))


def operand(x: Any) -> Any:
    """An operand that is neither Tensor nor Python number, made one: arrays share their memory, NumPy scalars are numbers."""
    if x is None or (isinstance(x, (TensorBase, *Number)) and x.__class__ in PLAIN_NUMBERS):
        return x
    if isinstance(x, TensorBase):
        return x
    lift = getattr(x, "__tensor__", None)
    if lift is not None:
        return lift()  # a Scalar joins the graph
    if isinstance(x, float):
        return float(x)  # NumPy's float64 counts as a Python number, as in PyTorch
    if getattr(x, "shape", None) is not None and hasattr(x, "dtype"):
        dtypes.from_numpy_dtype(x.dtype)
        return x.item() if not x.shape else wrap(x)
    raise TypeError(f"expected a Tensor, a number or an array, got {type(x).__name__}")


PLAIN_NUMBERS = frozenset((float, int, bool, complex))


def link_view(op: Op, source: Any, attrs: dict[str, Any], result: Any) -> None:
    """Make ``result`` a view of ``source``'s base, if it shares its memory."""
    array, viewed = result._array, source._array
    memory = array.base
    if memory is None:
        if array is not viewed:
            return
    elif memory is not viewed and memory is not viewed.base:  # else it is surely the same memory
        backend = BY_TYPE[array.__class__]
        if backend.owner(array) is not backend.owner(viewed):
            return
    origin = source._view
    own = result._view
    if origin.__class__ is Family:
        base, before, family = source, None, origin
    elif origin.__class__ is View:
        base, before = origin.base, origin
        family = base._view
    else:
        if origin is not None and origin.__class__ is not Cut:
            result._view = origin
            return
        base, before = source, None
        base._view = family = Family()
        family.cut = origin
        family.limit = 16
        family.members = []
    members = family.members
    members.append(ref(result))
    if len(members) > family.limit:  # forget dead ones whenever the list has doubled
        family.members = members = [member for member in members if member() is not None]
        family.limit = 16 + 2 * len(members)
    result._view = view = View()
    view.base = base
    view.before = before
    view.op = op
    view.attrs = attrs
    view.cut = own if own.__class__ is Cut else None if origin is None else origin.cut


def overlapping(array: Any) -> bool:
    """Whether elements share memory, as in an expanded tensor and in windows that overlap.

    Sorted by stride, the dimensions of views that slices, permutations and diagonals make lie inside one another: each
    steps over all that the smaller ones reach. What does not is taken to overlap.
    """
    reach = 0
    for stride, size in sorted([(abs(stride), size) for stride, size in zip(array.strides, array.shape, strict=True) if size != 1]):
        if stride <= reach:
            return bool(array.size)
        reach += stride * (size - 1)
    return False
