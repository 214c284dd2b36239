"""A plan as machine code: one C function for each run of steps that C knows, lines of the NumPy back end between them.

All that the functions need lies in one table: addresses of memory, live numbers, addresses of the BLAS, and the results
without dimensions. Memory that stays where it is is entered when it is bound, the rest as it comes.
"""

from __future__ import annotations

import ast
import ctypes
import struct
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from ..errors import StaleError
from ..graph import Argument, Captured, Constant, EntryGradient, Graph, Step, Value
from ..live import Live
from ..memory import Layout, dense
from ..numpy_backend import Program
from .access import address, merged
from .clusters import Cluster, roots_read, roots_written
from .division import IN_TURN
from .emit import PAST_CACHES, TYPES, Loop
from .entry import DECLARED, PYTHON, entry
from .formulas import C_TYPES, literal
from .functions import SHARED, mathematics
from .nodes import Foreign, Node, Product
from .prepared import Joined, Prepared
from .products import blas, declarations
from .products import text as product_text
from .routines import Routine
from .threads import pool
from .toolchain import Built, build

LONG = 400
"""Kernels from which on the compiler is asked for less effort: a long plan is made of small pieces."""


class OverlapError(Exception):
    """Memory that the plan writes lies partly on other memory that it uses: the order of single steps matters, which loops do not keep."""


CLASH = """
static int clash(const uint64_t *r, uint64_t low, uint64_t high, int written) {
for (long i = 0; i < OUTSIDE; i++, r += 3) if (low < r[1] && r[0] < high && (written || r[2])) return 1;
return 0; }
"""
"""Whether a stretch of memory lies on captured memory, where one of the two is written."""


ENTRY = """EXPORT void *run{number}(void *self, void *const *o, intptr_t count) {{
char **p = *(char ***)((char *)self + DATA);"""
LEAVE = """const struct python *python = (const struct python *)(p + PYTHON);
void *thread = python->save();
const int status = work{number}(p);
python->restore(thread);
return python->number(status); }}"""
"""A function that Python calls with arrays: their addresses are entered, then other threads may run while it works."""


