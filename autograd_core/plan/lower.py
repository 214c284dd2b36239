"""Kernels and rules taken apart: a step whose Python code only calls the array library becomes the calls themselves.

The kernel is run once on stand-ins that pass every library call on and write it down. What looks at values, or does
anything a stand-in does not know, stays one call of the kernel: the same declaration serves both.
"""

from __future__ import annotations

import math
import mmap
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from types import MethodType, SimpleNamespace
from typing import Any

from ..backend.registry import BY_TYPE, backend_for_device
from ..engine import RawReading
from .calls import copy_of, diagonal, empty, keep, spread, zeros
from .graph import Constant, Graph, Step, Value
from .live import Live

LIMIT = 256
"""Calls into which one kernel is taken apart at most: a convolution of a batch of images, some at a time, has more than a hundred."""

PRIVATE: Any = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
"""So that reading what nobody wrote takes no memory either, where the system can be asked for that."""

LARGE = 1 << 20
"""Bytes from which on what stand-ins stand for is not computed, where it is known how the result looks."""

WHOLE = 1 << 62
"""As ``block`` of an update: all elements at once, which are then fused into blocks."""


class UntraceableError(Exception):
    """The kernel looks at values, or does what stand-ins do not know."""


class _Trace:
    """The calls of one kernel."""

    def __init__(self, source: Step) -> None:
        self.source = source
        self.steps: list[Step] = []
        self.writable = {value.root for value in source.writes}
        self.inputs = {value.root for value in source.reads()}
        self.asked: list[tuple[str, bool]] = []

    def call(self, name: str, function: Callable[..., Any], args: Any, attrs: dict[str, Any], takes_out: str = "", elementwise: bool = False) -> Any:
        """Run a library call on what the stand-ins stand for and write it down."""
        if len(self.steps) >= LIMIT:
            raise UntraceableError
        result = _result(function, _unwrapped(args), _unwrapped(attrs))
        if not (hasattr(result, "shape") and hasattr(result, "dtype")):
            if isinstance(result, (list, tuple)):
                raise UntraceableError
            return result
        inputs = _values(args)
        keywords = dict(attrs)
        if any(isinstance(each, Stand) for each in _leaves(keywords)):
            raise UntraceableError
        for given in _leaves(args):
            if isinstance(given, Stand) and result is given.array and hasattr(result, "__setitem__"):  # the two booleans are one object each
                return given
        root = _owner_among(result, [each for each in _leaves(args) if isinstance(each, Stand)])
        value = Value(result, root=root)
        step = Step(name, "call", function, inputs, keywords, (value,))
        step.takes_out, step.elementwise = "" if root is not None else takes_out, elementwise and root is None
        self._add(step)
        return Stand(self, result, value)

    def write_to(self, target: Stand, name: str, ufunc: Any, inputs: Any) -> Stand:
        """A call that writes its result to an input."""
        if not _alike([*_unwrapped(inputs), target.array]):
            ufunc(*_unwrapped(inputs), out=target.array)
        self._add(Step(name, "call", ufunc, _values(inputs), {}, (), writes=(target.value,), to_target=True, takes_out="out", elementwise=True))
        return target

    def _add(self, step: Step) -> None:
        step.line, step.scope, step.part_of = self.source.line, self.source.scope, self.source.name
        self.steps.append(step)

    def write(self, target: Stand, name: str, function: Callable[..., Any], args: Any, attrs: dict[str, Any]) -> None:
        """A call that writes ``target``, its first argument."""
        function(*_unwrapped(args), **attrs)
        if (target.value.external or target.value.root in self.inputs) and target.value.root not in self.writable:
            raise UntraceableError
        self._add(Step(name, "call", function, _values(args), dict(attrs), (), writes=(target.value,)))


