"""The one way to compute: unwrap, promote, run the kernel, record the node, tell the recorder.

Every kernel call of forward passes, of backward passes over Tensors and of optimizers goes through ``apply``, or
through a fast path of ``_methods`` that was generated for one op and falls back to it. This file also keeps views
and in-place writes right, because they are a matter of which node a tensor has.
"""

from __future__ import annotations

import sys
import weakref
from collections import namedtuple
from typing import TYPE_CHECKING, Any

from . import dtypes
from .backend.registry import BY_TYPE
from .config import Mode, get_mode
from .devices import CPU, device
from .engine import WRITES
from .errors import DeviceError, DtypeError, InplaceError, ShapeError, message, operand_list
from .node import GeneralNode, Item, Leaf, Node, WatchedNode, next_seq
from .op import REGISTRY, Op
from .spec import can_cast, computed_dtype

if TYPE_CHECKING:
    from .tensor import Tensor

new = object.__new__
Number = (bool, int, float, complex)


class TensorBase:
    """What dispatch knows of a tensor: its array, its node, and whether it shares memory with others."""

    __slots__ = ("__weakref__", "_array", "_name", "_node", "_view")

    _array: Any
    """The raw array; a NumPy scalar for most results without dimensions, which is several times faster."""
    _node: Any
    """Where it was computed, a ``Leaf`` if it asks for a gradient itself, or ``None``."""
    _view: View | Family | _Marker | None
    _name: str | None


class View:
    """That a tensor is a view: ``chain`` of (op, attrs) leads from ``base`` to it."""

    __slots__ = ("base", "chain")

    def __init__(self, base: Any, chain: tuple[tuple[Op, dict[str, Any]], ...]) -> None:
        self.base = base
        self.chain = chain


class Family:
    """The living views of a base."""

    __slots__ = ("limit", "members")

    def __init__(self) -> None:
        self.members: list[weakref.ref[Any]] = []
        self.limit = 16

    def add(self, view: Any) -> None:
        """Register a view; forgets dead ones whenever the list has doubled."""
        members = self.members
        if len(members) >= self.limit:
            self.members = members = [member for member in members if member() is not None]
            self.limit = 16 + 2 * len(members)
        members.append(weakref.ref(view))


class _Marker:
    """A state of a tensor's memory that is neither view nor base."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __repr__(self) -> str:
        return f"<{self.what}>"


INFERENCE = _Marker("made in inference mode")
UNCHECKED = _Marker("writes are not checked")


_result_class: list[Any] = []  # the class that results have; ``tensor`` registers it when it is imported


def wrap(array: Any, node: Any = None) -> Any:
    """A Tensor over a raw array, without checks."""
    t = new(_result_class[0])
    t._array = array
    t._node = node
    t._view = None
    return t


# --- operands -----------------------------------------------------------------------------------------------------


def real_array(x: Any) -> Any:
    """The tensor's memory as an array that can be shared and written; a NumPy scalar is turned into a 0-d array once."""
    array = x._array
    if not array.shape and not hasattr(array, "__setitem__"):
        array = x._array = BY_TYPE[array.__class__].asarray(array)
        if x._node is not None and x._node.leaf:
            x._node.array = array
    return array


def device_of(array: Any) -> device:
    """The device that holds a raw array."""
    backend = BY_TYPE[array.__class__]
    return CPU if backend.name == "cpu" else device(backend.name, backend.device_index(array))


def operand(x: Any) -> Any:
    """An operand that is neither Tensor nor Python number, made one: arrays share their memory, NumPy scalars are numbers."""
    if x is None or isinstance(x, (TensorBase, *Number)) and x.__class__ in _PLAIN:
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


_PLAIN = frozenset((float, int, bool, complex))


