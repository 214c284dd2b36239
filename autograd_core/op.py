"""The declaration of an operation: one block holds all that is known about it.

``elementwise(...)`` and ``@op(...)`` declare a primitive: a kernel with its local gradients. ``@composite(...)``
declares a function made of primitives. Everything public (functions, methods, docs, tests) is derived from here.

A rule maps the cotangent ``g`` of an op's output to the cotangent of one input. Its parameter names say what the
graph keeps for it: an input's name, ``out``, an attribute, ``<input>_shape``, ``<input>_dtype`` or, in a joint rule,
``needs``. A rule is a function ``(F, g, ...)`` or, when one line says it, a formula such as ``"g * cos(input)"``;
``F`` is the namespace of ops in the reading at hand: raw arrays, Tensors or Python floats.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

from .backend.protocol import Backend
from .backend.registry import BY_TYPE
from .spec import elementwise_spec

Kernel = Callable[..., Any]
Spec = Callable[..., Any]


@dataclass(frozen=True)
class Arg:
    """How a test makes one input of a sample: a shape with a range, or given values."""

    shape: tuple[int, ...] = ()
    low: float = -2.0
    high: float = 2.0
    kind: str = "float"
    """``float``, ``int``, ``bool`` or ``complex``; floats and complex numbers are made in each precision under test, and get a gradient."""
    values: Any = None
    distinct: bool = False
    """All entries differ by a margin: for sorting and maxima, where ties have no unique gradient."""


@dataclass(frozen=True)
class Sample:
    """One call of an op in the tests: its inputs and attributes, and the error it must raise if it is a bad one."""

    args: tuple[Any, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    error: type[Exception] | None = None
    match: str = ""


def S(*args: Any, error: type[Exception] | None = None, match: str = "", **attrs: Any) -> Sample:  # noqa: N802 - stands in every declaration
    """A sample: shapes (or ``Arg``, numbers, lists of those for variadic ops), then attributes."""
    return Sample(args, attrs, error, match)


def ints(*shape: int, low: int = 0, high: int = 3) -> Arg:
    """Integers from ``low`` to ``high - 1``."""
    return Arg(shape, low, high, "int")


def bools(*shape: int) -> Arg:
    """Booleans."""
    return Arg(shape, 0, 2, "bool")


def span(low: float, high: float, *shape: int) -> Arg:
    """Floats between ``low`` and ``high``."""
    return Arg(shape, low, high)


def distinct(*shape: int) -> Arg:
    """Floats that differ from each other by a margin."""
    return Arg(shape, distinct=True)


class Rule:
    """A local gradient with the names of what it needs. A formula is compiled when first used."""

    __slots__ = ("_function", "_names", "allowed", "formula", "label")

    def __init__(self, label: str, rule: str | Callable[..., Any], allowed: Iterable[str]) -> None:
        self.label = label
        self.allowed = frozenset(allowed)
        self._names: tuple[str, ...] | None = None
        self.formula = rule if isinstance(rule, str) else None
        self._function: Callable[..., Any] | None = None
        if not isinstance(rule, str):
            self._function = rule
            self._names = self._check(rule.__code__.co_varnames[2 : rule.__code__.co_argcount])
            rule.__qualname__ = rule.__name__ = label

    def _check(self, names: Iterable[str]) -> tuple[str, ...]:
        names = tuple(names)
        unknown = [name for name in names if name not in self.allowed]
        if unknown:
            raise TypeError(f"{self.label}: nothing is called {unknown[0]!r} here; a rule may name {', '.join(sorted(self.allowed))}")
        return names

    @property
    def names(self) -> tuple[str, ...]:
        """What the rule needs besides ``F`` and ``g``, in the order it takes them."""
        if self._names is None:
            assert self.formula is not None
            found = dict.fromkeys(re.findall(r"(?<![\w.])[a-z_]\w*(?!\w|\()", self.formula))
            self._names = self._check(name for name in found if name not in ("g", "and", "or", "not", "if", "else", "True", "False", "None"))
        return self._names

    @property
    def source(self) -> str:
        """The formula with calls spelled ``F.name(...)``."""
        assert self.formula is not None
        return re.sub(r"(?<![\w.])([a-z_]\w*)(?=\()", r"F.\1", self.formula)

    @property
    def function(self) -> Callable[..., Any]:
        """The rule as a function ``(F, g, *values of names)``."""
        if self._function is None:
            code = compile(f"lambda {', '.join(('F', 'g', *self.names))}: {self.source}", f"<{self.label}>", "eval")
            self._function = eval(code, {"__builtins__": {}})  # the text of a declaration, never of a user
        return self._function


class _Bound(dict[type, Kernel]):
    """Array type -> a kernel bound to that type's library; filled on first use."""

    def __init__(self, bind: Callable[[Backend], Kernel]) -> None:
        super().__init__()
        self.bind = bind

    def __missing__(self, array_type: type) -> Kernel:
        kernel = self[array_type] = self.bind(BY_TYPE[array_type])
        return kernel


