"""Formulas, names and numbers of a derivation, in words and in LaTeX."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from typing import Any

from .backend.registry import BY_TYPE

__all__ = ["formula", "in_numbers", "in_tex", "in_words", "number", "tex_name", "tex_operand"]

_SHOWN = 6
"""Arrays of more elements are described by their shape."""
_ARITHMETIC: dict[type, Any] = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_COMPARED: dict[type, tuple[Any, str]] = {ast.Eq: (operator.eq, "="), ast.NotEq: (operator.ne, r"\neq"), ast.Lt: (operator.lt, "<"), ast.LtE: (operator.le, r"\leq"),
                                          ast.Gt: (operator.gt, ">"), ast.GtE: (operator.ge, r"\geq")}
_WORDS = {" ** ": "^", " * ": "·", " == ": " = ", " != ": " ≠ ", " <= ": " ≤ ", " >= ": " ≥ ", "-": "−"}


def _constant(node: ast.expr) -> Any:
    """The number that an expression is, or ``None``."""
    inner: Any = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else node
    if not isinstance(inner, ast.Constant):
        return None
    value: Any = inner.value
    return value if inner is node else -value


def _of_number(value: Any) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-value)) if value < 0 else ast.Constant(value)


class _Symbolic(ast.NodeTransformer):
    """A local gradient's formula at ``g = 1`` in the names of a derivation, with numbers worked out where there are only numbers."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = "1" if node.id == "g" else self.names.get(node.id, node.id)
        try:
            value = float(found.replace("−", "-"))
        except ValueError:
            return ast.Name(found)
        return _of_number(int(value) if value.is_integer() else value) if abs(value) < float("inf") else ast.Name(found)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        value = _constant(node.operand)
        return _of_number(-value) if isinstance(node.op, ast.USub) and value is not None else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = _constant(node.left), _constant(node.right)
        if left is not None and right is not None and type(node.op) in _ARITHMETIC:
            return _of_number(_ARITHMETIC[type(node.op)](left, right))
        if isinstance(node.op, ast.Mult):
            for one, rest in ((left, node.right), (right, node.left)):
                if one == 1:
                    return rest
                if one == -1:
                    return ast.UnaryOp(ast.USub(), rest)
        return node.left if isinstance(node.op, (ast.Pow, ast.Div)) and right == 1 else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        left, right = _constant(node.left), _constant(node.comparators[0])
        return node if left is None or right is None else ast.Constant(bool(_COMPARED[type(node.ops[0])][0](left, right)))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "pow":
            return self.visit_BinOp(ast.BinOp(node.args[0], ast.Pow(), node.args[1]))
        if name == "where" and isinstance(node.args[0], ast.Constant):
            return node.args[1 if node.args[0].value else 2]
        return node.args[1] if name in {"masked", "fill"} else node.args[0] if name == "conj" else node


def formula(op: Any, input_name: str, names: Mapping[str, str]) -> ast.expr | None:
    """The local gradient of an op by one of its inputs, in ``names``; ``None`` where it is no formula."""
    rule = op.rules.get(input_name)
    if rule is None or rule.formula is None:
        return None
    expression = _Symbolic(names).visit(ast.parse(rule.formula, mode="eval")).body
    return ast.fix_missing_locations(expression)  # type: ignore[no-any-return]


def in_words(expression: ast.expr) -> str:
    """An expression as text."""
    text = ast.unparse(expression)
    for before, after in _WORDS.items():
        text = text.replace(before, after)
    return text


def in_tex(node: ast.expr) -> str:
    """An expression in LaTeX."""
    if isinstance(node, ast.BinOp):
        return _product_in_tex(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"-{_closed(node.operand, (ast.Add, ast.Sub))}"
    if isinstance(node, ast.Compare):
        return f"{in_tex(node.left)} {_COMPARED[type(node.ops[0])][1]} {in_tex(node.comparators[0])}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        inside = [in_tex(each) for each in node.args]
        if node.func.id == "where":
            return rf"\begin{{cases}} {inside[1]} & \text{{if }} {inside[0]} \\ {inside[2]} & \text{{otherwise}} \end{{cases}}"
        called = node.func.id.replace("_", r"\_")
        return rf"\operatorname{{{called}}}\left({', '.join(inside)}\right)"
    return tex_operand(node.id) if isinstance(node, ast.Name) else ast.unparse(node)


def _product_in_tex(node: ast.BinOp) -> str:
    sums: tuple[type, ...] = (ast.Add, ast.Sub)
    if isinstance(node.op, ast.Div):
        return rf"\frac{{{in_tex(node.left)}}}{{{in_tex(node.right)}}}"
    if isinstance(node.op, ast.Pow):
        return rf"{_closed(node.left, (ast.operator, ast.unaryop))}^{{{in_tex(node.right)}}}"
    product = isinstance(node.op, ast.Mult)
    sign = {ast.Mult: r" \cdot ", ast.Add: " + ", ast.Sub: " - "}.get(type(node.op), r" \bmod ")
    right = (*sums, ast.USub) if not isinstance(node.op, ast.Add) else (ast.USub,)
    return (_closed(node.left, sums) if product else in_tex(node.left)) + sign + _closed(node.right, right)


def _closed(node: ast.expr, kinds: tuple[type, ...]) -> str:
    """An expression, in parentheses if it is one of ``kinds``."""
    text = in_tex(node)
    return rf"\left({text}\right)" if isinstance(getattr(node, "op", None), kinds) else text


def tex_name(name: str) -> str:
    """A variable's name in LaTeX: letters with a number get it as an index, words stand upright."""
    numbered = re.fullmatch(r"([A-Za-z])_?(\d+)", name)
    if numbered:
        return f"{numbered[1]}_{{{numbered[2]}}}"
    upright = name.replace("_", r"\_")
    return name if len(name) == 1 else rf"\mathrm{{{upright}}}"


def tex_operand(text: str) -> str:
    """A name, or numbers in brackets, in LaTeX."""
    return tex_name(text) if text.isidentifier() and text not in ("inf", "nan") else text


def in_numbers(tex: str) -> str:
    """An equation whose numbers are written as in text, with LaTeX's signs for them."""
    tex = tex.replace("−", "-").replace("×", r"\times")
    tex = re.sub(r"(?<![\w\\{.])(\d+(?:\.\d+)?)e([+-]?)0*(\d+)", lambda found: rf"{found[1]} \times 10^{{{found[2].replace('+', '')}{found[3]}}}", tex)
    return re.sub(r"(?<![\w\\{])nan\b", r"\\mathrm{NaN}", re.sub(r"(?<![\w\\{])inf\b", r"\\infty", tex))


def number(value: Any) -> str:
    """A number or array as text; large arrays by their shape."""
    array = BY_TYPE[value.__class__].to_numpy(value) if hasattr(value, "dtype") else value
    if getattr(array, "size", 1) > _SHOWN:
        return f"[{' × '.join(map(str, array.shape))}]"
    listed = array.tolist() if hasattr(array, "tolist") else array
    return _listed(listed).replace("-", "−")


def _listed(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_listed(each) for each in value)}]"
    return f"{value + 0:.6g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)  # + 0: no negative zero
