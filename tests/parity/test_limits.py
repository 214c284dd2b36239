"""``finfo`` and ``iinfo`` beside PyTorch's."""

from __future__ import annotations

import pytest
import torch

import autograd_core as ag


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"])
def test_finfo(name):
    ours, theirs = ag.finfo(getattr(ag, name)), torch.finfo(getattr(torch, name))
    for field in ("bits", "dtype", "max", "min", "eps", "tiny", "smallest_normal", "resolution"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo(name):
    ours, theirs = ag.iinfo(getattr(ag, name)), torch.iinfo(getattr(torch, name))
    for field in ("bits", "dtype", "max", "min"):
        assert getattr(ours, field) == getattr(theirs, field), field
    if name not in ("int32", "int64"):  # PyTorch shows their limits rounded
        assert repr(ours) == repr(theirs)


def test_the_default_is_the_default_dtype():
    assert ag.finfo().dtype == "float32"
    ag.set_default_dtype(ag.float64)
    assert ag.finfo().dtype == "float64"


@pytest.mark.parametrize(("function", "kind"), [("finfo", "int64"), ("finfo", "bool"), ("iinfo", "float32"), ("iinfo", "bool"), ("iinfo", "complex64")])
def test_other_dtypes_are_refused(function, kind):
    for library in (ag, torch):
        with pytest.raises(TypeError):
            getattr(library, function)(getattr(library, kind))
        with pytest.raises(TypeError):
            getattr(library, function)("float32")
