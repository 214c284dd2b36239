"""The update rules of optimizers: ops that write parameters and optimizer state in place.

All have the inputs ``(*state, *parameters, *gradients)``, as many gradients as the attribute ``count`` says, and
write everything but the gradients. State is flat: one entry per element of the parameters, which follow each other in
it in row-major order. So many small parameters cost few calls, and one large parameter is worked through in blocks
that stay in the cache. Each rule is written once, as the difference that a piece of parameters moves by.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..op import op

Rule = Callable[..., Any]
"""``rule(gradient, values, *state) -> difference``: may write the state, never ``gradient`` or ``values``; all are flat."""


def _update(xp: Any, tensors: tuple[Any, ...], count: int, block: int, reads_values: bool, rule: Rule) -> None:
    """Subtract the rule's difference from the parameters, piece by piece. ``reads_values``: the rule looks at them."""
    state, parameters, gradients = tensors[: -2 * count], tensors[-2 * count : -count], tensors[-count:]
    first, gradient = parameters[0], gradients[0]
    if first.dtype.itemsize == 2 or first.dtype.kind == "c":
        rule = _converted(xp, rule, first.dtype.kind)
    if count == 1 and first.size > block and first.flags.c_contiguous and gradient.flags.c_contiguous:
        flat, gradient = first.reshape(-1), gradient.reshape(-1)
        for start in range(0, flat.size, block):
            piece = slice(start, start + block)
            values = flat[piece]
            xp.subtract(values, rule(gradient[piece], values, *[each[piece] for each in state]), out=values)
        return
    joined = gradient.reshape(-1) if count == 1 else xp.concatenate(gradients, axis=None)
    difference = rule(joined, xp.concatenate(parameters, axis=None) if reads_values else None, *state)
    start = 0
    for parameter in parameters:
        stop = start + parameter.size
        part = difference[start:stop]
        xp.subtract(parameter, part if parameter.ndim == 1 else part.reshape(parameter.shape), out=parameter)
        start = stop


def _converted(xp: Any, rule: Rule, kind: str) -> Rule:
    """The rule for float16, computed in float32; and for complex numbers, as pairs of real ones."""

    def wide(gradient: Any, values: Any, *state: Any) -> Any:
        wider = [each.astype(xp.float32) for each in state]
        difference = rule(gradient.astype(xp.float32), None if values is None else values.astype(xp.float32), *wider)
        for narrow, each in zip(state, wider, strict=True):
            narrow[...] = each
        return difference.astype(gradient.dtype)

    def pairs(gradient: Any, values: Any, *state: Any) -> Any:
        real = xp.float32 if gradient.dtype.itemsize == 8 else xp.float64
        difference = rule(gradient.view(real), None if values is None else values.view(real), *[each.view(real) for each in state])
        return difference.view(gradient.dtype)

    return pairs if kind == "c" else wide


def _decayed(xp: Any, gradient: Any, values: Any, weight_decay: float, maximize: bool) -> Any:
    """The gradient to descend, with the L2 penalty's; the gradient itself where neither asks for a change."""
    if weight_decay:
        penalty = xp.multiply(values, weight_decay)
        return xp.subtract(penalty, gradient, out=penalty) if maximize else xp.add(penalty, gradient, out=penalty)
    return xp.negative(gradient) if maximize else gradient


def _average(xp: Any, mean: Any, decay: float, value: Any) -> Any:
    """``mean = decay * mean + (1 - decay) * value``, in place; returns a scratch array of that shape."""
    share = xp.multiply(value, 1.0 - decay)
    mean *= decay
    mean += share
    return share


def _average_square(xp: Any, mean: Any, decay: float, value: Any, scratch: Any) -> Any:
    """``mean = decay * mean + (1 - decay) * value**2``, in place; returns ``scratch``."""
    xp.multiply(value, value, out=scratch)
    scratch *= 1.0 - decay
    mean *= decay
    mean += scratch
    return scratch


@op("sgd_update(*tensors: Tensor, count: int, block: int, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool, "
    "maximize: bool, first: bool) -> None", kind="update")
def sgd_update(xp: Any, *tensors: Any, count: int, block: int, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool,
               maximize: bool, first: bool) -> None:
    """Stochastic gradient descent; the state is the momentum buffer, if ``momentum`` is not 0. ``first``: it takes the gradient undampened."""

    def rule(gradient: Any, values: Any, buffer: Any = None) -> Any:
        gradient = _decayed(xp, gradient, values, weight_decay, maximize)
        if buffer is None:
            return xp.multiply(gradient, lr)
        if first:
            buffer[...] = gradient
        else:
            buffer *= momentum
            buffer += xp.multiply(gradient, 1.0 - dampening) if dampening else gradient
        if not nesterov:
            return xp.multiply(buffer, lr)
        difference = xp.multiply(buffer, momentum)
        difference += gradient
        difference *= lr
        return difference

    _update(xp, tensors, count, block, weight_decay != 0, rule)


