"""Activation functions that let entries decide about others: gates, choices, maxima."""

from __future__ import annotations

from typing import Any

from ..errors import describe
from ..kernels.numbers import ONE
from ..op import NN, S, composite, detached, op
from ..spec import Meta, computed_dtype, wrap_dim
from .activation import sigmoid


def _half(dim: int, start: int, stop: int) -> tuple[Any, ...]:
    return (*[slice(None)] * dim, slice(start, stop, 1))


def _halves(F: Any, input: Any, dim: int) -> tuple[Any, Any]:
    size = input.shape[dim]
    return F.slice_view(input, key=_half(dim, 0, size // 2)), F.slice_view(input, key=_half(dim, size // 2, size))


def _gated_spec(input: Any, *, dim: int) -> Meta:
    shape = tuple(input.shape)
    return Meta((*shape[:dim], shape[dim] // 2, *shape[dim + 1 :]), computed_dtype("glu", "float", (input,)))


@op("gated_half(input: Tensor, dim: int) -> Tensor", label="GLU", promotes="float", spec=_gated_spec, extra={"written": "glu"},
    samples=[S((3, 4), dim=1), S((4, 2, 3), dim=0), S((0, 2), dim=1), S((2, 0), dim=1)])
def gated_half(xp: Any, input: Any, *, dim: int) -> Any:
    """The first half along ``dim`` times the sigmoid of the second."""
    return _gated_parts(xp, input, dim=dim)[0]


def _gated_parts(xp: Any, input: Any, *, dim: int) -> tuple[Any, Any]:
    size = input.shape[dim]
    share = sigmoid.kernel(xp, input[_half(dim, size // 2, size)])
    return share * input[_half(dim, 0, size // 2)], share


@gated_half.vjp("input")
def _(F: Any, g: Any, input: Any, dim: int) -> Any:
    first, second = _halves(F, input, dim)
    share = F.sigmoid(second)
    gated = g * share
    return F.cat([gated, gated * first * (1 - share)], dim=dim)


@gated_half.fused_vjp(("share",), _gated_parts)
def _(F: Any, g: Any, input: Any, share: Any, dim: int) -> tuple[Any]:
    xp = F.backend.xp
    size = input.shape[dim]
    first, second = _half(dim, 0, size // 2), _half(dim, size // 2, size)
    result = xp.empty(input.shape, dtype=input.dtype)
    share = F.conj(share)
    gated = xp.multiply(g, share, out=result[first])
    rest = ONE[share.__class__, share.dtype][0] - share
    rest *= input[first]
    xp.multiply(gated, rest, out=result[second])
    return (result,)


@composite("glu(input: Tensor, dim: int = -1) -> Tensor", places=NN)
def glu(F: Any, input: Any, dim: int = -1) -> Any:
    """The first half of ``input`` along ``dim`` times the sigmoid of the second. Dauphin et al. (2016), arXiv:1612.08083.

    Raises ``RuntimeError`` where ``dim`` has an odd size.
    """
    if not input.ndim:
        raise RuntimeError("glu: glu does not support 0-dimensional tensors")
    at = wrap_dim(dim, input.ndim, "glu")
    size = input.shape[at]
    if size % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {at} is size {size} (input {describe(input)})")
    return F.gated_half(input, dim=at)


@composite("gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, generator: Generator | None = None) -> Tensor",
           places=NN)
def gumbel_softmax(F: Any, logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, generator: Any = None) -> Any:
    """A random choice among the entries along ``dim``, with the probabilities ``softmax(logits)``, that has a gradient.

    Noise is added to the logits and the softmax of the sum over ``tau`` is returned; as ``tau`` goes to 0 it is a choice.
    With ``hard`` it is one, with the gradient of the softmax. ``eps`` has no effect, as in PyTorch. ``generator`` draws the
    noise. Jang et al. (2016), arXiv:1611.01144.
    """
    at = wrap_dim(dim, logits.ndim, "gumbel_softmax")
    noise = -F.log(F.draw_exponential(detached(logits), generator=generator))
    soft = F.softmax((logits + noise) / tau, dim=at)
    if not hard:
        return soft
    fixed = detached(soft)
    places = F.argmax(fixed, dim=at, keepdim=True)
    choice = F.scatter(fixed * 0.0, index=places, src=F.gather(fixed * 0.0 + 1.0, index=places, dim=at), dim=at)
    return choice - fixed + soft


@composite("maxout(input: Tensor, pieces: int, dim: int = 1) -> Tensor", places=NN)
def maxout(F: Any, input: Any, pieces: int, dim: int = 1) -> Any:
    """The largest of every ``pieces`` consecutive entries along ``dim``, whose size ``pieces`` must divide.

    After a linear layer with ``pieces`` times as many outputs, each result is the maximum of that many linear functions; of
    ties each gets an equal share of the gradient. Raises ``RuntimeError`` for sizes that do not fit.
    Goodfellow et al. (2013), arXiv:1302.4389.

    >>> import autograd_core as ag, nn
    >>> nn.functional.maxout(ag.tensor([[1.0, 3.0, -2.0, -4.0]]), 2).tolist()
    [[3.0, -2.0]]
    """
    at = wrap_dim(dim, input.ndim, "maxout")
    size = input.shape[at] if input.ndim else 1
    if pieces < 1 or size % pieces:
        raise RuntimeError(f"maxout: expected pieces to divide the size of dimension {at}, but got pieces={pieces} and size {size} (input {describe(input)})")
    shape = tuple(input.shape) or (1,)
    out = F.amax(F.reshape(input, shape=(*shape[:at], size // pieces, pieces, *shape[at + 1 :])), dim=at + 1)
    return out if input.ndim else F.reshape(out, shape=())
