"""Reverse mode as functions of functions: ``grad``, ``value_and_grad``, ``elementwise_grad``, ``vjp``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .. import _methods
from .. import backward as _backward
from ..batching import base_of
from ..config import enable_grad, get_mode
from ..queries import is_tensor
from .tracing import beyond, check_differentiable, fresh, lifted, own_leaves, released
from .tree import Structure, flatten, map_tensors, tensors_of


def chosen(args: Sequence[Any], argnums: int | Sequence[int], caller: str) -> tuple[int, ...]:
    """The positions that ``argnums`` names, checked against the arguments."""
    if not isinstance(argnums, int) and not (isinstance(argnums, (tuple, list)) and all(isinstance(n, int) for n in argnums)):
        raise TypeError(f"{caller}: expected argnums to be an int or a tuple of ints, got {argnums!r}")
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not numbers:
        raise RuntimeError(f"{caller}: argnums must be non-empty: name the position of at least one argument")
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"{caller}: got argnums={argnums}, but only {len(args)} positional inputs")
    positions = tuple(n % len(args) for n in numbers)
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"{caller}: argnums elements must be unique but got argnums={argnums}")
    return positions


class Inputs:
    """The arguments to differentiate by: taken apart, made fresh and put back."""

    def __init__(self, args: Sequence[Any], positions: tuple[int, ...], single: bool, caller: str) -> None:
        self.positions = positions
        self.single = single
        self.parts: list[tuple[int, Structure]] = []
        self.leaves: list[Any] = []
        self.args = list(args)
        for position in positions:
            leaves, structure = flatten(args[position])
            leaves = [lifted(x) for x in leaves]
            check_differentiable(leaves, caller, f"argument {position}")
            made = [fresh(x) for x in leaves]
            self.leaves += made
            self.parts.append((len(made), structure))
            self.args[position] = structure.build(made)

    def collect(self, values: Sequence[Any]) -> Any:
        """One value for each leaf, in the structure of the arguments: a single one, or a tuple of them."""
        results = []
        start = 0
        for count, structure in self.parts:
            results.append(structure.build(values[start : start + count]))
            start += count
        return results[0] if self.single else tuple(results)


def with_aux(result: Any, has_aux: bool, caller: str) -> tuple[Any, Any]:
    """What a function returned, as (output, auxiliary)."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"{caller}: output of function should be a tuple: (output, aux) if has_aux is True, got {type(result).__name__}")
    return result


def zero_like(x: Any) -> Any:
    """Zeros in the shape of ``x``, batched as ``x``."""
    return _methods.mul(x.detach(), 0)


def pull(outputs: Sequence[Any], cotangents: Sequence[Any], inputs: Sequence[Any], *, create_graph: bool, retain_graph: bool = True) -> list[Any]:
    """The gradients of the outputs that have a graph, zeros where nothing leads to an input."""
    reached = [(y, g) for y, g in zip(outputs, cotangents, strict=True) if base_of(y)._node is not None]
    if not reached:
        return [zero_like(x) for x in inputs]
    found = _backward.grad([y for y, _ in reached], list(inputs), [g for _, g in reached], retain_graph=retain_graph, create_graph=create_graph, allow_unused=True)
    return [zero_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]


