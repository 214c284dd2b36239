"""The formulas of ops as Python functions over floats, for ``scalar``.

A formula is linear in the cotangent ``g``, so its text read at ``g = 1`` is the local gradient.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from .op import REGISTRY, Op


class NoFormulaError(Exception):
    """The op cannot be compiled: it has attributes, a rule that is no formula, or needs an op without a float function."""


class _LocalGradient(ast.NodeTransformer):
    """A formula read at ``g = 1``, on floats."""

    def __init__(self, functions: dict[str, Any]) -> None:
        self.functions = functions

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(1.0) if node.id == "g" else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return ast.Constant(-1.0) if isinstance(node.op, ast.USub) and _is(node.operand, 1.0) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult):
            if _is(node.left, 1.0):
                return node.right
            if _is(node.left, -1.0):
                return ast.UnaryOp(ast.USub(), node.right)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name in {"masked", "fill"}:  # backward passes no zeros on, so there is nothing to mask
            return node.args[1]
        if name == "conj":
            return node.args[0]
        if name == "where":
            return ast.IfExp(*node.args)
        function = _on_floats(name)
        if function is None:
            raise NoFormulaError(name)
        self.functions[f"_{name}"] = function
        node.func.id = f"_{name}"
        return node


def _is(node: ast.expr, number: float) -> bool:
    return isinstance(node, ast.Constant) and node.value == number


def _on_floats(name: str) -> Callable[..., Any] | None:
    if name == "pow":
        return math.pow
    op = REGISTRY.get(name)
    return op.scalar if op is not None else None


def local_gradient(op: Op, name: str, functions: dict[str, Any] | None = None) -> str:
    """The local gradient of one input as a Python expression; the functions that it calls, each after an underscore, are put into ``functions``."""
    if name not in op.rules:
        return "0.0"
    formula = op.rules[name].formula
    if formula is None:
        raise NoFormulaError(op.name)
    expression = _LocalGradient({} if functions is None else functions).visit(ast.parse(formula, mode="eval")).body
    if isinstance(expression, ast.Compare):
        expression = ast.IfExp(expression, ast.Constant(1.0), ast.Constant(0.0))
    return ast.unparse(ast.fix_missing_locations(expression))


_UNARY = """
def {name}(_left):
    _node = new(Scalar)
    {x} = _left._data
    try:
        _node._data = out = {value}
        _node._left_gradient = {left_gradient}
    except _INEXACT:
        return _general(_op, (_left,), {{}})
    _node._grad = 0.0
    _node.op = _op
    _node.left = _left
    _node.right = _node._right_gradient = None
    if _ACTIVE:
        _seen(_node, _op, (_left,), {{}})
    return _node
"""

_BINARY = """
def {name}(_left, _right):
    _kind = _right.__class__
    if _kind is Scalar:
        {y} = _right._data
    elif _kind is float or _kind is int:
        {y} = _right
    else:
        return _other_kind(_op, _left, _right)
    _node = new(Scalar)
    {x} = _left._data
    try:
        _node._data = out = {value}
        _node._left_gradient = {left_gradient}
        _node._right_gradient = ({right_gradient}) if _kind is Scalar else None
    except _INEXACT:
        return _general(_op, (_left, _right), {{}})
    _node._grad = 0.0
    _node.op = _op
    _node.left = _left
    _node.right = _right
    if _ACTIVE:
        _seen(_node, _op, (_left, _right), {{}})
    return _node
"""


def compiled(op: Op, runtime: dict[str, Any]) -> Callable[..., Any]:
    """The op as a function of Scalars, made of the text of its formulas.

    ``runtime`` holds what the text calls: ``Scalar``, ``_general``, ``_other_kind`` and ``_INEXACT``, and ``_seen``, which shows
    the operation to a recorder where ``_ACTIVE`` holds one. Raises
    ``NoFormulaError`` for an op that has no such text.
    """
    if op.attributes or len(op.inputs) > 2:
        raise NoFormulaError(op.name)
    names: dict[str, Any] = {"__name__": "autograd_core.scalar", "new": object.__new__, "_op": op, **runtime}
    if op.infix is not None and op.name != "pow":
        value = f"{op.inputs[0]} {op.infix} {op.inputs[-1]}"
    else:
        names["_kernel"] = _on_floats(op.name)
        if names["_kernel"] is None:
            raise NoFormulaError(op.name)
        value = f"_kernel({', '.join(op.inputs)})"
    gradients = [local_gradient(op, name, names) for name in op.inputs]
    source = (_UNARY if len(op.inputs) == 1 else _BINARY).format(
        name=op.name, x=op.inputs[0], y=op.inputs[-1], value=value, left_gradient=gradients[0], right_gradient=gradients[-1])
    exec(compile(source, f"<Scalar.{op.name}>", "exec"), names)  # the text of a declaration, never of a user
    function: Callable[..., Any] = names[op.name]
    return function
