"""Vectorisation: a tensor that stands for one example of a batch, and how ops run on whole batches behind it.

Inside ``vmap`` the function sees a ``Batched`` tensor with the shape of one example. Behind it lies a Tensor whose
first dimension is the batch. An op on Batched tensors is rewritten by its batching rule (``batching_rules``) into ops
on those; they are recorded like any others, so gradients inside and around ``vmap`` are gradients of the whole batch.
Every ``vmap`` has a level, its depth. A Batched tensor of several levels holds one of the next lower level.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from . import _methods
from .backend.registry import BY_TYPE
from .backward import TENSOR_READING
from .config import MODE, get_mode
from .devices import device
from .dispatch import apply, explain, named_result
from .engine import run
from .errors import GraphError
from .node import Leaf
from .op import REGISTRY, Op
from .spec import computed_dtype
from .storage import TensorBase, operand, wrap
from .tensor import Tensor

__all__ = ["Batched", "Frame", "VmapError", "active_frames", "base_of", "expand_to", "levels_of", "over_levels"]


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

    def is_contiguous(self) -> bool:
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


def active_frames() -> list[Frame]:
    """The ``vmap`` calls that surround this place, outermost first."""
    frames = []
    frame = get_mode().vmap
    while frame is not None:
        frames.append(frame)
        frame = frame.outer
    return frames[::-1]


# --- one vmap -----------------------------------------------------------------------------------------------------


class Frame:
    """One running ``vmap``: what dispatch asks when it meets Batched tensors."""

    def __init__(self, size: int, randomness: str = "error") -> None:
        self.outer = get_mode().vmap
        self.level: int = 1 if self.outer is None else self.outer.level + 1
        self.size = size
        self.randomness = randomness
        self._tokens: list[Any] = []

    def __enter__(self) -> Frame:
        self._tokens.append(MODE.set(get_mode().replace(vmap=self)))
        return self

    def __exit__(self, *exc_info: object) -> None:
        MODE.reset(self._tokens.pop())

    def apply(self, op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
        """Compute ``op`` on batches, or ``NotImplemented`` where no operand is one."""
        if op.kind == "random":
            from .batching_rules import draw

            return draw(op, inputs, attrs)
        level = 0
        for x in inputs:
            if x.__class__ is Batched and x.level > level:
                level = x.level
        if not level:
            return NotImplemented
        return _apply(op, [operand(x) for x in inputs], attrs, level)

    def inplace(self, op: Op, x: Any, others: Any, attrs: dict[str, Any], name: str) -> Any:
        """Write into every example, or ``NotImplemented`` where no operand is a batch."""
        involved = [other for other in others if other.__class__ is Batched]
        if x.__class__ is not Batched and not involved:
            return NotImplemented
        written = apply(op, (x.clone(), *others), attrs)  # of a copy, so that what the op saved stays when x is overwritten
        missing = set(levels_of(written)) - set(levels_of(x))
        if missing:
            raise VmapError(f"vmap: {name} cannot write a tensor that differs between examples into one that is the same for all of them (shape {tuple(x.shape)}). "
                            f"Use {name.rstrip('_')} instead, or make the tensor inside vmap from a batched one (x.new_zeros, zeros_like(x) + x * 0)")
        written = expand_to(written, [frame for frame in active_frames() if frame.level in levels_of(x)])
        base = base_of(x)
        inner = base_of(written)
        _methods.copy_(base, inner)
        return x

    def refuse_backward(self, outputs: Any) -> None:
        """Raise where ``backward()`` is called on one example."""
        if any(y.__class__ is Batched for y in outputs):
            raise GraphError("backward() cannot be called inside vmap: the gradients of the examples would land in one place. "
                             "Use func.grad inside, or call backward() on what vmap returns")

    def grad(self, outputs: Any, inputs: Any, grad_outputs: Any, retain_graph: bool | None, create_graph: bool, allow_unused: bool | None, materialize: bool) -> Any:
        """``autograd.grad`` of Batched tensors, or ``NotImplemented`` where there are none."""
        from .backward import _listed

        seeds = [None] * len(outputs) if grad_outputs is None else _listed(grad_outputs)
        if not any(x.__class__ is Batched for x in (*outputs, *inputs, *seeds)):
            return NotImplemented
        return _grad(outputs, inputs, seeds, retain_graph, create_graph, allow_unused, materialize)


def _apply(op: Op, inputs: list[Any], attrs: dict[str, Any], level: int) -> Any:
    from .batching_rules import Unbatched, rule_of

    try:
        if op.promotes != "none":
            inputs = _promoted(op, inputs)
        flags = [x.__class__ is Batched and x.level == level for x in inputs]
        values = [x.value if flag else x for x, flag in zip(inputs, flags, strict=True)]
        size = next(value.shape[0] for value, flag in zip(values, flags, strict=True) if flag)
        result = rule_of(op)(Call(op, inputs, values, flags, attrs, size, level))
    except VmapError:
        raise
    except Exception as error:
        raise explain(op, inputs, attrs, error) from error
    if isinstance(result, Unbatched):
        return result.value
    if op.outputs is not None:
        return named_result(op)(*[each if each.__class__ is Batched and each.level == level else batched(each, level) for each in result])
    return result if result.__class__ is Batched and result.level == level else batched(result, level)


def _promoted(op: Op, inputs: list[Any]) -> list[Any]:
    """The operands in the dtype that one example computes in: a batch of numbers must not count as a vector."""
    tensors = [x for x in inputs if isinstance(x, TensorBase)]
    if len(tensors) == len(inputs) and len({x._array.dtype for x in tensors}) == 1 and op.promotes in ("same", "equal"):
        return inputs
    target = computed_dtype(op.name, op.promotes, inputs)
    cast = REGISTRY["to_dtype"]
    inputs = [apply(cast, (x,), {"dtype": target}) if isinstance(x, TensorBase) and (i or op.promotes != "where") and x._array.dtype != target.dtype else x
              for i, x in enumerate(inputs)]
    if op.promotes == "where":
        like = next(x for x in inputs if isinstance(x, TensorBase))
        inputs = [wrap(BY_TYPE[like._array.__class__].asarray(x, target.dtype)) if i and not isinstance(x, TensorBase) else x for i, x in enumerate(inputs)]
    return inputs


class Call:
    """What a batching rule gets: the op, its operands as examples and as batches, which of them are batches, and its attributes."""

    __slots__ = ("attrs", "batched", "inputs", "level", "op", "size", "values")

    def __init__(self, op: Op, inputs: list[Any], values: list[Any], flags: list[bool], attrs: dict[str, Any], size: int, level: int) -> None:
        self.op = op
        self.inputs = inputs
        self.values = values
        self.batched = flags
        self.attrs = attrs
        self.size = size
        self.level = level

    def ndim(self, i: int = 0) -> int:
        """The number of dimensions of one example of an operand."""
        return len(self.inputs[i]._array.shape)

    def shape(self, i: int = 0) -> tuple[int, ...]:
        """The shape of one example of an operand."""
        return tuple(self.inputs[i]._array.shape)

    def full(self, i: int) -> Any:
        """An operand with the batch in front, repeated where it is the same for all examples."""
        value: Any = self.values[i]
        return value if self.batched[i] or not hasattr(value, "_array") else _methods.broadcast_to(value, (self.size, *tuple(value.shape)))

    def run(self, *values: Any, **attrs: Any) -> Any:
        """The op itself on whole batches; ``attrs`` replace some of its attributes."""
        return apply(self.op, values, {**self.attrs, **attrs})

    def other(self, name: str, *values: Any, **attrs: Any) -> Any:
        """Another op on whole batches."""
        return apply(REGISTRY[name], values, attrs)

    def example(self, value: Any) -> Batched:
        """A batch as one example, for rules that are written for those."""
        return batched(value, self.level)


# --- gradients ----------------------------------------------------------------------------------------------------


def _grad(outputs: Any, inputs: Any, seeds: Any, retain_graph: bool | None, create_graph: bool, allow_unused: bool | None, materialize: bool) -> tuple[Any, ...]:
    """Gradients of the tensors behind the examples.

    Levels at which an output is batched belong to its graph. Levels at which only its cotangent is batched (a vectorised
    Jacobian) do not: there the rules themselves run on Batched cotangents.
    """
    frames = active_frames()
    own: set[int] = set()
    for y in outputs:
        own |= set(levels_of(y))
    more = sorted({level for seed in seeds if seed is not None for level in levels_of(seed)} - own)
    roots, cotangents = [], []
    for i, (y, seed) in enumerate(zip(outputs, seeds, strict=True)):
        base = base_of(y)
        if base._node is None:
            raise GraphError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        if seed is None:
            if y.numel() != 1:
                raise GraphError(f"grad can be implicitly created only for scalar outputs, but one example of outputs[{i}] has the shape {tuple(y.shape)}")
            seed = wrap(BY_TYPE[base._array.__class__].ones(y._array.shape, base._array.dtype))
        elif tuple(seed.shape) != tuple(y.shape):
            raise GraphError(f"Mismatch in shape: grad_output[{i}] has a shape of {tuple(seed.shape)} and output[{i}] has a shape of {tuple(y.shape)}")
        if seed.dtype is not y.dtype:
            seed = _methods.to_dtype(seed, y.dtype)
        levels = levels_of(y)
        if set(levels_of(seed)) & (own - set(levels)):
            raise VmapError("vmap: outputs that are batched at different levels need cotangents of the same levels. Differentiate with func.vjp inside vmap")
        here = sorted(set(levels_of(seed)) | set(levels))
        seed = expand_to(seed, [frame for frame in frames if frame.level in here])
        outer = [level for level in here if level not in levels]
        roots.append(base._node)
        cotangents.append(_reordered(seed, here, outer, levels))
    for i, x in enumerate(inputs):
        node = base_of(x)._node
        if node is None:
            raise GraphError(f"One of the differentiated Tensors does not require grad: inputs[{i}]")
        if own - set(levels_of(x)) and _reaches(roots, node):
            raise VmapError(f"vmap: inputs[{i}] is the same for all examples, so its gradient would be the sum over the batch. "
                            "Use func.grad inside vmap, which gives one for each example")
    targets = [base_of(x)._node for x in inputs]
    retain = create_graph if retain_graph is None else retain_graph
    array = base_of(outputs[0])._array
    raw = not more and not create_graph
    with BY_TYPE[array.__class__].watch():
        profile = get_mode().profile
        swept = run if profile is None else profile.backward(run)
        token = MODE.set(get_mode().replace(grad=create_graph))
        try:
            found = swept(roots, [g._array for g in cotangents] if raw else cotangents, reading=None if raw else TENSOR_READING, retain_graph=retain, targets=targets)
        finally:
            MODE.reset(token)
    results: list[Any] = []
    for i, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        g = found.get(target)
        if g is None:
            if not allow_unused and not materialize:
                raise GraphError(f"One of the differentiated Tensors appears to not have been used in the graph: inputs[{i}]. "
                                 "Set allow_unused=True if this is the desired behavior")
            results.append(None if not materialize else _methods.mul(x.detach(), 0))
            continue
        levels = levels_of(x)
        g = g if isinstance(g, TensorBase) else wrap(g)
        results.append(_canonical(g, levels_of(g), levels))
    return tuple(results)


def _reordered(seed: Any, here: list[int], outer: list[int], levels: list[int]) -> Any:
    """A cotangent batched at ``outer`` alone; the batches at ``levels`` become dimensions."""
    value = base_of(seed)
    order = [here.index(level) for level in (*outer, *levels)]
    if order != list(range(len(order))):
        value = _methods.permute(value, (*order, *range(len(order), value.ndim)))
    return over_levels(value, outer)


def _canonical(g: Any, outer: list[int], levels: list[int]) -> Any:
    """The inverse: batched at all levels, the lowest first."""
    value = base_of(g)
    now = [*outer, *levels]
    order = sorted(range(len(now)), key=now.__getitem__)
    if order != list(range(len(order))):
        value = _methods.permute(value, (*order, *range(len(order), value.ndim)))
    return over_levels(value, sorted(now))


def _reaches(roots: list[Any], target: Any) -> bool:
    seen, waiting = set(roots), list(roots)
    while waiting:
        node = waiting.pop()
        if node is target:
            return True
        if not isinstance(node, Leaf):
            for parent in node.parents:
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
    return False
