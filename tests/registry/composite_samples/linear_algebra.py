"""Linear algebra and Fourier transforms: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample
from autograd_core.ops.matrices import positive, regular

NOT_SQUARE = S((2, 3), error=RuntimeError, match="square matrices, but they are 2 by 3")
ROTATING = Arg(values=[[1.0, -2.0, 0.3], [1.5, 0.8, 0.2], [0.1, -0.4, 3.0]])

SAMPLES: dict[str, list[Sample]] = {
    "inverse": [S(regular(3, 3)), S(regular(2, 2, 2)), NOT_SQUARE],
    "det": [S(regular(3, 3)), S(regular(2, 2, 2)), NOT_SQUARE],
    "slogdet": [S(regular(3, 3)), S(regular(2, 2, 2)), NOT_SQUARE],
    "logdet": [S(positive(3, 3)), S(positive(2, 2, 2)), NOT_SQUARE],
    "cholesky": [S(positive(3, 3)), S(positive(2, 2, 2), upper=True), NOT_SQUARE],
    "cholesky_solve": [S((3, 2), regular(3, 3)), S((2, 3, 1), regular(2, 3, 3), upper=True), S((2, 2), regular(3, 3), error=RuntimeError, match="Incompatible matrix sizes")],
    "cholesky_inverse": [S(regular(3, 3)), S(regular(2, 2, 2), upper=True), NOT_SQUARE],
    "qr": [S((3, 2)), S((2, 3)), S(regular(2, 2), some=False)],
    "svd": [S(regular(3, 2)), S(regular(2, 3)), S(regular(2, 2), some=False), S((3, 2), compute_uv=False)],
    "linalg_eigvals": [S(regular(3, 3)), S(ROTATING), S(regular(2, 2, 2)), NOT_SQUARE],
    "linalg_tensorinv": [S(regular(4, 4), ind=1), S(Arg((2, 3, 6))), S((2, 3, 4), ind=1, error=RuntimeError, match="requirement prod"),
                         S((2, 2), ind=0, error=RuntimeError, match="strictly positive")],
    "linalg_tensorsolve": [S((2, 3, 6), (2, 3)), S((2, 6, 3), (2, 3), dims=(1,)), S((2, 3, 4), (2, 3), error=RuntimeError, match="requirement prod")],
}
ELSEWHERE: dict[str, str] = {}
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset()
