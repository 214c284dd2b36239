"""Built libraries on disk, shared by all runs of one user: found by what they were built from, checked before they are loaded.

A file is called ``<key>-<checksum>.<suffix>``. The key says what was built, with what, for which machine; the checksum is
that of the file's own bytes, so that a torn or foreign file shows itself and is built anew instead of being loaded.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from ...files import write_whole

VARIABLE = "AUTOGRAD_CORE_CACHE"
"""The environment variable that names another folder than the user's own."""
SUFFIX = ".dll" if sys.platform == "win32" else ".so"
MOST = 1000
"""How many libraries are kept; those used longest ago go first."""


def folder() -> Path | None:
    """Where built libraries are kept; ``None`` if there is no folder that this user alone can write to."""
    place = _place()
    if place is None:
        return None
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.stat()
    except OSError:
        return None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        return None  # somebody else could put code there that this process would run
    return place


def _place() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) / "native"
    try:
        home = Path.home()
    except RuntimeError:  # no home is known
        return None
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "autograd_core" / "native"


def find(key: str) -> Path | None:
    """The file that was kept under a key, if its bytes are those that were written."""
    place = folder()
    if place is None:
        return None
    for path in place.glob(f"{key}-*{SUFFIX}"):
        try:
            whole = path.name == _name(key, path.read_bytes())
        except OSError:
            continue
        if whole:
            with suppress(OSError):
                os.utime(path)
            return path
        with suppress(OSError):
            path.unlink()
    return None


def keep(key: str, data: bytes) -> Path | None:
    """Keep a built library; its path, or ``None`` where nothing can be written."""
    place = folder()
    if place is None:
        return None
    path = place / _name(key, data)
    try:
        write_whole(path, data)
    except OSError:
        return None
    _thin_out(place)
    return path


def _name(key: str, data: bytes) -> str:
    return f"{key}-{hashlib.sha256(data).hexdigest()[:32]}{SUFFIX}"


def _thin_out(place: Path) -> None:
    ages: list[tuple[float, Path]] = []
    for path in place.iterdir():
        with suppress(OSError):
            if path.suffix == SUFFIX or (path.suffix == ".part" and time.time() - path.stat().st_mtime > 3600):
                ages.append((path.stat().st_mtime if path.suffix == SUFFIX else 0.0, path))
    for _, path in sorted(ages)[: max(0, len(ages) - MOST)]:
        with suppress(OSError):
            path.unlink()
