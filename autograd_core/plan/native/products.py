"""Matrix products: small ones as loops in registers, large ones by a BLAS: the one that NumPy itself brings, or the one that ``$AUTOGRAD_CORE_BLAS`` names."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from math import prod
from pathlib import Path

import numpy as np

from ..graph import Value
from .access import broadcast
from .formulas import C_TYPES

INLINE = 48 * 48 * 48
"""Multiplications up to which a product is made here: a call of the BLAS costs more than it gains."""
NARROW = 8
"""Columns of a result up to which vectors go along its rows, if those of the left factor lie side by side."""
INLINE_EVEN = 64 * 64 * 64
"""The same where the columns of the result fill vectors."""
CHOICE = "AUTOGRAD_CORE_BLAS"
"""The environment variable that names another BLAS: ``mkl``, or the path of a library with the functions of CBLAS."""
MKL = ("libmkl_rt.so.*", "libmkl_rt.*.dylib", "libmkl_rt.dylib", "mkl_rt*.dll")
"""What the library of oneMKL that loads the others is called, where the package ``mkl`` puts it."""
NAMES = (("scipy_cblas_{}gemm64_", True), ("cblas_{}gemm64_", True), ("scipy_cblas_{}gemm", False), ("cblas_{}gemm", False))
"""What builds of the BLAS call the function, and whether it takes numbers of 64 bits."""

THREADS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads64_", "openblas_set_num_threads", "MKL_Set_Num_Threads")
"""What builds of the BLAS call the function that says how many threads they take."""


@dataclass(frozen=True)
class Blas:
    """The functions of a loaded BLAS."""

    single: int
    double: int
    """Their addresses."""
    wide: bool
    """Whether sizes are 64 bits."""


def blas() -> Blas | None:
    """The BLAS that was chosen, or the one that NumPy uses; ``None`` where that cannot be found: then such products stay calls of NumPy."""
    return _found(os.environ.get(CHOICE, ""))


@cache
def _found(chosen: str) -> Blas | None:
    libraries = [_chosen(chosen)] if chosen else _libraries()
    for library in libraries:
        for name, is_wide in NAMES:
            try:
                found = [ctypes.cast(getattr(library, name.format(letter)), ctypes.c_void_p).value for letter in "sd"]
            except AttributeError:
                continue
            if found[0] and found[1]:
                return Blas(found[0], found[1], is_wide)
    if chosen:
        raise RuntimeError(f"compile: ${CHOICE} names {chosen!r}, which has no cblas_sgemm and cblas_dgemm. Name a BLAS with the functions of CBLAS, or 'mkl'")
    return None


def set_blas_threads(n: int) -> None:
    """Tell the BLAS of NumPy, and the one that was chosen, how many threads to take, where they can be told."""
    named = os.environ.get(CHOICE)
    for library in [*([_chosen(named)] if named else []), *_libraries()]:
        for name in THREADS:
            function = getattr(library, name, None)
            if function is not None:
                function.argtypes, function.restype = [ctypes.c_int], None
                function(n)
                break


def _chosen(name: str) -> ctypes.CDLL:
    """The library that the user named."""
    path = name
    if name == "mkl":
        root = Path(sys.prefix)
        places = [found for place in (root / "lib", root / "Library" / "bin") for pattern in MKL for found in sorted(place.glob(pattern))]
        if not places:
            raise RuntimeError(f"compile: ${CHOICE} is 'mkl', but there is no oneMKL in {root}: pip install mkl, or name the path of libmkl_rt")
        path = str(places[0])
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise RuntimeError(f"compile: ${CHOICE} names {name!r}, which cannot be loaded: {error}") from error


def _libraries() -> list[ctypes.CDLL]:
    loaded = []
    beside = Path(np.__file__).parent
    for place in (beside.parent / "numpy.libs", beside / ".dylibs", beside / ".libs"):
        for path in sorted(place.glob("*openblas*")) if place.is_dir() else ():
            try:
                loaded.append(ctypes.CDLL(str(path)))
            except OSError:
                continue
    with suppress(ImportError, OSError):
        loaded.append(ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__))  # a BLAS that was linked in is found through the module that uses it
    return loaded


_ZIP = """
#if defined(__clang__)
#define LAID(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define LAID(x, y, ...) __builtin_shuffle(x, y, (order){__VA_ARGS__})
#endif
#define ZIP(x, y) for (int i = 0; i < 4; i++) { \\
y[2 * i] = LAID(x[i], x[i + 4], 0, 8, 1, 9, 2, 10, 3, 11); y[2 * i + 1] = LAID(x[i], x[i + 4], 4, 12, 5, 13, 6, 14, 7, 15); }
"""
_TURNED = """
typedef KIND eight_LETTER __attribute__((vector_size(8 * sizeof(KIND))));
INLINE void turned_LETTER(const void *from, long step, void *to, long over) {
typedef WHOLE order __attribute__((vector_size(sizeof(eight_LETTER)))); eight_LETTER x[8], y[8];
for (int i = 0; i < 8; i++) __builtin_memcpy(&x[i], (const KIND *)from + i * step, sizeof x[i]);
ZIP(x, y) ZIP(y, x) ZIP(x, y)
for (int i = 0; i < 8; i++) __builtin_memcpy((KIND *)to + i * over, &y[i], sizeof y[i]); }
INLINE void added_up_LETTER(void *sums, void *to) {
typedef WHOLE order __attribute__((vector_size(sizeof(eight_LETTER)))); eight_LETTER x[8], y[8];
__builtin_memcpy(x, sums, sizeof x);
ZIP(x, y) ZIP(y, x) ZIP(x, y)
const eight_LETTER sum = ((y[0] + y[1]) + (y[2] + y[3])) + ((y[4] + y[5]) + (y[6] + y[7]));
__builtin_memcpy(to, &sum, sizeof sum); }
"""
"""Eight rows of eight elements become columns: three rounds in which the halves of the rows are laid into one another. ``added_up`` adds up each row."""


def declarations() -> str:
    """What products need to know of the BLAS, and what those made here share."""
    found = blas()
    size = "int64_t" if found is not None and found.wide else "int"
    turned = "".join(_TURNED.replace("KIND", kind).replace("LETTER", letter).replace("WHOLE", whole)
                     for letter, kind, whole in (("f", "float", "int32_t"), ("d", "double", "int64_t")))
    called = "".join(f"typedef void (*gemm_{letter})(int, int, int, {size}, {size}, {size}, {kind}, const void *, {size}, const void *, {size}, {kind}, void *, {size});\n"
                     for letter, kind in (("f", "float"), ("d", "double")))
    return called + _ZIP + turned


@dataclass(frozen=True)
class _Matrix:
    """A factor: the steps in elements along its rows and columns."""

    rows: int
    columns: int
    row: int
    column: int

    @property
    def in_rows(self) -> bool:
        """Whether rows lie without gaps between their elements."""
        return self.column == 1 or self.columns == 1

    def order(self) -> tuple[int, int] | None:
        """(transposed, leading dimension) as the BLAS wants it; ``None`` if it cannot take it."""
        if (self.column == 1 or self.columns == 1) and (self.row >= max(1, self.columns) or self.rows == 1):
            return 111, max(self.row, self.columns, 1)
        if (self.row == 1 or self.rows == 1) and (self.column >= max(1, self.rows) or self.columns == 1):
            return 112, max(self.column, self.rows, 1)
        return None


def _matrix(value: Value) -> _Matrix | None:
    size = value.dtype.itemsize
    row, column = value.strides[-2:]
    rows, columns = value.shape[-2:]
    if row % size or column % size:
        return None
    return _Matrix(rows, columns, row // size, column // size)


def supported(left: Value, right: Value, output: Value) -> bool:
    """Whether a product can be made in machine code."""
    return _written(left, right, output) is not None


def text(left: Value, right: Value, output: Value) -> str:
    """The body of a C function of ``char *a, char *b, char *c, void *const *blas``."""
    found = _written(left, right, output)
    assert found is not None
    return found


def _written(left: Value, right: Value, output: Value) -> str | None:
    a, b = _matrix(left), _matrix(right)
    if a is None or b is None:
        return None
    leading = output.shape[:-2]
    m, n, k = a.rows, b.columns, a.columns
    letter = output.dtype.char
    kind = C_TYPES[letter]
    if prod(leading) == 1 and m == 1 and n == 1:
        leading = ()
    inline = m * n * k <= (INLINE if n % (64 // output.dtype.itemsize) else INLINE_EVEN)
    if inline:
        inner = _inline(a, b, m, n, k, kind)
    else:
        first, second = a.order(), b.order()
        if first is None or second is None or blas() is None:
            return None
        inner = (f"((gemm_{letter})blas[{'fd'.index(letter)}])(101, {first[0]}, {second[0]}, {m}, {n}, {k}, 1, A, {first[1]}, B, {second[1]}, 0, C, {n});")
    steps_a = broadcast(left, (*leading, *left.shape[-2:]))[: len(leading)]
    steps_b = broadcast(right, (*leading, *right.shape[-2:]))[: len(leading)]
    steps_c = output.strides[: len(leading)]
    lines = [f"for (long i{j} = 0; i{j} < {count}L; i{j}++)" for j, count in enumerate(leading)]
    offsets = [" + ".join([pointer, *[f"i{j} * {step}L" for j, step in enumerate(steps) if step]])
               for pointer, steps in (("a", steps_a), ("b", steps_b), ("c", steps_c))]
    names = [f"{'const ' if name != 'C' else ''}{kind}_ *{name} = ({kind}_ *)({offset});" for name, offset in zip("ABC", offsets, strict=True)]
    return "\n".join([*lines, "{", *names, inner, "}"])


def _inline(a: _Matrix, b: _Matrix, m: int, n: int, k: int, kind: str) -> str:
    """Blocks of rows of the result held in registers, one row of the right factor after the other added to them."""
    lanes = 16 if kind == "float" else 8
    lines = []
    right, step = "B", b.row
    if n == 1:
        return _columns(a, b, m, k, kind)
    if n <= NARROW and a.row == 1 and m >= lanes:
        return _narrow(a, b, m, n, k, lanes, kind)
    if not b.in_rows:
        lines += _packed(b, n, k, kind)
        right, step = "packed", n
    width = min(lanes, n)
    for j in range(0, n, width):
        wide = min(width, n - j)
        rows = min(m, 8)
        lines += _block(a, right, step, m, rows, j, wide, n, k, kind)
    return "\n".join(lines)


def _block(a: _Matrix, right: str, step: int, m: int, rows: int, j: int, wide: int, n: int, k: int, kind: str) -> list[str]:
    letter = "f" if kind == "float" else ""
    lines = []
    for start, stop, height in ((0, m - m % rows, rows), (m - m % rows, m, m % rows)):
        if start == stop:
            continue
        lines.append(f"for (long i = {start}; i < {stop}; i += {height}) {{")
        lines += [f"{kind} c{r}[{wide}] = {{0}};" for r in range(height)]
        lines.append(f"for (long p = 0; p < {k}L; p++) {{ const {kind}_ *row = (const {kind}_ *){right} + p * {step}L + {j};")
        lines += [f"const {kind} x{r} = A[(i + {r}) * {a.row}L + p * {a.column}L];" for r in range(height)]
        lines.append("#pragma omp simd")
        lines.append(f"for (long q = 0; q < {wide}L; q++) {{ const {kind} y = row[q];")
        lines += [f"c{r}[q] = FMA_{letter}(x{r}, y, c{r}[q]);" for r in range(height)]
        lines.append("} }")
        lines += [f"for (long q = 0; q < {wide}L; q++) C[(i + {r}) * {n}L + {j} + q] = c{r}[q];" for r in range(height)]
        lines.append("}")
    return lines


def _packed(b: _Matrix, n: int, k: int, kind: str) -> list[str]:
    """The right factor with its rows without gaps, eight by eight elements at a time where its columns have none."""
    lines = [f"{kind} packed[{k * n}];"]
    one = f"packed[p * {n}L + j] = B[p * {b.row}L + j * {b.column}L];"
    if b.row != 1:
        return [*lines, f"for (long p = 0; p < {k}L; p++) for (long j = 0; j < {n}L; j++) {one}"]
    even_k, even_n, letter = k - k % 8, n - n % 8, "f" if kind == "float" else "d"
    lines.append(f"for (long p = 0; p < {even_k}L; p += 8) {{")
    lines.append(f"for (long j = 0; j < {even_n}L; j += 8) turned_{letter}(B + p + j * {b.column}L, {b.column}L, packed + p * {n}L + j, {n}L); }}")
    lines.append(f"for (long p = 0; p < {even_k}L; p++) for (long j = {even_n}L; j < {n}L; j++) {one}")
    lines.append(f"for (long p = {even_k}L; p < {k}L; p++) for (long j = 0; j < {n}L; j++) {one}")
    return lines


def _narrow(a: _Matrix, b: _Matrix, m: int, n: int, k: int, lanes: int, kind: str) -> str:
    """Few columns: a vector of rows of each in a register."""
    letter = "f" if kind == "float" else ""
    lines = []
    for start, stop, wide in ((0, m - m % lanes, lanes), (m - m % lanes, m, m % lanes)):
        if start == stop:
            continue
        lines.append(f"for (long i = {start}; i < {stop}; i += {wide}) {{")
        lines += [f"{kind} c{j}[{wide}] = {{0}};" for j in range(n)]
        lines.append(f"for (long p = 0; p < {k}L; p++) {{")
        lines += [f"const {kind} y{j} = B[p * {b.row}L + {j} * {b.column}L];" for j in range(n)]
        lines.append(f"#pragma omp simd\nfor (long q = 0; q < {wide}L; q++) {{ const {kind} x = A[i + q + p * {a.column}L];")
        lines += [f"c{j}[q] = FMA_{letter}(x, y{j}, c{j}[q]);" for j in range(n)]
        lines.append("} }")
        lines += [f"for (long q = 0; q < {wide}L; q++) C[(i + q) * {n}L + {j}] = c{j}[q];" for j in range(n)]
        lines.append("}")
    return "\n".join(lines)


def _columns(a: _Matrix, b: _Matrix, m: int, k: int, kind: str) -> str:
    """A matrix times one column."""
    if a.column == 1 or a.columns == 1:
        even = m - m % 8 if k >= 8 and a.column == 1 else 0
        letter, last = ("f", "f") if kind == "float" else ("d", "")
        lines = [f"for (long i = 0; i < {even}L; i += 8) {{ {kind} s[64] = {{0}};", *[
            f"for (long p = 0; p < {k - k % 8}L; p += 8)\n#pragma omp simd\nfor (long q = 0; q < 8; q++) "
            f"s[{8 * r} + q] = FMA_{last}(A[(i + {r}) * {a.row}L + p + q], B[(p + q) * {b.row}L], s[{8 * r} + q]);" for r in range(8)],
            *([f"for (long r = 0; r < 8; r++) for (long p = {k - k % 8}L; p < {k}L; p++) s[8 * r] += A[(i + r) * {a.row}L + p] * B[p * {b.row}L];"] if k % 8 else []),
            f"added_up_{letter}(s, C + i); }}"] if even else []
        return "\n".join([*lines, f"for (long i = {even}L; i < {m}L; i++) {{ {kind} s = 0;\n#pragma omp simd reduction(+:s)\n"
                          f"for (long p = 0; p < {k}L; p++) s += A[i * {a.row}L + p] * B[p * {b.row}L];\nC[i] = s; }}"])
    return (f"{kind} s[{m}] = {{0}};\nfor (long p = 0; p < {k}L; p++) {{ const {kind} y = B[p * {b.row}L];\n#pragma omp simd\n"
            f"for (long i = 0; i < {m}L; i++) s[i] += A[i * {a.row}L + p * {a.column}L] * y; }}\nfor (long i = 0; i < {m}L; i++) C[i] = s[i];")