class Stand:
    """Stands for an array in a kernel that is taken apart."""

    __slots__ = ("array", "is_input", "trace", "value")
    __array_priority__ = 2000

    def __init__(self, trace: _Trace, array: Any, value: Value, is_input: bool = False) -> None:
        self.trace, self.array, self.value, self.is_input = trace, array, value, is_input

    # --- what it is ---------------------------------------------------------------------------------------------

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)
    itemsize = property(lambda self: self.array.itemsize)
    nbytes = property(lambda self: self.array.nbytes)
    strides = property(lambda self: self.array.strides)
    flags = property(lambda self: self.array.flags)

    def __len__(self) -> int:
        return len(self.array)

    def _look(self, *args: Any, **kwargs: Any) -> Any:
        raise UntraceableError

    __array__ = __bool__ = __float__ = __int__ = __index__ = __complex__ = __iter__ = tolist = tobytes = _look

    def item(self) -> Any:
        """A number that the replay reads, and that decides nothing."""
        if not self.trace.writable:
            raise UntraceableError
        return Live("{0}.item()", self.array.item(), self.trace.asked, (self.value,), early=False)

    # --- calls --------------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None)
        if out is not None and kwargs.get("casting") == "same_kind":
            del kwargs["casting"]  # which is how ufuncs write anyway
        if method == "reduce":
            if out is not None:
                raise UntraceableError
            return self.trace.call(f"{ufunc.__name__}.reduce", ufunc.reduce, inputs, kwargs, "out")
        if method != "__call__" or ufunc.nout != 1 or kwargs:
            raise UntraceableError
        elementwise = ufunc.signature is None
        if out is None:
            return self.trace.call(ufunc.__name__, ufunc, inputs, {}, "out", elementwise)
        (target,) = out
        if not isinstance(target, Stand):
            raise UntraceableError
        root = target.value.root
        if elementwise and root in self.trace.writable:
            return self.trace.write_to(target, ufunc.__name__, ufunc, inputs)
        if target.is_input or root.external or root in self.trace.inputs:
            raise UntraceableError
        if not elementwise or root is not target.value or _has_views(self.trace, root) or target.array.strides != _result_strides(ufunc, inputs):
            return self.trace.write_to(target, ufunc.__name__, ufunc, inputs)
        result = self.trace.call(ufunc.__name__, ufunc, inputs, {}, "out", elementwise)
        if result.dtype != target.dtype or result.shape != target.shape:
            raise UntraceableError
        target.array, target.value = result.array, result.value  # a new value under the old name: where it lies is decided later
        return target

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function.__module__ == "numpy.linalg":
            raise UntraceableError  # it raises where a matrix is singular, and the kernel may know another way then
        if function.__name__ == "where" and len(args) == 3 and not kwargs:
            return self._where(*args)
        if function.__name__ in _REDUCTIONS and len(args) == 1 and args[0] is self:
            return self._method(function.__name__, **kwargs)
        return self.trace.call(function.__name__, function, args, kwargs, "out" if function.__name__ in ("dot", "concatenate") else "")

    def _where(self, condition: Any, chosen: Any, other: Any) -> Any:
        zero = chosen.__class__ in (int, float) and chosen == 0 and str(chosen)[0] != "-"
        alike = isinstance(condition, Stand) and isinstance(other, Stand) and condition.shape == other.shape and other.ndim
        if zero and alike and other.dtype.char in "fd" and condition.dtype.kind == "b" and condition.flags.c_contiguous and other.flags.c_contiguous:
            mask = self.trace.call("spread", spread, (condition,), {"dtype": backend_for_device("cpu").xp.dtype(f"int{8 * other.dtype.itemsize}")}, "out", True)
            return self.trace.call("keep", keep, (other, mask), {}, "out", True)
        return self.trace.call("where", backend_for_device("cpu").xp.where, (condition, chosen, other), {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self.array, name):
            raise AttributeError(name)
        if not callable(getattr(self.array, name)):
            return self.trace.call(name, _attribute(name), (self,), {})
        return partial(self._method, name)

    def _method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        xp = backend_for_device("cpu").xp
        if name == "diagonal":
            return self.trace.call("diagonal", diagonal, (self, *args), kwargs)
        if name == "dot":
            return self.trace.call("dot", xp.dot, (self, *args), kwargs, "out")
        if name in _REDUCTIONS and not args:
            keywords = {"axis": None, **{key: value for key, value in kwargs.items() if value is not None or key == "axis"}}
            return self.trace.call(f"{_REDUCTIONS[name]}.reduce", getattr(xp, _REDUCTIONS[name]).reduce, (self,), keywords, "" if "out" in keywords else "out")
        return self.trace.call(name, _method(name), (self, *args), kwargs)

    def __getitem__(self, key: Any) -> Any:
        if any(isinstance(each, Stand) and each.dtype.kind == "b" for each in _leaves(key)):
            raise UntraceableError  # how many elements a mask takes is a question about values
        return self.trace.call("getitem", operator.getitem, (self, key), {})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.trace.write(self, "setitem", operator.setitem, (self, key, value), {})


_REDUCTIONS = {"sum": "add", "max": "maximum", "min": "minimum", "prod": "multiply"}


def _power(self: Stand, other: Any) -> Any:
    """The operator knows faster ways for some exponents, which are these."""
    if self.dtype.kind in "iu" and isinstance(other, Stand):
        raise UntraceableError  # integers to negative powers raise, and the kernel has another way for them
    ufunc = {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal"}.get(other) if other.__class__ in (int, float) and self.ndim and self.dtype.char in "fd" else None
    return self.trace.call("pow", operator.pow, (self, other), {}) if ufunc is None else getattr(backend_for_device("cpu").xp, ufunc)(self)


def _operators() -> None:
    xp = backend_for_device("cpu").xp
    binary = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide", "mod": "remainder", "pow": "power",
              "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "matmul": "matmul"}
    compared = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
    for name, ufunc in {**binary, **compared}.items():
        if name == "pow":
            continue
        function = getattr(xp, ufunc)
        setattr(Stand, f"__{name}__", lambda self, other, f=function: f(self, other))
        if name in binary:
            setattr(Stand, f"__r{name}__", lambda self, other, f=function: f(other, self))
            setattr(Stand, f"__i{name}__", lambda self, other, f=function: f(self, other, out=self) if self.ndim else f(self, other))
    Stand.__pow__ = _power  # type: ignore[operator]
    for name, ufunc in {"neg": "negative", "abs": "absolute", "invert": "invert", "pos": "positive"}.items():
        function = getattr(xp, ufunc)
        setattr(Stand, f"__{name}__", lambda self, f=function: f(self))


_operators()


@cache
def _method(name: str) -> Callable[..., Any]:
    def method(array: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(array, name)(*args, **kwargs)

    return method


@cache
def _attribute(name: str) -> Callable[..., Any]:
    return operator.attrgetter(name)


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, (tuple, list)):
        for each in tree:
            yield from _leaves(each)
    elif isinstance(tree, dict):
        for each in tree.values():
            yield from _leaves(each)
    else:
        yield tree


def _unwrapped(tree: Any) -> Any:
    if isinstance(tree, Stand):
        return tree.array
    if isinstance(tree, Live):
        return tree.value
    if isinstance(tree, (tuple, list)):
        return tree.__class__([_unwrapped(each) for each in tree])
    if isinstance(tree, dict):
        return {key: _unwrapped(each) for key, each in tree.items()}
    return tree


def _values(tree: Any) -> Any:
    if isinstance(tree, Stand):
        return tree.value
    if isinstance(tree, (tuple, list)):
        return tree.__class__([_values(each) for each in tree])
    if hasattr(tree, "shape") and hasattr(tree, "strides") and tree.shape:
        return Value(tree, Constant(tree))
    return tree


def _owner_among(result: Any, stands: list[Stand]) -> Value | None:
    if not result.shape and not hasattr(result, "__setitem__"):
        return None
    owner = BY_TYPE[result.__class__].owner(result)
    for stand in stands:
        if hasattr(stand.array, "__setitem__") and BY_TYPE[stand.array.__class__].owner(stand.array) is owner:
            return stand.value
    return None


def _has_views(trace: _Trace, value: Value) -> bool:
    return any(output is not value and output is not None and output.root is value.root for step in trace.steps for output in step.outputs)


def _result_strides(ufunc: Any, inputs: Any) -> Any:
    return _result(ufunc, _unwrapped(inputs), {}).strides


def _untouched(shape: tuple[int, ...], dtype: Any) -> Any:
    """Zeros, in address space that becomes memory where somebody writes to it."""
    count = math.prod(shape)
    memory = mmap.mmap(-1, count * dtype.itemsize, **PRIVATE)
    return backend_for_device("cpu").xp.frombuffer(memory, dtype, count).reshape(shape)


def _alike(arrays: Any) -> bool:
    """Whether the arrays among some operands are large and have one shape, or that of its rows, all in row-major order."""
    found = sorted((each for each in arrays if getattr(each, "shape", ())), key=lambda each: -each.ndim)
    return bool(found) and found[0].nbytes >= LARGE and all(each.shape in (found[0].shape, found[0].shape[-1:]) and each.flags.c_contiguous for each in found)


def _result(function: Any, args: Any, attrs: dict[str, Any]) -> Any:
    """What a library call returns. Of large arrays no more is computed than tells how the result looks: its memory would be touched for nothing."""
    xp = backend_for_device("cpu").xp
    if not attrs and isinstance(function, xp.ufunc) and function.signature is None and function.nout == 1 and _alike(args):
        whole = max((each for each in args if getattr(each, "shape", ())), key=lambda each: each.ndim)
        return _untouched(whole.shape, function(*[each.reshape(-1)[:1] if getattr(each, "shape", ()) else each for each in args]).dtype)
    if function in (empty, zeros) and math.prod(attrs["shape"]) * attrs["dtype"].itemsize >= LARGE:
        return _untouched(**attrs)
    if function in (copy_of, spread, keep):
        dtype = attrs.get("dtype", args[0].dtype)
        if args[0].size * dtype.itemsize >= LARGE:
            return _untouched(args[0].shape, dtype)
    if not attrs and (function is xp.dot or function is xp.matmul) and len(args) == 2 and all(getattr(each, "ndim", 0) == 2 for each in args):
        left, right = args
        if left.dtype == right.dtype and left.shape[1] == right.shape[0] and left.itemsize * max(left.size, right.size, left.shape[0] * right.shape[1]) >= LARGE:
            return _untouched((left.shape[0], right.shape[1]), left.dtype)
    return function(*args, **attrs)


def _like(value: Value) -> Any:
    """An array that looks like a value; what it holds means nothing."""
    xp = backend_for_device("cpu").xp
    fill = 1 if value.dtype.kind in "fc" else 0
    if not value.shape:
        return value.dtype.type(fill)
    low = sum((n - 1) * s for n, s in zip(value.shape, value.strides, strict=True) if s < 0 and n)
    high = sum((n - 1) * s for n, s in zip(value.shape, value.strides, strict=True) if s > 0 and n)
    count = (high - low) // value.dtype.itemsize + 1
    flat = _untouched((count,), value.dtype) if value.nbytes >= LARGE else xp.full(count, fill, dtype=value.dtype)
    return xp.ndarray(value.shape, value.dtype, flat, -low, value.strides)


@contextmanager
def _served(backend: Any) -> Iterator[None]:
    BY_TYPE[Stand] = backend
    yield


class _Namespace:
    """The library's namespace for kernels that are taken apart: what makes arrays is written down too."""

    def __init__(self, trace: _Trace, xp: Any) -> None:
        self._trace, self._xp = trace, xp

    def __getattr__(self, name: str) -> Any:
        return getattr(self._xp, name)

    @property
    def lib(self) -> Any:
        """With an ``as_strided`` that is written down: convolutions read their windows by it."""
        return SimpleNamespace(stride_tricks=SimpleNamespace(**{**vars(self._xp.lib.stride_tricks), "as_strided": self._as_strided}))

    def _as_strided(self, x: Any, shape: Any, strides: Any) -> Any:
        function = self._xp.lib.stride_tricks.as_strided
        return self._trace.call("as_strided", function, (x, tuple(shape), tuple(strides)), {}) if isinstance(x, Stand) else function(x, shape, strides)

    def asarray(self, x: Any, dtype: Any = None) -> Any:
        """See NumPy."""
        if not isinstance(x, Stand):
            return self._xp.asarray(x, dtype=dtype)
        if not x.shape:
            raise UntraceableError
        return x if dtype is None or x.dtype == dtype else x.astype(dtype)

    def ascontiguousarray(self, x: Any, dtype: Any = None) -> Any:
        """See NumPy."""
        if not isinstance(x, Stand) or not x.shape:
            raise UntraceableError
        x = self.asarray(x, dtype)
        return x if x.flags.c_contiguous else self._trace.call("copy", copy_of, (x,), {}, "out", True)

    def empty(self, shape: Any, dtype: Any = "float64") -> Any:
        """See NumPy."""
        return self._trace.call("empty", empty, (), {"shape": _shape(shape), "dtype": self._xp.dtype(dtype)}, "out")

    def zeros(self, shape: Any, dtype: Any = "float64") -> Any:
        """See NumPy."""
        return self._trace.call("zeros", zeros, (), {"shape": _shape(shape), "dtype": self._xp.dtype(dtype)}, "out")

    def empty_like(self, x: Any, dtype: Any = None) -> Any:
        """See NumPy."""
        return self._like(self.empty, self._xp.empty_like, x, dtype)

    def zeros_like(self, x: Any, dtype: Any = None) -> Any:
        """See NumPy."""
        return self._like(self.zeros, self._xp.zeros_like, x, dtype)

    def _like(self, make: Any, general: Any, x: Any, dtype: Any) -> Any:
        if isinstance(x, Stand) and x.shape and x.flags.c_contiguous:
            return make(x.shape, x.dtype if dtype is None else dtype)
        return general(x, dtype=dtype)


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, int) else tuple(int(n) for n in shape)


class _Backend:
    """The backend that rules see while they are taken apart."""

    name = "cpu"

    def __init__(self, trace: _Trace, backend: Any) -> None:
        self.xp = _Namespace(trace, backend.xp)

    def nan_possible(self) -> bool:
        """A question about values."""
        raise UntraceableError


def _through(trace: _Trace, function: Any) -> Any:
    """A kernel or rule that sees the writing namespace instead of the library's."""
    backend = backend_for_device("cpu")
    if isinstance(function, MethodType) and function.__self__ is backend.xp:
        return MethodType(function.__func__, _Namespace(trace, backend.xp))
    if not isinstance(function, partial) or not function.args:
        return function
    given = function.args[0]
    if isinstance(given, RawReading):
        return partial(function.func, RawReading(_Backend(trace, backend)), *function.args[1:])  # type: ignore[arg-type]
    return function


def lower(graph: Graph, blocks: bool = True, among: set[Step] | None = None) -> None:
    """Take apart the steps of a graph on the CPU, in place. ``blocks``: updates of large parameters stay whole, because they work in blocks of their own.

    ``among``: which steps; all of them by default.
    """
    backend = backend_for_device("cpu")
    steps: list[Step] = []
    with _served(backend), backend.xp.errstate(all="ignore"):
        in_doubt: set[Value] = set()
        for step in graph.steps:
            if (among is not None and step not in among) or (step.kind == "rule" and any(value in in_doubt for value in step.reads())):
                steps.append(step)
                continue
            parts = _taken_apart(step, graph, blocks)
            steps += parts
            if step.kind == "kept" and step.op is not None and step.op.outputs is None and parts[0] is step:  # it looks at values, so what it keeps may look otherwise next time
                in_doubt.update(value for value in step.outputs[1:] if value is not None)
    opaque = [i for i, step in enumerate(steps) if step.kind in ("op", "kept", "rule")]
    graph.steps = [step for i, step in enumerate(steps) if step.kind != "flag" or (opaque and opaque[-1] > i)]  # only whole kernels ask for the flags


def _standing(trace: _Trace, stands: dict[Value, Stand], tree: Any) -> Any:
    """A tree with a stand-in for each Value. Not a function inside its user: one that calls itself would keep all arrays until garbage is collected."""
    if isinstance(tree, Value):
        found = stands.get(tree)
        if found is None:
            found = stands[tree] = Stand(trace, _like(tree), tree, is_input=True)
        return found
    if isinstance(tree, (tuple, list)) and not hasattr(tree, "_fields"):
        return tree.__class__([_standing(trace, stands, each) for each in tree])
    return tree


def _taken_apart(step: Step, graph: Graph, blocks: bool) -> list[Step]:
    if step.kind not in ("op", "kept", "rule", "update") or step.into or (step.op is not None and step.op.kind in ("random", "dynamic", "effect")):
        return [step]
    trace = _Trace(step)
    stands: dict[Value, Stand] = {}

    stand = partial(_standing, trace, stands)
    try:
        if step.name == "clone":
            copied = step.outputs[0]
            source = stand(step.inputs[0])
            results: Any = trace.call("copy", copy_of, (source,), {}, "out", True) if copied is not None and copied.shape else trace.call("copy", _method("copy"), (source,), {})
        elif step.kind == "update":
            position = len(graph.live)
            attrs = {key: Live(f"u{position}[{key!r}]", value, trace.asked) if value.__class__ is float else value for key, value in step.attrs.items()}
            if not blocks:
                attrs["block"] = WHOLE
            results = step.function(*stand(step.inputs), **attrs)
            assert step.live is not None
            graph.live.append((step.live, {key: value for key, value in step.attrs.items() if value.__class__ is not float}, tuple(trace.asked)))
            return trace.steps
        else:
            results = _through(trace, step.function)(*stand(step.inputs), **step.attrs)
    except Exception:  # whatever a kernel does that a stand-in cannot follow, the kernel itself can
        return [step]
    listed = [results] if step.single else list(results)
    renamed: dict[Value, Value] = {}
    for result, output in zip(listed, step.outputs, strict=True):
        if output is None:
            continue
        if not isinstance(result, Stand) or result.shape != output.shape or result.dtype != output.dtype or result.array.strides != output.strides:
            return [step]
        if result.value in stands or result.value in renamed:
            return [step]
        if (result.value.root in trace.inputs) is not (output.root is not output):
            return [step]
        renamed[result.value] = output
    for part in trace.steps:
        part.outputs = tuple([renamed.get(value, value) if value is not None else None for value in part.outputs])
        part.inputs = _renamed(part.inputs, renamed)
        part.writes = tuple([renamed.get(value, value) for value in part.writes])
    roots = {old: old.root for old in renamed}
    for part in trace.steps:
        for value in part.outputs:
            if value is not None and value.root in renamed:
                value.root = renamed[value.root]
    for old, root in roots.items():
        if root is not old and root not in trace.inputs:
            renamed[old].root = renamed.get(root, root)
    return trace.steps


def _renamed(tree: Any, renamed: dict[Value, Value]) -> Any:
    if isinstance(tree, Value):
        return renamed.get(tree, tree)
    if isinstance(tree, (tuple, list)):
        return tree.__class__([_renamed(each, renamed) for each in tree])
    return tree
