"""Nodes put together into loops: neighbours that visit the same elements share one pass over memory.

A cluster is one loop nest. A node joins one if what it reads is there when the loop runs: made in the same pass, or before.
Numbers of a row (a sum over the innermost elements) are there for the rest of the same row, so that softmax or layer norm is
one pass; any other reduction is there when the loop is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..graph import Value
from .access import Access, boundaries, nested
from .nodes import Foreign, Node, Nothing, Point, Product, Reduce
from .routines import Routine

MOST = 48
"""Nodes in one loop: more would only make the compiler slow."""
MOST_FEW = 12
"""Nodes in a loop over few vectors: a processor looks some hundred instructions ahead, so that only of short loops the second pass runs while the first
still waits for what it computes. A chain on 24 numbers takes 60 % less time than with ``MOST``."""
FEW = range(65, 1025)
"""Bytes of an array of few vectors: those of one have no second pass."""
LONGEST_ROW = 8192
"""Elements of a row of which intermediate results are kept on the stack."""
STREAMS = 16
"""Arrays that one loop walks along at most before it takes in what shares nothing with it."""
SMALL = 4096
"""Elements up to which loops over unrelated arrays share a cluster, so that there are fewer loops to start."""


class Cluster:
    """Nodes that share a loop nest, or one node that is no loop."""

    def __init__(self, position: int, nodes: Iterable[Node] = ()) -> None:
        self.position = position
        self.nodes: list[Node] = list(nodes)
        self.count = 0
        self.row = 0
        """Elements of a row, if there are row reductions."""
        self.ends: set[int] = {1}
        self.there: dict[Access, int] = {}
        """What is known inside the loop -> the index of the node that made or loaded it."""
        self.touched: dict[Value, set[Access]] = {}
        """Memory -> how it is visited here."""
        self.rows: set[Value] = set()
        """What is one number for each row."""

    @property
    def loops(self) -> bool:
        """Whether it is made of loops over elements."""
        return self.count > 0


def wide(access: Access, row: int) -> Access:
    """A visit of one number for each row, as a visit of all elements of the rows."""
    dims = access.dims
    if dims and dims[-1][1] == 0:
        return replace(access, dims=(*dims[:-1], (dims[-1][0] * row, 0)))
    return replace(access, dims=(*dims, (row, 0)))


class Schedule:
    """Clusters in the order in which they run."""

    def __init__(self) -> None:
        self.clusters: list[Cluster] = []
        self.barrier = 0
        """No loop before this position takes in what is no reduction: values would wait long for their readers."""
        self.wrote: dict[Value, int] = {}
        """Memory -> the last cluster that wrote it."""
        self.used: dict[Value, int] = {}
        """Memory -> the last cluster that read or wrote it."""

    def add(self, node: Node) -> None:
        """Put a node where it belongs."""
        if isinstance(node, Nothing):
            return
        if isinstance(node, (Point, Reduce)):
            for cluster in self._candidates(node):
                if self._fits(node, cluster):
                    self._join(node, cluster)
                    return
            cluster = self._new()
            cluster.count = node.count
            self._join(node, cluster)
            return
        cluster = self._new([node])
        self._note(node, cluster)
        self.barrier = cluster.position + 1

    def _new(self, nodes: Sequence[Node] = ()) -> Cluster:
        cluster = Cluster(len(self.clusters), nodes)
        self.clusters.append(cluster)
        return cluster

    def _note(self, node: Node, cluster: Cluster) -> None:
        for root in roots_read(node):
            self.used[root] = max(self.used.get(root, -1), cluster.position)
        for root in roots_written(node):
            self.used[root] = self.wrote[root] = cluster.position

    def _candidates(self, node: Point | Reduce) -> list[Cluster]:
        earliest = max([self.wrote.get(root, -1) for root in roots_read(node)], default=-1)
        earliest = max([earliest, *[self.used.get(root, -1) for root in roots_written(node)]])
        found = [self.clusters[i] for i in range(len(self.clusters) - 1, max(earliest, self.barrier - 1, -1), -1)]
        if earliest >= 0 and (earliest >= self.barrier or isinstance(node, Reduce)):
            found.insert(0, self.clusters[earliest])
        most = MOST_FEW if node.count * node.out.size in FEW else MOST
        return [cluster for cluster in found[:12] if cluster.loops and len(cluster.nodes) < most]

    def _fits(self, node: Point | Reduce, cluster: Cluster) -> bool:
        position = cluster.position
        row = self._is_row(node, cluster)
        if node.count != cluster.count and not row:
            return False
        ends = cluster.ends | self._ends(node, cluster, row)
        if isinstance(node, Reduce) and node.row and node.row <= LONGEST_ROW and not cluster.row:
            ends.add(node.row)
        if not nested(ends):
            return False
        shares = False
        for x, _, access in node.reads():
            if not isinstance(x, Value):
                if any(self.wrote.get(v.root, -1) >= position for v in getattr(x, "inputs", ())):
                    return False
                continue
            assert access is not None
            wrote = self.wrote.get(x.root, -1)
            if wrote > position:
                return False
            seen = wide(access, cluster.row) if row else access
            known = seen in cluster.there
            shares |= known
            if wrote == position and not known:
                return False
        written = node.written
        if written is not None:
            root = written.base.root
            used = self.used.get(root, -1)
            if used > position or (used == position and cluster.touched.get(root, set()) - {wide(written, cluster.row) if row else written}):
                return False
        return shares or node.count <= SMALL or (cluster is self.clusters[-1] and len(cluster.touched) < STREAMS)

    def _is_row(self, node: Point | Reduce, cluster: Cluster) -> bool:
        """Whether a node computes one number for each row of the cluster."""
        return isinstance(node, Point) and cluster.row > 1 and node.count * cluster.row == cluster.count and any(
            isinstance(x, Value) and x.root in cluster.rows for x, _, _ in node.reads())

    def _ends(self, node: Point | Reduce, cluster: Cluster, row: bool) -> set[int]:
        ends: set[int] = set()
        accesses = [access for _, _, access in node.reads() if access is not None] + [node.out]
        for access in accesses:
            ends |= boundaries((wide(access, cluster.row) if row else access).dims)
        return ends

    def _join(self, node: Point | Reduce, cluster: Cluster) -> None:
        row = self._is_row(node, cluster)
        cluster.ends |= self._ends(node, cluster, row) | {cluster.count}
        index = len(cluster.nodes)
        for x, _, access in node.reads():
            if isinstance(x, Value) and access is not None:
                seen = wide(access, cluster.row) if row else access
                cluster.there.setdefault(seen, -1)
                cluster.touched.setdefault(x.root, set()).add(seen)
        made = wide(node.out, cluster.row) if row else node.out
        if isinstance(node, Reduce):
            if node.row and node.row <= LONGEST_ROW and cluster.row in (0, node.row):
                cluster.row = node.row
                cluster.ends.add(node.row)
                cluster.there[made] = index
                cluster.rows.add(node.out.base.root)
            else:
                node.row = 0
        else:
            cluster.there[made] = index
            if row:
                cluster.rows.add(node.out.base.root)
        cluster.touched.setdefault(node.out.base.root, set()).add(made)
        cluster.nodes.append(node)
        self._note(node, cluster)


def roots_read(node: Node) -> list[Value]:
    """The memory that a node reads."""
    if isinstance(node, Foreign):
        return [value.root for value in (*node.step.reads(), *node.step.writes)]
    found = []
    for x, _, _ in node.reads():
        if isinstance(x, Value):
            found.append(x.root)
        else:
            found += [value.root for value in getattr(x, "inputs", ())]
    return found


def roots_written(node: Node) -> list[Value]:
    """The memory that a node writes."""
    if isinstance(node, (Point, Reduce)):
        return [node.out.base.root]
    if isinstance(node, Product):
        assert node.value is not None
        return [node.value.root]
    if isinstance(node, Routine):
        return [value.root for value in node.results]
    return [value.root for value in (*node.step.writes, *(each for each in node.step.outputs if each is not None))]


def scheduled(nodes: Iterable[Node]) -> list[Cluster]:
    """The clusters of a plan, in order."""
    schedule = Schedule()
    for node in nodes:
        schedule.add(node)
    return schedule.clusters