class NativeProgram(Program):
    """Generated machine code, the lines between its pieces, and the names these use."""

    def __init__(self, graph: Graph, number: int) -> None:
        prepared = Prepared(graph)
        self._places, self._clusters = prepared.places, prepared.clusters
        self._addresses: dict[Value, int] = {}
        self._functions: list[str] = []
        self._runs: list[str] = []
        self._divided = False
        """Whether there are loops that several threads may share."""
        self._known_kernels: dict[str, str] = {}
        self.quiet = True
        self.native_steps = 0
        self.foreign_steps = 0
        super().__init__(graph, self._laid_out(graph, prepared.layout), number)
        self._bind_views = self.bind
        self.bind = self._bind_all

    # --- memory -------------------------------------------------------------------------------------------------

    def _laid_out(self, graph: Graph, planned: Layout) -> Layout:
        """Pieces of memory by how long values live, counted in clusters."""
        layout = Layout()
        layout.lasting, layout.joined = planned.lasting, planned.joined
        beside = {part for parts in planned.joined.values() for part in parts}
        first: dict[Value, int] = {}
        last: dict[Value, int] = {}
        makers: dict[Value, Node] = {}
        for cluster in self._clusters:
            for node in cluster.nodes:
                for root in (*roots_read(node), *roots_written(node)):
                    first.setdefault(root, cluster.position)
                    last[root] = cluster.position
                for root in roots_written(node):
                    makers.setdefault(root, node)
        self._last = last
        self._read_in_c = {root for cluster in self._clusters for node in cluster.nodes if not isinstance(node, Foreign) for root in roots_read(node)}
        self._outside = {value.root for value in graph.kept()}
        self._inside: set[Value] = set()
        """What never leaves the loop that makes it."""
        empties = {step.outputs[0] for step in graph.steps if step.name == "empty"}
        written = {value.root for step in graph.steps for value in step.writes}
        self._written_numbers = {value for value in written if not value.shape and (value.origin is not None or isinstance(makers.get(value), Foreign))}
        """Numbers that have memory of their own, because somebody writes to it."""
        for gradient in layout.lasting:
            if gradient in first and gradient not in beside:
                layout.host(gradient, first[gradient])
        free: list[int] = []
        ends: dict[int, list[int]] = {}
        for cluster in self._clusters:
            position = cluster.position
            for root in [value for value in first if first[value] == position]:
                maker = makers.get(root)
                if root.origin is not None or maker is None or root in self._outside or root in layout.lasting or root in layout.joined:
                    continue
                if isinstance(maker, Foreign) and not self._takes_memory(maker.step, root) and root not in empties:
                    continue
                if first[root] == last[root] and cluster.loops and root not in written:
                    self._inside.add(root)
                    continue
                if not root.shape or not root.nbytes or not dense(root):
                    continue
                piece = layout.chosen(root.nbytes, free, last[root])
                layout.place[root] = piece
                ends.setdefault(last[root], []).append(piece)
            free += ends.pop(position, [])
        return layout

    @staticmethod
    def _takes_memory(step: Step, value: Value) -> bool:
        return bool(step.takes_out) and len(step.outputs) == 1 and step.outputs[0] is value and value.root is value

    # --- emission -----------------------------------------------------------------------------------------------

    def _emit(self) -> None:
        graph = self.graph
        for value in graph.arguments:
            assert isinstance(value.origin, Argument)
            self.names[value] = f"x{value.origin.index}"
        arguments = [f"x{i}" for i in range(len(graph.arguments))] + [f"u{i}" for i in range(len(graph.live))]
        self.lines.append(f"def replay({', '.join(arguments)}):")
        for value in graph.externals:
            if isinstance(value.origin, EntryGradient):
                self.names[value] = f"g{len(self.names)}"
                name = self.names[value]
                self.lines.append(f"    {name} = {self._bind('leaf' + name, value.origin.leaf)}.grad._array")
                if value.shape:
                    self.lines.append(f"    if {name}.strides != {value.strides}: {self._bind('stale', _stale)}()")
        for value in {written.root: None for step in graph.steps for written in step.writes}:
            if isinstance(value.origin, Constant):
                self.names[value] = f"v{len(self.names)}"
                self.lines.append(f"    {self.names[value]} = {self._bind('k' + self.names[value], value.origin.array)}.copy()")
        self._numbers_live: list[str] = []
        self._entered: set[Value] = set()
        self._scalars: dict[Value, str] = {}
        writes = graph.writes()
        self._written_outside = set(writes)
        anew = [value for value in (*graph.arguments, *graph.externals) if isinstance(value.origin, (Argument, EntryGradient)) and value.shape and all(value.shape)]
        self._guarded = anew if writes else []
        """What comes anew at each call, and must not lie on what the plan writes."""
        shared = [cluster for cluster in self._clusters if cluster.loops and len({node.step for node in cluster.nodes}) > 1]
        for i, cluster in enumerate(shared):
            for node in cluster.nodes:
                self.loops.setdefault(node.step, i + 1)
        segment: list[Cluster] = []
        start = len(self.lines)
        if self._guarded and (not self._clusters or isinstance(self._clusters[0].nodes[0], (Foreign, Joined))):
            self._run([])
        for cluster in self._clusters:
            node = cluster.nodes[0]
            if isinstance(node, Joined):
                continue
            if not isinstance(node, Foreign):
                segment.append(cluster)
                self.native_steps += len(cluster.nodes)
                continue
            self._run(segment)
            segment = []
            self.foreign_steps += 1
            self.quiet = False
            self._python(node.step)
            self._forget(cluster.position)
        self._run(segment)
        if self._numbers_live:
            self.globals["pack"] = struct.Struct(f"{len(self._numbers_live)}d").pack_into
            lives = dict.fromkeys(text[: text.index("[")] for text in self._numbers_live)
            known = ", ".join(f"last_{name}" for name in lives)
            self.globals.update({f"last_{name}": None for name in lives})
            self.lines[start:start] = [f"    global {known}", f"    if {' or '.join(f'{name} is not last_{name}' for name in lives)}:",
                                       f"        {known} = {', '.join(lives)}", f"        pack(table, {{live}}, {', '.join(self._numbers_live)})"]
            self.step_of_line = {number + 4: step for number, step in self.step_of_line.items()}
        self.kept = [value for value in dict.fromkeys(graph.kept()) if value not in self.layout.lasting]
        for value in self.kept:
            self._in_python(value)
        self.lines.append(f"    return ({''.join(self._name(value) + ', ' for value in self.kept)})")
        self._assemble(start)
        self.binding = ["", "", "def bind():", *([f"    global {', '.join(line.split(' = ')[0].strip() for line in self.binding)}"] if self.binding else []),
                        *(self.binding or ["    pass"])]

    def _python(self, step: Step) -> None:
        """A step that Python does, as the NumPy back end writes it."""
        for value in (*step.reads(), *step.writes):
            self._in_python(value)
        if step.kind in ("op", "kept", "rule"):
            self.lines.append(f"    {self._bind('in_doubt', _in_doubt)}()")
        self._step(step)
        self.step_of_line[len(self.lines)] = step
        for made in step.outputs if not step.writes else ():  # what is written in place lies where it lay
            if made is not None and made.shape and made not in self._fixed and made.root in self._read_in_c:
                name = self.names[made]
                self.lines.append(f"    if {name}.strides != {made.strides}: {name} = {self._bind('as_recorded', _as_recorded)}({name}, {made.strides})")

    def _in_python(self, value: Value) -> None:
        """See to it that Python has a name for a value: views are made when somebody asks for them."""
        view = self._places.views.get(value)
        if view is not None:
            if value not in self.names:
                for each in view.reads():
                    self._in_python(each)
                self._step(view)
            return
        base, _ = self._places.of(value)
        if base in self._scalars and base.origin is None:
            self.lines.append(f"    {self._name(base)} = {self._scalars[base]}[()]")
        if base is not value:
            self._in_python(base)
            self.names.setdefault(value, self._name(base))

    def _forget(self, position: int) -> None:
        gone = [name for value, name in self.names.items() if value.shape and value.root not in self._fixed and not value.external and value not in self._fixed
                and self._last.get(value.root, -1) == position and value.root not in self._outside]
        if gone:
            self.lines.append(f"    {' = '.join(dict.fromkeys(gone))} = None")

    def _run(self, segment: list[Cluster]) -> None:
        """A C function for clusters that follow one another, and the line that calls it."""
        number = len(self._runs)
        first = number == 0 and bool(self._guarded)
        if not segment and not first:
            return
        self._objects: list[Value] = list(self._guarded) if first else []
        self._entered.update(self._objects)
        lines: list[str] = []
        failing: list[Step] = []
        for cluster in segment:
            node = cluster.nodes[0]
            if isinstance(node, Product):
                assert node.value is not None
                body = product_text(node.left, node.right, node.value)
                call = self._kernel("char *a, char *b, char *c, void *const *blas", body)
                places = [self._place(value) for value in (node.left, node.right, node.value)]
                lines.append(f"{call}({', '.join(places)}, blas);")
                continue
            if isinstance(node, Routine):
                call = self._kernel(node.parameters, node.body, "int")
                done = f"{call}({', '.join(map(self._place, (*node.inputs, *node.results)))})"
                lines.append(f"if ({done}) {{ RESTORE return {2 + len(failing)}; }}" if node.refuses else f"{done};")
                if node.refuses:
                    failing.append(node.step)
                continue
            loop = Loop(cluster, self._needed)
            body = loop.body.replace("PART", self._kernel("void *context, long part", loop.part)) if loop.part else loop.body
            call = self._kernel(loop.parameters, body)
            given = [self._pointer(base, offset) for base, offset in loop.pointers] + [self._number_text(live) for live in loop.lives] + (["each"] if loop.part else [])
            self._divided |= bool(loop.part)
            lines.append(f"{call}({', '.join(given)});")
        entering = [f"p[{self._address_of(value)}] = *(char **)((char *)o[{i}] + DATA);" for i, value in enumerate(self._objects)]
        table = "double *u = (double *)(p + LIVE); void *const *blas = (void *const *)(p + BLAS); each_part each = p[POOL] ? (each_part)p[POOL] : in_turn;"
        work = [f"static int work{number}(char **p) {{", table, *(self._checks() if first else []), "FLUSH", *lines, "RESTORE", "return 0; }"]
        self._runs.append("\n".join([*work, ENTRY.format(number=number), *entering, LEAVE.format(number=number)]))
        call = f"run{number}({', '.join(map(self._name, self._objects))})"
        self.quiet = self.quiet and not failing
        if failing:
            self.lines.append(f"    status = {call}")
            if first:
                self.lines.append(f"    if status == 1: {self._bind('overlap', _overlap)}()")
            for i, step in enumerate(failing):
                self._raised(step, i + 2)
        else:
            self.lines.append(f"    if {call}: {self._bind('overlap', _overlap)}()" if first else f"    {call}")

    def _raised(self, step: Step, status: int) -> None:
        """What a routine found wrong, said by the kernel itself."""
        start, known = len(self.lines), dict(self.names)
        for value in step.reads():
            self._in_python(value)
        arguments = ", ".join(map(self._expression, step.inputs))
        self.lines.append(f"    {self._bind('check_' + step.name, partial(step.function, **step.attrs))}({arguments})")
        self.names = {value: name for value, name in self.names.items() if value in known or value in self._fixed}  # the rest is only named if this goes wrong
        self.lines[start:] = [f"    if status == {status}:", *["    " + line for line in self.lines[start:]]]
        self.step_of_line[len(self.lines)] = step

    def _checks(self) -> list[str]:
        """C that returns 1 if something that comes anew lies on memory that is written."""
        places = []
        for value in self._guarded:
            low = sum((n - 1) * step for n, step in zip(value.shape, value.strides, strict=True) if step < 0)
            high = sum((n - 1) * step for n, step in zip(value.shape, value.strides, strict=True) if step > 0) + value.dtype.itemsize
            start = f"(uint64_t)p[{self._address_of(value)}]"
            places.append((f"{start} + {low}", f"{start} + {high}", value.root in self._written_outside))
        lines = [f"if (clash((const uint64_t *)(p + RANGES), {low}, {high}, {int(written)})) return 1;" for low, high, written in places]
        lines += [f"if ({a[0]} < {b[1]} && {b[0]} < {a[1]}) return 1;" for i, a in enumerate(places) for b in places[:i] if a[2] or b[2]]
        return lines

    def _kernel(self, parameters: str, body: str, kind: str = "void") -> str:
        """The name of a C function with this text; equal ones are one."""
        key = f"({parameters}) {{\n{body}\n}}"
        name = self._known_kernels.get(key)
        if name is None:
            name = self._known_kernels[key] = f"k{len(self._known_kernels)}"
            self._functions.append(f"static __attribute__((noinline)) {kind} {name}{key}")
        return name

    def _needed(self, value: Value) -> bool:
        return value.root not in self._inside

    def _place(self, value: Value) -> str:
        return self._pointer(*self._places.of(value))

    def _pointer(self, base: Value, offset: int) -> str:
        """The C text of an address; sees to it that it is in the table when the function runs."""
        index = self._address_of(base)
        if not base.shape and not isinstance(base.origin, (Captured, Constant)) and base not in self._written_numbers:
            self._scalar(base)
        elif base not in self._fixed and base not in self._entered:
            self._enter(base)
        return f"p[{index}] + {offset}" if offset else f"p[{index}]"

    def _address_of(self, base: Value) -> int:
        return self._addresses.setdefault(base, len(self._addresses))

    def _enter(self, base: Value) -> None:
        if base not in self.names and isinstance(base.origin, (Captured, Constant)):
            self._name(base)  # from now on it is fixed
            return
        if base not in self.names:  # nobody made memory for it yet, and it will be the caller's
            self.names[base] = f"v{len(self.names)}"
            order = sorted(range(len(base.shape)), key=lambda i: -base.strides[i])
            shape = tuple([base.shape[i] for i in order])
            turned = "" if order == list(range(len(order))) else f".transpose({tuple(sorted(range(len(order)), key=order.__getitem__))})"
            self.lines.append(f"    {self.names[base]} = {self._bind('empty', np.empty)}({shape}, {base.dtype.char!r}){turned}")
        self._entered.add(base)
        self._objects.append(base)

    def _scalar(self, value: Value) -> None:
        """A place in the table for a number."""
        if value in self._scalars:
            return
        self._scalars[value] = name = f"n{len(self._scalars)}"
        self.globals[name] = None
        if value.origin is not None or value in self.names:
            self.lines.append(f"    {name}[()] = {self._name(value)}")

    def _number_text(self, live: Live) -> str:
        """A live number in C: what Python would compute from the same attributes."""
        tree = ast.parse(live.expression.format(*[f"value_{i}" for i in range(len(live.inputs))]), mode="eval").body
        return self._arithmetic(tree, live)

    def _arithmetic(self, tree: ast.expr, live: Live) -> str:
        if isinstance(tree, ast.Constant):
            return literal(tree.value, "d")
        if isinstance(tree, ast.UnaryOp):
            return f"(-{self._arithmetic(tree.operand, live)})"
        if isinstance(tree, ast.BinOp):
            left, right = self._arithmetic(tree.left, live), self._arithmetic(tree.right, live)
            if isinstance(tree.op, ast.Pow):
                return f"pow({left}, {right})"
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(tree.op)]
            return f"({left} {sign} {right})"
        if isinstance(tree, ast.Call):  # value.item()
            assert isinstance(tree.func, ast.Attribute)
            assert isinstance(tree.func.value, ast.Name)
            value = live.inputs[int(tree.func.value.id.split("_")[1])]
            return f"(double)*({C_TYPES[value.dtype.char]}_ *)({self._place(value)})"
        text = ast.unparse(tree)
        if text not in self._numbers_live:
            self._numbers_live.append(text)
        return f"u[{self._numbers_live.index(text)}]"

    # --- building -----------------------------------------------------------------------------------------------

    def _assemble(self, start: int) -> None:
        """Compile the text, lay out the table, and give the lines the names they use."""
        addresses = len(self._addresses)
        found = blas()
        python = addresses + (2 if found is not None else 0)
        live = python + len(PYTHON)
        scalars = live + len(self._numbers_live)
        self._ranges = scalars + len(self._scalars)
        place = self._ranges + 3 * len(self.captured)
        self.table = np.zeros(place + 1, np.uint64)
        self.table[place] = pool() if self._divided else 0
        if found is not None:
            self.table[addresses : addresses + 2] = found.single, found.double
        self.table[python:live] = PYTHON
        for i, (value, name) in enumerate(self._scalars.items()):
            self.globals[name] = np.ndarray((), value.dtype, self.table, (scalars + i) * 8)
            self.table[self._addresses[value]] = address(self.globals[name])
        for i in range(start, len(self.lines)):
            self.lines[i] = self.lines[i].replace("{live}", str(live * 8))
        self.globals["table"] = self.table
        words = {"DATA": _data_offset(), "LIVE": live, "PYTHON": python, "BLAS": addresses, "RANGES": self._ranges, "POOL": place, "OUTSIDE": len(self.captured),
                 "EXPORT": "__declspec(dllexport)" if sys.platform == "win32" else ""}
        head = "".join(f"#define {word} {meaning}\n" for word, meaning in words.items())
        past = [PAST_CACHES] if any("past_" in text for text in self._functions) else []
        self.c_source = "\n".join([SHARED, TYPES, mathematics(), declarations(), DECLARED, IN_TURN, *past, head, CLASH, *self._functions, *self._runs]) + "\n"
        self.built: Built = build(self.c_source, "-O3" if len(self._functions) < LONG else "-O2")
        for i in range(len(self._runs)):
            self.globals[f"run{i}"] = entry(getattr(self.built.library, f"run{i}"), self.table)

    def _bind_all(self) -> None:
        """Enter the addresses of all memory that stays where it is."""
        self._bind_views()
        for value, index in self._addresses.items():
            if value in self._scalars:
                continue
            if value in self._fixed:
                array = self.globals[self.names[value]]
                if not isinstance(array, np.ndarray):
                    array = self.globals[f"held_{index}"] = np.asarray(array)  # a number: it lies in an array that is kept
                self.table[index] = address(array)
        self._guard()

    def _guard(self) -> None:
        """Note where captured memory lies. Raises ``OverlapError`` if something is written that is also something else."""
        ends_all = ends_written = 0
        ranges = []
        for i, (name, value) in enumerate(self.captured):
            array = self.globals[name]
            written = value.root in self._written_outside
            low, high = byte_bounds(array) if isinstance(array, np.ndarray) and array.size else (0, 0)
            self.table[self._ranges + 3 * i : self._ranges + 3 * i + 3] = low, high, written
            ranges.append((low, high, written))
        for low, high, written in sorted(ranges):
            if low < high and (low < ends_written or (written and low < ends_all)):
                _overlap()
            ends_all = max(ends_all, high)
            ends_written = max(ends_written, high if written else 0)

    def summary(self) -> Iterable[str]:
        """What ``Plan.describe`` says about the machine code."""
        how = "found on disk" if self.built.cached else "compiled"
        yield (f"machine code     {self.native_steps} of {self.native_steps + self.foreign_steps} calls, in {len(self._functions)} loops, {len(self._runs)} calls of C; "
               f"{how} in {self.built.seconds * 1e3:.0f} ms")

    def shown(self) -> str:
        """The generated code: the Python lines, and the C that they call."""
        return "\n".join([self.source, *self._functions, *self._runs]) + "\n"


