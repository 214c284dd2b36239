"""Jacobians, Hessians and products with them, in whichever mode is cheap."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import _methods
from ..backend.registry import BY_TYPE
from ..batching import base_of
from ..storage import wrap
from .forward import linearized, pushed
from .reverse import chosen, gradient_at, pulled_back, stop_gradient, with_aux
from .tracing import lifted
from .tree import flatten, tensors_of, tree_map
from .vectorize import vmap


def _of_positions(func: Callable[..., Any], args: Sequence[Any], argnums: int | Sequence[int], caller: str, kwargs: dict[str, Any]) -> tuple[Callable[..., Any], list[Any]]:
    """``func`` as a function of the arguments at ``argnums`` alone, and those arguments."""
    positions = chosen(args, argnums, caller)

    def partial(*moving: Any) -> Any:
        full = list(args)
        for position, value in zip(positions, moving, strict=True):
            full[position] = value
        return func(*full, **kwargs)

    return partial, [tree_map(lifted, args[position]) for position in positions]


def _basis(x: Any) -> Any:
    """The unit vectors in the shape of ``x``: (numel, *shape)."""
    array = base_of(x)._array
    n = math.prod(x._array.shape)
    return wrap(BY_TYPE[array.__class__].xp.eye(n, dtype=array.dtype).reshape((n, *x._array.shape)))


def _like(x: Any) -> Any:
    """Zeros in the shape and dtype of ``x``."""
    array = base_of(x)._array
    return wrap(BY_TYPE[array.__class__].xp.zeros(tuple(x._array.shape), dtype=array.dtype))


def jacrev(func: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False, chunk_size: int | None = None) -> Callable[..., Any]:
    """A function that computes the Jacobian of ``func`` in reverse mode: one backward pass over a batch of all outputs.

    ``argnums`` and ``has_aux`` as in :func:`grad`. For an output of shape ``s`` and an argument of shape ``t`` the result has
    the shape ``s + t``; for nested outputs and arguments it has the structure of the output, with that of the arguments at
    each of its leaves. ``chunk_size`` bounds how many outputs are done at a time. Cheap for few outputs; see :func:`jacfwd`.

    >>> import autograd_core as ag
    >>> jacrev(lambda x: ag.stack([x[0] * x[1], x[0] ** 2]))(ag.tensor([2.0, 3.0])).tolist()
    [[3.0, 2.0], [4.0, 0.0]]
    """
    return _by_rows(func, argnums, has_aux, chunk_size, "jacrev")


def _by_rows(func: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool, chunk_size: int | None, caller: str) -> Callable[..., Any]:
    """:func:`jacrev` for other transforms, whose names errors speak."""

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        partial, moving = _of_positions(func, args, argnums, caller, kwargs)
        output, pull_back, *aux = pulled_back(partial, moving, has_aux, caller)
        outputs, structure = tensors_of(output, caller, "the output of func")
        arguments, argument_structure = flatten(moving)
        rows = []
        for k, y in enumerate(outputs):

            def row(seed: Any, k: int = k) -> Any:
                return list(flatten(list(pull_back(structure.build([seed if i == k else _like(other) for i, other in enumerate(outputs)]))))[0])

            if math.prod(y._array.shape):
                found = vmap(row, chunk_size=chunk_size)(_basis(y))
            else:
                found = [_methods.broadcast_to(_like(x), (0, *tuple(x._array.shape))) for x in arguments]
            shaped = [g.reshape((*tuple(y._array.shape), *tuple(x._array.shape))) for g, x in zip(found, arguments, strict=True)]
            parts = argument_structure.build(shaped)
            rows.append(parts[0] if isinstance(argnums, int) else tuple(parts))
        result = structure.build(rows)
        return (result, aux[0]) if has_aux else result

    return transformed


def jacfwd(func: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, *, randomness: str = "error", chunk_size: int | None = None) -> Callable[..., Any]:
    """A function that computes the Jacobian of ``func`` in forward mode: one push of a batch of all unit vectors.

    The results are those of :func:`jacrev`. Cheap for few inputs.

    >>> import autograd_core as ag
    >>> jacfwd(ag.sin)(ag.tensor([0.0, 0.0])).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _by_columns(func, argnums, has_aux, randomness, chunk_size, "jacfwd")


