"""In-place writes: which node a written tensor, its base and its views have afterwards."""

from __future__ import annotations

from typing import Any

from .backend.registry import BY_TYPE
from .config import Mode, get_mode, user_line
from .dispatch import apply
from .dtypes import bool_
from .engine import WRITES
from .errors import InplaceError, ShapeError, UnsupportedDtypeError
from .misuse import misused
from .node import RETAIN, GeneralNode, next_seq, pull_general, retain_gradient
from .op import REGISTRY, Op
from .spec import can_cast, computed_dtype
from .storage import INFERENCE, UNCHECKED, Family, TensorBase, View, operand, overlapping, real_array, wrap


def inplace(op: Op, x: Any, others: tuple[Any, ...], attrs: dict[str, Any], name: str | None = None) -> Any:
    """Write ``op(x, *others)`` into ``x``'s memory; ``x``, its base and its views get the nodes that make gradients right."""
    label = name or op.extra.get("written") or f"{op.name}_"
    mode = get_mode()
    if mode.vmap is not None and (answer := mode.vmap.inplace(op, x, others, attrs, label)) is not NotImplemented:
        return answer
    view = x._view
    base = view.base if view.__class__ is View else x
    try:
        others = tuple([operand(o) for o in others])
        others_need = any([isinstance(o, TensorBase) and o._node is not None for o in others])
        refuse_leaf(label, x, base, mode)
        array = real_array(x)
        flags = array.flags
        if not flags.c_contiguous and overlapping(array):
            raise InplaceError(
                f"{label}: unsupported operation: more than one element of the written-to tensor refers to a single memory location "
                f"(shape {tuple(array.shape)}, an expanded tensor or windows that overlap). Please clone() the tensor before performing the operation"
            )
        if view is INFERENCE and not mode.inference:
            raise InplaceError(f"{label}: Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor")
        if not _fits(array, others):
            _refuse_misfit(op, label, x, array, others, attrs)
    except Exception as error:
        if (wrong := misused(op, (x, *others), attrs, error)) is not None:
            raise wrong from error
        raise
    if not getattr(flags, "writeable", True):
        _make_writeable(array, label)
    owner = BY_TYPE[array.__class__].owner(array)
    others = tuple(_apart(o, owner, mode) for o in others)
    line = user_line() if mode.anomaly else None
    if mode.keep:
        _keep_values(base)
    computed_tensor = apply(op, (x, *others), attrs, memory=array)
    if view is not UNCHECKED:
        WRITES.note(array, label, line)
    if mode.grad and (others_need or base._node is not None) and array.dtype.kind not in "biu":  # whole numbers have no gradient
        rebase(x, base, computed_tensor._node, mode)
    return x


def _fits(array: Any, others: tuple[Any, ...]) -> bool:
    """Whether the result surely has the written array's dtype and shape, as nearly always: numbers, and operands of its own dtype and shape."""
    if array.dtype.kind != "f":
        return False
    for other in others:
        if isinstance(other, TensorBase):
            if other._array.dtype is not array.dtype or other._array.shape != array.shape:
                return False
        elif other.__class__ is not float and other.__class__ is not int:
            return False
    return True


def _refuse_misfit(op: Op, label: str, x: Any, array: Any, others: tuple[Any, ...], attrs: dict[str, Any]) -> None:
    """Raise where the result has a dtype that the written tensor cannot hold, or another shape."""
    if op.promotes != "none":
        computed = computed_dtype(op.name, op.promotes, [x, *[o for o in others if o is not None]]) if op.extra.get("dtype") != "bool" else bool_  # written as 0 and 1
        if not can_cast(computed, array.dtype):
            raise UnsupportedDtypeError(f"{label}: result type {computed.name} can't be cast to the desired output type {array.dtype}. Convert it first with .to({computed})")
    if op.broadcasts and others:
        shape = op.spec(x, *others, **attrs).shape if op.spec is not None else array.shape
        if tuple(shape) != tuple(array.shape):
            raise ShapeError(f"{label}: output with shape {tuple(array.shape)} doesn't match the broadcast shape {tuple(shape)}. An in-place op cannot grow its tensor")


