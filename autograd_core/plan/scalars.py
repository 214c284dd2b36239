"""Compiled functions of Scalars: recorded as a tape, replayed as array operations over one workspace of numbers.

``record.py`` keeps a ``Tape`` beside the graph of Tensors. Once a compiled function has shown that it computes with Scalars,
its calls come here. Numbers among the arguments are live: they are given to the function as recorded numbers, so that a
learning rate or a data point may change from call to call.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..scalar import Scalar
from ..storage import TensorBase
from .errors import PlanError
from .native.toolchain import missing
from .record import Recorder
from .scalars_compare import Agreement, Captured, Fresh, Passed, agreed, entangled
from .scalars_kinds import xp
from .scalars_lower import Lowering
from .scalars_native import NativeMachine
from .scalars_numpy import Machine
from .scalars_schedule import Schedule, schedule
from .scalars_tape import LIMIT, Leaf, NumberResult, ScalarResult, Tape, holds

SIGNATURES = 32
"""How many signatures, and how many plans of each, are remembered."""


class _Gone:
    """Stands where the operands of a Scalar were that a replay computed: a backward pass that comes here says so."""

    @property
    def op(self) -> Any:
        raise PlanError("compile: backward() reached a Scalar that a compiled function returned, which has no graph. Call backward() inside the compiled function")


GONE: Any = _Gone()


class Calls:
    """What a compiled function remembers of its calls with Scalars."""

    def __init__(self, function: Callable[..., Any], exact: bool, backend: str) -> None:
        self.function = function
        self.exact, self.backend = exact, backend
        self.entries: OrderedDict[Any, Entry] = OrderedDict()
        self.last: ScalarPlan | None = None

    def __call__(self, args: Any, kwargs: Any) -> Any:
        """Replay, or record what is new."""
        numbers: list[Any] = []
        scalars: list[Scalar] = []
        key = (signature(args, numbers, scalars), signature(kwargs, numbers, scalars))
        entry = self._entry(key, args, kwargs)
        for plan in entry.plans:
            if plan.fits(numbers, scalars):
                self.last = plan
                return plan(numbers, scalars)
        recorder = Recorder(())
        tape = recorder.tape
        tape.arguments = {id(x): i for i, x in reversed(list(enumerate(scalars)))}
        try:
            result = recorder.run(self.function, wrapped(args, tape), wrapped(kwargs, tape))
        except PlanError:
            raise
        except Exception as error:
            if tape.events or self.entries.keys() != {key}:
                raise
            raise _raw_arrays(args, kwargs, error) from error
        if not tape.events and self.entries.keys() == {key}:
            raise _raw_arrays(args, kwargs, None)
        if recorder.graph.steps:
            raise PlanError(f"compile: Tensors are computed in a function that computed with Scalars before, at {recorder.graph.steps[0].line}. "
                            "Compile the part with Scalars and the part with Tensors as functions of their own")
        return self._recorded(entry, recorder, result)

    def adopt(self, recorder: Recorder, args: Any, kwargs: Any, result: Any) -> Any:
        """Take over the first recording, whose arguments were given to the function as they are."""
        numbers: list[Any] = []
        scalars: list[Scalar] = []
        key = (signature(args, numbers, scalars), signature(kwargs, numbers, scalars))
        recorder.tape.given = numbers
        recorder.tape.plainly = True
        return self._recorded(self._entry(key, args, kwargs), recorder, result)

    @property
    def plans(self) -> list[ScalarPlan]:
        """All plans."""
        return [plan for entry in self.entries.values() for plan in entry.plans]

    def _entry(self, key: Any, args: Any, kwargs: Any) -> Entry:
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry((args, kwargs))
            if len(self.entries) > SIGNATURES:
                self.entries.popitem(last=False)
        return entry

    def _recorded(self, entry: Entry, recorder: Recorder, result: Any) -> Any:
        later = recorder.tape
        described = recorder.graph.results
        for i, (earlier, results) in enumerate(entry.pending):
            if not entangled(earlier, later) and holds(later.questions, later.sources, earlier.given) and holds(earlier.questions, earlier.sources, later.given):
                del entry.pending[i]
                with without_collection():
                    self.last = ScalarPlan(agreed(earlier, later, (results, described)), self.exact, self.backend)
                entry.plans.append(self.last)
                del entry.plans[:-SIGNATURES]
                return returned(result)
        entry.pending.append((later, described))
        del entry.pending[:-SIGNATURES]
        return returned(result)


@contextmanager
def without_collection() -> Iterator[None]:
    """Millions of small objects without a cycle are about to be made, which the collector would look through again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Entry:
    """What is known of one signature."""

    def __init__(self, alive: Any) -> None:
        self.plans: list[ScalarPlan] = []
        self.pending: list[tuple[Tape, Any]] = []
        self.alive = [x for x in _leaves(alive) if not isinstance(x, (Scalar, float, int)) and not _is_array(x)]
        """Objects that the signature knows by identity: their address must not be given to others."""


