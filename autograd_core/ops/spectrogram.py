"""Fourier transforms of short overlapping frames, and back."""

from __future__ import annotations

from typing import Any

from ..backend.registry import backend_of
from ..dtypes import as_dtype
from ..op import TORCH_TENSOR, Arg, S, composite, op
from ..spec import Meta
from .matrices import real_dtype

_SIGNATURE = "n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None, center: bool = True"


@op("flat_window(input: Tensor, length: int) -> Tensor", kind="general", spec=lambda input, *, length: Meta((length,), real_dtype(input.dtype)), samples=[S((2, 3), length=4)])
def flat_window(xp: Any, input: Any, *, length: int) -> Any:
    """Ones on the device of ``input``, as real numbers of its precision: the window of who names none."""
    return xp.ones(length, dtype=real_dtype(input.dtype).dtype)


@op("without_gaps(input: Tensor) -> Tensor", kind="general", spec=lambda input: Meta(tuple(input.shape), input.dtype), extra={"written": "istft"}, samples=[
    S(Arg((4,), 0.5, 2.0)), S(Arg(values=[1.0, 0.0]), error=RuntimeError, match="leave a gap")])
def without_gaps(xp: Any, input: Any) -> Any:
    """``input``, none of whose elements may be 0, where frames would have nothing to say about the signal."""
    if backend_of(input).name == "cpu" and input.size and abs(input).min() < 1e-11:  # on a GPU looking at the values would wait for it
        raise RuntimeError("istft: window overlap add min: 1, the windows leave a gap in the signal. Choose a smaller hop_length or a window without zeros")
    return input.copy()


@without_gaps.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g


def _frame_window(F: Any, name: str, like: Any, n_fft: int, hop_length: Any, win_length: Any, window: Any) -> tuple[int, Any]:
    """The distance of frames, and the window continued with zeros on both sides to ``n_fft`` points."""
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={length}, n_fft={n_fft}")
    if window is None:
        window = F.flat_window(like, length=length)
    elif window.ndim != 1 or window.shape[0] != length:
        raise RuntimeError(f"{name}: expected a 1D window tensor of size equal to win_length={length}, but got window with size {tuple(window.shape)}")
    before = (n_fft - length) // 2
    return hop, window if length == n_fft else F.pad(window, (before, n_fft - length - before))


@composite(f"stft(input: Tensor, {_SIGNATURE}, pad_mode: str = 'reflect', normalized: bool = False, onesided: bool | None = None, return_complex: bool | None = None) -> Tensor",
           out=False, places=TORCH_TENSOR)
