"""Fast paths: the steps of ``dispatch.apply`` and of ``Reading.contributions``, unrolled for one op.

The functions in ``_methods.py`` are calls of ``apply``, those of composites of ``compose``, which are right for everything. When one has
been called for the third time, ``install`` has the steps written out for it alone and gives the function that code instead, which takes a
third of the time. The fast path serves float32, float64 and float16 tensors of one dtype (whole numbers too, where a result has no
gradient), on any device, with nothing special switched on, and falls back to ``apply`` for everything else; a test
compares the two for every op. ``python -c "from autograd_core import fastpath, ops; print(fastpath.source(ops.mul))"`` shows the code.
"""

from __future__ import annotations

import linecache
import re
from typing import Any

from .op import Composite, Op
from .unrolled import LOCALS, before_writing, bindings, body, composed, deeper, defined, mixed, parameters_of, prelude, pull, write_body


def eligible(op: Op | Composite) -> bool:
    """Whether the function gets a fast path."""
    if isinstance(op, Composite):
        return True
    return op.kind != "update" and not op.name.startswith("_") and (op.outputs is None or op.residual_kernel is None) and LOCALS.isdisjoint((*op.inputs, *op.attributes))


def by_rules_alone(op: Op) -> bool:
    """Whether only rules and composites call the op's function, which is one plain call of ``apply``."""
    writes = op.inplace or " inplace:" in op.signature
    return not (op.places or writes or op.variadic or op.varargs or op.aliases or op.kind == "update" or {"parameter", "line"} & op.extra.keys())


def warm(declared: Op | Composite) -> None:
    """Count a call by the general path; the third one gives the function a fast path. A step that runs once never pays for one (half a millisecond)."""
    declared.cold -= 1
    if declared.cold <= 0:  # less where threads count at once
        install(declared)


def install(declared: Op | Composite) -> None:
    """Give the generated functions of an op or a composite the code of its fast path. Whoever holds the functions has them then."""
    from . import _methods

    declared.cold = 0
    names = vars(_methods)
    if names.get(f"_{declared.name}") is not declared or not eligible(declared):
        return
    text = source(declared)
    file = f"<fast path of autograd_core {declared.name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)  # so that tracebacks show the lines
    made: dict[str, Any] = {}
    exec(compile(text, file, "exec"), names, made)
    for name, value in made.items():
        if name not in (declared.name, f"{declared.name}_"):
            names[name] = value
    for name in (declared.name, f"{declared.name}_"):
        if name in made:
            names[name].__code__ = made[name].__code__


def source(declared: Op | Composite) -> str:
    """The code of an op's fast path: names it binds, its ``pull``, its function and that which writes into a tensor. A composite's is its call."""
    from . import _methods

    names = vars(_methods)
    if isinstance(declared, Composite):
        return "\n".join(composed(declared, names[declared.name])) + "\n"
    op = declared
    parts = [bindings(op)]
    if op.differentiable and not mixed(op):
        parts.append(pull(op))
    function = getattr(_methods, op.name)
    parameters = parameters_of(function.__code__)
    annotations = dict(re.findall(r"(\w+): ([^,=)]+)", op.signature))
    start = op.extra["line"].split("\n") if "line" in op.extra else []
    start += prelude(parameters, (*op.inputs, *op.attributes) if op.places else (), op.varargs)
    if "inplace" in parameters and "inplace" not in op.attributes:
        start += ["if inplace:", *deeper(write_body(op, annotations))]
    parts.append([defined(function), *deeper([*start, *body(op, annotations, "out" in parameters)])])
    if op.inplace:
        written = names[f"{op.name}_"]
        parts.append([defined(written), *deeper([*before_writing(op), *write_body(op, annotations)])])
    return "\n\n\n".join("\n".join(lines) for lines in parts) + "\n"
