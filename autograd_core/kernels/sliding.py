"""Small images read by index: one call in the place of one for each element of a window. Of large images slices are faster."""

from __future__ import annotations

from math import prod
from typing import Any

from ..backend.registry import BY_TYPE, backend_for_device
from .numbers import Numbers

SMALL = 1 << 12
"""Elements of all images, and of all windows, up to which reading by index is faster."""


class Sources:
    """Where numbers are read in flattened images of one shape: on each device the places, worked out when first asked for."""

    def __init__(self, index: Any, pixels: int) -> None:
        """``index`` (elements, windows) has the place of each element, ``pixels`` where that is outside of the image, which counts as 0."""
        self._index, self._pixels = index, pixels
        self._places: dict[Any, Places] = {}

    def places(self, array: Any) -> Places:
        """The places, on the device of ``array``."""
        found = self._places.get(array.__class__)  # of NumPy's arrays, which are on one device: half of the time of asking for it
        if found is None:
            here = BY_TYPE[array.__class__].here
            found = self._places.get(here)
            if found is None:
                if self._index is None:
                    self._index = self._worked_out()
                found = self._places[array.__class__ if here.name == "cpu" else here] = Places(here, self._index, self._pixels)
        return found

    def _worked_out(self) -> Any:
        raise NotImplementedError


class SmallImages(Sources):
    """The windows of images of one shape."""

    def __init__(self, image: Any, *windows: Any) -> None:
        """``image, kernel, stride, start, dilation, size``: tuples with an entry for each dimension; windows start ``start`` before the images."""
        super().__init__(None, prod(image))
        self._windows = (image, *windows)

    def _worked_out(self) -> Any:
        xp = backend_for_device("cpu").xp
        index, inside = xp.zeros((1, 1), dtype="int64"), xp.ones((1, 1), dtype=bool)
        for n, length, step, before, spread, count in zip(*self._windows, strict=True):
            line = xp.arange(length)[:, None, None] * spread + xp.arange(count) * step - before
            shape = (len(index) * length, index.shape[1] * count)
            index = (index[:, None, :, None] * n + line).reshape(shape)
            inside = (inside[:, None, :, None] & (line >= 0) & (line < n)).reshape(shape)
        return xp.where(inside, index, self._pixels)


class Places:
    """Where the elements of windows lie in flattened images, and which of them each pixel is."""

    def __init__(self, here: Any, index: Any, pixels: int) -> None:
        xp, moved = backend_for_device("cpu").xp, here.asarray
        self.pixels = pixels
        self.elements, self.windows = index.shape
        self.share = Numbers(1 / max(self.elements, 1))
        self.inside = not bool((index == pixels).any())
        self.index = moved(index)
        """(elements, windows); one more than the last pixel stands for what is outside of the image."""
        self.numbers = moved(xp.arange(self.elements)[:, None])
        """A column of the elements' numbers."""
        found: list[list[int]] = [[] for _ in range(pixels + 1)]
        for place, pixel in enumerate(index.reshape(-1).tolist()):
            found[pixel].append(place)
        counts = [len(each) for each in found[:-1]]
        self.most = max(counts, default=0)
        self.complete = min(counts, default=0) == self.most
        nowhere = self.elements * self.windows
        listed = [each + [nowhere] * (self.most - len(each)) for each in found[:-1]]
        readers = xp.asarray(listed, dtype="int64").reshape(pixels, self.most).T.copy()
        self.readers = moved(readers)
        """(most, pixels): the places, among all elements of all windows, that read a pixel; one more than the last stands for none."""
        self.owners = moved(xp.where(readers == nowhere, self.windows, readers % max(self.windows, 1)))
        """(most, pixels): the windows that a pixel is in."""

    def read(self, xp: Any, images: Any, rows: int) -> Any:
        """The windows of images, as (rows, elements, windows); 0 outside."""
        flat = images.reshape(rows, self.pixels)
        return (flat if self.inside else _with_zero(xp, flat)).take(self.index, 1)

    def add(self, xp: Any, columns: Any, rows: int) -> Any:
        """The adjoint of ``read``: every pixel the sum of its places in windows, as (rows, pixels)."""
        return self._summed(xp, columns.reshape(rows, -1), self.readers)

    def spread(self, xp: Any, numbers: Any, rows: int) -> Any:
        """Every pixel the sum of the numbers of its windows, as (rows, pixels)."""
        return self._summed(xp, numbers.reshape(rows, -1), self.owners)

    def _summed(self, xp: Any, flat: Any, places: Any) -> Any:
        found = (flat if self.complete else _with_zero(xp, flat)).take(places, 1)
        return found[:, 0] if self.most == 1 else found.sum(axis=1)


def _with_zero(xp: Any, rows: Any) -> Any:
    """``rows`` with a 0 at the end of each."""
    longer = xp.zeros((rows.shape[0], rows.shape[1] + 1), dtype=rows.dtype)
    longer[:, :-1] = rows
    return longer