def _unify(op: Op, inputs: list[Any], arrays: list[Any]) -> bool:
    """Cast ``inputs`` and ``arrays`` to the dtype the op computes in; each cast is recorded as an op of its own."""
    first = None
    for array in arrays:
        if array.__class__ is float or array.__class__ is int or array is None:
            continue
        d = getattr(array, "dtype", None)
        if d is None or (first is not None and d is not first):
            break
        first = d
    else:
        if first is not None and first.kind == "f":
            return False
    target = computed_dtype(op.name, op.promotes, inputs)
    changed = False
    if op.promotes == "where" and not any([isinstance(x, TensorBase) for x in inputs[1:]]):
        inputs[1] = wrap(BY_TYPE[arrays[0].__class__].asarray(inputs[1], target.dtype))  # two numbers: no array would give them a dtype
        arrays[1] = inputs[1]._array
        changed = True
    for i, x in enumerate(inputs):
        if isinstance(x, TensorBase) and (i or op.promotes != "where") and x._array.dtype != target.dtype:
            inputs[i] = x = apply(REGISTRY["to_dtype"], (x,), {"dtype": target})
            arrays[i] = x._array
            changed = True
    return changed


# --- apply --------------------------------------------------------------------------------------------------------


def apply(op: Op, inputs: Any, attrs: dict[str, Any], out: Any = None) -> Any:
    """Compute ``op`` on Tensors and numbers and record it; the general path, right for every op.

    ``out`` is the memory of ``inputs[0]`` for an in-place op. Returns a Tensor, or a named tuple of them. Raises the
    op's own error, with shapes and dtypes, when the kernel cannot do it.
    """
    if op.kind == "update":
        return update(op, inputs, attrs)
    mode = get_mode()
    inputs = list(inputs)
    arrays: list[Any] = []
    nodes: list[Any] = []
    for i, x in enumerate(inputs):
        if not isinstance(x, TensorBase):
            if x.__class__ not in _PLAIN:
                inputs[i] = x = operand(x)
            if not isinstance(x, TensorBase):
                arrays.append(x)
                nodes.append(None)
                continue
        arrays.append(x._array)
        nodes.append(x._node)
    if op.promotes != "none" and _unify(op, inputs, arrays):
        nodes = [x._node if isinstance(x, TensorBase) else None for x in inputs]
    needs = mode.grad and op.differentiable and any([node is not None for node in nodes])
    if op.kind == "view":
        arrays[0] = real_array(inputs[0])
    array_type = _array_type(op, inputs, arrays)
    residuals: tuple[Any, ...] = ()
    kept_input = arrays[0].copy() if out is not None and needs and op.inputs[0] in op.saved else None
    try:
        if needs and op.residual_kernel is not None and not mode.general:
            result, *rest = op.residual_kernels[array_type](*arrays, **attrs)
            residuals = tuple(rest)
        elif out is None:
            result = op.kernels[array_type](*arrays, **attrs)
        else:
            result = _into(op, array_type, arrays, attrs, out)
    except Exception as error:
        raise explain(op, inputs, attrs, error) from error
    if mode.recorder is not None:
        mode.recorder(op, inputs, attrs, result)
    if op.outputs is not None:
        return _wrap_many(op, inputs, attrs, arrays, tuple(nodes) if needs else None, result, mode)
    t = new(_result_class[0])
    t._array = result
    t._view = INFERENCE if mode.inference else None
    if needs:
        if kept_input is not None:
            arrays[0] = kept_input
        t._node = _record(op, inputs, attrs, arrays, tuple(nodes), result, (result,), residuals, mode)
    else:
        t._node = None
    if op.kind == "view":
        link_view(op, inputs[0], attrs, t)
    return t


def _array_type(op: Op, inputs: Any, arrays: list[Any]) -> Any:
    for x, array in zip(inputs, arrays, strict=True):
        if isinstance(x, TensorBase):
            return array.__class__
    for array in arrays:
        if array is not None:
            return array.__class__
    raise TypeError(f"{op.name}: expected at least one tensor")


