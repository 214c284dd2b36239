"""``Scalar``: a graph of single numbers, one small object per node, over the same declarations as Tensors.

The rules of ops are linear in the cotangent ``g``, so a rule read at ``g = 1`` is the local gradient: a plain number.
An op on Scalars computes its value and its local gradients together, and backward only multiplies and adds.
The text of a formula becomes the text of a Python function over floats the first time an op is used; where floats
raise (``1 / 0``, ``log(0)``, ``exp(1000)``) and for rules that are no formula, the same declaration is read on NumPy's
float64 instead, which knows infinity and NaN.

Operations work on the slots ``_data`` and ``_grad``; ``data`` and ``grad`` are the same slots under the names that users
read and write. Only while ``compile`` records do these names ask the recorder, so that nothing else pays for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import ops  # noqa: F401 - fills the registry
from .backend.registry import backend_for_device
from .config import ACTIVE, get_mode, refuse
from .dispatch import apply
from .dtypes import float64
from .engine import RAW
from .errors import GraphError
from .formulas import NoFormulaError, compiled
from .node import make_leaf
from .op import REGISTRY, Op
from .storage import TensorBase, new, operand, wrap


class Recorded:
    """A number that stands for a Python float while ``compile`` records; see ``plan.scalars.number``."""

    __slots__ = ()
    value: float

    def plain(self) -> float:
        """The number, for an operation that the recorder writes down."""
        raise NotImplementedError

    def __float__(self) -> float:
        raise NotImplementedError

    def follow(self) -> None:
        """Stand as the right operand of the operation that was recorded last."""
        raise NotImplementedError

    def becomes(self, scalar: Scalar) -> float:
        """Be the ``data`` of a Scalar that is made now."""
        raise NotImplementedError


class Scalar:
    """One number that remembers how it was computed.

    Operators, comparisons, ``float()`` and the elementwise functions of Tensors (as methods: ``x.tanh()``) work on
    Scalars and Python numbers. ``data`` and ``grad`` are floats; ``grad`` is 0 until ``backward()`` of a result fills
    it. Everything is recorded, also inside ``no_grad()``; a graph is freed with its last result. Together with a
    Tensor the result is a Tensor, and its ``backward()`` reaches the Scalar too.

    ``data`` : a number. ``name`` : for drawings and messages.

    >>> x, y, z = Scalar(-2.0), Scalar(5.0), Scalar(-4.0)
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.data, x.grad, y.grad, z.grad
    (-12.0, -4.0, -4.0, 3.0)
    """

    __slots__ = ("_data", "_grad", "_left_gradient", "_name", "_right_gradient", "left", "op", "right")
    __hash__ = object.__hash__
    __array_ufunc__ = None  # NumPy leaves operators to this class

    data: float
    grad: float
    _data: float
    _grad: float
    _left_gradient: float
    _right_gradient: float | None
    op: Op | None
    """The declaration of the operation; ``None`` for a number that the user made."""
    left: Scalar
    left_gradient: float
    """The derivative of this number with respect to ``left``."""
    right: Any
    """The second operand: a Scalar, a Python number, or ``None``."""
    right_gradient: float | None
    """The derivative with respect to ``right``; ``None`` unless that is a Scalar."""
    _name: str

    def __init__(self, data: Any, name: str | None = None) -> None:
        self._data = data if data.__class__ is float else data.becomes(self) if isinstance(data, Recorded) else float(data)
        self._grad = 0.0
        self.op = None
        if name is not None:
            self._name = name

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]: ...
        def __add__(self, other: Any) -> Any: ...
        def __radd__(self, other: Any) -> Any: ...
        def __sub__(self, other: Any) -> Any: ...
        def __mul__(self, other: Any) -> Any: ...
        def __rmul__(self, other: Any) -> Any: ...
        def __truediv__(self, other: Any) -> Any: ...
        def __pow__(self, other: Any) -> Any: ...
        def __neg__(self) -> Scalar: ...
        def __abs__(self) -> Scalar: ...

    # --- the graph ----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str | None:
        """A name for drawings and messages; assignable."""
        try:
            return self._name
        except AttributeError:
            return None

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name  # type: ignore[assignment]

    @property
    def label(self) -> str | None:
        """The symbol of the operation, as in drawings of Tensors; ``None`` for a number that the user made."""
        return None if self.op is None else self.op.label

    @property
    def operands(self) -> tuple[Any, ...]:
        """What the operation was applied to: Scalars and Python numbers; empty for a number that the user made."""
        if self.op is None:
            return ()
        return (self.left,) if self.right is None else (self.left, self.right)

    @property
    def parents(self) -> tuple[Scalar, ...]:
        """The Scalars among the operands."""
        return tuple(each for each in self.operands if isinstance(each, Scalar))

    def zero_grad(self) -> None:
        """Set ``grad`` to 0. Only numbers that the user made need it: theirs adds up over backward passes."""
        self.grad = 0.0  # type: ignore[misc]  # the slot under its public name

    def backward(self, gradient: float = 1.0) -> None:
        """Put the derivative of this number, times ``gradient``, into the ``grad`` of all that it was computed from.

        Numbers that the user made add it to what is there; results in between start from 0 at each call, so a graph may
        be used several times. A gradient of exactly 0 passes nothing on: a branch that is switched off cannot turn
        0 · infinity into NaN.

        >>> x = Scalar(3.0)
        >>> y = x * x
        >>> y.backward()
        >>> y.backward()
        >>> x.grad, y.grad
        (12.0, 1.0)
        """
        tape = recording() if ACTIVE else None
        seed = gradient.plain() if isinstance(gradient, Recorded) else gradient
        if self.op is None:
            self._grad += seed
            if tape is not None:
                tape.passed(self, gradient, [])
            return
        # Depth first, operands before results. ``zero`` is a new object in each pass: a node whose gradient *is* it has been
        # visited, so one store both marks the node and resets its gradient, and an interrupted pass leaves nothing behind.
        zero = float("0")
        order: list[Scalar] = []
        path: list[Scalar] = []
        node = self
        while True:
            while node.op is not None and node._grad is not zero:
                node._grad = zero
                path.append(node)
                node = node.left
            while path:
                node = path.pop()
                if node._right_gradient is not None:
                    right = node.right
                    if right.op is not None and right._grad is not zero:
                        path.append(node)
                        node = right
                        break
                order.append(node)
            else:
                break
        self._grad = seed
        for node in reversed(order):
            g = node._grad
            if g:
                node.left._grad += g * node._left_gradient
                local = node._right_gradient
                if local is not None:
                    node.right._grad += g * local
        if tape is not None:
            tape.passed(self, gradient, order)

    def __tensor__(self) -> Any:
        """A float64 Tensor without dimensions whose gradient flows back into this Scalar.

        Each call of the Tensors' ``backward()`` adds to the Scalars that the user made. ``autograd.grad`` of Tensors
        writes no gradients, so it leaves Scalars alone too.
        """
        if ACTIVE:
            refuse("a Scalar becomes a Tensor, whose graph and that of Scalars are replayed apart",
                   "Use tensors throughout: Tensor(value, requires_grad=True) has the same operators")
        leaf = make_leaf(backend_for_device("cpu").xp.float64(self._data), self.name)
        leaf.post_hooks = [partial(_hand_over, self)]
        return wrap(leaf.array, leaf)

    def __apply__(self, op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
        """``op`` on Scalars and numbers, for functions called with a Scalar; ``NotImplemented`` if it takes arrays."""
        if op not in _NAMES or not all(each is None or isinstance(each, (Scalar, int, float, Recorded)) for each in inputs):
            return NotImplemented
        return _function(op)(*inputs, **attrs) if isinstance(inputs[0], Scalar) else _general(op, inputs, attrs)

    # --- as a number --------------------------------------------------------------------------------------------

    def item(self) -> float:
        """The number: ``data``."""
        return self.data

    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __pos__(self) -> Scalar:
        return self

    def __rsub__(self, other: Any) -> Any:
        return _reflected("sub", other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return _reflected("div", other, self)

    def __rpow__(self, other: Any) -> Any:
        return _reflected("pow", other, self)

    def __eq__(self, other: object) -> Any:
        return self.data == other.data if isinstance(other, Scalar) else _compare("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return self.data != other.data if isinstance(other, Scalar) else _compare("ne", self, other)

    def __lt__(self, other: Any) -> Any:
        return self.data < other.data if isinstance(other, Scalar) else _compare("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return self.data <= other.data if isinstance(other, Scalar) else _compare("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return self.data > other.data if isinstance(other, Scalar) else _compare("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= other.data if isinstance(other, Scalar) else _compare("ge", self, other)

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        made = "" if self.op is None else f", op={self.op.name}"
        return f"Scalar({self.data:.6g}, grad={self.grad:.6g}{made}{named})"

    def __format__(self, specification: str) -> str:
        return format(self.data, specification) if specification else repr(self)

    def __reduce__(self) -> Any:
        if self.op is not None:
            raise GraphError(f"only Scalars that the user made can be copied or pickled, this one is a result of {self.op.name}. Use its .data")
        return (_rebuilt, (self.data, self.grad, self.name))


# --- while compile records ----------------------------------------------------------------------------------------

DECIDES = "Return the Scalar and look at it after the call, or compute with it (relu, maximum, clamp instead of if)"
"""What to do instead of deciding by a number that a replay computes anew."""
_SLOTS = {name: Scalar.__dict__["_" + name] for name in ("data", "grad", "left_gradient", "right_gradient")}
_watching = threading.Lock()
_watchers = 0


def recording() -> Any:
    """The tape of the recorder that looks on, or ``None``."""
    recorder = get_mode().recorder
    return recorder.tape if recorder is not None and recorder in ACTIVE else None


def _seen(node: Scalar, op: Op, operands: Any, attrs: dict[str, Any]) -> None:
    """Show an operation that was just done to the recorder. Called where ``ACTIVE`` is not empty."""
    tape = recording()
    if tape is not None:
        tape.made(node, op, operands, attrs)


def _asking(name: str) -> property:
    """An attribute that asks the recorder, if this thread has one."""
    slot = _SLOTS[name]

    def read(scalar: Scalar) -> Any:
        tape = recording()
        return slot.__get__(scalar) if tape is None else tape.read(scalar, name)

    def write(scalar: Scalar, value: Any) -> None:
        tape = recording()
        slot.__set__(scalar, value if tape is None else tape.write(scalar, name, value))

    return property(read, write)


_ASKING = {name: _asking(name) for name in _SLOTS}


def watch(looking: bool) -> None:
    """``data`` and ``grad`` ask the recorder from now on, or no longer if nobody else wants it: two calls that make a pair."""
    global _watchers
    with _watching:
        _watchers += 1 if looking else -1
        if _watchers == looking:  # the first that came, or the last that went
            for name, attribute in (_ASKING if looking else _SLOTS).items():
                setattr(Scalar, name, attribute)


for _name, _slot in _SLOTS.items():
    setattr(Scalar, _name, _slot)


def _hand_over(scalar: Scalar, leaf: Any) -> None:
    g, leaf.grad = leaf.grad, None
    scalar.backward(g.item())


def _rebuilt(data: float, grad: float, name: str | None) -> Scalar:
    made = Scalar(data, name)
    made.grad = grad  # type: ignore[misc]  # the slot under its public name
    return made


# --- ops on Scalars -----------------------------------------------------------------------------------------------

_OPERATORS = {"add": ("__add__", "__radd__"), "sub": ("__sub__",), "mul": ("__mul__", "__rmul__"), "div": ("__truediv__",), "pow": ("__pow__",),
              "neg": ("__neg__",), "abs": ("__abs__",)}
_NAMES: dict[Op, tuple[str, ...]] = {}
"""The ops that Scalars have, with the names of their methods."""
_functions: dict[Op, Callable[..., Any]] = {}
_INEXACT = (ZeroDivisionError, OverflowError, ValueError)
"""What float arithmetic raises where IEEE 754 has infinity or NaN."""


def _function(op: Op) -> Callable[..., Any]:
    """The op as a function of a Scalar, compiled when first used, from then on also the method."""
    function = _functions.get(op)
    if function is None:
        try:
            function = compiled(op, {"Scalar": Scalar, "_INEXACT": _INEXACT, "_general": _general, "_other_kind": _other_kind, "_ACTIVE": ACTIVE, "_seen": _seen})
        except NoFormulaError:
            function = _bound(op)
        _functions[op] = function
        function.__doc__ = op.doc
        for name in _NAMES[op]:
            setattr(Scalar, name, function)
    return function


def _declare(op: Op) -> None:
    def first_use(*operands: Any, **attributes: Any) -> Any:
        return _function(op)(*operands, **attributes)

    first_use.__doc__ = op.doc
    _NAMES[op] = (op.name, *op.aliases, *_OPERATORS.get(op.name, ()))
    for name in _NAMES[op]:
        setattr(Scalar, name, first_use)


def _bound(op: Op) -> Callable[..., Any]:
    """The op without a compiled form: its arguments are sorted into inputs and attributes."""
    names = (*op.inputs, *op.attributes)

    def function(*operands: Any, **attributes: Any) -> Any:
        given = {**dict(zip(names, operands, strict=False)), **attributes}
        unknown = [name for name in given if name not in names]
        if unknown or len(operands) > len(names):
            raise TypeError(f"{op.name} takes {', '.join(names)}, got {', '.join(unknown) or f'{len(operands)} arguments'}")
        operands_in_order = [given.pop(name, None) for name in op.inputs]
        return _general(op, operands_in_order, {name: float(each) if isinstance(each, Recorded) else each for name, each in given.items()})

    return function


def _general(op: Op, operands: Any, attrs: dict[str, Any]) -> Any:
    """The op by its kernel and rules on NumPy's float64: slower than a compiled function, but right everywhere."""
    scalars = [(i, each) for i, each in enumerate(operands) if isinstance(each, Scalar)]
    if len(scalars) > 2:
        raise TypeError(f"{op.name}: at most two of the operands may be Scalars, got {len(scalars)}. Use plain numbers for the others")
    backend = backend_for_device("cpu")
    number = backend.xp.float64
    plain = [each._data if isinstance(each, Scalar) else each.plain() if isinstance(each, Recorded) else each for each in operands]
    values = {name: None if each is None else number(each) for name, each in zip(op.inputs, plain, strict=True)}
    known = {**values, **attrs, "needs": tuple(isinstance(each, Scalar) for each in operands)}
    for name in op.inputs:
        known[f"{name}_shape"], known[f"{name}_dtype"] = (), float64
    node = new(Scalar)
    gradients: list[float] = []
    with backend.watch():
        known["out"] = out = op.kernels[number](*values.values(), **attrs)
        for name in op.attributes:
            if name not in known:
                known[name] = (op.kernel.__kwdefaults__ or {})[name]
        F = RAW[number]
        for i, _ in scalars:
            rule = op.rules.get(op.inputs[i])
            if rule is not None:
                gradients.append(float(rule.function(F, number(1.0), *[known[each] for each in rule.names])))
            elif op.joint is not None:
                gradients.append(float(op.joint.function(F, number(1.0), *[known[each] for each in op.joint.names])[i]))
            else:
                gradients.append(0.0)
    node._data = float(out)
    node._grad = 0.0
    node.op = op
    node.left, node._left_gradient = scalars[0][1], gradients[0]
    numbers = [each for each in operands if each is not None and not isinstance(each, Scalar)]
    node.right = scalars[1][1] if len(scalars) > 1 else numbers[0] if numbers else None
    node._right_gradient = gradients[1] if len(scalars) > 1 else None
    if ACTIVE:
        _seen(node, op, operands, attrs)
    return node


