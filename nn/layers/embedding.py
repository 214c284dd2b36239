"""Learned vectors looked up by number."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor, empty, no_grad
from autograd_core import _methods as F

from .. import init
from ..module import Module
from ..parameter import Parameter


class Embedding(Module):
    """Rows of ``weight`` (num_embeddings, embedding_dim) for integer input of any shape: (...) to (..., embedding_dim).

    ``weight`` starts with standard normal draws. The row ``padding_idx`` starts as zeros and receives no gradient.
    Rows longer than ``max_norm`` (in the norm of order ``norm_type``) are shortened, in ``weight``, when they are looked up.
    Raises ``ValueError`` for a ``padding_idx`` outside the table, and for ``scale_grad_by_freq`` and ``sparse``, which are
    not supported.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
                 scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"padding_idx must be within num_embeddings, got padding_idx={padding_idx} for {num_embeddings} embeddings")
            padding_idx %= num_embeddings
        if sparse:
            raise ValueError("Embedding: sparse=True is not supported: gradients are dense. Leave it out; the numbers are the same")
        if scale_grad_by_freq:
            raise ValueError("Embedding: scale_grad_by_freq=True is not supported")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        if _weight is None:
            self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype), requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(f"Shape of weight {tuple(_weight.shape)} does not match num_embeddings and embedding_dim ({num_embeddings}, {embedding_dim})")
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
                        scale_grad_by_freq: bool = False, sparse: bool = False) -> Embedding:
        """An embedding whose table is ``embeddings`` (2-d); trained only with ``freeze=False``."""
        if embeddings.ndim != 2:
            raise ValueError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings, _freeze=freeze)

    def reset_parameters(self) -> None:
        """Draw the initial values again."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, input: Tensor) -> Tensor:
        if self.max_norm is not None:
            self._shorten(input, self.max_norm)
        return F.embedding(input, self.weight, self.padding_idx)

    def _shorten(self, input: Tensor, max_norm: float) -> None:
        """Scale those of the looked up rows down that are longer than ``max_norm``."""
        with no_grad():
            indices = F.reshape(input, (-1,))
            rows = self.weight.detach()[indices]
            lengths = F.norm(rows, self.norm_type, dim=-1, keepdim=True)
            self.weight[indices] = F.where(lengths > max_norm, rows * (max_norm / (lengths + 1e-7)), rows)

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        return text