def _into(op: Op, array_type: type, arrays: list[Any], attrs: dict[str, Any], out: Any) -> Any:
    """Run the kernel into ``out``, through a copy where the kernel cannot write there."""
    kernel = op.kernels[array_type]
    takes_out = op.ufunc is not None or "out" in op.kernel.__code__.co_varnames[: op.kernel.__code__.co_argcount + op.kernel.__code__.co_kwonlyargcount]
    if takes_out and all([getattr(array, "dtype", out.dtype) == out.dtype for array in arrays]):  # else the result is cast, uint8 += int64 as in PyTorch
        return kernel(*arrays, **attrs, out=out)
    out[...] = kernel(*arrays, **attrs)
    return out


def _record(op: Op, inputs: Any, attrs: dict[str, Any], arrays: list[Any], nodes: tuple[Any, ...], result: Any,
            outputs: tuple[Any, ...], residuals: tuple[Any, ...], mode: Mode) -> Node:
    n = WatchedNode() if mode.anomaly else GeneralNode()
    n.op = op
    n.attrs = attrs
    n.dtypes = None
    n.parents = nodes
    n.hooks = None
    n.scope = mode.scope
    n.value = None
    n.shape = () if op.outputs is not None else result.shape
    saved = op.saved
    if saved:
        wanted = _wanted(op, nodes) if len(op.rules) > 1 and op.joint is None else saved
        values = []
        for name in saved:
            if name not in wanted:
                value = None
            elif name == "out":
                value = result
            elif name in op.inputs:
                value = tuple(arrays) if op.variadic else arrays[op.inputs.index(name)]
            elif op.outputs is not None and name in op.outputs:
                value = outputs[op.outputs.index(name)]
            else:
                value = residuals[op.residuals.index(name)] if residuals else None
            values.append(value)
        n.saved = tuple(values)
    else:
        n.saved = None
    n.shapes = tuple([getattr(array, "shape", ()) for array in arrays])
    if op.rule_needs_dtypes or any([getattr(array, "dtype", _REAL).kind == "c" for array in (*arrays, *outputs)]):
        n.dtypes = tuple([dtype_or_none(array) for array in arrays])
    if mode.general or (op.outputs is None and not n.shape):
        _keep(n, inputs, nodes, result, mode)
    n.seq = next_seq()
    return n


def dtype_or_none(array: Any) -> Any:
    """Our dtype of a raw array, ``None`` for a Python number and for nothing."""
    d = getattr(array, "dtype", None)
    return None if d is None else dtypes.from_numpy_dtype(d)


_REAL = dtypes.float32.dtype


def _wanted(op: Op, nodes: tuple[Any, ...]) -> set[str]:
    """The names that the rules of the inputs at hand need."""
    wanted = {name for input_name, node in zip(op.inputs, nodes, strict=False) if node is not None and input_name in op.rules for name in op.rules[input_name].names}
    return wanted.union(op.residuals)


def _keep(n: Node, inputs: Any, nodes: tuple[Any, ...], result: Any, mode: Mode) -> None:
    """What drawing and explaining want to see later."""
    if mode.keep or not n.shape and n.op.outputs is None:
        n.value = result
        if mode.keep or all([node is not None or not isinstance(x, TensorBase) or not x._array.shape for x, node in zip(inputs, nodes, strict=True)]):
            n._constants = tuple([x for x, node in zip(inputs, nodes, strict=True) if node is None])
    if mode.anomaly:
        n.line = user_line()


