"""Elementwise, complex and special functions, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from scipy import special

from .common import Reference


def middle_weighed(input: Any, *, dim: int, points: int, factor: float) -> Any:
    """By hand: entry k of a spectrum stands for k and points - k, unless these are the same."""
    result = np.moveaxis(np.array(input), dim, 0)
    for k in range(len(result)):
        result[k] *= factor if k and 2 * k != points else 1
    return np.moveaxis(result, 0, dim)


def fitted(input: Any, *, dims: Any, sizes: Any) -> Any:
    for dim, size in zip(dims, sizes, strict=True):
        short = max(size - input.shape[dim], 0)
        input = np.take(np.pad(input, [(0, short if i == dim else 0) for i in range(input.ndim)]), range(size), axis=dim)
    return input


def transform(function: Reference) -> Reference:
    """A transform of NumPy's over one dimension under PyTorch's names."""
    return lambda input, *, n=None, dim=-1, norm=None: function(input, n, axis=dim, norm=norm)


def transforms(function: Reference, dim: Any = None) -> Reference:
    """A transform of NumPy's over several dimensions under PyTorch's names."""
    default = dim
    return lambda input, *, s=None, dim=default, norm=None: function(input, s, axes=tuple(range(-len(s), 0)) if dim is None and s is not None else dim, norm=norm)


def not_a_number(input: Any, *, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    return np.where(np.isnan(input), 0 if nan is None else nan, np.where(input == np.inf, np.finfo(input.dtype).max if posinf is None else posinf,
                                                                       np.where(input == -np.inf, np.finfo(input.dtype).min if neginf is None else neginf, input)))


def framed_window(a: Any, n_fft: int, hop_length: int | None, win_length: int | None, window: Any) -> tuple[int, Any]:
    length = n_fft if win_length is None else win_length
    before = (n_fft - length) // 2
    return n_fft // 4 if hop_length is None else hop_length, np.pad(np.ones(length) if window is None else window, (before, n_fft - length - before))


def waves(n: int) -> Any:
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)


def stft(a: Any, *, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None, center: bool = True, pad_mode: str = "reflect",
         normalized: bool = False, onesided: bool | None = None, return_complex: bool | None = None) -> Any:
    """Each frame times the matrix of waves."""
    hop, weights = framed_window(a, n_fft, hop_length, win_length, window)
    rows = np.atleast_2d(a)
    if center:
        rows = np.pad(rows, ((0, 0), (n_fft // 2, n_fft // 2)), mode=pad_mode)
    frames = np.stack([rows[:, start : start + n_fft] * weights for start in range(0, rows.shape[1] - n_fft + 1, hop)], axis=-1)
    spectrum = waves(n_fft) @ frames / (np.sqrt(n_fft) if normalized else 1)
    spectrum = spectrum if onesided is False or np.iscomplexobj(a) else spectrum[:, : n_fft // 2 + 1]
    spectrum = spectrum[0] if a.ndim == 1 else spectrum
    return np.stack([spectrum.real, spectrum.imag], axis=-1) if return_complex is False else spectrum


def istft(a: Any, *, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Any = None, center: bool = True, normalized: bool = False,
          onesided: bool | None = None, length: int | None = None, return_complex: bool = False) -> Any:
    """Frames by NumPy's inverse transforms, laid over one another one by one."""
    hop, weights = framed_window(a, n_fft, hop_length, win_length, window)
    spectra = a[None] if a.ndim == 2 else a
    norm = "ortho" if normalized else "backward"
    frames = np.fft.ifft(spectra, axis=1, norm=norm) if return_complex else np.fft.irfft(spectra[:, : n_fft // 2 + 1], n=n_fft, axis=1, norm=norm)
    total = n_fft + hop * (frames.shape[2] - 1)
    signal, weight = np.zeros((len(frames), total), dtype=frames.dtype), np.zeros(total)
    for t in range(frames.shape[2]):
        signal[:, t * hop : t * hop + n_fft] += frames[:, :, t] * weights
        weight[t * hop : t * hop + n_fft] += weights**2
    start = n_fft // 2 if center else 0
    stop = total - start if length is None else min(start + length, total)
    result = signal[:, start:stop] / weight[start:stop]
    if length is not None:
        result = np.pad(result, ((0, 0), (0, length - result.shape[1])))
    return result[0] if a.ndim == 2 else result


REFERENCES: dict[str, Reference] = {
    "gcd": np.gcd, "lcm": np.lcm, "nextafter": np.nextafter, "ldexp": lambda a, b: a * 2.0**b, "frexp": np.frexp, "stft": stft, "istft": istft,
    "flat_window": lambda a, *, length: np.ones(length), "without_gaps": lambda a: a,
    "fft_hfft2": transforms(scipy.fft.hfft2, (-2, -1)), "fft_ihfft2": transforms(scipy.fft.ihfft2, (-2, -1)), "fft_hfftn": transforms(scipy.fft.hfftn), "fft_ihfftn": transforms(scipy.fft.ihfftn),
    # arithmetic
    "copysign": lambda a, b: np.abs(a) * np.where(np.signbit(b), -1, 1), "hypot": lambda a, b: np.sqrt(np.square(a) + np.square(b)), "positive": lambda a: a,
    "rsub": lambda a, b, *, alpha=1: b - alpha * a, "float_power": np.float_power, "lerp": lambda a, b, w: a * (1 - w) + b * w,
    "addcmul": lambda a, b, c, *, value=1: a + value * b * c, "addcdiv": lambda a, b, c, *, value=1: a + value * b / c, "frac": lambda a: np.modf(a)[0],
    # exponential, trigonometric
    "logaddexp": lambda a, b: np.log(np.exp(a) + np.exp(b)), "logaddexp2": lambda a, b: np.log2(np.exp2(a) + np.exp2(b)), "xlogy": special.xlogy, "xlog1py": special.xlog1py,
    "deg2rad": np.radians, "rad2deg": np.degrees, "sinc": lambda a: np.where(a == 0, 1, np.sin(np.pi * a) / np.where(a == 0, 1, np.pi * a)),
    # special functions
    "special_erfcx": special.erfcx, "special_ndtr": special.ndtr, "special_ndtri": special.ndtri, "special_log_ndtr": special.log_ndtr, "lgamma": special.gammaln, "digamma": special.digamma,
    "special_zeta": special.zeta, "polygamma_of": lambda a, *, order: special.polygamma(order, a), "Tensor_polygamma": lambda a, *, n: special.polygamma(n, a), "polygamma": lambda a, *, n: special.polygamma(n, a),
    "mvlgamma": lambda a, *, p: np.vectorize(lambda x: special.multigammaln(x, p))(a), "i0": special.i0, "special_i1": special.i1, "special_i0e": special.i0e, "special_i1e": special.i1e,
    "logit": lambda a, *, eps=None: special.logit(a if eps is None else np.clip(a, eps, 1 - eps)), "special_entr": special.entr,
    # choosing and comparing
    "clamp_min": lambda a, b: np.where(a < b, b, a), "clamp_max": lambda a, b: np.where(a > b, b, a), "fmax": lambda a, b: np.where(a > b, a, b), "fmin": lambda a, b: np.where(a < b, a, b),
    "heaviside": np.heaviside, "nan_to_num": not_a_number, "signbit": lambda a: np.copysign(1, a) < 0, "isposinf": np.isposinf, "isneginf": np.isneginf, "isreal": np.isreal,
    "bitwise_left_shift": lambda a, b: a * 2**b, "bitwise_right_shift": lambda a, b: a // 2**b,
    # complex numbers
    "conjugated": lambda a: np.real(a) - 1j * np.imag(a), "conj": lambda a: np.real(a) - 1j * np.imag(a) if np.iscomplexobj(a) else a,
    "real_part": np.real, "imaginary_part": np.imag, "real": np.real, "imag": np.imag, "resolve_conj": lambda a: a, "sgn": lambda a: np.where(a == 0, 0, a / np.where(a == 0, 1, np.abs(a))),
    "angle": lambda a: np.arctan2(np.imag(a), np.real(a)), "complex": lambda a, b: a + 1j * b, "polar": lambda a, b: a * np.exp(1j * b),
    "view_as_real": lambda a: np.stack([a.real, a.imag], axis=-1), "view_as_complex": lambda a: a[..., 0] + 1j * a[..., 1],
    # Fourier transforms
    "fit": fitted, "weigh_middle": middle_weighed,
    "fourier": lambda a, *, dims, norm, inverse: (np.fft.ifftn if inverse else np.fft.fftn)(a, axes=dims, norm=norm),
    "whole_fourier": lambda a, *, dim, norm, inverse: (np.fft.ifft if inverse else np.fft.fft)(a.astype(complex), axis=dim, norm=norm),
    "from_whole": lambda a, *, dim, norm, inverse: (np.fft.ifft if inverse else np.fft.fft)(a, axis=dim, norm=norm).real,
    "half_fourier": lambda a, *, dim, norm: np.take(np.fft.fft(a, axis=dim, norm=norm), range(a.shape[dim] // 2 + 1), axis=dim),
    "from_half": lambda a, *, dim, points, norm: np.fft.irfft(a, points, axis=dim, norm=norm),
    "fft_fft": transform(np.fft.fft), "fft_ifft": transform(np.fft.ifft), "fft_rfft": transform(np.fft.rfft), "fft_irfft": transform(np.fft.irfft),
    "fft_hfft": transform(np.fft.hfft), "fft_ihfft": transform(np.fft.ihfft), "fft_fft2": transforms(np.fft.fft2, (-2, -1)), "fft_ifft2": transforms(np.fft.ifft2, (-2, -1)),
    "fft_rfft2": transforms(np.fft.rfft2, (-2, -1)), "fft_irfft2": transforms(np.fft.irfft2, (-2, -1)), "fft_fftn": transforms(np.fft.fftn), "fft_ifftn": transforms(np.fft.ifftn),
    "fft_rfftn": transforms(np.fft.rfftn), "fft_irfftn": transforms(np.fft.irfftn),
    "fft_fftshift": lambda a, *, dim=None: np.fft.fftshift(a, dim), "fft_ifftshift": lambda a, *, dim=None: np.fft.ifftshift(a, dim),
}
NO_REFERENCE: dict[str, str] = {}
