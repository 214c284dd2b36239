"""``Function``: an operation whose forward and backward a user writes, with PyTorch's interface."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .. import _methods
from ..backend.registry import BY_TYPE
from ..batching import Batched, batched
from ..config import ACTIVE, MODE, get_mode, no_grad, refuse, user_line, warn_user
from ..dtypes import from_numpy_dtype
from ..engine import WRITES, when
from ..errors import GraphError, InplaceError, ShapeError
from ..inplace import rebase
from ..node import GeneralNode, next_seq, output_node, pull_general, pull_watched
from ..op import Op
from ..queries import is_tensor
from ..spec import Meta
from ..storage import View, real_array, wrap
from .graph import Hooked

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What forward leaves for backward. Any attribute may be set on it; tensors go through :meth:`save_for_backward`."""

    needs_input_grad: tuple[bool, ...] = ()
    """For each argument of ``apply``, whether its gradient is wanted."""

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._constant: tuple[int, ...] = ()
        self._dirty: tuple[int, ...] = ()
        self._materialize = True
        self._seq = 0
        self._outputs: tuple[Any, ...] | None = None

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep inputs or outputs of ``forward`` for ``backward``; ``None`` is allowed. A write to one of them in between is found then."""
        for t in tensors:
            if t is not None and not is_tensor(t):
                raise TypeError(f"save_for_backward can only save tensors, but argument is of type {type(t).__name__}. Set other values as attributes of ctx")
        self._saved = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What :meth:`save_for_backward` kept. Raises ``RuntimeError`` where one of them was overwritten, or a backward pass has released them."""
        if self._saved is None:
            raise GraphError("Trying to backward through the graph a second time: the saved tensors of this Function were released. Give the first backward retain_graph=True")
        found = []
        for t in self._saved:
            if isinstance(t, _Output):
                assert self._outputs is not None
                found.append(self._outputs[t.position])
                continue
            if isinstance(t, Hooked):
                assert self._outputs is not None or t.position is None
                found.append(t.unpack(None if t.position is None or self._outputs is None else self._outputs[t.position]))
                continue
            if is_tensor(t):
                self._check(t)
            found.append(t)
        return tuple(found)

    def _check(self, t: Any) -> None:
        array = t._array
        if not hasattr(array, "__setitem__") or isinstance(t, Batched):
            return
        owner = BY_TYPE[array.__class__].owner(array)
        known = WRITES._by_owner.get(id(owner))
        if known is not None and known[0]() is owner and when(known) > self._seq:
            raise InplaceError("one of the variables needed for gradient computation has been modified by an inplace operation: a tensor of shape "
                               f"{tuple(array.shape)} that was given to save_for_backward was written by {known[2]}. Save a copy (.clone()), or write to one")

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """These outputs get no gradient, and ask for none."""
        self._constant = tuple(id(t) for t in tensors)

    def mark_dirty(self, *tensors: Any) -> None:
        """``forward`` has written into these inputs and returns them."""
        self._dirty = tuple(id(t) for t in tensors)

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (default) or ``None`` for outputs that nothing depends on."""
        self._materialize = bool(value)


class _Output:
    """In the place of a saved output, which would refer to its own node."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


class _JointRule:
    """The local gradient of a ``Function`` in the form the engine reads: it takes the context and the outputs that were saved."""

    formula = None

    def __init__(self, cls: type[Function], names: tuple[str, ...]) -> None:
        self.label = f"{cls.__name__}.backward"
        self.names = ("context", *names)
        self.cls = cls

    def function(self, F: Any, g: Any, context: Any, *outputs: Any) -> Any:
        """Cotangents of the arguments, one for each."""
        raw = getattr(F, "raw", False)
        grads = list(g) if isinstance(g, list) else [g]
        if raw:
            grads = [None if each is None else wrap(each) for each in grads]
            outputs = tuple(None if each is None else wrap(each) for each in outputs)
        metas = context._metas
        if context._materialize:
            like = next((each for each in grads if each is not None), None)
            grads = [_zeros(meta, like) if each is None and meta is not None else each for each, meta in zip(grads, metas, strict=True)]
        context._outputs = outputs
        token = MODE.set(get_mode().replace(grad=get_mode().grad and not raw))
        try:
            found = self.cls._backward(context, grads)
        finally:
            MODE.reset(token)
            context._outputs = None
        return tuple(each._array if raw and is_tensor(each) else each for each in found)


