"""``draw``: a tensor's graph as a picture that saves itself and shows itself in notebooks."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import autograd_core as ag
from autograd_core import Scalar, Tensor
from autograd_core.files import write_whole

from . import dot, files, render
from .arrays import parameters
from .chain import trace
from .fold import folded, size
from .heat import heat_of
from .neurons import neurons
from .records import Drawable, GraphRecord, built
from .theme import THEMES

FORMATS = ("png", "svg", "pdf", "dot")


class Drawing:
    """A drawn graph: plain text that refers to no tensor.

    ``source`` is its Graphviz source and ``record`` the nodes and edges it shows. In a notebook it is displayed as SVG.
    """

    def __init__(self, record: GraphRecord, source: str, dpi: int = 144) -> None:
        self.record = record
        self.source = source
        self.dpi = dpi

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.record.ops)} ops and {len(self.record.values)} values>"

    def render(self, format: str = "svg") -> bytes:
        """The picture as bytes in the format ``png``, ``svg``, ``pdf`` or ``dot``. Raises ``RendererError`` without a renderer."""
        if format not in FORMATS:
            raise ValueError(f"unknown format {format!r}; expected one of {', '.join(FORMATS)}")
        return self.source.encode() if format == "dot" else render.render(self.source, format, self.dpi)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture in the format of the path's suffix: ``.png``, ``.svg``, ``.pdf`` or ``.dot``.

        Raises ``ValueError`` for another suffix. On failure there is no file, or the one that was there before.
        """
        write_whole(path, self.render(files.format_of(path, FORMATS)))

    def _repr_svg_(self) -> str:
        return self.render("svg").decode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        try:
            return {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}
        except render.RendererError as error:
            return {"text/plain": f"{self!r}\n{error}"}


def caller_names(frame: Any) -> dict[str, Drawable]:
    """The tensors that variables of a frame hold, and the parameters of modules in them by path."""
    found: dict[str, Drawable] = {}
    modules: dict[str, Drawable] = {}
    variables = frame.f_locals
    for name, value in variables.items():
        if name.startswith("_"):
            continue
        if isinstance(value, (Tensor, Scalar)):
            found[name] = value
        elif not isinstance(value, type):
            modules.update(parameters(value))
    if isinstance(variables, dict) and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        variables.clear()  # before Python 3.13 a function's frame keeps this copy of its variables, which would keep tensors alive
    return {**modules, **found}


def called(function: Callable[..., Any], inputs: Any) -> Drawable | Sequence[Drawable]:
    """The result of a module or function on ``inputs``, with every value kept."""
    arguments = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    try:
        inspect.signature(getattr(function, "forward", function)).bind(*arguments)
    except TypeError as error:
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(f"{name} cannot be called with {len(arguments)} inputs: {error}. Give its arguments as inputs=(x, ...), or draw the result of calling it") from error
    with ag.record():
        result: Drawable | Sequence[Drawable] = function(*arguments)
    return result


def draw(tensor: Drawable | Sequence[Drawable] | Callable[..., Any], path: str | os.PathLike[str] | None = None, *, inputs: Any = (),
         names: Mapping[str, Drawable] | None = None, values: bool = True, gradients: bool = True, dtypes: bool = False, bytes: bool = False,
         chain_rule: bool = False, modules: bool = True, expand_scalars: bool = False, color: str | None = None, theme: str = "light", precision: int = 4,
         dpi: int = 144, depth: int | None = None, max_nodes: int = 300) -> Drawing:
    """Draw the graph that led to ``tensor``, left to right: each value above its wire, its gradient below.

    Scalars show their value and, after ``backward()``, their gradient. Tensors show shape, mean ± standard deviation and
    range; results keep them only inside ``with autograd_core.record():``. Drawing changes nothing and keeps nothing alive.

    Parameters
    ----------
    tensor : the Tensor or Scalar to draw, or a sequence of them; or a module or function, which is called with ``inputs``
        inside ``record()`` and whose result is drawn.
    path : where to save the picture, as ``.png``, ``.svg``, ``.pdf`` or ``.dot``. Default: not saved.
    inputs : the arguments of a module or function: a tuple of them, or one Tensor.
    names : names of tensors, ``{"x": x}`` or ``dict(model.namedparameters())``; otherwise a tensor's own ``name`` is used,
        then the path of a parameter and the name of the variable that holds it where ``draw`` is called.
    values, gradients : whether the numbers are shown.
    dtypes, bytes : write every tensor's dtype, and the memory that its elements take, beside its shape. Default: only unusual dtypes.
    chain_rule : write upstream × local = downstream on each edge, and the sum at a value that is used more than once. The
        root must be a single number; ``backward()`` need not have been called.
    modules : whether what one ``nn.Module`` computed is framed.
    expand_scalars : show linear layers of at most 64 weights as their neurons: a weighted sum of scalars each.
    color : ``"gradient"`` or ``"activation"`` colours each wire by the mean of its absolute values, with a legend, and marks
        dead and saturated units and vanishing, exploding and non-finite gradients. Default: no colours.
    theme : ``"light"``, ``"dark"`` or ``"print"``.
    precision : significant digits of numbers.
    dpi : pixels per inch of a PNG.
    depth : draw each module at this level of nesting as one box; 1 shows only the outermost modules. Default: all of them.
    max_nodes : fold a larger graph: repeated blocks to one with "×N", then inner modules to boxes, at last all but both ends;
        the picture says what was folded.

    Raises ``GraphError`` for a tensor without a graph, ``ValueError`` for an unknown suffix, theme or colour, and
    ``RendererError`` when neither Graphviz's ``dot`` nor pygraphviz is installed.

    >>> import autograd_core as ag
    >>> x, y, z = (ag.Tensor(value, requires_grad=True, name=name) for name, value in (("x", -2.0), ("y", 5.0), ("z", -4.0)))
    >>> f = (x + y) * z
    >>> f.backward()
    >>> draw(f, names={"f": f})
    <Drawing of 2 ops and 5 values>
    """
    if path is not None:
        files.format_of(path, FORMATS)
    if theme not in THEMES:
        raise ValueError(f"theme={theme!r}: expected one of {', '.join(THEMES)}")
    hints = caller_names(sys._getframe(1))
    if not isinstance(tensor, (Tensor, Scalar)) and callable(tensor):
        hints = {**parameters(tensor), **hints}
        tensor = called(tensor, inputs)
    graph = built(tensor, names, hints)
    record = graph.record
    if depth is not None or size(record) > max_nodes:
        record = folded(record, max_nodes, depth)
    style = dot.Style(values=values, gradients=gradients, dtypes=dtypes, bytes=bytes, modules=modules, precision=precision, theme=THEMES[theme])
    chain = dot.chain_text(trace(tensor, names), precision) if chain_rule else None
    drawing = Drawing(record, dot.source(record, style, chain, heat_of(record, color) if color is not None else None,
                                         neurons=neurons(graph) if expand_scalars else None), dpi)
    if path is not None:
        drawing.save(path)
    return drawing
