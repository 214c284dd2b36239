"""Whole kernels that look at values, written out in C: cross-entropy of class indices with its textbook gradient.

A routine returns something other than 0 where the kernel would raise; the kernel is called then, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..graph import Graph, Step, Value
from ..memory import flat
from .formulas import C_TYPES
from .nodes import Node, Operand


@dataclass(eq=False)
class Routine(Node):
    """A kernel in C over whole arrays: what it reads and makes, in the order of its parameters."""

    inputs: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    body: str = ""

    def reads(self) -> Iterator[Operand]:
        """What is read."""
        for x in self.inputs:
            yield x, x.dtype.char, None

    @property
    def made(self) -> Value | None:
        """The first of the new values."""
        return self.results[0]

    @property
    def parameters(self) -> str:
        """Those of the C function."""
        return ", ".join([f"char *x{i}" for i in range(len(self.inputs))] + [f"char *y{i}" for i in range(len(self.results))])


def routines(graph: Graph) -> dict[Step, Routine]:
    """The steps of a graph that are made by routines."""
    found: dict[Step, Routine] = {}
    readers: dict[Value, list[Step]] = {}
    for step in graph.steps:
        for value in step.reads():
            readers.setdefault(value, []).append(step)
    for step in graph.steps:
        if step.name != "softmax_cross_entropy" or step.kind not in ("op", "kept"):
            continue
        loss, residuals = step.outputs[0], step.outputs[1:]
        rules = list(dict.fromkeys(reader for value in residuals if value is not None for reader in readers.get(value, ())))
        if loss is None or not _simple(step, loss) or any(rule.name != "softmax_cross_entropy.fused_vjp" or rule.outputs[0] is None for rule in rules):
            continue
        found[step] = _forward(step, loss, residuals)
        for rule in rules:
            found[rule] = _backward(rule, step)
    return found


def _simple(step: Step, loss: Value) -> bool:
    scores, target, weight = step.inputs
    return (isinstance(scores, Value) and isinstance(target, Value) and weight is None and not step.attrs["label_smoothing"] and step.attrs["reduction"] in ("mean", "sum")
            and len(scores.shape) == 2 and len(target.shape) == 1 and scores.dtype.char in "fd" and target.dtype.char in "lq" and target.dtype.itemsize == 8
            and all(scores.shape) and flat(scores) and flat(target) and not loss.shape and loss.dtype == scores.dtype)


def _forward(step: Step, loss: Value, residuals: tuple[Value | None, ...]) -> Routine:
    scores, target, _ = step.inputs
    (rows, classes), letter = scores.shape, scores.dtype.char
    kind, suffix = C_TYPES[letter], "f" if letter == "f" else ""
    kept = [value for value in residuals[:2] if value is not None]
    powers = f"(({kind}_ *)y1 + i * {classes}L)[j]"
    body = f"""
double total = 0; long counted = 0;
for (long i = 0; i < {rows}L; i++) {{
const {kind}_ *row = ({kind}_ *)x0 + i * {classes}L; const int64_t place = ((int64_t_ *)x1)[i];
{kind} top = -INFINITY, sum = 0; int nan = 0;
#pragma omp simd reduction(max:top) reduction(|:nan)
for (long j = 0; j < {classes}L; j++) {{ top = row[j] > top ? row[j] : top; nan |= row[j] != row[j]; }}
top = nan ? ({kind})NAN : top;
#pragma omp simd reduction(+:sum)
for (long j = 0; j < {classes}L; j++) {{ const {kind} power = ag_exp_{suffix}(row[j] - top); sum += power; {f"{powers} = power;" if kept else ""} }}
{f"(({kind}_ *)y2)[i] = sum;" if kept else ""}
if (place == {step.attrs["ignore_index"]}L) continue;
if (place < 0 || place >= {classes}L) return 2;
total += ag_log_{suffix}(sum) - (row[place] - top); counted++;
}}
*({kind}_ *)y0 = {"counted ? total / counted : NAN" if step.attrs["reduction"] == "mean" else "total"};
return 0;"""
    return Routine(step, [scores, target], [loss, *kept], body)


def _backward(rule: Step, step: Step) -> Routine:
    g, (scores, target, _), gradient = rule.inputs[0], step.inputs, rule.outputs[0]
    assert gradient is not None
    (rows, classes), kind = scores.shape, C_TYPES[scores.dtype.char]
    ignored = f"{step.attrs['ignore_index']}L"
    share = f"(double)*({kind}_ *)x3"
    body = f"""
long counted = 0;
for (long i = 0; i < {rows}L; i++) counted += ((int64_t_ *)x2)[i] != {ignored};
const {kind} each = {f"{share} / (counted ? counted : 1)" if step.attrs["reduction"] == "mean" else share};
for (long i = 0; i < {rows}L; i++) {{
const int64_t place = ((int64_t_ *)x2)[i]; const {kind} share = place == {ignored} ? 0 : each; const {kind} scale = share / (({kind}_ *)x1)[i];
const {kind}_ *row = ({kind}_ *)x0 + i * {classes}L; {kind}_ *out = ({kind}_ *)y0 + i * {classes}L;
#pragma omp simd
for (long j = 0; j < {classes}L; j++) out[j] = row[j] * scale;
if (place != {ignored}) out[place] -= share;
}}
return 0;"""
    powers, totals = step.outputs[1], step.outputs[2]
    assert powers is not None
    assert totals is not None
    return Routine(rule, [powers, totals, target, g], [gradient], body)


def results(node: Any) -> list[Value]:
    """All new values of a node."""
    return node.results if isinstance(node, Routine) else [] if node.made is None else [node.made]
