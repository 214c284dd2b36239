"""Reductions and scans."""

from __future__ import annotations

from typing import Any

from ..op import S, op
from ..spec import reduction_spec, wrap_dims

EVERYWHERE = ("torch", "Tensor")


def expand_reduced(F: Any, g: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """A reduction's cotangent in the shape it has with ``keepdim``, ready to broadcast against the input."""
    if keepdim or not shape:
        return g
    dims = wrap_dims(dim if dim != () else None, len(shape))
    return F.reshape(g, shape=tuple(1 if i in dims else n for i, n in enumerate(shape)))


def axes(dim: Any) -> Any:
    """NumPy's ``axis`` for PyTorch's ``dim``: an empty tuple means every dimension."""
    return None if dim is None or dim == () or dim == [] else tuple(dim) if isinstance(dim, list) else dim


@op("sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor", kind="reduction", label="Σ",
    places=EVERYWHERE, spec=reduction_spec("sum", "sum"), samples=[
        S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=-1, keepdim=True), S((2, 3, 4), dim=(0, -1)), S(()), S((0, 3), dim=0), S((2, 3), dtype="float64"),
        S((3,), dim=1, error=IndexError, match="out of range")])
def sum(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None, out: Any = None) -> Any:
    """The sum over ``dim`` (an int, a tuple, or everything). Integers add up in int64."""
    if dtype is None and input.dtype.kind in "bui":
        dtype = "int64"
    elif dtype is not None:
        dtype = getattr(dtype, "dtype", dtype)
    return xp.sum(input, axis=axes(dim), keepdims=keepdim, dtype=dtype, out=out)


@sum.vjp("input")
def _(F: Any, g: Any, input_shape: Any, dim: Any, keepdim: bool) -> Any:
    return F.broadcast_to(expand_reduced(F, g, input_shape, dim, keepdim), shape=input_shape)