class Op:
    """A primitive operation. See the arguments of :func:`op` for the meaning of each field."""

    def __init__(self, name: str, **fields: Any) -> None:
        self.name = name
        self.signature: str = fields["signature"]
        self.inputs: tuple[str, ...] = fields["inputs"]
        self.variadic: bool = fields.get("variadic", False)
        self.kernel: Kernel = fields["kernel"]
        self.ufunc: str | None = fields.get("ufunc")
        self.infix: str | None = fields.get("infix")
        self.scalar: Callable[..., float] | None = fields.get("scalar")
        self.kind: str = fields.get("kind", "general")
        self.promotes: str = fields.get("promotes", "none")
        self.broadcasts: bool = fields.get("broadcasts", False)
        self.holomorphic: bool = fields.get("holomorphic", True)
        self.outputs: tuple[str, ...] | None = fields.get("outputs")
        self.constant_outputs: frozenset[int] = frozenset(fields.get("constant_outputs", ()))
        self.label: str = fields.get("label") or name
        self.spec: Spec | None = fields.get("spec")
        self.samples: tuple[Sample, ...] = tuple(fields.get("samples", ()))
        self.domain: tuple[float, float] = fields.get("domain", (-2.0, 2.0))
        self.places: tuple[str, ...] = tuple(fields.get("places", ()))
        self.inplace: bool = fields.get("inplace", False)
        self.out: bool | None = fields.get("out")
        self.cold: int = 0 if self.kind == "update" else 3
        """How many calls by the general path are left until its function gets a fast path; 0 where it has one, or never gets one."""
        self.varargs: str | None = fields.get("varargs")
        self.aliases: tuple[str, ...] = tuple(fields.get("aliases", ()))
        self.extra: Mapping[str, Any] = dict(fields.get("extra", {}))
        self.doc: str = fields.get("doc") or self.kernel.__doc__ or ""
        self.rules: dict[str, Rule] = {}
        self.joint: Rule | None = None
        self.fused: Rule | None = None
        self.tangent: Rule | None = None
        self.batching: Callable[..., Any] | None = None
        self.residual_kernel: Kernel | None = None
        self.residuals: tuple[str, ...] = ()
        self.kernels = _Bound(self.bound)
        self.residual_kernels = _Bound(self._bound_with_residuals)
        code = self.kernel.__code__
        self.takes_out: bool = self.ufunc is not None or "out" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        self._saved: tuple[str, ...] | None = None
        self._needs_dtypes: bool | None = None

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    @property
    def spoken(self) -> str:
        """The name in messages: users have not written an internal op's own name."""
        if self.places:
            return spoken_name(self.name, self.places)
        written: str | None = self.extra.get("written")
        return written or (self.label if self.label.isidentifier() else self.name)

    def __reduce__(self) -> Any:
        return (registered, (self.name,))

    # --- rules -------------------------------------------------------------------------------------------------

    def _allowed(self) -> set[str]:
        names = {"out", "needs", *self.attributes, *(self.outputs or ())}
        for name in self.inputs:
            names |= {name, f"{name}_shape", f"{name}_dtype"}
        return names

    @property
    def attributes(self) -> tuple[str, ...]:
        """The kernel's keyword-only parameters but ``out``."""
        code = self.kernel.__code__
        keywords = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
        return tuple(name for name in keywords if name != "out")

    def add_rule(self, name: str, rule: str | Callable[..., Any]) -> None:
        """Attach the local gradient of one input."""
        if name not in self.inputs:
            raise TypeError(f"{self.name} has no input {name!r}; its inputs are {', '.join(self.inputs)}")
        self.rules[name] = Rule(f"{self.name}.vjp[{name}]", rule, self._allowed())

    def vjp(self, *names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: the rule of one input; of several or none named, one joint rule that returns a tuple for all inputs."""

        def attach(rule: Callable[..., Any]) -> Callable[..., Any]:
            if len(names) == 1:
                self.add_rule(names[0], rule)
            else:
                self.joint = Rule(f"{self.name}.vjp", rule, self._allowed())
            return rule

        return attach

    def fused_vjp(self, residuals: tuple[str, ...] = (), kernel: Kernel | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: a faster joint rule, used on raw arrays only.

        ``kernel`` then replaces the op's kernel when a gradient will be needed; it returns ``(out, *residuals)``.
        """

        def attach(rule: Callable[..., Any]) -> Callable[..., Any]:
            self.residuals, self.residual_kernel = residuals, kernel
            self.fused = Rule(f"{self.name}.fused_vjp", rule, self._allowed() | set(residuals))
            return rule

        return attach

    def jvp(self) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: the tangent rule ``(F, tangents, <names>)``, with a tangent or ``None`` for each input; returns that of the output.

        For ops whose tangent is cheaper than what ``tangent`` derives from their vjp.
        """

        def attach(rule: Callable[..., Any]) -> Callable[..., Any]:
            self.tangent = Rule(f"{self.name}.jvp", rule, self._allowed())
            return rule

        return attach

    def batch(self) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorator: how the op runs on a batch, a function of a ``batching.Call``."""

        def attach(rule: Callable[..., Any]) -> Callable[..., Any]:
            self.batching = rule
            return rule

        return attach

    def bound(self, backend: Backend) -> Kernel:
        """The kernel on the arrays of one library: ``kernel(*arrays, **attrs)``."""
        return getattr(backend.xp, self.ufunc) if self.ufunc else MethodType(self.kernel, backend.xp)  # called in less time than a partial

    def _bound_with_residuals(self, backend: Backend) -> Kernel:
        assert self.residual_kernel is not None
        return MethodType(self.residual_kernel, backend.xp)

    @property
    def differentiable(self) -> bool:
        """Whether any input has a local gradient."""
        return bool(self.rules) or self.joint is not None

    @property
    def rule_needs_dtypes(self) -> bool:
        """Whether a rule asks for an input's dtype."""
        if self._needs_dtypes is None:
            self._needs_dtypes = any(name.endswith("_dtype") for rule in self._rules() for name in rule.names)
        return self._needs_dtypes

    def _rules(self) -> list[Rule]:
        return [*self.rules.values(), *(rule for rule in (self.joint, self.fused, self.tangent) if rule is not None)]

    @property
    def saved(self) -> tuple[str, ...]:
        """The inputs and outputs that the rules name: what a node may keep."""
        if self._saved is None:
            wanted = {name for rule in self._rules() for name in rule.names}
            self._saved = tuple(name for name in (*self.inputs, "out", *(self.outputs or ()), *self.residuals) if name in wanted)
        return self._saved


@dataclass(eq=False)
class Composite:
    """A public function made of ops: ``function(F, ...)``."""

    name: str
    signature: str
    function: Callable[..., Any]
    places: tuple[str, ...]
    doc: str
    varargs: str | None = None
    aliases: tuple[str, ...] = ()
    inplace: bool = False
    out: bool | None = None
    cold: int = 3
    """Calls until its function gets a fast path."""

    @property
    def spoken(self) -> str:
        """The name in messages."""
        return spoken_name(self.name, self.places)


REGISTRY: dict[str, Op] = {}
"""Every primitive by name, in order of declaration."""
COMPOSITES: dict[str, Composite] = {}
"""Every composite by name, in order of declaration."""


def registered(name: str) -> Op:
    """The op of that name."""
    return REGISTRY[name]


def public_name(name: str, place: str) -> str:
    """What an op or composite is called at a place: ``linalg_norm`` is ``norm`` in ``linalg``."""
    return name.removeprefix(f"{place}_")


def spoken_name(name: str, places: tuple[str, ...]) -> str:
    """What an op or composite is called in messages: ``linalg_norm`` is ``linalg.norm``."""
    return next((f"{place}.{public_name(name, place)}" for place in places if name.startswith(f"{place}_")), name)


def _register(declared: Op) -> Op:
    if declared.name in REGISTRY or declared.name in COMPOSITES:
        raise TypeError(f"an op called {declared.name!r} is already declared")
    REGISTRY[declared.name] = declared
    return declared


TORCH_TENSOR = ("torch", "Tensor")
"""The places of a public name that is a function and a method, as most are."""
NN = ("nn.functional",)
TORCH_NN = ("torch", "nn.functional")
TORCH_TENSOR_NN = ("torch", "Tensor", "nn.functional")


def op(signature: str, **fields: Any) -> Callable[[Kernel], Op]:
    """Declare a primitive by its kernel.

    Parameters
    ----------
    signature : the public signature with annotations, ``"sum(input: Tensor, dim: Dims = None) -> Tensor"``.
    kind : elementwise, reduction, view, shape, random, dynamic, update or general; it decides the samples a test demands.
    promotes : ``same`` (PyTorch's result type), ``number`` (and booleans become int64), ``float`` (and integers become the default dtype), ``equal`` (inputs must
        agree), or ``none``.
    broadcasts : cotangents may have a broadcast shape; the engine sums them back.
    holomorphic : rules are written for a complex-analytic op; the engine conjugates what they need. Others (``abs``)
        declare ``False`` and write PyTorch's convention themselves.
    outputs, constant_outputs : names of several outputs, and the positions of those without gradient.
    spec : shape and dtype rule: ``spec(*inputs, **attrs)``, see ``spec``.
    label : the symbol in drawings. places : where the public name stands (``torch``, ``Tensor``, ``nn.functional`` ...);
        none for an op that only rules and other ops use.
    inplace : a method ``name_`` exists too. varargs : an attribute that may be given as several arguments.
    out : whether the public function has ``out=``, where PyTorch's differs from most: those outside ``nn.functional`` that make one new tensor or a few have it.
    scalar : the function on Python floats. ufunc : the library's own name.
    """

    def declare(kernel: Kernel) -> Op:
        name = signature.partition("(")[0]
        count = kernel.__code__.co_argcount
        variadic = bool(kernel.__code__.co_flags & 0x04)
        inputs = kernel.__code__.co_varnames[1:count]
        if variadic:
            inputs = (kernel.__code__.co_varnames[count + kernel.__code__.co_kwonlyargcount],)
        return _register(Op(name, signature=signature, kernel=kernel, inputs=inputs, variadic=variadic, **fields))

    return declare


def elementwise(name: str, inputs: str = "input", *, vjp: str | Callable[..., Any] | Mapping[str, str | Callable[..., Any]] | None = None,
                ufunc: str | None = None, infix: str | None = None, kernel: Kernel | None = None, signature: str | None = None,
                takes: str = "float", **fields: Any) -> Op:
    """Declare an elementwise op, most often in one line: a NumPy ufunc with its local gradients as formulas.

    ``vjp`` is the rule of a single input, or a mapping input -> rule. ``infix`` is the Python operator, if there is one.
    Every op of one or two inputs has samples of the usual shapes, with entries of the kind that it ``takes`` (``float``,
    ``int``, ``bool``) within its ``domain``; ``none`` leaves them to ``samples``, which otherwise come on top.
    """
    names = tuple(inputs.split())
    ufunc = None if kernel is not None else (ufunc or name)
    if kernel is None:
        kernel = _ufunc_kernel(ufunc or name, len(names))
    if signature is None:
        rest = "".join(f", {other}: TensorLike" for other in names[1:])
        signature = f"{name}({names[0]}: Tensor{rest}) -> Tensor"
    fields.setdefault("kind", "elementwise")
    fields.setdefault("promotes", "same")
    fields.setdefault("places", TORCH_TENSOR)
    fields["spec"] = fields.get("spec") or elementwise_spec(name, names, fields["promotes"], str(fields.get("extra", {}).get("dtype", "")))
    if len(names) < 3 and takes != "none":
        fields["samples"] = (*_elementwise_samples(len(names), takes, fields.get("domain", (-2.0, 2.0))), *fields.get("samples", ()))
    declared = _register(Op(name, signature=signature, inputs=names, kernel=kernel, ufunc=ufunc, infix=infix, broadcasts=len(names) > 1, **fields))
    rules = (vjp or {}) if isinstance(vjp, Mapping) or vjp is None else {names[0]: vjp}
    for target, rule in rules.items():
        declared.add_rule(target, rule)
    return declared


def _elementwise_samples(arity: int, takes: str, domain: tuple[float, float]) -> tuple[Sample, ...]:
    low, high = domain if takes == "float" else (0, 2) if takes == "bool" else (0, 9)

    def arg(*shape: int) -> Arg:
        return Arg(shape, low, high, takes)

    if arity == 1:
        return (S(arg(3, 4)), S(arg()), S(arg(0, 2)))
    shapes = [((3, 4), (3, 4)), ((), ()), ((0, 2), (0, 2)), ((3, 1), (4,)), ((1, 4), (3, 4)), ((3, 4), (4,)), ((0, 2), (1, 2))]
    number = {"float": (low + high) / 2 + 0.25, "int": 3, "bool": True}[takes]
    bad = S(arg(2, 3), arg(4), error=RuntimeError, match="must match the size")
    return (*(S(arg(*first), arg(*second)) for first, second in shapes), S(arg(3, 4), number), bad)


def _ufunc_kernel(ufunc: str, arity: int) -> Kernel:
    if arity == 1:
        return lambda xp, input, *, out=None: getattr(xp, ufunc)(input, out=out)
    return lambda xp, input, other, *, out=None: getattr(xp, ufunc)(input, other, out=out)


def detached(value: Any) -> Any:
    """For composites: a Tensor without its graph; a raw array as it is."""
    return value.detach() if hasattr(value, "detach") else value


def composite(signature: str, *, places: tuple[str, ...] = TORCH_TENSOR, varargs: str | None = None, aliases: tuple[str, ...] = (),
              inplace: bool = False, out: bool | None = None) -> Callable[[Callable[..., Any]], Composite]:
    """Declare a public function made of ops; its first parameter is ``F``.

    With ``inplace``, a method ``name_`` exists too, which copies the result into the first input. ``out`` is as in ``op``.
    """

    def declare(function: Callable[..., Any]) -> Composite:
        name = signature.partition("(")[0]
        if name in REGISTRY or name in COMPOSITES:
            raise TypeError(f"an op called {name!r} is already declared")
        made = Composite(name, signature, function, tuple(places), function.__doc__ or "", varargs, tuple(aliases), inplace, out)
        COMPOSITES[name] = made
        return made

    return declare