def _as_recorded(array: Any, strides: tuple[int, ...]) -> Any:
    """An array that Python made, in the layout that it had when it was recorded: which one NumPy chooses may depend on values."""
    if merged(array.shape, array.strides) == merged(array.shape, strides):
        return array
    order = sorted(range(array.ndim), key=lambda i: -strides[i])
    copy = np.empty([array.shape[i] for i in order], array.dtype).transpose(sorted(range(array.ndim), key=order.__getitem__))
    if merged(copy.shape, copy.strides) != merged(array.shape, strides):
        raise RuntimeError(f"compile: an array of shape {array.shape} cannot be laid out in steps of {strides} bytes, as it was when it was recorded. Use backend='numpy'")
    copy[...] = array
    return copy


def _stale() -> None:
    raise StaleError("memory from outside lies in another way")


def _overlap() -> None:
    raise OverlapError("memory that is written lies on other memory that is used, so the order of single calls matters")


def _in_doubt() -> None:
    """Machine code raises no flags that NumPy sees, so what asks for them has to assume the worst."""
    seen: Any = np.geterrcall()
    if hasattr(seen, "invalid"):
        seen.invalid = True


def _data_offset() -> int:
    """Where in an array object its address lies."""
    probe = np.empty(1)
    start = id(probe)
    for offset in range(8, 64, 8):
        if ctypes.c_void_p.from_address(start + offset).value == address(probe):
            return offset
    raise RuntimeError("this NumPy keeps the address of an array where it cannot be found")
