"""Long loops cut into parts that several threads may run.

How a loop is cut depends on its sizes alone, and what the parts add up is added up in their order: results are the same
bits for any number of threads. A loop is cut along one of its dimensions, such that no two parts write to the same element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from .access import strides_over
from .clusters import Cluster
from .formulas import formula
from .nodes import Point, Reduce

LEAST = 6_000_000
"""The work of a loop from which on it is cut: a processor does about 80,000 in a microsecond, and to wake a thread takes 20 microseconds."""
PIECE = 1_000_000
"""The least work of a part."""
PARTS = 64
"""More parts than threads, so that none waits long for the last, but few enough to cost nothing."""
OPERATION, FUNCTION = 4, 40
"""The work of an operation, and of a division or a function; to visit a byte of memory is 1."""
GRAIN = 4096
"""Parts of the innermost loop begin at multiples of this, so that their blocks are full ones and no line of a cache belongs to two."""

IN_TURN = """
typedef void (*part_function)(void *context, long part);
typedef void (*each_part)(part_function function, void *context, long parts);
static void in_turn(part_function function, void *context, long parts) { for (long part = 0; part < parts; part++) function(context, part); }
"""
"""How parts are run where there are no threads; a pool of threads has a function like this."""


@dataclass(frozen=True)
class Total:
    """A reduction over everything: its name in C, its type, what it starts from, and how that of a part is added."""

    name: str
    kind: str
    start: str
    add: str


@dataclass(frozen=True)
class Division:
    """A loop nest cut into parts."""

    loop: int
    """Which of the loops, outermost first."""
    count: int
    step: int
    """How many of its elements are a part."""

    @property
    def parts(self) -> int:
        """How many there are."""
        return -(-self.count // self.step)

    def texts(self, fields: Sequence[str], fills: Sequence[str], body: str, totals: Sequence[Total], bottom: Sequence[str]) -> tuple[str, str]:
        """The bodies of the whole function and of one part, of the text of the loops from ``low`` to ``high``."""
        shared = "; ".join([*fields, *[f"{total.kind} {total.name}[{self.parts}]" for total in totals]])
        names = [field.split("*")[-1].split(" ")[-1] for field in fields]
        part = [f"struct {{ {shared}; }} *const c = context;", *[f"{field} = c->{name};" for field, name in zip(fields, names, strict=True)],
                f"const long low = part * {self.step}L, high = low + {self.step}L < {self.count}L ? low + {self.step}L : {self.count}L;",
                body, *[f"c->{total.name}[part] = {total.name};" for total in totals]]
        whole = [f"struct {{ {shared}; }} c;", *[f"c.{name} = {name};" for name in names], *fills, f"each(PART, &c, {self.parts});", *[total.start for total in totals]]
        if totals:
            whole.append(f"for (long part = 0; part < {self.parts}; part++) {{ {' '.join(total.add for total in totals)} }}")
        return "\n".join([*whole, *bottom]), "\n".join(part)


def divided(cluster: Cluster, sizes: Sequence[int], outer: int, size: int) -> Division | None:
    """How a cluster's loops are cut; ``None`` for those that would not gain. ``outer`` of them are around a row, ``size`` bytes are visited for each element."""
    work = prod(sizes) * (size + sum(_work(node) for node in cluster.nodes))
    if work < LEAST or _entangled(cluster):
        return None
    best: Division | None = None
    wanted = min(PARTS, work // PIECE)
    for loop, count in enumerate(sizes[: outer if cluster.row else None]):
        if not all(_apart(node, cluster, loop) for node in cluster.nodes if isinstance(node, Reduce)):
            continue
        step = -(-count // wanted)
        if loop == len(sizes) - 1:
            step = -(-step // GRAIN) * GRAIN
        found = Division(loop, count, step)
        if found.parts > (1 if best is None else best.parts):
            best = found
    return best


def _work(node: object) -> int:
    text = formula(node.name, node.inner) if isinstance(node, Point) else None
    return FUNCTION if text is not None and ("/" in text or "@(" in text or "ag_" in text) else OPERATION


def _entangled(cluster: Cluster) -> bool:
    """Whether an element that one pass writes may be read by another."""
    written = {node.out.base.root for node in cluster.nodes if isinstance(node, Point) and node.value is None}
    return any(len(accesses) > 1 for root, accesses in cluster.touched.items() if root in written)


def _apart(node: Reduce, cluster: Cluster, loop: int) -> bool:
    """Whether parts cut along a loop reduce into different elements, or to one number."""
    steps = strides_over(node.out.dims, sorted(cluster.ends))
    return not any(steps) or bool(steps[loop])
