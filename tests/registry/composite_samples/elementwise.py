"""Elementwise, complex and special functions: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample, bools, ints

COMPLEX = Arg((3, 4), kind="complex")
NOT_A_NORM = {"error": RuntimeError, "match": "normalization"}


def transform(input: object) -> list[Sample]:
    """Samples of a Fourier transform over one dimension."""
    return [S(input), S(input, n=5, dim=0), S(input, n=2), S(input, norm="ortho"), S(input, n=7, norm="forward"), S(input, n=0, error=RuntimeError, match="data points"),
            S(input, dim=2, error=IndexError, match="out of range"), S(input, norm="other", **NOT_A_NORM)]


def transforms(input: object) -> list[Sample]:
    """Samples of a Fourier transform over several dimensions."""
    return [S(input), S(input, norm="ortho"), S(input, s=(5, 3), dim=(1, 0)), S(input, dim=(0,), norm="forward"), S(input, dim=(0, 0), error=RuntimeError, match="unique"),
            S(input, s=(3,), dim=(0, 1), error=RuntimeError, match="same length"), S(input, norm="other", **NOT_A_NORM)]


SAMPLES: dict[str, list[Sample]] = {
    "positive": [S((3, 4)), S(()), S(bools(2), error=RuntimeError, match="bool")],
    "rsub": [S((3, 4), (4,)), S((3, 4), (4,), alpha=0.5), S((3, 4), 2.5), S((), ()), S((2, 3), (4,), error=RuntimeError, match="must match")],
    "float_power": [S(Arg((3, 4), 0.5, 2.0), (4,)), S(Arg((3, 4), 0.5, 2.0), 2), S(2.0, (3, 4)), S(Arg((), 0.5, 2.0), ()), S((2, 3), (4,), error=RuntimeError, match="must match")],
    "ldexp": [S((3, 4), (4,)), S((3, 4), ints(3, 4, low=-3, high=4)), S((), ()), S((2, 3), (4,), error=RuntimeError, match="must match")],
    "stft": [S((40,), n_fft=8, return_complex=True), S((2, 40), n_fft=8, hop_length=3, return_complex=True), S((40,), n_fft=8, center=False, normalized=True, return_complex=False), S((40,), n_fft=7, onesided=False, return_complex=True, pad_mode="constant"),
             S(Arg((24,), kind="complex"), n_fft=8), S((40,), n_fft=8, error=RuntimeError, match="return_complex"), S((40,), n_fft=8, hop_length=0, return_complex=True, error=RuntimeError, match="hop_length > 0"),
             S((4,), n_fft=8, center=False, return_complex=True, error=RuntimeError, match="n_fft"), S((2, 2, 9), n_fft=4, return_complex=True, error=RuntimeError, match="1D or 2D")],
    "istft": [S(Arg((5, 9), kind="complex"), n_fft=8), S(Arg((2, 5, 9), kind="complex"), n_fft=8, hop_length=4, length=30), S(Arg((5, 4), kind="complex"), n_fft=8, center=False, normalized=True),
              S(Arg((8, 5), kind="complex"), n_fft=8, onesided=False), S(Arg((8, 5), kind="complex"), n_fft=8, return_complex=True), S((5, 9), n_fft=8, error=RuntimeError, match="complex-valued"),
              S(Arg((6, 9), kind="complex"), n_fft=8, error=RuntimeError, match="frequency dimension")],
    "special_ndtr": [S((3, 4)), S(Arg(values=[-30.0, 0.0, 5.0]))],
    "Tensor_polygamma": [S(Arg((3, 4), 0.3, 9.5), n=2), S((3,), n=-1, error=RuntimeError, match="negative")],
    "polygamma": [S(Arg((3, 4), 0.3, 9.5), n=0), S(Arg((3, 4), 0.3, 9.5), n=1), S(Arg((3, 4), 0.3, 9.5), n=3), S((3,), n=-1, error=RuntimeError, match="negative")],
    "mvlgamma": [S(Arg((3, 4), 2.5, 9.5), p=1), S(Arg((3, 4), 2.5, 9.5), p=3), S((3,), p=0, error=RuntimeError, match="greater")],
    "conj": [S((3, 4)), S(COMPLEX)], "real": [S((3, 4)), S(COMPLEX)], "imag": [S(COMPLEX), S((3, 4), error=RuntimeError, match="non-complex")], "resolve_conj": [S(COMPLEX)],
    **{f"fft_{name}": transform((3, 4)) for name in ("fft", "ifft", "rfft", "ihfft")}, **{f"fft_{name}": transform(COMPLEX) for name in ("irfft", "hfft")},
    **{f"fft_{name}": transforms((3, 4)) for name in ("fft2", "rfft2", "fftn", "rfftn", "ihfft2", "ihfftn")}, **{f"fft_{name}": transforms(COMPLEX) for name in ("ifft2", "irfft2", "ifftn", "irfftn", "hfft2", "hfftn")},
    "fft_fftshift": [S((3, 4)), S((3, 4), dim=1), S((5,), dim=(0,))], "fft_ifftshift": [S((3, 4)), S((3, 4), dim=1), S((5,), dim=(0,))],
}
ELSEWHERE: dict[str, str] = {"ldexp_": "writes, in parity"}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