@op("adam_update(*tensors: Tensor, count: int, block: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool, "
    "amsgrad: bool, maximize: bool) -> None", kind="update")
def adam_update(xp: Any, *tensors: Any, count: int, block: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decoupled: bool,
                amsgrad: bool, maximize: bool) -> None:
    """Adam, and AdamW if ``decoupled``; the state is the step counts, the averages of gradient and square, and with ``amsgrad`` its maximum."""
    counts, *moments = tensors[: -2 * count]
    counts += 1
    step = counts[0].item()
    step_size = lr / (1.0 - beta1**step)
    correction = (1.0 - beta2**step) ** 0.5
    folded = lr > 1e-10  # the step size, which is larger, goes into the denominator: one pass less
    scale, offset = (1.0 / (correction * step_size), eps / step_size) if folded else (1.0 / correction, eps)

    def rule(gradient: Any, values: Any, mean: Any, square: Any, largest: Any = None) -> Any:
        if not decoupled:
            gradient = _decayed(xp, gradient, values, weight_decay, maximize)
        elif maximize:
            gradient = xp.negative(gradient)
        scratch = _average_square(xp, square, beta2, gradient, _average(xp, mean, beta1, gradient))
        if largest is not None:
            xp.maximum(largest, square, out=largest)
        xp.sqrt(square if largest is None else largest, out=scratch)
        scratch *= scale
        scratch += offset
        xp.divide(mean, scratch, out=scratch)
        if not folded:
            scratch *= step_size
        if decoupled and weight_decay:
            scratch += xp.multiply(values, lr * weight_decay)
        return scratch

    _update(xp, (*moments, *tensors[-2 * count :]), count, block, weight_decay != 0, rule)


@op("rmsprop_update(*tensors: Tensor, count: int, block: int, lr: float, alpha: float, eps: float, weight_decay: float, momentum: float, "
    "centered: bool, maximize: bool) -> None", kind="update")
def rmsprop_update(xp: Any, *tensors: Any, count: int, block: int, lr: float, alpha: float, eps: float, weight_decay: float, momentum: float,
                   centered: bool, maximize: bool) -> None:
    """RMSprop; the state is the step counts, the average of the square, if ``momentum`` is not 0 the buffer, if ``centered`` the average gradient."""
    counts, *moments = tensors[: -2 * count]
    counts += 1

    def rule(gradient: Any, values: Any, square: Any, *rest: Any) -> Any:
        gradient = _decayed(xp, gradient, values, weight_decay, maximize)
        scratch = _average_square(xp, square, alpha, gradient, xp.empty_like(square))
        if centered:
            mean = rest[-1]
            mean += xp.multiply(xp.subtract(gradient, mean, out=scratch), 1.0 - alpha, out=scratch)
            xp.subtract(square, xp.multiply(mean, mean, out=scratch), out=scratch)
            xp.sqrt(scratch, out=scratch)
        else:
            xp.sqrt(square, out=scratch)
        scratch += eps
        xp.divide(gradient, scratch, out=scratch)
        if momentum:
            buffer = rest[0]
            buffer *= momentum
            buffer += scratch
            return xp.multiply(buffer, lr, out=scratch)
        scratch *= lr
        return scratch

    _update(xp, (*moments, *tensors[-2 * count :]), count, block, weight_decay != 0, rule)


@op("adagrad_update(*tensors: Tensor, count: int, block: int, lr: float, lr_decay: float, eps: float, weight_decay: float, "
    "maximize: bool) -> None", kind="update")
def adagrad_update(xp: Any, *tensors: Any, count: int, block: int, lr: float, lr_decay: float, eps: float, weight_decay: float, maximize: bool) -> None:
    """Adagrad; the state is the step counts and the sum of the squared gradients."""
    counts, *moments = tensors[: -2 * count]
    counts += 1
    rate = lr / (1.0 + (counts[0].item() - 1.0) * lr_decay)

    def rule(gradient: Any, values: Any, total: Any) -> Any:
        gradient = _decayed(xp, gradient, values, weight_decay, maximize)
        scratch = xp.multiply(gradient, gradient)
        total += scratch
        xp.sqrt(total, out=scratch)
        scratch += eps
        xp.divide(gradient, scratch, out=scratch)
        scratch *= rate
        return scratch

    _update(xp, (*moments, *tensors[-2 * count :]), count, block, weight_decay != 0, rule)
