"""Result dtypes over all pairs of dtypes, with and without dimensions and with Python numbers: PyTorch's, everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Tensor, dtypes
from autograd_core.spec import can_cast, promote_types

torch = pytest.importorskip("torch")
pytest.importorskip("ml_dtypes")

NAMES = [entry.name for entry in dtypes.EVERY]
SHAPES = {"dimensions": (2,), "0-d": ()}
NUMBERS = (True, 2, 2.5, 1 + 2j)
OURS = {("max", "complex64"), ("max", "complex128"), ("argmax", "complex64"), ("argmax", "complex128")}
"""Where NumPy's answer stands: complex numbers are ordered by their real part."""


def theirs(name: str) -> Any:
    return getattr(torch, "bool" if name == "bool" else name)


def outcome(use: Callable[[], Any]) -> str:
    """The dtype of a result, or that there is none."""
    try:
        return str(use().dtype).rpartition(".")[2]
    except (RuntimeError, TypeError, NotImplementedError):
        return "an error"


def pair(name: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return Tensor(np.ones(shape, dtype=dtypes.as_dtype(name).dtype)), torch.ones(shape, dtype=theirs(name))


def differences(ours: Callable[..., Any], theirs_: Callable[..., Any], tensor_first: bool = False) -> list[str]:
    """Every pair of operands on which the two disagree."""
    found = []
    operands: list[tuple[str, Any, Any]] = []
    for (label, shape), name in itertools.product(SHAPES.items(), NAMES):
        operands.append((f"{name} {label}", *pair(name, shape)))
    numbers = [(repr(number), number, number) for number in NUMBERS]
    sides = [itertools.product(operands, operands), itertools.product(operands, numbers), [] if tensor_first else itertools.product(numbers, operands)]
    for left, right in itertools.chain(*sides):
        if any("float16" in each[0] for each in (left, right)) and any("complex" in each[0] or "j" in each[0] for each in (left, right)):
            continue  # PyTorch's complex32, which NumPy does not have
        with np.errstate(all="ignore"):
            actual = outcome(lambda left=left, right=right: ours(left[1], right[1]))
        expected = outcome(lambda left=left, right=right: theirs_(left[2], right[2]))
        if actual != expected:
            found.append(f"{left[0]} with {right[0]}: {actual}, PyTorch {expected}")
    return found


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "floordiv", "mod", "lt", "eq"])
def test_operators(name: str) -> None:
    import operator

    function = getattr(operator, {"div": "truediv"}.get(name, name))
    assert not differences(function, function)


def test_power() -> None:
    found = differences(lambda a, b: a**b, lambda a, b: a**b)
    assert not [each for each in found if each.count("bool") + each.count("True") < 2]  # booleans to the power of booleans are int8, as in NumPy


def test_result_type() -> None:
    assert not differences(lambda a, b: ag.ones((), dtype=ag.result_type(a, b)), lambda a, b: torch.ones((), dtype=torch.result_type(a, b)))


@pytest.mark.parametrize("name", ["maximum", "minimum", "logical_and", "atan2"])
def test_functions_of_two_tensors(name: str) -> None:
    def tensors_only(module: Any, kind: type) -> Callable[..., Any]:
        def call(a: Any, b: Any) -> Any:
            if not isinstance(a, kind) or not isinstance(b, kind):
                raise TypeError
            return getattr(module, name)(a, b)

        return call

    assert not differences(tensors_only(ag, Tensor), tensors_only(torch, torch.Tensor))


def test_where() -> None:
    ours, others = Tensor(np.array([True, False])), torch.tensor([True, False])
    assert not differences(lambda a, b: ag.where(ours, a, b), lambda a, b: torch.where(others, a, b))


@pytest.mark.parametrize("name", ["exp", "sqrt", "sin", "sigmoid", "neg", "abs", "square", "sum", "mean", "prod", "cumsum", "relu", "logical_not", "isnan", "max", "argmax", "sign"])
def test_functions_of_one_tensor(name: str) -> None:
    extra = {"cumsum": {"dim": 0}}.get(name, {})
    found = []
    for dtype, shape in itertools.product(NAMES, SHAPES.values()):
        ours, others = pair(dtype, shape)
        with np.errstate(all="ignore"):
            actual = outcome(lambda ours=ours: getattr(ag, name)(ours, **extra))
        expected = outcome(lambda others=others: getattr(torch, name)(others, **extra))
        if actual != expected and not (dtype == "bool" and expected == "an error") and (name, dtype) not in OURS:
            found.append(f"{dtype} {shape}: {actual}, PyTorch {expected}")
    assert not found


@pytest.mark.parametrize("name", ["add_", "mul_", "div_", "sub_"])
def test_in_place(name: str) -> None:
    assert not differences(lambda a, b: getattr(a.clone(), name)(b), lambda a, b: getattr(a.clone(), name)(b), tensor_first=True)


def test_promote_types_and_can_cast() -> None:
    for a, b in itertools.product(NAMES, NAMES):
        assert promote_types(a, b).name == str(torch.promote_types(theirs(a), theirs(b))).rpartition(".")[2]
        assert can_cast(a, b) == torch.can_cast(theirs(a), theirs(b)), (a, b)


@pytest.mark.parametrize("default", ["float16", "float32", "float64"])
def test_default_dtype(default: str) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(theirs(default))
    ag.set_default_dtype(default)
    try:
        for make in (lambda m: m.tensor(1.5), lambda m: m.tensor([1, 2]) * 0.5, lambda m: m.tensor([1, 2]) / 2, lambda m: m.tensor([True]).exp(),
                     lambda m: m.zeros(2), lambda m: m.arange(0, 1, 0.5), lambda m: m.linspace(0, 1, 3), lambda m: m.tensor([1, 2]).float().mean()):
            assert outcome(lambda make=make: make(ag)) == outcome(lambda make=make: make(torch))
    finally:
        torch.set_default_dtype(before)