def value_and_grad(func: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns ``(gradient, value)`` of ``func``, as PyTorch's ``torch.func.grad_and_value`` does with the two swapped.

    Returns ``(value, gradient)``; with ``has_aux`` ``((value, aux), gradient)``. See :func:`grad` for the parameters.

    >>> import autograd_core as ag
    >>> value, gradient = value_and_grad(lambda x: (x ** 2).sum())(ag.tensor([1.0, 2.0]))
    >>> value.item(), gradient.tolist()
    (5.0, [2.0, 4.0])
    """

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        return gradient_at(func, argnums, has_aux, args, kwargs, "value_and_grad")

    return transformed


def grad_and_value(func: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """PyTorch's order of :func:`value_and_grad`: ``(gradient, value)``, with ``has_aux`` ``(gradient, (value, aux))``."""

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradient = gradient_at(func, argnums, has_aux, args, kwargs, "grad_and_value")
        return gradient, value

    return transformed


def gradient_at(func: Any, argnums: Any, has_aux: bool, args: Any, kwargs: Any, caller: str) -> Any:
    """The value (and auxiliary) and the gradient of ``func`` at some arguments, for the transform that ``caller`` names."""
    outer_grad = get_mode().grad
    inputs = Inputs(args, chosen(args, argnums, caller), isinstance(argnums, int), caller)
    with enable_grad():
        value, aux = with_aux(func(*inputs.args, **kwargs), has_aux, caller)
    if not is_tensor(value):
        raise RuntimeError(f"{caller}: expected func to return a Tensor, got {type(value).__name__}. What is no loss can be returned beside it with has_aux=True")
    if value._array.shape != ():
        raise RuntimeError(f"{caller}: expected func to return a scalar tensor, got tensor with {value._array.ndim} dims (shape {tuple(value._array.shape)}). "
                           "Reduce it with .sum() or .mean(), or use vjp, jacrev or elementwise_grad")
    if value._array.dtype.kind not in "fc":
        raise RuntimeError(f"{caller}: expected func to return a tensor of floating point numbers, got {value.dtype.name}")
    own = own_leaves(inputs.leaves)
    create = outer_grad and beyond([base_of(value)._node], own)
    gradients = pull([value], [None], inputs.leaves, create_graph=create, retain_graph=True) if has_aux or create else pull([value], [None], inputs.leaves, create_graph=False)
    value = released(value, own) if outer_grad else value.detach()
    if has_aux:
        return (value, released(aux, own)), inputs.collect(gradients)
    return value, inputs.collect(gradients)


def grad(func: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that computes the gradient of ``func``.

    Parameters
    ----------
    func : returns a tensor without dimensions.
    argnums : the position, or positions, of the arguments to differentiate by; each may be nested lists, tuples and
        dicts of tensors, and ``None`` where there is nothing. One int gives one gradient, a tuple a tuple of them. NumPy arrays
        and Python floats (as float64) count as tensors.
    has_aux : ``func`` returns ``(output, aux)``; the new function then returns ``(gradient, aux)``.

    Nests to any order, in itself and in the other transforms. Raises ``RuntimeError`` where ``func`` does not return a scalar.

    >>> import autograd_core as ag
    >>> grad(ag.sin)(ag.tensor(0.0)).item()
    1.0
    >>> round(grad(grad(ag.sin))(ag.tensor(1.0)).item(), 4)
    -0.8415
    """

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradient = gradient_at(func, argnums, has_aux, args, kwargs, "grad")
        return (gradient, value[1]) if has_aux else gradient

    return transformed


def elementwise_grad(func: Callable[..., Any], argnums: int | Sequence[int] = 0) -> Callable[..., Any]:
    """A function that computes the derivative of an elementwise ``func`` at each element: the gradient of its sum.

    >>> import autograd_core as ag
    >>> elementwise_grad(lambda x: x ** 3)(ag.tensor([1.0, 2.0])).tolist()
    [3.0, 12.0]
    """

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        return gradient_at(lambda *a, **k: _total(func(*a, **k)), argnums, False, args, kwargs, "elementwise_grad")[1]

    return transformed


def _total(value: Any) -> Any:
    if not is_tensor(value):
        raise RuntimeError(f"elementwise_grad: expected func to return a Tensor, got {type(value).__name__}")
    return _methods.sum(value)


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The output of ``func(*primals)`` and the function that pulls a cotangent of it back to the primals.

    Returns ``(output, vjp_fn)``, with ``has_aux`` ``(output, vjp_fn, aux)``. ``vjp_fn(cotangents)`` takes what has the
    structure and shapes of ``output`` and returns a tuple with one entry for each primal; it may be called many times.

    >>> import autograd_core as ag
    >>> y, pull_back = vjp(lambda x: x ** 2, ag.tensor([1.0, 2.0]))
    >>> pull_back(ag.tensor([1.0, 10.0]))[0].tolist()
    [2.0, 40.0]
    """
    return pulled_back(func, primals, has_aux, "vjp")


def pulled_back(func: Callable[..., Any], primals: Sequence[Any], has_aux: bool, caller: str) -> Any:
    """:func:`vjp` for other transforms, whose names errors speak."""
    outer_grad = get_mode().grad
    if not primals:
        raise RuntimeError(f"{caller}: expected at least one primal")
    inputs = Inputs(primals, tuple(range(len(primals))), False, caller)
    with enable_grad():
        output, aux = with_aux(func(*inputs.args), has_aux, caller)
    outputs, structure = tensors_of(output, caller, "the output of func", some=True)
    own = own_leaves(inputs.leaves)
    connected = outer_grad and beyond([base_of(y)._node for y in outputs], own)

    def vjp_fn(*cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        leaves, own_structure = tensors_of(given, "vjp_fn", "cotangents")
        if len(leaves) != len(outputs) or (own_structure != structure and not (len(leaves) == 1 and structure.count == 1)):
            raise RuntimeError(f"vjp_fn: expected cotangents to have the structure of the output, {structure}, got {own_structure}")
        for i, (g, y) in enumerate(zip(leaves, outputs, strict=True)):
            if g._array.shape != y._array.shape:
                raise RuntimeError(f"vjp_fn: cotangent {i} has the shape {tuple(g._array.shape)}, the output has {tuple(y._array.shape)}")
        record = get_mode().grad and (connected or any(base_of(g)._node is not None for g in leaves)) if create_graph is None else create_graph
        return inputs.collect(pull(outputs, leaves, inputs.leaves, create_graph=record, retain_graph=retain_graph))

    shown = structure.build([released(y, own) if outer_grad else y.detach() for y in outputs])
    return (shown, vjp_fn, released(aux, own)) if has_aux else (shown, vjp_fn)


def stop_gradient(value: Any) -> Any:
    """``value``, whose derivatives are taken to be zero: nested lists, tuples and dicts of tensors, detached.

    >>> import autograd_core as ag
    >>> grad(lambda x: x * stop_gradient(x))(ag.tensor(3.0)).item()
    3.0
    """
    return map_tensors(lambda x: x.detach(), value)


def either_grad(outputs: Any, *args: Any, **kwargs: Any) -> Any:
    """``func.grad`` of a function, ``autograd.grad`` of tensors.

    >>> import autograd_core as ag
    >>> ag.grad(lambda x: x ** 2)(ag.tensor(3.0)).item()
    6.0
    >>> x = ag.tensor(3.0, requires_grad=True)
    >>> ag.grad(x ** 2, x)[0].item()
    6.0
    """
    return grad(outputs, *args, **kwargs) if callable(outputs) else _backward.grad(outputs, *args, **kwargs)
