"""``gradcheck`` and ``gradgradcheck``: recorded gradients against central differences in float64.

A random direction is tried first: one number per input and output, two evaluations of the function. Only when it
disagrees is the whole Jacobian computed, and the error then names the worst element and what most likely caused it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .backend.registry import backend_of
from .backward import grad
from .config import enable_grad
from .errors import ShapeError, describe
from .storage import TensorBase, real_array, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """An analytic gradient that the function's own values contradict."""


@dataclass(frozen=True)
class _Tolerance:
    eps: float
    atol: float
    rtol: float

    def accepts(self, analytic: Any, numeric: Any) -> Any:
        """Whether the two agree, elementwise; NaN agrees with nothing."""
        return abs(analytic - numeric) <= self.atol + self.rtol * abs(numeric)


def gradcheck(func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3, raise_exception: bool = True,
              nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False, check_batched_grad: bool = False,
              check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False) -> bool:
    """Check the gradients of ``func`` against central differences.

    Parameters
    ----------
    func : takes ``inputs`` and returns a Tensor or a tuple of them.
    inputs : a Tensor or a sequence; those with ``requires_grad`` are checked and must be float64 or complex128.
        They are moved by ``eps`` and put back, so ``func`` may also refer to them from outside (a module's parameters).
    eps, atol, rtol : the step, and how far analytic and numeric values may lie apart: ``atol + rtol * |numeric|``.
    raise_exception : ``False`` returns ``False`` for a wrong gradient instead of raising.
    nondet_tol : how far two backward passes over the same inputs may lie apart.
    check_undefined_grad : with several outputs, also check each alone, so that rules meet missing cotangents.
    check_grad_dtypes : demand that a gradient has its input's dtype.
    check_batched_grad : also run the backward pass over a batch of cotangents, by ``vmap``, and compare with one after the other.
    check_forward_ad, check_backward_ad : whether to check forward mode (off by default) and reverse mode (on).
    fast_mode : on failure, skip the search for the worst element.

    Raises ``GradcheckError`` (a ``RuntimeError``) with the worst element, and ``ValueError`` for inputs it cannot check.

    >>> import autograd_core as ag
    >>> x = ag.tensor([0.5, 1.5], dtype=ag.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x).sum(), (x,))
    True
    """
    arguments = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    checked = _checked(arguments, "gradcheck")
    try:
        if check_backward_ad:
            _check(func, arguments, checked, _Tolerance(eps, atol, rtol), nondet_tol, check_undefined_grad, check_grad_dtypes, fast_mode)
        if check_forward_ad:
            _check_forward(func, arguments, checked, _Tolerance(eps, atol, rtol))
        if check_batched_grad:
            _check_batched(func, arguments, checked, _Tolerance(eps, atol, rtol))
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
                  raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
                  fast_mode: bool = False) -> bool:
    """Check the second derivatives of ``func``: :func:`gradcheck` of its gradient.

    ``grad_outputs`` are the cotangents of the outputs; random ones by default. The other parameters are those of :func:`gradcheck`.

    >>> import autograd_core as ag
    >>> x = ag.tensor([0.5, 1.5], dtype=ag.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x * x * x, (x,))
    True
    """
    arguments = (inputs,) if isinstance(inputs, TensorBase) else tuple(inputs)
    checked = _checked(arguments, "gradgradcheck")
    outputs = [y for y in _outputs(func, arguments) if y.requires_grad]
    if grad_outputs is None:
        cotangents = [_random_like(y, 7 + i).requires_grad_() for i, y in enumerate(outputs)]
    else:
        cotangents = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    if not outputs:
        return True
    count = len(arguments)

    def gradient(*values: Any) -> Any:
        with enable_grad():
            results = [y for y in _outputs(func, values[:count]) if y.requires_grad]
            found = grad(results, [values[i] for i in checked], list(values[count:]), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(gradient, (*arguments, *cotangents), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
                     check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes, fast_mode=fast_mode)


# --- what is checked ----------------------------------------------------------------------------------------------


def _checked(arguments: Sequence[Any], caller: str) -> list[int]:
    """The positions of the inputs that require grad; ``ValueError`` if there are none or one is not in double precision."""
    positions = [i for i, x in enumerate(arguments) if isinstance(x, TensorBase) and x._node is not None]
    if not positions:
        raise ValueError(f"{caller} expects at least one input tensor to require gradient, but none of the {len(arguments)} inputs does. Create one with requires_grad=True")
    for i in positions:
        if arguments[i]._array.dtype.itemsize != (16 if arguments[i]._array.dtype.kind == "c" else 8):
            raise ValueError(
                f"{caller}: input {i} {describe(arguments[i])} is not in double precision: with a step of 1e-6 central differences need it. "
                "Convert the inputs (and the module, if there is one) with .double() first"
            )
        if not arguments[i]._node.leaf:
            raise ValueError(f"{caller}: input {i} {describe(arguments[i])} is the result of an operation. Pass a leaf: x.detach().requires_grad_()")
    return positions


def _outputs(func: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """The tensors of real or complex numbers that ``func`` returns."""
    result = func(*arguments)
    results = result if isinstance(result, (tuple, list)) else (result,)
    for y in results:
        if y is not None and not isinstance(y, TensorBase):
            raise ValueError(f"gradcheck: the function must return a Tensor or a tuple of Tensors, got {type(y).__name__}")
    return [y for y in results if y is not None and y._array.dtype.kind in "fc"]


def _random_like(x: Any, seed: int) -> Any:
    """A Tensor of normal numbers, away from 0, in the shape and dtype of ``x``."""
    array = real_array(x)
    backend = backend_of(array)
    stream = backend.random(seed)

    def draw() -> Any:
        numbers = stream.standard_normal(array.shape)
        return numbers + 0.5 * backend.xp.sign(numbers)

    numbers = draw() + 1j * draw() if array.dtype.kind == "c" else draw()
    return wrap(backend.xp.asarray(numbers, dtype=array.dtype))


def _gradient(func: Callable[..., Any], arguments: Sequence[Any], checked: Sequence[int], cotangents: dict[int, Any]) -> list[Any]:
    """The analytic gradients of ``sum(cotangents * outputs)``, as raw arrays or ``None``."""
    with enable_grad():
        outputs = _outputs(func, arguments)
        chosen = [(outputs[k], u) for k, u in cotangents.items() if outputs[k]._node is not None]
        if not chosen:
            return [None] * len(checked)
        try:
            found = grad([y for y, _ in chosen], [arguments[i] for i in checked], [u for _, u in chosen], allow_unused=True)
        except ShapeError as error:
            raise GradcheckError(f"gradcheck: the backward pass failed: {error}. Likely cause: the sum over a broadcast dimension is missing in that rule") from error
    return [None if g is None else real_array(g) for g in found]


def _moved(func: Callable[..., Any], arguments: Sequence[Any], position: int, step: Any) -> list[Any]:
    """The outputs, as raw arrays of their own, with one input moved by ``step``."""
    array = real_array(arguments[position])
    before = array.copy()
    try:
        array[...] = before + step
        return [real_array(y).copy() for y in _outputs(func, arguments)]
    finally:
        array[...] = before


def _inner(a: Any, b: Any) -> float:
    """The real inner product: what a cotangent and a tangent have in common, also of complex numbers."""
    product = (a.conj() * b).sum()
    return float(product.real)


def _check(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: _Tolerance, nondet_tol: float,
           each_output: bool, check_dtypes: bool, fast: bool) -> None:
    outputs = _outputs(func, arguments)
    groups: list[list[int]] = [list(range(len(outputs)))]
    if each_output and len(outputs) > 1:
        groups += [[k] for k in range(len(outputs))]
    for number, group in enumerate(groups):
        cotangents = {k: _random_like(outputs[k], 100 * number + k + 1) for k in group}
        analytic = _gradient(func, arguments, checked, cotangents)
        _check_form(arguments, checked, analytic, check_dtypes)
        if number == 0:
            _check_repeats(func, arguments, checked, cotangents, analytic, nondet_tol)
        for position, g in zip(checked, analytic, strict=True):
            v = real_array(_random_like(arguments[position], 1000 + position))
            above = _moved(func, arguments, position, tolerance.eps * v)
            below = _moved(func, arguments, position, -tolerance.eps * v)
            numeric = sum(_inner(u._array, (above[k] - below[k]) / (2 * tolerance.eps)) for k, u in cotangents.items())
            predicted = 0.0 if g is None else _inner(g, v)
            if not tolerance.accepts(predicted, numeric):
                if fast:
                    raise GradcheckError(f"gradcheck: the gradient of input {position} {describe(arguments[position])} is wrong along a random direction: "
                                         f"analytic {predicted:.9g}, numeric {numeric:.9g}. Use fast_mode=False to find the worst element")
                for k in group:
                    _compare_elements(func, arguments, position, k, tolerance)


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
    second = _gradient(func, arguments, checked, cotangents)
    for position, a, b in zip(checked, first, second, strict=True):
        if a is not None and b is not None and a.size:
            apart = float(abs(a - b).max())
            if apart > nondet_tol:
                raise GradcheckError(f"gradcheck: two backward passes over the same inputs differ by {apart:.3g} for input {position}: the function is not "
                                     "deterministic. Seed its random numbers inside, or allow the difference with nondet_tol")


def _of_checked(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int]) -> Callable[..., Any]:
    """``func`` as a function of the checked inputs alone."""

    def partial(*values: Any) -> Any:
        full = list(arguments)
        for position, value in zip(checked, values, strict=True):
            full[position] = value
        return tuple(_outputs(func, full))

    return partial


def _check_forward(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: _Tolerance) -> None:
    """Compare the tangents of forward mode with central differences along a random direction of each input."""
    from .func.forward import jvp

    points = tuple(wrap(real_array(arguments[position])) for position in checked)
    for position in checked:
        v = _random_like(arguments[position], 31 + position)
        step = tolerance.eps * real_array(v)
        above, below = _moved(func, arguments, position, step), _moved(func, arguments, position, -step)
        tangents = tuple(v if other == position else wrap(real_array(x) * 0) for other, x in zip(checked, points, strict=True))
        _, moved = jvp(_of_checked(func, arguments, checked), points, tangents)
        for k, (t, a, b) in enumerate(zip(moved, above, below, strict=True)):
            numeric = (a - b) / (2 * tolerance.eps)
            analytic = real_array(t)
            if not bool(tolerance.accepts(analytic, numeric).all()):
                apart = abs(analytic - numeric)
                raise GradcheckError(f"gradcheck: forward mode: the tangent of output {k} along a random direction of input {position} "
                                     f"{describe(arguments[position])} is wrong by up to {float(apart.max()):.3g}. "
                                     "Likely cause: a jvp that does not belong to the backward, or a rule whose vjp is not linear in the cotangent")


def _check_batched(func: Callable[..., Any], arguments: Sequence[Any], checked: list[int], tolerance: _Tolerance) -> None:
    """Compare a backward pass over two cotangents at once with one after the other."""
    from .func.reverse import vjp
    from .func.vectorize import vmap

    outputs, pull_back = vjp(_of_checked(func, arguments, checked), *[wrap(real_array(arguments[position])) for position in checked])
    pairs = [[_random_like(y, 60 + 2 * k + i) for k, y in enumerate(outputs)] for i in (0, 1)]
    xp = backend_of(real_array(arguments[checked[0]])).xp
    together = vmap(lambda *g: pull_back(tuple(g)))(*[wrap(xp.stack([real_array(a), real_array(b)])) for a, b in zip(*pairs, strict=True)])
    for i, cotangents in enumerate(pairs):
        for position, alone, batch in zip(checked, pull_back(tuple(cotangents)), together, strict=True):
            if not bool(tolerance.accepts(real_array(batch)[i], real_array(alone)).all()):
                raise GradcheckError(f"gradcheck: the gradient of input {position} differs when cotangents are batched by vmap. Likely cause: a wrong batching rule")


# --- the worst element --------------------------------------------------------------------------------------------


def _parts(array: Any) -> tuple[complex, ...]:
    """The directions in which one number can move: along the real axis, and along the imaginary one."""
    return (1.0, 1j) if array.dtype.kind == "c" else (1.0,)


def _compare_elements(func: Callable[..., Any], arguments: Sequence[Any], position: int, k: int, tolerance: _Tolerance) -> None:
    """Compare the Jacobian of output ``k`` in one input element by element, and raise for the worst."""
    x = real_array(arguments[position])
    backend = backend_of(x)
    xp = backend.xp
    y = real_array(_outputs(func, arguments)[k])
    analytic = xp.zeros((len(_parts(y)), y.size, len(_parts(x)), x.size))
    numeric = xp.zeros(analytic.shape)
    curvature = xp.zeros(analytic.shape)
    for p, unit in enumerate(_parts(y)):
        for j in range(y.size):
            u = xp.zeros(y.size, dtype=y.dtype)
            u[j] = unit
            (g,) = _gradient(func, arguments, [position], {k: wrap(u.reshape(y.shape))})
            if g is not None:
                for q in range(len(_parts(x))):
                    analytic[p, j, q] = (g.real if q == 0 else g.imag).reshape(-1)
    for q, unit in enumerate(_parts(x)):
        for i in range(x.size):
            step = xp.zeros(x.size, dtype=x.dtype)
            step[i] = unit * tolerance.eps
            above = _moved(func, arguments, position, step.reshape(x.shape))[k].reshape(-1)
            below = _moved(func, arguments, position, -step.reshape(x.shape))[k].reshape(-1)
            slope, bend = (above - below) / (2 * tolerance.eps), (above + below - 2 * y.reshape(-1)) / tolerance.eps
            for p in range(len(_parts(y))):
                numeric[p, :, q, i] = slope.real if p == 0 else slope.imag
                curvature[p, :, q, i] = bend.real if p == 0 else bend.imag
    wrong = ~tolerance.accepts(analytic, numeric)
    if not bool(wrong.any()):
        return
    excess = xp.where(wrong, xp.where(xp.isnan(analytic - numeric), xp.inf, abs(analytic - numeric)), -1.0)
    worst = backend.to_numpy(xp.argmax(excess.reshape(-1)))
    p, j, q, i = (int(n) for n in _unravel(int(worst), analytic.shape))
    a, n = float(analytic[p, j, q, i]), float(numeric[p, j, q, i])
    ratio = f"{a / n:.6g}" if n else "infinite"
    kink = abs(float(curvature[p, j, q, i])) > 100 * (tolerance.atol + tolerance.rtol * abs(n))
    part = "" if len(_parts(x)) == len(_parts(y)) == 1 else f" ({('real', 'imaginary')[p]} part of the output, {('real', 'imaginary')[q]} part of the input)"
    label = getattr(arguments[position], "name", None)
    raise GradcheckError(
        f"gradcheck: {int(wrong.sum())} of {wrong.size} derivatives of output {k} by input {position}{f' {label!r}' if label else ''} {describe(arguments[position])} are wrong. "
        f"The worst: d output{k}{list(_unravel(j, y.shape))} / d input{position}{list(_unravel(i, x.shape))}{part}: analytic {a:.9g}, numeric {n:.9g}, ratio {ratio}. "
        f"Likely cause: {_cause(analytic, numeric, x.shape, y.shape, kink, y.dtype, tolerance)}"
    )


def _unravel(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    index = []
    for n in reversed(shape):
        flat, rest = divmod(flat, n)
        index.append(rest)
    return tuple(reversed(index))


_RATIOS = {-1.0: "the sign is wrong", 2.0: "a factor 2 too much", 0.5: "a factor 2 is missing",
           0.0: "the gradient is lost: the rule returns zeros, or the graph was cut by detach() or .data"}


def _cause(analytic: Any, numeric: Any, x_shape: tuple[int, ...], y_shape: tuple[int, ...], kink: bool, dtype: Any, tolerance: _Tolerance) -> str:
    """The first explanation under which the whole Jacobian would be right."""
    for factor, words in _RATIOS.items():
        if bool(tolerance.accepts(analytic, factor * numeric).all()):
            return words
    if dtype.itemsize < 8:
        return f"the function computes in {dtype}, too coarse for central differences. Keep it in float64"
    if kink:
        return "the function has a kink or a jump within eps of this input, where no derivative exists. Check at another point"
    if len(x_shape) >= 2:
        folded = analytic.reshape((*analytic.shape[:3], *x_shape))
        if x_shape[-1] == x_shape[-2] and bool(tolerance.accepts(folded.swapaxes(-1, -2).reshape(analytic.shape), numeric).all()):
            return "the gradient is transposed"
    scale = numeric.reshape(-1)[abs(analytic.reshape(-1)).argmax()] / analytic.reshape(-1)[abs(analytic.reshape(-1)).argmax()]
    if bool(tolerance.accepts(scale * analytic, numeric).all()):
        return f"a constant factor {float(1 / scale):.6g}"
    right_or_zero = tolerance.accepts(analytic, numeric) | (analytic == 0)
    if x_shape != y_shape and bool(right_or_zero.all()):
        return "the sum over a broadcast dimension is missing: only some of the outputs that this input feeds are counted"
    return "the rule of an operation in between; check its parts one by one"
