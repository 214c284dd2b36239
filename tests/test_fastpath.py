"""When a function gets its fast path, and what stays as it was. That it computes the same is seen in ``tests/registry``."""

from __future__ import annotations

import inspect
import subprocess
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import _methods, fastpath
from autograd_core.op import COMPOSITES, REGISTRY
from docs import make_methods

ROOT = Path(__file__).parents[1]
SCRIPT = """
import inspect
import autograd_core as ag
from autograd_core.op import REGISTRY
x = ag.ones(3, requires_grad=True)
signature, held = inspect.signature(ag.tanh), ag.tanh
names = []
for _ in range(5):
    y = held(x)
    names.append(held.__code__.co_filename.startswith("<fast path"))
print(names, ag.Tensor.tanh is held, inspect.signature(held) == signature, held.__doc__ != "", REGISTRY["tanh"].cold)
"""


def test_the_third_call_makes_it_for_all_who_hold_the_function() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[False, False, True, True, True] True True True 0"


PROFILED = """
import autograd_core as ag
from autograd_core import fastpath
made = fastpath.install
x = ag.ones(3)
with ag.profile() as p:
    from autograd_core import dispatch
    dispatch.install = lambda op: (print(op.name, len(p.events), ag.tanh.__code__.co_filename.startswith("<fast path")), made(op))
    ag.tanh(x), ag.tanh(x)
print(len(p.events), ag.tanh.__code__.co_filename.startswith("<fast path"))
"""


def test_a_profile_has_it_made_before_the_first_clock_starts() -> None:
    done = subprocess.run([sys.executable, "-c", PROFILED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["tanh 0 False", "2 True"]


def test_every_op_but_a_few_gets_one() -> None:
    without = {op.name for op in REGISTRY.values() if not fastpath.eligible(op) and op.kind != "update"}
    assert without <= {"draw_permutation"}  # its attribute is called as one of the code's own variables is


def test_composites_are_given_the_same_before_and_after() -> None:
    for name, made in COMPOSITES.items():
        told, seen = inspect.signature(made.function), []
        stubs = {f"_{name}": SimpleNamespace(function=lambda *inputs, told=told, seen=seen, **attrs: seen.append(told.bind(*inputs, **attrs).arguments)), "F": None,
                 "compose": lambda made, inputs, attrs, out=None: made.function(None, *inputs, **attrs)}
        given, named = [], {}
        for each in inspect.signature(getattr(_methods, name)).parameters.values():
            absent = each.name in ("axis", "keepdims", "out") and each.name not in told.parameters
            value = None if absent else True if each.name == "keepdim" else (2, 3) if each.name == made.varargs else object()
            if each.kind is each.KEYWORD_ONLY:
                named[each.name] = value
            elif each.kind is not each.VAR_POSITIONAL:
                given.append(value)
            elif made.varargs is None:
                given += [value, object()]
        for text in (make_methods.composite(made), fastpath.source(made)):
            space = vars(_methods) | stubs
            exec(f"from __future__ import annotations\n{text}", space)
            space[name](*given, **named)
        assert seen[0] == seen[1], name
        assert None not in list(seen[0].values())[1:], name


def test_defaults_and_names_stay() -> None:
    assert inspect.signature(ag.sum).parameters["keepdim"].default is False
    x = ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert ag.sum(x, axis=0, keepdims=True).tolist() == x.sum(dim=0, keepdim=True).tolist() == [[4.0, 6.0]]


def test_tracebacks_show_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arrays: object, **attributes: object) -> None:
        raise RuntimeError("on purpose")

    fastpath.install(REGISTRY["tanh"])
    monkeypatch.setattr(_methods, "_u_tanh", fails)
    with pytest.raises(RuntimeError, match="on purpose") as caught:
        ag.tanh(ag.ones(3))
    assert any("_u_tanh" in (frame.line or "") for frame in traceback.extract_tb(caught.value.__cause__.__traceback__))


@pytest.mark.parametrize("number", [3, 3.0])
def test_numbers_stand_first(number: float) -> None:
    x = ag.tensor([1.0, 2.0, 4.0], requires_grad=True)
    for result, value, slope in ((number - x, [2, 1, -1], [-1, -1, -1]), (number / x, [3, 1.5, 0.75], [-3, -0.75, -0.1875]),
                                 (number**x, [3, 9, 81], [3 * np.log(3), 9 * np.log(3), 81 * np.log(3)])):
        np.testing.assert_allclose(result.detach().numpy(), value, rtol=1e-6)
        np.testing.assert_allclose(ag.autograd.grad(result.sum(), x)[0].numpy(), slope, rtol=1e-6)
    whole = ag.tensor([1, 2])
    assert (number - whole).dtype == (ag.int64 if isinstance(number, int) else ag.float32)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_real_numbers_of_all_precisions_take_it(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*arguments: object) -> None:
        raise AssertionError("the general path was taken")

    monkeypatch.setattr(_methods, "apply", refuses)
    monkeypatch.setattr(_methods, "write", refuses)
    x = ag.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
    y = (x * x + 1).sin()
    y.mul_(0.5)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype
    np.testing.assert_allclose(x.grad.tolist(), [np.cos(2), 2 * np.cos(5)], rtol=2e-3)


def test_an_operand_that_shares_the_written_memory_is_read_first() -> None:
    x = ag.arange(6.0).clone()
    x[1:].add_(x[:-1])
    assert x.tolist() == [0, 1, 3, 5, 7, 9]
    y = ag.arange(4.0).clone()
    y.mul_(y).sub_(y.flip(0))
    assert y.tolist() == [-9, -3, 3, 9]


def test_a_write_that_would_grow_the_tensor_is_refused() -> None:
    x = ag.ones(3)
    for other in (ag.ones(2, 3), ag.ones(1, 3)):
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            x.add_(other)
    assert x.add_(ag.ones(1)).tolist() == [2, 2, 2]


def test_indexed_writes_leave_the_memory_in_place() -> None:
    x = ag.zeros(4, 3)
    before = x.data_ptr()
    x.index_add_(0, ag.tensor([0, 0, 2]), ag.ones(3, 3))
    x[ag.tensor([3])] = 5.0
    assert x.data_ptr() == before
    assert x.tolist() == [[2, 2, 2], [0, 0, 0], [1, 1, 1], [5, 5, 5]]
