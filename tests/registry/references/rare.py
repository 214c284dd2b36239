"""What few programs call, as NumPy, SciPy or a closed form says it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import scipy.linalg
from scipy import special

from .common import Reference, pad
from .indexing import scatter_reduce
from .linear_algebra import UNIQUE_UP_TO_SIGNS, no_info, packed, solve_triangular, solved_by_factors

BYTES = "tests/test_names.py looks at the bytes"
ORTHOGONAL = {
    "chebyshev_polynomial_t": special.eval_chebyt, "chebyshev_polynomial_u": special.eval_chebyu,
    "chebyshev_polynomial_v": lambda n, x: np.cos((n + 0.5) * np.arccos(x)) / np.cos(0.5 * np.arccos(x)),
    "chebyshev_polynomial_w": lambda n, x: np.sin((n + 0.5) * np.arccos(x)) / np.sin(0.5 * np.arccos(x)),
    "hermite_polynomial_h": special.eval_hermite, "hermite_polynomial_he": special.eval_hermitenorm, "laguerre_polynomial_l": special.eval_laguerre,
    "legendre_polynomial_p": special.eval_legendre,
}


def polynomial(name: str, shift: bool = False) -> Reference:
    """SciPy's polynomial; 0 for negative degrees, as PyTorch has it."""

    def value(x: Any, *, n: Any) -> Any:
        x = np.asarray(2 * x - 1 if shift else x, dtype="float64")
        found = ORTHOGONAL[name](np.maximum(n, 0), x + 0j if name[-1] in "vw" else x)
        return np.where(np.asarray(n) < 0, 0.0, np.real(found))

    return value


def index_reduce(input: Any, index: Any, source: Any, *, dim: int, reduce: str, include_self: bool = True) -> Any:
    spread = np.moveaxis(np.broadcast_to(index, (*np.delete(source.shape, dim), len(index))), -1, dim)
    return scatter_reduce(input, spread, source, dim=dim, reduce=reduce, include_self=include_self)


def renorm(input: Any, *, p: float, dim: int, maxnorm: float) -> Any:
    rows = np.array(np.moveaxis(input, dim, 0))
    for row in rows:
        norm = np.sum(np.abs(row) ** p) ** (1 / p)
        row *= maxnorm / (norm + 1e-7) if norm > maxnorm else 1
    return np.moveaxis(rows, 0, dim)


def reflections(vectors: Any, tau: Any) -> Any:
    """The product of the matrices 1 - tau v v^H."""
    m = len(vectors)
    product = np.eye(m, dtype=vectors.dtype)
    for i, factor in enumerate(tau):
        v = np.concatenate([np.zeros(i), [1.0], vectors[i + 1 :, i]])
        product = product @ (np.eye(m) - factor * np.outer(v, v.conj()))
    return product


def householder_product(input: Any, tau: Any) -> Any:
    return np.array([reflections(input[i], tau[i])[:, : input.shape[-1]] for i in itertools.product(*map(range, input.shape[:-2]))]).reshape(input.shape)


def ormqr(input: Any, tau: Any, other: Any, *, left: bool = True, transpose: bool = False) -> Any:
    found = []
    for i in itertools.product(*map(range, input.shape[:-2])):
        Q = reflections(input[i], tau[i])
        Q = Q.conj().T if transpose else Q
        found.append(Q @ other[i] if left else other[i] @ Q)
    return np.array(found).reshape(other.shape)


def geqrf(input: Any) -> Any:
    """LAPACK's, one matrix after the other."""
    found = [scipy.linalg.qr(input[i], mode="raw")[0] for i in itertools.product(*map(range, input.shape[:-2]))]
    return np.array([a for a, _ in found]).reshape(input.shape), np.array([t for _, t in found]).reshape(*input.shape[:-2], -1)


