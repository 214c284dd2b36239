"""The linear ops that Fourier transforms are made of.

A few carry them all: ``fourier`` of complex numbers, ``half_fourier`` of real ones, whose spectrum is
symmetric so that half of it suffices, and ``from_half`` back. The adjoint of a transform is the inverse one with the
normalisation of the other side; where half a spectrum stands for the whole, its middle counts twice. Where the whole
spectrum of real numbers is wanted, ``whole_fourier`` mirrors the half, a third of the work of complex numbers.

The transforms of a few points are products with a matrix: one call of the library, whose own functions take ten times as long.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..backend.registry import BY_TYPE, backend_for_device, backend_of
from ..dtypes import as_dtype
from ..kernels.strided import in_rows
from ..op import S, op
from ..spec import Meta
from .complex_numbers import PARTS, WHOLE, complexes

OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}
WHOLE_DTYPES = {part.dtype: whole.dtype for part, whole in WHOLE.items()}
PART_DTYPES = {whole.dtype: part.dtype for whole, part in PARTS.items()}


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
    return in_rows(xp, xp.fft.irfft(input, points, axis=dim, norm=norm).astype(PARTS[as_dtype(input.dtype)].dtype, copy=False))


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
