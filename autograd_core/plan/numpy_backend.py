"""The plan as straight-line Python over the array library's own calls: always available, readable, one line for each call.

Two functions are generated. ``bind`` makes the views of memory that stays where it is, once; ``replay`` runs the step.
"""

from __future__ import annotations

import linecache
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from ..backend.registry import backend_for_device
from .graph import Argument, Captured, Constant, EntryGradient, Graph, Step, Value, values_in
from .live import Live
from .memory import ALIGNED, Layout
from .numpy_loops import BITS, KEYWORD_ONLY, loop
from .passes.fuse import repeated

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "true_divide": "/"}
RARE = 64
"""Every how many replays the steps of kind ``rare`` run."""
LARGEST_ZEROS = 1 << 14
"""Bytes up to which comparing with an array of zeros is faster than with the number."""


class Piece:
    """Memory that becomes an array of its own: a write to it is no write to its neighbours, and who holds a part of it holds the piece."""

    __slots__ = ("__array_interface__", "array")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.__array_interface__ = array.__array_interface__


class Program:
    """Generated code and the names it uses."""

    side_by_side = True
    """Gradients that an optimizer joins lie next to one another."""
    quiet = False
    """Whether no call of the library can raise a warning."""

    def __init__(self, graph: Graph, layout: Layout, number: int) -> None:
        self.graph = graph
        self.layout = layout
        self.names: dict[Value, str] = {}
        self.globals: dict[str, Any] = {}
        self.lines: list[str] = []
        self.binding: list[str] = []
        self.step_of_line: dict[int, Step] = {}
        self.filename = f"<plan {number}>"
        self.captured: list[tuple[str, Value]] = []
        self.loops: dict[Step, int] = {}
        """Steps that became one loop with others -> its number, counted from 1."""
        self._fixed: set[Value] = set()
        self._arrays: dict[Any, Any] = {}
        self._bound: dict[int, str] = {}
        self._lying: dict[Any, str] = {}
        """(piece, shape, dtype, strides) -> the array that lies there."""
        self._bit_names: dict[str, str] = {}
        self._slot_names: dict[Value, str] = {}
        self._live_arrays: dict[tuple[str, str], Any] = {}
        self._rare: list[str] = []
        self._together: dict[Step, Value | None] = {}
        self._tuning: dict[str, list[str]] = {}
        """Attributes of an update -> the lines that put what depends on them alone into arrays."""
        self._allocate()
        self._emit()
        linecache.cache[self.filename] = (len(self.source), None, self.source.splitlines(keepends=True), self.filename)
        weakref.finalize(self, linecache.cache.pop, self.filename, None)
        exec(compile(self.source, self.filename, "exec"), self.globals)  # generated from the recorded steps
        self.bind: Callable[[], None] = self.globals["bind"]
        self.function: Callable[..., Any] = self.globals["replay"]

    @property
    def source(self) -> str:
        """The generated code."""
        return "\n".join([*self.lines, *self.binding]) + "\n"

    def shown(self) -> str:
        """The generated code, for who wants to read it."""
        return self.source

    def summary(self) -> Iterable[str]:
        """What ``Plan.describe`` says about the back end."""
        return ()

    # --- names --------------------------------------------------------------------------------------------------

    def _allocate(self) -> None:
        xp = backend_for_device("cpu").xp
        pieces: list[Any] = []
        for piece, size in enumerate(self.layout.sizes):
            if piece in self.layout.guests:
                pieces.append(None)
                continue
            raw = xp.empty(size + ALIGNED, dtype="uint8")
            start = -raw.ctypes.data % ALIGNED
            pieces.append(raw[start : start + size])
        for value, piece in self.layout.place.items():
            # One array for all that look alike in a piece: given two arrays on the same memory, a ufunc takes almost twice as long over a few numbers as given one twice
            self.names[value] = name = self._lying.setdefault((piece, value.shape, value.dtype.char, value.strides), f"b{piece}_{len(self._lying)}")
            if name not in self.globals:
                self.globals[name] = None if piece in self.layout.guests else xp.ndarray(value.shape, value.dtype, pieces[piece], 0, value.strides)
            self._fixed.add(value)
        for value in (*self.layout.lasting, *self.layout.joined):
            self.names[value] = name = f"d{len(self.names)}"
            self.globals[name] = None
            self._fixed.add(value)

    def renew(self, offered: Mapping[Value, Any] = MappingProxyType({})) -> list[Any]:
        """New memory for the gradients, in the order of ``layout.lasting``: what the old ones lie in belongs to somebody else now.

        ``offered``: flat arrays that may be taken instead, for some of them.
        """
        xp = backend_for_device("cpu").xp
        arrays = []
        memory: dict[Value, Any] = {}
        pieces: dict[Value, Any] = {}
        for whole, parts in self.layout.joined.items():
            self.globals[self.names[whole]] = flat = xp.empty(whole.shape, dtype=whole.dtype)
            start = 0
            for part in parts:
                count = part.nbytes // part.dtype.itemsize
                pieces[part] = xp.asarray(Piece(flat[start : start + count].reshape(part.shape)))
                start += count
        self._slots = {part: array for part, array in pieces.items() if part not in self.layout.lasting}
        for part, array in self._slots.items():
            self.globals[self._slot(part)] = array
        for value in self.layout.lasting:
            if value in pieces:
                self.globals[self.names[value]] = pieces[value]
                arrays.append(pieces[value])
                continue
            order = sorted(range(len(value.shape)), key=lambda i: -value.strides[i])
            array = memory[value] = offered[value] if value in offered else xp.empty([value.shape[i] for i in order], dtype=value.dtype)
            if order != list(range(len(order))):
                array = array.transpose(sorted(range(len(order)), key=order.__getitem__))
            self.globals[self.names[value]] = array
            arrays.append(array)
        for value, piece in self.layout.place.items():
            if piece in self.layout.guests:
                gradient, offset = self.layout.guests[piece]
                host = memory[gradient]
                self.globals[self.names[value]] = xp.ndarray(value.shape, value.dtype, host, -host.ctypes.data % ALIGNED + offset, value.strides)
        return arrays

    def _slot(self, part: Value) -> str:
        """The name of the place, among gradients that lie side by side, of one that is made elsewhere."""
        return self._slot_names.setdefault(part, f"slot{len(self._slot_names)}")

    def _bind(self, prefix: str, thing: Any) -> str:
        if prefix not in self.globals:
            self.globals[prefix] = thing
            return prefix
        if self.globals[prefix] is thing:
            return prefix
        name = f"{prefix}_{len(self.globals)}"
        self.globals[name] = thing
        return name

    def _name(self, value: Value) -> str:
        name = self.names.get(value)
        if name is not None:
            return name
        origin = value.origin
        if isinstance(origin, (Captured, Constant)):
            name = f"{'c' if isinstance(origin, Captured) else 'k'}{len(self.names)}"
            self.globals[name] = origin.array
            self._fixed.add(value)
            if isinstance(origin, Captured):
                self.captured.append((name, value))
        else:
            name = f"v{len(self.names)}"
        self.names[value] = name
        return name

    def _expression(self, x: Any) -> str:
        if isinstance(x, Value):
            return self._name(x)
        if isinstance(x, Live):
            return x.expression.format(*map(self._name, x.inputs)) if x.inputs else x.expression
        if isinstance(x, (tuple, list)) and not hasattr(x, "_fields") and (any(True for _ in values_in(x)) or all(each.__class__ is int for each in x)):
            inside = ", ".join(self._expression(each) for each in x)
            return f"[{inside}]" if isinstance(x, list) else f"({inside}{',' if len(x) == 1 else ''})"
        if x is None or x.__class__ in (bool, int, str):
            return repr(x)
        if x.__class__ is float and x == x and abs(x) != float("inf"):
            return repr(x)
        name = self._bound.get(id(x))
        if name is None:
            name = self._bound[id(x)] = self._bind(f"a{len(self.globals)}", x)  # what is bound stays alive, so its address is its own
        return name

    # --- lines --------------------------------------------------------------------------------------------------

    def _emit(self) -> None:
        graph = self.graph
        for value in graph.arguments:
            assert isinstance(value.origin, Argument)
            self.names[value] = f"x{value.origin.index}"
        arguments = [f"x{i}" for i in range(len(graph.arguments))]
        live = [f"u{i}" for i in range(len(graph.live))]
        self.lines.append(f"def replay({', '.join([*arguments, *live])}):")
        start = len(self.lines)
        for value in graph.externals:
            if isinstance(value.origin, EntryGradient):
                self.names[value] = f"g{len(self.names)}"
                self.lines.append(f"    {self.names[value]} = {self._bind('leaf' + self.names[value], value.origin.leaf)}.grad._array")
        for value in {written.root: None for step in graph.steps for written in step.writes}:
            if isinstance(value.origin, Constant):  # written by the step, so each replay starts from a copy
                self.names[value] = f"v{len(self.names)}"
                self.lines.append(f"    {self.names[value]} = {self._bind('k' + self.names[value], value.origin.array)}.copy()")
        self._together = _together(graph, self.layout)
        last = self._last_uses()
        for i, step in enumerate(graph.steps):
            self._step(step)
            self.step_of_line[len(self.lines)] = step
            gone = [self.names[value] for value in last.get(i, ()) if value.shape and value in self.names and value not in self._fixed]
            if gone:
                self.lines.append(f"    {' = '.join(dict.fromkeys(gone))} = None")
        self._tune(start)
        self.kept = [value for value in dict.fromkeys(graph.kept()) if value not in self.layout.lasting]
        self.lines.append(f"    return ({''.join(self._name(value) + ', ' for value in self.kept)})")
        self.binding = ["", "", "def bind():", *([f"    global {', '.join(line.split(' = ')[0].strip() for line in self.binding)}"] if self.binding else []),
                        *(self.binding or ["    pass"])]

    def _tune(self, start: int) -> None:
        """Put the lines for attributes that changed to the beginning, and those that seldom run."""
        lines = []
        if self._rare:
            self.globals["calls"] = 0
            lines += ["    global calls", "    calls += 1", f"    if calls % {RARE} == 0:", *[f"        {line}" for line in self._rare]]
        for name, assignments in self._tuning.items():
            self.globals[f"last_{name}"] = None
            lines += [f"    global last_{name}", f"    if {name} is not last_{name}:", f"        last_{name} = {name}", *[f"        {line}" for line in assignments]]
        self.lines[start:start] = lines
        self.step_of_line = {number + len(lines): step for number, step in self.step_of_line.items()}

    def _last_uses(self) -> dict[int, list[Value]]:
        """Step -> the Values of the plan's own that nothing reads after it."""
        last: dict[Value, int] = {}
        for i, step in enumerate(self.graph.steps):
            for value in (*step.reads(), *(each for each in step.outputs if each is not None)):
                last[value] = i
        needed = {value.root for value in self.graph.kept()}
        needed.update(value.root for step in self.graph.steps for value in step.writes)  # several values go by the name of what is written
        found: dict[int, list[Value]] = {}
        for value, i in last.items():
            if value.origin is None and value.root not in needed:
                found.setdefault(i, []).append(value)
        return found

    def _step(self, step: Step) -> None:
        if self._is_fixed_view(step):
            assert step.outputs[0] is not None
            call = self._call(step, "")
            self.binding.append(f"    {self._name(step.outputs[0])} = {call}")
            self._fixed.add(step.outputs[0])
            self.globals[self.names[step.outputs[0]]] = None
            return
        if step.kind == "flag":
            self.lines.append(f"    {self._bind('clear_flags', step.function)}()")
        elif step.kind == "rare":
            self._rare.append(f"{self._bind(step.name, step.function)}({self._expression(step.inputs[0])})")
        elif step.live is not None:
            position = next(i for i, (read, _, _) in enumerate(self.graph.live) if read is step.live)
            self.lines.append(f"    {self._bind(step.name, step.function)}({', '.join([*map(self._expression, step.inputs), f'**u{position}'])})")
        elif step.into:
            assert step.outputs[0] is not None
            arguments = list(map(self._expression, step.inputs))
            ufunc = straight(step)
            whole = self._together.get(step)
            if whole is not None:
                arguments[0] = self._name(whole)
            if step in self._together and whole is None:
                pass  # done with the others
            elif ufunc is None:
                self.lines.append(f"    {self._bind('write_' + step.name, into(step))}({', '.join(arguments)})")
            else:
                self.lines.append(f"    {self._bind(ufunc.__name__, ufunc)}({', '.join(arguments)}, out={arguments[0]})")
            self.names[step.outputs[0]] = self._name(step.writes[0])  # the same array under the same name
        elif step.kind == "fused":
            loop(self, step)
        elif not step.outputs:
            self.lines.append(f"    {self._call(step, self._name(step.writes[0]) if step.to_target else '')}")
        elif step.name == "empty" and step.outputs[0] in self.layout.place:
            return  # the memory is there
        elif step.outputs[0] in self.layout.joined:
            for part in self.layout.joined[step.outputs[0]]:
                if part not in self.layout.lasting:
                    self.lines.append(f"    {self._bind('copyto', backend_for_device('cpu').xp.copyto)}({self._slot(part)}, {self._name(part)})")
        elif step.name in BITS and self._bits(step):
            return
        elif step.single and step.outputs[0] is not None and (step.outputs[0] in self.layout.place or (step.takes_out and step.outputs[0] in self._fixed)):
            self.lines.append(f"    {self._call(step, self.names[step.outputs[0]])}")
        elif step.single:
            assert step.outputs[0] is not None
            call = self._infix(step) or self._call(step, "")
            self.lines.append(f"    {self._name(step.outputs[0])} = {call}")
        else:
            call = self._call(step, "")
            targets = ", ".join("_" if value is None else self._name(value) for value in step.outputs)
            self.lines.append(f"    {targets}{',' if len(step.outputs) == 1 else ''} = {call}")

    def _bits(self, step: Step) -> bool:
        """Masks and what they keep, as calls on integers that write into planned memory; whether that was possible."""
        output = step.outputs[0]
        if output not in self.layout.place:
            return False
        inputs = [self._name(value) for value in step.reads()]
        out = self.names[output]
        if step.name == "keep":
            bits = step.inputs[1].dtype
            out, inputs[0] = self._as_bits(output, bits), self._as_bits(step.inputs[0], bits)
        self.lines += [f"    {line}" for line in self._bit_lines(step, out, inputs)]
        return True

    def _bit_lines(self, step: Step, out: str, inputs: list[str], suffix: str = "") -> list[str]:
        """The calls of ``spread``, or of ``keep`` on values read as integers, whose names end in ``suffix``."""
        xp = backend_for_device("cpu").xp
        if step.name == "spread":
            one = self._expression(self._zero_dimensional(1, step.attrs["dtype"]))
            return [f"{self._bind('copyto', xp.copyto)}({out}, {inputs[0]})", f"{self._bind('subtract', xp.subtract)}({out}, {one}, {out})"]
        return [f"{self._bind('bitwise_and', xp.bitwise_and)}({inputs[0]}{suffix}, {inputs[1]}, {out}{suffix})"]

    def _as_bits(self, value: Value, dtype: Any) -> str:
        """A value read as integers, as a view that is made once where possible."""
        text = f"{self._name(value)}.view({self._expression(dtype)})"
        if value not in self._fixed:
            return text
        if text not in self._bit_names:
            self._bit_names[text] = name = f"i{len(self._bit_names)}_{self._name(value)}"
            self.globals[name] = None
            self.binding.append(f"    {name} = {text}")
        return self._bit_names[text]

    def _zero_dimensional(self, x: Any, dtype: Any, shape: tuple[int, ...] = ()) -> Any:
        """A number as an array, made once."""
        key = (shape, dtype.char, repr(x))
        if key not in self._arrays:
            self._arrays[key] = backend_for_device("cpu").xp.full(shape, x, dtype=dtype)
        return self._arrays[key]

    def _is_fixed_view(self, step: Step) -> bool:
        """Whether a step makes a view of memory that stays where it is."""
        value = step.outputs[0] if step.single and len(step.outputs) == 1 else None
        if value is None or value.root is value or step.into or step.writes or step.kind in ("update", "flag"):
            return False
        return all(each in self._fixed or (isinstance(each.origin, (Captured, Constant)) and each not in self.names) for each in step.reads())

    def _infix(self, step: Step) -> str:
        """Arithmetic on numbers by operators, which are several times faster than calls there."""
        symbol = INFIX.get(step.name)
        value = step.outputs[0]
        if step.kind != "call" or symbol is None or value is None or value.shape or len(step.inputs) != 2 or step.attrs:
            return ""
        if not any(isinstance(x, Value) and not x.shape and x.origin is None for x in step.inputs):
            return ""  # neither is sure to be a number: a captured one may be an array
        left, right = [self._expression(x) for x in step.inputs]
        return f"{left} {symbol} {right}"

    def _number(self, x: Any, step: Step, blocks: bool = False) -> Any:
        """A Python number as an array, which a ufunc takes in half the time; for small results of ``maximum`` with 0 as many zeros as it has."""
        if x.__class__ is Live:
            return self._live_array(x, step)
        if x.__class__ is Value and repeated(x) and isinstance(x.origin, Constant) and step.elementwise and x not in self.names:
            first = x.origin.array[(0,) * len(x.shape)]
            x, dtype = first.item(), first.dtype
        elif x.__class__ not in (int, float):
            return x
        else:
            dtypes = {each.dtype for each in step.reads()}
            if len(dtypes) != 1:
                return x
            (dtype,) = dtypes
        value = step.outputs[0] if step.outputs else step.writes[0] if step.to_target else None
        if not step.elementwise or value is None or not value.shape or dtype.char not in "fd" or (value.dtype is not dtype and value.dtype.kind != "b"):
            return x
        whole = step.name == "maximum" and x == 0 and not blocks and value.nbytes <= LARGEST_ZEROS
        whole = whole and not any(value.strides[i] < value.strides[i + 1] for i in range(len(value.shape) - 1))
        return self._zero_dimensional(x, dtype, value.shape if whole else ())

    def _live_array(self, x: Live, step: Step) -> Any:
        """A number that is read anew, in an array that is written before the call; when an update's attributes change, if it depends on those alone."""
        value = (*step.outputs, *step.writes)[0]
        assert value is not None
        text = self._expression(x)
        if not step.elementwise or not value.shape or {each.dtype for each in step.reads() if each.shape} != {value.dtype} or value.dtype.char not in "fd":
            return x
        key = (text, value.dtype.char)
        array = self._live_arrays.get(key)
        if array is None:
            array = self._live_arrays[key] = backend_for_device("cpu").xp.zeros((), dtype=value.dtype)
            line = f"{self._expression(array)}[()] = {text}"
            if x.early:
                self._tuning.setdefault(text[text.index("u") :].partition("[")[0], []).append(line)
            else:
                self.lines.append(f"    {line}")
        return array

    def _call(self, step: Step, out: str) -> str:
        arguments = [self._expression(self._number(x, step) if out else x) for x in step.inputs]
        if step.kind != "call":
            label = "".join(c if c.isalnum() else "_" for c in step.name).strip("_")
            function = partial(step.function, **step.attrs) if step.attrs else step.function
            return f"{self._bind(label, function)}({', '.join(arguments)})"
        arguments += [f"{key}={self._expression(value)}" for key, value in step.attrs.items()]
        if out:
            by_position = not step.attrs and step.name not in KEYWORD_ONLY and not step.name.endswith(".reduce")
            arguments.append(out if by_position else f"out={out}")
        return f"{self._bind(step.name.replace('.', '_'), step.function)}({', '.join(arguments)})"