def refuse_leaf(label: str, x: Any, base: Any, mode: Mode) -> None:
    """Raise where gradients are recorded and the base of the tensor is a leaf that asks for one, whose value must not change, or knows nothing of its view."""
    if not mode.grad:
        return
    leaf = x._node is not None and x._node.leaf
    if leaf or (base._node is not None and base._node.leaf):
        what = f"a {'' if leaf else 'view of a '}leaf Variable that requires grad is being used in an in-place operation."
        raise InplaceError(f"{label}: {what} Write inside autograd_core.no_grad(), or make a copy first (.clone())")
    if x._node is None and base._node is not None:
        raise InplaceError(f"{label}: A view was created in no_grad mode and is being modified inplace with grad mode enabled, so that the gradient of its base would be wrong. "
                           "Create it outside of autograd_core.no_grad(), or write inside")


def _apart(other: Any, owner: Any, mode: Mode) -> Any:
    """An operand that shares the written memory is read before it is overwritten; it may be the tensor itself, as in ``y.mul_(y)``."""
    if isinstance(other, TensorBase) and hasattr(other._array, "__setitem__") and BY_TYPE[other._array.__class__].owner(other._array) is owner:
        copy = other._array.copy()
        if mode.recorder is not None:
            mode.recorder.copied(other._array, copy)
        return wrap(copy, other._node)
    return other


def _make_writeable(array: Any, label: str) -> None:
    """NumPy marks all that came from an expanded array read-only, also a part whose elements lie apart; only foreign memory is so in truth."""
    try:
        if array.base is None:
            raise ValueError
        array.flags.writeable = True
    except ValueError:
        raise InplaceError(f"{label}: the memory of this tensor is read-only, as the array it was made from. Make a copy first: .clone()") from None


def _keep_values(base: Any) -> None:
    """Before a write inside ``record()``: the values that the graph has kept in the memory of ``base`` stay as they were."""
    family = base._view
    members = [base, *((reference() for reference in family.members) if family.__class__ is Family else ())]
    for node in [member._node for member in members if member is not None]:
        if node is not None and not node.leaf and node.value is not None:
            node.value = node.value.copy()


def lies_apart(array: Any, *others: Any) -> bool:
    """Whether an array may be written straight: its elements lie apart, it is writeable, and shares no memory with any of ``others``."""
    flags = array.flags
    if not getattr(flags, "writeable", True) or (not flags.c_contiguous and overlapping(array)):
        return False
    find = BY_TYPE[array.__class__].owner
    owner = find(array)
    return not any([other.__class__ is array.__class__ and find(other) is owner for other in others])


def rebase(x: Any, base: Any, node: Any, mode: Mode) -> None:
    """After a write: the written tensor's node is ``node``; its base and all other views follow."""
    if node is not None:
        node.seq = next_seq()  # after the write, so that what it saved of the result is not taken for overwritten
    if base is x:
        _replace_node(x, node)
    else:
        chain = x._view.chain
        write = GeneralNode()
        write.pull = pull_general
        write.op = REGISTRY["view_write"]
        write.attrs = {"chain": chain}
        write.dtypes = None
        write.parents = (base._node, node)
        write.saved = write.hooks = write.value = None
        if mode.keep:
            write.value = base._array
            if node is not None:
                node.value = node.value.copy()  # its memory is that of the base, which may be written again
        write.scope = mode.scope
        write.shape = base._array.shape
        write.shapes = (write.shape, x._array.shape)
        write.seq = next_seq()
        _replace_node(base, write)
    family = base._view
    if family.__class__ is Family:
        for reference in family.members:
            member = reference()
            if member is not None:
                _replace_node(member, _view_node(base, member._view.chain, mode))


def _replace_node(x: Any, node: Any) -> None:
    """Give a tensor the node of its new value; the gradient that ``retain_grad`` keeps is then that of the new value."""
    before = x._node
    if node is not None and before is not None and not before.leaf and before.hooks and RETAIN in before.hooks:
        before.hooks.remove(RETAIN)
        retain_gradient(node)
        node.retained = before.retained
    x._node = node


def _view_node(base: Any, chain: Any, mode: Mode) -> Any:
    """The node of a view, computed afresh from its base's."""
    node = base._node
    if node is None:
        return None
    array = base._array
    for op, attrs in chain:
        n = GeneralNode()
        n.pull = pull_general
        n.op = op
        n.attrs = attrs
        n.dtypes = None
        n.parents = (node,)
        n.saved = n.hooks = n.value = None
        n.scope = mode.scope
        n.shapes = (array.shape,)
        array = op.kernels[array.__class__](array, **attrs)
        if mode.keep:
            n.value = array
        n.shape = array.shape
        n.seq = next_seq()
        node = n
    return node
