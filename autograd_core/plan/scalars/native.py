"""The native machine: one interpreter in C for the groups of any plan, compiled once and kept on disk.

A plan is a table of int32: for each group its instruction, and where its operands lie in the workspace of float64. So a new
graph costs no compiling. Groups without an instruction are steps of the NumPy machine on the same workspace, in between.
Sums are added from left to right with every product rounded; only without ``exact`` are long single sums added in eight parts.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from ..native.toolchain import compile_c
from .kinds import xp
from .numpy import Machine, Step
from .schedule import Group, Schedule

UNARY = {
    "relu": "x > 0 ? x : 0.0", "abs": "fabs(x)", "sqrt": "sqrt(x)", "square": "x * x", "reciprocal": "1.0 / x", "rsqrt": "1.0 / sqrt(x)",
    "sigmoid": "x >= 0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x))", "exp2": "pow(2.0, x)",
    **{name: f"{name}(x)" for name in ("exp", "log", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
                                       "log2", "log10", "erf", "erfc")}}
BINARY = {"divide": "x / y", "multiply": "x * y", "pow": "pow(x, y)", "either": "x > y ? x : y", "lt": "x < y", "le": "x <= y", "gt": "x > y", "ge": "x >= y",
          "eq": "x == y", "ne": "x != y"}
CODES = {name: code for code, name in enumerate(("sum", "masked sum", "plain sum", "select", *UNARY, *BINARY))}
"""Instruction -> its number in the table."""
FIELDS = 6
"""Ints for one group: instruction, first result, results, terms of a sum, and where its operands begin in the index table."""
LONG = 64
"""Sums of so many terms may be added in parts."""

_SUM = """
static void {name}(double *restrict w, double *restrict out, const int32_t *restrict left, const int32_t *restrict right, int32_t count, int32_t terms, int32_t parts) {{
    int32_t j = 0;
    for (; j + 8 <= count; j += 8) {{
        double total[8];
        for (int u = 0; u < 8; u++) total[u] = -0.0;
        for (int32_t k = 0; k < terms; k++) {{
            const int32_t *restrict a = left + (int64_t)k * count + j, *restrict b = right + (int64_t)k * count + j;
            #pragma omp simd
            for (int u = 0; u < 8; u++) {{ double x = w[a[u]]; total[u] += {term_u}; }}
        }}
        for (int u = 0; u < 8; u++) out[j + u] = total[u];
    }}
    for (; j < count; j++) {{
        double total = -0.0;
        int32_t k = 0;
        if (parts && terms >= {long}) {{
            double part[8] = {{-0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0, -0.0}};
            for (; k + 8 <= terms; k += 8)
                for (int u = 0; u < 8; u++) {{ int64_t at = (int64_t)(k + u) * count + j; double x = w[left[at]]; part[u] += {term_at}; }}
            for (int u = 0; u < 8; u++) total += part[u];
        }}
        for (; k < terms; k++) {{ int64_t at = (int64_t)k * count + j; double x = w[left[at]]; total += {term_at}; }}
        out[j] = total;
    }}
}}
"""


def source() -> str:
    """The interpreter in C."""
    terms = {"sum": "x * w[right[{at}]]", "masked_sum": "(x != 0.0 ? x * w[right[{at}]] : 0.0)", "plain_sum": "x"}
    parts = ["#include <math.h>\n#include <stdint.h>\n"]
    for name, term in terms.items():
        parts.append(_SUM.format(name=name, long=LONG, term_at=term.format(at="at"), term_u=term.replace("right[{at}]", "b[u]")))
    parts.append("""
void run(const int32_t *table, int32_t groups, const int32_t *index, double *w, int32_t parts) {
    for (int32_t g = 0; g < groups; g++, table += FIELDS) {
        int32_t first = table[1], count = table[2], terms = table[3];
        const int32_t *restrict a = index + table[4], *restrict b = index + table[5];
        double *restrict out = w + first;
        switch (table[0]) {
        case 0: sum(w, out, a, b, count, terms, parts); break;
        case 1: masked_sum(w, out, a, b, count, terms, parts); break;
        case 2: plain_sum(w, out, a, a, count, terms, parts); break;
        case 3: for (int32_t i = 0; i < count; i++) out[i] = w[a[i]] != 0.0 ? w[b[i]] : w[b[count + i]]; break;
""".replace("FIELDS", str(FIELDS)))
    parts += [f"        case {CODES[name]}: for (int32_t i = 0; i < count; i++) {{ double x = w[a[i]]; out[i] = {text}; }} break;\n" for name, text in UNARY.items()]
    parts += [f"        case {CODES[name]}: for (int32_t i = 0; i < count; i++) {{ double x = w[a[i]], y = w[b[i]]; out[i] = {text}; }} break;\n" for name, text in BINARY.items()]
    parts.append("        }\n    }\n}\n")
    return "".join(parts)


@cache
def interpreter() -> Callable[..., None]:
    """The compiled interpreter. Raises ``ToolchainError`` without a compiler."""
    run: Any = compile_c(source()).run
    run.restype = None
    run.argtypes = [ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32]
    function: Callable[..., None] = run
    return function


class NativeMachine(Machine):
    """Runs a schedule in a workspace of float64, in C wherever it can."""

    name = "native"

    def _prepare(self, plan: Schedule) -> None:
        self._table: Any = None
        self._index: Any = None
        self.careful = self.quick = self._stretches(plan.groups)

    def _stretches(self, groups: list[Group]) -> list[Step]:
        run = interpreter()
        table: list[tuple[int, ...]] = []
        indices: list[Any] = []
        filled = 0
        stretches: list[tuple[int, int] | list[Group]] = []
        for group in groups:
            code = self._code(group)
            if code is None:
                if not stretches or isinstance(stretches[-1], tuple):
                    stretches.append([])
                stretches[-1].append(group)  # type: ignore[union-attr]
                continue
            offsets = []
            for index in group.operands:
                if index is not None:
                    offsets.append(filled)
                    indices.append(index.ravel())
                    filled += index.size
            terms = group.operands[0].shape[0] if group.kind is None else 1
            table.append((code, group.start, group.count, terms, offsets[0], offsets[1] if len(offsets) > 1 else offsets[0]))
            if stretches and isinstance(stretches[-1], tuple):
                stretches[-1] = (stretches[-1][0], stretches[-1][1] + 1)
            else:
                stretches.append((len(table) - 1, 1))
        self._table = xp.array(table, dtype=xp.int32).reshape(-1, FIELDS)
        self._index = xp.concatenate(indices).astype(xp.int32) if indices else xp.zeros(0, dtype=xp.int32)
        begin, index, workspace, parts = self._table.ctypes.data, self._index.ctypes.data, self.workspace.ctypes.data, int(not self.exact)
        steps: list[Step] = []
        for stretch in stretches:
            if isinstance(stretch, tuple):
                steps.append(partial(run, begin + 4 * FIELDS * stretch[0], stretch[1], index, workspace, parts))
            else:
                steps += self._steps(stretch, True)
        return steps

    def _code(self, group: Group) -> int | None:
        """The group's instruction, if there is one that gives what is asked for."""
        kind = group.kind
        if kind is None:
            return CODES["plain sum" if group.operands[1] is None else "masked sum" if group.masked else "sum"]
        return None if kind.native is None or (self.exact and not kind.bitwise) else CODES[kind.native]
