"""What captured memory held before a step wrote to it, to be compared with what it held in the other recording.

Memory that both recordings know is live and never compared, so a parameter needs no copy: the first recording keeps a
checksum of what is large, the second a copy only of what the first has not seen.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from ..backend.registry import BY_TYPE

SMALL = 1 << 16
"""Bytes up to which a copy is kept, which an error message can show."""


class Digest:
    """Shape, dtype and a checksum of an array in the computer's own memory."""

    __slots__ = ("bits", "dtype", "shape")

    def __init__(self, array: Any) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        flat = BY_TYPE[array.__class__].xp.ascontiguousarray(array).reshape(-1)
        self.bits = blake2b(flat.view("uint8"), digest_size=16).digest()

    def __repr__(self) -> str:
        return f"{self.dtype} values of shape {tuple(self.shape)}"


class Outlives:
    """Stands for what memory held that an earlier recording knows too."""

    def __repr__(self) -> str:
        return "memory that was there before"


OUTLIVES = Outlives()


def taken(array: Any) -> Any:
    """A copy of a small array or of one on a device, a ``Digest`` of another."""
    return array.copy() if array.nbytes <= SMALL or BY_TYPE[array.__class__].name != "cpu" else Digest(array)


def equal(a: Any, b: Any) -> bool:
    """Whether two arrays hold the same bits, as far as they or their checksums tell."""
    if a is OUTLIVES or b is OUTLIVES or a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.__class__ is Digest or b.__class__ is Digest:
        digests = [each if each.__class__ is Digest else Digest(BY_TYPE[each.__class__].to_numpy(each)) for each in (a, b)]
        return bool(digests[0].bits == digests[1].bits)
    backend = BY_TYPE[a.__class__]
    return bool(backend.to_numpy(a).tobytes() == backend.to_numpy(b).tobytes())
