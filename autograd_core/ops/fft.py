"""Discrete Fourier transforms as public functions, of the linear ops in ``fourier``."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, get_default_dtype, is_complex
from ..errors import DtypeError
from ..op import composite
from ..spec import remembered, wrap_dim
from .complex_numbers import WHOLE
from .fourier import OPPOSITE


def _norm(name: str, norm: str | None) -> str:
    if norm is None:
        return "backward"
    if norm not in OPPOSITE:
        raise RuntimeError(f'{name}: Invalid normalization mode: "{norm}". It is "backward", "ortho" or "forward"')
    return norm


@remembered
def _dims(name: str, ndim: int, s: Any, dim: Any) -> tuple[tuple[int, ...], list[int | None]]:
    """The dims to transform, and for each the number of points asked for; -1 stands for the size, but not where there is one dim."""
    sizes = None if s is None else [None if n is None or (n == -1 and name[-1] != "t") else int(n) for n in ([s] if isinstance(s, int) else s)]
    if dim is not None:
        dims = tuple(wrap_dim(d, ndim, name) if ndim else _no_dims(name, d) for d in ((dim,) if isinstance(dim, int) else dim))
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"{name}: FFT dims must be unique, got {tuple(dim)}")
        if sizes is not None and len(sizes) != len(dims):
            raise RuntimeError(f"{name}: When given, dim and shape arguments must have the same length, got {len(dims)} and {len(sizes)}")
    else:
        if sizes is not None and len(sizes) > ndim:
            raise RuntimeError(f"{name}: Got shape with {len(sizes)} values but input tensor only has {ndim} dimensions")
        dims = tuple(range(0 if sizes is None else ndim - len(sizes), ndim))
    return dims, sizes if sizes is not None else [None] * len(dims)


def _no_dims(name: str, dim: int) -> int:
    raise IndexError(f"{name}: Dimension specified as {dim} but tensor has no dimensions")


def _fitted(F: Any, name: str, input: Any, dims: Any, sizes: Any) -> Any:
    """``input`` with the numbers of points that were asked for."""
    shape = input.shape
    own = [shape[dim] for dim in dims]
    wanted = [n if want is None else want for n, want in zip(own, sizes, strict=True)]
    for n in wanted:
        if n < 1:
            raise RuntimeError(f"{name}: Invalid number of data points ({n}) specified")
    return input if wanted == own else F.fit(input, dims=dims, sizes=tuple(wanted))


def _floating(F: Any, name: str, input: Any) -> Any:
    dtype = as_dtype(input.dtype)
    if dtype.is_complex or dtype in WHOLE:
        return input
    if dtype.is_floating_point:
        raise DtypeError(f"{name}: Unsupported dtype {dtype.name}. Convert it with .float()")
    return F.to_dtype(input, dtype=get_default_dtype())


def _complex(F: Any, name: str, input: Any) -> Any:
    input = _floating(F, name, input)
    return input if is_complex(input) else F.to_dtype(input, dtype=WHOLE[as_dtype(input.dtype)])


def _real(F: Any, name: str, input: Any) -> Any:
    if is_complex(input):
        raise DtypeError(f"{name}: expects a real input tensor, but got {as_dtype(input.dtype).name}. Use .real, or the transform of complex numbers")
    return _floating(F, name, input)


def _transform(F: Any, name: str, input: Any, s: Any, dim: Any, norm: str | None, inverse: bool) -> Any:
    mode = _norm(name, norm)
    dims, sizes = _dims(name, input.ndim, s, dim)
    input = _floating(F, name, input)
    if not dims:
        return _complex(F, name, input)
    input = _fitted(F, name, input, dims, sizes)
    if not is_complex(input):
        input = F.whole_fourier(input, dim=dims[-1], norm=mode, inverse=inverse)
        dims = dims[:-1]
    return F.fourier(input, dims=dims, norm=mode, inverse=inverse) if dims else input


def _to_spectrum(F: Any, name: str, input: Any, s: Any, dim: Any, norm: str | None, hermitian: bool = False) -> Any:
    """The last dim as real numbers, the others as complex ones. ``hermitian``: the inverse transform instead."""
    mode = _norm(name, norm)
    dims, sizes = _dims(name, input.ndim, s, dim)
    if not dims:
        raise RuntimeError(f"{name}: must transform at least one axis")
    input = _fitted(F, name, _real(F, name, input), dims, sizes)
    result = F.half_fourier(input, dim=dims[-1], norm=OPPOSITE[mode] if hermitian else mode)
    result = F.conj(result) if hermitian else result
    return F.fourier(result, dims=dims[:-1], norm=mode, inverse=hermitian) if len(dims) > 1 else result


def _from_spectrum(F: Any, name: str, input: Any, s: Any, dim: Any, norm: str | None, hermitian: bool = False) -> Any:
    """Back to real numbers, the last dim last. ``hermitian``: the forward transform instead."""
    mode = _norm(name, norm)
    dims, sizes = _dims(name, input.ndim, s, dim)
    if not dims:
        raise RuntimeError(f"{name}: must transform at least one axis")
    last = sizes[-1]
    n = 2 * (input.shape[dims[-1]] - 1) if last is None else last
    if n < 1:
        raise RuntimeError(f"{name}: Invalid number of data points ({n}) specified")
    input = _fitted(F, name, _complex(F, name, input), dims, [*sizes[:-1], n // 2 + 1])
    if len(dims) > 1:
        input = F.fourier(input, dims=dims[:-1], norm=mode, inverse=not hermitian)
    return F.from_half(F.conj(input) if hermitian else input, dim=dims[-1], points=n, norm=OPPOSITE[mode] if hermitian else mode)


# --- one dimension ------------------------------------------------------------------------------------------------

_ONE = "(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor"
_TWO = "(input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] = (-2, -1), norm: str | None = None) -> Tensor"
_MANY = "(input: Tensor, s: Sequence[int] | None = None, dim: Dims = None, norm: str | None = None) -> Tensor"
FFT = ("fft",)


@composite(f"fft_fft{_ONE}", places=FFT)
def fft_fft(F: Any, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The discrete Fourier transform over ``dim``, of ``n`` points (cut off or continued with zeros).

    ``norm`` is ``"backward"`` (no factor, the default), ``"ortho"`` (1/sqrt(n)) or ``"forward"`` (1/n). The result is complex64 or complex128.

    >>> import autograd_core as ag
    >>> ag.fft.fft(ag.tensor([1.0, 0.0, 0.0, 0.0])).real
    tensor([1., 1., 1., 1.])
    """
    return _transform(F, "fft", input, n, dim, norm, False)


