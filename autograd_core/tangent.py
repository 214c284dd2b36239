"""Forward mode: tangents pushed through a recorded graph, from its inputs to its outputs.

A graph that was recorded once can be swept in either direction, any number of times. The tangent of a result is

* for a rule declared with ``@op.jvp``: that rule;
* for an elementwise op: its local gradients read with the tangent in the place of the cotangent (a diagonal Jacobian is
  its own transpose);
* for a linear op: the op itself, applied to the tangent; for a product of its inputs: the sum over the inputs;
* for every other op: the transpose of its vjp. The rule runs on a cotangent that asks for a gradient, and what
  it returns, a linear function of that cotangent, is pulled back once.

All are exact, none a finite difference. Tangents are Tensors and rules run on Tensors, so that what comes out can be
differentiated again in either mode and batched by ``vmap``.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from . import _methods
from .backend.registry import BY_TYPE
from .backward import TENSOR_READING, TensorReading
from .backward import grad as reverse
from .config import MODE, get_mode
from .dispatch import apply
from .engine import WRITES
from .errors import GraphError
from .node import SPENT, Leaf, Packed, pull_output
from .op import Op
from .storage import wrap

__all__ = ["LINEAR", "MULTILINEAR", "how", "push"]

LINEAR = frozenset((
    "sum", "mean", "reshape", "view", "permute", "transpose", "unsqueeze", "squeeze", "broadcast_to", "sum_to", "diagonal", "diagonal_place", "slice_view", "slice_place",
    "flip", "roll", "tril", "triu", "to_dtype", "to_device", "clone", "extend_adjoint", "avg_pool", "avg_pool_grad", "adaptive_average", "adaptive_average_grad", "cumsum",
    "view_read", "view_place", "cat", "stack", "real_part", "imaginary_part", "view_as_real", "view_as_complex", "fourier", "half_fourier", "from_half", "whole_fourier",
    "from_whole", "weigh_middle", "fit", "Tensor_unfold", "windows_add", "pair_differences", "pair_differences_adjoint", "complex", "rearrange", "differences",
    "differences_adjoint"))
"""Ops that are linear in all their inputs together: the tangent is the op of the tangents."""

MULTILINEAR = {"matmul": (0, 1), "contract": None, "linear": (0, 1), "kron": (0, 1), "outer": (0, 1), "convolution": (0, 1), "convolution_input_grad": (0, 1),
               "convolution_weight_grad": (0, 1), "index": (0,), "index_accumulate": (0,), "index_select": (0,), "take_rows": (0,), "place_rows": (0,), "take_points": (0,),
               "place_points": (0,), "take_masked": (0,), "place_masked": (0,), "gather": (0,), "gather_accumulate": (0,), "lookup": (1,)}
"""Ops that are linear in each of these inputs (``None``: all) while the others stay: the tangent is a sum of the op itself, one term for each input that moves."""

by_seq = attrgetter("seq")


def how(op: Op) -> str:
    """Where an op's tangent comes from, for the table of ops: ``rule``, ``diagonal``, ``linear``, ``product``, ``transpose`` or ``none``."""
    if not op.differentiable:
        return "none"
    if op.tangent is not None:
        return "rule"
    return "diagonal" if op.kind == "elementwise" else "linear" if op.name in LINEAR else "product" if op.name in MULTILINEAR else "transpose"


class _Plain(TensorReading):
    """Rules read on Tensors with saved values as they are: a tangent is multiplied by the derivative, not by its conjugate."""

    def _conjugate(self, op: Any, value: Any) -> Any:
        return value


PLAIN = _Plain()


def push(inputs: Sequence[Any], tangents: Sequence[Any], outputs: Sequence[Any], *, record: bool) -> list[Any]:
    """The tangents of ``outputs`` when the nodes ``inputs`` have ``tangents``; ``None`` for an output that does not move.

    Parameters
    ----------
    inputs : nodes, or leaves. tangents : a Tensor for each, of its shape; ``None`` for one that stays.
    outputs : nodes, or ``None``.
    record : whether the tangents' own graph is recorded, for derivatives of them.
    """
    known: dict[Any, Any] = {node: tangent for node, tangent in zip(inputs, tangents, strict=True) if tangent is not None}
    order = _between(known, [node for node in outputs if node is not None])
    token = MODE.set(get_mode().replace(grad=record))
    try:
        for node in order:
            found = _tangent(node, known)
            if found is not None:
                known[node] = found
    finally:
        MODE.reset(token)
    return [None if node is None else known.get(node) for node in outputs]


