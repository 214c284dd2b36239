"""Two recordings of one function laid side by side: what is the same both times may be replayed, what differs is an error."""

from __future__ import annotations

from typing import Any

from ..backend.registry import BY_TYPE
from ..op import Op
from .errors import PlanError, StaleError
from .graph import Argument, Captured, Constant, EntryGradient, Graph, Step, Value
from .record import Recorder, is_array
from .snapshots import Digest, Outlives, equal

ELSEWHERE = ("Python decided by something that is no argument which code runs; pass it as an argument (each value gets a plan of its own), "
             "or compute both and choose with torch.where")


def agreed(first: Recorder, second: Recorder) -> Graph:
    """The graph of ``second``, with constants told from captured memory. Raises ``PlanError`` naming the first line that differs."""
    return _Comparison(first, second).graph()


class _Comparison:
    def __init__(self, first: Recorder, second: Recorder) -> None:
        self.first, self.second = first, second
        self.twins: dict[Value, Value] = {}
        self.constants: dict[Value, Constant] = {}

    def graph(self) -> Graph:
        one, two = self.first.graph, self.second.graph
        for a, b in zip(one.arguments, two.arguments, strict=True):
            self.twins[a] = b
        for earlier, later in zip(one.steps, two.steps, strict=False):
            self._steps(earlier, later)
        if len(one.steps) != len(two.steps):
            longer = one.steps if len(one.steps) > len(two.steps) else two.steps
            extra = longer[min(len(one.steps), len(two.steps))]
            when = "first" if longer is one.steps else "second"
            raise PlanError(f"compile: {extra.name} ran only in the {when} of the two recorded calls, at {extra.line}. " + ELSEWHERE)
        if not self._same(one.results, two.results):
            raise PlanError(f"compile: the two recorded calls returned different things ({_shown(one.results)} and {_shown(two.results)}). "
                            "Return tensors, and numbers that do not change from call to call")
        if len(one.gradients) != len(two.gradients):
            raise PlanError("compile: the two recorded calls left gradients in different tensors. Make the parameters outside of the compiled function")
        for value, constant in self.constants.items():
            value.origin = constant
        return two

    def _steps(self, a: Step, b: Step) -> None:
        if a.name != b.name or a.kind != b.kind:
            raise PlanError(f"compile: the two recorded calls did different things: {a.name} at {a.line}, then {b.name} at {b.line}. " + ELSEWHERE)
        if b.kind == "update" and not all(self._lasts(x, y) for x, y in zip(a.inputs, b.inputs, strict=False)):
            raise StaleError(f"the optimizer at {b.line}, or its state, is another one")
        for position, (x, y) in enumerate(zip(a.inputs, b.inputs, strict=False)):
            if not self._same(x, y):
                self._differ(b, f"input {position} of {b.name}", x, y)
        if len(a.inputs) != len(b.inputs):
            self._differ(b, f"the number of inputs of {b.name}", len(a.inputs), len(b.inputs))
        if b.live is None:
            for key in b.attrs:
                if key not in a.attrs or not self._same(a.attrs[key], b.attrs[key]):
                    self._differ(b, f"{key!r} of {b.name}", a.attrs.get(key), b.attrs[key])
        for x, y in zip(a.outputs, b.outputs, strict=True):
            if x is None or y is None:
                if x is not y:
                    self._differ(b, f"a result of {b.name}", x, y)
                continue
            if x.shape != y.shape or x.dtype != y.dtype:
                self._differ(b, f"the result of {b.name}", f"{x.dtype} {x.shape}", f"{y.dtype} {y.shape}")
            self.twins[x] = y

    def _lasts(self, x: Value, y: Value) -> bool:
        """Whether what an update takes was made by steps, or is memory that both calls know."""
        a, b = x.origin, y.origin
        return x in self.twins or a.__class__ is not Captured or b.__class__ is not Captured or (a.tensor is not None and a.tensor is b.tensor) or _same_memory(a.array, b.array)

    def _differ(self, step: Step, what: str, x: Any, y: Any) -> None:
        raise PlanError(f"compile: {what} differs between the two recorded calls, {_shown(x)} then {_shown(y)}, at {step.line}. "
                        "A replay would use the old one: pass it as an argument, keep it in a tensor that is written in place, or make it inside from tensors")

    def _same(self, x: Any, y: Any) -> bool:
        if isinstance(x, Value) and isinstance(y, Value):
            return self._same_value(x, y)
        if x.__class__ is not y.__class__:
            return False
        if isinstance(x, (tuple, list)):
            return len(x) == len(y) and all(self._same(a, b) for a, b in zip(x, y, strict=True))
        if isinstance(x, dict):
            return x.keys() == y.keys() and all(self._same(x[key], y[key]) for key in x)
        if isinstance(x, Op) or callable(x):
            return x is y or (getattr(x, "__code__", 0) is getattr(y, "__code__", 1))
        if is_array(x):
            return equal(x, y)
        return x is y or bool(x == y) or (x != x and y != y)

    def _same_value(self, x: Value, y: Value) -> bool:
        known = self.twins.get(x)
        if known is not None:
            return known is y
        a, b = x.origin, y.origin
        if a is None or b is None or a.__class__ is not b.__class__ or x.shape != y.shape or x.dtype != y.dtype:
            return False
        if isinstance(a, Argument):
            return bool(a == b)
        if isinstance(a, EntryGradient):
            self.twins[x] = y
            return True
        if not isinstance(a, Captured) or not isinstance(b, Captured):
            return False
        if (a.tensor is not None and a.tensor is b.tensor) or _same_memory(a.array, b.array):
            self.twins[x] = y
            return True
        read = x in self.first.read or y in self.second.read
        before, after = a.array if x.snapshot is None else x.snapshot, b.array if y.snapshot is None else y.snapshot
        if (read and not equal(before, after)) or isinstance(after, Outlives):
            return False
        self.twins[x] = y
        self.constants[y] = Constant(after.copy() if hasattr(after, "__setitem__") else after)
        return True


def _same_memory(a: Any, b: Any) -> bool:
    if not hasattr(a, "__setitem__") or not hasattr(b, "__setitem__"):
        return False
    if a is b:
        return True
    backend = BY_TYPE[a.__class__]
    return backend.owner(a) is backend.owner(b) and a.strides == b.strides and _address(a) == _address(b)


def _address(array: Any) -> int:
    return int(array.ctypes.data if hasattr(array, "ctypes") else array.data.ptr)


def _shown(x: Any) -> str:
    if isinstance(x, Value):
        array = getattr(x.origin, "array", None)
        if array is None:
            return repr(x)
        held = array if x.snapshot is None else x.snapshot
        if isinstance(held, (Digest, Outlives)):
            return repr(held)
        text = str(BY_TYPE[held.__class__].to_numpy(held).tolist())
        return text if len(text) <= 60 else text[:57] + "..."
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."
