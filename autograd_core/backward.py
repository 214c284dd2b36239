"""Derivatives of Tensors: ``backward`` leaves them in ``.grad``, ``grad`` returns them."""

from __future__ import annotations

import sys
from typing import Any, cast

from . import _methods
from .backend.registry import BY_TYPE
from .births import check_root
from .config import MODE, get_mode
from .engine import WRITES, Reading, run, run_straight
from .errors import DtypeError, GraphError, ShapeError
from .growth import note_pass
from .kernels.strided import contiguous_copy
from .node import retain_gradient
from .op import COMPOSITES, REGISTRY
from .storage import RESULT_CLASS, TensorBase, new, wrap


class TensorReading(Reading):
    """Rules read on Tensors: every op they use is recorded, so that derivatives have derivatives."""

    def lift(self, value: Any, node: Any) -> Any:
        """See :meth:`Reading.lift`."""
        return value if value is None or (isinstance(value, (bool, int, float, complex)) and not hasattr(value, "dtype")) else wrap(value, node)

    def is_complex(self, value: Any) -> bool:
        """Whether a value of this reading is complex."""
        return isinstance(value, TensorBase) and value._array.dtype.kind == "c"

    def __getattr__(self, name: str) -> Any:
        if name not in REGISTRY and name not in COMPOSITES:
            raise AttributeError(f"no op is called {name!r}")
        found = getattr(_methods, name)
        setattr(self, name, found)
        return found


TENSOR_READING = TensorReading()
_methods.F = TENSOR_READING


def _listed(value: Any) -> list[Any]:
    return list(value) if hasattr(value, "__iter__") and not isinstance(value, TensorBase) else [value]


def _seed(output: Any, gradient: Any, position: int) -> Any:
    """The checked cotangent of an output, as a raw array."""
    array = output._array
    if output._node is None:
        raise GraphError(
            f"element {position} of tensors does not require grad and does not have a grad_fn: nothing that led to it asks for a gradient. "
            "Create an input with requires_grad=True, and do not compute inside no_grad() or through .detach(), .item() or .numpy()"
        )
    if gradient is None:
        if array.dtype.kind == "c":
            raise GraphError(
                f"grad can be implicitly created only for real scalar outputs but got {array.dtype}. Take .real, .imag or .abs() of it first, "
                "or pass the gradient: .backward(gradient)"
            )
        if array.size != 1:
            raise GraphError(
                f"grad can be implicitly created only for scalar outputs, but this one has the shape {tuple(array.shape)}. "
                "Reduce it first (.sum() or .mean()), or pass the gradient of something with respect to it: .backward(gradient)"
            )
        return BY_TYPE[array.__class__].ones(array.shape, array.dtype)
    if not isinstance(gradient, TensorBase):
        raise TypeError(f"gradients must be Tensors or None, got {type(gradient).__name__}")
    if gradient._array.shape != array.shape:
        raise ShapeError(f"Mismatch in shape: grad_output[{position}] has a shape of {tuple(gradient._array.shape)} and output[{position}] has a shape of {tuple(array.shape)}")
    if gradient._array.dtype != array.dtype and "c" in (gradient._array.dtype.kind, array.dtype.kind):
        raise DtypeError("For complex Tensors, both grad_output and output are required to have the same dtype. "
                         f"Mismatch in dtype: grad_output[{position}] has a dtype of {gradient._array.dtype} and output[{position}] has a dtype of {array.dtype}")
    return gradient


def _cotangents(outputs: list[Any], gradients: Any) -> list[Any]:
    gradients = [None] * len(outputs) if gradients is None else _listed(gradients)
    if len(gradients) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients: pass one for each, or None")
    return [_seed(output, gradient, i) for i, (output, gradient) in enumerate(zip(outputs, gradients, strict=True))]


def _run(outputs: list[Any], seeds: list[Any], retain_graph: bool, create_graph: bool, targets: list[Any] | None, land: Any = None) -> dict[Any, Any]:
    roots = [output._node for output in outputs]
    mode = get_mode()
    if mode.anomaly and mode.anomaly != "lines":
        check_root(outputs)
    if mode.anomaly and not create_graph:
        note_pass(outputs, retain_graph)
    over_tensors = create_graph
    swept = run if mode.profile is None else mode.profile.backward(run)
    for i, (output, seed) in enumerate(zip(outputs, seeds, strict=True)):
        if isinstance(seed, TensorBase) and seed._array.dtype is not output._array.dtype:
            seed = seeds[i] = _methods.to_dtype(cast(Any, seed), output.dtype)
        if isinstance(seed, TensorBase) is not over_tensors:
            seeds[i] = wrap(seed) if over_tensors else seed._array
    with BY_TYPE[outputs[0]._array.__class__].watch():
        if not over_tensors:
            if mode.recorder is None:
                return swept(roots, seeds, retain_graph=retain_graph, targets=targets, land=land)
            reading = mode.recorder.reading(outputs[0]._array.__class__)
            return swept(roots, seeds, reading=reading, retain_graph=retain_graph, targets=targets, land=land and mode.recorder.land)
        token = MODE.set(mode.replace(grad=create_graph))
        try:
            return swept(roots, seeds, reading=TENSOR_READING, retain_graph=retain_graph, targets=targets, land=land)
        finally:
            MODE.reset(token)


