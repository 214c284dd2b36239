"""Distances of vectors as layers."""

from __future__ import annotations

from autograd_core import Tensor

from .. import functional as F
from ..module import Module


class CosineSimilarity(Module):
    """The cosine of the angle between the vectors of two inputs along ``dim``; lengths below ``eps`` count as ``eps``."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """The norm of order ``p`` of x1 - x2 + eps over the last dimension, row by row; ``keepdim`` keeps that with size 1."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
