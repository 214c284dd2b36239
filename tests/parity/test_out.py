"""The functions that take ``out=``, and what they do with it, against PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from autograd_core.op import public_name

from ..registry.cases import GOOD, Case, arguments
from ..test_out import WITH_OUT
from . import test_ops
from .test_ops import MODULES, converted, theirs

torch = pytest.importorskip("torch")

PLACES = ("torch", "linalg", "special", "fft")
REFUSED = "out|invalid combination of arguments|missing .* required positional"


def takes_out(case: Case, function: Any, monkeypatch: pytest.MonkeyPatch) -> bool | None:
    """Whether PyTorch's function takes it; ``None`` where the sample is none of its calls."""
    values = [converted(value) for value in arguments(case)]
    monkeypatch.setattr(test_ops, "counterpart", lambda case: function)
    try:
        result = theirs(case, values)
        outs = tuple(torch.empty(0, dtype=part.dtype) for part in result) if isinstance(result, (tuple, list)) else torch.empty(0, dtype=result.dtype)
    except Exception:
        return None
    monkeypatch.setattr(test_ops, "counterpart", lambda case: lambda *args, **options: function(*args, **options, out=outs))
    try:
        theirs(case, values)
    except (TypeError, RuntimeError):
        return False
    return True


def test_the_same_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, bool] = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"), torch.no_grad():
        warnings.simplefilter("ignore")
        for case in GOOD:
            for place in PLACES:
                function = getattr(MODULES[place], public_name(case.name, place), None) if place in case.declared.places else None
                if function is not None and not found.get(case.name):
                    answer = takes_out(case, function, monkeypatch)
                    if answer is not None:
                        found[case.name] = answer
    assert len(found) > 380
    assert sorted(name for name, there in found.items() if there != (name in WITH_OUT)) == []
