"""Functions that ask about tensors and make none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import spec
from .config import get_mode
from .dtypes import dtype, float32
from .storage import TensorBase

if TYPE_CHECKING:
    from .tensor import Size, Tensor


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor."""
    return isinstance(obj, TensorBase)


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a real floating-point type."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


def is_conj(input: Tensor) -> bool:
    """``False``: conjugates are computed where they are asked for."""
    return input.is_conj()


def is_neg(input: Tensor) -> bool:
    """``False``: negatives are computed where they are asked for."""
    return input.is_neg()


def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself; see ``is_neg``."""
    return input


def get_device(input: Tensor) -> int:
    """The number of the CUDA device, ``-1`` on the CPU."""
    return input.get_device()


def typename(obj: Any) -> str:
    """The name of a tensor's type, such as ``'autograd_core.FloatTensor'``, or of an object's class with its module."""
    if is_tensor(obj):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def to_dlpack(tensor: Tensor) -> Any:
    """The tensor as a DLPack capsule; ``from_dlpack`` takes the tensor itself."""
    return tensor.__dlpack__()


_deterministic = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembered, and without effect: the same call on the same numbers gives the same result in any case."""
    global _deterministic
    _deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What ``use_deterministic_algorithms`` was last told."""
    return _deterministic


_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """``highest``, ``high`` or ``medium``: remembered, and without effect, because products of float32 are always exact to float32."""
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"set_float32_matmul_precision: {precision!r} is not one of 'highest', 'high', or 'medium'")
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What ``set_float32_matmul_precision`` was last told."""
    return _precision


def is_anomaly_enabled() -> bool:
    """Whether this runs inside ``autograd.detect_anomaly``."""
    return bool(get_mode().anomaly)


def is_signed(input: Tensor) -> bool:
    """Whether the dtype holds negative numbers."""
    return input.is_signed()


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element of a tensor is not zero. Raises ``RuntimeError`` for a tensor of more or none."""
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape."""
    return input.shape == other.shape


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made inside ``inference_mode``."""
    return input.is_inference()


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


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to; an int counts as a shape of one dimension.

    Raises ``RuntimeError`` if they do not fit, ``ValueError`` for negative sizes.

    >>> import autograd_core as ag
    >>> ag.broadcast_shapes((3, 1), (4,))
    autograd_core.Size([3, 4])
    """
    from .tensor import Size

    given = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    for shape in given:
        if min(shape, default=0) < 0:
            raise ValueError(f"broadcast_shapes: Trying to create tensor with negative dimension ({min(shape)}): {shape}")
    return Size(spec.broadcast("broadcast_shapes", [f"shapes[{i}]" for i in range(len(given))], [spec.Meta(shape, float32) for shape in given]))
