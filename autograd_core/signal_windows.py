"""Windows for spectra: weights that fall off towards both ends of a frame.

With ``periodic`` (the default) the window is one period of a function, as ``stft`` wants it; without, it is symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _methods, creation
from .config import no_grad
from .dtypes import as_dtype, float64
from .misuse import checked

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]


def _window(name: str, length: int, periodic: bool, formula: Callable[[Tensor], Tensor], options: dict[str, Any]) -> Tensor:
    """``formula`` of the positions from 0 to 1, computed in float64."""
    if length < 0:
        raise RuntimeError(f"{name}: window_length must be non-negative, got {length}")
    requires_grad, dtype = options.pop("requires_grad"), options.pop("dtype")
    if dtype is not None and not as_dtype(dtype).is_floating_point:
        raise RuntimeError(f"{name}: expected a floating point dtype, got {as_dtype(dtype).name}")
    with no_grad():
        steps = length if periodic else length - 1
        positions = creation.arange(length, dtype=float64, **options) / max(steps, 1)
        values = formula(positions) if length > 1 else creation.ones(length, dtype=float64, **options)
        chosen = creation.empty(0, dtype=dtype).dtype
        return values.to(chosen).requires_grad_(requires_grad)


@checked
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A triangle: 1 - |2 t - 1| at positions t from 0 to 1.

    >>> bartlett_window(5, periodic=False)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window("bartlett_window", window_length, periodic, lambda t: 1 - (2 * t - 1).abs(), {"dtype": dtype, "device": device, "requires_grad": requires_grad})


@checked
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One period of a raised cosine: 0.5 - 0.5 cos(2 pi t).

    >>> hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return hamming_window(window_length, periodic, 0.5, 0.5, dtype=dtype, device=device, requires_grad=requires_grad)


@checked
def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None, device: Any = None,
                   requires_grad: bool = False) -> Tensor:
    """A raised cosine that does not fall to 0: alpha - beta cos(2 pi t).

    >>> hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """
    return _window("hamming_window", window_length, periodic, lambda t: alpha - beta * (2 * math.pi * t).cos(),
                   {"dtype": dtype, "device": device, "requires_grad": requires_grad})


@checked
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Two cosines: 0.42 - 0.5 cos(2 pi t) + 0.08 cos(4 pi t).

    >>> blackman_window(5, periodic=False).round(decimals=4)
    tensor([-0.0000, 0.3400, 1.0000, 0.3400, -0.0000])
    """
    return _window("blackman_window", window_length, periodic, lambda t: 0.42 - 0.5 * (2 * math.pi * t).cos() + 0.08 * (4 * math.pi * t).cos(),
                   {"dtype": dtype, "device": device, "requires_grad": requires_grad})


@checked
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """I0(beta sqrt(1 - (2 t - 1)^2)) / I0(beta), with the modified Bessel function I0: ``beta`` trades the width of the peak for the height of the side lobes.

    >>> kaiser_window(3, periodic=False, beta=2.0)
    tensor([0.4387, 1.0000, 0.4387])
    """
    def formula(t: Tensor) -> Tensor:
        return _methods.i0(beta * (1 - (2 * t - 1).square()).clamp_min(0).sqrt()) / _methods.i0(creation.tensor(float(beta), dtype=float64))

    return _window("kaiser_window", window_length, periodic, formula, {"dtype": dtype, "device": device, "requires_grad": requires_grad})
