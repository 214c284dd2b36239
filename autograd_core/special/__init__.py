"""Special functions under the names of ``torch.special``."""

from __future__ import annotations

from .._methods import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    i0,
    log1p,
    logit,
    polygamma,
    round,
    sinc,
    xlog1py,
    xlogy,
)
from .._methods import special_entr as entr
from .._methods import special_erfcx as erfcx
from .._methods import special_expit as expit
from .._methods import special_gammaln as gammaln
from .._methods import special_i0e as i0e
from .._methods import special_i1 as i1
from .._methods import special_i1e as i1e
from .._methods import special_log_ndtr as log_ndtr
from .._methods import special_multigammaln as multigammaln
from .._methods import special_ndtr as ndtr
from .._methods import special_ndtri as ndtri
from .._methods import special_psi as psi
from .._methods import special_zeta as zeta

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "logit", "multigammaln", "ndtr",
    "ndtri", "polygamma", "psi", "round", "sinc", "xlog1py", "xlogy", "zeta",
]