def user_line() -> str:
    """``file:line`` of the innermost frame outside these packages."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("autograd_core", "nn", "optim"):
        outer = frame.f_back
        if outer is None:
            break
        frame = outer
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _wrap_many(op: Op, inputs: Any, attrs: dict[str, Any], arrays: list[Any], nodes: tuple[Any, ...] | None, results: Any, mode: Mode) -> Any:
    n = None if nodes is None else _record(op, inputs, attrs, arrays, nodes, results, tuple(results), (), mode)
    wrapped = []
    for i, result in enumerate(results):
        item = None
        if n is not None and i not in op.constant_outputs:
            item = Item()
            item.op = op
            item.index = i
            item.parents = (n,)
            item.saved = item.hooks = None
            item.scope = mode.scope
            item.shape = result.shape
            item.value = result if mode.keep or not result.shape else None
            item.seq = next_seq()
        wrapped.append(wrap(result, item))
    return named_result(op)(*wrapped)


_named: dict[str, Any] = {}


def named_result(op: Op) -> Any:
    """The named tuple that an op with several outputs returns."""
    found = _named.get(op.name)
    if found is None:
        found = _named[op.name] = namedtuple(op.name, op.outputs or ())  # noqa: PYI024
    return found


# --- errors -------------------------------------------------------------------------------------------------------


def explain(op: Op, inputs: Any, attrs: dict[str, Any], error: Exception) -> Exception:
    """The error a user should read instead of the array library's own."""
    names = op.inputs if not op.variadic else [f"{op.inputs[0]}[{i}]" for i in range(len(inputs))]
    tensors = [x for x in inputs if isinstance(x, TensorBase)]
    places = sorted({str(device_of(x._array)) for x in tensors if x._array.shape or device_of(x._array).type != "cpu"})
    operands = operand_list(names, [x for x in inputs if x is not None])
    if len(places) > 1:
        return DeviceError(message(op.name, f"Expected all tensors to be on the same device, but found at least two devices, {' and '.join(places)}", operands, "Move one with .to(device)"))
    if op.spec is not None:
        try:
            op.spec(*inputs, **attrs)
        except Exception as specific:
            return specific
    if isinstance(error, (ShapeError, DtypeError, DeviceError, InplaceError, MemoryError)) or str(error).startswith(f"{op.name}"):
        return error
    kind = type(error) if type(error) in (IndexError, TypeError, ValueError, NotImplementedError) else RuntimeError
    if kind is ValueError:
        kind = RuntimeError
    return kind(message(op.name, str(error) or type(error).__name__, operands))


def update(op: Op, tensors: Any, attrs: dict[str, Any]) -> None:
    """Run an op that writes all but the last ``count`` of its tensors in place, and does nothing else; it is never part of a graph."""
    mode = get_mode()
    arrays = [t._array for t in tensors]
    array_type = arrays[-1].__class__
    try:
        with BY_TYPE[array_type].watch():
            op.kernels[array_type](*arrays, **attrs)
    except Exception as error:
        raise explain(op, tensors, attrs, error) from error
    if mode.recorder is not None:
        mode.recorder(op, tensors, attrs, None)
    WRITES.note_all(arrays[: -attrs["count"]], f"{op.name}_", user_line() if mode.anomaly else None)


# --- views and in-place writes -----------------------------------------------------------------------------------


def link_view(op: Op, source: Any, attrs: dict[str, Any], result: Any) -> None:
    """Make ``result`` a view of ``source``'s base, if it shares its memory."""
    array = result._array
    if getattr(array, "base", None) is None and array is not source._array:
        return
    backend = BY_TYPE[array.__class__]
    if backend.owner(array) is not backend.owner(source._array):
        return
    origin = source._view
    if origin.__class__ is View:
        base, chain = origin.base, (*origin.chain, (op, attrs))
    else:
        base, chain = source, ((op, attrs),)
        if origin.__class__ is not Family:
            if origin is not None:
                result._view = origin
                return
            base._view = Family()
    base._view.add(result)
    result._view = View(base, chain)


