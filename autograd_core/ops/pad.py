"""Padding, with its adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..dtypes import float32
from ..errors import ShapeError
from ..kernels.sliding import Sources
from ..op import NN, S, composite, op
from ..spec import Meta, numel

_MODES = ("constant", "reflect", "replicate", "circular")


def _widths(ndim: int, widths: Sequence[int]) -> list[tuple[int, int]]:
    """PyTorch's flat tuple, last dimension first, as a (before, after) pair for every dimension."""
    pairs = [(widths[2 * i], widths[2 * i + 1]) for i in range(len(widths) // 2)]
    return [(0, 0)] * (ndim - len(pairs)) + pairs[::-1]


def _extended_spec(input: Any, *, widths: Any, border: str, value: float) -> Meta:
    shape = tuple(input.shape)
    pairs = _widths(len(shape), widths)
    for d, (n, (low, high)) in enumerate(zip(shape, pairs, strict=True)):
        if border == "reflect" and max(low, high) >= max(n, 1) and (low or high):
            raise ShapeError(f"extend: Padding size should be less than the corresponding input dimension, but got: padding ({low}, {high}) at dimension {d} of input {shape}")
        if border == "circular" and max(low, high) > n:
            raise ShapeError(f"extend: Padding value causes wrapping around more than once: padding ({low}, {high}) at dimension {d} of input {shape}")
        if border == "replicate" and n == 0 and (low or high):
            raise ShapeError(f"extend: cannot replicate the border of an empty dimension: dimension {d} of input {shape}")
    return Meta(tuple(n + low + high for n, (low, high) in zip(shape, pairs, strict=True)), input.dtype)


@op("extend(input: Tensor, widths: Sequence[int], border: str = 'constant', value: float = 0.0) -> Tensor", kind="shape", label="pad", spec=_extended_spec, samples=[
    S((2, 3), widths=(1, 2)), S((2, 3), widths=(1, 0, 0, 2), value=1.5), S((3,), widths=(0, 0)), S((0, 2), widths=(1, 1, 1, 0)), S((2, 4), widths=(2, 3), border="reflect"),
    S((3, 2, 4), widths=(2, 1, 3, 2), border="replicate"), S((2, 3, 3), widths=(3, 1, 1, 2), border="circular"),
    S((2, 3), widths=(3, 0), border="reflect", error=RuntimeError, match="less than"), S((2, 3), widths=(4, 0), border="circular", error=RuntimeError, match="more than once")])
def extend(xp: Any, input: Any, *, widths: Any, border: str = "constant", value: float = 0.0) -> Any:
    """``input`` with borders of ``widths`` (not negative), filled as ``border`` says."""
    if border != "constant" and 0 < input.size < _SMALL and max(widths, default=0) <= _NARROW:
        shape, sources = _settings(tuple(input.shape), tuple(widths), border)
        return input.reshape(-1).take(sources.places(input).index).reshape(shape)
    if border == "constant":
        shape, inner = _frame(input.shape, tuple(widths))
        # zeros are a third of the call, and 0 is the default
        out = xp.zeros(shape, input.dtype) if value.__class__ is float and repr(value) == "0.0" else xp.full(shape, value, dtype=input.dtype)
        out[inner] = input
        return out
    pairs = _widths(input.ndim, widths)
    if not all([max(pair) < n for n, pair in zip(input.shape, pairs, strict=True)]):
        _extended_spec(input, widths=widths, border=border, value=value)
    shape, inner = _frame(input.shape, tuple(widths))
    out = xp.empty(shape, dtype=input.dtype)
    out[inner] = input
    for axis, (low, high) in enumerate(pairs):
        if low or high:
            _fill_borders(out, axis, low, high, border)
    return out


@lru_cache(maxsize=256)
def _frame(shape: tuple[int, ...], widths: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[slice, ...]]:
    """The extended shape, and where in it the input lies."""
    pairs = _widths(len(shape), widths)
    extended = tuple([n + low + high for n, (low, high) in zip(shape, pairs, strict=True)])
    return extended, tuple([slice(low, low + n, 1) for n, (low, _) in zip(shape, pairs, strict=True)])


_SMALL = 1 << 12
"""Elements of the largest tensor whose borders are read by index: fewer calls than writing each border."""

_NARROW = 4
"""Width of the widest borders that are read so."""


@lru_cache(maxsize=64)
def _settings(shape: Any, widths: Any, border: str) -> tuple[tuple[int, ...], Sources]:
    """The extended shape, and which element of the flattened tensor each of its elements is a copy of."""
    extended = _extended_spec(Meta(tuple(shape), float32), widths=widths, border=border, value=0.0).shape
    xp = backend_for_device("cpu").xp
    index = xp.zeros(1, dtype="int64")
    for n, (low, high) in zip(shape, _widths(len(shape), widths), strict=True):
        line = xp.arange(-low, n + high)
        if border == "circular":
            line = line % n
        elif border == "replicate":
            line = xp.minimum(xp.maximum(line, 0), n - 1)
        else:
            line = n - 1 - xp.abs(n - 1 - xp.abs(line))
        index = (index[:, None] * n + line).reshape(-1)
    return extended, Sources(index[None], numel(shape))


def _fill_borders(out: Any, axis: int, low: int, high: int, border: str) -> None:
    """The borders of one dimension, from what lies between them; corners come from the borders of the dimensions before."""
    out = out.swapaxes(0, axis)
    end = out.shape[0] - high
    if border == "reflect":
        out[:low] = out[low + 1 : 2 * low + 1][::-1]
        out[end:] = out[end - 1 - high : end - 1][::-1]
    elif border == "circular":
        out[:low] = out[end - low : end]
        out[end:] = out[low : low + high]
    else:
        out[:low] = out[low : low + 1]
        out[end:] = out[end - 1 : end]


@extend.vjp("input")
def _(F: Any, g: Any, widths: Any, border: str, input_shape: Any) -> Any:
    if border == "constant":
        return F.slice_view(g, key=_frame(tuple(input_shape), tuple(widths))[1])
    return F.extend_adjoint(g, widths=widths, border=border)


def _fold(xp: Any, g: Any, axis: int, low: int, high: int, border: str) -> Any:
    """The borders of one dimension added to the elements they were copied from."""
    g = g.swapaxes(0, axis)
    n = g.shape[0] - low - high
    inner = g[low : low + n].copy()
    before, after = g[:low], g[low + n :]
    if border == "reflect":
        inner[1 : low + 1] += before[::-1]
        inner[n - 1 - high : n - 1] += after[::-1]
    elif border == "circular":
        inner[n - low :] += before
        inner[:high] += after
    else:
        inner[:1] += before.sum(axis=0, keepdims=True)
        inner[n - 1 :] += after.sum(axis=0, keepdims=True)
    return inner.swapaxes(0, axis)


def _adjoint_spec(input: Any, *, widths: Any, border: str) -> Meta:
    return Meta(_inside(tuple(input.shape), tuple(widths))[0], input.dtype)


@op("extend_adjoint(input: Tensor, widths: Sequence[int], border: str) -> Tensor", kind="shape", label="padᵀ", spec=_adjoint_spec, samples=[
    S((2, 9), widths=(2, 3), border="reflect"), S((8, 4), widths=(1, 1, 3, 2), border="replicate"), S((5, 7), widths=(3, 1, 1, 2), border="circular")])
def extend_adjoint(xp: Any, input: Any, *, widths: Any, border: str) -> Any:
    """The adjoint of ``extend``: every border element is added to the element it was copied from."""
    if 0 < input.size < _SMALL and max(widths, default=0) <= _NARROW:
        shape, pixels = _inside(input.shape, tuple(widths))
        if pixels:
            places = _settings(shape, tuple(widths), border)[1].places(input)
            if input.dtype.char in "fd" and backend_of(input).name == "cpu":  # half of the time of reading them pixel by pixel
                sums = xp.bincount(places.index[0], weights=input.reshape(-1), minlength=pixels)
                return sums.astype(input.dtype, copy=False).reshape(shape)
            return places.add(xp, input, 1).reshape(shape)
    for axis, (low, high) in enumerate(_widths(input.ndim, widths)):
        if low or high:
            input = _fold(xp, input, axis, low, high, border)
    return input


@lru_cache(maxsize=256)
def _inside(shape: tuple[int, ...], widths: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """The shape without borders, and its number of elements."""
    inner = tuple([n - low - high for n, (low, high) in zip(shape, _widths(len(shape), widths), strict=True)])
    return inner, numel(inner)


@extend_adjoint.vjp("input")
def _(F: Any, g: Any, widths: Any, border: str) -> Any:
    return F.extend(g, widths=widths, border=border)


@composite("pad(input: Tensor, pad: Sequence[int], mode: str = 'constant', value: float | None = None) -> Tensor", places=NN)
def pad(F: Any, input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    """``input`` with borders: ``pad`` lists (before, after) for the last dimension, then for the one before it, and so on.

    ``mode`` is ``constant`` (with ``value``, default 0), ``reflect``, ``replicate`` or ``circular``; negative widths cut off.
    Raises ``RuntimeError`` for an odd number of widths, too many, or borders that ``mode`` cannot fill.

    >>> import autograd_core as ag, nn
    >>> nn.functional.pad(ag.tensor([1., 2., 3.]), (2, 1), mode="reflect").tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    """
    widths = tuple(map(int, pad))
    if mode not in _MODES:
        raise NotImplementedError(f"pad: unrecognised padding mode {mode!r}. The modes are {', '.join(_MODES)}")
    if len(widths) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {widths}")
    if len(widths) > 2 * input.ndim:
        raise RuntimeError(f"pad: Padding length should be less than or equal to two times the input dimension "
                           f"but got padding length {len(widths)} and input of dimension {input.ndim}")
    if value is not None and value and mode != "constant":
        raise RuntimeError(f"pad: padding mode {mode!r} doesn't take in value argument")
    if min(widths, default=0) < 0:
        pairs = _widths(input.ndim, widths)
        for d, (n, (low, high)) in enumerate(zip(input.shape, pairs, strict=True)):
            if n + low + high < 0:
                raise RuntimeError(f"pad: the widths ({low}, {high}) cut more off dimension {d} than its size {n}")
        input = F.slice_view(input, key=tuple(slice(max(-low, 0), n - max(-high, 0), 1) for n, (low, high) in zip(input.shape, pairs, strict=True)))
        widths = tuple(max(n, 0) for n in widths)
        if not any(widths):
            return F.clone(input)
    return F.extend(input, widths=widths, border=mode, value=0.0 if value is None else value)