class _TangentRule:
    """A user's ``jvp``, in the form that ``tangent.push`` reads."""

    def __init__(self, cls: type[Function], names: tuple[str, ...], several: bool) -> None:
        self.names = ("context", *names)
        self.cls = cls
        self.several = several

    def function(self, F: Any, tangents: Any, context: Any, *outputs: Any) -> Any:
        """The tangent of the output, or a list of them."""
        context._outputs = outputs
        try:
            found = self.cls.jvp(context, *tangents)
        finally:
            context._outputs = None
        return list(found) if self.several else found


def _zeros(meta: Any, like: Any) -> Any:
    backend = BY_TYPE[like._array.__class__]
    return wrap(backend.xp.zeros(meta.shape, dtype=meta.dtype.dtype))


def _kernel(xp: Any, *args: Any) -> Any:
    """Stands where an op has its kernel; a Function computes on Tensors instead."""
    raise TypeError("a Function is computed by its forward")


class _Meta(type):
    """Keeps the ops that stand for a Function class in graphs."""

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> None:
        super().__init__(name, bases, body)
        cls._ops: dict[Any, Op] = {}
        cls._signature: inspect.Signature | None = None


class Function(metaclass=_Meta):
    """An operation with a forward and a backward of its own, used as ``MyFunction.apply(...)``.

    ``forward(ctx, *args)`` computes on tensors, without a graph; or ``forward(*args)`` with ``setup_context(ctx, inputs,
    output)``. ``backward(ctx, *grad_outputs)`` (or ``vjp``, its other name) returns one gradient, or ``None``, for each
    argument; it gets zeros, or ``None``, for outputs that nothing depends on. Outputs that are no tensors are handed through.
    Written with tensor operations it can be differentiated again. ``jvp(ctx, *tangents)`` is optional: forward mode transposes ``backward``.

    >>> import autograd_core as ag
    >>> class Cube(ag.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return g * 3 * x ** 2
    >>> x = ag.tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad.item()
    12.0
    """

    _ops: dict[Any, Op]

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: ``forward(ctx, *args)``, or ``forward(*args)`` where ``setup_context`` is defined."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Leave on ``ctx`` what ``backward`` needs."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments."""
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.")

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        """The tangent of the outputs; without it forward mode transposes ``backward``."""
        raise NotImplementedError("jvp is not implemented.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` and record the result in the graph.

        Where there is a ``setup_context``, named arguments and defaults take their place among ``inputs``. Elsewhere named
        arguments go to ``forward`` alone: they get no gradient.
        """
        if cls.setup_context is not Function.setup_context:
            args, kwargs = cls._bound(args, kwargs), {}
        if any(isinstance(x, Batched) for x in args):
            return _loop(cls, args, kwargs)
        mode = get_mode()
        if mode.profile is not None and (answer := mode.profile.function(cls, args, kwargs)) is not NotImplemented:
            return answer
        nodes = tuple(x._node if is_tensor(x) else None for x in args)
        needs = mode.grad and any(node is not None for node in nodes)
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(needs and node is not None for node in nodes)
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args, **kwargs)
        several = isinstance(output, (tuple, list))
        outputs = list(output) if several else [output]
        return cls._finish(ctx, args, nodes, outputs, several, needs, mode)

    @classmethod
    def _bound(cls, args: Any, kwargs: Any) -> tuple[Any, ...]:
        """The arguments of ``forward`` in their order, defaults included."""
        if cls._signature is None:
            cls._signature = inspect.signature(cls.forward)
        bound = cls._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(f"{cls.__name__}.apply: forward must take its arguments by position where there is a setup_context, not as keywords: {', '.join(bound.kwargs)}")
        return bound.args

    @classmethod
    def _finish(cls, ctx: Any, args: Any, nodes: Any, outputs: list[Any], several: bool, needs: bool, mode: Any) -> Any:
        given = {id(x): x for x in args if is_tensor(x)}
        differentiable = [is_tensor(y) and id(y) not in ctx._constant and y._array.dtype.kind in "fc" for y in outputs]
        dirty = [is_tensor(y) and id(y) in ctx._dirty for y in outputs]
        for y, written in zip(outputs, dirty, strict=True):
            if written and needs and y._node is not None and y._node.leaf:
                raise InplaceError(f"{cls.__name__}: a leaf Variable that requires grad has been used in an in-place operation. Write to a clone() instead")
        ids = [id(y) for y in outputs]
        ctx._saved = tuple(_Output(ids.index(id(t))) if t is not None and id(t) in ids and (id(t) not in given or id(t) in ctx._dirty) else t for t in ctx._saved)
        ctx._metas = [Meta(tuple(y._array.shape), from_numpy_dtype(y._array.dtype)) if is_tensor(y) else None for y in outputs]
        results = [y if written or not is_tensor(y) else wrap(y._array) if id(y) in given or not needs else y for y, written in zip(outputs, dirty, strict=True)]
        if needs and any(differentiable):
            if ACTIVE:
                refuse(f"{cls.__name__}.backward is Python code that a replay does not run again", "Declare the operation with extend.define, whose gradient is recorded as ops")
            node = _node(cls, ctx, args, nodes, outputs, several, mode)
            for i, (y, ok) in enumerate(zip(results, differentiable, strict=True)):
                if not ok:
                    continue
                own = output_node(node, i, y._array) if several else node
                if several and not y._array.shape:
                    own.value = y._array
                if dirty[i]:
                    rebase(y, y._view.base if isinstance(y._view, View) else y, own, mode)
                else:
                    y._node = own
            ctx._seq = next_seq()
            if mode.saving is not None:
                ctx._saved = tuple([each if each is None else mode.saving.kept(each.position if isinstance(each, _Output) else None,
                                                                              outputs[each.position] if isinstance(each, _Output) else each) or each for each in ctx._saved])
        return tuple(results) if several else results[0]

    @classmethod
    def _backward(cls, ctx: Any, grads: list[Any]) -> tuple[Any, ...]:
        rule = cls.backward if cls.backward is not Function.backward else getattr(cls, "vjp", cls.backward)
        found = rule(ctx, *grads)
        if not isinstance(found, (tuple, list)):
            found = (found,)
        count = len(ctx.needs_input_grad)
        if len(found) > count and all(each is None for each in found[count:]):
            found = found[:count]
        if len(found) != count:
            raise RuntimeError(f"function {cls.__name__}Backward returned an incorrect number of gradients (expected {count}, got {len(found)})")
        results: list[Any] = []
        for i, (each, needed, x) in enumerate(zip(found, ctx.needs_input_grad, ctx._shapes, strict=True)):
            if each is None or not needed:
                results.append(None)
                continue
            if not is_tensor(each):
                raise TypeError(f"function {cls.__name__}Backward returned a {type(each).__name__} for argument {i}, expected a Tensor or None")
            if tuple(each.shape) != x.shape:
                extra = len(each.shape) - len(x.shape)
                fits = extra >= 0 and all(n in (1, m) for n, m in zip(x.shape, tuple(each.shape)[extra:], strict=True))
                if not fits:
                    raise ShapeError(f"Function {cls.__name__}Backward returned an invalid gradient at index {i} - got {list(each.shape)} "
                                     f"but expected shape compatible with {list(x.shape)}")
                each = _methods.sum_to(each, x.shape)
            if each.dtype is not x.dtype:
                each = _methods.to_dtype(each, x.dtype)
            results.append(each)
        return tuple(results)