def _between(known: dict[Any, Any], outputs: list[Any]) -> list[Any]:
    """The nodes that lie between the moved inputs and the outputs, oldest first."""
    seen = set(outputs)
    order = []
    waiting = [node for node in outputs if node not in known and not isinstance(node, Leaf)]
    while waiting:
        node = waiting.pop()
        order.append(node)
        for parent in node.parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                if parent not in known and not isinstance(parent, Leaf):
                    waiting.append(parent)
    order.sort(key=by_seq)
    moved = set(known)
    chosen = []
    for node in order:
        if any(parent in moved for parent in node.parents):
            moved.add(node)
            chosen.append(node)
    return chosen


def _tangent(node: Any, known: dict[Any, Any]) -> Any:
    if node.pull is pull_output:
        several = known[node.parents[0]]
        return several[node.index]
    if node.saved is SPENT:
        raise GraphError(f"the tangent of {node.op.name} needs values that an earlier backward pass has released. Give that one retain_graph=True")
    if isinstance(node.saved, Packed):
        packed = node.saved
        node.saved = packed.unpack()
        try:
            return _tangent(node, known)
        finally:
            node.saved = packed
    WRITES.check(node)
    op: Op = node.op
    moving = [known.get(parent) if parent is not None else None for parent in node.parents]
    own = op.tangent
    complex_values = node.dtypes is not None and any(d is not None and d.is_complex for d in node.dtypes)
    if own is not None:
        return own.function(PLAIN, tuple(moving), *PLAIN._values(own, node))
    if op.kind == "elementwise" and op.outputs is None and (op.holomorphic or not complex_values):
        return _diagonal(node, op, moving)
    if op.name in LINEAR and op.outputs is None:
        return _linear(node, op, moving)
    if op.name in MULTILINEAR and op.outputs is None:
        return _product(node, op, moving)
    return _transposed(node, op, moving)


def _sum(terms: list[Any]) -> Any:
    total = None
    for term in terms:
        total = term if total is None else total + term
    return total


def _diagonal(node: Any, op: Op, moving: list[Any]) -> Any:
    terms = []
    for i, tangent in enumerate(moving):
        if tangent is None:
            continue
        if tuple(tangent.shape) != tuple(node.shape):
            tangent = _methods.broadcast_to(tangent, tuple(node.shape))
        rule = op.joint
        if rule is not None:
            terms.append(rule.function(PLAIN, tangent, *PLAIN._values(rule, node))[i])
        elif op.inputs[i] in op.rules:
            rule = op.rules[op.inputs[i]]
            terms.append(rule.function(PLAIN, tangent, *PLAIN._values(rule, node)))
    return _sum([term for term in terms if term is not None])


def _zeros(shape: Any, like: Any) -> Any:
    backend = BY_TYPE[like._array.__class__]
    return wrap(backend.xp.zeros(tuple(shape), dtype=like._array.dtype))


def _linear(node: Any, op: Op, moving: list[Any]) -> Any:
    if op.variadic:
        like = next(t for t in moving if t is not None)
        moving = [_zeros(shape, like) if t is None else t for t, shape in zip(moving, node.shapes, strict=True)]
    return apply(op, tuple(moving), node.attrs)


def _saved_inputs(node: Any, op: Op) -> list[Any]:
    """The inputs as far as they were saved, on Tensors."""
    if op.variadic:
        values = node.saved[op.saved.index(op.inputs[0])]
        return [TENSOR_READING.lift(value, parent) for value, parent in zip(values, node.parents, strict=True)]
    return [TENSOR_READING.lift(node.saved[op.saved.index(name)], node.parents[i]) if name in op.saved else None for i, name in enumerate(op.inputs)]


