"""Functions that ask about tensors and make none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import spec
from .dtypes import dtype
from .storage import TensorBase

if TYPE_CHECKING:
    from .tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor."""
    return isinstance(obj, TensorBase)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a real floating-point type."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype that an operation on two tensors or numbers computes in.

    >>> import autograd_core as ag
    >>> ag.result_type(ag.ones(2, dtype=ag.int32), 1.0)
    autograd_core.float32
    """
    return spec.result_type_of((tensor1, tensor2))
