"""Convolution over sequences (N, C, L), images (N, C, H, W) and volumes (N, C, D, H, W), or without a batch."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor, empty

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter


def _sizes(value: Any, count: int) -> tuple[int, ...]:
    """A setting for each dimension of the image."""
    return (value,) * count if isinstance(value, int) else tuple(value)


class _Conv(Module):
    """What the convolutions share: settings, ``weight`` and ``bias``."""

    _dimensions = 2
    _transposed = False
    bias: Parameter | None

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: int, bias: bool,
                 padding_mode: str, device: Any, dtype: Any) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        modes = ("zeros",) if self._transposed else ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {modes}, but got padding_mode='{padding_mode}'")
        count = self._dimensions
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
            if padding == "same" and any(n != 1 for n in _sizes(stride, count)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _sizes(kernel_size, count)
        self.stride = _sizes(stride, count)
        self.padding: Any = padding if isinstance(padding, str) else _sizes(padding, count)
        self.dilation = _sizes(dilation, count)
        self.groups = groups
        self.padding_mode = padding_mode
        channels = (in_channels, out_channels // groups) if self._transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(empty(*channels, *self.kernel_size, device=device, dtype=dtype))
        self.bias = Parameter(empty(out_channels, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values again."""
        init.reset_affine(self.weight, self.bias)

    def extra_repr(self) -> str:
        count = self._dimensions
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * count:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * count:
            text += f", dilation={self.dilation}"
        text += self._extra()
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"

    def _extra(self) -> str:
        return "" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode}"

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input with borders that are not zeros, and the padding that remains to be done."""
        if self.padding_mode == "zeros":
            return input, self.padding
        widths: list[int] = []
        for size, edge, spread in zip(self.kernel_size[::-1], self._edges()[::-1], self.dilation[::-1], strict=True):
            total = spread * (size - 1)
            widths += [total // 2, total - total // 2] if edge is None else [edge, edge]
        return F.pad(input, widths, self.padding_mode), 0

    def _edges(self) -> tuple[int | None, ...]:
        """The padding of each dimension; ``None`` where it follows from the kernel."""
        if isinstance(self.padding, str):
            return (None if self.padding == "same" else 0,) * self._dimensions
        edges: tuple[int | None, ...] = self.padding
        return edges


class Conv1d(_Conv):
    """Cross-correlation with learned kernels over sequences: (N, in_channels, L) to (N, out_channels, L'); see :class:`Conv2d`."""

    _dimensions = 1

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
                 bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        padded, padding = self._padded(input)
        return F.conv1d(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Cross-correlation with learned kernels: (N, in_channels, H, W) to (N, out_channels, H', W').

    ``weight`` (out_channels, in_channels / groups, *kernel_size) and ``bias`` (out_channels) start uniform within
    1 / sqrt(in_channels / groups * kernel size). ``padding`` is a size, a pair, ``"valid"`` or ``"same"``; what
    it consists of is the ``padding_mode``: ``"zeros"``, ``"reflect"``, ``"replicate"`` or ``"circular"``. Raises ``ValueError`` for settings that contradict
    each other.

    >>> import autograd_core as ag
    >>> tuple(Conv2d(3, 8, kernel_size=3, padding=1)(ag.zeros(2, 3, 5, 5)).shape)
    (2, 8, 5, 5)
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
                 bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        padded, padding = self._padded(input)
        return F.conv2d(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """Cross-correlation with learned kernels over volumes: (N, in_channels, D, H, W) to (N, out_channels, D', H', W'); see :class:`Conv2d`."""

    _dimensions = 3

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
                 bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        padded, padding = self._padded(input)
        return F.conv3d(padded, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTranspose(_Conv):
    """What the transposed convolutions share."""

    _transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
                 bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:
        self.output_padding = _sizes(output_padding, self._dimensions)
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype)

    def _extra_padding(self, input: Tensor, output_size: Any) -> Any:
        """The ``output_padding`` that gives the result ``output_size``; ``ValueError`` if none does."""
        if output_size is None:
            return self.output_padding
        count = self._dimensions
        wanted = tuple(output_size)[-count:]
        least = [(input.shape[i - count] - 1) * self.stride[i] - 2 * self.padding[i] + self.dilation[i] * (self.kernel_size[i] - 1) + 1 for i in range(count)]
        if len(tuple(output_size)) < count or any(not low <= n < low + step for n, low, step in zip(wanted, least, self.stride, strict=True)):
            raise ValueError(f"requested an output size of {tuple(output_size)}, but valid sizes range from {least} to "
                             f"{[low + step - 1 for low, step in zip(least, self.stride, strict=True)]} (for an input of {tuple(input.shape)})")
        return tuple(n - low for n, low in zip(wanted, least, strict=True))

    def _extra(self) -> str:
        return f", output_padding={self.output_padding}" if any(self.output_padding) else ""


class ConvTranspose1d(_ConvTranspose):
    """The transpose of a convolution, which lengthens sequences: (N, in_channels, L) to (N, out_channels, L'); see :class:`ConvTranspose2d`."""

    _dimensions = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._extra_padding(input, output_size)
        return F.conv_transpose1d(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose2d(_ConvTranspose):
    """The transpose of a convolution, which enlarges images: (N, in_channels, H, W) to (N, out_channels, H', W').

    ``weight`` is (in_channels, out_channels / groups, *kernel_size). ``output_padding`` adds rows and columns at one side;
    calling with ``output_size`` chooses it.
    """

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._extra_padding(input, output_size)
        return F.conv_transpose2d(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)


class ConvTranspose3d(_ConvTranspose):
    """The transpose of a convolution, which enlarges volumes: (N, in_channels, D, H, W) to (N, out_channels, D', H', W'); see :class:`ConvTranspose2d`."""

    _dimensions = 3

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._extra_padding(input, output_size)
        return F.conv_transpose3d(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)
