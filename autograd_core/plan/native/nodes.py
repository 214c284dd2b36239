"""Steps in the words of the native back end: what is computed for each element, reduced, multiplied or copied; the rest is Python's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ..graph import Constant, Step, Value, values_in
from ..live import Live
from ..memory import flat
from ..numpy_backend import straight
from .access import Access, Places, address, merged, stand_in
from .formulas import C_TYPES, formula

Operand = tuple[Any, str, "Access | None"]
"""(what, NumPy's letter of its type, where it lies): a Value, or a number or Live that lies nowhere."""
REDUCTIONS = {"add.reduce": "add", "maximum.reduce": "maximum", "minimum.reduce": "minimum", "multiply.reduce": "multiply"}


@dataclass(eq=False)
class Node:
    """Something that happens in one place of a plan."""

    step: Step

    def reads(self) -> Iterator[Operand]:
        """What is read."""
        return iter(())

    @property
    def made(self) -> Value | None:
        """The new value."""
        return None

    @property
    def written(self) -> Access | None:
        """Memory that was there before and is written."""
        return None


@dataclass(eq=False)
class Point(Node):
    """One number from one number of each operand."""

    name: str = ""
    operands: list[Operand] = field(default_factory=list)
    inner: str = ""
    """The letter of the type that is computed in."""
    out: Access = field(default_factory=lambda: Access(Value(np.float32(0)), 0, (), 4))
    letter: str = ""
    """Of the type of the result."""
    value: Value | None = None
    count: int = 1

    def reads(self) -> Iterator[Operand]:
        """What is read."""
        return iter(self.operands)

    @property
    def made(self) -> Value | None:
        """The new value."""
        return self.value

    @property
    def written(self) -> Access | None:
        """Memory that was there before and is written."""
        return self.out if self.value is None else None


class Copy(Point):
    """A part of what is joined: it goes where it is joined to, or is there already."""


@dataclass(eq=False)
class Reduce(Node):
    """Many numbers to one, over some dimensions."""

    name: str = ""
    operand: Operand = (None, "", None)
    out: Access = field(default_factory=lambda: Access(Value(np.float32(0)), 0, (), 4))
    """Over the dimensions of the operand: those that are reduced have step 0."""
    letter: str = ""
    value: Value | None = None
    count: int = 1
    row: int = 0
    """How many numbers make one, if they are the innermost ones; else 0."""

    def reads(self) -> Iterator[Operand]:
        """What is read."""
        return iter((self.operand,))

    @property
    def made(self) -> Value | None:
        """The new value."""
        return self.value


@dataclass(eq=False)
class Product(Node):
    """A matrix product, for each entry of the leading dimensions."""

    left: Value = field(default_factory=lambda: Value(np.float32(0)))
    right: Value = field(default_factory=lambda: Value(np.float32(0)))
    value: Value | None = None

    def reads(self) -> Iterator[Operand]:
        """What is read."""
        for x in (self.left, self.right):
            yield x, x.dtype.char, None

    @property
    def made(self) -> Value | None:
        """The new value."""
        return self.value


class Nothing(Node):
    """A step that needs no machine code: a view, or memory without contents."""


class Foreign(Node):
    """A step that stays a call of Python."""


class Translator:
    """Steps to nodes."""

    def __init__(self, places: Places, constants: dict[Value, Any]) -> None:
        self.places = places
        self.constants = constants
        """Values all of whose elements are one number, and nobody writes."""

    def nodes(self, step: Step) -> list[Node]:
        """What a step is made of."""
        try:
            found = self._nodes(step)
        except Unknown:
            found = None
        return [Foreign(step)] if found is None else found

    def _nodes(self, step: Step) -> list[Node] | None:
        output = step.outputs[0] if len(step.outputs) == 1 else None
        if output is not None and output in self.places.views:
            return [Nothing(step)]
        if step.kind == "flag":
            return [Nothing(step)]
        if step.kind not in ("call", "op") or not all(_known(v) for v in (*values_in(step.inputs), *step.writes, *(o for o in step.outputs if o is not None))):
            return None
        if step.into:
            return [self._point(step, step.function.__name__, list(step.inputs), step.inputs[0])] if straight(step) is not None else None
        if step.name == "erf" and output is not None and step.inputs[0].dtype == output.dtype:
            return [self._point(step, "erf", list(step.inputs), output, (output.dtype, output.dtype))]
        if step.kind != "call":
            return None
        if step.name == "empty":
            return [Nothing(step)]
        if output is not None and output.root is not output:
            return None
        if step.name == "zeros" and output is not None:
            return [self._point(step, "copy", [0], output)]
        if step.name == "concatenate" and output is not None and step.attrs == {"axis": None}:
            return self._joined(step, output)
        if step.name == "setitem":
            return self._stored(step)
        if step.name in ("dot", "matmul") and output is not None:
            return self._multiplied(step, output)
        if step.name == "vdot" and output is not None:
            return self._summed_products(step, output, *step.inputs)
        if step.name == "einsum" and output is not None and step.inputs[0] in ("ij,ij->i", "ij,ij->j") and not step.attrs:
            return self._summed_products(step, output, step.inputs[1], step.inputs[2], (1,) if step.inputs[0][-1] == "i" else (0,))
        if step.name in REDUCTIONS and output is not None:
            return self._reduced(step, output)
        if output is not None and step.name in ("copy", "reshape", "ravel", "astype", "ascontiguousarray"):
            return self._copied(step, output)
        if step.name == "getitem" and output is not None and not output.shape:
            access = self.places.element(step)
            if access is None:
                return None
            source = step.inputs[0]
            return [Point(step, "copy", [(source, source.dtype.char, access)], source.dtype.char, Access(output, 0, (), output.dtype.itemsize), output.dtype.char, output)]
        if step.name == "spread" and output is not None:
            return [self._point(step, "where", [step.inputs[0], 0, -1], output, (np.dtype("?"), output.dtype, output.dtype))]
        if step.name == "keep" and output is not None:
            values, mask = step.inputs
            return [self._point(step, "where", [mask, values, 0], output, (mask.dtype, output.dtype, output.dtype))]
        if step.name == "where" and output is not None and len(step.inputs) == 3 and not step.attrs:
            return [self._point(step, "where", list(step.inputs), output, (np.dtype("?"), output.dtype, output.dtype))]
        if isinstance(step.function, np.ufunc) and step.elementwise and not step.attrs:
            target = output if output is not None else step.writes[0] if step.to_target else None
            return None if target is None else [self._point(step, step.name, list(step.inputs), target)]
        return None

    def _point(self, step: Step, name: str, inputs: list[Any], target: Value, dtypes: tuple[Any, ...] | None = None) -> Point:
        inputs = [self.constants.get(x, x) if isinstance(x, Value) else x for x in inputs]
        if dtypes is None:
            dtypes = (target.dtype,) * len(inputs) if name == "copy" else _loop(step.function, step.inputs)
        inner = dtypes[-1 if name == "where" else 0].char
        if inner not in C_TYPES or any(d.char != inner for d in (dtypes[1:] if name == "where" else dtypes[: len(inputs)])) or formula(name, inner) is None:
            raise Unknown
        order = sorted(range(len(target.shape)), key=lambda i: -abs(target.strides[i]))
        if order == sorted(order) or any(step < 0 for step in target.strides):
            order = list(range(len(target.shape)))
        operands = [self._operand(x, target.shape, order, d.char) for x, d in zip(inputs, dtypes, strict=False)]
        new = not step.writes
        base, offset = (target, 0) if new else self.places.of(target)
        out = Access(base, offset, merged([target.shape[i] for i in order], [target.strides[i] for i in order]), target.dtype.itemsize)
        if any(s == 0 for _, s in out.dims):
            raise Unknown
        return Point(step, name, operands, inner, out, target.dtype.char, target if new else None, prod(target.shape))

    def _operand(self, x: Any, shape: tuple[int, ...], order: list[int], letter: str) -> Operand:
        if isinstance(x, Value):
            return x, x.dtype.char, self.places.access(x, shape, order)
        if isinstance(x, Live):
            return x, "d", None
        if isinstance(x, (bool, int, float, np.bool_, np.integer, np.floating)):
            return x, letter, None
        raise Unknown

    def _joined(self, step: Step, output: Value) -> list[Node] | None:
        nodes: list[Node] = []
        offset = 0
        for part in step.inputs[0]:
            if not isinstance(part, Value) or not _known(part) or part.dtype != output.dtype:
                return None
            count = prod(part.shape)
            access = self.places.access(part, part.shape)
            out = Access(output, offset, merged((count,), (output.dtype.itemsize,)), output.dtype.itemsize)
            nodes.append(Copy(step, "copy", [(part, part.dtype.char, access)], part.dtype.char, out, part.dtype.char, None, count))
            offset += count * output.dtype.itemsize
        return nodes

    def _stored(self, step: Step) -> list[Node] | None:
        target, key, given = step.inputs
        keys = key if isinstance(key, tuple) else (key,)
        if not isinstance(target, Value) or any(not (k is Ellipsis or k is None or isinstance(k, (slice, int))) for k in keys):
            return None
        stand = stand_in(target.dtype, target.shape, target.strides)
        view = stand[(*keys, Ellipsis) if Ellipsis not in keys else keys]
        region = Value(view)
        base, offset = self.places.of(target)
        start = offset + address(view) - address(stand)
        if not prod(region.shape) or (isinstance(given, Value) and (given.root is target.root or len(given.shape) > len(region.shape))):
            return None
        operand = self._operand(self.constants.get(given, given) if isinstance(given, Value) else given, region.shape, list(range(len(region.shape))), target.dtype.char)
        if operand[1] != target.dtype.char:
            return None
        out = Access(base, start, merged(region.shape, region.strides), target.dtype.itemsize)
        return [Point(step, "copy", [operand], target.dtype.char, out, target.dtype.char, None, prod(region.shape))]

    def _copied(self, step: Step, output: Value) -> list[Node] | None:
        source = step.inputs[0]
        if not isinstance(source, Value) or not flat(output):
            return None
        if step.name in ("reshape", "ravel"):
            if output.dtype != source.dtype or prod(output.shape) != prod(source.shape) or step.attrs:
                return None
        elif source.shape != output.shape:
            return None
        if source.dtype != output.dtype and (output.dtype.kind == "b" or (source.dtype.kind == "f" and output.dtype.kind != "f")):
            return None  # numbers too large for an integer are not C's to convert, and what is true is not a conversion
        access = self.places.access(source, source.shape)
        out = Access(output, 0, merged((prod(output.shape),), (output.dtype.itemsize,)), output.dtype.itemsize)
        return [Point(step, "copy", [(source, source.dtype.char, access)], output.dtype.char, out, output.dtype.char, output, prod(output.shape))]

    def _reduced(self, step: Step, output: Value) -> list[Node] | None:
        source = step.inputs[0]
        if len(step.inputs) != 1 or not isinstance(source, Value) or set(step.attrs) - {"axis", "keepdims", "dtype"} or step.attrs.get("dtype") not in (None, output.dtype):
            return None
        axis = step.attrs.get("axis", 0)
        axes = tuple(range(len(source.shape))) if axis is None else (axis,) if axis.__class__ is int else tuple(axis)
        return [self._reduction(step, REDUCTIONS[step.name], (source, source.dtype.char, self.places.access(source, source.shape)), source.shape, axes, output)]

    def _reduction(self, step: Step, name: str, operand: Operand, shape: tuple[int, ...], axes: tuple[int, ...], output: Value) -> Node:
        axes = tuple(axis % len(shape) for axis in axes) if shape else ()
        letter = output.dtype.char
        if letter not in C_TYPES or letter == "?" or (name != "add" and operand[1] != letter):
            raise Unknown
        kept = [i for i in range(len(shape)) if i not in axes]
        lying = iter(output.strides if len(output.shape) == len(kept) else [s for i, s in enumerate(output.strides) if i not in axes])
        strides = [0 if i in axes else next(lying) for i in range(len(shape))]
        out = Access(output, 0, merged(shape, strides), output.dtype.itemsize)
        if all(shape[i] == 1 for i in axes):
            return Point(step, "copy", [operand], letter, out, letter, output, prod(shape))
        trailing = axes and kept == list(range(len(kept)))
        row = prod(shape[i] for i in axes) if trailing and kept and prod(shape[i] for i in kept) > 1 else 0
        return Reduce(step, name, operand, out, letter, output, prod(shape), row)

    def _summed_products(self, step: Step, output: Value, a: Any, b: Any, axes: tuple[int, ...] | None = None) -> list[Node] | None:
        if not isinstance(a, Value) or not isinstance(b, Value) or a.dtype != b.dtype or a.dtype != output.dtype or a.dtype.char not in "fd":
            return None
        if axes is None:
            if prod(a.shape) != prod(b.shape) or not (flat(a) and flat(b)):
                return None
            shape: tuple[int, ...] = (prod(a.shape),)
            accesses = [Access(*self.places.of(x), merged(shape, (x.dtype.itemsize,)), x.dtype.itemsize) for x in (a, b)]
            axes = (0,)
        else:
            if a.shape != b.shape:
                return None
            shape = a.shape
            accesses = [self.places.access(x, shape) for x in (a, b)]
        between = Value(stand_in(a.dtype, shape, [prod(shape[i + 1 :]) * a.dtype.itemsize for i in range(len(shape))]))
        letter = a.dtype.char
        out = Access(between, 0, merged(between.shape, between.strides), a.dtype.itemsize)
        operands: list[Operand] = [(x, letter, access) for x, access in zip((a, b), accesses, strict=True)]
        point = Point(step, "multiply", operands, letter, out, letter, between, prod(shape))
        return [point, self._reduction(step, "add", (between, letter, out), shape, axes, output)]

    def _multiplied(self, step: Step, output: Value) -> list[Node] | None:
        left, right = step.inputs[:2]
        if len(step.inputs) != 2 or step.attrs or not isinstance(left, Value) or not isinstance(right, Value):
            return None
        if {left.dtype, right.dtype, output.dtype} != {output.dtype} or output.dtype.char not in "fd":
            return None
        if len(left.shape) == 1 and len(right.shape) == 2 and self.constants.get(left) == 1:
            return [self._reduction(step, "add", (right, right.dtype.char, self.places.access(right, right.shape)), right.shape, (0,), output)]
        if len(left.shape) < 2 or len(right.shape) < 2 or (step.name == "dot" and (len(left.shape) > 2 or len(right.shape) > 2)):
            return None
        if not flat(output):
            return None
        return [Product(step, left, right, output)]


class Unknown(Exception):  # noqa: N818  (no error: a question that has no answer in C)
    """What machine code is not made for."""


def _known(value: Value) -> bool:
    """Whether machine code knows the type, and there is at least one element."""
    return value.dtype.char in C_TYPES and all(value.shape)


def _loop(ufunc: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The types that NumPy would compute in."""
    given = [x.dtype if isinstance(x, (Value, np.generic)) else float if isinstance(x, Live) else x.__class__ for x in inputs]
    try:
        return tuple(ufunc.resolve_dtypes((*given, *(None,) * ufunc.nout)))
    except (TypeError, ValueError) as error:
        raise Unknown from error


def uniform(graph: Any) -> dict[Value, Any]:
    """The values all of whose elements are one number that nobody writes."""
    written = {value.root for step in graph.steps for value in step.writes}
    found: dict[Value, Any] = {}
    for step in graph.steps:
        for value in step.reads():
            if isinstance(value.origin, Constant) and value.root not in written and value not in found and value.dtype.char in C_TYPES and all(value.shape):
                array = np.asarray(value.origin.array)
                first = array[(0,) * array.ndim]
                same = array.nbytes <= 1 << 22 and bool((array == first).all())
                if same and (array.dtype.kind != "f" or first != 0 or bool((np.signbit(array) == np.signbit(first)).all())):
                    found[value] = first
        if step.name == "zeros" and step.outputs[0] is not None and step.outputs[0].root not in written:
            found[step.outputs[0]] = step.outputs[0].dtype.type(0)
    return found
