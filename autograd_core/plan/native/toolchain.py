"""From C to machine code: find the compiler, build a text once, load it.

>>> from autograd_core.plan.native.toolchain import compile_c, missing
>>> if missing() is None:
...     library = compile_c("int answer(void) { return 42; }")
...     assert library.answer() == 42

Libraries hold no state of a plan's own: the same text gives the same loaded library to everyone in the process.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import cache as disk

FORMAT = "1"
"""Changes whenever built libraries of before must not be used any more."""
COMMON = ("-std=gnu11", "-shared", "-fPIC", "-pthread", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math", "-fno-strict-aliasing", "-fwrapv", "-ffp-contract=off", "-w")
"""Every sum and product is rounded as it is written: only what is asked for (``omp simd reduction``, ``fma``) differs from one by one."""
MACHINE = (("-march=native", "-mprefer-vector-width=512"), ("-march=native",), ("-mcpu=native",), ())
"""Ways to ask for code for this very machine, the first that the compiler knows is taken."""
PROBE = "double autograd_core_probe(double x) { return x * 2.0 + 1.0; }\n"
LIMIT = 300.0
"""Seconds after which a compiler is given up."""


class ToolchainError(RuntimeError):
    """There is no C compiler here, or it does not build what it is given."""


@dataclass(frozen=True)
class Built:
    """A loaded library and what it cost."""

    library: ctypes.CDLL
    seconds: float
    cached: bool
    """Whether it was found on disk."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler that works here."""

    command: tuple[str, ...]
    flags: tuple[str, ...]
    identity: str
    """Version and target, as far as it tells."""


def compile_c(source: str, optimise: str = "-O3") -> ctypes.CDLL:
    """The library that C source is compiled to, from the cache on disk if it was built before.

    ``optimise`` is the compiler's option for how hard to try. The text must define no variables that are written to, unless they are those of
    the whole process.
    Raises ``ToolchainError`` without a compiler, or with the compiler's first complaints.
    """
    return build(source, optimise).library


def build(source: str, optimise: str = "-O3") -> Built:
    """Like :func:`compile_c`, with what it cost."""
    started = time.perf_counter()
    compiler = _compiler()
    key = _key(source, optimise, compiler)
    with _lock:
        known = _loaded.get(key)
        if known is not None:
            return Built(known, time.perf_counter() - started, True)
        path = disk.find(key)
        library = None if path is None else _load(path)
        cached = library is not None
        if library is None:
            library = _fresh(source, optimise, compiler, key)
        _loaded[key] = library
    return Built(library, time.perf_counter() - started, cached)


def missing() -> str | None:
    """Why nothing can be compiled here, in a sentence; ``None`` if it can."""
    try:
        _compiler()
    except ToolchainError as error:
        return str(error)
    return None


def _fresh(source: str, optimise: str, compiler: Compiler, key: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory(prefix="autograd_core", ignore_cleanup_errors=True) as place:
        made = _run(source, (optimise, *compiler.flags), compiler.command, Path(place))
        path = disk.keep(key, made.read_bytes())
        library = None if path is None else _load(path)
        if library is None:
            library = ctypes.CDLL(str(made))  # nothing can be kept here: it stays loaded when the file is gone
    return library


def _load(path: Path) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(path))
    except OSError:  # a folder that nothing may be executed from
        return None


def _run(source: str, flags: tuple[str, ...], command: tuple[str, ...], place: Path) -> Path:
    text, made = place / "plan.c", place / f"plan{disk.SUFFIX}"
    text.write_text(source, encoding="utf-8")
    libraries = () if sys.platform == "win32" else ("-lm",)
    try:
        done = subprocess.run([*command, *flags, str(text), "-o", str(made), *libraries], capture_output=True, text=True, timeout=LIMIT, check=False, cwd=place)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(f"the C compiler {shlex.join(command)} could not be run: {error}") from error
    if done.returncode or not made.is_file():
        raise ToolchainError(f"the C compiler {shlex.join(command)} failed: {done.stderr.strip()[:2000] or f'exit status {done.returncode}'}")
    return made


def _compiler() -> Compiler:
    """The first compiler that works. Found once for each ``$CC`` and ``$PATH``."""
    found = _search(os.environ.get("CC"), os.environ.get("PATH"))
    if isinstance(found, str):
        raise ToolchainError(found)
    return found


@cache
def _search(named: str | None, path: str | None) -> Compiler | str:
    if sys.implementation.name != "cpython":
        return f"machine code needs CPython, this is {sys.implementation.name}"
    commands = [tuple(shlex.split(named))] if named else [(name,) for name in ("gcc", "clang", "cc")]
    reason = "there is no C compiler: install gcc or clang, or name one in $CC"
    for command in commands:
        if not command or shutil.which(command[0], path=path) is None:
            if named:
                reason = f"$CC names {named!r}, which is not on the PATH"
            continue
        for machine in MACHINE:
            compiler = Compiler(command, (*machine, *COMMON), _identity(command, machine))
            try:
                key = _key(PROBE, "-O1", compiler)
                kept = disk.find(key)
                library = (None if kept is None else _load(kept)) or _fresh(PROBE, "-O1", compiler, key)
                probe = library.autograd_core_probe
            except (ToolchainError, OSError, AttributeError) as error:
                reason = str(error)
                continue
            probe.restype, probe.argtypes = ctypes.c_double, [ctypes.c_double]
            if probe(3.0) == 7.0:
                return compiler
            reason = f"the C compiler {shlex.join(command)} builds code that computes something else"
    return reason


def _identity(command: tuple[str, ...], machine: tuple[str, ...]) -> str:
    try:
        told = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=LIMIT, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        told = ""
    return told + repr(machine)


def _key(source: str, optimise: str, compiler: Compiler) -> str:
    """What a built library depends on."""
    parts = (FORMAT, source, optimise, *compiler.flags, *compiler.command, compiler.identity, machine())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@cache
def machine() -> str:
    """The processor and the system, as far as compiled code depends on them."""
    told = [sys.platform, platform.machine(), platform.processor(), str(ctypes.sizeof(ctypes.c_void_p))]
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name = line.split(":")[0].strip()
            if name in ("flags", "Features", "model name", "CPU part"):
                told.append(line)
            elif not line and len(told) > 4:
                break  # the first processor speaks for all
    except OSError:
        pass
    return "\n".join(told)


_loaded: dict[str, ctypes.CDLL] = {}
_lock = threading.Lock()
