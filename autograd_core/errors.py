"""Exception types, and how operands are named in their texts. An operation's error reads ``op: what (operands). Fix``.

Every type also *is* the exception PyTorch raises in the same situation, so that ``except RuntimeError``
written for PyTorch keeps working.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class ShapeError(RuntimeError):
    """Shapes that do not fit an operation."""


class DtypeError(RuntimeError):
    """A dtype that an operation, a cast or a gradient cannot use."""


class ArgumentError(TypeError):
    """An argument of a type that a function does not take."""


class LinAlgError(RuntimeError):
    """A matrix that a factorization cannot take: singular, or not positive definite."""


class UnsupportedDtypeError(DtypeError, NotImplementedError):
    """A dtype for which an operation is not defined."""


class DeviceError(RuntimeError):
    """Tensors on different devices, or a device that this machine cannot offer."""


class GraphError(RuntimeError):
    """A backward pass that the recorded graph does not allow."""


class InplaceError(RuntimeError):
    """A write that would make recorded values, and so gradients, wrong."""


class FileFormatError(ValueError):
    """A file that is truncated, damaged or not one of ours."""


class BroadcastWarning(UserWarning):
    """Shapes that were broadcast where that is most often a mistake: input and target of a loss, and in anomaly mode (N,) with (N, 1).

    Where it is meant, silence it for one call, or for a program like any warning:

    >>> import autograd_core as ag, nn
    >>> from autograd_core.errors import BroadcastWarning
    >>> with BroadcastWarning.silenced():
    ...     loss = nn.functional.mse_loss(ag.ones(3, 1), ag.zeros(3))
    >>> import warnings
    >>> warnings.filterwarnings("ignore", category=BroadcastWarning)
    """

    @classmethod
    @contextmanager
    def silenced(cls) -> Iterator[None]:
        """A context in which such shapes may meet without a warning."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cls)
            yield


def describe(value: Any) -> str:
    """One operand in words: name, shape, dtype and device where it has them.

    >>> import numpy as np
    >>> describe(np.zeros((2, 3), dtype=np.float32))
    '(2, 3) float32'
    >>> describe(2.5)
    '2.5'
    """
    shape = getattr(value, "shape", None)
    if shape is None:
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    dtype = str(getattr(value, "dtype", "")).removeprefix("autograd_core.")
    device = str(getattr(value, "device", "cpu"))
    name = getattr(value, "name", None)
    parts = [repr(name) if isinstance(name, str) else "", str(tuple(shape)), dtype, "" if device == "cpu" else "on " + device]
    return " ".join(part for part in parts if part)


def operand_list(names: Any, values: Any) -> str:
    """``input (2, 3) float32, other (4,) float32``: the operands of an operation, for a message."""
    return ", ".join(f"{name} {describe(value)}" for name, value in zip(names, values, strict=False))


