"""The plan of one recorded call with Scalars: fill the workspace, run the machine, write back."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from typing import Any

from ...scalar import Recorded, Scalar
from ..errors import PlanError
from ..native.toolchain import missing
from .compare import Agreement, Captured, Fresh, Passed
from .kinds import xp
from .lower import Lowering
from .native import NativeMachine
from .numpy import Machine
from .schedule import Schedule, schedule
from .tape import Leaf, NumberResult, ScalarResult, holds


class _Gone:
    """Stands where the operands of a Scalar were that a replay computed: a backward pass that comes here says so."""

    @property
    def op(self) -> Any:
        raise PlanError("compile: backward() reached a Scalar that a compiled function returned, which has no graph. Call backward() inside the compiled function")


GONE: Any = _Gone()


def returned(x: Any) -> Any:
    """What a recorded call returns: the same as a replay, so plain numbers, and Scalars without a graph."""
    if isinstance(x, Scalar):
        return x if x.op is None else _without_graph(x._data, x._grad, x.op, x.name)
    if isinstance(x, Recorded):
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
