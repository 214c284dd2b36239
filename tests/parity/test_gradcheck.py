"""``gradcheck`` and ``gradgradcheck`` have PyTorch's parameters, and come to the same verdicts."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import autograd_core as ag  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")

@pytest.mark.parametrize("name", ["gradcheck", "gradgradcheck"])
def test_signatures_agree(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(library.autograd, name)).parameters for library in (ag, torch))
    assert {key: parameter.default for key, parameter in ours.items()} == {key: parameter.default for key, parameter in theirs.items()}


@pytest.mark.parametrize("keywords", [{}, {"fast_mode": True}, {"check_forward_ad": True}, {"check_batched_grad": True}, {"check_forward_ad": True, "check_batched_forward_grad": True},
                                      {"check_undefined_grad": False}, {"check_grad_dtypes": True}, {"check_backward_ad": False, "check_forward_ad": True}])
@pytest.mark.parametrize(("function", "right"), [(lambda x: (x * x).exp(), True), (lambda x: (x.sin(), x.sum()), True), (lambda x: x.detach() * x, False)])
def test_verdicts_agree(function: Any, right: bool, keywords: dict[str, bool]) -> None:
    for library in (ag, torch):
        x = library.tensor([[0.5, 1.5], [-0.7, 0.2]], dtype=library.float64, requires_grad=True)
        assert library.autograd.gradcheck(function, (x,), raise_exception=False, **keywords) is right
