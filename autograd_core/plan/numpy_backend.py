"""The plan as straight-line Python over the array library's own calls: always available, readable, one line for each kernel call."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import partial
from typing import Any

from .graph import Argument, Captured, Constant, EntryGradient, Graph, Step, Value, values_in


class Program:
    """Generated code and the names it uses."""

    def __init__(self, graph: Graph, number: int) -> None:
        self.graph = graph
        self.names: dict[Value, str] = {}
        self.globals: dict[str, Any] = {}
        self.lines: list[str] = []
        self.step_of_line: dict[int, Step] = {}
        self.filename = f"<plan {number}>"
        self.captured: list[tuple[str, Value]] = []
        self.live: list[tuple[str, Callable[[], Any]]] = []
        self._emit()
        self.code = compile(self.source, self.filename, "exec")
        linecache.cache[self.filename] = (len(self.source), None, self.source.splitlines(keepends=True), self.filename)
        exec(self.code, self.globals)  # generated above from the recorded steps
        self.function: Callable[..., Any] = self.globals["replay"]

    @property
    def source(self) -> str:
        """The generated code."""
        return "\n".join(self.lines) + "\n"

    # --- names --------------------------------------------------------------------------------------------------

    def _bind(self, prefix: str, thing: Any) -> str:
        name = f"{prefix}{len(self.globals)}"
        self.globals[name] = thing
        return name

    def _name(self, value: Value) -> str:
        name = self.names.get(value)
        if name is not None:
            return name
        origin = value.origin
        if isinstance(origin, (Captured, Constant)):
            name = self._bind("c" if isinstance(origin, Captured) else "k", origin.array)
            if isinstance(origin, Captured):
                self.captured.append((name, value))
        else:
            name = f"v{len(self.names)}"
        self.names[value] = name
        return name

    def _expression(self, x: Any) -> str:
        if isinstance(x, Value):
            return self._name(x)
        if isinstance(x, (tuple, list)) and not hasattr(x, "_fields") and any(True for _ in values_in(x)):
            inside = ", ".join(self._expression(each) for each in x)
            return f"[{inside}]" if isinstance(x, list) else f"({inside}{',' if len(x) == 1 else ''})"
        if x is None or x.__class__ in (bool, int):
            return repr(x)
        if x.__class__ is float and x == x and abs(x) != float("inf"):
            return repr(x)
        return self._bind("a", x)

    # --- lines --------------------------------------------------------------------------------------------------

    def _emit(self) -> None:
        graph = self.graph
        arguments = [f"x{i}" for i in range(len(graph.arguments))]
        for name, value in zip(arguments, graph.arguments, strict=True):
            self.names[value] = f"x{value.origin.index}" if isinstance(value.origin, Argument) else name
        live = [f"u{i}" for i in range(sum(step.live is not None for step in graph.steps))]
        self.lines.append(f"def replay({', '.join([*arguments, *live])}):")
        for value in graph.externals:
            if isinstance(value.origin, EntryGradient):
                self.names[value] = f"g{len(self.names)}"
                self.lines.append(f"    {self.names[value]} = {self._bind('leaf', value.origin.leaf)}.grad._array")
        for value in {step_value.root: None for step in graph.steps for step_value in step.writes}:
            if isinstance(value.origin, Constant):  # written by the step, so each replay starts from a copy
                self.names[value] = f"v{len(self.names)}"
                self.lines.append(f"    {self.names[value]} = {self._bind('k', value.origin.array)}.copy()")
        last = self._last_uses()
        updates = iter(live)
        for i, step in enumerate(graph.steps):
            self._step(step, updates)
            self.step_of_line[len(self.lines)] = step
            gone = [self.names[value] for value in last.get(i, ()) if value in self.names]
            if gone:
                self.lines.append(f"    {' = '.join(dict.fromkeys(gone))} = None")
        kept = list(dict.fromkeys(graph.kept()))
        self.kept = kept
        self.lines.append(f"    return ({''.join(self._name(value) + ', ' for value in kept)})")

    def _last_uses(self) -> dict[int, list[Value]]:
        """Step -> the Values of the plan's own that nothing reads after it."""
        last: dict[Value, int] = {}
        for i, step in enumerate(self.graph.steps):
            for value in (*step.reads(), *(each for each in step.outputs if each is not None)):
                last[value] = i
        kept = set(self.graph.kept())
        found: dict[int, list[Value]] = {}
        for value, i in last.items():
            if value.origin is None and value not in kept:
                found.setdefault(i, []).append(value)
        return found

    def _step(self, step: Step, updates: Any) -> None:
        arguments = [self._expression(x) for x in step.inputs]
        if step.kind == "flag":
            self.lines.append(f"    {self._bind('f', step.function)}()")
            return
        if step.live is not None:
            self.live.append((step.name, step.live))
            self.lines.append(f"    {self._bind(step.name + '_', step.function)}({', '.join([*arguments, '**' + next(updates)])})")
            return
        label = "".join(c if c.isalnum() else "_" for c in step.name) + "_"
        function = step.function
        attrs = step.attrs
        if step.into:
            function = into(step)
            attrs = {}
            target = step.writes[0]
            self.lines.append(f"    {self._bind(label, function)}({', '.join(arguments)})")
            assert step.outputs[0] is not None
            self.lines.append(f"    {self._name(step.outputs[0])} = {self._name(target)}")
            return
        name = self._bind(label, partial(function, **attrs) if attrs else function)
        call = f"{name}({', '.join(arguments)})"
        if step.kind == "update":
            self.lines.append(f"    {call}")
        elif step.single:
            assert step.outputs[0] is not None
            self.lines.append(f"    {self._name(step.outputs[0])} = {call}")
        else:
            targets = ", ".join("_" if value is None else self._name(value) for value in step.outputs)
            self.lines.append(f"    {targets}{',' if len(step.outputs) == 1 else ''} = {call}")


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
