"""Adaptive pooling: windows chosen so that the result has a given size, in one to three dimensions.

Along a dimension of ``n`` elements window ``k`` of ``m`` reaches from ``k n / m`` rounded down to ``(k + 1) n / m`` rounded up.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

from ..backend.registry import backend_for_device, backend_of
from ..dtypes import as_dtype
from ..errors import ShapeError
from ..kernels.blocks import at_hand
from ..kernels.places import read_along
from ..kernels.sliding import SMALL, SmallImages
from ..op import NN, TORCH_NN, S, composite, detached, distinct, op
from ..spec import Meta, remembered
from .reduce import wide_dtype, widened


def _ranges(length: int, parts: int) -> list[tuple[int, int]]:
    """``parts`` ranges of nearly equal size that cover ``length`` elements."""
    return [(k * length // parts, -(-(k + 1) * length // parts)) for k in range(parts)]


@lru_cache(maxsize=512)
def _even(image: tuple[int, ...], size: tuple[int, ...]) -> dict[str, Any] | None:
    """The attributes of ordinary pooling where the windows have one size and lie side by side."""
    if min(size) < 1 or any([n % parts for n, parts in zip(image, size, strict=True)]):
        return None
    kernel = tuple([n // parts for n, parts in zip(image, size, strict=True)])
    return {"kernel": kernel, "stride": kernel, "padding": (0,) * len(size), "dilation": (1,) * len(size), "size": size}


@lru_cache(maxsize=128)
def _small(shape: Any, size: Any) -> SmallImages | None:
    """The windows of images that are read by index: small ones that the windows cover evenly."""
    even = _even(shape[-len(size) :], size) if 0 < prod(shape) <= SMALL else None
    return None if even is None else SmallImages(shape[-len(size) :], even["kernel"], even["stride"], even["padding"], even["dilation"], size)


_FEW, _WINDOWS = 256, 16
"""Of more elements, in so few windows, a product with the pixels' shares gives the means faster than reading the windows."""


@lru_cache(maxsize=16)
def _shares(image: Any, size: Any, dtype: Any) -> Any:
    """The share of each pixel in each window's mean: (pixels, windows)."""
    xp = backend_for_device("cpu").xp
    places = _small(image, size).places(xp.empty(0))  # type: ignore[union-attr]
    shares = xp.zeros((places.pixels, places.windows), dtype=dtype)
    shares[places.index, xp.arange(places.windows)] = 1 / places.elements
    return shares


def _pooled(input: Any, *, size: Any) -> Meta:
    return Meta((*tuple(input.shape)[: -len(size)], *size), as_dtype(input.dtype))


@op("adaptive_average(input: Tensor, *, size: tuple[int, ...]) -> Tensor", label="adaptive_avg_pool", spec=_pooled, samples=[
    S((2, 3, 5, 7), size=(2, 3)), S((3, 4, 4), size=(1, 1)), S((0, 2, 3, 3), size=(3, 2)), S((2, 3, 5), size=(3,)), S((2, 4, 3, 5), size=(2, 4, 3))])
