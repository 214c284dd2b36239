"""A plan as the plain records that ``viz`` draws."""

from __future__ import annotations

from typing import Any

from .graph import Argument, Captured, Constant, EntryGradient, Graph, Value


def record(graph: Graph) -> Any:
    """The calls and values of a graph as a ``GraphRecord``."""
    from viz.records import Edge, GraphRecord, OpNode, Summary, ValueNode

    names: dict[Value, str] = {}
    values: list[Any] = []
    ops: list[Any] = []
    edges: list[Any] = []

    def known(value: Value) -> str:
        if value not in names:
            names[value] = f"v{len(names)}"
            origin = value.origin
            role = "result" if origin is None else "constant" if isinstance(origin, Constant) else "leaf"
            title = None
            if isinstance(origin, Argument):
                title = f"argument {origin.index}"
            elif isinstance(origin, Captured) and origin.tensor is not None:
                title = origin.tensor.name
            elif isinstance(origin, EntryGradient):
                title = "grad before"
            values.append(ValueNode(names[value], role, title, value.shape, Summary(value.shape, str(value.dtype)), None))
        return names[value]

    for i, step in enumerate(graph.steps):
        sources = [(known(value), "") for value in dict.fromkeys(step.reads())]
        node = OpNode(f"o{i}", step.name, step.name, (), step.scope)
        ops.append(node)
        edges += [Edge(source, node.id, label) for source, label in sources]
        edges += [Edge(node.id, known(value)) for value in step.outputs if value is not None]
        edges += [Edge(node.id, known(value), "writes") for value in step.writes if value not in step.outputs]
    roots = tuple(dict.fromkeys(known(value) for value in graph.kept()))
    return GraphRecord(tuple(values), tuple(ops), tuple(edges), roots)


def draw(graph: Graph, path: Any = None, *, theme: str = "light", dpi: int = 144, max_nodes: int = 300) -> Any:
    """The graph as a ``viz.Drawing``, saved to ``path`` if one is given; the options are those of ``viz.draw``."""
    from viz import dot
    from viz.drawing import Drawing
    from viz.fold import folded, size
    from viz.theme import THEMES

    records = record(graph)
    if size(records) > max_nodes:
        records = folded(records, max_nodes, None)
    drawing = Drawing(records, dot.source(records, dot.Style(values=False, gradients=False, theme=THEMES[theme])), dpi)
    if path is not None:
        drawing.save(path)
    return drawing
