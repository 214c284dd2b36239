"""Covariance and correlation of several variables."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, bool_, get_default_dtype
from ..op import composite


def _weights(F: Any, name: str, weights: Any, observations: int, integral: bool) -> Any:
    if weights is None:
        return None
    dtype = as_dtype(weights.dtype)
    if weights.ndim != 1 or weights.shape[0] != observations:
        raise RuntimeError(f"cov: expected {name} to have one weight for each of the {observations} observations, got the shape {tuple(weights.shape)}")
    if (dtype.is_floating_point or dtype.is_complex) is integral:
        raise RuntimeError(f"cov: expected {name} to be of {'an integral' if integral else 'a floating point'} dtype, got {dtype.name}")
    return weights


@composite("cov(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None) -> Tensor", out=False)
def cov(F: Any, input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of variables (rows) over observations (columns); of one row, its variance.

    Sums are divided by the number of observations minus ``correction``. ``fweights`` (integers) says how often each observation
    was made, ``aweights`` how much it counts. Raises ``RuntimeError`` for more than two dimensions or weights of other shapes.

    >>> import autograd_core as ag
    >>> ag.cov(ag.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov: expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions")
    dtype = as_dtype(input.dtype)
    if dtype is bool_:
        raise RuntimeError("cov: bool dtype is not supported for input. Convert it with .float()")
    if not (dtype.is_floating_point or dtype.is_complex):
        input = F.to_dtype(input, dtype=get_default_dtype())
    rows = F.reshape(input, shape=(1, -1)) if input.ndim < 2 else input
    observations = rows.shape[1]
    often = _weights(F, "fweights", fweights, observations, integral=True)
    much = _weights(F, "aweights", aweights, observations, integral=False)
    weights = often if much is None else much if often is None else often * much
    if weights is None:
        deviations = rows - F.mean(rows, dim=1, keepdim=True)
        product = F.matmul(deviations, F.conj(F.transpose(deviations, dim0=0, dim1=1)))
        freedom: Any = max(observations - correction, 0)
        result = product * (1 / freedom) if freedom else product / 0.0
    else:
        total = F.sum(weights)
        deviations = rows - F.sum(rows * weights, dim=1, keepdim=True) / total
        product = F.matmul(deviations, F.conj(F.transpose(deviations * weights, dim0=0, dim1=1)))
        lost = correction if much is None or not correction else correction * F.sum(weights * much) / total
        result = product / F.clamp_min(total - lost, 0)
    return F.reshape(result, shape=()) if result.shape == (1, 1) else result


@composite("corrcoef(input: Tensor) -> Tensor", out=False)
def corrcoef(F: Any, input: Any) -> Any:
    """The correlation coefficients of variables (rows) over observations (columns), between -1 and 1; of one row, 1.

    >>> import autograd_core as ag
    >>> ag.corrcoef(ag.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    if input.ndim > 2:
        raise RuntimeError(f"corrcoef: expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions")
    covariance = F.cov(input)
    if not covariance.ndim:
        return covariance / covariance
    spread = F.sqrt(F.real(F.diagonal(covariance)))
    return covariance / F.unsqueeze(spread, dim=1) / F.unsqueeze(spread, dim=0)
