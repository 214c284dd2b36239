"""Elementwise, complex and special functions, as NumPy, SciPy or a closed form says them."""

from __future__ import annotations

from typing import Any

import numpy as np
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


REFERENCES: dict[str, Reference] = {
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
    "logit": lambda a, *, eps=None: special.logit(a if eps is None else np.clip(a, eps, 1 - eps)), "special_entr": special.entr, "special_expit": special.expit,
    "special_psi": special.digamma, "special_gammaln": special.gammaln, "special_multigammaln": lambda a, *, p: np.vectorize(lambda x: special.multigammaln(x, p))(a),
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
    "half_fourier": lambda a, *, dim, norm: np.take(np.fft.fft(a, axis=dim, norm=norm), range(a.shape[dim] // 2 + 1), axis=dim),
    "from_half": lambda a, *, dim, points, norm: np.fft.irfft(a, points, axis=dim, norm=norm),
    "fft_fft": transform(np.fft.fft), "fft_ifft": transform(np.fft.ifft), "fft_rfft": transform(np.fft.rfft), "fft_irfft": transform(np.fft.irfft),
    "fft_hfft": transform(np.fft.hfft), "fft_ihfft": transform(np.fft.ihfft), "fft_fft2": transforms(np.fft.fft2, (-2, -1)), "fft_ifft2": transforms(np.fft.ifft2, (-2, -1)),
    "fft_rfft2": transforms(np.fft.rfft2, (-2, -1)), "fft_irfft2": transforms(np.fft.irfft2, (-2, -1)), "fft_fftn": transforms(np.fft.fftn), "fft_ifftn": transforms(np.fft.ifftn),
    "fft_rfftn": transforms(np.fft.rfftn), "fft_irfftn": transforms(np.fft.irfftn),
    "fft_fftshift": lambda a, *, dim=None: np.fft.fftshift(a, dim), "fft_ifftshift": lambda a, *, dim=None: np.fft.ifftshift(a, dim),
}
NO_REFERENCE: dict[str, str] = {}
