"""Discrete Fourier transforms under the names of ``torch.fft``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import creation
from ._methods import fft_fft as fft
from ._methods import fft_fft2 as fft2
from ._methods import fft_fftn as fftn
from ._methods import fft_fftshift as fftshift
from ._methods import fft_hfft as hfft
from ._methods import fft_hfft2 as hfft2
from ._methods import fft_hfftn as hfftn
from ._methods import fft_ifft as ifft
from ._methods import fft_ifft2 as ifft2
from ._methods import fft_ifftn as ifftn
from ._methods import fft_ifftshift as ifftshift
from ._methods import fft_ihfft as ihfft
from ._methods import fft_ihfft2 as ihfft2
from ._methods import fft_ihfftn as ihfftn
from ._methods import fft_irfft as irfft
from ._methods import fft_irfft2 as irfft2
from ._methods import fft_irfftn as irfftn
from ._methods import fft_rfft as rfft
from ._methods import fft_rfft2 as rfft2
from ._methods import fft_rfftn as rfftn
from .misuse import checked

if TYPE_CHECKING:
    from .tensor import Tensor


@checked
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of the ``n`` entries of an ``fft``, in cycles per unit of the sample spacing ``d``.

    >>> fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    numbers = [*range((n + 1) // 2), *range(-(n // 2), 0)]
    return creation.tensor([k / (n * d) for k in numbers], dtype=dtype, device=device, requires_grad=requires_grad)


@checked
def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of the ``n // 2 + 1`` entries of an ``rfft`` of ``n`` points.

    >>> rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    return creation.tensor([k / (n * d) for k in range(n // 2 + 1)], dtype=dtype, device=device, requires_grad=requires_grad)


__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn",
    "rfft", "rfft2", "rfftfreq", "rfftn",
]
