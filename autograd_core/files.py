"""Writing files so that they are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from errno import ENOENT
from pathlib import Path


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write beside the place, flush, and rename: a reader finds the old file or the new one, never a part.

    A link is followed, an existing file's permissions are kept. Raises ``FileNotFoundError`` that names the folder if it
    does not exist, and ``OSError`` for everything else that keeps a file from being written.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(ENOENT, f"cannot write {target.name!r}: there is no folder", str(Path(path).parent))
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    with suppress(OSError, AttributeError):  # the rename itself reaches the disk; folders cannot be synced everywhere
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
