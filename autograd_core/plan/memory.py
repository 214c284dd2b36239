"""Memory planning: which results lie in memory that the plan keeps, and who follows whom in it.

A result lies in the plan's own memory if its call takes the memory to write to and nobody outside will hold it. Pieces
of memory are passed on when the last reader is done; an elementwise result takes the place of an operand that dies.
Gradients get memory that outlives the step; until they are made, large results lie in it as guests.
"""

from __future__ import annotations

from .graph import EntryGradient, Graph, Step, Value, values_in

ALIGNED = 64
GUEST = 1 << 16
"""Bytes from which on a result may lie in the memory of a gradient; small ones stay together in the cache."""


class Layout:
    """Where results lie: ``place`` maps a Value to the number of a piece, ``sizes`` are the pieces' bytes."""

    def __init__(self) -> None:
        self.place: dict[Value, int] = {}
        self.sizes: list[int] = []
        self.in_place = 0
        self.lasting: list[Value] = []
        """Gradients: each in memory of its own, for as long as only the plan and the leaf hold it."""
        self.joined: dict[Value, tuple[Value, ...]] = {}
        """What gradients are joined to -> these: they lie side by side from the beginning, so that nothing is left to be joined."""
        self.guests: dict[int, tuple[Value, int]] = {}
        """Piece -> the gradient in whose memory it lies, and how many bytes from the start of it."""
        self._until: dict[int, int] = {}
        """Piece -> when its host is made, by which it must be left."""
        self._hosts: dict[Value, list[int]] = {}
        """Gradient -> when it is made, and how many bytes of it are taken by guests."""

    @property
    def nbytes(self) -> int:
        """Bytes of all pieces that are memory of the plan's own."""
        return sum(size for piece, size in enumerate(self.sizes) if piece not in self.guests)

    def host(self, gradient: Value, made: int) -> None:
        """From the beginning of a step until ``made`` nobody needs the memory of this gradient."""
        self._hosts[gradient] = [made, 0]

    def stays(self, piece: int, end: int) -> bool:
        """Whether what lies in a piece may live until ``end``."""
        return piece not in self._until or end < self._until[piece]

    def chosen(self, nbytes: int, free: list[int], end: int) -> int:
        """A piece for what lives until ``end``: one that is free, one in the memory of a gradient made later, or a new one."""
        fitting = [piece for piece in free if nbytes <= self.sizes[piece] <= 4 * nbytes + ALIGNED and self.stays(piece, end)]
        if fitting:
            best = min(fitting, key=self.sizes.__getitem__)
            free.remove(best)
            return best
        piece = len(self.sizes)
        self.sizes.append(nbytes)
        room = [(made, gradient) for gradient, (made, taken) in self._hosts.items() if made > end and taken + nbytes + ALIGNED <= gradient.nbytes]
        if room and nbytes >= GUEST:
            made, gradient = max(room, key=lambda each: each[0])
            self.guests[piece] = (gradient, self._hosts[gradient][1])
            self._until[piece] = made
            self._hosts[gradient][1] += -(-nbytes // ALIGNED) * ALIGNED
        return piece


def plan_memory(graph: Graph, reuse: bool = True, side_by_side: bool = False, guests: bool = False) -> Layout:
    """Give each result that can have one a piece of memory. Without ``reuse`` each has its own.

    ``guests``: results may lie in the memory of gradients that are made later.

    ``side_by_side``: the back end lays gradients that an optimizer joins next to one another, as ``Layout.joined`` says.
    """
    layout = Layout()
    graph.gradients = {leaf: _written_in_place(value) for leaf, value in graph.gradients.items()}
    outside = {value.root for value in graph.kept()}
    returned = {value.root for value in values_in(graph.results)}
    touched = {value.root for step in graph.steps for value in (*step.reads(), *step.writes)} | outside
    before = {value.origin.leaf for value in graph.externals if isinstance(value.origin, EntryGradient) and value in touched}
    """The leaves whose last gradient the step still needs, so that it must not lie where the new one comes to lie."""
    gradients = {value for leaf, value in graph.gradients.items() if value is not None and value not in returned and leaf not in before}
    once = {value for value in gradients if list(graph.gradients.values()).count(value) == 1}
    last: dict[Value, int] = {}
    for i, step in enumerate(graph.steps):
        for value in (*step.reads(), *step.writes, *(each for each in step.outputs if each is not None)):
            last[value.root] = i
    made: dict[Value, int] = {}
    for i, step in enumerate(graph.steps):
        made.update((value, i) for value in _results(step) if value in once and value.root is value and value.shape and value.nbytes and dense(value))
    layout.lasting = list(made)
    if guests and reuse:
        joined = {part for step in graph.steps if step.name == "concatenate" for part in step.reads()}
        for value in made.keys() - {part.root for part in joined}:
            layout.host(value, made[value])
    free: list[int] = []
    ending: dict[int, list[Value]] = {}
    for i, step in enumerate(graph.steps):
        for value in _results(step):
            if value in made:
                continue
            if side_by_side and (parts := _joined(step, value, once, graph.steps[i + 1 :], last[value] - i)):
                layout.joined[value] = parts
                continue
            if value.root is not value or value in outside or not value.shape or not value.nbytes or not dense(value):
                continue
            piece = _inherited(step, value, layout, i, ending, last[value]) if reuse else None
            if piece is None:
                piece = layout.chosen(value.nbytes, free, last[value])
            layout.place[value] = piece
            ending.setdefault(last[value], []).append(value)
        if reuse:
            free += [layout.place[each] for each in ending.pop(i, ())]
    return layout


def _results(step: Step) -> list[Value]:
    """What a step makes in memory that it is given."""
    results = step.outputs if step.kind == "fused" or (step.takes_out and len(step.outputs) == 1) else ()
    return [each for each in results if each is not None]


def _written_in_place(value: Value | None) -> Value | None:
    """A gradient that was written in place, when it was clipped for instance, as the memory that it was written to."""
    if value is None or value.root is value:
        return value
    root = value.root
    return root if root.origin is None and flat(value) and flat(root) and (value.shape, value.dtype) == (root.shape, root.dtype) else value


def _joined(step: Step, value: Value, gradients: set[Value], later: list[Step], lifetime: int) -> tuple[Value, ...]:
    """The gradients that a step only joins, if all of them may lie in its result and stay there for as long as it is read."""
    if step.name != "concatenate" or step.attrs != {"axis": None} or value.root is not value or value in gradients:
        return ()
    if not all(isinstance(part, Value) and part.dtype == value.dtype for part in step.inputs[0]):
        return ()
    parts = tuple([_written_in_place(part) or part for part in step.inputs[0]])
    lasting = [part for part in parts if part in gradients]
    if not lasting or len(set(parts)) != len(parts) or any(part.root is not part or not part.shape or not flat(part) for part in lasting):
        return ()
    for i, other in enumerate(later):
        if any(written.root is value or (i < lifetime and any(written.root is part.root for part in parts)) for written in other.writes):
            return ()
    return parts


def flat(value: Value) -> bool:
    """Whether the elements lie in row-major order without gaps."""
    expected = value.dtype.itemsize
    for stride, size in zip(reversed(value.strides), reversed(value.shape), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def dense(value: Value) -> bool:
    """Whether the elements fill their memory without gaps, in any order of dimensions."""
    expected = value.dtype.itemsize
    for stride, size in sorted((s, n) for s, n in zip(value.strides, value.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def _inherited(step: Step, value: Value, layout: Layout, i: int, ending: dict[int, list[Value]], end: int) -> int | None:
    """The piece of an operand that dies here, if the result may lie exactly on it."""
    if not step.elementwise and step.kind != "fused":
        return None
    operands = list(step.reads())
    for operand in operands:
        if step.kind == "fused" and not _spent(step, operand, value):
            continue
        root = operand.root
        if operand is not root or root not in ending.get(i, ()):  # has a piece, and dies here
            continue
        if operand.strides != value.strides or operand.shape != value.shape or operand.dtype != value.dtype:
            continue
        if any(other.root is root and other is not operand for other in operands) or not layout.stays(layout.place[root], end):
            continue
        ending[i].remove(root)
        layout.in_place += 1
        return layout.place[root]
    return None


def _spent(step: Step, operand: Value, value: Value) -> bool:
    """Whether no part of a fused step reads an operand after the part that makes a result."""
    made = next(k for k, part in enumerate(step.parts) if value in part.outputs)
    return not any(operand in part.reads() for part in step.parts[made + 1 :])
