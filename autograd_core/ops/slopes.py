"""Slopes of a function that is known at points: differences of second order, on even and uneven grids.

Source: B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids" (1988).
"""

from __future__ import annotations

from typing import Any

from ..op import composite
from ..spec import wrap_dims


def _slope(F: Any, input: Any, at: int, spacing: Any, edge_order: int) -> Any:
    """The slope along one dimension; ``spacing`` is a number or the coordinates of the points."""
    size = input.shape[at]
    if size <= edge_order:
        raise RuntimeError(f"gradient: expected each dimension size to be at least edge_order+1, got size {size} in dimension {at} with edge_order={edge_order}")

    def along(start: int, stop: int | None) -> Any:
        return input[(*[slice(None)] * at, slice(start, stop))]

    def weights(start: int, stop: int | None) -> Any:
        return F.reshape(gaps[start:stop], shape=(-1, *[1] * (input.ndim - at - 1)))

    if not getattr(spacing, "ndim", 0):
        inner = (along(2, None) - along(0, -2)) / (2 * spacing)
        if edge_order == 1:
            first, last = (along(1, 2) - along(0, 1)) / spacing, (along(-1, None) - along(-2, -1)) / spacing
        else:
            first = (along(1, 2) * 2 - along(0, 1) * 1.5 - along(2, 3) * 0.5) / spacing
            last = (along(-1, None) * 1.5 - along(-2, -1) * 2 + along(-3, -2) * 0.5) / spacing
        return F.cat([first, inner, last], dim=at)
    gaps = spacing[1:] - spacing[:-1]
    a, b = weights(0, -1), weights(1, None)
    inner = along(2, None) * (a / (b * (a + b))) - along(0, -2) * (b / (a * (a + b))) + along(1, -1) * ((b - a) / (a * b))
    if edge_order == 1:
        first, last = (along(1, 2) - along(0, 1)) / weights(0, 1), (along(-1, None) - along(-2, -1)) / weights(-1, None)
    else:
        a, b = weights(0, 1), weights(1, 2)
        first = along(1, 2) * ((a + b) / (a * b)) - along(0, 1) * ((2 * a + b) / (a * (a + b))) - along(2, 3) * (a / (b * (a + b)))
        a, b = weights(-2, -1), weights(-1, None)
        last = along(-3, -2) * (b / (a * (a + b))) - along(-2, -1) * ((a + b) / (a * b)) + along(-1, None) * ((a + 2 * b) / (b * (a + b)))
    return F.cat([first, inner, last], dim=at)


@composite("gradient(input: Tensor, *, spacing: Any = 1, dim: Dims = None, edge_order: int = 1) -> tuple[Tensor, ...]", places=("torch",))
def gradient(F: Any, input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> Any:
    """The slopes of the function whose values at the points of a grid are ``input``: a tuple, one tensor for each of ``dim`` (all by default).

    ``spacing`` is the distance of the points, or a sequence of one distance or one tensor of coordinates for each dimension. At the
    borders the differences are one-sided, of order ``edge_order`` (1 or 2). Differentiable in ``input`` and in coordinates.

    >>> import autograd_core as ag
    >>> ag.gradient(ag.tensor([1.0, 4.0, 9.0, 16.0]))[0].tolist()
    [3.0, 4.0, 6.0, 7.0]
    >>> ag.gradient(ag.tensor([1.0, 4.0, 25.0]), spacing=(ag.tensor([1.0, 2.0, 5.0]),), edge_order=2)[0].tolist()
    [2.0, 4.0, 10.0]
    """
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: only supports edge_order=1 and edge_order=2, got {edge_order}")
    dims = tuple(range(input.ndim)) if dim is None else wrap_dims(dim, input.ndim, "gradient")
    if isinstance(spacing, (list, tuple)):
        if len(spacing) != len(dims):
            raise RuntimeError(f"gradient: expected spacing to be unspecified, a scalar or a list of the length of dim, {len(dims)}, but got {len(spacing)}")
        for at, each in zip(dims, spacing, strict=True):
            if getattr(each, "ndim", 0) and tuple(each.shape) != (input.shape[at],):
                raise RuntimeError(f"gradient: expected one coordinate for each of the {input.shape[at]} points of dimension {at}, got the shape {tuple(each.shape)}")
        return tuple(_slope(F, input, at, each, edge_order) for at, each in zip(dims, spacing, strict=True))
    return tuple(_slope(F, input, at, spacing, edge_order) for at in dims)
