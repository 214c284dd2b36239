"""Rearrangements of channels and pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..errors import describe
from ..op import TORCH_NN, composite


@composite("pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor", places=TORCH_NN)
def pixel_shuffle(F: Any, input: Any, upscale_factor: int) -> Any:
    """From (..., channels r r, height, width) to (..., channels, height r, width r), where r is ``upscale_factor``. Shi et al. (2016), arXiv:1609.05158.

    Raises ``RuntimeError`` where r r does not divide the channels.
    """
    return F.rearrange(input, **_shuffled("pixel_shuffle", getattr(input, "_array", input).shape, upscale_factor))


@composite("pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor", places=TORCH_NN)
def pixel_unshuffle(F: Any, input: Any, downscale_factor: int) -> Any:
    """The inverse of ``pixel_shuffle``: from (..., channels, height r, width r) to (..., channels r r, height, width).

    Raises ``RuntimeError`` where r does not divide height and width.
    """
    return F.rearrange(input, **_shuffled("pixel_unshuffle", getattr(input, "_array", input).shape, downscale_factor))


@lru_cache(maxsize=64, typed=True)
def _shuffled(name: str, shape: tuple[int, ...], r: int) -> dict[str, Any]:
    """How ``rearrange`` shuffles images of some shape, or undoes it."""
    back = name == "pixel_unshuffle"
    if len(shape) < 3:
        raise RuntimeError(f"{name}: expects input to have at least 3 dimensions, but got input with {len(shape)} dimension(s)")
    if r < 1:
        raise RuntimeError(f"{name}: expects a positive {'down' if back else 'up'}scale_factor, but got {r}")
    *lead, channels, height, width = shape
    n = len(lead)
    if back:
        if height % r or width % r:
            raise RuntimeError(f"pixel_unshuffle: expects height and width to be divisible by downscale_factor={r}, but got the shape {shape}")
        high, wide = height // r, width // r
        return {"apart": (*lead, channels, high, r, wide, r), "order": (*range(n), n, n + 2, n + 4, n + 1, n + 3), "spread": (*lead, channels, r, r, high, wide),
                "shape": (*lead, channels * r * r, high, wide)}
    few, rest = divmod(channels, r * r)
    if rest:
        raise RuntimeError(f"pixel_shuffle: expects its input's 'channel' dimension to be divisible by the square of upscale_factor={r}, but got the shape {shape}")
    return {"apart": (*lead, few, r, r, height, width), "order": (*range(n), n, n + 3, n + 1, n + 4, n + 2), "spread": (*lead, few, height, r, width, r),
            "shape": (*lead, few, height * r, width * r)}


@composite("channel_shuffle(input: Tensor, groups: int) -> Tensor", places=TORCH_NN)
def channel_shuffle(F: Any, input: Any, groups: int) -> Any:
    """The channels (dimension 1) of ``groups`` groups taken in turn, one of each. Zhang et al. (2017), arXiv:1707.01083.

    Raises ``RuntimeError`` where ``groups`` does not divide the channels.
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle: expects input with > 2 dims, but got input {describe(input)}")
    if groups < 1 or input.shape[1] % groups:
        raise RuntimeError(f"channel_shuffle: number of channels must be divisible by groups, but got {input.shape[1]} channels and {groups} groups")
    batch, channels, *rest = input.shape
    each = channels // groups
    return F.rearrange(input, apart=(batch, groups, each, *rest), order=(0, 2, 1, *range(3, 3 + len(rest))), spread=(batch, each, groups, *rest), shape=tuple(input.shape))
