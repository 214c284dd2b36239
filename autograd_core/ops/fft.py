"""Discrete Fourier transforms.

A few linear ops carry them all: ``fourier`` of complex numbers, ``half_fourier`` of real ones, whose spectrum is
symmetric so that half of it suffices, and ``from_half`` back. The adjoint of a transform is the inverse one with the
normalisation of the other side; where half a spectrum stands for the whole, its middle counts twice. Where the whole
spectrum of real numbers is wanted, ``whole_fourier`` mirrors the half, a third of the work of complex numbers.

The transforms of a few points are products with a matrix: one call of the library, whose own functions take ten times as long.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..backend.registry import BY_TYPE, backend_for_device, backend_of
from ..dtypes import as_dtype, get_default_dtype, is_complex
from ..errors import DtypeError
from ..op import S, composite, op
from ..spec import Meta, remembered, wrap_dim
from .complex_numbers import PARTS, WHOLE, complexes

OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
WHOLE_DTYPES = {part.dtype: whole.dtype for part, whole in WHOLE.items()}
PART_DTYPES = {whole.dtype: part.dtype for whole, part in PARTS.items()}


# --- the linear ops -----------------------------------------------------------------------------------------------


def _sized(input: Any, dims: Any, sizes: Any) -> Meta:
    shape = list(input.shape)
    for dim, size in zip(dims, sizes, strict=True):
        shape[dim] = size
    return Meta(tuple(shape), as_dtype(input.dtype))


@op("fit(input: Tensor, dims: Sequence[int], sizes: Sequence[int]) -> Tensor", kind="shape", spec=lambda input, *, dims, sizes: _sized(input, dims, sizes),
    samples=[S((3, 4), dims=(1,), sizes=(6,)), S((3, 4), dims=(0, 1), sizes=(5, 2)), S((4,), dims=(0,), sizes=(3,))])
def fit(xp: Any, input: Any, *, dims: Any, sizes: Any) -> Any:
    """``input`` cut off or continued with zeros to ``sizes`` in ``dims``: its own adjoint."""
    shape, key = list(input.shape), [slice(None)] * input.ndim
    for dim, size in zip(dims, sizes, strict=True):
        key[dim] = slice(0, min(size, shape[dim]))
        shape[dim] = size
    result = xp.zeros(tuple(shape), dtype=input.dtype)
    result[tuple(key)] = input[tuple(key)]
    return result


@fit.vjp("input")
def _(F: Any, g: Any, dims: Any, input_shape: Any) -> Any:
    return F.fit(g, dims=dims, sizes=tuple(input_shape[dim] for dim in dims))


@op("fourier(input: Tensor, dims: Sequence[int], norm: str, inverse: bool) -> Tensor", label="FFT", spec=lambda input, **_: Meta(tuple(input.shape), as_dtype(input.dtype)),
    samples=[S(complexes(3, 4), dims=(1,), norm="backward", inverse=False), S(complexes(3, 4), dims=(0, 1), norm="forward", inverse=True),
    S(complexes(5), dims=(0,), norm="ortho", inverse=True)])
def fourier(xp: Any, input: Any, *, dims: Any, norm: str, inverse: bool) -> Any:
    """The transform of complex numbers over ``dims``."""
    if len(dims) == 1:
        return (xp.fft.ifft if inverse else xp.fft.fft)(input, axis=dims[0], norm=norm).astype(input.dtype, copy=False)
    return (xp.fft.ifftn if inverse else xp.fft.fftn)(input, axes=dims, norm=norm).astype(input.dtype, copy=False)


@fourier.vjp("input")
def _(F: Any, g: Any, dims: Any, norm: str, inverse: bool) -> Any:
    return F.fourier(g, dims=dims, norm=OPPOSITE[norm], inverse=not inverse)


@op("half_fourier(input: Tensor, dim: int, norm: str) -> Tensor", label="RFFT", holomorphic=False,
    spec=lambda input, *, dim, norm: Meta(_sized(input, (dim,), (input.shape[dim] // 2 + 1,)).shape, WHOLE[as_dtype(input.dtype)]),
    samples=[S((3, 4), dim=1, norm="backward"), S((5, 2), dim=0, norm="ortho"), S((3,), dim=0, norm="forward")])
def half_fourier(xp: Any, input: Any, *, dim: int, norm: str) -> Any:
    """The first half of the transform of real numbers over ``dim``."""
    if _short(input, dim, input.shape[dim]):
        return _to_complex("half", input, norm)
    return xp.fft.rfft(input, axis=dim, norm=norm).astype(WHOLE[as_dtype(input.dtype)].dtype, copy=False)


@half_fourier.vjp("input")
def _(F: Any, g: Any, dim: int, norm: str, input_shape: Any) -> Any:
    points = input_shape[dim]
    if F.raw and _short(g, dim, points):
        return _to_real(F.backend.xp, "half", g, points, norm)
    return F.from_half(F.weigh_middle(g, dim=dim, points=points, factor=0.5), dim=dim, points=points, norm=OPPOSITE[norm])


@op("whole_fourier(input: Tensor, dim: int, norm: str, inverse: bool) -> Tensor", label="FFT", holomorphic=False,
    spec=lambda input, **_: Meta(tuple(input.shape), WHOLE[as_dtype(input.dtype)]), samples=[
        S((3, 4), dim=1, norm="backward", inverse=False), S((5, 2), dim=0, norm="ortho", inverse=True), S((3,), dim=0, norm="forward", inverse=False),
        S((2, 1), dim=1, norm="backward", inverse=True)])
def whole_fourier(xp: Any, input: Any, *, dim: int, norm: str, inverse: bool) -> Any:
    """The whole transform of real numbers over ``dim``."""
    points = input.shape[dim]
    if _short(input, dim, points):
        return _to_complex("inverse" if inverse else "whole", input, norm)
    middle = points // 2 + 1
    key = [slice(None)] * input.ndim
    result = xp.empty(input.shape, dtype=WHOLE[as_dtype(input.dtype)].dtype)
    key[dim] = slice(0, middle)
    half = result[tuple(key)]
    norm = OPPOSITE[norm] if inverse else norm
    if backend_of(input).name == "cpu":
        xp.fft.rfft(input, axis=dim, norm=norm, out=half)
    else:
        half[...] = xp.fft.rfft(input, axis=dim, norm=norm)
    key[dim] = slice(middle, None)
    mirrored = [slice(None)] * input.ndim
    mirrored[dim] = slice(points - middle, 0, -1)
    if inverse:
        result[tuple(key)] = half[tuple(mirrored)]
        xp.conj(half, out=half)
    else:
        xp.conj(half[tuple(mirrored)], out=result[tuple(key)])
    return result


@whole_fourier.vjp("input")
def _(F: Any, g: Any, dim: int, norm: str, inverse: bool) -> Any:
    return F.from_whole(g, dim=dim, norm=OPPOSITE[norm], inverse=not inverse)


@op("from_whole(input: Tensor, dim: int, norm: str, inverse: bool) -> Tensor", label="IFFT", holomorphic=False,
    spec=lambda input, **_: Meta(tuple(input.shape), PARTS[as_dtype(input.dtype)]), samples=[
        S(complexes(3, 4), dim=1, norm="backward", inverse=True), S(complexes(5, 2), dim=0, norm="ortho", inverse=False), S(complexes(3), dim=0, norm="forward", inverse=True),
        S(complexes(2, 1), dim=1, norm="backward", inverse=False)])
def from_whole(xp: Any, input: Any, *, dim: int, norm: str, inverse: bool) -> Any:
    """The real part of the transform over ``dim``: that of the symmetric part of ``input``, of which half suffices."""
    points = input.shape[dim]
    if _short(input, dim, points):
        return _to_real(xp, "whole" if inverse else "inverse", input, points, OPPOSITE[norm])
    middle = points // 2 + 1
    half = [slice(None)] * input.ndim
    mirrored = list(half)
    half[dim] = slice(1, middle)
    mirrored[dim] = slice(points - 1, points - middle, -1)
    first = [*half[:dim], slice(0, 1), *half[dim + 1 :]]
    symmetric = xp.empty((*input.shape[:dim], middle, *input.shape[dim + 1 :]), dtype=input.dtype)
    symmetric[tuple(first)] = input[tuple(first)].real
    rest = symmetric[tuple(half)]
    xp.conj(input[tuple(mirrored)], out=rest)
    rest += input[tuple(half)]
    rest *= 0.5
    if not inverse:
        xp.conj(symmetric, out=symmetric)
    return xp.fft.irfft(symmetric, points, axis=dim, norm=norm if inverse else OPPOSITE[norm]).astype(PARTS[as_dtype(input.dtype)].dtype, copy=False)


@from_whole.vjp("input")
def _(F: Any, g: Any, dim: int, norm: str, inverse: bool) -> Any:
    return F.whole_fourier(g, dim=dim, norm=OPPOSITE[norm], inverse=not inverse)


@op("from_half(input: Tensor, dim: int, points: int, norm: str) -> Tensor", label="IRFFT", holomorphic=False,
    spec=lambda input, *, dim, points, norm: Meta(_sized(input, (dim,), (points,)).shape, PARTS[as_dtype(input.dtype)]),
    samples=[S(complexes(3, 3), dim=1, points=4, norm="backward"), S(complexes(3, 2), dim=0, points=5, norm="ortho"), S(complexes(2), dim=0, points=2, norm="forward")])
def from_half(xp: Any, input: Any, *, dim: int, points: int, norm: str) -> Any:
    """The ``points`` real numbers whose spectrum begins with ``input``."""
    return xp.fft.irfft(input, points, axis=dim, norm=norm).astype(PARTS[as_dtype(input.dtype)].dtype, copy=False)


@from_half.vjp("input")
def _(F: Any, g: Any, dim: int, points: int, norm: str) -> Any:
    return F.weigh_middle(F.half_fourier(g, dim=dim, norm=OPPOSITE[norm]), dim=dim, points=points, factor=2.0)


@op("weigh_middle(input: Tensor, dim: int, points: int, factor: float) -> Tensor", kind="shape", spec=lambda input, **_: Meta(tuple(input.shape), as_dtype(input.dtype)),
    samples=[S(complexes(3, 3), dim=1, points=4, factor=2.0), S(complexes(3, 2), dim=0, points=5, factor=0.5)])
def weigh_middle(xp: Any, input: Any, *, dim: int, points: int, factor: float) -> Any:
    """Half a spectrum of ``points`` real numbers with ``factor`` times what stands for two entries of the whole: its own adjoint."""
    result = xp.array(input)
    result[tuple(slice(1, (points + 1) // 2) if i == dim else slice(None) for i in range(input.ndim))] *= factor
    return result


@weigh_middle.vjp("input")
def _(F: Any, g: Any, dim: int, points: int, factor: float) -> Any:
    return F.weigh_middle(g, dim=dim, points=points, factor=factor)


# --- a few points ---------------------------------------------------------------------------------------------------

SHORT = 8
"""Points up to which a transform over the last dimension is a product."""


@lru_cache(maxsize=64)
def _matrix(here: Any, kind: str, points: int, norm: str, dtype: Any) -> Any:
    """What the numbers ``x`` of a transform are multiplied by; complex ones count as two real ones, each real part before its imaginary part.

    ``kind`` is ``whole`` or ``inverse`` (points real numbers to points complex ones) or ``half`` (to the first half of them).
    """
    xp = backend_for_device("cpu").xp
    transform = {"whole": xp.fft.fft, "inverse": xp.fft.ifft, "half": xp.fft.rfft}[kind]
    return here.asarray(transform(xp.eye(points), norm=norm).view("float64").astype(dtype))


def _product(numbers: Any, matrix: Any) -> Any:
    """``numbers`` (..., n) times a matrix."""
    if numbers.ndim < 3:
        return numbers.dot(matrix)
    return numbers.reshape(-1, numbers.shape[-1]).dot(matrix).reshape(*numbers.shape[:-1], matrix.shape[1])


def _short(input: Any, dim: int, points: int) -> bool:
    return 0 < points <= SHORT and dim == input.ndim - 1 and input.size > 0


def _to_complex(kind: str, input: Any, norm: str) -> Any:
    """A transform of real numbers as a product."""
    return _product(input, _matrix(BY_TYPE[input.__class__].here, kind, input.shape[-1], norm, input.dtype)).view(WHOLE_DTYPES[input.dtype])


def _to_real(xp: Any, kind: str, input: Any, points: int, norm: str) -> Any:
    """The transpose of ``_to_complex``."""
    numbers = xp.ascontiguousarray(input).view(PART_DTYPES[input.dtype])
    return _product(numbers, _matrix(BY_TYPE[input.__class__].here, kind, points, norm, numbers.dtype).T)


# --- what all functions have in common ----------------------------------------------------------------------------


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


@composite("fft_fftshift(input: Tensor, dim: Dims = None) -> Tensor", places=FFT)
def fft_fftshift(F: Any, input: Any, dim: Any = None) -> Any:
    """Frequencies reordered so that 0 stands in the middle of ``dim`` (of every dimension by default)."""
    dims, _ = _dims("fftshift", input.ndim, None, dim)
    return F.roll(input, shifts=tuple(input.shape[d] // 2 for d in dims), dims=dims)


@composite("fft_ifftshift(input: Tensor, dim: Dims = None) -> Tensor", places=FFT)
def fft_ifftshift(F: Any, input: Any, dim: Any = None) -> Any:
    """The inverse of ``fftshift``."""
    dims, _ = _dims("ifftshift", input.ndim, None, dim)
    return F.roll(input, shifts=tuple(-(input.shape[d] // 2) for d in dims), dims=dims)
