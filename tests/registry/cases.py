"""From the samples in the declarations to test cases: what to call, on which numbers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd_core import _methods
from autograd_core.op import COMPOSITES, REGISTRY, Arg, Composite, Op, S, Sample
from autograd_core.tensor import Tensor
from docs.make_methods import Signature

from .composite_samples import NO_RESULT_TO_DIFFERENTIATE
from .composite_samples import SAMPLES as COMPOSITE_SAMPLES

NO_GRADIENT: dict[str, frozenset[str]] = {
    "batch_norm": frozenset(("running_mean", "running_var")), "instance_norm": frozenset(("running_mean", "running_var")), "soft_margin_loss": frozenset(("target",)),
    "linalg_ldl_solve": frozenset(("LD",)),
    **{name: frozenset(("weight", "pos_weight")) for name in (
        "cross_entropy", "nll_loss", "softmax_cross_entropy", "negative_log_likelihood", "binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_cross_entropy")},
}
"""Floating-point inputs to which PyTorch gives no gradient either."""


@dataclass(frozen=True)
class Case:
    """One sample of one op or composite."""

    declared: Op | Composite
    sample: Sample
    number: int

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def differentiable(self) -> bool:
        if isinstance(self.declared, Composite):
            return self.name not in NO_RESULT_TO_DIFFERENTIATE
        return self.declared.differentiable and self.declared.kind not in ("update", "random")

    @property
    def singular(self) -> bool:
        """Whether the sample gives numbers itself: it may sit on a kink or at a pole on purpose."""
        return any(isinstance(arg, Arg) and arg.values is not None for arg in flat(self.sample.args))

    def __str__(self) -> str:
        return f"{self.name}-{self.number}"


def flat(values: Sequence[Any]) -> list[Any]:
    """Values with the lists in them opened."""
    return [inner for value in values for inner in (flat(value) if isinstance(value, list) else [value])]


def more_elementwise_samples(op: Op) -> list[Sample]:
    """Further ways to broadcast two inputs, and numbers in the place of either."""
    if len(op.inputs) != 2 or not op.samples or not op.places:
        return []
    usual = op.samples[0].args[0]
    if not isinstance(usual, Arg) or usual.kind == "complex":
        return []

    def arg(*shape: int) -> Arg:
        return replace(usual, shape=shape)

    number = {"float": (usual.low + usual.high) / 2 + 0.125, "int": 2, "bool": True}[usual.kind]
    shapes = [((4,), (2, 3, 1)), ((), (2, 3)), ((2, 3), ()), ((1,), (2, 3)), ((2, 3), (1,))]
    samples = [S(arg(*first), arg(*second)) for first, second in shapes]
    return [*samples, S(number, arg(2, 3)), S(arg(2, 3), 2)] if usual.kind != "bool" else samples


def samples_of(declared: Op | Composite) -> list[Sample]:
    """All samples of an op or composite."""
    if isinstance(declared, Composite):
        return list(COMPOSITE_SAMPLES.get(declared.name, ()))
    return [*declared.samples, *(more_elementwise_samples(declared) if declared.kind == "elementwise" else ())]


CASES = [Case(declared, sample, number) for declared in (*REGISTRY.values(), *COMPOSITES.values()) for number, sample in enumerate(samples_of(declared))]
GOOD = [case for case in CASES if case.sample.error is None]
BAD = [case for case in CASES if case.sample.error is not None]


COMPLEX = {"float64": "complex128"}
"""The complex dtype that goes with a dtype under test; complex64 with all others."""


def numbers(arg: Any, dtype: Any, stream: np.random.Generator, domain: tuple[float, float]) -> Any:
    """One argument of a sample as a NumPy array, a Python number, ``None`` or a list of those."""
    if isinstance(arg, list):
        return [numbers(each, dtype, stream, domain) for each in arg]
    if isinstance(arg, tuple):
        arg = Arg(arg, *domain)
    if not isinstance(arg, Arg):
        return arg
    if arg.values is not None:
        given = np.asarray(arg.values)
        return given.astype(dtype) if given.dtype.kind == "f" else given.astype(COMPLEX.get(np.dtype(dtype).name, "complex64")) if given.dtype.kind == "c" else given
    if arg.kind == "int":
        return stream.integers(int(arg.low), int(arg.high), arg.shape)
    if arg.kind == "complex":
        return np.asarray(stream.uniform(arg.low, arg.high, arg.shape) + 1j * stream.uniform(arg.low, arg.high, arg.shape)).astype(COMPLEX.get(np.dtype(dtype).name, "complex64"))
    if arg.kind == "bool":
        return stream.integers(0, 2, arg.shape).astype(bool)
    if arg.distinct:
        count = int(np.prod(arg.shape))
        spaced = (stream.permutation(count) + 0.25 * stream.random(count) + 0.5) / max(count, 1)
        return (arg.low + (arg.high - arg.low) * spaced).reshape(arg.shape).astype(dtype)
    return np.asarray(stream.uniform(arg.low, arg.high, arg.shape)).astype(dtype)


def arguments(case: Case, dtype: Any = np.float64) -> list[Any]:
    """The positional inputs of a case as NumPy data; the same at each call."""
    stream = np.random.default_rng(zlib.crc32(str(case).encode()))
    domain = getattr(case.declared, "domain", (-2.0, 2.0))
    return [numbers(arg, dtype, stream, domain) for arg in case.sample.args]


def attributes(case: Case, dtype: Any = np.float64) -> dict[str, Any]:
    """The attributes of a case; ``Arg`` among them become NumPy arrays."""
    stream = np.random.default_rng(zlib.crc32(f"{case} attributes".encode()))
    return {name: numbers(value, dtype, stream, (-2.0, 2.0)) if isinstance(value, Arg) else value for name, value in case.sample.attrs.items()}


def gradient_wanted(case: Case, position: int, array: np.ndarray[Any, Any]) -> bool:
    """Whether an input at this position may ask for a gradient."""
    if array.dtype.kind not in "fc":
        return False
    op = case.declared
    if not case.differentiable:
        return False
    if isinstance(op, Op) and op.variadic:
        return True
    names = op.inputs if isinstance(op, Op) else [name for name in Signature(op.signature).positional if name not in case.sample.attrs]
    name = names[position] if position < len(names) else ""
    if name in NO_GRADIENT.get(op.name, ()):
        return False
    return not isinstance(op, Op) or op.joint is not None or name in op.rules


def tensors(case: Case, values: Sequence[Any], *, grad: bool = False, convert: Callable[[Any], Any] = Tensor) -> list[Any]:
    """The inputs as Tensors; with ``grad`` those that can ask for a gradient do."""

    def make(value: Any, position: int) -> Any:
        if isinstance(value, list):
            return [make(each, position) for each in value]
        if not isinstance(value, np.ndarray):
            return value
        t = convert(value)
        return t.requires_grad_() if grad and gradient_wanted(case, position, value) else t

    return [make(value, position) for position, value in enumerate(values)]


def bound(case: Case, inputs: Sequence[Any], attrs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and named arguments: by name where possible, as attributes may stand between inputs, as in ``gather(input, dim, index)``."""
    declared = case.declared
    signature = Signature(declared.signature)
    if isinstance(declared, Op) and declared.variadic:
        operands = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], list) else list(inputs)
        return list(operands) if signature.star else [operands], dict(attrs)
    if signature.star:
        return list(inputs), dict(attrs)
    names = declared.inputs if isinstance(declared, Op) else [name for name in signature.positional if name not in attrs]
    return [], {**dict(zip(names, inputs, strict=False)), **attrs}


def call(case: Case, inputs: Sequence[Any], *, place: Callable[[Any], Any] = lambda value: value, suffix: str = "") -> Any:
    """The public function of a case, or its form ``name_``, on these inputs; ``place`` puts the tensors among the attributes where the inputs are."""
    dtype = next((x._array.dtype for x in flat(inputs) if isinstance(x, Tensor) and x.is_floating_point()), np.dtype("float64"))
    attrs = {name: place(Tensor(value)) if isinstance(value, np.ndarray) else value for name, value in attributes(case, dtype).items()}
    positional, named = bound(case, inputs, attrs)
    return getattr(_methods, case.name + suffix)(*positional, **named)


def results(value: Any) -> list[Any]:
    """The outputs as a list."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def leaves(inputs: Sequence[Any]) -> list[Any]:
    """The inputs that ask for a gradient."""
    return [x for x in flat(inputs) if isinstance(x, Tensor) and x.requires_grad]


def complete_attributes(op: Op, sample: Sample) -> dict[str, Any]:
    """A sample's attributes with the kernel's defaults filled in."""
    return {**{name: value for name, value in (op.kernel.__kwdefaults__ or {}).items() if name != "out"}, **sample.attrs}
