"""Linear algebra and Fourier transforms: samples of the composites."""

from __future__ import annotations

import math

from autograd_core.op import Arg, S, Sample, distinct, ints, span
from autograd_core.ops.matrices import positive, regular

INF = math.inf
NOT_SQUARE = S((2, 3), error=RuntimeError, match="square matrices, but they are 2 by 3")
ROTATING = Arg(values=[[1.0, -2.0, 0.3], [1.5, 0.8, 0.2], [0.1, -0.4, 3.0]])

SAMPLES: dict[str, list[Sample]] = {
    "inverse": [S(regular(3, 3)), S(regular(2, 2, 2)), NOT_SQUARE],
    "det": [S(regular(3, 3)), S(regular(2, 2, 2)), NOT_SQUARE],
    "slogdet": [S(regular(3, 3)), S(regular(2, 2, 2)), NOT_SQUARE],
    "logdet": [S(positive(3, 3)), S(positive(2, 2, 2)), NOT_SQUARE],
    "cholesky": [S(positive(3, 3)), S(positive(2, 2, 2), upper=True), NOT_SQUARE],
    "cholesky_solve": [S((3, 2), regular(3, 3)), S((2, 3, 1), regular(2, 3, 3), upper=True), S((2, 2), regular(3, 3), error=RuntimeError, match="Incompatible matrix sizes")],
    "linalg_lu_factor_ex": [S(regular(3, 3)), S(regular(2, 2, 2), check_errors=True), S((2, 2), pivot=False, error=RuntimeError, match="without pivoting")],
    "linalg_ldl_factor": [S(regular(3, 3)), S(Arg(values=[[0.0, 1.0], [1.0, 0.0]])), S((0, 2, 2)), S((2,), error=RuntimeError, match="at least 2 dimensions")],
    "linalg_ldl_solve": [
        S(regular(3, 3), Arg(values=[3, 2, 3]), (3, 2)), S(regular(3, 3), Arg(values=[1, -3, -3]), (2, 3, 1)), S(regular(2, 2, 2), Arg(values=[[-2, -2], [1, 2]]), (2, 2)),
        S(regular(3, 3), Arg(values=[1, 2, 3]), (2, 2), error=RuntimeError, match="Incompatible matrix sizes"), S(regular(3, 3), Arg(values=[1, 2]), (3, 2), error=RuntimeError, match="pivots"),
        S(regular(2, 2), (2,), (2, 2), error=RuntimeError, match="integers")],
    "linalg_lu_factor": [S(regular(3, 3)), S((4, 2)), S(regular(2, 2, 2)), S(Arg(values=[[1.0, 2.0], [2.0, 4.0]]), error=RuntimeError, match="U.2,2. is zero")],
    "linalg_lu": [S(regular(3, 3)), S((4, 2)), S((2, 4)), S(regular(2, 3, 3)), S((3,), error=RuntimeError, match="at least 2 dimensions")],
    "lu_unpack": [S(regular(3, 3), Arg(values=[3, 2, 3])), S((4, 2), Arg(values=[2, 4])), S(regular(2, 2), Arg(values=[1, 2]), unpack_data=False),
                  S((2, 3), Arg(values=[2, 2]), unpack_pivots=False)],
    "linalg_lu_solve": [S(regular(3, 3), Arg(values=[3, 2, 3]), (3, 2)), S(regular(3, 3), Arg(values=[2, 2, 3]), (3, 2), adjoint=True),
                        S(regular(3, 3), Arg(values=[3, 3, 3]), (2, 3), left=False), S(regular(3, 3), Arg(values=[2, 3, 3]), (2, 3), left=False, adjoint=True),
                        S(regular(3, 3), Arg(values=[3, 2, 3]), (2, 3, 2)), S(regular(3, 3), Arg(values=[3, 2, 3]), (2, 2), error=RuntimeError, match="Incompatible shapes"),
                        S(regular(3, 3), Arg(values=[2, 2]), (3, 2), error=RuntimeError, match="Number of pivots")],
    "linalg_vander": [S((4,)), S((2, 3), N=2), S((3,), N=5), S((), error=RuntimeError, match="at least 1 dimension"), S((3,), N=1, error=RuntimeError, match="greater than 1")],
    "cholesky_inverse": [S(regular(3, 3)), S(regular(2, 2, 2), upper=True), NOT_SQUARE],
    "qr": [S((3, 2)), S((2, 3)), S(regular(2, 2), some=False)],
    "svd": [S(regular(3, 2)), S(regular(2, 3)), S(regular(2, 2), some=False), S((3, 2), compute_uv=False)],
    "linalg_eigvals": [S(regular(3, 3)), S(ROTATING), S(regular(2, 2, 2)), NOT_SQUARE],
    "linalg_tensorinv": [S(regular(4, 4), ind=1), S(Arg((2, 3, 6))), S((2, 3, 4), ind=1, error=RuntimeError, match="requirement prod"),
                         S((2, 2), ind=0, error=RuntimeError, match="strictly positive")],
    "linalg_tensorsolve": [S((2, 3, 6), (2, 3)), S((2, 6, 3), (2, 3), dims=(1,)), S((2, 3, 4), (2, 3), error=RuntimeError, match="requirement prod")],
    "linalg_pinv": [S(regular(3, 2)), S(regular(2, 3), atol=0.1), S(regular(2, 3, 3), rtol=0.01), S(positive(3, 3), hermitian=True), S((0, 3)), S((3,), error=RuntimeError, match="pinv"),
                    S((2, 3), hermitian=True, error=RuntimeError, match="square matrices")],
    "pinverse": [S(regular(3, 2)), S(regular(2, 3), rcond=0.001), S((3,), error=RuntimeError, match="pinv")],
    "linalg_matrix_rank": [S(regular(3, 2)), S(Arg(values=[[1.0, 2.0], [2.0, 4.0]])), S((2, 3, 3), atol=0.5), S((2, 3, 3), rtol=0.3), S(regular(3, 3), atol=1.0, rtol=0.5),
                           S(positive(3, 3), hermitian=True), S((3, 0)), S((3,), error=RuntimeError, match="matrix_rank")],
    "matrix_power": [S(regular(3, 3), n=n) for n in (0, 1, 2, 5, -1, -3)] + [S((2, 2, 2), n=3), S((2, 3), n=2, error=RuntimeError, match="square matrices")],
    "linalg_matrix_power": [S(regular(2, 2, 2), n=3), S(regular(3, 3), n=-2), S(ints(2, 2), n=4), S((0, 2, 2), n=2), S((2, 3), n=0, error=RuntimeError, match="square matrices")],
    "linalg_vector_norm": [
        S((3, 4)), S((3, 4), ord=1, dim=0), S(distinct(3, 4), ord=INF, dim=-1, keepdim=True), S(distinct(2, 3, 4), ord=-INF, dim=(0, 2)), S((3, 4), ord=3.5, dim=1), S((3, 4), ord=0),
        S(span(0.5, 2.0, 3, 4), ord=-2, dim=0), S(()), S((0, 3), dim=0), S((2, 3), dtype="float64"), S((3,), dim=1, error=IndexError, match="out of range"),
        S((0,), ord=INF, error=RuntimeError, match="empty tensor"), S(ints(3), error=RuntimeError, match="floating point or complex")],
    "linalg_matrix_norm": [
        *(S(regular(3, 4), ord=order) for order in ("fro", "nuc", 2, -2, 1, -1, INF, -INF)), S(regular(3, 2, 3), ord="nuc", dim=(0, 2)), S((3, 2, 4), ord=1, dim=(0, -1), keepdim=True),
        S((3, 2, 4), ord=-INF, dim=(2, 0)), S(regular(2, 2, 3), ord=2, keepdim=True), S((2, 3), dtype="float64"), S((3,), error=RuntimeError, match="at least 2 dimensions"),
        S((2, 3), ord=3, error=RuntimeError, match="not supported"), S((2, 3), dim=(0, 0), error=RuntimeError, match="must be different"),
        S((2, 3), dim=(0,), error=RuntimeError, match="2-tuple")],
    "linalg_norm": [
        S((3, 4)), S((2, 3, 4)), S((3,), ord=3), S(regular(3, 3), ord=2), S(regular(3, 3), ord="nuc"), S((2, 3, 4), ord=1, dim=1), S((2, 3, 4), ord=INF, dim=(0, 1)), S((2, 3, 4), dim=(0, -1), keepdim=True),
        S((2, 3), ord="fro"), S((2, 3), dtype="float64"), S((2, 3, 4), ord=2, error=RuntimeError, match="must be 1D or 2D"),
        S((2, 3, 4), dim=(0, 1, 2), error=RuntimeError, match="length 1 or 2")],
    "linalg_cond": [*(S(regular(3, 3), p=p) for p in (None, 2, -2, "fro", "nuc", 1, -1, INF, -INF)), S(regular(2, 3, 2)), S(regular(2, 2, 2), p=1),
                    S((2, 3), p=1, error=RuntimeError, match="square matrices"), S((2, 2), p=7, error=RuntimeError, match="invalid norm type"), S((3,), error=RuntimeError, match="at least 2 dimensions")],
    "vdot": [S((3,), (3,)), S((3,), (4,), error=RuntimeError, match="vdot"), S((2, 3), (3,), error=RuntimeError, match="vdot")],
    "linalg_vecdot": [S((2, 3), (3,)), S((3, 2), (3, 1), dim=0), S((0, 3), (3,)), S((2, 3), (2, 4), error=RuntimeError, match="must match the size")],
    "inner": [S((3,), (3,)), S((2, 3), (4, 3)), S((), (2, 3)), S((2, 3), ()), S((2, 3), (2,), error=RuntimeError, match="the last dimension must match")],
    "cross": [S((2, 3), (2, 3)), S((3, 2), (3, 2)), S((2, 3), (2, 3), dim=1), S((2, 4), (2, 4), error=RuntimeError, match="no dimension of size 3")],
    "linalg_diagonal": [S((2, 3, 4)), S((3, 3), offset=1), S((2, 3, 4), dim1=0, dim2=1), S((3,), error=IndexError, match="out of range")],
    "addbmm": [S((2, 4), (5, 2, 3), (5, 3, 4)), S((4,), (5, 2, 3), (5, 3, 4), beta=0.5, alpha=2.0), S((3, 4), (5, 2, 3), (5, 3, 4), error=RuntimeError, match="must match")],
    "addr": [S((2, 3), (2,), (3,)), S((3,), (2,), (3,), beta=0.5, alpha=2.0), S((2, 3), (2,), (2,), error=RuntimeError, match="must match"),
             S((2, 3), (2, 2), (3,), error=RuntimeError, match="addr")],
    "linalg_multi_dot": [S([(2, 3), (3, 4)]), S([(2, 3), (3, 4), (4, 2)]), S([(3,), (3, 4), (4, 2)]), S([(2, 3), (3, 4), (4,)]), S([(3,), (3,)]), S([(5, 2), (2, 6), (6, 1), (1, 3)]),
                         S([(2, 3)], error=RuntimeError, match="at least 2 tensors"), S([(2, 3), (2, 3)], error=RuntimeError, match="cannot be multiplied"),
                         S([(2, 3), (3, 3, 3), (3,)], error=RuntimeError, match="must be 2D")],
    "chain_matmul": [S((2, 3), (3, 4), (4, 2)), S((2, 3)), S((2, 3), (2, 3), error=RuntimeError, match="cannot be multiplied")],
}
ELSEWHERE: dict[str, str] = {}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset(("linalg_matrix_rank",))
