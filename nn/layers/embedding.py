"""Learned vectors looked up by number."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor, empty, no_grad

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter


def _table_row(padding_idx: int | None, rows: int) -> int | None:
    """``padding_idx`` counted from the start; ``ValueError`` if the table has no such row."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise ValueError(f"padding_idx must be within num_embeddings, got padding_idx={padding_idx} for {rows} embeddings")
    return padding_idx % rows


def _table_shape(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise ValueError("Embeddings parameter is expected to be 2-dimensional")
    rows, columns = embeddings.shape
    return rows, columns


class _Table(Module):
    """What the layers share: the table ``weight``, and the options with which its rows are looked up."""

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None, max_norm: float | None, norm_type: float, scale_grad_by_freq: bool,
                 sparse: bool, weight: Tensor | None, trained: bool, device: Any, dtype: Any) -> None:
        super().__init__()
        if sparse:
            raise ValueError(f"{type(self).__name__}: sparse=True is not supported: gradients are dense. Leave it out; the numbers are the same")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = _table_row(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        if weight is not None and tuple(weight.shape) != (num_embeddings, embedding_dim):
            raise ValueError(f"Shape of weight {tuple(weight.shape)} does not match num_embeddings and embedding_dim ({num_embeddings}, {embedding_dim})")
        self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype) if weight is None else weight, requires_grad=trained)
        if weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values again."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def _lookup_repr(self) -> str:
        text = "" if self.max_norm is None else f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        return text + ", scale_grad_by_freq=True" if self.scale_grad_by_freq else text

    def _padding_repr(self) -> str:
        return "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"


class Embedding(_Table):
    """Rows of ``weight`` (num_embeddings, embedding_dim) for integer input of any shape: (...) to (..., embedding_dim).

    ``weight`` starts with standard normal draws. The row ``padding_idx`` starts as zeros and receives no gradient.
    Rows longer than ``max_norm`` (in the norm of order ``norm_type``) are shortened, in ``weight``, when they are looked up.
    ``scale_grad_by_freq`` divides a row's gradient by how often it was looked up. Raises ``ValueError`` for a ``padding_idx``
    outside the table, and for ``sparse``, which is not supported.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
                 scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight, not _freeze, device, dtype)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
                        scale_grad_by_freq: bool = False, sparse: bool = False) -> Embedding:
        """An embedding whose table is ``embeddings`` (2-d); trained only with ``freeze=False``."""
        return cls(*_table_shape(embeddings), padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings, _freeze=freeze)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}" + self._padding_repr() + self._lookup_repr()


class EmbeddingBag(_Table):
    """The sum, mean or maximum (``mode``) of the rows of ``weight`` that the integers of each bag name: (bags, embedding_dim).

    The input is (bags, length), or one-dimensional with ``offsets``, which say where each bag begins. ``padding_idx``
    is a row that does not count; the other options are those of :class:`Embedding`.

    >>> import autograd_core as ag
    >>> EmbeddingBag(10, 3, mode="sum")(ag.tensor([1, 2, 4, 5]), ag.tensor([0, 3])).shape
    autograd_core.Size([2, 3])
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 mode: str = "mean", sparse: bool = False, _weight: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight, True, device, dtype)
        self.mode = mode
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        mode: str = "mean", sparse: bool = False, include_last_offset: bool = False, padding_idx: int | None = None) -> EmbeddingBag:
        """Bags from the table ``embeddings`` (2-d); trained only with ``freeze=False``."""
        made = cls(*_table_shape(embeddings), max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings, include_last_offset, padding_idx)
        made.weight.requires_grad_(not freeze)
        return made

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
                               per_sample_weights=per_sample_weights, include_last_offset=self.include_last_offset, padding_idx=self.padding_idx)

    def extra_repr(self) -> str:
        return f"{self.num_embeddings}, {self.embedding_dim}" + self._lookup_repr() + f", mode={self.mode!r}" + self._padding_repr()