def _other_kind(op: Op, left: Scalar, right: Any) -> Any:
    """A binary op whose second operand is neither a Scalar nor exactly a float or an int."""
    if isinstance(right, (int, float)):
        return _function(op)(left, float(right))
    if isinstance(right, Recorded):
        node = _function(op)(left, right.plain())
        node.right = right
        right.follow()
        return node
    if isinstance(right, Scalar):
        return _general(op, (left, right), {})
    if isinstance(right, TensorBase):
        return apply(op, (left.__tensor__(), right), {})
    if hasattr(right, "dtype") and hasattr(right, "shape"):
        value = operand(right)
        return apply(op, (left.__tensor__(), value), {}) if isinstance(value, TensorBase) else _function(op)(left, value)
    return NotImplemented


def _reflected(name: str, left: Any, right: Scalar) -> Any:
    """``left - right`` and the like, where ``left`` is a number or an array."""
    op = REGISTRY[name]
    if isinstance(left, (int, float, Recorded)):
        return _function(op)(Scalar(left), right)
    if hasattr(left, "dtype") and hasattr(left, "shape"):
        value = operand(left)
        return apply(op, (value, right.__tensor__()), {}) if isinstance(value, TensorBase) else _function(op)(Scalar(value), right)
    return NotImplemented


def _compare(name: str, left: Scalar, right: Any) -> Any:
    if ACTIVE:
        refuse("a comparison of Scalars decides which Python code runs", DECIDES)
    if isinstance(right, (int, float)):
        return bool(REGISTRY[name].kernels[float](left.data, right))
    if isinstance(right, TensorBase) or (hasattr(right, "dtype") and hasattr(right, "shape")):
        return apply(REGISTRY[name], (wrap(backend_for_device("cpu").xp.float64(left.data)), operand(right)), {})
    return NotImplemented


for _op in REGISTRY.values():
    if _op.kind == "elementwise" and _op.rules and _op.places and not _op.outputs and _op.promotes != "where" and "dtype" not in _op.extra:
        _declare(_op)