def _together(graph: Graph, layout: Layout) -> dict[Step, Value | None]:
    """Steps that do the same in place to all gradients that lie side by side, as clipping does: the first does it to them all, the others do nothing."""
    found: dict[Step, Value | None] = {}
    for whole, parts in layout.joined.items():
        for i, step in enumerate(graph.steps):
            run = graph.steps[i : i + len(parts)]
            if not step.into or straight(step) is None or {other.writes[0].root for other in run if other.into} != set(parts) or not set(parts) <= set(layout.lasting):
                continue
            alike = all(other.into and other.function is step.function and other.inputs[1:] == step.inputs[1:] and other.inputs[0].nbytes == other.inputs[0].root.nbytes
                        for other in run)
            if alike and len(run) == len(parts) and all(not getattr(x, "shape", ()) for x in step.inputs[1:]):
                found.update(dict.fromkeys(run, None))
                found[step] = whole
                break
    return found


def straight(step: Step) -> Callable[..., Any] | None:
    """The ufunc of an in-place op that can write straight into its first input."""
    if step.op is None or step.op.ufunc is None or step.attrs or any(value.dtype != step.writes[0].dtype for value in step.reads()):
        return None
    return step.function


def into(step: Step) -> Callable[..., None]:
    """An in-place op as a function of its inputs: as dispatch runs it."""
    op, attrs = step.op, step.attrs
    assert op is not None
    code = op.kernel.__code__
    takes_out = op.ufunc is not None or "out" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    kernel = step.function

    def write(target: Any, *others: Any) -> None:
        if takes_out and all([getattr(array, "dtype", target.dtype) == target.dtype for array in others]):
            kernel(target, *others, **attrs, out=target)
        else:
            target[...] = kernel(target, *others, **attrs)

    return write