def _node(cls: type[Function], ctx: Any, args: Any, nodes: Any, outputs: list[Any], several: bool, mode: Any) -> Any:
    kept = tuple(each.position for each in ctx._saved if isinstance(each, _Output))
    key = (len(args), len(outputs) if several else None, kept)
    op = cls._ops.get(key)
    if op is None:
        names = tuple(f"output{i}" for i in range(len(outputs))) if several else None
        op = Op(cls.__name__, signature=f"{cls.__name__}() -> Tensor", inputs=tuple(f"input{i}" for i in range(len(args))) or ("input0",), kernel=_kernel, outputs=names,
                holomorphic=False, doc=cls.__doc__ or cls.__name__)
        every = (names or ("out",)) if kept else ()
        op.joint = _JointRule(cls, every)  # type: ignore[assignment]
        if cls.jvp is not Function.jvp:
            op.tangent = _TangentRule(cls, every, several)  # type: ignore[assignment]
        op._saved = tuple(every)
        op._needs_dtypes = False
        cls._ops[key] = op
    ctx._shapes = [Meta(tuple(x._array.shape), from_numpy_dtype(x._array.dtype)) if is_tensor(x) else None for x in args]
    n = GeneralNode()
    n.pull = pull_watched if mode.anomaly else pull_general
    n.op = op
    n.attrs = {"context": ctx}
    complex_numbers = any(meta is not None and meta.dtype.is_complex for meta in (*ctx._shapes, *ctx._metas))
    n.dtypes = tuple(None if meta is None else meta.dtype for meta in ctx._shapes) if complex_numbers else None
    n.parents = nodes or (None,)
    n.hooks = None
    n.scope = mode.scope
    n.value = None if several or outputs[0]._array.shape else outputs[0]._array
    n.shape = () if several else tuple(outputs[0]._array.shape)
    n.shapes = tuple(() if meta is None else meta.shape for meta in ctx._shapes)
    n.saved = tuple(real_array(y) if is_tensor(y) else None for y in outputs) if op._saved else ()
    if mode.anomaly:
        n.line = user_line()
    n.seq = next_seq()
    return n


