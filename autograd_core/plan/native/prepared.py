"""A graph in the words of machine code, before anything is written: its nodes, which of them are made at all, and the loops that they share."""

from __future__ import annotations

from ..graph import Graph
from ..memory import plan_memory
from .access import Places
from .clusters import roots_read, roots_written, scheduled
from .nodes import Copy, Foreign, Node, Nothing, Product, Translator, uniform
from .products import supported
from .routines import results, routines


class Joined(Node):
    """Gradients that lie side by side already."""


class Prepared:
    """What is known of a graph before its memory is planned."""

    def __init__(self, graph: Graph) -> None:
        self.places = Places(graph)
        self.constants = uniform(graph)
        translator = Translator(self.places, self.constants)
        written_out = routines(graph)
        self.nodes = [node for step in graph.steps for node in ([written_out[step]] if step in written_out else translator.nodes(step))]
        for i, node in enumerate(self.nodes):
            if isinstance(node, Product) and not supported(node.left, node.right, node.step.outputs[0]):  # type: ignore[arg-type]
                self.nodes[i] = Foreign(node.step)
        for node in self.nodes:
            if (node.made is not None and len(node.step.outputs) == 1) or node.step.name == "empty":
                node.step.takes_out = "out"
        self.layout = plan_memory(graph, side_by_side=True)
        self._join(graph)
        self._drop_unread(graph)
        self.clusters = scheduled(self.nodes)

    def _join(self, graph: Graph) -> None:
        nodes: list[Node] = []
        for node in self.nodes:
            whole = node.step.outputs[0] if len(node.step.outputs) == 1 else None
            if isinstance(node, Copy) and whole in self.layout.joined and node.operands[0][0] in self.layout.lasting:
                if not nodes or nodes[-1].step is not node.step or not isinstance(nodes[-1], Joined):
                    nodes.append(Joined(node.step))
            else:
                nodes.append(node)
        self.nodes = nodes

    def _drop_unread(self, graph: Graph) -> None:
        """Numbers that stand in the text of what reads them are not made."""
        needed = {value.root for value in graph.kept()}
        kept: list[Node] = []
        for node in reversed(self.nodes):
            made = node.made
            if made is not None and not made.external and not any(value.root in needed for value in results(node)):
                continue
            needed.update(roots_read(node))
            if made is None and not isinstance(node, Nothing):
                needed.update(roots_written(node))
            kept.append(node)
        self.nodes = kept[::-1]
