"""A plan: the agreed graph of a function, the code generated from it, and one call of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from sys import getrefcount
from types import SimpleNamespace
from typing import Any

from ..backend.registry import backend_for_device
from ..engine import WRITES
from ..notebook import plan_html
from ..storage import wrap
from .cuda import CudaProgram, device_of
from .cuda import lower as lower_on_device
from .errors import StaleError
from .graph import Argument, Captured, Constant, EntryGradient, Graph, Value, replaced
from .heap import give_back
from .lower import lower
from .measured import Measured
from .memory import Layout, plan_memory
from .native.backend import NativeProgram, OverlapError
from .numpy_backend import Program
from .passes import DONE, PASSES
from .steady import steady

AVAILABLE = {"lower": True, **{name: exact for name, (_, exact) in PASSES.items()}, "memory": True}
"""All passes with whether they are exact: kernels are taken apart, the graph is made smaller, memory is planned."""
GENERAL = ("lower", "constants", "simplify", "common", "dead", "copies", "memory")
"""Passes for every back end. The others cut arrays into blocks for a processor's cache: devices have none, and machine code makes loops in its own way."""
_numbers = itertools.count(1).__next__


def default_passes(exact: bool) -> tuple[str, ...]:
    """The passes that run where none are named: with ``exact`` those alone that keep every bit."""
    return tuple(name for name, keeps in AVAILABLE.items() if keeps or not exact)


def _question(position: int, asked: Sequence[tuple[str, bool]]) -> Callable[[Any], bool] | None:
    """Whether the numbers of an update still give the answers that they gave when its kernel was taken apart."""
    if not asked:
        return None
    text = " and ".join(f"({expression}) is {answer}" for expression, answer in dict.fromkeys(asked))
    return eval(f"lambda u{position}: {text}")  # type: ignore[no-any-return]  # expressions over attributes, made by Live


def _all(parts: Sequence[str], names: dict[str, Any]) -> Callable[[Any], bool]:
    """Whether all of some expressions over named objects and the argument ``tensors`` are true: written out, which is faster than any loop over them."""
    return eval(f"lambda tensors: {' and '.join(parts) or True}", names)  # type: ignore[no-any-return]  # expressions that the plan makes


def _holders(leaf: Any) -> int:
    """How many references there are to a leaf's gradient and its memory."""
    return getrefcount(leaf.grad) + getrefcount(leaf.grad._array)


ALONE = _holders(SimpleNamespace(grad=SimpleNamespace(_array=object())))
"""The references to a gradient that nobody but its leaf holds."""


