"""``draw``: a tensor's graph as a picture that saves itself and shows itself in notebooks."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, cast

import autograd_core as ag
from autograd_core import Scalar, Tensor
from autograd_core.files import write_whole
from autograd_core.plan import Compiled, Plan, ScalarPlan

from . import dot, files, heatmap, render
from .arrays import parameters
from .chain import trace
from .fold import folded, size
from .heat import heat_of
from .neurons import neurons
from .plans import plan_record
from .records import BuiltGraph, Drawable, GraphRecord, built
from .theme import THEMES

PACKAGE = str(Path(ag.__file__).parent)
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


def called(function: Callable[..., Any], inputs: Any) -> tuple[Drawable | list[Drawable], dict[str, Drawable], dict[int, str]]:
    """What a module or function makes of ``inputs``, with every value kept.

    Also the names that its parameters, variables and results give to tensors, and the line of code of each Scalar, by ``id``. Where nothing asks for
    a gradient, as in a frozen model, the inputs do, so that there is a graph to draw; also inside ``no_grad()``.
    """
    arguments = inputs if isinstance(inputs, (tuple, list)) else (inputs,)
    own = parameters(function).values()
    if own and not any(each.requires_grad for each in own):
        arguments = _asking(arguments)
    result = _called(function, arguments)
    roots = result[0] if isinstance(result[0], list) else [result[0]]
    if not own and all(isinstance(each, Tensor) and each._node is None for each in roots):
        return _called(function, _asking(arguments))  # which weights a plain function uses is known only after it has run
    return result


def _asking(tree: Any) -> Any:
    """Tuples, lists and dicts with stand-ins for the tensors of floats: the same memory, asking for a gradient."""
    if isinstance(tree, Tensor):
        return tree.detach().requires_grad_() if not tree.requires_grad and (tree.is_floating_point() or tree.is_complex()) else tree
    if isinstance(tree, dict):
        return {key: _asking(each) for key, each in tree.items()}
    return type(tree)([_asking(each) for each in tree]) if type(tree) in (tuple, list) else tree


def _called(function: Callable[..., Any], arguments: Any) -> tuple[Drawable | list[Drawable], dict[str, Drawable], dict[int, str]]:
    name = getattr(function, "__name__", type(function).__name__)
    try:
        bound = inspect.signature(getattr(function, "forward", function)).bind(*arguments)
    except TypeError as error:
        raise TypeError(f"{name} cannot be called with {len(arguments)} inputs: {error}. Give its arguments as inputs=(x, ...), or draw the result of calling it") from error
    except ValueError:  # built-in functions may have no signature
        bound = None
    with ag.enable_grad(), ag.record(), _watched(getattr(function, "__code__", None)) as (variables, lines):
        result = function(*arguments)
    found = list(_tensors(result, ""))
    if not found:
        raise TypeError(f"{name} returned {'a ' if result is not None else ''}{type(result).__name__} without a Tensor or Scalar in it: there is nothing to draw")
    given = _tensors(bound.arguments if bound is not None else {}, "")
    named = {path: tensor for path, tensor in (*_tensors(variables, ""), *found, *given) if path}  # an input keeps its name where a result takes it over
    with_graph = [tensor for _, tensor in found if isinstance(tensor, Scalar) or tensor._node is not None]
    roots = list({id(tensor): tensor for tensor in with_graph or [tensor for _, tensor in found]}.values())
    return roots[0] if len(roots) == 1 else roots, named, lines


@contextmanager
def _watched(code: CodeType | None) -> Iterator[tuple[dict[str, Drawable], dict[int, str]]]:
    """The tensors that a function's own variables hold when it returns, and where each Scalar was made, as ``file:line`` by its ``id``."""
    variables: dict[str, Drawable] = {}
    lines: dict[int, str] = {}
    alive: list[Scalar] = []  # so that no two of them have the same id

    def look(frame: FrameType, event: str, result: Any) -> None:
        if event != "return":
            return
        if frame.f_code is code:
            variables.update({name: value for name, value in frame.f_locals.items() if isinstance(value, (Tensor, Scalar))})
        if isinstance(result, Scalar) and result.op is not None and id(result) not in lines:
            alive.append(result)
            caller = frame.f_back
            while caller is not None and caller.f_code.co_filename.startswith((PACKAGE, "<Scalar.")):
                caller = caller.f_back
            lines[id(result)] = f"{caller.f_code.co_filename}:{caller.f_lineno}" if caller is not None else ""

    before = sys.getprofile()
    if before is None:  # a profiler that runs is left alone
        sys.setprofile(look)
    try:
        yield variables, lines
    finally:
        if sys.getprofile() is look:
            sys.setprofile(None)


def _tensors(tree: Any, path: str) -> Iterator[tuple[str, Drawable]]:
    """The Tensors and Scalars in nested tuples, lists and dicts, each with the path of names and positions that leads to it."""
    if isinstance(tree, (Tensor, Scalar)):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, each in tree.items():
            yield from _tensors(each, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (tuple, list)):
        keys = getattr(tree, "_fields", range(len(tree)))
        for key, each in zip(keys, tree, strict=False):
            yield from _tensors(each, f"{path}[{key}]" if isinstance(key, int) and path else f"{path}.{key}" if path else str(key) if isinstance(key, str) else "")


