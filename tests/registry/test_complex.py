"""Every op on complex numbers, of which most samples have none: a refusal, or gradients that equal difference quotients.

A gradient holds the steepest ascent of the real part and of the imaginary part, so along a direction the function
changes by the real part of the conjugate gradient times the direction. Each result is weighed into one real number by
its real and its imaginary part, so that a gradient which is conjugated by mistake cannot pass.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
from autograd_core import Tensor

from .cases import GOOD, Case, arguments, call, flat, gradient_wanted, leaves, results, tensors

GAUGE = {"linalg_svd": "singular vectors have a free phase", "svd_lowrank": "as svd", "pca_lowrank": "as svd", "svd": "singular vectors have a free phase", "linalg_eig": "eigenvectors have a free phase",
         "linalg_eigh": "only one triangle is read", "linalg_eigvalsh": "only one triangle is read", "linalg_cholesky": "only one triangle is read",
         "linalg_cholesky_ex": "only one triangle is read", "cholesky": "only one triangle is read", "pseudo_inverse": "`hermitian` reads one triangle",
         "linalg_pinv": "`hermitian` reads one triangle"}
"""Ops whose results or inputs are determined only up to what is named: tested with the decompositions."""


def _float_inputs(case: Case) -> bool:
    return any(isinstance(value, np.ndarray) and value.dtype.kind == "f" for value in flat(arguments(case)))


CASES = [case for case in GOOD if case.differentiable and not case.singular and case.name not in GAUGE
         and getattr(case.declared, "kind", "") not in ("random", "update") and _float_inputs(case)]


def weighed(outputs: Any) -> Any:
    """One real number in which every part of every result has a weight of its own."""
    total: Any = 0.0
    for position, result in enumerate(results(outputs)):
        if not isinstance(result, Tensor) or not (result.is_complex() or result.is_floating_point()):
            continue
        places = np.arange(result.numel()).reshape(result.shape)
        total = total + (result.real * Tensor(np.cos(0.7 * places + position) + 0.5)).sum()
        if result.is_complex():
            total = total + (result.imag * Tensor(np.sin(1.3 * places + position) + 0.4)).sum()
    return total


def shifted(values: Any, directions: Any, step: float) -> Any:
    """The inputs moved along their directions."""
    if isinstance(values, list):
        return [shifted(value, direction, step) for value, direction in zip(values, directions, strict=True)]
    return values if directions is None else np.asarray(values + step * directions)


def made_complex(values: Any, stream: np.random.Generator) -> Any:
    """Floating-point arrays with an imaginary part."""
    if isinstance(values, list):
        return [made_complex(value, stream) for value in values]
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        return np.asarray(values + 1j * stream.uniform(-0.5, 0.5, values.shape))
    return values


def chosen_directions(case: Case, values: list[Any], stream: np.random.Generator) -> list[Any]:
    """A random direction for each input that has a gradient."""
    def direction(value: Any, position: int) -> Any:
        if isinstance(value, list):
            return [direction(each, position) for each in value]
        if not isinstance(value, np.ndarray) or not gradient_wanted(case, position, value):
            return None
        random = stream.standard_normal(value.shape)
        return random + 1j * stream.standard_normal(value.shape) if value.dtype.kind == "c" else random

    return [direction(value, position) for position, value in enumerate(values)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_complex_numbers_are_refused_or_differentiated(case: Case) -> None:
    stream = np.random.default_rng(zlib.crc32(f"{case} complex".encode()))
    values = made_complex(arguments(case), stream)
    directions = chosen_directions(case, values, stream)
    try:
        inputs = tensors(case, values, grad=True)
        outputs = call(case, inputs)
    except (RuntimeError, TypeError, ValueError):
        return
    differentiated = [i for i, result in enumerate(results(outputs)) if isinstance(result, Tensor) and result.requires_grad]
    if not differentiated:
        return
    root = weighed([results(outputs)[i] for i in differentiated])
    gradients = ag.autograd.grad(root, leaves(inputs), allow_unused=True)
    analytic = sum(float((np.conj(gradient.numpy()) * direction).real.sum())
                   for gradient, direction in zip(gradients, [each for each in flat(directions) if each is not None], strict=True) if gradient is not None)
    step = 1e-6

    def at(distance: float) -> float:
        found = results(call(case, tensors(case, shifted(values, directions, distance))))
        return float(weighed([found[i] for i in differentiated]).item())

    quotient = (at(step) - at(-step)) / (2 * step)
    np.testing.assert_allclose(analytic, quotient, rtol=1e-5, atol=1e-5)