class Plan:
    """What one signature of a compiled function replays."""

    def __init__(self, graph: Graph, tensors: list[Any], passes: Sequence[str] = tuple(AVAILABLE), native: bool = False) -> None:
        started = time.perf_counter()
        self.graph = graph
        self.recorded = len(graph.steps)
        self.removed: dict[str, int] = {}
        """Pass -> how many steps it removed, moved or joined."""
        self.cost: dict[str, float] = {}
        """Pass -> seconds that it took."""
        backend, index = device_of(graph, tensors)
        on_host = backend.name == "cpu"
        native = native and on_host
        blocks = "fuse" not in passes and not native
        if native or not on_host:
            passes = [name for name in passes if name in GENERAL]
        if "lower" in passes:
            with self._timed("lower"):
                if on_host:
                    lower(graph, blocks=blocks)
                else:
                    lower_on_device(graph, tensors, backend)
        known = [read for read, _, _ in graph.live]
        graph.live += [(step.live, {}, ()) for step in graph.steps if step.live is not None and step.live not in known]
        self.calls = len(graph.steps)
        for name in PASSES:
            if name in passes:
                with self._timed(name):
                    self.removed[name] = PASSES[name][0](graph)
        self._leaf_of_argument = {tensor._node: i for i, tensor in enumerate(tensors) if tensor._node is not None}
        if native:
            self.program: Program = NativeProgram(graph, _numbers())
        elif on_host:
            self.program = Program(graph, plan_memory(graph, side_by_side=Program.side_by_side, guests=True) if "memory" in passes else Layout(), _numbers())
        else:
            self.program = CudaProgram(graph, plan_memory(graph, side_by_side=False) if "memory" in passes else Layout(), _numbers(), backend, index)
        self.layout = self.program.layout
        self._position = {value: i for i, value in enumerate(self.program.kept)}
        self._live = [(read, tuple(decides.items()), _question(i, asked)) for i, (read, decides, asked) in enumerate(graph.live)]
        self._names: dict[str, Any] = {}
        self._measured: Measured | None = None
        self._steady: Callable[[Sequence[Any]], Any] | None = None
        self._holds = self._asked_of_outside()
        self._still = _all([f"t{i}._array is a{i}" for i in range(self._count)], self._names)
        self._alone = isinstance(graph.results, Value) and graph.results.origin is None and self.program.kept == [graph.results]
        own = self._own_gradients()
        self._renew(own)
        if own is not None:
            own.clear()  # it counts as a holder too
            self._hand_over()
        self._written = [value for value in graph.writes() if isinstance(value.origin, (Argument, EntryGradient))]
        context = copy_context()
        context.run(backend_for_device("cpu").quiet)  # to enter a prepared context takes a tenth of the time
        self._watched = context.run
        self._agreed: list[Any] = [self] * len(self._live)
        """The attributes of each update that were looked at last; what is there at first is none of them, and not the ``None`` of an optimizer with other state."""
        give_back(self.layout.nbytes + sum(value.nbytes for value in self.layout.lasting))
        self.built_in = time.perf_counter() - started
        self.why_not_native = ""
        """Why there is no machine code, in words."""

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.cost[name] = time.perf_counter() - started

    # --- guards -------------------------------------------------------------------------------------------------

    def holds(self, tensors: Sequence[Any]) -> bool:
        """Whether what the plan depends on, besides the arguments, is as it was when it was recorded."""
        return self._holds(tensors)

    def _asked_of_outside(self) -> Callable[[Any], bool]:
        """The question that ``holds`` asks: modes of modules, gradients that are there, and that what is captured asks for gradients as before."""
        tensors = [value.origin.tensor for _, value in self.program.captured if isinstance(value.origin, Captured) and value.origin.tensor is not None]
        self._names.update({f"t{i}": tensor for i, tensor in enumerate(tensors)})
        self._count = len(tensors)
        return _all([*self._modes(), *[f"t{i}._node is n{i}" for i in range(len(tensors))]], self._names)

    def _modes(self, known: Container[Any] = ()) -> list[str]:
        """Expressions that ask for the modes of modules and for gradients at the beginning, besides those of ``known`` leaves."""
        names, parts = self._names, []
        for i, (module, training) in enumerate(self.graph.training.items()):
            names[f"m{i}"] = module
            parts.append(f"m{i}.training is {training}")
        for i, (leaf, present) in enumerate(self.graph.entry.items()):
            names[f"l{i}"] = leaf
            argument = self._leaf_of_argument.get(leaf)
            if leaf not in known:
                parts.append(f"{f'l{i}' if argument is None else f'tensors[{argument}]._node'}.grad is {'not ' if present else ''}None")
        return parts

    def _guards(self, known: Container[Any]) -> list[str]:
        """Expressions that ask whether all that the plan depends on is as it was at its last call, besides arguments and the gradients of ``known`` leaves."""
        return [*self._modes(known), *[f"t{i}._array is a{i} and t{i}._node is n{i}" for i in range(self._count)]]

    def _rebind(self) -> None:
        count = 0
        for name, value in self.program.captured:
            origin = value.origin
            assert isinstance(origin, Captured)
            array = origin.array
            if origin.tensor is not None:
                array = origin.tensor._array
                if array.shape != value.shape or array.dtype != value.dtype or array.strides != value.strides:
                    raise StaleError(f"a tensor of {value.dtype} {list(value.shape)} from outside is {array.dtype} {list(array.shape)} now, or lies in another order")
                node = origin.tensor._node
                self._names[f"a{count}"], self._names[f"n{count}"] = array, node if node is None or node.leaf else None
                count += 1
            self.program.globals[name] = array
        self.program.bind()
        self._entries = WRITES.prepared([self.program.globals[self.program.names[value]] for value in self.graph.writes() if isinstance(value.origin, Captured)], "a replayed step")

    def _own_gradients(self) -> dict[Value, Any] | None:
        """The gradients that the recording left, whose memory may be the plan's from now on; ``None`` if somebody else holds one."""
        found: dict[Value, Any] = {}
        lasting = set(self.layout.lasting)
        for leaf, value in self.graph.gradients.items():
            if value is None or value not in lasting:
                continue
            if leaf in self._leaf_of_argument or leaf.grad is None or _holders(leaf) > ALONE:
                return None
            array = leaf.grad._array
            if array.base is None and array.flags.c_contiguous and (array.shape, array.dtype, array.strides) == (value.shape, value.dtype, value.strides):
                found[value] = array
        return found

    def _renew(self, own: dict[Value, Any] | None = None) -> None:
        """Gradients in new memory; in that of what the recording left, where that is ``own``."""
        arrays = self.program.renew(own or {})
        self._lent = [wrap(array) for array in arrays]
        self._lent_arrays = list(arrays)
        self._counted = [*self._lent, *arrays]
        self._gradient_of = dict(zip(self.layout.lasting, self._lent, strict=True))
        self._held = 0
        known = self._leaf_of_argument
        gradients = self.graph.gradients.items()
        self._landing = [(leaf, self._gradient_of[value]) for leaf, value in gradients if value in self._gradient_of and leaf not in known]
        self._other_gradients = [(leaf, value) for leaf, value in gradients if value not in self._gradient_of or leaf in known]
        for i, (leaf, lent) in enumerate(self._landing):
            self._names.update({f"g{i}": leaf, f"d{i}": lent, f"b{i}": lent._array})
        leaf = lent = None
        self._rebind()

    def _hand_over(self) -> None:
        """Let the leaves hold the plan's gradients already, with the numbers that the recording left."""
        for leaf, lent in self._landing:
            if lent._array is not leaf.grad._array:
                lent._array[...] = leaf.grad._array
            leaf.grad = lent
        lent = None  # so that no variable here counts as a holder
        self._held = self._holders(())

    def _holders(self, tensors: Sequence[Any]) -> int:
        """How many references there are to the gradients that were handed out, and to their memory, besides those of the leaves that have them now."""
        holding = sum([leaf.grad is lent for leaf, lent in self._landing])
        for leaf, value in self._other_gradients:
            argument = self._leaf_of_argument.get(leaf)
            target = leaf if argument is None or not tensors else tensors[argument]._node
            holding += value in self._gradient_of and target.grad is self._gradient_of[value]
        return sum(map(getrefcount, self._counted)) - holding

    def _taken(self, tensors: Sequence[Any]) -> bool:
        """Whether a gradient that was handed out, or its memory, is somebody else's by now."""
        if any([lent._array is not array for lent, array in zip(self._lent, self._lent_arrays, strict=True)]):
            return True
        return self._held > 0 and self._holders(tensors) > self._held

    def plain(self, tensors: Sequence[Any]) -> Callable[[Sequence[Any]], Any]:
        """The call for arguments that look like these tensors, with nothing else among them; see ``steady.py``."""
        if self._steady is None:
            self._steady = steady(self, tensors)
        return self._steady

    # --- calling ------------------------------------------------------------------------------------------------

    def measured(self) -> Measured | None:
        """The code that tells how long each step took; ``None`` where a plan is no sequence of calls."""
        if self._measured is None and type(self.program) is Program:
            self._measured = Measured(self.program)
        return self._measured

    def __call__(self, tensors: Sequence[Any], function: Callable[..., Any] | None = None) -> Any:
        """Replay on the argument tensors, by the ``function`` of ``measured`` if it is given.

        Raises ``StaleError`` before anything is done if the function must be recorded again.
        """
        if not self._still(tensors):
            self._rebind()
        if self._lent and self._taken(tensors):
            self._renew()
        live = []
        for i, (read, _, _) in enumerate(self._live):
            attrs = read()
            if attrs is not self._agreed[i]:
                self._agree(i, attrs)
            live.append(attrs)
        try:
            kept = self._watched(function or self.program.function, *[tensor._array for tensor in tensors], *live)
        except Exception as error:
            raise self._explained(error) from error
        return self._finish(tensors, kept)

    def _agree(self, i: int, attrs: dict[str, Any] | None) -> None:
        """Take other attributes of an update, unless they would make it another one."""
        _, decides, asked = self._live[i]
        if attrs is None:
            raise StaleError("the parameters or the state of an optimizer are others")
        for key, value in decides:
            if attrs[key] != value:
                raise StaleError(f"the option {key} of an optimizer was {value!r} and is {attrs[key]!r}")
        if asked is not None and not asked(attrs):
            raise StaleError("an option of an optimizer became 0, or is 0 no longer")
        self._agreed[i] = attrs

    def _finish(self, tensors: Sequence[Any], kept: Any) -> Any:
        position = self._position
        if self._entries.references:
            WRITES.note_prepared(self._entries)
        for module, training in self.graph.modes.items():
            module.training = training
        if self._written:
            WRITES.note_all([self._array(value, tensors) for value in self._written], "a replayed step")
        for leaf, lent in self._landing:
            lent._node = lent._view = None
            leaf.grad = lent
        for leaf, value in self._other_gradients:
            argument = self._leaf_of_argument.get(leaf)
            target = leaf if argument is None else tensors[argument]._node
            lent = None if value is None else self._gradient_of.get(value)
            if lent is not None:
                lent._node = lent._view = None
                target.grad = lent
            else:
                target.grad = None if value is None else wrap(kept[position[value]])
        lent = None  # so that no variable here counts as a holder
        if self._lent and not self._held:
            self._held = self._holders(tensors)
        return wrap(kept[0]) if self._alone else self._results(tensors, kept)

    def _results(self, tensors: Sequence[Any], kept: Any) -> Any:
        """What the function returned, with these arrays."""
        position = self._position
        made: dict[Value, Any] = {}

        def result(value: Value) -> Any:
            origin = value.origin
            if isinstance(origin, Argument):
                return tensors[origin.index]
            if isinstance(origin, Captured) and origin.tensor is not None:
                return origin.tensor
            if isinstance(origin, EntryGradient):
                return origin.leaf.grad
            tensor = made.get(value)
            if tensor is None:
                array = kept[position[value]]
                if isinstance(origin, Constant) and hasattr(array, "__setitem__") and array is origin.array:
                    array = array.copy()
                tensor = made[value] = wrap(array)
            return tensor

        return replaced(self.graph.results, result)

    def _array(self, value: Value, tensors: Sequence[Any]) -> Any:
        origin = value.origin
        if isinstance(origin, Argument):
            return tensors[origin.index]._array
        return origin.leaf.grad._array

    def _explained(self, error: Exception) -> Exception:
        """The kernel's error with the op and the user's line."""
        if not isinstance(error, (StaleError, OverlapError)):  # which come before anything is done
            self._abandon()
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.program.filename:
                step = self.program.step_of_line.get(trace.tb_lineno)
                if step is not None:
                    kind = type(error) if type(error).__init__ in (IndexError.__init__, RuntimeError.__init__, TypeError.__init__, ValueError.__init__) else RuntimeError
                    said = str(error)
                    named = said.startswith((f"{step.name}:", f"{step.op.spoken if step.op is not None else step.name}:"))
                    return kind(f"{'' if named else step.name + ': '}{said} (in a replayed step, recorded at {step.line})")
            trace = trace.tb_next
        return error

    def _abandon(self) -> None:
        """Take back the gradients, after a step that failed: other values of it may lie in their memory. The function itself has dropped them by then."""
        if self.layout.guests:
            for leaf, lent in self._landing:
                if leaf.grad is lent:
                    leaf.grad = None

    # --- looking ------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """The plan in words: calls, memory, what each pass removed, what it cost to build."""
        updates = sum(step.kind == "update" for step in self.graph.steps)
        views = len(self.program.binding) - 5 if len(self.program.binding) > 4 else 0
        lines = [
            f"recorded steps   {self.recorded}",
            f"library calls    {self.calls} after taking the kernels apart" + (f", {self.cost['lower'] * 1e3:.1f} ms" if "lower" in self.cost else ""),
            *([f"back end         NumPy: {self.why_not_native}"] if self.why_not_native else []),
            *self.program.summary(),
            *[f"{'pass ' + name:<17}{count} {DONE.get(name, 'removed')}, {'exact' if PASSES[name][1] else 'reassociates'}, {self.cost[name] * 1e3:.1f} ms"
              for name, count in self.removed.items()],
            f"replayed calls   {len(self.graph.steps) - views}, {updates} of them whole update rules; {views} views made once",
            f"memory           {self.layout.nbytes} bytes of its own, {len(self.layout.sizes)} pieces for {len(self.layout.place)} results, "
            f"{self.layout.in_place} of them in place of an operand; {len(self.layout.guests)} pieces in the memory of gradients",
            f"built in         {self.built_in * 1e3:.1f} ms",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Plan of {len(self.graph.steps)} calls>"

    def _repr_html_(self) -> str:
        return plan_html(self)

    def draw(self, **options: Any) -> Any:
        """The plan's calls and values as a picture: ``viz.draw(plan, **options)``."""
        from viz import draw

        return draw(self, **options)

    def source(self) -> str:
        """The generated code."""
        return self.program.shown()