def adaptive_average(xp: Any, input: Any, *, size: Any) -> Any:
    """The means of ``size`` ranges of nearly equal size along the last dimensions."""
    result = widened(input)
    small = _small(input.shape, size)
    if small is not None:
        lead, places = input.shape[: -len(size)], small.places(result)
        if places.windows <= _WINDOWS and result.size > _FEW and at_hand(result) and xp.isfinite(result).all():  # what is not would count in all windows
            means = result.reshape(-1, places.pixels).dot(_shares(input.shape[-len(size) :], size, result.dtype))
            return means.reshape(*lead, *size).astype(input.dtype, copy=False)
        means = xp.add.reduce(places.read(xp, result, prod(lead)), axis=1)
        means *= places.share[means.__class__, means.dtype][0]
        return means.reshape((*lead, *size)).astype(input.dtype, copy=False)
    for axis, parts in enumerate(size, input.ndim - len(size)):
        length = result.shape[axis]
        if parts and length % parts == 0:
            result = result.reshape(*result.shape[:axis], parts, length // parts, *result.shape[axis + 1 :]).sum(axis=axis + 1)
            result *= parts / length
            continue
        means = xp.empty((*result.shape[:axis], parts, *result.shape[axis + 1 :]), dtype=result.dtype)
        lead = (slice(None),) * axis
        for k, (start, end) in enumerate(_ranges(length, parts)):
            means[(*lead, k)] = result[(*lead, slice(start, end))].mean(axis=axis)
        result = means
    return result.astype(input.dtype, copy=False)


@adaptive_average.vjp("input")
def _(F: Any, g: Any, input_shape: Any, size: Any) -> Any:
    return F.adaptive_average_grad(g, shape=input_shape, size=size)


@op("adaptive_average_grad(grad: Tensor, *, shape: Sequence[int], size: tuple[int, ...]) -> Tensor", label="adaptive_avg_poolᵀ",
    spec=lambda grad, *, shape, size: Meta(tuple(shape), as_dtype(grad.dtype)), samples=[
        S((2, 3, 2, 3), shape=(2, 3, 5, 7), size=(2, 3)), S((2, 3, 3), shape=(2, 3, 5), size=(3,)), S((2, 2, 3), shape=(2, 4, 3), size=(2, 3))])
def adaptive_average_grad(xp: Any, grad: Any, *, shape: Any, size: Any) -> Any:
    """The adjoint of ``adaptive_average``: each element spread evenly over its range."""
    result = widened(grad)
    small = _small(shape, size)
    if small is not None:
        places = small.places(result)
        return places.spread(xp, result * places.share[result.__class__, result.dtype][0], prod(shape[: -len(size)])).reshape(shape).astype(grad.dtype, copy=False)
    for axis, parts in enumerate(size, grad.ndim - len(size)):
        length = shape[axis]
        lead = (slice(None),) * axis
        wider = xp.zeros((*result.shape[:axis], length, *result.shape[axis + 1 :]), dtype=wide_dtype(grad.dtype))
        if parts and length % parts == 0:
            spread = wider.reshape(*result.shape[:axis], parts, length // parts, *result.shape[axis + 1 :])
            spread += (result * (parts / length))[(*lead, slice(None), None)]
        else:
            for k, (start, end) in enumerate(_ranges(length, parts)):
                wider[(*lead, slice(start, end))] += (result[(*lead, k)] * (1.0 / (end - start)))[(*lead, None)]
        result = wider
    return result.astype(grad.dtype, copy=False)


@adaptive_average_grad.vjp("grad")
def _(F: Any, g: Any, size: Any) -> Any:
    return F.adaptive_average(g, size=size)


@op("adaptive_max_indices(input: Tensor, *, size: tuple[int, ...]) -> Tensor", label="argmax",
    spec=lambda input, *, size: Meta(_pooled(input, size=size).shape, as_dtype("int64")), samples=[
        S(distinct(2, 3, 5, 7), size=(2, 3)), S(distinct(2, 5), size=(3,)), S(distinct(2, 4, 3, 2), size=(2, 2, 2))])
def adaptive_max_indices(xp: Any, input: Any, *, size: Any) -> Any:
    """The position of each range's first maximum in its flattened image; of NaNs, which win, the last."""
    count = len(size)
    image, lead = input.shape[-count:], input.shape[:-count]
    places = xp.arange(_elements(image)).reshape(image)
    if _even(image, size) is not None and input.size:
        numbers = _side_by_side(input, size)
        best = _first_largest(xp, numbers)
        best += (xp.arange(_elements(size)) * numbers.shape[-1]).reshape(size)
        return _side_by_side(places, size).reshape(-1).take(best)
    found = xp.empty((*lead, *size), dtype="int64")
    for at in product(*(range(parts) for parts in size)) if found.size else ():
        window = tuple(slice(*_ranges(n, parts)[k]) for n, parts, k in zip(image, size, at, strict=True))
        numbers = input[(..., *window)].reshape(*lead, -1)
        found[(..., *at)] = places[window].reshape(-1)[_first_largest(xp, numbers)]
    return found


def _side_by_side(images: Any, size: Any) -> Any:
    """The windows of images that they cover evenly, the elements of each in a last dimension."""
    count = len(size)
    lead = images.ndim - count
    shape = list(images.shape[:lead])
    for n, parts in zip(images.shape[lead:], size, strict=True):
        shape += [parts, n // parts]
    order = (*range(lead), *range(lead, lead + 2 * count, 2), *range(lead + 1, lead + 2 * count, 2))
    return images.reshape(shape).transpose(order).reshape(*shape[:lead], *size, -1)


def _first_largest(xp: Any, numbers: Any) -> Any:
    """Where the first maximum along the last dimension stands; of NaNs the last."""
    best = xp.argmax(numbers, axis=-1)
    if numbers.dtype.kind != "f":
        return best
    missing = xp.isnan(numbers)
    if backend_of(numbers).name == "cpu" and not missing.any():
        return best
    return xp.where(missing.any(axis=-1), numbers.shape[-1] - 1 - xp.argmax(missing[..., ::-1], axis=-1), best)


def _elements(shape: Any) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _largest(xp: Any, input: Any, *, size: Any) -> tuple[Any, Any]:
    """The maxima, and where they are."""
    indices = adaptive_max_indices.kernel(xp, input, size=size)
    lead, count = input.shape[: -len(size)], _elements(size)
    rows = input.reshape(*lead, _elements(input.shape[len(lead) :]))
    return read_along(xp, rows, indices.reshape(*lead, count), -1).reshape(*lead, *size), indices


@op("adaptive_max(input: Tensor, *, size: tuple[int, ...]) -> Tensor", label="adaptive_max_pool", spec=_pooled, samples=[
    S(distinct(2, 3, 5, 7), size=(2, 3)), S(distinct(2, 5), size=(3,)), S(distinct(2, 4, 6), size=(2, 3)), S(distinct(2, 4, 3, 2), size=(2, 2, 2))])
def adaptive_max(xp: Any, input: Any, *, size: Any) -> Any:
    """The maxima of ``size`` ranges of nearly equal size along the last dimensions."""
    return _largest(xp, input, size=size)[0]


def _placed(F: Any, g: Any, indices: Any, shape: Any, size: Any) -> Any:
    """The cotangents where the maxima were."""
    lead, image, count = tuple(shape[: -len(size)]), _elements(shape[-len(size) :]), _elements(size)
    rows = F.gather_accumulate(F.reshape(g, shape=(*lead, count)), F.reshape(indices, shape=(*lead, count)), dim=-1, shape=(*lead, image))
    return F.reshape(rows, shape=tuple(shape))


@adaptive_max.vjp("input")
def _(F: Any, g: Any, input: Any, size: Any) -> Any:
    return _placed(F, g, F.adaptive_max_indices(input, size=size), input.shape, size)


@adaptive_max.fused_vjp(("indices",), _largest)
def _(F: Any, g: Any, indices: Any, input_shape: Any, size: Any) -> tuple[Any]:
    return (_placed(F, g, indices, input_shape, size),)


# --- public functions ---------------------------------------------------------------------------------------------


@remembered
def _wanted(name: str, count: int, shape: Any, output_size: Any) -> tuple[int, ...]:
    """The size of the result along each dimension, checked."""
    if len(shape) not in (count + 1, count + 2):
        raise ShapeError(f"{name}: Expected {count + 1}D (unbatched) or {count + 2}D (batched) input, but got input {tuple(shape)}")
    wanted = (output_size,) * count if output_size is None or isinstance(output_size, int) else tuple(output_size)
    if len(wanted) == 1:
        wanted *= count
    if len(wanted) != count:
        raise RuntimeError(f"{name}: internal error: output_size.size() == {count} expected, but got {wanted}")
    size = tuple(n if want is None else int(want) for n, want in zip(shape[-count:], wanted, strict=True))
    if min(size) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0, but got {wanted}")
    if 0 in shape[-count - 1 :]:
        raise ShapeError(f"{name}: Expected input to have non-zero size for non-batch dimensions, but got input {tuple(shape)}")
    return size


def _average(F: Any, count: int, input: Any, output_size: Any) -> Any:
    return F.adaptive_average(input, size=_wanted(f"adaptive_avg_pool{count}d", count, input.shape, output_size))


_SMALL = 9
"""Elements of windows for which ordinary pooling, whose gradient looks at them one after the other, is faster."""


def _maximum(F: Any, count: int, input: Any, output_size: Any, return_indices: bool) -> Any:
    shape = input.shape
    size = _wanted(f"adaptive_max_pool{count}d", count, shape, output_size)
    even = _even(shape[-count:], size)
    if even is not None and _elements(even["kernel"]) <= _SMALL:
        out = F.max_pool(input, **even)
        return (out, F.max_pool_indices(input, out, **even)) if return_indices else out
    out = F.adaptive_max(input, size=size)
    return (out, F.adaptive_max_indices(detached(input), size=size)) if return_indices else out


@composite("adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int]) -> Tensor", places=TORCH_NN)
def adaptive_avg_pool1d(F: Any, input: Any, output_size: Any) -> Any:
    """Means over windows of (batch, channels, length), or without batch, chosen so that the result has the length ``output_size``."""
    return _average(F, 1, input, output_size)


@composite("adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor", places=NN)
def adaptive_avg_pool2d(F: Any, input: Any, output_size: Any) -> Any:
    """Means over windows chosen so that the result has ``output_size`` (height, width); ``None`` keeps the input's size.

    Raises ``RuntimeError`` unless ``input`` is (batch, channels, height, width), or without batch.

    >>> import autograd_core as ag, nn
    >>> nn.functional.adaptive_avg_pool2d(ag.arange(6.0).reshape(1, 2, 3), (1, 2)).tolist()
    [[[2.0, 3.0]]]
    """
    return _average(F, 2, input, output_size)


@composite("adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor", places=NN)
def adaptive_avg_pool3d(F: Any, input: Any, output_size: Any) -> Any:
    """Means over windows chosen so that the result has ``output_size`` (depth, height, width). See ``adaptive_avg_pool2d``."""
    return _average(F, 3, input, output_size)


@composite("adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False) -> Any", places=NN)
def adaptive_max_pool1d(F: Any, input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over windows of (batch, channels, length) chosen so that the result has the length ``output_size``. See ``adaptive_max_pool2d``."""
    return _maximum(F, 1, input, output_size, return_indices)


@composite("adaptive_max_pool2d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any", places=NN)
def adaptive_max_pool2d(F: Any, input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over windows chosen so that the result has ``output_size`` (height, width); ``None`` keeps the input's size.

    With ``return_indices`` also the maxima's positions in the flattened image. Raises ``RuntimeError`` unless ``input`` is
    (batch, channels, height, width), or without batch.
    """
    return _maximum(F, 2, input, output_size, return_indices)


@composite("adaptive_max_pool3d(input: Tensor, output_size: int | Sequence[int | None], return_indices: bool = False) -> Any", places=NN)
def adaptive_max_pool3d(F: Any, input: Any, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over windows chosen so that the result has ``output_size`` (depth, height, width). See ``adaptive_max_pool2d``."""
    return _maximum(F, 3, input, output_size, return_indices)
