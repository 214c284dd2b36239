"""The table of operations: importing it declares them all.

``autograd_core.ops.<name>`` is the declaration of an op, also of those without a public function.
"""

from __future__ import annotations

from typing import Any

from ..op import REGISTRY
from . import (  # noqa: F401 - the order of declaration is the order of the docs
    activation,
    adaptive,
    arithmetic,
    arrange,
    attention,
    bilinear,
    binary_cross_entropy,
    choose,
    classes,
    combine,
    compare,
    complex_numbers,
    conv,
    convolution,
    count,
    cross_entropy,
    ctc,
    decompositions,
    differences,
    distance,
    dropout,
    einsum,
    embedding,
    exponential,
    extrema,
    fft,
    fold,
    fourier,
    gates,
    gather,
    getitem,
    grid,
    index,
    integers,
    interpolate,
    inverse,
    join,
    likelihood,
    lookup,
    loss,
    lu,
    margin,
    masks,
    matrix_functions,
    matrix_norms,
    moments,
    norm,
    order,
    pad,
    pixel,
    polynomials,
    pool,
    pooling,
    products,
    pseudoinverse,
    random,
    rectifiers,
    reduce,
    reflectors,
    rounding,
    rows,
    running,
    scan,
    scatter,
    search,
    shape,
    slopes,
    softmax,
    solve,
    sort,
    special,
    spectral,
    spectrogram,
    statistics,
    trigonometric,
    update,
    vectors,
    views,
    windows,
    write,
)


def __getattr__(name: str) -> Any:
    try:
        return REGISTRY[name]
    except KeyError:
        raise AttributeError(f"no op is called {name!r}") from None
