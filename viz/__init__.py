"""Pictures: computational graphs with values and gradients, learning curves, image sheets, decision boundaries.

Light to import: Graphviz and Matplotlib load when a picture is first made. Install them with
``pip install "autograd-core[viz]"``.
"""

from __future__ import annotations

from .chain import Pull, Trace, trace
from .comparison import Difference, diff
from .curves import curves
from .distributions import activation_histograms, gradient_histograms, weights
from .drawing import Drawing, draw
from .history import History
from .images import decision_boundary, images
from .memory import memory_timeline
from .network import draw_mlp
from .records import Edge, GraphRecord, OpNode, Summary, ValueNode, graph_record
from .step import step_through

__all__ = [
    "Difference", "Drawing", "Edge", "GraphRecord", "History", "OpNode", "Pull", "Summary", "Trace", "ValueNode", "activation_histograms", "curves", "decision_boundary",
    "diff", "draw", "draw_mlp", "gradient_histograms", "graph_record", "images", "memory_timeline", "step_through", "trace", "weights",
]
