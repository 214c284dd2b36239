"""Writes ``docs/ops.md``: the table of all ops, derived from the declarations.

``python docs/make_optable.py`` writes the file, ``--check`` fails if it is not current.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy

from autograd_core import interop, ops, tangent
from autograd_core.batching.rules import how
from autograd_core.op import COMPOSITES, REGISTRY, Composite, Op, Rule, public_name

TARGET = Path(__file__).with_name("ops.md")
COLUMNS = ("op", "what it computes", "local gradient", "PyTorch", "NumPy", "view", "batching", "tangent", "CUDA")
WIDTH = 110
"""Longer gradients are cut; the source has the rest."""
PREFIX = {"torch": "torch", "Tensor": "Tensor", "nn.functional": "nn.functional"}
OWN = frozenset(("hinge_loss", "maxout", "multiclass_hinge_loss", "zero_one_loss"))
"""Public names that PyTorch has not."""

HEAD = """# The table of ops

Written by `python docs/make_optable.py` from the declarations in `autograd_core/ops`, family by family; a test keeps it
current. *Local gradient* is what arrives at an input when `g` arrives at the result: the rule as it is declared, shortened
where it is long. An op in *italics* has no public name: public functions and rules are made of it. *Composite* functions are
made of ops and have their gradients from them. *PyTorch* and *NumPy* are the functions of the same meaning there. *Batching*
says how `vmap` runs the op on a batch, *tangent* where forward mode has its derivative from. On *CUDA*, `fake` means that every
sample of the op, forward and backward, runs in the tests on a stand-in for CuPy that has nothing but CuPy's functions; ops that draw random
numbers or update parameters have tests of their own there.
"""


def families() -> Iterator[tuple[ModuleType, list[Op | Composite]]]:
    """The modules of ``ops`` in their order, each with what is declared in it."""
    modules = [module for module in vars(ops).values() if isinstance(module, ModuleType) and module.__name__.startswith(ops.__name__ + ".")]
    left: dict[str, Op | Composite] = {**REGISTRY, **COMPOSITES}
    for module in sorted(modules, key=lambda module: module.__name__):
        own = [declared for declared in left.values() if _declared_in(module, declared)]
        for declared in own:
            del left[declared.name]
        if own:
            yield module, own
    assert not left, f"declared in no module of ops: {', '.join(left)}"


def _declared_in(module: ModuleType, declared: Op | Composite) -> bool:
    function = declared.function if isinstance(declared, Composite) else declared.kernel
    home = function.__module__
    if home.startswith(ops.__name__ + "."):
        return home == module.__name__
    calls = [node for node in ast.walk(_tree(module)) if isinstance(node, ast.Call) and node.args]  # a kernel from elsewhere: the declaration itself is looked for
    return any(isinstance(call.args[0], ast.Constant) and call.args[0].value == declared.name for call in calls) or vars(module).get(declared.name) is declared


@cache
def _tree(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


# --- cells --------------------------------------------------------------------------------------------------------


def _body(function: Callable[..., Any]) -> str:
    """What a rule returns, as written."""
    module = sys.modules[function.__module__]
    code = function.__code__
    text = inspect.getsource(module)
    wanted = code.co_varnames[: code.co_argcount]
    for node in ast.walk(_tree(module)):
        if not isinstance(node, (ast.Lambda, ast.FunctionDef)) or tuple(argument.arg for argument in node.args.args) != wanted:
            continue
        if isinstance(node, ast.Lambda):
            if node.lineno <= code.co_firstlineno <= (node.end_lineno or node.lineno):
                return ast.get_source_segment(text, node.body) or ""
        elif min([node.lineno, *(each.lineno for each in node.decorator_list)]) == code.co_firstlineno:
            returned = [each for each in ast.walk(node) if isinstance(each, ast.Return) and each.value is not None]
            last = max(returned, key=lambda each: each.lineno)
            assert last.value is not None
            return ("… " if len(node.body) > 1 else "") + (ast.get_source_segment(text, last.value) or "")
    return "…"


def formula(rule: Rule) -> str:
    """A rule as one line of text."""
    text = rule.formula if rule.formula is not None else _body(rule.function).replace("F.", "")
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1].rstrip() + "…"


def gradient(declared: Op | Composite) -> str:
    """The cell of the local gradients."""
    if isinstance(declared, Composite):
        return "composite"
    if not declared.differentiable:
        return "none"
    if declared.joint is not None:
        return f"`{formula(declared.joint)}`"
    return "<br>".join(f"{name}: `{formula(rule)}`" for name, rule in declared.rules.items())


def names(declared: Op | Composite) -> str:
    """The public names; an internal op's own in italics."""
    spellings = [public_name(each, place) for place in declared.places[:1] for each in (declared.name, *declared.aliases)]
    return ", ".join(f"`{each}`" for each in spellings) if spellings else f"*{declared.name}*"


def pytorch(declared: Op | Composite) -> str:
    """The function of that name in PyTorch."""
    if declared.name in OWN or not declared.places:
        return ""
    place = "nn.functional" if declared.name in ("avg_pool2d", "avg_pool3d") else declared.places[0]
    return f"`{PREFIX.get(place, 'torch.' + place)}.{public_name(declared.name, place)}`"


def numpy_twin(declared: Op | Composite) -> str:
    """NumPy's function of the same meaning."""
    if not declared.places:
        return ""
    place = declared.places[0] if declared.places[0] in ("linalg", "fft") else ""
    holder = getattr(numpy, place) if place else numpy
    spellings = {ours: theirs for theirs, ours in interop._SPELLINGS.items()}
    name = public_name(declared.name, place) if place else getattr(declared, "ufunc", None) or spellings.get(declared.name, declared.name)
    return f"`np.{place + '.' if place else ''}{name}`" if callable(getattr(holder, name, None)) else ""


def sentence(doc: str) -> str:
    """The first sentence of a docstring."""
    text = " ".join(doc.strip().split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".").replace("``", "`")


def row(declared: Op | Composite) -> list[str]:
    """One line of the table."""
    cells = [names(declared), sentence(declared.doc), gradient(declared), pytorch(declared), numpy_twin(declared)]
    if isinstance(declared, Op):
        cuda = "tested apart" if declared.kind in ("random", "update") else "fake"
        cells += ["view" if declared.kind == "view" else "", how(declared), tangent.how(declared), cuda]
    else:
        cells += [""] * 4
    return [cell.replace("|", "\\|") for cell in cells]


def title(module: ModuleType) -> str:
    """The family's name, and what its module says of itself."""
    return f"## {module.__name__.rpartition('.')[2].replace('_', ' ').capitalize()}\n\n{sentence(module.__doc__ or '')}."


def generate() -> str:
    """The whole page."""
    parts = [HEAD]
    for module, declared in families():
        rows = ["| " + " | ".join(cells) + " |" for cells in (list(COLUMNS), *map(row, declared))]
        parts.append("\n".join([title(module) + "\n", rows[0], "|" + "---|" * len(COLUMNS), *rows[1:]]) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Command line: write the page, or check it."""
    parser = argparse.ArgumentParser(prog="python docs/make_optable.py", description="Write docs/ops.md, the table of ops.")
    parser.add_argument("--check", action="store_true", help="fail if the page is not current")
    text = generate()
    if parser.parse_args().check:
        if TARGET.read_text(encoding="utf-8") != text:
            raise SystemExit("docs/ops.md is not current: run python docs/make_optable.py")
        return
    TARGET.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
