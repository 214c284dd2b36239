"""The one way to compute: unwrap, promote, run the kernel, record the node, tell the recorder.

Every kernel call of forward passes, of backward passes over Tensors and of optimizers goes through ``apply``, or
through a fast path that was made for one op after a few calls and falls back to it.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from . import dtypes
from .backend.registry import BY_TYPE
from .births import birth, hold_warnings, refuse_birth
from .broadcasts import lint_broadcast
from .config import HELD, Mode, get_mode, user_line, warn_user
from .cuts import cut_from, cut_of, inherit_cut, note_cuts
from .engine import WRITES
from .errors import DeviceError, DtypeError, InplaceError, LinAlgError, ShapeError, UnsupportedDtypeError, operand_list
from .fastpath import install, warm
from .misuse import misused
from .node import GeneralNode, Node, next_seq, output_node, pull_general, pull_watched
from .op import REGISTRY, Op
from .spec import NOT_FOR_BOOLEANS, ONLY_FLOATS, REAL_ONLY, can_cast, computed_dtype, refused_complex
from .storage import INFERENCE, PLAIN_NUMBERS, RESULT_CLASS, TensorBase, device_of, link_view, new, operand, real_array, wrap


def _unify(op: Op, inputs: list[Any], arrays: list[Any]) -> bool:
    """Cast ``inputs`` and ``arrays`` to the dtype the op computes in; each cast is recorded as an op of its own."""
    first = None
    floats = ints = False
    for array in arrays[1:] if op.promotes == "where" else arrays:
        if array.__class__ is float:
            floats = True
        elif array.__class__ is int:
            ints = True
        elif array is not None:
            d = getattr(array, "dtype", None)
            if d is None or (first is not None and d is not first):
                break
            first = d
    else:
        if first is not None and _settled(op, first.kind, floats, ints):
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
        elif x.__class__ is int and target.kind == "u" and -(256**target.itemsize) < x < 0 and op.name != "pow" and op.extra.get("dtype") != "bool":
            inputs[i] = arrays[i] = x + 256**target.itemsize  # as in PyTorch; right for sums and products, which wrap around in any case
    return changed


def _settled(op: Op, kind: str, floats: bool, ints: bool) -> bool:
    """Whether tensors of one dtype of this kind, with such Python numbers beside them, are computed with in that dtype, and are not refused."""
    if kind in "fc":
        return True
    if floats or op.promotes == "float" or op.name in ONLY_FLOATS:
        return False
    return kind == "i" or (kind == "b" and not ints and op.promotes != "number" and op.name not in NOT_FOR_BOOLEANS)


# --- apply --------------------------------------------------------------------------------------------------------


def apply(op: Op, inputs: Any, attrs: dict[str, Any], out: Any = None, memory: Any = None) -> Any:
    """Compute ``op`` on Tensors and numbers and record it; the general path, right for every op.

    ``out`` is what the result is written into, if anything; ``memory`` is that of ``inputs[0]`` for an in-place op. Returns a Tensor, or
    a named tuple of them. Raises the op's own error, with shapes and dtypes, when the kernel cannot do it.
    """
    if out is not None:
        return into(out, apply(op, inputs, attrs))
    if op.kind == "update":
        return update(op, inputs, attrs)
    mode = get_mode()
    if mode.general:
        if mode.vmap is not None and (answer := mode.vmap.apply(op, inputs, attrs)) is not NotImplemented:
            return answer
        if mode.profile is not None:
            if op.cold:
                install(op)  # before a clock starts: what is measured is the op
            return mode.profile.apply(op, inputs, attrs, memory)
        if mode.anomaly and (held := HELD.get()) is not None:
            return hold_warnings(op, held, lambda: apply(op, inputs, attrs, memory=memory))
    elif op.cold:
        warm(op)
    inputs = list(inputs)
    arrays: list[Any] = []
    nodes: list[Any] = []
    try:
        for i, x in enumerate(inputs):
            if not isinstance(x, TensorBase):
                if x.__class__ not in PLAIN_NUMBERS:
                    own = getattr(x, "__apply__", None)
                    if own is not None and (answer := own(op, inputs, attrs)) is not NotImplemented:
                        return answer  # Scalars among themselves stay Scalars
                    inputs[i] = x = operand(x)
                if not isinstance(x, TensorBase):
                    arrays.append(x)
                    nodes.append(None)
                    continue
            arrays.append(x._array)
            nodes.append(x._node)
        if dtypes.narrow_in_use and op.kind not in ("view", "shape") and "narrow_itself" not in op.extra and any([dtypes.narrow(array) for array in arrays]):
            return _in_float32(op, inputs, attrs, memory)
        written = inputs[0] if memory is not None else None
        if op.promotes != "none" and _unify(op, inputs, arrays):
            nodes = [x._node if isinstance(x, TensorBase) else None for x in inputs]
            if memory is not None and arrays[0].dtype != memory.dtype and mode.grad and any([node is not None for node in nodes]):
                return apply(REGISTRY["copy"], (written, apply(op, inputs, attrs)), {}, memory=memory)  # casts gradients on their way back
        if op.name in REAL_ONLY:
            for array in arrays:
                if getattr(array, "dtype", _REAL).kind == "c":
                    raise refused_complex(op.name, op.spoken.removeprefix("special."), dtypes.from_numpy_dtype(array.dtype).name)
        needs = mode.grad and op.differentiable and any([node is not None for node in nodes]) and (memory is None or memory.dtype.kind not in "biu")
        if op.kind == "view":
            arrays[0] = real_array(inputs[0])
        array_type = _array_type(op, inputs, arrays)
    except Exception as error:
        if (wrong := misused(op, inputs, attrs, error)) is not None:
            raise wrong from error
        text = str(error)
        if not op.places and op.spoken != op.name and text.startswith(f"{op.name}:"):
            raise type(error)(op.spoken + text.removeprefix(op.name)) from error
        raise
    residuals: tuple[Any, ...] = ()
    kept_input = arrays[0].copy() if memory is not None and needs and op.inputs[0] in op.saved else None
    if mode.recorder is not None and memory is not None:
        mode.recorder.writing(memory, inputs[0])
        if kept_input is not None:
            mode.recorder.copied(memory, kept_input)
    try:
        if needs and op.residual_kernel is not None and (not mode.special or mode.recorder is not None):
            result, *rest = op.residual_kernels[array_type](*arrays, **attrs)
            residuals = tuple(rest)
        elif memory is None:
            result = op.kernels[array_type](*arrays, **attrs)
        else:
            result = _into(op, array_type, arrays, attrs, memory)
    except Exception as error:
        raise explain(op, inputs, attrs, error) from error
    if mode.recorder is not None:
        result = mode.recorder.applied(op, inputs, arrays, attrs, result, residuals, memory)
    if mode.anomaly == "forward":
        refuse_birth(op, inputs, result, user_line())
    if op.outputs is not None:
        return _wrap_many(op, inputs, attrs, arrays, tuple(nodes) if needs else None, result, mode)
    t = new(RESULT_CLASS[0])
    t._array = result
    t._view = INFERENCE if mode.inference else None
    if needs:
        if kept_input is not None:
            arrays[0] = kept_input
        t._node = _record(op, inputs, attrs, arrays, tuple(nodes), result, (result,), residuals, mode)
    else:
        t._node = None
        if t._view is None:
            _mark_cut(t, op, inputs, nodes, mode)
    if op.kind == "view":
        link_view(op, inputs[0], attrs, t)
    return t


def into(out: Any, result: Any, inplace: bool = False) -> Any:
    """Write the result of a call into the tensor that it was given with ``out=``, or each of several into its own; or, ``inplace``, into the first input."""
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"argument 'out' must be a tuple of {len(result)} Tensors")
        written = [into(*pair) for pair in zip(out, result, strict=True)]
        return type(result)(*written) if hasattr(result, "_fields") else tuple(written)
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if not inplace and get_mode().grad and (out._node is not None or result._node is not None):
        raise RuntimeError("functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad. "
                           "Leave out= away, or call the function inside no_grad()")
    target: Any = out
    if not can_cast(result.dtype, target.dtype):
        raise UnsupportedDtypeError(f"result type {result.dtype.name} can't be cast to the desired output type {target.dtype.name}")
    if not inplace and target.shape != result.shape:
        if target.numel():
            warn_user(f"An output with one or more elements was resized since it had shape {list(target.shape)}, which does not match the required output shape "
                      f"{list(result.shape)}. Give a tensor of that shape, or an empty one")
        target.resize_(result.shape)
    return target.copy_(result)


def _mark_cut(t: Any, op: Op, inputs: Any, nodes: Any, mode: Mode) -> None:
    """Mark a result that has no graph although its inputs, or what they were computed from, have one."""
    if not any([node is not None for node in nodes]):
        inherit_cut(t, inputs)
    elif mode.anomaly:
        t._view = cut_from(op, inputs, mode.grad, user_line())
    else:
        t._view = cut_of(op, mode.grad)


def _in_float32(op: Op, inputs: list[Any], attrs: dict[str, Any], memory: Any) -> Any:
    """bfloat16 computes in float32 and rounds the results, as PyTorch does; the casts are recorded as ops of their own."""
    try:
        target = computed_dtype(op.name, "same" if op.promotes == "none" else op.promotes, [x for x in inputs if hasattr(x, "dtype") or x.__class__ in PLAIN_NUMBERS])
    except Exception as error:
        raise explain(op, inputs, attrs, error) from error
    cast = REGISTRY["to_dtype"]
    attrs = {**attrs, **{name: value for name, value in op.extra.get("narrow", {}).items() if attrs[name] is None}}
    wide = [apply(cast, (x,), {"dtype": dtypes.float32}) if isinstance(x, TensorBase) and dtypes.narrow(x._array) else x for x in inputs]
    result = apply(op, wide, attrs)
    if target is dtypes.bfloat16 and attrs.get("dtype") is None:
        results = result if isinstance(result, tuple) else (result,)
        results = tuple([apply(cast, (y,), {"dtype": target}) if y._array.dtype == dtypes.float32.dtype else y for y in results])
        result = named_result(op)(*results) if isinstance(result, tuple) else results[0]
    if memory is not None:
        return apply(REGISTRY["copy"], (inputs[0], result), {}, memory=memory)  # an op of its own, which recordings see
    return result


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
    if op.takes_out and all([_fits(array, out.dtype, op.promotes == "none") for array in arrays]):  # else the result is cast, uint8 += int64 as in PyTorch
        return kernel(*arrays, **attrs, out=out)
    out[...] = kernel(*arrays, **attrs)
    return out


def _fits(array: Any, dtype: Any, indices: bool) -> bool:
    own = getattr(array, "dtype", dtype)
    return own == dtype or (indices and own.kind in "iub")


def _record(op: Op, inputs: Any, attrs: dict[str, Any], arrays: list[Any], nodes: tuple[Any, ...], result: Any,
            outputs: tuple[Any, ...], residuals: tuple[Any, ...], mode: Mode) -> Node:
    if op.outputs is None and result.dtype.kind in "biu":
        raise DtypeError(f"{op.spoken}: Autograd not support dtype: {dtypes.from_numpy_dtype(result.dtype)}, and an input requires grad. Call it on .detach(), or inside no_grad()")
    n = GeneralNode()
    n.pull = pull_watched if mode.anomaly and mode.anomaly != "lines" else pull_general
    n.op = op
    n._attrs = attrs
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
    n._shapes = tuple([getattr(array, "shape", ()) for array in arrays])
    if op.rule_needs_dtypes or any([getattr(array, "dtype", _REAL).kind == "c" for array in (*arrays, *outputs)]):
        n._dtypes = tuple([dtype_or_none(array) for array in arrays])
    if mode.general or (op.outputs is None and not n.shape):
        _keep(n, inputs, nodes, result, mode)
    note_cuts(n, inputs)
    n.seq = next_seq()
    if mode.saving is not None:
        mode.saving.node_recorded(n)
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
    if mode.keep or (not n.shape and n.op.outputs is None):
        n.value = result
        if mode.keep or all([node is not None or not isinstance(x, TensorBase) or not x._array.shape for x, node in zip(inputs, nodes, strict=True)]):
            n._constants = tuple([x for x, node in zip(inputs, nodes, strict=True) if node is None])
    if mode.anomaly:
        n.line = user_line()
        n.birth = birth(n.op, inputs, result) if mode.anomaly != "lines" else None
        if mode.anomaly != "lines":
            lint_broadcast(n.op, inputs, n.shape)


def _wrap_many(op: Op, inputs: Any, attrs: dict[str, Any], arrays: list[Any], nodes: tuple[Any, ...] | None, results: Any, mode: Mode) -> Any:
    n = None if nodes is None else _record(op, inputs, attrs, arrays, nodes, results, tuple(results), (), mode)
    wrapped = []
    for i, result in enumerate(results):
        item = None
        if n is not None and i not in op.constant_outputs:
            item = output_node(n, i, result)
            if mode.keep or not result.shape:
                item.value = result
        t = wrap(result, item)
        if item is None:
            _mark_cut(t, op, inputs, [getattr(x, "_node", None) for x in inputs], mode)
        wrapped.append(t)
    return named_result(op)(*wrapped)


_named: dict[str, Any] = {}


def named_result(op: Op) -> Any:
    """The named tuple that an op with several outputs returns."""
    found = _named.get(op.name)
    if found is None:
        name = op.spoken.replace(".", "_")
        fields = namedtuple(name, op.outputs or ())  # type: ignore[misc]
        found = _named[op.name] = type(name, (fields,), {"__slots__": (), "__repr__": _named_repr})
    return found


def _named_repr(result: Any) -> str:
    """One field to a line, so that the rows of matrices stay under one another."""
    return f"{type(result).__name__}(\n" + ",\n".join(f"{name}={value!r}" for name, value in result._asdict().items()) + ")"


# --- errors -------------------------------------------------------------------------------------------------------


def explain(op: Op, inputs: Any, attrs: dict[str, Any], error: Exception) -> Exception:
    """The error a user should read instead of the array library's own."""
    names = op.inputs if not op.variadic else [f"{op.inputs[0]}[{i}]" for i in range(len(inputs))]
    tensors = [x for x in inputs if isinstance(x, TensorBase)]
    places = sorted({str(device_of(x._array)) for x in tensors if x._array.shape or device_of(x._array).type != "cpu"})
    given = {name: x for name, x in zip(names, inputs, strict=False) if x is not None}
    operands = operand_list(given, given.values())
    if len(places) > 1:
        return DeviceError(f"{op.spoken}: Expected all tensors to be on the same device, but found at least two devices, {' and '.join(places)} ({operands}). "
                           "Move one with .to(device)")
    if (wrong := misused(op, inputs, attrs, error)) is not None:
        return wrong
    if op.spec is not None:
        try:
            op.spec(*inputs, **attrs)
        except Exception as specific:
            return specific
    if isinstance(error, (ShapeError, DtypeError, DeviceError, InplaceError, LinAlgError, MemoryError)) or str(error).startswith((op.name, op.spoken)):
        return error
    kind = type(error) if type(error) in (IndexError, TypeError, NotImplementedError) else RuntimeError
    return kind(f"{op.spoken}: {str(error) or type(error).__name__} ({operands})")


def update(op: Op, tensors: Any, attrs: dict[str, Any]) -> None:
    """Run an op that writes all but the last ``count`` of its tensors in place, and does nothing else; it is never part of a graph."""
    mode = get_mode()
    if mode.profile is not None:
        mode.profile.apply(op, tensors, attrs)
        return
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
