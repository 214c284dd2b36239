"""A plan as records: the calls that a compiled function replays, in their modules, with what became one fused call or one loop in one frame."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from autograd_core.plan import Compiled, Plan, ScalarPlan
from autograd_core.plan.graph import Argument, Captured, EntryGradient, Step, Value, values_in

from .records import Drawable, Edge, GraphRecord, OpNode, Summary, ValueNode, summarize
from .scalar_plans import schedule_record

BACKWARD = "backward"


def plan_record(drawn: Plan | ScalarPlan | Compiled, names: Mapping[str, Drawable]) -> GraphRecord:
    """The calls and values of a plan, or of the plan that a compiled function replayed last; ``names`` are those of captured tensors.

    Raises ``PlanError`` for a function that has no plan yet.
    """
    plan = drawn.plan if isinstance(drawn, Compiled) else drawn
    if isinstance(plan, ScalarPlan):
        return schedule_record(plan.schedule)
    return _Builder(plan, names, _parameters(drawn) if isinstance(drawn, Compiled) else []).record()


def _parameters(compiled: Compiled) -> list[str]:
    """The names of a function's parameters, which are those of its arguments as long as each is one tensor."""
    parameters = inspect.signature(compiled.function).parameters.values()
    plain = all(each.kind is each.POSITIONAL_OR_KEYWORD and each.default is each.empty for each in parameters)
    return [each.name for each in parameters] if plain else []


class _Builder:
    def __init__(self, plan: Plan, names: Mapping[str, Drawable], parameters: list[str]) -> None:
        self.graph = graph = plan.graph
        self.loops = plan.program.loops
        self.names = {id(tensor): name for name, tensor in reversed(list(names.items()))}
        self.leaves = {id(node): name for name, tensor in reversed(list(names.items())) if (node := getattr(tensor, "_node", None)) is not None}
        self.parameters = parameters if len(parameters) == len(graph.arguments) else []
        self.gradients = {value: self._leaf(leaf) for leaf, value in graph.gradients.items() if value is not None}
        self.kept = set(graph.kept())
        self.written = {value.root for value in graph.writes()}
        self.values: list[ValueNode] = []
        self.ops: list[OpNode] = []
        self.edges: list[Edge] = []
        self.current: dict[Value, str] = {}
        """Each value as it is now: a call that writes into one makes a new node."""

    def record(self) -> GraphRecord:
        """All steps in order."""
        together: dict[int, list[Step]] = {}
        for step, loop in self.loops.items():
            together.setdefault(loop, []).append(step)
        for number, step in enumerate(self.graph.steps, 1):
            loop = self.loops.get(step, 0)
            frame = f"fused call {number}" if step.parts else f"loop {loop}" if loop else ""
            homes = dict.fromkeys(_home(part) for part in step.parts or together.get(loop) or [step])
            home = next(iter(homes)) if len(homes) == 1 else ""
            for part in step.parts or [step]:
                self._step(part, ".".join(name for name in (home, frame) if name) or None)
        roots = tuple(dict.fromkeys(self._value(value) for value in self.graph.kept()))
        return GraphRecord(tuple(self.values), tuple(self.ops), tuple(self.edges), roots)

    def _step(self, step: Step, scope: str | None) -> None:
        reads = [each for given in step.inputs for each in ([given] if isinstance(given, (bool, int, float)) else values_in(given))]
        sources = [self._value(each) if isinstance(each, Value) else self._number(each, scope) for each in dict.fromkeys((*reads, *step.writes))]
        made = [value for value in step.outputs if value is not None]
        if not sources and not made:
            return  # it computes nothing, such as the note that a backward pass ran
        identifier = f"op{len(self.ops)}"
        symbol = step.op.label if step.op is not None else _SYMBOLS.get(step.name, step.name)
        told = (("of", step.part_of),) if step.part_of else ()
        self.ops.append(OpNode(identifier, step.name, symbol, told, scope))
        self.edges += [Edge(source, identifier, "") for source in sources]
        self.edges += [Edge(identifier, self._add(value, "result", self._result_name(value), scope)) for value in made if value not in step.writes]
        self.edges += [Edge(identifier, self._add(value, "result", self._written_name(value), scope), "writes") for value in step.writes]

    def _number(self, number: float, scope: str | None) -> str:
        identifier = f"v{len(self.values)}"
        self.values.append(ValueNode(identifier, "constant", None, (), summarize(number), None, scope))
        return identifier

    def _add(self, value: Value, role: str, name: str | None, scope: str | None = None) -> str:
        identifier = f"v{len(self.values)}"
        self.values.append(ValueNode(identifier, role, name, value.shape, Summary(value.shape, str(value.dtype)), None, scope))
        self.current[value] = identifier
        return identifier

    def _value(self, value: Value) -> str:
        known = self.current.get(value)
        if known is not None:
            return known
        name = self._name(value)
        mine = name is None or name == "state"  # nothing that the user knows: numbers from inside the function, and an optimizer's memory
        return self._add(value, "constant" if mine else "leaf", name)

    def _name(self, value: Value) -> str | None:
        origin = value.origin
        if isinstance(origin, Argument):
            return self.parameters[origin.index] if self.parameters else f"argument {origin.index}"
        if isinstance(origin, EntryGradient):
            return f"{self._leaf(origin.leaf)}.grad before"
        if isinstance(origin, Captured):
            known = None if origin.tensor is None else self.names.get(id(origin.tensor)) or origin.tensor.name
            return known or ("state" if value.root in self.written else None)
        return None

    def _written_name(self, value: Value) -> str | None:
        name = self._name(value)
        return f"{name}, new" if name else self._result_name(value)

    def _result_name(self, value: Value) -> str | None:
        leaf = self.gradients.get(value)
        return f"{leaf}.grad" if leaf else "result" if value in self.kept else None

    def _leaf(self, leaf: Any) -> str:
        return self.leaves.get(id(leaf)) or leaf.name or "leaf"


_SYMBOLS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "dot": "@", "matmul": "@", "add.reduce": "Σ", "negative": "-"}


def _home(step: Step) -> str:
    """The frame of a step: its module, else the backward pass or the update that it is part of."""
    whole = step.part_of or step.name
    return step.scope or (BACKWARD if "vjp" in whole else whole if whole.endswith("_update") else "")
