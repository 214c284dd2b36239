"""Dropout and its variants: elements or whole channels, set to 0 or to the value that keeps SELU activations normalised.

Each takes ``p``, the probability of dropping; ``training``, without which the input itself is returned; and
``generator``, the stream that draws the mask. A ``p`` outside [0, 1] is a ``ValueError``.
"""

from __future__ import annotations

import warnings
from typing import Any

from ..op import NN, TORCH_NN, composite, detached

SATURATED = -1.7580993408473766
"""What SELU tends to: minus the product of its two constants."""


def _kept(F: Any, name: str, like: Any, p: float, training: bool, generator: Any, shape: Any = None) -> Any:
    """A mask of zeros with probability ``p`` and ones elsewhere; ``None`` where nothing is to be dropped."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return None
    return F.draw_bernoulli(detached(like), 1.0 - p, shape=shape, generator=generator)


def _zeroed(input: Any, mask: Any, p: float, inplace: bool) -> Any:
    """``input`` where the mask is 1, scaled so that the mean stays."""
    if mask is None:
        return input
    mask = mask if p == 1.0 else mask * (1.0 / (1.0 - p))
    return input.mul_(mask) if inplace else input * mask


def _saturated(input: Any, mask: Any, p: float, inplace: bool) -> Any:
    """``input`` where the mask is 1 and SELU's limit elsewhere, made of the same mean and variance again."""
    if mask is None:
        return input
    if p == 1.0:
        return input.mul_(0.0) if inplace else input * 0.0
    scale = ((1.0 - p) * (1.0 + p * SATURATED**2)) ** -0.5
    shift = (1.0 - mask) * (SATURATED * scale) - scale * p * SATURATED
    if inplace:
        return input.mul_(mask * scale).add_(shift)
    return input * (mask * scale) + shift


def _channels(name: str, input: Any) -> tuple[int, ...]:
    """The shape of a mask with one entry for each element of the first two dimensions."""
    if input.ndim < 2:
        raise RuntimeError(f"{name}: Feature dropout requires at least 2 dimensions in the input, (batch, channels, ...), but got the shape {tuple(input.shape)}")
    return (*input.shape[:2], *(1,) * (input.ndim - 2))


@composite("dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None) -> Tensor",
           places=TORCH_NN, inplace=True)
def dropout(F: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, generator: Any = None) -> Any:
    """Zero each element with probability ``p`` and scale the others by ``1 / (1 - p)``; ``input`` itself unless ``training``.

    ``generator`` draws the mask. Raises ``ValueError`` for a ``p`` outside [0, 1]. Srivastava et al. (2014).
    """
    return _zeroed(input, _kept(F, "dropout", input, p, training, generator), p, inplace)


@composite("feature_dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None) -> Tensor",
           places=TORCH_NN, inplace=True)
def feature_dropout(F: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, generator: Any = None) -> Any:
    """Dropout of whole channels: one draw for each element of the first two dimensions."""
    return _zeroed(input, _kept(F, "feature_dropout", input, p, training, generator, _channels("feature_dropout", input)), p, inplace)


def _channels_of_one(input: Any) -> tuple[int, ...]:
    """The shape of a mask with one entry for each channel of a single sample."""
    return (*input.shape[:1], *(1,) * (input.ndim - 1))


@composite("dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None) -> Tensor", places=NN)
def dropout1d(F: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, generator: Any = None) -> Any:
    """Dropout of whole channels of (batch, channels, length) or (channels, length)."""
    if input.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input of shape {tuple(input.shape)}")
    if input.ndim == 2:
        return _zeroed(input, _kept(F, "dropout1d", input, p, training, generator, _channels_of_one(input)), p, inplace)
    return _zeroed(input, _kept(F, "dropout1d", input, p, training, generator, _channels("dropout1d", input)), p, inplace)


@composite("dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None) -> Tensor", places=NN)
def dropout2d(F: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, generator: Any = None) -> Any:
    """Dropout of whole channels of (batch, channels, height, width).

    Of three dimensions the first is the batch, with a warning, as in PyTorch.
    """
    if input.ndim == 3:
        warnings.warn("dropout2d: Received a 3-D input and assuming (batch, channels, length). For (channels, height, width) pass input.unsqueeze(0)",
                      UserWarning, stacklevel=3)
    elif input.ndim != 4:
        warnings.warn(f"dropout2d: Received a {input.ndim}-D input. Expected (batch, channels, height, width); whole elements of the first two dimensions are dropped",
                      UserWarning, stacklevel=3)
    return _zeroed(input, _kept(F, "dropout2d", input, p, training, generator, _channels("dropout2d", input)), p, inplace)


@composite("dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False, *, generator: Generator | None = None) -> Tensor", places=NN)
def dropout3d(F: Any, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False, generator: Any = None) -> Any:
    """Dropout of whole channels of (batch, channels, depth, height, width) or, of four dimensions, (channels, depth, height, width)."""
    if input.ndim == 4:
        return _zeroed(input, _kept(F, "dropout3d", input, p, training, generator, _channels_of_one(input)), p, inplace)
    if input.ndim != 5:
        warnings.warn(f"dropout3d: Received a {input.ndim}-D input. Expected (batch, channels, depth, height, width) or the same without the batch",
                      UserWarning, stacklevel=3)
    return _zeroed(input, _kept(F, "dropout3d", input, p, training, generator, _channels("dropout3d", input)), p, inplace)


@composite("alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None) -> Tensor",
           places=TORCH_NN, inplace=True)
def alpha_dropout(F: Any, input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, generator: Any = None) -> Any:
    """Dropout that keeps mean and variance of SELU activations. Klambauer et al. (2017), arXiv:1706.02515."""
    return _saturated(input, _kept(F, "alpha_dropout", input, p, training, generator), p, inplace)


@composite("feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False, *, generator: Generator | None = None) -> Tensor",
           places=TORCH_NN, inplace=True)
def feature_alpha_dropout(F: Any, input: Any, p: float = 0.5, training: bool = False, inplace: bool = False, generator: Any = None) -> Any:
    """``alpha_dropout`` of whole channels: one draw for each element of the first two dimensions."""
    return _saturated(input, _kept(F, "feature_alpha_dropout", input, p, training, generator, _channels("feature_alpha_dropout", input)), p, inplace)
