"""``device``: where a tensor's numbers live, and PyTorch's words for how they lie there."""

from __future__ import annotations

from typing import Any


class device:  # noqa: N801 - PyTorch's name
    """A device such as ``device("cpu")``, ``device("cuda")`` or ``device("cuda", 1)``; compares with strings.

    ``cuda`` without a number is ``cuda:0``. Creating the object asks nothing of the machine.

    >>> device("cuda:1").index, device("cpu") == "cpu"
    (1, True)
    """

    __slots__ = ("index", "type")

    def __init__(self, type: str | device, index: int | None = None) -> None:
        if isinstance(type, device):
            self.type: str = type.type
            self.index: int | None = type.index
            return
        name, _, number = str(type).partition(":")
        if name not in ("cpu", "cuda") or (number and not number.isdigit()) or (number and index is not None):
            raise RuntimeError(f"expected a device like 'cpu', 'cuda' or 'cuda:1', got {type!r}")
        self.type = name
        self.index = None if name == "cpu" else int(number) if number else (index or 0)

    def __repr__(self) -> str:
        return f"device(type={self.type!r})" if self.index is None else f"device(type={self.type!r}, index={self.index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            try:
                other = device(other)
            except RuntimeError:
                return False
        if not isinstance(other, device):
            return NotImplemented
        return (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return (device, (str(self),))


CPU = device("cpu")
DEFAULT = [CPU]
"""Where tensors are made that no other tensor and no argument gives a device."""


def get_default_device() -> device:
    """Where new tensors are made: the CPU, unless ``set_default_device`` chose another."""
    return DEFAULT[0]


def set_default_device(device: Any) -> None:
    """Make new tensors on ``device`` from now on, process-wide; ``None`` stands for the CPU."""
    DEFAULT[0] = CPU if device is None else globals()["device"](device)


class layout:  # noqa: N801 - PyTorch's name
    """How elements lie in memory. There is one: ``strided``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"autograd_core.{self.name}"


class memory_format(layout):  # noqa: N801 - PyTorch's name
    """In which order: ``contiguous_format``, row by row. ``preserve_format`` is taken for the same."""


strided = layout("strided")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")


def check_format(op: str, value: Any) -> None:
    """Raise ``RuntimeError`` for a memory format that is none of ours."""
    if value not in (None, contiguous_format, preserve_format):
        raise RuntimeError(f"{op}: unsupported memory format {value!r}. Tensors lie row by row here: contiguous_format or preserve_format")