def straight(tensor: Any, gradient: Any, retain_graph: bool | None) -> bool:
    """The usual backward pass, of one tensor to all leaves, without the lists that others need; ``False`` where it is none, and nothing is done."""
    mode = get_mode()
    node = tensor._node
    if node is None or (mode.general and not (mode.recorder is None and mode.vmap is None and mode.profile is None and not mode.anomaly)):
        return False
    array = tensor._array
    backend = BY_TYPE[array.__class__]
    if gradient is None:
        if array.size != 1 or array.dtype.kind != "f":
            return False
        seed = backend.ones(array.shape, array.dtype)
    elif isinstance(gradient, TensorBase) and gradient._array.dtype is array.dtype and gradient._array.shape == array.shape:
        seed = gradient._array
    else:
        return False
    if array.__class__ is not seed.__class__:
        if BY_TYPE[seed.__class__] is not backend:
            return False
        if not array.shape:
            seed = seed[()]  # a scalar, as the result is: rules take half of the time for it
    before = backend.quiet()
    try:
        run_straight(node, seed, not retain_graph, _land)
    finally:
        backend.loud(before)
    return True


def backward(tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False, grad_variables: Any = None,
             inputs: Any = None) -> None:
    """Add the gradients of ``tensors`` to the ``.grad`` of the leaves they were computed from.

    Parameters
    ----------
    tensors : a Tensor or a sequence of them.
    grad_tensors : cotangents, shaped like ``tensors``; may be left out for tensors of one element.
    retain_graph : keep what the graph saved, so that it can be used again. Default: ``create_graph``.
    create_graph : record the derivatives' own graph, for higher derivatives.
    grad_variables : the older name of ``grad_tensors``.
    inputs : only these tensors get a gradient. Default: all leaves.

    Raises ``GraphError`` (a ``RuntimeError``) for outputs without a graph, for non-scalar outputs without a cotangent and for
    a graph whose saved values were released; nothing is changed then.
    """
    if inputs is None and grad_variables is None and not create_graph and isinstance(tensors, TensorBase) and straight(tensors, grad_tensors, retain_graph):
        return
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError("backward: `grad_tensors` and `grad_variables` (deprecated) arguments both passed to backward(). Please only use `grad_tensors`.")
        grad_tensors = grad_variables
    outputs = _listed(tensors)
    if get_mode().vmap is not None:
        get_mode().vmap.refuse_backward(outputs)
    seeds = _cotangents(outputs, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    land = _land_with_graph if create_graph else _land
    if inputs is None:
        _run(outputs, seeds, retain, create_graph, None, land)
        return
    targets = [_target(x, i) for i, x in enumerate(_listed(inputs))]
    for node in targets:
        if not node.leaf:
            retain_gradient(node)
    for node, g in _run(outputs, seeds, retain, create_graph, targets).items():
        if g is not None and node.leaf:
            land(node, g, False)


def _target(x: Any, position: int) -> Any:
    if not isinstance(x, TensorBase) or x._node is None:
        raise GraphError(f"One of the differentiated Tensors does not require grad: inputs[{position}]. Create it with requires_grad=True")
    return x._node


def _land(leaf: Any, g: Any, owned: bool) -> None:
    """Leave a gradient in a leaf: owned, contiguous, unshared; a second one is added into the first."""
    before = leaf.grad
    if before is None:
        leaf.grad = t = new(RESULT_CLASS[0])
        t._array = g if unshared(g, owned) or (not g.shape and not hasattr(g, "__setitem__")) else contiguous_copy(g)  # a NumPy scalar cannot be written
        t._node = t._view = None
    elif before._node is not None:
        leaf.grad = before + wrap(g)
    elif hasattr(before._array, "__setitem__"):
        before._array += g
        WRITES.note(before._array, "backward")
    else:  # a NumPy scalar
        before._array = before._array + g
    if leaf.post_hooks is not None:
        for hook in list(leaf.post_hooks):
            hook(leaf)


def _land_with_graph(leaf: Any, g: Any, owned: bool) -> None:
    """Leave a gradient that has a graph of its own; it is never added in place."""
    recorder = get_mode().recorder
    if recorder is not None:
        recorder.gradient_read(leaf)
    leaf.grad = g if leaf.grad is None else leaf.grad + g
    if leaf.post_hooks is not None:
        for hook in list(leaf.post_hooks):
            hook(leaf)


def unshared(g: Any, owned: bool) -> bool:
    """Whether the array belongs to nobody else, so that it may become a gradient without a copy."""
    if g.base is not None or not g.flags.c_contiguous:
        return False
    return owned or sys.getrefcount(g) <= _FRESH


def _fresh_count() -> int:
    """The reference count that ``unshared`` sees for an array held by nothing but ``backward``'s own variables."""

    def land(g: Any) -> int:
        return inner(g)

    def inner(g: Any) -> int:
        return sys.getrefcount(g)

    fresh = object()
    return land(fresh)


_FRESH = _fresh_count()


def _own(g: Any) -> Any:
    """A raw gradient as a Tensor with memory of its own."""
    recorder = get_mode().recorder
    if recorder is not None:
        return wrap(recorder.copied(g))
    return wrap(g if not g.shape and not hasattr(g, "__setitem__") else contiguous_copy(g))  # a NumPy scalar cannot be written


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
         only_inputs: bool = True, allow_unused: bool | None = None, is_grads_batched: bool = False, materialize_grads: bool = False) -> tuple[Any, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, returned; no ``.grad`` is written.

    An input that the outputs do not depend on raises ``RuntimeError`` unless ``allow_unused`` (then ``None``) or
    ``materialize_grads`` (then zeros). With ``is_grads_batched`` each of ``grad_outputs`` has one dimension more, the first,
    and so do the gradients: one backward pass over a whole batch of cotangents. ``only_inputs`` is PyTorch's deprecated
    parameter, without effect. The other parameters are those of :func:`backward`.

    >>> import autograd_core as ag
    >>> x = ag.tensor(3.0, requires_grad=True)
    >>> y = x * x * x
    >>> (dy,) = ag.autograd.grad(y, x, create_graph=True)
    >>> dy.item(), ag.autograd.grad(dy, x)[0].item()
    (27.0, 18.0)
    """
    results_for = _listed(outputs)
    wanted = _listed(inputs)
    for argument, values in (("outputs", results_for), ("inputs", wanted)):
        if not values:
            raise RuntimeError(f"grad: {argument} cannot be empty, expected a Tensor or a sequence of Tensors")
        for i, x in enumerate(values):
            if not isinstance(x, TensorBase):
                raise TypeError(f"grad: expected {argument} to be a Tensor or a sequence of Tensors, got {type(x).__name__} at position {i}")
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: expected allow_unused to be True or not passed when materialize_grads=True, but got allow_unused=False")
    if is_grads_batched:
        return _of_a_batch(results_for, wanted, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    vmap = get_mode().vmap
    if vmap is not None:
        answer: tuple[Any, ...] = vmap.grad(results_for, wanted, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
        if answer is not NotImplemented:
            return answer
    seeds = _cotangents(results_for, grad_outputs)
    targets = [_target(x, i) for i, x in enumerate(wanted)]
    found = _run(results_for, seeds, create_graph if retain_graph is None else retain_graph, create_graph, targets)
    results: list[Any] = []
    for i, (x, target) in enumerate(zip(wanted, targets, strict=True)):
        g = found.get(target)
        if g is None:
            if not allow_unused and not materialize_grads:
                raise GraphError(
                    f"One of the differentiated Tensors appears to not have been used in the graph: inputs[{i}], shape {tuple(x._array.shape)}. "
                    "Set allow_unused=True if this is the desired behavior"
                )
            if materialize_grads:
                g = wrap(BY_TYPE[x._array.__class__].xp.zeros(x._array.shape, dtype=x._array.dtype))
        elif not isinstance(g, TensorBase):
            g = _own(g)
        results.append(g)
    return tuple(results)


def _of_a_batch(outputs: list[Any], inputs: list[Any], grad_outputs: Any, retain_graph: bool | None, create_graph: bool, allow_unused: bool | None,
                materialize_grads: bool) -> tuple[Any, ...]:
    """:func:`grad` for each of a batch of cotangents."""
    from .func.vectorize import vmap

    seeds = [None] * len(outputs) if grad_outputs is None else _listed(grad_outputs)
    if len(seeds) != len(outputs):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(seeds)} gradients: pass one for each, or None")
    for i, (seed, output) in enumerate(zip(seeds, outputs, strict=True)):
        if seed is not None and (not isinstance(seed, TensorBase) or tuple(seed._array.shape[1:]) != tuple(output._array.shape) or not seed._array.shape):
            got = f"shape {tuple(seed._array.shape)}" if isinstance(seed, TensorBase) else type(seed).__name__
            raise ShapeError(f"grad: with is_grads_batched=True grad_outputs[{i}] must have the shape (batch, *{tuple(output._array.shape)}), "
                             f"that of outputs[{i}] behind a batch, got {got}")
    if all(seed is None for seed in seeds):
        raise RuntimeError("grad: with is_grads_batched=True at least one of grad_outputs must be a Tensor: its first dimension is the batch")

    def of_one(cotangents: list[Any]) -> Any:
        return grad(outputs, inputs, cotangents, retain_graph, create_graph, allow_unused=allow_unused, materialize_grads=materialize_grads)

    return cast("tuple[Any, ...]", vmap(of_one)(seeds))
