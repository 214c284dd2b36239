"""``gradcheck`` and ``gradgradcheck``: recorded gradients against central differences in float64.

One backward pass along a random cotangent gives a gradient. A random direction, which involves every element, and then
the elements one by one (of large inputs a seeded random sample) are compared with differences of the function's values.
Only where they disagree are single derivatives computed, and the error names the worst of them and what most likely caused it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from .backend.registry import backend_of
from .backward import grad
from .config import enable_grad
from .errors import describe
from .gradcheck_parts import (
    SAMPLE,
    compare_elements,
    compare_tangents,
    gradient_of,
    inner,
    moved_outputs,
    of_checked,
    one_tangent,
    outputs_of,
    points_of,
    random_like,
    sampled,
    unit_parts,
)
from .gradcheck_report import GradcheckError, Tolerance, named
from .storage import TensorBase, real_array, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True,
              nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
              check_batched_forward_grad: bool = False, check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False,
              masked: bool | None = None) -> bool:
    """Check the gradients of ``func`` against central differences.

    Parameters
    ----------
    func : takes ``inputs`` and returns a Tensor or a tuple of them.
    inputs : a Tensor or a sequence; those with ``requires_grad`` are checked and should be float64 or complex128 (a warning
        says so). They are moved by ``eps`` and put back, so ``func`` may also refer to them from outside (a module's parameters).
    eps, atol, rtol : the step, and how far analytic and numeric values may lie apart: ``atol + rtol * |numeric|``.
    raise_exception : ``False`` returns ``False`` for a wrong gradient instead of raising.
    nondet_tol : how far two runs over the same inputs may lie apart, in values and in gradients.
    check_undefined_grad : with several outputs, also check each alone, so that rules meet missing cotangents.
    check_grad_dtypes : demand that a gradient has its input's dtype.
    check_batched_grad, check_batched_forward_grad : also run the backward pass over a batch of cotangents, or the forward
        mode over a batch of tangents, by ``vmap``, and compare with one after the other.
    check_forward_ad, check_backward_ad : whether to check forward mode (off by default) and reverse mode (on).
    fast_mode : only compare along random directions: two evaluations for each input, whatever its size.
    masked : PyTorch's parameter for sparse tensors, which there are none of: ``True`` is refused.

    Of inputs with more than 64 elements the elements are a random sample, always the same one, and the report says so.
    Raises ``GradcheckError`` (a ``RuntimeError``) with the worst element, both values, their ratio and the likely cause, and
    ``ValueError`` for inputs it cannot check.

    >>> import autograd_core as ag
    >>> x = ag.tensor([0.5, 1.5], dtype=ag.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x).sum(), (x,))
    True
    """
    _refuse_masked(masked, "gradcheck")
    if not check_backward_ad and not check_forward_ad:
        raise ValueError("gradcheck: Expected at least one of check_forward_ad and check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise ValueError("gradcheck: Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise ValueError("gradcheck: Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    arguments = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    checked = _checked(arguments, "gradcheck")
    tolerance = Tolerance(eps, atol, rtol)
    try:
        _check_values(func, arguments, nondet_tol)
        if check_backward_ad:
            _check(func, arguments, checked, tolerance, nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode)
        if check_forward_ad:
            _check_forward(func, arguments, checked, tolerance, fast_mode)
        if check_batched_grad:
            _check_batched(func, arguments, checked, tolerance)
        if check_batched_forward_grad:
            _check_batched_forward(func, arguments, checked, tolerance)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
                  gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
                  check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
                  fast_mode: bool = False, masked: bool = False) -> bool:
    """Check the second derivatives of ``func``: :func:`gradcheck` of its gradient.

    ``grad_outputs`` are the cotangents of the outputs; random ones by default, with gaps in memory if
    ``gen_non_contig_grad_outputs``. ``check_rev_over_rev`` differentiates the gradient in reverse mode, ``check_fwd_over_rev`` in
    forward mode. The other parameters are those of :func:`gradcheck`.

    >>> import autograd_core as ag
    >>> x = ag.tensor([0.5, 1.5], dtype=ag.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x * x * x, (x,))
    True
    """
    _refuse_masked(masked, "gradgradcheck")
    if not check_fwd_over_rev and not check_rev_over_rev:
        raise ValueError("gradgradcheck: Expected at least one of check_fwd_over_rev and check_rev_over_rev to be True")
    arguments = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    checked = _checked(arguments, "gradgradcheck")
    outputs = [y for y in outputs_of(func, arguments) if y.requires_grad]
    if grad_outputs is None:
        cotangents = [random_like(y, 7 + i, gaps=gen_non_contig_grad_outputs).requires_grad_() for i, y in enumerate(outputs)]
    else:
        cotangents = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    if not outputs:
        return True
    count = len(arguments)

    def gradient(*values: Any) -> Any:
        with enable_grad():
            results = [y for y in outputs_of(func, values[:count]) if y.requires_grad]
            found = grad(results, [values[i] for i in checked], list(values[count:]), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    try:
        return gradcheck(gradient, (*arguments, *cotangents), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
                         check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
                         check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode)
    except GradcheckError as error:
        raise GradcheckError(f"gradgradcheck: the functions checked here are the gradients of the inputs {checked}, whose inputs are the {count} inputs "
                             f"and then the {len(cotangents)} cotangents. {error}") from error


# --- what is checked ----------------------------------------------------------------------------------------------


def _refuse_masked(masked: bool | None, caller: str) -> None:
    if masked:
        raise ValueError(f"{caller}: masked=True is about gradients of sparse tensors, and tensors here are dense. Leave it out")


def _checked(arguments: Sequence[Any], caller: str) -> list[int]:
    """The positions of the inputs that require grad; ``ValueError`` if there are none, a warning where one is not in double precision."""
    positions = [i for i, x in enumerate(arguments) if isinstance(x, TensorBase) and x._node is not None]
    if not positions:
        raise ValueError(f"{caller} expects at least one input tensor to require gradient, but none of the {len(arguments)} inputs does. Create one with requires_grad=True")
    for i in positions:
        if arguments[i]._array.dtype.itemsize < (16 if arguments[i]._array.dtype.kind == "c" else 8):
            warnings.warn(f"{caller}: {named(arguments[i], i)} requires gradient and is not a double precision floating point or complex. "
                          "With a small step the check will likely fail. Convert the inputs (and the module, if there is one) with .double() first", UserWarning, stacklevel=3)
        if not arguments[i]._node.leaf:
            raise ValueError(f"{caller}: input {i} {describe(arguments[i])} is the result of an operation. Pass a leaf: x.detach().requires_grad_()")
    return positions


def _check_values(func: Callable[..., Any], arguments: Sequence[Any], nondet_tol: float) -> None:
    """Raise if ``func`` writes into its inputs, or returns other values when it runs again."""
    tensors = [(i, x) for i, x in enumerate(arguments) if isinstance(x, TensorBase)]
    before = [real_array(x).copy() for _, x in tensors]
    first = [real_array(y).copy() for y in outputs_of(func, arguments)]
    for (i, x), values in zip(tensors, before, strict=True):
        if not _same(real_array(x), values):
            real_array(x)[...] = values
            raise GradcheckError(f"gradcheck: the function writes into {named(x, i)}: it is another one after each run. Likely cause: an in-place operation on the input "
                                 "(through .data, a view or a NumPy array). Work on x.clone()")
    for k, (y, values) in enumerate(zip(outputs_of(func, arguments), first, strict=True)):
        array = real_array(y)
        if array.shape != values.shape or (array.size and float(abs(array - values).max()) > nondet_tol):
            raise GradcheckError(f"gradcheck: output {k} differs between two runs over the same inputs: the function is not deterministic. "
                                 "Seed its random numbers inside, call eval() on modules with dropout, or allow the difference with nondet_tol")


def _same(a: Any, b: Any) -> bool:
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _check(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: Tolerance, nondet_tol: float,
           each_output: bool, check_dtypes: bool, fast: bool) -> None:
    outputs = outputs_of(func, arguments)
    groups: list[list[int]] = [list(range(len(outputs)))]
    if each_output and len(outputs) > 1:
        groups += [[k] for k in range(len(outputs))]
    for number, group in enumerate(groups):
        cotangents = {k: random_like(outputs[k], 100 * number + k + 1) for k in group}
        analytic = gradient_of(func, arguments, checked, cotangents)
        _check_form(arguments, checked, analytic, check_dtypes)
        if number == 0:
            _check_repeats(func, arguments, checked, cotangents, analytic, nondet_tol)
        for position, g in zip(checked, analytic, strict=True):
            x = real_array(arguments[position])
            v = real_array(random_like(arguments[position], 1000 + position))
            numeric = _slope(func, arguments, position, v, cotangents, tolerance)
            predicted = 0.0 if g is None else inner(g, v)
            agrees = bool(tolerance.accepts(predicted, numeric))
            if not agrees and fast:
                raise GradcheckError(f"gradcheck: the gradient of {named(arguments[position], position)} is wrong along a random direction: "
                                     f"analytic {predicted:.9g}, numeric {numeric:.9g}. Use fast_mode=False to find the worst element")
            suspects = [] if fast else _wrong_elements(func, arguments, position, g, cotangents, tolerance)
            if not agrees or suspects:
                columns = sorted({*suspects, *sampled(x.size)[: max(SAMPLE - len(suspects), 0)]})
                for k in group:
                    compare_elements(func, arguments, position, k, columns, tolerance)


def _slope(func: Callable[..., Any], arguments: Sequence[Any], position: int, v: Any, cotangents: dict[int, Any], tolerance: Tolerance) -> float:
    """The derivative of ``sum(cotangents * outputs)`` along ``v``, by a central difference."""
    above = moved_outputs(func, arguments, position, tolerance.eps * v)
    below = moved_outputs(func, arguments, position, -tolerance.eps * v)
    return sum(inner(u._array, (above[k] - below[k]) / (2 * tolerance.eps)) for k, u in cotangents.items())


def _wrong_elements(func: Callable[..., Any], arguments: Sequence[Any], position: int, g: Any, cotangents: dict[int, Any], tolerance: Tolerance) -> list[int]:
    """The elements of an input, all or a sample of them, for which the gradient differs from the slope along each alone."""
    x = real_array(arguments[position])
    xp = backend_of(x).xp
    wrong = []
    for i in sampled(x.size):
        for unit in unit_parts(x):
            step = xp.zeros(x.size, dtype=x.dtype)
            step[i] = unit
            numeric = _slope(func, arguments, position, step.reshape(x.shape), cotangents, tolerance)
            predicted = 0.0 if g is None else inner(g.reshape(-1)[i : i + 1], step[i : i + 1])
            if not tolerance.accepts(predicted, numeric):
                wrong.append(i)
                break
    return wrong


def _check_form(arguments: Sequence[Any], checked: list[int], analytic: list[Any], check_dtypes: bool) -> None:
    for position, g in zip(checked, analytic, strict=True):
        if g is None:
            continue
        x = arguments[position]._array
        if g.shape != x.shape:
            raise GradcheckError(f"gradcheck: the gradient of input {position} has the shape {g.shape}, expected {x.shape}. "
                                 "Likely cause: the sum over a broadcast dimension is missing")
        if check_dtypes and g.dtype != x.dtype:
            raise GradcheckError(f"gradcheck: the gradient of input {position} is {g.dtype}, expected {x.dtype}")


def _check_repeats(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], cotangents: dict[int, Any], first: list[Any], nondet_tol: float) -> None:
    second = gradient_of(func, arguments, checked, cotangents)
    for position, a, b in zip(checked, first, second, strict=True):
        if a is not None and b is not None and a.size:
            apart = float(abs(a - b).max())
            if apart > nondet_tol:
                raise GradcheckError(f"gradcheck: two backward passes over the same inputs differ by {apart:.3g} for input {position}: the function is not "
                                     "deterministic. Seed its random numbers inside, or allow the difference with nondet_tol")


def _check_forward(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: Tolerance, fast: bool) -> None:
    """Compare the tangents of forward mode with central differences, along a random direction of each input and then element by element."""
    from .func.forward import jvp

    points = points_of(arguments, checked)
    partial = of_checked(func, arguments, checked)
    for which, position in enumerate(checked):
        v = random_like(arguments[position], 31 + position)
        step = tolerance.eps * real_array(v)
        above, below = moved_outputs(func, arguments, position, step), moved_outputs(func, arguments, position, -step)
        _, moved = jvp(partial, points, one_tangent(points, which, v))
        for k, (t, a, b) in enumerate(zip(moved, above, below, strict=True)):
            analytic, numeric = real_array(t), (a - b) / (2 * tolerance.eps)
            if bool(tolerance.accepts(analytic, numeric).all()):
                continue
            if not fast:
                compare_tangents(func, arguments, checked, which, k, tolerance)
            raise GradcheckError(f"gradcheck: forward mode: the tangent of output {k} along a random direction of {named(arguments[position], position)} is wrong by up to "
                                 f"{float(abs(analytic - numeric).max()):.3g}. Likely cause: a jvp (tangent rule) that does not belong to the backward, "
                                 "or a rule whose vjp is not linear in the cotangent")


def _check_batched(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: Tolerance) -> None:
    """Compare a backward pass over two cotangents at once with one after the other."""
    from .func.reverse import vjp
    from .func.vectorize import vmap

    outputs, pull_back = vjp(of_checked(func, arguments, checked), *points_of(arguments, checked))
    pairs = [[random_like(y, 60 + 2 * k + i) for k, y in enumerate(outputs)] for i in (0, 1)]
    together = vmap(lambda *g: pull_back(tuple(g)))(*_stacked(pairs))
    for i, cotangents in enumerate(pairs):
        for position, alone, batch in zip(checked, pull_back(tuple(cotangents)), together, strict=True):
            if not bool(tolerance.accepts(real_array(batch)[i], real_array(alone)).all()):
                raise GradcheckError(f"gradcheck: the gradient of {named(arguments[position], position)} differs when cotangents are batched by vmap. "
                                     "Likely cause: a wrong batching rule")


def _check_batched_forward(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: Tolerance) -> None:
    """Compare a push of two tangents at once with one after the other."""
    from .func.forward import jvp
    from .func.vectorize import vmap

    points = points_of(arguments, checked)
    partial = of_checked(func, arguments, checked)
    pairs = [[random_like(x, 80 + 2 * k + i) for k, x in enumerate(points)] for i in (0, 1)]
    together = vmap(lambda *t: jvp(partial, points, t)[1])(*_stacked(pairs))
    for i, tangents in enumerate(pairs):
        for k, (alone, batch) in enumerate(zip(jvp(partial, points, tuple(tangents))[1], together, strict=True)):
            if not bool(tolerance.accepts(real_array(batch)[i], real_array(alone)).all()):
                raise GradcheckError(f"gradcheck: forward mode: the tangent of output {k} differs when tangents are batched by vmap. Likely cause: a wrong batching rule")


def _stacked(pairs: list[list[Any]]) -> list[Any]:
    return [wrap(backend_of(real_array(a)).xp.stack([real_array(a), real_array(b)])) for a, b in zip(*pairs, strict=True)]