@composite(f"fft_ifft{_ONE}", places=FFT)
def fft_ifft(F: Any, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``fft``; ``"backward"`` divides by ``n``."""
    return _transform(F, "ifft", input, n, dim, norm, True)


@composite(f"fft_rfft{_ONE}", places=FFT)
def fft_rfft(F: Any, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The first ``n // 2 + 1`` entries of the ``fft`` of a real tensor; the others are their conjugates."""
    return _to_spectrum(F, "rfft", input, n, dim, norm)


@composite(f"fft_irfft{_ONE}", places=FFT)
def fft_irfft(F: Any, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``rfft``: ``n`` real numbers, ``2 * (size - 1)`` by default."""
    return _from_spectrum(F, "irfft", input, n, dim, norm)


@composite(f"fft_hfft{_ONE}", places=FFT)
def fft_hfft(F: Any, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The ``fft`` of a signal that is symmetric up to conjugation, given by its first half: real numbers."""
    return _from_spectrum(F, "hfft", input, n, dim, norm, hermitian=True)


@composite(f"fft_ihfft{_ONE}", places=FFT)
def fft_ihfft(F: Any, input: Any, n: int | None = None, dim: int = -1, norm: str | None = None) -> Any:
    """The inverse of ``hfft``: the first half of the ``ifft`` of a real tensor."""
    return _to_spectrum(F, "ihfft", input, n, dim, norm, hermitian=True)


# --- two and more dimensions --------------------------------------------------------------------------------------


@composite(f"fft_fft2{_TWO}", places=FFT)
def fft_fft2(F: Any, input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """``fft`` over two dimensions, the last two by default; ``s`` gives the numbers of points."""
    return _transform(F, "fft2", input, s, dim, norm, False)


@composite(f"fft_ifft2{_TWO}", places=FFT)
def fft_ifft2(F: Any, input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of ``fft2``."""
    return _transform(F, "ifft2", input, s, dim, norm, True)


@composite(f"fft_rfft2{_TWO}", places=FFT)
def fft_rfft2(F: Any, input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """``fft2`` of a real tensor, the first half in the last of the dimensions."""
    return _to_spectrum(F, "rfft2", input, s, dim, norm)


@composite(f"fft_irfft2{_TWO}", places=FFT)
def fft_irfft2(F: Any, input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of ``rfft2``."""
    return _from_spectrum(F, "irfft2", input, s, dim, norm)


@composite(f"fft_fftn{_MANY}", places=FFT)
def fft_fftn(F: Any, input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """``fft`` over several dimensions, by default all, or the last ``len(s)``."""
    return _transform(F, "fftn", input, s, dim, norm, False)


@composite(f"fft_ifftn{_MANY}", places=FFT)
def fft_ifftn(F: Any, input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``fftn``."""
    return _transform(F, "ifftn", input, s, dim, norm, True)


@composite(f"fft_rfftn{_MANY}", places=FFT)
def fft_rfftn(F: Any, input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """``fftn`` of a real tensor, the first half in the last of the dimensions."""
    return _to_spectrum(F, "rfftn", input, s, dim, norm)


@composite(f"fft_irfftn{_MANY}", places=FFT)
def fft_irfftn(F: Any, input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``rfftn``."""
    return _from_spectrum(F, "irfftn", input, s, dim, norm)


@composite(f"fft_hfft2{_TWO}", places=FFT)
def fft_hfft2(F: Any, input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """``fft2`` of a signal that is symmetric up to conjugation in the last of the dimensions, given by its first half: real numbers."""
    return _from_spectrum(F, "hfft2", input, s, dim, norm, hermitian=True)


@composite(f"fft_ihfft2{_TWO}", places=FFT)
def fft_ihfft2(F: Any, input: Any, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Any:
    """The inverse of ``hfft2``: the first half, in the last of the dimensions, of the ``ifft2`` of a real tensor."""
    return _to_spectrum(F, "ihfft2", input, s, dim, norm, hermitian=True)


@composite(f"fft_hfftn{_MANY}", places=FFT)
def fft_hfftn(F: Any, input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """``hfft2`` over any dimensions, by default all."""
    return _from_spectrum(F, "hfftn", input, s, dim, norm, hermitian=True)


@composite(f"fft_ihfftn{_MANY}", places=FFT)
def fft_ihfftn(F: Any, input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
    """The inverse of ``hfftn``."""
    return _to_spectrum(F, "ihfftn", input, s, dim, norm, hermitian=True)


@composite("fft_fftshift(input: Tensor, dim: Dims = None) -> Tensor", out=False, places=FFT)
def fft_fftshift(F: Any, input: Any, dim: Any = None) -> Any:
    """Frequencies reordered so that 0 stands in the middle of ``dim`` (of every dimension by default)."""
    dims, _ = _dims("fftshift", input.ndim, None, dim)
    return F.roll(input, shifts=tuple(input.shape[d] // 2 for d in dims), dims=dims)


@composite("fft_ifftshift(input: Tensor, dim: Dims = None) -> Tensor", out=False, places=FFT)
def fft_ifftshift(F: Any, input: Any, dim: Any = None) -> Any:
    """The inverse of ``fftshift``."""
    dims, _ = _dims("ifftshift", input.ndim, None, dim)
    return F.roll(input, shifts=tuple(-(input.shape[d] // 2) for d in dims), dims=dims)
