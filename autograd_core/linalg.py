"""Linear algebra under the names of ``torch.linalg``. Everything works on batches: leading dimensions are kept or broadcast."""

from __future__ import annotations

from ._methods import linalg_cholesky as cholesky
from ._methods import linalg_cholesky_ex as cholesky_ex
from ._methods import linalg_cond as cond
from ._methods import linalg_cross as cross
from ._methods import linalg_det as det
from ._methods import linalg_diagonal as diagonal
from ._methods import linalg_eig as eig
from ._methods import linalg_eigh as eigh
from ._methods import linalg_eigvals as eigvals
from ._methods import linalg_eigvalsh as eigvalsh
from ._methods import linalg_householder_product as householder_product
from ._methods import linalg_inv as inv
from ._methods import linalg_inv_ex as inv_ex
from ._methods import linalg_ldl_factor as ldl_factor
from ._methods import linalg_ldl_factor_ex as ldl_factor_ex
from ._methods import linalg_ldl_solve as ldl_solve
from ._methods import linalg_lstsq as lstsq
from ._methods import linalg_lu as lu
from ._methods import linalg_lu_factor as lu_factor
from ._methods import linalg_lu_factor_ex as lu_factor_ex
from ._methods import linalg_lu_solve as lu_solve
from ._methods import linalg_matrix_norm as matrix_norm
from ._methods import linalg_matrix_power as matrix_power
from ._methods import linalg_matrix_rank as matrix_rank
from ._methods import linalg_multi_dot as multi_dot
from ._methods import linalg_norm as norm
from ._methods import linalg_pinv as pinv
from ._methods import linalg_qr as qr
from ._methods import linalg_slogdet as slogdet
from ._methods import linalg_solve as solve
from ._methods import linalg_solve_ex as solve_ex
from ._methods import linalg_solve_triangular as solve_triangular
from ._methods import linalg_svd as svd
from ._methods import linalg_svdvals as svdvals
from ._methods import linalg_tensorinv as tensorinv
from ._methods import linalg_tensorsolve as tensorsolve
from ._methods import linalg_vander as vander
from ._methods import linalg_vecdot as vecdot
from ._methods import linalg_vector_norm as vector_norm
from ._methods import matmul, matrix_exp
from .errors import LinAlgError

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "householder_product", "inv", "inv_ex",
    "ldl_factor", "ldl_factor_ex", "ldl_solve", "lstsq",
    "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm",
    "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]
