"""PyTorch's ``autograd.functional``: derivatives of a function at given inputs, as ``jacobian(func, inputs)``.

``func`` (the namespace) is the newer and more general form; these are written in it. ``strict`` demands that every output
depends on every input (and every derivative, where a derivative is differentiated); ``create_graph`` lets the results be
differentiated themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _methods
from ..batching import base_of, reaches
from ..config import enable_grad
from ..func.forward import jvp as forward_jvp
from ..func.jacobian import jacfwd, jacrev
from ..func.reverse import Inputs, pull
from ..func.reverse import vjp as reverse_vjp
from ..func.tracing import beyond
from ..queries import is_tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _tuple(value: Any, what: str, caller: str) -> tuple[tuple[Any, ...], bool]:
    """A Tensor, or a tuple of Tensors, as a tuple; and whether it was one."""
    if is_tensor(value):
        return (value,), False
    if not isinstance(value, (tuple, list)) or not all(is_tensor(x) for x in value):
        raise TypeError(f"{caller}: the {what} must be either a Tensor or a tuple of Tensors, got {type(value).__name__}")
    return tuple(value), True


def _given(inputs: Any, create_graph: bool, caller: str) -> tuple[tuple[Any, ...], bool]:
    values, several = _tuple(inputs, "inputs given to the function", caller)
    return values if create_graph else tuple(x.detach() for x in values), several


def _directions(v: Any, like: tuple[Any, ...], what: str, caller: str) -> tuple[Any, ...]:
    """The vector to multiply by, one for each tensor of ``like``; ones for a single number where none is given."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{caller}: the vector v can only be None if the {what} is a single Tensor with a single element")
        return (_methods.mul(like[0].detach(), 0) + 1,)
    values, _ = _tuple(v, "vector v", caller)
    if len(values) != len(like):
        raise RuntimeError(f"{caller}: v is a tuple of invalid length: should be {len(like)} but got {len(values)}")
    for i, (t, x) in enumerate(zip(values, like, strict=True)):
        if tuple(t.shape) != tuple(x.shape):
            raise RuntimeError(f"{caller}: v has invalid size at position {i}: should be {tuple(x.shape)} but got {tuple(t.shape)}")
    return values


def _check_strict(func: Callable[..., Any], inputs: tuple[Any, ...], caller: str) -> None:
    """Raise unless every output depends on every input."""
    for i in range(len(inputs)):
        prepared = Inputs(inputs, (i,), True, caller)
        with enable_grad():
            outputs, _ = _tuple(func(*prepared.args), "outputs of the function", caller)
        for k, y in enumerate(outputs):
            node = base_of(y)._node
            if node is None or not reaches([node], base_of(prepared.leaves[0])._node):
                raise RuntimeError(f"{caller}: output {k} of the user-provided function is independent of input {i}. This is not allowed in strict mode.")


def _check_derivative(func: Callable[..., Any], inputs: tuple[Any, ...], caller: str, *, every: bool = False) -> None:
    """Raise unless the derivative by each input depends on the inputs, on ``every`` one or on one at least."""
    prepared = Inputs(inputs, tuple(range(len(inputs))), False, caller)
    with enable_grad():
        outputs, _ = _tuple(func(*prepared.args), "outputs of the function", caller)
        gradients = pull(outputs, [_methods.mul(y.detach(), 0) + 1 for y in outputs], prepared.leaves, create_graph=True)
    for i, g in enumerate(gradients):
        node = base_of(g)._node
        missing = [k for k, x in enumerate(prepared.leaves) if node is None or not reaches([node], base_of(x)._node)]
        if missing and (every or len(missing) == len(inputs)):
            which = f"input {missing[0]}" if every else "the inputs"
            raise RuntimeError(f"{caller}: the jacobian of the user-provided function with respect to input {i} is independent of {which}. This is not allowed in strict mode.")


def _finished(value: Any, create_graph: bool) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_finished(each, create_graph) for each in value)
    return value if create_graph else value.detach()


def _check_all(func: Callable[..., Any], values: Any, create_graph: bool, caller: str) -> None:
    """That outputs depend on all inputs, and with ``create_graph`` that their derivatives do."""
    _check_strict(func, values, caller)
    if create_graph:
        _check_derivative(func, values, caller)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """The outputs of ``func`` and the vector ``v`` times its Jacobian: ``(outputs, vjp)``; ``v`` has the form of the outputs.

    >>> import autograd_core as ag
    >>> ag.autograd.functional.vjp(lambda x: x ** 2, ag.tensor([1.0, 2.0]), ag.tensor([1.0, 1.0]))[1].tolist()
    [2.0, 4.0]
    """
    values, several = _given(inputs, create_graph, "vjp")
    if strict:
        _check_all(func, values, create_graph, "vjp")
    output, pull_back = reverse_vjp(func, *values)
    outputs, many = _tuple(output, "outputs of the function", "vjp")
    cotangents = _directions(v, outputs, "output of the function", "vjp")
    found = pull_back(type(output)(cotangents) if many else cotangents[0])
    return _finished(output, create_graph), _finished(tuple(found) if several else found[0], create_graph)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """The outputs of ``func`` and its Jacobian times the vector ``v``: ``(outputs, jvp)``; ``v`` has the form of the inputs. In forward mode.

    >>> import autograd_core as ag
    >>> ag.autograd.functional.jvp(lambda x: x ** 2, ag.tensor([1.0, 2.0]), ag.tensor([1.0, 1.0]))[1].tolist()
    [2.0, 4.0]
    """
    values, _ = _given(inputs, create_graph, "jvp")
    if strict:
        _check_all(func, values, create_graph, "jvp")
    tangents = _directions(v, values, "input to the function", "jvp")
    output, moved = forward_jvp(func, values, tangents)
    _tuple(output, "outputs of the function", "jvp")
    return _finished(output, create_graph), _finished(moved, create_graph)


