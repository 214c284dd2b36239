"""What few programs call: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample, distinct, ints, span
from autograd_core.ops.matrices import regular

ORTHOGONAL = ("chebyshev_polynomial_t", "chebyshev_polynomial_u", "chebyshev_polynomial_v", "chebyshev_polynomial_w", "shifted_chebyshev_polynomial_t", "shifted_chebyshev_polynomial_u",
              "shifted_chebyshev_polynomial_v", "shifted_chebyshev_polynomial_w", "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p")

SAMPLES: dict[str, list[Sample]] = {
    **{f"special_{name}": [S(span(-0.9, 0.9, 3, 4), n=3), S(span(0.1, 0.9), n=1), S((0, 2), n=2), S(span(0.1, 0.9, 2, 1), n=Arg(values=[0, 3, -1, 5])), S((3,), n=0), S((3,), n=-2)]
       for name in ORTHOGONAL},
    "special_spherical_bessel_j0": [S((3, 4)), S(()), S((0,)), S(Arg(values=[0.0, 1e-3, -0.45, 0.55, 9.0]))],
    "index_reduce": [
        *(S((3, 2), ints(4, high=3), distinct(4, 2), dim=0, reduce=reduce, include_self=own) for reduce in ("prod", "mean", "amax", "amin") for own in (True, False)),
        S((2, 3), ints(2, high=3), distinct(2, 2), dim=-1, reduce="amax"), S((2, 3), ints(2), (2, 2), dim=0, reduce="prod", error=RuntimeError, match="of the shape"),
        S((3,), ints(2), (2,), dim=0, reduce="sum", error=RuntimeError, match="Expected reduce to be one of prod")],
    "renorm": [S((3, 4), p=2, dim=0, maxnorm=0.5), S((2, 3, 4), p=1, dim=-1, maxnorm=2.0), S((2, 3), p=3.0, dim=1, maxnorm=100.0), S((3,), p=2, dim=0, maxnorm=1.0, error=RuntimeError, match="at least 2"),
               S((2, 3), p=0, dim=0, maxnorm=1.0, error=RuntimeError, match="non-positive-norm")],
    "frobenius_norm": [S((3, 4), dim=(0, 1)), S((2, 3, 4), dim=1, keepdim=True)],
    "nuclear_norm": [S(regular(3, 4)), S(regular(2, 3, 3), dim=(1, 2), keepdim=True), S((3,), error=RuntimeError, match="at least 2 dimensions")],
    "narrow_copy": [S((3, 4), dim=1, start=1, length=2), S((3,), dim=0, start=2, length=2, error=RuntimeError, match="exceeds")],
    "unravel_index": [S(ints(4, high=12), shape=(3, 4)), S(ints(high=5), shape=5)],
    "constant_pad_nd": [S((2, 3), pad=(1, 2)), S((2, 3), pad=(1, 0, 0, 2), value=1.5)],
    "lu": [S(regular(3, 3)), S(regular(2, 2, 2), get_infos=True), S((2, 2), pivot=False, error=RuntimeError, match="without pivoting")],
    "lu_solve": [S((3, 2), regular(3, 3), Arg(values=[3, 2, 3])), S((2, 2), regular(3, 3), Arg(values=[3, 2, 3]), error=RuntimeError, match="Incompatible shapes")],
    "linalg_solve_ex": [S(regular(3, 3), (3, 2)), S(regular(3, 3), (3,)), S(regular(2, 3, 3), (2, 3)), S(regular(3, 3), (2, 3), left=False), S(regular(3, 3), (3, 1), check_errors=True),
                        S(Arg(values=[[1.0, 2.0], [2.0, 4.0]]), (2, 1), check_errors=True, error=RuntimeError, match="linalg.solve_ex.* singular|is zero"), S((2, 3), (2,), error=RuntimeError, match="linalg")],
    "triangular_solve": [S((3, 2), regular(3, 3)), S((3, 2), regular(3, 3), upper=False, transpose=True), S((2, 3, 1), regular(2, 3, 3), unitriangular=True, transpose=True)],
    "linalg_householder_product": [S((3, 3), (2,)), S((2, 4, 2), (2, 2)), S((2, 3), (2,), error=RuntimeError, match="must be greater than or equal")],
    "orgqr": [S((3, 2), (2,))],
    "ormqr": [S((3, 2), (2,), (3, 2)), S((3, 2), (2,), (3, 2), transpose=True), S((3, 2), (2,), (2, 3), left=False), S((2, 3, 2), (2, 2), (2, 2, 3), left=False, transpose=True),
              S((3, 2), (2,), (2, 2), error=RuntimeError, match="must be equal to")],
    "svd_lowrank": [S(regular(3, 4), q=2), S(regular(4, 3), 3, 2, (4, 3))],
    "pca_lowrank": [S((4, 3), q=2), S((2, 2), q=3, error=ValueError, match="not greater than"), S(regular(3, 3), q=2, center=False)],
    "histogram": [S((7,), 3), S((2, 4), Arg(values=[-2.0, 0.0, 0.5, 1.0])), S((6,), 4, range=(-1.0, 1.5), weight=span(0, 1, 6), density=True), S((0,), 2), S(Arg(values=[1.0, 1.0]), 2),
                  S((3,), 0, error=RuntimeError, match="bins must be > 0")],
    "fractional_max_pool2d": [
        S(distinct(2, 1, 5, 6), kernel_size=2, output_size=(2, 3), _random_samples=span(0.1, 0.9, 2, 1, 2)), S(distinct(2, 5, 6), kernel_size=(2, 3), output_ratio=(0.5, 0.5), return_indices=True, _random_samples=span(0.1, 0.9, 1, 2, 2)),
        S((1, 4, 4), kernel_size=2, error=ValueError, match="requires specifying either"), S((1, 4, 4), kernel_size=3, output_size=3, error=RuntimeError, match="too large relative"),
        S((4, 4), kernel_size=2, output_size=1, error=IndexError, match="expected 3D or 4D"), S((1, 4, 4), kernel_size=2, output_ratio=(1.5, 1.5), error=RuntimeError, match="too large")],
    "fractional_max_pool3d": [S(distinct(1, 1, 3, 4, 5), kernel_size=2, output_size=(1, 2, 3), _random_samples=span(0.1, 0.9, 1, 1, 3))],
}
ELSEWHERE: dict[str, str] = {"histogramdd": "tests/test_names.py"}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset(("histogram", "unravel_index"))