def stft(F: Any, input: Any, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None, center: bool = True, pad_mode: str = "reflect",
         normalized: bool = False, onesided: Any = None, return_complex: Any = None) -> Any:
    """The short-time Fourier transform: of every frame of ``n_fft`` points, ``hop_length`` apart (``n_fft // 4`` by default).

    ``input`` is (length,) or (batch, length); the result is (..., frequencies, frames) and complex, with ``n_fft // 2 + 1``
    frequencies of real input (``onesided``) and ``n_fft`` of complex. Frames are multiplied by ``window`` of ``win_length``
    points. With ``center`` the signal is continued at both ends, so that frame t lies around point ``t * hop_length``.
    ``normalized`` divides by ``sqrt(n_fft)``. ``return_complex=False`` gives real numbers with a last dimension of 2; real
    input asks for the choice, as in PyTorch.

    >>> import autograd_core as ag
    >>> ag.stft(ag.ones(16), 8, window=ag.ones(8), return_complex=True).shape
    autograd_core.Size([5, 9])
    """
    of_complex = as_dtype(input.dtype).is_complex
    if return_complex is None:
        if not (of_complex or (window is not None and as_dtype(window.dtype).is_complex)):
            raise RuntimeError("stft: stft requires the return_complex parameter be given for real inputs, and will further require that return_complex=True in a future release")
        return_complex = True
    if input.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, got the shape {tuple(input.shape)}")
    rows = F.unsqueeze(input, dim=0) if input.ndim == 1 else input
    if n_fft <= 0 or (not center and n_fft > rows.shape[1]):
        raise RuntimeError(f"stft: expected 0 < n_fft <= {rows.shape[1]}, but got n_fft={n_fft}")
    hop, window = _frame_window(F, "stft", input, n_fft, hop_length, win_length, window)
    if center:
        rows = F.squeeze(F.pad(F.unsqueeze(rows, dim=1), (n_fft // 2, n_fft // 2), pad_mode), dim=1)
    if n_fft > rows.shape[1]:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {rows.shape[1]}, but got n_fft={n_fft}")
    frames = F.Tensor_unfold(rows, dimension=1, size=n_fft, step=hop) * window
    of_complex = as_dtype(frames.dtype).is_complex
    if onesided and of_complex:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else None
    spectrum = F.fft_fft(frames, norm=norm) if of_complex or onesided is False else F.fft_rfft(frames, norm=norm)
    spectrum = F.transpose(spectrum, dim0=1, dim1=2)
    if input.ndim == 1:
        spectrum = F.squeeze(spectrum, dim=0)
    return spectrum if return_complex else F.view_as_real(spectrum)


@composite(f"istft(input: Tensor, {_SIGNATURE}, normalized: bool = False, onesided: bool | None = None, length: int | None = None, return_complex: bool = False) -> Tensor",
           out=False, places=TORCH_TENSOR)
def istft(F: Any, input: Any, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None, center: bool = True, normalized: bool = False,
          onesided: Any = None, length: Any = None, return_complex: bool = False) -> Any:
    """The signal whose ``stft`` comes nearest to ``input``: frames are added up and divided by the sum of the squared windows.

    ``input`` is complex, (..., frequencies, frames); ``length`` cuts the signal or continues it with zeros. Raises ``RuntimeError`` where the
    windows leave a gap. Source: D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform" (1984).
    """
    if not as_dtype(input.dtype).is_complex:
        raise RuntimeError(f"istft: istft requires a complex-valued input tensor matching the output from stft with return_complex=True, got {as_dtype(input.dtype).name}")
    if input.ndim not in (2, 3):
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, got the shape {tuple(input.shape)}")
    spectra = F.unsqueeze(input, dim=0) if input.ndim == 2 else input
    if onesided is None:
        onesided = spectra.shape[1] != n_fft and not return_complex
    expected = n_fft // 2 + 1 if onesided else n_fft
    if onesided and return_complex:
        raise RuntimeError("istft: cannot have onesided output if window or input is complex")
    if spectra.shape[1] != expected:
        raise RuntimeError(f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft={n_fft}: {expected}, but got {spectra.shape[1]}")
    hop, window = _frame_window(F, "istft", input, n_fft, hop_length, win_length, window)
    norm = "ortho" if normalized else None
    spectra = F.transpose(spectra, dim0=1, dim1=2)
    if return_complex:
        frames = F.fft_ifft(spectra, norm=norm)
    else:
        frames = F.fft_irfft(spectra[..., : n_fft // 2 + 1], n=n_fft, norm=norm)
    count = frames.shape[1]
    total = n_fft + hop * (count - 1)
    signal = F.windows_add(frames * window, shape=(frames.shape[0], total), dimension=1, size=n_fft, step=hop)
    squares = F.broadcast_to(F.mul(window, window), shape=(count, n_fft))
    weight = F.windows_add(F.clone(squares), shape=(total,), dimension=0, size=n_fft, step=hop)
    start = n_fft // 2 if center else 0
    end = total - (n_fft // 2 if center else 0) if length is None else min(start + length, total)
    weight = weight[start:end]
    signal = signal[:, start:end] / F.without_gaps(weight)
    if length is not None and signal.shape[1] < length:
        signal = F.pad(signal, (0, length - signal.shape[1]))
    return F.squeeze(signal, dim=0) if input.ndim == 2 else signal
