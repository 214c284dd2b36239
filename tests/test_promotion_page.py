"""The page on dtypes is current, and bfloat16 says what it needs."""

from __future__ import annotations

import sys

import pytest

from autograd_core import dtypes
from docs import make_promotion_page as promotion_page


def test_the_page_is_current() -> None:
    assert promotion_page.TARGET.read_text(encoding="utf-8") == promotion_page.page()


def test_bfloat16_names_the_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    fresh = dtypes.dtype("bfloat16", 5, "f", 2)
    assert fresh.is_floating_point
    assert repr(fresh) == "autograd_core.bfloat16"
    with pytest.raises(ImportError, match="autograd-core\\[bfloat16\\]"):
        _ = fresh.dtype


def test_promotion_of_bfloat16_needs_no_package() -> None:
    assert dtypes.as_dtype("bfloat16") is dtypes.bfloat16
    assert dtypes.bfloat16 != dtypes.float16
    assert {dtypes.bfloat16: 1}[dtypes.as_dtype("bfloat16")] == 1
