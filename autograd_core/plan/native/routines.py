"""Whole kernels that look at values, written out in C: cross-entropy of class indices with its textbook gradient, maximum pooling's.

A routine returns something other than 0 where the kernel would raise; the kernel is called then, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

from ..graph import Graph, Step, Value
from ..memory import flat
from .formulas import C_TYPES
from .nodes import Node, Operand

LONGEST = 16384
"""Numbers that a routine keeps on the stack."""


@dataclass(eq=False)
class Routine(Node):
    """A kernel in C over whole arrays: what it reads and makes, in the order of its parameters."""

    inputs: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    body: str = ""
    refuses: bool = False
    """Whether there are values for which the kernel raises."""

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
        if step.name == "max_pool.vjp[input]" and _plain_pool(step):
            found[step] = _pool_gradient(step)
        if step.name != "softmax_cross_entropy" or step.kind not in ("op", "kept"):
            continue
        loss, residuals = step.outputs[0], step.outputs[1:]
        rules = list(dict.fromkeys(reader for value in residuals if value is not None for reader in readers.get(value, ())))
        if loss is None or not _simple(step, loss) or any(rule.name != "softmax_cross_entropy.fused_vjp" or rule.outputs[0] is None for rule in rules):
            continue
        if not rules and step.inputs[0].shape[1] > LONGEST:
            continue  # a row of exponentials has no memory
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
    group = max(1, min(rows, 64, LONGEST // classes))  # rows whose exponentials, and whose logarithms, are taken together: few classes fill no vector
    powers, totals = (f"(({kind}_ *)y1 + b * {classes}L)", f"(({kind}_ *)y2 + b)") if kept else ("own", "sums")
    body = f"""
double total = 0; long counted = 0;
for (long b = 0; b < {rows}L; b += {group}) {{
const long n = b + {group} < {rows}L ? {group} : {rows}L - b;
const {kind}_ *all = ({kind}_ *)x0 + b * {classes}L; {kind} tops[{group}], logs[{group}]{"" if kept else f", sums[{group}], own[{group * classes}]"};
for (long i = 0; i < n; i++) {{
const {kind}_ *row = all + i * {classes}L;
{kind} top = -INFINITY; int nan = 0;
#pragma omp simd reduction(max:top) reduction(|:nan)
for (long j = 0; j < {classes}L; j++) {{ top = row[j] > top ? row[j] : top; nan |= row[j] != row[j]; }}
tops[i] = top = nan ? ({kind})NAN : top;
for (long j = 0; j < {classes}L; j++) {powers}[i * {classes}L + j] = row[j] - top;
}}
#pragma omp simd
for (long j = 0; j < n * {classes}L; j++) {powers}[j] = ag_exp_{suffix}({powers}[j]);
for (long i = 0; i < n; i++) {{
{kind} sum = 0;
#pragma omp simd reduction(+:sum)
for (long j = 0; j < {classes}L; j++) sum += {powers}[i * {classes}L + j];
{totals}[i] = sum;
}}
#pragma omp simd
for (long i = 0; i < n; i++) logs[i] = ag_log_{suffix}({totals}[i]);
for (long i = 0; i < n; i++) {{
const int64_t place = ((int64_t_ *)x1)[b + i];
if (place == {step.attrs["ignore_index"]}L) continue;
if (place < 0 || place >= {classes}L) return 2;
total += logs[i] - (all[i * {classes}L + place] - tops[i]); counted++;
}} }}
*({kind}_ *)y0 = {"counted ? total / counted : NAN" if step.attrs["reduction"] == "mean" else "total"};
return 0;"""
    return Routine(step, [scores, target], [loss, *kept], body, refuses=True)


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


def _plain_pool(rule: Step) -> bool:
    """Whether windows lie inside of planes and have no gaps."""
    g, scores, largest, kernel, stride, padding, dilation, size = rule.inputs
    if len(kernel) != 2 or any((count - 1) * step + n > whole for count, step, n, whole in zip(size, stride, kernel, scores.shape[-2:], strict=True)):
        return False  # rounded up, so that windows reach beyond
    values = [x for x in (g, scores, largest, rule.outputs[0]) if isinstance(x, Value)]
    return (len(values) == 4 and not any(padding) and set(dilation) == {1} and all(flat(x) and len(x.shape) >= 2 and all(x.shape) for x in values)
            and len({x.dtype for x in values}) == 1 and g.dtype.char in "fd")


def _pool_gradient(rule: Step) -> Routine:
    """The cotangent goes to the first of the window that equals the maximum; of NaNs, which win, to the last."""
    g, scores, largest, kernel, stride, _, _, size = rule.inputs
    gradient = rule.outputs[0]
    assert gradient is not None
    kind = C_TYPES[scores.dtype.char]
    height, width = scores.shape[-2:]
    planes = prod(scores.shape[:-2])
    parts = []
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            at = f"(h * {stride[0]} + {i}) * {width}L + w * {stride[1]} + {j}"
            parts.append(f"""
#pragma omp simd
for (long w = 0; w < {size[1]}L; w++) {{ const {kind} top = best[w]; const int here = !taken[w] & (plane[{at}] == top); taken[w] |= here; to[{at}] += here ? from[w] : 0; }}""")
    body = f"""
for (long i = 0; i < {prod(gradient.shape)}L; i++) (({kind}_ *)y0)[i] = 0;
for (long p = 0; p < {planes}L; p++) for (long h = 0; h < {size[0]}L; h++) {{
const {kind}_ *plane = ({kind}_ *)x1 + p * {height * width}L, *best = ({kind}_ *)x2 + (p * {size[0]}L + h) * {size[1]}L, *from = ({kind}_ *)x0 + (p * {size[0]}L + h) * {size[1]}L;
{kind}_ *to = ({kind}_ *)y0 + p * {height * width}L;
int taken[{size[1]}], missed = 0;
for (long w = 0; w < {size[1]}L; w++) taken[w] = 0;{"".join(parts)}
for (long w = 0; w < {size[1]}L; w++) missed |= !taken[w];
if (missed) for (long w = 0; w < {size[1]}L; w++) if (!taken[w]) {{
long last = 0;
for (long i = 0; i < {kernel[0]}; i++) for (long j = 0; j < {kernel[1]}; j++) {{
const long at = (h * {stride[0]} + i) * {width}L + w * {stride[1]} + j;
if (plane[at] != plane[at]) last = at; }}
to[last] += from[w]; }}
}}
return 0;"""
    return Routine(rule, [g, scores, largest], [gradient], body)


def results(node: Any) -> list[Value]:
    """All new values of a node."""
    return node.results if isinstance(node, Routine) else [] if node.made is None else [node.made]
