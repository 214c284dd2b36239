"""What a plan of Scalars does to numbers: one ``Kind`` for each op, on arrays and on single floats.

On floats a kind computes exactly what a Scalar computes. On arrays it calls the same declaration on the library's arrays,
which is as good but may differ in the last place (the library's ``exp`` is not the C library's); ``bitwise`` says where it cannot.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...backend.registry import backend_for_device
from ...dtypes import float64
from ...engine import RAW
from ...formulas import NoFormulaError, compiled
from ...op import REGISTRY, Op

INEXACT = (ZeroDivisionError, OverflowError, ValueError)
xp: Any = backend_for_device("cpu").xp


@dataclass(eq=False)
class Kind:
    """An elementwise computation."""

    name: str
    array: Callable[..., Any]
    """On arrays of one length."""
    one: Callable[..., float]
    """On floats, as eager computes it."""
    bitwise: bool = False
    """Whether ``array`` gives the same bits as ``one``."""
    native: str | None = None
    """The name of the machine's instruction, for those that it has."""

    def __repr__(self) -> str:
        return self.name


def _or_library(function: Callable[..., Any], on_arrays: Callable[..., Any]) -> Callable[..., float]:
    """``function`` on floats; where it raises, the library's answer, which knows infinity and NaN."""

    def one(*numbers: float) -> float:
        try:
            return float(function(*numbers))
        except INEXACT:
            with xp.errstate(all="ignore"):
                return float(on_arrays(*[xp.float64(x) for x in numbers]))

    return one


def _compare(name: str) -> Kind:
    compared, on_arrays = getattr(operator, name), getattr(xp, {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}[name])
    return Kind(name, on_arrays, lambda a, b: 1.0 if compared(a, b) else 0.0, True, name)


def _python_pow(a: float, b: float) -> float:
    try:
        result = a**b
    except INEXACT:
        return math.nan
    return result if isinstance(result, float) else math.nan


DIVIDE = Kind("divide", xp.divide, _or_library(operator.truediv, xp.divide), True, "divide")
SELECT = Kind("select", lambda c, a, b: xp.where(c != 0, a, b), lambda c, a, b: a if c else b, True, "select")
BOTH = Kind("both", xp.multiply, operator.mul, True, "multiply")
EITHER = Kind("either", xp.maximum, max, True, "either")
MULTIPLY = Kind("multiply", xp.multiply, operator.mul, True, "multiply")
POWER = Kind("python power", xp.power, _python_pow)
COMPARE = {name: _compare(name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}
ARITHMETIC = {"truediv": DIVIDE, "pow": POWER, "abs": Kind("abs", xp.absolute, abs, True, "abs"),
              "floordiv": Kind("floor_divide", xp.floor_divide, _or_library(operator.floordiv, xp.floor_divide)),
              "mod": Kind("remainder", xp.remainder, _or_library(operator.mod, xp.remainder))}
"""Python's operators on recorded numbers; sums and products are no kinds but sums of products."""
BITWISE: dict[str, Callable[..., Any]] = {
    "relu": lambda x: xp.where(x > 0, x, 0.0), "abs": xp.absolute, "sqrt": xp.sqrt, "square": xp.square, "reciprocal": lambda x: xp.divide(1.0, x)}
"""What arrays compute to the last bit as floats do."""
NATIVE = frozenset((
    "relu", "abs", "sqrt", "square", "reciprocal", "exp", "log", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "asinh", "acosh", "atanh", "sigmoid", "exp2", "log2", "log10", "rsqrt", "erf", "erfc", "pow"))
"""Ops that the native machine has an instruction for, with the C library's function that Python calls too."""
_values: dict[Any, Kind] = {}
_gradients: dict[Any, Kind] = {}
_formulas: dict[Op, bool] = {}


def has_formula(op: Op) -> bool:
    """Whether Scalars compute the op by the text of its formulas on floats."""
    known = _formulas.get(op)
    if known is None:
        try:
            compiled(op, {"Scalar": None, "_general": None, "_other_kind": None, "_INEXACT": INEXACT, "_ACTIVE": (), "_seen": None})
            known = True
        except NoFormulaError:
            known = False
        _formulas[op] = known
    return known


def value_of(op: Op, attrs: tuple[tuple[str, Any], ...] = (), present: tuple[bool, ...] = (), on_floats: bool | None = None) -> Kind:
    """The kind that computes an op.

    ``present`` : which of the inputs are given, all by default. ``on_floats`` : whether eager calls the op's function on floats here,
    as it does inside formulas; by default whether it does so for the op itself.
    """
    if op.name == "div":
        return DIVIDE
    if on_floats is None:
        on_floats = has_formula(op)
    key = (op, attrs, present, on_floats)
    known = _values.get(key)
    if known is None:
        settings = dict(attrs)

        def spread(numbers: Any) -> list[Any]:
            return _spread(numbers, present)

        def on_arrays(*arrays: Any) -> Any:
            return op.kernels[arrays[0].__class__](*spread(arrays), **settings)

        function = math.pow if op.name == "pow" else op.scalar
        name = op.name + ("" if not attrs else "(" + ", ".join(f"{name}={value}" for name, value in attrs) + ")")
        if function is not None and on_floats:
            known = Kind(name, BITWISE.get(op.name, on_arrays), _or_library(function, on_arrays), op.name in BITWISE, op.name if op.name in NATIVE else None)
        else:
            known = Kind(name, on_arrays, lambda *numbers: float(on_arrays(*[xp.float64(x) for x in numbers])))
        _values[key] = known
    return known


def _spread(numbers: Any, present: tuple[bool, ...]) -> list[Any]:
    rest = iter(numbers)
    return [next(rest) if there else None for there in present] if present else list(numbers)


def gradient_of(op: Op, position: int, attrs: tuple[tuple[str, Any], ...], present: tuple[bool, ...], needs: tuple[bool, ...]) -> Kind:
    """The local gradient of an op that has no formula on floats, with respect to one input: a function of the inputs that are given, and the result."""
    key = (op, position, attrs, present, needs)
    known = _gradients.get(key)
    if known is None:
        settings = {**{name: (op.kernel.__kwdefaults__ or {}).get(name) for name in op.attributes}, **dict(attrs)}
        rule = op.rules.get(op.inputs[position])

        def on_arrays(*arrays: Any) -> Any:
            *given, out = arrays
            values = dict(zip(op.inputs, _spread(given, present), strict=True))
            around = {**values, **settings, "needs": needs, "out": out}
            for name in op.inputs:
                around[f"{name}_shape"], around[f"{name}_dtype"] = out.shape, float64
            F, g = RAW[out.__class__], xp.ones_like(out)[()]
            if rule is not None:
                return rule.function(F, g, *[around[name] for name in rule.names])
            if op.joint is not None:
                return op.joint.function(F, g, *[around[name] for name in op.joint.names])[position]
            return g * 0.0

        known = _gradients[key] = Kind(f"d {op.name}/d {op.inputs[position]}", on_arrays, lambda *numbers: float(on_arrays(*[xp.float64(x) for x in numbers])))
    return known


__all__ = ["ARITHMETIC", "BOTH", "COMPARE", "DIVIDE", "EITHER", "MULTIPLY", "REGISTRY", "SELECT", "Kind", "gradient_of", "has_formula", "value_of"]