_warned: set[type] = set()


def _loop(cls: type[Function], args: Any, kwargs: Any) -> Any:
    """Inside ``vmap``: the user's own ``vmap(info, in_dims, *args)`` if there is one, else one example after the other."""
    level = max(x.level for x in args if isinstance(x, Batched))
    flags = [isinstance(x, Batched) and x.level == level for x in args]
    values = [x.value if flag else x for x, flag in zip(args, flags, strict=True)]
    size = int(next(value.shape[0] for value, flag in zip(values, flags, strict=True) if flag))
    own = getattr(cls, "vmap", None)
    if own is not None:
        found, dims = own(_Info(size), tuple(0 if flag else None for flag in flags), *values, **kwargs)
        several = isinstance(found, (tuple, list))
        results = [y if d is None else batched(_methods.movedim(y, d, 0) if d else y, level)
                   for y, d in zip(found if several else (found,), dims if isinstance(dims, (tuple, list)) else [dims] * (len(found) if several else 1), strict=True)]
        return tuple(results) if several else results[0]
    if cls not in _warned and not getattr(cls, "generate_vmap_rule", False):
        _warned.add(cls)
        warn_user(f"vmap: there is no batching rule for {cls.__name__}; it runs on one example after the other, which is slow. A Function gives one as its staticmethod "
                  "vmap(info, in_dims, *args); what extend.define declares with elementwise=True needs none")
    each = [cls.apply(*[value[k] if flag else value for value, flag in zip(values, flags, strict=True)], **kwargs) for k in range(size)]

    def joined(column: Any) -> Any:
        return batched(_methods.stack(list(column), 0), level) if is_tensor(column[0]) else column[0]

    return tuple(joined(column) for column in zip(*each, strict=True)) if isinstance(each[0], tuple) else joined(each)


class _Info:
    """What a user's ``vmap`` learns about the batch."""

    def __init__(self, batch_size: int) -> None:
        self.batch_size = batch_size
        self.randomness = "error"


class _Refusal(Function):
    """Passes values on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, *values: Any) -> Any:
        """The values themselves."""
        return tuple(values)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Raises."""
        raise GraphError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for the ``backward`` of a :class:`Function` that is not made of differentiable operations: differentiating it again is an error.

    >>> import autograd_core as ag
    >>> class Double(ag.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     @ag.autograd.function.once_differentiable
    ...     def backward(ctx, g):
    ...         return g * 2
    """

    @functools.wraps(backward)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            found = backward(ctx, *grads)
        if not get_mode().grad:
            return found
        several = isinstance(found, (tuple, list))
        values = list(found) if several else [found]
        positions = [i for i, each in enumerate(values) if is_tensor(each)]
        marked = _Refusal.apply(*[values[i].detach().requires_grad_() for i in positions])
        for i, each in zip(positions, marked, strict=True):
            values[i] = each
        return tuple(values) if several else values[0]

    return wrapper
