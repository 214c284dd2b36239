"""Layers without parameters that resize, pad and rearrange images."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor

from .. import functional as F
from ..module import Module


class Upsample(Module):
    """Resize images (N, C, ...) to ``size`` or by ``scale_factor``; see ``nn.functional.interpolate``."""

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
                 recompute_scale_factor: bool | None = None) -> None:
        super().__init__()
        self.size = size
        self.scale_factor = scale_factor
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)

    def extra_repr(self) -> str:
        return (f"scale_factor={self.scale_factor}" if self.scale_factor is not None else f"size={self.size}") + f", mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resize images (N, C, H, W), each pixel repeated."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Resize images (N, C, H, W) bilinearly with the corner pixels in place."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class PixelShuffle(Module):
    """From (..., C r r, H, W) to (..., C, H r, W r), where r is ``upscale_factor``."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """From (..., C, H r, W r) to (..., C r r, H, W), where r is ``downscale_factor``."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of ``groups`` groups taken in turn, one of each."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Unfold(Module):
    """Every window of images as a column; see ``nn.functional.unfold``."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Unfold):
    """Columns added up to images of ``output_size``; see ``nn.functional.fold``."""

    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, " + super().extra_repr()


class _Pad(Module):
    """What the paddings share: widths (before, after) of the last dimension, then of the one before it, or one for all sides."""

    _dimensions = 1
    _mode = "constant"

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = (padding,) * (2 * self._dimensions) if isinstance(padding, int) else tuple(padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ZeroPad1d(_Pad):
    """Zeros at the borders of sequences; see ``nn.functional.pad``."""

    _dimensions = 1


class ZeroPad2d(_Pad):
    """Zeros at the borders of images; see ``nn.functional.pad``."""

    _dimensions = 2


class ZeroPad3d(_Pad):
    """Zeros at the borders of volumes; see ``nn.functional.pad``."""

    _dimensions = 3


class ConstantPad1d(_ConstantPad):
    """A constant ``value`` at the borders of sequences; see ``nn.functional.pad``."""

    _dimensions = 1


class ConstantPad2d(_ConstantPad):
    """A constant ``value`` at the borders of images; see ``nn.functional.pad``."""

    _dimensions = 2


class ConstantPad3d(_ConstantPad):
    """A constant ``value`` at the borders of volumes; see ``nn.functional.pad``."""

    _dimensions = 3


class ReflectionPad1d(_Pad):
    """The image mirrored at the borders of sequences; see ``nn.functional.pad``."""

    _dimensions = 1
    _mode = "reflect"


class ReflectionPad2d(_Pad):
    """The image mirrored at the borders of images; see ``nn.functional.pad``."""

    _dimensions = 2
    _mode = "reflect"


class ReflectionPad3d(_Pad):
    """The image mirrored at the borders of volumes; see ``nn.functional.pad``."""

    _dimensions = 3
    _mode = "reflect"


class ReplicationPad1d(_Pad):
    """The outermost elements repeated at the borders of sequences; see ``nn.functional.pad``."""

    _dimensions = 1
    _mode = "replicate"


class ReplicationPad2d(_Pad):
    """The outermost elements repeated at the borders of images; see ``nn.functional.pad``."""

    _dimensions = 2
    _mode = "replicate"


class ReplicationPad3d(_Pad):
    """The outermost elements repeated at the borders of volumes; see ``nn.functional.pad``."""

    _dimensions = 3
    _mode = "replicate"


class CircularPad1d(_Pad):
    """The opposite side at the borders of sequences; see ``nn.functional.pad``."""

    _dimensions = 1
    _mode = "circular"


class CircularPad2d(_Pad):
    """The opposite side at the borders of images; see ``nn.functional.pad``."""

    _dimensions = 2
    _mode = "circular"


class CircularPad3d(_Pad):
    """The opposite side at the borders of volumes; see ``nn.functional.pad``."""

    _dimensions = 3
    _mode = "circular"