def _transform(strategy: str, caller: str, argument: str) -> Any:
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f'{caller}: expected {argument} to be either "forward-mode" or "reverse-mode", got {strategy!r}')
    return jacfwd if strategy == "forward-mode" else jacrev


def jacobian(func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False, strategy: str = "reverse-mode") -> Any:
    """The Jacobian of ``func``: for a tensor in and out one tensor of shape ``output.shape + input.shape``, else nested tuples, outputs first.

    ``strategy`` is ``reverse-mode`` or ``forward-mode``. All rows are computed at once in either case, so ``vectorize`` changes nothing.

    >>> import autograd_core as ag
    >>> ag.autograd.functional.jacobian(lambda x: x ** 2, ag.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    transform = _transform(strategy, "jacobian", "strategy")
    values, several = _given(inputs, create_graph, "jacobian")
    if strict:
        _check_all(func, values, create_graph, "jacobian")

    def checked(*points: Any) -> Any:
        values, several = _tuple(func(*points), "outputs of the function", "jacobian")
        return values if several else values[0]

    found = transform(checked, tuple(range(len(values))) if several else 0)(*values)
    return _finished(found, create_graph)


def _scalar(func: Callable[..., Any], caller: str) -> Callable[..., Any]:
    def checked(*values: Any) -> Any:
        y = func(*values)
        if not is_tensor(y) or y.numel() != 1:
            raise RuntimeError(f"{caller}: the function should return a single Tensor with a single element" + (f", got the shape {tuple(y.shape)}" if is_tensor(y) else ""))
        return y.reshape(())

    return checked


def hessian(func: Callable[..., Any], inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
            outer_jacobian_strategy: str = "reverse-mode") -> Any:
    """The second derivatives of the scalar ``func``: ``hessian[i][j]`` for inputs ``i`` and ``j``, one tensor for a single input.

    >>> import autograd_core as ag
    >>> ag.autograd.functional.hessian(lambda x: (x ** 3).sum(), ag.tensor([1.0, 2.0])).tolist()
    [[6.0, 0.0], [0.0, 12.0]]
    """
    outer = _transform(outer_jacobian_strategy, "hessian", "outer_jacobian_strategy")
    values, several = _given(inputs, create_graph, "hessian")
    plain = _scalar(func, "hessian")
    if strict:
        _check_strict(plain, values, "hessian")
        _check_derivative(plain, values, "hessian", every=True)
    positions: Any = tuple(range(len(values))) if several else 0
    return _finished(outer(jacrev(plain, positions), positions)(*values), create_graph)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """The value of the scalar ``func`` and its Hessian times ``v``.

    >>> import autograd_core as ag
    >>> ag.autograd.functional.hvp(lambda x: (x ** 3).sum(), ag.tensor([1.0, 2.0]), ag.tensor([1.0, 1.0]))[1].tolist()
    [6.0, 12.0]
    """
    values, several = _given(inputs, create_graph, "hvp")
    plain = _scalar(func, "hvp")
    if strict:
        _check_strict(plain, values, "hvp")
        _check_derivative(plain, values, "hvp")
    tangents = _directions(v, values, "input to the function", "hvp")
    outputs: list[Any] = []

    def gradient(*points: Any) -> Any:
        inner = Inputs(points, tuple(range(len(points))), False, "hvp")
        with enable_grad():
            y = plain(*inner.args)
        outputs.append(y)
        reached = beyond([base_of(y)._node], {base_of(x)._node for x in inner.leaves})
        return tuple(pull([y], [None], inner.leaves, create_graph=reached))

    _, product = forward_jvp(gradient, values, tangents)
    value = func(*values) if create_graph else outputs[0].detach()
    return value, _finished(product if several else product[0], create_graph)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """The value of the scalar ``func`` and ``v`` times its Hessian, which is symmetric: the same numbers as :func:`hvp`.

    >>> import autograd_core as ag
    >>> ag.autograd.functional.vhp(lambda x: (x ** 3).sum(), ag.tensor([1.0, 2.0]), ag.tensor([1.0, 1.0]))[1].tolist()
    [6.0, 12.0]
    """
    return hvp(func, inputs, v, create_graph, strict)
