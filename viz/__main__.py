"""The command line: ``python -m viz draw module:function -o graph.svg``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from .comparison import diff
from .drawing import draw
from .records import Drawable
from .step import step_through

EXAMPLES = """
A function is named as module:function, or file.py:function. It takes no arguments and returns a tensor with a graph.

examples:
  python -m viz draw model.py:loss -o graph.svg
  python -m viz draw model.py:loss -o graph.png --color gradient --theme dark --depth 2
  python -m viz draw lecture.py:f -o chain.png --chain-rule
  python -m viz draw model.py:loss -o maps.svg --heat-maps --theme print
  python -m viz step-through lecture.py:f -o backprop.html
  python -m viz step-through model.py:loss -o model.html --depth 1
  python -m viz diff old.py:loss new.py:loss -o diff.svg --rtol 1e-4
"""


def function(name: str) -> Any:
    """The function of ``module:function`` or ``file.py:function``; exits with a message where there is none."""
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise SystemExit(f"{name!r}: expected module:function or file.py:function")
    path = Path(place)
    sys.path.insert(0, str(path.parent.resolve() if path.suffix == ".py" else Path.cwd()))
    try:
        found: Any = importlib.import_module(path.stem if path.suffix == ".py" else place)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise SystemExit(f"cannot load {name}: {error}") from error
    if not callable(found):
        raise SystemExit(f"{name} is no function but a {type(found).__name__}")
    return found


def result(name: str, backward: bool) -> Drawable:
    """What a function returns, with every value kept, after ``backward()`` if it is a single number."""
    from autograd_core import Scalar, record

    with record():
        root: Any = function(name)()
    single = isinstance(root, Scalar) or getattr(root, "numel", lambda: 0)() == 1
    if backward and single and (isinstance(root, Scalar) or root.requires_grad):
        root.backward(**({} if isinstance(root, Scalar) else {"retain_graph": True}))
    drawable: Drawable = root
    return drawable


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(prog="python -m viz", description="Draw computational graphs, step through backpropagation, compare two graphs.", epilog=EXAMPLES,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True, metavar="draw | step-through | diff")
    drawing = commands.add_parser("draw", help="the graph as a picture", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    drawing.add_argument("function", help="module:function or file.py:function")
    drawing.add_argument("-o", "--output", required=True, help="the picture: .png, .svg, .pdf or .dot")
    drawing.add_argument("--no-backward", action="store_true", help="leave the gradients out")
    drawing.add_argument("--chain-rule", action="store_true", help="write upstream × local = downstream on each edge")
    drawing.add_argument("--color", choices=("gradient", "activation"), help="colour by size")
    drawing.add_argument("--heat-maps", action="store_true", help="draw arrays as heat maps")
    drawing.add_argument("--theme", choices=("light", "dark", "print"), default="light")
    drawing.add_argument("--depth", type=int, help="draw modules at this level of nesting as one box")
    drawing.add_argument("--max-nodes", type=int, default=200, help="fold larger graphs (default: 200)")
    stepping = commands.add_parser("step-through", help="backpropagation as a page", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    stepping.add_argument("function", help="module:function or file.py:function")
    stepping.add_argument("-o", "--output", default="backprop.html", help="the page (default: backprop.html)")
    stepping.add_argument("--depth", type=int, help="go over modules at this level of nesting in one step")
    comparing = commands.add_parser("diff", help="compare two graphs; exits with 1 if they differ", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    comparing.add_argument("a", help="module:function or file.py:function")
    comparing.add_argument("b", help="the other")
    comparing.add_argument("-o", "--output", help="a picture of both")
    comparing.add_argument("--rtol", type=float, default=1e-5)
    comparing.add_argument("--atol", type=float, default=1e-8)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    given = parser().parse_args(arguments)
    try:
        if given.command == "draw":
            root = result(given.function, not given.no_backward)
            draw(root, given.output, chain_rule=given.chain_rule, color=given.color, heat_maps=given.heat_maps, theme=given.theme, depth=given.depth, max_nodes=given.max_nodes)
            print(f"wrote {given.output}")
            return 0
        if given.command == "step-through":
            print(f"wrote {step_through(function(given.function), given.output, depth=given.depth)}")
            return 0
        found = diff(result(given.a, True), result(given.b, True), given.output, rtol=given.rtol, atol=given.atol, names=(given.a, given.b))
        print(found)
        if given.output:
            print(f"wrote {given.output}")
        return 1 if found else 0
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        print(f"{given.command}: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
