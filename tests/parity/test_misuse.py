"""Arguments of wrong types, in every position of every op: PyTorch's exception type, and a message that names the op and the argument."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import _methods
from autograd_core.op import REGISTRY
from docs.make_methods import Signature

from ..registry.cases import GOOD, Case, arguments, attributes, tensors
from .test_ops import converted, counterpart, option

torch = pytest.importorskip("torch")


class Nothing:
    """A value that no function takes."""


WRONG: list[tuple[Any, Any]] = [(Nothing(), Nothing()), ("text", "text"), ([Nothing()], [Nothing()]), (ag.ones(2, 2), torch.ones(2, 2)), ({"a": 1}, {"a": 1})]
"""Ours and PyTorch's."""
FIRST = {case.name: case for case in reversed(GOOD) if counterpart(case) is not None and case.declared.varargs is None}


def by_position(case: Case) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """The names of the positional arguments of a sample, and all its values here and there."""
    values = arguments(case)
    declared = REGISTRY.get(case.name)
    names = list(declared.inputs) if declared is not None and not declared.variadic else Signature(case.declared.signature).positional[: len(values)]
    mine, others = dict(zip(names, tensors(case, values), strict=False)), dict(zip(names, map(converted, values), strict=False))
    for name, value in attributes(case).items():
        mine[name], others[name] = value, option(name, value)
    order = []
    for name in Signature(case.declared.signature).positional:
        if name not in mine:
            break
        order.append(name)
    return order, mine, others


def raised(function: Any, order: list[str], values: dict[str, Any]) -> Exception | None:
    with np.errstate(all="ignore"):
        try:
            function(*[values[name] for name in order], **{name: value for name, value in values.items() if name not in order})
        except Exception as error:
            return error
    return None


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(FIRST))
def test_wrong_types(name: str) -> None:
    case = FIRST[name]
    order, mine, others = by_position(case)
    annotation = Signature(case.declared.signature).annotation
    for argument in order:
        for ours, theirs in WRONG:
            if isinstance(ours, ag.Tensor) and "Tensor" in annotation[argument]:
                continue
            error = raised(getattr(_methods, name), order, {**mine, argument: ours})
            expected = raised(counterpart(case), order, {**others, argument: theirs})
            if error is not None and isinstance(expected, TypeError):
                what = f"{argument}={ours!r}: {type(error).__name__}: {error}"
                assert isinstance(error, TypeError), what
                assert f"argument '{argument}'" in str(error) or case.declared.spoken in str(error), what
