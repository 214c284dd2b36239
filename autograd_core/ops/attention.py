"""Attention."""

from __future__ import annotations

from math import sqrt
from typing import Any

from ..dtypes import as_dtype
from ..errors import ShapeError, describe
from ..op import NN, Arg, S, composite, detached, op
from ..spec import Meta, broadcast, computed_dtype
from .products import matmul
from .softmax import softmax_along, softmax_gradient


@op("causal_mask(input: Tensor, *, rows: int, columns: int) -> Tensor", kind="shape",
    spec=lambda input, *, rows, columns: Meta((rows, columns), as_dtype("bool")), samples=[
        S(Arg((), kind="int"), rows=3, columns=4), S(Arg((2,), kind="int"), rows=0, columns=2)])
def causal_mask(xp: Any, input: Any, *, rows: int, columns: int) -> Any:
    """Whether column <= row: position ``i`` attends to positions up to ``i``. ``input`` says only which device."""
    return xp.arange(columns) <= xp.arange(rows)[:, None]


def _attended_spec(query: Any, key: Any, value: Any, *, scale: float) -> Meta:
    names, dtype = ("query", "key", "value"), computed_dtype("scaled_dot_product_attention", "equal", (query, key, value))
    batch = broadcast("scaled_dot_product_attention", names, tuple([Meta(tuple(each.shape)[:-2], dtype) for each in (query, key, value)]))
    return Meta((*batch, query.shape[-2], value.shape[-1]), dtype)


def _attended_parts(xp: Any, query: Any, key: Any, value: Any, *, scale: float) -> tuple[Any, Any]:
    weights = softmax_along.kernel(xp, matmul.kernel(xp, query * scale, key.swapaxes(-1, -2)), dim=-1)
    return matmul.kernel(xp, weights, value), weights


@op("attended(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor", label="attention", promotes="equal", broadcasts=True, spec=_attended_spec, samples=[
    S((3, 4), (5, 4), (5, 2), scale=0.5), S((2, 3, 4), (5, 4), (2, 5, 2), scale=-1.5), S((2, 1, 3), (2, 1, 3), (4, 2, 1, 2), scale=0.5), S((0, 3), (2, 3), (2, 1), scale=1.0),
    S((2, 3, 4), (3, 5, 4), (5, 2), scale=1.0, error=RuntimeError, match="must match the size")])
def attended(xp: Any, query: Any, key: Any, value: Any, *, scale: float) -> Any:
    """``softmax(query @ key.mT * scale) @ value``: attention to all places, without mask or dropout."""
    return _attended_parts(xp, query, key, value, scale=scale)[0]


def _attended_gradients(F: Any, g: Any, query: Any, key: Any, value: Any, weights: Any, scale: float, needs: Any) -> Any:
    to_value = F.matmul(weights.swapaxes(-1, -2), g) if needs[2] else None
    if not needs[0] and not needs[1]:
        return None, None, to_value
    slope = softmax_gradient(F, F.matmul(g, value.swapaxes(-1, -2)), weights, -1) * scale
    return F.matmul(slope, key) if needs[0] else None, F.matmul(slope.swapaxes(-1, -2), query) if needs[1] else None, to_value


@attended.vjp()
def _(F: Any, g: Any, query: Any, key: Any, value: Any, scale: float, needs: Any) -> Any:
    weights = F.softmax_along(F.matmul(query * scale, key.swapaxes(-1, -2)), dim=-1)
    return _attended_gradients(F, g, query, key, value, weights, scale, needs)


@attended.fused_vjp(("weights",), _attended_parts)
def _(F: Any, g: Any, query: Any, key: Any, value: Any, weights: Any, scale: float, needs: Any) -> Any:
    return _attended_gradients(F, g, query, key, value, F.conj(weights), scale, needs)


def _masked_weights(F: Any, scores: Any, mask: Any) -> Any:
    """Softmax of ``scores`` where ``mask`` holds and 0 elsewhere; a row without any place to attend to is 0."""
    alive = F.any(mask, dim=-1, keepdim=True)
    weights = F.softmax(F.where(F.logical_or(mask, F.logical_not(alive)), scores, -float("inf")), dim=-1)
    return F.where(alive, weights, 0.0)


@composite("scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0, "
           "is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor", places=NN)
def scaled_dot_product_attention(F: Any, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
                                 scale: float | None = None, enable_gqa: bool = False) -> Any:
    """``softmax(query @ key.mT * scale + mask) @ value``.

    ``query`` is (..., heads, target length, size), ``key`` and ``value`` (..., heads, source length, size). A boolean
    ``attn_mask`` is True where a query may attend, a float one is added; both broadcast to (..., target length, source
    length). ``is_causal`` lets position ``i`` attend to positions up to ``i``. ``scale`` is ``1 / sqrt(size)`` unless
    given. ``dropout_p`` is applied whenever it is not 0. ``enable_gqa`` shares each head of ``key`` and ``value`` among
    several of ``query``. A query that may attend nowhere gets zeros.

    Raises ``RuntimeError`` for shapes that do not fit, or for a mask together with ``is_causal``.
    Vaswani et al. (2017), arXiv:1706.03762.
    """
    name = "scaled_dot_product_attention"
    shape, own, other = tuple(query.shape), tuple(key.shape), tuple(value.shape)
    if min(len(shape), len(own), len(other)) < 2:
        raise ShapeError(f"{name}: Expected query, key, and value to all be at least 2 dimensional, but got {_operands(query, key, value)}")
    size = shape[-1]
    if size != own[-1] or own[-2] != other[-2]:
        raise ShapeError(f"{name}: query and key must have the same last size, key and value the same length ({_operands(query, key, value)})")
    if is_causal and attn_mask is not None:
        raise RuntimeError(f"{name}: Explicit attn_mask should not be set when is_causal=True. Combine both into one mask")
    if enable_gqa:
        operands = _operands(query, key, value)
        key, value = _shared_heads(F, key, query.shape[-3], operands), _shared_heads(F, value, query.shape[-3], operands)
    factor = 1.0 / sqrt(max(size, 1)) if scale is None else scale
    if attn_mask is None and not is_causal and not dropout_p and query.dtype.kind == "f" and isinstance(factor, (float, int)):
        return F.attended(query, key, value, scale=factor)
    scores = F.matmul(query * factor, F.transpose(key, dim0=-2, dim1=-1))
    if is_causal:
        weights = _masked_weights(F, scores, F.causal_mask(detached(query), rows=query.shape[-2], columns=key.shape[-2]))
    elif attn_mask is None:
        weights = F.softmax(scores, dim=-1)
    elif as_dtype(attn_mask.dtype).name == "bool":
        weights = _masked_weights(F, scores, attn_mask)
    else:
        weights = F.softmax(scores + attn_mask, dim=-1)
    if dropout_p:
        weights = F.dropout(weights, dropout_p)
    return F.matmul(weights, value)


def _operands(query: Any, key: Any, value: Any) -> str:
    return f"query {describe(query)}, key {describe(key)}, value {describe(value)}"


def _shared_heads(F: Any, value: Any, heads: int, operands: str) -> Any:
    """``value`` with each head repeated, ``heads`` in all."""
    own = value.shape[-3]
    if heads % own:
        raise RuntimeError(f"scaled_dot_product_attention: with enable_gqa the query's heads must be a multiple of the key's and value's ({operands})")
    *lead, _, length, size = value.shape
    spread = F.broadcast_to(F.unsqueeze(value, dim=-3), shape=(*lead, own, heads // own, length, size))
    return F.reshape(spread, shape=(*lead, heads, length, size))
