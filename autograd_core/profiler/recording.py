"""What dispatch and the backward pass call while a profile runs: measure, attribute, and change nothing.

Each op runs exactly as it would without the profile, by its fast path if it has one: the mode in which it runs has no profile.
What happens inside an op (casts, broadcasting) is its own time.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import Any

from .. import _methods, dispatch
from ..backend.registry import BY_TYPE
from ..config import MODE, get_mode, user_line
from ..fastpath import eligible
from ..node import SPENT, next_seq
from ..op import Op
from ..storage import TensorBase
from .events import Event
from .memory import MemoryLog, owners


@functools.cache
def _public(op: Op) -> Callable[..., Any] | None:
    """The generated function of an op that has a fast path."""
    return getattr(_methods, op.name, None) if vars(_methods).get(f"_{op.name}") is op and eligible(op) else None


def _settle(values: Iterable[Any]) -> None:
    """Wait until the device of some values is done: what it was asked to do counts to the op that asked."""
    for value in values:
        array = getattr(value, "_array", value)
        if hasattr(array, "dtype"):
            BY_TYPE[array.__class__].wait(array)
            return


def _flat(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def _node_of(results: tuple[Any, ...]) -> Any:
    """The node of the op that made some results."""
    for each in results:
        node = getattr(each, "_node", None)
        if node is not None and not node.leaf:
            return node._first if hasattr(node, "index") else node
    return None


class Recording:
    """Stands in ``Mode.profile``. Profiles inside one another share one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.memory = MemoryLog()
        self.closed = False
        self._local = threading.local()
        self._computing: set[Any] = set()

    @property
    def stack(self) -> list[Event]:
        """The events that run in this thread."""
        found: list[Event] | None = getattr(self._local, "stack", None)
        if found is None:
            found = self._local.stack = []
        return found

    def begin(self, name: str, phase: str, module: str | None, line: str | None, shapes: tuple[Any, ...] = (), rule: bool = False, entered: int = 0) -> Event:
        """Start the clock of an event inside the one that runs; since ``entered`` it was prepared."""
        entered = entered or perf_counter_ns()
        stack = self.stack
        event = Event(name, phase, 0, threading.get_ident(), stack[-1] if stack else None, module, line, shapes, rule=rule)
        self.events.append(event)
        stack.append(event)
        event.start = perf_counter_ns()
        self._exclude(event.parent, event.start - entered)
        return event

    @staticmethod
    def _exclude(event: Event | None, nanoseconds: int) -> None:
        """Time of the measuring itself is nobody's own."""
        if event is not None:
            event.inside += nanoseconds

    def end(self, event: Event) -> None:
        """Stop the clock of an event, and of what an exception left running inside it."""
        now = perf_counter_ns()
        stack = self.stack
        while not event.end and event in stack:
            last = stack.pop()
            last.end = max(now, last.start + 1)
            if last.parent is not None:
                last.parent.inside += last.duration

    # --- forward ------------------------------------------------------------------------------------------------

    def apply(self, op: Op, inputs: Any, attrs: dict[str, Any], out: Any = None) -> Any:
        """Dispatch is asked to compute ``op``."""
        entered = perf_counter_ns()
        mode = get_mode()
        token = MODE.set(mode.unprofiled())
        try:
            if self.closed:  # a copy of the context outlived the profile
                return dispatch.apply(op, inputs, attrs, memory=out)
            phase = "update" if op.kind == "update" else "forward"
            shapes = tuple([tuple(x._array.shape) if isinstance(x, TensorBase) else None for x in inputs]) if phase == "forward" else ()
            public = _public(op) if out is None else None
            first = next_seq()
            event = self.begin(op.name, phase, mode.scope, user_line(), shapes, entered=entered)
            try:
                if public is None:
                    result = dispatch.apply(op, inputs, attrs, memory=out)
                else:
                    result = public(inputs, **attrs) if op.variadic else public(**dict(zip(op.inputs, inputs, strict=True)), **attrs)
                _settle(inputs if result is None else _flat(result))
            finally:
                self.end(event)
        finally:
            MODE.reset(token)
        self._computed(event, inputs, _flat(result), first)
        return result

    def function(self, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``cls.apply(*args, **kwargs)`` of an ``autograd.Function`` is asked for; ``NotImplemented`` where this is asking."""
        key = (threading.get_ident(), cls)
        if key in self._computing or self.closed:
            self._computing.discard(key)
            return NotImplemented
        shapes = tuple([tuple(x._array.shape) if isinstance(x, TensorBase) else None for x in args])
        self._computing.add(key)
        first = next_seq()
        event = self.begin(cls.__name__, "forward", get_mode().scope, user_line(), shapes)
        try:
            result = cls.apply(*args, **kwargs)
        finally:
            self._computing.discard(key)
            self.end(event)
        self._computed(event, args, _flat(result), first)
        return result

    def _computed(self, event: Event, inputs: Any, results: tuple[Any, ...], first: int) -> None:
        """Count the bytes of an op's results and of what it keeps, and note on its node what a drawing shows.

        Its nodes are those from ``first`` on: several where operands or results had to be cast.
        """
        outside = owners(inputs)
        for each in results:
            event.results += self.memory.made(each, outside, event)
        node = _node_of(results)
        if node is not None:
            node.seconds = [event.duration / 1e9, 0.0]
            account = event.account
            waiting = [node]
            while waiting:
                each = waiting.pop()
                each.line = account.line if account.rule else each.line or event.line
                if account.rule:
                    each.scope = account.module
                saved, made = self.memory.saved(each, outside, event)
                event.saved += saved
                event.results += made
                waiting += [parent for parent in each.parents if parent is not None and not parent.leaf and parent.seq > first and parent.line is None]
        self._exclude(event.parent, perf_counter_ns() - event.end)

    # --- backward -----------------------------------------------------------------------------------------------

    def backward(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """The engine's ``run``, measured."""

        def measured(roots: Any, cotangents: Any, **options: Any) -> Any:
            if self.closed:
                return run(roots, cotangents, **options)
            leaves: dict[Any, None] = {}
            event = self.begin("backward", "backward", get_mode().scope, user_line())
            try:
                found = run(roots, cotangents, **options, watch=functools.partial(self._pulls, leaves))
            finally:
                self.end(event)
            if options.get("targets") is None:
                for leaf in leaves:
                    if leaf.grad is not None:
                        event.results += self.memory.made(leaf.grad, (), event)
            return found

        return measured

    def _pulls(self, leaves: dict[Any, None], order: list[Any], pending: dict[Any, Any]) -> Iterator[Any]:
        """The nodes of a backward pass; what happens until the next one is asked for is the time of its rule."""
        for node in order:
            if pending[node] is None or hasattr(node, "index"):  # nothing arrives here, or it is one of several outputs and passes on what does
                yield node
                continue
            asked = perf_counter_ns()
            saved = node.saved  # held until the gradients are counted: in the rule, both are alive
            outside = owners((pending[node], saved if isinstance(saved, tuple) else None))
            event = self.begin(node.op.name, "backward", node.scope, node.line, (tuple(node.shape),), rule=True, entered=asked)
            try:
                yield node
                _settle([pending.get(parent) for parent in node.parents if parent is not None])
            finally:
                self.end(event)
            for parent in node.parents:
                if parent is not None:
                    event.results += self.memory.made(pending.get(parent), outside, event)
                    if parent.leaf:
                        leaves[parent] = None
            if node.saved is SPENT:
                self.memory.released(node)
            del saved
            if node.seconds is not None:
                node.seconds = [node.seconds[0], node.seconds[1] + event.duration / 1e9]
            self._exclude(event.parent, perf_counter_ns() - event.end)

    # --- the rest -----------------------------------------------------------------------------------------------

    def replay(self, name: str, plan: Any, tensors: Any) -> Any:
        """A compiled function replays its plan, whose steps are events of their own where it is a sequence of calls."""
        with self.span(f"{name} (compiled)", "replay"):
            whole = self.stack[-1]
            measured = plan.measured()
            token = MODE.set(get_mode().unprofiled())
            try:
                result = plan(tensors) if measured is None else plan(tensors, measured.function)
            finally:
                MODE.reset(token)
            _settle(_flat(result))
            for called, step, start, end in () if measured is None else measured.parts():
                event = Event(called, "replay", start, whole.thread, whole, step.scope, step.line or None, end=end)
                self.events.append(event)
                whole.inside += event.duration
            return result

    @contextmanager
    def span(self, name: str, phase: str) -> Iterator[None]:
        """Measure what happens inside."""
        event = self.begin(name, phase, get_mode().scope, user_line())
        try:
            yield
        finally:
            self.end(event)
