"""A linear layer written out: each unit as a weighted sum of scalars."""

from __future__ import annotations

from typing import Any

from .records import BuiltGraph, host
from .text import number

MOST_WEIGHTS = 64
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def neurons(graph: BuiltGraph) -> dict[str, list[str]]:
    """Op id -> the formulas of its units, for each linear layer of at most 64 weights whose weights are known."""
    shown: dict[str, list[str]] = {}
    wires: dict[str, dict[str, Any]] = {op.id: {} for op in graph.record.ops if op.op == "linear"}
    for edge in graph.record.edges:
        if edge.target in wires:
            wires[edge.target][edge.label] = graph.arrays.get(edge.source)
    for op, operands in wires.items():
        weight, bias = operands.get("weight"), operands.get("bias")
        if weight is not None and 0 < weight.size <= MOST_WEIGHTS:
            shown[op] = formulas(host(weight), None if bias is None else host(bias))
    return shown


def formulas(weight: Any, bias: Any = None, precision: int = 3) -> list[str]:
    """Each row of ``weight`` (out, in) as a sum over x₀, x₁, ...

    >>> import numpy as np
    >>> formulas(np.array([[0.5, -2.0]]), np.array([1.0]))
    ['y₀ = 0.5·x₀ − 2·x₁ + 1']
    """
    lines = []
    for j, row in enumerate(weight.tolist()):
        terms = [(value, f"·x{str(i).translate(_SUBSCRIPTS)}") for i, value in enumerate(row)]
        if bias is not None:
            terms.append((bias.reshape(-1)[j].item(), ""))
        text = ""
        for value, name in terms:
            sign = ("−" if value < 0 else "") if not text else " − " if value < 0 else " + "
            text += f"{sign}{number(abs(value), precision)}{name}"
        lines.append(f"y{str(j).translate(_SUBSCRIPTS)} = {text}")
    return lines
