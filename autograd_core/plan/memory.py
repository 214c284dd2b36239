"""Memory planning: which results lie in memory that the plan keeps, and who follows whom in it.

A result lies in the plan's own memory if its call takes the memory to write to and nobody outside will hold it. Pieces
of memory are passed on when the last reader is done; an elementwise result takes the place of an operand that dies.
"""

from __future__ import annotations

from .graph import Graph, Step, Value, values_in

ALIGNED = 64


class Layout:
    """Where results lie: ``place`` maps a Value to the number of a piece, ``sizes`` are the pieces' bytes."""

    def __init__(self) -> None:
        self.place: dict[Value, int] = {}
        self.sizes: list[int] = []
        self.in_place = 0
        self.lasting: list[Value] = []
        """Gradients: each in memory of its own, for as long as only the plan and the leaf hold it."""

    @property
    def nbytes(self) -> int:
        """Bytes of all pieces."""
        return sum(self.sizes)


def plan_memory(graph: Graph, reuse: bool = True) -> Layout:
    """Give each result that can have one a piece of memory. Without ``reuse`` each has its own."""
    layout = Layout()
    outside = {value.root for value in graph.kept()}
    returned = {value.root for value in values_in(graph.results)}
    gradients = {value for value in graph.gradients.values() if value is not None and value not in returned}
    once = {value for value in gradients if list(graph.gradients.values()).count(value) == 1}
    last: dict[Value, int] = {}
    for i, step in enumerate(graph.steps):
        for touched in (*step.reads(), *step.writes, *(each for each in step.outputs if each is not None)):
            last[touched.root] = i
    free: list[int] = []
    ending: dict[int, list[Value]] = {}
    for i, step in enumerate(graph.steps):
        results = step.outputs if step.kind == "fused" or (step.takes_out and len(step.outputs) == 1) else ()
        for value in [each for each in results if each is not None]:
            if value in once and value.root is value and value.shape and value.nbytes and dense(value):
                layout.lasting.append(value)
                continue
            if value.root is not value or value in outside or not value.shape or not value.nbytes or not dense(value):
                continue
            piece = _inherited(step, value, layout, last, i, ending) if reuse else None
            if piece is None:
                piece = _chosen(value.nbytes, free, layout)
            layout.place[value] = piece
            ending.setdefault(last[value], []).append(value)
        if reuse:
            free += [layout.place[each] for each in ending.pop(i, ())]
    return layout


def dense(value: Value) -> bool:
    """Whether the elements fill their memory without gaps, in any order of dimensions."""
    expected = value.dtype.itemsize
    for stride, size in sorted((s, n) for s, n in zip(value.strides, value.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def _inherited(step: Step, value: Value, layout: Layout, last: dict[Value, int], i: int, ending: dict[int, list[Value]]) -> int | None:
    """The piece of an operand that dies here, if the result may lie exactly on it."""
    if not step.elementwise:
        return None
    operands = list(step.reads())
    for operand in operands:
        root = operand.root
        if operand is not root or root not in layout.place or last[root] != i:
            continue
        if operand.strides != value.strides or operand.shape != value.shape or operand.dtype != value.dtype:
            continue
        if any(other.root is root and other is not operand for other in operands):
            continue
        ending[i].remove(root)
        layout.in_place += 1
        return layout.place[root]
    return None


def _chosen(nbytes: int, free: list[int], layout: Layout) -> int:
    fitting = [piece for piece in free if nbytes <= layout.sizes[piece] <= 4 * nbytes + ALIGNED]
    if fitting:
        best = min(fitting, key=lambda piece: layout.sizes[piece])
        free.remove(best)
        return best
    layout.sizes.append(nbytes)
    return len(layout.sizes) - 1
