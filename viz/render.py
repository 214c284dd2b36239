"""Graphviz source as a picture: by the ``dot`` program if there is one, else by pygraphviz inside this process."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALL = 'pip install "autograd-core[viz]"'
_LOCK = threading.Lock()
"""Graphviz has global state, and so has the file descriptor of standard error."""

_NOISE = re.compile(rb"^(Fontconfig |\(process:\d+\)|\(\S+:\d+\): (Pango|GLib)|Pango|GLib|Warning: |Error: |in label of |\s*$)")

MOST_PIXELS = 12_000
"""Width and height of a PNG; a larger picture is made smaller, because many programs cannot open it. SVG and PDF have any size."""


class RendererError(RuntimeError):
    """No picture could be made: no renderer is installed, or it failed."""


def render(source: str, format: str, dpi: int = 144) -> bytes:
    """The picture of a Graphviz source as bytes; ``format`` is ``png``, ``svg`` or ``pdf``. Raises ``RendererError``."""
    options = [f"-Gdpi={dpi}", f"-Gsize={MOST_PIXELS / dpi:g},{MOST_PIXELS / dpi:g}"] if format == "png" else []
    program = shutil.which("dot")
    if program is not None:
        return _by_program(program, source, format, options)
    if _has_library():
        return _by_library(source, format, options)
    raise RendererError(f'cannot draw: neither the program "dot" nor the package pygraphviz (version 2 or newer) is installed. Run: {INSTALL}')


def _by_program(program: str, source: str, format: str, options: list[str]) -> bytes:
    with _fonts() as environment:
        done = subprocess.run([program, f"-T{format}", *options], input=source.encode(), capture_output=True, env=environment, check=False)
    if done.returncode or not done.stdout:
        raise RendererError(f"{program} could not draw the graph (exit status {done.returncode}): {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _has_library() -> bool:
    from importlib import metadata

    try:
        version = metadata.version("pygraphviz")
    except metadata.PackageNotFoundError:
        return False
    # Version 1 calls the program "dot" itself.
    return int(version.partition(".")[0]) >= 2


def _by_library(source: str, format: str, options: list[str]) -> bytes:
    with _LOCK, _fonts() as environment, _environment(environment), _quiet() as said:
        try:
            import pygraphviz
        except ImportError as error:
            raise RendererError(f"pygraphviz is installed but cannot be loaded ({error}). Reinstall it: {INSTALL}") from error
        graph = pygraphviz.AGraph(string=source, encoding="utf-8")
        try:
            drawn = graph.draw(format=format, prog="dot", args=" ".join(options))
        finally:
            graph.close()
    if not drawn:
        raise RendererError(f"pygraphviz could not draw the graph: {b' '.join(said).decode(errors='replace')}")
    return bytes(drawn)


@contextmanager
def _quiet() -> Iterator[list[bytes]]:
    """Keep C libraries' warnings off standard error; what others write there meanwhile is passed on afterwards."""
    said: list[bytes] = []
    try:
        saved = os.dup(2)
    except OSError:  # there is no standard error
        yield said
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield said
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            captured.seek(0)
            for line in captured.read().splitlines(keepends=True):
                if _NOISE.match(line):
                    said.append(line.strip())
                else:
                    os.write(2, line)


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Set the one variable that fontconfig reads, and take it back."""
    name = "FONTCONFIG_FILE"
    before = os.environ.get(name)
    if wanted.get(name) == before:
        yield
        return
    os.environ[name] = wanted[name]
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _fonts() -> Iterator[dict[str, str]]:
    """An environment in which text finds a font on machines that have none: Matplotlib's, beside the system's own."""
    environment = dict(os.environ)
    bundled = _matplotlib_fonts()
    if bundled is None or "FONTCONFIG_FILE" in environment or sys.platform == "win32":
        yield environment
        return
    with tempfile.TemporaryDirectory(prefix="autograd-core-fonts-") as folder:
        configuration = Path(folder) / "fonts.conf"
        configuration.write_text(
            '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
            '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>'
            f"<dir>{_xml(str(bundled))}</dir>"
            f"<cachedir>{_xml(str(Path(folder) / 'cache'))}</cachedir>"
            "</fontconfig>", encoding="utf-8")
        yield {**environment, "FONTCONFIG_FILE": str(configuration)}


def _matplotlib_fonts() -> Path | None:
    found = importlib.util.find_spec("matplotlib")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"
    return folder if folder.is_dir() else None


def _xml(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
