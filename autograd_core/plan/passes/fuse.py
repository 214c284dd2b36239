"""Long elementwise chains: worked through in blocks that stay in the cache, so that what is only passed on never reaches memory. Exact.

A step joins the group before it if it is elementwise on as many elements, all in row-major order: it may make a result,
or write into memory of an optimizer. Steps in between that do not need the group go before it, those that do after it;
the first that writes, or is a whole kernel, ends it. Reshaped results of a group are the results themselves.
"""

from __future__ import annotations

from collections import Counter

from ..graph import Argument, Graph, Step, Value, replaced
from ..memory import flat

SMALLEST = 1 << 16
"""Elements from which on a chain is worth it."""


def fuse(graph: Graph) -> int:
    """Join chains; returns how many steps went into others."""
    return _Fusion(graph, sums=False).run()


def fuse_sums(graph: Graph) -> int:
    """Join chains, and let them end in sums over everything, which are then added up block by block: not the order of eager."""
    return _Fusion(graph, sums=True).run()


class _Fusion:
    """One walk over a graph, with the group that is being collected."""

    def __init__(self, graph: Graph, sums: bool) -> None:
        self.graph = graph
        self.sums = sums
        self.last: dict[Value, int] = {}
        for i, step in enumerate(graph.steps):
            for value in step.reads():
                self.last[value.root] = i
        self.kept = {value.root for value in graph.kept()}
        self.uses = Counter(value for step in graph.steps for value in (*dict.fromkeys(step.reads()), *step.writes))
        self.uses.update(graph.kept())
        self.position = {id(step): i for i, step in enumerate(graph.steps)}
        self.steps: list[Step] = []
        self.removed = 0
        self._start()

    def _start(self) -> None:
        self.group: list[Step] = []
        self.taken: set[Value] = set()
        """The arrays that the group reads."""
        self.made: set[Value] = set()
        self.same: dict[Value, Value] = {}
        """Reshaped results of the group -> these."""
        self.written: set[Value] = set()
        self.after: list[Step] = []
        self.later: set[Value] = set()
        """What steps after the group make."""

    def run(self) -> int:
        """Join the chains; returns how many steps went into others."""
        for step in self.graph.steps:
            self._take(step)
        self._close()
        self.graph.steps = self.steps
        return self.removed

    def _take(self, step: Step) -> None:
        reads = list(step.reads())
        if not any(value.root in self.later for value in reads) and self._joins(step):
            self._add(step)
        elif self.sums and self.group and self._sums_up(step):
            self.group.append(step)
            self.later.update(value.root for value in step.outputs if value is not None)
        elif _count(step):
            self._close()
            self._add(step)
        elif self.group and (step.writes or step.kind not in ("call", "fused") or (self.written and any(value.external for value in reads))):
            self._close()
            self.steps.append(step)
        elif self.group and any(value.root in self.made or value.root in self.later for value in reads):
            self.after.append(step)  # needs the group, so it comes after it
            output = step.outputs[0] if len(step.outputs) == 1 else None
            source = self.same.get(reads[0], reads[0])
            if output is not None and source in self.made and _reshapes(source, output):
                self.same[output] = source
            else:
                self.later.update(value.root for value in step.outputs if value is not None)
        else:
            self.steps.append(step)  # needs nothing of the group, which comes after it

    def _joins(self, step: Step) -> bool:
        count = _count(step)
        if not count or not self.group or _count(self.group[0]) != count:
            return False
        if self.after and not any(value in self.made or value in self.same or value in self.taken for value in step.reads()):
            return False  # it would come before steps that it has nothing to do with, and what it makes would wait in memory
        if not step.writes and not self.written:
            return True
        if step.writes and any(value.external for other in self.after for value in other.reads()):
            return False  # it reads what was there before
        written = self.written.union(step.writes)
        roots = {value.root for value in written}
        values = {value for part in (*self.group, step) for value in part.reads() if value.external}
        return not any(isinstance(value.root.origin, Argument) or (value.root in roots and value not in written) for value in values)  # another view of what is written

    def _add(self, step: Step) -> None:
        self.uses.subtract(value for value in dict.fromkeys(step.reads()) if value in self.same)
        step.inputs = replaced(step.inputs, lambda value: self.same.get(value, value))
        self.group.append(step)
        self.taken.update(value for value in step.reads() if value.shape)
        self.made.update(value for value in step.outputs if value is not None)
        self.written.update(step.writes)

    def _sums_up(self, step: Step) -> bool:
        """Whether a step adds up all of a result of the group."""
        if step.name != "add.reduce" or len(step.inputs) != 1 or step.inputs[0] not in self.made or step.attrs.get("keepdims"):
            return False
        output = step.outputs[0]
        return output is not None and not output.shape and output.dtype == step.inputs[0].dtype and output.dtype.char in "fd" and set(step.attrs) <= {"axis", "keepdims"}

    def _close(self) -> None:
        after: list[Step] = []
        for step in reversed(self.after):
            if step.outputs[0] in self.same and not self.uses[step.outputs[0]]:
                self.uses.subtract(list(dict.fromkeys(step.reads())))
            else:
                after.insert(0, step)
        if len(self.group) > 1:
            self.steps.append(self._joined(after))
            self.removed += len(self.group) - 1
        else:
            self.steps.extend(self.group)
            after = self.after
        self.steps.extend(after)
        self._start()

    def _joined(self, after: list[Step]) -> Step:
        group, end = self.group, self.position[id(self.group[-1])]
        made = [value for step in group for value in step.outputs if value is not None]
        inside = set(made)
        needed = {value.root for step in after for value in step.reads()}
        read = {value.root for step in group for value in step.reads()}
        lasting = {value for value in inside if value in self.kept or not value.shape or self.last.get(value, -1) > end or value in needed or (
            value not in self.last and value not in read)}
        inputs = tuple(dict.fromkeys(value for step in group for value in (*step.reads(), *step.writes) if value not in inside))
        outputs = tuple(value for value in made if value in lasting)
        joined = Step("fused " + " ".join(step.name for step in group), "fused", max, inputs, {}, outputs, single=False, line=group[0].line, scope=group[0].scope)
        joined.writes = tuple(dict.fromkeys(value for step in group for value in step.writes))
        joined.parts = list(group)
        return joined


def repeated(value: Value) -> bool:
    """Whether all elements are one and the same in memory."""
    return bool(value.shape) and all(stride == 0 or size == 1 for stride, size in zip(value.strides, value.shape, strict=True))


def _reshapes(source: Value, view: Value) -> bool:
    """Whether a value is the same elements in row-major order, in another shape."""
    return view.root is source and view.dtype == source.dtype and view.nbytes == source.nbytes and flat(source) and flat(view)


def _count(step: Step) -> int:
    """How many elements a step works on that may stand in a group; 0 if it may not."""
    if not step.elementwise or step.takes_out != "out" or any(isinstance(x, (tuple, list)) for x in step.inputs):
        return 0
    if step.writes:
        value = step.writes[0] if step.to_target and step.writes[0].external else None
    else:
        value = step.outputs[0] if len(step.outputs) == 1 else None
    if value is None or not value.shape or (value.root is not value and not step.writes) or not flat(value):
        return 0
    count = value.nbytes // value.dtype.itemsize
    if count < SMALLEST or not all(not each.shape or repeated(each) or (each.nbytes == count * each.dtype.itemsize and flat(each)) for each in step.reads()):
        return 0
    return int(count)