def _raw_arrays(args: Any, kwargs: Any, error: Exception | None) -> Exception:
    """What to say of a function of raw arrays that turned out to compute nothing with Scalars."""
    for x in _leaves((args, kwargs)):
        if _is_array(x) and not _is_number(x):
            return PlanError(f"compile: an argument is a raw array of shape {tuple(x.shape)}, whose values a plan would keep. Pass a Tensor: autograd_core.from_numpy(array)")
    return error or PlanError("compile: the function computes nothing that a plan could repeat")


# --- arguments ----------------------------------------------------------------------------------------------------


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__array_interface__") and not isinstance(x, TensorBase)


def _is_number(x: Any) -> bool:
    kind = x.__class__
    return kind is float or (kind is int and -LIMIT <= x <= LIMIT) or isinstance(x, (xp.floating, xp.integer))


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, (tuple, list)):
        return [found for each in x for found in _leaves(each)]
    if isinstance(x, dict):
        return [found for each in x.values() for found in _leaves(each)]
    return [x]


def arrives(args: Any, kwargs: Any) -> bool:
    """Whether arguments show that a function computes with Scalars: there are some among them, or raw arrays of numbers."""
    return any(isinstance(x, Scalar) or (_is_array(x) and x.shape) for x in _leaves((args, kwargs)))


def signature(x: Any, numbers: list[Any], scalars: list[Scalar]) -> Any:
    """What of an argument makes a plan another one; appends the numbers and the Scalars in it."""
    kind = x.__class__
    if kind is float:
        numbers.append(x)
        return float
    if isinstance(x, (tuple, list)):
        return (kind, *[signature(each, numbers, scalars) for each in x])
    if kind is Scalar:
        for i, known in enumerate(scalars):
            if known is x:
                return ("same", i)
        scalars.append(x)
        return Scalar
    if isinstance(x, dict):
        return (kind, *[(key, signature(each, numbers, scalars)) for key, each in x.items()])
    if _is_number(x):
        numbers.append(x if kind is int else x.item())
        return int if kind is int or isinstance(x, xp.integer) else float
    if isinstance(x, TensorBase):
        raise PlanError("compile: a Tensor is an argument of a function that computes with Scalars. Pass its numbers: tensor.tolist()")
    if _is_array(x) and x.dtype.kind in "fiu":
        numbers += x.ravel().tolist()
        return ("array", x.shape, x.dtype.kind)
    if _is_array(x):
        raise PlanError(f"compile: an argument is a raw array of {x.dtype}, whose values a plan would keep. Pass a list, or an array of floats or ints")
    if x is None or kind in (bool, int, str, bytes, complex):
        return (kind, x)
    return (kind, id(x))


def wrapped(x: Any, tape: Tape) -> Any:
    """An argument with its numbers as recorded numbers, in the order of ``signature``."""
    kind = x.__class__
    if isinstance(x, (tuple, list)):
        parts = [wrapped(each, tape) for each in x]
        return kind(*parts) if hasattr(x, "_fields") else tuple(parts) if isinstance(x, tuple) else parts
    if isinstance(x, dict):
        return {key: wrapped(each, tape) for key, each in x.items()}
    if _is_number(x):
        return tape.argument(x if kind in (int, float) else x.item())
    if _is_array(x) and x.dtype.kind in "fiu":
        if not x.shape:
            return tape.argument(x.item())
        numbers = xp.empty(x.size, dtype=object)
        numbers[:] = [tape.argument(each) for each in x.ravel().tolist()]
        return numbers.reshape(x.shape)
    return x


def returned(x: Any) -> Any:
    """What a recorded call returns: the same as a replay, so plain numbers, and Scalars without a graph."""
    if isinstance(x, Scalar):
        return x if x.op is None else _without_graph(x._data, x._grad, x.op, x.name)
    if hasattr(x, "reference") and hasattr(x, "tape"):
        return x.value
    if isinstance(x, (tuple, list)):
        parts = [returned(each) for each in x]
        return x.__class__(*parts) if hasattr(x, "_fields") else x.__class__(parts)
    if isinstance(x, dict):
        return {key: returned(each) for key, each in x.items()}
    return x