def _by_columns(func: Callable[..., Any], argnums: int | Sequence[int], has_aux: bool, randomness: str, chunk_size: int | None, caller: str) -> Callable[..., Any]:
    """:func:`jacfwd` for other transforms, whose names errors speak."""

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        partial, moving = _of_positions(func, args, argnums, caller, kwargs)
        kept: list[Any] = []

        def plain(*values: Any) -> Any:
            output, aux = with_aux(partial(*values), has_aux, caller)
            kept.append(aux)
            return output

        output, slope = linearized(plain, moving, caller)
        outputs, structure = tensors_of(output, caller, "the output of func")
        arguments, argument_structure = flatten(moving)
        columns = []
        for k, x in enumerate(arguments):

            def column(direction: Any, k: int = k) -> Any:
                tangents = argument_structure.build([direction if i == k else _like(other) for i, other in enumerate(arguments)])
                return list(flatten(slope(*tangents))[0])

            if math.prod(x._array.shape):
                found = vmap(column, out_dims=-1, randomness=randomness, chunk_size=chunk_size)(_basis(x))
            else:
                found = [_methods.broadcast_to(_like(y), tuple(y._array.shape)).reshape((*tuple(y._array.shape), 1))[..., :0] for y in outputs]
            columns.append([g.reshape((*tuple(y._array.shape), *tuple(x._array.shape))) for g, y in zip(found, outputs, strict=True)])
        rows = []
        for k in range(len(outputs)):
            parts = argument_structure.build([column[k] for column in columns])
            rows.append(parts[0] if isinstance(argnums, int) else tuple(parts))
        result = structure.build(rows)
        return (result, stop_gradient(kept[0])) if has_aux else result

    return transformed


def hessian(func: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that computes the matrix of second derivatives: forward mode over reverse mode.

    >>> import autograd_core as ag
    >>> hessian(lambda x: x[0] ** 2 * x[1])(ag.tensor([1.0, 2.0])).tolist()
    [[4.0, 2.0], [2.0, 0.0]]
    """
    return _by_columns(_by_rows(func, argnums, False, None, "hessian"), argnums, False, "error", None, "hessian")


def hvp(func: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The gradient of the scalar ``func`` at ``primals`` and its Hessian times ``tangents``, without the Hessian: forward over reverse.

    ``primals`` and ``tangents`` are tuples with one entry for each argument; both results are tuples of that form. A tensor or a
    dict stands for the only argument, and the results have its form.

    >>> import autograd_core as ag
    >>> gradient, product = hvp(lambda x: (x ** 3).sum(), ag.tensor([1.0, 2.0]), ag.tensor([1.0, 1.0]))
    >>> gradient.tolist(), product.tolist()
    ([3.0, 12.0], [6.0, 12.0])
    """
    points, directions, single = _listed(primals, tangents)
    positions = tuple(range(len(points)))
    gradient, product = pushed(lambda *args: gradient_at(func, positions, False, args, {}, "hvp")[1], points, directions, False, "hvp")
    return (gradient[0], product[0]) if single else (gradient, product)


def _listed(primals: Any, tangents: Any) -> tuple[Any, Any, bool]:
    """Primals and tangents as tuples with one entry for each argument, and whether a single argument was given as it is."""
    if isinstance(primals, (tuple, list)) and not hasattr(primals, "_fields"):
        return tuple(primals), tangents if not isinstance(tangents, list) else tuple(tangents), False
    return (primals,), (tangents,), True


def gauss_newton_vp(model: Callable[..., Any], loss: Callable[[Any], Any], primals: Any, tangents: Any) -> Any:
    """The Gauss-Newton matrix of ``loss(model(*primals))`` times ``tangents``: Jᵀ · H · J · v, with the Hessian H of the loss alone.

    ``loss`` takes the output of ``model`` and returns a scalar. The matrix is positive semi-definite for a convex loss, and
    is the Hessian where the model is linear. ``primals`` and ``tangents`` as in :func:`hvp`.

    >>> import autograd_core as ag
    >>> gauss_newton_vp(lambda w: w * 3.0, lambda y: (y ** 2).sum(), ag.tensor([1.0]), ag.tensor([1.0])).tolist()
    [18.0]
    """
    points, directions, single = _listed(primals, tangents)
    output, moved = pushed(model, points, directions, False, "gauss_newton_vp")
    _, curved = pushed(lambda y: gradient_at(loss, 0, False, (y,), {}, "gauss_newton_vp")[1], (output,), (moved,), False, "gauss_newton_vp")
    _, pull_back = pulled_back(model, points, False, "gauss_newton_vp")
    result = pull_back(curved)
    return result[0] if single else result