def draw(tensor: Drawable | Sequence[Drawable] | Callable[..., Any] | Plan | ScalarPlan, path: str | os.PathLike[str] | None = None, *, inputs: Any = (),
         names: Mapping[str, Drawable] | None = None, values: bool = True, gradients: bool = True, dtypes: bool = False, bytes: bool = False, times: bool = False,
         chain_rule: bool = False, modules: bool = True, expand_scalars: bool = False, color: str | None = None, heat_maps: bool = False, theme: str = "light",
         precision: int = 4, dpi: int = 144, depth: int | None = None, max_nodes: int = 200) -> Drawing:
    """Draw the graph that led to ``tensor``, left to right: each value above its wire, its gradient below.

    Scalars show their value and, after ``backward()``, their gradient. Tensors show shape, mean ± standard deviation and
    range; results keep them only inside ``with autograd_core.record():``. Drawing changes nothing and keeps nothing alive.

    Parameters
    ----------
    tensor : the Tensor or Scalar to draw, or a sequence of them; or a module or function, which is called with ``inputs``
        inside ``record()`` and whose results are drawn; or a plan, or a compiled function, whose last plan is drawn: the calls
        that it replays, with fused ones framed.
    path : where to save the picture, as ``.png``, ``.svg``, ``.pdf`` or ``.dot``. Default: not saved.
    inputs : the arguments of a module or function: a tuple of them, or one Tensor.
    names : names of tensors, ``{"x": x}`` or ``dict(model.named_parameters())``; otherwise a tensor's own ``name`` is used,
        then the path of a parameter and the name of the variable that holds it where ``draw`` is called.
    values, gradients : whether the numbers are shown.
    dtypes, bytes : write every tensor's dtype, and the memory that its elements take, beside its shape. Default: only unusual dtypes.
    times : write into every operation how long it took forward, and its rule backward, where it was computed (and ``backward()`` called) inside
        ``with autograd_core.profile():``. A module or function is measured while it is called.
    chain_rule : write upstream × local = downstream on each edge, and the sum at a value that is used more than once. The
        root must be a single number; ``backward()`` need not have been called.
    modules : whether what one ``nn.Module`` computed is framed.
    expand_scalars : show linear layers of at most 64 weights as their neurons: a weighted sum of scalars each.
    color : ``"gradient"`` or ``"activation"`` colours each wire by the mean of its absolute values, with a legend, and marks
        dead and saturated units and vanishing, exploding and non-finite gradients. Default: no colours.
    heat_maps : draw arrays and their gradients as small heat maps in the place of their statistics: matrices, and tiles of matrices
        where there are more dimensions; below them stands which part is shown.
    theme : ``"light"``, ``"dark"`` or ``"print"``.
    precision : significant digits of numbers.
    dpi : pixels per inch of a PNG.
    depth : draw each module at this level of nesting as one box; 1 shows only the outermost modules. Default: all of them.
    max_nodes : fold a larger graph: repeated blocks to one with "×N", then inner modules to boxes, at last all but both ends;
        the picture says what was folded.

    A module or function of which nothing asks for a gradient, as a frozen model or one inside ``no_grad()``, is drawn as if its inputs did.

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
    if precision < 1 or dpi < 1 or max_nodes < 1:
        raise ValueError(f"precision={precision}, dpi={dpi}, max_nodes={max_nodes}: expected at least 1 each")
    hints = caller_names(sys._getframe(1))
    if isinstance(tensor, (Plan, ScalarPlan, Compiled)):
        if chain_rule or color is not None or expand_scalars or heat_maps or not (isinstance(inputs, tuple) and not inputs):
            raise ValueError("a plan has no values: chain_rule, color, expand_scalars, heat_maps and inputs are for tensors, modules and plain functions")
        graph = BuiltGraph(plan_record(tensor, {**(names or {}), **hints}), {}, {}, {}, [])
    else:
        if not isinstance(tensor, (Tensor, Scalar)) and callable(tensor):
            own = parameters(tensor)
            with ag.profile() if times else nullcontext():
                tensor, made, _ = called(tensor, inputs)
            hints = {**own, **hints, **made}
        elif not isinstance(tensor, (Tensor, Scalar, list, tuple)):
            raise TypeError(f"draw: expected a Tensor, a Scalar or a sequence of them, a module, a function or a plan, got {type(tensor).__name__}")
        graph = built(tensor, names, hints)
    record = graph.record
    if times and not any(op.times is not None for op in record.ops):
        raise ValueError("times=True: no operation of this graph was measured. Compute it, and call backward(), inside `with autograd_core.profile():`")
    if depth is not None or size(record) > max_nodes:
        record = folded(record, max_nodes, depth)
    style = dot.Style(values=values, gradients=gradients, dtypes=dtypes, bytes=bytes, times=times, modules=modules, precision=precision, theme=THEMES[theme])
    chain = dot.chain_text(trace(cast(Drawable, tensor), names), precision) if chain_rule else None
    drawing = Drawing(record, dot.source(record, style, chain, heat_of(record, color) if color is not None else None,
                                         neurons=neurons(graph) if expand_scalars else None, maps=heatmap.of_graph(graph, THEMES[theme]) if heat_maps else None), dpi)
    if path is not None:
        drawing.save(path)
    return drawing
