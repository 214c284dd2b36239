"""Layers without parameters that reshape or drop out."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor
from autograd_core import _methods as F

from ..module import Module


class Flatten(Module):
    """Join the dimensions from ``start_dim`` to ``end_dim``; by default all but the batch."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return F.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the dimension ``dim`` into several of the sizes ``unflattened_size``, of which one may be -1."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError("unflattened_size must be given for a dim that is an int, as named dimensions do not exist here")
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        shape = tuple(input.shape)
        dim = self.dim + input.ndim if self.dim < 0 else self.dim
        if not 0 <= dim < input.ndim:
            raise IndexError(f"Unflatten: dimension out of range (dim {self.dim} of an input of shape {shape})")
        return F.reshape(input, (*shape[:dim], *self._sizes(shape[dim]), *shape[dim + 1:]))

    def _sizes(self, total: int) -> tuple[int, ...]:
        known = 1
        for n in self.unflattened_size:
            known *= n if n != -1 else 1
        open_sizes = self.unflattened_size.count(-1)
        if open_sizes > 1 or (known != total if not open_sizes else not known or total % known):
            raise RuntimeError(f"unflatten: Provided sizes {list(self.unflattened_size)} don't multiply up to the size of dim {self.dim} ({total}) in the input tensor")
        return tuple(total // known if n == -1 else n for n in self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Dropout(Module):
    """In training, zero each element with probability ``p`` and scale the others by 1 / (1 - p); in evaluation do nothing.

    Raises ``ValueError`` for a ``p`` outside 0 to 1.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