def _without_graph(data: float, grad: float, op: Any, name: str | None) -> Scalar:
    made = Scalar(data, name)
    made._grad = grad
    if op is not None:
        made.op, made.left, made.right, made._left_gradient, made._right_gradient = op, GONE, None, 0.0, None
    return made


# --- the plan -----------------------------------------------------------------------------------------------------


class ScalarPlan:
    """One recorded call with Scalars, ready to be repeated."""

    def __init__(self, agreement: Agreement, exact: bool, backend: str) -> None:
        begun = time.perf_counter()
        tape = agreement.tape
        self.exact = exact
        self.recorded = len(tape.events)
        self.questions, self.sources = tape.questions, tape.sources
        lowering = Lowering(agreement, exact)
        self.leaves = agreement.leaves
        data, grad = lowering.written()
        self.results = agreement.results
        self._returned: dict[Any, tuple[int, int | None]] = {}
        for result in _results(self.results):
            self._returned[result] = lowering.result(result)
        checked = [(node, what, None if event < 0 else tape.line(event)) for node, what, event in lowering.checked]
        wanted = [*data.values(), *grad.values(), *[node for pair in self._returned.values() for node in pair if node is not None], *[node for node, _, _ in checked]]
        self.schedule: Schedule = schedule(lowering.program, wanted)
        self.why_not_native = "backend='numpy'" if backend == "numpy" else (missing() or "") if backend == "auto" else ""
        self.machine = Machine(self.schedule, exact) if self.why_not_native else NativeMachine(self.schedule, exact)
        place = self.schedule.place
        inputs = self.schedule.inputs
        self._given, self._data, self._grad = inputs["given"], inputs["data"], inputs["grad"]
        self._write_data, self._write_grad = list(data), list(grad)
        """The leaves that are written; what they get lies at ``_slots``, first the data."""
        self._slots = xp.array([place[node] for nodes in (data, grad) for node in nodes.values()], dtype=xp.int64)
        self._only: list[Any] = [leaf for leaf in self.leaves if leaf.__class__ is Passed and leaf.only is not None]
        self._from_arguments = any(leaf.__class__ is Passed for leaf in self.leaves)
        self._holders = self._held(())
        self._checked = [(place[node], what, line) for node, what, line in checked]
        self._places = {result: (place[value], None if gradient is None else place[gradient]) for result, (value, gradient) in self._returned.items()}
        self._names = tape.names
        self._leaf_events = {i: event.which for i, event in enumerate(tape.events) if event.__class__ is Leaf}
        self._captured = {id(leaf.scalar) for leaf in self.leaves if leaf.__class__ is Captured}
        self._view: Any = memoryview(self.machine.workspace)
        self.built_in = time.perf_counter() - begun

    def fits(self, numbers: Sequence[Any], scalars: Sequence[Scalar]) -> bool:
        """Whether Python would decide the same for these arguments."""
        if scalars:
            if not self._captured.isdisjoint([id(x) for x in scalars]) or any([x.op is not None for x in scalars]):
                return False
            if any([scalars[leaf.position] is not leaf.only for leaf in self._only]):
                return False
        return not self.questions or holds(self.questions, self.sources, numbers)

    def __call__(self, numbers: Sequence[Any], scalars: Sequence[Scalar]) -> Any:
        """Repeat the step."""
        workspace = self.machine.workspace
        held, read, written = self._held(scalars) if self._from_arguments else self._holders
        view = self._view
        start, which = self._given
        if which:
            view[start : start + len(which)] = array("d", [numbers[i] for i in which])
        start, which = self._data
        if which:
            view[start : start + len(which)] = array("d", [x._data for x in read[0]])
        start, which = self._grad
        if which:
            view[start : start + len(which)] = array("d", [x._grad for x in read[1]])
        self.machine.run()
        if self._checked:
            self._check(workspace)
        left = iter(workspace.take(self._slots).tolist())
        for x in written[0]:
            x._data = next(left)
        for x in written[1]:
            x._grad = next(left)
        return self._result(self.results, workspace, held)

    def _held(self, scalars: Sequence[Scalar]) -> tuple[list[Any], tuple[list[Scalar], list[Scalar]], tuple[list[Scalar], list[Scalar]]]:
        """The Scalars that stand for the leaves in this call; those whose data and gradients are read; those whose are written."""
        held: list[Any] = [leaf.scalar if leaf.__class__ is Captured else scalars[leaf.position] if leaf.__class__ is Passed and scalars else None for leaf in self.leaves]
        read, written = (self._data[1], self._grad[1]), (self._write_data, self._write_grad)
        return held, ([held[i] for i in read[0]], [held[i] for i in read[1]]), ([held[i] for i in written[0]], [held[i] for i in written[1]])

    def _check(self, workspace: Any) -> None:
        for slot, what, line in self._checked:
            value = float(workspace[slot])
            where = "" if line is None else f" (in a replayed step, recorded at {line})"
            if what == "divisor" and value == 0.0:
                raise ZeroDivisionError(f"float division by zero{where}")
            if what == "power" and (value != value or value in (float("inf"), float("-inf"))):
                raise OverflowError(f"a power of numbers is no float{where}")

    def _result(self, result: Any, workspace: Any, held: Sequence[Any]) -> Any:
        if result.__class__ is NumberResult:
            return float(workspace[self._places[result][0]])
        if result.__class__ is ScalarResult:
            leaf = self._leaf_events.get(result.scalar)
            if leaf is not None and held[leaf] is not None:
                return held[leaf]
            value, gradient = self._places[result]
            op, name = self._names[result.scalar]
            return _without_graph(float(workspace[value]), float(workspace[gradient]), op, name)
        if isinstance(result, (tuple, list)):
            parts = [self._result(each, workspace, held) for each in result]
            return result.__class__(*parts) if hasattr(result, "_fields") else result.__class__(parts)
        if isinstance(result, dict):
            return {key: self._result(each, workspace, held) for key, each in result.items()}
        return result

    # --- looking --------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """The plan in words: what was recorded, what became of it, what it cost to build."""
        counts, groups = self.schedule.counts, self.schedule.groups
        fresh = sum(leaf.__class__ is Fresh for leaf in self.leaves)
        lines = [
            f"recorded         {self.recorded} operations, reads and writes of Scalars; {len(self.leaves) - fresh} Scalars from outside, {fresh} made inside",
            f"numbers          {counts['numbers']} with the backward passes, {counts['live']} of them needed after {counts['merged']} sums became part of others",
            f"multiply-adds    {counts['terms']} in sums of products",
            f"replayed groups  {len(groups)} on {max([group.level for group in groups], default=0)} levels",
            f"memory           {8 * self.schedule.size} bytes of numbers",
            f"machine          {self.machine.name}" + (f": {self.why_not_native}" if self.why_not_native else ""),
            f"built in         {self.built_in * 1e3:.1f} ms",
        ]
        return "\n".join(lines)

    def source(self) -> str:
        """The groups level by level: ``w[a:b]`` are the numbers that a group computes."""
        lines = [f"w: {self.schedule.size} numbers"]
        for what, (start, which) in self.schedule.inputs.items():
            if which:
                lines.append(f"w[{start}:{start + len(which)}] = {len(which)} {_INPUTS[what]}")
        level = 0
        for group in self.schedule.groups:
            if group.level != level:
                level = group.level
                lines.append(f"level {level}")
            operands = ", ".join(_shown(index) for index in group.operands if index is not None)
            lines.append(f"    w[{group.start}:{group.start + group.count}] = {group.name} ({operands})")
        return "\n".join(lines)

    def draw(self, **options: Any) -> Any:
        """The groups as a picture: ``viz.draw(plan, **options)``."""
        from viz import draw

        return draw(self, **options)

    def __repr__(self) -> str:
        return f"<Plan of {len(self.schedule.groups)} groups of numbers>"


_INPUTS = {"constant": "constants", "given": "numbers among the arguments", "data": "Scalars' data", "grad": "Scalars' gradients"}


def _shown(index: Any) -> str:
    """Which numbers an operand is gathered from."""
    low, high = int(index.min()), int(index.max())
    if low == high:
        return f"w[{low}]"
    in_order = index.ndim == 1 and high - low + 1 == index.size and bool((index[1:] > index[:-1]).all())
    return f"w[{low}:{high + 1}]" if in_order else f"{index.size} of w[{low}:{high + 1}]"


def _results(x: Any) -> list[Any]:
    if isinstance(x, (ScalarResult, NumberResult)):
        return [x]
    if isinstance(x, (tuple, list)):
        return [found for each in x for found in _results(each)]
    if isinstance(x, dict):
        return [found for each in x.values() for found in _results(each)]
    return []
