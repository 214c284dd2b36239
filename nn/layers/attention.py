"""Multi-head attention."""

from __future__ import annotations

import math
from typing import Any

from autograd_core import Tensor, cat, empty, zeros

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter
from .linear import Linear


class MultiheadAttention(Module):
    """Attention with several heads: each query takes a mean of the values, weighted by how well the keys match it.

    Shapes, with L queries and S keys: ``query`` (L, N, embed_dim), ``key`` (S, N, kdim), ``value`` (S, N, vdim), or with
    ``batch_first`` (N, L, embed_dim) and so on, or without the batch dimension N. Returns the output, shaped like
    ``query``, and the weights (N, L, S), averaged over the heads; (N, num_heads, L, S) with
    ``average_attn_weights=False``; ``None`` with ``need_weights=False``.

    ``in_proj_weight`` (3 embed_dim, embed_dim) holds the projections of query, key and value one below the other; where
    ``kdim`` or ``vdim`` differ from ``embed_dim`` they are ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight``.
    ``dropout`` applies to the weights in training. ``add_bias_kv`` adds a learned key and value, ``add_zero_attn`` zeros.
    Raises ``ValueError`` if ``num_heads`` does not divide ``embed_dim``.

    >>> import autograd_core as ag
    >>> x = ag.zeros(2, 5, 8)
    >>> output, weights = MultiheadAttention(8, num_heads=2, batch_first=True)(x, x, x)
    >>> tuple(output.shape), tuple(weights.shape)
    ((2, 5, 8), (2, 5, 5))
    """

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False, add_zero_attn: bool = False,
                 kdim: int | None = None, vdim: int | None = None, batch_first: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead")
        if embed_dim % num_heads:
            raise ValueError(f"embed_dim must be divisible by num_heads, got embed_dim={embed_dim} and num_heads={num_heads}")
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn

        def parameter(*shape: int) -> Parameter:
            return Parameter(empty(*shape, device=device, dtype=dtype))

        together = self.kdim == embed_dim and self.vdim == embed_dim
        self.in_proj_weight = parameter(3 * embed_dim, embed_dim) if together else None
        self.q_proj_weight = None if together else parameter(embed_dim, embed_dim)
        self.k_proj_weight = None if together else parameter(embed_dim, self.kdim)
        self.v_proj_weight = None if together else parameter(embed_dim, self.vdim)
        self.in_proj_bias = parameter(3 * embed_dim) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.bias_k = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = parameter(1, 1, embed_dim) if add_bias_kv else None
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                init.zeros_(bias)
        for added in (self.bias_k, self.bias_v):
            if added is not None:
                init.xavier_normal_(added)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None, need_weights: bool = True,
                attn_mask: Tensor | None = None, average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Tensor, Tensor | None]:
        """Attend.

        ``key_padding_mask`` (N, S) and ``attn_mask`` (L, S) or (N num_heads, L, S) are boolean, ``True`` for what must not be
        attended to, or float, added to the scores. ``is_causal`` says that ``attn_mask`` is the causal mask, and needs it.
        Raises ``RuntimeError`` for shapes that do not fit.
        """
        batched = query.ndim == 3
        self._check(query, key, value, is_causal, attn_mask)
        if not batched:
            query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif self.batch_first:
            query, key, value = query.transpose(0, 1), key.transpose(0, 1), value.transpose(0, 1)
        length, count = query.shape[:2]
        q, k, v = self._project(query, key, value)
        mask = self._mask(attn_mask, key_padding_mask, length, k.shape[0], count, q)
        extra = 0
        if self.bias_k is not None and self.bias_v is not None:
            k = cat([k, self.bias_k.broadcast_to((1, count, self.embed_dim))])
            v = cat([v, self.bias_v.broadcast_to((1, count, self.embed_dim))])
            extra += 1
        if self.add_zero_attn:
            nothing = zeros(1, count, self.embed_dim, dtype=k.dtype, device=k.device)
            k, v = cat([k, nothing]), cat([v, nothing])
            extra += 1
        if mask is not None and extra:
            mask = cat([mask, zeros(*mask.shape[:-1], extra, dtype=mask.dtype, device=mask.device)], dim=-1)
        attended, weights = self._attend(self._heads(q), self._heads(k), self._heads(v), mask, need_weights)
        merged = attended.permute(2, 0, 1, 3).reshape(length, count, self.embed_dim)
        output = F.linear(merged, self.out_proj.weight, self.out_proj.bias)
        output = output.squeeze(1) if not batched else output.transpose(0, 1) if self.batch_first else output
        if weights is not None:
            if average_attn_weights:
                weights = weights.mean(dim=1)
            if not batched:
                weights = weights.squeeze(0)
        return output, weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor, is_causal: bool, attn_mask: Tensor | None) -> None:
        shapes = f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}"
        if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
            raise RuntimeError(f"MultiheadAttention: expected query, key and value to have all 3 dimensions, or all 2 without a batch ({shapes})")
        if (query.shape[-1], key.shape[-1], value.shape[-1]) != (self.embed_dim, self.kdim, self.vdim):
            raise RuntimeError(f"MultiheadAttention: was expecting embedding dimensions of {self.embed_dim} for query, {self.kdim} for key "
                               f"and {self.vdim} for value ({shapes})")
        if key.shape[:-1] != value.shape[:-1]:
            raise RuntimeError(f"MultiheadAttention: key and value must have the same length and batch ({shapes})")
        if query.ndim == 3 and query.shape[not self.batch_first] != key.shape[not self.batch_first]:
            raise RuntimeError(f"MultiheadAttention: query and key must have the same batch size ({shapes}). "
                               f"batch_first={self.batch_first} says where the batch is")
        if is_causal and attn_mask is None:
            raise RuntimeError("MultiheadAttention: need attn_mask if specifying the is_causal hint")

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n = self.embed_dim
        if self.in_proj_weight is None:
            parts: Any = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        elif query is key and key is value:
            together = F.linear(query, self.in_proj_weight, self.in_proj_bias)
            return together[..., :n], together[..., n:2 * n], together[..., 2 * n:]
        else:
            parts = (self.in_proj_weight[:n], self.in_proj_weight[n:2 * n], self.in_proj_weight[2 * n:])
        biases: Any = (None,) * 3 if self.in_proj_bias is None else (self.in_proj_bias[:n], self.in_proj_bias[n:2 * n], self.in_proj_bias[2 * n:])
        q, k, v = [F.linear(x, weight, bias) for x, weight, bias in zip((query, key, value), parts, biases, strict=True)]
        return q, k, v

    def _heads(self, x: Tensor) -> Tensor:
        """(length, N, embed_dim) as (N, heads, length, head_dim)."""
        return x.reshape(*x.shape[:2], self.num_heads, self.head_dim).permute(1, 2, 0, 3)

    def _mask(self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, length: int, keys: int, count: int, like: Tensor) -> Tensor | None:
        """Both masks as one that is added to the scores (N or 1, heads or 1, L or 1, S)."""
        mask = None
        if attn_mask is not None:
            shape = tuple(attn_mask.shape)
            if shape not in ((length, keys), (count * self.num_heads, length, keys)):
                raise RuntimeError(f"MultiheadAttention: the shape of attn_mask is {shape}, but should be {(length, keys)} "
                                   f"or {(count * self.num_heads, length, keys)}")
            mask = _additive(attn_mask, like).reshape((1, 1, length, keys) if len(shape) == 2 else (count, self.num_heads, length, keys))
        if key_padding_mask is not None:
            if tuple(key_padding_mask.shape) != (count, keys):
                raise RuntimeError(f"MultiheadAttention: the shape of key_padding_mask is {tuple(key_padding_mask.shape)}, but should be {(count, keys)}")
            padding = _additive(key_padding_mask, like).reshape(count, 1, 1, keys)
            mask = padding if mask is None else mask + padding
        return mask

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, need_weights: bool) -> tuple[Tensor, Tensor | None]:
        rate = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=rate), None
        scores = (q * (1 / math.sqrt(self.head_dim))) @ k.transpose(-2, -1)
        weights = F.softmax(scores if mask is None else scores + mask, dim=-1)
        if rate:
            weights = F.dropout(weights, rate, True)
        return weights @ v, weights


def _additive(mask: Tensor, like: Tensor) -> Tensor:
    """A mask as numbers to add to the scores: minus infinity where a boolean one is ``True``."""
    if mask.is_floating_point():
        return mask.to(like.dtype)
    if mask.dtype != "bool":
        raise TypeError(f"only bool and floating types of masks are supported, got {mask.dtype.name}")
    return zeros(*mask.shape, dtype=like.dtype, device=like.device).masked_fill(mask, -math.inf)
