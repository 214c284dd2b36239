"""Operations of a user's own in a few lines: a kernel with its local gradients, and HIPS autograd's ``primitive`` and ``defvjp``.

An op declared here has what a built-in op has: drawing, second derivatives, forward mode, ``gradcheck``, ``vmap``, recording.
``autograd.Function`` is the form for what does not fit: several outputs, state between forward and backward.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .autograd.function import Function
from .backend.registry import BY_TYPE
from .batching import Batched
from .dispatch import apply
from .op import COMPOSITES, REGISTRY, Op
from .storage import TensorBase, wrap

__all__ = ["Primitive", "define", "defjvp", "defvjp", "primitive"]


class Primitive:
    """A declared op as a function: of Tensors it records itself in the graph, of raw arrays it returns an array."""

    def __init__(self, op: Op, kernel: Callable[..., Any]) -> None:
        self.op = op
        functools.update_wrapper(self, kernel)

    def __call__(self, *args: Any, **attrs: Any) -> Any:
        """Compute the op; keyword arguments are its attributes."""
        known = {**(self.op.kernel.__kwdefaults__ or {}), **attrs}
        unknown = [name for name in attrs if name not in self.op.attributes]
        if unknown or len(args) != len(self.op.inputs):
            raise TypeError(f"{self.op.name}: expected {len(self.op.inputs)} inputs ({', '.join(self.op.inputs)}) and the attributes ({', '.join(self.op.attributes)}), "
                            f"got {len(args)} inputs" + (f" and {', '.join(unknown)}" if unknown else ""))
        if any(isinstance(x, TensorBase) or hasattr(x, "__tensor__") for x in args):
            return apply(self.op, args, known)
        return self.op.kernels[args[0].__class__](*args, **known)


def define(vjp: str | Callable[..., Any] | Mapping[str, Any], *, elementwise: bool = False, label: str | None = None,
           promotes: str | None = None) -> Callable[[Callable[..., Any]], Primitive]:
    """Decorator: make a kernel ``(xp, *arrays, *, attributes)`` an op with these local gradients.

    Parameters
    ----------
    vjp : for the only input, or for each input by name, what maps the cotangent ``g`` of the result to that of the input: a
        formula such as ``"g * cos(x)"``, in which any op and the names of inputs, attributes and ``out`` may stand, or a
        function ``(F, g, <names>)`` whose parameter names say what it needs and whose ``F`` holds the ops.
    elementwise : the kernel works on each element, and inputs broadcast; forward mode and ``vmap`` then cost no more than the op.
    label : the symbol in drawings. promotes : ``same`` (default for elementwise ops), ``float``, ``equal`` or ``none``.

    ``xp`` is NumPy, or CuPy for tensors on a GPU. Raises ``TypeError`` for a rule that names what does not exist.

    >>> import autograd_core as ag
    >>> @define("g * 3 * x * x", elementwise=True)
    ... def cube(xp, x):
    ...     return x ** 3
    >>> x = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> cube(x).sum().backward()
    >>> x.grad.tolist()
    [3.0, 12.0]
    """

    def declare(kernel: Callable[..., Any]) -> Primitive:
        code = kernel.__code__
        inputs = code.co_varnames[1 : code.co_argcount]
        if not inputs or code.co_flags & 0x04:
            raise TypeError(f"define: the kernel {kernel.__name__} must take the array library and at least one array, (xp, x, ...), with attributes after *")
        rest = "".join(f", {name}: Any" for name in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
        signature = f"{kernel.__name__}({', '.join(f'{name}: Tensor' for name in inputs)}{', *' if rest else ''}{rest}) -> Tensor"
        op = Op(kernel.__name__, signature=signature, kernel=kernel, inputs=inputs,
                kind="elementwise" if elementwise else "general", broadcasts=elementwise and len(inputs) > 1, label=label or kernel.__name__,
                promotes=promotes or ("same" if elementwise else "none"), doc=inspect.getdoc(kernel))
        for name, rule in (vjp.items() if isinstance(vjp, Mapping) else [(inputs[0], vjp)]):
            op.add_rule(name, rule)
            _check_names(op, name)
        return Primitive(op, kernel)

    return declare


def _check_names(op: Op, name: str) -> None:
    """Raise ``TypeError`` where a formula names what is no input, attribute or op, rather than when it is first used."""
    rule = op.rules[name]
    if rule.formula is None:
        return
    assert rule.names is not None
    unknown = [called for called in re.findall(r"(?<![\w.])([a-z_]\w*)(?=\()", rule.formula) if called not in REGISTRY and called not in COMPOSITES]
    if unknown:
        raise TypeError(f"define: the gradient of {name!r} calls {unknown[0]!r}, and no op is called that. A function (F, g, ...) may compute anything from raw arrays or Tensors")


# --- HIPS autograd ------------------------------------------------------------------------------------------------


def primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """HIPS autograd's decorator: a function of arrays whose gradients :func:`defvjp` gives afterwards.

    >>> import numpy as np, autograd_core as ag
    >>> @primitive
    ... def logsumexp(x):
    ...     return np.log(np.sum(np.exp(x)))
    >>> defvjp(logsumexp, lambda ans, x: lambda g: g * ag.exp(x - ans))
    >>> x = ag.tensor([0.0, 0.0], requires_grad=True)
    >>> logsumexp(x).backward()
    >>> x.grad.tolist()
    [0.5, 0.5]
    """

    class Wrapped(Function):
        __doc__ = f_raw.__doc__
        vjps: dict[int, Callable[..., Any]] = {}  # noqa: RUF012 - filled by defvjp
        jvps: dict[int, Callable[..., Any]] = {}  # noqa: RUF012

        @staticmethod
        def forward(ctx: Any, kwargs: dict[str, Any], *args: Any) -> Any:
            raw = [x._array if isinstance(x, TensorBase) else x for x in args]
            like = next(x for x in args if isinstance(x, TensorBase))
            ctx.args, ctx.kwargs = [None if isinstance(x, TensorBase) else x for x in args], kwargs
            found = wrap(BY_TYPE[like._array.__class__].asarray(f_raw(*raw, **kwargs)))
            ctx.save_for_backward(found, *[x if isinstance(x, TensorBase) else None for x in args])
            return found

        @staticmethod
        def _values(ctx: Any) -> tuple[Any, list[Any]]:
            ans, *tensors = ctx.saved_tensors
            return ans, [x if t is None else t for x, t in zip(ctx.args, tensors, strict=True)]

        @classmethod
        def backward(cls, ctx: Any, g: Any) -> Any:
            ans, args = cls._values(ctx)
            results: list[Any] = [None]
            for i, needed in enumerate(ctx.needs_input_grad[1:]):
                if needed and i not in cls.vjps:
                    raise NotImplementedError(f"VJP of {f_raw.__name__} wrt argnum {i} not defined. Give one with defvjp")
                maker = cls.vjps.get(i) if needed else None
                results.append(None if maker is None else maker(ans, *args, **ctx.kwargs)(g))
            return tuple(results)

    Wrapped.__name__ = Wrapped.__qualname__ = f_raw.__name__

    @functools.wraps(f_raw)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return Wrapped.apply(kwargs, *args) if any(isinstance(x, (TensorBase, Batched)) for x in args) else f_raw(*args, **kwargs)

    wrapper.function = Wrapped  # type: ignore[attr-defined]
    return wrapper


def defvjp(fun: Callable[..., Any], *vjpmakers: Callable[..., Any] | None, argnums: Sequence[int] | None = None) -> None:
    """Give a :func:`primitive` its gradients: ``vjpmaker(ans, *args, **kwargs)`` returns the function ``g -> gradient``, one for each argument.

    ``None`` stands for a gradient of zero; ``argnums`` says which arguments are meant, all in order by default.
    """
    known = fun.function.vjps  # type: ignore[attr-defined]
    for i, maker in zip(range(len(vjpmakers)) if argnums is None else argnums, vjpmakers, strict=True):
        known[i] = maker


def defjvp(fun: Callable[..., Any], *jvpfuns: Callable[..., Any] | None, argnums: Sequence[int] | None = None) -> None:
    """Give a :func:`primitive` its tangents: ``jvpfun(g, ans, *args, **kwargs)``, one for each argument; without them forward mode transposes the gradients.

    >>> import numpy as np, autograd_core as ag
    >>> @primitive
    ... def double(x):
    ...     return 2 * x
    >>> defjvp(double, lambda g, ans, x: 2 * g)
    >>> ag.func.jvp(double, (ag.tensor(3.0),), (ag.tensor(1.0),))[1].item()
    2.0
    """
    cls = fun.function  # type: ignore[attr-defined]
    for i, rule in zip(range(len(jvpfuns)) if argnums is None else argnums, jvpfuns, strict=True):
        cls.jvps[i] = rule

    def jvp(ctx: Any, _: Any, *tangents: Any) -> Any:
        ans, args = cls._values(ctx)
        total = None
        for i, t in enumerate(tangents):
            if t is not None and cls.jvps.get(i) is not None:
                term = cls.jvps[i](t, ans, *args, **ctx.kwargs)
                total = term if total is None else total + term
        return total

    cls.jvp = staticmethod(jvp)
    cls._ops.clear()
