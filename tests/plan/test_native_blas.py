"""The BLAS of large products: NumPy's own, or the one that the environment names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core.plan.native import products


def product_of(x: Any, y: Any) -> Any:
    f = ag.compile(lambda x, y: x @ y, backend="native")
    for _ in range(3):
        result = f(x, y)
    return result


@pytest.mark.native
def test_a_library_that_is_named_makes_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = [Path(library._name) for library in products._libraries()]
    chosen = next(path for path in libraries if path.is_file())
    monkeypatch.setenv(products.CHOICE, str(chosen))
    assert products.blas() == products._found(str(chosen))
    x, y = np.arange(80 * 90.0).reshape(80, 90) % 7, np.arange(90 * 100.0).reshape(90, 100) % 5
    assert (product_of(ag.from_numpy(x), ag.from_numpy(y)).numpy() == x @ y).all()


@pytest.mark.native
@pytest.mark.parametrize(("name", "said"), [("/nowhere/libblas.so", "cannot be loaded"), ("mkl", "pip install mkl")])
def test_a_library_that_is_not_there_is_an_error_that_names_it(name: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(products.CHOICE, name)
    monkeypatch.setattr(products.sys, "prefix", str(tmp_path))
    products._found.cache_clear()
    with pytest.raises(RuntimeError, match=said):
        product_of(ag.ones(100, 100), ag.ones(100, 100))


def test_a_library_without_products_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import _ctypes

    monkeypatch.setenv(products.CHOICE, _ctypes.__file__)
    with pytest.raises(RuntimeError, match="no cblas_sgemm"):
        products.blas()
