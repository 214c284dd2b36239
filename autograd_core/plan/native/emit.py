"""A cluster as a C function: one loop nest, with the numbers of each row computed between the loops over its elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from ..graph import Value
from ..live import Live
from .access import Access, strides_over
from .clusters import Cluster, wide
from .division import Division, Total, divided
from .formulas import C_TYPES, formula, literal
from .nodes import Point, Reduce

BLOCK = 4096
"""Elements that are added up in the type of the elements; the sums of blocks are added in double precision."""
TILE = 256
"""Elements that are computed before they are written past the caches."""
PAST = 1 << 25
"""Bytes that a loop visits from which on nothing of them would be found in a cache later. What it makes is then written past the caches, which
saves reading the memory first: 20 % of the time of a formula with four results of 16 MB."""
SIGN = {"add": "+", "multiply": "*", "maximum": "max", "minimum": "min"}
SCALAR, ROW, FULL = range(3)


@dataclass(eq=False)
class _Item:
    """A number inside of the loops: its name, its type, how often it is computed, and in which pass over the row."""

    name: str
    letter: str
    level: int
    phase: int
    load: str = ""
    """The expression that reads it anew, if it may be."""
    names: dict[int, str] = field(default_factory=dict)
    """What it is called in each pass."""


@dataclass
class _Phase:
    """One pass over the elements of a row, and what is computed for the row before and after it."""

    before: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    reductions: list[str] = field(default_factory=list)
    blocks: list[tuple[str, str]] = field(default_factory=list)
    """What starts and ends a block of the innermost loop."""


class Loop:
    """The C text of a cluster, with the memory and the numbers that it takes."""

    def __init__(self, cluster: Cluster, needed: Callable[[Value], bool]) -> None:
        self.pointers: list[tuple[Value, int]] = []
        self.lives: list[Live] = []
        self._needed = needed
        self._row = cluster.row
        ends = sorted(cluster.ends)
        self._ends = ends
        self._sizes = [b // a for a, b in pairwise(ends)][::-1]
        inside = [end for end in ends if end <= cluster.row] if cluster.row else ends[:2]
        self._outer = len(self._sizes) - (len(inside) - 1)
        """How many of the loops are around a row."""
        self._phases: list[_Phase] = [_Phase()]
        self._top: list[str] = []
        self._bottom: list[str] = []
        self._fills: list[str] = []
        self._totals: list[Total] = []
        self._past: list[tuple[str, str, int]] = []
        """(pointer, buffer, size of an element) of what is written past the caches."""
        self._buffers: list[str] = []
        self._items: dict[Access, _Item] = {}
        self._count = 0
        touched = {(x.root, access): access.size for node in cluster.nodes for x, _, access in node.reads() if isinstance(x, Value) and access is not None and access.dims}
        touched |= {(node.out.base.root, node.out): node.out.size for node in cluster.nodes if isinstance(node, Point) and (node.value is None or needed(node.value))}
        self._bytes = sum(touched.values())
        """Of memory that is visited for each element."""
        self._division: Division | None = divided(cluster, self._sizes, self._outer, self._bytes)
        self._written = {node.out.base.root for node in cluster.nodes if isinstance(node, Point) and node.value is None}
        for node in cluster.nodes:
            if isinstance(node, Point):
                self._point(node, cluster)
            else:
                assert isinstance(node, Reduce)
                self._reduce(node, cluster)
        self.body, self.part = self._text(), ""
        """The body of the function; if it has parts that may run at the same time, that of one part, which ``PART`` in the body stands for."""
        if self._division is not None:
            self.body, self.part = self._division.texts(self._fields(), self._fills, self.body, self._totals, self._bottom)

    @property
    def parameters(self) -> str:
        """The parameters of the function."""
        return ", ".join([*self._fields(), *(["each_part each"] if self.part else [])]) or "void"

    def _fields(self) -> list[str]:
        return [f"char *a{i}" for i in range(len(self.pointers))] + [f"double l{i}" for i in range(len(self.lives))]

    # --- where and what -----------------------------------------------------------------------------------------

    def _name(self) -> str:
        self._count += 1
        return f"t{self._count}"

    def _pointer(self, access: Access) -> str:
        key = (access.base, access.offset)
        if key not in self.pointers:
            self.pointers.append(key)
        return f"a{self.pointers.index(key)}"

    def _place(self, access: Access, letter: str, level: int = FULL) -> str:
        """The element of the memory that the loops are at."""
        steps = strides_over(access.dims, self._ends)
        kind = C_TYPES[letter]
        terms = [f"i{j} * {step}L" for j, step in enumerate(steps) if step and (level == FULL or j < self._outer)]
        innermost = len(steps) - 1
        if level == FULL and steps and steps[-1] == access.size:
            return f"(({kind}_ *)({' + '.join([self._pointer(access), *terms[:-1]])}))[i{innermost}]"
        return f"*({kind}_ *)({' + '.join([self._pointer(access), *terms])})"

    def _level(self, access: Access) -> int:
        steps = strides_over(access.dims, self._ends)
        if not any(steps):
            return SCALAR
        return FULL if any(steps[self._outer :]) else ROW

    def _operand(self, x: Any, letter: str, access: Access | None, inner: str) -> Any:
        """An item, or the text of a number."""
        if isinstance(x, Live):
            if not any(x is each for each in self.lives):
                self.lives.append(x)
            return f"(({C_TYPES[inner]})l{next(i for i, each in enumerate(self.lives) if each is x)})"
        if access is None:
            return literal(x, inner)
        item = self._items.get(access)
        if item is None:
            item = self._items[access] = self._loaded(access, letter, x.root)
        return item if item.letter == letter else self._seen_as(item, letter)

    def _seen_as(self, item: _Item, letter: str) -> _Item:
        """The same bits as another type."""
        cast = {("f", "i"): "bits_f({})", ("i", "f"): "real_f({})", ("d", "l"): "bits_({})", ("l", "d"): "real_({})"}.get((item.letter, letter), f"({C_TYPES[letter]}){{}}")
        return self._defined(letter, item.level, item.phase, cast, [item])

    def _loaded(self, access: Access, letter: str, root: Value) -> _Item:
        level = self._level(access)
        text = self._place(access, letter, level)
        item = _Item(self._name(), letter, level, 0)
        declared = f"const {C_TYPES[letter]} {item.name} = {text};"
        if root in self._written:  # it changes while the loops run, so it is read where it stands
            item.level = level = FULL if level == SCALAR else level
            if level == FULL:
                self._phases[0].body.append(declared)
            else:
                self._phases[0].before.append(declared)
            item.names[0] = item.name
        elif level == SCALAR:
            self._top.append(declared)
        elif level == ROW:
            self._phases[0].before.append(declared)
        else:
            item.load = text
        return item

    def _in(self, operand: Any, phase: int, inner: str) -> str:
        """The text of an operand in a pass, in the type that is computed in."""
        if isinstance(operand, str):
            return operand
        name = self._named(operand, phase)
        if inner == "?" and operand.letter != "?":
            return f"({name} != 0)"
        return name if operand.letter == inner or not inner else f"({C_TYPES[inner]}){name}"

    def _named(self, item: _Item, phase: int) -> str:
        if item.level != FULL:
            return item.name
        if phase in item.names:
            return item.names[phase]
        kind = C_TYPES[item.letter]
        if item.load:
            name = item.names[phase] = item.name if not item.names else self._name()
            self._phases[phase].body.append(f"const {kind} {name} = {item.load};")
            return name
        if not any(text.startswith(f"{kind} w{item.name}[") for text in self._buffers):
            self._buffers.append(f"{kind} w{item.name}[{self._row}];")
            self._phases[item.phase].body.append(f"w{item.name}[{self._position()}] = {item.names[item.phase]};")
        name = item.names[phase] = self._name()
        self._phases[phase].body.append(f"const {kind} {name} = w{item.name}[{self._position()}];")
        return name

    def _position(self) -> str:
        """The number of the element within its row."""
        text = f"i{self._outer}"
        for j in range(self._outer + 1, len(self._sizes)):
            text = f"({text} * {self._sizes[j]}L + i{j})"
        return text

    def _phase(self, number: int) -> _Phase:
        while len(self._phases) <= number:
            self._phases.append(_Phase())
        return self._phases[number]

    def _defined(self, letter: str, level: int, phase: int, expression: str, operands: list[Any], inner: str = "", kind: str = "") -> _Item:
        item = _Item(self._name(), letter, level, phase)
        text = expression.format(*[self._in(x, phase, inner) for x in operands])
        statement = f"const {kind or C_TYPES[letter]} {item.name} = {text};"
        if level == FULL:
            self._phase(phase).body.append(statement)
            item.names[phase] = item.name
        elif level == ROW:
            self._phase(phase).before.append(statement)
        else:
            self._top.append(statement)
        return item

    # --- nodes --------------------------------------------------------------------------------------------------

    def _point(self, node: Point, cluster: Cluster) -> None:
        row = node.count != cluster.count
        accesses = [wide(access, cluster.row) if row and access is not None else access for _, _, access in node.operands]
        operands = [self._operand(x, letter, access, node.inner) for (x, letter, _), access in zip(node.operands, accesses, strict=True)]
        items = [x for x in operands if isinstance(x, _Item)]
        phase = max([item.phase for item in items], default=0)
        self._phase(phase)
        text = formula(node.name, node.inner)
        assert text is not None
        for i, x in enumerate(operands):
            whole = self._in(x, phase, "" if node.name == "where" and i == 0 else node.inner)
            text = text.replace(f"{{{i}}}", whole)
        out = wide(node.out, cluster.row) if row else node.out
        level = ROW if row else FULL
        truth = {"f": "int32_t", "d": "int64_t"}.get(node.inner, "uint8_t") if node.letter == "?" else ""
        result = self._defined(node.letter, level, phase, text.replace("{", "{{").replace("}", "}}"), [], kind=truth)
        root = out.base.root
        for known in [each for each in self._items if each.base.root is root]:
            del self._items[known]
        self._items[out] = result
        if node.value is None or self._needed(node.value):
            place = self._place(out, node.letter, level)
            plain = len(self._sizes) == 1 and out.dims == ((cluster.count, out.size),)
            if node.value is not None and root not in self._written and plain and self._bytes * cluster.count >= PAST:
                pointer = self._pointer(out)
                self._past.append((pointer, f"past_{pointer}", out.size))
                self._buffers.append(f"char past_{pointer}[{TILE * out.size + 64}] __attribute__((aligned(64))); const long skew_{pointer} = (uintptr_t){pointer} & 63;")
                place = f"((({C_TYPES[node.letter]}_ *)(past_{pointer} + skew_{pointer}))[i0 - b])"
            store = f"{place} = {result.name};"
            (self._phase(phase).body if level == FULL else self._phase(phase).before).append(store)

    def _reduce(self, node: Reduce, cluster: Cluster) -> None:
        x, letter, access = node.operand
        operand = self._operand(x, letter, access, node.letter)
        phase = getattr(operand, "phase", 0)
        kind = C_TYPES[node.letter]
        value = self._in(operand, phase, node.letter)
        place = self._phase(phase)
        steps = strides_over(node.out.dims, self._ends)
        if not node.row and steps and steps[-1]:
            self._fill(node, kind)
            into = self._place(node.out, node.letter)
            place.body.append(f"{into} = {_combined(node.name, node.letter, into, value)};")
            return
        acc = f"s{self._name()}"
        nan = f"n{acc}" if node.name in ("maximum", "minimum") and node.letter in "fd" else ""
        start = f"{kind} {acc} = {_start(node)};" + (f" int {nan} = 0;" if nan else "")
        place.reductions.append(f"reduction({SIGN[node.name]}:{acc})" + (f" reduction(|:{nan})" if nan else ""))
        place.body.append(f"{acc} = {_combined(node.name, node.letter, acc, value)};" if not nan else
                          f"{acc} = {value} {'>' if node.name == 'maximum' else '<'} {acc} ? {value} : {acc}; {nan} |= {value} != {value};")
        result = f"({nan} ? ({kind})NAN : {acc})" if nan else acc
        if node.row:
            place.before.append(start)
            item = _Item(self._name(), node.letter, ROW, phase + 1)
            place.after.append(f"const {kind} {item.name} = {result};")
            self._phase(phase + 1)
            self._items[node.out] = item
            if node.value is not None and self._needed(node.value):
                place.after.append(f"{self._place(node.out, node.letter, ROW)} = {item.name};")
        elif any(steps):
            self._fill(node, kind)
            into = self._place(node.out, node.letter, FULL if any(steps[self._outer :]) else ROW)
            place.blocks.append((start, f"{into} = {_combined(node.name, node.letter, into, result)};"))
        else:
            total, wider = f"total_{acc}", "double" if node.letter == "f" and node.name == "add" else kind
            self._totals.append(Total(total, wider, f"{wider} {total} = {_start(node)};", f"{total} = {_combined(node.name, node.letter, total, f'c.{total}[part]')};"))
            self._top.append(self._totals[-1].start)
            place.blocks.append((start, f"{total} = {_combined(node.name, node.letter, total, result)};"))
            self._bottom.append(f"*({kind}_ *){self._pointer(node.out)} = {total};")

    def _fill(self, node: Reduce, kind: str) -> None:
        """The memory of a reduction before anything is added to it."""
        dims = [(n, step) for n, step in node.out.dims if step]
        place = " + ".join([self._pointer(node.out), *[f"j{i} * {step}L" for i, (_, step) in enumerate(dims)]])
        loops = "".join(f"for (long j{i} = 0; j{i} < {n}L; j{i}++) " for i, (n, _) in enumerate(dims))
        self._fills.append(f"{loops}*({kind}_ *)({place}) = {_start(node)};")

    # --- text ---------------------------------------------------------------------------------------------------

    def _text(self) -> str:
        whole = self._division is None
        lines = [*self._buffers, *(self._fills if whole else []), *self._top]
        bottom = self._bottom if whole else []
        sizes = self._sizes
        if not sizes:
            for phase in self._phases:
                lines += [*phase.before, *[start for start, _ in phase.blocks], *phase.body, *[end for _, end in phase.blocks], *phase.after]
            return "\n".join([*lines, *bottom])
        lines += [self._for(j) for j in range(self._outer)]
        for phase in self._phases:
            lines += phase.before
            if phase.body:
                lines += self._inner(phase)
            lines += phase.after
        lines += ["}"] * self._outer
        return "\n".join([*lines, *(["FENCE"] if self._past else []), *bottom])

    def _range(self, j: int) -> tuple[str, str]:
        """Where a loop begins and ends."""
        return ("low", "high") if self._division is not None and self._division.loop == j else ("0", f"{self._sizes[j]}L")

    def _for(self, j: int) -> str:
        low, high = self._range(j)
        return f"for (long i{j} = {low}; i{j} < {high}; i{j}++) {{"

    def _inner(self, phase: _Phase) -> list[str]:
        sizes = self._sizes
        innermost = len(sizes) - 1
        lines = [self._for(j) for j in range(self._outer, innermost)]
        pragma = f"#pragma omp simd {' '.join(phase.reductions)}"
        i, n = f"i{innermost}", sizes[innermost]
        low, high = self._range(innermost)
        starts, ends = [start for start, _ in phase.blocks], [end for _, end in phase.blocks]
        if self._past or (phase.blocks and n > 2 * BLOCK):
            block = TILE if self._past else BLOCK
            ends += [f"past({pointer} + b * {size}L, {buffer}, (e - b) * {size}L, b == {low}, e == {high});" for pointer, buffer, size in self._past]
            lines.append(f"for (long b = {low}; b < {high}; b += {block}L) {{ const long e = b + {block}L < {high} ? b + {block}L : {high};")
            lines += [*starts, pragma, f"for (long {i} = b; {i} < e; {i}++) {{", *phase.body, "}", *ends, "}"]
        else:
            lines += [*starts, pragma, self._for(innermost), *phase.body, "}", *ends]
        return lines + ["}"] * (innermost - self._outer)


PAST_CACHES = """
typedef long long line __attribute__((vector_size(64)));
#if defined(__clang__)
#define STORE(to, x) __builtin_nontemporal_store(x, to)
#elif defined(__AVX512F__)
#define STORE(to, x) __builtin_ia32_movntdq512(to, x)
#elif defined(__AVX__)
typedef long long half __attribute__((vector_size(32)));
static void halves(half *to, line x) { __builtin_ia32_movntdq256(to, ((half *)&x)[0]); __builtin_ia32_movntdq256(to + 1, ((half *)&x)[1]); }
#define STORE(to, x) halves((half *)(to), x)
#else
#define STORE(to, x) *(to) = (x)
#endif
#if defined(__SSE2__)
#define FENCE __builtin_ia32_sfence();
#else
#define FENCE __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
static void past(char *to, char *buffer, long bytes, int first, int last) {
const long skew = (uintptr_t)to & 63, end = skew + bytes; long i = 0;
to -= skew;
if (first && skew) { i = end < 64 ? end : 64; __builtin_memcpy(to + skew, buffer + skew, i - skew); }
for (; i + 64 <= end; i += 64) STORE((line *)(to + i), *(const line *)(buffer + i));
if (last) __builtin_memcpy(to + i, buffer + i, end - i);
else *(line *)buffer = *(const line *)(buffer + i); }
"""
"""Moves a tile to memory in whole lines that no cache keeps. In the buffer it lies as far from the beginning of a line as in memory, and what
does not fill the last line waits there for the next tile: half lines, and arrays that begin within one, as those of NumPy do, would cost all of the gain."""


def _start(node: Reduce) -> str:
    """What a reduction starts from."""
    if node.name in ("add", "multiply"):
        return "0" if node.name == "add" else "1"
    low = node.name == "maximum"
    if node.letter in "fd":
        return "-INFINITY" if low else "INFINITY"
    bits = 8 * np.dtype(node.letter).itemsize if node.letter in "bhilq" else None
    if bits is None:
        return "0" if low else f"({C_TYPES[node.letter]})-1"
    return f"(({C_TYPES[node.letter]})((uint64_t)1 << {bits - 1}))" if low else f"(({C_TYPES[node.letter]})(((uint64_t)1 << {bits - 1}) - 1))"


def _combined(name: str, letter: str, a: str, b: str) -> str:
    if name in ("add", "multiply"):
        return f"{a} {SIGN[name]} {b}"
    text = formula(name, letter)
    assert text is not None
    return text.replace("{0}", f"({a})").replace("{1}", f"({b})")


TYPES = "".join(f"typedef {kind} {kind}_ __attribute__((aligned(1), may_alias));\n" for kind in dict.fromkeys(C_TYPES.values()))
"""Elements in memory, which may lie anywhere."""