def inplace(op: Op, x: Any, others: tuple[Any, ...], attrs: dict[str, Any], name: str | None = None) -> Any:
    """Write ``op(x, *others)`` into ``x``'s memory; ``x``, its base and its views get the nodes that make gradients right."""
    label = name or op.extra.get("written") or f"{op.name}_"
    mode = get_mode()
    view = x._view
    base = view.base if view.__class__ is View else x
    others = tuple([operand(o) for o in others])
    others_need = any([isinstance(o, TensorBase) and o._node is not None for o in others])
    if mode.grad and base._node is not None and base._node.leaf:
        what = "a leaf Variable that requires grad is being used in an in-place operation." if base is x else \
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        raise InplaceError(f"{label}: {what} Write inside autograd_core.no_grad(), or make a copy first (.clone())")
    array = real_array(x)
    flags = array.flags
    if not flags.c_contiguous and overlapping(array):
        raise InplaceError(
            f"{label}: unsupported operation: more than one element of the written-to tensor refers to a single memory location "
            f"(shape {tuple(array.shape)}, an expanded tensor). Please clone() the tensor before performing the operation"
        )
    if view is INFERENCE and not mode.inference:
        raise InplaceError(f"{label}: Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a normal tensor")
    if op.promotes != "none":
        computed = computed_dtype(op.name, op.promotes, [x, *[o for o in others if o is not None]])
        if not can_cast(computed, array.dtype):
            raise DtypeError(f"{label}: result type {computed.name} can't be cast to the desired output type {array.dtype}. Convert the tensor first with .to({computed})")
    if op.broadcasts and others:
        shape = op.spec(x, *others, **attrs).shape if op.spec is not None else array.shape
        if tuple(shape) != tuple(array.shape):
            raise ShapeError(f"{label}: output with shape {tuple(array.shape)} doesn't match the broadcast shape {tuple(shape)}. An in-place op cannot grow its tensor")
    if not getattr(flags, "writeable", True):
        _make_writeable(array, label)
    owner = BY_TYPE[array.__class__].owner(array)
    others = tuple(_apart(o, array, owner) for o in others)
    line = user_line() if mode.anomaly else None
    computed_tensor = apply(op, (x, *others), attrs, out=array)
    if view is not UNCHECKED:
        WRITES.note(array, label, line)
    if mode.grad and (others_need or base._node is not None):
        _rebase(x, base, computed_tensor._node, mode)
    return x


def _apart(other: Any, array: Any, owner: Any) -> Any:
    """An operand that overlaps the written memory at another place is read before it is overwritten."""
    if isinstance(other, TensorBase) and other._array is not array and other._array.shape and BY_TYPE[other._array.__class__].owner(other._array) is owner:
        return wrap(other._array.copy(), other._node)
    return other


def _make_writeable(array: Any, label: str) -> None:
    """NumPy marks all that came from an expanded array read-only, also a part whose elements lie apart; only foreign memory is so in truth."""
    try:
        if array.base is None:
            raise ValueError
        array.flags.writeable = True
    except ValueError:
        raise InplaceError(f"{label}: the memory of this tensor is read-only, as the array it was made from. Make a copy first: .clone()") from None


def overlapping(array: Any) -> bool:
    """Whether two elements share memory, as in an expanded tensor."""
    return any(stride == 0 and size > 1 for stride, size in zip(array.strides, array.shape, strict=True))


def _rebase(x: Any, base: Any, node: Any, mode: Mode) -> None:
    """After a write: the written tensor's node is ``node``; its base and all other views follow."""
    if node is not None:
        node.seq = next_seq()  # after the write, so that what it saved of the result is not taken for overwritten
    if base is x:
        x._node = node
    else:
        chain = x._view.chain
        write = GeneralNode()
        write.op = REGISTRY["view_write"]
        write.attrs = {"chain": chain}
        write.dtypes = None
        write.parents = (base._node, node)
        write.saved = write.hooks = write.value = None
        write.scope = mode.scope
        write.shape = base._array.shape
        write.shapes = (write.shape, x._array.shape)
        write.seq = next_seq()
        base._node = write
    family = base._view
    if family.__class__ is Family:
        for reference in family.members:
            member = reference()
            if member is not None:
                member._node = _view_node(base, member._view.chain, mode)


def _view_node(base: Any, chain: Any, mode: Mode) -> Any:
    """The node of a view, computed afresh from its base's."""
    node = base._node
    if node is None:
        return None
    array = base._array
    for op, attrs in chain:
        n = GeneralNode()
        n.op = op
        n.attrs = attrs
        n.dtypes = None
        n.parents = (node,)
        n.saved = n.hooks = n.value = None
        n.scope = mode.scope
        n.shapes = (array.shape,)
        array = op.kernels[array.__class__](array, **attrs)
        n.shape = array.shape
        n.seq = next_seq()
        node = n
    return node