def _product(node: Any, op: Op, moving: list[Any]) -> Any:
    positions = MULTILINEAR[op.name] or range(len(moving))
    values = _saved_inputs(node, op)
    terms = []
    for i, tangent in enumerate(moving):
        if tangent is None:
            continue
        if i in positions:
            with_tangent = [tangent if k == i else value if k in positions or op.inputs[min(k, len(op.inputs) - 1)] != "bias" else None for k, value in enumerate(values)]
            terms.append(apply(op, tuple(with_tangent), node.attrs))
        else:  # a bias: it is added along the channels
            rank = len(node.shape)
            spread = tangent if op.name == "linear" else tangent.reshape((int(tangent.shape[0]), *[1] * (rank - 2)))
            terms.append(_methods.broadcast_to(spread, tuple(node.shape)))
    return _sum(terms)


def _transposed(node: Any, op: Op, moving: list[Any]) -> Any:
    """The transpose of the vjp: ``d/du <vjp(u), tangents>``, for a cotangent ``u`` that the rule is linear in."""
    record = get_mode().grad
    token = MODE.set(get_mode().replace(grad=True))
    try:
        like = next(t for t in moving if t is not None)
        if op.outputs is not None:
            shapes, dtypes = _output_shapes(node, op)
            dummies = [None if i in op.constant_outputs or shape is None else _dummy(shape, dtypes[i] or like._array.dtype, like) for i, shape in enumerate(shapes)]
            cotangent: Any = dummies
        else:
            cotangent = _dummy(node.shape, _output_dtype(node, like), like)
            dummies = [cotangent]
        results = TENSOR_READING.contributions(node, cotangent)
        pairs = [(c, t) for c, t in zip(results, moving, strict=True) if c is not None and t is not None and c.requires_grad]
        wanted = [u for u in dummies if u is not None]
        if not pairs:
            found: Any = [None] * len(wanted)
        else:
            found = reverse([c for c, _ in pairs], wanted, [t if t.dtype is c.dtype else _methods.to_dtype(t, c.dtype) for c, t in pairs], create_graph=record, allow_unused=True)
    finally:
        MODE.reset(token)
    if op.outputs is None:
        return found[0]
    rest = iter(found)
    return [None if u is None else next(rest) for u in dummies]


def _output_dtype(node: Any, like: Any) -> Any:
    """The dtype of a result: complex if the node met complex numbers and its op keeps them, else that of its tangents."""
    meta = _meta(node, node.op)
    if meta is not None:
        return meta.dtype.dtype
    return like._array.dtype


def _meta(node: Any, op: Op) -> Any:
    """Shape and dtype of the result by the op's own rule, where the node remembers its inputs' dtypes, as it does where complex numbers are involved."""
    if node.dtypes is None or node.shapes is None or op.spec is None:
        return None
    from .spec import Meta

    inputs = [None if d is None else Meta(tuple(shape), d) for shape, d in zip(node.shapes, node.dtypes, strict=True)]
    return op.spec(*inputs, **node.attrs)


def _output_shapes(node: Any, op: Op) -> tuple[list[Any], list[Any]]:
    """The shape of each output of an op with several, by its shape rule."""
    from .dtypes import from_numpy_dtype
    from .spec import Meta

    if "context" in node.attrs:  # a Function knows its outputs
        metas = node.attrs["context"]._metas
        return [None if meta is None else meta.shape for meta in metas], [None if meta is None else meta.dtype.dtype for meta in metas]
    dtypes = node.dtypes
    known = next((value for value in node.saved or () if hasattr(value, "dtype")), None)
    default = from_numpy_dtype(known.dtype) if known is not None and known.dtype.kind in "fc" else from_numpy_dtype(_methods.FLOAT64)
    inputs = [Meta(tuple(shape), (dtypes[i] if dtypes is not None and dtypes[i] is not None else default)) if node.parents[i] is not None or shape else None
              for i, shape in enumerate(node.shapes)]
    assert op.spec is not None
    metas = op.spec(*inputs, **node.attrs)
    return [tuple(meta.shape) for meta in metas], [meta.dtype.dtype if dtypes is not None else None for meta in metas]


def _dummy(shape: Any, dtype: Any, like: Any) -> Any:
    from .batching import base_of

    backend = BY_TYPE[base_of(like)._array.__class__]
    t: Any = wrap(backend.xp.zeros(tuple(shape), dtype=dtype))
    return t.requires_grad_()