def triangular_solve(b: Any, A: Any, *, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    turned = A.swapaxes(-1, -2) if transpose else A
    return solve_triangular(turned, b, upper=upper != transpose, unitriangular=unitriangular), A


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    vector = B.ndim == 1 or B.shape == A.shape[:-1]
    found = np.linalg.solve(A, B[..., None])[..., 0] if vector else np.linalg.solve(A, B) if left else np.linalg.solve(A.swapaxes(-1, -2), B.swapaxes(-1, -2)).swapaxes(-1, -2)
    return found, no_info(A.shape[:-2])


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    return np.histogram(input, bins, range=range, weights=weight, density=density)


def fractional_max_pool(input: Any, *, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False, _random_samples: Any = None) -> Any:
    count = _random_samples.shape[-1]
    image, lead = input.shape[-count:], input.shape[:-count]
    kernel = (kernel_size,) * count if isinstance(kernel_size, int) else kernel_size
    size = output_size if output_size is not None else tuple(int(n * ratio) for n, ratio in zip(image, output_ratio, strict=True))
    values, places = np.zeros((*lead, *size)), np.zeros((*lead, *size), dtype=int)
    numbers = np.arange(np.prod(image)).reshape(image)
    for plane in itertools.product(*map(range, lead)):
        shifts = _random_samples[plane if len(plane) == 2 else (0, *plane)]
        starts = []
        for axis, (n, k, out) in enumerate(zip(image, kernel, size, strict=True)):
            u = shifts[::-1][axis] if count == 2 else shifts[axis]
            a = (n - k) / (out - 1) if out > 1 else 0.0
            starts.append([int((i + u) * a) - int(u * a) for i in range(out - 1)] + [n - k])
        for at in itertools.product(*map(range, size)):
            window = tuple(slice(starts[axis][at[axis]], starts[axis][at[axis]] + kernel[axis]) for axis in range(count))
            values[plane + at] = input[plane][window].max()
            places[plane + at] = numbers[window].reshape(-1)[input[plane][window].argmax()]
    return (values, places) if return_indices else values


REFERENCES: dict[str, Reference] = {
    "special_bessel_j0": special.j0, "special_bessel_j1": special.j1, "special_bessel_y0": special.y0, "special_bessel_y1": special.y1,
    "special_modified_bessel_k0": special.k0, "special_modified_bessel_k1": special.k1, "special_scaled_modified_bessel_k0": special.k0e,
    "special_scaled_modified_bessel_k1": special.k1e, "special_airy_ai": lambda x: special.airy(x)[0], "airy_slope": lambda x: special.airy(x)[1],
    "special_spherical_bessel_j0": lambda x: special.spherical_jn(0, x),
    "igamma": special.gammainc, "igammac": special.gammaincc, **{f"special_{name}": polynomial(name) for name in ORTHOGONAL},
    **{f"special_shifted_{name}": polynomial(name, True) for name in ORTHOGONAL if name.startswith("chebyshev")},
    "index_reduce": index_reduce, "renorm": renorm, "frobenius_norm": lambda a, *, dim, keepdim=False: np.sqrt(np.sum(a * a, axis=dim, keepdims=keepdim)),
    "nuclear_norm": lambda a, *, dim=(-2, -1), keepdim=False: np.linalg.norm(a, "nuc", axis=dim, keepdims=keepdim),
    "narrow_copy": lambda a, *, dim, start, length: np.take(a, range(start, start + length), axis=dim), "unravel_index": lambda a, *, shape: np.unravel_index(a, shape),
    "constant_pad_nd": lambda a, *, pad, value=0: constant(a, pad, value), "lu": lambda A, *, get_infos=False: (*packed(A), *([no_info(A.shape[:-2])] if get_infos else [])),
    "lu_solve": lambda b, LU, pivots: solved_by_factors(LU, pivots, b), "linalg_solve_ex": solve_ex, "triangular_solve": triangular_solve,
    "linalg_householder_product": householder_product, "orgqr": householder_product, "ormqr": ormqr, "geqrf": geqrf,
    "histogram": histogram, "fractional_max_pool2d": fractional_max_pool, "fractional_max_pool3d": fractional_max_pool,
}
NO_REFERENCE: dict[str, str] = {"svd_lowrank": UNIQUE_UP_TO_SIGNS, "pca_lowrank": UNIQUE_UP_TO_SIGNS, "view_dtype": BYTES}


def constant(a: Any, widths: Any, value: Any) -> Any:
    return pad(a, pad=widths, value=value)
