"""The table of ops in the docs is what the declarations say."""

from __future__ import annotations

import ast

import pytest

from autograd_core.op import COMPOSITES, REGISTRY
from docs import make_optable as optable


def test_is_current() -> None:
    assert optable.TARGET.read_text(encoding="utf-8") == optable.generate(), "run python docs/make_optable.py"


def test_every_op_stands_in_one_family() -> None:
    listed = [declared.name for _, family in optable.families() for declared in family]
    assert sorted(listed) == sorted([*REGISTRY, *COMPOSITES])


def test_a_row_says_what_the_declaration_says() -> None:
    assert optable.row(REGISTRY["mul"]) == ["`mul`, `multiply`", "`input * other`", "input: `g * other`<br>other: `g * input`", "`torch.mul`", "`np.multiply`", "", "aligned", "diagonal", "fake"]
    assert optable.row(REGISTRY["reshape"])[5] == "view"
    assert optable.row(COMPOSITES["mse_loss"])[2:4] == ["composite", "`nn.functional.mse_loss`"]
    assert optable.row(REGISTRY["squared_error"])[0] == "*squared_error*"


def test_formulas_are_expressions() -> None:
    rules = [rule for op in REGISTRY.values() for rule in op.rules.values() if rule.formula is None]
    found = [optable.formula(rule).removeprefix("… ") for rule in rules]
    assert all(text and text != "…" for text in found)
    for text in found:
        if not text.endswith("…"):
            ast.parse(text, mode="eval")


@pytest.mark.parametrize("doc", ["One. Two.", "One.\n\nTwo."])
def test_the_first_sentence(doc: str) -> None:
    assert optable.sentence(doc) == "One"
